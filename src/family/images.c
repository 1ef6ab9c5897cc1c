/* Images for models that see none. See images.h. */
#include "family/images.h"

static status refuse(struct arena *arena, struct str param, struct chat_error *err)
{
    if (!param.p)
        return E_NOMEM;
    chat_error_field(err, arena, CHAT_ERROR_UNSUPPORTED, param.p,
                     "%s: this model does not take images", param.p);
    return E_SYNTAX;
}

/* --- translated requests --------------------------------------------------------------------- */

static bool has_image(const struct chat_part *parts)
{
    for (const struct chat_part *p = parts; p; p = p->next)
        if (p->kind == CHAT_IMAGE || has_image(p->content))
            return true;
    return false;
}

status images_check(struct arena *arena, const struct chat_request *request,
                    const struct family_model *model, struct chat_error *err)
{
    if (!(model->traits & MODEL_NO_IMAGES))
        return OK;
    for (const struct chat_message *m = request->messages; m; m = m->next)
        if (has_image(m->parts))
            return refuse(
                arena, arena_printf(arena, "messages[%zu].content", chat_message_place(request, m)),
                err);
    return OK;
}

/* --- lanes ----------------------------------------------------------------------------------- */

/* Where a wire has its messages, and in them parts, and how it calls an image. */
static const struct {
    enum chat_wire wire;
    const char *list, *type;
    const char *members[2];
} wires[] = {
    {WIRE_OPENAI_CHAT, "messages", "image_url", {"content", NULL}},
    {WIRE_OPENAI_RESPONSES, "input", "input_image", {"content", "output"}},
};

static bool holds(const struct jspan *parts, const char *type)
{
    for (const struct jspan *p = jspan_is(parts, JSPAN_ARRAY) ? jspan_first(parts) : NULL; p;
         p = p->next)
        if (jspan_says(jspan_get(p, "type"), type))
            return true;
    return false;
}

static status check_list(struct arena *arena, const struct jspan *body, size_t wire,
                         struct chat_error *err)
{
    const struct jspan *list = jspan_get(body, wires[wire].list);
    size_t place = 0;

    for (const struct jspan *m = jspan_is(list, JSPAN_ARRAY) ? jspan_first(list) : NULL; m;
         m = m->next, place++)
        for (size_t i = 0; i < 2 && wires[wire].members[i]; i++)
            if (holds(jspan_get(m, wires[wire].members[i]), wires[wire].type))
                return refuse(arena,
                              arena_printf(arena, "%s[%zu].%s", wires[wire].list, place,
                                           wires[wire].members[i]),
                              err);
    return OK;
}

status images_check_body(struct arena *arena, const struct jspan *body, enum chat_wire wire,
                         const struct family_model *model, struct chat_error *err)
{
    if (!(model->traits & MODEL_NO_IMAGES))
        return OK;
    for (size_t i = 0; i < sizeof wires / sizeof *wires; i++)
        if (wires[i].wire == wire)
            return check_list(arena, body, i, err);
    return OK;
}

/* The hub's names of fields become the caller's. */
#include "exchange/wording.h"

/* Does the field begin with this name? Then what stands behind it. */
static bool begins(struct str field, const char *name, struct str *rest)
{
    if (!str_starts(field, name))
        return false;
    *rest = str_slice(field, strlen(name), field.n);
    return !rest->n || rest->p[0] == '.' || rest->p[0] == '[';
}

static struct str rename_field(struct arena *arena, const struct dialect_word *words,
                               struct str field)
{
    struct str rest;

    for (const struct dialect_word *w = words; w && w->hub; w++) {
        if (!begins(field, w->hub, &rest))
            continue;
        if (rest.n && rest.p[0] == '[')
            rest = STR_NONE;
        return arena_printf(arena, "%s%.*s", w->caller, STR_ARG(rest));
    }
    return field;
}

/* Messages of the families begin with the field, where they name it. */
static void rename_in_error(struct arena *arena, const struct dialect_word *words,
                            struct chat_error *err)
{
    struct str field = rename_field(arena, words, err->param), rest = err->message;

    if (str_eq(field, err->param) || !field.p)
        return;
    if (err->message.n > err->param.n &&
        str_eq(str_slice(err->message, 0, err->param.n), err->param)) {
        rest = str_slice(err->message, err->param.n, err->message.n);
        rest = arena_printf(arena, "%.*s%.*s", STR_ARG(field), STR_ARG(rest));
    }
    if (!rest.p)
        return;
    err->param = field;
    err->message = rest;
}

void wording_apply(struct arena *arena, const struct dialect_word *words, struct dropped *dropped,
                   struct chat_error *err)
{
    struct dropped renamed = {.arena = dropped->arena};

    for (const struct dropped_item *i = dropped->first; i; i = i->next)
        dropped_add(&renamed, rename_field(arena, words, i->field));
    *dropped = renamed;
    if (err->param.n)
        rename_in_error(arena, words, err);
}

void wording_name_model(struct arena *arena, struct str model, struct chat_error *err)
{
    const char *name = arena_cstr(arena, model);

    if (err->kind != CHAT_ERROR_UNSUPPORTED || !name ||
        str_find(err->message, name) < err->message.n)
        return;
    struct str text =
        arena_printf(arena, "%.*s (model '%.*s')", STR_ARG(err->message), STR_ARG(model));
    if (text.p)
        err->message = text;
}

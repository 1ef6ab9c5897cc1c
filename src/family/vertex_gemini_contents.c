/*
 * Messages as Gemini's contents: two roles that alternate, tool results by name and in the order of
 * their calls (there are no ids), system texts in a place of their own.
 */
#include "family/vertex_gemini.h"

struct writer {
    struct arena *arena;
    const struct family_model *model;
    const struct chat_request *request;
    struct jwrite *w;
    struct chat_error *err;
    status failed;
};

/* --- the list to write: copies, since the request may be encoded again for another target ---- */

static bool is_worth_sending(const struct chat_part *p)
{
    switch (p->kind) {
    case CHAT_TEXT:
        return p->text.n || p->signature.n;
    case CHAT_THINKING: /* signatures hold the thoughts; those of other models mean nothing here */
    case CHAT_REDACTED_THINKING:
        return false;
    default:
        return true;
    }
}

static status copy_parts(struct arena *arena, const struct chat_part *from, struct chat_part **to)
{
    for (; from; from = from->next) {
        if (!is_worth_sending(from))
            continue;
        struct chat_part *p = ARENA_NEW(arena, struct chat_part);
        if (!p)
            return E_NOMEM;
        *p = *from;
        p->next = NULL;
        *to = p;
        to = &p->next;
    }
    return OK;
}

static status copy_turns(struct arena *arena, const struct chat_message *from,
                         struct chat_message **to)
{
    for (; from; from = from->next) {
        if (from->role <= CHAT_DEVELOPER)
            continue;
        struct chat_message *m = ARENA_NEW(arena, struct chat_message);
        if (!m)
            return E_NOMEM;
        m->role = from->role;
        status s = copy_parts(arena, from->parts, &m->parts);
        if (s)
            return s;
        if (!m->parts)
            continue;
        *to = m;
        to = &m->next;
    }
    return OK;
}

/* --- parts ----------------------------------------------------------------------------------- */

static void unsupported(struct writer *g, const char *what)
{
    g->failed = E_SYNTAX;
    chat_error_field(g->err, g->arena, CHAT_ERROR_UNSUPPORTED, "messages",
                     "This model's API does not take %s.", what);
}

static void write_text(struct jwrite *w, struct str text, struct str signature)
{
    jwrite_object(w);
    jwrite_member_str(w, "text", text);
    jwrite_maybe_str(w, "thoughtSignature", signature);
    jwrite_end(w);
}

static void write_inline(struct writer *g, const struct chat_part *p, const char *otherwise)
{
    jwrite_object(g->w);
    jwrite_member_object(g->w, "inlineData");
    jwrite_member_str(g->w, "mimeType", p->media_type.n ? p->media_type : str_from(otherwise));
    jwrite_member_str(g->w, "data", p->data);
    jwrite_end(g->w);
    jwrite_end(g->w);
}

/* An address needs its type beside it; the ending tells where the caller did not. */
static struct str type_of_url(struct str url)
{
    static const struct {
        const char *ending, *type;
    } types[] = {{".png", "image/png"},   {".jpg", "image/jpeg"}, {".jpeg", "image/jpeg"},
                 {".webp", "image/webp"}, {".gif", "image/gif"},  {".pdf", "application/pdf"},
                 {".mp3", "audio/mpeg"},  {".wav", "audio/wav"}};

    url = str_cut(&url, '?');
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (str_ends(url, types[i].ending))
            return str_from(types[i].type);
    return STR_NONE;
}

static void write_file(struct writer *g, const struct chat_part *p)
{
    struct str type = p->media_type.n ? p->media_type : type_of_url(p->url);

    jwrite_object(g->w);
    jwrite_member_object(g->w, "fileData");
    jwrite_member_str(g->w, "mimeType",
                      type.n                  ? type
                      : p->kind == CHAT_IMAGE ? STR("image/jpeg")
                                              : STR("application/pdf"));
    jwrite_member_str(g->w, "fileUri", p->url);
    jwrite_end(g->w);
    jwrite_end(g->w);
}

static void write_media(struct writer *g, const struct chat_part *p)
{
    static const char *const otherwise[] = {[CHAT_TEXT] = "text/plain",
                                            [CHAT_IMAGE] = "image/png",
                                            [CHAT_DOCUMENT] = "application/pdf",
                                            [CHAT_AUDIO] = "audio/wav"};

    if (p->kind == CHAT_DOCUMENT && p->text.n)
        write_text(g->w, p->text, STR_NONE);
    else if (p->data.n)
        write_inline(g, p, otherwise[p->kind]);
    else if (p->url.n)
        write_file(g, p);
    else
        unsupported(g, "a part without content");
}

/* --- calls and results ----------------------------------------------------------------------- */

static void write_arguments(struct writer *g, struct str arguments)
{
    struct jspan *root;

    if (!str_trim(arguments).n) {
        jwrite_raw(g->w, STR("{}"));
    } else if (jspan_parse(g->arena, arguments, &root, NULL) == OK &&
               jspan_is(root, JSPAN_OBJECT)) {
        jwrite_raw(g->w, arguments);
    } else { /* an empty object would hide that the call was broken */
        jwrite_object(g->w);
        jwrite_member_str(g->w, "raw_arguments", arguments);
        jwrite_end(g->w);
    }
}

static void write_call(struct writer *g, const struct chat_part *p, bool first)
{
    struct str signature = p->signature;

    /* Checked on the first call of each step alone. */
    if (!signature.n && first && g->model->traits & MODEL_SIGNED_CALLS)
        signature = STR(GEMINI_NO_SIGNATURE);
    jwrite_object(g->w);
    jwrite_member_object(g->w, "functionCall");
    jwrite_member_str(g->w, "name", p->name);
    jwrite_key(g->w, "args");
    write_arguments(g, p->arguments);
    jwrite_end(g->w);
    jwrite_maybe_str(g->w, "thoughtSignature", signature);
    jwrite_end(g->w);
}

static struct str result_name(const struct writer *g, const struct chat_part *result)
{
    struct str name = result->name;

    if (!name.n)
        name = chat_call_name(g->request->messages, result->id);
    return name.n ? name : STR("unknown_tool");
}

static void write_result(struct writer *g, const struct chat_part *result)
{
    struct str text = chat_parts_text(g->arena, result->content, "\n");

    jwrite_object(g->w);
    jwrite_member_object(g->w, "functionResponse");
    jwrite_member_str(g->w, "name", result_name(g, result));
    jwrite_member_object(g->w, "response");
    jwrite_member_str(g->w, result->error ? "error" : "output", text);
    jwrite_end(g->w);
    jwrite_end(g->w);
    jwrite_end(g->w);
}

static void write_result_media(struct writer *g, const struct chat_part *result)
{
    for (const struct chat_part *p = result->content; p; p = p->next)
        if (p->kind == CHAT_IMAGE || p->kind == CHAT_DOCUMENT || p->kind == CHAT_AUDIO)
            write_media(g, p);
}

static const struct chat_part *find_result(const struct chat_part *parts, struct str id)
{
    for (; parts; parts = parts->next)
        if (parts->kind == CHAT_TOOL_RESULT && str_eq(parts->id, id))
            return parts;
    return NULL;
}

static bool has_call(const struct chat_part *calls, struct str id)
{
    for (; calls; calls = calls->next)
        if (calls->kind == CHAT_TOOL_CALL && str_eq(calls->id, id))
            return true;
    return false;
}

/* Without ids, two calls of one tool are told apart by their order alone. */
static void write_results(struct writer *g, const struct chat_part *calls,
                          const struct chat_part *parts)
{
    for (const struct chat_part *c = calls; c; c = c->next) {
        const struct chat_part *result =
            c->kind == CHAT_TOOL_CALL ? find_result(parts, c->id) : NULL;
        if (result)
            write_result(g, result);
    }
    for (const struct chat_part *p = parts; p; p = p->next)
        if (p->kind == CHAT_TOOL_RESULT && !has_call(calls, p->id))
            write_result(g, p);
    for (const struct chat_part *p = parts; p; p = p->next)
        if (p->kind == CHAT_TOOL_RESULT)
            write_result_media(g, p);
}

/* --- contents -------------------------------------------------------------------------------- */

static void write_parts(struct writer *g, const struct chat_part *parts)
{
    bool first_call = true;

    for (const struct chat_part *p = parts; p && !g->failed; p = p->next) {
        switch (p->kind) {
        case CHAT_TEXT:
        case CHAT_REFUSAL:
            write_text(g->w, p->text, p->signature);
            break;
        case CHAT_TOOL_CALL:
            write_call(g, p, first_call);
            first_call = false;
            break;
        case CHAT_IMAGE:
        case CHAT_DOCUMENT:
        case CHAT_AUDIO:
            write_media(g, p);
            break;
        default: /* results are written already, thinking is not sent */
            break;
        }
    }
}

static void write_turn(struct writer *g, const struct chat_message *m,
                       const struct chat_message *before)
{
    jwrite_object(g->w);
    jwrite_member_cstr(g->w, "role", m->role == CHAT_ASSISTANT ? "model" : "user");
    jwrite_member_array(g->w, "parts");
    if (m->role == CHAT_USER)
        write_results(g, before ? before->parts : NULL, m->parts);
    write_parts(g, m->parts);
    jwrite_end(g->w);
    jwrite_end(g->w);
}

/* Contents begin with the user; an empty turn is refused, so it says the least it can. */
static void write_opening_turn(struct jwrite *w)
{
    jwrite_raw(w, STR("{\"role\":\"user\",\"parts\":[{\"text\":\".\"}]}"));
}

static void write_system(struct writer *g, const struct chat_message *messages)
{
    bool any = false;

    for (const struct chat_message *m = messages; m; m = m->next) {
        if (m->role > CHAT_DEVELOPER)
            continue;
        for (const struct chat_part *p = m->parts; p; p = p->next) {
            if (p->kind != CHAT_TEXT || !p->text.n)
                continue;
            if (!any) {
                jwrite_member_object(g->w, "systemInstruction");
                jwrite_member_array(g->w, "parts");
            }
            any = true;
            write_text(g->w, p->text, STR_NONE);
        }
    }
    if (any) {
        jwrite_end(g->w);
        jwrite_end(g->w);
    }
}

status gemini_write_contents(struct arena *arena, const struct chat_request *request,
                             const struct family_model *model, struct jwrite *w,
                             struct chat_error *err)
{
    struct writer g = {.arena = arena, .model = model, .request = request, .w = w, .err = err};
    struct chat_message *told = request->messages, *turns = NULL;
    status s = OK;

    if (!model->lift_system)
        s = chat_tell_late_system(arena, request->messages, &told);
    if (!s)
        s = copy_turns(arena, told, &turns);
    if (s)
        return s;
    chat_merge_roles(turns);
    jwrite_member_array(w, "contents");
    if (!turns || turns->role != CHAT_USER)
        write_opening_turn(w);
    const struct chat_message *before = NULL;
    for (const struct chat_message *m = turns; m && !g.failed; before = m, m = m->next)
        write_turn(&g, m, before);
    jwrite_end(w);
    write_system(&g, told);
    return g.failed;
}

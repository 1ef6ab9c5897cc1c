/*
 * Gemini: contents, that is turns, and the calls and responses in them.
 *
 * Calls need no ids in this API: responses are matched to them by name and order. Everywhere else
 * they do, so calls without one get "call_N", and so do their responses.
 *
 * SDKs that record a stream replay it piece by piece, each a content of its own. The pieces of the
 * model are put together again, since other APIs set blocks apart where Google runs them on.
 */
#include "dialect/gemini_generate.h"

/* --- calls that wait for their response ---------------------------------------------------------- */

struct waiting {
    struct str id;
    struct waiting *next;
};

struct tool_queue {
    struct str name;
    struct waiting *first, **end;
    struct tool_queue *next; /* in the same bucket */
};

struct reading {
    struct decode *d;
    struct tool_queue **queues; /* DECODE_CALL_BUCKETS of them; NULL until there is a call */
    unsigned made;              /* ids so far */
    struct chat_message *open;  /* the message that pieces are added to */
    struct chat_part **end;     /* of its parts */
    struct gemini_text text;    /* of the last part, while it may go on */
    struct chat_part *going_on;
    bool thoughts_shown; /* signed thinking stands in the open message by itself */
    bool thoughts_kept;  /* or was taken out of a call */
};

static struct tool_queue *find_queue(struct reading *r, struct str name)
{
    struct decode *d = r->d;

    if (!r->queues)
        r->queues = ARENA_ARRAY(d->arena, struct tool_queue *, DECODE_CALL_BUCKETS);
    if (!r->queues)
        return NULL;
    struct tool_queue **at = &r->queues[decode_bucket(d, name)];
    while (*at && !str_eq((*at)->name, name))
        at = &(*at)->next;
    if (!*at) {
        *at = ARENA_NEW(d->arena, struct tool_queue);
        if (!*at)
            return NULL;
        (*at)->name = name;
        (*at)->end = &(*at)->first;
    }
    return *at;
}

static status make_id(struct reading *r, struct str *id)
{
    if (id->n)
        return OK;
    *id = arena_printf(r->d->arena, "call_%u", ++r->made);
    return id->p ? OK : E_NOMEM;
}

static status expect_response(struct reading *r, const struct chat_part *call)
{
    struct tool_queue *q = find_queue(r, call->name);
    struct waiting *w = ARENA_NEW(r->d->arena, struct waiting);

    if (!q || !w)
        return E_NOMEM;
    w->id = call->id;
    *q->end = w;
    q->end = &w->next;
    return decode_note_call(r->d, call);
}

/* The id of the call that a response belongs to: its own if a call has it, else that of the oldest
   call of this name. */
static status match_call(struct reading *r, struct chat_part *result)
{
    struct tool_queue *q = find_queue(r, result->name);
    bool known = result->id.n && decode_call_name(r->d, result->id).p;

    if (!q)
        return E_NOMEM;
    if (!q->first || (known && !str_eq(q->first->id, result->id)))
        return make_id(r, &result->id);
    result->id = q->first->id;
    q->first = q->first->next;
    if (!q->first)
        q->end = &q->first;
    return OK;
}

/* --- calls --------------------------------------------------------------------------------------- */

/* Thinking that a call has brought back leads the message, unless the message holds some already:
   then it stood between two calls. */
static status add_thoughts(struct reading *r, struct str list)
{
    struct chat_part *thoughts = NULL, **end = &thoughts;
    status s = gemini_thoughts_read(r->d, list, &end);

    if (s || !thoughts)
        return s;
    if (r->thoughts_kept) {
        *r->end = thoughts;
        r->end = end;
    } else {
        if (!r->open->parts)
            r->end = end;
        *end = r->open->parts;
        r->open->parts = thoughts;
    }
    r->thoughts_kept = true;
    return OK;
}

static status read_signature(struct reading *r, const struct jspan *part, struct str *signature)
{
    const struct jspan *value = gemini_get(part, "thoughtSignature");
    struct str shown = STR_NONE;
    enum gemini_kept kind;
    status s = jspan_none(value) ? OK : decode_text(r->d, value, &shown);

    if (s)
        return s;
    struct str kept = gemini_unpack(r->d->arena, shown, &kind);
    if (kind == GEMINI_SIGNATURE)
        *signature = kept;
    return kind == GEMINI_THOUGHTS && !r->thoughts_shown ? add_thoughts(r, kept) : OK;
}

static status read_call(struct reading *r, const struct jspan *part, const struct jspan *call)
{
    const struct jspan *args = gemini_get(call, "args");
    struct str signature = STR_NONE;
    status s = read_signature(r, part, &signature);

    if (s)
        return s;
    struct chat_part *p = chat_add_part(r->d->arena, &r->end, CHAT_TOOL_CALL);
    if (!p)
        return E_NOMEM;
    p->signature = signature;
    if (!jspan_is(call, JSPAN_OBJECT))
        return decode_wrong_type(r->d, call, "an object");
    if (!jspan_none(args) && !jspan_is(args, JSPAN_OBJECT))
        return decode_wrong_type(r->d, args, "an object");
    p->arguments = jspan_none(args) ? STR("{}") : jspan_text(r->d->arena, args);
    s = decode_need_str(r->d, call, "name", &p->name);
    if (!s)
        s = decode_str(r->d, call, "id", &p->id);
    if (!s)
        s = make_id(r, &p->id);
    return s ? s : expect_response(r, p);
}

/* --- responses ----------------------------------------------------------------------------------- */

/* A text under one of the usual names is the result; anything else is told as JSON. */
static status read_output(struct decode *d, const struct jspan *response, struct chat_part *result,
                          struct chat_part ***at)
{
    static const char *const names[] = {"output", "error", "result", "content"};
    const struct jspan *only = jspan_count(response) == 1 ? jspan_first(response) : NULL;
    struct str text = jspan_text(d->arena, response);

    if (!jspan_is(response, JSPAN_OBJECT))
        return decode_wrong_type(d, response, "an object");
    for (size_t i = 0; only && i < sizeof names / sizeof *names; i++)
        if (jspan_is(only, JSPAN_STRING) && only == jspan_get(response, names[i]))
            text = jspan_str(d->arena, only);
    result->error = !jspan_none(jspan_get(response, "error"));
    if (!text.p)
        return E_NOMEM;
    return decode_add_text(d, at, text) ? OK : E_NOMEM;
}

/* Images and files that belong to a response (Gemini 3). */
static status read_media(struct decode *d, const struct jspan *list, struct chat_part ***at)
{
    status s = OK;

    for (const struct jspan *n = gemini_first(list); n && !s; n = gemini_next(list, n))
        s = gemini_decode_part(d, n, at);
    return s;
}

static status read_response(struct reading *r, const struct jspan *value)
{
    static const char *const known[] = {"name", "id", "response", "parts", NULL};
    const struct jspan *response = gemini_get(value, "response");
    struct chat_part *p = chat_add_part(r->d->arena, &r->end, CHAT_TOOL_RESULT), **at;

    if (!p)
        return E_NOMEM;
    if (!jspan_is(value, JSPAN_OBJECT))
        return decode_wrong_type(r->d, value, "an object");
    decode_undeclared(r->d, value, "functionResponse", known);
    status s = decode_need_str(r->d, value, "name", &p->name);
    if (!s)
        s = decode_str(r->d, value, "id", &p->id);
    if (!s)
        s = match_call(r, p);
    at = &p->content;
    if (!s && !jspan_none(response))
        s = read_output(r->d, response, p, &at);
    return s ? s : read_media(r->d, gemini_get(value, "parts"), &at);
}

/* --- pieces of one text -------------------------------------------------------------------------- */

static bool goes_on(const struct chat_part *p, const struct chat_part *behind)
{
    return p && p->kind == behind->kind && !p->signature.n &&
           (p->kind == CHAT_THINKING || (p->kind == CHAT_TEXT && !behind->signature.n));
}

/* A new piece of the model: a part of its own, or more of the last one. A signature ends it. */
static status join(struct reading *r, struct chat_part *piece)
{
    status s = OK;

    if (!goes_on(r->going_on, piece)) {
        *r->end = piece;
        r->end = &piece->next;
        r->going_on = piece;
        r->text = (struct gemini_text){NULL, 0, 0};
        return OK;
    }
    if (!r->text.n)
        s = gemini_text_add(r->d->arena, &r->text, r->going_on->text);
    if (!s)
        s = gemini_text_add(r->d->arena, &r->text, piece->text);
    r->going_on->text = gemini_text_str(&r->text);
    r->going_on->signature = piece->signature;
    return s;
}

static status read_plain(struct reading *r, const struct jspan *part)
{
    struct chat_part *pieces = NULL, **end = &pieces;
    bool model = r->open->role == CHAT_ASSISTANT;
    status s = gemini_decode_part(r->d, part, &end);

    for (struct chat_part *p = pieces, *next; p && !s; p = next) {
        next = p->next;
        if (!model)
            r->going_on = NULL; /* what users put apart stays apart */
        r->thoughts_shown |=
            p->kind == CHAT_REDACTED_THINKING || (p->kind == CHAT_THINKING && p->signature.n > 0);
        s = join(r, p);
    }
    return s;
}

/* --- contents ------------------------------------------------------------------------------------ */

static status read_part(struct reading *r, const struct jspan *part)
{
    const struct jspan *call = gemini_get(part, "functionCall");
    const struct jspan *response = gemini_get(part, "functionResponse");
    bool model = r->open->role == CHAT_ASSISTANT;

    if (!jspan_is(part, JSPAN_OBJECT))
        return decode_wrong_type(r->d, part, "an object");
    if (!jspan_none(gemini_get(part, "videoMetadata")))
        decode_drop(r->d, "parts", STR("videoMetadata"));
    if (jspan_none(call) && jspan_none(response))
        return read_plain(r, part);
    r->going_on = NULL;
    if (model != !jspan_none(call))
        return decode_invalid(r->d, part, NULL, "calls are the model's, responses the user's");
    return model ? read_call(r, part, call) : read_response(r, response);
}

static bool has_response(const struct jspan *parts)
{
    for (const struct jspan *n = gemini_first(parts); n; n = gemini_next(parts, n))
        if (!jspan_none(gemini_get(n, "functionResponse")))
            return true;
    return false;
}

/* Without a role it is the user's; "function" is what responses were marked with at first. */
static status role_of(struct decode *d, const struct jspan *content, enum chat_role *role)
{
    const struct jspan *value = gemini_get(content, "role");

    *role = CHAT_USER;
    if (jspan_none(value) || jspan_says(value, "user") || jspan_says(value, "function") ||
        jspan_says(value, ""))
        return OK;
    if (jspan_says(value, "model"))
        *role = has_response(gemini_get(content, "parts")) ? CHAT_USER : CHAT_ASSISTANT;
    else if (jspan_says(value, "system"))
        *role = CHAT_SYSTEM;
    else
        return decode_invalid(d, value, NULL, "expected user or model");
    return OK;
}

static status open_message(struct reading *r, enum chat_role role, struct chat_message ***end)
{
    if (r->open && role == CHAT_ASSISTANT && r->open->role == role)
        return OK; /* one more piece of it */
    r->open = chat_add_message(r->d->arena, end, role);
    if (!r->open)
        return E_NOMEM;
    r->end = &r->open->parts;
    r->going_on = NULL;
    r->thoughts_shown = r->thoughts_kept = false;
    return OK;
}

static status read_content(struct reading *r, const struct jspan *content,
                           struct chat_message ***end)
{
    const struct jspan *parts = gemini_get(content, "parts");
    enum chat_role role;

    if (!jspan_is(content, JSPAN_OBJECT))
        return decode_wrong_type(r->d, content, "an object");
    status s = role_of(r->d, content, &role);
    if (!s)
        s = open_message(r, role, end);
    for (const struct jspan *n = gemini_first(parts); n && !s; n = gemini_next(parts, n))
        s = read_part(r, n);
    return s;
}

/* A turn that said nothing (a stream that was cut at once, replayed). */
static void drop_empty(struct chat_message **at)
{
    while (*at) {
        if ((*at)->parts)
            at = &(*at)->next;
        else
            *at = (*at)->next;
    }
}

status gemini_decode_contents(struct decode *d, const struct jspan *value)
{
    struct reading r = {.d = d};
    struct chat_message **end = &d->out->messages, **first;
    status s = OK;

    if (!jspan_is(value, JSPAN_ARRAY) && !jspan_is(value, JSPAN_OBJECT))
        return decode_wrong_type(d, value, "an array");
    while (*end)
        end = &(*end)->next;
    first = end;
    for (const struct jspan *n = gemini_first(value); n && !s; n = gemini_next(value, n))
        s = read_content(&r, n, &end);
    if (s)
        return s;
    drop_empty(first);
    if (*first || d->err->kind != CHAT_ERROR_NONE) /* what it held may have been unsupported */
        return OK;
    return decode_invalid(d, value, NULL, "must hold at least one part");
}

/* A content, one part of it, or just its text. */
static status read_system(struct decode *d, const struct jspan *value, struct chat_part ***at)
{
    const struct jspan *parts = gemini_get(value, "parts");
    status s = OK;

    if (jspan_is(value, JSPAN_STRING))
        return decode_add_text(d, at, jspan_str(d->arena, value)) ? OK : E_NOMEM;
    if (!jspan_is(value, JSPAN_OBJECT))
        return decode_wrong_type(d, value, "an object or a string");
    if (jspan_none(parts))
        parts = value;
    for (const struct jspan *n = gemini_first(parts); n && !s; n = gemini_next(parts, n))
        s = gemini_decode_part(d, n, at);
    return s;
}

status gemini_decode_system(struct decode *d, const struct jspan *value)
{
    struct chat_message **end = &d->out->messages;
    struct chat_message *m = chat_add_message(d->arena, &end, CHAT_SYSTEM);
    struct chat_part **at = m ? &m->parts : NULL;
    status s = m ? read_system(d, value, &at) : E_NOMEM;

    if (!s)
        drop_empty(&d->out->messages);
    return s;
}

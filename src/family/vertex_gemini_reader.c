/*
 * Gemini's answers to events. A part is a piece of text or of thinking, or a whole call; neighbours
 * of one kind make one block. Usage is cumulative: the last one counts.
 */
#include "family/vertex_gemini.h"

#include "family/upstream_error.h"
#include "family/vertex_gemini_grounding.h"

enum { MAX_CANDIDATES = 128 };

struct candidate {
    unsigned index, blocks;
    bool open, called, finished;
    enum chat_block block; /* the open one */
    enum chat_stop stop;
    struct gemini_grounding grounding;
    struct candidate *next;
};

struct gemini_reader {
    struct family_reader base;
    bool started, stopped, failed;
    struct candidate *candidates;
    enum chat_stop absent; /* why a candidate that never came ended */
};

struct family_reader *gemini_reader_new(struct arena *arena, const struct family_call *call,
                                        struct chat_sink *sink)
{
    struct gemini_reader *r = ARENA_NEW(arena, struct gemini_reader);

    if (!r)
        return NULL;
    r->base = (struct family_reader){arena, sink, call};
    return &r->base;
}

/* --- blocks ---------------------------------------------------------------------------------- */

static status push(struct gemini_reader *r, struct candidate *c, enum chat_event_kind kind,
                   struct chat_event e)
{
    e.kind = kind;
    e.choice = c->index;
    e.index = c->blocks - 1;
    e.block = c->block;
    return chat_push(r->base.sink, &e);
}

static status close_block(struct gemini_reader *r, struct candidate *c)
{
    struct chat_event of = {.choice = c->index, .index = c->blocks - 1, .block = c->block};
    status s = OK;

    if (!c->open)
        return OK;
    c->open = false;
    if (c->block == CHAT_BLOCK_TEXT)
        s = gemini_grounding_tell(&c->grounding, r->base.arena, r->base.sink, of);
    return s ? s : push(r, c, CHAT_EVENT_CLOSE, (struct chat_event){0});
}

static status open_block(struct gemini_reader *r, struct candidate *c, enum chat_block block,
                         struct chat_event e)
{
    status s = close_block(r, c);
    if (s)
        return s;
    c->open = true;
    c->block = block;
    c->blocks++;
    gemini_grounding_open(&c->grounding);
    return push(r, c, CHAT_EVENT_OPEN, e);
}

static status read_thought(struct gemini_reader *r, struct arena *scratch, struct candidate *c,
                           struct str text, struct str signature)
{
    status s = OK;

    if (!c->open || c->block != CHAT_BLOCK_THINKING)
        s = open_block(r, c, CHAT_BLOCK_THINKING, (struct chat_event){0});
    if (!s && text.n)
        s = push(r, c, CHAT_EVENT_DELTA, (struct chat_event){.text = text});
    if (s || !signature.n)
        return s;
    signature = arena_printf(scratch, CHAT_GOOGLE_SIGNATURE "%.*s", STR_ARG(signature));
    if (!signature.p)
        return E_NOMEM;
    s = push(r, c, CHAT_EVENT_DELTA, (struct chat_event){.signature = signature});
    return s ? s : close_block(r, c);
}

/* A signature belongs to the text it comes with, so that text is a block of its own. One that comes
   with no text, at the very end, is optional on replay and has no block to stand on. */
static status read_text(struct gemini_reader *r, struct candidate *c, struct str text,
                        struct str signature)
{
    status s = OK;

    if (!text.n)
        return OK;
    if (!c->open || c->block != CHAT_BLOCK_TEXT || signature.n)
        s = open_block(r, c, CHAT_BLOCK_TEXT, (struct chat_event){.signature = signature});
    gemini_grounding_say(&c->grounding, text);
    return s ? s : push(r, c, CHAT_EVENT_DELTA, (struct chat_event){.text = text});
}

/* Some models put a prefix before the name ("default_api:read"). */
static struct str plain_name(struct str name)
{
    struct str rest = name;

    str_cut(&rest, ':');
    return rest.n ? rest : name;
}

static status read_call(struct gemini_reader *r, struct arena *scratch, struct candidate *c,
                        const struct jspan *call, struct str signature)
{
    const struct jspan *args = jspan_get(call, "args");
    struct chat_event e = {.signature = signature};

    e.id = jspan_str(scratch, jspan_get(call, "id"));
    e.name = plain_name(jspan_str(scratch, jspan_get(call, "name")));
    if (!e.name.n)
        return E_SYNTAX;
    c->called = true;
    status s = open_block(r, c, CHAT_BLOCK_TOOL, e);
    if (s)
        return s;
    struct chat_event piece = {.text = jspan_none(args) ? STR("{}") : jspan_text(scratch, args)};
    s = push(r, c, CHAT_EVENT_DELTA, piece);
    return s ? s : close_block(r, c);
}

static status read_part(struct gemini_reader *r, struct arena *scratch, struct candidate *c,
                        const struct jspan *part)
{
    const struct jspan *call = jspan_get(part, "functionCall");
    const struct jspan *text = jspan_get(part, "text");
    struct str signature = jspan_str(scratch, jspan_get(part, "thoughtSignature"));

    if (jspan_is(call, JSPAN_OBJECT))
        return read_call(r, scratch, c, call, signature);
    if (!jspan_is(text, JSPAN_STRING))
        return OK; /* images and the like: the hub's answers have none */
    if (jspan_true(jspan_get(part, "thought")))
        return read_thought(r, scratch, c, jspan_str(scratch, text), signature);
    return read_text(r, c, jspan_str(scratch, text), signature);
}

/* --- candidates ------------------------------------------------------------------------------ */

static status find_candidate(struct gemini_reader *r, int64_t index, struct candidate **out)
{
    struct candidate **at = &r->candidates;

    if (index < 0 || index >= MAX_CANDIDATES)
        return E_SYNTAX;
    while (*at && (*at)->index < (unsigned)index)
        at = &(*at)->next;
    if (!*at || (*at)->index != (unsigned)index) {
        struct candidate *c = ARENA_NEW(r->base.arena, struct candidate);
        if (!c)
            return E_NOMEM;
        c->index = (unsigned)index;
        c->next = *at;
        *at = c;
    }
    *out = *at;
    return OK;
}

static const struct {
    const char *reason;
    enum chat_stop stop;
} stops[] = {
    {"STOP", CHAT_STOP_END},
    {"MAX_TOKENS", CHAT_STOP_LENGTH},
    {"SAFETY", CHAT_STOP_FILTER},
    {"RECITATION", CHAT_STOP_FILTER},
    {"BLOCKLIST", CHAT_STOP_FILTER},
    {"PROHIBITED_CONTENT", CHAT_STOP_FILTER},
    {"SPII", CHAT_STOP_FILTER},
    {"IMAGE_SAFETY", CHAT_STOP_FILTER},
    {"MODEL_ARMOR", CHAT_STOP_FILTER},
    {"MALFORMED_FUNCTION_CALL", CHAT_STOP_MALFORMED_CALL},
    {"UNEXPECTED_TOOL_CALL", CHAT_STOP_MALFORMED_CALL},
};

/* A call ends with STOP like everything else. */
static enum chat_stop stop_of(const struct candidate *c, const struct jspan *reason)
{
    enum chat_stop stop = CHAT_STOP_END;

    for (size_t i = 0; i < sizeof stops / sizeof *stops; i++)
        if (jspan_says(reason, stops[i].reason))
            stop = stops[i].stop;
    return c->called && stop == CHAT_STOP_END ? CHAT_STOP_TOOL : stop;
}

static status read_candidate(struct gemini_reader *r, struct arena *scratch,
                             const struct jspan *candidate)
{
    struct candidate *c;
    const struct jspan *parts = jspan_get(jspan_get(candidate, "content"), "parts");
    const struct jspan *reason = jspan_get(candidate, "finishReason");

    status s = find_candidate(r, jspan_int(jspan_get(candidate, "index"), 0), &c);
    if (s)
        return s;
    if (!r->base.call->lane)
        s = gemini_grounding_keep(&c->grounding, r->base.arena, scratch, candidate);
    if (s)
        return s;
    if (jspan_is(parts, JSPAN_OBJECT))
        s = read_part(r, scratch, c, parts);
    else
        for (const struct jspan *p = jspan_first(parts); p && !s; p = p->next)
            s = read_part(r, scratch, c, p);
    if (!s && jspan_is(reason, JSPAN_STRING) && !jspan_says(reason, "FINISH_REASON_UNSPECIFIED")) {
        c->finished = true;
        c->stop = stop_of(c, reason);
    }
    return s;
}

/* No candidates at all: the prompt was refused. */
static status read_block(struct gemini_reader *r, const struct jspan *chunk)
{
    struct candidate *c;

    if (!jspan_is(jspan_get(jspan_get(chunk, "promptFeedback"), "blockReason"), JSPAN_STRING))
        return OK;
    status s = find_candidate(r, 0, &c);
    if (s)
        return s;
    c->finished = true;
    c->stop = r->absent = CHAT_STOP_FILTER;
    return OK;
}

/* --- usage ----------------------------------------------------------------------------------- */

static int64_t audio_tokens(const struct jspan *details)
{
    int64_t sum = 0;

    for (const struct jspan *d = jspan_first(details); d; d = d->next)
        if (jspan_says(jspan_get(d, "modality"), "AUDIO"))
            sum += jspan_int(jspan_get(d, "tokenCount"), 0);
    return sum;
}

static status read_usage(struct gemini_reader *r, const struct jspan *chunk)
{
    const struct jspan *u = jspan_get(chunk, "usageMetadata");
    struct chat_event e = {.kind = CHAT_EVENT_USAGE};

    if (!jspan_is(u, JSPAN_OBJECT) || !jspan_get(u, "promptTokenCount"))
        return OK;
    e.usage.input = jspan_int(jspan_get(u, "promptTokenCount"), 0) +
                    jspan_int(jspan_get(u, "toolUsePromptTokenCount"), 0);
    e.usage.cache_read = jspan_int(jspan_get(u, "cachedContentTokenCount"), 0);
    e.usage.reasoning = jspan_int(jspan_get(u, "thoughtsTokenCount"), 0);
    e.usage.output = jspan_int(jspan_get(u, "candidatesTokenCount"), 0) + e.usage.reasoning;
    e.usage.audio_input = audio_tokens(jspan_get(u, "promptTokensDetails"));
    return chat_push(r->base.sink, &e);
}

/* --- all ------------------------------------------------------------------------------------- */

static status start(struct gemini_reader *r, struct arena *scratch, const struct jspan *chunk)
{
    if (r->started)
        return OK;
    r->started = true;
    struct chat_event e = {.kind = CHAT_EVENT_START};
    e.id = jspan_str(scratch, jspan_get(chunk, "responseId"));
    e.name = jspan_str(scratch, jspan_get(chunk, "modelVersion"));
    return chat_push(r->base.sink, &e);
}

static status read_chunk(struct gemini_reader *r, struct arena *scratch, const struct jspan *chunk)
{
    struct chat_error err;

    if (r->failed)
        return OK;
    if (!jspan_is(chunk, JSPAN_OBJECT))
        return E_SYNTAX;
    if (upstream_error_in(scratch, chunk, &err)) {
        struct chat_event e = {.kind = CHAT_EVENT_ERROR, .error = &err};
        r->failed = true;
        return chat_push(r->base.sink, &e);
    }
    status s = start(r, scratch, chunk);
    const struct jspan *c = jspan_first(jspan_get(chunk, "candidates"));
    for (; c && !s; c = c->next)
        s = read_candidate(r, scratch, c);
    if (!s)
        s = read_block(r, chunk);
    return s ? s : read_usage(r, chunk);
}

/* A JSON array where one object was expected holds the same objects one by one. */
static status read_text_of(struct gemini_reader *r, struct arena *scratch, struct str text)
{
    struct jspan *root;
    status s = jspan_parse(scratch, text, &root, NULL);

    if (s)
        return s == E_NOMEM ? s : E_SYNTAX;
    if (!jspan_is(root, JSPAN_ARRAY))
        return read_chunk(r, scratch, root);
    for (const struct jspan *n = jspan_first(root); n && !s; n = n->next)
        s = read_chunk(r, scratch, n);
    return s;
}

status gemini_read_frame(struct family_reader *reader, struct arena *scratch,
                         const struct frame *frame)
{
    if (str_is(str_trim(frame->data), "[DONE]")) /* not Google's, but harmless */
        return OK;
    return read_text_of((struct gemini_reader *)reader, scratch, frame->data);
}

status gemini_read_whole(struct family_reader *reader, struct arena *scratch, struct str body)
{
    struct gemini_reader *r = (struct gemini_reader *)reader;
    status s = read_text_of(r, scratch, body);

    return s ? s : gemini_read_end(reader);
}

/* Fewer candidates may come than were asked for; callers wait for the end of each. */
static status add_absent(struct gemini_reader *r)
{
    struct candidate *c;
    status s = OK;

    for (unsigned i = 0; i < r->base.call->choices && !s; i++) {
        s = find_candidate(r, i, &c);
        if (s || c->finished)
            continue;
        c->finished = true;
        c->stop = r->absent;
    }
    return s;
}

status gemini_read_end(struct family_reader *reader)
{
    struct gemini_reader *r = (struct gemini_reader *)reader;

    if (r->stopped || r->failed)
        return OK;
    if (!r->candidates)
        return E_SYNTAX;
    for (const struct candidate *c = r->candidates; c; c = c->next)
        if (!c->finished)
            return E_SYNTAX;
    r->stopped = true;
    status s = add_absent(r);
    for (struct candidate *c = r->candidates; c && !s; c = c->next) {
        s = close_block(r, c);
        if (!s) {
            struct chat_event e = {.kind = CHAT_EVENT_STOP, .choice = c->index, .stop = c->stop};
            s = chat_push(r->base.sink, &e);
        }
    }
    return s;
}

/* Google's frames are one line each, and end in CR LF. */
void gemini_relay(struct family_reader *reader, const struct frame *frame, struct buf *out)
{
    const struct gemini_reader *r = (const struct gemini_reader *)reader;

    if (r->failed || !frame->data.n || str_is(str_trim(frame->data), "[DONE]"))
        return;
    buf_add_cstr(out, "data: ");
    size_t from = out->n;
    buf_add_str(out, frame->data);
    for (size_t i = from; i < out->n; i++) /* between values only: strings hold no line ends */
        if (out->p[i] == '\n' || out->p[i] == '\r')
            out->p[i] = ' ';
    buf_add_cstr(out, "\r\n\r\n");
}

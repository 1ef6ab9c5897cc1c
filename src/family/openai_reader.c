/*
 * Chat completions to events. A whole answer is read like a stream of one chunk: its message has
 * the members that deltas have.
 */
#include "family/openai_reader.h"

#include "family/openai_blocks.h"
#include "family/upstream_error.h"

enum { MAX_CHOICES = 128 };

struct choice {
    struct openai_blocks blocks;
    bool finished;
    enum chat_stop stop;
    struct str sequence;
    struct choice *next;
};

struct openai_reader {
    struct family_reader base;
    bool started, stopped, failed;
    bool hide;     /* relay: the last frame is not for the caller */
    bool misnamed; /* relay: it says "stop" of a choice that calls tools */
    struct choice *choices;
    struct str sources, results; /* Perplexity's citations and search_results, as JSON text */
};

struct family_reader *openai_reader_new(struct arena *arena, const struct family_call *call,
                                        struct chat_sink *sink)
{
    struct openai_reader *r = ARENA_NEW(arena, struct openai_reader);

    if (!r)
        return NULL;
    r->base = (struct family_reader){arena, sink, call};
    return &r->base;
}

static status start(struct openai_reader *r, struct arena *scratch, const struct jspan *chunk)
{
    if (r->started)
        return OK;
    r->started = true;
    struct chat_event e = {.kind = CHAT_EVENT_START};
    e.id = jspan_str(scratch, jspan_get(chunk, "id"));
    e.name = jspan_str(scratch, jspan_get(chunk, "model"));
    return chat_push(r->base.sink, &e);
}

/* --- choices --------------------------------------------------------------------------------- */

static status find_choice(struct openai_reader *r, int64_t index, struct choice **out)
{
    if (index < 0 || index >= MAX_CHOICES)
        return E_SYNTAX;
    struct choice **at = &r->choices;
    while (*at && (*at)->blocks.choice < (unsigned)index)
        at = &(*at)->next;
    if (!*at || (*at)->blocks.choice != (unsigned)index) {
        struct choice *c = ARENA_NEW(r->base.arena, struct choice);
        if (!c)
            return E_NOMEM;
        c->blocks.arena = r->base.arena;
        c->blocks.sink = r->base.sink;
        c->blocks.choice = (unsigned)index;
        c->next = *at;
        *at = c;
    }
    *out = *at;
    return OK;
}

/* A list of parts: [{"type":"text","text":".."},{"type":"thinking","thinking":[..]}] (Mistral), or
   [{"content":"..","signature":".."}] (orchestration's reasoning_content). */
static status read_parts(struct arena *scratch, struct choice *c, enum chat_block block,
                         const struct jspan *parts)
{
    status s = OK;

    for (const struct jspan *p = jspan_first(parts); p && !s; p = p->next) {
        const struct jspan *thinking = jspan_get(p, "thinking");
        const struct jspan *text = jspan_get(p, "text");
        if (jspan_is(thinking, JSPAN_ARRAY)) {
            s = read_parts(scratch, c, CHAT_BLOCK_THINKING, thinking);
            continue;
        }
        if (!text)
            text = jspan_get(p, "content");
        s = openai_blocks_text(&c->blocks, block, jspan_str(scratch, text),
                               jspan_str(scratch, jspan_get(p, "signature")), STR_NONE);
    }
    return s;
}

static status read_text(struct arena *scratch, struct choice *c, enum chat_block block,
                        const struct jspan *value, struct str logprobs)
{
    if (jspan_is(value, JSPAN_ARRAY))
        return read_parts(scratch, c, block, value);
    return openai_blocks_text(&c->blocks, block, jspan_str(scratch, value), STR_NONE, logprobs);
}

static status read_call(struct arena *scratch, struct choice *c, int64_t index,
                        const struct jspan *id, const struct jspan *function)
{
    const struct jspan *arguments = jspan_get(function, "arguments");
    struct str text = jspan_is(arguments, JSPAN_OBJECT) ? jspan_text(scratch, arguments)
                                                        : jspan_str(scratch, arguments);

    return openai_blocks_call(&c->blocks, index, jspan_str(scratch, id),
                              jspan_str(scratch, jspan_get(function, "name")), text);
}

static status read_calls(struct arena *scratch, struct choice *c, const struct jspan *delta)
{
    const struct jspan *legacy = jspan_get(delta, "function_call");
    status s = OK;

    for (const struct jspan *t = jspan_first(jspan_get(delta, "tool_calls")); t && !s; t = t->next)
        s = read_call(scratch, c, jspan_int(jspan_get(t, "index"), -1), jspan_get(t, "id"),
                      jspan_get(t, "function"));
    if (!s && jspan_is(legacy, JSPAN_OBJECT))
        s = read_call(scratch, c, -1, NULL, legacy);
    return s;
}

static enum chat_stop stop_of(const struct choice *c, const struct jspan *reason)
{
    if (jspan_says(reason, "length"))
        return CHAT_STOP_LENGTH;
    if (jspan_says(reason, "content_filter"))
        return CHAT_STOP_FILTER;
    /* Mistral says "stop" behind tool calls. */
    if (c->blocks.called || jspan_says(reason, "tool_calls"))
        return CHAT_STOP_TOOL;
    if (c->blocks.refused)
        return CHAT_STOP_REFUSAL;
    return c->sequence.n ? CHAT_STOP_SEQUENCE : CHAT_STOP_END;
}

static status read_finish(struct openai_reader *r, struct arena *scratch, struct choice *c,
                          const struct jspan *choice)
{
    const struct jspan *reason = jspan_get(choice, "finish_reason");
    struct str sequence = jspan_str(scratch, jspan_get(choice, "stop_reason")); /* vLLM */

    if (!jspan_is(reason, JSPAN_STRING) || jspan_says(reason, ""))
        return OK;
    if (sequence.n && !c->finished && jspan_says(reason, "stop")) {
        c->sequence = arena_str(r->base.arena, sequence);
        if (!c->sequence.p)
            return E_NOMEM;
    }
    c->finished = true;
    c->stop = stop_of(c, reason);
    r->misnamed |= c->stop == CHAT_STOP_TOOL && jspan_says(reason, "stop");
    return OK;
}

static status read_choice(struct openai_reader *r, struct arena *scratch,
                          const struct jspan *choice, const struct jspan *delta)
{
    struct choice *c;
    const struct jspan *probs = jspan_get(jspan_get(choice, "logprobs"), "content");
    struct str logprobs = jspan_count(probs) ? jspan_text(scratch, probs) : STR_NONE;
    const struct jspan *thinking = jspan_get(delta, "reasoning_content");

    status s = find_choice(r, jspan_int(jspan_get(choice, "index"), 0), &c);
    if (s)
        return s;
    if (jspan_none(thinking))
        thinking = jspan_get(delta, "reasoning");
    s = read_text(scratch, c, CHAT_BLOCK_THINKING, thinking, STR_NONE);
    if (!s)
        s = read_text(scratch, c, CHAT_BLOCK_TEXT, jspan_get(delta, "content"), logprobs);
    if (!s)
        s = read_text(scratch, c, CHAT_BLOCK_REFUSAL, jspan_get(delta, "refusal"), STR_NONE);
    if (!s)
        s = read_calls(scratch, c, delta);
    return s ? s : read_finish(r, scratch, c, choice);
}

/* --- usage ----------------------------------------------------------------------------------- */

struct chat_usage openai_usage(const struct jspan *usage)
{
    const struct jspan *in = jspan_get(usage, "prompt_tokens_details");
    const struct jspan *out = jspan_get(usage, "completion_tokens_details");
    struct chat_usage u = {.reasoning = jspan_int(jspan_get(out, "reasoning_tokens"), -1)};

    u.input = jspan_int(jspan_get(usage, "prompt_tokens"), 0);
    u.output = jspan_int(jspan_get(usage, "completion_tokens"), 0);
    u.cache_read = jspan_int(jspan_get(in, "cached_tokens"), 0);
    u.cache_write = jspan_int(jspan_get(in, "cache_creation_tokens"), 0);
    u.cache_write_1h = jspan_int(
        jspan_get(jspan_get(in, "cache_creation_token_details"), "ephemeral_1h_input_tokens"), 0);
    if (u.input < u.cache_read + u.cache_write) /* Claude by way of orchestration counts them apart:
                                                   seen by another client, 2026-09 */
        u.input += u.cache_read + u.cache_write;
    u.audio_input = jspan_int(jspan_get(in, "audio_tokens"), 0);
    u.audio_output = jspan_int(jspan_get(out, "audio_tokens"), 0);
    return u;
}

static status read_usage(struct openai_reader *r, const struct jspan *chunk)
{
    const struct jspan *usage = jspan_get(chunk, "usage");

    if (!jspan_is(usage, JSPAN_OBJECT))
        return OK;
    struct chat_event e = {.kind = CHAT_EVENT_USAGE, .usage = openai_usage(usage)};
    return chat_push(r->base.sink, &e);
}

/* --- the end --------------------------------------------------------------------------------- */

/* Perplexity lists addresses (citations), and newer answers search results alone. */
static struct str address_of(struct arena *arena, const struct jspan *source)
{
    return jspan_str(arena, jspan_is(source, JSPAN_OBJECT) ? jspan_get(source, "url") : source);
}

static struct chat_citation source_of(struct arena *arena, const struct jspan *results,
                                      struct str url)
{
    struct chat_citation c = {
        .source = CHAT_SOURCE_WEB, .url = url, .number = -1, .from = -1, .to = -1};

    for (const struct jspan *r = jspan_first(results); r; r = r->next) {
        if (!str_eq(jspan_str(arena, jspan_get(r, "url")), url))
            continue;
        c.title = jspan_str(arena, jspan_get(r, "title"));
        c.cited = jspan_str(arena, jspan_get(r, "snippet"));
        break;
    }
    return c;
}

/* The answer's text has marks such as [1]; without the list they point nowhere. Each line of it is
   what its source is cited for. */
static status list_sources(struct openai_reader *r, struct buf *text, struct chat_citation ***end)
{
    struct arena *arena = r->base.arena;
    struct jspan *list, *results = NULL;
    unsigned number = 0;
    status s = OK;

    if (jspan_parse(arena, r->sources.n ? r->sources : r->results, &list, NULL))
        return OK;
    if (r->results.n && jspan_parse(arena, r->results, &results, NULL))
        results = NULL;
    for (const struct jspan *n = jspan_first(list); n && !s; n = n->next) {
        struct chat_citation c = source_of(arena, results, address_of(arena, n));
        buf_add_cstr(text, number ? "\n" : "\n\n");
        c.begin = chat_length_of(buf_str(text));
        buf_printf(text, "[%u] ", ++number);
        buf_add_str(text, c.url);
        c.end = chat_length_of(buf_str(text));
        s = chat_citation_keep(arena, end, &c);
    }
    return text->failed ? E_NOMEM : s;
}

static status add_sources(struct openai_reader *r, struct choice *c)
{
    struct chat_citation *cited = NULL, **end = &cited;
    struct buf text = {0};

    if (!r->sources.n && !r->results.n)
        return OK;
    status s = list_sources(r, &text, &end);
    if (!s)
        s = openai_blocks_text(&c->blocks, CHAT_BLOCK_TEXT, buf_str(&text), STR_NONE, STR_NONE);
    struct chat_length before = c->blocks.said, list = chat_length_of(buf_str(&text));
    buf_free(&text);
    before.bytes -= list.bytes;
    before.chars -= list.chars;
    for (; cited && !s; cited = cited->next) {
        cited->begin = chat_length_sum(before, cited->begin);
        cited->end = chat_length_sum(before, cited->end);
        s = openai_blocks_cite(&c->blocks, cited);
    }
    return s;
}

static status stop_choice(struct openai_reader *r, struct choice *c)
{
    status s = c->finished ? add_sources(r, c) : OK; /* else it never came */
    if (!s)
        s = openai_blocks_end(&c->blocks);
    if (s)
        return s;
    struct chat_event e = {.kind = CHAT_EVENT_STOP,
                           .choice = c->blocks.choice,
                           .stop = c->stop,
                           .stop_sequence = c->sequence};
    return chat_push(r->base.sink, &e);
}

/* Fewer choices may come than were asked for; callers wait for the end of each. */
static status add_absent(struct openai_reader *r)
{
    struct choice *c;
    status s = OK;

    for (unsigned i = 0; i < r->base.call->choices && !s; i++)
        s = find_choice(r, i, &c);
    return s;
}

/* Once, and only when every choice has said why it ends. */
static status finish(struct openai_reader *r)
{
    if (r->stopped || r->failed)
        return OK;
    if (!r->choices)
        return E_SYNTAX;
    for (const struct choice *c = r->choices; c; c = c->next)
        if (!c->finished)
            return E_SYNTAX;
    r->stopped = true;
    status s = add_absent(r);
    for (struct choice *c = r->choices; c && !s; c = c->next)
        s = stop_choice(r, c);
    return s;
}

status openai_read_stop(struct family_reader *reader, enum chat_stop stop, struct str refusal)
{
    struct openai_reader *r = (struct openai_reader *)reader;
    struct chat_event begin = {.kind = CHAT_EVENT_START};
    struct choice *c;

    if (r->stopped || r->failed)
        return OK;
    status s = r->started ? OK : chat_push(r->base.sink, &begin);
    r->started = true;
    if (!s && !r->choices)
        s = find_choice(r, 0, &c);
    for (c = r->choices; c && !s; c = c->next) {
        if (!c->finished)
            c->stop = stop;
        c->finished = true;
        if (c->blocks.opened == 0)
            s = openai_blocks_text(&c->blocks, CHAT_BLOCK_REFUSAL, refusal, STR_NONE, STR_NONE);
    }
    return s ? s : finish(r);
}

void openai_read_nothing_more(struct family_reader *reader)
{
    ((struct openai_reader *)reader)->failed = true;
}

static status fail(struct openai_reader *r, const struct chat_error *err)
{
    struct chat_event e = {.kind = CHAT_EVENT_ERROR, .error = err};

    r->failed = true;
    r->hide = true;
    return chat_push(r->base.sink, &e);
}

/* --- all ------------------------------------------------------------------------------------- */

static status keep_list(struct openai_reader *r, struct arena *scratch, struct str *kept,
                        const struct jspan *list)
{
    if (kept->n || !jspan_count(list))
        return OK;
    *kept = arena_str(r->base.arena, jspan_text(scratch, list));
    return kept->p ? OK : E_NOMEM;
}

/* Every chunk may repeat them. */
static status keep_sources(struct openai_reader *r, struct arena *scratch,
                           const struct jspan *chunk)
{
    if (r->base.call->lane)
        return OK;
    status s = keep_list(r, scratch, &r->sources, jspan_get(chunk, "citations"));
    return s ? s : keep_list(r, scratch, &r->results, jspan_get(chunk, "search_results"));
}

/* A report of Azure's filter and nothing else: the opening chunk has no choices, and those of the
   asynchronous filter have choices without a delta. Clients reach into both blindly. */
static bool is_report(const struct jspan *choices, const struct jspan *usage)
{
    for (const struct jspan *c = jspan_first(choices); c; c = c->next)
        if (jspan_get(c, "delta") || !jspan_none(jspan_get(c, "finish_reason")))
            return false;
    return !jspan_is(usage, JSPAN_OBJECT);
}

static status read_chunk(struct openai_reader *r, struct arena *scratch, const struct jspan *chunk,
                         const char *member)
{
    struct chat_error err;
    const struct jspan *choices = jspan_get(chunk, "choices");
    const struct jspan *usage = jspan_get(chunk, "usage");

    if (!jspan_is(chunk, JSPAN_OBJECT))
        return E_SYNTAX;
    if ((!choices || !jspan_none(jspan_get(chunk, "error"))) &&
        upstream_error_in(scratch, chunk, &err))
        return fail(r, &err);
    bool report = r->base.call->stream ? is_report(choices, usage)
                                       : !jspan_count(choices) && !jspan_is(usage, JSPAN_OBJECT);
    r->hide = report || (!jspan_count(choices) && !r->base.call->include_usage);
    if (report)
        return OK;
    status s = start(r, scratch, chunk);
    if (!s)
        s = keep_sources(r, scratch, chunk);
    for (const struct jspan *c = jspan_first(choices); c && !s; c = c->next)
        s = read_choice(r, scratch, c, jspan_get(c, member));
    return s ? s : read_usage(r, chunk);
}

status openai_read_frame(struct family_reader *reader, struct arena *scratch,
                         const struct frame *frame)
{
    struct openai_reader *r = (struct openai_reader *)reader;
    struct jspan *chunk;

    r->misnamed = false;
    r->hide = r->failed || r->stopped; /* whatever follows the end is not part of the answer */
    if (r->hide)
        return OK;
    if (str_is(str_trim(frame->data), "[DONE]"))
        return finish(r);
    status s = jspan_parse(scratch, frame->data, &chunk, NULL);
    if (s)
        return s == E_NOMEM ? s : E_SYNTAX;
    return read_chunk(r, scratch, chunk, "delta");
}

status openai_read_whole(struct family_reader *reader, struct arena *scratch, struct str body)
{
    struct openai_reader *r = (struct openai_reader *)reader;
    struct jspan *answer;
    status s = jspan_parse(scratch, body, &answer, NULL);

    if (s)
        return s == E_NOMEM ? s : E_SYNTAX;
    s = read_chunk(r, scratch, answer, "message");
    if (s || r->failed)
        return s;
    for (struct choice *c = r->choices; c; c = c->next)
        c->finished = true;
    return finish(r);
}

status openai_read_end(struct family_reader *reader)
{
    return finish((struct openai_reader *)reader);
}

void openai_relay(struct family_reader *reader, const struct frame *frame, struct buf *out)
{
    const struct openai_reader *r = (const struct openai_reader *)reader;

    if (!r->hide)
        frame_render(frame, out);
}

/* --- finish reasons -----------------------------------------------------------------------------
 */

static bool calls_tools(const struct openai_reader *r, int64_t index)
{
    for (const struct choice *c = r->choices; c; c = c->next)
        if (c->blocks.choice == index)
            return c->blocks.called;
    return false;
}

/* The JSON text with its misnamed finish reasons exchanged: cut and joined, since rendering a tree
   would take the white space out. Unset when out of memory. */
static struct str mend(const struct openai_reader *r, struct arena *arena, struct str json)
{
    struct buf out = {0};
    struct jspan *root;
    const char *from = json.p;

    if (jspan_parse(arena, json, &root, NULL))
        return STR_NONE;
    for (const struct jspan *c = jspan_first(jspan_get(root, "choices")); c; c = c->next) {
        const struct jspan *reason = jspan_get(c, "finish_reason");
        if (!jspan_says(reason, "stop") || !calls_tools(r, jspan_int(jspan_get(c, "index"), 0)))
            continue;
        buf_add_str(&out, (struct str){from, (size_t)(reason->text.p - from)});
        buf_add_cstr(&out, "\"tool_calls\"");
        from = reason->text.p + reason->text.n;
    }
    buf_add_str(&out, (struct str){from, (size_t)(json.p + json.n - from)});
    struct str copy = buf_copy(&out, arena);
    buf_free(&out);
    return copy;
}

void openai_relay_mended(struct family_reader *reader, const struct frame *frame, struct buf *out)
{
    const struct openai_reader *r = (const struct openai_reader *)reader;
    if (!r->misnamed || r->hide) {
        openai_relay(reader, frame, out);
        return;
    }
    struct arena *scratch = arena_new(0);
    struct str mended = scratch ? mend(r, scratch, frame->data) : STR_NONE;
    frame_render(&(struct frame){frame->event, mended.p ? mended : frame->data}, out);
    buf_end_scratch(out, scratch);
}

struct str openai_relay_whole_mended(const struct family_reader *reader, struct arena *arena,
                                     struct str body)
{
    const struct openai_reader *r = (const struct openai_reader *)reader;
    struct str mended = r->misnamed ? mend(r, arena, body) : STR_NONE;

    return mended.p ? mended : body;
}

/* Anthropic's events, and whole messages, as events of the hub (Anthropic, "Streaming Messages").
 */
#include "family/bedrock_invoke.h"
#include "family/bedrock_reader.h"

struct family_reader *invoke_reader(struct arena *arena, const struct family_call *call,
                                    struct chat_sink *sink)
{
    struct bedrock_reader *r = bedrock_reader_new(arena, call, sink);
    return r ? &r->base : NULL;
}

/* --- usage and stop -------------------------------------------------------------------------- */

static int64_t count(const struct jspan *object, const char *key, int64_t otherwise)
{
    int64_t n = jspan_int(jspan_get(object, key), otherwise);
    return n < 0 ? otherwise : n;
}

/* Counts are cumulative, and those that an event leaves out stay as they were. Upstream's input
   excludes what was read from the cache or written to it, the hub's does not. */
static void merge_usage(struct bedrock_reader *r, const struct jspan *usage)
{
    struct chat_usage *u = &r->usage;

    if (!jspan_is(usage, JSPAN_OBJECT))
        return;
    const struct jspan *created = jspan_get(usage, "cache_creation");
    int64_t input = count(usage, "input_tokens", u->input - u->cache_read - u->cache_write);
    u->cache_read = count(usage, "cache_read_input_tokens", u->cache_read);
    u->cache_write = count(usage, "cache_creation_input_tokens", u->cache_write);
    u->cache_write_1h = count(created, "ephemeral_1h_input_tokens", u->cache_write_1h);
    u->input = input + u->cache_read + u->cache_write;
    u->output = count(usage, "output_tokens", u->output);
    r->has_usage = true;
}

/* What Bedrock measures itself, for answers that tell no usage. */
static void use_metrics(struct bedrock_reader *r, const struct jspan *metrics)
{
    struct chat_usage *u = &r->usage;

    if (!jspan_is(metrics, JSPAN_OBJECT) || (r->has_usage && u->input + u->output > 0))
        return;
    u->cache_read = count(metrics, "cacheReadInputTokenCount", 0);
    u->cache_write = count(metrics, "cacheWriteInputTokenCount", 0);
    u->input = count(metrics, "inputTokenCount", 0) + u->cache_read + u->cache_write;
    u->output = count(metrics, "outputTokenCount", 0);
    r->has_usage = true;
}

static enum chat_stop stop_of(const struct jspan *reason)
{
    static const struct {
        const char *word;
        enum chat_stop stop;
    } words[] = {
        {"end_turn", CHAT_STOP_END},
        {"max_tokens", CHAT_STOP_LENGTH},
        {"tool_use", CHAT_STOP_TOOL},
        {"stop_sequence", CHAT_STOP_SEQUENCE},
        {"refusal", CHAT_STOP_REFUSAL},
        {"pause_turn", CHAT_STOP_PAUSE},
        {"model_context_window_exceeded", CHAT_STOP_CONTEXT},
    };

    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (jspan_says(reason, words[i].word))
            return words[i].stop;
    return CHAT_STOP_END;
}

/* `object` has stop_reason and stop_sequence: a message, or the delta of message_delta. */
static void read_stop(struct bedrock_reader *r, struct arena *scratch, const struct jspan *object)
{
    const struct jspan *reason = jspan_get(object, "stop_reason");

    if (jspan_is(reason, JSPAN_STRING))
        bedrock_stop(r, stop_of(reason), jspan_str(scratch, jspan_get(object, "stop_sequence")));
}

/* --- blocks ---------------------------------------------------------------------------------- */

static struct str text_at(struct arena *scratch, const struct jspan *object, const char *key)
{
    return jspan_str(scratch, jspan_get(object, key));
}

/* The kinds of citations, and how they name the place of the words they cite. */
static const struct {
    const char *type, *number, *from, *to;
    enum chat_source source;
    enum chat_source_unit unit;
} citations[] = {
    {"char_location", "document_index", "start_char_index", "end_char_index", CHAT_SOURCE_DOCUMENT,
     CHAT_IN_CHARS},
    {"page_location", "document_index", "start_page_number", "end_page_number",
     CHAT_SOURCE_DOCUMENT, CHAT_IN_PAGES},
    {"content_block_location", "document_index", "start_block_index", "end_block_index",
     CHAT_SOURCE_DOCUMENT, CHAT_IN_BLOCKS},
    {"search_result_location", "search_result_index", "start_block_index", "end_block_index",
     CHAT_SOURCE_SEARCH_RESULT, CHAT_IN_BLOCKS},
    {"web_search_result_location", "", "", "", CHAT_SOURCE_WEB, CHAT_IN_CHARS},
};

static status cite(struct bedrock_reader *r, struct arena *scratch, const struct jspan *citation)
{
    size_t i = 0, n = sizeof citations / sizeof *citations;

    while (i < n && !block_is(citation, citations[i].type))
        i++;
    if (i == n)
        return OK;
    bool document = citations[i].source == CHAT_SOURCE_DOCUMENT;
    bool web = citations[i].source == CHAT_SOURCE_WEB;
    struct chat_citation c = {.source = citations[i].source,
                              .unit = citations[i].unit,
                              .url = text_at(scratch, citation, web ? "url" : "source"),
                              .title =
                                  text_at(scratch, citation, document ? "document_title" : "title"),
                              .cited = text_at(scratch, citation, "cited_text"),
                              .number = jspan_int(jspan_get(citation, citations[i].number), -1),
                              .from = jspan_int(jspan_get(citation, citations[i].from), -1),
                              .to = jspan_int(jspan_get(citation, citations[i].to), -1)};
    return bedrock_cite(r, &c);
}

static status open_text(struct bedrock_reader *r, struct arena *scratch, const struct jspan *block)
{
    status s = bedrock_open(r, CHAT_BLOCK_TEXT, STR_NONE, STR_NONE, STR_NONE);

    if (!s)
        s = bedrock_delta(r, text_at(scratch, block, "text"));
    const struct jspan *c = jspan_first(jspan_get(block, "citations"));
    for (; c && !s; c = c->next)
        s = cite(r, scratch, c);
    return s;
}

static status open_tool(struct bedrock_reader *r, struct arena *scratch, const struct jspan *block)
{
    const struct jspan *input = jspan_get(block, "input");
    status s = bedrock_open(r, CHAT_BLOCK_TOOL, text_at(scratch, block, "id"),
                            text_at(scratch, block, "name"), STR_NONE);

    /* In a stream the input follows in pieces, behind an empty object. */
    if (s || (!jspan_first(input) && !r->whole))
        return s;
    return bedrock_delta(r, jspan_text(scratch, input));
}

/* Opens the block and gives out what it holds already. Kinds of blocks that the hub has no word for
   (server tools and their results) are passed over. */
static status open_block(struct bedrock_reader *r, struct arena *scratch, const struct jspan *block)
{
    status s;

    r->ignoring = false;
    if (block_is(block, "text"))
        return open_text(r, scratch, block);
    if (block_is(block, "thinking")) {
        s = bedrock_open(r, CHAT_BLOCK_THINKING, STR_NONE, STR_NONE, STR_NONE);
        if (!s)
            s = bedrock_delta(r, text_at(scratch, block, "thinking"));
        return s ? s : bedrock_signature(r, text_at(scratch, block, "signature"));
    }
    if (block_is(block, "redacted_thinking"))
        return bedrock_open(r, CHAT_BLOCK_REDACTED, STR_NONE, STR_NONE,
                            text_at(scratch, block, "data"));
    if (block_is(block, "tool_use"))
        return open_tool(r, scratch, block);
    if (!jspan_is(jspan_get(block, "type"), JSPAN_STRING))
        return E_SYNTAX;
    r->ignoring = true;
    return bedrock_close(r);
}

static status read_delta(struct bedrock_reader *r, struct arena *scratch, const struct jspan *event)
{
    const struct jspan *delta = jspan_get(event, "delta");

    if (r->ignoring)
        return OK;
    if (!r->open || jspan_int(jspan_get(event, "index"), r->index) != r->index)
        return E_SYNTAX;
    if (block_is(delta, "text_delta"))
        return bedrock_delta(r, text_at(scratch, delta, "text"));
    if (block_is(delta, "thinking_delta"))
        return bedrock_delta(r, text_at(scratch, delta, "thinking"));
    if (block_is(delta, "input_json_delta"))
        return bedrock_delta(r, text_at(scratch, delta, "partial_json"));
    if (block_is(delta, "signature_delta"))
        return bedrock_signature(r, text_at(scratch, delta, "signature"));
    if (block_is(delta, "citations_delta"))
        return cite(r, scratch, jspan_get(delta, "citation"));
    return OK; /* what is yet to come */
}

/* --- events ---------------------------------------------------------------------------------- */

static status read_message_start(struct bedrock_reader *r, struct arena *scratch,
                                 const struct jspan *event)
{
    const struct jspan *message = jspan_get(event, "message");

    merge_usage(r, jspan_get(message, "usage"));
    return bedrock_start(r, text_at(scratch, message, "id"), text_at(scratch, message, "model"));
}

static status read_block_start(struct bedrock_reader *r, struct arena *scratch,
                               const struct jspan *event)
{
    r->index = jspan_int(jspan_get(event, "index"), 0);
    return open_block(r, scratch, jspan_get(event, "content_block"));
}

static status read_block_stop(struct bedrock_reader *r, struct arena *scratch,
                              const struct jspan *event)
{
    (void)scratch, (void)event;
    r->ignoring = false;
    return bedrock_close(r);
}

static status read_message_delta(struct bedrock_reader *r, struct arena *scratch,
                                 const struct jspan *event)
{
    read_stop(r, scratch, jspan_get(event, "delta"));
    merge_usage(r, jspan_get(event, "usage"));
    return OK;
}

static status read_message_stop(struct bedrock_reader *r, struct arena *scratch,
                                const struct jspan *event)
{
    (void)scratch;
    use_metrics(r, jspan_get(event, "amazon-bedrock-invocationMetrics"));
    return bedrock_finish(r);
}

static status read_event(struct bedrock_reader *r, struct arena *scratch, const struct jspan *event)
{
    static const struct {
        const char *type;
        status (*read)(struct bedrock_reader *r, struct arena *scratch, const struct jspan *event);
    } types[] = {
        {"content_block_delta", read_delta},     {"content_block_start", read_block_start},
        {"content_block_stop", read_block_stop}, {"message_start", read_message_start},
        {"message_delta", read_message_delta},   {"message_stop", read_message_stop},
    };
    status s = OK;

    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (block_is(event, types[i].type))
            return types[i].read(r, scratch, event);
    if (bedrock_failed(r, scratch, event, &s))
        return s;
    return jspan_is(jspan_get(event, "type"), JSPAN_STRING) ? OK : E_SYNTAX; /* ping */
}

/* Remember the event's name, for the lane's way back. */
static void note_event(struct bedrock_reader *r, struct arena *scratch, const struct jspan *event)
{
    struct str type = text_at(scratch, event, "type");

    r->event[0] = '\0';
    if (type.n && type.n < EVENT_NAME_BYTES && !memchr(type.p, '\n', type.n) &&
        !memchr(type.p, '\r', type.n) && !memchr(type.p, '\0', type.n)) {
        memcpy(r->event, type.p, type.n);
        r->event[type.n] = '\0';
    }
}

status invoke_read_frame(struct family_reader *reader, struct arena *scratch,
                         const struct frame *frame)
{
    struct bedrock_reader *r = (struct bedrock_reader *)reader;
    struct jspan *event;

    r->event[0] = '\0';
    if (r->failed || str_is(frame->data, "[DONE]"))
        return OK;
    status s = jspan_parse(scratch, frame->data, &event, NULL);
    if (s)
        return s == E_NOMEM ? s : E_SYNTAX;
    note_event(r, scratch, event);
    return read_event(r, scratch, event);
}

status invoke_read_whole(struct family_reader *reader, struct arena *scratch, struct str body)
{
    struct bedrock_reader *r = (struct bedrock_reader *)reader;
    struct jspan *message;
    status s = jspan_parse(scratch, body, &message, NULL);

    if (s)
        return s == E_NOMEM ? s : E_SYNTAX;
    const struct jspan *content = jspan_get(message, "content");
    if (!jspan_is(content, JSPAN_ARRAY))
        return bedrock_failed(r, scratch, message, &s) ? s : E_SYNTAX;
    r->whole = true;
    merge_usage(r, jspan_get(message, "usage"));
    s = bedrock_start(r, text_at(scratch, message, "id"), text_at(scratch, message, "model"));
    for (const struct jspan *b = jspan_first(content); b && !s; b = b->next) {
        s = open_block(r, scratch, b);
        if (!s)
            s = bedrock_close(r);
    }
    read_stop(r, scratch, message);
    return s ? s : bedrock_finish(r);
}

status invoke_read_end(struct family_reader *reader)
{
    struct bedrock_reader *r = (struct bedrock_reader *)reader;

    return r->stopped || r->failed ? OK : E_SYNTAX;
}

/* --- the lane -------------------------------------------------------------------------------- */

void invoke_relay(struct family_reader *reader, const struct frame *frame, struct buf *out)
{
    const struct bedrock_reader *r = (const struct bedrock_reader *)reader;
    struct frame named = {.event = str_from(r->event), .data = frame->data};

    /* An error is for the exchange to tell, in the caller's shape; [DONE] is no word of this API.
     */
    if (!r->failed && r->event[0])
        frame_render(&named, out);
}

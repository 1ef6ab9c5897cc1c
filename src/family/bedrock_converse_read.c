/* Converse's events and whole answers as events of the hub. */
#include "family/bedrock_converse.h"
#include "family/bedrock_reader.h"

struct family_reader *converse_reader(struct arena *arena, const struct family_call *call,
                                      struct chat_sink *sink)
{
    struct bedrock_reader *r = bedrock_reader_new(arena, call, sink);
    return r ? &r->base : NULL;
}

/* --- usage and stop -------------------------------------------------------------------------- */

/* The count under either of its two names; 0 without. */
static int64_t count(const struct jspan *usage, const char *key, const char *other)
{
    int64_t n = jspan_int(jspan_get(usage, key), -1);

    if (n < 0 && other)
        n = jspan_int(jspan_get(usage, other), 0);
    return n < 0 ? 0 : n;
}

/* Upstream's input excludes what was read from the cache or written to it. */
static void read_usage(struct bedrock_reader *r, const struct jspan *usage)
{
    struct chat_usage *u = &r->usage;

    if (!jspan_is(usage, JSPAN_OBJECT))
        return;
    u->cache_read = count(usage, "cacheReadInputTokens", "cacheReadInputTokenCount");
    u->cache_write = count(usage, "cacheWriteInputTokens", "cacheWriteInputTokenCount");
    u->input = count(usage, "inputTokens", NULL) + u->cache_read + u->cache_write;
    u->output = count(usage, "outputTokens", NULL);
    r->has_usage = true;
}

static enum chat_stop stop_of(const struct jspan *reason)
{
    static const struct {
        const char *word;
        enum chat_stop stop;
    } words[] = {
        {"end_turn", CHAT_STOP_END},
        {"tool_use", CHAT_STOP_TOOL},
        {"max_tokens", CHAT_STOP_LENGTH},
        {"stop_sequence", CHAT_STOP_SEQUENCE},
        {"guardrail_intervened", CHAT_STOP_FILTER},
        {"content_filtered", CHAT_STOP_FILTER},
        {"malformed_model_output", CHAT_STOP_MALFORMED_CALL},
        {"malformed_tool_use", CHAT_STOP_MALFORMED_CALL},
        {"model_context_window_exceeded", CHAT_STOP_CONTEXT},
    };

    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (jspan_says(reason, words[i].word))
            return words[i].stop;
    return CHAT_STOP_END;
}

/* `object` has stopReason, and sometimes what it stopped at. */
static void read_stop(struct bedrock_reader *r, struct arena *scratch, const struct jspan *object)
{
    const struct jspan *more = jspan_get(object, "additionalModelResponseFields");

    bedrock_stop(r, stop_of(jspan_get(object, "stopReason")),
                 jspan_str(scratch, jspan_get(more, "stop_sequence")));
}

/* --- blocks ---------------------------------------------------------------------------------- */

static struct str text_at(struct arena *scratch, const struct jspan *object, const char *key)
{
    return jspan_str(scratch, jspan_get(object, key));
}

/* Go on with the block that is open, or begin one: upstream announces tool calls only, and its
   numbers may have gaps. */
static status continue_block(struct bedrock_reader *r, int64_t index, enum chat_block block)
{
    if (r->open && r->index == index &&
        (r->block == block || (block == CHAT_BLOCK_TOOL && r->unwrapped)))
        return OK;
    if (block == CHAT_BLOCK_TOOL)
        return E_SYNTAX; /* a piece of a call that has no name */
    r->index = index;
    return bedrock_open(r, block, STR_NONE, STR_NONE, STR_NONE);
}

static status read_redacted(struct bedrock_reader *r, struct str data)
{
    status s = bedrock_open(r, CHAT_BLOCK_REDACTED, STR_NONE, STR_NONE, data);
    return s ? s : bedrock_close(r);
}

/* In events: {"text"}, {"signature"} or {"redactedContent"}. */
static status read_reasoning(struct bedrock_reader *r, struct arena *scratch, int64_t index,
                             const struct jspan *reasoning)
{
    const struct jspan *redacted = jspan_get(reasoning, "redactedContent");

    if (jspan_is(redacted, JSPAN_STRING))
        return read_redacted(r, jspan_str(scratch, redacted));
    status s = continue_block(r, index, CHAT_BLOCK_THINKING);
    if (!s)
        s = bedrock_delta(r, text_at(scratch, reasoning, "text"));
    return s ? s : bedrock_signature(r, text_at(scratch, reasoning, "signature"));
}

/* --- events ---------------------------------------------------------------------------------- */

static status read_message_start(struct bedrock_reader *r, struct arena *scratch,
                                 const struct jspan *event)
{
    (void)scratch, (void)event;
    return bedrock_start(r, STR_NONE, STR_NONE);
}

static status read_block_start(struct bedrock_reader *r, struct arena *scratch,
                               const struct jspan *event)
{
    const struct jspan *tool = jspan_get(jspan_get(event, "start"), "toolUse");

    if (!jspan_is(tool, JSPAN_OBJECT))
        return OK; /* the first piece tells what it is */
    r->index = jspan_int(jspan_get(event, "contentBlockIndex"), 0);
    return bedrock_open(r, CHAT_BLOCK_TOOL, text_at(scratch, tool, "toolUseId"),
                        text_at(scratch, tool, "name"), STR_NONE);
}

static status read_delta(struct bedrock_reader *r, struct arena *scratch, const struct jspan *event)
{
    const struct jspan *delta = jspan_get(event, "delta");
    const struct jspan *text = jspan_get(delta, "text"), *tool = jspan_get(delta, "toolUse");
    const struct jspan *reasoning = jspan_get(delta, "reasoningContent");
    const struct jspan *citation = jspan_get(delta, "citation");
    int64_t index = jspan_int(jspan_get(event, "contentBlockIndex"), 0);
    status s = OK;

    if (jspan_is(text, JSPAN_STRING)) {
        s = continue_block(r, index, CHAT_BLOCK_TEXT);
        return s ? s : bedrock_delta(r, jspan_str(scratch, text));
    }
    if (jspan_is(tool, JSPAN_OBJECT)) {
        s = continue_block(r, index, CHAT_BLOCK_TOOL);
        return s ? s : bedrock_delta(r, text_at(scratch, tool, "input"));
    }
    if (jspan_is(reasoning, JSPAN_OBJECT))
        return read_reasoning(r, scratch, index, reasoning);
    if (jspan_is(citation, JSPAN_OBJECT)) {
        s = continue_block(r, index, CHAT_BLOCK_TEXT);
        return s ? s : converse_cite(r, scratch, citation);
    }
    return OK; /* what is yet to come */
}

static status read_block_stop(struct bedrock_reader *r, struct arena *scratch,
                              const struct jspan *event)
{
    (void)scratch, (void)event;
    return bedrock_close(r);
}

static status read_message_stop(struct bedrock_reader *r, struct arena *scratch,
                                const struct jspan *event)
{
    read_stop(r, scratch, event);
    return bedrock_close(r);
}

/* Comes last, behind messageStop. */
static status read_metadata(struct bedrock_reader *r, struct arena *scratch,
                            const struct jspan *event)
{
    (void)scratch;
    read_usage(r, jspan_get(event, "usage"));
    return r->complete ? bedrock_finish(r) : OK;
}

static status read_event(struct bedrock_reader *r, struct arena *scratch, const struct jspan *event)
{
    static const struct {
        const char *key;
        status (*read)(struct bedrock_reader *r, struct arena *scratch, const struct jspan *event);
    } keys[] = {
        {"contentBlockDelta", read_delta},     {"contentBlockStart", read_block_start},
        {"contentBlockStop", read_block_stop}, {"messageStart", read_message_start},
        {"messageStop", read_message_stop},    {"metadata", read_metadata},
    };
    status s = OK;

    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        const struct jspan *inner = jspan_get(event, keys[i].key);
        if (inner)
            return keys[i].read(r, scratch, inner);
    }
    if (bedrock_failed(r, scratch, event, &s))
        return s;
    return jspan_is(event, JSPAN_OBJECT) ? OK : E_SYNTAX;
}

status converse_read_frame(struct family_reader *reader, struct arena *scratch,
                           const struct frame *frame)
{
    struct bedrock_reader *r = (struct bedrock_reader *)reader;
    struct jspan *event;

    if (r->failed || str_is(frame->data, "[DONE]"))
        return OK;
    status s = jspan_parse(scratch, frame->data, &event, NULL);
    if (s)
        return s == E_NOMEM ? s : E_SYNTAX;
    return read_event(r, scratch, event);
}

/* --- whole answers --------------------------------------------------------------------------- */

static status read_whole_reasoning(struct bedrock_reader *r, struct arena *scratch,
                                   const struct jspan *reasoning)
{
    const struct jspan *said = jspan_get(reasoning, "reasoningText");
    const struct jspan *redacted = jspan_get(reasoning, "redactedContent");

    if (jspan_is(redacted, JSPAN_STRING))
        return read_redacted(r, jspan_str(scratch, redacted));
    status s = bedrock_open(r, CHAT_BLOCK_THINKING, STR_NONE, STR_NONE, STR_NONE);
    if (!s)
        s = bedrock_delta(r, text_at(scratch, said, "text"));
    return s ? s : bedrock_signature(r, text_at(scratch, said, "signature"));
}

static status read_whole_call(struct bedrock_reader *r, struct arena *scratch,
                              const struct jspan *tool)
{
    status s = bedrock_open(r, CHAT_BLOCK_TOOL, text_at(scratch, tool, "toolUseId"),
                            text_at(scratch, tool, "name"), STR_NONE);
    return s ? s : bedrock_delta(r, jspan_text(scratch, jspan_get(tool, "input")));
}

static status read_block(struct bedrock_reader *r, struct arena *scratch, const struct jspan *block)
{
    const struct jspan *text = jspan_get(block, "text"), *tool = jspan_get(block, "toolUse");
    const struct jspan *reasoning = jspan_get(block, "reasoningContent");
    const struct jspan *cited = jspan_get(block, "citationsContent");
    status s = OK;

    if (jspan_is(cited, JSPAN_OBJECT)) {
        s = converse_read_cited(r, scratch, cited);
    } else if (jspan_is(text, JSPAN_STRING)) {
        s = bedrock_open(r, CHAT_BLOCK_TEXT, STR_NONE, STR_NONE, STR_NONE);
        if (!s)
            s = bedrock_delta(r, jspan_str(scratch, text));
    } else if (jspan_is(tool, JSPAN_OBJECT)) {
        s = read_whole_call(r, scratch, tool);
    } else if (jspan_is(reasoning, JSPAN_OBJECT)) {
        s = read_whole_reasoning(r, scratch, reasoning);
    }
    return s ? s : bedrock_close(r);
}

status converse_read_whole(struct family_reader *reader, struct arena *scratch, struct str body)
{
    struct bedrock_reader *r = (struct bedrock_reader *)reader;
    struct jspan *answer;
    status s = jspan_parse(scratch, body, &answer, NULL);

    if (s)
        return s == E_NOMEM ? s : E_SYNTAX;
    const struct jspan *message = jspan_get(jspan_get(answer, "output"), "message");
    const struct jspan *content = jspan_get(message, "content");
    if (!jspan_is(content, JSPAN_ARRAY))
        return bedrock_failed(r, scratch, answer, &s) ? s : E_SYNTAX;
    r->whole = true;
    s = bedrock_start(r, STR_NONE, STR_NONE);
    for (const struct jspan *b = jspan_first(content); b && !s; b = b->next)
        s = read_block(r, scratch, b);
    read_usage(r, jspan_get(answer, "usage"));
    read_stop(r, scratch, answer);
    return s ? s : bedrock_finish(r);
}

status converse_read_end(struct family_reader *reader)
{
    struct bedrock_reader *r = (struct bedrock_reader *)reader;

    if (r->stopped || r->failed)
        return OK;
    return r->complete ? bedrock_finish(r) : E_SYNTAX;
}

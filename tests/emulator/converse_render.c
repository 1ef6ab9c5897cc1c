/*
 * Answers of Converse and its stream in three encodings: data: lines with Python literals (as
 * AI Core sends them), data: lines with JSON, or AWS event stream frames. See converse.h.
 */
#include "converse.h"
#include "inference.h"
#include "json.h"
#include "settings.h"
#include "sse.h"
#include "wire.h"

#include <string.h>

struct rendering {
    struct exchange *x;
    const struct convo *c;
    const struct answer *a;
    unsigned delay_ms;
    struct buf event; /* {"kind":{...}} */
};

/* The event without its outer key, as frames carry it. */
static void frame_write(struct exchange *x, struct buf *out, const cJSON *tree)
{
    const cJSON *inner = tree->child;
    char *payload = json_text(&x->pool, inner);
    const char *type = strstr(inner->string, "Exception") ? "exception" : "event";

    eventstream_frame(out, type, inner->string, payload, strlen(payload));
}

static void event_write(struct exchange *x, struct buf *out, const char *json)
{
    cJSON *tree = pool_keep(&x->pool, cJSON_Parse(json));
    struct buf literal = {&x->pool, NULL, 0, 0};

    if (!tree)
        return;
    switch ((int)settings.converse_encoding) {
    case CONVERSE_EVENTSTREAM:
        frame_write(x, out, tree);
        return;
    case CONVERSE_JSON:
        sse_write(out, json, "\n");
        return;
    case CONVERSE_PYTHON:
        break;
    }
    python_repr(&literal, tree);
    sse_write(out, literal.at, "\n");
}

static void converse_error_event(struct exchange *x, unsigned status, struct buf *out)
{
    struct buf json = {&x->pool, NULL, 0, 0};

    buf_json(&json, "{%q:{'message':%q}}", bedrock_exception(status),
             status == 429 ? "Too many requests, please wait before trying again."
                           : "The model stream ended with an error; it's been stopped.");
    event_write(x, out, json.at);
}

const struct family converse_family = {"bedrock-converse", bedrock_refuse, converse_error_event};

static const char *stop_reason(const struct answer *a)
{
    switch (a->stop) {
    case STOP_LENGTH:
        return "max_tokens";
    case STOP_SEQUENCE:
        return "stop_sequence";
    case STOP_CALLS:
        return "tool_use";
    case STOP_FILTER:
        return "content_filtered";
    case STOP_REFUSAL:
        return "guardrail_intervened";
    case STOP_END:
        break;
    }
    return "end_turn";
}

static char *call_id(const struct rendering *r, const struct block *block)
{
    return pool_printf(&r->x->pool, "tooluse_%s", block->id);
}

static void write_usage(const struct rendering *r, struct buf *out)
{
    const struct answer *a = r->a;
    int read = r->c->cache_read, write = r->c->cache_write;

    buf_json(out,
             "'usage':{'inputTokens':%d,'outputTokens':%d,'totalTokens':%d,"
             "'cacheReadInputTokens':%d,'cacheWriteInputTokens':%d},'metrics':{'latencyMs':100}",
             a->input_tokens, a->output_tokens, a->input_tokens + a->output_tokens + read + write,
             read, write);
}

static void write_text(const struct rendering *r, struct buf *out, const struct block *block)
{
    size_t i;

    if (!r->c->citable_count) {
        buf_json(out, "{'text':%q}", block->text);
        return;
    }
    buf_json(out, "{'citationsContent':{'content':[{'text':%q}],'citations':[", block->text);
    for (i = 0; i < r->c->citable_count; i++) {
        buf_text(out, i ? "," : "");
        converse_citation_write(out, &r->c->citables[i]);
    }
    buf_text(out, "]}}");
}

static void write_block(const struct rendering *r, struct buf *out, const struct block *block)
{
    struct pool *pool = &r->x->pool;

    switch (block->kind) {
    case BLOCK_TEXT:
        write_text(r, out, block);
        break;
    case BLOCK_THINK:
        buf_json(out, "{'reasoningContent':{'reasoningText':{'text':%q,'signature':%q}}}",
                 block->text, seal_text(pool, "claude", block->text));
        break;
    case BLOCK_REDACTED:
        buf_json(out, "{'reasoningContent':{'redactedContent':%q}}",
                 redacted_make(pool, block->text));
        break;
    case BLOCK_CALL:
        buf_json(out, "{'toolUse':{'toolUseId':%q,'name':%q,'input':%s}}", call_id(r, block),
                 block->name, block->args);
        break;
    }
}

static void render_whole(struct rendering *r)
{
    struct buf *out = &r->event;
    size_t i;

    buf_json(out, "{'output':{'message':{'role':'assistant','content':[");
    for (i = 0; i < r->a->block_count; i++) {
        buf_text(out, i ? "," : "");
        write_block(r, out, &r->a->blocks[i]);
    }
    buf_json(out, "]}},'stopReason':%q,", stop_reason(r->a));
    write_usage(r, out);
    buf_char(out, '}');
    reply_text(&r->x->reply, 200, "application/json", out->at);
}

static void event_send(struct rendering *r, unsigned delay_ms)
{
    event_write(r->x, &r->x->reply.bytes, r->event.at);
    reply_event(&r->x->reply, delay_ms);
    r->event.len = 0;
}

/* A delta: before and after enclose the quoted text. */
static void delta_send(struct rendering *r, size_t index, const char *before, const char *text,
                       size_t len, const char *after)
{
    buf_json(&r->event, "{'contentBlockDelta':{'delta':");
    buf_text(&r->event, before);
    buf_quote(&r->event, text, len);
    buf_text(&r->event, after);
    buf_json(&r->event, ",'contentBlockIndex':%d}}", (int)index);
    event_send(r, r->delay_ms);
}

static void stream_pieces(struct rendering *r, size_t index, const char *before, const char *text,
                          const char *after)
{
    size_t count, i, *pieces = answer_pieces(&r->x->pool, r->a, text, &count);

    for (i = 0; i < count; text += pieces[i++])
        delta_send(r, index, before, text, pieces[i], after);
}

static void stream_citations(struct rendering *r, size_t index)
{
    size_t i;

    for (i = 0; i < r->c->citable_count; i++) {
        buf_json(&r->event, "{'contentBlockDelta':{'delta':{'citation':");
        converse_citation_write(&r->event, &r->c->citables[i]);
        buf_json(&r->event, "},'contentBlockIndex':%d}}", (int)index);
        event_send(r, r->delay_ms);
    }
}

static void stream_think(struct rendering *r, size_t index, const struct block *block)
{
    const char *seal = seal_text(&r->x->pool, "claude", block->text);

    stream_pieces(r, index, "{\"reasoningContent\":{\"text\":", block->text, "}}");
    delta_send(r, index, "{\"reasoningContent\":{\"signature\":", seal, strlen(seal), "}}");
}

/* Only tool calls have a contentBlockStart. */
static void stream_call(struct rendering *r, size_t index, const struct block *block)
{
    buf_json(&r->event,
             "{'contentBlockStart':{'start':{'toolUse':{'toolUseId':%q,'name':%q}},"
             "'contentBlockIndex':%d}}",
             call_id(r, block), block->name, (int)index);
    event_send(r, r->delay_ms);
    stream_pieces(r, index, "{\"toolUse\":{\"input\":", block->args, "}}");
}

static void stream_block(struct rendering *r, size_t index)
{
    const struct block *block = &r->a->blocks[index];
    const char *data;

    switch (block->kind) {
    case BLOCK_TEXT:
        stream_pieces(r, index, "{\"text\":", block->text, "}");
        stream_citations(r, index);
        break;
    case BLOCK_THINK:
        stream_think(r, index, block);
        break;
    case BLOCK_REDACTED:
        data = redacted_make(&r->x->pool, block->text);
        delta_send(r, index, "{\"reasoningContent\":{\"redactedContent\":", data, strlen(data),
                   "}}");
        break;
    case BLOCK_CALL:
        stream_call(r, index, block);
        break;
    }
    buf_json(&r->event, "{'contentBlockStop':{'contentBlockIndex':%d}}", (int)index);
    event_send(r, 0);
}

static void render_stream(struct rendering *r)
{
    bool frames = settings.converse_encoding == CONVERSE_EVENTSTREAM;
    size_t i;

    reply_open(&r->x->reply, frames ? "application/vnd.amazon.eventstream" : "text/event-stream");
    buf_json(&r->event, "{'messageStart':{'role':'assistant'}}");
    event_send(r, 0);
    reply_content_begins(&r->x->reply);
    for (i = 0; i < r->a->block_count; i++)
        stream_block(r, i);
    buf_json(&r->event, "{'messageStop':{'stopReason':%q,'additionalModelResponseFields':null}}",
             stop_reason(r->a));
    event_send(r, r->delay_ms);
    buf_json(&r->event, "{'metadata':{");
    write_usage(r, &r->event);
    buf_text(&r->event, "}}");
    event_send(r, 0);
}

void converse_render(struct exchange *x, const struct convo *c, const struct answer *a, bool stream)
{
    struct rendering r = {.x = x, .c = c, .a = a};

    r.delay_ms = a->delay_ms;
    r.event.pool = &x->pool;
    if (stream)
        render_stream(&r);
    else
        render_whole(&r);
    answer_finish(x, a);
}

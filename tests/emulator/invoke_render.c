/*
 * Anthropic messages and their event stream. See invoke_render.h. The stream has no event:
 * lines, as AI Core sends it; with Accept: application/vnd.amazon.eventstream it consists of
 * AWS frames instead.
 */
#include "invoke_render.h"

#include "bedrock.h"
#include "inference.h"
#include "json.h"
#include "sse.h"
#include "wire.h"

#include <string.h>

struct rendering {
    struct exchange *x;
    const struct convo *c;
    const struct answer *a;
    bool frames;
    unsigned delay_ms;
    struct buf event;
};

static bool wants_frames(struct exchange *x)
{
    const char *accept = exchange_header(x, "Accept");

    return accept && strstr(accept, "application/vnd.amazon.eventstream");
}

static void event_write(struct exchange *x, struct buf *out, const char *json)
{
    struct buf wrapped = {&x->pool, NULL, 0, 0};

    if (!wants_frames(x)) {
        sse_write(out, json, "\n");
        return;
    }
    buf_json(&wrapped, "{'bytes':%q,'p':'abcdefghijkl'}",
             base64_encode(&x->pool, json, strlen(json)));
    eventstream_frame(out, "event", "chunk", wrapped.at, wrapped.len);
}

static void invoke_error_event(struct exchange *x, unsigned status, struct buf *out)
{
    struct buf json = {&x->pool, NULL, 0, 0};

    if (wants_frames(x)) {
        buf_json(&json, "{'message':'Too many requests, please wait before trying again.'}");
        eventstream_frame(out, "exception", bedrock_exception(status), json.at, json.len);
        return;
    }
    if (status == 429)
        buf_json(&json, "{'type':'error','message':'ThrottlingException: Too many requests, please "
                        "wait before trying again.'}");
    else
        buf_json(&json, "{'type':'error','error':{'type':'overloaded_error','message':"
                        "'Overloaded'}}");
    sse_write(out, json.at, "\n");
}

const struct family invoke_family = {"bedrock-invoke", bedrock_refuse, invoke_error_event};

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
    case STOP_REFUSAL:
        return "refusal";
    case STOP_END:
        break;
    }
    return "end_turn";
}

static void write_usage(const struct rendering *r, struct buf *out, int output_tokens)
{
    const struct convo *c = r->c;

    buf_json(out,
             "'usage':{'input_tokens':%d,'cache_creation_input_tokens':%d,"
             "'cache_read_input_tokens':%d,",
             r->a->input_tokens, c->cache_write, c->cache_read);
    buf_json(out,
             "'cache_creation':{'ephemeral_5m_input_tokens':%d,'ephemeral_1h_input_tokens':%d},"
             "'output_tokens':%d}",
             c->cache_write - c->cache_write_1h, c->cache_write_1h, output_tokens);
}

static void write_message_start(const struct rendering *r, struct buf *out)
{
    struct pool *pool = &r->x->pool;

    buf_json(out, "{'id':%q,'type':'message','role':'assistant','model':%q,",
             derived_id(pool, "msg_bdrk_01", convo_hash(r->c), 22, alnum_alphabet),
             strstr(r->c->model, "claude"));
}

static char *call_id(const struct rendering *r, const struct block *block)
{
    return pool_printf(&r->x->pool, "toolu_bdrk_%s", block->id);
}

static void write_text(const struct rendering *r, struct buf *out, const struct block *block)
{
    size_t i;

    buf_json(out, "{'type':'text','text':%q", block->text);
    for (i = 0; i < r->c->citable_count; i++) {
        buf_text(out, i ? "," : ",\"citations\":[");
        claude_citation_write(out, &r->c->citables[i]);
    }
    buf_text(out, i ? "]}" : "}");
}

static void write_block(const struct rendering *r, struct buf *out, const struct block *block)
{
    struct pool *pool = &r->x->pool;

    switch (block->kind) {
    case BLOCK_TEXT:
        write_text(r, out, block);
        break;
    case BLOCK_THINK:
        buf_json(out, "{'type':'thinking','thinking':%q,'signature':%q}", block->text,
                 seal_text(pool, "claude", block->text));
        break;
    case BLOCK_REDACTED:
        buf_json(out, "{'type':'redacted_thinking','data':%q}", redacted_make(pool, block->text));
        break;
    case BLOCK_CALL:
        buf_json(out, "{'type':'tool_use','id':%q,'name':%q,'input':%s}", call_id(r, block),
                 block->name, block->args);
        break;
    }
}

static void render_whole(struct rendering *r)
{
    struct buf *out = &r->event;
    size_t i;

    write_message_start(r, out);
    buf_text(out, "\"content\":[");
    for (i = 0; i < r->a->block_count; i++) {
        buf_text(out, i ? "," : "");
        write_block(r, out, &r->a->blocks[i]);
    }
    buf_json(out, "],'stop_reason':%q,'stop_sequence':%q,", stop_reason(r->a), r->a->stop_sequence);
    write_usage(r, out, r->a->output_tokens);
    buf_char(out, '}');
    reply_text(&r->x->reply, 200, "application/json", out->at);
}

static void event_send(struct rendering *r, unsigned delay_ms)
{
    event_write(r->x, &r->x->reply.bytes, r->event.at);
    reply_event(&r->x->reply, delay_ms);
    r->event.len = 0;
}

/* Deltas of one kind: {"type":type,"field":piece}. */
static void stream_pieces(struct rendering *r, size_t index, const char *type, const char *field,
                          const char *text)
{
    size_t count, i, *pieces = answer_pieces(&r->x->pool, r->a, text, &count);

    for (i = 0; i < count; text += pieces[i++]) {
        buf_json(&r->event,
                 "{'type':'content_block_delta','index':%d,'delta':{'type':%q,%q:", (int)index,
                 type, field);
        buf_quote(&r->event, text, pieces[i]);
        buf_text(&r->event, "}}");
        event_send(r, r->delay_ms);
    }
}

static void stream_citations(struct rendering *r, size_t index)
{
    size_t i;

    for (i = 0; i < r->c->citable_count; i++) {
        buf_json(&r->event,
                 "{'type':'content_block_delta','index':%d,'delta':{'type':'citations_delta',"
                 "'citation':",
                 (int)index);
        claude_citation_write(&r->event, &r->c->citables[i]);
        buf_text(&r->event, "}}");
        event_send(r, r->delay_ms);
    }
}

static void stream_signature(struct rendering *r, size_t index, const char *text)
{
    buf_json(&r->event,
             "{'type':'content_block_delta','index':%d,'delta':{'type':'signature_delta',"
             "'signature':%q}}",
             (int)index, seal_text(&r->x->pool, "claude", text));
    event_send(r, r->delay_ms);
}

static void write_block_start(struct rendering *r, const struct block *block)
{
    struct buf *out = &r->event;

    switch (block->kind) {
    case BLOCK_TEXT:
        buf_json(out, "{'type':'text','text':''}");
        break;
    case BLOCK_THINK:
        buf_json(out, "{'type':'thinking','thinking':'','signature':''}");
        break;
    case BLOCK_REDACTED:
        write_block(r, out, block);
        break;
    case BLOCK_CALL:
        buf_json(out, "{'type':'tool_use','id':%q,'name':%q,'input':{}}", call_id(r, block),
                 block->name);
        break;
    }
}

static void stream_block(struct rendering *r, size_t index)
{
    const struct block *block = &r->a->blocks[index];

    buf_json(&r->event, "{'type':'content_block_start','index':%d,'content_block':", (int)index);
    write_block_start(r, block);
    buf_char(&r->event, '}');
    event_send(r, 0);
    if (block->kind == BLOCK_TEXT) {
        stream_pieces(r, index, "text_delta", "text", block->text);
        stream_citations(r, index);
    }
    if (block->kind == BLOCK_THINK) {
        stream_pieces(r, index, "thinking_delta", "thinking", block->text);
        stream_signature(r, index, block->text);
    }
    if (block->kind == BLOCK_CALL)
        stream_pieces(r, index, "input_json_delta", "partial_json", block->args);
    buf_json(&r->event, "{'type':'content_block_stop','index':%d}", (int)index);
    event_send(r, 0);
}

static void stream_end(struct rendering *r)
{
    const struct answer *a = r->a;

    buf_json(&r->event, "{'type':'message_delta','delta':{'stop_reason':%q,'stop_sequence':%q},",
             stop_reason(a), a->stop_sequence);
    write_usage(r, &r->event, a->output_tokens);
    buf_char(&r->event, '}');
    event_send(r, r->delay_ms);
    buf_json(&r->event,
             "{'type':'message_stop','amazon-bedrock-invocationMetrics':{'inputTokenCount':%d,"
             "'outputTokenCount':%d,'invocationLatency':100,'firstByteLatency':10,"
             "'cacheReadInputTokenCount':%d,'cacheWriteInputTokenCount':%d}}",
             a->input_tokens, a->output_tokens, r->c->cache_read, r->c->cache_write);
    event_send(r, 0);
}

static void render_stream(struct rendering *r)
{
    size_t i;

    reply_open(&r->x->reply,
               r->frames ? "application/vnd.amazon.eventstream" : "text/event-stream");
    buf_json(&r->event, "{'type':'message_start','message':");
    write_message_start(r, &r->event);
    buf_json(&r->event, "'content':[],'stop_reason':null,'stop_sequence':null,");
    write_usage(r, &r->event, 1);
    buf_text(&r->event, "}}");
    event_send(r, 0);
    reply_content_begins(&r->x->reply);
    for (i = 0; i < r->a->block_count; i++)
        stream_block(r, i);
    stream_end(r);
}

void invoke_render(struct exchange *x, const struct convo *c, const struct answer *a, bool stream)
{
    struct rendering r = {.x = x, .c = c, .a = a, .frames = wants_frames(x)};

    r.delay_ms = a->delay_ms;
    r.event.pool = &x->pool;
    if (stream)
        render_stream(&r);
    else
        render_whole(&r);
    answer_finish(x, a);
}

/*
 * Answers of Gemini: one object, server-sent events with CRLF (alt=sse), or a JSON array that
 * grows. See vertex.h.
 */
#include "inference.h"
#include "json.h"
#include "sse.h"
#include "tenant.h"
#include "vertex.h"

#include <string.h>

struct rendering {
    struct exchange *x;
    const struct convo *c;
    const struct answer *a;
    bool sse, first;
    unsigned delay_ms;
    int sent_tokens, calls;
    const char *id;
};

static bool wants_sse(struct exchange *x)
{
    const char *alt = exchange_argument(x, "alt");

    return alt && !strcmp(alt, "sse");
}

static bool is_stream(struct exchange *x)
{
    return x->suffix && strstr(x->suffix, ":stream");
}

static const char *status_name(unsigned status)
{
    switch (status) {
    case 400:
        return "INVALID_ARGUMENT";
    case 401:
        return "UNAUTHENTICATED";
    case 403:
        return "PERMISSION_DENIED";
    case 404:
        return "NOT_FOUND";
    case 429:
        return "RESOURCE_EXHAUSTED";
    case 503:
        return "UNAVAILABLE";
    case 504:
        return "DEADLINE_EXCEEDED";
    default:
        return "INTERNAL";
    }
}

/* Errors of stream calls without alt=sse come inside of an array. */
static void vertex_refuse(struct exchange *x, unsigned status, const char *message)
{
    bool array = is_stream(x) && !wants_sse(x);

    reply_json(&x->reply, status, "%s{'error':{'code':%u,'message':%q,'status':%q}}%s",
               array ? "[" : "", status, message, status_name(status), array ? "]" : "");
}

static void vertex_error_event(struct exchange *x, unsigned status, struct buf *out)
{
    struct buf json = {&x->pool, NULL, 0, 0};

    buf_json(&json, "{'error':{'code':%u,'message':%q,'status':%q}}", status,
             status == 429 ? "Resource exhausted. Please try again later."
                           : "Internal error encountered.",
             status_name(status));
    if (wants_sse(x)) {
        sse_write(out, json.at, "\r\n");
        return;
    }
    buf_text(out, out->len ? "\n,\r\n" : "[");
    buf_text(out, json.at);
    buf_text(out, "\n]");
}

const struct family vertex_family = {"vertex-gemini", vertex_refuse, vertex_error_event};

static const char *finish_reason(const struct answer *a)
{
    if (a->stop == STOP_LENGTH)
        return "MAX_TOKENS";
    return a->stop == STOP_FILTER ? "SAFETY" : "STOP";
}

static void write_usage(const struct rendering *r, struct buf *out, int answer_tokens)
{
    const struct answer *a = r->a;

    buf_json(out, "'usageMetadata':{'promptTokenCount':%d,'candidatesTokenCount':%d,",
             a->input_tokens, answer_tokens * r->c->choices);
    if (a->reasoning_tokens)
        buf_json(out, "'thoughtsTokenCount':%d,", a->reasoning_tokens);
    buf_json(out,
             "'totalTokenCount':%d,'trafficType':'ON_DEMAND','promptTokensDetails':[{'modality':"
             "'TEXT','tokenCount':%d}]}",
             a->input_tokens + answer_tokens * r->c->choices + a->reasoning_tokens,
             a->input_tokens);
}

static int visible_tokens(const struct answer *a)
{
    return a->output_tokens > a->reasoning_tokens ? a->output_tokens - a->reasoning_tokens : 0;
}

static void write_tail(const struct rendering *r, struct buf *out, int answer_tokens)
{
    write_usage(r, out, answer_tokens);
    buf_json(out, ",'modelVersion':%q,'createTime':'2026-01-02T03:04:05Z','responseId':%q}",
             r->c->model, r->id);
}

static void write_text_part(struct buf *out, const char *text, size_t len, bool thought)
{
    buf_text(out, "{\"text\":");
    buf_quote(out, text, len);
    buf_text(out, thought ? ",\"thought\":true}" : "}");
}

/* The first of parallel calls carries the signature. */
static void write_call_part(struct rendering *r, struct buf *out, const struct block *block)
{
    bool sign = !r->calls++ && (vertex_demands_signatures(r->c->model) || r->c->thinking);

    buf_json(out, "{'functionCall':{'name':%q,'args':%s}", block->name, block->args);
    if (sign)
        buf_json(out, ",'thoughtSignature':%q",
                 vertex_signature(&r->x->pool, block->name, block->id));
    buf_char(out, '}');
}

static void write_parts(struct rendering *r, struct buf *out)
{
    size_t i;

    r->calls = 0;
    for (i = 0; i < r->a->block_count; i++) {
        const struct block *block = &r->a->blocks[i];
        buf_text(out, i ? "," : "");
        if (block->kind == BLOCK_CALL)
            write_call_part(r, out, block);
        else
            write_text_part(out, block->text, strlen(block->text), block->kind != BLOCK_TEXT);
    }
}

/* What Google Search has found: one source for all that was said, counted in bytes. */
static void write_grounding(const struct rendering *r, struct buf *out)
{
    size_t i, said = 0;

    if (!r->c->grounded)
        return;
    for (i = 0; i < r->a->block_count; i++)
        said += r->a->blocks[i].kind == BLOCK_TEXT ? strlen(r->a->blocks[i].text) : 0;
    buf_json(out,
             ",'groundingMetadata':{'webSearchQueries':['question'],'groundingChunks':[{'web':{"
             "'uri':'https://example.test/source','title':'example.test','domain':"
             "'example.test'}}],");
    buf_json(out,
             "'groundingSupports':[{'segment':{'startIndex':0,'endIndex':%d},"
             "'groundingChunkIndices':[0],'confidenceScores':[0.9]}]}",
             (int)said);
}

/* No candidates at all, only the reason. */
static void write_blocked(struct rendering *r, struct buf *out)
{
    buf_json(out, "{'promptFeedback':{'blockReason':'PROHIBITED_CONTENT'},");
    write_tail(r, out, 0);
}

static void render_whole(struct rendering *r)
{
    struct buf out = {&r->x->pool, NULL, 0, 0};
    int i;

    if (r->a->stop == STOP_REFUSAL) {
        write_blocked(r, &out);
        reply_text(&r->x->reply, 200, "application/json; charset=UTF-8", out.at);
        return;
    }
    buf_json(&out, "{'candidates':[");
    for (i = 0; i < r->c->choices; i++) {
        buf_json(&out, "%s{'content':{'role':'model','parts':[", i ? "," : "");
        write_parts(r, &out);
        buf_json(&out, "]},'finishReason':%q,'index':%d,'avgLogprobs':-0.1", finish_reason(r->a),
                 i);
        write_grounding(r, &out);
        buf_char(&out, '}');
    }
    buf_text(&out, "],");
    write_tail(r, &out, visible_tokens(r->a));
    reply_text(&r->x->reply, 200, "application/json; charset=UTF-8", out.at);
}

static void chunk_send(struct rendering *r, struct buf *json, unsigned delay_ms)
{
    struct buf *out = &r->x->reply.bytes;

    if (r->sse) {
        sse_event(r->x, json->at, "\r\n", delay_ms);
        return;
    }
    buf_text(out, r->first ? "[" : ",\r\n");
    buf_text(out, json->at);
    buf_text(out, "\n");
    r->first = false;
    reply_event(&r->x->reply, delay_ms);
}

/* One chunk: the given parts for every candidate. */
static void parts_send(struct rendering *r, const char *parts, const char *reason, int tokens)
{
    struct buf json = {&r->x->pool, NULL, 0, 0};
    int i;

    buf_json(&json, "{'candidates':[");
    for (i = 0; i < r->c->choices; i++) {
        buf_json(&json, "%s{'content':{'role':'model','parts':[", i ? "," : "");
        buf_text(&json, parts);
        buf_text(&json, "]}");
        if (reason) {
            buf_json(&json, ",'finishReason':%q", reason);
            write_grounding(r, &json);
        }
        buf_json(&json, ",'index':%d}", i);
    }
    buf_text(&json, "],");
    write_tail(r, &json, tokens);
    chunk_send(r, &json, r->delay_ms);
}

static void stream_text(struct rendering *r, const struct block *block)
{
    size_t count, i, *pieces = answer_pieces(&r->x->pool, r->a, block->text, &count);
    const char *text = block->text;
    struct buf part = {&r->x->pool, NULL, 0, 0};

    for (i = 0; i < count; text += pieces[i++]) {
        part.len = 0;
        write_text_part(&part, text, pieces[i], block->kind != BLOCK_TEXT);
        if (block->kind == BLOCK_TEXT)
            r->sent_tokens += (int)(pieces[i] + 3) / 4;
        parts_send(r, part.at, NULL, r->sent_tokens);
    }
}

static void stream_blocks(struct rendering *r)
{
    struct buf part = {&r->x->pool, NULL, 0, 0};
    size_t i;

    for (i = 0; i < r->a->block_count; i++) {
        const struct block *block = &r->a->blocks[i];
        if (block->kind != BLOCK_CALL) {
            stream_text(r, block);
            continue;
        }
        part.len = 0;
        write_call_part(r, &part, block);
        parts_send(r, part.at, NULL, r->sent_tokens);
    }
    parts_send(r, "{\"text\":\"\"}", finish_reason(r->a), visible_tokens(r->a));
}

static void render_stream(struct rendering *r)
{
    struct buf part = {&r->x->pool, NULL, 0, 0};

    reply_open(&r->x->reply, r->sse ? "text/event-stream" : "application/json; charset=UTF-8");
    reply_content_begins(&r->x->reply);
    if (r->a->stop == STOP_REFUSAL) {
        write_blocked(r, &part);
        chunk_send(r, &part, r->delay_ms);
    } else {
        stream_blocks(r);
    }
    if (!r->sse) {
        buf_text(&r->x->reply.bytes, "]");
        reply_event(&r->x->reply, 0);
    }
}

void vertex_render(struct exchange *x, const struct convo *c, const struct answer *a, bool stream)
{
    struct rendering r = {.x = x, .c = c, .a = a, .sse = wants_sse(x), .first = true};

    r.delay_ms = a->delay_ms;
    r.id = derived_id(&x->pool, "", convo_hash(c), 22, alnum_alphabet);
    if (stream)
        render_stream(&r);
    else
        render_whole(&r);
    answer_finish(x, a);
}

/*
 * Answers of the Responses API. As AI Core sends them: `data:` lines alone, every event numbered,
 * padding in the deltas, the whole response in the last event and no [DONE].
 */
#include "responses.h"

#include "json.h"
#include "sse.h"
#include "tenant.h"

#include <stdatomic.h>
#include <string.h>

enum { CREATED = 1767323045 };

struct rendering {
    struct exchange *x;
    const struct convo *c;
    const struct answer *a;
    const char *id, *model;
    const char *unfinished; /* the status while it is made */
    bool summary, encrypted;
    unsigned delay_ms;
    struct buf event;
    int number;
};

static const char *status_of(const struct rendering *r)
{
    return r->a->stop == STOP_LENGTH || r->a->stop == STOP_FILTER ? "incomplete" : "completed";
}

/* --- items --------------------------------------------------------------------------------------- */

static const char *item_id(struct rendering *r, size_t at, const char *prefix)
{
    return derived_id(&r->x->pool, prefix, convo_hash(r->c) + 7 * at, 32, hex_alphabet);
}

static const char *id_of(struct rendering *r, size_t at)
{
    const struct block *b = &r->a->blocks[at];

    return item_id(r, at, b->kind == BLOCK_TEXT ? "msg_" : b->kind == BLOCK_CALL ? "fc_" : "rs_");
}

static const char *part_text(struct rendering *r, const struct block *b, bool whole)
{
    struct buf out = {&r->x->pool, NULL, 0, 0};

    if (r->a->stop == STOP_REFUSAL)
        buf_json(&out, "{'type':'refusal','refusal':%q}", whole ? b->text : "");
    else
        buf_json(&out, "{'type':'output_text','annotations':[],'logprobs':[],'text':%q}",
                 whole ? b->text : "");
    return out.at;
}

static void write_item(struct rendering *r, struct buf *out, size_t at, bool whole)
{
    const struct block *b = &r->a->blocks[at];
    const char *id = id_of(r, at), *status = whole ? "completed" : "in_progress";

    if (b->kind == BLOCK_TEXT) {
        buf_json(out, "{'id':%q,'type':'message','status':%q,'content':[%s],'role':'assistant'}",
                 id, status, whole ? part_text(r, b, true) : "");
    } else if (b->kind == BLOCK_CALL) {
        buf_json(out,
                 "{'id':%q,'type':'function_call','status':%q,'arguments':%q,'call_id':%q,"
                 "'name':%q}",
                 id, status, whole ? b->args : "", pool_printf(&r->x->pool, "call_%s", b->id),
                 b->name);
    } else {
        buf_json(out, "{'id':%q,'type':'reasoning','summary':[", id);
        if (whole && r->summary)
            buf_json(out, "{'type':'summary_text','text':%q}", b->text);
        buf_text(out, "]");
        if (r->encrypted)
            buf_json(out, ",'encrypted_content':%q",
                     responses_seal(&r->x->pool, id, whole ? b->text : ""));
        buf_text(out, "}");
    }
}

/* --- the response -------------------------------------------------------------------------------- */

static void write_output(struct rendering *r, struct buf *out)
{
    size_t i;

    buf_char(out, '[');
    for (i = 0; i < r->a->block_count; i++) {
        buf_text(out, i ? "," : "");
        write_item(r, out, i, true);
    }
    buf_char(out, ']');
}

static void write_response(struct rendering *r, struct buf *out, bool whole)
{
    const struct answer *a = r->a;
    const char *why = a->stop == STOP_LENGTH   ? "{\"reason\":\"max_output_tokens\"}"
                      : a->stop == STOP_FILTER ? "{\"reason\":\"content_filter\"}"
                                               : "null";

    buf_json(out,
             "{'id':%q,'object':'response','created_at':%d,'status':%q,'background':%b,"
             "'content_filters':[],'error':null,'incomplete_details':%s,'model':%q,'output':",
             r->id, (int)CREATED, whole ? status_of(r) : r->unfinished,
             json_true(r->x->json, "background"), whole ? why : "null", r->model);
    if (whole)
        write_output(r, out);
    else
        buf_text(out, "[]");
    buf_json(out, ",'parallel_tool_calls':true,'previous_response_id':%q,'store':%b,'usage':",
             json_str(r->x->json, "previous_response_id"),
             !cJSON_IsFalse(json_get(r->x->json, "store")));
    if (!whole) {
        buf_text(out, "null}");
        return;
    }
    buf_json(out,
             "{'input_tokens':%d,'input_tokens_details':{'cached_tokens':%d},'output_tokens':%d,"
             "'output_tokens_details':{'reasoning_tokens':%d},'total_tokens':%d}}",
             a->input_tokens, r->c->cache_read, a->output_tokens, a->reasoning_tokens,
             a->input_tokens + a->output_tokens);
}

/* --- the stream ---------------------------------------------------------------------------------- */

static void begin(struct rendering *r, const char *type)
{
    r->event.len = 0;
    buf_json(&r->event, "{'type':%q,'sequence_number':%d", type, r->number++);
}

static void end(struct rendering *r, unsigned delay_ms)
{
    buf_char(&r->event, '}');
    sse_event(r->x, r->event.at, "\n", delay_ms);
}

static void send_response(struct rendering *r, const char *type, bool whole)
{
    begin(r, type);
    buf_text(&r->event, ",\"response\":");
    write_response(r, &r->event, whole);
    end(r, 0);
}

static void send_item(struct rendering *r, size_t at, bool whole)
{
    begin(r, whole ? "response.output_item.done" : "response.output_item.added");
    buf_json(&r->event, ",'output_index':%d,'item':", (int)at);
    write_item(r, &r->event, at, whole);
    end(r, 0);
}

/* An event about a part of an item; `inside` is the rest of it. */
static void send_place(struct rendering *r, const char *type, size_t at, const char *index,
                       const char *inside)
{
    begin(r, type);
    buf_json(&r->event, ",'item_id':%q,'output_index':%d", id_of(r, at), (int)at);
    if (index)
        buf_json(&r->event, ",%q:0", index);
    buf_text(&r->event, inside);
    end(r, 0);
}

static void send_pieces(struct rendering *r, const char *type, size_t at, const char *index,
                        const char *text)
{
    size_t count, i, *pieces = answer_pieces(&r->x->pool, r->a, text, &count);

    for (i = 0; i < count; text += pieces[i++]) {
        begin(r, type);
        buf_json(&r->event, ",'item_id':%q,'output_index':%d", id_of(r, at), (int)at);
        if (index)
            buf_json(&r->event, ",%q:0", index);
        if (strstr(type, "output_text"))
            buf_text(&r->event, ",\"logprobs\":[]");
        buf_text(&r->event, ",\"delta\":");
        buf_quote(&r->event, text, pieces[i]);
        buf_json(&r->event, ",'obfuscation':'x7Qp'");
        end(r, r->delay_ms);
    }
}

static const char *member(struct rendering *r, const char *name, const char *text)
{
    struct buf out = {&r->x->pool, NULL, 0, 0};

    buf_json(&out, ",%q:%q", name, text);
    return out.at;
}

static void stream_text(struct rendering *r, size_t at)
{
    const struct block *b = &r->a->blocks[at];
    bool refusal = r->a->stop == STOP_REFUSAL;

    send_place(r, "response.content_part.added", at, "content_index",
               pool_printf(&r->x->pool, ",\"part\":%s", part_text(r, b, false)));
    send_pieces(r, refusal ? "response.refusal.delta" : "response.output_text.delta", at,
                "content_index", b->text);
    send_place(r, refusal ? "response.refusal.done" : "response.output_text.done", at,
               "content_index", member(r, refusal ? "refusal" : "text", b->text));
    send_place(r, "response.content_part.done", at, "content_index",
               pool_printf(&r->x->pool, ",\"part\":%s", part_text(r, b, true)));
}

static void stream_thought(struct rendering *r, size_t at)
{
    const struct block *b = &r->a->blocks[at];
    struct buf part = {&r->x->pool, NULL, 0, 0};

    if (!r->summary)
        return;
    buf_json(&part, ",'part':{'type':'summary_text','text':%q}", b->text);
    send_place(r, "response.reasoning_summary_part.added", at, "summary_index",
               ",\"part\":{\"type\":\"summary_text\",\"text\":\"\"}");
    send_pieces(r, "response.reasoning_summary_text.delta", at, "summary_index", b->text);
    send_place(r, "response.reasoning_summary_text.done", at, "summary_index",
               member(r, "text", b->text));
    send_place(r, "response.reasoning_summary_part.done", at, "summary_index", part.at);
}

static void stream_item(struct rendering *r, size_t at)
{
    const struct block *b = &r->a->blocks[at];

    send_item(r, at, false);
    if (b->kind == BLOCK_TEXT) {
        stream_text(r, at);
    } else if (b->kind == BLOCK_CALL) {
        send_pieces(r, "response.function_call_arguments.delta", at, NULL, b->args);
        send_place(r, "response.function_call_arguments.done", at, NULL,
                   member(r, "arguments", b->args));
    } else {
        stream_thought(r, at);
    }
    send_item(r, at, true);
}

static void render_stream(struct rendering *r)
{
    size_t i;

    reply_open(&r->x->reply, "text/event-stream; charset=utf-8");
    send_response(r, "response.created", false);
    send_response(r, "response.in_progress", false);
    reply_content_begins(&r->x->reply);
    for (i = 0; i < r->a->block_count; i++)
        stream_item(r, i);
    send_response(
        r, strcmp(status_of(r), "completed") ? "response.incomplete" : "response.completed", true);
}

static void render_queued(struct rendering *r)
{
    struct buf out = {&r->x->pool, NULL, 0, 0};

    r->unfinished = "queued";
    write_response(r, &out, false);
    reply_text(&r->x->reply, 200, "application/json", out.at);
}

const char *responses_render(struct exchange *x, const struct convo *c, const struct answer *a,
                             struct buf *items, struct buf *whole)
{
    const struct model *m = x->deployment->model;
    static atomic_uint_fast64_t serial;
    const cJSON *item;
    struct rendering r = {.x = x, .c = c, .a = a, .delay_ms = a->delay_ms};

    /* no two of them are the same response, whatever was asked */
    r.id = derived_id(&x->pool, "resp_", convo_hash(c) ^ atomic_fetch_add(&serial, 1) << 32, 32,
                      hex_alphabet);
    r.unfinished = "in_progress";
    r.model = pool_printf(&x->pool, "%s-%s", m->name, m->version);
    r.summary = json_get(json_get(x->json, "reasoning"), "summary") != NULL;
    r.event.pool = &x->pool;
    cJSON_ArrayForEach(item, json_get(x->json, "include"))
    {
        r.encrypted |=
            cJSON_IsString(item) && !strcmp(item->valuestring, "reasoning.encrypted_content");
    }
    write_output(&r, items);
    write_response(&r, whole, true);
    if (json_true(x->json, "stream"))
        render_stream(&r);
    else if (json_true(x->json, "background"))
        render_queued(&r);
    else
        reply_text(&x->reply, 200, "application/json", whole->at);
    answer_finish(x, a);
    return r.id;
}

/*
 * Answers in the shape of chat completions. See chat.h. Azure adds content filter results and
 * opens streams with a chunk that has no choices; the hosted (vLLM-like) models add empty
 * tool_calls and null fields, and say "stop" even when they call a tool.
 */
#include "chat.h"
#include "inference.h"
#include "json.h"
#include "sse.h"
#include "tenant.h"
#include "wire.h"

#include <string.h>

struct rendering {
    struct exchange *x;
    const struct convo *c;
    const struct answer *a;
    const char *id, *model;
    bool azure, usage_asked;
    unsigned delay_ms;
    struct buf chunk;
};

#define FILTERED                                                                                   \
    "{'hate':{'filtered':false,'severity':'safe'},'self_harm':{'filtered':false,'severity':"       \
    "'safe'},'sexual':{'filtered':false,'severity':'safe'},'violence':{'filtered':false,"          \
    "'severity':'safe'}}"

enum { CREATED = 1767323045 };

static struct rendering rendering_make(struct exchange *x, const struct convo *c,
                                       const struct answer *a)
{
    struct rendering r = {.x = x, .c = c, .a = a, .azure = x->family == &azure_family};
    const struct model *m = x->deployment->model;

    r.id = derived_id(&x->pool, "chatcmpl-", convo_hash(c), 29, alnum_alphabet);
    r.model = r.azure ? pool_printf(&x->pool, "%s-%s", m->name, m->version) : m->name;
    r.usage_asked = json_true(json_get(x->json, "stream_options"), "include_usage");
    r.delay_ms = a->delay_ms;
    r.chunk.pool = &x->pool;
    return r;
}

static const char *finish_reason(const struct rendering *r)
{
    switch (r->a->stop) {
    case STOP_LENGTH:
        return "length";
    case STOP_CALLS:
        return r->azure ? "tool_calls" : "stop";
    case STOP_FILTER:
        return "content_filter";
    case STOP_END:
    case STOP_SEQUENCE:
    case STOP_REFUSAL:
        break;
    }
    return "stop";
}

static const char *call_id(const struct rendering *r, const struct block *block)
{
    return r->azure ? pool_printf(&r->x->pool, "call_%s", block->id)
                    : pool_copy(&r->x->pool, block->id, 9);
}

static void write_usage(struct rendering *r, struct buf *out)
{
    const struct answer *a = r->a;
    int output = a->output_tokens * r->c->choices;

    buf_json(out, "'usage':{'prompt_tokens':%d,'completion_tokens':%d,'total_tokens':%d",
             a->input_tokens, output, a->input_tokens + output);
    if (r->azure)
        buf_json(out,
                 ",'prompt_tokens_details':{'audio_tokens':0,'cached_tokens':%d},"
                 "'completion_tokens_details':{'accepted_prediction_tokens':0,'audio_tokens':0,"
                 "'reasoning_tokens':%d,'rejected_prediction_tokens':0}",
                 r->c->cache_read, a->reasoning_tokens * r->c->choices);
    buf_char(out, '}');
}

/* One token with its probability; the text stands for the token. */
static void write_logprob(struct rendering *r, struct buf *out, const char *text, size_t len)
{
    size_t i;
    int k;

    buf_text(out, "{\"token\":");
    buf_quote(out, text, len);
    buf_text(out, ",\"logprob\":-0.125,\"bytes\":[");
    for (i = 0; i < len; i++)
        buf_json(out, "%s%d", i ? "," : "", (int)(unsigned char)text[i]);
    buf_text(out, "],\"top_logprobs\":[");
    for (k = 0; k < r->c->top_logprobs; k++) {
        buf_text(out, k ? ",{\"token\":" : "{\"token\":");
        buf_quote(out, text, len);
        buf_json(out, ",'logprob':%f,'bytes':null}", -0.125 - k);
    }
    buf_text(out, "]}");
}

static const char *block_text(const struct rendering *r, const struct block *block, int choice)
{
    return choice ? pool_printf(&r->x->pool, "%s (choice %d)", block->text, choice + 1)
                  : block->text;
}

static void write_call(struct rendering *r, struct buf *out, const struct block *block)
{
    buf_json(out, "{'id':%q,'type':'function','function':{'name':%q,'arguments':%q}}",
             call_id(r, block), block->name, block->args);
}

static void write_whole_logprobs(struct rendering *r, struct buf *out, const char *text)
{
    size_t count, i, *pieces = answer_pieces(&r->x->pool, r->a, text, &count);

    buf_text(out, ",\"logprobs\":");
    if (!r->c->logprobs) {
        buf_text(out, "null");
        return;
    }
    buf_text(out, "{\"content\":[");
    for (i = 0; i < count; text += pieces[i++]) {
        buf_text(out, i ? "," : "");
        write_logprob(r, out, text, pieces[i]);
    }
    buf_text(out, "],\"refusal\":null}");
}

static void write_choice(struct rendering *r, struct buf *out, int choice)
{
    struct buf text = {&r->x->pool, NULL, 0, 0}, calls = {&r->x->pool, NULL, 0, 0};
    bool refused = r->a->stop == STOP_REFUSAL;
    size_t i;

    for (i = 0; i < r->a->block_count; i++) {
        const struct block *block = &r->a->blocks[i];
        if (block->kind == BLOCK_TEXT)
            buf_text(&text, block_text(r, block, choice));
        if (block->kind == BLOCK_CALL) {
            buf_text(&calls, calls.len ? "," : "");
            write_call(r, &calls, block);
        }
    }
    buf_json(out, "{'index':%d,'finish_reason':%q,'message':{'role':'assistant','content':%q",
             choice, finish_reason(r), text.len && !refused ? text.at : NULL);
    if (calls.len || !r->azure)
        buf_json(out, ",'tool_calls':[%s]", buf_str(&calls));
    if (r->azure)
        buf_json(out, ",'refusal':%q,'annotations':[]", refused ? buf_str(&text) : NULL);
    else
        buf_text(out, ",\"reasoning_content\":null");
    buf_char(out, '}');
    write_whole_logprobs(r, out, buf_str(&text));
    if (r->azure)
        buf_json(out, ",'content_filter_results':" FILTERED);
    else
        buf_text(out, ",\"stop_reason\":null");
    buf_char(out, '}');
}

static bool is_sonar(const struct rendering *r)
{
    return !strcmp(r->model, "sonar");
}

#define CITATIONS                                                                                  \
    ",'citations':['https://example.test/source'],'search_results':[{'title':'Source',"            \
    "'url':'https://example.test/source','date':null}]"

static void render_whole(struct rendering *r)
{
    struct buf out = {&r->x->pool, NULL, 0, 0};
    int i;

    buf_json(&out, "{'id':%q,'object':'chat.completion','created':%d,'model':%q,'choices':[", r->id,
             (int)CREATED, r->model);
    for (i = 0; i < r->c->choices; i++) {
        buf_text(&out, i ? "," : "");
        write_choice(r, &out, i);
    }
    buf_text(&out, "],");
    write_usage(r, &out);
    if (r->azure)
        buf_json(&out, ",'system_fingerprint':'fp_emulator','prompt_filter_results':[{"
                       "'prompt_index':0,'content_filter_results':" FILTERED "}]");
    else
        buf_text(&out, ",\"prompt_logprobs\":null");
    if (is_sonar(r))
        buf_json(&out, CITATIONS);
    buf_char(&out, '}');
    reply_text(&r->x->reply, 200, "application/json", out.at);
}

static void chunk_begin(struct rendering *r)
{
    r->chunk.len = 0;
    buf_json(&r->chunk, "{'id':%q,'object':'chat.completion.chunk','created':%d,'model':%q,", r->id,
             (int)CREATED, r->model);
    if (r->azure)
        buf_text(&r->chunk, "\"system_fingerprint\":\"fp_emulator\",");
}

static void chunk_end(struct rendering *r, unsigned delay_ms)
{
    if (r->azure && r->usage_asked && !strstr(r->chunk.at, "\"usage\":{"))
        buf_text(&r->chunk, ",\"usage\":null");
    buf_char(&r->chunk, '}');
    sse_event(r->x, r->chunk.at, "\n", delay_ms);
}

/* A chunk with one choice; delta is the inside of the delta object. */
static void choice_begin(struct rendering *r, int choice)
{
    chunk_begin(r);
    buf_json(&r->chunk, "'choices':[{'index':%d,'delta':{", choice);
}

static void choice_end(struct rendering *r, const char *reason, unsigned delay_ms)
{
    buf_json(&r->chunk, ",'finish_reason':%q", reason);
    if (r->azure)
        buf_json(&r->chunk, ",'content_filter_results':%s", reason ? "{}" : "");
    if (r->azure && !reason)
        buf_json(&r->chunk, FILTERED);
    buf_text(&r->chunk, "}]");
    chunk_end(r, delay_ms);
}

static void stream_text(struct rendering *r, const char *text, int choice)
{
    size_t count, i, *pieces = answer_pieces(&r->x->pool, r->a, text, &count);
    const char *field = r->a->stop == STOP_REFUSAL ? "refusal" : "content";

    for (i = 0; i < count; text += pieces[i++]) {
        choice_begin(r, choice);
        buf_json(&r->chunk, "%q:", field);
        buf_quote(&r->chunk, text, pieces[i]);
        buf_text(&r->chunk, "},\"logprobs\":");
        if (r->c->logprobs) {
            buf_text(&r->chunk, "{\"content\":[");
            write_logprob(r, &r->chunk, text, pieces[i]);
            buf_text(&r->chunk, "],\"refusal\":null}");
        } else {
            buf_text(&r->chunk, "null");
        }
        choice_end(r, NULL, r->delay_ms);
    }
}

/* Hosted models send a call in one piece, Azure name first, then the arguments in pieces. */
static void stream_call(struct rendering *r, const struct block *block, int index, int choice)
{
    size_t count, i, *pieces = answer_pieces(&r->x->pool, r->a, block->args, &count);
    const char *args = block->args;

    choice_begin(r, choice);
    buf_json(&r->chunk,
             "'tool_calls':[{'index':%d,'id':%q,'type':'function','function':{'name':%q,"
             "'arguments':%q}}]},'logprobs':null",
             index, call_id(r, block), block->name, r->azure ? "" : block->args);
    choice_end(r, NULL, r->delay_ms);
    for (i = 0; r->azure && i < count; args += pieces[i++]) {
        choice_begin(r, choice);
        buf_json(&r->chunk, "'tool_calls':[{'index':%d,'function':{'arguments':", index);
        buf_quote(&r->chunk, args, pieces[i]);
        buf_text(&r->chunk, "}}]},\"logprobs\":null");
        choice_end(r, NULL, r->delay_ms);
    }
}

static void stream_choice(struct rendering *r, int choice)
{
    int calls = 0;
    size_t i;

    for (i = 0; i < r->a->block_count; i++) {
        const struct block *block = &r->a->blocks[i];
        if (block->kind == BLOCK_TEXT)
            stream_text(r, block_text(r, block, choice), choice);
        if (block->kind == BLOCK_CALL)
            stream_call(r, block, calls++, choice);
    }
    choice_begin(r, choice);
    buf_text(&r->chunk, "},\"logprobs\":null");
    choice_end(r, finish_reason(r), r->delay_ms);
}

/* Azure's first chunk has no choices; after it come two blank lines, as seen in the wild. */
static void stream_opening(struct rendering *r)
{
    int i;

    if (r->azure) {
        r->chunk.len = 0;
        buf_json(&r->chunk, "{'choices':[],'created':0,'id':'','model':'','object':'',"
                            "'prompt_filter_results':[{'prompt_index':0,"
                            "'content_filter_results':" FILTERED "}]}");
        sse_write(&r->x->reply.bytes, r->chunk.at, "\n");
        buf_text(&r->x->reply.bytes, "\n");
        reply_event(&r->x->reply, 0);
    }
    for (i = 0; i < r->c->choices; i++) {
        choice_begin(r, i);
        buf_json(&r->chunk, "'role':'assistant','content':''%s},'logprobs':null",
                 r->azure ? ",\"refusal\":null" : "");
        choice_end(r, NULL, 0);
    }
    reply_content_begins(&r->x->reply);
}

static void render_stream(struct rendering *r)
{
    int i;

    reply_open(&r->x->reply, r->azure ? "text/event-stream; charset=utf-8" : "text/event-stream");
    stream_opening(r);
    for (i = 0; i < r->c->choices; i++)
        stream_choice(r, i);
    if (r->usage_asked) {
        chunk_begin(r);
        buf_text(&r->chunk, "\"choices\":[],");
        write_usage(r, &r->chunk);
        if (is_sonar(r))
            buf_json(&r->chunk, CITATIONS);
        chunk_end(r, 0);
    }
    sse_event(r->x, "[DONE]", "\n", 0);
}

void chat_render(struct exchange *x, const struct convo *c, const struct answer *a)
{
    struct rendering r = rendering_make(x, c, a);

    if (json_true(x->json, "stream"))
        render_stream(&r);
    else
        render_whole(&r);
    answer_finish(x, a);
}

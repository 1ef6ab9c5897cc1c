/*
 * The envelope: intermediate_results and final_result, whole or in frames. Claude's usage does not
 * count what the cache holds, as seen in the wild.
 */
#include "json.h"
#include "orchestration.h"
#include "sse.h"
#include "tenant.h"
#include "wire.h"

#include <string.h>

enum { CREATED = 1767323045 };

struct rendering {
    struct orchestration *o;
    struct pool *pool;
    const struct convo *c;
    const struct answer *a;
    const char *id;
    struct buf frame;
};

static bool is_claude(const struct rendering *r)
{
    return !strncmp(r->c->model, "anthropic--", 11);
}

static const char *finish_reason(const struct rendering *r)
{
    if (r->o->blocked)
        return "content_filter";
    switch (r->a->stop) {
    case STOP_LENGTH:
        return "length";
    case STOP_CALLS:
        return "tool_calls";
    case STOP_FILTER:
        return "content_filter";
    default:
        return "stop";
    }
}

static const char *call_id(const struct rendering *r, const struct block *block)
{
    return pool_printf(r->pool, is_claude(r) ? "toolu_%s" : "call_%s", block->id);
}

static void write_usage(struct rendering *r, struct buf *out)
{
    int cached = r->c->cache_read, written = r->c->cache_write;
    int input = r->a->input_tokens - (is_claude(r) ? cached + written : 0);
    int output = r->a->output_tokens * r->c->choices;

    buf_json(out,
             "'usage':{'prompt_tokens':%d,'completion_tokens':%d,'total_tokens':%d,"
             "'prompt_tokens_details':{'cached_tokens':%d,'cache_creation_tokens':%d,"
             "'cache_creation_token_details':{'ephemeral_5m_input_tokens':%d,"
             "'ephemeral_1h_input_tokens':%d}},'completion_tokens_details':{"
             "'reasoning_tokens':%d}}",
             input > 0 ? input : 1, output, (input > 0 ? input : 1) + output, cached, written,
             written - r->c->cache_write_1h, r->c->cache_write_1h, r->a->reasoning_tokens);
}

static const char *shown(const struct rendering *r, const char *text)
{
    return orchestration_unmask(r->o, text);
}

/* --- whole ----------------------------------------------------------------------------------- */

static void write_message(struct rendering *r, struct buf *out)
{
    struct buf text = {r->pool, NULL, 0, 0}, calls = {r->pool, NULL, 0, 0};
    struct buf thoughts = {r->pool, NULL, 0, 0};
    size_t i;

    for (i = 0; i < r->a->block_count && !r->o->blocked; i++) {
        const struct block *block = &r->a->blocks[i];
        if (block->kind == BLOCK_TEXT)
            buf_text(&text, shown(r, block->text));
        if (block->kind == BLOCK_CALL)
            buf_json(&calls, "%s{'id':%q,'type':'function','function':{'name':%q,'arguments':%q}}",
                     calls.len ? "," : "", call_id(r, block), block->name, shown(r, block->args));
        if (block->kind == BLOCK_THINK)
            buf_json(&thoughts, "%s{'content':%q,'signature':%q}", thoughts.len ? "," : "",
                     block->text, seal_text(r->pool, "claude", block->text));
    }
    buf_json(out, "{'role':'assistant','content':%q", buf_str(&text));
    if (calls.len)
        buf_json(out, ",'tool_calls':[%s]", buf_str(&calls));
    if (thoughts.len)
        buf_json(out, ",'reasoning_content':[%s]", buf_str(&thoughts));
    buf_char(out, '}');
}

static void render_whole(struct rendering *r)
{
    struct buf result = {r->pool, NULL, 0, 0};
    int i;

    buf_json(&result, "{'id':%q,'object':'chat.completion','created':%d,'model':%q,'choices':[",
             r->id, (int)CREATED, r->c->model);
    for (i = 0; i < r->c->choices; i++) {
        buf_json(&result, "%s{'index':%d,'message':", i ? "," : "", i);
        write_message(r, &result);
        buf_json(&result, ",'finish_reason':%q}", finish_reason(r));
    }
    buf_text(&result, "],");
    write_usage(r, &result);
    buf_char(&result, '}');
    reply_json(&r->o->x->reply, 200,
               "{'request_id':'emulated-request','intermediate_results':{%s,'llm':%s%s},"
               "'final_result':%s}",
               buf_str(&r->o->results), result.at,
               r->o->blocked ? ",\"output_filtering\":{\"message\":\"Output filtered.\"}" : "",
               result.at);
}

/* --- stream ---------------------------------------------------------------------------------- */

static void emit(struct rendering *r, const char *delta, const char *finish, bool usage,
                 unsigned delay_ms, int choice)
{
    struct buf result = {r->pool, NULL, 0, 0};

    buf_json(&result,
             "{'id':%q,'object':'chat.completion.chunk','created':%d,'model':%q,'choices':[{"
             "'index':%d,'delta':%s,'finish_reason':%q}]",
             r->id, (int)CREATED, r->c->model, choice, delta, finish);
    if (usage) {
        buf_char(&result, ',');
        write_usage(r, &result);
    }
    buf_char(&result, '}');
    r->frame.len = 0;
    buf_json(&r->frame,
             "{'request_id':'emulated-request','intermediate_results':{'llm':%s},"
             "'final_result':%s}",
             result.at, result.at);
    sse_event(r->o->x, r->frame.at, "\n", delay_ms);
}

static void stream_text(struct rendering *r, const char *text, int choice)
{
    size_t count, i, *pieces = answer_pieces(r->pool, r->a, text, &count);

    for (i = 0; i < count; text += pieces[i++]) {
        struct buf delta = {r->pool, NULL, 0, 0};
        buf_text(&delta, "{\"content\":");
        buf_quote(&delta, text, pieces[i]);
        buf_char(&delta, '}');
        emit(r, delta.at, "", false, r->a->delay_ms, choice);
    }
}

static void stream_thought(struct rendering *r, const struct block *block, int choice)
{
    emit(r,
         pool_printf(r->pool, "{\"content\":\"\",\"reasoning_content\":[{\"content\":%s}]}",
                     json_text(r->pool, pool_keep(r->pool, cJSON_CreateString(block->text)))),
         "", false, r->a->delay_ms, choice);
    emit(r,
         pool_printf(r->pool,
                     "{\"content\":\"\",\"reasoning_content\":[{\"content\":\"\","
                     "\"signature\":\"%s\"}]}",
                     seal_text(r->pool, "claude", block->text)),
         "", false, 0, choice);
}

/* Claude's calls come in one piece beside an empty content, those of others in two. */
static void stream_call(struct rendering *r, const struct block *block, int index, int choice)
{
    const char *args = shown(r, block->args);
    struct buf delta = {r->pool, NULL, 0, 0};

    buf_json(&delta,
             "{'content':'','tool_calls':[{'index':%d,'id':%q,'type':'function','function':{"
             "'name':%q,'arguments':%q}}]}",
             index, call_id(r, block), block->name, is_claude(r) ? args : "");
    emit(r, delta.at, "", false, r->a->delay_ms, choice);
    if (is_claude(r))
        return;
    delta.len = 0;
    buf_json(&delta, "{'content':'','tool_calls':[{'index':%d,'function':{'arguments':%q}}]}",
             index, args);
    emit(r, delta.at, "", false, r->a->delay_ms, choice);
}

/* The text up to the word that the output filter stumbles over. */
static const char *cut(struct rendering *r, const char *text)
{
    const char *at = r->o->blocked ? strstr(text, "unsafe-") : NULL;

    return at ? pool_copy(r->pool, text, (size_t)(at - text)) : text;
}

static void stream_choice(struct rendering *r, int choice)
{
    int calls = 0;
    size_t i;

    for (i = 0; i < r->a->block_count; i++) {
        const struct block *block = &r->a->blocks[i];
        if (block->kind == BLOCK_TEXT)
            stream_text(r, shown(r, cut(r, block->text)), choice);
        if (block->kind == BLOCK_THINK)
            stream_thought(r, block, choice);
        if (block->kind == BLOCK_CALL)
            stream_call(r, block, calls++, choice);
    }
    emit(r, "{\"content\":\"\"}", finish_reason(r), choice == r->c->choices - 1, 0, choice);
}

static void render_stream(struct rendering *r)
{
    int i;

    reply_open(&r->o->x->reply, "text/event-stream");
    buf_json(&r->frame,
             "{'request_id':'emulated-request','intermediate_results':{%s},'final_result':{'id':'',"
             "'object':'','created':0,'model':'','system_fingerprint':'','choices':[{'index':0,"
             "'delta':{'role':'','content':''},'finish_reason':'','logprobs':{}}]}}",
             buf_str(&r->o->results));
    sse_event(r->o->x, r->frame.at, "\n", 0);
    reply_content_begins(&r->o->x->reply);
    for (i = 0; i < r->c->choices; i++)
        stream_choice(r, i);
    sse_event(r->o->x, "[DONE]", "\n", 0);
}

void orchestration_render(struct orchestration *o, const struct convo *c, const struct answer *a)
{
    struct rendering r = {.o = o, .pool = &o->x->pool, .c = c, .a = a};
    const cJSON *stream = json_get(json_get(o->x->json, "config"), "stream");
    size_t i;

    r.id = derived_id(r.pool, "chatcmpl-", convo_hash(c), 29, alnum_alphabet);
    r.frame.pool = r.pool;
    for (i = 0; i < a->block_count && !o->blocked; i++)
        if (a->blocks[i].kind == BLOCK_TEXT)
            o->blocked = orchestration_filter_output(o, a->blocks[i].text);
    if (json_true(stream, "enabled"))
        render_stream(&r);
    else
        render_whole(&r);
    answer_finish(o->x, a);
}

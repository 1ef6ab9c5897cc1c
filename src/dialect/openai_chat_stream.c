/*
 * Chat completions: a stream of chunks.
 *
 *     role (one per choice)  ( content | reasoning | tool_calls )*  finish  usage?  [DONE]
 *
 * Every chunk has the same head, which is made once; a chunk is its head, a delta and a tail, and
 * no event takes memory of its own. Beyond the API's own fields:
 *  - thinking is `delta.reasoning_content` (DeepSeek's name), and beside it `delta.thinking_blocks`
 *    with one piece each (LiteLLM's convention): joined, they make the signed block to replay;
 *  - thought signatures of calls are `extra_content.google.thought_signature` and part of the id.
 *
 * An error ends the stream without [DONE] and without a finish reason.
 */
#include "dialect/openai_chat.h"
#include "dialect/openai_citation.h"

struct choice {
    bool stopped;
    bool call_is_empty; /* the open call has no arguments yet */
    unsigned calls;
    size_t said, before; /* characters of content so far; and in front of the open text */
};

struct openai_chat_stream {
    struct chat_sink sink;
    const struct dialect_reply *reply;
    struct buf *out;
    struct str head; /* up to the choices */
    bool usage_wanted, usage_known, show_thinking, ended;
    bool loss_told; /* that citations are left out */
    struct chat_usage usage;
    unsigned count, running;
    struct choice choices[];
};

/* --- chunks ---------------------------------------------------------------------------------- */

static struct str make_head(struct arena *arena, const struct dialect_reply *reply)
{
    struct str model = jspan_quote(arena, reply->model);

    return arena_printf(arena,
                        "data: {\"id\":\"chatcmpl-%.*s\",\"object\":\"chat.completion.chunk\","
                        "\"created\":%lld,\"model\":%.*s,\"choices\":[",
                        STR_ARG(reply->id), (long long)reply->created, STR_ARG(model));
}

/* A writer that stands inside the delta of a new chunk. */
static struct jwrite begin_delta(struct openai_chat_stream *st, unsigned choice)
{
    struct jwrite w = jwrite_to(st->out);

    buf_add_str(st->out, st->head);
    jwrite_object(&w);
    jwrite_member_int(&w, "index", choice);
    jwrite_member_object(&w, "delta");
    return w;
}

static void end_chunk(struct openai_chat_stream *st)
{
    buf_add_cstr(st->out, st->usage_wanted ? "],\"usage\":null}\n\n" : "]}\n\n");
}

/* `finish` NULL: the choice goes on. */
static void end_delta(struct openai_chat_stream *st, struct jwrite *w, struct str logprobs,
                      const char *finish)
{
    jwrite_end(w);
    if (logprobs.n) {
        jwrite_member_object(w, "logprobs");
        jwrite_member_raw(w, "content", logprobs);
        jwrite_member_null(w, "refusal");
        jwrite_end(w);
    }
    jwrite_member_cstr(w, "finish_reason", finish);
    jwrite_end_all(w);
    end_chunk(st);
}

static void send_text(struct openai_chat_stream *st, const struct chat_event *e, const char *field)
{
    if (!e->text.n && !e->logprobs.n)
        return;
    struct jwrite w = begin_delta(st, e->choice);
    jwrite_member_str(&w, field, e->text);
    end_delta(st, &w, e->logprobs, NULL);
}

static void send_roles(struct openai_chat_stream *st)
{
    for (unsigned i = 0; i < st->count; i++) {
        struct jwrite w = begin_delta(st, i);
        jwrite_member_cstr(&w, "role", "assistant");
        jwrite_member_cstr(&w, "content", "");
        end_delta(st, &w, STR_NONE, NULL);
    }
}

/* --- thinking -------------------------------------------------------------------------------- */

static void send_thinking(struct openai_chat_stream *st, const struct chat_event *e)
{
    if (!st->show_thinking || (!e->text.n && !e->signature.n))
        return;
    struct jwrite w = begin_delta(st, e->choice);
    jwrite_maybe_str(&w, "reasoning_content", e->text);
    jwrite_member_array(&w, "thinking_blocks");
    jwrite_object(&w);
    jwrite_member_cstr(&w, "type", "thinking");
    jwrite_member_str(&w, "thinking", e->text);
    jwrite_maybe_str(&w, "signature", e->signature);
    jwrite_end(&w);
    jwrite_end(&w);
    end_delta(st, &w, STR_NONE, NULL);
}

static void send_redacted(struct openai_chat_stream *st, const struct chat_event *e)
{
    if (!st->show_thinking)
        return;
    struct jwrite w = begin_delta(st, e->choice);
    jwrite_member_array(&w, "thinking_blocks");
    jwrite_object(&w);
    jwrite_member_cstr(&w, "type", "redacted_thinking");
    jwrite_member_str(&w, "data", e->text);
    jwrite_end(&w);
    jwrite_end(&w);
    end_delta(st, &w, STR_NONE, NULL);
}

static void send_text_signature(struct openai_chat_stream *st, const struct chat_event *e)
{
    if (!e->signature.n)
        return;
    struct jwrite w = begin_delta(st, e->choice);
    openai_chat_write_signature(&w, e->signature);
    end_delta(st, &w, STR_NONE, NULL);
}

static void open_text(struct openai_chat_stream *st, const struct chat_event *e)
{
    struct choice *c = &st->choices[e->choice];

    c->before = c->said;
    send_text_signature(st, e);
}

static void send_citation(struct openai_chat_stream *st, const struct chat_event *e)
{
    if (!openai_citation_fits(e->citation, &st->loss_told))
        return;
    struct jwrite w = begin_delta(st, e->choice);
    jwrite_member_array(&w, "annotations");
    openai_citation_write_nested(&w, e->citation, st->choices[e->choice].before);
    jwrite_end(&w);
    end_delta(st, &w, STR_NONE, NULL);
}

/* --- calls ----------------------------------------------------------------------------------- */

/* `functions` of old: one call, without an id; there is no room for a second. A NULL name: a piece
   of the arguments. */
static void send_legacy_call(struct openai_chat_stream *st, unsigned choice, struct str name,
                             struct str arguments)
{
    if (st->choices[choice].calls > 1)
        return;
    struct jwrite w = begin_delta(st, choice);
    jwrite_member_object(&w, "function_call");
    jwrite_maybe_str(&w, "name", name);
    jwrite_member_str(&w, "arguments", arguments);
    jwrite_end(&w);
    end_delta(st, &w, STR_NONE, NULL);
}

static void open_modern_call(struct openai_chat_stream *st, const struct chat_event *e)
{
    struct choice *c = &st->choices[e->choice];
    struct jwrite w = begin_delta(st, e->choice);

    jwrite_member_array(&w, "tool_calls");
    jwrite_object(&w);
    jwrite_member_int(&w, "index", c->calls);
    openai_chat_write_call_id(&w, "id", st->reply, e->choice, c->calls, e->id, e->signature);
    jwrite_member_cstr(&w, "type", "function");
    jwrite_member_object(&w, "function");
    jwrite_member_str(&w, "name", e->name);
    jwrite_member_cstr(&w, "arguments", "");
    jwrite_end(&w);
    openai_chat_write_signature(&w, e->signature);
    jwrite_end(&w);
    jwrite_end(&w);
    end_delta(st, &w, STR_NONE, NULL);
}

static void open_call(struct openai_chat_stream *st, const struct chat_event *e)
{
    struct choice *c = &st->choices[e->choice];

    if (!st->reply->request->legacy_calls)
        open_modern_call(st, e);
    c->calls++;
    c->call_is_empty = true;
    if (st->reply->request->legacy_calls)
        send_legacy_call(st, e->choice, e->name, STR_NONE);
}

static void send_modern_arguments(struct openai_chat_stream *st, unsigned choice, struct str piece)
{
    struct jwrite w = begin_delta(st, choice);

    jwrite_member_array(&w, "tool_calls");
    jwrite_object(&w);
    jwrite_member_int(&w, "index", st->choices[choice].calls - 1);
    jwrite_member_object(&w, "function");
    jwrite_member_str(&w, "arguments", piece);
    jwrite_end(&w);
    jwrite_end(&w);
    jwrite_end(&w);
    end_delta(st, &w, STR_NONE, NULL);
}

static void send_arguments(struct openai_chat_stream *st, unsigned choice, struct str piece)
{
    struct choice *c = &st->choices[choice];

    if (!piece.n || !c->calls)
        return;
    if (st->reply->request->legacy_calls)
        send_legacy_call(st, choice, STR_NONE, piece);
    else
        send_modern_arguments(st, choice, piece);
    c->call_is_empty = false;
}

/* --- events ---------------------------------------------------------------------------------- */

static void open_block(struct openai_chat_stream *st, const struct chat_event *e)
{
    if (e->block == CHAT_BLOCK_TOOL)
        open_call(st, e);
    else if (e->block == CHAT_BLOCK_REDACTED)
        send_redacted(st, e);
    else if (e->block == CHAT_BLOCK_TEXT)
        open_text(st, e);
}

static void send_piece(struct openai_chat_stream *st, const struct chat_event *e)
{
    switch (e->block) {
    case CHAT_BLOCK_TEXT:
        st->choices[e->choice].said += chat_length_of(e->text).chars;
        send_text(st, e, "content");
        break;
    case CHAT_BLOCK_REFUSAL:
        send_text(st, e, "refusal");
        break;
    case CHAT_BLOCK_THINKING:
        send_thinking(st, e);
        break;
    case CHAT_BLOCK_TOOL:
        send_arguments(st, e->choice, e->text);
        break;
    case CHAT_BLOCK_REDACTED:
        break;
    }
}

/* Callers parse the arguments; nothing at all is no JSON. */
static void close_block(struct openai_chat_stream *st, const struct chat_event *e)
{
    if (e->block == CHAT_BLOCK_TOOL && st->choices[e->choice].call_is_empty)
        send_arguments(st, e->choice, STR("{}"));
}

static void send_usage(struct openai_chat_stream *st)
{
    struct jwrite w = jwrite_to(st->out);

    buf_add_str(st->out, st->head);
    buf_add_char(st->out, ']');
    w.comma = true;
    openai_chat_write_usage(&w, &st->usage);
    buf_add_cstr(st->out, "}\n\n");
}

static void stop_choice(struct openai_chat_stream *st, const struct chat_event *e)
{
    struct choice *c = &st->choices[e->choice];

    if (c->stopped)
        return;
    c->stopped = true;
    struct jwrite w = begin_delta(st, e->choice);
    end_delta(st, &w, STR_NONE, openai_chat_finish(st->reply->request, e->stop, c->calls > 0));
    if (--st->running > 0)
        return;
    if (st->usage_wanted && st->usage_known)
        send_usage(st);
    buf_add_cstr(st->out, "data: [DONE]\n\n");
    st->ended = true;
}

static void keep_usage(struct openai_chat_stream *st, const struct chat_usage *usage)
{
    st->usage = *usage;
    st->usage_known = true;
}

static status stream_push(struct chat_sink *sink, const struct chat_event *e)
{
    struct openai_chat_stream *st = (struct openai_chat_stream *)sink;

    if (st->ended)
        return OK;
    if (e->choice >= st->count)
        return E_LIMIT;
    switch (e->kind) {
    case CHAT_EVENT_START:
        if (e->usage.input > 0)
            keep_usage(st, &e->usage);
        send_roles(st);
        break;
    case CHAT_EVENT_OPEN:
        open_block(st, e);
        break;
    case CHAT_EVENT_DELTA:
        send_piece(st, e);
        break;
    case CHAT_EVENT_CITATION:
        send_citation(st, e);
        break;
    case CHAT_EVENT_CLOSE:
        close_block(st, e);
        break;
    case CHAT_EVENT_USAGE:
        keep_usage(st, &e->usage);
        break;
    case CHAT_EVENT_STOP:
        stop_choice(st, e);
        break;
    case CHAT_EVENT_ERROR:
        openai_chat_stream_error(e->error, STR_NONE, st->out);
        st->ended = true;
        break;
    }
    return st->out->failed ? E_NOMEM : OK;
}

struct chat_sink *openai_chat_stream(struct arena *arena, const struct dialect_reply *reply,
                                     struct buf *out)
{
    const struct chat_request *r = reply->request;
    unsigned count = r->n > 1 ? (unsigned)r->n : 1;
    struct openai_chat_stream *st = arena_alloc(arena, sizeof *st + count * sizeof(struct choice));

    if (!st)
        return NULL;
    st->sink.push = stream_push;
    st->reply = reply;
    st->out = out;
    st->count = st->running = count;
    st->usage_wanted = r->include_usage;
    st->show_thinking = r->show_thinking != 0;
    st->head = make_head(arena, reply);
    return st->head.p ? &st->sink : NULL;
}

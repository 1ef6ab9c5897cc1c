/*
 * Messages: a stream of events.
 *
 *     message_start  ( content_block_start content_block_delta* content_block_stop )*
 *     message_delta  message_stop
 *
 * Blocks get numbers of their own, since not every block of the hub is shown. Where the caller does
 * not want to see the thinking ("display":"omitted"), a signed block is shown empty, as the
 * vendor's service does it, because the signature must come back; an unsigned one is not shown at
 * all.
 *
 * Families that know the prompt's size only at the end leave an estimate in message_start; the
 * usage in message_delta is cumulative and has the true numbers.
 */
#include "dialect/anthropic_messages.h"

struct anthropic_messages_stream {
    struct chat_sink sink;
    const struct dialect_reply *reply;
    struct buf *out;
    bool hide_thinking, ended;
    bool shown;    /* the open block has begun in the output */
    unsigned next; /* number of the next block */
    unsigned calls;
    struct anthropic_messages_seen seen;
    struct chat_usage usage;
};

/* --- frames ---------------------------------------------------------------------------------- */

static struct jwrite begin_event(struct anthropic_messages_stream *st, const char *type)
{
    struct jwrite w = jwrite_to(st->out);

    buf_add_cstr(st->out, "event: ");
    buf_add_cstr(st->out, type);
    buf_add_cstr(st->out, "\ndata: ");
    jwrite_object(&w);
    jwrite_member_cstr(&w, "type", type);
    return w;
}

static void end_event(struct jwrite *w)
{
    jwrite_end_all(w);
    buf_add_cstr(w->out, "\n\n");
}

/* Stands inside "content_block" then. */
static struct jwrite begin_block(struct anthropic_messages_stream *st, const char *type)
{
    struct jwrite w = begin_event(st, "content_block_start");

    jwrite_member_int(&w, "index", st->next++);
    jwrite_member_object(&w, "content_block");
    jwrite_member_cstr(&w, "type", type);
    st->shown = true;
    return w;
}

static void send_delta(struct anthropic_messages_stream *st, const char *type, const char *field,
                       struct str text)
{
    if (!text.n || !st->shown)
        return;
    struct jwrite w = begin_event(st, "content_block_delta");
    jwrite_member_int(&w, "index", st->next - 1);
    jwrite_member_object(&w, "delta");
    jwrite_member_cstr(&w, "type", type);
    jwrite_member_str(&w, field, text);
    end_event(&w);
}

/* --- the message ----------------------------------------------------------------------------- */

static void start_message(struct anthropic_messages_stream *st, const struct chat_event *e)
{
    struct jwrite w = begin_event(st, "message_start");

    st->usage = e->usage;
    if (st->usage.input <= 0)
        st->usage = (struct chat_usage){.input = st->reply->input_estimate};
    if (st->usage.output < 1)
        st->usage.output = 1; /* as the vendor's service begins */
    jwrite_member_object(&w, "message");
    jwrite_key(&w, "id");
    jwrite_raw(&w, STR("\"msg_"));
    buf_add_str(st->out, st->reply->id);
    buf_add_char(st->out, '"');
    jwrite_member_cstr(&w, "type", "message");
    jwrite_member_cstr(&w, "role", "assistant");
    jwrite_member_str(&w, "model", st->reply->model);
    jwrite_member_raw(&w, "content", STR("[]"));
    jwrite_member_null(&w, "stop_reason");
    jwrite_member_null(&w, "stop_sequence");
    anthropic_messages_write_usage(&w, &st->usage);
    end_event(&w);
}

static void stop_message(struct anthropic_messages_stream *st, const struct chat_event *e)
{
    struct jwrite w = begin_event(st, "message_delta");

    jwrite_member_object(&w, "delta");
    anthropic_messages_write_stop(&w, e->stop, e->stop_sequence, st->seen);
    jwrite_end(&w);
    anthropic_messages_write_usage(&w, &st->usage);
    end_event(&w);
    w = begin_event(st, "message_stop");
    end_event(&w);
    st->ended = true;
}

/* --- blocks ---------------------------------------------------------------------------------- */

static void open_text(struct anthropic_messages_stream *st)
{
    struct jwrite w = begin_block(st, "text");
    jwrite_member_cstr(&w, "text", "");
    end_event(&w);
}

static void open_thinking(struct anthropic_messages_stream *st)
{
    struct jwrite w = begin_block(st, "thinking");
    jwrite_member_cstr(&w, "thinking", "");
    jwrite_member_cstr(&w, "signature", "");
    end_event(&w);
}

static void open_redacted(struct anthropic_messages_stream *st, const struct chat_event *e)
{
    struct jwrite w = begin_block(st, "redacted_thinking");
    jwrite_member_str(&w, "data", e->text);
    end_event(&w);
}

static void open_call(struct anthropic_messages_stream *st, const struct chat_event *e)
{
    struct jwrite w = begin_block(st, "tool_use");
    anthropic_messages_write_call_id(&w, st->reply, st->calls++, e->id, e->signature);
    jwrite_member_str(&w, "name", e->name);
    jwrite_member_raw(&w, "input", STR("{}"));
    end_event(&w);
}

static void open_block(struct anthropic_messages_stream *st, const struct chat_event *e)
{
    st->shown = false;
    switch (e->block) {
    case CHAT_BLOCK_REFUSAL:
        st->seen.refusal = true;
        open_text(st);
        break;
    case CHAT_BLOCK_TEXT:
        open_text(st);
        break;
    case CHAT_BLOCK_THINKING:
        if (!st->hide_thinking)
            open_thinking(st);
        break;
    case CHAT_BLOCK_REDACTED:
        open_redacted(st, e);
        break;
    case CHAT_BLOCK_TOOL:
        st->seen.call = true;
        open_call(st, e);
        break;
    }
}

static void think(struct anthropic_messages_stream *st, const struct chat_event *e)
{
    if (!st->hide_thinking)
        send_delta(st, "thinking_delta", "thinking", e->text);
    if (!e->signature.n)
        return;
    if (!st->shown)
        open_thinking(st);
    send_delta(st, "signature_delta", "signature", e->signature);
}

static void send_piece(struct anthropic_messages_stream *st, const struct chat_event *e)
{
    switch (e->block) {
    case CHAT_BLOCK_TEXT:
    case CHAT_BLOCK_REFUSAL:
        send_delta(st, "text_delta", "text", e->text);
        break;
    case CHAT_BLOCK_THINKING:
        think(st, e);
        break;
    case CHAT_BLOCK_TOOL:
        send_delta(st, "input_json_delta", "partial_json", e->text);
        break;
    case CHAT_BLOCK_REDACTED:
        break;
    }
}

static void send_citation(struct anthropic_messages_stream *st, const struct chat_event *e)
{
    struct jwrite w = begin_event(st, "content_block_delta");

    jwrite_member_int(&w, "index", st->next - 1);
    jwrite_member_object(&w, "delta");
    jwrite_member_cstr(&w, "type", "citations_delta");
    jwrite_key(&w, "citation");
    anthropic_messages_write_citation(&w, e->citation);
    end_event(&w);
}

static void close_block(struct anthropic_messages_stream *st)
{
    if (!st->shown)
        return;
    struct jwrite w = begin_event(st, "content_block_stop");
    jwrite_member_int(&w, "index", st->next - 1);
    end_event(&w);
    st->shown = false;
}

/* --- events ---------------------------------------------------------------------------------- */

static status stream_push(struct chat_sink *sink, const struct chat_event *e)
{
    struct anthropic_messages_stream *st = (struct anthropic_messages_stream *)sink;

    if (st->ended || e->choice > 0) /* this API has one answer only */
        return OK;
    switch (e->kind) {
    case CHAT_EVENT_START:
        start_message(st, e);
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
        close_block(st);
        break;
    case CHAT_EVENT_USAGE:
        st->usage = e->usage;
        break;
    case CHAT_EVENT_STOP:
        stop_message(st, e);
        break;
    case CHAT_EVENT_ERROR:
        anthropic_messages_stream_error(e->error, STR_NONE, st->out);
        st->ended = true;
        break;
    }
    return st->out->failed ? E_NOMEM : OK;
}

struct chat_sink *anthropic_messages_stream(struct arena *arena, const struct dialect_reply *reply,
                                            struct buf *out)
{
    struct anthropic_messages_stream *st = ARENA_NEW(arena, struct anthropic_messages_stream);

    if (!st)
        return NULL;
    st->sink.push = stream_push;
    st->reply = reply;
    st->out = out;
    st->hide_thinking = reply->request->show_thinking == 0;
    return &st->sink;
}

/*
 * Gemini: a stream of chunks, each a whole GenerateContentResponse.
 *
 * A delta is a chunk; the last one has the reason and the usage. Calls are told whole, so their
 * arguments are gathered until they end; this is the only text that is held back. Chunks go out as
 * server-sent events within one line; the exchange makes an array of them for those who want that.
 *
 * Thinking is shown as parts marked `thought`, if the caller asked for it. A signature ends it, in a
 * part without text; calls carry it as well (gemini_generate_signature.c).
 */
#include "dialect/gemini_generate.h"

struct choice {
    bool stopped;
    struct str id, name, own; /* of the call that is open */
    struct gemini_text arguments;
    struct str text_signature; /* for the next piece of text */
    struct gemini_text thought;
    struct gemini_thoughts thoughts;
    struct gemini_sources sources;
};

struct gemini_stream {
    struct chat_sink sink;
    struct arena *arena;
    const struct dialect_reply *reply;
    struct buf *out;
    struct str tail; /* of every chunk, from the model's name on */
    bool show_thinking, ended, usage_known;
    struct chat_usage usage;
    unsigned count, running;
    struct choice choices[];
};

/* --- chunks -------------------------------------------------------------------------------------- */

static struct str make_tail(struct arena *arena, const struct dialect_reply *reply)
{
    struct str model = jspan_quote(arena, reply->model);

    return arena_printf(arena, ",\"modelVersion\":%.*s,\"responseId\":\"%.*s\"}\r\n\r\n",
                        STR_ARG(model), STR_ARG(reply->id));
}

/* A writer that stands inside the parts of a new chunk. */
static struct jwrite begin_parts(struct gemini_stream *st)
{
    struct jwrite w = jwrite_to(st->out);

    buf_add_cstr(st->out, "data: ");
    jwrite_object(&w);
    jwrite_member_array(&w, "candidates");
    jwrite_object(&w);
    jwrite_member_object(&w, "content");
    jwrite_member_cstr(&w, "role", "model");
    jwrite_member_array(&w, "parts");
    return w;
}

/* Stands behind the content of the candidate then. */
static void end_parts(struct jwrite *w)
{
    jwrite_end(w);
    jwrite_end(w);
}

/* Stands behind the candidates then. */
static void end_candidate(struct jwrite *w, unsigned choice)
{
    jwrite_member_int(w, "index", choice);
    jwrite_end(w);
    jwrite_end(w);
}

static void end_chunk(struct gemini_stream *st)
{
    buf_add_str(st->out, st->tail);
}

/* --- text and thinking --------------------------------------------------------------------------- */

static void send_part(struct gemini_stream *st, const struct chat_event *e, bool thought,
                      struct str signature)
{
    struct jwrite w = begin_parts(st);

    gemini_write_text(&w, e->text, thought, signature);
    end_parts(&w);
    if (e->logprobs.n) {
        struct arena *scratch = arena_new(0);
        if (scratch)
            gemini_write_logprobs(scratch, &w, e->logprobs);
        buf_end_scratch(w.out, scratch);
    }
    end_candidate(&w, e->choice);
    end_chunk(st);
}

static void send_text(struct gemini_stream *st, struct choice *c, const struct chat_event *e)
{
    if (!e->text.n && !e->logprobs.n)
        return;
    send_part(st, e, false, c->text_signature);
    c->text_signature = STR_NONE;
}

static status keep_thought(struct gemini_stream *st, struct choice *c, const struct chat_event *e)
{
    status s = OK;

    if (c->thought.n > GEMINI_KEPT_BYTES)
        return OK;
    s = gemini_text_add(st->arena, &c->thought, e->text);
    if (!s && e->signature.n)
        s = gemini_thoughts_add(st->arena, &c->thoughts, gemini_text_str(&c->thought), e->signature,
                                STR_NONE);
    return s;
}

static status think(struct gemini_stream *st, struct choice *c, const struct chat_event *e)
{
    struct str shown = STR_NONE;

    if (st->show_thinking && e->signature.n) {
        shown = gemini_pack_thought(st->arena, e->signature);
        if (!shown.p)
            return E_NOMEM;
    }
    if (st->show_thinking && (e->text.n || shown.n))
        send_part(st, e, true, shown);
    return keep_thought(st, c, e);
}

static status send_redacted(struct gemini_stream *st, struct choice *c, const struct chat_event *e)
{
    struct chat_event empty = {.choice = e->choice};
    struct str shown = gemini_pack(st->arena, GEMINI_REDACTED, e->text);

    if (!shown.p)
        return E_NOMEM;
    if (st->show_thinking)
        send_part(st, &empty, true, shown);
    return gemini_thoughts_add(st->arena, &c->thoughts, STR_NONE, STR_NONE, e->text);
}

/* --- calls --------------------------------------------------------------------------------------- */

static status keep(struct arena *arena, struct str *field, struct str value)
{
    *field = value.n ? arena_str(arena, value) : STR_NONE;
    return value.n && !field->p ? E_NOMEM : OK;
}

static status open_call(struct gemini_stream *st, struct choice *c, const struct chat_event *e)
{
    status s = keep(st->arena, &c->id, e->id);

    c->arguments.n = 0;
    if (!s)
        s = keep(st->arena, &c->name, e->name);
    return s ? s : keep(st->arena, &c->own, e->signature);
}

static status send_call(struct gemini_stream *st, struct choice *c, unsigned choice)
{
    struct arena *scratch = arena_new(0);
    struct str signature;
    status s = scratch ? gemini_thoughts_sign(scratch, &c->thoughts, c->own, &signature) : E_NOMEM;

    if (!s) {
        struct jwrite w = begin_parts(st);
        s = gemini_write_call(scratch, &w, c->id, c->name, gemini_text_str(&c->arguments),
                              signature);
        end_parts(&w);
        end_candidate(&w, choice);
        end_chunk(st);
    }
    buf_end_scratch(st->out, scratch);
    return s;
}

/* --- blocks -------------------------------------------------------------------------------------- */

static status open_block(struct gemini_stream *st, struct choice *c, const struct chat_event *e)
{
    switch (e->block) {
    case CHAT_BLOCK_TOOL:
        return open_call(st, c, e);
    case CHAT_BLOCK_THINKING:
        c->thought.n = 0;
        return OK;
    case CHAT_BLOCK_REDACTED:
        return send_redacted(st, c, e);
    case CHAT_BLOCK_TEXT:
    case CHAT_BLOCK_REFUSAL:
        break;
    }
    gemini_sources_open(&c->sources);
    if (!e->signature.n)
        return OK;
    c->text_signature = gemini_pack(st->arena, GEMINI_SIGNATURE, e->signature);
    if (!c->text_signature.p)
        return E_NOMEM;
    return keep(st->arena, &c->text_signature, c->text_signature); /* the event's is borrowed */
}

static status send_piece(struct gemini_stream *st, struct choice *c, const struct chat_event *e)
{
    switch (e->block) {
    case CHAT_BLOCK_TEXT:
    case CHAT_BLOCK_REFUSAL:
        gemini_sources_say(&c->sources, e->text);
        send_text(st, c, e);
        return OK;
    case CHAT_BLOCK_THINKING:
        return think(st, c, e);
    case CHAT_BLOCK_TOOL:
        return gemini_text_add(st->arena, &c->arguments, e->text);
    case CHAT_BLOCK_REDACTED:
        break;
    }
    return OK;
}

static void stop_choice(struct gemini_stream *st, struct choice *c, const struct chat_event *e)
{
    struct jwrite w = begin_parts(st);

    gemini_write_text(&w, STR_NONE, false, STR_NONE);
    end_parts(&w);
    gemini_write_stop(&w, e->stop);
    gemini_write_grounding(&w, &c->sources);
    end_candidate(&w, e->choice);
    c->stopped = true;
    st->running--;
    if (st->usage_known && !st->running)
        gemini_write_usage(&w, &st->usage);
    end_chunk(st);
    st->ended = !st->running;
}

/* --- events -------------------------------------------------------------------------------------- */

static status push_to_choice(struct gemini_stream *st, const struct chat_event *e)
{
    if (e->choice >= st->count || st->choices[e->choice].stopped)
        return OK;
    struct choice *c = &st->choices[e->choice];
    if (e->kind == CHAT_EVENT_OPEN)
        return open_block(st, c, e);
    if (e->kind == CHAT_EVENT_DELTA)
        return send_piece(st, c, e);
    if (e->kind == CHAT_EVENT_CITATION)
        return gemini_sources_add(st->arena, &c->sources, e->citation);
    if (e->kind == CHAT_EVENT_CLOSE && e->block == CHAT_BLOCK_TOOL)
        return send_call(st, c, e->choice);
    if (e->kind == CHAT_EVENT_STOP)
        stop_choice(st, c, e);
    return OK;
}

static status stream_push(struct chat_sink *sink, const struct chat_event *e)
{
    struct gemini_stream *st = (struct gemini_stream *)sink;
    status s = OK;

    if (st->ended)
        return OK;
    if (e->kind == CHAT_EVENT_USAGE) {
        st->usage = e->usage;
        st->usage_known = true;
    } else if (e->kind == CHAT_EVENT_ERROR) {
        gemini_generate_stream_error(e->error, STR_NONE, st->out);
        st->ended = true;
    } else {
        s = push_to_choice(st, e);
    }
    return st->out->failed ? E_NOMEM : s;
}

struct chat_sink *gemini_generate_stream(struct arena *arena, const struct dialect_reply *reply,
                                         struct buf *out)
{
    unsigned count = reply->request->n > 1 ? (unsigned)reply->request->n : 1;
    struct gemini_stream *st = arena_alloc(arena, sizeof *st + count * sizeof st->choices[0]);

    if (!st)
        return NULL;
    st->sink.push = stream_push;
    st->arena = arena;
    st->reply = reply;
    st->out = out;
    st->tail = make_tail(arena, reply);
    st->show_thinking = reply->request->show_thinking != 0;
    st->count = st->running = count;
    return st->tail.p ? &st->sink : NULL;
}

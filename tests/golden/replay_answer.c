/*
 * The way back (src/exchange/relay.c): bytes, frames, events, the caller's bytes.
 *
 * What was made of a frame is "sent" once there is content in it, so an error in front of all content
 * becomes an HTTP error and a later one a frame of the stream.
 */
#include <stdlib.h>

#include "chat/order.h"
#include "exchange/life.h"
#include "family/upstream_error.h"
#include "replay.h"

enum { WHOLE_BYTES = 1 << 20, INPUT_ESTIMATE = 42, CREATED = 1767225600 };

struct reading {
    struct chat_sink tap;
    struct replay *r;
    struct arena *arena;
    struct chat_sink *next; /* the dialect's stream, a collector, or (lane) NULL */
    struct chat_collect *collect;
    struct family_reader *reader;
    struct frames *frames;
    struct buf out;   /* made, not sent */
    struct buf *sent; /* what the caller has */
    struct buf whole;
    bool begun, content, failed, form_begun;
    bool refused; /* by a filter: the answer is there without any frame */
    struct chat_error error;
    struct dialect_reply reply;
};

/* --- events ---------------------------------------------------------------------------------- */

static bool has_content(const struct chat_event *e)
{
    switch (e->kind) {
    case CHAT_EVENT_OPEN:
        return e->block == CHAT_BLOCK_TOOL || e->block == CHAT_BLOCK_REDACTED;
    case CHAT_EVENT_DELTA:
        return e->text.n > 0;
    case CHAT_EVENT_STOP:
        return true;
    default:
        return false;
    }
}

static void keep_error(struct reading *g, const struct chat_error *err)
{
    g->failed = true;
    g->error = chat_error_copy(g->arena, err);
}

static void broken(struct reading *g, const char *what)
{
    g->failed = true;
    chat_error_set(&g->error, g->arena, CHAT_ERROR_UPSTREAM, "%s", what);
}

static status tap_push(struct chat_sink *sink, const struct chat_event *e)
{
    struct reading *g = (struct reading *)sink;

    if (g->failed)
        return OK;
    if (e->kind == CHAT_EVENT_ERROR) {
        keep_error(g, e->error);
        return OK;
    }
    g->content |= has_content(e);
    return g->next ? chat_push(g->next, e) : OK;
}

/* --- beginning ------------------------------------------------------------------------------- */

static void choose_sink(struct reading *g)
{
    struct replay *r = g->r;

    g->reply = (struct dialect_reply){.id = STR("golden0001"),
                                      .model = r->model_asked,
                                      .created = CREATED,
                                      .input_estimate = INPUT_ESTIMATE,
                                      .request = &r->chat};
    if (r->call.lane)
        return;
    if (r->call.stream) {
        g->next = r->dialect->stream(g->arena, &g->reply, &g->out);
    } else {
        g->collect = chat_collect_new(g->arena, WHOLE_BYTES);
        g->next = chat_collect_sink(g->collect);
    }
}

static void begin(struct reading *g, struct replay *r, struct buf *sent)
{
    struct str type = r->given->reply;

    str_cut(&type, ' ');
    *g = (struct reading){.tap = {tap_push}, .r = r, .arena = arena_new(0), .sent = sent};
    choose_sink(g);
    g->reader = r->family->reader(g->arena, &r->call, chat_order_new(g->arena, &g->tap));
    if (r->call.stream)
        g->frames = frames_new(type);
}

static void end(struct reading *g)
{
    frames_free(g->frames);
    buf_free(&g->out);
    buf_free(&g->whole);
    arena_free(g->arena);
}

/* --- frames ---------------------------------------------------------------------------------- */

static void give(struct reading *g)
{
    if (g->r->form)
        relay_form(g->r->form, buf_str(&g->out), &g->form_begun, g->sent);
    else
        buf_add_str(g->sent, buf_str(&g->out));
    buf_clear(&g->out);
}

static void flush(struct reading *g)
{
    if (!g->content)
        return;
    g->begun = true;
    give(g);
}

static void close_form(struct reading *g)
{
    const struct dialect_form *form = g->r->form;

    if (!form || !g->begun)
        return;
    if (!g->form_begun)
        buf_add_str(g->sent, form->first);
    buf_add_str(g->sent, form->last);
}

static void read_frames(struct reading *g)
{
    const struct family *family = g->r->family;
    bool more = true;

    while (more && !g->failed) {
        struct frame frame;
        struct arena *scratch = arena_new(0);
        more = frames_next(g->frames, scratch, &frame);
        if (more && family->read_frame(g->reader, scratch, &frame))
            broken(g, "The model's answer could not be understood.");
        if (more && !g->failed && g->r->call.lane)
            family->relay(g->reader, &frame, &g->out);
        arena_free(scratch);
        if (!g->failed)
            flush(g);
    }
}

/* Each piece in memory of just its size, so that the sanitizer sees a read over its end. */
static void push(struct reading *g, struct str bytes)
{
    char *copy = malloc(bytes.n ? bytes.n : 1);

    if (!copy)
        abort();
    if (bytes.n)
        memcpy(copy, bytes.p, bytes.n);
    struct str piece = {copy, bytes.n};
    if (!g->frames)
        buf_add_str(&g->whole, piece);
    else if (frames_push(g->frames, piece))
        broken(g, "A part of the model's answer is too large.");
    else
        read_frames(g);
    free(copy);
}

/* --- ending ---------------------------------------------------------------------------------- */

static void finish_stream(struct reading *g)
{
    if (g->failed)
        return;
    frames_end(g->frames);
    read_frames(g);
    if (!g->failed && g->r->family->read_end(g->reader))
        broken(g, "The model's answer ended before it was complete.");
    if (!g->failed) {
        g->content = true;
        flush(g);
    }
}

static void render_collected(struct reading *g)
{
    if (g->r->dialect->render(g->arena, &g->reply, chat_collect_answer(g->collect), g->sent))
        broken(g, "The model's answer could not be rendered.");
}

static void finish_whole(struct reading *g)
{
    struct arena *scratch = arena_new(0);
    status s = g->r->family->read_whole(g->reader, scratch, buf_str(&g->whole));

    arena_free(scratch);
    if (s && !g->failed)
        broken(g, "The model's answer could not be understood.");
    if (g->failed)
        return;
    if (g->r->call.lane)
        buf_add_str(g->sent,
                    g->r->family->relay_whole
                        ? g->r->family->relay_whole(g->reader, g->arena, buf_str(&g->whole))
                        : buf_str(&g->whole));
    else
        render_collected(g);
}

/* Where frames are numbered, only whoever wrote those before can write the last one. */
static void write_last_frame(struct reading *g, struct str id)
{
    struct replay *r = g->r;
    struct chat_event event = {.kind = CHAT_EVENT_ERROR, .error = &g->error};

    if (r->call.lane && r->family->relay_error &&
        r->family->relay_error(g->reader, &g->error, &g->out))
        return;
    if (!r->dialect->numbered || !g->next || chat_push(g->next, &event))
        r->dialect->stream_error(&g->error, id, &g->out);
}

static void end_stream(struct reading *g, struct str id)
{
    buf_clear(&g->out);
    write_last_frame(g, id);
    give(g);
}

static int tell_error(struct reading *g)
{
    struct str id = STR("req_golden0001");

    if (g->begun) {
        end_stream(g, id);
        return 200;
    }
    buf_clear(g->sent);
    g->r->dialect->error(&g->error, id, g->sent);
    return g->error.http_status;
}

/* An error that says that a filter stopped the request is an answer, for families that see it so
   (exchange/relay.c, relay_refused). */
static void read_refusal(struct reading *g)
{
    struct chat_error why = g->error;

    if (why.kind != CHAT_ERROR_CONTENT_FILTER || !g->r->family->read_refused)
        return;
    g->failed = false;
    g->refused = g->content = true;
    if (g->r->family->read_refused(g->reader, &why))
        broken(g, "The refusal could not be rendered.");
    else if (g->r->call.stream)
        flush(g);
    else
        render_collected(g);
}

void replay_answer(struct replay *r, struct str upstream, size_t cut, size_t step, int *code,
                   struct buf *out)
{
    struct reading g;
    int upstream_code = atoi(r->given->reply.p);

    begin(&g, r, out);
    if (upstream_code != 200) {
        g.failed = true;
        upstream_error_parse(g.arena, upstream_code, upstream, &g.error);
        read_refusal(&g);
    }
    for (size_t from = 0, to; from < upstream.n && !g.failed && !g.refused; from = to) {
        to = step ? from + step : from < cut ? cut : upstream.n;
        push(&g, str_slice(upstream, from, to < upstream.n ? to : upstream.n));
    }
    if (!g.failed && !g.refused && g.frames)
        finish_stream(&g);
    else if (!g.failed && !g.refused)
        finish_whole(&g);
    *code = g.failed ? tell_error(&g) : 200;
    close_form(&g);
    end(&g);
}

/*
 * The answer's way back: bytes -> frames -> events -> the caller's bytes.
 *
 * Until the first event with content has come, nothing is sent: SAP AI Core may answer 200, send its
 * opening events and only then say that it is throttled, and as long as the caller has seen nothing
 * another target can be tried. The hold has a limit, since a caller wants to see signs of life.
 */
#include "base/clock.h"
#include "base/log.h"
#include "chat/estimate.h"
#include "chat/order.h"
#include "exchange/life.h"

enum { FLUSH_BYTES = 64 * 1024 };

/* --- the tap --------------------------------------------------------------------------------- */

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

static void keep_error(struct exchange *x, const struct chat_error *err)
{
    x->up_failed = true;
    x->error = chat_error_copy(x->arena, err);
}

static status tap_push(struct chat_sink *sink, const struct chat_event *e)
{
    struct tap *tap = (struct tap *)sink;
    struct exchange *x = tap->exchange;

    if (x->up_failed)
        return OK; /* what comes behind an error is noise */
    if (e->kind == CHAT_EVENT_ERROR) {
        keep_error(x, e->error);
        return OK;
    }
    if (e->kind == CHAT_EVENT_START && x->call.lane)
        x->earlier.id = arena_str(x->arena, e->id);
    if (e->kind == CHAT_EVENT_USAGE) {
        x->record.usage = e->usage;
        x->record.has_usage = true;
    }
    x->content_seen |= has_content(e);
    x->stopped |= e->kind == CHAT_EVENT_STOP;
    return tap->next ? chat_push(tap->next, e) : OK;
}

/* --- beginning ------------------------------------------------------------------------------- */

static struct dialect_reply *make_reply(struct exchange *x)
{
    struct dialect_reply *reply = ARENA_NEW(x->arena, struct dialect_reply);

    if (!reply)
        return NULL;
    struct str id = x->id;
    reply->id = str_starts(id, "req_") ? str_slice(id, 4, id.n) : id;
    reply->model = x->model_asked;
    reply->created = clock_wall_s();
    reply->request = &x->chat;
    if (earlier_name(x, reply))
        return NULL;
    if (x->call.stream && !x->call.lane)
        reply->input_estimate = chat_estimate_tokens(&x->chat, x->model->name);
    return reply;
}

/* Where the reader's events go: the dialect's stream, or a collector, or (lane) nowhere. */
static bool choose_sink(struct exchange *x)
{
    x->tap = (struct tap){.sink = {tap_push}, .exchange = x};
    x->collect = NULL;
    if (x->call.lane)
        return true;
    if (x->call.stream) {
        struct dialect_reply *reply = make_reply(x);
        x->tap.next = reply ? x->dialect->stream(x->arena, reply, &x->out) : NULL;
    } else {
        x->collect = chat_collect_new(x->arena, WHOLE_BODY_BYTES);
        x->tap.next = x->collect ? chat_collect_sink(x->collect) : NULL;
    }
    return x->tap.next != NULL;
}

static void begin_stream(struct exchange *x)
{
    x->streaming = true;
    reply_head(x, 200, x->form ? x->form->content_type : "text/event-stream; charset=utf-8");
    relay_keep_alive(x);
}

static void send_sign(struct exchange *x)
{
    buf_add_str(&x->out, x->dialect->keep_alive);
    relay_flush(x, true);
}

/* The model thinks, and has not even begun to answer. Web servers and clients give up on who is
   silent; the price is that a failure can no more be told by its status. */
static void on_no_head(void *arg)
{
    struct exchange *x = arg;

    x->only_signs = true;
    send_sign(x);
}

void relay_await_head(struct exchange *x)
{
    int64_t wait_ms = x->config->timeouts.first_sign_ms;

    if (x->head_sent)
        relay_keep_alive(x);
    else if (wait_ms && x->call.stream && !x->work)
        timer_set(x->reactor, &x->timer, wait_ms, on_no_head, x);
}

static void on_hold_over(void *arg)
{
    struct exchange *x = arg;

    x->content_seen = true; /* from here on the caller sees whatever there is */
    relay_flush(x, false);
    if (!x->head_sent)
        begin_stream(x);
}

static bool open_reader(struct exchange *x)
{
    if (!choose_sink(x))
        return false;
    struct chat_sink *sink = &x->tap.sink;
#ifdef CORELAY_CHECK_ORDER
    sink = chat_order_new(x->arena, sink);
#endif
    x->reader = sink ? x->family->reader(x->arena, &x->call, sink) : NULL;
    return x->reader != NULL;
}

bool relay_begin(struct exchange *x)
{
    buf_clear(&x->out);
    x->content_seen = x->stopped = x->up_failed = false;
    x->whole.ceiling = WHOLE_BODY_BYTES;
    if (x->work)
        return x->work->begin ? x->work->begin(x) : true;
    if (!open_reader(x))
        return false;
    if (!x->call.stream)
        return true;
    x->frames = frames_new(http_response_header(x->http, "content-type"));
    if (!x->head_sent) /* else the next sign of life ends it */
        timer_set(x->reactor, &x->timer, x->config->timeouts.hold_ms, on_hold_over, x);
    return x->frames != NULL;
}

/* --- frames ---------------------------------------------------------------------------------- */

bool relay_broken(struct exchange *x, const char *what)
{
    chat_error_set(&x->error, x->arena, CHAT_ERROR_UPSTREAM, "%s", what);
    return false;
}

static bool out_of_memory(struct exchange *x)
{
    chat_error_set(&x->error, x->arena, CHAT_ERROR_OVERLOADED, "Out of memory.");
    return false;
}

/* May a part be missing in what was just read? */
static bool lost_some(const struct exchange *x, const struct arena *scratch)
{
    return arena_failed(scratch) || arena_failed(x->arena) ||
           (x->frames && frames_failed(x->frames));
}

static bool read_frames(struct exchange *x)
{
    struct arena *scratch = reactor_scratch(x->reactor);
    struct frame frame;
    status s = OK;

    while (!s && !x->up_failed && frames_next(x->frames, scratch, &frame)) {
        s = x->family->read_frame(x->reader, scratch, &frame);
        if (!s && !x->up_failed && x->call.lane)
            x->family->relay(x->reader, &frame, &x->out);
        log_body("frame", x->id, frame.data);
        if (lost_some(x, scratch))
            s = E_NOMEM;
        arena_reset(scratch);
    }
    if (lost_some(x, scratch))
        s = E_NOMEM;
    arena_reset(scratch);
    if (s == E_NOMEM)
        return out_of_memory(x);
    if (s)
        return relay_broken(x, "The model's answer could not be understood.");
    return !x->up_failed;
}

bool relay_push(struct exchange *x, struct str bytes)
{
    if (x->work && x->work->push)
        return x->work->push(x, bytes);
    if (!x->frames) {
        buf_add_str(&x->whole, bytes);
        return x->whole.failed ? relay_broken(x, "The model's answer is too large.") : true;
    }
    if (frames_push(x->frames, bytes))
        return relay_broken(x, "A part of the model's answer is too large.");
    bool good = read_frames(x);
    if (x->out.failed)
        good = relay_broken(x, "The answer outgrew this gateway's buffer.");
    /* on failure nothing more is begun: another target may be tried */
    if (good || (x->head_sent && !x->only_signs))
        relay_flush(x, false);
    return good;
}

/* --- the way out ----------------------------------------------------------------------------------- */

void relay_form(const struct dialect_form *form, struct str frames, bool *begun, struct buf *out)
{
    while (frames.n) {
        struct str line = str_cut(&frames, '\n');
        if (!str_starts(line, "data: "))
            continue;
        buf_add_str(out, *begun ? form->next : form->first);
        buf_add_str(out, str_trim(str_slice(line, strlen("data: "), line.n)));
        *begun = true;
    }
}

/* What is in `out` in the form; white space when there is no text in it, since then something is to
   keep the stream alive. */
static struct str apply_form(struct exchange *x)
{
    buf_clear(&x->formed);
    relay_form(x->form, buf_str(&x->out), &x->form_begun, &x->formed);
    return x->formed.n ? buf_str(&x->formed) : STR("\n");
}

void relay_give(struct exchange *x, struct str bytes)
{
    x->record.bytes_out += (int64_t)bytes.n;
    x->last_out_ms = clock_ms();
    x->ops->body(x->arg, bytes);
}

void relay_close(struct exchange *x)
{
    if (!x->form || !x->streaming)
        return;
    if (!x->form_begun)
        relay_give(x, x->form->first);
    relay_give(x, x->form->last);
}

void relay_flush(struct exchange *x, bool all)
{
    if (!x->out.n || (!all && !x->content_seen))
        return;
    earlier_note(x);
    if (x->content_seen)
        x->only_signs = false;
    if (!x->head_sent)
        begin_stream(x);
    relay_give(x, x->form ? apply_form(x) : buf_str(&x->out));
    buf_clear(&x->out);
    if (x->out.cap > FLUSH_BYTES)
        buf_free(&x->out);
}

/* --- breaking silence ------------------------------------------------------------------------ */

static void on_silence(void *arg)
{
    struct exchange *x = arg;
    int64_t quiet_ms = clock_ms() - x->last_out_ms;

    if (quiet_ms >= x->config->timeouts.keep_alive_ms && x->head_sent && !x->caller_paused) {
        x->content_seen |= x->out.n > 0; /* opening events are held back no longer */
        send_sign(x);
    }
    relay_keep_alive(x);
}

void relay_keep_alive(struct exchange *x)
{
    int64_t wait_ms = x->config->timeouts.keep_alive_ms;

    if (!wait_ms || !x->call.stream || !x->head_sent)
        return;
    int64_t quiet_ms = clock_ms() - x->last_out_ms;
    timer_set(x->reactor, &x->timer, quiet_ms < wait_ms ? wait_ms - quiet_ms : wait_ms, on_silence,
              x);
}

/* --- ending ---------------------------------------------------------------------------------- */

static bool finish_stream(struct exchange *x)
{
    if (frames_end(x->frames) || !read_frames(x))
        return x->error.kind ? false : relay_broken(x, "The model's answer could not be read.");
    if (x->family->read_end(x->reader))
        return relay_broken(x, "The model's answer ended before it was complete.");
    return !x->up_failed;
}

static bool render_whole(struct exchange *x)
{
    struct buf body = {0};
    struct dialect_reply *reply = make_reply(x);
    status s = reply ? x->dialect->render(x->arena, reply, chat_collect_answer(x->collect), &body)
                     : E_NOMEM;

    if (body.failed || arena_failed(x->arena))
        s = E_NOMEM;
    if (!s) {
        earlier_note(x);
        reply_whole(x, 200, "application/json", buf_str(&body));
    }
    buf_free(&body);
    if (s == E_NOMEM)
        return out_of_memory(x);
    return s ? relay_broken(x, "The model's answer could not be rendered.") : true;
}

static bool finish_whole(struct exchange *x)
{
    struct arena *scratch = arena_new(0);
    status s = scratch ? x->family->read_whole(x->reader, scratch, buf_str(&x->whole)) : E_NOMEM;

    if (scratch && lost_some(x, scratch))
        s = E_NOMEM;
    arena_free(scratch);
    log_body("answer", x->id, buf_str(&x->whole));
    if (s == E_NOMEM)
        return out_of_memory(x);
    if (x->up_failed)
        return false;
    if (s)
        return relay_broken(x, "The model's answer could not be understood.");
    if (!x->call.lane)
        return render_whole(x);
    struct str body = buf_str(&x->whole);
    if (x->family->relay_whole)
        body = x->family->relay_whole(x->reader, x->arena, body);
    earlier_note(x);
    reply_whole(x, 200, "application/json", body);
    return true;
}

bool relay_refused(struct exchange *x)
{
    struct chat_error why = x->error;

    buf_clear(&x->out);
    x->content_seen = x->stopped = x->up_failed = false;
    x->error = (struct chat_error){.kind = CHAT_ERROR_NONE};
    if (!open_reader(x) || x->family->read_refused(x->reader, &why) || x->up_failed)
        return x->error.kind ? false : relay_broken(x, "The refusal could not be rendered.");
    if (!x->call.stream)
        return render_whole(x);
    relay_flush(x, true);
    return true;
}

bool relay_finish(struct exchange *x)
{
    if (x->work)
        return x->work->finish(x);
    bool good = x->call.stream ? finish_stream(x) : finish_whole(x);
    if (x->head_sent)
        relay_flush(x, true);
    return good;
}

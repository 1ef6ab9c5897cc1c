/* Response heads, and errors in the caller's dialect. */
#include "base/clock.h"
#include "exchange/life.h"

static void add_header(struct buf *out, const char *name, struct str value)
{
    if (!value.n)
        return;
    buf_add_cstr(out, name);
    buf_add(out, ": ", 2);
    for (size_t i = 0; i < value.n; i++) { /* what others wrote must not begin a line of its own */
        unsigned char c = (unsigned char)value.p[i];
        buf_add_char(out, c < 0x20 || c == 0x7f ? ' ' : (char)c);
    }
    buf_add(out, "\r\n", 2);
}

static void add_number(struct buf *out, const char *name, int64_t value)
{
    buf_printf(out, "%s: %lld\r\n", name, (long long)value);
}

static void add_cors(const struct exchange *x, struct buf *out)
{
    struct str origin = x->request.header(x->arg, "ORIGIN");

    for (size_t i = 0; origin.n && i < x->config->cors_count; i++) {
        const char *allowed = x->config->cors_origins[i];
        if (strcmp(allowed, "*") != 0 && !str_is(origin, allowed))
            continue;
        add_header(out, "Access-Control-Allow-Origin",
                   strcmp(allowed, "*") == 0 ? STR("*") : origin);
        add_header(out, "Access-Control-Expose-Headers",
                   STR("X-Request-Id, X-Corelay-Target, X-Corelay-Attempts, X-Corelay-Dropped, "
                       "Retry-After"));
        add_header(out, "Vary", STR("Origin"));
        return;
    }
}

static void add_trace(const struct exchange *x, struct buf *out)
{
    add_header(out, "X-Request-Id", x->id);
    if (x->dialect->wire == WIRE_ANTHROPIC_MESSAGES)
        add_header(out, "Request-Id", x->id);
    if (x->only_signs) /* who will have answered is not known yet */
        return;
    add_header(out, "X-Corelay-Target", x->record.target);
    if (x->record.attempts)
        add_number(out, "X-Corelay-Attempts", x->record.attempts);
    add_header(out, "X-Corelay-Dropped", dropped_text(&x->dropped));
}

static void add_error_headers(const struct exchange *x, int code, struct buf *out)
{
    if (code == 405 && x->match.endpoint)
        add_header(out, "Allow", endpoint_allow(x->arena, x->match.endpoint));
    if (code == 401) {
        add_header(out, "WWW-Authenticate", STR("Bearer"));
        /* Anthropic's clients try a 401 again for minutes unless they are told not to. */
        add_header(out, "x-should-retry", STR("false"));
    }
    if (x->error.retry_after_ms > 0)
        add_number(out, "Retry-After", (x->error.retry_after_ms + 999) / 1000);
}

void reply_preflight(struct exchange *x, struct str allow, struct buf *head)
{
    size_t before = head->n;

    add_cors(x, head);
    if (head->n > before) {
        add_header(head, "Access-Control-Allow-Methods", allow);
        struct str wanted = x->request.header(x->arg, "ACCESS_CONTROL_REQUEST_HEADERS");
        add_header(head, "Access-Control-Allow-Headers", wanted);
        add_header(head, "Access-Control-Max-Age", STR("86400"));
    }
    x->head_sent = true;
    x->record.http_status = 204;
    x->ops->head(x->arg, 204, buf_str(head));
}

static void send_head(struct exchange *x, int code, struct buf *head)
{
    add_trace(x, head);
    add_cors(x, head);
    if (x->error.kind)
        add_error_headers(x, code, head);
    x->head_sent = true;
    x->record.http_status = code;
    x->last_out_ms = clock_ms();
    x->record.first_byte_ms = x->last_out_ms - x->started_ms;
    x->ops->head(x->arg, code, buf_str(head));
    buf_free(head);
}

void reply_head(struct exchange *x, int code, const char *content_type)
{
    struct buf head = {0};

    if (content_type)
        add_header(&head, "Content-Type", str_from(content_type));
    if (x->call.stream && code == 200) {
        add_header(&head, "Cache-Control", STR("no-cache"));
        add_header(&head, "X-Accel-Buffering", STR("no")); /* nginx: do not collect the stream */
    }
    send_head(x, code, &head);
}

void reply_raw(struct exchange *x, int code, const struct http_header *headers, size_t count)
{
    struct buf head = {0};

    for (size_t i = 0; i < count; i++)
        add_header(&head, headers[i].name.p, headers[i].value);
    add_header(&head, "X-Accel-Buffering", STR("no"));
    send_head(x, code, &head);
}

void reply_whole(struct exchange *x, int code, const char *content_type, struct str body)
{
    reply_head(x, code, content_type);
    if (strcmp(x->request.method, "HEAD") == 0 || !body.n)
        return;
    x->record.bytes_out += (int64_t)body.n;
    x->ops->body(x->arg, body);
}

/* The last frame of a stream that has begun. Where frames are numbered, only whoever wrote those
   before can write it. */
static void end_stream(struct exchange *x)
{
    struct chat_event event = {.kind = CHAT_EVENT_ERROR, .error = &x->error};

    if (x->call.lane && x->reader && x->family->relay_error &&
        x->family->relay_error(x->reader, &x->error, &x->out))
        return;
    if (x->dialect->numbered && x->call.stream && x->tap.next && !chat_push(x->tap.next, &event))
        return;
    x->dialect->stream_error(&x->error, x->id, &x->out);
}

/* Whoever is told to come back is told when. */
static void say_when(struct chat_error *err)
{
    bool again = err->kind == CHAT_ERROR_OVERLOADED || err->kind == CHAT_ERROR_RATE_LIMIT;

    if (again && err->retry_after_ms <= 0)
        err->retry_after_ms = BUSY_RETRY_MS;
}

void reply_error(struct exchange *x)
{
    struct buf body = {0};

    if (x->head_sent) {
        buf_clear(&x->out); /* whatever was not sent belongs to a frame that never ended */
        if (!x->work)       /* in the midst of something that is not ours there is nothing to say */
            end_stream(x);
        return;
    }
    buf_clear(&x->out);
    say_when(&x->error);
    x->dialect->error(&x->error, x->id, &body);
    reply_whole(x, x->error.http_status, "application/json", buf_str(&body));
    buf_free(&body);
}

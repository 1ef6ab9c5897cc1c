/*
 * Plain CGI: the request is in the environment and on standard input, the answer goes to standard
 * output, and then the process ends. Everything else is as under FastCGI.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "params.h"
#include "responder.h"

extern char **environ;

enum {
    CGI_READ_BYTES = 64 * 1024,
    CGI_WRITE_BYTES = 4096 /* PIPE_BUF: never blocks when writable */
};

struct cgi {
    struct reactor *reactor;
    struct exchange *exchange;
    struct exchange_request request;
    struct buf body, pending;
    size_t sent;
    struct watch watch;
    struct timer gone_timer, look_timer;
    struct peer peer;
    int peer_fd;
    int64_t look_ms;
    bool pollable; /* standard output is no regular file */
    bool begun, paused, ended, finished;
};

/* The next bytes of the body; 0 at its end, -1 on errors and after the deadline. */
static ssize_t read_some(char *to, size_t size, int64_t deadline_ms)
{
    for (;;) {
        struct pollfd p = {.fd = STDIN_FILENO, .events = POLLIN};
        int64_t left_ms = deadline_ms - clock_ms();
        if (left_ms <= 0 || poll(&p, 1, (int)left_ms) == 0)
            return -1;
        ssize_t n = read(STDIN_FILENO, to, size);
        if (n >= 0 || errno != EINTR)
            return n;
    }
}

/* Read on without keeping: Apache gives up the answer too when it cannot get rid of the body. */
static enum body_state refuse_body(int64_t deadline_ms)
{
    char waste[CGI_READ_BYTES];

    while (read_some(waste, sizeof waste, deadline_ms) > 0)
        ;
    return BODY_TOO_LARGE;
}

/* Without a length there is no body, unless the web server has passed a chunked one on. */
static int64_t expected_length(int64_t limit)
{
    int64_t announced = params_length(environ);

    if (announced < 0)
        return params_header(environ, "TRANSFER_ENCODING").n ? limit + 1 : 0;
    return announced;
}

static enum body_state read_body(struct buf *body, const struct config *config)
{
    int64_t limit = config->limits.body_bytes;
    int64_t deadline_ms = clock_ms() + config->timeouts.request_ms;
    int64_t expected = expected_length(limit);
    bool chunked = params_length(environ) < 0;

    body->ceiling = (size_t)limit + 1;
    if (expected > limit && !chunked)
        return refuse_body(deadline_ms);
    while ((int64_t)body->n < expected) {
        size_t want = (size_t)expected - body->n;
        if (want > CGI_READ_BYTES)
            want = CGI_READ_BYTES;
        if (!buf_reserve(body, want))
            return refuse_body(deadline_ms);
        ssize_t n = read_some(body->p + body->n, want, deadline_ms);
        if (n < 0)
            return BODY_TIMED_OUT;
        if (n == 0)
            return chunked ? BODY_COMPLETE : BODY_CUT_SHORT;
        body->n += (size_t)n;
    }
    return (int64_t)body->n > limit ? refuse_body(deadline_ms) : BODY_COMPLETE;
}

static void on_gone(void *arg)
{
    struct cgi *cgi = arg;

    if (cgi->exchange)
        exchange_cancel(cgi->exchange);
    cgi->exchange = NULL;
    cgi->finished = true;
}

static void flush(struct cgi *cgi);

static void on_ready(void *arg, uint32_t events)
{
    struct cgi *cgi = arg;

    if (events & (EPOLLERR | EPOLLHUP)) {
        watch_clear(cgi->reactor, &cgi->watch);
        timer_set(cgi->reactor, &cgi->gone_timer, 0, on_gone, cgi);
        return;
    }
    flush(cgi);
}

static bool writable(const struct cgi *cgi)
{
    struct pollfd p = {.fd = STDOUT_FILENO, .events = POLLOUT};
    return !cgi->pollable || (poll(&p, 1, 0) == 1 && (p.revents & POLLOUT));
}

static void watch_for(struct cgi *cgi, bool output)
{
    if (cgi->pollable)
        watch_set(cgi->reactor, &cgi->watch, STDOUT_FILENO, output ? EPOLLOUT : 0u, on_ready, cgi);
}

static void update_pause(struct cgi *cgi)
{
    size_t waiting = cgi->pending.n - cgi->sent;
    bool pause = cgi->paused ? waiting > CGI_PAUSE_BYTES / RESUME_SHARE : waiting > CGI_PAUSE_BYTES;

    if (pause == cgi->paused || !cgi->exchange)
        return;
    cgi->paused = pause;
    exchange_pause(cgi->exchange, pause);
}

static void flush(struct cgi *cgi)
{
    while (cgi->sent < cgi->pending.n) {
        size_t n = cgi->pending.n - cgi->sent;
        if (!writable(cgi)) {
            watch_for(cgi, true);
            return;
        }
        if (n > CGI_WRITE_BYTES)
            n = CGI_WRITE_BYTES;
        ssize_t written = write(STDOUT_FILENO, cgi->pending.p + cgi->sent, n);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0) {
            timer_set(cgi->reactor, &cgi->gone_timer, 0, on_gone, cgi);
            return;
        }
        cgi->sent += (size_t)written;
    }
    buf_clear(&cgi->pending);
    cgi->sent = 0;
    watch_for(cgi, false);
    update_pause(cgi);
    cgi->finished |= cgi->ended;
}

static void put_head(void *arg, int code, struct str headers)
{
    struct cgi *cgi = arg;

    cgi->begun = true;
    buf_printf(&cgi->pending, "Status: %d\r\n", code);
    buf_add_str(&cgi->pending, headers);
    buf_add(&cgi->pending, "\r\n", 2);
}

static void put_body(void *arg, struct str bytes)
{
    struct cgi *cgi = arg;

    buf_add_str(&cgi->pending, bytes);
    flush(cgi);
    update_pause(cgi);
}

static void put_end(void *arg)
{
    struct cgi *cgi = arg;

    cgi->exchange = NULL;
    cgi->ended = true;
    flush(cgi);
}

static struct str get_header(void *arg, const char *name)
{
    (void)arg;
    return params_header(environ, name);
}

/* The web server does not know it yet, and gets a proper end. */
static void end_for_nobody(struct cgi *cgi)
{
    if (cgi->exchange)
        exchange_cancel(cgi->exchange);
    if (!cgi->begun)
        put_head(cgi, CLIENT_GONE_STATUS, STR_NONE);
    put_end(cgi);
}

static void on_look(void *arg)
{
    struct cgi *cgi = arg;
    enum peer_state state = peer_look(cgi->peer_fd, &cgi->peer);

    if (state == PEER_THERE)
        timer_set(cgi->reactor, &cgi->look_timer, cgi->look_ms, on_look, cgi);
    else if (state == PEER_LEFT)
        end_for_nobody(cgi);
}

static void look_after(struct cgi *cgi, const struct config *config)
{
    cgi->look_ms = config->timeouts.look_ms;
    cgi->peer_fd = cgi->look_ms ? peer_open() : -1;
    cgi->peer = peer_from(environ);
    if (cgi->peer_fd >= 0)
        timer_set(cgi->reactor, &cgi->look_timer, cgi->look_ms, on_look, cgi);
}

static const struct caller_ops ops = {put_head, put_body, put_end, NULL};

static void read_request(struct cgi *cgi, const struct config *config)
{
    cgi->request.arrived_ms = clock_ms();
    cgi->request.header = get_header;
    params_fill(environ, &cgi->request);
    cgi->request.body_state = read_body(&cgi->body, config);
    if (params_size(environ) > (size_t)config->limits.header_bytes)
        cgi->request.body_state = HEAD_TOO_LARGE;
    cgi->request.body = buf_str(&cgi->body);
}

int cgi_serve(struct shared_config *config)
{
    struct cgi cgi = {0};
    struct epoll_event probe = {0};
    struct gateway *gateway = NULL;
    struct http_settings http = shared_config_get(config)->http;

    http.brief = true;
    read_request(&cgi, shared_config_get(config));
    cgi.reactor = reactor_new(&http);
    if (cgi.reactor)
        gateway = gateway_new(cgi.reactor, config);
    int epoll_fd = epoll_create1(EPOLL_CLOEXEC); /* regular files cannot be watched */
    cgi.pollable = epoll_ctl(epoll_fd, EPOLL_CTL_ADD, STDOUT_FILENO, &probe) == 0;
    close(epoll_fd);
    watch_for(&cgi, false);
    if (gateway)
        cgi.exchange = exchange_start(gateway, &cgi.request, &ops, &cgi);
    if (cgi.exchange)
        look_after(&cgi, shared_config_get(config));
    if (cgi.exchange)
        reactor_run_until(cgi.reactor, &cgi.finished);
    else
        dprintf(STDOUT_FILENO, "Status: 503\r\nContent-Type: text/plain\r\n\r\nOut of memory.\n");
    timer_clear(cgi.reactor, &cgi.gone_timer);
    timer_clear(cgi.reactor, &cgi.look_timer);
    watch_clear(cgi.reactor, &cgi.watch);
    gateway_free(gateway);
    reactor_free(cgi.reactor);
    buf_free(&cgi.body);
    buf_free(&cgi.pending);
    return cgi.ended ? EXIT_SUCCESS : EXIT_FAILURE;
}

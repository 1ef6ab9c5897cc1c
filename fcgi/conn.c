/*
 * One FastCGI connection on its reactor: it waits for a request, and carries it.
 *
 * The reactor must never wait for the web server. So it looks at what has come without taking it, and
 * reads only a whole request; the rest is for acceptors.
 *
 * libfcgi writes blocking and must not be given a non-blocking socket, so bytes go to it only when
 * poll says that the socket takes them, at most one record at a time. While it does not, they wait
 * here, and the upstream transfer of this one request is paused.
 *
 * libfcgi reads nothing once the request is complete: that the caller has gone shows as end of file
 * (or an abort record) on the socket, which the reactor watches.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "params.h"
#include "records.h"
#include "responder.h"

enum {
    PEEK_BYTES = 64 * 1024, /* whoever sends more may be slow about it */
    SOON = 4,
    LEAN = 4 /* requests that one reactor may have more than another */
};

static void on_ready(void *arg, uint32_t events);
static void receive(struct conn *conn);

/* --- birth and death ------------------------------------------------------------------------- */

static struct conn *conn_new(struct responder *r, int fd)
{
    struct conn *conn = calloc(1, sizeof *conn);

    if (!conn)
        return NULL;
    conn->responder = r;
    FCGX_InitRequest(&conn->fcgi, -1, 0);
    conn->fcgi.ipcFd = fd;
    FCGX_Detach(&conn->fcgi); /* a plain close: libfcgi would wait two seconds for the peer's */
    return conn;
}

static void set_coming(struct conn *conn, bool coming)
{
    if (conn->coming != coming)
        atomic_fetch_add(&conn->responder->coming, coming ? 1 : -1);
    conn->coming = coming;
}

void conn_free(struct conn *conn)
{
    set_coming(conn, false);
    if (conn->fcgi.ipcFd >= 0)
        FCGX_Free(&conn->fcgi, 1);
    buf_free(&conn->body);
    buf_free(&conn->pending);
    free(conn);
}

static void enter_loop(struct conn *conn, struct loop *loop)
{
    conn->loop = loop;
    conn->before = NULL;
    conn->next = loop->conns;
    if (conn->next)
        conn->next->before = conn;
    loop->conns = conn;
}

static void leave_loop(struct conn *conn)
{
    struct loop *loop = conn->loop;

    if (conn->fcgi.ipcFd < 0) /* libfcgi has closed it, and another thread may have its number */
        watch_forget(loop->reactor, &conn->watch);
    watch_clear(loop->reactor, &conn->watch);
    timer_clear(loop->reactor, &conn->gone_timer);
    timer_clear(loop->reactor, &conn->look_timer);
    later_clear(loop->reactor, &conn->push);
    if (conn->before)
        conn->before->next = conn->next;
    else
        loop->conns = conn->next;
    if (conn->next)
        conn->next->before = conn->before;
    conn->loop = NULL;
}

static void drop(struct conn *conn)
{
    if (conn->exchange)
        exchange_cancel(conn->exchange);
    if (!conn->idle)
        atomic_fetch_sub(&conn->loop->active, 1);
    leave_loop(conn);
    conn_free(conn);
}

static void on_gone(void *arg)
{
    drop(arg);
}

/* The caller has gone. What is under way may be on the stack above us, so it ends a moment later.
 */
static void mark_gone(struct conn *conn)
{
    if (conn->gone)
        return;
    conn->gone = true;
    conn->pending.n = conn->sent = 0;
    watch_clear(conn->loop->reactor, &conn->watch);
    timer_set(conn->loop->reactor, &conn->gone_timer, 0, on_gone, conn);
}

void conn_drop_all(struct loop *loop)
{
    while (loop->conns)
        drop(loop->conns);
}

void conn_drop_idle(struct loop *loop)
{
    for (struct conn *conn = loop->conns, *next; conn; conn = next) {
        next = conn->next;
        if (conn->idle && !conn->coming)
            drop(conn);
    }
}

/* --- writing --------------------------------------------------------------------------------- */

static bool writable(const struct conn *conn)
{
    struct pollfd p = {.fd = conn->fcgi.ipcFd, .events = POLLOUT};
    return poll(&p, 1, 0) == 1 && (p.revents & POLLOUT);
}

static void watch_for(struct conn *conn, bool output)
{
    uint32_t events = EPOLLRDHUP | (conn->head_peeked ? 0u : (uint32_t)EPOLLIN) |
                      (output ? (uint32_t)EPOLLOUT : 0u);

    if (watch_set(conn->loop->reactor, &conn->watch, conn->fcgi.ipcFd, events, on_ready, conn))
        mark_gone(conn);
}

static void update_pause(struct conn *conn)
{
    size_t waiting = conn->pending.n - conn->sent;
    bool pause =
        conn->paused ? waiting > conn->pause_bytes / RESUME_SHARE : waiting > conn->pause_bytes;

    if (pause == conn->paused || !conn->exchange)
        return;
    conn->paused = pause;
    exchange_pause(conn->exchange, pause);
}

/* FCGX_Finish_r, which closes nothing that is written where there is no input any more. */
static void end_request(FCGX_Request *fcgi)
{
    if (fcgi->in) {
        FCGX_Finish_r(fcgi);
        return;
    }
    bool failed = FCGX_FClose(fcgi->err) < 0;
    failed |= FCGX_FClose(fcgi->out) < 0;
    FCGX_Free(fcgi, failed || !fcgi->keepConnection);
}

/* The web server may send the next request on the same connection. */
static void keep(struct conn *conn)
{
    buf_free(&conn->body);
    buf_clear(&conn->pending);
    conn->sent = 0;
    conn->begun = conn->ended = conn->paused = conn->head_peeked = false;
    conn->idle = true;
    watch_for(conn, false);
}

static void finish(struct conn *conn)
{
    if (!conn->fcgi.keepConnection)
        watch_forget(conn->loop->reactor, &conn->watch);
    end_request(&conn->fcgi);
    atomic_fetch_sub(&conn->loop->active, 1);
    if (conn->fcgi.ipcFd >= 0 && !atomic_load(&conn->loop->responder->stopping)) {
        keep(conn);
        return;
    }
    leave_loop(conn);
    conn_free(conn);
}

/* Write what the socket takes now. True when all is written, but for the last piece of an answer,
   which goes out together with the record that ends it. */
static bool flush(struct conn *conn)
{
    while (conn->sent < conn->pending.n) {
        size_t left = conn->pending.n - conn->sent, n = left < WRITE_BYTES ? left : WRITE_BYTES;
        bool last = conn->ended && n == left;
        if (!writable(conn)) {
            watch_for(conn, true);
            return false;
        }
        if (FCGX_PutStr(conn->pending.p + conn->sent, (int)n, conn->fcgi.out) != (int)n ||
            (!last && FCGX_FFlush(conn->fcgi.out) < 0)) {
            mark_gone(conn);
            return false;
        }
        conn->sent += n;
        conn->wrote = true;
    }
    buf_clear(&conn->pending);
    conn->sent = 0;
    if (!conn->ended)
        watch_for(conn, false);
    return !conn->gone;
}

static void push(void *arg)
{
    struct conn *conn = arg;

    if (conn->gone || !flush(conn))
        return;
    update_pause(conn);
    if (conn->ended)
        finish(conn);
}

/* All that comes in one turn of the loop goes out as one; a lot goes at once, so that a reader who
   is slow is noticed. */
static void push_soon(struct conn *conn)
{
    if (conn->pending.n - conn->sent > WRITE_BYTES)
        flush(conn);
    if (!conn->gone)
        later_set(conn->loop->reactor, &conn->push, push, conn);
}

static void put(struct conn *conn, const void *bytes, size_t n)
{
    if (conn->gone)
        return;
    buf_add(&conn->pending, bytes, n);
    if (conn->pending.failed)
        mark_gone(conn);
}

static void put_head(void *arg, int code, struct str headers)
{
    struct conn *conn = arg;
    char line[64];
    int n = snprintf(line, sizeof line, "Status: %d\r\n", code);
    conn->begun = true;

    put(conn, line, (size_t)n);
    put(conn, headers.p, headers.n);
    put(conn, "\r\n", 2);
}

static void put_body(void *arg, struct str bytes)
{
    struct conn *conn = arg;

    put(conn, bytes.p, bytes.n);
    if (!conn->gone)
        push_soon(conn);
    update_pause(conn);
}

static void put_end(void *arg)
{
    struct conn *conn = arg;

    conn->exchange = NULL;
    conn->ended = true;
    timer_clear(conn->loop->reactor, &conn->look_timer);
    if (!conn->gone)
        later_set(conn->loop->reactor, &conn->push, push, conn);
}

static struct str get_header(void *arg, const char *name)
{
    return params_header(((struct conn *)arg)->fcgi.envp, name);
}

static const struct caller_ops ops = {put_head, put_body, put_end, NULL};

/* --- watching -------------------------------------------------------------------------------- */

/* Something to read while we answer: end of file, an abort, or bytes that nobody needs. */
static bool caller_left(struct conn *conn)
{
    unsigned char record[8];
    ssize_t n = recv(conn->fcgi.ipcFd, record, sizeof record, MSG_PEEK | MSG_DONTWAIT);

    if (n == 0 || (n > 0 && records_abort(record, (size_t)n)))
        return true;
    conn->head_peeked = n > 0; /* do not wake up for them again */
    return false;
}

static void on_ready(void *arg, uint32_t events)
{
    struct conn *conn = arg;

    if (conn->idle) {
        receive(conn);
        return;
    }
    if ((events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) ||
        ((events & EPOLLIN) && caller_left(conn))) {
        mark_gone(conn);
        return;
    }
    push(conn);
}

/* --- looking after the caller ---------------------------------------------------------------- */

/* The web server does not know it yet: it gets a proper end, so that it has nothing to complain
   about in its log. */
static void end_for_nobody(struct conn *conn)
{
    exchange_cancel(conn->exchange);
    if (!conn->begun)
        put_head(conn, CLIENT_GONE_STATUS, STR_NONE);
    put_end(conn);
}

/* While we write, the web server does, and notices by itself. */
static void on_look(void *arg)
{
    struct conn *conn = arg;
    enum peer_state state = PEER_THERE;

    if (!conn->peer.family)
        conn->peer = peer_from(conn->fcgi.envp);
    if (!conn->wrote)
        state = peer_look(conn->loop->peer_fd, &conn->peer);
    conn->wrote = false;
    if (state == PEER_THERE)
        timer_set(conn->loop->reactor, &conn->look_timer, conn->look_ms, on_look, conn);
    else if (state == PEER_LEFT)
        end_for_nobody(conn);
}

/* Soon for the first time: of a connection that was never seen it cannot be said that it is gone. */
static void look_after(struct conn *conn)
{
    conn->peer.family = 0; /* a kept connection has a new caller */
    conn->wrote = false;
    if (conn->look_ms && conn->loop->peer_fd >= 0)
        timer_set(conn->loop->reactor, &conn->look_timer, conn->look_ms / SOON, on_look, conn);
}

/* --- a request ------------------------------------------------------------------------------- */

static void refuse(struct conn *conn, const char *why)
{
    static const char text[] = "Status: 503\r\nContent-Type: application/json\r\nRetry-After: 5\r\n"
                               "\r\n{\"error\":{\"message\":\"The gateway is busy. Try again in a "
                               "few seconds.\",\"type\":\"server_error\",\"param\":null,"
                               "\"code\":\"service_unavailable\"}}";

    log_warning("request refused: %s", why);
    put(conn, text, sizeof text - 1);
    put_end(conn);
}

/* It is here, and counted. */
static void start(struct conn *conn)
{
    struct loop *loop = conn->loop;

    set_coming(conn, false);
    conn->request.header = get_header;
    watch_for(conn, false);
    if (conn->gone)
        return;
    conn->exchange = exchange_start(loop->gateway, &conn->request, &ops, conn);
    if (conn->exchange)
        look_after(conn);
    else
        refuse(conn, "out of memory");
}

static void begin(void *arg)
{
    struct conn *conn = arg;

    if (!conn->loop->gateway) { /* the loop has ended meanwhile */
        conn_free(conn);
        return;
    }
    enter_loop(conn, conn->loop);
    start(conn);
}

static struct loop *least_busy(struct responder *r)
{
    struct loop *best = &r->loops[0];

    for (int i = 1; i < r->loop_count; i++)
        if (atomic_load(&r->loops[i].active) < atomic_load(&best->active))
            best = &r->loops[i];
    return best;
}

void conn_hand_over(struct responder *r, struct conn *conn)
{
    struct loop *loop = least_busy(r);

    conn->loop = loop;
    atomic_fetch_add(&loop->active, 1);
    if (reactor_post(loop->reactor, begin, conn)) {
        atomic_fetch_sub(&loop->active, 1);
        conn->loop = NULL;
        conn_free(conn);
    }
}

/* --- waiting for one ------------------------------------------------------------------------- */

/* Of a kept connection nobody knows when the next one comes. */
static void wait_for_request(struct conn *conn)
{
    watch_for(conn, false);
    if (conn->coming && !conn->gone && !conn->gone_timer.slot)
        timer_set(conn->loop->reactor, &conn->gone_timer, request_patience_ms(conn->responder),
                  on_gone, conn);
}

/* Another reactor costs a wake-up, so it must have clearly less to do. */
static void read_here(struct conn *conn)
{
    struct responder *r = conn->responder;
    struct loop *loop = conn->loop;

    if (!request_read(r, conn)) {
        drop(conn);
        return;
    }
    conn->idle = false;
    if (atomic_load(&loop->active) > atomic_load(&least_busy(r)->active) + LEAN) {
        leave_loop(conn);
        conn_hand_over(r, conn);
        return;
    }
    timer_clear(loop->reactor, &conn->gone_timer);
    atomic_fetch_add(&loop->active, 1);
    start(conn);
}

static void leave_to_acceptors(struct conn *conn)
{
    leave_loop(conn);
    conn->idle = false;
    set_coming(conn, true);
    acceptors_take(conn->responder, conn);
}

static void receive(struct conn *conn)
{
    unsigned char bytes[PEEK_BYTES];
    ssize_t n = recv(conn->fcgi.ipcFd, bytes, sizeof bytes, MSG_PEEK | MSG_DONTWAIT);

    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        wait_for_request(conn);
    else if (n <= 0 || records_abort(bytes, (size_t)n))
        drop(conn);
    else if (records_are_request(bytes, (size_t)n))
        read_here(conn);
    else
        leave_to_acceptors(conn);
}

void conn_enter(struct loop *loop, int fd)
{
    struct conn *conn = conn_new(loop->responder, fd);

    if (!conn) {
        close(fd);
        return;
    }
    conn->idle = true;
    set_coming(conn, true);
    enter_loop(conn, loop);
    receive(conn);
}

/*
 * Acceptor threads: take a connection, read the parameters and the body, hand the request to a
 * reactor.
 *
 * We accept ourselves and give the connection to FCGX_Accept_r, which takes one that it finds open
 * in place of accepting: so a thread can also wait for the end of the program and for kept
 * connections, and reads can have a time limit, all of which libfcgi lacks.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/held.h"
#include "base/log.h"
#include "params.h"
#include "responder.h"

enum {
    READ_BYTES = 64 * 1024,
    COMPLAIN_EVERY_MS = 10 * 1000,
    /* The kernel wakes one thread of one process for a connection. If that process is killed at this
       moment, the connection waits until somebody looks. */
    LOOK_MS = 1000
};

static struct shared_config *current_config(struct responder *r)
{
    pthread_mutex_lock(&r->lock);
    struct shared_config *config = shared_config_hold(r->config);
    pthread_mutex_unlock(&r->lock);
    return config;
}

/* --- reading a request ----------------------------------------------------------------------- */

/* Read on without keeping, so that the web server gets rid of its body and listens to the answer.
 */
static void drain(FCGX_Stream *in, int64_t deadline_ms)
{
    char waste[READ_BYTES];

    while (clock_ms() < deadline_ms && FCGX_GetStr(waste, sizeof waste, in) == (int)sizeof waste)
        ;
}

/* Whoever is let in must be able to end: with a connection upstream of his own, and with memory. */
static enum body_state admit(struct responder *r, const struct conn *conn,
                             const struct config *config)
{
    int active = responder_active(r);

    if (active >= config->limits.streams || active >= responder_room(r) ||
        conn->fcgi.ipcFd >= r->descriptors - 1)
        return TOO_MANY_REQUESTS;
    return held_bytes() >= config->limits.memory_bytes ? OUT_OF_MEMORY : BODY_COMPLETE;
}

static enum body_state read_body(struct responder *r, struct conn *conn,
                                 const struct config *config)
{
    int64_t announced = params_length(conn->fcgi.envp);
    int64_t limit = config->limits.body_bytes;
    int64_t deadline_ms = clock_ms() + config->timeouts.request_ms;
    enum body_state state = admit(r, conn, config);

    if (state != BODY_COMPLETE) {
        drain(conn->fcgi.in, deadline_ms);
        return state;
    }
    conn->body.ceiling = (size_t)limit + 1;
    if (announced > limit) {
        drain(conn->fcgi.in, deadline_ms);
        return BODY_TOO_LARGE;
    }
    while (announced < 0 || (int64_t)conn->body.n < announced) {
        size_t want = READ_BYTES;
        if (announced >= 0 && (size_t)announced - conn->body.n < want)
            want = (size_t)announced - conn->body.n;
        if (!buf_reserve(&conn->body, want))
            break;
        int n = FCGX_GetStr(conn->body.p + conn->body.n, (int)want, conn->fcgi.in);
        conn->body.n += n > 0 ? (size_t)n : 0;
        if (n < (int)want)
            break;
        if (clock_ms() > deadline_ms)
            return BODY_TIMED_OUT;
    }
    if (conn->body.failed || (int64_t)conn->body.n > limit) {
        drain(conn->fcgi.in, deadline_ms);
        return announced < 0 ? BODY_TOO_LARGE : OUT_OF_MEMORY; /* what was announced may come */
    }
    if (FCGX_GetError(conn->fcgi.in))
        return BODY_TIMED_OUT;
    if (announced >= 0 && (int64_t)conn->body.n < announced)
        return BODY_CUT_SHORT;
    /*
     * The record that ends the body may still be on its way. An answer that is out before it makes
     * mod_proxy_fcgi fail to write it, and say 503.
     */
    drain(conn->fcgi.in, deadline_ms);
    return BODY_COMPLETE;
}

/* All is read, and a stream would hold the buffer to its end. After an error it stays: libfcgi then
   closes the connection. */
static void free_input(FCGX_Request *fcgi)
{
    if (!FCGX_GetError(fcgi->in))
        FCGX_FreeStream(&fcgi->in);
}

static bool read_request(struct responder *r, struct conn *conn)
{
    struct shared_config *shared = current_config(r);
    const struct config *config = shared_config_get(shared);
    struct timeval limit = {.tv_sec = config->timeouts.request_ms / 1000 + 1};
    bool good = false;

    setsockopt(conn->fcgi.ipcFd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    conn->fcgi.keepConnection = 1; /* "there is a connection already" */
    /* libfcgi takes parameters that were cut short for all there are; the stream knows better */
    if (FCGX_Accept_r(&conn->fcgi) >= 0 && !FCGX_GetError(conn->fcgi.in)) {
        conn->request = (struct exchange_request){.arrived_ms = clock_ms()};
        params_fill(conn->fcgi.envp, &conn->request);
        conn->request.body_state = read_body(r, conn, config);
        conn->pause_bytes = (size_t)config->limits.stream_buffer_bytes;
        conn->look_ms = config->timeouts.look_ms;
        if (params_size(conn->fcgi.envp) > (size_t)config->limits.header_bytes)
            conn->request.body_state = HEAD_TOO_LARGE;
        conn->request.body = buf_str(&conn->body);
        free_input(&conn->fcgi);
        good = true;
    }
    shared_config_release(shared);
    return good;
}

static void serve(struct responder *r, struct conn *conn)
{
    if (read_request(r, conn))
        conn_hand_over(r, conn);
    else
        conn_free(conn);
}

/* --- waiting for work ------------------------------------------------------------------------ */

static struct conn *pop_kept(struct responder *r)
{
    uint64_t one;
    if (read(r->kept_fd, &one, sizeof one) != sizeof one)
        return NULL;
    pthread_mutex_lock(&r->lock);
    struct conn *conn = r->kept;
    if (conn)
        r->kept = conn->next_kept;
    pthread_mutex_unlock(&r->lock);
    return conn;
}

void acceptors_take(struct responder *r, struct conn *conn)
{
    uint64_t one = 1;

    pthread_mutex_lock(&r->lock);
    conn->next_kept = r->kept;
    r->kept = conn;
    pthread_mutex_unlock(&r->lock);
    ssize_t n = write(r->kept_fd, &one, sizeof one);
    (void)n;
}

/* Not at each of many tries. */
static void complain(void)
{
    static _Atomic int64_t next_ms;
    int64_t now = clock_ms(), next = atomic_load(&next_ms);

    if (now >= next && atomic_compare_exchange_strong(&next_ms, &next, now + COMPLAIN_EVERY_MS))
        log_error("cannot accept: out of descriptors or memory");
}

static struct conn *accept_one(struct responder *r)
{
    struct timeval limit = {.tv_sec = SEND_TIMEOUT_S};
    int fd = accept4(r->listen_fd, NULL, NULL, SOCK_CLOEXEC);

    if (fd < 0) {
        if (errno == EMFILE || errno == ENFILE || errno == ENOMEM) {
            complain();
            poll(NULL, 0, 100); /* the connection waits in the queue: do not spin */
        }
        return NULL;
    }
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    struct conn *conn = conn_new(fd);
    if (!conn)
        close(fd);
    return conn;
}

/*
 * What one acceptor waits for. Each has an epoll of its own: with poll, every connection would wake
 * all of them up, of which all but one go back to sleep.
 */
static int wait_set(const struct responder *r)
{
    const int fds[] = {r->stop_fd, r->kept_fd, r->listen_fd};
    int set = epoll_create1(EPOLL_CLOEXEC);

    for (size_t i = 0; set >= 0 && i < sizeof fds / sizeof fds[0]; i++) {
        struct epoll_event e = {.events = EPOLLIN, .data.fd = fds[i]};
        if (fds[i] != r->stop_fd)
            e.events |= EPOLLEXCLUSIVE;
        if (epoll_ctl(set, EPOLL_CTL_ADD, fds[i], &e) < 0) {
            close(set);
            set = -1;
        }
    }
    return set;
}

static void *acceptor(void *arg)
{
    struct responder *r = arg;
    int set = wait_set(r);

    if (set < 0)
        log_error("an acceptor cannot wait: %s", strerror(errno));
    while (set >= 0 && !atomic_load(&r->stopping)) {
        struct epoll_event e;
        struct conn *conn = NULL;
        int ready = epoll_wait(set, &e, 1, LOOK_MS);
        if (ready < 0)
            continue;
        if (ready == 0)
            conn = accept_one(r);
        else if (e.data.fd == r->kept_fd)
            conn = pop_kept(r);
        else if (e.data.fd == r->listen_fd && e.events & EPOLLIN)
            conn = accept_one(r);
        else if (e.data.fd == r->listen_fd)
            poll(NULL, 0, 100); /* an error of the socket's own: do not spin */
        if (conn)
            serve(r, conn);
    }
    if (set >= 0)
        close(set);
    return NULL;
}

status acceptors_start(struct responder *r, int count)
{
    r->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    r->kept_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK | EFD_SEMAPHORE);
    /* several threads and processes see one connection coming; all but one must not wait for it */
    int flags = fcntl(r->listen_fd, F_GETFL);
    if (r->stop_fd < 0 || r->kept_fd < 0 || fcntl(r->listen_fd, F_SETFL, flags | O_NONBLOCK) < 0)
        return E_IO;
    for (int i = 0; i < count && i < ACCEPTORS_MAX; i++) {
        if (pthread_create(&r->acceptors[i], NULL, acceptor, r) != 0)
            return E_IO;
        r->acceptor_count++;
    }
    return OK;
}

void acceptors_join(struct responder *r)
{
    uint64_t one = 1;

    atomic_store(&r->stopping, true);
    ssize_t n = write(r->stop_fd, &one, sizeof one);
    (void)n;
    for (int i = 0; i < r->acceptor_count; i++)
        pthread_join(r->acceptors[i], NULL);
    for (struct conn *conn = r->kept, *next; conn; conn = next) {
        next = conn->next_kept;
        conn_free(conn);
    }
    close(r->stop_fd);
    close(r->kept_fd);
}

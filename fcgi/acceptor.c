/*
 * Reading requests: parameters and body. libfcgi can do it only blocking, so a reactor does it when all
 * is there, and acceptor threads do the rest.
 *
 * FCGX_Accept_r takes a connection that it finds open in place of accepting one.
 */
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "base/clock.h"
#include "base/held.h"
#include "base/log.h"
#include "params.h"
#include "responder.h"

enum { READ_BYTES = 64 * 1024 };

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

bool request_read(struct responder *r, struct conn *conn)
{
    struct shared_config *shared = current_config(r);
    const struct config *config = shared_config_get(shared);
    bool good = false;

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

int64_t request_patience_ms(struct responder *r)
{
    struct shared_config *shared = current_config(r);
    int64_t ms = shared_config_get(shared)->timeouts.request_ms;

    shared_config_release(shared);
    return ms;
}

/* --- threads that may wait ------------------------------------------------------------------- */

static void serve(struct responder *r, struct conn *conn)
{
    struct timeval limit = {.tv_sec = request_patience_ms(r) / 1000 + 1};

    setsockopt(conn->fcgi.ipcFd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    if (request_read(r, conn))
        conn_hand_over(r, conn);
    else
        conn_free(conn);
}

void acceptors_take(struct responder *r, struct conn *conn)
{
    conn->next_queued = NULL;
    pthread_mutex_lock(&r->lock);
    *r->queue_end = conn;
    r->queue_end = &conn->next_queued;
    pthread_cond_signal(&r->work);
    pthread_mutex_unlock(&r->lock);
}

/* Waits; NULL: there will be nothing any more. */
static struct conn *next_queued(struct responder *r)
{
    pthread_mutex_lock(&r->lock);
    while (!r->queue && !r->queue_ends)
        pthread_cond_wait(&r->work, &r->lock);
    struct conn *conn = r->queue;
    if (conn)
        r->queue = conn->next_queued;
    if (!r->queue)
        r->queue_end = &r->queue;
    pthread_mutex_unlock(&r->lock);
    return conn;
}

static void *acceptor(void *arg)
{
    struct responder *r = arg;

    for (struct conn *conn; (conn = next_queued(r)) != NULL;)
        serve(r, conn);
    return NULL;
}

status acceptors_start(struct responder *r, int count)
{
    r->queue_end = &r->queue;
    for (int i = 0; i < count && i < ACCEPTORS_MAX; i++) {
        if (pthread_create(&r->acceptors[i], NULL, acceptor, r) != 0)
            return E_IO;
        r->acceptor_count++;
    }
    return OK;
}

void acceptors_join(struct responder *r)
{
    pthread_mutex_lock(&r->lock);
    r->queue_ends = true;
    pthread_cond_broadcast(&r->work);
    pthread_mutex_unlock(&r->lock);
    for (int i = 0; i < r->acceptor_count; i++)
        pthread_join(r->acceptors[i], NULL);
}

/*
 * The FastCGI responder: acceptor threads read requests, reactor threads carry them.
 *
 *     main.c       options, signals, reload
 *     acceptor.c   connections -> parameters and body
 *     conn.c       one request on its reactor: bytes out, and has the caller gone?
 *     cgi.c        the same for plain CGI, one request per process
 *     params.c     CGI variables
 *     confine.c    what is kept in the sandbox
 *     peer.c       the callers' own connections
 */
#ifndef CORELAY_FCGI_RESPONDER_H
#define CORELAY_FCGI_RESPONDER_H

#include <fcgiapp.h>
#include <pthread.h>
#include <stdatomic.h>

#include "exchange/exchange.h"
#include "peer.h"

enum {
    LOOPS_MAX = 64,
    ACCEPTORS_MAX = 256,
    WRITE_BYTES = 8000, /* less than libfcgi's stream buffer: one record, one write */
    RESUME_SHARE = 4,   /* a paused transfer goes on when so small a part of the limit is left */
    CGI_PAUSE_BYTES = 128 * 1024,
    SEND_TIMEOUT_S = 30,
    DESCRIPTORS_KEPT = 64 /* for all but requests: state files, names, tokens, logs */
};

struct conn;

/* A reactor with its thread, its gateway and its requests. */
struct loop {
    struct responder *responder;
    struct reactor *reactor;
    struct gateway *gateway;
    struct conn *conns; /* all on this reactor, idle kept ones among them */
    atomic_int active;
    int peer_fd; /* to look after callers with; -1: none */
    pthread_t thread;
};

struct responder {
    int listen_fd;
    int descriptors;      /* that this process may have */
    int stop_fd, kept_fd; /* eventfds: stop accepting; a kept connection has something to read */
    struct shared_config *config; /* guarded by `lock` */
    struct loop loops[LOOPS_MAX];
    int loop_count;
    pthread_t acceptors[ACCEPTORS_MAX];
    int acceptor_count;
    atomic_bool stopping;
    pthread_mutex_t lock;
    struct conn *kept; /* readable kept connections, waiting for an acceptor */
};

/* One connection of the web server, and the request on it. */
struct conn {
    struct loop *loop; /* NULL while an acceptor has it */
    FCGX_Request fcgi;
    struct exchange_request request;
    struct buf body, pending;
    size_t sent;        /* of `pending` */
    size_t pause_bytes; /* pending for a slow reader: his transfer pauses */
    int64_t look_ms;    /* how often to look whether the caller is there; 0: never */
    struct peer peer;
    struct exchange *exchange;
    struct watch watch;
    struct timer gone_timer, look_timer;
    struct later push;
    bool begun, ended, gone, paused, idle, head_peeked;
    bool wrote;                 /* since the last look */
    struct conn *next, *before; /* in the loop's list */
    struct conn *next_kept;
};

/* acceptor.c */
status acceptors_start(struct responder *r, int count);
void acceptors_join(struct responder *r);
/* A kept connection has become readable: whoever is free reads its next request. */
void acceptors_take(struct responder *r, struct conn *conn);

/* Requests under way in this process. */
int responder_active(struct responder *r);
/* For how many it has descriptors: each may need two, towards the web server and upstream. */
int responder_room(const struct responder *r);

/* conn.c */
struct conn *conn_new(int fd);
/* Close and free; for a connection that no loop has. */
void conn_free(struct conn *conn);
/* From an acceptor: the request is complete, let a reactor carry it. */
void conn_hand_over(struct responder *r, struct conn *conn);
/* On the loop's own thread, when it has ended: cancel and free all that is left. */
void conn_drop_all(struct loop *loop);
/* On the loop's own thread: close the kept connections that wait for nothing. */
void conn_drop_idle(void *loop);

/* confine.c: enter the sandbox, if the configuration has one, before there is a second thread. The
   socket at `socket_path` (NULL: none) can be removed later. E_REFUSED, with a line in the log: it
   is required, and cannot be had whole. E_NOMEM. `cgi`: without lines that each request would
   repeat. */
status confine(const struct config *config, const char *socket_path, bool cgi);

/* cgi.c: serve the one request of this process; the exit code. */
int cgi_serve(struct shared_config *config);

#endif

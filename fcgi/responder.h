/*
 * The FastCGI responder: reactor threads accept connections and carry requests. What does not come
 * in one piece is read by acceptor threads, which may wait for it.
 *
 *     main.c       options, signals, reload
 *     door.c       the listening socket
 *     records.c    is the request there as a whole?
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
    struct watch door; /* the listening socket */
    struct timer door_timer;
    struct conn *conns; /* all on this reactor, those that wait for a request among them */
    atomic_int active;
    int peer_fd; /* to look after callers with; -1: none */
    pthread_t thread;
};

struct responder {
    int listen_fd;
    int descriptors;              /* that this process may have */
    struct shared_config *config; /* guarded by `lock` */
    struct loop loops[LOOPS_MAX];
    int loop_count;
    pthread_t acceptors[ACCEPTORS_MAX];
    int acceptor_count;
    atomic_bool stopping;
    atomic_int doors;  /* that are open */
    atomic_int coming; /* new connections whose request is not there yet, and what acceptors have */
    pthread_mutex_t lock;
    pthread_cond_t work;             /* for acceptors: the queue, or its end */
    struct conn *queue, **queue_end; /* connections with a request to be read */
    bool queue_ends;
};

/* One connection of the web server, and the request on it. */
struct conn {
    struct responder *responder;
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
    bool begun, ended, gone, paused, head_peeked;
    bool idle;                  /* it waits for a request */
    bool coming;                /* it is counted as such */
    bool wrote;                 /* since the last look */
    struct conn *next, *before; /* in the loop's list */
    struct conn *next_queued;
};

/* door.c. Open it once the loop's thread runs; close it, and drop the connections that wait for nothing,
   on that thread. E_IO, E_NOMEM. */
status door_open(struct loop *loop);
void door_close(void *loop);

/* acceptor.c */
status acceptors_start(struct responder *r, int count);
/* They end when all that was given to them has been read. */
void acceptors_join(struct responder *r);
/* A connection has something to read, though not a whole request: whoever is free reads it. */
void acceptors_take(struct responder *r, struct conn *conn);
/* Read a request from its connection; waits for what is not there yet. False: there is none to be had,
   and the connection is of no use any more (libfcgi may have closed it). */
bool request_read(struct responder *r, struct conn *conn);
/* For how long a request may be on its way. */
int64_t request_patience_ms(struct responder *r);

/* Requests under way in this process. */
int responder_active(struct responder *r);
/* For how many it has descriptors: each may need two, towards the web server and upstream. */
int responder_room(const struct responder *r);
/* May another connection wait for its request? A few may even where there is no room, to be told so. */
bool responder_lets_in(struct responder *r);

/* conn.c */
/* On the loop's own thread: a new connection, which is taken over. */
void conn_enter(struct loop *loop, int fd);
/* Close and free; for a connection that no loop has. */
void conn_free(struct conn *conn);
/* The request is complete, and no loop has the connection: let one carry it. */
void conn_hand_over(struct responder *r, struct conn *conn);
/* On the loop's own thread, when it has ended: cancel and free all that is left. */
void conn_drop_all(struct loop *loop);
/* On the loop's own thread: close the kept connections that wait for nothing. Of new ones the request
   is about to come. */
void conn_drop_idle(struct loop *loop);

/* confine.c: enter the sandbox, if the configuration has one, before there is a second thread. The
   socket at `socket_path` (NULL: none) can be removed later. E_REFUSED, with a line in the log: it
   is required, and cannot be had whole. E_NOMEM. `cgi`: without lines that each request would
   repeat. */
status confine(const struct config *config, const char *socket_path, bool cgi);

/* cgi.c: serve the one request of this process; the exit code. */
int cgi_serve(struct shared_config *config);

#endif

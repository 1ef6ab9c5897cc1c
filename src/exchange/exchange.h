/*
 * One request's life: from the caller's bytes to the caller's bytes.
 *
 * Whoever brings a request (the FastCGI responder, the CGI program, the command line) fills in a
 * `struct exchange_request`, gives three callbacks, and is told head, body and end. All of it
 * happens on the reactor's thread.
 */
#ifndef CORELAY_EXCHANGE_EXCHANGE_H
#define CORELAY_EXCHANGE_EXCHANGE_H

#include "base/buf.h"
#include "base/str.h"
#include "exchange/gateway.h"

enum { CLIENT_GONE_STATUS = 499 }; /* the caller left before an answer, as nginx says */

enum body_state {
    BODY_COMPLETE,
    BODY_TOO_LARGE,
    BODY_CUT_SHORT,
    BODY_TIMED_OUT,
    HEAD_TOO_LARGE,
    TOO_MANY_REQUESTS, /* this process has as many as it may */
    OUT_OF_MEMORY      /* it holds as many bytes as it may */
};

/* Everything is borrowed until `end` (or exchange_cancel). */
struct exchange_request {
    const char *method;
    struct str path;  /* raw, without the query */
    struct str query; /* without the question mark */
    bool root;        /* the path is the mount point itself */
    struct str from;  /* the caller's address as text; unset if there is none */
    /* A request header by its CGI name without HTTP_: "X_API_KEY"; unset when absent. */
    struct str (*header)(void *arg, const char *name);
    struct str body;
    enum body_state body_state;
    int64_t arrived_ms; /* clock_ms when the request came; 0: now */
};

struct caller_ops {
    /* `headers` are "Name: value\r\n" lines. */
    void (*head)(void *arg, int status, struct str headers);
    /* Bytes of the body, borrowed for the call. */
    void (*body)(void *arg, struct str bytes);
    /* Nothing more will come; the exchange is gone. Never called from within exchange_start. */
    void (*end)(void *arg);
    /* May be NULL: what goes upstream, just before it does (URL without credentials). */
    void (*upstream)(void *arg, const char *url, struct str body);
};

struct exchange;

/* NULL when out of memory: answer 503 yourself then. */
struct exchange *exchange_start(struct gateway *g, const struct exchange_request *request,
                                const struct caller_ops *ops, void *arg);
/* The caller cannot take more at present, or can again. */
void exchange_pause(struct exchange *x, bool paused);
/* The caller has gone: end everything at once; no callback comes any more. */
void exchange_cancel(struct exchange *x);

#endif

/*
 * HTTP calls to upstream over one shared connection pool per reactor. Alone includes curl (with
 * reactor.c, which drives it).
 *
 * TLS is verified always, 1.2 at least; redirects are never followed; HTTP/2 is used where it is
 * offered. Callbacks come on the reactor's thread, never from within http_start.
 */
#ifndef CORELAY_HTTP_CLIENT_H
#define CORELAY_HTTP_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "base/str.h"

struct reactor;
struct http_call;

/* Settings of a pool. Texts are NULL when unset and are copied. */
struct http_settings {
    const char *proxy;    /* URL; "" = none at all; NULL = http_proxy and friends, as curl does */
    const char *no_proxy; /* comma list */
    const char *ca_file;  /* PEM bundle instead of the system's */
    bool brief; /* for a few connections: only the authorities that are needed are parsed */
    bool http2;
    int h2_connections; /* per host that speaks HTTP/2; 0: the default */
    int64_t connect_ms; /* 0: the default */
    const char *user_agent;
};

struct http_header {
    struct str name, value;
};

/* A client certificate (mutual TLS): PEM text, borrowed until the call is done. */
struct http_identity {
    struct str certificate, key;
};

struct http_request {
    const char *method;
    const char *url;
    const struct http_header *headers; /* values with control characters are refused */
    size_t header_count;
    struct str body;                      /* borrowed until done */
    const struct http_identity *identity; /* NULL: none */
    bool once; /* never sent again by itself, not even when a kept connection turns out dead */
    int64_t connect_ms;    /* 0: that of the pool */
    int64_t first_byte_ms; /* from the start to the first byte of the head; 0: no limit */
    int64_t idle_ms;       /* between bytes of the body; pauses do not count; 0: no limit */
    int64_t total_ms;      /* 0: no limit */
};

enum http_outcome {
    HTTP_COMPLETE,      /* the whole body came */
    HTTP_NO_CONNECTION, /* name, connect, proxy: upstream has not seen the request */
    HTTP_TLS_FAILED,    /* certificate or handshake */
    HTTP_TIMED_OUT,     /* one of the limits above */
    HTTP_BROKEN,        /* the connection ended before its time */
    HTTP_BAD_REQUEST,   /* url or header unusable; nothing was sent */
    HTTP_NO_MEMORY      /* of this process: memory or descriptors */
};

struct http_result {
    enum http_outcome outcome;
    const char *text; /* for the log; without addresses of ours or secrets */
    bool reused;      /* it went over a connection that had served before */
    int64_t bytes;    /* of the body */
};

struct http_events {
    /* The head is complete. */
    void (*head)(void *arg, struct http_call *call, int code);
    /* A piece of the body, borrowed for the call. */
    void (*body)(void *arg, struct str bytes);
    /* The last word, exactly once unless cancelled; `call` is gone afterwards. */
    void (*done)(void *arg, const struct http_result *result);
};

/* NULL when out of memory (no callback comes then). */
struct http_call *http_start(struct reactor *r, const struct http_request *request,
                             const struct http_events *events, void *arg);

/* End it at once; no callback comes any more. */
void http_cancel(struct http_call *call);

/* Stop or go on reading the body. While paused, nothing is delivered and no time-out runs but the
   total one. */
void http_pause(struct http_call *call, bool paused);

/* A header of the answer, from `head` on; unset when absent. Names ignore case. */
struct str http_response_header(struct http_call *call, const char *name);

/* What the Retry-After header of the answer asks for, in either of its forms; 0 when absent. */
int64_t http_retry_after_ms(struct http_call *call);

/* True for a URL that the pool may be sent to: https, or http to a loopback address, or any http
   when `allow_plain`. It must name a host and no user ('@' is refused anywhere). */
bool http_url_allowed(const char *url, bool allow_plain);

/* The host of a URL without its port; unset when there is none, or a user before it. */
struct str http_url_host(const char *url);

/* Is it at the same host as `home`, or at one beside or below that (api.a.b.c.d and x.a.b.c.d)? */
bool http_url_is_near(const char *url, const char *home);

#endif

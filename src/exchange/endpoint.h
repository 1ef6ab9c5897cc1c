/*
 * Which endpoint a URL means. One table; a new dialect adds its rows.
 *
 * The gateway may be mounted anywhere ("/", "/ai"), and web servers tell the mount point in different
 * ways, so a path is matched by its end: leading segments that no row wants are the mount point.
 */
#ifndef CORELAY_EXCHANGE_ENDPOINT_H
#define CORELAY_EXCHANGE_ENDPOINT_H

#include "base/arena.h"
#include "dialect/dialect.h"

enum endpoint_kind {
    ENDPOINT_CHAT,
    ENDPOINT_COUNT_TOKENS,
    ENDPOINT_EMBEDDINGS,
    ENDPOINT_RERANK,
    ENDPOINT_PREDICT,
    ENDPOINT_DEPLOYMENT, /* a container of the customer's own */
    ENDPOINT_COMPACT,    /* a model call of the Responses API alone */
    ENDPOINT_RESPONSE,   /* about a response that was made before */
    ENDPOINT_MODEL_LIST,
    ENDPOINT_MODEL,
    ENDPOINT_HEALTH,
    ENDPOINT_READY,
    ENDPOINT_ROOT
};

/* Whether the answer is a stream: most APIs say so in the body. */
enum endpoint_stream { STREAM_BY_BODY, STREAM_NEVER, STREAM_ALWAYS };

enum endpoint_method { /* HEAD goes with GET */
                       METHOD_GET = 1,
                       METHOD_POST = 2,
                       METHOD_PUT = 4,
                       METHOD_PATCH = 8,
                       METHOD_DELETE = 16
};

struct endpoint {
    const char *path; /* segments; {model} and {id} take one segment, {model...} all that is left,
                         but for a verb behind it: {model...}:verb; {rest...}, at the end, takes what
                         is left, if anything */
    unsigned methods; /* enum endpoint_method */
    enum endpoint_kind kind;
    const struct dialect *dialect;     /* NULL: by the headers */
    bool open;                         /* needs no key */
    enum endpoint_stream stream;       /* CHAT */
    const struct dialect_embed *embed; /* EMBEDDINGS */
    const char *below; /* RESPONSE: what is asked of it, behind its id; NULL: nothing */
};

struct endpoint_match {
    const struct endpoint *endpoint; /* NULL: no such path */
    struct str model;                /* from the path, percent-decoded; unset if it has none */
    struct str id;                   /* the same of a response */
    struct str rest;                 /* what {rest...} took: raw, from its slash on */
};

/* `path` is the raw path of the request without its query; `root` says that it is the mount point
   itself. E_NOMEM. */
status endpoint_find(struct arena *arena, struct str path, bool root, struct endpoint_match *out);

/* One of enum endpoint_method; 0 for any other method. */
unsigned endpoint_method(const char *method);

/* "GET, HEAD, OPTIONS" for the Allow header. The pointer is NULL when out of memory. */
struct str endpoint_allow(struct arena *arena, const struct endpoint *e);

/* The value of a query parameter, percent-decoded; unset if it is absent. */
struct str endpoint_query(struct arena *arena, struct str query, const char *name);
/* The same of the first there is; `query` becomes what stands behind it, nothing beyond the last. */
struct str endpoint_query_next(struct arena *arena, struct str *query, const char *name);

/* Undo percent-encoding; a broken escape stays as it is, and a byte that is no UTF-8 becomes a question
   mark, since names are told in JSON. */
struct str endpoint_decode(struct arena *arena, struct str s);

#endif

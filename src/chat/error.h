/*
 * What went wrong, in the hub's own words: dialects render it in their callers' shape, the exchange
 * decides by it whether another target may be tried.
 */
#ifndef CORELAY_CHAT_ERROR_H
#define CORELAY_CHAT_ERROR_H

#include <stdint.h>

#include "base/arena.h"
#include "base/str.h"

enum chat_error_kind {
    CHAT_ERROR_NONE,
    CHAT_ERROR_INVALID,         /* 400: the request itself */
    CHAT_ERROR_UNSUPPORTED,     /* 400: understood, but this model or family has it not */
    CHAT_ERROR_CONTEXT_LENGTH,  /* 400: more tokens than the model takes */
    CHAT_ERROR_CONTENT_FILTER,  /* 400: refused by a content filter */
    CHAT_ERROR_KEY,             /* 401: the caller's key */
    CHAT_ERROR_PERMISSION,      /* 403 */
    CHAT_ERROR_NOT_FOUND,       /* 404: path or object */
    CHAT_ERROR_MODEL_NOT_FOUND, /* 404 */
    CHAT_ERROR_METHOD,          /* 405 */
    CHAT_ERROR_TOO_LARGE,       /* 413 */
    CHAT_ERROR_RATE_LIMIT,      /* 429 */
    CHAT_ERROR_INTERNAL,        /* 500: ours */
    CHAT_ERROR_UPSTREAM,        /* 502: SAP AI Core or the model behind it */
    CHAT_ERROR_UPSTREAM_AUTH,   /* 502: our credentials were refused, not the caller's */
    CHAT_ERROR_OVERLOADED,      /* 503 */
    CHAT_ERROR_TIMEOUT          /* 504 */
};

struct chat_error {
    enum chat_error_kind kind;
    int http_status;        /* what the caller gets */
    int64_t retry_after_ms; /* 0: unknown */
    struct str message;     /* for the caller: no secret, no internal address */
    struct str param;       /* the offending field as the caller wrote it, may be empty */
    struct str detail;      /* for the log only */
};

/* The HTTP status that belongs to a kind. */
int chat_error_status(enum chat_error_kind kind);

/* A stable lower-case word for logs: "rate_limit", ... */
const char *chat_error_word(enum chat_error_kind kind);

/* Fill `err` with a kind, its status and a message made in `arena`. Clears the rest. */
void chat_error_set(struct chat_error *err, struct arena *arena, enum chat_error_kind kind,
                    const char *format, ...) __attribute__((format(printf, 4, 5)));

/* The same for a 400 about one field; `param` may be NULL. */
void chat_error_field(struct chat_error *err, struct arena *arena, enum chat_error_kind kind,
                      const char *param, const char *format, ...)
    __attribute__((format(printf, 5, 6)));

/* A copy whose texts live in `arena`, for who keeps an error longer than its maker. */
struct chat_error chat_error_copy(struct arena *arena, const struct chat_error *err);

#endif

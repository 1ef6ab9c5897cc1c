/*
 * One request and its answer, from the first header to the last byte. Lives in the thread of
 * its listener; only the log entry and the pacer's part are shared, under their own locks.
 */
#ifndef EMULATOR_EXCHANGE_H
#define EMULATOR_EXCHANGE_H

#include "pool.h"
#include "reply.h"

#include <microhttpd.h>
#include <stdint.h>

enum { MAX_BODY_BYTES = 64 << 20 };

struct deployment;
struct exchange;
struct tenant;

/* How one kind of upstream speaks; the name is what faults and the log use. */
struct family {
    const char *name;
    /* Refuse with this family's error body. */
    void (*refuse)(struct exchange *x, unsigned status, const char *message);
    /* Append this family's error event to the reply's bytes. */
    void (*error_event)(struct exchange *x, unsigned status, struct buf *out);
};

/* The pacer's part: when to go on, and whether the caller has hung up. */
struct parking {
    struct MHD_Connection *connection;
    int fd;
    uint32_t serial;
    int64_t due_ms;
    size_t heap_at; /* 1-based position, 0 = not parked */
    bool watched, gone;
    int64_t gone_ms;
};

struct exchange {
    struct pool pool;
    struct MHD_Connection *connection;
    const char *method;
    char *path, *query; /* path decoded, query raw */
    struct buf body;
    bool over_tls, too_large, routed, first_delay_done;

    const struct tenant *tenant;
    const struct deployment *deployment;
    const struct family *family;
    const char *group;  /* as sent */
    const char *suffix; /* path after the deployment id, "/..." */
    unsigned token_serial;
    cJSON *json;

    struct reply reply;
    size_t segment, segment_sent; /* sending position */
    uint64_t events_sent, bytes_sent;
    bool waited; /* for the current segment's delay */
    bool counted_active;

    uint64_t log_seq;
    bool logged;
    struct parking parking;
};

/* Header value or NULL. */
const char *exchange_header(struct exchange *x, const char *name);

/* Decoded query argument or NULL. */
const char *exchange_argument(struct exchange *x, const char *name);

bool exchange_is(const struct exchange *x, const char *method);

/* Parse the body once into x->json; NULL with *why if it is not JSON. */
cJSON *exchange_json(struct exchange *x, const char **why);

int64_t now_ms(void);

#endif

/*
 * The access record: one JSON line per request, to stderr, syslog or a file of its own.
 *
 * It holds no secret, no prompt and no answer. Lines are written with one write(2) each.
 */
#ifndef CORELAY_GATE_RECORD_H
#define CORELAY_GATE_RECORD_H

#include <stdbool.h>

#include "base/status.h"
#include "base/str.h"
#include "chat/event.h"

struct record {
    int64_t wall_ms;      /* when the request came */
    struct str id;        /* X-Request-Id */
    const char *key_name; /* of the caller's key; NULL: none */
    const char *client;   /* recognised program, "unknown" otherwise */
    const char *dialect;  /* NULL: before that was known */
    const char *method;
    struct str path;    /* without the query */
    struct str model;   /* as asked */
    struct str target;  /* "subaccount/deployment", unset: none */
    const char *family; /* NULL: none */
    bool lane, stream;
    bool mirror; /* a copy that nobody has asked for */
    int attempts;
    int http_status;
    int64_t bytes_in, bytes_out;
    bool has_usage;
    struct chat_usage usage;
    int64_t first_byte_ms; /* until the caller was sent anything; -1: never */
    int64_t duration_ms;
    const char *outcome; /* "done", "cancelled", "failed" */
    const char *error;   /* chat_error_word, NULL: none */
    struct str detail;   /* of the error, for the administrator */
    struct str dropped;  /* what a translation left out */
};

/* "stderr", "syslog", "off" or the path of a file (appended to, 0600). E_IO. */
status record_open(const char *destination);
/* After rotation. */
void record_reopen(void);

void record_write(const struct record *r);

#endif

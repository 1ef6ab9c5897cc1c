/*
 * What is known about the token of one credential, and the file that says so: token-<id>.json.
 *
 * {"corelay_token":1,"token":"..","fetched_ms":..,"expires_ms":..,"replacement":false,
 *  "refused":{"at_ms":..,"until_ms":..},"busy":{"at_ms":..,"until_ms":..},"failures":0}
 *
 * Times are wall-clock milliseconds, since monotonic ones mean nothing to another boot. The clock
 * may have jumped since they were written: durations that are computed from them are bounded by
 * what the writer can have meant.
 */
#ifndef CORELAY_AICORE_TOKEN_RECORD_H
#define CORELAY_AICORE_TOKEN_RECORD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/status.h"

enum {
    TOKEN_TEXT_MAX = 64 * 1024,
    TOKEN_FILE_MAX = TOKEN_TEXT_MAX * 2 + 4096,
    TOKEN_LIFE_MAX_S = 7 * 24 * 3600
};

/* The service is left alone from `at_ms` until `until_ms`; both 0: it is not. */
struct token_pause {
    int64_t at_ms, until_ms;
};

struct token_record {
    struct str token; /* unset: none */
    int64_t fetched_ms, expires_ms;
    bool replacement; /* fetched because upstream rejected the one before */
    struct token_pause refused, busy;
    int failures; /* of the service, in a row */
};

/* Read the content of a file. The token is borrowed from `content` or lies in `arena`. E_SYNTAX
   with the offence in `*problem` (static text), E_NOMEM. */
status token_record_parse(struct arena *arena, struct str content, struct token_record *out,
                          const char **problem);
void token_record_write(struct buf *out, const struct token_record *record);

/* Not empty, not longer than TOKEN_TEXT_MAX, and of visible ASCII alone: fit for a header. */
bool token_text_valid(struct str token);

/* What is left of the token's life at `now_ms`, never more than it was given. */
int64_t token_record_left_ms(const struct token_record *record, int64_t now_ms);
/* What is left of a pause, at most `most_ms`; a pause that begins in the future (the clock has been
   set back) has lost its meaning. */
int64_t token_pause_left_ms(const struct token_pause *pause, int64_t now_ms, int64_t most_ms);

#endif

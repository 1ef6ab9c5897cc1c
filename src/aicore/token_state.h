/*
 * What one process knows about the token of one credential: its text, how long it is good, which one
 * upstream has rejected, and until when the service is left alone. Judgement alone: it asks nobody,
 * and nobody waits here. All times are monotonic milliseconds; a zeroed state knows nothing.
 */
#ifndef CORELAY_AICORE_TOKEN_STATE_H
#define CORELAY_AICORE_TOKEN_STATE_H

#include <stdbool.h>
#include <stdint.h>

#include "aicore/token_record.h"
#include "base/crypto.h"

struct token_text; /* counted: a callback that borrows it may make us drop it */

struct token_state {
    struct token_text *text; /* NULL: none */
    int64_t fetched_ms, expires_ms, refresh_ms;
    bool replacement; /* fetched because upstream rejected the one before */
    bool replacing;   /* the next one will be such */

    bool has_rejected;
    uint8_t rejected[SHA256_BYTES];

    int64_t refused_until_ms, busy_until_ms;
    int failures; /* of the service, in a row */
};

enum token_verdict {
    TOKEN_USABLE,
    TOKEN_DENIED, /* the service refuses the credential: not to be asked for a while */
    TOKEN_PAUSED, /* the service is left alone for a while */
    TOKEN_MISSING
};

enum token_verdict token_state_judge(const struct token_state *state);
/* Usable, but near its end; and the service may be asked. */
bool token_state_refresh_due(const struct token_state *state);

bool token_state_is_rejected(const struct token_state *state, struct str token);
/* Upstream has answered 401 to this token. Only its hash is kept. */
void token_state_reject(struct token_state *state, struct str token);

/* A token that was fetched now, with its life. It ends all pauses. E_NOMEM: as before. */
status token_state_set(struct token_state *state, struct str token, int64_t life_ms);
void token_state_refuse(struct token_state *state, int64_t for_ms);
/* Leave the service alone: for `pause_ms` if it says so (> 0), else for `backoff_ms`, twice as long
   at each failure. Returns for how long. */
int64_t token_state_pause(struct token_state *state, int64_t pause_ms, int64_t backoff_ms);

/* Take from a record what is better than what is known; a refusal lasts at most `refused_ms`. */
void token_state_take(struct token_state *state, const struct token_record *record,
                      int64_t refused_ms);
/* All that is known, for the file. The text stays the state's. */
struct token_record token_state_record(const struct token_state *state);

/* Wipe and free the text, or leave that to the last who holds it. */
void token_state_drop(struct token_state *state);

/* The text, good until it is released. */
struct token_text *token_text_hold(struct token_text *text);
void token_text_release(struct token_text *text);
struct str token_text_str(const struct token_text *text);

#endif

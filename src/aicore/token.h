/*
 * OAuth tokens, shared by all processes of the host.
 *
 * One small file per credential under `state_dir`, 0600, written aside and renamed, under an advisory
 * lock: exactly one process fetches, the others wait for its result. A token is refreshed early (10 %
 * of its life, at most 300 s, with jitter) while the old one is still served; a token that upstream
 * rejected is replaced once; a credential that the token service refused is remembered for 30 s; a
 * token service that says 429 or fails is left alone for a while and a still valid token is used.
 * A damaged, foreign or unreadable file is a miss with a warning, never an error.
 *
 * A cache belongs to one reactor; several reactors and processes meet on disk.
 */
#ifndef CORELAY_AICORE_TOKEN_H
#define CORELAY_AICORE_TOKEN_H

#include <stdbool.h>

#include "aicore/service_key.h"
#include "base/status.h"
#include "chat/error.h"
#include "http/reactor.h"

struct token_cache;
struct token_wait;

struct token_settings {
    int64_t deadline_ms; /* how long a caller waits at most; default 30000 */
    int64_t fetch_ms;    /* limit of one fetch; default 15000 */
    int64_t refused_ms;  /* default 30000 */
    int64_t backoff_ms;  /* after 429/5xx without Retry-After, doubling to 60 s; default 2000 */
};

/* `state_dir` may be NULL or unusable: then tokens are kept in memory alone (with one warning).
   NULL when out of memory. */
struct token_cache *token_cache_new(struct reactor *r, const char *state_dir,
                                    const struct token_settings *settings);
/* Cancels waits without calling them back. */
void token_cache_free(struct token_cache *cache);

/* Called once: OK and the token (borrowed for the call), or a status and the error for the caller
   (UPSTREAM_AUTH when refused, OVERLOADED/TIMEOUT otherwise; texts fit for a caller). */
typedef void token_done(void *arg, status s, struct str token, const struct chat_error *err);

/* Get a token for this key. `rejected` is a token that upstream has just answered 401 to (else unset): it
   will not be handed out again. May call back before it returns (a token in memory); then it
   returns NULL. Otherwise a wait that can be cancelled. `key` is borrowed until then. */
struct token_wait *token_get(struct token_cache *cache, const struct service_key *key,
                             struct str rejected, token_done *done, void *arg);
void token_cancel(struct token_wait *wait);

/* For `corelay token list|clear`: what lies on disk. */
struct token_entry {
    char id[SERVICE_KEY_ID_BYTES];
    int64_t fetched_s, expires_s; /* wall clock; 0 unknown */
    bool usable;
    const char *problem; /* static text, NULL if none */
};
status token_list(const char *state_dir, void (*each)(void *arg, const struct token_entry *entry),
                  void *arg);
/* Delete the cached token of one key id, or of all (NULL); how many were there. */
status token_clear(const char *state_dir, const char *id, int *count);

#endif

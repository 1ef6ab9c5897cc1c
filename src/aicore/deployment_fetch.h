/*
 * One reading of the AI API's list of deployments: token, pages, and once more where that helps; and
 * where the orchestration service runs, the catalogue of the models that it answers for.
 * Knows nothing of caches.
 */
#ifndef CORELAY_AICORE_DEPLOYMENT_FETCH_H
#define CORELAY_AICORE_DEPLOYMENT_FETCH_H

#include "aicore/deployment.h"

struct deployment_fetch;

enum deployment_outcome {
    DEPLOYMENTS_FETCHED,
    DEPLOYMENTS_REFUSED,     /* 401, 403: the credential, or the resource group */
    DEPLOYMENTS_UNAVAILABLE, /* 429, 5xx, no connection, too slow */
    DEPLOYMENTS_UNUSABLE     /* an answer that makes no sense */
};

struct deployment_answer {
    enum deployment_outcome outcome;
    struct deployment_list *list; /* the callee's own; NULL unless fetched */
    int64_t retry_after_ms;       /* 0: unknown */
    char text[200];               /* what went wrong, for the log */
};

/* Ask; `done` comes once, never from within this call, and the fetch is gone afterwards. `key` and
   `group` are borrowed until then. `last`, which is held, has the catalogue that stays in use when
   it cannot be read anew; it may be NULL. NULL when out of memory. */
struct deployment_fetch *deployment_fetch_start(
    struct reactor *r, struct token_cache *tokens, const struct service_key *key, const char *group,
    struct deployment_list *last, int64_t limit_ms,
    void (*done)(void *arg, struct deployment_answer *answer), void *arg);
/* NULL is allowed. */
void deployment_fetch_cancel(struct deployment_fetch *fetch);

#endif

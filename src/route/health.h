/*
 * Who may be asked at present: cooldowns of quota domains, circuit breakers of targets.
 *
 * A refusal for want of quota (429) says nothing about the target: it cools the whole domain, since
 * all deployments of a model in a tenant share one quota. A failure (5xx, timeout, reset) says
 * nothing about the quota: the target is avoided for a moment, longer with each one in a row, and
 * after some of them its breaker opens; then one request at a time may try whether it is back. What
 * is the caller's own fault counts for neither.
 *
 * Rows may be NULL (the scoreboard is full): then everybody is well.
 */
#ifndef CORELAY_ROUTE_HEALTH_H
#define CORELAY_ROUTE_HEALTH_H

#include "chat/error.h"
#include "config/config.h"
#include "route/scoreboard.h"

/* The target and its domain at one moment. */
struct health {
    struct board_target *target;
    struct board_domain *domain;
    bool paced; /* a domain whose quota of this minute is used up cools until the next one */
};

enum health_state {
    HEALTH_GOOD,
    HEALTH_HALF_OPEN, /* may be asked by whoever gets health_claim_probe */
    HEALTH_SHAKY,     /* has failed a moment ago: when there is nobody better */
    HEALTH_OPEN,      /* the breaker is open, or somebody tries it just now */
    HEALTH_COOLING    /* no quota */
};

/* `*wait_ms` is how long it will stay so; 0 for GOOD and HALF_OPEN. */
enum health_state health_look(const struct health *h, int64_t now_ms, int64_t *wait_ms);

/* Count a request against the domain's quota. False: there was none left, others were faster. */
bool health_take_quota(const struct health *h, int64_t now_ms);

/* Is at least half of the domain's quota of this minute left, as far as one is known? */
bool health_has_room(const struct health *h, int64_t now_ms);

/* Is it time to ask the AI API for the domain's limit, and is it upon us to do so? */
bool health_claim_limit(const struct health *h, int64_t now_ms);

/* Be the one who tries a half-open target, for at most as long as `lease_ms`: whoever dies over it
   blocks it no longer than that. False: somebody else was faster. */
bool health_claim_probe(const struct health *h, int64_t now_ms, int64_t lease_ms);
/* The probe ended without telling anything. */
void health_return_probe(const struct health *h);

/* It has begun to answer, after so many milliseconds. */
void health_note_answer(const struct health *h, int64_t latency_ms);
/* It has failed so; errors that are the caller's own change nothing but the end of a probe. */
void health_note_error(const struct health *h, const struct config_routing *settings,
                       const struct chat_error *err, int64_t now_ms);
/* It has no instance that runs: scaled to zero, or just begun. One request at a time looks after it. */
void health_note_starting(const struct health *h, const struct chat_error *err, int64_t now_ms);
/* Is that why it is OPEN? */
bool health_is_starting(const struct health *h);
/* It says that there is no such thing: perhaps the deployment is gone, perhaps it was asked for
   something else. It is asked last for a while. */
void health_note_gone(const struct health *h, int64_t now_ms);

#endif

/*
 * Who is asked next: the way of one request through the targets of its model.
 *
 *     route_begin(&pick, &ask);
 *     while (route_next(&pick, &wait_ms) != ROUTE_NONE)
 *         (wait, or try pick.target of pick.model and say how it went)
 *     route_end(&pick);
 *
 * A target is asked once in a round; a target of another quota domain before another of the same
 * one. When a round is over, the models that may stand in are gone through, and then, after a pause,
 * another round begins, as far as attempts, deadline and the budget that all processes share allow
 * it. A refusal for want of quota costs neither attempt nor budget: each domain is asked once, and
 * then known to be cooling.
 *
 * A copy of a request (a mirror) is sent once, to a target that is well and whose domain has quota to
 * spare, or not at all.
 */
#ifndef CORELAY_ROUTE_PICK_H
#define CORELAY_ROUTE_PICK_H

#include "route/health.h"
#include "route/table.h"

enum { ROUTE_TARGETS_MAX = 64, ROUTE_REFUSALS_MAX = 64 };

/* What is known of a request; all borrowed until route_end. */
struct route_ask {
    const struct config *config;
    struct scoreboard *board;
    struct route_table *table;
    struct arena *arena;
    struct route_model *model;
    uint64_t conversation;              /* 0: none that is known */
    uint64_t caller;                    /* for canaries; 0: unknown */
    const struct config_mirror *mirror; /* it is a copy, and goes to these; NULL: it is none */
    const char *prefer;                 /* id of the deployment to ask first; NULL: none */
    int64_t began_ms;                   /* when the request came */
};

enum route_step { ROUTE_GO, ROUTE_WAIT, ROUTE_NONE };

/* Zeroed before the first route_begin. */
struct route_pick {
    struct route_ask ask;
    struct route_model *model;   /* whose targets are tried at present */
    const struct target *target; /* of the present try; NULL: none */
    size_t stand_in;             /* how many fallbacks have been gone to */

    struct {
        uint64_t target, domain;
    } tried[ROUTE_TARGETS_MAX]; /* in this round */
    size_t tried_count;
    int attempts, refusals; /* for want of quota or of an instance; they are no attempts */
    unsigned round;
    int64_t waited_ms, sent_ms;
    bool counted; /* among the requests of this minute */
    bool probing, answered;
    enum chat_error_kind failed; /* the last try; NONE: has not, or it was none */
    bool passing;                /* a failure of this round may have passed in a moment */

    /* Why there is nobody (route_next said NONE). */
    bool throttled;         /* for want of quota, rather than for failures */
    int64_t retry_after_ms; /* when somebody may be there again; 0: unknown */
    struct board_score score;
};

void route_begin(struct route_pick *p, const struct route_ask *ask);

/* GO: `p->target` of `p->model` is to be asked, and counts as in flight. WAIT: call again in so many
   milliseconds. NONE: it is over. */
enum route_step route_next(struct route_pick *p, int64_t *wait_ms);

/* Does the pace depend on a limit that the AI API should be asked for, by this process? Once an hour
   for each model. */
bool route_wants_limit(const struct route_pick *p);
/* What the AI API said about a model of an account. */
void route_set_limit(struct scoreboard *board, struct route_table *table,
                     const struct config_account *account, const char *model, uint32_t per_minute);

/* The target has begun to answer. */
void route_answered(struct route_pick *p);
/* What an error does not say by its kind. Such a try was none: it costs neither attempt nor budget. */
enum route_hint {
    ROUTE_NO_HINT,
    ROUTE_ELSEWHERE, /* it is about what only another target has */
    ROUTE_STARTING   /* no instance of the deployment runs at present */
};

/* The try has failed. True: route_next may know another; false: the error is final. */
bool route_failed(struct route_pick *p, const struct chat_error *err, enum route_hint hint);
/* The request is too long for the model. True: a model that may stand in for that is next. */
bool route_too_long(struct route_pick *p);
/* The retries that all processes together may have made by the end of this minute, as it looks now. */
int64_t route_retries_allowed(const struct config_routing *settings,
                              const struct board_common *common, int64_t now_ms);
/* Nothing is in flight any more, whatever became of it. */
void route_end(struct route_pick *p);

#endif

/* The way of one request through the targets. */
#include "route/pick.h"

#include "base/clock.h"
#include "base/crypto.h"
#include "base/log.h"
#include "route/choice.h"

enum { PROBE_LEASE_MS = 60 * 1000, BACKOFF_MAX_MS = 10 * 1000, WAKE_SPREAD_MS = 400 };

static int64_t random_below(int64_t ms)
{
    uint16_t random;

    crypto_random(&random, sizeof random);
    return ms * random / (UINT16_MAX + 1);
}

static const struct config_routing *settings(const struct route_pick *p)
{
    return &p->ask.config->routing;
}

void route_begin(struct route_pick *p, const struct route_ask *ask)
{
    *p = (struct route_pick){.ask = *ask, .model = ask->model};
}

/* --- limits ---------------------------------------------------------------------------------- */

static bool may_go_on(const struct route_pick *p, int64_t now)
{
    if (p->attempts == 0 && p->refusals == 0)
        return true;
    return p->attempts < settings(p)->max_attempts && p->refusals < ROUTE_REFUSALS_MAX &&
           now - p->ask.began_ms <= settings(p)->deadline_ms;
}

int64_t route_retries_allowed(const struct config_routing *settings,
                              const struct board_common *common, int64_t now_ms)
{
    return settings->retry_minimum +
           settings->retry_percent * board_counted(&common->requests, now_ms) / 100;
}

/* What a second try costs: of all processes together no more than a part of the requests, so that an
   outage is not answered with a multiple of the load. */
static bool pay_retry(struct route_pick *p, int64_t now)
{
    struct board_common *common = scoreboard_common(p->ask.board);
    int64_t budget = route_retries_allowed(settings(p), common, now);

    if (p->failed == CHAT_ERROR_NONE || p->failed == CHAT_ERROR_RATE_LIMIT)
        return true;
    if (board_take(&common->retries, now, budget))
        return true;
    log_info("no further try: the budget of %lld retries a minute is spent", (long long)budget);
    return false;
}

/* --- rounds ---------------------------------------------------------------------------------- */

/* The next model that may stand in, if the reason is one of those that are set. */
static bool next_model(struct route_pick *p, unsigned reason)
{
    const struct config_model *setting = p->ask.model->setting;

    if (!setting || !(setting->fallback_for & reason))
        return false;
    while (p->stand_in < setting->fallback_count) {
        struct route_model *m =
            route_stand_in(p->ask.table, p->ask.config, p->ask.arena, p->ask.model, p->stand_in++);
        if (!m || m == p->ask.model)
            continue;
        p->model = m;
        p->ask.prefer = NULL;
        return true;
    }
    return false;
}

/* What is likely to have passed in a moment is tried once more at the same target. */
static bool worth_same(enum chat_error_kind kind)
{
    return kind == CHAT_ERROR_UPSTREAM || kind == CHAT_ERROR_OVERLOADED;
}

static int64_t backoff(const struct route_pick *p)
{
    int64_t ms = settings(p)->backoff_ms << (p->round < 8 ? p->round : 8);

    ms = ms < BACKOFF_MAX_MS ? ms : BACKOFF_MAX_MS;
    return ms / 2 + random_below(ms);
}

static enum route_step begin_round(struct route_pick *p, int64_t wait_ms, int64_t *out)
{
    p->round++;
    p->tried_count = 0;
    p->passing = false;
    p->stand_in = 0;
    p->model = p->ask.model;
    *out = wait_ms;
    return ROUTE_WAIT;
}

/* Everybody has been asked, or cannot be: another round soon, or the end. */
static enum route_step end_round(struct route_pick *p, int64_t now, int64_t *wait_ms)
{
    struct outlook outlook;

    choice_outlook(p, p->ask.model, now, &outlook);
    if (outlook.usable && p->passing && may_go_on(p, now)) {
        p->failed = CHAT_ERROR_UPSTREAM; /* what the round costs, whatever failed last */
        return begin_round(p, backoff(p), wait_ms);
    }
    int64_t most_ms = settings(p)->wait_ms;
    if (outlook.starting && settings(p)->cold_start_ms > most_ms)
        most_ms = settings(p)->cold_start_ms;
    p->throttled = outlook.cooling;
    p->retry_after_ms = outlook.usable ? 0 : outlook.soonest_ms;
    if (!outlook.soonest_ms || p->waited_ms + outlook.soonest_ms > most_ms)
        return ROUTE_NONE;
    p->waited_ms += outlook.soonest_ms;
    return begin_round(p, outlook.soonest_ms + 1 + random_below(WAKE_SPREAD_MS), wait_ms);
}

/* --- the next -------------------------------------------------------------------------------- */

static void count_request(struct route_pick *p, int64_t now)
{
    if (!p->counted)
        board_count(&scoreboard_common(p->ask.board)->requests, now);
    p->counted = true;
}

static enum route_step go(struct route_pick *p, const struct candidate *c, int64_t now)
{
    p->target = c->target;
    p->probing = c->state == HEALTH_HALF_OPEN;
    p->answered = false;
    p->sent_ms = now;
    p->attempts++;
    if (p->tried_count < ROUTE_TARGETS_MAX) {
        p->tried[p->tried_count].target = c->target->key;
        p->tried[p->tried_count++].domain = c->target->domain_key;
    }
    scoreboard_begin(p->ask.board, c->health.target, &p->score);
    if (c->health.target)
        atomic_fetch_add_explicit(&c->health.target->tries, 1, memory_order_relaxed);
    return ROUTE_GO;
}

static enum route_step next_of_copy(struct route_pick *p, int64_t now)
{
    struct candidate c;

    if (p->tried_count || !choice_make(p, now, &c) || !health_take_quota(&c.health, now))
        return ROUTE_NONE;
    board_count(&scoreboard_common(p->ask.board)->copies, now);
    return go(p, &c, now);
}

enum route_step route_next(struct route_pick *p, int64_t *wait_ms)
{
    int64_t now = clock_ms();
    struct candidate c;

    *wait_ms = 0;
    route_end(p);
    scoreboard_tend(p->ask.board);
    if (p->ask.mirror)
        return next_of_copy(p, now);
    count_request(p, now);
    if (!may_go_on(p, now))
        return ROUTE_NONE;
    for (;;) {
        if (!choice_make(p, now, &c)) {
            if (next_model(p, STAND_IN_FAILING))
                continue;
            return end_round(p, now, wait_ms);
        }
        if (c.state == HEALTH_HALF_OPEN && !health_claim_probe(&c.health, now, PROBE_LEASE_MS))
            continue; /* somebody tries it already */
        bool paid = pay_retry(p, now);
        if (paid && health_take_quota(&c.health, now))
            return go(p, &c, now);
        if (c.state == HEALTH_HALF_OPEN)
            health_return_probe(&c.health);
        if (!paid)
            return ROUTE_NONE;
    }
}

static struct health health_of(const struct route_pick *p)
{
    return choice_health(p, p->target);
}

bool route_wants_limit(const struct route_pick *p)
{
    struct health h = health_of(p);

    return health_claim_limit(&h, clock_ms());
}

/* --- how it went ----------------------------------------------------------------------------- */

void route_answered(struct route_pick *p)
{
    if (!p->target || p->answered)
        return;
    struct health h = health_of(p);
    health_note_answer(&h, clock_ms() - p->sent_ms);
    p->answered = true;
    p->probing = false;
}

static bool is_retryable(enum chat_error_kind kind)
{
    switch (kind) {
    case CHAT_ERROR_RATE_LIMIT:
    case CHAT_ERROR_UPSTREAM:
    case CHAT_ERROR_UPSTREAM_AUTH:
    case CHAT_ERROR_OVERLOADED:
    case CHAT_ERROR_TIMEOUT:
    case CHAT_ERROR_MODEL_NOT_FOUND:
        return true;
    default:
        return false;
    }
}

static void note_failure(struct route_pick *p, const struct chat_error *err, enum route_hint hint)
{
    struct health h = health_of(p);
    int64_t now = clock_ms();

    if (hint == ROUTE_STARTING)
        health_note_starting(&h, err, now);
    else if (err->kind == CHAT_ERROR_MODEL_NOT_FOUND)
        health_note_gone(&h, now);
    else
        health_note_error(&h, settings(p), err, now);
}

bool route_failed(struct route_pick *p, const struct chat_error *err, enum route_hint hint)
{
    if (!p->target)
        return false;
    note_failure(p, err, hint);
    p->passing |= hint == ROUTE_NO_HINT && worth_same(err->kind);
    p->failed = hint == ROUTE_NO_HINT ? err->kind : CHAT_ERROR_NONE;
    if (err->kind == CHAT_ERROR_RATE_LIMIT || hint != ROUTE_NO_HINT) {
        p->attempts--;
        p->refusals++;
    }
    route_end(p);
    return is_retryable(err->kind) || hint == ROUTE_ELSEWHERE;
}

bool route_too_long(struct route_pick *p)
{
    route_end(p);
    if (!next_model(p, STAND_IN_CONTEXT))
        return false;
    p->failed = CHAT_ERROR_NONE; /* no retry, so it costs none */
    return true;
}

void route_end(struct route_pick *p)
{
    scoreboard_end(&p->score);
    if (p->target && p->probing) {
        struct health h = health_of(p);
        health_return_probe(&h);
    }
    p->probing = false;
    p->target = NULL;
}

/* --- limits that the AI API tells ------------------------------------------------------------ */

void route_set_limit(struct scoreboard *board, struct route_table *table,
                     const struct config_account *account, const char *model, uint32_t per_minute)
{
    for (size_t i = 0; i < route_table_count(table); i++) {
        const struct route_model *m = route_table_at(table, i);
        for (const struct target *t = str_is(m->name, model) ? m->targets : NULL; t; t = t->next) {
            struct board_domain *d = scoreboard_domain(board, t->domain_key, t->domain_label);
            if (t->account != account || !d)
                continue;
            atomic_store(&d->limit, per_minute);
            atomic_store(&d->limit_at_ms, clock_ms());
        }
    }
}

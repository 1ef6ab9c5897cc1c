/* Cooldowns and circuit breakers. */
#include "route/health.h"

#include "base/clock.h"
#include "base/crypto.h"

enum {
    SHAKY_MS = 500, /* after a first failure; twice as long after each further one */
    SHAKY_MAX_MS = 8000,
    THROTTLED_MS = 1000, /* the same for a domain whose service does not say how long */
    GONE_MS = 60 * 1000,
    PROBE_LOOK_MS = 1000, /* how soon to look what has become of another's probe */
    STARTING_MS = 2000,   /* from one look to the next */
    MINUTE_MS = 60 * 1000,
    LIMIT_AGE_MS = 60 * 60 * 1000,
    LEARNT_LEAST = 2, /* less is not learnt: a minute of ours is not quite one of theirs */
    BELIEVED_MS = 2 * 60 * 60 * 1000 /* a time that is further away is damage */
};

/* --- numbers that anybody may have written --------------------------------------------------- */

/* How long until `at`; 0 when it is past, unset, or cannot be. */
static int64_t left(const _Atomic int64_t *at, int64_t now_ms)
{
    int64_t value = atomic_load_explicit(at, memory_order_relaxed);

    return value > now_ms && value - now_ms <= BELIEVED_MS ? value - now_ms : 0;
}

static void set_later(_Atomic int64_t *at, int64_t value, int64_t now_ms)
{
    if (now_ms + left(at, now_ms) < value)
        atomic_store_explicit(at, value, memory_order_relaxed);
}

static int64_t doubled(int64_t first_ms, uint32_t times, int64_t most_ms)
{
    int64_t ms = first_ms;

    while (times-- > 0 && ms < most_ms)
        ms *= 2;
    return ms < most_ms ? ms : most_ms;
}

/* Between 7/8 and 9/8, so that many do not come back at the same moment. */
static int64_t jittered(int64_t ms)
{
    uint8_t random;

    crypto_random(&random, sizeof random);
    return ms - ms / 8 + ms / 4 * random / 255;
}

/* --- quotas ---------------------------------------------------------------------------------- */

static uint32_t limit_of(const struct board_domain *d)
{
    uint32_t limit = atomic_load_explicit(&d->limit, memory_order_relaxed);
    return limit ? limit : atomic_load_explicit(&d->learnt, memory_order_relaxed);
}

/* What was learnt was true of one minute; half as much again is tried in each that follows. */
static void relearn(struct board_domain *d)
{
    uint32_t learnt = atomic_load_explicit(&d->learnt, memory_order_relaxed);

    if (learnt && learnt < UINT32_MAX / 2)
        atomic_store_explicit(&d->learnt, learnt + learnt / 2, memory_order_relaxed);
}

bool health_take_quota(const struct health *h, int64_t now_ms)
{
    if (!h->domain)
        return true;
    uint32_t count = board_count(&h->domain->requests, now_ms), limit = limit_of(h->domain);
    if (count == 1)
        relearn(h->domain);
    return !h->paced || !limit || count <= limit;
}

bool health_has_room(const struct health *h, int64_t now_ms)
{
    uint32_t limit = h->domain ? limit_of(h->domain) : 0;

    return !limit || board_counted(&h->domain->requests, now_ms) < limit / 2;
}

bool health_claim_limit(const struct health *h, int64_t now_ms)
{
    if (!h->domain || !h->paced)
        return false;
    int64_t at = atomic_load(&h->domain->limit_at_ms);
    if (at > now_ms - LIMIT_AGE_MS && at <= now_ms && at != 0)
        return false;
    return atomic_compare_exchange_strong(&h->domain->limit_at_ms, &at, now_ms);
}

static int64_t cooling_ms(const struct health *h, int64_t now_ms)
{
    if (!h->domain)
        return 0;
    int64_t wait_ms = left(&h->domain->cool_until_ms, now_ms);
    uint32_t limit = limit_of(h->domain);
    if (!wait_ms && h->paced && limit && board_counted(&h->domain->requests, now_ms) >= limit)
        wait_ms = MINUTE_MS - now_ms % MINUTE_MS;
    return wait_ms;
}

/* --- looking --------------------------------------------------------------------------------- */

static enum health_state breaker_state(const struct board_target *t, int64_t now_ms,
                                       int64_t *wait_ms)
{
    if (!atomic_load_explicit(&t->open_until_ms, memory_order_relaxed))
        return HEALTH_GOOD;
    *wait_ms = left(&t->open_until_ms, now_ms);
    if (*wait_ms)
        return HEALTH_OPEN;
    *wait_ms = left(&t->probe_until_ms, now_ms);
    if (*wait_ms > PROBE_LOOK_MS)
        *wait_ms = PROBE_LOOK_MS;
    return *wait_ms ? HEALTH_OPEN : HEALTH_HALF_OPEN;
}

enum health_state health_look(const struct health *h, int64_t now_ms, int64_t *wait_ms)
{
    *wait_ms = cooling_ms(h, now_ms);
    if (*wait_ms)
        return HEALTH_COOLING;
    if (!h->target)
        return HEALTH_GOOD;
    enum health_state state = breaker_state(h->target, now_ms, wait_ms);
    if (state != HEALTH_GOOD)
        return state;
    *wait_ms = left(&h->target->cool_until_ms, now_ms);
    return *wait_ms ? HEALTH_SHAKY : HEALTH_GOOD;
}

bool health_claim_probe(const struct health *h, int64_t now_ms, int64_t lease_ms)
{
    if (!h->target)
        return true;
    int64_t old = atomic_load(&h->target->probe_until_ms);
    if (left(&h->target->probe_until_ms, now_ms))
        return false;
    return atomic_compare_exchange_strong(&h->target->probe_until_ms, &old, now_ms + lease_ms);
}

void health_return_probe(const struct health *h)
{
    if (h->target)
        atomic_store(&h->target->probe_until_ms, 0);
}

/* --- noting ---------------------------------------------------------------------------------- */

static void close_breaker(struct board_target *t)
{
    atomic_store_explicit(&t->failures, 0, memory_order_relaxed);
    atomic_store_explicit(&t->cool_until_ms, 0, memory_order_relaxed);
    atomic_store_explicit(&t->opens, 0, memory_order_relaxed);
    atomic_store_explicit(&t->starting, 0, memory_order_relaxed);
    atomic_store_explicit(&t->open_until_ms, 0, memory_order_relaxed);
    atomic_store_explicit(&t->probe_until_ms, 0, memory_order_relaxed);
}

static uint32_t smoothed(uint32_t old, int64_t ms)
{
    int64_t fresh = ms < 1 ? 1 : ms > BELIEVED_MS ? BELIEVED_MS : ms;

    return old == 0 || old > BELIEVED_MS ? (uint32_t)fresh
                                         : (uint32_t)(((int64_t)old * 7 + fresh + 4) / 8);
}

void health_note_answer(const struct health *h, int64_t latency_ms)
{
    if (h->domain)
        atomic_store_explicit(&h->domain->strikes, 0, memory_order_relaxed);
    if (!h->target)
        return;
    uint32_t old = atomic_load_explicit(&h->target->latency_ms, memory_order_relaxed);
    atomic_store_explicit(&h->target->latency_ms, smoothed(old, latency_ms), memory_order_relaxed);
    close_breaker(h->target);
}

static int64_t believed(const struct config_routing *settings, int64_t retry_after_ms)
{
    return retry_after_ms < settings->retry_after_max_ms ? retry_after_ms
                                                         : settings->retry_after_max_ms;
}

static void cool_domain(struct board_domain *d, const struct config_routing *settings,
                        int64_t retry_after_ms, int64_t now_ms)
{
    uint32_t served = board_counted(&d->requests, now_ms);

    atomic_fetch_add_explicit(&d->throttled, 1, memory_order_relaxed);
    if (!left(&d->cool_until_ms, now_ms))
        atomic_store_explicit(&d->learnt, served > LEARNT_LEAST ? served - 1 : LEARNT_LEAST,
                              memory_order_relaxed);
    if (retry_after_ms > 0) {
        set_later(&d->cool_until_ms, now_ms + believed(settings, retry_after_ms), now_ms);
        return;
    }
    if (left(&d->cool_until_ms, now_ms))
        return; /* of many that were under way together one is enough */
    uint32_t strikes = atomic_fetch_add_explicit(&d->strikes, 1, memory_order_relaxed);
    int64_t ms = doubled(THROTTLED_MS, strikes, settings->cooldown_ms);
    set_later(&d->cool_until_ms, now_ms + jittered(ms), now_ms);
}

/* Many failures come in together when a target dies: one of them opens the breaker. */
static void open_breaker(struct board_target *t, const struct config_routing *settings,
                         int64_t now_ms)
{
    int64_t old = atomic_load(&t->open_until_ms);

    if (left(&t->open_until_ms, now_ms))
        return;
    uint32_t opens = atomic_load_explicit(&t->opens, memory_order_relaxed);
    int64_t ms = doubled(settings->breaker_ms, opens, settings->breaker_max_ms);
    if (!atomic_compare_exchange_strong(&t->open_until_ms, &old, now_ms + jittered(ms)))
        return;
    atomic_fetch_add_explicit(&t->opens, 1, memory_order_relaxed);
    atomic_store_explicit(&t->starting, 0, memory_order_relaxed);
    atomic_store_explicit(&t->probe_until_ms, 0, memory_order_relaxed);
}

static void note_failure(struct board_target *t, const struct config_routing *settings,
                         int64_t retry_after_ms, int64_t now_ms)
{
    uint32_t before = atomic_fetch_add_explicit(&t->failures, 1, memory_order_relaxed);
    bool starting = atomic_load_explicit(&t->starting, memory_order_relaxed);
    bool half_open = atomic_load_explicit(&t->open_until_ms, memory_order_relaxed) && !starting;

    atomic_fetch_add_explicit(&t->failed, 1, memory_order_relaxed);
    if (retry_after_ms > 0) /* it wants to be left alone, and says for how long */
        set_later(&t->open_until_ms, now_ms + believed(settings, retry_after_ms), now_ms);
    else if (before + 1 >= (uint64_t)settings->breaker_failures || half_open)
        open_breaker(t, settings, now_ms);
    else if (starting) /* it was looked after, and has yet to answer */
        set_later(&t->open_until_ms, now_ms + jittered(STARTING_MS), now_ms);
    set_later(&t->cool_until_ms, now_ms + jittered(doubled(SHAKY_MS, before, SHAKY_MAX_MS)),
              now_ms);
}

static void keep_error(struct board_target *t, const struct chat_error *err)
{
    uint64_t code = (uint64_t)(err->http_status & 0xffff) << 16 | (uint64_t)err->kind;

    atomic_store_explicit(&t->last_error, code, memory_order_relaxed);
    atomic_store_explicit(&t->last_at_s, (uint64_t)clock_wall_s(), memory_order_relaxed);
}

void health_note_error(const struct health *h, const struct config_routing *settings,
                       const struct chat_error *err, int64_t now_ms)
{
    switch (err->kind) {
    case CHAT_ERROR_RATE_LIMIT:
        if (h->domain)
            cool_domain(h->domain, settings, err->retry_after_ms, now_ms);
        if (h->target) {
            keep_error(h->target, err);
            close_breaker(h->target); /* it is alive */
        }
        return;
    case CHAT_ERROR_UPSTREAM:
    case CHAT_ERROR_UPSTREAM_AUTH:
    case CHAT_ERROR_OVERLOADED:
    case CHAT_ERROR_TIMEOUT:
        if (h->target) {
            keep_error(h->target, err);
            note_failure(h->target, settings, err->retry_after_ms, now_ms);
        }
        return;
    default:
        health_return_probe(h);
    }
}

void health_note_starting(const struct health *h, const struct chat_error *err, int64_t now_ms)
{
    if (!h->target)
        return;
    keep_error(h->target, err);
    atomic_store(&h->target->starting, 1);
    atomic_store(&h->target->open_until_ms, now_ms + jittered(STARTING_MS));
    health_return_probe(h);
}

bool health_is_starting(const struct health *h)
{
    return h->target && atomic_load_explicit(&h->target->starting, memory_order_relaxed);
}

void health_note_gone(const struct health *h, int64_t now_ms)
{
    static const struct chat_error gone = {.kind = CHAT_ERROR_MODEL_NOT_FOUND, .http_status = 404};

    if (!h->target)
        return;
    keep_error(h->target, &gone);
    atomic_fetch_add_explicit(&h->target->failed, 1, memory_order_relaxed);
    set_later(&h->target->cool_until_ms, now_ms + GONE_MS, now_ms);
    health_return_probe(h);
}

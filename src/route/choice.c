/*
 * One choice among the targets of a model.
 *
 * Candidates are ranked by health first; the strategy decides among those of the best rank. Taking
 * turns is stride scheduling: every domain, and within it every target, has a pass, the least is
 * next and is moved on by the inverse of its weight. A pass is moved with one compare-and-swap, so
 * that no two processes take the same turn; whoever comes back after an outage is put behind the
 * others rather than given all that it missed.
 */
#include "route/choice.h"

#include <math.h>

#include "base/crypto.h"
#include "base/hash.h"

enum {
    STRIDE = 1 << 20, /* of weight 1; the longest there is */
    RACES_MAX = 32,
    /* ranks; the sum counts */
    WRONG_SIDE = 1, /* of the canary */
    SAME_DOMAIN = 2,
    LAST_RESORT = 4, /* weight 0 */
    SHAKY = 8,
    NEVER = 16
};

struct field {
    struct candidate all[ROUTE_TARGETS_MAX];
    size_t count;
    unsigned best; /* rank */
};

/* --- candidates ------------------------------------------------------------------------------ */

struct health choice_health(const struct route_pick *p, const struct target *t)
{
    return (struct health){scoreboard_target(p->ask.board, t->key, t->label),
                           scoreboard_domain(p->ask.board, t->domain_key, t->domain_label),
                           p->ask.config->routing.pace};
}

static bool was_tried(const struct route_pick *p, const struct target *t)
{
    for (size_t i = 0; i < p->tried_count; i++)
        if (p->tried[i].target == t->key)
            return true;
    return false;
}

static bool domain_was_tried(const struct route_pick *p, const struct target *t)
{
    for (size_t i = 0; i < p->tried_count; i++)
        if (p->tried[i].domain == t->domain_key)
            return true;
    return false;
}

/* NULL is any. */
static bool is_named(const struct target *t, const char *deployment, const char *version)
{
    return (!deployment || strcmp(deployment, t->id) == 0) &&
           (!version || (t->version && strcmp(version, t->version) == 0));
}

static bool is_canary(const struct config_canary *canary, const struct target *t)
{
    if (!canary->deployment && !canary->version)
        return false;
    return is_named(t, canary->deployment, canary->version);
}

/* Kept for copies of requests, as long as others are well. */
static bool is_for_copies(const struct route_pick *p, const struct target *t)
{
    const struct config_model *setting = p->model->setting;

    if (!setting || !setting->mirror.percent || setting->mirror.model)
        return false;
    return is_named(t, setting->mirror.deployment, setting->mirror.version);
}

/* The same callers always, whatever the number of processes; without a caller, by chance. */
static bool goes_to_canary(const struct route_pick *p, const struct config_canary *canary)
{
    uint64_t at = p->ask.caller ? p->ask.caller : p->ask.conversation;

    if (!at)
        crypto_random(&at, sizeof at);
    return hash_end(hash_add(at, p->model->name)) % 100 < (uint64_t)canary->percent;
}

static unsigned rank_of(const struct route_pick *p, const struct candidate *c)
{
    unsigned rank = 0;

    if (c->state == HEALTH_OPEN || c->state == HEALTH_COOLING)
        return NEVER;
    if (c->state == HEALTH_SHAKY)
        rank += SHAKY;
    if (!c->target->weight || !c->target->account_weight || is_for_copies(p, c->target))
        rank += LAST_RESORT;
    if (domain_was_tried(p, c->target))
        rank += SAME_DOMAIN;
    return rank;
}

static bool takes_copy(const struct config_mirror *mirror, const struct candidate *c, int64_t now)
{
    return is_named(c->target, mirror->deployment, mirror->version) && c->state == HEALTH_GOOD &&
           health_has_room(&c->health, now);
}

static void add_candidate(const struct route_pick *p, const struct target *t, int64_t now,
                          struct field *f)
{
    struct candidate *c = &f->all[f->count];
    int64_t wait_ms;

    *c = (struct candidate){.target = t, .health = choice_health(p, t)};
    c->state = health_look(&c->health, now, &wait_ms);
    c->rank = rank_of(p, c);
    if (p->ask.mirror && !takes_copy(p->ask.mirror, c, now))
        c->rank = NEVER;
    c->weight = t->weight ? t->weight : 1;
    if (c->rank < NEVER)
        f->count++;
}

static void gather(const struct route_pick *p, int64_t now, struct field *f)
{
    const struct config_model *setting = p->model->setting;
    bool canary = setting && setting->canary.percent > 0 && !p->ask.mirror;
    bool wanted = canary && goes_to_canary(p, &setting->canary);

    f->count = 0;
    f->best = NEVER;
    for (const struct target *t = p->model->targets; t && f->count < ROUTE_TARGETS_MAX; t = t->next)
        if (!was_tried(p, t))
            add_candidate(p, t, now, f);
    for (size_t i = 0; i < f->count; i++) {
        struct candidate *c = &f->all[i];
        if (canary && is_canary(&setting->canary, c->target) != wanted)
            c->rank += WRONG_SIDE;
        if (c->rank < f->best)
            f->best = c->rank;
    }
}

/* Keep those of the best rank. */
static void keep_best(struct field *f)
{
    size_t n = 0;

    for (size_t i = 0; i < f->count; i++)
        if (f->all[i].rank == f->best)
            f->all[n++] = f->all[i];
    f->count = n;
}

/* --- in turn --------------------------------------------------------------------------------- */

/* A row's pass, or a private one where there is no row. */
static uint64_t pass_of(const _Atomic uint64_t *pass)
{
    return pass ? atomic_load_explicit(pass, memory_order_relaxed) : 0;
}

static _Atomic uint64_t *domain_pass(const struct candidate *c)
{
    return c->health.domain ? &c->health.domain->pass : NULL;
}

static _Atomic uint64_t *target_pass(const struct candidate *c)
{
    return c->health.target ? &c->health.target->pass : NULL;
}

/* Between equals: alike in all processes that share a board, and otherwise not always the same. What
   has no row (the board is full) has no turns: there chance decides. */
static uint64_t tie(const struct scoreboard *board, const _Atomic uint64_t *pass, uint64_t key)
{
    static _Atomic uint64_t salt;

    if (pass && scoreboard_is_shared(board))
        return key;
    if (!pass) {
        crypto_random(&key, sizeof key);
        return key;
    }
    uint64_t own = atomic_load(&salt), none = 0;
    if (!own) {
        crypto_random(&own, sizeof own);
        if (!atomic_compare_exchange_strong(&salt, &none, own | 1))
            own = none;
    }
    return hash_end(key ^ own);
}

struct turn {
    uint64_t pass, most; /* the least one, and the farthest of all */
    size_t at;
};

/* The least pass among candidates of a domain (0: among the domains). */
static struct turn least(const struct route_pick *p, const struct field *f, uint64_t domain)
{
    struct turn turn = {UINT64_MAX, 0, f->count};
    uint64_t best_tie = 0;

    for (size_t i = 0; i < f->count; i++) {
        const struct candidate *c = &f->all[i];
        if (domain && c->target->domain_key != domain)
            continue;
        const _Atomic uint64_t *row = domain ? target_pass(c) : domain_pass(c);
        uint64_t pass = pass_of(row);
        uint64_t t = tie(p->ask.board, row, domain ? c->target->key : c->target->domain_key);
        if (pass > turn.most)
            turn.most = pass;
        if (turn.at < f->count && (pass > turn.pass || (pass == turn.pass && t >= best_tie)))
            continue;
        turn.pass = pass;
        turn.at = i;
        best_tie = t;
    }
    return turn;
}

/* Move a pass on; false when another process was faster. */
static bool take_turn(_Atomic uint64_t *pass, const struct turn *turn, unsigned weight)
{
    uint64_t old = turn->pass, from = old;

    if (!pass)
        return true;
    if (turn->most > STRIDE && from < turn->most - STRIDE)
        from = turn->most - STRIDE;
    return atomic_compare_exchange_strong(pass, &old, from + STRIDE / (weight ? weight : 1));
}

static size_t in_turn(const struct route_pick *p, const struct field *f)
{
    struct turn domain = {0}, target = {0};

    for (int race = 0; race < RACES_MAX; race++) {
        domain = least(p, f, 0);
        const struct target *t = f->all[domain.at].target;
        if (take_turn(domain_pass(&f->all[domain.at]), &domain, t->account_weight))
            break;
    }
    for (int race = 0; race < RACES_MAX; race++) {
        target = least(p, f, f->all[domain.at].target->domain_key);
        if (take_turn(target_pass(&f->all[target.at]), &target, f->all[target.at].weight))
            break;
    }
    return target.at;
}

/* A choice of another kind is a turn as well, so that both together are balanced. */
static void charge(const struct candidate *c)
{
    unsigned share = c->target->account_weight ? c->target->account_weight : 1;

    if (domain_pass(c))
        atomic_fetch_add_explicit(domain_pass(c), STRIDE / share, memory_order_relaxed);
    if (target_pass(c))
        atomic_fetch_add_explicit(target_pass(c), STRIDE / c->weight, memory_order_relaxed);
}

/* --- other strategies ------------------------------------------------------------------------ */

static double load_of(const struct route_pick *p, const struct candidate *c)
{
    return c->health.target ? (double)scoreboard_in_flight(p->ask.board, c->health.target) : 0;
}

static size_t least_in_flight(const struct route_pick *p, const struct field *f)
{
    struct field equal = {.count = 0};
    size_t index[ROUTE_TARGETS_MAX] = {0};
    double least_load = INFINITY;

    for (size_t i = 0; i < f->count; i++) {
        double load = load_of(p, &f->all[i]) / f->all[i].weight;
        if (load > least_load)
            continue;
        if (load < least_load)
            equal.count = 0;
        least_load = load;
        index[equal.count] = i;
        equal.all[equal.count++] = f->all[i];
    }
    return index[in_turn(p, &equal)];
}

/* Unknown is fast: so that it becomes known. */
static double slowness(const struct route_pick *p, const struct candidate *c)
{
    uint32_t ms = c->health.target
                      ? atomic_load_explicit(&c->health.target->latency_ms, memory_order_relaxed)
                      : 0;
    return ms * (load_of(p, c) + 1) / c->weight;
}

/* The power of two choices: no herd runs to the one that was fastest a moment ago. */
static size_t faster_of_two(const struct route_pick *p, const struct field *f)
{
    uint32_t random[2];

    crypto_random(random, sizeof random);
    size_t a = random[0] % f->count, b = random[1] % f->count;
    if (b == a)
        b = (a + 1) % f->count;
    size_t chosen = slowness(p, &f->all[b]) < slowness(p, &f->all[a]) ? b : a;
    charge(&f->all[chosen]);
    return chosen;
}

/* Targets of a domain share its weight by their own; all of them, well or not, since a share that
   changed would move conversations that have nothing to do with it. */
static double share_of(const struct route_pick *p, const struct candidate *c)
{
    double sum = 0;

    for (const struct target *t = p->model->targets; t; t = t->next)
        if (t->domain_key == c->target->domain_key)
            sum += t->weight ? t->weight : 1;
    unsigned account = c->target->account_weight ? c->target->account_weight : 1;
    return account * c->weight / sum;
}

/* Rendezvous hashing: without any state, all processes send a conversation to the same target; when
   one leaves, only its conversations move, and they return with it. */
static size_t rendezvous(const struct route_pick *p, const struct field *f)
{
    double best = INFINITY;
    size_t chosen = 0;

    for (size_t i = 0; i < f->count; i++) {
        uint64_t h = hash_end(p->ask.conversation ^ hash_end(f->all[i].target->key));
        double u = ((double)(h >> 11) + 0.5) / 9007199254740992.0; /* in (0, 1): 53 bits */
        double score = -log(u) / share_of(p, &f->all[i]);
        if (score < best) {
            best = score;
            chosen = i;
        }
    }
    charge(&f->all[chosen]);
    return chosen;
}

/* --- choosing -------------------------------------------------------------------------------- */

static enum config_strategy strategy_of(const struct route_pick *p)
{
    const struct config_model *own = p->model->setting;

    return own && own->strategy ? own->strategy : p->ask.config->routing.strategy;
}

/* Whoever chose another strategy meant it; turns give way to prompt caches. */
static bool keeps_conversations(const struct route_pick *p)
{
    const struct config_model *own = p->model->setting;
    enum config_strategy strategy = strategy_of(p);

    if (!p->ask.conversation || (own && own->affinity == AFFINITY_OFF))
        return false;
    if (own && own->affinity == AFFINITY_ON)
        return true;
    return p->ask.config->routing.affinity &&
           (strategy == STRATEGY_WEIGHTED || strategy == STRATEGY_UNSET);
}

static size_t by_strategy(const struct route_pick *p, const struct field *f)
{
    if (keeps_conversations(p))
        return rendezvous(p, f);
    switch (strategy_of(p)) {
    case STRATEGY_LEAST:
        return least_in_flight(p, f);
    case STRATEGY_FASTEST:
        return faster_of_two(p, f);
    case STRATEGY_ORDERED:
        charge(&f->all[0]);
        return 0;
    default:
        return in_turn(p, f);
    }
}

static bool find_preferred(const struct route_pick *p, const struct field *f, size_t *out)
{
    for (size_t i = 0; p->ask.prefer && i < f->count; i++)
        if (strcmp(f->all[i].target->id, p->ask.prefer) == 0) {
            *out = i;
            charge(&f->all[i]);
            return true;
        }
    return false;
}

bool choice_make(const struct route_pick *p, int64_t now_ms, struct candidate *out)
{
    struct field field;
    size_t chosen;

    gather(p, now_ms, &field);
    if (!field.count)
        return false;
    if (!find_preferred(p, &field, &chosen)) {
        keep_best(&field);
        chosen = by_strategy(p, &field);
    }
    *out = field.all[chosen];
    return true;
}

void choice_outlook(const struct route_pick *p, const struct route_model *m, int64_t now_ms,
                    struct outlook *out)
{
    *out = (struct outlook){0};
    for (const struct target *t = m->targets; t; t = t->next) {
        struct health h = choice_health(p, t);
        int64_t wait_ms;
        enum health_state state = health_look(&h, now_ms, &wait_ms);
        if (state != HEALTH_OPEN && state != HEALTH_COOLING) {
            out->usable = true;
            continue;
        }
        out->cooling |= state == HEALTH_COOLING;
        out->starting |= state == HEALTH_OPEN && health_is_starting(&h);
        if (!out->soonest_ms || wait_ms < out->soonest_ms)
            out->soonest_ms = wait_ms;
    }
    out->cooling &= !out->usable;
}

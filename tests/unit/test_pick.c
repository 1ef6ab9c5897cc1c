/* Who is asked next: turns, weights, conversations, canaries, cooldowns, breakers, rounds, budgets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/log.h"
#include "route/pick.h"

enum { ACCOUNTS = 3, SAMPLE = 6000 };

static struct arena *arena;
static struct config config;
static struct config_account accounts[ACCOUNTS];
static struct service_key keys[ACCOUNTS];
static struct config_model setting;
static struct scoreboard *board;
static struct route_table *table;
static struct route_pick pick;

static const struct config_routing defaults = {.max_attempts = 3,
                                               .strategy = STRATEGY_WEIGHTED,
                                               .affinity = true,
                                               .wait_ms = 5000,
                                               .deadline_ms = 60000,
                                               .backoff_ms = 200,
                                               .cooldown_ms = 5000,
                                               .retry_after_max_ms = 300000,
                                               .breaker_failures = 3,
                                               .breaker_ms = 10000,
                                               .breaker_max_ms = 300000,
                                               .retry_minimum = 1000};

static int set_up(void **state)
{
    static const char *const tenants[] = {"zone-a", "zone-b", "zone-c"};
    static const char *const names[] = {"a", "b", "c"};
    struct scoreboard_settings memory = {NULL, 64, 1};

    (void)state;
    log_set_level(LOG_LEVEL_ERROR);
    arena = arena_new(0);
    board = scoreboard_open(&memory);
    config = (struct config){.arena = arena, .accounts = accounts, .routing = defaults};
    for (int i = 0; i < ACCOUNTS; i++) {
        keys[i] = (struct service_key){
            .client_id = "fake", .api_url = "https://api.example.com/v2", .tenant = tenants[i]};
        accounts[i] = (struct config_account){.name = names[i],
                                              .key = &keys[i],
                                              .weight = 1,
                                              .next = i + 1 < ACCOUNTS ? &accounts[i + 1] : NULL};
    }
    setting = (struct config_model){.name = "m"};
    pick = (struct route_pick){.attempts = 0};
    return arena && board ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    route_end(&pick);
    route_table_release(table);
    table = NULL;
    scoreboard_close(board);
    arena_free(arena);
    return 0;
}

/* "a1 a2 b1": deployments of model m in the accounts of their first letter; "-x1" is of model x. */
static void deploy(const char *ids)
{
    struct deployment *items = ARENA_ARRAY(arena, struct deployment, 16);
    struct deployment_list *lists = ARENA_ARRAY(arena, struct deployment_list, ACCOUNTS);
    struct route_source sources[ACCOUNTS];
    size_t n = 0;

    for (int i = 0; i < ACCOUNTS; i++) {
        lists[i].items = items + n;
        for (struct str rest = str_from(ids); rest.n;) {
            struct str id = str_cut(&rest, ' ');
            struct str model = rest.n && id.p[0] == '-' ? STR("x") : STR("m");
            if (id.p[0] == '-') {
                model = STR("x");
                id = str_slice(id, 1, id.n);
            }
            if (id.p[0] != accounts[i].name[0])
                continue;
            const char *copy = arena_cstr(arena, id);
            items[n++] = (struct deployment){
                .id = copy,
                .url = arena_printf(arena, "https://api.example.com/%s", copy).p,
                .executable = "azure-openai",
                .model = arena_cstr(arena, model),
                .version = id.p[1] == '1' ? "old" : "new"};
            lists[i].count++;
        }
        sources[i] = (struct route_source){&accounts[i], "default", &lists[i]};
    }
    route_table_release(table);
    table = route_table_new(&config, sources, ACCOUNTS);
    assert_non_null(table);
}

static void use_setting(void)
{
    config.models = &setting;
}

static void begin_as(uint64_t conversation, uint64_t caller)
{
    struct route_ask ask = {.config = &config,
                            .board = board,
                            .table = table,
                            .arena = arena,
                            .model = route_find(table, &config, arena, STR("m")),
                            .conversation = conversation,
                            .caller = caller,
                            .began_ms = clock_ms()};
    assert_non_null(ask.model);
    route_end(&pick);
    route_begin(&pick, &ask);
}

static void begin(void)
{
    begin_as(0, 0);
}

/* The id of the next target, "wait", or "none". */
static const char *next(void)
{
    int64_t wait_ms;

    switch (route_next(&pick, &wait_ms)) {
    case ROUTE_GO:
        return pick.target->id;
    case ROUTE_WAIT:
        assert_true(wait_ms > 0);
        return "wait";
    default:
        return "none";
    }
}

static bool fails_after(enum chat_error_kind kind, int64_t retry_after_ms)
{
    struct chat_error err = {
        .kind = kind, .http_status = chat_error_status(kind), .retry_after_ms = retry_after_ms};
    return route_failed(&pick, &err, ROUTE_NO_HINT);
}

static bool fails(enum chat_error_kind kind)
{
    return fails_after(kind, 0);
}

/* A request that is answered at once; by whom. */
static const char *ask(void)
{
    begin();
    const char *id = next();
    route_answered(&pick);
    return id;
}

/* How many of `SAMPLE` requests go to each id ("a1".."c9"). */
static void count_sample(unsigned count[128][10], bool conversations)
{
    memset(count, 0, 128 * sizeof *count);
    for (unsigned i = 0; i < SAMPLE; i++) {
        begin_as(conversations ? hash_end(i) : 0, 0);
        const char *id = next();
        assert_string_not_equal(id, "none");
        count[(unsigned char)id[0]][id[1] - '0']++;
        route_answered(&pick);
    }
}

static void set_domain_cool(const char *id, int64_t ms)
{
    for (struct target *t = route_find(table, &config, arena, STR("m"))->targets; t; t = t->next)
        if (strcmp(t->id, id) == 0)
            atomic_store(&scoreboard_domain(board, t->domain_key, STR(""))->cool_until_ms,
                         clock_ms() + ms);
}

static struct board_target *row(const char *id)
{
    for (struct target *t = route_find(table, &config, arena, STR("m"))->targets; t; t = t->next)
        if (strcmp(t->id, id) == 0)
            return scoreboard_target(board, t->key, STR(""));
    fail_msg("no target %s", id);
    return NULL;
}

/* --- turns ----------------------------------------------------------------------------------- */

static void takes_turns(void **state)
{
    unsigned count[128][10];

    (void)state;
    deploy("a1 a2 b1 b2 b3 c1");
    count_sample(count, false);
    for (int i = 1; i <= 2; i++)
        assert_int_equal(count['a'][i], SAMPLE / 6);
    for (int i = 1; i <= 3; i++)
        assert_in_range(count['b'][i], SAMPLE / 9 - 1, SAMPLE / 9 + 1);
    assert_int_equal(count['c'][1], SAMPLE / 3);
}

/* A tenant has one quota however many deployments, accounts and groups it has. */
static void one_tenant_is_one_share(void **state)
{
    unsigned count[128][10];

    (void)state;
    keys[1].tenant = keys[0].tenant;
    deploy("a1 b1 c1");
    count_sample(count, false);
    assert_int_equal(count['c'][1], SAMPLE / 2);
    assert_int_equal(count['a'][1], SAMPLE / 4);
}

static void weights_count(void **state)
{
    struct config_weight heavy = {"a2", 4, NULL};
    unsigned count[128][10];

    (void)state;
    accounts[0].weight = 3;
    accounts[0].weights = &heavy;
    deploy("a1 a2 b1");
    count_sample(count, false);
    assert_in_range(count['b'][1], SAMPLE / 4 - 2, SAMPLE / 4 + 2);
    assert_in_range(count['a'][2], SAMPLE * 3 / 5 - 2, SAMPLE * 3 / 5 + 2);
    count_sample(count, true); /* and for conversations, as far as chance allows */
    assert_in_range(count['b'][1], SAMPLE / 4 - 200, SAMPLE / 4 + 200);
    assert_in_range(count['a'][2], SAMPLE * 3 / 5 - 250, SAMPLE * 3 / 5 + 250);
}

static void weight_zero_is_the_last_resort(void **state)
{
    (void)state;
    accounts[0].weight = 0;
    deploy("a1 b1");
    for (int i = 0; i < 10; i++)
        assert_string_equal(ask(), "b1");
    begin();
    assert_string_equal(next(), "b1");
    assert_true(fails(CHAT_ERROR_UPSTREAM));
    assert_string_equal(next(), "a1");
}

/* Whoever was away for long is not given all that it missed. */
static void coming_back_is_gentle(void **state)
{
    int a = 0;

    (void)state;
    deploy("a1 b1");
    set_domain_cool("a1", 3600000);
    for (int i = 0; i < 500; i++)
        assert_string_equal(ask(), "b1");
    set_domain_cool("a1", 0);
    for (int i = 0; i < 20; i++)
        a += strcmp(ask(), "a1") == 0;
    assert_in_range(a, 10, 11);
}

static void the_least_loaded(void **state)
{
    struct route_pick held[9] = {0};
    int count[128] = {0};

    (void)state;
    use_setting();
    setting.strategy = STRATEGY_LEAST;
    deploy("a1 b1 c1");
    for (int i = 0; i < 9; i++) {
        begin_as(77, 0); /* a conversation does not matter then */
        count[(unsigned char)next()[0]]++;
        held[i] = pick;
        pick = (struct route_pick){.attempts = 0};
    }
    assert_true(count['a'] == 3 && count['b'] == 3 && count['c'] == 3);
    for (int i = 0; i < 9; i++)
        if (held[i].target->id[0] == 'b')
            route_end(&held[i]);
    assert_string_equal(ask(), "b1");
    for (int i = 0; i < 9; i++)
        route_end(&held[i]);
    assert_int_equal(scoreboard_in_flight(board, row("a1")), 0);
}

static void the_fastest(void **state)
{
    unsigned count[128][10];

    (void)state;
    use_setting();
    setting.strategy = STRATEGY_FASTEST;
    deploy("a1 b1 c1");
    atomic_store(&row("a1")->latency_ms, 4000);
    memset(count, 0, sizeof count);
    for (int i = 0; i < 300; i++) {
        begin();
        count[(unsigned char)next()[0]][1]++; /* never answered, so that nothing is learnt */
    }
    assert_int_equal(count['a'][1], 0); /* slower than any other of two */
    assert_in_range(count['b'][1], 90, 210);
}

static void ordered(void **state)
{
    (void)state;
    use_setting();
    setting.strategy = STRATEGY_ORDERED;
    deploy("a1 a2 b1");
    for (int i = 0; i < 5; i++)
        assert_string_equal(ask(), "a1");
    begin();
    assert_string_equal(next(), "a1");
    assert_true(fails(CHAT_ERROR_UPSTREAM));
    assert_string_equal(next(), "b1"); /* another tenant before another deployment */
    assert_true(fails(CHAT_ERROR_UPSTREAM));
    assert_string_equal(next(), "a2");
}

/* --- conversations and canaries -------------------------------------------------------------- */

static void a_conversation_stays(void **state)
{
    unsigned moved = 0, to_others = 0;
    int home[200];

    (void)state;
    deploy("a1 a2 b1 b2");
    for (unsigned i = 0; i < 200; i++) {
        begin_as(hash_end(i), 0);
        const char *id = next();
        home[i] = id[0] * 2 + id[1];
        for (int turn = 0; turn < 5; turn++) {
            begin_as(hash_end(i), 0);
            assert_string_equal(next(), id);
            route_answered(&pick);
        }
    }
    atomic_store(&row("a1")->cool_until_ms, clock_ms() + 3600000); /* away: only its own move */
    for (unsigned i = 0; i < 200; i++) {
        begin_as(hash_end(i), 0);
        const char *id = next();
        bool lived_there = home[i] == 'a' * 2 + '1';
        assert_true(strcmp(id, "a1") != 0);
        moved += lived_there;
        to_others += !lived_there && home[i] != id[0] * 2 + id[1];
    }
    assert_in_range(moved, 25, 75);
    assert_int_equal(to_others, 0);
    atomic_store(&row("a1")->cool_until_ms, 0); /* and return */
    for (unsigned i = 0; i < 200; i++) {
        begin_as(hash_end(i), 0);
        const char *id = next();
        assert_int_equal(home[i], id[0] * 2 + id[1]);
    }
}

static void affinity_can_be_off(void **state)
{
    (void)state;
    use_setting();
    setting.affinity = AFFINITY_OFF;
    deploy("a1 b1");
    begin_as(5, 0);
    const char *first = next();
    begin_as(5, 0);
    assert_string_not_equal(next(), first);
}

static void a_preferred_target(void **state)
{
    (void)state;
    deploy("a1 b1 c1");
    for (int i = 0; i < 6; i++) {
        begin();
        pick.ask.prefer = "b1";
        assert_string_equal(next(), "b1");
        route_answered(&pick);
    }
    begin();
    pick.ask.prefer = "b1";
    next();
    assert_true(fails(CHAT_ERROR_TIMEOUT));
    assert_string_not_equal(next(), "b1");
}

static void canaries(void **state)
{
    unsigned new_ones = 0;

    (void)state;
    use_setting();
    setting.canary = (struct config_canary){20, NULL, "new"};
    deploy("a1 a2 b1");
    for (unsigned caller = 1; caller <= 1000; caller++) {
        begin_as(0, hash_end(caller));
        const char *id = next();
        new_ones += strcmp(id, "a2") == 0;
        route_answered(&pick);
        begin_as(0, hash_end(caller)); /* stable */
        assert_int_equal(strcmp(next(), "a2") == 0, strcmp(id, "a2") == 0);
        route_answered(&pick);
    }
    assert_in_range(new_ones, 150, 250);
    for (unsigned caller = 1; caller <= 50; caller++) { /* a canary that fails is left */
        begin_as(0, hash_end(caller));
        if (strcmp(next(), "a2") != 0)
            continue;
        assert_true(fails(CHAT_ERROR_UPSTREAM));
        assert_string_equal(next(), "b1");
        route_answered(&pick);
        return;
    }
    fail_msg("no canary");
}

/* Not so near to the end of a minute that what follows falls into two. */
static void avoid_the_minute(void)
{
    int64_t left_ms = 60000 - clock_ms() % 60000;

    if (left_ms < 3000)
        usleep((useconds_t)(left_ms + 1) * 1000);
}

/* --- copies ---------------------------------------------------------------------------------- */

static const char *next_of_copy(void)
{
    begin();
    pick.ask.mirror = &setting.mirror;
    return next();
}

static void copies_have_their_own_target(void **state)
{
    (void)state;
    use_setting();
    setting.mirror = (struct config_mirror){100, NULL, "a2", NULL};
    deploy("a1 a2 b1");
    for (int i = 0; i < 30; i++)
        assert_string_not_equal(ask(), "a2");
    assert_string_equal(next_of_copy(), "a2");
    route_answered(&pick);
    assert_string_equal(next(), "none"); /* once */
    begin();
    for (int i = 0; i < 2; i++) { /* the last resort of callers */
        assert_string_not_equal(next(), "a2");
        assert_true(fails(CHAT_ERROR_UPSTREAM));
    }
    assert_string_equal(next(), "a2");
    assert_true(fails(CHAT_ERROR_UPSTREAM));
    assert_string_equal(next_of_copy(), "none"); /* not well */
}

static void copies_are_no_requests(void **state)
{
    struct board_common *common = scoreboard_common(board);

    (void)state;
    use_setting();
    setting.mirror = (struct config_mirror){100, "other", NULL, NULL};
    deploy("a1 b1");
    avoid_the_minute();
    assert_string_not_equal(next_of_copy(), "none");
    assert_int_equal(board_counted(&common->requests, clock_ms()), 0);
    assert_int_equal(board_counted(&common->copies, clock_ms()), 1);
    assert_true(fails_after(CHAT_ERROR_RATE_LIMIT, 60000)); /* callers hear of it */
    assert_string_equal(next(), "none");
}

/* Half of the minute is the callers'. */
static void copies_leave_quota_for_others(void **state)
{
    (void)state;
    use_setting();
    setting.mirror = (struct config_mirror){100, NULL, NULL, "old"};
    deploy("a1 a2");
    avoid_the_minute();
    route_set_limit(board, table, &accounts[0], "m", 4);
    for (int i = 0; i < 2; i++) {
        assert_string_equal(next_of_copy(), "a1");
        route_answered(&pick);
    }
    assert_string_equal(next_of_copy(), "none");
    assert_string_equal(ask(), "a2");
}

/* --- cooldowns ------------------------------------------------------------------------------- */

/* One refusal is enough: the other deployment of the tenant is not asked. */
static void a_refusal_cools_the_domain(void **state)
{
    (void)state;
    deploy("a1 a2 b1");
    begin();
    for (int i = 0; i < 3 && next()[0] != 'a'; i++)
        begin();
    assert_int_equal(pick.target->id[0], 'a');
    assert_true(fails_after(CHAT_ERROR_RATE_LIMIT, 60000));
    assert_string_equal(next(), "b1");
    route_answered(&pick);
    for (int i = 0; i < 20; i++)
        assert_string_equal(ask(), "b1");
    begin();
    next();
    assert_true(fails_after(CHAT_ERROR_RATE_LIMIT, 30000));
    assert_string_equal(next(), "none");
    assert_true(pick.throttled);
    assert_in_range(pick.retry_after_ms, 29000, 30000); /* the soonest */
    begin();
    assert_string_equal(next(), "none"); /* and nobody is asked at all */
    assert_int_equal(pick.attempts, 0);
}

/* However many tenants refuse: it costs no attempts. */
static void refusals_do_not_use_up_attempts(void **state)
{
    (void)state;
    config.routing.max_attempts = 1;
    deploy("a1 b1 c1");
    begin();
    for (int i = 0; i < 2; i++) {
        next();
        assert_true(fails_after(CHAT_ERROR_RATE_LIMIT, 60000));
    }
    assert_int_equal(strlen(next()), 2);
}

static void retry_after_is_capped(void **state)
{
    (void)state;
    config.routing.retry_after_max_ms = 20000;
    deploy("a1");
    begin();
    next();
    fails_after(CHAT_ERROR_RATE_LIMIT, 3600000);
    assert_string_equal(next(), "none");
    assert_in_range(pick.retry_after_ms, 19000, 20000);
}

/* Who does not say how long is left alone for a moment, and then longer; a request waits that out. */
static void without_retry_after(void **state)
{
    int64_t wait_ms;

    (void)state;
    deploy("a1");
    begin();
    next();
    fails(CHAT_ERROR_RATE_LIMIT);
    assert_int_equal(route_next(&pick, &wait_ms), ROUTE_WAIT);
    assert_in_range(wait_ms, 700, 1700);
    set_domain_cool("a1", 0);
    assert_string_equal(next(), "a1");
    fails(CHAT_ERROR_RATE_LIMIT);
    assert_int_equal(route_next(&pick, &wait_ms), ROUTE_WAIT);
    assert_in_range(wait_ms, 1600, 2800);
    set_domain_cool("a1", 0);
    next();
    fails(CHAT_ERROR_RATE_LIMIT);
    assert_string_equal(next(), "none"); /* 1 s and 2 s and 4 s are more than 5 */
    assert_true(pick.throttled);
}

static void paces_by_a_known_limit(void **state)
{
    (void)state;
    config.routing.pace = true;
    config.routing.wait_ms = 0;
    deploy("a1 a2 b1");
    avoid_the_minute();
    begin();
    next();
    assert_true(route_wants_limit(&pick));
    assert_false(route_wants_limit(&pick)); /* it has been taken on */
    begin();
    route_set_limit(board, table, &accounts[0], "m", 3);
    route_set_limit(board, table, &accounts[1], "m", 4);
    route_set_limit(board, table, &accounts[2], "unknown", 9);
    for (int i = 1; i < 3 + 4; i++)
        assert_string_not_equal(ask(), "none");
    begin();
    assert_string_equal(next(), "none");
    assert_true(pick.throttled);
    assert_in_range(pick.retry_after_ms, 1, 60000);
    config.routing.pace = false; /* counted, but nobody minds */
    assert_string_not_equal(ask(), "none");
}

static void learns_a_limit(void **state)
{
    (void)state;
    config.routing.pace = true;
    config.routing.wait_ms = 0;
    deploy("a1");
    avoid_the_minute();
    for (int i = 0; i < 5; i++)
        assert_string_equal(ask(), "a1");
    begin();
    next();
    fails_after(CHAT_ERROR_RATE_LIMIT, 1);
    struct target *t = route_find(table, &config, arena, STR("m"))->targets;
    struct board_domain *d = scoreboard_domain(board, t->domain_key, STR(""));
    assert_int_equal(atomic_load(&d->learnt), 5);
    usleep(5000);
    begin();
    assert_string_equal(next(), "none"); /* five in this minute */
    atomic_store(&d->requests, 0);       /* the next one: half as much again */
    assert_string_equal(ask(), "a1");
    assert_int_equal(atomic_load(&d->learnt), 7);
}

/* --- failures -------------------------------------------------------------------------------- */

static void the_callers_fault_never_counts(void **state)
{
    static const enum chat_error_kind kinds[] = {CHAT_ERROR_INVALID, CHAT_ERROR_UNSUPPORTED,
                                                 CHAT_ERROR_CONTEXT_LENGTH,
                                                 CHAT_ERROR_CONTENT_FILTER, CHAT_ERROR_TOO_LARGE};

    (void)state;
    deploy("a1");
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        for (int k = 0; k < 5; k++) {
            begin();
            assert_string_equal(next(), "a1");
            assert_false(fails(kinds[i]));
        }
    assert_int_equal(atomic_load(&row("a1")->failures), 0);
    assert_int_equal(atomic_load(&row("a1")->failed), 0);
}

static void the_breaker_opens_and_half_opens(void **state)
{
    struct route_pick probe;

    (void)state;
    config.routing.wait_ms = 0;
    deploy("a1");
    for (int i = 0; i < 3; i++) {
        begin();
        assert_string_equal(next(), "a1");
        fails(CHAT_ERROR_TIMEOUT);
    }
    begin();
    assert_string_equal(next(), "none");
    assert_false(pick.throttled);
    assert_in_range(pick.retry_after_ms, 8000, 11500);
    atomic_store(&row("a1")->open_until_ms, clock_ms() - 1); /* time passes */
    begin();
    assert_string_equal(next(), "a1");
    probe = pick;
    pick = (struct route_pick){.attempts = 0};
    begin();
    assert_string_equal(next(), "none"); /* one at a time */
    {
        struct route_pick other = pick;
        pick = probe;
        fails(CHAT_ERROR_UPSTREAM); /* still not well: longer */
        pick = other;
    }
    begin();
    assert_string_equal(next(), "none");
    assert_in_range(pick.retry_after_ms, 16000, 23000);
    atomic_store(&row("a1")->open_until_ms, clock_ms() - 1);
    begin();
    assert_string_equal(next(), "a1");
    route_answered(&pick);
    assert_string_equal(ask(), "a1");
    assert_int_equal(atomic_load(&row("a1")->open_until_ms), 0);
    assert_int_equal(atomic_load(&row("a1")->failures), 0);
}

/* A probe that tells nothing (the caller has gone) leaves the way to the next one. */
/* One looks after it, all others wait longer than for anything else; and it costs no attempts. */
static void a_cold_start(void **state)
{
    static const struct chat_error cold = {.kind = CHAT_ERROR_OVERLOADED, .http_status = 503};
    int64_t wait_ms;

    (void)state;
    config.routing.cold_start_ms = 20000;
    config.routing.wait_ms = 0;
    deploy("a1");
    begin();
    for (int i = 0; i < 6; i++) {
        assert_string_equal(next(), "a1");
        assert_true(route_failed(&pick, &cold, ROUTE_STARTING));
        assert_int_equal(route_next(&pick, &wait_ms), ROUTE_WAIT);
        assert_in_range(wait_ms, 1700, 2700);
        atomic_store(&row("a1")->open_until_ms, clock_ms() - 1);
    }
    assert_int_equal(atomic_load(&row("a1")->failures), 0);
    assert_string_equal(next(), "a1");
    fails(CHAT_ERROR_UPSTREAM); /* a failing look is no opened breaker, and blocks nobody */
    atomic_store(&row("a1")->open_until_ms, clock_ms() - 1);
    begin();
    assert_string_equal(next(), "a1");
    struct route_pick probe = pick;
    pick = (struct route_pick){.attempts = 0};
    begin();
    assert_string_equal(next(), "wait");
    pick = probe;
    route_answered(&pick);
    assert_string_equal(ask(), "a1");
    atomic_store(&row("a1")->open_until_ms, clock_ms() + 3000);
    begin();
    assert_string_equal(next(), "none"); /* an open breaker is no start */
}

/* Also a service that is merely overloaded may say how long it wants to be left alone. */
static void overloaded_for_a_while(void **state)
{
    int64_t wait_ms;

    (void)state;
    deploy("a1 b1");
    begin();
    const char *first = next();
    assert_true(fails_after(CHAT_ERROR_OVERLOADED, 3000));
    assert_string_not_equal(next(), first);
    assert_true(fails_after(CHAT_ERROR_OVERLOADED, 2000));
    assert_int_equal(route_next(&pick, &wait_ms), ROUTE_WAIT);
    assert_in_range(wait_ms, 1900, 2500);
    begin();
    pick.waited_ms = config.routing.wait_ms;
    assert_string_equal(next(), "none");
    assert_false(pick.throttled);
    assert_in_range(pick.retry_after_ms, 1900, 2000);
}

static void an_abandoned_probe(void **state)
{
    (void)state;
    deploy("a1");
    atomic_store(&row("a1")->open_until_ms, clock_ms() - 1);
    begin();
    assert_string_equal(next(), "a1");
    route_end(&pick);
    begin();
    assert_string_equal(next(), "a1");
}

static void rounds(void **state)
{
    (void)state;
    deploy("a1 b1");
    begin();
    const char *first = next();
    assert_true(fails(CHAT_ERROR_OVERLOADED));
    assert_string_not_equal(next(), first);
    assert_true(fails(CHAT_ERROR_OVERLOADED));
    assert_string_equal(next(), "wait");
    assert_int_equal(strlen(next()), 2);
    assert_true(fails(CHAT_ERROR_OVERLOADED));
    assert_string_equal(next(), "none"); /* three attempts */
    begin();
    next();
    fails(CHAT_ERROR_UPSTREAM_AUTH);
    next();
    fails(CHAT_ERROR_UPSTREAM_AUTH);
    assert_string_equal(next(), "none"); /* not worth another round */
}

/* What failed in passing is worth another round, also if somebody else said something else after it. */
static void rounds_after_a_refusal(void **state)
{
    (void)state;
    deploy("a1 b1");
    begin();
    const char *first = next();
    assert_true(fails(CHAT_ERROR_UPSTREAM));
    assert_string_not_equal(next(), first);
    assert_true(fails_after(CHAT_ERROR_RATE_LIMIT, 60000));
    assert_string_equal(next(), "wait");
    assert_string_equal(next(), first);
}

/* Where one does not answer in time, another that cools for a moment only is waited for. */
static void waits_for_the_other(void **state)
{
    (void)state;
    use_setting();
    setting.strategy = STRATEGY_ORDERED;
    deploy("a1 b1");
    set_domain_cool("b1", 900);
    begin();
    assert_string_equal(next(), "a1");
    assert_true(fails(CHAT_ERROR_TIMEOUT));
    assert_string_equal(next(), "wait");
    set_domain_cool("b1", 0);
    assert_string_equal(next(), "b1");
}

static void the_deadline(void **state)
{
    (void)state;
    deploy("a1 b1");
    begin();
    pick.ask.began_ms -= config.routing.deadline_ms + 1;
    assert_int_equal(strlen(next()), 2); /* the first try is always made */
    assert_true(fails(CHAT_ERROR_TIMEOUT));
    assert_string_equal(next(), "none");
}

static void the_budget(void **state)
{
    int retries = 0;

    (void)state;
    config.routing.retry_minimum = 5;
    config.routing.retry_percent = 10;
    config.routing.breaker_failures = 1000000;
    deploy("a1 b1");
    for (int i = 0; i < 200; i++) {
        begin();
        assert_int_equal(strlen(next()), 2);
        fails(CHAT_ERROR_UPSTREAM);
        retries += strlen(next()) == 2;
    }
    /* the minute may have changed meanwhile */
    assert_in_range(retries, 24, 50);
    begin(); /* going to another tenant for want of quota is free */
    next();
    fails_after(CHAT_ERROR_RATE_LIMIT, 60000);
    assert_int_equal(strlen(next()), 2);
}

/* --- other models ---------------------------------------------------------------------------- */

static void another_model_stands_in(void **state)
{
    static const char *fallback[] = {"gone", "x"};

    (void)state;
    use_setting();
    setting.fallback = fallback;
    setting.fallback_count = 2;
    deploy("a1 -c1");
    begin();
    assert_string_equal(next(), "a1");
    assert_true(fails(CHAT_ERROR_UPSTREAM));
    assert_string_equal(next(), "c1");
    assert_true(str_is(pick.model->name, "x"));
    route_answered(&pick);
    set_domain_cool("a1", 3600000);
    assert_string_equal(ask(), "c1");
    setting.fallback_for = STAND_IN_MISSING;
    deploy("a1 -c1");
    begin();
    assert_string_equal(next(), "none");
}

static void too_long_for_the_first(void **state)
{
    static const char *fallback[] = {"x"};

    (void)state;
    use_setting();
    setting.fallback = fallback;
    setting.fallback_count = 1;
    setting.fallback_for = STAND_IN_CONTEXT;
    deploy("a1 -c1");
    begin();
    assert_string_equal(next(), "a1");
    assert_false(fails(CHAT_ERROR_CONTEXT_LENGTH));
    assert_true(route_too_long(&pick));
    assert_string_equal(next(), "c1");
    assert_false(fails(CHAT_ERROR_CONTEXT_LENGTH));
    assert_false(route_too_long(&pick));
}

/* With more targets than rows nothing is known of some: they are asked nevertheless, all of them. */
static void a_full_board(void **state)
{
    struct scoreboard_settings small = {NULL, 16, 1};
    unsigned count[128][10];

    (void)state;
    scoreboard_close(board);
    board = scoreboard_open(&small);
    for (uint64_t i = 1; i <= 16; i++) {
        assert_non_null(scoreboard_target(board, i, STR("x")));
        assert_non_null(scoreboard_domain(board, i, STR("x")));
    }
    deploy("a1 a2 b1");
    count_sample(count, false);
    assert_in_range(count['a'][1], SAMPLE / 5, SAMPLE / 2);
    assert_in_range(count['b'][1], SAMPLE / 5, SAMPLE * 3 / 4);
    begin();
    next();
    assert_true(fails(CHAT_ERROR_UPSTREAM));
    assert_int_equal(strlen(next()), 2);
}

/* --- a file of anything ---------------------------------------------------------------------- */

static void damaged_rows_do_no_harm(void **state)
{
    (void)state;
    deploy("a1 b1");
    for (int i = 0; i < 50; i++) {
        struct board_target *t = row(i % 2 ? "a1" : "b1");
        uint64_t noise = hash_end((uint64_t)i);
        atomic_store(&t->cool_until_ms, (int64_t)noise);
        atomic_store(&t->open_until_ms, (int64_t)hash_end(noise));
        atomic_store(&t->probe_until_ms, INT64_MAX - i);
        atomic_store(&t->failures, UINT32_MAX);
        atomic_store(&t->opens, UINT32_MAX);
        atomic_store(&t->latency_ms, (uint32_t)noise);
        atomic_store(&t->pass, noise);
        set_domain_cool("a1", INT64_MAX / 2);
        begin_as(i % 3 ? 0 : noise, 0);
        assert_int_equal(strlen(next()), 2);
        if (i % 4)
            route_answered(&pick);
        else
            fails(CHAT_ERROR_UPSTREAM);
    }
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(takes_turns),
        TEST(one_tenant_is_one_share),
        TEST(weights_count),
        TEST(weight_zero_is_the_last_resort),
        TEST(coming_back_is_gentle),
        TEST(the_least_loaded),
        TEST(the_fastest),
        TEST(ordered),
        TEST(a_conversation_stays),
        TEST(affinity_can_be_off),
        TEST(a_preferred_target),
        TEST(canaries),
        TEST(copies_have_their_own_target),
        TEST(copies_are_no_requests),
        TEST(copies_leave_quota_for_others),
        TEST(a_refusal_cools_the_domain),
        TEST(refusals_do_not_use_up_attempts),
        TEST(retry_after_is_capped),
        TEST(without_retry_after),
        TEST(paces_by_a_known_limit),
        TEST(learns_a_limit),
        TEST(the_callers_fault_never_counts),
        TEST(the_breaker_opens_and_half_opens),
        TEST(a_cold_start),
        TEST(overloaded_for_a_while),
        TEST(an_abandoned_probe),
        TEST(rounds),
        TEST(rounds_after_a_refusal),
        TEST(waits_for_the_other),
        TEST(the_deadline),
        TEST(the_budget),
        TEST(another_model_stands_in),
        TEST(too_long_for_the_first),
        TEST(a_full_board),
        TEST(damaged_rows_do_no_harm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

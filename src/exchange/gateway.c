/* The shared state of a reactor's exchanges. */
#include "exchange/gateway.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "aicore/deployment.h"
#include "aicore/quota.h"
#include "aicore/shared_fetch.h"
#include "base/log.h"
#include "exchange/mirror.h"
#include "route/pick.h"

/* --- a configuration for several reactors ---------------------------------------------------- */

struct shared_config {
    struct config *config;
    atomic_int holds;
};

struct shared_config *config_share(struct config *config)
{
    struct shared_config *shared = calloc(1, sizeof *shared);
    if (!shared) {
        config_free(config);
        return NULL;
    }
    shared->config = config;
    atomic_init(&shared->holds, 1);
    return shared;
}

struct shared_config *shared_config_hold(struct shared_config *shared)
{
    atomic_fetch_add(&shared->holds, 1);
    return shared;
}

void shared_config_release(struct shared_config *shared)
{
    if (shared && atomic_fetch_sub(&shared->holds, 1) == 1) {
        config_free(shared->config);
        free(shared);
    }
}

const struct config *shared_config_get(const struct shared_config *shared)
{
    return shared->config;
}

/* --- one configuration and what was built from it -------------------------------------------- */

struct gateway_state {
    struct gateway *gateway;
    struct shared_config *shared;
    struct token_cache *tokens;
    struct discovery *discovery;
    struct scoreboard *board;
    struct arena *arena; /* of the store */
    struct store *store;
    struct quota_fetch *limits; /* under way; NULL: nothing is */
    const struct config_account *limits_of;
    struct route_table *table;
    struct route_source *sources; /* one per subaccount and resource group */
    bool *
        late; /* of each source: its last list came late, or not at all: nobody waits for the next */
    size_t source_count;
    bool stale; /* a list has changed since the table was built */
    unsigned holds;
};

struct gateway {
    struct reactor *reactor;
    struct gateway_state *current;
    unsigned active;
    struct mirrors mirrors;
};

static void state_free(struct gateway_state *state)
{
    if (!state)
        return;
    quota_fetch_cancel(state->limits);
    discovery_free(state->discovery);
    token_cache_free(state->tokens);
    scoreboard_close(state->board);
    route_table_release(state->table);
    for (size_t i = 0; i < state->source_count; i++)
        if (state->sources[i].list)
            deployment_list_release(state->sources[i].list);
    free(state->sources);
    free(state->late);
    arena_free(state->arena);
    shared_config_release(state->shared);
    free(state);
}

static void state_release(struct gateway_state *state)
{
    if (state && --state->holds == 0)
        state_free(state);
}

static status list_sources(struct gateway_state *state)
{
    const struct config *config = shared_config_get(state->shared);
    size_t room = 0;

    for (const struct config_account *a = config->accounts; a; a = a->next)
        room += a->resource_group_count;
    state->sources = calloc(room + 1, sizeof *state->sources);
    state->late = calloc(room + 1, sizeof *state->late);
    if (!state->sources || !state->late)
        return E_NOMEM;
    for (const struct config_account *a = config->accounts; a; a = a->next)
        for (size_t i = 0; i < a->resource_group_count; i++) {
            state->sources[state->source_count++] =
                (struct route_source){.account = a, .group = a->resource_groups[i]};
            if (a->deployments) /* named deployments belong to the account's first group */
                break;
        }
    return OK;
}

static status open_store(struct gateway_state *state, const struct config *config)
{
    struct store_bounds answers = {.age_s = config->responses.store_ms / 1000,
                                   .count = STORE_ANSWERS,
                                   .bytes = config->responses.store_bytes};

    state->arena = arena_new(0);
    if (!state->arena)
        return E_NOMEM;
    state->store =
        store_new(state->arena, config->state_dir, config->responses.store ? &answers : NULL);
    return state->store ? OK : E_NOMEM;
}

/* What is known of targets outlives a reload, also where there is no file for it. */
static struct scoreboard *open_board(const struct gateway *g, const struct config *config)
{
    struct scoreboard_settings settings = {.folder =
                                               shared_fetch_folder(config->state_dir, "scoreboard"),
                                           .targets = (unsigned)config->scoreboard.targets,
                                           .seats = (unsigned)config->scoreboard.processes};
    struct scoreboard *old = g->current ? g->current->board : NULL;

    return old && scoreboard_fits(old, &settings) ? scoreboard_hold(old)
                                                  : scoreboard_open(&settings);
}

static struct gateway_state *state_new(struct gateway *g, struct shared_config *shared)
{
    const struct config *config = shared_config_get(shared);
    struct discovery_settings discovery = {.refresh_ms = config->discovery_ms};
    struct token_settings tokens = {0};
    struct gateway_state *state = calloc(1, sizeof *state);

    if (!state)
        return NULL;
    state->gateway = g;
    state->shared = shared_config_hold(shared);
    state->holds = 1;
    state->stale = true;
    state->tokens = token_cache_new(g->reactor, config->state_dir, &tokens);
    if (state->tokens)
        state->discovery = discovery_new(g->reactor, state->tokens, config->state_dir, &discovery);
    state->board = open_board(g, config);
    if (!state->discovery || !state->board || open_store(state, config) || list_sources(state)) {
        state_free(state);
        return NULL;
    }
    return state;
}

struct gateway *gateway_new(struct reactor *r, struct shared_config *config)
{
    struct gateway *g = calloc(1, sizeof *g);
    if (!g)
        return NULL;
    g->reactor = r;
    g->current = state_new(g, config);
    if (!g->current) {
        free(g);
        return NULL;
    }
    return g;
}

void gateway_free(struct gateway *g)
{
    if (!g)
        return;
    mirrors_end(&g->mirrors);
    state_release(g->current);
    free(g);
}

status gateway_reload(struct gateway *g, struct shared_config *config)
{
    struct gateway_state *state = state_new(g, config);
    if (!state)
        return E_NOMEM;
    state_release(g->current);
    g->current = state;
    return OK;
}

void gateway_let_mirror(struct gateway *g)
{
    g->mirrors.allowed = true;
}

struct reactor *gateway_reactor(const struct gateway *g)
{
    return g->reactor;
}

unsigned gateway_active(const struct gateway *g)
{
    return g->active;
}

struct gateway_state *gateway_hold(struct gateway *g)
{
    g->active++;
    g->current->holds++;
    return g->current;
}

struct gateway_state *gateway_share(struct gateway_state *state)
{
    state->gateway->active++;
    state->holds++;
    return state;
}

void gateway_release(struct gateway_state *state)
{
    state->gateway->active--;
    state_release(state);
}

struct reactor *gateway_state_reactor(const struct gateway_state *state)
{
    return state->gateway->reactor;
}

const struct config *gateway_config(const struct gateway_state *state)
{
    return shared_config_get(state->shared);
}

struct token_cache *gateway_tokens(const struct gateway_state *state)
{
    return state->tokens;
}

struct scoreboard *gateway_board(const struct gateway_state *state)
{
    return state->board;
}

struct mirrors *gateway_mirrors(const struct gateway_state *state)
{
    return &state->gateway->mirrors;
}

struct store *gateway_store(const struct gateway_state *state)
{
    return state->store;
}

/* --- limits of models ------------------------------------------------------------------------ */

static void take_limit(void *arg, const char *model, uint32_t per_minute)
{
    struct gateway_state *state = arg;

    if (state->table)
        route_set_limit(state->board, state->table, state->limits_of, model, per_minute);
}

static void on_limits(void *arg, struct str body)
{
    struct gateway_state *state = arg;

    state->limits = NULL;
    if (body.p && quota_parse(body, take_limit, state))
        log_warning("the limits of subaccount %s cannot be read", state->limits_of->name);
}

void gateway_learn_limits(struct gateway_state *state, const struct config_account *account)
{
    if (state->limits)
        return;
    state->limits_of = account;
    state->limits =
        quota_fetch_start(state->gateway->reactor, state->tokens, account->key, on_limits, state);
}

/* --- the model table ------------------------------------------------------------------------- */

enum {
    LATE_MS = 2000, /* so long a list is waited for while others are there */
    LATE_RETRY_MS = 5000
};

/* One source that a wait is still missing. */
struct source_wait {
    struct gateway_wait *all;
    struct route_source *source;
    bool *late;
    struct discovery_wait *discovery;
};

struct gateway_wait {
    struct gateway_state *state;
    gateway_models_done *done;
    void *arg;
    size_t missing;
    struct timer late;
    bool has_error;
    struct chat_error error; /* of the last source that failed; texts are copied below */
    struct arena *arena;
    struct source_wait sources[];
};

static void rebuild(struct gateway_state *state)
{
    struct route_table *table =
        route_table_new(shared_config_get(state->shared), state->sources, state->source_count);
    if (!table) {
        log_error("out of memory while the model table was built; the old one stays");
        return;
    }
    route_table_release(state->table);
    state->table = table;
    state->stale = false;
}

static void wait_free(struct gateway_wait *w)
{
    timer_clear(w->state->gateway->reactor, &w->late);
    arena_free(w->arena);
    free(w);
}

static void wait_finish(struct gateway_wait *w)
{
    struct gateway_state *state = w->state;

    if (state->stale)
        rebuild(state);
    bool empty = !state->table || (route_table_count(state->table) == 0 && w->has_error);
    w->done(w->arg, empty ? NULL : state->table, w->has_error || empty ? &w->error : NULL);
    wait_free(w);
}

/* Said once for each time that a list stays away. */
static void note_error(struct gateway_wait *w, const struct source_wait *s,
                       const struct chat_error *err)
{
    if (!*s->late)
        log_warning("no deployment list of subaccount %s, resource group %s: %.*s",
                    s->source->account->name, s->source->group,
                    STR_ARG(err->detail.n ? err->detail : err->message));
    *s->late = true;
    w->has_error = true;
    w->error = chat_error_copy(w->arena, err);
}

static void take_list(struct gateway_state *state, struct route_source *source,
                      struct deployment_list *list)
{
    if (source->list == list)
        return;
    if (source->list)
        deployment_list_release(source->list);
    source->list = deployment_list_hold(list);
    state->stale = true;
}

static void on_list(void *arg, status s, struct deployment_list *list, const struct chat_error *err)
{
    struct source_wait *source = arg;
    struct gateway_wait *w = source->all;

    source->discovery = NULL;
    if (s || !list) {
        if (err)
            note_error(w, source, err);
    } else {
        *source->late = false;
        take_list(w->state, source->source, list);
    }
    if (--w->missing == 0)
        wait_finish(w);
}

/* Leave a list that does not come to whoever asks next; the question for it goes on. */
static void stop_waiting(struct gateway_wait *w, struct source_wait *s)
{
    static const struct chat_error late = {
        .kind = CHAT_ERROR_OVERLOADED,
        .http_status = 503,
        .retry_after_ms = LATE_RETRY_MS,
        .message = STR("SAP AI Core does not list all of its models at the moment."),
        .detail = STR("the AI API has not listed its deployments in time")};

    discovery_cancel(s->discovery);
    s->discovery = NULL;
    note_error(w, s, &late);
    w->missing--;
}

/* One subaccount that is slow must not hold up those who need another. */
static void on_late(void *arg)
{
    struct gateway_wait *w = arg;
    struct gateway_state *state = w->state;

    if (state->stale)
        rebuild(state);
    if (!state->table || route_table_count(state->table) == 0)
        return;
    for (size_t i = 0; i < state->source_count; i++)
        if (w->sources[i].discovery)
            stop_waiting(w, &w->sources[i]);
    wait_finish(w);
}

static struct gateway_wait *wait_new(struct gateway_state *state)
{
    struct gateway_wait *w =
        calloc(1, sizeof *w + state->source_count * sizeof(struct source_wait));
    if (!w)
        return NULL;
    w->state = state;
    w->arena = arena_new(0);
    if (!w->arena) {
        free(w);
        return NULL;
    }
    return w;
}

struct gateway_wait *gateway_models(struct gateway_state *state, bool force,
                                    gateway_models_done *done, void *arg)
{
    static const struct chat_error no_memory = {
        .kind = CHAT_ERROR_OVERLOADED, .http_status = 503, .message = {"Out of memory.", 14}};
    struct gateway_wait *w = wait_new(state);

    if (!w) {
        done(arg, NULL, &no_memory);
        return NULL;
    }
    w->done = done;
    w->arg = arg;
    w->missing = 1; /* ourselves, until all have been asked */
    for (size_t i = 0; i < state->source_count; i++) {
        struct route_source *source = &state->sources[i];
        if (source->account->deployments)
            continue;
        w->missing++;
        w->sources[i] = (struct source_wait){.all = w, .source = source, .late = &state->late[i]};
        struct discovery_wait *waiting = discovery_get(
            state->discovery, source->account->key, source->group, force, on_list, &w->sources[i]);
        w->sources[i].discovery = waiting;
        if (waiting && state->late[i] && !force)
            stop_waiting(w, &w->sources[i]);
    }
    if (--w->missing == 0) {
        wait_finish(w);
        return NULL;
    }
    timer_set(state->gateway->reactor, &w->late, LATE_MS, on_late, w);
    return w;
}

void gateway_cancel(struct gateway_wait *w)
{
    for (size_t i = 0; i < w->state->source_count; i++)
        if (w->sources[i].discovery)
            discovery_cancel(w->sources[i].discovery);
    wait_free(w);
}

/* The model table. */
#include "route/table.h"

#include <stdlib.h>

#include "base/crypto.h"
#include "base/log.h"
#include "route/alias.h"

enum { MODELS_MAX = 4096, NEAREST_MAX = 3 };

struct route_table {
    struct arena *arena;
    struct route_model *models;
    size_t count, room;
    unsigned holds;
    struct target *orchestration; /* deployments that answer for every model */
};

/* --- building -------------------------------------------------------------------------------- */

/* For deployments that the configuration names by URL alone. Data: the first match counts. */
static const struct {
    const char *pattern, *executable;
} guesses[] = {
    {"gpt-*", "azure-openai"},
    {"o1*", "azure-openai"},
    {"o3*", "azure-openai"},
    {"o4*", "azure-openai"},
    {"text-embedding-*", "azure-openai"},
    {"gemini*", "gcp-vertexai"},
    {"anthropic--*", "aws-bedrock"},
    {"amazon--*", "aws-bedrock"},
    {"*claud*", "aws-bedrock"},
    {"*sonnet*", "aws-bedrock"},
    {"*opus*", "aws-bedrock"},
    {"*haiku*", "aws-bedrock"},
    {"mistralai--*", "aicore-mistralai"},
    {"cohere*", "aicore-cohere"},
    {"nvidia--*", "aicore-nvidia"},
    {"sonar*", "perplexity-ai"},
    {"sap-rpt*", "aicore-sap"},
    {"*", "azure-openai"},
};

static const char *guess_executable(struct str model)
{
    size_t i = 0;
    while (!str_glob(model, guesses[i].pattern))
        i++;
    return guesses[i].executable;
}

static struct route_model *find_exact(const struct route_table *table, struct str name)
{
    for (size_t i = 0; i < table->count; i++)
        if (str_eq(table->models[i].name, name))
            return &table->models[i];
    return NULL;
}

/* What the configuration says of this model goes before what the rules say. */
static status apply_setting(struct arena *arena, struct route_model *m, const struct config *config)
{
    struct config_model merged, *setting;

    if (!config_model_for(config, m->name, &merged))
        return OK;
    setting = ARENA_NEW(arena, struct config_model);
    if (!setting)
        return E_NOMEM;
    *setting = merged;
    m->setting = setting;
    m->rules.traits = (m->rules.traits | setting->traits_set) & ~setting->traits_cleared;
    m->rules.api_version = str_from(setting->api_version);
    m->rules.cache_ttl = str_from(setting->cache_ttl);
    m->rules.lift_system = str_is(str_from(setting->late_system), "system");
    if (setting->max_output)
        m->rules.max_output = setting->max_output;
    if (setting->context)
        m->rules.context = setting->context;
    return OK;
}

static unsigned first_turn(const struct route_table *old, struct str name)
{
    const struct route_model *before = old ? find_exact(old, name) : NULL;
    unsigned turn;

    if (before)
        return before->turn;
    crypto_random(&turn, sizeof turn); /* so that many processes do not all begin at the first */
    return turn;
}

static bool is_full(const struct route_table *table)
{
    return table->count == table->room;
}

/* The row of a model, made when there is none. NULL when out of memory or when the table is full. */
static struct route_model *need_model(struct route_table *table, const struct config *config,
                                      const struct route_table *old, struct str name)
{
    struct route_model *m = find_exact(table, name);
    if (m || is_full(table))
        return m;
    m = &table->models[table->count];
    *m = (struct route_model){.name = arena_str(table->arena, name), .turn = first_turn(old, name)};
    if (!m->name.p)
        return NULL;
    model_describe_by(config->model_rules, m->name, &m->rules);
    if (apply_setting(table->arena, m, config))
        return NULL;
    table->count++;
    return m;
}

static const char *last_segment(const char *url)
{
    const char *slash = strrchr(url, '/');
    return slash ? slash + 1 : url;
}

/* Copies without trailing slashes: paths are appended later. */
static const char *copy_url(struct arena *arena, const char *url)
{
    struct str s = str_from(url);
    while (s.n && s.p[s.n - 1] == '/')
        s.n--;
    return arena_cstr(arena, s);
}

/* NULL when out of memory. */
static struct target *new_target(struct route_table *table, const struct route_source *source,
                                 const char *url, const char *id)
{
    struct target *t = ARENA_NEW(table->arena, struct target);

    if (!t)
        return NULL;
    t->account = source->account;
    t->group = source->group;
    t->url = copy_url(table->arena, url);
    t->id = t->url ? arena_cstr(table->arena, str_from(id ? id : last_segment(t->url))) : NULL;
    return t->id ? t : NULL;
}

static void append(struct target **end, struct target *t)
{
    while (*end)
        end = &(*end)->next;
    *end = t;
}

static status add_target(struct route_table *table, struct route_model *m,
                         const struct route_source *source, const char *url, const char *id,
                         const char *executable)
{
    const struct config_model *setting = m->setting;
    struct target *t = new_target(table, source, url, id);

    if (!t)
        return E_NOMEM;
    if (setting && setting->executable)
        executable = setting->executable;
    m->executable = arena_cstr(table->arena, str_from(executable));
    t->family =
        family_pick(str_from(executable), m->name, str_from(setting ? setting->family : NULL));
    if (!m->executable)
        return E_NOMEM;
    if (!t->family) { /* the configuration was checked; this is for a family without this model */
        log_warning("no family for model %.*s (%s)", STR_ARG(m->name), executable);
        return OK;
    }
    append(&m->targets, t);
    m->target_count++;
    return OK;
}

/* --- orchestration --------------------------------------------------------------------------- */

/* The executable of deployments of SAP's orchestration service, and their name among those that the
   configuration names. */
static const char orchestration[] = "orchestration";

static bool is_orchestrated(const struct route_model *m)
{
    return m->setting && m->setting->family && strcmp(m->setting->family, orchestration) == 0;
}

static status add_orchestration(struct route_table *table, const struct route_source *source,
                                const char *url, const char *id)
{
    struct target *t = new_target(table, source, url, id);

    if (!t)
        return E_NOMEM;
    t->family = &family_orchestration;
    append(&table->orchestration, t);
    return OK;
}

static void lend_orchestration(struct route_table *table, struct route_model *m)
{
    m->targets = table->orchestration;
    m->target_count = 0;
    for (const struct target *t = m->targets; t; t = t->next)
        m->target_count++;
}

/* Models that the configuration puts behind orchestration need no deployment of their own: they are
   there as soon as the service is. Those that are deployed all the same are not asked directly. */
static status add_orchestrated(struct route_table *table, const struct config *config,
                               const struct route_table *old)
{
    for (const struct config_model *c = config->models; c && table->orchestration; c = c->next) {
        if (!c->family || strcmp(c->family, orchestration) != 0)
            continue;
        struct route_model *m = need_model(table, config, old, str_from(c->name));
        if (!m && is_full(table))
            continue;
        if (!m)
            return E_NOMEM;
        m->executable = orchestration;
        lend_orchestration(table, m);
    }
    return OK;
}

/* --- sources --------------------------------------------------------------------------------- */

static status add_named(struct route_table *table, const struct config *config,
                        const struct route_table *old, const struct route_source *source)
{
    for (const struct config_deployment *d = source->account->deployments; d; d = d->next) {
        if (strcmp(d->model, orchestration) == 0) {
            if (add_orchestration(table, source, d->url, NULL))
                return E_NOMEM;
            continue;
        }
        struct route_model *m = need_model(table, config, old, str_from(d->model));
        if ((!m && is_full(table)) || (m && is_orchestrated(m)))
            continue;
        if (!m || add_target(table, m, source, d->url, NULL, guess_executable(m->name)))
            return E_NOMEM;
    }
    return OK;
}

static status add_discovered(struct route_table *table, const struct config *config,
                             const struct route_table *old, const struct route_source *source)
{
    for (size_t i = 0; i < source->list->count; i++) {
        const struct deployment *d = &source->list->items[i];
        if (!http_url_allowed(d->url, config->allow_plain_http))
            continue;
        bool for_all = d->executable && strcmp(d->executable, orchestration) == 0;
        if (for_all && add_orchestration(table, source, d->url, d->id))
            return E_NOMEM;
        if (!d->model || for_all)
            continue;
        struct route_model *m = need_model(table, config, old, str_from(d->model));
        if ((!m && is_full(table)) || (m && is_orchestrated(m)))
            continue;
        const char *executable =
            d->executable ? d->executable : guess_executable(str_from(d->model));
        if (!m || add_target(table, m, source, d->url, d->id, executable))
            return E_NOMEM;
        if (d->created_s && (!m->created_s || d->created_s < m->created_s))
            m->created_s = d->created_s;
    }
    return OK;
}

/* Models behind orchestration while no deployment of it runs: nobody answers for them. */
static void drop_empty(struct route_table *table)
{
    size_t kept = 0;

    for (size_t i = 0; i < table->count; i++)
        if (table->models[i].targets)
            table->models[kept++] = table->models[i];
    table->count = kept;
}

static int by_name(const void *a, const void *b)
{
    struct str x = ((const struct route_model *)a)->name, y = ((const struct route_model *)b)->name;
    int order = memcmp(x.p, y.p, x.n < y.n ? x.n : y.n);
    return order ? order : (x.n > y.n) - (x.n < y.n);
}

static void table_free(struct route_table *table)
{
    if (!table)
        return;
    free(table->models);
    arena_free(table->arena);
    free(table);
}

struct route_table *route_table_new(const struct config *config, const struct route_source *sources,
                                    size_t count, const struct route_table *old)
{
    struct route_table *table = calloc(1, sizeof *table);
    status s = table && (table->arena = arena_new(0)) ? OK : E_NOMEM;

    if (!s) {
        table->holds = 1;
        table->room = MODELS_MAX;
        table->models = calloc(MODELS_MAX, sizeof *table->models);
        s = table->models ? OK : E_NOMEM;
    }
    for (size_t i = 0; !s && i < count; i++) {
        if (sources[i].account->deployments)
            s = add_named(table, config, old, &sources[i]);
        else if (sources[i].list)
            s = add_discovered(table, config, old, &sources[i]);
    }
    if (!s)
        s = add_orchestrated(table, config, old);
    drop_empty(table);
    if (s) {
        table_free(table);
        return NULL;
    }
    if (is_full(table))
        log_warning("more than %d models: those beyond are left out", MODELS_MAX);
    qsort(table->models, table->count, sizeof *table->models, by_name);
    return table;
}

struct route_table *route_table_hold(struct route_table *table)
{
    table->holds++;
    return table;
}

void route_table_release(struct route_table *table)
{
    if (table && --table->holds == 0)
        table_free(table);
}

/* --- asking ---------------------------------------------------------------------------------- */

size_t route_table_count(const struct route_table *table)
{
    return table->count;
}

struct route_model *route_table_at(struct route_table *table, size_t i)
{
    return &table->models[i];
}

static struct str *names_of(struct route_table *table, struct arena *arena)
{
    struct str *names = ARENA_ARRAY(arena, struct str, table->count + 1);
    for (size_t i = 0; names && i < table->count; i++)
        names[i] = table->models[i].name;
    return names;
}

static struct route_model *find_spelled(struct route_table *table, struct arena *arena,
                                        struct str asked)
{
    struct route_model *m = find_exact(table, asked);
    if (m)
        return m;
    struct str *names = names_of(table, arena);
    struct str found = names ? alias_resolve(arena, asked, names, table->count) : STR_NONE;
    return found.n ? find_exact(table, found) : NULL;
}

struct route_model *route_find(struct route_table *table, const struct config *config,
                               struct arena *arena, struct str asked)
{
    for (const struct config_alias *a = config->aliases; a; a = a->next)
        if (str_is(asked, a->name)) {
            asked = str_from(a->model);
            break;
        }
    struct route_model *m = find_spelled(table, arena, asked);
    struct config_model setting;
    if (m || !config_model_for(config, asked, &setting))
        return m;
    for (size_t i = 0; !m && i < setting.fallback_count; i++)
        m = find_spelled(table, arena, str_from(setting.fallback[i]));
    return m;
}

size_t route_nearest(struct route_table *table, struct arena *arena, struct str asked,
                     struct str *out, size_t room)
{
    struct str near[NEAREST_MAX];
    struct str *names = names_of(table, arena);
    size_t n = names ? alias_nearest(asked, names, table->count, near) : 0;

    n = n < room ? n : room;
    for (size_t i = 0; i < n; i++)
        out[i] = near[i];
    return n;
}

/* The k-th target (counted from `skip`, round the corner) of an account; NULL when k is too large. */
static const struct target *nth_of(const struct route_model *m,
                                   const struct config_account *account, unsigned skip, size_t k)
{
    size_t count = 0, i = 0;

    for (const struct target *t = m->targets; t; t = t->next)
        count += t->account == account;
    if (k >= count)
        return NULL;
    size_t wanted = (skip + k) % count;
    for (const struct target *t = m->targets; t; t = t->next)
        if (t->account == account && i++ == wanted)
            return t;
    return NULL;
}

static size_t accounts_of(const struct route_model *m, const struct config_account **out,
                          size_t room)
{
    size_t n = 0;

    for (const struct target *t = m->targets; t; t = t->next) {
        size_t i = 0;
        while (i < n && out[i] != t->account)
            i++;
        if (i == n && n < room)
            out[n++] = t->account;
    }
    return n;
}

size_t route_order(struct route_model *model, const struct target **out, size_t room)
{
    const struct config_account *accounts[64];
    size_t count = accounts_of(model, accounts, 64), n = 0;
    unsigned turn = model->turn++;

    for (size_t round = 0; count && n < room; round++) {
        size_t before = n;
        for (size_t i = 0; i < count && n < room; i++) {
            const struct config_account *account = accounts[(turn + i) % count];
            const struct target *t = nth_of(model, account, turn / (unsigned)count, round);
            if (t)
                out[n++] = t;
        }
        if (n == before)
            break;
    }
    return n;
}

size_t route_order_orchestrated(const struct route_table *table, struct route_model *model,
                                const struct target **out, size_t room)
{
    struct route_model by_way = *model;

    by_way.targets = table->orchestration;
    size_t n = route_order(&by_way, out, room);
    model->turn = by_way.turn;
    return n;
}

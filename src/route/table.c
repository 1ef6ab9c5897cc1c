/* The model table. */
#include "route/table.h"

#include <stdlib.h>

#include "base/hash.h"
#include "base/log.h"
#include "route/alias.h"
#include "route/table_parts.h"

enum { NEAREST_MAX = 3 };

struct container {
    struct route_model model;
    struct container *next;
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

struct route_model *table_find(const struct route_table *table, struct str name)
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
    m->rules.no_breakpoints = setting->cache_prompts == CACHE_OFF;
    m->rules.lift_system = str_is(str_from(setting->late_system), "system");
    if (setting->max_output)
        m->rules.max_output = setting->max_output;
    if (setting->context)
        m->rules.context = setting->context;
    return OK;
}

bool table_is_full(const struct route_table *table)
{
    return table->count == MODELS_MAX;
}

/* Room for one more row. Rows move, so none may be borrowed beyond. */
static bool grow(struct route_table *table)
{
    if (table->count < table->room)
        return true;
    size_t room = table->room < MODELS_MAX / 2 ? table->room * 2 + MODELS_FIRST : MODELS_MAX;
    struct route_model *models = realloc(table->models, room * sizeof *models);
    if (!models)
        return false;
    table->models = models;
    table->room = room;
    return true;
}

struct route_model *table_need_model(struct route_table *table, const struct config *config,
                                     struct str name)
{
    struct route_model *m = table_find(table, name);
    if (m || table_is_full(table))
        return m;
    if (!grow(table))
        return NULL;
    m = &table->models[table->count];
    *m = (struct route_model){.name = arena_str(table->arena, name)};
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

/* The tenant is the identity zone; a key without one is told apart by its token service, whose
   address begins with the subaccount's own subdomain. */
static struct str tenant_of(const struct service_key *key)
{
    return str_from(key->tenant ? key->tenant : key->token_url);
}

static unsigned weight_of(const struct config_account *account, const char *id)
{
    for (const struct config_weight *w = account->weights; w; w = w->next)
        if (strcmp(w->id, id) == 0)
            return (unsigned)w->weight;
    return 1;
}

/* Where the target is found in the scoreboard: the same in all processes and after every restart. */
static status name_target(struct arena *arena, const struct route_model *m, struct target *t)
{
    uint64_t model = hash_add(HASH_BEGIN, m->name), quota;
    struct str account = str_from(t->account->name);
    const char *by = "";

    quota = hash_add(model, tenant_of(t->account->key));
    /* The service has limits of its own; its refusal says nothing of those who are asked directly. */
    if (t->family == &family_orchestration) {
        by = " by orchestration";
        quota = hash_add(quota, str_from(by));
    }
    t->key = hash_end(hash_add(hash_add(model, account), str_from(t->url)));
    t->domain_key = hash_end(quota);
    t->label = arena_printf(arena, "%.*s/%s %.*s", STR_ARG(account), t->id, STR_ARG(m->name));
    t->domain_label = arena_printf(arena, "%.*s%s in %.*s", STR_ARG(m->name), by, STR_ARG(account));
    t->weight = weight_of(t->account, t->id);
    t->account_weight = (unsigned)t->account->weight;
    return t->label.p && t->domain_label.p ? OK : E_NOMEM;
}

status table_append_target(struct route_table *table, struct route_model *m,
                           const struct place *place, const struct family *family)
{
    struct target *t = ARENA_NEW(table->arena, struct target);
    struct target **end = &m->targets;

    if (!t)
        return E_NOMEM;
    t->account = place->source->account;
    t->group = place->source->group;
    t->url = copy_url(table->arena, place->url);
    t->version = place->version ? arena_cstr(table->arena, str_from(place->version)) : NULL;
    t->id = arena_cstr(table->arena, str_from(place->id ? place->id : last_segment(t->url)));
    t->family = family;
    if (!t->url || !t->id || name_target(table->arena, m, t))
        return E_NOMEM;
    while (*end)
        end = &(*end)->next;
    *end = t;
    m->target_count++;
    return OK;
}

static status add_target(struct route_table *table, struct route_model *m,
                         const struct place *place, const char *executable)
{
    const struct config_model *setting = m->setting;

    if (setting && setting->executable)
        executable = setting->executable;
    m->executable = arena_cstr(table->arena, str_from(executable));
    if (!m->executable)
        return E_NOMEM;
    const struct family *family =
        family_pick(str_from(executable), m->name, str_from(setting ? setting->family : NULL));
    if (family)
        return table_append_target(table, m, place, family);
    /* the configuration was checked; this is for a family without this model */
    log_warning("no family for model %.*s (%s)", STR_ARG(m->name), executable);
    return OK;
}

/* --- sources --------------------------------------------------------------------------------- */

static status add_named(struct route_table *table, const struct config *config,
                        const struct route_source *source)
{
    for (const struct config_deployment *d = source->account->deployments; d; d = d->next) {
        struct place place = {.source = source, .url = d->url};
        if (strcmp(d->model, ORCHESTRATION) == 0) {
            if (table_keep_orchestration(table, &place))
                return E_NOMEM;
            continue;
        }
        struct route_model *m = table_need_model(table, config, str_from(d->model));
        if (!m && table_is_full(table))
            continue;
        if (!m || add_target(table, m, &place, guess_executable(m->name)))
            return E_NOMEM;
    }
    return OK;
}

/* --- containers: deployments without a model that SAP knows ----------------------------------- */

static struct container *find_container(const struct route_table *table, struct str name)
{
    struct container *c = table->containers;

    while (c && !str_eq(c->model.name, name))
        c = c->next;
    return c;
}

static struct route_model *need_container(struct route_table *table, const struct config *config,
                                          struct str name)
{
    struct container *c = find_container(table, name);

    if (c)
        return &c->model;
    c = ARENA_NEW(table->arena, struct container);
    if (!c)
        return NULL;
    c->model.name = arena_str(table->arena, name);
    c->model.executable = "";
    c->model.rules.name = c->model.name;
    if (!c->model.name.p || apply_setting(table->arena, &c->model, config))
        return NULL;
    c->next = table->containers;
    table->containers = c;
    return &c->model;
}

/* Under the name of its configuration, which others may have, too, and under its id. */
static status add_container(struct route_table *table, const struct config *config,
                            const struct deployment *d, const struct place *place)
{
    const char *const names[] = {d->configuration, d->id};

    if (!config->passes_any || strcmp(d->scenario, ORCHESTRATION) == 0)
        return OK;
    for (size_t i = 0; i < 2; i++) {
        struct route_model *m = names[i] ? need_container(table, config, str_from(names[i])) : NULL;
        if (names[i] && (!m || table_append_target(table, m, place, &family_passthrough)))
            return E_NOMEM;
    }
    return OK;
}

/* The token of the subaccount goes where the list says, so the list may name no host but the AI API's
   and those beside it. */
static bool is_at_home(const struct config *config, const struct route_source *source,
                       const struct deployment *d)
{
    struct str host = http_url_host(d->url);

    if (!http_url_allowed(d->url, config->allow_plain_http))
        return false;
    if (http_url_is_near(d->url, source->account->key->api_url))
        return true;
    for (size_t i = 0; i < config->discovery_host_count; i++)
        if (str_glob(host, config->discovery_hosts[i]))
            return true;
    log_warning(
        "deployment %s of subaccount %s is left out: it is at %.*s, which is neither the AI "
        "API's host nor beside it, nor among discovery.hosts",
        d->id, source->account->name, STR_ARG(host));
    return false;
}

static status add_discovered(struct route_table *table, const struct config *config,
                             const struct route_source *source)
{
    for (size_t i = 0; i < source->list->count; i++) {
        const struct deployment *d = &source->list->items[i];
        struct place place = {source, d->url, d->id, d->version, NULL};
        bool for_all = deployment_is_orchestration(d);
        if (!is_at_home(config, source, d))
            continue;
        if (for_all || !d->model) {
            if (for_all ? table_keep_orchestration(table, &place)
                        : add_container(table, config, d, &place))
                return E_NOMEM;
            continue;
        }
        struct route_model *m = table_need_model(table, config, str_from(d->model));
        if (!m && table_is_full(table))
            continue;
        const char *executable =
            d->executable ? d->executable : guess_executable(str_from(d->model));
        if (!m || add_target(table, m, &place, executable))
            return E_NOMEM;
        if (d->created_s && (!m->created_s || d->created_s < m->created_s))
            m->created_s = d->created_s;
    }
    return OK;
}

static void table_free(struct route_table *table)
{
    if (!table)
        return;
    if (table->bound)
        free(table->bound->models);
    free(table->bound);
    free(table->models);
    arena_free(table->arena);
    free(table);
}

struct route_table *route_table_new(const struct config *config, const struct route_source *sources,
                                    size_t count)
{
    struct route_table *table = calloc(1, sizeof *table);
    status s = table && (table->arena = arena_new(0)) ? OK : E_NOMEM;

    if (!s)
        table->holds = 1;
    for (size_t i = 0; !s && i < count; i++) {
        if (sources[i].account->deployments)
            s = add_named(table, config, &sources[i]);
        else if (sources[i].list)
            s = add_discovered(table, config, &sources[i]);
    }
    if (!s)
        s = table_add_orchestrated(table, config);
    if (!s && config->catalogue == CATALOGUE_OF_ALL)
        s = table_add_catalogue(table, config);
    if (!s) {
        if (table_is_full(table))
            log_warning("more than %d models: those beyond are left out", MODELS_MAX);
        table_drop_empty(table);
        table_sort(table);
        s = table_make_bound(table, config);
    }
    if (s) {
        table_free(table);
        return NULL;
    }
    return table;
}

/* The table that counts holds for this one. */
static struct route_table *owner_of(struct route_table *table)
{
    return table->outer ? table->outer : table;
}

struct route_table *route_table_hold(struct route_table *table)
{
    owner_of(table)->holds++;
    return table;
}

void route_table_release(struct route_table *table)
{
    if (table && --owner_of(table)->holds == 0)
        table_free(owner_of(table));
}

struct route_table *route_table_bound(struct route_table *table)
{
    return table->bound ? table->bound : table;
}

/* --- asking ---------------------------------------------------------------------------------- */

struct route_model *route_find_container(struct route_table *table, struct str name)
{
    struct container *c = find_container(table, name);
    struct route_model *m = c ? NULL : table_find(table, name);

    if (c)
        return &c->model;
    return m && m->targets && m->targets->family == &family_passthrough ? m : NULL;
}

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
    struct route_model *m = table_find(table, asked);
    if (m)
        return m;
    struct str *names = names_of(table, arena);
    struct str found = names ? alias_resolve(arena, asked, names, table->count) : STR_NONE;
    return found.n ? table_find(table, found) : NULL;
}

static struct str follow_alias(const struct config *config, struct str name)
{
    for (const struct config_alias *a = config->aliases; a; a = a->next)
        if (str_is(name, a->name))
            return str_from(a->model);
    return name;
}

struct route_model *route_find(struct route_table *table, const struct config *config,
                               struct arena *arena, struct str asked)
{
    asked = follow_alias(config, asked);
    struct route_model *m = find_spelled(table, arena, asked);
    struct config_model setting;
    if (m || !config_model_for(config, asked, &setting) ||
        !(setting.fallback_for & STAND_IN_MISSING))
        return m;
    for (size_t i = 0; !m && i < setting.fallback_count; i++)
        m = find_spelled(table, arena, str_from(setting.fallback[i]));
    return m;
}

bool route_is_asked(const struct config *config, struct arena *arena, struct str asked,
                    const struct route_model *model)
{
    asked = follow_alias(config, asked);
    return str_eq(asked, model->name) || alias_resolve(arena, asked, &model->name, 1).n > 0;
}

struct route_model *route_stand_in(struct route_table *table, const struct config *config,
                                   struct arena *arena, const struct route_model *model, size_t n)
{
    const struct config_model *setting = model->setting;

    if (!setting || n >= setting->fallback_count)
        return NULL;
    return find_spelled(table, arena, follow_alias(config, str_from(setting->fallback[n])));
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

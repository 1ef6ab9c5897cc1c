/* Which models SAP's orchestration service answers for, and whom. */
#include <stdlib.h>

#include "route/table_parts.h"

static bool is_orchestrated(const struct config_model *setting)
{
    return setting && setting->family && strcmp(setting->family, ORCHESTRATION) == 0;
}

status table_keep_orchestration(struct route_table *table, const struct place *place)
{
    struct place *copy = ARENA_NEW(table->arena, struct place);
    struct place **end = &table->orchestration;

    if (!copy)
        return E_NOMEM;
    *copy = *place;
    while (*end)
        end = &(*end)->next;
    *end = copy;
    return OK;
}

static const struct catalogue_model *find_offer(const struct route_source *source, struct str name)
{
    const struct deployment_list *list = source->list;

    for (size_t i = 0; list && i < list->catalogue_count; i++)
        if (str_is(name, list->catalogue[i].name))
            return &list->catalogue[i];
    return NULL;
}

/* Does the service have the model there? It counts as having it while its catalogue is not known, and
   where the configuration says so. */
static bool offers(const struct place *place, const struct route_model *m)
{
    const struct deployment_list *list = place->source->list;

    return !list || !list->catalogue_count || is_orchestrated(m->setting) ||
           find_offer(place->source, m->name);
}

/* Have the model answered by every deployment of the service that offers it, and by no other. */
static status lend_orchestration(struct route_table *table, struct route_model *m)
{
    status s = OK;

    m->executable = ORCHESTRATION;
    m->targets = NULL;
    m->target_count = 0;
    for (const struct place *p = table->orchestration; p && !s; p = p->next)
        if (offers(p, m))
            s = table_append_target(table, m, p, &family_orchestration);
    return s;
}

/* What the service has and the table does not. */
status table_add_catalogue(struct route_table *table, const struct config *config)
{
    for (const struct place *p = table->orchestration; p; p = p->next) {
        const struct deployment_list *list = p->source->list;
        for (size_t i = 0; list && i < list->catalogue_count; i++) {
            struct str name = str_from(list->catalogue[i].name);
            if (table_find(table, name))
                continue;
            struct route_model *m = table_need_model(table, config, name);
            if (!m && table_is_full(table))
                return OK;
            if (!m || lend_orchestration(table, m))
                return E_NOMEM;
            if (!m->rules.context)
                m->rules.context = list->catalogue[i].context;
        }
    }
    return OK;
}

/* Models that the configuration puts behind orchestration need no deployment of their own: they are
   there as soon as the service is. */
status table_add_orchestrated(struct route_table *table, const struct config *config)
{
    for (const struct config_model *c = config->models; c; c = c->next) {
        if (!is_orchestrated(c) || strchr(c->name, '*'))
            continue;
        if (!table_need_model(table, config, str_from(c->name)) && !table_is_full(table))
            return E_NOMEM;
    }
    for (size_t i = 0; i < table->count; i++) {
        struct route_model *m = &table->models[i];
        if (is_orchestrated(m->setting) && lend_orchestration(table, m))
            return E_NOMEM;
    }
    return OK;
}

/* Models behind orchestration while no deployment of it runs: nobody answers for them. */
void table_drop_empty(struct route_table *table)
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

void table_sort(struct route_table *table)
{
    if (table->count)
        qsort(table->models, table->count, sizeof *table->models, by_name);
}

/* The same models as far as the service has them, all of them behind it, and its own; none while it
   does not run. */
status table_make_bound(struct route_table *table, const struct config *config)
{
    struct route_table *bound = calloc(1, sizeof *bound);

    table->bound = bound;
    if (!bound)
        return E_NOMEM;
    bound->outer = table;
    bound->arena = table->arena;
    bound->orchestration = table->orchestration;
    if (table->count)
        bound->models = calloc(table->count, sizeof *bound->models);
    if (table->count && !bound->models)
        return E_NOMEM;
    bound->room = table->count;
    for (size_t i = 0; i < table->count && table->orchestration; i++) {
        bound->models[i] = table->models[i];
        bound->count++;
        if (lend_orchestration(bound, &bound->models[i]))
            return E_NOMEM;
    }
    if (config->catalogue != CATALOGUE_OFF && table_add_catalogue(bound, config))
        return E_NOMEM;
    table_drop_empty(bound);
    table_sort(bound);
    return OK;
}

/*
 * The inside of the model table, for table*.c only.
 */
#ifndef CORELAY_ROUTE_TABLE_PARTS_H
#define CORELAY_ROUTE_TABLE_PARTS_H

#include "route/table.h"

/* The executable of deployments of SAP's orchestration service, and their name among those that the
   configuration names. */
#define ORCHESTRATION "orchestration"

enum { MODELS_FIRST = 32, MODELS_MAX = 4096 };

struct container;

struct route_table {
    struct arena *arena;
    struct container *containers;
    struct route_model *models;
    size_t count, room;
    unsigned holds;
    struct place *orchestration; /* deployments that answer for every model */
    struct route_table *bound;   /* the same models, all behind those; lives as long as this one */
    struct route_table *outer;   /* of a bound one */
};

/* A deployment, whoever's model it is. */
struct place {
    const struct route_source *source;
    const char *url, *id; /* id NULL: the end of the URL */
    const char *version;  /* NULL: unknown */
    struct place *next;
};

/* The row of this very name; NULL: none. */
struct route_model *table_find(const struct route_table *table, struct str name);
bool table_is_full(const struct route_table *table);
/* The row of a model, made when there is none. NULL when out of memory or when the table is full. */
struct route_model *table_need_model(struct route_table *table, const struct config *config,
                                     struct str name);
/* Have the model answered by this deployment, too. E_NOMEM. */
status table_append_target(struct route_table *table, struct route_model *m,
                           const struct place *place, const struct family *family);

/* table_orchestration.c; each E_NOMEM. Remember a deployment of the service; put the models behind it
   that the configuration wants there; add those that it has and the table has not. */
status table_keep_orchestration(struct route_table *table, const struct place *place);
status table_add_orchestrated(struct route_table *table, const struct config *config);
status table_add_catalogue(struct route_table *table, const struct config *config);
/* Make table->bound. */
status table_make_bound(struct route_table *table, const struct config *config);

void table_drop_empty(struct route_table *table); /* models that nobody answers for */
void table_sort(struct route_table *table);

#endif

/*
 * The model table: which models can be asked for, and which targets answer for each.
 *
 * Built from the configuration and the lists that discovery found, never changed afterwards but for
 * the round robin positions. Belongs to one reactor.
 */
#ifndef CORELAY_ROUTE_TABLE_H
#define CORELAY_ROUTE_TABLE_H

#include "aicore/deployment.h"
#include "config/config.h"
#include "family/family.h"

/* A deployment in a subaccount. */
struct target {
    const struct config_account *account;
    const char *group; /* resource group */
    const char *id;    /* of the deployment */
    const char *url;   /* without trailing slash */
    const struct family *family;
    struct target *next; /* of the same model */
};

struct route_model {
    struct str name; /* SAP's, or the configuration's own */
    const char *executable;
    int64_t created_s; /* 0 unknown */
    struct family_model rules;
    const struct config_model *setting; /* NULL: none */
    struct target *targets;
    size_t target_count;
    unsigned turn; /* round robin position */
};

/* One subaccount and resource group; `list` is NULL for an account whose deployments are named in
   the configuration. */
struct route_source {
    const struct config_account *account;
    const char *group;
    struct deployment_list *list;
};

struct route_table;

/* Counted: begins with one hold. `old` (may be NULL) lends its round robin positions. The lists are
   copied; the configuration is borrowed. NULL: out of memory. */
struct route_table *route_table_new(const struct config *config, const struct route_source *sources,
                                    size_t count, const struct route_table *old);
struct route_table *route_table_hold(struct route_table *table);
void route_table_release(struct route_table *table); /* NULL is allowed */

size_t route_table_count(const struct route_table *table);
struct route_model *route_table_at(struct route_table *table, size_t i); /* sorted by name */

/* The model a caller means: the configuration's aliases first, then the name itself, then the known
   other spellings of it, then the configured fallbacks of the name. NULL: none. */
struct route_model *route_find(struct route_table *table, const struct config *config,
                               struct arena *arena, struct str asked);

/* At most `room` nearest names, for an error text. */
size_t route_nearest(struct route_table *table, struct arena *arena, struct str asked,
                     struct str *out, size_t room);

/* Targets in the order in which they should be tried: round robin over subaccounts and over the
   deployments of each, another subaccount before another deployment of the same one. Advances the
   position. Returns how many were put into `out`. */
size_t route_order(struct route_model *model, const struct target **out, size_t room);

/* The same among the deployments of SAP's orchestration service, which answer for any model; 0 when
   there are none. A deployment of the model itself is never among them. */
size_t route_order_orchestrated(const struct route_table *table, struct route_model *model,
                                const struct target **out, size_t room);

#endif

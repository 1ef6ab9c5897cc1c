/*
 * The model table: which models can be asked for, and which targets answer for each.
 *
 * Built from the configuration and the lists that discovery found, never changed afterwards. Belongs
 * to one reactor. Who of the targets is asked is the business of route/pick.h.
 */
#ifndef CORELAY_ROUTE_TABLE_H
#define CORELAY_ROUTE_TABLE_H

#include "aicore/deployment.h"
#include "config/config.h"
#include "family/family.h"

/* A deployment in a subaccount. */
struct target {
    const struct config_account *account;
    const char *group;   /* resource group */
    const char *id;      /* of the deployment */
    const char *url;     /* without trailing slash */
    const char *version; /* of the model; NULL: unknown */
    const struct family *family;
    uint64_t key;            /* in the scoreboard: of subaccount, URL and model */
    uint64_t domain_key;     /* of tenant and model, which share one quota */
    struct str label;        /* for people: "subaccount/deployment model" */
    struct str domain_label; /* "model in subaccount" */
    unsigned weight;         /* among the deployments of its domain */
    unsigned account_weight; /* among the domains */
    struct target *next;     /* of the same model */
};

struct route_model {
    struct str name; /* SAP's, or the configuration's own */
    const char *executable;
    int64_t created_s; /* 0 unknown */
    struct family_model rules;
    const struct config_model *setting; /* NULL: none */
    struct target *targets;
    size_t target_count;
};

/* One subaccount and resource group; `list` is NULL for an account whose deployments are named in
   the configuration. */
struct route_source {
    const struct config_account *account;
    const char *group;
    struct deployment_list *list;
};

struct route_table;

/* Counted: begins with one hold. The lists are copied; the configuration is borrowed. NULL: out of
   memory. */
struct route_table *route_table_new(const struct config *config, const struct route_source *sources,
                                    size_t count);
struct route_table *route_table_hold(struct route_table *table);
void route_table_release(struct route_table *table); /* NULL is allowed */

/* The same models as callers see them who are bound to SAP's orchestration service: every target of
   every model is a deployment of that service, so whoever has nothing but this table cannot go another
   way. It has no models while the service does not run. Borrowed as `table` is, and held as it is. */
struct route_table *route_table_bound(struct route_table *table);

size_t route_table_count(const struct route_table *table);
struct route_model *route_table_at(struct route_table *table, size_t i); /* sorted by name */

/* The model a caller means: the configuration's aliases first, then the name itself, then the known
   other spellings of it, then the configured fallbacks of the name. NULL: none. */
struct route_model *route_find(struct route_table *table, const struct config *config,
                               struct arena *arena, struct str asked);

/* A container of the customer's own: deployments without a model that SAP knows, by the name of their
   configuration (all that have it) or by id; or a named deployment of the family "passthrough".
   NULL: none. */
struct route_model *route_find_container(struct route_table *table, struct str name);

/* Is this the model that was asked for, by whatever name, and not one that stands in? */
bool route_is_asked(const struct config *config, struct arena *arena, struct str asked,
                    const struct route_model *model);

/* The n-th fallback of a model; NULL: it is not deployed either. */
struct route_model *route_stand_in(struct route_table *table, const struct config *config,
                                   struct arena *arena, const struct route_model *model, size_t n);

/* At most `room` nearest names, for an error text. */
size_t route_nearest(struct route_table *table, struct arena *arena, struct str asked,
                     struct str *out, size_t room);

#endif

/*
 * The two emulated subaccounts, their resource groups and deployments. Fixed at start; ids are
 * derived from names, so that they are the same in every run.
 */
#ifndef EMULATOR_TENANT_H
#define EMULATOR_TENANT_H

#include <stdbool.h>
#include <stddef.h>

enum { TENANT_COUNT = 2, MAX_DEPLOYMENTS = 160 };

struct tenant {
    const char *name; /* alpha, beta */
    const char *client_id, *client_secret;
    const char *zone_id;
    const char *app_name;
};

struct model {
    const char *name, *executable, *version, *provider;
    int context_length;
    bool streams;
    const char *kind; /* text-generation or embeddings */
};

enum model_details { DETAILS_CAMEL, DETAILS_SNAKE, DETAILS_NONE };

struct deployment {
    char id[24];
    const struct tenant *tenant;
    const char *group;
    const struct model *model; /* NULL: custom or orchestration */
    const char *scenario, *executable, *configuration;
    const char *status, *target_status;
    enum model_details details;
    bool has_url;
    int created_day; /* of January 2026 */
};

extern const struct tenant tenants[TENANT_COUNT];
extern const struct model models[];
extern const size_t model_count;
extern const struct model model_abap; /* answered for by orchestration alone */

/* Does the orchestration service answer for it? */
bool model_orchestrated(const struct model *m);

const struct tenant *tenant_by_name(const char *name);
const struct tenant *tenant_by_client(const char *client_id);
bool tenant_has_group(const struct tenant *tenant, const char *group);

/* Fill the table; call once at start. */
void deployments_make(void);
size_t deployment_count(void);
const struct deployment *deployment_at(size_t i);

/* NULL if there is none with this id. */
const struct deployment *deployment_by_id(const char *id, size_t len);

/* Is it serving? */
bool deployment_running(const struct deployment *d);

#endif

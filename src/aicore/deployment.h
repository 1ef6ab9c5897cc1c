/*
 * Discovery: which deployments run in a resource group, from the AI API, cached on disk like
 * tokens.
 *
 * The list is refreshed in the background when it is older than the setting, and on demand (an
 * unknown model, a deployment that vanished) at most every 10 s. While the AI API does not answer,
 * the last good list is used.
 */
#ifndef CORELAY_AICORE_DEPLOYMENT_H
#define CORELAY_AICORE_DEPLOYMENT_H

#include "aicore/token.h"

enum { DEPLOYMENT_LIST_MAX = 10000, CATALOGUE_MAX = 1000, DEPLOYMENT_BODY_MAX = 32 * 1024 * 1024 };

struct deployment {
    const char *id, *url, *executable, *scenario;
    const char *configuration;   /* its name; NULL unknown */
    const char *model, *version; /* NULL for orchestration and custom ones */
    int64_t created_s;           /* 0 unknown */
};

/* A model that the orchestration service of the tenant answers for. */
struct catalogue_model {
    const char *name;
    int64_t context; /* tokens; 0 unknown */
};

/* RUNNING deployments with a URL; immutable, counted. */
struct deployment_list {
    const struct deployment *items;
    size_t count;
    const struct catalogue_model
        *catalogue; /* read while the service runs; none: it is not known */
    size_t catalogue_count;
    int64_t fetched_s; /* wall clock */
};
struct deployment_list *deployment_list_hold(struct deployment_list *list);
void deployment_list_release(struct deployment_list *list);

/* One JSON answer of GET /lm/deployments, or a cache file's: appends to nothing, makes a list.
   Rows without a URL or not RUNNING are skipped. E_SYNTAX. For tests and fuzzing too. */
status deployment_list_parse(struct str json, struct deployment_list **out, int64_t *total);

/* Is this a deployment of SAP's orchestration service? */
bool deployment_is_orchestration(const struct deployment *d);

struct discovery;
struct discovery_wait;

struct discovery_settings {
    int64_t refresh_ms;  /* default 300000, with jitter */
    int64_t minimum_ms;  /* between forced refreshes; default 10000 */
    int64_t deadline_ms; /* how long a caller waits; default 30000 */
};

/* NULL when out of memory. `state_dir` as for tokens. */
struct discovery *discovery_new(struct reactor *r, struct token_cache *tokens,
                                const char *state_dir, const struct discovery_settings *settings);
void discovery_free(struct discovery *d);

/* `list` is borrowed for the call (hold it to keep it); NULL with a status and an error otherwise.
 */
typedef void discovery_done(void *arg, status s, struct deployment_list *list,
                            const struct chat_error *err);

/* The list for a key and resource group. `force`: the caller missed something in the present list;
   fetch anew unless that was done less than `minimum_ms` ago. May call back before it returns, then
   NULL. A list that is merely old is handed out and refreshed behind the scenes. `key` and `group`
   are borrowed while the discovery lives. */
struct discovery_wait *discovery_get(struct discovery *d, const struct service_key *key,
                                     const char *group, bool force, discovery_done *done,
                                     void *arg);
void discovery_cancel(struct discovery_wait *wait);

#endif

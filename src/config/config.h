/*
 * The configuration: read once, never changed, swapped whole on reload.
 *
 * The seed's config.json is a valid configuration. Every offence is reported (file, JSON path, what
 * is wrong, what is expected), all of them in one run.
 */
#ifndef CORELAY_CONFIG_CONFIG_H
#define CORELAY_CONFIG_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "aicore/service_key.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/log.h"
#include "family/model.h"
#include "gate/api_key.h"
#include "http/client.h"

struct orchestration_profile;

struct config_deployment { /* subAccounts.*.deployment_models: one URL */
    const char *model;
    const char *url;
    struct config_deployment *next;
};

struct config_weight { /* subAccounts.*.deployment_weights */
    const char *id;
    int64_t weight;
    struct config_weight *next;
};

struct config_account {
    const char *name;
    int64_t weight; /* its share of requests, against other subaccounts; 0: the last to be asked */
    struct config_weight *weights; /* of its deployments, by id; the others have 1 */
    struct service_key *key;       /* never NULL */
    const char *source;            /* where its key came from, for messages */
    const char **resource_groups;  /* at least one */
    size_t resource_group_count;
    struct config_deployment *deployments, *last_deployment; /* NULL: discover */
    struct config_account *next;
};

struct config_alias {
    const char *name, *model;
    struct config_alias *next;
};

/* How one of several healthy targets is chosen. */
enum config_strategy {
    STRATEGY_UNSET,
    STRATEGY_WEIGHTED, /* in turn, by weight, over all processes */
    STRATEGY_LEAST,    /* the fewest requests in flight */
    STRATEGY_FASTEST,  /* of two at random the one that answers sooner */
    STRATEGY_ORDERED   /* as the configuration lists them */
};

/* Whose are the models that the orchestration service has and no deployment. */
enum config_catalogue { CATALOGUE_OF_BOUND, CATALOGUE_OF_ALL, CATALOGUE_OFF };

enum config_cache { CACHE_UNSET, CACHE_OFF, CACHE_ON };

enum config_affinity { AFFINITY_UNSET, AFFINITY_OFF, AFFINITY_ON };

/* sandbox: as far as the kernel has it; not at all; whole, or the responder does not start. */
enum config_sandbox { CONFIG_SANDBOX_AUTO, CONFIG_SANDBOX_OFF, CONFIG_SANDBOX_REQUIRE };

/* When another model may stand in. */
enum config_stand_in { STAND_IN_MISSING = 1, STAND_IN_FAILING = 2, STAND_IN_CONTEXT = 4 };

struct config_canary { /* a part of the callers goes to these targets, all others do not */
    int64_t percent;
    const char *deployment, *version; /* NULL: any */
};

struct config_mirror { /* so many of the requests go to these targets as well, as copies */
    int64_t percent;
    const char *model;                /* NULL: the same one */
    const char *deployment, *version; /* NULL: any */
};

struct config_model {                /* models.<name>, or a pattern of names */
    const char *name;                /* `*` stands for any text */
    const char *family;              /* NULL: by executable id */
    const char *executable;          /* NULL: from discovery, else guessed from the name */
    const char *api_version;         /* NULL: default; "none": send none */
    const char *cache_ttl;           /* NULL: leave */
    enum config_cache cache_prompts; /* breakpoints of our own; unset: on */
    const char *late_system;         /* "user", "system"; NULL: "user" */
    const char **fallback;           /* asked in this order in place of it */
    size_t fallback_count;
    unsigned fallback_for; /* enum config_stand_in; 0 in a row: not said */
    enum config_strategy strategy;
    enum config_affinity affinity;
    struct config_canary canary;                          /* percent 0: none */
    struct config_mirror mirror;                          /* percent 0: none */
    int64_t max_output, context;                          /* 0: table */
    unsigned traits_set, traits_cleared;                  /* enum model_trait */
    int64_t connect_ms, first_byte_ms, idle_ms, total_ms; /* 0: the general setting */
    struct config_model *next;
};

struct config_routing {
    int64_t max_attempts; /* per request; refusals for want of quota do not count */
    enum config_strategy strategy;
    bool affinity;
    bool pace;                  /* ask no more than the quota of a domain, as far as it is known */
    int64_t wait_ms;            /* how long a request waits in all for a target to come back */
    int64_t cold_start_ms;      /* the same, while one has yet to start */
    int64_t deadline_ms;        /* no further try begins later than this */
    int64_t backoff_ms;         /* before the second round over the targets; doubled each time */
    int64_t cooldown_ms;        /* longest rest of a throttled domain that does not say how long */
    int64_t retry_after_max_ms; /* more is not believed */
    int64_t breaker_failures;   /* in a row, until the breaker opens */
    int64_t breaker_ms, breaker_max_ms;
    int64_t retry_minimum,
        retry_percent; /* budget a minute: so many, and so much of all requests */
};

struct config_file { /* a file that was read: when it changes, so does the configuration */
    const char *path;
    struct config_file *next;
};

struct config {
    struct arena *arena;
    const char *file; /* NULL: from the environment alone */
    struct config_file *files;

    struct config_account *accounts;
    struct config_alias *aliases;
    struct config_model *models;
    const struct model_rule *model_rules; /* before those built in; may be NULL */
    struct api_keys keys;
    bool allow_anonymous;

    struct orchestration_profile *profiles;              /* family/orchestration_profile.h */
    const char *default_profile_name;                    /* NULL: none */
    const struct orchestration_profile *default_profile; /* of keys that have none of their own */
    enum config_catalogue catalogue;

    const char *state_dir; /* NULL: no folder of ours could be found, as a warning says */
    int reactors, acceptors;
    enum config_sandbox sandbox;
    bool strict;               /* refuse instead of dropping */
    const char **cors_origins; /* "*" or origins; NULL: off */
    size_t cors_count;
    const char **passthrough; /* names of deployments that may be reached as they are; NULL: none */
    size_t passthrough_count;
    bool passes_any;                  /* by these, or by a key's own list */
    const char **passthrough_headers; /* that pass, beside those of HTTP itself */
    size_t passthrough_header_count;
    bool send_tenant_header; /* AI-Tenant-Id, as the seed does */

    struct {
        int64_t body_bytes, header_bytes, stream_buffer_bytes;
        int64_t streams;         /* per process */
        int64_t streams_per_key; /* over all processes of the host; 0: no limit */
        int64_t memory_bytes;    /* of one process, in requests and answers */
        int64_t wrong_keys;      /* per address and minute; 0: any number */
    } limits;
    struct {
        int64_t request_ms, connect_ms, first_byte_ms, idle_ms, total_ms, grace_ms, keep_alive_ms,
            hold_ms, /* how long opening events may be held back before the caller sees them */
            first_sign_ms, /* how long the caller of a stream is left without a head */
            look_ms;       /* how often to look whether a caller has left; 0: never */
    } timeouts;
    struct {
        enum log_level level;
        const char *destination; /* "stderr", "syslog" or a path */
        const char *access;      /* the same, or "off" */
        bool bodies;
    } log;
    struct http_settings http;
    bool allow_plain_http;
    struct {
        bool store; /* keep answers of the Responses API where upstream keeps none */
        int64_t store_ms, store_bytes;
    } responses;
    int64_t discovery_ms;         /* refresh */
    const char **discovery_hosts; /* further ones that deployments may be at; patterns */
    size_t discovery_host_count;
    struct config_routing routing;
    struct {
        int64_t targets, processes;
    } scoreboard;
};

/* Where the configuration comes from: `file` if given, else $CORELAY_CONFIG, else
   SYSCONFDIR/corelay/config.json if it exists, else the environment and ~/.aicore/config.json.
   On success OK and `*out` (free with config_free). On failure E_SYNTAX (or E_NOT_FOUND, E_IO) and
   in `problems` one line per offence. Warnings are lines that begin with "warning: ", also on
   success. */
status config_load(const char *file, struct config **out, struct buf *problems);
void config_free(struct config *c);

/* A number that changes when any file that the configuration was read from does. */
uint64_t config_stamp(const struct config *c);

/* What `models` says of a model: of each key what stands under the model's own name, else under the
   first pattern that matches it. False: nothing. `out->name` and `out->next` are unset. */
bool config_model_for(const struct config *c, struct str model, struct config_model *out);

#endif

/*
 * Private to src/config: one run of reading a configuration, and the tables that say what it may
 * hold.
 *
 * Every JSON object of the configuration has a table of keys. A table row says the type, the range
 * and where the value goes; what is more than one value has a function of its own. So unknown keys,
 * keys that stand twice, wrong types and ranges are found in one place (keys.c).
 */
#ifndef CORELAY_CONFIG_READING_H
#define CORELAY_CONFIG_READING_H

#include "base/json.h"
#include "config/config.h"

enum {
    CONFIG_FILE_MAX = 64 * 1024 * 1024, /* 100,000 keys take 12 */
    SERVICE_KEY_FILE_MAX = 256 * 1024
};

struct reading {
    struct config *config;
    struct buf *problems;
    const char *file; /* what lines begin with: a path, or "environment" */
    bool failed;      /* an offence was reported */
    bool no_memory;
    bool allow_plain;    /* http.allow_plain_http, known beforehand */
    bool plain_secrets;  /* the file itself holds keys in plain text */
    bool keys_attempted; /* keys are configured, though perhaps wrongly */
    bool accounts_attempted;
    struct config_account *legacy; /* of the seed's single-account form, NULL until one is met */
    struct seen_member *seen;      /* keys.c */
    int key_number;                /* of the callers' key that is read, from 1 */
    struct config_file *folders;   /* whose modes were looked at */
};

/* Where in the JSON we are: a chain on the stack, outermost last. */
struct place {
    const struct place *up;
    const char *key; /* NULL: an array element */
    size_t index;
};

/* One line: "FILE: PATH: what is wrong; expected ...". `at` may be NULL: the file as a whole. */
void reading_error(struct reading *r, const struct place *at, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void reading_warning(struct reading *r, const struct place *at, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* "FILE: PATH" as text in the arena, for what is reported by others. */
const char *reading_where(struct reading *r, const struct place *at);

/* Memory of the configuration; NULL (and `no_memory`) when there is none. */
void *reading_alloc(struct reading *r, size_t size);
const char *reading_copy(struct reading *r, const char *text);
/* A path of the configuration: what is not absolute is relative to the configuration file. */
const char *reading_path(struct reading *r, const char *path);
/* Remember that this file was read. */
void reading_remember_file(struct reading *r, const char *path);

/* --- tables ---------------------------------------------------------------------------------- */

typedef void key_read(struct reading *r, const struct json *value, const struct place *at,
                      void *into);

enum key_type {
    KEY_BOOL,     /* bool */
    KEY_INT,      /* int */
    KEY_NUMBER,   /* int64_t */
    KEY_SECONDS,  /* a number with a fraction; int64_t milliseconds */
    KEY_TEXT,     /* const char *, not empty */
    KEY_ANY_TEXT, /* const char *, may be empty */
    KEY_PATH,     /* const char *, relative to the configuration file */
    KEY_OBJECT,   /* members in a table; `offset` is that of the struct they go into */
    KEY_READ      /* `read` does it */
};

struct key {
    const char *name;
    enum key_type type;
    size_t offset;
    double minimum, maximum;
    const struct key_table *members;
    key_read *read;
};

struct key_table {
    const struct key *rows;
    size_t count;
};

#define KEY_TABLE(array)                                                                           \
    {                                                                                              \
        (array), sizeof(array) / sizeof((array)[0])                                                \
    }

/* Read an object by its table into the struct at `into`. */
void key_table_read(struct reading *r, const struct json *object, const struct place *at,
                    const struct key_table *table, void *into);
/* One member, whose row is found by the last name of `at`. */
void key_table_read_member(struct reading *r, const struct json *value, const struct place *at,
                           const struct key_table *table, void *into);

/* Checks of a type, with a report; `expected` is "an array of origins". */
bool reading_is_object(struct reading *r, const struct json *value, const struct place *at,
                       const char *expected);
bool reading_is_array(struct reading *r, const struct json *value, const struct place *at,
                      const char *expected);
/* The text of a string that is not empty, else NULL with a report. Borrowed from the JSON. */
const char *reading_text(struct reading *r, const struct json *value, const struct place *at,
                         const char *expected);
/* What one text of an array must be, with a report of its own. NULL: any. */
typedef void text_check(struct reading *r, const struct place *at, const char *text);
/* An array of texts, copied; a single string is an array of one. */
void reading_texts(struct reading *r, const struct json *value, const struct place *at,
                   const char *expected, text_check *check, const char ***out, size_t *count);
/* A member that stands a second time in its object: reported, true. */
bool reading_is_repeated(struct reading *r, const struct json *object, const struct json *member,
                         const struct place *at);

/* --- the parts ------------------------------------------------------------------------------- */

extern const struct key_table config_keys;  /* the whole file */
extern const struct key_table routing_keys; /* of struct config */

key_read read_accounts;    /* subAccounts */
key_read read_legacy;      /* the seed's single account: a member at the top level */
key_read read_api_keys;    /* api_keys */
key_read read_seed_keys;   /* secret_authentication_tokens */
key_read read_aliases;     /* aliases */
key_read read_models;      /* models */
key_read read_model_rules; /* model_rules */
key_read read_strategy;    /* routing.strategy: into struct config */

/* The same of one model, into struct config_model. */
key_read read_model_strategy, read_model_affinity, read_fallback_for, read_canary, read_mirror;
key_read read_deployment_weights; /* into struct config_account */
/* Take over what `from` says of routing and `to` does not. */
void routing_merge(struct config_model *to, const struct config_model *from);

extern const struct key_table orchestration_keys; /* orchestration */
/* Names of profiles, found once everything is read. Reports those that do not exist. */
void orchestration_resolve(struct reading *r);

/* Make the configuration whole from environment and defaults where the file says nothing. */
void environment_read_account(struct reading *r);
/* Parse the text of a service key from `source` and make it the account. */
void environment_give_key(struct reading *r, const char *source, const char *text);
/* The same from a service binding of Kubernetes (SERVICE_BINDING_ROOT); false: there is none. */
bool binding_read_account(struct reading *r);
void environment_read_keys(struct reading *r);
void environment_read_state_dir(struct reading *r);

/* One key, plain or "sha256:..". `name` lives as long as the configuration; NULL: "key-N". For `at` NULL the line names `variable`. The
   key that was added, or NULL with a report. */
struct api_key *api_key_add(struct reading *r, const struct place *at, const char *name,
                            const char *text);

/* An account with the defaults of every one; NULL when out of memory. */
struct config_account *account_new(struct reading *r);
/* Append an account; its name and key are set. Reports addresses that are not allowed. */
void account_append(struct reading *r, struct config_account *account);
/* Groups of an account without any: "default". */
void account_default_group(struct reading *r, struct config_account *account);

/* Who else may touch a file: reported with the command that mends it, as an error unless
   CORELAY_FILE_CHECKS says "warn". A file that is not there is no offence. */
enum trust {
    TRUST_OPEN,  /* others may read it, but not change it */
    TRUST_SECRET /* nor may everybody read it */
};
void trust_file(struct reading *r, const struct place *at, const char *path, enum trust need);
/* The same of state_dir, which must be of this very user; and of the files in it, with warnings. */
void trust_state_folder(struct reading *r, const struct place *at, const char *path);

/* What no single value can tell: loops, missing parts, warnings. */
void config_check(struct reading *r);

#endif

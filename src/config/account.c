/* Subaccounts: their service keys, resource groups and deployment URLs. */
#include <errno.h>

#include "config/reading.h"

/* --- members --------------------------------------------------------------------------------- */

static void read_group(struct reading *r, const struct json *value, const struct place *at,
                       void *into)
{
    struct config_account *account = into;

    if (!json_is_string(value))
        reading_error(r, at, "is %s; expected a text", json_type_text(value));
    else if (account->resource_group_count)
        reading_error(r, at, "stands beside resource_groups; expected one of the two");
    else
        reading_texts(r, value, at, "the id of a resource group", NULL, &account->resource_groups,
                      &account->resource_group_count);
}

static void read_groups(struct reading *r, const struct json *value, const struct place *at,
                        void *into)
{
    struct config_account *account = into;

    if (account->resource_group_count) {
        reading_error(r, at, "stands beside resource_group; expected one of the two");
        return;
    }
    reading_texts(r, value, at, "an array of resource groups", NULL, &account->resource_groups,
                  &account->resource_group_count);
    if (json_is_array(value) && !json_first(value))
        reading_error(r, at, "is empty; expected at least one resource group");
}

static void report_file(struct reading *r, const struct place *at, const char *path, status s,
                        int line, int column)
{
    if (s == E_SYNTAX)
        reading_error(r, at, "%s: line %d, column %d: not JSON; expected a service key", path, line,
                      column);
    else if (s == E_LIMIT)
        reading_error(r, at, "%s: more than %d bytes; expected a service key", path,
                      SERVICE_KEY_FILE_MAX);
    else
        reading_error(r, at, "%s: %s; expected a service key file", path,
                      s == E_NOT_FOUND ? "no such file" : strerror(errno));
}

static void read_key_file(struct reading *r, const struct json *value, const struct place *at,
                          void *into)
{
    struct config_account *account = into;
    const char *name = reading_text(r, value, at, "the path of a service key file");
    const char *path = name ? reading_path(r, name) : NULL;
    struct json *json = NULL;
    int line = 0, column = 0;

    if (!path)
        return;
    if (account->key) {
        reading_error(r, at, "stands beside service_key; expected one of the two");
        return;
    }
    status s = json_read_file(path, SERVICE_KEY_FILE_MAX, &json, &line, &column);
    if (s) {
        report_file(r, at, path, s, line, column);
        return;
    }
    reading_remember_file(r, path);
    trust_file(r, at, path, TRUST_SECRET);
    struct str where = arena_printf(r->config->arena, "%s -> %s", reading_where(r, at), name);
    account->source = where.p;
    account->key = service_key_parse(r->config->arena, json, where.p ? where.p : path, r->problems);
    r->failed |= !account->key;
    json_free(json);
}

static void read_key_inline(struct reading *r, const struct json *value, const struct place *at,
                            void *into)
{
    struct config_account *account = into;

    if (account->key) {
        reading_error(r, at, "stands beside service_key_json; expected one of the two");
        return;
    }
    account->source = reading_where(r, at);
    account->key = service_key_parse(r->config->arena, value, account->source, r->problems);
    r->failed |= !account->key;
    r->plain_secrets = true;
}

/* --- deployments ----------------------------------------------------------------------------- */

static const char *without_slashes(struct reading *r, const char *url)
{
    struct str s = str_from(url);

    while (s.n && s.p[s.n - 1] == '/')
        s.n--;
    const char *copy = arena_cstr(r->config->arena, s);
    if (!copy)
        r->no_memory = true;
    return copy;
}

static void append_deployment(struct reading *r, struct config_account *account, const char *model,
                              const char *url)
{
    struct config_deployment *d = reading_alloc(r, sizeof *d);

    if (!d)
        return;
    d->model = reading_copy(r, model);
    d->url = without_slashes(r, url);
    if (account->last_deployment)
        account->last_deployment->next = d;
    else
        account->deployments = d;
    account->last_deployment = d;
}

static void check_url(struct reading *r, const struct place *at, const char *url)
{
    const char *offence = service_url_offence(url);

    if (offence)
        reading_error(r, at, "%s; expected https://HOST/PATH of a deployment", offence);
    else if (!http_url_allowed(url, r->allow_plain))
        reading_error(r, at,
                      "is plain http; expected https, or \"http\": {\"allow_plain_http\": "
                      "true}");
}

static void read_deployments(struct reading *r, const struct json *value, const struct place *at,
                             void *into)
{
    struct config_account *account = into;

    if (!reading_is_object(r, value, at, "an object of model names and deployment URLs"))
        return;
    for (const struct json *m = json_first(value); m; m = json_next(m)) {
        struct place here = {at, json_key(m), 0};
        const char **urls = NULL;
        size_t count = 0;
        if (reading_is_repeated(r, value, m, &here))
            continue;
        if (!*here.key)
            reading_error(r, &here, "has an empty name; expected the name of a model");
        reading_texts(r, m, &here, "an array of deployment URLs", check_url, &urls, &count);
        for (size_t i = 0; i < count; i++)
            append_deployment(r, account, here.key, urls[i]);
        if (json_is_array(m) && !json_first(m))
            reading_error(r, &here, "is empty; expected at least one deployment URL");
    }
}

static const struct key account_rows[] = {
    {"resource_group", KEY_READ, 0, 0, 0, NULL, read_group},
    {"resource_groups", KEY_READ, 0, 0, 0, NULL, read_groups},
    {"service_key_json", KEY_READ, 0, 0, 0, NULL, read_key_file},
    {"service_key", KEY_READ, 0, 0, 0, NULL, read_key_inline},
    {"deployment_models", KEY_READ, 0, 0, 0, NULL, read_deployments},
    {"deployment_weights", KEY_READ, 0, 0, 0, NULL, read_deployment_weights},
    {"weight", KEY_NUMBER, offsetof(struct config_account, weight), 0, 1000, NULL, NULL}};
static const struct key_table account_keys = KEY_TABLE(account_rows);

/* --- accounts -------------------------------------------------------------------------------- */

struct config_account *account_new(struct reading *r)
{
    struct config_account *account = reading_alloc(r, sizeof *account);

    if (account)
        account->weight = 1;
    return account;
}

void account_default_group(struct reading *r, struct config_account *account)
{
    if (account->resource_group_count)
        return;
    account->resource_groups = reading_alloc(r, sizeof *account->resource_groups);
    if (!account->resource_groups)
        return;
    account->resource_groups[0] = "default";
    account->resource_group_count = 1;
}

static void check_plain(struct reading *r, const char *where, const char *what, const char *url)
{
    if (http_url_allowed(url, r->allow_plain))
        return;
    buf_printf(r->problems,
               "%s: the address of the %s is plain http; expected https, or \"http\": "
               "{\"allow_plain_http\": true}\n",
               where, what);
    r->failed = true;
}

void account_append(struct reading *r, struct config_account *account)
{
    struct config_account **end = &r->config->accounts;

    if (!account->key)
        return;
    check_plain(r, account->source, "token service", account->key->token_url);
    check_plain(r, account->source, "AI API", account->key->api_url);
    account_default_group(r, account);
    while (*end)
        end = &(*end)->next;
    *end = account;
}

/* The name goes into a response header and log lines. */
static bool name_is_good(const char *name)
{
    for (const char *p = name; *p; p++)
        if ((unsigned char)*p < ' ' || *p == 0x7f)
            return false;
    return *name != '\0';
}

static void read_account(struct reading *r, const struct json *value, const struct place *at)
{
    struct config_account *account = account_new(r);

    if (!account)
        return;
    account->name = reading_copy(r, at->key);
    if (!name_is_good(at->key))
        reading_error(r, at, "is no name; expected text without control characters");
    key_table_read(r, value, at, &account_keys, account);
    if (json_is_object(value) && !json_get(value, "service_key_json") &&
        !json_get(value, "service_key"))
        reading_error(r, at,
                      "has no service key; expected service_key_json (a path) or "
                      "service_key (the object)");
    account_append(r, account);
}

void read_accounts(struct reading *r, const struct json *value, const struct place *at, void *into)
{
    (void)into;
    if (!reading_is_object(r, value, at, "an object of subaccounts by name"))
        return;
    for (const struct json *m = json_first(value); m; m = json_next(m)) {
        struct place here = {at, json_key(m), 0};
        r->accounts_attempted = true;
        if (!reading_is_repeated(r, value, m, &here))
            read_account(r, m, &here);
    }
}

/* The single account of the seed: its members stand at the top level. */
void read_legacy(struct reading *r, const struct json *value, const struct place *at, void *into)
{
    (void)into;
    if (!r->legacy) {
        r->legacy = account_new(r);
        if (!r->legacy)
            return;
        r->legacy->name = "default";
    }
    if (strncmp(at->key, "service_key", strlen("service_key")) == 0)
        r->accounts_attempted = true;
    key_table_read_member(r, value, at, &account_keys, r->legacy);
}

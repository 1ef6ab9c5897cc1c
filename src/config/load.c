/* Where the configuration comes from, and the order in which it is put together. */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "config/reading.h"

static const char system_file[] = SYSCONFDIR "/corelay/config.json";

static const struct config defaults = {
    .reactors = 1,
    .acceptors = 4,
    .limits = {.body_bytes = 64 * 1024 * 1024,
               .header_bytes = 64 * 1024,
               .stream_buffer_bytes = 128 * 1024,
               .streams = 10000,
               .memory_bytes = 2048LL * 1024 * 1024,
               .wrong_keys = 20},
    .timeouts = {.request_ms = 60 * 1000,
                 .connect_ms = 10 * 1000,
                 .first_byte_ms = 600 * 1000,
                 .idle_ms = 300 * 1000,
                 .total_ms = 3600 * 1000,
                 .grace_ms = 30 * 1000,
                 .keep_alive_ms = 15 * 1000,
                 .look_ms = 400,
                 .hold_ms = 10 * 1000,
                 .first_sign_ms = 15 * 1000},
    .log = {.level = LOG_LEVEL_INFO, .destination = "stderr", .access = "stderr"},
    .http = {.http2 = true, .h2_connections = 64},
    .responses = {.store_ms = 30LL * 24 * 3600 * 1000, .store_bytes = 1024LL * 1024 * 1024},
    .discovery_ms = 300 * 1000,
    .routing = {.max_attempts = 3,
                .strategy = STRATEGY_WEIGHTED,
                .affinity = true,
                .wait_ms = 5 * 1000,
                .cold_start_ms = 60 * 1000,
                .deadline_ms = 120 * 1000,
                .backoff_ms = 200,
                .cooldown_ms = 5 * 1000,
                .retry_after_max_ms = 300 * 1000,
                .breaker_failures = 5,
                .breaker_ms = 10 * 1000,
                .breaker_max_ms = 300 * 1000,
                .retry_minimum = 60,
                .retry_percent = 20},
    .scoreboard = {.targets = 1024, .processes = 256},
};

static struct config *config_new(void)
{
    struct arena *arena = arena_new(0);
    struct config *c = arena ? ARENA_NEW(arena, struct config) : NULL;

    if (!c) {
        arena_free(arena);
        return NULL;
    }
    arena_hold_secrets(arena);
    *c = defaults;
    c->arena = arena;
    crypto_random(&c->keys.seed, sizeof c->keys.seed);
    return c;
}

void config_free(struct config *c)
{
    if (c)
        arena_free(c->arena);
}

/* The file to read, NULL if none is named and none is there. */
static const char *choose_file(const char *file)
{
    const char *variable = getenv("CORELAY_CONFIG");

    if (file)
        return file;
    if (variable && *variable)
        return variable;
    return access(system_file, F_OK) == 0 ? system_file : NULL;
}

/* A file that cannot be read as JSON at all. */
static status report_file(struct reading *r, status s, int line, int column)
{
    if (s == E_NOT_FOUND)
        reading_error(r, NULL, "no such file; expected a configuration, see corelay.json(5)");
    else if (s == E_SYNTAX)
        reading_error(r, NULL, "line %d, column %d: not JSON", line, column);
    else if (s == E_LIMIT)
        reading_error(r, NULL, "more than %d bytes; expected a configuration", CONFIG_FILE_MAX);
    else
        reading_error(r, NULL, "%s", s == E_IO ? strerror(errno) : status_text(s));
    return s;
}

static status read_file(struct reading *r, const char *path)
{
    struct json *json = NULL;
    int line = 0, column = 0;

    r->file = path;
    r->config->file = reading_copy(r, path);
    status s = json_read_file(path, CONFIG_FILE_MAX, &json, &line, &column);
    if (s)
        return report_file(r, s, line, column);
    reading_remember_file(r, path);
    /* looked up ahead: it decides about every URL, wherever it stands */
    r->allow_plain =
        json_bool(json_get(json_get(json, "http"), "allow_plain_http"), r->allow_plain);
    key_table_read(r, json, NULL, &config_keys, r->config);
    json_free(json);
    return OK;
}

/* The seed looked at the top level only where there were no subaccounts. */
static void finish_accounts(struct reading *r)
{
    struct place at = {NULL, "service_key_json", 0};

    if (r->config->accounts && r->legacy && r->legacy->key)
        reading_warning(r, &at, "is ignored beside subAccounts");
    else if (r->legacy && r->legacy->key)
        account_append(r, r->legacy);
    if (!r->config->accounts && !r->accounts_attempted)
        environment_read_account(r);
}

static void assemble(struct reading *r)
{
    finish_accounts(r);
    if (!r->config->keys.first && !r->keys_attempted)
        environment_read_keys(r);
    environment_read_state_dir(r);
    r->config->http.connect_ms = r->config->timeouts.connect_ms;
    if (!r->no_memory)
        config_check(r);
}

status config_load(const char *file, struct config **out, struct buf *problems)
{
    struct reading r = {.config = config_new(), .problems = problems, .file = "environment"};
    const char *path = choose_file(file);
    status s = OK;

    *out = NULL;
    if (!r.config)
        return E_NOMEM;
    if (path)
        s = read_file(&r, path);
    if (!s)
        assemble(&r);
    if (!s && r.failed)
        s = E_SYNTAX;
    if (r.no_memory || arena_failed(r.config->arena)) /* what is missing may not be in the file */
        s = E_NOMEM;
    if (s)
        config_free(r.config);
    else
        *out = r.config;
    return s;
}

/* Settings that may change while running. See settings.h. */
#include "settings.h"

#include "json.h"

#include <limits.h>
#include <string.h>

struct settings settings = {
    .host = "127.0.0.1",
    .tls_port = -1,
    .token_ttl_s = 7199,
    .page_limit = 20,
    .log_bodies = true,
    .split_utf8 = true,
};

/* The changeable members as the command line set them. */
static struct {
    int quota_rpm, latency_ms, chunk_delay_ms, token_ttl_s, page_limit, converse_encoding;
    const char *sse_line_ending;
    bool log_bodies, split_utf8;
} frozen;

void settings_freeze(void)
{
    frozen.quota_rpm = settings.quota_rpm;
    frozen.latency_ms = settings.latency_ms;
    frozen.chunk_delay_ms = settings.chunk_delay_ms;
    frozen.token_ttl_s = settings.token_ttl_s;
    frozen.page_limit = settings.page_limit;
    frozen.converse_encoding = settings.converse_encoding;
    frozen.sse_line_ending = settings.sse_line_ending;
    frozen.log_bodies = settings.log_bodies;
    frozen.split_utf8 = settings.split_utf8;
}

void settings_restore(void)
{
    settings.quota_rpm = frozen.quota_rpm;
    settings.latency_ms = frozen.latency_ms;
    settings.chunk_delay_ms = frozen.chunk_delay_ms;
    settings.token_ttl_s = frozen.token_ttl_s;
    settings.page_limit = frozen.page_limit;
    settings.converse_encoding = frozen.converse_encoding;
    settings.sse_line_ending = frozen.sse_line_ending;
    settings.log_bodies = frozen.log_bodies;
    settings.split_utf8 = frozen.split_utf8;
}

static bool take_number(const cJSON *item, const char *name, int min, atomic_int *out)
{
    if (strcmp(item->string, name))
        return false;
    if (!cJSON_IsNumber(item) || item->valuedouble < min || item->valuedouble > INT_MAX)
        return false;
    *out = item->valueint;
    return true;
}

static bool take_bool(const cJSON *item, const char *name, atomic_bool *out)
{
    if (strcmp(item->string, name) || !cJSON_IsBool(item))
        return false;
    *out = cJSON_IsTrue(item);
    return true;
}

static bool take_encoding(const cJSON *item)
{
    static const char *const names[] = {"python", "json", "eventstream"};
    int i;

    if (strcmp(item->string, "converse_encoding") || !cJSON_IsString(item))
        return false;
    for (i = 0; i < 3; i++) {
        if (!strcmp(item->valuestring, names[i])) {
            settings.converse_encoding = i;
            return true;
        }
    }
    return false;
}

static bool take_line_ending(const cJSON *item)
{
    if (strcmp(item->string, "sse_line_ending"))
        return false;
    if (cJSON_IsNull(item))
        settings.sse_line_ending = NULL;
    else if (cJSON_IsString(item) && !strcmp(item->valuestring, "lf"))
        settings.sse_line_ending = "\n";
    else if (cJSON_IsString(item) && !strcmp(item->valuestring, "crlf"))
        settings.sse_line_ending = "\r\n";
    else
        return false;
    return true;
}

const char *settings_apply(const cJSON *changes)
{
    const cJSON *item;

    cJSON_ArrayForEach(item, changes)
    {
        if (!take_number(item, "quota_rpm", 0, &settings.quota_rpm) &&
            !take_number(item, "latency_ms", 0, &settings.latency_ms) &&
            !take_number(item, "chunk_delay_ms", 0, &settings.chunk_delay_ms) &&
            !take_number(item, "token_ttl_s", 0, &settings.token_ttl_s) &&
            !take_number(item, "page_limit", 1, &settings.page_limit) &&
            !take_bool(item, "log_bodies", &settings.log_bodies) &&
            !take_bool(item, "split_utf8", &settings.split_utf8) && !take_encoding(item) &&
            !take_line_ending(item))
            return item->string;
    }
    return NULL;
}

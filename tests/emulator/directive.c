/*
 * Directives in the user's text, {{emu: ...}}. See README.md for the grammar. What cannot be
 * understood is skipped, so that any text is safe.
 */
#include "answer.h"
#include "json.h"

#include <stdlib.h>
#include <string.h>

static const char opening[] = "{{emu:";

static const char *skip_space(const char *at)
{
    while (*at == ' ' || *at == '\n')
        at++;
    return at;
}

/* tool NAME {args}}} : returns the place after the directive. */
static const char *read_tool(struct pool *pool, const char *at, struct plan *plan)
{
    const char *end = NULL;
    size_t name_len = strcspn(at, " {}\n");
    struct wanted_call call = {pool_copy(pool, at, name_len), "{}"};
    cJSON *args;

    at = skip_space(at + name_len);
    if (*at == '{') {
        args = pool_keep(pool, cJSON_ParseWithOpts(at, &end, false));
        if (!args)
            return at;
        call.args = json_text(pool, args);
        at = end;
    }
    if (name_len && plan->call_count < 32)
        plan->calls[plan->call_count++] = call;
    return at;
}

static void read_stop(const char *word, struct plan *plan)
{
    if (!strcmp(word, "length"))
        plan->stop = STOP_LENGTH;
    else if (!strcmp(word, "filter"))
        plan->stop = STOP_FILTER;
    else if (!strcmp(word, "refusal"))
        plan->stop = STOP_REFUSAL;
}

static void read_pair(const char *key, const char *value, struct plan *plan)
{
    long number = strtol(value, NULL, 10);

    if (number < 0 || number > 100 * 1000 * 1000)
        number = 0;
    if (!strcmp(key, "chunks"))
        plan->chunks = (int)number;
    else if (!strcmp(key, "delay_ms"))
        plan->delay_ms = (int)number;
    else if (!strcmp(key, "bytes"))
        plan->bytes = (size_t)number;
    else if (!strcmp(key, "stop"))
        read_stop(value, plan);
    else if (!strcmp(key, "error") && number >= 400 && number < 600)
        plan->error_status = (unsigned)number;
    else if (!strcmp(key, "at"))
        plan->error_mid = !strcmp(value, "mid");
    else if (!strcmp(key, "redact"))
        plan->redact = true;
}

/* key=value pairs up to }}. */
static void read_pairs(struct pool *pool, const char *at, const char *end, struct plan *plan)
{
    while (at < end) {
        size_t len = strcspn(at, " \n}"), eq;
        if (at + len > end)
            len = (size_t)(end - at);
        eq = strcspn(at, "=");
        if (eq < len)
            read_pair(pool_copy(pool, at, eq), pool_copy(pool, at + eq + 1, len - eq - 1), plan);
        else if (len)
            read_pair(pool_copy(pool, at, len), "1", plan);
        at += len + 1;
    }
}

static const char *read_one(struct pool *pool, const char *at, struct plan *plan)
{
    const char *end;

    at = skip_space(at);
    if (!strncmp(at, "tool ", 5))
        return read_tool(pool, skip_space(at + 5), plan);
    end = strstr(at, "}}");
    if (!end)
        return at;
    if (!strncmp(at, "text=", 5))
        plan->text = pool_copy(pool, at + 5, (size_t)(end - at - 5));
    else if (!strncmp(at, "think=", 6))
        plan->think = pool_copy(pool, at + 6, (size_t)(end - at - 6));
    else
        read_pairs(pool, at, end, plan);
    return end + 2;
}

void directives_read(struct pool *pool, const char *text, struct plan *plan)
{
    while ((text = strstr(text, opening)))
        text = read_one(pool, text + sizeof opening - 1, plan);
}

/* The endpoint table. */
#include "exchange/endpoint.h"

#include "base/crypto.h"

#define CHAT      &dialect_openai_chat
#define RESPONSES &dialect_openai_responses
#define MESSAGES  &dialect_anthropic_messages

static const struct endpoint endpoints[] = {
    {"v1/chat/completions", METHOD_POST, ENDPOINT_CHAT, CHAT, false},
    {"openai/deployments/{model}/chat/completions", METHOD_POST, ENDPOINT_CHAT, CHAT, false},
    {"chat/completions", METHOD_POST, ENDPOINT_CHAT, CHAT, false},
    {"v1/responses", METHOD_POST, ENDPOINT_CHAT, RESPONSES, false},
    {"responses", METHOD_POST, ENDPOINT_CHAT, RESPONSES, false},
    {"v1/messages", METHOD_POST, ENDPOINT_CHAT, MESSAGES, false},
    {"v1/messages/count_tokens", METHOD_POST, ENDPOINT_COUNT_TOKENS, MESSAGES, false},
    {"v1/embeddings", METHOD_POST, ENDPOINT_EMBEDDINGS, CHAT, false},
    {"openai/deployments/{model}/embeddings", METHOD_POST, ENDPOINT_EMBEDDINGS, CHAT, false},
    {"embeddings", METHOD_POST, ENDPOINT_EMBEDDINGS, CHAT, false},
    {"v1/models", METHOD_GET, ENDPOINT_MODEL_LIST, NULL, false},
    {"v1/models/{model...}", METHOD_GET, ENDPOINT_MODEL, NULL, false},
    {"models", METHOD_GET, ENDPOINT_MODEL_LIST, NULL, false},
    {"health", METHOD_GET, ENDPOINT_HEALTH, NULL, true},
    {"health/ready", METHOD_GET, ENDPOINT_READY, NULL, true},
};

static const struct endpoint root_endpoint = {"", METHOD_GET, ENDPOINT_ROOT, NULL, true};

struct str endpoint_decode(struct arena *arena, struct str s)
{
    char *out;
    size_t n = 0;
    uint8_t byte;

    if (!s.n || !memchr(s.p, '%', s.n))
        return s;
    out = arena_alloc(arena, s.n + 1);
    if (!out)
        return STR_NONE;
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] == '%' && s.n - i > 2 && crypto_unhex(str_slice(s, i + 1, i + 3), &byte, 1)) {
            out[n++] = (char)byte;
            i += 2;
        } else {
            out[n++] = s.p[i];
        }
    }
    return (struct str){out, n};
}

/* Does the whole of `path` fit the row? */
static bool fits(struct str path, const char *pattern, struct str *model)
{
    struct str want = str_from(pattern);

    while (want.n && path.n) {
        struct str segment = str_cut(&want, '/');
        if (str_is(segment, "{model...}")) {
            *model = path;
            return true;
        }
        struct str have = str_cut(&path, '/');
        if (str_is(segment, "{model}"))
            *model = have;
        else if (!str_eq(have, segment))
            return false;
    }
    return !want.n && !path.n;
}

static struct str strip_slashes(struct str path)
{
    while (path.n && path.p[0] == '/')
        path = str_slice(path, 1, path.n);
    while (path.n && path.p[path.n - 1] == '/')
        path.n--;
    return path;
}

status endpoint_find(struct arena *arena, struct str path, bool root, struct endpoint_match *out)
{
    *out = (struct endpoint_match){NULL, STR_NONE};
    path = strip_slashes(path);
    if (root || path.n == 0) {
        out->endpoint = &root_endpoint;
        return OK;
    }
    for (struct str rest = path; rest.n; str_cut(&rest, '/')) {
        for (size_t i = 0; i < sizeof endpoints / sizeof endpoints[0]; i++) {
            struct str model = STR_NONE;
            if (!fits(rest, endpoints[i].path, &model))
                continue;
            out->endpoint = &endpoints[i];
            out->model = endpoint_decode(arena, model);
            return model.n && !out->model.p ? E_NOMEM : OK;
        }
    }
    return OK;
}

const char *endpoint_allow(const struct endpoint *e)
{
    return e->methods & METHOD_POST ? "POST, OPTIONS" : "GET, HEAD, OPTIONS";
}

struct str endpoint_query(struct arena *arena, struct str query, const char *name)
{
    while (query.n) {
        struct str value = str_cut(&query, '&');
        struct str key = str_cut(&value, '=');
        if (str_is(key, name))
            return endpoint_decode(arena, value);
    }
    return STR_NONE;
}

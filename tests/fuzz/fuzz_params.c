/* Any lines as the variables of a FastCGI request: what is found lies within them, and nobody gets
   in without a key. */
#include <stdint.h>
#include <stdlib.h>

#include "../../fcgi/params.h"
#include "exchange/endpoint.h"
#include "gate/api_key.h"
#include "gate/client.h"

enum { LINES = 64, BYTES = 1 << 16 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool held)
{
    if (!held)
        abort();
}

static bool within(struct str s, const char *text, size_t n)
{
    return !s.n || (s.p >= text && s.p + s.n <= text + n);
}

/* Terminated lines, as libfcgi hands them over. */
static void cut_lines(char *text, size_t size, char **env)
{
    size_t count = 0;

    env[count++] = text;
    for (size_t i = 0; i < size && count < LINES; i++)
        if (text[i] == '\n') {
            text[i] = '\0';
            env[count++] = text + i + 1;
        }
    env[count] = NULL;
}

static void check_key(char *const *env, const struct exchange_request *r, struct arena *arena)
{
    struct api_key key = {.name = "k"};
    struct api_keys keys = {0};
    const struct api_key *found = NULL;
    struct api_key_claims claims = {
        .authorization = params_header(env, "AUTHORIZATION"),
        .x_api_key = params_header(env, "X_API_KEY"),
        .api_key = params_header(env, "API_KEY"),
        .x_goog_api_key = params_header(env, "X_GOOG_API_KEY"),
        .query = endpoint_query(arena, r->query, "key"),
    };

    api_key_hash(STR("a key that no fuzzer finds: 8d6f1c"), key.hash);
    must(!api_keys_add(&keys, &key));
    must(api_key_check(&keys, &claims, &found) != API_KEY_GOOD && !found);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char text[BYTES + 1];
    char *env[LINES + 1];
    struct exchange_request r = {0};
    struct endpoint_match match;
    struct arena *arena = arena_new(0);
    size_t n = size < BYTES ? size : BYTES;

    memcpy(text, data, n);
    text[n] = '\0';
    cut_lines(text, n, env);
    params_fill(env, &r);
    must(within(r.path, text, n + 1) && within(r.query, text, n + 1) && r.method);
    must(params_size(env) <= n + 1 + LINES && params_length(env) >= -2);
    must(endpoint_find(arena, r.path, r.root, &match) == OK);
    check_key(env, &r, arena);
    must(client_recognise(params_header(env, "USER_AGENT"), params_header(env, "X_CLIENT_NAME")) !=
         NULL);
    arena_free(arena);
    return 0;
}

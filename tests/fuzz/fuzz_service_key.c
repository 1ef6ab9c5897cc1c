/* Any bytes as a service key: a whole key results, or problems that begin with their place. */
#include <stdio.h>
#include <stdlib.h>

#include "aicore/service_key.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    struct arena *arena = arena_new(0);
    struct buf problems = {0};
    struct json *json = NULL;

    if (json_parse((struct str){(const char *)bytes, n}, &json, NULL, NULL) == OK) {
        struct service_key *key = service_key_parse(arena, json, "where", &problems);
        if (key && !(key->client_id && key->token_url && key->api_url && key->id[15]))
            abort();
        if (!key && !str_starts(buf_str(&problems), "where: "))
            abort();
    }
    json_free(json);
    buf_free(&problems);
    arena_free(arena);
    return 0;
}

/* Any bytes as the body of an error: it has a kind and a text, is told in each dialect as JSON, and
   our own credentials' trouble never looks like the caller's. */
#include <stdint.h>
#include <stdlib.h>

#include "dialect/dialect.h"
#include "family/upstream_error.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool held)
{
    if (!held)
        abort();
}

static void tell(struct arena *arena, const struct chat_error *err)
{
    static const struct dialect *const dialects[] = {
        &dialect_openai_chat, &dialect_openai_responses, &dialect_anthropic_messages,
        &dialect_gemini_generate};

    for (size_t i = 0; i < sizeof dialects / sizeof *dialects; i++) {
        struct buf out = {0};
        struct jspan *tree;
        dialects[i]->error(err, STR("req_1"), &out);
        must(jspan_parse(arena, buf_str(&out), &tree, NULL) == OK);
        buf_clear(&out);
        dialects[i]->stream_error(err, STR("req_1"), &out);
        must(str_find(buf_str(&out), "data: ") < out.n && str_ends(buf_str(&out), "\n"));
        buf_free(&out);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const int statuses[] = {400, 401, 403, 404, 408, 413, 422, 424, 429, 500, 502, 503, 504};
    struct str body = {(const char *)data, size};

    for (size_t i = 0; i < sizeof statuses / sizeof *statuses; i++) {
        struct arena *arena = arena_new(0);
        struct chat_error err = {0};
        struct jspan *tree;
        upstream_error_parse(arena, statuses[i], body, &err);
        must(err.kind && err.message.n > 0 && err.http_status >= 400);
        must((statuses[i] != 401 && statuses[i] != 403) || err.http_status == 502);
        tell(arena, &err);
        if (i == 0 && jspan_parse(arena, body, &tree, NULL) == OK &&
            upstream_error_in(arena, tree, &err))
            tell(arena, &err);
        arena_free(arena);
    }
    return 0;
}

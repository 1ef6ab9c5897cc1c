/* Which endpoint a path means, wherever the gateway is mounted. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "dialect/anthropic_messages.h"
#include "dialect/openai_chat.h"
#include "exchange/endpoint.h"

static struct arena *arena;

static int set_up(void **state)
{
    (void)state;
    arena = arena_new(0);
    return arena ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    arena_free(arena);
    return 0;
}

enum { NONE = -1 };

static const struct {
    const char *path;
    int kind;
    const char *model; /* or id */
} rows[] = {
    {"/v1/chat/completions", ENDPOINT_CHAT, NULL},
    {"/v1/chat/completions/", ENDPOINT_CHAT, NULL},
    {"/v1/chat/completions//", ENDPOINT_CHAT, NULL},
    {"//v1/chat/completions", ENDPOINT_CHAT, NULL},
    {"/chat/completions", ENDPOINT_CHAT, NULL},
    {"/ai/v1/chat/completions", ENDPOINT_CHAT, NULL},
    {"/a/b/c/v1/chat/completions", ENDPOINT_CHAT, NULL},
    {"/corelay.fcgi/v1/chat/completions", ENDPOINT_CHAT, NULL},
    {"/v1/v1/messages", ENDPOINT_CHAT, NULL},
    {"/v1/responses", ENDPOINT_CHAT, NULL},
    {"/openai/responses/", ENDPOINT_CHAT, NULL},
    {"/v1/responses/compact", ENDPOINT_COMPACT, NULL},
    {"/responses/compact", ENDPOINT_COMPACT, NULL},
    {"/v1/responses/resp_1", ENDPOINT_RESPONSE, "resp_1"},
    {"/ai/openai/v1/responses/resp%5F1/", ENDPOINT_RESPONSE, "resp_1"},
    {"/openai/responses/resp_1/cancel", ENDPOINT_RESPONSE, "resp_1"},
    {"/responses/a%2Fb/input_items", ENDPOINT_RESPONSE, "a/b"},
    {"/v1/responses/resp_1/output_items", NONE, NULL},
    {"/v1/messages/count_tokens", ENDPOINT_COUNT_TOKENS, NULL},
    {"/ai/v1/messages/count_tokens/", ENDPOINT_COUNT_TOKENS, NULL},
    {"/openai/deployments/gpt-4o/chat/completions", ENDPOINT_CHAT, "gpt-4o"},
    {"/ai/openai/deployments/gpt-4o/chat/completions", ENDPOINT_CHAT, "gpt-4o"},
    {"/openai/deployments/gpt%2D4o/embeddings", ENDPOINT_EMBEDDINGS, "gpt-4o"},
    {"/openai/deployments/a%2Fb/chat/completions", ENDPOINT_CHAT, "a/b"},
    {"/openai/deployments/a%3ab/chat/completions", ENDPOINT_CHAT, "a:b"},
    {"/v1/embeddings", ENDPOINT_EMBEDDINGS, NULL},
    {"/embeddings", ENDPOINT_EMBEDDINGS, NULL},
    {"/v1/models", ENDPOINT_MODEL_LIST, NULL},
    {"/v1/models/", ENDPOINT_MODEL_LIST, NULL},
    {"/models", ENDPOINT_MODEL_LIST, NULL},
    {"/ai/models", ENDPOINT_MODEL_LIST, NULL},
    {"/v1/models/gpt-4o", ENDPOINT_MODEL, "gpt-4o"},
    {"/v1/models/gpt-4o/", ENDPOINT_MODEL, "gpt-4o"},
    {"/ai/v1/models/anthropic/claude", ENDPOINT_MODEL, "anthropic/claude"},
    {"/v1/models/anthropic%2Fclaude%3A1", ENDPOINT_MODEL, "anthropic/claude:1"},
    {"/v1/models/a%25b", ENDPOINT_MODEL, "a%b"},
    {"/v1/models/a%252Fb", ENDPOINT_MODEL, "a%2Fb"}, /* undone once */
    {"/v1/models/a%2", ENDPOINT_MODEL, "a%2"},
    {"/v1/models/%zz%", ENDPOINT_MODEL, "%zz%"},
    {"/v1/models/models", ENDPOINT_MODEL, "models"},
    {"/v1/models/health", ENDPOINT_MODEL, "health"},
    {"/v1beta/models", ENDPOINT_MODEL_LIST, NULL},
    {"/v1beta/models/gemini-2.5-pro", ENDPOINT_MODEL, "gemini-2.5-pro"},
    {"/v1beta/models/a--b.c/d:generateContent", ENDPOINT_CHAT, "a--b.c/d"},
    {"/ai/v1beta/models/m:streamGenerateContent", ENDPOINT_CHAT, "m"},
    {"/v1/models/m%3AstreamGenerateContent", ENDPOINT_CHAT, "m"},
    {"/v1alpha/models/m%3agenerateContent/", ENDPOINT_CHAT, "m"},
    {"/v1beta/models/a:1:generateContent", ENDPOINT_CHAT, "a:1"},
    {"/v1beta/models/a%2Fb:countTokens", ENDPOINT_COUNT_TOKENS, "a/b"},
    {"/v1beta/models/m:embedContent", ENDPOINT_EMBEDDINGS, "m"},
    {"/v1beta/models/m:batchEmbedContents", ENDPOINT_EMBEDDINGS, "m"},
    {"/v1beta1/projects/p/locations/l/publishers/google/models/m:generateContent", ENDPOINT_CHAT,
     "m"},
    {"/v1beta/models/generateContent", ENDPOINT_MODEL, "generateContent"},
    {"/v1beta/models/:generateContent", ENDPOINT_MODEL, ":generateContent"},
    {"/v1beta/models/m:xgenerateContent", ENDPOINT_MODEL, "m:xgenerateContent"},
    {"/v1beta/openai/chat/completions", ENDPOINT_CHAT, NULL},
    {"/health", ENDPOINT_HEALTH, NULL},
    {"/ai/health", ENDPOINT_HEALTH, NULL},
    {"/health/ready", ENDPOINT_READY, NULL},
    {"/", ENDPOINT_ROOT, NULL},
    {"", ENDPOINT_ROOT, NULL},
    {"///", ENDPOINT_ROOT, NULL},
    {"/v1", NONE, NULL},
    {"/v1/", NONE, NULL},
    {"/v1/chat", NONE, NULL},
    {"/v1/messages/count_tokens/more", NONE, NULL},
    {"/v1/messagesx", NONE, NULL},
    {"/xhealth", NONE, NULL},
    {"/health/ready/x", NONE, NULL},
    {"/v1/Messages", NONE, NULL},
    {"/v1%2Fmessages", NONE, NULL}, /* an encoded slash is no separator */
    {"/openai/deployments/a/b/chat", NONE, NULL},
    {"/favicon.ico", NONE, NULL},
};

static void paths(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct endpoint_match m;
        assert_int_equal(endpoint_find(arena, str_from(rows[i].path), false, &m), OK);
        if ((m.endpoint ? (int)m.endpoint->kind : NONE) != rows[i].kind)
            fail_msg("%s is taken for %s", rows[i].path, m.endpoint ? m.endpoint->path : "nothing");
        struct str taken = rows[i].kind == ENDPOINT_RESPONSE ? m.id : m.model;
        if (!str_is(taken, rows[i].model ? rows[i].model : ""))
            fail_msg("%s: model or id %.*s", rows[i].path, STR_ARG(taken));
        assert_true((taken.p != NULL) == (rows[i].model != NULL));
    }
}

static const struct endpoint *find(const char *path)
{
    struct endpoint_match m;

    assert_int_equal(endpoint_find(arena, str_from(path), false, &m), OK);
    assert_non_null(m.endpoint);
    return m.endpoint;
}

static const char *allow_text(const char *path)
{
    return endpoint_allow(arena, find(path)).p;
}

static void rows_say_what_they_are(void **state)
{
    (void)state;
    assert_ptr_equal(find("/v1/chat/completions")->dialect, &dialect_openai_chat);
    assert_ptr_equal(find("/v1/messages")->dialect, &dialect_anthropic_messages);
    assert_ptr_equal(find("/v1/messages/count_tokens")->dialect, &dialect_anthropic_messages);
    assert_ptr_equal(find("/v1/embeddings")->dialect, &dialect_openai_chat);
    assert_ptr_equal(find("/v1/embeddings")->embed, &embed_openai);
    assert_ptr_equal(find("/v1beta/models/m:embedContent")->embed, &embed_gemini_one);
    assert_ptr_equal(find("/v1beta/models/m:batchEmbedContents")->embed, &embed_gemini_batch);
    assert_ptr_equal(find("/v1/models/m:generateContent")->dialect, &dialect_gemini_generate);
    assert_int_equal(find("/v1/models/m:generateContent")->stream, STREAM_NEVER);
    assert_int_equal(find("/v1/models/m:streamGenerateContent")->stream, STREAM_ALWAYS);
    assert_int_equal(find("/v1/messages")->stream, STREAM_BY_BODY);
    assert_null(find("/v1/models")->dialect);
    assert_string_equal(allow_text("/v1/messages"), "POST, OPTIONS");
    assert_string_equal(allow_text("/v1/models"), "GET, HEAD, OPTIONS");
    assert_string_equal(allow_text("/v1/responses/r"), "GET, HEAD, DELETE, OPTIONS");
    assert_string_equal(allow_text("/v1/responses/r/cancel"), "POST, OPTIONS");
    assert_string_equal(find("/v1/responses/r/cancel")->below, "/cancel");
    assert_null(find("/v1/responses/r")->below);
    assert_string_equal(allow_text("/"), "GET, HEAD, OPTIONS");
}

/* Only what tells nothing may be asked without a key. */
static void few_are_open(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        bool harmless = rows[i].kind == ENDPOINT_HEALTH || rows[i].kind == ENDPOINT_READY ||
                        rows[i].kind == ENDPOINT_ROOT;
        if (rows[i].kind != NONE)
            assert_int_equal(find(rows[i].path)->open, harmless);
    }
}

static void the_mount_point_is_the_root(void **state)
{
    struct endpoint_match m;

    (void)state;
    assert_int_equal(endpoint_find(arena, STR("/ai/models"), true, &m), OK);
    assert_int_equal(m.endpoint->kind, ENDPOINT_ROOT);
    assert_int_equal(endpoint_find(arena, STR_NONE, false, &m), OK);
    assert_int_equal(m.endpoint->kind, ENDPOINT_ROOT);
}

static void memory_may_end(void **state)
{
    struct arena *small = arena_new(8);
    struct endpoint_match m;

    (void)state;
    assert_int_equal(endpoint_find(small, STR("/v1/models/a%2Fb"), false, &m), E_NOMEM);
    assert_int_equal(endpoint_find(small, STR("/v1/models/ab"), false, &m), OK);
    arena_free(small);
}

static void decodes(void **state)
{
    (void)state;
    assert_true(str_is(endpoint_decode(arena, STR("a%20b%41")), "a bA"));
    assert_true(str_is(endpoint_decode(arena, STR("%")), "%"));
    assert_true(str_is(endpoint_decode(arena, STR("%4")), "%4"));
    assert_true(str_is(endpoint_decode(arena, (struct str){"%41", 2}), "%4"));
    assert_true(str_is(endpoint_decode(arena, STR("%g0%0g")), "%g0%0g"));
    assert_true(str_is(endpoint_decode(arena, STR("%%41")), "%A"));
    assert_true(str_is(endpoint_decode(arena, STR("a+b")), "a+b"));
    assert_true(str_eq(endpoint_decode(arena, STR("%00")), STR("\0")));
    assert_true(str_is(endpoint_decode(arena, STR("%e2%82%AC")), "\xe2\x82\xac"));
    assert_true(str_is(endpoint_decode(arena, STR("a%ffb%c0%af")), "a?b??"));
    assert_true(str_is(endpoint_decode(arena, STR("raw \xff")), "raw ?"));
    assert_null(endpoint_decode(arena, STR_NONE).p);
}

static void queries(void **state)
{
    const struct str query = STR("api-version=1&key=a%3Db=c&flag&empty=&key=second&keyx=3&=4");

    (void)state;
    assert_true(str_is(endpoint_query(arena, query, "api-version"), "1"));
    assert_true(str_is(endpoint_query(arena, query, "key"), "a=b=c"));
    assert_true(str_is(endpoint_query(arena, query, "keyx"), "3"));
    assert_int_equal(endpoint_query(arena, query, "flag").n, 0);
    assert_non_null(endpoint_query(arena, query, "empty").p);
    assert_null(endpoint_query(arena, query, "absent").p);
    assert_null(endpoint_query(arena, STR_NONE, "key").p);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(paths),   TEST(rows_say_what_they_are),      TEST(few_are_open),
        TEST(decodes), TEST(the_mount_point_is_the_root), TEST(memory_may_end),
        TEST(queries),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The lists of models, byte for byte, and their paging. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/arena.h"
#include "dialect/models.h"

static const struct models_entry entries[] = {
    {.id = {"a", 1}, .created = 1700000000},
    {.id = {"b", 1},
     .display_name = {"B!", 2},
     .owned_by = {"acme", 4},
     .created = 0,
     .context_length = 200000,
     .max_output = 8192},
    {.id = {"c", 1}},
    {.id = {"d", 1}},
};

static void check(struct buf *out, const char *expected)
{
    buf_add_char(out, '\0');
    assert_string_equal(out->p, expected);
    buf_free(out);
    *out = (struct buf){0};
}

static void lists_as_openai(void **state)
{
    struct buf out = {0};

    (void)state;
    models_openai_list(entries, 2, &out);
    check(&out, "{\"object\":\"list\",\"data\":[{\"id\":\"a\",\"object\":\"model\",\"created\":"
                "1700000000,\"owned_by\":\"sap-ai-core\"},{\"id\":\"b\",\"object\":\"model\","
                "\"created\":0,\"owned_by\":\"acme\",\"context_length\":200000,"
                "\"max_output_tokens\":8192}]}");
    models_openai_list(NULL, 0, &out);
    check(&out, "{\"object\":\"list\",\"data\":[]}");
    models_openai_one(&entries[0], &out);
    check(&out, "{\"id\":\"a\",\"object\":\"model\",\"created\":1700000000,\"owned_by\":"
                "\"sap-ai-core\"}");
}

static void lists_as_anthropic(void **state)
{
    struct buf out = {0};

    (void)state;
    models_anthropic_list(entries, 2, 0, STR_NONE, STR_NONE, &out);
    check(&out, "{\"data\":[{\"type\":\"model\",\"id\":\"a\",\"display_name\":\"a\","
                "\"created_at\":\"2023-11-14T22:13:20.000Z\"},{\"type\":\"model\",\"id\":\"b\","
                "\"display_name\":\"B!\",\"created_at\":\"1970-01-01T00:00:00.000Z\","
                "\"max_input_tokens\":200000,\"max_tokens\":8192}],\"has_more\":false,"
                "\"first_id\":\"a\",\"last_id\":\"b\"}");
    models_anthropic_list(NULL, 0, 0, STR_NONE, STR_NONE, &out);
    check(&out, "{\"data\":[],\"has_more\":false,\"first_id\":null,\"last_id\":null}");
    models_anthropic_one(&entries[2], &out);
    check(&out, "{\"type\":\"model\",\"id\":\"c\",\"display_name\":\"c\",\"created_at\":"
                "\"1970-01-01T00:00:00.000Z\"}");
}

static void lists_as_gemini(void **state)
{
    const struct models_entry embeds = {.id = STR("e"), .embeds = true};
    struct buf out = {0};

    (void)state;
    models_gemini_list(entries, 2, 1, STR_NONE, &out);
    check(&out, "{\"models\":[{\"name\":\"models/a\",\"baseModelId\":\"a\",\"version\":"
                "\"001\",\"displayName\":\"a\",\"supportedGenerationMethods\":["
                "\"generateContent\",\"streamGenerateContent\",\"countTokens\"]}],"
                "\"nextPageToken\":\"b\"}");
    models_gemini_list(entries, 2, 1, STR("b"), &out);
    check(&out, "{\"models\":[{\"name\":\"models/b\",\"baseModelId\":\"b\",\"version\":"
                "\"001\",\"displayName\":\"B!\",\"inputTokenLimit\":200000,"
                "\"outputTokenLimit\":8192,\"supportedGenerationMethods\":[\"generateContent\","
                "\"streamGenerateContent\",\"countTokens\"]}]}");
    models_gemini_list(entries, 2, 0, STR("zz"), &out);
    check(&out, "{\"models\":[]}");
    models_gemini_one(&embeds, &out);
    check(&out, "{\"name\":\"models/e\",\"baseModelId\":\"e\",\"version\":\"001\","
                "\"displayName\":\"e\",\"supportedGenerationMethods\":[\"embedContent\","
                "\"batchEmbedContents\"]}");
}

static void pages_both_ways(void **state)
{
    static const struct {
        int64_t limit;
        const char *after, *before, *first, *last;
        bool more;
    } rows[] = {
        {2, NULL, NULL, "a", "b", true},    {2, "b", NULL, "c", "d", false},
        {1, "b", NULL, "c", "c", true},     {2, "d", NULL, NULL, NULL, false},
        {2, "zz", NULL, NULL, NULL, false}, {2, NULL, "d", "b", "c", true},
        {2, NULL, "b", "a", "a", false},    {2, NULL, "zz", NULL, NULL, false},
        {0, NULL, NULL, "a", "d", false},   {5000, NULL, NULL, "a", "d", false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct buf out = {0}, want = {0};
        models_anthropic_list(entries, 4, rows[i].limit, str_from(rows[i].after),
                              str_from(rows[i].before), &out);
        buf_printf(&want, "\"has_more\":%s", rows[i].more ? "true" : "false");
        if (rows[i].first)
            buf_printf(&want, ",\"first_id\":\"%s\",\"last_id\":\"%s\"}", rows[i].first,
                       rows[i].last);
        else
            buf_add_cstr(&want, ",\"first_id\":null,\"last_id\":null}");
        buf_add_char(&want, '\0');
        assert_true(str_ends(buf_str(&out), want.p));
        buf_free(&out);
        buf_free(&want);
    }
}

static void shows_a_thousand_at_most(void **state)
{
    static struct models_entry many[1001];
    struct buf out = {0};

    (void)state;
    for (size_t i = 0; i < 1001; i++)
        many[i].id = STR("x");
    many[999].id = STR("last");
    models_anthropic_list(many, 1001, 1 << 20, STR_NONE, STR_NONE, &out);
    assert_true(
        str_ends(buf_str(&out), "\"has_more\":true,\"first_id\":\"x\",\"last_id\":\"last\"}"));
    buf_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lists_as_openai),          cmocka_unit_test(lists_as_anthropic),
        cmocka_unit_test(lists_as_gemini),          cmocka_unit_test(pages_both_ways),
        cmocka_unit_test(shows_a_thousand_at_most),
    };

    return cmocka_run_group_tests_name("models", tests, NULL, NULL);
}

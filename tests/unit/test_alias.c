/* Other spellings of model names, and those that must not be taken for spellings. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "route/alias.h"

static const char *const deployed[] = {"anthropic--claude-4.5-sonnet",
                                       "anthropic--claude-4.5-haiku",
                                       "anthropic--claude-4.6-opus",
                                       "anthropic--claude-4-opus",
                                       "anthropic--claude-3.7-sonnet",
                                       "anthropic--claude-3.5-sonnet",
                                       "anthropic--claude-3-haiku",
                                       "gemini-2.5-pro",
                                       "gemini-2.5-flash",
                                       "gemini-2.5-flash-lite",
                                       "gemini-embedding",
                                       "gpt-5",
                                       "gpt-5-mini",
                                       "gpt-5.4",
                                       "gpt-4o",
                                       "gpt-4.1-nano",
                                       "gpt-35-turbo",
                                       "o3",
                                       "o3-mini",
                                       "amazon--nova-pro",
                                       "amazon--nova-lite",
                                       "amazon--titan-embed-text",
                                       "mistralai--mistral-large-instruct",
                                       "mistralai--mistral-small",
                                       "cohere--command-a-reasoning",
                                       "text-embedding-3-small",
                                       "sonar",
                                       "sonar-pro"};
enum { DEPLOYED = sizeof deployed / sizeof *deployed };

static struct str names[DEPLOYED];

static int set_up(void **state)
{
    (void)state;
    for (size_t i = 0; i < DEPLOYED; i++)
        names[i] = str_from(deployed[i]);
    return 0;
}

struct row {
    const char *asked, *meant; /* NULL: none */
};

static void check_rows(const struct row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct str got = alias_resolve(NULL, str_from(rows[i].asked), names, DEPLOYED);
        struct str meant = str_from(rows[i].meant);
        if (!str_eq(got, meant) || !got.p != !meant.p)
            fail_msg("%s: %.*s instead of %.*s", rows[i].asked, STR_ARG(got), STR_ARG(meant));
    }
}

static void test_spellings(void **state)
{
    static const struct row rows[] = {
        /* themselves */
        {"gpt-5", "gpt-5"},
        {"GPT-5", "gpt-5"},
        {"Anthropic--Claude-4.5-Sonnet", "anthropic--claude-4.5-sonnet"},
        /* Anthropic's own */
        {"claude-sonnet-4-5", "anthropic--claude-4.5-sonnet"},
        {"claude-sonnet-4-5-20250929", "anthropic--claude-4.5-sonnet"},
        {"claude-sonnet-4.5", "anthropic--claude-4.5-sonnet"},
        {"claude-4.5-sonnet", "anthropic--claude-4.5-sonnet"},
        {"claude-4-5-sonnet-latest", "anthropic--claude-4.5-sonnet"},
        {"claude-haiku-4-5-20251001", "anthropic--claude-4.5-haiku"},
        {"claude-3-7-sonnet-latest", "anthropic--claude-3.7-sonnet"},
        {"claude-3-7-sonnet-20250219", "anthropic--claude-3.7-sonnet"},
        {"claude-3-haiku-20240307", "anthropic--claude-3-haiku"},
        {"claude-opus-4-6", "anthropic--claude-4.6-opus"},
        {"claude-opus-4-6[1m]", "anthropic--claude-4.6-opus"},
        {"claude-opus-4-0", "anthropic--claude-4-opus"},
        {"claude-opus-4-20250514", "anthropic--claude-4-opus"},
        /* Bedrock's, Vertex's, OpenRouter's */
        {"anthropic.claude-3-5-sonnet-20241022-v2:0", "anthropic--claude-3.5-sonnet"},
        {"us.anthropic.claude-sonnet-4-5-20250929-v1:0", "anthropic--claude-4.5-sonnet"},
        {"global.anthropic.claude-opus-4-6-v1", "anthropic--claude-4.6-opus"},
        {"bedrock/eu.anthropic.claude-haiku-4-5-20251001-v1:0", "anthropic--claude-4.5-haiku"},
        {"claude-sonnet-4-5@20250929", "anthropic--claude-4.5-sonnet"},
        {"vertex_ai/claude-sonnet-4-5@20250929", "anthropic--claude-4.5-sonnet"},
        {"anthropic/claude-sonnet-4.5", "anthropic--claude-4.5-sonnet"},
        {"openrouter/anthropic/claude-opus-4.6", "anthropic--claude-4.6-opus"},
        {"sap/anthropic--claude-4.5-sonnet", "anthropic--claude-4.5-sonnet"},
        /* the seed's */
        {"4.5-sonnet", "anthropic--claude-4.5-sonnet"},
        {"3.7-sonnet", "anthropic--claude-3.7-sonnet"},
        {"4.6-opus", "anthropic--claude-4.6-opus"},
        {"gpt-o3-mini", "o3-mini"},
        /* Google's */
        {"models/gemini-2.5-pro", "gemini-2.5-pro"},
        {"google/gemini-2.5-pro", "gemini-2.5-pro"},
        {"publishers/google/models/gemini-2.5-flash", "gemini-2.5-flash"},
        {"gemini-2.5-pro-latest", "gemini-2.5-pro"},
        {"gemini-2.5-pro-001", "gemini-2.5-pro"},
        {"gemini-2.5-pro-preview-05-06", "gemini-2.5-pro"},
        {"gemini-2.5-pro-exp-03-25", "gemini-2.5-pro"},
        {"gemini-2.5-flash-preview-09-2025", "gemini-2.5-flash"},
        {"gemini-2.5-flash-lite-preview-06-17", "gemini-2.5-flash-lite"},
        {"gemini-embedding-001", "gemini-embedding"},
        /* OpenAI's */
        {"gpt-5-2025-08-07", "gpt-5"},
        {"openai/gpt-5", "gpt-5"},
        {"openai/gpt-5-mini-2025-08-07", "gpt-5-mini"},
        {"azure/gpt-4o", "gpt-4o"},
        {"gpt-4o-2024-08-06", "gpt-4o"},
        {"gpt-3.5-turbo", "gpt-35-turbo"},
        {"o3-2025-04-16", "o3"},
        /* Amazon's, Mistral's */
        {"amazon.nova-pro-v1:0", "amazon--nova-pro"},
        {"us.amazon.nova-lite-v1:0", "amazon--nova-lite"},
        {"nova-pro", "amazon--nova-pro"},
        {"amazon/nova-pro-v1", "amazon--nova-pro"},
        {"mistral-large-latest", "mistralai--mistral-large-instruct"},
        {"mistral-large-2407", "mistralai--mistral-large-instruct"},
        {"mistral/mistral-small-latest", "mistralai--mistral-small"},
        {"perplexity/sonar-pro", "sonar-pro"},
        /* with SAP's version */
        {"gpt-5:latest", "gpt-5"},
        {"gpt-4o:2024-08-06", "gpt-4o"},
        {"anthropic--claude-4.5-sonnet:1", "anthropic--claude-4.5-sonnet"},
        {"gemini-2.5-pro:001", "gemini-2.5-pro"},
    };

    (void)state;
    check_rows(rows, sizeof rows / sizeof *rows);
}

static void test_other_models(void **state)
{
    static const struct row rows[] = {
        {"", NULL},
        {"/", NULL},
        {"--", NULL},
        {":0", NULL},
        {"claude", NULL},
        {"sonnet", NULL},
        {"claude-sonnet-latest", NULL},
        {"claude-sonnet", NULL},
        {"claude-opus-4-5", NULL},
        {"claude-opus-4-1-20250805", NULL},
        {"claude-sonnet-4", NULL},
        {"claude-haiku-4-6", NULL},
        {"claude-3-5-haiku-latest", NULL},
        {"claude-sonnet-4-5-thinking", NULL},
        {"openai/claude-sonnet-4-5", NULL},
        {"gemini-2.5", NULL},
        {"gemini-flash-latest", NULL},
        {"gemini-2.0-flash", NULL},
        {"gemini-3-pro-preview", NULL},
        {"gemini-2.5-flash-image", NULL},
        {"gemini-2.5-flash-preview-tts", NULL},
        {"gpt-5.1", NULL},
        {"gpt-5-nano", NULL},
        {"gpt-4", NULL},
        {"gpt-4o-mini", NULL},
        {"gpt-5-chat-latest", NULL},
        {"gpt-4-turbo-2024-04-09", NULL},
        {"o1", NULL},
        {"o3-pro", NULL},
        {"nova-premier", NULL},
        {"amazon.nova-2-lite-v1:0", NULL},
        {"amazon.titan-embed-text-v2:0", NULL},
        {"mistral-medium-latest", NULL},
        {"acme--nova-pro", NULL},
        {"gpt-5:free", NULL},
        {"gpt-5\r\nX: y", NULL},
        {"text-embedding-3-large", NULL},
    };

    (void)state;
    check_rows(rows, sizeof rows / sizeof *rows);
}

static void test_snapshots(void **state)
{
    const struct str have[] = {STR("gpt-4o-2024-05-13"), STR("gpt-4o-2024-08-06")};
    const struct str both[] = {STR("gemini-3-pro-preview"), STR("gemini-3-pro")};

    (void)state;
    assert_true(str_eq(alias_resolve(NULL, STR("openai/gpt-4o-2024-05-13"), have, 2), have[0]));
    assert_true(str_eq(alias_resolve(NULL, STR("gpt-4o"), have, 2), have[1]));
    assert_null(alias_resolve(NULL, STR("gpt-4o-2024-11-20"), have, 2).p);
    assert_true(str_eq(alias_resolve(NULL, STR("gemini-3-pro-latest"), both, 2), both[1]));
    assert_true(str_eq(alias_resolve(NULL, STR("google/gemini-3-pro-preview"), both, 2), both[0]));
}

static void test_long_and_strange_names(void **state)
{
    char name[1000];

    (void)state;
    memset(name, 'a', sizeof name);
    for (size_t n = 0; n <= sizeof name; n += 13)
        assert_null(alias_resolve(NULL, (struct str){name, n}, names, DEPLOYED).p);
    memset(name, '-', sizeof name);
    memcpy(name, "4-sonnet-claude", 15);
    for (size_t n = 0; n <= ALIAS_NAME_MAX; n++) {
        struct str out[ALIAS_NEAREST];
        alias_resolve(NULL, (struct str){name, n}, names, DEPLOYED);
        alias_nearest((struct str){name, n}, names, DEPLOYED, out);
    }
    for (int c = 0; c < 256; c++) {
        name[0] = (char)c;
        alias_resolve(NULL, (struct str){name, 1}, names, DEPLOYED);
    }
}

static void check_nearest(const char *asked, const char *first)
{
    struct str out[ALIAS_NEAREST];
    size_t n = alias_nearest(str_from(asked), names, DEPLOYED, out);

    assert_in_range(n, 1, ALIAS_NEAREST);
    assert_string_equal(out[0].p, first);
}

static void test_nearest(void **state)
{
    struct str out[ALIAS_NEAREST];

    (void)state;
    check_nearest("gpt5", "gpt-5");
    check_nearest("gpt-5-min", "gpt-5-mini");
    check_nearest("claude-sonnet-4-6", "anthropic--claude-4.5-sonnet");
    check_nearest("gemini-2.5-prp", "gemini-2.5-pro");
    check_nearest("gemini-2.0-flash", "gemini-2.5-flash");
    assert_int_equal(alias_nearest(STR("claude-opus-4-5"), names, DEPLOYED, out), 3);
    assert_true(str_find(out[0], "claude") < out[0].n && str_find(out[1], "claude") < out[1].n);
    assert_int_equal(alias_nearest(STR("zzzzzzzzzzzz"), names, DEPLOYED, out), 0);
    assert_int_equal(alias_nearest(STR("gpt-5"), names, 0, out), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_spellings), cmocka_unit_test(test_other_models),
        cmocka_unit_test(test_snapshots), cmocka_unit_test(test_long_and_strange_names),
        cmocka_unit_test(test_nearest),
    };

    return cmocka_run_group_tests(tests, set_up, NULL);
}

/* The model table: names that exist, and names that may. */
#include "family/model.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

static struct family_model describe(const char *name)
{
    struct family_model m;

    model_describe(str_from(name), &m);
    assert_true(str_is(m.name, name));
    return m;
}

static void expect_traits(const char *name, unsigned with, unsigned without)
{
    struct family_model m = describe(name);

    if ((m.traits & with) != with || m.traits & without)
        print_error("%s has %x\n", name, m.traits);
    assert_int_equal(m.traits & with, with);
    assert_int_equal(m.traits & without, 0);
}

static void gpt(void **state)
{
    (void)state;
    expect_traits("gpt-4.1-nano", 0, MODEL_REASONING | MODEL_NO_STOP);
    expect_traits("gpt-4o", 0, MODEL_REASONING);
    expect_traits("gpt-5-chat", 0, MODEL_REASONING);
    expect_traits("gpt-5", MODEL_REASONING | MODEL_NO_STOP, MODEL_TOOLS_NO_EFFORT);
    expect_traits("gpt-5-mini", MODEL_REASONING, MODEL_TOOLS_NO_EFFORT | MODEL_RESPONSES_ONLY);
    expect_traits("gpt-5.1", MODEL_REASONING, MODEL_TOOLS_NO_EFFORT);
    expect_traits("gpt-5.2", MODEL_REASONING, MODEL_TOOLS_NO_EFFORT);
    expect_traits("gpt-5.3-codex", MODEL_RESPONSES_ONLY, 0);
    expect_traits("gpt-5.4", MODEL_REASONING | MODEL_TOOLS_NO_EFFORT, MODEL_RESPONSES_ONLY);
    expect_traits("gpt-5.4-nano", MODEL_TOOLS_NO_EFFORT, 0);
    expect_traits("gpt-5.10", MODEL_REASONING | MODEL_TOOLS_NO_EFFORT, 0);
    expect_traits("gpt-6", MODEL_REASONING | MODEL_TOOLS_NO_EFFORT, 0);
    expect_traits("o3-mini", MODEL_REASONING | MODEL_NO_PARALLEL | MODEL_NO_STOP, 0);
    expect_traits("o1", MODEL_REASONING | MODEL_NO_PARALLEL, MODEL_NO_STOP);
    assert_int_equal(describe("gpt-5.5").context, 1050000);
    assert_int_equal(describe("gpt-5.4-nano").context, 400000);
    assert_int_equal(describe("gpt-4.1").max_output, 32768);
}

static void claude(void **state)
{
    const unsigned newest = MODEL_ADAPTIVE | MODEL_ADAPTIVE_ONLY | MODEL_NO_SAMPLING |
                            MODEL_NO_PREFILL | MODEL_THINKING;

    (void)state;
    expect_traits("anthropic--claude-3.5-sonnet", 0, MODEL_THINKING);
    expect_traits("anthropic--claude-3.7-sonnet", MODEL_THINKING, MODEL_ADAPTIVE);
    expect_traits("anthropic--claude-4.5-haiku", MODEL_ONE_SAMPLING | MODEL_FORMAT_NATIVE,
                  MODEL_ADAPTIVE | MODEL_NO_PREFILL);
    expect_traits("anthropic--claude-4.6-sonnet", MODEL_ADAPTIVE | MODEL_NO_PREFILL,
                  MODEL_ADAPTIVE_ONLY | MODEL_NO_SAMPLING);
    expect_traits("anthropic--claude-4.6-opus", MODEL_ADAPTIVE | MODEL_NO_PREFILL,
                  MODEL_NO_SAMPLING);
    expect_traits("anthropic--claude-4.7-opus", newest, MODEL_FORMAT_NATIVE);
    expect_traits("anthropic--claude-4.8-opus", newest, MODEL_FORMAT_NATIVE);
    expect_traits("anthropic--claude-5-sonnet", newest, MODEL_FORMAT_NATIVE);
    assert_int_equal(describe("anthropic--claude-4.5-opus").context, 200000);
    assert_int_equal(describe("anthropic--claude-4.8-opus").context, 1000000);
}

static void others(void **state)
{
    (void)state;
    expect_traits("gemini-2.5-pro", MODEL_THINKING, MODEL_THINKING_LEVEL | MODEL_SIGNED_CALLS);
    expect_traits("gemini-2.5-flash:001", MODEL_THINKING, MODEL_SIGNED_CALLS);
    expect_traits("gemini-3.1-flash-lite", MODEL_THINKING_LEVEL | MODEL_SIGNED_CALLS, 0);
    expect_traits("gemini-4-pro", MODEL_THINKING_LEVEL | MODEL_SIGNED_CALLS, 0);
    expect_traits("gemini-embedding", 0, MODEL_THINKING);
    expect_traits("sonar", MODEL_NO_TOOLS, 0);
    expect_traits("sonar-pro", MODEL_NO_TOOLS, 0);
    assert_int_equal(describe("amazon--nova-lite").context, 300000);
    assert_int_equal(describe("text-embedding-3-small").context, 8192);
    assert_int_equal(describe("somebody--else").traits, 0);
    assert_int_equal(describe("somebody--else").context, 0);
    assert_int_equal(describe("").max_output, 0);
}

/* Nothing is built in that nobody vouches for. */
static void all_rows_have_evidence(void **state)
{
    size_t rows = 0;

    (void)state;
    for (const struct model_rule *r = model_rules_builtin(); r; r = r->next, rows++)
        if (!r->evidence || !r->date)
            fail_msg("%s (%s): no evidence, or no date", r->pattern, r->source);
    assert_true(rows > 50);
    assert_string_equal(describe("gpt-4o-mini").rule->pattern, "gpt-4o*");
    assert_null(describe("somebody--else").rule);
}

/* A row that a row before it covers whole is never reached. */
static void all_rows_can_be_reached(void **state)
{
    (void)state;
    for (const struct model_rule *r = model_rules_builtin(); r; r = r->next) {
        const struct model_rule *first = model_rules_builtin();
        while (!str_glob(str_from(r->pattern), first->pattern))
            first = first->next;
        if (first != r)
            fail_msg("%s stands behind %s", r->pattern, first->pattern);
    }
}

static enum chat_effort fit(const char *model, unsigned otherwise, enum chat_effort wanted)
{
    struct family_model m = describe(model);
    return model_fit_effort(&m, otherwise, wanted);
}

static void efforts(void **state)
{
    (void)state;
    assert_int_equal(fit("o3", 0, CHAT_EFFORT_MINIMAL), CHAT_EFFORT_LOW);
    assert_int_equal(fit("o3", 0, CHAT_EFFORT_MAX), CHAT_EFFORT_HIGH);
    assert_int_equal(fit("gpt-5", 0, CHAT_EFFORT_NONE), CHAT_EFFORT_MINIMAL);
    assert_int_equal(fit("gpt-5-pro", 0, CHAT_EFFORT_LOW), CHAT_EFFORT_HIGH);
    assert_int_equal(fit("gpt-5.2", 0, CHAT_EFFORT_XHIGH), CHAT_EFFORT_XHIGH);
    assert_int_equal(fit("anthropic--claude-4.6-opus", 0, CHAT_EFFORT_XHIGH), CHAT_EFFORT_HIGH);
    assert_int_equal(fit("gemini-3-pro-preview", 0, CHAT_EFFORT_MEDIUM), CHAT_EFFORT_LOW);
    assert_int_equal(fit("gemini-3.1-pro", 0, CHAT_EFFORT_MEDIUM), CHAT_EFFORT_MEDIUM);
    assert_int_equal(fit("gemini-3.1-pro", 0, CHAT_EFFORT_MINIMAL), CHAT_EFFORT_LOW);
    assert_int_equal(fit("gemini-3-flash", 0, CHAT_EFFORT_NONE), CHAT_EFFORT_MINIMAL);
    assert_int_equal(fit("somebody--else", 0, CHAT_EFFORT_HIGH), CHAT_EFFORT_UNSET);
    assert_int_equal(fit("somebody--else", MODEL_EFFORT(CHAT_EFFORT_LOW), CHAT_EFFORT_HIGH),
                     CHAT_EFFORT_LOW);
}

static void words(void **state)
{
    (void)state;
    assert_int_equal(model_trait_parse(STR("reasoning")), MODEL_REASONING);
    assert_int_equal(model_trait_parse(STR("thinking")), MODEL_THINKING);
    assert_int_equal(model_trait_parse(STR("tools_no_effort")), MODEL_TOOLS_NO_EFFORT);
    assert_int_equal(model_trait_parse(STR("Reasoning")), 0);
    assert_int_equal(model_trait_parse(STR_NONE), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gpt),
        cmocka_unit_test(claude),
        cmocka_unit_test(others),
        cmocka_unit_test(all_rows_have_evidence),
        cmocka_unit_test(all_rows_can_be_reached),
        cmocka_unit_test(efforts),
        cmocka_unit_test(words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

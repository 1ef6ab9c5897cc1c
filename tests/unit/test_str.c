/* Borrowed text: every operation with nothing, with NUL inside, and at its borders. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/str.h"

static void compares(void **state)
{
    (void)state;
    assert_true(str_eq(STR_NONE, STR("")));
    assert_true(str_eq(STR("a\0b"), STR("a\0b")));
    assert_false(str_eq(STR("a\0b"), STR("a\0c")));
    assert_true(str_case_eq(STR("Content-Type"), STR("content-TYPE")));
    assert_false(str_case_eq(STR("Content-Type"), STR("content-TYPES")));
    assert_true(str_case_eq(STR_NONE, STR("")));
    assert_true(str_is(STR_NONE, ""));
    assert_false(str_is(STR("a\0"), "a"));
}

static void starts_and_ends(void **state)
{
    (void)state;
    assert_true(str_starts(STR("/v1/models"), "/v1"));
    assert_false(str_starts(STR("/v"), "/v1"));
    assert_true(str_starts(STR("x"), ""));
    assert_true(str_ends(STR("/v1/models"), "models"));
    assert_false(str_ends(STR("s"), "ss"));
    assert_true(str_ends(STR("x"), ""));
}

static void finds(void **state)
{
    (void)state;
    assert_int_equal(str_find(STR("abcabc"), "ca"), 2);
    assert_int_equal(str_find(STR("abcabc"), "x"), 6);
    assert_int_equal(str_find(STR_NONE, "x"), 0);
    assert_int_equal(str_find(STR("a\0b"), "b"), 2);
    assert_int_equal(str_find((struct str){"abc", 2}, "bc"), 2); /* not beyond the length */
}

static void trims(void **state)
{
    (void)state;
    assert_true(str_is(str_trim(STR(" \t a b\r\n")), "a b"));
    assert_int_equal(str_trim(STR(" \t ")).n, 0);
    assert_int_equal(str_trim(STR_NONE).n, 0);
}

static void cuts(void **state)
{
    struct str rest = STR("a,,b");

    (void)state;
    assert_true(str_is(str_cut(&rest, ','), "a"));
    assert_true(str_is(str_cut(&rest, ','), ""));
    assert_true(str_is(str_cut(&rest, ','), "b"));
    assert_null(rest.p);
    assert_int_equal(str_cut(&rest, ',').n, 0);

    rest = STR("a,");
    str_cut(&rest, ',');
    assert_non_null(rest.p); /* there was a separator, with nothing behind it */
    assert_int_equal(rest.n, 0);
}

static void measures_utf8(void **state)
{
    (void)state;
    assert_int_equal(str_utf8(STR("a\xff")), 1);
    assert_int_equal(str_utf8(STR("\0")), 1);
    assert_int_equal(str_utf8(STR("\xc3\xa9z")), 2);
    assert_int_equal(str_utf8(STR("\xe2\x82\xac")), 3);
    assert_int_equal(str_utf8(STR("\xf0\x9f\x98\x80")), 4);
    assert_int_equal(str_utf8((struct str){"\xe2\x82\xac", 2}), 0);
    assert_int_equal(str_utf8(STR("\x80")), 0);
    assert_int_equal(str_utf8(STR("\xed\xa0\x80")), 0);
    assert_int_equal(str_utf8(STR_NONE), 0);
}

static void reads_numbers(void **state)
{
    long value = 7;

    (void)state;
    assert_true(str_to_long(STR("0"), &value));
    assert_int_equal(value, 0);
    assert_true(str_to_long(STR("-12"), &value));
    assert_int_equal(value, -12);
    assert_true(str_to_long(STR("999999999999999999"), &value));
    assert_true(value == 999999999999999999L);

    value = 7;
    const struct str wrong[] = {STR(""),
                                STR("-"),
                                STR("+1"),
                                STR(" 1"),
                                STR("1 "),
                                STR("1x"),
                                STR("0x10"),
                                STR("1\0"),
                                STR("--1"),
                                STR_NONE,
                                STR("1000000000000000000")};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_false(str_to_long(wrong[i], &value));
    assert_int_equal(value, 7);
}

static void globs(void **state)
{
    (void)state;
    assert_true(str_glob(STR("gpt-4o-mini"), "gpt-*"));
    assert_true(str_glob(STR("gpt-"), "gpt-*"));
    assert_false(str_glob(STR("gpt"), "gpt-*"));
    assert_true(str_glob(STR("anthropic--claude-4-sonnet"), "*claude*sonnet"));
    assert_false(str_glob(STR("anthropic--claude-4-sonnet-x"), "*claude*sonnet"));
    assert_true(str_glob(STR("aab"), "*ab"));
    assert_true(str_glob(STR(""), "*"));
    assert_true(str_glob(STR_NONE, ""));
    assert_true(str_glob(STR("x"), "**"));
    assert_false(str_glob(STR("xy"), "x"));
    assert_false(str_glob(STR(""), "x"));
}

/* A model name may hold NUL; the end of the pattern must not match it. */
static void a_pattern_ends_at_its_end(void **state)
{
    const char pattern[] = "gpt-4";

    (void)state;
    assert_false(str_glob(STR("gpt-4\0"), pattern));
    assert_false(str_glob(STR("gpt-4\0\0\0\0\0\0\0\0"), pattern));
    assert_true(str_glob(STR("gpt-4\0o"), "gpt*o"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(compares),
        cmocka_unit_test(starts_and_ends),
        cmocka_unit_test(finds),
        cmocka_unit_test(trims),
        cmocka_unit_test(cuts),
        cmocka_unit_test(reads_numbers),
        cmocka_unit_test(measures_utf8),
        cmocka_unit_test(globs),
        cmocka_unit_test(a_pattern_ends_at_its_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* What repr() prints, and what it never would. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/jspan.h"
#include "family/python_literal.h"

static void check(struct str literal, const char *expected)
{
    struct arena *scratch = arena_new(0);
    struct str json;

    assert_int_equal(python_literal_to_json(scratch, literal, &json), OK);
    assert_string_equal(json.p, expected);
    assert_int_equal(json.n, strlen(expected));
    struct jspan *tree;
    assert_int_equal(jspan_parse(scratch, json, &tree, NULL), OK);
    arena_free(scratch);
}

static void check_refused(struct str literal)
{
    struct arena *scratch = arena_new(0);
    struct str json;

    assert_int_equal(python_literal_to_json(scratch, literal, &json), E_SYNTAX);
    arena_free(scratch);
}

static void reads_a_converse_line(void **state)
{
    (void)state;
    check(STR("{'contentBlockDelta': {'delta': {'text': 'it\\'s \"x\"'}, 'contentBlockIndex': 0}}"),
          "{\"contentBlockDelta\":{\"delta\":{\"text\":\"it's "
          "\\\"x\\\"\"},\"contentBlockIndex\":0}}");
    check(STR("{'messageStop': {'stopReason': 'end_turn', 'extra': None}}"),
          "{\"messageStop\":{\"stopReason\":\"end_turn\",\"extra\":null}}");
}

static void reads_strings_in_both_quotes(void **state)
{
    (void)state;
    check(STR("\"it's\""), "\"it's\"");
    check(STR("'say \"hi\"'"), "\"say \\\"hi\\\"\"");
    check(STR("'it\\'s \"both\"'"), "\"it's \\\"both\\\"\"");
    check(STR("'a backslash and n: \\\\n'"), "\"a backslash and n: \\\\n\"");
    check(STR("'data: {\"x\": 1} data: '"), "\"data: {\\\"x\\\": 1} data: \"");
    check(STR("'True, None and False'"), "\"True, None and False\"");
    check(STR("''"), "\"\"");
}

static void reads_every_escape(void **state)
{
    (void)state;
    check(STR("'\\\\ \\' \\\" \\n \\r \\t'"), "\"\\\\ ' \\\" \\n \\r \\t\"");
    check(STR("'\\a\\b\\f\\v\\0'"), "\"\\u0007\\u0008\\u000c\\u000b\\u0000\"");
    check(STR("'\\101\\7z\\3777'"), "\"A\\u0007z\xc3\xbf"
                                    "7\"");
    check(STR("'\\x41\\xe9\\x1b'"), "\"A\xc3\xa9\\u001b\"");
    check(STR("'\\u00e9\\u20ac'"), "\"\xc3\xa9\xe2\x82\xac\"");
    check(STR("'\\U0001F600'"), "\"\xf0\x9f\x98\x80\"");
    check(STR("'a\\\nb'"), "\"ab\"");
    check(STR("'\\d+\\.'"), "\"\\\\d+\\\\.\"");
}

static void keeps_emoji_and_halves_of_pairs(void **state)
{
    (void)state;
    check(STR("'\xf0\x9f\x98\x80'"), "\"\xf0\x9f\x98\x80\"");
    check(STR("'\\ud83d'"), "\"\\ud83d\"");
    check(STR("\"\\ud83d\\ude00\""), "\"\\ud83d\\ude00\"");
}

static void reads_numbers_and_words(void **state)
{
    (void)state;
    check(STR("[0, -1, 12345678901234567890, 1.5, 1e-05, 1E+16]"),
          "[0,-1,12345678901234567890,1.5,1e-05,1E+16]");
    check(STR("[True, False, None, nan, inf, -inf]"), "[true,false,null,null,null,null]");
    check(STR("[true, false, null, NaN, Infinity, -Infinity]"), "[true,false,null,null,null,null]");
}

static void reads_containers(void **state)
{
    (void)state;
    check(STR(" { } "), "{}");
    check(STR("[]"), "[]");
    check(STR("()"), "[]");
    check(STR("(1,)"), "[1]");
    check(STR("('a', ('b', [None,],),)"), "[\"a\",[\"b\",[null]]]");
    check(STR("{1: 2, None: 3, 'k': {}, b'b': 4,}"), "{\"1\":2,\"null\":3,\"k\":{},\"b\":4}");
}

static void reads_bytes(void **state)
{
    (void)state;
    check(STR("b'{\"a\": 1}'"), "\"{\\\"a\\\": 1}\"");
    check(STR("b\"it's\""), "\"it's\"");
    check(STR("b'\\x00\\xff'"), "\"\\u0000\xc3\xbf\"");
    check(STR("b'\\u0041'"), "\"\\\\u0041\"");
}

static void reads_json(void **state)
{
    (void)state;
    check(STR("{\"type\": \"x\", \"n\": [1, null], \"path\": \"a\\/b\"}"),
          "{\"type\":\"x\",\"n\":[1,null],\"path\":\"a/b\"}");
}

static void refuses_the_rest(void **state)
{
    static const struct str bad[] = {
        {"", 0},
        {"'", 1},
        {"'a", 2},
        {"'a\\", 3},
        {"'\\x4'", 5},
        {"'\\u12g4'", 8},
        {"'a\nb'", 5},
        {"{'a'}", 5},
        {"{'a': }", 7},
        {"{'a': 1", 7},
        {"[1 2]", 5},
        {"[,]", 3},
        {"1.", 2},
        {"01", 2},
        {"--1", 3},
        {"1_000", 5},
        {"1+2j", 4},
        {"Nonesuch", 8},
        {"{'a': 1} x", 10},
        {"b", 1},
        {"f'x'", 4},
        {"'a' 'b'", 7},
        {"{'a', 'b'}", 10},
        {"{(1,): 2}", 9},
        {"1e", 2},
        {"'\\U00110000'", 12},
    };

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        check_refused(bad[i]);
}

static void limits_depth(void **state)
{
    char deep[2 * JSPAN_MAX_DEPTH + 2];
    struct str good = {deep + 1, 2 * JSPAN_MAX_DEPTH - 2}, bad = {deep, sizeof deep};
    struct arena *scratch = arena_new(0);
    struct str json;

    (void)state;
    memset(deep, '[', JSPAN_MAX_DEPTH + 1);
    memset(deep + JSPAN_MAX_DEPTH + 1, ']', JSPAN_MAX_DEPTH + 1);
    good.p = deep + 2;
    assert_int_equal(python_literal_to_json(scratch, good, &json), OK);
    check_refused(bad);
    check_refused((struct str){deep, JSPAN_MAX_DEPTH});
    arena_free(scratch);
}

/* Every beginning of a literal is none. */
static void refuses_every_cut(void **state)
{
    struct str whole = STR("{'a': ('\\x41', b'c', [None, -1.5e3]), \"d\": {}}");

    (void)state;
    for (size_t n = 0; n < whole.n; n++)
        check_refused(str_slice(whole, 0, n));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_a_converse_line),
        cmocka_unit_test(reads_strings_in_both_quotes),
        cmocka_unit_test(reads_every_escape),
        cmocka_unit_test(keeps_emoji_and_halves_of_pairs),
        cmocka_unit_test(reads_numbers_and_words),
        cmocka_unit_test(reads_containers),
        cmocka_unit_test(reads_bytes),
        cmocka_unit_test(reads_json),
        cmocka_unit_test(refuses_the_rest),
        cmocka_unit_test(limits_depth),
        cmocka_unit_test(refuses_every_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

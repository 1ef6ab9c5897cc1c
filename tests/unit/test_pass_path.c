/* Paths and queries that callers write behind a deployment's name. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "exchange/pass_path.h"

static void paths_that_pass(void **state)
{
    static const char *const good[] = {"",
                                       "/",
                                       "/x",
                                       "/x/",
                                       "/v1/models/fraud:predict",
                                       "/a%20b/c",
                                       "/100%25",
                                       "/a.b/...x/..x/x..",
                                       "/a;v=1/b,c",
                                       "/@me/~u/(1)!$&'*+=",
                                       "/%E4%BD%A0"};

    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        assert_true(pass_path_good(str_from(good[i])));
}

static void paths_that_do_not(void **state)
{
    static const char *const bad[] = {"x",
                                      "//",
                                      "/x//y",
                                      "/.",
                                      "/..",
                                      "/../x",
                                      "/x/..",
                                      "/x/../y",
                                      "/./x",
                                      "/%2e",
                                      "/%2e%2E/x",
                                      "/.%2e/x",
                                      "/..;a=1/x",
                                      "/..%3b/x",
                                      "/;x/y",
                                      "/a%2fb",
                                      "/a%2Fb",
                                      "/a%5cb",
                                      "/a\\b",
                                      "/%252e%252e",
                                      "/%25252e%25252e/x",
                                      "/a%252fb",
                                      "/%2525252525252e",
                                      "/%",
                                      "/%2",
                                      "/%zz",
                                      "/a%00b",
                                      "/a%0d%0ab",
                                      "/a b",
                                      "/a\x01",
                                      "/\xc3\xa4",
                                      "/a?b",
                                      "/a#b",
                                      "/a%7f"};

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(pass_path_good(str_from(bad[i])));
}

static void long_segments_are_refused(void **state)
{
    static char text[4096];

    (void)state;
    memset(text, 'a', sizeof text - 1);
    text[0] = '/';
    assert_false(pass_path_good(str_from(text)));
    text[1500] = '/';
    text[3000] = '/';
    assert_true(pass_path_good(str_from(text)));
}

static void keys_stay_here(void **state)
{
    static const struct {
        const char *query, *expected;
    } rows[] = {{"", ""},
                {"a=1", "?a=1"},
                {"key=secret", ""},
                {"a=1&key=secret&b", "?a=1&b"},
                {"key", ""},
                {"&&keys=1&", "?keys=1"},
                {"a=%26key=1", "?a=%26key=1"}};
    struct arena *arena = arena_new(0);
    struct str out;

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_int_equal(pass_query(arena, str_from(rows[i].query), &out), OK);
        assert_true(str_is(out, rows[i].expected));
    }
    assert_int_equal(pass_query(arena, STR("a#b"), &out), E_SYNTAX);
    assert_int_equal(pass_query(arena, STR("a b"), &out), E_SYNTAX);
    assert_int_equal(pass_query(arena, STR("a\r\nb"), &out), E_SYNTAX);
    arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(paths_that_pass),
        cmocka_unit_test(paths_that_do_not),
        cmocka_unit_test(long_segments_are_refused),
        cmocka_unit_test(keys_stay_here),
    };

    return cmocka_run_group_tests_name("pass_path", tests, NULL, NULL);
}

/* The growing buffer: contents, its ceiling, and that a failure sticks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/buf.h"

static void appends(void **state)
{
    struct buf b = {0};

    (void)state;
    buf_add_cstr(&b, "one ");
    buf_add_str(&b, STR("t\0o"));
    buf_add_str(&b, STR_NONE);
    buf_add_char(&b, ' ');
    buf_printf(&b, "%03d", 3);
    assert_true(str_eq(buf_str(&b), STR("one t\0o 003")));
    buf_shift(&b, 4);
    assert_true(str_eq(buf_str(&b), STR("t\0o 003")));
    buf_shift(&b, b.n);
    assert_int_equal(b.n, 0);
    buf_add_char(&b, 'x');
    assert_true(str_is(buf_str(&b), "x"));
    buf_free(&b);
    assert_int_equal(buf_str(&b).n, 0);
}

static void grows(void **state)
{
    struct buf b = {0};

    (void)state;
    for (int i = 0; i < 100000; i++)
        buf_add_char(&b, (char)('a' + i % 26));
    assert_int_equal(b.n, 100000);
    for (int i = 0; i < 100000; i++)
        assert_int_equal(b.p[i], 'a' + i % 26);
    buf_printf(&b, "%70000d", 1);
    assert_int_equal(b.n, 170000);
    assert_false(b.failed);
    buf_free(&b);
}

static void stops_at_its_ceiling(void **state)
{
    struct buf b = {.ceiling = 10};

    (void)state;
    buf_add_cstr(&b, "0123456789");
    assert_false(b.failed);
    assert_int_equal(b.cap, 10);
    buf_add_char(&b, 'x');
    assert_true(b.failed);
    assert_true(str_is(buf_str(&b), "0123456789"));
    buf_shift(&b, 5);
    buf_add_char(&b, 'x'); /* a later append that would fit must not make a hole */
    assert_true(str_is(buf_str(&b), "56789"));
    buf_clear(&b);
    assert_false(b.failed);
    buf_add_cstr(&b, "ok");
    assert_true(str_is(buf_str(&b), "ok"));
    buf_free(&b);
}

static void formats_whole_or_not(void **state)
{
    struct buf b = {.ceiling = 5};

    (void)state;
    buf_printf(&b, "%d", 1234);
    assert_false(b.failed);
    assert_true(str_is(buf_str(&b), "1234"));
    buf_printf(&b, "%d", 5);
    assert_true(b.failed);
    assert_true(str_is(buf_str(&b), "1234"));
    buf_free(&b);
}

static void writes_integers(void **state)
{
    struct buf b = {0};

    (void)state;
    buf_add_int(&b, 0);
    buf_add_char(&b, ' ');
    buf_add_int(&b, -7);
    buf_add_char(&b, ' ');
    buf_add_int(&b, INT64_MAX);
    buf_add_char(&b, ' ');
    buf_add_int(&b, INT64_MIN);
    assert_true(str_is(buf_str(&b), "0 -7 9223372036854775807 -9223372036854775808"));
    buf_free(&b);
}

static void refuses_impossible_sizes(void **state)
{
    struct buf b = {0};

    (void)state;
    assert_true(buf_reserve(&b, 0));
    assert_false(buf_reserve(&b, SIZE_MAX));
    assert_true(b.failed);
    buf_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(appends),
        cmocka_unit_test(grows),
        cmocka_unit_test(stops_at_its_ceiling),
        cmocka_unit_test(formats_whole_or_not),
        cmocka_unit_test(writes_integers),
        cmocka_unit_test(refuses_impossible_sizes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

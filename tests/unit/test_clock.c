/* Clocks, and RFC 3339 in and out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>

#include "base/clock.h"

static void goes_forward(void **state)
{
    int64_t before = clock_ms();

    (void)state;
    nanosleep(&(struct timespec){.tv_nsec = 20 * 1000000}, NULL);
    assert_in_range(clock_ms() - before, 19, 10000);
    assert_in_range(clock_wall_s() - (int64_t)time(NULL) + 1, 0, 2);
    assert_in_range(clock_wall_ms() - clock_wall_s() * 1000, 0, 2000);
}

static void renders(void **state)
{
    char text[CLOCK_TEXT_BYTES];

    (void)state;
    clock_render(0, text);
    assert_string_equal(text, "1970-01-01T00:00:00.000Z");
    clock_render(1767323045678, text);
    assert_string_equal(text, "2026-01-02T03:04:05.678Z");
    clock_render(1767323045007, text);
    assert_string_equal(text, "2026-01-02T03:04:05.007Z");
}

static void parses(void **state)
{
    (void)state;
    assert_int_equal(clock_parse("1970-01-01T00:00:00Z"), 0);
    assert_int_equal(clock_parse("2026-01-02T03:04:05Z"), 1767323045);
    assert_int_equal(clock_parse("2026-01-02T03:04:05.999999Z"), 1767323045);
    assert_int_equal(clock_parse("2026-01-02T05:04:05+02:00"), 1767323045);
    assert_int_equal(clock_parse("2026-01-01T21:34:05.1-05:30"), 1767323045);
    assert_int_equal(clock_parse("2024-02-29T00:00:00Z"), 1709164800);
}

static void refuses(void **state)
{
    static const char *const wrong[] = {
        "",
        "now",
        "2026-01-02",
        "2026-01-02T03:04",
        "2026-01-02T03:04:05",
        "2026-13-02T03:04:05Z",
        "2026-01-02T03:04:05+02",
        "2026-01-02T03:04:05 Z",
        "2026-01-02T25:04:05Z",
        "1767323045",
        "2026-01-02T03:04:05Zebra",
        "2026-01-02T03:04:05+02:00:00",
        "2026-01-02T03:04:05+-2:00",
    };

    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        if (clock_parse(wrong[i]) != -1)
            fail_msg("%s was taken", wrong[i]);
}

/* What is rendered is parsed, whatever the time zone of the host. */
static void comes_back_in_every_zone(void **state)
{
    static const char *const zones[] = {"UTC", "America/New_York", "XXX-14", "XXX12"};

    (void)state;
    for (size_t i = 0; i < sizeof zones / sizeof zones[0]; i++) {
        setenv("TZ", zones[i], 1);
        tzset();
        for (int64_t s = 0; s < 4000000000; s += 86399 * 37) {
            char text[CLOCK_TEXT_BYTES];
            clock_render(s * 1000 + 1, text);
            assert_int_equal(clock_parse(text), s);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(goes_forward),
        cmocka_unit_test(renders),
        cmocka_unit_test(parses),
        cmocka_unit_test(refuses),
        cmocka_unit_test(comes_back_in_every_zone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

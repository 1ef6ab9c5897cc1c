/* Callers who try keys: counts by address, and keys that stay good. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>

#include "route/guesses.h"

enum { MOST = 3, MINUTE_MS = 60000 };
static const int64_t now_ms = 7 * MINUTE_MS + 20000;
static struct board_common common;

static int set_up(void **state)
{
    static const struct board_common nothing;

    (void)state;
    memcpy((void *)&common, (const void *)&nothing, sizeof common);
    return 0;
}

static void waits_until_the_minute_ends(void **state)
{
    uint64_t here = guesses_address(STR("192.0.2.1")), there = guesses_address(STR("192.0.2.2"));

    (void)state;
    for (uint32_t i = 1; i <= MOST; i++) {
        assert_int_equal(guesses_wait_ms(&common, here, MOST, now_ms), 0);
        assert_int_equal(guesses_note_wrong(&common, here, now_ms), i);
    }
    assert_int_equal(guesses_wait_ms(&common, here, MOST, now_ms), 40000);
    assert_int_equal(guesses_wait_ms(&common, there, MOST, now_ms), 0);
    assert_int_equal(guesses_wait_ms(&common, here, 0, now_ms), 0); /* switched off */
    assert_int_equal(guesses_wait_ms(&common, here, MOST, now_ms + 40000), 0);
    assert_int_equal(guesses_note_wrong(&common, here, now_ms + 40000), 1);
}

static void good_keys_stay_good(void **state)
{
    uint64_t here = guesses_address(STR("192.0.2.1")), there = guesses_address(STR("192.0.2.2"));

    (void)state;
    guesses_note_good(&common, here, STR("hash of a key"));
    assert_true(guesses_is_known(&common, here, STR("hash of a key")));
    assert_false(guesses_is_known(&common, here, STR("hash of another")));
    assert_false(guesses_is_known(&common, there, STR("hash of a key")));
}

static void addresses_are_networks(void **state)
{
    static const struct {
        struct str a, b;
        bool same;
    } cases[] = {
        {STR("192.0.2.1"), STR("192.0.2.2"), false},
        {STR("192.0.2.1"), STR("::ffff:192.0.2.1"), true},
        {STR("2001:db8::1"), STR("2001:db8::ffff:1"), true},
        {STR("2001:db8::1"), STR("2001:0db8:0:0:1::"), true},
        {STR("2001:db8::1"), STR("2001:db8:0:1::1"), false},
        {STR("::1"), STR("127.0.0.1"), false},
        {STR("not:an:address"), STR("192.0.2.1"), false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_int_equal(guesses_address(cases[i].a) == guesses_address(cases[i].b), cases[i].same);
    assert_int_equal(guesses_address(STR("")), 0);
    assert_int_equal(guesses_note_wrong(&common, 0, now_ms), 0);
}

/* More addresses than rows: who has guessed most is still there. */
static void many_addresses_push_out_the_harmless(void **state)
{
    uint64_t here = guesses_address(STR("192.0.2.1"));
    char text[32];

    (void)state;
    for (int i = 0; i < MOST; i++)
        guesses_note_wrong(&common, here, now_ms);
    for (int i = 0; i < 4 * BOARD_VISITORS; i++) {
        snprintf(text, sizeof text, "10.0.%d.%d", i / 256, i % 256);
        guesses_note_wrong(&common, guesses_address(str_from(text)), now_ms);
    }
    assert_true(guesses_wait_ms(&common, here, MOST, now_ms) > 0);
}

static void many_good_keys_push_out_the_oldest(void **state)
{
    uint64_t here = guesses_address(STR("192.0.2.1"));
    char text[32];
    int known = 0;

    (void)state;
    for (int i = 0; i < 2 * BOARD_WELCOME; i++) {
        snprintf(text, sizeof text, "key %d", i);
        guesses_note_good(&common, here, str_from(text));
        assert_true(guesses_is_known(&common, here, str_from(text)));
    }
    for (int i = 0; i < 2 * BOARD_WELCOME; i++) {
        snprintf(text, sizeof text, "key %d", i);
        known += guesses_is_known(&common, here, str_from(text));
    }
    assert_in_range(known, BOARD_WELCOME / 2, BOARD_WELCOME);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(waits_until_the_minute_ends, set_up),
        cmocka_unit_test_setup(good_keys_stay_good, set_up),
        cmocka_unit_test_setup(addresses_are_networks, set_up),
        cmocka_unit_test_setup(many_addresses_push_out_the_harmless, set_up),
        cmocka_unit_test_setup(many_good_keys_push_out_the_oldest, set_up),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

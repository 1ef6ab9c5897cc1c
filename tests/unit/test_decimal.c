/* float32 and decimal text: the same as the C library, for random and for awkward numbers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/decimal.h"

enum { ROUNDS = 100000 };

static uint64_t seed = 0x9e3779b97f4a7c15;

/* xorshift64: the same numbers everywhere. */
static uint64_t next(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed;
}

static float float_of(uint32_t bits)
{
    float number;

    memcpy(&number, &bits, sizeof number);
    return number;
}

static void expect_read(const char *text)
{
    char copy[128];
    float got = -1, expected = strtof(text, NULL);

    snprintf(copy, sizeof copy, "%s,", text);
    struct str rest = str_from(copy);
    bool good = decimal_take_float(&rest, &got);
    if (good != (bool)isfinite(expected) ||
        (good && (memcmp(&got, &expected, sizeof got) != 0 || rest.n != 1)))
        fail_msg("%s: %d %.9g, not %.9g", text, good, (double)got, (double)expected);
}

/* As programs print numbers of all sizes: few digits, all of a float32, all of a double, and more. */
static void reads_as_strtof(void **state)
{
    static const int places[] = {4, 8, 10, 18, 25};
    char text[128];

    (void)state;
    for (int i = 0; i < ROUNDS; i++) {
        double d = (double)(int64_t)next() / 9.3e18;
        if (i % 3 == 0)
            d = (double)float_of((uint32_t)next());
        if (i % 3 == 1) /* what a double may be next to */
            d = (double)(float)d;
        if (!isfinite(d) || fabs(d) > 1e36)
            continue;
        if (i % 2)
            snprintf(text, sizeof text, "%.*f", places[next() % 5], d);
        else
            snprintf(text, sizeof text, "%.*g", i % 4 ? 9 : 17, d);
        if (strlen(text) < 60)
            expect_read(text);
    }
}

/* Halfway between two float32, and as near to it as 18 digits come. */
static void reads_halves(void **state)
{
    char text[128];

    (void)state;
    for (int i = 0; i < ROUNDS; i++) {
        uint32_t bits = 0x3d000000 + (uint32_t)(next() % 0x03000000);
        double half = ((double)float_of(bits) + (double)float_of(bits + 1)) / 2;
        snprintf(text, sizeof text, "%.*f", (int)(12 + next() % 7), half);
        expect_read(text);
        text[strlen(text) - 1] ^= 1;
        expect_read(text);
    }
}

static void reads_the_awkward(void **state)
{
    static const char *const texts[] = {"0",
                                        "-0",
                                        "0.0",
                                        "-0.0",
                                        "0.5",
                                        "1",
                                        "-1.25",
                                        "123456789",
                                        "1e-45",
                                        "1.4e-45",
                                        "0.7e-45",
                                        "3.4028235e38",
                                        "3.4028236e38",
                                        "1e39",
                                        "-1e400",
                                        "1E5",
                                        "1.5e+2",
                                        "1.17549435e-38",
                                        "0.000000000000000000000000000000000000011754943",
                                        "0.100000001490116119384765625",
                                        "16777217.0",
                                        "16777219.0",
                                        "9007199254740993.0",
                                        "999999999999999999.0",
                                        "0.999999970197677612",
                                        "0.99999998509883880"};

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        expect_read(texts[i]);
}

static void refuses_what_is_no_number(void **state)
{
    static const char *const texts[] = {
        "",     "+1",
        ".5",   "-",
        "x",    "\"1\"",
        "null", "1.2.3",
        "1-2",  "1.5e",
        "1e+",  "0.5-",
        "NaN",  "inf",
        "1.5E", "1.55555555555555555555555555555555555555555555555555555555555555555555555"};
    float number;

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct str rest = str_from(texts[i]);
        assert_false(decimal_take_float(&rest, &number));
    }
}

static void expect_written(float number)
{
    struct buf out = {0};
    char text[64];

    for (int digits = 6; digits <= 9; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, (double)number);
        if (strtof(text, NULL) == number)
            break;
    }
    decimal_add_float(&out, number);
    if (out.n != strlen(text) || memcmp(out.p, text, out.n) != 0)
        fail_msg("%s was written %.*s", text, STR_ARG(buf_str(&out)));
    buf_free(&out);
}

static void writes_as_printf(void **state)
{
    (void)state;
    for (int i = 0; i < ROUNDS; i++) {
        expect_written(float_of((uint32_t)next()));
        expect_written((float)((double)(int64_t)next() / 9.3e18));
        expect_written((float)((double)(next() % 1000000) / 1e6)); /* six digits do */
        expect_written((float)(next() % 4096) / 65536.0F);         /* ties */
    }
}

/* Around powers of 2 and of 10, and at the ends of the quick way. */
static void writes_the_awkward(void **state)
{
    static const float numbers[] = {0,     -0.0F, 1,      0.1F,     0.01F,    0.001F,
                                    1e-4F, 1e-5F, 0.5F,   0.25F,    0.75F,    123456,
                                    1e20F, 1e38F, 1e-45F, INFINITY, -INFINITY};

    (void)state;
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        for (int way = 0; way < 3; way++) {
            float near = way ? nextafterf(numbers[i], way == 1 ? 2 : -2) : numbers[i];
            expect_written(near);
            expect_written(-near);
        }
    for (float power = 1; power > 1e-6F; power /= 2)
        expect_written(power);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_as_strtof),   cmocka_unit_test(reads_halves),
        cmocka_unit_test(reads_the_awkward), cmocka_unit_test(refuses_what_is_no_number),
        cmocka_unit_test(writes_as_printf),  cmocka_unit_test(writes_the_awkward)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * The common cases in whole numbers or one operation on doubles, whatever is not sure to be exact there by
 * the C library.
 */
#include "base/decimal.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NUMBER_BYTES = 64, DIGITS_MOST = 18, POWERS = 23 };

/* 10^22 is the last that a double holds exactly. */
static const double powers[POWERS] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                      1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                      1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

/* --- reading --------------------------------------------------------------------------------- */

/* The C library takes a terminated text. */
static bool take_slowly(struct str *rest, float *out)
{
    char copy[NUMBER_BYTES];
    char *end;
    size_t n = 0;

    while (n < rest->n && n < sizeof copy - 1 && rest->p[n] &&
           strchr("+-.0123456789eE", rest->p[n])) {
        copy[n] = rest->p[n];
        n++;
    }
    copy[n] = '\0';
    if (n == 0 || n == sizeof copy - 1 || copy[0] == '+' || copy[0] == '.')
        return false;
    *out = strtof(copy, &end);
    *rest = str_slice(*rest, n, rest->n);
    return *end == '\0' && isfinite(*out);
}

/* Is the float32 next to `d` the one next to all numbers that `d` may stand for? It was rounded at most
   twice, so these are at most two units of its last place away; what decides is whether a point halfway
   between two float32 is as near. */
static bool rounds_safely(double d)
{
    const uint64_t half = UINT64_C(1) << 28, mask = (half << 1) - 1, margin = 4;
    uint64_t bits;

    memcpy(&bits, &d, sizeof bits);
    return ((bits - half + margin) & mask) > 2 * margin;
}

static const char *take_digits(const char *p, const char *end, uint64_t *digits)
{
    for (; p < end && (unsigned char)(*p - '0') < 10; p++)
        *digits = *digits * 10 + (unsigned char)(*p - '0');
    return p;
}

/* Digits, a point and digits, at most 18 in all: most that there is, and far from the least and the
   largest float32. */
static bool take_quickly(struct str *rest, float *out)
{
    const char *end = rest->p + rest->n, *p = rest->p, *whole, *point;
    uint64_t digits = 0;
    bool minus = p < end && *p == '-';

    whole = p += minus;
    point = p = take_digits(p, end, &digits);
    if (p == whole || end - p < 2 || *p++ != '.')
        return false;
    p = take_digits(p, end, &digits);
    if (p - whole > DIGITS_MOST + 1 || p == point + 1 || p == end || *p == 'e' || *p == 'E' ||
        *p == '.' || *p == '+' || *p == '-')
        return false;
    double d = (double)digits / powers[p - point - 1];
    if (!rounds_safely(d))
        return false;
    *out = (float)(minus ? -d : d);
    *rest = str_slice(*rest, (size_t)(p - rest->p), rest->n);
    return true;
}

bool decimal_take_float(struct str *rest, float *out)
{
    return take_quickly(rest, out) || take_slowly(rest, out);
}

/* --- writing --------------------------------------------------------------------------------- */

static void add_slowly(struct buf *out, float number)
{
    char text[NUMBER_BYTES];

    for (int digits = 6; digits <= 9; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, (double)number);
        if (strtof(text, NULL) == number)
            break;
    }
    buf_add_cstr(out, text);
}

/* `digits` / 10^places, less than 1, without zeros at the end. */
static void add_fraction(struct buf *out, bool minus, uint64_t digits, int places)
{
    char text[NUMBER_BYTES] = "-0.";
    char *p = text + 3;

    while (digits % 10 == 0) {
        digits /= 10;
        places--;
    }
    for (char *at = p + places; at > p; digits /= 10)
        *--at = (char)('0' + digits % 10);
    buf_add(out, text + !minus, (size_t)places + 3 - !minus);
}

/* The number is m / 2^s; times 10^places that is n / 2^(s - places) with n = m * 5^places, all in 64 bits:
   m has 24, 5^12 has 28. Its digits are that quotient, rounded to even. They are the same float32 again
   when they are less than half a unit of its last place away, which is 5^places in the same measure. */
static bool add_shortest(struct buf *out, bool minus, uint64_t m, int s, int zeros)
{
    uint64_t five = 1;

    for (int i = 0; i < zeros + 6; i++)
        five *= 5;
    for (int places = zeros + 6; places <= zeros + 9; places++, five *= 5) {
        uint64_t n = m * five, unit = UINT64_C(1) << (s - places);
        uint64_t digits = n / unit, over = n % unit;
        bool up = over > unit / 2 || (over == unit / 2 && digits % 2);
        if (2 * (up ? unit - over : over) < five) {
            add_fraction(out, minus, digits + up, places);
            return true;
        }
    }
    return false;
}

/* For 1e-4 <= number < 1, where %g has no exponent. In binary32 (IEEE 754) the exponent stands in front of
   23 bits, of a 24th that is always set. The 13 powers of 2 here have a nearer neighbour below: that makes
   no difference to their digits. */
static bool add_quickly(struct buf *out, float number)
{
    float size = fabsf(number);
    uint32_t bits, hidden = UINT32_C(1) << 23;
    int zeros = 0;

    memcpy(&bits, &size, sizeof bits);
    if (!(size >= 1e-4F && size < 1))
        return false;
    for (double first = 0.1; size < first; first /= 10)
        zeros++;
    return add_shortest(out, number < 0, bits % hidden + hidden, 150 - (int)(bits / hidden), zeros);
}

void decimal_add_float(struct buf *out, float number)
{
    if (!add_quickly(out, number))
        add_slowly(out, number);
}

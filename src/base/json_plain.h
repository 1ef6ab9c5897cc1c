/*
 * How far a JSON string goes on with bytes that mean nothing but themselves: most of all traffic. For
 * those who read it and those who write it.
 */
#ifndef CORELAY_BASE_JSON_PLAIN_H
#define CORELAY_BASE_JSON_PLAIN_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Which of eight bytes in memory is the first that is marked in `marks`, or one before it. */
static inline size_t json_lowest_byte(uint64_t marks)
{
#if defined __GNUC__ && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    return (size_t)__builtin_ctzll(marks) / 8;
#else
    (void)marks;
    return 0;
#endif
}

/* Past them, eight at a time: a quote, a backslash, a control character (DEL is one) or a byte beyond
   ASCII ends the run; so does the end, up to seven bytes before it. */
static inline const char *json_plain_end(const char *p, const char *end)
{
    const uint64_t ones = 0x0101010101010101, highs = 0x8080808080808080;
    uint64_t eight;

    for (; end - p >= 8; p += 8) {
        memcpy(&eight, p, 8);
        uint64_t quotes = eight ^ ones * '"', escapes = eight ^ ones * '\\';
        /* x - 1 borrows into the high bit where a byte of x is zero, DEL + 1 is that bit */
        uint64_t found =
            eight | (eight + ones) | (eight - ones * 0x20) | (quotes - ones) | (escapes - ones);
        found &= highs;
        if (found) /* carries and borrows go upwards only: the lowest mark is a true one */
            return p + json_lowest_byte(found);
    }
    return p;
}

#endif

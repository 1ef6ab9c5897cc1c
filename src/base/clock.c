/* Clocks, and RFC 3339 in and out. */
#include "base/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int64_t read_ms(clockid_t id)
{
    struct timespec t;
    clock_gettime(id, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

int64_t clock_ms(void)
{
    return read_ms(CLOCK_MONOTONIC);
}

int64_t clock_wall_ms(void)
{
    return read_ms(CLOCK_REALTIME);
}

int64_t clock_wall_s(void)
{
    return clock_wall_ms() / 1000;
}

void clock_render(int64_t wall_ms, char out[CLOCK_TEXT_BYTES])
{
    time_t s = (time_t)(wall_ms / 1000);
    struct tm tm;
    gmtime_r(&s, &tm);
    size_t n = strftime(out, CLOCK_TEXT_BYTES, "%Y-%m-%dT%H:%M:%S", &tm);
    snprintf(out + n, CLOCK_TEXT_BYTES - n, ".%03dZ", (int)(wall_ms % 1000));
}

/* "Z", "+02:00" or "-05:30", and the end of the text; seconds east of Greenwich. */
static int read_offset(const char *p, int64_t *seconds)
{
    static const char shape[] = "00:00";

    *seconds = 0;
    if (*p == 'Z' || *p == 'z')
        return p[1] == '\0';
    if (*p != '+' && *p != '-')
        return 0;
    for (size_t i = 0; i < sizeof shape; i++)
        if (shape[i] == '0' ? p[1 + i] < '0' || p[1 + i] > '9' : p[1 + i] != shape[i])
            return 0;
    *seconds = atoi(p + 1) * 3600 + atoi(p + 4) * 60;
    if (*p == '-')
        *seconds = -*seconds;
    return 1;
}

int64_t clock_parse(const char *text)
{
    struct tm tm = {0};
    int64_t east;
    const char *rest = strptime(text, "%Y-%m-%dT%H:%M:%S", &tm);

    if (!rest)
        return -1;
    if (*rest == '.')
        rest += 1 + strspn(rest + 1, "0123456789");
    if (!read_offset(rest, &east))
        return -1;
    return (int64_t)timegm(&tm) - east;
}

/* Seconds, or one of three ways to write a date. */
#include "aicore/retry_after.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static int month_of(const char *name)
{
    static const char names[] = "JanFebMarAprMayJunJulAugSepOctNovDec";

    for (int i = 0; i < 12; i++)
        if (strncmp(names + 3 * i, name, 3) == 0)
            return i;
    return -1;
}

/* Without strptime, whose names follow the locale. -1 if it is no date. */
static int64_t date_of(const char *text)
{
    struct tm tm = {0};
    char month[4] = "";
    const char *comma = strchr(text, ',');
    int fields;

    if (comma && strchr(comma, '-')) /* Sunday, 06-Nov-94 08:49:37 GMT */
        fields = sscanf(comma + 1, " %2d-%3s-%2d %2d:%2d:%2d", &tm.tm_mday, month, &tm.tm_year,
                        &tm.tm_hour, &tm.tm_min, &tm.tm_sec);
    else if (comma) /* Sun, 06 Nov 1994 08:49:37 GMT */
        fields = sscanf(comma + 1, " %2d %3s %4d %2d:%2d:%2d", &tm.tm_mday, month, &tm.tm_year,
                        &tm.tm_hour, &tm.tm_min, &tm.tm_sec);
    else /* Sun Nov  6 08:49:37 1994 */
        fields = sscanf(text, "%*3s %3s %2d %2d:%2d:%2d %4d", month, &tm.tm_mday, &tm.tm_hour,
                        &tm.tm_min, &tm.tm_sec, &tm.tm_year);
    tm.tm_mon = month_of(month);
    if (fields != 6 || tm.tm_mon < 0)
        return -1;
    if (tm.tm_year >= 1900)
        tm.tm_year -= 1900;
    else if (tm.tm_year < 70)
        tm.tm_year += 100;
    return (int64_t)timegm(&tm);
}

int64_t retry_after_ms(struct str value, int64_t now_wall_s)
{
    char text[64];
    int64_t ms;

    value = str_trim(value);
    if (value.n == 0 || value.n >= sizeof text || memchr(value.p, '\0', value.n))
        return 0;
    memcpy(text, value.p, value.n);
    text[value.n] = '\0';
    if (strspn(text, "0123456789.") == value.n) {
        double seconds = strtod(text, NULL);
        ms = seconds >= RETRY_AFTER_MAX_MS / 1000 ? RETRY_AFTER_MAX_MS : (int64_t)(seconds * 1000);
    } else {
        int64_t at = date_of(text);
        ms = at > now_wall_s
                 ? (at - now_wall_s < RETRY_AFTER_MAX_MS / 1000 ? (at - now_wall_s) * 1000
                                                                : RETRY_AFTER_MAX_MS)
                 : 0;
    }
    return ms;
}

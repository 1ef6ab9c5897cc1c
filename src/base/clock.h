/*
 * Time. Durations and deadlines are monotonic milliseconds (`_ms`); wall-clock seconds (`_s`) are
 * for what leaves the process: log lines, files, "created" fields.
 */
#ifndef CORELAY_BASE_CLOCK_H
#define CORELAY_BASE_CLOCK_H

#include <stdint.h>
#include <time.h>

/* Monotonic; the origin means nothing. */
int64_t clock_ms(void);

/* Wall clock since 1970. */
int64_t clock_wall_ms(void);
int64_t clock_wall_s(void);

enum { CLOCK_TEXT_BYTES = 32 };

/* "2026-01-02T03:04:05.678Z" of a wall-clock time. */
void clock_render(int64_t wall_ms, char out[CLOCK_TEXT_BYTES]);

/* The second of a time such as 2026-01-02T03:04:05Z (RFC 3339; a fraction and an offset are
   understood), or -1. */
int64_t clock_parse(const char *text);

#endif

/* Server-sent events as the families write them. */
#ifndef EMULATOR_SSE_H
#define EMULATOR_SSE_H

#include "exchange.h"

/* "data: TEXT" and a blank line; ending is "\n" or "\r\n" unless a setting says otherwise. */
void sse_write(struct buf *out, const char *text, const char *ending);

/* The same as one event of the reply. */
void sse_event(struct exchange *x, const char *text, const char *ending, unsigned delay_ms);

#endif

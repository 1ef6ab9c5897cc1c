/*
 * The record of every request, for GET /requests and GET /counters of the control port.
 * All functions may be called from any thread.
 */
#ifndef EMULATOR_REQLOG_H
#define EMULATOR_REQLOG_H

#include "exchange.h"

enum { LOG_MAX_ENTRIES = 50000, LOG_MAX_BYTES = 256 << 20 };

/* The request is complete and routed: write its entry. */
void reqlog_add(struct exchange *x);

/* The exchange is over. outcome: done, client_closed or reset (by a fault). */
void reqlog_end(struct exchange *x, const char *outcome, int64_t gone_ms);

/* A reply began to be streamed. */
void reqlog_stream_begins(struct exchange *x);

void reqlog_count_token(const struct tenant *tenant);

void reqlog_clear(void);

/* {"requests":[...],"last":seq} with entries whose seq is greater than since. */
void reqlog_write(struct buf *out, uint64_t since, uint64_t limit);
void reqlog_write_counters(struct buf *out);

#endif

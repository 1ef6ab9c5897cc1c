/*
 * A sink that writes down the hub's events, one per line, for tests to compare:
 *
 *     start id=msg_1 model=m input=9
 *     open 0 tool id=toolu_1 name=f
 *     delta 0 "{\"a\""
 *     close 0
 *     usage input=9 output=4 read=2
 *     stop tool
 *     error rate_limit "slow down"
 *
 * What is unset is left out. Events pass the order check first: a sequence that chat/event.h does
 * not allow makes push fail.
 */
#ifndef CORELAY_TESTS_EVENT_PRINT_H
#define CORELAY_TESTS_EVENT_PRINT_H

#include "base/arena.h"
#include "base/buf.h"
#include "chat/event.h"

/* NULL when out of memory. `out` stays the caller's. */
struct chat_sink *event_print_new(struct arena *arena, struct buf *out);

#endif

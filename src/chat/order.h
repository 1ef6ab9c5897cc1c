/*
 * The order check: a filter that passes events on and refuses a sequence that chat/event.h does not
 * allow. It stands between family and dialect in debug builds and in every test.
 */
#ifndef CORELAY_CHAT_ORDER_H
#define CORELAY_CHAT_ORDER_H

#include "base/arena.h"
#include "chat/event.h"

/* A check that passes good events on to `next`; FAIL from push (and a line in the log) for a bad
   one. NULL when out of memory. */
struct chat_sink *chat_order_new(struct arena *arena, struct chat_sink *next);

#endif

/*
 * The Retry-After header: how long a service wants to be left alone (RFC 9110, section 10.2.3).
 */
#ifndef CORELAY_AICORE_RETRY_AFTER_H
#define CORELAY_AICORE_RETRY_AFTER_H

#include <stdint.h>

#include "base/str.h"

enum { RETRY_AFTER_MAX_MS = 60000 };

/* Milliseconds from `now_wall_s` on, at most RETRY_AFTER_MAX_MS. Seconds (a fraction is understood)
   and the three HTTP dates are read. 0 when the header is absent, past or unreadable. */
int64_t retry_after_ms(struct str value, int64_t now_wall_s);

#endif

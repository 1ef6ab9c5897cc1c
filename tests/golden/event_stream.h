/*
 * Binary AWS event-stream frames from text, so that cases can be read: each line is
 * "EVENT-TYPE PAYLOAD", an exception "!EXCEPTION-TYPE PAYLOAD".
 */
#ifndef CORELAY_TESTS_GOLDEN_EVENT_STREAM_H
#define CORELAY_TESTS_GOLDEN_EVENT_STREAM_H

#include "base/buf.h"

void event_stream_from_text(struct str lines, struct buf *out);

#endif

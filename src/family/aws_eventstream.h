/*
 * Frames of the binary AWS event stream (application/vnd.amazon.eventstream).
 *
 *     u32 total | u32 headers | u32 crc of these 8 bytes | headers | payload | u32 crc of all
 * before
 *
 * All numbers are big endian, the checksums are CRC-32 (IEEE 802.3). Nothing is copied: a frame
 * borrows the bytes it was found in. AWS, "Event stream encoding".
 */
#ifndef CORELAY_FAMILY_AWS_EVENTSTREAM_H
#define CORELAY_FAMILY_AWS_EVENTSTREAM_H

#include "base/str.h"

enum aws_next {
    AWS_NEED_MORE, /* not a whole frame yet */
    AWS_FRAME,
    AWS_BROKEN /* no such frame: a checksum or a length is wrong */
};

/* The headers that matter here; one that is absent, or is no string, is empty. */
struct aws_frame {
    struct str message_type; /* "event", "exception" or "error" */
    struct str event_type;   /* "chunk", "contentBlockDelta", ... */
    struct str content_type;
    struct str exception_type;
    struct str error_code, error_message;
    struct str payload;
    size_t total_bytes; /* how many of the bytes were the frame: the next one begins behind them */
};

/* The frame that `bytes` begin with. Frames over FRAME_MAX_BYTES (frames.h) are broken. */
enum aws_next aws_eventstream_next(struct str bytes, struct aws_frame *out);

#endif

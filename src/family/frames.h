/*
 * From the bytes of a streamed answer to frames, whatever the encoding.
 *
 * SAP AI Core streams as server-sent events (with LF, CR LF or CR, comments, split anywhere), as
 * SSE whose payload is a Python literal, as binary AWS event-stream frames, as a JSON array, or as
 * bare JSON lines. Which one is decided by the Content-Type and the first bytes. Readers see JSON
 * text.
 */
#ifndef CORELAY_FAMILY_FRAMES_H
#define CORELAY_FAMILY_FRAMES_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/status.h"

enum { FRAME_MAX_BYTES = 16 * 1024 * 1024 };

struct frame {
    struct str event; /* the SSE event name or AWS event type; may be unset */
    struct str data;  /* JSON text, or a terminator such as [DONE]; borrowed until the next call */
};

struct frames;

/* NULL when out of memory. `content_type` may be unset. */
struct frames *frames_new(struct str content_type);
void frames_free(struct frames *f);

/* Hand over what was received. E_LIMIT when a frame grows over FRAME_MAX_BYTES, E_NOMEM. */
status frames_push(struct frames *f, struct str bytes);
/* Nothing more will come: a last frame without its blank line becomes available. */
status frames_end(struct frames *f);

/* Has memory run out? No frame comes any more then. */
bool frames_failed(const struct frames *f);

/* The next complete frame: true and `*out`. False: none yet. `scratch` holds converted text. A
   frame that cannot be understood is handed out as it is, for the reader to refuse. */
bool frames_next(struct frames *f, struct arena *scratch, struct frame *out);

/* Append a frame as a server-sent event. A line end inside of the data begins a further data line.
 */
void frame_render(const struct frame *frame, struct buf *out);

#endif

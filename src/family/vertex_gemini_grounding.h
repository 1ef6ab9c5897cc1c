/*
 * Gemini's grounding (Google AI for Developers, "GroundingMetadata") as citations.
 *
 * It comes beside the text, mostly in the last chunk, and names places in the text by bytes. The text
 * is not kept for its sake, so places are told where all of it is ASCII; otherwise a source is given for the whole block.
 */
#ifndef CORELAY_FAMILY_VERTEX_GEMINI_GROUNDING_H
#define CORELAY_FAMILY_VERTEX_GEMINI_GROUNDING_H

#include "base/jspan.h"
#include "chat/event.h"

enum { GROUNDED_PLACES = 1000 }; /* in one block */

/* Of one candidate; zeroed to begin with. */
struct gemini_grounding {
    struct chat_length said; /* by the open text block */
    struct str metadata;     /* the newest, as JSON text; unset: none, or it is told */
};

/* A text block opens; a piece of it was said. */
void gemini_grounding_open(struct gemini_grounding *g);
void gemini_grounding_say(struct gemini_grounding *g, struct str text);
/* Remember what the candidate is grounded in, if it says so. E_NOMEM. */
status gemini_grounding_keep(struct gemini_grounding *g, struct arena *arena, struct arena *scratch,
                             const struct jspan *candidate);
/* Push the citations of the open text block, once: `event` is of that block. */
status gemini_grounding_tell(struct gemini_grounding *g, struct arena *arena,
                             struct chat_sink *sink, struct chat_event event);

#endif

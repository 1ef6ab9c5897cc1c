/*
 * The hub's answer: a stream of events.
 *
 *     START  ( OPEN DELTA* CITATION* CLOSE )*  USAGE?  STOP      or, at any point,  ERROR
 *
 * Families push them, dialects render them as they come. Blocks are numbered from 0 and never
 * overlap within one choice; citations come behind all of a text block's text; USAGE may come more than once, the last one counts. Text is borrowed
 * for the call only. A whole (non-stream) answer is the same sequence.
 */
#ifndef CORELAY_CHAT_EVENT_H
#define CORELAY_CHAT_EVENT_H

#include <stdint.h>

#include "base/status.h"
#include "base/str.h"
#include "chat/citation.h"
#include "chat/error.h"

enum chat_event_kind {
    CHAT_EVENT_START,
    CHAT_EVENT_OPEN,
    CHAT_EVENT_DELTA,
    CHAT_EVENT_CITATION, /* of a TEXT block */
    CHAT_EVENT_CLOSE,
    CHAT_EVENT_USAGE,
    CHAT_EVENT_STOP,
    CHAT_EVENT_ERROR
};

enum chat_block {
    CHAT_BLOCK_TEXT,
    CHAT_BLOCK_THINKING,
    CHAT_BLOCK_REDACTED, /* its data stands whole in `text` of OPEN */
    CHAT_BLOCK_TOOL,     /* its deltas are pieces of the JSON arguments */
    CHAT_BLOCK_REFUSAL
};

enum chat_stop {
    CHAT_STOP_END,
    CHAT_STOP_SEQUENCE,
    CHAT_STOP_LENGTH,
    CHAT_STOP_TOOL,
    CHAT_STOP_FILTER,  /* a content filter cut it */
    CHAT_STOP_REFUSAL, /* the model declined */
    CHAT_STOP_CONTEXT, /* the context window is full */
    CHAT_STOP_PAUSE,
    CHAT_STOP_MALFORMED_CALL
};

/* Tokens. Cached ones are part of `input`, thinking is part of `output`: each is counted once. */
struct chat_usage {
    int64_t input, cache_read, cache_write, cache_write_1h;
    int64_t output, reasoning; /* reasoning: -1 when the family does not tell */
    int64_t audio_input, audio_output;
};

struct chat_event {
    enum chat_event_kind kind;
    unsigned choice;       /* 0 unless the caller asked for several answers */
    unsigned index;        /* OPEN, DELTA, CITATION, CLOSE: number of the block within its choice */
    enum chat_block block; /* the same */
    struct str id;   /* START: the answer's id upstream, may be unset; OPEN of TOOL: the call's id,
                        unset where the family has none; OPEN of THINKING: likewise the item's */
    struct str name; /* START: the model's name upstream; OPEN of TOOL: the tool */
    struct str text; /* DELTA: a piece; OPEN of REDACTED: the data */
    struct str signature; /* DELTA of THINKING (alone, at its end); OPEN of TOOL or TEXT */
    struct str logprobs;  /* DELTA of TEXT: array of OpenAI logprob objects as JSON text */
    const struct chat_citation *citation; /* CITATION */
    struct chat_usage usage;              /* USAGE; START may know the input already (input > 0) */
    enum chat_stop stop;                  /* STOP */
    struct str stop_sequence;             /* STOP by SEQUENCE, when known */
    const struct chat_error *error;       /* ERROR */
};

/* Where events go. Embed it as first member; `push` gets the sink itself. */
struct chat_sink {
    status (*push)(struct chat_sink *sink, const struct chat_event *event);
};

static inline status chat_push(struct chat_sink *sink, const struct chat_event *event)
{
    return sink->push(sink, event);
}

#endif

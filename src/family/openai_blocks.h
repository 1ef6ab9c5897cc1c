/*
 * Blocks of one choice, put in order.
 *
 * The hub has one open block at a time, numbered without gaps. Chat completions promise no such
 * thing: pieces of several tool calls may come interleaved. So the first block that is not finished
 * is open and passes its pieces on at once; pieces of the blocks behind it wait. A tool call is
 * finished when its arguments are a complete JSON value (then the next may open), anything else
 * when something else begins.
 */
#ifndef CORELAY_FAMILY_OPENAI_BLOCKS_H
#define CORELAY_FAMILY_OPENAI_BLOCKS_H

#include "base/arena.h"
#include "chat/event.h"
#include "family/json_scan.h"

enum { BLOCKS_WAITING_BYTES = 4 * 1024 * 1024 };

struct openai_block;

struct openai_blocks {
    struct arena *arena;
    struct chat_sink *sink;
    unsigned choice, opened;
    struct openai_block *open, *last; /* the open one, and those that wait behind it */
    struct openai_block *calls;       /* every tool call so far, the newest first */
    size_t waiting;                   /* bytes kept for blocks that are not open */
    struct chat_length said;          /* of the text of the block that is open */
    bool called, refused;             /* there was a tool call; a refusal */
};

/* A piece of text, thinking or refusal. Empty pieces are swallowed. */
status openai_blocks_text(struct openai_blocks *b, enum chat_block block, struct str text,
                          struct str signature, struct str logprobs);
/* A piece of a tool call: `index` -1 when upstream does not number its calls; `id` and `name` stand
   in the first piece. E_SYNTAX for a piece of a call that is complete or has not begun. */
status openai_blocks_call(struct openai_blocks *b, int64_t index, struct str id, struct str name,
                          struct str arguments);
/* A source of the open block, which must be text and the last: else it is left out. */
status openai_blocks_cite(struct openai_blocks *b, const struct chat_citation *citation);
/* Nothing more will come: passes on what waits and closes. */
status openai_blocks_end(struct openai_blocks *b);

#endif

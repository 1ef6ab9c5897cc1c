/*
 * Events collected into a whole answer, for callers who do not stream.
 */
#ifndef CORELAY_CHAT_COLLECT_H
#define CORELAY_CHAT_COLLECT_H

#include "base/arena.h"
#include "chat/event.h"

struct chat_answer_block {
    enum chat_block block;
    unsigned choice;
    struct str id, name, text, signature, logprobs; /* text: whole; logprobs: one JSON array */
    struct chat_citation *citations;                /* NULL: none */
    struct chat_answer_block *next;
};

struct chat_answer_choice {
    unsigned index;
    bool stopped;
    enum chat_stop stop;
    struct str stop_sequence;
    struct chat_answer_choice *next;
};

struct chat_answer {
    struct str id, model;               /* as upstream named them */
    struct chat_answer_block *blocks;   /* in order; of several choices mixed */
    struct chat_answer_choice *choices; /* by index */
    struct chat_usage usage;
    bool has_usage, failed;
    struct chat_error error; /* when failed */
};

struct chat_collect;

/* A collector in `arena`, which also holds the answer. At most `ceiling` bytes of text
   (E_LIMIT from push beyond). NULL when out of memory. */
struct chat_collect *chat_collect_new(struct arena *arena, size_t ceiling);
struct chat_sink *chat_collect_sink(struct chat_collect *c);
/* The answer so far; borrowed. */
const struct chat_answer *chat_collect_answer(struct chat_collect *c);

#endif

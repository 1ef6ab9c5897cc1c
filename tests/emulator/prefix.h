/*
 * Prompt caching as Bedrock does it: the request as a row of blocks with marks; a marked
 * prefix that was marked before is read from the cache, the rest up to the last mark is
 * written. There is no minimum length here, so that short tests can see it.
 */
#ifndef EMULATOR_PREFIX_H
#define EMULATOR_PREFIX_H

#include "convo.h"
#include "exchange.h"

enum { MAX_MARKS = 4 };

struct prefix_edge {
    uint64_t hash;
    size_t bytes;
};

struct prefix {
    struct pool *pool;
    struct prefix_edge *edges;
    size_t count, cap;
    size_t last_mark; /* index + 1 of the last marked edge */
    bool last_hour;
    struct prefix_edge marks[MAX_MARKS];
    size_t mark_count;
};

void prefix_init(struct prefix *p, struct exchange *x, const char *model);

/* The next block, without its cache mark. */
void prefix_add(struct prefix *p, const char *text);

/* The last block carries a mark; hour = the one-hour cache. */
void prefix_mark(struct prefix *p, bool hour);

/* Look up, store, and set c->cache_read, cache_write and cache_write_1h. */
void prefix_settle(struct prefix *p, struct convo *c);

/* Tokens of all blocks. */
int prefix_tokens(const struct prefix *p);

#endif

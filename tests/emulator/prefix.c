/* Prompt caching. See prefix.h. */
#include "prefix.h"

#include "cache.h"
#include "tenant.h"
#include "wire.h"

#include <string.h>

static int tokens_of(size_t bytes)
{
    return (int)((bytes + 3) / 4);
}

static struct prefix_edge *edge_add(struct prefix *p)
{
    if (p->count == p->cap) {
        p->cap = p->cap ? p->cap * 2 : 64;
        p->edges = pool_grow(p->pool, p->edges, p->cap * sizeof *p->edges);
    }
    return &p->edges[p->count++];
}

void prefix_init(struct prefix *p, struct exchange *x, const char *model)
{
    memset(p, 0, sizeof *p);
    p->pool = &x->pool;
    *edge_add(p) = (struct prefix_edge){hash_text(hash_text(5, x->tenant->name), model), 0};
}

void prefix_add(struct prefix *p, const char *text)
{
    struct prefix_edge before = p->edges[p->count - 1];

    *edge_add(p) = (struct prefix_edge){hash_text(before.hash ^ 0x5bd1e995, text),
                                        before.bytes + strlen(text)};
}

void prefix_mark(struct prefix *p, bool hour)
{
    p->last_mark = p->count;
    p->last_hour = hour;
    if (p->mark_count < MAX_MARKS)
        p->marks[p->mark_count++] = p->edges[p->count - 1];
}

void prefix_settle(struct prefix *p, struct convo *c)
{
    size_t i, known = 0;
    int written;

    if (!p->last_mark)
        return;
    for (i = p->last_mark; i-- > 1 && !known;)
        if (cache_has(p->edges[i].hash))
            known = p->edges[i].bytes;
    for (i = 0; i < p->mark_count; i++)
        cache_put(p->marks[i].hash);
    c->cache_read = tokens_of(known);
    written = tokens_of(p->edges[p->last_mark - 1].bytes) - c->cache_read;
    if (p->last_hour)
        c->cache_write_1h = written;
    c->cache_write = written;
}

int prefix_tokens(const struct prefix *p)
{
    return tokens_of(p->edges[p->count - 1].bytes) + 3;
}

/* The order check. Block numbers must rise by one within a choice, and one is open at a time. */
#include "chat/order.h"

#include <stdbool.h>

#include "base/log.h"

enum { MAX_CHOICES = 128 };

struct choice_state {
    unsigned next_index;
    bool open, cited, stopped;
    enum chat_block block;
};

struct order {
    struct chat_sink sink;
    struct chat_sink *next;
    bool started, failed;
    struct choice_state choices[MAX_CHOICES];
};

static const char *offence(struct order *o, struct choice_state *c, const struct chat_event *e)
{
    bool same = c->open && e->index + 1 == c->next_index && e->block == c->block;

    if (o->failed)
        return "an event behind an error";
    if (!o->started && e->kind != CHAT_EVENT_START && e->kind != CHAT_EVENT_ERROR)
        return "an event before the start";
    switch (e->kind) {
    case CHAT_EVENT_START:
        return o->started ? "a second start" : NULL;
    case CHAT_EVENT_OPEN:
        if (c->stopped)
            return "a block behind the stop";
        return c->open                     ? "a block opened inside another"
               : e->index != c->next_index ? "a block out of sequence"
                                           : NULL;
    case CHAT_EVENT_DELTA:
        return !same      ? "a piece of a block that is not open"
               : c->cited ? "a piece behind a citation"
                          : NULL;
    case CHAT_EVENT_CITATION:
        return same && e->block == CHAT_BLOCK_TEXT ? NULL : "a citation outside of an open text";
    case CHAT_EVENT_CLOSE:
        return same ? NULL : "the end of a block that is not open";
    case CHAT_EVENT_STOP:
        return c->open ? "a stop inside a block" : c->stopped ? "a second stop" : NULL;
    case CHAT_EVENT_USAGE:
    case CHAT_EVENT_ERROR:
        return NULL;
    }
    return "an unknown event";
}

static void advance(struct order *o, struct choice_state *c, const struct chat_event *e)
{
    switch (e->kind) {
    case CHAT_EVENT_START:
        o->started = true;
        break;
    case CHAT_EVENT_OPEN:
        c->open = true;
        c->block = e->block;
        c->cited = false;
        c->next_index++;
        break;
    case CHAT_EVENT_CITATION:
        c->cited = true;
        break;
    case CHAT_EVENT_CLOSE:
        c->open = false;
        break;
    case CHAT_EVENT_STOP:
        c->stopped = true;
        break;
    case CHAT_EVENT_ERROR:
        o->failed = true;
        break;
    default:
        break;
    }
}

static status order_push(struct chat_sink *sink, const struct chat_event *e)
{
    struct order *o = (struct order *)sink;

    if (e->choice >= MAX_CHOICES)
        return E_LIMIT;
    struct choice_state *c = &o->choices[e->choice];
    const char *what = offence(o, c, e);
    if (what) {
        log_error("event order broken: %s (kind %d, block %u of choice %u)", what, (int)e->kind,
                  e->index, e->choice);
        return FAIL;
    }
    advance(o, c, e);
    return chat_push(o->next, e);
}

struct chat_sink *chat_order_new(struct arena *arena, struct chat_sink *next)
{
    struct order *o = ARENA_NEW(arena, struct order);
    if (!o)
        return NULL;
    o->sink.push = order_push;
    o->next = next;
    return &o->sink;
}

/* The event printer. */
#include "event_print.h"

#include <inttypes.h>

#include "base/jwrite.h"
#include "chat/order.h"

struct event_print {
    struct chat_sink sink;
    struct buf *out;
};

static void put_quoted(struct buf *out, struct str s)
{
    struct jwrite w = jwrite_to(out);

    buf_add_char(out, ' ');
    jwrite_str(&w, s);
}

static void put_text(struct buf *out, const char *name, struct str s)
{
    if (s.n)
        buf_printf(out, " %s=%.*s", name, STR_ARG(s));
}

static void put_count(struct buf *out, const char *name, int64_t count, int64_t unset)
{
    if (count != unset)
        buf_printf(out, " %s=%" PRId64, name, count);
}

static const char *block_word(enum chat_block block)
{
    static const char *const words[] = {
        [CHAT_BLOCK_TEXT] = "text",         [CHAT_BLOCK_THINKING] = "thinking",
        [CHAT_BLOCK_REDACTED] = "redacted", [CHAT_BLOCK_TOOL] = "tool",
        [CHAT_BLOCK_REFUSAL] = "refusal",
    };
    return words[block];
}

static const char *stop_word(enum chat_stop stop)
{
    static const char *const words[] = {
        [CHAT_STOP_END] = "end",
        [CHAT_STOP_SEQUENCE] = "sequence",
        [CHAT_STOP_LENGTH] = "length",
        [CHAT_STOP_TOOL] = "tool",
        [CHAT_STOP_FILTER] = "filter",
        [CHAT_STOP_REFUSAL] = "refusal",
        [CHAT_STOP_CONTEXT] = "context",
        [CHAT_STOP_PAUSE] = "pause",
        [CHAT_STOP_MALFORMED_CALL] = "malformed_call",
    };
    return words[stop];
}

static void put_usage(struct buf *out, const struct chat_usage *u)
{
    put_count(out, "input", u->input, -1);
    put_count(out, "output", u->output, -1);
    put_count(out, "read", u->cache_read, 0);
    put_count(out, "write", u->cache_write, 0);
    put_count(out, "write_1h", u->cache_write_1h, 0);
    if (u->reasoning > 0)
        put_count(out, "reasoning", u->reasoning, 0);
}

static void put_block(struct buf *out, const char *word, const struct chat_event *e)
{
    buf_add_cstr(out, word);
    if (e->choice)
        buf_printf(out, " %u/", e->choice);
    buf_printf(out, " %u", e->index);
}

static void put_open(struct buf *out, const struct chat_event *e)
{
    put_block(out, "open", e);
    buf_printf(out, " %s", block_word(e->block));
    put_text(out, "id", e->id);
    put_text(out, "name", e->name);
    put_text(out, "signature", e->signature);
    if (e->text.n)
        put_quoted(out, e->text);
}

static void put_delta(struct buf *out, const struct chat_event *e)
{
    put_block(out, "delta", e);
    if (e->text.n)
        put_quoted(out, e->text);
    put_text(out, "signature", e->signature);
    put_text(out, "logprobs", e->logprobs);
}

static void put_citation(struct buf *out, const struct chat_event *e)
{
    static const char *const words[] = {[CHAT_SOURCE_WEB] = "web",
                                        [CHAT_SOURCE_SEARCH_RESULT] = "search_result",
                                        [CHAT_SOURCE_DOCUMENT] = "document"};
    const struct chat_citation *c = e->citation;

    put_block(out, "cite", e);
    buf_printf(out, " %s %zu..%zu (%zu..%zu)", words[c->source], c->begin.chars, c->end.chars,
               c->begin.bytes, c->end.bytes);
    put_text(out, "url", c->url);
    put_text(out, "title", c->title);
    put_text(out, "cited", c->cited);
    put_count(out, "number", c->number, -1);
    put_count(out, "from", c->from, -1);
    put_count(out, "to", c->to, -1);
}

static status print(struct chat_sink *sink, const struct chat_event *e)
{
    struct buf *out = ((struct event_print *)sink)->out;

    switch (e->kind) {
    case CHAT_EVENT_START:
        buf_add_cstr(out, "start");
        put_text(out, "id", e->id);
        put_text(out, "model", e->name);
        put_count(out, "input", e->usage.input, 0);
        break;
    case CHAT_EVENT_OPEN:
        put_open(out, e);
        break;
    case CHAT_EVENT_DELTA:
        put_delta(out, e);
        break;
    case CHAT_EVENT_CITATION:
        put_citation(out, e);
        break;
    case CHAT_EVENT_CLOSE:
        put_block(out, "close", e);
        break;
    case CHAT_EVENT_USAGE:
        buf_add_cstr(out, "usage");
        put_usage(out, &e->usage);
        break;
    case CHAT_EVENT_STOP:
        buf_printf(out, "stop%s %s", e->choice ? "*" : "", stop_word(e->stop));
        put_text(out, "sequence", e->stop_sequence);
        break;
    case CHAT_EVENT_ERROR:
        buf_printf(out, "error %s", chat_error_word(e->error->kind));
        put_quoted(out, e->error->message);
        break;
    }
    buf_add_char(out, '\n');
    return OK;
}

struct chat_sink *event_print_new(struct arena *arena, struct buf *out)
{
    struct event_print *p = ARENA_NEW(arena, struct event_print);

    if (!p)
        return NULL;
    p->sink.push = print;
    p->out = out;
    return chat_order_new(arena, &p->sink);
}

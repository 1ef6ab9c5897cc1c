/* Any bytes as a request; aborts where a promise of dialect.h is broken. */
#include "dialect_rounds.h"

#include <stdlib.h>

#include "chat/order.h"

enum { MEMORY = 256 << 20, COLLECTED = 64 << 20 };

static void must(bool held)
{
    if (!held)
        abort();
}

static void must_be_json(struct arena *arena, struct str text)
{
    struct jspan *tree;
    struct jspan_error where;

    must(jspan_parse(arena, text, &tree, &where) == OK);
}

/* --- the request's parts, told as an answer -------------------------------------------------- */

static bool block_of(const struct chat_part *p, enum chat_block *block)
{
    switch (p->kind) {
    case CHAT_TEXT:
        *block = CHAT_BLOCK_TEXT;
        return true;
    case CHAT_THINKING:
        *block = CHAT_BLOCK_THINKING;
        return true;
    case CHAT_REDACTED_THINKING:
        *block = CHAT_BLOCK_REDACTED;
        return true;
    case CHAT_TOOL_CALL:
        *block = CHAT_BLOCK_TOOL;
        return true;
    case CHAT_REFUSAL:
        *block = CHAT_BLOCK_REFUSAL;
        return true;
    default:
        return false;
    }
}

static void tell_part(struct chat_sink *sink, const struct chat_part *p, unsigned *index)
{
    struct chat_event e = {.kind = CHAT_EVENT_OPEN, .index = *index, .id = p->id, .name = p->name};

    if (!block_of(p, &e.block))
        return;
    ++*index;
    if (e.block == CHAT_BLOCK_REDACTED)
        e.text = p->data;
    if (e.block != CHAT_BLOCK_THINKING)
        e.signature = p->signature;
    must(chat_push(sink, &e) == OK);
    e = (struct chat_event){.kind = CHAT_EVENT_DELTA, .index = e.index, .block = e.block};
    e.text = p->kind == CHAT_TOOL_CALL ? p->arguments : p->text;
    must(chat_push(sink, &e) == OK);
    e.text = STR_NONE;
    e.signature = e.block == CHAT_BLOCK_THINKING ? p->signature : STR_NONE;
    must(chat_push(sink, &e) == OK);
    e.kind = CHAT_EVENT_CLOSE;
    must(chat_push(sink, &e) == OK);
}

static void tell(struct chat_sink *sink, const struct chat_request *r)
{
    struct chat_event e = {.kind = CHAT_EVENT_START};
    unsigned index = 0;

    must(chat_push(sink, &e) == OK);
    for (const struct chat_message *m = r->messages; m; m = m->next)
        for (const struct chat_part *p = m->parts; p; p = p->next)
            tell_part(sink, p, &index);
    e = (struct chat_event){.kind = CHAT_EVENT_USAGE, .usage = {.input = 5, .output = 1}};
    must(chat_push(sink, &e) == OK);
    for (int64_t choice = 0; choice < (r->n > 1 ? r->n : 1); choice++) {
        e = (struct chat_event){.kind = CHAT_EVENT_STOP, .choice = (unsigned)choice};
        must(chat_push(sink, &e) == OK);
    }
}

/* Every "data:" line of the stream but [DONE]. */
static void check_frames(struct arena *arena, struct str stream)
{
    while (stream.n) {
        struct str line = str_trim(str_cut(&stream, '\n'));
        if (str_starts(line, "data: ") && !str_is(line, "data: [DONE]"))
            must_be_json(arena, str_slice(line, 6, line.n));
        else
            must(!line.n || str_starts(line, "event: ") || str_is(line, "data: [DONE]"));
    }
}

static void tell_back(struct arena *arena, const struct dialect *dialect,
                      const struct chat_request *r)
{
    struct dialect_reply reply = {.id = STR("x1"), .model = r->model, .request = r};
    struct buf out = {0};
    struct chat_collect *c = chat_collect_new(arena, COLLECTED);
    struct chat_sink *stream = dialect->stream(arena, &reply, &out);

    must(c && stream);
    tell(chat_order_new(arena, stream), r);
    check_frames(arena, buf_str(&out));
    buf_clear(&out);
    tell(chat_order_new(arena, chat_collect_sink(c)), r);
    must(dialect->render(arena, &reply, chat_collect_answer(c), &out) == OK);
    must_be_json(arena, buf_str(&out));
    buf_free(&out);
}

static void check_error(struct arena *arena, const struct dialect *dialect,
                        const struct chat_error *err)
{
    struct buf out = {0};

    must(err->kind == CHAT_ERROR_INVALID || err->kind == CHAT_ERROR_UNSUPPORTED);
    must(err->message.n > 0);
    dialect->error(err, STR("req_1"), &out);
    must_be_json(arena, buf_str(&out));
    buf_free(&out);
}

void dialect_rounds(const struct dialect *dialect, struct str body)
{
    struct arena *arena = arena_new(MEMORY);
    struct dropped dropped = {.arena = arena};
    struct chat_request request;
    struct chat_error err;
    struct jspan *tree;
    struct jspan_error where;

    if (arena && jspan_parse(arena, body, &tree, &where) == OK) {
        status s = dialect->decode(arena, tree, &request, &dropped, &err);
        if (s == OK)
            tell_back(arena, dialect, &request);
        else if (s == E_SYNTAX)
            check_error(arena, dialect, &err);
        else
            must(s == E_NOMEM);
    }
    arena_free(arena);
}

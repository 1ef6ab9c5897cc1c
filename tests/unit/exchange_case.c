/* Exchanges in tests. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "../golden/replay.h"
#include "base/jspan.h"
#include "exchange_case.h"

static struct str with_quotes(struct arena *arena, const char *text, bool raw)
{
    struct str copy = arena_str(arena, str_from(text));

    for (char *p = (char *)(uintptr_t)copy.p; p && *p && !raw; p++)
        if (*p == '\'')
            *p = '"';
    return copy;
}

static struct str reply_head(struct arena *arena, const struct exchange_case_given *given)
{
    bool stream = strstr(given->request, "'stream':true") != NULL;
    const char *type = given->type ? given->type
                       : stream    ? "200 text/event-stream"
                                   : "200 application/json";
    return arena_str(arena, str_from(type));
}

void exchange_case_act(struct exchange_case *c, const struct exchange_case_given *given)
{
    struct case_file file = {0}, out;
    struct str why = STR_NONE;

    *c = (struct exchange_case){.arena = arena_new(0)};
    file.call = str_from(given->call ? given->call : "");
    file.request = with_quotes(c->arena, given->request, false);
    file.answered = given->answer != NULL;
    if (given->answer) {
        file.reply = reply_head(c->arena, given);
        file.answer = with_quotes(c->arena, given->answer, given->raw);
    }
    status s = replay_case(c->arena, given->dialect, given->family, &file, &out, &why);
    if (s && (given->answer || !out.sent))
        fail_msg("%.*s", STR_ARG(why));
    c->path = out.path;
    c->sent = out.body;
    c->dropped = out.dropped;
    c->status = out.status;
    c->got = out.bytes;
}

void exchange_case_end(struct exchange_case *c)
{
    arena_free(c->arena);
}

/* --- what a text holds ----------------------------------------------------------------------- */

/* Where the first `part` ends, or 0. */
static size_t behind(struct str text, const char *part)
{
    struct arena *arena = arena_new(0);
    struct str wanted = with_quotes(arena, part, false);
    size_t at = str_find(text, wanted.p);
    size_t end = at < text.n ? at + wanted.n : 0;

    arena_free(arena);
    return end;
}

void assert_holds(struct str text, const char *part)
{
    if (!behind(text, part))
        fail_msg("no %s in\n%.*s", part, STR_ARG(text));
}

void assert_lacks(struct str text, const char *part)
{
    if (behind(text, part))
        fail_msg("%s in\n%.*s", part, STR_ARG(text));
}

void assert_count(struct str text, const char *part, unsigned count)
{
    struct str rest = text;
    unsigned seen = 0;

    for (size_t end; (end = behind(rest, part)) > 0; seen++)
        rest = str_slice(rest, end, rest.n);
    if (seen != count)
        fail_msg("%u times, not %u times, %s in\n%.*s", seen, count, part, STR_ARG(text));
}

void assert_in_order(struct str text, const char *const *parts)
{
    struct str rest = text;

    for (; *parts; parts++) {
        size_t end = behind(rest, *parts);
        if (!end)
            fail_msg("no %s at its place in\n%.*s", *parts, STR_ARG(text));
        rest = str_slice(rest, end, rest.n);
    }
}

struct str exchange_case_quoted(struct exchange_case *c, const char *before)
{
    size_t end = behind(c->got, before);

    if (!end)
        fail_msg("no %s in\n%.*s", before, STR_ARG(c->got));
    struct str rest = str_slice(c->got, end, c->got.n);
    return arena_str(c->arena, str_cut(&rest, '"'));
}

/* --- streams of messages --------------------------------------------------------------------- */

struct blocks {
    struct arena *arena;
    bool begun, ended;
    long next, open; /* the number of the next block; of the open one, or -1 */
    struct str kind; /* of the open block */
};

static struct str member(const struct blocks *b, const struct jspan *object, const char *name)
{
    return jspan_str(b->arena, jspan_get(object, name));
}

static long index_of(const struct blocks *b, const struct jspan *event)
{
    long index = -2;

    assert_true(str_to_long(jspan_text(b->arena, jspan_get(event, "index")), &index));
    return index;
}

static bool fits(struct str kind, struct str delta)
{
    static const char *const pairs[][2] = {
        {"text", "text_delta"},           {"text", "citations_delta"},
        {"thinking", "thinking_delta"},   {"thinking", "signature_delta"},
        {"tool_use", "input_json_delta"},
    };

    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++)
        if (str_is(kind, pairs[i][0]) && str_is(delta, pairs[i][1]))
            return true;
    return false;
}

static void check_event(struct blocks *b, const struct jspan *event)
{
    struct str type = member(b, event, "type");

    assert_false(b->ended);
    assert_int_equal(b->begun, !str_is(type, "message_start"));
    b->begun = true;
    if (str_is(type, "content_block_start")) {
        assert_int_equal(b->open, -1);
        assert_int_equal(index_of(b, event), b->next);
        b->open = b->next++;
        b->kind = member(b, jspan_get(event, "content_block"), "type");
    } else if (str_is(type, "content_block_delta")) {
        assert_int_equal(index_of(b, event), b->open);
        assert_true(fits(b->kind, member(b, jspan_get(event, "delta"), "type")));
    } else if (str_is(type, "content_block_stop")) {
        assert_int_equal(index_of(b, event), b->open);
        b->open = -1;
    } else if (str_is(type, "message_delta")) {
        assert_int_equal(b->open, -1);
    }
    b->ended = str_is(type, "message_stop");
}

void assert_blocks_are_sound(struct exchange_case *c)
{
    struct blocks b = {.arena = c->arena, .open = -1};
    struct str rest = c->got;

    while (rest.n) {
        struct str line = str_cut(&rest, '\n');
        struct jspan *event;
        if (!str_starts(line, "data: "))
            continue;
        assert_int_equal(jspan_parse(c->arena, str_slice(line, 6, line.n), &event, NULL), OK);
        check_event(&b, event);
    }
    assert_true(b.ended);
}

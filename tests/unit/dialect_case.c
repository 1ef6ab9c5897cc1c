/* What the tests of dialects share. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "dialect_case.h"

/* A copy with the other quotes, in the case's arena. */
static struct str requote(const struct dialect_case *c, const char *text)
{
    struct str copy = arena_str(c->arena, str_from(text));
    for (char *p = (char *)(uintptr_t)copy.p; p && *p; p++)
        if (*p == '\'')
            *p = '"';
    return copy;
}

void assert_str(struct str s, const char *expected)
{
    assert_int_equal(s.n, strlen(expected));
    if (s.n)
        assert_memory_equal(s.p, expected, s.n);
}

void dialect_case_begin(struct dialect_case *c, const struct dialect *dialect)
{
    *c = (struct dialect_case){.dialect = dialect, .arena = arena_new(0)};
    chat_request_init(&c->request);
    c->reply = (struct dialect_reply){.id = STR("abc1"),
                                      .model = STR("m"),
                                      .created = 1700000000,
                                      .input_estimate = 7,
                                      .request = &c->request};
}

void dialect_case_end(struct dialect_case *c)
{
    buf_free(&c->out);
    arena_free(c->arena);
}

status dialect_case_decode_raw(struct dialect_case *c, struct str body)
{
    struct jspan *tree;
    struct jspan_error where = {0};

    c->dropped = (struct dropped){.arena = c->arena};
    assert_int_equal(jspan_parse(c->arena, body, &tree, &where), OK);
    return c->dialect->decode(c->arena, tree, &c->request, &c->dropped, &c->error);
}

status dialect_case_decode(struct dialect_case *c, const char *body)
{
    return dialect_case_decode_raw(c, requote(c, body));
}

void dialect_case_refuse(struct dialect_case *c, const char *body, const char *param,
                         enum chat_error_kind kind)
{
    assert_int_equal(dialect_case_decode(c, body), E_SYNTAX);
    assert_int_equal(c->error.kind, kind);
    assert_int_equal(c->error.http_status, 400);
    assert_str(c->error.param, param);
    assert_true(c->error.message.n > 0);
}

void dialect_case_dropped(struct dialect_case *c, const char *expected)
{
    assert_str(dropped_text(&c->dropped), expected);
}

const struct chat_message *dialect_case_message(const struct dialect_case *c, unsigned n)
{
    const struct chat_message *m = c->request.messages;
    while (m && n--)
        m = m->next;
    assert_non_null(m);
    return m;
}

const struct chat_part *dialect_case_part(const struct dialect_case *c, unsigned message,
                                          unsigned part)
{
    const struct chat_part *p = dialect_case_message(c, message)->parts;
    while (p && part--)
        p = p->next;
    assert_non_null(p);
    return p;
}

void dialect_case_stream(struct dialect_case *c)
{
    struct chat_sink *stream = c->dialect->stream(c->arena, &c->reply, &c->out);
    assert_non_null(stream);
    c->sink = chat_order_new(c->arena, stream);
    buf_clear(&c->out);
}

void dialect_case_whole(struct dialect_case *c)
{
    c->collect = chat_collect_new(c->arena, 1 << 20);
    c->sink = chat_order_new(c->arena, chat_collect_sink(c->collect));
    buf_clear(&c->out);
}

void dialect_case_push(struct dialect_case *c, const struct chat_event *event)
{
    assert_int_equal(chat_push(c->sink, event), OK);
}

void dialect_case_start(struct dialect_case *c)
{
    dialect_case_push(c, &(struct chat_event){.kind = CHAT_EVENT_START});
}

void dialect_case_open(struct dialect_case *c, unsigned index, enum chat_block block)
{
    dialect_case_push(
        c, &(struct chat_event){.kind = CHAT_EVENT_OPEN, .index = index, .block = block});
}

void dialect_case_call(struct dialect_case *c, unsigned index, const char *id, const char *name,
                       const char *signature)
{
    dialect_case_push(c, &(struct chat_event){.kind = CHAT_EVENT_OPEN,
                                              .index = index,
                                              .block = CHAT_BLOCK_TOOL,
                                              .id = str_from(id),
                                              .name = str_from(name),
                                              .signature = str_from(signature)});
}

void dialect_case_delta(struct dialect_case *c, unsigned index, enum chat_block block,
                        const char *text)
{
    dialect_case_push(
        c, &(struct chat_event){
               .kind = CHAT_EVENT_DELTA, .index = index, .block = block, .text = str_from(text)});
}

void dialect_case_sign(struct dialect_case *c, unsigned index, const char *signature)
{
    dialect_case_push(c, &(struct chat_event){.kind = CHAT_EVENT_DELTA,
                                              .index = index,
                                              .block = CHAT_BLOCK_THINKING,
                                              .signature = str_from(signature)});
}

void dialect_case_close(struct dialect_case *c, unsigned index, enum chat_block block)
{
    dialect_case_push(
        c, &(struct chat_event){.kind = CHAT_EVENT_CLOSE, .index = index, .block = block});
}

void dialect_case_block(struct dialect_case *c, unsigned index, enum chat_block block,
                        const char *text)
{
    dialect_case_open(c, index, block);
    dialect_case_delta(c, index, block, text);
    dialect_case_close(c, index, block);
}

void dialect_case_usage(struct dialect_case *c, const struct chat_usage *usage)
{
    dialect_case_push(c, &(struct chat_event){.kind = CHAT_EVENT_USAGE, .usage = *usage});
}

void dialect_case_stop(struct dialect_case *c, enum chat_stop stop)
{
    dialect_case_push(c, &(struct chat_event){.kind = CHAT_EVENT_STOP, .stop = stop});
}

void dialect_case_wrote(struct dialect_case *c, const char *expected)
{
    struct str got = arena_str(c->arena, buf_str(&c->out));
    assert_string_equal(got.p ? got.p : "", requote(c, expected).p);
    buf_clear(&c->out);
}

void dialect_case_rendered(struct dialect_case *c, const char *expected)
{
    const struct chat_answer *answer = chat_collect_answer(c->collect);

    assert_int_equal(c->dialect->render(c->arena, &c->reply, answer, &c->out), OK);
    dialect_case_wrote(c, expected);
}

bool dialect_case_holds(const struct dialect_case *c, const char *text)
{
    struct str needle = requote(c, text), all = buf_str(&c->out);
    return str_find(all, needle.p) < all.n;
}

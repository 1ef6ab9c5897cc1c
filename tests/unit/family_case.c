/* The family test case. */
#include "family_case.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "event_print.h"

void family_case_open(struct family_case *c, const struct family *family, const char *model)
{
    *c = (struct family_case){.family = family, .arena = arena_new(0)};
    assert_non_null(c->arena);
    model_describe(str_from(model), &c->model);
    c->call.model = &c->model;
    c->dropped.arena = c->arena;
}

void family_case_close(struct family_case *c)
{
    arena_free(c->arena);
}

static const char *keep(struct family_case *c, struct buf *text)
{
    assert_false(text->failed);
    char *copy = arena_cstr(c->arena, buf_str(text));
    assert_non_null(copy);
    buf_free(text);
    return copy;
}

/* --- answers --------------------------------------------------------------------------------- */

struct reading {
    struct family_reader *reader;
    struct frames *frames;
    struct buf events, bytes;
    status failed;
};

static void drain(struct family_case *c, struct reading *r)
{
    for (;;) {
        struct frame frame;
        struct arena *scratch = arena_new(0);
        bool more = frames_next(r->frames, scratch, &frame);
        if (more && !r->failed) {
            r->failed = c->family->read_frame(r->reader, scratch, &frame);
            if (!r->failed && c->family->relay)
                c->family->relay(r->reader, &frame, &r->bytes);
        }
        arena_free(scratch);
        if (!more)
            return;
    }
}

static void end_line(struct buf *events, status s)
{
    buf_printf(events, "end %s\n", s ? status_text(s) : "ok");
}

/* Read in pieces that end at `cut` and at the end; step > 0: in pieces of that size. */
static void read_pieces(struct family_case *c, struct reading *r, struct str all, size_t cut,
                        size_t step)
{
    struct arena *arena = arena_new(0);

    *r = (struct reading){.frames = frames_new(STR("text/event-stream"))};
    r->reader = c->family->reader(arena, &c->call, event_print_new(arena, &r->events));
    assert_non_null(r->reader);
    for (size_t from = 0, to; from < all.n; from = to) {
        to = step ? from + step : from < cut ? cut : all.n;
        /* Memory of just that size: a read over its end is seen by the sanitizer. */
        char *piece = test_malloc(to - from);
        memcpy(piece, all.p + from, to - from);
        assert_int_equal(frames_push(r->frames, (struct str){piece, to - from}), OK);
        test_free(piece);
        drain(c, r);
    }
    assert_int_equal(frames_end(r->frames), OK);
    drain(c, r);
    if (!r->failed)
        r->failed = c->family->read_end(r->reader);
    end_line(&r->events, r->failed);
    frames_free(r->frames);
    arena_free(arena);
}

static void read_cut(struct family_case *c, struct str all, struct reading *whole)
{
    read_pieces(c, whole, all, all.n, 0);
    for (size_t cut = 0; cut <= all.n; cut++) {
        struct reading r;
        if (cut == 0)
            read_pieces(c, &r, all, 0, 1);
        else
            read_pieces(c, &r, all, cut, 0);
        if (!str_eq(buf_str(&r.events), buf_str(&whole->events)))
            print_error("cut at %zu:\n%.*s", cut, STR_ARG(buf_str(&r.events)));
        assert_true(str_eq(buf_str(&r.events), buf_str(&whole->events)));
        assert_true(str_eq(buf_str(&r.bytes), buf_str(&whole->bytes)));
        buf_free(&r.events);
        buf_free(&r.bytes);
    }
}

const char *family_case_stream(struct family_case *c, const char *bytes)
{
    struct reading r;

    read_cut(c, str_from(bytes), &r);
    buf_free(&r.bytes);
    return keep(c, &r.events);
}

const char *family_case_relay(struct family_case *c, const char *bytes)
{
    struct reading r;

    read_cut(c, str_from(bytes), &r);
    buf_free(&r.events);
    return keep(c, &r.bytes);
}

const char *family_case_whole(struct family_case *c, const char *body)
{
    struct buf events = {0};
    struct arena *arena = arena_new(0);
    struct family_reader *reader =
        c->family->reader(arena, &c->call, event_print_new(arena, &events));

    end_line(&events, c->family->read_whole(reader, arena, str_from(body)));
    arena_free(arena);
    return keep(c, &events);
}

size_t family_case_growth(struct family_case *c, const char *frame)
{
    struct arena *arena = arena_new(0);
    struct buf events = {0};
    struct family_reader *reader =
        c->family->reader(arena, &c->call, event_print_new(arena, &events));
    struct frame f = {.data = str_from(frame)};
    size_t before = 0;

    for (int i = 0; i <= 1000; i++) {
        struct arena *scratch = arena_new(0);
        assert_int_equal(c->family->read_frame(reader, scratch, &f), OK);
        arena_free(scratch);
        if (i == 0)
            before = arena_used(arena);
    }
    size_t growth = arena_used(arena) - before;
    arena_free(arena);
    buf_free(&events);
    return growth;
}

/* --- requests -------------------------------------------------------------------------------- */

static const char *refused(struct family_case *c, status s, struct buf *out)
{
    buf_free(out);
    assert_int_equal(s, E_SYNTAX);
    assert_int_equal(c->err.http_status, 400);
    return arena_printf(c->arena, "refused: %.*s", STR_ARG(c->err.message)).p;
}

const char *family_case_prepare(struct family_case *c, const char *body)
{
    struct jspan *root;
    struct buf out = {0};

    assert_int_equal(jspan_parse(c->arena, str_from(body), &root, NULL), OK);
    status s = c->family->prepare(c->arena, root, &c->call, &c->dropped, &c->err);
    if (s)
        return refused(c, s, &out);
    jspan_render(root, &out);
    return keep(c, &out);
}

const char *family_case_encode(struct family_case *c, const struct chat_request *request)
{
    struct buf out = {0};
    struct jspan *root;

    status s = c->family->encode(c->arena, request, &c->call, &out, &c->dropped, &c->err);
    if (s)
        return refused(c, s, &out);
    assert_int_equal(jspan_parse(c->arena, buf_str(&out), &root, NULL), OK);
    return keep(c, &out);
}

const char *family_case_dropped(struct family_case *c)
{
    struct str text = dropped_text(&c->dropped);

    c->dropped.first = c->dropped.last = NULL;
    return text.n ? text.p : "";
}

const char *family_case_path(struct family_case *c)
{
    struct buf out = {0};

    c->family->path(&c->call, &out);
    return keep(c, &out);
}

struct chat_part *case_text(struct family_case *c, struct chat_part ***at, const char *text)
{
    struct chat_part *p = chat_add_part(c->arena, at, CHAT_TEXT);
    p->text = str_from(text);
    return p;
}

struct chat_part *case_call(struct family_case *c, struct chat_part ***at, const char *id,
                            const char *name, const char *arguments)
{
    struct chat_part *p = chat_add_part(c->arena, at, CHAT_TOOL_CALL);
    p->id = str_from(id);
    p->name = str_from(name);
    p->arguments = str_from(arguments);
    return p;
}

struct chat_part *case_result(struct family_case *c, struct chat_part ***at, const char *id,
                              const char *text)
{
    struct chat_part *p = chat_add_part(c->arena, at, CHAT_TOOL_RESULT);
    struct chat_part **content = &p->content;
    p->id = str_from(id);
    case_text(c, &content, text);
    return p;
}

struct chat_part *case_image(struct family_case *c, struct chat_part ***at, const char *type,
                             const char *data)
{
    struct chat_part *p = chat_add_part(c->arena, at, CHAT_IMAGE);
    p->media_type = str_from(type);
    p->data = str_from(data);
    return p;
}

struct chat_part **case_message(struct family_case *c, struct chat_message ***at,
                                enum chat_role role)
{
    return &chat_add_message(c->arena, at, role)->parts;
}

struct chat_tool *case_tool(struct family_case *c, struct chat_request *r, const char *name,
                            const char *schema)
{
    struct chat_tool *t = ARENA_NEW(c->arena, struct chat_tool), **at = &r->tools;

    while (*at)
        at = &(*at)->next;
    *at = t;
    t->name = str_from(name);
    t->schema = str_from(schema);
    t->strict = -1;
    return t;
}

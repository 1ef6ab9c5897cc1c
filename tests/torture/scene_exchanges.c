/* The golden cases as scenes: the way of each exchange up and down, as in tests/golden/replay.c. */
#include <stdio.h>
#include <stdlib.h>

#include "../golden/case_file.h"
#include "../golden/event_stream.h"
#include "base/file.h"
#include "exchange/life.h"
#include "family/upstream_error.h"
#include "scene.h"

enum { FILE_BYTES = 1 << 20, WHOLE_BYTES = 1 << 20, NAME_BYTES = 512 };

/* A case, read while nothing fails. */
struct given {
    const struct dialect *dialect;
    const struct family *family;
    struct case_file file;
    struct buf answer;
    struct family_model model;
    struct str model_asked;
    bool stream;
};

struct acted {
    const struct given *given;
    struct arena *arena;
    struct family_call call;
    struct chat_request chat;
    struct dropped dropped;
    struct chat_error error;
};

/* --- up -------------------------------------------------------------------------------------- */

static status decode_and_encode(struct acted *w, struct jspan **body)
{
    const struct given *g = w->given;
    status s = g->dialect->decode(w->arena, *body, &w->chat, &w->dropped, &w->error);

    if (s)
        return s;
    w->chat.betas = w->call.betas;
    return prepare_encoded(w->arena, g->family, &w->chat, &w->call, body, &w->dropped, &w->error);
}

static status go_up(struct acted *w, struct buf *out)
{
    const struct given *g = w->given;
    struct jspan *body;
    status s = jspan_parse(w->arena, g->file.request, &body, NULL);

    if (s)
        return s;
    w->call = (struct family_call){.model = &g->model, .stream = g->stream};
    w->call.betas = case_file_setting(&g->file, "anthropic-beta");
    w->call.include_usage =
        jspan_true(jspan_get(jspan_get(body, "stream_options"), "include_usage"));
    w->call.lane = g->family->wire == g->dialect->wire &&
                   (!g->family->lane_fits || g->family->lane_fits(body));
    if (!w->call.lane)
        s = decode_and_encode(w, &body);
    if (!s && g->family->prepare)
        s = g->family->prepare(w->arena, body, &w->call, &w->dropped, &w->error);
    if (s)
        return s;
    g->family->path(&w->call, out);
    jspan_render(body, out);
    return out->failed ? E_NOMEM : OK;
}

/* --- down ------------------------------------------------------------------------------------ */

struct watched {
    struct chat_sink sink;
    struct chat_sink *next; /* NULL on the lane */
    bool failed;            /* upstream told of an error */
};

static status tap_push(struct chat_sink *sink, const struct chat_event *e)
{
    struct watched *tap = (struct watched *)sink;

    tap->failed |= e->kind == CHAT_EVENT_ERROR;
    return tap->failed || !tap->next ? OK : chat_push(tap->next, e);
}

/* As the exchange does: what was built where memory ran out is not used. */
static status settle(const struct acted *w, const struct arena *scratch, status s)
{
    return arena_failed(scratch) || arena_failed(w->arena) ? E_NOMEM : s;
}

static status read_frames(struct acted *w, struct frames *frames, struct family_reader *reader,
                          struct buf *out)
{
    const struct family *family = w->given->family;
    status s = OK;

    for (bool more = true; more && !s;) {
        struct arena *scratch = arena_new(0);
        struct frame frame;
        if (!scratch)
            return E_NOMEM;
        more = frames_next(frames, scratch, &frame);
        s = more ? family->read_frame(reader, scratch, &frame) : OK;
        if (more && !s && w->call.lane)
            family->relay(reader, &frame, out);
        s = frames_failed(frames) ? E_NOMEM : settle(w, scratch, s);
        arena_free(scratch);
    }
    return s;
}

static status read_stream(struct acted *w, struct family_reader *reader, struct buf *out)
{
    struct str type = w->given->file.reply;

    str_cut(&type, ' ');
    struct frames *frames = frames_new(type);
    if (!frames)
        return E_NOMEM;
    status s = frames_push(frames, buf_str(&w->given->answer));
    if (!s)
        s = read_frames(w, frames, reader, out);
    if (!s)
        s = frames_end(frames);
    if (!s)
        s = read_frames(w, frames, reader, out);
    frames_free(frames);
    return s ? s : w->given->family->read_end(reader);
}

static status read_whole(struct acted *w, struct family_reader *reader)
{
    struct arena *scratch = arena_new(0);
    status s = scratch ? w->given->family->read_whole(reader, scratch, buf_str(&w->given->answer))
                       : E_NOMEM;

    if (scratch)
        s = settle(w, scratch, s);
    arena_free(scratch);
    return s;
}

static status read_answer(struct acted *w, struct watched *tap, struct chat_collect *collect,
                          const struct dialect_reply *reply, struct buf *out)
{
    struct family_reader *reader = w->given->family->reader(w->arena, &w->call, &tap->sink);

    if (!reader)
        return E_NOMEM;
    status s = w->call.stream ? read_stream(w, reader, out) : read_whole(w, reader);
    if (!s && tap->failed)
        s = E_SYNTAX;
    if (!s && collect)
        s = w->given->dialect->render(w->arena, reply, chat_collect_answer(collect), out);
    return !s && out->failed ? E_NOMEM : s;
}

static status go_down(struct acted *w, struct buf *out)
{
    const struct given *g = w->given;
    struct dialect_reply reply = {.id = STR("torture1"),
                                  .model = g->model_asked,
                                  .created = 1767225600,
                                  .input_estimate = 42,
                                  .request = &w->chat};
    struct watched tap = {{tap_push}, NULL, false};
    struct chat_collect *collect = NULL;

    if (atoi(g->file.reply.p) != 200) {
        upstream_error_parse(w->arena, atoi(g->file.reply.p), buf_str(&g->answer), &w->error);
        return E_SYNTAX;
    }
    if (!w->call.lane && w->call.stream)
        tap.next = g->dialect->stream(w->arena, &reply, out);
    if (!w->call.lane && !w->call.stream) {
        collect = chat_collect_new(w->arena, WHOLE_BYTES);
        tap.next = collect ? chat_collect_sink(collect) : NULL;
    }
    if (!w->call.lane && !tap.next)
        return E_NOMEM;
    return read_answer(w, &tap, collect, &reply, out);
}

static status act(const void *arg, struct buf *out)
{
    struct acted w = {.given = arg, .arena = arena_new(0)};

    if (!w.arena)
        return E_NOMEM;
    w.dropped.arena = w.arena;
    chat_request_init(&w.chat);
    status s = go_up(&w, out);
    if (!s && w.given->file.answered)
        s = go_down(&w, out);
    s = settle(&w, w.arena, s);
    if (s)
        buf_clear(out);
    arena_free(w.arena);
    return s;
}

/* --- the cases ------------------------------------------------------------------------------- */

static const struct dialect *find_dialect(struct str name)
{
    static const struct dialect *const dialects[] = {
        &dialect_openai_chat, &dialect_openai_responses, &dialect_anthropic_messages,
        &dialect_gemini_generate};

    for (size_t i = 0; i < sizeof dialects / sizeof *dialects; i++)
        if (str_is(name, dialects[i]->name))
            return dialects[i];
    return NULL;
}

/* tests/golden/cases/DIALECT.FAMILY/FEATURE */
static bool find_pair(struct given *g, struct str path)
{
    struct str pair = STR_NONE;

    for (int i = 0; i < 4; i++)
        pair = str_cut(&path, '/');
    g->dialect = find_dialect(str_cut(&pair, '.'));
    g->family = family_find(pair);
    return g->dialect && g->family;
}

static void read_url(struct given *g, struct arena *arena)
{
    struct str query = case_file_setting(&g->file, "path");
    struct str path = str_cut(&query, '?');
    struct endpoint_match match;

    if (!path.n || endpoint_find(arena, path, false, &match) || !match.endpoint)
        return;
    g->model_asked = match.model;
    g->stream = match.endpoint->stream == STREAM_ALWAYS;
}

static bool read_case(struct given *g, struct arena *arena, struct str text)
{
    struct jspan *body;
    const char *why;

    if (case_file_parse(text, &g->file, &why) ||
        jspan_parse(arena, g->file.request, &body, NULL) != OK)
        return false;
    g->model_asked = jspan_str(arena, jspan_get(body, "model"));
    g->stream = jspan_true(jspan_get(body, "stream"));
    read_url(g, arena);
    struct str name = case_file_setting(&g->file, "model");
    model_describe(name.n ? name : g->model_asked, &g->model);
    if (str_find(g->file.reply, "amazon.eventstream") < g->file.reply.n)
        event_stream_from_text(g->file.answer, &g->answer);
    else
        buf_add_str(&g->answer, g->file.answer);
    return true;
}

static unsigned torture_case(const char *root, struct str path)
{
    char name[NAME_BYTES];
    struct arena *arena = arena_new(0);
    struct buf text = {.ceiling = FILE_BYTES};
    struct given g = {0};
    unsigned bad = 0;

    snprintf(name, sizeof name, "%s/%.*s", root, STR_ARG(path));
    if (find_pair(&g, path) && file_read(name, &text) == OK && read_case(&g, arena, buf_str(&text)))
        bad = torture(&(struct scene){name, act, &g});
    buf_free(&g.answer);
    buf_free(&text);
    arena_free(arena);
    return bad;
}

unsigned torture_exchanges(const char *root)
{
    char name[NAME_BYTES];
    struct buf names = {0};
    unsigned bad = 0;

    snprintf(name, sizeof name, "%s/tests/golden/cases.list", root);
    if (file_read(name, &names)) {
        printf("FAIL %s cannot be read\n", name);
        return 1;
    }
    for (struct str rest = buf_str(&names); rest.n && bad < 40;)
        bad += torture_case(root, str_cut(&rest, '\n'));
    buf_free(&names);
    return bad;
}

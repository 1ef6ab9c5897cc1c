/* The way up (src/exchange/attempt.c), and the cuts. */
#include "replay.h"

#include "event_stream.h"

/* --- the request ----------------------------------------------------------------------------- */

static status read_request(struct replay *r, struct jspan **body, struct str *why)
{
    status s = jspan_parse(r->arena, r->given->request, body, NULL);

    if (s || !jspan_is(*body, JSPAN_OBJECT)) {
        *why = STR("the request is no JSON object");
        return E_SYNTAX;
    }
    r->model_asked = jspan_str(r->arena, jspan_get(*body, "model"));
    r->call.stream = jspan_true(jspan_get(*body, "stream"));
    r->call.include_usage =
        jspan_true(jspan_get(jspan_get(*body, "stream_options"), "include_usage"));
    r->call.betas = case_file_setting(r->given, "anthropic-beta");
    struct str name = case_file_setting(r->given, "model");
    model_describe(name.n ? name : r->model_asked, &r->model);
    r->call.model = &r->model;
    r->call.lane = r->family->wire == r->dialect->wire;
    return OK;
}

static status encode(struct replay *r, const struct jspan *from, struct jspan **to)
{
    struct buf text = {0};
    status s = r->dialect->decode(r->arena, from, &r->chat, &r->dropped, &r->error);

    r->chat.betas = r->call.betas;
    r->call.choices = r->chat.n > 1 ? (unsigned)r->chat.n : 1;
    if (!s)
        s = r->family->encode(r->arena, &r->chat, &r->call, &text, &r->dropped, &r->error);
    if (!s)
        s = jspan_parse(r->arena, arena_str(r->arena, buf_str(&text)), to, NULL);
    buf_free(&text);
    return s;
}

static status make_upstream_request(struct replay *r, struct jspan *body, struct case_file *out)
{
    struct buf text = {0};
    status s = OK;

    if (!r->call.lane)
        s = encode(r, body, &body);
    if (!s && r->family->prepare)
        s = r->family->prepare(r->arena, body, &r->call, &r->dropped, &r->error);
    out->dropped = dropped_text(&r->dropped);
    if (s)
        return s;
    out->sent = true;
    jspan_render(body, &text);
    out->body = arena_str(r->arena, buf_str(&text));
    buf_clear(&text);
    r->family->path(&r->call, &text);
    out->path = arena_str(r->arena, buf_str(&text));
    buf_free(&text);
    return OK;
}

static void refuse(struct replay *r, struct case_file *out)
{
    struct buf body = {0};

    r->dialect->error(&r->error, STR("req_golden0001"), &body);
    out->status = r->error.http_status;
    out->bytes = arena_str(r->arena, buf_str(&body));
    buf_free(&body);
}

/* --- the answer ------------------------------------------------------------------------------ */

static bool same_when_cut(struct replay *r, struct str upstream, const struct case_file *whole,
                          size_t cut, size_t step, struct str *why)
{
    struct buf out = {0};
    int code = 0;

    replay_answer(r, upstream, cut, step, &code, &out);
    bool same = code == whole->status && str_eq(buf_str(&out), whole->bytes);
    if (!same)
        *why = arena_printf(r->arena, "cut at byte %zu, in pieces of %zu, the answer is\n%.*s", cut,
                            step, STR_ARG(buf_str(&out)));
    buf_free(&out);
    return same;
}

static status answer(struct replay *r, struct case_file *out, struct str *why)
{
    struct buf upstream = {0}, bytes = {0};
    bool same = true;

    if (str_find(r->given->reply, "amazon.eventstream") < r->given->reply.n)
        event_stream_from_text(r->given->answer, &upstream);
    else
        buf_add_str(&upstream, r->given->answer);
    struct str all = buf_str(&upstream);
    replay_answer(r, all, all.n, 0, &out->status, &bytes);
    out->bytes = arena_str(r->arena, buf_str(&bytes));
    for (size_t cut = 1; cut < all.n && same; cut++)
        same = same_when_cut(r, all, out, cut, 0, why);
    same = same && same_when_cut(r, all, out, 0, 1, why);
    buf_free(&bytes);
    buf_free(&upstream);
    return same ? OK : E_SYNTAX;
}

status replay_case(struct arena *arena, const struct dialect *dialect, const struct family *family,
                   const struct case_file *given, struct case_file *out, struct str *why)
{
    struct jspan *body;
    struct replay r = {.arena = arena, .dialect = dialect, .family = family, .given = given};

    *out = (struct case_file){.call = given->call,
                              .request = given->request,
                              .answered = given->answered,
                              .reply = given->reply,
                              .answer = given->answer};
    chat_request_init(&r.chat);
    r.dropped.arena = arena;
    status s = read_request(&r, &body, why);
    if (s)
        return s;
    if (make_upstream_request(&r, body, out)) {
        refuse(&r, out);
        *why = STR("the request was refused, but the case has an upstream answer");
        return given->answered || !r.error.kind ? E_SYNTAX : OK;
    }
    *why = STR("the request was sent, but the case has no upstream answer");
    return given->answered ? answer(&r, out, why) : E_SYNTAX;
}

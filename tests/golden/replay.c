/* The way up (src/exchange/attempt.c), and the cuts. */
#include "replay.h"

#include "event_stream.h"
#include "exchange/life.h"
#include "exchange/wording.h"

/* --- the request ----------------------------------------------------------------------------- */

/* What stands in the URL, for APIs that say it there: the model, whether it is a stream, its form. */
static bool read_url(struct replay *r)
{
    struct str query = case_file_setting(r->given, "path");
    struct str path = str_cut(&query, '?');
    struct endpoint_match match;

    if (!path.n)
        return true;
    if (endpoint_find(r->arena, path, false, &match) || !match.endpoint ||
        match.endpoint->dialect != r->dialect)
        return false;
    r->model_asked = match.model;
    r->call.stream = match.endpoint->stream == STREAM_ALWAYS;
    if (r->call.stream && !str_is(endpoint_query(r->arena, query, "alt"), "sse"))
        r->form = r->dialect->unless_sse;
    return true;
}

/* Azure OpenAI is the one deployment with two families. */
static bool comes_to_family(const struct replay *r, const struct jspan *body)
{
    const struct family *at =
        r->family == &family_azure_responses ? &family_azure_openai : r->family;
    return attempt_family(at, &r->model, r->dialect, body) == r->family;
}

/* What the configuration puts around the model: an object with the members of a profile. */
static status read_profile(struct replay *r)
{
    struct str text = case_file_setting(r->given, "profile");
    struct orchestration_profile *p = &r->profile;
    struct jspan *json;

    if (!text.n)
        return OK;
    if (jspan_parse(r->arena, text, &json, NULL))
        return E_SYNTAX;
    *p = (struct orchestration_profile){
        .name = "golden",
        .masking = jspan_text(r->arena, jspan_get(json, "masking")),
        .filtering = jspan_text(r->arena, jspan_get(json, "filtering")),
        .grounding = jspan_text(r->arena, jspan_get(json, "grounding")),
        .translation = jspan_text(r->arena, jspan_get(json, "translation")),
        .prompt_template = jspan_text(r->arena, jspan_get(json, "template"))};
    if (jspan_get(json, "question"))
        p->question = arena_cstr(r->arena, jspan_str(r->arena, jspan_get(json, "question")));
    r->call.profile = p;
    return OK;
}

static status read_request(struct replay *r, struct jspan **body, struct str *why)
{
    status s = jspan_parse(r->arena, r->given->request, body, NULL);

    *why = STR("the request is no JSON object");
    if (s || !jspan_is(*body, JSPAN_OBJECT))
        return E_SYNTAX;
    r->model_asked = jspan_str(r->arena, jspan_get(*body, "model"));
    r->call.stream = jspan_true(jspan_get(*body, "stream"));
    *why = STR("the path is none of the dialect's");
    if (!read_url(r))
        return E_SYNTAX;
    *why = STR("the profile is no JSON");
    if (read_profile(r))
        return E_SYNTAX;
    r->call.include_usage =
        jspan_true(jspan_get(jspan_get(*body, "stream_options"), "include_usage"));
    r->call.betas = case_file_setting(r->given, "anthropic-beta");
    struct str name = case_file_setting(r->given, "model");
    model_describe(name.n ? name : r->model_asked, &r->model);
    r->call.model = &r->model;
    r->call.lane = r->family->wire == r->dialect->wire &&
                   (!r->family->lane_fits || r->family->lane_fits(*body));
    *why = STR("the request would go to another family");
    return comes_to_family(r, *body) ? OK : E_SYNTAX;
}

static status encode(struct replay *r, const struct jspan *from, struct jspan **to)
{
    status s = r->dialect->decode(r->arena, from, &r->chat, &r->dropped, &r->error);

    if (s)
        return s;
    r->chat.betas = r->call.betas;
    return prepare_encoded(r->arena, r->family, &r->chat, &r->call, to, &r->dropped, &r->error);
}

static status make_upstream_request(struct replay *r, struct jspan *body, struct case_file *out)
{
    struct buf text = {0};
    status s = OK;

    if (!r->call.lane)
        s = encode(r, body, &body);
    if (!s && r->family->prepare)
        s = r->family->prepare(r->arena, body, &r->call, &r->dropped, &r->error);
    if (!r->call.lane)
        wording_apply(r->arena, r->dialect->words, &r->dropped, &r->error);
    if (s)
        wording_name_model(r->arena, r->model_asked, &r->error);
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

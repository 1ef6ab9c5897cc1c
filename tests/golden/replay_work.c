/*
 * The APIs that are no chats: embeddings, ordered documents, tables. What an endpoint does its own
 * way (struct work of src/exchange/life.h) is called here in the order in which the stages call it.
 *
 * Requests that are split into several calls have a line for each, in the upstream request and in
 * the upstream answer.
 */
#include <stdlib.h>

#include "exchange/life.h"
#include "exchange/wording.h"
#include "family/upstream_error.h"
#include "replay.h"

struct replay_work {
    struct exchange x;
    struct config config;
    struct route_model model;
    const struct case_file *given;
    struct embed_request embed; /* as the caller made it: x.embed is what is sent next */
    struct buf sent;            /* upstream, a line for each call */
    struct buf got;             /* by the caller */
    int status;
};

/* --- the caller ------------------------------------------------------------------------------ */

static struct str header(void *arg, const char *name)
{
    const struct replay_work *w = arg;

    return strcmp(name, "CONTENT_TYPE") == 0 ? case_file_setting(w->given, "content-type")
                                             : STR_NONE;
}

static void take_head(void *arg, int code, struct str headers)
{
    struct replay_work *w = arg;

    (void)headers;
    w->status = code;
}

static void take_body(void *arg, struct str bytes)
{
    struct replay_work *w = arg;

    buf_add_str(&w->got, bytes);
}

static const struct caller_ops ops = {.head = take_head, .body = take_body};

static const struct work *work_of(enum endpoint_kind kind)
{
    return kind == ENDPOINT_EMBEDDINGS ? &embed_work
           : kind == ENDPOINT_RERANK   ? &rerank_work
           : kind == ENDPOINT_PREDICT  ? &predict_work
                                       : NULL;
}

static bool begin(struct replay_work *w, struct arena *arena, const char *path,
                  const struct family *family)
{
    struct str query = case_file_setting(w->given, "path");
    struct str url = query.n ? str_cut(&query, '?') : str_from(path);
    struct exchange *x = &w->x;

    *x = (struct exchange){.config = &w->config,
                           .ops = &ops,
                           .arg = w,
                           .arena = arena,
                           .request = {.method = "POST",
                                       .path = url,
                                       .query = query,
                                       .header = header,
                                       .body = w->given->request},
                           .id = STR("req_golden0001"),
                           .dropped = {.arena = arena},
                           .model = &w->model,
                           .family = family,
                           .record = {.attempts = 1}};
    if (endpoint_find(arena, url, false, &x->match) || !x->match.endpoint)
        return false;
    x->dialect = x->match.endpoint->dialect;
    x->work = work_of(x->match.endpoint->kind);
    return x->work != NULL;
}

static void name_model(struct replay_work *w)
{
    struct str name = case_file_setting(w->given, "model");

    w->model.name = name.n ? name : w->x.model_asked;
    w->model.target_count = 1;
    model_describe(w->model.name, &w->model.rules);
    w->x.call.model = &w->model.rules;
}

/* --- the calls ------------------------------------------------------------------------------- */

/* What the next call takes of the caller's inputs goes into x.embed. False: nothing is left. */
static bool next_part(struct replay_work *w)
{
    const struct family_embed *family = w->x.family->embed;
    size_t most = family ? family->batch(&w->model.rules) : w->embed.count;
    struct embed_input *last = w->embed.inputs;

    if (!last)
        return false;
    w->x.embed = w->embed;
    w->x.embed.count = 1;
    for (; last->next && w->x.embed.count < most; last = last->next)
        w->x.embed.count++;
    w->embed.inputs = last->next;
    last->next = NULL;
    return true;
}

static status prepare(struct replay_work *w)
{
    buf_clear(&w->x.up_body);
    status s = w->x.work->prepare(&w->x);
    if (w->sent.n)
        buf_add_char(&w->sent, '\n');
    buf_add_str(&w->sent, buf_str(&w->x.up_body));
    return s;
}

/* `parts` are noted as they will be needed when the answers are there. */
static status send_calls(struct replay_work *w, struct embed_request *parts, size_t *count)
{
    status s = OK;

    if (w->x.work != &embed_work)
        return prepare(w);
    w->embed = w->x.embed;
    while (!s && next_part(w)) {
        parts[(*count)++] = w->x.embed;
        s = prepare(w);
    }
    return s;
}

/* --- the answer ------------------------------------------------------------------------------ */

static bool join(struct replay_work *w, const struct embed_request *parts, size_t count)
{
    struct str lines = w->given->answer;
    struct embed_answer all = {.tokens = 0};
    struct embed_vector **end = &all.vectors;

    for (size_t i = 0; i < count; i++) {
        struct embed_answer one = {.tokens = -1};
        struct str line = str_cut(&lines, '\n');
        if (w->x.family->embed->decode(w->x.arena, &parts[i], line, &one))
            return false;
        for (*end = one.vectors; *end; end = &(*end)->next)
            ;
        all.tokens = one.tokens < 0 || all.tokens < 0 ? -1 : all.tokens + one.tokens;
    }
    return embed_answer_caller(&w->x, &all);
}

static bool finish(struct replay_work *w, const struct embed_request *parts, size_t count)
{
    struct exchange *x = &w->x;

    if (x->work->takes) {
        w->status = x->up_status;
        return x->work->push(x, w->given->answer);
    }
    if (count)
        return join(w, parts, count);
    buf_add_str(&x->whole, w->given->answer);
    return x->work->finish(x);
}

static void answer(struct replay_work *w, const struct embed_request *parts, size_t count)
{
    struct exchange *x = &w->x;

    x->up_status = atoi(w->given->reply.p);
    bool taken = x->work->takes ? x->work->takes(x, x->up_status) : x->up_status == 200;
    if (!taken)
        upstream_error_parse(x->arena, x->up_status, w->given->answer, &x->error);
    if (!taken || !finish(w, parts, count))
        reply_error(x);
}

/* --- the case -------------------------------------------------------------------------------- */

static status act(struct replay_work *w, struct case_file *out, struct str *why)
{
    struct exchange *x = &w->x;
    struct embed_request *parts;
    struct buf path = {0};
    size_t count = 0;
    bool good = x->work->decode(x);

    name_model(w);
    parts = ARENA_ARRAY(x->arena, struct embed_request, x->embed.count + 1);
    out->sent = good && send_calls(w, parts, &count) == OK;
    out->dropped = dropped_text(&x->dropped);
    *why = STR("the request was sent without an upstream answer, or refused with one");
    if (out->sent != w->given->answered)
        return E_SYNTAX;
    if (!out->sent) {
        reply_error(x);
        return OK;
    }
    out->body = arena_str(x->arena, buf_str(&w->sent));
    x->work->path(x, &path);
    out->path = arena_str(x->arena, buf_str(&path));
    buf_free(&path);
    answer(w, parts, count);
    return OK;
}

status replay_work(struct arena *arena, const char *path, const struct family *family,
                   const struct case_file *given, struct case_file *out, struct str *why)
{
    struct replay_work *w = ARENA_NEW(arena, struct replay_work);

    *out = (struct case_file){.call = given->call,
                              .request = given->request,
                              .answered = given->answered,
                              .reply = given->reply,
                              .answer = given->answer};
    *why = STR("the path is none of the API's");
    w->given = given;
    status s = begin(w, arena, path, family) ? act(w, out, why) : E_SYNTAX;
    out->status = w->status;
    out->bytes = arena_str(arena, buf_str(&w->got));
    buf_free(&w->sent);
    buf_free(&w->got);
    buf_free(&w->x.up_body);
    buf_free(&w->x.whole);
    return s;
}

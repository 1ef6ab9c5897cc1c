/* Calls to a gateway, inside of this process or by HTTP. */
#include "cli/session.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/jspan.h"
#include "base/log.h"
#include "exchange/exchange.h"
#include "gate/record.h"

enum { ERROR_TEXT_BYTES = 400, CALL_TOTAL_MS = 3600 * 1000 };

struct running {
    const struct session_call *call;
    struct session_answer *answer;
    int64_t started_ms;
    bool finished;
};

/* --- open and close -------------------------------------------------------------------------- */

status session_open(struct session *s, struct config *config)
{
    *s = (struct session){0};
    log_set_level(LOG_LEVEL_ERROR);
    record_open("off");
    config->keys = (struct api_keys){0}; /* we are the only caller, and have none */
    config->allow_anonymous = true;
    s->config = config_share(config);
    if (!s->config)
        return E_NOMEM;
    s->reactor = reactor_new(&config->http);
    if (!s->reactor)
        return E_NOMEM;
    s->gateway = gateway_new(s->reactor, s->config);
    return s->gateway ? OK : E_NOMEM;
}

status session_open_url(struct session *s, const char *url, const char *key)
{
    static const struct http_settings settings = {.http2 = true};

    *s = (struct session){.url = url, .key = key};
    s->reactor = reactor_new(&settings);
    return s->reactor ? OK : E_NOMEM;
}

void session_close(struct session *s)
{
    gateway_free(s->gateway);
    if (s->reactor)
        reactor_free(s->reactor);
    shared_config_release(s->config);
}

/* --- the answer, whichever way it comes ------------------------------------------------------ */

static void take_body(struct running *r, struct str bytes)
{
    struct session_answer *a = r->answer;

    if (bytes.n == 0)
        return;
    if (a->pieces++ == 0)
        a->first_ms = clock_ms() - r->started_ms;
    if (r->call->piece && a->http_status < 400)
        r->call->piece(r->call->arg, bytes);
    else
        buf_add_str(&a->body, bytes);
}

static void take_end(struct running *r)
{
    r->answer->end_ms = clock_ms() - r->started_ms;
    r->finished = true;
}

/* --- inside of this process ------------------------------------------------------------------ */

static struct str get_header(void *arg, const char *name)
{
    const struct running *r = arg;

    if (r->call->body.n && strcmp(name, "CONTENT_TYPE") == 0)
        return STR("application/json");
    return strcmp(name, "USER_AGENT") == 0 ? STR("corelay") : STR_NONE;
}

static void on_head(void *arg, int code, struct str headers)
{
    struct running *r = arg;

    (void)headers;
    r->answer->http_status = code;
}

static void on_body(void *arg, struct str bytes)
{
    take_body(arg, bytes);
}

static void on_end(void *arg)
{
    take_end(arg);
}

static void on_upstream(void *arg, const char *url, struct str body)
{
    const struct running *r = arg;

    if (r->call->upstream)
        r->call->upstream(r->call->arg, url, body);
}

static status run_inside(struct session *s, struct running *r)
{
    static const struct caller_ops ops = {on_head, on_body, on_end, on_upstream};
    const struct exchange_request request = {.method = r->call->method,
                                             .path = str_from(r->call->path),
                                             .header = get_header,
                                             .body = r->call->body,
                                             .body_state = BODY_COMPLETE};

    if (!exchange_start(s->gateway, &request, &ops, r))
        return E_NOMEM;
    reactor_run_until(s->reactor, &r->finished);
    return OK;
}

/* --- by HTTP --------------------------------------------------------------------------------- */

static void on_http_head(void *arg, struct http_call *call, int code)
{
    struct running *r = arg;

    (void)call;
    r->answer->http_status = code;
}

static void on_http_done(void *arg, const struct http_result *result)
{
    struct running *r = arg;

    if (result->outcome != HTTP_COMPLETE) {
        r->answer->http_status = 0;
        snprintf(r->answer->problem, sizeof r->answer->problem, "%s",
                 result->text ? result->text : "the call failed");
    }
    take_end(r);
}

/* The base URL may end in "/v1", as SDKs want it, or not. */
static const char *join(char *out, size_t room, const char *base, const char *path)
{
    struct str s = str_from(base);

    while (s.n && s.p[s.n - 1] == '/')
        s.n--;
    if (str_ends(s, "/v1") && str_starts(str_from(path), "/v1/"))
        s.n -= strlen("/v1");
    int n = snprintf(out, room, "%.*s%s", STR_ARG(s), path);
    return n >= 0 && (size_t)n < room ? out : NULL;
}

static status run_http(struct session *s, struct running *r)
{
    static const struct http_events events = {on_http_head, on_body, on_http_done};
    char url[2048], bearer[4200];
    const bool own = s->x_api_key;
    struct http_header headers[3] = {{STR("Content-Type"), STR("application/json")},
                                     {STR("Accept"), STR("*/*")}};
    struct http_request request = {.method = r->call->method,
                                   .url = join(url, sizeof url, s->url, r->call->path),
                                   .headers = headers,
                                   .header_count = s->key ? 3 : 2,
                                   .body = r->call->body,
                                   .total_ms = CALL_TOTAL_MS};

    snprintf(bearer, sizeof bearer, "%s%s", own ? "" : "Bearer ", s->key ? s->key : "");
    headers[2].name = own ? STR("x-api-key") : STR("Authorization");
    headers[2].value = str_from(bearer);
    if (!request.url)
        return E_LIMIT;
    if (!http_start(s->reactor, &request, &events, r))
        return E_NOMEM;
    reactor_run_until(s->reactor, &r->finished);
    return OK;
}

/* --- calls ----------------------------------------------------------------------------------- */

status session_do(struct session *s, const struct session_call *call, struct session_answer *answer)
{
    struct running r = {.call = call, .answer = answer, .started_ms = clock_ms()};

    *answer = (struct session_answer){.body.ceiling = SESSION_BODY_MAX};
    status st = s->gateway ? run_inside(s, &r) : run_http(s, &r);
    if (st)
        snprintf(answer->problem, sizeof answer->problem, "%s", status_text(st));
    return st || answer->http_status == 0 ? FAIL : OK;
}

/* What a web server's own page says: its title. */
static struct str page_title(struct str body)
{
    size_t from = str_find(body, "<title>"), to = str_find(body, "</title>");

    if (from >= to || to == body.n)
        return STR_NONE;
    return str_slice(body, from + strlen("<title>"), to);
}

void session_error_text(const struct session_answer *answer, struct buf *out)
{
    struct arena *arena = arena_new(0);
    struct jspan *tree = NULL;
    struct jspan_error where;
    struct str message = STR_NONE, body = str_trim(buf_str(&answer->body));

    if (answer->http_status == 0) {
        buf_add_cstr(out, answer->problem);
    } else {
        if (arena && jspan_parse(arena, body, &tree, &where) == OK)
            message = jspan_str(arena, jspan_get(jspan_get(tree, "error"), "message"));
        else if (body.n && body.p[0] == '<')
            message = page_title(body);
        else
            message = body.n > ERROR_TEXT_BYTES ? str_slice(body, 0, ERROR_TEXT_BYTES) : body;
        buf_printf(out, "HTTP %d: %.*s", answer->http_status, STR_ARG(message));
    }
    arena_free(arena);
}

/* --- models ---------------------------------------------------------------------------------- */

struct table_wait {
    struct route_table *table;
    bool finished;
};

static void on_table(void *arg, struct route_table *table, const struct chat_error *err)
{
    struct table_wait *w = arg;

    if (table)
        w->table = route_table_hold(table);
    if (err) /* there may be a table all the same, with the models of other subaccounts */
        cli_complain("%.*s", STR_ARG(err->detail.n ? err->detail : err->message));
    w->finished = true;
}

struct route_table *session_models(struct session *s)
{
    struct table_wait w = {0};
    struct gateway_state *state = gateway_hold(s->gateway);

    gateway_models(state, false, on_table, &w);
    reactor_run_until(s->reactor, &w.finished);
    gateway_release(state);
    return w.table;
}

/* The first of a list in the shape of GET /v1/models that looks like a chat model. */
static struct str first_chat_model(struct arena *arena, struct str list)
{
    struct jspan *tree = NULL;
    struct jspan_error where;

    if (jspan_parse(arena, list, &tree, &where))
        return STR_NONE;
    for (struct jspan *m = jspan_first(jspan_get(tree, "data")); m; m = m->next) {
        struct str id = jspan_str(arena, jspan_get(m, "id"));
        if (id.n && str_find(id, "embed") == id.n && str_find(id, "rerank") == id.n)
            return id;
    }
    return STR_NONE;
}

status session_first_model(struct session *s, struct buf *out)
{
    const struct session_call call = {.method = "GET", .path = "/v1/models"};
    struct session_answer answer;
    struct arena *arena = arena_new(0);
    struct buf text = {0};
    struct str model = STR_NONE;

    if (session_do(s, &call, &answer) || answer.http_status != 200) {
        session_error_text(&answer, &text);
        cli_complain("%.*s", STR_ARG(buf_str(&text)));
    } else {
        model = arena ? first_chat_model(arena, buf_str(&answer.body)) : STR_NONE;
        if (!model.n)
            cli_complain("there is no chat model");
    }
    buf_add_str(out, model);
    buf_free(&text);
    buf_free(&answer.body);
    arena_free(arena);
    return model.n ? OK : E_NOT_FOUND;
}

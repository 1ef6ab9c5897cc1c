/*
 * What passes as it is: requests to containers of the customer's own, and tables for SAP's RPT.
 *
 * Method, path, query, body and the headers that are named here go up, status, body and the headers
 * that are named here come back as they arrive. Tokens, resource group, choice of the target and
 * accounting are those of every other request. Nothing else crosses: no key, no cookie, no
 * redirect, nothing that a web server in front of us would obey.
 */
#include <ctype.h>

#include "exchange/life.h"
#include "exchange/pass_path.h"

enum { HEADERS_BACK_MAX = 48, CGI_NAME_BYTES = 72 };

/* --- headers --------------------------------------------------------------------------------- */

static const char *const headers_up[] = {"Accept",
                                         "Accept-Encoding",
                                         "Accept-Language",
                                         "Content-Type",
                                         "Content-Encoding",
                                         "Content-Language",
                                         "If-Match",
                                         "If-None-Match",
                                         "If-Modified-Since",
                                         "If-Unmodified-Since",
                                         "If-Range",
                                         "Range",
                                         "Prefer",
                                         "Traceparent",
                                         "Tracestate"};

static const char *const headers_back[] = {
    "Content-Type",        "Content-Length", "Content-Encoding", "Content-Language",
    "Content-Disposition", "Content-Range",  "Accept-Ranges",    "ETag",
    "Last-Modified",       "Cache-Control",  "Expires",          "Retry-After"};

#define COUNT(table) (sizeof(table) / sizeof *(table))

static struct str caller_header(const struct exchange *x, const char *name)
{
    char cgi[CGI_NAME_BYTES];
    size_t n = 0;

    for (; n < sizeof cgi - 1 && name[n]; n++)
        cgi[n] = name[n] == '-' ? '_' : (char)toupper((unsigned char)name[n]);
    cgi[n] = '\0';
    return x->request.header(x->arg, cgi);
}

static size_t add_up(const struct exchange *x, const char *name, struct http_header *out)
{
    struct str value = caller_header(x, name);

    *out = (struct http_header){str_from(name), value};
    return value.n > 0;
}

static size_t headers(struct exchange *x, struct http_header *out, size_t room)
{
    size_t n = 0;

    for (size_t i = 0; i < COUNT(headers_up) && n < room; i++)
        n += add_up(x, headers_up[i], &out[n]);
    for (size_t i = 0; i < x->config->passthrough_header_count && n < room; i++)
        n += add_up(x, x->config->passthrough_headers[i], &out[n]);
    return n;
}

static size_t add_back(const struct exchange *x, const char *name, struct http_header *out)
{
    *out = (struct http_header){str_from(name), http_response_header(x->http, name)};
    return out->value.n > 0;
}

static bool begin(struct exchange *x)
{
    struct http_header back[HEADERS_BACK_MAX];
    size_t n = 0;

    for (size_t i = 0; i < COUNT(headers_back) && n < HEADERS_BACK_MAX; i++)
        n += add_back(x, headers_back[i], &back[n]);
    for (size_t i = 0; i < x->config->passthrough_header_count && n < HEADERS_BACK_MAX; i++)
        n += add_back(x, x->config->passthrough_headers[i], &back[n]);
    x->content_seen = true;
    reply_raw(x, x->up_status, back, n);
    return true;
}

static bool push(struct exchange *x, struct str bytes)
{
    relay_give(x, bytes);
    return true;
}

static bool finish(struct exchange *x)
{
    (void)x;
    return true;
}

/* --- failover -------------------------------------------------------------------------------- */

static bool is_idempotent(const struct exchange *x)
{
    return strcmp(x->request.method, "POST") != 0 && strcmp(x->request.method, "PATCH") != 0;
}

/* Was the request surely not worked on, or does it do no harm twice? */
static bool repeats(const struct exchange *x)
{
    return x->up_unseen || x->up_status == 401 || x->up_status == 429 || x->up_status == 503 ||
           x->work == &predict_work || is_idempotent(x);
}

static bool others_left(const struct exchange *x)
{
    return (size_t)x->record.attempts < x->model->target_count;
}

/* Refused tokens are our own affair. What says that somebody else should be asked is, if there is
   nobody else, the answer. */
static bool takes(const struct exchange *x, int code)
{
    if (code == 401)
        return false;
    bool passing = code == 429 || code == 502 || code == 503 || code == 504;
    return !passing || !others_left(x) || !repeats(x);
}

static status prepare(struct exchange *x)
{
    buf_add_str(&x->up_body, x->request.body);
    return OK;
}

static void path(const struct exchange *x, struct buf *out)
{
    buf_add_str(out, x->pass_path);
}

/* --- containers of the customer's own -------------------------------------------------------- */

static bool refuse_path(struct exchange *x)
{
    chat_error_set(&x->error, x->arena, CHAT_ERROR_INVALID,
                   "The path behind the deployment holds what does not pass: empty segments, dots, "
                   "encoded slashes, or broken escapes.");
    return false;
}

/* What the caller may reach: his key's own list, else the general one. */
struct passed {
    const char **names;
    size_t count;
};

static struct passed passed_to(const struct exchange *x)
{
    if (x->key && x->key->own_passthrough)
        return (struct passed){x->key->passthrough, x->key->passthrough_count};
    return (struct passed){x->config->passthrough, x->config->passthrough_count};
}

static bool decode_deployment(struct exchange *x)
{
    struct str query;

    x->record.dialect = "passthrough";
    x->model_asked = x->record.model = x->match.model;
    if (!passed_to(x).count) {
        chat_error_set(&x->error, x->arena, CHAT_ERROR_PERMISSION,
                       "This gateway passes nothing on to deployments. The administrator can allow "
                       "it with the setting passthrough.deployments, or passthrough of your key.");
        return false;
    }
    if (!body_arrived(x))
        return false;
    status s = pass_query(x->arena, x->request.query, &query);
    if (s == E_SYNTAX || !pass_path_good(x->match.rest))
        return refuse_path(x);
    x->pass_path = arena_printf(x->arena, "%.*s%.*s", STR_ARG(x->match.rest), STR_ARG(query));
    return s == OK && x->pass_path.p;
}

static bool is_allowed(const struct passed *passed, struct str name)
{
    for (size_t i = 0; i < passed->count; i++)
        if (str_glob(name, passed->names[i]))
            return true;
    return false;
}

static struct str aliased(const struct config *config, struct str name)
{
    for (const struct config_alias *a = config->aliases; a; a = a->next)
        if (str_is(name, a->name))
            return str_from(a->model);
    return name;
}

/* Whether a deployment is not there or not allowed is not told: names of deployments are nobody's
   business. */
static bool find_deployment(struct exchange *x)
{
    struct str name = aliased(x->config, x->model_asked);
    struct passed passed = passed_to(x);
    bool allowed = is_allowed(&passed, name) || is_allowed(&passed, x->model_asked);

    x->model = allowed ? route_find_container(x->table, name) : NULL;
    if (x->model || (allowed && !x->rediscovered))
        return true;
    chat_error_set(&x->error, x->arena, CHAT_ERROR_NOT_FOUND,
                   "There is no deployment '%.*s' that may be reached. (The setting "
                   "passthrough.deployments names those that may.)",
                   STR_ARG(x->model_asked));
    return false;
}

const struct work deployment_work = {
    .decode = decode_deployment,
    .find = find_deployment,
    .prepare = prepare,
    .path = path,
    .finish = finish,
    .headers = headers,
    .takes = takes,
    .repeats = repeats,
    .begin = begin,
    .push = push,
};

/* --- tables ---------------------------------------------------------------------------------- */

/* SAP's API has no member for the model: it is read and taken out. Large tables are looked into only
   when there can be one. */
static bool take_model(struct exchange *x)
{
    struct jspan *body;
    struct buf rest = {0};

    if (str_find(x->request.body, "\"model\"") == x->request.body.n ||
        jspan_parse_flat(x->arena, x->request.body, &body))
        return true;
    x->model_asked = jspan_str(x->arena, jspan_get(body, "model"));
    if (!x->model_asked.n)
        return true;
    jspan_remove_key(body, "model");
    jspan_render(body, &rest);
    x->request.body = arena_str(x->arena, buf_str(&rest));
    bool failed = rest.failed || !x->request.body.p;
    buf_free(&rest);
    return !failed;
}

/* By the end of the caller's path, or by the form of what he sends: tables as files have a path of
   their own. */
static struct str predict_path(const struct exchange *x)
{
    bool form = str_starts(caller_header(x, "Content-Type"), "multipart/form-data");

    return form || str_ends(x->request.path, "_parquet") ? STR("/predict_parquet")
                                                         : STR("/predict");
}

static bool decode_predict(struct exchange *x)
{
    x->record.dialect = "passthrough";
    x->pass_path = predict_path(x);
    if (!body_arrived(x))
        return false;
    x->model_asked = endpoint_query(x->arena, x->request.query, "model");
    if (!x->model_asked.n)
        x->model_asked = caller_header(x, "X-Corelay-Model");
    if (!x->model_asked.n && !take_model(x))
        return false;
    x->record.model = x->model_asked;
    return true;
}

/* Without a name the only one is meant. */
static bool name_only_model(struct exchange *x)
{
    struct str names = STR_NONE;
    size_t found = 0;

    for (size_t i = 0; i < route_table_count(x->table); i++) {
        const struct route_model *m = route_table_at(x->table, i);
        if (!m->targets || !m->targets->family->predicts)
            continue;
        names = arena_printf(x->arena, "%.*s%s%.*s", STR_ARG(names), found++ ? ", " : "",
                             STR_ARG(m->name));
    }
    if (found == 1) {
        x->model_asked = x->record.model = names;
        return true;
    }
    chat_error_field(&x->error, x->arena, CHAT_ERROR_INVALID, "model",
                     found ? "Name the model in the query, as ?model=NAME, or in the header "
                             "X-Corelay-Model: %.*s."
                           : "No model that predicts is deployed.%.*s",
                     STR_ARG(names));
    return false;
}

static bool find_predictor(struct exchange *x)
{
    if (!x->model_asked.n && !name_only_model(x))
        return false;
    x->model = route_find(x->table, x->config, x->arena, x->model_asked);
    if (!x->model || !x->model->targets || x->model->targets->family->predicts)
        return true;
    chat_error_field(&x->error, x->arena, CHAT_ERROR_UNSUPPORTED, "model",
                     "The model '%.*s' does not predict.", STR_ARG(x->model_asked));
    return false;
}

const struct work predict_work = {
    .decode = decode_predict,
    .find = find_predictor,
    .prepare = prepare,
    .path = path,
    .finish = finish,
    .headers = headers,
    .takes = takes,
    .repeats = repeats,
    .begin = begin,
    .push = push,
};

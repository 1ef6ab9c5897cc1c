/*
 * One try at one target, and the decision whether there is another.
 *
 * A target is left for the next one only while the caller has been sent nothing but signs of life.
 * What is the caller's own fault (400, 413, ...) is final at the first target.
 */
#include "aicore/token.h"
#include "base/clock.h"
#include "base/crypto.h"
#include "base/log.h"
#include "exchange/life.h"
#include "family/upstream_error.h"

enum { HEADERS_MAX = 64, RETRY_AFTER_MS_MAX = 3600 * 1000 };

void attempt_drop(struct exchange *x)
{
    if (x->token_wait)
        token_cancel(x->token_wait);
    x->token_wait = NULL;
    if (x->http)
        http_cancel(x->http);
    x->http = NULL;
    frames_free(x->frames);
    x->frames = NULL;
    buf_clear(&x->whole);
    timer_clear(x->reactor, &x->timer);
}

/* --- is there another try? ------------------------------------------------------------------- */

/* What the Responses API stores lives in the deployment that made it; any other says that there is
   no such thing. */
static bool lives_elsewhere(const struct exchange *x)
{
    if (x->match.endpoint->kind == ENDPOINT_RESPONSE)
        return x->error.kind == CHAT_ERROR_NOT_FOUND;
    return x->dialect->wire == WIRE_OPENAI_RESPONSES && x->call.lane &&
           (str_is(x->error.param, "previous_response_id") ||
            str_starts(x->error.message, "Item with id "));
}

/* Envoy's words for a deployment without an instance: scaled to zero, or just begun. */
static bool is_starting(const struct exchange *x)
{
    return x->up_status == 503 && x->error.kind == CHAT_ERROR_OVERLOADED &&
           str_find(x->error.detail, "no healthy upstream") < x->error.detail.n;
}

static enum route_hint hint_of(const struct exchange *x)
{
    if (is_starting(x))
        return ROUTE_STARTING;
    return lives_elsewhere(x) ? ROUTE_ELSEWHERE : ROUTE_NO_HINT;
}

static void on_pause_over(void *arg)
{
    exchange_resume(arg);
}

enum step attempt_pause(struct exchange *x)
{
    if (!x->resumed) {
        timer_set(x->reactor, &x->timer, x->pause_ms, on_pause_over, x);
        return WAIT;
    }
    x->resumed = false;
    x->stage = STAGE_TARGET;
    return GO_ON;
}

static int64_t limit_of(int64_t own, int64_t general)
{
    return own ? own : general;
}

/* Of the time that one request may take in all, however many are asked. */
static int64_t time_left(const struct exchange *x)
{
    const struct config_model *own = x->model->setting;
    int64_t limit = limit_of(own ? own->total_ms : 0, x->config->timeouts.total_ms);

    return x->started_ms + limit - clock_ms();
}

/* The error stays until another try begins: if there is none, it is the answer. */
static enum step attempt_failed(struct exchange *x)
{
    attempt_drop(x);
    if (x->own_fault)
        return STEP_FAIL; /* nobody else would have it better, and none is to blame */
    bool again = route_failed(&x->pick, &x->error, hint_of(x));
    if ((x->head_sent && !x->only_signs) || (x->work && x->work->repeats && !x->work->repeats(x)))
        return STEP_FAIL;
    if (x->error.kind == CHAT_ERROR_CONTEXT_LENGTH)
        again = route_too_long(&x->pick);
    if (!again || time_left(x) <= 0)
        return STEP_FAIL;
    log_info("%.*s attempt %d at %.*s failed: %s: %.*s", STR_ARG(x->id), x->record.attempts,
             STR_ARG(x->record.target), chat_error_word(x->error.kind),
             STR_ARG(x->error.detail.n ? x->error.detail : x->error.message));
    x->stage = STAGE_TARGET;
    return GO_ON;
}

/* Nobody is left to be asked, or nobody could be from the beginning. */
static enum step nobody_left(struct exchange *x)
{
    const struct route_pick *p = &x->pick;

    if (!x->error.kind && x->mirror)
        chat_error_set(&x->error, x->arena, CHAT_ERROR_OVERLOADED,
                       "No target of it is well and has quota to spare.");
    else if (!x->error.kind && p->throttled)
        chat_error_set(&x->error, x->arena, CHAT_ERROR_RATE_LIMIT,
                       "The model's rate limit is exhausted.");
    else if (!x->error.kind)
        chat_error_set(&x->error, x->arena, CHAT_ERROR_OVERLOADED,
                       "The model is not available at the moment.");
    if (p->retry_after_ms &&
        (x->error.kind == CHAT_ERROR_RATE_LIMIT || x->error.kind == CHAT_ERROR_OVERLOADED))
        x->error.retry_after_ms = p->retry_after_ms;
    return STEP_FAIL;
}

/* --- STAGE_TARGET, STAGE_TOKEN --------------------------------------------------------------- */

/* Calls with tools, unless the model is told not to think at all. */
static bool thinks_over_tools(const struct jspan *body)
{
    bool tools = jspan_count(jspan_get(body, "tools")) || jspan_count(jspan_get(body, "functions"));
    return tools && !jspan_says(jspan_get(body, "reasoning_effort"), "none");
}

const struct family *attempt_family(const struct family *family, const struct family_model *model,
                                    const struct dialect *dialect, const struct jspan *body)
{
    return family_for(family, model, dialect->wire, thinks_over_tools(body));
}

static const struct family *choose_family(const struct exchange *x)
{
    const struct family *family = x->target->family;

    if (x->match.endpoint->kind == ENDPOINT_RESPONSE)
        return &family_azure_responses;
    if (x->work)
        return family;
    return attempt_family(family, &x->model->rules, x->dialect, x->body);
}

/* "subaccount/deployment", and whose model it is if it is not the one that was asked. */
static struct str name_target(const struct exchange *x)
{
    const char *account = x->target->account->name;

    if (!x->stands_in)
        return arena_printf(x->arena, "%s/%s", account, x->target->id);
    return arena_printf(x->arena, "%s/%s; model=%.*s", account, x->target->id,
                        STR_ARG(x->model->name));
}

/* The last word on keys that are bound to orchestration, wherever the target came from. */
static bool breaks_bond(struct exchange *x)
{
    if (!x->key || !x->key->profile ||
        (x->family == &family_orchestration && x->call.profile == x->key->profile))
        return false;
    chat_error_set(&x->error, x->arena, CHAT_ERROR_PERMISSION,
                   "This key may use models only through SAP's orchestration service.");
    return true;
}

static void take_target(struct exchange *x)
{
    x->target = x->pick.target;
    x->model = x->pick.model;
    if (x->match.endpoint->kind == ENDPOINT_RESPONSE)
        stored_choose(x);
    else
        x->stands_in = !route_is_asked(x->config, x->arena, x->model_asked, x->model);
    x->family = choose_family(x);
    x->error = (struct chat_error){0};
    x->record.attempts++;
    x->record.target = name_target(x);
    if (x->stands_in)
        log_info("%.*s %.*s stands in for %.*s", STR_ARG(x->id), STR_ARG(x->model->name),
                 STR_ARG(x->model_asked));
}

enum step attempt_target(struct exchange *x)
{
    switch (route_next(&x->pick, &x->pause_ms)) {
    case ROUTE_GO:
        break;
    case ROUTE_WAIT:
        x->stage = STAGE_PAUSE;
        return GO_ON;
    case ROUTE_NONE:
        return nobody_left(x);
    }
    take_target(x);
    if (breaks_bond(x))
        return STEP_FAIL;
    if (route_wants_limit(&x->pick))
        gateway_learn_limits(x->state, x->target->account);
    if (!prepare_body(x))
        return STEP_FAIL;
    x->stage = STAGE_TOKEN;
    return GO_ON;
}

static void on_token(void *arg, status s, struct str token, const struct chat_error *err)
{
    struct exchange *x = arg;

    x->token_wait = NULL;
    buf_clear(&x->token);
    if (s)
        x->error = chat_error_copy(x->arena, err);
    else
        buf_add_str(&x->token, token);
    exchange_resume(x);
}

enum step attempt_token(struct exchange *x)
{
    if (!x->resumed) {
        x->token_wait = token_get(gateway_tokens(x->state), x->target->account->key,
                                  x->rejected_token, on_token, x);
        if (!x->resumed)
            return WAIT;
    }
    x->resumed = false;
    x->rejected_token = STR_NONE;
    if (x->error.kind)
        return attempt_failed(x);
    x->stage = STAGE_SEND;
    return GO_ON;
}

/* --- STAGE_SEND ------------------------------------------------------------------------------ */

static bool refused(const struct exchange *x)
{
    if (x->up_status && x->work && x->work->takes)
        return !x->work->takes(x, x->up_status);
    return x->up_status && (x->up_status < 200 || x->up_status > 299);
}

/* Azure says it in milliseconds as well, which is finer. */
static int64_t retry_after(struct http_call *call)
{
    long ms;

    if (str_to_long(http_response_header(call, "retry-after-ms"), &ms) && ms > 0)
        return ms < RETRY_AFTER_MS_MAX ? ms : RETRY_AFTER_MS_MAX;
    return http_retry_after_ms(call);
}

/* It was good; a stream need not hold it. */
static void drop_token(struct exchange *x)
{
    if (x->token.p)
        crypto_wipe(x->token.p, x->token.n);
    buf_free(&x->token);
}

static void on_head(void *arg, struct http_call *call, int code)
{
    struct exchange *x = arg;

    x->up_status = code;
    if (refused(x)) {
        x->whole.ceiling = ERROR_BODY_BYTES;
        x->up_retry_after_ms = retry_after(call);
        return;
    }
    drop_token(x);
    if (!relay_begin(x)) {
        chat_error_set(&x->error, x->arena, CHAT_ERROR_OVERLOADED, "Out of memory.");
        http_cancel(x->http);
        x->http = NULL;
        exchange_resume(x);
    }
}

static void on_body(void *arg, struct str bytes)
{
    struct exchange *x = arg;

    if (refused(x)) {
        buf_add_str(&x->whole, bytes); /* a longer error text is cut */
        return;
    }
    bool good = relay_push(x, bytes);
    if (x->content_seen && !x->up_failed)
        route_answered(&x->pick);
    if (good)
        return;
    http_cancel(x->http);
    x->http = NULL;
    exchange_resume(x);
}

static void connection_error(struct exchange *x, const struct http_result *result)
{
    enum chat_error_kind kind = CHAT_ERROR_UPSTREAM;
    const char *text = "The model could not be reached.";

    if (result->outcome == HTTP_TIMED_OUT) {
        kind = CHAT_ERROR_TIMEOUT;
        text = "The model did not answer in time.";
    } else if (result->outcome == HTTP_NO_MEMORY) {
        kind = CHAT_ERROR_OVERLOADED;
        text = "The gateway is short of memory or descriptors.";
        x->own_fault = true;
    } else if (result->outcome == HTTP_BROKEN) {
        text = x->up_status ? "The connection to the model broke before the answer was complete."
                            : "The connection to the model broke before it answered.";
    }
    chat_error_set(&x->error, x->arena, kind, "%s", text);
    x->error.detail = arena_str(x->arena, str_from(result->text));
}

static void on_done(void *arg, const struct http_result *result)
{
    struct exchange *x = arg;

    x->http = NULL;
    x->up_unseen = result->outcome == HTTP_NO_CONNECTION;
    if (result->outcome != HTTP_COMPLETE)
        connection_error(x, result);
    else if (!refused(x))
        relay_finish(x);
    exchange_resume(x);
}

static const struct http_events upstream_events = {on_head, on_body, on_done};

static const char *method_of(const struct exchange *x)
{
    if (x->work && x->work->headers)
        return x->request.method;
    if (x->match.endpoint->kind != ENDPOINT_RESPONSE)
        return "POST";
    return strcmp(x->request.method, "HEAD") == 0 ? "GET" : x->request.method;
}

static size_t json_headers(struct exchange *x, struct http_header *out, size_t room)
{
    (void)room;
    out[0] = (struct http_header){STR("Content-Type"), STR("application/json")};
    out[1] = (struct http_header){STR("Accept"), x->call.stream ? STR("text/event-stream")
                                                                : STR("application/json")};
    return 2;
}

static struct http_call *start_call(struct exchange *x, const char *url)
{
    const struct config_model *own = x->model->setting;
    static const struct config_model none;
    struct str bearer = arena_printf(x->arena, "Bearer %.*s", STR_ARG(buf_str(&x->token)));
    struct http_header headers[HEADERS_MAX] = {
        {STR("Authorization"), bearer},
        {STR("AI-Resource-Group"), str_from(x->target->group)},
        {STR("AI-Client-Type"), STR("Corelay")},
        {STR("X-Request-Id"), x->id},
    };
    size_t count = 4;

    if (x->config->send_tenant_header && x->target->account->key->tenant)
        headers[count++] =
            (struct http_header){STR("AI-Tenant-Id"), str_from(x->target->account->key->tenant)};
    count += (x->work && x->work->headers ? x->work->headers : json_headers)(x, headers + count,
                                                                             HEADERS_MAX - count);
    if (!own)
        own = &none;
    int64_t left_ms = time_left(x);
    struct http_request request = {
        .method = method_of(x),
        .url = url,
        .headers = headers,
        .header_count = count,
        .body = buf_str(&x->up_body),
        .connect_ms = limit_of(own->connect_ms, x->config->timeouts.connect_ms),
        .first_byte_ms = limit_of(own->first_byte_ms, x->config->timeouts.first_byte_ms),
        .idle_ms = limit_of(own->idle_ms, x->config->timeouts.idle_ms),
        .total_ms = left_ms > 0 ? left_ms : 1,
        .once = true,
    };
    struct http_call *call = http_start(x->reactor, &request, &upstream_events, x);
    if (bearer.p)
        crypto_wipe((char *)(uintptr_t)bearer.p, bearer.n); /* curl has its own copy */
    return call;
}

enum step attempt_send(struct exchange *x)
{
    const struct family *family = x->family;
    struct buf url = {0};

    buf_add_cstr(&url, x->target->url);
    if (x->work)
        x->work->path(x, &url);
    else
        family->path(&x->call, &url);
    buf_add_char(&url, '\0');
    x->up_status = 0;
    x->up_retry_after_ms = 0;
    if (!url.failed && x->ops->upstream)
        x->ops->upstream(x->arg, url.p, buf_str(&x->up_body));
    log_body("upstream request", x->id, buf_str(&x->up_body));
    x->http = url.failed ? NULL : start_call(x, url.p);
    buf_free(&url);
    if (!x->http)
        return STEP_FAIL;
    if (x->caller_paused)
        http_pause(x->http, true);
    relay_await_head(x);
    if (!x->copied)
        mirror_begin(x);
    x->copied = true;
    x->stage = STAGE_ANSWER;
    return WAIT;
}

/* --- STAGE_ANSWER ---------------------------------------------------------------------------- */

/* Upstream rejected our token: replace it once and try the same target again. */
static enum step replace_token(struct exchange *x)
{
    attempt_drop(x);
    x->token_replaced = true;
    x->rejected_token = arena_str(x->arena, buf_str(&x->token));
    x->stage = STAGE_TOKEN;
    return GO_ON;
}

/* A deployment that discovery knew is gone: look again, once. */
static enum step rediscover(struct exchange *x)
{
    attempt_drop(x);
    x->rediscovered = true;
    x->stage = STAGE_MODELS;
    return GO_ON;
}

enum step attempt_answer(struct exchange *x)
{
    x->resumed = false;
    if (!refused(x) && !x->error.kind) {
        route_answered(&x->pick);
        return DONE;
    }
    if (x->error.kind)
        return attempt_failed(x);
    if (x->up_status == 401 && !x->token_replaced)
        return replace_token(x);
    bool stored = x->match.endpoint->kind == ENDPOINT_RESPONSE;
    if (x->up_status == 404 && !stored && !x->rediscovered && !x->target->account->deployments)
        return rediscover(x);
    upstream_error_parse(x->arena, x->up_status, buf_str(&x->whole), &x->error);
    if (x->up_status == 404 && stored)
        stored_missing(x);
    if (x->up_retry_after_ms)
        x->error.retry_after_ms = x->up_retry_after_ms;
    if (x->error.kind == CHAT_ERROR_CONTENT_FILTER && !x->work && x->family->read_refused) {
        route_answered(&x->pick);
        return relay_refused(x) ? DONE : STEP_FAIL;
    }
    return attempt_failed(x);
}

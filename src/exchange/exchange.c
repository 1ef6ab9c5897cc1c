/*
 * The stages of an exchange, in order, and its end.
 *
 * Every stage returns at once: it goes on, waits for a callback, is done, or has failed. Callbacks
 * may come before the function that asked for them has returned; they only note what they bring,
 * and the loop in exchange_run goes on.
 */
#include "exchange/exchange.h"

#include <ctype.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/crypto.h"
#include "base/log.h"
#include "exchange/life.h"
#include "family/orchestration.h"
#include "gate/client.h"

static struct str header(const struct exchange *x, const char *name)
{
    return x->request.header(x->arg, name);
}

/* --- STAGE_ADMIT ----------------------------------------------------------------------------- */

static bool sane_id(struct str s)
{
    if (s.n == 0 || s.n > REQUEST_ID_BYTES)
        return false;
    for (size_t i = 0; i < s.n; i++)
        if (!isalnum((unsigned char)s.p[i]) && !strchr("._-:", s.p[i]))
            return false;
    return true;
}

static struct str make_id(struct exchange *x)
{
    uint8_t bytes[12];
    char hex[2 * sizeof bytes + 1];

    crypto_random(bytes, sizeof bytes);
    crypto_hex(bytes, sizeof bytes, hex);
    return arena_printf(x->arena, "req_%s", hex);
}

static bool in_path(const struct exchange *x, const char *piece)
{
    return str_find(x->request.path, piece) < x->request.path.n;
}

/* The dialect that errors are told in: the endpoint's own, else by the look of the request. */
static const struct dialect *guess_dialect(const struct exchange *x)
{
    if (x->match.endpoint && x->match.endpoint->dialect)
        return x->match.endpoint->dialect;
    if (header(x, "ANTHROPIC_VERSION").n || in_path(x, "/messages"))
        return &dialect_anthropic_messages;
    if (header(x, "X_GOOG_API_CLIENT").n || in_path(x, "/v1beta/") || in_path(x, "enerateContent"))
        return &dialect_gemini_generate;
    if (in_path(x, "/rerank"))
        return &dialect_cohere;
    return &dialect_openai_chat;
}

/* A key that is bound to an orchestration profile must not reach a model in any other way, so only
   what is known to heed the bond is open to it: an endpoint that is added later is not. */
static bool evades_profile(struct exchange *x)
{
    if (!x->key || !x->key->profile)
        return false;
    switch (x->match.endpoint->kind) {
    case ENDPOINT_CHAT:
    case ENDPOINT_COUNT_TOKENS:
    case ENDPOINT_EMBEDDINGS:
    case ENDPOINT_MODEL_LIST:
    case ENDPOINT_MODEL:
    case ENDPOINT_HEALTH:
    case ENDPOINT_READY:
    case ENDPOINT_ROOT:
        return false;
    default:
        chat_error_set(&x->error, x->arena, CHAT_ERROR_PERMISSION,
                       "This key may use models only through SAP's orchestration service (profile "
                       "'%s'), which has no such endpoint.",
                       x->key->profile->name);
        return true;
    }
}

static enum step admit(struct exchange *x)
{
    if (endpoint_find(x->arena, x->request.path, x->request.root, &x->match))
        return STEP_FAIL;
    x->dialect = guess_dialect(x);
    x->record.dialect = x->dialect->name;
    if (strcmp(x->request.method, "OPTIONS") == 0) {
        x->stage = STAGE_DECODE;
        return local_serve(x);
    }
    if (!x->match.endpoint) {
        chat_error_set(&x->error, x->arena, CHAT_ERROR_NOT_FOUND,
                       "There is nothing at this path. See the gateway's documentation for its "
                       "endpoints.");
        return STEP_FAIL;
    }
    if (!(x->match.endpoint->methods & endpoint_method(x->request.method))) {
        chat_error_set(&x->error, x->arena, CHAT_ERROR_METHOD, "This path takes %.*s.",
                       STR_ARG(endpoint_allow(x->arena, x->match.endpoint)));
        return STEP_FAIL;
    }
    if (!x->match.endpoint->open && (key_check(x) == STEP_FAIL || evades_profile(x)))
        return STEP_FAIL;
    x->stage = STAGE_DECODE;
    return GO_ON;
}

/* --- STAGE_DECODE ---------------------------------------------------------------------------- */

static bool choose_stream(struct exchange *x)
{
    if (x->match.endpoint->stream == STREAM_BY_BODY)
        return body_choose_stream(x);
    x->call.stream = x->match.endpoint->stream == STREAM_ALWAYS;
    if (x->call.stream && !str_is(endpoint_query(x->arena, x->request.query, "alt"), "sse"))
        x->form = x->dialect->unless_sse;
    return true;
}

/* What endpoints other than chats do their own way. */
static const struct work *work_of(enum endpoint_kind kind)
{
    switch (kind) {
    case ENDPOINT_EMBEDDINGS:
        return &embed_work;
    case ENDPOINT_RERANK:
        return &rerank_work;
    case ENDPOINT_PREDICT:
        return &predict_work;
    case ENDPOINT_DEPLOYMENT:
        return &deployment_work;
    default:
        return NULL;
    }
}

/* Counted first and looked at afterwards: of two that come together none is overlooked. */
static bool take_stream(struct exchange *x)
{
    int64_t most =
        x->key && x->key->streams >= 0 ? x->key->streams : x->config->limits.streams_per_key;
    struct scoreboard *board = gateway_board(x->state);

    if (!x->key || most <= 0)
        return true;
    scoreboard_tend(board); /* what the dead had does not count */
    struct board_target *row = scoreboard_key(board, x->key->hash, x->key->name);
    scoreboard_begin(board, row, &x->key_score);
    if (!row || scoreboard_in_flight(board, row) <= (uint64_t)most)
        return true;
    scoreboard_end(&x->key_score);
    chat_error_set(&x->error, x->arena, CHAT_ERROR_RATE_LIMIT,
                   "This API key has %lld requests under way, which is all that it may. Try again "
                   "when one has ended.",
                   (long long)most);
    x->error.retry_after_ms = KEY_BUSY_RETRY_MS;
    return false;
}

static bool decode_body(struct exchange *x)
{
    return body_parse(x) && body_name_model(x);
}

static enum step decode(struct exchange *x)
{
    enum endpoint_kind kind = x->match.endpoint->kind;

    if (kind == ENDPOINT_RESPONSE)
        return body_arrived(x) ? stored_begin(x) : STEP_FAIL;
    if (kind >= ENDPOINT_MODEL_LIST) {
        x->model_asked = x->match.model;
        return local_serve(x);
    }
    x->work = work_of(kind);
    if (!(x->work ? x->work->decode(x) : decode_body(x)))
        return STEP_FAIL;
    log_body("request", x->id, x->request.body);
    if (kind == ENDPOINT_CHAT && !choose_stream(x))
        return STEP_FAIL;
    if (x->dialect->wire == WIRE_OPENAI_RESPONSES && !earlier_begin(x))
        return STEP_FAIL;
    x->record.stream = x->call.stream;
    if (kind != ENDPOINT_COUNT_TOKENS && !take_stream(x))
        return STEP_FAIL;
    x->stage = STAGE_MODELS;
    return GO_ON;
}

/* --- STAGE_MODELS, STAGE_ROUTE --------------------------------------------------------------- */

static bool is_bound(const struct exchange *x)
{
    return x->key && x->key->profile;
}

static void on_models(void *arg, struct route_table *table, const struct chat_error *err)
{
    struct exchange *x = arg;

    x->models_wait = NULL;
    route_table_release(x->table);
    if (table && is_bound(x))
        table = route_table_bound(table); /* what is not in there cannot be asked */
    x->table = table ? route_table_hold(table) : NULL;
    if (err)
        x->unlisted = chat_error_copy(x->arena, err);
    else
        x->unlisted = (struct chat_error){0};
    exchange_resume(x);
}

static enum step not_listed(struct exchange *x)
{
    x->error = x->unlisted;
    return STEP_FAIL;
}

static enum step models(struct exchange *x)
{
    if (!x->resumed) {
        x->models_wait = gateway_models(x->state, x->rediscovered, on_models, x);
        if (!x->resumed)
            return WAIT;
    }
    x->resumed = false;
    if (!x->table)
        return not_listed(x);
    x->stage = STAGE_ROUTE;
    return GO_ON;
}

static enum step no_service(struct exchange *x)
{
    chat_error_set(&x->error, x->arena, CHAT_ERROR_OVERLOADED,
                   "This key may use models only through SAP's orchestration service, and no "
                   "deployment of it is running.");
    return STEP_FAIL;
}

static enum step unknown_model(struct exchange *x)
{
    struct str near[3];
    size_t n = route_nearest(x->table, x->arena, x->model_asked, near, 3);
    struct str names = STR_NONE;

    for (size_t i = 0; i < n; i++)
        names =
            arena_printf(x->arena, "%.*s%s%.*s", STR_ARG(names), i ? ", " : "", STR_ARG(near[i]));
    chat_error_field(&x->error, x->arena, CHAT_ERROR_MODEL_NOT_FOUND, "model",
                     names.n ? "The model '%.*s' does not exist here. Did you mean: %.*s?"
                             : "The model '%.*s' does not exist here.%.*s",
                     STR_ARG(x->model_asked), STR_ARG(names));
    return STEP_FAIL;
}

static enum step begin_pick(struct exchange *x)
{
    struct route_ask ask = {.config = x->config,
                            .board = gateway_board(x->state),
                            .table = x->table,
                            .arena = x->arena,
                            .model = x->model,
                            .conversation = conversation_find(x),
                            .caller = conversation_caller(x),
                            .mirror = mirror_setting(x->mirror),
                            .prefer = x->prefer,
                            .began_ms = x->started_ms};

    /* A key's own profile binds it; the general one is for those who come by way of orchestration
       anyway. */
    x->call.profile = is_bound(x) ? x->key->profile : x->config->default_profile;
    route_end(&x->pick);
    route_begin(&x->pick, &ask);
    fitting_choose(x);
    x->stage = STAGE_TARGET;
    return GO_ON;
}

static bool find_model(struct exchange *x)
{
    x->model = route_find(x->table, x->config, x->arena, x->model_asked);
    return true;
}

static enum step route(struct exchange *x)
{
    if (x->match.endpoint->kind == ENDPOINT_MODEL_LIST || x->match.endpoint->kind == ENDPOINT_READY)
        return local_serve_models(x);
    if (x->match.endpoint->kind == ENDPOINT_RESPONSE)
        return stored_route(x) ? begin_pick(x) : STEP_FAIL;
    x->model = NULL;
    if (x->mirror)
        mirror_aim(x);
    if (x->work && x->work->find ? !x->work->find(x) : !find_model(x))
        return STEP_FAIL;
    if (!x->model && !x->rediscovered) { /* perhaps it was deployed a minute ago */
        x->rediscovered = true;
        x->stage = STAGE_MODELS;
        return GO_ON;
    }
    if (!x->model && x->unlisted.kind) /* it may well exist */
        return not_listed(x);
    if (!x->model)
        return is_bound(x) && !route_table_count(x->table) ? no_service(x) : unknown_model(x);
    if (x->match.endpoint->kind == ENDPOINT_MODEL)
        return local_serve_models(x);
    if (x->match.endpoint->kind == ENDPOINT_COUNT_TOKENS)
        return local_count_tokens(x);
    if (parts_wanted(x)) {
        x->stage = STAGE_PARTS;
        return GO_ON;
    }
    if (!earlier_pin(x))
        return STEP_FAIL;
    return begin_pick(x);
}

/* --- the loop, and the end ------------------------------------------------------------------- */

void exchange_free(struct exchange *x)
{
    parts_drop(x);
    attempt_drop(x);
    route_end(&x->pick);
    scoreboard_end(&x->key_score);
    timer_clear(x->reactor, &x->timer);
    if (x->models_wait)
        gateway_cancel(x->models_wait);
    route_table_release(x->table);
    if (!x->part) /* a part borrows that of the whole */
        gateway_release(x->state);
    if (x->token.n)
        crypto_wipe(x->token.p, x->token.n);
    buf_free(&x->token);
    buf_free(&x->up_body);
    buf_free(&x->whole);
    buf_free(&x->out);
    buf_free(&x->formed);
    buf_free(&x->earlier.answer);
    arena_free(x->arena);
    free(x);
}

static void write_record(struct exchange *x, const char *outcome)
{
    struct record *r = &x->record;

    if (x->match.endpoint && x->match.endpoint->open && x->error.kind == CHAT_ERROR_NONE)
        return; /* health checks would drown the rest */
    earlier_settle(x);
    r->outcome = x->mirror && !r->attempts ? "skipped" : outcome;
    r->duration_ms = clock_ms() - x->started_ms;
    r->dropped = dropped_text(&x->dropped);
    if (!r->http_status)
        r->http_status = CLIENT_GONE_STATUS;
    if (x->error.kind) {
        r->error = chat_error_word(x->error.kind);
        r->detail = x->error.detail.n ? x->error.detail : x->error.message;
    }
    record_write(r);
}

static void finish(struct exchange *x)
{
    const struct caller_ops *ops = x->ops;
    void *arg = x->arg;

    if (x->part) {
        parts_ended(x);
        return;
    }
    relay_flush(x, true);
    relay_close(x);
    write_record(x, x->error.kind ? "failed" : "done");
    exchange_free(x);
    ops->end(arg);
}

static enum step run_stage(struct exchange *x)
{
    switch (x->stage) {
    case STAGE_ADMIT:
        return admit(x);
    case STAGE_DECODE:
        return decode(x);
    case STAGE_MODELS:
        return models(x);
    case STAGE_ROUTE:
        return route(x);
    case STAGE_PARTS:
        return parts_run(x);
    case STAGE_PAUSE:
        return attempt_pause(x);
    case STAGE_TARGET:
        return attempt_target(x);
    case STAGE_TOKEN:
        return attempt_token(x);
    case STAGE_SEND:
        return attempt_send(x);
    case STAGE_ANSWER:
        return attempt_answer(x);
    case STAGE_END:
        return DONE;
    }
    return STEP_FAIL;
}

void exchange_run(struct exchange *x)
{
    enum step step;

    x->running = true;
    do
        step = run_stage(x);
    while (step == GO_ON);
    x->running = false;
    if (step == WAIT)
        return;
    if (step == STEP_FAIL) {
        if (!x->error.kind) /* only when there was no memory even for the text */
            chat_error_set(&x->error, x->arena, CHAT_ERROR_OVERLOADED, "Out of memory.");
        if (!x->part)
            reply_error(x);
    }
    x->stage = STAGE_END;
    finish(x);
}

void exchange_resume(struct exchange *x)
{
    x->resumed = true;
    if (!x->running)
        exchange_run(x);
}

static void begin(void *arg)
{
    exchange_run(arg);
}

static void begin_record(struct exchange *x)
{
    struct str asked = header(x, "X_REQUEST_ID");

    x->id = sane_id(asked) ? arena_str(x->arena, asked) : make_id(x);
    x->record = (struct record){
        .wall_ms = clock_wall_ms(),
        .id = x->id,
        .client = client_recognise(header(x, "USER_AGENT"), header(x, "X_CLIENT_NAME")),
        .method = x->request.method,
        .path = x->request.path,
        .bytes_in = (int64_t)x->request.body.n,
        .first_byte_ms = -1,
    };
}

struct exchange *exchange_start(struct gateway *g, const struct exchange_request *request,
                                const struct caller_ops *ops, void *arg)
{
    return exchange_new(gateway_hold(g), request, ops, arg);
}

struct exchange *exchange_new(struct gateway_state *state, const struct exchange_request *request,
                              const struct caller_ops *ops, void *arg)
{
    struct exchange *x = calloc(1, sizeof *x);
    /* a tree of spans is larger than its text; small values in masses are not let run away */
    struct arena *arena = arena_new(ARENA_BYTES + ARENA_PER_BODY_BYTE * request->body.n);

    if (!x || !arena) {
        free(x);
        arena_free(arena);
        gateway_release(state);
        return NULL;
    }
    x->state = state;
    x->config = gateway_config(state);
    x->reactor = gateway_state_reactor(state);
    x->ops = ops;
    x->arg = arg;
    x->arena = arena;
    x->request = *request;
    x->dropped.arena = arena;
    x->dialect = &dialect_openai_chat;
    x->out.ceiling = OUT_BYTES;
    x->started_ms = request->arrived_ms ? request->arrived_ms : clock_ms();
    begin_record(x);
    if (timer_set(x->reactor, &x->timer, 0, begin, x)) {
        exchange_free(x);
        return NULL;
    }
    return x;
}

void exchange_pause(struct exchange *x, bool paused)
{
    x->caller_paused = paused;
    if (x->http)
        http_pause(x->http, paused);
}

void exchange_cancel(struct exchange *x)
{
    parts_drop(x);
    /* Clients close the connection when they have read the last event, which may be before we have read
       the end of upstream's stream. */
    bool had_all = x->streaming && x->stopped && !x->out.n;
    write_record(x, had_all ? "done" : "cancelled");
    exchange_free(x);
}

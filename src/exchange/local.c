/* Endpoints that the gateway answers by itself: health, the model list, token estimates, OPTIONS. */
#include "base/clock.h"
#include "base/jwrite.h"
#include "chat/estimate.h"
#include "dialect/models.h"
#include "exchange/life.h"

static enum step answer_json(struct exchange *x, struct buf *body)
{
    if (!body->failed)
        reply_whole(x, 200, "application/json", buf_str(body));
    buf_free(body);
    return x->head_sent ? DONE : STEP_FAIL;
}

static enum step serve_health(struct exchange *x)
{
    struct buf body = {0};
    struct jwrite w = jwrite_to(&body);

    jwrite_object(&w);
    jwrite_member_cstr(&w, "status", "ok");
    jwrite_member_int(&w, "timestamp", clock_wall_s());
    jwrite_member_cstr(&w, "server", "corelay");
    jwrite_end(&w);
    return answer_json(x, &body);
}

static enum step serve_root(struct exchange *x)
{
    struct buf body = {0};
    struct jwrite w = jwrite_to(&body);

    jwrite_object(&w);
    jwrite_member_cstr(&w, "name", "corelay");
    jwrite_member_array(&w, "apis");
    jwrite_cstr(&w, "/v1/chat/completions");
    jwrite_cstr(&w, "/v1/responses");
    jwrite_cstr(&w, "/v1/messages");
    jwrite_cstr(&w, "/v1/embeddings");
    jwrite_cstr(&w, "/v2/rerank");
    jwrite_cstr(&w, "/v1beta/models");
    jwrite_cstr(&w, "/v1/models");
    jwrite_end_all(&w);
    return answer_json(x, &body);
}

/* Browsers ask before they send; without `cors` in the configuration they get no permission. */
static enum step serve_options(struct exchange *x)
{
    struct buf head = {0};
    struct str allow =
        x->match.endpoint ? endpoint_allow(x->arena, x->match.endpoint) : STR("OPTIONS");

    buf_printf(&head, "Allow: %.*s\r\nX-Request-Id: %.*s\r\n", STR_ARG(allow), STR_ARG(x->id));
    reply_preflight(x, allow, &head);
    buf_free(&head);
    return DONE;
}

enum step local_serve(struct exchange *x)
{
    if (strcmp(x->request.method, "OPTIONS") == 0)
        return serve_options(x);
    switch (x->match.endpoint->kind) {
    case ENDPOINT_HEALTH:
        return serve_health(x);
    case ENDPOINT_ROOT:
        return serve_root(x);
    default:
        x->stage = STAGE_MODELS;
        return GO_ON;
    }
}

/* --- models ---------------------------------------------------------------------------------- */

static struct models_entry entry_of(const struct route_model *m)
{
    return (struct models_entry){.id = m->name,
                                 .created = m->created_s,
                                 .context_length = m->rules.context,
                                 .max_output = m->rules.max_output,
                                 .embeds = str_find(m->name, "embed") < m->name.n};
}

/* All models, and the configuration's aliases as models of their own. */
static struct models_entry *all_entries(struct exchange *x, size_t *count)
{
    size_t n = route_table_count(x->table), room = n;

    for (const struct config_alias *a = x->config->aliases; a; a = a->next)
        room++;
    struct models_entry *entries = ARENA_ARRAY(x->arena, struct models_entry, room + 1);
    if (!entries)
        return NULL;
    for (size_t i = 0; i < n; i++)
        entries[i] = entry_of(route_table_at(x->table, i));
    for (const struct config_alias *a = x->config->aliases; a; a = a->next) {
        struct route_model *m = route_find(x->table, x->config, x->arena, str_from(a->name));
        if (!m)
            continue;
        entries[n] = entry_of(m);
        entries[n++].id = str_from(a->name);
    }
    *count = n;
    return entries;
}

static struct str query(const struct exchange *x, const char *name)
{
    return endpoint_query(x->arena, x->request.query, name);
}

static enum step serve_list(struct exchange *x)
{
    struct buf body = {0};
    size_t count = 0;
    long limit = 0;
    struct models_entry *entries = all_entries(x, &count);

    if (!entries)
        return STEP_FAIL;
    if (x->dialect->wire == WIRE_ANTHROPIC_MESSAGES) {
        str_to_long(query(x, "limit"), &limit);
        models_anthropic_list(entries, count, limit, query(x, "after_id"), query(x, "before_id"),
                              &body);
    } else if (x->dialect->wire == WIRE_GEMINI) {
        str_to_long(query(x, "pageSize"), &limit);
        models_gemini_list(entries, count, limit, query(x, "pageToken"), &body);
    } else {
        models_openai_list(entries, count, &body);
    }
    return answer_json(x, &body);
}

static enum step serve_one(struct exchange *x)
{
    struct buf body = {0};
    struct models_entry entry = entry_of(x->model);

    entry.id = x->model_asked;
    if (x->dialect->wire == WIRE_ANTHROPIC_MESSAGES)
        models_anthropic_one(&entry, &body);
    else if (x->dialect->wire == WIRE_GEMINI)
        models_gemini_one(&entry, &body);
    else
        models_openai_one(&entry, &body);
    return answer_json(x, &body);
}

static enum step serve_ready(struct exchange *x)
{
    struct buf body = {0};
    struct jwrite w = jwrite_to(&body);
    size_t count = route_table_count(x->table);

    if (count == 0) {
        chat_error_set(&x->error, x->arena, CHAT_ERROR_OVERLOADED,
                       "No model is deployed in the configured subaccounts.");
        return STEP_FAIL;
    }
    jwrite_object(&w);
    jwrite_member_cstr(&w, "status", "ready");
    jwrite_member_int(&w, "models", (int64_t)count);
    jwrite_end(&w);
    return answer_json(x, &body);
}

enum step local_serve_models(struct exchange *x)
{
    switch (x->match.endpoint->kind) {
    case ENDPOINT_MODEL_LIST:
        return serve_list(x);
    case ENDPOINT_MODEL:
        return serve_one(x);
    default:
        return serve_ready(x);
    }
}

/* --- token estimates ------------------------------------------------------------------------- */

enum step local_count_tokens(struct exchange *x)
{
    struct buf body = {0};

    chat_request_init(&x->chat);
    if (x->dialect->decode(x->arena, x->body, &x->chat, &x->dropped, &x->error))
        return STEP_FAIL;
    x->dialect->count(chat_estimate_tokens(&x->chat, x->model->name), &body);
    return answer_json(x, &body);
}

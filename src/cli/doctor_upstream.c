/* corelay doctor: from the service key to an answer of each family. */
#include <stdio.h>

#include "aicore/deployment.h"
#include "base/crypto.h"
#include "base/json.h"
#include "base/log.h"
#include "cli/doctor.h"
#include "http/reactor.h"

enum { LIST_BODY_MAX = 4 * 1024 * 1024, LIST_MS = 30 * 1000 };

/* --- token ----------------------------------------------------------------------------------- */

struct token_step {
    struct buf token;
    char problem[512];
    bool refused, finished;
};

static const char REFUSED[] =
    "is the service key still there, or was it deleted or renewed? create a new one in the BTP "
    "cockpit";
static const char UNREACHABLE[] = "can this host reach it? behind a proxy it needs http.proxy, "
                                  "where TLS is inspected http.ca_file";

static void on_token(void *arg, status s, struct str token, const struct chat_error *err)
{
    struct token_step *t = arg;

    if (s == OK)
        buf_add_str(&t->token, token);
    else
        snprintf(t->problem, sizeof t->problem, "%.*s",
                 STR_ARG(err->detail.n ? err->detail : err->message));
    t->refused = s != OK && err->kind == CHAT_ERROR_UPSTREAM_AUTH;
    t->finished = true;
}

static bool try_token(struct doctor *d, struct token_cache *tokens, const struct config_account *a,
                      struct token_step *t)
{
    token_get(tokens, a->key, STR_NONE, on_token, t);
    reactor_run_until(d->session.reactor, &t->finished);
    doctor_report(d, t->token.n ? DOCTOR_OK : DOCTOR_FAILED, "token",
                  t->refused ? REFUSED : UNREACHABLE, "%s: %s", a->name,
                  t->token.n ? "a token is at hand" : t->problem);
    return t->token.n > 0;
}

/* --- resource groups ------------------------------------------------------------------------- */

struct list_step {
    struct buf body;
    int code;
    bool finished;
};

static void on_list_head(void *arg, struct http_call *call, int code)
{
    struct list_step *l = arg;

    (void)call;
    l->code = code;
}

static void on_list_body(void *arg, struct str bytes)
{
    struct list_step *l = arg;

    buf_add_str(&l->body, bytes);
}

static void on_list_done(void *arg, const struct http_result *result)
{
    struct list_step *l = arg;

    if (result->outcome != HTTP_COMPLETE)
        l->code = 0;
    l->finished = true;
}

static void fetch_groups(struct doctor *d, const struct config_account *a, struct str token,
                         struct list_step *l)
{
    static const struct http_events events = {on_list_head, on_list_body, on_list_done};
    struct buf url = {0}, bearer = {0};

    buf_printf(&url, "%s/admin/resourceGroups%c", a->key->api_url, '\0');
    buf_printf(&bearer, "Bearer %.*s", STR_ARG(token));
    const struct http_header headers[] = {{STR("Authorization"), buf_str(&bearer)},
                                          {STR("Accept"), STR("application/json")}};
    const struct http_request request = {
        .method = "GET", .url = url.p, .headers = headers, .header_count = 2, .total_ms = LIST_MS};
    if (!url.failed && http_start(d->session.reactor, &request, &events, l))
        reactor_run_until(d->session.reactor, &l->finished);
    buf_free(&url);
    buf_free(&bearer);
}

static bool has_group(const struct json *list, const char *group)
{
    for (const struct json *g = json_first(json_get(list, "resources")); g; g = json_next(g))
        if (strcmp(json_text(json_get(g, "resourceGroupId"), ""), group) == 0)
            return true;
    return false;
}

static void try_groups(struct doctor *d, const struct config_account *a, struct str token)
{
    struct list_step l = {.body.ceiling = LIST_BODY_MAX};
    struct json *list = NULL;

    fetch_groups(d, a, token, &l);
    if (l.code != 200 || json_parse(buf_str(&l.body), &list, NULL, NULL)) {
        doctor_report(d, DOCTOR_SKIPPED, "resource groups",
                      "this key may not list them; that alone does no harm",
                      "%s: the list was not given (HTTP %d)", a->name, l.code);
    } else {
        for (size_t i = 0; i < a->resource_group_count; i++) {
            const char *group = a->resource_groups[i];
            bool found = has_group(list, group);
            doctor_report(d, found ? DOCTOR_OK : DOCTOR_FAILED, "resource groups",
                          "name one that exists in resource_group",
                          found ? "%s: %s" : "%s: there is no resource group %s", a->name, group);
        }
    }
    json_free(list);
    buf_free(&l.body);
}

/* --- deployments ----------------------------------------------------------------------------- */

struct discovery_step {
    size_t running, of_models;
    char problem[512];
    bool good, finished;
};

static void on_deployments(void *arg, status s, struct deployment_list *list,
                           const struct chat_error *err)
{
    struct discovery_step *step = arg;

    step->good = s == OK && list;
    for (size_t i = 0; step->good && i < list->count; i++)
        step->of_models += list->items[i].model != NULL;
    if (step->good)
        step->running = list->count;
    else if (err)
        snprintf(step->problem, sizeof step->problem, "%.*s",
                 STR_ARG(err->detail.n ? err->detail : err->message));
    step->finished = true;
}

static void try_discovery(struct doctor *d, struct discovery *discovery,
                          const struct config_account *a, const char *group)
{
    struct discovery_step step = {0};

    discovery_get(discovery, a->key, group, true, on_deployments, &step);
    reactor_run_until(d->session.reactor, &step.finished);
    if (!step.good)
        doctor_report(d, DOCTOR_FAILED, "deployments",
                      "403 and 404 often mean a resource group that this key may not use",
                      "%s, %s: %s", a->name, group, step.problem);
    else
        doctor_report(d, step.of_models ? DOCTOR_OK : DOCTOR_FAILED, "deployments",
                      "deploy a model in SAP AI Launchpad, in this resource group",
                      "%s, %s: %zu run, %zu of them of a model", a->name, group, step.running,
                      step.of_models);
}

static void try_deployments(struct doctor *d, struct discovery *discovery,
                            const struct config_account *a)
{
    size_t count = 0;

    if (!a->deployments) {
        for (size_t i = 0; i < a->resource_group_count; i++)
            try_discovery(d, discovery, a, a->resource_groups[i]);
        return;
    }
    for (const struct config_deployment *one = a->deployments; one; one = one->next)
        count++;
    doctor_report(d, DOCTOR_OK, "deployments", NULL, "%s: %zu named in the configuration", a->name,
                  count);
}

/* --- one tiny call --------------------------------------------------------------------------- */

static bool is_embedding(const struct route_model *m)
{
    return str_find(m->name, "embed") < m->name.n;
}

/* How well does a model stand for its family? The more the better; 0: not at all. */
static int fitness(const struct route_model *m)
{
    if (!m->targets || (!m->targets->family->encode && !m->targets->family->embed))
        return 0;
    if (is_embedding(m) || (m->rules.traits & MODEL_RESPONSES_ONLY))
        return 1;
    return m->rules.traits & MODEL_REASONING ? 2 : 3;
}

static void write_question(struct buf *out, const struct route_model *m)
{
    struct jwrite w = jwrite_to(out);

    jwrite_object(&w);
    jwrite_member_str(&w, "model", m->name);
    if (is_embedding(m))
        jwrite_member_cstr(&w, "input", "OK");
    else
        jwrite_member_raw(&w, "messages",
                          STR("[{\"role\":\"user\",\"content\":\"Answer with the word OK.\"}]"));
    if (!is_embedding(m))
        jwrite_member_int(&w, "max_completion_tokens", 64);
    jwrite_end(&w);
}

static void try_call(struct doctor *d, const struct route_model *m)
{
    struct buf body = {0}, text = {0};
    struct session_answer answer;

    write_question(&body, m);
    const struct session_call call = {.method = "POST",
                                      .path = is_embedding(m) ? "/v1/embeddings"
                                                              : "/v1/chat/completions",
                                      .body = buf_str(&body)};
    bool good = session_do(&d->session, &call, &answer) == OK && answer.http_status == 200;
    if (good)
        buf_printf(&text, "an answer in %lld ms", (long long)answer.end_ms);
    else
        session_error_text(&answer, &text);
    doctor_report(d, good ? DOCTOR_OK : DOCTOR_FAILED, "answer",
                  "400: models.NAME.family or traits may be wrong for it; 429: the limit of the "
                  "subaccount is used up; 404: it may have been deployed a minute ago",
                  "%s, %.*s: %.*s", m->targets->family->name, STR_ARG(m->name),
                  STR_ARG(buf_str(&text)));
    buf_free(&answer.body);
    buf_free(&body);
    buf_free(&text);
}

/* The model that stands for its family; NULL when another one does it better. */
static bool is_chosen(struct route_table *table, const struct route_model *m)
{
    bool earlier = true;

    if (!fitness(m))
        return false;
    for (size_t i = 0; i < route_table_count(table); i++) {
        const struct route_model *other = route_table_at(table, i);
        if (other == m)
            earlier = false;
        else if (other->targets && other->targets->family == m->targets->family &&
                 (fitness(other) > fitness(m) || (earlier && fitness(other) == fitness(m))))
            return false;
    }
    return true;
}

static void try_families(struct doctor *d)
{
    struct route_table *table = session_models(&d->session);
    size_t count = table ? route_table_count(table) : 0;

    if (count == 0)
        doctor_report(d, DOCTOR_FAILED, "answer", NULL, "there is no model to ask");
    for (size_t i = 0; i < count; i++)
        if (is_chosen(table, route_table_at(table, i)))
            try_call(d, route_table_at(table, i));
    route_table_release(table);
}

void doctor_upstream(struct doctor *d)
{
    static const struct discovery_settings settings = {.minimum_ms = 1};
    const struct config *config = shared_config_get(d->session.config);
    struct gateway_state *state = gateway_hold(d->session.gateway);
    struct token_cache *tokens = gateway_tokens(state);
    struct discovery *discovery =
        discovery_new(d->session.reactor, tokens, config->state_dir, &settings);

    log_set_level(LOG_LEVEL_WARNING); /* it has the causes of what fails */
    for (const struct config_account *a = config->accounts; discovery && a; a = a->next) {
        struct token_step token = {0};
        if (try_token(d, tokens, a, &token)) {
            try_groups(d, a, buf_str(&token.token));
            try_deployments(d, discovery, a);
            crypto_wipe(token.token.p, token.token.n);
        }
        buf_free(&token.token);
    }
    log_set_level(LOG_LEVEL_ERROR);
    discovery_free(discovery);
    gateway_release(state);
    try_families(d);
}

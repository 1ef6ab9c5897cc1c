/* The AI API. See lm.h. Shapes follow the AI API specification 2.42. */
#include "lm.h"
#include "json.h"
#include "quota.h"
#include "settings.h"
#include "tenant.h"
#include "wire.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char base_url[160];

void lm_set_base(const char *base)
{
    snprintf(base_url, sizeof base_url, "%s", base);
}

const char *lm_base(void)
{
    return base_url;
}

bool group_check(struct exchange *x)
{
    x->group = exchange_header(x, "AI-Resource-Group");
    if (tenant_has_group(x->tenant, x->group))
        return true;
    reply_text(&x->reply, 403, "text/plain", "RBAC: access denied");
    return false;
}

static void lm_refuse(struct exchange *x, unsigned status, const char *code, const char *message)
{
    reply_json(&x->reply, status,
               "{'error':{'code':%q,'message':%q,'requestId':'00000000-0000-4000-8000-%s',"
               "'target':%q,'details':{}}}",
               code, message, "000000000000", x->path);
}

static void write_details(const struct deployment *d, struct buf *out)
{
    const char *key = d->details == DETAILS_SNAKE ? "backend_details" : "backendDetails";

    buf_json(out, "'details':{'resources':{%q:{", key);
    if (d->details != DETAILS_NONE && d->model)
        buf_json(out, "'model':{'name':%q,'version':'latest'}", d->model->name);
    buf_json(out, "}},'scaling':{%q:{}}}", key);
}

static void write_deployment(const struct deployment *d, struct buf *out)
{
    uint64_t h = hash_text(7, d->id);

    buf_json(out, "{'id':%q,'configurationId':'%s-2222-4333-8444-555555555555',", d->id,
             pool_printf(out->pool, "%08x", (unsigned)h));
    buf_json(out, "'configurationName':%q,'executableId':%q,'scenarioId':%q,", d->configuration,
             d->executable, d->scenario);
    if (d->has_url)
        buf_json(out, "'deploymentUrl':'%s/v2/inference/deployments/%s',", base_url, d->id);
    buf_json(out, "'status':%q,'targetStatus':%q,'lastOperation':'CREATE','statusMessage':'',",
             d->status, d->target_status);
    write_details(d, out);
    buf_text(out, pool_printf(out->pool,
                              ",\"createdAt\":\"2026-01-%02dT03:04:05Z\","
                              "\"modifiedAt\":\"2026-01-%02dT03:05:05Z\"}",
                              d->created_day, d->created_day));
}

/* Is the word in a comma separated list? A missing list holds everything. */
static bool in_list(const char *list, const char *word)
{
    size_t len = strlen(word);

    if (!list)
        return true;
    while (*list) {
        size_t n = strcspn(list, ",");
        if (n == len && !memcmp(list, word, len))
            return true;
        list += n + (list[n] == ',');
    }
    return false;
}

static bool row_fits(struct exchange *x, const struct deployment *d)
{
    return d->tenant == x->tenant && !strcmp(d->group, x->group) &&
           in_list(exchange_argument(x, "scenarioId"), d->scenario) &&
           in_list(exchange_argument(x, "status"), d->status) &&
           in_list(exchange_argument(x, "executableIds"), d->executable);
}

static long argument_number(struct exchange *x, const char *name, long otherwise)
{
    const char *text = exchange_argument(x, name);

    return text ? strtol(text, NULL, 10) : otherwise;
}

static size_t rows_fitting(struct exchange *x)
{
    size_t i, n = 0;

    for (i = 0; i < deployment_count(); i++)
        n += row_fits(x, deployment_at(i));
    return n;
}

static void answer_deployments(struct exchange *x)
{
    long skip = argument_number(x, "$skip", 0);
    long top = argument_number(x, "$top", settings.page_limit), sent = 0;
    struct buf rows = {&x->pool, NULL, 0, 0};
    size_t i;

    if (skip < 0 || top < 0) {
        lm_refuse(x, 400, "01010004", "Invalid paging parameter");
        return;
    }
    if (top > settings.page_limit)
        top = settings.page_limit;
    for (i = 0; i < deployment_count() && sent < top; i++) {
        if (!row_fits(x, deployment_at(i)))
            continue;
        if (skip-- > 0)
            continue;
        buf_text(&rows, sent++ ? "," : "");
        write_deployment(deployment_at(i), &rows);
    }
    reply_json(&x->reply, 200, "{'count':%d,'resources':[%s]}", (int)rows_fitting(x),
               buf_str(&rows));
}

static void answer_deployment(struct exchange *x, const char *id)
{
    const struct deployment *d = deployment_by_id(id, strlen(id));
    struct buf row = {&x->pool, NULL, 0, 0};

    if (!d || d->tenant != x->tenant || strcmp(d->group, x->group)) {
        lm_refuse(x, 404, "01010076", "Deployment not found");
        return;
    }
    write_deployment(d, &row);
    reply_text(&x->reply, 200, "application/json", row.at);
}

/* Where a model may be used: deployed by itself, through orchestration, or both. */
static void write_scenarios(const struct model *m, struct buf *out)
{
    bool deployable = m != &model_abap;

    if (deployable)
        buf_json(out, "{'scenarioId':'foundation-models','executableId':%q}", m->executable);
    if (model_orchestrated(m))
        buf_json(out, "%s{'scenarioId':'orchestration','executableId':'orchestration'}",
                 deployable ? "," : "");
}

static void write_model(const struct model *m, struct buf *out)
{
    bool pictures = m->streams && strncmp(m->name, "mistral", 7) && strcmp(m->name, "o3-mini");

    buf_json(out,
             "{'model':%q,'executableId':%q,'displayName':%q,'description':'','accessType':"
             "'Remote','provider':%q,'allowedScenarios':[",
             m->name, m->executable, m->name, m->provider);
    write_scenarios(m, out);
    buf_json(out,
             "],'versions':[{'name':%q,'isLatest':true,'deprecated':false,'retirementDate':'',"
             "'contextLength':%d,'inputTypes':['text'%s],'capabilities':['%s'],'metadata':[],"
             "'cost':[{'inputCost':'0.001'},{'outputCost':'0.002'}],'suggestedReplacements':[],"
             "'streamingSupported':%b}]}",
             m->version, m->context_length, pictures ? ",\"image\"" : "", m->kind, m->streams);
}

static void answer_catalogue(struct exchange *x)
{
    struct buf rows = {&x->pool, NULL, 0, 0};
    size_t i;

    for (i = 0; i < model_count; i++) {
        write_model(&models[i], &rows);
        buf_text(&rows, ",");
    }
    write_model(&model_abap, &rows);
    reply_json(&x->reply, 200, "{'count':%d,'resources':[%s]}", (int)model_count + 1, rows.at);
}

static void answer_scenarios(struct exchange *x)
{
    reply_json(&x->reply, 200,
               "{'count':2,'resources':[{'id':'foundation-models','name':'foundation-models',"
               "'createdAt':'2025-01-01T00:00:00Z','modifiedAt':'2025-01-01T00:00:00Z'},"
               "{'id':'orchestration','name':'orchestration','createdAt':'2025-01-01T00:00:00Z',"
               "'modifiedAt':'2025-01-01T00:00:00Z'}]}");
}

/* Paths that need a resource group. */
static void answer_lm(struct exchange *x, const char *rest)
{
    if (!group_check(x))
        return;
    if (!strcmp(rest, "deployments"))
        answer_deployments(x);
    else if (!strcmp(rest, "deployments/$count"))
        reply_json(&x->reply, 200, "%d", (int)rows_fitting(x));
    else if (!strncmp(rest, "deployments/", 12))
        answer_deployment(x, rest + 12);
    else if (!strcmp(rest, "scenarios"))
        answer_scenarios(x);
    else if (!strcmp(rest, "scenarios/foundation-models/models"))
        answer_catalogue(x);
    else
        lm_refuse(x, 404, "01010000", "Resource not found");
}

static void answer_groups(struct exchange *x)
{
    reply_json(&x->reply, 200,
               "{'count':2,'resources':["
               "{'resourceGroupId':'default','tenantId':%q,'zoneId':'','labels':[],"
               "'status':'PROVISIONED','createdAt':'2025-01-01T00:00:00Z'},"
               "{'resourceGroupId':'team-b','tenantId':%q,'zoneId':'','labels':[],"
               "'status':'PROVISIONED','createdAt':'2025-01-01T00:00:00Z'}]}",
               x->tenant->zone_id, x->tenant->zone_id);
}

void lm_answer(struct exchange *x)
{
    const char *path = x->path + strlen("/v2/");

    if (!exchange_is(x, "GET"))
        lm_refuse(x, 405, "01010001", "Method not allowed");
    else if (!strcmp(path, "lm/meta"))
        reply_json(&x->reply, 200,
                   "{'runtimeIdentifier':'aicore-emulator','runtimeApiVersion':'2.42.0',"
                   "'aiApi':{'version':'2.42.0','capabilities':{'logs':{'deployments':false},"
                   "'bulkUpdates':false}}}");
    else if (!strncmp(path, "lm/", 3))
        answer_lm(x, path + 3);
    else if (!strcmp(path, "admin/tenantInfo"))
        reply_json(&x->reply, 200, "{'tenantId':%q,'servicePlan':'extended','status':'ACTIVE'}",
                   x->tenant->zone_id);
    else if (!strcmp(path, "admin/quota/model"))
        quota_answer(x);
    else if (!strcmp(path, "admin/resourceGroups"))
        answer_groups(x);
    else
        lm_refuse(x, 404, "01010000", "Resource not found");
}

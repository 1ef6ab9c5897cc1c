/*
 * Routing on the main port. See inference.h. The order of checks is that of the real service:
 * token, deployment, resource group, path, body.
 */
#include "inference.h"

#include "fault.h"
#include "json.h"
#include "lm.h"
#include "oauth.h"
#include "quota.h"
#include "reqlog.h"
#include "responses.h"
#include "settings.h"
#include "tenant.h"

#include <string.h>

static const struct family token_family = {"token", NULL, NULL};
static const struct family discovery_family = {"discovery", NULL, NULL};

cJSON *exchange_json(struct exchange *x, const char **why)
{
    *why = NULL;
    if (!x->json)
        x->json = json_parse(&x->pool, buf_str(&x->body), x->body.len, why);
    return x->json;
}

static const char prefix[] = "/v2/inference/deployments/";

/* Find the deployment of the path; answers and returns false if it may not be used. */
static bool deployment_resolve(struct exchange *x)
{
    const char *id = x->path + sizeof prefix - 1;
    size_t len = strcspn(id, "/");

    x->deployment = deployment_by_id(id, len);
    x->suffix = id + len;
    if (!x->deployment) {
        reply_json(&x->reply, 404,
                   "{'error':{'code':'01010076','message':'Deployment not found',"
                   "'requestId':'','target':%q}}",
                   x->path);
        return false;
    }
    x->group = exchange_header(x, "AI-Resource-Group");
    if (x->deployment->tenant != x->tenant || !x->group || strcmp(x->deployment->group, x->group)) {
        x->deployment = NULL;
        reply_text(&x->reply, 403, "text/plain", "RBAC: access denied");
        return false;
    }
    if (!deployment_running(x->deployment)) {
        reply_text(&x->reply, 503, "text/plain", "no healthy upstream");
        return false;
    }
    return true;
}

static const struct family *family_of(const struct exchange *x)
{
    const char *executable = x->deployment->executable;

    if (!strcmp(executable, "azure-openai"))
        return &azure_family;
    if (!strcmp(executable, "orchestration"))
        return &orchestration_family;
    if (!strcmp(executable, "gcp-vertexai"))
        return &vertex_family;
    if (!strcmp(executable, "aws-bedrock"))
        return strncmp(x->suffix, "/converse", 9) ? &invoke_family : &converse_family;
    if (!strcmp(executable, "aicore-cohere"))
        return &cohere_family;
    if (!strcmp(executable, "aicore-sap"))
        return &rpt_family;
    if (!strcmp(executable, "custom-server"))
        return &custom_family;
    return &hosted_family;
}

static void path_unknown(struct exchange *x)
{
    x->family->refuse(x, 404, "Resource not found");
}

static void azure_route(struct exchange *x)
{
    if (!strcmp(x->suffix, "/responses"))
        responses_answer(x);
    else if (!strcmp(x->suffix, "/responses/compact"))
        responses_compact(x);
    else if (!exchange_argument(x, "api-version"))
        path_unknown(x);
    else if (!strcmp(x->suffix, "/chat/completions"))
        azure_answer(x);
    else if (!strcmp(x->suffix, "/embeddings"))
        openai_embeddings_answer(x);
    else
        path_unknown(x);
}

static void bedrock_route(struct exchange *x)
{
    const char *model = x->deployment->model->name;
    bool claude = !strncmp(model, "anthropic--", 11), titan = strstr(model, "titan") != NULL;
    bool nova = strstr(model, "nova") != NULL;

    if (titan && !strcmp(x->suffix, "/invoke"))
        titan_answer(x);
    else if (claude && !strcmp(x->suffix, "/invoke"))
        invoke_answer(x, false);
    else if (claude && !strcmp(x->suffix, "/invoke-with-response-stream"))
        invoke_answer(x, true);
    else if ((claude || nova) && !strcmp(x->suffix, "/converse"))
        converse_answer(x, false);
    else if ((claude || nova) && !strcmp(x->suffix, "/converse-stream"))
        converse_answer(x, true);
    else
        path_unknown(x);
}

static void vertex_route(struct exchange *x)
{
    const char *name = x->deployment->model->name;
    const char *at = x->suffix;

    if (strncmp(at, "/models/", 8) || strncmp(at + 8, name, strlen(name)) ||
        at[8 + strlen(name)] != ':') {
        path_unknown(x);
        return;
    }
    at += 8 + strlen(name) + 1;
    if (!strcmp(at, "predict") && strstr(name, "embedding"))
        vertex_predict_answer(x);
    else if (!strcmp(at, "generateContent") || !strcmp(at, "streamGenerateContent"))
        vertex_answer(x, at);
    else
        path_unknown(x);
}

static void hosted_route(struct exchange *x)
{
    const struct model *model = x->deployment->model;

    if (!model)
        path_unknown(x);
    else if (!strcmp(x->suffix, "/embeddings") &&
             !strcmp(x->deployment->executable, "aicore-nvidia"))
        openai_embeddings_answer(x);
    else if (!strcmp(x->suffix, "/chat/completions") &&
             strcmp(x->deployment->executable, "aicore-nvidia"))
        hosted_answer(x);
    else
        path_unknown(x);
}

static void family_route(struct exchange *x)
{
    const char *why;

    if (x->family == &azure_family && !strncmp(x->suffix, "/responses/", 11) &&
        strcmp(x->suffix, "/responses/compact")) {
        responses_stored_answer(x);
        return;
    }
    if (x->family == &custom_family || x->family == &rpt_family) {
        (x->family == &custom_family ? custom_answer : rpt_answer)(x);
        return;
    }
    if (!exchange_is(x, "POST")) {
        x->family->refuse(x, 405, "Method Not Allowed");
        return;
    }
    if (!exchange_json(x, &why)) {
        x->family->refuse(x, 400,
                          pool_printf(&x->pool,
                                      "We could not parse the JSON body of your "
                                      "request: %s.",
                                      why));
        return;
    }
    if (!cJSON_IsObject(x->json)) {
        x->family->refuse(x, 400, "The request body must be a JSON object.");
        return;
    }
    if (x->family == &azure_family)
        azure_route(x);
    else if (x->family == &vertex_family)
        vertex_route(x);
    else if (x->family == &orchestration_family)
        orchestration_answer(x);
    else if (x->family == &hosted_family)
        hosted_route(x);
    else if (x->family == &cohere_family)
        (strcmp(x->suffix, "/rerank") ? path_unknown : cohere_rerank_answer)(x);
    else
        bedrock_route(x);
}

/* Run answer with the faults that fit around it. */
static void with_faults(struct exchange *x, void (*answer)(struct exchange *))
{
    const cJSON *fault = fault_take(x);

    if (fault && fault_before(x, fault))
        return;
    answer(x);
    if (fault)
        fault_after(x, fault);
}

static void inference_answer(struct exchange *x)
{
    if (!oauth_check(x) || !deployment_resolve(x))
        return;
    x->family = family_of(x);
    x->reply.first_delay_ms = (unsigned)settings.latency_ms;
    if (!quota_take(x->deployment)) {
        x->family->refuse(x, 429, "Too many requests: the limit of this model is exhausted.");
        return;
    }
    with_faults(x, family_route);
}

static void control_plane_answer(struct exchange *x)
{
    if (!oauth_check(x))
        return;
    x->family = &discovery_family;
    x->group = exchange_header(x, "AI-Resource-Group");
    with_faults(x, lm_answer);
}

static void token_answer(struct exchange *x)
{
    size_t len = strcspn(x->path + 6, "/");
    char *name = pool_copy(&x->pool, x->path + 6, len);

    if (strcmp(x->path + 6 + len, "/oauth/token"))
        reply_text(&x->reply, 404, "text/html", "<html><body>Not Found</body></html>");
    else
        oauth_answer(x, name);
}

static void token_route(struct exchange *x)
{
    size_t len = strcspn(x->path + 6, "/");

    x->family = &token_family;
    x->tenant = tenant_by_name(pool_copy(&x->pool, x->path + 6, len));
    with_faults(x, token_answer);
}

void main_route(struct exchange *x)
{
    if (!strncmp(x->path, "/auth/", 6))
        token_route(x);
    else if (!strncmp(x->path, prefix, sizeof prefix - 1))
        inference_answer(x);
    else if (!strncmp(x->path, "/v2/lm/", 7) || !strncmp(x->path, "/v2/admin/", 10))
        control_plane_answer(x);
    else
        reply_json(&x->reply, 404, "{'error':{'code':'404','message':'Not Found'}}");
    reqlog_add(x);
}

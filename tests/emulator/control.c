/* The control port. See control.h. No authentication: it listens on loopback only. */
#include "control.h"

#include "answer.h"
#include "cache.h"
#include "fault.h"
#include "json.h"
#include "lm.h"
#include "oauth.h"
#include "quota.h"
#include "pacer.h"
#include "reqlog.h"
#include "responses.h"
#include "settings.h"
#include "tenant.h"

#include <stdlib.h>
#include <string.h>

static void control_good(struct exchange *x)
{
    reply_json(&x->reply, 200, "{'ok':true}");
}

static void control_bad(struct exchange *x, const char *why)
{
    reply_json(&x->reply, 400, "{'ok':false,'error':%q}", why);
}

static uint64_t number_argument(struct exchange *x, const char *name, uint64_t otherwise)
{
    const char *text = exchange_argument(x, name);

    return text ? strtoull(text, NULL, 10) : otherwise;
}

static void requests_get(struct exchange *x)
{
    reply_text(&x->reply, 200, "application/json", "");
    reqlog_write(&x->reply.bytes, number_argument(x, "since", 0),
                 number_argument(x, "limit", UINT64_MAX));
}

static void requests_delete(struct exchange *x)
{
    reqlog_clear();
    control_good(x);
}

static void counters_get(struct exchange *x)
{
    reply_text(&x->reply, 200, "application/json", "");
    reqlog_write_counters(&x->reply.bytes);
}

static void faults_get(struct exchange *x)
{
    reply_text(&x->reply, 200, "application/json", "");
    faults_write(&x->reply.bytes);
}

static void faults_post(struct exchange *x)
{
    const char *why = faults_add(x->json);

    if (why)
        control_bad(x, why);
    else
        control_good(x);
}

static void faults_delete(struct exchange *x)
{
    faults_clear();
    pacer_release_hanging();
    control_good(x);
}

static void scripts_get(struct exchange *x)
{
    reply_text(&x->reply, 200, "application/json", "");
    scripts_write(&x->reply.bytes);
}

static void scripts_post(struct exchange *x)
{
    const char *why = scripts_add(x->json);

    if (why)
        control_bad(x, why);
    else
        control_good(x);
}

static void scripts_delete(struct exchange *x)
{
    scripts_clear();
    control_good(x);
}

static void settings_post(struct exchange *x)
{
    const char *wrong = settings_apply(x->json);

    if (wrong)
        control_bad(x, pool_printf(&x->pool, "unknown setting or wrong value: %s", wrong));
    else
        control_good(x);
}

/* {"tenant":"alpha"?,"expire":true?} */
static void revoke_post(struct exchange *x)
{
    reply_json(&x->reply, 200, "{'ok':true,'tokens':%u}",
               oauth_revoke(json_str(x->json, "tenant"), json_true(x->json, "expire")));
}

/* {"tenant":"alpha","ttl_s":5} */
static void ttl_post(struct exchange *x)
{
    const struct tenant *tenant = tenant_by_name(json_str(x->json, "tenant"));

    if (!tenant) {
        control_bad(x, "unknown tenant");
        return;
    }
    oauth_set_ttl(tenant, (int)json_num(x->json, "ttl_s", -1));
    control_good(x);
}

/* {"tenant":"alpha"} */
static void rotate_post(struct exchange *x)
{
    const struct tenant *tenant = tenant_by_name(json_str(x->json, "tenant"));

    if (!tenant) {
        control_bad(x, "unknown tenant");
        return;
    }
    reply_json(&x->reply, 200, "{'ok':true,'clientsecret':%q}", oauth_rotate(&x->pool, tenant));
}

static void reset_post(struct exchange *x)
{
    faults_clear();
    scripts_clear();
    cache_clear();
    responses_clear();
    settings_restore();
    oauth_reset();
    quota_reset();
    reqlog_clear();
    pacer_release_hanging();
    control_good(x);
}

/* All deployments with what a test needs to know of them. */
static void deployments_get(struct exchange *x)
{
    const struct deployment *d;
    size_t i;

    reply_text(&x->reply, 200, "application/json", "{\"deployments\":[");
    for (i = 0; (d = deployment_at(i)); i++)
        buf_json(&x->reply.bytes,
                 "%s{'id':%q,'tenant':%q,'group':%q,'model':%q,'executable':%q,'running':%b,"
                 "'url':'%s/v2/inference/deployments/%s'}",
                 i ? "," : "", d->id, d->tenant->name, d->group, d->model ? d->model->name : NULL,
                 d->executable, deployment_running(d), lm_base(), d->id);
    buf_text(&x->reply.bytes, "]}");
}

static const struct {
    const char *method, *path;
    void (*answer)(struct exchange *x);
} endpoints[] = {
    {"GET", "/requests", requests_get},      {"DELETE", "/requests", requests_delete},
    {"GET", "/counters", counters_get},      {"GET", "/faults", faults_get},
    {"POST", "/faults", faults_post},        {"DELETE", "/faults", faults_delete},
    {"GET", "/scripts", scripts_get},        {"POST", "/scripts", scripts_post},
    {"DELETE", "/scripts", scripts_delete},  {"POST", "/settings", settings_post},
    {"POST", "/tokens/revoke", revoke_post}, {"POST", "/tokens/ttl", ttl_post},
    {"POST", "/reset", reset_post},          {"GET", "/deployments", deployments_get},
    {"POST", "/keys/rotate", rotate_post},
};

void control_route(struct exchange *x)
{
    const char *why;
    size_t i;

    for (i = 0; i < sizeof endpoints / sizeof endpoints[0]; i++)
        if (exchange_is(x, endpoints[i].method) && !strcmp(x->path, endpoints[i].path))
            break;
    if (i == sizeof endpoints / sizeof endpoints[0]) {
        reply_json(&x->reply, 404, "{'ok':false,'error':'no such endpoint'}");
        return;
    }
    if (x->body.len && !exchange_json(x, &why)) {
        control_bad(x, why);
        return;
    }
    endpoints[i].answer(x);
}

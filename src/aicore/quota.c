/* Limits of models, from the AI API. */
#include "aicore/quota.h"

#include <stdlib.h>

#include "base/crypto.h"
#include "base/json.h"
#include "base/log.h"
#include "http/client.h"

enum { QUOTA_MS = 15000, LIMIT_MAX = 10 * 1000 * 1000 };

/* --- the answer ------------------------------------------------------------------------------ */

static void read_detail(const struct json *detail, quota_each *each, void *arg)
{
    const char *unit = json_text(json_get(detail, "unit"), "");
    const char *model = json_text(json_get(json_get(detail, "descriptors"), "modelName"), "");
    double limit = json_number(json_get(detail, "limit"), 0);

    if (strcmp(unit, "requestPerMinute") == 0 && *model && limit >= 1 && limit <= LIMIT_MAX)
        each(arg, model, (uint32_t)limit);
}

status quota_parse(struct str json, quota_each *each, void *arg)
{
    struct json *root;
    status s = json_parse(json, &root, NULL, NULL);

    if (s)
        return s;
    if (!json_is_array(root))
        s = E_SYNTAX;
    for (const struct json *r = s ? NULL : json_first(root); r; r = json_next(r))
        for (const struct json *d = json_first(json_get(r, "quotaDetails")); d; d = json_next(d))
            read_detail(d, each, arg);
    json_free(root);
    return s;
}

/* --- the question ---------------------------------------------------------------------------- */

struct quota_fetch {
    struct reactor *reactor;
    struct token_cache *tokens;
    const struct service_key *key;
    quota_done *done;
    void *arg;
    struct timer begin;
    struct token_wait *waiting;
    struct http_call *call;
    int http_status;
    struct buf body;
};

void quota_fetch_cancel(struct quota_fetch *f)
{
    if (!f)
        return;
    timer_clear(f->reactor, &f->begin);
    token_cancel(f->waiting);
    if (f->call)
        http_cancel(f->call);
    buf_free(&f->body);
    free(f);
}

static void end(struct quota_fetch *f)
{
    bool good = f->http_status == 200 && !f->body.failed;

    if (!good)
        log_info("the AI API tells no limits of models (status %d)", f->http_status);
    f->done(f->arg, good ? buf_str(&f->body) : STR_NONE);
    quota_fetch_cancel(f);
}

static void on_head(void *arg, struct http_call *call, int http_status)
{
    struct quota_fetch *f = arg;

    (void)call;
    f->http_status = http_status;
}

static void on_body(void *arg, struct str bytes)
{
    struct quota_fetch *f = arg;

    buf_add_str(&f->body, bytes);
}

static void on_done(void *arg, const struct http_result *result)
{
    struct quota_fetch *f = arg;

    f->call = NULL;
    if (result->outcome != HTTP_COMPLETE)
        f->http_status = 0;
    end(f);
}

static struct http_call *ask(struct quota_fetch *f, struct str token)
{
    static const struct http_events events = {on_head, on_body, on_done};
    struct buf url = {0}, bearer = {0};

    buf_printf(&url, "%s/admin/quota/model", f->key->api_url);
    buf_add_char(&url, '\0');
    buf_add_cstr(&bearer, "Bearer ");
    buf_add_str(&bearer, token);
    const struct http_header headers[] = {{STR("Authorization"), buf_str(&bearer)},
                                          {STR("AI-Client-Type"), STR("Corelay")},
                                          {STR("Accept"), STR("application/json")}};
    struct http_request request = {.method = "GET",
                                   .url = url.p,
                                   .headers = headers,
                                   .header_count = sizeof headers / sizeof *headers,
                                   .total_ms = QUOTA_MS};
    bool failed = url.failed || bearer.failed;
    struct http_call *call = failed ? NULL : http_start(f->reactor, &request, &events, f);
    if (bearer.p)
        crypto_wipe(bearer.p, bearer.cap);
    buf_free(&bearer);
    buf_free(&url);
    return call;
}

static void on_token(void *arg, status s, struct str token, const struct chat_error *err)
{
    struct quota_fetch *f = arg;

    (void)err;
    f->waiting = NULL;
    f->call = s ? NULL : ask(f, token);
    if (!f->call)
        end(f);
}

static void on_begin(void *arg)
{
    struct quota_fetch *f = arg;
    /* on_token may come at once and `f` be gone afterwards: a wait is given back only if not */
    struct token_wait *wait = token_get(f->tokens, f->key, STR_NONE, on_token, f);

    if (wait)
        f->waiting = wait;
}

struct quota_fetch *quota_fetch_start(struct reactor *r, struct token_cache *tokens,
                                      const struct service_key *key, quota_done *done, void *arg)
{
    struct quota_fetch *f = calloc(1, sizeof *f);

    if (!f)
        return NULL;
    *f = (struct quota_fetch){.reactor = r,
                              .tokens = tokens,
                              .key = key,
                              .done = done,
                              .arg = arg,
                              .body = {.ceiling = QUOTA_BODY_MAX}};
    /* by a timer, since a token may be there at once and `done` must not come from here */
    if (timer_set(r, &f->begin, 0, on_begin, f) == OK)
        return f;
    quota_fetch_cancel(f);
    return NULL;
}

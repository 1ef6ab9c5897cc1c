/*
 * GET {api}/lm/deployments?status=RUNNING, page by page (AI API, "Get list of deployments"), and
 * GET {api}/lm/scenarios/foundation-models/models ("Get list of models"), which must not fail the
 * whole: what is deployed can be used without it.
 *
 * No scenario is asked for: orchestration and custom deployments are wanted too. "count" is the
 * number of all rows with some versions of the API and that of the page with others, so neither it
 * nor a short page alone is taken for the end.
 */
#include "aicore/deployment_fetch.h"

#include <stdio.h>
#include <stdlib.h>

#include "aicore/deployment_list.h"
#include "aicore/retry_after.h"
#include "base/clock.h"
#include "base/crypto.h"
#include "base/log.h"
#include "http/client.h"

enum {
    PAGE_ROWS = 1000,
    PAGES_MAX = 200,
    PAGE_MS = 15000,
    CATALOGUE_MS = 5000,
    AGAIN_MS = 1000 /* a page that failed is asked for again, once */
};

struct deployment_fetch {
    struct reactor *reactor;
    struct token_cache *tokens;
    const struct service_key *key;
    const char *group;
    void (*done)(void *arg, struct deployment_answer *answer);
    void *arg;

    struct timer limit, pause;
    struct token_wait *waiting; /* for a token */
    struct http_call *call;
    char *token; /* "Bearer ...", for the whole reading */
    bool renewed, repeated;

    int http_status;
    int64_t retry_after_ms;
    struct buf body;
    struct deployment_builder builder;
    size_t skip;
    int pages;
    bool listed; /* all pages are there: what is asked for is the catalogue */
    struct deployment_list *last;
};

static void forget_token(struct deployment_fetch *f)
{
    if (f->token)
        crypto_wipe(f->token, strlen(f->token));
    free(f->token);
    f->token = NULL;
}

static void stop(struct deployment_fetch *f)
{
    timer_clear(f->reactor, &f->limit);
    timer_clear(f->reactor, &f->pause);
    token_cancel(f->waiting);
    if (f->call)
        http_cancel(f->call);
    forget_token(f);
    buf_free(&f->body);
    deployment_builder_drop(&f->builder);
    deployment_list_release(f->last);
}

/* The last word. The fetch is gone when `done` is called. */
static void end(struct deployment_fetch *f, struct deployment_answer *answer)
{
    void (*done)(void *arg, struct deployment_answer *answer) = f->done;
    void *arg = f->arg;

    stop(f);
    free(f);
    done(arg, answer);
}

static void fail(struct deployment_fetch *f, enum deployment_outcome outcome, int64_t retry_after,
                 const char *text)
{
    struct deployment_answer answer = {.outcome = outcome, .retry_after_ms = retry_after};

    snprintf(answer.text, sizeof answer.text, "%s", text);
    end(f, &answer);
}

void deployment_fetch_cancel(struct deployment_fetch *fetch)
{
    if (!fetch)
        return;
    stop(fetch);
    free(fetch);
}

/* --- pages ----------------------------------------------------------------------------------- */

static void ask_token(struct deployment_fetch *f, struct str rejected);
static void ask_page(struct deployment_fetch *f);

static void on_pause_over(void *arg)
{
    ask_page(arg);
}

/* A failure that may be gone in a moment: once more, then give up. */
static void fail_or_repeat(struct deployment_fetch *f, const char *text)
{
    if (!f->repeated && f->retry_after_ms <= AGAIN_MS &&
        timer_set(f->reactor, &f->pause, AGAIN_MS, on_pause_over, f) == OK)
        f->repeated = true;
    else
        fail(f, DEPLOYMENTS_UNAVAILABLE, f->retry_after_ms, text);
}

static void refused(struct deployment_fetch *f)
{
    char text[200];

    if (f->http_status == 401 && !f->renewed) {
        struct str rejected = str_from(f->token + strlen("Bearer "));
        f->renewed = true;
        ask_token(f, rejected);
        return;
    }
    snprintf(text, sizeof text,
             "it answered %d; does the resource group \"%s\" exist for this key?", f->http_status,
             f->group);
    fail(f, DEPLOYMENTS_REFUSED, f->retry_after_ms, text);
}

static void finish(struct deployment_fetch *f)
{
    struct deployment_answer answer = {.outcome = DEPLOYMENTS_FETCHED};

    answer.list = deployment_builder_finish(&f->builder, clock_wall_s());
    if (answer.list)
        end(f, &answer);
    else
        fail(f, DEPLOYMENTS_UNAVAILABLE, 0, "out of memory");
}

/* Without a new catalogue the last one stays in use. */
static void finish_without(struct deployment_fetch *f, const char *why)
{
    log_warning("no catalogue of models from %s, resource group %s: %s", f->key->api_url, f->group,
                why);
    if (deployment_builder_keep_catalogue(&f->builder, f->last))
        fail(f, DEPLOYMENTS_UNAVAILABLE, 0, "out of memory");
    else
        finish(f);
}

static void take_catalogue(struct deployment_fetch *f)
{
    struct json *page;
    status s = f->body.failed ? E_LIMIT : json_parse(buf_str(&f->body), &page, NULL, NULL);

    if (!s) {
        s = deployment_builder_catalogue(&f->builder, page);
        json_free(page);
    }
    if (s)
        finish_without(f, "its answer is no list of models");
    else
        finish(f);
}

static void on_catalogue(struct deployment_fetch *f, const struct http_result *result)
{
    char text[64];

    snprintf(text, sizeof text, "it answered %d", f->http_status);
    if (result->outcome != HTTP_COMPLETE)
        finish_without(f, result->text ? result->text : "no answer");
    else if (f->http_status != 200)
        finish_without(f, text);
    else
        take_catalogue(f);
}

static void take_page(struct deployment_fetch *f)
{
    size_t before = f->builder.list ? f->builder.list->count : 0, rows = 0;
    int64_t total = 0;
    struct json *page;

    status s = f->body.failed ? E_LIMIT : json_parse(buf_str(&f->body), &page, NULL, NULL);
    if (!s) {
        s = deployment_builder_add(&f->builder, page, &rows, &total);
        json_free(page);
    }
    if (s) {
        fail(f, DEPLOYMENTS_UNUSABLE, 0,
             s == E_LIMIT ? "its list is too long" : "its answer is no list of deployments");
        return;
    }
    f->skip += rows;
    f->pages++;
    bool more = rows >= PAGE_ROWS || (int64_t)f->skip < total;
    bool moved = rows > 0 && (f->pages == 1 || f->builder.list->count > before);
    f->listed = !more || !moved || f->pages >= PAGES_MAX;
    if (f->listed && !deployment_builder_orchestrates(&f->builder))
        finish(f);
    else
        ask_page(f);
}

static void on_head(void *arg, struct http_call *call, int http_status)
{
    struct deployment_fetch *f = arg;

    f->http_status = http_status;
    f->retry_after_ms = retry_after_ms(http_response_header(call, "Retry-After"), clock_wall_s());
}

static void on_body(void *arg, struct str bytes)
{
    struct deployment_fetch *f = arg;

    buf_add_str(&f->body, bytes);
}

static void on_done(void *arg, const struct http_result *result)
{
    struct deployment_fetch *f = arg;
    char text[64];
    int code = f->http_status;

    f->call = NULL;
    if (f->listed) {
        on_catalogue(f, result);
    } else if (result->outcome != HTTP_COMPLETE) {
        fail_or_repeat(f, result->text ? result->text : "no answer");
    } else if (code == 200) {
        take_page(f);
    } else if (code == 401 || code == 403) {
        refused(f);
    } else {
        snprintf(text, sizeof text, "it answered %d", code);
        if (code == 408 || code == 429 || code >= 500)
            fail_or_repeat(f, text);
        else
            fail(f, DEPLOYMENTS_UNUSABLE, 0, text);
    }
}

static struct buf page_url(const struct deployment_fetch *f)
{
    struct buf url = {.ceiling = 0};

    /* '$' is written as %24, which no proxy on the way can take for something else */
    if (f->listed)
        buf_printf(&url, "%s/lm/scenarios/foundation-models/models", f->key->api_url);
    else
        buf_printf(&url, "%s/lm/deployments?status=RUNNING&%%24top=%d&%%24skip=%zu",
                   f->key->api_url, PAGE_ROWS, f->skip);
    buf_add_char(&url, '\0');
    return url;
}

static void ask_page(struct deployment_fetch *f)
{
    static const struct http_events events = {on_head, on_body, on_done};
    const struct http_header headers[] = {{STR("Authorization"), str_from(f->token)},
                                          {STR("AI-Resource-Group"), str_from(f->group)},
                                          {STR("AI-Client-Type"), STR("Corelay")},
                                          {STR("Accept"), STR("application/json")}};
    struct buf url = page_url(f);
    struct http_request request = {.method = "GET",
                                   .url = url.p,
                                   .headers = headers,
                                   .header_count = sizeof headers / sizeof *headers,
                                   .total_ms = f->listed ? CATALOGUE_MS : PAGE_MS};

    buf_clear(&f->body);
    f->body.ceiling = DEPLOYMENT_BODY_MAX;
    f->http_status = 0;
    f->retry_after_ms = 0;
    f->call = url.failed ? NULL : http_start(f->reactor, &request, &events, f);
    buf_free(&url);
    if (!f->call)
        fail(f, DEPLOYMENTS_UNAVAILABLE, 0, "out of memory");
}

/* --- token ----------------------------------------------------------------------------------- */

/* Pages that were read with the old token stay. */
static void on_token(void *arg, status s, struct str token, const struct chat_error *err)
{
    struct deployment_fetch *f = arg;

    f->waiting = NULL;
    if (s) {
        enum deployment_outcome outcome =
            s == E_REFUSED ? DEPLOYMENTS_REFUSED : DEPLOYMENTS_UNAVAILABLE;
        fail(f, outcome, err->retry_after_ms, "there is no token for it");
        return;
    }
    forget_token(f);
    f->token = malloc(sizeof "Bearer " + token.n);
    if (!f->token) {
        fail(f, DEPLOYMENTS_UNAVAILABLE, 0, "out of memory");
        return;
    }
    memcpy(f->token, "Bearer ", strlen("Bearer "));
    memcpy(f->token + strlen("Bearer "), token.p, token.n);
    f->token[strlen("Bearer ") + token.n] = '\0';
    ask_page(f);
}

static void ask_token(struct deployment_fetch *f, struct str rejected)
{
    /* on_token may come at once and `f` be gone afterwards: a wait is given back only if not */
    struct token_wait *wait = token_get(f->tokens, f->key, rejected, on_token, f);

    if (wait)
        f->waiting = wait;
}

/* --- beginning and end ----------------------------------------------------------------------- */

static void on_begin(void *arg)
{
    ask_token(arg, STR_NONE);
}

static void on_limit(void *arg)
{
    struct deployment_fetch *f = arg;

    if (f->listed)
        finish_without(f, "it takes too long");
    else
        fail(f, DEPLOYMENTS_UNAVAILABLE, 0, "it takes too long");
}

struct deployment_fetch *deployment_fetch_start(
    struct reactor *r, struct token_cache *tokens, const struct service_key *key, const char *group,
    struct deployment_list *last, int64_t limit_ms,
    void (*done)(void *arg, struct deployment_answer *answer), void *arg)
{
    struct deployment_fetch *f = calloc(1, sizeof *f);

    if (!f)
        return NULL;
    f->reactor = r;
    f->tokens = tokens;
    f->key = key;
    f->group = group;
    f->last = deployment_list_hold(last);
    f->done = done;
    f->arg = arg;
    /* by a timer, since a token may be there at once and `done` must not come from here */
    if (timer_set(r, &f->limit, limit_ms, on_limit, f) == OK &&
        timer_set(r, &f->pause, 0, on_begin, f) == OK)
        return f;
    deployment_fetch_cancel(f);
    return NULL;
}

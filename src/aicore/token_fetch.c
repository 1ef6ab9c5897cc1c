/* POST {token_url}: grant_type=client_credentials. */
#include "aicore/token_fetch.h"

#include <stdio.h>
#include <stdlib.h>

#include "aicore/retry_after.h"
#include "aicore/token_record.h"
#include "base/clock.h"
#include "base/crypto.h"
#include "base/jspan.h"

enum { ANSWER_MAX = 256 * 1024, ARENA_MAX = 4 * 1024 * 1024, DEFAULT_LIFE_S = 3600 };

struct token_fetch {
    struct http_call *call;
    const struct token_account *account;
    void (*done)(void *arg, const struct token_answer *answer);
    void *arg;
    int http_status;
    int64_t retry_after_ms;
    struct buf body;
};

/* --- the question ---------------------------------------------------------------------------- */

/* application/x-www-form-urlencoded: client ids hold '!' and '|', secrets '$', '=', '+', '/'. */
static void add_form_value(struct buf *out, const char *key, const char *value)
{
    static const char hex[] = "0123456789ABCDEF";

    if (out->n)
        buf_add_char(out, '&');
    buf_add_cstr(out, key);
    buf_add_char(out, '=');
    for (const unsigned char *p = (const unsigned char *)value; *p; p++) {
        if ((*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') || (*p >= '0' && *p <= '9') ||
            strchr("-._*", *p)) {
            buf_add_char(out, (char)*p);
            continue;
        }
        buf_add_char(out, '%');
        buf_add_char(out, hex[*p >> 4]);
        buf_add_char(out, hex[*p & 15]);
    }
}

static struct str form_of(struct arena *arena, const struct service_key *key)
{
    struct buf form = {.ceiling = 0};
    size_t secret = key->client_secret ? strlen(key->client_secret) : 0;

    buf_reserve(&form, 128 + 3 * (strlen(key->client_id) + secret)); /* no copies behind */
    add_form_value(&form, "grant_type", "client_credentials");
    add_form_value(&form, "client_id", key->client_id);
    if (key->client_secret)
        add_form_value(&form, "client_secret", key->client_secret);
    struct str copy = buf_copy(&form, arena);
    if (form.p)
        crypto_wipe(form.p, form.cap);
    buf_free(&form);
    return copy;
}

status token_account_copy(struct arena *arena, const struct service_key *key,
                          struct token_account *out)
{
    *out = (struct token_account){.url = arena_cstr(arena, str_from(key->token_url)),
                                  .form = form_of(arena, key)};
    if (!out->url || !out->form.p)
        return E_NOMEM;
    if (!key->identity.certificate.n)
        return OK;
    out->identity.certificate = arena_str(arena, key->identity.certificate);
    out->identity.key = arena_str(arena, key->identity.key);
    return out->identity.certificate.p && out->identity.key.p ? OK : E_NOMEM;
}

static void wipe(struct str *s)
{
    if (s->p)
        crypto_wipe((void *)(uintptr_t)s->p, s->n);
    *s = STR_NONE;
}

void token_account_wipe(struct token_account *account)
{
    wipe(&account->form);
    wipe(&account->identity.certificate);
    wipe(&account->identity.key);
}

/* --- the answer ------------------------------------------------------------------------------ */

/* "expires_in": a number of seconds, also as text; anything else is as good as absent. */
static int64_t life_of(struct arena *arena, const struct jspan *n)
{
    long text_value;
    int64_t life = DEFAULT_LIFE_S;

    if (jspan_is(n, JSPAN_NUMBER))
        life = (int64_t)jspan_int(n, DEFAULT_LIFE_S);
    else if (jspan_is(n, JSPAN_STRING) && str_to_long(str_trim(jspan_str(arena, n)), &text_value))
        life = text_value;
    return life < 1 ? 1 : life > TOKEN_LIFE_MAX_S ? TOKEN_LIFE_MAX_S : life;
}

status token_answer_parse(struct arena *arena, struct str body, struct token_answer *out)
{
    struct jspan_error where;
    struct jspan *root;

    status s = jspan_parse(arena, body, &root, &where);
    if (s)
        return s == E_NOMEM ? s : E_SYNTAX;
    if (!jspan_is(root, JSPAN_OBJECT))
        return E_SYNTAX;
    out->token = jspan_str(arena, jspan_get(root, "access_token"));
    if (!token_text_valid(out->token)) {
        out->token = STR_NONE;
        return E_SYNTAX;
    }
    out->life_s = life_of(arena, jspan_get(root, "expires_in"));
    return OK;
}

/* The "error" word of RFC 6749, section 5.2. Anything longer or stranger might hold what we sent.
 */
static struct str error_word(struct arena *arena, struct str body)
{
    struct jspan_error where;
    struct jspan *root;

    if (!arena || jspan_parse(arena, body, &root, &where) != OK)
        return STR_NONE;
    struct str word = jspan_str(arena, jspan_get(root, "error"));
    if (word.n > 40)
        return STR_NONE;
    for (size_t i = 0; i < word.n; i++)
        if (word.p[i] != '_' && (word.p[i] < 'a' || word.p[i] > 'z'))
            return STR_NONE;
    return word;
}

static void judge_status(struct token_fetch *f, struct arena *arena, struct token_answer *answer)
{
    int code = f->http_status;
    struct str word = error_word(arena, buf_str(&f->body));
    bool refused = code == 400 || code == 401 || code == 403 || code == 404;

    answer->outcome = refused ? TOKEN_REFUSED : TOKEN_BUSY;
    answer->retry_after_ms = f->retry_after_ms;
    snprintf(answer->text, sizeof answer->text, "it answered %d%s%.*s", code, word.n ? ", " : "",
             STR_ARG(word));
}

static void judge(struct token_fetch *f, struct arena *arena, const struct http_result *result,
                  struct token_answer *answer)
{
    if (result->outcome != HTTP_COMPLETE) {
        bool certificate = result->outcome == HTTP_TLS_FAILED && f->account->identity.key.n;
        answer->outcome = certificate ? TOKEN_REFUSED : TOKEN_BUSY;
        snprintf(answer->text, sizeof answer->text, "%s",
                 result->text ? result->text : "no answer");
    } else if (f->http_status != 200) {
        judge_status(f, arena, answer);
    } else if (!arena || f->body.failed ||
               token_answer_parse(arena, buf_str(&f->body), answer) != OK) {
        answer->outcome = TOKEN_BUSY;
        snprintf(answer->text, sizeof answer->text, "its answer holds no usable token");
    } else {
        answer->outcome = TOKEN_FETCHED;
    }
}

static void forget(struct token_fetch *f)
{
    if (f->body.p)
        crypto_wipe(f->body.p, f->body.cap);
    buf_free(&f->body);
    free(f);
}

/* --- the call -------------------------------------------------------------------------------- */

static void on_head(void *arg, struct http_call *call, int http_status)
{
    struct token_fetch *f = arg;

    f->http_status = http_status;
    f->retry_after_ms = retry_after_ms(http_response_header(call, "Retry-After"), clock_wall_s());
}

static void on_body(void *arg, struct str bytes)
{
    struct token_fetch *f = arg;

    buf_add_str(&f->body, bytes);
}

static void on_done(void *arg, const struct http_result *result)
{
    struct token_fetch *f = arg;
    struct arena *arena = arena_new(ARENA_MAX);
    struct token_answer answer = {.outcome = TOKEN_BUSY};

    f->call = NULL;
    judge(f, arena, result, &answer);
    f->done(f->arg, &answer);
    if (answer.token.p) /* an escaped one was copied into the arena */
        crypto_wipe((void *)(uintptr_t)answer.token.p, answer.token.n);
    arena_free(arena);
    forget(f);
}

struct token_fetch *token_fetch_start(struct reactor *r, const struct token_account *account,
                                      int64_t limit_ms,
                                      void (*done)(void *arg, const struct token_answer *answer),
                                      void *arg)
{
    static const struct http_events events = {on_head, on_body, on_done};
    const struct http_header headers[] = {
        {STR("Content-Type"), STR("application/x-www-form-urlencoded")},
        {STR("Accept"), STR("application/json")}};
    struct token_fetch *f = calloc(1, sizeof *f);

    if (!f)
        return NULL;
    *f = (struct token_fetch){.account = account, .done = done, .arg = arg};
    f->body.ceiling = ANSWER_MAX;
    buf_reserve(&f->body, ANSWER_MAX); /* growing would leave copies of the token behind */
    struct http_request request = {.method = "POST",
                                   .url = account->url,
                                   .headers = headers,
                                   .header_count = sizeof headers / sizeof *headers,
                                   .body = account->form,
                                   .identity = account->identity.key.n ? &account->identity : NULL,
                                   .total_ms = limit_ms};
    f->call = http_start(r, &request, &events, f);
    if (f->call)
        return f;
    forget(f);
    return NULL;
}

void token_fetch_cancel(struct token_fetch *fetch)
{
    if (!fetch)
        return;
    http_cancel(fetch->call);
    forget(fetch);
}

/*
 * OAuth client credentials as XSUAA offers them. See oauth.h. A token is three base64url parts
 * like a JWT, but its only meaning is its place in the table here.
 */
#include "oauth.h"

#include "json.h"
#include "reqlog.h"
#include "settings.h"
#include "tenant.h"
#include "wire.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>

enum { BUCKETS = 1024 };

struct token {
    struct token *next;
    const struct tenant *tenant;
    int64_t expires_ms;
    bool revoked;
    unsigned serial;
    char text[];
};

static struct {
    pthread_mutex_t lock;
    struct token *buckets[BUCKETS];
    unsigned serial;
    int ttl_s[TENANT_COUNT];     /* 0 = the setting, else value + 1 */
    unsigned keys[TENANT_COUNT]; /* how often the service key was rotated */
} oauth = {.lock = PTHREAD_MUTEX_INITIALIZER};

static struct token **bucket_of(const char *text)
{
    return &oauth.buckets[hash_text(0, text) % BUCKETS];
}

static int ttl_of(const struct tenant *tenant)
{
    int own = oauth.ttl_s[tenant - tenants];

    return own ? own - 1 : settings.token_ttl_s;
}

/* About 1.2 KB, as long as real ones are. */
static char *token_text(struct pool *pool, const struct tenant *tenant, unsigned serial)
{
    struct buf payload = {pool, NULL, 0, 0};
    unsigned char noise[256] = {0};

    if (getrandom(noise, sizeof noise, 0) < 0)
        noise[0] = 1;
    buf_json(&payload, "{'jti':'%s-%u','zid':%q,'client_id':%q,'scope':['uaa.resource'],'pad':'",
             tenant->name, serial, tenant->zone_id, tenant->client_id);
    buf_text(&payload, base64url_encode(pool, noise, sizeof noise));
    buf_text(&payload, "\"}");
    return pool_printf(pool, "eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCJ9.%s.%s",
                       base64url_encode(pool, payload.at, payload.len),
                       base64url_encode(pool, noise, sizeof noise));
}

static const char *token_issue(struct exchange *x, const struct tenant *tenant, int *ttl_s)
{
    struct token *token;
    const char *text;

    pthread_mutex_lock(&oauth.lock);
    x->token_serial = ++oauth.serial;
    *ttl_s = ttl_of(tenant);
    pthread_mutex_unlock(&oauth.lock);
    text = token_text(&x->pool, tenant, x->token_serial);
    token = calloc(1, sizeof *token + strlen(text) + 1);
    if (!token)
        abort();
    strcpy(token->text, text);
    token->tenant = tenant;
    token->serial = x->token_serial;
    token->expires_ms = now_ms() + (int64_t)*ttl_s * 1000;
    pthread_mutex_lock(&oauth.lock);
    token->next = *bucket_of(text);
    *bucket_of(text) = token;
    pthread_mutex_unlock(&oauth.lock);
    return text;
}

/* Value of one field of a form body or query string, decoded; NULL if absent. */
static char *form_value(struct pool *pool, const char *form, const char *name)
{
    size_t name_len = strlen(name);
    char *value;

    while (form && *form) {
        size_t len = strcspn(form, "&");
        if (len > name_len && !strncmp(form, name, name_len) && form[name_len] == '=') {
            char *at;
            value = pool_copy(pool, form + name_len + 1, len - name_len - 1);
            for (at = value; *at; at++)
                if (*at == '+')
                    *at = ' ';
            MHD_http_unescape(value);
            return value;
        }
        form += len + (form[len] == '&');
    }
    return NULL;
}

struct credentials {
    char *grant, *id, *secret;
};

static void read_basic(struct exchange *x, struct credentials *c)
{
    const char *header = exchange_header(x, "Authorization");
    size_t len = 0;
    char *text, *colon;

    if (!header || strncasecmp(header, "Basic ", 6))
        return;
    text = (char *)base64_decode(&x->pool, header + 6, &len);
    if (!text)
        return;
    text = pool_copy(&x->pool, text, len);
    colon = strchr(text, ':');
    if (!colon)
        return;
    *colon = '\0';
    c->id = text;
    c->secret = colon + 1;
}

static struct credentials read_credentials(struct exchange *x)
{
    const char *body = buf_str(&x->body);
    struct credentials c = {NULL, NULL, NULL};

    c.grant = form_value(&x->pool, body, "grant_type");
    if (!c.grant)
        c.grant = form_value(&x->pool, x->query, "grant_type");
    c.id = form_value(&x->pool, body, "client_id");
    c.secret = form_value(&x->pool, body, "client_secret");
    read_basic(x, &c);
    return c;
}

static void oauth_refuse(struct exchange *x, unsigned status, const char *error, const char *text)
{
    reply_json(&x->reply, status, "{'error':%q,'error_description':%q}", error, text);
}

/* The secret of the n-th service key; the first is what keys_write has written. */
static char *secret_of(struct pool *pool, const struct tenant *tenant, unsigned n)
{
    return n ? pool_printf(pool, "%s.%u", tenant->client_secret, n)
             : pool_copy(pool, tenant->client_secret, strlen(tenant->client_secret));
}

char *oauth_rotate(struct pool *pool, const struct tenant *tenant)
{
    pthread_mutex_lock(&oauth.lock);
    unsigned n = ++oauth.keys[tenant - tenants];
    pthread_mutex_unlock(&oauth.lock);
    return secret_of(pool, tenant, n);
}

/* The newest service key, or the one before it. */
static bool secret_good(struct exchange *x, const char *secret)
{
    pthread_mutex_lock(&oauth.lock);
    unsigned n = oauth.keys[x->tenant - tenants];
    pthread_mutex_unlock(&oauth.lock);
    return !strcmp(secret, secret_of(&x->pool, x->tenant, n)) ||
           (n && !strcmp(secret, secret_of(&x->pool, x->tenant, n - 1)));
}

static bool credentials_good(struct exchange *x, const struct credentials *c)
{
    const struct tenant *tenant = x->tenant;

    if (!c->id || strcmp(c->id, tenant->client_id))
        return false;
    if (c->secret)
        return secret_good(x, c->secret);
    return x->over_tls && settings.tls_client_ca; /* the certificate was checked on connecting */
}

static bool grant_good(struct exchange *x, const struct credentials *c)
{
    const char *type = exchange_header(x, "Content-Type");

    if (x->body.len && (!type || strncasecmp(type, "application/x-www-form-urlencoded", 33))) {
        oauth_refuse(x, 400, "invalid_request", "The body must be form encoded");
        return false;
    }
    if (!c->grant) {
        oauth_refuse(x, 400, "invalid_request", "Missing grant type");
        return false;
    }
    if (strcmp(c->grant, "client_credentials")) {
        oauth_refuse(x, 400, "unsupported_grant_type", "Unsupported grant type");
        return false;
    }
    return true;
}

void oauth_answer(struct exchange *x, const char *tenant_name)
{
    struct credentials c;
    const char *text;
    int ttl_s;

    x->tenant = tenant_by_name(tenant_name);
    if (!x->tenant) {
        reply_text(&x->reply, 404, "text/html",
                   "<html><body>The subdomain does not map to a valid "
                   "identity zone</body></html>");
        return;
    }
    reqlog_count_token(x->tenant);
    if (!exchange_is(x, "POST")) {
        oauth_refuse(x, 405, "method_not_allowed", "Request method not supported");
        return;
    }
    c = read_credentials(x);
    if (!grant_good(x, &c))
        return;
    if (!credentials_good(x, &c)) {
        oauth_refuse(x, 401, "unauthorized", "Bad credentials");
        return;
    }
    text = token_issue(x, x->tenant, &ttl_s);
    reply_json(&x->reply, 200,
               "{'access_token':%q,'token_type':'bearer','expires_in':%d,'scope':'uaa.resource',"
               "'jti':'%s-%u'}",
               text, ttl_s, x->tenant->name, x->token_serial);
    reply_header(&x->reply, "Cache-Control", "no-store");
}

/* Text of the mesh's refusal, or NULL if the token is good. */
static const char *token_verdict(struct exchange *x, const char *text)
{
    const char *verdict = "Jwt verification fails";
    struct token *token;

    pthread_mutex_lock(&oauth.lock);
    for (token = *bucket_of(text); token; token = token->next) {
        if (strcmp(token->text, text))
            continue;
        x->tenant = token->tenant;
        x->token_serial = token->serial;
        if (!token->revoked)
            verdict = now_ms() >= token->expires_ms ? "Jwt is expired" : NULL;
        break;
    }
    pthread_mutex_unlock(&oauth.lock);
    return verdict;
}

bool oauth_check(struct exchange *x)
{
    const char *header = exchange_header(x, "Authorization"), *verdict = "Jwt is missing";

    if (header && !strncasecmp(header, "Bearer ", 7))
        verdict = token_verdict(x, header + 7);
    if (!verdict)
        return true;
    reply_text(&x->reply, 401, "text/plain", verdict);
    reply_header(&x->reply, "WWW-Authenticate", "Bearer error=\"invalid_token\"");
    return false;
}

unsigned oauth_revoke(const char *tenant_name, bool expired)
{
    const struct tenant *tenant = tenant_by_name(tenant_name);
    struct token *token;
    unsigned i, n = 0;

    pthread_mutex_lock(&oauth.lock);
    for (i = 0; i < BUCKETS; i++) {
        for (token = oauth.buckets[i]; token; token = token->next) {
            if (tenant && token->tenant != tenant)
                continue;
            if (expired)
                token->expires_ms = 0;
            else
                token->revoked = true;
            n++;
        }
    }
    pthread_mutex_unlock(&oauth.lock);
    return n;
}

void oauth_set_ttl(const struct tenant *tenant, int seconds)
{
    pthread_mutex_lock(&oauth.lock);
    oauth.ttl_s[tenant - tenants] = seconds < 0 ? 0 : seconds + 1;
    pthread_mutex_unlock(&oauth.lock);
}

void oauth_reset(void)
{
    pthread_mutex_lock(&oauth.lock);
    memset(oauth.ttl_s, 0, sizeof oauth.ttl_s);
    memset(oauth.keys, 0, sizeof oauth.keys);
    pthread_mutex_unlock(&oauth.lock);
}

void oauth_free(void)
{
    struct token *token;
    unsigned i;

    pthread_mutex_lock(&oauth.lock);
    for (i = 0; i < BUCKETS; i++) {
        while ((token = oauth.buckets[i])) {
            oauth.buckets[i] = token->next;
            free(token);
        }
    }
    pthread_mutex_unlock(&oauth.lock);
}

/* Service keys: from JSON or single fields to one normal form. */
#include "aicore/service_key.h"

#include "base/crypto.h"
#include "base/file.h"

enum { WRAPPINGS_MAX = 4, PEM_FILE_MAX = 256 * 1024, TOKEN_ID_BYTES = 8 };

static const char TOKEN_PATH[] = "/oauth/token";
static const char API_VERSION_PATH[] = "/v2";

/* How messages call each field; the same struct, filled with names. */
static const struct service_key_fields json_names = {.client_id = "clientid",
                                                     .client_secret = "clientsecret",
                                                     .auth_url = "url",
                                                     .base_url = "serviceurls.AI_API_URL",
                                                     .cert_url = "certurl",
                                                     .certificate = "certificate",
                                                     .key = "key",
                                                     .tenant = "identityzoneid"};
static const struct service_key_fields variable_names = {.client_id = "AICORE_CLIENT_ID",
                                                         .client_secret = "AICORE_CLIENT_SECRET",
                                                         .auth_url = "AICORE_AUTH_URL",
                                                         .base_url = "AICORE_BASE_URL",
                                                         .cert_url = "AICORE_CERT_URL",
                                                         .certificate = "AICORE_CERT_STR",
                                                         .key = "AICORE_KEY_STR",
                                                         .certificate_file =
                                                             "AICORE_CERT_FILE_PATH",
                                                         .key_file = "AICORE_KEY_FILE_PATH"};

struct building {
    struct arena *arena;
    const char *where;
    struct buf *problems;
    const struct service_key_fields *names;
    bool failed;
};

static void offend(struct building *b, const char *field, const char *what)
{
    b->failed = true;
    buf_printf(b->problems, "%s: %s%s%s\n", b->where, field ? field : "", field ? ": " : "", what);
}

static bool given(const char *text)
{
    return text && *text;
}

/* --- URLs ------------------------------------------------------------------------------------ */

const char *service_url_offence(const char *url)
{
    struct str rest = str_from(url);

    for (const char *p = url; *p; p++)
        if ((unsigned char)*p <= ' ' || *p == 0x7f || *p == '"' || *p == '\\')
            return "holds a character that no URL has";
    size_t scheme = str_find(rest, "://");
    if (scheme == rest.n || !(str_case_eq(str_slice(rest, 0, scheme), STR("https")) ||
                              str_case_eq(str_slice(rest, 0, scheme), STR("http"))))
        return "is no web address";
    rest = str_slice(rest, scheme + 3, rest.n);
    if (memchr(rest.p, '?', rest.n) || memchr(rest.p, '#', rest.n))
        return "has a query or fragment";
    struct str host = str_cut(&rest, '/');
    if (host.n == 0 || *host.p == ':')
        return "names no host";
    if (memchr(host.p, '@', host.n))
        return "holds a user name or password";
    return NULL;
}

/* `url` with `path` at its end, once, and no slash behind it; NULL with an offence. */
static const char *url_with(struct building *b, const char *field, const char *url,
                            const char *path)
{
    struct str s = str_trim(str_from(url));
    const char *normal = arena_cstr(b->arena, s);

    if (!normal)
        return offend(b, NULL, status_text(E_NOMEM)), NULL;
    const char *offence = service_url_offence(normal);
    if (offence) {
        struct str text = arena_printf(b->arena, "%s; expected https://HOST[/PATH]", offence);
        return offend(b, field, text.p ? text.p : offence), NULL;
    }
    while (s.n && s.p[s.n - 1] == '/')
        s.n--;
    if (str_ends(s, path))
        path = "";
    return arena_printf(b->arena, "%.*s%s", STR_ARG(s), path).p;
}

/* --- X.509 ----------------------------------------------------------------------------------- */

/* PEM text often comes with its line ends as the two characters \n. */
static struct str pem_text(struct building *b, const char *text)
{
    char *out = arena_alloc(b->arena, strlen(text) + 2);
    size_t n = 0;

    if (!out)
        return offend(b, NULL, status_text(E_NOMEM)), STR_NONE;
    for (const char *p = text; *p; p++) {
        if (p[0] == '\\' && (p[1] == 'n' || p[1] == 'r')) {
            if (p[1] == 'n')
                out[n++] = '\n';
            p++;
        } else if (*p != '\r') {
            out[n++] = *p;
        }
    }
    if (n && out[n - 1] != '\n')
        out[n++] = '\n';
    return (struct str){out, n};
}

static const char *pem_file(struct building *b, const char *field, const char *path)
{
    struct buf content = {.ceiling = PEM_FILE_MAX};
    const char *text = NULL;
    status s = file_read(path, &content);

    if (s) {
        struct str what =
            arena_printf(b->arena, "%s: %s; expected a PEM file", path, status_text(s));
        offend(b, field, what.p ? what.p : status_text(s));
    } else {
        text = arena_cstr(b->arena, buf_str(&content));
    }
    if (content.p)
        crypto_wipe(content.p, content.n);
    buf_free(&content);
    return text;
}

static void build_identity(struct building *b, const struct service_key_fields *f,
                           struct service_key *key)
{
    bool file = !given(f->certificate);
    const char *certificate_name = file ? b->names->certificate_file : b->names->certificate;
    const char *key_name = file ? b->names->key_file : b->names->key;
    const char *certificate =
        file ? pem_file(b, certificate_name, f->certificate_file) : f->certificate;
    const char *secret = file ? pem_file(b, key_name, f->key_file) : f->key;

    if (!certificate || !secret)
        return;
    key->identity.certificate = pem_text(b, certificate);
    key->identity.key = pem_text(b, secret);
    if (b->failed)
        return;
    if (str_find(key->identity.key, "PRIVATE KEY-----") == key->identity.key.n) {
        offend(b, key_name, "holds no private key; expected PEM text");
        return;
    }
    key->certificate_end = crypto_certificate_end(key->identity.certificate, key->identity.key);
    if (key->certificate_end == -1)
        offend(b, certificate_name, "holds no certificate; expected a PEM chain, leaf first");
    if (key->certificate_end == -2)
        offend(b, key_name, "does not belong to the certificate; expected its private key in PEM");
}

/* --- the key --------------------------------------------------------------------------------- */

/* Exactly one way to prove who we are; true if that is a certificate. */
static bool choose_proof(struct building *b, const struct service_key_fields *f)
{
    bool secret = given(f->client_secret), inline_pair = given(f->certificate) && given(f->key);
    bool file_pair = given(f->certificate_file) && given(f->key_file);
    bool any =
        given(f->certificate) || given(f->key) || given(f->certificate_file) || given(f->key_file);

    if (!secret && !any)
        offend(b, b->names->client_secret,
               "is missing; expected a secret, or a certificate with its key");
    else if (secret && any)
        offend(b, b->names->client_secret, "stands beside a certificate; expected one of the two");
    else if (any && inline_pair == file_pair)
        offend(b, given(f->certificate) ? b->names->key : b->names->certificate,
               inline_pair ? "is given as text and as file; expected one of the two"
                           : "is missing; a certificate and its key go together");
    return any;
}

/* Changes with the credential, so that a renewed one never meets the old one's token. */
static void make_id(struct building *b, struct service_key *key)
{
    uint8_t hash[SHA256_BYTES];
    char proof[SHA256_HEX_BYTES];
    struct str secret = key->client_secret
                            ? str_from(key->client_secret)
                            : arena_printf(b->arena, "%.*s%.*s", STR_ARG(key->identity.certificate),
                                           STR_ARG(key->identity.key));

    crypto_sha256(secret, hash);
    crypto_hex(hash, sizeof hash, proof);
    struct str all = arena_printf(b->arena, "%s\n%s\n%s", key->client_id, key->token_url, proof);
    if (!all.p || !secret.p) {
        offend(b, NULL, status_text(E_NOMEM));
        return;
    }
    crypto_sha256(all, hash);
    crypto_hex(hash, TOKEN_ID_BYTES, key->id);
}

static const char *need(struct building *b, const char *field, const char *value,
                        const char *expected)
{
    if (!given(value)) {
        struct str text = arena_printf(b->arena, "is missing; expected %s", expected);
        return offend(b, field, text.p ? text.p : "is missing"), NULL;
    }
    const char *copy = arena_cstr(b->arena, str_from(value));
    if (!copy)
        offend(b, NULL, status_text(E_NOMEM));
    return copy;
}

static struct service_key *build(struct building *b, const struct service_key_fields *f)
{
    struct service_key *key = ARENA_NEW(b->arena, struct service_key);
    if (!key)
        return offend(b, NULL, status_text(E_NOMEM)), NULL;

    key->client_id = need(b, b->names->client_id, f->client_id, "the OAuth client id");
    bool certificate = choose_proof(b, f);
    const char *url_name = certificate ? b->names->cert_url : b->names->auth_url;
    const char *url = need(b, url_name, certificate ? f->cert_url : f->auth_url,
                           "the address of the token service");
    const char *api = need(b, b->names->base_url, f->base_url, "the address of the AI API");
    if (url)
        key->token_url = url_with(b, url_name, url, TOKEN_PATH);
    if (api)
        key->api_url = url_with(b, b->names->base_url, api, API_VERSION_PATH);
    if (given(f->tenant))
        key->tenant = arena_cstr(b->arena, str_from(f->tenant));
    if (given(f->client_secret))
        key->client_secret = arena_cstr(b->arena, str_from(f->client_secret));
    if (certificate && !b->failed)
        build_identity(b, f, key);
    if (!b->failed)
        make_id(b, key);
    return b->failed ? NULL : key;
}

struct service_key *service_key_from_fields(struct arena *arena,
                                            const struct service_key_fields *fields,
                                            const char *where, struct buf *problems)
{
    struct building b = {
        .arena = arena, .where = where, .problems = problems, .names = &variable_names};
    return build(&b, fields);
}

/* --- from JSON ------------------------------------------------------------------------------- */

static const char *member(struct building *b, const struct json *object, const char *key,
                          const char *name)
{
    const struct json *value = json_get(object, key);

    if (!value || json_is_null(value) || json_is_string(value))
        return json_text(value, NULL);
    struct str text = arena_printf(b->arena, "is %s; expected a string", json_type_text(value));
    offend(b, name, text.p ? text.p : "is no string");
    return NULL;
}

static struct service_key *build_from_object(struct building *b, const struct json *object)
{
    struct service_key_fields f = {
        .client_id = member(b, object, "clientid", json_names.client_id),
        .client_secret = member(b, object, "clientsecret", json_names.client_secret),
        .auth_url = member(b, object, "url", json_names.auth_url),
        .base_url = member(b, json_get(object, "serviceurls"), "AI_API_URL", json_names.base_url),
        .cert_url = member(b, object, "certurl", json_names.cert_url),
        .certificate = member(b, object, "certificate", json_names.certificate),
        .key = member(b, object, "key", json_names.key),
        .tenant = member(b, object, "identityzoneid", json_names.tenant)};

    return b->failed ? NULL : build(b, &f);
}

/* One wrapping: {"credentials": ..} is looked into, a string is parsed into `*parsed`. */
static const struct json *unwrap(struct building *b, const struct json *json, struct json **parsed)
{
    int line = 0, column = 0;

    if (!json_is_string(json))
        return json_get(json, "credentials");
    if (json_parse(str_from(json_text(json, "")), parsed, &line, &column) == OK)
        return *parsed;
    struct str text = arena_printf(b->arena,
                                   "is a string that is not JSON (line %d, column %d); expected a "
                                   "service key as JSON text",
                                   line, column);
    offend(b, NULL, text.p ? text.p : "is not JSON");
    return NULL;
}

struct service_key *service_key_parse(struct arena *arena, const struct json *json,
                                      const char *where, struct buf *problems)
{
    struct building b = {
        .arena = arena, .where = where, .problems = problems, .names = &json_names};
    struct json *trees[WRAPPINGS_MAX] = {NULL};
    struct service_key *key = NULL;
    int depth = 0;

    while (depth < WRAPPINGS_MAX && json &&
           (json_is_string(json) || json_get(json, "credentials"))) {
        json = unwrap(&b, json, &trees[depth]);
        depth++;
    }
    if (!b.failed && !json_is_object(json)) {
        struct str text =
            arena_printf(arena, "is %s; expected a service key object", json_type_text(json));
        offend(&b, NULL, text.p ? text.p : "is no object");
    }
    if (!b.failed)
        key = build_from_object(&b, json);
    for (int i = 0; i < WRAPPINGS_MAX; i++)
        json_free(trees[i]);
    return key;
}

/* Callers' keys: see the header. */
#include "gate/api_key.h"

void api_key_hash(struct str key, uint8_t hash[SHA256_BYTES])
{
    crypto_sha256(key, hash);
}

/* A header that came twice is one with a comma and a space to the web server; no key has a space. */
static struct str next_key(struct str *rest)
{
    size_t comma = str_find(*rest, ", ");
    struct str key = str_slice(*rest, 0, comma);

    *rest = comma < rest->n ? str_slice(*rest, comma + 2, rest->n) : STR_NONE;
    return str_trim(key);
}

/* The next key in an Authorization header: "Bearer K", or K alone, as some older clients send it. Any
   other scheme (Basic, Negotiate) is between the caller and the web server and claims nothing, however
   many commas it has. */
static struct str next_authorization(struct str *header)
{
    struct str whole = str_trim(*header), rest = whole;
    struct str scheme = str_cut(&rest, ' ');

    *header = STR_NONE;
    if (!str_case_eq(scheme, STR("bearer")))
        return rest.p ? STR_NONE : scheme;
    struct str key = next_key(&rest);
    *header = rest;
    return key;
}

/* What the request presents, taken together. */
struct presented {
    uint8_t hash[SHA256_BYTES]; /* of the first */
    bool any, conflict;
};

static void present(struct presented *p, struct str key)
{
    uint8_t hash[SHA256_BYTES];

    if (key.n == 0)
        return;
    api_key_hash(key, hash);
    if (!p->any)
        memcpy(p->hash, hash, sizeof hash);
    else if (!crypto_same(p->hash, hash, sizeof hash))
        p->conflict = true;
    p->any = true;
}

static const struct api_key *find(const struct api_key *keys, const uint8_t hash[SHA256_BYTES])
{
    const struct api_key *found = NULL;

    for (const struct api_key *k = keys; k; k = k->next)
        found = crypto_same(k->hash, hash, SHA256_BYTES) ? k : found;
    return found;
}

enum api_key_verdict api_key_check(const struct api_key *keys, const struct api_key_claims *claims,
                                   const struct api_key **found)
{
    struct str headers[] = {claims->x_api_key, claims->api_key, claims->x_goog_api_key,
                            claims->query};
    struct str authorization = claims->authorization;
    struct presented p = {.any = false};

    *found = NULL;
    for (size_t i = 0; i < sizeof headers / sizeof *headers; i++)
        while (headers[i].n)
            present(&p, next_key(&headers[i]));
    while (authorization.n)
        present(&p, next_authorization(&authorization));
    if (!p.any)
        return API_KEY_MISSING;
    if (p.conflict)
        return API_KEY_CONFLICT;
    *found = find(keys, p.hash);
    return *found ? API_KEY_GOOD : API_KEY_WRONG;
}

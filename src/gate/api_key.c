/* Callers' keys: see the header. */
#include "gate/api_key.h"

enum { CLAIM_COUNT = 5 };

void api_key_hash(struct str key, uint8_t hash[SHA256_BYTES])
{
    crypto_sha256(key, hash);
}

/* The key in an Authorization header: "Bearer K", or K alone, as some older clients send it. Any
   other scheme (Basic, Negotiate) is between the caller and the web server and claims nothing. */
static struct str authorization_key(struct str header)
{
    struct str rest = str_trim(header);
    struct str scheme = str_cut(&rest, ' ');

    if (str_case_eq(scheme, STR("bearer")))
        return str_trim(rest);
    return rest.p ? STR_NONE : scheme;
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
    const struct str presented[CLAIM_COUNT] = {
        str_trim(claims->x_api_key), str_trim(claims->api_key), str_trim(claims->x_goog_api_key),
        authorization_key(claims->authorization), str_trim(claims->query)};
    uint8_t first[SHA256_BYTES], hash[SHA256_BYTES];
    bool any = false, conflict = false;

    *found = NULL;
    for (size_t i = 0; i < CLAIM_COUNT; i++) {
        if (presented[i].n == 0)
            continue;
        api_key_hash(presented[i], hash);
        if (!any)
            memcpy(first, hash, sizeof first);
        else if (!crypto_same(first, hash, sizeof first))
            conflict = true;
        any = true;
    }
    if (!any)
        return API_KEY_MISSING;
    if (conflict)
        return API_KEY_CONFLICT;
    *found = find(keys, first);
    return *found ? API_KEY_GOOD : API_KEY_WRONG;
}

/* Callers' keys: see the header. */
#include "gate/api_key.h"

#include <string.h>

#include "base/hash.h"

enum { FEW_KEYS = 64 };

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

/* --- the tries ------------------------------------------------------------------------------- */

/* The way down, a bit for each step; after 64 of them ways that are the same go left. */
static uint64_t way_to_hash(const struct api_keys *keys, const uint8_t hash[SHA256_BYTES])
{
    return hash_end(hash_add(keys->seed, (struct str){(const char *)hash, SHA256_BYTES}));
}

static uint64_t way_to_name(const struct api_keys *keys, const char *name)
{
    return hash_end(hash_add(keys->seed, str_from(name)));
}

/* Few keys are all compared, also behind a match, so that the time tells nothing at all. */
static struct api_key *find_among_few(const struct api_keys *keys, const uint8_t hash[SHA256_BYTES])
{
    struct api_key *found = NULL;

    for (struct api_key *k = keys->first; k; k = k->next)
        found = crypto_same(k->hash, hash, SHA256_BYTES) ? k : found;
    return found;
}

/* Where below `at` in a trie the key of this hash stands, or would be put. */
static struct api_key **place_of_hash(struct api_key **at, uint64_t wanted,
                                      const uint8_t hash[SHA256_BYTES])
{
    for (uint64_t way = wanted;
         *at && !((*at)->way == wanted && crypto_same((*at)->hash, hash, SHA256_BYTES)); way <<= 1)
        at = &(*at)->by_hash[way >> 63];
    return at;
}

static struct api_key **place_of_name(struct api_key **at, uint64_t wanted, const char *name)
{
    for (uint64_t way = wanted;
         *at && !((*at)->name_way == wanted && strcmp((*at)->name, name) == 0); way <<= 1)
        at = &(*at)->by_name[way >> 63];
    return at;
}

static struct api_key *find(const struct api_keys *keys, const uint8_t hash[SHA256_BYTES])
{
    struct api_key *first = keys->first;

    if (keys->count <= FEW_KEYS)
        return find_among_few(keys, hash);
    return *place_of_hash(&first, way_to_hash(keys, hash), hash);
}

const struct api_key *api_keys_add(struct api_keys *keys, struct api_key *key)
{
    key->way = way_to_hash(keys, key->hash);
    key->name_way = way_to_name(keys, key->name);
    struct api_key **by_hash = place_of_hash(&keys->first, key->way, key->hash);
    struct api_key **by_name = place_of_name(&keys->first, key->name_way, key->name);
    const struct api_key *other = *by_hash ? *by_hash : *by_name;
    if (other)
        return other;
    *by_hash = *by_name = key;
    if (keys->last)
        keys->last->next = key;
    keys->last = key;
    keys->count++;
    return NULL;
}

/* --- checking -------------------------------------------------------------------------------- */

enum api_key_verdict api_key_check(const struct api_keys *keys, const struct api_key_claims *claims,
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

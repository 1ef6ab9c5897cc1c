/*
 * Callers' keys: kept as hashes, compared whole and in constant time.
 */
#ifndef CORELAY_GATE_API_KEY_H
#define CORELAY_GATE_API_KEY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/crypto.h"
#include "base/str.h"

struct orchestration_profile;

struct api_key {
    const char *name; /* for the record; never the key itself */
    uint8_t hash[SHA256_BYTES];
    /* Every call of this key goes through SAP's orchestration service, in this profile; NULL: no such
       bond. The name is the configuration's. */
    const char *profile_name;
    const struct orchestration_profile *profile;
    /* Names of deployments that this key may reach as they are, instead of the general ones; counts
       only if `own_passthrough`. */
    bool own_passthrough;
    const char **passthrough;
    size_t passthrough_count;
    int64_t
        streams; /* requests at the same time, in place of the general limit; -1: that one counts */
    struct api_key *next;
    uint64_t way, name_way;                  /* to it by hash and by name, set by api_keys_add */
    struct api_key *by_hash[2], *by_name[2]; /* further down the two tries that all keys are */
};

/* All keys: a list, and two tries, so that neither reading nor checking them takes longer the more
   there are. The nodes are the keys themselves, the first one is the root of both. `seed` is a
   secret number: the way to a key, and with it the time it takes, tells nothing about hashes. */
struct api_keys {
    struct api_key *first, *last;
    size_t count;
    uint64_t seed;
};

/* Put `key` (its name and hash are set) behind the others. NULL, or the key that has the same name or
   hash already. Borrows `key`. */
const struct api_key *api_keys_add(struct api_keys *keys, struct api_key *key);

/* What a request presents, by header; unset ones are empty. `query` is ?key=. A header that came twice
   has a comma and a space between. */
struct api_key_claims {
    struct str authorization, x_api_key, api_key, x_goog_api_key, query;
};

enum api_key_verdict {
    API_KEY_GOOD,
    API_KEY_MISSING,
    API_KEY_WRONG,
    API_KEY_CONFLICT /* several different keys in one request */
};

/* `*found` is the key that fits (NULL unless GOOD). Up to 64 keys the time tells nothing of what fits;
   beyond, only which way was gone in a trie of secret order. */
enum api_key_verdict api_key_check(const struct api_keys *keys, const struct api_key_claims *claims,
                                   const struct api_key **found);

/* The hash of a key in plain text. */
void api_key_hash(struct str key, uint8_t hash[SHA256_BYTES]);

#endif

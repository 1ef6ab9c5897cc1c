/* Callers' keys: only their hashes stay. */
#include "config/reading.h"

static const char HASH_PREFIX[] = "sha256:";

static const char *next_name(struct reading *r)
{
    const char *name = arena_printf(r->config->arena, "key-%d", r->key_number).p;

    if (!name)
        r->no_memory = true;
    return name;
}

static struct api_key *append(struct reading *r, const struct place *at, struct api_key *key)
{
    const struct api_key *other = api_keys_add(&r->config->keys, key);

    if (!other)
        return key;
    if (crypto_same(other->hash, key->hash, sizeof key->hash))
        reading_error(r, at, "is the same key as \"%s\"; expected each key once", other->name);
    else
        reading_error(r, at, "has the name \"%s\" of another key; expected each name once",
                      key->name);
    return NULL;
}

static bool hash_from(struct reading *r, const struct place *at, struct str hex,
                      uint8_t hash[SHA256_BYTES])
{
    if (crypto_unhex(hex, hash, SHA256_BYTES))
        return true;
    reading_error(r, at,
                  "is no hash; expected 64 hexadecimal digits, as \"corelay key hash\" "
                  "prints them");
    return false;
}

/* A key travels in a header, cut at white space. */
static bool key_is_sendable(const char *text)
{
    for (const char *p = text; *p; p++)
        if ((unsigned char)*p <= ' ' || *p == 0x7f)
            return false;
    return true;
}

static struct api_key *new_key(struct reading *r, const char *name)
{
    struct api_key *key = reading_alloc(r, sizeof *key);

    if (!key)
        return NULL;
    key->streams = -1;
    key->name = name ? name : next_name(r);
    return key->name ? key : NULL;
}

/* `text` with or without its prefix. */
static struct api_key *add_hashed(struct reading *r, const struct place *at, const char *name,
                                  struct str text)
{
    struct api_key *key = new_key(r, name);

    if (str_starts(text, HASH_PREFIX))
        text = str_slice(text, strlen(HASH_PREFIX), text.n);
    return key && hash_from(r, at, text, key->hash) ? append(r, at, key) : NULL;
}

struct api_key *api_key_add(struct reading *r, const struct place *at, const char *name,
                            const char *text)
{
    if (str_starts(str_from(text), HASH_PREFIX))
        return add_hashed(r, at, name, str_from(text));
    struct api_key *key = new_key(r, name);
    if (!key)
        return NULL;
    if (!key_is_sendable(text)) {
        reading_error(r, at,
                      "holds white space or control characters; expected a key as callers "
                      "send it");
        return NULL;
    }
    api_key_hash(str_from(text), key->hash);
    return append(r, at, key);
}

/* {"name", "key" | "sha256", "orchestration", "passthrough", "streams"} while it is read */
struct named_key {
    const char *name, *key, *sha256, *orchestration;
    bool own_passthrough;
    const char **passthrough;
    size_t passthrough_count;
    int64_t streams;
};

/* true: any deployment; false: none; an array: these. */
static void read_key_passthrough(struct reading *r, const struct json *value,
                                 const struct place *at, void *into)
{
    static const char *any[] = {"*"};
    struct named_key *named = into;

    named->own_passthrough = true;
    if (!json_is_bool(value)) {
        reading_texts(r, value, at, "true, false or an array of names of deployments", NULL,
                      &named->passthrough, &named->passthrough_count);
    } else if (json_bool(value, false)) {
        named->passthrough = any;
        named->passthrough_count = 1;
    }
}

static const struct key named_rows[] = {
    {"name", KEY_TEXT, offsetof(struct named_key, name), 0, 0, NULL, NULL},
    {"key", KEY_TEXT, offsetof(struct named_key, key), 0, 0, NULL, NULL},
    {"sha256", KEY_TEXT, offsetof(struct named_key, sha256), 0, 0, NULL, NULL},
    {"orchestration", KEY_TEXT, offsetof(struct named_key, orchestration), 0, 0, NULL, NULL},
    {"passthrough", KEY_READ, 0, 0, 0, NULL, read_key_passthrough},
    {"streams", KEY_NUMBER, offsetof(struct named_key, streams), 0, 1000000, NULL, NULL}};
static const struct key_table named_keys = KEY_TABLE(named_rows);

static void read_named_key(struct reading *r, const struct json *value, const struct place *at)
{
    struct named_key named = {.streams = -1};
    struct api_key *added = NULL;

    key_table_read(r, value, at, &named_keys, &named);
    if (json_get(value, "key") && json_get(value, "sha256")) {
        reading_error(r, at, "has key and sha256; expected one of the two");
    } else if (!json_get(value, "key") && !json_get(value, "sha256")) {
        reading_error(r, at, "has no key; expected \"key\" or \"sha256\"");
    } else if (named.sha256) {
        added = add_hashed(r, at, named.name, str_from(named.sha256));
    } else if (named.key) {
        r->plain_secrets = true;
        added = api_key_add(r, at, named.name, named.key);
    }
    if (!added)
        return;
    added->profile_name = named.orchestration;
    added->own_passthrough = named.own_passthrough;
    added->passthrough = named.passthrough;
    added->passthrough_count = named.passthrough_count;
    added->streams = named.streams;
    r->config->passes_any |= named.passthrough_count > 0;
}

static void read_key_text(struct reading *r, const struct json *value, const struct place *at)
{
    const char *text = reading_text(r, value, at, "a key, or \"sha256:\" and its hash");

    if (!text)
        return;
    r->plain_secrets |= !str_starts(str_from(text), HASH_PREFIX);
    api_key_add(r, at, NULL, text);
}

static void read_keys(struct reading *r, const struct json *value, const struct place *at,
                      bool named_too)
{
    struct place here = {at, NULL, 0};

    if (!reading_is_array(r, value, at, "an array of keys"))
        return;
    for (const struct json *e = json_first(value); e; e = json_next(e), here.index++) {
        r->keys_attempted = true;
        r->key_number++;
        if (named_too && json_is_object(e))
            read_named_key(r, e, &here);
        else
            read_key_text(r, e, &here);
    }
}

void read_api_keys(struct reading *r, const struct json *value, const struct place *at, void *into)
{
    (void)into;
    read_keys(r, value, at, true);
}

void read_seed_keys(struct reading *r, const struct json *value, const struct place *at, void *into)
{
    (void)into;
    read_keys(r, value, at, false);
}

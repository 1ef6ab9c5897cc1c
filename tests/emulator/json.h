/*
 * Strict reading of JSON (RFC 8259) and short accessors for cJSON trees. cJSON itself is
 * lenient; the services that this program stands in for are not, so that text is checked first.
 */
#ifndef EMULATOR_JSON_H
#define EMULATOR_JSON_H

#include "pool.h"

/* Is this well-formed UTF-8? */
bool utf8_valid(const char *text, size_t len);

/* The longest prefix of at most max bytes that does not cut a character. */
size_t utf8_prefix(const char *text, size_t len, size_t max);

/*
 * Parse exactly one JSON value of at most 200 levels. NULL with *why set when it is not
 * strict JSON. The tree belongs to the pool.
 */
cJSON *json_parse(struct pool *pool, const char *text, size_t len, const char **why);

/* Member that is present and not null, or NULL. Any object may be NULL or of another type. */
cJSON *json_get(const cJSON *object, const char *key);

/* Text of a string member, NULL if there is none. */
const char *json_str(const cJSON *object, const char *key);

double json_num(const cJSON *object, const char *key, double otherwise);
bool json_true(const cJSON *object, const char *key);

/* First member whose name is not in the NULL-terminated list, or NULL. */
const cJSON *json_unknown(const cJSON *object, const char *const *known);

/* Compact text of a tree, owned by the pool. */
char *json_text(struct pool *pool, const cJSON *tree);

bool word_in(const char *word, const char *const *list);

/* Does this name consist of letters, digits and the extra characters only, 1 to max of them? */
bool name_matches(const char *name, const char *extra, size_t max);

#endif

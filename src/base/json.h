/*
 * JSON of our own: configuration, service keys, cache files, the AI API's lists. Alone includes
 * cJSON.
 *
 * Values are decoded (numbers are doubles, text is NUL-terminated), which is what one wants of a
 * file and must not do to traffic: that goes through base/jspan.h. Output is written with
 * base/jwrite.h in both cases.
 */
#ifndef CORELAY_BASE_JSON_H
#define CORELAY_BASE_JSON_H

#include <stdbool.h>
#include <stddef.h>

#include "base/status.h"
#include "base/str.h"

/* A tree; its nodes are borrowed from the root, which the caller frees with json_free. */
struct json;

/* E_SYNTAX with the line and column (from 1) of the first offence, E_NOMEM. */
status json_parse(struct str text, struct json **out, int *line, int *column);
void json_free(struct json *root);

/* Read and parse a file of at most `ceiling` bytes. E_NOT_FOUND, E_IO, E_LIMIT, E_SYNTAX. */
status json_read_file(const char *path, size_t ceiling, struct json **out, int *line, int *column);

/* NULL nodes are allowed everywhere and mean "absent". */
const struct json *json_get(const struct json *object, const char *key);
const struct json *json_first(const struct json *container);
const struct json *json_next(const struct json *n);
/* The member name, NULL in an array. */
const char *json_key(const struct json *n);

bool json_is_object(const struct json *n);
bool json_is_array(const struct json *n);
bool json_is_string(const struct json *n);
bool json_is_number(const struct json *n);
bool json_is_bool(const struct json *n);
bool json_is_null(const struct json *n);
/* "an object", "a string", ... for messages. */
const char *json_type_text(const struct json *n);

/* `otherwise` when it is absent or of another type. */
const char *json_text(const struct json *n, const char *otherwise);
double json_number(const struct json *n, double otherwise);
bool json_bool(const struct json *n, bool otherwise);

#endif

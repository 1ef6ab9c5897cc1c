/*
 * What callers write behind a deployment's name, before it goes into a URL of ours.
 */
#ifndef CORELAY_EXCHANGE_PASS_PATH_H
#define CORELAY_EXCHANGE_PASS_PATH_H

#include "base/arena.h"
#include "base/status.h"

/* Does the raw path (empty, or from a slash on) stay where it begins, however often a server behind
   us decodes it? False for empty segments, "." and "..", also with parameters behind a semicolon,
   for slashes and backslashes however encoded, for broken escapes, and for bytes that no path has. */
bool pass_path_good(struct str path);

/* The query without the caller's key (`key`), with a question mark before it unless it is empty; the
   pointer is NULL when out of memory. E_SYNTAX for bytes that no query has. */
status pass_query(struct arena *arena, struct str query, struct str *out);

#endif

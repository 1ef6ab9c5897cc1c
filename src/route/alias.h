/*
 * Other spellings of model names: callers use the vendors' names, dated snapshots, Bedrock ids,
 * OpenRouter's paths; SAP AI Core has names of its own ("anthropic--claude-4.5-sonnet").
 *
 * A spelling is resolved, a model is never replaced: another version number, another size or
 * another kind ("flash" and "flash-lite") is another model. A dated snapshot answers to the undated
 * name; two different dates are two models.
 */
#ifndef CORELAY_ROUTE_ALIAS_H
#define CORELAY_ROUTE_ALIAS_H

#include "base/arena.h"

enum { ALIAS_NAME_MAX = 200, ALIAS_NEAREST = 3 };

/* Which of the available names is meant; it is returned as it stands in `available`. Unset when
   there is none. Nothing is taken from `arena` (may be NULL). */
struct str alias_resolve(struct arena *arena, struct str asked, const struct str *available,
                         size_t count);

/* The available names that look most like it, best first, for the text of a 404; how many. */
size_t alias_nearest(struct str asked, const struct str *available, size_t count,
                     struct str out[ALIAS_NEAREST]);

#endif

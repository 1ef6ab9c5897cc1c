/*
 * What a tenant may ask of each model: GET {api}/admin/quota/model (AI API, "model quota").
 *
 * Many keys may not read it; then there is nothing to know.
 */
#ifndef CORELAY_AICORE_QUOTA_H
#define CORELAY_AICORE_QUOTA_H

#include "aicore/token.h"

enum { QUOTA_BODY_MAX = 4 * 1024 * 1024 };

/* Called for each model with a limit of requests a minute; what has another unit is left out. */
typedef void quota_each(void *arg, const char *model, uint32_t per_minute);
/* E_SYNTAX when it is no such answer. */
status quota_parse(struct str json, quota_each *each, void *arg);

struct quota_fetch;
/* `body` is borrowed for the call; unset when there was no answer of use. */
typedef void quota_done(void *arg, struct str body);

/* Never calls back before it returns. NULL when out of memory. `key` is borrowed until the end. */
struct quota_fetch *quota_fetch_start(struct reactor *r, struct token_cache *tokens,
                                      const struct service_key *key, quota_done *done, void *arg);
void quota_fetch_cancel(struct quota_fetch *f); /* NULL is allowed */

#endif

/* Azure OpenAI's Responses API. The texts of its errors are those of OpenAI. */
#ifndef EMULATOR_RESPONSES_H
#define EMULATOR_RESPONSES_H

#include "answer.h"

/* POST /responses. */
void responses_answer(struct exchange *x);

/* POST /responses/compact. */
void responses_compact(struct exchange *x);

/* GET, DELETE /responses/ID, POST /responses/ID/cancel, GET /responses/ID/input_items. */
void responses_stored_answer(struct exchange *x);

/* Remember an answer that was rendered, unless the request forbids it. `before` as below. */
void responses_store(struct exchange *x, const char *id, const struct buf *output,
                     const struct buf *whole, const cJSON *before);

/* The items of the response that the request goes on from, NULL if from none; false if the exchange
   was answered. */
bool responses_find_previous(struct exchange *x, const cJSON **before);

/* What the service says in a stream that it breaks off: a failure without a reason, then the reason. */
void responses_error_event(struct exchange *x, unsigned status, struct buf *out);

/* Validate input[]; `before` are the items of an earlier response, NULL if there is none. False if
   the exchange was answered. */
bool responses_read_input(struct exchange *x, struct convo *c, const cJSON *before);

/* The reply, whole or streamed; returns its id. `items` gets the output as a JSON array. */
const char *responses_render(struct exchange *x, const struct convo *c, const struct answer *a,
                             struct buf *items, struct buf *whole);

/* What a reasoning item's encrypted_content holds: sealed, so that it comes back untouched. */
char *responses_seal(struct pool *pool, const char *id, const char *thought);
/* NULL or what is wrong with it; `id` may be NULL. */
const char *responses_unseal(struct pool *pool, const char *id, const char *sealed);

/* An item of a stored response of this deployment, NULL if there is none of that id. */
const cJSON *responses_stored_item(struct exchange *x, const char *id);

/* Forget all that is stored. */
void responses_clear(void);

#endif

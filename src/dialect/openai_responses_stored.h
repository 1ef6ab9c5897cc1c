/*
 * What the Responses API says about responses that were made before, for the gateway's own store.
 * All of it is JSON text in, JSON text out.
 *
 * Wire: OpenAI API reference, "Retrieve", "Delete" and "Cancel a model response", "List input
 * items", "Conversation state".
 */
#ifndef CORELAY_DIALECT_OPENAI_RESPONSES_STORED_H
#define CORELAY_DIALECT_OPENAI_RESPONSES_STORED_H

#include "base/jspan.h"

/* The `input` of a request as the text of an array of items: a string becomes the user's message,
   and nothing an empty array. It may be borrowed from the tree. The pointer is NULL when out of
   memory; text that is neither comes back as it is, for whoever reads it next to refuse. */
struct str openai_responses_items(struct arena *arena, const struct jspan *input);

/* Append the elements of an array's text to the elements of another one that is being written. */
void openai_responses_join(struct buf *out, struct str array);

/* The id of the response that an item of one of its answers belongs to; unset when it was not made
   by this gateway. */
struct str openai_responses_maker(struct arena *arena, struct str item_id);

/* {"id":..,"object":"response.deleted","deleted":true} */
void openai_responses_deleted(struct str id, struct buf *out);

/* One page of a list of items. `limit` 0: the API's default of 20 (at most 100). `after` and
   `before` are ids of items, or unset. Newest first unless `ascending`. */
struct openai_responses_page {
    struct str after, before;
    long limit;
    bool ascending;
};

/* The items of `array` (JSON text) as a list. Items without an id get one, made of that of the
   response and of their place; messages have their parts. E_SYNTAX when it is no array, E_NOMEM. */
status openai_responses_list(struct arena *arena, struct str response_id, struct str array,
                             const struct openai_responses_page *page, struct buf *out);

#endif

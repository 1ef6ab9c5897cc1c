/*
 * The list of models in each dialect's shape (GET /v1/models, GET /v1/models/{id}).
 */
#ifndef CORELAY_DIALECT_MODELS_H
#define CORELAY_DIALECT_MODELS_H

#include "base/buf.h"
#include "base/str.h"

struct models_entry {
    struct str id;
    struct str display_name; /* may be unset: the id is shown */
    struct str owned_by;     /* may be unset: "sap-ai-core" */
    int64_t created;         /* seconds; stable, not "now" */
    int64_t context_length;  /* tokens, 0 unknown */
    int64_t max_output;      /* tokens, 0 unknown */
    bool embeds;             /* makes embeddings and nothing else */
};

/* OpenAI: {"object":"list","data":[..]} and one object. */
void models_openai_list(const struct models_entry *entries, size_t count, struct buf *out);
void models_openai_one(const struct models_entry *entry, struct buf *out);

/* Anthropic: {"data":[..],"has_more":..}; `limit` 0 = the API's default of 20 (at most 1000),
   `after`/`before` are ids and may be unset. */
void models_anthropic_list(const struct models_entry *entries, size_t count, int64_t limit,
                           struct str after, struct str before, struct buf *out);
void models_anthropic_one(const struct models_entry *entry, struct buf *out);

/* Gemini: {"models":[..],"nextPageToken":..}; `size` 0 = the API's default of 50 (at most 1000),
   `token` is the one of the page before, or unset. */
void models_gemini_list(const struct models_entry *entries, size_t count, int64_t size,
                        struct str token, struct buf *out);
void models_gemini_one(const struct models_entry *entry, struct buf *out);

#endif

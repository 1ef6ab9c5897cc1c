/*
 * What callers of each API get from a model, feature by feature: the table that is made from the
 * golden tests (doc/capabilities.md), and what the model's own rules take away from it.
 */
#ifndef CORELAY_CLI_MATRIX_H
#define CORELAY_CLI_MATRIX_H

#include "family/family.h"

enum matrix_word {
    MATRIX_NONE, /* the model itself cannot */
    MATRIX_LOSSLESS,
    MATRIX_EMULATED,
    MATRIX_REFUSED,
    MATRIX_NOT_THERE /* the API has no such feature, or nothing is known of this pair */
};

/* "none", "lossless", "emulated", "refused". */
const char *matrix_word_text(enum matrix_word word);

size_t matrix_feature_count(void);
const char *matrix_feature(size_t i); /* "structured-output" */
size_t matrix_dialect_count(void);
const char *matrix_dialect(size_t i); /* "openai-chat", "cohere-rerank" */

/* `family` is that of the model's deployments. */
enum matrix_word matrix_ask(size_t dialect, size_t feature, const struct family *family,
                            const struct family_model *model);

#endif

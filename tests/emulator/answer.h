/*
 * What the emulated model says, before any family puts it in its own words: decided by
 * scripts, directives in the question, the tool choice, the schema, or the default echo.
 */
#ifndef EMULATOR_ANSWER_H
#define EMULATOR_ANSWER_H

#include "convo.h"
#include "exchange.h"

enum block_kind { BLOCK_THINK, BLOCK_REDACTED, BLOCK_TEXT, BLOCK_CALL };

struct block {
    enum block_kind kind;
    const char *text;             /* think, text */
    const char *name, *args, *id; /* call; args is compact JSON, id is 24 hex digits */
};

enum stop_kind { STOP_END, STOP_LENGTH, STOP_SEQUENCE, STOP_CALLS, STOP_FILTER, STOP_REFUSAL };

enum { MAX_BLOCKS = 40 };

struct answer {
    struct block blocks[MAX_BLOCKS];
    size_t block_count;
    enum stop_kind stop;
    const char *stop_sequence;
    int chunks; /* 0 = default */
    unsigned delay_ms;
    unsigned error_status; /* mid-stream error, 0 = none */
    int input_tokens, output_tokens, reasoning_tokens;
};

/* What a script step or the directives ask for. */
struct wanted_call {
    const char *name;
    const char *args;
};

struct plan {
    bool from_script;
    const char *text, *think;
    bool redact;
    struct wanted_call calls[32];
    size_t call_count;
    int chunks;
    int delay_ms; /* -1 = setting */
    enum stop_kind stop;
    unsigned error_status;
    bool error_mid;
    size_t bytes;
};

/* Read {{emu: ...}} directives. */
void directives_read(struct pool *pool, const char *text, struct plan *plan);

/* Scripts of the control port. Add returns NULL or what is wrong. */
const char *scripts_add(const cJSON *script);
void scripts_clear(void);
void scripts_write(struct buf *out);

/* Fill the plan if a script fits; false otherwise. */
bool script_find(const struct convo *c, struct plan *plan);

/* A value that satisfies the schema, as a tree of the pool. */
cJSON *schema_instance(struct pool *pool, const cJSON *schema);

/* Decide; false if the exchange was answered with an error that was asked for. */
bool answer_compose(struct exchange *x, const struct convo *c, struct answer *a);

/* After rendering: apply a mid-stream error that was asked for. */
void answer_finish(struct exchange *x, const struct answer *a);

/* Lengths of the pieces in which the text is streamed; *count of them. */
size_t *answer_pieces(struct pool *pool, const struct answer *a, const char *text, size_t *count);

/* n characters of the alphabet, derived from seed. */
char *derived_id(struct pool *pool, const char *prefix, uint64_t seed, size_t n,
                 const char *alphabet);
extern const char hex_alphabet[], alnum_alphabet[];

/* One vector of so many floats with length 1, derived from the text. */
void embedding_write(struct buf *out, const char *text, int dimensions, bool base64);

#endif

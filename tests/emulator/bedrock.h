/* What the two Bedrock families share: refusals, model traits, thinking seals. */
#ifndef EMULATOR_BEDROCK_H
#define EMULATOR_BEDROCK_H

#include "answer.h"
#include "prefix.h"

/* 400 ValidationException; returns false. */
bool bedrock_bad(struct exchange *x, const char *format, ...) __attribute__((format(printf, 2, 3)));

void bedrock_refuse(struct exchange *x, unsigned status, const char *message);

/* Name of the stream exception for this status, "throttlingException"... */
const char *bedrock_exception(unsigned status);

struct claude {
    int version; /* 45 for 4.5 */
    bool opus, sonnet, haiku;
};

struct claude claude_of(const char *model);

/* Does the request list this beta flag? Both families. */
bool beta_has(const cJSON *betas, const char *flag);
bool betas_good(struct exchange *x, const cJSON *betas);

/* Rules for thinking, sampling and limits of Claude, wherever the fields stand. */
struct claude_fields {
    const cJSON *thinking, *betas, *output_config;
    const cJSON *temperature, *top_p, *top_k;
    long max_tokens;
    bool tool_forced;
};

bool claude_fields_good(struct exchange *x, struct convo *c, const struct claude_fields *f);

/* Texts that only this program could have issued. */
char *redacted_make(struct pool *pool, const char *text);
bool redacted_good(struct pool *pool, const char *data);

/* A base64 image of the named kind; false after refusing. place is for the message. */
bool bedrock_image(struct exchange *x, struct convo *c, const char *kind, const char *data,
                   const char *place);

/* One citation, in the words of the messages API and of Converse (claude_citations.c). */
void claude_citation_write(struct buf *out, const struct citable *s);
void converse_citation_write(struct buf *out, const struct citable *s);

#endif

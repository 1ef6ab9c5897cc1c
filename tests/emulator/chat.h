/*
 * What the chat completions API of Azure OpenAI and of the hosted models have in common:
 * messages, tools, and the shape of answers.
 */
#ifndef EMULATOR_CHAT_H
#define EMULATOR_CHAT_H

#include "answer.h"

/* Refuse with status 400 in the family's form; returns false. code and param may be NULL. */
bool chat_bad(struct exchange *x, const char *code, const char *param, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* The family's error body. */
void chat_error_json(struct exchange *x, unsigned status, const char *code, const char *param,
                     const char *message, struct buf *out);

/* Validate and read; false if the exchange was answered. */
bool chat_read_messages(struct exchange *x, struct convo *c);
/* `parameters` and `strict` of a function. */
bool chat_parameters_good(struct exchange *x, const cJSON *function, const char *param);
bool chat_read_tools(struct exchange *x, struct convo *c);
bool chat_read_format(struct exchange *x, struct convo *c);

/* The reply: whole or streamed, the latter with a usage chunk if asked for. */
void chat_render(struct exchange *x, const struct convo *c, const struct answer *a);

#endif

/* Gemini on Vertex: the parts of reading and answering that are in files of their own. */
#ifndef EMULATOR_VERTEX_H
#define EMULATOR_VERTEX_H

#include "answer.h"

/* 400 INVALID_ARGUMENT; returns false. */
bool vertex_bad(struct exchange *x, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Member by its camelCase name; the snake_case spelling is the same field. */
cJSON *vertex_get(const cJSON *object, const char *camel);
const char *vertex_str(const cJSON *object, const char *camel);

/* Refuse members that the message type at this place does not have. */
bool vertex_members_good(struct exchange *x, const cJSON *object, const char *const *known,
                         const char *place);

/* A Schema message (OpenAPI subset). */
bool vertex_schema_good(struct exchange *x, const cJSON *schema, const char *place, int depth);

bool vertex_read_contents(struct exchange *x, struct convo *c);

/* Does this model demand thought signatures? */
bool vertex_demands_signatures(const char *model);

/* A signature for a call of this function (or "" for text), and its check. */
char *vertex_signature(struct pool *pool, const char *name, const char *id);
bool vertex_signature_good(struct pool *pool, const char *name, const char *signature);

void vertex_render(struct exchange *x, const struct convo *c, const struct answer *a, bool stream);

#endif

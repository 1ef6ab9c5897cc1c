/* From a request on the main port to the family that answers it. */
#ifndef EMULATOR_INFERENCE_H
#define EMULATOR_INFERENCE_H

#include "exchange.h"

/* Everything on the main port (and the TLS port). */
void main_route(struct exchange *x);

/* The families. Each takes an exchange with deployment, suffix and parsed body. */
extern const struct family azure_family, invoke_family, converse_family, vertex_family,
    hosted_family, orchestration_family, cohere_family, rpt_family, custom_family;

void azure_answer(struct exchange *x);
void invoke_answer(struct exchange *x, bool stream);
void titan_answer(struct exchange *x);
void converse_answer(struct exchange *x, bool stream);
void vertex_answer(struct exchange *x, const char *verb);
void hosted_answer(struct exchange *x);
void orchestration_answer(struct exchange *x);
void openai_embeddings_answer(struct exchange *x);
void cohere_rerank_answer(struct exchange *x);
/* These look at method and body themselves. */
void rpt_answer(struct exchange *x);
void custom_answer(struct exchange *x);
void vertex_predict_answer(struct exchange *x);

#endif

/* The AI API (control plane): deployments, model catalogue, resource groups, tenant. */
#ifndef EMULATOR_LM_H
#define EMULATOR_LM_H

#include "exchange.h"

/* Answer a path below /v2/lm or /v2/admin; the token has been checked. */
void lm_answer(struct exchange *x);

/* Set x->group from the header; if it is missing or unknown, answer 403 and return false. */
bool group_check(struct exchange *x);

/* http://host:port of the AI API. */
void lm_set_base(const char *base);
const char *lm_base(void);

#endif

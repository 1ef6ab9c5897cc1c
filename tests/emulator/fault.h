/*
 * Faults on demand: POST /faults of the control port. A fault is matched by tenant, group,
 * model, deployment, path (substring) and family; it is taken by the first fitting request.
 */
#ifndef EMULATOR_FAULT_H
#define EMULATOR_FAULT_H

#include "exchange.h"

/* Register; NULL or a text that says what is wrong. */
const char *faults_add(const cJSON *request);
void faults_clear(void);
void faults_write(struct buf *out);

/*
 * The fault for this request as a tree of the exchange's pool, or NULL. One call per request:
 * it counts.
 */
const cJSON *fault_take(struct exchange *x);

/* Apply kinds that replace the answer; true if the request is answered by it. */
bool fault_before(struct exchange *x, const cJSON *fault);

/* Apply kinds that change a rendered answer. */
void fault_after(struct exchange *x, const cJSON *fault);

#endif

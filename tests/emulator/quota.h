/*
 * Requests a minute of each model in each tenant, over all its deployments and resource groups. The
 * count begins anew with each minute of the clock.
 */
#ifndef EMULATOR_QUOTA_H
#define EMULATOR_QUOTA_H

#include "exchange.h"
#include "tenant.h"

/* Count a call; false when the minute's quota is used up. */
bool quota_take(const struct deployment *d);

/* GET /v2/admin/quota/model: the limit of every model; an empty list where there is none. */
void quota_answer(struct exchange *x);

/* Forget what was counted. */
void quota_reset(void);

#endif

/* Requests a minute. See quota.h. */
#include "quota.h"

#include "settings.h"

#include <stdatomic.h>
#include <string.h>
#include <time.h>

enum { MODELS_MAX = 64 };

/* The minute in the upper half, the count in the lower. */
static _Atomic unsigned long long counts[TENANT_COUNT][MODELS_MAX];

bool quota_take(const struct deployment *d)
{
    unsigned long long minute = (unsigned long long)time(NULL) / 60, old, next;
    _Atomic unsigned long long *count;

    if (!settings.quota_rpm || !d->model || d->model - models >= MODELS_MAX)
        return true;
    count = &counts[d->tenant - tenants][d->model - models];
    old = atomic_load(count);
    do
        next = old >> 32 == minute ? old + 1 : minute << 32 | 1;
    while (!atomic_compare_exchange_weak(count, &old, next));
    return (next & 0xffffffff) <= (unsigned long long)settings.quota_rpm;
}

void quota_reset(void)
{
    size_t i, k;

    for (i = 0; i < TENANT_COUNT; i++)
        for (k = 0; k < MODELS_MAX; k++)
            atomic_store(&counts[i][k], 0);
}

void quota_answer(struct exchange *x)
{
    const char *rows = "";
    size_t i;

    for (i = 0; settings.quota_rpm && i < model_count; i++)
        rows = pool_printf(&x->pool,
                           "%s%s{\"unit\":\"requestPerMinute\",\"limit\":%d,\"descriptors\":"
                           "{\"modelName\":\"%s\",\"modelVersion\":\"*\",\"providerName\":\"%s\"}}",
                           rows, i ? "," : "", (int)settings.quota_rpm, models[i].name,
                           models[i].executable);
    reply_text(&x->reply, 200, "application/json",
               pool_printf(&x->pool, "[{\"resourceType\":\"model\",\"quotaDetails\":[%s]}]", rows));
}

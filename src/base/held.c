/* One counter for all threads. */
#include "base/held.h"

#include <stdatomic.h>

static _Atomic int64_t held;

void held_add(size_t bytes)
{
    atomic_fetch_add_explicit(&held, (int64_t)bytes, memory_order_relaxed);
}

void held_take(size_t bytes)
{
    atomic_fetch_sub_explicit(&held, (int64_t)bytes, memory_order_relaxed);
}

int64_t held_bytes(void)
{
    return atomic_load_explicit(&held, memory_order_relaxed);
}

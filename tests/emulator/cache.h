/* The emulated prompt cache: prefixes (as hashes) that were seen before. Any thread. */
#ifndef EMULATOR_CACHE_H
#define EMULATOR_CACHE_H

#include <stdbool.h>
#include <stdint.h>

/* Was this prefix stored? */
bool cache_has(uint64_t key);
void cache_put(uint64_t key);
void cache_clear(void);

#endif

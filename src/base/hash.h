/*
 * A 64-bit hash that is the same in every process and release: keys of shared tables, and choices
 * that must come out alike everywhere. Not for secrets, and no shield against whoever makes
 * collisions on purpose.
 */
#ifndef CORELAY_BASE_HASH_H
#define CORELAY_BASE_HASH_H

#include <stdint.h>
#include <string.h>

#include "base/str.h"

#define HASH_BEGIN UINT64_C(0xcbf29ce484222325)

/* Go on from `h` with further bytes, and with a mark behind them, so that "ab" + "c" is not "a" +
   "bc": FNV-1a over words of eight bytes, as long as there are, since whole prompts are hashed. The
   product moves differences upwards; the shift brings them down again. */
static inline uint64_t hash_add(uint64_t h, struct str s)
{
    uint64_t word;

    for (; s.n >= sizeof word; s = str_slice(s, sizeof word, s.n)) {
        memcpy(&word, s.p, sizeof word);
        h = (h ^ word) * UINT64_C(0x100000001b3);
        h ^= h >> 32;
    }
    for (size_t i = 0; i < s.n; i++)
        h = (h ^ (unsigned char)s.p[i]) * UINT64_C(0x100000001b3);
    return (h ^ 0x1ff) * UINT64_C(0x100000001b3);
}

/* Spread what was added over all bits (the finalizer of MurmurHash3); never 0. */
static inline uint64_t hash_end(uint64_t h)
{
    h = (h ^ (h >> 33)) * UINT64_C(0xff51afd7ed558ccd);
    h = (h ^ (h >> 33)) * UINT64_C(0xc4ceb9fe1a85ec53);
    h ^= h >> 33;
    return h ? h : 1;
}

#endif

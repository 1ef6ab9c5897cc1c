/*
 * Memory that runs out on demand: the program is linked with -Wl,--wrap for malloc, calloc, realloc
 * and strdup, and with an arena that takes each of its pieces from malloc.
 */
#ifndef CORELAY_TESTS_TORTURE_FAILING_H
#define CORELAY_TESTS_TORTURE_FAILING_H

#include <stdbool.h>
#include <stdint.h>

/* From here on allocations are counted, and the `number`th (from 1) fails; 0: none does. */
void failing_begin(uint64_t number);
/* Stop counting; how many there were. */
uint64_t failing_end(void);

#endif

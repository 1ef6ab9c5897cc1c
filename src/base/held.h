/*
 * How many bytes the process holds in buffers and arenas: requests, answers, what is made of them.
 *
 * All growth of a buf and all chunks of an arena are counted, from any thread. What other libraries
 * take for connections is not.
 */
#ifndef CORELAY_BASE_HELD_H
#define CORELAY_BASE_HELD_H

#include <stddef.h>
#include <stdint.h>

void held_add(size_t bytes);
void held_take(size_t bytes);
int64_t held_bytes(void);

#endif

/* Prompt cache. See cache.h. An open table that forgets by overwriting. */
#include "cache.h"

#include <pthread.h>
#include <string.h>

enum { SLOTS = 65536 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static uint64_t slots[SLOTS];

bool cache_has(uint64_t key)
{
    bool has;

    pthread_mutex_lock(&lock);
    has = slots[key % SLOTS] == key;
    pthread_mutex_unlock(&lock);
    return has;
}

void cache_put(uint64_t key)
{
    pthread_mutex_lock(&lock);
    slots[key % SLOTS] = key;
    pthread_mutex_unlock(&lock);
}

void cache_clear(void)
{
    pthread_mutex_lock(&lock);
    memset(slots, 0, sizeof slots);
    pthread_mutex_unlock(&lock);
}

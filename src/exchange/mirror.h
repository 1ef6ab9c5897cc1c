/*
 * Copies of requests, for whoever wants to see how another deployment or model does with the traffic of
 * today: what it answers is thrown away.
 *
 * A copy never delays or fails its original: it begins behind it, has its own arena, and what becomes
 * of it nobody waits for. There are at most MIRRORS_MAX of them under way in a reactor, and of bodies
 * up to MIRROR_BODY_BYTES; where one finds no place it is not sent. Copies are sent to targets that are
 * well and have quota to spare, once.
 */
#ifndef CORELAY_EXCHANGE_MIRROR_H
#define CORELAY_EXCHANGE_MIRROR_H

#include <stdbool.h>

enum { MIRRORS_MAX = 16, MIRROR_BODY_BYTES = 4 * 1024 * 1024 };

struct exchange;
struct mirror;

/* Those of one gateway. */
struct mirrors {
    struct mirror *first;
    unsigned count;
    bool allowed;
};

/* Behind the first sending of a request: send a copy, if its model's setting wants one. */
void mirror_begin(struct exchange *original);
/* The model that a copy is for. */
void mirror_aim(struct exchange *copy);
const struct config_mirror *mirror_setting(const struct mirror *m);

/* End all that are under way. */
void mirrors_end(struct mirrors *all);

#endif

/*
 * Private to the scoreboard: the file, its mapping, and the seats in it.
 */
#ifndef CORELAY_ROUTE_SCOREBOARD_MAP_H
#define CORELAY_ROUTE_SCOREBOARD_MAP_H

#include <sys/types.h>

#include "route/scoreboard.h"

struct board_map {
    char *base;
    size_t bytes;
    int fd; /* -1: memory alone */
    dev_t device;
    ino_t inode;
    unsigned targets, seats; /* as we checked them once: the header may change under us */
    int seat;                /* ours; -1: none */
    unsigned holds;          /* the scoreboard's and one for each score */
    int64_t made_ms;
    struct board_common *common;
    struct board_seat *seat_rows;
    struct board_target *target_rows;
    struct board_domain *domain_rows;
    _Atomic uint32_t *cells; /* in flight: [target][seat] */
};

/* Memory of this process, with one seat, which is taken. NULL when out of memory. */
struct board_map *board_map_memory(unsigned targets);
/* The file as it is; `any_owner`: also that of another user (who looks is often root). E_NOT_FOUND,
   E_REFUSED, E_SYNTAX, E_IO, E_NOMEM. */
status board_map_open(const char *path, bool any_owner, struct board_map **out);
/* A new file in the place of whatever is there, and its mapping. E_IO, E_NOMEM. */
status board_map_make(const char *path, unsigned targets, unsigned seats);
/* Does the path still lead to the file that is mapped, and is it still whole? */
bool board_map_is_current(const struct board_map *map, const char *path);
void board_map_release(struct board_map *map); /* the last one unmaps */

/* Take a free seat, or that of one who has died. False: none is left. */
bool board_map_sit(struct board_map *map);
/* Take back what the dead had in flight. */
void board_map_sweep(struct board_map *map);

#endif

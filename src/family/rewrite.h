/*
 * Rewrites as data: each upstream quirk is one row of a table.
 *
 * A path names members with dots and all elements with []: "tools[].defer_loading". `**` as first
 * member means "at any depth": "**.cache_control.scope".
 */
#ifndef CORELAY_FAMILY_REWRITE_H
#define CORELAY_FAMILY_REWRITE_H

#include "base/arena.h"
#include "base/jspan.h"
#include "base/status.h"
#include "chat/dropped.h"
#include "family/model.h"

enum rewrite_action {
    REWRITE_REMOVE,  /* take the member out; declared unless `quiet` */
    REWRITE_RENAME,  /* give the member the name in `arg` (an existing one of that name wins) */
    REWRITE_SET,     /* put the JSON text `arg` where the member stands; nothing if absent */
    REWRITE_DEFAULT, /* add the member with the JSON text `arg` if it is absent (path of depth 1) */
    REWRITE_ONLY     /* the container at `path` ("" = the body) keeps only the members listed in
                        `arg`, separated by spaces; the others are removed and declared */
};

struct rewrite {
    const char *path;
    enum rewrite_action action;
    const char *arg;
    unsigned with;    /* model traits that must all be set for the row to apply; 0: always */
    unsigned without; /* and those that must all be absent */
    bool quiet;       /* nothing the caller meant is lost: do not declare it */
    const char *why;  /* what upstream does otherwise; who saw it and when */
};

/* Apply the rows in order. E_NOMEM. */
status rewrite_apply(struct arena *arena, const struct rewrite *rows, size_t count,
                     struct jspan *body, const struct family_model *model, struct dropped *dropped);

#endif

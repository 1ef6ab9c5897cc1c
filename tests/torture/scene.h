/*
 * Something that the gateway does, to be done again and again while memory runs out at each place.
 */
#ifndef CORELAY_TESTS_TORTURE_SCENE_H
#define CORELAY_TESTS_TORTURE_SCENE_H

#include "base/buf.h"
#include "base/status.h"

struct scene {
    const char *name;
    /* Do it and tell the result in `out`, which is not part of it. OK, E_NOMEM, or E_SYNTAX (with a
       text in `out`) when what is asked for is to be refused. */
    status (*act)(const void *arg, struct buf *out);
    const void *arg;
};

/* Let each allocation fail once. How many of them led to anything but the same result or E_NOMEM. */
unsigned torture(const struct scene *scene);

/* scene_*.c */
unsigned torture_exchanges(const char *root);
unsigned torture_files(void);

#endif

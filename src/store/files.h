/*
 * A folder of small private files that all processes of the host share, each found by a name that
 * is hashed (so a name may hold anything). Bounded in age, number and bytes.
 *
 * Nothing is locked: a file is written aside and renamed, and whoever finds the folder too full
 * takes the oldest away. So between two looks the bounds may be passed by a sixteenth in each
 * process. Everything here blocks for as long as a small file takes.
 */
#ifndef CORELAY_STORE_FILES_H
#define CORELAY_STORE_FILES_H

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/status.h"

struct store_bounds {
    int64_t age_s; /* since a file was written or touched */
    size_t count;
    int64_t bytes; /* of all files together; no file may be larger */
};

struct store_files {
    const char *folder; /* NULL: there is none, and so nothing is found or kept */
    struct store_bounds bounds;
    size_t written;        /* files, since this process last looked for old ones */
    int64_t written_bytes; /* in them */
};

/* The folder `name` in `state_dir` (NULL: none), made when it is missing. A folder that cannot be
   used costs a warning. E_NOMEM. */
status store_files_open(struct store_files *f, struct arena *arena, const char *state_dir,
                        const char *name, struct store_bounds bounds);

/* Append the content of a file. E_NOT_FOUND also when it is too old; E_REFUSED, E_LIMIT, E_IO with
   a warning: whoever asks treats all of them as "not there". */
status store_files_read(const struct store_files *f, struct str name, struct buf *out);
/* E_LIMIT when the content is larger than all files may be; E_IO with errno. */
status store_files_write(struct store_files *f, struct str name, struct str content);
/* As if it had been written now. */
void store_files_touch(const struct store_files *f, struct str name);
/* E_NOT_FOUND, E_IO. */
status store_files_remove(const struct store_files *f, struct str name);

/* Look for files beyond the bounds, and take them away. Writing does so now and then. */
void store_files_sweep(struct store_files *f);

/* Say that the content of a file makes no sense. */
void store_files_warn(const struct store_files *f, struct str name, const char *problem);

#endif

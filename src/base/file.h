/*
 * Small files that several processes share: read whole, written aside and renamed, locked by name.
 */
#ifndef CORELAY_BASE_FILE_H
#define CORELAY_BASE_FILE_H

#include "base/buf.h"
#include "base/status.h"

/* Append the content of a file to `out`; its ceiling bounds what is read (E_LIMIT).
   E_NOT_FOUND, E_IO (errno tells), E_NOMEM. */
status file_read(const char *path, struct buf *out);

/* The same for a file that must be ours alone: E_REFUSED unless it is a regular file of this user
   with no right for others. `*why` (may be NULL) names the offence in static text. */
status file_read_private(const char *path, struct buf *out, const char **why);

/* Put `content` at `path` in one step: a reader sees the old file or the new one, never a mixture.
   Mode 0600. E_IO with errno. */
status file_write_private(const char *path, struct str content);

/* A folder of our own: made (0700, with its parents) when it is missing; E_REFUSED when it is there
   but belongs to another user or is writable by others. */
status file_make_private_folder(const char *path);

/* Try to take the advisory lock on `path` (made when missing) without waiting: OK with an open
   descriptor in `*fd`, E_REFUSED while another process or descriptor has it, E_IO. The kernel gives
   it back when the descriptor is closed, also by the death of the process. */
status file_try_lock(const char *path, int *fd);
void file_unlock(int fd);

#endif

/*
 * One fetch for all processes of the host: the pattern behind tokens and discovery.
 *
 * A value lives in memory, in a small private file, and at a distant service. Whoever needs it
 * takes the advisory lock beside the file, reads the file, and only then asks the service: of all
 * reactors and processes one asks, and the others read what it wrote. Nothing here blocks: a lock
 * that another has is tried again every 20 ms, and the file is looked at meanwhile. A holder that
 * dies gives its lock back through the kernel; after one that hangs for longer than a fetch may
 * last, the next fetches without the lock.
 *
 * The file is a convenience: missing, damaged, foreign, or on a full disk, it costs a warning and
 * a fetch, never an answer. What the value means (how old is too old, what failed and when) is
 * known to the owner alone.
 */
#ifndef CORELAY_AICORE_SHARED_FETCH_H
#define CORELAY_AICORE_SHARED_FETCH_H

#include <stdbool.h>
#include <sys/stat.h>

#include "base/arena.h"
#include "base/status.h"
#include "base/str.h"
#include "http/reactor.h"

/* What the owner of a value does; `owner` is its own pointer. */
struct shared_fetch_kind {
    const char *what; /* for the log: "token" */
    size_t ceiling;   /* of the file, in bytes */
    bool secret;      /* wipe what was read */

    /* The file is new: take over what is better than what memory has. E_SYNTAX when it is damaged.
     */
    status (*take)(void *owner, struct str content);
    /* Must the service be asked, as memory stands now? */
    bool (*wanted)(void *owner);
    /* Does somebody wait for it, or is it a refresh behind the scenes? */
    bool (*pressing)(void *owner);
    /* Ask the service; ends with shared_fetch_finish, but not from within. */
    void (*start)(void *owner);
    /* The service need not be asked: memory has what there is. Answer whoever waits. */
    void (*settle)(void *owner);
};

enum shared_fetch_state { SHARED_FETCH_IDLE, SHARED_FETCH_WAITING, SHARED_FETCH_RUNNING };

struct shared_fetch {
    struct reactor *reactor;
    const struct shared_fetch_kind *kind;
    void *owner;
    const char *folder, *path, *lock_path; /* NULL: memory alone */
    int64_t limit_ms;                      /* how long a fetch may last */

    enum shared_fetch_state state;
    int lock_fd;
    struct timer timer;
    int64_t takeover_ms, warned_ms;
    struct stat seen; /* the file as it was last read */
};

/* Make ready a zeroed `f` for the file `folder`/`name`.json and the lock beside it. `folder` may be
   NULL and must outlive it; paths live in `arena`. E_NOMEM. */
status shared_fetch_open(struct shared_fetch *f, struct reactor *reactor, struct arena *arena,
                         const char *folder, const char *name, const struct shared_fetch_kind *kind,
                         void *owner, int64_t limit_ms);
/* The owner has ended its call to the service before. */
void shared_fetch_close(struct shared_fetch *f);

/* Read the file if it has changed since it was last read. */
void shared_fetch_look(struct shared_fetch *f);

/* Set the machinery going after `delay_ms`, if it is idle: it ends with start() or settle(), never
   from within this call. E_NOMEM. */
status shared_fetch_begin(struct shared_fetch *f, int64_t delay_ms);

/* The service has been asked, with or without success: write the file (unless `content` is unset),
   let the others go on. The machinery is idle afterwards. */
void shared_fetch_finish(struct shared_fetch *f, struct str content);

/* A folder that files may be kept in: `path`, or NULL with a warning. `what` is for the log. */
const char *shared_fetch_folder(const char *path, const char *what);

/* A random duration below `below_ms`. */
int64_t shared_fetch_jitter(int64_t below_ms);

#endif

/* Memory, file, lock, service: one fetch for all processes. */
#include "aicore/shared_fetch.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/crypto.h"
#include "base/file.h"
#include "base/log.h"

enum {
    POLL_MS = 20,
    IDLE_POLL_MS = 250, /* nobody waits for it */
    TAKEOVER_MARGIN_MS = 2000,
    TAKEOVER_JITTER_MS = 1000, /* so that not all take over at once */
    WARN_EVERY_MS = 60000
};

int64_t shared_fetch_jitter(int64_t below_ms)
{
    uint32_t random;

    if (below_ms <= 0)
        return 0;
    crypto_random(&random, sizeof random);
    return (int64_t)random % below_ms;
}

const char *shared_fetch_folder(const char *path, const char *what)
{
    if (!path)
        return NULL;
    status s = file_make_private_folder(path);
    if (!s)
        return path;
    log_warning("state folder %s cannot be used (%s): every process fetches its own %s", path,
                s == E_REFUSED ? "it is not ours alone" : strerror(errno), what);
    return NULL;
}

status shared_fetch_open(struct shared_fetch *f, struct reactor *reactor, struct arena *arena,
                         const char *folder, const char *name, const struct shared_fetch_kind *kind,
                         void *owner, int64_t limit_ms)
{
    *f = (struct shared_fetch){.reactor = reactor,
                               .kind = kind,
                               .owner = owner,
                               .limit_ms = limit_ms,
                               .lock_fd = -1,
                               .warned_ms = -WARN_EVERY_MS};
    if (!folder)
        return OK;
    f->folder = folder;
    f->path = arena_printf(arena, "%s/%s.json", folder, name).p;
    f->lock_path = arena_printf(arena, "%s/%s.lock", folder, name).p;
    return f->path && f->lock_path ? OK : E_NOMEM;
}

static void unlock(struct shared_fetch *f)
{
    file_unlock(f->lock_fd);
    f->lock_fd = -1;
}

void shared_fetch_close(struct shared_fetch *f)
{
    timer_clear(f->reactor, &f->timer);
    unlock(f);
    f->state = SHARED_FETCH_IDLE;
}

static void warn(struct shared_fetch *f, const char *path, const char *trouble)
{
    int64_t now = clock_ms();

    if (now - f->warned_ms < WARN_EVERY_MS)
        return;
    f->warned_ms = now;
    log_warning("%s file %s %s; going on without it", f->kind->what, path, trouble);
}

static bool same_file(const struct stat *a, const struct stat *b)
{
    return a->st_ino == b->st_ino && a->st_dev == b->st_dev && a->st_size == b->st_size &&
           a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec &&
           a->st_ctim.tv_sec == b->st_ctim.tv_sec && a->st_ctim.tv_nsec == b->st_ctim.tv_nsec;
}

static void read_file(struct shared_fetch *f)
{
    struct buf content = {.ceiling = f->kind->ceiling};
    const char *why = NULL;

    if (f->kind->secret) /* growing would leave copies behind */
        buf_reserve(&content, f->kind->ceiling);
    status s = file_read_private(f->path, &content, &why);
    if (s == E_LIMIT)
        why = "is too large";
    else if (s && s != E_NOT_FOUND && !why)
        why = "cannot be read";
    if (!s && f->kind->take(f->owner, buf_str(&content)) != OK)
        why = "is damaged";
    if (why)
        warn(f, f->path, why);
    if (f->kind->secret && content.p)
        crypto_wipe(content.p, content.cap);
    buf_free(&content);
}

void shared_fetch_look(struct shared_fetch *f)
{
    struct stat now;

    if (!f->path || lstat(f->path, &now) < 0 || same_file(&now, &f->seen))
        return;
    f->seen = now;
    read_file(f);
}

/* As file_try_lock; the folder is made again if somebody has swept it away. */
static status try_lock(struct shared_fetch *f)
{
    status s = file_try_lock(f->lock_path, &f->lock_fd);

    if (s == E_IO && errno == ENOENT && file_make_private_folder(f->folder) == OK)
        s = file_try_lock(f->lock_path, &f->lock_fd);
    if (s == E_IO)
        warn(f, f->lock_path, strerror(errno));
    return s;
}

static void step(void *arg)
{
    struct shared_fetch *f = arg;
    status locked = f->lock_path ? try_lock(f) : OK;

    shared_fetch_look(f);
    if (!f->kind->wanted(f->owner)) {
        unlock(f);
        f->state = SHARED_FETCH_IDLE;
        f->kind->settle(f->owner);
        return;
    }
    if (locked == E_REFUSED && clock_ms() < f->takeover_ms) {
        int64_t pause = f->kind->pressing(f->owner) ? POLL_MS : IDLE_POLL_MS;
        if (timer_set(f->reactor, &f->timer, pause, step, f) == OK)
            return;
    }
    if (locked == E_REFUSED)
        log_warning("%s: another process has held %s for too long; fetching without it",
                    f->kind->what, f->lock_path);
    f->state = SHARED_FETCH_RUNNING;
    f->kind->start(f->owner);
}

status shared_fetch_begin(struct shared_fetch *f, int64_t delay_ms)
{
    if (f->state != SHARED_FETCH_IDLE)
        return OK;
    status s = timer_set(f->reactor, &f->timer, delay_ms, step, f);
    if (s)
        return s;
    f->state = SHARED_FETCH_WAITING;
    f->takeover_ms = clock_ms() + delay_ms + f->limit_ms + TAKEOVER_MARGIN_MS +
                     shared_fetch_jitter(TAKEOVER_JITTER_MS);
    return OK;
}

void shared_fetch_finish(struct shared_fetch *f, struct str content)
{
    if (f->path && content.p) {
        if (file_write_private(f->path, content) != OK)
            warn(f, f->path, strerror(errno));
        else if (lstat(f->path, &f->seen) < 0)
            f->seen = (struct stat){0};
    }
    unlock(f);
    f->state = SHARED_FETCH_IDLE;
}

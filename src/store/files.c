/* Bounded folders of private files. */
#include "store/files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/crypto.h"
#include "base/file.h"
#include "base/log.h"

#define SWEPT "swept" /* a file whose time says when somebody last looked */

enum {
    SHARE = 16,              /* of the bounds: after so much is written it is time to look */
    LOOK_EVERY_S = 10 * 60,  /* or after so long */
    LEFTOVER_AGE_S = 60 * 60 /* a writer was killed before its rename */
};

/* --- names --------------------------------------------------------------------------------------- */

static bool path_of(const struct store_files *f, const char *file, char out[PATH_MAX])
{
    int n = snprintf(out, PATH_MAX, "%s/%s", f->folder, file);
    return n > 0 && n < PATH_MAX;
}

static bool path_of_name(const struct store_files *f, struct str name, char out[PATH_MAX])
{
    uint8_t digest[SHA256_BYTES];
    char file[SHA256_HEX_BYTES + sizeof ".json"];

    if (!f->folder)
        return false;
    crypto_sha256(name, digest);
    crypto_hex(digest, sizeof digest, file);
    strcat(file, ".json");
    return path_of(f, file, out);
}

/* <hash>.json, or the same with a suffix. */
static bool is_ours(const char *file, bool *leftover)
{
    size_t hash = SHA256_HEX_BYTES - 1;

    if (strspn(file, "0123456789abcdef") != hash || strncmp(file + hash, ".json", 5) != 0)
        return false;
    *leftover = file[hash + 5] == '.';
    return *leftover || !file[hash + 5];
}

status store_files_open(struct store_files *f, struct arena *arena, const char *state_dir,
                        const char *name, struct store_bounds bounds)
{
    *f = (struct store_files){.bounds = bounds};
    if (!state_dir)
        return OK;
    struct str folder = arena_printf(arena, "%s/%s", state_dir, name);
    if (!folder.p)
        return E_NOMEM;
    status s = file_make_private_folder(state_dir);
    if (!s)
        s = file_make_private_folder(folder.p);
    if (!s)
        f->folder = folder.p;
    else
        log_warning("state folder %s cannot be used (%s): nothing is remembered there", folder.p,
                    s == E_REFUSED ? "it is not ours alone" : strerror(errno));
    return OK;
}

/* --- one file ------------------------------------------------------------------------------------ */

void store_files_warn(const struct store_files *f, struct str name, const char *problem)
{
    char path[PATH_MAX];

    if (path_of_name(f, name, path))
        log_warning("%s: %s; it is treated as if it were not there", path, problem);
}

static bool is_old(const struct store_files *f, const struct stat *st)
{
    return st->st_mtime < clock_wall_s() - f->bounds.age_s;
}

status store_files_read(const struct store_files *f, struct str name, struct buf *out)
{
    char path[PATH_MAX];
    struct stat st;
    const char *why = NULL;

    if (!path_of_name(f, name, path))
        return E_NOT_FOUND;
    if (lstat(path, &st) < 0 || is_old(f, &st))
        return E_NOT_FOUND;
    out->ceiling = (size_t)f->bounds.bytes;
    status s = file_read_private(path, out, &why);
    if (s && s != E_NOT_FOUND)
        store_files_warn(f, name, why ? why : s == E_LIMIT ? "is too large" : "cannot be read");
    return s;
}

static bool time_to_look(const struct store_files *f)
{
    char path[PATH_MAX];
    struct stat st;

    if (f->written * SHARE > f->bounds.count || f->written_bytes > f->bounds.bytes / SHARE)
        return true;
    if (!path_of(f, SWEPT, path))
        return false;
    return lstat(path, &st) < 0 || st.st_mtime < clock_wall_s() - LOOK_EVERY_S;
}

status store_files_write(struct store_files *f, struct str name, struct str content)
{
    char path[PATH_MAX];

    if (!path_of_name(f, name, path))
        return E_IO;
    if (content.n > (size_t)f->bounds.bytes)
        return E_LIMIT;
    status s = file_write_private(path, content);
    if (s)
        return s;
    f->written++;
    f->written_bytes += (int64_t)content.n;
    if (time_to_look(f))
        store_files_sweep(f);
    return OK;
}

void store_files_touch(const struct store_files *f, struct str name)
{
    char path[PATH_MAX];

    if (path_of_name(f, name, path))
        utimensat(AT_FDCWD, path, NULL, AT_SYMLINK_NOFOLLOW);
}

status store_files_remove(const struct store_files *f, struct str name)
{
    char path[PATH_MAX];

    if (!path_of_name(f, name, path))
        return E_NOT_FOUND;
    if (unlink(path) == 0)
        return OK;
    return errno == ENOENT ? E_NOT_FOUND : E_IO;
}

/* --- sweeping ------------------------------------------------------------------------------------ */

struct found {
    char *file;
    struct timespec written;
    int64_t bytes;
};

struct sweep {
    const struct store_files *f;
    struct found *all;
    size_t count, room;
    int64_t bytes;
};

static void take_away(const struct store_files *f, const char *file)
{
    char path[PATH_MAX];

    if (path_of(f, file, path))
        unlink(path);
}

static bool note(struct sweep *s, const char *file, const struct stat *st)
{
    if (s->count == s->room) {
        size_t room = s->room ? 2 * s->room : 256;
        struct found *all = realloc(s->all, room * sizeof *all);
        if (!all)
            return false;
        s->all = all;
        s->room = room;
    }
    s->all[s->count] = (struct found){strdup(file), st->st_mtim, st->st_size};
    if (!s->all[s->count].file)
        return false;
    s->count++;
    s->bytes += st->st_size;
    return true;
}

/* Too old at once, the others are noted. False: out of memory. */
static bool look_at(struct sweep *s, int dir, const char *file)
{
    bool leftover;
    struct stat st;

    if (!is_ours(file, &leftover) || fstatat(dir, file, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return true;
    if (is_old(s->f, &st) || (leftover && st.st_mtime < clock_wall_s() - LEFTOVER_AGE_S))
        take_away(s->f, file);
    else if (!leftover)
        return note(s, file, &st);
    return true;
}

static int older_first(const void *a, const void *b)
{
    const struct timespec *x = &((const struct found *)a)->written;
    const struct timespec *y = &((const struct found *)b)->written;

    if (x->tv_sec != y->tv_sec)
        return x->tv_sec < y->tv_sec ? -1 : 1;
    return (x->tv_nsec > y->tv_nsec) - (x->tv_nsec < y->tv_nsec);
}

/* Down to a little below the bounds, so that the next write does not have to look again. */
static void take_oldest(struct sweep *s)
{
    size_t keep = s->f->bounds.count - s->f->bounds.count / SHARE;
    int64_t keep_bytes = s->f->bounds.bytes - s->f->bounds.bytes / SHARE;
    size_t left = s->count;

    if (s->count <= s->f->bounds.count && s->bytes <= s->f->bounds.bytes)
        return;
    qsort(s->all, s->count, sizeof *s->all, older_first);
    for (size_t i = 0; i + 1 < s->count && (left > keep || s->bytes > keep_bytes); i++, left--) {
        take_away(s->f, s->all[i].file);
        s->bytes -= s->all[i].bytes;
    }
}

/* So that other processes need not look at once, too. */
static void mark_swept(const struct store_files *f)
{
    char path[PATH_MAX];

    if (path_of(f, SWEPT, path))
        file_write_private(path, STR_NONE);
}

void store_files_sweep(struct store_files *f)
{
    struct sweep s = {.f = f};
    DIR *dir = f->folder ? opendir(f->folder) : NULL;
    bool good = dir != NULL;

    f->written = 0;
    f->written_bytes = 0;
    while (good) {
        const struct dirent *e = readdir(dir);
        if (!e)
            break;
        good = look_at(&s, dirfd(dir), e->d_name);
    }
    if (good) {
        take_oldest(&s);
        mark_swept(f);
    }
    for (size_t i = 0; i < s.count; i++)
        free(s.all[i].file);
    free(s.all);
    if (dir)
        closedir(dir);
}

/* Files: whole reads, atomic writes, advisory locks. */
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* All at once, so that no copy of a secret stays behind where the buffer had to grow. */
static void reserve_size(int fd, struct buf *out)
{
    struct stat st;
    size_t room = out->ceiling ? out->ceiling - out->n : SIZE_MAX;

    if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
        return;
    buf_reserve(out, (uintmax_t)st.st_size < room ? (size_t)st.st_size + 1 : room);
}

static status read_all(int fd, struct buf *out)
{
    reserve_size(fd, out);
    for (;;) {
        char beyond;
        bool full = out->ceiling && out->n >= out->ceiling;
        if (!full && !buf_reserve(out, 1))
            return E_NOMEM;
        ssize_t n = full ? read(fd, &beyond, 1) : read(fd, out->p + out->n, out->cap - out->n);
        if (n == 0)
            return OK;
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return E_IO;
        if (full)
            return E_LIMIT;
        out->n += (size_t)n;
    }
}

status file_read(const char *path, struct buf *out)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT ? E_NOT_FOUND : E_IO;
    status s = read_all(fd, out);
    close(fd);
    return s;
}

static const char *offence(const struct stat *st)
{
    if (!S_ISREG(st->st_mode))
        return "is not a regular file";
    if (st->st_uid != geteuid())
        return "belongs to another user";
    if (st->st_mode & 077)
        return "can be read or written by others";
    return NULL;
}

status file_read_private(const char *path, struct buf *out, const char **why)
{
    const char *unused;
    struct stat st;
    /* O_NONBLOCK: a FIFO in the place of the file must not stop us */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);

    if (!why)
        why = &unused;
    *why = NULL;
    if (fd < 0 && errno == ENOENT)
        return E_NOT_FOUND;
    if (fd < 0) {
        *why = "cannot be opened";
        return E_IO;
    }
    status s = OK;
    if (fstat(fd, &st) < 0)
        s = E_IO;
    else if ((*why = offence(&st)) != NULL)
        s = E_REFUSED;
    else
        s = read_all(fd, out);
    close(fd);
    return s;
}

static status write_all(int fd, struct str content)
{
    while (content.n) {
        ssize_t n = write(fd, content.p, content.n);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return E_IO;
        content.p += n;
        content.n -= (size_t)n;
    }
    return OK;
}

status file_write_private(const char *path, struct str content)
{
    char aside[PATH_MAX];
    int length = snprintf(aside, sizeof aside, "%s.XXXXXX", path);

    if (length < 0 || (size_t)length >= sizeof aside) {
        errno = ENAMETOOLONG;
        return E_IO;
    }
    int fd = mkostemp(aside, O_CLOEXEC); /* 0600 by definition */
    if (fd < 0)
        return E_IO;
    status s = write_all(fd, content);
    if (close(fd) < 0)
        s = E_IO;
    if (!s && rename(aside, path) < 0)
        s = E_IO;
    if (s) {
        int saved = errno;
        unlink(aside);
        errno = saved;
    }
    return s;
}

static status make_parents(char *path)
{
    for (char *p = path + 1; *p; p++) {
        if (*p != '/')
            continue;
        *p = '\0';
        int failed = mkdir(path, 0755) < 0 && errno != EEXIST;
        *p = '/';
        if (failed)
            return E_IO;
    }
    return OK;
}

status file_make_private_folder(const char *path)
{
    char copy[PATH_MAX];
    struct stat st;
    size_t n = strlen(path);

    if (n >= sizeof copy)
        return E_LIMIT;
    memcpy(copy, path, n + 1);
    while (n > 1 && copy[n - 1] == '/')
        copy[--n] = '\0';
    if (stat(copy, &st) < 0) {
        status s = n ? make_parents(copy) : E_IO;
        if (s)
            return s;
        if (mkdir(copy, 0700) < 0 && errno != EEXIST)
            return E_IO;
        if (stat(copy, &st) < 0)
            return E_IO;
    }
    if (!S_ISDIR(st.st_mode) || st.st_uid != geteuid() || (st.st_mode & 022))
        return E_REFUSED;
    return OK;
}

status file_try_lock(const char *path, int *fd)
{
    *fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (*fd < 0)
        return E_IO;
    if (flock(*fd, LOCK_EX | LOCK_NB) == 0)
        return OK;
    status s = errno == EWOULDBLOCK ? E_REFUSED : E_IO;
    close(*fd);
    *fd = -1;
    return s;
}

void file_unlock(int fd)
{
    if (fd >= 0)
        close(fd);
}

/*
 * The scoreboard's file and its mapping.
 *
 * A seat is a byte of the file under an open file description lock (F_OFD_SETLK): the kernel gives it
 * back at the death of its holder, however that came, and pids that are used again, or mean something
 * else in another container, do not matter.
 */
#include "route/scoreboard_map.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/sandbox.h"

enum { VERSION = 4, BOOT_ID_BYTES = 64, MAPS_MAX = 256 };

static const char magic[8] = "corelayS";

struct board_header {
    char magic[8];
    uint32_t version, unused;
    uint32_t targets, seats;
    uint64_t bytes;
    uint64_t boot; /* times in rows mean nothing after another boot */
    int64_t made_ms;
    uint64_t mark; /* over all that stands before it */
};

_Static_assert(sizeof(struct board_header) % 8 == 0, "rows must be aligned");
_Static_assert(sizeof(struct board_target) % 8 == 0, "rows must be aligned");
_Static_assert(sizeof(struct board_domain) % 8 == 0, "rows must be aligned");

/* --- a file that is cut while it is mapped --------------------------------------------------- */

/* Touching a page beyond the end of a file is SIGBUS. Whoever can write here may as well take the
   tokens, but a careless hand (a full restore, "cp" over it) must not end all responders. */
static struct {
    _Atomic uintptr_t base;
    _Atomic size_t bytes;
} mapped[MAPS_MAX];

/* Put zeros in the place of what is missing; the next tending makes a new file. */
static void on_bus_error(int sig, siginfo_t *info, void *unused)
{
    uintptr_t at = (uintptr_t)info->si_addr & ~((uintptr_t)sysconf(_SC_PAGESIZE) - 1);

    (void)unused;
    for (int i = 0; i < MAPS_MAX; i++) {
        uintptr_t base = atomic_load(&mapped[i].base);
        size_t bytes = atomic_load(&mapped[i].bytes);
        if (!base || at < base || at - base >= bytes)
            continue;
        int saved = errno;
        void *p = mmap((void *)at, base + bytes - at, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
        errno = saved;
        if (p != MAP_FAILED)
            return;
    }
    signal(sig, SIG_DFL); /* not ours: it happens again, and ends us as it would have */
}

static void guard(const struct board_map *map)
{
    struct sigaction action = {.sa_sigaction = on_bus_error, .sa_flags = SA_SIGINFO};

    for (int i = 0; i < MAPS_MAX; i++) {
        uintptr_t none = 0;
        if (!atomic_compare_exchange_strong(&mapped[i].base, &none, (uintptr_t)map->base))
            continue;
        atomic_store(&mapped[i].bytes, map->bytes);
        sigemptyset(&action.sa_mask);
        sigaction(SIGBUS, &action, NULL);
        return;
    }
}

static void unguard(const struct board_map *map)
{
    for (int i = 0; i < MAPS_MAX; i++) {
        if (atomic_load(&mapped[i].base) != (uintptr_t)map->base)
            continue;
        atomic_store(&mapped[i].bytes, 0);
        atomic_store(&mapped[i].base, 0);
        return;
    }
}

/* --- layout ---------------------------------------------------------------------------------- */

/* 0 where there is no such thing: then each process relies on its bounds. */
static uint64_t boot_id(void)
{
    struct buf text = {.ceiling = BOOT_ID_BYTES};
    uint64_t id = 0;

    if (file_read("/proc/sys/kernel/random/boot_id", &text) == OK)
        id = hash_end(hash_add(HASH_BEGIN, buf_str(&text)));
    buf_free(&text);
    return id;
}

static size_t bytes_for(unsigned targets, unsigned seats)
{
    return sizeof(struct board_header) + sizeof(struct board_common) +
           (size_t)seats * sizeof(struct board_seat) +
           (size_t)targets * (sizeof(struct board_target) + sizeof(struct board_domain)) +
           (size_t)targets * seats * sizeof(uint32_t);
}

static void lay_out(struct board_map *map)
{
    char *p = map->base + sizeof(struct board_header);

    map->common = (struct board_common *)(void *)p;
    p += sizeof *map->common;
    map->seat_rows = (struct board_seat *)(void *)p;
    p += map->seats * sizeof *map->seat_rows;
    map->target_rows = (struct board_target *)(void *)p;
    p += map->targets * sizeof *map->target_rows;
    map->domain_rows = (struct board_domain *)(void *)p;
    p += map->targets * sizeof *map->domain_rows;
    map->cells = (_Atomic uint32_t *)(void *)p;
}

static uint64_t mark_of(const struct board_header *h)
{
    struct str before = {(const char *)h, offsetof(struct board_header, mark)};
    return hash_end(hash_add(HASH_BEGIN, before));
}

static void describe(unsigned targets, unsigned seats, struct board_header *h)
{
    *h = (struct board_header){.version = VERSION,
                               .targets = targets,
                               .seats = seats,
                               .bytes = bytes_for(targets, seats),
                               .boot = boot_id(),
                               .made_ms = clock_ms()};
    memcpy(h->magic, magic, sizeof magic);
    h->mark = mark_of(h);
}

static bool header_is_good(const struct board_header *h, off_t size)
{
    return memcmp(h->magic, magic, sizeof magic) == 0 && h->version == VERSION &&
           h->mark == mark_of(h) && h->targets >= BOARD_TARGETS_MIN &&
           h->targets <= BOARD_TARGETS_MAX && h->seats >= BOARD_SEATS_MIN &&
           h->seats <= BOARD_SEATS_MAX && h->bytes == bytes_for(h->targets, h->seats) &&
           (off_t)h->bytes == size && h->boot == boot_id();
}

/* --- opening and making ---------------------------------------------------------------------- */

static struct board_map *map_new(unsigned targets, unsigned seats, int fd)
{
    struct board_map *map = calloc(1, sizeof *map);
    void *base = MAP_FAILED;
    size_t bytes = bytes_for(targets, seats);

    if (map)
        base = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
                    fd < 0 ? MAP_PRIVATE | MAP_ANONYMOUS : MAP_SHARED, fd, 0);
    if (base == MAP_FAILED) {
        free(map);
        return NULL;
    }
    *map = (struct board_map){.base = base,
                              .bytes = bytes,
                              .fd = fd,
                              .targets = targets,
                              .seats = seats,
                              .seat = -1,
                              .holds = 1,
                              .made_ms = clock_ms()};
    lay_out(map);
    return map;
}

struct board_map *board_map_memory(unsigned targets)
{
    struct board_map *map = map_new(targets, 1, -1);

    if (map)
        map->seat = 0;
    return map;
}

static status check_file(int fd, bool any_owner, struct stat *st, struct board_header *h)
{
    if (fstat(fd, st) < 0)
        return E_IO;
    if (!S_ISREG(st->st_mode) || (st->st_uid != geteuid() && !any_owner) || (st->st_mode & 077))
        return E_REFUSED;
    ssize_t n = pread(fd, h, sizeof *h, 0);
    if (n < 0)
        return E_IO;
    return n == (ssize_t)sizeof *h && header_is_good(h, st->st_size) ? OK : E_SYNTAX;
}

status board_map_open(const char *path, bool any_owner, struct board_map **out)
{
    struct stat st;
    struct board_header header;
    /* O_NONBLOCK: a FIFO in the place of the file must not stop us */
    int fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);

    *out = NULL;
    if (fd < 0)
        return errno == ENOENT ? E_NOT_FOUND : E_IO;
    status s = check_file(fd, any_owner, &st, &header);
    if (!s) {
        *out = map_new(header.targets, header.seats, fd);
        s = *out ? OK : E_NOMEM;
    }
    if (s) {
        close(fd);
        return s;
    }
    (*out)->device = st.st_dev;
    (*out)->inode = st.st_ino;
    (*out)->made_ms = header.made_ms;
    guard(*out);
    return OK;
}

/* All of it is allocated: a hole that the disk has no room for would be SIGBUS later. */
static status fill_file(int fd, unsigned targets, unsigned seats)
{
    struct board_header header;

    describe(targets, seats, &header);
    int failed = posix_fallocate(fd, 0, (off_t)header.bytes);
    if (failed) {
        errno = failed;
        return E_IO;
    }
    return pwrite(fd, &header, sizeof header, 0) == (ssize_t)sizeof header ? OK : E_IO;
}

status board_map_make(const char *path, unsigned targets, unsigned seats)
{
    char aside[PATH_MAX];

    if (snprintf(aside, sizeof aside, "%s.XXXXXX", path) >= (int)sizeof aside) {
        errno = ENAMETOOLONG;
        return E_IO;
    }
    int fd = mkostemp(aside, O_CLOEXEC); /* 0600 by definition */
    if (fd < 0)
        return E_IO;
    status s = fill_file(fd, targets, seats);
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

bool board_map_is_current(const struct board_map *map, const char *path)
{
    struct stat st;
    struct board_header header;

    if (lstat(path, &st) < 0 || st.st_dev != map->device || st.st_ino != map->inode)
        return false;
    return check_file(map->fd, true, &st, &header) == OK && header.targets == map->targets &&
           header.seats == map->seats;
}

void board_map_release(struct board_map *map)
{
    if (!map || --map->holds > 0)
        return;
    if (map->fd >= 0) {
        unguard(map);
        if (map->seat >= 0)
            atomic_store(&map->seat_rows[map->seat].pid, 0);
        close(map->fd); /* and with it goes the lock */
    }
    munmap(map->base, map->bytes);
    free(map);
}

/* --- seats ----------------------------------------------------------------------------------- */

static bool lock_seat(const struct board_map *map, unsigned seat, short type)
{
    struct flock lock = {.l_type = type, .l_whence = SEEK_SET, .l_start = (off_t)seat, .l_len = 1};

    return fcntl(map->fd, F_OFD_SETLK, &lock) == 0;
}

/* Whoever has the seat's lock may do so. Nothing is in flight at targets that nobody knows; their cells
   are most of the file, and reading them would make them a part of this process's memory. */
static void clear_seat(struct board_map *map, unsigned seat)
{
    for (unsigned t = 0; t < map->targets; t++)
        if (atomic_load(&map->target_rows[t].row.key) &&
            atomic_load_explicit(&map->cells[(size_t)t * map->seats + seat], memory_order_relaxed))
            atomic_store_explicit(&map->cells[(size_t)t * map->seats + seat], 0,
                                  memory_order_relaxed);
    atomic_store(&map->seat_rows[seat].pid, 0);
}

static bool take_seat(struct board_map *map, unsigned seat)
{
    if (!lock_seat(map, seat, F_WRLCK))
        return false;
    clear_seat(map, seat);
    atomic_store(&map->seat_rows[seat].since_s, clock_wall_s());
    atomic_store(&map->seat_rows[seat].sandbox, sandbox_parts());
    atomic_store(&map->seat_rows[seat].pid, (uint32_t)getpid());
    map->seat = (int)seat;
    return true;
}

bool board_map_sit(struct board_map *map)
{
    if (map->seat >= 0)
        return true;
    for (unsigned i = 0; i < map->seats; i++)
        if (!atomic_load(&map->seat_rows[i].pid) && take_seat(map, i))
            return true;
    for (unsigned i = 0; i < map->seats; i++)
        if (take_seat(map, i))
            return true;
    return false;
}

void board_map_sweep(struct board_map *map)
{
    if (map->fd < 0)
        return;
    for (unsigned i = 0; i < map->seats; i++) {
        if ((int)i == map->seat || !atomic_load(&map->seat_rows[i].pid) ||
            !lock_seat(map, i, F_WRLCK))
            continue;
        clear_seat(map, i);
        lock_seat(map, i, F_UNLCK);
    }
}

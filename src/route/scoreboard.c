/* The scoreboard: rows, scores, and what is shown of them. */
#include "route/scoreboard.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/log.h"
#include "route/scoreboard_map.h"

enum {
    PROBES = 64, /* rows that are looked at for a key */
    TEND_MS = 1000,
    TRY_FILE_MS = 60 * 1000,        /* after the file could not be had */
    RENEW_FULL_MS = 60 * 60 * 1000, /* a full one that is older is made anew */
    MINUTE_MS = 60 * 1000
};

struct scoreboard {
    struct board_map *map;
    char *path; /* NULL: memory alone */
    unsigned targets, seats, holds;
    int64_t tended_ms, tried_ms;
    bool full, no_seat_told;
};

/* --- opening --------------------------------------------------------------------------------- */

static unsigned bounded(unsigned n, unsigned low, unsigned high)
{
    return n < low ? low : n > high ? high : n;
}

/* The file, made when it is missing or no good. */
static status reach_file(struct scoreboard *b, struct board_map **out)
{
    status s = board_map_open(b->path, false, out);

    if (!s && ((*out)->targets != b->targets || (*out)->seats != b->seats)) {
        board_map_release(*out);
        s = E_NOT_FOUND; /* the size was set anew */
    }
    if (!s)
        return OK;
    if (s != E_NOT_FOUND)
        log_warning("scoreboard %s cannot be used (%s) and is made anew", b->path, status_text(s));
    s = board_map_make(b->path, b->targets, b->seats);
    return s ? s : board_map_open(b->path, false, out);
}

static struct board_map *reach_map(struct scoreboard *b)
{
    struct board_map *map = NULL;

    b->tried_ms = clock_ms();
    status s = b->path ? reach_file(b, &map) : E_NOT_FOUND;
    if (s && b->path)
        log_warning("no scoreboard at %s (%s): health and balance are not shared with other "
                    "processes",
                    b->path, s == E_IO ? strerror(errno) : status_text(s));
    if (!map)
        map = board_map_memory(b->targets);
    if (map && !board_map_sit(map) && !b->no_seat_told) {
        b->no_seat_told = true;
        log_warning("scoreboard %s has no seat left: what this process has in flight is not "
                    "counted; raise scoreboard.processes",
                    b->path);
    }
    return map;
}

static char *path_in(const char *folder)
{
    char path[PATH_MAX];
    int n = snprintf(path, sizeof path, "%s/scoreboard", folder);

    return n < (int)sizeof path ? strdup(path) : NULL;
}

struct scoreboard *scoreboard_open(const struct scoreboard_settings *settings)
{
    struct scoreboard *b = calloc(1, sizeof *b);

    if (!b)
        return NULL;
    b->holds = 1;
    b->path = settings->folder ? path_in(settings->folder) : NULL;
    b->targets = bounded(settings->targets, BOARD_TARGETS_MIN, BOARD_TARGETS_MAX);
    b->seats = bounded(settings->seats, BOARD_SEATS_MIN, BOARD_SEATS_MAX);
    b->map = reach_map(b);
    if (!b->map) {
        scoreboard_close(b);
        return NULL;
    }
    return b;
}

struct scoreboard *scoreboard_hold(struct scoreboard *b)
{
    b->holds++;
    return b;
}

bool scoreboard_fits(const struct scoreboard *b, const struct scoreboard_settings *settings)
{
    char *path = settings->folder ? path_in(settings->folder) : NULL;
    bool same = settings->folder ? path && b->path && strcmp(path, b->path) == 0 : !b->path;

    free(path);
    return same && b->targets == bounded(settings->targets, BOARD_TARGETS_MIN, BOARD_TARGETS_MAX) &&
           b->seats == bounded(settings->seats, BOARD_SEATS_MIN, BOARD_SEATS_MAX);
}

void scoreboard_close(struct scoreboard *b)
{
    if (!b || (b->holds && --b->holds))
        return;
    board_map_release(b->map);
    free(b->path);
    free(b);
}

status scoreboard_look(const char *folder, struct scoreboard **out)
{
    struct scoreboard *b = calloc(1, sizeof *b);
    status s = b && (b->path = path_in(folder)) ? OK : E_NOMEM;

    *out = NULL;
    if (!s)
        s = board_map_open(b->path, true, &b->map);
    if (s)
        scoreboard_close(b);
    else
        board_map_sweep(b->map); /* so that the dead are not shown */
    if (!s)
        *out = b;
    return s;
}

/* --- tending --------------------------------------------------------------------------------- */

static void move_to(struct scoreboard *b, struct board_map *map)
{
    if (!map)
        return;
    board_map_release(b->map); /* scores that were begun on it keep it */
    b->map = map;
    b->full = false;
}

static void follow(struct scoreboard *b, int64_t now)
{
    bool current = b->map->fd >= 0 && board_map_is_current(b->map, b->path);

    if (b->map->fd < 0 && now - b->tried_ms < TRY_FILE_MS)
        return;
    if (current && b->full && now - b->map->made_ms > RENEW_FULL_MS) {
        log_info("scoreboard %s is full of old rows and is made anew", b->path);
        current = board_map_make(b->path, b->targets, b->seats) != OK;
    }
    if (!current)
        move_to(b, reach_map(b));
}

void scoreboard_tend(struct scoreboard *b)
{
    int64_t now = clock_ms();

    if (now - b->tended_ms < TEND_MS)
        return;
    b->tended_ms = now;
    if (b->path)
        follow(b, now);
    board_map_sweep(b->map);
}

bool scoreboard_is_shared(const struct scoreboard *b)
{
    return b->map->fd >= 0;
}

/* --- rows ------------------------------------------------------------------------------------ */

/* Whoever finds no label writes it: its first owner may have died before. All write the same. */
static void write_label(struct board_row *row, struct str label)
{
    char text[BOARD_LABEL_BYTES] = {0};
    size_t n = label.n < sizeof text ? label.n : sizeof text;

    if (n)
        memcpy(text, label.p, n);
    for (int i = BOARD_LABEL_WORDS - 1; i >= 0; i--) { /* the first word says that it is written */
        uint64_t word;
        memcpy(&word, text + i * 8, sizeof word);
        atomic_store_explicit(&row->label[i], word, memory_order_relaxed);
    }
}

static bool claim(struct board_row *row, uint64_t key)
{
    uint64_t found = atomic_load_explicit(&row->key, memory_order_acquire);

    if (found == 0 && atomic_compare_exchange_strong(&row->key, &found, key))
        return true;
    return found == key;
}

/* The row of a key in a table of `count` rows of `size` bytes: open addressing. */
static struct board_row *find_row(struct scoreboard *b, void *table, size_t size, uint64_t key,
                                  struct str label)
{
    unsigned count = b->map->targets;

    for (unsigned i = 0; i < PROBES && i < count; i++) {
        size_t at = (size_t)((key + i) % count);
        struct board_row *row = (struct board_row *)(void *)((char *)table + at * size);
        if (!claim(row, key))
            continue;
        if (!atomic_load_explicit(&row->label[0], memory_order_relaxed))
            write_label(row, label);
        return row;
    }
    b->full = true;
    return NULL;
}

struct board_target *scoreboard_target(struct scoreboard *b, uint64_t key, struct str label)
{
    return (struct board_target *)find_row(b, b->map->target_rows, sizeof(struct board_target), key,
                                           label);
}

struct board_target *scoreboard_key(struct scoreboard *b, const uint8_t *hash, const char *name)
{
    uint64_t key;

    memcpy(&key, hash, sizeof key);
    struct board_target *t = scoreboard_target(b, hash_end(key) | 1, str_from(name));
    if (t)
        atomic_store_explicit(&t->is_key, 1, memory_order_relaxed);
    return t;
}

struct board_domain *scoreboard_domain(struct scoreboard *b, uint64_t key, struct str label)
{
    return (struct board_domain *)find_row(b, b->map->domain_rows, sizeof(struct board_domain), key,
                                           label);
}

struct board_common *scoreboard_common(struct scoreboard *b)
{
    return b->map->common;
}

/* --- in flight ------------------------------------------------------------------------------- */

static _Atomic uint32_t *cells_of(const struct scoreboard *b, const struct board_target *t)
{
    return b->map->cells + (size_t)(t - b->map->target_rows) * b->map->seats;
}

void scoreboard_begin(struct scoreboard *b, struct board_target *t, struct board_score *out)
{
    *out = (struct board_score){0};
    if (!t || b->map->seat < 0)
        return;
    out->cell = cells_of(b, t) + b->map->seat;
    out->map = b->map;
    b->map->holds++;
    atomic_fetch_add_explicit(out->cell, 1, memory_order_relaxed);
}

void scoreboard_end(struct board_score *score)
{
    if (!score->map)
        return;
    /* nobody else writes our column, but the file may have been damaged: never below nothing */
    if (atomic_load_explicit(score->cell, memory_order_relaxed))
        atomic_fetch_sub_explicit(score->cell, 1, memory_order_relaxed);
    board_map_release(score->map);
    *score = (struct board_score){0};
}

uint32_t scoreboard_in_flight(const struct scoreboard *b, const struct board_target *t)
{
    const _Atomic uint32_t *cells = cells_of(b, t);
    uint32_t sum = 0;

    for (unsigned i = 0; i < b->map->seats; i++)
        sum += atomic_load_explicit(&cells[i], memory_order_relaxed);
    return sum;
}

/* --- windows --------------------------------------------------------------------------------- */

static uint64_t minute_of(int64_t now_ms)
{
    return (uint64_t)(now_ms / MINUTE_MS) & UINT32_MAX;
}

uint32_t board_count(board_window *w, int64_t now_ms)
{
    uint64_t minute = minute_of(now_ms), old = atomic_load_explicit(w, memory_order_relaxed), next;

    do
        next = old >> 32 == minute ? old + ((uint32_t)old != UINT32_MAX) : minute << 32 | 1;
    while (!atomic_compare_exchange_weak(w, &old, next));
    return (uint32_t)next;
}

bool board_take(board_window *w, int64_t now_ms, int64_t most)
{
    uint64_t minute = minute_of(now_ms), old = atomic_load_explicit(w, memory_order_relaxed);
    int64_t count;

    do {
        count = old >> 32 == minute ? (uint32_t)old : 0;
        if (count >= most || count == UINT32_MAX)
            return false;
    } while (!atomic_compare_exchange_weak(w, &old, minute << 32 | (uint64_t)(count + 1)));
    return true;
}

uint32_t board_counted(const board_window *w, int64_t now_ms)
{
    uint64_t value = atomic_load_explicit(w, memory_order_relaxed);

    return value >> 32 == minute_of(now_ms) ? (uint32_t)value : 0;
}

/* --- for people ------------------------------------------------------------------------------ */

static const void *row_at(const struct scoreboard *b, const void *table, size_t size, unsigned i)
{
    for (unsigned k = 0; k < b->map->targets; k++) {
        const struct board_row *row =
            (const struct board_row *)(const void *)((const char *)table + k * size);
        if (atomic_load(&row->key) && i-- == 0)
            return row;
    }
    return NULL;
}

const struct board_target *scoreboard_target_at(const struct scoreboard *b, unsigned i)
{
    return row_at(b, b->map->target_rows, sizeof(struct board_target), i);
}

const struct board_domain *scoreboard_domain_at(const struct scoreboard *b, unsigned i)
{
    return row_at(b, b->map->domain_rows, sizeof(struct board_domain), i);
}

const struct board_seat *scoreboard_seat_at(const struct scoreboard *b, unsigned i)
{
    for (unsigned k = 0; k < b->map->seats; k++)
        if (atomic_load(&b->map->seat_rows[k].pid) && i-- == 0)
            return &b->map->seat_rows[k];
    return NULL;
}

struct str board_label(const struct board_row *row, char out[BOARD_LABEL_BYTES])
{
    size_t n = 0;

    for (int i = 0; i < BOARD_LABEL_WORDS; i++) {
        uint64_t word = atomic_load_explicit(&row->label[i], memory_order_relaxed);
        memcpy(out + i * 8, &word, sizeof word);
    }
    while (n < BOARD_LABEL_BYTES && out[n]) {
        if ((unsigned char)out[n] < ' ' || (unsigned char)out[n] > '~')
            out[n] = '?';
        n++;
    }
    return (struct str){out, n};
}

/*
 * What all responders of a host know together: one mapped file, without a server and without locks.
 *
 * Rows are found by hash and claimed with one compare-and-swap; every number is an atomic of its own,
 * so that a process may die between any two instructions and leaves nothing half done. What a dead
 * process still had in flight is taken back: each process has a seat, holds a lock of the kernel on
 * it, and counts in a column of its own.
 *
 * Nothing in the file is trusted beyond its header: whoever reads a number bounds it. A file that is
 * missing, old, of another size, damaged, foreign or from before the last boot is replaced by a new
 * one (by rename; it is never truncated). One that is cut while it is mapped costs its content, not
 * the process. Without a folder the same rows live in memory, for this process alone.
 *
 * Times in rows are clock_ms(), which all processes of a host share until it boots anew. A
 * scoreboard belongs to one thread; the others have theirs, of the same file.
 */
#ifndef CORELAY_ROUTE_SCOREBOARD_H
#define CORELAY_ROUTE_SCOREBOARD_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"
#include "base/str.h"

enum {
    BOARD_LABEL_WORDS = 24, /* of 8 bytes */
    BOARD_LABEL_BYTES = BOARD_LABEL_WORDS * 8,
    BOARD_TARGETS_MIN = 16,
    BOARD_TARGETS_MAX = 65536,
    BOARD_SEATS_MIN = 8,
    BOARD_SEATS_MAX = 4096,
    BOARD_VISITORS = 1024,
    BOARD_WELCOME = 4096
};

/* What every row begins with. A key of 0 is a free row. */
struct board_row {
    _Atomic uint64_t key;
    _Atomic uint64_t label[BOARD_LABEL_WORDS]; /* text for people, padded with zeros */
};

/* A count of the present minute: the minute in the upper half. */
typedef _Atomic uint64_t board_window;

struct board_target {
    struct board_row row;
    _Atomic int64_t cool_until_ms;  /* 0: does not cool */
    _Atomic int64_t open_until_ms;  /* the circuit breaker; 0: closed */
    _Atomic int64_t probe_until_ms; /* half-open: somebody tries it until then */
    _Atomic uint32_t failures;      /* in a row */
    _Atomic uint32_t opens;         /* of the breaker, in a row */
    _Atomic uint32_t latency_ms;    /* to the first byte, smoothed; 0: unknown */
    _Atomic uint32_t starting;      /* not 0: the breaker is open because of that */
    _Atomic uint64_t pass;          /* stride scheduling: the least is next */
    _Atomic uint64_t tries, failed; /* since the file was made */
    _Atomic uint64_t is_key; /* not 0: no target but a caller's key, of which only what is in flight
                                counts */
    _Atomic uint64_t last_error,
        last_at_s; /* HTTP status << 16 | enum chat_error_kind; wall clock */
};

/* A quota domain: a model in a tenant. */
struct board_domain {
    struct board_row row;
    _Atomic int64_t cool_until_ms;
    _Atomic uint32_t strikes; /* refusals in a row */
    _Atomic uint32_t limit;   /* requests a minute that the AI API grants; 0: unknown */
    _Atomic uint32_t learnt;  /* the same by what was refused; 0: nothing was */
    _Atomic uint32_t unused;
    _Atomic int64_t limit_at_ms; /* when the AI API was asked; 0: not yet */
    board_window requests;
    _Atomic uint64_t pass;
    _Atomic uint64_t throttled; /* since the file was made */
};

/* An address that wrong keys came from (route/guesses.h). */
struct board_visitor {
    _Atomic uint64_t address; /* a hash; 0: free */
    board_window wrong;
};

/* What is common to all models. */
struct board_common {
    board_window requests, retries;
    board_window copies; /* of requests, see mirror */
    struct board_visitor visitors[BOARD_VISITORS];
    _Atomic uint64_t welcome[BOARD_WELCOME]; /* hashes of an address and a key that was good */
};

struct scoreboard;

struct scoreboard_settings {
    const char *folder; /* NULL: memory of this process */
    unsigned targets;   /* rows of targets, and as many of domains */
    unsigned seats;     /* threads that can count at the same time, over all processes */
};

/* Never refuses for what lies on the disk: then a warning, and memory. NULL when out of memory.
   `folder` is borrowed. */
struct scoreboard *scoreboard_open(const struct scoreboard_settings *settings);
/* For one more owner, on the same thread. */
struct scoreboard *scoreboard_hold(struct scoreboard *b);
/* Would these settings open the same? */
bool scoreboard_fits(const struct scoreboard *b, const struct scoreboard_settings *settings);
/* For the last owner all scores must have been ended. */
void scoreboard_close(struct scoreboard *b);

/* To look at, without taking part. E_NOT_FOUND, E_REFUSED (another user's, or writable by others),
   E_SYNTAX (not of this release, or damaged), E_IO. */
status scoreboard_look(const char *folder, struct scoreboard **out);

/* Housekeeping, at most once a second however often it is called: take back what the dead had in
   flight, and follow to a file that somebody has made anew. */
void scoreboard_tend(struct scoreboard *b);

/* The row of a key, claimed when there is none; `label` is cut where it is too long. NULL when the
   table is full: then nothing is known, and nothing noted. Rows are good until the next
   scoreboard_tend. */
struct board_target *scoreboard_target(struct scoreboard *b, uint64_t key, struct str label);
struct board_domain *scoreboard_domain(struct scoreboard *b, uint64_t key, struct str label);
struct board_common *scoreboard_common(struct scoreboard *b);

/* The same for a caller's key, by its hash; of the row only what is in flight counts. */
struct board_target *scoreboard_key(struct scoreboard *b, const uint8_t *hash, const char *name);

/* One thing in flight; remembered, since the file may be another by its end. Zeroed: nothing. */
struct board_score {
    struct board_map *map;
    _Atomic uint32_t *cell;
};
void scoreboard_begin(struct scoreboard *b, struct board_target *t, struct board_score *out);
void scoreboard_end(struct board_score *score);
/* In flight at a target, over all processes. */
uint32_t scoreboard_in_flight(const struct scoreboard *b, const struct board_target *t);

/* Count in a window; the count of the present minute with this one in it. */
uint32_t board_count(board_window *w, int64_t now_ms);
/* Count, unless that would be more than `most` in this minute, however many look at the same moment. */
bool board_take(board_window *w, int64_t now_ms, int64_t most);
uint32_t board_counted(const board_window *w, int64_t now_ms);

/* --- for people ------------------------------------------------------------------------------ */

struct board_seat {
    _Atomic uint32_t pid;     /* 0: free */
    _Atomic uint32_t sandbox; /* the parts that it has entered (base/sandbox.h) */
    _Atomic int64_t since_s;  /* wall clock */
};

/* The i-th row that is taken, NULL beyond the last. */
const struct board_target *scoreboard_target_at(const struct scoreboard *b, unsigned i);
const struct board_domain *scoreboard_domain_at(const struct scoreboard *b, unsigned i);
/* The i-th seat that is taken by somebody who lives, NULL beyond the last. */
const struct board_seat *scoreboard_seat_at(const struct scoreboard *b, unsigned i);
/* The label of a row, printable whatever it holds; unset if none was written yet. */
struct str board_label(const struct board_row *row, char out[BOARD_LABEL_BYTES]);
/* Is it a file, or memory of this process? */
bool scoreboard_is_shared(const struct scoreboard *b);

#endif

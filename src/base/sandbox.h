/*
 * A process that gives up what it will never need, so that whoever takes it over has little.
 *
 * Linux only, with the kernel's own calls: no new privileges, a seccomp filter over system calls, a
 * Landlock ruleset over files. Each part that a kernel lacks is left out and said so. What is
 * forbidden fails with an error (EPERM, EACCES, ENOSYS); nothing is killed, so that a new C library
 * which tries something unheard of falls back as it would on an old kernel.
 *
 * It holds for the calling thread and those that it starts later: enter before there are others.
 */
#ifndef CORELAY_BASE_SANDBOX_H
#define CORELAY_BASE_SANDBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/status.h"

/* The parts of it. */
enum {
    SANDBOX_PRIVILEGES = 1, /* no new ones, whatever is executed */
    SANDBOX_CALLS = 2,      /* seccomp: no other program, no tracing, no administration */
    SANDBOX_FILES = 4,      /* Landlock: the files that were named, no listening, no signals */
    SANDBOX_WHOLE = SANDBOX_PRIVILEGES | SANDBOX_CALLS | SANDBOX_FILES
};

enum sandbox_access {
    SANDBOX_READ,   /* read what is there, and list it */
    SANDBOX_APPEND, /* write to files and make them: logs */
    SANDBOX_REMOVE, /* take files away, nothing else: sockets */
    SANDBOX_OWN     /* whatever files and folders allow, but for executing */
};

/* A file, or a folder with all that is and will be in it. */
struct sandbox_place {
    const char *path;
    enum sandbox_access access;
};

/* What every process of ours does at its beginning, sandbox or not: new files are for this user
   alone, no core file (it would hold tokens and keys), no looking into its memory for others of the
   same user, no new privileges. */
void sandbox_prepare(void);

/* Enter; places that do not exist are left out. The parts that are on, for good. */
unsigned sandbox_enter(const struct sandbox_place *places, size_t count);

/* The parts that were entered; 0 before. */
unsigned sandbox_parts(void);

/* The parts that this kernel has for us; the same without entering. */
unsigned sandbox_offered(void);

/* The version of Landlock, 0: none. Below 4 listening is not forbidden, below 6 signals are not. */
int sandbox_landlock_version(void);

/* Parts in words: "no new privileges, seccomp, Landlock 4"; "none". */
void sandbox_describe(unsigned parts, struct buf *out);

/* Built with a sanitizer, which needs calls and files of its own: then nothing is ever entered. */
bool sandbox_is_left_out(void);

/* The two filters, each on its own; false: this kernel has none, or refuses. */
bool sandbox_filter_calls(void);
bool sandbox_filter_files(const struct sandbox_place *places, size_t count);
bool sandbox_offers_calls(void);

#endif

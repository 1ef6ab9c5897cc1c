/*
 * The set-ups of clients in examples/clients, built in. Private to src/cli.
 *
 * The rows are made by client_files.awk, in the order of clients.list, so that all files of one
 * client follow each other.
 */
#ifndef CORELAY_CLI_CLIENT_H
#define CORELAY_CLI_CLIENT_H

#include <stddef.h>

struct client_file {
    const char *client;       /* "codex" */
    const char *title;        /* "Codex" */
    const char *file;         /* below examples/clients */
    const char *where;        /* a path, or "shell", "program", "by hand" */
    const char *model;        /* which to name if the user names none */
    const char *const *lines; /* without line ends, with @URL@ and the like; ended by NULL */
};

/* Ended by a row whose client is NULL. */
extern const struct client_file client_files[];

#endif

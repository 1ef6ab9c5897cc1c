/*
 * The corelay command: what its subcommands share. Private to src/cli.
 *
 * Every command is one function in a file of its own. It describes its options in a table, from
 * which both the parser and the help text are made.
 */
#ifndef CORELAY_CLI_CLI_H
#define CORELAY_CLI_CLI_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/jwrite.h"
#include "config/config.h"

/* The exit codes of every command. */
enum { CLI_GOOD = 0, CLI_PROBLEM = 1, CLI_USAGE = 2 };

typedef int cli_command(int argc, char **argv);
cli_command command_chat, command_check, command_client, command_doctor, command_key,
    command_models, command_request, command_status, command_token, command_version;

struct cli_option {
    const char *name;
    const char *value; /* what the help calls it: "FILE"; NULL: a switch */
    const char *help;
    const char **text; /* where a value goes */
    bool *on;          /* where a switch goes */
};

struct cli_syntax {
    const char *command;              /* "key new" */
    const char *operands;             /* "[FILE]", or "" */
    const char *help;                 /* a paragraph */
    const struct cli_option *options; /* ended by a row without a name; --help is always there */
    int operands_max, operands_min;
};

/* The operands begin at the index that is returned. Negative: there is nothing more to do, and
   `*code` is the exit code. */
int cli_parse(const struct cli_syntax *syntax, int argc, char **argv, int *code);

/* Rows that many commands have. */
#define CLI_CONFIG(variable)                                                                       \
    {                                                                                              \
        "config", "FILE", "configuration; else $CORELAY_CONFIG, else the system's", (variable),    \
            NULL                                                                                   \
    }
#define CLI_JSON(variable)                                                                         \
    {                                                                                              \
        "json", NULL, "print JSON", NULL, (variable)                                               \
    }
#define CLI_END                                                                                    \
    {                                                                                              \
        NULL, NULL, NULL, NULL, NULL                                                               \
    }

/* A line on standard error: "corelay: ...". */
void cli_complain(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Load a configuration for a command that serves no callers, so keys may be missing. NULL when
   there is an offence; each has been printed. */
struct config *cli_load_config(const char *file);

/* Write JSON text and a line end to standard output. */
void cli_print(struct buf *text);

#endif

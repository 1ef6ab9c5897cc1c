/* The corelay command: which subcommand is meant. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "cli/cli.h"

static const struct {
    const char *name;
    cli_command *run;
    const char *summary;
} commands[] = {
    {"check", command_check, "read a configuration and name every offence"},
    {"doctor", command_doctor, "try the way from the service key to an answer, step by step"},
    {"models", command_models, "list the models that callers can ask for"},
    {"chat", command_chat, "talk to a model"},
    {"request", command_request, "send one request from a file"},
    {"client", command_client, "print the set-up of a client: Claude Code, Codex, an SDK ..."},
    {"key", command_key, "make a key for a caller, or the hash of one (key new, key hash)"},
    {"status", command_status,
     "show targets, their health, cooldowns and tokens, from this host's files"},
    {"token", command_token, "list or clear cached tokens (token list, token clear)"},
    {"version", command_version, "print the version"},
};
enum { COMMAND_COUNT = sizeof commands / sizeof commands[0] };

static void print_help(FILE *to)
{
    fputs("Usage: corelay COMMAND [OPTION]...\n\n"
          "The OpenAI, Anthropic and Gemini APIs in front of SAP AI Core. Commands:\n\n",
          to);
    for (size_t i = 0; i < COMMAND_COUNT; i++)
        fprintf(to, "  %-10s %s\n", commands[i].name, commands[i].summary);
    fputs("\nEach command has --help. Exit status: 0 good, 1 a problem was found, 2 wrong usage.\n"
          "See corelay(1), corelay.json(5), corelay.fcgi(8).\n",
          to);
}

void cli_complain(const char *format, ...)
{
    va_list args;

    fflush(stdout);
    fputs("corelay: ", stderr);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
}

struct config *cli_load_config(const char *file)
{
    struct config *config = NULL;
    struct buf problems = {0};

    /* this process serves no callers: that they have no keys is no offence here */
    setenv("CORELAY_ALLOW_ANONYMOUS", "1", 1);
    setenv("CORELAY_FILE_CHECKS", "warn", 0); /* check and doctor are for that */
    status s = config_load(file, &config, &problems);
    for (struct str rest = buf_str(&problems); s && rest.n;) {
        struct str line = str_cut(&rest, '\n');
        if (!str_starts(line, "warning: "))
            cli_complain("%.*s", STR_ARG(line));
    }
    if (s && problems.n == 0)
        cli_complain("configuration: %s", status_text(s));
    buf_free(&problems);
    return config;
}

void cli_print(struct buf *text)
{
    if (text->n)
        fwrite(text->p, 1, text->n, stdout);
    fputc('\n', stdout);
}

int main(int argc, char **argv)
{
    const char *name = argc > 1 ? argv[1] : "";

    for (size_t i = 0; i < COMMAND_COUNT; i++)
        if (strcmp(commands[i].name, name) == 0)
            return commands[i].run(argc - 1, argv + 1);
    if (strcmp(name, "--version") == 0)
        return command_version(1, argv);
    if (strcmp(name, "--help") == 0 || strcmp(name, "help") == 0) {
        print_help(stdout);
        return CLI_GOOD;
    }
    if (*name)
        cli_complain("%s: no such command", name);
    print_help(stderr);
    return CLI_USAGE;
}

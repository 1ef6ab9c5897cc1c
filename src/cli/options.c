/* Options and help by table. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "cli/cli.h"

enum { OPTIONS_MAX = 16, OPTION_HELP = 1000 };

static void print_help(const struct cli_syntax *syntax, FILE *to)
{
    fprintf(to, "Usage: corelay %s [OPTION]...%s%s\n\n%s\n\n", syntax->command,
            *syntax->operands ? " " : "", syntax->operands, syntax->help);
    for (const struct cli_option *o = syntax->options; o->name; o++) {
        char left[40];
        snprintf(left, sizeof left, "--%s%s%s", o->name, o->value ? " " : "",
                 o->value ? o->value : "");
        fprintf(to, "  %-20s %s\n", left, o->help);
    }
    fprintf(to, "  %-20s %s\n\n", "--help", "print this");
    fputs("Exit status: 0 good, 1 a problem was found, 2 wrong usage. See corelay(1).\n", to);
}

static int complain_of_usage(const struct cli_syntax *syntax)
{
    fprintf(stderr, "Try: corelay %s --help\n", syntax->command);
    return CLI_USAGE;
}

static void list_options(const struct cli_syntax *syntax, struct option *out)
{
    int n = 0;

    for (; n < OPTIONS_MAX && syntax->options[n].name; n++)
        out[n] = (struct option){syntax->options[n].name,
                                 syntax->options[n].value ? required_argument : no_argument, NULL,
                                 n + 1};
    out[n] = (struct option){"help", no_argument, NULL, OPTION_HELP};
    out[n + 1] = (struct option){NULL, 0, NULL, 0};
}

int cli_parse(const struct cli_syntax *syntax, int argc, char **argv, int *code)
{
    struct option options[OPTIONS_MAX + 2];
    int found;

    list_options(syntax, options);
    optind = 0; /* a new start, as glibc and musl understand it */
    while ((found = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (found == OPTION_HELP) {
            print_help(syntax, stdout);
            *code = CLI_GOOD;
            return -1;
        }
        if (found == '?') {
            *code = complain_of_usage(syntax);
            return -1;
        }
        const struct cli_option *o = &syntax->options[found - 1];
        if (o->value)
            *o->text = optarg;
        else
            *o->on = true;
    }
    if (argc - optind < syntax->operands_min || argc - optind > syntax->operands_max) {
        cli_complain("%s: expected %s", syntax->command,
                     *syntax->operands ? syntax->operands : "no operand");
        *code = complain_of_usage(syntax);
        return -1;
    }
    return optind;
}

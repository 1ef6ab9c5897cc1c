/* corelay version */
#include <stdio.h>

#include "cli/cli.h"

int command_version(int argc, char **argv)
{
    bool json = false;
    int code = CLI_GOOD;
    const struct cli_option options[] = {CLI_JSON(&json), CLI_END};
    const struct cli_syntax syntax = {"version", "", "Print the version.", options, 0, 0};

    if (cli_parse(&syntax, argc, argv, &code) < 0)
        return code;
    puts(json ? "{\"version\":\"" PACKAGE_VERSION "\"}" : "corelay " PACKAGE_VERSION);
    return CLI_GOOD;
}

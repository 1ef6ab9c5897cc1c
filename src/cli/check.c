/* corelay check: the configuration as the responder reads it, and all that is wrong with it. */
#include <stdio.h>

#include "cli/cli.h"

static size_t count_accounts(const struct config *c)
{
    size_t n = 0;

    for (const struct config_account *a = c->accounts; a; a = a->next)
        n++;
    return n;
}

static size_t count_keys(const struct config *c)
{
    size_t n = 0;

    for (const struct api_key *k = c->keys.first; k; k = k->next)
        n++;
    return n;
}

static void write_problems(struct jwrite *w, const char *name, struct str problems, bool warnings)
{
    static const char prefix[] = "warning: ";

    jwrite_member_array(w, name);
    for (struct str rest = problems; rest.n;) {
        struct str line = str_cut(&rest, '\n');
        bool warning = str_starts(line, prefix);
        if (warning == warnings && line.n)
            jwrite_str(w, warning ? str_slice(line, strlen(prefix), line.n) : line);
    }
    jwrite_end(w);
}

static void print_json(const struct config *c, struct str problems)
{
    struct buf text = {0};
    struct jwrite w = jwrite_to(&text);

    jwrite_object(&w);
    jwrite_member_bool(&w, "ok", c != NULL);
    write_problems(&w, "errors", problems, false);
    write_problems(&w, "warnings", problems, true);
    if (c) {
        jwrite_member_cstr(&w, "file", c->file);
        jwrite_member_cstr(&w, "state_dir", c->state_dir);
        jwrite_member_int(&w, "keys", (int64_t)count_keys(c));
        jwrite_member_array(&w, "accounts");
        for (const struct config_account *a = c->accounts; a; a = a->next)
            jwrite_cstr(&w, a->name);
        jwrite_end(&w);
    }
    jwrite_end_all(&w);
    cli_print(&text);
    buf_free(&text);
}

static void print_text(const struct config *c, struct str problems)
{
    if (problems.n)
        fwrite(problems.p, 1, problems.n, stdout);
    if (!c)
        return;
    size_t accounts = count_accounts(c), keys = count_keys(c);
    printf("%s: good: %zu account%s, ", c->file ? c->file : "environment", accounts,
           accounts == 1 ? "" : "s");
    if (keys || !c->allow_anonymous)
        printf("%zu key%s, ", keys, keys == 1 ? "" : "s");
    else
        printf("callers need no key, ");
    printf("state in %s\n", c->state_dir ? c->state_dir : "memory");
}

int command_check(int argc, char **argv)
{
    const char *file = NULL;
    bool json = false;
    int code = CLI_GOOD;
    const struct cli_option options[] = {CLI_CONFIG(&file), CLI_JSON(&json), CLI_END};
    const struct cli_syntax syntax = {
        "check",
        "[FILE]",
        "Read a configuration as the responder does and print every offence, a line each: file,\n"
        "place, what is wrong, what is expected. Lines that begin with \"warning:\" are advice.",
        options,
        1,
        0};
    struct config *config = NULL;
    struct buf problems = {0};

    int first = cli_parse(&syntax, argc, argv, &code);
    if (first < 0)
        return code;
    if (first < argc)
        file = argv[first];
    status s = config_load(file, &config, &problems);
    if (json)
        print_json(config, buf_str(&problems));
    else
        print_text(config, buf_str(&problems));
    if (s == E_NOMEM)
        cli_complain("%s", status_text(s));
    config_free(config);
    buf_free(&problems);
    return s ? CLI_PROBLEM : CLI_GOOD;
}

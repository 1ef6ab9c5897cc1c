/* corelay token: what the token cache of this host holds. Tokens themselves are never shown. */
#include "aicore/token.h"

#include <stdio.h>

#include "base/clock.h"
#include "cli/cli.h"

struct listing {
    const struct config *config;
    struct jwrite *json; /* NULL: print lines */
    size_t count;
};

static const char *account_of(const struct config *c, const char *id)
{
    for (const struct config_account *a = c->accounts; a; a = a->next)
        if (strcmp(a->key->id, id) == 0)
            return a->name;
    return NULL;
}

static void print_entry(const struct token_entry *e, const char *account)
{
    char until[CLOCK_TEXT_BYTES] = "-";
    int64_t left_s = e->expires_s - clock_wall_s();

    if (e->expires_s)
        clock_render(e->expires_s * 1000, until);
    printf("%-16s  %-20s  %.19s  ", e->id, account ? account : "(not configured)", until);
    if (e->usable)
        printf("usable, %lld min left\n", (long long)(left_s / 60));
    else
        printf("%s\n", e->problem ? e->problem : "expired");
}

static void write_entry(struct jwrite *w, const struct token_entry *e, const char *account)
{
    jwrite_object(w);
    jwrite_member_cstr(w, "id", e->id);
    jwrite_member_cstr(w, "account", account);
    jwrite_member_int(w, "fetched", e->fetched_s);
    jwrite_member_int(w, "expires", e->expires_s);
    jwrite_member_bool(w, "usable", e->usable);
    jwrite_member_cstr(w, "problem", e->problem);
    jwrite_end(w);
}

static void show(void *arg, const struct token_entry *e)
{
    struct listing *listing = arg;
    const char *account = account_of(listing->config, e->id);

    if (listing->json)
        write_entry(listing->json, e, account);
    else
        print_entry(e, account);
    listing->count++;
}

static int list(const struct config *config, bool json)
{
    struct buf text = {0};
    struct jwrite w = jwrite_to(&text);
    struct listing listing = {config, json ? &w : NULL, 0};

    if (json)
        jwrite_array(&w);
    status s = token_list(config->state_dir, show, &listing);
    if (json) {
        jwrite_end_all(&w);
        cli_print(&text);
    } else if (!s && listing.count == 0) {
        printf("no token in %s\n", config->state_dir);
    }
    buf_free(&text);
    return s && s != E_NOT_FOUND ? CLI_PROBLEM : CLI_GOOD;
}

static int clear(const struct config *config, const char *id, bool json)
{
    int count = 0;
    status s = token_clear(config->state_dir, id, &count);

    if (s && s != E_NOT_FOUND) {
        cli_complain("%s: %s", config->state_dir, status_text(s));
        return CLI_PROBLEM;
    }
    if (json)
        printf("{\"cleared\":%d}\n", count);
    else
        printf("%d token%s cleared\n", count, count == 1 ? "" : "s");
    return id && count == 0 ? CLI_PROBLEM : CLI_GOOD;
}

static int run(int argc, char **argv, bool clearing)
{
    const char *file = NULL;
    bool json = false;
    int code = CLI_GOOD;
    const struct cli_option options[] = {CLI_CONFIG(&file), CLI_JSON(&json), CLI_END};
    const struct cli_syntax list_syntax = {
        "token list", "", "List the tokens that are cached on this host: for whom, until when.",
        options,      0,  0};
    const struct cli_syntax clear_syntax = {
        "token clear",
        "[ID]",
        "Delete the cached token of one id, or all, so that new ones are fetched.",
        options,
        1,
        0};

    int first = cli_parse(clearing ? &clear_syntax : &list_syntax, argc, argv, &code);
    if (first < 0)
        return code;
    struct config *config = cli_load_config(file);
    if (!config)
        return CLI_PROBLEM;
    if (!config->state_dir) {
        cli_complain("there is no state folder, so tokens are kept in memory alone");
        code = CLI_PROBLEM;
    } else {
        code =
            clearing ? clear(config, first < argc ? argv[first] : NULL, json) : list(config, json);
    }
    config_free(config);
    return code;
}

int command_token(int argc, char **argv)
{
    const char *verb = argc > 1 ? argv[1] : "";

    if (strcmp(verb, "list") == 0 || strcmp(verb, "clear") == 0)
        return run(argc - 1, argv + 1, verb[0] == 'c');
    bool help = strcmp(verb, "--help") == 0;
    fputs("Usage: corelay token list [--json]\n"
          "       corelay token clear [ID] [--json]\n\n"
          "The token cache of this host; each verb has --help.\n",
          help ? stdout : stderr);
    return help ? CLI_GOOD : CLI_USAGE;
}

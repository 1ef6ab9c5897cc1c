/*
 * corelay key: keys for callers. A key never stands on the command line, where every user of the
 * host could read it.
 */
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "base/crypto.h"
#include "cli/cli.h"

enum { KEY_RANDOM_BYTES = 24, KEY_INPUT_BYTES = 4096 };

static const char KEY_PREFIX[] = "corelay-";

/* The element of api_keys: {"name": .., "sha256": ..}. */
static void write_element(struct jwrite *w, const char *name, struct str key)
{
    uint8_t hash[SHA256_BYTES];
    char hex[SHA256_HEX_BYTES];

    api_key_hash(key, hash);
    crypto_hex(hash, sizeof hash, hex);
    jwrite_object(w);
    if (name)
        jwrite_member_cstr(w, "name", name);
    jwrite_member_cstr(w, "sha256", hex);
    jwrite_end(w);
}

static void print_new(const char *name, const char *key, bool json)
{
    struct buf text = {0};
    struct jwrite w = jwrite_to(&text);

    if (json) {
        jwrite_object(&w);
        jwrite_member_cstr(&w, "key", key);
        jwrite_key(&w, "element");
        write_element(&w, name, str_from(key));
        jwrite_end(&w);
    } else {
        printf("key, for the caller:      %s\n", key);
        fputs("element of \"api_keys\":    ", stdout);
        write_element(&w, name, str_from(key));
    }
    cli_print(&text);
    buf_free(&text);
    if (!json && isatty(STDOUT_FILENO))
        fputs("The key cannot be shown again: only its hash goes into the configuration.\n",
              stderr);
}

static int key_new(int argc, char **argv)
{
    const char *name = NULL;
    bool json = false;
    int code = CLI_GOOD;
    const struct cli_option options[] = {
        {"name", "NAME", "whose it is, for the access record", &name, NULL},
        CLI_JSON(&json),
        CLI_END};
    const struct cli_syntax syntax = {
        "key new", "", "Make a key for a caller and print it with its line for the configuration.",
        options,   0,  0};
    uint8_t random[KEY_RANDOM_BYTES];
    char key[sizeof KEY_PREFIX + 2 * sizeof random];

    if (cli_parse(&syntax, argc, argv, &code) < 0)
        return code;
    crypto_random(random, sizeof random);
    strcpy(key, KEY_PREFIX);
    crypto_hex(random, sizeof random, key + strlen(KEY_PREFIX));
    print_new(name, key, json);
    crypto_wipe(key, sizeof key);
    return CLI_GOOD;
}

/* One line from standard input; on a terminal without showing it. */
static struct str read_key(char *line, size_t room)
{
    struct termios shown, hidden;
    bool terminal = isatty(STDIN_FILENO) && tcgetattr(STDIN_FILENO, &shown) == 0;

    if (terminal) {
        hidden = shown;
        hidden.c_lflag &= ~(tcflag_t)ECHO;
        fputs("Key: ", stderr);
        tcsetattr(STDIN_FILENO, TCSAFLUSH, &hidden);
    }
    char *got = fgets(line, (int)room, stdin);
    if (terminal) {
        tcsetattr(STDIN_FILENO, TCSAFLUSH, &shown);
        fputc('\n', stderr);
    }
    return got ? str_trim(str_from(got)) : STR_NONE;
}

static bool is_sendable(struct str key)
{
    for (size_t i = 0; i < key.n; i++)
        if ((unsigned char)key.p[i] <= ' ' || key.p[i] == 0x7f)
            return false;
    return key.n > 0;
}

static int key_hash(int argc, char **argv)
{
    const char *name = NULL;
    bool json = false;
    int code = CLI_GOOD;
    const struct cli_option options[] = {
        {"name", "NAME", "whose it is, for the access record", &name, NULL},
        CLI_JSON(&json),
        CLI_END};
    const struct cli_syntax syntax = {
        "key hash",
        "",
        "Read a key from standard input (one line) and print its line for the configuration.",
        options,
        0,
        0};
    char line[KEY_INPUT_BYTES];
    struct buf text = {0};
    struct jwrite w = jwrite_to(&text);

    if (cli_parse(&syntax, argc, argv, &code) < 0)
        return code;
    struct str key = read_key(line, sizeof line);
    if (is_sendable(key)) {
        write_element(&w, name, key);
        cli_print(&text);
    } else {
        cli_complain("key hash: expected a key on standard input, without white space in it");
        code = CLI_PROBLEM;
    }
    crypto_wipe(line, sizeof line);
    buf_free(&text);
    return code;
}

int command_key(int argc, char **argv)
{
    const char *verb = argc > 1 ? argv[1] : "";

    if (strcmp(verb, "new") == 0)
        return key_new(argc - 1, argv + 1);
    if (strcmp(verb, "hash") == 0)
        return key_hash(argc - 1, argv + 1);
    bool help = strcmp(verb, "--help") == 0;
    fputs("Usage: corelay key new [--name NAME] [--json]\n"
          "       corelay key hash [--name NAME] < FILE\n\n"
          "Keys for callers; each verb has --help.\n",
          help ? stdout : stderr);
    return help ? CLI_GOOD : CLI_USAGE;
}

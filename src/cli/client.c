/*
 * corelay client: the set-up of a client for a gateway, ready to paste.
 *
 * What stands for gateway, key and model goes into shell lines, JSON, TOML and source code, so only
 * characters that mean nothing in any of these are taken. The key itself is never asked for: the
 * files name the variable that holds it.
 */
#include <stdio.h>

#include "cli/cli.h"
#include "cli/client.h"

struct wishes {
    const char *url, *key_env, *model; /* model: NULL for that of the list */
};

enum { URL_BYTES_MAX = 1000 };

static bool only_of(const char *text, const char *allowed)
{
    return *text && text[strspn(text, allowed)] == '\0';
}

#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS  "0123456789"

static bool is_url(const char *text)
{
    const char *rest = strncmp(text, "https://", 8) == 0  ? text + 8
                       : strncmp(text, "http://", 7) == 0 ? text + 7
                                                          : "";

    return strlen(text) <= URL_BYTES_MAX && only_of(rest, LETTERS DIGITS "-._~/:[]%");
}

/* Without a slash at its end: the files go on with one. */
static const char *without_slash(const char *url, char room[static URL_BYTES_MAX + 1])
{
    size_t n = strlen(url);

    if (n == 0 || n > URL_BYTES_MAX || url[n - 1] != '/')
        return url;
    memcpy(room, url, n - 1);
    room[n - 1] = '\0';
    return room;
}

static bool is_variable(const char *text)
{
    return only_of(text, LETTERS DIGITS "_") && !strchr(DIGITS, *text);
}

static bool is_model(const char *text)
{
    return only_of(text, LETTERS DIGITS "-._:/");
}

/* NULL, or what is wrong with them. */
static const char *offence(const struct wishes *w)
{
    if (!is_url(w->url))
        return "--url: expected http:// or https://, a host, and perhaps a port and a path";
    if (!is_variable(w->key_env))
        return "--key-env: expected the name of a variable, like CORELAY_KEY";
    if (w->model && !is_model(w->model))
        return "--model: expected letters, digits, and any of - . _ : /";
    return NULL;
}

/* What stands for the placeholder that the text begins with, and its length; NULL: it begins with
   none. */
static const char *value_of(const char *text, const struct client_file *f, const struct wishes *w,
                            size_t *length)
{
    const struct {
        const char *mark, *value;
    } marks[] = {
        {"@URL@", w->url}, {"@KEY_ENV@", w->key_env}, {"@MODEL@", w->model ? w->model : f->model}};

    for (size_t i = 0; i < sizeof marks / sizeof marks[0]; i++) {
        *length = strlen(marks[i].mark);
        if (strncmp(text, marks[i].mark, *length) == 0)
            return marks[i].value;
    }
    return NULL;
}

static void render_line(struct buf *out, const char *line, const struct client_file *f,
                        const struct wishes *w)
{
    while (*line) {
        size_t length;
        const char *value = value_of(line, f, w, &length);
        if (value) {
            buf_add_cstr(out, value);
            line += length;
        } else {
            buf_add_char(out, *line++);
        }
    }
    buf_add_char(out, '\n');
}

static void render(struct buf *out, const struct client_file *f, const struct wishes *w)
{
    for (const char *const *line = f->lines; *line; line++)
        render_line(out, *line, f, w);
}

static bool by_hand(const struct client_file *f)
{
    return strcmp(f->where, "by hand") == 0;
}

static bool same_client(const struct client_file *f, const char *client)
{
    return f->client && strcmp(f->client, client) == 0;
}

static const struct client_file *find(const char *client)
{
    const struct client_file *f = client_files;

    while (f->client && strcmp(f->client, client) != 0)
        f++;
    return f->client ? f : NULL;
}

/* --- the set-up --------------------------------------------------------------------------------*/

static void print_text(const struct client_file *f, const struct wishes *w)
{
    struct buf text = {0};

    if (!by_hand(f))
        buf_printf(&text, "# The key: export %s=the-key\n\n", w->key_env);
    for (const char *client = f->client; same_client(f, client); f++) {
        buf_printf(&text, "# %s: %s\n\n", f->title, f->where);
        render(&text, f, w);
        if (same_client(f + 1, client))
            buf_add_char(&text, '\n');
    }
    fwrite(text.p, 1, text.n, stdout);
    buf_free(&text);
}

static void write_file(struct jwrite *w, const struct client_file *f, const struct wishes *wishes)
{
    struct buf text = {0};

    render(&text, f, wishes);
    jwrite_object(w);
    jwrite_member_cstr(w, "file", f->file);
    jwrite_member_cstr(w, "where", f->where);
    jwrite_member_str(w, "text", buf_str(&text));
    jwrite_end(w);
    buf_free(&text);
}

static void print_json(const struct client_file *f, const struct wishes *wishes)
{
    struct buf text = {0};
    struct jwrite w = jwrite_to(&text);

    jwrite_object(&w);
    jwrite_member_cstr(&w, "client", f->client);
    jwrite_member_cstr(&w, "title", f->title);
    jwrite_member_cstr(&w, "model", wishes->model ? wishes->model : f->model);
    jwrite_member_array(&w, "files");
    for (const char *client = f->client; same_client(f, client); f++)
        write_file(&w, f, wishes);
    jwrite_end_all(&w);
    cli_print(&text);
    buf_free(&text);
}

/* --- the list ----------------------------------------------------------------------------------*/

/* The first row of each client. */
static const struct client_file *next_client(const struct client_file *f)
{
    const char *client = f->client;

    while (same_client(f, client))
        f++;
    return f;
}

static void print_list(void)
{
    printf("%-20s  %-20s  %s\n", "NAME", "CLIENT", "SET UP BY");
    for (const struct client_file *f = client_files; f->client; f = next_client(f))
        printf("%-20s  %-20s  %s\n", f->client, f->title, f->where);
}

static void print_json_list(void)
{
    struct buf text = {0};
    struct jwrite w = jwrite_to(&text);

    jwrite_array(&w);
    for (const struct client_file *f = client_files; f->client; f = next_client(f)) {
        jwrite_object(&w);
        jwrite_member_cstr(&w, "client", f->client);
        jwrite_member_cstr(&w, "title", f->title);
        jwrite_member_cstr(&w, "where", f->where);
        jwrite_end(&w);
    }
    jwrite_end_all(&w);
    cli_print(&text);
    buf_free(&text);
}

/* --- the command -------------------------------------------------------------------------------*/

static int list_clients(bool json)
{
    if (json)
        print_json_list();
    else
        print_list();
    return CLI_GOOD;
}

static int show_client(const char *name, const struct wishes *w, bool json)
{
    const struct client_file *f = name ? find(name) : NULL;
    const char *wrong = offence(w);

    if (!name)
        cli_complain("client: expected CLIENT or --list");
    else if (!f)
        cli_complain("client: %s: no such client; corelay client --list names them", name);
    else if (wrong)
        cli_complain("client: %s", wrong);
    if (!f || wrong)
        return CLI_USAGE;
    if (json)
        print_json(f, w);
    else
        print_text(f, w);
    return CLI_GOOD;
}

int command_client(int argc, char **argv)
{
    struct wishes w = {"https://llm.example.com", "CORELAY_KEY", NULL};
    bool list = false, json = false;
    char room[URL_BYTES_MAX + 1];
    int code = CLI_GOOD;
    const struct cli_option options[] = {
        {"url", "URL", "of the gateway, with the path it is mounted at but no /v1", &w.url, NULL},
        {"key-env", "NAME", "the variable that holds the caller's key; CORELAY_KEY", &w.key_env,
         NULL},
        {"model", "NAME", "which model; else one that suits the client", &w.model, NULL},
        {"list", NULL, "name the clients", NULL, &list},
        CLI_JSON(&json),
        CLI_END};
    const struct cli_syntax syntax = {
        "client",
        "CLIENT",
        "Print the set-up of a client for a gateway, ready to paste: of Claude Code, Codex, an "
        "SDK ...",
        options,
        1,
        0};

    int at = cli_parse(&syntax, argc, argv, &code);
    if (at < 0)
        return code;
    if (list)
        return list_clients(json);
    w.url = without_slash(w.url, room);
    return show_client(argv[at], &w, json);
}

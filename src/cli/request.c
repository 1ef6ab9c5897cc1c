/* corelay request: one request from a file, and what became of it on its way to the model. */
#include <stdio.h>

#include "base/file.h"
#include "base/jspan.h"
#include "cli/session.h"

enum { REQUEST_FILE_MAX = 64 * 1024 * 1024 };

struct showing {
    bool upstream, json;
    struct buf *json_upstream; /* elements, separated by commas */
};

/* The endpoint that takes a body like this. */
static const char *guess_path(const struct jspan *body)
{
    static const char *const of_messages[] = {"system", "stop_sequences", "thinking",
                                              "anthropic_version"};

    if (jspan_get(body, "input"))
        return "/v1/embeddings";
    for (size_t i = 0; i < sizeof of_messages / sizeof *of_messages; i++)
        if (jspan_get(body, of_messages[i]))
            return "/v1/messages";
    if (jspan_get(jspan_first(jspan_get(body, "tools")), "input_schema"))
        return "/v1/messages";
    return "/v1/chat/completions";
}

static void on_upstream(void *arg, const char *url, struct str body)
{
    struct showing *showing = arg;

    if (showing->json) {
        if (showing->json_upstream->n)
            buf_add_char(showing->json_upstream, ',');
        struct jwrite w = jwrite_to(showing->json_upstream);
        jwrite_object(&w);
        jwrite_member_cstr(&w, "url", url);
        jwrite_member_raw(&w, "body", body);
        jwrite_end(&w);
    } else if (showing->upstream) {
        printf("POST %s\n%.*s\n\n", url, STR_ARG(body));
        fflush(stdout);
    }
}

static void on_piece(void *arg, struct str bytes)
{
    (void)arg;
    fwrite(bytes.p, 1, bytes.n, stdout);
    fflush(stdout);
}

/* `answer` as JSON where it is JSON, else as text (a stream). */
static void print_json(const struct session_answer *answer, struct str upstream)
{
    struct arena *arena = arena_new(0);
    struct buf text = {0}, list = {0};
    struct jwrite w = jwrite_to(&text);
    struct jspan *tree = NULL;
    struct jspan_error where;

    buf_printf(&list, "[%.*s]", STR_ARG(upstream));
    jwrite_object(&w);
    jwrite_member_raw(&w, "upstream", buf_str(&list));
    jwrite_member_int(&w, "status", answer->http_status);
    if (arena && jspan_parse(arena, buf_str(&answer->body), &tree, &where) == OK)
        jwrite_member_raw(&w, "answer", buf_str(&answer->body));
    else
        jwrite_member_str(&w, "answer", buf_str(&answer->body));
    jwrite_end_all(&w);
    cli_print(&text);
    buf_free(&text);
    buf_free(&list);
    arena_free(arena);
}

static int send_request(struct session *s, const char *path, struct str body,
                        struct showing *showing)
{
    const struct session_call call = {.method = "POST",
                                      .path = path,
                                      .body = body,
                                      .piece = showing->json ? NULL : on_piece,
                                      .upstream = on_upstream,
                                      .arg = showing};
    struct session_answer answer;
    struct buf text = {0};
    status st = session_do(s, &call, &answer);
    bool good = !st && answer.http_status < 400;

    if (showing->json) {
        print_json(&answer, buf_str(showing->json_upstream));
    } else if (good) {
        fputc('\n', stdout);
    } else {
        session_error_text(&answer, &text);
        cli_complain("%.*s", STR_ARG(buf_str(&text)));
    }
    buf_free(&text);
    buf_free(&answer.body);
    return good ? CLI_GOOD : CLI_PROBLEM;
}

/* The file's text as a tree, with another model if one is given. NULL after a complaint. */
static struct jspan *read_request(struct arena *arena, const char *file, const char *model,
                                  struct buf *text)
{
    struct jspan *tree = NULL;
    struct jspan_error where;
    status s = file_read(strcmp(file, "-") == 0 ? "/dev/stdin" : file, text);

    if (s) {
        cli_complain("%s: %s", file, status_text(s));
        return NULL;
    }
    if (jspan_parse(arena, buf_str(text), &tree, &where)) {
        cli_complain("%s: not JSON: %s at byte %zu", file, where.what, where.offset);
        return NULL;
    }
    if (!jspan_is(tree, JSPAN_OBJECT)) {
        cli_complain("%s: expected a JSON object", file);
        return NULL;
    }
    if (model && jspan_set(arena, tree, "model", jspan_quote(arena, str_from(model))))
        return NULL;
    return tree;
}

static int run(const char *file, const char *config_file, const char *model, const char *path,
               struct showing *showing)
{
    struct arena *arena = arena_new(0);
    struct buf text = {.ceiling = REQUEST_FILE_MAX}, body = {0};
    struct session s = {0};
    int code = CLI_PROBLEM;
    struct jspan *tree = arena ? read_request(arena, file, model, &text) : NULL;
    struct config *config = tree ? cli_load_config(config_file) : NULL;

    if (config && session_open(&s, config) == OK) {
        jspan_render(tree, &body);
        code = send_request(&s, path ? path : guess_path(tree), buf_str(&body), showing);
    }
    session_close(&s);
    buf_free(&text);
    buf_free(&body);
    arena_free(arena);
    return code;
}

int command_request(int argc, char **argv)
{
    const char *file = NULL, *model = NULL, *path = NULL;
    struct buf upstream = {0};
    struct showing showing = {.json_upstream = &upstream};
    int code = CLI_GOOD;
    const struct cli_option options[] = {
        {"model", "NAME", "instead of the model in the file", &model, NULL},
        {"path", "PATH", "the endpoint; else guessed from the body", &path, NULL},
        {"upstream", NULL, "also show what goes to SAP AI Core", NULL, &showing.upstream},
        CLI_CONFIG(&file),
        CLI_JSON(&showing.json),
        CLI_END};
    const struct cli_syntax syntax = {
        "request",
        "FILE",
        "Send the request in a file (\"-\" is standard input) through the gateway inside of this\n"
        "program, and print the answer as a caller gets it.",
        options,
        1,
        1};

    int first = cli_parse(&syntax, argc, argv, &code);
    if (first < 0)
        return code;
    code = run(argv[first], file, model, path, &showing);
    buf_free(&upstream);
    return code;
}

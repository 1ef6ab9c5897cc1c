/*
 * corelay chat: a conversation on the terminal, streamed, with its history; by default through a
 * gateway inside of this process, with --url through one behind a web server.
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/jspan.h"
#include "cli/session.h"
#include "family/frames.h"

struct chat {
    struct session session;
    struct buf model;
    struct buf history; /* JSON objects, separated by commas */
    size_t system;      /* where the history begins behind the system message */
    /* the answer under way */
    struct frames *frames;
    struct buf said;
    bool broken;
};

static void add_message(struct buf *history, const char *role, struct str text)
{
    struct jwrite w;

    if (history->n)
        buf_add_char(history, ',');
    w = jwrite_to(history);
    jwrite_object(&w);
    jwrite_member_cstr(&w, "role", role);
    jwrite_member_str(&w, "content", text);
    jwrite_end(&w);
}

/* --- an answer ------------------------------------------------------------------------------- */

static void take_frame(struct chat *c, struct arena *scratch, const struct frame *frame)
{
    struct jspan *tree = NULL;
    struct jspan_error where;

    if (jspan_parse(scratch, frame->data, &tree, &where))
        return; /* [DONE] */
    struct str error = jspan_str(scratch, jspan_get(jspan_get(tree, "error"), "message"));
    if (error.n) {
        cli_complain("%.*s", STR_ARG(error));
        c->broken = true;
    }
    struct jspan *choice = jspan_first(jspan_get(tree, "choices"));
    struct str text = jspan_str(scratch, jspan_get(jspan_get(choice, "delta"), "content"));
    if (text.n) {
        fwrite(text.p, 1, text.n, stdout);
        fflush(stdout);
        buf_add_str(&c->said, text);
    }
}

static void on_piece(void *arg, struct str bytes)
{
    struct chat *c = arg;
    struct arena *scratch = arena_new(0);
    struct frame frame;

    if (!scratch || frames_push(c->frames, bytes))
        c->broken = true;
    while (!c->broken && frames_next(c->frames, scratch, &frame))
        take_frame(c, scratch, &frame);
    arena_free(scratch);
}

static void write_request(struct chat *c, struct buf *out)
{
    struct buf messages = {0};
    struct jwrite w = jwrite_to(out);

    buf_printf(&messages, "[%.*s]", STR_ARG(buf_str(&c->history)));
    jwrite_object(&w);
    jwrite_member_str(&w, "model", buf_str(&c->model));
    jwrite_member_raw(&w, "messages", buf_str(&messages));
    jwrite_member_bool(&w, "stream", true);
    jwrite_end(&w);
    buf_free(&messages);
}

/* Ask what the history ends with, print the answer and keep it. */
static bool answer(struct chat *c)
{
    struct buf body = {0}, text = {0};
    struct session_answer got;

    write_request(c, &body);
    c->broken = false;
    buf_clear(&c->said);
    c->frames = frames_new(STR("text/event-stream"));
    const struct session_call call = {.method = "POST",
                                      .path = "/v1/chat/completions",
                                      .body = buf_str(&body),
                                      .piece = on_piece,
                                      .arg = c};
    bool good = c->frames && session_do(&c->session, &call, &got) == OK && got.http_status == 200;
    if (c->frames && !good) {
        session_error_text(&got, &text);
        cli_complain("%.*s", STR_ARG(buf_str(&text)));
    }
    good = good && !c->broken;
    if (c->said.n)
        fputc('\n', stdout);
    if (good)
        add_message(&c->history, "assistant", buf_str(&c->said));
    if (c->frames)
        buf_free(&got.body);
    frames_free(c->frames);
    buf_free(&body);
    buf_free(&text);
    return good;
}

/* --- the conversation ------------------------------------------------------------------------ */

static bool say(struct chat *c, struct str text)
{
    size_t before = c->history.n;

    add_message(&c->history, "user", text);
    if (answer(c))
        return true;
    c->history.n = before; /* as if it had not been said */
    return false;
}

/* Lines that begin with a slash; false ends the conversation. */
static bool obey(struct chat *c, struct str line)
{
    struct str rest = line, word = str_cut(&rest, ' ');

    if (str_is(word, "/quit") || str_is(word, "/exit"))
        return false;
    if (str_is(word, "/new")) {
        c->history.n = c->system;
        puts("(a new conversation)");
    } else if (str_is(word, "/model") && str_trim(rest).n) {
        buf_clear(&c->model);
        buf_add_str(&c->model, str_trim(rest));
    } else if (str_is(word, "/model")) {
        printf("(%.*s)\n", STR_ARG(buf_str(&c->model)));
    } else {
        puts("(/quit ends, /new forgets the conversation, /model NAME changes the model)");
    }
    return true;
}

static int converse(struct chat *c)
{
    bool terminal = isatty(STDIN_FILENO), good = true;
    char *line = NULL;
    size_t room = 0;

    if (terminal)
        printf("%.*s. /quit ends, /new forgets the conversation, /model NAME changes the model.\n",
               STR_ARG(buf_str(&c->model)));
    for (;;) {
        if (terminal)
            fputs("> ", stdout);
        fflush(stdout);
        ssize_t n = getline(&line, &room, stdin);
        if (n < 0)
            break;
        struct str text = str_trim((struct str){line, (size_t)n});
        if (text.n && text.p[0] == '/') {
            if (!obey(c, text))
                break;
        } else if (text.n) {
            good = say(c, text) && good;
        }
    }
    free(line);
    return good ? CLI_GOOD : CLI_PROBLEM;
}

static status open_session(struct session *s, const char *url, const char *file)
{
    *s = (struct session){0};
    if (url)
        return session_open_url(s, url, getenv("CORELAY_API_KEY"));
    struct config *config = cli_load_config(file);
    return config ? session_open(s, config) : E_SYNTAX;
}

int command_chat(int argc, char **argv)
{
    const char *file = NULL, *model = NULL, *system_text = NULL, *url = NULL;
    int code = CLI_GOOD;
    const struct cli_option options[] = {
        {"model", "NAME", "the model; else the first in the list", &model, NULL},
        {"system", "TEXT", "a system message", &system_text, NULL},
        {"url", "URL", "through the gateway there; key in $CORELAY_API_KEY", &url, NULL},
        CLI_CONFIG(&file),
        CLI_END};
    const struct cli_syntax syntax = {
        "chat",
        "[QUESTION]",
        "Talk to a model; with a question, ask only that. Without --url no web server is needed:\n"
        "the gateway works inside of this program.",
        options,
        1,
        0};
    struct chat c = {0};

    int first = cli_parse(&syntax, argc, argv, &code);
    if (first < 0)
        return code;
    code = CLI_PROBLEM;
    status s = open_session(&c.session, url, file);
    if (!s && model)
        buf_add_cstr(&c.model, model);
    else if (!s)
        s = session_first_model(&c.session, &c.model);
    if (system_text)
        add_message(&c.history, "system", str_from(system_text));
    c.system = c.history.n;
    if (!s && first < argc)
        code = say(&c, str_from(argv[first])) ? CLI_GOOD : CLI_PROBLEM;
    else if (!s)
        code = converse(&c);
    session_close(&c.session);
    buf_free(&c.model);
    buf_free(&c.history);
    buf_free(&c.said);
    return code;
}

/* corelay status: what the responders of this host know of their targets, from the files they share.
   No server is asked. */
#include <inttypes.h>
#include <stdio.h>

#include "aicore/token.h"
#include "base/clock.h"
#include "base/sandbox.h"
#include "chat/error.h"
#include "cli/cli.h"
#include "route/health.h"
#include "route/pick.h"

static const char *const state_words[] = {
    [HEALTH_GOOD] = "good",   [HEALTH_HALF_OPEN] = "half-open", [HEALTH_SHAKY] = "shaky",
    [HEALTH_OPEN] = "broken", [HEALTH_COOLING] = "cooling",
};

struct view {
    const struct config *config;
    const struct scoreboard *board; /* NULL: there is none yet */
    int64_t now_ms;
    struct jwrite *json; /* NULL: print lines */
    size_t tokens;
};

/* --- targets --------------------------------------------------------------------------------- */

struct target_view {
    struct str label;
    char label_text[BOARD_LABEL_BYTES];
    enum health_state state;
    int64_t wait_ms;
    uint32_t in_flight, failures, latency_ms;
    uint64_t tries, failed;
    int last_status; /* 0: none */
    const char *last_error;
    int64_t last_s;
};

static void look_at_error(const struct board_target *t, struct target_view *v)
{
    uint64_t code = atomic_load(&t->last_error);
    enum chat_error_kind kind = (enum chat_error_kind)(code & 0xffff);

    v->last_status = (int)(code >> 16 & 0xffff);
    v->last_s = (int64_t)(atomic_load(&t->last_at_s) & INT64_C(0xffffffffff));
    if (code)
        v->last_error = kind <= CHAT_ERROR_TIMEOUT ? chat_error_word(kind) : "unknown";
}

static struct target_view look_at_target(const struct view *view, const struct board_target *t)
{
    struct target_view v = {.in_flight = scoreboard_in_flight(view->board, t),
                            .failures = atomic_load(&t->failures),
                            .latency_ms = atomic_load(&t->latency_ms),
                            .tries = atomic_load(&t->tries),
                            .failed = atomic_load(&t->failed)};
    struct health h = {.target = (struct board_target *)(uintptr_t)t};

    v.label = board_label(&t->row, v.label_text);
    v.label.p = NULL; /* the text moves with the struct */
    v.state = health_look(&h, view->now_ms, &v.wait_ms);
    look_at_error(t, &v);
    return v;
}

static void print_target(const struct target_view *v)
{
    char when[CLOCK_TEXT_BYTES] = "", wait[24] = "";

    if (v->wait_ms)
        snprintf(wait, sizeof wait, " %" PRId64 " s", (v->wait_ms + 999) / 1000);
    printf("  %-9s%-7s %5" PRIu32 " %7" PRIu64 " %7" PRIu64 " %7" PRIu32 "  %.*s",
           state_words[v->state], wait, v->in_flight, v->tries, v->failed, v->latency_ms,
           (int)v->label.n, v->label_text);
    if (v->last_error) {
        clock_render(v->last_s * 1000, when);
        printf("  (last error %d %s, %.19s)", v->last_status, v->last_error, when);
    }
    putchar('\n');
}

static void write_target(struct jwrite *w, const struct target_view *v)
{
    jwrite_object(w);
    jwrite_member_str(w, "target", (struct str){v->label_text, v->label.n});
    jwrite_member_cstr(w, "state", state_words[v->state]);
    jwrite_member_int(w, "wait_ms", v->wait_ms);
    jwrite_member_int(w, "in_flight", v->in_flight);
    jwrite_member_int(w, "failures_in_a_row", v->failures);
    jwrite_member_int(w, "latency_ms", v->latency_ms);
    jwrite_member_int(w, "tries", (int64_t)v->tries);
    jwrite_member_int(w, "failed", (int64_t)v->failed);
    if (v->last_error) {
        jwrite_member_object(w, "last_error");
        jwrite_member_int(w, "status", v->last_status);
        jwrite_member_cstr(w, "kind", v->last_error);
        jwrite_member_int(w, "at", v->last_s);
        jwrite_end(w);
    }
    jwrite_end(w);
}

static void show_targets(struct view *view)
{
    const struct board_target *t;

    if (view->json)
        jwrite_member_array(view->json, "targets");
    else
        puts("targets\n  state          in fl.   tries  failed      ms  subaccount/deployment "
             "model");
    for (unsigned i = 0; view->board && (t = scoreboard_target_at(view->board, i)) != NULL; i++) {
        if (atomic_load(&t->is_key))
            continue;
        struct target_view v = look_at_target(view, t);
        if (view->json)
            write_target(view->json, &v);
        else
            print_target(&v);
    }
    if (view->json)
        jwrite_end(view->json);
}

/* --- keys with a limit ------------------------------------------------------------------------- */

static void show_key(const struct view *view, const struct board_target *t)
{
    char text[BOARD_LABEL_BYTES];
    struct str name = board_label(&t->row, text);
    uint32_t in_flight = scoreboard_in_flight(view->board, t);

    if (!view->json) {
        printf("  %-20.*s %5" PRIu32 " in flight\n", STR_ARG(name), in_flight);
        return;
    }
    jwrite_object(view->json);
    jwrite_member_str(view->json, "key", name);
    jwrite_member_int(view->json, "in_flight", in_flight);
    jwrite_end(view->json);
}

static void show_keys(struct view *view)
{
    const struct board_target *t;
    bool any = false;

    if (view->json)
        jwrite_member_array(view->json, "keys");
    for (unsigned i = 0; view->board && (t = scoreboard_target_at(view->board, i)) != NULL; i++) {
        if (!atomic_load(&t->is_key))
            continue;
        if (!view->json && !any)
            puts("keys with a limit");
        any = true;
        show_key(view, t);
    }
    if (view->json)
        jwrite_end(view->json);
}

/* --- quota domains --------------------------------------------------------------------------- */

static void show_domain(struct view *view, const struct board_domain *d)
{
    char text[BOARD_LABEL_BYTES];
    struct str label = board_label(&d->row, text);
    struct health h = {.domain = (struct board_domain *)(uintptr_t)d,
                       .paced = view->config->routing.pace};
    int64_t wait_ms;
    enum health_state state = health_look(&h, view->now_ms, &wait_ms);
    uint32_t requests = board_counted(&d->requests, view->now_ms), limit = atomic_load(&d->limit);
    uint64_t throttled = atomic_load(&d->throttled);

    if (!view->json) {
        char wait[24] = "";
        if (wait_ms)
            snprintf(wait, sizeof wait, " %" PRId64 " s", (wait_ms + 999) / 1000);
        printf("  %-9s%-7s %5" PRIu32 " %7" PRIu64 "  %.*s\n", state_words[state], wait, requests,
               throttled, STR_ARG(label));
        return;
    }
    jwrite_object(view->json);
    jwrite_member_str(view->json, "domain", label);
    jwrite_member_cstr(view->json, "state", state_words[state]);
    jwrite_member_int(view->json, "wait_ms", wait_ms);
    jwrite_member_int(view->json, "requests_this_minute", requests);
    jwrite_member_int(view->json, "limit_per_minute", limit);
    jwrite_member_int(view->json, "throttled", (int64_t)throttled);
    jwrite_end(view->json);
}

static void show_domains(struct view *view)
{
    const struct board_domain *d;

    if (view->json)
        jwrite_member_array(view->json, "domains");
    else
        puts("quota domains\n  state          min.   refused  model in subaccount");
    for (unsigned i = 0; view->board && (d = scoreboard_domain_at(view->board, i)) != NULL; i++)
        show_domain(view, d);
    if (view->json)
        jwrite_end(view->json);
}

/* --- the budget of retries --------------------------------------------------------------------- */

static void show_minute(struct view *view)
{
    static const struct board_common nothing;
    const struct board_common *common =
        view->board ? scoreboard_common((struct scoreboard *)(uintptr_t)view->board) : &nothing;
    uint32_t requests = board_counted(&common->requests, view->now_ms),
             retries = board_counted(&common->retries, view->now_ms),
             copies = board_counted(&common->copies, view->now_ms);
    int64_t allowed = route_retries_allowed(&view->config->routing, common, view->now_ms);

    if (!view->json) {
        printf("this minute: %" PRIu32 " requests, %" PRIu32 " retries of %" PRId64 " allowed",
               requests, retries, allowed);
        if (copies)
            printf(", %" PRIu32 " copies", copies);
        putchar('\n');
        return;
    }
    jwrite_member_object(view->json, "this_minute");
    jwrite_member_int(view->json, "requests", requests);
    jwrite_member_int(view->json, "retries", retries);
    jwrite_member_int(view->json, "retries_allowed", allowed);
    jwrite_member_int(view->json, "copies", copies);
    jwrite_end(view->json);
}

/* --- processes and tokens -------------------------------------------------------------------- */

static void show_process(const struct view *view, const struct board_seat *seat)
{
    struct buf text = {0};
    unsigned pid = atomic_load(&seat->pid);

    sandbox_describe(atomic_load(&seat->sandbox), &text);
    if (view->json) {
        jwrite_object(view->json);
        jwrite_member_int(view->json, "pid", pid);
        jwrite_member_str(view->json, "sandbox", buf_str(&text));
        jwrite_end(view->json);
    } else {
        printf("  %-7u sandbox: %.*s\n", pid, STR_ARG(buf_str(&text)));
    }
    buf_free(&text);
}

static void show_processes(const struct view *view)
{
    const struct board_seat *seat = NULL;
    unsigned n = 0;

    if (view->json)
        jwrite_member_array(view->json, "processes");
    else
        puts(view->board && scoreboard_seat_at(view->board, 0) ? "processes" : "processes: none");
    for (; view->board && (seat = scoreboard_seat_at(view->board, n)) != NULL; n++)
        show_process(view, seat);
    if (view->json)
        jwrite_end(view->json);
}

static const char *account_of(const struct config *c, const char *id)
{
    for (const struct config_account *a = c->accounts; a; a = a->next)
        if (strcmp(a->key->id, id) == 0)
            return a->name;
    return NULL;
}

static void show_token(void *arg, const struct token_entry *e)
{
    struct view *view = arg;
    const char *account = account_of(view->config, e->id);
    int64_t age_s = e->fetched_s ? clock_wall_s() - e->fetched_s : -1;

    view->tokens++;
    if (!view->json) {
        printf("  %-20s %s, fetched %" PRId64 " min ago\n", account ? account : e->id,
               e->usable    ? "usable"
               : e->problem ? e->problem
                            : "expired",
               age_s / 60);
        return;
    }
    jwrite_object(view->json);
    jwrite_member_cstr(view->json, "account", account);
    jwrite_member_cstr(view->json, "id", e->id);
    jwrite_member_bool(view->json, "usable", e->usable);
    jwrite_member_int(view->json, "age_s", age_s);
    jwrite_member_int(view->json, "expires", e->expires_s);
    jwrite_member_cstr(view->json, "problem", e->problem);
    jwrite_end(view->json);
}

static void show_tokens(struct view *view)
{
    if (view->json)
        jwrite_member_array(view->json, "tokens");
    else
        puts("tokens");
    token_list(view->config->state_dir, show_token, view);
    if (view->json)
        jwrite_end(view->json);
    else if (!view->tokens)
        puts("  none");
}

/* --- all ------------------------------------------------------------------------------------- */

static void show(struct view *view)
{
    if (view->json)
        jwrite_object(view->json);
    show_processes(view);
    show_minute(view);
    show_targets(view);
    show_domains(view);
    show_keys(view);
    show_tokens(view);
    if (view->json)
        jwrite_end_all(view->json);
}

static int run(const struct config *config, bool json)
{
    struct scoreboard *board = NULL;
    struct buf text = {0};
    struct jwrite w = jwrite_to(&text);

    if (!config->state_dir) {
        cli_complain("there is no state folder: what the responders know is in their memory alone");
        return CLI_PROBLEM;
    }
    status s = scoreboard_look(config->state_dir, &board);
    if (s && s != E_NOT_FOUND)
        cli_complain("%s/scoreboard cannot be read: %s", config->state_dir,
                     s == E_REFUSED ? "it is no file of mode 0600"
                     : s == E_SYNTAX
                         ? "it is damaged, or of another release, or from before the last boot"
                         : status_text(s));
    struct view view = {config, board, clock_ms(), json ? &w : NULL, 0};
    show(&view);
    if (json)
        cli_print(&text);
    buf_free(&text);
    scoreboard_close(board);
    return s && s != E_NOT_FOUND ? CLI_PROBLEM : CLI_GOOD;
}

int command_status(int argc, char **argv)
{
    const char *file = NULL;
    bool json = false;
    int code = CLI_GOOD;
    const struct cli_option options[] = {CLI_CONFIG(&file), CLI_JSON(&json), CLI_END};
    const struct cli_syntax syntax = {
        "status",
        "",
        "Show the targets that the responders of this host ask: health, cooldowns, requests in\n"
        "flight, last errors; quota domains; the budget of retries; tokens and their age. No "
        "server\n"
        "is asked.",
        options,
        0,
        0};

    if (cli_parse(&syntax, argc, argv, &code) < 0)
        return code;
    struct config *config = cli_load_config(file);
    if (!config)
        return CLI_PROBLEM;
    code = run(config, json);
    config_free(config);
    return code;
}

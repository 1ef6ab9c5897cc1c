/* Tokens: one fetch for all, and what happens when anything on the way is broken. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "aicore/retry_after.h"
#include "aicore/token.h"
#include "aicore/token_fetch.h"
#include "aicore/token_record.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "loopback.h"

/* --- a token service ------------------------------------------------------------------------- */

struct service {
    atomic_int requests, status, delay_ms, life_s;
    char headers[128], last[8192];
};

static struct service *service;
static struct loopback server;

static void answer(void *shared, struct str request, struct buf *reply)
{
    struct service *sv = shared;
    char json[256];
    int number = atomic_fetch_add(&sv->requests, 1) + 1;

    snprintf(sv->last, sizeof sv->last, "%.*s", STR_ARG(request));
    usleep((useconds_t)sv->delay_ms * 1000);
    if (sv->status == 200)
        snprintf(json, sizeof json,
                 "{\"access_token\":\"fake-token-%d\",\"token_type\":\"bearer\",\"expires_in\":%d}",
                 number, (int)sv->life_s);
    else
        snprintf(json, sizeof json, "{\"error\":\"invalid_client\"}");
    loopback_json(reply, sv->status, sv->headers, json);
}

/* --- a cache --------------------------------------------------------------------------------- */

struct fixture {
    char folder[64], state[80], file[160], lock[160], url[64];
    struct service_key key;
    struct token_settings settings;
    struct reactor *reactor;
    struct token_cache *cache;
};

static const struct http_settings http = {.proxy = ""};

static void open_cache(struct fixture *f)
{
    f->reactor = reactor_new(&http);
    f->cache = token_cache_new(f->reactor, f->state, &f->settings);
    assert_non_null(f->cache);
}

static void close_cache(struct fixture *f)
{
    token_cache_free(f->cache);
    reactor_free(f->reactor);
}

/* Another process, as far as the cache can tell. */
static void restart(struct fixture *f)
{
    close_cache(f);
    open_cache(f);
}

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);

    service = loopback_share(sizeof *service);
    service->status = 200;
    service->life_s = 3600;
    loopback_start(&server, answer, service);
    strcpy(f->folder, "/tmp/corelay-test-XXXXXX");
    assert_non_null(mkdtemp(f->folder));
    snprintf(f->state, sizeof f->state, "%s/state", f->folder);
    snprintf(f->file, sizeof f->file, "%s/token-0123456789abcdef.json", f->state);
    snprintf(f->lock, sizeof f->lock, "%s/token-0123456789abcdef.lock", f->state);
    snprintf(f->url, sizeof f->url, "http://127.0.0.1:%d/oauth/token", server.port);
    f->key = (struct service_key){.client_id = "sb-1!b1|aicore!b2",
                                  .client_secret = "fake$ecret=+/ %",
                                  .token_url = f->url,
                                  .id = "0123456789abcdef"};
    f->settings = (struct token_settings){.deadline_ms = 10000, .fetch_ms = 5000};
    open_cache(f);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    char command[128];

    close_cache(f);
    loopback_stop(&server);
    snprintf(command, sizeof command, "rm -rf '%s'", f->folder);
    assert_int_equal(system(command), 0);
    free(f);
    return 0;
}

struct got {
    bool done;
    int calls;
    status s;
    char token[64];
    enum chat_error_kind kind;
    int64_t retry_after_ms;
};

static void on_token(void *arg, status s, struct str token, const struct chat_error *err)
{
    struct got *got = arg;

    got->done = true;
    got->calls++;
    got->s = s;
    snprintf(got->token, sizeof got->token, "%.*s", STR_ARG(token));
    if (s) {
        assert_non_null(err);
        assert_true(err->message.n > 0);
        got->kind = err->kind;
        got->retry_after_ms = err->retry_after_ms;
    } else {
        assert_null(err);
    }
}

static struct got ask(struct fixture *f, const char *rejected)
{
    struct got got = {.done = false};
    struct token_wait *wait = token_get(f->cache, &f->key, str_from(rejected), on_token, &got);

    if (wait) {
        assert_false(got.done);
        reactor_run_until(f->reactor, &got.done);
    }
    assert_true(got.done);
    return got;
}

static void on_flag(void *arg)
{
    *(bool *)arg = true;
}

static void run_for(struct fixture *f, int64_t ms)
{
    bool over = false;
    struct timer timer = {0};

    assert_int_equal(timer_set(f->reactor, &timer, ms, on_flag, &over), OK);
    reactor_run_until(f->reactor, &over);
}

static void put(const char *path, const char *text, mode_t mode)
{
    FILE *out = fopen(path, "w");

    assert_non_null(out);
    fputs(text, out);
    fclose(out);
    assert_int_equal(chmod(path, mode), 0);
}

/* --- fetching -------------------------------------------------------------------------------- */

static void test_asks_with_an_encoded_form(void **state)
{
    struct got got = ask(*state, NULL);

    assert_int_equal(got.s, OK);
    assert_string_equal(got.token, "fake-token-1");
    assert_non_null(strstr(service->last, "POST /oauth/token HTTP/1.1\r\n"));
    assert_non_null(strstr(service->last, "Content-Type: application/x-www-form-urlencoded\r\n"));
    assert_non_null(strstr(service->last,
                           "\r\n\r\ngrant_type=client_credentials&client_id=sb-1%21b1%7Caicore%21b2"
                           "&client_secret=fake%24ecret%3D%2B%2F%20%25"));
}

static void test_callers_share_one_fetch(void **state)
{
    struct fixture *f = *state;
    struct got got[20] = {{.done = false}};

    service->delay_ms = 50;
    for (int i = 0; i < 20; i++)
        token_get(f->cache, &f->key, STR_NONE, on_token, &got[i]);
    while (!got[0].done || !got[19].done)
        run_for(f, 10);
    for (int i = 0; i < 20; i++) {
        assert_int_equal(got[i].calls, 1);
        assert_string_equal(got[i].token, "fake-token-1");
    }
    assert_string_equal(ask(f, NULL).token, "fake-token-1");
    assert_int_equal(service->requests, 1);
}

static void test_next_process_reads_the_file(void **state)
{
    struct fixture *f = *state;
    struct stat st;

    ask(f, NULL);
    assert_int_equal(stat(f->file, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    restart(f);
    assert_string_equal(ask(f, NULL).token, "fake-token-1");
    assert_int_equal(service->requests, 1);
}

static int ask_many(struct fixture *f, int count)
{
    struct got got[64] = {{.done = false}};

    close_cache(f); /* the parent's */
    open_cache(f);
    for (int i = 0; i < count; i++)
        token_get(f->cache, &f->key, STR_NONE, on_token, &got[i]);
    for (int i = 0; i < count; i++) {
        reactor_run_until(f->reactor, &got[i].done);
        if (got[i].s != OK || strcmp(got[i].token, "fake-token-1") != 0)
            return 1;
    }
    return 0;
}

static void test_eight_processes_fetch_once(void **state)
{
    struct fixture *f = *state;
    pid_t pids[8];

    service->delay_ms = 200;
    for (int i = 0; i < 8; i++) {
        pids[i] = fork();
        if (pids[i] == 0)
            _exit(ask_many(f, 25));
    }
    for (int i = 0; i < 8; i++) {
        int how;
        assert_int_equal(waitpid(pids[i], &how, 0), pids[i]);
        assert_int_equal(how, 0);
    }
    assert_int_equal(service->requests, 1);
}

/* From here on the token that was fetched is so old that it is refreshed when it is asked for. */
static void age_token(struct fixture *f)
{
    int64_t now_ms = clock_wall_ms();
    struct token_record record = {.token = STR("fake-token-1"),
                                  .fetched_ms = now_ms - 940 * 1000,
                                  .expires_ms = now_ms + 60 * 1000};
    struct buf text = {0};

    token_record_write(&text, &record);
    buf_add_char(&text, '\0');
    put(f->file, text.p, 0600);
    buf_free(&text);
    restart(f);
}

static void await_requests(struct fixture *f, int count)
{
    for (int i = 0; i < 500 && service->requests < count; i++)
        run_for(f, 20);
    run_for(f, 100); /* for the answer */
    assert_int_equal(service->requests, count);
}

static void test_old_token_serves_while_it_is_refreshed(void **state)
{
    struct fixture *f = *state;

    ask(f, NULL);
    age_token(f);
    service->delay_ms = 30;
    assert_string_equal(ask(f, NULL).token, "fake-token-1");
    await_requests(f, 2);
    for (int i = 0; i < 500 && strcmp(ask(f, NULL).token, "fake-token-2") != 0; i++)
        run_for(f, 20);
    assert_string_equal(ask(f, NULL).token, "fake-token-2");
    assert_int_equal(service->requests, 2);
}

static void test_valid_token_outlives_a_failing_service(void **state)
{
    struct fixture *f = *state;

    ask(f, NULL);
    age_token(f);
    service->status = 500;
    assert_string_equal(ask(f, NULL).token, "fake-token-1");
    await_requests(f, 2);
    assert_string_equal(ask(f, NULL).token, "fake-token-1");
    run_for(f, 20);
    assert_int_equal(service->requests, 2); /* left alone */
}

/* --- rejected tokens, refused credentials ---------------------------------------------------- */

static void test_rejected_token_is_replaced_once(void **state)
{
    struct fixture *f = *state;

    ask(f, NULL);
    assert_string_equal(ask(f, "fake-token-1").token, "fake-token-2");
    assert_string_equal(ask(f, "fake-token-1").token, "fake-token-2");
    assert_string_equal(ask(f, NULL).token, "fake-token-2");
    assert_int_equal(service->requests, 2);
}

static void test_another_process_has_replaced_it_already(void **state)
{
    struct fixture *f = *state, other = *f;

    ask(f, NULL);
    open_cache(&other);
    assert_string_equal(ask(&other, "fake-token-1").token, "fake-token-2");
    assert_string_equal(ask(f, "fake-token-1").token, "fake-token-2");
    assert_int_equal(service->requests, 2);
    close_cache(&other);
}

static void test_rejected_replacement_is_not_replaced_at_once(void **state)
{
    struct fixture *f = *state;

    ask(f, NULL);
    ask(f, "fake-token-1");
    struct got got = ask(f, "fake-token-2");
    assert_int_equal(got.s, E_REFUSED);
    assert_int_equal(got.kind, CHAT_ERROR_UPSTREAM_AUTH);
    assert_int_equal(service->requests, 2);
}

static void test_refused_credential_is_remembered_by_all(void **state)
{
    struct fixture *f = *state;

    service->status = 401;
    struct got got = ask(f, NULL);
    assert_int_equal(got.s, E_REFUSED);
    assert_int_equal(got.kind, CHAT_ERROR_UPSTREAM_AUTH);
    assert_int_equal(ask(f, NULL).s, E_REFUSED);
    restart(f);
    assert_int_equal(ask(f, NULL).s, E_REFUSED);
    assert_int_equal(service->requests, 1);
}

static void test_refused_credential_is_forgotten(void **state)
{
    struct fixture *f = *state;

    f->settings.refused_ms = 150;
    restart(f);
    service->status = 403;
    assert_int_equal(ask(f, NULL).s, E_REFUSED);
    service->status = 200;
    run_for(f, 200);
    assert_int_equal(ask(f, NULL).s, OK);
    assert_int_equal(service->requests, 2);
}

/* --- a service that fails -------------------------------------------------------------------- */

static void test_short_pause_is_waited_for_once(void **state)
{
    struct fixture *f = *state;

    f->settings.backoff_ms = 100;
    restart(f);
    service->status = 503;
    struct got got = ask(f, NULL);
    assert_int_equal(got.s, E_IO);
    assert_int_equal(got.kind, CHAT_ERROR_OVERLOADED);
    assert_int_equal(service->requests, 2);
    service->status = 200;
    assert_string_equal(ask(f, NULL).token, "fake-token-3");
}

static void test_retry_after_is_honoured_by_all(void **state)
{
    struct fixture *f = *state;

    service->status = 429;
    strcpy(service->headers, "Retry-After: 20\r\n");
    struct got got = ask(f, NULL);
    assert_int_equal(got.kind, CHAT_ERROR_OVERLOADED);
    assert_in_range(got.retry_after_ms, 19000, 20000);
    restart(f);
    got = ask(f, NULL);
    assert_in_range(got.retry_after_ms, 18000, 20000);
    assert_int_equal(service->requests, 1);
}

static void test_nobody_waits_beyond_the_deadline(void **state)
{
    struct fixture *f = *state;

    f->settings.deadline_ms = 150;
    restart(f);
    service->delay_ms = 2000; /* it would be OK, by then */
    struct got got = ask(f, NULL);
    assert_int_equal(got.s, E_TIMEOUT);
    assert_int_equal(got.kind, CHAT_ERROR_TIMEOUT);
}

static void test_service_is_down(void **state)
{
    struct fixture *f = *state;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int taken = socket(AF_INET, SOCK_STREAM, 0); /* a port that is ours, and nobody listens */

    assert_int_equal(bind(taken, (struct sockaddr *)&address, size), 0);
    assert_int_equal(getsockname(taken, (struct sockaddr *)&address, &size), 0);
    f->settings.backoff_ms = 50;
    sprintf(f->url, "http://127.0.0.1:%d/oauth/token", ntohs(address.sin_port));
    restart(f);
    assert_int_equal(ask(f, NULL).kind, CHAT_ERROR_OVERLOADED);
    close(taken);
}

/* --- files ----------------------------------------------------------------------------------- */

static void test_damaged_file_is_a_miss(void **state)
{
    static const char *const contents[] = {
        "",
        "{\"corelay_token\":1,\"token\":\"fake",
        "\x01\xff\xfe noise",
        "[]",
        "{\"corelay_token\":2,\"token\":\"x\",\"fetched_ms\":1,\"expires_ms\":9000000000000}",
        "{\"corelay_token\":1,\"token\":\"a\\r\\nX: y\",\"fetched_ms\":1,\"expires_ms\":2}",
        "{\"corelay_token\":1,\"token\":\"x\",\"fetched_ms\":1,\"expires_ms\":9000000000000}",
        "{\"corelay_token\":1,\"token\":7}",
        "{\"corelay_token\":1,\"token\":\"old\",\"fetched_ms\":1000,\"expires_ms\":2000}"};
    struct fixture *f = *state;

    for (size_t i = 0; i < sizeof contents / sizeof *contents; i++) {
        put(f->file, contents[i], 0600);
        restart(f);
        int before = service->requests;
        assert_int_equal(ask(f, NULL).s, OK);
        assert_int_equal(service->requests, before + 1);
        restart(f);
        assert_int_equal(ask(f, NULL).s, OK); /* mended */
        assert_int_equal(service->requests, before + 1);
    }
}

static void make_strange(const char *path, int how)
{
    unlink(path);
    rmdir(path);
    if (how == 0)
        assert_int_equal(symlink("/etc/hostname", path), 0);
    else if (how == 1)
        assert_int_equal(mkdir(path, 0700), 0);
    else if (how == 2)
        assert_int_equal(mkfifo(path, 0600), 0);
    else
        put(path, "{\"corelay_token\":1}", how == 3 ? 0644 : 0000);
}

static void test_strange_file_is_a_miss(void **state)
{
    struct fixture *f = *state;

    for (int how = 0; how <= 4; how++) {
        make_strange(f->file, how);
        restart(f);
        int before = service->requests;
        assert_int_equal(ask(f, NULL).s, OK);
        assert_int_equal(ask(f, NULL).s, OK);
        assert_int_equal(service->requests, before + 1);
    }
}

static void test_token_from_a_file_of_others_is_not_used(void **state)
{
    struct fixture *f = *state;

    ask(f, NULL);
    chmod(f->file, 0660);
    restart(f);
    assert_string_equal(ask(f, NULL).token, "fake-token-2");
}

static void test_works_without_a_folder(void **state)
{
    struct fixture *f = *state;

    close_cache(f);
    put(f->lock, "", 0600);
    strcat(f->state, "/token-0123456789abcdef.lock/below");
    open_cache(f);
    assert_string_equal(ask(f, NULL).token, "fake-token-1");
    assert_string_equal(ask(f, NULL).token, "fake-token-1");
    assert_int_equal(service->requests, 1);
}

static void test_folder_may_vanish(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(rmdir(f->state), 0);
    assert_int_equal(ask(f, NULL).s, OK);
    assert_int_equal(access(f->file, F_OK), 0);
}

static void test_works_on_a_full_disk(void **state)
{
    struct fixture *f = *state;
    struct rlimit old, none;

    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    none = (struct rlimit){0, old.rlim_max};
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &none), 0);
    struct got first = ask(f, NULL), second = ask(f, NULL);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
    assert_string_equal(first.token, "fake-token-1");
    assert_string_equal(second.token, "fake-token-1");
    assert_int_equal(access(f->file, F_OK), -1);
}

/* --- locks ----------------------------------------------------------------------------------- */

static pid_t hold_lock(const char *path)
{
    int ready[2];
    char byte;

    assert_int_equal(pipe(ready), 0);
    pid_t pid = fork();
    if (pid == 0) {
        int fd;
        if (file_try_lock(path, &fd) != OK || write(ready[1], "x", 1) != 1)
            _exit(1);
        for (;;)
            pause();
    }
    assert_int_equal(read(ready[0], &byte, 1), 1);
    close(ready[0]);
    close(ready[1]);
    return pid;
}

static void end_process(pid_t pid)
{
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
}

static void test_killed_holder_is_followed(void **state)
{
    struct fixture *f = *state;
    struct got got = {.done = false};
    pid_t pid = hold_lock(f->lock);

    f->settings.fetch_ms = 60000; /* one that hangs would be passed by behind the deadline only */
    restart(f);
    assert_non_null(token_get(f->cache, &f->key, STR_NONE, on_token, &got));
    run_for(f, 200);
    assert_false(got.done);
    assert_int_equal(service->requests, 0);
    end_process(pid);
    reactor_run_until(f->reactor, &got.done);
    assert_int_equal(got.s, OK);
}

static void test_hanging_holder_is_passed_by(void **state)
{
    struct fixture *f = *state;
    pid_t pid = hold_lock(f->lock);

    f->settings.fetch_ms = 200;
    restart(f);
    int64_t began = clock_ms();
    assert_int_equal(ask(f, NULL).s, OK);
    assert_true(clock_ms() - began >= 2000);
    end_process(pid);
}

static void test_file_is_read_while_another_holds_the_lock(void **state)
{
    struct fixture *f = *state;
    struct got got = {.done = false};
    char text[256];
    long long now = (long long)clock_wall_ms();
    pid_t pid = hold_lock(f->lock);

    assert_non_null(token_get(f->cache, &f->key, STR_NONE, on_token, &got));
    run_for(f, 50);
    snprintf(text, sizeof text,
             "{\"corelay_token\":1,\"token\":\"theirs\",\"fetched_ms\":%lld,\"expires_ms\":%lld}",
             now, now + 60000);
    assert_int_equal(file_write_private(f->file, str_from(text)), OK);
    reactor_run_until(f->reactor, &got.done);
    assert_string_equal(got.token, "theirs");
    assert_int_equal(service->requests, 0);
    end_process(pid);
}

/* --- callbacks ------------------------------------------------------------------------------- */

struct chain {
    struct fixture *f;
    struct token_wait *victim;
    struct got victim_got, next_got;
    bool done;
};

static void on_chain(void *arg, status s, struct str token, const struct chat_error *err)
{
    struct chain *chain = arg;

    (void)err;
    assert_int_equal(s, OK);
    chain->done = true;
    token_cancel(chain->victim);
    /* drops the very token that we borrow */
    token_get(chain->f->cache, &chain->f->key, token, on_token, &chain->next_got);
    assert_true(str_starts(token, "fake-token-1"));
}

static void test_callbacks_may_cancel_and_begin(void **state)
{
    struct fixture *f = *state;
    struct chain chain = {.f = f};

    /* the latest wait is called first */
    chain.victim = token_get(f->cache, &f->key, STR_NONE, on_token, &chain.victim_got);
    token_get(f->cache, &f->key, STR_NONE, on_chain, &chain);
    reactor_run_until(f->reactor, &chain.next_got.done);
    assert_true(chain.done);
    assert_string_equal(chain.next_got.token, "fake-token-2");
    assert_int_equal(chain.victim_got.calls, 0);
}

static void test_free_cancels(void **state)
{
    struct fixture *f = *state;
    struct got got = {.done = false};

    service->delay_ms = 100;
    token_get(f->cache, &f->key, STR_NONE, on_token, &got);
    run_for(f, 30);
    restart(f);
    run_for(f, 150);
    assert_int_equal(got.calls, 0);
}

/* --- text ------------------------------------------------------------------------------------ */

static void check_answer(const char *json, status expected, int64_t life_s)
{
    struct arena *arena = arena_new(0);
    struct token_answer got = {.life_s = 0};

    assert_int_equal(token_answer_parse(arena, str_from(json), &got), expected);
    if (!expected)
        assert_int_equal(got.life_s, life_s);
    arena_free(arena);
}

static void test_answers_of_the_service(void **state)
{
    (void)state;
    check_answer("{\"access_token\":\"x\",\"expires_in\":7199}", OK, 7199);
    check_answer("{\"access_token\":\"x\",\"expires_in\":\"43\"}", OK, 43);
    check_answer("{\"access_token\":\"x\"}", OK, 3600);
    check_answer("{\"access_token\":\"x\",\"expires_in\":null}", OK, 3600);
    check_answer("{\"access_token\":\"x\",\"expires_in\":0}", OK, 1);
    check_answer("{\"access_token\":\"x\",\"expires_in\":-5}", OK, 1);
    check_answer("{\"access_token\":\"x\",\"expires_in\":9007199254740000}", OK, TOKEN_LIFE_MAX_S);
    check_answer("{\"access_token\":\"\"}", E_SYNTAX, 0);
    check_answer("{\"access_token\":\"a b\"}", E_SYNTAX, 0);
    check_answer("{\"access_token\":\"a\\u0000b\"}", E_SYNTAX, 0);
    check_answer("{\"access_token\":\"\xc3\xa4\"}", E_SYNTAX, 0);
    check_answer("{\"access_token\":5}", E_SYNTAX, 0);
    check_answer("{}", E_SYNTAX, 0);
    check_answer("[]", E_SYNTAX, 0);
    check_answer("<html>", E_SYNTAX, 0);
}

static void test_record_and_clock(void **state)
{
    struct arena *arena = arena_new(0);
    struct token_record in = {.token = STR("a\"\\b"),
                              .fetched_ms = 1000000,
                              .expires_ms = 1060000,
                              .replacement = true,
                              .busy = {1000000, 1002000},
                              .failures = 3},
                        out;
    struct buf text = {.ceiling = 0};
    const char *problem;

    (void)state;
    token_record_write(&text, &in);
    assert_int_equal(token_record_parse(arena, buf_str(&text), &out, &problem), OK);
    assert_true(str_is(out.token, "a\"\\b") && out.replacement && out.failures == 3);
    assert_int_equal(token_record_left_ms(&out, 1020000), 40000);
    assert_int_equal(token_record_left_ms(&out, 1070000), 0);
    assert_int_equal(token_record_left_ms(&out, 500), 60000); /* the clock was set back */
    assert_int_equal(token_pause_left_ms(&out.busy, 1001500, 60000), 500);
    assert_int_equal(token_pause_left_ms(&out.busy, 1000000, 100), 100);
    assert_int_equal(token_pause_left_ms(&out.busy, 900000, 60000), 0);
    assert_int_equal(token_pause_left_ms(&out.refused, 1001500, 60000), 0);
    buf_free(&text);
    arena_free(arena);
}

static void test_retry_after(void **state)
{
    const int64_t now = 784111770; /* Sun, 06 Nov 1994 08:49:30 GMT */

    (void)state;
    assert_int_equal(retry_after_ms(STR("2"), now), 2000);
    assert_int_equal(retry_after_ms(STR(" 0.5 "), now), 500);
    assert_int_equal(retry_after_ms(STR("86400"), now), 60000);
    assert_int_equal(retry_after_ms(STR("99999999999999999999999"), now), 60000);
    assert_int_equal(retry_after_ms(STR("Sun, 06 Nov 1994 08:49:37 GMT"), now), 7000);
    assert_int_equal(retry_after_ms(STR("Sunday, 06-Nov-94 08:49:37 GMT"), now), 7000);
    assert_int_equal(retry_after_ms(STR("Sun Nov  6 08:49:37 1994"), now), 7000);
    assert_int_equal(retry_after_ms(STR("Sun, 06 Nov 1994 08:00:00 GMT"), now), 0);
    assert_int_equal(retry_after_ms(STR("Sun, 06 Nov 2094 08:00:00 GMT"), now), 60000);
    assert_int_equal(retry_after_ms(STR("soon"), now), 0);
    assert_int_equal(retry_after_ms(STR("-3"), now), 0);
    assert_int_equal(retry_after_ms(STR_NONE, now), 0);
}

/* --- the command line's view ----------------------------------------------------------------- */

struct listed {
    int count, usable;
    char problem[64];
};

static void on_entry(void *arg, const struct token_entry *entry)
{
    struct listed *listed = arg;

    listed->count++;
    listed->usable += entry->usable;
    if (entry->problem)
        snprintf(listed->problem, sizeof listed->problem, "%s", entry->problem);
    if (entry->usable)
        assert_int_equal(entry->expires_s - entry->fetched_s, 3600);
}

static void test_list_and_clear(void **state)
{
    struct fixture *f = *state;
    struct listed listed = {.count = 0};
    char other[160];
    int count;

    ask(f, NULL);
    snprintf(other, sizeof other, "%s/token-aaaaaaaaaaaaaaaa.json", f->state);
    put(other, "{", 0600);
    assert_int_equal(token_list(f->state, on_entry, &listed), OK);
    assert_int_equal(listed.count, 2);
    assert_int_equal(listed.usable, 1);
    assert_string_equal(listed.problem, "is no JSON object");
    assert_int_equal(token_clear(f->state, "0123456789abcdef", &count), OK);
    assert_int_equal(count, 1);
    assert_int_equal(access(f->file, F_OK), -1);
    assert_int_equal(token_clear(f->state, NULL, &count), OK);
    assert_int_equal(count, 1);
    assert_int_equal(token_list("/nonexistent/corelay", on_entry, &listed), OK);
}

int main(void)
{
#define WITH_SERVICE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        WITH_SERVICE(test_asks_with_an_encoded_form),
        WITH_SERVICE(test_callers_share_one_fetch),
        WITH_SERVICE(test_next_process_reads_the_file),
        WITH_SERVICE(test_eight_processes_fetch_once),
        WITH_SERVICE(test_old_token_serves_while_it_is_refreshed),
        WITH_SERVICE(test_valid_token_outlives_a_failing_service),
        WITH_SERVICE(test_rejected_token_is_replaced_once),
        WITH_SERVICE(test_another_process_has_replaced_it_already),
        WITH_SERVICE(test_rejected_replacement_is_not_replaced_at_once),
        WITH_SERVICE(test_refused_credential_is_remembered_by_all),
        WITH_SERVICE(test_refused_credential_is_forgotten),
        WITH_SERVICE(test_short_pause_is_waited_for_once),
        WITH_SERVICE(test_retry_after_is_honoured_by_all),
        WITH_SERVICE(test_nobody_waits_beyond_the_deadline),
        WITH_SERVICE(test_service_is_down),
        WITH_SERVICE(test_damaged_file_is_a_miss),
        WITH_SERVICE(test_strange_file_is_a_miss),
        WITH_SERVICE(test_token_from_a_file_of_others_is_not_used),
        WITH_SERVICE(test_works_without_a_folder),
        WITH_SERVICE(test_folder_may_vanish),
        WITH_SERVICE(test_works_on_a_full_disk),
        WITH_SERVICE(test_killed_holder_is_followed),
        WITH_SERVICE(test_hanging_holder_is_passed_by),
        WITH_SERVICE(test_file_is_read_while_another_holds_the_lock),
        WITH_SERVICE(test_callbacks_may_cancel_and_begin),
        WITH_SERVICE(test_free_cancels),
        WITH_SERVICE(test_list_and_clear),
        cmocka_unit_test(test_answers_of_the_service),
        cmocka_unit_test(test_record_and_clock),
        cmocka_unit_test(test_retry_after),
    };

    log_set_level(LOG_LEVEL_ERROR);
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * HTTP calls against a server of our own on loopback: what comes in which order, what a pause holds
 * back, what each limit does, and that a call can be ended from anywhere.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "http/client.h"
#include "http/reactor.h"

enum { BIG = 48 * 1024 * 1024, STEP = 64 * 1024 };

/* --- the server ------------------------------------------------------------------------------ */

static struct {
    int listener, port;
    atomic_int connections, requests, closed_early;
    atomic_long sent;
    pthread_mutex_t lock;
    struct buf last; /* the latest request, whole */
} server = {.lock = PTHREAD_MUTEX_INITIALIZER};

static bool send_all(int fd, struct str s)
{
    while (s.n) {
        ssize_t n = send(fd, s.p, s.n, MSG_NOSIGNAL);
        if (n <= 0)
            return false;
        s = str_slice(s, (size_t)n, s.n);
        atomic_fetch_add(&server.sent, n);
    }
    return true;
}

static void say(int fd, const char *text)
{
    send_all(fd, str_from(text));
}

/* Until the other side closes. */
static void wait_for_end(int fd)
{
    char c;

    if (recv(fd, &c, 1, 0) <= 0)
        atomic_fetch_add(&server.closed_early, 1);
}

static char pattern(size_t at)
{
    return (char)('a' + at / 7 % 26);
}

static void answer_big(int fd)
{
    char step[STEP];

    say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 50331648\r\n\r\n");
    for (size_t at = 0; at < BIG; at += STEP) {
        for (size_t i = 0; i < STEP; i++)
            step[i] = pattern(at + i);
        if (!send_all(fd, (struct str){step, STEP}))
            return;
    }
}

static void answer_long_head(int fd)
{
    char line[1024];

    say(fd, "HTTP/1.1 200 OK\r\n");
    memset(line, 'x', sizeof line);
    for (int i = 0; i < 300; i++) {
        say(fd, "X-Long: ");
        send_all(fd, (struct str){line, sizeof line});
        say(fd, "\r\n");
    }
    say(fd, "Content-Length: 0\r\n\r\n");
}

static void answer_slowly(int fd)
{
    say(fd, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    for (int i = 0; i < 5; i++) {
        usleep(30000);
        say(fd, "4\r\npart\r\n");
    }
    say(fd, "0\r\nX-Trailer: t\r\n\r\n");
}

static void answer_date(int fd)
{
    char line[128];
    time_t at = time(NULL) + 60;
    struct tm tm;

    strftime(
        line, sizeof line,
        "HTTP/1.1 503 No\r\nContent-Length: 0\r\nRetry-After: %a, %d %b %Y %H:%M:%S GMT\r\n\r\n",
        gmtime_r(&at, &tm));
    say(fd, line);
}

static void answer_echo(int fd, struct str request)
{
    char head[64];

    snprintf(head, sizeof head, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n", request.n);
    say(fd, head);
    send_all(fd, request);
}

static const struct {
    const char *path, *answer;
} fixed[] = {
    {"/whole", "HTTP/1.1 200 Fine\r\nContent-Type: text/plain\r\nX-Empty:\r\nX-Two: a: b \r\n"
               "Content-Length: 5\r\n\r\nhello"},
    {"/none", "HTTP/1.1 204 None\r\n\r\n"},
    {"/teapot", "HTTP/1.1 418 Teapot\r\nContent-Length: 6\r\n\r\nteapot"},
    {"/interim", "HTTP/1.1 103 Hints\r\nX-Early: 1\r\n\r\n"
                 "HTTP/1.1 200 OK\r\nX-Late: 2\r\nContent-Length: 2\r\n\r\nok"},
    {"/redirect", "HTTP/1.1 302 Away\r\nLocation: /whole\r\nContent-Length: 4\r\n\r\naway"},
    {"/retry-seconds", "HTTP/1.1 429 Slow\r\nRetry-After: 7\r\nContent-Length: 0\r\n\r\n"},
    {"/retry-huge",
     "HTTP/1.1 429 Slow\r\nRetry-After: 9223372036854775807\r\nContent-Length: 0\r\n\r\n"},
    {"/retry-word", "HTTP/1.1 429 Slow\r\nRetry-After: soon\r\nContent-Length: 0\r\n\r\n"},
    {"/retry-past", "HTTP/1.1 429 Slow\r\nRetry-After: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
                    "Content-Length: 0\r\n\r\n"},
};

/* These close the connection behind what they say. */
static const struct {
    const char *path, *answer;
} broken[] = {
    {"/cut", "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this"},
    {"/cut-chunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\npart\r\n"},
    {"/cut-head", "HTTP/1.1 200 OK\r\nContent-Le"},
    {"/nothing", ""},
    {"/garbage", "this is no http\r\n\r\n"},
    {"/bad-chunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\npart\r\n"},
};

/* False: close the connection. */
static bool answer(int fd, struct str path, struct str request)
{
    for (size_t i = 0; i < sizeof fixed / sizeof fixed[0]; i++)
        if (str_is(path, fixed[i].path)) {
            say(fd, fixed[i].answer);
            return true;
        }
    for (size_t i = 0; i < sizeof broken / sizeof broken[0]; i++)
        if (str_is(path, broken[i].path)) {
            say(fd, broken[i].answer);
            return false;
        }
    if (str_is(path, "/big"))
        answer_big(fd);
    else if (str_is(path, "/slow"))
        answer_slowly(fd);
    else if (str_is(path, "/long-head"))
        answer_long_head(fd);
    else if (str_is(path, "/retry-date"))
        answer_date(fd);
    else if (str_is(path, "/silent"))
        wait_for_end(fd);
    else if (str_is(path, "/stall")) {
        say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nfirst");
        wait_for_end(fd);
    } else {
        answer_echo(fd, request);
    }
    return !str_is(path, "/silent") && !str_is(path, "/stall");
}

static size_t announced(struct str head)
{
    size_t at = str_find(head, "Content-Length: ");

    return at < head.n ? strtoul(head.p + at + 16, NULL, 10) : 0;
}

static bool read_request(int fd, struct buf *in)
{
    char piece[4096];

    buf_clear(in);
    for (;;) {
        size_t head = str_find(buf_str(in), "\r\n\r\n");
        if (head < in->n && in->n >= head + 4 + announced(buf_str(in)))
            return true;
        ssize_t n = recv(fd, piece, sizeof piece, 0);
        if (n <= 0)
            return false;
        buf_add(in, piece, (size_t)n);
    }
}

static void *serve(void *arg)
{
    int fd = (int)(intptr_t)arg;
    struct buf in = {0};

    while (read_request(fd, &in)) {
        struct str rest = buf_str(&in);
        str_cut(&rest, ' ');
        atomic_fetch_add(&server.requests, 1);
        pthread_mutex_lock(&server.lock);
        buf_clear(&server.last);
        buf_add_str(&server.last, buf_str(&in));
        pthread_mutex_unlock(&server.lock);
        if (!answer(fd, str_cut(&rest, ' '), buf_str(&in)))
            break;
    }
    buf_free(&in);
    close(fd);
    return NULL;
}

static void *accept_all(void *arg)
{
    pthread_attr_t detached;

    (void)arg;
    pthread_attr_init(&detached);
    pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
    for (;;) {
        pthread_t thread;
        int fd = accept(server.listener, NULL, NULL);
        if (fd < 0)
            return NULL;
        atomic_fetch_add(&server.connections, 1);
        if (pthread_create(&thread, &detached, serve, (void *)(intptr_t)fd) != 0)
            close(fd);
    }
}

static int listen_anywhere(int *port)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof at;
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    if (bind(fd, (struct sockaddr *)&at, length) < 0 || listen(fd, 128) < 0 ||
        getsockname(fd, (struct sockaddr *)&at, &length) < 0)
        return -1;
    *port = ntohs(at.sin_port);
    return fd;
}

static int start_server(void **state)
{
    pthread_t thread;

    (void)state;
    server.listener = listen_anywhere(&server.port);
    return server.listener < 0 || pthread_create(&thread, NULL, accept_all, NULL);
}

/* --- a call and what is seen of it ----------------------------------------------------------- */

static struct reactor *reactor;

enum when { NEVER, IN_HEAD, IN_BODY };

struct seen {
    struct http_call *call;
    struct buf body;
    char order[8]; /* 'h', 'b' (the first), 'd' */
    size_t order_n;
    int heads, pieces, code;
    bool done, starting;
    struct http_result result;
    char text[256];
    int64_t retry_ms, began_ms, ended_ms;
    char header[64];           /* the value of ... */
    const char *wanted_header; /* ... this one */
    enum when cancel, pause;
    struct seen *cancels; /* another one that is ended from the same callback */
};

static void cancel(struct seen *s)
{
    http_cancel(s->call);
    s->call = NULL;
    s->done = true;
}

static void act(struct seen *s, enum when now)
{
    assert_false(s->starting);
    if (s->cancels && s->cancels->call)
        cancel(s->cancels);
    if (s->pause == now)
        http_pause(s->call, true);
    if (s->cancel == now)
        cancel(s);
}

static void note(struct seen *s, char what)
{
    if (s->order_n < sizeof s->order - 1 && (!s->order_n || s->order[s->order_n - 1] != what))
        s->order[s->order_n++] = what;
}

static void on_head(void *arg, struct http_call *call, int code)
{
    struct seen *s = arg;

    assert_false(s->done);
    assert_ptr_equal(call, s->call);
    note(s, 'h');
    s->heads++;
    s->code = code;
    s->retry_ms = http_retry_after_ms(call);
    struct str value = http_response_header(call, s->wanted_header ? s->wanted_header : "none");
    snprintf(s->header, sizeof s->header, "%.*s", value.p ? (int)value.n : 5,
             value.p ? value.p : "unset");
    act(s, IN_HEAD);
}

static void on_body(void *arg, struct str bytes)
{
    struct seen *s = arg;

    assert_false(s->done);
    assert_true(bytes.n > 0);
    note(s, 'b');
    s->pieces++;
    buf_add_str(&s->body, bytes);
    act(s, IN_BODY);
}

static void on_done(void *arg, const struct http_result *result)
{
    struct seen *s = arg;

    assert_false(s->done || s->starting);
    note(s, 'd');
    s->call = NULL;
    s->result = *result;
    s->ended_ms = clock_ms();
    snprintf(s->text, sizeof s->text, "%s", result->text);
    s->done = true;
}

static const struct http_events events = {on_head, on_body, on_done};

static void begin(struct seen *s, const struct http_request *request)
{
    s->began_ms = clock_ms();
    s->starting = true;
    s->call = http_start(reactor, request, &events, s);
    s->starting = false;
    assert_non_null(s->call);
}

static struct http_request get(const char *path)
{
    static char urls[16][128];
    static unsigned next;
    char *url = urls[next++ % 16];

    snprintf(url, sizeof urls[0], "http://127.0.0.1:%d%s", server.port, path);
    return (struct http_request){.method = "GET", .url = url};
}

static void set_true(void *arg)
{
    *(bool *)arg = true;
}

static void run_for(int64_t ms)
{
    struct timer end = {0};
    bool over = false;

    timer_set(reactor, &end, ms, set_true, &over);
    reactor_run_until(reactor, &over);
}

static void run(struct seen *s)
{
    reactor_run_until(reactor, &s->done);
}

static void fetch(struct seen *s, const struct http_request *request)
{
    begin(s, request);
    run(s);
}

static void forget(struct seen *s)
{
    buf_free(&s->body);
}

static int set_up(void **state)
{
    static const struct http_settings settings = {.proxy = "", .user_agent = "test/1"};

    (void)state;
    server.connections = server.requests = server.closed_early = 0;
    server.sent = 0;
    reactor = reactor_new(&settings);
    return reactor ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    reactor_free(reactor);
    return 0;
}

/* --- answers --------------------------------------------------------------------------------- */

static void head_body_done(void **state)
{
    struct seen s = {.wanted_header = "CONTENT-type"};
    struct http_request request = get("/whole");

    (void)state;
    fetch(&s, &request);
    assert_string_equal(s.order, "hbd");
    assert_int_equal(s.code, 200);
    assert_true(str_is(buf_str(&s.body), "hello"));
    assert_int_equal(s.result.outcome, HTTP_COMPLETE);
    assert_int_equal(s.result.bytes, 5);
    assert_false(s.result.reused);
    assert_string_equal(s.header, "text/plain");
    forget(&s);
}

static void expect_header(const char *path, const char *name, const char *value)
{
    struct seen s = {.wanted_header = name};
    struct http_request request = get(path);

    fetch(&s, &request);
    assert_string_equal(s.header, value);
    forget(&s);
}

static void headers(void **state)
{
    (void)state;
    expect_header("/whole", "x-two", "a: b");
    expect_header("/whole", "x-empty", "");
    expect_header("/whole", "x-tw", "unset");
    expect_header("/whole", "HTTP/1.1 200 Fine", "unset");
    expect_header("/interim", "x-late", "2");
    expect_header("/interim", "x-early", "unset"); /* of the interim answer */
}

static void other_answers(void **state)
{
    static const struct {
        const char *path, *order, *body;
        int code;
    } cases[] = {
        {"/none", "hd", "", 204},
        {"/teapot", "hbd", "teapot", 418},
        {"/interim", "hbd", "ok", 200},
        {"/redirect", "hbd", "away", 302}, /* not followed */
        {"/slow", "hbd", "partpartpartpartpart", 200},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct seen s = {0};
        struct http_request request = get(cases[i].path);
        fetch(&s, &request);
        assert_string_equal(s.order, cases[i].order);
        assert_int_equal(s.heads, 1);
        assert_int_equal(s.code, cases[i].code);
        assert_true(str_is(buf_str(&s.body), cases[i].body));
        assert_int_equal(s.result.outcome, HTTP_COMPLETE);
        forget(&s);
    }
    assert_int_equal(server.requests, 5);
}

static void streams_are_not_held_back(void **state)
{
    struct seen s = {0};
    struct http_request request = get("/slow");

    (void)state;
    fetch(&s, &request);
    assert_true(s.pieces >= 4); /* five chunks, 30 ms apart */
    forget(&s);
}

static void connections_serve_again(void **state)
{
    (void)state;
    for (int i = 0; i < 5; i++) {
        struct seen s = {0};
        struct http_request request = get("/whole");
        fetch(&s, &request);
        assert_int_equal(s.result.reused, i > 0);
        forget(&s);
    }
    assert_int_equal(server.connections, 1);
}

static void expect_retry(const char *path, int64_t from_ms, int64_t to_ms)
{
    struct seen s = {0};
    struct http_request request = get(path);

    fetch(&s, &request);
    assert_true(s.retry_ms >= from_ms && s.retry_ms <= to_ms);
    forget(&s);
}

static void retry_after(void **state)
{
    (void)state;
    expect_retry("/whole", 0, 0);
    expect_retry("/retry-seconds", 7000, 7000);
    expect_retry("/retry-date", 57000, 61000);
    expect_retry("/retry-word", 0, 0);
    expect_retry("/retry-past", 0, 0);
    expect_retry("/retry-huge", 0, INT64_MAX);
}

/* --- requests -------------------------------------------------------------------------------- */

static bool was_sent(const char *what)
{
    pthread_mutex_lock(&server.lock);
    bool found = str_find(buf_str(&server.last), what) < server.last.n;
    pthread_mutex_unlock(&server.lock);
    return found;
}

static void sends_what_it_is_told(void **state)
{
    const struct http_header extra[] = {{STR("X-One"), STR("1")},
                                        {STR("X-Nothing"), STR("")},
                                        {STR("Content-Type"), STR("application/json")}};
    struct http_request request = get("/echo");
    struct seen s = {0};

    (void)state;
    request.method = "POST";
    request.headers = extra;
    request.header_count = 3;
    request.body = STR("{\"a\":\"\0\"}");
    fetch(&s, &request);
    assert_true(was_sent("POST /echo HTTP/1.1\r\n") && was_sent("\r\nX-One: 1\r\n") &&
                was_sent("\r\nX-Nothing:\r\n") && was_sent("\r\nContent-Length: 9\r\n") &&
                was_sent("\r\nUser-Agent: test/1\r\n"));
    assert_true(was_sent("\r\nContent-Type: application/json\r\n"));
    assert_false(was_sent("Expect:") || was_sent("x-www-form-urlencoded"));
    assert_true(str_ends(buf_str(&s.body), "\"}"));
    forget(&s);
}

static void methods(void **state)
{
    static const char *const words[] = {"GET", "POST", "DELETE", "PUT", "PATCH"};

    (void)state;
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        char line[64];
        struct seen s = {0};
        struct http_request request = get("/method");
        request.method = words[i];
        fetch(&s, &request);
        snprintf(line, sizeof line, "%s /method HTTP/1.1\r\n", words[i]);
        assert_true(was_sent(line));
        forget(&s);
    }
}

static void big_bodies_are_sent(void **state)
{
    enum { BYTES = 3000000 };
    char *body = malloc(BYTES);
    struct http_request request = get("/echo");
    struct seen s = {0};

    (void)state;
    for (size_t i = 0; i < BYTES; i++)
        body[i] = pattern(i);
    request.method = "POST";
    request.body = (struct str){body, BYTES};
    fetch(&s, &request);
    assert_true(s.body.n > BYTES);
    assert_memory_equal(s.body.p + s.body.n - BYTES, body, BYTES);
    forget(&s);
    free(body);
}

static void expect_refused(struct str name, struct str value)
{
    const struct http_header header[] = {{STR("X-Good"), STR("1")}, {name, value}};
    struct http_request request = get("/echo");
    struct seen s = {0};

    request.headers = header;
    request.header_count = 2;
    fetch(&s, &request);
    assert_string_equal(s.order, "d");
    assert_int_equal(s.result.outcome, HTTP_BAD_REQUEST);
    assert_false(s.result.reused);
    assert_null(strstr(s.text, "fake-secret"));
    forget(&s);
}

static void headers_cannot_be_injected(void **state)
{
    (void)state;
    expect_refused(STR("X-Id"), STR("fake-secret\r\nX-Injected: 1"));
    expect_refused(STR("X-Id"), STR("a\nb"));
    expect_refused(STR("X-Id"), STR("a\rb"));
    expect_refused(STR("X-Id"), STR("a\0b"));
    expect_refused(STR("X-Id"), STR("\r\n"));
    expect_refused(STR("X-Id"), STR("\x7f"));
    expect_refused(STR("X-Id\r\nX-Injected"), STR("1"));
    expect_refused(STR("X-Id: 1\n"), STR("1"));
    expect_refused(STR("X Id"), STR("1"));
    expect_refused(STR("X-Id:"), STR("1"));
    expect_refused(STR(""), STR("1"));
    assert_int_equal(server.requests, 0);
}

static void unusable_urls(void **state)
{
    static const char *const urls[] = {
        "",           "file:///etc/passwd", "http://", "nonsense://x", "http://127.0.0.1:99999/",
        "http://a b/"};

    (void)state;
    for (size_t i = 0; i < sizeof urls / sizeof urls[0]; i++) {
        struct seen s = {0};
        struct http_request request = {.method = "GET", .url = urls[i]};
        fetch(&s, &request);
        assert_string_equal(s.order, "d");
        assert_int_equal(s.result.outcome, HTTP_BAD_REQUEST);
        forget(&s);
    }
}

/* --- what goes wrong ------------------------------------------------------------------------- */

static void nobody_listens(void **state)
{
    char url[64];
    int port, fd = listen_anywhere(&port);
    struct seen s = {0};

    (void)state;
    close(fd);
    snprintf(url, sizeof url, "http://127.0.0.1:%d/", port);
    struct http_request request = {.method = "GET", .url = url};
    fetch(&s, &request);
    assert_string_equal(s.order, "d");
    assert_int_equal(s.result.outcome, HTTP_NO_CONNECTION);
    assert_false(s.result.reused);
    assert_true(s.text[0] != '\0');
}

static void broken_answers(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof broken / sizeof broken[0]; i++) {
        struct seen s = {0};
        struct http_request request = get(broken[i].path);
        fetch(&s, &request);
        if (s.result.outcome != HTTP_BROKEN)
            fail_msg("%s: outcome %d", broken[i].path, (int)s.result.outcome);
        assert_int_equal(s.result.bytes, s.body.n);
        forget(&s);
    }
    struct seen cut = {0};
    struct http_request request = get("/cut");
    fetch(&cut, &request);
    assert_string_equal(cut.order, "hbd");
    assert_true(str_is(buf_str(&cut.body), "only this"));
    forget(&cut);
}

static void heads_are_limited(void **state)
{
    struct seen s = {0};
    struct http_request request = get("/long-head");

    (void)state;
    fetch(&s, &request);
    assert_string_equal(s.order, "d");
    assert_int_equal(s.result.outcome, HTTP_BROKEN);
    forget(&s);
}

static void no_tls_no_answer(void **state)
{
    char url[64];
    struct seen s = {0};

    (void)state;
    snprintf(url, sizeof url, "https://127.0.0.1:%d/whole", server.port);
    struct http_request request = {.method = "GET", .url = url, .first_byte_ms = 2000};
    begin(&s, &request);
    run(&s);
    assert_int_equal(s.heads, 0);
    assert_true(s.result.outcome == HTTP_TLS_FAILED || s.result.outcome == HTTP_TIMED_OUT);
    forget(&s);
}

/* --- limits ---------------------------------------------------------------------------------- */

static void expect_timeout(struct http_request request, const char *order, int64_t after_ms)
{
    struct seen s = {0};

    fetch(&s, &request);
    assert_string_equal(s.order, order);
    assert_int_equal(s.result.outcome, HTTP_TIMED_OUT);
    assert_in_range(s.ended_ms - s.began_ms, after_ms - 1, after_ms + 500);
    forget(&s);
}

static void first_byte_limit(void **state)
{
    struct http_request request = get("/silent");

    (void)state;
    request.first_byte_ms = 100;
    request.idle_ms = 5000;
    expect_timeout(request, "d", 100);
    usleep(50000);
    assert_int_equal(server.closed_early, 1); /* the connection is not left open */
}

/* A listener whose queue is full: further connections are neither taken nor refused. */
static int open_deaf_listener(int *filler, size_t count, char *url, size_t size)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof at;
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof at), 0);
    assert_int_equal(listen(fd, 0), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &n), 0);
    for (size_t i = 0; i < count; i++) {
        filler[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        connect(filler[i], (struct sockaddr *)&at, sizeof at);
    }
    snprintf(url, size, "http://127.0.0.1:%d/", ntohs(at.sin_port));
    return fd;
}

static void connect_limit(void **state)
{
    struct seen s = {0};
    int filler[4];
    char url[64];
    int deaf = open_deaf_listener(filler, 4, url, sizeof url);
    struct http_request request = {
        .method = "GET", .url = url, .connect_ms = 120, .first_byte_ms = 60 * 1000};

    (void)state;
    begin(&s, &request);
    run(&s);
    assert_string_equal(s.order, "d");
    assert_int_equal(s.result.outcome, HTTP_NO_CONNECTION);
    assert_in_range(s.ended_ms - s.began_ms, 119, 5000);
    forget(&s);
    for (size_t i = 0; i < 4; i++)
        close(filler[i]);
    close(deaf);
}

/* Whatever the first byte was allowed to take. */
static void idle_limit(void **state)
{
    struct http_request request = get("/stall");

    (void)state;
    request.idle_ms = 100;
    request.total_ms = 3000;
    expect_timeout(request, "hbd", 100);
    request.first_byte_ms = 2000;
    expect_timeout(request, "hbd", 100);
    request.first_byte_ms = 50;
    request.total_ms = 0;
    expect_timeout(request, "hbd", 100);
}

static void total_limit(void **state)
{
    struct http_request request = get("/stall");

    (void)state;
    request.total_ms = 120;
    request.idle_ms = 5000;
    expect_timeout(request, "hbd", 120);
}

static void activity_counts(void **state)
{
    struct seen s = {0};
    struct http_request request = get("/slow"); /* 150 ms, 30 between pieces */

    (void)state;
    request.first_byte_ms = 100;
    request.idle_ms = 100;
    fetch(&s, &request);
    assert_int_equal(s.result.outcome, HTTP_COMPLETE);
    forget(&s);
}

/* --- pausing --------------------------------------------------------------------------------- */

static void expect_pattern(const struct seen *s)
{
    assert_int_equal(s->body.n, BIG);
    for (size_t i = 0; i < BIG; i++)
        if (s->body.p[i] != pattern(i))
            fail_msg("byte %zu is wrong", i);
}

/* What the server has sent when it can send no more: the buffers between fill as fast as the machine
   lets them. */
static long sent_at_last(void)
{
    long before, sent = -1;
    int rounds = 0;

    do {
        before = sent;
        run_for(200);
        sent = atomic_load(&server.sent);
    } while (sent != before && rounds++ < 50);
    return sent;
}

static void a_pause_stops_reading(void **state)
{
    struct seen s = {.pause = IN_BODY};
    struct http_request request = get("/big");

    (void)state;
    begin(&s, &request);
    assert_true(sent_at_last() < BIG); /* the rest waits in the kernels and at the server */
    assert_int_equal(s.pieces, 1);
    s.pause = NEVER;
    http_pause(s.call, false);
    run(&s);
    assert_int_equal(s.result.outcome, HTTP_COMPLETE);
    expect_pattern(&s);
    forget(&s);
}

/* Paused in every callback, resumed from a timer, hundreds of times. */
static void many_pauses_lose_nothing(void **state)
{
    struct seen s = {.pause = IN_BODY};
    struct http_request request = get("/big");
    int pauses = 0;

    (void)state;
    begin(&s, &request);
    while (!s.done) {
        run_for(0);
        if (s.done)
            break;
        if (++pauses == 500)
            s.pause = NEVER;
        http_pause(s.call, false);
    }
    assert_true(pauses > 100);
    assert_int_equal(s.result.outcome, HTTP_COMPLETE);
    expect_pattern(&s);
    forget(&s);
}

static void to_and_fro_in_one_turn(void **state)
{
    struct seen s = {0};
    struct http_request request = get("/slow");

    (void)state;
    begin(&s, &request);
    http_pause(s.call, true);
    http_pause(s.call, true);
    http_pause(s.call, false);
    run_for(80);
    http_pause(s.call, true);
    http_pause(s.call, false);
    http_pause(s.call, true);
    int pieces = s.pieces;
    run_for(150);
    assert_int_equal(s.pieces, pieces);
    assert_false(s.done);
    http_pause(s.call, false);
    run(&s);
    assert_true(str_is(buf_str(&s.body), "partpartpartpartpart"));
    forget(&s);
}

static void a_pause_in_the_head_holds_the_body(void **state)
{
    struct seen s = {.pause = IN_HEAD};
    struct http_request request = get("/whole");

    (void)state;
    begin(&s, &request);
    run_for(100);
    assert_int_equal(s.heads, 1);
    assert_int_equal(s.pieces, 0);
    http_pause(s.call, false);
    run(&s);
    assert_true(str_is(buf_str(&s.body), "hello"));
    forget(&s);
}

static void limits_rest_while_paused(void **state)
{
    struct seen s = {.pause = IN_BODY};
    struct http_request request = get("/stall");

    (void)state;
    request.idle_ms = 100;
    begin(&s, &request);
    run_for(300);
    assert_false(s.done);
    s.pause = NEVER;
    http_pause(s.call, false);
    int64_t resumed = clock_ms();
    run(&s);
    assert_int_equal(s.result.outcome, HTTP_TIMED_OUT);
    assert_in_range(s.ended_ms - resumed, 99, 600);
    forget(&s);

    s = (struct seen){.pause = IN_BODY};
    request.total_ms = 150; /* but for the total one */
    fetch(&s, &request);
    assert_int_equal(s.result.outcome, HTTP_TIMED_OUT);
    assert_in_range(s.ended_ms - s.began_ms, 149, 600);
    forget(&s);
}

/* --- cancelling ------------------------------------------------------------------------------ */

static void expect_cancelled(const char *path, enum when when, const char *order)
{
    struct seen s = {.cancel = when};
    struct http_request request = get(path);

    begin(&s, &request);
    run(&s);
    run_for(30);
    assert_string_equal(s.order, order);
    forget(&s);
}

static void cancel_within_callbacks(void **state)
{
    (void)state;
    expect_cancelled("/whole", IN_HEAD, "h");
    expect_cancelled("/whole", IN_BODY, "hb");
    expect_cancelled("/none", IN_HEAD, "h");
    expect_cancelled("/big", IN_BODY, "hb");
    expect_cancelled("/stall", IN_BODY, "hb");
}

static void cancel_outside(void **state)
{
    struct seen s = {0};
    struct http_request request = get("/stall");

    (void)state;
    begin(&s, &request);
    cancel(&s); /* at once */
    run_for(20);
    assert_int_equal(s.order_n, 0);
    assert_int_equal(server.requests, 0);

    s = (struct seen){0};
    begin(&s, &request);
    run_for(100);
    cancel(&s);
    run_for(20);
    usleep(20000);
    assert_string_equal(s.order, "hb");
    assert_int_equal(server.closed_early, 1); /* upstream learns of it */
    forget(&s);

    s = (struct seen){.pause = IN_BODY};
    request = get("/big");
    begin(&s, &request);
    run_for(100);
    http_pause(s.call, false);
    cancel(&s); /* with a resumption still to be done */
    run_for(20);
    assert_int_equal(s.pieces, 1);
    forget(&s);
}

/* Resuming delivers on the spot: also there a call may be ended. */
static void cancel_while_resuming(void **state)
{
    struct seen s = {.pause = IN_BODY};
    struct http_request request = get("/big");

    (void)state;
    begin(&s, &request);
    run_for(100);
    s.pause = NEVER;
    s.cancel = IN_BODY;
    http_pause(s.call, false);
    run(&s);
    run_for(20);
    assert_int_equal(s.pieces, 2);
    forget(&s);
}

static void callbacks_may_end_other_calls(void **state)
{
    struct seen other = {0}, s = {.cancels = &other};
    struct http_request slow = get("/stall"), fast = get("/slow");

    (void)state;
    begin(&other, &slow);
    begin(&s, &fast);
    run(&s);
    run_for(20);
    assert_true(strchr(other.order, 'd') == NULL);
    assert_int_equal(s.result.outcome, HTTP_COMPLETE);
    forget(&other);
    forget(&s);
}

static void start_next(void *arg, const struct http_result *result)
{
    struct seen *s = arg;
    struct http_request request = get("/whole");

    assert_int_equal(result->outcome, HTTP_COMPLETE);
    s->done = false;
    s->call = http_start(reactor, &request, &events, s);
    assert_non_null(s->call);
}

static void done_may_start_the_next(void **state)
{
    static const struct http_events first = {on_head, on_body, start_next};
    struct seen s = {0};
    struct http_request request = get("/whole");

    (void)state;
    s.call = http_start(reactor, &request, &first, &s);
    run(&s);
    assert_string_equal(s.order, "hbhbd");
    assert_true(s.result.reused);
    forget(&s);
}

/* Many at once, ended and paused at random moments: nobody gets another's bytes, nothing leaks. */
static void a_crowd(void **state)
{
    enum { CROWD = 60 };
    static struct seen crowd[CROWD];
    static const char *const paths[] = {"/whole", "/slow", "/cut", "/none", "/stall", "/teapot"};

    (void)state;
    srand(3);
    for (int i = 0; i < CROWD; i++) {
        struct http_request request = get(paths[i % 6]);
        request.idle_ms = 200;
        request.total_ms = 1000; /* every resumption begins the idle limit anew */
        crowd[i] =
            (struct seen){.cancel = (enum when)(rand() % 4), .pause = (enum when)(rand() % 3)};
        begin(&crowd[i], &request);
    }
    for (bool busy = true; busy;) {
        run_for(5);
        busy = false;
        for (int i = 0; i < CROWD; i++) {
            busy |= !crowd[i].done;
            if (!crowd[i].done)
                http_pause(crowd[i].call, rand() % 2 == 0);
        }
    }
    for (int i = 0; i < CROWD; i++) {
        if (i % 6 == 0 && crowd[i].order_n && crowd[i].cancel != IN_HEAD)
            assert_true(str_is(buf_str(&crowd[i].body), "hello"));
        forget(&crowd[i]);
    }
}

/* --- which addresses ------------------------------------------------------------------------- */

static void allowed_urls(void **state)
{
    static const struct {
        const char *url;
        bool allowed, allowed_plain;
    } cases[] = {
        {"https://api.example.com/v2", true, true},
        {"https://api.example.com", true, true},
        {"https://", false, false},
        {"https:///v2", false, false},
        {"https://user@api.example.com/", false, false},
        {"http://api.example.com/", false, true},
        {"http://api.example.com:8080/x", false, true},
        {"http://localhost/", true, true},
        {"http://localhost", true, true},
        {"http://localhost:81/a", true, true},
        {"http://127.0.0.1:8080", true, true},
        {"http://127.1.2.3/", true, true},
        {"http://[::1]:80/", true, true},
        {"http://[::1]", true, true},
        {"http://[::2]/", false, true},
        {"http://", false, false},
        {"http:///", false, false},
        {"http://:80/", false, false},
        {"http://localhost.example.com/", false, true},
        {"http://127.example.com/", false, true},
        {"http://127.0.0.1.example.com/", false, true},
        {"http://127.0.0.1@example.com/", false, false},
        {"http://localhost:80@example.com/", false, false},
        {"http://[::1].example.com/", false, false},
        {"http://[::1/", false, false},
        {"http://example.com?/localhost", false, true},
        {"http://example.com#@localhost/", false, false},
        {"http://localhost?@example.com/", false, false},
        {"http://localhost\\@example.com/", false, false},
        {"ftp://localhost/", false, false},
        {"file:///etc/passwd", false, false},
        {"localhost", false, false},
        {"", false, false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        if (http_url_allowed(cases[i].url, false) != cases[i].allowed ||
            http_url_allowed(cases[i].url, true) != cases[i].allowed_plain)
            fail_msg("%s", cases[i].url);
}

static void near_urls(void **state)
{
    static const char sap[] = "https://api.ai.prod.eu.example.com/v2";
    static const struct {
        const char *url, *home;
        bool near;
    } cases[] = {
        {"https://api.ai.prod.eu.example.com/v2/inference/deployments/d1", sap, true},
        {"https://API.ai.prod.EU.example.com:443/d1", sap, true},
        {"https://models.ai.prod.eu.example.com/d1", sap, true},
        {"https://d1.models.ai.prod.eu.example.com/", sap, true},
        {"https://ai.prod.eu.example.com/d1", sap, false},
        {"https://xai.prod.eu.example.com/d1", sap, false},
        {"https://example.com/api.ai.prod.eu.example.com/", sap, false},
        {"https://api.ai.prod.eu.example.com.evil.example/", sap, false},
        {"https://api.ai.prod.eu.example.com@evil.example/", sap, false},
        {"https://evil.example?.ai.prod.eu.example.com", sap, false},
        {"https://evil.example\\.ai.prod.eu.example.com", sap, false},
        {"https://other.example.com/", "https://api.example.com", false},
        {"https://other.co.uk/", "https://mine.co.uk", false},
        {"http://127.0.0.1:81/", "http://127.0.0.1:80/v2", true},
        {"http://10.0.0.1/", "http://127.0.0.1", false},
        {"http://9.1.2.3/", "http://8.1.2.3", false},
        {"http://[::1]:81/", "http://[::1]:80/v2", true},
        {"https:///x", sap, false},
        {"", sap, false},
        {"", "", false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        if (http_url_is_near(cases[i].url, cases[i].home) != cases[i].near)
            fail_msg("%s", cases[i].url);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(head_body_done),
        TEST(headers),
        TEST(other_answers),
        TEST(streams_are_not_held_back),
        TEST(connections_serve_again),
        TEST(retry_after),
        TEST(sends_what_it_is_told),
        TEST(methods),
        TEST(big_bodies_are_sent),
        TEST(headers_cannot_be_injected),
        TEST(unusable_urls),
        TEST(nobody_listens),
        TEST(broken_answers),
        TEST(heads_are_limited),
        TEST(no_tls_no_answer),
        TEST(connect_limit),
        TEST(first_byte_limit),
        TEST(idle_limit),
        TEST(total_limit),
        TEST(activity_counts),
        TEST(a_pause_stops_reading),
        TEST(many_pauses_lose_nothing),
        TEST(to_and_fro_in_one_turn),
        TEST(a_pause_in_the_head_holds_the_body),
        TEST(limits_rest_while_paused),
        TEST(cancel_within_callbacks),
        TEST(cancel_outside),
        TEST(cancel_while_resuming),
        TEST(callbacks_may_end_other_calls),
        TEST(done_may_start_the_next),
        TEST(a_crowd),
        cmocka_unit_test(allowed_urls),
        cmocka_unit_test(near_urls),
    };
    signal(SIGPIPE, SIG_IGN);
    alarm(120);
    return cmocka_run_group_tests(tests, start_server, NULL);
}

/* Connections as the kernel tells of them: real ones, over loopback. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "peer.h"

enum { LINE_BYTES = 80, LINES = 5 };

struct pair {
    int listener, caller, server; /* `server` is the web server's end */
    char lines[LINES - 1][LINE_BYTES];
    char *env[LINES];
};

static void put_address(struct pair *p, size_t at, const char *side,
                        const struct sockaddr_storage *a)
{
    const struct sockaddr_in *four = (const void *)a;
    const struct sockaddr_in6 *six = (const void *)a;
    bool is_four = a->ss_family == AF_INET;
    char text[INET6_ADDRSTRLEN];

    inet_ntop(a->ss_family, is_four ? (const void *)&four->sin_addr : &six->sin6_addr, text,
              sizeof text);
    snprintf(p->lines[at], LINE_BYTES, "%s_ADDR=%s", side, text);
    snprintf(p->lines[at + 1], LINE_BYTES, "%s_PORT=%u", side,
             ntohs(is_four ? four->sin_port : six->sin6_port));
    p->env[at] = p->lines[at];
    p->env[at + 1] = p->lines[at + 1];
}

static void open_pair(struct pair *p, int family)
{
    *p = (struct pair){.listener = socket(family, SOCK_STREAM, 0),
                       .caller = socket(family, SOCK_STREAM, 0)};
    struct sockaddr_storage here = {.ss_family = (sa_family_t)family}, there;
    socklen_t n = family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);

    if (family == AF_INET)
        ((struct sockaddr_in *)&here)->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    else
        ((struct sockaddr_in6 *)&here)->sin6_addr = in6addr_loopback;
    if (p->listener < 0 || bind(p->listener, (struct sockaddr *)&here, n) < 0) {
        close(p->listener);
        close(p->caller);
        skip(); /* a host without IPv6 */
    }
    assert_int_equal(listen(p->listener, 1), 0);
    assert_int_equal(getsockname(p->listener, (struct sockaddr *)&here, &n), 0);
    assert_int_equal(connect(p->caller, (struct sockaddr *)&here, n), 0);
    p->server = accept(p->listener, (struct sockaddr *)&there, &n);
    assert_true(p->server >= 0);
    put_address(p, 0, "SERVER", &here);
    put_address(p, 2, "REMOTE", &there);
}

static void close_pair(struct pair *p)
{
    close(p->listener);
    close(p->caller);
    close(p->server);
}

static int open_socket(void)
{
    int fd = peer_open();
    struct pair p;

    open_pair(&p, AF_INET);
    struct peer peer = peer_from(p.env);
    enum peer_state state = fd < 0 ? PEER_UNKNOWN : peer_look(fd, &peer);

    close_pair(&p);
    if (state == PEER_UNKNOWN) {
        close(fd);
        skip(); /* a kernel without sock_diag */
    }
    return fd;
}

/* What the caller's kernel sends takes a moment, also over loopback. */
static enum peer_state look_again(int fd, struct peer *peer)
{
    enum peer_state state = PEER_THERE;

    for (int i = 0; i < 500 && state == PEER_THERE; i++) {
        state = peer_look(fd, peer);
        poll(NULL, 0, 10);
    }
    return state;
}

static void notices(int family, int how, bool abort)
{
    int fd = open_socket();
    struct linger hard = {.l_onoff = 1};
    struct pair p;

    open_pair(&p, family);
    struct peer peer = peer_from(p.env);
    assert_int_equal(peer_look(fd, &peer), PEER_THERE);
    assert_int_equal(peer_look(fd, &peer), PEER_THERE);
    if (abort)
        setsockopt(p.caller, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
    if (how >= 0)
        shutdown(p.caller, how);
    else
        close(p.caller);
    assert_int_equal(look_again(fd, &peer), PEER_LEFT);
    if (how < 0)
        p.caller = dup(p.server);
    close_pair(&p);
    close(fd);
}

static void a_close(void **state)
{
    (void)state;
    notices(AF_INET, -1, false);
}

static void a_reset(void **state)
{
    (void)state;
    notices(AF_INET, -1, true);
}

static void half_a_close(void **state)
{
    (void)state;
    notices(AF_INET, SHUT_WR, false);
}

static void a_close_over_ipv6(void **state)
{
    (void)state;
    notices(AF_INET6, -1, false);
}

static void one_that_was_never_there(void **state)
{
    int fd = open_socket();
    struct peer peer;
    struct pair p;

    (void)state;
    open_pair(&p, AF_INET);
    p.env[3] = (char[]){"REMOTE_PORT=1"}; /* somebody listens, but that one has not called */
    peer = peer_from(p.env);
    assert_int_equal(peer_look(fd, &peer), PEER_UNKNOWN);
    close_pair(&p);
    close(fd);
}

static void variables_that_say_nothing(void **state)
{
    static const char *const odd[][4] = {
        {NULL},
        {"SERVER_ADDR=127.0.0.1", "SERVER_PORT=80", "REMOTE_ADDR=127.0.0.1", "REMOTE_PORT=0"},
        {"SERVER_ADDR=127.0.0.1", "SERVER_PORT=80", "REMOTE_ADDR=127.0.0.1", "REMOTE_PORT=65616"},
        {"SERVER_ADDR=127.0.0.1", "SERVER_PORT=http", "REMOTE_ADDR=127.0.0.1", "REMOTE_PORT=9"},
        {"SERVER_ADDR=127.0.0.1", "SERVER_PORT=80", "REMOTE_ADDR=::1", "REMOTE_PORT=9"},
        {"SERVER_ADDR=unix:", "SERVER_PORT=80", "REMOTE_ADDR=unix:", "REMOTE_PORT=9"},
        {"SERVER_ADDR=127.0.0.1", "SERVER_PORT=80", "REMOTE_ADDR=127.0.0.1"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof odd / sizeof odd[0]; i++) {
        char *env[5] = {0};
        for (size_t k = 0; k < 4; k++)
            env[k] = (char *)(uintptr_t)odd[i][k];
        struct peer peer = peer_from(env);
        assert_int_equal(peer.family, 0);
        assert_int_equal(peer_look(-1, &peer), PEER_UNKNOWN);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_close),
        cmocka_unit_test(a_reset),
        cmocka_unit_test(half_a_close),
        cmocka_unit_test(a_close_over_ipv6),
        cmocka_unit_test(one_that_was_never_there),
        cmocka_unit_test(variables_that_say_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

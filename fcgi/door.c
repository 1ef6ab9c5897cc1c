/*
 * Where connections come in: every reactor accepts.
 *
 * The kernel wakes one for a connection, an idle one if there is any, of all reactors and processes at
 * the socket. Who is woken takes a few of those that are waiting by then, so that their requests go out,
 * and their answers come in, together; in a burst that may leave little for the others, which have nothing
 * to gain as long as one keeps up. If the process that was woken is killed at this moment, the connection
 * waits until somebody looks, which each does now and then.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "responder.h"

enum { COMPLAIN_EVERY_MS = 10 * 1000, LOOK_MS = 1000, WAIT_MS = 100, AT_ONCE = 8 };

static void on_look(void *arg);

/* Not at each of many tries. */
static void complain(const char *why)
{
    static _Atomic int64_t next_ms;
    int64_t now = clock_ms(), next = atomic_load(&next_ms);

    if (now >= next && atomic_compare_exchange_strong(&next_ms, &next, now + COMPLAIN_EVERY_MS))
        log_error("cannot accept: %s", why);
}

/* Whoever knocks waits in the queue: do not spin. */
static void close_for_a_moment(struct loop *loop, const char *why)
{
    complain(why);
    watch_clear(loop->reactor, &loop->door);
    timer_set(loop->reactor, &loop->door_timer, WAIT_MS, on_look, loop);
}

/* False: there is none, or it cannot be had. */
static bool accept_one(struct loop *loop)
{
    struct timeval limit = {.tv_sec = SEND_TIMEOUT_S};

    if (!responder_lets_in(loop->responder)) {
        close_for_a_moment(loop, "many connections, and no request on them yet");
        return false;
    }
    int fd = accept4(loop->responder->listen_fd, NULL, NULL, SOCK_CLOEXEC);

    if (fd < 0) {
        if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS)
            close_for_a_moment(loop, "out of descriptors or memory");
        return false;
    }
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    conn_enter(loop, fd);
    return true;
}

static void on_knock(void *arg, uint32_t events)
{
    if (events & EPOLLIN)
        for (int i = 0; i < AT_ONCE && accept_one(arg); i++)
            ;
    else
        close_for_a_moment(arg, "an error of the listening socket");
}

static void on_look(void *arg)
{
    struct loop *loop = arg;

    if (atomic_load(&loop->responder->stopping))
        return;
    timer_set(loop->reactor, &loop->door_timer, LOOK_MS, on_look, loop);
    if (watch_set(loop->reactor, &loop->door, loop->responder->listen_fd, EPOLLIN | EPOLLEXCLUSIVE,
                  on_knock, loop))
        complain("the listening socket cannot be watched");
    accept_one(loop);
}

status door_open(struct loop *loop)
{
    /* several threads and processes see one connection coming; all but one must not wait for it */
    int fd = loop->responder->listen_fd, flags = fcntl(fd, F_GETFL);

    if (fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0)
        return E_IO;
    atomic_fetch_add(&loop->responder->doors, 1);
    return reactor_post(loop->reactor, on_look, loop);
}

void door_close(void *arg)
{
    struct loop *loop = arg;

    watch_clear(loop->reactor, &loop->door);
    timer_clear(loop->reactor, &loop->door_timer);
    conn_drop_idle(loop);
    atomic_fetch_sub(&loop->responder->doors, 1);
}

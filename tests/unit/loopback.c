#include "loopback.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

struct connection {
    int fd;
    loopback_answer *answer;
    void *shared;
};

void *loopback_share(size_t size)
{
    void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    if (p == MAP_FAILED)
        abort();
    return p;
}

static size_t body_length(struct str head)
{
    size_t at = str_find(head, "Content-Length:");

    return at < head.n ? strtoul(head.p + at + strlen("Content-Length:"), NULL, 10) : 0;
}

static void read_request(int fd, struct buf *in)
{
    for (;;) {
        buf_reserve(in, 4096);
        ssize_t n = read(fd, in->p + in->n, 4095);
        if (n <= 0)
            return;
        in->n += (size_t)n;
        in->p[in->n] = '\0';
        size_t head = str_find(buf_str(in), "\r\n\r\n");
        if (head < in->n && in->n >= head + 4 + body_length(buf_str(in)))
            return;
    }
}

static void *serve(void *arg)
{
    struct connection *c = arg;
    struct buf in = {.ceiling = 0}, out = {.ceiling = 0};

    read_request(c->fd, &in);
    if (in.n)
        c->answer(c->shared, buf_str(&in), &out);
    for (size_t sent = 0; sent < out.n;) {
        ssize_t n = send(c->fd, out.p + sent, out.n - sent, MSG_NOSIGNAL);
        if (n <= 0)
            break;
        sent += (size_t)n;
    }
    close(c->fd);
    buf_free(&in);
    buf_free(&out);
    free(c);
    return NULL;
}

static void accept_all(int listener, loopback_answer *answer, void *shared)
{
    for (;;) {
        struct connection *c = malloc(sizeof *c);
        pthread_t thread;
        *c = (struct connection){accept(listener, NULL, NULL), answer, shared};
        if (c->fd < 0 || pthread_create(&thread, NULL, serve, c) != 0)
            _exit(1);
        pthread_detach(thread);
    }
}

void loopback_start(struct loopback *l, loopback_answer *answer, void *shared)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof at;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (bind(listener, (struct sockaddr *)&at, sizeof at) < 0 || listen(listener, 512) < 0 ||
        getsockname(listener, (struct sockaddr *)&at, &length) < 0)
        abort();
    l->port = ntohs(at.sin_port);
    l->pid = fork();
    if (l->pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        accept_all(listener, answer, shared);
    }
    close(listener);
}

void loopback_stop(struct loopback *l)
{
    kill(l->pid, SIGKILL);
    waitpid(l->pid, NULL, 0);
}

void loopback_json(struct buf *reply, int status, const char *headers, const char *json)
{
    buf_printf(reply,
               "HTTP/1.1 %d Answer\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n"
               "Connection: close\r\n%s\r\n%s",
               status, strlen(json), headers, json);
}

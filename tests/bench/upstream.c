/*
 * An upstream that costs next to nothing: it answers every inference path of SAP AI Core with a
 * prepared text. It checks nothing; tests/emulator does that. One thread, epoll, HTTP/1.1.
 *
 * The name of the deployment says how to answer: letters with numbers, joined by '-'.
 *
 *     e50   events with text in a stream (default 20)
 *     i20   milliseconds between them (default 0)
 *     d100  milliseconds before the first byte (default 0)
 *     b40   bytes of text in an event or a whole answer (default 24)
 *     v16   vectors of an embeddings answer (default 1), x1536 their length (default 8)
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { HEAD_BYTES = 65536, BODY_BYTES = 1 << 26, BATCH = 256 };

/* --- answers ------------------------------------------------------------------------------------ */

struct bytes {
    char *p;
    size_t n, cap;
};

/* One way to answer, prepared once. A whole answer has no events. */
struct answer {
    struct answer *next;
    char key[128]; /* deployment and what is behind it */
    struct bytes first, event, last;
    int events, interval_ms, delay_ms;
};

static struct answer *answers;

static void die(const char *what)
{
    perror(what);
    exit(1);
}

static void put(struct bytes *out, const char *p, size_t n)
{
    if (out->n + n > out->cap) {
        out->cap = (out->n + n) * 2;
        out->p = realloc(out->p, out->cap);
        if (!out->p)
            die("realloc");
    }
    memcpy(out->p + out->n, p, n);
    out->n += n;
}

static void text(struct bytes *out, const char *s)
{
    put(out, s, strlen(s));
}

static void chunk(struct bytes *out, const char *head, const struct bytes *middle, const char *tail)
{
    char size[32];
    size_t n = strlen(head) + (middle ? middle->n : 0) + strlen(tail);

    put(out, size, (size_t)snprintf(size, sizeof size, "%zx\r\n", n));
    text(out, head);
    if (middle)
        put(out, middle->p, middle->n);
    text(out, tail);
    text(out, "\r\n");
}

/* The number behind `letter` in a deployment's name. */
static int number(const char *name, size_t n, char letter, int otherwise)
{
    for (size_t i = 0; i + 1 < n; i++)
        if (name[i] == letter && name[i + 1] >= '0' && name[i + 1] <= '9')
            return atoi(name + i + 1);
    return otherwise;
}

/* What an API says around the text of an answer. */
struct wire {
    const char *path; /* what the path ends with */
    bool stream;
    const char *begin, *before, *after, *end; /* of a stream; of a whole answer: before and after */
};

#define CHAT_CHUNK(delta, finish)                                                                  \
    "data: {\"id\":\"chatcmpl-1\",\"object\":\"chat.completion.chunk\",\"created\":1700000000,"    \
    "\"model\":\"gpt-4o\",\"choices\":[{\"index\":0,\"delta\":" delta ",\"finish_reason\":" finish \
    "}]}\n\n"
#define CLAUDE(type, rest) "event: " type "\ndata: {\"type\":\"" type "\"" rest "}\n\n"

static const struct wire wires[] = {
    {"/chat/completions", true, CHAT_CHUNK("{\"role\":\"assistant\",\"content\":\"\"}", "null"),
     "data: {\"id\":\"chatcmpl-1\",\"object\":\"chat.completion.chunk\",\"created\":1700000000,"
     "\"model\":\"gpt-4o\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"",
     "\"},\"finish_reason\":null}]}\n\n", CHAT_CHUNK("{}", "\"stop\"") "data: [DONE]\n\n"},
    {"/chat/completions", false, NULL,
     "{\"id\":\"chatcmpl-1\",\"object\":\"chat.completion\",\"created\":1700000000,\"model\":"
     "\"gpt-4o\",\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":\"",
     "\"},\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":9,\"completion_tokens\":12,"
     "\"total_tokens\":21}}",
     NULL},
    {"/invoke-with-response-stream", true,
     CLAUDE("message_start",
            ",\"message\":{\"id\":\"msg_1\",\"type\":\"message\",\"role\":\"assistant\",\"model\":"
            "\"claude\",\"content\":[],\"stop_reason\":null,\"usage\":{\"input_tokens\":9,"
            "\"output_tokens\":1}}")
         CLAUDE("content_block_start",
                ",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"\"}"),
     "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,"
     "\"delta\":{\"type\":\"text_delta\",\"text\":\"",
     "\"}}\n\n",
     CLAUDE("content_block_stop", ",\"index\":0")
         CLAUDE("message_delta", ",\"delta\":{\"stop_reason\":\"end_turn\",\"stop_sequence\":null}"
                                 ",\"usage\":{\"output_tokens\":12}") CLAUDE("message_stop", "")},
    {"/invoke", false, NULL,
     "{\"id\":\"msg_1\",\"type\":\"message\",\"role\":\"assistant\",\"model\":\"claude\","
     "\"content\":[{\"type\":\"text\",\"text\":\"",
     "\"}],\"stop_reason\":\"end_turn\",\"stop_sequence\":null,\"usage\":{\"input_tokens\":9,"
     "\"output_tokens\":12}}",
     NULL},
    {":streamGenerateContent?alt=sse", true, "",
     "data: {\"candidates\":[{\"content\":{\"role\":\"model\",\"parts\":[{\"text\":\"",
     "\"}]},\"index\":0}],\"modelVersion\":\"gemini\"}\n\n",
     "data: {\"candidates\":[{\"content\":{\"role\":\"model\",\"parts\":[{\"text\":\".\"}]},"
     "\"finishReason\":\"STOP\",\"index\":0}],\"usageMetadata\":{\"promptTokenCount\":9,"
     "\"candidatesTokenCount\":12,\"totalTokenCount\":21}}\n\n"},
    {":generateContent", false, NULL,
     "{\"candidates\":[{\"content\":{\"role\":\"model\",\"parts\":[{\"text\":\"",
     "\"}]},\"finishReason\":\"STOP\",\"index\":0}],\"usageMetadata\":{\"promptTokenCount\":9,"
     "\"candidatesTokenCount\":12,\"totalTokenCount\":21}}",
     NULL},
    {"/oauth/token", false, NULL, "{\"access_token\":\"bench\",\"jti\":\"",
     "\",\"token_type\":\"bearer\","
     "\"expires_in\":43199}",
     NULL},
};

static void whole(struct bytes *out, const struct bytes *body)
{
    char head[160];

    put(out, head,
        (size_t)snprintf(head, sizeof head,
                         "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
                         "Content-Length: %zu\r\n\r\n",
                         body->n));
    put(out, body->p, body->n);
}

static void embeddings(struct answer *a, int vectors, int length)
{
    struct bytes body = {NULL, 0, 0};
    char item[64];

    text(&body, "{\"object\":\"list\",\"data\":[");
    for (int v = 0; v < vectors; v++) {
        put(&body, item,
            (size_t)snprintf(item, sizeof item,
                             "%s{\"object\":\"embedding\",\"index\":%d,\"embedding\":[",
                             v ? "," : "", v));
        for (int i = 0; i < length; i++)
            put(&body, item,
                (size_t)snprintf(item, sizeof item, "%s%.9g", i ? "," : "",
                                 ((v * 31 + i * 7919) % 20011 - 10005) / 31337.0));
        text(&body, "]}");
    }
    text(&body, "],\"model\":\"text-embedding-3-small\",\"usage\":{\"prompt_tokens\":8,"
                "\"total_tokens\":8}}");
    whole(&a->first, &body);
    free(body.p);
}

static bool ends(const char *s, size_t n, const char *with)
{
    size_t m = strlen(with);
    return n >= m && !memcmp(s + n - m, with, m);
}

static void prepare(struct answer *a, const struct wire *w, int text_bytes)
{
    struct bytes middle = {NULL, 0, 0};

    for (int i = 0; i < text_bytes; i++)
        put(&middle, "word " + i % 5, 1);
    if (w->stream) {
        text(&a->first, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
                        "Transfer-Encoding: chunked\r\n\r\n");
        if (w->begin[0])
            chunk(&a->first, w->begin, NULL, "");
        chunk(&a->event, w->before, &middle, w->after);
        chunk(&a->last, w->end, NULL, "");
        text(&a->last, "0\r\n\r\n");
    } else {
        struct bytes body = {NULL, 0, 0};
        text(&body, w->before);
        put(&body, middle.p, middle.n);
        text(&body, w->after);
        whole(&a->first, &body);
        free(body.p);
    }
    free(middle.p);
}

/* The answer for a path (with its query); NULL: none. */
static const struct answer *find(const char *path, size_t n, bool stream)
{
    static const char deployments[] = "/deployments/";
    char key[sizeof answers->key];
    const char *name = memmem(path, n, deployments, sizeof deployments - 1);
    const char *query = memchr(path, '?', n);
    size_t bare = query ? (size_t)(query - path) : n, name_n;
    struct answer *a;

    if (n + 2 > sizeof key)
        return NULL;
    snprintf(key, sizeof key, "%d%.*s", stream, (int)n, path);
    for (a = answers; a; a = a->next)
        if (!strcmp(a->key, key))
            return a;
    name = name ? name + sizeof deployments - 1 : path;
    name_n = name == path ? 0 : strcspn(name, "/");
    a = calloc(1, sizeof *a);
    if (!a)
        die("calloc");
    memcpy(a->key, key, sizeof key);
    a->delay_ms = number(name, name_n, 'd', 0);
    if (ends(path, bare, "/embeddings")) {
        embeddings(a, number(name, name_n, 'v', 1), number(name, name_n, 'x', 8));
    } else {
        const struct wire *w = wires, *end = wires + sizeof wires / sizeof *wires;
        while (w < end && !((ends(path, bare, w->path) || ends(path, n, w->path)) &&
                            (w->stream == stream || !strstr(w->path, "chat"))))
            w++;
        if (w == end) {
            free(a);
            return NULL;
        }
        a->events = w->stream ? number(name, name_n, 'e', 20) : 0;
        a->interval_ms = number(name, name_n, 'i', 0);
        prepare(a, w, number(name, name_n, 'b', 24));
    }
    a->next = answers;
    return answers = a;
}

/* --- connections -------------------------------------------------------------------------------- */

struct conn {
    int fd;
    struct bytes in, out;
    size_t sent;
    const struct answer *answer; /* NULL: none under way */
    int left;                    /* events still to come */
    bool begun;
    int64_t due_ms;
    size_t place; /* in the heap, from 1; 0: not in it */
};

static int poll_fd;
static struct conn **heap;
static size_t heap_n, heap_cap;
static uint64_t served, cancelled;

static int64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void heap_set(size_t i, struct conn *c)
{
    heap[i] = c;
    c->place = i;
}

static void heap_move(struct conn *c, size_t i)
{
    for (; i > 1 && heap[i / 2]->due_ms > c->due_ms; i /= 2)
        heap_set(i, heap[i / 2]);
    for (;;) {
        size_t child = i * 2;
        if (child < heap_n && heap[child + 1]->due_ms < heap[child]->due_ms)
            child++;
        if (child > heap_n || heap[child]->due_ms >= c->due_ms)
            break;
        heap_set(i, heap[child]);
        i = child;
    }
    heap_set(i, c);
}

static void wake_at(struct conn *c, int64_t due)
{
    c->due_ms = due;
    if (!c->place) {
        if (heap_n + 2 > heap_cap) {
            heap_cap = heap_cap ? heap_cap * 2 : 1024;
            heap = realloc(heap, heap_cap * sizeof *heap);
            if (!heap)
                die("realloc");
        }
        c->place = ++heap_n;
    }
    heap_move(c, c->place);
}

static void wake_never(struct conn *c)
{
    size_t i = c->place;
    struct conn *last;

    if (!i)
        return;
    c->place = 0;
    last = heap[heap_n--];
    if (last != c)
        heap_move(last, i);
}

static void drop(struct conn *c)
{
    cancelled += c->answer != NULL;
    wake_never(c);
    close(c->fd);
    free(c->in.p);
    free(c->out.p);
    free(c);
}

/* False: the connection is gone. */
static bool flush(struct conn *c)
{
    while (c->sent < c->out.n) {
        ssize_t n = send(c->fd, c->out.p + c->sent, c->out.n - c->sent, MSG_NOSIGNAL);
        if (n < 0 && errno == EAGAIN) {
            struct epoll_event e = {.events = EPOLLIN | EPOLLOUT, .data.ptr = c};
            epoll_ctl(poll_fd, EPOLL_CTL_MOD, c->fd, &e);
            return true;
        }
        if (n < 0) {
            drop(c);
            return false;
        }
        c->sent += (size_t)n;
    }
    c->out.n = c->sent = 0;
    if (c->out.cap > 65536) {
        free(c->out.p);
        c->out = (struct bytes){NULL, 0, 0};
    }
    return true;
}

/* The next piece of the answer is due. False: the connection is gone. */
static bool advance(struct conn *c)
{
    const struct answer *a = c->answer;

    if (!c->begun) {
        c->begun = true;
        c->left = a->events;
        put(&c->out, a->first.p, a->first.n);
        if (c->left && a->interval_ms) {
            wake_at(c, now_ms() + a->interval_ms);
            return flush(c);
        }
    }
    while (c->left) {
        put(&c->out, a->event.p, a->event.n);
        c->left--;
        if (a->interval_ms) {
            wake_at(c, c->due_ms + a->interval_ms);
            return flush(c);
        }
    }
    put(&c->out, a->last.p, a->last.n);
    wake_never(c);
    c->answer = NULL;
    served++;
    return flush(c);
}

static size_t content_length(const char *head, size_t n)
{
    for (const char *p = head, *end = head + n; (p = memchr(p, '\n', (size_t)(end - p)));) {
        p++;
        if (end - p > 15 && !strncasecmp(p, "content-length:", 15))
            return strtoul(p + 15, NULL, 10);
    }
    return 0;
}

static const char not_found[] = "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n";

/* Answer the requests that have come whole. False: the connection is gone. */
static bool serve(struct conn *c)
{
    while (!c->answer && c->in.n) {
        char *end = memmem(c->in.p, c->in.n, "\r\n\r\n", 4), *path, *path_end;
        if (!end && c->in.n < HEAD_BYTES)
            return true;
        size_t head = end ? (size_t)(end - c->in.p) + 4 : 0;
        size_t body = end ? content_length(c->in.p, head) : 0;
        path = end ? memchr(c->in.p, ' ', head) : NULL;
        path_end = path ? memchr(path + 1, ' ', (size_t)(end - path - 1)) : NULL;
        if (!path_end || body > BODY_BYTES) {
            drop(c);
            return false;
        }
        if (c->in.n < head + body)
            return true;
        bool stream = memmem(end, body + 4, "\"stream\":true", 13) ||
                      memmem(end, body + 4, "\"stream\": true", 14);
        c->answer = find(path + 1, (size_t)(path_end - path - 1), stream);
        c->begun = false;
        memmove(c->in.p, c->in.p + head + body, c->in.n - head - body);
        c->in.n -= head + body;
        if (!c->answer)
            put(&c->out, not_found, sizeof not_found - 1);
        else if (c->answer->delay_ms)
            wake_at(c, now_ms() + c->answer->delay_ms);
        else if (!advance(c))
            return false;
        if (!c->answer && !flush(c))
            return false;
    }
    if (!c->in.n && c->in.cap > 16384) {
        free(c->in.p);
        c->in = (struct bytes){NULL, 0, 0};
    }
    return true;
}

static void readable(struct conn *c)
{
    char piece[65536];
    ssize_t n = recv(c->fd, piece, sizeof piece, 0);

    if (n <= 0) {
        if (n == 0 || errno != EAGAIN)
            drop(c);
        return;
    }
    put(&c->in, piece, (size_t)n);
    serve(c);
}

static void accept_all(int listener)
{
    int fd, yes = 1;

    while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        struct conn *c = calloc(1, sizeof *c);
        struct epoll_event e = {.events = EPOLLIN, .data.ptr = c};
        if (!c)
            die("calloc");
        c->fd = fd;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
        epoll_ctl(poll_fd, EPOLL_CTL_ADD, fd, &e);
    }
}

static int listen_on(int port)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), yes = 1;
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    socklen_t n = sizeof at;

    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (fd < 0 || bind(fd, (struct sockaddr *)&at, sizeof at) || listen(fd, 8192) ||
        getsockname(fd, (struct sockaddr *)&at, &n))
        die("listen");
    printf("listening on http://127.0.0.1:%d\n", ntohs(at.sin_port));
    fflush(stdout);
    return fd;
}

static volatile sig_atomic_t ending;

static void end_now(int sig)
{
    ending = sig;
}

int main(int argc, char **argv)
{
    struct rlimit files;
    struct epoll_event events[BATCH], e = {.events = EPOLLIN, .data.ptr = NULL};
    int listener;

    if (argc == 2 && !strcmp(argv[1], "--help")) {
        puts("usage: upstream [PORT]\n\nAnswers every inference path at once; see upstream.c.");
        return 0;
    }
    if (!getrlimit(RLIMIT_NOFILE, &files)) {
        files.rlim_cur = files.rlim_max;
        setrlimit(RLIMIT_NOFILE, &files);
    }
    signal(SIGTERM, end_now);
    signal(SIGINT, end_now);
    poll_fd = epoll_create1(EPOLL_CLOEXEC);
    listener = listen_on(argc > 1 ? atoi(argv[1]) : 0);
    epoll_ctl(poll_fd, EPOLL_CTL_ADD, listener, &e);
    while (!ending) {
        int64_t wait = heap_n ? heap[1]->due_ms - now_ms() : 60000;
        int n = epoll_wait(poll_fd, events, BATCH, wait < 0 ? 0 : (int)wait);
        for (int i = 0; i < n; i++) {
            struct conn *c = events[i].data.ptr;
            if (!c) {
                accept_all(listener);
                continue;
            }
            if (events[i].events & EPOLLOUT) {
                struct epoll_event in = {.events = EPOLLIN, .data.ptr = c};
                epoll_ctl(poll_fd, EPOLL_CTL_MOD, c->fd, &in);
                if (!flush(c))
                    continue;
            }
            if (events[i].events & ~(unsigned)EPOLLOUT)
                readable(c);
        }
        for (int64_t now = now_ms(); heap_n && heap[1]->due_ms <= now;) {
            struct conn *c = heap[1];
            wake_never(c);
            if (advance(c) && !c->answer)
                serve(c);
        }
    }
    fprintf(stderr, "served %llu, cancelled %llu\n", (unsigned long long)served,
            (unsigned long long)cancelled);
    return 0;
}

/*
 * A load generator: N connections, each with one request at a time, for a number of requests or
 * seconds. It measures what a caller feels: requests per second, time to the first byte of the body
 * and to the end, and in streams the gaps between pieces. One thread, epoll, HTTP/1.1.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
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

enum { BATCH = 256, READ_BYTES = 65536, HEAD_BYTES = 16384, RAMP_MS = 10 };

static void die(const char *what)
{
    perror(what);
    exit(1);
}

static int64_t now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

/* --- times -------------------------------------------------------------------------------------- */

/* Counts of times in buckets that are 1/64 apart: a figure is off by 1.6 % at most. */
enum { FINE = 6, BUCKETS = 40 << FINE };

struct times {
    uint64_t count[BUCKETS], n;
};

static size_t bucket(int64_t us)
{
    uint64_t v = us > 0 ? (uint64_t)us : 0;
    int shift = 0;

    while (v >> (shift + FINE + 1))
        shift++;
    return (size_t)((uint64_t)shift << FINE) + (size_t)(v >> shift);
}

static void note(struct times *t, int64_t us)
{
    size_t i = bucket(us);
    t->count[i < BUCKETS ? i : BUCKETS - 1]++;
    t->n++;
}

/* The time that a `part` of all stayed under, in microseconds. */
static double percentile(const struct times *t, double part)
{
    uint64_t seen = 0, want = (uint64_t)((double)t->n * part);

    for (size_t i = 0; i < BUCKETS; i++) {
        seen += t->count[i];
        if (t->n && seen > want) {
            size_t shift = i >> FINE ? (i >> FINE) - 1 : 0;
            return (double)((i - (shift << FINE)) << shift);
        }
    }
    return 0;
}

/* --- one connection ----------------------------------------------------------------------------- */

enum state { CONNECTING, SENDING, HEAD, BODY };

struct conn {
    int fd;
    enum state state;
    size_t sent, head_n;
    char head[HEAD_BYTES];
    bool chunked, close, bad, any;
    int64_t left;  /* of the body, or of the chunk; -1: to the end of file */
    char line[24]; /* of a chunk's size */
    size_t line_n;
    int skip;  /* line ends still to come behind a chunk */
    bool last; /* the chunk of no bytes has come */
    int64_t start_us, piece_us;
    unsigned tail; /* how far "data:" has been seen */
};

static struct options {
    struct sockaddr_in to;
    char *request;
    size_t request_n;
    int connections;
    int64_t requests, duration_us;
    int64_t expect; /* "data:" lines in each answer; 0: not counted */
    int ramp;       /* connections opened in 10 ms; 0: all at once */
    int opening; /* so many may wait for their first byte while others are opened; 0: any number */
} o = {.connections = 1, .requests = INT64_MAX, .duration_us = INT64_C(3600000000)};

static struct times all, first_byte, gap;
static int64_t started, done, failed, refused, events_seen, events_short, bytes_in;
static int64_t begin_us, end_us;
static int poll_fd, open_now;
static int64_t answered_now, answered_most; /* answers that have begun and not ended */
static char last_refusal[4];

static void drop(struct conn *c)
{
    if (c->fd >= 0) {
        close(c->fd);
        open_now--;
    }
    c->fd = -1;
}

static bool more(void)
{
    return started < o.requests && now_us() < begin_us + o.duration_us;
}

static void watch(struct conn *c, uint32_t what, int how)
{
    struct epoll_event e = {.events = what, .data.ptr = c};
    epoll_ctl(poll_fd, how, c->fd, &e);
}

static void send_more(struct conn *c)
{
    while (c->sent < o.request_n) {
        ssize_t n = send(c->fd, o.request + c->sent, o.request_n - c->sent, MSG_NOSIGNAL);
        if (n < 0 && errno == EAGAIN) {
            watch(c, EPOLLIN | EPOLLOUT, EPOLL_CTL_MOD);
            return;
        }
        if (n < 0)
            return; /* reading tells why */
        c->sent += (size_t)n;
    }
    c->state = HEAD;
    watch(c, EPOLLIN, EPOLL_CTL_MOD);
}

static void begin(struct conn *c)
{
    started++;
    c->sent = c->head_n = c->line_n = 0;
    c->chunked = c->close = c->bad = c->any = c->last = false;
    c->left = c->skip = 0;
    c->tail = 0;
    c->start_us = now_us();
    c->state = SENDING;
    send_more(c);
}

static void dial(struct conn *c)
{
    int yes = 1;

    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    if (c->fd < 0)
        die("socket");
    open_now++;
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    if (connect(c->fd, (const struct sockaddr *)&o.to, sizeof o.to) && errno != EINPROGRESS)
        die("connect");
    c->state = CONNECTING;
    watch(c, EPOLLOUT, EPOLL_CTL_ADD);
}

static void finish(struct conn *c, bool good)
{
    end_us = now_us();
    answered_now -= c->any;
    c->any = false;
    if (good && !c->bad) {
        done++;
        note(&all, end_us - c->start_us);
    } else if (c->bad) {
        refused++;
        memcpy(last_refusal, c->head + 9, 3);
    } else {
        failed++;
    }
    if (!good || c->close)
        drop(c);
    if (!more())
        drop(c);
    else if (c->fd < 0)
        dial(c);
    else
        begin(c);
}

/* --- answers ------------------------------------------------------------------------------------ */

static const char *header(const char *head, const char *name)
{
    const char *p = strcasestr(head, name);
    return p ? p + strlen(name) : NULL;
}

static void read_head(struct conn *c)
{
    const char *length = header(c->head, "\r\ncontent-length:");
    const char *coding = header(c->head, "\r\ntransfer-encoding: chunked");
    const char *connection = header(c->head, "\r\nconnection: close");

    c->bad = strncmp(c->head + 8, " 200", 4) != 0;
    c->chunked = coding != NULL;
    c->close = connection != NULL;
    c->left = length ? atoll(length) : -1;
    if (c->chunked)
        c->left = 0;
    else if (!length)
        c->close = true;
    c->state = BODY;
}

/* Count the server-sent events: "data:" as often as it comes, also cut in two. */
static int64_t count_events(struct conn *c, const char *p, size_t n)
{
    static const char word[] = "data:";
    int64_t found = 0;

    for (size_t i = 0; i < n; i++) {
        c->tail = p[i] == word[c->tail] ? c->tail + 1 : p[i] == word[0];
        if (c->tail == 5) {
            found++;
            c->tail = 0;
        }
    }
    return found;
}

static void take(struct conn *c, const char *p, size_t n)
{
    int64_t now = now_us(), found;

    if (!n)
        return;
    bytes_in += (int64_t)n;
    if (!c->any) {
        note(&first_byte, now - c->start_us);
        c->any = true;
        c->piece_us = now;
        answered_now++;
        answered_most = answered_now > answered_most ? answered_now : answered_most;
    }
    if (!o.expect)
        return;
    found = count_events(c, p, n);
    if (found && now > c->piece_us)
        note(&gap, now - c->piece_us);
    if (found)
        c->piece_us = now;
    events_seen += found;
}

/* The size line of a chunk, and the line end behind one. Returns how many bytes were used. */
static size_t chunk_line(struct conn *c, const char *p, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (p[i] != '\n') {
            if (c->line_n < sizeof c->line - 1)
                c->line[c->line_n++] = p[i];
            continue;
        }
        c->line[c->line_n] = '\0';
        c->line_n = 0;
        if (c->skip) {
            c->skip = 0;
            if (c->last)
                return i + 1;
            continue;
        }
        c->left = strtoll(c->line, NULL, 16);
        c->skip = 1;
        c->last = c->left == 0;
        if (!c->last)
            return i + 1;
    }
    return n;
}

/* True: the answer is whole. */
static bool read_body(struct conn *c, const char *p, size_t n)
{
    if (!c->chunked) {
        take(c, p, n);
        if (c->left >= 0)
            c->left -= (int64_t)n;
        return c->left == 0;
    }
    while (n) {
        if (!c->left) {
            size_t used = chunk_line(c, p, n);
            p += used;
            n -= used;
            if (c->last && !c->skip)
                return true;
            continue;
        }
        size_t piece = (int64_t)n < c->left ? n : (size_t)c->left;
        take(c, p, piece);
        c->left -= (int64_t)piece;
        p += piece;
        n -= piece;
    }
    return false;
}

static bool receive(struct conn *c, const char *p, size_t n)
{
    char *end;
    size_t piece;

    if (c->state != HEAD)
        return read_body(c, p, n);
    piece = n < sizeof c->head - 1 - c->head_n ? n : sizeof c->head - 1 - c->head_n;
    memcpy(c->head + c->head_n, p, piece);
    c->head[c->head_n + piece] = '\0';
    end = strstr(c->head, "\r\n\r\n");
    if (!end) {
        c->head_n += piece;
        return false;
    }
    size_t used = (size_t)(end + 4 - c->head) - c->head_n;
    end[2] = '\0';
    read_head(c);
    if (!c->chunked && c->left == 0)
        return true;
    return n > used && read_body(c, p + used, n - used);
}

static void readable(struct conn *c)
{
    char piece[READ_BYTES];
    ssize_t n = recv(c->fd, piece, sizeof piece, 0);

    if (n < 0 && errno == EAGAIN)
        return;
    if (n <= 0)
        finish(c, n == 0 && c->state == BODY && c->left == -1 && c->any);
    else if (receive(c, piece, (size_t)n))
        finish(c, true);
}

static void ready(struct conn *c, uint32_t what)
{
    int error = 0;
    socklen_t n = sizeof error;

    if (c->state == CONNECTING) {
        getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &error, &n);
        if (error) {
            started++;
            c->start_us = now_us();
            finish(c, false);
            return;
        }
        begin(c);
        return;
    }
    if (what & EPOLLOUT && c->state == SENDING)
        send_more(c);
    if (what & (EPOLLIN | EPOLLHUP | EPOLLERR))
        readable(c);
}

/* --- the command -------------------------------------------------------------------------------- */

static void usage(FILE *to)
{
    fputs("usage: load --to HOST:PORT/PATH [option...]\n\n"
          "  --body FILE           what is sent (POST); without it GET\n"
          "  --header 'NAME: TEXT' one more header; may be repeated\n"
          "  --connections N       at a time (default 1)\n"
          "  --requests N          stop after so many\n"
          "  --seconds N           stop after so long (0.5: half of one)\n"
          "  --ramp N              open so many connections in 10 ms (default: all at once)\n"
          "  --opening N           open no more while N wait for their first byte\n"
          "  --events N            each answer is a stream with so many events\n\n"
          "Prints one line of JSON; times in microseconds.\n",
          to);
}

static char *file_text(const char *name, size_t *n)
{
    FILE *f = fopen(name, "rb");
    char *p;

    if (!f || fseek(f, 0, SEEK_END))
        die(name);
    *n = (size_t)ftell(f);
    rewind(f);
    p = malloc(*n + 1);
    if (!p || fread(p, 1, *n, f) != *n)
        die(name);
    fclose(f);
    return p;
}

static void prepare(const char *to, const char *headers, const char *body, size_t body_n)
{
    char host[64];
    const char *path = strchr(to, '/'), *colon = strchr(to, ':');

    if (!path || !colon || (size_t)(colon - to) >= sizeof host) {
        usage(stderr);
        exit(2);
    }
    snprintf(host, sizeof host, "%.*s", (int)(colon - to), to);
    o.to.sin_family = AF_INET;
    o.to.sin_port = htons((uint16_t)atoi(colon + 1));
    if (inet_pton(AF_INET, host, &o.to.sin_addr) != 1)
        die(host);
    o.request = malloc(strlen(path) + strlen(headers) + body_n + 256);
    if (!o.request)
        die("malloc");
    o.request_n = (size_t)sprintf(o.request, "%s %s HTTP/1.1\r\nHost: %.*s\r\n%s",
                                  body ? "POST" : "GET", path, (int)(path - to), to, headers);
    if (body)
        o.request_n +=
            (size_t)sprintf(o.request + o.request_n,
                            "Content-Type: application/json\r\nContent-Length: %zu\r\n", body_n);
    o.request_n += (size_t)sprintf(o.request + o.request_n, "\r\n");
    if (body)
        memcpy(o.request + o.request_n, body, body_n);
    o.request_n += body_n;
}

static void print_times(const char *name, const struct times *t)
{
    printf("\"%s\":{\"p50\":%.0f,\"p90\":%.0f,\"p99\":%.0f,\"max\":%.0f},", name,
           percentile(t, 0.5), percentile(t, 0.9), percentile(t, 0.99),
           percentile(t, 1 - 1 / (double)(t->n + 1)));
}

/* How many connections there should be by now. */
static int connections_due(void)
{
    int64_t due = (now_us() - begin_us) / (RAMP_MS * 1000) * o.ramp + o.ramp;

    if (!o.ramp || due > o.connections)
        due = o.connections;
    int64_t open_by_now = (int64_t)first_byte.n + failed + refused + o.opening;
    return (int)(o.opening && open_by_now < due ? open_by_now : due);
}

static void run(void)
{
    struct epoll_event events[BATCH];
    struct conn *conns = calloc((size_t)o.connections, sizeof *conns);

    poll_fd = epoll_create1(0);
    if (!conns || poll_fd < 0)
        die("begin");
    begin_us = end_us = now_us();
    for (int dialled = 0; open_now || dialled < o.connections;) {
        for (int due = connections_due(); dialled < due; dialled++)
            dial(&conns[dialled]);
        int n = epoll_wait(poll_fd, events, BATCH, dialled < o.connections ? RAMP_MS : 1000);
        for (int i = 0; i < n; i++)
            ready(events[i].data.ptr, events[i].events);
    }
}

int main(int argc, char **argv)
{
    static const struct option options[] = {
        {"to", 1, NULL, 't'},       {"body", 1, NULL, 'b'},    {"header", 1, NULL, 'h'},
        {"requests", 1, NULL, 'r'}, {"seconds", 1, NULL, 's'}, {"connections", 1, NULL, 'c'},
        {"events", 1, NULL, 'e'},   {"ramp", 1, NULL, 'p'},    {"opening", 1, NULL, 'o'},
        {"help", 0, NULL, '?'},     {NULL, 0, NULL, 0}};
    const char *to = NULL;
    char headers[4096] = "", *body = NULL;
    size_t body_n = 0;
    struct rlimit files;
    int c;

    while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
        switch (c) {
        case 't':
            to = optarg;
            break;
        case 'b':
            body = file_text(optarg, &body_n);
            break;
        case 'r':
            o.requests = atoll(optarg);
            break;
        case 's':
            o.duration_us = (int64_t)(atof(optarg) * 1e6);
            break;
        case 'c':
            o.connections = atoi(optarg);
            break;
        case 'e':
            o.expect = atoll(optarg);
            break;
        case 'o':
            o.opening = atoi(optarg);
            break;
        case 'p':
            o.ramp = atoi(optarg);
            break;
        case 'h':
            if (strlen(headers) + strlen(optarg) + 3 < sizeof headers)
                strcat(strcat(headers, optarg), "\r\n");
            break;
        default:
            usage(stderr);
            return 2;
        }
    }
    if (!to) {
        usage(stderr);
        return 2;
    }
    if (!getrlimit(RLIMIT_NOFILE, &files)) {
        files.rlim_cur = files.rlim_max;
        setrlimit(RLIMIT_NOFILE, &files);
    }
    prepare(to, headers, body, body_n);
    if (o.requests < o.connections)
        o.connections = (int)o.requests;
    run();
    events_short = o.expect ? done * o.expect - events_seen : 0;
    printf("{\"done\":%lld,\"failed\":%lld,\"refused\":%lld,\"seconds\":%.6f,\"bytes\":%lld,"
           "\"events\":%lld,\"events_lost\":%lld,",
           (long long)done, (long long)failed, (long long)refused,
           (double)(end_us - begin_us) / 1e6, (long long)bytes_in, (long long)events_seen,
           (long long)events_short);
    print_times("all", &all);
    print_times("first_byte", &first_byte);
    print_times("gap", &gap);
    printf("\"at_once\":%lld,", (long long)answered_most);
    printf("\"last_refusal\":\"%s\",\"rate\":%.1f}\n", last_refusal,
           end_us > begin_us ? (double)done * 1e6 / (double)(end_us - begin_us) : 0.0);
    return failed || refused ? 1 : 0;
}

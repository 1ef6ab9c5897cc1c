/*
 * Timed wake-ups and hang-up watch. See pacer.h. A binary heap ordered by due time; due times
 * are rounded up to a grid, so that thousands of streams share few wake-ups: the HTTP library
 * walks its whole list of suspended connections at each of them.
 */
#include "pacer.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

enum { GRID_MS = 4, EVENTS_AT_ONCE = 256 };

static struct {
    pthread_mutex_t lock;
    pthread_t thread;
    int epoll, wake;
    bool stopping, over;
    uint32_t next_serial;
    int64_t sleeping_until;
    size_t resuming;       /* taken off the heap, not yet resumed */
    struct parking **heap; /* 1-based */
    size_t count, cap;
    struct parking **by_fd;
    size_t fd_cap;
} pacer = {.lock = PTHREAD_MUTEX_INITIALIZER};

int64_t now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void heap_put(size_t at, struct parking *p)
{
    pacer.heap[at] = p;
    p->heap_at = at;
}

static void heap_up(size_t at)
{
    struct parking *p = pacer.heap[at];

    while (at > 1 && pacer.heap[at / 2]->due_ms > p->due_ms) {
        heap_put(at, pacer.heap[at / 2]);
        at /= 2;
    }
    heap_put(at, p);
}

static void heap_down(size_t at)
{
    struct parking *p = pacer.heap[at];

    for (;;) {
        size_t child = at * 2;
        if (child > pacer.count)
            break;
        if (child < pacer.count && pacer.heap[child + 1]->due_ms < pacer.heap[child]->due_ms)
            child++;
        if (pacer.heap[child]->due_ms >= p->due_ms)
            break;
        heap_put(at, pacer.heap[child]);
        at = child;
    }
    heap_put(at, p);
}

static void heap_insert(struct parking *p)
{
    if (pacer.count + 2 > pacer.cap) {
        pacer.cap = pacer.cap ? pacer.cap * 2 : 1024;
        pacer.heap = realloc(pacer.heap, pacer.cap * sizeof *pacer.heap);
        if (!pacer.heap)
            abort();
    }
    pacer.heap[++pacer.count] = p;
    heap_up(pacer.count);
}

static void heap_remove(struct parking *p)
{
    size_t at = p->heap_at;
    struct parking *last = pacer.heap[pacer.count--];

    p->heap_at = 0;
    if (last == p)
        return;
    heap_put(at, last);
    heap_up(at);
    heap_down(last->heap_at);
}

static void by_fd_set(int fd, struct parking *p)
{
    size_t need = (size_t)fd + 1;

    if (need > pacer.fd_cap) {
        size_t cap = need * 2;
        pacer.by_fd = realloc(pacer.by_fd, cap * sizeof *pacer.by_fd);
        if (!pacer.by_fd)
            abort();
        memset(pacer.by_fd + pacer.fd_cap, 0, (cap - pacer.fd_cap) * sizeof *pacer.by_fd);
        pacer.fd_cap = cap;
    }
    pacer.by_fd[fd] = p;
}

/* Edge triggered and only for the end of the caller's side; data.u64 = serial and fd. */
static void watch(struct parking *p)
{
    struct epoll_event event = {.events = EPOLLRDHUP | EPOLLET};

    p->serial = ++pacer.next_serial;
    event.data.u64 = (uint64_t)p->serial << 32 | (uint32_t)p->fd;
    if (epoll_ctl(pacer.epoll, EPOLL_CTL_ADD, p->fd, &event) == 0) {
        by_fd_set(p->fd, p);
        p->watched = true;
    }
}

static void wake_up(void)
{
    uint64_t one = 1;

    if (write(pacer.wake, &one, sizeof one) < 0)
        return;
}

void pacer_park(struct parking *p, int delay_ms)
{
    bool early;

    MHD_suspend_connection(p->connection);
    pthread_mutex_lock(&pacer.lock);
    if (!p->watched)
        watch(p);
    p->due_ms = delay_ms < 0 ? INT64_MAX : (now_ms() + delay_ms + GRID_MS - 1) / GRID_MS * GRID_MS;
    if (pacer.stopping || p->gone)
        p->due_ms = 0;
    heap_insert(p);
    early = p->due_ms < pacer.sleeping_until;
    if (early)
        pacer.sleeping_until = p->due_ms;
    pthread_mutex_unlock(&pacer.lock);
    if (early)
        wake_up();
}

void pacer_forget(struct parking *p)
{
    pthread_mutex_lock(&pacer.lock);
    if (p->heap_at)
        heap_remove(p);
    if (p->watched) {
        epoll_ctl(pacer.epoll, EPOLL_CTL_DEL, p->fd, NULL);
        pacer.by_fd[p->fd] = NULL;
        p->watched = false;
    }
    pthread_mutex_unlock(&pacer.lock);
}

bool pacer_gone(struct parking *p)
{
    bool gone;

    pthread_mutex_lock(&pacer.lock);
    gone = p->gone;
    pthread_mutex_unlock(&pacer.lock);
    return gone;
}

bool pacer_stopping(void)
{
    bool stopping;

    pthread_mutex_lock(&pacer.lock);
    stopping = pacer.stopping;
    pthread_mutex_unlock(&pacer.lock);
    return stopping;
}

void pacer_release_hanging(void)
{
    size_t i;

    pthread_mutex_lock(&pacer.lock);
    for (i = 1; i <= pacer.count; i++) {
        if (pacer.heap[i]->due_ms == INT64_MAX) {
            pacer.heap[i]->due_ms = 0;
            heap_up(i);
        }
    }
    pacer.sleeping_until = 0;
    pthread_mutex_unlock(&pacer.lock);
    wake_up();
}

/* The caller of this connection has closed; wake it now. */
static void note_gone(uint64_t key)
{
    size_t fd = (uint32_t)key;
    struct parking *p = fd < pacer.fd_cap ? pacer.by_fd[fd] : NULL;

    if (!p || p->serial != key >> 32 || p->gone)
        return;
    p->gone = true;
    p->gone_ms = now_ms();
    if (p->heap_at) {
        p->due_ms = 0;
        heap_up(p->heap_at);
    }
}

/*
 * Take at most max due connections off the heap. They stay suspended, hence alive, until
 * they are resumed, which must happen without our lock: the library takes its own.
 */
static size_t take_due(struct MHD_Connection **due, size_t max, int64_t now)
{
    size_t n = 0;

    while (n < max && pacer.count && (pacer.stopping || pacer.heap[1]->due_ms <= now)) {
        due[n++] = pacer.heap[1]->connection;
        heap_remove(pacer.heap[1]);
    }
    return n;
}

static int sleep_time(int64_t now)
{
    int64_t due = pacer.count ? pacer.heap[1]->due_ms : INT64_MAX;

    pacer.sleeping_until = due;
    if (due == INT64_MAX)
        return -1;
    return due <= now ? 0 : due - now > 60000 ? 60000 : (int)(due - now);
}

static void *pacer_run(void *unused)
{
    struct epoll_event events[EVENTS_AT_ONCE];
    struct MHD_Connection *due[EVENTS_AT_ONCE];
    int i, n, timeout = 0;
    size_t k, taken;
    uint64_t drained;
    bool over = false;

    (void)unused;
    while (!over) {
        n = epoll_wait(pacer.epoll, events, EVENTS_AT_ONCE, timeout);
        pthread_mutex_lock(&pacer.lock);
        for (i = 0; i < n; i++) {
            if (events[i].data.u64 != UINT64_MAX)
                note_gone(events[i].data.u64);
            else if (read(pacer.wake, &drained, sizeof drained) < 0)
                continue;
        }
        taken = take_due(due, EVENTS_AT_ONCE, now_ms());
        pacer.resuming = taken;
        timeout = sleep_time(now_ms());
        over = pacer.over;
        pthread_mutex_unlock(&pacer.lock);
        for (k = 0; k < taken; k++)
            MHD_resume_connection(due[k]);
        pthread_mutex_lock(&pacer.lock);
        pacer.resuming = 0;
        pthread_mutex_unlock(&pacer.lock);
    }
    return NULL;
}

bool pacer_start(void)
{
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = UINT64_MAX};

    pacer.epoll = epoll_create1(EPOLL_CLOEXEC);
    pacer.wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (pacer.epoll < 0 || pacer.wake < 0 ||
        epoll_ctl(pacer.epoll, EPOLL_CTL_ADD, pacer.wake, &event) < 0)
        return false;
    errno = pthread_create(&pacer.thread, NULL, pacer_run, NULL);
    return errno == 0;
}

static bool pacer_idle(void)
{
    bool idle;

    pthread_mutex_lock(&pacer.lock);
    idle = !pacer.count && !pacer.resuming;
    pthread_mutex_unlock(&pacer.lock);
    return idle;
}

/* The library must not be stopped while a connection is suspended. */
void pacer_stop(void)
{
    struct timespec moment = {0, 5000000};
    int quiet;

    pthread_mutex_lock(&pacer.lock);
    pacer.stopping = true;
    pthread_mutex_unlock(&pacer.lock);
    wake_up();
    for (quiet = 0; quiet < 4; quiet = pacer_idle() ? quiet + 1 : 0)
        nanosleep(&moment, NULL);
}

void pacer_free(void)
{
    pthread_mutex_lock(&pacer.lock);
    pacer.over = true;
    pthread_mutex_unlock(&pacer.lock);
    wake_up();
    pthread_join(pacer.thread, NULL);
    free(pacer.heap);
    free(pacer.by_fd);
    close(pacer.epoll);
    close(pacer.wake);
}

/*
 * The event loop: epoll, a heap of timers, a queue of posted work.
 *
 * An epoll event names its descriptor and the generation of its watch, not a pointer: a callback
 * may end any watch, and what epoll had already reported for it is then skipped.
 */
#include "http/reactor.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/log.h"
#include "http/pool.h"

enum {
    EVENTS_PER_TURN = 256,
    ROUNDS_PER_TURN = 4 /* of timers that set each other for "now", before descriptors are asked */
};

struct posted {
    void (*work)(void *arg);
    void *arg;
    struct posted *next;
};

struct reactor {
    int epoll_fd, wake_fd;
    atomic_bool stop;
    struct watch **watches; /* by descriptor */
    size_t watch_room;
    unsigned generation;
    struct timer **heap; /* from 1 */
    size_t heap_count, heap_room;
    struct later *later, **later_end;
    pthread_mutex_t lock; /* guards the queue below */
    struct posted *posted, **posted_end;
    struct http_pool *pool;
    struct arena *scratch;
};

/* --- timers: a binary heap, the earliest first ----------------------------------------------- */

static void heap_place(struct reactor *r, struct timer *t, size_t slot)
{
    r->heap[slot] = t;
    t->slot = (unsigned)slot;
}

static void heap_up(struct reactor *r, struct timer *t, size_t slot)
{
    while (slot > 1 && r->heap[slot / 2]->at_ms > t->at_ms) {
        heap_place(r, r->heap[slot / 2], slot);
        slot /= 2;
    }
    heap_place(r, t, slot);
}

static void heap_down(struct reactor *r, struct timer *t, size_t slot)
{
    for (;;) {
        size_t child = 2 * slot;
        if (child > r->heap_count)
            break;
        if (child < r->heap_count && r->heap[child + 1]->at_ms < r->heap[child]->at_ms)
            child++;
        if (r->heap[child]->at_ms >= t->at_ms)
            break;
        heap_place(r, r->heap[child], slot);
        slot = child;
    }
    heap_place(r, t, slot);
}

void timer_clear(struct reactor *r, struct timer *t)
{
    if (!t->slot)
        return;
    size_t slot = t->slot;
    struct timer *last = r->heap[r->heap_count--];
    t->slot = 0;
    if (last == t)
        return;
    if (slot > 1 && r->heap[slot / 2]->at_ms > last->at_ms)
        heap_up(r, last, slot);
    else
        heap_down(r, last, slot);
}

static status heap_grow(struct reactor *r)
{
    if (r->heap_count + 1 < r->heap_room)
        return OK;
    size_t room = r->heap_room ? r->heap_room * 2 : 64;
    struct timer **heap = realloc(r->heap, room * sizeof(struct timer *));
    if (!heap)
        return E_NOMEM;
    r->heap = heap;
    r->heap_room = room;
    return OK;
}

status timer_set(struct reactor *r, struct timer *t, int64_t delay_ms, void (*fire)(void *arg),
                 void *arg)
{
    timer_clear(r, t);
    if (heap_grow(r))
        return E_NOMEM;
    t->at_ms = clock_ms() + (delay_ms > 0 ? delay_ms : 0);
    t->fire = fire;
    t->arg = arg;
    heap_up(r, t, ++r->heap_count);
    return OK;
}

/* Milliseconds until the earliest timer, -1 if there is none. */
static int until_next(const struct reactor *r)
{
    if (!r->heap_count)
        return -1;
    int64_t wait = r->heap[1]->at_ms - clock_ms();
    if (wait < 0)
        return 0;
    return wait > 60000 ? 60000 : (int)wait;
}

/* Fires what is due now; a timer set again for "now" from a callback waits for the next round, of which
   a turn has few, so that timers cannot starve descriptors. */
static void fire_timers(struct reactor *r)
{
    int64_t now = clock_ms();
    for (size_t most = r->heap_count; most && r->heap_count; most--) {
        struct timer *t = r->heap[1];
        if (t->at_ms > now)
            return;
        timer_clear(r, t);
        t->fire(t->arg);
    }
}

/* --- descriptors ----------------------------------------------------------------------------- */

static status watch_slot(struct reactor *r, int fd)
{
    if ((size_t)fd < r->watch_room)
        return OK;
    size_t room = r->watch_room ? r->watch_room : 64;
    while (room <= (size_t)fd)
        room *= 2;
    struct watch **watches = realloc(r->watches, room * sizeof(struct watch *));
    if (!watches)
        return E_NOMEM;
    for (size_t i = r->watch_room; i < room; i++)
        watches[i] = NULL;
    r->watches = watches;
    r->watch_room = room;
    return OK;
}

status watch_set(struct reactor *r, struct watch *w, int fd, uint32_t events,
                 void (*ready)(void *arg, uint32_t events), void *arg)
{
    if (w->active && w->fd == fd && w->events == events && w->ready == ready && w->arg == arg)
        return OK;
    if (w->active && w->fd != fd)
        watch_clear(r, w);
    if (fd < 0)
        return E_IO;
    if (watch_slot(r, fd))
        return E_NOMEM;

    int op = w->active ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;
    if (!w->active)
        w->generation = ++r->generation;
    struct epoll_event e = {.events = events,
                            .data.u64 = (uint64_t)w->generation << 32 | (uint32_t)fd};
    if (epoll_ctl(r->epoll_fd, op, fd, &e) < 0)
        return E_IO;
    w->fd = fd;
    w->events = events;
    w->ready = ready;
    w->arg = arg;
    w->active = true;
    r->watches[fd] = w;
    return OK;
}

void watch_clear(struct reactor *r, struct watch *w)
{
    if (!w->active)
        return;
    epoll_ctl(r->epoll_fd, EPOLL_CTL_DEL, w->fd, NULL);
    watch_forget(r, w);
}

void watch_forget(struct reactor *r, struct watch *w)
{
    if (!w->active)
        return;
    if (r->watches[w->fd] == w)
        r->watches[w->fd] = NULL;
    w->active = false;
}

static void dispatch(struct reactor *r, const struct epoll_event *e)
{
    uint32_t fd = (uint32_t)e->data.u64;
    struct watch *w = fd < r->watch_room ? r->watches[fd] : NULL;

    if (w && w->active && w->generation == (unsigned)(e->data.u64 >> 32))
        w->ready(w->arg, e->events);
}

/* --- work for the end of a turn -------------------------------------------------------------- */

void later_set(struct reactor *r, struct later *l, void (*work)(void *arg), void *arg)
{
    if (l->at)
        return;
    *l = (struct later){work, arg, NULL, r->later_end};
    *r->later_end = l;
    r->later_end = &l->next;
}

void later_clear(struct reactor *r, struct later *l)
{
    if (!l->at)
        return;
    *l->at = l->next;
    if (l->next)
        l->next->at = l->at;
    else
        r->later_end = l->at;
    l->at = NULL;
}

/* What the work asks for in turn is done as well: it cannot go on for ever, since nothing new comes
   in meanwhile. */
static void run_later(struct reactor *r)
{
    while (r->later) {
        struct later *l = r->later;
        later_clear(r, l);
        l->work(l->arg);
    }
}

/* --- posted work ----------------------------------------------------------------------------- */

static void wake(struct reactor *r)
{
    uint64_t one = 1;
    ssize_t n = write(r->wake_fd, &one, sizeof one);
    (void)n; /* a full counter wakes just as well */
}

status reactor_post(struct reactor *r, void (*work)(void *arg), void *arg)
{
    struct posted *p = malloc(sizeof *p);
    if (!p)
        return E_NOMEM;
    *p = (struct posted){work, arg, NULL};
    pthread_mutex_lock(&r->lock);
    bool first = !r->posted;
    *r->posted_end = p;
    r->posted_end = &p->next;
    pthread_mutex_unlock(&r->lock);
    if (first)
        wake(r);
    return OK;
}

static void run_posted(struct reactor *r)
{
    pthread_mutex_lock(&r->lock);
    struct posted *p = r->posted;
    r->posted = NULL;
    r->posted_end = &r->posted;
    pthread_mutex_unlock(&r->lock);
    while (p) {
        struct posted *next = p->next;
        p->work(p->arg);
        free(p);
        p = next;
    }
}

void reactor_stop(struct reactor *r)
{
    atomic_store(&r->stop, true);
    wake(r);
}

/* --- the loop -------------------------------------------------------------------------------- */

/* Before the queue is looked at: who adds to it later wakes us again. */
static void clear_wake(struct reactor *r, const struct epoll_event *events, int n)
{
    uint64_t count;

    for (int i = 0; i < n; i++)
        if ((int)(uint32_t)events[i].data.u64 == r->wake_fd) {
            ssize_t got = read(r->wake_fd, &count, sizeof count);
            (void)got;
        }
}

/* What other threads have posted comes first: a request that arrives after a reload finds the new
   settings. */
static void turn(struct reactor *r)
{
    struct epoll_event events[EVENTS_PER_TURN];
    int n = epoll_wait(r->epoll_fd, events, EVENTS_PER_TURN, until_next(r));

    if (n < 0 && errno != EINTR)
        log_error("epoll_wait failed: errno %d", errno);
    clear_wake(r, events, n);
    run_posted(r);
    for (int i = 0; i < n; i++)
        dispatch(r, &events[i]); /* there is no watch for the wake-up */
    for (int i = 0; i < ROUNDS_PER_TURN && (i == 0 || until_next(r) == 0); i++) {
        fire_timers(r);
        run_later(r);
    }
}

void reactor_run(struct reactor *r)
{
    while (!atomic_load(&r->stop))
        turn(r);
}

void reactor_run_until(struct reactor *r, const bool *finished)
{
    while (!*finished && !atomic_load(&r->stop))
        turn(r);
}

struct http_pool *reactor_pool(struct reactor *r)
{
    return r->pool;
}

struct reactor *reactor_new(const struct http_settings *settings)
{
    struct reactor *r = calloc(1, sizeof *r);
    if (!r)
        return NULL;
    pthread_mutex_init(&r->lock, NULL);
    r->posted_end = &r->posted;
    r->later_end = &r->later;
    r->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    r->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    r->scratch = arena_new(0);
    struct epoll_event e = {.events = EPOLLIN, .data.u64 = (uint32_t)r->wake_fd};
    if (r->scratch && r->epoll_fd >= 0 && r->wake_fd >= 0 &&
        epoll_ctl(r->epoll_fd, EPOLL_CTL_ADD, r->wake_fd, &e) == 0)
        r->pool = pool_new(r, settings);
    if (!r->pool) {
        reactor_free(r);
        return NULL;
    }
    return r;
}

struct arena *reactor_scratch(struct reactor *r)
{
    return r->scratch;
}

void reactor_free(struct reactor *r)
{
    if (!r)
        return;
    run_posted(r);
    pool_free(r->pool);
    arena_free(r->scratch);
    if (r->epoll_fd >= 0)
        close(r->epoll_fd);
    if (r->wake_fd >= 0)
        close(r->wake_fd);
    pthread_mutex_destroy(&r->lock);
    free(r->watches);
    free(r->heap);
    free(r);
}

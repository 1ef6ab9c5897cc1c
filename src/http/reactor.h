/*
 * One thread's event loop: file descriptors, timers, work posted by other threads, and the curl
 * transfers of http/client.h. Everything but reactor_post and reactor_stop belongs to the thread
 * that runs it.
 */
#ifndef CORELAY_HTTP_REACTOR_H
#define CORELAY_HTTP_REACTOR_H

#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"

struct arena;
struct reactor;
struct http_settings;

/* NULL when out of memory or descriptors. `settings` is copied. */
struct reactor *reactor_new(const struct http_settings *settings);
/* All calls must have ended. */
void reactor_free(struct reactor *r);

/* An arena for what one callback needs until it returns; whoever takes it resets it then. */
struct arena *reactor_scratch(struct reactor *r);

/* Work until reactor_stop. */
void reactor_run(struct reactor *r);
/* Work until `*finished` becomes true; for programs that wait for one thing. */
void reactor_run_until(struct reactor *r, const bool *finished);
/* From any thread, and from signal handlers. */
void reactor_stop(struct reactor *r);

/* Run `work(arg)` on the reactor's thread, soon; from any thread. E_NOMEM. */
status reactor_post(struct reactor *r, void (*work)(void *arg), void *arg);

/* A timer is embedded in what it times and must be zeroed first. Setting it again moves it;
   clearing an idle one is fine. It fires once. */
struct timer {
    int64_t at_ms;
    void (*fire)(void *arg);
    void *arg;
    unsigned slot; /* in the heap, from 1; 0: idle */
};

/* E_NOMEM only when more timers run than ever before. */
status timer_set(struct reactor *r, struct timer *t, int64_t delay_ms, void (*fire)(void *arg),
                 void *arg);
void timer_clear(struct reactor *r, struct timer *t);

/* Work for the end of this turn of the loop, when all that is ready now has been looked at. Embedded
   like a timer, zeroed first; asking twice in one turn is asking once. */
struct later {
    void (*work)(void *arg);
    void *arg;
    struct later *next, **at; /* `at`: what points to this one; NULL: idle */
};

void later_set(struct reactor *r, struct later *l, void (*work)(void *arg), void *arg);
void later_clear(struct reactor *r, struct later *l);

/* Watch a descriptor; `events` are EPOLLIN, EPOLLOUT... (level-triggered). EPOLLHUP and EPOLLERR
   are always reported. */
struct watch {
    int fd;
    uint32_t events;
    void (*ready)(void *arg, uint32_t events);
    void *arg;
    bool active;
    unsigned generation;
};

/* Begin, or change the events. E_IO, E_NOMEM. */
status watch_set(struct reactor *r, struct watch *w, int fd, uint32_t events,
                 void (*ready)(void *arg, uint32_t events), void *arg);
/* Must come before the descriptor is closed. */
void watch_clear(struct reactor *r, struct watch *w);
/* The same, where the descriptor is about to be closed and was never duplicated: the kernel then
   forgets it by itself. */
void watch_forget(struct reactor *r, struct watch *w);

#endif

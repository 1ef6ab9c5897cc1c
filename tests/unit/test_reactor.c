/* The event loop: order of timers, work from other threads, watches that end while they are due. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/clock.h"
#include "http/client.h"
#include "http/reactor.h"

static struct reactor *reactor;
static bool finished;

static int set_up(void **state)
{
    static const struct http_settings settings = {.proxy = ""};

    (void)state;
    finished = false;
    reactor = reactor_new(&settings);
    return reactor ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    reactor_free(reactor);
    return 0;
}

static void finish(void *arg)
{
    (void)arg;
    finished = true;
}

/* Runs until `delay_ms` have passed. */
static void run_for(int64_t delay_ms)
{
    struct timer end = {0};

    finished = false;
    assert_int_equal(timer_set(reactor, &end, delay_ms, finish, NULL), OK);
    reactor_run_until(reactor, &finished);
}

/* --- timers ---------------------------------------------------------------------------------- */

enum { TIMERS = 300 };

struct alarm {
    struct timer timer;
    int64_t due_ms;
    int fired;
    bool cleared;
};

static struct alarm alarms[TIMERS];
static int64_t latest_ms;
static int fired;

static void ring(void *arg)
{
    struct alarm *a = arg;

    assert_false(a->cleared);
    assert_true(clock_ms() >= a->due_ms);
    assert_true(a->timer.at_ms >= latest_ms);
    assert_int_equal(a->timer.slot, 0);
    latest_ms = a->timer.at_ms;
    a->fired++;
    fired++;
}

static void set_alarm(struct alarm *a, int64_t delay_ms)
{
    a->due_ms = clock_ms() + delay_ms;
    assert_int_equal(timer_set(reactor, &a->timer, delay_ms, ring, a), OK);
}

static void timers_fire_in_order(void **state)
{
    int expected = 0;

    (void)state;
    srand(7);
    memset(alarms, 0, sizeof alarms);
    fired = 0;
    latest_ms = 0;
    for (int i = 0; i < TIMERS; i++)
        set_alarm(&alarms[i], rand() % 100);
    for (int i = 0; i < TIMERS; i++) {
        if (i % 3 == 0) { /* moved, to and fro */
            set_alarm(&alarms[i], rand() % 100);
        } else if (i % 7 == 0) {
            timer_clear(reactor, &alarms[i].timer);
            timer_clear(reactor, &alarms[i].timer);
            alarms[i].cleared = true;
        }
    }
    run_for(150);
    for (int i = 0; i < TIMERS; i++) {
        expected += !alarms[i].cleared;
        assert_int_equal(alarms[i].fired, !alarms[i].cleared);
    }
    assert_int_equal(fired, expected);
}

static void clear_other(void *arg)
{
    struct alarm *other = arg;

    timer_clear(reactor, &other->timer);
    other->cleared = true;
}

/* Both are due in the same turn. */
static void a_timer_may_clear_another(void **state)
{
    struct timer first = {0};
    struct alarm second = {.fired = 0};

    (void)state;
    latest_ms = 0;
    timer_set(reactor, &first, 5, clear_other, &second);
    set_alarm(&second, 6);
    usleep(20000);
    run_for(20);
    assert_int_equal(second.fired, 0);
}

static struct timer again;
static int turns;

static void set_again(void *arg)
{
    if (++turns < 1000)
        timer_set(reactor, &again, 0, set_again, arg);
}

static void read_one(void *arg, uint32_t events)
{
    struct watch *w = arg;
    char c;

    assert_true(events & EPOLLIN);
    assert_int_equal(read(w->fd, &c, 1), 1);
    watch_clear(reactor, w);
    assert_true(turns < 1000); /* it came before the timer was through */
    finished = true;
}

static void timers_do_not_starve_descriptors(void **state)
{
    struct watch w = {0};
    int ends[2];

    (void)state;
    turns = 0;
    again = (struct timer){0};
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(write(ends[1], "x", 1), 1);
    assert_int_equal(watch_set(reactor, &w, ends[0], EPOLLIN, read_one, &w), OK);
    timer_set(reactor, &again, 0, set_again, NULL);
    reactor_run_until(reactor, &finished);
    timer_clear(reactor, &again);
    close(ends[0]);
    close(ends[1]);
}

/* --- posted work ----------------------------------------------------------------------------- */

enum { THREADS = 4, POSTS = 2000 };

static struct sender {
    pthread_t thread;
    int next; /* what the reactor expects of it */
} senders[THREADS];

struct message {
    struct sender *from;
    int number;
};

static pthread_t reactor_thread;
static int received;

static void receive(void *arg)
{
    struct message *m = arg;

    assert_true(pthread_equal(pthread_self(), reactor_thread));
    assert_int_equal(m->number, m->from->next);
    m->from->next++;
    free(m);
    finished = ++received == THREADS * POSTS;
}

static void *send_all(void *arg)
{
    for (int i = 0; i < POSTS; i++) {
        struct message *m = malloc(sizeof *m);
        *m = (struct message){arg, i};
        reactor_post(reactor, receive, m);
    }
    return NULL;
}

static void threads_post_in_order(void **state)
{
    (void)state;
    received = 0;
    reactor_thread = pthread_self();
    for (int i = 0; i < THREADS; i++) {
        senders[i].next = 0;
        pthread_create(&senders[i].thread, NULL, send_all, &senders[i]);
    }
    reactor_run_until(reactor, &finished);
    for (int i = 0; i < THREADS; i++) {
        pthread_join(senders[i].thread, NULL);
        assert_int_equal(senders[i].next, POSTS);
    }
}

static bool inside_post;

static void post_two(void *arg)
{
    assert_false(inside_post);
    if (arg)
        finish(NULL);
}

static void post_one(void *arg)
{
    inside_post = true;
    reactor_post(reactor, post_two, arg);
    inside_post = false;
}

static void posted_work_may_post(void **state)
{
    (void)state;
    reactor_post(reactor, post_one, &finished);
    reactor_run_until(reactor, &finished);
    assert_true(finished);
}

static void nothing_posted_is_lost(void **state)
{
    (void)state;
    assert_int_equal(set_up(NULL), 0);
    reactor_post(reactor, finish, NULL);
    reactor_free(reactor);
    assert_true(finished);
}

/* --- work for the end of a turn -------------------------------------------------------------- */

struct errand {
    struct later later;
    struct errand *clear, *ask; /* done in turn, each */
    int done;
};

static void do_errand(void *arg)
{
    struct errand *e = arg;

    e->done++;
    if (e->clear)
        later_clear(reactor, &e->clear->later);
    if (e->ask)
        later_set(reactor, &e->ask->later, do_errand, e->ask);
}

static void the_end_of_a_turn(void **state)
{
    static struct errand third, second, first;

    (void)state;
    third = (struct errand){.later = {0}};
    second = (struct errand){.later = {0}};
    first = (struct errand){.clear = &second, .ask = &third};
    later_clear(reactor, &first.later);
    later_set(reactor, &first.later, do_errand, &first);
    later_set(reactor, &first.later, do_errand, &first); /* asking twice is asking once */
    later_set(reactor, &second.later, do_errand, &second);
    run_for(0);
    assert_int_equal(first.done, 1);
    assert_int_equal(second.done, 0); /* the first one has cleared it */
    assert_int_equal(third.done, 1);
    later_set(reactor, &second.later, do_errand, &second); /* the list is in order still */
    run_for(0);
    assert_int_equal(second.done, 1);
    assert_int_equal(first.done, 1);
}

/* --- descriptors ----------------------------------------------------------------------------- */

static struct pair {
    struct watch watch;
    int ends[2], calls;
    struct pair *victim;
} pairs[100];

static void open_pair(struct pair *p)
{
    *p = (struct pair){.calls = 0};
    assert_int_equal(pipe(p->ends), 0);
}

static void close_pair(struct pair *p)
{
    watch_clear(reactor, &p->watch);
    close(p->ends[0]);
    close(p->ends[1]);
}

static void count(void *arg, uint32_t events)
{
    struct pair *p = arg;
    char c;

    assert_true(events & EPOLLIN);
    assert_int_equal(read(p->ends[0], &c, 1), 1);
    p->calls++;
}

static void watches_many(void **state)
{
    (void)state;
    for (int i = 0; i < 100; i++) {
        open_pair(&pairs[i]);
        assert_int_equal(
            watch_set(reactor, &pairs[i].watch, pairs[i].ends[0], EPOLLIN, count, &pairs[i]), OK);
        assert_int_equal(write(pairs[i].ends[1], "abc", 3), 3);
    }
    run_for(50);
    for (int i = 0; i < 100; i++) {
        assert_int_equal(pairs[i].calls, 3); /* level-triggered: until all is read */
        close_pair(&pairs[i]);
    }
}

static void watches_can_change(void **state)
{
    struct pair *p = &pairs[0];

    (void)state;
    open_pair(p);
    assert_int_equal(watch_set(reactor, &p->watch, p->ends[0], 0, count, p), OK);
    assert_int_equal(write(p->ends[1], "a", 1), 1);
    run_for(20);
    assert_int_equal(p->calls, 0);
    assert_int_equal(watch_set(reactor, &p->watch, p->ends[0], EPOLLIN, count, p), OK);
    run_for(20);
    assert_int_equal(p->calls, 1);
    watch_clear(reactor, &p->watch);
    watch_clear(reactor, &p->watch);
    assert_int_equal(write(p->ends[1], "a", 1), 1);
    run_for(20);
    assert_int_equal(p->calls, 1);
    close_pair(p);
    assert_int_equal(watch_set(reactor, &p->watch, p->ends[0], EPOLLIN, count, p), E_IO);
    assert_int_equal(watch_set(reactor, &p->watch, -1, EPOLLIN, count, p), E_IO);
}

static void end_victim(void *arg, uint32_t events)
{
    struct pair *p = arg;

    count(arg, events);
    if (p->victim->watch.active)
        watch_clear(reactor, &p->victim->watch);
}

/* Whichever comes first ends the other, which epoll has reported already. */
static void a_cleared_watch_is_not_called(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        open_pair(&pairs[i]);
        pairs[i].victim = &pairs[1 - i];
        watch_set(reactor, &pairs[i].watch, pairs[i].ends[0], EPOLLIN, end_victim, &pairs[i]);
        assert_int_equal(write(pairs[i].ends[1], "a", 1), 1);
    }
    run_for(20);
    assert_int_equal(pairs[0].calls + pairs[1].calls, 1);
    close_pair(&pairs[0]);
    close_pair(&pairs[1]);
}

static void never(void *arg, uint32_t events)
{
    (void)arg;
    (void)events;
    fail_msg("an event of a closed descriptor reached its successor");
}

static void replace_victim(void *arg, uint32_t events)
{
    struct pair *p = arg, *v = p->victim;
    int old = v->ends[0];

    count(arg, events);
    watch_clear(reactor, &p->watch);
    watch_clear(reactor, &v->watch);
    close(old);
    v->ends[0] = open("/dev/null", O_RDONLY);
    close(v->ends[0]);
    assert_int_equal(pipe(pairs[2].ends), 0); /* takes the number that has just become free */
    assert_int_equal(pairs[2].ends[0], old);
    watch_set(reactor, &pairs[2].watch, old, EPOLLIN, never, &pairs[2]);
}

/* The number of a closed descriptor is used again at once: what epoll had reported for the old one
   must not reach the new one. */
static void events_do_not_outlive_their_watch(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        open_pair(&pairs[i]);
        pairs[i].victim = &pairs[1 - i];
        watch_set(reactor, &pairs[i].watch, pairs[i].ends[0], EPOLLIN, replace_victim, &pairs[i]);
        assert_int_equal(write(pairs[i].ends[1], "a", 1), 1);
    }
    pairs[2] = (struct pair){.calls = 0};
    run_for(20);
    int first = pairs[0].calls ? 0 : 1;
    assert_int_equal(pairs[0].calls + pairs[1].calls, 1);
    close_pair(&pairs[2]);
    close_pair(&pairs[first]);
    close(pairs[1 - first].ends[1]);
}

static void hang_up(void *arg, uint32_t events)
{
    struct pair *p = arg;

    assert_true(events & EPOLLHUP);
    p->calls++;
    watch_clear(reactor, &p->watch);
}

static void hang_ups_are_always_told(void **state)
{
    (void)state;
    open_pair(&pairs[0]);
    watch_set(reactor, &pairs[0].watch, pairs[0].ends[0], 0, hang_up, &pairs[0]);
    close(pairs[0].ends[1]);
    run_for(20);
    assert_int_equal(pairs[0].calls, 1);
    close(pairs[0].ends[0]);
}

/* --- stopping -------------------------------------------------------------------------------- */

static void *stop_soon(void *arg)
{
    (void)arg;
    usleep(30000);
    reactor_stop(reactor);
    return NULL;
}

static void stops_from_another_thread(void **state)
{
    pthread_t thread;
    bool no = false;

    (void)state;
    pthread_create(&thread, NULL, stop_soon, NULL);
    reactor_run(reactor);
    reactor_run_until(reactor, &no); /* stays stopped */
    pthread_join(thread, NULL);
}

static void stop_now(int signal)
{
    (void)signal;
    reactor_stop(reactor);
}

static void *signal_soon(void *arg)
{
    (void)arg;
    usleep(30000);
    kill(getpid(), SIGUSR1);
    return NULL;
}

static void stops_from_a_signal_handler(void **state)
{
    pthread_t thread;

    (void)state;
    signal(SIGUSR1, stop_now);
    pthread_create(&thread, NULL, signal_soon, NULL);
    reactor_run(reactor);
    pthread_join(thread, NULL);
    signal(SIGUSR1, SIG_DFL);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(timers_fire_in_order),
        TEST(a_timer_may_clear_another),
        TEST(timers_do_not_starve_descriptors),
        TEST(threads_post_in_order),
        TEST(posted_work_may_post),
        cmocka_unit_test(nothing_posted_is_lost),
        TEST(the_end_of_a_turn),
        TEST(watches_many),
        TEST(watches_can_change),
        TEST(a_cleared_watch_is_not_called),
        TEST(events_do_not_outlive_their_watch),
        TEST(hang_ups_are_always_told),
        TEST(stops_from_another_thread),
        TEST(stops_from_a_signal_handler),
    };
    alarm(60); /* a loop that does not end is a failure */
    return cmocka_run_group_tests(tests, NULL, NULL);
}

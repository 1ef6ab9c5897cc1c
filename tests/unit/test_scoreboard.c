/* The scoreboard: rows and sums right whoever dies, and a file that may hold anything. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/log.h"
#include "route/scoreboard.h"
#include "route/scoreboard_map.h"

enum { TARGETS = 32, SEATS = 16, PROCESSES = 8, MANY = 200, ROUNDS = 20000, SHARED_KEYS = 6 };

static char folder[64], path[96];
static struct scoreboard_settings settings = {folder, TARGETS, SEATS};

static int set_up(void **state)
{
    (void)state;
    strcpy(folder, "/tmp/test-scoreboard-XXXXXX");
    if (!mkdtemp(folder))
        return -1;
    snprintf(path, sizeof path, "%s/scoreboard", folder);
    log_set_level(LOG_LEVEL_ERROR);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    if (unlink(path) < 0)
        rmdir(path);
    return rmdir(folder); /* fails if anything else was left behind */
}

static struct scoreboard *open_board(void)
{
    struct scoreboard *b = scoreboard_open(&settings);

    assert_non_null(b);
    return b;
}

static uint64_t key_of(unsigned i)
{
    return hash_end(HASH_BEGIN + i);
}

static struct board_target *target(struct scoreboard *b, unsigned i)
{
    char label[32];

    snprintf(label, sizeof label, "target %u", i);
    return scoreboard_target(b, key_of(i), str_from(label));
}

static uint32_t in_flight(struct scoreboard *b)
{
    uint32_t sum = 0;

    for (unsigned i = 0; i < SHARED_KEYS; i++)
        sum += scoreboard_in_flight(b, target(b, i));
    return sum;
}

static unsigned rows(struct scoreboard *b)
{
    unsigned n = 0;

    while (scoreboard_target_at(b, n))
        n++;
    return n;
}

/* --- rows ------------------------------------------------------------------------------------ */

static void rows_are_found_again(void **state)
{
    struct scoreboard *one = open_board(), *two = open_board();
    char text[BOARD_LABEL_BYTES];

    (void)state;
    assert_true(scoreboard_is_shared(one));
    struct board_target *t = target(one, 1);
    atomic_store(&t->tries, 5);
    assert_ptr_equal(target(one, 1), t);
    assert_ptr_not_equal(target(one, 2), t);
    assert_int_equal(atomic_load(&target(two, 1)->tries), 5);
    assert_true(str_is(board_label(&target(two, 1)->row, text), "target 1"));
    assert_int_equal(rows(two), 2);
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    scoreboard_close(one);
    scoreboard_close(two);
    one = open_board();
    assert_int_equal(atomic_load(&target(one, 1)->tries), 5);
    scoreboard_close(one);
}

static void a_full_table_refuses(void **state)
{
    struct scoreboard *b = open_board();

    (void)state;
    for (unsigned i = 0; i < TARGETS; i++)
        assert_non_null(target(b, i));
    assert_null(target(b, TARGETS));
    assert_non_null(target(b, 3));
    assert_int_equal(rows(b), TARGETS);
    struct board_score score;
    scoreboard_begin(b, NULL, &score);
    scoreboard_end(&score);
    scoreboard_close(b);
}

static void a_label_is_printable(void **state)
{
    struct scoreboard *b = open_board();
    char text[BOARD_LABEL_BYTES], wide[300];

    (void)state;
    memset(wide, 'x', sizeof wide);
    struct board_target *t = scoreboard_target(b, 7, (struct str){wide, sizeof wide});
    assert_int_equal(board_label(&t->row, text).n, BOARD_LABEL_BYTES);
    t = scoreboard_target(b, 8, STR("a\n\x1b[0m\xff"));
    assert_true(str_is(board_label(&t->row, text), "a??[0m?"));
    scoreboard_close(b);
}

static void without_a_folder(void **state)
{
    struct scoreboard_settings memory = {NULL, TARGETS, SEATS};
    struct scoreboard *b = scoreboard_open(&memory);
    struct board_score score;
    int fd = open(path, O_CREAT | O_WRONLY, 0600);

    (void)state;
    close(fd);
    assert_non_null(b);
    assert_false(scoreboard_is_shared(b));
    scoreboard_begin(b, target(b, 0), &score);
    assert_int_equal(in_flight(b), 1);
    scoreboard_tend(b);
    scoreboard_end(&score);
    assert_int_equal(in_flight(b), 0);
    scoreboard_close(b);
}

static void windows_count_a_minute(void **state)
{
    board_window w = 0;

    (void)state;
    assert_int_equal(board_counted(&w, 60000), 0);
    assert_int_equal(board_count(&w, 60000), 1);
    assert_int_equal(board_count(&w, 119999), 2);
    assert_int_equal(board_counted(&w, 119999), 2);
    assert_int_equal(board_counted(&w, 120000), 0);
    assert_int_equal(board_count(&w, 120000), 1);
    w = UINT64_C(2) << 32 | UINT32_MAX;
    assert_int_equal(board_count(&w, 120000), UINT32_MAX);
    assert_int_equal(board_counted(&w, 120000), UINT32_MAX);
}

static void windows_have_limits(void **state)
{
    board_window w = 0;

    (void)state;
    assert_false(board_take(&w, 60000, 0));
    assert_true(board_take(&w, 60000, 2));
    assert_true(board_take(&w, 60000, 2));
    assert_false(board_take(&w, 60000, 2));
    assert_int_equal(board_counted(&w, 60000), 2);
    assert_true(board_take(&w, 60000, 3));
    assert_true(board_take(&w, 120000, 1));
    assert_int_equal(board_counted(&w, 120000), 1);
    w = UINT64_C(2) << 32 | UINT32_MAX;
    assert_false(board_take(&w, 120000, INT64_MAX));
}

enum { TAKERS = 8, TO_BE_TAKEN = 100000 };

static void *take_all(void *window)
{
    uintptr_t taken = 0;

    while (board_take(window, 60000, TO_BE_TAKEN))
        taken++;
    return (void *)taken;
}

static void limits_hold_for_all_at_once(void **state)
{
    board_window w = 0;
    pthread_t threads[TAKERS];
    uintptr_t total = 0;

    (void)state;
    for (int i = 0; i < TAKERS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, take_all, &w), 0);
    for (int i = 0; i < TAKERS; i++) {
        void *taken;
        assert_int_equal(pthread_join(threads[i], &taken), 0);
        total += (uintptr_t)taken;
    }
    assert_int_equal(total, TO_BE_TAKEN);
}

/* --- many processes -------------------------------------------------------------------------- */

static void hammer(int rounds)
{
    struct scoreboard *b = open_board();
    struct board_score held[SHARED_KEYS] = {{0}};

    for (int i = 0; rounds < 0 || i < rounds; i++) {
        unsigned k = (unsigned)i % SHARED_KEYS;
        struct board_target *t = target(b, k);
        scoreboard_end(&held[k]);
        scoreboard_begin(b, t, &held[k]);
        atomic_fetch_add(&t->tries, 1);
        board_count(&scoreboard_common(b)->requests, 60000);
        if (i % 64 == 0)
            scoreboard_tend(b);
    }
    for (int k = 0; k < SHARED_KEYS; k++)
        scoreboard_end(&held[k]);
    scoreboard_close(b);
}

static pid_t start(int rounds)
{
    pid_t pid = fork();

    assert_true(pid >= 0);
    if (pid == 0) {
        hammer(rounds);
        _exit(0);
    }
    return pid;
}

static void run_all(int processes, int rounds)
{
    pid_t pids[MANY];

    for (int i = 0; i < processes; i++)
        pids[i] = start(rounds);
    for (int i = 0; i < processes; i++) {
        int how;
        assert_int_equal(waitpid(pids[i], &how, 0), pids[i]);
        assert_int_equal(how, 0);
    }
}

static void sums_are_right(void **state)
{
    struct scoreboard *b = open_board();
    uint64_t tries = 0;

    (void)state;
    run_all(PROCESSES, ROUNDS);
    assert_int_equal(rows(b), SHARED_KEYS);
    for (unsigned i = 0; i < SHARED_KEYS; i++)
        tries += atomic_load(&target(b, i)->tries);
    assert_int_equal(tries, PROCESSES * ROUNDS);
    assert_int_equal(board_counted(&scoreboard_common(b)->requests, 60000), PROCESSES * ROUNDS);
    assert_int_equal(in_flight(b), 0);
    assert_int_equal(scoreboard_seat_at(b, 0)->pid, getpid());
    assert_null(scoreboard_seat_at(b, 1));
    scoreboard_close(b);
}

static void two_hundred_processes(void **state)
{
    uint64_t tries = 0;

    (void)state;
    settings.seats = MANY + 1;
    struct scoreboard *b = open_board();
    run_all(MANY, 600);
    for (unsigned i = 0; i < SHARED_KEYS; i++)
        tries += atomic_load(&target(b, i)->tries);
    assert_int_equal(tries, MANY * 600);
    assert_int_equal(in_flight(b), 0);
    scoreboard_close(b);
    settings.seats = SEATS;
}

/* Whose file was replaced by that of another goes over to it. */
static void a_race_for_the_file(void **state)
{
    (void)state;
    for (int i = 0; i < 10; i++) {
        unlink(path);
        run_all(PROCESSES, 10);
        struct scoreboard *b = open_board();
        assert_true(scoreboard_is_shared(b));
        assert_int_equal(in_flight(b), 0);
        scoreboard_close(b);
    }
}

static void the_dead_are_swept(void **state)
{
    struct scoreboard *b = open_board(); /* so that nobody makes another */
    struct board_score mine;

    (void)state;
    scoreboard_begin(b, target(b, 0), &mine);
    for (int round = 0; round < 40; round++) {
        pid_t pid = start(-1);
        usleep((useconds_t)(rand() % 20000));
        kill(pid, SIGKILL);
        assert_int_equal(waitpid(pid, NULL, 0), pid);
    }
    struct scoreboard *other;
    assert_int_equal(scoreboard_look(folder, &other), OK); /* looking sweeps */
    assert_int_equal(in_flight(b), 1);
    assert_int_equal(scoreboard_seat_at(b, 0)->pid, getpid());
    assert_null(scoreboard_seat_at(b, 1));
    assert_int_equal(rows(b), SHARED_KEYS);
    scoreboard_close(other);
    scoreboard_end(&mine);
    assert_int_equal(in_flight(b), 0);
    scoreboard_close(b);
}

/* The living count what the dead hold only until they tend, without anybody looking. */
static void tending_sweeps(void **state)
{
    int ready[2];

    (void)state;
    assert_int_equal(pipe(ready), 0);
    struct scoreboard *b = open_board();
    scoreboard_tend(b);
    pid_t pid = fork();
    if (pid == 0) {
        struct scoreboard *own = open_board();
        struct board_score score;
        scoreboard_begin(own, target(own, 0), &score);
        _exit(write(ready[1], "", 1) != 1 || pause());
    }
    char byte;
    assert_int_equal(read(ready[0], &byte, 1), 1);
    assert_int_equal(in_flight(b), 1);
    usleep(1100 * 1000);
    scoreboard_tend(b);
    assert_int_equal(in_flight(b), 1); /* it lives */
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    usleep(1100 * 1000);
    scoreboard_tend(b);
    assert_int_equal(in_flight(b), 0);
    scoreboard_close(b);
    close(ready[0]);
    close(ready[1]);
}

static void seats_run_out(void **state)
{
    struct scoreboard *boards[SEATS + 1];
    struct board_score score;

    (void)state;
    for (int i = 0; i <= SEATS; i++)
        boards[i] = open_board();
    scoreboard_begin(boards[SEATS], target(boards[SEATS], 0), &score);
    assert_int_equal(in_flight(boards[0]), 0); /* not counted, but not refused either */
    scoreboard_end(&score);
    scoreboard_close(boards[3]);
    boards[3] = open_board();
    scoreboard_begin(boards[3], target(boards[3], 0), &score);
    assert_int_equal(in_flight(boards[0]), 1);
    scoreboard_end(&score);
    for (int i = 0; i <= SEATS; i++)
        scoreboard_close(boards[i]);
}

/* --- damage ---------------------------------------------------------------------------------- */

static void write_noise(size_t n)
{
    int fd = open(path, O_WRONLY | O_TRUNC);

    assert_true(fd >= 0);
    for (size_t i = 0; i < n; i++)
        assert_int_equal(write(fd, "x", 1), 1);
    close(fd);
}

static void flip(off_t at)
{
    unsigned char c;
    int fd = open(path, O_RDWR);

    assert_int_equal(pread(fd, &c, 1, at), 1);
    c ^= 0xff;
    assert_int_equal(pwrite(fd, &c, 1, at), 1);
    close(fd);
}

/* Opened anew, the file is one that works and knows nothing. */
static void expect_fresh(void)
{
    struct scoreboard *b = open_board();

    assert_true(scoreboard_is_shared(b));
    assert_int_equal(rows(b), 0);
    assert_int_equal(scoreboard_in_flight(b, target(b, 1)), 0);
    scoreboard_close(b);
}

static void leave_a_row(void)
{
    struct scoreboard *b = open_board();

    target(b, 1);
    scoreboard_close(b);
    b = open_board();
    assert_int_equal(rows(b), 1);
    scoreboard_close(b);
}

static void a_damaged_file_is_made_anew(void **state)
{
    (void)state;
    for (off_t at = 0; at < 48; at += 5) { /* any part of the header */
        leave_a_row();
        flip(at);
        expect_fresh();
    }
    leave_a_row();
    write_noise(0);
    expect_fresh();
    leave_a_row();
    write_noise(300);
    expect_fresh();
    leave_a_row();
    assert_int_equal(truncate(path, 1 << 20), 0);
    expect_fresh();
    leave_a_row();
    assert_int_equal(chmod(path, 0644), 0);
    expect_fresh();
    unlink(path);
    assert_int_equal(symlink("/nonexistent/corelay", path), 0);
    expect_fresh();
}

static void another_size_is_made_anew(void **state)
{
    (void)state;
    leave_a_row();
    settings.targets *= 2;
    expect_fresh();
    settings.targets /= 2;
    expect_fresh();
}

/* A folder in its place cannot be replaced: then there is memory. */
static void what_cannot_be_replaced(void **state)
{
    (void)state;
    assert_int_equal(mkdir(path, 0700), 0);
    struct scoreboard *b = open_board();
    assert_false(scoreboard_is_shared(b));
    assert_non_null(target(b, 1));
    scoreboard_close(b);
}

/* Cut while it is mapped: not the end of the process, and soon there is a new one for all. */
static void cut_while_mapped(void **state)
{
    struct scoreboard *b = open_board(), *other = open_board();
    struct board_score score;

    (void)state;
    scoreboard_tend(b);
    scoreboard_tend(other);
    scoreboard_begin(b, target(b, 0), &score);
    write_noise(10);
    target(b, 1);
    in_flight(b);
    in_flight(other);
    board_count(&scoreboard_common(other)->retries, 1);
    usleep(1100 * 1000);
    scoreboard_tend(b);
    scoreboard_tend(other);
    assert_true(scoreboard_is_shared(b) && scoreboard_is_shared(other));
    atomic_store(&target(b, 1)->tries, 77);
    assert_int_equal(atomic_load(&target(other, 1)->tries), 77);
    scoreboard_end(&score); /* of the old one */
    assert_int_equal(in_flight(other), 0);
    scoreboard_close(b);
    scoreboard_close(other);
}

static void looking_makes_nothing(void **state)
{
    struct scoreboard *b;

    (void)state;
    assert_int_equal(scoreboard_look(folder, &b), E_NOT_FOUND);
    assert_null(b);
    assert_int_equal(access(path, F_OK), -1);
    leave_a_row();
    flip(1);
    assert_int_equal(scoreboard_look(folder, &b), E_SYNTAX);
}

/* The cells of targets that nobody knows are most of the file; whoever reads them has them in his memory.
   Here they cannot be read. */
static void unknown_cells_are_not_read(void **state)
{
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    struct board_map *map;

    (void)state;
    settings.targets = 1024;
    settings.seats = 256;
    struct scoreboard *b = open_board(); /* makes the file */
    settings.targets = TARGETS;
    settings.seats = SEATS;
    assert_int_equal(board_map_open(path, false, &map), OK);
    uintptr_t cells = ((uintptr_t)map->cells + page - 1) / page * page;
    size_t bytes = (uintptr_t)map->base + map->bytes - cells;
    assert_true(bytes > map->bytes / 2);
    assert_int_equal(mprotect((void *)cells, bytes, PROT_NONE), 0);
    assert_true(board_map_sit(map)); /* clears the seat */
    board_map_sweep(map);
    board_map_release(map);
    scoreboard_close(b);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(rows_are_found_again),
        TEST(a_full_table_refuses),
        TEST(a_label_is_printable),
        TEST(without_a_folder),
        cmocka_unit_test(windows_count_a_minute),
        cmocka_unit_test(windows_have_limits),
        cmocka_unit_test(limits_hold_for_all_at_once),
        TEST(sums_are_right),
        TEST(two_hundred_processes),
        TEST(a_race_for_the_file),
        TEST(the_dead_are_swept),
        TEST(tending_sweeps),
        TEST(seats_run_out),
        TEST(a_damaged_file_is_made_anew),
        TEST(another_size_is_made_anew),
        TEST(what_cannot_be_replaced),
        TEST(cut_while_mapped),
        TEST(looking_makes_nothing),
        TEST(unknown_cells_are_not_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Files: whole reads, private ones, writes in one step, locks that die with their holder. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"

static char folder[64], path[128];

static int set_up(void **state)
{
    (void)state;
    strcpy(folder, "/tmp/corelay-test-file.XXXXXX");
    if (!mkdtemp(folder))
        return -1;
    snprintf(path, sizeof path, "%s/file", folder);
    return 0;
}

static int tear_down(void **state)
{
    char command[128];

    (void)state;
    snprintf(command, sizeof command, "rm -rf %s", folder);
    return system(command);
}

static void put(const char *where, struct str content, mode_t mode)
{
    int fd = open(where, O_WRONLY | O_CREAT | O_TRUNC, 0600);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, content.p, content.n), content.n);
    assert_int_equal(fchmod(fd, mode), 0);
    close(fd);
}

static size_t entries(const char *where)
{
    DIR *dir = opendir(where);
    size_t n = 0;

    assert_non_null(dir);
    for (struct dirent *e; (e = readdir(dir)) != NULL;)
        n += e->d_name[0] != '.';
    closedir(dir);
    return n;
}

static void reads(void **state)
{
    struct buf out = {0};

    (void)state;
    assert_int_equal(file_read(path, &out), E_NOT_FOUND);
    put(path, STR("a\0b"), 0644);
    buf_add_cstr(&out, "before ");
    assert_int_equal(file_read(path, &out), OK);
    assert_true(str_eq(buf_str(&out), STR("before a\0b")));
    assert_int_equal(file_read(folder, &out), E_IO);
    buf_free(&out);
}

static void reads_up_to_the_ceiling(void **state)
{
    (void)state;
    put(path, STR("1234"), 0644);
    for (size_t ceiling = 1; ceiling < 8; ceiling++) {
        struct buf out = {.ceiling = ceiling};
        assert_int_equal(file_read(path, &out), ceiling < 4 ? E_LIMIT : OK);
        if (ceiling >= 4)
            assert_true(str_is(buf_str(&out), "1234"));
        buf_free(&out);
    }
}

static void expect_private(status expected, bool tells)
{
    struct buf out = {0};
    const char *why = "unset";

    assert_int_equal(file_read_private(path, &out, &why), expected);
    assert_true((why != NULL) == tells);
    assert_int_equal(file_read_private(path, &out, NULL), expected);
    buf_free(&out);
}

static void private_means_ours_alone(void **state)
{
    char target[128];

    (void)state;
    expect_private(E_NOT_FOUND, false);
    put(path, STR("x"), 0600);
    expect_private(OK, false);
    put(path, STR("x"), 0400);
    expect_private(OK, false);
    static const mode_t open_modes[] = {0640, 0620, 0610, 0604, 0602, 0601, 0666};
    for (size_t i = 0; i < sizeof open_modes / sizeof open_modes[0]; i++) {
        assert_int_equal(chmod(path, open_modes[i]), 0);
        expect_private(E_REFUSED, true);
    }
    assert_int_equal(unlink(path), 0);

    snprintf(target, sizeof target, "%s/target", folder);
    put(target, STR("x"), 0600);
    assert_int_equal(symlink(target, path), 0);
    expect_private(E_IO, true);
    assert_int_equal(unlink(path), 0);

    assert_int_equal(mkdir(path, 0700), 0);
    expect_private(E_REFUSED, true);
    assert_int_equal(rmdir(path), 0);

    assert_int_equal(mkfifo(path, 0600), 0);
    expect_private(E_REFUSED, true); /* and does not hang */
}

static void writes(void **state)
{
    struct buf out = {0};
    struct stat st;

    (void)state;
    assert_int_equal(file_write_private(path, STR("first")), OK);
    put(path, STR("first"), 0644);
    assert_int_equal(file_write_private(path, STR("second\0")), OK);
    assert_int_equal(file_read(path, &out), OK);
    assert_true(str_eq(buf_str(&out), STR("second\0")));
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(entries(folder), 1); /* nothing is left beside it */
    buf_free(&out);
}

static void a_failed_write_leaves_nothing(void **state)
{
    char missing[160], long_name[5000];

    (void)state;
    snprintf(missing, sizeof missing, "%s/no/file", folder);
    assert_int_equal(file_write_private(missing, STR("x")), E_IO);
    assert_int_equal(mkdir(path, 0700), 0);
    assert_int_equal(file_write_private(path, STR("x")), E_IO); /* a folder stands there */
    assert_int_equal(entries(folder), 1);
    memset(long_name, 'a', sizeof long_name - 1);
    long_name[sizeof long_name - 1] = '\0';
    assert_int_equal(file_write_private(long_name, STR("x")), E_IO);
}

static atomic_bool writing;

static void *write_often(void *arg)
{
    static char text[2][60000];

    (void)arg;
    memset(text[0], 'a', sizeof text[0]);
    memset(text[1], 'b', sizeof text[1] / 2);
    for (int i = 0; i < 300; i++)
        file_write_private(path, (struct str){text[i % 2], i % 2 ? 30000u : 60000u});
    atomic_store(&writing, false);
    return NULL;
}

/* A reader sees one of the two contents, whole. */
static void readers_see_whole_files(void **state)
{
    pthread_t writer;

    (void)state;
    assert_int_equal(file_write_private(path, STR("a")), OK);
    atomic_store(&writing, true);
    assert_int_equal(pthread_create(&writer, NULL, write_often, NULL), 0);
    while (atomic_load(&writing)) {
        struct buf out = {0};
        assert_int_equal(file_read(path, &out), OK);
        size_t same = 0;
        while (same < out.n && out.p[same] == out.p[0])
            same++;
        assert_int_equal(same, out.n);
        assert_true(out.n == 1 || out.n == (out.p[0] == 'a' ? 60000 : 30000));
        buf_free(&out);
    }
    pthread_join(writer, NULL);
}

static mode_t mode_of(const char *where)
{
    struct stat st;

    assert_int_equal(stat(where, &st), 0);
    return st.st_mode & 0777;
}

static void makes_folders(void **state)
{
    char deep[160], slash[176];

    (void)state;
    snprintf(deep, sizeof deep, "%s/one/two/three", folder);
    assert_int_equal(file_make_private_folder(deep), OK);
    assert_int_equal(mode_of(deep), 0700);
    assert_int_equal(file_make_private_folder(deep), OK);
    snprintf(slash, sizeof slash, "%s/four//", deep);
    assert_int_equal(file_make_private_folder(slash), OK);
    assert_int_equal(mode_of(slash), 0700);
    assert_int_equal(file_make_private_folder(""), E_IO);
}

static void refuses_folders_of_others(void **state)
{
    char inside[160];

    (void)state;
    assert_int_equal(mkdir(path, 0700), 0);
    assert_int_equal(chmod(path, 0755), 0);
    assert_int_equal(file_make_private_folder(path), OK);
    assert_int_equal(chmod(path, 0770), 0);
    assert_int_equal(file_make_private_folder(path), E_REFUSED);
    assert_int_equal(chmod(path, 0707), 0);
    assert_int_equal(file_make_private_folder(path), E_REFUSED);
    assert_int_equal(rmdir(path), 0);
    put(path, STR("x"), 0600);
    assert_int_equal(file_make_private_folder(path), E_REFUSED);
    snprintf(inside, sizeof inside, "%s/inside", path);
    assert_int_equal(file_make_private_folder(inside), E_IO);
}

static void locks_exclude(void **state)
{
    int one, two;

    (void)state;
    assert_int_equal(file_try_lock(path, &one), OK);
    assert_int_equal(file_try_lock(path, &two), E_REFUSED);
    assert_int_equal(two, -1);
    file_unlock(two);
    file_unlock(one);
    assert_int_equal(file_try_lock(path, &two), OK);
    file_unlock(two);
    assert_int_equal(mode_of(path), 0600);
    assert_int_equal(file_try_lock(folder, &one), E_IO);
    assert_int_equal(one, -1);
}

static void locks_die_with_their_process(void **state)
{
    int ready[2], fd;
    char c;

    (void)state;
    assert_int_equal(pipe(ready), 0);
    pid_t child = fork();
    if (child == 0) {
        status s = file_try_lock(path, &fd);
        c = (char)('0' + s);
        if (write(ready[1], &c, 1) == 1)
            pause();
        _exit(1);
    }
    assert_int_equal(read(ready[0], &c, 1), 1);
    assert_int_equal(c, '0');
    assert_int_equal(file_try_lock(path, &fd), E_REFUSED);
    kill(child, SIGKILL);
    assert_int_equal(waitpid(child, NULL, 0), child);
    assert_int_equal(file_try_lock(path, &fd), OK);
    file_unlock(fd);
    close(ready[0]);
    close(ready[1]);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(reads),
        TEST(reads_up_to_the_ceiling),
        TEST(private_means_ours_alone),
        TEST(writes),
        TEST(a_failed_write_leaves_nothing),
        TEST(readers_see_whole_files),
        TEST(makes_folders),
        TEST(refuses_folders_of_others),
        TEST(locks_exclude),
        TEST(locks_die_with_their_process),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

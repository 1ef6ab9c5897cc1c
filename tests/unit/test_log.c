/* The log: one line per message, whatever is in it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"

static char folder[64], path[96], moved[96];
static struct buf text;

static int set_up(void **state)
{
    (void)state;
    strcpy(folder, "/tmp/corelay-test-log.XXXXXX");
    if (!mkdtemp(folder))
        return -1;
    snprintf(path, sizeof path, "%s/log", folder);
    snprintf(moved, sizeof moved, "%s/log.1", folder);
    log_set_level(LOG_LEVEL_INFO);
    log_set_bodies(false);
    return log_open(path) == OK ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    log_open("stderr");
    unlink(path);
    unlink(moved);
    buf_free(&text);
    return rmdir(folder);
}

static size_t lines(const char *where)
{
    size_t n = 0;

    buf_clear(&text);
    assert_int_equal(file_read(where, &text), OK);
    for (size_t i = 0; i < text.n; i++)
        n += text.p[i] == '\n';
    if (text.n)
        assert_int_equal(text.p[text.n - 1], '\n');
    return n;
}

static bool found(const char *what)
{
    return str_find(buf_str(&text), what) < text.n;
}

static void levels(void **state)
{
    struct stat st;
    enum log_level level = LOG_LEVEL_ERROR;

    (void)state;
    log_error("one %d", 1);
    log_warning("two");
    log_info("three");
    log_debug("four");
    assert_int_equal(lines(path), 3);
    assert_true(found("] error: one 1\n") && found("] warning: two\n") && found("] info: three\n"));
    log_set_level(LOG_LEVEL_ERROR);
    assert_false(log_enabled(LOG_LEVEL_WARNING));
    log_warning("five");
    assert_int_equal(lines(path), 3);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);

    assert_true(log_level_parse(STR("debug"), &level));
    assert_int_equal(level, LOG_LEVEL_DEBUG);
    assert_false(log_level_parse(STR("Debug"), &level));
    assert_false(log_level_parse(STR_NONE, &level));
}

static void nothing_forges_a_line(void **state)
{
    (void)state;
    log_info("%s", "a\n2026-01-01T00:00:00.000Z corelay[1] error: forged\r\x1b[2J\x7f"
                   "\xc2\x9b"
                   "31m \xc3\xa9");
    assert_int_equal(lines(path), 1);
    for (size_t i = 0; i + 1 < text.n; i++)
        assert_true((unsigned char)text.p[i] >= 0x20 && text.p[i] != 0x7f);
    assert_false(found("\xc2\x9b")); /* CSI in eight bits */
    assert_true(found("\xc3\xa9"));
}

static void long_lines_are_cut(void **state)
{
    char *big = malloc(20001);

    (void)state;
    memset(big, 'x', 20000);
    big[20000] = '\0';
    log_info("%s", big);
    log_info("next");
    assert_int_equal(lines(path), 2);
    assert_in_range(text.n, 4000, 4200);
    assert_true(found("x\n") && found("info: next\n"));
    for (int n = 4000; n < 4100; n++) /* around the border */
        log_info("%.*s", n, big);
    assert_int_equal(lines(path), 102);
    free(big);
}

static void rotation(void **state)
{
    (void)state;
    log_info("before");
    assert_int_equal(rename(path, moved), 0);
    log_info("still there");
    log_reopen();
    log_info("after");
    assert_int_equal(lines(path), 1);
    assert_true(found("after"));
    assert_int_equal(lines(moved), 2);
}

static void a_bad_destination_changes_nothing(void **state)
{
    (void)state;
    assert_int_equal(log_open("/no/such/folder/log"), E_IO);
    log_info("kept");
    assert_int_equal(lines(path), 1);
}

static void bodies_only_when_asked(void **state)
{
    (void)state;
    log_set_level(LOG_LEVEL_DEBUG);
    log_body("request", STR("id-1"), STR("secret prompt"));
    assert_int_equal(lines(path), 0);
    log_set_bodies(true);
    log_body("request", STR("id-1"), STR("secret prompt"));
    assert_int_equal(lines(path), 1);
    assert_true(found("id-1 request (13 bytes): secret prompt"));
    log_set_level(LOG_LEVEL_INFO);
    log_body("request", STR("id-1"), STR_NONE);
    assert_int_equal(lines(path), 1);
}

static void *write_lines(void *arg)
{
    for (int i = 0; i < 200; i++)
        log_info("%s %0500d", (const char *)arg, i);
    return NULL;
}

static void lines_do_not_mix(void **state)
{
    char first[] = "one", second[] = "two";
    pthread_t one, two;

    (void)state;
    pthread_create(&one, NULL, write_lines, first);
    pthread_create(&two, NULL, write_lines, second);
    pthread_join(one, NULL);
    pthread_join(two, NULL);
    assert_int_equal(lines(path), 400);
    struct str rest = buf_str(&text);
    while (rest.n)
        assert_in_range(str_cut(&rest, '\n').n, 540, 560);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(levels),
        TEST(nothing_forges_a_line),
        TEST(long_lines_are_cut),
        TEST(rotation),
        TEST(a_bad_destination_changes_nothing),
        TEST(bodies_only_when_asked),
        TEST(lines_do_not_mix),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

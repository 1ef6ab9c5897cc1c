/* Access records: each a line of valid JSON, whatever a caller put into it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/jspan.h"
#include "gate/record.h"

static char folder[64], path[96], moved[96];
static struct buf text;
static struct arena *arena;

static int set_up(void **state)
{
    (void)state;
    strcpy(folder, "/tmp/corelay-test-record.XXXXXX");
    arena = arena_new(0);
    if (!arena || !mkdtemp(folder))
        return -1;
    snprintf(path, sizeof path, "%s/access", folder);
    snprintf(moved, sizeof moved, "%s/access.1", folder);
    return record_open(path) == OK ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    record_open("off");
    unlink(path);
    unlink(moved);
    buf_free(&text);
    arena_free(arena);
    return rmdir(folder);
}

/* The lines of a file, each of which must be an object; the last one in `*last`. */
static size_t lines(const char *where, struct jspan **last)
{
    size_t n = 0;

    buf_clear(&text);
    assert_int_equal(file_read(where, &text), OK);
    struct str rest = buf_str(&text);
    while (rest.n) {
        struct str line = str_cut(&rest, '\n');
        assert_non_null(rest.p); /* it was ended */
        assert_int_equal(jspan_parse(arena, line, last, NULL), OK);
        assert_true(jspan_is(*last, JSPAN_OBJECT));
        n++;
    }
    return n;
}

static const struct record plain = {
    .wall_ms = 1767323045678,
    .id = {"req-1", 5},
    .method = "POST",
    .path = {"/v1/messages", 12},
    .client = "curl",
    .first_byte_ms = -1,
    .outcome = "done",
};

static void writes_what_is_known(void **state)
{
    struct record r = plain;
    struct jspan *line;

    (void)state;
    record_write(&r);
    assert_int_equal(lines(path, &line), 1);
    assert_true(jspan_says(jspan_get(line, "time"), "2026-01-02T03:04:05.678Z"));
    assert_true(jspan_says(jspan_get(line, "id"), "req-1"));
    assert_true(jspan_is(jspan_get(line, "key"), JSPAN_NULL));
    assert_null(jspan_get(line, "first_byte_ms"));
    assert_null(jspan_get(line, "usage"));
    assert_null(jspan_get(line, "family"));
    assert_null(jspan_get(line, "error"));

    r.key_name = "team";
    r.family = "bedrock-invoke";
    r.lane = r.stream = r.has_usage = true;
    r.usage = (struct chat_usage){.input = 10, .output = 20, .cache_read = 3, .reasoning = -1};
    r.target = STR("one/d1");
    r.first_byte_ms = 0;
    r.http_status = 200;
    r.error = "overloaded";
    r.detail = STR("it said \"no\"\n");
    record_write(&r);
    assert_int_equal(lines(path, &line), 2);
    assert_true(jspan_says(jspan_get(line, "key"), "team"));
    assert_true(jspan_true(jspan_get(line, "lane")));
    assert_int_equal(jspan_int(jspan_get(line, "first_byte_ms"), -7), 0);
    assert_int_equal(jspan_int(jspan_get(line, "status"), 0), 200);
    assert_int_equal(jspan_int(jspan_get(jspan_get(line, "usage"), "cache_read"), 0), 3);
    assert_null(jspan_get(jspan_get(line, "usage"), "reasoning"));
    assert_true(jspan_says(jspan_get(line, "detail"), "it said \"no\"\n"));
}

/* However long or strange the words of a caller, he cannot keep himself out of the record. */
static void nothing_keeps_a_line_out(void **state)
{
    enum { LONG = 100000 };
    char *big = malloc(LONG);
    struct record r = plain;
    struct jspan *line;

    (void)state;
    static const char fills[] = {'a', '\x01', '"', '\0'};
    for (size_t i = 0; i < sizeof fills; i++) {
        memset(big, fills[i], LONG);
        r.id = r.path = r.model = r.target = r.detail = r.dropped = (struct str){big, LONG};
        record_write(&r);
        assert_int_equal(lines(path, &line), i + 1);
        assert_true(jspan_str(arena, jspan_get(line, "model")).n >= 200);
        assert_true(jspan_says(jspan_get(line, "outcome"), "done"));
    }
    free(big);
}

/* Cut within a character, or no UTF-8 at all: the line is still JSON. */
static void bytes_that_are_no_text(void **state)
{
    struct record r = plain;
    struct jspan *line;
    struct buf euros = {0};

    (void)state;
    r.path = STR("/v1/\xff\xfe\xc3(\xe2\x82\xed\xa0\x80/\xc3\xa9\xe2");
    record_write(&r);
    assert_int_equal(lines(path, &line), 1);
    struct str kept = jspan_str(arena, jspan_get(line, "path"));
    assert_true(str_starts(kept, "/v1/"));
    assert_true(str_find(kept, "/\xc3\xa9") < kept.n);

    for (int i = 0; i < 5000; i++)
        buf_add_cstr(&euros, "\xe2\x82\xac");
    for (size_t shift = 0; shift < 3; shift++) {
        r.model = str_slice(buf_str(&euros), shift, euros.n);
        record_write(&r);
        assert_int_equal(lines(path, &line), 2 + shift);
    }
    buf_free(&euros);
}

static void destinations(void **state)
{
    struct jspan *line;
    struct stat st;

    (void)state;
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(record_open("/no/such/folder/access"), E_IO);
    record_write(&plain); /* the old one stays */
    assert_int_equal(lines(path, &line), 1);
    assert_int_equal(record_open("off"), OK);
    record_write(&plain);
    record_reopen();
    assert_int_equal(lines(path, &line), 1);
    assert_int_equal(record_open(path), OK);
    record_write(&plain);
    assert_int_equal(lines(path, &line), 2);
}

static void rotation(void **state)
{
    struct jspan *line;

    (void)state;
    record_write(&plain);
    assert_int_equal(rename(path, moved), 0);
    record_write(&plain);
    record_reopen();
    record_write(&plain);
    assert_int_equal(lines(moved, &line), 2);
    assert_int_equal(lines(path, &line), 1);
}

enum { WRITES = 2000 };

static atomic_bool writing;

static void *write_many(void *arg)
{
    for (int i = 0; i < WRITES; i++)
        record_write(arg);
    atomic_store(&writing, false);
    return NULL;
}

/* No line is lost, or written to whatever took the descriptor's number meanwhile. */
static void rotation_while_others_write(void **state)
{
    struct record r = plain;
    struct jspan *line;
    pthread_t writer;
    int ends[2];
    char c;

    (void)state;
    atomic_store(&writing, true);
    assert_int_equal(pthread_create(&writer, NULL, write_many, &r), 0);
    while (atomic_load(&writing)) {
        record_reopen();
        assert_int_equal(pipe(ends), 0); /* takes any number that was given back */
        close(ends[1]);
        assert_int_equal(read(ends[0], &c, 1), 0);
        close(ends[0]);
    }
    pthread_join(writer, NULL);
    assert_int_equal(lines(path, &line), WRITES);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(writes_what_is_known),
        TEST(nothing_keeps_a_line_out),
        TEST(bytes_that_are_no_text),
        TEST(destinations),
        TEST(rotation),
        TEST(rotation_while_others_write),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

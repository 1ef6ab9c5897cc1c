/* What is remembered of responses: found again by whoever may, bounded, and never trusted. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/crypto.h"
#include "store/store.h"

static char folder[64];
static struct arena *arena;

static const struct store_bounds bounds = {.age_s = 3600, .count = 32, .bytes = 100000};
static const struct store_place place = {{"o1", 2}, {"acc", 3}, {"grp", 3},
                                         {"d1", 2}, {"m", 1},   true};
static const struct store_answer answer = {
    .owner = {"o1", 2}, .input = {"[1]", 3}, .response = {"{\"output\":[2, 3]}", 17}};

static int set_up(void **state)
{
    (void)state;
    strcpy(folder, "/tmp/corelay-test-store.XXXXXX");
    arena = arena_new(0);
    return arena && mkdtemp(folder) ? 0 : -1;
}

static int tear_down(void **state)
{
    char command[128];

    (void)state;
    arena_free(arena);
    snprintf(command, sizeof command, "rm -rf %s", folder);
    return system(command);
}

static struct store *open_it(void)
{
    struct store *store = store_new(arena, folder, &bounds);
    assert_non_null(store);
    return store;
}

static const char *path_of(const char *where, const char *id)
{
    uint8_t digest[SHA256_BYTES];
    char hex[SHA256_HEX_BYTES];

    crypto_sha256(str_from(id), digest);
    crypto_hex(digest, sizeof digest, hex);
    return arena_printf(arena, "%s/%s/%s.json", folder, where, hex).p;
}

static void age(const char *path, int seconds)
{
    struct timespec at = {time(NULL) - seconds, 0}, both[2] = {at, at};
    assert_int_equal(utimensat(AT_FDCWD, path, both, 0), 0);
}

static size_t count_answers(void)
{
    DIR *dir = opendir(arena_printf(arena, "%s/responses", folder).p);
    size_t n = 0;

    assert_non_null(dir);
    for (struct dirent *e; (e = readdir(dir)) != NULL;)
        n += strstr(e->d_name, ".json") != NULL;
    closedir(dir);
    return n;
}

static void finds_what_was_noted(void **state)
{
    struct store *one = open_it(), *other = open_it();
    struct store_place found;

    (void)state;
    assert_int_equal(store_find_place(one, arena, STR("resp_1"), &found), E_NOT_FOUND);
    store_note_place(one, STR("resp_1"), &place);
    assert_int_equal(store_find_place(other, arena, STR("resp_1"), &found), OK);
    assert_true(found.owed);
    assert_true(str_is(found.owner, "o1") && str_is(found.account, "acc") &&
                str_is(found.group, "grp") && str_is(found.deployment, "d1") &&
                str_is(found.model, "m"));
    assert_int_equal(store_find_place(other, arena, STR("resp_2"), &found), E_NOT_FOUND);
    assert_int_equal(store_find_place(other, arena, STR_NONE, &found), E_NOT_FOUND);
}

static void finds_what_was_kept(void **state)
{
    struct store *store = open_it();
    struct store_answer found, next = answer;

    (void)state;
    next.previous = STR("resp_1");
    store_keep_answer(store, STR("resp_1"), &answer);
    store_keep_answer(store, STR("resp_2\n\"../x"), &next);
    assert_int_equal(store_find_answer(store, arena, STR("resp_1"), &found), OK);
    assert_true(str_is(found.input, "[1]") && str_is(found.response, "{\"output\":[2, 3]}") &&
                str_is(found.output, "[2, 3]") && str_is(found.owner, "o1") && !found.previous.n);
    assert_int_equal(store_find_answer(store, arena, STR("resp_2\n\"../x"), &found), OK);
    assert_true(str_is(found.previous, "resp_1"));
    assert_int_equal(store_forget_answer(store, STR("resp_1")), OK);
    assert_int_equal(store_forget_answer(store, STR("resp_1")), E_NOT_FOUND);
    assert_int_equal(store_find_answer(store, arena, STR("resp_1"), &found), E_NOT_FOUND);
}

static void keeps_nothing_unless_told(void **state)
{
    struct store *silent = store_new(arena, folder, NULL),
                 *nowhere = store_new(arena, NULL, &bounds);
    struct store_answer found;
    struct store_place where;

    (void)state;
    assert_false(store_keeps_answers(silent) || store_keeps_answers(nowhere));
    store_keep_answer(silent, STR("resp_1"), &answer);
    store_keep_answer(nowhere, STR("resp_1"), &answer);
    store_note_place(nowhere, STR("resp_1"), &place);
    assert_int_equal(store_find_answer(silent, arena, STR("resp_1"), &found), E_NOT_FOUND);
    assert_int_equal(store_find_place(nowhere, arena, STR("resp_1"), &where), E_NOT_FOUND);
    assert_int_equal(access(arena_printf(arena, "%s/responses", folder).p, F_OK), -1);
}

static void forgets_what_is_old(void **state)
{
    struct store *store = open_it();
    struct store_answer found;

    (void)state;
    store_keep_answer(store, STR("resp_1"), &answer);
    age(path_of("responses", "resp_1"), 3700);
    assert_int_equal(store_find_answer(store, arena, STR("resp_1"), &found), E_NOT_FOUND);
    store_touch_answer(store, STR("resp_1"));
    assert_int_equal(store_find_answer(store, arena, STR("resp_1"), &found), OK);
    age(path_of("responses", "resp_1"), 3700);
    store_files_sweep(&store->answers);
    assert_int_equal(count_answers(), 0);
}

static void keeps_to_its_number(void **state)
{
    struct store *store = open_it();
    struct store_answer found;

    (void)state;
    for (int i = 0; i < 200; i++) {
        struct str id = arena_printf(arena, "resp_%d", i);
        store_keep_answer(store, id, &answer);
        age(path_of("responses", id.p), 1000 - i);
        assert_in_range(count_answers(), 1, bounds.count + bounds.count / 16 + 1);
    }
    assert_int_equal(store_find_answer(store, arena, STR("resp_199"), &found), OK);
    assert_int_equal(store_find_answer(store, arena, STR("resp_0"), &found), E_NOT_FOUND);
}

static void keeps_to_its_bytes(void **state)
{
    struct store *store = open_it();
    struct store_answer large = answer, found;
    char *text = arena_alloc(arena, 200001);

    (void)state;
    memset(text, ' ', 200000);
    text[0] = '[';
    for (int i = 0; i < 30; i++) {
        struct str id = arena_printf(arena, "resp_%d", i);
        text[9999] = ']';
        large.input = (struct str){text, 10000};
        store_keep_answer(store, id, &large);
        age(path_of("responses", id.p), 1000 - i);
        assert_in_range(count_answers(), 1, 10);
    }
    text[9999] = ' ';
    text[199999] = ']';
    large.input = (struct str){text, 200000};
    store_keep_answer(store, STR("resp_huge"), &large); /* more than all together may have */
    assert_int_equal(store_find_answer(store, arena, STR("resp_huge"), &found), E_NOT_FOUND);
    assert_int_equal(store_find_answer(store, arena, STR("resp_29"), &found), OK);
}

/* A writer that was killed leaves a file behind; one at work has one, too. */
static void clears_leftovers(void **state)
{
    struct store *store = open_it();
    const char *old = arena_printf(arena, "%s.Abc123", path_of("responses", "a")).p;
    const char *new = arena_printf(arena, "%s.Abc123", path_of("responses", "b")).p;
    const char *foreign = arena_printf(arena, "%s/responses/notes.json", folder).p;

    (void)state;
    fclose(fopen(old, "w"));
    fclose(fopen(new, "w"));
    fclose(fopen(foreign, "w"));
    age(old, 3700);
    age(foreign, 99999);
    store_files_sweep(&store->answers);
    assert_int_equal(access(old, F_OK), -1);
    assert_int_equal(access(new, F_OK), 0);
    assert_int_equal(access(foreign, F_OK), 0);
}

static void put(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");

    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static void does_not_trust_its_files(void **state)
{
    static const char *const bad[] = {
        "",
        "[]",
        "{\"corelay_answer\":2,\"id\":\"r\",\"owner\":\"o\",\"input\":[],\"response\":{\"output\":["
        "]}}",
        "{\"corelay_answer\":1,\"id\":\"s\",\"owner\":\"o\",\"input\":[],\"response\":{\"output\":["
        "]}}",
        "{\"corelay_answer\":1,\"id\":\"r\",\"owner\":\"\",\"input\":[],\"response\":{\"output\":[]"
        "}}",
        "{\"corelay_answer\":1,\"id\":\"r\",\"owner\":\"o\",\"input\":{},\"response\":{\"output\":["
        "]}}",
        "{\"corelay_answer\":1,\"id\":\"r\",\"owner\":\"o\",\"input\":[],\"response\":{\"output\":"
        "1}}",
        "{\"corelay_answer\":1,\"id\":\"r\",\"owner\":\"o\",\"input\":[],\"response\":{\"output\":["
        "]}",
    };
    struct store *store = open_it();
    const char *path = path_of("responses", "r"), *where = path_of("response-places", "r");
    struct store_answer found;
    struct store_place there;

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        put(path, bad[i]);
        chmod(path, 0600);
        assert_int_equal(store_find_answer(store, arena, STR("r"), &found), E_NOT_FOUND);
    }
    store_keep_answer(store, STR("r"), &answer);
    chmod(path, 0640);
    assert_int_equal(store_find_answer(store, arena, STR("r"), &found), E_NOT_FOUND);
    put(where, "{\"corelay_place\":1,\"id\":\"r\",\"owner\":\"o\",\"account\":\"a\"}");
    chmod(where, 0600);
    assert_int_equal(store_find_place(store, arena, STR("r"), &there), E_NOT_FOUND);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(finds_what_was_noted, set_up, tear_down),
        cmocka_unit_test_setup_teardown(finds_what_was_kept, set_up, tear_down),
        cmocka_unit_test_setup_teardown(keeps_nothing_unless_told, set_up, tear_down),
        cmocka_unit_test_setup_teardown(forgets_what_is_old, set_up, tear_down),
        cmocka_unit_test_setup_teardown(keeps_to_its_number, set_up, tear_down),
        cmocka_unit_test_setup_teardown(keeps_to_its_bytes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(clears_leftovers, set_up, tear_down),
        cmocka_unit_test_setup_teardown(does_not_trust_its_files, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

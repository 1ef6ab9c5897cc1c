/* JSON of our own: values, places of offences, files. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/file.h"
#include "base/json.h"

static void reads_values(void **state)
{
    struct json *root;

    (void)state;
    assert_int_equal(json_parse(STR(" {\"s\":\"x\",\"n\":1.5,\"t\":true,\"z\":null,\"a\":[1,2],"
                                    "\"S\":\"other\"}\n"),
                                &root, NULL, NULL),
                     OK);
    assert_true(json_is_object(root));
    assert_string_equal(json_text(json_get(root, "s"), "-"), "x");
    assert_string_equal(json_text(json_get(root, "S"), "-"), "other");
    assert_string_equal(json_text(json_get(root, "n"), "-"), "-");
    assert_true(json_number(json_get(root, "n"), 0) == 1.5);
    assert_true(json_number(json_get(root, "s"), 7) == 7);
    assert_true(json_bool(json_get(root, "t"), false));
    assert_true(json_bool(json_get(root, "n"), true));
    assert_true(json_is_null(json_get(root, "z")));
    assert_null(json_get(root, "missing"));

    const struct json *n = json_first(json_get(root, "a"));
    assert_true(json_number(n, 0) == 1);
    assert_null(json_key(n));
    n = json_next(n);
    assert_true(json_number(n, 0) == 2);
    assert_null(json_next(n));
    assert_string_equal(json_key(json_first(root)), "s");
    json_free(root);
}

static void nothing_is_allowed_everywhere(void **state)
{
    (void)state;
    assert_null(json_get(NULL, "a"));
    assert_null(json_first(NULL));
    assert_null(json_next(NULL));
    assert_null(json_key(NULL));
    assert_false(json_is_object(NULL) || json_is_array(NULL) || json_is_string(NULL) ||
                 json_is_number(NULL) || json_is_bool(NULL) || json_is_null(NULL));
    assert_string_equal(json_type_text(NULL), "nothing");
    assert_null(json_text(NULL, NULL));
    json_free(NULL);
}

static void names_types(void **state)
{
    static const char *const words[] = {"an object",     "an array",      "a string", "a number",
                                        "true or false", "true or false", "null"};
    struct json *root;
    size_t i = 0;

    (void)state;
    assert_int_equal(json_parse(STR("[{},[],\"\",0,true,false,null]"), &root, NULL, NULL), OK);
    for (const struct json *n = json_first(root); n; n = json_next(n))
        assert_string_equal(json_type_text(n), words[i++]);
    assert_int_equal(i, 7);
    json_free(root);
}

static void expect_place(struct str text, int line, int column)
{
    int at_line = -1, at_column = -1;
    struct json *root;

    assert_int_equal(json_parse(text, &root, &at_line, &at_column), E_SYNTAX);
    assert_int_equal(at_line, line);
    assert_int_equal(at_column, column);
}

static void tells_the_place(void **state)
{
    struct json *root;

    (void)state;
    expect_place(STR(""), 1, 1);
    expect_place(STR_NONE, 1, 1);
    expect_place(STR("{\n  \"a\": tru\n}"), 2, 8);
    expect_place(STR("{} x"), 1, 4);
    expect_place(STR("{\"a\":1}\n{}"), 2, 1);
    assert_int_equal(json_parse(STR("[1,"), &root, NULL, NULL), E_SYNTAX);
    assert_int_equal(json_parse((struct str){"[1]", 2}, &root, NULL, NULL), E_SYNTAX);
}

static void reads_files(void **state)
{
    char path[] = "/tmp/corelay-test-json.XXXXXX";
    int fd = mkstemp(path), line = -1, column = -1;
    struct json *root;

    (void)state;
    assert_true(fd >= 0);
    assert_int_equal(write(fd, "{\"a\":1}\n", 8), 8);
    assert_int_equal(json_read_file(path, 8, &root, NULL, NULL), OK); /* just fits */
    json_free(root);
    assert_int_equal(json_read_file(path, 7, &root, NULL, NULL), E_LIMIT);
    assert_int_equal(write(fd, "x", 1), 1);
    close(fd);
    assert_int_equal(json_read_file(path, 100, &root, &line, &column), E_SYNTAX);
    assert_int_equal(line, 2);
    assert_int_equal(column, 1);
    unlink(path);
    assert_int_equal(json_read_file(path, 100, &root, &line, &column), E_NOT_FOUND);
    assert_int_equal(line, 0);
    assert_int_equal(json_read_file("/", 100, &root, NULL, NULL), E_IO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_values), cmocka_unit_test(nothing_is_allowed_everywhere),
        cmocka_unit_test(names_types),  cmocka_unit_test(tells_the_place),
        cmocka_unit_test(reads_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Which bytes are a whole FastCGI request. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "records.h"

enum { BEGIN = 1, ABORT = 2, PARAMS = 4, STDIN = 5, GET_VALUES = 9, BYTES = 1024 };

struct bytes {
    unsigned char p[BYTES];
    size_t n;
};

static void put(struct bytes *b, int type, int request, const char *content, size_t n, int padding)
{
    const unsigned char head[] = {1,
                                  (unsigned char)type,
                                  (unsigned char)(request >> 8),
                                  (unsigned char)request,
                                  (unsigned char)(n >> 8),
                                  (unsigned char)n,
                                  (unsigned char)padding,
                                  0};

    memcpy(b->p + b->n, head, sizeof head);
    b->n += sizeof head;
    if (n)
        memcpy(b->p + b->n, content, n);
    memset(b->p + b->n + n, 0, (size_t)padding);
    b->n += n + (size_t)padding;
}

static void put_begin(struct bytes *b, int request)
{
    put(b, BEGIN, request, "\0\1\0\0\0\0\0\0", 8, 0);
}

static struct bytes a_request(void)
{
    struct bytes b = {.n = 0};

    put_begin(&b, 258);
    put(&b, PARAMS, 258, "\3\1ABCd", 6, 2);
    put(&b, PARAMS, 258, "\3\1EFGh", 6, 0);
    put(&b, PARAMS, 258, NULL, 0, 0);
    put(&b, STDIN, 258, "a body", 6, 2);
    put(&b, STDIN, 258, NULL, 0, 0);
    return b;
}

static bool whole(const struct bytes *b)
{
    return records_are_request(b->p, b->n);
}

static void test_whole(void **state)
{
    struct bytes b = a_request(), small = {.n = 0};

    (void)state;
    assert_true(whole(&b));
    put_begin(&small, 1);
    put(&small, PARAMS, 1, NULL, 0, 0);
    put(&small, STDIN, 1, NULL, 0, 0);
    assert_true(whole(&small));
}

static void test_any_part_is_not(void **state)
{
    struct bytes b = a_request();

    (void)state;
    for (size_t n = 0; n < b.n; n++) {
        unsigned char *part = test_malloc(n + 1); /* so that a look behind it is seen */
        memcpy(part, b.p, n);
        assert_false(records_are_request(part, n));
        test_free(part);
    }
}

static void test_more_is_not(void **state)
{
    struct bytes b = a_request();

    (void)state;
    put_begin(&b, 1);
    assert_false(whole(&b));
}

/* Each byte of a header counts, but for the last one, which is reserved. */
static void test_headers(void **state)
{
    static const size_t headers[] = {0, 16, 32, 46, 54, 70};

    (void)state;
    for (size_t i = 0; i < sizeof headers / sizeof headers[0]; i++)
        for (size_t at = 0; at < 7; at++) {
            struct bytes b = a_request();
            b.p[headers[i] + at] ^= 0x80;
            assert_false(whole(&b));
        }
}

/* libfcgi takes it for the next header. */
static void test_padding_that_is_forgotten(void **state)
{
    (void)state;
    for (int where = 0; where < 3; where++) {
        struct bytes b = {.n = 0};
        put(&b, BEGIN, 1, "\0\1\0\0\0\0\0\0", 8, where == 0 ? 8 : 0);
        put(&b, PARAMS, 1, NULL, 0, where == 1 ? 8 : 0);
        put(&b, STDIN, 1, NULL, 0, where == 2 ? 8 : 0);
        assert_false(whole(&b));
    }
}

static void test_strangers(void **state)
{
    struct bytes values = {.n = 0}, none = {.n = 0};

    (void)state;
    put(&values, GET_VALUES, 0, NULL, 0, 0);
    put_begin(&values, 1);
    put(&values, PARAMS, 1, NULL, 0, 0);
    put(&values, STDIN, 1, NULL, 0, 0);
    assert_false(whole(&values));
    put_begin(&none, 0); /* 0 is the connection, not a request */
    put(&none, PARAMS, 0, NULL, 0, 0);
    put(&none, STDIN, 0, NULL, 0, 0);
    assert_false(whole(&none));
}

static void test_abort(void **state)
{
    struct bytes b = {.n = 0};

    (void)state;
    put(&b, ABORT, 1, NULL, 0, 0);
    assert_true(records_abort(b.p, b.n));
    assert_true(records_abort(b.p, 2));
    assert_false(records_abort(b.p, 1));
    b = a_request();
    assert_false(records_abort(b.p, b.n));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_whole),       cmocka_unit_test(test_any_part_is_not),
        cmocka_unit_test(test_more_is_not), cmocka_unit_test(test_headers),
        cmocka_unit_test(test_strangers),   cmocka_unit_test(test_padding_that_is_forgotten),
        cmocka_unit_test(test_abort),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The arena: zeroed, aligned, bounded. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/arena.h"

static struct arena *arena;

static int set_up(void **state)
{
    (void)state;
    arena = arena_new(0);
    return arena ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    arena_free(arena);
    return 0;
}

static bool all(const unsigned char *p, size_t n, unsigned char value)
{
    for (size_t i = 0; i < n; i++)
        if (p[i] != value)
            return false;
    return true;
}

/* Every piece is zeroed and aligned, and none overlaps another. */
static void pieces_do_not_overlap(void **state)
{
    enum { PIECES = 300 };
    static const size_t sizes[] = {1, 0, 17, 4096, 900, 1024, 1025, 3, 70000, 64};
    unsigned char *piece[PIECES];

    (void)state;
    for (size_t i = 0; i < PIECES; i++) {
        size_t size = sizes[i % 10];
        piece[i] = arena_alloc(arena, size);
        assert_non_null(piece[i]);
        assert_int_equal((uintptr_t)piece[i] % _Alignof(max_align_t), 0);
        assert_true(all(piece[i], size, 0));
        memset(piece[i], (int)(i & 0xff), size);
    }
    for (size_t i = 0; i < PIECES; i++)
        assert_true(all(piece[i], sizes[i % 10], (unsigned char)(i & 0xff)));
}

static void copies_are_terminated(void **state)
{
    struct str copy = arena_str(arena, (struct str){"abcdef", 3});

    (void)state;
    assert_string_equal(copy.p, "abc");
    assert_int_equal(copy.n, 3);
    assert_string_equal(arena_cstr(arena, STR_NONE), "");
    copy = arena_str(arena, STR("a\0b"));
    assert_int_equal(copy.n, 3);
    assert_int_equal(copy.p[2], 'b');
}

static void formats(void **state)
{
    struct str text = arena_printf(arena, "%s-%d", "x", 12);

    (void)state;
    assert_string_equal(text.p, "x-12");
    assert_int_equal(text.n, 4);
    text = arena_printf(arena, "%5000d", 1);
    assert_int_equal(text.n, 5000);
    assert_int_equal(text.p[5000], '\0');
}

static void stops_at_its_ceiling(void **state)
{
    struct arena *small = arena_new(1024);
    size_t taken = 0;

    (void)state;
    assert_non_null(small);
    assert_null(arena_alloc(small, 2000));
    while (arena_alloc(small, 64))
        taken += 64;
    assert_int_equal(taken, 1024);
    assert_int_equal(arena_used(small), 1024);
    assert_null(arena_cstr(small, STR("x")));
    assert_null(arena_printf(small, "x").p);
    struct str copy = arena_str(small, STR("x"));
    assert_null(copy.p);
    assert_int_equal(copy.n, 0); /* nobody may read what is not there */
    arena_free(small);
}

static void refuses_impossible_sizes(void **state)
{
    (void)state;
    assert_null(arena_alloc(arena, SIZE_MAX));
    assert_null(arena_alloc(arena, SIZE_MAX - 8));
    assert_null(arena_alloc_array(arena, SIZE_MAX / 8 + 2, 8)); /* the product wraps to 8 */
    assert_null(arena_cstr(arena, (struct str){"x", SIZE_MAX}));
    assert_non_null(arena_alloc(arena, 8)); /* and goes on */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(pieces_do_not_overlap, set_up, tear_down),
        cmocka_unit_test_setup_teardown(copies_are_terminated, set_up, tear_down),
        cmocka_unit_test_setup_teardown(formats, set_up, tear_down),
        cmocka_unit_test(stops_at_its_ceiling),
        cmocka_unit_test_setup_teardown(refuses_impossible_sizes, set_up, tear_down),
    };
    arena_free(NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}

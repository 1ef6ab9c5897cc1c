/* The JSON writer: commas, escapes, and that its output is what our own parser reads back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/jspan.h"
#include "base/jwrite.h"

static struct buf out;
static struct jwrite w;

static int set_up(void **state)
{
    (void)state;
    out = (struct buf){0};
    w = jwrite_to(&out);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    buf_free(&out);
    return 0;
}

static void expect(const char *text)
{
    buf_add_char(&out, '\0');
    assert_string_equal(out.p, text);
}

static void puts_commas(void **state)
{
    (void)state;
    jwrite_object(&w);
    jwrite_member_str(&w, "s", STR("x"));
    jwrite_member_cstr(&w, "z", NULL);
    jwrite_member_int(&w, "i", INT64_MIN);
    jwrite_member_bool(&w, "b", true);
    jwrite_member_null(&w, "n");
    jwrite_member_raw(&w, "r", STR("12345678901234567890.0"));
    jwrite_member_array(&w, "a");
    jwrite_int(&w, 1);
    jwrite_array(&w);
    jwrite_end(&w);
    jwrite_object(&w);
    jwrite_end(&w);
    jwrite_bool(&w, false);
    jwrite_cstr(&w, "t");
    jwrite_end(&w);
    jwrite_maybe_str(&w, "none", STR(""));
    jwrite_maybe_raw(&w, "none", STR_NONE);
    jwrite_maybe_str(&w, "m", STR("1"));
    jwrite_maybe_raw(&w, "o", STR("{}"));
    jwrite_member_object(&w, "last");
    jwrite_end_all(&w);
    jwrite_end(&w); /* one too many does nothing */
    expect("{\"s\":\"x\",\"z\":null,\"i\":-9223372036854775808,\"b\":true,\"n\":null,"
           "\"r\":12345678901234567890.0,\"a\":[1,[],{},false,\"t\"],\"m\":\"1\",\"o\":{},"
           "\"last\":{}}");
}

static void escapes(void **state)
{
    (void)state;
    jwrite_array(&w);
    jwrite_str(&w, STR("\"\\/\b\f\n\r\t\x01\x1f\x7f\0"));
    jwrite_str(&w, STR_NONE);
    jwrite_str(&w, STR("\xc3\xa9\xf0\x9f\x98\x80"));
    jwrite_end(&w);
    expect("[\"\\\"\\\\/\\u0008\\u000c\\n\\r\\t\\u0001\\u001f\\u007f\\u0000\",\"\","
           "\"\xc3\xa9\xf0\x9f\x98\x80\"]");
}

static void escapes_names(void **state)
{
    (void)state;
    jwrite_object(&w);
    jwrite_key_str(&w, STR("a\"\n"));
    jwrite_null(&w);
    jwrite_end(&w);
    expect("{\"a\\\"\\n\":null}");
}

/* Every byte value comes back through our parser. */
static void every_byte_comes_back(void **state)
{
    struct arena *arena = arena_new(0);
    char bytes[128];
    struct jspan *root;

    (void)state;
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (char)i;
    jwrite_str(&w, (struct str){bytes, sizeof bytes});
    assert_int_equal(jspan_parse(arena, buf_str(&out), &root, NULL), OK);
    assert_true(str_eq(jspan_str(arena, root), (struct str){bytes, sizeof bytes}));
    arena_free(arena);
}

static bool is_special(unsigned char c)
{
    return c < 0x20 || c == 0x7f || c == '"' || c == '\\';
}

/* Eight bytes are looked at together: a special one is found at every place of them, whatever stands
   around it. */
static void escapes_at_every_place(void **state)
{
    (void)state;
    for (unsigned value = 0; value < 0x100; value++)
        for (unsigned around = 1; around < 0x100; around += 0x1f)
            for (size_t at = 0; at < 17; at++) {
                char bytes[17];
                struct buf want = {0};
                memset(bytes, (int)around, sizeof bytes);
                bytes[at] = (char)value;
                for (size_t i = 0; i < sizeof bytes; i++)
                    if (is_special((unsigned char)bytes[i]))
                        jwrite_escape(&want, (struct str){bytes + i, 1});
                    else
                        buf_add_char(&want, bytes[i]);
                buf_clear(&out);
                jwrite_escape(&out, (struct str){bytes, sizeof bytes});
                assert_true(str_eq(buf_str(&out), buf_str(&want)));
                buf_free(&want);
            }
}

static void too_deep_fails(void **state)
{
    (void)state;
    for (int i = 0; i < JWRITE_DEPTH; i++)
        jwrite_array(&w);
    assert_false(out.failed);
    jwrite_object(&w);
    assert_true(out.failed);
    jwrite_end_all(&w);
    assert_true(out.failed);
}

static void escape_alone(void **state)
{
    (void)state;
    jwrite_escape(&out, STR("a\"b"));
    jwrite_escape(&out, STR_NONE);
    jwrite_escape(&out, STR("\n"));
    expect("a\\\"b\\n");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(puts_commas),
        TEST(escapes),
        TEST(escapes_names),
        TEST(every_byte_comes_back),
        TEST(escapes_at_every_place),
        TEST(too_deep_fails),
        TEST(escape_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Rewrites: what a row names changes, everything else keeps its bytes. */
#include "family/rewrite.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

static void expect_for(unsigned traits, const struct rewrite *rows, size_t count, const char *body,
                       const char *want, const char *declared)
{
    struct arena *arena = arena_new(0);
    struct dropped dropped = {.arena = arena};
    struct family_model model = {.traits = traits};
    struct jspan *root;
    struct buf out = {0};

    assert_int_equal(jspan_parse(arena, str_from(body), &root, NULL), OK);
    assert_int_equal(rewrite_apply(arena, rows, count, root, &model, &dropped), OK);
    jspan_render(root, &out);
    buf_add_char(&out, '\0');
    assert_string_equal(out.p, want);
    struct str text = dropped_text(&dropped);
    assert_string_equal(text.n ? text.p : "", declared);
    buf_free(&out);
    arena_free(arena);
}

#define EXPECT(rows, body, want, declared)                                                         \
    expect_for(0, rows, sizeof(rows) / sizeof *(rows), body, want, declared)

/* Values that a parser into doubles and C strings would damage, with odd spacing inside. */
#define ODD "{ \"n\" :12345678901234567890 , \"z\":\"a\\u0000b\\/\\ud800\" ,\"e\": 1.50E+02 }"

static void untouched_bytes_survive(void **state)
{
    static const struct rewrite rows[] = {
        {"gone", REWRITE_REMOVE, NULL, 0, 0, false, ""},
        {"max_tokens", REWRITE_RENAME, "max_completion_tokens", 0, 0, true, ""},
        {"a.b[].c", REWRITE_REMOVE, NULL, 0, 0, true, ""},
    };

    (void)state;
    EXPECT(rows, ODD, ODD, "");
    EXPECT(rows,
           "{\"x\":" ODD ",\"gone\":1,\"max_tokens\":1e2,\"a\":{\"b\":[" ODD ",{\"c\":1,\"d\":" ODD
           "}]}}",
           "{\"x\":" ODD ",\"max_completion_tokens\":1e2,\"a\":{\"b\":[" ODD ",{\"d\":" ODD "}]}}",
           "gone");
}

static void removal(void **state)
{
    static const struct rewrite rows[] = {
        {"tools[].defer_loading", REWRITE_REMOVE, NULL, 0, 0, false, ""},
        {"**.cache_control.scope", REWRITE_REMOVE, NULL, 0, 0, false, ""},
        {"list[].list[].x", REWRITE_REMOVE, NULL, 0, 0, false, ""},
    };

    (void)state;
    EXPECT(rows, "{\"tools\":[{\"defer_loading\":true},{\"n\":1,\"defer_loading\":false}]}",
           "{\"tools\":[{},{\"n\":1}]}", "tools.defer_loading");
    EXPECT(rows,
           "{\"s\":[{\"cache_control\":{\"scope\":1,\"t\":2}}],\"cache_control\":{\"scope\":3}}",
           "{\"s\":[{\"cache_control\":{\"t\":2}}],\"cache_control\":{}}", "cache_control.scope");
    EXPECT(rows, "{\"list\":[{\"list\":[{\"x\":1},{\"x\":null,\"y\":2}]}]}",
           "{\"list\":[{\"list\":[{},{\"y\":2}]}]}", "list.list.x");
    /* Null says nothing; other shapes than the path's are left alone; a name may stand twice. */
    EXPECT(rows, "{\"tools\":[{\"defer_loading\":null}]}", "{\"tools\":[{}]}", "");
    EXPECT(rows, "{\"tools\":{\"defer_loading\":1}}", "{\"tools\":{\"defer_loading\":1}}", "");
    EXPECT(rows, "{\"tools\":[1,\"x\",{\"defer_loading\":1,\"defer_loading\":2}]}",
           "{\"tools\":[1,\"x\",{}]}", "tools.defer_loading");
    EXPECT(rows, "{\"tools\":[{\"defer\\u005floading\":1}]}", "{\"tools\":[{}]}",
           "tools.defer_loading");
}

static void renaming(void **state)
{
    static const struct rewrite loud[] = {{"a", REWRITE_RENAME, "b", 0, 0, false, ""}};
    static const struct rewrite quiet[] = {{"a", REWRITE_RENAME, "b", 0, 0, true, ""}};

    (void)state;
    EXPECT(loud, "{\"a\":1,\"c\":2}", "{\"b\":1,\"c\":2}", "");
    EXPECT(loud, "{\"a\":1,\"b\":2}", "{\"b\":2}", "a");
    EXPECT(quiet, "{\"a\":1,\"b\":2}", "{\"b\":2}", "");
    EXPECT(loud, "{\"c\":2}", "{\"c\":2}", "");
}

static void setting_and_defaults(void **state)
{
    static const struct rewrite rows[] = {
        {"thinking.type", REWRITE_SET, "\"adaptive\"", 0, 0, false, ""},
        {"v", REWRITE_DEFAULT, "\"x\"", 0, 0, true, ""},
    };

    (void)state;
    EXPECT(rows, "{\"thinking\":{\"type\":\"enabled\"},\"v\":7}",
           "{\"thinking\":{\"type\":\"adaptive\"},\"v\":7}", "thinking.type");
    EXPECT(rows, "{\"thinking\":{\"type\":\"adaptive\"}}",
           "{\"thinking\":{\"type\":\"adaptive\"},\"v\":\"x\"}", "");
    EXPECT(rows, "{\"v\":null}", "{\"v\":\"x\"}", "");
}

static void allow_lists(void **state)
{
    static const struct rewrite top[] = {{"", REWRITE_ONLY, "a bc", 0, 0, false, ""}};
    static const struct rewrite deep[] = {{"t[]", REWRITE_ONLY, "a", 0, 0, false, ""}};
    static const struct rewrite quiet[] = {{"", REWRITE_ONLY, "a", 0, 0, true, ""}};

    (void)state;
    EXPECT(top, "{\"a\":1,\"b\":2,\"bc\":3,\"c\":null}", "{\"a\":1,\"bc\":3}", "b");
    EXPECT(deep, "{\"t\":[{\"a\":1,\"x\":2},{\"y\":3},5],\"z\":1}",
           "{\"t\":[{\"a\":1},{},5],\"z\":1}", "t.x, t.y");
    EXPECT(quiet, "{\"a\":1,\"b\":2}", "{\"a\":1}", "");
}

static void traits_choose_rows(void **state)
{
    static const struct rewrite rows[] = {
        {"with", REWRITE_REMOVE, NULL, MODEL_REASONING | MODEL_NO_STOP, 0, false, ""},
        {"without", REWRITE_REMOVE, NULL, 0, MODEL_REASONING, false, ""},
    };
    const char *body = "{\"with\":1,\"without\":2}";

    (void)state;
    expect_for(0, rows, 2, body, "{\"with\":1}", "without");
    expect_for(MODEL_REASONING, rows, 2, body, body, "");
    expect_for(MODEL_REASONING | MODEL_NO_STOP, rows, 2, body, "{\"without\":2}", "with");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(untouched_bytes_survive),
        cmocka_unit_test(removal),
        cmocka_unit_test(renaming),
        cmocka_unit_test(setting_and_defaults),
        cmocka_unit_test(allow_lists),
        cmocka_unit_test(traits_choose_rows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

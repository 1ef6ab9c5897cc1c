/*
 * Span trees: what is JSON and what is not, what texts mean, and that an edit changes what it names
 * and not one byte besides.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "base/jspan.h"

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

/* Bytes behind the end of a text must not matter: each is parsed from an allocation of its size. */
static status try_parse(struct str text, struct jspan **out, struct jspan_error *err)
{
    char *exact = malloc(text.n ? text.n : 1);
    struct str copy = {exact, text.n};

    assert_non_null(exact);
    memcpy(exact, text.p, text.n);
    status s = jspan_parse(arena, copy, out, err);
    free(exact);
    return s;
}

static struct jspan *parse(const char *text)
{
    struct jspan *root = NULL;
    struct jspan_error err = {0};

    if (jspan_parse(arena, str_from(text), &root, &err))
        fail_msg("%s at %zu: %s", err.what, err.offset, text);
    return root;
}

static void expect_text(const struct jspan *n, const char *text)
{
    struct buf out = {0};

    jspan_render(n, &out);
    assert_int_equal(out.n, strlen(text));
    assert_memory_equal(out.p, text, out.n);
    assert_true(str_is(jspan_text(arena, n), text));
    buf_free(&out);
}

/* --- the grammar ----------------------------------------------------------------------------- */

static void takes_json(void **state)
{
    static const char *const good[] = {
        "null",
        "true",
        "false",
        "0",
        "-0",
        "-1",
        "10",
        "1.5",
        "-0.5e-10",
        "1E+2",
        "1e5",
        "\"\"",
        "[]",
        "{}",
        " [ ] ",
        "\t\n\r {\n} ",
        "[1,2,[3]]",
        "{\"a\":{\"b\":[{}]}}",
        "12345678901234567890123456789012345678901234567890",
        "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u0000\\uABcd\\ud83d\\ude00\"",
        "\"\\ud800\"",
        "\"\\udc00\\ud800\"",
        "\"\x7f\"",
        "\"\xc2\x80\xe0\xa0\x80\xed\x9f\xbf\xee\x80\x80\"",
        "\"\xf0\x90\x80\x80\xf4\x8f\xbf\xbf\"",
        "{\"a\":1,\"a\":2}",
        "{\"\":0}",
    };

    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        struct jspan *root = NULL;
        struct jspan_error err = {0};
        if (try_parse(str_from(good[i]), &root, &err))
            fail_msg("%s: %s at %zu", good[i], err.what, err.offset);
        assert_non_null(root);
    }
}

static void refuses_what_is_none(void **state)
{
    static const struct {
        const char *text;
        size_t offset;
    } bad[] = {
        {"", 0},
        {"  ", 2},
        {"nul", 0},
        {"nulL", 0},
        {"True", 0},
        {"NaN", 0},
        {"Infinity", 0},
        {"-Infinity", 1},
        {"'a'", 0},
        {"nullx", 4},
        {"1 2", 2},
        {"{} {}", 3},
        {"[] ,", 3},
        {"01", 1},
        {"-", 1},
        {"+1", 0},
        {"-01", 2},
        {".5", 0},
        {"1.", 2},
        {"1.e1", 2},
        {"1e", 2},
        {"1e+", 3},
        {"0x10", 1},
        {"1_0", 1},
        {"--1", 1},
        {"[", 1},
        {"[1", 2},
        {"[1,", 3},
        {"[1,]", 3},
        {"[,1]", 1},
        {"[1 2]", 3},
        {"[1}", 2},
        {"]", 0},
        {"{", 1},
        {"{]", 1},
        {"{\"a\"", 4},
        {"{\"a\":", 5},
        {"{\"a\":1", 6},
        {"{\"a\":1,", 7},
        {"{\"a\":1,}", 7},
        {"{a:1}", 1},
        {"{1:1}", 1},
        {"{\"a\" 1}", 5},
        {"{\"a\":1 \"b\":2}", 7},
        {"{,}", 1},
        {"{\"a\"}", 4},
        {"{\"a\":,}", 5},
        {"{\"a\":1]", 6},
        {"[1],", 3},
        {"\"", 1},
        {"\"a", 2},
        {"\"\\", 2},
        {"\"\\\"", 3},
        {"\"\\x41\"", 2},
        {"\"\\u12\"", 5},
        {"\"\\u12g4\"", 5},
        {"\"\\u\"", 3},
        {"\"\\U1234\"", 2},
        {"\"\\u+123\"", 3},
        {"\"a\nb\"", 2},
        {"\"\t\"", 1},
        {"\"\x1f\"", 1},
        {"/**/1", 0},
        {"1//", 1},
        {"\f1", 0},
        {"\xef\xbb\xbf{}", 0},
        {"\xc2\xa0"
         "1",
         0},
        {"\"\x80\"", 1},
        {"\"\xc0\xaf\"", 1},
        {"\"\xc1\xbf\"", 1},
        {"\"\xe0\x80\xaf\"", 1},
        {"\"\xe0\x9f\xbf\"", 1},
        {"\"\xed\xa0\x80\"", 1},
        {"\"\xed\xbf\xbf\"", 1},
        {"\"\xf0\x8f\xbf\xbf\"", 1},
        {"\"\xf4\x90\x80\x80\"", 1},
        {"\"\xf5\x80\x80\x80\"", 1},
        {"\"\xff\"", 1},
        {"\"\xc2\"", 1},
        {"\"\xe2\x82\"", 1},
        {"\"\xf0\x9f\x98\"", 1},
        {"\"a\xe2\x82", 2},
        {"{\"\xff\":1}", 2},
        {"{\"\\q\":1}", 3},
    };

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct jspan *root = NULL;
        struct jspan_error err = {0};
        status s = try_parse(str_from(bad[i].text), &root, &err);
        if (s != E_SYNTAX || err.offset != bad[i].offset || !err.what)
            fail_msg("%s: status %d at %zu, expected %zu", bad[i].text, (int)s, err.offset,
                     bad[i].offset);
    }
    struct jspan *root;
    assert_int_equal(try_parse(STR("1\0"), &root, NULL), E_SYNTAX);
    assert_int_equal(try_parse(STR("\"\0\""), &root, NULL), E_SYNTAX);
    assert_int_equal(try_parse(STR("\"\\\0\""), &root, NULL), E_SYNTAX);
    assert_int_equal(try_parse(STR("[\0]"), &root, NULL), E_SYNTAX);
    assert_int_equal(jspan_parse(arena, STR_NONE, &root, NULL), E_SYNTAX);
}

/* No prefix of a container is JSON, whatever stands behind it in memory. */
static void refuses_every_prefix(void **state)
{
    static const char text[] =
        "{\"a\":[1.5e3,-2,{\"b\":\"\\u00e9\xc3\xa9\\n\"},null,true,false],\"c\":{}}";
    struct jspan *root;

    (void)state;
    for (size_t n = 0; n + 1 < sizeof text; n++)
        assert_int_equal(try_parse((struct str){text, n}, &root, NULL), E_SYNTAX);
    assert_int_equal(try_parse((struct str){text, sizeof text - 1}, &root, NULL), OK);
}

static status parse_nested(size_t depth, const char *open, const char *inside, const char *close)
{
    struct buf text = {0};
    struct jspan *root;

    for (size_t i = 0; i < depth; i++)
        buf_add_cstr(&text, open);
    buf_add_cstr(&text, inside);
    for (size_t i = 0; i < depth; i++)
        buf_add_cstr(&text, close);
    status s = jspan_parse(arena, buf_str(&text), &root, NULL);
    buf_free(&text);
    return s;
}

static void nesting_is_limited(void **state)
{
    (void)state;
    assert_int_equal(parse_nested(JSPAN_MAX_DEPTH, "[", "", "]"), OK);
    assert_int_equal(parse_nested(JSPAN_MAX_DEPTH + 1, "[", "", "]"), E_LIMIT);
    assert_int_equal(parse_nested(JSPAN_MAX_DEPTH - 1, "{\"a\":", "{}", "}"), OK);
    assert_int_equal(parse_nested(JSPAN_MAX_DEPTH, "{\"a\":", "{}", "}"), E_LIMIT);
    assert_int_equal(parse_nested(JSPAN_MAX_DEPTH, "{\"a\":", "1", "}"), OK);
    assert_int_equal(parse_nested(1000000, "[", "", ""), E_LIMIT);
    /* depth, not number */
    assert_int_equal(parse_nested(1, "[", "[],[],[[]],[]", "]"), OK);
}

static void memory_is_limited(void **state)
{
    struct arena *small = arena_new(4096);
    struct jspan *root;
    struct buf text = {0};

    (void)state;
    buf_add_char(&text, '[');
    for (int i = 0; i < 1000; i++)
        buf_add_cstr(&text, "0,");
    buf_add_cstr(&text, "0]");
    assert_int_equal(jspan_parse(small, buf_str(&text), &root, NULL), E_NOMEM);
    buf_free(&text);
    arena_free(small);
}

/* --- reading --------------------------------------------------------------------------------- */

static void expect_str(const char *json, struct str text)
{
    struct str got = jspan_str(arena, parse(json));

    assert_int_equal(got.n, text.n);
    assert_memory_equal(got.p, text.p, text.n);
}

static void unescapes(void **state)
{
    (void)state;
    expect_str("\"plain\"", STR("plain"));
    expect_str("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", STR("\"\\/\b\f\n\r\t"));
    expect_str("\"\\u0041\\u00e9\\u20AC\\uFFFF\"", STR("A\xc3\xa9\xe2\x82\xac\xef\xbf\xbf"));
    expect_str("\"\\ud83d\\ude00\"", STR("\xf0\x9f\x98\x80"));
    expect_str("\"\\uDBFF\\uDFFF\"", STR("\xf4\x8f\xbf\xbf"));
    expect_str("\"a\\u0000b\"", STR("a\0b"));
    assert_non_null(jspan_str(arena, parse("\"\"")).p);
    assert_null(jspan_str(arena, parse("1")).p);
    assert_null(jspan_str(arena, NULL).p);
}

/* Half a pair has no UTF-8; U+FFFD stands for it. What stands beside it is kept. */
static void lone_surrogates_become_fffd(void **state)
{
    (void)state;
    expect_str("\"\\ud83d\"", STR("\xef\xbf\xbd"));
    expect_str("\"\\ude00\"", STR("\xef\xbf\xbd"));
    expect_str("\"\\ud83dx\"", STR("\xef\xbf\xbdx"));
    expect_str("\"\\ud83d\\n\"", STR("\xef\xbf\xbd\n"));
    expect_str("\"\\ud83d\\u0041\"", STR("\xef\xbf\xbd"
                                         "A"));
    expect_str("\"\\ud83d\\ud83d\\ude00\"", STR("\xef\xbf\xbd\xf0\x9f\x98\x80"));
    expect_str("\"\\ude00\\ud83d\"", STR("\xef\xbf\xbd\xef\xbf\xbd"));
    expect_text(parse("[\"\\ud83d\"]"), "[\"\\ud83d\"]"); /* on the wire it stays */
}

static void finds_members(void **state)
{
    struct jspan *root =
        parse("{\"a\":1,\"b\":{\"a\":2},\"a\":3,\"\":4,\"\\u0061b\\/\":5,\"e\\n\":6}");

    (void)state;
    assert_int_equal(jspan_int(jspan_get(root, "a"), 0), 3); /* the last of several */
    assert_int_equal(jspan_int(jspan_get(jspan_get(root, "b"), "a"), 0), 2);
    assert_int_equal(jspan_int(jspan_get(root, ""), 0), 4);
    assert_int_equal(jspan_int(jspan_get(root, "ab/"), 0), 5);
    assert_int_equal(jspan_int(jspan_get(root, "e\n"), 0), 6);
    assert_null(jspan_get(root, "e\\n"));
    assert_null(jspan_get(root, "A"));
    assert_null(jspan_get(root, "ab"));
    assert_null(jspan_get(parse("[1]"), "a"));
    assert_null(jspan_get(parse("\"a\""), "a"));
    assert_null(jspan_get(NULL, "a"));
    assert_int_equal(jspan_count(root), 6);
    assert_int_equal(jspan_count(parse("[]")), 0);
    assert_int_equal(jspan_count(NULL), 0);
    assert_true(str_is(jspan_key(arena, root->child->next), "b"));
    assert_true(str_is(jspan_key(arena, root->last), "e\n"));
    assert_null(jspan_key(arena, root).p);
}

/* An unequal length of the same beginning is another name, also where escapes are. */
static void names_are_whole(void **state)
{
    struct jspan *root = parse("{\"\\u0061\":1,\"a\\u0000\":2,\"\\ud800\":3}");

    (void)state;
    assert_int_equal(jspan_int(jspan_get(root, "a"), 0), 1);
    assert_null(jspan_get(root, "aa"));
    assert_null(jspan_get(root, ""));
    assert_int_equal(jspan_int(jspan_get(root, "\xef\xbf\xbd"), 0), 3);
}

static void says(void **state)
{
    (void)state;
    assert_true(jspan_says(parse("\"text\""), "text"));
    assert_false(jspan_says(parse("\"text\""), "tex"));
    assert_false(jspan_says(parse("\"text\""), "texts"));
    assert_false(jspan_says(parse("1"), "1"));
    assert_false(jspan_says(NULL, ""));
    assert_true(jspan_says(parse("\"\""), ""));
    /* PHP escapes slashes, others everything */
    assert_true(jspan_says(parse("\"image\\/png\""), "image/png"));
    assert_true(jspan_says(parse("\"\\u0074e\\u0078t\""), "text"));
    assert_false(jspan_says(parse("\"a\\nb\""), "a\\nb"));
    assert_false(jspan_says(parse("\"text\\u0000\""), "text"));
}

static void reads_numbers(void **state)
{
    static const struct {
        const char *text;
        int64_t value;
    } cases[] = {
        {"0", 0},
        {"-0", 0},
        {"7", 7},
        {"-7", -7},
        {"1.0", 1},
        {"1e3", 1000},
        {"12.5e1", 125},
        {"9007199254740992", 9007199254740992},
        {"-9007199254740992", -9007199254740992},
        {"9007199254740994", -99},
        {"1.5", -99},
        {"1e400", -99},
        {"-1e400", -99},
        {"1e-1", -99},
        {"\"7\"", -99},
        {"null", -99},
        {"true", -99},
        {"[7]", -99},
        {"1000000000000000000000000000000000000000000000000000000000000000000000", -99},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_true(jspan_int(parse(cases[i].text), -99) == cases[i].value);
    assert_int_equal(jspan_int(NULL, 5), 5);
    assert_true(jspan_double(parse("-2.5e-1"), 0) == -0.25);
    assert_true(jspan_double(parse("\"1\""), 3) == 3);
    assert_true(jspan_true(parse("true")));
    assert_false(jspan_true(parse("1")));
    assert_true(jspan_none(NULL));
    assert_true(jspan_none(parse("null")));
    assert_false(jspan_none(parse("false")));
}

/* --- editing --------------------------------------------------------------------------------- */

#define STRANGE                                                                                    \
    "{ \"n\" : 12345678901234567890.10 ,\n \"s\":\"\\u0000\\ud800\\/\", \"a\" : [ 1 , 2,3 ] ,"     \
    "\"o\":{ \"x\" :1e0}, \"n\": -0.0 }"

static void render_is_what_came(void **state)
{
    (void)state;
    expect_text(parse(STRANGE), STRANGE);
    expect_text(parse(" [ 1 ] "), "[ 1 ]"); /* white space around it is not part of the value */
}

static void replaces(void **state)
{
    struct jspan *root = parse(STRANGE);

    (void)state;
    jspan_replace(jspan_get(jspan_get(root, "o"), "x"), STR("\"new\""));
    expect_text(root, "{\"n\":12345678901234567890.10,\"s\":\"\\u0000\\ud800\\/\","
                      "\"a\":[ 1 , 2,3 ],\"o\":{\"x\":\"new\"},\"n\":-0.0}");
    assert_true(jspan_says(jspan_get(jspan_get(root, "o"), "x"), "new"));
    jspan_replace(root, STR("[]"));
    expect_text(root, "[]");
    assert_true(jspan_is(root, JSPAN_ARRAY));
    assert_null(jspan_first(root));
}

static void sets_and_appends(void **state)
{
    struct jspan *root = parse("{\"a\" : 1, \"b\":2,\"a\":3}");

    (void)state;
    assert_int_equal(jspan_set(arena, root, "a", STR("[4]")), OK); /* the one that counts */
    assert_int_equal(jspan_set(arena, root, "c\"", STR("null")), OK);
    expect_text(root, "{\"a\":1,\"b\":2,\"a\":[4],\"c\\\"\":null}");
    assert_true(jspan_is(jspan_get(root, "c\""), JSPAN_NULL));

    root = parse("{}");
    assert_int_equal(jspan_set(arena, root, "only", STR("{}")), OK);
    assert_int_equal(jspan_set(arena, jspan_get(root, "only"), "in", STR("1")), OK);
    expect_text(root, "{\"only\":{\"in\":1}}");

    root = parse(" [ ] ");
    assert_int_equal(jspan_push(arena, root, STR("1")), OK);
    assert_int_equal(jspan_push(arena, root, STR("\"x\"")), OK);
    expect_text(root, "[1,\"x\"]");
    assert_int_equal(jspan_insert(arena, root->child, STR("2")), OK);
    assert_int_equal(jspan_insert(arena, root->last, STR("3")), OK);
    expect_text(root, "[1,2,\"x\",3]");
    assert_ptr_equal(root->last->before->before->before, root->child);
    jspan_remove(root->child->next);
    expect_text(root, "[1,\"x\",3]");
}

/* When memory ends, no half-made member stays behind. */
static void sets_nothing_without_memory(void **state)
{
    for (size_t ceiling = 16; ceiling < 512; ceiling += 16) {
        struct arena *small = arena_new(ceiling);
        struct jspan *root = parse("{\"a\" : 1}");
        status s = jspan_set(small, root, "name", STR("2"));
        (void)state;
        assert_true(s == OK || s == E_NOMEM);
        assert_true((jspan_get(root, "name") != NULL) == (s == OK));
        expect_text(root, s ? "{\"a\" : 1}" : "{\"a\":1,\"name\":2}");
        arena_free(small);
    }
}

static void removes(void **state)
{
    struct jspan *root = parse("{\"a\":1,\"b\":[ 1 ],\"\\u0061\":2,\"c\":[1,2,3]}");
    struct jspan *list = jspan_get(root, "c");

    (void)state;
    assert_true(jspan_remove_key(root, "a")); /* every one, however it is spelled */
    assert_false(jspan_remove_key(root, "a"));
    jspan_remove(list->last);
    jspan_remove(list->child);
    expect_text(root, "{\"b\":[ 1 ],\"c\":[2]}");
    jspan_remove(list->child);
    expect_text(root, "{\"b\":[ 1 ],\"c\":[]}");
    assert_int_equal(jspan_push(arena, list, STR("9")), OK);
    expect_text(list, "[9]");
    jspan_remove(list);
    jspan_remove(list); /* it stands nowhere any more: nothing happens */
    assert_true(jspan_remove_key(root, "b"));
    expect_text(root, "{}");
    jspan_remove(root);
    expect_text(root, "{}");
}

static void renames(void **state)
{
    struct jspan *root = parse("{\"max_tokens\" : 5 , \"x\":[ ]}");

    (void)state;
    assert_int_equal(jspan_rename(arena, jspan_get(root, "max_tokens"), "max_completion_tokens"),
                     OK);
    expect_text(root, "{\"max_completion_tokens\":5,\"x\":[ ]}");
    assert_null(jspan_get(root, "max_tokens"));
    assert_int_equal(jspan_int(jspan_get(root, "max_completion_tokens"), 0), 5);
}

static void moves(void **state)
{
    struct jspan *root = parse("{\"a\":[ {\"k\" : 1}, 2 ],\"b\":[3],\"c\":{ \"d\" : [ 4 ] }}");
    struct jspan *a = jspan_get(root, "a"), *b = jspan_get(root, "b");

    (void)state;
    jspan_move(a->child, b);
    expect_text(root, "{\"a\":[2],\"b\":[3,{\"k\" : 1}],\"c\":{ \"d\" : [ 4 ] }}");
    jspan_move(jspan_get(jspan_get(root, "c"), "d"), b); /* a member loses its name */
    expect_text(root, "{\"a\":[2],\"b\":[3,{\"k\" : 1},[ 4 ]],\"c\":{}}");
    assert_null(jspan_key(arena, b->last).p);
    jspan_move(b->child, b); /* to the end of its own array */
    expect_text(b, "[{\"k\" : 1},[ 4 ],3]");
    jspan_replace(jspan_get(b->child, "k"), STR("9")); /* it can be edited where it is now */
    expect_text(root, "{\"a\":[2],\"b\":[{\"k\":9},[ 4 ],3],\"c\":{}}");
    jspan_move(a, b);
    expect_text(root, "{\"b\":[{\"k\":9},[ 4 ],3,[2]],\"c\":{}}");
}

/* Every list can be walked from both ends, and each way meets the same. */
static void expect_links(const struct jspan *container)
{
    const struct jspan *before = NULL;

    for (const struct jspan *n = container->child; n; before = n, n = n->next) {
        assert_ptr_equal(n->up, container);
        assert_ptr_equal(n->before, before);
        expect_links(n);
    }
    assert_ptr_equal(container->last, before);
}

static struct jspan *parse_many(size_t count)
{
    char *text = arena_alloc(arena, 2 * count + 2);

    for (size_t i = 0; i < count; i++)
        memcpy(text + 2 * i, ",1", 2);
    text[0] = '[';
    memcpy(text + 2 * count, "]", 2);
    return parse(text);
}

/* A caller decides how many elements there are and which of them go: with a search for each, these
   would be billions of steps. */
static void scattered_removals_are_cheap(void **state)
{
    enum { MANY = 200000 };
    struct jspan *list = parse_many(MANY), *kept = parse("[]");
    size_t steps = 0;

    (void)state;
    for (struct jspan *n = list->last, *before; n; n = before, steps++) {
        before = n->before;
        if (steps % 4 == 0)
            jspan_remove(n);
        else if (steps % 2 == 0)
            jspan_move(n, kept);
    }
    assert_int_equal(steps, MANY);
    assert_int_equal(jspan_count(list), MANY / 2);
    assert_int_equal(jspan_count(kept), MANY / 4);
    expect_links(list);
    expect_links(kept);
}

static void repeated_names_go_in_one_pass(void **state)
{
    enum { MANY = 200000, PAIR = 6 };
    char *text = arena_alloc(arena, MANY * PAIR + 2);

    (void)state;
    for (size_t i = 0; i < MANY; i++)
        memcpy(text + i * PAIR, i % 2 ? ",\"b\":0" : ",\"a\":0", PAIR);
    text[0] = '{';
    memcpy(text + MANY * PAIR, "}", 2);
    struct jspan *object = parse(text);
    assert_true(jspan_remove_key(object, "a"));
    assert_int_equal(jspan_count(object), MANY / 2);
    expect_links(object);
}

static void expands(void **state)
{
    struct jspan *root = parse("{\"a\":1,\"b\" : 2}"), *a = jspan_get(root, "a");

    (void)state;
    assert_int_equal(jspan_expand(arena, a, STR("{ \"x\" : [ 1 ] , \"y\":2 } ")), OK);
    expect_text(root, "{\"a\":{ \"x\" : [ 1 ] , \"y\":2 },\"b\":2}");
    assert_int_equal(jspan_push(arena, jspan_get(a, "x"), STR("5")), OK);
    expect_text(root, "{\"a\":{\"x\":[1,5],\"y\":2},\"b\":2}");
    assert_int_equal(jspan_expand(arena, a, STR("{broken")), E_SYNTAX);
    expect_text(root, "{\"a\":{\"x\":[1,5],\"y\":2},\"b\":2}");
}

static void quotes(void **state)
{
    (void)state;
    assert_true(str_is(jspan_quote(arena, STR("a\"\\\n\x01/")), "\"a\\\"\\\\\\n\\u0001/\""));
    assert_true(str_is(jspan_quote(arena, STR("\0")), "\"\\u0000\""));
    assert_true(str_is(jspan_quote(arena, STR_NONE), "\"\""));
}

/* --- properties over random documents -------------------------------------------------------- */

static uint64_t seed;

static unsigned below(unsigned n)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return (unsigned)(seed >> 33) % n;
}

#define ANY_OF(list) (list)[below(sizeof(list) / sizeof((list)[0]))]

static const char *const spaces[] = {"", "", "", " ", "\n", "\t ", "\r\n  "};
static const char *const names[] = {"a",        "b",   "model", "",    "\\u0061",
                                    "\xc3\xa9", "a b", "\\\"",  "\\\\"};
static const char *const scalars[] = {"null",
                                      "true",
                                      "false",
                                      "0",
                                      "-0",
                                      "-0.0",
                                      "1E+05",
                                      "12345678901234567890.00",
                                      "\"\"",
                                      "\"text\"",
                                      "\"\\u0000\"",
                                      "\"\\ud83d\"",
                                      "\"\\/\\u00E9\"",
                                      "\"\xf0\x9f\x98\x80 {[,:]}\"",
                                      "\"\\\\\"",
                                      "\"\\\"\"",
                                      "1e-7",
                                      "\"]}\""};

static void write_value(struct buf *out, unsigned depth);

static void write_container(struct buf *out, unsigned depth, bool object)
{
    unsigned count = below(5);

    buf_add_char(out, object ? '{' : '[');
    buf_add_cstr(out, ANY_OF(spaces));
    for (unsigned i = 0; i < count; i++) {
        if (i) {
            buf_add_char(out, ',');
            buf_add_cstr(out, ANY_OF(spaces));
        }
        if (object) {
            buf_printf(out, "\"%s\"", ANY_OF(names));
            buf_add_cstr(out, ANY_OF(spaces));
            buf_add_char(out, ':');
            buf_add_cstr(out, ANY_OF(spaces));
        }
        write_value(out, depth + 1);
        buf_add_cstr(out, ANY_OF(spaces));
    }
    buf_add_char(out, object ? '}' : ']');
}

static void write_value(struct buf *out, unsigned depth)
{
    unsigned kind = below(depth > 5 ? 4 : 10);

    if (depth == 0 || kind >= 4)
        write_container(out, depth, below(2) == 0);
    else
        buf_add_cstr(out, ANY_OF(scalars));
}

static void random_documents_come_back(void **state)
{
    (void)state;
    seed = 20260101;
    for (int i = 0; i < 20000; i++) {
        struct arena *own = arena_new(0);
        struct buf text = {0}, out = {0};
        struct jspan *root;

        write_value(&text, 0);
        assert_int_equal(jspan_parse(own, buf_str(&text), &root, NULL), OK);
        jspan_render(root, &out);
        assert_int_equal(out.n, text.n);
        assert_memory_equal(out.p, text.p, text.n);
        buf_free(&out);
        buf_free(&text);
        arena_free(own);
    }
}

enum edit { REPLACE, REMOVE, RENAME, APPEND, EDITS };

/* A random node; more often a deep one. */
static struct jspan *pick(struct jspan *root)
{
    struct jspan *n = root;

    while (n->child && below(4)) {
        unsigned skip = below((unsigned)jspan_count(n));
        n = n->child;
        while (skip--)
            n = n->next;
    }
    return n;
}

/* The node of another tree that stands where `n` stands in its own. */
static struct jspan *same_place(const struct jspan *n, struct jspan *root)
{
    if (!n->up)
        return root;
    struct jspan *there = same_place(n->up, root)->child;
    for (const struct jspan *c = n->up->child; c != n; c = c->next)
        there = there->next;
    return there;
}

static bool holds(const struct jspan *outer, const struct jspan *n)
{
    for (; n; n = n->up)
        if (n == outer)
            return true;
    return false;
}

/* Everything that `named` does not lie in must have kept its bytes; `named` itself (a node of the
   tree before) must have changed as the edit says. */
static void compare(const struct jspan *before, const struct jspan *after,
                    const struct jspan *named, enum edit edit, struct str json)
{
    if (before == named && edit == REPLACE) {
        assert_true(str_eq(after->text, json));
        return;
    }
    if (!holds(before, named)) {
        assert_true(str_eq(before->text, after->text));
        return;
    }
    assert_int_equal(before->type, after->type);
    const struct jspan *b = before->child, *a = after->child;
    for (; b; b = b->next) {
        if (b == named && edit == REMOVE)
            continue;
        assert_non_null(a);
        if (b == named && edit == RENAME) {
            assert_true(str_is(a->key, "\"renamed\""));
            assert_true(str_eq(a->text, b->text));
        } else {
            assert_true(str_eq(a->key, b->key));
            compare(b, a, named, edit, json);
        }
        a = a->next;
    }
    if (before == named && edit == APPEND) {
        assert_non_null(a);
        assert_true(str_eq(a->text, json));
        a = a->next;
    }
    assert_null(a);
}

/* What can be done to this node? EDITS: nothing of this kind. */
static enum edit possible(const struct jspan *n, enum edit edit)
{
    bool member = jspan_is(n->up, JSPAN_OBJECT);

    if ((edit == REMOVE && !n->up) || (edit == RENAME && !member))
        return EDITS;
    /* a value that was put in as text is opaque: nothing can be appended to it */
    bool opaque = !n->child && n->text.n > 2;
    return edit == APPEND && (n->type < JSPAN_ARRAY || opaque) ? EDITS : edit;
}

static void apply(struct arena *own, struct jspan *n, enum edit edit, struct str json)
{
    switch (edit) {
    case REPLACE:
        jspan_replace(n, json);
        break;
    case REMOVE:
        jspan_remove(n);
        break;
    case RENAME:
        assert_int_equal(jspan_rename(own, n, "renamed"), OK);
        break;
    default:
        if (n->type == JSPAN_ARRAY)
            assert_int_equal(jspan_push(own, n, json), OK);
        else
            assert_int_equal(jspan_set(own, n, "appended", json), OK);
    }
}

static struct jspan *parse_rendered(struct arena *own, const struct jspan *root)
{
    struct buf out = {0};
    struct jspan *again;

    jspan_render(root, &out);
    struct str text = arena_str(own, buf_str(&out));
    buf_free(&out);
    assert_int_equal(jspan_parse(own, text, &again, NULL), OK);
    return again;
}

static void edit_once(struct arena *own, struct jspan *root)
{
    static const char *const values[] = {"1", "\"\\u0000\"", "[ 1 , {} ]", "{ \"a\" : 1 }", "null"};
    struct jspan *before = parse_rendered(own, root), *n = pick(root);
    enum edit edit = possible(n, (enum edit)below(EDITS));
    struct str json = str_from(ANY_OF(values));

    if (edit == EDITS || (edit == APPEND && n->type == JSPAN_OBJECT && jspan_get(n, "appended")))
        return;
    const struct jspan *named = same_place(n, before);
    apply(own, n, edit, json);
    compare(before, parse_rendered(own, root), named, edit, json);
}

/* Several edits to one tree, each checked against the text as it was before it. */
static void random_edits_change_what_they_name(void **state)
{
    (void)state;
    seed = 20260202;
    for (int i = 0; i < 20000; i++) {
        struct arena *own = arena_new(0);
        struct buf text = {0};
        struct jspan *root;

        write_value(&text, 0);
        assert_int_equal(jspan_parse(own, buf_str(&text), &root, NULL), OK);
        for (unsigned edits = 1 + below(4); edits; edits--)
            edit_once(own, root);
        expect_links(root);
        buf_free(&text);
        arena_free(own);
    }
}

/* A broken byte must not be read as something else: what parses renders to itself, always. */
static void random_damage_is_survived(void **state)
{
    (void)state;
    seed = 20260303;
    for (int i = 0; i < 20000; i++) {
        struct arena *own = arena_new(0);
        struct buf text = {0}, out = {0};
        struct jspan *root;

        write_value(&text, 0);
        for (unsigned n = 1 + below(3); n; n--)
            text.p[below((unsigned)text.n)] = (char)below(256);
        if (jspan_parse(own, buf_str(&text), &root, NULL) == OK) {
            jspan_render(root, &out);
            assert_true(str_eq(str_trim(buf_str(&text)), buf_str(&out)));
        }
        buf_free(&out);
        buf_free(&text);
        arena_free(own);
    }
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

static void keeps_arrays_of_numbers_flat(void **state)
{
    static const char text[] = "{\"a\":[ 1 , -2.5e3 ],\"b\":[],\"c\":[1,\"x\"],\"d\":[[1],[2,3]]}";
    static const char *const broken[] = {"[1,]", "[1 2]", "[01]", "[1", "[-]", "[1,2]]", "[1.]"};
    struct jspan *root;

    (void)state;
    assert_int_equal(jspan_parse_flat(arena, str_from(text), &root), OK);
    assert_true(str_is(jspan_get(root, "a")->text, "[ 1 , -2.5e3 ]"));
    assert_null(jspan_first(jspan_get(root, "a")));
    assert_true(jspan_is(jspan_get(root, "b"), JSPAN_ARRAY));
    assert_int_equal(jspan_count(jspan_get(root, "c")), 2);
    assert_int_equal(jspan_count(jspan_get(root, "d")), 2);
    assert_null(jspan_first(jspan_first(jspan_get(root, "d"))));
    for (size_t i = 0; i < sizeof broken / sizeof *broken; i++)
        assert_int_equal(jspan_parse_flat(arena, str_from(broken[i]), &root), E_SYNTAX);
    assert_int_equal(jspan_parse_flat(arena, STR(" [1,2] "), &root), OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(takes_json),
        TEST(refuses_what_is_none),
        TEST(refuses_every_prefix),
        TEST(nesting_is_limited),
        TEST(memory_is_limited),
        TEST(unescapes),
        TEST(lone_surrogates_become_fffd),
        TEST(finds_members),
        TEST(names_are_whole),
        TEST(says),
        TEST(reads_numbers),
        TEST(render_is_what_came),
        TEST(replaces),
        TEST(sets_and_appends),
        TEST(sets_nothing_without_memory),
        TEST(removes),
        TEST(renames),
        TEST(moves),
        TEST(scattered_removals_are_cheap),
        TEST(repeated_names_go_in_one_pass),
        TEST(expands),
        TEST(quotes),
        TEST(keeps_arrays_of_numbers_flat),
        TEST(random_documents_come_back),
        TEST(random_edits_change_what_they_name),
        TEST(random_damage_is_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

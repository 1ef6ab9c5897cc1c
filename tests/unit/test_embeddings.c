/* Embeddings: inputs of every form, and vectors that keep every bit. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "dialect/embeddings.h"

struct fixture {
    struct arena *arena;
    struct embed_request request;
    struct chat_error error;
    struct buf out;
};

static int begin(void **state)
{
    static struct fixture f;
    f = (struct fixture){.arena = arena_new(0)};
    f.request.model = STR("m");
    *state = &f;
    return 0;
}

static int end(void **state)
{
    struct fixture *f = *state;
    buf_free(&f->out);
    arena_free(f->arena);
    return 0;
}

static void assert_str(struct str s, const char *expected)
{
    assert_int_equal(s.n, strlen(expected));
    if (s.n)
        assert_memory_equal(s.p, expected, s.n);
}

static status decode(struct fixture *f, const char *body)
{
    struct jspan *tree;

    assert_int_equal(jspan_parse(f->arena, str_from(body), &tree, NULL), OK);
    return embeddings_decode(f->arena, tree, &f->request, &f->error);
}

static void decodes_inputs_of_every_form(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(decode(f, "{\"model\":\"e\",\"input\":\"a\",\"encoding_format\":\"base64\","
                               "\"dimensions\":256,\"user\":\"u\",\"input_type\":\"query\"}"),
                     OK);
    assert_str(f->request.model, "e");
    assert_str(f->request.inputs->text, "a");
    assert_int_equal(f->request.count, 1);
    assert_true(f->request.base64);
    assert_int_equal(f->request.dimensions, 256);
    assert_str(f->request.user, "u");
    assert_str(f->request.input_type, "query");
    assert_int_equal(decode(f, "{\"model\":\"e\",\"input\":[\"a\",\"b\"]}"), OK);
    assert_int_equal(f->request.count, 2);
    assert_str(f->request.inputs->next->text, "b");
    assert_false(f->request.base64);
    assert_int_equal(f->request.dimensions, -1);
    assert_int_equal(decode(f, "{\"model\":\"e\",\"input\":[1, 2]}"), OK);
    assert_int_equal(f->request.count, 1);
    assert_str(f->request.inputs->tokens, "[1, 2]");
    assert_int_equal(decode(f, "{\"model\":\"e\",\"input\":[[1],[2,3]]}"), OK);
    assert_int_equal(f->request.count, 2);
    assert_str(f->request.inputs->next->tokens, "[2,3]");
}

static void names_the_field_that_is_wrong(void **state)
{
    static const struct {
        const char *body, *param;
    } rows[] = {
        {"[]", ""},
        {"{\"model\":3,\"input\":\"a\"}", "model"},
        {"{\"model\":\"e\"}", "input"},
        {"{\"model\":\"e\",\"input\":\"\"}", "input"},
        {"{\"model\":\"e\",\"input\":[]}", "input"},
        {"{\"model\":\"e\",\"input\":{}}", "input"},
        {"{\"model\":\"e\",\"input\":[\"a\",\"\"]}", "input[1]"},
        {"{\"model\":\"e\",\"input\":[\"a\",null]}", "input[1]"},
        {"{\"model\":\"e\",\"input\":[1,\"a\"]}", "input[1]"},
        {"{\"model\":\"e\",\"input\":[1,-1]}", "input[1]"},
        {"{\"model\":\"e\",\"input\":[[]]}", "input[0]"},
        {"{\"model\":\"e\",\"input\":[[1.5]]}", "input[0][0]"},
        {"{\"model\":\"e\",\"input\":\"a\",\"encoding_format\":\"hex\"}", "encoding_format"},
        {"{\"model\":\"e\",\"input\":\"a\",\"dimensions\":0}", "dimensions"},
    };
    struct fixture *f = *state;

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_int_equal(decode(f, rows[i].body), E_SYNTAX);
        assert_int_equal(f->error.kind, CHAT_ERROR_INVALID);
        assert_str(f->error.param, rows[i].param);
    }
}

#define HEAD       "{\"object\":\"list\",\"data\":["
#define ITEM(i, v) "{\"object\":\"embedding\",\"index\":" #i ",\"embedding\":" v "}"
#define TAIL(n)    "],\"model\":\"m\",\"usage\":{\"prompt_tokens\":" #n ",\"total_tokens\":" #n "}}"

static void check_rendered(struct fixture *f, struct embed_vector *vectors, int64_t tokens,
                           const char *expected)
{
    struct embed_answer answer = {vectors, tokens};

    buf_clear(&f->out);
    assert_int_equal(embeddings_render(f->arena, &f->request, &answer, &f->out), OK);
    assert_str(buf_str(&f->out), expected);
}

static void turns_numbers_into_base64(void **state)
{
    struct fixture *f = *state;
    struct embed_vector two = {.numbers = STR(" [ -2.5e0 , 0.1 ] ")};
    struct embed_vector one = {.numbers = STR("[1,0,-0.0]"), .next = &two};

    f->request.base64 = true;
    /* 1.0f = 00 00 80 3f, 0.0f, -0.0f = 00 00 00 80; -2.5f = 00 00 20 c0, 0.1f = cd cc cc 3d */
    check_rendered(f, &one, 5,
                   HEAD ITEM(0, "\"AACAPwAAAAAAAACA\"") "," ITEM(1, "\"AAAgwM3MzD0=\"") TAIL(5));
}

/* A hair above the middle of two float32: by way of double it would go down to 1.0. */
static void rounds_once(void **state)
{
    struct fixture *f = *state;
    struct embed_vector v = {.numbers = STR("[1.000000059604644775390625000000000000001]")};

    f->request.base64 = true;
    check_rendered(f, &v, 1, HEAD ITEM(0, "\"AQCAPw==\"") TAIL(1));
}

static void passes_on_what_has_the_wanted_form(void **state)
{
    struct fixture *f = *state;
    struct embed_vector numbers = {.numbers = STR("[0.10000000000000001,1E-7]")};
    struct embed_vector base64 = {.base64 = STR("AACAPw==")};

    check_rendered(f, &numbers, 1, HEAD ITEM(0, "[0.10000000000000001,1E-7]") TAIL(1));
    f->request.base64 = true;
    check_rendered(f, &base64, -1, HEAD ITEM(0, "\"AACAPw==\"") TAIL(0));
}

static void turns_base64_into_numbers(void **state)
{
    struct fixture *f = *state;
    struct embed_vector v = {.base64 = STR("AACAPwAAAADNzMw9")};

    check_rendered(f, &v, 2, HEAD ITEM(0, "[1,0,0.1]") TAIL(2));
}

/* Every float32 that is tried survives numbers -> base64 -> numbers -> base64. */
static void keeps_every_bit(void **state)
{
    struct fixture *f = *state;
    uint32_t bits = 12345;

    for (int i = 0; i < 20000; i++) {
        float number, back;
        char text[64];

        bits = bits * 1664525u + 1013904223u;
        if ((bits >> 23 & 255) == 255)
            continue; /* infinity and not-a-number are no JSON */
        memcpy(&number, &bits, sizeof number);
        snprintf(text, sizeof text, "[%.9g]", (double)number);
        struct embed_vector v = {.numbers = str_from(text)};
        struct embed_answer answer = {&v, 1};
        buf_clear(&f->out);
        f->request.base64 = true;
        assert_int_equal(embeddings_render(f->arena, &f->request, &answer, &f->out), OK);
        const char *at = f->out.p + strlen(HEAD "{\"object\":\"embedding\",\"index\":0,"
                                                "\"embedding\":\"");
        v = (struct embed_vector){.base64 = arena_str(f->arena, (struct str){at, 8})};
        buf_clear(&f->out);
        f->request.base64 = false;
        assert_int_equal(embeddings_render(f->arena, &f->request, &answer, &f->out), OK);
        buf_add_char(&f->out, '\0');
        back = strtof(strrchr(f->out.p, '[') + 1, NULL);
        assert_memory_equal(&back, &number, sizeof back);
    }
}

static void refuses_vectors_that_are_none(void **state)
{
    static const char *const rows[] = {"",      "[",       "[1",     "[1,]",  "[,1]",    "{}",
                                       "[nan]", "[1e999]", "[1] 2",  "[1 2]", "[\"1\"]", "[+1]",
                                       "[--1]", "[1-2]",   "[null]", "[.5]"};
    struct fixture *f = *state;

    for (int base64 = 0; base64 < 2; base64++) {
        f->request.base64 = base64;
        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
            struct embed_vector v = {.numbers = str_from(rows[i])};
            struct embed_answer answer = {&v, 1};
            assert_int_equal(embeddings_render(f->arena, &f->request, &answer, &f->out), E_SYNTAX);
        }
    }
    /* three bytes, not a number, -infinity */
    static const char *const texts[] = {"AAAA", "AADAfw==", "AACA/w=="};
    f->request.base64 = false;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct embed_vector v = {.base64 = str_from(texts[i])};
        struct embed_answer answer = {&v, 1};
        assert_int_equal(embeddings_render(f->arena, &f->request, &answer, &f->out), E_SYNTAX);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(decodes_inputs_of_every_form),
        TEST(names_the_field_that_is_wrong),
        TEST(turns_numbers_into_base64),
        TEST(rounds_once),
        TEST(passes_on_what_has_the_wanted_form),
        TEST(turns_base64_into_numbers),
        TEST(keeps_every_bit),
        TEST(refuses_vectors_that_are_none),
    };

    return cmocka_run_group_tests_name("embeddings", tests, NULL, NULL);
}

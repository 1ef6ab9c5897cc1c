/* Titan: one input in a call, a text or an image, and what it does not take. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "family_case.h"

static void check_encodes(const char *model, struct embed_input input, int64_t dimensions,
                          const char *expected)
{
    struct family_case c;
    struct embed_request r = {
        .inputs = &input, .count = 1, .dimensions = dimensions, .user = STR("u")};
    struct buf out = {0};

    family_case_open(&c, &family_bedrock_titan, model);
    family_bedrock_titan.embed->path(&c.call, &out);
    assert_true(str_is(buf_str(&out), "/invoke"));
    buf_clear(&out);
    assert_int_equal(
        family_bedrock_titan.embed->encode(c.arena, &r, &c.call, &out, &c.dropped, &c.err), OK);
    buf_add_char(&out, '\0');
    assert_string_equal(out.p, expected);
    assert_string_equal(family_case_dropped(&c), "user");
    buf_free(&out);
    family_case_close(&c);
}

static void texts(void **state)
{
    struct embed_input url = {.text = STR("data:image/png;base64,AAAA")};

    (void)state;
    check_encodes("amazon--titan-embed-text", (struct embed_input){.text = STR("a\"b")}, -1,
                  "{\"inputText\":\"a\\\"b\"}");
    check_encodes("amazon--titan-embed-text", url, 256,
                  "{\"inputText\":\"data:image/png;base64,AAAA\",\"dimensions\":256}");
}

static void images(void **state)
{
    struct embed_input url = {.text = STR("data:image/png;base64,AAAA")};
    struct embed_input both = {.text = STR("a"), .image = STR("AAAA")};

    (void)state;
    check_encodes("amazon--titan-embed-image", url, 384,
                  "{\"inputImage\":\"AAAA\",\"embeddingConfig\":{\"outputEmbeddingLength\":384}}");
    check_encodes("amazon--titan-embed-image", both, -1,
                  "{\"inputText\":\"a\",\"inputImage\":\"AAAA\"}");
    check_encodes("amazon--titan-embed-image", (struct embed_input){.text = STR("data:x")}, -1,
                  "{\"inputText\":\"data:x\"}");
}

static void check_refuses(const char *model, struct embed_input input)
{
    struct family_case c;
    struct embed_request r = {.inputs = &input, .count = 1, .dimensions = -1};
    struct buf out = {0};

    family_case_open(&c, &family_bedrock_titan, model);
    assert_int_equal(
        family_bedrock_titan.embed->encode(c.arena, &r, &c.call, &out, &c.dropped, &c.err),
        E_SYNTAX);
    assert_int_equal(c.err.kind, CHAT_ERROR_UNSUPPORTED);
    assert_true(str_is(c.err.param, "input"));
    buf_free(&out);
    family_case_close(&c);
}

static void what_it_does_not_take(void **state)
{
    (void)state;
    check_refuses("amazon--titan-embed-text", (struct embed_input){.tokens = STR("[1]")});
    check_refuses("amazon--titan-embed-text", (struct embed_input){.image = STR("AAAA")});
    check_refuses("amazon--titan-embed-image", (struct embed_input){.tokens = STR("[1]")});
}

static void answers(void **state)
{
    static const char *const broken[] = {"{}", "[]", "{\"embedding\":\"x\"}",
                                         "{\"embedding\":null,\"message\":\"no\"}", "<html>"};
    struct family_case c;
    struct embed_input one = {.text = STR("a")};
    struct embed_request r = {.inputs = &one, .count = 1, .dimensions = -1};
    struct embed_answer answer = {0};
    const struct family_embed *embed = family_bedrock_titan.embed;

    (void)state;
    family_case_open(&c, &family_bedrock_titan, "amazon--titan-embed-text");
    assert_int_equal(embed->decode(c.arena, &r,
                                   STR("{\"embedding\":[0.10,2],\"inputTextTokenCount\":3,"
                                       "\"embeddingsByType\":{\"float\":[0.10,2]}}"),
                                   &answer),
                     OK);
    assert_true(str_is(answer.vectors->numbers, "[0.10,2]"));
    assert_null(answer.vectors->next);
    assert_int_equal(answer.tokens, 3);
    for (size_t i = 0; i < sizeof broken / sizeof *broken; i++)
        assert_int_equal(embed->decode(c.arena, &r, str_from(broken[i]), &answer), E_SYNTAX);
    assert_int_equal(embed->batch(&c.model), 1);
    assert_ptr_equal(family_pick(STR("aws-bedrock"), STR("amazon--titan-embed-text"), STR_NONE),
                     &family_bedrock_titan);
    family_case_close(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts),
        cmocka_unit_test(images),
        cmocka_unit_test(what_it_does_not_take),
        cmocka_unit_test(answers),
    };

    return cmocka_run_group_tests_name("bedrock_titan", tests, NULL, NULL);
}

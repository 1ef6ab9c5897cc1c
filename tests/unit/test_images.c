/* Images for models that see none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "family/images.h"

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

static struct family_model model_of(const char *name)
{
    struct family_model model;

    model_describe(str_from(name), &model);
    return model;
}

static void models_that_see_none(void **state)
{
    static const char *const blind[] = {"gpt-35-turbo",       "gpt-4",  "gpt-4-32k", "o1-mini",
                                        "amazon--nova-micro", "o3-mini"};
    static const char *const seeing[] = {"gpt-4o-mini", "gpt-4.1", "o1",
                                         "o3",          "o4-mini", "amazon--nova-lite"};

    (void)state;
    for (size_t i = 0; i < sizeof blind / sizeof *blind; i++)
        assert_true(model_of(blind[i]).traits & MODEL_NO_IMAGES);
    for (size_t i = 0; i < sizeof seeing / sizeof *seeing; i++)
        assert_false(model_of(seeing[i]).traits & MODEL_NO_IMAGES);
}

/* NULL: it may pass. */
static void expect(status s, const struct chat_error *err, const char *param)
{
    assert_int_equal(s, param ? E_SYNTAX : OK);
    if (!param)
        return;
    assert_int_equal(err->kind, CHAT_ERROR_UNSUPPORTED);
    assert_string_equal(arena_cstr(arena, err->param), param);
    assert_true(str_starts(err->message, param));
}

static void translated_requests(void **state)
{
    struct family_model blind = model_of("o3-mini"), seeing = model_of("gpt-5");
    struct chat_part image = {.kind = CHAT_IMAGE}, text = {.kind = CHAT_TEXT};
    struct chat_part result = {.kind = CHAT_TOOL_RESULT, .content = &text};
    struct chat_message user = {.role = CHAT_USER, .parts = &result},
                        system = {.role = CHAT_SYSTEM, .parts = &text, .next = &user};
    struct chat_request request = {.messages = &system};
    struct chat_error err = {0};

    (void)state;
    expect(images_check(arena, &request, &blind, &err), &err, NULL);
    text.next = &image; /* also in a tool's result, but not of the system message */
    system.parts = NULL;
    expect(images_check(arena, &request, &blind, &err), &err, "messages[1].content");
    expect(images_check(arena, &request, &seeing, &err), &err, NULL);
    request.system_apart = true;
    expect(images_check(arena, &request, &blind, &err), &err, "messages[0].content");
}

static void check_body(enum chat_wire wire, const char *body, const char *param)
{
    struct family_model blind = model_of("o3-mini");
    struct chat_error err = {0};
    struct jspan *tree;

    assert_int_equal(jspan_parse(arena, str_from(body), &tree, NULL), OK);
    expect(images_check_body(arena, tree, wire, &blind, &err), &err, param);
    blind.traits = 0;
    expect(images_check_body(arena, tree, wire, &blind, &err), &err, NULL);
}

static void lanes(void **state)
{
    (void)state;
    check_body(WIRE_OPENAI_CHAT, "{\"messages\":[{\"content\":\"image_url\"},7,{}]}", NULL);
    check_body(WIRE_OPENAI_CHAT,
               "{\"messages\":[{\"content\":\"a\"},{\"content\":[{\"type\":\"text\"},"
               "{\"type\":\"image_url\",\"image_url\":{}}]}]}",
               "messages[1].content");
    check_body(WIRE_OPENAI_RESPONSES, "{\"input\":\"hi\"}", NULL);
    check_body(WIRE_OPENAI_RESPONSES,
               "{\"input\":[{\"content\":[{\"type\":\"input_text\"},{\"type\":\"input_image\"}]}]}",
               "input[0].content");
    check_body(WIRE_OPENAI_RESPONSES,
               "{\"input\":[{\"content\":[]},{\"output\":[{\"type\":\"input_image\"}]}]}",
               "input[1].output");
    check_body(WIRE_ANTHROPIC_MESSAGES, "{\"messages\":[{\"content\":[{\"type\":\"image\"}]}]}",
               NULL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(models_that_see_none),
        TEST(translated_requests),
        TEST(lanes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

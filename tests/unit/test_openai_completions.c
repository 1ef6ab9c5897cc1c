/* The older completions API: what a chat cannot show in a golden case. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "dialect_case.h"

#define HEAD                                                                                       \
    "{\"id\":\"cmpl-abc1\",\"object\":\"text_completion\",\"created\":1700000000,\"model\":\"m\"," \
    "\"choices\":["
#define PROBS                                                                                      \
    "[{\"token\":\"h\xc3\xa4\",\"logprob\":-0.5,\"bytes\":null,\"top_logprobs\":["                 \
    "{\"token\":\"h\xc3\xa4\",\"logprob\":-0.5},{\"token\":\"\\\"\",\"logprob\":-2}]},"            \
    "{\"token\":\"l\",\"logprob\":-1e-2}]"

static int set_up(void **state)
{
    static struct dialect_case c;

    dialect_case_begin(&c, &dialect_openai_completions);
    *state = &c;
    return 0;
}

static int tear_down(void **state)
{
    dialect_case_end(*state);
    return 0;
}

static void push_probable_text(struct dialect_case *c)
{
    struct chat_event delta = {.kind = CHAT_EVENT_DELTA,
                               .block = CHAT_BLOCK_TEXT,
                               .text = STR("h\xc3\xa4l"),
                               .logprobs = STR(PROBS)};

    dialect_case_start(c);
    dialect_case_open(c, 0, CHAT_BLOCK_TEXT);
    dialect_case_push(c, &delta);
    dialect_case_push(c, &delta);
    dialect_case_close(c, 0, CHAT_BLOCK_TEXT);
    dialect_case_stop(c, CHAT_STOP_END);
}

/* Offsets count characters, and go on from chunk to chunk. */
static void streams_probabilities(void **state)
{
    struct dialect_case *c = *state;

    assert_int_equal(dialect_case_decode(c, "{'model':'m','prompt':'p','logprobs':2}"), OK);
    assert_int_equal(c->request.logprobs, 1);
    assert_int_equal(c->request.top_logprobs, 2);
    dialect_case_stream(c);
    push_probable_text(c);
    assert_str(buf_str(&c->out),
               "data: " HEAD "{\"text\":\"h\xc3\xa4l\",\"index\":0,\"logprobs\":{\"tokens\":["
               "\"h\xc3\xa4\",\"l\"],\"token_logprobs\":[-0.5,-1e-2],\"top_logprobs\":[{"
               "\"h\xc3\xa4\":-0.5,\"\\\"\":-2},{}],\"text_offset\":[0,2]},"
               "\"finish_reason\":null}]}\n\n"
               "data: " HEAD "{\"text\":\"h\xc3\xa4l\",\"index\":0,\"logprobs\":{\"tokens\":["
               "\"h\xc3\xa4\",\"l\"],\"token_logprobs\":[-0.5,-1e-2],\"top_logprobs\":[{"
               "\"h\xc3\xa4\":-0.5,\"\\\"\":-2},{}],\"text_offset\":[3,5]},"
               "\"finish_reason\":null}]}\n\n"
               "data: " HEAD "{\"text\":\"\",\"index\":0,\"logprobs\":null,"
               "\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n");
}

static void renders_probabilities(void **state)
{
    struct dialect_case *c = *state;

    assert_int_equal(dialect_case_decode(c, "{'model':'m','prompt':'p','logprobs':0}"), OK);
    dialect_case_whole(c);
    push_probable_text(c);
    dialect_case_rendered(
        c, HEAD "{\"text\":\"h\xc3\xa4lh\xc3\xa4l\",\"index\":0,\"logprobs\":{\"tokens\":["
                "\"h\xc3\xa4\",\"l\",\"h\xc3\xa4\",\"l\"],\"token_logprobs\":[-0.5,-1e-2,-0.5,"
                "-1e-2],\"top_logprobs\":[{\"h\xc3\xa4\":-0.5,\"\\\"\":-2},{},{\"h\xc3\xa4\":-0.5,"
                "\"\\\"\":-2},{}],\"text_offset\":[0,2,3,5]},\"finish_reason\":\"stop\"}]}");
}

/* Thinking is no part of the text that was asked for. */
static void shows_no_thinking(void **state)
{
    struct dialect_case *c = *state;

    assert_int_equal(dialect_case_decode(c, "{'model':'m','prompt':'p','echo':true}"), OK);
    dialect_case_whole(c);
    dialect_case_start(c);
    dialect_case_block(c, 0, CHAT_BLOCK_THINKING, "Hm");
    dialect_case_block(c, 1, CHAT_BLOCK_TEXT, "so");
    dialect_case_stop(c, CHAT_STOP_LENGTH);
    dialect_case_rendered(c, HEAD "{\"text\":\"pso\",\"index\":0,\"logprobs\":null,"
                                  "\"finish_reason\":\"length\"}]}");
}

static void refuses_what_a_chat_cannot_do(void **state)
{
    struct dialect_case *c = *state;

    dialect_case_refuse(c, "{'prompt':''}", "prompt", CHAT_ERROR_INVALID);
    dialect_case_refuse(c, "{'prompt':[]}", "prompt", CHAT_ERROR_INVALID);
    dialect_case_refuse(c, "{'prompt':[['a']]}", "prompt", CHAT_ERROR_INVALID);
    dialect_case_refuse(c, "{'prompt':{}}", "prompt", CHAT_ERROR_INVALID);
    dialect_case_refuse(c, "{'prompt':'a','logprobs':6}", "logprobs", CHAT_ERROR_INVALID);
    dialect_case_refuse(c, "{'prompt':'a','echo':true,'logprobs':1}", "logprobs",
                        CHAT_ERROR_INVALID);
    dialect_case_refuse(c, "{'prompt':'a','n':2,'best_of':3}", "best_of", CHAT_ERROR_INVALID);
    dialect_case_refuse(c, "{'prompt':'a','temperature':'hot'}", "temperature", CHAT_ERROR_INVALID);
    assert_int_equal(dialect_case_decode(c, "{'prompt':'a','suffix':'','tools':[{}]}"), OK);
    dialect_case_dropped(c, "tools");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(streams_probabilities),
        TEST(renders_probabilities),
        TEST(shows_no_thinking),
        TEST(refuses_what_a_chat_cannot_do),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

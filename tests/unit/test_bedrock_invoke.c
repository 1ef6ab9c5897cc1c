/* Claude on Bedrock: bodies on their way up, requests of other dialects, answers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "event_print.h"
#include "family/family.h"

#define PLAIN    (MODEL_THINKING | MODEL_CACHE_TTL)
#define ADAPTIVE (PLAIN | MODEL_ADAPTIVE | MODEL_FORMAT_NATIVE)
#define NEWEST                                                                                     \
    (MODEL_THINKING | MODEL_ADAPTIVE | MODEL_ADAPTIVE_ONLY | MODEL_NO_SAMPLING | MODEL_NO_PREFILL)
#define VERSION ",\"anthropic_version\":\"bedrock-2023-05-31\""
#define USER    "{\"role\":\"user\",\"content\":\"hi\"}"

/* An instruction that stays amid the messages. */
#define TOLD(text, more) "{\"type\":\"text\",\"text\":\"<system>\\n" text "\\n</system>\"" more "}"

/* --- prepare --------------------------------------------------------------------------------- */

struct prepare_case {
    unsigned traits;
    const char *betas;
    const char *body, *expected; /* `expected` NULL: refused.. */
    const char *told;            /* ..naming this field; else what is declared as dropped */
};

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

static void check_text(struct str actual, const char *expected)
{
    char *copy = arena_cstr(arena, actual);
    assert_string_equal(copy, expected);
}

static void check_prepare(const struct prepare_case *c, const struct family_model *model)
{
    struct family_call call = {
        .model = model, .lane = true, .betas = str_from(c->betas ? c->betas : "")};
    struct dropped dropped = {.arena = arena};
    struct chat_error err = {0};
    struct jspan *body;
    struct buf out = {0};

    assert_int_equal(jspan_parse(arena, str_from(c->body), &body, NULL), OK);
    status s = family_bedrock_invoke.prepare(arena, body, &call, &dropped, &err);
    if (!c->expected) {
        assert_int_equal(s, E_SYNTAX);
        assert_int_equal(err.http_status, 400);
        check_text(err.param, c->told);
        return;
    }
    assert_int_equal(s, OK);
    jspan_render(body, &out);
    check_text(buf_str(&out), c->expected);
    check_text(dropped_text(&dropped), c->told ? c->told : "");
    buf_free(&out);
}

static void check_all(const struct prepare_case *cases, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct family_model model = {.name = STR("anthropic--claude"), .traits = cases[i].traits};
        check_prepare(&cases[i], &model);
    }
}

#define CHECK_ALL(cases) check_all(cases, sizeof cases / sizeof *cases)

/* What no row and no step names: large numbers, escapes, white space, members yet to be invented.
 */
#define UNTOUCHED                                                                                  \
    "\"max_tokens\" : 5e1, \"anthropic_version\":\"bedrock-2023-05-31\",\n\"messages\":[ "         \
    "{\"role\":\"assistant\", \"content\":[{\"type\":\"tool_use\",\"input\":{\"n\":"               \
    "12345678901234567890.10, \"z\":\"\\u0000\\ud83d \\/\", \"cache_control\":{\"scope\":1}, "     \
    "\"later\" : [ ]},\"name\":\"f\", \"caller\":{\"x\":null}}] } ]"

static void leaves_the_rest_byte_for_byte(void **state)
{
    static const struct prepare_case cases[] = {
        {PLAIN, NULL, "{ " UNTOUCHED ",\"tools\":[ {\"name\":\"f\"} ] }",
         "{ " UNTOUCHED ",\"tools\":[ {\"name\":\"f\"} ] }", NULL},
        {PLAIN, NULL,
         "{\"tools\":[ {\"name\":\"f\", \"input_schema\": {\"$schema\":\"x\",\"strict\":{}}} ],"
         "\"temperature\":1.0000000000000000001,\"thinking\":{ \"type\":\"disabled\" },"
         "\"max_tokens\":1,\"messages\":[ {\"role\":\"user\", \"content\":\"\\u00e9\\u0000\"} ],"
         "\"model\":\"m\"}",
         "{\"tools\":[ {\"name\":\"f\", \"input_schema\": {\"$schema\":\"x\",\"strict\":{}}} ],"
         "\"temperature\":1.0000000000000000001,\"thinking\":{ \"type\":\"disabled\" },"
         "\"max_tokens\":1,\"messages\":[ {\"role\":\"user\", \"content\":\"\\u00e9\\u0000\"} "
         "]" VERSION "}",
         NULL},
    };

    (void)state;
    CHECK_ALL(cases);
}

static void applies_the_rows(void **state)
{
    static const struct prepare_case cases[] = {
        {PLAIN, NULL,
         "{\"model\":\"m\",\"stream\":true,\"max_tokens\":9,\"messages\":[" USER "],"
         "\"context_management\":{\"edits\":[]},\"container\":\"x\","
         "\"metadata\":{\"user_id\":\"u\",\"y\":1},\"output_config\":{\"effort\":\"high\"}}",
         "{\"max_tokens\":9,\"messages\":[" USER "],\"metadata\":{\"user_id\":\"u\"}" VERSION "}",
         "context_management, output_config.effort, metadata.y, container"},
        {ADAPTIVE, NULL,
         "{\"max_tokens\":9,\"messages\":[" USER "],\"anthropic_version\":\"vertex-2023-10-16\","
         "\"output_config\":{\"effort\":\"high\",\"format\":{\"type\":\"json_schema\"},\"x\":1}}",
         "{\"max_tokens\":9,\"messages\":[" USER "],\"anthropic_version\":\"bedrock-2023-05-31\","
         "\"output_config\":{\"effort\":\"high\",\"format\":{\"type\":\"json_schema\"}}}",
         "output_config.x"},
        {NEWEST, NULL,
         "{\"max_tokens\":9,\"messages\":[" USER "],\"temperature\":1,\"top_p\":0.9,\"top_k\":3}",
         "{\"max_tokens\":9,\"messages\":[" USER "]" VERSION "}", "temperature, top_p, top_k"},
        {PLAIN | MODEL_ONE_SAMPLING, NULL,
         "{\"max_tokens\":9,\"messages\":[" USER "],\"temperature\":0.5,\"top_p\":0.9}",
         "{\"max_tokens\":9,\"messages\":[" USER "],\"temperature\":0.5" VERSION "}", "top_p"},
        {PLAIN, NULL, "{\"messages\":[" USER "]}",
         "{\"messages\":[" USER "],\"max_tokens\":4096" VERSION "}", NULL},
        {PLAIN, NULL,
         "{\"max_tokens\":9,\"messages\":[" USER "],\"tools\":[{\"type\":\"custom\",\"name\":\"a\","
         "\"description\":\"d\",\"input_schema\":{\"type\":\"object\"},\"defer_loading\":true,"
         "\"eager_input_streaming\":true,\"cache_control\":{\"type\":\"ephemeral\",\"scope\":"
         "\"global\"}}]}",
         "{\"max_tokens\":9,\"messages\":[" USER "],\"tools\":[{\"type\":\"custom\",\"name\":\"a\","
         "\"description\":\"d\",\"input_schema\":{\"type\":\"object\"},"
         "\"cache_control\":{\"type\":\"ephemeral\"}}]" VERSION "}",
         "tools.defer_loading, tools.eager_input_streaming"},
    };

    (void)state;
    CHECK_ALL(cases);
}

static void knows_the_models_limit(void **state)
{
    struct family_model model = {.name = STR("m"), .traits = PLAIN, .max_output = 8192};
    struct prepare_case absent = {.body = "{\"messages\":[" USER "]}",
                                  .expected =
                                      "{\"messages\":[" USER "],\"max_tokens\":8192" VERSION "}"};
    struct prepare_case above = {.body = "{\"messages\":[" USER "],\"max_tokens\":32000}",
                                 .expected =
                                     "{\"messages\":[" USER "],\"max_tokens\":8192" VERSION "}",
                                 .told = "max_tokens"};

    (void)state;
    check_prepare(&absent, &model);
    check_prepare(&above, &model);
}

static void fits_efforts(void **state)
{
    static const struct {
        const char *model, *asked, *sent;
    } cases[] = {
        {"anthropic--claude-4.6-opus", "xhigh", "high"},
        {"anthropic--claude-4.6-opus", "max", "max"},
        {"anthropic--claude-4.6-sonnet", "minimal", "low"},
        {"anthropic--claude-4.7-opus", "xhigh", "xhigh"},
        {"anthropic--claude-4.8-opus", "none", "low"},
        {"anthropic--claude-4.8-opus", "hefty", "hefty"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct family_model model;
        bool same = strcmp(cases[i].asked, cases[i].sent) == 0;
        model_describe(str_from(cases[i].model), &model);
#define BODY_WITH_EFFORT                                                                           \
    "{\"max_tokens\":9,\"messages\":[" USER "],\"output_config\":{\"effort\":\"%s\"}"
        struct str asked = arena_printf(arena, BODY_WITH_EFFORT "}", cases[i].asked);
        struct str sent = arena_printf(arena, BODY_WITH_EFFORT VERSION "}", cases[i].sent);
        struct prepare_case one = {
            .body = asked.p, .expected = sent.p, .told = same ? NULL : "output_config.effort"};
        check_prepare(&one, &model);
    }
}

static void maps_beta_flags(void **state)
{
    static const struct prepare_case cases[] = {
        {PLAIN,
         "claude-code-20250219, context-management-2025-06-27,fast-mode-2026-02-01,"
         "advanced-tool-use-2025-11-20,prompt-caching-scope-2026-01-05,claude-code-20250219",
         "{\"max_tokens\":9,\"messages\":[" USER "],\"anthropic_beta\":[\"new-\\\"2027\"]}",
         "{\"max_tokens\":9,\"messages\":[" USER "]" VERSION
         ",\"anthropic_beta\":[\"claude-code-20250219\",\"tool-search-tool-2025-10-19\","
         "\"new-\\\"2027\"]}",
         "anthropic-beta:fast-mode-2026-02-01"},
        {PLAIN, "prompt-caching-2024-07-31", "{\"max_tokens\":9,\"messages\":[" USER "]}",
         "{\"max_tokens\":9,\"messages\":[" USER "]" VERSION "}", NULL},
    };

    (void)state;
    CHECK_ALL(cases);
}

static void mends_messages(void **state)
{
    static const struct prepare_case cases[] = {
        /* role system, behind the system prompt that is there */
        {PLAIN, NULL,
         "{\"max_tokens\":9,\"system\":\"a\",\"messages\":[{\"role\":\"system\",\"content\":"
         "\"b\\n\"}," USER
         ",{\"role\":\"system\",\"content\":[{\"type\":\"text\",\"text\":\"c\"}]}]}",
         "{\"max_tokens\":9,\"system\":[{\"type\":\"text\",\"text\":\"a\"},{\"type\":\"text\","
         "\"text\":\"b\\n\"}],\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"text\","
         "\"text\":\"hi\"}," TOLD("c", "") "]}]" VERSION "}",
         NULL},
        /* empty text; an empty assistant message at the end */
        {PLAIN, NULL,
         "{\"max_tokens\":9,\"system\":[{\"type\":\"text\",\"text\":\"\"}],\"messages\":[{\"role\":"
         "\"user\",\"content\":[{\"type\":\"text\",\"text\":\" \\n\"},{\"type\":\"text\",\"text\":"
         "\"x\"}]},{\"role\":\"assistant\",\"content\":\"\"}]}",
         "{\"max_tokens\":9,\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"text\","
         "\"text\":\"x\"}]}]" VERSION "}",
         NULL},
        {PLAIN, NULL,
         "{\"max_tokens\":9,\"messages\":[" USER ",{\"role\":\"assistant\",\"content\":[{\"type\":"
         "\"text\",\"text\":\"\"}]}," USER "]}",
         NULL, "messages[1]"},
        {PLAIN, NULL, "{\"messages\":[{\"role\":\"user\",\"content\":\"\"}]}", NULL, "messages[0]"},
        /* neighbours of one role; results first */
        {PLAIN, NULL,
         "{\"max_tokens\":9,\"tools\":[{\"name\":\"f\"}],\"messages\":[" USER ",{\"role\":\"user\","
         "\"content\":[{\"type\":\"tool_result\",\"tool_use_id\":\"1\",\"content\":[{\"type\":"
         "\"text\",\"text\":\"r\"}]}]}]}",
         "{\"max_tokens\":9,\"tools\":[{\"name\":\"f\"}],\"messages\":[{\"role\":\"user\","
         "\"content\":[{\"type\":\"tool_result\",\"tool_use_id\":\"1\",\"content\":[{\"type\":"
         "\"text\",\"text\":\"r\"}]},{\"type\":\"text\",\"text\":\"hi\"}]}]" VERSION "}",
         NULL},
        /* what a result may hold */
        {PLAIN, NULL,
         "{\"max_tokens\":9,\"tools\":[{\"name\":\"f\"}],\"messages\":[{\"role\":\"user\","
         "\"content\":[{\"type\":\"tool_result\",\"content\":\"a\\u0000\"},{\"type\":\"tool_"
         "result\","
         "\"content\":\"\"},{\"type\":\"tool_result\",\"content\":[]},{\"type\":\"tool_result\","
         "\"content\":{\"a\":1}},{\"type\":\"tool_result\",\"content\":[{\"type\":\"tool_"
         "reference\","
         "\"tool_name\":\"t\"},{\"type\":\"x\",\"y\":\"z\"}]}]}]}",
         "{\"max_tokens\":9,\"tools\":[{\"name\":\"f\"}],\"messages\":[{\"role\":\"user\","
         "\"content\":[{\"type\":\"tool_result\",\"content\":[{\"type\":\"text\",\"text\":"
         "\"a\\u0000\"}]},{\"type\":\"tool_result\",\"content\":[{\"type\":\"text\",\"text\":"
         "\"(no output)\"}]},{\"type\":\"tool_result\",\"content\":[{\"type\":\"text\",\"text\":"
         "\"(no output)\"}]},{\"type\":\"tool_result\",\"content\":[{\"type\":\"text\",\"text\":"
         "\"{\\\"a\\\":1}\"}]},{\"type\":\"tool_result\",\"content\":[{\"type\":\"text\",\"text\":"
         "\"[tool_reference] tool_name=t\"},{\"type\":\"text\",\"text\":"
         "\"{\\\"type\\\":\\\"x\\\",\\\"y\\\":\\\"z\\\"}\"}]}]}]" VERSION "}",
         NULL},
        /* addresses */
        {PLAIN, NULL,
         "{\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"x\"},"
         "{\"type\":\"image\",\"source\":{\"type\":\"url\",\"url\":\"https://example.com\"}}]}]}",
         NULL, "messages[0].content[1].source"},
        {PLAIN, NULL,
         "{\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"tool_result\",\"content\":["
         "{\"type\":\"document\",\"source\":{\"type\":\"file\"}}]}]}]}",
         NULL, "messages[0].content[0].content[0].source"},
        /* prefill */
        {NEWEST, NULL, "{\"messages\":[" USER ",{\"role\":\"assistant\",\"content\":\"{\"}]}", NULL,
         "messages[1]"},
        {PLAIN, NULL,
         "{\"max_tokens\":9,\"messages\":[" USER ",{\"role\":\"assistant\",\"content\":\"{\"}]}",
         "{\"max_tokens\":9,\"messages\":[" USER
         ",{\"role\":\"assistant\",\"content\":\"{\"}]" VERSION "}",
         NULL},
    };

    (void)state;
    CHECK_ALL(cases);
}

static void mends_tools(void **state)
{
    static const struct prepare_case cases[] = {
        {PLAIN, NULL,
         "{\"max_tokens\":9,\"messages\":[" USER "],\"tools\":[{\"type\":\"web_search_20250305\","
         "\"name\":\"web_search\"},{\"name\":\"f\"}],\"tool_choice\":{\"type\":\"tool\",\"name\":"
         "\"web_search\",\"disable_parallel_tool_use\":true}}",
         "{\"max_tokens\":9,\"messages\":[" USER "],\"tools\":[{\"name\":\"f\"}],\"tool_choice\":"
         "{\"type\":\"auto\",\"disable_parallel_tool_use\":true}" VERSION "}",
         "tools.web_search_20250305, tool_choice"},
        {PLAIN, NULL,
         "{\"max_tokens\":9,\"messages\":[" USER "],\"tools\":[{\"type\":\"bash_20241022\","
         "\"name\":\"bash\"}],\"tool_choice\":{\"type\":\"any\"}}",
         "{\"max_tokens\":9,\"messages\":[" USER "]" VERSION "}", "tools.bash_20241022"},
        {PLAIN, NULL,
         "{\"max_tokens\":9,\"messages\":[{\"role\":\"assistant\",\"content\":[{\"type\":"
         "\"tool_use\",\"name\":\"f\"},{\"type\":\"tool_use\",\"name\":\"g\"},{\"type\":"
         "\"tool_use\",\"name\":\"f\"}]}]}",
         "{\"max_tokens\":9,\"messages\":[{\"role\":\"assistant\",\"content\":[{\"type\":"
         "\"tool_use\",\"name\":\"f\"},{\"type\":\"tool_use\",\"name\":\"g\"},{\"type\":"
         "\"tool_use\",\"name\":\"f\"}]}],\"tools\":[{\"name\":\"f\",\"input_schema\":{\"type\":"
         "\"object\"}},{\"name\":\"g\",\"input_schema\":{\"type\":\"object\"}}],\"tool_choice\":"
         "{\"type\":\"none\"}" VERSION "}",
         NULL},
    };

    (void)state;
    CHECK_ALL(cases);
}

#define CACHED(text, ttl)                                                                          \
    "{\"type\":\"text\",\"text\":\"" text "\",\"cache_control\":{\"type\":\"ephemeral\"" ttl "}}"

static void mends_caching(void **state)
{
    static const struct prepare_case cases[] = {
        /* at the top level */
        {PLAIN, NULL,
         "{\"max_tokens\":9,\"cache_control\":{\"type\":\"ephemeral\",\"scope\":\"x\"},"
         "\"messages\":[" USER "]}",
         "{\"max_tokens\":9,\"messages\":[{\"role\":\"user\",\"content\":[" CACHED(
             "hi", "") "]}]" VERSION "}",
         NULL},
        /* scope goes, the breakpoint stays */
        {PLAIN, NULL,
         "{\"max_tokens\":9,\"system\":[" CACHED(
             "s", ",\"scope\":\"x\",\"ttl\":\"1h\"") "],"
                                                     "\"messages\":[{\"role\":\"user\",\"content\":"
                                                     "[" CACHED("u", ",\"scope\":\"x\"") "]}]}",
         "{\"max_tokens\":9,\"system\":[" CACHED(
             "s", ",\"ttl\":\"1h\"") "],\"messages\":[{\"role\":"
                                     "\"user\",\"content\":[" CACHED("u", "") "]}]" VERSION "}",
         NULL},
        /* ttl, where the model has it not */
        {MODEL_THINKING, NULL,
         "{\"max_tokens\":9,\"messages\":[{\"role\":\"user\",\"content\":[" CACHED(
             "u", ",\"ttl\":\"1h\"") "," CACHED("v", ",\"ttl\":\"5m\"") "]}]}",
         "{\"max_tokens\":9,\"messages\":[{\"role\":\"user\",\"content\":[" CACHED(
             "u", "") "," CACHED("v", "") "]}]" VERSION "}",
         "cache_control.ttl"},
        /* an hour behind five minutes */
        {PLAIN, NULL,
         "{\"max_tokens\":9,\"system\":[" CACHED("s", ",\"ttl\":\"1h\"") "," CACHED(
             "t", "") "],\"messages\":[{"
                      "\"role\":\"user\",\"content\":[" CACHED("u", ",\"ttl\":\"1h\"") "]}]}",
         "{\"max_tokens\":9,\"system\":[" CACHED("s", ",\"ttl\":\"1h\"") "," CACHED(
             "t", "") "],\"messages\":[{"
                      "\"role\":\"user\",\"content\":[" CACHED("u", "") "]}]" VERSION "}",
         "cache_control.ttl"},
        /* four, and the earliest of the messages go */
        {PLAIN, NULL,
         "{\"max_tokens\":9,\"system\":[" CACHED("a", "") "," CACHED(
             "b", "") "],\"messages\":[{"
                      "\"role\":\"user\",\"content\":[" CACHED("c", "") "," CACHED(
                          "d", "") "," CACHED("e", "") "]}]}",
         "{\"max_tokens\":9,\"system\":[" CACHED("a", "") "," CACHED(
             "b", "") "],\"messages\":[{"
                      "\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"c\"}," CACHED(
                          "d", "") "," CACHED("e", "") "]}]" VERSION "}",
         "cache_control"},
    };
    struct family_model operator_1h = {.name = STR("m"), .traits = PLAIN, .cache_ttl = STR("1h")};
    struct prepare_case wish = {
        .body = "{\"max_tokens\":9,\"messages\":[{\"role\":\"user\",\"content\":[" CACHED(
            "u", "") "," CACHED("v", ",\"ttl\":\"5m\"") "," CACHED("w", "") "]}]}",
        .expected = "{\"max_tokens\":9,\"messages\":[{\"role\":\"user\",\"content\":[" CACHED(
            "u", ",\"ttl\":\"1h\"") "," CACHED("v", ",\"ttl\":\"5m\"") "," CACHED("w",
                                                                                  "") "]}]" VERSION
                                                                                      "}"};

    (void)state;
    CHECK_ALL(cases);
    check_prepare(&wish, &operator_1h);
}

/* --- instructions amid the messages ----------------------------------------------------------- */

#define SYSTEM(text) "{\"role\":\"system\",\"content\":\"" text "\"}"
#define CALLS(id)    "{\"role\":\"assistant\",\"content\":[" CALL(id) "]}"
#define CALL(id)     "{\"type\":\"tool_use\",\"id\":\"" id "\",\"name\":\"f\",\"input\":{ }}"
#define RESULT(id)   "{\"type\":\"tool_result\",\"tool_use_id\":\"" id "\",\"content\":[]}"
#define RESULT_SENT(id)                                                                            \
    "{\"type\":\"tool_result\",\"tool_use_id\":\"" id "\",\"content\":[{\"type\":\"text\","        \
    "\"text\":\"(no output)\"}]}"
#define SAYS(role, block) "{\"role\":\"" role "\",\"content\":[" block "]}"
#define REPLY             "{\"role\":\"assistant\",\"content\":\"so\"}"
#define BODY(messages)                                                                             \
    "{\"max_tokens\":9,\"tools\":[{\"name\":\"f\",\"input_schema\":{}}],\"messages\":[" messages "]"

static void late_instructions_stay_in_their_place(void **state)
{
    static const struct prepare_case cases[] = {
        /* behind the results, wherever they were said; what they are written with stays */
        {PLAIN, NULL,
         BODY(CALLS("1") "," SYSTEM("a\\u0000\\ud83d \\/") "," SAYS(
             "user",
             RESULT("1")) ","
                          "{\"role\":\"system\",\"content\":[{\"type\":\"text\",\"text\":\"b\","
                          "\"cache_control\":{ "
                          "\"type\":\"ephemeral\"}},{\"type\":\"text\",\"text\":\" \"}]}") "}",
         BODY(CALLS("1") "," SAYS(
             "user", RESULT_SENT("1") "," TOLD("a\\u0000\\ud83d \\/", "") "," TOLD(
                         "b", ",\"cache_control\":{ \"type\":\"ephemeral\"}"))) VERSION "}",
         NULL},
        /* a turn of their own between answers; at the end they are no prefill */
        {PLAIN | MODEL_NO_PREFILL, NULL,
         BODY(USER "," REPLY "," SYSTEM("a") "," SYSTEM("b") "," REPLY "," SYSTEM("c")) "}",
         BODY(USER "," REPLY "," SAYS(
             "user", TOLD("a", "") "," TOLD(
                         "b", "")) "," REPLY
                                   ",{\"role\":\"user\",\"content\":\"<system>\\nc\\n</system>\"}")
             VERSION "}",
         NULL},
        {PLAIN | MODEL_NO_PREFILL, NULL, BODY(SYSTEM("a") "," USER "," REPLY) "}", NULL,
         "messages[2]"},
        /* unless they would part a call from its result */
        {PLAIN, NULL,
         BODY(CALLS("1") "," SYSTEM("a") "," CALLS("2") "," SYSTEM("b") "," SAYS(
             "user", RESULT("1") "," RESULT("2"))) "}",
         "{\"max_tokens\":9,\"tools\":[{\"name\":\"f\",\"input_schema\":{}}],"
         "\"messages\":[" SAYS("assistant", CALL("1") "," CALL("2")) "," SAYS(
             "user", RESULT_SENT("1") "," RESULT_SENT("2") "," TOLD(
                         "b", "")) "],"
                                   "\"system\":[{\"type\":\"text\",\"text\":\"a\"}]" VERSION "}",
         NULL},
    };

    (void)state;
    CHECK_ALL(cases);
}

static void late_instructions_are_lifted_on_demand(void **state)
{
    struct family_model model = {
        .name = STR("anthropic--claude"), .traits = PLAIN | MODEL_NO_PREFILL, .lift_system = true};
    struct prepare_case lifted = {
        .body = BODY(USER "," REPLY "," USER "," SYSTEM("a")) "}",
        .expected = "{\"max_tokens\":9,\"tools\":[{\"name\":\"f\",\"input_schema\":{}}],"
                    "\"messages\":[" USER "," REPLY "," USER "],"
                    "\"system\":[{\"type\":\"text\",\"text\":\"a\"}]" VERSION "}"};
    struct prepare_case prefill = {.body = BODY(USER "," REPLY "," SYSTEM("a")) "}",
                                   .told = "messages[1]"};

    (void)state;
    check_prepare(&lifted, &model);
    check_prepare(&prefill, &model);
}

/* Taken for the whole conversation, its newest message would lose the rest in silence. */
static void threads_are_refused(void **state)
{
    static const struct prepare_case cases[] = {
        {.body = "{\"max_tokens\":9,\"thread\":{\"type\":\"create\"},\"messages\":[" USER "]}",
         .told = "thread"},
        {.body = "{\"max_tokens\":9,\"messages\":[" USER "]}",
         .betas = "message-threads-2026-08-12",
         .expected = "{\"max_tokens\":9,\"messages\":[" USER "]" VERSION "}"}};

    (void)state;
    check_all(cases, sizeof cases / sizeof *cases);
}

static struct str prepared(const char *text)
{
    struct family_model model = {.name = STR("anthropic--claude"), .traits = ADAPTIVE};
    struct family_call call = {.model = &model, .lane = true, .stream = true};
    struct dropped dropped = {.arena = arena};
    struct chat_error err;
    struct jspan *body;

    assert_int_equal(jspan_parse(arena, str_from(text), &body, NULL), OK);
    assert_int_equal(family_bedrock_invoke.prepare(arena, body, &call, &dropped, &err), OK);
    return jspan_text(arena, body);
}

/* Claude Code says something as system after every tool result. What upstream was sent for one
   request must be the beginning of what it is sent for the next, or no prompt cache helps. */
static void successive_turns_have_one_prefix(void **state)
{
#define CODE(text) "{\"role\":\"system\",\"content\":[{\"type\":\"text\",\"text\":\"" text "\"}]}"
#define OPENING                                                                                    \
    "{\"model\":\"m\",\"max_tokens\":32000,\"system\":[{\"type\":\"text\",\"text\":\"You code.\"," \
    "\"cache_control\":{\"type\":\"ephemeral\"}}],\"tools\":[{\"name\":\"f\",\"input_schema\":{"   \
    "\"type\":\"object\"},\"defer_loading\":true}],\"thinking\":{\"type\":\"adaptive\"},"          \
    "\"messages\":[" SAYS("user", "{\"type\":\"text\",\"text\":\"do it\"}") "," CODE("today")
#define LOOP(n)                                                                                    \
    "," SAYS("assistant",                                                                          \
             "{\"type\":\"thinking\",\"thinking\":\"hm\",\"signature\":\"c2ln\"}," CALL(           \
                 n)) "," SAYS("user", RESULT(n)) "," CODE("note " n)
    static const char *const turns[] = {OPENING "]}", OPENING LOOP("1") "]}",
                                        OPENING LOOP("1") LOOP("2") "]}",
                                        OPENING LOOP("1") LOOP("2") LOOP("3") "]}"};
    struct str before = prepared(turns[0]), end = STR("]}]" VERSION "}");

    (void)state;
    for (size_t i = 1; i < sizeof turns / sizeof *turns; i++) {
        struct str now = prepared(turns[i]);
        assert_true(str_ends(before, end.p));
        before.n -= end.n;
        assert_true(now.n > before.n + end.n);
        assert_memory_equal(now.p, before.p, before.n);
        before = now;
    }
}

#define THINK(settings, result, told)                                                              \
    {                                                                                              \
        PLAIN, NULL, "{\"messages\":[" USER "]," settings "}",                                     \
            "{\"messages\":[" USER "]" result VERSION "}", told                                    \
    }

static void mends_thinking(void **state)
{
    static const struct prepare_case cases[] = {
        THINK("\"max_tokens\":4000,\"thinking\":{\"type\":\"enabled\",\"budget_tokens\":10}",
              ",\"max_tokens\":4000,\"thinking\":{\"type\":\"enabled\",\"budget_tokens\":1024}",
              NULL),
        THINK("\"max_tokens\":4000,\"thinking\":{\"type\":\"enabled\",\"budget_tokens\":31999}",
              ",\"max_tokens\":4000,\"thinking\":{\"type\":\"enabled\",\"budget_tokens\":3999}",
              NULL),
        THINK("\"max_tokens\":1024,\"thinking\":{\"type\":\"enabled\",\"budget_tokens\":2000}",
              ",\"max_tokens\":1024", "thinking"),
        /* what Claude Code sends for a name that it does not know, to a model before 4.6 */
        THINK("\"max_tokens\":32000,\"thinking\":{\"type\":\"adaptive\",\"display\":\"omitted\"},"
              "\"output_config\":{\"effort\":\"high\"}",
              ",\"max_tokens\":32000,\"thinking\":{\"type\":\"enabled\",\"budget_tokens\":24576}",
              NULL),
        THINK("\"max_tokens\":32000,\"thinking\":{\"type\":\"adaptive\"}",
              ",\"max_tokens\":32000,\"thinking\":{\"type\":\"enabled\",\"budget_tokens\":8192}",
              NULL),
        THINK("\"max_tokens\":2000,\"thinking\":{\"type\":\"adaptive\"},\"temperature\":0.5,"
              "\"top_k\":5,\"top_p\":0.5",
              ",\"max_tokens\":2000,\"thinking\":{\"type\":\"enabled\",\"budget_tokens\":1999}",
              "temperature, top_k, top_p"),
        THINK("\"max_tokens\":4000,\"thinking\":{\"type\":\"enabled\",\"budget_tokens\":2000},"
              "\"tools\":[{\"name\":\"f\"}],\"tool_choice\":{\"type\":\"any\"},\"temperature\":0.5",
              ",\"max_tokens\":4000,\"tools\":[{\"name\":\"f\"}],\"tool_choice\":{\"type\":\"any\"}"
              ",\"temperature\":0.5",
              "thinking"),
        {NEWEST, NULL,
         "{\"max_tokens\":4000,\"messages\":[" USER "],\"thinking\":{\"type\":\"enabled\","
         "\"budget_tokens\":2000},\"temperature\":1}",
         "{\"max_tokens\":4000,\"messages\":[" USER "],\"thinking\":{\"type\":\"adaptive\"}"
         ",\"output_config\":{\"effort\":\"low\"}" VERSION "}",
         "temperature"},
        {ADAPTIVE, NULL,
         "{\"max_tokens\":4000,\"messages\":[" USER "],\"thinking\":{\"type\":\"adaptive\","
         "\"display\":\"omitted\"},\"output_config\":{\"effort\":\"max\"}}",
         "{\"max_tokens\":4000,\"messages\":[" USER "],\"thinking\":{\"type\":\"adaptive\","
         "\"display\":\"omitted\"},\"output_config\":{\"effort\":\"max\"}" VERSION "}",
         NULL},
        {0, NULL,
         "{\"max_tokens\":4000,\"messages\":[" USER "],\"thinking\":{\"type\":\"enabled\","
         "\"budget_tokens\":2000}}",
         "{\"max_tokens\":4000,\"messages\":[" USER "]" VERSION "}", "thinking"},
        /* a call that was made without thinking is gone on with: adaptive models allow that */
        {ADAPTIVE, NULL,
         "{\"max_tokens\":4000,\"tools\":[{\"name\":\"f\"}],\"messages\":[{\"role\":\"assistant\","
         "\"content\":[{\"type\":\"tool_use\",\"id\":\"1\"}]},{\"role\":\"user\",\"content\":[{"
         "\"type\":\"tool_result\",\"tool_use_id\":\"1\"}]}],\"thinking\":{\"type\":\"adaptive\"}}",
         "{\"max_tokens\":4000,\"tools\":[{\"name\":\"f\"}],\"messages\":[{\"role\":\"assistant\","
         "\"content\":[{\"type\":\"tool_use\",\"id\":\"1\"}]},{\"role\":\"user\",\"content\":[{"
         "\"type\":\"tool_result\",\"tool_use_id\":\"1\"}]}],\"thinking\":{\"type\":"
         "\"adaptive\"}" VERSION "}",
         NULL},
        {PLAIN, NULL,
         "{\"max_tokens\":4000,\"tools\":[{\"name\":\"f\"}],\"messages\":[{\"role\":\"assistant\","
         "\"content\":[{\"type\":\"tool_use\",\"id\":\"1\"}]},{\"role\":\"user\",\"content\":[{"
         "\"type\":\"tool_result\",\"tool_use_id\":\"1\"}]}],\"thinking\":{\"type\":\"enabled\","
         "\"budget_tokens\":2000}}",
         "{\"max_tokens\":4000,\"tools\":[{\"name\":\"f\"}],\"messages\":[{\"role\":\"assistant\","
         "\"content\":[{\"type\":\"tool_use\",\"id\":\"1\"}]},{\"role\":\"user\",\"content\":[{"
         "\"type\":\"tool_result\",\"tool_use_id\":\"1\"}]}]" VERSION "}",
         "thinking"},
    };

    (void)state;
    CHECK_ALL(cases);
}

/* --- encode ---------------------------------------------------------------------------------- */

#define USER_BLOCK "{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"hi\"}]}"

static struct chat_request request;
static struct chat_message **message_at;
static struct chat_part **part_at;

static int set_up_request(void **state)
{
    chat_request_init(&request);
    message_at = &request.messages;
    return set_up(state);
}

static struct chat_part *say(enum chat_role role, enum chat_part_kind kind, const char *text)
{
    struct chat_message *m = chat_add_message(arena, &message_at, role);
    part_at = &m->parts;
    struct chat_part *p = chat_add_part(arena, &part_at, kind);
    p->text = str_from(text);
    return p;
}

static struct chat_part *also(enum chat_part_kind kind, const char *text)
{
    struct chat_part *p = chat_add_part(arena, &part_at, kind);
    p->text = str_from(text);
    return p;
}

static struct chat_part *text_part(const char *text)
{
    struct chat_part *p = ARENA_NEW(arena, struct chat_part);
    p->kind = CHAT_TEXT;
    p->text = str_from(text);
    return p;
}

/* Encoded and prepared, as the exchange does it. */
static void check_encode(unsigned traits, const char *expected, const char *told)
{
    struct family_model model = {.name = STR("anthropic--claude"), .traits = traits};
    struct family_call call = {.model = &model};
    struct dropped dropped = {.arena = arena};
    struct chat_error err = {0};
    struct buf out = {0}, sent = {0};
    struct jspan *body;

    status s = family_bedrock_invoke.encode(arena, &request, &call, &out, &dropped, &err);
    if (!expected) {
        assert_int_equal(s, E_SYNTAX);
        check_text(err.param, told);
        buf_free(&out);
        return;
    }
    assert_int_equal(s, OK);
    assert_int_equal(jspan_parse(arena, buf_str(&out), &body, NULL), OK);
    assert_int_equal(family_bedrock_invoke.prepare(arena, body, &call, &dropped, &err), OK);
    jspan_render(body, &sent);
    check_text(buf_str(&sent), expected);
    check_text(dropped_text(&dropped), told ? told : "");
    buf_free(&out);
    buf_free(&sent);
}

static void encodes_everything(void **state)
{
    struct chat_tool tool = {.name = STR("get"),
                             .description = STR("d"),
                             .schema = STR("{\"n\":12345678901234567890}"),
                             .strict = 1,
                             .cache = {.set = true, .ttl = STR("1h")}};
    struct chat_stop_sequence blank = {.text = STR(" ")}, stop = {STR("END"), &blank};

    (void)state;
    request.tools = &tool;
    request.choice = CHAT_CHOICE_REQUIRED;
    request.parallel_calls = 0;
    request.max_tokens = 100;
    request.temperature = STR("1.5");
    request.seed = STR("7");
    request.user = STR("u");
    request.stops = &stop;
    say(CHAT_SYSTEM, CHAT_TEXT, "s")->cache = (struct chat_cache){.set = true, .ttl = STR("1h")};
    say(CHAT_DEVELOPER, CHAT_TEXT, "d");
    struct chat_part *image = say(CHAT_USER, CHAT_IMAGE, NULL);
    image->media_type = STR("image/jpg");
    image->data = STR("QUJD");
    struct chat_part *file = also(CHAT_DOCUMENT, NULL);
    file->media_type = STR("application/pdf");
    file->data = STR("UERG");
    file->name = STR("a.pdf");
    also(CHAT_TEXT, "");
    check_encode(
        PLAIN,
        "{\"max_tokens\":100,\"temperature\":1,\"stop_sequences\":[\"END\"],"
        "\"metadata\":{\"user_id\":\"u\"},\"system\":[" CACHED(
            "s",
            ",\"ttl\":\"1h\"") ",{\"type\":\"text\",\"text\":\"d\"}],\"tools\":[{"
                               "\"name\":\"get\",\"description\":\"d\",\"input_schema\":{\"n\":"
                               "12345678901234567890,\"type\":\"object\"},\"cache_control\":{"
                               "\"type\":\"ephemeral\",\"ttl\":\"1h\"}}],"
                               "\"tool_choice\":{\"type\":\"any\",\"disable_parallel_tool_use\":"
                               "true},"
                               "\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"image\","
                               "\"source\":{"
                               "\"type\":\"base64\",\"media_type\":\"image/"
                               "jpeg\",\"data\":\"QUJD\"}},{\"type\":"
                               "\"document\",\"source\":{\"type\":\"base64\",\"media_type\":"
                               "\"application/pdf\","
                               "\"data\":\"UERG\"},\"title\":\"a.pdf\"}]}]" VERSION "}",
        "seed, tools.strict, temperature, stop");
}

static struct chat_part *call(struct chat_part *p, const char *id, const char *arguments)
{
    p->id = str_from(id);
    p->name = STR("f");
    p->arguments = str_from(arguments);
    return p;
}

static void encodes_tool_rounds(void **state)
{
    struct chat_tool tool = {.name = STR("f")};

    (void)state;
    request.tools = &tool;
    request.max_tokens = 9;
    call(say(CHAT_ASSISTANT, CHAT_TOOL_CALL, NULL), "a.1", "{\"x\":1.0}");
    call(also(CHAT_TOOL_CALL, NULL), "b", "nonsense");
    call(also(CHAT_TOOL_CALL, NULL), "c", "");
    say(CHAT_USER, CHAT_TEXT, "wait");
    struct chat_part *result = say(CHAT_USER, CHAT_TOOL_RESULT, NULL);
    result->id = STR("b");
    result->content = text_part("rb");
    result->error = true;
    result = also(CHAT_TOOL_RESULT, NULL);
    result->id = STR("a.1");
    result->content = text_part("ra");
    result = also(CHAT_TOOL_RESULT, NULL);
    result->id = STR("lost");
    result->content = text_part("rl");
    check_encode(
        PLAIN,
        "{\"max_tokens\":9,\"tools\":[{\"name\":\"f\",\"input_schema\":{\"type\":"
        "\"object\",\"properties\":{}}}],\"messages\":[{\"role\":\"user\",\"content\":[{"
        "\"type\":\"text\",\"text\":\"Continue.\"}]},{\"role\":\"assistant\",\"content\":["
        "{\"type\":\"tool_use\",\"id\":\"a_1_e38bae35\",\"name\":\"f\",\"input\":{\"x\":1.0}"
        "},{\"type\":\"tool_use\",\"id\":\"b\",\"name\":\"f\",\"input\":{"
        "\"raw_arguments\":\"nonsense\"}},{\"type\":\"tool_use\",\"id\":\"c\",\"name\":\"f\""
        ",\"input\":{}}]},{\"role\":\"user\",\"content\":[{\"type\":\"tool_result\","
        "\"tool_use_id\":\"a_1_e38bae35\",\"content\":[{\"type\":\"text\",\"text\":\"ra\"}]}"
        ",{\"type\":\"tool_result\",\"tool_use_id\":\"b\",\"content\":[{\"type\":\"text\","
        "\"text\":\"rb\"}],\"is_error\":true},{\"type\":\"tool_result\",\"tool_use_id\":"
        "\"c\",\"content\":[{\"type\":\"text\",\"text\":\"(no result)\"}],\"is_error\":true}"
        ",{\"type\":\"text\",\"text\":\"wait\"},{\"type\":\"text\",\"text\":\"[result of an "
        "unknown tool call]\"},{\"type\":\"text\",\"text\":\"rl\"}]}]" VERSION "}",
        NULL);
}

/* Ids that a caller uses again in every round; system messages in between; a trailing answer that
   the model is to go on with. */
static void encodes_rounds_with_the_same_ids(void **state)
{
    struct chat_tool tool = {.name = STR("f"), .schema = STR("{}")};

    (void)state;
    request.tools = &tool;
    request.max_tokens = 9;
    for (int round = 0; round < 2; round++) {
        say(CHAT_USER, CHAT_TEXT, "hi");
        call(say(CHAT_ASSISTANT, CHAT_TOOL_CALL, NULL), "1", "{}");
        say(CHAT_SYSTEM, CHAT_TEXT, "s");
        struct chat_part *result = say(CHAT_USER, CHAT_TOOL_RESULT, NULL);
        result->id = STR("1");
        result->content = text_part(round ? "second" : "first");
        say(CHAT_ASSISTANT, CHAT_TEXT, "so \n");
    }
#define CALL_AND_RESULT(text)                                                                      \
    USER_BLOCK ",{\"role\":\"assistant\",\"content\":[{\"type\":\"tool_use\",\"id\":\"1\","        \
               "\"name\":\"f\",\"input\":{}}]},{\"role\":\"user\",\"content\":[{\"type\":"         \
               "\"tool_result\",\"tool_use_id\":\"1\",\"content\":[{\"type\":\"text\",\"text\":"   \
               "\"" text "\"}]}," TOLD("s", "") "]}"
#define ASSISTANT(text)                                                                            \
    "{\"role\":\"assistant\",\"content\":[{\"type\":\"text\",\"text\":\"" text "\"}]}"
    check_encode(PLAIN,
                 "{\"max_tokens\":9,\"tools\":[{\"name\":\"f\",\"input_schema\":{\"type\":"
                 "\"object\"}}],"
                 "\"messages\":[" CALL_AND_RESULT("first") "," ASSISTANT(
                     "so \\n") "," CALL_AND_RESULT("second") "," ASSISTANT("so") "]" VERSION "}",
                 NULL);
}

static void refuses_prefill(void **state)
{
    (void)state;
    request.max_tokens = 9;
    say(CHAT_SYSTEM, CHAT_TEXT, "s");
    say(CHAT_USER, CHAT_TEXT, "hi");
    say(CHAT_USER, CHAT_TEXT, "there"); /* counted as the caller counts, not as upstream would */
    say(CHAT_ASSISTANT, CHAT_TEXT, "I");
    check_encode(NEWEST, NULL, "messages[3]");
    request.system_apart = true;
    check_encode(NEWEST, NULL, "messages[2]");
    say(CHAT_SYSTEM, CHAT_TEXT, "go on");
    check_encode(NEWEST,
                 "{\"max_tokens\":9,\"system\":[{\"type\":\"text\",\"text\":\"s\"}],\"messages\":["
                 "{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"hi\"},{\"type\":"
                 "\"text\",\"text\":\"there\"}]},{\"role\":\"assistant\",\"content\":[{\"type\":"
                 "\"text\",\"text\":\"I\"}]},{\"role\":\"user\",\"content\":[" TOLD(
                     "go on", "") "]}]" VERSION "}",
                 NULL);
}

static void replays_thinking(void **state)
{
    struct chat_tool tool = {.name = STR("f"), .schema = STR("{}")};

    (void)state;
    request.tools = &tool;
    request.max_tokens = 3000;
    request.thinking = CHAT_THINKING_EFFORT;
    request.effort = CHAT_EFFORT_LOW;
    say(CHAT_USER, CHAT_TEXT, "hi");
    struct chat_part *thought = say(CHAT_ASSISTANT, CHAT_THINKING, "hm");
    thought->signature = STR("sig==");
    also(CHAT_REDACTED_THINKING, NULL)->data = STR("opaque");
    call(also(CHAT_TOOL_CALL, NULL), "1", "{}");
    struct chat_part *result = say(CHAT_USER, CHAT_TOOL_RESULT, NULL);
    result->id = STR("1");
    result->content = text_part("r");
#define ROUND(settings, thinking)                                                                  \
    "{\"max_tokens\":3000" settings                                                                \
    ",\"tools\":[{\"name\":\"f\",\"input_schema\":{\"type\":\"object\"}}],"                        \
    "\"messages\":[" USER_BLOCK ",{\"role\":\"assistant\",\"content\":[" thinking                  \
    "{\"type\":\"tool_use\",\"id\":\"1\",\"name\":\"f\",\"input\":{}}]},{\"role\":\"user\","       \
    "\"content\":[{\"type\":\"tool_result\",\"tool_use_id\":\"1\",\"content\":[{\"type\":"         \
    "\"text\",\"text\":\"r\"}]}]}]" VERSION "}"
#define SIGNED                                                                                     \
    "{\"type\":\"thinking\",\"thinking\":\"hm\",\"signature\":\"sig==\"},{\"type\":"               \
    "\"redacted_thinking\",\"data\":\"opaque\"},"
#define REDACTED "{\"type\":\"redacted_thinking\",\"data\":\"opaque\"},"
    check_encode(
        PLAIN, ROUND(",\"thinking\":{\"type\":\"enabled\",\"budget_tokens\":2048}", SIGNED), NULL);
    check_encode(
        ADAPTIVE,
        ROUND(",\"thinking\":{\"type\":\"adaptive\"},\"output_config\":{\"effort\":\"low\"}",
              SIGNED),
        NULL);
    check_encode(0, ROUND("", SIGNED), "reasoning_effort");
    thought->signature = STR_NONE;
    check_encode(PLAIN,
                 ROUND(",\"thinking\":{\"type\":\"enabled\",\"budget_tokens\":2048}", REDACTED),
                 "messages.thinking");
    thought->next->kind = CHAT_TEXT; /* and now nothing of the thinking is left */
    check_encode(PLAIN, ROUND("", ""), "messages.thinking, thinking");
}

static void asks_for_structured_output(void **state)
{
    (void)state;
    request.max_tokens = 3000;
    request.format = CHAT_FORMAT_SCHEMA;
    request.format_schema = STR("{\"type\":\"object\"}");
    say(CHAT_USER, CHAT_TEXT, "hi");
    check_encode(ADAPTIVE,
                 "{\"max_tokens\":3000,\"output_config\":{\"format\":{\"type\":\"json_schema\","
                 "\"schema\":{\"type\":\"object\"}}},\"messages\":[" USER_BLOCK "]" VERSION "}",
                 NULL);
#define ANSWER                                                                                     \
    "\"tools\":[{\"name\":\"json_output\",\"description\":\"Gives the answer, as its "             \
    "arguments.\",\"input_schema\":{\"type\":\"object\"}}],\"tool_choice\":"
    check_encode(PLAIN,
                 "{\"max_tokens\":3000," ANSWER "{\"type\":\"tool\",\"name\":\"json_output\"},"
                 "\"messages\":[" USER_BLOCK "]" VERSION "}",
                 NULL);
    request.thinking = CHAT_THINKING_BUDGET;
    request.thinking_budget = 1500;
    check_encode(PLAIN,
                 "{\"max_tokens\":3000,\"thinking\":{\"type\":\"enabled\",\"budget_tokens\":1500},"
                 "\"system\":[{\"type\":\"text\",\"text\":\"Give your final answer by calling the "
                 "tool json_output exactly once, not as text.\"}]," ANSWER "{\"type\":\"auto\"},"
                 "\"messages\":[" USER_BLOCK "]" VERSION "}",
                 NULL);
}

static void shortens_ids_and_limits(void **state)
{
    struct family_model model = {.name = STR("m"), .max_output = 50};
    struct family_call family_call = {.model = &model};
    struct dropped dropped = {.arena = arena};
    struct chat_error err;
    struct buf out = {0};
    char id[71] = {0}, found[80] = {0};

    (void)state;
    memset(id, 'x', sizeof id - 1);
    request.max_tokens = 100;
    call(say(CHAT_ASSISTANT, CHAT_TOOL_CALL, NULL), id, "{}");
    assert_int_equal(
        family_bedrock_invoke.encode(arena, &request, &family_call, &out, &dropped, &err), OK);
    char *body = arena_cstr(arena, buf_str(&out));
    assert_int_equal(sscanf(strstr(body, "\"id\":"), "\"id\":\"%79[^\"]", found), 1);
    assert_int_equal(strlen(found), 64);
    assert_non_null(strstr(body, "\"max_tokens\":50,"));
    check_text(dropped_text(&dropped), "max_tokens");
    buf_free(&out);
}

static void refuses_what_cannot_be(void **state)
{
    (void)state;
    request.n = 2;
    say(CHAT_USER, CHAT_TEXT, "hi");
    check_encode(PLAIN, NULL, "n");
    request.n = 1;
    struct chat_part *image = say(CHAT_USER, CHAT_IMAGE, NULL);
    image->url = STR("https://example.com/a.png");
    check_encode(PLAIN, NULL, "messages[1].content");
    image->kind = CHAT_AUDIO;
    check_encode(PLAIN, NULL, "messages[1].content");
}

/* --- answers --------------------------------------------------------------------------------- */

struct reading {
    struct buf events, relayed;
    struct family_reader *reader;
    struct family_model model;
    struct family_call call;
};

static void begin(struct reading *r, bool stream, bool lane)
{
    *r = (struct reading){.model = {.name = STR("anthropic--claude")}};
    r->call = (struct family_call){.model = &r->model, .stream = stream, .lane = lane};
    r->reader = family_bedrock_invoke.reader(arena, &r->call, event_print_new(arena, &r->events));
    assert_non_null(r->reader);
}

static status feed(struct reading *r, const char *data)
{
    struct arena *scratch = arena_new(0);
    struct frame frame = {.data = str_from(data)};
    status s = family_bedrock_invoke.read_frame(r->reader, scratch, &frame);

    arena_free(scratch); /* nothing of a frame is remembered by address */
    family_bedrock_invoke.relay(r->reader, &frame, &r->relayed);
    return s;
}

static void check_end(struct reading *r, status end, const char *expected)
{
    assert_int_equal(family_bedrock_invoke.read_end(r->reader), end);
    check_text(buf_str(&r->events), expected);
    buf_free(&r->events);
    buf_free(&r->relayed);
}

static const char *const stream[] = {
    "{\"type\":\"message_start\",\"message\":{\"id\":\"msg_1\",\"model\":\"m\",\"usage\":{"
    "\"input_tokens\":9,\"cache_read_input_tokens\":2,\"cache_creation_input_tokens\":3,"
    "\"cache_creation\":{\"ephemeral_1h_input_tokens\":1},\"output_tokens\":1}}}",
    "{\"type\":\"ping\"}",
    "{\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"thinking\","
    "\"thinking\":\"\",\"signature\":\"\"}}",
    "{\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"thinking_delta\","
    "\"thinking\":\"hm\"}}",
    "{\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"signature_delta\","
    "\"signature\":\"s==\"}}",
    "{\"type\":\"content_block_stop\",\"index\":0}",
    "{\"type\":\"content_block_start\",\"index\":1,\"content_block\":{\"type\":"
    "\"redacted_thinking\",\"data\":\"xyz\"}}",
    "{\"type\":\"content_block_stop\",\"index\":1}",
    "{\"type\":\"content_block_start\",\"index\":2,\"content_block\":{\"type\":"
    "\"server_tool_use\",\"id\":\"s\"}}",
    "{\"type\":\"content_block_delta\",\"index\":2,\"delta\":{\"type\":\"input_json_delta\","
    "\"partial_json\":\"{\"}}",
    "{\"type\":\"content_block_stop\",\"index\":2}",
    "{\"type\":\"content_block_start\",\"index\":3,\"content_block\":{\"type\":\"text\","
    "\"text\":\"\"}}",
    "{\"type\":\"content_block_delta\",\"index\":3,\"delta\":{\"type\":\"text_delta\","
    "\"text\":\"a\\u00e9\"}}",
    "{\"type\":\"content_block_delta\",\"index\":3,\"delta\":{\"type\":\"citations_delta\"}}",
    "{\"type\":\"content_block_stop\",\"index\":3}",
    "{\"type\":\"content_block_start\",\"index\":4,\"content_block\":{\"type\":\"tool_use\","
    "\"id\":\"toolu_1\",\"name\":\"f\",\"input\":{}}}",
    "{\"type\":\"content_block_delta\",\"index\":4,\"delta\":{\"type\":\"input_json_delta\","
    "\"partial_json\":\"{\\\"a\\\":\"}}",
    "{\"type\":\"content_block_delta\",\"index\":4,\"delta\":{\"type\":\"input_json_delta\","
    "\"partial_json\":\"1}\"}}",
    "{\"type\":\"content_block_stop\",\"index\":4}",
    "{\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"tool_use\",\"stop_sequence\":null},"
    "\"usage\":{\"output_tokens\":15}}",
    "{\"type\":\"message_stop\",\"amazon-bedrock-invocationMetrics\":{\"inputTokenCount\":9,"
    "\"outputTokenCount\":15}}",
};

enum { STREAM_FRAMES = sizeof stream / sizeof *stream };

static void reads_a_stream(void **state)
{
    struct reading r;

    (void)state;
    begin(&r, true, false);
    for (size_t i = 0; i < STREAM_FRAMES; i++)
        assert_int_equal(feed(&r, stream[i]), OK);
    check_end(&r, OK,
              "start id=msg_1 model=m input=14\nopen 0 thinking\ndelta 0 \"hm\"\n"
              "delta 0 signature=s==\nclose 0\nopen 1 redacted \"xyz\"\nclose 1\nopen 2 text\n"
              "delta 2 \"a\xc3\xa9\"\nclose 2\nopen 3 tool id=toolu_1 name=f\ndelta 3 "
              "\"{\\\"a\\\":\"\ndelta 3 \"1}\"\nclose 3\n"
              "usage input=14 output=15 read=2 write=3 write_1h=1\nstop tool\n");
}

/* Wherever upstream tells them, they come behind the text. */
static void reads_citations(void **state)
{
    static const char *const frames[] = {
        "{\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"text\","
        "\"text\":\"\",\"citations\":[]}}",
        "{\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"citations_delta\","
        "\"citation\":{\"type\":\"page_location\",\"cited_text\":\"w\",\"document_index\":2,"
        "\"document_title\":\"T\",\"start_page_number\":3,\"end_page_number\":4}}}",
        "{\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\","
        "\"text\":\"\\u00e9e\"}}",
        "{\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"citations_delta\","
        "\"citation\":{\"type\":\"search_result_location\",\"cited_text\":\"v\",\"source\":"
        "\"https://s.example\",\"title\":null,\"search_result_index\":0,\"start_block_index\":0,"
        "\"end_block_index\":1}}}",
        "{\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"citations_delta\","
        "\"citation\":{\"type\":\"never_heard_of\"}}}",
        "{\"type\":\"content_block_stop\",\"index\":0}",
        "{\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"}}",
        "{\"type\":\"message_stop\"}",
    };
    struct reading r;

    (void)state;
    begin(&r, true, false);
    for (size_t i = 0; i < sizeof frames / sizeof *frames; i++)
        assert_int_equal(feed(&r, frames[i]), OK);
    check_end(&r, OK,
              "start\nopen 0 text\ndelta 0 \"\xc3\xa9"
              "e\"\n"
              "cite 0 document 0..2 (0..3) title=T cited=w number=2 from=3 to=4\n"
              "cite 0 search_result 0..2 (0..3) url=https://s.example cited=v number=0 from=0 "
              "to=1\n"
              "close 0\nstop end\n");
}

static void refuses_a_stream_that_is_cut(void **state)
{
    (void)state;
    for (size_t n = 0; n < STREAM_FRAMES; n++) {
        struct reading r;
        begin(&r, true, false);
        for (size_t i = 0; i < n; i++)
            assert_int_equal(feed(&r, stream[i]), OK);
        assert_int_equal(family_bedrock_invoke.read_end(r.reader), E_SYNTAX);
        buf_free(&r.events);
        buf_free(&r.relayed);
    }
}

static void relays_what_came(void **state)
{
    struct reading r;

    (void)state;
    begin(&r, true, true);
    feed(&r, "{\"type\":\"message_start\",\"message\":{\"x\" : 1e400, \"y\":\"\\u0000\"}}");
    feed(&r, "{\"type\":\"ping\",\n\"a\":1}");
    feed(&r, "[DONE]");
    feed(&r, "{\"message\":\"ThrottlingException: slow\"}");
    feed(&r, "{\"type\":\"ping\"}");
    check_text(
        buf_str(&r.relayed),
        "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"x\" : 1e400, "
        "\"y\":\"\\u0000\"}}\n\nevent: ping\ndata: {\"type\":\"ping\",\ndata: \"a\":1}\n\n");
    assert_int_equal(family_bedrock_invoke.read_end(r.reader), OK);
    buf_free(&r.events);
    buf_free(&r.relayed);
}

static void reads_errors(void **state)
{
    static const struct {
        const char *data, *expected;
    } cases[] = {
        {"{\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"busy\"}}",
         "error overloaded \"busy\"\n"},
        {"{\"type\":\"error\",\"message\":\"ThrottlingException: slow\"}", "error rate_limit "},
        {"{\"throttlingException\":{\"message\":\"slow\"}}", "error rate_limit \"slow\"\n"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct reading r;
        begin(&r, true, false);
        assert_int_equal(feed(&r, cases[i].data), OK);
        assert_int_equal(feed(&r, stream[0]), OK); /* what follows counts no more */
        assert_int_equal(family_bedrock_invoke.read_end(r.reader), OK);
        char *events = arena_cstr(arena, buf_str(&r.events));
        assert_int_equal(strncmp(events, cases[i].expected, strlen(cases[i].expected)), 0);
        assert_null(strstr(events, "start"));
        buf_free(&r.events);
        buf_free(&r.relayed);
    }
}

static void refuses_nonsense(void **state)
{
    static const char *const bad[] = {
        "",
        "{",
        "[]",
        "{}",
        "nonsense",
        "{\"type\":1}",
        "{\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\"}}",
        "{\"type\":\"content_block_start\",\"index\":0}"};

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct reading r;
        begin(&r, true, false);
        assert_int_equal(feed(&r, bad[i]), E_SYNTAX);
        buf_free(&r.events);
        buf_free(&r.relayed);
    }
}

static void reads_a_whole_message(void **state)
{
    struct reading r;

    (void)state;
    begin(&r, false, false);
    assert_int_equal(
        family_bedrock_invoke.read_whole(
            r.reader, arena,
            STR("{\"id\":\"msg_1\",\"type\":\"message\",\"model\":\"m\",\"content\":[{\"type\":"
                "\"thinking\",\"thinking\":\"hm\",\"signature\":\"s\"},{\"type\":\"text\",\"text\":"
                "\"a\"},{\"type\":\"tool_use\",\"id\":\"t\",\"name\":\"f\",\"input\":{\"n\":"
                "12345678901234567890}},{\"type\":\"tool_use\",\"id\":\"u\",\"name\":\"g\","
                "\"input\":{}}],\"stop_reason\":\"end_turn\",\"usage\":{\"input_tokens\":5,"
                "\"output_tokens\":6}}")),
        OK);
    check_end(
        &r, OK,
        "start id=msg_1 model=m input=5\nopen 0 thinking\ndelta 0 \"hm\"\n"
        "delta 0 signature=s\nclose 0\nopen 1 text\ndelta 1 \"a\"\nclose 1\n"
        "open 2 tool id=t name=f\ndelta 2 \"{\\\"n\\\":12345678901234567890}\"\nclose 2\n"
        "open 3 tool id=u name=g\ndelta 3 \"{}\"\nclose 3\nusage input=5 output=6\nstop tool\n");
}

static void reads_stop_sequences(void **state)
{
    struct reading r;

    (void)state;
    begin(&r, true, false);
    feed(&r, "{\"type\":\"message_start\",\"message\":{}}");
    feed(&r, "{\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"stop_sequence\","
             "\"stop_sequence\":\"END\"}}");
    feed(&r, "{\"type\":\"message_stop\",\"amazon-bedrock-invocationMetrics\":{\"inputTokenCount\":"
             "9,\"outputTokenCount\":15,\"cacheReadInputTokenCount\":1}}");
    check_end(&r, OK, "start\nusage input=10 output=15 read=1\nstop sequence sequence=END\n");
}

static void unwraps_structured_output(void **state)
{
    struct reading r;
    const char *whole =
        "{\"content\":[{\"type\":\"tool_use\",\"id\":\"t\",\"name\":\"json_output\","
        "\"input\":{\"a\":1}}],\"stop_reason\":\"tool_use\"}";

    (void)state;
    begin(&r, false, false);
    assert_int_equal(family_bedrock_invoke.read_whole(r.reader, arena, str_from(whole)), OK);
    check_end(&r, OK, "start\nopen 0 text\ndelta 0 \"{\\\"a\\\":1}\"\nclose 0\nstop end\n");

    begin(&r, false, true); /* in the lane it is the caller's own tool */
    assert_int_equal(family_bedrock_invoke.read_whole(r.reader, arena, str_from(whole)), OK);
    check_end(&r, OK,
              "start\nopen 0 tool id=t name=json_output\ndelta 0 \"{\\\"a\\\":1}\"\nclose 0\n"
              "stop tool\n");
}

/* A stream of any length takes no more memory than a short one. */
static void keeps_nothing_per_frame(void **state)
{
    struct reading r;

    (void)state;
    begin(&r, true, false);
    for (size_t i = 0; i < 13; i++)
        feed(&r, stream[i]);
    size_t used = arena_used(arena);
    for (int i = 0; i < 1000; i++)
        feed(&r, stream[12]);
    assert_int_equal(arena_used(arena), used);
    buf_free(&r.events);
    buf_free(&r.relayed);
}

static void has_two_paths(void **state)
{
    struct buf out = {0};

    (void)state;
    family_bedrock_invoke.path(&(struct family_call){.stream = false}, &out);
    family_bedrock_invoke.path(&(struct family_call){.stream = true}, &out);
    check_text(buf_str(&out), "/invoke/invoke-with-response-stream");
    buf_free(&out);
}

#define TEST(f)    cmocka_unit_test_setup_teardown(f, set_up, tear_down)
#define REQUEST(f) cmocka_unit_test_setup_teardown(f, set_up_request, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(leaves_the_rest_byte_for_byte),
        TEST(applies_the_rows),
        TEST(knows_the_models_limit),
        TEST(fits_efforts),
        TEST(maps_beta_flags),
        TEST(mends_messages),
        TEST(late_instructions_stay_in_their_place),
        TEST(late_instructions_are_lifted_on_demand),
        TEST(threads_are_refused),
        TEST(successive_turns_have_one_prefix),
        TEST(mends_tools),
        TEST(mends_caching),
        TEST(mends_thinking),
        REQUEST(encodes_everything),
        REQUEST(encodes_tool_rounds),
        REQUEST(encodes_rounds_with_the_same_ids),
        REQUEST(refuses_prefill),
        REQUEST(replays_thinking),
        REQUEST(asks_for_structured_output),
        REQUEST(shortens_ids_and_limits),
        REQUEST(refuses_what_cannot_be),
        TEST(reads_a_stream),
        TEST(reads_citations),
        TEST(refuses_a_stream_that_is_cut),
        TEST(relays_what_came),
        TEST(reads_errors),
        TEST(refuses_nonsense),
        TEST(reads_a_whole_message),
        TEST(reads_stop_sequences),
        TEST(unwraps_structured_output),
        TEST(keeps_nothing_per_frame),
        TEST(has_two_paths),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

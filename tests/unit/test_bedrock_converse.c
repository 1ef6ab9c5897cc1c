/* Nova and Claude by Converse: requests, streams, whole answers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "event_print.h"
#include "family/family.h"

static struct arena *arena;
static struct chat_request request;
static struct chat_message **message_at;
static struct chat_part **part_at;

static int set_up(void **state)
{
    (void)state;
    arena = arena_new(0);
    chat_request_init(&request);
    message_at = &request.messages;
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

/* --- requests -------------------------------------------------------------------------------- */

static struct chat_part *also(enum chat_part_kind kind, const char *text)
{
    struct chat_part *p = chat_add_part(arena, &part_at, kind);
    p->text = str_from(text);
    return p;
}

static struct chat_part *say(enum chat_role role, enum chat_part_kind kind, const char *text)
{
    part_at = &chat_add_message(arena, &message_at, role)->parts;
    return also(kind, text);
}

static struct chat_part *call(struct chat_part *p, const char *id)
{
    p->id = str_from(id);
    p->name = STR("f");
    p->arguments = STR("{\"n\":12345678901234567890}");
    return p;
}

static struct chat_part *result(struct chat_part *p, const char *id, const char *text)
{
    p->id = str_from(id);
    p->content = ARENA_NEW(arena, struct chat_part);
    p->content->kind = CHAT_TEXT;
    p->content->text = str_from(text);
    return p;
}

static void check_encode(const char *name, unsigned traits, const char *expected, const char *told)
{
    struct family_model model = {.name = str_from(name), .traits = traits};
    struct family_call family_call = {.model = &model};
    struct dropped dropped = {.arena = arena};
    struct chat_error err = {0};
    struct buf out = {0};
    struct jspan *tree;

    status s = family_bedrock_converse.encode(arena, &request, &family_call, &out, &dropped, &err);
    if (!expected) {
        assert_int_equal(s, E_SYNTAX);
        check_text(err.param, told);
        buf_free(&out);
        return;
    }
    assert_int_equal(s, OK);
    check_text(buf_str(&out), expected);
    check_text(dropped_text(&dropped), told ? told : "");
    assert_int_equal(jspan_parse(arena, buf_str(&out), &tree, NULL), OK);
    buf_free(&out);
}

#define NOVA   "amazon--nova-pro"
#define CLAUDE "anthropic--claude-4.5-sonnet"
#define HI     "\"messages\":[{\"role\":\"user\",\"content\":[{\"text\":\"hi\"}]}]"
#define POINT  "{\"cachePoint\":{\"type\":\"default\"}}"

static void encodes_everything_for_nova(void **state)
{
    struct chat_tool tool = {.name = STR("f"),
                             .description = STR("d"),
                             .schema =
                                 STR("{\"$schema\":\"x\",\"type\":\"object\",\"properties\":"
                                     "{\"n\":{\"$schema\":1}},\"additionalProperties\":false}"),
                             .cache = {.set = true}};
    struct chat_stop_sequence stop = {.text = STR("END")};

    (void)state;
    request.tools = &tool;
    request.choice = CHAT_CHOICE_ONE;
    request.choice_name = STR("f");
    request.max_tokens = 50;
    request.temperature = STR("0.50");
    request.top_p = STR("0.9");
    request.top_k = STR("20");
    request.stops = &stop;
    request.user = STR("u");
    request.parallel_calls = 0;
    request.thinking = CHAT_THINKING_EFFORT;
    request.effort = CHAT_EFFORT_HIGH;
    say(CHAT_SYSTEM, CHAT_TEXT, "s")->cache.set = true;
    struct chat_part *image = say(CHAT_USER, CHAT_IMAGE, NULL);
    image->media_type = STR("image/jpg");
    image->data = STR("QUJD");
    struct chat_part *file = also(CHAT_DOCUMENT, "hello");
    file->media_type = STR("text/plain");
    file->name = STR("../a_b  c.txt");
    file->cache.set = true;
    file = also(CHAT_DOCUMENT, NULL);
    file->media_type = STR("application/pdf");
    file->data = STR("UERG");
    check_encode(
        NOVA, 0,
        "{\"inferenceConfig\":{\"maxTokens\":50,\"temperature\":0.50,\"topP\":0.9,"
        "\"stopSequences\":[\"END\"]},\"additionalModelRequestFields\":{\"inferenceConfig\":{"
        "\"topK\":20}},\"toolConfig\":{\"tools\":[{\"toolSpec\":{\"name\":\"f\",\"description\":"
        "\"d\",\"inputSchema\":{\"json\":{\"type\":\"object\",\"properties\":{\"n\":{\"$schema\":1}"
        "}}}}}],\"toolChoice\":{\"tool\":{\"name\":\"f\"}}},\"system\":[{\"text\":\"s\"}," POINT
        "],\"messages\":[{\"role\":\"user\",\"content\":[{\"image\":{\"format\":\"jpeg\","
        "\"source\":{\"bytes\":\"QUJD\"}}},{\"document\":{\"format\":\"txt\",\"name\":"
        "\"a b c txt 1\",\"source\":{\"bytes\":\"aGVsbG8=\"}}},{\"document\":{\"format\":"
        "\"pdf\",\"name\":\"document 2\",\"source\":{\"bytes\":\"UERG\"}}},{\"text\":\"See the "
        "document.\"}]}]}",
        "reasoning_effort, user, parallel_tool_calls, cache_control");
}

static void encodes_thinking_for_claude(void **state)
{
    (void)state;
    request.max_tokens = 3000;
    request.temperature = STR("0.5");
    request.top_k = STR("5");
    request.thinking = CHAT_THINKING_BUDGET;
    request.thinking_budget = 99999;
    say(CHAT_USER, CHAT_TEXT, "hi");
    check_encode(CLAUDE, MODEL_THINKING,
                 "{\"inferenceConfig\":{\"maxTokens\":3000},\"additionalModelRequestFields\":{"
                 "\"thinking\":{\"type\":\"enabled\",\"budget_tokens\":2999}}," HI "}",
                 "temperature, top_k");
    check_encode(CLAUDE, MODEL_THINKING | MODEL_ADAPTIVE | MODEL_ADAPTIVE_ONLY | MODEL_NO_SAMPLING,
                 "{\"inferenceConfig\":{\"maxTokens\":3000},\"additionalModelRequestFields\":{"
                 "\"thinking\":{\"type\":\"adaptive\"},\"output_config\":{\"effort\":\"high\"}}," HI
                 "}",
                 "temperature, top_k");
    check_encode(CLAUDE, 0,
                 "{\"inferenceConfig\":{\"maxTokens\":3000,\"temperature\":0.5},"
                 "\"additionalModelRequestFields\":{\"top_k\":5}," HI "}",
                 "thinking");
}

static void encodes_tool_rounds(void **state)
{
    struct chat_tool tool = {.name = STR("f")};
    const char *rest =
        "\"messages\":[{\"role\":\"user\",\"content\":[{\"text\":\"hi\"}]},{\"role\":\"assistant\","
        "\"content\":[{\"reasoningContent\":{\"reasoningText\":{\"text\":\"hm\",\"signature\":"
        "\"s==\"}}},{\"reasoningContent\":{\"redactedContent\":\"eHl6\"}},{\"toolUse\":{"
        "\"toolUseId\":\"1\",\"name\":\"f\",\"input\":{\"n\":12345678901234567890}}},{\"toolUse\":{"
        "\"toolUseId\":\"2\",\"name\":\"f\",\"input\":{\"n\":12345678901234567890}}}]},{\"role\":"
        "\"user\",\"content\":[{\"toolResult\":{\"toolUseId\":\"1\",\"content\":[{\"text\":\"r\"}],"
        "\"status\":\"error\"}},{\"toolResult\":{\"toolUseId\":\"2\",\"content\":[{\"text\":"
        "\"(no output)\"}]}}," POINT "]}]}";
    const char *spec =
        "{\"toolSpec\":{\"name\":\"f\",\"inputSchema\":{\"json\":{\"type\":\"object\","
        "\"properties\":{}}}}}";

    (void)state;
    request.max_tokens = 9;
    say(CHAT_USER, CHAT_TEXT, "hi");
    say(CHAT_ASSISTANT, CHAT_THINKING, "hm")->signature = STR("s==");
    also(CHAT_REDACTED_THINKING, NULL)->data = STR("eHl6");
    call(also(CHAT_TOOL_CALL, NULL), "1");
    call(also(CHAT_TOOL_CALL, NULL), "2");
    result(say(CHAT_USER, CHAT_TOOL_RESULT, NULL), "1", "r")->error = true;
    result(say(CHAT_USER, CHAT_TOOL_RESULT, NULL), "2", " ")->cache.set = true;
    /* no tools: stand-ins, and a word that none is to be called */
    struct str silent =
        arena_printf(arena,
                     "{\"inferenceConfig\":{\"maxTokens\":9},\"toolConfig\":{\"tools\":[%s]},"
                     "\"system\":[{\"text\":\"Do not call any tool. Answer in text.\"}],%s",
                     spec, rest);
    check_encode(CLAUDE, MODEL_THINKING, silent.p, NULL);
    request.tools = &tool;
    request.choice = CHAT_CHOICE_NONE;
    check_encode(CLAUDE, MODEL_THINKING, silent.p, NULL);
    request.choice = CHAT_CHOICE_REQUIRED;
    struct str forced =
        arena_printf(arena,
                     "{\"inferenceConfig\":{\"maxTokens\":9},\"toolConfig\":{\"tools\":[%s],"
                     "\"toolChoice\":{\"any\":{}}},%s",
                     spec, rest);
    check_encode(CLAUDE, MODEL_THINKING, forced.p, NULL);
    request.parallel_calls = 0;
    struct str single =
        arena_printf(arena,
                     "{\"inferenceConfig\":{\"maxTokens\":9},\"additionalModelRequestFields\":{"
                     "\"tool_choice\":{\"type\":\"any\",\"disable_parallel_tool_use\":true}},"
                     "\"toolConfig\":{\"tools\":[%s]},%s",
                     spec, rest);
    check_encode(CLAUDE, MODEL_THINKING, single.p, NULL);
}

static void leaves_unused_tools_out(void **state)
{
    struct chat_tool tool = {.name = STR("f")};

    (void)state;
    request.tools = &tool;
    request.choice = CHAT_CHOICE_NONE;
    say(CHAT_USER, CHAT_TEXT, "hi");
    check_encode(NOVA, 0, "{\"inferenceConfig\":{}," HI "}", NULL);
}

static void asks_for_structured_output(void **state)
{
    (void)state;
    request.format = CHAT_FORMAT_SCHEMA;
    request.format_schema = STR("{\"type\":\"object\"}");
    request.format_description = STR("d");
    say(CHAT_USER, CHAT_TEXT, "hi");
    check_encode(NOVA, 0,
                 "{\"inferenceConfig\":{},\"toolConfig\":{\"tools\":[{\"toolSpec\":{\"name\":"
                 "\"json_output\",\"description\":\"d\",\"inputSchema\":{\"json\":{\"type\":"
                 "\"object\"}}}}],\"toolChoice\":{\"tool\":{\"name\":\"json_output\"}}}," HI "}",
                 NULL);
    request.format = CHAT_FORMAT_JSON;
    check_encode(NOVA, 0,
                 "{\"inferenceConfig\":{},\"system\":[{\"text\":\"Answer with one JSON object and "
                 "nothing else: no prose around it, no code fence.\"}]," HI "}",
                 NULL);
}

static void keeps_four_cache_points(void **state)
{
    (void)state;
    say(CHAT_SYSTEM, CHAT_TEXT, "s")->cache = (struct chat_cache){.set = true, .ttl = STR("1h")};
    say(CHAT_USER, CHAT_TEXT, "a")->cache.set = true;
    also(CHAT_TEXT, "b")->cache.set = true;
    also(CHAT_TEXT, "c")->cache.set = true;
    /* an hour behind five minutes */
    also(CHAT_TEXT, "d")->cache = (struct chat_cache){.set = true, .ttl = STR("1h")};
#define CACHED_TURN(first)                                                                         \
    "{\"inferenceConfig\":{},\"system\":[{\"text\":\"s\"}," first "],\"messages\":[{\"role\":"     \
    "\"user\",\"content\":[{\"text\":\"a\"},{\"text\":\"b\"}," POINT ",{\"text\":\"c\"}," POINT    \
    ",{\"text\":\"d\"}," POINT "]}]}"
    check_encode(NOVA, 0, CACHED_TURN(POINT), "cache_control, cache_control.ttl");
    check_encode(NOVA, MODEL_CACHE_TTL,
                 CACHED_TURN("{\"cachePoint\":{\"type\":\"default\",\"ttl\":\"1h\"}}"),
                 "cache_control, cache_control.ttl");
}

/* Upstream refuses a point right behind these, so it is given up. */
static void gives_up_misplaced_points(void **state)
{
    (void)state;
    say(CHAT_USER, CHAT_TEXT, "hi");
    struct chat_part *file = also(CHAT_DOCUMENT, "a,b");
    file->media_type = STR("text/csv");
    file->cache.set = true;
    check_encode(CLAUDE, 0,
                 "{\"inferenceConfig\":{\"maxTokens\":4096},\"messages\":[{\"role\":\"user\","
                 "\"content\":[{\"text\":\"hi\"},{\"document\":{\"format\":\"csv\",\"name\":"
                 "\"document 1\",\"source\":{\"bytes\":\"YSxi\"}}}]}]}",
                 "cache_control");
    file->kind = CHAT_IMAGE;
    file->media_type = STR("image/png");
    file->data = STR("QUJD");
#define SEEN                                                                                       \
    "\"messages\":[{\"role\":\"user\",\"content\":[{\"text\":\"hi\"},{\"image\":{\"format\":"      \
    "\"png\",\"source\":{\"bytes\":\"QUJD\"}}}"
    check_encode(NOVA, 0, "{\"inferenceConfig\":{}," SEEN "]}]}", "cache_control");
    check_encode(CLAUDE, 0, "{\"inferenceConfig\":{\"maxTokens\":4096}," SEEN "," POINT "]}]}",
                 NULL);
}

static void refuses_what_cannot_be(void **state)
{
    (void)state;
    say(CHAT_USER, CHAT_IMAGE, NULL)->url = STR("https://example.com/a.png");
    check_encode(NOVA, 0, NULL, "messages[0].content");
    request.messages->parts->kind = CHAT_TEXT;
    request.n = 3;
    check_encode(NOVA, 0, NULL, "n");
    request.n = -1;
    say(CHAT_ASSISTANT, CHAT_TEXT, "{");
    check_encode(CLAUDE, MODEL_NO_PREFILL, NULL, "messages[1]");
}

/* --- answers --------------------------------------------------------------------------------- */

struct reading {
    struct buf events;
    struct family_reader *reader;
    struct family_model model;
    struct family_call call;
};

static void begin(struct reading *r, bool stream)
{
    *r = (struct reading){.model = {.name = STR(NOVA)}};
    r->call = (struct family_call){.model = &r->model, .stream = stream};
    r->reader = family_bedrock_converse.reader(arena, &r->call, event_print_new(arena, &r->events));
    assert_non_null(r->reader);
}

static status feed(struct reading *r, const char *data)
{
    struct arena *scratch = arena_new(0);
    struct frame frame = {.data = str_from(data)};
    status s = family_bedrock_converse.read_frame(r->reader, scratch, &frame);

    arena_free(scratch);
    return s;
}

static void check_end(struct reading *r, status end, const char *expected)
{
    assert_int_equal(family_bedrock_converse.read_end(r->reader), end);
    check_text(buf_str(&r->events), expected);
    buf_free(&r->events);
}

static const char *const stream[] = {
    "{\"messageStart\":{\"role\":\"assistant\"}}",
    "{\"contentBlockDelta\":{\"delta\":{\"reasoningContent\":{\"text\":\"hm\"}},"
    "\"contentBlockIndex\":0}}",
    "{\"contentBlockDelta\":{\"delta\":{\"reasoningContent\":{\"signature\":\"s==\"}},"
    "\"contentBlockIndex\":0}}",
    "{\"contentBlockStop\":{\"contentBlockIndex\":0}}",
    "{\"contentBlockDelta\":{\"delta\":{\"reasoningContent\":{\"redactedContent\":\"eHl6\"}},"
    "\"contentBlockIndex\":1}}",
    "{\"contentBlockDelta\":{\"delta\":{\"text\":\"a\"},\"contentBlockIndex\":3}}",
    "{\"contentBlockDelta\":{\"delta\":{\"text\":\"b\"},\"contentBlockIndex\":3}}",
    "{\"contentBlockDelta\":{\"delta\":{\"text\":\"c\"},\"contentBlockIndex\":4}}",
    "{\"contentBlockStop\":{\"contentBlockIndex\":4}}",
    "{\"contentBlockStart\":{\"start\":{\"toolUse\":{\"toolUseId\":\"t\",\"name\":\"f\"}},"
    "\"contentBlockIndex\":5}}",
    "{\"contentBlockDelta\":{\"delta\":{\"toolUse\":{\"input\":\"{}\"}},\"contentBlockIndex\":5}}",
    "{\"contentBlockStop\":{\"contentBlockIndex\":5}}",
    "{\"messageStop\":{\"stopReason\":\"end_turn\"}}",
    "{\"metadata\":{\"usage\":{\"inputTokens\":5,\"outputTokens\":6,\"cacheReadInputTokens\":2,"
    "\"cacheWriteInputTokenCount\":1},\"metrics\":{\"latencyMs\":1}}}",
};

enum { STREAM_FRAMES = sizeof stream / sizeof *stream };

#define EVENTS                                                                                     \
    "start\nopen 0 thinking\ndelta 0 \"hm\"\ndelta 0 signature=s==\nclose 0\n"                     \
    "open 1 redacted \"eHl6\"\nclose 1\nopen 2 text\ndelta 2 \"a\"\ndelta 2 \"b\"\nclose 2\n"      \
    "open 3 text\ndelta 3 \"c\"\nclose 3\nopen 4 tool id=t name=f\ndelta 4 \"{}\"\nclose 4\n"

static void reads_a_stream(void **state)
{
    struct reading r;

    (void)state;
    begin(&r, true);
    for (size_t i = 0; i < STREAM_FRAMES; i++)
        assert_int_equal(feed(&r, stream[i]), OK);
    check_end(&r, OK, EVENTS "usage input=8 output=6 read=2 write=1\nstop tool\n");
}

static void reads_a_stream_without_usage(void **state)
{
    struct reading r;

    (void)state;
    begin(&r, true);
    for (size_t i = 0; i + 1 < STREAM_FRAMES; i++)
        assert_int_equal(feed(&r, stream[i]), OK);
    check_end(&r, OK, EVENTS "stop tool\n");
}

static void refuses_a_stream_that_is_cut(void **state)
{
    (void)state;
    for (size_t n = 0; n + 2 < STREAM_FRAMES; n++) {
        struct reading r;
        begin(&r, true);
        for (size_t i = 0; i < n; i++)
            feed(&r, stream[i]);
        assert_int_equal(family_bedrock_converse.read_end(r.reader), E_SYNTAX);
        buf_free(&r.events);
    }
}

/* As it comes: server-sent events with Python in them, cut at every byte. */
static void reads_python_in_pieces(void **state)
{
    static const char wire[] =
        "data: {'messageStart': {'role': 'assistant'}}\n\n"
        "data: {'contentBlockDelta': {'delta': {'text': \"it's data: \"}, 'contentBlockIndex': 0}}"
        "\r\n\r\ndata: {'contentBlockStop': {'contentBlockIndex': 0}}\n\n"
        "data: {'messageStop': {'stopReason': 'max_tokens', 'x': None}}\n\n"
        "data: {'metadata': {'usage': {'inputTokens': 1, 'outputTokens': 2}}}\n\n";

    (void)state;
    for (size_t cut = 0; cut < sizeof wire; cut++) {
        struct reading r;
        struct frames *frames = frames_new(STR("text/event-stream"));
        struct str parts[] = {{wire, cut}, {wire + cut, sizeof wire - 1 - cut}};
        struct frame frame;

        if (cut == sizeof wire - 1)
            parts[1].n = 0;
        begin(&r, true);
        for (int i = 0; i < 2; i++) {
            frames_push(frames, parts[i]);
            if (i == 1)
                frames_end(frames);
            while (frames_next(frames, arena, &frame))
                assert_int_equal(family_bedrock_converse.read_frame(r.reader, arena, &frame), OK);
        }
        frames_free(frames);
        check_end(&r, OK,
                  "start\nopen 0 text\ndelta 0 \"it's data: \"\nclose 0\nusage input=1 output=2\n"
                  "stop length\n");
    }
}

static void reads_exceptions(void **state)
{
    static const struct {
        const char *data, *expected;
    } cases[] = {
        {"{\"throttlingException\":{\"message\":\"slow\"}}", "error rate_limit \"slow\"\n"},
        {"{\"validationException\":{\"message\":\"bad\"}}", "error invalid_request \"bad\"\n"},
        {"{\"internalServerException\":{\"message\":\"oops\"}}", "error upstream \"oops\"\n"},
        {"{\"serviceUnavailableException\":{\"message\":\"no\"}}", "error overloaded \"no\"\n"},
        {"{\"modelStreamErrorException\":{\"message\":\"hm\"}}", "error upstream \"hm\"\n"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct reading r;
        begin(&r, true);
        assert_int_equal(feed(&r, cases[i].data), OK);
        assert_int_equal(feed(&r, stream[0]), OK);
        check_end(&r, OK, cases[i].expected);
    }
}

static void refuses_nonsense(void **state)
{
    static const char stray[] = "{\"contentBlockDelta\":{\"delta\":{\"toolUse\":{\"input\":\"x\"}},"
                                "\"contentBlockIndex\":0}}";
    static const char *const bad[] = {"", "{", "[]", "1", stray};

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct reading r;
        begin(&r, true);
        assert_int_equal(feed(&r, bad[i]), E_SYNTAX);
        buf_free(&r.events);
    }
}

static void reads_a_whole_answer(void **state)
{
    struct reading r;

    (void)state;
    begin(&r, false);
    assert_int_equal(
        family_bedrock_converse.read_whole(
            r.reader, arena,
            STR("{\"output\":{\"message\":{\"role\":\"assistant\",\"content\":[{"
                "\"reasoningContent\":{\"reasoningText\":{\"text\":\"hm\",\"signature\":\"s\"}}},{"
                "\"reasoningContent\":{\"redactedContent\":\"eHl6\"}},{\"text\":\"a\"},{"
                "\"toolUse\":"
                "{\"toolUseId\":\"t\",\"name\":\"f\",\"input\":{\"n\":12345678901234567890}}}]}},"
                "\"stopReason\":\"tool_use\",\"usage\":{\"inputTokens\":1,\"outputTokens\":2}}")),
        OK);
    check_end(&r, OK,
              "start\nopen 0 thinking\ndelta 0 \"hm\"\ndelta 0 signature=s\nclose 0\n"
              "open 1 redacted \"eHl6\"\nclose 1\nopen 2 text\ndelta 2 \"a\"\nclose 2\n"
              "open 3 tool id=t name=f\ndelta 3 \"{\\\"n\\\":12345678901234567890}\"\nclose 3\n"
              "usage input=1 output=2\nstop tool\n");
    begin(&r, false);
    assert_int_equal(family_bedrock_converse.read_whole(r.reader, arena, STR("{\"a\":1}")),
                     E_SYNTAX);
    buf_free(&r.events);
}

static void unwraps_structured_output(void **state)
{
    struct reading r;

    (void)state;
    begin(&r, true);
    feed(&r, "{\"contentBlockStart\":{\"start\":{\"toolUse\":{\"toolUseId\":\"t\",\"name\":"
             "\"json_output\"}},\"contentBlockIndex\":0}}");
    feed(&r, "{\"contentBlockDelta\":{\"delta\":{\"toolUse\":{\"input\":\"{\\\"a\\\"\"}},"
             "\"contentBlockIndex\":0}}");
    feed(&r, "{\"contentBlockDelta\":{\"delta\":{\"toolUse\":{\"input\":\":1}\"}},"
             "\"contentBlockIndex\":0}}");
    feed(&r, "{\"messageStop\":{\"stopReason\":\"tool_use\"}}");
    check_end(&r, OK,
              "start\nopen 0 text\ndelta 0 \"{\\\"a\\\"\"\ndelta 0 \":1}\"\nclose 0\nstop end\n");
}

static void has_two_paths(void **state)
{
    struct buf out = {0};

    (void)state;
    family_bedrock_converse.path(&(struct family_call){.stream = false}, &out);
    family_bedrock_converse.path(&(struct family_call){.stream = true}, &out);
    check_text(buf_str(&out), "/converse/converse-stream");
    buf_free(&out);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(encodes_everything_for_nova),
        TEST(encodes_thinking_for_claude),
        TEST(encodes_tool_rounds),
        TEST(leaves_unused_tools_out),
        TEST(asks_for_structured_output),
        TEST(keeps_four_cache_points),
        TEST(gives_up_misplaced_points),
        TEST(refuses_what_cannot_be),
        TEST(reads_a_stream),
        TEST(reads_a_stream_without_usage),
        TEST(refuses_a_stream_that_is_cut),
        TEST(reads_python_in_pieces),
        TEST(reads_exceptions),
        TEST(refuses_nonsense),
        TEST(reads_a_whole_answer),
        TEST(unwraps_structured_output),
        TEST(has_two_paths),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

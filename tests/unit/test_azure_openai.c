/* Azure OpenAI: the lane's rewrites, encoding, and answers in all their forms. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "family_case.h"

static void prepares(const char *model, bool stream, const char *body, const char *want,
                     const char *declared)
{
    struct family_case c;

    family_case_open(&c, &family_azure_openai, model);
    c.call.stream = stream;
    assert_string_equal(family_case_prepare(&c, body), want);
    assert_string_equal(family_case_dropped(&c), declared);
    family_case_close(&c);
}

/* --- the way up ------------------------------------------------------------------------------ */

static void paths(void **state)
{
    struct family_case c;
    struct buf out = {0};

    (void)state;
    family_case_open(&c, &family_azure_openai, "gpt-4.1");
    assert_string_equal(family_case_path(&c), "/chat/completions?api-version=2024-12-01-preview");
    c.model.api_version = STR("2025-04-01-preview");
    assert_string_equal(family_case_path(&c), "/chat/completions?api-version=2025-04-01-preview");
    c.model.api_version = STR("none");
    assert_string_equal(family_case_path(&c), "/chat/completions");
    family_azure_openai.embed->path(&c.call, &out);
    assert_true(str_is(buf_str(&out), "/embeddings"));
    buf_free(&out);
    family_case_close(&c);
}

static void untouched_bytes_survive(void **state)
{
    const char *message = "{ \"role\":\"user\" ,\"content\":\"a\\u0000b\\/\\ud83d\",\"x\":1.50E2 }";
    struct family_case c;

    (void)state;
    family_case_open(&c, &family_azure_openai, "gpt-4.1");
    const char *body =
        arena_printf(c.arena, "{\"messages\":[%s],\"seed\":12345678901234567890}", message).p;
    assert_string_equal(family_case_prepare(&c, body), body);
    family_case_close(&c);
}

static void unknown_fields_go(void **state)
{
    (void)state;
    prepares(
        "gpt-4.1", false,
        "{\"model\":\"m\",\"messages\":[],\"enable_thinking\":true,\"thinking\":{},\"x\":null}",
        "{\"messages\":[]}", "thinking, enable_thinking");
    prepares("gpt-4.1", false,
             "{\"messages\":[{\"content\":[{\"type\":\"text\",\"text\":\"a\","
             "\"cache_control\":{\"type\":\"ephemeral\"}}]}],"
             "\"tools\":[{\"type\":\"function\",\"cache_control\":{}}]}",
             "{\"messages\":[{\"content\":[{\"type\":\"text\",\"text\":\"a\"}]}],"
             "\"tools\":[{\"type\":\"function\"}]}",
             "messages.content.cache_control, tools.cache_control");
}

static void reasoning_models(void **state)
{
    (void)state;
    prepares("gpt-5", false,
             "{\"max_tokens\":100,\"temperature\":0.5,\"top_p\":1,\"presence_penalty\":0.0,"
             "\"logprobs\":false,\"stop\":[\"x\"],\"n\":1}",
             "{\"max_completion_tokens\":100,\"top_p\":1,\"presence_penalty\":0.0,"
             "\"logprobs\":false,\"n\":1}",
             "stop, temperature");
    prepares("gpt-4.1", false, "{\"max_tokens\":100,\"temperature\":0.5,\"stop\":\"x\"}",
             "{\"max_tokens\":100,\"temperature\":0.5,\"stop\":\"x\"}", "");
    /* Free again at effort none. */
    prepares("gpt-5.1", false,
             "{\"reasoning_effort\":\"none\",\"temperature\":0.5,\"presence_penalty\":1}",
             "{\"reasoning_effort\":\"none\",\"temperature\":0.5}", "presence_penalty");
    prepares("o3", false, "{\"tools\":[{}],\"parallel_tool_calls\":true,\"temperature\":1}",
             "{\"tools\":[{}],\"temperature\":1}", "");
    prepares("o3", false, "{\"tools\":[{}],\"parallel_tool_calls\":false}", "{\"tools\":[{}]}",
             "parallel_tool_calls");
    prepares("o3", false, "{\"messages\":[{\"role\":\"system\"},{\"role\":\"developer\"}]}",
             "{\"messages\":[{\"role\":\"developer\"},{\"role\":\"developer\"}]}", "");
    prepares("gpt-4.1", false, "{\"messages\":[{\"role\":\"system\"},{\"role\":\"developer\"}]}",
             "{\"messages\":[{\"role\":\"system\"},{\"role\":\"developer\"}]}", "");
}

static void efforts(void **state)
{
    (void)state;
    prepares("gpt-4.1", false, "{\"reasoning_effort\":\"high\"}", "{}", "reasoning_effort");
    prepares("gpt-5", false, "{\"reasoning_effort\":\"high\"}", "{\"reasoning_effort\":\"high\"}",
             "");
    prepares("gpt-5", false, "{\"reasoning_effort\":\"xhigh\"}", "{\"reasoning_effort\":\"high\"}",
             "reasoning_effort");
    prepares("gpt-5.2", false, "{\"reasoning_effort\":\"xhigh\"}",
             "{\"reasoning_effort\":\"xhigh\"}", "");
    prepares("o3", false, "{\"reasoning_effort\":\"minimal\"}", "{\"reasoning_effort\":\"low\"}",
             "reasoning_effort");
    prepares("gpt-5", false, "{\"reasoning_effort\":\"new\"}", "{\"reasoning_effort\":\"new\"}",
             "");
    prepares("gpt-5", false, "{\"reasoning\":{\"effort\":\"low\"}}",
             "{\"reasoning_effort\":\"low\"}", "");
    prepares("gpt-5", false, "{\"reasoning\":{\"max_tokens\":9}}", "{\"reasoning_effort\":\"low\"}",
             "");
    prepares("gpt-5.2", false, "{\"reasoning\":{\"enabled\":false,\"effort\":\"high\"}}",
             "{\"reasoning_effort\":\"none\"}", "");
    prepares(
        "gpt-5.2", false,
        "{\"thinking\":{\"type\":\"enabled\",\"budget_tokens\":20000},\"enable_thinking\":false}",
        "{\"reasoning_effort\":\"high\"}", "");
    prepares("gpt-5.2", false, "{\"thinking\":{\"type\":\"disabled\"}}",
             "{\"reasoning_effort\":\"none\"}", "");
    prepares("gpt-5.2", false, "{\"enable_thinking\":true,\"include_reasoning\":true}", "{}", "");
    prepares("o3", false, "{\"thinking_budget\":8192,\"reasoning_effort\":\"low\"}",
             "{\"reasoning_effort\":\"low\"}", "");
    prepares("gpt-4.1", false, "{\"thinking\":{\"type\":\"disabled\"},\"thinking_budget\":8192}",
             "{}", "thinking_budget");
    /* Tools only without effort. */
    prepares("gpt-5.4", false, "{\"tools\":[{}],\"reasoning_effort\":\"high\"}",
             "{\"tools\":[{}],\"reasoning_effort\":\"none\"}", "reasoning_effort");
    prepares("gpt-5.6", false, "{\"tools\":[{}]}", "{\"tools\":[{}],\"reasoning_effort\":\"none\"}",
             "");
    prepares("gpt-5.4", false, "{\"reasoning_effort\":\"high\"}", "{\"reasoning_effort\":\"high\"}",
             "");
    prepares("gpt-5.3-codex", false, "{}", "refused: This model answers on the Responses API only.",
             "");
}

static void limits_and_streams(void **state)
{
    (void)state;
    prepares("gpt-4o", false, "{\"max_tokens\":32000}", "{\"max_tokens\":16384}", "");
    prepares("gpt-5", false, "{\"max_completion_tokens\":1000000}",
             "{\"max_completion_tokens\":128000}", "");
    prepares("gpt-4o", true, "{\"stream\":true}",
             "{\"stream\":true,\"stream_options\":{\"include_usage\":true}}", "");
    prepares("gpt-4o", true,
             "{\"stream\":true,\"stream_options\":{\"include_usage\":false,\"y\":1}}",
             "{\"stream\":true,\"stream_options\":{\"include_usage\":true,\"y\":1}}", "");
    prepares("gpt-4o", false, "{\"stream_options\":{\"include_usage\":true}}", "{}", "");
    prepares("gpt-4o", false,
             "{\"tools\":[],\"tool_choice\":\"auto\",\"parallel_tool_calls\":true}", "{}", "");
}

static void text_between_calls_and_results(void **state)
{
#define CALLS  "\"tool_calls\":[{\"id\":\"a\"}]"
#define RESULT "{\"role\":\"tool\",\"tool_call_id\":\"a\"}"
    (void)state;
    prepares("gpt-4.1", false,
             "{\"messages\":[{\"role\":\"assistant\",\"content\":null," CALLS "},"
             "{\"role\":\"assistant\",\"content\":\"say \\u0001\"}," RESULT "]}",
             "{\"messages\":[{\"role\":\"assistant\",\"content\":\"say \\u0001\"," CALLS "}," RESULT
             "]}",
             "");
    prepares("gpt-4.1", false,
             "{\"messages\":[{\"role\":\"assistant\",\"content\":\"one\"," CALLS "},"
             "{\"role\":\"assistant\",\"content\":[{\"type\":\"text\",\"text\":\"two\"}]},"
             "{\"role\":\"assistant\",\"content\":\"three\"}," RESULT "]}",
             "{\"messages\":[{\"role\":\"assistant\",\"content\":\"one\\ntwo\\nthree\"," CALLS
             "}," RESULT "]}",
             "");
    prepares("gpt-4.1", false,
             "{\"messages\":[{\"role\":\"assistant\"," CALLS "}," RESULT
             ",{\"role\":\"assistant\",\"content\":\"x\"}]}",
             "{\"messages\":[{\"role\":\"assistant\"," CALLS "}," RESULT
             ",{\"role\":\"assistant\",\"content\":\"x\"}]}",
             "");
}

/* --- encoding -------------------------------------------------------------------------------- */

static void encodes_messages(void **state)
{
    struct family_case c;
    struct chat_request r;
    struct chat_message **m = &r.messages;

    (void)state;
    family_case_open(&c, &family_azure_openai, "gpt-4.1");
    chat_request_init(&r);
    struct chat_part **p = case_message(&c, &m, CHAT_SYSTEM);
    case_text(&c, &p, "one")->cache.set = true;
    case_text(&c, &p, "two");
    p = case_message(&c, &m, CHAT_USER);
    case_text(&c, &p, "look");
    case_image(&c, &p, "image/png", "QUJD")->detail = STR("low");
    p = case_message(&c, &m, CHAT_ASSISTANT);
    chat_add_part(c.arena, &p, CHAT_THINKING)->text = STR("hm");
    case_call(&c, &p, "call_1", "f", "{\"a\":1}");
    case_call(&c, &p, "call_2", "g", "");
    p = case_message(&c, &m, CHAT_USER);
    struct chat_part *result = case_result(&c, &p, "call_1", "broken");
    struct chat_part **content = &result->content->next;
    case_image(&c, &content, "image/gif", "R0lG");
    result->error = true;
    case_result(&c, &p, "call_2", "fine");
    case_text(&c, &p, "go on");
    p = case_message(&c, &m, CHAT_ASSISTANT);
    chat_add_part(c.arena, &p, CHAT_THINKING)->text = STR("alone");
    assert_string_equal(
        family_case_encode(&c, &r),
        "{\"messages\":["
        "{\"role\":\"system\",\"content\":[{\"type\":\"text\",\"text\":\"one\"},"
        "{\"type\":\"text\",\"text\":\"two\"}]},"
        "{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"look\"},"
        "{\"type\":\"image_url\",\"image_url\":{\"url\":\"data:image/png;base64,QUJD\","
        "\"detail\":\"low\"}}]},"
        "{\"role\":\"assistant\",\"content\":null,\"tool_calls\":["
        "{\"id\":\"call_1\",\"type\":\"function\",\"function\":{\"name\":\"f\","
        "\"arguments\":\"{\\\"a\\\":1}\"}},"
        "{\"id\":\"call_2\",\"type\":\"function\",\"function\":{\"name\":\"g\","
        "\"arguments\":\"{}\"}}]},"
        "{\"role\":\"tool\",\"tool_call_id\":\"call_1\",\"content\":\"Error: broken\"},"
        "{\"role\":\"tool\",\"tool_call_id\":\"call_2\",\"content\":\"fine\"},"
        "{\"role\":\"user\",\"content\":["
        "{\"type\":\"text\",\"text\":\"From the result of tool call call_1:\"},"
        "{\"type\":\"image_url\",\"image_url\":{\"url\":\"data:image/gif;base64,R0lG\"}},"
        "{\"type\":\"text\",\"text\":\"go on\"}]}]}");
    assert_string_equal(family_case_dropped(&c), "cache_control");
    family_case_close(&c);
}

static void encodes_files_and_audio(void **state)
{
    struct family_case c;
    struct chat_request r;
    struct chat_message **m = &r.messages;

    (void)state;
    family_case_open(&c, &family_azure_openai, "gpt-4.1");
    chat_request_init(&r);
    struct chat_part **p = case_message(&c, &m, CHAT_USER);
    struct chat_part *d = chat_add_part(c.arena, &p, CHAT_DOCUMENT);
    d->media_type = STR("application/pdf");
    d->data = STR("JVBE");
    d->name = STR("a.pdf");
    struct chat_part *a = chat_add_part(c.arena, &p, CHAT_AUDIO);
    a->media_type = STR("audio/mpeg");
    a->data = STR("SUQz");
    assert_string_equal(
        family_case_encode(&c, &r),
        "{\"messages\":[{\"role\":\"user\",\"content\":["
        "{\"type\":\"file\",\"file\":{\"filename\":\"a.pdf\","
        "\"file_data\":\"data:application/pdf;base64,JVBE\"}},"
        "{\"type\":\"input_audio\",\"input_audio\":{\"data\":\"SUQz\",\"format\":\"mp3\"}}]}]}");
    d->data = STR_NONE;
    d->url = STR("https://files.example.test/a.pdf");
    assert_string_equal(family_case_encode(&c, &r),
                        "refused: This model's API does not take a document by address; send its "
                        "content.");
    family_case_close(&c);
}

static void encodes_options(void **state)
{
    struct family_case c;
    struct chat_request r;
    struct chat_stop_sequence stop = {.text = STR("END")};

    (void)state;
    family_case_open(&c, &family_azure_openai, "gpt-5.2");
    c.call.stream = true;
    chat_request_init(&r);
    case_tool(&c, &r, "f", "{\"type\":\"object\",\"x\":12345678901234567890}")->strict = 1;
    case_tool(&c, &r, "g", "");
    r.choice = CHAT_CHOICE_ONE;
    r.choice_name = STR("f");
    r.parallel_calls = 0;
    r.max_tokens = 50;
    r.stops = &stop;
    r.temperature = STR("0.70");
    r.top_k = STR("5");
    r.seed = STR("12345678901234567890");
    r.n = 2;
    r.logprobs = 1;
    r.top_logprobs = 3;
    r.thinking = CHAT_THINKING_BUDGET;
    r.thinking_budget = 9000;
    r.format = CHAT_FORMAT_SCHEMA;
    r.format_schema = STR("{}");
    r.format_strict = 1;
    r.user = STR("u");
    assert_string_equal(
        family_case_encode(&c, &r),
        "{\"messages\":[],\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\","
        "\"parameters\":{\"type\":\"object\",\"x\":12345678901234567890},\"strict\":true}},"
        "{\"type\":\"function\",\"function\":{\"name\":\"g\"}}],"
        "\"tool_choice\":{\"type\":\"function\",\"function\":{\"name\":\"f\"}},"
        "\"parallel_tool_calls\":false,\"max_tokens\":50,\"stop\":[\"END\"],"
        "\"temperature\":0.70,\"seed\":12345678901234567890,\"n\":2,\"logprobs\":true,"
        "\"top_logprobs\":3,\"reasoning_effort\":\"high\","
        "\"response_format\":{\"type\":\"json_schema\",\"json_schema\":{\"name\":\"response\","
        "\"schema\":{},\"strict\":true}},\"user\":\"u\",\"stream\":true}");
    assert_string_equal(family_case_dropped(&c), "top_k");
    family_case_close(&c);
}

/* What Claude Code says of its user is longer than upstream takes. */
static void keeps_users_apart(void **state)
{
    static const char longest[] =
        "0123456789012345678901234567890123456789012345678901234567890123";
    struct family_case c;
    struct chat_request r;

    (void)state;
    family_case_open(&c, &family_azure_openai, "gpt-5.2");
    chat_request_init(&r);
    r.user = str_from(longest);
    r.prompt_cache_key = STR("{\"device_id\":\"0000\",\"account_uuid\":\"\",\"session_id\":"
                             "\"11111111-2222-3333-4444\"}");
    const char *want = "{\"messages\":[],\"user\":\"01234567890123456789012345678901234567890123"
                       "45678901234567890123\",\"prompt_cache_key\":"
                       "\"c39f8a18247409641fec43465fd5ee25be2a73cc38edc7f7260b382313cacbd4\"}";
    assert_string_equal(family_case_encode(&c, &r), want);
    assert_string_equal(family_case_dropped(&c), "");
    family_case_close(&c);
}

static void encodes_thinking(void **state)
{
    static const struct {
        const char *model;
        enum chat_thinking thinking;
        enum chat_effort effort;
        const char *want, *declared;
    } cases[] = {
        {"gpt-5", CHAT_THINKING_OFF, 0, "{\"messages\":[],\"reasoning_effort\":\"minimal\"}", ""},
        {"gpt-5.1", CHAT_THINKING_OFF, 0, "{\"messages\":[],\"reasoning_effort\":\"none\"}", ""},
        {"o3", CHAT_THINKING_EFFORT, CHAT_EFFORT_MAX,
         "{\"messages\":[],\"reasoning_effort\":\"high\"}", ""},
        {"gpt-5", CHAT_THINKING_ADAPTIVE, 0, "{\"messages\":[]}", ""},
        {"gpt-4.1", CHAT_THINKING_EFFORT, CHAT_EFFORT_HIGH, "{\"messages\":[]}", "thinking"},
        {"gpt-4.1", CHAT_THINKING_OFF, 0, "{\"messages\":[]}", ""},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct family_case c;
        struct chat_request r;
        family_case_open(&c, &family_azure_openai, cases[i].model);
        chat_request_init(&r);
        r.thinking = cases[i].thinking;
        r.effort = cases[i].effort;
        assert_string_equal(family_case_encode(&c, &r), cases[i].want);
        assert_string_equal(family_case_dropped(&c), cases[i].declared);
        family_case_close(&c);
    }
}

static void long_ids_are_hashed(void **state)
{
    struct family_case c;
    struct chat_request r;
    struct chat_message **m = &r.messages;
    const char *id = "call_0123456789012345678901234567890123456789";

    (void)state;
    family_case_open(&c, &family_azure_openai, "gpt-4.1");
    chat_request_init(&r);
    struct chat_part **p = case_message(&c, &m, CHAT_ASSISTANT);
    case_call(&c, &p, id, "f", "{}");
    p = case_message(&c, &m, CHAT_USER);
    case_result(&c, &p, id, "x");
    const char *json = family_case_encode(&c, &r);
    assert_null(strstr(json, id));
    const char *made = strstr(json, "\"id\":\"") + 6, *again = strstr(json, "_call_id\":\"") + 11;
    assert_memory_equal(made, again, 24);
    assert_int_equal(made[24], '"');
    family_case_close(&c);
}

/* --- answers --------------------------------------------------------------------------------- */

#define CHUNK(choices)                                                                             \
    "data: {\"id\":\"chatcmpl-1\",\"model\":\"gpt-x\",\"choices\":[" choices "],\"usage\":null}"   \
    "\n\n"
#define DELTA(delta)   CHUNK("{\"index\":0,\"delta\":" delta ",\"finish_reason\":null}")
#define FINISH(reason) CHUNK("{\"index\":0,\"delta\":{},\"finish_reason\":\"" reason "\"}")
#define FILTER_CHUNK                                                                               \
    "data: "                                                                                       \
    "{\"choices\":[],\"created\":0,\"id\":\"\",\"model\":\"\",\"prompt_filter_results\":[]}\n\n\n"
#define USAGE_CHUNK                                                                                \
    "data: {\"id\":\"chatcmpl-1\",\"choices\":[],\"usage\":{\"prompt_tokens\":9,"                  \
    "\"completion_tokens\":4,\"prompt_tokens_details\":{\"cached_tokens\":2},"                     \
    "\"completion_tokens_details\":{\"reasoning_tokens\":3}}}\n\n"
#define CALL(index, id, name, args)                                                                \
    "{\"index\":" #index ",\"id\":\"" id "\",\"type\":\"function\",\"function\":{\"name\":\"" name \
    "\",\"arguments\":\"" args "\"}}"
#define MORE(index, args) "{\"index\":" #index ",\"function\":{\"arguments\":\"" args "\"}}"
#define CALLS_OF(list)    DELTA("{\"tool_calls\":[" list "]}")

static void reads(const char *stream, const char *want)
{
    struct family_case c;

    family_case_open(&c, &family_azure_openai, "gpt-4.1");
    c.call.stream = true;
    assert_string_equal(family_case_stream(&c, stream), want);
    family_case_close(&c);
}

#define START "start id=chatcmpl-1 model=gpt-x\n"

static void reads_text(void **state)
{
    (void)state;
    reads(FILTER_CHUNK DELTA("{\"role\":\"assistant\",\"content\":\"\"}")
              DELTA("{\"content\":\"He\"}") DELTA("{\"content\":\"y\\n\"}") FINISH("stop")
                  USAGE_CHUNK "data: [DONE]\n\n",
          START "open 0 text\ndelta 0 \"He\"\ndelta 0 \"y\\n\"\n"
                "usage input=9 output=4 read=2 reasoning=3\nclose 0\nstop end\nend ok\n");
    reads(DELTA("{\"content\":\"x\"}") FINISH("length"),
          START "open 0 text\ndelta 0 \"x\"\nclose 0\nstop length\nend ok\n");
    reads(FINISH("content_filter") "data: [DONE]\n\n", START "stop filter\nend ok\n");
    reads(DELTA("{\"refusal\":\"no\"}") FINISH("stop"),
          START "open 0 refusal\ndelta 0 \"no\"\nclose 0\nstop refusal\nend ok\n");
}

static void reads_thinking_and_logprobs(void **state)
{
    (void)state;
    reads(DELTA("{\"reasoning_content\":\"hm\"}") DELTA("{\"content\":\"x\"}") FINISH("stop"),
          START "open 0 thinking\ndelta 0 \"hm\"\nclose 0\nopen 1 text\ndelta 1 \"x\"\nclose 1\n"
                "stop end\nend ok\n");
    reads(CHUNK("{\"index\":0,\"delta\":{\"content\":\"x\"},\"logprobs\":{\"content\":"
                "[{\"token\":\"x\",\"logprob\":-0.10}]},\"finish_reason\":\"stop\"}"),
          START "open 0 text\ndelta 0 \"x\" logprobs=[{\"token\":\"x\",\"logprob\":-0.10}]\n"
                "close 0\nstop end\nend ok\n");
}

static void reads_calls(void **state)
{
    (void)state;
    reads(CALLS_OF(CALL(0, "a", "f", "")) CALLS_OF(MORE(0, "{\\\"x\\\"")) CALLS_OF(MORE(0, ":1}"))
              CALLS_OF(CALL(1, "b", "g", "")) CALLS_OF(MORE(1, "{}")) FINISH("tool_calls"),
          START "open 0 tool id=a name=f\ndelta 0 \"{\\\"x\\\"\"\ndelta 0 \":1}\"\nclose 0\n"
                "open 1 tool id=b name=g\ndelta 1 \"{}\"\nclose 1\nstop tool\nend ok\n");
    /* Text first; both calls in one chunk; no arguments at all. */
    reads(DELTA("{\"content\":\"t\",\"tool_calls\":[" CALL(0, "a", "f", "") "," CALL(
              1, "b", "g", "{}") "]}") FINISH("stop"),
          START "open 0 text\ndelta 0 \"t\"\nclose 0\nopen 1 tool id=a name=f\nclose 1\n"
                "open 2 tool id=b name=g\ndelta 2 \"{}\"\nclose 2\nstop tool\nend ok\n");
}

static void reads_interleaved_calls(void **state)
{
    (void)state;
    reads(CALLS_OF(CALL(0, "a", "f", "{")) CALLS_OF(CALL(1, "b", "g", "[1"))
              CALLS_OF(MORE(0, "\\\"k\\\":\\\"}\\\"")) CALLS_OF(MORE(1, ",2]"))
                  CALLS_OF(MORE(0, "}")) CALLS_OF(CALL(2, "c", "h", "{}")) FINISH("tool_calls"),
          START "open 0 tool id=a name=f\ndelta 0 \"{\"\ndelta 0 \"\\\"k\\\":\\\"}\\\"\"\n"
                "delta 0 \"}\"\nclose 0\nopen 1 tool id=b name=g\ndelta 1 \"[1,2]\"\n"
                "close 1\nopen 2 tool id=c name=h\ndelta 2 \"{}\"\nclose 2\nstop tool\nend ok\n");
    /* All calls with number 0 and ids of their own; without numbers. */
    reads(CALLS_OF(CALL(0, "a", "f", "{}")) CALLS_OF(CALL(0, "b", "g", "{}")) FINISH("tool_calls"),
          START "open 0 tool id=a name=f\ndelta 0 \"{}\"\nclose 0\nopen 1 tool id=b name=g\n"
                "delta 1 \"{}\"\nclose 1\nstop tool\nend ok\n");
    reads(CALLS_OF(CALL(0, "a", "f", "{}")) CALLS_OF(CALL(1, "b", "g", "{}"))
              CALLS_OF(MORE(0, "x")),
          START "open 0 tool id=a name=f\ndelta 0 \"{}\"\nclose 0\nopen 1 tool id=b name=g\n"
                "delta 1 \"{}\"\nend malformed\n");
}

static void reads_several_choices(void **state)
{
    (void)state;
    reads(CHUNK("{\"index\":1,\"delta\":{\"content\":\"b\"}}")
              CHUNK("{\"index\":0,\"delta\":{\"content\":\"a\"}}")
                  CHUNK("{\"index\":1,\"delta\":{},\"finish_reason\":\"length\"}") FINISH("stop"),
          START "open 1/ 0 text\ndelta 1/ 0 \"b\"\nopen 0 text\ndelta 0 \"a\"\nclose 0\nstop end\n"
                "close 1/ 0\nstop* length\nend ok\n");
}

/* Two were asked for, one came. */
static void absent_choices_end_too(void **state)
{
    struct family_case c;

    (void)state;
    family_case_open(&c, &family_azure_openai, "gpt-4.1");
    c.call.choices = 2;
    assert_string_equal(
        family_case_stream(&c, CHUNK("{\"index\":0,\"delta\":{\"content\":\"a\"}}") FINISH("stop")),
        START "open 0 text\ndelta 0 \"a\"\nclose 0\nstop end\nstop* end\nend ok\n");
    assert_string_equal(family_case_stream(&c, CHUNK("{\"index\":0,\"delta\":{}}")),
                        START "end malformed\n");
    family_case_close(&c);
}

static void broken_streams(void **state)
{
    (void)state;
    reads("", "end malformed\n");
    reads(DELTA("{\"content\":\"x\"}"), START "open 0 text\ndelta 0 \"x\"\nend malformed\n");
    reads(DELTA("{\"content\":\"x\"}") "data: [DONE]\n\n",
          START "open 0 text\ndelta 0 \"x\"\nend malformed\n");
    reads(DELTA("{\"content\":\"x\"}") "data: {\"choi",
          START "open 0 text\ndelta 0 \"x\"\nend malformed\n");
    reads("data: no JSON\n\n", "end malformed\n");
    reads(
        DELTA(
            "{\"content\":\"x\"}") "data: {\"error\":{\"code\":\"429\",\"message\":\"slow\"}}\n\n",
        START "open 0 text\ndelta 0 \"x\"\nerror rate_limit \"slow\"\nend ok\n");
    reads(FINISH("stop") "data: [DONE]\n\n" DELTA("{\"content\":\"late\"}") "data: [DONE]\n\n",
          START "stop end\nend ok\n");
    reads(CHUNK("{\"index\":4000000000,\"delta\":{}}"), START "end malformed\n");
}

static void the_lane_passes_bytes(void **state)
{
    struct family_case c;
#define ODD_CHUNK "data: { \"choices\" :[{\"delta\":{\"content\":\"\\u00e9\"}}], \"zz\":1e2}\n\n"

    (void)state;
    family_case_open(&c, &family_azure_openai, "gpt-4.1");
    c.call.stream = c.call.lane = true;
    const char *stream = FILTER_CHUNK ODD_CHUNK FINISH("stop") USAGE_CHUNK "data: [DONE]\n\n";
    assert_string_equal(family_case_relay(&c, stream), ODD_CHUNK FINISH("stop") "data: [DONE]\n\n");
    c.call.include_usage = true;
    assert_string_equal(family_case_relay(&c, stream),
                        ODD_CHUNK FINISH("stop") USAGE_CHUNK "data: [DONE]\n\n");
    assert_string_equal(
        family_case_relay(&c, ODD_CHUNK "data: {\"error\":{\"message\":\"m\"}}\n\n"), ODD_CHUNK);
    family_case_close(&c);
}

static void memory_does_not_grow(void **state)
{
    struct family_case c;

    (void)state;
    family_case_open(&c, &family_azure_openai, "gpt-4.1");
    assert_int_equal(family_case_growth(&c, "{\"choices\":[{\"delta\":{\"content\":\"x\\n\"},"
                                            "\"logprobs\":{\"content\":[{\"token\":\"x\"}]}}]}"),
                     0);
    assert_int_equal(family_case_growth(&c,
                                        "{\"choices\":[{\"delta\":{\"tool_calls\":[{\"index\":0,"
                                        "\"id\":\"a\",\"function\":{\"name\":\"f\","
                                        "\"arguments\":\"{\\\"\"}}]}}]}"),
                     0);
    family_case_close(&c);
}

static void whole_answers(void **state)
{
    struct family_case c;

    (void)state;
    family_case_open(&c, &family_azure_openai, "gpt-4.1");
    assert_string_equal(
        family_case_whole(
            &c, "{\"id\":\"i\",\"model\":\"m\",\"choices\":[{\"index\":0,\"message\":{"
                "\"content\":\"x\",\"tool_calls\":[{\"id\":\"a\",\"function\":{\"name\":\"f\","
                "\"arguments\":\"{\"}},{\"id\":\"b\",\"function\":{\"name\":\"f\","
                "\"arguments\":\"{}\"}}]},\"finish_reason\":\"tool_calls\"}],"
                "\"usage\":{\"prompt_tokens\":1,\"completion_tokens\":2}}"),
        "start id=i model=m\nopen 0 text\ndelta 0 \"x\"\nclose 0\nopen 1 tool id=a name=f\n"
        "delta 1 \"{\"\nusage input=1 output=2\nclose 1\nopen 2 tool id=b name=f\ndelta 2 \"{}\"\n"
        "close 2\nstop tool\nend ok\n");
    assert_string_equal(family_case_whole(&c, "{\"error\":{\"code\":\"content_filter\","
                                              "\"message\":\"f\"}}"),
                        "error content_filter \"f\"\nend ok\n");
    assert_string_equal(family_case_whole(&c, "{}"), "end malformed\n");
    assert_string_equal(family_case_whole(&c, "<html>"), "end malformed\n");
    family_case_close(&c);
}

static void embeddings(void **state)
{
    struct family_case c;
    struct embed_input two = {.text = STR("b")}, one = {.text = STR("a"), .next = &two};
    struct embed_request r = {.inputs = &one, .count = 2, .dimensions = 8, .base64 = true};
    struct buf out = {0};
    struct embed_answer answer = {0};

    (void)state;
    family_case_open(&c, &family_azure_openai, "text-embedding-3-small");
    const struct family_embed *embed = family_azure_openai.embed;
    assert_int_equal(embed->encode(c.arena, &r, &c.call, &out, &c.dropped, &c.err), OK);
    assert_true(str_is(buf_str(&out), "{\"input\":[\"a\",\"b\"],\"encoding_format\":\"base64\","
                                      "\"dimensions\":8}"));
    buf_free(&out);
    struct str body = STR("{\"data\":[{\"index\":1,\"embedding\":\"AAAA\"},{\"index\":0,"
                          "\"embedding\":[0.10,2]}],\"usage\":{\"prompt_tokens\":3}}");
    assert_int_equal(embed->decode(c.arena, &r, body, &answer), OK);
    assert_true(str_is(answer.vectors->numbers, "[0.10,2]"));
    assert_true(str_is(answer.vectors->next->base64, "AAAA"));
    assert_null(answer.vectors->next->next);
    assert_int_equal(answer.tokens, 3);
    assert_int_equal(embed->decode(c.arena, &r, STR("{\"data\":[]}"), &answer), E_SYNTAX);
    body = STR("{\"data\":[{\"index\":1,\"embedding\":[1]},{\"index\":1,\"embedding\":[1]}]}");
    assert_int_equal(embed->decode(c.arena, &r, body, &answer), E_SYNTAX);
    two.tokens = STR("[1,2]");
    assert_int_equal(embed->encode(c.arena, &r, &c.call, &out, &c.dropped, &c.err), E_SYNTAX);
    buf_free(&out);
    family_case_close(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(paths),
        cmocka_unit_test(untouched_bytes_survive),
        cmocka_unit_test(unknown_fields_go),
        cmocka_unit_test(reasoning_models),
        cmocka_unit_test(efforts),
        cmocka_unit_test(limits_and_streams),
        cmocka_unit_test(text_between_calls_and_results),
        cmocka_unit_test(encodes_messages),
        cmocka_unit_test(encodes_files_and_audio),
        cmocka_unit_test(encodes_options),
        cmocka_unit_test(keeps_users_apart),
        cmocka_unit_test(encodes_thinking),
        cmocka_unit_test(long_ids_are_hashed),
        cmocka_unit_test(reads_text),
        cmocka_unit_test(reads_thinking_and_logprobs),
        cmocka_unit_test(reads_calls),
        cmocka_unit_test(reads_interleaved_calls),
        cmocka_unit_test(reads_several_choices),
        cmocka_unit_test(absent_choices_end_too),
        cmocka_unit_test(broken_streams),
        cmocka_unit_test(the_lane_passes_bytes),
        cmocka_unit_test(memory_does_not_grow),
        cmocka_unit_test(whole_answers),
        cmocka_unit_test(embeddings),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

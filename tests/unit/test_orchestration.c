/* SAP's orchestration service: what goes into its request, and what its envelope means. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "chat/collect.h"
#include "family/orchestration.h"
#include "family_case.h"

#define GPT    "gpt-4.1"
#define CLAUDE "anthropic--claude-4.5-sonnet"

static void begin(struct family_case *c, struct chat_request *r, const char *model)
{
    family_case_open(c, &family_orchestration, model);
    chat_request_init(r);
}

static void say(struct family_case *c, struct chat_message ***at, enum chat_role role,
                const char *text)
{
    struct chat_part **p = case_message(c, at, role);
    case_text(c, &p, text);
}

#define BODY(modules, values, history)                                                             \
    "{\"config\":{\"modules\":{" modules "}},\"placeholder_values\":" values                       \
    ",\"messages_history\":" history "}"
#define PROMPT(prompt, model, params)                                                              \
    "\"prompt_templating\":{\"prompt\":{" prompt "},\"model\":{\"name\":\"" model                  \
    "\",\"params\":{" params "}}}"
#define LAST "\"template\":[{\"role\":\"user\",\"content\":\"{{?corelay_1}}\"}]"

static void has_one_path(void **state)
{
    struct family_case c;
    struct chat_request r;

    (void)state;
    begin(&c, &r, GPT);
    assert_string_equal(family_case_path(&c), "/v2/completion");
    assert_false(family_orchestration.lane_fits(NULL));
    family_case_close(&c);
}

static void the_last_message_is_a_placeholder(void **state)
{
    struct family_case c;
    struct chat_request r;
    struct chat_message **m = &r.messages;

    (void)state;
    begin(&c, &r, GPT);
    say(&c, &m, CHAT_SYSTEM, "Be kind. {{?a}}");
    say(&c, &m, CHAT_USER, "one {{?b}}");
    say(&c, &m, CHAT_ASSISTANT, "two");
    say(&c, &m, CHAT_USER, "{{?corelay_1}} {{ ?x }} {% if %} {#\"");
    r.max_tokens = 7;
    r.temperature = STR("0.50");
    assert_string_equal(
        family_case_encode(&c, &r),
        BODY(PROMPT(LAST, GPT, "\"max_completion_tokens\":7,\"temperature\":0.50"),
             "{\"corelay_1\":\"{{?corelay_1}} {{ ?x }} {% if %} {#\\\"\"}",
             "[{\"role\":\"system\",\"content\":\"Be kind. {{?a}}\"},{\"role\":\"user\","
             "\"content\":\"one {{?b}}\"},{\"role\":\"assistant\",\"content\":\"two\"}]"));
    assert_string_equal(family_case_dropped(&c), "");
    family_case_close(&c);
}

/* Nothing else that a caller writes into the last message can be a placeholder either. */
static void no_member_of_the_last_message_is_a_template(void **state)
{
    struct family_case c;
    struct chat_request r;
    struct chat_message **m = &r.messages;

    (void)state;
    begin(&c, &r, GPT);
    struct chat_part **p = case_message(&c, &m, CHAT_USER);
    case_text(&c, &p, "a {{?x}}");
    struct chat_part *image = case_image(&c, &p, "image/{{?x}}", "QUJD");
    image->detail = STR("{{?x}}");
    image = case_image(&c, &p, "", "");
    image->url = STR("https://example.test/{{?x}}.png");
    struct chat_part *file = case_image(&c, &p, "application/pdf", "QUJD");
    file->kind = CHAT_DOCUMENT;
    file->name = STR("{{?x}}.pdf");
    assert_string_equal(
        family_case_encode(&c, &r),
        BODY(PROMPT("\"template\":[{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":"
                    "\"{{?corelay_1}}\"},{\"type\":\"image_url\",\"image_url\":{\"url\":"
                    "\"data:image/png;base64,QUJD\"}},{\"type\":\"image_url\",\"image_url\":"
                    "{\"url\":\"https://example.test/%7B%7B?x%7D%7D.png\"}},{\"type\":\"file\","
                    "\"file\":{\"file_data\":\"data:application/pdf;base64,QUJD\",\"filename\":"
                    "\"__?x__.pdf\"}}]}]",
                    GPT, ""),
             "{\"corelay_1\":\"a {{?x}}\"}", "[]"));
    family_case_close(&c);
}

static void results_end_the_conversation(void **state)
{
    struct family_case c;
    struct chat_request r;
    struct chat_message **m = &r.messages;

    (void)state;
    begin(&c, &r, GPT);
    case_tool(&c, &r, "f", "{\"type\":\"object\"}");
    say(&c, &m, CHAT_USER, "go");
    struct chat_part **p = case_message(&c, &m, CHAT_ASSISTANT);
    case_call(&c, &p, "{{?id}}", "f", "{\"a\":\"{{?x}}\"}");
    case_call(&c, &p, "two", "f", "{}");
    p = case_message(&c, &m, CHAT_USER);
    case_result(&c, &p, "{{?id}}", "{{?secret}}");
    case_result(&c, &p, "two", "2 {{?x}}");
    const char *body = family_case_encode(&c, &r);
    assert_non_null(strstr(body, "\"template\":[{\"role\":\"tool\",\"tool_call_id\":\"two\","
                                 "\"content\":\"{{?corelay_1}}\"}],\"tools\":[{\"type\":"
                                 "\"function\",\"function\":{\"name\":\"f\",\"parameters\":"
                                 "{\"type\":\"object\"}}}]}"));
    assert_non_null(strstr(body, "\"placeholder_values\":{\"corelay_1\":\"2 {{?x}}\"}"));
    assert_non_null(strstr(body, "\"content\":\"\",\"tool_calls\":[{\"id\":\"___id__"));
    assert_non_null(strstr(body, "\"arguments\":\"{\\\"a\\\":\\\"{{?x}}\\\"}\""));
    family_case_close(&c);
}

static void models_get_what_they_take(void **state)
{
    struct family_case c;
    struct chat_request r;
    struct chat_message **m = &r.messages;
    struct chat_stop_sequence stop = {.text = STR("END")};

    (void)state;
    begin(&c, &r, "gpt-5");
    say(&c, &m, CHAT_USER, "x");
    r.max_tokens = 9;
    r.temperature = STR("0.2");
    r.top_p = STR("1");
    r.seed = STR("12345678901234567890");
    r.stops = &stop;
    r.thinking = CHAT_THINKING_BUDGET;
    r.thinking_budget = 20000;
    r.top_k = STR("4");
    assert_string_equal(family_case_encode(&c, &r),
                        BODY(PROMPT(LAST, "gpt-5",
                                    "\"max_completion_tokens\":9,\"seed\":12345678901234567890,"
                                    "\"reasoning_effort\":\"high\""),
                             "{\"corelay_1\":\"x\"}", "[]"));
    assert_string_equal(family_case_dropped(&c), "temperature, top_k, stop");
    r.n = 2;
    assert_non_null(strstr(family_case_encode(&c, &r), "\"n\":2"));
    family_case_close(&c);

    begin(&c, &r, CLAUDE);
    m = &r.messages;
    say(&c, &m, CHAT_USER, "x");
    r.max_tokens = 9000;
    r.temperature = STR("0.2");
    r.seed = STR("1");
    r.thinking = CHAT_THINKING_BUDGET;
    r.thinking_budget = 2000;
    assert_string_equal(family_case_encode(&c, &r),
                        BODY(PROMPT(LAST, CLAUDE,
                                    "\"max_tokens\":9000,\"thinking\":{\"type\":\"enabled\","
                                    "\"budget_tokens\":2000}"),
                             "{\"corelay_1\":\"x\"}", "[]"));
    assert_string_equal(family_case_dropped(&c), "seed, temperature");
    r.n = 2;
    assert_string_equal(family_case_encode(&c, &r),
                        "refused: n: this model gives one answer per request");
    family_case_close(&c);

    begin(&c, &r, "gpt-5.3-codex");
    m = &r.messages;
    say(&c, &m, CHAT_USER, "x");
    assert_non_null(strstr(family_case_encode(&c, &r), "refused: This model answers on the "));
    family_case_close(&c);
}

static void cache_breakpoints_reach_claude(void **state)
{
    struct family_case c;
    struct chat_request r;
    struct chat_message **m = &r.messages;

    (void)state;
    begin(&c, &r, CLAUDE);
    struct chat_part **p = case_message(&c, &m, CHAT_SYSTEM);
    case_text(&c, &p, "long")->cache = (struct chat_cache){.set = true, .ttl = STR("1h")};
    p = case_message(&c, &m, CHAT_USER);
    case_text(&c, &p, "x")->cache.set = true;
    case_tool(&c, &r, "f", "{}")->cache.set = true;
    const char *body = family_case_encode(&c, &r);
    assert_non_null(strstr(body, "{\"role\":\"system\",\"content\":[{\"type\":\"text\",\"text\":"
                                 "\"long\",\"cache_control\":{\"type\":\"ephemeral\",\"ttl\":"
                                 "\"1h\"}}]}"));
    assert_non_null(strstr(body, "{\"type\":\"text\",\"text\":\"{{?corelay_1}}\","
                                 "\"cache_control\":{\"type\":\"ephemeral\"}}"));
    assert_non_null(strstr(body, "\"parameters\":{}},\"cache_control\":{\"type\":\"ephemeral\"}}"));
    c.model.name = STR(GPT);
    assert_null(strstr(family_case_encode(&c, &r), "cache_control"));
    family_case_close(&c);
}

static void thinking_goes_back_to_claude(void **state)
{
    struct family_case c;
    struct chat_request r;
    struct chat_message **m = &r.messages;

    (void)state;
    begin(&c, &r, CLAUDE);
    case_tool(&c, &r, "f", "{}");
    say(&c, &m, CHAT_USER, "go");
    struct chat_part **p = case_message(&c, &m, CHAT_ASSISTANT);
    struct chat_part *thought = case_text(&c, &p, "hm");
    thought->kind = CHAT_THINKING;
    thought->signature = STR("c2ln");
    case_call(&c, &p, "a", "f", "{}");
    p = case_message(&c, &m, CHAT_USER);
    case_result(&c, &p, "a", "1");
    r.thinking = CHAT_THINKING_BUDGET;
    r.thinking_budget = 2000;
    const char *body = family_case_encode(&c, &r);
    assert_non_null(
        strstr(body, "\"reasoning_content\":[{\"content\":\"hm\",\"signature\":\"c2ln\"}]"));
    assert_non_null(strstr(body, "\"thinking\":{\"type\":\"enabled\""));
    /* Behind a call that was made without it, Claude must not begin to think. */
    thought->signature = STR_NONE;
    body = family_case_encode(&c, &r);
    assert_null(strstr(body, "\"thinking\""));
    assert_null(strstr(body, "reasoning_content"));
    assert_non_null(strstr(family_case_dropped(&c), "thinking"));
    family_case_close(&c);
}

#define SCHEMA "{\"type\":\"object\",\"properties\":{}}"

static void structured_output(void **state)
{
    struct family_case c;
    struct chat_request r;
    struct chat_message **m = &r.messages;

    (void)state;
    begin(&c, &r, GPT);
    say(&c, &m, CHAT_USER, "x");
    r.format = CHAT_FORMAT_SCHEMA;
    r.format_name = STR("n");
    r.format_schema = STR(SCHEMA);
    r.format_strict = 1;
    assert_non_null(
        strstr(family_case_encode(&c, &r),
               LAST ",\"response_format\":{\"type\":\"json_schema\",\"json_schema\":{\"name\":"
                    "\"n\",\"schema\":" SCHEMA ",\"strict\":true}}}"));
    family_case_close(&c);

    begin(&c, &r, "anthropic--claude-3.7-sonnet");
    m = &r.messages;
    say(&c, &m, CHAT_USER, "x");
    r.format = CHAT_FORMAT_SCHEMA;
    r.format_schema = STR(SCHEMA);
    const char *body = family_case_encode(&c, &r);
    assert_non_null(strstr(body, "\"tools\":[{\"type\":\"function\",\"function\":{\"name\":"
                                 "\"json_output\""));
    assert_non_null(strstr(body, "\"tool_choice\":{\"type\":\"function\",\"function\":{\"name\":"
                                 "\"json_output\"}}"));
    r.format = CHAT_FORMAT_JSON;
    r.format_schema = STR_NONE;
    body = family_case_encode(&c, &r);
    assert_non_null(strstr(body, "{\"role\":\"system\",\"content\":[{\"type\":\"text\",\"text\":"
                                 "\"Answer with one JSON object"));
    family_case_close(&c);
}

/* --- profiles -------------------------------------------------------------------------------- */

static void profiles_stand_around_the_model(void **state)
{
    struct family_case c;
    struct chat_request r;
    struct chat_message **m = &r.messages;
    struct orchestration_profile profile = {.name = "p",
                                            .masking = STR("{\"providers\":[1]}"),
                                            .filtering = STR("{\"input\":2}"),
                                            .translation = STR("{\"output\":3}"),
                                            .chunk_size = 50,
                                            .delimiters = STR("[\".\"]")};

    (void)state;
    begin(&c, &r, GPT);
    say(&c, &m, CHAT_USER, "x");
    c.call.profile = &profile;
    c.call.stream = true;
    assert_string_equal(
        family_case_encode(&c, &r),
        "{\"config\":{\"modules\":{" PROMPT(
            LAST, GPT, "") ",\"filtering\":{\"input\":2},\"masking\":{\"providers\":[1]},"
                           "\"translation\":{\"output\":3}},\"stream\":{\"enabled\":true,"
                           "\"chunk_size\":50,\"delimiters\":[\".\"]}},\"placeholder_values\":"
                           "{\"corelay_1\":\"x\"},\"messages_history\":[]}");
    family_case_close(&c);
}

static void templates_get_the_question(void **state)
{
    struct family_case c;
    struct chat_request r;
    struct chat_message **m = &r.messages;
    struct orchestration_profile profile = {
        .name = "p",
        .grounding = STR("{\"g\":1}"),
        .prompt_template = STR("[{\"role\":\"user\",\"content\":\"{{?q}} {{?found}}\"}]"),
        .defaults = STR("{\"d\":\"e\"}"),
        .question = "q"};

    (void)state;
    begin(&c, &r, GPT);
    c.call.profile = &profile;
    case_tool(&c, &r, "f", "{}");
    say(&c, &m, CHAT_SYSTEM, "s");
    say(&c, &m, CHAT_USER, "what is {{?found}}?");
    const char *body = family_case_encode(&c, &r);
    assert_non_null(strstr(body, "\"prompt\":{\"template\":[{\"role\":\"user\",\"content\":"
                                 "\"{{?q}} {{?found}}\"}],\"defaults\":{\"d\":\"e\"},\"tools\":["));
    assert_non_null(strstr(body, "\"grounding\":{\"g\":1}"));
    assert_non_null(strstr(body, "\"placeholder_values\":{\"q\":\"what is {{?found}}?\"},"
                                 "\"messages_history\":[{\"role\":\"system\",\"content\":\"s\"}]"));
    /* While tools are at work there is no new question. */
    struct chat_part **p = case_message(&c, &m, CHAT_ASSISTANT);
    case_call(&c, &p, "a", "f", "{}");
    p = case_message(&c, &m, CHAT_USER);
    case_result(&c, &p, "a", "1");
    body = family_case_encode(&c, &r);
    assert_null(strstr(body, "grounding"));
    assert_non_null(strstr(body, "{\"role\":\"tool\",\"tool_call_id\":\"a\",\"content\":"
                                 "\"{{?corelay_1}}\"}"));
    assert_non_null(strstr(body, "\"placeholder_values\":{\"corelay_1\":\"1\"}"));
    family_case_close(&c);
}

static void templates_of_the_registry_take_no_tools(void **state)
{
    struct family_case c;
    struct chat_request r;
    struct chat_message **m = &r.messages;
    struct orchestration_profile profile = {
        .name = "p", .template_ref = STR("{\"id\":\"t\"}"), .question = "q"};

    (void)state;
    begin(&c, &r, GPT);
    c.call.profile = &profile;
    say(&c, &m, CHAT_USER, "x");
    assert_string_equal(
        family_case_encode(&c, &r),
        BODY(PROMPT("\"template_ref\":{\"id\":\"t\"}", GPT, ""), "{\"q\":\"x\"}", "[]"));
    case_tool(&c, &r, "f", "{}");
    assert_non_null(strstr(family_case_encode(&c, &r), "refused: A template of the prompt "));
    family_case_close(&c);
}

/* --- answers --------------------------------------------------------------------------------- */

static void reads(const char *model, const char *stream, const char *want)
{
    struct family_case c;

    family_case_open(&c, &family_orchestration, model);
    c.call.stream = true;
    assert_string_equal(family_case_stream(&c, stream), want);
    family_case_close(&c);
}

#define OPENING                                                                                    \
    "data: {\"request_id\":\"r\",\"intermediate_results\":{\"templating\":[]},\"final_result\":{"  \
    "\"id\":\"\",\"object\":\"\",\"created\":0,\"model\":\"\",\"choices\":[{\"index\":0,"          \
    "\"delta\":{\"content\":\"\",\"role\":\"\"},\"finish_reason\":\"\",\"logprobs\":{}}]}}\n\n"
#define CHUNK(delta, rest)                                                                         \
    "data: {\"request_id\":\"r\",\"intermediate_results\":{\"llm\":{\"choices\":[]}},"             \
    "\"final_result\":{\"id\":\"i\",\"created\":9,\"model\":\"m\",\"choices\":[{\"index\":0,"      \
    "\"delta\":{" delta "}" rest "}]}}\n\n"

static void unwraps_streams(void **state)
{
    (void)state;
    reads(GPT,
          OPENING CHUNK("\"content\":\"He\"", ",\"finish_reason\":\"\",\"logprobs\":{}")
              CHUNK("\"content\":\"llo\"", ",\"finish_reason\":\"\"")
                  CHUNK("\"content\":\"\"", ",\"finish_reason\":\"stop\"") "data: [DONE]\n\n",
          "start id=i model=m\nopen 0 text\ndelta 0 \"He\"\ndelta 0 \"llo\"\nclose 0\nstop end\n"
          "end ok\n");
    reads(GPT, OPENING CHUNK("\"content\":\"He\"", ""),
          "start id=i model=m\nopen 0 text\ndelta 0 \"He\"\nend malformed\n");
}

/* SAP/ai-sdk-js#942: calls of Claude were lost in streams; they stand beside an empty content, their
   pieces may lack numbers, and may come in one piece with the finish reason. */
static void tools_survive_orchestration_ai_sdk_js_942(void **state)
{
    const char *want = "start id=i model=m\nopen 0 text\ndelta 0 \"I look.\"\nclose 0\n"
                       "open 1 tool id=toolu_1 name=f\ndelta 1 \"{\\\"a\\\":1}\"\n"
                       "close 1\nopen 2 tool id=toolu_2 name=g\ndelta 2 \"{}\"\nclose 2\n"
                       "stop tool\nend ok\n";

    (void)state;
    reads(CLAUDE,
          OPENING CHUNK("\"content\":\"I look.\"", "")
              CHUNK("\"content\":\"\",\"tool_calls\":[{\"id\":\"toolu_1\",\"type\":\"function\","
                    "\"function\":{\"name\":\"f\",\"arguments\":\"{\\\"a\\\":1}\"}},"
                    "{\"id\":\"toolu_2\",\"type\":\"function\",\"function\":{\"name\":\"g\","
                    "\"arguments\":\"{}\"}}]",
                    ",\"finish_reason\":\"tool_calls\"") "data: [DONE]\n\n",
          want);
    reads(CLAUDE,
          OPENING CHUNK("\"content\":\"I look.\"", "")
              CHUNK("\"content\":\"\",\"tool_calls\":[{\"index\":0,\"id\":\"toolu_1\","
                    "\"function\":{\"name\":\"f\",\"arguments\":\"\"}}]",
                    "") CHUNK("\"content\":\"\",\"tool_calls\":[{\"index\":0,\"function\":"
                              "{\"arguments\":\"{\\\"a\\\":1}\"}}]",
                              "")
                  CHUNK("\"content\":\"\",\"tool_calls\":[{\"index\":1,\"id\":\"toolu_2\","
                        "\"function\":{\"name\":\"g\",\"arguments\":\"{}\"}}]",
                        "") CHUNK("\"content\":\"\"",
                                  ",\"finish_reason\":\"tool_calls\"") "data: [DONE]\n\n",
          want);
}

static void unwraps_whole_answers(void **state)
{
    struct family_case c;

    (void)state;
    family_case_open(&c, &family_orchestration, CLAUDE);
    assert_string_equal(
        family_case_whole(
            &c, "{\"request_id\":\"r\",\"intermediate_results\":{\"llm\":{}},\"final_result\":{"
                "\"id\":\"i\",\"model\":\"m\",\"choices\":[{\"index\":0,\"message\":{\"role\":"
                "\"assistant\",\"content\":\"x\",\"reasoning_content\":[{\"content\":\"hm\","
                "\"signature\":\"c2ln\"}]},\"finish_reason\":\"stop\"}],\"usage\":{"
                "\"prompt_tokens\":14,\"completion_tokens\":2,\"prompt_tokens_details\":"
                "{\"cached_tokens\":100,\"cache_creation_tokens\":50}}}}"),
        "start id=i model=m\nopen 0 thinking\ndelta 0 \"hm\"\ndelta 0 signature=c2ln\nclose 0\n"
        "open 1 text\ndelta 1 \"x\"\nusage input=164 output=2 read=100 write=50\nclose 1\n"
        "stop end\nend ok\n");
    family_case_close(&c);
}

#define FILTERED                                                                                   \
    "{\"request_id\":\"r\",\"code\":400,\"message\":\"400 - Filtering Module - Output Filter: "    \
    "Content filtered.\",\"location\":\"Filtering Module - Output Filter\"}"

/* What a filter stops is an answer that was filtered, whenever that happens. */
static void filters_end_answers(void **state)
{
    struct chat_error err = {.kind = CHAT_ERROR_CONTENT_FILTER, .message = STR("No.")};
    struct family_case c;

    (void)state;
    reads(GPT, OPENING CHUNK("\"content\":\"\"", ",\"finish_reason\":\"content_filter\""),
          "start id=i model=m\nstop filter\nend ok\n");
    reads(GPT, OPENING CHUNK("\"content\":\"He\"", "") "data: {\"error\":" FILTERED "}\n\n",
          "start id=i model=m\nopen 0 text\ndelta 0 \"He\"\nclose 0\nstop filter\nend ok\n");
    reads(GPT, "data: {\"error\":[" FILTERED "]}\n\n",
          "start\nopen 0 refusal\ndelta 0 \"400 - Filtering Module - Output Filter: Content "
          "filtered.\"\nclose 0\nstop filter\nend ok\n");
    reads(GPT, OPENING "data: " FILTERED "\n\n",
          "start\nopen 0 refusal\ndelta 0 \"400 - Filtering Module - Output Filter: Content "
          "filtered.\"\nclose 0\nstop filter\nend ok\n");
    family_case_open(&c, &family_orchestration, GPT);
    struct family_reader *reader = family_orchestration.reader(
        c.arena, &c.call, chat_collect_sink(chat_collect_new(c.arena, 1000)));
    assert_int_equal(family_orchestration.read_refused(reader, &err), OK);
    family_case_close(&c);
}

static void other_errors_stay_errors(void **state)
{
    (void)state;
    reads(GPT,
          OPENING CHUNK("\"content\":\"He\"", "")
              CHUNK("\"content\":\"y\"", "") "data: {\"error\":{\"request_id\":\"r\",\"code\":500,"
                                             "\"message\":\"500 - LLM Module: broken\","
                                             "\"location\":\"LLM Module\"}}\n\n",
          "start id=i model=m\nopen 0 text\ndelta 0 \"He\"\ndelta 0 \"y\"\n"
          "error upstream \"500 - LLM Module: broken\"\nend ok\n");
    reads(GPT,
          OPENING "data: {\"error\":[{\"request_id\":\"r\",\"code\":429,\"message\":\"429 - LLM "
                  "Module: slow\",\"location\":\"LLM Module\"}]}\n\n",
          "error rate_limit \"429 - LLM Module: slow\"\nend ok\n");
}

static void the_answer_tool_is_unwrapped(void **state)
{
    (void)state;
    reads(CLAUDE,
          CHUNK("\"content\":\"\",\"tool_calls\":[{\"index\":0,\"id\":\"t\",\"function\":{\"name\":"
                "\"json_output\",\"arguments\":\"{\\\"a\\\":\"}}]",
                "")
              CHUNK("\"content\":\"\",\"tool_calls\":[{\"index\":0,\"function\":{\"arguments\":"
                    "\"1}\"}}]",
                    ",\"finish_reason\":\"tool_calls\"") "data: [DONE]\n\n",
          "start id=i model=m\nopen 0 text\ndelta 0 \"{\\\"a\\\":\"\ndelta 0 \"1}\"\nclose 0\n"
          "stop end\nend ok\n");
}

/* --- embeddings ------------------------------------------------------------------------------ */

static void embeddings_are_masked(void **state)
{
    struct family_case c;
    struct embed_input two = {.text = STR("b {{?x}}")}, one = {.text = STR("a"), .next = &two};
    struct embed_request r = {.inputs = &one,
                              .count = 2,
                              .dimensions = 256,
                              .base64 = true,
                              .input_type = STR("search_query")};
    struct orchestration_profile profile = {
        .name = "p", .masking = STR("{\"m\":1}"), .filtering = STR("{\"f\":1}")};
    struct embed_answer answer = {.tokens = -1};
    struct buf out = {0};

    (void)state;
    family_case_open(&c, &family_orchestration, "text-embedding-3-small");
    const struct family_embed *embed = family_orchestration.embed;
    c.call.profile = &profile;
    embed->path(&c.call, &out);
    buf_add_char(&out, ' ');
    assert_int_equal(embed->encode(c.arena, &r, &c.call, &out, &c.dropped, &c.err), OK);
    buf_add_char(&out, '\0');
    assert_string_equal(
        out.p, "/v2/embeddings {\"config\":{\"modules\":{\"embeddings\":{\"model\":{\"name\":"
               "\"text-embedding-3-small\",\"params\":{\"dimensions\":256,\"encoding_format\":"
               "\"base64\"}}},\"masking\":{\"m\":1}}},\"input\":{\"text\":[\"a\",\"b {{?x}}\"],"
               "\"type\":\"query\"}}");
    assert_int_equal(
        embed->decode(c.arena, &r,
                      STR("{\"request_id\":\"r\",\"final_result\":{\"object\":\"list\",\"data\":"
                          "[{\"index\":1,\"embedding\":{\"float\":[1.50]}},{\"index\":0,"
                          "\"embedding\":\"QUJD\"}],\"usage\":{\"prompt_tokens\":3}}}"),
                      &answer),
        OK);
    assert_int_equal(answer.tokens, 3);
    assert_true(str_is(answer.vectors->base64, "QUJD"));
    assert_true(str_is(answer.vectors->next->numbers, "[1.50]"));
    assert_int_equal(embed->decode(c.arena, &r, STR("{\"data\":[]}"), &answer), E_SYNTAX);
    two = (struct embed_input){.tokens = STR("[1]")};
    assert_int_equal(embed->encode(c.arena, &r, &c.call, &out, &c.dropped, &c.err), E_SYNTAX);
    buf_free(&out);
    family_case_close(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(has_one_path),
        cmocka_unit_test(the_last_message_is_a_placeholder),
        cmocka_unit_test(no_member_of_the_last_message_is_a_template),
        cmocka_unit_test(results_end_the_conversation),
        cmocka_unit_test(models_get_what_they_take),
        cmocka_unit_test(cache_breakpoints_reach_claude),
        cmocka_unit_test(thinking_goes_back_to_claude),
        cmocka_unit_test(structured_output),
        cmocka_unit_test(profiles_stand_around_the_model),
        cmocka_unit_test(templates_get_the_question),
        cmocka_unit_test(templates_of_the_registry_take_no_tools),
        cmocka_unit_test(unwraps_streams),
        cmocka_unit_test(tools_survive_orchestration_ai_sdk_js_942),
        cmocka_unit_test(unwraps_whole_answers),
        cmocka_unit_test(filters_end_answers),
        cmocka_unit_test(other_errors_stay_errors),
        cmocka_unit_test(the_answer_tool_is_unwrapped),
        cmocka_unit_test(embeddings_are_masked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Gemini: schemas, contents, options, and answers in all their forms. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "family/vertex_gemini.h"
#include "family_case.h"

/* --- schemas --------------------------------------------------------------------------------- */

static void cleans(const char *schema, const char *want)
{
    struct arena *arena = arena_new(0);
    struct buf out = {0};
    struct jwrite w = jwrite_to(&out);

    assert_int_equal(gemini_write_schema(arena, str_from(schema), &w), OK);
    buf_add_char(&out, '\0');
    assert_string_equal(out.p, want);
    buf_free(&out);
    arena_free(arena);
}

static void unknown_keywords(void **state)
{
    (void)state;
    cleans("{\"$schema\":\"s\",\"$id\":\"i\",\"type\":\"object\",\"additionalProperties\":false,"
           "\"properties\":{\"a\":{\"type\":\"string\",\"format\":\"uri\",\"minLength\":1,"
           "\"patternProperties\":{}},\"$schema\":{\"type\":\"integer\",\"format\":\"int64\"}},"
           "\"required\":[\"a\",\"b\",7]}",
           "{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"string\",\"minLength\":1},"
           "\"$schema\":{\"type\":\"integer\",\"format\":\"int64\"}},\"required\":[\"a\"]}");
    cleans("{\"type\":\"string\",\"format\":\"date-time\",\"description\":\"when\"}",
           "{\"type\":\"string\",\"description\":\"when\",\"format\":\"date-time\"}");
    cleans("{\"type\":\"array\"}", "{\"type\":\"array\",\"items\":{\"type\":\"string\"}}");
    cleans("{}", "{\"type\":\"string\"}");
    cleans("true", "{\"type\":\"string\"}");
}

static void constants_and_enums(void **state)
{
    (void)state;
    cleans("{\"const\":\"a\"}", "{\"type\":\"string\",\"enum\":[\"a\"]}");
    cleans("{\"type\":\"integer\",\"const\":7}",
           "{\"type\":\"integer\",\"description\":\"Always: 7\"}");
    cleans("{\"type\":\"integer\",\"enum\":[1,2],\"description\":\"N.\"}",
           "{\"type\":\"integer\",\"description\":\"N. One of: [1,2]\"}");
    cleans("{\"type\":[\"string\",\"null\"],\"enum\":[\"a\",null]}",
           "{\"type\":\"string\",\"nullable\":true,\"enum\":[\"a\"]}");
    cleans("{\"type\":\"integer\",\"exclusiveMinimum\":3,\"exclusiveMaximum\":9}",
           "{\"type\":\"integer\",\"minimum\":4,\"maximum\":8}");
    cleans("{\"type\":\"number\",\"exclusiveMinimum\":0.5,\"maximum\":1e3}",
           "{\"type\":\"number\",\"minimum\":0.5,\"maximum\":1e3}");
}

static void alternatives(void **state)
{
    (void)state;
    cleans("{\"anyOf\":[{\"type\":\"integer\"},{\"type\":\"null\"}],\"default\":null}",
           "{\"type\":\"integer\",\"nullable\":true}");
    cleans("{\"oneOf\":[{\"type\":\"integer\"},{\"const\":\"x\"}]}",
           "{\"anyOf\":[{\"type\":\"integer\"},{\"type\":\"string\",\"enum\":[\"x\"]}]}");
    cleans("{\"type\":[\"string\",\"integer\",\"null\"]}",
           "{\"anyOf\":[{\"type\":\"string\",\"nullable\":true},{\"type\":\"integer\","
           "\"nullable\":true}]}");
    cleans("{\"allOf\":[{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"string\"}},"
           "\"required\":[\"a\"]},{\"properties\":{\"b\":{\"type\":\"boolean\"}}}]}",
           "{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"string\"},"
           "\"b\":{\"type\":\"boolean\"}},\"required\":[\"a\"]}");
}

static void references(void **state)
{
    (void)state;
    cleans("{\"type\":\"object\",\"properties\":{\"p\":{\"$ref\":\"#/$defs/P\","
           "\"description\":\"d\"}},\"$defs\":{\"P\":{\"type\":\"object\",\"properties\":{"
           "\"x\":{\"type\":\"number\"}}}}}",
           "{\"type\":\"object\",\"properties\":{\"p\":{\"type\":\"object\",\"description\":\"d\","
           "\"properties\":{\"x\":{\"type\":\"number\"}}}}}");
    cleans("{\"$ref\":\"#/definitions/none\"}", "{\"type\":\"string\"}");
    cleans("{\"$ref\":\"https://elsewhere.example\"}", "{\"type\":\"string\"}");
}

static void recursion_ends(void **state)
{
    struct arena *arena = arena_new(0);
    struct buf out = {0}, wide = {0};
    struct jwrite w = jwrite_to(&out);
    struct jspan *root;

    (void)state;
    buf_add_cstr(&wide, "{\"$ref\":\"#/$defs/N\",\"$defs\":{\"N\":{\"type\":\"object\","
                        "\"properties\":{");
    for (int i = 0; i < 20; i++)
        buf_printf(&wide, "%s\"k%d\":{\"$ref\":\"#/$defs/N\"}", i ? "," : "", i);
    buf_add_cstr(&wide, "}}}}");
    assert_int_equal(gemini_write_schema(arena, buf_str(&wide), &w), OK);
    assert_int_equal(jspan_parse(arena, buf_str(&out), &root, NULL), OK);
    assert_true(out.n < 4000 * 100);
    buf_free(&wide);
    buf_free(&out);
    arena_free(arena);
    cleans("{\"$ref\":\"#\"}", "{\"type\":\"string\"}");
}

/* --- requests -------------------------------------------------------------------------------- */

static void paths(void **state)
{
    struct family_case c;

    (void)state;
    family_case_open(&c, &family_vertex_gemini, "gemini-2.5-pro:001");
    assert_string_equal(family_case_path(&c), "/models/gemini-2.5-pro:generateContent");
    c.call.stream = true;
    assert_string_equal(family_case_path(&c),
                        "/models/gemini-2.5-pro:streamGenerateContent?alt=sse");
    family_case_close(&c);
}

static void encodes_contents(void **state)
{
    struct family_case c;
    struct chat_request r;
    struct chat_message **m = &r.messages;

    (void)state;
    family_case_open(&c, &family_vertex_gemini, "gemini-2.5-pro");
    chat_request_init(&r);
    struct chat_part **p = case_message(&c, &m, CHAT_SYSTEM);
    case_text(&c, &p, "be kind");
    p = case_message(&c, &m, CHAT_ASSISTANT);
    chat_add_part(c.arena, &p, CHAT_THINKING)->text = STR("not sent");
    case_text(&c, &p, "calling")->signature = STR("c2ln+/==");
    case_call(&c, &p, "1", "f", "{\"n\":12345678901234567890}")->signature = STR("QQ==");
    case_call(&c, &p, "2", "f", "");
    case_call(&c, &p, "3", "g", "broken");
    p = case_message(&c, &m, CHAT_USER);
    struct chat_part *second = case_result(&c, &p, "2", "two");
    second->error = true;
    struct chat_part **content = &second->content->next;
    case_image(&c, &content, "image/png", "QUJD");
    case_result(&c, &p, "1", "one");
    p = case_message(&c, &m, CHAT_DEVELOPER);
    case_text(&c, &p, "late");
    p = case_message(&c, &m, CHAT_USER);
    case_text(&c, &p, "go on");
    const char *want =
        "{\"contents\":[{\"role\":\"user\",\"parts\":[{\"text\":\".\"}]},"
        "{\"role\":\"model\",\"parts\":[{\"text\":\"calling\",\"thoughtSignature\":\"c2ln+/==\"},"
        "{\"functionCall\":{\"name\":\"f\",\"args\":{\"n\":12345678901234567890}},"
        "\"thoughtSignature\":\"QQ==\"},"
        "{\"functionCall\":{\"name\":\"f\",\"args\":{}}},"
        "{\"functionCall\":{\"name\":\"g\",\"args\":{\"raw_arguments\":\"broken\"}}}]},"
        "{\"role\":\"user\",\"parts\":["
        "{\"functionResponse\":{\"name\":\"f\",\"response\":{\"output\":\"one\"}}},"
        "{\"functionResponse\":{\"name\":\"f\",\"response\":{\"error\":\"two\"}}},"
        "{\"inlineData\":{\"mimeType\":\"image/png\",\"data\":\"QUJD\"}},"
        "{\"text\":\"<system>\\nlate\\n</system>\"},"
        "{\"text\":\"go on\"}]}],"
        "\"systemInstruction\":{\"parts\":[{\"text\":\"be kind\"}]}}";
    assert_string_equal(family_case_encode(&c, &r), want);
    assert_string_equal(family_case_encode(&c, &r), want); /* for the next target again */
    c.model.lift_system = true;
    assert_non_null(strstr(family_case_encode(&c, &r),
                           "{\"text\":\"go on\"}]}],\"systemInstruction\":{\"parts\":[{\"text\":"
                           "\"be kind\"},{\"text\":\"late\"}]}}"));
    assert_string_equal(family_case_dropped(&c), "");
    family_case_close(&c);
}

static void lost_signatures(void **state)
{
    struct family_case c;
    struct chat_request r;
    struct chat_message **m = &r.messages;

    (void)state;
    family_case_open(&c, &family_vertex_gemini, "gemini-3.5-flash");
    chat_request_init(&r);
    struct chat_part **p = case_message(&c, &m, CHAT_USER);
    case_text(&c, &p, "hi");
    p = case_message(&c, &m, CHAT_ASSISTANT);
    struct chat_part *first = case_call(&c, &p, "1", "f", "{}");
    case_call(&c, &p, "2", "f", "{}");
#define TURN(signature)                                                                            \
    "{\"contents\":[{\"role\":\"user\",\"parts\":[{\"text\":\"hi\"}]},{\"role\":\"model\","        \
    "\"parts\":[{\"functionCall\":{\"name\":\"f\",\"args\":{}},\"thoughtSignature\":\"" signature  \
    "\"},{\"functionCall\":{\"name\":\"f\",\"args\":{}}}]}]}"
    assert_string_equal(family_case_encode(&c, &r), TURN("skip_thought_signature_validator"));
    first->signature = STR("QQ==");
    assert_string_equal(family_case_encode(&c, &r), TURN("QQ=="));
    family_case_close(&c);
}

#define HELLO "{\"contents\":[{\"role\":\"user\",\"parts\":[{\"text\":\".\"}]}]"

static void encodes_options(void **state)
{
    struct family_case c;
    struct chat_request r;
    struct chat_stop_sequence stop = {.text = STR("END")};

    (void)state;
    family_case_open(&c, &family_vertex_gemini, "gemini-2.5-flash");
    chat_request_init(&r);
    assert_string_equal(family_case_encode(&c, &r), HELLO "}");
    case_tool(&c, &r, "f", "{\"type\":\"object\",\"properties\":{}}")->description = STR("d");
    case_tool(&c, &r, "g", "{\"type\":\"object\",\"properties\":{\"a\":{}}}");
    r.choice = CHAT_CHOICE_ONE;
    r.choice_name = STR("g");
    r.parallel_calls = 0;
    r.max_tokens = 100000;
    r.n = 2;
    r.temperature = STR("0.70");
    r.top_p = STR("0.9");
    r.top_k = STR("40");
    r.frequency_penalty = STR("1");
    r.seed = STR("7");
    r.logit_bias = STR("{}");
    r.logprobs = 1;
    r.top_logprobs = 5;
    r.stops = &stop;
    r.format = CHAT_FORMAT_SCHEMA;
    r.format_schema = STR("{\"type\":\"object\",\"properties\":{\"x\":{\"type\":\"string\"}},"
                          "\"additionalProperties\":false}");
    assert_string_equal(
        family_case_encode(&c, &r),
        HELLO ",\"tools\":[{\"functionDeclarations\":[{\"name\":\"f\",\"description\":\"d\"},"
              "{\"name\":\"g\",\"parameters\":{\"type\":\"object\",\"properties\":{\"a\":"
              "{\"type\":\"string\"}}}}]}],"
              "\"toolConfig\":{\"functionCallingConfig\":{\"mode\":\"ANY\","
              "\"allowedFunctionNames\":[\"g\"]}},"
              "\"generationConfig\":{\"maxOutputTokens\":65536,\"candidateCount\":2,"
              "\"temperature\":0.70,\"topP\":0.9,\"topK\":40,\"frequencyPenalty\":1,\"seed\":7,"
              "\"responseLogprobs\":true,\"logprobs\":5,\"stopSequences\":[\"END\"],"
              "\"responseMimeType\":\"application/json\",\"responseSchema\":{\"type\":\"object\","
              "\"properties\":{\"x\":{\"type\":\"string\"}}}}}");
    assert_string_equal(family_case_dropped(&c), "parallel_tool_calls, logit_bias");
    family_case_close(&c);
}

static void encodes_thinking(void **state)
{
    static const struct {
        const char *model;
        enum chat_thinking thinking;
        int64_t budget;
        enum chat_effort effort;
        int show;
        const char *want; /* inside of thinkingConfig; NULL: no such member */
    } cases[] = {
        {"gemini-2.5-flash", CHAT_THINKING_UNSET, 0, 0, -1, NULL},
        {"gemini-2.5-flash", CHAT_THINKING_UNSET, 0, 0, 1, "\"includeThoughts\":true"},
        {"gemini-2.5-flash", CHAT_THINKING_OFF, 0, 0, -1, "\"thinkingBudget\":0"},
        {"gemini-2.5-pro", CHAT_THINKING_OFF, 0, 0, -1, "\"thinkingBudget\":128"},
        {"gemini-2.5-pro", CHAT_THINKING_BUDGET, 99999, 0, 0, "\"thinkingBudget\":32768"},
        {"gemini-2.5-flash", CHAT_THINKING_ADAPTIVE, 0, 0, -1,
         "\"thinkingBudget\":-1,\"includeThoughts\":true"},
        {"gemini-2.5-flash", CHAT_THINKING_EFFORT, 0, CHAT_EFFORT_MEDIUM, -1,
         "\"thinkingBudget\":8192,\"includeThoughts\":true"},
        {"gemini-3.5-flash", CHAT_THINKING_EFFORT, 0, CHAT_EFFORT_XHIGH, -1,
         "\"thinkingLevel\":\"high\",\"includeThoughts\":true"},
        {"gemini-3.5-flash", CHAT_THINKING_OFF, 0, 0, -1, "\"thinkingLevel\":\"minimal\""},
        {"gemini-3-pro", CHAT_THINKING_OFF, 0, 0, -1, "\"thinkingLevel\":\"low\""},
        {"gemini-3.5-flash", CHAT_THINKING_BUDGET, 2000, 0, -1,
         "\"thinkingLevel\":\"low\",\"includeThoughts\":true"},
        {"gemini-2.0-flash", CHAT_THINKING_EFFORT, 0, CHAT_EFFORT_LOW, -1, NULL},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct family_case c;
        struct chat_request r;
        family_case_open(&c, &family_vertex_gemini, cases[i].model);
        chat_request_init(&r);
        r.thinking = cases[i].thinking;
        r.thinking_budget = cases[i].budget;
        r.effort = cases[i].effort;
        r.show_thinking = cases[i].show;
        const char *want = HELLO "}";
        if (cases[i].want)
            want = arena_printf(c.arena, HELLO ",\"generationConfig\":{\"thinkingConfig\":{%s}}}",
                                cases[i].want)
                       .p;
        assert_string_equal(family_case_encode(&c, &r), want);
        assert_string_equal(family_case_dropped(&c),
                            str_is(str_from(cases[i].model), "gemini-2.0-flash") ? "thinking" : "");
        family_case_close(&c);
    }
}

static void prepares(void **state)
{
    struct family_case c;

    (void)state;
    family_case_open(&c, &family_vertex_gemini, "gemini-2.5-pro");
    assert_string_equal(
        family_case_prepare(
            &c,
            "{\"model\":\"m\",\"stream\":true,\"zz\":1,\"contents\":[{\"parts\":["
            "{\"functionCall\":{\"id\":\"1\",\"name\":\"f\",\"args\":{\"id\":12345678901234567890}"
            "},\"thoughtSignature\":\"a\\/b\"},{\"functionResponse\":{\"id\":\"1\","
            "\"name\":\"f\",\"response\":{\"id\":1}}}]}],\"safetySettings\":[ ]}"),
        "{\"contents\":[{\"parts\":["
        "{\"functionCall\":{\"name\":\"f\",\"args\":{\"id\":12345678901234567890}},"
        "\"thoughtSignature\":\"a\\/b\"},{\"functionResponse\":{"
        "\"name\":\"f\",\"response\":{\"id\":1}}}]}],\"safetySettings\":[ ]}");
    assert_string_equal(family_case_dropped(&c), "zz");
    family_case_close(&c);
}

/* Google's public API takes more than Vertex AI does. */
static void fits_what_comes_by_the_lane(void **state)
{
    static const struct {
        const char *body, *want;
    } cases[] = {
        {"{\"contents\":{\"parts\":{\"text\":\"a\"}},\"systemInstruction\":\"s\\n\"}",
         "{\"contents\":[{\"parts\":[{\"text\":\"a\"}],\"role\":\"user\"}],"
         "\"systemInstruction\":{\"parts\":[{\"text\":\"s\\n\"}]}}"},
        {"{\"contents\":[{\"role\":\"user\",\"parts\":[{\"text\":\"a\"}]},"
         "{\"role\":\"model\",\"parts\":[ {\"text\":\"b\"} ]},"
         "{\"role\":\"model\",\"parts\":{\"text\":\"c\"}},{\"parts\":[{\"text\":\"d\"}]}]}",
         "{\"contents\":[{\"role\":\"user\",\"parts\":[{\"text\":\"a\"}]},"
         "{\"role\":\"model\",\"parts\":[{\"text\":\"b\"},{\"text\":\"c\"}]},"
         "{\"parts\":[{\"text\":\"d\"}],\"role\":\"user\"}]}"},
        {"{\"contents\":[{\"role\":\"model\",\"parts\":[{\"text\":\"\",\"thought\":true,"
         "\"thoughtSignature\":\"Y3JseXM=\"},{\"functionCall\":{\"name\":\"f\"},"
         "\"thoughtSignature\":\"Y3JseXM=\"}]}]}",
         "{\"contents\":[{\"role\":\"model\",\"parts\":[{\"text\":\"\",\"thought\":true},"
         "{\"functionCall\":{\"name\":\"f\"},"
         "\"thoughtSignature\":\"skip_thought_signature_validator\"}]}]}"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct family_case c;
        family_case_open(&c, &family_vertex_gemini, "gemini-2.5-pro");
        c.call.lane = true;
        assert_string_equal(family_case_prepare(&c, cases[i].body), cases[i].want);
        family_case_close(&c);
    }
}

static void relays_frames_of_one_line(void **state)
{
    struct family_case c;

    (void)state;
    family_case_open(&c, &family_vertex_gemini, "gemini-2.5-pro");
    c.call.stream = c.call.lane = true;
    assert_string_equal(family_case_relay(&c, "data: {\"a\":\ndata: 1}\n\ndata: [DONE]\n\n"),
                        "data: {\"a\": 1}\r\n\r\n");
    family_case_close(&c);
}

/* --- answers --------------------------------------------------------------------------------- */

static void reads(const char *stream, const char *want)
{
    struct family_case c;

    family_case_open(&c, &family_vertex_gemini, "gemini-2.5-pro");
    c.call.stream = true;
    assert_string_equal(family_case_stream(&c, stream), want);
    family_case_close(&c);
}

#define PARTS(parts) "{\"candidates\":[{\"content\":{\"role\":\"model\",\"parts\":[" parts "]}}]}"
#define LAST(parts, reason)                                                                        \
    "{\"candidates\":[{\"content\":{\"parts\":[" parts "]},\"finishReason\":\"" reason             \
    "\"}],\"usageMetadata\":{\"promptTokenCount\":10,\"cachedContentTokenCount\":4,"               \
    "\"candidatesTokenCount\":5,\"thoughtsTokenCount\":2}}"
#define USAGE "usage input=10 output=7 read=4 reasoning=2\n"

static void reads_streams(void **state)
{
    const char *want = "start\nopen 0 thinking\ndelta 0 \"hm\"\nclose 0\nopen 1 text\n"
                       "delta 1 \"a\"\ndelta 1 \"b\"\n" USAGE "close 1\nstop end\nend ok\n";
#define ONE   PARTS("{\"text\":\"hm\",\"thought\":true}")
#define TWO   PARTS("{\"text\":\"a\"}")
#define THREE LAST("{\"text\":\"b\"}", "STOP")

    (void)state;
    reads("data: " ONE "\r\n\r\ndata: " TWO "\r\n\r\ndata: " THREE "\r\n\r\n", want);
    reads("[" ONE "\n,\r\n" TWO ",\r\n" THREE "]", want);
    reads(ONE "\n" TWO "\n" THREE "\n", want);
    reads("data: " ONE "\n\ndata: " TWO "\n\ndata: " THREE "\n\ndata: [DONE]\n\n", want);
}

#define GROUNDED(text, supports)                                                                   \
    "{\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"" text                                  \
    "\"}]},\"finishReason\":\"STOP\",\"groundingMetadata\":{\"groundingChunks\":["                 \
    "{\"web\":{\"uri\":\"https://a.example\",\"title\":\"A\"}},"                                   \
    "{\"retrievedContext\":{\"uri\":\"b\",\"text\":\"w\"}},{\"maps\":{}}]" supports "}}]}"
#define SUPPORT(from, to, chunks)                                                                  \
    ",\"groundingSupports\":[{\"segment\":{\"startIndex\":" from ",\"endIndex\":" to               \
    "},\"groundingChunkIndices\":[" chunks "]}]"
#define HEAD(text) "start\nopen 0 text\ndelta 0 \"" text "\"\n"
#define TAIL       "close 0\nstop end\nend ok\n"

static void reads_grounding(void **state)
{
    (void)state;
    reads(GROUNDED("abcd", SUPPORT("1", "3", "0,1,2,3,-1")),
          HEAD("abcd") "cite 0 web 1..3 (1..3) url=https://a.example title=A\n"
                       "cite 0 document 1..3 (1..3) url=b cited=w\n" TAIL);
    /* characters are not known, or the place is none: the whole block */
    reads(GROUNDED("\u00e4bc", SUPPORT("0", "2", "0")),
          HEAD("\u00e4bc") "cite 0 web 0..3 (0..4) url=https://a.example title=A\n" TAIL);
    reads(GROUNDED("ab", SUPPORT("1", "3", "0")),
          HEAD("ab") "cite 0 web 0..2 (0..2) url=https://a.example title=A\n" TAIL);
    reads(GROUNDED("ab", ""), HEAD("ab") "cite 0 web 0..2 (0..2) url=https://a.example title=A\n"
                                         "cite 0 document 0..2 (0..2) url=b cited=w\n" TAIL);
}

static void reads_calls(void **state)
{
    (void)state;
    reads("data: " PARTS("{\"text\":\"x\"}") "\n\ndata: " LAST(
              "{\"functionCall\":{\"name\":\"default_api:f\",\"args\":{\"n\":1.50}},"
              "\"thoughtSignature\":\"c2ln+/==\"},{\"functionCall\":{\"name\":\"g\",\"id\":\"7\"}}",
              "STOP") "\n\n",
          "start\nopen 0 text\ndelta 0 \"x\"\nclose 0\nopen 1 tool name=f signature=c2ln+/==\n"
          "delta 1 \"{\\\"n\\\":1.50}\"\nclose 1\nopen 2 tool id=7 name=g\ndelta 2 \"{}\"\n"
          "close 2\n" USAGE "stop tool\nend ok\n");
    reads("data: " LAST("{\"functionCall\":{\"name\":\"f\"}}", "MAX_TOKENS") "\n\n",
          "start\nopen 0 tool name=f\ndelta 0 \"{}\"\nclose 0\n" USAGE "stop length\nend ok\n");
}

static void reads_signatures_of_text(void **state)
{
    (void)state;
    reads("data: " PARTS(
              "{\"text\":\"a\"},{\"text\":\"b\",\"thoughtSignature\":\"QQ==\"}") "\n\ndata"
                                                                                 ": " LAST(
                                                                                     "{\"t"
                                                                                     "ext"
                                                                                     "\":"
                                                                                     "\"\""
                                                                                     ",\"t"
                                                                                     "houg"
                                                                                     "htSi"
                                                                                     "gnat"
                                                                                     "ure"
                                                                                     "\":"
                                                                                     "\"Qg"
                                                                                     "=="
                                                                                     "\"}",
                                                                                     "STO"
                                                                                     "P") "\n\n",
          "start\nopen 0 text\ndelta 0 \"a\"\nclose 0\nopen 1 text signature=QQ==\n"
          "delta 1 \"b\"\n" USAGE "close 1\nstop end\nend ok\n");
    reads("data: " LAST("{\"text\":\"a\",\"thought\":true,\"thoughtSignature\":\"QQ==\"}",
                        "STOP") "\n\n",
          "start\nopen 0 thinking\ndelta 0 \"a\"\ndelta 0 signature=crly_gs_QQ==\nclose 0\n" USAGE
          "stop end\nend ok\n");
}

static void reads_stops(void **state)
{
    static const struct {
        const char *reason, *word;
    } stops[] = {{"MAX_TOKENS", "length"},
                 {"SAFETY", "filter"},
                 {"RECITATION", "filter"},
                 {"SPII", "filter"},
                 {"MALFORMED_FUNCTION_CALL", "malformed_call"},
                 {"OTHER", "end"},
                 {"SOMETHING_NEW", "end"}};
    struct family_case c;

    (void)state;
    family_case_open(&c, &family_vertex_gemini, "gemini-2.5-pro");
    for (size_t i = 0; i < sizeof stops / sizeof *stops; i++) {
        const char *body =
            arena_printf(c.arena, "{\"candidates\":[{\"finishReason\":\"%s\"}]}", stops[i].reason)
                .p;
        const char *want = arena_printf(c.arena, "start\nstop %s\nend ok\n", stops[i].word).p;
        assert_string_equal(family_case_whole(&c, body), want);
    }
    assert_string_equal(family_case_whole(&c, "{\"promptFeedback\":{\"blockReason\":\"SAFETY\"}}"),
                        "start\nstop filter\nend ok\n");
    family_case_close(&c);
}

static void broken_and_failing(void **state)
{
    (void)state;
    reads("data: " PARTS("{\"text\":\"x\"}") "\n\n",
          "start\nopen 0 text\ndelta 0 \"x\"\nend malformed\n");
    reads("", "end malformed\n");
    reads("[" PARTS("{\"text\":\"x\"}") ",{\"candi",
          "start\nopen 0 text\ndelta 0 \"x\"\nend malformed\n");
    reads("data: " PARTS("{\"text\":\"x\"}") "\n\ndata: "
                                             "{\"error\":{\"code\":429,\"status\":\"RESOURCE_"
                                             "EXHAUSTED\",\"message\":\"m\"}}"
                                             "\n\n",
          "start\nopen 0 text\ndelta 0 \"x\"\nerror rate_limit \"m\"\nend ok\n");
    reads("[{\"error\":{\"code\":503,\"message\":\"u\"}}]", "error overloaded \"u\"\nend ok\n");
    reads("data: " PARTS("{\"functionCall\":{}}") "\n\n", "start\nend malformed\n");
    reads("data: {\"candidates\":[{\"index\":-1}]}\n\n", "start\nend malformed\n");
}

static void memory_does_not_grow(void **state)
{
    struct family_case c;

    (void)state;
    family_case_open(&c, &family_vertex_gemini, "gemini-2.5-pro");
    assert_int_equal(family_case_growth(&c, PARTS("{\"text\":\"x\\n\"}")), 0);
    assert_int_equal(family_case_growth(&c, PARTS("{\"functionCall\":{\"name\":\"f\"}}")), 0);
    family_case_close(&c);
}

static void several_candidates(void **state)
{
    (void)state;
    reads("data: {\"responseId\":\"r\",\"modelVersion\":\"v\",\"candidates\":["
          "{\"index\":0,\"content\":{\"parts\":[{\"text\":\"a\"}]},\"finishReason\":\"STOP\"},"
          "{\"index\":1,\"content\":{\"parts\":{\"text\":\"b\"}},\"finishReason\":\"MAX_TOKENS\"}"
          "]}\n\n",
          "start id=r model=v\nopen 0 text\ndelta 0 \"a\"\nopen 1/ 0 text\ndelta 1/ 0 \"b\"\n"
          "close 0\nstop end\nclose 1/ 0\nstop* length\nend ok\n");
}

/* Three were asked for. */
static void absent_candidates_end_too(void **state)
{
    struct family_case c;

    (void)state;
    family_case_open(&c, &family_vertex_gemini, "gemini-2.5-pro");
    c.call.choices = 3;
    assert_string_equal(
        family_case_stream(&c,
                           "data: {\"candidates\":[{\"index\":1,\"content\":{\"parts\":[{\"text\":"
                           "\"b\"}]},\"finishReason\":\"MAX_TOKENS\"}]}\n\n"),
        "start\nopen 1/ 0 text\ndelta 1/ 0 \"b\"\nstop end\nclose 1/ 0\nstop* length\n"
        "stop* end\nend ok\n");
    assert_string_equal(family_case_whole(&c, "{\"promptFeedback\":{\"blockReason\":\"SAFETY\"}}"),
                        "start\nstop filter\nstop* filter\nstop* filter\nend ok\n");
    assert_string_equal(
        family_case_stream(&c, "data: {\"candidates\":[{\"content\":{\"parts\":[]}}]}\n\n"),
        "start\nend malformed\n");
    family_case_close(&c);
}

static void embeddings(void **state)
{
    struct family_case c;
    struct embed_input two = {.text = STR("b")}, one = {.text = STR("a")};
    struct embed_request r = {.inputs = &one, .count = 1, .dimensions = 8};
    struct buf out = {0};
    struct embed_answer answer = {0};

    (void)state;
    family_case_open(&c, &family_vertex_gemini, "gemini-embedding");
    r.input_type = STR("query");
    gemini_embed.path(&c.call, &out);
    buf_add_char(&out, ' ');
    assert_int_equal(gemini_embed.encode(c.arena, &r, &c.call, &out, &c.dropped, &c.err), OK);
    assert_true(str_is(buf_str(&out),
                       "/models/gemini-embedding:predict {\"instances\":[{\"content\":\"a\","
                       "\"task_type\":\"RETRIEVAL_QUERY\"}],"
                       "\"parameters\":{\"outputDimensionality\":8}}"));
    struct str body = STR("{\"predictions\":[{\"embeddings\":{\"values\":[0.10,2],"
                          "\"statistics\":{\"token_count\":3}}}]}");
    assert_int_equal(gemini_embed.decode(c.arena, &r, body, &answer), OK);
    assert_true(str_is(answer.vectors->numbers, "[0.10,2]"));
    assert_int_equal(answer.tokens, 3);
    one.next = &two;
    r.count = 2;
    assert_int_equal(gemini_embed.decode(c.arena, &r, body, &answer), E_SYNTAX);
    assert_int_equal(gemini_embed.batch(&c.model), 1);
    one = (struct embed_input){.tokens = STR("[1]")};
    assert_int_equal(gemini_embed.encode(c.arena, &r, &c.call, &out, &c.dropped, &c.err), E_SYNTAX);
    assert_true(str_is(c.err.param, "input"));
    buf_free(&out);
    family_case_close(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(unknown_keywords),
        cmocka_unit_test(constants_and_enums),
        cmocka_unit_test(alternatives),
        cmocka_unit_test(references),
        cmocka_unit_test(recursion_ends),
        cmocka_unit_test(paths),
        cmocka_unit_test(encodes_contents),
        cmocka_unit_test(lost_signatures),
        cmocka_unit_test(encodes_options),
        cmocka_unit_test(encodes_thinking),
        cmocka_unit_test(prepares),
        cmocka_unit_test(fits_what_comes_by_the_lane),
        cmocka_unit_test(relays_frames_of_one_line),
        cmocka_unit_test(reads_streams),
        cmocka_unit_test(reads_grounding),
        cmocka_unit_test(reads_calls),
        cmocka_unit_test(reads_signatures_of_text),
        cmocka_unit_test(reads_stops),
        cmocka_unit_test(broken_and_failing),
        cmocka_unit_test(memory_does_not_grow),
        cmocka_unit_test(several_candidates),
        cmocka_unit_test(absent_candidates_end_too),
        cmocka_unit_test(embeddings),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

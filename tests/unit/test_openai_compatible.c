/* Mistral, Perplexity, NVIDIA and others. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "chat/collect.h"
#include "family_case.h"

static void prepares(const char *model, bool stream, const char *body, const char *want,
                     const char *declared)
{
    struct family_case c;

    family_case_open(&c, &family_openai_compatible, model);
    c.call.stream = stream;
    assert_string_equal(family_case_path(&c), "/chat/completions");
    assert_string_equal(family_case_prepare(&c, body), want);
    assert_string_equal(family_case_dropped(&c), declared);
    family_case_close(&c);
}

#define MISTRAL "mistralai--mistral-small"

static void names_the_model(void **state)
{
    (void)state;
    prepares(MISTRAL, false, "{\"model\":\"alias\",\"messages\":[]}",
             "{\"model\":\"" MISTRAL "\",\"messages\":[]}", "");
    prepares(MISTRAL ":2503", true, "{\"messages\":[{\"role\":\"developer\"}]}",
             "{\"messages\":[{\"role\":\"system\"}],\"model\":\"" MISTRAL
             "\",\"stream_options\":{\"include_usage\":true}}",
             "");
    prepares("any", false,
             "{\"max_completion_tokens\":5,\"store\":true,\"reasoning_effort\":\"low\",\"zz\":1.0}",
             "{\"max_tokens\":5,\"zz\":1.0,\"model\":\"any\"}", "reasoning_effort");
}

static void call_ids_have_nine_characters(void **state)
{
    struct family_case c;

    (void)state;
    prepares(MISTRAL, false,
             "{\"model\":\"x\",\"messages\":[{\"tool_calls\":[{\"id\":\"abcDEF123\"}]}]}",
             "{\"model\":\"" MISTRAL "\",\"messages\":[{\"tool_calls\":[{\"id\":\"abcDEF123\"}]}]}",
             "");
    family_case_open(&c, &family_openai_compatible, MISTRAL);
    const char *out = family_case_prepare(
        &c, "{\"messages\":[{\"tool_calls\":[{\"id\":\"call_1\"},{\"id\":\"call_2\"}]},"
            "{\"role\":\"tool\",\"tool_call_id\":\"call_1\"}]}");
    const char *first = strstr(out, "\"id\":\"") + 6, *second = strstr(first, "\"id\":\"") + 6;
    const char *result = strstr(out, "\"tool_call_id\":\"") + 16;
    assert_int_equal(first[9], '"');
    assert_int_equal(second[9], '"');
    assert_memory_equal(first, result, 10);
    assert_memory_not_equal(first, second, 9);
    family_case_close(&c);
}

static void encodes_plainly(void **state)
{
    struct family_case c;
    struct chat_request r;
    struct chat_message **m = &r.messages;

    (void)state;
    family_case_open(&c, &family_openai_compatible, MISTRAL);
    chat_request_init(&r);
    struct chat_part **p = case_message(&c, &m, CHAT_DEVELOPER);
    case_text(&c, &p, "one");
    case_text(&c, &p, "two");
    p = case_message(&c, &m, CHAT_USER);
    case_text(&c, &p, "hi");
    assert_string_equal(family_case_encode(&c, &r),
                        "{\"model\":\"" MISTRAL "\",\"messages\":["
                        "{\"role\":\"system\",\"content\":\"one\\n\\ntwo\"},"
                        "{\"role\":\"user\",\"content\":\"hi\"}]}");
    family_case_close(&c);
}

static void perplexity_has_no_tools(void **state)
{
    struct family_case c;
    struct chat_request r;

    (void)state;
    prepares("sonar", false, "{\"tools\":[{}],\"tool_choice\":\"auto\",\"top_k\":3}",
             "{\"top_k\":3,\"model\":\"sonar\"}", "tools");
    family_case_open(&c, &family_openai_compatible, "sonar");
    chat_request_init(&r);
    case_tool(&c, &r, "f", "{}");
    assert_string_equal(family_case_encode(&c, &r), "{\"model\":\"sonar\",\"messages\":[]}");
    assert_string_equal(family_case_dropped(&c), "tools");
    r.choice = CHAT_CHOICE_REQUIRED;
    assert_string_equal(family_case_encode(&c, &r), "refused: This model has no tools.");
    family_case_close(&c);
}

static void reads(const char *model, bool lane, const char *stream, const char *want)
{
    struct family_case c;

    family_case_open(&c, &family_openai_compatible, model);
    c.call.stream = true;
    c.call.lane = lane;
    assert_string_equal(family_case_stream(&c, stream), want);
    family_case_close(&c);
}

static void mistral_answers(void **state)
{
    (void)state;
    /* An empty list of calls; "stop" behind calls; usage in the last chunk with choices. */
    reads(MISTRAL, false,
          "data: {\"id\":\"i\",\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\","
          "\"content\":\"x\",\"tool_calls\":[],\"reasoning_content\":null}}]}\n\n"
          "data: {\"id\":\"i\",\"choices\":[{\"index\":0,\"delta\":{\"tool_calls\":[{\"id\":"
          "\"abcDEF123\",\"function\":{\"name\":\"f\",\"arguments\":\"{}\"}},{\"id\":"
          "\"abcDEF124\",\"function\":{\"name\":\"g\",\"arguments\":\"{}\"}}]},"
          "\"finish_reason\":\"stop\",\"stop_reason\":null}],"
          "\"usage\":{\"prompt_tokens\":1,\"completion_tokens\":2}}\n\ndata: [DONE]\n\n",
          "start id=i\nopen 0 text\ndelta 0 \"x\"\nclose 0\nopen 1 tool id=abcDEF123 name=f\n"
          "delta 1 \"{}\"\nclose 1\nopen 2 tool id=abcDEF124 name=g\ndelta 2 \"{}\"\n"
          "usage input=1 output=2\nclose 2\nstop tool\nend ok\n");
    reads(MISTRAL, false,
          "data: {\"id\":\"i\",\"choices\":[{\"delta\":{\"content\":[{\"type\":\"thinking\","
          "\"thinking\":[{\"type\":\"text\",\"text\":\"hm\"}]},{\"type\":\"text\",\"text\":"
          "\"x\"}]},\"finish_reason\":\"stop\",\"stop_reason\":\"END\"}]}\n\n",
          "start id=i\nopen 0 thinking\ndelta 0 \"hm\"\nclose 0\nopen 1 text\ndelta 1 \"x\"\n"
          "close 1\nstop sequence sequence=END\nend ok\n");
}

static void relays(const struct family *family, const char *stream, const char *want)
{
    struct family_case c;

    family_case_open(&c, family, MISTRAL);
    c.call.stream = c.call.lane = true;
    assert_string_equal(family_case_relay(&c, stream), want);
    family_case_close(&c);
}

static const char *relay_whole(struct family_case *c, const char *body)
{
    struct chat_sink *sink = chat_collect_sink(chat_collect_new(c->arena, 1000));
    struct family_reader *reader = c->family->reader(c->arena, &c->call, sink);
    struct str text = str_from(body);

    assert_int_equal(c->family->read_whole(reader, c->arena, text), OK);
    return arena_cstr(c->arena, c->family->relay_whole(reader, c->arena, text));
}

#define CALL_CHUNK                                                                                 \
    "data: "                                                                                       \
    "{\"choices\":[{\"index\":1,\"delta\":{\"tool_calls\":[{\"index\":0,\"id\":\"a\","             \
    "\"function\":"                                                                                \
    "{\"name\":\"f\",\"arguments\":\"{}\"}}]}}]}\n\n"
#define ENDS(first, second)                                                                        \
    "data: {\"choices\" : [ {\"index\":0,\"delta\":{\"tool_calls\":[ ]}, \"finish_reason\": "      \
    "\"" first "\" },\t{\"finish_reason\":\"" second                                               \
    "\", \"index\":1,\"delta\":{},\"n\":1.0e2}] }\n\n"
#define WHOLE(reason)                                                                              \
    "{ \"choices\" :[ {\"index\":0,\"message\":{\"content\":\"finish_reason\",\"tool_calls\": "    \
    "[{\"id\":"                                                                                    \
    "\"a\",\"function\":{\"name\":\"f\",\"arguments\":\"{}\"}}]},\n\"finish_reason\":\"" reason    \
    "\"}, "                                                                                        \
    "{\"index\":1,\"message\":{\"content\":\"\",\"tool_calls\":[]},\"finish_reason\":\"stop\"}] }"

/* The one word that is wrong is exchanged, and no other byte. */
static void calls_end_as_calls(void **state)
{
    struct family_case c;

    (void)state;
    relays(&family_openai_compatible, CALL_CHUNK ENDS("stop", "stop") "data: [DONE]\n\n",
           CALL_CHUNK ENDS("stop", "tool_calls") "data: [DONE]\n\n");
    relays(&family_openai_compatible, CALL_CHUNK ENDS("length", "length"),
           CALL_CHUNK ENDS("length", "length"));
    relays(&family_azure_openai, CALL_CHUNK ENDS("stop", "stop"), CALL_CHUNK ENDS("stop", "stop"));
    family_case_open(&c, &family_openai_compatible, MISTRAL);
    c.call.lane = true;
    assert_string_equal(relay_whole(&c, WHOLE("stop")), WHOLE("tool_calls"));
    assert_string_equal(relay_whole(&c, WHOLE("length")), WHOLE("length"));
    family_case_close(&c);
}

#define CITED                                                                                      \
    "cite 0 web 6..27 (7..28) url=https://a.example title=A cited=a's words\n"                     \
    "cite 0 web 28..49 (29..50) url=https://b.example\nclose 0\nstop end\nend ok\n"

static void perplexity_answers(void **state)
{
    const char *stream =
        "data: {\"id\":\"i\",\"citations\":[\"https://a.example\",\"https://b.example\"],"
        "\"search_results\":[{\"title\":\"A\",\"url\":\"https://a.example\",\"snippet\":"
        "\"a's words\"}],"
        "\"choices\":[{\"delta\":{\"content\":\"\u00fc[1]\"},\"finish_reason\":\"stop\"}]}\n\n";
    const char *results = /* newer answers have no citations */
        "data: {\"id\":\"i\",\"search_results\":[{\"title\":\"A\",\"url\":\"https://a.example\"}],"
        "\"choices\":[{\"delta\":{\"content\":\"x\"},\"finish_reason\":\"stop\"}]}\n\n";

    (void)state;
    reads("sonar", false, stream,
          "start id=i\nopen 0 text\ndelta 0 \"\u00fc[1]\"\n"
          "delta 0 \"\\n\\n[1] https://a.example\\n[2] https://b.example\"\n" CITED);
    reads("sonar", false, results,
          "start id=i\nopen 0 text\ndelta 0 \"x\"\ndelta 0 \"\\n\\n[1] https://a.example\"\n"
          "cite 0 web 3..24 (3..24) url=https://a.example title=A\nclose 0\nstop end\nend ok\n");
    reads("sonar", true, stream,
          "start id=i\nopen 0 text\ndelta 0 \"\u00fc[1]\"\nclose 0\nstop end\nend ok\n");
}

static void nvidia_embeddings(void **state)
{
    struct family_case c;
    struct embed_input one = {.text = STR("a")};
    struct embed_request r = {.inputs = &one, .count = 1, .dimensions = -1};
    struct buf out = {0};

    (void)state;
    family_case_open(&c, &family_openai_compatible, "nvidia--llama-3.2-nv-embedqa-1b");
    const struct family_embed *embed = family_openai_compatible.embed;
    embed->path(&c.call, &out);
    buf_add_char(&out, ' ');
    assert_int_equal(embed->encode(c.arena, &r, &c.call, &out, &c.dropped, &c.err), OK);
    assert_true(str_is(buf_str(&out),
                       "/embeddings {\"model\":\"nvidia--llama-3.2-nv-embedqa-1b\",\"input\":"
                       "[\"a\"],\"encoding_format\":\"float\",\"input_type\":\"passage\","
                       "\"truncate\":\"NONE\"}"));
    buf_free(&out);
    family_case_close(&c);
}

static void picks(void **state)
{
    (void)state;
    assert_ptr_equal(family_pick(STR("azure-openai"), STR("gpt-5"), STR_NONE),
                     &family_azure_openai);
    assert_ptr_equal(family_pick(STR("aws-bedrock"), STR("anthropic--claude-4.5-haiku"), STR_NONE),
                     &family_bedrock_invoke);
    assert_ptr_equal(family_pick(STR("aws-bedrock"), STR("amazon--nova-pro"), STR_NONE),
                     &family_bedrock_converse);
    assert_ptr_equal(family_pick(STR("gcp-vertexai"), STR("gemini-2.5-pro"), STR_NONE),
                     &family_vertex_gemini);
    assert_ptr_equal(family_pick(STR("never-heard-of"), STR("x"), STR_NONE),
                     &family_openai_compatible);
    assert_ptr_equal(family_pick(STR("aws-bedrock"), STR("anthropic--claude-4.5-haiku"),
                                 STR("bedrock-converse")),
                     &family_bedrock_converse);
    assert_null(family_pick(STR("aws-bedrock"), STR("x"), STR("no-such-family")));
    assert_ptr_equal(family_find(STR("vertex-gemini")), &family_vertex_gemini);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_the_model),
        cmocka_unit_test(call_ids_have_nine_characters),
        cmocka_unit_test(encodes_plainly),
        cmocka_unit_test(perplexity_has_no_tools),
        cmocka_unit_test(mistral_answers),
        cmocka_unit_test(calls_end_as_calls),
        cmocka_unit_test(perplexity_answers),
        cmocka_unit_test(nvidia_embeddings),
        cmocka_unit_test(picks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * Failures that users met with other gateways and clients, each told here as one exchange, so that
 * it stays away from this one. doc/known-failures.md says what each of them was: the name of a test
 * is its name there. This file holds those of answers, test_known_refusals.c those of requests.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "exchange_case.h"

#define ASK "'messages':[{'role':'user','content':'Hi'}]"
/* A tool for each dialect, and a chunk of chat completions with this delta. */
#define CHAT_TOOL   "'tools':[{'type':'function','function':{'name':'look'}}]"
#define CLAUDE_TOOL "'tools':[{'name':'look','input_schema':{'type':'object'}}]"
#define CHUNK(delta)                                                                               \
    "data: {'id':'u','object':'chat.completion.chunk','created':1,'model':'g','choices':"          \
    "[{'index':0,'delta':" delta ",'finish_reason':null}]}\n\n"
#define CHUNK_END(reason)                                                                          \
    "data: {'id':'u','object':'chat.completion.chunk','created':1,'model':'g','choices':"          \
    "[{'index':0,'delta':{},'finish_reason':'" reason "'}]}\n\ndata: [DONE]\n\n"
#define EVENT(json) "data: " json "\n\n"
#define CLAUDE_BEGINS                                                                              \
    EVENT("{'type':'message_start','message':{'id':'m','type':'message','role':'assistant',"       \
          "'content':[],'model':'c','stop_reason':null,'stop_sequence':null,"                      \
          "'usage':{'input_tokens':9,'output_tokens':1}}}")
#define CLAUDE_ENDS(reason)                                                                        \
    EVENT("{'type':'message_delta','delta':{'stop_reason':'" reason "','stop_sequence':null},"     \
          "'usage':{'output_tokens':5}}")                                                          \
    EVENT("{'type':'message_stop'}")
#define CLAUDE_TEXT(text)                                                                          \
    EVENT("{'type':'content_block_start','index':0,'content_block':{'type':'text','text':''}}")    \
    EVENT("{'type':'content_block_delta','index':0,'delta':{'type':'text_delta','text':'" text     \
          "'}}")                                                                                   \
    EVENT("{'type':'content_block_stop','index':0}")
#define CLAUDE_CALL(index, id, name)                                                               \
    EVENT("{'type':'content_block_start','index':" index                                           \
          ",'content_block':{'type':'tool_use','id':'" id "','name':'" name "','input':{}}}")      \
    EVENT("{'type':'content_block_delta','index':" index                                           \
          ",'delta':{'type':'input_json_delta','partial_json':'{}'}}")                             \
    EVENT("{'type':'content_block_stop','index':" index "}")

/* --- calls of tools -------------------------------------------------------------------------- */

static void parallel_calls_have_their_own_index(void **unused)
{
    struct exchange_case c;
    const struct exchange_case_given claude = {
        &dialect_openai_chat, &family_bedrock_invoke, NULL,
        "{'model':'anthropic--claude-4-sonnet','stream':true," CHAT_TOOL "," ASK "}",
        .answer = CLAUDE_BEGINS CLAUDE_TEXT("I look.") CLAUDE_CALL("1", "toolu_a", "look")
            CLAUDE_CALL("2", "toolu_b", "look") CLAUDE_ENDS("tool_use")};
    const struct exchange_case_given gemini = {
        &dialect_openai_chat, &family_vertex_gemini, NULL,
        "{'model':'gemini-2.5-pro','stream':true," CHAT_TOOL "," ASK "}",
        .answer = EVENT("{'candidates':[{'content':{'role':'model','parts':[{'functionCall':"
                        "{'name':'look','args':{}}},{'functionCall':{'name':'look','args':{}}}]},"
                        "'finishReason':'STOP'}]}")};

    (void)unused;
    exchange_case_act(&c, &claude);
    assert_in_order(c.got,
                    (const char *[]){"{'index':0,'id':'toolu_a'", "{'index':1,'id':'toolu_b'",
                                     "'finish_reason':'tool_calls'", NULL});
    assert_count(c.got, "'tool_calls':[{'index':1,", 2);
    exchange_case_end(&c);
    exchange_case_act(&c, &gemini);
    assert_in_order(c.got, (const char *[]){"{'index':0,'id':", "{'index':1,'id':",
                                            "'finish_reason':'tool_calls'", NULL});
    exchange_case_end(&c);
}

/* The calls of a Gemini model and the end of its answer come in two chunks. */
static void calls_are_the_reason_though_the_end_comes_alone(void **unused)
{
    struct exchange_case c;
    const struct exchange_case_given given = {
        &dialect_openai_chat, &family_vertex_gemini, NULL,
        "{'model':'gemini-2.5-pro','stream':true," CHAT_TOOL "," ASK "}",
        .answer = EVENT("{'candidates':[{'content':{'role':'model','parts':[{'functionCall':"
                        "{'name':'look','args':{}}}]}}]}")
            EVENT("{'candidates':[{'content':{'parts':[{'text':''}]},'finishReason':'STOP'}]}")};

    (void)unused;
    exchange_case_act(&c, &given);
    assert_holds(c.got, "'finish_reason':'tool_calls'");
    assert_lacks(c.got, "'finish_reason':'stop'");
    exchange_case_end(&c);
}

static void calls_cut_by_the_limit_say_so(void **unused)
{
    struct exchange_case c;
    const struct exchange_case_given given = {
        &dialect_openai_chat, &family_vertex_gemini, NULL,
        "{'model':'gemini-2.5-pro','stream':true," CHAT_TOOL "," ASK "}",
        .answer = EVENT("{'candidates':[{'content':{'role':'model','parts':[{'functionCall':"
                        "{'name':'look','args':{}}}]},'finishReason':'MAX_TOKENS'}]}")};

    (void)unused;
    exchange_case_act(&c, &given);
    assert_holds(c.got, "'finish_reason':'length'");
    exchange_case_end(&c);
}

/* A last chunk that has a reason, and nothing that it would be the reason of. */
static void a_lonely_reason_is_an_end(void **unused)
{
    struct exchange_case c;
    const struct exchange_case_given given = {
        &dialect_anthropic_messages, &family_vertex_gemini, NULL,
        "{'model':'gemini-2.5-pro','max_tokens':9,'stream':true," ASK "}",
        .answer = EVENT("{'candidates':[{'content':{'role':'model','parts':[{'text':'Hi'}]}}]}")
            EVENT("{'candidates':[{'finishReason':'STOP'}],'usageMetadata':{'promptTokenCount':3,"
                  "'candidatesTokenCount':1,'totalTokenCount':4}}")};

    (void)unused;
    exchange_case_act(&c, &given);
    assert_blocks_are_sound(&c);
    assert_holds(c.got, "'stop_reason':'end_turn'");
    exchange_case_end(&c);
}

/* Codex edits files with a tool that takes free text; no other family has such tools. */
static void free_text_tools_come_back_as_such(void **unused)
{
    struct exchange_case c;
    const struct exchange_case_given given = {
        &dialect_openai_responses, &family_bedrock_invoke, NULL,
        "{'model':'anthropic--claude-4-sonnet','stream':true,'input':'Hi','tools':[{'type':"
        "'custom','name':'apply_patch','format':{'type':'grammar','syntax':'lark','definition':"
        "'start: /.+/'}}]}",
        .answer = CLAUDE_BEGINS EVENT(
            "{'type':'content_block_start','index':0,'content_block':{'type':'tool_use',"
            "'id':'toolu_a','name':'apply_patch','input':{}}}")
            EVENT("{'type':'content_block_delta','index':0,'delta':{'type':'input_json_delta',"
                  "'partial_json':'{\\\"input\\\":\\\"*** Begin Patch\\\\n+a\\\"}'}}")
                EVENT("{'type':'content_block_stop','index':0}") CLAUDE_ENDS("tool_use")};

    (void)unused;
    exchange_case_act(&c, &given);
    assert_in_order(c.sent, (const char *[]){"'name':'apply_patch'", "start: /.+/",
                                             "'input':{'type':'string'", NULL});
    assert_holds(c.got, "'type':'custom_tool_call'");
    assert_holds(c.got, "'input':'*** Begin Patch\\n+a'");
    assert_lacks(c.got, "'type':'function_call'");
    exchange_case_end(&c);
}

/* --- blocks of messages ---------------------------------------------------------------------- */

static void every_delta_has_its_open_block(void **unused)
{
    struct exchange_case c;
    const struct exchange_case_given given = {
        &dialect_anthropic_messages, &family_azure_openai, NULL,
        "{'model':'gpt-4.1','max_tokens':9,'stream':true," CLAUDE_TOOL "," ASK "}",
        .answer = CHUNK("{'role':'assistant','content':''}") CHUNK("{'content':'I look.'}") CHUNK(
            "{'tool_calls':[{'index':0,'id':'call_a','type':'function','function':{'name':'look',"
            "'arguments':''}}]}")
            CHUNK("{'tool_calls':[{'index':0,'function':{'arguments':'{}'}}]}") CHUNK(
                "{'tool_calls':[{'index':1,'id':'call_b','type':'function','function':{'name':"
                "'look','arguments':'{}'}}]}") CHUNK("{'content':'Done.'}")
                CHUNK_END("tool_calls")};

    (void)unused;
    exchange_case_act(&c, &given);
    assert_blocks_are_sound(&c);
    assert_count(c.got, "'type':'tool_use'", 2);
    assert_in_order(c.got, (const char *[]){"I look.", "call_a", "call_b", "Done.", NULL});
    exchange_case_end(&c);
}

static void thinking_has_a_block_of_its_own(void **unused)
{
    struct exchange_case c;
    const struct exchange_case_given given = {
        &dialect_anthropic_messages, &family_openai_compatible, NULL,
        "{'model':'mistralai--mistral-small','max_tokens':9,'stream':true," ASK "}",
        .answer = CHUNK("{'role':'assistant','content':''}") CHUNK("{'reasoning_content':'Hm'}")
            CHUNK("{'reasoning_content':'.'}") CHUNK("{'content':'Yes'}") CHUNK_END("stop")};

    (void)unused;
    exchange_case_act(&c, &given);
    assert_blocks_are_sound(&c);
    assert_in_order(c.got, (const char *[]){"'index':0,'content_block':{'type':'thinking'",
                                            "'thinking':'Hm'", "'thinking':'.'",
                                            "'index':1,'content_block':{'type':'text'",
                                            "'text':'Yes'", NULL});
    exchange_case_end(&c);
}

/* Where thinking ends in the very chunk in which text begins, neither is lost. */
static void the_first_word_behind_thinking_is_kept(void **unused)
{
    struct exchange_case c;
    const struct exchange_case_given given = {
        &dialect_anthropic_messages, &family_openai_compatible, NULL,
        "{'model':'mistralai--mistral-small','max_tokens':9,'stream':true," ASK "}",
        .answer = CHUNK("{'role':'assistant','reasoning_content':'Hm'}")
            CHUNK("{'reasoning_content':'!','content':'The '}") CHUNK("{'content':'answer'}")
                CHUNK_END("stop")};

    (void)unused;
    exchange_case_act(&c, &given);
    assert_blocks_are_sound(&c);
    assert_in_order(c.got, (const char *[]){"'thinking':'Hm'", "'thinking':'!'", "'text':'The '",
                                            "'text':'answer'", NULL});
    exchange_case_end(&c);
}

/* The same answer whole, from the API that has the text apart from the thinking. */
static void whole_answers_hold_the_text(void **unused)
{
    struct exchange_case c;
    const struct exchange_case_given given = {
        &dialect_anthropic_messages, &family_azure_responses, NULL,
        "{'model':'gpt-5.3-codex','max_tokens':99," ASK "}",
        .answer = "{'id':'resp_u','object':'response','status':'completed','model':'g','output':["
                  "{'type':'reasoning','id':'rs_1','summary':[]},{'type':'message','id':'msg_1',"
                  "'role':'assistant','status':'completed','content':[{'type':'output_text',"
                  "'text':'Quicksort.','annotations':[]}]}],'usage':{'input_tokens':5,"
                  "'output_tokens':7,'total_tokens':12}}"};

    (void)unused;
    exchange_case_act(&c, &given);
    assert_holds(c.got, "{'type':'text','text':'Quicksort.'}");
    assert_holds(c.got, "'output_tokens':7");
    exchange_case_end(&c);
}

/* --- signatures ------------------------------------------------------------------------------ */

/* `text` with `id` for each percent sign. */
static struct str fill_in(struct arena *arena, const char *text, struct str id)
{
    struct str rest = str_from(text);
    struct buf out = {0};

    buf_add_str(&out, str_cut(&rest, '%'));
    while (rest.p) {
        buf_add_str(&out, id);
        buf_add_str(&out, str_cut(&rest, '%'));
    }
    struct str filled = arena_str(arena, buf_str(&out));
    buf_free(&out);
    return filled;
}

/* A Gemini model refuses its own call without the signature it came with, and these dialects have
   no field for it. */
static void replay_signed_call(const struct dialect *dialect, const char *ask,
                               const char *before_id, const char *replay)
{
    struct exchange_case c, next;
    const struct exchange_case_given given = {
        dialect, &family_vertex_gemini, NULL, ask,
        .answer = EVENT("{'candidates':[{'content':{'role':'model','parts':[{'functionCall':"
                        "{'name':'look','args':{}},'thoughtSignature':'c2lnKy9h=='}]},"
                        "'finishReason':'STOP'}]}")};

    exchange_case_act(&c, &given);
    struct str id = exchange_case_quoted(&c, before_id);
    struct str again = fill_in(c.arena, replay, id);
    exchange_case_act(&next, &(struct exchange_case_given){dialect, &family_vertex_gemini, NULL,
                                                           again.p, .answer = NULL});
    assert_in_order(next.sent,
                    (const char *[]){"'functionCall':{'name':'look'",
                                     "'thoughtSignature':'c2lnKy9h=='", "functionResponse", NULL});
    exchange_case_end(&next);
    exchange_case_end(&c);
}

static void signatures_of_calls_return(void **unused)
{
    (void)unused;
    replay_signed_call(
        &dialect_openai_chat,
        "{'model':'gemini-3-pro-preview','stream':true," CHAT_TOOL "," ASK "}", "'index':0,'id':'",
        "{'model':'gemini-3-pro-preview'," CHAT_TOOL ",'messages':[{'role':'user','content':'Hi'},"
        "{'role':'assistant','content':null,'tool_calls':[{'id':'%','type':'function',"
        "'function':{'name':'look','arguments':'{}'}}]},"
        "{'role':'tool','tool_call_id':'%','content':'it'}]}");
    replay_signed_call(
        &dialect_anthropic_messages,
        "{'model':'gemini-3-pro-preview','max_tokens':9,'stream':true," CLAUDE_TOOL "," ASK "}",
        "'type':'tool_use','id':'",
        "{'model':'gemini-3-pro-preview','max_tokens':9," CLAUDE_TOOL
        ",'messages':[{'role':'user','content':'Hi'},"
        "{'role':'assistant','content':[{'type':'tool_use','id':'%','name':'look','input':{}}]},"
        "{'role':'user','content':[{'type':'tool_result','tool_use_id':'%','content':'it'}]}]}");
    replay_signed_call(
        &dialect_openai_responses,
        "{'model':'gemini-3-pro-preview','stream':true,'input':'Hi','tools':[{'type':'function',"
        "'name':'look'}]}",
        "'call_id':'",
        "{'model':'gemini-3-pro-preview','tools':[{'type':'function','name':'look'}],'input':["
        "{'role':'user','content':'Hi'},{'type':'function_call','call_id':'%','name':'look',"
        "'arguments':'{}'},{'type':'function_call_output','call_id':'%','output':'it'}]}");
}

/* --- ends ------------------------------------------------------------------------------------ */

#define CLAUDE_CUT                                                                                 \
    CLAUDE_BEGINS                                                                                  \
    EVENT("{'type':'content_block_start','index':0,'content_block':{'type':'text','text':''}}")    \
    EVENT("{'type':'content_block_delta','index':0,'delta':{'type':'text_delta','text':'I'}}")

/* Codex reports "stream closed before response.completed" when no last event comes. */
static void a_broken_stream_still_ends_in_the_dialect(void **unused)
{
    struct exchange_case c;
    const struct exchange_case_given translated = {
        &dialect_openai_responses, &family_bedrock_invoke, NULL,
        "{'model':'anthropic--claude-4-sonnet','stream':true,'input':'Hi'}", .answer = CLAUDE_CUT};
    const struct exchange_case_given chat = {
        &dialect_openai_chat, &family_bedrock_invoke, NULL,
        "{'model':'anthropic--claude-4-sonnet','stream':true," ASK "}", .answer = CLAUDE_CUT};

    (void)unused;
    exchange_case_act(&c, &translated);
    assert_in_order(c.got, (const char *[]){"'delta':'I'", "event: response.failed\n",
                                            "'status':'failed'", "'code':'server_error'", NULL});
    assert_lacks(c.got, "response.completed");
    exchange_case_end(&c);
    exchange_case_act(&c, &chat);
    assert_in_order(c.got, (const char *[]){"'content':'I'", "data: {'error':{", NULL});
    assert_holds(c.got, "'type':'server_error'");
    assert_lacks(c.got, "[DONE]");
    assert_lacks(c.got, "'finish_reason':'");
    exchange_case_end(&c);
}

static void an_error_in_mid_stream_is_told(void **unused)
{
    struct exchange_case c;
    const struct exchange_case_given given = {
        &dialect_openai_chat, &family_bedrock_invoke, NULL,
        "{'model':'anthropic--claude-4-sonnet','stream':true," ASK "}",
        .answer = CLAUDE_CUT EVENT("{'type':'error','error':{'details':null,'type':'api_error',"
                                   "'message':'Internal server error'}}")};

    (void)unused;
    exchange_case_act(&c, &given);
    assert_in_order(c.got, (const char *[]){"'content':'I'", "data: {'error':{", NULL});
    assert_lacks(c.got, "[DONE]");
    exchange_case_end(&c);
}

static void an_end_without_done_is_an_end(void **unused)
{
    struct exchange_case c;
    const struct exchange_case_given given = {
        &dialect_openai_responses, &family_azure_responses, NULL,
        "{'model':'gpt-5','stream':true,'input':'Hi'}",
        .answer = EVENT("{'type':'response.created','sequence_number':0,'response':{'id':'resp_u',"
                        "'object':'response','status':'in_progress','output':[]}}")
            EVENT("{'type':'response.output_text.delta','sequence_number':1,'item_id':'msg_1',"
                  "'output_index':0,'content_index':0,'delta':'Yes'}")
                EVENT("{'type':'response.completed','sequence_number':2,'response':{'id':"
                      "'resp_u','object':'response','status':'completed','output':[],'usage':"
                      "{'input_tokens':1,'output_tokens':1,'total_tokens':2}}}")};

    (void)unused;
    exchange_case_act(&c, &given);
    assert_int_equal(c.status, 200);
    assert_holds(c.got, "event: response.completed\n");
    assert_lacks(c.got, "[DONE]");
    assert_lacks(c.got, "error");
    exchange_case_end(&c);
}

/* Chat completions end with it once, whatever answers; messages never have it. */
static void done_comes_once_or_never(void **unused)
{
    struct exchange_case c;
    const struct exchange_case_given claude = {
        &dialect_openai_chat, &family_bedrock_invoke, NULL,
        "{'model':'anthropic--claude-4-sonnet','stream':true," ASK "}",
        .answer = CLAUDE_BEGINS CLAUDE_TEXT("Yes") CLAUDE_ENDS("end_turn")};
    const struct exchange_case_given gpt = {&dialect_openai_chat, &family_azure_openai, NULL,
                                            "{'model':'gpt-4.1','stream':true," ASK "}",
                                            .answer = CHUNK("{'role':'assistant','content':'Yes'}")
                                                CHUNK_END("stop")};
    const struct exchange_case_given messages = {
        &dialect_anthropic_messages, &family_azure_openai, NULL,
        "{'model':'gpt-4.1','max_tokens':9,'stream':true," ASK "}",
        .answer = CHUNK("{'role':'assistant','content':'Yes'}") CHUNK_END("stop")};

    (void)unused;
    exchange_case_act(&c, &claude);
    assert_count(c.got, "data: [DONE]\n\n", 1);
    assert_true(str_ends(c.got, "data: [DONE]\n\n"));
    exchange_case_end(&c);
    exchange_case_act(&c, &gpt);
    assert_count(c.got, "data: [DONE]\n\n", 1);
    exchange_case_end(&c);
    exchange_case_act(&c, &messages);
    assert_lacks(c.got, "[DONE]");
    exchange_case_end(&c);
}

/* --- what Azure and Bedrock say beside the answer -------------------------------------------- */

/* Clients index choices[0].delta blindly, and take another id for another answer. */
static void filter_reports_break_no_client(void **unused)
{
    struct exchange_case c;
    const struct exchange_case_given given = {
        &dialect_openai_chat, &family_azure_openai, NULL,
        "{'model':'gpt-4.1','stream':true," ASK "}",
        .answer = "data: {'choices':[],'created':0,'id':'','model':'','object':'',"
                  "'prompt_filter_results':[]}\n\n" CHUNK("{'role':'assistant','content':'Yes'}")
                      CHUNK_END("stop")};
    const struct exchange_case_given late = {
        &dialect_openai_chat, &family_azure_openai, NULL,
        "{'model':'gpt-4.1','stream':true," ASK "}",
        .answer = CHUNK("{'role':'assistant','content':'Yes'}")
            EVENT("{'id':'','object':'','created':0,'model':'','choices':[{'index':0,"
                  "'finish_reason':null,'content_filter_results':{},'content_filter_offsets':"
                  "{'check_offset':44}}],'usage':null}") CHUNK_END("stop")};

    (void)unused;
    exchange_case_act(&c, &given);
    assert_lacks(c.got, "'choices':[]");
    assert_lacks(c.got, "'id':''");
    exchange_case_end(&c);
    exchange_case_act(&c, &late);
    assert_lacks(c.got, "'id':''");
    assert_holds(c.got, "'finish_reason':'stop'");
    exchange_case_end(&c);
}

/* /converse-stream prints events as Python does. */
static void python_is_understood(void **unused)
{
    struct exchange_case c;
    const struct exchange_case_given given = {
        &dialect_openai_chat,
        &family_bedrock_converse,
        NULL,
        "{'model':'anthropic--claude-4-sonnet','stream':true," ASK "}",
        .answer = "data: {'messageStart': {'role': 'assistant'}}\n\n"
                  "data: {'contentBlockDelta': {'delta': {'text': 'it\\'s \"so\": data: True, '}, "
                  "'contentBlockIndex': 0}}\n\n"
                  "data: {'contentBlockDelta': {'delta': {'text': \"don't None\"}, "
                  "'contentBlockIndex': 0}}\n\n"
                  "data: {'contentBlockStop': {'contentBlockIndex': 0}}\n\n"
                  "data: {'messageStop': {'stopReason': 'end_turn', "
                  "'additionalModelResponseFields': None}}\n\n"
                  "data: {'metadata': {'usage': {'inputTokens': 1, 'outputTokens': 2, "
                  "'totalTokens': 3}, 'metrics': {'latencyMs': 1}}}\n\n",
        .raw = true};

    (void)unused;
    exchange_case_act(&c, &given);
    assert_int_equal(c.status, 200);
    assert_true(str_find(c.got, "it's \\\"so\\\": data: True, ") < c.got.n);
    assert_true(str_find(c.got, "don't None") < c.got.n);
    assert_holds(c.got, "'finish_reason':'stop'");
    exchange_case_end(&c);
}

/* --- usage ----------------------------------------------------------------------------------- */

/* Bedrock's input_tokens leave cached ones out, OpenAI's and Google's hold them. */
static void cached_tokens_count_once(void **unused)
{
    struct exchange_case c;
    const struct exchange_case_given up = {
        &dialect_openai_chat, &family_bedrock_invoke, NULL,
        "{'model':'anthropic--claude-4-sonnet'," ASK "}",
        .answer = "{'id':'m','type':'message','role':'assistant','model':'c','content':[{'type':"
                  "'text','text':'Yes'}],'stop_reason':'end_turn','stop_sequence':null,'usage':"
                  "{'input_tokens':10,'cache_creation_input_tokens':5,'cache_read_input_tokens':85,"
                  "'output_tokens':7}}"};
    const struct exchange_case_given down = {
        &dialect_anthropic_messages, &family_azure_openai, NULL,
        "{'model':'gpt-4.1','max_tokens':9," ASK "}",
        .answer = "{'id':'u','object':'chat.completion','created':1,'model':'g','choices':[{"
                  "'index':0,'message':{'role':'assistant','content':'Yes'},'finish_reason':"
                  "'stop'}],'usage':{'prompt_tokens':100,'completion_tokens':7,'total_tokens':107,"
                  "'prompt_tokens_details':{'cached_tokens':85}}}"};

    (void)unused;
    exchange_case_act(&c, &up);
    assert_holds(c.got, "'prompt_tokens':100,'completion_tokens':7,'total_tokens':107");
    assert_holds(c.got, "'cached_tokens':85");
    exchange_case_end(&c);
    exchange_case_act(&c, &down);
    assert_holds(c.got, "'input_tokens':15,");
    assert_holds(c.got, "'cache_read_input_tokens':85");
    exchange_case_end(&c);
}

static void usage_comes_when_asked_and_is_asked_for_anyway(void **unused)
{
    struct exchange_case c;
    const char *answer = CHUNK(
        "{'role':'assistant','content':'Yes'}") "data: "
                                                "{'id':'u','object':'chat.completion.chunk','"
                                                "created':1,'model':'g','choices':"
                                                "[{'index':0,'delta':{},'finish_reason':'stop'}]}"
                                                "\n\n"
                                                "data: "
                                                "{'id':'u','object':'chat.completion.chunk','"
                                                "created':1,'model':'g','choices':[],"
                                                "'usage':{'prompt_tokens':3,'completion_tokens':1,'"
                                                "total_tokens':4}}\n\ndata: [DONE]\n\n";
    struct exchange_case_given given = {
        &dialect_openai_chat, &family_azure_openai, NULL,
        "{'model':'gpt-4.1','stream':true,'stream_options':{'include_usage':true}," ASK "}",
        .answer = answer};

    (void)unused;
    exchange_case_act(&c, &given);
    assert_count(c.got, "'total_tokens':4", 1);
    exchange_case_end(&c);
    given.request = "{'model':'gpt-4.1','stream':true," ASK "}";
    exchange_case_act(&c, &given);
    assert_holds(c.sent, "'stream_options':{'include_usage':true}");
    assert_lacks(c.got, "usage':{");
    exchange_case_end(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parallel_calls_have_their_own_index),
        cmocka_unit_test(calls_are_the_reason_though_the_end_comes_alone),
        cmocka_unit_test(calls_cut_by_the_limit_say_so),
        cmocka_unit_test(a_lonely_reason_is_an_end),
        cmocka_unit_test(free_text_tools_come_back_as_such),
        cmocka_unit_test(every_delta_has_its_open_block),
        cmocka_unit_test(thinking_has_a_block_of_its_own),
        cmocka_unit_test(the_first_word_behind_thinking_is_kept),
        cmocka_unit_test(whole_answers_hold_the_text),
        cmocka_unit_test(signatures_of_calls_return),
        cmocka_unit_test(a_broken_stream_still_ends_in_the_dialect),
        cmocka_unit_test(an_error_in_mid_stream_is_told),
        cmocka_unit_test(an_end_without_done_is_an_end),
        cmocka_unit_test(done_comes_once_or_never),
        cmocka_unit_test(filter_reports_break_no_client),
        cmocka_unit_test(python_is_understood),
        cmocka_unit_test(cached_tokens_count_once),
        cmocka_unit_test(usage_comes_when_asked_and_is_asked_for_anyway),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

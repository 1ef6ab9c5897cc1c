/*
 * Requests that other gateways passed on and the model's service refused, or that they spoilt on the
 * way; see test_known_failures.c and doc/known-failures.md.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "chat/estimate.h"
#include "exchange_case.h"

#define CLAUDE "'model':'anthropic--claude-4-sonnet','max_tokens':4096"
#define ASK    "'messages':[{'role':'user','content':'Hi'}]"
#define TOOL   "'tools':[{'name':'look','input_schema':{'type':'object'}}]"

/* What messages become on their way to Bedrock. */
static void lane(struct exchange_case *c, const char *call, const char *request)
{
    exchange_case_act(c, &(struct exchange_case_given){&dialect_anthropic_messages,
                                                       &family_bedrock_invoke, call, request,
                                                       .answer = NULL});
}

/* --- "Extra inputs are not permitted" -------------------------------------------------------- */

static void what_bedrock_does_not_know_stays_here(void **unused)
{
    struct exchange_case c;

    (void)unused;
    lane(&c, "anthropic-beta: context-management-2025-06-27,prompt-caching-scope-2026-01-05,x-new",
         "{" CLAUDE "," ASK ",'stream':true,'context_management':{'edits':[]},'service_tier':"
         "'auto','cache_control':{'type':'ephemeral'},'mcp_servers':[],'container':'c'}");
    static const char *const gone[] = {"context_management", "service_tier", "mcp_servers",
                                       "container",          "'model'",      "'stream'"};
    for (size_t i = 0; i < sizeof gone / sizeof *gone; i++)
        assert_lacks(c.sent, gone[i]);
    assert_holds(c.dropped, "context_management");
    assert_lacks(c.sent, "context-management-2025-06-27");
    assert_lacks(c.sent, "prompt-caching-scope");
    assert_holds(c.sent, "'anthropic_beta':['x-new']");
    exchange_case_end(&c);
}

static void tools_have_the_members_that_bedrock_knows(void **unused)
{
    struct exchange_case c;

    (void)unused;
    lane(&c, NULL,
         "{" CLAUDE "," ASK ",'tools':[{'name':'look','description':'d','input_schema':{'type':"
         "'object','properties':{'strict':{'type':'string'}}},'defer_loading':true,'strict':true,"
         "'eager_input_streaming':true,'input_examples':[{}],'cache_control':{'type':"
         "'ephemeral'}},{'type':'web_search_20250305','name':'web_search'}]}");
    assert_holds(c.sent, "'tools':[{'name':'look','description':'d','input_schema':{'type':"
                         "'object','properties':{'strict':{'type':'string'}}},'cache_control':"
                         "{'type':'ephemeral'}}]");
    assert_holds(c.dropped, "web_search");
    exchange_case_end(&c);
}

static void breakpoints_lose_their_scope_alone(void **unused)
{
    struct exchange_case c;

    (void)unused;
    lane(&c, NULL,
         "{" CLAUDE ",'system':[{'type':'text','text':'S','cache_control':{'type':'ephemeral',"
         "'scope':'global'}}]," ASK "}");
    assert_holds(c.sent, "'cache_control':{'type':'ephemeral'}");
    assert_lacks(c.sent, "scope");
    exchange_case_end(&c);
}

static void thinking_has_no_breakpoint(void **unused)
{
    struct exchange_case c;

    (void)unused;
    lane(&c, NULL,
         "{" CLAUDE ",'thinking':{'type':'enabled','budget_tokens':1024}," TOOL ",'messages':["
         "{'role':'user','content':'Hi'},{'role':'assistant','content':[{'type':'thinking',"
         "'thinking':'Hm','signature':'c2ln','cache_control':{'type':'ephemeral'}},{'type':"
         "'tool_use','id':'toolu_1','name':'look','input':{}}]},{'role':'user','content':[{'type':"
         "'tool_result','tool_use_id':'toolu_1','content':'it'}]}]}");
    assert_holds(c.sent, "{'type':'thinking','thinking':'Hm','signature':'c2ln'}");
    exchange_case_end(&c);
}

static void empty_texts_go(void **unused)
{
    struct exchange_case c;

    (void)unused;
    lane(&c, NULL,
         "{" CLAUDE "," TOOL ",'messages':[{'role':'user','content':'Hi'},{'role':'assistant',"
         "'content':[{'type':'text','text':''},{'type':'tool_use','id':'toolu_1','name':'look',"
         "'input':{}}]},{'role':'user','content':[{'type':'tool_result','tool_use_id':'toolu_1',"
         "'content':'it'}]}]}");
    assert_lacks(c.sent, "'text':''");
    assert_holds(c.sent, "'content':[{'type':'tool_use','id':'toolu_1'");
    exchange_case_end(&c);
}

/* --- signatures ------------------------------------------------------------------------------ */

/* Another spelling of the same JSON is another text to whoever signed it. */
static void signed_thinking_keeps_its_bytes(void **unused)
{
    static const char *const block =
        "{ 'type' : 'thinking', 'signature':'Eq\\u003d\\/x==',\t'thinking':'\\u00e9 \\ud83e\\udd8a "
        "\\u2028 1.0e+0 <b>' }";
    struct exchange_case c;

    (void)unused;
    struct arena *arena = arena_new(0);
    struct str request = arena_printf(
        arena,
        "{" CLAUDE ",'stream':true,'thinking':{'type':'enabled','budget_tokens':1024}," TOOL
        ",'messages':[{'role':'user','content':[{'type':'text','text':''},{'type':'text','text':'"
        "Hi'}]},{'role':"
        "'assistant','content':[%s,{'type':'tool_use','id':'toolu_1','name':'look','input':{}}]},"
        "{'role':'user','content':[{'type':'tool_result','tool_use_id':'toolu_1','content':"
        "'it'}]}]}",
        block);
    lane(&c, NULL, request.p);
    assert_holds(c.sent, block);
    exchange_case_end(&c);
    arena_free(arena);
}

/* A conversation that began with another vendor's model: Claude refuses its signatures. */
static void signatures_of_others_stay_here(void **unused)
{
    struct exchange_case c;

    (void)unused;
    lane(&c, NULL,
         "{" CLAUDE ",'thinking':{'type':'enabled','budget_tokens':1024},'messages':[{'role':"
         "'user','content':'Hi'},{'role':'assistant','content':[{'type':'thinking','thinking':"
         "'of GPT','signature':'crly_rs_Z0FBQQ=='},{'type':'text','text':'A'}]},{'role':'user',"
         "'content':'B'},{'role':'assistant','content':[{'type':'thinking','thinking':'of Gemini',"
         "'signature':''},{'type':'text','text':'C'}]},{'role':'user','content':'D'}]}");
    assert_lacks(c.sent, "of GPT");
    assert_lacks(c.sent, "of Gemini");
    assert_in_order(c.sent, (const char *[]){"'A'", "'B'", "'C'", "'D'", NULL});
    exchange_case_end(&c);
}

/* --- calls and their results ----------------------------------------------------------------- */

/* Bedrock: "tool_use ids were found without tool_result blocks immediately after". */
static void every_call_is_followed_by_its_result(void **unused)
{
    struct exchange_case c;

    (void)unused;
    exchange_case_act(
        &c, &(struct exchange_case_given){
                &dialect_openai_responses, &family_bedrock_invoke, NULL,
                "{'model':'anthropic--claude-4-sonnet','tools':[{'type':'function','name':'look'}],"
                "'input':[{'role':'user','content':'Hi'},{'type':'function_call','call_id':'c1',"
                "'name':'look','arguments':'{}'},{'type':'function_call','call_id':'c2','name':"
                "'look','arguments':'{}'},{'role':'developer','content':'Between.'},{'type':"
                "'function_call_output','call_id':'c2','output':'two'},{'type':"
                "'function_call_output','call_id':'c1','output':'one'},{'role':'user','content':"
                "'On.'}]}",
                .answer = NULL});
    assert_in_order(c.sent,
                    (const char *[]){"'role':'assistant'", "'type':'tool_use','id':'c1'",
                                     "'type':'tool_use','id':'c2'", "'role':'user','content':[{",
                                     "'tool_result'", "'tool_result'", "Between.", NULL});
    assert_lacks(c.sent, "'tool_use','id':'c2','name':'look','input':{}},{'type':'text'");
    exchange_case_end(&c);
}

/* Bedrock takes 64 letters, digits, "_" and "-"; signatures of Gemini make ids that are longer. */
static void long_ids_are_shortened_alike(void **unused)
{
    static const char *const id = "call/0123456789abcdef0123456789abcdef0123456789abcdef0123456789"
                                  "abcdef0123456789abcdef=.:+";
    struct exchange_case c;

    (void)unused;
    struct arena *arena = arena_new(0);
    struct str request = arena_printf(
        arena,
        "{'model':'anthropic--claude-4-sonnet','tools':[{'type':'function','function':{'name':"
        "'look'}}],'messages':[{'role':'user','content':'Hi'},{'role':'assistant','tool_calls':["
        "{'id':'%s','type':'function','function':{'name':'look','arguments':'{}'}}]},{'role':"
        "'tool','tool_call_id':'%s','content':'it'}]}",
        id, id);
    exchange_case_act(&c,
                      &(struct exchange_case_given){&dialect_openai_chat, &family_bedrock_invoke,
                                                    NULL, request.p, .answer = NULL});
    c.got = c.sent;
    struct str call = exchange_case_quoted(&c, "'type':'tool_use','id':'");
    struct str result = exchange_case_quoted(&c, "'tool_use_id':'");
    assert_true(str_eq(call, result));
    assert_in_range(call.n, 1, 64);
    for (size_t i = 0; i < call.n; i++)
        assert_true(strchr("_-", call.p[i]) || (call.p[i] >= '0' && call.p[i] <= '9') ||
                    ((call.p[i] | 32) >= 'a' && (call.p[i] | 32) <= 'z'));
    exchange_case_end(&c);
    arena_free(arena);
}

/* --- models that think over their tools elsewhere -------------------------------------------- */

static const struct family *family_of_chat(const char *name, bool tools)
{
    struct family_model model;

    model_describe(str_from(name), &model);
    return family_for(&family_azure_openai, &model, WIRE_OPENAI_CHAT, tools);
}

/* "Function tools with reasoning_effort are not supported ... use /v1/responses instead." */
static void tools_and_thinking_take_the_other_api(void **unused)
{
    (void)unused;
    assert_ptr_equal(family_of_chat("gpt-5.4", true), &family_azure_responses);
    assert_ptr_equal(family_of_chat("gpt-5.6", true), &family_azure_responses);
    assert_ptr_equal(family_of_chat("gpt-5.4", false), &family_azure_openai);
    assert_ptr_equal(family_of_chat("gpt-4.1", true), &family_azure_openai);
    assert_ptr_equal(family_of_chat("gpt-5.3-codex", false), &family_azure_responses);
}

/* --- counting -------------------------------------------------------------------------------- */

static int64_t count(const char *request, const char *model)
{
    struct arena *arena = arena_new(0);
    struct dropped dropped = {.arena = arena};
    struct chat_request r;
    struct chat_error err;
    struct jspan *body;
    struct str text = arena_str(arena, str_from(request));

    for (char *p = (char *)(uintptr_t)text.p; *p; p++)
        if (*p == '\'')
            *p = '"';
    assert_int_equal(jspan_parse(arena, text, &body, NULL), OK);
    assert_int_equal(dialect_anthropic_messages.decode(arena, body, &r, &dropped, &err), OK);
    int64_t tokens = chat_estimate_tokens(&r, str_from(model));
    arena_free(arena);
    return tokens;
}

/* Clients compact their history by this number: nothing, text, and tools all count. */
static void counts_are_not_zero(void **unused)
{
    static const char *const models[] = {"anthropic--claude-4-sonnet", "gpt-5", "gemini-2.5-pro",
                                         "mistralai--mistral-small"};

    (void)unused;
    for (size_t i = 0; i < sizeof models / sizeof *models; i++) {
        int64_t little = count("{'model':'m'," ASK "}", models[i]);
        int64_t tools = count("{'model':'m'," TOOL "," ASK "}", models[i]);
        assert_true(little > 0);
        assert_true(tools > little);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_bedrock_does_not_know_stays_here),
        cmocka_unit_test(tools_have_the_members_that_bedrock_knows),
        cmocka_unit_test(breakpoints_lose_their_scope_alone),
        cmocka_unit_test(thinking_has_no_breakpoint),
        cmocka_unit_test(empty_texts_go),
        cmocka_unit_test(signed_thinking_keeps_its_bytes),
        cmocka_unit_test(signatures_of_others_stay_here),
        cmocka_unit_test(every_call_is_followed_by_its_result),
        cmocka_unit_test(long_ids_are_shortened_alike),
        cmocka_unit_test(tools_and_thinking_take_the_other_api),
        cmocka_unit_test(counts_are_not_zero),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Azure's Responses API: which calls go there, what is sent, and what its answers mean. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "family_case.h"

/* A copy with " in the place of '. */
static const char *q(struct family_case *c, const char *text)
{
    char *copy = arena_cstr(c->arena, str_from(text));
    for (char *p = copy; *p; p++)
        if (*p == '\'')
            *p = '"';
    return copy;
}

static void prepares(const char *model, const char *body, const char *want, const char *declared)
{
    struct family_case c;

    family_case_open(&c, &family_azure_responses, model);
    c.call.stream = true;
    assert_string_equal(family_case_prepare(&c, q(&c, body)), q(&c, want));
    assert_string_equal(family_case_dropped(&c), declared);
    family_case_close(&c);
}

/* --- which calls -------------------------------------------------------------------------------- */

static void takes_the_calls_it_must(void **state)
{
    struct family_model plain, newest, only;

    (void)state;
    model_describe(STR("gpt-4.1"), &plain);
    model_describe(STR("gpt-5.5"), &newest);
    model_describe(STR("gpt-5.3-codex"), &only);
#define FOR(model, wire, tools) family_for(&family_azure_openai, &model, wire, tools)
    assert_ptr_equal(FOR(plain, WIRE_OPENAI_CHAT, true), &family_azure_openai);
    assert_ptr_equal(FOR(plain, WIRE_OPENAI_RESPONSES, false), &family_azure_responses);
    assert_ptr_equal(FOR(newest, WIRE_OPENAI_CHAT, false), &family_azure_openai);
    assert_ptr_equal(FOR(newest, WIRE_ANTHROPIC_MESSAGES, true), &family_azure_responses);
    assert_ptr_equal(FOR(only, WIRE_OPENAI_CHAT, false), &family_azure_responses);
    assert_ptr_equal(family_for(&family_vertex_gemini, &plain, WIRE_OPENAI_RESPONSES, true),
                     &family_vertex_gemini);
    assert_ptr_equal(family_find(STR("azure-responses")), &family_azure_responses);
}

static void assert_lane(const char *body, bool fits)
{
    struct family_case c;
    struct jspan *tree;

    family_case_open(&c, &family_azure_responses, "gpt-5");
    assert_int_equal(jspan_parse(c.arena, str_from(q(&c, body)), &tree, NULL), OK);
    assert_int_equal(family_azure_responses.lane_fits(tree), fits);
    family_case_close(&c);
}

static void lets_the_lane_carry_what_it_can(void **state)
{
    (void)state;
    assert_lane("{'input':'x'}", true);
    assert_lane("{'input':[],'tools':[{'type':'function'},{'type':'web_search'}]}", true);
    assert_lane("{'input':[],'tools':[{'type':'custom'}]}", false);
    assert_lane("{'input':[],'tools':[{'type':'namespace'}]}", false);
    assert_lane("{'input':[{'type':'custom_tool_call'}]}", false);
    assert_lane("{'input':[{'type':'function_call','namespace':'n'}]}", false);
    assert_lane("{'input':[{'type':'tool_search_output'}]}", false);
    assert_lane("{'tools':[{'type':'custom'}],'previous_response_id':'resp_1'}", true);
    assert_lane("{'tools':[{'type':'custom'}],'previous_response_id':null}", false);
    assert_lane("{'tools':[{'type':'custom'}],'background':true}", true);
}

static void paths(void **state)
{
    static const struct {
        const char *version, *path;
    } rows[] = {
        {"", "/responses?api-version=2025-04-01-preview"},
        {"2023-05-15", "/responses?api-version=2025-04-01-preview"}, /* knows no such API */
        {"2025-03-01-preview", "/responses?api-version=2025-03-01-preview"},
        {"preview", "/responses?api-version=preview"},
        {"none", "/responses"},
    };
    struct family_case c;

    (void)state;
    family_case_open(&c, &family_azure_responses, "gpt-5");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        c.model.api_version = str_from(rows[i].version);
        assert_string_equal(family_case_path(&c), rows[i].path);
    }
    family_case_close(&c);
}

/* --- rewrites ----------------------------------------------------------------------------------- */

static void keeps_bytes_that_no_row_names(void **state)
{
    (void)state;
    prepares("gpt-4.1",
             "{ 'model':'fast', 'input':[ {'role':'user' ,'content':'\\u0000\\/ 1.50E2'} ],"
             "'metadata':{'n':12345678901234567890} }",
             "{\"model\":\"gpt-4.1\",\"input\":[ {'role':'user' ,'content':'\\u0000\\/ 1.50E2'} ],"
             "'metadata':{'n':12345678901234567890}}",
             "");
}

static void removes_what_is_refused(void **state)
{
    (void)state;
    prepares("gpt-4.1",
             "{'model':'m','client_metadata':{'a':'b'},'made_up':1,'reasoning':{'summary':'auto'},"
             "'text':{'verbosity':'low'},'include':['reasoning.encrypted_content','other'],"
             "'tools':[{'type':'function','name':'f','defer_loading':true},{'type':'mcp'}],"
             "'tool_choice':'auto'}",
             "{'model':'gpt-4.1','text':{},'include':['other'],"
             "'tools':[{'type':'function','name':'f'}],'tool_choice':'auto'}",
             "tools.mcp, made_up, reasoning, text.verbosity, tools.defer_loading");
    prepares("o3-mini",
             "{'model':'m','tools':[{'type':'function','name':'f'}],"
             "'parallel_tool_calls':false,'temperature':0.5,'top_p':1}",
             "{'model':'o3-mini','tools':[{'type':'function','name':'f'}],'top_p':1}",
             "parallel_tool_calls, temperature");
    prepares("gpt-5.2", "{'model':'m','reasoning':{'effort':'none'},'temperature':0.5}",
             "{'model':'gpt-5.2','reasoning':{'effort':'none'},'temperature':0.5}", "");
    prepares("gpt-5", "{'model':'m','reasoning':{'effort':'xhigh'}}",
             "{'model':'gpt-5','reasoning':{'effort':'high'}}", "reasoning.effort");
}

static void clamps_the_output(void **state)
{
    (void)state;
    prepares("gpt-4.1", "{'model':'m','max_output_tokens':1}",
             "{'model':'gpt-4.1','max_output_tokens':16}", "");
    prepares("gpt-4.1", "{'model':'m','max_output_tokens':99999}",
             "{'model':'gpt-4.1','max_output_tokens':32768}", "");
}

static void refuses_to_force_what_it_drops(void **state)
{
    struct family_case c;

    (void)state;
    family_case_open(&c, &family_azure_responses, "gpt-5");
#define FORCED(choice) "{'tools':[{'type':'web_search'}],'tool_choice':" choice "}"
    assert_true(str_starts(str_from(family_case_prepare(&c, q(&c, FORCED("'required'")))),
                           "refused: tool_choice"));
    assert_true(
        str_starts(str_from(family_case_prepare(&c, q(&c, FORCED("{'type':'web_search'}")))),
                   "refused: tool_choice"));
    assert_string_equal(family_case_prepare(&c, q(&c, FORCED("'auto'"))),
                        q(&c, "{'tools':[],'model':'gpt-5'}"));
    family_case_close(&c);
}

static void takes_out_what_other_models_left(void **state)
{
    struct family_case c;

    (void)state;
    prepares("gpt-5",
             "{'model':'m','store':false,'input':["
             "{'type':'reasoning','summary':[],'encrypted_content':'crly_e30'},"
             "{'type':'reasoning','id':'rs_1','summary':[]},"
             "{'type':'reasoning','id':'rs_2','summary':[],'encrypted_content':'gAAAA'},"
             "{'type':'message','id':'crly_ps9_msg_1','role':'assistant','content':'x'}]}",
             "{'model':'gpt-5','store':false,'input':["
             "{'type':'reasoning','id':'rs_2','summary':[],'encrypted_content':'gAAAA'},"
             "{'type':'message','role':'assistant','content':'x'}]}",
             "");
    family_case_open(&c, &family_azure_responses, "gpt-5");
    const char *body = q(&c, "{'model':'m','input':[{'type':'function_call','call_id':'crly_ps1_a"
                             "0123456789012345678901234567890123456789012345678901234567890'}]}");
    const char *fit = family_case_prepare(&c, body);
    assert_true(str_find(str_from(fit), "\"call_id\":\"call_") < strlen(fit));
    family_case_close(&c);
}

/* --- encoding ----------------------------------------------------------------------------------- */

static void encodes_a_conversation(void **state)
{
    struct family_case c;
    struct chat_request r;

    (void)state;
    family_case_open(&c, &family_azure_responses, "gpt-5.5");
    chat_request_init(&r);
    struct chat_message **end = &r.messages;
    struct chat_part **at = case_message(&c, &end, CHAT_SYSTEM);
    case_text(&c, &at, "be kind");
    at = case_message(&c, &end, CHAT_USER);
    case_text(&c, &at, "q");
    case_image(&c, &at, "image/png", "AAAA");
    at = case_message(&c, &end, CHAT_ASSISTANT);
    struct chat_part *thought = chat_add_part(c.arena, &at, CHAT_THINKING);
    thought->text = STR("hm");
    thought->signature = STR(CHAT_RESPONSES_SIGNATURE "gAAAA");
    struct chat_part *foreign = chat_add_part(c.arena, &at, CHAT_THINKING);
    foreign->signature = STR("of another model");
    case_text(&c, &at, "I look.");
    case_call(&c, &at, "call_1", "f", "{\"x\":1.00}");
    at = case_message(&c, &end, CHAT_USER);
    case_result(&c, &at, "call_1", "ok");
    struct chat_part *failed = case_result(&c, &at, "call_2", "no");
    failed->error = true;
    case_tool(&c, &r, "f", "{\"type\":\"object\"}");
    r.effort = CHAT_EFFORT_HIGH;
    r.thinking = CHAT_THINKING_EFFORT;
    r.show_thinking = 1;
    r.max_tokens = 100;
    r.choice = CHAT_CHOICE_REQUIRED;
    assert_string_equal(
        family_case_encode(&c, &r),
        q(&c,
          "{'input':["
          "{'type':'message','role':'system','content':[{'type':'input_text','text':'be kind'}]},"
          "{'type':'message','role':'user','content':[{'type':'input_text','text':'q'},"
          "{'type':'input_image','image_url':'data:image/png;base64,AAAA','detail':'auto'}]},"
          "{'type':'reasoning','summary':[{'type':'summary_text','text':'hm'}],"
          "'encrypted_content':'gAAAA'},"
          "{'type':'message','role':'assistant','content':[{'type':'output_text','text':'I look.'}"
          "]},{'type':'function_call','call_id':'call_1','name':'f','arguments':'{\\'x\\':1.00}'},"
          "{'type':'function_call_output','call_id':'call_1','output':'ok'},"
          "{'type':'function_call_output','call_id':'call_2','output':'Error: no'}],"
          "'tools':[{'type':'function','name':'f','parameters':{'type':'object'},'strict':false}],"
          "'tool_choice':'required','max_output_tokens':100,"
          "'reasoning':{'effort':'high','summary':'auto'},"
          "'include':['reasoning.encrypted_content'],'store':false}"));
    assert_string_equal(family_case_dropped(&c), "");
    family_case_close(&c);
}

static void encodes_options(void **state)
{
    struct family_case c;
    struct chat_request r;

    (void)state;
    family_case_open(&c, &family_azure_responses, "gpt-4.1");
    c.call.stream = true;
    chat_request_init(&r);
    r.format = CHAT_FORMAT_SCHEMA;
    r.format_schema = STR("{\"x\":1.0}");
    r.format_strict = 1;
    r.verbosity = STR("low");
    r.seed = STR("7");
    r.logprobs = 1;
    r.top_logprobs = 2;
    r.thinking = CHAT_THINKING_ADAPTIVE;
    assert_string_equal(
        family_case_encode(&c, &r),
        q(&c, "{'input':[],'top_logprobs':2,'include':['message.output_text.logprobs'],"
              "'text':{'format':{'type':'json_schema','name':'response','schema':{'x':1.0},"
              "'strict':true},'verbosity':'low'},'store':false,'stream':true}"));
    assert_string_equal(family_case_dropped(&c), "thinking, seed");
    r.n = 2;
    assert_true(str_starts(str_from(family_case_encode(&c, &r)), "refused: "));
    family_case_close(&c);
}

/* --- answers ------------------------------------------------------------------------------------ */

#define CREATED                                                                                    \
    "data: {'type':'response.created','sequence_number':0,'response':{'id':'resp_1','model':"      \
    "'gpt-5-x','created_at':5,'status':'in_progress'}}\n\n"
#define END(type, n, inside)                                                                       \
    "data: {'type':'response." type "','sequence_number':" n ",'response':{'id':'resp_1'," inside  \
    "'usage':{'input_tokens':9,'input_tokens_details':{'cached_tokens':4},'output_tokens':3,"      \
    "'output_tokens_details':{'reasoning_tokens':2}}}}\n\n"
#define USAGE "usage input=9 output=3 read=4 reasoning=2\n"

static void reads(const char *stream, const char *events)
{
    struct family_case c;

    family_case_open(&c, &family_azure_responses, "gpt-5");
    c.call.stream = true;
    assert_string_equal(family_case_stream(&c, q(&c, stream)), events);
    family_case_close(&c);
}

static void reads_a_stream(void **state)
{
    (void)state;
    reads(CREATED
          "data: {'type':'response.output_item.added','output_index':0,'item':{'id':'rs_1','type':"
          "'reasoning','summary':[]}}\n\n"
          "data: {'type':'response.reasoning_summary_text.delta','item_id':'rs_1','output_index':0,"
          "'summary_index':0,'delta':'one'}\n\n"
          "data: {'type':'response.reasoning_summary_part.added','item_id':'rs_1','output_index':0,"
          "'summary_index':1}\n\n"
          "data: {'type':'response.reasoning_summary_text.delta','item_id':'rs_1','output_index':0,"
          "'summary_index':1,'delta':'two'}\n\n"
          "data: {'type':'response.output_item.done','output_index':0,'item':{'id':'rs_1','type':"
          "'reasoning','summary':[{'text':'one'},{'text':'two'}],'encrypted_content':'gAA'}}\n\n"
          "data: {'type':'response.content_part.added','output_index':1}\n\n"
          "data: {'type':'response.output_text.delta','output_index':1,'content_index':0,"
          "'delta':'He','logprobs':[]}\n\n"
          "data: {'type':'response.output_text.delta','output_index':1,'content_index':0,"
          "'delta':'llo','logprobs':[{'token':'l'}],'obfuscation':'x'}\n\n"
          "data: {'type':'response.output_text.done','output_index':1,'text':'Hello'}\n\n"
          "data: {'type':'response.output_item.done','output_index':1,'item':{'type':'message',"
          "'content':[{'type':'output_text','text':'Hello'}]}}\n\n"
          "data: {'type':'response.output_item.added','output_index':2,'item':{'type':"
          "'function_call','call_id':'call_1','name':'f','arguments':''}}\n\n"
          "data: {'type':'response.function_call_arguments.delta','output_index':2,'delta':'{}'}"
          "\n\n"
          "data: {'type':'response.output_item.done','output_index':2,'item':{'type':"
          "'function_call','call_id':'call_1','name':'f','arguments':'{}'}}\n\n" END("completed",
                                                                                     "9", ""),
          "start id=resp_1 model=gpt-5-x\n"
          "open 0 thinking id=rs_1\ndelta 0 \"one\"\ndelta 0 \"\\n\\n\"\ndelta 0 \"two\"\n"
          "delta 0 signature=crly_rs_gAA\nclose 0\n"
          "open 1 text\ndelta 1 \"He\"\ndelta 1 \"llo\" logprobs=[{\"token\":\"l\"}]\nclose 1\n"
          "open 2 tool id=call_1 name=f\ndelta 2 \"{}\"\nclose 2\n" USAGE "stop tool\nend ok\n");
}

static void reads_items_that_come_whole(void **state)
{
    (void)state;
    reads(CREATED
          "data: {'type':'response.output_item.done','output_index':0,'item':{'id':'rs_1','type':"
          "'reasoning','summary':[],'encrypted_content':'gAA'}}\n\n"
          "data: {'type':'response.output_item.done','output_index':1,'item':{'type':'message',"
          "'content':[{'type':'refusal','refusal':'no'}]}}\n\n" END("completed", "3", ""),
          "start id=resp_1 model=gpt-5-x\nopen 0 thinking id=rs_1\n"
          "delta 0 signature=crly_rs_gAA\nclose 0\nopen 1 refusal\ndelta 1 \"no\"\nclose 1\n" USAGE
          "stop refusal\nend ok\n");
}

static void reads_the_reasons_for_an_end(void **state)
{
    (void)state;
    reads(CREATED END("incomplete", "1",
                      "'status':'incomplete','incomplete_details':{'reason':"
                      "'max_output_tokens'},"),
          "start id=resp_1 model=gpt-5-x\n" USAGE "stop length\nend ok\n");
    reads(CREATED END("incomplete", "1", "'incomplete_details':{'reason':'content_filter'},"),
          "start id=resp_1 model=gpt-5-x\n" USAGE "stop filter\nend ok\n");
}

static void reads_failures(void **state)
{
    (void)state;
    reads(CREATED END("failed", "1", "'error':{'code':'rate_limit_exceeded','message':'slow'},"),
          "start id=resp_1 model=gpt-5-x\n" USAGE "error rate_limit \"slow\"\nend ok\n");
    /* As SAP AI Core throttles: first without a reason. */
    reads(CREATED END("failed", "1", "'error':null,") "data: "
                                                      "{'type':'error','error':{'type':'too_many_"
                                                      "requests','code':'too_many_requests',"
                                                      "'message':'Too Many Requests'}}\n\n",
          "start id=resp_1 model=gpt-5-x\n" USAGE
          "error rate_limit \"Too Many Requests\"\nend ok\n");
    reads(CREATED END("failed", "1", "'error':null,"),
          "start id=resp_1 model=gpt-5-x\n" USAGE
          "error upstream \"The model reported an error without a text.\"\nend ok\n");
    reads(CREATED, "start id=resp_1 model=gpt-5-x\nend malformed\n");
}

static void reads_whole_answers(void **state)
{
    struct family_case c;

    (void)state;
    family_case_open(&c, &family_azure_responses, "gpt-5");
    assert_string_equal(
        family_case_whole(
            &c, q(&c, "{'id':'resp_1','model':'m','status':'completed','error':null,'output':["
                      "{'id':'rs_1','type':'reasoning','summary':[{'text':'hm'}]},"
                      "{'type':'message','content':[{'type':'output_text','text':'a'},"
                      "{'type':'output_text','text':'b'}]},"
                      "{'type':'function_call','call_id':'c','name':'f','arguments':'{}'}],"
                      "'usage':{'input_tokens':1,'output_tokens':2}}")),
        "start id=resp_1 model=m\nopen 0 thinking id=rs_1\ndelta 0 \"hm\"\nclose 0\n"
        "open 1 text\ndelta 1 \"a\"\nclose 1\nopen 2 text\ndelta 2 \"b\"\nclose 2\n"
        "open 3 tool id=c name=f\ndelta 3 \"{}\"\nclose 3\nusage input=1 output=2\nstop tool\n"
        "end ok\n");
    assert_string_equal(family_case_whole(&c, q(&c, "{'id':'r','status':'failed','output':[],"
                                                    "'error':{'code':'server_error','message':"
                                                    "'broke'}}")),
                        "start id=r\nerror upstream \"broke\"\nend ok\n");
    assert_string_equal(family_case_whole(&c, "[]"), "end malformed\n");
    family_case_close(&c);
}

/* --- the lane ----------------------------------------------------------------------------------- */

static void names_the_events_it_passes(void **state)
{
    struct family_case c;

    (void)state;
    family_case_open(&c, &family_azure_responses, "gpt-5");
    c.call.stream = c.call.lane = true;
    assert_string_equal(
        family_case_relay(
            &c, q(&c, CREATED "data: {'type':'response.from_the_future', 'x':1.50}\n\n" END(
                          "completed", "2", "") "data: [DONE]\n\n")),
        q(&c, "event: response.created\n" CREATED "event: response.from_the_future\n"
              "data: {'type':'response.from_the_future', 'x':1.50}\n\n"
              "event: response.completed\n" END("completed", "2", "")));
    family_case_close(&c);
}

static status take(struct chat_sink *sink, const struct chat_event *event)
{
    (void)sink;
    (void)event;
    return OK;
}

static void feed(struct family_case *c, struct family_reader *r, const char *json, struct buf *out)
{
    struct frame frame = {.data = str_from(q(c, json))};

    assert_int_equal(c->family->read_frame(r, c->arena, &frame), OK);
    c->family->relay(r, &frame, out);
}

/* The failed event that is held back leaves no gap in the numbers. */
static void ends_a_broken_lane(void **state)
{
    struct family_case c;
    struct chat_sink sink = {take};
    struct buf out = {0};
    struct chat_error err;

    (void)state;
    family_case_open(&c, &family_azure_responses, "gpt-5");
    c.call.lane = true;
    struct family_reader *r = c.family->reader(c.arena, &c.call, &sink);
    chat_error_set(&err, c.arena, CHAT_ERROR_RATE_LIMIT, "slow");
    assert_false(c.family->relay_error(r, &err, &out));
    feed(&c, r,
         "{'type':'response.created','sequence_number':0,'response':{'id':'resp_1',"
         "'model':'m','created_at':5}}",
         &out);
    feed(&c, r, "{'type':'response.failed','sequence_number':1,'response':{'error':null}}", &out);
    buf_clear(&out);
    assert_true(c.family->relay_error(r, &err, &out));
    buf_add_char(&out, '\0');
    assert_string_equal(
        out.p, q(&c, "event: response.failed\ndata: {'type':'response.failed','sequence_number':1,"
                     "'response':{'id':'resp_1','object':'response','created_at':5,'status':"
                     "'failed','error':{'code':'rate_limit_exceeded','message':'slow'},"
                     "'incomplete_details':null,'model':'m','output':[],'usage':null}}\n\n"));
    buf_free(&out);
    family_case_close(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_the_calls_it_must),
        cmocka_unit_test(lets_the_lane_carry_what_it_can),
        cmocka_unit_test(paths),
        cmocka_unit_test(keeps_bytes_that_no_row_names),
        cmocka_unit_test(removes_what_is_refused),
        cmocka_unit_test(clamps_the_output),
        cmocka_unit_test(refuses_to_force_what_it_drops),
        cmocka_unit_test(takes_out_what_other_models_left),
        cmocka_unit_test(encodes_a_conversation),
        cmocka_unit_test(encodes_options),
        cmocka_unit_test(reads_a_stream),
        cmocka_unit_test(reads_items_that_come_whole),
        cmocka_unit_test(reads_the_reasons_for_an_end),
        cmocka_unit_test(reads_failures),
        cmocka_unit_test(reads_whole_answers),
        cmocka_unit_test(names_the_events_it_passes),
        cmocka_unit_test(ends_a_broken_lane),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

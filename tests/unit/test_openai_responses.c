/* Responses: what callers send, and the bytes they get. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "dialect_case.h"

#define FUNCTION "{'type':'function','name':'f','parameters':{'type':'object'},'strict':false}"
#define CUSTOM                                                                                     \
    "{'type':'custom','name':'apply_patch','description':'Edit.','format':{'type':'grammar',"      \
    "'syntax':'lark','definition':'start: /x/'}}"
#define SPACE "{'type':'namespace','name':'agents','tools':[" FUNCTION "]}"
#define ECHO                                                                                       \
    "'background':false,'instructions':null,'max_output_tokens':null,'metadata':{},"               \
    "'parallel_tool_calls':true,'reasoning':{'effort':null,'summary':null},'temperature':null,"    \
    "'text':{'format':{'type':'text'}},'tool_choice':'auto','tools':[],'top_p':null,"              \
    "'truncation':'disabled'"
#define RESPONSE(status, error, why, output, echo, usage)                                          \
    "{'id':'resp_abc1','object':'response','created_at':1700000000,'status':'" status              \
    "','error':" error ",'incomplete_details':" why ",'model':'m','output':[" output               \
    "],'previous_response_id':null,'store':false," echo "'usage':" usage "}"
#define BEGUN                                                                                      \
    "event: response.created\ndata: "                                                              \
    "{'type':'response.created','sequence_number':0,'response':" RESPONSE(                         \
        "in_progress", "null", "null", "", "",                                                     \
        "null") "}\n\n"                                                                            \
                "event: response.in_progress\ndata: "                                              \
                "{'type':'response.in_progress','sequence_number':1,"                              \
                "'response':" RESPONSE("in_progress", "null", "null", "", "", "null") "}\n\n"

static int begin(void **state)
{
    static struct dialect_case c;
    dialect_case_begin(&c, &dialect_openai_responses);
    *state = &c;
    return 0;
}

static int end(void **state)
{
    dialect_case_end(*state);
    return 0;
}

static void decode(struct dialect_case *c, const char *body)
{
    status s = dialect_case_decode(c, body);
    if (s)
        print_message("%.*s\n", STR_ARG(c->error.message));
    assert_int_equal(s, OK);
}

static unsigned count_messages(const struct dialect_case *c)
{
    unsigned n = 0;
    for (const struct chat_message *m = c->request.messages; m; m = m->next)
        n++;
    return n;
}

static void assert_message(const struct dialect_case *c, unsigned n, enum chat_role role,
                           unsigned parts)
{
    const struct chat_part *p = dialect_case_message(c, n)->parts;

    assert_int_equal(dialect_case_message(c, n)->role, role);
    for (; p; p = p->next, parts--)
        assert_true(parts > 0);
    assert_int_equal(parts, 0);
}

/* --- options ----------------------------------------------------------------------------------- */

static void decodes_every_option(void **state)
{
    struct dialect_case *c = *state;
    const struct chat_request *r = &c->request;

    decode(c, "{'model':'gpt-5','input':'hi','instructions':'be kind','stream':true,"
              "'max_output_tokens':9,'temperature':0.70,'top_p':1e-1,'top_logprobs':2,"
              "'include':['message.output_text.logprobs','reasoning.encrypted_content'],"
              "'parallel_tool_calls':false,'reasoning':{'effort':'low','summary':'auto'},"
              "'text':{'verbosity':'high','format':{'type':'json_schema','name':'s',"
              "'strict':true,'schema':{'x':1.00}}},'prompt_cache_key':'k','user':'u',"
              "'service_tier':'flex','store':false,'truncation':'disabled','metadata':{'a':'b'},"
              "'client_metadata':{'x':'y'},'background':false,'conversation':null,"
              "'stream_options':{'include_obfuscation':false}}");
    assert_str(r->model, "gpt-5");
    assert_true(r->stream);
    assert_int_equal(r->max_tokens, 9);
    assert_str(r->temperature, "0.70");
    assert_str(r->top_p, "1e-1");
    assert_int_equal(r->top_logprobs, 2);
    assert_int_equal(r->logprobs, 1);
    assert_int_equal(r->parallel_calls, 0);
    assert_int_equal(r->thinking, CHAT_THINKING_EFFORT);
    assert_int_equal(r->effort, CHAT_EFFORT_LOW);
    assert_int_equal(r->show_thinking, 1);
    assert_str(r->verbosity, "high");
    assert_int_equal(r->format, CHAT_FORMAT_SCHEMA);
    assert_str(r->format_name, "s");
    assert_str(r->format_schema, "{\"x\":1.00}");
    assert_int_equal(r->format_strict, 1);
    assert_str(r->prompt_cache_key, "k");
    assert_str(r->user, "u");
    assert_str(r->service_tier, "flex");
    assert_int_equal(count_messages(c), 2);
    assert_message(c, 0, CHAT_SYSTEM, 1);
    assert_str(dialect_case_part(c, 0, 0)->text, "be kind");
    assert_message(c, 1, CHAT_USER, 1);
    assert_str(dialect_case_part(c, 1, 0)->text, "hi");
    dialect_case_dropped(c, "");
}

static void declares_what_is_lost(void **state)
{
    struct dialect_case *c = *state;

    decode(c, "{'input':'hi','store':true,'truncation':'auto','max_tool_calls':3,'made_up':1,"
              "'prompt_cache_retention':'24h','reasoning':{'summary':'detailed'}}");
    dialect_case_dropped(c, "max_tool_calls, reasoning.summary, store, truncation, "
                            "prompt_cache_retention, made_up");
}

static void refuses_what_would_need_a_store(void **state)
{
    struct dialect_case *c = *state;

    dialect_case_refuse(c, "{'input':'hi','background':true}", "background",
                        CHAT_ERROR_UNSUPPORTED);
    dialect_case_refuse(c, "{'input':'hi','conversation':'conv_1'}", "conversation",
                        CHAT_ERROR_UNSUPPORTED);
    dialect_case_refuse(c, "{'input':'hi','prompt':{'id':'p'}}", "prompt", CHAT_ERROR_UNSUPPORTED);
    dialect_case_refuse(c, "{'input':[{'type':'item_reference','id':'msg_1'}]}", "input[0].id",
                        CHAT_ERROR_UNSUPPORTED);
    dialect_case_refuse(c, "{'input':'hi','truncation':'sometimes'}", "truncation",
                        CHAT_ERROR_INVALID);
    dialect_case_refuse(c, "{'model':'m'}", "input", CHAT_ERROR_INVALID);
    dialect_case_refuse(c, "{'input':5}", "input", CHAT_ERROR_INVALID);
}

static void tells_an_unknown_response(void **state)
{
    struct dialect_case *c = *state;

    dialect_case_refuse(c, "{'input':'hi','previous_response_id':'resp_x'}", "previous_response_id",
                        CHAT_ERROR_INVALID);
    c->dialect->error(&c->error, STR("req_1"), &c->out);
    assert_str(buf_str(&c->out),
               "{\"error\":{\"message\":\"Previous response with id 'resp_x' not found.\",\"type\":"
               "\"invalid_request_error\",\"param\":\"previous_response_id\",\"code\":"
               "\"previous_response_not_found\"}}");
}

static void renders_other_errors_as_openai_does(void **state)
{
    struct dialect_case *c = *state;

    dialect_case_refuse(c, "{'input':[{'role':'robot','content':'x'}]}", "input[0].role",
                        CHAT_ERROR_INVALID);
    c->dialect->error(&c->error, STR("req_1"), &c->out);
    dialect_case_wrote(c, "{'error':{'message':'input[0].role: expected user, assistant, system or "
                          "developer','type':'invalid_request_error','param':'input[0].role',"
                          "'code':null}}");
}

/* --- items ------------------------------------------------------------------------------------- */

static void reads_messages_of_every_form(void **state)
{
    struct dialect_case *c = *state;

    decode(c, "{'input':[{'role':'system','content':'a'},"
              "{'type':'message','role':'developer','content':[{'type':'input_text','text':'b'}]},"
              "{'role':'user','content':[{'type':'input_text','text':'c'},"
              "{'type':'input_image','image_url':'data:image/png;base64,AAAA','detail':'low'},"
              "{'type':'input_image','image_url':'https://x.test/i.png'},"
              "{'type':'input_file','filename':'d.pdf','file_data':'data:application/pdf;base64,BB'"
              "},{'type':'input_file','file_url':'https://x.test/d.pdf'}]},"
              "{'type':'message','id':'msg_1','status':'completed','role':'assistant','content':["
              "{'type':'output_text','text':'d','annotations':[],'logprobs':[]},"
              "{'type':'refusal','refusal':'no'}]}]}");
    assert_int_equal(count_messages(c), 4);
    assert_message(c, 0, CHAT_SYSTEM, 1);
    assert_message(c, 1, CHAT_DEVELOPER, 1);
    assert_message(c, 2, CHAT_USER, 5);
    assert_message(c, 3, CHAT_ASSISTANT, 2);
    assert_str(dialect_case_part(c, 2, 1)->media_type, "image/png");
    assert_str(dialect_case_part(c, 2, 1)->detail, "low");
    assert_str(dialect_case_part(c, 2, 2)->url, "https://x.test/i.png");
    assert_str(dialect_case_part(c, 2, 3)->name, "d.pdf");
    assert_str(dialect_case_part(c, 2, 3)->data, "BB");
    assert_str(dialect_case_part(c, 2, 4)->url, "https://x.test/d.pdf");
    assert_int_equal(dialect_case_part(c, 3, 1)->kind, CHAT_REFUSAL);
    dialect_case_dropped(c, "");
}

static void reads_calls_and_outputs(void **state)
{
    struct dialect_case *c = *state;
    const struct chat_part *p;

    decode(c, "{'tools':[" FUNCTION "," CUSTOM "],'input':[{'role':'user','content':'q'},"
              "{'type':'function_call','id':'fc_1','call_id':'a','name':'f','arguments':'{\\u0022x"
              "\\u0022:1}'},"
              "{'type':'custom_tool_call','call_id':'b','name':'apply_patch','input':'*** \\n'},"
              "{'type':'function_call_output','call_id':'a','output':'done'},"
              "{'type':'custom_tool_call_output','call_id':'b','output':[{'type':'input_text',"
              "'text':'ok'},{'type':'input_image','image_url':'data:image/png;base64,AA'}]}]}");
    assert_int_equal(count_messages(c), 3);
    assert_message(c, 1, CHAT_ASSISTANT, 2);
    assert_message(c, 2, CHAT_USER, 2);
    assert_str(dialect_case_part(c, 1, 0)->arguments, "{\"x\":1}");
    assert_str(dialect_case_part(c, 1, 1)->arguments, "{\"input\":\"*** \\n\"}");
    p = dialect_case_part(c, 2, 0);
    assert_int_equal(p->kind, CHAT_TOOL_RESULT);
    assert_str(p->id, "a");
    assert_str(p->name, "f");
    assert_str(p->content->text, "done");
    p = dialect_case_part(c, 2, 1);
    assert_str(p->name, "apply_patch");
    assert_str(p->content->text, "ok");
    assert_int_equal(p->content->next->kind, CHAT_IMAGE);
}

static void reads_the_callers_own_tools(void **state)
{
    struct dialect_case *c = *state;

    decode(c, "{'tools':[{'type':'tool_search','execution':'client','description':'D',"
              "'parameters':{'type':'object'}},{'type':'local_shell'}],'input':["
              "{'type':'tool_search_call','call_id':'a','execution':'client','arguments':{'q':1}},"
              "{'type':'tool_search_output','call_id':'a','tools':[" SPACE "]},"
              "{'type':'function_call','call_id':'b','name':'f','namespace':'agents',"
              "'arguments':''},"
              "{'type':'local_shell_call','call_id':'s','action':{'type':'exec','command':['ls']}},"
              "{'type':'local_shell_call_output','call_id':'s','output':'files'}]}");
    assert_str(dialect_case_part(c, 0, 0)->name, "tool_search");
    assert_str(dialect_case_part(c, 0, 0)->arguments, "{\"q\":1}");
    assert_str(dialect_case_part(c, 1, 0)->id, "a");
    assert_message(c, 2, CHAT_ASSISTANT, 2);
    assert_str(dialect_case_part(c, 2, 0)->name, "agents__f");
    assert_str(dialect_case_part(c, 2, 0)->arguments, "{}");
    assert_str(dialect_case_part(c, 2, 1)->name, "local_shell");
    assert_str(c->request.tools->name, "tool_search");
    assert_str(c->request.tools->description, "D");
    assert_str(c->request.tools->next->next->name, "agents__f");
}

static void reads_shell_and_patch(void **state)
{
    struct dialect_case *c = *state;

    decode(
        c,
        "{'tools':[{'type':'shell'},{'type':'shell','environment':{'type':'container_auto'}},"
        "{'type':'apply_patch'}],'tool_choice':{'type':'apply_patch'},'input':["
        "{'type':'shell_call','call_id':'s','status':'completed','action':{'commands':['ls']}},"
        "{'type':'shell_call_output','call_id':'s','output':[{'stdout':'a','stderr':'',"
        "'outcome':{'type':'exit','exit_code':0}}]},"
        "{'type':'apply_patch_call','call_id':'p','operation':{'type':'delete_file','path':'x'}},"
        "{'type':'apply_patch_call','call_id':'q','operation':{'type':'delete_file','path':'y'}},"
        "{'type':'apply_patch_call_output','call_id':'p','status':'failed','output':'no x'},"
        "{'type':'apply_patch_call_output','call_id':'q','status':'completed'}]}");
    dialect_case_dropped(c, "tools.shell");
    assert_int_equal(c->request.tools->form, CHAT_TOOL_SHELL);
    assert_str(c->request.tools->next->name, "apply_patch");
    assert_int_equal(c->request.tools->next->form, CHAT_TOOL_PATCH);
    assert_str(c->request.choice_name, "apply_patch");
    assert_str(dialect_case_part(c, 0, 0)->name, "shell");
    assert_str(dialect_case_part(c, 0, 0)->arguments, "{\"commands\":[\"ls\"]}");
    assert_str(dialect_case_part(c, 1, 0)->content->text,
               "[{\"stdout\":\"a\",\"stderr\":\"\",\"outcome\":{\"type\":\"exit\","
               "\"exit_code\":0}}]");
    assert_str(dialect_case_part(c, 2, 0)->arguments, "{\"type\":\"delete_file\",\"path\":\"x\"}");
    assert_true(dialect_case_part(c, 3, 0)->error);
    assert_str(dialect_case_part(c, 3, 0)->content->text, "no x");
    assert_false(dialect_case_part(c, 3, 1)->error);
    assert_str(dialect_case_part(c, 3, 1)->content->text, "completed");
}

static void repairs_the_order_of_calls(void **state)
{
    struct dialect_case *c = *state;

    decode(c, "{'input':["
              "{'type':'function_call','call_id':'a','name':'f','arguments':'{}'},"
              "{'type':'function_call','call_id':'b','name':'g','arguments':'{}'},"
              "{'role':'developer','content':'between'},"
              "{'type':'function_call_output','call_id':'b','output':'B'},"
              "{'type':'function_call_output','call_id':'a','output':'A'},"
              "{'type':'function_call_output','call_id':'z','output':'lost'},"
              "{'type':'function_call','call_id':'c','name':'h','arguments':'{}'}]}");
    assert_int_equal(count_messages(c), 6);
    assert_message(c, 0, CHAT_ASSISTANT, 2);
    assert_message(c, 1, CHAT_USER, 2);
    assert_str(dialect_case_part(c, 1, 0)->content->text, "A");
    assert_str(dialect_case_part(c, 1, 1)->content->text, "B");
    assert_message(c, 2, CHAT_DEVELOPER, 1);
    assert_message(c, 3, CHAT_USER, 2);
    assert_int_equal(dialect_case_part(c, 3, 0)->kind, CHAT_TEXT);
    assert_str(dialect_case_part(c, 3, 1)->text, "lost");
    assert_message(c, 4, CHAT_ASSISTANT, 1);
    assert_message(c, 5, CHAT_USER, 1);
    assert_str(dialect_case_part(c, 5, 0)->id, "c");
    assert_true(dialect_case_part(c, 5, 0)->error);
}

static void matches_ids_that_recur(void **state)
{
    struct dialect_case *c = *state;

    decode(c, "{'input':["
              "{'type':'function_call','call_id':'a','name':'f','arguments':'{}'},"
              "{'type':'function_call_output','call_id':'a','output':'1'},"
              "{'type':'function_call','call_id':'a','name':'f','arguments':'{}'},"
              "{'type':'function_call_output','call_id':'a','output':'2'}]}");
    assert_int_equal(count_messages(c), 4);
    assert_str(dialect_case_part(c, 1, 0)->content->text, "1");
    assert_str(dialect_case_part(c, 3, 0)->content->text, "2");
}

static void keeps_what_stands_between_in_one_turn(void **state)
{
    struct dialect_case *c = *state;

    decode(c, "{'input':["
              "{'type':'reasoning','summary':[{'type':'summary_text','text':'hm'}]},"
              "{'type':'function_call','call_id':'a','name':'f','arguments':'{}'},"
              "{'role':'assistant','content':'I call.'},"
              "{'type':'function_call_output','call_id':'a','output':'1'}]}");
    assert_int_equal(count_messages(c), 2);
    assert_message(c, 0, CHAT_ASSISTANT, 3);
    assert_int_equal(dialect_case_part(c, 0, 0)->kind, CHAT_THINKING);
    assert_str(dialect_case_part(c, 0, 0)->text, "hm");
}

static void declares_items_of_others(void **state)
{
    struct dialect_case *c = *state;

    decode(c, "{'input':[{'role':'user','content':'q'},{'type':'web_search_call','id':'ws_1'},"
              "{'type':'from_the_future'}]}");
    assert_int_equal(count_messages(c), 1);
    dialect_case_dropped(c, "input.web_search_call, input.from_the_future");
    dialect_case_refuse(c,
                        "{'input':[{'role':'user','content':'q'},"
                        "{'type':'compaction','encrypted_content':'x'}]}",
                        "input[1].encrypted_content", CHAT_ERROR_UNSUPPORTED);
    dialect_case_refuse(c, "{'input':[{'content':'no role, no type'}]}", "input[0].type",
                        CHAT_ERROR_INVALID);
    dialect_case_refuse(c, "{'input':[{'type':'function_call','name':'f'}]}", "input[0].call_id",
                        CHAT_ERROR_INVALID);
}

/* --- tools ------------------------------------------------------------------------------------- */

static void turns_tools_into_functions(void **state)
{
    struct dialect_case *c = *state;
    const struct chat_tool *t;

    decode(c, "{'input':'x','tools':[" FUNCTION "," CUSTOM "," SPACE ",{'type':'web_search'},"
              "{'type':'mcp','server_label':'s'}]}");
    t = c->request.tools;
    assert_str(t->name, "f");
    assert_int_equal(t->strict, 0);
    t = t->next;
    assert_str(t->name, "apply_patch");
    assert_int_equal(t->form, CHAT_TOOL_CUSTOM);
    assert_str(t->description, "Edit.\n\nThe argument `input` is plain text that must match this "
                               "grammar (lark):\nstart: /x/");
    assert_str(t->schema, "{\"type\":\"object\",\"properties\":{\"input\":{\"type\":\"string\"}},"
                          "\"required\":[\"input\"],\"additionalProperties\":false}");
    t = t->next;
    assert_str(t->name, "agents__f");
    assert_str(t->given_name, "f");
    assert_str(t->given_space, "agents");
    assert_null(t->next);
    dialect_case_dropped(c, "tools.web_search, tools.mcp");
}

static void shortens_long_names(void **state)
{
    struct dialect_case *c = *state;
    const struct chat_tool *t;

    decode(c, "{'input':'x','tools':[{'type':'namespace','name':"
              "'a_very_long_namespace_that_goes_on_and_on','tools':[{'type':'function','name':"
              "'a_function_with_a_long_name_1'},{'type':'function','name':"
              "'a_function_with_a_long_name_2'}]},"
              "{'type':'function','name':'n__f'},{'type':'namespace','name':'n','tools':["
              "{'type':'function','name':'f'}]}]}");
    t = c->request.tools;
    assert_int_equal(t->name.n, 64);
    assert_int_equal(t->next->name.n, 64);
    assert_false(str_eq(t->name, t->next->name));
    t = t->next->next;
    assert_str(t->name, "n__f");
    assert_true(str_starts(t->next->name, "n__f_")); /* taken: made different */
}

static void reads_every_choice(void **state)
{
    struct dialect_case *c = *state;

#define CHOICE(value)                                                                              \
    "{'input':'x','tools':[" FUNCTION "," CUSTOM "," SPACE "],'tool_choice':" value "}"
    decode(c, CHOICE("'auto'"));
    assert_int_equal(c->request.choice, CHAT_CHOICE_AUTO);
    decode(c, CHOICE("'none'"));
    assert_int_equal(c->request.choice, CHAT_CHOICE_NONE);
    decode(c, CHOICE("'required'"));
    assert_int_equal(c->request.choice, CHAT_CHOICE_REQUIRED);
    decode(c, CHOICE("{'type':'custom','name':'apply_patch'}"));
    assert_int_equal(c->request.choice, CHAT_CHOICE_ONE);
    assert_str(c->request.choice_name, "apply_patch");
    decode(c, CHOICE("{'type':'function','name':'f','namespace':'agents'}"));
    assert_str(c->request.choice_name, "agents__f");
    decode(c, CHOICE("{'type':'allowed_tools','mode':'required','tools':[{'type':'function',"
                     "'name':'f'}]}"));
    assert_int_equal(c->request.choice, CHAT_CHOICE_REQUIRED);
    assert_str(c->request.tools->name, "f");
    assert_null(c->request.tools->next);
    dialect_case_refuse(c, CHOICE("{'type':'function','name':'g'}"), "tool_choice.name",
                        CHAT_ERROR_INVALID);
    dialect_case_refuse(c, CHOICE("{'type':'web_search'}"), "tool_choice", CHAT_ERROR_UNSUPPORTED);
    dialect_case_refuse(c, "{'input':'x','tools':[{'type':'web_search'}],'tool_choice':'required'}",
                        "tool_choice", CHAT_ERROR_UNSUPPORTED);
    decode(c, "{'input':'x','tools':[{'type':'web_search'}],'tool_choice':'auto'}");
    assert_int_equal(c->request.choice, CHAT_CHOICE_UNSET);
}

/* --- the stream -------------------------------------------------------------------------------- */

static void streams_text(void **state)
{
    struct dialect_case *c = *state;

    dialect_case_stream(c);
    dialect_case_start(c);
    dialect_case_wrote(c, BEGUN);
    dialect_case_open(c, 0, CHAT_BLOCK_TEXT);
    dialect_case_wrote(
        c, "event: response.output_item.added\ndata: {'type':'response.output_item.added',"
           "'sequence_number':2,'output_index':0,'item':{'id':'msg_abc1_0','type':'message',"
           "'status':'in_progress','role':'assistant','content':[]}}\n\n"
           "event: response.content_part.added\ndata: {'type':'response.content_part.added',"
           "'sequence_number':3,'item_id':'msg_abc1_0','output_index':0,'content_index':0,"
           "'part':{'type':'output_text','text':'','annotations':[],'logprobs':[]}}\n\n");
    dialect_case_delta(c, 0, CHAT_BLOCK_TEXT, "Hel");
    dialect_case_delta(c, 0, CHAT_BLOCK_TEXT, "lo");
    dialect_case_wrote(
        c, "event: response.output_text.delta\ndata: {'type':'response.output_text.delta',"
           "'sequence_number':4,'item_id':'msg_abc1_0','output_index':0,'content_index':0,"
           "'delta':'Hel','logprobs':[]}\n\n"
           "event: response.output_text.delta\ndata: {'type':'response.output_text.delta',"
           "'sequence_number':5,'item_id':'msg_abc1_0','output_index':0,'content_index':0,"
           "'delta':'lo','logprobs':[]}\n\n");
    dialect_case_close(c, 0, CHAT_BLOCK_TEXT);
#define HELLO                                                                                      \
    "{'id':'msg_abc1_0','type':'message','status':'completed','role':'assistant','content':["      \
    "{'type':'output_text','text':'Hello','annotations':[],'logprobs':[]}]}"
    dialect_case_wrote(
        c, "event: response.output_text.done\ndata: {'type':'response.output_text.done',"
           "'sequence_number':6,'item_id':'msg_abc1_0','output_index':0,'content_index':0,"
           "'text':'Hello','logprobs':[]}\n\n"
           "event: response.content_part.done\ndata: {'type':'response.content_part.done',"
           "'sequence_number':7,'item_id':'msg_abc1_0','output_index':0,'content_index':0,"
           "'part':{'type':'output_text','text':'Hello','annotations':[],'logprobs':[]}}\n\n");
    dialect_case_usage(
        c, &(struct chat_usage){.input = 9, .cache_read = 4, .output = 3, .reasoning = 2});
    dialect_case_stop(c, CHAT_STOP_END);
    dialect_case_wrote(
        c, "event: response.output_item.done\ndata: {'type':'response.output_item.done',"
           "'sequence_number':8,'output_index':0,'item':" HELLO "}\n\n"
           "event: response.completed\ndata: {'type':'response.completed','sequence_number':9,"
           "'response':" RESPONSE("completed", "null", "null", HELLO, "",
                                  "{'input_tokens':9,'input_tokens_details':{'cached_tokens':4},"
                                  "'output_tokens':3,'output_tokens_details':{'reasoning_tokens':2}"
                                  ",'total_tokens':12}") "}\n\n");
    dialect_case_push(c, &(struct chat_event){.kind = CHAT_EVENT_ERROR, .error = &c->error});
    dialect_case_wrote(c, "");
}

#define CALL_EVENT(type, n, index, id)                                                             \
    "event: response." type "\ndata: {'type':'response." type "','sequence_number':" n             \
    ",'item_id':'" id "','output_index':" index

/* One event of the item at that place in the output: ADDED or DONE, with its item. */
#define ITEM_EVENT(what, n, index, item)                                                           \
    "event: response.output_item." what "\ndata: {'type':'response.output_item." what              \
    "','sequence_number':" n ",'output_index':" index ",'item':" item "}\n\n"
#define F_EVENT(what, n, more)                                                                     \
    CALL_EVENT("function_call_arguments." what, n, "1", "fc_abc1_1") more "}\n\n"
#define F_ITEM(status, arguments)                                                                  \
    "{'id':'fc_abc1_1','type':'function_call','status':'" status "','call_id':'call_1',"           \
    "'name':'f','namespace':'agents','arguments':'" arguments "'}"
#define P_EVENT(what, n, more)                                                                     \
    CALL_EVENT("custom_tool_call_input." what, n, "2", "ctc_abc1_2") more "}\n\n"
#define P_ITEM(status, input)                                                                      \
    "{'id':'ctc_abc1_2','type':'custom_tool_call','status':'" status "','call_id':'call_2',"       \
    "'name':'apply_patch','input':'" input "'}"

static void streams_calls_at_their_place(void **state)
{
    struct dialect_case *c = *state;

    decode(c, "{'input':'x','tools':[" FUNCTION "," CUSTOM "," SPACE "]}");
    c->request.echo = STR_NONE;
    dialect_case_stream(c);
    dialect_case_start(c);
    dialect_case_block(c, 0, CHAT_BLOCK_TEXT, "t");
    dialect_case_call(c, 1, "call_1", "agents__f", "");
    assert_true(dialect_case_holds(c, ITEM_EVENT("added", "8", "1", F_ITEM("in_progress", ""))));
    buf_clear(&c->out);
    dialect_case_delta(c, 1, CHAT_BLOCK_TOOL, "{\"a\"");
    dialect_case_delta(c, 1, CHAT_BLOCK_TOOL, ":1}");
    dialect_case_close(c, 1, CHAT_BLOCK_TOOL);
    dialect_case_wrote(c, F_EVENT("delta", "9", ",'delta':'{\\'a\\''")
                              F_EVENT("delta", "10", ",'delta':':1}'")
                                  F_EVENT("done", "11", ",'name':'f','arguments':'{\\'a\\':1}'"));
    dialect_case_call(c, 2, "call_2", "apply_patch", "");
    dialect_case_wrote(c, ITEM_EVENT("done", "12", "1", F_ITEM("completed", "{\\'a\\':1}"))
                              ITEM_EVENT("added", "13", "2", P_ITEM("in_progress", "")));
    dialect_case_delta(c, 2, CHAT_BLOCK_TOOL, "{\"input\":\"*** \\u00e9");
    dialect_case_delta(c, 2, CHAT_BLOCK_TOOL, "\\n\"}");
    dialect_case_close(c, 2, CHAT_BLOCK_TOOL);
    dialect_case_wrote(c, P_EVENT("delta", "14", ",'delta':'*** \\u00e9\\n'")
                              P_EVENT("done", "15", ",'input':'*** \\u00e9\\n'"));
    dialect_case_stop(c, CHAT_STOP_TOOL);
    assert_true(dialect_case_holds(
        c, ITEM_EVENT("done", "16", "2", P_ITEM("completed", "*** \\u00e9\\n"))));
}

static void tells_what_was_cut_off(void **state)
{
    struct dialect_case *c = *state;

    dialect_case_stream(c);
    dialect_case_start(c);
    dialect_case_block(c, 0, CHAT_BLOCK_TEXT, "all");
    dialect_case_block(c, 1, CHAT_BLOCK_TEXT, "hal");
    assert_true(dialect_case_holds(c, "'id':'msg_abc1_0','type':'message','status':'completed'"));
    buf_clear(&c->out);
    dialect_case_stop(c, CHAT_STOP_LENGTH);
    assert_true(dialect_case_holds(c, "'sequence_number':13,'output_index':1,'item':{'id':"
                                      "'msg_abc1_1','type':'message','status':'incomplete'"));
    assert_true(dialect_case_holds(c, "'id':'msg_abc1_0','type':'message','status':'completed'"));
}

static void streams_reasoning(void **state)
{
    struct dialect_case *c = *state;

    c->request.show_thinking = 1;
    dialect_case_stream(c);
    dialect_case_start(c);
    buf_clear(&c->out);
    dialect_case_open(c, 0, CHAT_BLOCK_THINKING);
    dialect_case_delta(c, 0, CHAT_BLOCK_THINKING, "hm");
    dialect_case_sign(c, 0, "c2ln");
    dialect_case_close(c, 0, CHAT_BLOCK_THINKING);
    dialect_case_wrote(
        c,
        "event: response.output_item.added\ndata: {'type':'response.output_item.added',"
        "'sequence_number':2,'output_index':0,'item':{'id':'rs_abc1_0','type':'reasoning',"
        "'summary':[]}}\n\n" CALL_EVENT(
            "reasoning_summary_part.added", "3", "0",
            "rs_abc1_0") ",'summary_index':0,'part':{'type':'summary_text','text':''}}"
                         "\n\n" CALL_EVENT(
                             "reasoning_summary_text.delta", "4", "0",
                             "rs_abc1_0") ",'summary_index':0,'delta':'hm'}"
                                          "\n\n" CALL_EVENT(
                                              "reasoning_summary_text."
                                              "done",
                                              "5", "0",
                                              "rs_abc1_0") ",'summary_"
                                                           "index':0,'"
                                                           "text':'hm'}"
                                                           "\n"
                                                           "\n" CALL_EVENT(
                                                               "reasoning_summary_part.done", "6",
                                                               "0",
                                                               "rs_abc1_0") ",'summary_index':0,'"
                                                                            "part':{'type':'"
                                                                            "summary_text','text':'"
                                                                            "hm'}}\n\n"
                                                                            "event: "
                                                                            "response.output_item."
                                                                            "done\ndata: "
                                                                            "{'type':'response."
                                                                            "output_item.done',"
                                                                            "'sequence_number':7,'"
                                                                            "output_index':0,'item'"
                                                                            ":{'id':'rs_abc1_0','"
                                                                            "type':'reasoning',"
                                                                            "'summary':[{'type':'"
                                                                            "summary_text','text':'"
                                                                            "hm'}],'encrypted_"
                                                                            "content':"
                                                                            "'crly_"
                                                                            "eyJ2IjoxLCJtb2RlbCI6Im"
                                                                            "0iLCJ0ZXh0IjoiaG0iLCJz"
                                                                            "aWduYXR1cmUiOiJjMmxuIn"
                                                                            "0'}}\n\n");
}

static void streams_refusals_and_empty_calls(void **state)
{
    struct dialect_case *c = *state;

    dialect_case_stream(c);
    dialect_case_start(c);
    dialect_case_block(c, 0, CHAT_BLOCK_REFUSAL, "no");
    assert_true(dialect_case_holds(c, "'part':{'type':'refusal','refusal':''}"));
    assert_true(dialect_case_holds(c, "event: response.refusal.delta\n"));
    assert_true(dialect_case_holds(c, "event: response.refusal.done\n"));
    dialect_case_call(c, 1, "", "f", "");
    dialect_case_close(c, 1, CHAT_BLOCK_TOOL);
    buf_clear(&c->out);
    dialect_case_stop(c, CHAT_STOP_REFUSAL);
    assert_true(dialect_case_holds(c, "'call_id':'call_abc1_0_1','name':'f','arguments':'{}'"));
    assert_true(dialect_case_holds(c, "event: response.completed\n"));
}

static void ends_as_the_model_did(void **state)
{
    struct dialect_case *c = *state;
    static const struct {
        enum chat_stop stop;
        const char *event, *holds;
    } rows[] = {
        {CHAT_STOP_END, "event: response.completed\n", "'incomplete_details':null"},
        {CHAT_STOP_TOOL, "event: response.completed\n", "'status':'completed'"},
        {CHAT_STOP_LENGTH, "event: response.incomplete\n", "{'reason':'max_output_tokens'}"},
        {CHAT_STOP_CONTEXT, "event: response.incomplete\n", "{'reason':'max_output_tokens'}"},
        {CHAT_STOP_FILTER, "event: response.incomplete\n", "{'reason':'content_filter'}"},
        {CHAT_STOP_REFUSAL, "event: response.incomplete\n", "{'reason':'content_filter'}"},
        {CHAT_STOP_MALFORMED_CALL, "event: response.failed\n", "{'code':'server_error'"},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        dialect_case_stream(c);
        dialect_case_start(c);
        buf_clear(&c->out);
        dialect_case_stop(c, rows[i].stop);
        assert_true(str_starts(buf_str(&c->out), rows[i].event));
        assert_true(dialect_case_holds(c, rows[i].holds));
    }
}

static void fails_with_its_own_number(void **state)
{
    struct dialect_case *c = *state;
    struct chat_error err = {.kind = CHAT_ERROR_RATE_LIMIT,
                             .http_status = 429,
                             .retry_after_ms = 4200,
                             .message = STR("Slow down.")};

    dialect_case_stream(c);
    dialect_case_start(c);
    dialect_case_open(c, 0, CHAT_BLOCK_TEXT);
    buf_clear(&c->out);
    dialect_case_push(c, &(struct chat_event){.kind = CHAT_EVENT_ERROR, .error = &err});
#define FAILURE "{'code':'rate_limit_exceeded','message':'Slow down. Please try again in 5s.'}"
    dialect_case_wrote(c, "event: response.failed\ndata: {'type':'response.failed',"
                          "'sequence_number':4,'response':" RESPONSE("failed", FAILURE, "null", "",
                                                                     "", "null") "}\n\n");
    err.kind = CHAT_ERROR_UPSTREAM;
    err.http_status = 502;
    dialect_case_stream(c);
    dialect_case_push(c, &(struct chat_event){.kind = CHAT_EVENT_ERROR, .error = &err});
    assert_true(str_starts(buf_str(&c->out), "event: response.created\n"));
    assert_true(dialect_case_holds(c, "'sequence_number':2,"));
    assert_true(dialect_case_holds(c, "'error':{'code':'server_error'"));
}

/* --- whole answers ----------------------------------------------------------------------------- */

static void renders_a_whole_answer(void **state)
{
    struct dialect_case *c = *state;

    decode(c, "{'model':'m','input':'x'}");
    dialect_case_whole(c);
    dialect_case_start(c);
    dialect_case_block(c, 0, CHAT_BLOCK_TEXT, "Hello");
    dialect_case_usage(c, &(struct chat_usage){.input = 1, .output = 2, .reasoning = -1});
    dialect_case_stop(c, CHAT_STOP_END);
    dialect_case_rendered(
        c, RESPONSE("completed", "null", "null", HELLO, ECHO ",",
                    "{'input_tokens':1,'input_tokens_details':{'cached_tokens':0},"
                    "'output_tokens':2,'output_tokens_details':{'reasoning_tokens':0},"
                    "'total_tokens':3}"));
}

static void renders_the_callers_own_tools(void **state)
{
    struct dialect_case *c = *state;

    decode(c, "{'input':'x','tools':[{'type':'tool_search','execution':'client'},"
              "{'type':'local_shell'}," CUSTOM "]}");
    dialect_case_whole(c);
    dialect_case_start(c);
    dialect_case_call(c, 0, "a", "tool_search", "");
    dialect_case_delta(c, 0, CHAT_BLOCK_TOOL, "{\"query\":\"q\"}");
    dialect_case_close(c, 0, CHAT_BLOCK_TOOL);
    dialect_case_call(c, 1, "b", "local_shell", "");
    dialect_case_delta(c, 1, CHAT_BLOCK_TOOL, "{\"command\":[\"ls\"]}");
    dialect_case_close(c, 1, CHAT_BLOCK_TOOL);
    dialect_case_call(c, 2, "c", "apply_patch", "");
    dialect_case_delta(c, 2, CHAT_BLOCK_TOOL, "*** not JSON");
    dialect_case_close(c, 2, CHAT_BLOCK_TOOL);
    dialect_case_stop(c, CHAT_STOP_TOOL);
    const struct chat_answer *answer = chat_collect_answer(c->collect);
    assert_int_equal(c->dialect->render(c->arena, &c->reply, answer, &c->out), OK);
    assert_true(dialect_case_holds(c, "{'id':'tsc_abc1_0','type':'tool_search_call','status':"
                                      "'completed','call_id':'a','execution':'client','arguments':"
                                      "{'query':'q'}}"));
    assert_true(dialect_case_holds(c, "'action':{'type':'exec','command':['ls'],'env':{}}"));
    assert_true(dialect_case_holds(c, "'name':'apply_patch','input':'*** not JSON'"));
}

static void renders_shell_and_patch(void **state)
{
    struct dialect_case *c = *state;

    decode(c, "{'input':'x','tools':[{'type':'shell'},{'type':'apply_patch'}]}");
    dialect_case_stream(c);
    dialect_case_start(c);
    dialect_case_call(c, 0, "a", "shell", "");
    dialect_case_delta(c, 0, CHAT_BLOCK_TOOL, "{\"commands\":[\"ls\"],\"timeout_ms\":5}");
    dialect_case_close(c, 0, CHAT_BLOCK_TOOL);
    dialect_case_call(c, 1, "b", "apply_patch", "");
    dialect_case_delta(c, 1, CHAT_BLOCK_TOOL, "{\"type\":\"create_file\",\"path\":\"x\",");
    dialect_case_delta(c, 1, CHAT_BLOCK_TOOL, "\"diff\":\"+a\\n\"}");
    dialect_case_close(c, 1, CHAT_BLOCK_TOOL);
    dialect_case_stop(c, CHAT_STOP_TOOL);
    assert_true(dialect_case_holds(
        c, "'item':{'id':'sh_abc1_0','type':'shell_call','status':'completed','call_id':'a',"
           "'action':{'commands':['ls'],'timeout_ms':5,'max_output_length':null}}"));
    assert_true(dialect_case_holds(
        c, "'item':{'id':'apc_abc1_1','type':'apply_patch_call','status':'completed','call_id':'b',"
           "'operation':{'type':'create_file','path':'x','diff':'+a\\n'}}"));
    assert_false(dialect_case_holds(c, "function_call_arguments"));
}

/* A frame ends at a line end, and callers format their JSON as they like. */
static void keeps_frames_on_one_line(void **state)
{
    struct dialect_case *c = *state;

    decode(c, "{'input':'x',\n'metadata':\r\n{\n'a':'b'},'tools':[\n{'type':'local_shell'}]}");
    dialect_case_stream(c);
    dialect_case_start(c);
    dialect_case_call(c, 0, "b", "local_shell", "");
    dialect_case_delta(c, 0, CHAT_BLOCK_TOOL, "{\"command\":\n[\"ls\"\n]}");
    dialect_case_close(c, 0, CHAT_BLOCK_TOOL);
    dialect_case_stop(c, CHAT_STOP_TOOL);
    for (struct str rest = buf_str(&c->out); rest.n;) {
        struct str line = str_cut(&rest, '\n');
        assert_true(!line.n || str_starts(line, "event: ") || str_starts(line, "data: {"));
    }
}

/* --- what must come back ----------------------------------------------------------------------- */

/* The value of a member of the output, as it stands there. */
static struct str written(struct dialect_case *c, const char *member)
{
    struct str all = arena_str(c->arena, buf_str(&c->out));
    size_t at = str_find(all, member);
    assert_true(at < all.n);
    struct str rest = str_slice(all, at + strlen(member), all.n);
    return str_cut(&rest, '"');
}

static void render_whole(struct dialect_case *c)
{
    dialect_case_stop(c, CHAT_STOP_END);
    buf_clear(&c->out);
    const struct chat_answer *answer = chat_collect_answer(c->collect);
    assert_int_equal(c->dialect->render(c->arena, &c->reply, answer, &c->out), OK);
}

static void replay(struct dialect_case *c, const char *model, struct str packed)
{
    struct str body = arena_printf(c->arena,
                                   "{\"model\":\"%s\",\"input\":[{\"type\":\"reasoning\","
                                   "\"summary\":[],\"content\":null,\"encrypted_content\":\"%.*s\"}"
                                   ",{\"role\":\"assistant\",\"content\":\"x\"}]}",
                                   model, STR_ARG(packed));
    assert_int_equal(dialect_case_decode_raw(c, body), OK);
}

static void brings_signatures_back(void **state)
{
    struct dialect_case *c = *state;
    const struct chat_part *p;

    dialect_case_whole(c);
    dialect_case_start(c);
    dialect_case_block(c, 0, CHAT_BLOCK_TEXT, "t");
    dialect_case_open(c, 1, CHAT_BLOCK_THINKING);
    dialect_case_delta(c, 1, CHAT_BLOCK_THINKING, "I \"think\"\n\xc3\xa9");
    dialect_case_sign(c, 1, "Er+/=\\\xe2\x82\xac");
    dialect_case_close(c, 1, CHAT_BLOCK_THINKING);
    render_whole(c);
    struct str packed = written(c, "\"encrypted_content\":\"");
    assert_true(dialect_case_holds(c, "'summary':[]")); /* not asked for */
    replay(c, "m", packed);
    p = dialect_case_part(c, 0, 0);
    assert_int_equal(p->kind, CHAT_THINKING);
    assert_str(p->text, "I \"think\"\n\xc3\xa9");
    assert_str(p->signature, "Er+/=\\\xe2\x82\xac");
    dialect_case_dropped(c, "");
    replay(c, "another", packed);
    assert_int_equal(dialect_case_part(c, 0, 0)->kind, CHAT_TEXT);
    dialect_case_dropped(c, "input.reasoning");
}

static void brings_redacted_thinking_back(void **state)
{
    struct dialect_case *c = *state;

    dialect_case_whole(c);
    dialect_case_start(c);
    dialect_case_push(c, &(struct chat_event){.kind = CHAT_EVENT_OPEN,
                                              .block = CHAT_BLOCK_REDACTED,
                                              .text = STR("op+aq/ue==")});
    dialect_case_close(c, 0, CHAT_BLOCK_REDACTED);
    render_whole(c);
    replay(c, "m", written(c, "\"encrypted_content\":\""));
    assert_int_equal(dialect_case_part(c, 0, 0)->kind, CHAT_REDACTED_THINKING);
    assert_str(dialect_case_part(c, 0, 0)->data, "op+aq/ue==");
}

static void passes_openais_own_reasoning(void **state)
{
    struct dialect_case *c = *state;

    replay(c, "gpt-5", STR("gAAAAAB-native=="));
    assert_str(dialect_case_part(c, 0, 0)->signature, CHAT_RESPONSES_SIGNATURE "gAAAAAB-native==");
    dialect_case_whole(c);
    dialect_case_start(c);
    dialect_case_push(c, &(struct chat_event){.kind = CHAT_EVENT_OPEN,
                                              .block = CHAT_BLOCK_THINKING,
                                              .id = STR("rs_0af")});
    dialect_case_sign(c, 0, CHAT_RESPONSES_SIGNATURE "gAAAAAB-native==");
    dialect_case_close(c, 0, CHAT_BLOCK_THINKING);
    render_whole(c);
    assert_true(dialect_case_holds(c, "{'id':'rs_0af','type':'reasoning','summary':[],"
                                      "'encrypted_content':'gAAAAAB-native=='}"));
}

static void carries_signatures_of_calls_and_texts(void **state)
{
    struct dialect_case *c = *state;

    dialect_case_whole(c);
    dialect_case_start(c);
    dialect_case_call(c, 0, "a", "f", "sig+");
    dialect_case_close(c, 0, CHAT_BLOCK_TOOL);
    dialect_case_push(c, &(struct chat_event){.kind = CHAT_EVENT_OPEN,
                                              .index = 1,
                                              .block = CHAT_BLOCK_TEXT,
                                              .signature = STR("text/sig")});
    dialect_case_delta(c, 1, CHAT_BLOCK_TEXT, "t");
    dialect_case_close(c, 1, CHAT_BLOCK_TEXT);
    render_whole(c);
    struct str call = written(c, "\"call_id\":\"");
    struct str text = written(c, ",{\"id\":\"");
    struct str body = arena_printf(
        c->arena,
        "{\"input\":[{\"type\":\"function_call\",\"call_id\":\"%.*s\",\"name\":\"f\",\"arguments\":"
        "\"{}\"},{\"type\":\"message\",\"role\":\"assistant\",\"id\":\"%.*s\",\"content\":\"t\"},"
        "{\"type\":\"function_call_output\",\"call_id\":\"%.*s\",\"output\":\"o\"}]}",
        STR_ARG(call), STR_ARG(text), STR_ARG(call));
    assert_int_equal(dialect_case_decode_raw(c, body), OK);
    assert_str(dialect_case_part(c, 0, 0)->id, "a");
    assert_str(dialect_case_part(c, 0, 0)->signature, "sig+");
    assert_str(dialect_case_part(c, 0, 1)->signature, "text/sig");
    assert_str(dialect_case_part(c, 1, 0)->content->text, "o");
}

static void survives_foreign_packs(void **state)
{
    struct dialect_case *c = *state;

    replay(c, "m", STR("crly_"));
    replay(c, "m", STR("crly_!!!"));
    replay(c, "m", STR("crly_e30")); /* {} */
    dialect_case_dropped(c, "input.reasoning");
}

/* Only the text itself is collected: a stream of many small pieces takes little more than that. */
static void collects_the_text_alone(void **state)
{
    struct dialect_case *c = *state;
    enum { PIECES = 100000 };

    dialect_case_stream(c);
    dialect_case_start(c);
    dialect_case_open(c, 0, CHAT_BLOCK_TEXT);
    size_t before = arena_used(c->arena);
    for (int i = 0; i < PIECES; i++) {
        dialect_case_delta(c, 0, CHAT_BLOCK_TEXT, "12345678");
        buf_clear(&c->out);
    }
    assert_true(arena_used(c->arena) - before < 4 * 8 * PIECES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, begin, end)
        T(decodes_every_option),
        T(declares_what_is_lost),
        T(refuses_what_would_need_a_store),
        T(tells_an_unknown_response),
        T(renders_other_errors_as_openai_does),
        T(reads_messages_of_every_form),
        T(reads_calls_and_outputs),
        T(reads_the_callers_own_tools),
        T(reads_shell_and_patch),
        T(repairs_the_order_of_calls),
        T(matches_ids_that_recur),
        T(keeps_what_stands_between_in_one_turn),
        T(declares_items_of_others),
        T(turns_tools_into_functions),
        T(shortens_long_names),
        T(reads_every_choice),
        T(streams_text),
        T(streams_calls_at_their_place),
        T(tells_what_was_cut_off),
        T(streams_reasoning),
        T(streams_refusals_and_empty_calls),
        T(ends_as_the_model_did),
        T(fails_with_its_own_number),
        T(renders_a_whole_answer),
        T(renders_the_callers_own_tools),
        T(renders_shell_and_patch),
        T(keeps_frames_on_one_line),
        T(brings_signatures_back),
        T(brings_redacted_thinking_back),
        T(passes_openais_own_reasoning),
        T(carries_signatures_of_calls_and_texts),
        T(survives_foreign_packs),
        T(collects_the_text_alone),
#undef T
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

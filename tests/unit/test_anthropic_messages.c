/* Messages: what callers send, and the bytes they get. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "dialect_case.h"

#define USER "{'role':'user','content':'hi'}"

static int begin(void **state)
{
    static struct dialect_case c;
    dialect_case_begin(&c, &dialect_anthropic_messages);
    *state = &c;
    return 0;
}

static int end(void **state)
{
    dialect_case_end(*state);
    return 0;
}

/* --- requests -------------------------------------------------------------------------------- */

static void decodes_every_option(void **state)
{
    struct dialect_case *c = *state;
    const struct chat_request *r = &c->request;

    assert_int_equal(
        dialect_case_decode(
            c, "{'model':'claude','max_tokens':32000,'messages':[" USER "],'temperature':1.0,"
               "'top_p':0.9,'top_k':40,'stop_sequences':['x','y'],'stream':true,'metadata':"
               "{'user_id':'u'},'thinking':{'type':'enabled','budget_tokens':31999,'display':"
               "'omitted'},'output_config':{'effort':'high','format':{'type':'json_schema',"
               "'schema':{'a':1.50}}},'service_tier':'auto','betas':['a','b'],"
               "'anthropic_version':'bedrock-2023-05-31'}"),
        OK);
    assert_str(r->model, "claude");
    assert_int_equal(r->max_tokens, 32000);
    assert_str(r->temperature, "1.0");
    assert_str(r->top_p, "0.9");
    assert_str(r->top_k, "40");
    assert_str(r->stops->text, "x");
    assert_str(r->stops->next->text, "y");
    assert_true(r->stream);
    assert_str(r->user, "u");
    assert_int_equal(r->thinking, CHAT_THINKING_BUDGET);
    assert_int_equal(r->thinking_budget, 31999);
    assert_int_equal(r->show_thinking, 0);
    assert_int_equal(r->effort, CHAT_EFFORT_HIGH);
    assert_int_equal(r->format, CHAT_FORMAT_SCHEMA);
    assert_str(r->format_schema, "{\"a\":1.50}");
    assert_str(r->service_tier, "auto");
    assert_str(r->betas, "a,b");
    dialect_case_dropped(c, "");
}

static void leaves_the_unsaid_unset(void **state)
{
    struct dialect_case *c = *state;

    assert_int_equal(dialect_case_decode(c, "{'messages':[" USER "],'system':''}"), OK);
    assert_false(c->request.stream);
    assert_int_equal(c->request.max_tokens, -1);
    assert_int_equal(c->request.thinking, CHAT_THINKING_UNSET);
    assert_int_equal(c->request.show_thinking, -1);
    assert_int_equal(c->request.parallel_calls, -1);
    assert_int_equal(dialect_case_message(c, 0)->role, CHAT_USER);
}

static void decodes_system_where_it_stands(void **state)
{
    struct dialect_case *c = *state;

    assert_int_equal(
        dialect_case_decode(
            c, "{'system':[{'type':'text','text':'a'},{'type':'text','text':'b','cache_control':"
               "{'type':'ephemeral'}}],'messages':[" USER ",{'role':'system','content':'late'},"
               "{'role':'assistant','content':'x'}]}"),
        OK);
    assert_int_equal(dialect_case_message(c, 0)->role, CHAT_SYSTEM);
    assert_str(dialect_case_part(c, 0, 0)->text, "a");
    assert_false(dialect_case_part(c, 0, 0)->cache.set);
    assert_true(dialect_case_part(c, 0, 1)->cache.set);
    assert_int_equal(dialect_case_message(c, 1)->role, CHAT_USER);
    assert_int_equal(dialect_case_message(c, 2)->role, CHAT_SYSTEM);
    assert_str(dialect_case_part(c, 2, 0)->text, "late");
    assert_int_equal(dialect_case_decode(c, "{'system':'s','messages':[" USER "]}"), OK);
    assert_str(dialect_case_part(c, 0, 0)->text, "s");
}

static void decodes_images_and_documents(void **state)
{
    struct dialect_case *c = *state;

    assert_int_equal(
        dialect_case_decode(
            c, "{'messages':[{'role':'user','content':[{'type':'image','source':{'type':'base64',"
               "'media_type':'image/png','data':'QUJD'}},{'type':'image','source':{'type':'url',"
               "'url':'https://x.example/i'}},{'type':'document','title':'t','source':{'type':"
               "'base64','media_type':'application/pdf','data':'UERG'},'citations':{'enabled':"
               "true},'context':'c','cache_control':{'type':'ephemeral'}},{'type':'document',"
               "'source':{'type':'text','media_type':'text/plain','data':'plain'}},{'type':"
               "'document','source':{'type':'content','content':[{'type':'text','text':'one'},"
               "{'type':'image','source':{'type':'base64','media_type':'image/gif','data':'R0'}},"
               "{'type':'text','text':'two'}]}},{'type':'search_result','source':'src','title':"
               "'ti','content':[{'type':'text','text':'found'}]}]}]}"),
        OK);
    assert_int_equal(dialect_case_part(c, 0, 0)->kind, CHAT_IMAGE);
    assert_str(dialect_case_part(c, 0, 0)->data, "QUJD");
    assert_str(dialect_case_part(c, 0, 1)->url, "https://x.example/i");
    assert_int_equal(dialect_case_part(c, 0, 2)->kind, CHAT_DOCUMENT);
    assert_str(dialect_case_part(c, 0, 2)->name, "t");
    assert_str(dialect_case_part(c, 0, 2)->media_type, "application/pdf");
    assert_true(dialect_case_part(c, 0, 2)->cache.set);
    assert_str(dialect_case_part(c, 0, 3)->text, "plain");
    assert_str(dialect_case_part(c, 0, 4)->text, "one\ntwo");
    assert_int_equal(dialect_case_part(c, 0, 5)->kind, CHAT_IMAGE);
    assert_str(dialect_case_part(c, 0, 5)->media_type, "image/gif");
    assert_str(dialect_case_part(c, 0, 6)->text, "ti\nsrc\n\nfound");
    assert_null(dialect_case_part(c, 0, 6)->next);
    assert_true(dialect_case_part(c, 0, 2)->cite);
    dialect_case_dropped(c, "document.context, search_result");
}

static void decodes_calls_and_their_results(void **state)
{
    struct dialect_case *c = *state;

    assert_int_equal(
        dialect_case_decode(
            c, "{'messages':[" USER ",{'role':'assistant','content':[{'type':'thinking',"
               "'thinking':'hm','signature':'S='},{'type':'redacted_thinking','data':'R'},"
               "{'type':'tool_use','id':'crly_ps6_call_1CiQB-_8','name':'f','input':{'a':1.0},"
               "'cache_control':{'type':'ephemeral'}},{'type':'tool_use','id':'t2','name':'g',"
               "'input':{}}]},{'role':'user','content':[{'type':'tool_result','tool_use_id':"
               "'crly_ps6_call_1CiQB-_8','content':[{'type':'text','text':'r'},{'type':'image',"
               "'source':{'type':'base64','media_type':'image/png','data':'Q'}},{'type':"
               "'tool_reference','tool_name':'zed'}]},{'type':'tool_result','tool_use_id':'t2',"
               "'content':'oops','is_error':true,'cache_control':{'type':'ephemeral','ttl':'5m'}},"
               "{'type':'text','text':'go on'}]}]}"),
        OK);
    assert_str(dialect_case_part(c, 1, 0)->text, "hm");
    assert_str(dialect_case_part(c, 1, 0)->signature, "S=");
    assert_str(dialect_case_part(c, 1, 1)->data, "R");
    assert_str(dialect_case_part(c, 1, 2)->id, "call_1");
    assert_str(dialect_case_part(c, 1, 2)->signature, "CiQB+/8=");
    assert_str(dialect_case_part(c, 1, 2)->arguments, "{\"a\":1.0}");
    assert_true(dialect_case_part(c, 1, 2)->cache.set);
    const struct chat_part *one = dialect_case_part(c, 2, 0), *two = dialect_case_part(c, 2, 1);
    assert_int_equal(one->kind, CHAT_TOOL_RESULT);
    assert_str(one->id, "call_1");
    assert_str(one->name, "f");
    assert_false(one->error);
    assert_int_equal(one->content->next->kind, CHAT_IMAGE);
    assert_str(one->content->next->next->text, "[tool_reference: zed]");
    assert_true(two->error);
    assert_str(two->name, "g");
    assert_str(two->content->text, "oops");
    assert_str(two->cache.ttl, "5m");
    assert_str(dialect_case_part(c, 2, 2)->text, "go on");
}

static void drops_what_only_the_vendor_can_run(void **state)
{
    struct dialect_case *c = *state;

    assert_int_equal(
        dialect_case_decode(
            c, "{'messages':[" USER ",{'role':'assistant','content':[{'type':'server_tool_use',"
               "'id':'s','name':'web_search','input':{}},{'type':'web_search_tool_result',"
               "'tool_use_id':'s','content':[]}]},{'role':'user','content':'and?'}],'tools':["
               "{'type':'web_search_20250305','name':'web_search'},{'name':'f','input_schema':"
               "{'type':'object'},'defer_loading':true}],'tool_choice':{'type':'tool','name':"
               "'web_search'},'context_management':{},'mcp_servers':[],'container':'x'}"),
        OK);
    assert_str(dialect_case_part(c, 1, 0)->text, "and?"); /* nothing was left of the turn between */
    assert_str(c->request.tools->name, "f");
    assert_null(c->request.tools->next);
    assert_int_equal(c->request.choice, CHAT_CHOICE_AUTO);
    dialect_case_dropped(c, "messages.server_tool_use, messages.web_search_tool_result, "
                            "tools.web_search, tools.defer_loading, tool_choice.web_search, "
                            "context_management, mcp_servers, container");
}

static void decodes_tools_and_choice(void **state)
{
    static const struct {
        const char *choice, *name;
        enum chat_choice expected;
        int parallel;
    } rows[] = {
        {"{'type':'auto'}", "", CHAT_CHOICE_AUTO, -1},
        {"{'type':'any','disable_parallel_tool_use':true}", "", CHAT_CHOICE_REQUIRED, 0},
        {"{'type':'none'}", "", CHAT_CHOICE_NONE, -1},
        {"{'type':'tool','name':'f','disable_parallel_tool_use':false}", "f", CHAT_CHOICE_ONE, -1},
    };
    struct dialect_case *c = *state;

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct str body = arena_printf(
            c->arena,
            "{'messages':[" USER "],'tools':[{'type':'custom','name':'f','description':'d',"
            "'input_schema':{'x':1e2},'strict':true,'cache_control':{'type':'ephemeral'}}],"
            "'tool_choice':%s}",
            rows[i].choice);
        assert_int_equal(dialect_case_decode(c, body.p), OK);
        assert_int_equal(c->request.choice, rows[i].expected);
        assert_int_equal(c->request.parallel_calls, rows[i].parallel);
        assert_str(c->request.choice_name, rows[i].name);
        assert_str(c->request.tools->schema, "{\"x\":1e2}");
        assert_str(c->request.tools->description, "d");
        assert_int_equal(c->request.tools->strict, 1);
        assert_true(c->request.tools->cache.set);
        dialect_case_dropped(c, "");
    }
}

static void caches_up_to_the_last_block(void **state)
{
    struct dialect_case *c = *state;

    assert_int_equal(dialect_case_decode(c, "{'messages':[" USER ",{'role':'user','content':[{"
                                            "'type':'text','text':'a'},{'type':'text','text':'b'}"
                                            "]}],'cache_control':{'type':'ephemeral'}}"),
                     OK);
    assert_false(dialect_case_part(c, 1, 0)->cache.set);
    assert_true(dialect_case_part(c, 1, 1)->cache.set);
}

static void names_the_field_that_is_wrong(void **state)
{
    static const struct {
        const char *body, *param;
    } rows[] = {
        {"3", ""},
        {"{'model':'x'}", "messages"},
        {"{'model':'x','messages':[]}", "messages"},
        {"{'messages':{}}", "messages"},
        {"{'messages':[" USER "],'max_tokens':'many'}", "max_tokens"},
        {"{'messages':[" USER "],'max_tokens':0}", "max_tokens"},
        {"{'messages':[" USER "],'system':4}", "system"},
        {"{'messages':[" USER "],'system':[{'type':'image','source':{'type':'base64',"
         "'media_type':'m','data':'d'}}]}",
         "system"},
        {"{'messages':[null]}", "messages[0]"},
        {"{'messages':[{'role':'tool','content':'x'}]}", "messages[0].role"},
        {"{'messages':[{'role':'user'}]}", "messages[0].content"},
        {"{'messages':[{'role':'user','content':[5]}]}", "messages[0].content[0]"},
        {"{'messages':[{'role':'user','content':[{}]}]}", "messages[0].content[0].type"},
        {"{'messages':[{'role':'user','content':[{'type':'text'}]}]}",
         "messages[0].content[0].text"},
        {"{'messages':[{'role':'user','content':[{'type':'image'}]}]}",
         "messages[0].content[0].source"},
        {"{'messages':[{'role':'user','content':[{'type':'image','source':{'type':'base64',"
         "'data':'x'}}]}]}",
         "messages[0].content[0].source.media_type"},
        {"{'messages':[{'role':'user','content':[{'type':'image','source':{'type':'url','url':"
         "'file:///etc/passwd'}}]}]}",
         "messages[0].content[0].source.url"},
        {"{'messages':[{'role':'assistant','content':[{'type':'tool_use','name':'f'}]}]}",
         "messages[0].content[0].id"},
        {"{'messages':[{'role':'assistant','content':[{'type':'tool_use','id':'i','name':'f',"
         "'input':'x'}]}]}",
         "messages[0].content[0].input"},
        {"{'messages':[{'role':'user','content':[{'type':'tool_use','id':'i','name':'f',"
         "'input':{}}]}]}",
         "messages[0].content"},
        {"{'messages':[{'role':'assistant','content':[{'type':'tool_result','tool_use_id':'i'}]}]}",
         "messages[0].content"},
        {"{'messages':[{'role':'user','content':[{'type':'tool_result','tool_use_id':'i',"
         "'content':[{'type':'thinking'}]}]}]}",
         "messages[0].content[0].content"},
        {"{'messages':[" USER "],'tools':[{'name':'f','input_schema':[]}]}",
         "tools[0].input_schema"},
        {"{'messages':[" USER "],'tools':[{}]}", "tools[0].name"},
        {"{'messages':[" USER "],'tools':[{'name':'f'}],'tool_choice':{'type':'tool','name':"
         "'g'}}",
         "tool_choice.name"},
        {"{'messages':[" USER "],'tool_choice':'auto'}", "tool_choice"},
        {"{'messages':[" USER "],'thinking':{'type':'enabled'}}", "thinking.budget_tokens"},
        {"{'messages':[" USER "],'thinking':true}", "thinking"},
        {"{'messages':[" USER "],'output_config':{'effort':'huge'}}", "output_config.effort"},
        {"{'messages':[" USER "],'output_config':{'format':{'type':'xml'}}}",
         "output_config.format.type"},
        {"{'messages':[" USER "],'stop_sequences':'x'}", "stop_sequences"},
        {"{'messages':[{'role':'user','content':[{'type':'text','text':'x','cache_control':"
         "{'type':'eternal'}}]}]}",
         "messages[0].content[0].cache_control.type"},
        {"{'thread':{'type':'create'},'messages':[" USER "]}", "thread"},
    };
    struct dialect_case *c = *state;

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        dialect_case_refuse(c, rows[i].body, rows[i].param, CHAT_ERROR_INVALID);
}

/* The code by which the SDKs' tool runners go on without. */
static void tells_that_it_keeps_no_conversations(void **state)
{
    struct dialect_case *c = *state;

    dialect_case_refuse(c, "{'thread':{'type':'create'},'messages':[" USER "]}", "thread",
                        CHAT_ERROR_INVALID);
    c->dialect->error(&c->error, STR_NONE, &c->out);
    assert_in_range(str_find(buf_str(&c->out),
                             "\"details\":{\"error_code\":\"thread_unsupported_request\","
                             "\"unsupported\":[\"thread\"]}"),
                    1, c->out.n - 1);
    assert_int_equal(dialect_case_decode(c, "{'thread':null,'messages':[" USER "]}"), OK);
}

static void refuses_what_cannot_be_translated(void **state)
{
    struct dialect_case *c = *state;

    dialect_case_refuse(c,
                        "{'messages':[{'role':'user','content':[{'type':'image','source':"
                        "{'type':'file','file_id':'f'}}]}]}",
                        "messages[0].content[0].source.file_id", CHAT_ERROR_UNSUPPORTED);
    dialect_case_refuse(c,
                        "{'messages':[{'role':'user','content':[{'type':'hologram'}]}],"
                        "'top_k':3}",
                        "messages[0].content[0].type", CHAT_ERROR_UNSUPPORTED);
    assert_str(c->request.top_k, "3"); /* it read on: the lane may carry what we cannot */
}

/* --- streams --------------------------------------------------------------------------------- */

#define EVENT(type, rest) "event: " type "\ndata: {'type':'" type "'" rest "}\n\n"
#define START(usage)                                                                               \
    EVENT("message_start",                                                                         \
          ",'message':{'id':'msg_abc1','type':'message','role':'assistant','model':'m',"           \
          "'content':[],'stop_reason':null,'stop_sequence':null,'usage':" usage "}")
#define OPEN(n, block)  EVENT("content_block_start", ",'index':" #n ",'content_block':" block)
#define DELTA(n, delta) EVENT("content_block_delta", ",'index':" #n ",'delta':" delta)
#define CLOSE(n)        EVENT("content_block_stop", ",'index':" #n)
#define STOP(reason, usage)                                                                        \
    EVENT("message_delta",                                                                         \
          ",'delta':{'stop_reason':'" reason "','stop_sequence':null},'usage':" usage)             \
    EVENT("message_stop", "")
#define ESTIMATE                                                                                   \
    "{'input_tokens':7,'cache_creation_input_tokens':0,'cache_read_input_tokens':0,"               \
    "'output_tokens':1}"

static void begin_stream(struct dialect_case *c)
{
    dialect_case_stream(c);
    dialect_case_start(c);
    buf_clear(&c->out);
}

static void streams_text(void **state)
{
    struct dialect_case *c = *state;

    dialect_case_stream(c);
    dialect_case_start(c);
    dialect_case_wrote(c, START(ESTIMATE));
    dialect_case_block(c, 0, CHAT_BLOCK_TEXT, "Hi");
    dialect_case_wrote(c, OPEN(0, "{'type':'text','text':''}")
                              DELTA(0, "{'type':'text_delta','text':'Hi'}") CLOSE(0));
    dialect_case_usage(
        c,
        &(struct chat_usage){
            .input = 100, .cache_read = 60, .cache_write = 30, .cache_write_1h = 10, .output = 2});
    dialect_case_wrote(c, "");
    dialect_case_stop(c, CHAT_STOP_END);
    dialect_case_wrote(c, STOP("end_turn",
                               "{'input_tokens':10,'cache_creation_input_tokens':30,"
                               "'cache_read_input_tokens':60,'cache_creation':{"
                               "'ephemeral_5m_input_tokens':20,'ephemeral_1h_input_tokens':10},"
                               "'output_tokens':2}"));
}

static void begins_with_the_true_input_when_it_is_known(void **state)
{
    struct dialect_case *c = *state;

    dialect_case_stream(c);
    dialect_case_push(c,
                      &(struct chat_event){.kind = CHAT_EVENT_START,
                                           .usage = {.input = 12, .cache_read = 4, .output = 3}});
    dialect_case_wrote(c, START("{'input_tokens':8,'cache_creation_input_tokens':0,"
                                "'cache_read_input_tokens':4,'output_tokens':3}"));
}

static void streams_thinking_and_calls(void **state)
{
    struct dialect_case *c = *state;

    begin_stream(c);
    dialect_case_open(c, 0, CHAT_BLOCK_THINKING);
    dialect_case_delta(c, 0, CHAT_BLOCK_THINKING, "hm");
    dialect_case_sign(c, 0, "S=");
    dialect_case_close(c, 0, CHAT_BLOCK_THINKING);
    dialect_case_wrote(c, OPEN(0, "{'type':'thinking','thinking':'','signature':''}")
                              DELTA(0, "{'type':'thinking_delta','thinking':'hm'}")
                                  DELTA(0, "{'type':'signature_delta','signature':'S='}") CLOSE(0));
    dialect_case_push(c, &(struct chat_event){.kind = CHAT_EVENT_OPEN,
                                              .index = 1,
                                              .block = CHAT_BLOCK_REDACTED,
                                              .text = STR("R")});
    dialect_case_close(c, 1, CHAT_BLOCK_REDACTED);
    dialect_case_wrote(c, OPEN(1, "{'type':'redacted_thinking','data':'R'}") CLOSE(1));
    dialect_case_call(c, 2, "c:1", "f", "CiQB+/8=");
    dialect_case_delta(c, 2, CHAT_BLOCK_TOOL, "{\"a\":1}");
    dialect_case_close(c, 2, CHAT_BLOCK_TOOL);
    dialect_case_call(c, 3, NULL, "g", NULL);
    dialect_case_close(c, 3, CHAT_BLOCK_TOOL);
    dialect_case_wrote(
        c,
        OPEN(2, "{'type':'tool_use','id':'crly_bs4_YzoxCiQB-_8','name':'f','input':{}}")
            DELTA(2, "{'type':'input_json_delta','partial_json':'{\\'a\\':1}'}") CLOSE(2)
                OPEN(3, "{'type':'tool_use','id':'toolu_abc1_1','name':'g','input':{}}") CLOSE(3));
    dialect_case_stop(c, CHAT_STOP_END);
    dialect_case_wrote(c, STOP("tool_use", ESTIMATE));
}

static void hides_thinking_but_for_its_signature(void **state)
{
    struct dialect_case *c = *state;

    c->request.show_thinking = 0;
    begin_stream(c);
    dialect_case_block(c, 0, CHAT_BLOCK_THINKING, "unsigned");
    dialect_case_wrote(c, "");
    dialect_case_open(c, 1, CHAT_BLOCK_THINKING);
    dialect_case_delta(c, 1, CHAT_BLOCK_THINKING, "hm");
    dialect_case_sign(c, 1, "S=");
    dialect_case_close(c, 1, CHAT_BLOCK_THINKING);
    dialect_case_block(c, 2, CHAT_BLOCK_TEXT, "Hi");
    dialect_case_wrote(c, OPEN(0, "{'type':'thinking','thinking':'','signature':''}")
                              DELTA(0, "{'type':'signature_delta','signature':'S='}") CLOSE(0)
                                  OPEN(1, "{'type':'text','text':''}")
                                      DELTA(1, "{'type':'text_delta','text':'Hi'}") CLOSE(1));
}

static void maps_every_stop(void **state)
{
    static const char *const words[] = {[CHAT_STOP_END] = "end_turn",
                                        [CHAT_STOP_SEQUENCE] = "stop_sequence",
                                        [CHAT_STOP_LENGTH] = "max_tokens",
                                        [CHAT_STOP_TOOL] = "tool_use",
                                        [CHAT_STOP_FILTER] = "refusal",
                                        [CHAT_STOP_REFUSAL] = "refusal",
                                        [CHAT_STOP_CONTEXT] = "model_context_window_exceeded",
                                        [CHAT_STOP_PAUSE] = "pause_turn",
                                        [CHAT_STOP_MALFORMED_CALL] = "end_turn"};
    struct dialect_case *c = *state;

    for (int stop = CHAT_STOP_END; stop <= CHAT_STOP_MALFORMED_CALL; stop++) {
        begin_stream(c);
        dialect_case_stop(c, (enum chat_stop)stop);
        struct str want =
            arena_printf(c->arena, "{'stop_reason':'%s','stop_sequence':null}", words[stop]);
        assert_true(dialect_case_holds(c, want.p));
    }
}

static void tells_the_stop_sequence(void **state)
{
    struct dialect_case *c = *state;

    begin_stream(c);
    dialect_case_push(c, &(struct chat_event){.kind = CHAT_EVENT_STOP,
                                              .stop = CHAT_STOP_SEQUENCE,
                                              .stop_sequence = STR("END")});
    assert_true(dialect_case_holds(c, "{'stop_reason':'stop_sequence','stop_sequence':'END'}"));
}

static void a_call_is_the_reason_unless_it_was_cut(void **state)
{
    struct dialect_case *c = *state;

    begin_stream(c);
    dialect_case_call(c, 0, "c", "f", NULL);
    dialect_case_close(c, 0, CHAT_BLOCK_TOOL);
    dialect_case_stop(c, CHAT_STOP_LENGTH);
    assert_true(dialect_case_holds(c, "'stop_reason':'max_tokens'"));
}

static void a_refusal_is_text_and_a_reason(void **state)
{
    struct dialect_case *c = *state;

    begin_stream(c);
    dialect_case_block(c, 0, CHAT_BLOCK_REFUSAL, "no");
    dialect_case_stop(c, CHAT_STOP_END);
    dialect_case_wrote(c, OPEN(0, "{'type':'text','text':''}")
                              DELTA(0, "{'type':'text_delta','text':'no'}") CLOSE(0)
                                  STOP("refusal", ESTIMATE));
}

static void ends_a_failed_stream_with_an_error(void **state)
{
    struct dialect_case *c = *state;
    struct chat_error err;

    chat_error_set(&err, c->arena, CHAT_ERROR_OVERLOADED, "busy");
    begin_stream(c);
    dialect_case_push(c, &(struct chat_event){.kind = CHAT_EVENT_ERROR, .error = &err});
    dialect_case_wrote(c, EVENT("error", ",'error':{'type':'overloaded_error','message':'busy'}"));
    assert_str(dialect_anthropic_messages.keep_alive, "event: ping\ndata: {\"type\":\"ping\"}\n\n");
}

static void a_long_stream_takes_no_memory_of_its_own(void **state)
{
    struct dialect_case *c = *state;

    begin_stream(c);
    dialect_case_open(c, 0, CHAT_BLOCK_TEXT);
    size_t before = arena_used(c->arena);
    for (int i = 0; i < 100000; i++) {
        dialect_case_delta(c, 0, CHAT_BLOCK_TEXT, "token");
        buf_clear(&c->out);
    }
    assert_int_equal(arena_used(c->arena), before);
}

/* --- whole answers --------------------------------------------------------------------------- */

#define WHOLE "{'id':'msg_abc1','type':'message','role':'assistant','model':'m','content':["

static void renders_every_block(void **state)
{
    struct dialect_case *c = *state;

    dialect_case_whole(c);
    dialect_case_start(c);
    dialect_case_open(c, 0, CHAT_BLOCK_THINKING);
    dialect_case_delta(c, 0, CHAT_BLOCK_THINKING, "hm");
    dialect_case_sign(c, 0, "S=");
    dialect_case_close(c, 0, CHAT_BLOCK_THINKING);
    dialect_case_block(c, 1, CHAT_BLOCK_TEXT, "Hi");
    dialect_case_call(c, 2, "c:1", "f", NULL);
    dialect_case_delta(c, 2, CHAT_BLOCK_TOOL, " {\"a\":12345678901234567890}");
    dialect_case_close(c, 2, CHAT_BLOCK_TOOL);
    dialect_case_call(c, 3, "c2", "g", NULL);
    dialect_case_delta(c, 3, CHAT_BLOCK_TOOL, "{\"a\":");
    dialect_case_close(c, 3, CHAT_BLOCK_TOOL);
    dialect_case_call(c, 4, "c3", "h", NULL);
    dialect_case_close(c, 4, CHAT_BLOCK_TOOL);
    dialect_case_usage(c, &(struct chat_usage){.input = 9, .cache_read = 5, .output = 2});
    dialect_case_stop(c, CHAT_STOP_END);
    dialect_case_rendered(
        c, WHOLE
        "{'type':'thinking','thinking':'hm','signature':'S='},{'type':'text','text':'Hi'},"
        "{'type':'tool_use','id':'crly_bn4_Yzox','name':'f','input':{'a':12345678901234567890}},"
        "{'type':'tool_use','id':'c2','name':'g','input':{'raw_arguments':'{\\'a\\':'}},"
        "{'type':'tool_use','id':'c3','name':'h','input':{}}],'stop_reason':'tool_use',"
        "'stop_sequence':null,'usage':{'input_tokens':4,'cache_creation_input_tokens':0,"
        "'cache_read_input_tokens':5,'output_tokens':2}}");
}

static void renders_hidden_thinking(void **state)
{
    struct dialect_case *c = *state;

    c->request.show_thinking = 0;
    dialect_case_whole(c);
    dialect_case_start(c);
    dialect_case_block(c, 0, CHAT_BLOCK_THINKING, "unsigned");
    dialect_case_open(c, 1, CHAT_BLOCK_THINKING);
    dialect_case_delta(c, 1, CHAT_BLOCK_THINKING, "hm");
    dialect_case_sign(c, 1, "S=");
    dialect_case_close(c, 1, CHAT_BLOCK_THINKING);
    dialect_case_stop(c, CHAT_STOP_END);
    dialect_case_rendered(
        c, WHOLE "{'type':'thinking','thinking':'','signature':'S='}],'stop_reason':'end_turn',"
                 "'stop_sequence':null,'usage':{'input_tokens':7,'cache_creation_input_tokens':0,"
                 "'cache_read_input_tokens':0,'output_tokens':0}}");
}

/* --- errors ---------------------------------------------------------------------------------- */

static void renders_errors(void **state)
{
    static const struct {
        enum chat_error_kind kind;
        const char *type;
    } rows[] = {
        {CHAT_ERROR_INVALID, "invalid_request_error"},
        {CHAT_ERROR_UNSUPPORTED, "invalid_request_error"},
        {CHAT_ERROR_KEY, "authentication_error"},
        {CHAT_ERROR_PERMISSION, "permission_error"},
        {CHAT_ERROR_NOT_FOUND, "not_found_error"},
        {CHAT_ERROR_MODEL_NOT_FOUND, "not_found_error"},
        {CHAT_ERROR_TOO_LARGE, "request_too_large"},
        {CHAT_ERROR_RATE_LIMIT, "rate_limit_error"},
        {CHAT_ERROR_INTERNAL, "api_error"},
        {CHAT_ERROR_UPSTREAM, "api_error"},
        {CHAT_ERROR_UPSTREAM_AUTH, "api_error"},
        {CHAT_ERROR_OVERLOADED, "overloaded_error"},
        {CHAT_ERROR_TIMEOUT, "timeout_error"},
    };
    struct dialect_case *c = *state;
    struct chat_error err;

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        chat_error_set(&err, c->arena, rows[i].kind, "x");
        c->dialect->error(&err, STR("req_1"), &c->out);
        struct str want = arena_printf(
            c->arena, "{'type':'error','error':{'type':'%s','message':'x'},'request_id':'req_1'}",
            rows[i].type);
        dialect_case_wrote(c, want.p);
    }
    chat_error_set(&err, c->arena, CHAT_ERROR_CONTEXT_LENGTH, "9 > 8");
    c->dialect->error(&err, STR_NONE, &c->out);
    dialect_case_wrote(c, "{'type':'error','error':{'type':'invalid_request_error','message':"
                          "'prompt is too long: 9 > 8'}}");
    chat_error_set(&err, c->arena, CHAT_ERROR_RATE_LIMIT, "Slow.");
    err.retry_after_ms = 1000;
    c->dialect->error(&err, STR_NONE, &c->out);
    dialect_case_wrote(c, "{'type':'error','error':{'type':'rate_limit_error','message':"
                          "'Slow. Please try again in 1s.'}}");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(decodes_every_option),
        TEST(leaves_the_unsaid_unset),
        TEST(decodes_system_where_it_stands),
        TEST(decodes_images_and_documents),
        TEST(decodes_calls_and_their_results),
        TEST(drops_what_only_the_vendor_can_run),
        TEST(decodes_tools_and_choice),
        TEST(caches_up_to_the_last_block),
        TEST(names_the_field_that_is_wrong),
        TEST(tells_that_it_keeps_no_conversations),
        TEST(refuses_what_cannot_be_translated),
        TEST(streams_text),
        TEST(begins_with_the_true_input_when_it_is_known),
        TEST(streams_thinking_and_calls),
        TEST(hides_thinking_but_for_its_signature),
        TEST(maps_every_stop),
        TEST(tells_the_stop_sequence),
        TEST(a_call_is_the_reason_unless_it_was_cut),
        TEST(a_refusal_is_text_and_a_reason),
        TEST(ends_a_failed_stream_with_an_error),
        TEST(a_long_stream_takes_no_memory_of_its_own),
        TEST(renders_every_block),
        TEST(renders_hidden_thinking),
        TEST(renders_errors),
    };

    return cmocka_run_group_tests_name("anthropic_messages", tests, NULL, NULL);
}

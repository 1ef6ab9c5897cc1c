/* Chat completions: what callers send, and the bytes they get. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "dialect/call_id.h"
#include "dialect_case.h"

#define USER "{'role':'user','content':'hi'}"

static int begin(void **state)
{
    static struct dialect_case c;
    dialect_case_begin(&c, &dialect_openai_chat);
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
            c, "{'model':'gpt-5','messages':[" USER "],'temperature':0.70,'top_p':1e-1,'n':2,"
               "'stream':true,'stream_options':{'include_usage':true},'stop':['a','b'],"
               "'max_tokens':5,'max_completion_tokens':9,'presence_penalty':-1,"
               "'frequency_penalty':2.0,'logit_bias':{'50256':-100},'logprobs':true,"
               "'top_logprobs':3,'seed':12345678901234567890,'user':'u','top_k':4,"
               "'parallel_tool_calls':false,'reasoning_effort':'low','verbosity':'high',"
               "'service_tier':'flex','prompt_cache_key':'k','response_format':{'type':"
               "'json_schema','json_schema':{'name':'s','strict':true,'schema':{'x':1.00}}}}"),
        OK);
    assert_str(r->model, "gpt-5");
    assert_true(r->stream && r->include_usage);
    assert_str(r->temperature, "0.70");
    assert_str(r->top_p, "1e-1");
    assert_str(r->top_k, "4");
    assert_int_equal(r->n, 2);
    assert_str(r->stops->text, "a");
    assert_str(r->stops->next->text, "b");
    assert_int_equal(r->max_tokens, 9);
    assert_str(r->presence_penalty, "-1");
    assert_str(r->frequency_penalty, "2.0");
    assert_str(r->logit_bias, "{\"50256\":-100}");
    assert_int_equal(r->logprobs, 1);
    assert_int_equal(r->top_logprobs, 3);
    assert_str(r->seed, "12345678901234567890");
    assert_str(r->user, "u");
    assert_int_equal(r->parallel_calls, 0);
    assert_int_equal(r->thinking, CHAT_THINKING_EFFORT);
    assert_int_equal(r->effort, CHAT_EFFORT_LOW);
    assert_str(r->verbosity, "high");
    assert_str(r->service_tier, "flex");
    assert_str(r->prompt_cache_key, "k");
    assert_int_equal(r->format, CHAT_FORMAT_SCHEMA);
    assert_str(r->format_name, "s");
    assert_int_equal(r->format_strict, 1);
    assert_str(r->format_schema, "{\"x\":1.00}");
    dialect_case_dropped(c, "");
}

static void leaves_the_unsaid_unset(void **state)
{
    struct dialect_case *c = *state;
    const struct chat_request *r = &c->request;

    assert_int_equal(dialect_case_decode(c, "{'messages':[" USER "],'stop':null,'stream':null}"),
                     OK);
    assert_false(r->stream);
    assert_false(r->include_usage);
    assert_int_equal(r->max_tokens, -1);
    assert_int_equal(r->n, -1);
    assert_int_equal(r->parallel_calls, -1);
    assert_int_equal(r->logprobs, -1);
    assert_int_equal(r->show_thinking, -1);
    assert_int_equal(r->thinking, CHAT_THINKING_UNSET);
    assert_int_equal(r->choice, CHAT_CHOICE_UNSET);
    assert_null(r->stops);
    assert_int_equal(r->temperature.n, 0);
}

static void takes_one_stop_and_plain_formats(void **state)
{
    struct dialect_case *c = *state;

    assert_int_equal(dialect_case_decode(c, "{'messages':[" USER "],'stop':'END',"
                                            "'response_format':{'type':'json_object'}}"),
                     OK);
    assert_str(c->request.stops->text, "END");
    assert_null(c->request.stops->next);
    assert_int_equal(c->request.format, CHAT_FORMAT_JSON);
    dialect_case_decode(c, "{'messages':[" USER "],'response_format':{'type':'text'}}");
    assert_int_equal(c->request.format, CHAT_FORMAT_TEXT);
}

static void understands_thinking_in_many_words(void **state)
{
    static const struct {
        const char *member;
        enum chat_thinking thinking;
        int64_t budget;
        enum chat_effort effort;
        int show;
    } rows[] = {
        {"'reasoning_effort':'none'", CHAT_THINKING_OFF, 0, CHAT_EFFORT_NONE, -1},
        {"'reasoning':{'effort':'high'}", CHAT_THINKING_EFFORT, 0, CHAT_EFFORT_HIGH, -1},
        {"'reasoning':{'effort':'low','enabled':true}", CHAT_THINKING_EFFORT, 0, CHAT_EFFORT_LOW,
         -1},
        {"'reasoning':{'enabled':false,'effort':'low'}", CHAT_THINKING_OFF, 0, CHAT_EFFORT_UNSET,
         -1},
        {"'reasoning':{'max_tokens':3000,'exclude':true}", CHAT_THINKING_BUDGET, 3000,
         CHAT_EFFORT_UNSET, 0},
        {"'thinking':{'type':'enabled','budget_tokens':2000}", CHAT_THINKING_BUDGET, 2000,
         CHAT_EFFORT_UNSET, -1},
        {"'thinking':{'type':'disabled'}", CHAT_THINKING_OFF, 0, CHAT_EFFORT_UNSET, -1},
        {"'thinking':{'type':'adaptive','display':'omitted'}", CHAT_THINKING_ADAPTIVE, 0,
         CHAT_EFFORT_UNSET, 0},
        {"'enable_thinking':true", CHAT_THINKING_ADAPTIVE, 0, CHAT_EFFORT_UNSET, -1},
        {"'enable_thinking':false,'thinking_budget':5", CHAT_THINKING_OFF, 5, CHAT_EFFORT_UNSET,
         -1},
        {"'include_reasoning':false", CHAT_THINKING_UNSET, 0, CHAT_EFFORT_UNSET, 0},
        {"'thinking':{'type':'disabled'},'reasoning_effort':'max'", CHAT_THINKING_EFFORT, 0,
         CHAT_EFFORT_MAX, -1},
    };
    struct dialect_case *c = *state;

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct str body = arena_printf(c->arena, "{'messages':[" USER "],%s}", rows[i].member);
        assert_int_equal(dialect_case_decode(c, body.p), OK);
        assert_int_equal(c->request.thinking, rows[i].thinking);
        assert_int_equal(c->request.thinking_budget, rows[i].budget);
        assert_int_equal(c->request.effort, rows[i].effort);
        assert_int_equal(c->request.show_thinking, rows[i].show);
    }
}

static void decodes_roles_and_parts(void **state)
{
    struct dialect_case *c = *state;

    assert_int_equal(
        dialect_case_decode(
            c, "{'messages':[{'role':'system','content':'s'},{'role':'developer','content':[{"
               "'type':'text','text':'d','cache_control':{'type':'ephemeral','ttl':'1h'}}]},"
               "{'role':'user','name':'ann','content':[{'type':'text','text':'a\\u00e9'},"
               "{'type':'image_url','image_url':{'url':'data:image/png;base64,QUJD','detail':"
               "'low'}},{'type':'image_url','image_url':'https://x.example/a.png'},"
               "{'type':'file','file':{'file_data':'data:application/pdf;base64,UERG',"
               "'filename':'f.pdf'}},{'type':'input_audio','input_audio':{'data':'QQ==',"
               "'format':'mp3'}}]}]}"),
        OK);
    assert_int_equal(dialect_case_message(c, 0)->role, CHAT_SYSTEM);
    assert_int_equal(dialect_case_message(c, 1)->role, CHAT_DEVELOPER);
    assert_true(dialect_case_part(c, 1, 0)->cache.set);
    assert_str(dialect_case_part(c, 1, 0)->cache.ttl, "1h");
    assert_str(dialect_case_message(c, 2)->name, "ann");
    assert_str(dialect_case_part(c, 2, 0)->text, "a\xc3\xa9");
    assert_int_equal(dialect_case_part(c, 2, 1)->kind, CHAT_IMAGE);
    assert_str(dialect_case_part(c, 2, 1)->media_type, "image/png");
    assert_str(dialect_case_part(c, 2, 1)->data, "QUJD");
    assert_str(dialect_case_part(c, 2, 1)->detail, "low");
    assert_str(dialect_case_part(c, 2, 2)->url, "https://x.example/a.png");
    assert_int_equal(dialect_case_part(c, 2, 3)->kind, CHAT_DOCUMENT);
    assert_str(dialect_case_part(c, 2, 3)->media_type, "application/pdf");
    assert_str(dialect_case_part(c, 2, 3)->data, "UERG");
    assert_str(dialect_case_part(c, 2, 3)->name, "f.pdf");
    assert_int_equal(dialect_case_part(c, 2, 4)->kind, CHAT_AUDIO);
    assert_str(dialect_case_part(c, 2, 4)->media_type, "audio/mpeg");
}

static void decodes_calls_and_their_results(void **state)
{
    struct dialect_case *c = *state;

    assert_int_equal(
        dialect_case_decode(
            c, "{'messages':[" USER ",{'role':'assistant','content':null,'tool_calls':["
               "{'id':'c1','type':'function','function':{'name':'f','arguments':'{\\u0022a\\u0022:"
               "1.0}'}},{'id':'c2','type':'function','function':{'name':'g','arguments':''}}]},"
               "{'role':'tool','tool_call_id':'c2','content':'two','cache_control':{'type':"
               "'ephemeral'}},{'role':'tool','tool_call_id':'c1','content':[{'type':'text',"
               "'text':'one'}]}," USER "]}"),
        OK);
    assert_int_equal(dialect_case_part(c, 1, 0)->kind, CHAT_TOOL_CALL);
    assert_str(dialect_case_part(c, 1, 0)->arguments, "{\"a\":1.0}");
    assert_str(dialect_case_part(c, 1, 1)->arguments, "{}");
    assert_int_equal(dialect_case_message(c, 2)->role, CHAT_USER);
    assert_int_equal(dialect_case_part(c, 2, 0)->kind, CHAT_TOOL_RESULT);
    assert_str(dialect_case_part(c, 2, 0)->id, "c2");
    assert_str(dialect_case_part(c, 2, 0)->name, "g");
    assert_true(dialect_case_part(c, 2, 0)->cache.set);
    assert_str(dialect_case_part(c, 2, 0)->content->text, "two");
    assert_str(dialect_case_part(c, 2, 1)->name, "f");
    assert_str(dialect_case_part(c, 2, 1)->content->text, "one");
    assert_null(dialect_case_part(c, 2, 1)->next);
    assert_int_equal(dialect_case_part(c, 3, 0)->kind, CHAT_TEXT);
}

static void keeps_results_behind_their_own_calls(void **state)
{
    struct dialect_case *c = *state;

    assert_int_equal(
        dialect_case_decode(
            c, "{'messages':[{'role':'assistant','tool_calls':[{'id':'c1','function':{'name':'f'}}"
               "]},{'role':'tool','tool_call_id':'c1','content':null},{'role':'assistant',"
               "'tool_calls':[{'id':'c2','function':{'name':'g','arguments':{'a':1}}}]},"
               "{'role':'tool','tool_call_id':'c2','content':'x'}]}"),
        OK);
    assert_str(dialect_case_part(c, 1, 0)->id, "c1");
    assert_null(dialect_case_part(c, 1, 0)->next);
    assert_str(dialect_case_part(c, 2, 0)->arguments, "{\"a\":1}");
    assert_str(dialect_case_part(c, 3, 0)->id, "c2");
}

static void decodes_the_forms_before_tools(void **state)
{
    struct dialect_case *c = *state;

    assert_int_equal(
        dialect_case_decode(
            c, "{'functions':[{'name':'f','parameters':{'type':'object'}}],'function_call':"
               "{'name':'f'},'messages':[" USER ",{'role':'assistant','content':null,"
               "'function_call':{'name':'f','arguments':'{}'}},{'role':'function','name':'f',"
               "'content':'r'}]}"),
        OK);
    assert_str(c->request.tools->name, "f");
    assert_str(c->request.tools->schema, "{\"type\":\"object\"}");
    assert_int_equal(c->request.choice, CHAT_CHOICE_ONE);
    assert_str(c->request.choice_name, "f");
    assert_true(c->request.legacy_calls);
    assert_int_equal(c->request.parallel_calls, 0);
    const struct chat_part *call = dialect_case_part(c, 1, 0), *result = dialect_case_part(c, 2, 0);
    assert_int_equal(call->kind, CHAT_TOOL_CALL);
    assert_int_equal(result->kind, CHAT_TOOL_RESULT);
    assert_true(call->id.n > 0 && str_eq(call->id, result->id));
    assert_str(result->name, "f");
}

static void decodes_tools_and_choice(void **state)
{
#define TOOLS                                                                                      \
    "'tools':[{'type':'function','function':{'name':'f','description':'d','strict':true,"          \
    "'parameters':{'type':'object','x':1e2}},'cache_control':{'type':'ephemeral'}},"               \
    "{'type':'function','function':{'name':'g'}},{'type':'custom','custom':{'name':'p'}}]"
    static const struct {
        const char *choice, *name, *dropped;
        enum chat_choice expected;
    } rows[] = {
        {"'auto'", "", "tools.custom", CHAT_CHOICE_AUTO},
        {"'none'", "", "tools.custom", CHAT_CHOICE_NONE},
        {"'required'", "", "tools.custom", CHAT_CHOICE_REQUIRED},
        {"{'type':'function','function':{'name':'g'}}", "g", "tools.custom", CHAT_CHOICE_ONE},
        {"{'type':'custom','custom':{'name':'p'}}", "", "tools.custom, tool_choice.custom",
         CHAT_CHOICE_AUTO},
    };
    struct dialect_case *c = *state;

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct str body = arena_printf(
            c->arena, "{'messages':[" USER "]," TOOLS ",'tool_choice':%s}", rows[i].choice);
        assert_int_equal(dialect_case_decode(c, body.p), OK);
        assert_int_equal(c->request.choice, rows[i].expected);
        assert_str(c->request.choice_name, rows[i].name);
        dialect_case_dropped(c, rows[i].dropped);
    }
    const struct chat_tool *f = c->request.tools;
    assert_str(f->name, "f");
    assert_str(f->description, "d");
    assert_str(f->schema, "{\"type\":\"object\",\"x\":1e2}");
    assert_int_equal(f->strict, 1);
    assert_true(f->cache.set);
    assert_int_equal(f->next->strict, -1);
    assert_null(f->next->next);
}

static void restricts_tools_to_the_allowed(void **state)
{
    struct dialect_case *c = *state;

    assert_int_equal(
        dialect_case_decode(
            c, "{'messages':[" USER "]," TOOLS ",'tool_choice':{'type':'allowed_tools',"
               "'allowed_tools':{'mode':'required','tools':[{'type':'function','function':{"
               "'name':'g'}}]}}}"),
        OK);
    assert_str(c->request.tools->name, "g");
    assert_null(c->request.tools->next);
    assert_int_equal(c->request.choice, CHAT_CHOICE_REQUIRED);
    dialect_case_dropped(c, "tools.custom, tool_choice.allowed_tools");
}

static void decodes_replayed_reasoning(void **state)
{
    struct dialect_case *c = *state;

    assert_int_equal(
        dialect_case_decode(
            c, "{'messages':[" USER ",{'role':'assistant','content':'','reasoning_content':'hm'},"
               "{'role':'assistant','content':'t','reasoning_content':'ab','thinking_blocks':["
               "{'type':'thinking','thinking':'ab','signature':'S+/='},{'type':"
               "'redacted_thinking','data':'R'}]},{'role':'assistant','refusal':'no'}]}"),
        OK);
    assert_int_equal(dialect_case_part(c, 1, 0)->kind, CHAT_THINKING);
    assert_str(dialect_case_part(c, 1, 0)->text, "hm");
    assert_str(dialect_case_part(c, 1, 0)->signature, "");
    assert_null(dialect_case_part(c, 1, 0)->next);
    assert_str(dialect_case_part(c, 2, 0)->text, "ab");
    assert_str(dialect_case_part(c, 2, 0)->signature, "S+/=");
    assert_int_equal(dialect_case_part(c, 2, 1)->kind, CHAT_REDACTED_THINKING);
    assert_str(dialect_case_part(c, 2, 1)->data, "R");
    assert_str(dialect_case_part(c, 2, 2)->text, "t");
    assert_int_equal(dialect_case_part(c, 3, 0)->kind, CHAT_REFUSAL);
}

static void declares_what_it_leaves_out(void **state)
{
    struct dialect_case *c = *state;

    assert_int_equal(dialect_case_decode(c, "{'messages':[" USER "],'metadata':{'a':'b'},"
                                            "'store':true,'prediction':{},'frobnicate':1,"
                                            "'seed':null,'nothing':null,'modalities':['text']}"),
                     OK);
    dialect_case_dropped(c, "store, metadata, prediction, frobnicate");
    assert_int_equal(dialect_case_decode(c, "{'messages':[" USER "],'store':false}"), OK);
    dialect_case_dropped(c, "");
}

static void does_not_drown_in_unknown_fields(void **state)
{
    struct dialect_case *c = *state;
    struct buf body = {0};

    buf_add_cstr(&body, "{\"messages\":[{\"role\":\"user\",\"content\":\"x\"}]");
    for (int i = 0; i < 5000; i++)
        buf_printf(&body, ",\"u%d\":1", i);
    buf_add_char(&body, '}');
    assert_int_equal(dialect_case_decode_raw(c, buf_str(&body)), OK);
    size_t count = 0;
    for (const struct dropped_item *i = c->dropped.first; i; i = i->next)
        count++;
    assert_int_equal(count, 65);
    assert_str(c->dropped.last->field, "...");
    buf_free(&body);
}

static void names_the_field_that_is_wrong(void **state)
{
    static const struct {
        const char *body, *param;
    } rows[] = {
        {"[]", ""},
        {"{'model':5,'messages':[" USER "]}", "model"},
        {"{'model':''}", "messages"},
        {"{'model':'x'}", "messages"},
        {"{'messages':[]}", "messages"},
        {"{'messages':'hi'}", "messages"},
        {"{'messages':[7]}", "messages[0]"},
        {"{'messages':[{'role':'robot','content':'x'}]}", "messages[0].role"},
        {"{'messages':[{'content':'x'}]}", "messages[0].role"},
        {"{'messages':[{'role':'user'}]}", "messages[0].content"},
        {"{'messages':[{'role':'user','content':5}]}", "messages[0].content"},
        {"{'messages':[" USER "," USER ",{'role':'user','content':[{'type':'movie'}]}]}",
         "messages[2].content[0].type"},
        {"{'messages':[{'role':'user','content':[{'type':'text','text':[]}]}]}",
         "messages[0].content[0].text"},
        {"{'messages':[{'role':'user','content':[{'type':'image_url','image_url':{'url':"
         "'file:///etc/passwd'}}]}]}",
         "messages[0].content[0].image_url.url"},
        {"{'messages':[{'role':'assistant','tool_calls':[{'id':'a'}]}]}",
         "messages[0].tool_calls[0].function"},
        {"{'messages':[{'role':'assistant','tool_calls':[{'function':{}}]}]}",
         "messages[0].tool_calls[0].id"},
        {"{'messages':[{'role':'tool','content':'x'}]}", "messages[0].tool_call_id"},
        {"{'messages':[{'role':'function','name':'f','content':'x'}]}", "messages[0].role"},
        {"{'messages':[" USER "],'stream':'yes'}", "stream"},
        {"{'messages':[" USER "],'temperature':'hot'}", "temperature"},
        {"{'messages':[" USER "],'n':0}", "n"},
        {"{'messages':[" USER "],'n':100000}", "n"},
        {"{'messages':[" USER "],'max_tokens':1.5}", "max_tokens"},
        {"{'messages':[" USER "],'stop':[1]}", "stop[0]"},
        {"{'messages':[" USER "],'tools':{}}", "tools"},
        {"{'messages':[" USER "],'tools':[{'type':'function'}]}", "tools[0].function"},
        {"{'messages':[" USER "],'tools':[{'type':'function','function':{'name':''}}]}",
         "tools[0].function.name"},
        {"{'messages':[" USER "],'tools':[{'type':'function','function':{'name':'f',"
         "'parameters':3}}]}",
         "tools[0].function.parameters"},
        {"{'messages':[" USER "]," TOOLS ",'tool_choice':{'type':'function','function':"
         "{'name':'zz'}}}",
         "tool_choice.function.name"},
        {"{'messages':[" USER "],'tool_choice':'maybe'}", "tool_choice"},
        {"{'messages':[" USER "],'response_format':{'type':'xml'}}", "response_format.type"},
        {"{'messages':[" USER "],'response_format':{'type':'json_schema'}}",
         "response_format.json_schema"},
        {"{'messages':[" USER "],'reasoning_effort':'much'}", "reasoning_effort"},
        {"{'messages':[" USER "],'thinking':{'type':'enabled'}}", "thinking.budget_tokens"},
    };
    struct dialect_case *c = *state;

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        dialect_case_refuse(c, rows[i].body, rows[i].param, CHAT_ERROR_INVALID);
}

static void refuses_what_cannot_be_translated(void **state)
{
    struct dialect_case *c = *state;

    dialect_case_refuse(c,
                        "{'messages':[{'role':'user','content':[{'type':'file','file':"
                        "{'file_id':'f'}}]}],'seed':4}",
                        "messages[0].content[0].file.file_id", CHAT_ERROR_UNSUPPORTED);
    assert_str(c->request.seed, "4"); /* it read on: the lane may carry what we cannot */
    dialect_case_refuse(c, "{'messages':[" USER "],'modalities':['text','audio']}", "modalities[1]",
                        CHAT_ERROR_UNSUPPORTED);
}

/* --- ids that carry signatures --------------------------------------------------------------- */

static struct str packed(struct dialect_case *c, struct str id, struct str signature, bool strict)
{
    buf_clear(&c->out);
    call_id_pack(&c->out, id, signature, strict);
    return arena_str(c->arena, buf_str(&c->out));
}

static void check_round_trip(struct dialect_case *c, struct str id, struct str signature)
{
    struct str shown = packed(c, id, signature, true), back, sig;

    for (size_t i = 0; i < shown.n; i++)
        assert_non_null(
            strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-", shown.p[i]));
    call_id_unpack(c->arena, shown, &back, &sig);
    assert_true(str_eq(back, id));
    assert_true(str_eq(sig, signature));
}

static void ids_carry_signatures_both_ways(void **state)
{
    struct dialect_case *c = *state;
    struct buf all = {0};

    check_round_trip(c, STR("call_1"), STR("CiQB+/9A"));
    check_round_trip(c, STR("call_1"), STR("CiQB+/8="));
    check_round_trip(c, STR("call_1"), STR("CiQB+w=="));
    check_round_trip(c, STR("call_1"), STR("CiQB+x==")); /* not canonical: kept byte for byte */
    check_round_trip(c, STR("call_1"), STR("not base64 \x01\xc3\xbc"));
    check_round_trip(c, STR("call:7/ü"), STR_NONE);
    check_round_trip(c, STR("call:7/ü"), STR("AAAA"));
    check_round_trip(c, STR("crly_pn3_abc"), STR_NONE);
    check_round_trip(c, STR("crly_"), STR("AAAA"));
    for (int i = 0; i < 128; i++) {
        buf_add_char(&all, (char)i);
        check_round_trip(c, STR("x"), buf_str(&all));
    }
    buf_free(&all);
    assert_str(packed(c, STR("call_1"), STR_NONE, true), "call_1");
    assert_str(packed(c, STR("a b"), STR_NONE, false), "a b");
    assert_str(packed(c, STR("call_1"), STR("CiQB+/8="), false), "crly_ps6_call_1CiQB-_8");
}

static void odd_ids_stay_what_they_are(void **state)
{
    static const char *const ids[] = {
        "call_1",          "crly_",         "crly_pn",     "crly_pn9_abc", "crly_xn1_a",
        "crly_pn1_ab",     "crly_ps1_a",    "crly_pn-1_a", "crly_bn2_!!",  "crly_pb1_a!!!",
        "crly_ps1_aAAAAA", "crly_pb1_a__8", "crly_bn2__w"};
    struct dialect_case *c = *state;

    for (size_t i = 0; i < sizeof ids / sizeof *ids; i++) {
        struct str id, signature;
        call_id_unpack(c->arena, str_from(ids[i]), &id, &signature);
        assert_str(id, ids[i]);
        assert_int_equal(signature.n, 0);
    }
}

static void a_huge_signature_is_left_out(void **state)
{
    struct dialect_case *c = *state;
    char *big = arena_alloc(c->arena, CALL_ID_MAX_SIGNATURE + 4);

    memset(big, 'A', CALL_ID_MAX_SIGNATURE + 4);
    assert_str(packed(c, STR("i"), (struct str){big, CALL_ID_MAX_SIGNATURE + 4}, true), "i");
    check_round_trip(c, STR("i"), (struct str){big, CALL_ID_MAX_SIGNATURE});
}

static void signatures_come_back_from_a_replay(void **state)
{
    struct dialect_case *c = *state;

    assert_int_equal(
        dialect_case_decode(
            c, "{'messages':[" USER ",{'role':'assistant','tool_calls':[{'id':"
               "'crly_ps6_call_1CiQB-_8','type':'function','function':{'name':'f','arguments':"
               "'{}'}},{'id':'call_2','extra_content':{'google':{'thought_signature':'T=='}},"
               "'function':{'name':'g','arguments':'{}'}}]},{'role':'tool','tool_call_id':"
               "'crly_ps6_call_1CiQB-_8','content':'r'}]}"),
        OK);
    assert_str(dialect_case_part(c, 1, 0)->id, "call_1");
    assert_str(dialect_case_part(c, 1, 0)->signature, "CiQB+/8=");
    assert_str(dialect_case_part(c, 1, 1)->signature, "T==");
    assert_str(dialect_case_part(c, 2, 0)->id, "call_1");
    assert_str(dialect_case_part(c, 2, 0)->name, "f");
}

#define WHOLE                                                                                      \
    "{'id':'chatcmpl-abc1','object':'chat.completion','created':1700000000,'model':'m',"           \
    "'choices':["

/* --- streams --------------------------------------------------------------------------------- */

#define HEAD                                                                                       \
    "data: {'id':'chatcmpl-abc1','object':'chat.completion.chunk','created':1700000000,"           \
    "'model':'m','choices':["
#define CHUNK(delta) HEAD "{'index':0,'delta':" delta ",'finish_reason':null}]}\n\n"
#define FINISH(word) HEAD "{'index':0,'delta':{},'finish_reason':'" word "'}]}\n\n"
#define ROLE         CHUNK("{'role':'assistant','content':''}")
#define STREAM_END   "data: [DONE]\n\n"

static void streams_text(void **state)
{
    struct dialect_case *c = *state;

    dialect_case_stream(c);
    dialect_case_start(c);
    dialect_case_wrote(c, ROLE);
    dialect_case_open(c, 0, CHAT_BLOCK_TEXT);
    dialect_case_delta(c, 0, CHAT_BLOCK_TEXT, "");
    dialect_case_wrote(c, "");
    dialect_case_delta(c, 0, CHAT_BLOCK_TEXT, "Hi\n");
    dialect_case_wrote(c, CHUNK("{'content':'Hi\\n'}"));
    dialect_case_close(c, 0, CHAT_BLOCK_TEXT);
    dialect_case_usage(c, &(struct chat_usage){.input = 3, .output = 1});
    dialect_case_wrote(c, "");
    dialect_case_stop(c, CHAT_STOP_END);
    dialect_case_wrote(c, FINISH("stop") STREAM_END);
}

static void streams_usage_only_when_asked(void **state)
{
    struct dialect_case *c = *state;

    c->request.include_usage = true;
    dialect_case_stream(c);
    dialect_case_start(c);
    dialect_case_wrote(c, HEAD "{'index':0,'delta':{'role':'assistant','content':''},"
                               "'finish_reason':null}],'usage':null}\n\n");
    dialect_case_usage(c, &(struct chat_usage){.input = 9});
    dialect_case_usage(
        c, &(struct chat_usage){.input = 10, .cache_read = 4, .output = 6, .reasoning = 5});
    dialect_case_stop(c, CHAT_STOP_LENGTH);
    dialect_case_wrote(c, HEAD
                       "{'index':0,'delta':{},'finish_reason':'length'}],'usage':null}\n\n" HEAD
                       "],'usage':{'prompt_tokens':10,'completion_tokens':6,'total_tokens':16,"
                       "'prompt_tokens_details':{'cached_tokens':4},'completion_tokens_details':"
                       "{'reasoning_tokens':5}}}\n\n" STREAM_END);
}

static void streams_parallel_calls(void **state)
{
    struct dialect_case *c = *state;

    dialect_case_stream(c);
    dialect_case_start(c);
    buf_clear(&c->out);
    dialect_case_call(c, 0, "c1", "f", NULL);
    dialect_case_delta(c, 0, CHAT_BLOCK_TOOL, "{\"a\"");
    dialect_case_delta(c, 0, CHAT_BLOCK_TOOL, ":1}");
    dialect_case_close(c, 0, CHAT_BLOCK_TOOL);
    dialect_case_call(c, 1, NULL, "g", NULL);
    dialect_case_close(c, 1, CHAT_BLOCK_TOOL);
    dialect_case_stop(c, CHAT_STOP_END);
    dialect_case_wrote(
        c, CHUNK("{'tool_calls':[{'index':0,'id':'c1','type':'function','function':{'name':'f',"
                 "'arguments':''}}]}")
               CHUNK("{'tool_calls':[{'index':0,'function':{'arguments':'{\\'a\\''}}]}")
                   CHUNK("{'tool_calls':[{'index':0,'function':{'arguments':':1}'}}]}")
                       CHUNK("{'tool_calls':[{'index':1,'id':'call_abc1_0_1','type':'function',"
                             "'function':{'name':'g','arguments':''}}]}")
                           CHUNK("{'tool_calls':[{'index':1,'function':{'arguments':'{}'}}]}")
                               FINISH("tool_calls") STREAM_END);
}

static void tells_calls_in_the_old_form(void **state)
{
    struct dialect_case *c = *state;

    c->request.legacy_calls = true;
    dialect_case_stream(c);
    dialect_case_start(c);
    buf_clear(&c->out);
    dialect_case_call(c, 0, "c1", "f", NULL);
    dialect_case_delta(c, 0, CHAT_BLOCK_TOOL, "{\"a\":1}");
    dialect_case_close(c, 0, CHAT_BLOCK_TOOL);
    dialect_case_call(c, 1, "c2", "g", NULL);
    dialect_case_close(c, 1, CHAT_BLOCK_TOOL);
    dialect_case_stop(c, CHAT_STOP_TOOL);
    dialect_case_wrote(c, CHUNK("{'function_call':{'name':'f','arguments':''}}")
                              CHUNK("{'function_call':{'arguments':'{\\'a\\':1}'}}")
                                  FINISH("function_call") STREAM_END);
    dialect_case_whole(c);
    dialect_case_start(c);
    dialect_case_call(c, 0, "c1", "f", NULL);
    dialect_case_close(c, 0, CHAT_BLOCK_TOOL);
    dialect_case_stop(c, CHAT_STOP_TOOL);
    dialect_case_rendered(c, WHOLE "{'index':0,'message':{'role':'assistant','content':null,"
                                   "'refusal':null,'function_call':{'name':'f','arguments':'{}'}},"
                                   "'logprobs':null,'finish_reason':'function_call'}]}");
}

static void streams_signatures(void **state)
{
    struct dialect_case *c = *state;

    dialect_case_stream(c);
    dialect_case_start(c);
    buf_clear(&c->out);
    dialect_case_open(c, 0, CHAT_BLOCK_THINKING);
    dialect_case_delta(c, 0, CHAT_BLOCK_THINKING, "hm");
    dialect_case_sign(c, 0, "S=");
    dialect_case_close(c, 0, CHAT_BLOCK_THINKING);
    dialect_case_wrote(
        c, CHUNK("{'reasoning_content':'hm','thinking_blocks':[{'type':'thinking','thinking':"
                 "'hm'}]}")
               CHUNK("{'thinking_blocks':[{'type':'thinking','thinking':'','signature':'S='}]}"));
    dialect_case_call(c, 1, "c1", "f", "CiQB+/8=");
    dialect_case_wrote(
        c, CHUNK("{'tool_calls':[{'index':0,'id':'crly_ps2_c1CiQB-_8','type':'function',"
                 "'function':{'name':'f','arguments':''},'extra_content':{'google':"
                 "{'thought_signature':'CiQB+/8='}}}]}"));
}

static void hides_thinking_on_request(void **state)
{
    struct dialect_case *c = *state;

    c->request.show_thinking = 0;
    dialect_case_stream(c);
    dialect_case_start(c);
    buf_clear(&c->out);
    dialect_case_block(c, 0, CHAT_BLOCK_THINKING, "hm");
    dialect_case_wrote(c, "");
}

static void streams_several_choices(void **state)
{
    struct dialect_case *c = *state;
    struct chat_event e = {.kind = CHAT_EVENT_OPEN, .choice = 1, .block = CHAT_BLOCK_TEXT};

    c->request.n = 2;
    dialect_case_stream(c);
    dialect_case_start(c);
    dialect_case_wrote(c, ROLE HEAD "{'index':1,'delta':{'role':'assistant','content':''},"
                                    "'finish_reason':null}]}\n\n");
    dialect_case_push(c, &e);
    e.kind = CHAT_EVENT_DELTA;
    e.text = STR("x");
    e.logprobs = STR("[{\"token\":\"x\"}]");
    dialect_case_push(c, &e);
    dialect_case_wrote(c, HEAD "{'index':1,'delta':{'content':'x'},'logprobs':{'content':["
                               "{'token':'x'}],'refusal':null},'finish_reason':null}]}\n\n");
    e = (struct chat_event){.kind = CHAT_EVENT_CLOSE, .choice = 1, .block = CHAT_BLOCK_TEXT};
    dialect_case_push(c, &e);
    dialect_case_push(c, &(struct chat_event){.kind = CHAT_EVENT_STOP, .choice = 1});
    dialect_case_wrote(c, HEAD "{'index':1,'delta':{},'finish_reason':'stop'}]}\n\n");
    dialect_case_stop(c, CHAT_STOP_END);
    dialect_case_wrote(c, FINISH("stop") STREAM_END);
    e = (struct chat_event){.kind = CHAT_EVENT_START, .choice = 2};
    struct chat_sink *fresh = c->dialect->stream(c->arena, &c->reply, &c->out);
    assert_int_equal(chat_push(fresh, &e), E_LIMIT);
}

static void ends_a_failed_stream_without_done(void **state)
{
    struct dialect_case *c = *state;
    struct chat_error err;

    chat_error_set(&err, c->arena, CHAT_ERROR_UPSTREAM, "it broke");
    dialect_case_stream(c);
    dialect_case_start(c);
    buf_clear(&c->out);
    dialect_case_push(c, &(struct chat_event){.kind = CHAT_EVENT_ERROR, .error = &err});
    dialect_case_wrote(c, "data: {'error':{'message':'it broke','type':'server_error',"
                          "'param':null,'code':'upstream_error'}}\n\n");
}

static void a_long_stream_takes_no_memory_of_its_own(void **state)
{
    struct dialect_case *c = *state;

    dialect_case_stream(c);
    dialect_case_start(c);
    dialect_case_open(c, 0, CHAT_BLOCK_TEXT);
    size_t before = arena_used(c->arena);
    for (int i = 0; i < 100000; i++) {
        dialect_case_delta(c, 0, CHAT_BLOCK_TEXT, "token");
        buf_clear(&c->out);
    }
    assert_int_equal(arena_used(c->arena), before);
}

static void tells_that_the_buffer_is_full(void **state)
{
    struct dialect_case *c = *state;

    c->out.ceiling = 64;
    dialect_case_stream(c);
    assert_int_equal(chat_push(c->sink, &(struct chat_event){.kind = CHAT_EVENT_START}), E_NOMEM);
}

static void maps_every_stop(void **state)
{
    static const char *const words[] = {[CHAT_STOP_END] = "stop",
                                        [CHAT_STOP_SEQUENCE] = "stop",
                                        [CHAT_STOP_LENGTH] = "length",
                                        [CHAT_STOP_TOOL] = "tool_calls",
                                        [CHAT_STOP_FILTER] = "content_filter",
                                        [CHAT_STOP_REFUSAL] = "content_filter",
                                        [CHAT_STOP_CONTEXT] = "length",
                                        [CHAT_STOP_PAUSE] = "stop",
                                        [CHAT_STOP_MALFORMED_CALL] = "stop"};
    struct dialect_case *c = *state;

    for (int stop = CHAT_STOP_END; stop <= CHAT_STOP_MALFORMED_CALL; stop++) {
        dialect_case_stream(c);
        dialect_case_start(c);
        dialect_case_stop(c, (enum chat_stop)stop);
        struct str want = arena_printf(c->arena, "'finish_reason':'%s'", words[stop]);
        assert_true(dialect_case_holds(c, want.p));
    }
    dialect_case_stream(c);
    dialect_case_start(c);
    dialect_case_call(c, 0, "c", "f", NULL);
    dialect_case_close(c, 0, CHAT_BLOCK_TOOL);
    dialect_case_stop(c, CHAT_STOP_LENGTH);
    assert_true(dialect_case_holds(c, "'finish_reason':'length'"));
}

/* --- whole answers --------------------------------------------------------------------------- */

static void renders_text_and_usage(void **state)
{
    struct dialect_case *c = *state;

    dialect_case_whole(c);
    dialect_case_start(c);
    dialect_case_block(c, 0, CHAT_BLOCK_TEXT, "a");
    dialect_case_block(c, 1, CHAT_BLOCK_TEXT, "b");
    dialect_case_usage(c, &(struct chat_usage){.input = 3, .output = 1, .reasoning = -1});
    dialect_case_stop(c, CHAT_STOP_SEQUENCE);
    dialect_case_rendered(
        c, WHOLE "{'index':0,'message':{'role':'assistant','content':'ab','refusal':null},"
                 "'logprobs':null,'finish_reason':'stop'}],'usage':{'prompt_tokens':3,"
                 "'completion_tokens':1,'total_tokens':4,'prompt_tokens_details':{"
                 "'cached_tokens':0},'completion_tokens_details':{'reasoning_tokens':0}}}");
}

static void renders_calls_with_null_content(void **state)
{
    struct dialect_case *c = *state;

    dialect_case_whole(c);
    dialect_case_start(c);
    dialect_case_block(c, 0, CHAT_BLOCK_THINKING, "hm");
    dialect_case_call(c, 1, "c1", "f", "AAAA");
    dialect_case_delta(c, 1, CHAT_BLOCK_TOOL, "{\"a\":1}");
    dialect_case_close(c, 1, CHAT_BLOCK_TOOL);
    dialect_case_call(c, 2, NULL, "g", NULL);
    dialect_case_close(c, 2, CHAT_BLOCK_TOOL);
    dialect_case_stop(c, CHAT_STOP_END);
    dialect_case_rendered(
        c, WHOLE "{'index':0,'message':{'role':'assistant','content':null,'refusal':null,"
                 "'reasoning_content':'hm','thinking_blocks':[{'type':'thinking','thinking':'hm'}],"
                 "'tool_calls':[{'id':'crly_ps2_c1AAAA','type':'function','function':{'name':'f',"
                 "'arguments':'{\\'a\\':1}'},'extra_content':{'google':{'thought_signature':"
                 "'AAAA'}}},{'id':'call_abc1_0_1','type':'function','function':{'name':'g',"
                 "'arguments':'{}'}}]},'logprobs':null,'finish_reason':'tool_calls'}]}");
}

static void renders_signed_thinking(void **state)
{
    struct dialect_case *c = *state;

    dialect_case_whole(c);
    dialect_case_start(c);
    dialect_case_open(c, 0, CHAT_BLOCK_THINKING);
    dialect_case_delta(c, 0, CHAT_BLOCK_THINKING, "hm");
    dialect_case_sign(c, 0, "S=");
    dialect_case_close(c, 0, CHAT_BLOCK_THINKING);
    dialect_case_block(c, 1, CHAT_BLOCK_TEXT, "a");
    dialect_case_stop(c, CHAT_STOP_END);
    dialect_case_rendered(
        c, WHOLE "{'index':0,'message':{'role':'assistant','content':'a','refusal':null,"
                 "'reasoning_content':'hm','thinking_blocks':[{'type':'thinking','thinking':'hm',"
                 "'signature':'S='}]},'logprobs':null,'finish_reason':'stop'}]}");
}

static void renders_refusal_and_nothing(void **state)
{
    struct dialect_case *c = *state;

    dialect_case_whole(c);
    dialect_case_start(c);
    dialect_case_block(c, 0, CHAT_BLOCK_REFUSAL, "no");
    dialect_case_stop(c, CHAT_STOP_END);
    dialect_case_rendered(c, WHOLE "{'index':0,'message':{'role':'assistant','content':null,"
                                   "'refusal':'no'},'logprobs':null,'finish_reason':'stop'}]}");
    dialect_case_whole(c);
    dialect_case_start(c);
    dialect_case_stop(c, CHAT_STOP_FILTER);
    dialect_case_rendered(c, WHOLE "{'index':0,'message':{'role':'assistant','content':'',"
                                   "'refusal':null},'logprobs':null,'finish_reason':"
                                   "'content_filter'}]}");
}

/* --- errors ---------------------------------------------------------------------------------- */

static void renders_errors(void **state)
{
    struct dialect_case *c = *state;
    struct chat_error err;

    chat_error_field(&err, c->arena, CHAT_ERROR_INVALID, "n", "bad \"n\"");
    c->dialect->error(&err, STR("r"), &c->out);
    dialect_case_wrote(c, "{'error':{'message':'bad \\'n\\'','type':'invalid_request_error',"
                          "'param':'n','code':null}}");
    chat_error_set(&err, c->arena, CHAT_ERROR_RATE_LIMIT, "Too many.");
    err.retry_after_ms = 4200;
    c->dialect->error(&err, STR("r"), &c->out);
    dialect_case_wrote(c, "{'error':{'message':'Too many. Please try again in 5s.','type':"
                          "'requests','param':null,'code':'rate_limit_exceeded'}}");
    chat_error_set(&err, c->arena, CHAT_ERROR_MODEL_NOT_FOUND, "x");
    c->dialect->error(&err, STR_NONE, &c->out);
    dialect_case_wrote(c, "{'error':{'message':'x','type':'invalid_request_error','param':"
                          "'model','code':'model_not_found'}}");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(decodes_every_option),
        TEST(leaves_the_unsaid_unset),
        TEST(takes_one_stop_and_plain_formats),
        TEST(understands_thinking_in_many_words),
        TEST(decodes_roles_and_parts),
        TEST(decodes_calls_and_their_results),
        TEST(keeps_results_behind_their_own_calls),
        TEST(decodes_the_forms_before_tools),
        TEST(decodes_tools_and_choice),
        TEST(restricts_tools_to_the_allowed),
        TEST(decodes_replayed_reasoning),
        TEST(declares_what_it_leaves_out),
        TEST(does_not_drown_in_unknown_fields),
        TEST(names_the_field_that_is_wrong),
        TEST(refuses_what_cannot_be_translated),
        TEST(ids_carry_signatures_both_ways),
        TEST(odd_ids_stay_what_they_are),
        TEST(a_huge_signature_is_left_out),
        TEST(signatures_come_back_from_a_replay),
        TEST(streams_text),
        TEST(streams_usage_only_when_asked),
        TEST(streams_parallel_calls),
        TEST(tells_calls_in_the_old_form),
        TEST(streams_signatures),
        TEST(hides_thinking_on_request),
        TEST(streams_several_choices),
        TEST(ends_a_failed_stream_without_done),
        TEST(a_long_stream_takes_no_memory_of_its_own),
        TEST(tells_that_the_buffer_is_full),
        TEST(maps_every_stop),
        TEST(renders_text_and_usage),
        TEST(renders_calls_with_null_content),
        TEST(renders_signed_thinking),
        TEST(renders_refusal_and_nothing),
        TEST(renders_errors),
    };

    return cmocka_run_group_tests_name("openai_chat", tests, NULL, NULL);
}

/* Gemini: what callers send, and the bytes they get. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "dialect_case.h"
#include "dialect/gemini_generate.h"

#define USER "{'role':'user','parts':[{'text':'hi'}]}"
#define TAIL ",'modelVersion':'m','responseId':'abc1'}\r\n\r\n"
/* A chunk with one part, and the last one. */
#define CHUNK(part)                                                                                \
    "data: {'candidates':[{'content':{'role':'model','parts':[" part "]},'index':0}]" TAIL
#define LAST(reason, more)                                                                         \
    "data: {'candidates':[{'content':{'role':'model','parts':[{'text':''}]},'finishReason':"       \
    "'" reason "','index':0}]" more TAIL

static int begin(void **state)
{
    static struct dialect_case c;
    dialect_case_begin(&c, &dialect_gemini_generate);
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
    assert_int_equal(dialect_case_decode(c, body), OK);
}

/* --- options ----------------------------------------------------------------------------------- */

static void check_options(const struct chat_request *r)
{
    assert_str(r->temperature, "1.0");
    assert_str(r->top_p, "0.95");
    assert_str(r->top_k, "64");
    assert_int_equal(r->max_tokens, 900);
    assert_str(r->stops->text, "x");
    assert_str(r->stops->next->text, "y");
    assert_int_equal(r->n, 2);
    assert_str(r->seed, "12345678901234567890");
    assert_str(r->presence_penalty, "0.5");
    assert_str(r->frequency_penalty, "-0.5");
    assert_int_equal(r->logprobs, 1);
    assert_int_equal(r->top_logprobs, 3);
    assert_int_equal(r->format, CHAT_FORMAT_JSON);
    assert_int_equal(r->thinking, CHAT_THINKING_BUDGET);
    assert_int_equal(r->thinking_budget, 8192);
    assert_int_equal(r->show_thinking, 1);
}

static void decodes_every_option(void **state)
{
    struct dialect_case *c = *state;

    decode(c,
           "{'contents':[" USER "],'generationConfig':{'temperature':1.0,'topP':0.95,'topK':64.0,"
           "'maxOutputTokens':900,'stopSequences':['x','y'],'candidateCount':2,"
           "'seed':12345678901234567890,'presencePenalty':0.5,'frequencyPenalty':-0.5,"
           "'responseLogprobs':true,'logprobs':3,'responseMimeType':'application/json',"
           "'responseModalities':['TEXT'],"
           "'thinkingConfig':{'includeThoughts':true,'thinkingBudget':8192}}}");
    check_options(&c->request);
    dialect_case_dropped(c, "");
}

static void decodes_snake_case_as_well(void **state)
{
    struct dialect_case *c = *state;

    decode(c,
           "{'contents':[" USER "],'generation_config':{'temperature':1.0,'top_p':0.95,'top_k':64,"
           "'max_output_tokens':900,'stop_sequences':['x','y'],'candidate_count':2,"
           "'seed':12345678901234567890,'presence_penalty':0.5,'frequency_penalty':-0.5,"
           "'response_logprobs':true,'logprobs':3,'response_mime_type':'application/json',"
           "'response_modalities':['TEXT'],"
           "'thinking_config':{'include_thoughts':true,'thinking_budget':8192}}}");
    check_options(&c->request);
    dialect_case_dropped(c, "");
    decode(c, "{'system_instruction':{'parts':{'text':'s'}},'contents':{'parts':{'inline_data':"
              "{'mime_type':'image/png','data':'QUJD'}}},'tools':{'function_declarations':"
              "{'name':'f','parameters_json_schema':{'a':1}}},'tool_config':"
              "{'function_calling_config':{'mode':'ANY','allowed_function_names':['f']}},"
              "'safety_settings':[{}]}");
    assert_str(dialect_case_part(c, 0, 0)->text, "s");
    assert_str(dialect_case_part(c, 1, 0)->data, "QUJD");
    assert_str(c->request.tools->schema, "{\"a\":1}");
    assert_int_equal(c->request.choice, CHAT_CHOICE_ONE);
    assert_str(c->request.choice_name, "f");
    dialect_case_dropped(c, "safetySettings");
}

static void leaves_the_unsaid_unset(void **state)
{
    struct dialect_case *c = *state;

    decode(c, "{'contents':[" USER "]}");
    assert_int_equal(c->request.max_tokens, -1);
    assert_int_equal(c->request.thinking, CHAT_THINKING_UNSET);
    assert_int_equal(c->request.show_thinking, 0);
    assert_int_equal(c->request.format, CHAT_FORMAT_TEXT);
    assert_int_equal(c->request.choice, CHAT_CHOICE_UNSET);
    dialect_case_dropped(c, "");
}

static void decodes_how_much_to_think(void **state)
{
    static const struct {
        const char *config;
        enum chat_thinking thinking;
        enum chat_effort effort;
        int shown;
    } rows[] = {
        {"{'thinkingBudget':0}", CHAT_THINKING_OFF, CHAT_EFFORT_UNSET, 0},
        {"{'thinkingBudget':-1}", CHAT_THINKING_ADAPTIVE, CHAT_EFFORT_UNSET, 0},
        {"{'includeThoughts':true}", CHAT_THINKING_ADAPTIVE, CHAT_EFFORT_UNSET, 1},
        {"{'includeThoughts':false}", CHAT_THINKING_UNSET, CHAT_EFFORT_UNSET, 0},
        {"{'thinkingLevel':'HIGH','includeThoughts':true}", CHAT_THINKING_EFFORT, CHAT_EFFORT_HIGH,
         1},
        {"{'thinkingLevel':'minimal'}", CHAT_THINKING_EFFORT, CHAT_EFFORT_MINIMAL, 0},
        {"{'thinkingLevel':'THINKING_LEVEL_UNSPECIFIED'}", CHAT_THINKING_UNSET, CHAT_EFFORT_UNSET,
         0},
    };
    struct dialect_case *c = *state;
    char body[256];

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        snprintf(body, sizeof body,
                 "{'contents':[" USER "],'generationConfig':{'thinkingConfig':%s}}",
                 rows[i].config);
        decode(c, body);
        assert_int_equal(c->request.thinking, rows[i].thinking);
        assert_int_equal(c->request.effort, rows[i].effort);
        assert_int_equal(c->request.show_thinking, rows[i].shown);
    }
}

static void decodes_schemas_of_both_kinds(void **state)
{
    struct dialect_case *c = *state;

    decode(c, "{'contents':[" USER "],'generationConfig':{'responseMimeType':'application/json',"
              "'responseSchema':{'type':'OBJECT','properties':{'type':{'type':'STRING','nullable':"
              "true,'enum':['A']},'list':{'type':'ARRAY','items':{'type':'INTEGER','format':"
              "'int32'},'min_items':'2'},'any':{'anyOf':[{'type':'NUMBER'},{'type':"
              "'TYPE_UNSPECIFIED'}]}},'required':['type'],'propertyOrdering':['type']}}}");
    assert_int_equal(c->request.format, CHAT_FORMAT_SCHEMA);
    assert_str(
        c->request.format_schema,
        "{\"type\":\"object\",\"properties\":{\"type\":{\"type\":[\"string\",\"null\"],"
        "\"enum\":[\"A\",null]},\"list\":{\"type\":\"array\",\"items\":{\"type\":\"integer\","
        "\"format\":\"int32\"},\"minItems\":2},\"any\":{\"anyOf\":[{\"type\":\"number\"},{}]}}"
        ",\"required\":[\"type\"]}");
    decode(c, "{'contents':[" USER "],'generationConfig':{'responseJsonSchema':{'type':'OBJECT'},"
              "'responseMimeType':'application/json'}}");
    assert_int_equal(c->request.format, CHAT_FORMAT_SCHEMA);
    assert_str(c->request.format_schema, "{\"type\":\"OBJECT\"}");
}

static void declares_what_only_google_has(void **state)
{
    struct dialect_case *c = *state;

    decode(c,
           "{'contents':[" USER "],'safetySettings':[],'labels':{'a':'b'},'tools':[{'googleSearch':"
           "{}},{'codeExecution':{},'urlContext':{}},{'functionDeclarations':[{'name':'f',"
           "'response':{}}]}],'generationConfig':{'mediaResolution':'X','topK':null},"
           "'toolConfig':{'retrievalConfig':{}},'surprise':1}");
    dialect_case_dropped(c, "tools.googleSearch, tools.codeExecution, tools.urlContext, "
                            "functionDeclarations.response, toolConfig.retrievalConfig, "
                            "generationConfig.mediaResolution, safetySettings, labels, surprise");
}

/* --- contents ---------------------------------------------------------------------------------- */

static void decodes_contents_in_every_form(void **state)
{
    static const char *const forms[] = {
        "{'contents':{'parts':{'text':'hi'}}}",
        "{'contents':[{'parts':[{'text':'hi'}]}]}",
        "{'contents':{'role':'user','parts':[{'text':'hi'}]}}",
        "{'generateContentRequest':{'model':'models/m','contents':[" USER "]}}",
        "{'model':'models/m','contents':[" USER "]}",
    };
    struct dialect_case *c = *state;

    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        decode(c, forms[i]);
        assert_int_equal(dialect_case_message(c, 0)->role, CHAT_USER);
        assert_str(dialect_case_part(c, 0, 0)->text, "hi");
        assert_null(dialect_case_part(c, 0, 0)->next);
        assert_null(dialect_case_message(c, 0)->next);
        dialect_case_dropped(c, "");
    }
}

static void decodes_the_system_in_every_form(void **state)
{
    static const char *const forms[] = {"'s'", "{'parts':[{'text':'s'}]}", "{'parts':{'text':'s'}}",
                                        "{'role':'user','parts':[{'text':'s'}]}", "{'text':'s'}"};
    struct dialect_case *c = *state;
    char body[256];

    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        snprintf(body, sizeof body, "{'contents':[" USER "],'systemInstruction':%s}", forms[i]);
        decode(c, body);
        assert_int_equal(dialect_case_message(c, 0)->role, CHAT_SYSTEM);
        assert_str(dialect_case_part(c, 0, 0)->text, "s");
        assert_int_equal(dialect_case_message(c, 1)->role, CHAT_USER);
    }
}

static void decodes_media(void **state)
{
    struct dialect_case *c = *state;

    decode(c, "{'contents':[{'parts':[{'inlineData':{'mimeType':'image/png','data':'-_8='}},"
              "{'inlineData':{'mimeType':'application/pdf','data':'UERG','displayName':'a.pdf'}},"
              "{'inlineData':{'mimeType':'audio/wav','data':'UklG'}},"
              "{'fileData':{'mimeType':'image/jpeg','fileUri':'gs://b/o.jpg'}},"
              "{'executableCode':{'language':'PYTHON','code':'1+1'}},"
              "{'codeExecutionResult':{'outcome':'OUTCOME_OK','output':'2'}}]}]}");
    assert_int_equal(dialect_case_part(c, 0, 0)->kind, CHAT_IMAGE);
    assert_str(dialect_case_part(c, 0, 0)->data, "+/8=");
    assert_int_equal(dialect_case_part(c, 0, 1)->kind, CHAT_DOCUMENT);
    assert_str(dialect_case_part(c, 0, 1)->name, "a.pdf");
    assert_int_equal(dialect_case_part(c, 0, 2)->kind, CHAT_AUDIO);
    assert_str(dialect_case_part(c, 0, 3)->url, "gs://b/o.jpg");
    assert_str(dialect_case_part(c, 0, 4)->text, "1+1");
    assert_str(dialect_case_part(c, 0, 5)->text, "2");
}

static void puts_the_pieces_of_a_stream_together(void **state)
{
    struct dialect_case *c = *state;

    decode(c, "{'contents':[{'role':'user','parts':[{'text':'a'},{'text':'b'}]},"
              "{'role':'model','parts':[{'text':'I ','thought':true}]},"
              "{'role':'model','parts':[{'text':'think','thought':true}]},"
              "{'role':'model','parts':[{'text':'','thought':true,'thoughtSignature':'QUJD'}]},"
              "{'role':'model','parts':[{'text':'so '}]},{'role':'model','parts':[{'text':'it '}]},"
              "{'role':'model','parts':[{'text':'is'}]},{'role':'model','parts':[{'text':''}]},"
              "{'role':'user','parts':[]},{'role':'user','parts':[{'text':'ok'}]}]}");
    assert_str(dialect_case_part(c, 0, 0)->text, "a");
    assert_str(dialect_case_part(c, 0, 1)->text, "b");
    assert_int_equal(dialect_case_message(c, 1)->role, CHAT_ASSISTANT);
    assert_int_equal(dialect_case_part(c, 1, 0)->kind, CHAT_THINKING);
    assert_str(dialect_case_part(c, 1, 0)->text, "I think");
    assert_str(dialect_case_part(c, 1, 0)->signature, CHAT_GOOGLE_SIGNATURE "QUJD");
    assert_str(dialect_case_part(c, 1, 1)->text, "so it is");
    assert_null(dialect_case_part(c, 1, 1)->next);
    assert_str(dialect_case_part(c, 2, 0)->text, "ok");
    assert_null(dialect_case_message(c, 2)->next);
}

/* --- calls ------------------------------------------------------------------------------------- */

static void matches_responses_by_id(void **state)
{
    struct dialect_case *c = *state;

    decode(c,
           "{'contents':[" USER ",{'role':'model','parts':[{'functionCall':{'id':'a','name':'f',"
           "'args':{'x':1.50}}},{'functionCall':{'id':'b','name':'f'}}]},{'role':'user','parts':["
           "{'functionResponse':{'id':'b','name':'f','response':{'output':'B'}}},"
           "{'functionResponse':{'id':'a','name':'f','response':{'error':'A'}}}]}]}");
    assert_str(dialect_case_part(c, 1, 0)->id, "a");
    assert_str(dialect_case_part(c, 1, 0)->arguments, "{\"x\":1.50}");
    assert_str(dialect_case_part(c, 1, 1)->arguments, "{}");
    assert_str(dialect_case_part(c, 2, 0)->id, "b");
    assert_str(dialect_case_part(c, 2, 0)->content->text, "B");
    assert_false(dialect_case_part(c, 2, 0)->error);
    assert_str(dialect_case_part(c, 2, 1)->id, "a");
    assert_str(dialect_case_part(c, 2, 1)->content->text, "A");
    assert_true(dialect_case_part(c, 2, 1)->error);
}

static void matches_responses_by_name_and_order(void **state)
{
    struct dialect_case *c = *state;

    decode(c,
           "{'contents':[" USER ",{'role':'model','parts':[{'functionCall':{'name':'f','args':{}}},"
           "{'functionCall':{'name':'g','args':{}}},{'functionCall':{'name':'f','args':{}}}]},"
           "{'role':'function','parts':[{'functionResponse':{'name':'g','response':{'a':[1]}}},"
           "{'functionResponse':{'name':'f','response':{'result':'1'}}},"
           "{'functionResponse':{'name':'f','response':{'output':2}}},"
           "{'functionResponse':{'name':'h','response':{}}}]}]}");
    assert_str(dialect_case_part(c, 1, 0)->id, "call_1");
    assert_str(dialect_case_part(c, 1, 1)->id, "call_2");
    assert_str(dialect_case_part(c, 1, 2)->id, "call_3");
    assert_int_equal(dialect_case_message(c, 2)->role, CHAT_USER);
    assert_str(dialect_case_part(c, 2, 0)->id, "call_2");
    assert_str(dialect_case_part(c, 2, 0)->content->text, "{\"a\":[1]}");
    assert_str(dialect_case_part(c, 2, 1)->id, "call_1");
    assert_str(dialect_case_part(c, 2, 1)->content->text, "1");
    assert_str(dialect_case_part(c, 2, 2)->id, "call_3");
    assert_str(dialect_case_part(c, 2, 2)->content->text, "{\"output\":2}");
    assert_str(dialect_case_part(c, 2, 3)->id, "call_4");
}

static void decodes_media_of_responses(void **state)
{
    struct dialect_case *c = *state;

    decode(c, "{'contents':[{'role':'model','parts':[{'functionCall':{'name':'f'}}]},{'parts':[{"
              "'functionResponse':{'name':'f','response':{'output':'see'},'parts':[{'inlineData':"
              "{'mimeType':'image/png','data':'QUJD'}}]}}]}]}");
    const struct chat_part *content = dialect_case_part(c, 1, 0)->content;
    assert_str(content->text, "see");
    assert_int_equal(content->next->kind, CHAT_IMAGE);
}

static void keeps_signatures_but_no_placeholders(void **state)
{
    struct dialect_case *c = *state;

    decode(c,
           "{'contents':[{'role':'model','parts':[{'functionCall':{'name':'f'},'thoughtSignature':"
           "'QUJ+/A=='},{'functionCall':{'name':'f'},'thoughtSignature':"
           "'skip_thought_signature_validator'},{'functionCall':{'name':'f'},"
           "'thought_signature':'QUJ-_A=='},{'text':'t','thoughtSignature':'not base64!'}]}]}");
    assert_str(dialect_case_part(c, 0, 0)->signature, "QUJ+/A==");
    assert_str(dialect_case_part(c, 0, 1)->signature, "");
    assert_str(dialect_case_part(c, 0, 2)->signature, "QUJ+/A==");
    assert_str(dialect_case_part(c, 0, 3)->signature, "not base64!");
}

/* --- tools ------------------------------------------------------------------------------------- */

#define TOOLS                                                                                      \
    "'tools':[{'functionDeclarations':[{'name':'f','description':'d','parameters':{'type':"        \
    "'OBJECT'}},{'name':'g'},{'name':'h','parametersJsonSchema':{'$schema':'s'}}]}]"

static void decodes_tools(void **state)
{
    struct dialect_case *c = *state;

    decode(c, "{'contents':[" USER "]," TOOLS "}");
    assert_str(c->request.tools->name, "f");
    assert_str(c->request.tools->description, "d");
    assert_str(c->request.tools->schema, "{\"type\":\"object\"}");
    assert_int_equal(c->request.tools->strict, -1);
    assert_str(c->request.tools->next->schema, "");
    assert_str(c->request.tools->next->next->schema, "{\"$schema\":\"s\"}");
}

static size_t count_tools(const struct dialect_case *c)
{
    size_t n = 0;
    for (const struct chat_tool *t = c->request.tools; t; t = t->next)
        n++;
    return n;
}

static void decodes_choices(void **state)
{
    static const struct {
        const char *config;
        enum chat_choice choice;
        const char *name;
        size_t tools;
    } rows[] = {
        {"{'mode':'AUTO'}", CHAT_CHOICE_AUTO, "", 3},
        {"{'mode':'NONE'}", CHAT_CHOICE_NONE, "", 3},
        {"{'mode':'ANY'}", CHAT_CHOICE_REQUIRED, "", 3},
        {"{'mode':'ANY','allowedFunctionNames':[]}", CHAT_CHOICE_REQUIRED, "", 3},
        {"{'mode':'ANY','allowedFunctionNames':['g']}", CHAT_CHOICE_ONE, "g", 3},
        {"{'mode':'ANY','allowedFunctionNames':['h','f']}", CHAT_CHOICE_REQUIRED, "", 2},
        {"{'mode':'VALIDATED','allowedFunctionNames':['h']}", CHAT_CHOICE_AUTO, "", 1},
    };
    struct dialect_case *c = *state;
    char body[512];

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        snprintf(body, sizeof body,
                 "{'contents':[" USER "]," TOOLS ",'toolConfig':{'functionCallingConfig':%s}}",
                 rows[i].config);
        decode(c, body);
        assert_int_equal(c->request.choice, rows[i].choice);
        assert_str(c->request.choice_name, rows[i].name);
        assert_int_equal(count_tools(c), rows[i].tools);
    }
    dialect_case_dropped(c, "functionCallingConfig.VALIDATED");
}

/* --- refusals ---------------------------------------------------------------------------------- */

static void names_the_field_that_is_wrong(void **state)
{
    static const struct {
        const char *body, *param;
    } rows[] = {
        {"{}", "contents"},
        {"{'contents':'hi'}", "contents"},
        {"{'contents':[]}", "contents"},
        {"{'contents':[{'role':'user','parts':[]}]}", "contents"},
        {"{'contents':[{'role':'assistant','parts':[{'text':'a'}]}]}", "contents[0].role"},
        {"{'contents':[{'parts':[{'text':1}]}]}", "contents[0].parts[0].text"},
        {"{'contents':[{'parts':['a']}]}", "contents[0].parts[0]"},
        {"{'contents':[{'parts':[{}]}]}", "contents[0].parts[0]"},
        {"{'contents':[{'parts':[{'functionCall':{'name':'f'}}]}]}", "contents[0].parts[0]"},
        {"{'contents':[{'role':'model','parts':[{'functionCall':{}}]}]}",
         "contents[0].parts[0].functionCall.name"},
        {"{'contents':[{'role':'model','parts':[{'functionCall':{'name':'f','args':'x'}}]}]}",
         "contents[0].parts[0].functionCall.args"},
        {"{'contents':[{'parts':[{'functionResponse':{'name':'f','response':'x'}}]}]}",
         "contents[0].parts[0].functionResponse.response"},
        {"{'contents':[{'parts':[{'inlineData':{'data':'QQ=='}}]}]}",
         "contents[0].parts[0].inlineData.mimeType"},
        {"{'contents':[{'parts':[{'fileData':{'mimeType':'image/png','fileUri':'/etc/x'}}]}]}",
         "contents[0].parts[0].fileData.fileUri"},
        {"{'contents':[" USER "],'generationConfig':{'candidateCount':9}}",
         "generationConfig.candidateCount"},
        {"{'contents':[" USER "],'generationConfig':{'thinkingConfig':{'thinkingLevel':'LOTS'}}}",
         "generationConfig.thinkingConfig.thinkingLevel"},
        {"{'contents':[" USER "],'tools':[{'functionDeclarations':[{}]}]}",
         "tools[0].functionDeclarations[0].name"},
        {"{'contents':[" USER "]," TOOLS ",'toolConfig':{'functionCallingConfig':{'mode':'X'}}}",
         "toolConfig.functionCallingConfig.mode"},
        {"{'contents':[" USER "]," TOOLS ",'toolConfig':{'functionCallingConfig':{'mode':'ANY',"
         "'allowedFunctionNames':['nope']}}}",
         "toolConfig.functionCallingConfig.allowedFunctionNames"},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        dialect_case_refuse(*state, rows[i].body, rows[i].param, CHAT_ERROR_INVALID);
}

static void refuses_what_cannot_be_translated(void **state)
{
    static const struct {
        const char *body, *param;
    } rows[] = {
        {"{'contents':[" USER "],'cachedContent':'cachedContents/1'}", "cachedContent"},
        {"{'contents':[" USER "],'generationConfig':{'responseModalities':['TEXT','IMAGE']}}",
         "generationConfig.responseModalities[1]"},
        {"{'contents':[{'parts':[{'inlineData':{'mimeType':'video/mp4','data':'QQ=='}}]}]}",
         "contents[0].parts[0].inlineData.mimeType"},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        dialect_case_refuse(*state, rows[i].body, rows[i].param, CHAT_ERROR_UNSUPPORTED);
}

/* --- streams ----------------------------------------------------------------------------------- */

static const struct chat_usage usage = {.input = 10, .cache_read = 4, .output = 7, .reasoning = 5};

#define USAGE                                                                                      \
    ",'usageMetadata':{'promptTokenCount':10,'candidatesTokenCount':2,'thoughtsTokenCount':5,"     \
    "'cachedContentTokenCount':4,'totalTokenCount':17}"

static void streams_text(void **state)
{
    struct dialect_case *c = *state;

    dialect_case_stream(c);
    dialect_case_start(c);
    dialect_case_open(c, 0, CHAT_BLOCK_TEXT);
    dialect_case_wrote(c, "");
    dialect_case_delta(c, 0, CHAT_BLOCK_TEXT, "Grü\"ß\n");
    dialect_case_wrote(c, CHUNK("{'text':'Grü\\'ß\\n'}"));
    dialect_case_delta(c, 0, CHAT_BLOCK_TEXT, " 👋");
    dialect_case_wrote(c, CHUNK("{'text':' 👋'}"));
    dialect_case_close(c, 0, CHAT_BLOCK_TEXT);
    dialect_case_usage(c, &usage);
    dialect_case_wrote(c, "");
    dialect_case_stop(c, CHAT_STOP_END);
    dialect_case_wrote(c, LAST("STOP", USAGE));
}

static void think_and_call(struct dialect_case *c)
{
    dialect_case_start(c);
    dialect_case_open(c, 0, CHAT_BLOCK_THINKING);
    dialect_case_delta(c, 0, CHAT_BLOCK_THINKING, "Hm");
    dialect_case_sign(c, 0, "QUJD");
    dialect_case_close(c, 0, CHAT_BLOCK_THINKING);
    dialect_case_call(c, 1, "id1", "f", "");
    dialect_case_delta(c, 1, CHAT_BLOCK_TOOL, "{\n\"a\":");
    dialect_case_delta(c, 1, CHAT_BLOCK_TOOL, "\"\\n\"}");
    dialect_case_close(c, 1, CHAT_BLOCK_TOOL);
    dialect_case_call(c, 2, "", "g", "RUZH");
    dialect_case_close(c, 2, CHAT_BLOCK_TOOL);
    dialect_case_stop(c, CHAT_STOP_TOOL);
}

/* base64 of: crlyt[{"thinking":"Hm","signature":"QUJD"}] */
#define KEPT "Y3JseXRbeyJ0aGlua2luZyI6IkhtIiwic2lnbmF0dXJlIjoiUVVKRCJ9XQ=="
#define CALL_F                                                                                     \
    "{'functionCall':{'id':'id1','name':'f','args':{ 'a':'\\n'}},'thoughtSignature':'" KEPT "'}"
#define CALL_G "{'functionCall':{'name':'g','args':{}},'thoughtSignature':'RUZH'}"

static void streams_thinking_and_whole_calls(void **state)
{
    struct dialect_case *c = *state;

    c->request.show_thinking = 1;
    dialect_case_stream(c);
    think_and_call(c);
    dialect_case_wrote(c, CHUNK("{'text':'Hm','thought':true}")
                              CHUNK("{'text':'','thought':true,'thoughtSignature':'Y3JseXNRVUpE'}")
                                  CHUNK(CALL_F) CHUNK(CALL_G) LAST("STOP", ""));
}

static void hides_thinking_that_nobody_asked_for(void **state)
{
    struct dialect_case *c = *state;

    c->request.show_thinking = 0;
    dialect_case_stream(c);
    think_and_call(c);
    dialect_case_wrote(c, CHUNK(CALL_F) CHUNK(CALL_G) LAST("STOP", ""));
}

static void shows_arguments_that_the_model_broke(void **state)
{
    struct dialect_case *c = *state;

    dialect_case_stream(c);
    dialect_case_start(c);
    dialect_case_call(c, 0, "i", "f", "");
    dialect_case_delta(c, 0, CHAT_BLOCK_TOOL, "{\"a\":");
    dialect_case_close(c, 0, CHAT_BLOCK_TOOL);
    dialect_case_wrote(c, CHUNK("{'functionCall':{'id':'i','name':'f','args':{'raw_arguments':"
                                "'{\\'a\\':'}}}"));
}

/* What a call brings back is the thinking in front of it, wherever the client lost it. */
static void takes_thinking_out_of_calls(void **state)
{
    struct dialect_case *c = *state;

    decode(c, "{'contents':[{'role':'model','parts':[{'text':'so'},{'functionCall':{'name':'f'},"
              "'thoughtSignature':'" KEPT "'},{'functionCall':{'name':'f'},'thoughtSignature':"
              "'" KEPT "'}]}]}");
    assert_int_equal(dialect_case_part(c, 0, 0)->kind, CHAT_THINKING);
    assert_str(dialect_case_part(c, 0, 0)->text, "Hm");
    assert_str(dialect_case_part(c, 0, 0)->signature, "QUJD");
    assert_str(dialect_case_part(c, 0, 1)->text, "so");
    assert_int_equal(dialect_case_part(c, 0, 2)->kind, CHAT_TOOL_CALL);
    assert_str(dialect_case_part(c, 0, 2)->signature, "");
    assert_int_equal(dialect_case_part(c, 0, 3)->kind, CHAT_THINKING);
    assert_int_equal(dialect_case_part(c, 0, 4)->kind, CHAT_TOOL_CALL);
    assert_null(dialect_case_part(c, 0, 4)->next);

    decode(c,
           "{'contents':[{'role':'model','parts':[{'text':'Hm','thought':true,'thoughtSignature':"
           "'QUJD'},{'functionCall':{'name':'f'},'thoughtSignature':'" KEPT "'}]}]}");
    assert_int_equal(dialect_case_part(c, 0, 0)->kind, CHAT_THINKING);
    assert_int_equal(dialect_case_part(c, 0, 1)->kind, CHAT_TOOL_CALL);
}

static void carries_redacted_thinking(void **state)
{
    struct dialect_case *c = *state;
    enum gemini_kept kind;

    c->request.show_thinking = 1;
    dialect_case_stream(c);
    dialect_case_start(c);
    dialect_case_push(c, &(struct chat_event){.kind = CHAT_EVENT_OPEN,
                                              .block = CHAT_BLOCK_REDACTED,
                                              .text = STR("secret")});
    dialect_case_close(c, 0, CHAT_BLOCK_REDACTED);
    dialect_case_wrote(c,
                       CHUNK("{'text':'','thought':true,'thoughtSignature':'Y3JseXJzZWNyZXQ='}"));
    assert_str(gemini_unpack(c->arena, STR("Y3JseXJzZWNyZXQ="), &kind), "secret");
    assert_int_equal(kind, GEMINI_REDACTED);
    decode(c, "{'contents':[{'role':'model','parts':[{'text':'','thought':true,'thoughtSignature':"
              "'Y3JseXJzZWNyZXQ='}]}]}");
    assert_int_equal(dialect_case_part(c, 0, 0)->kind, CHAT_REDACTED_THINKING);
    assert_str(dialect_case_part(c, 0, 0)->data, "secret");
}

static void packs_only_what_is_no_base64(void **state)
{
    static const char *const values[] = {
        "QUJD", "QUI=", "QQ==", "not base64", "crly_rs_gAAA", "QUJ", "QR==", "Y3JseXNhYmM=", "ü"};
    struct dialect_case *c = *state;
    enum gemini_kept kind;

    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        struct str shown = gemini_pack(c->arena, GEMINI_SIGNATURE, str_from(values[i]));
        assert_int_equal(str_is(shown, values[i]), i < 3);
        assert_str(gemini_unpack(c->arena, shown, &kind), values[i]);
        assert_int_equal(kind, GEMINI_SIGNATURE);
    }
    /* bytes that could not have come from JSON */
    assert_null(gemini_unpack(c->arena, STR("Y3JseXP/"), &kind).p);
}

/* Google's own thinking goes out bare, that of others in a packet, so that each comes back to its
   maker alone. */
static void tells_whose_thinking_it_was(void **state)
{
    static const struct {
        const char *signature, *shown;
    } rows[] = {{"crly_gs_QUJD", "QUJD"},
                {"QUJD", "Y3JseXNRVUpE"},
                {"crly_rs_gAAA", "Y3JseXNjcmx5X3JzX2dBQUE="},
                {"crly_gs_no base64", "Y3JseXNjcmx5X2dzX25vIGJhc2U2NA=="}};
    struct dialect_case *c = *state;
    enum gemini_kept kind;

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct str shown = gemini_pack_thought(c->arena, str_from(rows[i].signature));
        assert_str(shown, rows[i].shown);
        assert_str(gemini_unpack_thought(c->arena, shown, &kind), rows[i].signature);
    }
}

static void maps_every_stop(void **state)
{
    static const struct {
        enum chat_stop stop;
        const char *wrote;
    } rows[] = {
        {CHAT_STOP_END, LAST("STOP", "")},
        {CHAT_STOP_SEQUENCE, LAST("STOP", "")},
        {CHAT_STOP_TOOL, LAST("STOP", "")},
        {CHAT_STOP_LENGTH, LAST("MAX_TOKENS", "")},
        {CHAT_STOP_FILTER, LAST("SAFETY", "")},
        {CHAT_STOP_PAUSE, LAST("OTHER", "")},
        {CHAT_STOP_MALFORMED_CALL, LAST("MALFORMED_FUNCTION_CALL", "")},
        {CHAT_STOP_REFUSAL, LAST("SAFETY','finishMessage':'The model declined to answer.", "")},
        {CHAT_STOP_CONTEXT, LAST("MAX_TOKENS','finishMessage':'The context window is full.", "")},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        dialect_case_stream(*state);
        dialect_case_start(*state);
        dialect_case_stop(*state, rows[i].stop);
        dialect_case_wrote(*state, rows[i].wrote);
    }
}

static void counts_usage_once_for_several_candidates(void **state)
{
    struct dialect_case *c = *state;

    c->request.n = 2;
    dialect_case_stream(c);
    dialect_case_start(c);
    dialect_case_usage(c, &usage);
    dialect_case_stop(c, CHAT_STOP_END);
    dialect_case_wrote(c, LAST("STOP", ""));
    dialect_case_push(c, &(struct chat_event){.kind = CHAT_EVENT_STOP, .choice = 1});
    dialect_case_wrote(c, "data: {'candidates':[{'content':{'role':'model','parts':[{'text':''}]},"
                          "'finishReason':'STOP','index':1}]" USAGE TAIL);
}

static void tells_probabilities(void **state)
{
    struct dialect_case *c = *state;

    dialect_case_stream(c);
    dialect_case_start(c);
    dialect_case_open(c, 0, CHAT_BLOCK_TEXT);
    dialect_case_push(
        c,
        &(struct chat_event){
            .kind = CHAT_EVENT_DELTA,
            .block = CHAT_BLOCK_TEXT,
            .text = STR("a"),
            .logprobs = STR("[{\"token\":\"a\",\"logprob\":-0.10,\"bytes\":null,\"top_logprobs\":"
                            "[{\"token\":\"a\",\"logprob\":-0.10},{\"token\":\"b\"}]}]")});
    dialect_case_wrote(
        c, "data: {'candidates':[{'content':{'role':'model','parts':[{'text':'a'}]},"
           "'logprobsResult':{'topCandidates':[{'candidates':[{'token':'a','logProbability':-0.10},"
           "{'token':'b'}]}],'chosenCandidates':[{'token':'a','logProbability':-0.10}]},'index':0}"
           "]" TAIL);
}

static void a_long_stream_takes_no_memory_of_its_own(void **state)
{
    struct dialect_case *c = *state;

    c->request.show_thinking = 1;
    dialect_case_stream(c);
    dialect_case_start(c);
    dialect_case_block(c, 0, CHAT_BLOCK_TEXT, "x");
    size_t before = arena_used(c->arena);
    dialect_case_open(c, 1, CHAT_BLOCK_TEXT);
    for (int i = 0; i < 10000; i++) {
        dialect_case_delta(c, 1, CHAT_BLOCK_TEXT, "0123456789");
        buf_clear(&c->out);
    }
    assert_true(arena_used(c->arena) - before < 4096);
    dialect_case_close(c, 1, CHAT_BLOCK_TEXT);
    dialect_case_open(c, 2, CHAT_BLOCK_THINKING);
    for (int i = 0; i < 100000; i++) {
        dialect_case_delta(c, 2, CHAT_BLOCK_THINKING, "0123456789");
        buf_clear(&c->out);
    }
    assert_true(arena_used(c->arena) - before < 4 * GEMINI_KEPT_BYTES);
}

/* --- errors ------------------------------------------------------------------------------------ */

static void ends_a_failed_stream_with_an_error(void **state)
{
    struct dialect_case *c = *state;
    struct chat_error err;

    chat_error_set(&err, c->arena, CHAT_ERROR_RATE_LIMIT, "slow down");
    err.retry_after_ms = 1500;
    dialect_gemini_generate.stream_error(&err, STR("req_1"), &c->out);
    dialect_case_wrote(
        c,
        "data: {'error':{'code':429,'message':'slow down','status':'RESOURCE_EXHAUSTED','details':["
        "{'@type':'type.googleapis.com/google.rpc.RetryInfo','retryDelay':'2s'},"
        "{'@type':'type.googleapis.com/google.rpc.RequestInfo','requestId':'req_1'}]}}\r\n\r\n");
}

static void renders_errors(void **state)
{
    static const struct {
        enum chat_error_kind kind;
        const char *wrote;
    } rows[] = {
        {CHAT_ERROR_KEY, "{'error':{'code':401,'message':'m','status':'UNAUTHENTICATED'}}"},
        {CHAT_ERROR_PERMISSION,
         "{'error':{'code':403,'message':'m','status':'PERMISSION_DENIED'}}"},
        {CHAT_ERROR_NOT_FOUND, "{'error':{'code':404,'message':'m','status':'NOT_FOUND'}}"},
        {CHAT_ERROR_TOO_LARGE, "{'error':{'code':413,'message':'m','status':'INVALID_ARGUMENT'}}"},
        {CHAT_ERROR_INTERNAL, "{'error':{'code':500,'message':'m','status':'INTERNAL'}}"},
        {CHAT_ERROR_OVERLOADED, "{'error':{'code':503,'message':'m','status':'UNAVAILABLE'}}"},
        {CHAT_ERROR_TIMEOUT, "{'error':{'code':504,'message':'m','status':'DEADLINE_EXCEEDED'}}"},
    };
    struct dialect_case *c = *state;
    struct chat_error err;

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        chat_error_set(&err, c->arena, rows[i].kind, "m");
        dialect_gemini_generate.error(&err, STR_NONE, &c->out);
        dialect_case_wrote(c, rows[i].wrote);
    }
    chat_error_field(&err, c->arena, CHAT_ERROR_INVALID, "a.b", "bad");
    dialect_gemini_generate.error(&err, STR_NONE, &c->out);
    dialect_case_wrote(c, "{'error':{'code':400,'message':'bad','status':'INVALID_ARGUMENT',"
                          "'details':[{'@type':'type.googleapis.com/google.rpc.BadRequest',"
                          "'fieldViolations':[{'field':'a.b','description':'bad'}]}]}}");
}

/* --- whole answers ------------------------------------------------------------------------------- */

static void renders_every_block(void **state)
{
    struct dialect_case *c = *state;

    c->request.show_thinking = 1;
    dialect_case_whole(c);
    dialect_case_start(c);
    dialect_case_open(c, 0, CHAT_BLOCK_THINKING);
    dialect_case_delta(c, 0, CHAT_BLOCK_THINKING, "Hm");
    dialect_case_sign(c, 0, "QUJD");
    dialect_case_close(c, 0, CHAT_BLOCK_THINKING);
    dialect_case_block(c, 1, CHAT_BLOCK_TEXT, "so");
    dialect_case_call(c, 2, "id1", "f", "");
    dialect_case_delta(c, 2, CHAT_BLOCK_TOOL, "{ \"a\":\"\\n\"}");
    dialect_case_close(c, 2, CHAT_BLOCK_TOOL);
    dialect_case_block(c, 3, CHAT_BLOCK_REFUSAL, "no");
    dialect_case_usage(c, &usage);
    dialect_case_stop(c, CHAT_STOP_TOOL);
    dialect_case_rendered(
        c, "{'candidates':[{'content':{'role':'model','parts':[{'text':'Hm','thought':true,"
           "'thoughtSignature':'Y3JseXNRVUpE'},{'text':'so'}," CALL_F
           ",{'text':'no'}]},'finishReason':'STOP','index':0}]" USAGE
           ",'modelVersion':'m','responseId':'abc1'}");
}

static void renders_several_candidates(void **state)
{
    struct dialect_case *c = *state;

    c->request.n = 2;
    dialect_case_whole(c);
    dialect_case_start(c);
    dialect_case_block(c, 0, CHAT_BLOCK_TEXT, "one");
    dialect_case_stop(c, CHAT_STOP_END);
    dialect_case_push(
        c, &(struct chat_event){.kind = CHAT_EVENT_STOP, .choice = 1, .stop = CHAT_STOP_LENGTH});
    dialect_case_rendered(
        c, "{'candidates':[{'content':{'role':'model','parts':[{'text':'one'}]},'finishReason':"
           "'STOP','index':0},{'content':{'role':'model','parts':[]},'finishReason':'MAX_TOKENS',"
           "'index':1}],'modelVersion':'m','responseId':'abc1'}");
}

static void counts_tokens(void **state)
{
    struct dialect_case *c = *state;

    dialect_gemini_generate.count(42, &c->out);
    dialect_case_wrote(c, "{'totalTokens':42,'promptTokensDetails':[{'modality':'TEXT',"
                          "'tokenCount':42}]}");
}

/* --- embeddings ---------------------------------------------------------------------------------- */

static status decode_embed(struct dialect_case *c, const struct dialect_embed *embed,
                           const char *body, struct embed_request *out)
{
    struct jspan *tree;
    char *copy = arena_cstr(c->arena, str_from(body));

    for (char *p = copy; *p; p++)
        *p = *p == '\'' ? '"' : *p;
    c->dropped = (struct dropped){.arena = c->arena};
    assert_int_equal(jspan_parse(c->arena, str_from(copy), &tree, NULL), OK);
    return embed->decode(c->arena, tree, out, &c->dropped, &c->error);
}

static void embeds_one(void **state)
{
    struct dialect_case *c = *state;
    struct embed_vector v = {.numbers = STR("[0.10, 2e-1]")};
    struct embed_answer answer = {.vectors = &v, .tokens = 3};
    struct embed_request r;

    assert_int_equal(decode_embed(c, &embed_gemini_one,
                                  "{'model':'models/m','content':{'parts':[{'text':'a'},{'text':"
                                  "'b'}]},'task_type':'RETRIEVAL_QUERY','title':'t',"
                                  "'outputDimensionality':2}",
                                  &r),
                     OK);
    assert_int_equal(r.count, 1);
    assert_str(r.inputs->text, "a\nb");
    assert_str(r.input_type, "query");
    assert_int_equal(r.dimensions, 2);
    assert_str(r.inputs->title, "t");
    dialect_case_dropped(c, "");
    assert_int_equal(embed_gemini_one.render(c->arena, &r, &answer, &c->out), OK);
    dialect_case_wrote(c, "{'embedding':{'values':[0.10, 2e-1]},'usageMetadata':{"
                          "'promptTokenCount':3,'totalTokenCount':3}}");
}

static void embeds_an_image(void **state)
{
    struct dialect_case *c = *state;
    struct embed_request r;

    assert_int_equal(decode_embed(c, &embed_gemini_one,
                                  "{'content':{'parts':[{'text':'a'},{'inlineData':{'mimeType':"
                                  "'image/png','data':'AAAA'}},{'text':'b'}]}}",
                                  &r),
                     OK);
    assert_str(r.inputs->text, "a\nb");
    assert_str(r.inputs->image, "AAAA");
    assert_int_equal(decode_embed(c, &embed_gemini_one,
                                  "{'content':{'parts':[{'inlineData':{'mimeType':'image/png',"
                                  "'data':'AAAA'}},{'inlineData':{'mimeType':'image/png',"
                                  "'data':'BBBB'}}]}}",
                                  &r),
                     E_SYNTAX);
    assert_int_equal(decode_embed(c, &embed_gemini_one,
                                  "{'content':{'parts':[{'inlineData':{'mimeType':"
                                  "'application/pdf','data':'AAAA'}}]}}",
                                  &r),
                     E_SYNTAX);
}

static void embeds_a_batch(void **state)
{
    struct dialect_case *c = *state;
    struct embed_vector second = {.numbers = STR("[2]")};
    struct embed_vector first = {.numbers = STR("[1]"), .next = &second};
    struct embed_answer answer = {.vectors = &first, .tokens = -1};
    struct embed_request r;

    assert_int_equal(
        decode_embed(c, &embed_gemini_batch,
                     "{'requests':[{'model':'models/m','content':{'parts':{'text':'a'}},"
                     "'taskType':'CLUSTERING'},{'content':{'parts':[{'text':'b'}]},"
                     "'taskType':'CLUSTERING'}]}",
                     &r),
        OK);
    assert_int_equal(r.count, 2);
    assert_str(r.inputs->next->text, "b");
    assert_str(r.input_type, "CLUSTERING");
    assert_int_equal(embed_gemini_batch.render(c->arena, &r, &answer, &c->out), OK);
    dialect_case_wrote(c, "{'embeddings':[{'values':[1]},{'values':[2]}]}");
}

static void refuses_what_cannot_be_embedded(void **state)
{
    struct dialect_case *c = *state;
    struct embed_request r;

    assert_int_equal(decode_embed(c, &embed_gemini_one, "{}", &r), E_SYNTAX);
    assert_str(c->error.param, "content");
    assert_int_equal(decode_embed(c, &embed_gemini_one, "{'content':{'parts':[]}}", &r), E_SYNTAX);
    assert_str(c->error.param, "content.parts");
    assert_int_equal(decode_embed(c, &embed_gemini_batch, "{'requests':[]}", &r), E_SYNTAX);
    assert_str(c->error.param, "requests");
    assert_int_equal(decode_embed(c, &embed_gemini_batch,
                                  "{'requests':[{'content':{'parts':{'text':'a'}}},{'content':{"
                                  "'parts':{'text':'a'}},'outputDimensionality':3}]}",
                                  &r),
                     E_SYNTAX);
    assert_str(c->error.param, "requests[1]");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        TEST(decodes_every_option),
        TEST(decodes_snake_case_as_well),
        TEST(leaves_the_unsaid_unset),
        TEST(decodes_how_much_to_think),
        TEST(decodes_schemas_of_both_kinds),
        TEST(declares_what_only_google_has),
        TEST(decodes_contents_in_every_form),
        TEST(decodes_the_system_in_every_form),
        TEST(decodes_media),
        TEST(puts_the_pieces_of_a_stream_together),
        TEST(matches_responses_by_id),
        TEST(matches_responses_by_name_and_order),
        TEST(decodes_media_of_responses),
        TEST(keeps_signatures_but_no_placeholders),
        TEST(decodes_tools),
        TEST(decodes_choices),
        TEST(names_the_field_that_is_wrong),
        TEST(refuses_what_cannot_be_translated),
        TEST(streams_text),
        TEST(streams_thinking_and_whole_calls),
        TEST(hides_thinking_that_nobody_asked_for),
        TEST(shows_arguments_that_the_model_broke),
        TEST(takes_thinking_out_of_calls),
        TEST(carries_redacted_thinking),
        TEST(packs_only_what_is_no_base64),
        TEST(tells_whose_thinking_it_was),
        TEST(maps_every_stop),
        TEST(counts_usage_once_for_several_candidates),
        TEST(tells_probabilities),
        TEST(a_long_stream_takes_no_memory_of_its_own),
        TEST(ends_a_failed_stream_with_an_error),
        TEST(renders_errors),
        TEST(renders_every_block),
        TEST(renders_several_candidates),
        TEST(counts_tokens),
        TEST(embeds_one),
        TEST(embeds_an_image),
        TEST(embeds_a_batch),
        TEST(refuses_what_cannot_be_embedded),
    };

    return cmocka_run_group_tests_name("gemini_generate", tests, NULL, NULL);
}

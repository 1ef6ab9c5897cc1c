/*
 * The specification's schemas, in a small language of JSON: objects are closed, "of" names a
 * definition, "one" lists alternatives.
 */
#include "json.h"
#include "orchestration.h"

#include <string.h>

/* clang-format off */
static const char definitions[] =
"{'completion':{'props':{'config':'config','placeholder_values':{'map':'text'},"
  "'messages_history':{'list':'message'}},'need':['config']},"
"'config':{'props':{'modules':'modules','stream':'stream'},'need':['modules']},"
"'stream':{'props':{'enabled':'bool','chunk_size':{'int':[1,10000]},"
  "'delimiters':{'list':'text','min':1}}},"
"'modules':{'props':{'prompt_templating':'templating','filtering':'filtering','masking':'masking',"
  "'grounding':'grounding','translation':'translation'},'need':['prompt_templating']},"
"'templating':{'props':{'prompt':{'one':['template','template_ref']},'model':'model'},"
  "'need':['prompt','model']},"
"'model':{'props':{'name':'text','version':'text','params':'any','timeout':{'int':[1,1200]},"
  "'max_retries':{'int':[0,5]}},'need':['name']},"
"'template':{'props':{'template':{'list':'message','min':1},'defaults':{'map':'text'},"
  "'response_format':'format','tools':{'list':'tool'}},'need':['template']},"
"'template_ref':{'props':{'template_ref':{'one':["
  "{'props':{'id':'text','scope':'text'},'need':['id']},"
  "{'props':{'scenario':'text','name':'text','version':'text','scope':'text'},"
   "'need':['scenario','name','version']}]}},'need':['template_ref']},"
"'format':{'one':[{'props':{'type':{'word':['text','json_object']}},'need':['type']},"
  "{'props':{'type':{'word':['json_schema']},'json_schema':{'props':{'name':'text',"
   "'description':'text','schema':'any','strict':'bool'},'need':['name']}},"
   "'need':['type','json_schema']}]},"
"'tool':{'props':{'type':{'word':['function']},'function':{'props':{'name':'text',"
  "'description':'text','parameters':'any','strict':'bool'},'need':['name']},"
  "'cache_control':'cache'},'need':['type','function']},"
"'cache':{'props':{'type':{'word':['ephemeral']},'ttl':{'word':['5m','1h']}},'need':['type']},"
"'part':{'props':{'type':{'word':['text']},'text':'text','cache_control':'cache'},"
  "'need':['type','text']},"
"'content':{'one':['text',{'list':'part','min':1}]},"
"'user_part':{'one':['part',"
  "{'props':{'type':{'word':['image_url']},'image_url':{'props':{'url':'text','detail':'text'},"
   "'need':['url']},'cache_control':'cache'},'need':['type','image_url']},"
  "{'props':{'type':{'word':['file']},'file':{'props':{'file_data':'text','filename':'text'},"
   "'need':['file_data']},'cache_control':'cache'},'need':['type','file']}]},"
"'message':{'one':["
  "{'props':{'role':{'word':['system','developer']},'content':'content'},"
   "'need':['role','content']},"
  "{'props':{'role':{'word':['user']},'content':{'one':['text',{'list':'user_part','min':1}]}},"
   "'need':['role','content']},"
  "{'props':{'role':{'word':['assistant']},'content':'content','refusal':'text',"
   "'tool_calls':{'list':'call'},'reasoning_content':{'list':{'props':{'content':'text',"
   "'signature':'text'}}}},'need':['role']},"
  "{'props':{'role':{'word':['tool']},'tool_call_id':'text','content':'content'},"
   "'need':['role','content','tool_call_id']}]},"
"'call':{'props':{'id':'text','type':{'word':['function']},'function':{'props':{'name':'text',"
  "'arguments':'text'},'need':['name','arguments']}},'need':['id','type','function']},"
"'masking':{'props':{'providers':{'list':'dpi','min':1}},'need':['providers']},"
"'dpi':{'props':{'type':{'word':['sap_data_privacy_integration']},"
  "'method':{'word':['anonymization','pseudonymization']},'entities':{'list':'entity','min':1},"
  "'allowlist':{'list':'text'},'mask_grounding_input':{'props':{'enabled':'bool'}}},"
  "'need':['type','method','entities']},"
"'entity':{'one':[{'props':{'type':{'word':['profile-person','profile-org','profile-university',"
  "'profile-location','profile-email','profile-phone','profile-address','profile-sapids-internal',"
  "'profile-sapids-public','profile-url','profile-username-password','profile-nationalid',"
  "'profile-iban','profile-ssn','profile-credit-card-number','profile-passport',"
  "'profile-driverlicense','profile-nationality','profile-religious-group',"
  "'profile-political-group','profile-pronouns-gender','profile-ethnicity','profile-gender',"
  "'profile-sexual-orientation','profile-trade-union','profile-sensitive-data']},"
  "'replacement_strategy':{'one':['constant',{'props':{'method':{'word':['fabricated_data']}},"
   "'need':['method']}]}},'need':['type']},"
  "{'props':{'regex':'text','replacement_strategy':'constant'},"
   "'need':['regex','replacement_strategy']}]},"
"'constant':{'props':{'method':{'word':['constant']},'value':'text'},'need':['method','value']},"
"'severity':{'word':[0,2,4,6]},"
"'azure_in':{'props':{'type':{'word':['azure_content_safety']},'config':{'props':{"
  "'hate':'severity','self_harm':'severity','sexual':'severity','violence':'severity',"
  "'prompt_shield':'bool'}}},'need':['type']},"
"'azure_out':{'props':{'type':{'word':['azure_content_safety']},'config':{'props':{"
  "'hate':'severity','self_harm':'severity','sexual':'severity','violence':'severity',"
  "'protected_material_code':'bool'}}},'need':['type']},"
"'llama':{'props':{'type':{'word':['llama_guard_3_8b']},'config':{'props':{"
  "'violent_crimes':'bool','non_violent_crimes':'bool','sex_crimes':'bool',"
  "'child_exploitation':'bool','defamation':'bool','specialized_advice':'bool','privacy':'bool',"
  "'intellectual_property':'bool','indiscriminate_weapons':'bool','hate':'bool','self_harm':'bool',"
  "'sexual_content':'bool','elections':'bool','code_interpreter_abuse':'bool'},'need':[]}},"
  "'need':['type','config']},"
"'filtering':{'props':{'input':{'props':{'filters':{'list':{'one':['azure_in','llama']},'min':1}},"
  "'need':['filters']},'output':{'props':{'filters':{'list':{'one':['azure_out','llama']},'min':1},"
  "'stream_options':{'props':{'overlap':{'int':[0,10000]}}}},'need':['filters']}}},"
"'grounding':{'props':{'type':{'word':['document_grounding_service']},'config':{'props':{"
  "'filters':{'list':'any'},'placeholders':{'props':{'input':{'list':'text','min':1},"
  "'output':'text'},'need':['input','output']},'metadata_params':{'list':'text'}},"
  "'need':['placeholders']}},'need':['type','config']},"
"'translation':{'props':{'input':'translator','output':'translator'}},"
"'translator':{'props':{'type':{'word':['sap_document_translation']},"
  "'translate_messages_history':'bool','config':{'props':{'source_language':'text',"
  "'target_language':'any','apply_to':{'list':'any','min':1}},'need':['target_language']}},"
  "'need':['type','config']},"
"'embeddings':{'props':{'config':{'props':{'modules':{'props':{'embeddings':{'props':{"
  "'model':{'props':{'name':'text','version':'text','params':{'props':{"
  "'dimensions':{'int':[1,100000]},'encoding_format':{'word':['float','base64','binary']},"
  "'normalize':'bool'}},'timeout':{'int':[1,600]},'max_retries':{'int':[0,5]}},"
  "'need':['name']}},'need':['model']},'masking':'masking'},'need':['embeddings']}},"
  "'need':['modules']},'input':{'props':{'text':{'one':['text',{'list':'text','min':1}]},"
  "'type':{'word':['text','document','query']}},'need':['text']}},'need':['config','input']}}";
/* clang-format on */

struct check {
    struct pool *pool;
    const cJSON *all;
};

static const char *fault(struct check *k, const cJSON *schema, const cJSON *value);

static bool word_good(const cJSON *words, const cJSON *value)
{
    const cJSON *word;

    cJSON_ArrayForEach(word, words)
    {
        if (cJSON_Compare(word, value, true))
            return true;
    }
    return false;
}

static const char *object_fault(struct check *k, const cJSON *schema, const cJSON *value)
{
    const cJSON *need, *member, *props = json_get(schema, "props");
    const char *why;

    if (!cJSON_IsObject(value))
        return pool_printf(k->pool, "%s is not of type 'object'", json_text(k->pool, value));
    cJSON_ArrayForEach(need, json_get(schema, "need"))
    {
        if (!cJSON_GetObjectItemCaseSensitive(value, need->valuestring))
            return pool_printf(k->pool, "'%s' is a required property", need->valuestring);
    }
    cJSON_ArrayForEach(member, value)
    {
        const cJSON *of = cJSON_GetObjectItemCaseSensitive(props, member->string);
        if (!of)
            return pool_printf(k->pool,
                               "Additional properties are not allowed ('%s' was unexpected)",
                               member->string);
        why = fault(k, of, member);
        if (why)
            return why;
    }
    return NULL;
}

static const char *elements_fault(struct check *k, const cJSON *of, const cJSON *value, bool list,
                                  int least)
{
    const cJSON *element;
    const char *why = NULL;

    if (list ? !cJSON_IsArray(value) : !cJSON_IsObject(value))
        return pool_printf(k->pool, "%s is not of type '%s'", json_text(k->pool, value),
                           list ? "array" : "object");
    if (cJSON_GetArraySize(value) < least)
        return "[] should be non-empty";
    cJSON_ArrayForEach(element, value)
    {
        if (!why)
            why = fault(k, of, element);
    }
    return why;
}

static const char *simple_fault(struct check *k, const char *type, const cJSON *value)
{
    bool good = !strcmp(type, "any") || (!strcmp(type, "text") && cJSON_IsString(value)) ||
                (!strcmp(type, "bool") && cJSON_IsBool(value));

    if (good)
        return NULL;
    return pool_printf(k->pool, "%s is not of type '%s'", json_text(k->pool, value),
                       !strcmp(type, "text") ? "string" : "boolean");
}

static const char *one_fault(struct check *k, const cJSON *list, const cJSON *value)
{
    const cJSON *alternative;
    const char *why = NULL;

    cJSON_ArrayForEach(alternative, list)
    {
        why = fault(k, alternative, value);
        if (!why)
            return NULL;
    }
    return pool_printf(
        k->pool, "%s is not valid under any of the given schemas: %s",
        pool_copy(k->pool, json_text(k->pool, value), strnlen(json_text(k->pool, value), 300)),
        why);
}

static const char *number_fault(struct check *k, const cJSON *range, const cJSON *value)
{
    double n = value->valuedouble;

    if (cJSON_IsNumber(value) && n == (double)(long)n && n >= range->child->valuedouble &&
        n <= range->child->next->valuedouble)
        return NULL;
    return pool_printf(k->pool, "%s is not an integer from %g to %g", json_text(k->pool, value),
                       range->child->valuedouble, range->child->next->valuedouble);
}

static const char *fault(struct check *k, const cJSON *schema, const cJSON *value)
{
    if (cJSON_IsString(schema)) {
        const cJSON *named = json_get(k->all, schema->valuestring);
        return named ? fault(k, named, value) : simple_fault(k, schema->valuestring, value);
    }
    if (json_get(schema, "one"))
        return one_fault(k, json_get(schema, "one"), value);
    if (json_get(schema, "list"))
        return elements_fault(k, json_get(schema, "list"), value, true,
                              (int)json_num(schema, "min", 0));
    if (json_get(schema, "map"))
        return elements_fault(k, json_get(schema, "map"), value, false, 0);
    if (json_get(schema, "int"))
        return number_fault(k, json_get(schema, "int"), value);
    if (json_get(schema, "word") && !word_good(json_get(schema, "word"), value))
        return pool_printf(k->pool, "%s is not one of %s", json_text(k->pool, value),
                           json_text(k->pool, json_get(schema, "word")));
    return json_get(schema, "word") ? NULL : object_fault(k, schema, value);
}

const char *orchestration_fault(struct pool *pool, const char *schema, const cJSON *body)
{
    char *text = pool_copy(pool, definitions, sizeof definitions - 1), *at;
    struct check k = {pool, NULL};

    for (at = text; *at; at++)
        if (*at == '\'')
            *at = '"';
    k.all = pool_keep(pool, cJSON_Parse(text));
    return fault(&k, json_get(k.all, schema), body);
}

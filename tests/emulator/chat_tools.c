/* Validation of tools, tool_choice and response_format of chat completions. See chat.h. */
#include "chat.h"
#include "inference.h"
#include "json.h"

#include <stdio.h>
#include <string.h>

enum { MAX_TOOLS = 128 };

/* Strict schemas: every object closed, every property required. NULL or what is wrong. */
static const char *strict_fault(const cJSON *schema, int depth)
{
    const cJSON *properties = json_get(schema, "properties"), *item;
    const char *fault = NULL, *type = json_str(schema, "type");

    if (depth > 32)
        return "nested too deeply";
    if ((type && !strcmp(type, "object")) || properties) {
        if (!cJSON_IsFalse(json_get(schema, "additionalProperties")))
            return "'additionalProperties' is required to be supplied and to be false.";
        if (cJSON_GetArraySize(json_get(schema, "required")) != cJSON_GetArraySize(properties))
            return "'required' is required to be supplied and to be an array including every key "
                   "in properties.";
    }
    cJSON_ArrayForEach(item, properties)
    {
        if (!fault)
            fault = strict_fault(item, depth + 1);
    }
    if (!fault && json_get(schema, "items"))
        fault = strict_fault(json_get(schema, "items"), depth + 1);
    return fault;
}

bool chat_parameters_good(struct exchange *x, const cJSON *function, const char *param)
{
    const cJSON *schema = json_get(function, "parameters");
    const char *name = json_str(function, "name"), *type = json_str(schema, "type"), *fault;

    if (!schema)
        return true;
    if (!type || strcmp(type, "object"))
        return chat_bad(x, "invalid_function_parameters", param,
                        "Invalid schema for function '%s': schema must be a JSON Schema of 'type: "
                        "\"object\"', got 'type: \"%s\"'.",
                        name, type ? type : "None");
    fault = json_true(function, "strict") ? strict_fault(schema, 0) : NULL;
    if (fault)
        return chat_bad(x, "invalid_function_parameters", param,
                        "Invalid schema for function '%s': In context=(), %s", name, fault);
    return true;
}

static bool read_tool(struct exchange *x, struct convo *c, const cJSON *tool, int i)
{
    static const char *const known[] = {"type", "function", NULL};
    static const char *const function_known[] = {"name", "description", "parameters", "strict",
                                                 NULL};
    const cJSON *function = json_get(tool, "function");
    const char *type = json_str(tool, "type"), *name = json_str(function, "name");
    const char *param = pool_printf(&x->pool, "tools[%d]", i);
    const cJSON *extra = json_unknown(tool, known);

    if (!type || strcmp(type, "function"))
        return chat_bad(x, "invalid_value", param,
                        "Invalid value: '%s'. Supported values are: 'function'.",
                        type ? type : "null");
    if (!extra)
        extra = json_unknown(function, function_known);
    if (extra)
        return chat_bad(x, "unknown_parameter", param, "Unknown parameter: '%s.%s'.", param,
                        extra->string);
    if (!name || !name_matches(name, "_-", 64))
        return chat_bad(x, "invalid_value", param,
                        "Invalid '%s.function.name': string does not match pattern. Expected a "
                        "string that matches the pattern '^[a-zA-Z0-9_-]+$'.",
                        param);
    if (!chat_parameters_good(x, function, param))
        return false;
    convo_offer(c, name, json_get(function, "parameters"));
    return true;
}

static bool choose_named(struct exchange *x, struct convo *c, const cJSON *choice)
{
    static const char *const known[] = {"type", "function", NULL};
    const char *type = json_str(choice, "type");
    const char *name = json_str(json_get(choice, "function"), "name");

    if (!type || strcmp(type, "function") || !name || json_unknown(choice, known))
        return chat_bad(x, "invalid_value", "tool_choice", "Invalid value for 'tool_choice'.");
    if (!convo_offered(c, name))
        return chat_bad(x, "invalid_value", "tool_choice",
                        "Tool choice 'function' %s not found in 'tools' parameter.", name);
    c->tool_forced = true;
    c->tool_forced_name = name;
    return true;
}

static bool read_choice(struct exchange *x, struct convo *c)
{
    static const char *const words[] = {"none", "auto", "required", "any", NULL};
    const cJSON *choice = json_get(x->json, "tool_choice");
    const char *word = cJSON_IsString(choice) ? choice->valuestring : NULL;

    if (!choice)
        return true;
    if (!c->tools)
        return chat_bad(x, "invalid_value", "tool_choice",
                        "Invalid value for 'tool_choice': 'tool_choice' is only allowed when "
                        "'tools' are specified.");
    if (cJSON_IsObject(choice))
        return choose_named(x, c, choice);
    if (!word_in(word, words) || (x->family == &azure_family && !strcmp(word, "any")))
        return chat_bad(x, "invalid_value", "tool_choice",
                        "Invalid value: '%s'. Supported values are: 'none', 'auto', and "
                        "'required'.",
                        word ? word : "?");
    c->tools_off = !strcmp(word, "none");
    c->tool_forced = !strcmp(word, "required") || !strcmp(word, "any");
    return true;
}

bool chat_read_tools(struct exchange *x, struct convo *c)
{
    const cJSON *tools = json_get(x->json, "tools"), *tool;
    int i = 0, n = cJSON_GetArraySize(tools);

    if (tools && (!cJSON_IsArray(tools) || n == 0))
        return chat_bad(x, "empty_array", "tools", "[] is too short - 'tools'");
    if (n > MAX_TOOLS)
        return chat_bad(x, "array_above_max_length", "tools",
                        "Invalid 'tools': array too long. Expected an array with maximum length "
                        "%d, but got an array with length %d instead.",
                        MAX_TOOLS, n);
    cJSON_ArrayForEach(tool, tools)
    {
        if (!read_tool(x, c, tool, i++))
            return false;
    }
    if (json_get(x->json, "parallel_tool_calls") && !tools)
        return chat_bad(x, "invalid_value", "parallel_tool_calls",
                        "Invalid value for 'parallel_tool_calls': 'parallel_tool_calls' is only "
                        "allowed when 'tools' are specified.");
    c->single_call = cJSON_IsFalse(json_get(x->json, "parallel_tool_calls"));
    return read_choice(x, c);
}

static bool read_schema_format(struct exchange *x, struct convo *c, const cJSON *format)
{
    static const char *const known[] = {"name", "schema", "strict", "description", NULL};
    const cJSON *wrapped = json_get(format, "json_schema"), *schema = json_get(wrapped, "schema");
    const char *name = json_str(wrapped, "name"), *fault;

    if (!name || !name_matches(name, "_-", 64))
        return chat_bad(x, "missing_required_parameter", "response_format.json_schema.name",
                        "Missing required parameter: 'response_format.json_schema.name'.");
    if (json_unknown(wrapped, known))
        return chat_bad(x, "unknown_parameter", "response_format.json_schema",
                        "Unknown parameter: 'response_format.json_schema.%s'.",
                        json_unknown(wrapped, known)->string);
    fault = json_true(wrapped, "strict") ? strict_fault(schema, 0) : NULL;
    if (fault)
        return chat_bad(x, NULL, "response_format",
                        "Invalid schema for response_format '%s': In context=(), %s", name, fault);
    c->schema = schema;
    return true;
}

bool chat_read_format(struct exchange *x, struct convo *c)
{
    static const char *const known[] = {"type", "json_schema", NULL};
    const cJSON *format = json_get(x->json, "response_format");
    const char *type = json_str(format, "type");

    if (!format)
        return true;
    if (json_unknown(format, known))
        return chat_bad(x, "unknown_parameter", "response_format",
                        "Unknown parameter: 'response_format.%s'.",
                        json_unknown(format, known)->string);
    if (type && !strcmp(type, "json_schema"))
        return read_schema_format(x, c, format);
    c->json_mode = type && !strcmp(type, "json_object");
    if (c->json_mode && !convo_mentions_json(c))
        return chat_bad(x, NULL, "messages",
                        "'messages' must contain the word 'json' in some form, to use "
                        "'response_format' of type 'json_object'.");
    if (!c->json_mode && (!type || strcmp(type, "text")))
        return chat_bad(x, "invalid_value", "response_format.type",
                        "Invalid value: '%s'. Supported values are: 'json_object', 'json_schema', "
                        "and 'text'.",
                        type ? type : "null");
    return true;
}

/*
 * Gemini on Vertex: the top level of the body, generationConfig and tools. contents[] is in
 * vertex_contents.c, schemas in vertex_schema.c, the answer in vertex_render.c.
 */
#include "vertex.h"
#include "inference.h"
#include "json.h"
#include "tenant.h"

#include <string.h>

static bool system_good(struct exchange *x, struct convo *c)
{
    static const char *const known[] = {"role", "parts", NULL};
    const cJSON *system = vertex_get(x->json, "systemInstruction");
    const cJSON *parts = json_get(system, "parts"), *part;

    if (!system)
        return true;
    if (!vertex_members_good(x, system, known, "system_instruction"))
        return false;
    convo_turn(c, TURN_SYSTEM);
    if (cJSON_IsObject(parts)) {
        convo_say(c, json_str(parts, "text"));
        return true;
    }
    cJSON_ArrayForEach(part, parts)
    {
        if (!json_str(part, "text"))
            return vertex_bad(x, "system_instruction: only text parts are supported");
        convo_say(c, json_str(part, "text"));
    }
    return true;
}

static bool declaration_good(struct exchange *x, struct convo *c, const cJSON *declaration,
                             const char *place)
{
    static const char *const known[] = {"name",
                                        "description",
                                        "parameters",
                                        "response",
                                        "parametersJsonSchema",
                                        "responseJsonSchema",
                                        "behavior",
                                        NULL};
    const char *name = json_str(declaration, "name");
    const cJSON *schema = json_get(declaration, "parameters");
    const cJSON *json_schema = vertex_get(declaration, "parametersJsonSchema");
    const char *inner = pool_printf(&x->pool, "%s.parameters", place);

    if (!vertex_members_good(x, declaration, known, place))
        return false;
    if (!name || !name_matches(name, "_.:-", 64) || (*name >= '0' && *name <= '9') ||
        strchr(".:-", *name))
        return vertex_bad(x,
                          "%s.name: [FIELD_INVALID] Invalid function name. Must start with a "
                          "letter or an underscore. Must be alphanumeric (a-z, A-Z, 0-9), "
                          "underscores (_), dots (.), colons (:), or dashes (-), with a "
                          "maximum length of 64.",
                          place);
    if (convo_offered(c, name))
        return vertex_bad(x, "Duplicate function declaration found: %s", name);
    if (schema && !vertex_schema_good(x, schema, inner, 0))
        return false;
    convo_offer(c, name, schema ? schema : json_schema);
    return true;
}

static bool tool_good(struct exchange *x, struct convo *c, const cJSON *tool, int i)
{
    static const char *const known[] = {"functionDeclarations", "googleSearch", "codeExecution",
                                        "urlContext", NULL};
    const cJSON *declaration;
    int k = 0;

    if (!vertex_members_good(x, tool, known, pool_printf(&x->pool, "tools[%d]", i)))
        return false;
    cJSON_ArrayForEach(declaration, vertex_get(tool, "functionDeclarations"))
    {
        const char *place = pool_printf(&x->pool, "tools[%d].function_declarations[%d]", i, k++);
        if (!declaration_good(x, c, declaration, place))
            return false;
    }
    c->grounded = c->grounded || vertex_get(tool, "googleSearch");
    return true;
}

static bool tool_config_good(struct exchange *x, struct convo *c)
{
    static const char *const known[] = {"functionCallingConfig", "retrievalConfig", NULL};
    static const char *const calling_known[] = {"mode", "allowedFunctionNames", NULL};
    static const char *const modes[] = {"AUTO", "ANY", "NONE", "VALIDATED", "MODE_UNSPECIFIED",
                                        NULL};
    const cJSON *config = vertex_get(x->json, "toolConfig");
    const cJSON *calling = vertex_get(config, "functionCallingConfig");
    const cJSON *allowed = vertex_get(calling, "allowedFunctionNames"), *name;
    const char *mode = json_str(calling, "mode");

    if (!vertex_members_good(x, config, known, "tool_config") ||
        !vertex_members_good(x, calling, calling_known, "tool_config.function_calling_config"))
        return false;
    if (mode && !word_in(mode, modes))
        return vertex_bad(x, "Invalid value at 'tool_config.function_calling_config.mode'");
    if (allowed && (!mode || strcmp(mode, "ANY")))
        return vertex_bad(x, "Unable to submit request because allowed_function_names should only "
                             "be set when mode is ANY.");
    c->tools_off = mode && !strcmp(mode, "NONE");
    c->tool_forced = mode && !strcmp(mode, "ANY");
    if (c->tool_forced && !c->tools)
        return vertex_bad(x, "Function calling config is set without function_declarations.");
    cJSON_ArrayForEach(name, allowed)
    {
        if (!cJSON_IsString(name) || !convo_offered(c, name->valuestring))
            return vertex_bad(x, "allowed_function_names contains a name that is not declared");
        if (!c->tool_forced_name)
            c->tool_forced_name = name->valuestring;
    }
    return true;
}

static bool tools_good(struct exchange *x, struct convo *c)
{
    const cJSON *tools = json_get(x->json, "tools"), *tool;
    int i = 0;

    if (cJSON_IsObject(tools) && !tool_good(x, c, tools, 0))
        return false;
    if (cJSON_IsArray(tools)) {
        cJSON_ArrayForEach(tool, tools)
        {
            if (!tool_good(x, c, tool, i++))
                return false;
        }
    }
    if (c->grounded && c->tools)
        return vertex_bad(x, "Multiple tools are supported only when they are all search tools.");
    return tool_config_good(x, c);
}

static bool budget_good(struct exchange *x, const char *model, int budget)
{
    bool pro = strstr(model, "pro") != NULL;

    if (pro && budget == 0)
        return vertex_bad(x, "Budget 0 is invalid. This model only works in thinking mode.");
    if (budget < -1 || budget > (pro ? 32768 : 24576) || (pro && budget >= 0 && budget < 128))
        return vertex_bad(x,
                          "The thinking budget %d is invalid. Please choose a value between %d "
                          "and %d.",
                          budget, pro ? 128 : 1, pro ? 32768 : 24576);
    return true;
}

static bool thinking_good(struct exchange *x, struct convo *c, const cJSON *generation)
{
    static const char *const known[] = {"includeThoughts", "thinkingBudget", "thinkingLevel", NULL};
    static const char *const levels[] = {"minimal", "low",    "medium", "high", "MINIMAL",
                                         "LOW",     "MEDIUM", "HIGH",   NULL};
    const cJSON *config = vertex_get(generation, "thinkingConfig");
    const cJSON *budget = vertex_get(config, "thinkingBudget");
    const char *level = vertex_str(config, "thinkingLevel");

    c->reasoning_tokens = 24;
    if (!vertex_members_good(x, config, known, "generation_config.thinking_config"))
        return false;
    if (level && !vertex_demands_signatures(c->model))
        return vertex_bad(x, "Thinking level is not supported for this model.");
    if (level && !word_in(level, levels))
        return vertex_bad(x, "Invalid value at 'generation_config.thinking_config.thinking_level'");
    if (level && budget)
        return vertex_bad(x, "You can only set only one of thinking budget and thinking level.");
    if (budget && !budget_good(x, c->model, budget->valueint))
        return false;
    if (budget && budget->valueint == 0)
        c->reasoning_tokens = 0;
    c->thinking = cJSON_IsTrue(vertex_get(config, "includeThoughts")) && c->reasoning_tokens;
    return true;
}

static bool number_in(struct exchange *x, const cJSON *generation, const char *name, double min,
                      double max)
{
    const cJSON *item = vertex_get(generation, name);

    if (!item || (cJSON_IsNumber(item) && item->valuedouble >= min && item->valuedouble <= max))
        return true;
    return vertex_bad(x,
                      "Unable to submit request because it has a %s value of %s but the "
                      "supported range is from %g (inclusive) to %g (inclusive). Update the "
                      "value and try again.",
                      name, json_text(&x->pool, item), min, max);
}

static bool format_good(struct exchange *x, struct convo *c, const cJSON *generation)
{
    const cJSON *schema = vertex_get(generation, "responseSchema");
    const cJSON *json_schema = vertex_get(generation, "responseJsonSchema");
    const char *mime = vertex_str(generation, "responseMimeType");
    bool json = mime && !strcmp(mime, "application/json");

    if (mime && !json && strcmp(mime, "text/plain") && strcmp(mime, "text/x.enum"))
        return vertex_bad(x, "response_mime_type: unsupported value %s", mime);
    if ((schema || json_schema) && !json && (!mime || strcmp(mime, "text/x.enum")))
        return vertex_bad(x, "response_schema requires response_mime_type application/json");
    if (schema && json_schema)
        return vertex_bad(x, "Only one of response_schema and response_json_schema may be set");
    if (json && c->tools && !vertex_demands_signatures(c->model))
        return vertex_bad(x, "Function calling with a response mime type: 'application/json' is "
                             "unsupported");
    if (schema && !vertex_schema_good(x, schema, "generation_config.response_schema", 0))
        return false;
    c->schema = schema ? schema : json_schema;
    c->json_mode = json;
    return true;
}

static bool generation_good(struct exchange *x, struct convo *c)
{
    static const char *const known[] = {"temperature",
                                        "topP",
                                        "topK",
                                        "candidateCount",
                                        "maxOutputTokens",
                                        "stopSequences",
                                        "responseMimeType",
                                        "responseSchema",
                                        "presencePenalty",
                                        "seed",
                                        "frequencyPenalty",
                                        "responseJsonSchema",
                                        "responseLogprobs",
                                        "logprobs",
                                        "thinkingConfig",
                                        "responseModalities",
                                        "audioTimestamp",
                                        "mediaResolution",
                                        "routingConfig",
                                        "speechConfig",
                                        "enableAffectiveDialog",
                                        NULL};
    const cJSON *generation = vertex_get(x->json, "generationConfig");
    const cJSON *stops = vertex_get(generation, "stopSequences");
    const cJSON *max = vertex_get(generation, "maxOutputTokens");
    const cJSON *count = vertex_get(generation, "candidateCount");

    if (!vertex_members_good(x, generation, known, "generation_config") ||
        !number_in(x, generation, "temperature", 0, 2) || !number_in(x, generation, "topP", 0, 1) ||
        !number_in(x, generation, "topK", 1, 1000) ||
        !number_in(x, generation, "candidateCount", 1, 8) ||
        !number_in(x, generation, "maxOutputTokens", 1, 65536) ||
        !number_in(x, generation, "presencePenalty", -2, 2) ||
        !number_in(x, generation, "frequencyPenalty", -2, 2) || !thinking_good(x, c, generation) ||
        !format_good(x, c, generation))
        return false;
    if (cJSON_GetArraySize(stops) > 5)
        return vertex_bad(x,
                          "Unable to submit request because it has %d stop sequences but at "
                          "most 5 are supported.",
                          cJSON_GetArraySize(stops));
    c->max_tokens = max ? max->valueint : 0;
    c->choices = count ? count->valueint : 1;
    convo_stop(c, stops);
    return true;
}

static bool safety_good(struct exchange *x)
{
    static const char *const known[] = {"category", "threshold", "method", NULL};
    const cJSON *settings_list = vertex_get(x->json, "safetySettings"), *one;

    if (!cJSON_IsArray(settings_list))
        return true;
    cJSON_ArrayForEach(one, settings_list)
    {
        if (!vertex_members_good(x, one, known, "safety_settings"))
            return false;
    }
    return true;
}

void vertex_answer(struct exchange *x, const char *verb)
{
    static const char *const known[] = {"contents",   "systemInstruction", "tools",
                                        "toolConfig", "safetySettings",    "generationConfig",
                                        "labels",     "cachedContent",     NULL};
    struct convo c;
    struct answer a;

    convo_init(&c, &x->pool, x->deployment->model->name);
    if (!vertex_members_good(x, x->json, known, "") || !safety_good(x) || !system_good(x, &c) ||
        !tools_good(x, &c) || !generation_good(x, &c) || !vertex_read_contents(x, &c))
        return;
    if (answer_compose(x, &c, &a))
        vertex_render(x, &c, &a, !strcmp(verb, "streamGenerateContent"));
}

/*
 * Bedrock Converse: the top level of the body. messages[] is in converse_messages.c, the
 * answer in converse_render.c.
 */
#include "converse.h"
#include "inference.h"
#include "json.h"
#include "tenant.h"

#include <string.h>

static bool read_system(struct converse_reading *r)
{
    const cJSON *system = json_get(r->x->json, "system"), *block;

    if (system && !cJSON_IsArray(system))
        return bedrock_bad(r->x, "system: a list is required");
    if (system)
        convo_turn(r->c, TURN_SYSTEM);
    cJSON_ArrayForEach(block, system)
    {
        const char *text = json_str(block, "text");
        if (json_get(block, "cachePoint")) {
            if (!converse_mark(r, json_get(block, "cachePoint")))
                return false;
            continue;
        }
        if (!text || !text[strspn(text, " \t\r\n")] || block->child->next)
            return bedrock_bad(r->x, "The text field in the SystemContentBlock object is blank. "
                                     "Add text to the text field, and try again.");
        convo_say(r->c, text);
        prefix_add(&r->prefix, text);
    }
    return true;
}

static bool read_tool(struct converse_reading *r, const cJSON *tool)
{
    static const char *const known[] = {"toolSpec", NULL};
    static const char *const spec_known[] = {"name", "description", "inputSchema", NULL};
    const cJSON *spec = json_get(tool, "toolSpec");
    const cJSON *schema = json_get(json_get(spec, "inputSchema"), "json");
    const char *name = json_str(spec, "name"), *type = json_str(schema, "type");
    const cJSON *description = json_get(spec, "description");

    if (!converse_members_good(r->x, tool, known, "/toolConfig/tools") ||
        !converse_members_good(r->x, spec, spec_known, "/toolConfig/tools/toolSpec"))
        return false;
    if (!name || !name_matches(name, "_-", 64))
        return bedrock_bad(r->x, "Value at 'toolConfig.tools.member.toolSpec.name' failed to "
                                 "satisfy constraint: Member must satisfy regular expression "
                                 "pattern: [a-zA-Z0-9_-]+");
    if (convo_offered(r->c, name))
        return bedrock_bad(r->x, "The tool %s is already defined.", name);
    if (description && (!cJSON_IsString(description) || !*description->valuestring))
        return bedrock_bad(r->x, "Value at 'toolConfig.tools.member.toolSpec.description' failed "
                                 "to satisfy constraint: Member must have length greater than or "
                                 "equal to 1");
    if (!schema || !type || strcmp(type, "object"))
        return bedrock_bad(r->x,
                           "The value at toolConfig.tools.%s.inputSchema.json.type must be "
                           "one of the following: object.",
                           name);
    convo_offer(r->c, name, schema);
    prefix_add(&r->prefix, json_text(&r->x->pool, tool));
    return true;
}

static bool read_choice(struct converse_reading *r, const cJSON *choice)
{
    static const char *const known[] = {"auto", "any", "tool", NULL};
    const char *name = json_str(json_get(choice, "tool"), "name");

    if (!choice)
        return true;
    if (!choice->child || choice->child->next || json_unknown(choice, known))
        return bedrock_bad(r->x, "toolConfig.toolChoice: exactly one of auto, any, tool must be "
                                 "set");
    if (json_get(choice, "tool") && (!name || !convo_offered(r->c, name)))
        return bedrock_bad(r->x, "toolConfig.toolChoice.tool.name does not match any of the tools");
    r->c->tool_forced = !json_get(choice, "auto");
    r->c->tool_forced_name = name;
    return true;
}

static bool read_tools(struct converse_reading *r)
{
    static const char *const known[] = {"tools", "toolChoice", NULL};
    const cJSON *config = json_get(r->x->json, "toolConfig"), *tool;
    const cJSON *tools = json_get(config, "tools");

    if (!config)
        return true;
    if (!converse_members_good(r->x, config, known, "/toolConfig"))
        return false;
    if (!cJSON_IsArray(tools) || !cJSON_GetArraySize(tools))
        return bedrock_bad(r->x, "Value at 'toolConfig.tools' failed to satisfy constraint: Member "
                                 "must have length greater than or equal to 1");
    cJSON_ArrayForEach(tool, tools)
    {
        const cJSON *point = json_get(tool, "cachePoint");
        if (point && !r->claude)
            return bedrock_bad(r->x, "Malformed input request: #/toolConfig/tools: extraneous key "
                                     "[cachePoint] is not permitted, please reformat your input "
                                     "and try again.");
        if (point ? !converse_mark(r, point) : !read_tool(r, tool))
            return false;
    }
    return read_choice(r, json_get(config, "toolChoice"));
}

static bool in_range(const cJSON *item, double min, double max)
{
    return !item || (cJSON_IsNumber(item) && item->valuedouble >= min && item->valuedouble <= max);
}

static bool read_inference(struct converse_reading *r)
{
    static const char *const known[] = {"maxTokens", "temperature", "topP", "stopSequences", NULL};
    const cJSON *config = json_get(r->x->json, "inferenceConfig");
    const cJSON *stops = json_get(config, "stopSequences");

    if (!converse_members_good(r->x, config, known, "/inferenceConfig"))
        return false;
    if (!in_range(json_get(config, "maxTokens"), 1, r->claude ? 128000 : 10000))
        return bedrock_bad(r->x, "The maximum tokens you requested exceeds the model limit. Try "
                                 "again with a maximum tokens value that is lower.");
    if (!in_range(json_get(config, "temperature"), 0, 1) ||
        !in_range(json_get(config, "topP"), 0, 1))
        return bedrock_bad(r->x, "Value at 'inferenceConfig' failed to satisfy constraint: "
                                 "temperature and topP must be between 0 and 1");
    if (stops && (!cJSON_IsArray(stops) || cJSON_GetArraySize(stops) > (r->claude ? 2500 : 4)))
        return bedrock_bad(r->x, "inferenceConfig.stopSequences: too many stop sequences");
    r->c->max_tokens = (long)json_num(config, "maxTokens", 0);
    convo_stop(r->c, stops);
    return true;
}

static bool claude_extra_good(struct converse_reading *r, const cJSON *extra)
{
    static const char *const known[] = {"thinking",      "anthropic_beta", "top_k",
                                        "output_config", "tool_choice",    NULL};
    const cJSON *config = json_get(r->x->json, "inferenceConfig");
    const cJSON *unknown = json_unknown(extra, known);
    struct claude_fields f = {
        .thinking = json_get(extra, "thinking"),
        .betas = json_get(extra, "anthropic_beta"),
        .output_config = json_get(extra, "output_config"),
        .temperature = json_get(config, "temperature"),
        .top_p = json_get(config, "topP"),
        .top_k = json_get(extra, "top_k"),
        .max_tokens = (long)json_num(config, "maxTokens", 4096),
        .tool_forced = r->c->tool_forced,
    };

    if (json_true(json_get(extra, "tool_choice"), "disable_parallel_tool_use"))
        r->c->single_call = true;
    if (unknown)
        return bedrock_bad(r->x,
                           "The model returned the following errors: %s: Extra inputs are "
                           "not permitted",
                           unknown->string);
    return claude_fields_good(r->x, r->c, &f);
}

static bool nova_extra_good(struct converse_reading *r, const cJSON *extra)
{
    static const char *const known[] = {"inferenceConfig", NULL};
    static const char *const inference_known[] = {"topK", NULL};

    return converse_members_good(r->x, extra, known, "/additionalModelRequestFields") &&
           converse_members_good(r->x, json_get(extra, "inferenceConfig"), inference_known,
                                 "/inferenceConfig");
}

static bool body_read(struct converse_reading *r)
{
    static const char *const known[] = {"messages",
                                        "system",
                                        "inferenceConfig",
                                        "toolConfig",
                                        "guardrailConfig",
                                        "additionalModelRequestFields",
                                        "additionalModelResponseFieldPaths",
                                        "promptVariables",
                                        "requestMetadata",
                                        "performanceConfig",
                                        NULL};
    const cJSON *extra = json_get(r->x->json, "additionalModelRequestFields");

    if (!converse_members_good(r->x, r->x->json, known, "") || !read_inference(r) ||
        !read_tools(r) || !read_system(r) ||
        !(r->claude ? claude_extra_good(r, extra) : nova_extra_good(r, extra)) ||
        !converse_read_messages(r, json_get(r->x->json, "messages")))
        return false;
    if (r->has_tool_blocks && !json_get(r->x->json, "toolConfig"))
        return bedrock_bad(r->x, "The toolConfig field must be defined when using toolUse and "
                                 "toolResult content blocks.");
    return true;
}

void converse_answer(struct exchange *x, bool stream)
{
    struct convo c;
    struct answer a;
    struct converse_reading r = {.x = x, .c = &c};

    convo_init(&c, &x->pool, x->deployment->model->name);
    r.claude = !strncmp(c.model, "anthropic--", 11);
    prefix_init(&r.prefix, x, x->deployment->model->name);
    if (!body_read(&r))
        return;
    prefix_settle(&r.prefix, &c);
    if (!answer_compose(x, &c, &a))
        return;
    a.input_tokens = prefix_tokens(&r.prefix) - c.cache_read - c.cache_write;
    converse_render(x, &c, &a, stream);
}

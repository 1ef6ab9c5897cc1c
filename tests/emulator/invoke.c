/*
 * Claude on Bedrock by /invoke and /invoke-with-response-stream: the top level of the body,
 * tools and system. messages[] is in claude_messages.c, the answer in invoke_render.c.
 */
#include "claude_messages.h"
#include "inference.h"
#include "invoke_render.h"
#include "json.h"
#include "tenant.h"

#include <string.h>

static const char *const top_known[] = {"anthropic_version",
                                        "max_tokens",
                                        "messages",
                                        "system",
                                        "temperature",
                                        "top_p",
                                        "top_k",
                                        "stop_sequences",
                                        "tools",
                                        "tool_choice",
                                        "thinking",
                                        "metadata",
                                        "anthropic_beta",
                                        "output_config",
                                        NULL};

static const char *server_tool_beta(const char *type)
{
    if (!strcmp(type, "bash_20250124") || !strcmp(type, "text_editor_20250124") ||
        !strcmp(type, "computer_20250124"))
        return "computer-use-2025-01-24";
    if (!strncmp(type, "memory_", 7))
        return "context-management-2025-06-27";
    if (!strncmp(type, "tool_search_tool_", 17))
        return "tool-search-tool-2025-10-19";
    return NULL;
}

static bool tool_type_good(struct claude_reading *r, const cJSON *tool, int i)
{
    const char *type = json_str(tool, "type"), *beta;

    if (!type || !strcmp(type, "custom"))
        return true;
    beta = server_tool_beta(type);
    if (beta && beta_has(json_get(r->x->json, "anthropic_beta"), beta))
        return true;
    return bedrock_bad(r->x,
                       "tools.%d: Input tag '%s' found using 'type' does not match any of "
                       "the expected tags: 'bash_20250124', 'custom', "
                       "'text_editor_20250124', 'text_editor_20250728'",
                       i, type);
}

static bool tool_members_good(struct claude_reading *r, const cJSON *tool, const char *place)
{
    static const char *const known[] = {
        "type",          "name",          "description",    "input_schema",
        "cache_control", "defer_loading", "input_examples", NULL};
    const cJSON *betas = json_get(r->x->json, "anthropic_beta");

    if (!claude_members_good(r, tool, known, place))
        return false;
    if (json_get(tool, "defer_loading") && !beta_has(betas, "tool-search-tool-2025-10-19"))
        return bedrock_bad(r->x, "%s.defer_loading: Extra inputs are not permitted", place);
    if (json_get(tool, "input_examples") && !beta_has(betas, "tool-examples-2025-10-29"))
        return bedrock_bad(r->x, "%s.input_examples: Extra inputs are not permitted", place);
    return true;
}

static bool tool_schema_good(struct claude_reading *r, const cJSON *tool, const char *place)
{
    const cJSON *schema = json_get(tool, "input_schema");
    const char *type = json_str(schema, "type");

    if (!cJSON_IsObject(schema))
        return bedrock_bad(r->x, "%s.input_schema: Field required", place);
    if (!type)
        return bedrock_bad(r->x, "%s.input_schema.type: Field required", place);
    if (strcmp(type, "object"))
        return bedrock_bad(r->x, "%s.input_schema.type: Input should be 'object'", place);
    return true;
}

static bool read_tool(struct claude_reading *r, const cJSON *tool, int i)
{
    const char *place = pool_printf(&r->x->pool, "tools.%d.custom", i);
    const char *name = json_str(tool, "name"), *type = json_str(tool, "type");

    if (!cJSON_IsObject(tool) || !tool_type_good(r, tool, i))
        return cJSON_IsObject(tool) ? false
                                    : bedrock_bad(r->x,
                                                  "tools.%d: Input should be an "
                                                  "object",
                                                  i);
    if (!name || !name_matches(name, "_-", 128))
        return bedrock_bad(r->x,
                           "%s.name: String should match pattern "
                           "'^[a-zA-Z0-9_-]{1,128}$'",
                           place);
    if (convo_offered(r->c, name))
        return bedrock_bad(r->x, "tools: Tool names must be unique.");
    if ((!type || !strcmp(type, "custom")) &&
        (!tool_members_good(r, tool, place) || !tool_schema_good(r, tool, place)))
        return false;
    if (!claude_mark_good(r, tool, place))
        return false;
    claude_prefix_add(r, tool);
    convo_offer(r->c, name, json_get(tool, "input_schema"));
    return true;
}

static bool read_choice(struct claude_reading *r)
{
    static const char *const known[] = {"type", "name", "disable_parallel_tool_use", NULL};
    static const char *const types[] = {"auto", "any", "tool", "none", NULL};
    const cJSON *choice = json_get(r->x->json, "tool_choice");
    const char *type = json_str(choice, "type"), *name = json_str(choice, "name");

    if (!choice)
        return true;
    if (!r->c->tools)
        return bedrock_bad(r->x, "tool_choice: may only be specified while providing tools");
    if (!word_in(type, types) || !claude_members_good(r, choice, known, "tool_choice"))
        return type && word_in(type, types)
                   ? false
                   : bedrock_bad(r->x, "tool_choice: Input tag does not match any of the expected "
                                       "tags: 'any', 'auto', 'none', 'tool'");
    if (!strcmp(type, "tool") && (!name || !convo_offered(r->c, name)))
        return bedrock_bad(r->x, "Tool '%s' not found in provided tools", name ? name : "");
    r->c->tools_off = !strcmp(type, "none");
    r->c->tool_forced = !strcmp(type, "any") || !strcmp(type, "tool");
    r->c->tool_forced_name = name;
    r->c->single_call = json_true(choice, "disable_parallel_tool_use");
    return true;
}

static bool read_tools(struct claude_reading *r)
{
    const cJSON *tools = json_get(r->x->json, "tools"), *tool;
    int i = 0;

    if (tools && !cJSON_IsArray(tools))
        return bedrock_bad(r->x, "tools: Input should be a valid list");
    cJSON_ArrayForEach(tool, tools)
    {
        if (!read_tool(r, tool, i++))
            return false;
    }
    return read_choice(r);
}

static bool read_system(struct claude_reading *r)
{
    const cJSON *system = json_get(r->x->json, "system"), *block;
    int i = 0;

    if (!system)
        return true;
    convo_turn(r->c, TURN_SYSTEM);
    if (cJSON_IsString(system)) {
        convo_say(r->c, system->valuestring);
        prefix_add(&r->prefix, system->valuestring);
        return true;
    }
    if (!cJSON_IsArray(system))
        return bedrock_bad(r->x, "system: Input should be a valid list");
    cJSON_ArrayForEach(block, system)
    {
        const char *type = json_str(block, "type");
        const char *place = pool_printf(&r->x->pool, "system.%d", i++);
        if (!type || strcmp(type, "text"))
            return bedrock_bad(r->x, "%s.type: Input should be 'text'", place);
        if (!claude_text_good(r, block, place))
            return false;
        convo_say(r->c, json_str(block, "text"));
        claude_prefix_add(r, block);
    }
    return true;
}

static bool stops_good(struct exchange *x)
{
    const cJSON *stops = json_get(x->json, "stop_sequences"), *stop;

    if (stops && !cJSON_IsArray(stops))
        return bedrock_bad(x, "stop_sequences: Input should be a valid list");
    cJSON_ArrayForEach(stop, stops)
    {
        if (!cJSON_IsString(stop) || !stop->valuestring[strspn(stop->valuestring, " \t\r\n")])
            return bedrock_bad(x, "stop_sequences: each stop sequence must contain "
                                  "non-whitespace");
    }
    return true;
}

static bool top_good(struct exchange *x)
{
    static const char *const metadata_known[] = {"user_id", NULL};
    const cJSON *extra = json_unknown(x->json, top_known), *max = json_get(x->json, "max_tokens");
    const char *version = json_str(x->json, "anthropic_version");

    if (extra)
        return bedrock_bad(x, "%s: Extra inputs are not permitted", extra->string);
    if (!version)
        return bedrock_bad(x, "anthropic_version: Field required");
    if (strcmp(version, "bedrock-2023-05-31"))
        return bedrock_bad(x, "Invalid API version: %s", version);
    if (!max)
        return bedrock_bad(x, "max_tokens: Field required");
    if (!cJSON_IsNumber(max) || max->valuedouble < 1 || max->valuedouble != (double)max->valueint)
        return bedrock_bad(x, "max_tokens: Input should be a valid integer, at least 1");
    extra = json_unknown(json_get(x->json, "metadata"), metadata_known);
    if (extra)
        return bedrock_bad(x, "metadata.%s: Extra inputs are not permitted", extra->string);
    return stops_good(x);
}

static bool fields_good(struct exchange *x, struct convo *c)
{
    struct claude_fields f = {
        .thinking = json_get(x->json, "thinking"),
        .betas = json_get(x->json, "anthropic_beta"),
        .output_config = json_get(x->json, "output_config"),
        .temperature = json_get(x->json, "temperature"),
        .top_p = json_get(x->json, "top_p"),
        .top_k = json_get(x->json, "top_k"),
        .max_tokens = (long)json_num(x->json, "max_tokens", 0),
        .tool_forced = c->tool_forced,
    };

    c->max_tokens = f.max_tokens;
    convo_stop(c, json_get(x->json, "stop_sequences"));
    return claude_fields_good(x, c, &f);
}

/* While thinking is enabled, the turn whose tools are being answered starts with a thought. */
static bool thought_kept(struct claude_reading *r)
{
    const char *type = json_str(json_get(r->x->json, "thinking"), "type"), *first;

    if (!type || strcmp(type, "enabled"))
        return true;
    if (r->prefilled)
        return bedrock_bad(r->x, "Prefilling assistant responses is not supported when thinking "
                                 "is enabled.");
    first = r->last_first_type ? r->last_first_type : "";
    if (!r->last_has_tool_use || r->last_assistant < r->message - 2 || !strcmp(first, "thinking") ||
        !strcmp(first, "redacted_thinking"))
        return true;
    return bedrock_bad(r->x,
                       "messages.%d.content.0.type: Expected `thinking` or "
                       "`redacted_thinking`, but found `%s`. When `thinking` is enabled, a "
                       "final `assistant` message must start with a thinking block "
                       "(preceeding the lastmost set of `tool_use` and `tool_result` "
                       "blocks).",
                       r->last_assistant, first);
}

static bool body_read(struct claude_reading *r)
{
    if (!top_good(r->x) || !read_tools(r) || !read_system(r) || !fields_good(r->x, r->c) ||
        !claude_read_messages(r, json_get(r->x->json, "messages")) || !claude_sources_good(r) ||
        !thought_kept(r))
        return false;
    if (r->has_tool_blocks && !r->c->tools)
        return bedrock_bad(r->x, "Requests which include `tool_use` or `tool_result` blocks must "
                                 "define tools");
    return true;
}

void invoke_answer(struct exchange *x, bool stream)
{
    struct convo c;
    struct answer a;
    struct claude_reading r = {.x = x, .c = &c};

    convo_init(&c, &x->pool, x->deployment->model->name);
    r.model = claude_of(c.model);
    prefix_init(&r.prefix, x, x->deployment->model->name);
    if (!body_read(&r))
        return;
    prefix_settle(&r.prefix, &c);
    if (!answer_compose(x, &c, &a))
        return;
    a.input_tokens = prefix_tokens(&r.prefix) - c.cache_read - c.cache_write;
    invoke_render(x, &c, &a, stream);
}

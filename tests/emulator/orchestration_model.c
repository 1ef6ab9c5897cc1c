/*
 * What stands behind the service: each maker's models take parameters of their own and refuse the
 * rest, and want the conversation in their own order.
 */
#include "json.h"
#include "orchestration.h"
#include "prefix.h"
#include "tenant.h"
#include "wire.h"

#include <string.h>

static const char *const openai_takes[] = {"max_tokens",
                                           "max_completion_tokens",
                                           "temperature",
                                           "top_p",
                                           "n",
                                           "stop",
                                           "seed",
                                           "user",
                                           "frequency_penalty",
                                           "presence_penalty",
                                           "logit_bias",
                                           "logprobs",
                                           "top_logprobs",
                                           "tool_choice",
                                           "parallel_tool_calls",
                                           "reasoning_effort",
                                           "verbosity",
                                           NULL};
static const char *const claude_takes[] = {
    "max_tokens",  "max_completion_tokens", "temperature", "top_p",         "top_k", "stop",
    "tool_choice", "parallel_tool_calls",   "thinking",    "output_config", NULL};
static const char *const gemini_takes[] = {"max_tokens",
                                           "max_completion_tokens",
                                           "temperature",
                                           "top_p",
                                           "n",
                                           "stop",
                                           "seed",
                                           "frequency_penalty",
                                           "presence_penalty",
                                           "tool_choice",
                                           "reasoning_effort",
                                           NULL};
static const char *const mistral_takes[] = {"max_tokens",
                                            "max_completion_tokens",
                                            "temperature",
                                            "top_p",
                                            "stop",
                                            "frequency_penalty",
                                            "presence_penalty",
                                            "tool_choice",
                                            "parallel_tool_calls",
                                            NULL};
static const char *const others_take[] = {
    "max_tokens", "max_completion_tokens", "temperature", "top_p", "stop", "tool_choice", NULL};
static const char *const sampling[] = {
    "temperature", "top_p", "frequency_penalty", "presence_penalty", "logit_bias",
    "logprobs",    NULL};

static bool begins(const char *text, const char *start)
{
    return !strncmp(text, start, strlen(start));
}

static const char *const *takes_of(const char *model)
{
    if (begins(model, "gpt-") || begins(model, "o3"))
        return openai_takes;
    if (begins(model, "anthropic--"))
        return claude_takes;
    if (begins(model, "gemini"))
        return gemini_takes;
    return begins(model, "mistral") ? mistral_takes : others_take;
}

static bool llm_bad(struct orchestration *o, const char *text)
{
    return orchestration_bad(o->x, 400, "LLM Module", "%s", text);
}

static bool params_good(struct orchestration *o)
{
    const char *model = o->model->name;
    const cJSON *extra = json_unknown(o->params, takes_of(model)), *param;

    if (extra)
        return llm_bad(
            o, pool_printf(&o->x->pool, "%s: Extra inputs are not permitted", extra->string));
    if (begins(model, "gpt-5") || begins(model, "o3"))
        cJSON_ArrayForEach(param, o->params)
        {
            if (word_in(param->string, sampling))
                return llm_bad(o, pool_printf(&o->x->pool,
                                              "Unsupported parameter: '%s' is not supported with "
                                              "this model.",
                                              param->string));
        }
    if (begins(model, "gpt-5") && json_get(o->params, "stop"))
        return llm_bad(o, "Unsupported parameter: 'stop' is not supported with this model.");
    if ((begins(model, "gpt-5") || begins(model, "o3")) && json_get(o->params, "max_tokens"))
        return llm_bad(o, "Unsupported parameter: 'max_tokens' is not supported with this model.");
    if (json_get(o->params, "thinking") && json_get(o->params, "temperature"))
        return llm_bad(o, "`temperature` may only be set to 1 when thinking is enabled.");
    return true;
}

/* --- messages -------------------------------------------------------------------------------- */

static bool see_media(struct orchestration *o, struct convo *c, const char *what, const char *data)
{
    const char *comma = strchr(data, ',');
    const char *sniffed = NULL;
    size_t len = 0;
    unsigned char *bytes;

    if ((begins(data, "https://") || begins(data, "http://")) && begins(c->model, "anthropic--"))
        return llm_bad(o, "Images must be given as data for this model.");
    if (begins(data, "https://") || begins(data, "http://")) {
        convo_see(c, "%s url %.80s", what, data);
        return true;
    }
    bytes = comma ? base64_decode(&o->x->pool, comma + 1, &len) : NULL;
    sniffed = bytes ? media_kind(bytes, len) : NULL;
    if (!sniffed)
        return llm_bad(o, "Could not process image");
    convo_see(c, "%s %s %zu bytes", what, sniffed, len);
    return true;
}

static bool read_part(struct orchestration *o, struct convo *c, const cJSON *part)
{
    if (json_get(part, "image_url"))
        return see_media(o, c, "image", json_str(json_get(part, "image_url"), "url"));
    if (json_get(part, "file"))
        return see_media(o, c, "document", json_str(json_get(part, "file"), "file_data"));
    convo_say(c, json_str(part, "text"));
    return true;
}

static bool read_content(struct orchestration *o, struct convo *c, const cJSON *content)
{
    const cJSON *part;

    if (cJSON_IsString(content))
        convo_say(c, content->valuestring);
    if (!cJSON_IsArray(content))
        return true;
    cJSON_ArrayForEach(part, content)
    {
        if (!read_part(o, c, part))
            return false;
    }
    return true;
}

static bool thoughts_good(struct orchestration *o, const cJSON *message)
{
    const cJSON *block;

    cJSON_ArrayForEach(block, json_get(message, "reasoning_content"))
    {
        const char *text = json_str(block, "content"), *seal = json_str(block, "signature");
        if (!text || !seal || strcmp(seal, seal_text(&o->x->pool, "claude", text)))
            return llm_bad(o, "Invalid `signature` in `thinking` block");
    }
    return true;
}

static bool read_assistant(struct orchestration *o, struct convo *c, const cJSON *message)
{
    const cJSON *call;

    convo_turn(c, TURN_ASSISTANT);
    if (!thoughts_good(o, message) || !read_content(o, c, json_get(message, "content")))
        return false;
    if (json_get(o->params, "thinking") && json_get(message, "tool_calls") &&
        !message->next->next && !json_get(message, "reasoning_content"))
        return llm_bad(o, "Expected `thinking` or `redacted_thinking`, but found `tool_use`.");
    cJSON_ArrayForEach(call, json_get(message, "tool_calls"))
    {
        convo_call(c, json_str(call, "id"), json_str(json_get(call, "function"), "name"));
    }
    return true;
}

static bool read_result(struct orchestration *o, struct convo *c, const cJSON *message)
{
    const cJSON *content = json_get(message, "content");
    const char *id = json_str(message, "tool_call_id");
    const struct past_call *call = c->calls;

    if (begins(c->model, "anthropic--") && !cJSON_IsString(content))
        return llm_bad(o, "Tool message content must be a string for Anthropic harmonization. "
                          "Received: list.");
    while (call && strcmp(call->id, id))
        call = call->next;
    if (!call)
        return llm_bad(o, "messages with role 'tool' must be a response to a preceeding message "
                          "with 'tool_calls'.");
    if (!c->turns[c->turn_count - 1].has_results)
        convo_turn(c, TURN_USER);
    convo_result(c, id, NULL, cJSON_IsString(content) ? content->valuestring : "");
    return true;
}

static bool read_message(struct orchestration *o, struct convo *c, const cJSON *message)
{
    const char *role = json_str(message, "role");
    bool behind_tools = c->turn_count && c->turns[c->turn_count - 1].has_results;

    if (!strcmp(role, "tool"))
        return c->turn_count ? read_result(o, c, message) : llm_bad(o, "A result of no call.");
    if (!strcmp(role, "assistant"))
        return read_assistant(o, c, message);
    if (!strcmp(role, "developer") && takes_of(c->model) != openai_takes)
        return llm_bad(o, "Invalid role 'developer' in message");
    if (strcmp(role, "user") && behind_tools && begins(c->model, "mistral"))
        return llm_bad(o, "An error occurred while processing your request");
    convo_turn(c, strcmp(role, "user") ? TURN_SYSTEM : TURN_USER);
    return read_content(o, c, json_get(message, "content"));
}

/* --- tools and format ------------------------------------------------------------------------ */

static bool read_tools(struct orchestration *o, struct convo *c, const cJSON *prompt)
{
    const cJSON *tool, *choice = json_get(o->params, "tool_choice");
    const char *word = cJSON_IsString(choice) ? choice->valuestring : NULL;

    cJSON_ArrayForEach(tool, json_get(prompt, "tools"))
    {
        const cJSON *function = json_get(tool, "function");
        convo_offer(c, json_str(function, "name"), json_get(function, "parameters"));
    }
    if (c->tools && !strcmp(c->model, "sonar"))
        return llm_bad(o, "Tools are not supported by this model.");
    if (choice && !c->tools)
        return llm_bad(o, "'tool_choice' is only allowed when 'tools' are specified.");
    c->tools_off = word && !strcmp(word, "none");
    c->tool_forced = choice && (!word || !strcmp(word, "required"));
    c->tool_forced_name = json_str(json_get(choice, "function"), "name");
    if (c->tool_forced && json_get(o->params, "thinking"))
        return llm_bad(o, "Thinking may not be enabled when tool_choice forces tool use.");
    if (c->tool_forced_name && !convo_offered(c, c->tool_forced_name))
        return llm_bad(o, "Tool choice not found in 'tools' parameter.");
    c->single_call = cJSON_IsFalse(json_get(o->params, "parallel_tool_calls"));
    return true;
}

static bool read_format(struct orchestration *o, struct convo *c, const cJSON *prompt)
{
    const cJSON *format = json_get(prompt, "response_format");
    const char *type = json_str(format, "type");

    if (format && begins(c->model, "anthropic--"))
        return llm_bad(o, "json_mode: Extra inputs are not permitted");
    c->schema = json_get(json_get(format, "json_schema"), "schema");
    c->json_mode = type && !strcmp(type, "json_object");
    if (c->json_mode && takes_of(c->model) == openai_takes && !convo_mentions_json(c))
        return llm_bad(o, "'messages' must contain the word 'json' in some form, to use "
                          "'response_format' of type 'json_object'.");
    if (json_get(o->params, "output_config"))
        c->schema = json_get(json_get(json_get(o->params, "output_config"), "format"), "schema");
    return true;
}

/* --- cache ----------------------------------------------------------------------------------- */

static void add_block(struct prefix *p, struct pool *pool, const cJSON *block)
{
    const cJSON *mark = json_get(block, "cache_control");
    cJSON *bare = pool_keep(pool, cJSON_Duplicate(block, true));

    cJSON_DeleteItemFromObject(bare, "cache_control");
    prefix_add(p, json_text(pool, bare));
    if (mark)
        prefix_mark(p, json_str(mark, "ttl") && !strcmp(json_str(mark, "ttl"), "1h"));
}

static bool too_many_marks(struct orchestration *o, const cJSON *prompt)
{
    const cJSON *item, *part;
    int marks = 0;

    cJSON_ArrayForEach(item, json_get(prompt, "tools"))
    {
        marks += json_get(item, "cache_control") != NULL;
    }
    cJSON_ArrayForEach(item, o->messages)
    {
        cJSON_ArrayForEach(part, json_get(item, "content"))
        {
            marks += json_get(part, "cache_control") != NULL;
        }
    }
    return marks > MAX_MARKS &&
           !llm_bad(o, pool_printf(&o->x->pool,
                                   "A maximum of 4 blocks with cache_control may be provided. "
                                   "Found %d.",
                                   marks));
}

/* Marked prefixes, as on Bedrock. */
static bool read_cache(struct orchestration *o, struct convo *c, const cJSON *prompt)
{
    struct prefix p;
    const cJSON *item, *part;

    if (!begins(c->model, "anthropic--"))
        return true;
    if (too_many_marks(o, prompt))
        return false;
    prefix_init(&p, o->x, c->model);
    cJSON_ArrayForEach(item, json_get(prompt, "tools"))
    {
        add_block(&p, &o->x->pool, item);
    }
    cJSON_ArrayForEach(item, o->messages)
    {
        if (cJSON_IsString(json_get(item, "content")))
            prefix_add(&p, json_str(item, "content"));
        cJSON_ArrayForEach(part, json_get(item, "content"))
        {
            add_block(&p, &o->x->pool, part);
        }
    }
    prefix_settle(&p, c);
    return true;
}

bool orchestration_read(struct orchestration *o, struct convo *c)
{
    const cJSON *prompt = json_get(json_get(o->modules, "prompt_templating"), "prompt"), *message;
    const char *effort = json_str(o->params, "reasoning_effort");

    if (!params_good(o))
        return false;
    cJSON_ArrayForEach(message, o->messages)
    {
        if (!read_message(o, c, message))
            return false;
    }
    if (!read_tools(o, c, prompt) || !read_format(o, c, prompt))
        return false;
    if (!read_cache(o, c, prompt))
        return false;
    c->max_tokens =
        (long)json_num(o->params, "max_completion_tokens", json_num(o->params, "max_tokens", 0));
    c->choices = (int)json_num(o->params, "n", 1);
    c->thinking = json_get(o->params, "thinking") != NULL;
    c->reasoning_tokens = effort && strcmp(effort, "none") ? 64 : 0;
    convo_stop(c, json_get(o->params, "stop"));
    return true;
}

/*
 * The Responses API as Azure OpenAI serves it behind AI Core: parameters and tools. See responses.h;
 * input is in responses_input.c, output in responses_render.c, what is stored in responses_stored.c.
 */
#include "responses.h"

#include "chat.h"
#include "inference.h"
#include "json.h"
#include "sse.h"
#include "tenant.h"

#include <string.h>

static const char *const known[] = {"model",
                                    "input",
                                    "instructions",
                                    "tools",
                                    "tool_choice",
                                    "parallel_tool_calls",
                                    "max_output_tokens",
                                    "max_tool_calls",
                                    "temperature",
                                    "top_p",
                                    "top_logprobs",
                                    "reasoning",
                                    "text",
                                    "store",
                                    "previous_response_id",
                                    "include",
                                    "truncation",
                                    "metadata",
                                    "stream",
                                    "stream_options",
                                    "background",
                                    "prompt_cache_key",
                                    "prompt_cache_retention",
                                    "safety_identifier",
                                    "service_tier",
                                    "user",
                                    NULL};

/* --- parameters ---------------------------------------------------------------------------------- */

static bool reasons(const char *model)
{
    return !strncmp(model, "gpt-5", 5) || (model[0] == 'o' && strchr("134", model[1]));
}

static const char *effort_of(struct exchange *x)
{
    const char *model = x->deployment->model->name;
    const char *effort = json_str(json_get(x->json, "reasoning"), "effort");

    if (effort)
        return effort;
    return !strncmp(model, "gpt-5.", 6) ? "none" : "medium";
}

static bool includes(struct exchange *x, const char *what)
{
    const cJSON *item;

    cJSON_ArrayForEach(item, json_get(x->json, "include"))
    {
        if (cJSON_IsString(item) && !strcmp(item->valuestring, what))
            return true;
    }
    return false;
}

static bool reasoning_good(struct exchange *x, bool thinker)
{
    static const char *const members[] = {"effort", "summary", "generate_summary", NULL};
    static const char *const efforts[] = {"none", "minimal", "low", "medium",
                                          "high", "xhigh",   NULL};
    static const char *const summaries[] = {"auto", "concise", "detailed", NULL};
    const cJSON *reasoning = json_get(x->json, "reasoning");

    if (!reasoning)
        return true;
    if (!thinker)
        return chat_bad(x, "unsupported_parameter", "reasoning",
                        "Unsupported parameter: 'reasoning' is not supported with this model.");
    if (json_unknown(reasoning, members))
        return chat_bad(x, "unknown_parameter", "reasoning", "Unknown parameter: 'reasoning.%s'.",
                        json_unknown(reasoning, members)->string);
    if (json_get(reasoning, "effort") && !word_in(json_str(reasoning, "effort"), efforts))
        return chat_bad(x, "unsupported_value", "reasoning.effort", "Unsupported value.");
    if (json_get(reasoning, "summary") && !word_in(json_str(reasoning, "summary"), summaries))
        return chat_bad(x, "invalid_value", "reasoning.summary", "Invalid value.");
    return true;
}

static bool sampling_good(struct exchange *x, bool thinker)
{
    static const char *const members[] = {"temperature", "top_p", "top_logprobs"};
    size_t i;

    for (i = 0; i < 3; i++) {
        const cJSON *item = json_get(x->json, members[i]);
        double standard = i == 2 ? 0 : 1;
        if (!item || !thinker || !strcmp(effort_of(x), "none") || item->valuedouble == standard)
            continue;
        return chat_bad(x, "unsupported_parameter", members[i],
                        "Unsupported parameter: '%s' is not supported with this model.",
                        members[i]);
    }
    if (thinker && strcmp(effort_of(x), "none") != 0 && includes(x, "message.output_text.logprobs"))
        return chat_bad(x, "unsupported_parameter", "include",
                        "logprobs are not supported with reasoning models.");
    return true;
}

static bool text_good(struct exchange *x, struct convo *c)
{
    static const char *const members[] = {"format", "verbosity", NULL};
    static const char *const format_members[] = {"type",   "name",        "schema",
                                                 "strict", "description", NULL};
    const cJSON *text = json_get(x->json, "text"), *format = json_get(text, "format");
    const char *type = json_str(format, "type");

    if (json_unknown(text, members) || json_unknown(format, format_members))
        return chat_bad(x, "unknown_parameter", "text", "Unknown parameter in 'text'.");
    if (json_get(text, "verbosity") && strncmp(x->deployment->model->name, "gpt-5", 5))
        return chat_bad(x, "unsupported_parameter", "text.verbosity",
                        "Unsupported value: 'text.verbosity' is not supported with this model.");
    if (!type || !strcmp(type, "text"))
        return true;
    c->json_mode = !strcmp(type, "json_object");
    if (c->json_mode && !convo_mentions_json(c))
        return chat_bad(x, NULL, "input",
                        "Response input messages must contain the word 'json' in some form to use "
                        "'text.format' of type 'json_object'.");
    if (c->json_mode)
        return true;
    if (strcmp(type, "json_schema") || !json_str(format, "name") || !json_get(format, "schema"))
        return chat_bad(x, "missing_required_parameter", "text.format",
                        "Missing required parameter: 'text.format' needs type, name and schema.");
    c->schema = json_get(format, "schema");
    return true;
}

static bool shape_good(struct exchange *x)
{
    const cJSON *extra = json_unknown(x->json, known), *max;

    if (extra)
        return chat_bad(x, "unknown_parameter", extra->string, "Unknown parameter: '%s'.",
                        extra->string);
    max = json_get(x->json, "max_output_tokens");
    if (max && max->valuedouble < 16)
        return chat_bad(x, "integer_below_min_value", "max_output_tokens",
                        "Invalid 'max_output_tokens': integer below minimum value. Expected a "
                        "value >= 16, but got %g instead.",
                        max->valuedouble);
    if (json_true(x->json, "background") && cJSON_IsFalse(json_get(x->json, "store")))
        return chat_bad(x, NULL, "background",
                        "Background mode requires 'store' to be true for stateful polling.");
    if (json_get(x->json, "stream_options") && !json_true(x->json, "stream"))
        return chat_bad(x, NULL, "stream_options",
                        "The 'stream_options' parameter is only allowed when 'stream' is enabled.");
    if (includes(x, "reasoning.encrypted_content") && !reasons(x->deployment->model->name))
        return chat_bad(x, "unsupported_value", "include",
                        "Encrypted content is not supported with this model.");
    return true;
}

/* --- tools --------------------------------------------------------------------------------------- */

static bool tool_good(struct exchange *x, struct convo *c, const cJSON *tool, int i)
{
    static const char *const members[] = {"type",       "name",   "description",
                                          "parameters", "strict", NULL};
    const char *type = json_str(tool, "type"), *name = json_str(tool, "name");
    const char *param = pool_printf(&x->pool, "tools[%d]", i);

    if (!type || strcmp(type, "function"))
        return chat_bad(x, NULL, "tools", "The following tools are not allowed for model '%s': %s",
                        x->deployment->model->name, type ? type : "null");
    if (json_unknown(tool, members))
        return chat_bad(x, "unknown_parameter", param, "Unknown parameter: '%s.%s'.", param,
                        json_unknown(tool, members)->string);
    if (!name || !name_matches(name, "_-", 64))
        return chat_bad(x, "invalid_value", param,
                        "Invalid '%s.name': string does not match pattern. Expected a string that "
                        "matches the pattern '^[a-zA-Z0-9_-]+$'.",
                        param);
    if (!chat_parameters_good(x, tool, param))
        return false;
    convo_offer(c, name, json_get(tool, "parameters"));
    return true;
}

static bool choice_good(struct exchange *x, struct convo *c)
{
    static const char *const words[] = {"none", "auto", "required", NULL};
    const cJSON *choice = json_get(x->json, "tool_choice");
    const char *word = cJSON_IsString(choice) ? choice->valuestring : NULL;

    if (!choice)
        return true;
    if (cJSON_IsObject(choice)) {
        c->tool_forced_name = json_str(choice, "name");
        c->tool_forced = true;
        if (c->tool_forced_name && convo_offered(c, c->tool_forced_name))
            return true;
        return chat_bad(x, "invalid_value", "tool_choice",
                        "Tool choice not found in 'tools' parameter.");
    }
    if (!word_in(word, words))
        return chat_bad(x, "invalid_value", "tool_choice", "Invalid value for 'tool_choice'.");
    if (!strcmp(word, "required") && !c->tools)
        return chat_bad(x, "invalid_value", "tool_choice",
                        "Tool choice 'required' must be specified with 'tools' parameter.");
    c->tools_off = !strcmp(word, "none");
    c->tool_forced = !strcmp(word, "required");
    return true;
}

static bool tools_good(struct exchange *x, struct convo *c)
{
    const cJSON *tool;
    int i = 0;

    cJSON_ArrayForEach(tool, json_get(x->json, "tools"))
    {
        if (!tool_good(x, c, tool, i++))
            return false;
    }
    c->single_call = cJSON_IsFalse(json_get(x->json, "parallel_tool_calls"));
    return choice_good(x, c);
}

/* --- all ----------------------------------------------------------------------------------------- */

static bool version_good(struct exchange *x)
{
    const char *version = exchange_argument(x, "api-version");

    if (!version || strcmp(version, "2025-03") > 0)
        return true;
    x->family->refuse(x, 404, "Resource not found");
    return false;
}

void responses_error_event(struct exchange *x, unsigned status, struct buf *out)
{
    const char *code = status == 429 ? "too_many_requests" : "server_error";
    struct buf json = {&x->pool, NULL, 0, 0};
    unsigned number = (unsigned)reply_event_count(&x->reply);

    buf_json(&json,
             "{'type':'response.failed','sequence_number':%u,'response':{'id':'resp_failed',"
             "'object':'response','status':'failed','error':null,'output':[]}}",
             number);
    sse_write(out, json.at, "\n");
    json.len = 0;
    buf_json(&json,
             "{'type':'error','sequence_number':%u,'error':{'type':%q,'code':%q,'message':%q,"
             "'param':null}}",
             number + 1, code, code,
             status == 429 ? "Too Many Requests" : "The server had an error.");
    sse_write(out, json.at, "\n");
}

void responses_answer(struct exchange *x)
{
    bool thinker = reasons(x->deployment->model->name);
    struct buf items = {&x->pool, NULL, 0, 0}, whole = {&x->pool, NULL, 0, 0};
    const cJSON *before;
    struct convo c;
    struct answer a;

    convo_init(&c, &x->pool, x->deployment->model->name);
    if (!version_good(x) || !shape_good(x) || !reasoning_good(x, thinker) ||
        !sampling_good(x, thinker) || !tools_good(x, &c) || !responses_find_previous(x, &before) ||
        !responses_read_input(x, &c, before) || !text_good(x, &c))
        return;
    c.max_tokens = (long)json_num(x->json, "max_output_tokens", 0);
    c.thinking = thinker && strcmp(effort_of(x), "none") && strcmp(effort_of(x), "minimal");
    if (!answer_compose(x, &c, &a))
        return;
    responses_store(x, responses_render(x, &c, &a, &items, &whole), &items, &whole, before);
}

/* --- compaction ---------------------------------------------------------------------------------- */

/* They stay, all else goes into one sealed item. */
static void write_users_words(struct exchange *x, struct buf *out, const cJSON *list)
{
    const cJSON *item;

    if (!cJSON_IsArray(list))
        return;
    cJSON_ArrayForEach(item, list)
    {
        const char *role = json_str(item, "role");
        if (role && !strcmp(role, "user"))
            buf_text(out, pool_printf(&x->pool, "%s,", json_text(&x->pool, item)));
    }
}

static void write_sealed(struct exchange *x, struct buf *out, uint64_t seed)
{
    const char *id = derived_id(&x->pool, "cmp_", seed, 32, hex_alphabet);

    buf_json(out, "{'id':%q,'type':'compaction','encrypted_content':%q}", id,
             responses_seal(&x->pool, id, "all that was said"));
}

void responses_compact(struct exchange *x)
{
    static const char *const members[] = {"model",
                                          "input",
                                          "instructions",
                                          "previous_response_id",
                                          "tools",
                                          "parallel_tool_calls",
                                          "reasoning",
                                          "text",
                                          "prompt_cache_key",
                                          NULL};
    const cJSON *extra = json_unknown(x->json, members), *before;
    struct buf output = {&x->pool, NULL, 0, 0};
    struct convo c;
    int tokens;

    convo_init(&c, &x->pool, x->deployment->model->name);
    if (extra) {
        chat_bad(x, "unknown_parameter", extra->string, "Unknown parameter: '%s'.", extra->string);
        return;
    }
    if (!version_good(x) || !tools_good(x, &c) || !responses_find_previous(x, &before) ||
        !responses_read_input(x, &c, before))
        return;
    write_users_words(x, &output, before);
    write_users_words(x, &output, json_get(x->json, "input"));
    write_sealed(x, &output, convo_hash(&c));
    tokens = convo_input_tokens(&c);
    reply_json(&x->reply, 200,
               "{'id':%q,'object':'response.compaction','created_at':1767323045,'output':[%s],"
               "'usage':{'input_tokens':%d,'input_tokens_details':{'cached_tokens':0},"
               "'output_tokens':20,'output_tokens_details':{'reasoning_tokens':0},"
               "'total_tokens':%d}}",
               derived_id(&x->pool, "resp_", convo_hash(&c), 32, hex_alphabet), buf_str(&output),
               tokens, tokens + 20);
}

/*
 * The Responses API as Azure OpenAI serves it behind AI Core: parameters, tools, and what is stored.
 * See responses.h; input is in responses_input.c, output in responses_render.c.
 */
#include "responses.h"

#include "chat.h"
#include "inference.h"
#include "json.h"
#include "sse.h"
#include "tenant.h"

#include <pthread.h>
#include <stdlib.h>
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

/* --- what is stored ------------------------------------------------------------------------------ */

enum { STORED_MAX = 256 };

struct stored {
    char *id, *deployment;
    char *items, *response; /* input and output so far; the answer */
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct stored store[STORED_MAX];
static size_t store_next;

static void forget(struct stored *s)
{
    free(s->id);
    free(s->deployment);
    free(s->items);
    free(s->response);
    memset(s, 0, sizeof *s);
}

void responses_clear(void)
{
    size_t i;

    pthread_mutex_lock(&lock);
    for (i = 0; i < STORED_MAX; i++)
        forget(&store[i]);
    pthread_mutex_unlock(&lock);
}

static void keep(struct exchange *x, const char *id, const char *items, const char *response)
{
    struct stored *s;

    pthread_mutex_lock(&lock);
    s = &store[store_next++ % STORED_MAX];
    forget(s);
    s->id = strdup(id);
    s->deployment = strdup(x->deployment->id);
    s->items = strdup(items);
    s->response = strdup(response);
    pthread_mutex_unlock(&lock);
}

/* A response lives in the deployment that made it. Call with the lock held. */
static struct stored *find(struct exchange *x, const char *id, size_t len)
{
    size_t i;

    for (i = 0; i < STORED_MAX; i++)
        if (store[i].id && strlen(store[i].id) == len && !strncmp(store[i].id, id, len) &&
            !strcmp(store[i].deployment, x->deployment->id))
            return &store[i];
    return NULL;
}

/* The items of the response that this one goes on from; false if the exchange was answered. */
static bool find_previous(struct exchange *x, const cJSON **before)
{
    const char *id = json_str(x->json, "previous_response_id"), *why;
    struct stored *s;

    *before = NULL;
    if (!id)
        return true;
    pthread_mutex_lock(&lock);
    s = find(x, id, strlen(id));
    if (s)
        *before = json_parse(&x->pool, s->items, strlen(s->items), &why);
    pthread_mutex_unlock(&lock);
    if (*before)
        return true;
    return chat_bad(x, "previous_response_not_found", "previous_response_id",
                    "Previous response with id '%s' not found.", id);
}

const cJSON *responses_stored_item(struct exchange *x, const char *id)
{
    const cJSON *list, *item, *found = NULL;
    const char *why;
    size_t i;

    pthread_mutex_lock(&lock);
    for (i = 0; i < STORED_MAX && !found; i++) {
        if (!store[i].id || strcmp(store[i].deployment, x->deployment->id) ||
            !strstr(store[i].items, id))
            continue;
        list = json_parse(&x->pool, store[i].items, strlen(store[i].items), &why);
        cJSON_ArrayForEach(item, list)
        {
            if (json_str(item, "id") && !strcmp(json_str(item, "id"), id))
                found = item;
        }
    }
    pthread_mutex_unlock(&lock);
    return found;
}

void responses_stored_answer(struct exchange *x)
{
    const char *id = x->suffix + strlen("/responses/");
    size_t len = strcspn(id, "/");
    bool cancels = !strcmp(id + len, "/cancel") && exchange_is(x, "POST");
    struct stored *s;
    char *text = NULL;

    pthread_mutex_lock(&lock);
    s = find(x, id, len);
    if (s)
        text = pool_copy(&x->pool, s->response, strlen(s->response));
    if (s && exchange_is(x, "DELETE"))
        forget(s);
    pthread_mutex_unlock(&lock);
    if (!text)
        x->family->refuse(x, 404, "Response not found.");
    else if (cancels)
        chat_bad(x, NULL, NULL, "Cannot cancel a synchronous response.");
    else if (exchange_is(x, "DELETE"))
        reply_json(&x->reply, 200, "{'deleted':true,'id':%q,'object':'response.deleted'}",
                   pool_copy(&x->pool, id, len));
    else if (exchange_is(x, "GET") && !id[len])
        reply_text(&x->reply, 200, "application/json", text);
    else
        x->family->refuse(x, 404, "Resource not found");
}

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

static void store_answer(struct exchange *x, const char *id, const struct buf *output,
                         const struct buf *whole, const cJSON *before)
{
    struct buf items = {&x->pool, NULL, 0, 0};
    const cJSON *input = json_get(x->json, "input"), *item,
                *lists[2] = {before, cJSON_IsArray(input) ? input : NULL};
    int i;

    if (cJSON_IsFalse(json_get(x->json, "store")))
        return;
    buf_char(&items, '[');
    for (i = 0; i < 2; i++) {
        cJSON_ArrayForEach(item, lists[i])
        {
            buf_text(&items, json_text(&x->pool, item));
            buf_char(&items, ',');
        }
    }
    if (cJSON_IsString(input))
        buf_json(&items, "{'role':'user','content':%q},", input->valuestring);
    buf_text(&items, buf_str(output) + 1); /* goes on behind its bracket */
    keep(x, id, items.at, buf_str(whole));
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
    const char *id;

    convo_init(&c, &x->pool, x->deployment->model->name);
    if (!version_good(x) || !shape_good(x) || !reasoning_good(x, thinker) ||
        !sampling_good(x, thinker) || !tools_good(x, &c) || !find_previous(x, &before) ||
        !responses_read_input(x, &c, before) || !text_good(x, &c))
        return;
    c.max_tokens = (long)json_num(x->json, "max_output_tokens", 0);
    c.thinking = thinker && strcmp(effort_of(x), "none") && strcmp(effort_of(x), "minimal");
    if (!answer_compose(x, &c, &a))
        return;
    id = responses_render(x, &c, &a, &items, &whole);
    store_answer(x, id, &items, &whole, before);
}

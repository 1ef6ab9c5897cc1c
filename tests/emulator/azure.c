/*
 * Azure OpenAI: chat completions. Checks the request's parameters by model as the service
 * does, see chat_messages.c and chat_tools.c for the rest of it.
 */
#include "cache.h"
#include "chat.h"
#include "inference.h"
#include "json.h"
#include "responses.h"
#include "sse.h"
#include "tenant.h"
#include "wire.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const known[] = {"messages",
                                    "model",
                                    "frequency_penalty",
                                    "presence_penalty",
                                    "logit_bias",
                                    "max_tokens",
                                    "max_completion_tokens",
                                    "n",
                                    "response_format",
                                    "stop",
                                    "stream",
                                    "temperature",
                                    "top_logprobs",
                                    "logprobs",
                                    "top_p",
                                    "tools",
                                    "tool_choice",
                                    "stream_options",
                                    "reasoning_effort",
                                    "parallel_tool_calls",
                                    "seed",
                                    "user",
                                    "prediction",
                                    "modalities",
                                    "audio",
                                    "store",
                                    "metadata",
                                    "verbosity",
                                    "prompt_cache_key",
                                    "service_tier",
                                    "safety_identifier",
                                    NULL};

static const char *azure_code(unsigned status)
{
    switch (status) {
    case 401:
        return "401";
    case 403:
        return "403";
    case 404:
        return "404";
    case 408:
        return "Timeout";
    case 429:
        return "429";
    case 500:
        return "InternalServerError";
    case 503:
        return "ServiceUnavailable";
    default:
        return NULL;
    }
}

void chat_error_json(struct exchange *x, unsigned status, const char *code, const char *param,
                     const char *message, struct buf *out)
{
    const char *type = status == 429  ? "too_many_requests"
                       : status < 500 ? "invalid_request_error"
                                      : "server_error";

    if (x->family == &azure_family)
        buf_json(out, "{'error':{'message':%q,'type':%q,'param':%q,'code':%q}}", message, type,
                 param, code ? code : azure_code(status));
    else if (x->deployment && !strcmp(x->deployment->executable, "perplexity-ai"))
        buf_json(out, "{'error':{'message':%q,'type':%q,'code':%u}}", message,
                 code ? code : "invalid_parameter", status);
    else
        buf_json(out, "{'object':'error','message':%q,'type':%q,'param':%q,'code':%u}", message,
                 status == 400 ? "BadRequestError" : "InternalServerError", param, status);
}

static void chat_refuse_with(struct exchange *x, unsigned status, const char *code,
                             const char *param, const char *message)
{
    struct buf out = {&x->pool, NULL, 0, 0};

    chat_error_json(x, status, code, param, message, &out);
    reply_text(&x->reply, status, "application/json", out.at);
}

bool chat_bad(struct exchange *x, const char *code, const char *param, const char *format, ...)
{
    char message[1200];
    va_list args;
    size_t len;

    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    len = strlen(message);
    message[utf8_prefix(message, len, len > 1190 ? 1190 : len)] = '\0';
    chat_refuse_with(x, 400, code, param, message);
    return false;
}

static void azure_refuse(struct exchange *x, unsigned status, const char *message)
{
    chat_refuse_with(x, status, NULL, NULL, message);
}

static void azure_error_event(struct exchange *x, unsigned status, struct buf *out)
{
    struct buf json = {&x->pool, NULL, 0, 0};

    if (!strcmp(x->suffix, "/responses")) {
        responses_error_event(x, status, out);
        return;
    }
    chat_error_json(x, status, status == 429 ? "too_many_requests" : NULL, NULL,
                    status == 429 ? "Too Many Requests" : "The server had an error.", &json);
    sse_write(out, json.at, "\n");
}

const struct family azure_family = {"azure-openai", azure_refuse, azure_error_event};

static bool begins(const char *text, const char *start)
{
    return !strncmp(text, start, strlen(start));
}

struct traits {
    bool reasoning, o_series;
    double gpt; /* 5.2 for gpt-5.2, 0 if it is not a GPT of generation 5 or later */
};

static struct traits traits_of(const char *model)
{
    struct traits t = {false, false, 0};

    t.o_series = begins(model, "o1") || begins(model, "o3") || begins(model, "o4");
    if (begins(model, "gpt-5"))
        t.gpt = strtod(model + 4, NULL);
    t.reasoning = t.o_series || t.gpt > 0;
    return t;
}

static bool unsupported(struct exchange *x, const char *param, const char *hint)
{
    return chat_bad(x, "unsupported_parameter", param,
                    "Unsupported parameter: '%s' is not supported with this model.%s", param, hint);
}

static bool effort_good(struct exchange *x, const struct traits *t)
{
    static const char *const o_series[] = {"low", "medium", "high", NULL};
    static const char *const gpt5[] = {"minimal", "low", "medium", "high", NULL};
    static const char *const gpt51[] = {"none", "low", "medium", "high", NULL};
    static const char *const gpt52[] = {"none", "low", "medium", "high", "xhigh", NULL};
    const char *effort = json_str(x->json, "reasoning_effort");
    const char *version = exchange_argument(x, "api-version");
    const char *const *words = t->o_series     ? o_series
                               : t->gpt > 5.15 ? gpt52
                               : t->gpt > 5.05 ? gpt51
                                               : gpt5;

    if (!json_get(x->json, "reasoning_effort"))
        return true;
    if (!t->reasoning || strcmp(version, "2024-12-01") < 0)
        return chat_bad(x, NULL, NULL, "Unrecognized request argument supplied: reasoning_effort");
    if (!word_in(effort, words))
        return chat_bad(x, "unsupported_value", "reasoning_effort",
                        "Unsupported value: 'reasoning_effort' does not support '%s' with this "
                        "model.",
                        effort ? effort : "?");
    return true;
}

static bool effort_is_none(struct exchange *x)
{
    const char *effort = json_str(x->json, "reasoning_effort");

    return effort && !strcmp(effort, "none");
}

/* Newer models refuse function tools while they reason on this endpoint. */
static bool tools_with_effort_good(struct exchange *x, const struct traits *t)
{
    bool has_effort = json_get(x->json, "reasoning_effort") != NULL;

    if (t->gpt < 5.35 || !json_get(x->json, "tools") || effort_is_none(x))
        return true;
    if (!has_effort && t->gpt < 5.55)
        return true;
    return chat_bad(x, NULL, "reasoning_effort",
                    "Function tools with reasoning_effort are not supported for %s in "
                    "/v1/chat/completions. Please use /v1/responses instead.",
                    x->deployment->model->name);
}

static bool default_only(struct exchange *x, const char *name, double standard)
{
    const cJSON *item = json_get(x->json, name);

    if (!item || (cJSON_IsNumber(item) && item->valuedouble == standard))
        return true;
    return chat_bad(x, "unsupported_value", name,
                    "Unsupported value: '%s' does not support %s with this model. Only the default "
                    "(%g) value is supported.",
                    name, json_text(&x->pool, item), standard);
}

static bool sampling_good(struct exchange *x, const struct traits *t)
{
    bool thinks = t->reasoning && !(t->gpt > 5.05 && effort_is_none(x));

    if (!t->reasoning)
        return true;
    if (json_get(x->json, "max_tokens"))
        return unsupported(x, "max_tokens", " Use 'max_completion_tokens' instead.");
    if (!default_only(x, "presence_penalty", 0) || !default_only(x, "frequency_penalty", 0))
        return false;
    if (cJSON_GetArraySize(json_get(x->json, "logit_bias")))
        return unsupported(x, "logit_bias", "");
    if (!thinks)
        return true;
    if (!default_only(x, "temperature", 1) || !default_only(x, "top_p", 1))
        return false;
    if (json_true(x->json, "logprobs"))
        return unsupported(x, "logprobs", "");
    return json_get(x->json, "top_logprobs") ? unsupported(x, "top_logprobs", "") : true;
}

static bool model_rules_good(struct exchange *x)
{
    const char *model = x->deployment->model->name, *version = exchange_argument(x, "api-version");
    struct traits t = traits_of(model);
    bool no_stop = t.gpt > 0 || !strcmp(model, "o3") || !strcmp(model, "o4-mini");

    if (t.o_series && strcmp(version, "2024-12-01") < 0)
        return chat_bad(x, "BadRequest", NULL,
                        "Model %s is enabled only for api versions 2024-12-01-preview and later",
                        model);
    if (no_stop && json_get(x->json, "stop"))
        return unsupported(x, "stop", "");
    if (t.o_series && json_get(x->json, "parallel_tool_calls"))
        return unsupported(x, "parallel_tool_calls", "");
    if (!t.gpt && json_get(x->json, "verbosity"))
        return unsupported(x, "verbosity", "");
    return effort_good(x, &t) && tools_with_effort_good(x, &t) && sampling_good(x, &t);
}

struct range {
    const char *name;
    double min, max;
    bool whole;
};

static bool number_good(struct exchange *x, const struct range *r)
{
    const cJSON *item = json_get(x->json, r->name);
    double v;

    if (!item)
        return true;
    v = item->valuedouble;
    if (!cJSON_IsNumber(item) || (r->whole && v != (double)(long long)v))
        return chat_bad(x, "invalid_type", r->name,
                        "Invalid type for '%s': expected %s, but got %s instead.", r->name,
                        r->whole ? "an integer" : "a decimal", json_text(&x->pool, item));
    if (v < r->min)
        return chat_bad(x, "integer_below_min_value", r->name,
                        "Invalid '%s': integer below minimum value. Expected a value >= %g, but "
                        "got %g instead.",
                        r->name, r->min, v);
    if (v > r->max)
        return chat_bad(x, "integer_above_max_value", r->name,
                        "Invalid '%s': integer above maximum value. Expected a value <= %g, but "
                        "got %g instead.",
                        r->name, r->max, v);
    return true;
}

static bool booleans_good(struct exchange *x)
{
    static const char *const names[] = {"stream", "logprobs", "parallel_tool_calls", "store", NULL};
    int i;

    for (i = 0; names[i]; i++) {
        const cJSON *item = json_get(x->json, names[i]);
        if (item && !cJSON_IsBool(item))
            return chat_bad(x, "invalid_type", names[i],
                            "Invalid type for '%s': expected a boolean, but got %s instead.",
                            names[i], json_text(&x->pool, item));
    }
    return true;
}

static bool numbers_good(struct exchange *x)
{
    static const struct range ranges[] = {{"temperature", 0, 2, false},
                                          {"top_p", 0, 1, false},
                                          {"presence_penalty", -2, 2, false},
                                          {"frequency_penalty", -2, 2, false},
                                          {"n", 1, 128, true},
                                          {"max_tokens", 1, 1e9, true},
                                          {"max_completion_tokens", 1, 1e9, true},
                                          {"top_logprobs", 0, 20, true},
                                          {"seed", -9.3e18, 9.3e18, true}};
    size_t i;

    for (i = 0; i < sizeof ranges / sizeof ranges[0]; i++)
        if (!number_good(x, &ranges[i]))
            return false;
    return true;
}

static bool stream_options_good(struct exchange *x)
{
    static const char *const option_known[] = {"include_usage", "include_obfuscation", NULL};
    const cJSON *options = json_get(x->json, "stream_options");

    if (!options)
        return true;
    if (!json_true(x->json, "stream"))
        return chat_bad(x, NULL, "stream_options",
                        "The 'stream_options' parameter is only allowed when 'stream' is enabled.");
    if (json_unknown(options, option_known))
        return chat_bad(x, "unknown_parameter", "stream_options",
                        "Unknown parameter: 'stream_options.%s'.",
                        json_unknown(options, option_known)->string);
    return true;
}

static bool stop_good(struct exchange *x)
{
    const cJSON *stop = json_get(x->json, "stop");

    if (!stop || cJSON_IsString(stop) || (cJSON_IsArray(stop) && cJSON_GetArraySize(stop) <= 4))
        return true;
    return chat_bad(x, "invalid_value", "stop",
                    "Invalid 'stop': expected a string or an array of at most 4 strings.");
}

static bool shape_good(struct exchange *x)
{
    const cJSON *extra = json_unknown(x->json, known);

    if (extra)
        return chat_bad(x, "unknown_parameter", extra->string, "Unknown parameter: '%s'.",
                        extra->string);
    if (!numbers_good(x) || !booleans_good(x) || !stream_options_good(x) || !stop_good(x))
        return false;
    if (json_get(x->json, "top_logprobs") && !json_true(x->json, "logprobs"))
        return chat_bad(x, "invalid_value", "top_logprobs",
                        "The 'top_logprobs' parameter is only allowed when 'logprobs' is enabled.");
    if (json_get(x->json, "max_tokens") && json_get(x->json, "max_completion_tokens"))
        return chat_bad(x, "invalid_value", "max_tokens",
                        "Setting 'max_tokens' and 'max_completion_tokens' at the same time is not "
                        "supported.");
    return true;
}

static int effort_tokens(struct exchange *x)
{
    const char *effort = json_str(x->json, "reasoning_effort");
    struct traits t = traits_of(x->deployment->model->name);

    if (!t.reasoning || (effort && (!strcmp(effort, "none") || !strcmp(effort, "minimal"))))
        return 0;
    if (!effort || !strcmp(effort, "medium"))
        return t.gpt > 5.05 && !effort ? 0 : 64;
    return !strcmp(effort, "low") ? 16 : 256;
}

static void read_limits(struct exchange *x, struct convo *c)
{
    c->max_tokens =
        (long)json_num(x->json, "max_completion_tokens", json_num(x->json, "max_tokens", 0));
    c->choices = (int)json_num(x->json, "n", 1);
    c->logprobs = json_true(x->json, "logprobs");
    c->top_logprobs = (int)json_num(x->json, "top_logprobs", 0);
    c->reasoning_tokens = effort_tokens(x);
    convo_stop(c, json_get(x->json, "stop"));
}

/* Automatic caching: prompts of 1024 tokens and more, by their first 4000 bytes. */
static void read_cache(struct exchange *x, struct convo *c)
{
    uint64_t key = hash_text(hash_text(3, x->tenant->name), c->model);
    char *start = json_text(&x->pool, json_get(x->json, "messages"));
    size_t len = strlen(start);

    if (len < 4096)
        return;
    key = hash_bytes(key, start, 4000);
    if (cache_has(key))
        c->cache_read = convo_input_tokens(c) / 128 * 128;
    cache_put(key);
}

void azure_answer(struct exchange *x)
{
    struct convo c;
    struct answer a;

    convo_init(&c, &x->pool, x->deployment->model->name);
    if (strstr(c.model, "embedding")) {
        azure_refuse(x, 400,
                     "The chatCompletion operation does not work with the specified model. "
                     "Please choose different model and try again.");
        return;
    }
    if (!shape_good(x) || !model_rules_good(x) || !chat_read_messages(x, &c) ||
        !chat_read_tools(x, &c) || !chat_read_format(x, &c))
        return;
    read_limits(x, &c);
    read_cache(x, &c);
    if (answer_compose(x, &c, &a))
        chat_render(x, &c, &a);
}

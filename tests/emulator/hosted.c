/*
 * SAP-hosted and partner models that speak chat completions: Mistral (vLLM-like) and
 * Perplexity. The model must be named in the body; unknown fields are refused.
 */
#include "chat.h"
#include "inference.h"
#include "json.h"
#include "sse.h"
#include "tenant.h"

#include <string.h>

static const char *const mistral_known[] = {"messages",
                                            "model",
                                            "frequency_penalty",
                                            "presence_penalty",
                                            "max_tokens",
                                            "n",
                                            "stop",
                                            "response_format",
                                            "max_completion_tokens",
                                            "stream",
                                            "temperature",
                                            "logprobs",
                                            "top_logprobs",
                                            "top_p",
                                            "tools",
                                            "tool_choice",
                                            "seed",
                                            "stream_options",
                                            "parallel_tool_calls",
                                            "user",
                                            "top_k",
                                            "logit_bias",
                                            NULL};

static const char *const sonar_known[] = {"messages",
                                          "model",
                                          "frequency_penalty",
                                          "presence_penalty",
                                          "max_tokens",
                                          "stream",
                                          "temperature",
                                          "top_p",
                                          "top_k",
                                          "stream_options",
                                          "response_format",
                                          "search_mode",
                                          "reasoning_effort",
                                          "return_images",
                                          "search_domain_filter",
                                          "web_search_options",
                                          "return_related_questions",
                                          "search_recency_filter",
                                          NULL};

static void hosted_refuse(struct exchange *x, unsigned status, const char *message)
{
    struct buf out = {&x->pool, NULL, 0, 0};

    chat_error_json(x, status, NULL, NULL, message, &out);
    reply_text(&x->reply, status, "application/json", out.at);
}

static void hosted_error_event(struct exchange *x, unsigned status, struct buf *out)
{
    struct buf json = {&x->pool, NULL, 0, 0};

    buf_json(&json, "{'error':{'object':'error','message':%q,'type':%q,'code':%u}}",
             status == 429 ? "Too Many Requests" : "The engine had an error.",
             status == 429 ? "rate_limit_exceeded" : "InternalServerError", status);
    sse_write(out, json.at, "\n");
    (void)x;
}

const struct family hosted_family = {"openai-compatible", hosted_refuse, hosted_error_event};

static bool fields_good(struct exchange *x, bool sonar)
{
    const cJSON *extra = json_unknown(x->json, sonar ? sonar_known : mistral_known);
    const char *model = json_str(x->json, "model");

    if (extra)
        return chat_bad(x, NULL, NULL,
                        "[{'type': 'extra_forbidden', 'loc': ('body', '%s'), 'msg': 'Extra inputs "
                        "are not permitted'}]",
                        extra->string);
    if (!model)
        return chat_bad(x, NULL, NULL,
                        "[{'type': 'missing', 'loc': ('body', 'model'), 'msg': 'Field required'}]");
    if (strcmp(model, x->deployment->model->name)) {
        hosted_refuse(x, 404, pool_printf(&x->pool, "The model `%s` does not exist.", model));
        return false;
    }
    return true;
}

/* mistral-common, validator: only the assistant speaks behind tool results. */
static bool mistral_turns_good(struct exchange *x)
{
    const cJSON *message, *list = json_get(x->json, "messages");
    const char *before = "";

    cJSON_ArrayForEach(message, list)
    {
        const char *role = json_str(message, "role");
        if (!strcmp(before, "tool") && role && strcmp(role, "tool") && strcmp(role, "assistant"))
            return chat_bad(x, "invalid_request_message_order", NULL,
                            "Unexpected role '%s' after role 'tool'", role);
        before = role ? role : "";
    }
    return true;
}

/* Perplexity wants user and assistant in turns after the system messages, user last. */
static bool sonar_turns_good(struct exchange *x, const struct convo *c)
{
    enum turn_role before = TURN_SYSTEM;
    size_t i;

    for (i = 0; i < c->turn_count; i++) {
        enum turn_role role = c->turns[i].role;
        if ((role == TURN_SYSTEM && before != TURN_SYSTEM) ||
            (role == before && role != TURN_SYSTEM) ||
            (role == TURN_ASSISTANT && before == TURN_SYSTEM))
            return chat_bad(x, "invalid_message", NULL,
                            "After the (optional) system message(s), user or tool message(s) "
                            "should alternate with assistant message(s).");
        before = role;
    }
    if (before != TURN_USER)
        return chat_bad(x, "invalid_message", NULL,
                        "Last message must have role `user` or `tool`.");
    return true;
}

void hosted_answer(struct exchange *x)
{
    bool sonar = !strcmp(x->deployment->executable, "perplexity-ai");
    struct convo c;
    struct answer a;

    convo_init(&c, &x->pool, x->deployment->model->name);
    if (!fields_good(x, sonar) || !chat_read_messages(x, &c) ||
        (sonar ? !sonar_turns_good(x, &c) : !mistral_turns_good(x)) || !chat_read_tools(x, &c) ||
        !chat_read_format(x, &c))
        return;
    c.max_tokens =
        (long)json_num(x->json, "max_tokens", json_num(x->json, "max_completion_tokens", 0));
    c.choices = (int)json_num(x->json, "n", 1);
    c.choices = c.choices < 1 ? 1 : c.choices > 16 ? 16 : c.choices;
    convo_stop(&c, json_get(x->json, "stop"));
    if (answer_compose(x, &c, &a))
        chat_render(x, &c, &a);
}

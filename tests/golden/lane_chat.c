/* Requests of the lane from chat completions to Azure OpenAI. */
#include "twin.h"

static void chat_part(struct twin *t, bool touched)
{
    struct list l = open_list(t, "{}", touched);

    word_member(t, &l, "type", "\"text\"");
    text_member(t, &l, "text");
    if (touched)
        lost_member(t, &l, "cache_control");
    if (one_in(3))
        free_member(t, &l, "x_part");
    close_list(t, &l);
}

static void chat_call(struct twin *t, bool touched)
{
    struct list l = open_list(t, "{}", touched);

    if (touched)
        lost_member(t, &l, "index");
    word_member(t, &l, "id", "\"call_\\u0031\"");
    free_member(t, &l, "function");
    close_list(t, &l);
}

static void chat_elements(struct twin *t, struct touch parts, void (*element)(struct twin *, bool))
{
    struct list l = open_list(t, "[]", parts.any);

    for (unsigned i = 0; i < parts.count; i++) {
        next_element(t, &l);
        element(t, parts.element[i]);
    }
    close_list(t, &l);
}

static void chat_message(struct twin *t, bool user, bool touched)
{
    struct touch parts = plan(1, 3), calls = plan(1, 2);

    plan_only_if(&parts, touched);
    plan_only_if(&calls, touched);
    struct list l = open_list(t, "{}", touched);
    word_member(t, &l, "role", user ? "\"user\"" : "\"assistant\"");
    next_member(t, &l, "content");
    chat_elements(t, parts, chat_part);
    if (!user) {
        next_member(t, &l, "tool_calls");
        chat_elements(t, calls, chat_call);
    }
    if (touched)
        lost_member(t, &l, user ? "cache_control" : "reasoning_content");
    free_member(t, &l, "x_message");
    close_list(t, &l);
}

static void chat_messages(struct twin *t)
{
    struct touch messages = plan(1, 4);
    struct list l = open_list(t, "[]", messages.any);

    for (unsigned i = 0; i < messages.count; i++) {
        next_element(t, &l);
        chat_message(t, i % 2 == 0, messages.element[i]);
    }
    close_list(t, &l);
}

static void chat_tools(struct twin *t)
{
    struct list l = open_list(t, "[]", false);

    for (unsigned n = 1 + below(3); n; n--) {
        next_element(t, &l);
        struct list tool = open_list(t, "{}", false);
        word_member(t, &tool, "type", "\"function\"");
        next_member(t, &tool, "function");
        struct list function = open_list(t, "{}", false);
        text_member(t, &function, "name");
        free_member(t, &function, "parameters");
        close_list(t, &function);
        close_list(t, &tool);
    }
    close_list(t, &l);
}

/* The usage chunk is always asked for in a stream; without one the member goes. */
static void chat_stream_options(struct twin *t, struct list *l, bool stream)
{
    t->gone += !stream;
    next_member(t, l, "stream_options");
    bool asked = one_in(2);
    struct list options = open_list(t, "{}", !asked);
    if (asked)
        word_member(t, &options, "include_usage", "true");
    if (one_in(2))
        free_member(t, &options, "include_obfuscation");
    if (!asked && !t->gone)
        buf_add_cstr(&t->arrives,
                     options.any_arrives ? ",\"include_usage\":true" : "\"include_usage\":true");
    close_list(t, &options);
    t->gone -= !stream;
}

void write_chat(struct twin *t, bool stream)
{
    static const char *const kept[] = {"seed",  "user",       "metadata",        "prediction",
                                       "stop",  "logit_bias", "response_format", "temperature",
                                       "store", "top_p",      "\\u0075ser",      "tool_choice",
                                       NULL};
    static const char *const lost[] = {"model", "x_unknown", "\\u006dodel", "verbosity",
                                       "top_k", "",          "thinking",    "reasoning_effort",
                                       NULL};
    struct list l = open_list(t, "{}", true);
    bool options = one_in(2);

    some_members(t, &l, 5, kept, lost);
    next_member(t, &l, "messages");
    chat_messages(t);
    next_member(t, &l, "tools");
    chat_tools(t);
    word_member(t, &l, "stream", stream ? "true" : "false");
    if (options)
        chat_stream_options(t, &l, stream);
    lost_member(t, &l, "model");
    if (stream && !options)
        buf_add_cstr(&t->arrives, ",\"stream_options\":{\"include_usage\":true}");
    close_list(t, &l);
}

/* Requests of the lane from messages to Bedrock. */
#include "twin.h"

static void scoped_cache(struct twin *t, struct list *l)
{
    next_member(t, l, "cache_control");
    struct list cache = open_list(t, "{}", true);
    word_member(t, &cache, "type", "\"ephemeral\"");
    lost_member(t, &cache, "scope");
    close_list(t, &cache);
}

static void text_block(struct twin *t, bool touched)
{
    struct list l = open_list(t, "{}", touched);

    text_member(t, &l, "text");
    word_member(t, &l, "type", "\"text\"");
    if (one_in(3))
        free_member(t, &l, "x_block");
    if (touched)
        scoped_cache(t, &l);
    close_list(t, &l);
}

static void call_block(struct twin *t)
{
    struct list l = open_list(t, "{}", false);

    word_member(t, &l, "type", "\"tool_use\"");
    word_member(t, &l, "id", "\"toolu_\\u0031\"");
    text_member(t, &l, "name");
    free_member(t, &l, "input");
    close_list(t, &l);
}

static void thinking_block(struct twin *t)
{
    struct list l = open_list(t, "{}", false);

    word_member(t, &l, "type", "\"thinking\"");
    text_member(t, &l, "thinking");
    text_member(t, &l, "signature");
    close_list(t, &l);
}

static void result_block(struct twin *t, bool touched)
{
    struct list l = open_list(t, "{}", touched);

    word_member(t, &l, "tool_use_id", "\"toolu_\\u0031\"");
    next_member(t, &l, "content");
    struct list content = open_list(t, "[]", touched);
    next_element(t, &content);
    text_block(t, touched);
    close_list(t, &content);
    word_member(t, &l, "type", "\"tool_result\"");
    close_list(t, &l);
}

/* At most one breakpoint each, so that there are never more than four. */
static void claude_message(struct twin *t, unsigned number, bool touched)
{
    bool user = number % 2 == 0;
    struct list l = open_list(t, "{}", touched);

    next_member(t, &l, "content");
    struct list blocks = open_list(t, "[]", touched);
    if (!user) {
        next_element(t, &blocks);
        thinking_block(t);
    }
    next_element(t, &blocks);
    if (user && number)
        result_block(t, touched);
    else
        text_block(t, touched);
    next_element(t, &blocks);
    if (user)
        text_block(t, false);
    else
        call_block(t);
    close_list(t, &blocks);
    word_member(t, &l, "role", user ? "\"user\"" : "\"assistant\"");
    free_member(t, &l, "x_message");
    close_list(t, &l);
}

static void claude_messages(struct twin *t)
{
    struct touch messages = plan(1, 3);

    messages.count |= 1; /* the last one is the user's */
    struct list l = open_list(t, "[]", messages.any);
    for (unsigned i = 0; i < messages.count; i++) {
        next_element(t, &l);
        claude_message(t, i, messages.element[i]);
    }
    close_list(t, &l);
}

static void claude_tools(struct twin *t)
{
    struct touch tools = plan(1, 3);
    struct list l = open_list(t, "[]", tools.any);

    for (unsigned i = 0; i < tools.count; i++) {
        next_element(t, &l);
        struct list tool = open_list(t, "{}", tools.element[i]);
        free_member(t, &tool, "input_schema");
        if (tools.element[i])
            lost_member(t, &tool, "defer_loading");
        text_member(t, &tool, "name");
        close_list(t, &tool);
    }
    close_list(t, &l);
}

void write_claude(struct twin *t, bool stream)
{
    static const char *const kept[] = {"temperature", "top_p", "top_k", "stop_sequences", NULL};
    static const char *const lost[] = {"model",       "stream", "context_management", "x_unknown",
                                       "speed",       "",       "service_tier",       "\\u006dodel",
                                       "mcp_servers", NULL};
    bool touched = one_in(3), version = one_in(3);
    struct list l = open_list(t, "{}", true);

    some_members(t, &l, 4, kept, lost);
    word_member(t, &l, "max_tokens", one_in(2) ? "1024" : "1.0e3");
    next_member(t, &l, "messages");
    claude_messages(t);
    next_member(t, &l, "tools");
    claude_tools(t);
    if (version)
        word_member(t, &l, "anthropic_version", "\"bedrock-2023-05-31\"");
    next_member(t, &l, "system");
    struct list system = open_list(t, "[]", touched);
    next_element(t, &system);
    text_block(t, touched);
    close_list(t, &system);
    t->gone++;
    word_member(t, &l, "stream", stream ? "true" : "false");
    t->gone--;
    if (!version)
        buf_add_cstr(&t->arrives, ",\"anthropic_version\":\"bedrock-2023-05-31\"");
    close_list(t, &l);
}

/* Requests of the lane from Responses to Azure OpenAI's own. */
#include "twin.h"

/* --- items of the input ---------------------------------------------------------------------- */

/* An id that this gateway made means nothing to Azure. */
static void id_of_ours(struct twin *t, struct list *l)
{
    t->gone++;
    word_member(t, l, "id", "\"crly_1\"");
    t->gone--;
}

static void message_item(struct twin *t, bool touched)
{
    struct list l = open_list(t, "{}", touched);

    word_member(t, &l, "role", one_in(2) ? "\"user\"" : "\"develop\\u0065r\"");
    if (touched)
        id_of_ours(t, &l);
    else if (one_in(2))
        text_member(t, &l, "id");
    next_member(t, &l, "content");
    struct list parts = open_list(t, "[]", false);
    for (unsigned n = 1 + below(2); n; n--) {
        next_element(t, &parts);
        struct list part = open_list(t, "{}", false);
        word_member(t, &part, "type", "\"input_text\"");
        text_member(t, &part, "text");
        free_member(t, &part, "x_part");
        close_list(t, &part);
    }
    close_list(t, &parts);
    free_member(t, &l, "x_item");
    close_list(t, &l);
}

static void call_item(struct twin *t, bool touched)
{
    struct list l = open_list(t, "{}", touched);

    word_member(t, &l, "type", "\"function_call\"");
    word_member(t, &l, "call_id", "\"call_\\u0031\"");
    if (touched)
        id_of_ours(t, &l);
    text_member(t, &l, "name");
    text_member(t, &l, "arguments");
    close_list(t, &l);
}

static void result_item(struct twin *t, bool touched)
{
    struct list l = open_list(t, "{}", touched);

    word_member(t, &l, "type", "\"function_call_output\"");
    word_member(t, &l, "call_id", "\"call_\\u0031\"");
    free_member(t, &l, "output");
    if (touched)
        id_of_ours(t, &l);
    close_list(t, &l);
}

/* What another family's thinking was packed into goes as a whole. */
static void reasoning_item(struct twin *t, bool touched)
{
    struct list l = open_list(t, "{}", false);

    word_member(t, &l, "type", "\"reasoning\"");
    if (touched)
        word_member(t, &l, "encrypted_content", "\"crly_claude_x\"");
    else
        text_member(t, &l, "encrypted_content");
    free_member(t, &l, "summary");
    free_member(t, &l, "content");
    close_list(t, &l);
}

static void put_input(struct twin *t)
{
    static void (*const items[])(struct twin *, bool) = {message_item, call_item, result_item};
    struct touch p = plan(1, 4);
    struct list l = open_list(t, "[]", p.any);

    for (unsigned i = 0; i < p.count; i++) {
        bool reasoning = one_in(4), lost = reasoning && p.element[i];
        t->gone += lost;
        next_element(t, &l);
        if (reasoning)
            reasoning_item(t, p.element[i]);
        else
            items[below(3)](t, p.element[i]);
        t->gone -= lost;
    }
    close_list(t, &l);
}

/* --- tools ----------------------------------------------------------------------------------- */

static void function_tool(struct twin *t, bool touched)
{
    struct list l = open_list(t, "{}", touched);

    word_member(t, &l, "type", "\"function\"");
    text_member(t, &l, "name");
    if (touched)
        lost_member(t, &l, one_in(2) ? "defer_loading" : "x_tool");
    free_member(t, &l, "parameters");
    free_member(t, &l, "strict");
    close_list(t, &l);
}

static void hosted_tool(struct twin *t)
{
    struct list l = open_list(t, "{}", false);

    word_member(t, &l, "type", "\"web_search\"");
    free_member(t, &l, "filters");
    close_list(t, &l);
}

static void put_tools(struct twin *t)
{
    struct touch p = plan(1, 3);
    bool hosted = one_in(4);
    struct list l = open_list(t, "[]", p.any || hosted);

    for (unsigned i = 0; i < p.count; i++) {
        next_element(t, &l);
        function_tool(t, p.element[i]);
    }
    if (hosted) {
        t->gone++;
        next_element(t, &l);
        hosted_tool(t);
        t->gone--;
    }
    close_list(t, &l);
}

/* --- the rest -------------------------------------------------------------------------------- */

/* This model reasons not at all, so there is nothing to encrypt. */
static void put_include(struct twin *t)
{
    struct touch p = plan(1, 3);
    struct list l = open_list(t, "[]", p.any);

    for (unsigned i = 0; i < p.count; i++) {
        t->gone += p.element[i];
        next_element(t, &l);
        if (p.element[i])
            put(t, "\"reasoning.encrypted_content\"");
        else
            put_value(t);
        t->gone -= p.element[i];
    }
    close_list(t, &l);
}

static void put_text(struct twin *t)
{
    bool touched = one_in(2);
    struct list l = open_list(t, "{}", touched);

    if (touched)
        lost_member(t, &l, "verbosity");
    free_member(t, &l, "format");
    close_list(t, &l);
}

/* Too few tokens become the least that Azure takes. */
static void put_limit(struct twin *t, struct list *l)
{
    next_member(t, l, "max_output_tokens");
    switch (below(3)) {
    case 0:
        put_other(t, "3", "16");
        break;
    case 1:
        put(t, "1.0e3");
        break;
    default:
        put(t, "1024");
    }
}

void write_responses(struct twin *t, bool stream)
{
    static const char *const kept[] = {
        "instructions",        "metadata",   "store", "previous_response_id", "temperature",
        "truncation",          "\\u0075ser", "user",  "prompt_cache_key",     "service_tier",
        "parallel_tool_calls", "background", NULL};
    static const char *const lost[] = {"client_metadata", "x_unknown", "reasoning", "max_tokens",
                                       "messages",        "",          "n",         NULL};
    struct list l = open_list(t, "{}", true);

    some_members(t, &l, 5, kept, lost);
    next_member(t, &l, "input");
    put_input(t);
    next_member(t, &l, "model");
    put_other(t, "\"an-alias\"", "\"gpt-4.1\"");
    next_member(t, &l, "tools");
    put_tools(t);
    word_member(t, &l, "tool_choice", "\"aut\\u006f\"");
    next_member(t, &l, "include");
    put_include(t);
    next_member(t, &l, "text");
    put_text(t);
    put_limit(t, &l);
    word_member(t, &l, "stream", stream ? "true" : "false");
    t->gone += !stream;
    free_member(t, &l, "stream_options");
    t->gone -= !stream;
    close_list(t, &l);
}

/*
 * Responses: the response object and the items of its output, as streams and whole answers have
 * them alike. Each block of the hub is an item of its own; ids are made of the answer's id and the
 * item's position, so they are the same wherever an item is named.
 */
#include "dialect/openai_responses.h"

#include <stdio.h>

#include "dialect/call_id.h"
#include "dialect/openai_chat.h"
#include "dialect/openai_citation.h"

/* --- tools, as the caller gave them ---------------------------------------------------------- */

struct chat_tool openai_responses_tool(const struct dialect_reply *reply, struct str name)
{
    for (const struct chat_tool *t = reply->request->tools; t; t = t->next)
        if (str_eq(t->name, name))
            return *t;
    return (struct chat_tool){.name = name, .given_name = name};
}

/* No string of JSON holds a line end as such. */
void openai_responses_one_line(struct buf *json, size_t from)
{
    for (size_t i = from; i < json->n; i++)
        if (json->p[i] == '\n' || json->p[i] == '\r')
            json->p[i] = ' ';
}

/* The tree of a call's arguments, in an arena of its own; NULL when they are no object. */
static struct jspan *parse_arguments(struct arena *scratch, struct str arguments)
{
    struct jspan *tree;

    if (!scratch || jspan_parse(scratch, arguments, &tree, NULL))
        return NULL;
    return jspan_is(tree, JSPAN_OBJECT) ? tree : NULL;
}

void openai_responses_write_input(struct jwrite *w, struct str arguments)
{
    struct arena *scratch = arena_new(0);
    const struct jspan *input = jspan_get(parse_arguments(scratch, arguments), "input");

    if (jspan_is(input, JSPAN_STRING))
        jwrite_raw(w, input->text);
    else /* the model kept to no schema: the caller sees what it said */
        jwrite_str(w, arguments);
    buf_end_scratch(w->out, scratch);
}

/* What an object has to have beside its arguments. */
struct default_member {
    const char *key;
    struct str value;
};

/* Arguments as an object; `type` NULL or a member that stands in front of them. */
static void write_object(struct jwrite *w, struct str arguments, const char *type,
                         const struct default_member *defaults, size_t count)
{
    struct arena *scratch = arena_new(0);
    const struct jspan *tree = parse_arguments(scratch, arguments);
    size_t from = w->out->n;

    jwrite_object(w);
    if (type)
        jwrite_member_cstr(w, "type", type);
    for (const struct jspan *n = jspan_first(tree); n; n = n->next) {
        struct str key = jspan_key(scratch, n);
        if (type && str_is(key, "type"))
            continue;
        jwrite_key_str(w, key);
        jwrite_raw(w, n->text);
    }
    for (size_t i = 0; i < count; i++)
        if (!jspan_get(tree, defaults[i].key))
            jwrite_member_raw(w, defaults[i].key, defaults[i].value);
    jwrite_end(w);
    openai_responses_one_line(w->out, from);
    buf_end_scratch(w->out, scratch);
}

/* --- items ----------------------------------------------------------------------------------- */

static const char *id_prefix(const struct dialect_reply *reply, const struct chat_answer_block *b)
{
    static const char *const tools[] = {
        [CHAT_TOOL_FUNCTION] = "fc",     [CHAT_TOOL_CUSTOM] = "ctc", [CHAT_TOOL_SEARCH] = "tsc",
        [CHAT_TOOL_LOCAL_SHELL] = "lsh", [CHAT_TOOL_SHELL] = "sh",   [CHAT_TOOL_PATCH] = "apc"};

    if (b->block == CHAT_BLOCK_TOOL)
        return tools[openai_responses_tool(reply, b->name).form];
    return b->block == CHAT_BLOCK_TEXT || b->block == CHAT_BLOCK_REFUSAL ? "msg" : "rs";
}

void openai_responses_write_item_id(struct jwrite *w, const char *key,
                                    const struct dialect_reply *reply,
                                    const struct chat_answer_block *b, unsigned position)
{
    char made[96];
    int n = snprintf(made, sizeof made, "%s_%.*s_%u", id_prefix(reply, b), (int)(reply->id.n % 64),
                     reply->id.p ? reply->id.p : "", position);
    struct str id = {made, n > 0 ? (size_t)n : 0};

    /* OpenAI checks that its own encrypted_content comes back with its own id. */
    if (b->block == CHAT_BLOCK_THINKING && b->id.n)
        id = b->id;
    jwrite_key(w, key);
    jwrite_raw(w, STR("\""));
    call_id_pack(w->out, id, b->block == CHAT_BLOCK_TEXT ? b->signature : STR_NONE, false);
    buf_add_char(w->out, '"');
}

static void write_annotations(struct jwrite *w, const struct chat_citation *list)
{
    jwrite_member_array(w, "annotations");
    for (const struct chat_citation *c = list; c; c = c->next)
        if (openai_citation_fits(c, NULL))
            openai_citation_write_flat(w, c);
    jwrite_end(w);
}

void openai_responses_write_part(struct jwrite *w, const struct chat_answer_block *b, bool whole)
{
    bool refusal = b->block == CHAT_BLOCK_REFUSAL;
    struct str text = whole ? b->text : STR_NONE;

    jwrite_object(w);
    jwrite_member_cstr(w, "type", refusal ? "refusal" : "output_text");
    jwrite_member_str(w, refusal ? "refusal" : "text", text);
    if (!refusal) {
        write_annotations(w, whole ? b->citations : NULL);
        jwrite_member_raw(w, "logprobs", whole && b->logprobs.n ? b->logprobs : STR("[]"));
    }
    jwrite_end(w);
}

static void write_message(struct jwrite *w, const struct chat_answer_block *b, bool whole)
{
    jwrite_member_cstr(w, "role", "assistant");
    jwrite_member_array(w, "content");
    if (whole)
        openai_responses_write_part(w, b, true);
    jwrite_end(w);
}

bool openai_responses_shows_thinking(const struct dialect_reply *reply)
{
    return reply->request->show_thinking == 1;
}

static void write_reasoning(struct jwrite *w, const struct dialect_reply *reply,
                            const struct chat_answer_block *b, bool whole)
{
    bool shown = b->block == CHAT_BLOCK_THINKING && openai_responses_shows_thinking(reply);

    jwrite_member_array(w, "summary");
    if (whole && shown && b->text.n) {
        jwrite_object(w);
        jwrite_member_cstr(w, "type", "summary_text");
        jwrite_member_str(w, "text", b->text);
        jwrite_end(w);
    }
    jwrite_end(w);
    if (!whole || !openai_responses_has_pack(b))
        return;
    jwrite_key(w, "encrypted_content");
    jwrite_raw(w, STR("\""));
    openai_responses_pack(w->out, reply->model, b);
    buf_add_char(w->out, '"');
}

static void write_call(struct jwrite *w, const struct dialect_reply *reply,
                       const struct chat_answer_block *b, unsigned position, bool whole)
{
    static const struct default_member local_shell[] = {{"env", {"{}", 2}}};
    static const struct default_member shell[] = {
        {"commands", {"[]", 2}}, {"timeout_ms", {"null", 4}}, {"max_output_length", {"null", 4}}};
    struct chat_tool tool = openai_responses_tool(reply, b->name);
    struct str arguments = !whole ? STR_NONE : b->text.n ? b->text : STR("{}");

    openai_chat_write_call_id(w, "call_id", reply, 0, position, b->id, b->signature);
    switch (tool.form) {
    case CHAT_TOOL_FUNCTION:
        jwrite_member_str(w, "name", tool.given_name);
        jwrite_maybe_str(w, "namespace", tool.given_space);
        jwrite_member_str(w, "arguments", arguments);
        break;
    case CHAT_TOOL_CUSTOM:
        jwrite_member_str(w, "name", tool.given_name);
        jwrite_maybe_str(w, "namespace", tool.given_space);
        jwrite_key(w, "input");
        openai_responses_write_input(w, arguments);
        break;
    case CHAT_TOOL_SEARCH:
        jwrite_member_cstr(w, "execution", "client");
        jwrite_key(w, "arguments");
        write_object(w, arguments, NULL, NULL, 0);
        break;
    case CHAT_TOOL_LOCAL_SHELL:
        jwrite_key(w, "action");
        write_object(w, arguments, "exec", local_shell, 1);
        break;
    case CHAT_TOOL_SHELL:
        jwrite_key(w, "action");
        write_object(w, arguments, NULL, shell, 3);
        break;
    case CHAT_TOOL_PATCH:
        jwrite_key(w, "operation");
        write_object(w, arguments, NULL, NULL, 0);
        break;
    }
}

static const char *item_type(const struct dialect_reply *reply, const struct chat_answer_block *b)
{
    static const char *const tools[] = {
        [CHAT_TOOL_FUNCTION] = "function_call",  [CHAT_TOOL_CUSTOM] = "custom_tool_call",
        [CHAT_TOOL_SEARCH] = "tool_search_call", [CHAT_TOOL_LOCAL_SHELL] = "local_shell_call",
        [CHAT_TOOL_SHELL] = "shell_call",        [CHAT_TOOL_PATCH] = "apply_patch_call"};

    if (b->block == CHAT_BLOCK_TOOL)
        return tools[openai_responses_tool(reply, b->name).form];
    return b->block == CHAT_BLOCK_TEXT || b->block == CHAT_BLOCK_REFUSAL ? "message" : "reasoning";
}

void openai_responses_write_item(struct jwrite *w, const struct dialect_reply *reply,
                                 const struct chat_answer_block *b, unsigned position,
                                 enum openai_responses_item how)
{
    static const char *const words[] = {[ITEM_IN_PROGRESS] = "in_progress",
                                        [ITEM_COMPLETED] = "completed",
                                        [ITEM_INCOMPLETE] = "incomplete"};
    bool whole = how != ITEM_IN_PROGRESS;
    bool reasoning = b->block == CHAT_BLOCK_THINKING || b->block == CHAT_BLOCK_REDACTED;

    jwrite_object(w);
    openai_responses_write_item_id(w, "id", reply, b, position);
    jwrite_member_cstr(w, "type", item_type(reply, b));
    if (!reasoning)
        jwrite_member_cstr(w, "status", words[how]);
    if (reasoning)
        write_reasoning(w, reply, b, whole);
    else if (b->block == CHAT_BLOCK_TOOL)
        write_call(w, reply, b, position, whole);
    else
        write_message(w, b, whole);
    jwrite_end(w);
}

/* --- the response ---------------------------------------------------------------------------- */

static void write_usage(struct jwrite *w, const struct chat_usage *usage)
{
    jwrite_key(w, "usage");
    if (!usage) {
        jwrite_null(w);
        return;
    }
    jwrite_object(w);
    jwrite_member_int(w, "input_tokens", usage->input);
    jwrite_member_object(w, "input_tokens_details");
    jwrite_member_int(w, "cached_tokens", usage->cache_read);
    jwrite_end(w);
    jwrite_member_int(w, "output_tokens", usage->output);
    jwrite_member_object(w, "output_tokens_details");
    jwrite_member_int(w, "reasoning_tokens", usage->reasoning > 0 ? usage->reasoning : 0);
    jwrite_end(w);
    jwrite_member_int(w, "total_tokens", usage->input + usage->output);
    jwrite_end(w);
}

static void write_outcome(struct jwrite *w, const struct openai_responses_view *v)
{
    jwrite_member_cstr(w, "status", v->status);
    jwrite_key(w, "error");
    if (v->error)
        openai_responses_write_error(w, v->error);
    else
        jwrite_null(w);
    jwrite_key(w, "incomplete_details");
    if (!v->incomplete) {
        jwrite_null(w);
        return;
    }
    jwrite_object(w);
    jwrite_member_cstr(w, "reason", v->incomplete);
    jwrite_end(w);
}

void openai_responses_write(struct jwrite *w, const struct openai_responses_view *v)
{
    const struct chat_answer_block *b = v->blocks;

    jwrite_object(w);
    jwrite_key(w, "id");
    jwrite_raw(w, STR("\"resp_"));
    jwrite_escape(w->out, v->reply->id);
    buf_add_char(w->out, '"');
    jwrite_member_cstr(w, "object", "response");
    jwrite_member_int(w, "created_at", v->reply->created);
    write_outcome(w, v);
    jwrite_member_str(w, "model", v->reply->model);
    jwrite_member_array(w, "output");
    for (unsigned i = 0; i < v->count; i++, b = b->next) {
        bool cut = v->incomplete && i + 1 == v->count;
        openai_responses_write_item(w, v->reply, b, i, cut ? ITEM_INCOMPLETE : ITEM_COMPLETED);
    }
    jwrite_end(w);
    if (v->reply->previous.n)
        jwrite_member_str(w, "previous_response_id", v->reply->previous);
    else
        jwrite_member_null(w, "previous_response_id");
    jwrite_member_bool(w, "store", v->reply->stored);
    if (v->reply->request->echo.n) {
        buf_add_char(w->out, ',');
        buf_add_str(w->out, v->reply->request->echo);
    }
    write_usage(w, v->usage);
    jwrite_end(w);
}

static bool has_refusal(const struct openai_responses_view *v)
{
    const struct chat_answer_block *b = v->blocks;

    for (unsigned i = 0; i < v->count; i++, b = b->next)
        if (b->block == CHAT_BLOCK_REFUSAL)
            return true;
    return false;
}

void openai_responses_end(struct openai_responses_view *v, enum chat_stop stop)
{
    static const struct chat_error malformed = {
        .kind = CHAT_ERROR_UPSTREAM,
        .http_status = 502,
        .message = {"The model made a tool call that cannot be read.", 47}};

    v->status = "completed";
    switch (stop) {
    case CHAT_STOP_LENGTH:
    case CHAT_STOP_CONTEXT:
        v->incomplete = "max_output_tokens";
        break;
    case CHAT_STOP_REFUSAL: /* said as a refusal it is an answer, else it was cut off */
        v->incomplete = has_refusal(v) ? NULL : "content_filter";
        break;
    case CHAT_STOP_FILTER:
        v->incomplete = "content_filter";
        break;
    case CHAT_STOP_MALFORMED_CALL:
        v->error = &malformed;
        v->status = "failed";
        break;
    case CHAT_STOP_END:
    case CHAT_STOP_SEQUENCE:
    case CHAT_STOP_TOOL:
    case CHAT_STOP_PAUSE:
        break;
    }
    if (v->incomplete)
        v->status = "incomplete";
}

status openai_responses_render(struct arena *arena, const struct dialect_reply *reply,
                               const struct chat_answer *answer, struct buf *out)
{
    struct openai_responses_view view = {.reply = reply, .blocks = answer->blocks};
    struct jwrite w = jwrite_to(out);
    bool told = false;

    (void)arena;
    for (const struct chat_answer_block *b = answer->blocks; b; b = b->next) {
        for (const struct chat_citation *c = b->citations; c; c = c->next)
            openai_citation_fits(c, &told);
        view.count++;
    }
    if (answer->has_usage)
        view.usage = &answer->usage;
    openai_responses_end(&view, answer->choices ? answer->choices->stop : CHAT_STOP_END);
    size_t from = out->n;
    openai_responses_write(&w, &view);
    if (reply->keep)
        buf_add(reply->keep, out->p + from, out->n - from);
    return out->failed ? E_NOMEM : OK;
}

/* Steps on the messages: what Bedrock wants of their roles, their order and their blocks. */
#include "family/bedrock_invoke.h"

#define NO_OUTPUT "(no output)"

/* --- blocks ---------------------------------------------------------------------------------- */

bool block_is(const struct jspan *block, const char *type)
{
    return jspan_says(jspan_get(block, "type"), type);
}

static void add_text_block(struct buf *out, struct str quoted)
{
    buf_add_cstr(out, "{\"type\":\"text\",\"text\":");
    buf_add_str(out, quoted);
    buf_add_char(out, '}');
}

/* Put the text of `out` in the place of `n`, with members to edit. Frees `out`. */
static status expand_to(struct arena *arena, struct jspan *n, struct buf *out)
{
    struct str json = buf_copy(out, arena);

    buf_free(out);
    return json.p ? jspan_expand(arena, n, json) : E_NOMEM;
}

struct jspan *block_list(struct arena *arena, struct jspan *content)
{
    if (jspan_is(content, JSPAN_ARRAY))
        return content;
    if (!jspan_is(content, JSPAN_STRING))
        return NULL;
    struct buf out = {0};
    buf_add_char(&out, '[');
    add_text_block(&out, content->text);
    buf_add_char(&out, ']');
    return expand_to(arena, content, &out) == OK ? content : NULL;
}

/* Is this string empty or nothing but white space? Judged as written: "\u0020" passes. */
static bool is_blank(const struct jspan *text)
{
    if (!jspan_is(text, JSPAN_STRING))
        return false;
    for (size_t i = 1; i + 1 < text->text.n; i++) {
        char c = text->text.p[i];
        if (c == '\\' && memchr("nrt", text->text.p[i + 1], 3))
            i++;
        else if (c != ' ')
            return false;
    }
    return true;
}

static bool is_blank_text(const struct jspan *block)
{
    return block_is(block, "text") && is_blank(jspan_get(block, "text"));
}

static void remove_blank_text(struct jspan *blocks)
{
    for (struct jspan *b = jspan_first(blocks), *next; b; b = next) {
        next = b->next;
        if (is_blank_text(b))
            jspan_remove(b);
    }
}

/* --- messages -------------------------------------------------------------------------------- */

static struct jspan *first_message(const struct jspan *body)
{
    struct jspan *messages = jspan_get(body, "messages");
    return jspan_is(messages, JSPAN_ARRAY) ? jspan_first(messages) : NULL;
}

struct jspan *invoke_last_message(const struct jspan *body)
{
    struct jspan *messages = jspan_get(body, "messages");
    return jspan_is(messages, JSPAN_ARRAY) ? messages->last : NULL;
}

static bool role_is(const struct jspan *message, const char *role)
{
    return jspan_says(jspan_get(message, "role"), role);
}

static status refuse(struct invoke_edit *e, const char *param, const char *what)
{
    chat_error_field(e->err, e->arena, CHAT_ERROR_UNSUPPORTED, param, "%s: %s", param, what);
    return E_SYNTAX;
}

/* --- sources --------------------------------------------------------------------------------- */

/* The first image or document of the list whose source is no inline data; `*index` its place. */
static struct jspan *find_address(const struct jspan *blocks, size_t *index)
{
    *index = 0;
    for (struct jspan *b = jspan_first(blocks); b; b = b->next, ++*index) {
        const struct jspan *source = jspan_get(b, "source");
        if ((block_is(b, "image") || block_is(b, "document")) &&
            (block_is(source, "url") || block_is(source, "file")))
            return b;
    }
    return NULL;
}

static status refuse_addresses_in(struct invoke_edit *e, const struct jspan *blocks,
                                  const char *path)
{
    size_t index;

    if (!find_address(blocks, &index))
        return OK;
    struct str param = arena_printf(e->arena, "%s[%zu].source", path, index);
    return param.p ? refuse(e, param.p, "this model takes images and documents only as base64 data")
                   : E_NOMEM;
}

status invoke_refuse_addresses(struct invoke_edit *e)
{
    size_t i = 0;

    for (struct jspan *m = first_message(e->body); m; m = m->next, i++) {
        struct jspan *content = jspan_get(m, "content");
        struct str path = arena_printf(e->arena, "messages[%zu].content", i);
        status s = path.p ? refuse_addresses_in(e, content, path.p) : E_NOMEM;
        size_t j = 0;
        for (struct jspan *b = jspan_first(content); b && !s; b = b->next, j++) {
            if (!block_is(b, "tool_result"))
                continue;
            struct str inner = arena_printf(e->arena, "%s[%zu].content", path.p, j);
            s = inner.p ? refuse_addresses_in(e, jspan_get(b, "content"), inner.p) : E_NOMEM;
        }
        if (s)
            return s;
    }
    return OK;
}

/* --- citations ------------------------------------------------------------------------------- */

/* Those of our own making (dialect/anthropic_messages_citation.c) have an index without content. */
static void drop_web_citations(struct jspan *block)
{
    struct jspan *list = jspan_get(block, "citations");

    if (!block_is(block, "text") || !jspan_is(list, JSPAN_ARRAY))
        return;
    for (struct jspan *c = jspan_first(list), *next; c; c = next) {
        next = c->next;
        if (block_is(c, "web_search_result_location") &&
            jspan_says(jspan_get(c, "encrypted_index"), ""))
            jspan_remove(c);
    }
    if (!jspan_first(list))
        jspan_remove(list);
}

/* Quietly: what was cited is no part of what was said. */
status invoke_drop_web_citations(struct invoke_edit *e)
{
    for (struct jspan *m = first_message(e->body); m; m = m->next)
        for (struct jspan *b = jspan_first(jspan_get(m, "content")); b; b = b->next)
            drop_web_citations(b);
    return OK;
}

/* --- empty text ------------------------------------------------------------------------------ */

/* Does a message say nothing, once its empty text is gone? */
static bool becomes_empty(struct jspan *message)
{
    struct jspan *content = jspan_get(message, "content");

    if (!jspan_is(content, JSPAN_ARRAY))
        return is_blank(content);
    remove_blank_text(content);
    return !jspan_first(content);
}

static void drop_empty_system(struct jspan *body)
{
    struct jspan *system = jspan_get(body, "system");

    remove_blank_text(system);
    if (is_blank(system) || (jspan_is(system, JSPAN_ARRAY) && !jspan_first(system)))
        jspan_remove(system);
}

status invoke_drop_empty_text(struct invoke_edit *e)
{
    size_t i = 0;

    drop_empty_system(e->body);
    for (struct jspan *m = first_message(e->body), *next; m; m = next, i++) {
        next = m->next;
        if (!becomes_empty(m))
            continue;
        if (!role_is(m, "system") && (next || !role_is(m, "assistant"))) {
            struct str param = arena_printf(e->arena, "messages[%zu]", i);
            return param.p ? refuse(e, param.p, "the message holds no text") : E_NOMEM;
        }
        jspan_remove(m);
    }
    return OK;
}

/* The last message that stays one; `*index` its place among all. */
static const struct jspan *last_turn(const struct invoke_edit *e, size_t *index)
{
    const struct jspan *found = NULL;
    size_t i = 0;

    for (const struct jspan *m = first_message(e->body); m; m = m->next, i++) {
        if (e->call->model->lift_system && role_is(m, "system"))
            continue;
        found = m;
        *index = i;
    }
    return found;
}

status invoke_refuse_prefill(struct invoke_edit *e)
{
    size_t index = 0;

    if (!(e->call->model->traits & MODEL_NO_PREFILL) || !role_is(last_turn(e, &index), "assistant"))
        return OK;
    struct str param = arena_printf(e->arena, "messages[%zu]", index);
    return param.p ? refuse(e, param.p, "this model does not go on with a message of the assistant")
                   : E_NOMEM;
}

/* The request is the newest part of a conversation that the server keeps; the rest is not here. */
status invoke_refuse_thread(struct invoke_edit *e)
{
    const struct jspan *thread = jspan_get(e->body, "thread");

    return jspan_none(thread) || jspan_is(thread, JSPAN_NULL)
               ? OK
               : refuse(e, "thread", "conversations are not kept here; send the whole history");
}

/* --- roles ----------------------------------------------------------------------------------- */

/* Append the blocks of a system prompt or message to a list that is being written. */
static void add_blocks(struct buf *out, const struct jspan *content)
{
    if (jspan_is(content, JSPAN_STRING)) {
        if (out->n > 1)
            buf_add_char(out, ',');
        add_text_block(out, content->text);
        return;
    }
    for (const struct jspan *b = jspan_first(content); b; b = b->next) {
        if (out->n > 1)
            buf_add_char(out, ',');
        jspan_render(b, out);
    }
}

/* Put the marks around each text of a message's content; the texts stay as they are written. */
static status tell(struct arena *arena, struct jspan *text)
{
    struct str open = jspan_quote(arena, STR(CHAT_LATE_SYSTEM_OPEN));
    struct str close = jspan_quote(arena, STR(CHAT_LATE_SYSTEM_CLOSE));
    struct buf out = {0};

    if (!jspan_is(text, JSPAN_STRING) || !open.p || !close.p)
        return jspan_is(text, JSPAN_STRING) ? E_NOMEM : OK;
    buf_add_str(&out, str_slice(open, 0, open.n - 1));
    buf_add_str(&out, str_slice(text->text, 1, text->text.n - 1));
    buf_add_str(&out, str_slice(close, 1, close.n));
    struct str json = buf_copy(&out, arena);
    buf_free(&out);
    if (!json.p)
        return E_NOMEM;
    jspan_replace(text, json);
    return OK;
}

static status tell_message(struct arena *arena, struct jspan *message)
{
    struct jspan *content = jspan_get(message, "content");
    status s = tell(arena, content);

    for (struct jspan *b = jspan_first(content); b && !s; b = b->next)
        if (block_is(b, "text"))
            s = tell(arena, jspan_get(b, "text"));
    jspan_replace(jspan_get(message, "role"), STR("\"user\""));
    return s;
}

static bool calls_tools(const struct jspan *message)
{
    for (const struct jspan *b = jspan_first(jspan_get(message, "content")); b; b = b->next)
        if (block_is(b, "tool_use"))
            return true;
    return false;
}

static struct jspan *behind_system(struct jspan *message)
{
    while (role_is(message, "system"))
        message = message->next;
    return message;
}

status invoke_tell_system(struct invoke_edit *e)
{
    struct jspan *run = behind_system(first_message(e->body)); /* where the run we are in ends */
    bool late = false;
    status s = OK;

    if (e->call->model->lift_system)
        return OK;
    for (struct jspan *m = first_message(e->body); m && !s; m = m->next) {
        if (m == run) {
            run = behind_system(m->next);
            late = !(role_is(m, "assistant") && role_is(run, "assistant") && calls_tools(m));
        } else if (late) {
            s = tell_message(e->arena, m);
        }
    }
    return s;
}

status invoke_lift_system(struct invoke_edit *e)
{
    struct buf out = {0};
    bool found = false;

    buf_add_char(&out, '[');
    add_blocks(&out, jspan_get(e->body, "system"));
    for (struct jspan *m = first_message(e->body), *next; m; m = next) {
        next = m->next;
        if (!role_is(m, "system"))
            continue;
        found = true;
        add_blocks(&out, jspan_get(m, "content"));
        jspan_remove(m);
    }
    buf_add_char(&out, ']');
    if (!found || out.n == 2) {
        buf_free(&out);
        return OK;
    }
    status s = jspan_set(e->arena, e->body, "system", STR("[]"));
    if (!s)
        return expand_to(e->arena, jspan_get(e->body, "system"), &out);
    buf_free(&out);
    return s;
}

static bool same_role(const struct jspan *a, const struct jspan *b)
{
    const struct jspan *left = jspan_get(a, "role"), *right = jspan_get(b, "role");
    return jspan_is(left, JSPAN_STRING) && right && str_eq(left->text, right->text);
}

/* Move the blocks of the next message into this one. False when there is content in them that is
   neither text nor a list: upstream says so better. */
static bool swallow_next(struct arena *arena, struct jspan *message)
{
    struct jspan *to = block_list(arena, jspan_get(message, "content"));
    struct jspan *from = block_list(arena, jspan_get(message->next, "content"));

    if (!to || !from)
        return false;
    while (jspan_first(from))
        jspan_move(jspan_first(from), to);
    jspan_remove(message->next);
    return true;
}

status invoke_merge_roles(struct invoke_edit *e)
{
    for (struct jspan *m = first_message(e->body); m; m = m->next)
        while (m->next && same_role(m, m->next))
            if (!swallow_next(e->arena, m))
                break;
    return OK;
}

/* Is there a result behind something that is none? */
static bool results_scattered(const struct jspan *blocks)
{
    bool other = false;

    for (const struct jspan *b = jspan_first(blocks); b; b = b->next) {
        bool result = block_is(b, "tool_result");
        if (result && other)
            return true;
        other = other || !result;
    }
    return false;
}

status invoke_results_first(struct invoke_edit *e)
{
    for (struct jspan *m = first_message(e->body); m; m = m->next) {
        struct jspan *content = jspan_get(m, "content");
        if (!results_scattered(content))
            continue;
        struct jspan *last = content->last, *next;
        for (struct jspan *b = jspan_first(content); b; b = b == last ? NULL : next) {
            next = b->next;
            if (!block_is(b, "tool_result"))
                jspan_move(b, content);
        }
    }
    return OK;
}

/* --- tool results ---------------------------------------------------------------------------- */

static bool allowed_in_result(const struct jspan *block)
{
    return block_is(block, "text") || block_is(block, "image") || block_is(block, "document") ||
           block_is(block, "search_result");
}

/* A block that Bedrock refuses, as text that tells the model the same. */
static status block_to_text(struct invoke_edit *e, struct jspan *block)
{
    const struct jspan *tool = jspan_get(block, "tool_name");
    struct buf out = {0};
    struct str said;

    if (block_is(block, "tool_reference") && jspan_is(tool, JSPAN_STRING)) {
        struct str name = jspan_str(e->arena, tool);
        said = arena_printf(e->arena, "[tool_reference] tool_name=%.*s", STR_ARG(name));
    } else {
        said = jspan_text(e->arena, block);
    }
    struct str quoted = jspan_quote(e->arena, said);
    if (!quoted.p)
        return E_NOMEM;
    add_text_block(&out, quoted);
    return expand_to(e->arena, block, &out);
}

static status shape_result(struct invoke_edit *e, struct jspan *result)
{
    struct jspan *content = jspan_get(result, "content");

    if (jspan_none(content))
        return OK;
    if (is_blank(content))
        jspan_replace(content, STR("\"" NO_OUTPUT "\""));
    if (!jspan_is(content, JSPAN_ARRAY) && !jspan_is(content, JSPAN_STRING)) {
        struct str quoted = jspan_quote(e->arena, jspan_text(e->arena, content));
        if (!quoted.p)
            return E_NOMEM;
        jspan_replace(content, quoted);
    }
    if (!block_list(e->arena, content))
        return E_NOMEM;
    remove_blank_text(content);
    for (struct jspan *b = jspan_first(content); b; b = b->next) {
        status s = allowed_in_result(b) ? OK : block_to_text(e, b);
        if (s)
            return s;
    }
    if (jspan_first(content))
        return OK;
    jspan_replace(content, STR("\"" NO_OUTPUT "\""));
    return block_list(e->arena, content) ? OK : E_NOMEM;
}

status invoke_shape_results(struct invoke_edit *e)
{
    for (struct jspan *m = first_message(e->body); m; m = m->next) {
        struct jspan *content = jspan_get(m, "content");
        for (struct jspan *b = jspan_first(content); b; b = b->next) {
            status s = block_is(b, "tool_result") ? shape_result(e, b) : OK;
            if (s)
                return s;
        }
    }
    return OK;
}

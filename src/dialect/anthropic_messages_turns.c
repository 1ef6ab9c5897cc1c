/*
 * Messages: the system prompt, the turns, and the blocks they hold.
 *
 * System turns inside `messages` stay where they stand; families that know only one system prompt
 * lift them.
 */
#include "dialect/anthropic_messages.h"

#include "dialect/call_id.h"

typedef status block_reader(struct decode *d, const struct jspan *block, struct chat_part ***at);

/* --- blocks ---------------------------------------------------------------------------------- */

static status read_text(struct decode *d, const struct jspan *block, struct chat_part ***at)
{
    struct chat_part *p = decode_add_text(d, at, STR_NONE);

    if (!p)
        return E_NOMEM;
    if (jspan_none(jspan_get(block, "text")))
        return decode_invalid(d, block, "text", "this field is required");
    return decode_text(d, jspan_get(block, "text"), &p->text);
}

static status read_thinking(struct decode *d, const struct jspan *block, struct chat_part ***at)
{
    struct chat_part *p = chat_add_part(d->arena, at, CHAT_THINKING);

    if (!p)
        return E_NOMEM;
    status s = decode_str(d, block, "thinking", &p->text);
    return s ? s : decode_str(d, block, "signature", &p->signature);
}

static status read_redacted(struct decode *d, const struct jspan *block, struct chat_part ***at)
{
    struct chat_part *p = chat_add_part(d->arena, at, CHAT_REDACTED_THINKING);
    return p ? decode_need_str(d, block, "data", &p->data) : E_NOMEM;
}

static status read_tool_use(struct decode *d, const struct jspan *block, struct chat_part ***at)
{
    const struct jspan *input = jspan_get(block, "input");
    struct chat_part *p = chat_add_part(d->arena, at, CHAT_TOOL_CALL);
    struct str shown;

    if (!p)
        return E_NOMEM;
    status s = decode_need_str(d, block, "id", &shown);
    if (!s)
        s = decode_need_str(d, block, "name", &p->name);
    if (s)
        return s;
    if (!jspan_none(input) && !jspan_is(input, JSPAN_OBJECT))
        return decode_wrong_type(d, input, "an object");
    call_id_unpack(d->arena, shown, &p->id, &p->signature);
    p->arguments = jspan_none(input) ? STR("{}") : jspan_text(d->arena, input);
    return decode_note_call(d, p);
}

static bool may_stand_in_result(const struct chat_part *parts)
{
    for (const struct chat_part *p = parts; p; p = p->next)
        if (p->kind != CHAT_TEXT && p->kind != CHAT_IMAGE && p->kind != CHAT_DOCUMENT)
            return false;
    return true;
}

static status read_tool_result(struct decode *d, const struct jspan *block, struct chat_part ***at)
{
    const struct jspan *content = jspan_get(block, "content");
    struct chat_part *p = chat_add_part(d->arena, at, CHAT_TOOL_RESULT);
    struct str shown, signature;
    int error = 0;

    if (!p)
        return E_NOMEM;
    status s = decode_need_str(d, block, "tool_use_id", &shown);
    if (!s)
        s = decode_bool(d, block, "is_error", &error);
    if (s)
        return s;
    call_id_unpack(d->arena, shown, &p->id, &signature);
    p->name = decode_call_name(d, p->id);
    p->error = error;
    if (jspan_none(content))
        return OK;
    struct chat_part **inside = &p->content;
    s = anthropic_messages_decode_content(d, content, &inside);
    if (s || may_stand_in_result(p->content))
        return s;
    return decode_invalid(d, content, NULL, "a tool result holds text, images and documents only");
}

/* A tool that the caller's own search found. A text tells the model of it. */
static status read_tool_reference(struct decode *d, const struct jspan *block,
                                  struct chat_part ***at)
{
    struct str name = STR_NONE;
    status s = decode_str(d, block, "tool_name", &name);

    if (s)
        return s;
    struct str text = arena_printf(d->arena, "[tool_reference: %.*s]", STR_ARG(name));
    return text.p && decode_add_text(d, at, text) ? OK : E_NOMEM;
}

static block_reader *reader_of(const struct jspan *type)
{
    static const struct {
        const char *type;
        block_reader *read;
    } rows[] = {
        {"text", read_text},
        {"image", anthropic_messages_decode_image},
        {"document", anthropic_messages_decode_document},
        {"search_result", anthropic_messages_decode_search_result},
        {"tool_use", read_tool_use},
        {"tool_result", read_tool_result},
        {"tool_reference", read_tool_reference},
        {"thinking", read_thinking},
        {"redacted_thinking", read_redacted},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (jspan_says(type, rows[i].type))
            return rows[i].read;
    return NULL;
}

/* What the vendor's own service did in an earlier turn, and what only it can store. */
static bool of_the_service(struct str type)
{
    return str_is(type, "server_tool_use") || str_ends(type, "_tool_result") ||
           str_is(type, "mcp_tool_use") || str_is(type, "container_upload") ||
           str_is(type, "compaction");
}

static status read_other(struct decode *d, const struct jspan *block)
{
    struct str type = STR_NONE;
    status s = decode_need_str(d, block, "type", &type);

    if (s)
        return s;
    if (!of_the_service(type))
        return decode_unsupported(d, block, "type", "unknown block type '%.*s'", STR_ARG(type));
    decode_drop(d, "messages", type);
    return OK;
}

static status read_block(struct decode *d, const struct jspan *block, struct chat_part ***at)
{
    struct chat_part **made = *at;

    if (!jspan_is(block, JSPAN_OBJECT))
        return decode_wrong_type(d, block, "an object");
    block_reader *read = reader_of(jspan_get(block, "type"));
    status s = read ? read(d, block, at) : read_other(d, block);
    if (!s && *made)
        s = decode_cache(d, block, &(*made)->cache);
    return s;
}

status anthropic_messages_decode_content(struct decode *d, const struct jspan *content,
                                         struct chat_part ***at)
{
    struct str text;
    status s = OK;

    if (jspan_is(content, JSPAN_STRING)) {
        s = decode_text(d, content, &text);
        if (s)
            return s;
        return decode_add_text(d, at, text) ? OK : E_NOMEM;
    }
    if (!jspan_is(content, JSPAN_ARRAY))
        return decode_wrong_type(d, content, "a string or an array of blocks");
    for (const struct jspan *n = jspan_first(content); n && !s; n = n->next)
        s = read_block(d, n, at);
    return s;
}

/* --- who may say what ------------------------------------------------------------------------ */

/* NULL when every part may stand in a message of that role, else what is out of place. */
static const char *out_of_place(const struct chat_message *m)
{
    for (const struct chat_part *p = m->parts; p; p = p->next) {
        bool theirs = p->kind == CHAT_THINKING || p->kind == CHAT_REDACTED_THINKING ||
                      p->kind == CHAT_TOOL_CALL;
        if (theirs && m->role != CHAT_ASSISTANT)
            return "thinking and tool_use blocks belong in assistant messages";
        if (p->kind == CHAT_TOOL_RESULT && m->role != CHAT_USER)
            return "tool_result blocks belong in user messages";
        if (p->kind != CHAT_TEXT && m->role == CHAT_SYSTEM)
            return "only text blocks may stand here";
    }
    return NULL;
}

/* A message of `holder`, whose member `name` is its content. */
static status add_message(struct decode *d, struct chat_message ***end, enum chat_role role,
                          const struct jspan *holder, const char *name)
{
    const struct jspan *content = jspan_get(holder, name);
    struct chat_message **made = *end;

    if (jspan_none(content))
        return decode_invalid(d, holder, name, "this field is required");
    struct chat_message *m = chat_add_message(d->arena, end, role);
    if (!m)
        return E_NOMEM;
    struct chat_part **at = &m->parts;
    status s = anthropic_messages_decode_content(d, content, &at);
    if (s)
        return s;
    const char *what = out_of_place(m);
    if (what)
        return decode_invalid(d, content, NULL, "%s", what);
    if (!m->parts && jspan_first(content)) { /* all of it was dropped */
        *made = NULL;
        *end = made;
    }
    return OK;
}

status anthropic_messages_decode_system(struct decode *d, const struct jspan *value)
{
    struct chat_message **end = &d->out->messages;

    if (jspan_is(value, JSPAN_STRING) && jspan_says(value, ""))
        return OK;
    if (jspan_is(value, JSPAN_ARRAY) && !jspan_first(value))
        return OK;
    d->out->system_apart = true;
    return add_message(d, &end, CHAT_SYSTEM, value->up, "system");
}

static status read_turn(struct decode *d, const struct jspan *value, struct chat_message ***end)
{
    const struct jspan *role = jspan_get(value, "role");

    if (!jspan_is(value, JSPAN_OBJECT))
        return decode_wrong_type(d, value, "an object");
    if (jspan_says(role, "user"))
        return add_message(d, end, CHAT_USER, value, "content");
    if (jspan_says(role, "assistant"))
        return add_message(d, end, CHAT_ASSISTANT, value, "content");
    if (jspan_says(role, "system"))
        return add_message(d, end, CHAT_SYSTEM, value, "content");
    return decode_invalid(d, value, "role", "expected user, assistant or system");
}

status anthropic_messages_decode_turns(struct decode *d, const struct jspan *list)
{
    struct chat_message **end = &d->out->messages;
    status s = OK;

    if (!jspan_is(list, JSPAN_ARRAY))
        return decode_wrong_type(d, list, "an array");
    if (!jspan_first(list))
        return decode_invalid(d, list, NULL, "must hold at least one message");
    while (*end)
        end = &(*end)->next;
    for (const struct jspan *n = jspan_first(list); n && !s; n = n->next)
        s = read_turn(d, n, &end);
    return s;
}

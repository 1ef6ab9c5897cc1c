/*
 * Responses: tools, and the choice among them.
 *
 * To every family a tool is a function. What else this API knows becomes one, and is turned back in
 * the answer (chat_tool.form, .given_name, .given_space):
 *
 *     custom       a function with one argument, the string `input`; its grammar is described
 *     namespace    its tools one by one, as SPACE__NAME
 *     tool_search  a function of that name (the caller searches)
 *     local_shell  a function of that name, as are
 *     shell        which takes several commands, and
 *     apply_patch  which creates, changes or deletes one file (the tool, not the free-form one)
 *
 * Tools that only OpenAI can run are dropped and declared; forcing one is an error.
 */
#include "dialect/openai_responses.h"

#include <stdio.h>

#include "base/crypto.h"

enum {
    NAME_BYTES = 64,  /* what OpenAI takes, the least of all */
    HASH_BYTES = 8,   /* of a name that had to be changed */
    MAX_TOOLS = 1024, /* far more than any model takes; keeps the searches below cheap */
    MAX_ALLOWED = 128
};

/* --- names ----------------------------------------------------------------------------------- */

static bool plain_name(struct str s)
{
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        if (!letter && !(c >= '0' && c <= '9') && c != '_' && c != '-')
            return false;
    }
    return true;
}

/* Shortened and cleaned, with a hash of the original so that no two become one. */
static struct str safe_name(struct arena *arena, struct str full)
{
    uint8_t digest[SHA256_BYTES];
    char hex[SHA256_HEX_BYTES];
    size_t keep = NAME_BYTES - HASH_BYTES - 1;
    char *copy = arena_alloc(arena, NAME_BYTES + 1);

    if (!copy)
        return STR_NONE;
    crypto_sha256(full, digest);
    crypto_hex(digest, sizeof digest, hex);
    if (full.n < keep)
        keep = full.n;
    for (size_t i = 0; i < keep; i++)
        copy[i] = plain_name(str_slice(full, i, i + 1)) ? full.p[i] : '_';
    int n = snprintf(copy + keep, HASH_BYTES + 2, "_%.*s", HASH_BYTES, hex);
    return (struct str){copy, keep + (size_t)n};
}

static struct str flat_name(struct arena *arena, struct str space, struct str name, bool taken)
{
    struct buf full = {0};

    buf_add_str(&full, space);
    buf_add_cstr(&full, "__");
    buf_add_str(&full, name);
    bool good = !taken && full.n <= NAME_BYTES && plain_name(buf_str(&full));
    struct str flat =
        good || full.failed ? buf_copy(&full, arena) : safe_name(arena, buf_str(&full));
    buf_free(&full);
    return flat;
}

struct str openai_responses_tool_name(struct decode *d, struct str space, struct str name)
{
    if (!space.n)
        return name;
    for (const struct chat_tool *t = d->out->tools; t; t = t->next)
        if (str_eq(t->given_name, name) && str_eq(t->given_space, space))
            return t->name;
    return flat_name(d->arena, space, name, false);
}

/* --- kinds of tools -------------------------------------------------------------------------- */

typedef status tool_reader(struct decode *d, const struct jspan *value, struct chat_tool *tool);

static status read_function(struct decode *d, const struct jspan *value, struct chat_tool *tool)
{
    const struct jspan *schema = jspan_get(value, "parameters");

    if (!jspan_none(schema) && !jspan_is(schema, JSPAN_OBJECT))
        return decode_wrong_type(d, schema, "an object");
    if (!jspan_none(schema))
        tool->schema = jspan_text(d->arena, schema);
    status s = decode_need_str(d, value, "name", &tool->name);
    if (!s)
        s = decode_str(d, value, "description", &tool->description);
    return s ? s : decode_bool(d, value, "strict", &tool->strict);
}

/* The grammar cannot be enforced elsewhere, but a model that is told of it mostly keeps to it. */
static status describe_grammar(struct decode *d, const struct jspan *value, struct chat_tool *tool)
{
    const struct jspan *format = jspan_get(value, "format");
    struct str syntax = jspan_str(d->arena, jspan_get(format, "syntax"));
    struct str definition = jspan_str(d->arena, jspan_get(format, "definition"));
    struct buf text = {0};

    if (!jspan_says(jspan_get(format, "type"), "grammar") || !definition.n)
        return OK;
    buf_add_str(&text, tool->description);
    if (text.n)
        buf_add_cstr(&text, "\n\n");
    buf_add_cstr(&text, "The argument `input` is plain text that must match this grammar (");
    buf_add_str(&text, syntax.n ? syntax : STR("unnamed"));
    buf_add_cstr(&text, "):\n");
    buf_add_str(&text, definition);
    tool->description = buf_copy(&text, d->arena);
    buf_free(&text);
    return tool->description.p ? OK : E_NOMEM;
}

static status read_custom(struct decode *d, const struct jspan *value, struct chat_tool *tool)
{
    tool->form = CHAT_TOOL_CUSTOM;
    tool->schema = STR("{\"type\":\"object\",\"properties\":{\"input\":{\"type\":\"string\"}},"
                       "\"required\":[\"input\"],\"additionalProperties\":false}");
    status s = decode_need_str(d, value, "name", &tool->name);
    if (!s)
        s = decode_str(d, value, "description", &tool->description);
    return s ? s : describe_grammar(d, value, tool);
}

static status read_search(struct decode *d, const struct jspan *value, struct chat_tool *tool)
{
    const struct jspan *schema = jspan_get(value, "parameters");

    tool->form = CHAT_TOOL_SEARCH;
    tool->name = STR("tool_search");
    tool->schema =
        jspan_is(schema, JSPAN_OBJECT)
            ? jspan_text(d->arena, schema)
            : STR("{\"type\":\"object\",\"properties\":{\"query\":{\"type\":\"string\"}},"
                  "\"required\":[\"query\"]}");
    tool->description = STR("Search for further tools.");
    return decode_str(d, value, "description", &tool->description);
}

static status read_local_shell(struct decode *d, const struct jspan *value, struct chat_tool *tool)
{
    (void)d;
    (void)value;
    tool->form = CHAT_TOOL_LOCAL_SHELL;
    tool->name = STR("local_shell");
    tool->description = STR("Run a command on the caller's machine.");
    tool->schema = STR("{\"type\":\"object\",\"properties\":{\"command\":{\"type\":\"array\","
                       "\"items\":{\"type\":\"string\"}},\"working_directory\":{\"type\":"
                       "\"string\"},\"timeout_ms\":{\"type\":\"integer\"}},\"required\":["
                       "\"command\"]}");
    return OK;
}

static status read_shell(struct decode *d, const struct jspan *value, struct chat_tool *tool)
{
    (void)d;
    (void)value;
    tool->form = CHAT_TOOL_SHELL;
    tool->name = STR("shell");
    tool->description = STR("Run shell commands on the caller's machine, each in a shell of its "
                            "own. timeout_ms and max_output_length (characters) hold for each.");
    tool->schema = STR("{\"type\":\"object\",\"properties\":{\"commands\":{\"type\":\"array\","
                       "\"items\":{\"type\":\"string\"}},\"timeout_ms\":{\"type\":\"integer\"},"
                       "\"max_output_length\":{\"type\":\"integer\"}},\"required\":["
                       "\"commands\"]}");
    return OK;
}

/* The form of its diffs is OpenAI's own, so other models have to be told. */
static status read_patch(struct decode *d, const struct jspan *value, struct chat_tool *tool)
{
    (void)d;
    (void)value;
    tool->form = CHAT_TOOL_PATCH;
    tool->name = STR("apply_patch");
    tool->description = STR(
        "Create, update or delete a file on the caller's machine. `diff` is needed to create and "
        "to update, and has no file names in it. To create: every line of the file with + in "
        "front. To update: one or more sections, each begun by a line @@ (or @@ and the line "
        "of the class or function that it is in), then about three lines of context before and "
        "after each change, as they are in the file with a space in front; lines to remove "
        "with - in front, lines to add with + in front.");
    tool->schema = STR("{\"type\":\"object\",\"properties\":{\"type\":{\"type\":\"string\","
                       "\"enum\":[\"create_file\",\"update_file\",\"delete_file\"]},\"path\":"
                       "{\"type\":\"string\"},\"diff\":{\"type\":\"string\"}},\"required\":["
                       "\"type\",\"path\"]}");
    return OK;
}

/* A shell in a container is OpenAI's own. */
static bool is_callers_shell(const struct jspan *value)
{
    const struct jspan *where = jspan_get(value, "environment");
    return jspan_none(where) || jspan_says(jspan_get(where, "type"), "local");
}

static tool_reader *reader_of(const struct jspan *value)
{
    const struct jspan *type = jspan_get(value, "type");

    if (jspan_says(type, "function"))
        return read_function;
    if (jspan_says(type, "custom"))
        return read_custom;
    if (jspan_says(type, "local_shell"))
        return read_local_shell;
    if (jspan_says(type, "shell") && is_callers_shell(value))
        return read_shell;
    if (jspan_says(type, "apply_patch"))
        return read_patch;
    /* One that OpenAI runs itself has another `execution`. */
    if (jspan_says(type, "tool_search") && jspan_says(jspan_get(value, "execution"), "client"))
        return read_search;
    return NULL;
}

/* --- the list -------------------------------------------------------------------------------- */

struct listing {
    struct decode *d;
    struct chat_tool **end;
    size_t count;
};

static struct listing list_end(struct decode *d)
{
    struct listing l = {.d = d, .end = &d->out->tools};

    for (; *l.end; l.end = &(*l.end)->next)
        l.count++;
    return l;
}

static status name_in_space(struct decode *d, struct chat_tool *tool, struct str space)
{
    tool->given_name = tool->name;
    tool->given_space = space;
    if (!space.n)
        return OK;
    tool->name = flat_name(d->arena, space, tool->name, false);
    if (tool->name.p && decode_has_tool(d->out, tool->name))
        tool->name = flat_name(d->arena, space, tool->given_name, true);
    return tool->name.p ? OK : E_NOMEM;
}

/* A tool that was listed before (tool_search finds some twice) is the same one. */
static bool listed(const struct decode *d, const struct chat_tool *tool)
{
    for (const struct chat_tool *t = d->out->tools; t; t = t->next)
        if (str_eq(t->given_name, tool->name) && str_eq(t->given_space, tool->given_space))
            return true;
    return false;
}

static status add_tool(struct listing *l, const struct jspan *value, struct str space)
{
    struct decode *d = l->d;
    tool_reader *read = reader_of(value);
    struct str type;

    status s = decode_need_str(d, value, "type", &type);
    if (s)
        return s;
    if (!read) {
        decode_drop(d, "tools", type);
        d->tools_lost = true;
        return OK;
    }
    if (++l->count > MAX_TOOLS)
        return decode_invalid(d, value, NULL, "there are more than %d tools", MAX_TOOLS);
    struct chat_tool *tool = ARENA_NEW(d->arena, struct chat_tool);
    if (!tool)
        return E_NOMEM;
    tool->strict = -1;
    tool->given_space = space;
    s = read(d, value, tool);
    if (s || listed(d, tool))
        return s;
    s = name_in_space(d, tool, space);
    *l->end = tool;
    l->end = &tool->next;
    return s;
}

static status add_space(struct listing *l, const struct jspan *value)
{
    const struct jspan *list = jspan_get(value, "tools");
    struct str space;
    status s = decode_need_str(l->d, value, "name", &space);

    if (!s && !jspan_is(list, JSPAN_ARRAY))
        return decode_invalid(l->d, value, "tools", "expected an array");
    for (const struct jspan *n = jspan_first(list); n && !s; n = n->next)
        s = jspan_is(n, JSPAN_OBJECT) ? add_tool(l, n, space)
                                      : decode_wrong_type(l->d, n, "an object");
    return s;
}

status openai_responses_decode_tools(struct decode *d, const struct jspan *list)
{
    struct listing l = list_end(d);
    status s = OK;

    if (!jspan_is(list, JSPAN_ARRAY))
        return decode_wrong_type(d, list, "an array");
    for (const struct jspan *n = jspan_first(list); n && !s; n = n->next) {
        if (!jspan_is(n, JSPAN_OBJECT))
            s = decode_wrong_type(d, n, "an object");
        else if (jspan_says(jspan_get(n, "type"), "namespace"))
            s = add_space(&l, n);
        else
            s = add_tool(&l, n, STR_NONE);
    }
    return s;
}

/* --- the choice ------------------------------------------------------------------------------ */

/* The hub's name for {"type":..,"name":..,"namespace":..}; unset when it names no tool we have. */
static status chosen_name(struct decode *d, const struct jspan *value, struct str *out)
{
    const struct jspan *type = jspan_get(value, "type");
    struct str name = STR_NONE, space = STR_NONE;

    *out = STR_NONE;
    if (!jspan_is(value, JSPAN_OBJECT))
        return decode_wrong_type(d, value, "an object");
    if (jspan_says(type, "function") || jspan_says(type, "custom")) {
        status s = decode_need_str(d, value, "name", &name);
        if (!s)
            s = decode_str(d, value, "namespace", &space);
        if (s)
            return s;
    } else if (jspan_says(type, "local_shell") || jspan_says(type, "tool_search") ||
               jspan_says(type, "shell") || jspan_says(type, "apply_patch")) {
        name = jspan_str(d->arena, type);
    }
    name = openai_responses_tool_name(d, space, name);
    if (decode_has_tool(d->out, name))
        *out = name;
    return OK;
}

static status choose_one(struct decode *d, const struct jspan *value)
{
    const struct jspan *type = jspan_get(value, "type");
    status s = chosen_name(d, value, &d->out->choice_name);

    if (s)
        return s;
    d->out->choice = CHAT_CHOICE_ONE;
    if (d->out->choice_name.n)
        return OK;
    if (jspan_says(type, "function") || jspan_says(type, "custom"))
        return decode_invalid(d, value, "name", "no tool has this name");
    return decode_unsupported(d, value, NULL,
                              "this tool cannot be run here, so it cannot be forced");
}

static status mark_allowed(struct decode *d, const struct jspan *list, struct str *names,
                           size_t *count)
{
    *count = 0;
    for (const struct jspan *n = jspan_first(list); n; n = n->next) {
        if (*count == MAX_ALLOWED)
            return decode_invalid(d, list, NULL, "must hold at most %d tools", MAX_ALLOWED);
        status s = chosen_name(d, n, &names[*count]);
        if (s)
            return s;
        ++*count;
    }
    return OK;
}

/* The others are taken away: the hub knows no subset, and no family would keep to it. */
static status choose_among(struct decode *d, const struct jspan *value)
{
    const struct jspan *list = jspan_get(value, "tools");
    struct chat_tool **at = &d->out->tools;
    struct str names[MAX_ALLOWED];
    size_t count;

    if (!jspan_is(list, JSPAN_ARRAY))
        return decode_invalid(d, value, "tools", "expected an array");
    status s = mark_allowed(d, list, names, &count);
    while (*at && !s) {
        size_t i = 0;
        while (i < count && !str_eq(names[i], (*at)->name))
            i++;
        if (i < count)
            at = &(*at)->next;
        else
            *at = (*at)->next;
    }
    bool must = jspan_says(jspan_get(value, "mode"), "required");
    d->out->choice = must ? CHAT_CHOICE_REQUIRED : CHAT_CHOICE_AUTO;
    decode_drop(d, "tool_choice", STR("allowed_tools"));
    return s;
}

static status choose(struct decode *d, const struct jspan *value)
{
    if (jspan_is(value, JSPAN_OBJECT))
        return jspan_says(jspan_get(value, "type"), "allowed_tools") ? choose_among(d, value)
                                                                     : choose_one(d, value);
    if (jspan_says(value, "auto"))
        d->out->choice = CHAT_CHOICE_AUTO;
    else if (jspan_says(value, "none"))
        d->out->choice = CHAT_CHOICE_NONE;
    else if (jspan_says(value, "required"))
        d->out->choice = CHAT_CHOICE_REQUIRED;
    else
        return decode_invalid(d, value, NULL, "expected none, auto, required or an object");
    return OK;
}

status openai_responses_decode_choice(struct decode *d, const struct jspan *value)
{
    status s = choose(d, value);

    if (s || d->out->tools)
        return s;
    bool forced = d->out->choice == CHAT_CHOICE_REQUIRED;
    d->out->choice = CHAT_CHOICE_UNSET; /* nothing is left to choose from */
    if (forced && d->tools_lost)
        return decode_unsupported(d, value, NULL, "no tool is left that can be run here");
    return OK;
}

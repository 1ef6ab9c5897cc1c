/*
 * Responses: the items of `input`.
 *
 * Items are a flat list, and clients keep no strict order in it: Codex puts messages between a call
 * and its output, a history that was cut has outputs without calls. Families want a call's result
 * right behind it. So calls and outputs are read first and matched by their id, then the items are
 * placed in turn:
 *
 *   - reasoning, calls and what the assistant says, in a row, are one message of the assistant;
 *   - behind it stand the outputs of its calls, wherever they were in the list; a call without one
 *     gets a result that says so;
 *   - an output without a call becomes a message of the user.
 */
#include "dialect/openai_responses.h"

#include "dialect/call_id.h"

#define NO_OUTPUT "No output of this call was recorded."
#define ORPHAN    "Output of a tool call that is not part of this conversation:"

enum item_kind { ITEM_MESSAGE, ITEM_REASONING, ITEM_CALL, ITEM_OUTPUT, ITEM_TOOLS, ITEM_LOST };

struct item {
    const struct jspan *span;
    enum item_kind kind;
    struct chat_part *part; /* CALL, OUTPUT: as read */
    struct item *output;    /* CALL: what belongs to it */
    bool taken;             /* OUTPUT: it belongs to a call */
    struct item *next;      /* in its bucket, or among the calls that wait for their results */
};

struct walk {
    struct decode *d;
    struct item *items;
    size_t count;
    struct item **buckets; /* outputs without a call so far */
    struct chat_message **end;
    struct chat_part **turn;         /* end of the assistant's open message; NULL: none is open */
    struct item *calls, **calls_end; /* of that message */
};

typedef status item_reader(struct walk *w, struct item *item);

/* --- calls ----------------------------------------------------------------------------------- */

static status new_call(struct walk *w, struct item *item, struct str id, struct str name)
{
    struct chat_part *p = ARENA_NEW(w->d->arena, struct chat_part);

    if (!p)
        return E_NOMEM;
    p->kind = CHAT_TOOL_CALL;
    p->name = name;
    p->arguments = STR("{}");
    call_id_unpack(w->d->arena, id, &p->id, &p->signature);
    item->part = p;
    return OK;
}

static status read_function_call(struct walk *w, struct item *item)
{
    struct str id, name, space = STR_NONE;
    const struct jspan *arguments = jspan_get(item->span, "arguments");
    struct str text = STR_NONE;

    status s = decode_need_str(w->d, item->span, "call_id", &id);
    if (!s)
        s = decode_need_str(w->d, item->span, "name", &name);
    if (!s)
        s = decode_str(w->d, item->span, "namespace", &space);
    if (!s && jspan_is(arguments, JSPAN_OBJECT))
        text = jspan_text(w->d->arena, arguments);
    else if (!s)
        s = decode_str(w->d, item->span, "arguments", &text);
    if (!s)
        s = new_call(w, item, id, openai_responses_tool_name(w->d, space, name));
    if (!s && text.n)
        item->part->arguments = text;
    return s;
}

static status read_custom_call(struct walk *w, struct item *item)
{
    const struct jspan *input = jspan_get(item->span, "input");
    struct str quoted = jspan_is(input, JSPAN_STRING) ? input->text : STR("\"\"");
    struct str id, name, space = STR_NONE;

    status s = decode_need_str(w->d, item->span, "call_id", &id);
    if (!s)
        s = decode_need_str(w->d, item->span, "name", &name);
    if (!s)
        s = decode_str(w->d, item->span, "namespace", &space);
    if (!s)
        s = new_call(w, item, id, openai_responses_tool_name(w->d, space, name));
    if (s)
        return s;
    item->part->arguments = arena_printf(w->d->arena, "{\"input\":%.*s}", STR_ARG(quoted));
    return item->part->arguments.p ? OK : E_NOMEM;
}

static struct str id_of(struct walk *w, const struct item *item)
{
    struct str id = jspan_str(w->d->arena, jspan_get(item->span, "call_id"));
    return id.n ? id : jspan_str(w->d->arena, jspan_get(item->span, "id"));
}

/* A call of a tool that has no name in its items: `member` holds its arguments. */
static status read_named_call(struct walk *w, struct item *item, const char *name,
                              const char *member)
{
    const struct jspan *arguments = jspan_get(item->span, member);
    struct str id = id_of(w, item);

    if (!id.n)
        return decode_invalid(w->d, item->span, "call_id", "this field is required");
    status s = new_call(w, item, id, str_from(name));
    if (!s && jspan_is(arguments, JSPAN_OBJECT))
        item->part->arguments = jspan_text(w->d->arena, arguments);
    return s;
}

static status read_search_call(struct walk *w, struct item *item)
{
    return read_named_call(w, item, "tool_search", "arguments");
}

static status read_local_shell_call(struct walk *w, struct item *item)
{
    return read_named_call(w, item, "local_shell", "action");
}

static status read_shell_call(struct walk *w, struct item *item)
{
    return read_named_call(w, item, "shell", "action");
}

static status read_patch_call(struct walk *w, struct item *item)
{
    return read_named_call(w, item, "apply_patch", "operation");
}

/* --- outputs --------------------------------------------------------------------------------- */

static status new_output(struct walk *w, struct item *item)
{
    struct chat_part *p = ARENA_NEW(w->d->arena, struct chat_part);
    struct str shown = id_of(w, item), signature;

    if (!p)
        return E_NOMEM;
    if (!shown.n)
        return decode_invalid(w->d, item->span, "call_id", "this field is required");
    p->kind = CHAT_TOOL_RESULT;
    call_id_unpack(w->d->arena, shown, &p->id, &signature);
    item->part = p;
    return OK;
}

/* A string or parts; anything else stays the JSON text that it is. */
static status read_output(struct walk *w, struct item *item)
{
    const struct jspan *output = jspan_get(item->span, "output");
    status s = new_output(w, item);

    if (s || jspan_none(output))
        return s;
    struct chat_part **at = &item->part->content;
    if (jspan_is(output, JSPAN_STRING) || jspan_is(output, JSPAN_ARRAY))
        return openai_responses_decode_content(w->d, output, &at);
    struct chat_part *p = decode_add_text(w->d, &at, jspan_text(w->d->arena, output));
    return p ? OK : E_NOMEM;
}

/* One element per command, each with its outcome: the model reads the text of it. */
static status read_shell_output(struct walk *w, struct item *item)
{
    const struct jspan *output = jspan_get(item->span, "output");
    status s = new_output(w, item);

    if (s || jspan_none(output))
        return s;
    if (jspan_is(output, JSPAN_STRING))
        return read_output(w, item);
    struct chat_part **at = &item->part->content;
    return decode_add_text(w->d, &at, jspan_text(w->d->arena, output)) ? OK : E_NOMEM;
}

/* What came of it, with or without a text. */
static status read_patch_output(struct walk *w, struct item *item)
{
    const struct jspan *outcome = jspan_get(item->span, "status");
    status s = read_output(w, item);

    if (s)
        return s;
    item->part->error = jspan_says(outcome, "failed");
    if (item->part->content || !jspan_is(outcome, JSPAN_STRING))
        return OK;
    struct chat_part **at = &item->part->content;
    return decode_add_text(w->d, &at, jspan_str(w->d->arena, outcome)) ? OK : E_NOMEM;
}

/* The tools that were found can be called from now on; their list is what the model gets to read.
 */
static status read_search_output(struct walk *w, struct item *item)
{
    const struct jspan *tools = jspan_get(item->span, "tools");
    status s = new_output(w, item);

    if (s || !jspan_is(tools, JSPAN_ARRAY))
        return s;
    struct chat_part **at = &item->part->content;
    struct chat_part *p = decode_add_text(w->d, &at, jspan_text(w->d->arena, tools));
    return p ? openai_responses_decode_tools(w->d, tools) : E_NOMEM;
}

/* --- turns ----------------------------------------------------------------------------------- */

static status open_turn(struct walk *w)
{
    if (w->turn)
        return OK;
    struct chat_message *m = chat_add_message(w->d->arena, &w->end, CHAT_ASSISTANT);
    if (!m)
        return E_NOMEM;
    w->turn = &m->parts;
    return OK;
}

static void append(struct chat_part ***at, struct chat_part *part)
{
    **at = part;
    *at = &part->next;
}

static struct chat_part *missing_output(struct walk *w, const struct chat_part *call)
{
    struct chat_part *p = ARENA_NEW(w->d->arena, struct chat_part);

    if (!p)
        return NULL;
    p->kind = CHAT_TOOL_RESULT;
    p->id = call->id;
    p->error = true;
    struct chat_part **at = &p->content;
    return decode_add_text(w->d, &at, STR(NO_OUTPUT)) ? p : NULL;
}

/* The assistant's message is complete: what its calls gave stands behind it. */
static status close_turn(struct walk *w)
{
    w->turn = NULL;
    if (!w->calls)
        return OK;
    struct chat_message *m = chat_add_message(w->d->arena, &w->end, CHAT_USER);
    if (!m)
        return E_NOMEM;
    struct chat_part **at = &m->parts;
    for (struct item *call = w->calls; call; call = call->next) {
        struct chat_part *p = call->output ? call->output->part : missing_output(w, call->part);
        if (!p)
            return E_NOMEM;
        p->name = call->part->name;
        append(&at, p);
    }
    w->calls = NULL;
    w->calls_end = &w->calls;
    return OK;
}

static status place_call(struct walk *w, struct item *item)
{
    status s = open_turn(w);

    if (s)
        return s;
    append(&w->turn, item->part);
    *w->calls_end = item;
    w->calls_end = &item->next;
    item->next = NULL;
    return OK;
}

static status place_output(struct walk *w, struct item *item)
{
    status s = close_turn(w);

    if (s || item->taken)
        return s;
    struct chat_message *m = chat_add_message(w->d->arena, &w->end, CHAT_USER);
    if (!m)
        return E_NOMEM;
    struct chat_part **at = &m->parts;
    if (!decode_add_text(w->d, &at, STR(ORPHAN)))
        return E_NOMEM;
    *at = item->part->content;
    return OK;
}

/* --- messages, reasoning --------------------------------------------------------------------- */

static status place_assistant(struct walk *w, const struct item *item)
{
    const struct jspan *content = jspan_get(item->span, "content");
    struct str shown = jspan_str(w->d->arena, jspan_get(item->span, "id")), id;

    if (jspan_none(content) || jspan_says(content, ""))
        return OK;
    status s = open_turn(w);
    if (s)
        return s;
    struct chat_part **first = w->turn;
    s = openai_responses_decode_content(w->d, content, &w->turn);
    if (!s && shown.n && *first && (*first)->kind == CHAT_TEXT)
        call_id_unpack(w->d->arena, shown, &id, &(*first)->signature);
    return s;
}

static status place_plain(struct walk *w, const struct item *item, enum chat_role role)
{
    const struct jspan *content = jspan_get(item->span, "content");
    status s = close_turn(w);

    if (s)
        return s;
    if (jspan_none(content))
        return decode_invalid(w->d, item->span, "content", "this field is required");
    struct chat_message *m = chat_add_message(w->d->arena, &w->end, role);
    if (!m)
        return E_NOMEM;
    struct chat_part **at = &m->parts;
    return openai_responses_decode_content(w->d, content, &at);
}

static status place_message(struct walk *w, struct item *item)
{
    const struct jspan *role = jspan_get(item->span, "role");

    if (jspan_says(role, "assistant"))
        return place_assistant(w, item);
    if (jspan_says(role, "user"))
        return place_plain(w, item, CHAT_USER);
    if (jspan_says(role, "system"))
        return place_plain(w, item, CHAT_SYSTEM);
    if (jspan_says(role, "developer"))
        return place_plain(w, item, CHAT_DEVELOPER);
    return decode_invalid(w->d, item->span, "role",
                          "expected user, assistant, system or developer");
}

/* The texts of `summary` or `content`, joined. */
static struct str texts_of(struct arena *arena, const struct jspan *list)
{
    struct buf text = {0};

    for (const struct jspan *n = jspan_first(list); n; n = n->next) {
        if (text.n)
            buf_add_cstr(&text, "\n\n");
        buf_add_str(&text, jspan_str(arena, jspan_get(n, "text")));
    }
    struct str copy = text.n || text.failed ? buf_copy(&text, arena) : STR_NONE;
    buf_free(&text);
    return copy;
}

static status place_reasoning(struct walk *w, struct item *item)
{
    struct arena *arena = w->d->arena;
    struct chat_part p = {.kind = CHAT_THINKING};
    struct str packed = STR_NONE;

    status s = decode_str(w->d, item->span, "encrypted_content", &packed);
    if (s)
        return s;
    p.text = texts_of(arena, jspan_get(item->span, "summary"));
    if (!p.text.n)
        p.text = texts_of(arena, jspan_get(item->span, "content"));
    if (packed.n && !openai_responses_unpack(arena, packed, w->d->out->model, &p)) {
        p.signature = STR_NONE;
        decode_drop(w->d, "input", STR("reasoning"));
    }
    if (!p.text.n && !p.signature.n && !p.data.n)
        return OK; /* nothing is left of it for this model */
    s = open_turn(w);
    struct chat_part *kept = s ? NULL : chat_add_part(arena, &w->turn, p.kind);
    if (!kept)
        return E_NOMEM;
    *kept = p;
    return OK;
}

/* --- the table ------------------------------------------------------------------------------- */

static status read_more_tools(struct walk *w, struct item *item)
{
    const struct jspan *tools = jspan_get(item->span, "tools");
    return jspan_none(tools) ? OK : openai_responses_decode_tools(w->d, tools);
}

static status refuse_reference(struct walk *w, struct item *item)
{
    return decode_unsupported(w->d, item->span, "id",
                              "items are not stored here; send the item itself (clients do "
                              "so when they are told `store: false`)");
}

/* All that was said before is in it: without it the conversation would be another one. */
static status refuse_compaction(struct walk *w, struct item *item)
{
    return decode_unsupported(w->d, item->span, "encrypted_content",
                              "what another model has compacted can be read by that one alone; "
                              "send the items of the conversation");
}

/* Read in the first round; items without a reader wait for the second. */
static const struct {
    const char *type;
    enum item_kind kind;
    item_reader *read;
} rows[] = {
    {"message", ITEM_MESSAGE, NULL},
    {"reasoning", ITEM_REASONING, NULL},
    {"function_call", ITEM_CALL, read_function_call},
    {"function_call_output", ITEM_OUTPUT, read_output},
    {"custom_tool_call", ITEM_CALL, read_custom_call},
    {"custom_tool_call_output", ITEM_OUTPUT, read_output},
    {"tool_search_call", ITEM_CALL, read_search_call},
    {"tool_search_output", ITEM_OUTPUT, read_search_output},
    {"local_shell_call", ITEM_CALL, read_local_shell_call},
    {"local_shell_call_output", ITEM_OUTPUT, read_output},
    {"shell_call", ITEM_CALL, read_shell_call},
    {"shell_call_output", ITEM_OUTPUT, read_shell_output},
    {"apply_patch_call", ITEM_CALL, read_patch_call},
    {"apply_patch_call_output", ITEM_OUTPUT, read_patch_output},
    {"additional_tools", ITEM_TOOLS, read_more_tools},
    {"item_reference", ITEM_LOST, refuse_reference},
    {"compaction", ITEM_LOST, refuse_compaction},
    {"compaction_summary", ITEM_LOST, refuse_compaction},
};

static status read_item(struct walk *w, struct item *item)
{
    const struct jspan *type = jspan_get(item->span, "type");

    if (!jspan_is(item->span, JSPAN_OBJECT))
        return decode_wrong_type(w->d, item->span, "an object");
    item->kind = ITEM_MESSAGE;
    if (jspan_none(type) && jspan_get(item->span, "role"))
        return OK;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (!jspan_says(type, rows[i].type))
            continue;
        item->kind = rows[i].kind;
        return rows[i].read ? rows[i].read(w, item) : OK;
    }
    if (!jspan_is(type, JSPAN_STRING))
        return decode_invalid(w->d, item->span, "type", "expected the type of an item");
    item->kind = ITEM_LOST; /* what OpenAI's own tools did, and what is not known yet */
    decode_drop(w->d, "input", jspan_str(w->d->arena, type));
    return OK;
}

/* --- the rounds ------------------------------------------------------------------------------ */

static status read_items(struct walk *w)
{
    status s = OK;

    for (size_t i = 0; i < w->count && !s; i++)
        s = read_item(w, &w->items[i]);
    return s;
}

/* From the last to the first, so that each bucket has the oldest in front. */
static status sort_outputs(struct walk *w)
{
    w->buckets = ARENA_ARRAY(w->d->arena, struct item *, DECODE_CALL_BUCKETS);
    if (!w->buckets)
        return E_NOMEM;
    for (size_t i = w->count; i-- > 0;) {
        struct item *item = &w->items[i];
        if (item->kind != ITEM_OUTPUT)
            continue;
        size_t bucket = decode_bucket(w->d, item->part->id);
        item->next = w->buckets[bucket];
        w->buckets[bucket] = item;
    }
    return OK;
}

/* Ids may recur: each call takes the first output that is left. */
static void match_calls(struct walk *w)
{
    for (size_t i = 0; i < w->count; i++) {
        struct item *call = &w->items[i];
        if (call->kind != ITEM_CALL)
            continue;
        struct item **at = &w->buckets[decode_bucket(w->d, call->part->id)];
        while (*at && !str_eq((*at)->part->id, call->part->id))
            at = &(*at)->next;
        if (!*at)
            continue;
        call->output = *at;
        (*at)->taken = true;
        *at = (*at)->next;
    }
}

static status place(struct walk *w, struct item *item)
{
    switch (item->kind) {
    case ITEM_MESSAGE:
        return place_message(w, item);
    case ITEM_REASONING:
        return place_reasoning(w, item);
    case ITEM_CALL:
        return place_call(w, item);
    case ITEM_OUTPUT:
        return place_output(w, item);
    case ITEM_TOOLS:
    case ITEM_LOST:
        break;
    }
    return OK;
}

static status read_list(struct walk *w, const struct jspan *list)
{
    size_t i = 0;

    w->count = jspan_count(list);
    w->items = ARENA_ARRAY(w->d->arena, struct item, w->count + 1);
    if (!w->items)
        return E_NOMEM;
    for (const struct jspan *n = jspan_first(list); n; n = n->next)
        w->items[i++].span = n;
    status s = read_items(w);
    if (!s)
        s = sort_outputs(w);
    if (!s)
        match_calls(w);
    for (i = 0; i < w->count && !s; i++)
        s = place(w, &w->items[i]);
    return s ? s : close_turn(w);
}

status openai_responses_decode_input(struct decode *d, const struct jspan *value)
{
    struct walk w = {.d = d, .end = &d->out->messages, .calls_end = NULL};

    w.calls_end = &w.calls;
    while (*w.end)
        w.end = &(*w.end)->next;
    if (jspan_is(value, JSPAN_ARRAY))
        return read_list(&w, value);
    if (!jspan_is(value, JSPAN_STRING))
        return decode_wrong_type(d, value, "a string or an array of items");
    struct chat_message *m = chat_add_message(d->arena, &w.end, CHAT_USER);
    if (!m)
        return E_NOMEM;
    struct chat_part **at = &m->parts;
    return openai_responses_decode_content(d, value, &at);
}

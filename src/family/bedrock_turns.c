/* From the messages of a request to turns that Bedrock takes. */
#include "family/bedrock_plan.h"

#include <ctype.h>

#define GO_ON     "Continue."
#define NO_RESULT "(no result)"

enum { ID_BYTES = 64, HASH_BYTES = 9 };

/* A result of the request, in the order of its messages. */
struct slot {
    const struct chat_part *result;
    bool taken; /* it stands behind its call already */
    struct slot *next;
};

struct making {
    struct arena *arena;
    const struct chat_request *request;
    struct dropped *dropped;
    struct slot *results;              /* those whose place in the messages is still to come */
    struct chat_message *turns, *turn; /* the first and the one that grows */
    struct chat_part **end;            /* of that one's parts */
};

/* --- growing --------------------------------------------------------------------------------- */

/* Make the turn of that role the one that grows. */
static status begin_turn(struct making *m, enum chat_role role)
{
    if (m->turn && m->turn->role == role)
        return OK;
    struct chat_message *turn = ARENA_NEW(m->arena, struct chat_message);
    if (!turn)
        return E_NOMEM;
    turn->role = role;
    if (m->turn)
        m->turn->next = turn;
    else
        m->turns = turn;
    m->turn = turn;
    m->end = &turn->parts;
    return OK;
}

/* Append a copy of `part` to the turn of that role. */
static status add(struct making *m, enum chat_role role, const struct chat_part *part)
{
    status s = begin_turn(m, role);
    struct chat_part *copy = s ? NULL : ARENA_NEW(m->arena, struct chat_part);

    if (!copy)
        return E_NOMEM;
    *copy = *part;
    copy->next = NULL;
    *m->end = copy;
    m->end = &copy->next;
    return OK;
}

static status add_text(struct making *m, enum chat_role role, struct str text)
{
    struct chat_part part = {.kind = CHAT_TEXT, .text = text};
    return text.p ? add(m, role, &part) : E_NOMEM;
}

/* --- ids ------------------------------------------------------------------------------------- */

static bool id_char(char c)
{
    return isalnum((unsigned char)c) || c == '_' || c == '-';
}

/* An id that upstream takes: as it is where that is possible, else the beginning of it and a hash
   of all of it (FNV-1a), so that different ids stay different. */
static struct str clean_id(struct arena *arena, struct str id)
{
    uint32_t hash = 2166136261u;
    size_t bad = 0;

    for (size_t i = 0; i < id.n; i++) {
        hash = (hash ^ (unsigned char)id.p[i]) * 16777619u;
        bad += !id_char(id.p[i]);
    }
    if (id.n && id.n <= ID_BYTES && !bad)
        return id;
    if (id.n > ID_BYTES - HASH_BYTES)
        id.n = ID_BYTES - HASH_BYTES;
    char *copy = arena_cstr(arena, id);
    if (!copy)
        return STR_NONE;
    for (size_t i = 0; i < id.n; i++)
        if (!id_char(copy[i]))
            copy[i] = '_';
    return arena_printf(arena, "%s_%08x", copy, (unsigned)hash);
}

/* --- calls and their results ----------------------------------------------------------------- */

static bool is_system(const struct chat_message *m)
{
    return m->role == CHAT_SYSTEM || m->role == CHAT_DEVELOPER;
}

static status gather_results(struct making *m)
{
    struct slot **end = &m->results;

    for (const struct chat_message *n = m->request->messages; n; n = n->next)
        for (const struct chat_part *p = is_system(n) ? NULL : n->parts; p; p = p->next) {
            if (p->kind != CHAT_TOOL_RESULT)
                continue;
            *end = ARENA_NEW(m->arena, struct slot);
            if (!*end)
                return E_NOMEM;
            (*end)->result = p;
            end = &(*end)->next;
        }
    return OK;
}

/* The first result of the call that is to come and that no call has taken: ids may occur again in
   later rounds. */
static const struct chat_part *take_result(struct making *m, struct str id)
{
    for (struct slot *slot = m->results; slot; slot = slot->next)
        if (!slot->taken && str_eq(slot->result->id, id)) {
            slot->taken = true;
            return slot->result;
        }
    return NULL;
}

static status add_result(struct making *m, const struct chat_part *call)
{
    const struct chat_part *found = take_result(m, call->id);
    struct chat_part result = {.kind = CHAT_TOOL_RESULT, .error = true};

    if (found) {
        result = *found;
    } else {
        result.content = ARENA_NEW(m->arena, struct chat_part);
        if (!result.content)
            return E_NOMEM;
        *result.content = (struct chat_part){.kind = CHAT_TEXT, .text = STR(NO_RESULT)};
    }
    result.id = clean_id(m->arena, call->id);
    return result.id.p ? add(m, CHAT_USER, &result) : E_NOMEM;
}

/* Behind the last of neighbouring assistant messages: the results of all their calls. */
static status add_results(struct making *m, const struct chat_message *first,
                          const struct chat_message *last)
{
    for (const struct chat_message *n = first;; n = n->next) {
        for (const struct chat_part *p = n->role == CHAT_ASSISTANT ? n->parts : NULL; p;
             p = p->next) {
            status s = p->kind == CHAT_TOOL_CALL ? add_result(m, p) : OK;
            if (s)
                return s;
        }
        if (n == last)
            return OK;
    }
}

/* A result that belongs to no call: what it says is kept as text. */
static status add_orphan(struct making *m, const struct chat_part *result)
{
    struct str text = chat_parts_text(m->arena, result->content, "\n");
    status s = add_text(m, CHAT_USER, STR("[result of an unknown tool call]"));

    if (!s && str_trim(text).n)
        s = add_text(m, CHAT_USER, text);
    for (const struct chat_part *p = result->content; p && !s; p = p->next)
        if (p->kind != CHAT_TEXT)
            s = add(m, CHAT_USER, p);
    return s;
}

/* --- messages -------------------------------------------------------------------------------- */

/* A result where the caller put it: nothing, if it stands behind its call already. */
static status pass_result(struct making *m, const struct chat_part *result)
{
    bool taken = m->results->taken;

    m->results = m->results->next;
    return taken ? OK : add_orphan(m, result);
}

static status add_part(struct making *m, enum chat_role role, const struct chat_part *part)
{
    struct chat_part copy = *part;

    switch (part->kind) {
    case CHAT_TEXT:
    case CHAT_REFUSAL:
        copy.kind = CHAT_TEXT;
        return str_trim(part->text).n ? add(m, role, &copy) : OK;
    case CHAT_THINKING:
        if (part->signature.n && role == CHAT_ASSISTANT && !str_starts(part->signature, CHAT_MARK))
            return add(m, role, part);
        dropped_add_cstr(m->dropped, "messages.thinking");
        return OK;
    case CHAT_TOOL_CALL:
        copy.id = clean_id(m->arena, part->id);
        copy.arguments = bedrock_arguments(m->arena, part->arguments);
        return copy.id.p && copy.arguments.p ? add(m, role, &copy) : E_NOMEM;
    case CHAT_TOOL_RESULT:
        return pass_result(m, part);
    default:
        return add(m, role, part);
    }
}

static status add_message(struct making *m, const struct chat_message *message)
{
    status s = OK;

    for (const struct chat_part *p = message->parts; p && !s; p = p->next)
        s = add_part(m, message->role, p);
    return s;
}

/* Assistant messages that follow each other are one turn, whatever the caller's system messages say
   in between; returns the last of them. */
static const struct chat_message *end_of_turn(const struct chat_message *first)
{
    const struct chat_message *last = first;

    for (const struct chat_message *n = first->next; n; n = n->next) {
        if (n->role == CHAT_ASSISTANT)
            last = n;
        else if (!is_system(n))
            break;
    }
    return last;
}

static status add_all(struct making *m)
{
    const struct chat_message *first = NULL, *last = NULL; /* the assistant's turn that is open */
    status s = OK;

    for (const struct chat_message *n = m->request->messages; n && !s; n = n->next) {
        if (is_system(n))
            continue;
        if (n->role == CHAT_ASSISTANT && !first) {
            first = n;
            last = end_of_turn(n);
        }
        s = add_message(m, n);
        if (!s && n == last) {
            s = add_results(m, first, last);
            first = last = NULL;
        }
    }
    return s;
}

static status gather_system(struct arena *arena, const struct chat_request *request,
                            struct chat_part **out)
{
    struct chat_part **end = out;

    for (const struct chat_message *n = request->messages; n; n = n->next)
        for (const struct chat_part *p = is_system(n) ? n->parts : NULL; p; p = p->next) {
            if (p->kind != CHAT_TEXT || !str_trim(p->text).n)
                continue;
            struct chat_part *copy = ARENA_NEW(arena, struct chat_part);
            if (!copy)
                return E_NOMEM;
            *copy = *p;
            copy->next = NULL;
            *end = copy;
            end = &copy->next;
        }
    return OK;
}

/* Upstream refuses white space at the end of text that the model is to go on with. */
static void trim_prefill(struct chat_message *last)
{
    if (!last || last->role != CHAT_ASSISTANT)
        return;
    for (struct chat_part *p = last->parts; p; p = p->next)
        if (p->kind == CHAT_TEXT && !p->next)
            while (p->text.n && isspace((unsigned char)p->text.p[p->text.n - 1]))
                p->text.n--;
}

status bedrock_turns_of(struct arena *arena, const struct chat_request *request,
                        const struct family_model *model, struct bedrock_turns *out,
                        struct dropped *dropped)
{
    struct chat_request told = *request;
    struct making m = {.arena = arena, .request = &told, .dropped = dropped};
    status s = OK;

    *out = (struct bedrock_turns){0};
    if (!model->lift_system)
        s = chat_tell_late_system(arena, request->messages, &told.messages);
    if (!s)
        s = gather_system(arena, &told, &out->system);
    if (!s)
        s = gather_results(&m);
    if (!s)
        s = add_all(&m);
    if (!s && (!m.turns || m.turns->role == CHAT_ASSISTANT)) {
        struct chat_message *rest = m.turns, *last = m.turn;
        m.turns = m.turn = NULL;
        s = add_text(&m, CHAT_USER, STR(GO_ON));
        if (!s)
            m.turns->next = rest;
        if (last)
            m.turn = last;
    }
    if (s)
        return s;
    trim_prefill(m.turn);
    chat_merge_roles(m.turns); /* results first */
    out->messages = m.turns;
    return OK;
}

bool bedrock_ends_with_assistant(const struct bedrock_turns *turns)
{
    const struct chat_message *m = turns->messages;

    while (m && m->next)
        m = m->next;
    return m && m->role == CHAT_ASSISTANT;
}

bool bedrock_continues_without_thinking(const struct bedrock_turns *turns)
{
    const struct chat_message *before = NULL, *last = turns->messages;

    while (last && last->next) {
        before = last;
        last = last->next;
    }
    if (!before || !last->parts || last->parts->kind != CHAT_TOOL_RESULT || !before->parts)
        return false;
    return before->parts->kind != CHAT_THINKING && before->parts->kind != CHAT_REDACTED_THINKING;
}

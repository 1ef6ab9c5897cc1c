/*
 * Instructions in the midst of a conversation, for families whose system prompt stands in front of
 * everything.
 *
 * Joined to the system prompt they would change the beginning of every later request, and a prompt
 * cache of the whole history would be lost. So they stay in their place, as words of the user's.
 */
#include "chat/request.h"

static bool is_system(const struct chat_message *m)
{
    return m->role == CHAT_SYSTEM || m->role == CHAT_DEVELOPER;
}

static bool calls_tools(const struct chat_message *m)
{
    for (const struct chat_part *p = m->role == CHAT_ASSISTANT ? m->parts : NULL; p; p = p->next)
        if (p->kind == CHAT_TOOL_CALL)
            return true;
    return false;
}

/* The first message behind a run of instructions. */
static const struct chat_message *behind(const struct chat_message *m)
{
    while (m && is_system(m))
        m = m->next;
    return m;
}

/* The text may hold NUL bytes. The pointer is NULL when out of memory. */
static struct str embrace(struct arena *arena, struct str text)
{
    struct str open = STR(CHAT_LATE_SYSTEM_OPEN), close = STR(CHAT_LATE_SYSTEM_CLOSE);
    char *whole = arena_alloc(arena, open.n + text.n + close.n);

    if (!whole)
        return STR_NONE;
    memcpy(whole, open.p, open.n);
    memcpy(whole + open.n, text.p, text.n);
    memcpy(whole + open.n + text.n, close.p, close.n);
    return (struct str){whole, open.n + text.n + close.n};
}

static status tell(struct arena *arena, const struct chat_part *part, struct chat_part ***end)
{
    struct chat_part *copy = chat_add_part(arena, end, part->kind);

    if (!copy)
        return E_NOMEM;
    *copy = *part;
    copy->next = NULL;
    if (part->kind != CHAT_TEXT)
        return OK;
    copy->text = embrace(arena, part->text);
    return copy->text.p ? OK : E_NOMEM;
}

static status add_told(struct arena *arena, const struct chat_message *from,
                       struct chat_message ***end)
{
    struct chat_message *m = chat_add_message(arena, end, CHAT_USER);
    struct chat_part **parts = m ? &m->parts : NULL;
    status s = m ? OK : E_NOMEM;

    for (const struct chat_part *p = from->parts; p && !s; p = p->next)
        if (p->kind != CHAT_TEXT || str_trim(p->text).n)
            s = tell(arena, p, &parts);
    return s;
}

static status add_same(struct arena *arena, const struct chat_message *from,
                       struct chat_message ***end)
{
    struct chat_message *m = chat_add_message(arena, end, from->role);

    if (!m)
        return E_NOMEM;
    m->name = from->name;
    m->parts = from->parts;
    return OK;
}

status chat_tell_late_system(struct arena *arena, const struct chat_message *messages,
                             struct chat_message **out)
{
    const struct chat_message *run = behind(messages); /* the next that is no instruction */
    struct chat_message **end = out;
    bool late = false;
    status s = OK;

    *out = NULL;
    for (const struct chat_message *m = messages; m && !s; m = m->next) {
        if (m == run) {
            run = behind(m->next);
            late = !(run && run->role == CHAT_ASSISTANT && calls_tools(m));
            s = add_same(arena, m, &end);
        } else {
            s = late ? add_told(arena, m, &end) : add_same(arena, m, &end);
        }
    }
    return s;
}

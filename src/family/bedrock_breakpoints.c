/*
 * Breakpoints of prompt caches: our own, and which of all go up. See bedrock_plan.h.
 *
 * What is written into the cache costs a quarter more, what is read from it a tenth: an agent has
 * earned it back with its second turn. Up to 20 blocks in front of a breakpoint upstream looks for
 * what an earlier request has left, and a turn may be longer; hence the one at the turn before.
 */
#include "chat/estimate.h"
#include "family/bedrock_plan.h"

static bool worth_it(const struct chat_request *request, const struct family_model *model,
                     const struct bedrock_turns *turns)
{
    if (!request->cached_unasked || !model->cache_minimum || model->no_breakpoints)
        return false;
    if (!request->tools && !turns->messages->next)
        return false;
    return !chat_has_cache(request) &&
           chat_estimate_reaches(request, model->name, model->cache_minimum);
}

static struct chat_part *last_that(struct chat_part *parts,
                                   bool (*takes)(const struct chat_part *part))
{
    struct chat_part *found = NULL;

    for (struct chat_part *p = parts; p; p = p->next)
        if (!takes || takes(p))
            found = p;
    return found;
}

/* At the end of the last turns of the user that can hold one. */
static void set_in_turns(struct bedrock_turns *turns, bool (*takes)(const struct chat_part *part))
{
    struct chat_part *last = NULL, *before = NULL;

    for (struct chat_message *m = turns->messages; m; m = m->next) {
        struct chat_part *p = m->role == CHAT_USER ? last_that(m->parts, takes) : NULL;
        if (!p)
            continue;
        before = last;
        last = p;
    }
    if (last)
        last->cache.set = true;
    if (before)
        before->cache.set = true;
}

void bedrock_set_breakpoints(const struct chat_request *request, const struct family_model *model,
                             bool (*takes)(const struct chat_part *part),
                             struct bedrock_turns *turns)
{
    struct chat_part *system = last_that(turns->system, NULL);

    if (!worth_it(request, model, turns))
        return;
    turns->tools.set = request->tools;
    if (system)
        system->cache.set = true;
    set_in_turns(turns, takes);
}

/* --- what upstream takes ---------------------------------------------------------------------- */

enum { BREAKPOINTS_MAX = 4 }; /* Anthropic, "Prompt caching"; Bedrock has the same */

static size_t count_parts(const struct chat_part *parts)
{
    size_t count = 0;

    for (const struct chat_part *p = parts; p; p = p->next)
        count += p->cache.set;
    return count;
}

static size_t count_all(const struct chat_request *request, bool tools,
                        const struct bedrock_turns *turns)
{
    size_t count = count_parts(turns->system);

    for (const struct chat_tool *t = request->tools; t && tools; t = t->next)
        count += t->cache.set || (turns->tools.set && !t->next);
    for (const struct chat_message *m = turns->messages; m; m = m->next)
        count += count_parts(m->parts);
    return count;
}

static void give_up(struct chat_part *part, struct dropped *dropped)
{
    part->cache.set = false;
    dropped_add_cstr(dropped, "cache_control");
}

void bedrock_keep_breakpoints(const struct chat_request *request, bool tools,
                              bool (*takes)(const struct chat_part *part),
                              struct bedrock_turns *turns, struct dropped *dropped)
{
    for (struct chat_message *m = turns->messages; m; m = m->next)
        for (struct chat_part *p = m->parts; p; p = p->next)
            if (p->cache.set && !takes(p))
                give_up(p, dropped);

    size_t count = count_all(request, tools, turns);
    for (struct chat_message *m = turns->messages; m; m = m->next)
        for (struct chat_part *p = m->parts; p && count > BREAKPOINTS_MAX; p = p->next)
            if (p->cache.set) {
                give_up(p, dropped);
                count--;
            }
}

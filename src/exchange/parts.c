/*
 * One request in several calls: more inputs than the model takes in one.
 *
 * Each part is an exchange of its own from STAGE_ROUTE on, so that its target, its token and its
 * failover are those of any other, but it has no caller: what it brings is joined here, in the order
 * of the inputs. The first part that fails for good ends the others, and the caller is told why.
 * All of them are one request in the access record.
 */
#include <stdlib.h>

#include "exchange/life.h"

enum {
    PARTS_AT_ONCE = 8,
    PARTS_MAX = 2048,         /* of one request */
    PARTS_TARGETS_BYTES = 200 /* of the names of deployments that are told, further ones are not */
};

struct part {
    struct parts *parts;
    struct exchange *exchange; /* while it is under way */
    struct embed_request request;
    struct embed_answer answer;
    struct buf body; /* what the answer's vectors lie in */
};

struct parts {
    struct exchange *whole;
    struct part *list;
    size_t count, begun, under_way;
    size_t bytes; /* of all bodies */
};

/* --- splitting ------------------------------------------------------------------------------- */

/* What every target takes in one call; 0: no target makes embeddings. */
static size_t batch_of(const struct exchange *x)
{
    size_t least = 0;

    for (const struct target *t = x->model->targets; t; t = t->next) {
        const struct family_embed *embed = t->family->embed;
        size_t batch = embed ? embed->batch(&x->model->rules) : 0;
        if (batch && (!least || batch < least))
            least = batch;
    }
    return least;
}

bool parts_wanted(const struct exchange *x)
{
    size_t batch = x->work == &embed_work && !x->part ? batch_of(x) : 0;

    return batch && x->embed.count > batch;
}

/* The next `count` inputs: `list` is the caller's, cut into pieces as it goes. */
static struct embed_input *cut_inputs(struct embed_input **list, size_t count)
{
    struct embed_input *first = *list, *last = first;

    while (--count)
        last = last->next;
    *list = last->next;
    last->next = NULL;
    return first;
}

static status split(struct exchange *x)
{
    size_t batch = batch_of(x), left = x->embed.count, count = (left + batch - 1) / batch;
    struct embed_input *inputs = x->embed.inputs;
    struct parts *parts = ARENA_NEW(x->arena, struct parts);

    if (count > PARTS_MAX) {
        chat_error_field(&x->error, x->arena, CHAT_ERROR_INVALID, "input",
                         "input: at most %zu inputs are taken for the model '%.*s'.",
                         PARTS_MAX * batch, STR_ARG(x->model_asked));
        return E_LIMIT;
    }
    if (!parts)
        return E_NOMEM;
    parts->whole = x;
    parts->list = ARENA_ARRAY(x->arena, struct part, count);
    if (!parts->list)
        return E_NOMEM;
    while (left) {
        struct part *part = &parts->list[parts->count++];
        part->parts = parts;
        part->request = x->embed;
        part->request.count = left < batch ? left : batch;
        left -= part->request.count;
        part->request.inputs = cut_inputs(&inputs, part->request.count);
    }
    x->embed.inputs = NULL; /* they are the parts' now */
    x->parts = parts;
    return OK;
}

/* --- beginning ------------------------------------------------------------------------------- */

static void begin_part(void *arg)
{
    exchange_run(arg);
}

static status start_part(struct exchange *whole, struct part *part)
{
    struct exchange *x = calloc(1, sizeof *x);
    struct arena *arena = arena_new(ARENA_BYTES);

    if (!x || !arena) {
        free(x);
        arena_free(arena);
        return E_NOMEM;
    }
    *x = (struct exchange){.state = whole->state,
                           .config = whole->config,
                           .reactor = whole->reactor,
                           .ops = whole->ops,
                           .arg = whole->arg,
                           .arena = arena,
                           .request = whole->request,
                           .stage = STAGE_ROUTE,
                           .match = whole->match,
                           .work = whole->work,
                           .dialect = whole->dialect,
                           .key = whole->key,
                           .id = whole->id,
                           .body = whole->body,
                           .model_asked = whole->model_asked,
                           .embed = part->request,
                           .dropped = {.arena = arena},
                           .part = part,
                           .table = route_table_hold(whole->table),
                           .started_ms = whole->started_ms};
    if (timer_set(x->reactor, &x->timer, 0, begin_part, x)) {
        exchange_free(x);
        return E_NOMEM;
    }
    part->exchange = x;
    part->parts->under_way++;
    return OK;
}

static status start_more(struct exchange *x)
{
    struct parts *parts = x->parts;
    status s = OK;

    while (!s && parts->under_way < PARTS_AT_ONCE && parts->begun < parts->count)
        s = start_part(x, &parts->list[parts->begun++]);
    return s;
}

/* --- ending ---------------------------------------------------------------------------------- */

struct arena *part_arena(const struct exchange *x)
{
    return x->part->parts->whole->arena;
}

bool part_answered(struct exchange *x, const struct embed_answer *answer)
{
    struct part *part = x->part;

    part->answer = *answer;
    part->body = x->whole;
    x->whole = (struct buf){0};
    part->parts->bytes += part->body.n;
    if (part->parts->bytes > WHOLE_BODY_BYTES)
        return relay_broken(x, "The model's answer is too large.");
    return true;
}

static void add_target(struct exchange *whole, struct str target)
{
    struct record *r = &whole->record;
    struct str name = target.n ? arena_str(whole->arena, target) : STR_NONE;

    if (!r->target.n)
        r->target = name;
    else if (name.n && str_find(r->target, name.p) == r->target.n &&
             r->target.n < PARTS_TARGETS_BYTES)
        r->target = arena_printf(whole->arena, "%.*s, %.*s", STR_ARG(r->target), STR_ARG(name));
}

/* What the record and the caller's headers say of all parts together. */
static void account(struct exchange *whole, const struct exchange *x)
{
    whole->record.attempts += x->record.attempts;
    if (x->record.family)
        whole->record.family = x->record.family;
    add_target(whole, x->record.target);
    for (const struct dropped_item *i = x->dropped.first; i; i = i->next)
        dropped_add(&whole->dropped, i->field);
}

void parts_ended(struct exchange *x)
{
    struct part *part = x->part;
    struct parts *parts = part->parts;
    struct exchange *whole = parts->whole;

    account(whole, x);
    if (x->error.kind)
        whole->error = chat_error_copy(whole->arena, &x->error);
    part->exchange = NULL;
    parts->under_way--;
    exchange_free(x);
    if (!whole->error.kind && start_more(whole))
        chat_error_set(&whole->error, whole->arena, CHAT_ERROR_OVERLOADED, "Out of memory.");
    if (whole->error.kind || !parts->under_way)
        exchange_resume(whole);
}

void parts_drop(struct exchange *x)
{
    for (size_t i = 0; x->parts && i < x->parts->count; i++) {
        struct part *part = &x->parts->list[i];
        if (part->exchange) {
            account(x, part->exchange);
            exchange_free(part->exchange);
        }
        part->exchange = NULL;
        buf_free(&part->body);
    }
}

/* One answer made of all. What they used is known only if all of them said it. */
static struct embed_answer join(const struct parts *parts)
{
    struct embed_answer all = {.tokens = 0};
    struct embed_vector **end = &all.vectors;

    for (size_t i = 0; i < parts->count; i++) {
        const struct embed_answer *one = &parts->list[i].answer;
        *end = one->vectors;
        while (*end)
            end = &(*end)->next;
        all.tokens = one->tokens < 0 || all.tokens < 0 ? -1 : all.tokens + one->tokens;
    }
    return all;
}

enum step parts_run(struct exchange *x)
{
    if (!x->resumed)
        return split(x) || start_more(x) ? STEP_FAIL : WAIT;
    x->resumed = false;
    if (x->error.kind) {
        parts_drop(x);
        return STEP_FAIL;
    }
    struct embed_answer answer = join(x->parts);
    return embed_answer_caller(x, &answer) ? DONE : STEP_FAIL;
}

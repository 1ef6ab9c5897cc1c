/* The collector: appends pieces to the block they belong to. */
#include "chat/collect.h"

enum { FIRST_PIECE_BYTES = 256 };

/* Text that grows in the arena by doubling, so that n pieces cost O(total). */
struct growing {
    char *p;
    size_t n, cap;
};

struct open_block {
    struct chat_answer_block answer; /* first: the public face of it */
    unsigned index;
    struct growing text, logprobs;
    struct chat_citation **cited_end;
    struct open_block *next_open;
};

struct chat_collect {
    struct chat_sink sink;
    struct arena *arena;
    size_t room;
    struct chat_answer answer;
    struct chat_answer_block **end;
    struct open_block *blocks; /* the newest first */
};

static status grow(struct chat_collect *c, struct growing *g, struct str piece)
{
    if (piece.n > c->room)
        return E_LIMIT;
    if (piece.n > g->cap - g->n) {
        size_t cap = g->cap ? g->cap : FIRST_PIECE_BYTES;
        while (cap - g->n < piece.n)
            cap *= 2;
        char *p = arena_alloc(c->arena, cap);
        if (!p)
            return E_NOMEM;
        if (g->n)
            memcpy(p, g->p, g->n);
        g->p = p;
        g->cap = cap;
    }
    if (piece.n)
        memcpy(g->p + g->n, piece.p, piece.n);
    g->n += piece.n;
    c->room -= piece.n;
    return OK;
}

static status set_str(struct chat_collect *c, struct str *field, struct str value)
{
    if (!value.n)
        return OK;
    *field = arena_str(c->arena, value);
    return field->p ? OK : E_NOMEM;
}

static status open_block(struct chat_collect *c, const struct chat_event *e)
{
    struct open_block *b = ARENA_NEW(c->arena, struct open_block);
    if (!b)
        return E_NOMEM;
    b->answer.block = e->block;
    b->answer.choice = e->choice;
    b->index = e->index;
    b->cited_end = &b->answer.citations;
    b->next_open = c->blocks;
    c->blocks = b;
    *c->end = &b->answer;
    c->end = &b->answer.next;
    status s = set_str(c, &b->answer.id, e->id);
    if (!s)
        s = set_str(c, &b->answer.name, e->name);
    if (!s)
        s = set_str(c, &b->answer.signature, e->signature);
    if (!s)
        s = grow(c, &b->text, e->text);
    b->answer.text = (struct str){b->text.p, b->text.n};
    return s;
}

static struct open_block *find_block(struct chat_collect *c, const struct chat_event *e)
{
    struct open_block *b = c->blocks;
    while (b && (b->index != e->index || b->answer.choice != e->choice))
        b = b->next_open;
    return b;
}

/* Arrays of log probabilities are joined: "[a]" and "[b]" make "[a,b]". */
static status add_logprobs(struct chat_collect *c, struct open_block *b, struct str array)
{
    status s;

    if (array.n < 2)
        return OK;
    if (b->logprobs.n) {
        b->logprobs.n--;
        s = grow(c, &b->logprobs, STR(","));
        if (!s)
            s = grow(c, &b->logprobs, str_slice(array, 1, array.n));
    } else {
        s = grow(c, &b->logprobs, array);
    }
    b->answer.logprobs = (struct str){b->logprobs.p, b->logprobs.n};
    return s;
}

static status add_piece(struct chat_collect *c, const struct chat_event *e)
{
    struct open_block *b = find_block(c, e);
    if (!b)
        return FAIL;
    status s = grow(c, &b->text, e->text);
    b->answer.text = (struct str){b->text.p, b->text.n};
    if (!s)
        s = set_str(c, &b->answer.signature, e->signature);
    if (!s)
        s = add_logprobs(c, b, e->logprobs);
    return s;
}

static status add_citation(struct chat_collect *c, const struct chat_event *e)
{
    const struct chat_citation *k = e->citation;
    size_t size = sizeof *k + k->url.n + k->title.n + k->cited.n;
    struct open_block *b = find_block(c, e);

    if (!b)
        return FAIL;
    if (size > c->room)
        return E_LIMIT;
    c->room -= size;
    return chat_citation_keep(c->arena, &b->cited_end, k);
}

static status stop_choice(struct chat_collect *c, const struct chat_event *e)
{
    struct chat_answer_choice **at = &c->answer.choices;
    while (*at && (*at)->index < e->choice)
        at = &(*at)->next;
    if (!*at || (*at)->index != e->choice) {
        struct chat_answer_choice *choice = ARENA_NEW(c->arena, struct chat_answer_choice);
        if (!choice)
            return E_NOMEM;
        choice->index = e->choice;
        choice->next = *at;
        *at = choice;
    }
    (*at)->stopped = true;
    (*at)->stop = e->stop;
    return set_str(c, &(*at)->stop_sequence, e->stop_sequence);
}

static status keep_error(struct chat_collect *c, const struct chat_event *e)
{
    c->answer.failed = true;
    c->answer.error = *e->error;
    status s = set_str(c, &c->answer.error.message, e->error->message);
    if (!s)
        s = set_str(c, &c->answer.error.param, e->error->param);
    if (!s)
        s = set_str(c, &c->answer.error.detail, e->error->detail);
    return s;
}

static status collect_push(struct chat_sink *sink, const struct chat_event *e)
{
    struct chat_collect *c = (struct chat_collect *)sink;
    status s = OK;

    switch (e->kind) {
    case CHAT_EVENT_START:
        s = set_str(c, &c->answer.id, e->id);
        return s ? s : set_str(c, &c->answer.model, e->name);
    case CHAT_EVENT_OPEN:
        return open_block(c, e);
    case CHAT_EVENT_DELTA:
        return add_piece(c, e);
    case CHAT_EVENT_CITATION:
        return add_citation(c, e);
    case CHAT_EVENT_CLOSE:
        return OK;
    case CHAT_EVENT_USAGE:
        c->answer.usage = e->usage;
        c->answer.has_usage = true;
        return OK;
    case CHAT_EVENT_STOP:
        return stop_choice(c, e);
    case CHAT_EVENT_ERROR:
        return keep_error(c, e);
    }
    return FAIL;
}

struct chat_collect *chat_collect_new(struct arena *arena, size_t ceiling)
{
    struct chat_collect *c = ARENA_NEW(arena, struct chat_collect);
    if (!c)
        return NULL;
    c->sink.push = collect_push;
    c->arena = arena;
    c->room = ceiling;
    c->end = &c->answer.blocks;
    return c;
}

struct chat_sink *chat_collect_sink(struct chat_collect *c)
{
    return &c->sink;
}

const struct chat_answer *chat_collect_answer(struct chat_collect *c)
{
    return &c->answer;
}

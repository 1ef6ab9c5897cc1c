/* The queue of blocks: its head is open, the others wait. */
#include "family/openai_blocks.h"

#include <ctype.h>

enum { FIRST_ROOM_BYTES = 256 };

struct openai_block {
    enum chat_block block;
    int64_t index; /* of a call, upstream's */
    struct str id, name;
    struct json_scan scan; /* of a call's arguments */
    bool begun, closed;
    char *text; /* what waits */
    size_t n, room;
    struct str logprobs;
    struct openai_block *next;     /* in the queue */
    struct openai_block *previous; /* among the calls */
};

static struct chat_event event_of(const struct openai_blocks *b, const struct openai_block *k,
                                  enum chat_event_kind kind)
{
    return (struct chat_event){
        .kind = kind, .choice = b->choice, .index = b->opened - 1, .block = k->block};
}

static status push_piece(struct openai_blocks *b, const struct openai_block *k, struct str text,
                         struct str logprobs)
{
    struct chat_event e = event_of(b, k, CHAT_EVENT_DELTA);

    if (!text.n && !logprobs.n)
        return OK;
    if (k->block == CHAT_BLOCK_TEXT)
        b->said = chat_length_sum(b->said, chat_length_of(text));
    e.text = text;
    e.logprobs = logprobs;
    return chat_push(b->sink, &e);
}

/* Open the head of the queue and pass on what waits for it. */
static status open_head(struct openai_blocks *b)
{
    struct openai_block *k = b->open;

    b->opened++;
    b->said = (struct chat_length){0, 0};
    struct chat_event e = event_of(b, k, CHAT_EVENT_OPEN);
    e.id = k->id;
    e.name = k->name;
    status s = chat_push(b->sink, &e);
    if (s)
        return s;
    b->waiting -= k->n;
    return push_piece(b, k, (struct str){k->text, k->n}, k->logprobs);
}

static status close_head(struct openai_blocks *b)
{
    struct openai_block *k = b->open;
    struct chat_event e = event_of(b, k, CHAT_EVENT_CLOSE);
    status s = chat_push(b->sink, &e);

    if (s)
        return s;
    k->closed = true;
    b->open = k->next;
    if (!b->open)
        b->last = NULL;
    return b->open ? open_head(b) : OK;
}

/* Close what is finished as long as something waits behind it. */
static status advance(struct openai_blocks *b)
{
    while (b->open && b->open->next) {
        struct openai_block *k = b->open;
        if (k->block == CHAT_BLOCK_TOOL && !k->scan.complete)
            break;
        status s = close_head(b);
        if (s)
            return s;
    }
    return OK;
}

static struct openai_block *append(struct openai_blocks *b, enum chat_block block)
{
    struct openai_block *k = ARENA_NEW(b->arena, struct openai_block);

    if (!k)
        return NULL;
    k->block = block;
    if (b->last)
        b->last->next = k;
    else
        b->open = k;
    b->last = k;
    return k;
}

static status wait_for(struct openai_blocks *b, struct openai_block *k, struct str text)
{
    if (text.n > BLOCKS_WAITING_BYTES - b->waiting)
        return E_LIMIT;
    if (text.n > k->room - k->n) {
        size_t room = k->room ? k->room : FIRST_ROOM_BYTES;
        while (room - k->n < text.n)
            room *= 2;
        char *p = arena_alloc(b->arena, room);
        if (!p)
            return E_NOMEM;
        if (k->n)
            memcpy(p, k->text, k->n);
        k->text = p;
        k->room = room;
    }
    memcpy(k->text + k->n, text.p, text.n);
    k->n += text.n;
    b->waiting += text.n;
    return OK;
}

static status add_piece(struct openai_blocks *b, struct openai_block *k, struct str text,
                        struct str logprobs)
{
    if (k->block == CHAT_BLOCK_TOOL)
        json_scan_text(&k->scan, text);
    if (k == b->open)
        return push_piece(b, k, text, logprobs);
    if (logprobs.n && !k->logprobs.n) {
        k->logprobs = arena_str(b->arena, logprobs);
        if (!k->logprobs.p)
            return E_NOMEM;
    }
    return text.n ? wait_for(b, k, text) : OK;
}

/* A new block: it opens at once when nothing stands in front of it. */
static status begin(struct openai_blocks *b, struct openai_block *k)
{
    return b->open == k ? open_head(b) : advance(b);
}

status openai_blocks_text(struct openai_blocks *b, enum chat_block block, struct str text,
                          struct str signature, struct str logprobs)
{
    struct openai_block *k = b->last;
    status s = OK;

    if (!text.n && !(signature.n && k) && !(logprobs.n && k && k->block == block))
        return OK;
    if (!k || k->block != block) {
        k = append(b, block);
        s = k ? begin(b, k) : E_NOMEM;
    }
    if (!s)
        s = add_piece(b, k, text, logprobs);
    if (!s && signature.n && k == b->open) {
        struct chat_event e = event_of(b, k, CHAT_EVENT_DELTA);
        e.signature = signature;
        s = chat_push(b->sink, &e);
    }
    b->refused = b->refused || block == CHAT_BLOCK_REFUSAL;
    return s;
}

/* The call that a piece belongs to; NULL: it begins a new one. */
static struct openai_block *find_call(const struct openai_blocks *b, int64_t index, struct str id)
{
    struct openai_block *k = b->calls;

    if (index >= 0)
        while (k && k->index != index)
            k = k->previous;
    /* Some servers give every call the number 0, and another id. */
    return k && (!id.n || str_eq(id, k->id)) ? k : NULL;
}

static struct openai_block *new_call(struct openai_blocks *b, int64_t index, struct str id,
                                     struct str name)
{
    struct openai_block *k = append(b, CHAT_BLOCK_TOOL);

    if (!k)
        return NULL;
    k->index = index;
    k->id = arena_str(b->arena, id);
    k->name = arena_str(b->arena, name);
    k->previous = b->calls;
    b->calls = k;
    return k->id.p && k->name.p ? k : NULL;
}

status openai_blocks_call(struct openai_blocks *b, int64_t index, struct str id, struct str name,
                          struct str arguments)
{
    struct openai_block *k = find_call(b, index, id);
    status s = OK;

    if (k && k->closed) /* a late space may come, but nothing that counts */
        return str_trim(arguments).n ? E_SYNTAX : OK;
    if (!k) {
        if (!name.n)
            return E_SYNTAX;
        k = new_call(b, index, id, name);
        if (!k)
            return E_NOMEM;
        b->called = true;
        s = begin(b, k);
    }
    if (!s)
        s = add_piece(b, k, arguments, STR_NONE);
    return s ? s : advance(b);
}

status openai_blocks_cite(struct openai_blocks *b, const struct chat_citation *citation)
{
    if (!b->open || b->open != b->last || b->open->block != CHAT_BLOCK_TEXT)
        return OK;
    struct chat_event e = event_of(b, b->open, CHAT_EVENT_CITATION);
    e.citation = citation;
    return chat_push(b->sink, &e);
}

status openai_blocks_end(struct openai_blocks *b)
{
    while (b->open) {
        status s = close_head(b);
        if (s)
            return s;
    }
    return OK;
}

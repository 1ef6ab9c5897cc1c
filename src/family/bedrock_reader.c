/* The shared half of the readers. */
#include "family/bedrock_reader.h"

#include "family/bedrock_plan.h"
#include "family/upstream_error.h"

struct bedrock_reader *bedrock_reader_new(struct arena *arena, const struct family_call *call,
                                          struct chat_sink *sink)
{
    struct bedrock_reader *r = ARENA_NEW(arena, struct bedrock_reader);

    if (r) {
        r->base = (struct family_reader){arena, sink, call};
        r->usage.reasoning = -1;
    }
    return r;
}

static status push(struct bedrock_reader *r, const struct chat_event *event)
{
    return r->stopped || r->failed ? OK : chat_push(r->base.sink, event);
}

/* An event of the block that is open. */
static struct chat_event of_block(const struct bedrock_reader *r, enum chat_event_kind kind)
{
    return (struct chat_event){.kind = kind, .index = r->blocks - 1, .block = r->block};
}

status bedrock_start(struct bedrock_reader *r, struct str id, struct str model)
{
    struct chat_event event = {
        .kind = CHAT_EVENT_START, .id = id, .name = model, .usage = r->usage};

    if (r->started)
        return OK;
    r->started = true;
    return push(r, &event);
}

status bedrock_open(struct bedrock_reader *r, enum chat_block block, struct str id, struct str name,
                    struct str text)
{
    status s = bedrock_start(r, STR_NONE, STR_NONE);

    if (!s)
        s = bedrock_close(r);
    if (s)
        return s;
    if (block == CHAT_BLOCK_TOOL && !r->base.call->lane && str_is(name, BEDROCK_ANSWER_TOOL)) {
        block = CHAT_BLOCK_TEXT;
        id = name = STR_NONE;
        r->unwrapped = true;
    }
    r->called = r->called || block == CHAT_BLOCK_TOOL;
    r->open = true;
    r->block = block;
    r->blocks++;
    r->said = (struct chat_length){0, 0};
    r->citations = NULL;
    r->citations_end = &r->citations;
    struct chat_event event = of_block(r, CHAT_EVENT_OPEN);
    event.id = id;
    event.name = name;
    event.text = text;
    return push(r, &event);
}

status bedrock_delta(struct bedrock_reader *r, struct str text)
{
    struct chat_event event = of_block(r, CHAT_EVENT_DELTA);

    event.text = text;
    if (r->block == CHAT_BLOCK_TEXT)
        r->said = chat_length_sum(r->said, chat_length_of(text));
    return r->open && text.n ? push(r, &event) : OK;
}

status bedrock_signature(struct bedrock_reader *r, struct str signature)
{
    struct chat_event event = of_block(r, CHAT_EVENT_DELTA);

    event.signature = signature;
    return r->open && r->block == CHAT_BLOCK_THINKING && signature.n ? push(r, &event) : OK;
}

status bedrock_cite(struct bedrock_reader *r, const struct chat_citation *citation)
{
    if (!r->open || r->block != CHAT_BLOCK_TEXT || r->base.call->lane)
        return OK;
    return chat_citation_keep(r->base.arena, &r->citations_end, citation);
}

static status tell_citations(struct bedrock_reader *r)
{
    status s = OK;

    for (struct chat_citation *c = r->citations; c && !s; c = c->next) {
        struct chat_event event = of_block(r, CHAT_EVENT_CITATION);
        c->end = r->said;
        event.citation = c;
        s = push(r, &event);
    }
    return s;
}

status bedrock_close(struct bedrock_reader *r)
{
    struct chat_event event = of_block(r, CHAT_EVENT_CLOSE);

    if (!r->open)
        return OK;
    status s = tell_citations(r);
    r->open = false;
    return s ? s : push(r, &event);
}

void bedrock_stop(struct bedrock_reader *r, enum chat_stop stop, struct str sequence)
{
    r->complete = true;
    r->stop = stop;
    r->stop_sequence_n = sequence.n < STOP_SEQUENCE_BYTES ? sequence.n : 0;
    if (r->stop_sequence_n)
        memcpy(r->stop_sequence, sequence.p, r->stop_sequence_n);
}

/* A call is a call, whatever upstream says; an answer that came as a call is none. */
static enum chat_stop stop_of(const struct bedrock_reader *r)
{
    if (r->called && (r->stop == CHAT_STOP_END || r->stop == CHAT_STOP_SEQUENCE))
        return CHAT_STOP_TOOL;
    if (r->stop == CHAT_STOP_TOOL && r->unwrapped && !r->called)
        return CHAT_STOP_END;
    return r->stop;
}

status bedrock_finish(struct bedrock_reader *r)
{
    struct chat_event usage = {.kind = CHAT_EVENT_USAGE, .usage = r->usage};
    struct chat_event stop = {.kind = CHAT_EVENT_STOP,
                              .stop = stop_of(r),
                              .stop_sequence = {r->stop_sequence, r->stop_sequence_n}};
    status s = bedrock_start(r, STR_NONE, STR_NONE);

    if (!s)
        s = bedrock_close(r);
    if (!s && r->has_usage)
        s = push(r, &usage);
    if (!s)
        s = push(r, &stop);
    r->stopped = true;
    return s;
}

bool bedrock_failed(struct bedrock_reader *r, struct arena *scratch, const struct jspan *value,
                    status *s)
{
    struct chat_error error;
    struct chat_event event = {.kind = CHAT_EVENT_ERROR, .error = &error};

    if (!upstream_error_in(scratch, value, &error))
        return false;
    *s = push(r, &event);
    r->failed = true;
    return true;
}

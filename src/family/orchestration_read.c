/*
 * What the service answers: chat completions within an envelope.
 *
 * {"request_id", "intermediate_results", "final_result": chat completion or chunk}. A stream begins
 * with a frame that holds the modules' results and an empty chunk, and ends with [DONE], or with a
 * frame {"error": {..} or [..]} and nothing behind it. What a filter stops is an answer that was
 * filtered, whenever that happens.
 */
#include "family/openai_reader.h"
#include "family/orchestration.h"
#include "family/upstream_error.h"

/* Passes events on; the call that structured output is wrapped in becomes the text that it is. */
struct unwrap {
    struct chat_sink sink;
    struct chat_sink *next;
    bool claude;           /* signatures are Claude's: of others they would be taken for that */
    bool inside;           /* such a call is open */
    bool unwrapped, calls; /* there was one; there were others */
};

struct reader {
    struct family_reader base; /* first: this is what the family's reader points to */
    struct family_reader *chat;
    struct unwrap unwrap;
};

static status unwrap_push(struct chat_sink *sink, const struct chat_event *e)
{
    struct unwrap *u = (struct unwrap *)sink;
    struct chat_event copy = *e;

    if (e->signature.n && !u->claude)
        copy.signature = STR_NONE;
    if (e->kind == CHAT_EVENT_OPEN && e->block == CHAT_BLOCK_TOOL) {
        u->inside = str_is(e->name, BEDROCK_ANSWER_TOOL);
        u->unwrapped = u->unwrapped || u->inside;
        u->calls = u->calls || !u->inside;
    }
    if (u->inside && (e->kind == CHAT_EVENT_OPEN || e->kind == CHAT_EVENT_DELTA ||
                      e->kind == CHAT_EVENT_CLOSE)) {
        copy.block = CHAT_BLOCK_TEXT;
        copy.id = copy.name = STR_NONE;
        u->inside = e->kind != CHAT_EVENT_CLOSE;
    }
    if (e->kind == CHAT_EVENT_STOP && e->stop == CHAT_STOP_TOOL && u->unwrapped && !u->calls)
        copy.stop = CHAT_STOP_END;
    return chat_push(u->next, &copy);
}

struct family_reader *orchestration_reader_new(struct arena *arena, const struct family_call *call,
                                               struct chat_sink *sink)
{
    struct reader *r = ARENA_NEW(arena, struct reader);

    if (!r)
        return NULL;
    r->base = (struct family_reader){arena, sink, call};
    r->unwrap = (struct unwrap){.sink = {unwrap_push},
                                .next = sink,
                                .claude = str_starts(call->model->name, "anthropic--")};
    r->chat = openai_reader_new(arena, call, &r->unwrap.sink);
    return r->chat ? &r->base : NULL;
}

status orchestration_read_refused(struct family_reader *reader, const struct chat_error *err)
{
    struct reader *r = (struct reader *)reader;

    return openai_read_stop(r->chat, CHAT_STOP_FILTER, err->message);
}

/* An error in place of an answer, or in the middle of one. */
static status read_error(struct reader *r, struct arena *scratch, const struct jspan *envelope)
{
    struct chat_error err;

    if (!upstream_error_in(scratch, envelope, &err))
        return E_SYNTAX;
    if (err.kind == CHAT_ERROR_CONTENT_FILTER)
        return orchestration_read_refused(&r->base, &err);
    struct chat_event event = {.kind = CHAT_EVENT_ERROR, .error = &err};
    openai_read_nothing_more(r->chat);
    return chat_push(r->base.sink, &event);
}

/* The opening frame's chunk is empty, and its id would be taken for the answer's. */
static bool is_opening(struct arena *scratch, const struct jspan *chunk)
{
    const struct jspan *id = jspan_get(chunk, "id");

    return jspan_is(id, JSPAN_STRING) && !jspan_str(scratch, id).n &&
           jspan_int(jspan_get(chunk, "created"), 0) == 0;
}

status orchestration_read_frame(struct family_reader *reader, struct arena *scratch,
                                const struct frame *frame)
{
    struct reader *r = (struct reader *)reader;
    struct jspan *envelope;

    if (str_is(str_trim(frame->data), "[DONE]"))
        return openai_read_frame(r->chat, scratch, frame);
    status s = jspan_parse(scratch, frame->data, &envelope, NULL);
    if (s)
        return s == E_NOMEM ? s : E_SYNTAX;
    const struct jspan *chunk = jspan_get(envelope, "final_result");
    if (jspan_none(chunk))
        return jspan_get(envelope, "intermediate_results") &&
                       jspan_none(jspan_get(envelope, "code"))
                   ? OK
                   : read_error(r, scratch, envelope);
    if (is_opening(scratch, chunk))
        return OK;
    struct frame inner = {frame->event, chunk->text};
    return openai_read_frame(r->chat, scratch, &inner);
}

status orchestration_read_whole(struct family_reader *reader, struct arena *scratch,
                                struct str body)
{
    struct reader *r = (struct reader *)reader;
    struct jspan *envelope;
    status s = jspan_parse(scratch, body, &envelope, NULL);

    if (s)
        return s == E_NOMEM ? s : E_SYNTAX;
    const struct jspan *result = jspan_get(envelope, "final_result");
    if (jspan_none(result))
        return read_error(r, scratch, envelope);
    return openai_read_whole(r->chat, scratch, result->text);
}

status orchestration_read_end(struct family_reader *reader)
{
    return openai_read_end(((struct reader *)reader)->chat);
}

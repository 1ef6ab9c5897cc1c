/*
 * Responses: the stream of events.
 *
 *     created  in_progress  ( item added  deltas  ..done  item done )*  completed|incomplete|failed
 *
 * Every event names its type twice, in the `event:` line and inside, and has the next number. The
 * last one repeats the whole output, so the text is collected on its way, once and up to a ceiling;
 * nothing else grows with the stream. A message or call is done when the next event is here: only then is
 * it known whether it was cut off. Whatever happens, the last event comes exactly once: clients
 * wait for it.
 */
#include "dialect/openai_responses.h"

#include "dialect/openai_citation.h"

enum { OUTPUT_BYTES = 32 * 1024 * 1024 };

struct openai_responses_stream {
    struct chat_sink sink;
    const struct dialect_reply *reply;
    struct buf *out;
    struct chat_collect *collect;
    const struct chat_answer_block *block; /* the newest; NULL before the first */
    unsigned position;                     /* its place in the output */
    unsigned finished;                     /* items that are done */
    int64_t number;
    bool begun, ended, usage_known;
    bool closing;         /* the newest block is closed, its item not yet done */
    unsigned annotations; /* of this block */
    bool loss_told;       /* that citations are left out */
    bool summary_open;    /* a part of a summary has begun in this block */
    struct chat_usage usage;
};

/* --- events ---------------------------------------------------------------------------------- */

/* A writer that stands in a new event, behind its type and number. */
static struct jwrite begin_event(struct openai_responses_stream *st, const char *type)
{
    struct jwrite w = jwrite_to(st->out);

    buf_add_cstr(st->out, "event: ");
    buf_add_cstr(st->out, type);
    buf_add_cstr(st->out, "\ndata: ");
    jwrite_object(&w);
    jwrite_member_cstr(&w, "type", type);
    jwrite_member_int(&w, "sequence_number", st->number++);
    return w;
}

static void end_event(struct openai_responses_stream *st, struct jwrite *w)
{
    jwrite_end_all(w);
    buf_add_cstr(st->out, "\n\n");
}

/* An event about the newest item. */
static struct jwrite begin_item_event(struct openai_responses_stream *st, const char *type)
{
    struct jwrite w = begin_event(st, type);

    openai_responses_write_item_id(&w, "item_id", st->reply, st->block, st->position);
    jwrite_member_int(&w, "output_index", st->position);
    return w;
}

static void send_response(struct openai_responses_stream *st, const char *type,
                          struct openai_responses_view *view)
{
    struct jwrite w = begin_event(st, type);

    jwrite_key(&w, "response");
    openai_responses_write(&w, view);
    end_event(st, &w);
}

static void send_item(struct openai_responses_stream *st, enum openai_responses_item how)
{
    struct jwrite w = begin_event(st, how == ITEM_IN_PROGRESS ? "response.output_item.added"
                                                              : "response.output_item.done");

    jwrite_member_int(&w, "output_index", st->position);
    jwrite_key(&w, "item");
    openai_responses_write_item(&w, st->reply, st->block, st->position, how);
    end_event(st, &w);
}

/* --- messages -------------------------------------------------------------------------------- */

static void send_part(struct openai_responses_stream *st, bool whole)
{
    struct jwrite w =
        begin_item_event(st, whole ? "response.content_part.done" : "response.content_part.added");

    jwrite_member_int(&w, "content_index", 0);
    jwrite_key(&w, "part");
    openai_responses_write_part(&w, st->block, whole);
    end_event(st, &w);
}

static void send_text(struct openai_responses_stream *st, const struct chat_event *e)
{
    bool refusal = e->block == CHAT_BLOCK_REFUSAL;

    if (!e->text.n)
        return;
    struct jwrite w =
        begin_item_event(st, refusal ? "response.refusal.delta" : "response.output_text.delta");
    jwrite_member_int(&w, "content_index", 0);
    jwrite_member_str(&w, "delta", e->text);
    if (!refusal)
        jwrite_member_raw(&w, "logprobs", e->logprobs.n ? e->logprobs : STR("[]"));
    end_event(st, &w);
}

static void send_citation(struct openai_responses_stream *st, const struct chat_citation *citation)
{
    if (!openai_citation_fits(citation, &st->loss_told))
        return;
    struct jwrite w = begin_item_event(st, "response.output_text.annotation.added");
    jwrite_member_int(&w, "content_index", 0);
    jwrite_member_int(&w, "annotation_index", st->annotations++);
    jwrite_key(&w, "annotation");
    openai_citation_write_flat(&w, citation);
    end_event(st, &w);
}

static void end_text(struct openai_responses_stream *st)
{
    const struct chat_answer_block *b = st->block;
    bool refusal = b->block == CHAT_BLOCK_REFUSAL;
    struct jwrite w =
        begin_item_event(st, refusal ? "response.refusal.done" : "response.output_text.done");

    jwrite_member_int(&w, "content_index", 0);
    jwrite_member_str(&w, refusal ? "refusal" : "text", b->text);
    if (!refusal)
        jwrite_member_raw(&w, "logprobs", b->logprobs.n ? b->logprobs : STR("[]"));
    end_event(st, &w);
    send_part(st, true);
}

/* --- reasoning ------------------------------------------------------------------------------- */

static void send_summary_part(struct openai_responses_stream *st, const char *type, struct str text)
{
    struct jwrite w = begin_item_event(st, type);

    jwrite_member_int(&w, "summary_index", 0);
    jwrite_member_object(&w, "part");
    jwrite_member_cstr(&w, "type", "summary_text");
    jwrite_member_str(&w, "text", text);
    end_event(st, &w);
}

static void send_thinking(struct openai_responses_stream *st, struct str text)
{
    if (!text.n || !openai_responses_shows_thinking(st->reply))
        return;
    if (!st->summary_open)
        send_summary_part(st, "response.reasoning_summary_part.added", STR_NONE);
    st->summary_open = true;
    struct jwrite w = begin_item_event(st, "response.reasoning_summary_text.delta");
    jwrite_member_int(&w, "summary_index", 0);
    jwrite_member_str(&w, "delta", text);
    end_event(st, &w);
}

static void end_thinking(struct openai_responses_stream *st)
{
    if (!st->summary_open)
        return;
    st->summary_open = false;
    struct jwrite w = begin_item_event(st, "response.reasoning_summary_text.done");
    jwrite_member_int(&w, "summary_index", 0);
    jwrite_member_str(&w, "text", st->block->text);
    end_event(st, &w);
    send_summary_part(st, "response.reasoning_summary_part.done", st->block->text);
}

/* --- calls ----------------------------------------------------------------------------------- */

static enum chat_tool_form form_of(const struct openai_responses_stream *st)
{
    return openai_responses_tool(st->reply, st->block->name).form;
}

static void send_arguments(struct openai_responses_stream *st, struct str piece)
{
    if (!piece.n || form_of(st) != CHAT_TOOL_FUNCTION)
        return;
    struct jwrite w = begin_item_event(st, "response.function_call_arguments.delta");
    jwrite_member_str(&w, "delta", piece);
    end_event(st, &w);
}

static void end_function(struct openai_responses_stream *st)
{
    const struct chat_answer_block *b = st->block;

    if (!b->text.n) /* callers parse the arguments; nothing at all is no JSON */
        send_arguments(st, STR("{}"));
    struct jwrite w = begin_item_event(st, "response.function_call_arguments.done");
    jwrite_member_str(&w, "name", openai_responses_tool(st->reply, b->name).given_name);
    jwrite_member_str(&w, "arguments", b->text.n ? b->text : STR("{}"));
    end_event(st, &w);
}

/* A free text is known when the JSON around it is complete. */
static void send_input(struct openai_responses_stream *st, const char *type, const char *member)
{
    struct jwrite w = begin_item_event(st, type);

    jwrite_key(&w, member);
    openai_responses_write_input(&w, st->block->text);
    end_event(st, &w);
}

static void end_call(struct openai_responses_stream *st)
{
    enum chat_tool_form form = form_of(st);

    if (form == CHAT_TOOL_FUNCTION)
        end_function(st);
    if (form != CHAT_TOOL_CUSTOM)
        return;
    send_input(st, "response.custom_tool_call_input.delta", "delta");
    send_input(st, "response.custom_tool_call_input.done", "input");
}

/* --- blocks ---------------------------------------------------------------------------------- */

static bool is_message(enum chat_block block)
{
    return block == CHAT_BLOCK_TEXT || block == CHAT_BLOCK_REFUSAL;
}

static void open_block(struct openai_responses_stream *st)
{
    const struct chat_answer *answer = chat_collect_answer(st->collect);

    st->position += st->block != NULL;
    st->annotations = 0;
    st->block = st->block ? st->block->next : answer->blocks;
    send_item(st, ITEM_IN_PROGRESS);
    if (is_message(st->block->block))
        send_part(st, false);
}

static void send_piece(struct openai_responses_stream *st, const struct chat_event *e)
{
    if (is_message(e->block))
        send_text(st, e);
    else if (e->block == CHAT_BLOCK_THINKING)
        send_thinking(st, e->text);
    else if (e->block == CHAT_BLOCK_TOOL)
        send_arguments(st, e->text);
}

/* Messages and calls say whether they were cut off, which is not known yet. */
static void close_block(struct openai_responses_stream *st)
{
    if (is_message(st->block->block))
        end_text(st);
    else if (st->block->block == CHAT_BLOCK_THINKING)
        end_thinking(st);
    else if (st->block->block == CHAT_BLOCK_TOOL)
        end_call(st);
    st->closing = true;
}

static void end_item(struct openai_responses_stream *st, enum openai_responses_item how)
{
    if (!st->closing)
        return;
    st->closing = false;
    send_item(st, how);
    st->finished++;
}

/* --- beginning and end ----------------------------------------------------------------------- */

static struct openai_responses_view view_of(const struct openai_responses_stream *st)
{
    return (struct openai_responses_view){
        .reply = st->reply,
        .status = "in_progress",
        .blocks = chat_collect_answer(st->collect)->blocks,
        .count = st->finished,
        .usage = st->ended && st->usage_known ? &st->usage : NULL,
    };
}

static void begin(struct openai_responses_stream *st)
{
    struct openai_responses_view view = view_of(st);

    if (st->begun)
        return;
    st->begun = true;
    send_response(st, "response.created", &view);
    send_response(st, "response.in_progress", &view);
}

/* The last event, whose response is also what is kept. */
static void send_last(struct openai_responses_stream *st, const char *type,
                      struct openai_responses_view *view)
{
    send_response(st, type, view);
    if (!st->reply->keep)
        return;
    struct jwrite w = jwrite_to(st->reply->keep);
    openai_responses_write(&w, view);
}

static void stop(struct openai_responses_stream *st, enum chat_stop reason)
{
    struct openai_responses_view view = view_of(st);
    view.count += st->closing;
    openai_responses_end(&view, reason);
    end_item(st, view.incomplete ? ITEM_INCOMPLETE : ITEM_COMPLETED);
    st->ended = true;
    view.usage = st->usage_known ? &st->usage : NULL;
    send_last(st,
              view.error        ? "response.failed"
              : view.incomplete ? "response.incomplete"
                                : "response.completed",
              &view);
}

static void fail(struct openai_responses_stream *st, const struct chat_error *err)
{
    begin(st);
    end_item(st, ITEM_COMPLETED);
    st->ended = true;
    struct openai_responses_view view = view_of(st);
    view.status = "failed";
    view.error = err;
    send_last(st, "response.failed", &view);
}

static void keep_usage(struct openai_responses_stream *st, const struct chat_usage *usage)
{
    st->usage = *usage;
    st->usage_known = true;
}

static status stream_push(struct chat_sink *sink, const struct chat_event *e)
{
    struct openai_responses_stream *st = (struct openai_responses_stream *)sink;

    if (st->ended)
        return OK;
    if (e->choice > 0)
        return E_LIMIT; /* this API has one answer */
    status s = chat_push(chat_collect_sink(st->collect), e);
    if (s && e->kind != CHAT_EVENT_ERROR)
        return s;
    switch (e->kind) {
    case CHAT_EVENT_START:
        if (e->usage.input > 0)
            keep_usage(st, &e->usage);
        begin(st);
        break;
    case CHAT_EVENT_OPEN:
        end_item(st, ITEM_COMPLETED);
        open_block(st);
        break;
    case CHAT_EVENT_DELTA:
        send_piece(st, e);
        break;
    case CHAT_EVENT_CITATION:
        send_citation(st, e->citation);
        break;
    case CHAT_EVENT_CLOSE:
        close_block(st);
        if (!is_message(e->block) && e->block != CHAT_BLOCK_TOOL)
            end_item(st, ITEM_COMPLETED);
        break;
    case CHAT_EVENT_USAGE:
        keep_usage(st, &e->usage);
        break;
    case CHAT_EVENT_STOP:
        stop(st, e->stop);
        break;
    case CHAT_EVENT_ERROR:
        fail(st, e->error);
        break;
    }
    return st->out->failed ? E_NOMEM : OK;
}

struct chat_sink *openai_responses_stream(struct arena *arena, const struct dialect_reply *reply,
                                          struct buf *out)
{
    struct openai_responses_stream *st = ARENA_NEW(arena, struct openai_responses_stream);

    if (!st)
        return NULL;
    st->sink.push = stream_push;
    st->reply = reply;
    st->out = out;
    st->collect = chat_collect_new(arena, OUTPUT_BYTES);
    return st->collect ? &st->sink : NULL;
}

/*
 * Events of the Responses API to events of the hub, and their way through the lane.
 *
 * The API's items come one behind the other, so at most one block is open: it is closed when another
 * item or part speaks. A whole response is read as if each of its items had just been done.
 *
 * A response may fail without a word, and the word follows in an event of its own: SAP AI Core was
 * seen to throttle with `response.created`, `response.failed` (error: null) and then `error`
 * (too_many_requests) in the stream of a 200 (2026-05-26). So a silent failure waits.
 */
#include "base/jwrite.h"
#include "family/azure_responses.h"
#include "family/upstream_error.h"

struct responses_reader {
    struct family_reader base;
    bool started, stopped, failed;
    bool silent;          /* it failed, but has not said why yet */
    bool called, refused; /* there was a call, a refusal */
    struct str id, model; /* the response's */
    int64_t created;

    int64_t number, next; /* of the event that is read, and of the next one for the caller */

    bool open, spoken; /* a block is open; it has had a piece */
    enum chat_block block;
    unsigned count;     /* blocks opened so far */
    int64_t item, part; /* the open block's, or the last one's; -1: none yet */

    struct str type; /* relay: of the last frame; lives as long as the frame */
    bool hide;       /* relay: the last frame is not for the caller */
};

struct family_reader *azure_responses_reader(struct arena *arena, const struct family_call *call,
                                             struct chat_sink *sink)
{
    struct responses_reader *r = ARENA_NEW(arena, struct responses_reader);

    if (!r)
        return NULL;
    r->base = (struct family_reader){arena, sink, call};
    r->item = -1;
    return &r->base;
}

/* --- blocks ------------------------------------------------------------------------------------- */

/* The hub wants a start before all; a stream that forgot to tell begins without names. */
static status push(struct responses_reader *r, struct chat_event e)
{
    static const struct chat_event start = {.kind = CHAT_EVENT_START};

    if (!r->started && e.kind != CHAT_EVENT_ERROR) {
        r->started = true;
        status s = e.kind == CHAT_EVENT_START ? OK : chat_push(r->base.sink, &start);
        if (s)
            return s;
    }
    return chat_push(r->base.sink, &e);
}

static status close_block(struct responses_reader *r)
{
    if (!r->open)
        return OK;
    r->open = false;
    return push(
        r, (struct chat_event){.kind = CHAT_EVENT_CLOSE, .index = r->count - 1, .block = r->block});
}

static status open_block(struct responses_reader *r, enum chat_block block, int64_t item,
                         int64_t part, struct str id, struct str name)
{
    status s = close_block(r);

    if (s)
        return s;
    r->open = true;
    r->spoken = false;
    r->block = block;
    r->item = item;
    r->part = part;
    r->called = r->called || block == CHAT_BLOCK_TOOL;
    r->refused = r->refused || block == CHAT_BLOCK_REFUSAL;
    return push(
        r,
        (struct chat_event){
            .kind = CHAT_EVENT_OPEN, .index = r->count++, .block = block, .id = id, .name = name});
}

static status piece(struct responses_reader *r, struct str text, struct str logprobs)
{
    if (!text.n && !logprobs.n)
        return OK;
    r->spoken = true;
    return push(r, (struct chat_event){.kind = CHAT_EVENT_DELTA,
                                       .index = r->count - 1,
                                       .block = r->block,
                                       .text = text,
                                       .logprobs = logprobs});
}

/* The block of that item and part, which may be the open one. */
static status need_block(struct responses_reader *r, enum chat_block block, int64_t item,
                         int64_t part, struct str id)
{
    if (r->open && r->block == block && r->item == item &&
        (r->part == part || block == CHAT_BLOCK_THINKING))
        return OK;
    return open_block(r, block, item, part, id, STR_NONE);
}

/* --- items that are done ------------------------------------------------------------------------- */

static struct str logprobs_of(struct arena *scratch, const struct jspan *holder)
{
    const struct jspan *list = jspan_get(holder, "logprobs");
    return jspan_count(list) ? jspan_text(scratch, list) : STR_NONE;
}

static status whole_message(struct responses_reader *r, struct arena *scratch,
                            const struct jspan *item, int64_t at)
{
    int64_t part = 0;
    status s = OK;

    for (const struct jspan *p = jspan_first(jspan_get(item, "content")); p && !s;
         p = p->next, part++) {
        bool refusal = jspan_says(jspan_get(p, "type"), "refusal");
        const struct jspan *text = jspan_get(p, refusal ? "refusal" : "text");
        s = open_block(r, refusal ? CHAT_BLOCK_REFUSAL : CHAT_BLOCK_TEXT, at, part, STR_NONE,
                       STR_NONE);
        if (!s)
            s = piece(r, jspan_str(scratch, text), logprobs_of(scratch, p));
    }
    return s;
}

static status open_call(struct responses_reader *r, struct arena *scratch, const struct jspan *item,
                        int64_t at)
{
    struct str name = jspan_str(scratch, jspan_get(item, "name"));

    if (!name.n)
        return E_SYNTAX;
    return open_block(r, CHAT_BLOCK_TOOL, at, 0, jspan_str(scratch, jspan_get(item, "call_id")),
                      name);
}

static status end_call(struct responses_reader *r, struct arena *scratch, const struct jspan *item,
                       int64_t at)
{
    status s = r->item == at ? OK : open_call(r, scratch, item, at);

    if (s || !r->open || r->spoken)
        return s;
    return piece(r, jspan_str(scratch, jspan_get(item, "arguments")), STR_NONE);
}

/* Parts of a summary, or of a model's plain reasoning: one thought to the hub. */
static status thoughts(struct responses_reader *r, struct arena *scratch, const struct jspan *list,
                       int64_t at, struct str id)
{
    status s = OK;

    for (const struct jspan *p = jspan_first(list); p && !s; p = p->next) {
        s = need_block(r, CHAT_BLOCK_THINKING, at, 0, id);
        if (!s && r->spoken)
            s = piece(r, STR("\n\n"), STR_NONE);
        if (!s)
            s = piece(r, jspan_str(scratch, jspan_get(p, "text")), STR_NONE);
    }
    return s;
}

static status end_reasoning(struct responses_reader *r, struct arena *scratch,
                            const struct jspan *item, int64_t at)
{
    struct str id = jspan_str(scratch, jspan_get(item, "id"));
    struct str secret = jspan_str(scratch, jspan_get(item, "encrypted_content"));
    status s = OK;

    if (r->item != at)
        s = thoughts(r, scratch, jspan_get(item, "summary"), at, id);
    if (!s && r->item != at)
        s = thoughts(r, scratch, jspan_get(item, "content"), at, id);
    if (s || !secret.n)
        return s;
    s = need_block(r, CHAT_BLOCK_THINKING, at, 0, id);
    struct str signature = arena_printf(scratch, CHAT_RESPONSES_SIGNATURE "%.*s", STR_ARG(secret));
    if (s || !signature.p)
        return s ? s : E_NOMEM;
    return push(r, (struct chat_event){.kind = CHAT_EVENT_DELTA,
                                       .index = r->count - 1,
                                       .block = CHAT_BLOCK_THINKING,
                                       .signature = signature});
}

static status end_item(struct responses_reader *r, struct arena *scratch, const struct jspan *item,
                       int64_t at)
{
    const struct jspan *type = jspan_get(item, "type");
    status s = OK;

    if (at < r->item)
        return E_SYNTAX;
    if (jspan_says(type, "function_call"))
        s = end_call(r, scratch, item, at);
    else if (jspan_says(type, "reasoning"))
        s = end_reasoning(r, scratch, item, at);
    else if (jspan_says(type, "message") && r->item != at)
        s = whole_message(r, scratch, item, at);
    return s ? s : close_block(r);
}

/* --- the response's beginning and end ------------------------------------------------------------ */

static status start(struct responses_reader *r, struct arena *scratch, const struct jspan *response)
{
    if (r->started)
        return OK;
    r->id = arena_str(r->base.arena, jspan_str(scratch, jspan_get(response, "id")));
    r->model = arena_str(r->base.arena, jspan_str(scratch, jspan_get(response, "model")));
    r->created = jspan_int(jspan_get(response, "created_at"), 0);
    if (!r->id.p || !r->model.p)
        return E_NOMEM;
    return push(r, (struct chat_event){.kind = CHAT_EVENT_START, .id = r->id, .name = r->model});
}

static status tell_usage(struct responses_reader *r, const struct jspan *response)
{
    const struct jspan *usage = jspan_get(response, "usage");
    const struct jspan *in = jspan_get(usage, "input_tokens_details");
    const struct jspan *out = jspan_get(usage, "output_tokens_details");
    struct chat_event e = {.kind = CHAT_EVENT_USAGE};

    if (!jspan_is(usage, JSPAN_OBJECT))
        return OK;
    e.usage.input = jspan_int(jspan_get(usage, "input_tokens"), 0);
    e.usage.output = jspan_int(jspan_get(usage, "output_tokens"), 0);
    e.usage.cache_read = jspan_int(jspan_get(in, "cached_tokens"), 0);
    e.usage.reasoning = jspan_int(jspan_get(out, "reasoning_tokens"), -1);
    return push(r, e);
}

static enum chat_stop stop_of(const struct responses_reader *r, const struct jspan *response)
{
    const struct jspan *why = jspan_get(jspan_get(response, "incomplete_details"), "reason");

    if (jspan_says(why, "content_filter"))
        return CHAT_STOP_FILTER;
    if (jspan_says(why, "max_output_tokens") ||
        jspan_says(jspan_get(response, "status"), "incomplete"))
        return CHAT_STOP_LENGTH;
    if (r->called)
        return CHAT_STOP_TOOL;
    return r->refused ? CHAT_STOP_REFUSAL : CHAT_STOP_END;
}

static status finish(struct responses_reader *r, const struct jspan *response)
{
    if (r->stopped)
        return OK;
    r->stopped = true;
    status s = close_block(r);
    if (!s)
        s = tell_usage(r, response);
    if (s)
        return s;
    return push(r, (struct chat_event){.kind = CHAT_EVENT_STOP, .stop = stop_of(r, response)});
}

static status fail(struct responses_reader *r, const struct chat_error *err)
{
    r->failed = true;
    r->hide = true;
    return push(r, (struct chat_event){.kind = CHAT_EVENT_ERROR, .error = err});
}

static status fail_unsaid(struct responses_reader *r, struct arena *scratch)
{
    struct chat_error err;

    chat_error_set(&err, scratch, CHAT_ERROR_UPSTREAM,
                   "The model reported an error without a text.");
    return fail(r, &err);
}

static status fail_response(struct responses_reader *r, struct arena *scratch,
                            const struct jspan *response)
{
    struct chat_error err;

    r->hide = true;
    status s = tell_usage(r, response);
    if (s)
        return s;
    if (jspan_none(jspan_get(response, "error")) || !upstream_error_in(scratch, response, &err)) {
        r->silent = true;
        return OK;
    }
    return fail(r, &err);
}

/* --- events ------------------------------------------------------------------------------------- */

static int64_t place(const struct jspan *event, const char *member)
{
    return jspan_int(jspan_get(event, member), 0);
}

static status on_item(struct responses_reader *r, struct arena *scratch, const struct jspan *event)
{
    const struct jspan *item = jspan_get(event, "item");
    int64_t at = place(event, "output_index");

    if (!jspan_says(jspan_get(item, "type"), "function_call"))
        return OK;
    return at <= r->item ? E_SYNTAX : open_call(r, scratch, item, at);
}

static status on_item_done(struct responses_reader *r, struct arena *scratch,
                           const struct jspan *event)
{
    return end_item(r, scratch, jspan_get(event, "item"), place(event, "output_index"));
}

static status on_said(struct responses_reader *r, struct arena *scratch, const struct jspan *event,
                      enum chat_block block)
{
    status s =
        need_block(r, block, place(event, "output_index"), place(event, "content_index"), STR_NONE);
    if (s)
        return s;
    return piece(r, jspan_str(scratch, jspan_get(event, "delta")), logprobs_of(scratch, event));
}

static status on_text(struct responses_reader *r, struct arena *scratch, const struct jspan *event)
{
    return on_said(r, scratch, event, CHAT_BLOCK_TEXT);
}

static status on_refusal(struct responses_reader *r, struct arena *scratch,
                         const struct jspan *event)
{
    return on_said(r, scratch, event, CHAT_BLOCK_REFUSAL);
}

static status on_arguments(struct responses_reader *r, struct arena *scratch,
                           const struct jspan *event)
{
    if (!r->open || r->block != CHAT_BLOCK_TOOL || r->item != place(event, "output_index"))
        return E_SYNTAX;
    return piece(r, jspan_str(scratch, jspan_get(event, "delta")), STR_NONE);
}

static status on_summary_part(struct responses_reader *r, struct arena *scratch,
                              const struct jspan *event)
{
    bool same =
        r->open && r->block == CHAT_BLOCK_THINKING && r->item == place(event, "output_index");

    (void)scratch;
    return same && r->spoken ? piece(r, STR("\n\n"), STR_NONE) : OK;
}

static status on_thought(struct responses_reader *r, struct arena *scratch,
                         const struct jspan *event)
{
    status s = need_block(r, CHAT_BLOCK_THINKING, place(event, "output_index"), 0,
                          jspan_str(scratch, jspan_get(event, "item_id")));
    return s ? s : piece(r, jspan_str(scratch, jspan_get(event, "delta")), STR_NONE);
}

static status on_end(struct responses_reader *r, struct arena *scratch, const struct jspan *event)
{
    (void)scratch;
    return finish(r, jspan_get(event, "response"));
}

static status on_failed(struct responses_reader *r, struct arena *scratch,
                        const struct jspan *event)
{
    return fail_response(r, scratch, jspan_get(event, "response"));
}

static status on_error(struct responses_reader *r, struct arena *scratch, const struct jspan *event)
{
    struct chat_error err;

    return upstream_error_in(scratch, event, &err) ? fail(r, &err) : fail_unsaid(r, scratch);
}

/* Events that are not here say again what others say, or are about tools that cannot be had. */
static const struct {
    const char *type;
    status (*read)(struct responses_reader *r, struct arena *scratch, const struct jspan *event);
} events[] = {
    {"response.output_text.delta", on_text},
    {"response.function_call_arguments.delta", on_arguments},
    {"response.reasoning_summary_text.delta", on_thought},
    {"response.reasoning_text.delta", on_thought},
    {"response.reasoning_summary_part.added", on_summary_part},
    {"response.refusal.delta", on_refusal},
    {"response.output_item.added", on_item},
    {"response.output_item.done", on_item_done},
    {"response.completed", on_end},
    {"response.incomplete", on_end},
    {"response.failed", on_failed},
    {"response.cancelled", on_failed},
    {"error", on_error},
};

static status read_event(struct responses_reader *r, struct arena *scratch,
                         const struct jspan *event)
{
    const struct jspan *response = jspan_get(event, "response");
    const struct jspan *type = jspan_get(event, "type");
    struct chat_error err;
    status s = jspan_is(response, JSPAN_OBJECT) ? start(r, scratch, response) : OK;

    if (s)
        return s;
    r->number = jspan_int(jspan_get(event, "sequence_number"), r->next);
    r->type = jspan_str(scratch, type);
    for (size_t i = 0; i < sizeof events / sizeof *events; i++)
        if (jspan_says(type, events[i].type))
            return events[i].read(r, scratch, event);
    if (!type && upstream_error_in(scratch, event, &err))
        return fail(r, &err);
    return type ? OK : E_SYNTAX;
}

status azure_responses_read_frame(struct family_reader *reader, struct arena *scratch,
                                  const struct frame *frame)
{
    struct responses_reader *r = (struct responses_reader *)reader;
    struct jspan *event;

    r->type = STR_NONE;
    r->hide = r->stopped; /* nothing comes behind the end */
    if (r->failed)
        return OK;
    if (str_is(str_trim(frame->data), "[DONE]")) {
        r->hide = true;
        return OK;
    }
    status s = jspan_parse(scratch, frame->data, &event, NULL);
    if (s)
        return s == E_NOMEM ? s : E_SYNTAX;
    if (!jspan_is(event, JSPAN_OBJECT))
        return E_SYNTAX;
    s = r->stopped ? OK : read_event(r, scratch, event);
    /* Through the lane even what we cannot make sense of goes to a caller who perhaps can. */
    return s == E_SYNTAX && r->base.call->lane ? OK : s;
}

status azure_responses_read_whole(struct family_reader *reader, struct arena *scratch,
                                  struct str body)
{
    struct responses_reader *r = (struct responses_reader *)reader;
    struct jspan *response;
    struct chat_error err;
    int64_t at = 0;
    status s = jspan_parse(scratch, body, &response, NULL);

    if (s)
        return s == E_NOMEM ? s : E_SYNTAX;
    if (!jspan_is(response, JSPAN_OBJECT))
        return E_SYNTAX;
    if (!jspan_get(response, "output") && upstream_error_in(scratch, response, &err))
        return fail(r, &err);
    if (!jspan_is(jspan_get(response, "output"), JSPAN_ARRAY))
        return E_SYNTAX;
    s = start(r, scratch, response);
    if (!s && jspan_says(jspan_get(response, "status"), "failed")) {
        s = fail_response(r, scratch, response);
        return s || r->failed ? s : fail_unsaid(r, scratch);
    }
    for (const struct jspan *n = jspan_first(jspan_get(response, "output")); n && !s; n = n->next)
        s = end_item(r, scratch, n, at++);
    return s ? s : finish(r, response);
}

status azure_responses_read_end(struct family_reader *reader)
{
    struct responses_reader *r = (struct responses_reader *)reader;

    if (r->stopped || r->failed)
        return OK;
    return r->silent ? fail_unsaid(r, r->base.arena) : E_SYNTAX;
}

/* --- the lane ----------------------------------------------------------------------------------- */

/* SAP AI Core sends `data:` lines alone; clients go by the `event:` line. */
void azure_responses_relay(struct family_reader *reader, const struct frame *frame, struct buf *out)
{
    struct responses_reader *r = (struct responses_reader *)reader;
    struct frame named = *frame;

    if (r->hide)
        return;
    if (!named.event.n)
        named.event = r->type;
    r->next = r->number + 1;
    frame_render(&named, out);
}

static const char *code_of(enum chat_error_kind kind)
{
    switch (kind) {
    case CHAT_ERROR_RATE_LIMIT:
        return "rate_limit_exceeded";
    case CHAT_ERROR_CONTEXT_LENGTH:
        return "context_length_exceeded";
    default:
        return "server_error";
    }
}

static void write_failed(struct jwrite *w, const struct responses_reader *r,
                         const struct chat_error *err)
{
    jwrite_member_object(w, "response");
    jwrite_member_str(w, "id", r->id);
    jwrite_member_cstr(w, "object", "response");
    jwrite_member_int(w, "created_at", r->created);
    jwrite_member_cstr(w, "status", "failed");
    jwrite_member_object(w, "error");
    jwrite_member_cstr(w, "code", code_of(err->kind));
    jwrite_member_str(w, "message", err->message);
    jwrite_end(w);
    jwrite_member_null(w, "incomplete_details");
    jwrite_member_str(w, "model", r->model);
    jwrite_member_raw(w, "output", STR("[]"));
    jwrite_member_null(w, "usage");
    jwrite_end(w);
}

bool azure_responses_relay_error(const struct family_reader *reader, const struct chat_error *err,
                                 struct buf *out)
{
    const struct responses_reader *r = (const struct responses_reader *)reader;
    struct jwrite w = jwrite_to(out);

    if (!r->id.n || r->stopped)
        return r->stopped;
    buf_add_cstr(out, "event: response.failed\ndata: ");
    jwrite_object(&w);
    jwrite_member_cstr(&w, "type", "response.failed");
    jwrite_member_int(&w, "sequence_number", r->next);
    write_failed(&w, r, err);
    jwrite_end_all(&w);
    buf_add_cstr(out, "\n\n");
    return true;
}

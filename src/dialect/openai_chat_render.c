/*
 * Chat completions: a whole answer.
 */
#include "dialect/openai_chat.h"
#include "dialect/openai_citation.h"

struct view {
    const struct dialect_reply *reply;
    const struct chat_answer *answer;
    unsigned choice;
};

/* The next block of that kind in this choice, from `b` on. */
static const struct chat_answer_block *next_of(const struct view *v,
                                               const struct chat_answer_block *b,
                                               enum chat_block kind)
{
    while (b && (b->block != kind || b->choice != v->choice))
        b = b->next;
    return b;
}

static const struct chat_answer_block *first_of(const struct view *v, enum chat_block kind)
{
    return next_of(v, v->answer->blocks, kind);
}

/* All blocks of one kind as one string; null when there is none. */
static void write_joined(struct jwrite *w, const struct view *v, const char *key,
                         enum chat_block kind)
{
    const struct chat_answer_block *b = first_of(v, kind);

    jwrite_key(w, key);
    if (!b) {
        jwrite_null(w);
        return;
    }
    jwrite_raw(w, STR("\""));
    for (; b; b = next_of(v, b->next, kind))
        jwrite_escape(w->out, b->text);
    buf_add_char(w->out, '"');
}

/* `content` is never missing; it is null only where calls or a refusal stand in its place. */
static void write_content(struct jwrite *w, const struct view *v)
{
    bool other = first_of(v, CHAT_BLOCK_TOOL) || first_of(v, CHAT_BLOCK_REFUSAL);

    if (!other && !first_of(v, CHAT_BLOCK_TEXT))
        jwrite_member_cstr(w, "content", "");
    else
        write_joined(w, v, "content", CHAT_BLOCK_TEXT);
}

static void write_thinking_block(struct jwrite *w, const struct chat_answer_block *b)
{
    jwrite_object(w);
    if (b->block == CHAT_BLOCK_REDACTED) {
        jwrite_member_cstr(w, "type", "redacted_thinking");
        jwrite_member_str(w, "data", b->text);
    } else {
        jwrite_member_cstr(w, "type", "thinking");
        jwrite_member_str(w, "thinking", b->text);
        jwrite_maybe_str(w, "signature", b->signature);
    }
    jwrite_end(w);
}

static void write_thinking(struct jwrite *w, const struct view *v)
{
    bool thinking = first_of(v, CHAT_BLOCK_THINKING);

    if (v->reply->request->show_thinking == 0)
        return;
    if (!thinking && !first_of(v, CHAT_BLOCK_REDACTED))
        return;
    if (thinking)
        write_joined(w, v, "reasoning_content", CHAT_BLOCK_THINKING);
    jwrite_member_array(w, "thinking_blocks");
    for (const struct chat_answer_block *b = v->answer->blocks; b; b = b->next)
        if (b->choice == v->choice &&
            (b->block == CHAT_BLOCK_THINKING || b->block == CHAT_BLOCK_REDACTED))
            write_thinking_block(w, b);
    jwrite_end(w);
}

static void write_call(struct jwrite *w, const struct view *v, const struct chat_answer_block *b,
                       unsigned number)
{
    jwrite_object(w);
    openai_chat_write_call_id(w, "id", v->reply, v->choice, number, b->id, b->signature);
    jwrite_member_cstr(w, "type", "function");
    jwrite_member_object(w, "function");
    jwrite_member_str(w, "name", b->name);
    jwrite_member_str(w, "arguments", b->text.n ? b->text : STR("{}"));
    jwrite_end(w);
    openai_chat_write_signature(w, b->signature);
    jwrite_end(w);
}

/* `functions` of old: one call, without an id. */
static void write_legacy_call(struct jwrite *w, const struct chat_answer_block *b)
{
    jwrite_member_object(w, "function_call");
    jwrite_member_str(w, "name", b->name);
    jwrite_member_str(w, "arguments", b->text.n ? b->text : STR("{}"));
    jwrite_end(w);
}

static void write_calls(struct jwrite *w, const struct view *v)
{
    const struct chat_answer_block *b = first_of(v, CHAT_BLOCK_TOOL);
    unsigned number = 0;

    if (!b)
        return;
    if (v->reply->request->legacy_calls) {
        write_legacy_call(w, b);
        return;
    }
    jwrite_member_array(w, "tool_calls");
    for (; b; b = next_of(v, b->next, CHAT_BLOCK_TOOL))
        write_call(w, v, b, number++);
    jwrite_end(w);
}

static void write_text_signature(struct jwrite *w, const struct view *v)
{
    const struct chat_answer_block *b = first_of(v, CHAT_BLOCK_TEXT);

    while (b && !b->signature.n)
        b = next_of(v, b->next, CHAT_BLOCK_TEXT);
    if (b)
        openai_chat_write_signature(w, b->signature);
}

/* The member is there only if there is something to cite. */
static void write_annotations(struct jwrite *w, const struct view *v)
{
    const struct chat_answer_block *b = first_of(v, CHAT_BLOCK_TEXT);
    bool any = false, told = false;
    size_t before = 0;

    for (; b; b = next_of(v, b->next, CHAT_BLOCK_TEXT)) {
        for (const struct chat_citation *c = b->citations; c; c = c->next) {
            if (!openai_citation_fits(c, &told))
                continue;
            if (!any)
                jwrite_member_array(w, "annotations");
            any = true;
            openai_citation_write_nested(w, c, before);
        }
        before += chat_length_of(b->text).chars;
    }
    if (any)
        jwrite_end(w);
}

static void write_message(struct jwrite *w, const struct view *v)
{
    jwrite_member_object(w, "message");
    jwrite_member_cstr(w, "role", "assistant");
    write_content(w, v);
    write_joined(w, v, "refusal", CHAT_BLOCK_REFUSAL);
    write_annotations(w, v);
    write_thinking(w, v);
    write_calls(w, v);
    write_text_signature(w, v);
    jwrite_end(w);
}

/* The arrays of all text blocks as one: "[a]" and "[b]" make "[a,b]". */
static void write_logprobs(struct jwrite *w, const struct view *v)
{
    const struct chat_answer_block *b = first_of(v, CHAT_BLOCK_TEXT);

    while (b && b->logprobs.n <= 2)
        b = next_of(v, b->next, CHAT_BLOCK_TEXT);
    if (!b) {
        jwrite_member_null(w, "logprobs");
        return;
    }
    jwrite_member_object(w, "logprobs");
    jwrite_member_array(w, "content");
    for (; b; b = next_of(v, b->next, CHAT_BLOCK_TEXT))
        if (b->logprobs.n > 2)
            jwrite_raw(w, str_slice(b->logprobs, 1, b->logprobs.n - 1));
    jwrite_end(w);
    jwrite_member_null(w, "refusal");
    jwrite_end(w);
}

static void write_choice(struct jwrite *w, const struct view *v, enum chat_stop stop)
{
    jwrite_object(w);
    jwrite_member_int(w, "index", v->choice);
    write_message(w, v);
    write_logprobs(w, v);
    jwrite_member_cstr(
        w, "finish_reason",
        openai_chat_finish(v->reply->request, stop, first_of(v, CHAT_BLOCK_TOOL) != NULL));
    jwrite_end(w);
}

static void write_choices(struct jwrite *w, struct view v)
{
    const struct chat_answer_choice *c = v.answer->choices;

    jwrite_member_array(w, "choices");
    if (!c)
        write_choice(w, &v, CHAT_STOP_END);
    for (; c; c = c->next) {
        v.choice = c->index;
        write_choice(w, &v, c->stop);
    }
    jwrite_end(w);
}

status openai_chat_render(struct arena *arena, const struct dialect_reply *reply,
                          const struct chat_answer *answer, struct buf *out)
{
    struct jwrite w = jwrite_to(out);

    (void)arena;
    jwrite_object(&w);
    buf_printf(out, "\"id\":\"chatcmpl-%.*s\"", STR_ARG(reply->id));
    w.comma = true;
    jwrite_member_cstr(&w, "object", "chat.completion");
    jwrite_member_int(&w, "created", reply->created);
    jwrite_member_str(&w, "model", reply->model);
    write_choices(&w, (struct view){reply, answer, 0});
    if (answer->has_usage)
        openai_chat_write_usage(&w, &answer->usage);
    jwrite_end_all(&w);
    return out->failed ? E_NOMEM : OK;
}

/*
 * Messages: a whole answer.
 */
#include "dialect/anthropic_messages.h"

/* `input` is an object in this API: valid arguments are spliced as they are; what the model broke
   is shown under a name that says so, since an empty object would hide it. */
static status write_input(struct arena *arena, struct jwrite *w, struct str arguments)
{
    struct jspan *tree;
    struct jspan_error ignored;

    jwrite_key(w, "input");
    if (!str_trim(arguments).n) {
        jwrite_raw(w, STR("{}"));
        return OK;
    }
    status s = jspan_parse(arena, arguments, &tree, &ignored);
    if (s == E_NOMEM)
        return s;
    if (!s && jspan_is(tree, JSPAN_OBJECT)) {
        jwrite_raw(w, tree->text);
        return OK;
    }
    jwrite_object(w);
    jwrite_member_str(w, "raw_arguments", arguments);
    jwrite_end(w);
    return OK;
}

static void write_text(struct jwrite *w, const struct chat_answer_block *b)
{
    jwrite_object(w);
    jwrite_member_cstr(w, "type", "text");
    jwrite_member_str(w, "text", b->text);
    if (b->citations) {
        jwrite_member_array(w, "citations");
        for (const struct chat_citation *c = b->citations; c; c = c->next)
            anthropic_messages_write_citation(w, c);
        jwrite_end(w);
    }
    jwrite_end(w);
}

/* Hidden thinking leaves an empty block for the signature, which must come back. */
static void write_thinking(struct jwrite *w, const struct chat_answer_block *b, bool hide)
{
    if (hide && !b->signature.n)
        return;
    jwrite_object(w);
    jwrite_member_cstr(w, "type", "thinking");
    jwrite_member_str(w, "thinking", hide ? STR_NONE : b->text);
    jwrite_member_str(w, "signature", b->signature);
    jwrite_end(w);
}

static void write_redacted(struct jwrite *w, const struct chat_answer_block *b)
{
    jwrite_object(w);
    jwrite_member_cstr(w, "type", "redacted_thinking");
    jwrite_member_str(w, "data", b->text);
    jwrite_end(w);
}

static status write_call(struct arena *arena, struct jwrite *w, const struct dialect_reply *reply,
                         const struct chat_answer_block *b, unsigned number)
{
    jwrite_object(w);
    jwrite_member_cstr(w, "type", "tool_use");
    anthropic_messages_write_call_id(w, reply, number, b->id, b->signature);
    jwrite_member_str(w, "name", b->name);
    status s = write_input(arena, w, b->text);
    jwrite_end(w);
    return s;
}

static status write_content(struct arena *arena, struct jwrite *w,
                            const struct dialect_reply *reply, const struct chat_answer *answer,
                            struct anthropic_messages_seen *seen)
{
    bool hide = reply->request->show_thinking == 0;
    unsigned calls = 0;
    status s = OK;

    jwrite_member_array(w, "content");
    for (const struct chat_answer_block *b = answer->blocks; b && !s; b = b->next) {
        if (b->choice > 0)
            continue;
        seen->call |= b->block == CHAT_BLOCK_TOOL;
        seen->refusal |= b->block == CHAT_BLOCK_REFUSAL;
        if (b->block == CHAT_BLOCK_TOOL)
            s = write_call(arena, w, reply, b, calls++);
        else if (b->block == CHAT_BLOCK_THINKING)
            write_thinking(w, b, hide);
        else if (b->block == CHAT_BLOCK_REDACTED)
            write_redacted(w, b);
        else
            write_text(w, b);
    }
    jwrite_end(w);
    return s;
}

status anthropic_messages_render(struct arena *arena, const struct dialect_reply *reply,
                                 const struct chat_answer *answer, struct buf *out)
{
    const struct chat_answer_choice *c = answer->choices;
    const struct chat_usage estimate = {.input = reply->input_estimate};
    struct anthropic_messages_seen seen = {false, false};
    struct jwrite w = jwrite_to(out);

    jwrite_object(&w);
    buf_printf(out, "\"id\":\"msg_%.*s\"", STR_ARG(reply->id));
    w.comma = true;
    jwrite_member_cstr(&w, "type", "message");
    jwrite_member_cstr(&w, "role", "assistant");
    jwrite_member_str(&w, "model", reply->model);
    status s = write_content(arena, &w, reply, answer, &seen);
    if (s)
        return s;
    anthropic_messages_write_stop(&w, c ? c->stop : CHAT_STOP_END, c ? c->stop_sequence : STR_NONE,
                                  seen);
    anthropic_messages_write_usage(&w, answer->has_usage ? &answer->usage : &estimate);
    jwrite_end_all(&w);
    return out->failed ? E_NOMEM : OK;
}

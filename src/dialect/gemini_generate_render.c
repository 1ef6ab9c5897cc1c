/*
 * Gemini: a whole answer.
 */
#include "dialect/gemini_generate.h"

struct rendering {
    struct arena *arena;
    struct jwrite *w;
    bool show_thinking;
    struct gemini_thoughts thoughts;
};

static status write_thought(struct rendering *r, const struct chat_answer_block *b)
{
    bool redacted = b->block == CHAT_BLOCK_REDACTED;
    struct str kept = redacted ? b->text : b->signature, shown = STR_NONE;
    status s = OK;

    if (kept.n) {
        shown = redacted ? gemini_pack(r->arena, GEMINI_REDACTED, kept)
                         : gemini_pack_thought(r->arena, kept);
        s = shown.p ? gemini_thoughts_add(r->arena, &r->thoughts, redacted ? STR_NONE : b->text,
                                          b->signature, redacted ? b->text : STR_NONE)
                    : E_NOMEM;
    }
    if (!s && r->show_thinking)
        gemini_write_text(r->w, redacted ? STR_NONE : b->text, true, shown);
    return s;
}

static status write_call(struct rendering *r, const struct chat_answer_block *b)
{
    struct str signature;
    status s = gemini_thoughts_sign(r->arena, &r->thoughts, b->signature, &signature);

    return s ? s : gemini_write_call(r->arena, r->w, b->id, b->name, b->text, signature);
}

static status write_text(struct rendering *r, const struct chat_answer_block *b)
{
    struct str shown =
        b->signature.n ? gemini_pack(r->arena, GEMINI_SIGNATURE, b->signature) : STR_NONE;

    if (b->signature.n && !shown.p)
        return E_NOMEM;
    if (b->text.n || shown.n)
        gemini_write_text(r->w, b->text, false, shown);
    return OK;
}

static status write_block(struct rendering *r, const struct chat_answer_block *b)
{
    switch (b->block) {
    case CHAT_BLOCK_THINKING:
    case CHAT_BLOCK_REDACTED:
        return write_thought(r, b);
    case CHAT_BLOCK_TOOL:
        return write_call(r, b);
    case CHAT_BLOCK_TEXT:
    case CHAT_BLOCK_REFUSAL:
        break;
    }
    return write_text(r, b);
}

static void write_logprobs(struct rendering *r, const struct chat_answer *answer, unsigned choice)
{
    for (const struct chat_answer_block *b = answer->blocks; b; b = b->next) {
        if (b->choice != choice || !b->logprobs.n)
            continue;
        gemini_write_logprobs(r->arena, r->w, b->logprobs);
        return;
    }
}

static status write_sources(struct rendering *r, const struct chat_answer *answer, unsigned choice)
{
    struct gemini_sources sources = {0};
    status s = OK;

    for (const struct chat_answer_block *b = answer->blocks; b && !s; b = b->next) {
        if (b->choice != choice || (b->block != CHAT_BLOCK_TEXT && b->block != CHAT_BLOCK_REFUSAL))
            continue;
        gemini_sources_open(&sources);
        gemini_sources_say(&sources, b->text);
        for (const struct chat_citation *c = b->citations; c && !s; c = c->next)
            s = gemini_sources_add(r->arena, &sources, c);
    }
    gemini_write_grounding(r->w, &sources);
    return s;
}

static status write_candidate(struct rendering *r, const struct chat_answer *answer,
                              unsigned choice, enum chat_stop stop)
{
    status s = OK;

    r->thoughts = (struct gemini_thoughts){0};
    jwrite_object(r->w);
    jwrite_member_object(r->w, "content");
    jwrite_member_cstr(r->w, "role", "model");
    jwrite_member_array(r->w, "parts");
    for (const struct chat_answer_block *b = answer->blocks; b && !s; b = b->next)
        if (b->choice == choice)
            s = write_block(r, b);
    jwrite_end(r->w);
    jwrite_end(r->w);
    gemini_write_stop(r->w, stop);
    if (!s)
        s = write_sources(r, answer, choice);
    write_logprobs(r, answer, choice);
    jwrite_member_int(r->w, "index", choice);
    jwrite_end(r->w);
    return s;
}

status gemini_generate_render(struct arena *arena, const struct dialect_reply *reply,
                              const struct chat_answer *answer, struct buf *out)
{
    struct jwrite w = jwrite_to(out);
    struct rendering r = {
        .arena = arena, .w = &w, .show_thinking = reply->request->show_thinking != 0};
    status s = OK;

    jwrite_object(&w);
    jwrite_member_array(&w, "candidates");
    if (!answer->choices)
        s = write_candidate(&r, answer, 0, CHAT_STOP_END);
    for (const struct chat_answer_choice *c = answer->choices; c && !s; c = c->next)
        s = write_candidate(&r, answer, c->index, c->stop);
    if (s)
        return s;
    jwrite_end(&w);
    if (answer->has_usage)
        gemini_write_usage(&w, &answer->usage);
    jwrite_member_str(&w, "modelVersion", reply->model);
    jwrite_member_str(&w, "responseId", reply->id);
    jwrite_end_all(&w);
    return out->failed ? E_NOMEM : OK;
}

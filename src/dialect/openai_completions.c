/*
 * The dialect of OpenAI's older API: a prompt, and the text that follows it. Editors complete code
 * with it. Models have no such call any more, so the prompt is said by the user of a chat.
 *
 * Wire: OpenAI API reference, "Completions (legacy)". What a chat cannot do is refused: a text behind
 * the gap (`suffix`), several prompts, prompts of tokens, `best_of` above `n`. Thinking is not shown.
 */
#include "dialect/openai_chat.h"

/* --- requests -------------------------------------------------------------------------------- */

static status read_prompt(struct decode *d, const struct jspan *value)
{
    struct chat_message **at = &d->out->messages;
    const struct jspan *text = jspan_is(value, JSPAN_ARRAY) ? jspan_first(value) : value;

    if (jspan_count(value) > 1 && jspan_is(text, JSPAN_STRING))
        return decode_invalid(d, value, NULL, "one prompt per request is answered here");
    if (jspan_is(text, JSPAN_NUMBER) || jspan_is(text, JSPAN_ARRAY))
        return decode_invalid(d, value, NULL, "prompts of tokens are not answered here; send text");
    if (!jspan_is(text, JSPAN_STRING))
        return decode_wrong_type(d, text ? text : value, "a string");
    struct chat_message *m = chat_add_message(d->arena, &at, CHAT_USER);
    struct chat_part **end = m ? &m->parts : NULL;
    struct chat_part *p = m ? decode_add_text(d, &end, STR_NONE) : NULL;
    if (!p)
        return E_NOMEM;
    status s = decode_text(d, text, &p->text);
    return s || p->text.n ? s : decode_invalid(d, value, NULL, "must not be empty");
}

static status read_suffix(struct decode *d, const struct jspan *value)
{
    if (jspan_says(value, ""))
        return OK;
    return decode_invalid(d, value, NULL, "text is only answered at the end of the prompt here");
}

static status read_echo(struct decode *d, const struct jspan *value)
{
    int on = 0;
    status s = decode_flag(d, value, &on);

    if (!s && on)
        d->out->echo = d->out->messages->parts->text;
    return s;
}

/* The most of several answers would have to be chosen by their probability. */
static status read_best_of(struct decode *d, const struct jspan *value)
{
    int64_t best_of = 1;
    status s = decode_whole(d, value, 1, &best_of);

    if (!s && best_of > 1 && best_of > d->out->n)
        return decode_invalid(d, value, NULL, "must not be more than n");
    return s;
}

static status read_logprobs(struct decode *d, const struct jspan *value)
{
    d->out->logprobs = 1;
    status s = decode_whole(d, value, 0, &d->out->top_logprobs);
    if (!s && d->out->top_logprobs > 5)
        return decode_invalid(d, value, NULL, "must be at most 5");
    if (!s && d->out->echo.n)
        return decode_invalid(d, value, NULL, "the prompt's own, by echo, are not known");
    return s;
}

static const struct decode_field fields[] = {
    {"model", openai_chat_decode_option},
    {"prompt", read_prompt},
    {"suffix", read_suffix},
    {"echo", read_echo},
    {"stream", openai_chat_decode_option},
    {"stream_options", openai_chat_decode_option},
    {"max_tokens", openai_chat_decode_option},
    {"temperature", openai_chat_decode_option},
    {"top_p", openai_chat_decode_option},
    {"top_k", openai_chat_decode_option},
    {"stop", openai_chat_decode_option},
    {"frequency_penalty", openai_chat_decode_option},
    {"presence_penalty", openai_chat_decode_option},
    {"seed", openai_chat_decode_option},
    {"logit_bias", openai_chat_decode_option},
    {"n", openai_chat_decode_option},
    {"best_of", read_best_of},
    {"logprobs", read_logprobs},
    {"user", openai_chat_decode_option},
};

static status decode(struct arena *arena, const struct jspan *body, struct chat_request *out,
                     struct dropped *dropped, struct chat_error *err)
{
    struct decode d = decode_begin(arena, out, dropped, err);

    out->cached_unasked = true;
    return decode_body(&d, body, "prompt", fields, sizeof fields / sizeof *fields);
}

/* --- log probabilities: four lists in place of a list of objects ----------------------------- */

/* Characters of UTF-8. */
static size_t count_characters(struct str text)
{
    size_t n = 0;

    for (size_t i = 0; i < text.n; i++)
        n += ((unsigned char)text.p[i] & 0xc0) != 0x80;
    return n;
}

static void write_top(struct jwrite *w, struct arena *arena, const struct jspan *token)
{
    jwrite_object(w);
    for (const struct jspan *t = jspan_first(jspan_get(token, "top_logprobs")); t; t = t->next) {
        const struct jspan *value = jspan_get(t, "logprob");
        const char *name = arena_cstr(arena, jspan_str(arena, jspan_get(t, "token")));
        if (name && jspan_is(value, JSPAN_NUMBER))
            jwrite_member_raw(w, name, value->text);
    }
    jwrite_end(w);
}

/* `list` is a chat's array; `*offset` is where its first token stands in the text, and moves on. */
static void write_logprobs(struct jwrite *w, struct arena *arena, struct str list, size_t *offset)
{
    struct jspan *tokens = NULL;

    if (!list.n || jspan_parse(arena, list, &tokens, NULL)) {
        jwrite_member_null(w, "logprobs");
        return;
    }
    jwrite_member_object(w, "logprobs");
    jwrite_member_array(w, "tokens");
    for (const struct jspan *t = jspan_first(tokens); t; t = t->next)
        jwrite_str(w, jspan_str(arena, jspan_get(t, "token")));
    jwrite_end(w);
    jwrite_member_array(w, "token_logprobs");
    for (const struct jspan *t = jspan_first(tokens); t; t = t->next) {
        const struct jspan *value = jspan_get(t, "logprob");
        jwrite_raw(w, jspan_is(value, JSPAN_NUMBER) ? value->text : STR("null"));
    }
    jwrite_end(w);
    jwrite_member_array(w, "top_logprobs");
    for (const struct jspan *t = jspan_first(tokens); t; t = t->next)
        write_top(w, arena, t);
    jwrite_end(w);
    jwrite_member_array(w, "text_offset");
    for (const struct jspan *t = jspan_first(tokens); t; t = t->next) {
        jwrite_int(w, (int64_t)*offset);
        *offset += count_characters(jspan_str(arena, jspan_get(t, "token")));
    }
    jwrite_end(w);
    jwrite_end(w);
}

/* --- answers --------------------------------------------------------------------------------- */

static bool is_said(enum chat_block block)
{
    return block == CHAT_BLOCK_TEXT || block == CHAT_BLOCK_REFUSAL;
}

static void write_head(struct jwrite *w, const struct dialect_reply *reply)
{
    jwrite_object(w);
    buf_printf(w->out, "\"id\":\"cmpl-%.*s\"", STR_ARG(reply->id));
    w->comma = true;
    jwrite_member_cstr(w, "object", "text_completion");
    jwrite_member_int(w, "created", reply->created);
    jwrite_member_str(w, "model", reply->model);
    jwrite_member_array(w, "choices");
}

/* All that one choice says, as a member; and its log probabilities as one array. */
static struct str write_text(struct jwrite *w, struct arena *arena, const struct dialect_reply *r,
                             const struct chat_answer *answer, unsigned choice)
{
    struct str logprobs = STR_NONE;

    jwrite_key(w, "text");
    jwrite_raw(w, STR("\""));
    jwrite_escape(w->out, r->request->echo);
    for (const struct chat_answer_block *b = answer->blocks; b; b = b->next) {
        if (b->choice != choice || !is_said(b->block))
            continue;
        jwrite_escape(w->out, b->text);
        if (b->logprobs.n > 2 && logprobs.n)
            logprobs = arena_printf(arena, "%.*s,%.*s", (int)logprobs.n - 1, logprobs.p,
                                    (int)b->logprobs.n - 1, b->logprobs.p + 1);
        else if (b->logprobs.n > 2)
            logprobs = b->logprobs;
    }
    buf_add_char(w->out, '"');
    return logprobs;
}

static void write_choice(struct jwrite *w, struct arena *arena, const struct dialect_reply *reply,
                         const struct chat_answer *answer, const struct chat_answer_choice *c)
{
    unsigned index = c ? c->index : 0;
    size_t offset = 0;

    jwrite_object(w);
    struct str logprobs = write_text(w, arena, reply, answer, index);
    jwrite_member_int(w, "index", index);
    write_logprobs(w, arena, logprobs, &offset);
    jwrite_member_cstr(w, "finish_reason",
                       openai_chat_finish(reply->request, c ? c->stop : CHAT_STOP_END, false));
    jwrite_end(w);
}

static status render(struct arena *arena, const struct dialect_reply *reply,
                     const struct chat_answer *answer, struct buf *out)
{
    struct jwrite w = jwrite_to(out);

    write_head(&w, reply);
    if (!answer->choices)
        write_choice(&w, arena, reply, answer, NULL);
    for (const struct chat_answer_choice *c = answer->choices; c; c = c->next)
        write_choice(&w, arena, reply, answer, c);
    jwrite_end(&w);
    if (answer->has_usage)
        openai_chat_write_usage(&w, &answer->usage);
    jwrite_end_all(&w);
    return out->failed ? E_NOMEM : OK;
}

/* --- streams --------------------------------------------------------------------------------- */

struct choice {
    bool stopped;
    size_t offset;
};

struct stream {
    struct chat_sink sink;
    const struct dialect_reply *reply;
    struct buf *out;
    struct chat_usage usage;
    bool usage_known, ended;
    unsigned count, running;
    struct choice choices[];
};

static struct jwrite begin(struct stream *st)
{
    struct jwrite w = jwrite_to(st->out);

    buf_add_cstr(st->out, "data: ");
    write_head(&w, st->reply);
    return w;
}

static void end(struct stream *st, struct jwrite *w)
{
    jwrite_end_all(w);
    buf_add_cstr(st->out, "\n\n");
}

/* `finish` NULL: the choice goes on. */
static status send(struct stream *st, unsigned choice, struct str text, struct str logprobs,
                   const char *finish)
{
    struct arena *scratch = logprobs.n ? arena_new(0) : NULL;
    struct jwrite w = begin(st);

    if (logprobs.n && !scratch)
        return E_NOMEM;
    jwrite_object(&w);
    jwrite_member_str(&w, "text", text);
    jwrite_member_int(&w, "index", choice);
    write_logprobs(&w, scratch, logprobs, &st->choices[choice].offset);
    jwrite_member_cstr(&w, "finish_reason", finish);
    end(st, &w);
    arena_free(scratch);
    return OK;
}

static void send_usage(struct stream *st)
{
    struct jwrite w = begin(st);

    jwrite_end(&w);
    openai_chat_write_usage(&w, &st->usage);
    end(st, &w);
}

static status start(struct stream *st)
{
    status s = OK;

    for (unsigned i = 0; i < st->count && st->reply->request->echo.n && !s; i++)
        s = send(st, i, st->reply->request->echo, STR_NONE, NULL);
    return s;
}

static status stop(struct stream *st, const struct chat_event *e)
{
    if (st->choices[e->choice].stopped)
        return OK;
    st->choices[e->choice].stopped = true;
    status s = send(st, e->choice, STR_NONE, STR_NONE,
                    openai_chat_finish(st->reply->request, e->stop, false));
    if (s || --st->running > 0)
        return s;
    if (st->usage_known && st->reply->request->include_usage)
        send_usage(st);
    buf_add_cstr(st->out, "data: [DONE]\n\n");
    st->ended = true;
    return OK;
}

static status push_one(struct stream *st, const struct chat_event *e)
{
    switch (e->kind) {
    case CHAT_EVENT_START:
        return start(st);
    case CHAT_EVENT_DELTA:
        if (!is_said(e->block) || (!e->text.n && !e->logprobs.n))
            return OK;
        return send(st, e->choice, e->text, e->logprobs, NULL);
    case CHAT_EVENT_USAGE:
        st->usage = e->usage;
        st->usage_known = true;
        return OK;
    case CHAT_EVENT_STOP:
        return stop(st, e);
    case CHAT_EVENT_ERROR:
        openai_chat_stream_error(e->error, STR_NONE, st->out);
        st->ended = true;
        return OK;
    case CHAT_EVENT_OPEN:
    case CHAT_EVENT_CITATION:
    case CHAT_EVENT_CLOSE:
        break;
    }
    return OK;
}

static status push(struct chat_sink *sink, const struct chat_event *e)
{
    struct stream *st = (struct stream *)sink;

    if (st->ended)
        return OK;
    if (e->choice >= st->count)
        return E_LIMIT;
    status s = push_one(st, e);
    return st->out->failed ? E_NOMEM : s;
}

static struct chat_sink *stream(struct arena *arena, const struct dialect_reply *reply,
                                struct buf *out)
{
    unsigned count = reply->request->n > 1 ? (unsigned)reply->request->n : 1;
    struct stream *st = arena_alloc(arena, sizeof *st + count * sizeof(struct choice));

    if (!st)
        return NULL;
    st->sink.push = push;
    st->reply = reply;
    st->out = out;
    st->count = st->running = count;
    return &st->sink;
}

const struct dialect dialect_openai_completions = {
    .name = "openai-completions",
    .wire = WIRE_OPENAI_COMPLETIONS,
    .decode = decode,
    .stream = stream,
    .render = render,
    .error = openai_chat_error,
    .stream_error = openai_chat_stream_error,
    .keep_alive = {":\n\n", 3},
};

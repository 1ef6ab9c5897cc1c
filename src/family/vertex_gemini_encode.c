/* Tools and options of a Gemini request; the contents are in vertex_gemini_contents.c. */
#include "family/vertex_gemini.h"

enum { MAX_STOPS = 5, MOST_BUDGET = 24576 /* of thinking, where no row knows */ };

/* --- tools ----------------------------------------------------------------------------------- */

static status write_tool(struct arena *arena, struct jwrite *w, const struct chat_tool *t,
                         struct chat_error *err)
{
    status s = OK;

    jwrite_object(w);
    jwrite_member_str(w, "name", t->name);
    jwrite_maybe_str(w, "description", t->description);
    if (!gemini_schema_is_empty(arena, t->schema)) {
        jwrite_key(w, "parameters");
        s = gemini_write_schema(arena, t->schema, w);
    }
    jwrite_end(w);
    if (s == E_SYNTAX)
        chat_error_field(err, arena, CHAT_ERROR_INVALID, "tools",
                         "The schema of tool %.*s is not JSON.", STR_ARG(t->name));
    return s;
}

static void write_choice(struct jwrite *w, const struct chat_request *r)
{
    static const char *const modes[] = {[CHAT_CHOICE_AUTO] = "AUTO",
                                        [CHAT_CHOICE_REQUIRED] = "ANY",
                                        [CHAT_CHOICE_ONE] = "ANY",
                                        [CHAT_CHOICE_NONE] = "NONE"};

    if (r->choice == CHAT_CHOICE_UNSET)
        return;
    jwrite_member_object(w, "toolConfig");
    jwrite_member_object(w, "functionCallingConfig");
    jwrite_member_cstr(w, "mode", modes[r->choice]);
    if (r->choice == CHAT_CHOICE_ONE) {
        jwrite_member_array(w, "allowedFunctionNames");
        jwrite_str(w, r->choice_name);
        jwrite_end(w);
    }
    jwrite_end(w);
    jwrite_end(w);
}

static status write_tools(struct arena *arena, struct jwrite *w, const struct chat_request *r,
                          struct dropped *dropped, struct chat_error *err)
{
    status s = OK;

    if (!r->tools)
        return OK;
    jwrite_member_array(w, "tools");
    jwrite_object(w);
    jwrite_member_array(w, "functionDeclarations");
    for (const struct chat_tool *t = r->tools; t && !s; t = t->next)
        s = write_tool(arena, w, t, err);
    jwrite_end(w);
    jwrite_end(w);
    jwrite_end(w);
    write_choice(w, r);
    if (r->parallel_calls == 0 && !r->legacy_calls)
        dropped_add_cstr(dropped, "parallel_tool_calls");
    return s;
}

/* --- thinking -------------------------------------------------------------------------------- */

/* Levels of a model that no row knows. */
#define LEVELS                                                                                     \
    (MODEL_EFFORT(CHAT_EFFORT_MINIMAL) | MODEL_EFFORT(CHAT_EFFORT_LOW) |                           \
     MODEL_EFFORT(CHAT_EFFORT_MEDIUM) | MODEL_EFFORT(CHAT_EFFORT_HIGH))

/* Within what the model takes; 0 is off, where it can be told. */
static int64_t fit_budget(const struct family_model *model, int64_t wanted)
{
    int64_t most = model->most_budget ? model->most_budget : MOST_BUDGET;

    if (wanted <= 0 && !(model->traits & MODEL_THINKS_ALWAYS))
        return 0;
    if (wanted < model->least_budget)
        return model->least_budget;
    return wanted > most ? most : wanted;
}

static void write_budget(struct jwrite *w, const struct chat_request *r,
                         const struct family_model *model)
{
    if (r->thinking == CHAT_THINKING_BUDGET)
        jwrite_member_int(w, "thinkingBudget", fit_budget(model, r->thinking_budget));
    else if (r->thinking == CHAT_THINKING_OFF || r->effort == CHAT_EFFORT_NONE)
        jwrite_member_int(w, "thinkingBudget", fit_budget(model, 0));
    else if (r->effort != CHAT_EFFORT_UNSET)
        jwrite_member_int(w, "thinkingBudget", fit_budget(model, chat_effort_budget(r->effort)));
    else if (r->thinking == CHAT_THINKING_ADAPTIVE)
        jwrite_member_int(w, "thinkingBudget", -1);
}

static void write_thinking(struct jwrite *w, const struct chat_request *r,
                           const struct family_model *model, struct dropped *dropped)
{
    enum chat_effort effort = chat_wanted_effort(r);
    bool off = effort == CHAT_EFFORT_NONE;
    bool asked = r->thinking != CHAT_THINKING_UNSET || effort != CHAT_EFFORT_UNSET;

    if (!(model->traits & MODEL_THINKING)) {
        if (asked && !off)
            dropped_add_cstr(dropped, "thinking");
        return;
    }
    if (!asked && r->show_thinking != 1)
        return;
    jwrite_member_object(w, "thinkingConfig");
    if (!(model->traits & MODEL_THINKING_LEVEL))
        write_budget(w, r, model);
    else if (effort != CHAT_EFFORT_UNSET)
        jwrite_member_cstr(w, "thinkingLevel",
                           chat_effort_word(model_fit_effort(model, LEVELS, effort)));
    if (!off && r->show_thinking != 0)
        jwrite_member_bool(w, "includeThoughts", true);
    jwrite_end(w);
}

/* --- options --------------------------------------------------------------------------------- */

static void write_stops(struct jwrite *w, const struct chat_request *r, struct dropped *dropped)
{
    int count = 0;

    if (!r->stops)
        return;
    jwrite_member_array(w, "stopSequences");
    for (const struct chat_stop_sequence *s = r->stops; s; s = s->next) {
        if (++count <= MAX_STOPS)
            jwrite_str(w, s->text);
        else
            dropped_add_cstr(dropped, "stop");
    }
    jwrite_end(w);
}

static status write_format(struct arena *arena, struct jwrite *w, const struct chat_request *r,
                           struct chat_error *err)
{
    if (r->format == CHAT_FORMAT_TEXT)
        return OK;
    jwrite_member_cstr(w, "responseMimeType", "application/json");
    if (r->format != CHAT_FORMAT_SCHEMA || !r->format_schema.n)
        return OK;
    jwrite_key(w, "responseSchema");
    status s = gemini_write_schema(arena, r->format_schema, w);
    if (s == E_SYNTAX)
        chat_error_field(err, arena, CHAT_ERROR_INVALID, "response_format",
                         "The schema of the answer is not JSON.");
    return s;
}

static void write_limits(struct jwrite *w, const struct chat_request *r,
                         const struct family_model *model)
{
    int64_t most = r->max_tokens;

    if (model->max_output && most > model->max_output)
        most = model->max_output;
    if (most >= 0)
        jwrite_member_int(w, "maxOutputTokens", most);
    if (r->n >= 0)
        jwrite_member_int(w, "candidateCount", r->n);
}

static void write_sampling(struct jwrite *w, const struct chat_request *r)
{
    jwrite_maybe_raw(w, "temperature", r->temperature);
    jwrite_maybe_raw(w, "topP", r->top_p);
    jwrite_maybe_raw(w, "topK", r->top_k);
    jwrite_maybe_raw(w, "presencePenalty", r->presence_penalty);
    jwrite_maybe_raw(w, "frequencyPenalty", r->frequency_penalty);
    jwrite_maybe_raw(w, "seed", r->seed);
    if (r->logprobs != 1)
        return;
    jwrite_member_bool(w, "responseLogprobs", true);
    if (r->top_logprobs > 0)
        jwrite_member_int(w, "logprobs", r->top_logprobs);
}

static status write_generation(struct arena *arena, struct jwrite *w, const struct chat_request *r,
                               const struct family_model *model, struct dropped *dropped,
                               struct chat_error *err)
{
    size_t before = w->out->n;

    jwrite_member_object(w, "generationConfig");
    size_t empty = w->out->n;
    write_limits(w, r, model);
    write_sampling(w, r);
    write_stops(w, r, dropped);
    write_thinking(w, r, model, dropped);
    status s = write_format(arena, w, r, err);
    bool nothing = w->out->n == empty;
    jwrite_end(w);
    if (nothing) { /* the member in front of it was closed, so a comma still belongs behind it */
        w->out->n = before;
        w->comma = true;
    }
    return s;
}

static void declare_losses(const struct chat_request *r, struct dropped *dropped)
{
    const struct {
        const char *field;
        bool lost;
    } losses[] = {
        {"logit_bias", r->logit_bias.n > 0},
        {"user", r->user.n > 0},
        {"verbosity", r->verbosity.n > 0},
        {"service_tier", r->service_tier.n > 0},
    };

    for (size_t i = 0; i < sizeof losses / sizeof *losses; i++)
        if (losses[i].lost)
            dropped_add_cstr(dropped, losses[i].field);
}

status gemini_encode(struct arena *arena, const struct chat_request *request,
                     const struct family_call *call, struct buf *out, struct dropped *dropped,
                     struct chat_error *err)
{
    struct jwrite w = jwrite_to(out);

    jwrite_object(&w);
    status s = gemini_write_contents(arena, request, call->model, &w, err);
    if (!s)
        s = write_tools(arena, &w, request, dropped, err);
    if (!s)
        s = write_generation(arena, &w, request, call->model, dropped, err);
    if (s)
        return s;
    jwrite_end_all(&w);
    declare_losses(request, dropped);
    if (chat_has_cache(request))
        dropped_add_cstr(dropped, "cache_control");
    return out->failed ? E_NOMEM : OK;
}

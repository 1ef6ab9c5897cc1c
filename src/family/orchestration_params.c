/*
 * Parameters for the model. The service has OpenAI's names for what is common and hands the rest to
 * the model, which refuses what it does not know ("LLM Module: x: Extra inputs are not permitted").
 */
#include "family/openai_encode.h"
#include "family/orchestration.h"

/* What beyond the common (limit, temperature, top_p, stop, tools) each maker's models take. The
   first matching row counts. Sources: SAP's model parameter tables, 2026-07; other clients. */
enum taken {
    TAKES_PENALTIES = 1 << 0,
    TAKES_SEED = 1 << 1,
    TAKES_N = 1 << 2,
    TAKES_LOGPROBS = 1 << 3,
    TAKES_BIAS = 1 << 4,
    TAKES_USER = 1 << 5,
    TAKES_TOP_K = 1 << 6,
    TAKES_PARALLEL = 1 << 7,
    TAKES_EFFORT = 1 << 8
};

static const struct {
    const char *pattern;
    unsigned takes; /* enum taken */
} makers[] = {
#define OPENAI                                                                                     \
    (TAKES_PENALTIES | TAKES_SEED | TAKES_N | TAKES_LOGPROBS | TAKES_BIAS | TAKES_USER |           \
     TAKES_PARALLEL | TAKES_EFFORT)
    {"gpt-*", OPENAI},
    {"o1*", OPENAI},
    {"o3*", OPENAI},
    {"o4*", OPENAI},
#undef OPENAI
    {"anthropic--*", TAKES_TOP_K | TAKES_PARALLEL},
    {"gemini*", TAKES_PENALTIES | TAKES_SEED | TAKES_N | TAKES_EFFORT},
    {"mistralai--*", TAKES_PENALTIES | TAKES_PARALLEL},
    {"sonar*", TAKES_PENALTIES},
    {"*", 0},
};

struct writer {
    const struct orchestration_plan *plan;
    const struct chat_request *request;
    struct jwrite *w;
    struct dropped *dropped;
    unsigned takes, traits;
    bool thinks; /* the model will, and is particular about sampling then */
};

static unsigned takes_of(struct str model)
{
    size_t i = 0;

    while (!str_glob(model, makers[i].pattern))
        i++;
    return makers[i].takes;
}

/* --- limits and sampling --------------------------------------------------------------------- */

static void write_limit(struct writer *p)
{
    if (p->plan->max_tokens >= 0)
        jwrite_member_int(p->w, p->plan->openai ? "max_completion_tokens" : "max_tokens",
                          p->plan->max_tokens);
}

/* A JSON number or value that is written as the caller wrote it, or declared. */
static void write_or_drop(struct writer *p, const char *name, struct str json, bool taken)
{
    if (json.n && taken)
        jwrite_member_raw(p->w, name, json);
    else if (json.n)
        dropped_add_cstr(p->dropped, name);
}

static bool is_one(struct str number)
{
    return str_is(number, "1") || str_is(number, "1.0");
}

/* Reasoning models of OpenAI take the default alone; so does Claude while it thinks, and the newest
   always; some take one of the two. */
static void write_sampling(struct writer *p)
{
    const struct chat_request *r = p->request;
    bool fixed = p->traits & (MODEL_REASONING | MODEL_NO_SAMPLING) || p->thinks;
    bool one = p->traits & MODEL_ONE_SAMPLING && r->temperature.n;
    struct str temperature =
        p->plan->claude && !fixed ? bedrock_temperature(r, p->dropped) : r->temperature;

    if (!fixed || !is_one(r->temperature))
        write_or_drop(p, "temperature", temperature, !fixed);
    if (!fixed || !is_one(r->top_p))
        write_or_drop(p, "top_p", r->top_p, !fixed && !one);
    write_or_drop(p, "top_k", r->top_k, p->takes & TAKES_TOP_K && !fixed);
}

static void write_openai_only(struct writer *p)
{
    const struct chat_request *r = p->request;
    bool plain = !(p->traits & MODEL_REASONING);
    bool logprobs = p->takes & TAKES_LOGPROBS && plain;

    write_or_drop(p, "frequency_penalty", r->frequency_penalty,
                  p->takes & TAKES_PENALTIES && plain);
    write_or_drop(p, "presence_penalty", r->presence_penalty, p->takes & TAKES_PENALTIES && plain);
    write_or_drop(p, "seed", r->seed, p->takes & TAKES_SEED);
    write_or_drop(p, "logit_bias", r->logit_bias, p->takes & TAKES_BIAS && plain);
    if (r->logprobs > 0 && logprobs)
        jwrite_member_bool(p->w, "logprobs", true);
    else if (r->logprobs > 0)
        dropped_add_cstr(p->dropped, "logprobs");
    if (r->top_logprobs > 0 && logprobs)
        jwrite_member_int(p->w, "top_logprobs", r->top_logprobs);
    else if (r->top_logprobs > 0)
        dropped_add_cstr(p->dropped, "top_logprobs");
    if (p->takes & TAKES_USER && !plain)
        jwrite_maybe_str(p->w, "verbosity", r->verbosity);
    else if (r->verbosity.n)
        dropped_add_cstr(p->dropped, "verbosity");
    if (r->service_tier.n)
        dropped_add_cstr(p->dropped, "service_tier");
}

static void write_stops(struct writer *p)
{
    if (!p->request->stops)
        return;
    if (p->traits & MODEL_NO_STOP) {
        dropped_add_cstr(p->dropped, "stop");
        return;
    }
    jwrite_member_array(p->w, "stop");
    for (const struct chat_stop_sequence *s = p->request->stops; s; s = s->next)
        jwrite_str(p->w, s->text);
    jwrite_end(p->w);
}

/* --- tools ----------------------------------------------------------------------------------- */

static void write_named(struct jwrite *w, struct str name)
{
    jwrite_member_object(w, "tool_choice");
    jwrite_member_cstr(w, "type", "function");
    jwrite_member_object(w, "function");
    jwrite_member_str(w, "name", name);
    jwrite_end(w);
    jwrite_end(w);
}

static void write_choice(struct writer *p)
{
    static const char *const words[] = {[CHAT_CHOICE_AUTO] = "auto",
                                        [CHAT_CHOICE_REQUIRED] = "required",
                                        [CHAT_CHOICE_NONE] = "none"};
    const struct chat_request *r = p->request;
    bool must = r->choice == CHAT_CHOICE_ONE || r->choice == CHAT_CHOICE_REQUIRED;

    if (p->plan->format.forced && p->plan->format.alone)
        write_named(p->w, STR(BEDROCK_ANSWER_TOOL));
    else if (p->plan->format.forced)
        jwrite_member_cstr(p->w, "tool_choice", "required");
    else if (!r->tools || p->traits & MODEL_NO_TOOLS || r->choice == CHAT_CHOICE_UNSET)
        return;
    else if (must && p->thinks) /* "Thinking may not be enabled when tool_choice forces tool use" */
        dropped_add_cstr(p->dropped, "tool_choice");
    else if (r->choice == CHAT_CHOICE_ONE)
        write_named(p->w, r->choice_name);
    else
        jwrite_member_cstr(p->w, "tool_choice", words[r->choice]);
}

static void write_parallel(struct writer *p)
{
    const struct chat_request *r = p->request;
    bool taken = p->takes & TAKES_PARALLEL && !(p->traits & MODEL_NO_PARALLEL);

    if (!r->tools || p->traits & MODEL_NO_TOOLS || r->parallel_calls < 0)
        return;
    if (taken)
        jwrite_member_bool(p->w, "parallel_tool_calls", r->parallel_calls);
    else if (!r->parallel_calls)
        dropped_add_cstr(p->dropped, "parallel_tool_calls");
}

/* --- thinking -------------------------------------------------------------------------------- */

static void write_output_config(struct writer *p)
{
    const char *effort = p->plan->thinking.effort;
    bool native = p->plan->format.native;

    if (!effort && !native)
        return;
    jwrite_member_object(p->w, "output_config");
    if (effort)
        jwrite_member_cstr(p->w, "effort", effort);
    if (native) {
        jwrite_member_object(p->w, "format");
        jwrite_member_cstr(p->w, "type", "json_schema");
        jwrite_member_raw(p->w, "schema", p->plan->format.schema);
        jwrite_end(p->w);
    }
    jwrite_end(p->w);
}

static void write_claude(struct writer *p)
{
    const struct bedrock_thinking *t = &p->plan->thinking;

    if (t->kind != BEDROCK_THINK_OFF) {
        bool budget = t->kind == BEDROCK_THINK_BUDGET;
        jwrite_member_object(p->w, "thinking");
        jwrite_member_cstr(p->w, "type", budget ? "enabled" : "adaptive");
        if (budget)
            jwrite_member_int(p->w, "budget_tokens", t->budget);
        jwrite_end(p->w);
    }
    write_output_config(p);
}

static enum chat_effort wanted_effort(const struct chat_request *r)
{
    switch (r->thinking) {
    case CHAT_THINKING_OFF:
        return CHAT_EFFORT_NONE;
    case CHAT_THINKING_BUDGET:
        return chat_budget_effort(r->thinking_budget);
    default:
        return r->effort;
    }
}

/* Newer GPT models take tools here only without an effort, and think nothing then. */
static void write_effort(struct writer *p)
{
    enum chat_effort wanted = wanted_effort(p->request), fit = wanted;
    bool able =
        p->takes & TAKES_EFFORT && p->traits & (p->plan->gemini ? MODEL_THINKING : MODEL_REASONING);

    if (!able) {
        if (wanted > CHAT_EFFORT_NONE || p->request->thinking == CHAT_THINKING_ADAPTIVE)
            dropped_add_cstr(p->dropped, "thinking");
        return;
    }
    if (p->traits & MODEL_TOOLS_NO_EFFORT && p->request->tools) {
        if (wanted > CHAT_EFFORT_NONE)
            dropped_add_cstr(p->dropped, "reasoning_effort");
        fit = CHAT_EFFORT_NONE;
    } else if (wanted == CHAT_EFFORT_UNSET) {
        return;
    } else if (!p->plan->gemini) {
        enum chat_effort nearest = model_fit_effort(p->plan->model, 0, wanted);
        fit = nearest ? nearest : wanted;
    }
    jwrite_member_cstr(p->w, "reasoning_effort", chat_effort_word(fit));
}

/* --- all ------------------------------------------------------------------------------------- */

static status check_choices(struct arena *arena, struct writer *p, struct chat_error *err)
{
    if (p->request->n <= 1 || p->takes & TAKES_N)
        return OK;
    chat_error_field(err, arena, CHAT_ERROR_UNSUPPORTED, "n",
                     "n: this model gives one answer per request");
    return E_SYNTAX;
}

status orchestration_write_params(struct arena *arena, const struct orchestration_plan *plan,
                                  struct jwrite *w, struct dropped *dropped, struct chat_error *err)
{
    struct writer p = {.plan = plan,
                       .request = plan->request,
                       .w = w,
                       .dropped = dropped,
                       .takes = takes_of(plan->model->name),
                       .traits = plan->model->traits,
                       .thinks = plan->thinking.kind != BEDROCK_THINK_OFF};
    status s = check_choices(arena, &p, err);

    if (s)
        return s;
    jwrite_member_object(w, "params");
    write_limit(&p);
    write_sampling(&p);
    write_openai_only(&p);
    if (plan->request->n > 1)
        jwrite_member_int(w, "n", plan->request->n);
    write_stops(&p);
    write_choice(&p);
    write_parallel(&p);
    if (plan->claude)
        write_claude(&p);
    else
        write_effort(&p);
    if (p.takes & TAKES_USER)
        jwrite_maybe_str(w, "user", openai_opaque_id(arena, plan->request->user));
    else if (plan->request->user.n)
        dropped_add_cstr(dropped, "user");
    jwrite_end(w);
    return OK;
}

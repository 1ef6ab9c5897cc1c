/* What a request comes to on Bedrock: limits, thinking, structured output. */
#include "family/bedrock_plan.h"

#include <stdlib.h>

#include "base/jspan.h"

enum { DEFAULT_MAX_TOKENS = 4096, MIN_BUDGET = 1024 };

/* --- what cannot be done --------------------------------------------------------------------- */

static bool image_type_known(struct str type)
{
    return str_is(type, "image/png") || str_is(type, "image/jpeg") || str_is(type, "image/jpg") ||
           str_is(type, "image/gif") || str_is(type, "image/webp");
}

static bool is_pdf_or_text(const struct chat_part *document)
{
    struct str type = document->media_type;
    return document->text.n || !type.n || str_is(type, "application/pdf") ||
           str_is(type, "application/json") || str_starts(type, "text/");
}

/* Why a part cannot be sent; NULL: it can. */
static const char *offence(const struct chat_part *p, bool only_pdf)
{
    switch (p->kind) {
    case CHAT_AUDIO:
        return "this model does not take audio";
    case CHAT_IMAGE:
        if (p->url.n)
            return "this model takes images only as base64 data";
        return image_type_known(p->media_type) ? NULL : "images must be png, jpeg, gif or webp";
    case CHAT_DOCUMENT:
        if (p->url.n)
            return "this model takes documents only as base64 data";
        return only_pdf && !is_pdf_or_text(p) ? "documents must be PDF or text" : NULL;
    default:
        return NULL;
    }
}

static status check_parts(struct arena *arena, const struct chat_request *request,
                          const struct chat_message *message, const struct chat_part *parts,
                          bool only_pdf, struct chat_error *err)
{
    for (const struct chat_part *p = parts; p; p = p->next) {
        const char *what = offence(p, only_pdf);
        if (what) {
            struct str param =
                arena_printf(arena, "messages[%zu].content", chat_message_place(request, message));
            chat_error_field(err, arena, CHAT_ERROR_UNSUPPORTED, param.p, "%s: %s", param.p, what);
            return E_SYNTAX;
        }
        status s = p->kind == CHAT_TOOL_RESULT
                       ? check_parts(arena, request, message, p->content, only_pdf, err)
                       : OK;
        if (s)
            return s;
    }
    return OK;
}

static void declare_losses(const struct chat_request *r, struct dropped *dropped)
{
    const struct {
        bool set;
        const char *field;
    } losses[] = {
        {r->frequency_penalty.n, "frequency_penalty"},
        {r->presence_penalty.n, "presence_penalty"},
        {r->seed.n, "seed"},
        {r->logit_bias.n, "logit_bias"},
        {r->logprobs > 0, "logprobs"},
        {r->top_logprobs > 0, "top_logprobs"},
        {r->verbosity.n, "verbosity"},
        {r->service_tier.n, "service_tier"},
    };

    for (size_t i = 0; i < sizeof losses / sizeof *losses; i++)
        if (losses[i].set)
            dropped_add_cstr(dropped, losses[i].field);
    for (const struct chat_tool *t = r->tools; t; t = t->next)
        if (t->strict > 0)
            dropped_add_cstr(dropped, "tools.strict");
}

status bedrock_check(struct arena *arena, const struct chat_request *request, bool only_pdf,
                     struct dropped *dropped, struct chat_error *err)
{
    if (request->n > 1) {
        chat_error_field(err, arena, CHAT_ERROR_UNSUPPORTED, "n",
                         "n: this model gives one answer per request");
        return E_SYNTAX;
    }
    for (const struct chat_message *m = request->messages; m; m = m->next) {
        status s = check_parts(arena, request, m, m->parts, only_pdf, err);
        if (s)
            return s;
    }
    declare_losses(request, dropped);
    return OK;
}

status bedrock_refuse_prefill(struct arena *arena, const struct chat_request *request,
                              const struct bedrock_turns *turns, const struct family_model *model,
                              struct chat_error *err)
{
    const struct chat_message *last = NULL;

    if (!(model->traits & MODEL_NO_PREFILL) || !bedrock_ends_with_assistant(turns))
        return OK;
    for (const struct chat_message *m = request->messages; m; m = m->next)
        if (m->role == CHAT_ASSISTANT)
            last = m;
    struct str param = arena_printf(arena, "messages[%zu]", chat_message_place(request, last));
    if (!param.p)
        return E_NOMEM;
    chat_error_field(err, arena, CHAT_ERROR_UNSUPPORTED, param.p,
                     "%s: this model does not go on with a message of the assistant", param.p);
    return E_SYNTAX;
}

struct str bedrock_temperature(const struct chat_request *request, struct dropped *dropped)
{
    char copy[64];
    struct str t = request->temperature;

    if (!t.n || t.n >= sizeof copy)
        return STR_NONE;
    memcpy(copy, t.p, t.n);
    copy[t.n] = '\0';
    double value = strtod(copy, NULL);
    if (value >= 0 && value <= 1)
        return t;
    dropped_add_cstr(dropped, "temperature");
    return value > 1 ? STR("1") : STR("0");
}

/* --- thinking -------------------------------------------------------------------------------- */

int64_t bedrock_max_tokens(const struct chat_request *request, const struct family_model *model,
                           struct dropped *dropped)
{
    bool above = model->max_output > 0 && request->max_tokens > model->max_output;

    if (above)
        dropped_add_cstr(dropped, "max_tokens");
    else if (request->max_tokens > 0)
        return request->max_tokens;
    return model->max_output > 0 ? model->max_output : DEFAULT_MAX_TOKENS;
}

/* Efforts of a model that no row knows. */
#define EFFORTS                                                                                    \
    (MODEL_EFFORT(CHAT_EFFORT_LOW) | MODEL_EFFORT(CHAT_EFFORT_MEDIUM) |                            \
     MODEL_EFFORT(CHAT_EFFORT_HIGH) | MODEL_EFFORT(CHAT_EFFORT_MAX))

static const char *effort_word(const struct family_model *model, enum chat_effort effort)
{
    if (effort <= CHAT_EFFORT_NONE)
        return NULL;
    return chat_effort_word(model_fit_effort(model, EFFORTS, effort));
}

/* The effort that is meant, UNSET if the model is to choose; false: no thinking is wanted. */
static bool wanted_effort(const struct chat_request *r, enum chat_effort *effort)
{
    *effort = r->effort;
    switch (r->thinking) {
    case CHAT_THINKING_UNSET:
    case CHAT_THINKING_OFF:
        return false;
    case CHAT_THINKING_ADAPTIVE:
        return true;
    case CHAT_THINKING_BUDGET:
        *effort = chat_budget_effort(r->thinking_budget);
        return r->thinking_budget > 0;
    case CHAT_THINKING_EFFORT:
        return r->effort > CHAT_EFFORT_NONE;
    }
    return false;
}

static struct bedrock_thinking plan_budget(const struct chat_request *r, enum chat_effort effort,
                                           int64_t max_tokens, struct dropped *dropped)
{
    int64_t budget = r->thinking == CHAT_THINKING_BUDGET
                         ? r->thinking_budget
                         : chat_effort_budget(effort ? effort : CHAT_EFFORT_MEDIUM);

    if (max_tokens <= MIN_BUDGET) {
        dropped_add_cstr(dropped, "thinking");
        return (struct bedrock_thinking){0};
    }
    if (budget < MIN_BUDGET)
        budget = MIN_BUDGET;
    if (budget >= max_tokens)
        budget = max_tokens - 1;
    return (struct bedrock_thinking){.kind = BEDROCK_THINK_BUDGET, .budget = budget};
}

struct bedrock_thinking bedrock_plan_thinking(const struct chat_request *request,
                                              const struct family_model *model, int64_t max_tokens,
                                              struct dropped *dropped)
{
    enum chat_effort effort;
    bool adaptive = model->traits & (MODEL_ADAPTIVE | MODEL_ADAPTIVE_ONLY);
    bool budget = model->traits & MODEL_THINKING && !(model->traits & MODEL_ADAPTIVE_ONLY);

    if (!wanted_effort(request, &effort)) {
        const char *alone = adaptive && request->thinking == CHAT_THINKING_UNSET
                                ? effort_word(model, request->effort)
                                : NULL;
        return (struct bedrock_thinking){.effort = alone};
    }
    if (budget && (!adaptive || request->thinking == CHAT_THINKING_BUDGET))
        return plan_budget(request, effort, max_tokens, dropped);
    if (adaptive)
        return (struct bedrock_thinking){.kind = BEDROCK_THINK_ADAPTIVE,
                                         .effort = effort_word(model, effort)};
    dropped_add_cstr(dropped,
                     request->thinking == CHAT_THINKING_EFFORT ? "reasoning_effort" : "thinking");
    return (struct bedrock_thinking){0};
}

/* --- structured output ----------------------------------------------------------------------- */

struct bedrock_format bedrock_plan_format(const struct chat_request *request, bool native,
                                          bool thinking)
{
    struct bedrock_format f = {.schema = request->format_schema};

    if (request->format == CHAT_FORMAT_TEXT)
        return f;
    if (request->format == CHAT_FORMAT_JSON || !request->format_schema.n) {
        f.instruction = STR("Answer with one JSON object and nothing else: no prose around it, no "
                            "code fence.");
        return f;
    }
    if (native && request->format_strict != 0) { /* which takes strict schemas only */
        f.native = true;
        return f;
    }
    if (request->choice == CHAT_CHOICE_ONE)
        return f; /* the caller wants another call, not an answer */
    f.tool = true;
    f.forced = !thinking;
    f.alone = !request->tools || request->choice == CHAT_CHOICE_NONE;
    if (thinking)
        f.instruction = STR("Give your final answer by calling the tool " BEDROCK_ANSWER_TOOL
                            " exactly once, not as text.");
    return f;
}

/* --- schemas --------------------------------------------------------------------------------- */

struct str bedrock_schema(struct arena *arena, struct str schema)
{
    struct jspan *root;

    if (jspan_parse(arena, schema, &root, NULL) || !jspan_is(root, JSPAN_OBJECT))
        return STR("{\"type\":\"object\",\"properties\":{}}");
    if (jspan_get(root, "type"))
        return schema;
    return jspan_set(arena, root, "type", STR("\"object\"")) ? STR_NONE : jspan_text(arena, root);
}

/* --- arguments ------------------------------------------------------------------------------- */

static bool is_object(struct arena *arena, struct str json)
{
    struct arena *scratch = arena_new(0);
    struct jspan *root = NULL;
    bool object =
        scratch && jspan_parse(scratch, json, &root, NULL) == OK && jspan_is(root, JSPAN_OBJECT);

    if (!scratch || arena_failed(scratch))
        arena_fail(arena); /* so it is not known */
    arena_free(scratch);
    return object;
}

struct str bedrock_arguments(struct arena *arena, struct str arguments)
{
    if (!str_trim(arguments).n)
        return STR("{}");
    if (is_object(arena, arguments))
        return arguments;
    struct str quoted = jspan_quote(arena, arguments);
    if (!quoted.p)
        return quoted;
    return arena_printf(arena, "{\"raw_arguments\":%.*s}", STR_ARG(quoted));
}

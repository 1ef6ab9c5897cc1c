/*
 * Rewrites for Azure's Responses API. Evidence as in azure_prepare.c: AR = aicore-router 0.7.8
 * (2026-05, 2026-06), CL = Cline's SAP provider (2026-07), pub = vendor's documentation or many
 * public reports.
 */
#include "family/azure_responses.h"

#include "family/openai_encode.h"
#include "family/rewrite.h"

#define MEMBERS                                                                                    \
    "model input instructions tools tool_choice parallel_tool_calls max_output_tokens "            \
    "max_tool_calls temperature top_p top_logprobs reasoning text store previous_response_id "     \
    "conversation include truncation metadata stream stream_options background prompt "            \
    "prompt_cache_key prompt_cache_retention safety_identifier service_tier user"

enum { LEAST_OUTPUT_TOKENS = 16 };

static const struct rewrite rows[] = {
    {"client_metadata", REWRITE_REMOVE, NULL, 0, 0, true, "Codex's own figures; 400 otherwise"},
    {"", REWRITE_ONLY, MEMBERS, 0, 0, false, "400 Unknown parameter; pub"},
    {"reasoning", REWRITE_REMOVE, NULL, 0, MODEL_REASONING, false,
     "400 Unsupported parameter; CL 2026-07"},
    {"text.verbosity", REWRITE_REMOVE, NULL, 0, MODEL_REASONING, false,
     "400 Unsupported value before GPT 5; pub"},
    {"tools[]", REWRITE_ONLY, "type name description parameters strict", 0, 0, false,
     "400 Unknown parameter; AR 2026-05"},
};

/* --- tools ------------------------------------------------------------------------------------- */

/* "The following tools are not allowed for model": AR 2026-05-26. */
static void drop_hosted(struct arena *arena, struct jspan *tools, struct dropped *dropped)
{
    struct jspan *next;

    for (struct jspan *n = jspan_first(tools); n; n = next) {
        const struct jspan *type = jspan_get(n, "type");
        next = n->next;
        if (!jspan_is(type, JSPAN_STRING) || jspan_says(type, "function"))
            continue;
        struct str field = arena_printf(arena, "tools.%.*s", STR_ARG(jspan_str(arena, type)));
        dropped_add(dropped, field.p ? field : STR("tools"));
        jspan_remove(n);
    }
}

static bool forces_lost_tool(const struct jspan *choice, const struct jspan *tools)
{
    const struct jspan *type = jspan_get(choice, "type");

    if (jspan_is(choice, JSPAN_OBJECT))
        return !jspan_says(type, "function") && !jspan_says(type, "allowed_tools");
    return jspan_says(choice, "required") && !jspan_count(tools);
}

static status fit_tools(struct arena *arena, struct jspan *body, const struct family_model *model,
                        struct dropped *dropped, struct chat_error *err)
{
    struct jspan *tools = jspan_get(body, "tools");
    struct jspan *choice = jspan_get(body, "tool_choice");
    struct jspan *parallel = jspan_get(body, "parallel_tool_calls");
    size_t before = jspan_count(tools);

    drop_hosted(arena, tools, dropped);
    if (before > jspan_count(tools) && forces_lost_tool(choice, tools)) {
        chat_error_field(err, arena, CHAT_ERROR_UNSUPPORTED, "tool_choice",
                         "tool_choice: this tool cannot be run here, so it cannot be forced");
        return E_SYNTAX;
    }
    if (!jspan_count(tools))
        jspan_remove_key(body, "tool_choice");
    if (!parallel || !(model->traits & MODEL_NO_PARALLEL))
        return OK;
    if (jspan_is(parallel, JSPAN_FALSE))
        dropped_add_cstr(dropped, "parallel_tool_calls");
    jspan_remove_key(body, "parallel_tool_calls");
    return OK;
}

/* --- options ------------------------------------------------------------------------------------ */

static status fit_effort(struct arena *arena, struct jspan *body, const struct family_model *model,
                         struct dropped *dropped)
{
    struct jspan *reasoning = jspan_get(body, "reasoning");
    struct jspan *n = jspan_get(reasoning, "effort");
    enum chat_effort asked = chat_effort_parse(jspan_str(arena, n));
    enum chat_effort fit = asked ? model_fit_effort(model, 0, asked) : CHAT_EFFORT_UNSET;

    if (fit == CHAT_EFFORT_UNSET || fit == asked)
        return OK;
    dropped_add_cstr(dropped, "reasoning.effort");
    struct str word = jspan_quote(arena, str_from(chat_effort_word(fit)));
    return word.p ? jspan_set(arena, reasoning, "effort", word) : E_NOMEM;
}

static bool reasons(const struct jspan *body, const struct family_model *model)
{
    return model->traits & MODEL_REASONING &&
           !jspan_says(jspan_get(jspan_get(body, "reasoning"), "effort"), "none");
}

/* Models that reason take these with their defaults only, unless they are told not to: pub. */
static void refuse_sampling(struct jspan *body, const struct family_model *model,
                            struct dropped *dropped)
{
    static const struct {
        const char *member;
        double harmless;
    } sampling[] = {{"temperature", 1}, {"top_p", 1}, {"top_logprobs", 0}};

    if (!reasons(body, model))
        return;
    for (size_t i = 0; i < sizeof sampling / sizeof *sampling; i++) {
        const struct jspan *n = jspan_get(body, sampling[i].member);
        double harmless = sampling[i].harmless;
        if (jspan_none(n) || jspan_double(n, harmless + 1) == harmless)
            continue;
        dropped_add_cstr(dropped, sampling[i].member);
        jspan_remove_key(body, sampling[i].member);
    }
}

/* "Encrypted content is not supported with this model": there is no reasoning to encrypt. "logprobs
   are not supported with reasoning models": pub. */
static void refuse_includes(struct jspan *body, const struct family_model *model,
                            struct dropped *dropped)
{
    struct jspan *next;

    for (struct jspan *n = jspan_first(jspan_get(body, "include")); n; n = next) {
        next = n->next;
        if (jspan_says(n, "reasoning.encrypted_content") && !(model->traits & MODEL_REASONING)) {
            jspan_remove(n);
        } else if (jspan_says(n, "message.output_text.logprobs") && reasons(body, model)) {
            dropped_add_cstr(dropped, "logprobs");
            jspan_remove(n);
        }
    }
}

/* Less than the least is refused; more than the model can write too. */
static status clamp_output(struct arena *arena, struct jspan *body,
                           const struct family_model *model)
{
    struct jspan *n = jspan_get(body, "max_output_tokens");
    int64_t asked = jspan_int(n, LEAST_OUTPUT_TOKENS), fit = asked;

    if (model->max_output && fit > model->max_output)
        fit = model->max_output;
    if (fit > 0 && fit < LEAST_OUTPUT_TOKENS)
        fit = LEAST_OUTPUT_TOKENS;
    if (fit == asked)
        return OK;
    struct str text = arena_printf(arena, "%lld", (long long)fit);
    if (!text.p)
        return E_NOMEM;
    jspan_replace(n, text);
    return OK;
}

/* --- items -------------------------------------------------------------------------------------- */

/* What another family's thinking was packed into by this gateway means nothing here; without
   encrypted_content there is nothing to look up when nothing is stored. */
static bool is_foreign_reasoning(const struct jspan *body, const struct jspan *item,
                                 struct arena *arena)
{
    const struct jspan *packed = jspan_get(item, "encrypted_content");

    if (!jspan_says(jspan_get(item, "type"), "reasoning"))
        return false;
    if (jspan_none(packed))
        return jspan_is(jspan_get(body, "store"), JSPAN_FALSE);
    return str_starts(jspan_str(arena, packed), "crly_");
}

static status fit_call_id(struct arena *arena, struct jspan *item)
{
    struct jspan *n = jspan_get(item, "call_id");
    struct str id = jspan_str(arena, n);

    if (id.n <= RESPONSES_CALL_ID_BYTES)
        return OK;
    struct str fit = azure_responses_call_id(arena, id);
    struct str quoted = fit.p ? jspan_quote(arena, fit) : STR_NONE;
    if (!quoted.p)
        return E_NOMEM;
    jspan_replace(n, quoted);
    return OK;
}

/* Conversations move from model to model: what others left in their items is taken out. */
static status fit_items(struct arena *arena, struct jspan *body)
{
    struct jspan *next;
    status s = OK;

    for (struct jspan *n = jspan_first(jspan_get(body, "input")); n && !s; n = next) {
        next = n->next;
        if (is_foreign_reasoning(body, n, arena)) {
            jspan_remove(n);
            continue;
        }
        if (str_starts(jspan_str(arena, jspan_get(n, "id")), "crly_"))
            jspan_remove_key(n, "id");
        s = fit_call_id(arena, n);
    }
    return s;
}

/* --- all ---------------------------------------------------------------------------------------- */

static status name_model(struct arena *arena, struct jspan *body, const struct family_model *model)
{
    struct str name = jspan_quote(arena, model->name);
    return name.p ? jspan_set(arena, body, "model", name) : E_NOMEM;
}

status azure_responses_prepare(struct arena *arena, struct jspan *body,
                               const struct family_call *call, struct dropped *dropped,
                               struct chat_error *err)
{
    const struct family_model *model = call->model;

    if (!jspan_is(body, JSPAN_OBJECT)) {
        chat_error_field(err, arena, CHAT_ERROR_INVALID, NULL, "The body is not a JSON object.");
        return E_SYNTAX;
    }
    status s = fit_tools(arena, body, model, dropped, err);
    if (!s)
        s = rewrite_apply(arena, rows, sizeof rows / sizeof *rows, body, model, dropped);
    if (!s)
        s = fit_effort(arena, body, model, dropped);
    if (!s)
        s = clamp_output(arena, body, model);
    if (!s)
        s = fit_items(arena, body);
    if (!s)
        s = name_model(arena, body, model); /* the caller's may be an alias */
    if (s)
        return s;
    if (!call->stream)
        jspan_remove_key(body, "stream_options");
    refuse_sampling(body, model, dropped);
    refuse_includes(body, model, dropped);
    return OK;
}

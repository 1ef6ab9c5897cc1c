/*
 * Rewrites for Azure OpenAI chat completions.
 *
 * Rows where a row can say it; below them what depends on values. Evidence: AR = aicore-router
 * 0.7.8 (2026-06), PJ = sap-ai-core-llm-proxy (2026-07), CL = Cline's SAP provider (2026-07),
 * LL = LiteLLM's SAP provider, pub = vendor's documentation or many public reports.
 */
#include "family/azure_prepare.h"

#include "family/openai_encode.h"
#include "family/rewrite.h"

#define MEMBERS                                                                                    \
    "messages model frequency_penalty presence_penalty logit_bias max_tokens "                     \
    "max_completion_tokens n response_format stop stream temperature top_logprobs logprobs top_p " \
    "tools tool_choice functions function_call stream_options reasoning_effort "                   \
    "parallel_tool_calls seed user prediction modalities audio store metadata verbosity "          \
    "prompt_cache_key service_tier"

static const struct rewrite rows[] = {
    {"model", REWRITE_REMOVE, NULL, 0, 0, true, "the deployment is the model; SAP's SDK 2026-08"},
    {"", REWRITE_ONLY, MEMBERS, 0, 0, false, "400 Unknown parameter; LL, pub"},
    {"max_tokens", REWRITE_RENAME, "max_completion_tokens", MODEL_REASONING, 0, true,
     "400 Unsupported parameter; AR 2026-06"},
    {"stop", REWRITE_REMOVE, NULL, MODEL_NO_STOP, 0, false, "400 Unsupported parameter; pub"},
    {"reasoning_effort", REWRITE_REMOVE, NULL, 0, MODEL_REASONING, false,
     "400 Unrecognized request argument; CL 2026-07"},
    {"prediction", REWRITE_REMOVE, NULL, MODEL_REASONING, 0, false,
     "400 Unsupported parameter; makes answers faster, not other ones; pub"},
    {"verbosity", REWRITE_REMOVE, NULL, 0, MODEL_REASONING, false,
     "400 Unsupported parameter before GPT 5; pub"},
    {"messages[].cache_control", REWRITE_REMOVE, NULL, 0, 0, false,
     "400 extra member; caching is automatic; pub"},
    {"messages[].content[].cache_control", REWRITE_REMOVE, NULL, 0, 0, false, "the same"},
    {"tools[].cache_control", REWRITE_REMOVE, NULL, 0, 0, false, "the same"},
    {"tools[].function.cache_control", REWRITE_REMOVE, NULL, 0, 0, false, "the same"},
};

/* Members that reasoning models take with their default value only: PJ, CL 2026-07. Those of the
   first kind are free again at effort "none" (GPT 5.1 and later; pub). */
static const struct {
    const char *member;
    bool free_at_none;
    double harmless;
} sampling[] = {
    {"temperature", true, 1},       {"top_p", true, 1},
    {"logprobs", true, 0},          {"top_logprobs", true, 0},
    {"presence_penalty", false, 0}, {"frequency_penalty", false, 0},
    {"logit_bias", false, 0},
};

/* --- effort ---------------------------------------------------------------------------------- */

static bool has_tools(const struct jspan *body)
{
    return jspan_count(jspan_get(body, "tools")) > 0;
}

/* To an effort that the model has; with tools to "none" where it has no other then. */
static status fit_effort(struct arena *arena, struct jspan *body, const struct family_model *model,
                         struct dropped *dropped)
{
    struct jspan *n = jspan_get(body, "reasoning_effort");
    enum chat_effort asked = chat_effort_parse(jspan_str(arena, n));
    enum chat_effort fit = asked ? model_fit_effort(model, 0, asked) : CHAT_EFFORT_UNSET;

    if (!(model->traits & MODEL_REASONING))
        return OK;
    if (model->traits & MODEL_TOOLS_NO_EFFORT && has_tools(body))
        fit = CHAT_EFFORT_NONE;
    if (fit == CHAT_EFFORT_UNSET || fit == asked)
        return OK;
    if (asked)
        dropped_add_cstr(dropped, "reasoning_effort");
    struct str word = jspan_quote(arena, str_from(chat_effort_word(fit)));
    return word.p ? jspan_set(arena, body, "reasoning_effort", word) : E_NOMEM;
}

/* --- sampling and limits --------------------------------------------------------------------- */

static bool is_harmless(const struct jspan *n, double value)
{
    return jspan_none(n) || n->type == JSPAN_FALSE || jspan_double(n, value + 1) == value ||
           (n->type == JSPAN_OBJECT && !jspan_count(n));
}

static void refuse_sampling(struct jspan *body, const struct family_model *model,
                            struct dropped *dropped)
{
    bool none = jspan_says(jspan_get(body, "reasoning_effort"), "none");

    if (!(model->traits & MODEL_REASONING))
        return;
    for (size_t i = 0; i < sizeof sampling / sizeof *sampling; i++) {
        struct jspan *n = jspan_get(body, sampling[i].member);
        if (is_harmless(n, sampling[i].harmless) || (none && sampling[i].free_at_none))
            continue;
        dropped_add_cstr(dropped, sampling[i].member);
        jspan_remove_key(body, sampling[i].member);
    }
}

/* More than the model can write is refused; the caller could not have got it anyway. */
static status clamp_output(struct arena *arena, struct jspan *body,
                           const struct family_model *model)
{
    static const char *const names[] = {"max_tokens", "max_completion_tokens"};

    for (size_t i = 0; i < 2; i++) {
        struct jspan *n = jspan_get(body, names[i]);
        if (model->max_output == 0 || jspan_int(n, 0) <= model->max_output)
            continue;
        struct str limit = arena_printf(arena, "%lld", (long long)model->max_output);
        if (!limit.p)
            return E_NOMEM;
        jspan_replace(n, limit);
    }
    return OK;
}

/* --- tools ----------------------------------------------------------------------------------- */

/* An empty list is refused, and so are members about tools without tools. */
static void tidy_tools(struct jspan *body, const struct family_model *model,
                       struct dropped *dropped)
{
    if (!has_tools(body)) {
        jspan_remove_key(body, "tools");
        jspan_remove_key(body, "tool_choice");
        jspan_remove_key(body, "parallel_tool_calls");
    }
    struct jspan *parallel = jspan_get(body, "parallel_tool_calls");
    if (!parallel || !(model->traits & MODEL_NO_PARALLEL))
        return;
    if (jspan_is(parallel, JSPAN_FALSE))
        dropped_add_cstr(dropped, "parallel_tool_calls");
    jspan_remove_key(body, "parallel_tool_calls");
}

/* --- messages -------------------------------------------------------------------------------- */

static bool is_role(const struct jspan *message, const char *role)
{
    return jspan_says(jspan_get(message, "role"), role);
}

static struct str content_text(struct arena *arena, const struct jspan *content)
{
    struct buf text = {0};

    if (!jspan_is(content, JSPAN_ARRAY))
        return jspan_str(arena, content);
    for (const struct jspan *p = jspan_first(content); p; p = p->next)
        buf_add_str(&text, jspan_str(arena, jspan_get(p, "text")));
    struct str copy = buf_copy(&text, arena);
    buf_free(&text);
    return copy;
}

static status join_content(struct arena *arena, struct jspan *into, const struct jspan *from)
{
    struct str a = content_text(arena, jspan_get(into, "content"));
    struct str b = content_text(arena, jspan_get(from, "content"));

    if (!b.n)
        return OK;
    if (!a.n)
        return jspan_set(arena, into, "content", jspan_text(arena, jspan_get(from, "content")));
    struct buf joined = {0};
    buf_add_str(&joined, a);
    buf_add_char(&joined, '\n');
    buf_add_str(&joined, b);
    struct str json = joined.failed ? STR_NONE : jspan_quote(arena, buf_str(&joined));
    buf_free(&joined);
    return json.p ? jspan_set(arena, into, "content", json) : E_NOMEM;
}

/* Older Codex says something between its tool calls and their results: refused; AR 2026-06. What it
   said moves into the message with the calls. */
static status merge_between(struct arena *arena, struct jspan *body)
{
    struct jspan *m = jspan_first(jspan_get(body, "messages"));

    while (m && m->next && m->next->next) {
        struct jspan *between = m->next;
        bool merge = jspan_count(jspan_get(m, "tool_calls")) && is_role(between, "assistant") &&
                     jspan_none(jspan_get(between, "tool_calls")) &&
                     (is_role(between->next, "tool") || is_role(between->next, "assistant"));
        if (!merge) {
            m = m->next;
            continue;
        }
        status s = join_content(arena, m, between);
        if (s)
            return s;
        jspan_remove(between);
    }
    return OK;
}

/* Both roles in one request are refused by reasoning models; they mean the same: pub. */
static void unify_roles(struct jspan *body, const struct family_model *model)
{
    bool developer = false;
    const struct jspan *messages = jspan_get(body, "messages");

    if (!(model->traits & MODEL_REASONING))
        return;
    for (const struct jspan *m = jspan_first(messages); m; m = m->next)
        developer = developer || is_role(m, "developer");
    for (const struct jspan *m = jspan_first(messages); m && developer; m = m->next)
        if (is_role(m, "system"))
            jspan_replace(jspan_get(m, "role"), STR("\"developer\""));
}

/* --- all ------------------------------------------------------------------------------------- */

status openai_force_usage(struct arena *arena, struct jspan *body, bool stream)
{
    struct jspan *options = jspan_get(body, "stream_options");

    if (!stream) {
        jspan_remove_key(body, "stream_options");
        return OK;
    }
    if (!jspan_is(options, JSPAN_OBJECT))
        return jspan_set(arena, body, "stream_options", STR("{\"include_usage\":true}"));
    if (jspan_true(jspan_get(options, "include_usage")))
        return OK;
    return jspan_set(arena, options, "include_usage", STR("true"));
}

status azure_prepare(struct arena *arena, struct jspan *body, const struct family_call *call,
                     struct dropped *dropped, struct chat_error *err)
{
    static const struct openai_style style; /* OpenAI's own */
    const struct family_model *model = call->model;

    if (!jspan_is(body, JSPAN_OBJECT)) {
        chat_error_field(err, arena, CHAT_ERROR_INVALID, NULL, "The body is not a JSON object.");
        return E_SYNTAX;
    }
    if (model->traits & MODEL_RESPONSES_ONLY) {
        chat_error_field(err, arena, CHAT_ERROR_UNSUPPORTED, "model",
                         "This model answers on the Responses API only.");
        return E_SYNTAX;
    }
    status s = openai_lift_thinking(arena, body, model, dropped);
    if (!s)
        s = rewrite_apply(arena, rows, sizeof rows / sizeof *rows, body, model, dropped);
    if (!s)
        s = openai_fit_replayed(arena, body, &style, model, dropped);
    if (!s)
        s = clamp_output(arena, body, model);
    if (!s)
        s = fit_effort(arena, body, model, dropped);
    if (!s)
        s = openai_force_usage(arena, body, call->stream);
    if (!s)
        s = merge_between(arena, body);
    if (s)
        return s;
    tidy_tools(body, model, dropped);
    refuse_sampling(body, model, dropped);
    unify_roles(body, model);
    return OK;
}

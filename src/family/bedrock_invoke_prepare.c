/*
 * What Bedrock's /invoke refuses or wants differently, as data: steps for the shape of a body, rows
 * for its members, a table for the beta flags. A quirk that upstream has lifted is one deleted
 * line.
 *
 * Who saw it: AR aicore-router, PJ sap-ai-core-llm-proxy, CL Cline, LL LiteLLM, PI pi, AN
 * Anthropic's own documentation; with the month.
 */
#include "base/jwrite.h"
#include "family/bedrock_invoke.h"
#include "family/rewrite.h"

/* --- rows ------------------------------------------------------------------------------------ */

#define VERSION "\"bedrock-2023-05-31\""
#define FIELDS                                                                                     \
    "anthropic_version max_tokens messages system temperature top_p top_k stop_sequences tools "   \
    "tool_choice thinking anthropic_beta output_config metadata"
#define SCOPE "400, scope is unknown; cache_control itself stays. AR 2026-06"

static const struct rewrite rows[] = {
    {.path = "model",
     .action = REWRITE_REMOVE,
     .quiet = true,
     .why = "400: the deployment is the model. AR, PJ 2026-06"},
    {.path = "stream",
     .action = REWRITE_REMOVE,
     .quiet = true,
     .why = "400: the path says whether it streams. AR, PJ 2026-06"},
    {.path = "anthropic_version",
     .action = REWRITE_SET,
     .arg = VERSION,
     .quiet = true,
     .why = "Vertex has another word for it. AN 2026-06"},
    {.path = "anthropic_version",
     .action = REWRITE_DEFAULT,
     .arg = VERSION,
     .quiet = true,
     .why = "400 without. AR, PJ, CL 2026-06"},
    {.path = "context_management",
     .action = REWRITE_REMOVE,
     .why = "400, extra inputs; its beta flag goes too. PJ 2026-07"},
    {.path = "output_config.effort",
     .action = REWRITE_REMOVE,
     .without = MODEL_ADAPTIVE,
     .why = "400 on models without adaptive thinking. PJ 2026-07"},
    {.path = "output_config.format",
     .action = REWRITE_REMOVE,
     .without = MODEL_FORMAT_NATIVE,
     .why = "400, extra inputs, on some models. LL 2026-07"},
    {.path = "output_config",
     .action = REWRITE_ONLY,
     .arg = "effort format",
     .why = "400, extra inputs. PJ 2026-07"},
    {.path = "thinking.display",
     .action = REWRITE_REMOVE,
     .without = MODEL_ADAPTIVE,
     .quiet = true,
     .why = "400 before adaptive thinking; says only what to show. AN 2026-07"},
    {.path = "temperature",
     .action = REWRITE_REMOVE,
     .with = MODEL_NO_SAMPLING,
     .why = "400 on Opus 4.7 and later. AR 2026-06"},
    {.path = "top_p",
     .action = REWRITE_REMOVE,
     .with = MODEL_NO_SAMPLING,
     .why = "400 on Opus 4.7 and later. AR 2026-06"},
    {.path = "top_k",
     .action = REWRITE_REMOVE,
     .with = MODEL_NO_SAMPLING,
     .why = "400 on Opus 4.7 and later. AR 2026-06"},
    {.path = "system[].cache_control.scope", .action = REWRITE_REMOVE, .quiet = true, .why = SCOPE},
    {.path = "tools[].cache_control.scope", .action = REWRITE_REMOVE, .quiet = true, .why = SCOPE},
    {.path = "messages[].content[].cache_control.scope",
     .action = REWRITE_REMOVE,
     .quiet = true,
     .why = SCOPE},
    {.path = "messages[].content[].content[].cache_control.scope",
     .action = REWRITE_REMOVE,
     .quiet = true,
     .why = SCOPE},
    {.path = "tools[]",
     .action = REWRITE_ONLY,
     .arg = "name description input_schema cache_control type",
     .why = "400: defer_loading, input_examples, strict and the like. PJ 2026-07"},
    {.path = "metadata",
     .action = REWRITE_ONLY,
     .arg = "user_id",
     .why = "400, extra inputs. LL 2026-06"},
    {.path = "", .action = REWRITE_ONLY, .arg = FIELDS, .why = "400, extra inputs. LL 2026-06"},
};

static status apply_rows(struct invoke_edit *e)
{
    return rewrite_apply(e->arena, rows, sizeof rows / sizeof *rows, e->body, e->call->model,
                         e->dropped);
}

static status drop_empty_config(struct invoke_edit *e)
{
    struct jspan *config = jspan_get(e->body, "output_config");

    if (jspan_is(config, JSPAN_OBJECT) && !jspan_first(config))
        jspan_remove_key(e->body,
                         "output_config"); /* of several the last counts, and it is empty */
    return OK;
}

/* --- beta flags ------------------------------------------------------------------------------ */

/* The flags that Bedrock has under another name, or answers 400 "invalid beta flag" to. AR probed
   them on 2026-06-22, save where a row says otherwise. Those that no row names pass. */
static const struct {
    const char *flag;
    const char *name; /* upstream's; NULL: none */
    bool quiet;       /* nothing is lost without it */
} betas[] = {
    {"advanced-tool-use-2025-11-20", "tool-search-tool-2025-10-19", true},
    {"prompt-caching-2024-07-31", NULL, true},       /* needs no flag any more */
    {"prompt-caching-scope-2026-01-05", NULL, true}, /* see cache_control.scope */
    {"extended-cache-ttl-2025-04-11", NULL, true},   /* needs no flag any more */
    {"context-management-2025-06-27", NULL, true},   /* see context_management; PJ 2026-07 */
    {"redact-thinking-2026-02-12", NULL, false},
    {"mcp-servers-2025-12-04", NULL, false},
    {"skills-2025-10-02", NULL, false},
    {"files-api-2025-04-14", NULL, false},
    {"message-batches-2024-09-24", NULL, false},
    {"managed-agents-2026-04-01", NULL, false},
    {"code-execution-2025-05-22", NULL, false},
    {"fast-mode-2026-02-01", NULL, false},
    {"output-300k-2026-03-24", NULL, false},
    {"user-profiles-2026-03-24", NULL, false},
    {"advisor-tool-2026-03-01", NULL, false},
    {"cache-diagnosis-2026-04-07", NULL, false},
    {"thinking-token-count-2026-05-13", NULL, false},
    {"server-side-fallback-2026-06-01", NULL, false},
    {"fallback-credit-2026-06-01", NULL, false},
    {"message-threads-2026-08-12", NULL, true}, /* without `thread` it asks for nothing */
};

struct flag {
    struct str name;
    struct flag *next;
};

static status add_flag(struct invoke_edit *e, struct flag **list, struct str name)
{
    for (; *list; list = &(*list)->next)
        if (str_eq((*list)->name, name))
            return OK;
    *list = ARENA_NEW(e->arena, struct flag);
    if (!*list)
        return E_NOMEM;
    (*list)->name = name;
    return OK;
}

static status map_flag(struct invoke_edit *e, struct flag **list, struct str flag)
{
    if (!flag.n)
        return OK;
    for (size_t i = 0; i < sizeof betas / sizeof *betas; i++) {
        if (!str_is(flag, betas[i].flag))
            continue;
        if (betas[i].name)
            return add_flag(e, list, str_from(betas[i].name));
        struct str field = arena_printf(e->arena, "anthropic-beta:%s", betas[i].flag);
        if (!betas[i].quiet && field.p)
            dropped_add(e->dropped, field);
        return field.p ? OK : E_NOMEM;
    }
    return add_flag(e, list, flag);
}

/* The flags of the header and of the body, each once. */
static status collect_flags(struct invoke_edit *e, struct flag **list)
{
    struct str header = e->call->betas;
    status s = OK;

    while (header.n && !s)
        s = map_flag(e, list, str_trim(str_cut(&header, ',')));
    const struct jspan *own = jspan_get(e->body, "anthropic_beta");
    for (struct jspan *f = jspan_first(own); f && !s; f = f->next)
        s = map_flag(e, list, jspan_str(e->arena, f));
    return s;
}

static status set_betas(struct invoke_edit *e)
{
    struct flag *list = NULL;
    struct buf out = {0};
    status s = collect_flags(e, &list);

    if (s)
        return s;
    jspan_remove_key(e->body, "anthropic_beta");
    if (!list)
        return OK;
    struct jwrite w = jwrite_to(&out);
    jwrite_array(&w);
    for (; list; list = list->next)
        jwrite_str(&w, list->name);
    jwrite_end(&w);
    struct str json = buf_copy(&out, e->arena);
    buf_free(&out);
    return json.p ? jspan_set(e->arena, e->body, "anthropic_beta", json) : E_NOMEM;
}

/* --- steps ----------------------------------------------------------------------------------- */

/* In this order: what names a message by its number first, and the rows when nothing needs any more
   what they take away. */
static const struct {
    status (*apply)(struct invoke_edit *e);
    const char *why;
} steps[] = {
    {invoke_refuse_addresses, "only inline data is read; fetching is not ours to do. AN 2026-06"},
    {invoke_refuse_thread, "Anthropic alone keeps them, beta message-threads. 2026-11"},
    {invoke_drop_empty_text, "400: text must hold more than white space. PJ, AR, PI 2026-07"},
    {invoke_drop_web_citations, "Bedrock has no web search whose index they could name. 2026-11"},
    {invoke_refuse_prefill, "400 on 4.6 and later. AN 2026-06"},
    {invoke_drop_unsigned, "400: thinking of other models, which has no signature. AN 2026-06"},
    {invoke_tell_system, "400: role system within messages; late ones stay there. PJ 2026-07"},
    {invoke_lift_system, "400: role system within messages; the others. PJ 2026-07"},
    {invoke_merge_roles, "400: roles must alternate. AN 2024-03"},
    {invoke_results_first, "400: tool_use without tool_result immediately after. PI 2026-03"},
    {invoke_shape_results, "400: results as text or with other blocks. PJ 2026-07"},
    {invoke_drop_server_tools, "400 on most models. PJ 2026-07"},
    {invoke_stub_tools, "400: tool blocks in the history and no tools. LL 2026-03"},
    {invoke_place_cache, "400: cache_control at the top level. LL 2026-05"},
    {invoke_limit_cache, "400: more than four, ttl on older models, 1h behind 5m. AN, LL 2025-11"},
    {invoke_max_tokens, "400 without max_tokens or above the model's limit. AR 2026-06"},
    {invoke_fit_effort, "400: efforts of other models (xhigh before 4.7). Coder 2026-05"},
    {invoke_fit_thinking, "400: adaptive before 4.6, enabled from Opus 4.7 on. AR 2026-06"},
    {invoke_clamp_budget, "400: 1024 <= budget_tokens < max_tokens. AR, PJ 2026-06"},
    {invoke_thinking_or_rest, "400: forced tools, prefill, calls made without it. AN 2026-06"},
    {invoke_thinking_sampling, "400: temperature, top_k, low top_p while thinking. AN 2026-06"},
    {apply_rows, "the table above"},
    {invoke_one_sampling, "400 on 4.5 and later: temperature beside top_p. AN 2026-02"},
    {drop_empty_config, "the rows may have emptied it"},
    {set_betas, "the header does not reach the model: the body must name them. AR 2026-06"},
};

status invoke_prepare(struct arena *arena, struct jspan *body, const struct family_call *call,
                      struct dropped *dropped, struct chat_error *err)
{
    struct invoke_edit e = {arena, body, call, dropped, err};

    if (!jspan_is(body, JSPAN_OBJECT)) {
        chat_error_set(err, arena, CHAT_ERROR_INVALID, "The body must be a JSON object.");
        return E_SYNTAX;
    }
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        status s = steps[i].apply(&e);
        if (s)
            return s;
    }
    return OK;
}

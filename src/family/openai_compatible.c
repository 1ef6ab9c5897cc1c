/*
 * Servers with chat completions of their own: Mistral and other models that SAP hosts (vLLM),
 * Perplexity, NVIDIA's embeddings, and whatever else is deployed. The body names the model, the
 * path has no api-version.
 */
#include "family/azure_prepare.h"
#include "family/embed_inputs.h"
#include "family/openai_embed.h"
#include "family/openai_encode.h"
#include "family/openai_reader.h"
#include "family/rewrite.h"

enum { MISTRAL_ID_BYTES = 9 };

static const struct rewrite rows[] = {
    {"max_completion_tokens", REWRITE_RENAME, "max_tokens", 0, 0, true,
     "Mistral and Perplexity know the old name only; vendors' documentation, 2026-09"},
    {"store", REWRITE_REMOVE, NULL, 0, 0, true, "OpenAI's own service only"},
    {"prompt_cache_key", REWRITE_REMOVE, NULL, 0, 0, true, "a hint to OpenAI's service"},
    {"prompt_cache_retention", REWRITE_REMOVE, NULL, 0, 0, true, "the same"},
    {"safety_identifier", REWRITE_REMOVE, NULL, 0, 0, true, "the same"},
    {"service_tier", REWRITE_REMOVE, NULL, 0, 0, false, "OpenAI's own service only"},
    {"prediction", REWRITE_REMOVE, NULL, 0, 0, false,
     "makes answers faster, not other ones; 400 extra member (Mistral)"},
    {"verbosity", REWRITE_REMOVE, NULL, 0, 0, false, "GPT 5 and later only"},
    {"modalities", REWRITE_REMOVE, NULL, 0, 0, true, "text alone is left of it here"},
    {"audio", REWRITE_REMOVE, NULL, 0, 0, true, "means nothing but beside modalities"},
    {"reasoning_effort", REWRITE_REMOVE, NULL, 0, MODEL_REASONING, false,
     "400 extra member (Mistral); public reports"},
    {"messages[].content[].cache_control", REWRITE_REMOVE, NULL, 0, 0, false,
     "400 extra member (Mistral); public reports"},
    {"messages[].cache_control", REWRITE_REMOVE, NULL, 0, 0, false, "the same"},
    {"tools[].cache_control", REWRITE_REMOVE, NULL, 0, 0, false, "the same"},
    {"tools", REWRITE_REMOVE, NULL, MODEL_NO_TOOLS, 0, false,
     "Perplexity has none; Cline's SAP provider, 2026-07"},
    {"tool_choice", REWRITE_REMOVE, NULL, MODEL_NO_TOOLS, 0, true, "the same"},
    {"parallel_tool_calls", REWRITE_REMOVE, NULL, MODEL_NO_TOOLS, 0, true, "the same"},
};

static struct openai_style style_of(const struct family_model *model)
{
    return (struct openai_style){
        .plain = true,
        .with_model = true,
        .no_tools = model->traits & MODEL_NO_TOOLS,
        /* Mistral's templates refuse other lengths on replay: public reports. */
        .id_length = str_starts(model->name, "mistralai--") ? MISTRAL_ID_BYTES : 0};
}

/* SAP names the model with a version behind a colon at times; the server knows it without. */
static struct str plain_name(const struct family_model *model)
{
    struct str rest = model->name;

    return str_cut(&rest, ':');
}

static void chat_path(const struct family_call *call, struct buf *out)
{
    (void)call;
    buf_add_cstr(out, "/chat/completions");
}

static status encode(struct arena *arena, const struct chat_request *request,
                     const struct family_call *call, struct buf *out, struct dropped *dropped,
                     struct chat_error *err)
{
    struct openai_style style = style_of(call->model);

    return openai_encode(arena, request, call, &style, out, dropped, err);
}

/* --- prepare --------------------------------------------------------------------------------- */

/* The servers' templates know the old name of the role only. */
static void unify_role(struct jspan *message)
{
    struct jspan *role = jspan_get(message, "role");

    if (jspan_says(role, "developer"))
        jspan_replace(role, STR("\"system\""));
}

/* Tools that may be used are left out where there are none; tools that must be used are refused (an
   encoded request was: openai_encode). */
static bool wants_missing_tool(const struct jspan *body, const struct openai_style *style)
{
    const struct jspan *choice = jspan_get(body, "tool_choice");

    return style->no_tools && jspan_count(jspan_get(body, "tools")) > 0 &&
           (jspan_says(choice, "required") || jspan_is(choice, JSPAN_OBJECT));
}

/* Spoken answers cannot be left out in silence. */
static bool wants_speech(const struct jspan *body)
{
    for (const struct jspan *n = jspan_first(jspan_get(body, "modalities")); n; n = n->next)
        if (!jspan_says(n, "text"))
            return true;
    return false;
}

/* "Unexpected role 'user' after role 'tool'": what other clients of Mistral put between them. */
static status answer_tools(struct arena *arena, struct jspan *body)
{
    status s = OK;

    for (struct jspan *m = jspan_first(jspan_get(body, "messages")); m && m->next && !s;
         m = m->next)
        if (jspan_says(jspan_get(m, "role"), "tool") &&
            jspan_says(jspan_get(m->next, "role"), "user"))
            s = jspan_insert(arena, m, STR("{\"role\":\"assistant\",\"content\":\"Done.\"}"));
    return s;
}

static status prepare(struct arena *arena, struct jspan *body, const struct family_call *call,
                      struct dropped *dropped, struct chat_error *err)
{
    struct openai_style style = style_of(call->model);
    struct str name = jspan_quote(arena, plain_name(call->model));

    if (!jspan_is(body, JSPAN_OBJECT)) {
        chat_error_field(err, arena, CHAT_ERROR_INVALID, NULL, "The body is not a JSON object.");
        return E_SYNTAX;
    }
    if (!name.p)
        return E_NOMEM;
    if (wants_missing_tool(body, &style)) {
        chat_error_field(err, arena, CHAT_ERROR_UNSUPPORTED, "tools", "This model has no tools.");
        return E_SYNTAX;
    }
    if (wants_speech(body)) {
        chat_error_field(err, arena, CHAT_ERROR_UNSUPPORTED, "modalities",
                         "modalities: %.*s can only answer text.", STR_ARG(call->model->name));
        return E_SYNTAX;
    }
    status s = openai_lift_thinking(arena, body, call->model, dropped);
    if (!s)
        s = rewrite_apply(arena, rows, sizeof rows / sizeof *rows, body, call->model, dropped);
    if (!s)
        s = jspan_set(arena, body, "model", name);
    if (!s)
        s = openai_force_usage(arena, body, call->stream);
    if (!s)
        s = openai_fit_replayed(arena, body, &style, call->model, dropped);
    for (struct jspan *m = jspan_first(jspan_get(body, "messages")); m && !s; m = m->next)
        unify_role(m);
    if (!s && call->model->traits & MODEL_SPEAKS_AFTER_TOOLS)
        s = answer_tools(arena, body);
    return s;
}

/* --- embeddings (NVIDIA) --------------------------------------------------------------------- */

static size_t embed_batch(const struct family_model *model)
{
    (void)model;
    return 50; /* what NVIDIA's own client library sends at once; the service names no limit */
}

static void embed_path(const struct family_call *call, struct buf *out)
{
    (void)call;
    buf_add_cstr(out, "/embeddings");
}

static status embed_encode(struct arena *arena, const struct embed_request *request,
                           const struct family_call *call, struct buf *out, struct dropped *dropped,
                           struct chat_error *err)
{
    struct str purpose = embed_purpose(request->input_type);
    struct jwrite w = jwrite_to(out);
    status s = embed_check(arena, request, call->model, EMBED_TEXT, err);

    jwrite_object(&w);
    jwrite_member_str(&w, "model", plain_name(call->model));
    if (!s)
        s = openai_embed_write(&w, request, arena, err);
    if (s)
        return s;
    jwrite_member_str(&w, "input_type", purpose.n ? purpose : STR("passage"));
    jwrite_member_cstr(&w, "truncate", "NONE"); /* too long is an error, as it is with OpenAI */
    if (request->dimensions >= 0)
        jwrite_member_int(&w, "dimensions", request->dimensions);
    jwrite_end_all(&w);
    embed_drop(request, EMBED_USER | EMBED_TITLE | (purpose.n ? 0 : EMBED_TYPE), dropped);
    return out->failed ? E_NOMEM : OK;
}

static const struct family_embed embed = {
    .batch = embed_batch,
    .path = embed_path,
    .encode = embed_encode,
    .decode = openai_embed_decode,
};

/* The form of calls before `tools` is OpenAI's own: it is translated. */
static bool lane_fits(const struct jspan *body)
{
    if (!jspan_none(jspan_get(body, "functions")) || !jspan_none(jspan_get(body, "function_call")))
        return false;
    for (const struct jspan *m = jspan_first(jspan_get(body, "messages")); m; m = m->next)
        if (!jspan_none(jspan_get(m, "function_call")) ||
            jspan_says(jspan_get(m, "role"), "function"))
            return false;
    return true;
}

const struct family family_openai_compatible = {
    .name = "openai-compatible",
    .wire = WIRE_OPENAI_CHAT,
    .path = chat_path,
    .encode = encode,
    .prepare = prepare,
    .reader = openai_reader_new,
    .read_frame = openai_read_frame,
    .read_whole = openai_read_whole,
    .read_end = openai_read_end,
    .relay = openai_relay_mended, /* Mistral on vLLM; SAP's JavaScript SDK, 2026-08 */
    .relay_whole = openai_relay_whole_mended,
    .lane_fits = lane_fits,
    .embed = &embed,
};

/*
 * The hub's request as the Responses API: for callers of other APIs, and for those of this one whose
 * tools had to be translated. Nothing is stored: reasoning travels encrypted, inside signatures
 * (CHAT_RESPONSES_SIGNATURE), and comes back as it was.
 */
#include "base/jwrite.h"
#include "family/azure_responses.h"
#include "family/openai_encode.h"

struct writer {
    struct arena *arena;
    struct jwrite w;
    struct chat_error *err;
    status failed;
};

/* --- parts -------------------------------------------------------------------------------------- */

static void unsupported(struct writer *m, const char *what)
{
    m->failed = E_SYNTAX;
    chat_error_field(m->err, m->arena, CHAT_ERROR_UNSUPPORTED, "input",
                     "This model's API does not take %s.", what);
}

static void write_text(struct jwrite *w, const char *type, struct str text)
{
    jwrite_object(w);
    jwrite_member_cstr(w, "type", type);
    jwrite_member_str(w, "text", text);
    jwrite_end(w);
}

static void write_data_url(struct jwrite *w, const char *key, const struct chat_part *p,
                           const char *otherwise)
{
    jwrite_key(w, key);
    jwrite_raw(w, STR("\"data:"));
    jwrite_escape(w->out, p->media_type.n ? p->media_type : str_from(otherwise));
    buf_add_cstr(w->out, ";base64,");
    jwrite_escape(w->out, p->data);
    buf_add_char(w->out, '"');
}

static void write_image(struct jwrite *w, const struct chat_part *p)
{
    jwrite_object(w);
    jwrite_member_cstr(w, "type", "input_image");
    if (p->url.n)
        jwrite_member_str(w, "image_url", p->url);
    else
        write_data_url(w, "image_url", p, "image/png");
    jwrite_member_str(w, "detail", p->detail.n ? p->detail : STR("auto"));
    jwrite_end(w);
}

static void write_document(struct jwrite *w, const struct chat_part *p)
{
    if (p->text.n) {
        write_text(w, "input_text", p->text);
        return;
    }
    jwrite_object(w);
    jwrite_member_cstr(w, "type", "input_file");
    if (p->url.n) {
        jwrite_member_str(w, "file_url", p->url);
    } else {
        jwrite_member_str(w, "filename", p->name.n ? p->name : STR("document.pdf"));
        write_data_url(w, "file_data", p, "application/pdf");
    }
    jwrite_end(w);
}

static void write_part(struct writer *m, const struct chat_part *p)
{
    switch (p->kind) {
    case CHAT_TEXT:
        write_text(&m->w, "input_text", p->text);
        break;
    case CHAT_IMAGE:
        write_image(&m->w, p);
        break;
    case CHAT_DOCUMENT:
        write_document(&m->w, p);
        break;
    case CHAT_AUDIO:
        unsupported(m, "audio");
        break;
    default: /* written elsewhere */
        break;
    }
}

static bool is_said(const struct chat_part *p)
{
    return p->kind <= CHAT_AUDIO;
}

/* --- items -------------------------------------------------------------------------------------- */

static void open_message(struct writer *m, const char *role)
{
    jwrite_object(&m->w);
    jwrite_member_cstr(&m->w, "type", "message");
    jwrite_member_cstr(&m->w, "role", role);
    jwrite_member_array(&m->w, "content");
}

static void close_message(struct writer *m)
{
    jwrite_end(&m->w);
    jwrite_end(&m->w);
}

/* A user, system or developer message, but for the results in it. */
static void write_plain(struct writer *m, const char *role, const struct chat_part *parts)
{
    const struct chat_part *p = parts;

    while (p && !is_said(p))
        p = p->next;
    if (!p)
        return;
    open_message(m, role);
    for (; p; p = p->next)
        write_part(m, p);
    close_message(m);
}

static bool only_text(const struct chat_part *parts)
{
    for (; parts; parts = parts->next)
        if (parts->kind != CHAT_TEXT)
            return false;
    return true;
}

static void write_output(struct writer *m, const struct chat_part *result)
{
    struct str failed = STR("Error: ");

    jwrite_key(&m->w, "output");
    if (only_text(result->content)) {
        struct str text = chat_parts_text(m->arena, result->content, "\n");
        jwrite_raw(&m->w, STR("\""));
        jwrite_escape(m->w.out, result->error ? failed : STR_NONE);
        jwrite_escape(m->w.out, text);
        buf_add_char(m->w.out, '"');
        return;
    }
    jwrite_array(&m->w);
    if (result->error)
        write_text(&m->w, "input_text", STR("The tool failed."));
    for (const struct chat_part *p = result->content; p; p = p->next)
        write_part(m, p);
    jwrite_end(&m->w);
}

static void write_call_id(struct writer *m, struct str id)
{
    struct str fit = azure_responses_call_id(m->arena, id);

    if (!fit.p && id.n)
        m->failed = E_NOMEM;
    jwrite_member_str(&m->w, "call_id", fit);
}

static void write_result(struct writer *m, const struct chat_part *result)
{
    jwrite_object(&m->w);
    jwrite_member_cstr(&m->w, "type", "function_call_output");
    write_call_id(m, result->id);
    write_output(m, result);
    jwrite_end(&m->w);
}

static void write_user(struct writer *m, const struct chat_message *message)
{
    for (const struct chat_part *p = message->parts; p; p = p->next)
        if (p->kind == CHAT_TOOL_RESULT)
            write_result(m, p);
    write_plain(m, "user", message->parts);
}

/* --- the assistant ------------------------------------------------------------------------------ */

/* "Reasoning was provided without its required following item": pub. */
static bool is_followed(const struct chat_part *p)
{
    for (p = p->next; p; p = p->next)
        if (p->kind == CHAT_TEXT || p->kind == CHAT_REFUSAL || p->kind == CHAT_TOOL_CALL)
            return true;
    return false;
}

/* Without its id, which upstream would compare with the one inside of the encrypted content. */
static void write_reasoning(struct writer *m, const struct chat_part *p)
{
    struct str mark = STR(CHAT_RESPONSES_SIGNATURE);

    if (!str_starts(p->signature, CHAT_RESPONSES_SIGNATURE) || !is_followed(p))
        return;
    jwrite_object(&m->w);
    jwrite_member_cstr(&m->w, "type", "reasoning");
    jwrite_member_array(&m->w, "summary");
    if (p->text.n)
        write_text(&m->w, "summary_text", p->text);
    jwrite_end(&m->w);
    jwrite_member_str(&m->w, "encrypted_content", str_slice(p->signature, mark.n, p->signature.n));
    jwrite_end(&m->w);
}

static void write_said(struct writer *m, const struct chat_part *p)
{
    if (!p->text.n)
        return;
    open_message(m, "assistant");
    if (p->kind == CHAT_TEXT) {
        write_text(&m->w, "output_text", p->text);
    } else {
        jwrite_object(&m->w);
        jwrite_member_cstr(&m->w, "type", "refusal");
        jwrite_member_str(&m->w, "refusal", p->text);
        jwrite_end(&m->w);
    }
    close_message(m);
}

static void write_call(struct writer *m, const struct chat_part *p)
{
    jwrite_object(&m->w);
    jwrite_member_cstr(&m->w, "type", "function_call");
    write_call_id(m, p->id);
    jwrite_member_str(&m->w, "name", p->name);
    jwrite_member_str(&m->w, "arguments", p->arguments.n ? p->arguments : STR("{}"));
    jwrite_end(&m->w);
}

static void write_assistant(struct writer *m, const struct chat_message *message)
{
    for (const struct chat_part *p = message->parts; p; p = p->next) {
        if (p->kind == CHAT_THINKING)
            write_reasoning(m, p);
        else if (p->kind == CHAT_TEXT || p->kind == CHAT_REFUSAL)
            write_said(m, p);
        else if (p->kind == CHAT_TOOL_CALL)
            write_call(m, p);
    }
}

static void write_input(struct writer *m, const struct chat_request *r)
{
    jwrite_member_array(&m->w, "input");
    for (const struct chat_message *p = r->messages; p && !m->failed; p = p->next) {
        if (p->role == CHAT_ASSISTANT)
            write_assistant(m, p);
        else if (p->role == CHAT_USER)
            write_user(m, p);
        else
            write_plain(m, p->role == CHAT_SYSTEM ? "system" : "developer", p->parts);
    }
    jwrite_end(&m->w);
}

/* --- tools -------------------------------------------------------------------------------------- */

/* `strict` is true here unless it is said to be false; everywhere else it is the other way. */
static void write_tool(struct jwrite *w, const struct chat_tool *t)
{
    jwrite_object(w);
    jwrite_member_cstr(w, "type", "function");
    jwrite_member_str(w, "name", t->name);
    jwrite_maybe_str(w, "description", t->description);
    jwrite_member_raw(w, "parameters",
                      t->schema.n ? t->schema : STR("{\"type\":\"object\",\"properties\":{}}"));
    jwrite_member_bool(w, "strict", t->strict == 1);
    jwrite_end(w);
}

static void write_tools(struct jwrite *w, const struct chat_request *r)
{
    if (!r->tools)
        return;
    jwrite_member_array(w, "tools");
    for (const struct chat_tool *t = r->tools; t; t = t->next)
        write_tool(w, t);
    jwrite_end(w);
    openai_write_choice(w, r, true);
    if (r->parallel_calls >= 0)
        jwrite_member_bool(w, "parallel_tool_calls", r->parallel_calls);
}

/* --- options ------------------------------------------------------------------------------------ */

/* Whoever asked for thinking in as many words sees it, unless he said otherwise. */
static bool wants_summary(const struct chat_request *r)
{
    bool asked = r->thinking == CHAT_THINKING_BUDGET || r->thinking == CHAT_THINKING_ADAPTIVE;
    return r->show_thinking == 1 || (r->show_thinking < 0 && asked);
}

static void write_thinking(struct jwrite *w, const struct chat_request *r,
                           const struct family_model *model, struct dropped *dropped)
{
    enum chat_effort effort = chat_wanted_effort(r);

    if (!(model->traits & MODEL_REASONING)) {
        if (effort > CHAT_EFFORT_NONE || r->thinking == CHAT_THINKING_ADAPTIVE)
            dropped_add_cstr(dropped, "thinking");
        return;
    }
    if (effort == CHAT_EFFORT_UNSET && !wants_summary(r))
        return;
    jwrite_member_object(w, "reasoning");
    if (effort != CHAT_EFFORT_UNSET)
        jwrite_member_cstr(w, "effort", chat_effort_word(effort));
    if (wants_summary(r))
        jwrite_member_cstr(w, "summary", "auto");
    jwrite_end(w);
}

static void write_include(struct jwrite *w, const struct chat_request *r,
                          const struct family_model *model)
{
    bool reasons = model->traits & MODEL_REASONING;

    if (r->logprobs == 1 && r->top_logprobs >= 0)
        jwrite_member_int(w, "top_logprobs", r->top_logprobs);
    if (!reasons && r->logprobs != 1)
        return;
    jwrite_member_array(w, "include");
    if (reasons)
        jwrite_cstr(w, "reasoning.encrypted_content");
    if (r->logprobs == 1)
        jwrite_cstr(w, "message.output_text.logprobs");
    jwrite_end(w);
}

static void write_format(struct jwrite *w, const struct chat_request *r)
{
    jwrite_member_object(w, "format");
    if (r->format == CHAT_FORMAT_JSON) {
        jwrite_member_cstr(w, "type", "json_object");
    } else {
        jwrite_member_cstr(w, "type", "json_schema");
        jwrite_member_str(w, "name", r->format_name.n ? r->format_name : STR("response"));
        jwrite_maybe_str(w, "description", r->format_description);
        jwrite_member_raw(w, "schema", r->format_schema.n ? r->format_schema : STR("{}"));
        jwrite_member_bool(w, "strict", r->format_strict == 1);
    }
    jwrite_end(w);
}

static void write_text_options(struct jwrite *w, const struct chat_request *r)
{
    if (r->format == CHAT_FORMAT_TEXT && !r->verbosity.n)
        return;
    jwrite_member_object(w, "text");
    if (r->format != CHAT_FORMAT_TEXT)
        write_format(w, r);
    jwrite_maybe_str(w, "verbosity", r->verbosity);
    jwrite_end(w);
}

static void write_ids(struct jwrite *w, struct arena *arena, const struct chat_request *r)
{
    jwrite_maybe_str(w, "user", openai_opaque_id(arena, r->user));
    jwrite_maybe_str(w, "prompt_cache_key", openai_opaque_id(arena, r->prompt_cache_key));
    jwrite_maybe_str(w, "service_tier", r->service_tier);
}

/* What this API has no member for. */
static void declare_lost(const struct chat_request *r, struct dropped *dropped)
{
    const struct {
        const char *name;
        bool asked;
    } lost[] = {
        {"stop", r->stops != NULL},
        {"top_k", r->top_k.n > 0},
        {"frequency_penalty", r->frequency_penalty.n > 0},
        {"presence_penalty", r->presence_penalty.n > 0},
        {"seed", r->seed.n > 0},
        {"logit_bias", r->logit_bias.n > 0},
        {"cache_control", chat_has_cache(r)},
    };

    for (size_t i = 0; i < sizeof lost / sizeof *lost; i++)
        if (lost[i].asked)
            dropped_add_cstr(dropped, lost[i].name);
}

status azure_responses_encode(struct arena *arena, const struct chat_request *request,
                              const struct family_call *call, struct buf *out,
                              struct dropped *dropped, struct chat_error *err)
{
    struct writer m = {.arena = arena, .w = jwrite_to(out), .err = err};
    struct jwrite *w = &m.w;

    if (request->n > 1) {
        chat_error_field(err, arena, CHAT_ERROR_UNSUPPORTED, "n",
                         "n: this model gives one answer per request");
        return E_SYNTAX;
    }
    jwrite_object(w);
    write_input(&m, request);
    if (m.failed)
        return m.failed;
    write_tools(w, request);
    if (request->max_tokens >= 0)
        jwrite_member_int(w, "max_output_tokens", request->max_tokens);
    jwrite_maybe_raw(w, "temperature", request->temperature);
    jwrite_maybe_raw(w, "top_p", request->top_p);
    write_thinking(w, request, call->model, dropped);
    write_include(w, request, call->model);
    write_text_options(w, request);
    write_ids(w, arena, request);
    jwrite_member_bool(w, "store", false);
    if (call->stream)
        jwrite_member_bool(w, "stream", true);
    jwrite_end_all(w);
    declare_lost(request, dropped);
    return out->failed ? E_NOMEM : OK;
}

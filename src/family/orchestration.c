/* The request to /v2/completion. */
#include "family/orchestration.h"

static const struct orchestration_profile no_profile = {.name = ""};

static const struct orchestration_profile *profile_of(const struct family_call *call)
{
    return call->profile ? call->profile : &no_profile;
}

static void path(const struct family_call *call, struct buf *out)
{
    (void)call;
    buf_add_cstr(out, "/v2/completion");
}

void orchestration_write_model(struct jwrite *w, const struct family_model *model)
{
    struct str version = model->name, name = str_cut(&version, ':');

    jwrite_member_str(w, "name", name);
    jwrite_maybe_str(w, "version", version);
}

/* --- what is settled beforehand -------------------------------------------------------------- */

static bool is_openai(struct str model)
{
    return str_starts(model, "gpt-") || str_glob(model, "o1*") || str_glob(model, "o3*") ||
           str_glob(model, "o4*");
}

static int64_t limit_of(const struct chat_request *r, const struct family_model *model,
                        struct dropped *dropped)
{
    if (model->max_output <= 0 || r->max_tokens <= model->max_output)
        return r->max_tokens;
    dropped_add_cstr(dropped, "max_tokens");
    return model->max_output;
}

/* Claude wants its thinking back before it goes on behind a call; without it, it must not think. */
static void plan_claude(struct orchestration_plan *plan, struct dropped *dropped)
{
    const struct chat_request *r = plan->request;
    int64_t room = bedrock_max_tokens(r, plan->model, dropped);

    plan->thinking = bedrock_plan_thinking(r, plan->model, room, dropped);
    if (plan->thinking.kind != BEDROCK_THINK_OFF &&
        bedrock_continues_without_thinking(&plan->turns)) {
        plan->thinking = (struct bedrock_thinking){.kind = BEDROCK_THINK_OFF};
        dropped_add_cstr(dropped, "thinking");
    }
    if (plan->thinking.kind == BEDROCK_THINK_BUDGET)
        plan->max_tokens = room; /* the budget is part of it, so both are said */
    plan->format = bedrock_plan_format(r, plan->model->traits & MODEL_FORMAT_NATIVE,
                                       plan->thinking.kind != BEDROCK_THINK_OFF);
}

/* Results of tools and calls have no field for one: the former are strings there. */
static bool takes_breakpoint(const struct chat_part *p)
{
    return p->kind == CHAT_TEXT || p->kind == CHAT_IMAGE || p->kind == CHAT_DOCUMENT;
}

static void plan_breakpoints(struct orchestration_plan *plan, struct dropped *dropped)
{
    plan->breakpoints = plan->claude || str_starts(plan->model->name, "amazon--nova");
    if (plan->breakpoints) {
        bedrock_set_breakpoints(plan->request, plan->model, takes_breakpoint, &plan->turns);
        bedrock_keep_breakpoints(plan->request, plan->claude, takes_breakpoint, &plan->turns,
                                 dropped);
    } else if (chat_has_cache(plan->request)) {
        dropped_add_cstr(dropped, "cache_control");
    }
}

static status check(struct arena *arena, const struct orchestration_plan *plan,
                    struct dropped *dropped, struct chat_error *err)
{
    const struct chat_request *r = plan->request;
    bool must = r->choice == CHAT_CHOICE_REQUIRED || r->choice == CHAT_CHOICE_ONE;

    if (plan->model->traits & MODEL_RESPONSES_ONLY) {
        chat_error_field(err, arena, CHAT_ERROR_UNSUPPORTED, "model",
                         "This model answers on the Responses API only, which SAP's orchestration "
                         "service does not have.");
        return E_SYNTAX;
    }
    if (r->tools && plan->model->traits & MODEL_NO_TOOLS) {
        if (must) {
            chat_error_field(err, arena, CHAT_ERROR_UNSUPPORTED, "tools",
                             "This model has no tools.");
            return E_SYNTAX;
        }
        dropped_add_cstr(dropped, "tools");
    }
    return bedrock_refuse_prefill(arena, r, &plan->turns, plan->model, err);
}

static status make_plan(struct arena *arena, const struct chat_request *request,
                        const struct family_call *call, struct orchestration_plan *plan,
                        struct dropped *dropped, struct chat_error *err)
{
    struct str name = call->model->name;

    *plan = (struct orchestration_plan){.request = request,
                                        .model = call->model,
                                        .profile = profile_of(call),
                                        .max_tokens = limit_of(request, call->model, dropped),
                                        .claude = str_starts(name, "anthropic--"),
                                        .openai = is_openai(name),
                                        .gemini = str_starts(name, "gemini")};
    status s = bedrock_turns_of(arena, request, call->model, &plan->turns, dropped);
    if (s)
        return s;
    plan_breakpoints(plan, dropped);
    if (plan->claude) {
        plan_claude(plan, dropped);
        s = bedrock_check(arena, request, true, dropped, err); /* it lives there */
    }
    return s ? s : check(arena, plan, dropped, err);
}

/* --- tools and format ------------------------------------------------------------------------ */

static void write_function(struct jwrite *w, struct str name, struct str description,
                           struct str schema, int strict)
{
    jwrite_member_cstr(w, "type", "function");
    jwrite_member_object(w, "function");
    jwrite_member_str(w, "name", name);
    jwrite_maybe_str(w, "description", description);
    jwrite_maybe_raw(w, "parameters", schema);
    if (strict >= 0)
        jwrite_member_bool(w, "strict", strict);
    jwrite_end(w);
}

static void write_tool(const struct orchestration_plan *plan, struct jwrite *w,
                       const struct chat_tool *t)
{
    bool marked = t->cache.set || (plan->turns.tools.set && !t->next);

    jwrite_object(w);
    write_function(w, t->name, t->description, t->schema, plan->claude ? -1 : t->strict);
    if (marked && plan->claude) {
        jwrite_member_object(w, "cache_control");
        jwrite_member_cstr(w, "type", "ephemeral");
        if (plan->model->traits & MODEL_CACHE_TTL)
            jwrite_maybe_str(w, "ttl", t->cache.ttl.n ? t->cache.ttl : plan->model->cache_ttl);
        jwrite_end(w);
    }
    jwrite_end(w);
}

static bool has_tools(const struct orchestration_plan *plan)
{
    return plan->format.tool || (plan->request->tools && !(plan->model->traits & MODEL_NO_TOOLS));
}

static void write_tools(const struct orchestration_plan *plan, struct jwrite *w,
                        struct dropped *dropped)
{
    if (!has_tools(plan))
        return;
    jwrite_member_array(w, "tools");
    for (const struct chat_tool *t = plan->format.alone ? NULL : plan->request->tools; t;
         t = t->next) {
        write_tool(plan, w, t);
        if (plan->claude && t->strict > 0)
            dropped_add_cstr(dropped, "tools.strict");
    }
    if (plan->format.tool) {
        jwrite_object(w);
        write_function(w, STR(BEDROCK_ANSWER_TOOL), STR("Gives the answer in the wanted form."),
                       plan->format.schema, -1);
        jwrite_end(w);
    }
    jwrite_end(w);
}

/* For all but Claude, which has it among its parameters, as a tool or as an instruction. */
static bool has_format(const struct orchestration_plan *plan)
{
    return !plan->claude && plan->request->format != CHAT_FORMAT_TEXT;
}

static void write_format(const struct orchestration_plan *plan, struct jwrite *w)
{
    const struct chat_request *r = plan->request;

    if (!has_format(plan))
        return;
    jwrite_member_object(w, "response_format");
    jwrite_member_cstr(w, "type", r->format == CHAT_FORMAT_JSON ? "json_object" : "json_schema");
    if (r->format == CHAT_FORMAT_SCHEMA) {
        jwrite_member_object(w, "json_schema");
        jwrite_member_str(w, "name", r->format_name.n ? r->format_name : STR("response"));
        jwrite_maybe_str(w, "description", r->format_description);
        jwrite_maybe_raw(w, "schema", r->format_schema);
        if (r->format_strict >= 0)
            jwrite_member_bool(w, "strict", r->format_strict);
        jwrite_end(w);
    }
    jwrite_end(w);
}

/* --- the body -------------------------------------------------------------------------------- */

static status write_prompt(struct arena *arena, const struct orchestration_plan *plan,
                           const struct orchestration_prompt *prompt, struct jwrite *w,
                           struct dropped *dropped, struct chat_error *err)
{
    bool extras = has_tools(plan) || has_format(plan);

    jwrite_member_object(w, "prompt");
    if (!prompt->last.n && plan->profile->template_ref.n) {
        if (extras) {
            chat_error_field(err, arena, CHAT_ERROR_UNSUPPORTED, extras ? "tools" : NULL,
                             "A template of the prompt registry stands for this key; it takes "
                             "neither tools nor a response format.");
            return E_SYNTAX;
        }
        jwrite_member_raw(w, "template_ref", plan->profile->template_ref);
        jwrite_end(w);
        return OK;
    }
    jwrite_member_raw(w, "template",
                      prompt->last.n ? prompt->last : plan->profile->prompt_template);
    if (!prompt->last.n)
        jwrite_maybe_raw(w, "defaults", plan->profile->defaults);
    write_tools(plan, w, dropped);
    write_format(plan, w);
    jwrite_end(w);
    return OK;
}

static status write_templating(struct arena *arena, const struct orchestration_plan *plan,
                               const struct orchestration_prompt *prompt, struct jwrite *w,
                               struct dropped *dropped, struct chat_error *err)
{
    jwrite_member_object(w, "prompt_templating");
    status s = write_prompt(arena, plan, prompt, w, dropped, err);
    if (s)
        return s;
    jwrite_member_object(w, "model");
    orchestration_write_model(w, plan->model);
    s = orchestration_write_params(arena, plan, w, dropped, err);
    jwrite_end(w);
    jwrite_end(w);
    return s;
}

static void write_modules(const struct orchestration_profile *profile, bool asks, struct jwrite *w)
{
    jwrite_maybe_raw(w, "filtering", profile->filtering);
    jwrite_maybe_raw(w, "masking", profile->masking);
    if (asks) /* else its placeholders are not there */
        jwrite_maybe_raw(w, "grounding", profile->grounding);
    jwrite_maybe_raw(w, "translation", profile->translation);
}

static void write_stream(const struct orchestration_profile *profile, struct jwrite *w)
{
    jwrite_member_object(w, "stream");
    jwrite_member_bool(w, "enabled", true);
    if (profile->chunk_size)
        jwrite_member_int(w, "chunk_size", profile->chunk_size);
    jwrite_maybe_raw(w, "delimiters", profile->delimiters);
    jwrite_end(w);
}

static status encode(struct arena *arena, const struct chat_request *request,
                     const struct family_call *call, struct buf *out, struct dropped *dropped,
                     struct chat_error *err)
{
    struct orchestration_plan plan;
    struct orchestration_prompt prompt;
    struct jwrite w = jwrite_to(out);
    status s = make_plan(arena, request, call, &plan, dropped, err);

    if (!s)
        s = orchestration_write_prompt(arena, &plan, &prompt, dropped, err);
    if (s)
        return s;
    jwrite_object(&w);
    jwrite_member_object(&w, "config");
    jwrite_member_object(&w, "modules");
    s = write_templating(arena, &plan, &prompt, &w, dropped, err);
    if (s)
        return s;
    write_modules(plan.profile, prompt.asks, &w);
    jwrite_end(&w);
    if (call->stream)
        write_stream(plan.profile, &w);
    jwrite_end(&w);
    jwrite_member_raw(&w, "placeholder_values", prompt.placeholders);
    jwrite_member_raw(&w, "messages_history", prompt.history);
    jwrite_end_all(&w);
    return out->failed ? E_NOMEM : OK;
}

/* Never: what the profile puts around the model would be left out. */
static bool lane_fits(const struct jspan *body)
{
    (void)body;
    return false;
}

const struct family family_orchestration = {
    .name = "orchestration",
    .wire = WIRE_NONE,
    .path = path,
    .encode = encode,
    .reader = orchestration_reader_new,
    .read_frame = orchestration_read_frame,
    .read_whole = orchestration_read_whole,
    .read_end = orchestration_read_end,
    .read_refused = orchestration_read_refused,
    .lane_fits = lane_fits,
    .embed = &orchestration_embed,
};

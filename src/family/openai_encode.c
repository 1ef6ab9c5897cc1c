/* The options of a chat completions request; the messages are in openai_messages.c. */
#include "family/openai_encode.h"

#include "base/crypto.h"

enum { OPAQUE_ID_BYTES = 64 };

/* --- tools ----------------------------------------------------------------------------------- */

static void write_tool(struct jwrite *w, const struct chat_tool *t)
{
    jwrite_object(w);
    jwrite_member_cstr(w, "type", "function");
    jwrite_member_object(w, "function");
    jwrite_member_str(w, "name", t->name);
    jwrite_maybe_str(w, "description", t->description);
    jwrite_maybe_raw(w, "parameters", t->schema);
    if (t->strict >= 0)
        jwrite_member_bool(w, "strict", t->strict);
    jwrite_end(w);
    jwrite_end(w);
}

void openai_write_choice(struct jwrite *w, const struct chat_request *r, bool flat)
{
    static const char *const words[] = {[CHAT_CHOICE_AUTO] = "auto",
                                        [CHAT_CHOICE_REQUIRED] = "required",
                                        [CHAT_CHOICE_NONE] = "none"};

    if (r->choice == CHAT_CHOICE_UNSET)
        return;
    if (r->choice != CHAT_CHOICE_ONE) {
        jwrite_member_cstr(w, "tool_choice", words[r->choice]);
        return;
    }
    jwrite_member_object(w, "tool_choice");
    jwrite_member_cstr(w, "type", "function");
    if (!flat)
        jwrite_member_object(w, "function");
    jwrite_member_str(w, "name", r->choice_name);
    if (!flat)
        jwrite_end(w);
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
    openai_write_choice(w, r, false);
    if (r->parallel_calls >= 0)
        jwrite_member_bool(w, "parallel_tool_calls", r->parallel_calls);
}

/* --- thinking -------------------------------------------------------------------------------- */

static void write_effort(struct jwrite *w, const struct chat_request *r,
                         const struct family_model *model, struct dropped *dropped)
{
    enum chat_effort effort = chat_wanted_effort(r);

    if (!(model->traits & MODEL_REASONING)) {
        if (effort > CHAT_EFFORT_NONE || r->thinking == CHAT_THINKING_ADAPTIVE)
            dropped_add_cstr(dropped, "thinking");
        return;
    }
    if (effort == CHAT_EFFORT_UNSET)
        return;
    enum chat_effort fit = model_fit_effort(model, 0, effort);
    jwrite_member_cstr(w, "reasoning_effort", chat_effort_word(fit ? fit : effort));
}

/* --- the rest -------------------------------------------------------------------------------- */

static void write_format(struct jwrite *w, const struct chat_request *r)
{
    if (r->format == CHAT_FORMAT_TEXT)
        return;
    jwrite_member_object(w, "response_format");
    if (r->format == CHAT_FORMAT_JSON) {
        jwrite_member_cstr(w, "type", "json_object");
    } else {
        jwrite_member_cstr(w, "type", "json_schema");
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

static void write_stops(struct jwrite *w, const struct chat_request *r)
{
    if (!r->stops)
        return;
    jwrite_member_array(w, "stop");
    for (const struct chat_stop_sequence *s = r->stops; s; s = s->next)
        jwrite_str(w, s->text);
    jwrite_end(w);
}

static void write_sampling(struct jwrite *w, const struct chat_request *r)
{
    jwrite_maybe_raw(w, "temperature", r->temperature);
    jwrite_maybe_raw(w, "top_p", r->top_p);
    jwrite_maybe_raw(w, "frequency_penalty", r->frequency_penalty);
    jwrite_maybe_raw(w, "presence_penalty", r->presence_penalty);
    jwrite_maybe_raw(w, "seed", r->seed);
    jwrite_maybe_raw(w, "logit_bias", r->logit_bias);
    if (r->n >= 0)
        jwrite_member_int(w, "n", r->n);
    if (r->logprobs >= 0)
        jwrite_member_bool(w, "logprobs", r->logprobs);
    if (r->top_logprobs >= 0)
        jwrite_member_int(w, "top_logprobs", r->top_logprobs);
}

struct str openai_opaque_id(struct arena *arena, struct str id)
{
    uint8_t digest[SHA256_BYTES];
    char hex[SHA256_HEX_BYTES];

    if (id.n <= OPAQUE_ID_BYTES)
        return id;
    crypto_sha256(id, digest);
    crypto_hex(digest, sizeof digest, hex);
    return arena_str(arena, str_from(hex));
}

static void write_ids(struct jwrite *w, struct arena *arena, const struct chat_request *r)
{
    jwrite_maybe_str(w, "user", openai_opaque_id(arena, r->user));
    jwrite_maybe_str(w, "prompt_cache_key", openai_opaque_id(arena, r->prompt_cache_key));
    jwrite_maybe_str(w, "verbosity", r->verbosity);
    jwrite_maybe_str(w, "service_tier", r->service_tier);
}

/* Tools that may be used are left out where there are none; tools that must be used are refused. */
static status check_tools(struct arena *arena, const struct chat_request *r,
                          const struct openai_style *style, struct dropped *dropped,
                          struct chat_error *err)
{
    if (!style->no_tools || !r->tools)
        return OK;
    if (r->choice == CHAT_CHOICE_REQUIRED || r->choice == CHAT_CHOICE_ONE) {
        chat_error_field(err, arena, CHAT_ERROR_UNSUPPORTED, "tools", "This model has no tools.");
        return E_SYNTAX;
    }
    dropped_add_cstr(dropped, "tools");
    return OK;
}

status openai_encode(struct arena *arena, const struct chat_request *request,
                     const struct family_call *call, const struct openai_style *style,
                     struct buf *out, struct dropped *dropped, struct chat_error *err)
{
    struct jwrite w = jwrite_to(out);
    status s = check_tools(arena, request, style, dropped, err);

    if (s)
        return s;
    jwrite_object(&w);
    if (style->with_model)
        jwrite_member_str(&w, "model", call->model->name);
    jwrite_key(&w, "messages");
    s = openai_write_messages(arena, request, style, &w, err);
    if (s)
        return s;
    if (!style->no_tools)
        write_tools(&w, request);
    if (request->max_tokens >= 0)
        jwrite_member_int(&w, "max_tokens", request->max_tokens);
    write_stops(&w, request);
    write_sampling(&w, request);
    write_effort(&w, request, call->model, dropped);
    write_format(&w, request);
    write_ids(&w, arena, request);
    if (call->stream)
        jwrite_member_bool(&w, "stream", true);
    jwrite_end_all(&w);
    if (request->top_k.n)
        dropped_add_cstr(dropped, "top_k");
    if (chat_has_cache(request))
        dropped_add_cstr(dropped, "cache_control");
    return out->failed ? E_NOMEM : OK;
}

/* The writer of Messages bodies. Order of members: settings, system, tools, messages. */
#include "family/anthropic_wire.h"

#include "base/crypto.h"
#include "base/jwrite.h"
#include "family/bedrock_plan.h"

static void write_parts(struct jwrite *w, struct arena *arena, const struct chat_part *parts);

static void write_cache(struct jwrite *w, const struct chat_cache *cache)
{
    if (!cache->set)
        return;
    jwrite_member_object(w, "cache_control");
    jwrite_member_cstr(w, "type", "ephemeral");
    jwrite_maybe_str(w, "ttl", cache->ttl);
    jwrite_end(w);
}

/* --- blocks ---------------------------------------------------------------------------------- */

static void write_source(struct jwrite *w, const char *type, struct str media_type, struct str data)
{
    jwrite_member_object(w, "source");
    jwrite_member_cstr(w, "type", type);
    jwrite_member_str(w, "media_type", media_type);
    jwrite_member_str(w, "data", data);
    jwrite_end(w);
}

static void write_image(struct jwrite *w, const struct chat_part *p)
{
    bool jpg = str_is(p->media_type, "image/jpg");

    jwrite_member_cstr(w, "type", "image");
    write_source(w, "base64", jpg ? STR("image/jpeg") : p->media_type, p->data);
}

/* The API takes PDF as data and everything else as plain text. */
static void write_document(struct jwrite *w, struct arena *arena, const struct chat_part *p)
{
    bool pdf = !p->media_type.n || str_is(p->media_type, "application/pdf");

    jwrite_member_cstr(w, "type", "document");
    if (p->text.n)
        write_source(w, "text", STR("text/plain"), p->text);
    else if (pdf)
        write_source(w, "base64", STR("application/pdf"), p->data);
    else
        write_source(w, "text", STR("text/plain"), crypto_unbase64(arena, p->data));
    jwrite_maybe_str(w, "title", p->name);
}

static void write_result(struct jwrite *w, struct arena *arena, const struct chat_part *p)
{
    jwrite_member_cstr(w, "type", "tool_result");
    jwrite_member_str(w, "tool_use_id", p->id);
    jwrite_member_array(w, "content");
    write_parts(w, arena, p->content);
    jwrite_end(w);
    if (p->error)
        jwrite_member_bool(w, "is_error", true);
}

static void write_thinking(struct jwrite *w, const struct chat_part *p)
{
    jwrite_member_cstr(w, "type", "thinking");
    jwrite_member_str(w, "thinking", p->text);
    jwrite_member_str(w, "signature", p->signature);
}

static void write_call(struct jwrite *w, const struct chat_part *p)
{
    jwrite_member_cstr(w, "type", "tool_use");
    jwrite_member_str(w, "id", p->id);
    jwrite_member_str(w, "name", p->name);
    jwrite_member_raw(w, "input", p->arguments);
}

static void write_part(struct jwrite *w, struct arena *arena, const struct chat_part *p)
{
    jwrite_object(w);
    switch (p->kind) {
    case CHAT_TEXT:
    case CHAT_REFUSAL:
    case CHAT_AUDIO: /* refused by bedrock_check */
        jwrite_member_cstr(w, "type", "text");
        jwrite_member_str(w, "text", p->text);
        break;
    case CHAT_IMAGE:
        write_image(w, p);
        break;
    case CHAT_DOCUMENT:
        write_document(w, arena, p);
        break;
    case CHAT_THINKING:
        write_thinking(w, p);
        break;
    case CHAT_REDACTED_THINKING:
        jwrite_member_cstr(w, "type", "redacted_thinking");
        jwrite_member_str(w, "data", p->data);
        break;
    case CHAT_TOOL_CALL:
        write_call(w, p);
        break;
    case CHAT_TOOL_RESULT:
        write_result(w, arena, p);
        break;
    }
    write_cache(w, &p->cache);
    jwrite_end(w);
}

static void write_parts(struct jwrite *w, struct arena *arena, const struct chat_part *parts)
{
    for (const struct chat_part *p = parts; p; p = p->next)
        write_part(w, arena, p);
}

static void write_messages(struct jwrite *w, struct arena *arena, const struct chat_message *turns)
{
    jwrite_member_array(w, "messages");
    for (const struct chat_message *m = turns; m; m = m->next) {
        jwrite_object(w);
        jwrite_member_cstr(w, "role", m->role == CHAT_ASSISTANT ? "assistant" : "user");
        jwrite_member_array(w, "content");
        write_parts(w, arena, m->parts);
        jwrite_end(w);
        jwrite_end(w);
    }
    jwrite_end(w);
}

static void write_system(struct jwrite *w, struct arena *arena, const struct chat_part *system,
                         const struct bedrock_format *format)
{
    struct chat_part instruction = {.kind = CHAT_TEXT, .text = format->instruction};

    if (!system && !instruction.text.n)
        return;
    jwrite_member_array(w, "system");
    write_parts(w, arena, system);
    if (instruction.text.n)
        write_part(w, arena, &instruction);
    jwrite_end(w);
}

/* --- tools ----------------------------------------------------------------------------------- */

static void write_tool(struct jwrite *w, struct arena *arena, const struct chat_tool *t,
                       const struct chat_cache *cache)
{
    jwrite_object(w);
    jwrite_member_str(w, "name", t->name);
    jwrite_maybe_str(w, "description", t->description);
    jwrite_member_raw(w, "input_schema", bedrock_schema(arena, t->schema));
    write_cache(w, cache);
    jwrite_end(w);
}

static void write_tools(struct jwrite *w, struct arena *arena, const struct chat_request *r,
                        const struct bedrock_turns *turns, const struct bedrock_format *format)
{
    struct chat_tool answer = {.name = STR(BEDROCK_ANSWER_TOOL),
                               .description = r->format_description.n
                                                  ? r->format_description
                                                  : STR("Gives the answer, as its arguments."),
                               .schema = format->schema};

    if (!r->tools && !format->tool)
        return;
    jwrite_member_array(w, "tools");
    for (const struct chat_tool *t = r->tools; t; t = t->next)
        write_tool(w, arena, t, t->next || t->cache.set ? &t->cache : &turns->tools);
    if (format->tool)
        write_tool(w, arena, &answer, &answer.cache);
    jwrite_end(w);
}

/* "auto", "any", "tool", "none", or NULL for no word about it; `*name` for "tool". */
static const char *choice_word(const struct chat_request *r, const struct bedrock_format *format,
                               struct str *name)
{
    if (format->tool && format->alone && format->forced) {
        *name = STR(BEDROCK_ANSWER_TOOL);
        return "tool";
    }
    if (format->tool)
        return format->forced ? "any" : "auto";
    if (!r->tools)
        return NULL;
    switch (r->choice) {
    case CHAT_CHOICE_UNSET:
        return r->parallel_calls == 0 ? "auto" : NULL;
    case CHAT_CHOICE_AUTO:
        return "auto";
    case CHAT_CHOICE_REQUIRED:
        return "any";
    case CHAT_CHOICE_ONE:
        *name = r->choice_name;
        return "tool";
    case CHAT_CHOICE_NONE:
        return "none";
    }
    return NULL;
}

static void write_choice(struct jwrite *w, const struct chat_request *r,
                         const struct bedrock_format *format)
{
    struct str name = STR_NONE;
    const char *word = choice_word(r, format, &name);

    if (!word)
        return;
    jwrite_member_object(w, "tool_choice");
    jwrite_member_cstr(w, "type", word);
    jwrite_maybe_str(w, "name", name);
    if (r->parallel_calls == 0 && strcmp(word, "none") != 0)
        jwrite_member_bool(w, "disable_parallel_tool_use", true);
    jwrite_end(w);
}

/* --- settings -------------------------------------------------------------------------------- */

static void write_thinking_wish(struct jwrite *w, const struct bedrock_thinking *thinking)
{
    if (thinking->kind == BEDROCK_THINK_OFF)
        return;
    jwrite_member_object(w, "thinking");
    if (thinking->kind == BEDROCK_THINK_ADAPTIVE) {
        jwrite_member_cstr(w, "type", "adaptive");
    } else {
        jwrite_member_cstr(w, "type", "enabled");
        jwrite_member_int(w, "budget_tokens", thinking->budget);
    }
    jwrite_end(w);
}

static void write_output_config(struct jwrite *w, const struct bedrock_thinking *thinking,
                                const struct bedrock_format *format)
{
    if (!thinking->effort && !format->native)
        return;
    jwrite_member_object(w, "output_config");
    if (thinking->effort)
        jwrite_member_cstr(w, "effort", thinking->effort);
    if (format->native) {
        jwrite_member_object(w, "format");
        jwrite_member_cstr(w, "type", "json_schema");
        jwrite_member_raw(w, "schema", format->schema);
        jwrite_end(w);
    }
    jwrite_end(w);
}

/* The API refuses sequences of nothing but white space. */
static void write_stops(struct jwrite *w, const struct chat_request *r, struct dropped *dropped)
{
    bool any = false;

    for (const struct chat_stop_sequence *s = r->stops; s; s = s->next) {
        if (!str_trim(s->text).n) {
            dropped_add_cstr(dropped, "stop");
            continue;
        }
        if (!any)
            jwrite_member_array(w, "stop_sequences");
        any = true;
        jwrite_str(w, s->text);
    }
    if (any)
        jwrite_end(w);
}

static void write_settings(struct jwrite *w, const struct chat_request *r,
                           const struct bedrock_thinking *thinking,
                           const struct bedrock_format *format, int64_t max_tokens,
                           struct dropped *dropped)
{
    jwrite_member_int(w, "max_tokens", max_tokens);
    write_thinking_wish(w, thinking);
    write_output_config(w, thinking, format);
    jwrite_maybe_raw(w, "temperature", bedrock_temperature(r, dropped));
    jwrite_maybe_raw(w, "top_p", r->top_p);
    jwrite_maybe_raw(w, "top_k", r->top_k);
    write_stops(w, r, dropped);
    if (r->user.n) {
        jwrite_member_object(w, "metadata");
        jwrite_member_str(w, "user_id", r->user);
        jwrite_end(w);
    }
}

status anthropic_wire_encode(struct arena *arena, const struct chat_request *request,
                             const struct family_model *model, struct buf *out,
                             struct dropped *dropped, struct chat_error *err)
{
    struct bedrock_turns turns;
    status s = bedrock_check(arena, request, true, dropped, err);

    if (!s)
        s = bedrock_turns_of(arena, request, model, &turns, dropped);
    if (!s)
        s = bedrock_refuse_prefill(arena, request, &turns, model, err);
    if (s)
        return s;
    bedrock_set_breakpoints(request, model, NULL, &turns);
    int64_t max_tokens = bedrock_max_tokens(request, model, dropped);
    struct bedrock_thinking thinking = bedrock_plan_thinking(request, model, max_tokens, dropped);
    struct bedrock_format format = bedrock_plan_format(request, model->traits & MODEL_FORMAT_NATIVE,
                                                       thinking.kind != BEDROCK_THINK_OFF);

    struct jwrite w = jwrite_to(out);
    jwrite_object(&w);
    write_settings(&w, request, &thinking, &format, max_tokens, dropped);
    write_system(&w, arena, turns.system, &format);
    write_tools(&w, arena, request, &turns, &format);
    write_choice(&w, request, &format);
    write_messages(&w, arena, turns.messages);
    jwrite_end(&w);
    return out->failed ? E_NOMEM : OK;
}

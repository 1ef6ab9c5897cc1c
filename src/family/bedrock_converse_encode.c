/* The hub's request as a Converse body. */
#include "base/crypto.h"
#include "base/jspan.h"
#include "base/jwrite.h"
#include "family/bedrock_converse.h"
#include "family/bedrock_plan.h"

enum { NAME_BYTES = 100 };

struct converse {
    struct jwrite w;
    struct arena *arena;
    const struct chat_request *request;
    const struct family_model *model;
    struct dropped *dropped;
    struct bedrock_turns turns;
    struct bedrock_thinking thinking;
    struct bedrock_format format;
    bool claude;      /* else Nova */
    bool stubs;       /* the history speaks of tools, and the request brings none */
    bool keep_silent; /* tools must stand there, and none may be called */
    unsigned documents;
    bool short_point; /* a cache point of five minutes was written */
};

static void write_parts(struct converse *c, const struct chat_part *parts);

/* What upstream calls a document of that type. */
static const char *document_format(const struct chat_part *p)
{
    static const struct {
        const char *type, *format;
    } formats[] = {
        {"application/pdf", "pdf"},
        {"text/csv", "csv"},
        {"text/html", "html"},
        {"text/markdown", "md"},
        {"application/msword", "doc"},
        {"application/vnd.openxmlformats-officedocument.wordprocessingml.document", "docx"},
        {"application/vnd.ms-excel", "xls"},
        {"application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "xlsx"},
    };

    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++)
        if (str_is(p->media_type, formats[i].type))
            return formats[i].format;
    return p->media_type.n || p->text.n ? "txt" : "pdf";
}

/* --- cache points ---------------------------------------------------------------------------- */

/* Nova refuses a point that stands right behind anything but text: "extraneous key [cachePoint]". pi
   and AWS's own samples, 2025-05. */
static bool nova_takes_point(const struct chat_part *p)
{
    return p->kind == CHAT_TEXT;
}

/* Claude refuses one right behind a document that AWS turns into text, as it does with all but PDF:
   "messages.0.content.2.type: Field required". AWS's SDK for Java, Strands 2026-03. */
static bool claude_takes_point(const struct chat_part *p)
{
    return p->kind != CHAT_DOCUMENT || strcmp(document_format(p), "pdf") == 0;
}

static void plan_points(struct converse *c)
{
    bool (*takes)(const struct chat_part *part) = c->claude ? claude_takes_point : nova_takes_point;

    bedrock_set_breakpoints(c->request, c->model, takes, &c->turns);
    bedrock_keep_breakpoints(c->request, c->claude, takes, &c->turns, c->dropped);
}

/* Upstream refuses a point of an hour behind one of five minutes. */
static void write_point(struct converse *c, const struct chat_cache *cache)
{
    bool has_ttl = c->model->traits & MODEL_CACHE_TTL && !c->short_point;
    struct str ttl = cache->ttl.n ? cache->ttl : c->model->cache_ttl;
    bool hour = has_ttl && str_is(ttl, "1h");

    if (!cache->set)
        return;
    if (!hour && str_is(cache->ttl, "1h"))
        dropped_add_cstr(c->dropped, "cache_control.ttl");
    jwrite_object(&c->w);
    jwrite_member_object(&c->w, "cachePoint");
    jwrite_member_cstr(&c->w, "type", "default");
    if (hour)
        jwrite_member_str(&c->w, "ttl", ttl);
    jwrite_end(&c->w);
    jwrite_end(&c->w);
    c->short_point = !hour;
}

/* --- blocks ---------------------------------------------------------------------------------- */

/* `{"kind":{` .. the caller ends both. */
static void open_block(struct converse *c, const char *kind)
{
    jwrite_object(&c->w);
    jwrite_member_object(&c->w, kind);
}

static void close_block(struct converse *c)
{
    jwrite_end(&c->w);
    jwrite_end(&c->w);
}

static void write_text(struct converse *c, struct str text)
{
    jwrite_object(&c->w);
    jwrite_member_str(&c->w, "text", text);
    jwrite_end(&c->w);
}

static void write_bytes(struct converse *c, struct str base64)
{
    jwrite_member_object(&c->w, "source");
    jwrite_member_str(&c->w, "bytes", base64);
    jwrite_end(&c->w);
}

/* "image/png" to "png". */
static void write_image(struct converse *c, const struct chat_part *p)
{
    struct str format = p->media_type;

    str_cut(&format, '/');
    open_block(c, "image");
    jwrite_member_str(&c->w, "format", str_is(format, "jpg") ? STR("jpeg") : format);
    write_bytes(c, p->data);
    close_block(c);
}

/* Letters, digits, single spaces and -()[] only, and different for each document. */
static struct str document_name(struct converse *c, struct str name)
{
    char safe[NAME_BYTES];
    size_t n = 0;

    for (size_t i = 0; i < name.n && n < sizeof safe; i++) {
        char ch = name.p[i];
        bool good = (ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z') ||
                    (ch >= '0' && ch <= '9') || (ch && strchr("-()[]", ch));
        if (good)
            safe[n++] = ch;
        else if (n && safe[n - 1] != ' ')
            safe[n++] = ' ';
    }
    struct str text = str_trim((struct str){safe, n});
    if (!text.n)
        text = STR("document");
    return arena_printf(c->arena, "%.*s %u", STR_ARG(text), ++c->documents);
}

static void write_document(struct converse *c, const struct chat_part *p)
{
    open_block(c, "document");
    jwrite_member_cstr(&c->w, "format", document_format(p));
    jwrite_member_str(&c->w, "name", document_name(c, p->name));
    write_bytes(c, p->text.n ? crypto_base64(c->arena, p->text) : p->data);
    if (p->cite && !c->claude)
        dropped_add_cstr(c->dropped, "document.citations");
    if (p->cite && c->claude) {
        jwrite_member_object(&c->w, "citations");
        jwrite_member_bool(&c->w, "enabled", true);
        jwrite_end(&c->w);
    }
    close_block(c);
}

static void write_reasoning(struct converse *c, const struct chat_part *p)
{
    open_block(c, "reasoningContent");
    if (p->kind == CHAT_REDACTED_THINKING) {
        jwrite_member_str(&c->w, "redactedContent", p->data);
    } else {
        jwrite_member_object(&c->w, "reasoningText");
        jwrite_member_str(&c->w, "text", p->text);
        jwrite_member_str(&c->w, "signature", p->signature);
        jwrite_end(&c->w);
    }
    close_block(c);
}

static void write_call(struct converse *c, const struct chat_part *p)
{
    open_block(c, "toolUse");
    jwrite_member_str(&c->w, "toolUseId", p->id);
    jwrite_member_str(&c->w, "name", p->name);
    jwrite_member_raw(&c->w, "input", p->arguments);
    close_block(c);
}

static void write_result(struct converse *c, const struct chat_part *p)
{
    open_block(c, "toolResult");
    jwrite_member_str(&c->w, "toolUseId", p->id);
    jwrite_member_array(&c->w, "content");
    write_parts(c, p->content);
    if (!p->content)
        write_text(c, STR("(no output)"));
    jwrite_end(&c->w);
    if (p->error)
        jwrite_member_cstr(&c->w, "status", "error");
    close_block(c);
}

static void write_part(struct converse *c, const struct chat_part *p)
{
    switch (p->kind) {
    case CHAT_TEXT:
    case CHAT_REFUSAL:
        write_text(c, str_trim(p->text).n ? p->text : STR("(no output)"));
        break;
    case CHAT_IMAGE:
        write_image(c, p);
        break;
    case CHAT_DOCUMENT:
        write_document(c, p);
        break;
    case CHAT_THINKING:
    case CHAT_REDACTED_THINKING:
        if (c->model->traits & MODEL_THINKING)
            write_reasoning(c, p);
        break;
    case CHAT_TOOL_CALL:
        write_call(c, p);
        break;
    case CHAT_TOOL_RESULT:
        write_result(c, p);
        break;
    case CHAT_AUDIO: /* refused by bedrock_check */
        break;
    }
}

static void write_parts(struct converse *c, const struct chat_part *parts)
{
    for (const struct chat_part *p = parts; p; p = p->next)
        write_part(c, p);
}

static bool has_kind(const struct chat_part *parts, enum chat_part_kind kind)
{
    for (; parts; parts = parts->next)
        if (parts->kind == kind)
            return true;
    return false;
}

static void write_messages(struct converse *c)
{
    jwrite_member_array(&c->w, "messages");
    for (const struct chat_message *m = c->turns.messages; m; m = m->next) {
        jwrite_object(&c->w);
        jwrite_member_cstr(&c->w, "role", m->role == CHAT_ASSISTANT ? "assistant" : "user");
        jwrite_member_array(&c->w, "content");
        for (const struct chat_part *p = m->parts; p; p = p->next) {
            write_part(c, p);
            write_point(c, &p->cache);
        }
        /* Upstream wants text beside a document. */
        if (has_kind(m->parts, CHAT_DOCUMENT) && !has_kind(m->parts, CHAT_TEXT))
            write_text(c, STR("See the document."));
        jwrite_end(&c->w);
        jwrite_end(&c->w);
    }
    jwrite_end(&c->w);
}

static void write_system(struct converse *c)
{
    if (!c->turns.system && !c->format.instruction.n && !c->keep_silent)
        return;
    jwrite_member_array(&c->w, "system");
    for (const struct chat_part *p = c->turns.system; p; p = p->next) {
        write_text(c, p->text);
        write_point(c, &p->cache);
    }
    if (c->format.instruction.n)
        write_text(c, c->format.instruction);
    if (c->keep_silent)
        write_text(c, STR("Do not call any tool. Answer in text."));
    jwrite_end(&c->w);
}

/* --- tools ----------------------------------------------------------------------------------- */

/* Nova takes three members of a schema and refuses a tool with others such as $schema (AWS, "Amazon
   Nova User Guide", tool use; 2026-06). */
static struct str fit_schema(struct converse *c, struct str schema)
{
    struct jspan *root;

    schema = bedrock_schema(c->arena, schema);
    if (c->claude || jspan_parse(c->arena, schema, &root, NULL) != OK)
        return schema;
    for (struct jspan *n = jspan_first(root), *next; n; n = next) {
        struct str key = jspan_key(c->arena, n);
        next = n->next;
        if (!str_is(key, "type") && !str_is(key, "properties") && !str_is(key, "required"))
            jspan_remove(n);
    }
    return jspan_text(c->arena, root);
}

static void write_tool(struct converse *c, struct str name, struct str description,
                       struct str schema)
{
    open_block(c, "toolSpec");
    jwrite_member_str(&c->w, "name", name);
    jwrite_maybe_str(&c->w, "description", description);
    jwrite_member_object(&c->w, "inputSchema");
    jwrite_member_raw(&c->w, "json", fit_schema(c, schema));
    jwrite_end(&c->w);
    close_block(c);
}

static bool called_before(const struct converse *c, const struct chat_part *call)
{
    for (const struct chat_message *m = c->turns.messages; m; m = m->next)
        for (const struct chat_part *p = m->parts; p; p = p->next) {
            if (p == call)
                return false;
            if (p->kind == CHAT_TOOL_CALL && str_eq(p->name, call->name))
                return true;
        }
    return false;
}

/* A tool that takes anything for each name in the history. */
static void write_stubs(struct converse *c)
{
    for (const struct chat_message *m = c->turns.messages; m; m = m->next)
        for (const struct chat_part *p = m->parts; p; p = p->next)
            if (p->kind == CHAT_TOOL_CALL && !called_before(c, p))
                write_tool(c, p->name, STR_NONE, STR_NONE);
}

/* "auto", "any", "tool" or NULL; `*name` for "tool". There is no word for none. */
static const char *choice_word(const struct converse *c, struct str *name)
{
    const struct chat_request *r = c->request;

    if (c->format.tool && c->format.forced && c->format.alone)
        *name = STR(BEDROCK_ANSWER_TOOL);
    else if (!c->format.tool && r->tools && r->choice == CHAT_CHOICE_ONE)
        *name = r->choice_name;
    if (name->n)
        return "tool";
    if (c->format.tool)
        return c->format.forced ? "any" : "auto";
    if (c->keep_silent || !r->tools)
        return NULL;
    return r->choice == CHAT_CHOICE_REQUIRED                         ? "any"
           : r->choice == CHAT_CHOICE_AUTO || r->parallel_calls == 0 ? "auto"
                                                                     : NULL;
}

/* Claude is told not to call in parallel by its own word for the choice (write_additional). */
static bool own_choice(const struct converse *c)
{
    return c->claude && c->request->parallel_calls == 0 && c->request->tools && !c->keep_silent;
}

static void write_choice(struct converse *c)
{
    struct str name = STR_NONE;
    const char *word = choice_word(c, &name);

    if (!word || own_choice(c))
        return;
    jwrite_member_object(&c->w, "toolChoice");
    jwrite_member_object(&c->w, word);
    jwrite_maybe_str(&c->w, "name", name);
    jwrite_end(&c->w);
    jwrite_end(&c->w);
}

/* Tools that must not be called are sent only when the history speaks of calls. */
static bool sends_tools(const struct converse *c)
{
    return c->stubs || c->keep_silent ||
           (c->request->tools && c->request->choice != CHAT_CHOICE_NONE);
}

static void write_tools(struct converse *c)
{
    const struct chat_request *r = c->request;

    if (!sends_tools(c) && !c->format.tool)
        return;
    jwrite_member_object(&c->w, "toolConfig");
    jwrite_member_array(&c->w, "tools");
    for (const struct chat_tool *t = sends_tools(c) ? r->tools : NULL; t; t = t->next) {
        write_tool(c, t->name, t->description, t->schema);
        if (c->claude)
            write_point(c, t->next || t->cache.set ? &t->cache : &c->turns.tools);
    }
    if (c->stubs)
        write_stubs(c);
    if (c->format.tool)
        write_tool(c, STR(BEDROCK_ANSWER_TOOL),
                   r->format_description.n ? r->format_description
                                           : STR("Gives the answer, as its arguments."),
                   c->format.schema);
    jwrite_end(&c->w);
    write_choice(c);
    jwrite_end(&c->w);
}

/* --- settings -------------------------------------------------------------------------------- */

/* Claude refuses sequences of nothing but white space, by this way too. */
static void write_stops(struct converse *c)
{
    bool any = false;

    for (const struct chat_stop_sequence *s = c->request->stops; s; s = s->next) {
        if (c->claude && !str_trim(s->text).n) {
            dropped_add_cstr(c->dropped, "stop");
            continue;
        }
        if (!any)
            jwrite_member_array(&c->w, "stopSequences");
        any = true;
        jwrite_str(&c->w, s->text);
    }
    if (any)
        jwrite_end(&c->w);
}

/* Which of temperature, top_p and top_k the model takes now. */
static struct str sampling(struct converse *c, struct str value, const char *field)
{
    bool thinks = c->thinking.kind != BEDROCK_THINK_OFF;
    bool both = c->model->traits & MODEL_ONE_SAMPLING && c->request->temperature.n;

    if (!value.n)
        return value;
    if (!(c->model->traits & MODEL_NO_SAMPLING) && !thinks && !(both && !strcmp(field, "top_p")))
        return value;
    dropped_add_cstr(c->dropped, field);
    return STR_NONE;
}

static void write_settings(struct converse *c, int64_t max_tokens)
{
    const struct chat_request *r = c->request;

    jwrite_member_object(&c->w, "inferenceConfig");
    if (r->max_tokens > 0 || c->claude)
        jwrite_member_int(&c->w, "maxTokens", max_tokens);
    jwrite_maybe_raw(&c->w, "temperature",
                     sampling(c, bedrock_temperature(r, c->dropped), "temperature"));
    jwrite_maybe_raw(&c->w, "topP", sampling(c, r->top_p, "top_p"));
    write_stops(c);
    jwrite_end(&c->w);
}

static void write_thinking(struct converse *c)
{
    if (c->thinking.kind != BEDROCK_THINK_OFF) {
        bool adaptive = c->thinking.kind == BEDROCK_THINK_ADAPTIVE;
        jwrite_member_object(&c->w, "thinking");
        jwrite_member_cstr(&c->w, "type", adaptive ? "adaptive" : "enabled");
        if (!adaptive)
            jwrite_member_int(&c->w, "budget_tokens", c->thinking.budget);
        jwrite_end(&c->w);
    }
    if (c->thinking.effort) {
        jwrite_member_object(&c->w, "output_config");
        jwrite_member_cstr(&c->w, "effort", c->thinking.effort);
        jwrite_end(&c->w);
    }
}

static void write_own_choice(struct converse *c)
{
    struct str name = STR_NONE;
    const char *word = choice_word(c, &name);

    if (!word || !own_choice(c))
        return;
    jwrite_member_object(&c->w, "tool_choice");
    jwrite_member_cstr(&c->w, "type", word);
    jwrite_maybe_str(&c->w, "name", name);
    jwrite_member_bool(&c->w, "disable_parallel_tool_use", true);
    jwrite_end(&c->w);
}

static void write_additional(struct converse *c)
{
    struct str top_k = sampling(c, c->request->top_k, "top_k");
    struct buf fields = {0};
    struct jwrite outer = c->w;

    c->w = jwrite_to(&fields);
    jwrite_object(&c->w);
    if (c->claude) {
        write_thinking(c);
        jwrite_maybe_raw(&c->w, "top_k", top_k);
        write_own_choice(c);
    } else if (top_k.n) {
        jwrite_member_object(&c->w, "inferenceConfig");
        jwrite_member_raw(&c->w, "topK", top_k);
        jwrite_end(&c->w);
    }
    jwrite_end(&c->w);
    c->w = outer;
    if (fields.failed)
        c->w.out->failed = true;
    else if (fields.n > 2)
        jwrite_member_raw(&c->w, "additionalModelRequestFields", buf_str(&fields));
    buf_free(&fields);
}

/* --- all ------------------------------------------------------------------------------------- */

static bool choice_is_forced(const struct chat_request *r)
{
    return r->tools && (r->choice == CHAT_CHOICE_ONE || r->choice == CHAT_CHOICE_REQUIRED);
}

static void plan_thinking(struct converse *c, int64_t max_tokens)
{
    c->thinking = bedrock_plan_thinking(c->request, c->model, max_tokens, c->dropped);
    if (c->thinking.kind == BEDROCK_THINK_OFF)
        return;
    if (choice_is_forced(c->request) || bedrock_ends_with_assistant(&c->turns) ||
        (c->thinking.kind == BEDROCK_THINK_BUDGET &&
         bedrock_continues_without_thinking(&c->turns))) {
        dropped_add_cstr(c->dropped, "thinking");
        c->thinking = (struct bedrock_thinking){.effort = c->thinking.effort};
    }
}

static void plan(struct converse *c, int64_t max_tokens)
{
    const struct chat_request *r = c->request;
    bool history = chat_has_part(c->turns.messages, CHAT_TOOL_CALL);

    plan_thinking(c, max_tokens);
    c->format = bedrock_plan_format(r, false, c->thinking.kind != BEDROCK_THINK_OFF);
    c->stubs = history && !r->tools;
    c->keep_silent = history && !c->format.tool && (c->stubs || r->choice == CHAT_CHOICE_NONE);
    if (r->user.n)
        dropped_add_cstr(c->dropped, "user");
    if (r->parallel_calls == 0 && !r->legacy_calls && r->tools && !c->claude)
        dropped_add_cstr(c->dropped, "parallel_tool_calls");
    plan_points(c);
}

status converse_encode(struct arena *arena, const struct chat_request *request,
                       const struct family_call *call, struct buf *out, struct dropped *dropped,
                       struct chat_error *err)
{
    struct converse c = {.w = jwrite_to(out),
                         .arena = arena,
                         .request = request,
                         .model = call->model,
                         .dropped = dropped,
                         .claude = str_find(call->model->name, "claude") < call->model->name.n};
    int64_t max_tokens = bedrock_max_tokens(request, call->model, dropped);
    status s = bedrock_check(arena, request, false, dropped, err);

    if (!s)
        s = bedrock_turns_of(arena, request, call->model, &c.turns, dropped);
    if (!s)
        s = bedrock_refuse_prefill(arena, request, &c.turns, call->model, err);
    if (s)
        return s;
    plan(&c, max_tokens);
    jwrite_object(&c.w);
    write_settings(&c, max_tokens);
    write_additional(&c);
    write_tools(&c); /* in the order in which upstream caches them */
    write_system(&c);
    write_messages(&c);
    jwrite_end(&c.w);
    return out->failed ? E_NOMEM : OK;
}

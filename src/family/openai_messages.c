/*
 * Messages as chat completions: results become messages of their own role, and what a tool message
 * cannot hold (images, files) moves into the user message behind it.
 */
#include "base/crypto.h"
#include "family/openai_encode.h"

enum { ID_BYTES = 40, HASHED_ID_BYTES = 24 };

struct writer {
    struct arena *arena;
    const struct openai_style *style;
    struct jwrite *w;
    struct chat_error *err;
    status failed;
};

/* --- call ids -------------------------------------------------------------------------------- */

static bool is_alnum(struct str s)
{
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')))
            return false;
    }
    return true;
}

struct str openai_call_id(struct arena *arena, const struct openai_style *style, struct str id)
{
    uint8_t digest[SHA256_BYTES];
    char hex[SHA256_HEX_BYTES];

    if (style->id_length ? id.n == style->id_length && is_alnum(id) : id.n <= ID_BYTES)
        return id;
    crypto_sha256(id, digest);
    crypto_hex(digest, sizeof digest, hex);
    size_t n = style->id_length ? style->id_length : HASHED_ID_BYTES;
    return arena_str(arena, (struct str){hex, n < sizeof hex ? n : sizeof hex - 1});
}

/* --- content parts --------------------------------------------------------------------------- */

static void unsupported(struct writer *m, const char *what)
{
    m->failed = E_SYNTAX;
    chat_error_field(m->err, m->arena, CHAT_ERROR_UNSUPPORTED, "messages",
                     "This model's API does not take %s.", what);
}

static void write_text_part(struct jwrite *w, struct str text)
{
    jwrite_object(w);
    jwrite_member_cstr(w, "type", "text");
    jwrite_member_str(w, "text", text);
    jwrite_end(w);
}

static struct str data_url(struct writer *m, const struct chat_part *p, const char *otherwise)
{
    struct str type = p->media_type.n ? p->media_type : str_from(otherwise);
    struct buf url = {0};

    buf_add_cstr(&url, "data:");
    buf_add_str(&url, type);
    buf_add_cstr(&url, ";base64,");
    buf_add_str(&url, p->data);
    struct str copy = buf_copy(&url, m->arena);
    buf_free(&url);
    if (!copy.p)
        m->failed = E_NOMEM;
    return copy;
}

static void write_image(struct writer *m, const struct chat_part *p)
{
    jwrite_object(m->w);
    jwrite_member_cstr(m->w, "type", "image_url");
    jwrite_member_object(m->w, "image_url");
    jwrite_member_str(m->w, "url", p->url.n ? p->url : data_url(m, p, "image/png"));
    jwrite_maybe_str(m->w, "detail", p->detail);
    jwrite_end(m->w);
    jwrite_end(m->w);
}

static void write_document(struct writer *m, const struct chat_part *p)
{
    if (p->text.n) {
        write_text_part(m->w, p->text);
        return;
    }
    if (!p->data.n) {
        unsupported(m, "a document by address; send its content");
        return;
    }
    jwrite_object(m->w);
    jwrite_member_cstr(m->w, "type", "file");
    jwrite_member_object(m->w, "file");
    jwrite_member_str(m->w, "filename", p->name.n ? p->name : STR("document.pdf"));
    jwrite_member_str(m->w, "file_data", data_url(m, p, "application/pdf"));
    jwrite_end(m->w);
    jwrite_end(m->w);
}

static void write_audio(struct writer *m, const struct chat_part *p)
{
    bool mp3 = str_is(p->media_type, "audio/mp3") || str_is(p->media_type, "audio/mpeg");

    if (!p->data.n) {
        unsupported(m, "audio by address");
        return;
    }
    jwrite_object(m->w);
    jwrite_member_cstr(m->w, "type", "input_audio");
    jwrite_member_object(m->w, "input_audio");
    jwrite_member_str(m->w, "data", p->data);
    jwrite_member_cstr(m->w, "format", mp3 ? "mp3" : "wav");
    jwrite_end(m->w);
    jwrite_end(m->w);
}

static void write_part(struct writer *m, const struct chat_part *p)
{
    switch (p->kind) {
    case CHAT_TEXT:
        write_text_part(m->w, p->text);
        break;
    case CHAT_IMAGE:
        write_image(m, p);
        break;
    case CHAT_DOCUMENT:
        write_document(m, p);
        break;
    case CHAT_AUDIO:
        write_audio(m, p);
        break;
    default: /* thinking of other models, and what has been written elsewhere */
        break;
    }
}

static size_t count_kind(const struct chat_part *parts, enum chat_part_kind kind)
{
    size_t n = 0;
    for (; parts; parts = parts->next)
        n += parts->kind == kind;
    return n;
}

/* Text parts: one string where there is one, or where the server takes nothing else. */
static void write_texts(struct writer *m, const struct chat_part *parts)
{
    if (m->style->plain || count_kind(parts, CHAT_TEXT) <= 1) {
        jwrite_str(m->w, chat_parts_text(m->arena, parts, "\n\n"));
        return;
    }
    jwrite_array(m->w);
    for (const struct chat_part *p = parts; p; p = p->next)
        if (p->kind == CHAT_TEXT)
            write_text_part(m->w, p->text);
    jwrite_end(m->w);
}

/* --- messages -------------------------------------------------------------------------------- */

static void open_message(struct writer *m, const char *role, struct str name)
{
    jwrite_object(m->w);
    jwrite_member_cstr(m->w, "role", role);
    jwrite_maybe_str(m->w, "name", name);
}

static void write_system(struct writer *m, const struct chat_message *message)
{
    bool developer = message->role == CHAT_DEVELOPER && !m->style->plain;

    open_message(m, developer ? "developer" : "system", message->name);
    jwrite_key(m->w, "content");
    write_texts(m, message->parts);
    jwrite_end(m->w);
}

/* What a result says in text: plain documents count as text. */
static struct str result_text(struct writer *m, const struct chat_part *result)
{
    struct buf text = {0};

    if (result->error)
        buf_add_cstr(&text, "Error: ");
    bool first = true;
    for (const struct chat_part *p = result->content; p; p = p->next) {
        if (!(p->kind == CHAT_TEXT || (p->kind == CHAT_DOCUMENT && p->text.n)))
            continue;
        if (!first)
            buf_add_char(&text, '\n');
        buf_add_str(&text, p->text);
        first = false;
    }
    struct str copy = buf_copy(&text, m->arena);
    buf_free(&text);
    if (!copy.p)
        m->failed = E_NOMEM;
    return copy;
}

static void write_result(struct writer *m, const struct chat_part *result)
{
    open_message(m, "tool", STR_NONE);
    jwrite_member_str(m->w, "tool_call_id", openai_call_id(m->arena, m->style, result->id));
    jwrite_member_str(m->w, "content", result_text(m, result));
    jwrite_end(m->w);
}

/* A tool message takes text alone. */
static bool moves_out(const struct chat_part *p)
{
    return p->kind == CHAT_IMAGE || p->kind == CHAT_AUDIO ||
           (p->kind == CHAT_DOCUMENT && !p->text.n);
}

static void write_moved(struct writer *m, const struct chat_part *result)
{
    bool said = false;

    for (const struct chat_part *p = result->content; p; p = p->next) {
        if (!moves_out(p))
            continue;
        if (!said) {
            struct str id = openai_call_id(m->arena, m->style, result->id);
            write_text_part(
                m->w, arena_printf(m->arena, "From the result of tool call %.*s:", STR_ARG(id)));
        }
        said = true;
        write_part(m, p);
    }
}

static bool is_own_content(const struct chat_part *p)
{
    return p->kind <= CHAT_AUDIO;
}

static bool user_has_content(const struct chat_part *parts, bool *only_text)
{
    bool any = false;

    *only_text = true;
    for (const struct chat_part *p = parts; p; p = p->next) {
        if (is_own_content(p))
            any = true;
        if (is_own_content(p) && p->kind != CHAT_TEXT)
            *only_text = false;
        for (const struct chat_part *c = p->content; c; c = c->next)
            if (p->kind == CHAT_TOOL_RESULT && moves_out(c)) {
                any = true;
                *only_text = false;
            }
    }
    return any;
}

static void write_user(struct writer *m, const struct chat_message *message)
{
    bool only_text, results = count_kind(message->parts, CHAT_TOOL_RESULT) > 0;

    for (const struct chat_part *p = message->parts; p; p = p->next)
        if (p->kind == CHAT_TOOL_RESULT)
            write_result(m, p);
    if (!user_has_content(message->parts, &only_text) && results)
        return;
    open_message(m, "user", message->name);
    jwrite_key(m->w, "content");
    if (only_text) {
        write_texts(m, message->parts);
    } else {
        jwrite_array(m->w);
        for (const struct chat_part *p = message->parts; p; p = p->next) {
            if (p->kind == CHAT_TOOL_RESULT)
                write_moved(m, p);
            else
                write_part(m, p);
        }
        jwrite_end(m->w);
    }
    jwrite_end(m->w);
}

void openai_write_call(struct jwrite *w, struct str id, const struct chat_part *call)
{
    jwrite_object(w);
    jwrite_member_str(w, "id", id);
    jwrite_member_cstr(w, "type", "function");
    jwrite_member_object(w, "function");
    jwrite_member_str(w, "name", call->name);
    jwrite_member_str(w, "arguments", call->arguments.n ? call->arguments : STR("{}"));
    jwrite_end(w);
    jwrite_end(w);
}

static void write_assistant(struct writer *m, const struct chat_message *message)
{
    size_t texts = count_kind(message->parts, CHAT_TEXT);
    size_t calls = count_kind(message->parts, CHAT_TOOL_CALL);
    size_t refusals = count_kind(message->parts, CHAT_REFUSAL);

    if (texts + calls + refusals == 0)
        return; /* thinking alone: it is of no use to another model */
    open_message(m, "assistant", message->name);
    jwrite_key(m->w, "content");
    if (texts)
        write_texts(m, message->parts);
    else
        jwrite_null(m->w);
    for (const struct chat_part *p = message->parts; p; p = p->next)
        if (p->kind == CHAT_REFUSAL) {
            jwrite_member_str(m->w, "refusal", p->text);
            break;
        }
    if (calls) {
        jwrite_member_array(m->w, "tool_calls");
        for (const struct chat_part *p = message->parts; p; p = p->next)
            if (p->kind == CHAT_TOOL_CALL)
                openai_write_call(m->w, openai_call_id(m->arena, m->style, p->id), p);
        jwrite_end(m->w);
    }
    jwrite_end(m->w);
}

status openai_write_messages(struct arena *arena, const struct chat_request *request,
                             const struct openai_style *style, struct jwrite *w,
                             struct chat_error *err)
{
    struct writer m = {.arena = arena, .style = style, .w = w, .err = err};

    jwrite_array(w);
    for (const struct chat_message *p = request->messages; p && !m.failed; p = p->next) {
        if (p->role == CHAT_USER)
            write_user(&m, p);
        else if (p->role == CHAT_ASSISTANT)
            write_assistant(&m, p);
        else
            write_system(&m, p);
    }
    jwrite_end(w);
    return m.failed;
}

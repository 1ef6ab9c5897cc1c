/*
 * The dialect of OpenAI's Chat Completions API: its face, its errors, and the words that streams
 * and whole answers share.
 *
 * Wire: OpenAI API reference, "Chat Completions" and "Error codes".
 */
#include "dialect/openai_chat.h"

#include <stdio.h>

#include "dialect/call_id.h"

/* --- errors ---------------------------------------------------------------------------------- */

static const struct {
    const char *type, *code;
} errors[] = {
    [CHAT_ERROR_NONE] = {"server_error", NULL},
    [CHAT_ERROR_INVALID] = {"invalid_request_error", NULL},
    [CHAT_ERROR_UNSUPPORTED] = {"invalid_request_error", "unsupported_value"},
    [CHAT_ERROR_CONTEXT_LENGTH] = {"invalid_request_error", "context_length_exceeded"},
    [CHAT_ERROR_CONTENT_FILTER] = {"invalid_request_error", "content_filter"},
    [CHAT_ERROR_KEY] = {"invalid_request_error", "invalid_api_key"},
    [CHAT_ERROR_PERMISSION] = {"permission_error", "permission_denied"},
    [CHAT_ERROR_NOT_FOUND] = {"invalid_request_error", NULL},
    [CHAT_ERROR_MODEL_NOT_FOUND] = {"invalid_request_error", "model_not_found"},
    [CHAT_ERROR_METHOD] = {"invalid_request_error", NULL},
    [CHAT_ERROR_TOO_LARGE] = {"invalid_request_error", "request_too_large"},
    [CHAT_ERROR_RATE_LIMIT] = {"requests", "rate_limit_exceeded"},
    [CHAT_ERROR_INTERNAL] = {"server_error", NULL},
    [CHAT_ERROR_UPSTREAM] = {"server_error", "upstream_error"},
    [CHAT_ERROR_UPSTREAM_AUTH] = {"server_error", "upstream_auth"},
    [CHAT_ERROR_OVERLOADED] = {"server_error", "service_unavailable"},
    [CHAT_ERROR_TIMEOUT] = {"server_error", "timeout"},
};

const char *openai_chat_error_code(enum chat_error_kind kind)
{
    return errors[kind].code;
}

/* The text without the last sentence, if that says in other words how long to wait. */
static struct str without_delay(struct str text)
{
    static const char *const leads[] = {"Please retry after ", "Please wait ", "Retry after ",
                                        "Please try again after "};

    for (size_t i = 0; i < sizeof leads / sizeof *leads; i++) {
        size_t at = str_find(text, leads[i]);
        struct str rest = str_slice(text, at, text.n);
        size_t stop = str_find(rest, ". ");
        if (at && rest.n && stop == rest.n)
            return str_trim(str_slice(text, 0, at));
    }
    return text;
}

/* The delay is repeated in the text: some clients parse it out of there (Codex: "try again in 5s"),
   and people read it. */
void openai_chat_write_message(struct jwrite *w, const struct chat_error *err)
{
    bool said = str_find(err->message, "try again in ") < err->message.n;
    bool tell = err->retry_after_ms > 0 && !said;

    jwrite_key(w, "message");
    jwrite_raw(w, STR("\""));
    jwrite_escape(w->out, tell ? without_delay(err->message) : err->message);
    if (tell)
        buf_printf(w->out, " Please try again in %llds.",
                   (long long)((err->retry_after_ms + 999) / 1000));
    buf_add_char(w->out, '"');
}

void openai_chat_error(const struct chat_error *err, struct str request_id, struct buf *out)
{
    struct jwrite w = jwrite_to(out);
    bool about_model = err->kind == CHAT_ERROR_MODEL_NOT_FOUND && !err->param.n;
    struct str param = about_model ? STR("model") : err->param;

    (void)request_id; /* this API tells it in a header only */
    jwrite_object(&w);
    jwrite_member_object(&w, "error");
    openai_chat_write_message(&w, err);
    jwrite_member_cstr(&w, "type", errors[err->kind].type);
    if (param.n)
        jwrite_member_str(&w, "param", param);
    else
        jwrite_member_null(&w, "param");
    jwrite_member_cstr(&w, "code", errors[err->kind].code);
    jwrite_end_all(&w);
}

void openai_chat_stream_error(const struct chat_error *err, struct str request_id, struct buf *out)
{
    buf_add_cstr(out, "data: ");
    openai_chat_error(err, request_id, out);
    buf_add_cstr(out, "\n\n");
}

/* --- words and shapes that stream and whole answer share ------------------------------------- */

/* A call in the answer is the reason for its end whatever the model behind says (Gemini, Mistral),
   unless it was cut. */
const char *openai_chat_finish(const struct chat_request *request, enum chat_stop stop,
                               bool has_calls)
{
    const char *calls = request->legacy_calls ? "function_call" : "tool_calls";

    switch (stop) {
    case CHAT_STOP_LENGTH:
    case CHAT_STOP_CONTEXT:
        return "length";
    case CHAT_STOP_FILTER:
    case CHAT_STOP_REFUSAL:
        return has_calls ? calls : "content_filter";
    case CHAT_STOP_TOOL:
        return calls;
    case CHAT_STOP_END:
    case CHAT_STOP_SEQUENCE:
    case CHAT_STOP_PAUSE:
    case CHAT_STOP_MALFORMED_CALL:
        break;
    }
    return has_calls ? calls : "stop";
}

void openai_chat_write_usage(struct jwrite *w, const struct chat_usage *usage)
{
    jwrite_member_object(w, "usage");
    jwrite_member_int(w, "prompt_tokens", usage->input);
    jwrite_member_int(w, "completion_tokens", usage->output);
    jwrite_member_int(w, "total_tokens", usage->input + usage->output);
    jwrite_member_object(w, "prompt_tokens_details");
    jwrite_member_int(w, "cached_tokens", usage->cache_read);
    if (usage->audio_input > 0)
        jwrite_member_int(w, "audio_tokens", usage->audio_input);
    jwrite_end(w);
    jwrite_member_object(w, "completion_tokens_details");
    jwrite_member_int(w, "reasoning_tokens", usage->reasoning > 0 ? usage->reasoning : 0);
    if (usage->audio_output > 0)
        jwrite_member_int(w, "audio_tokens", usage->audio_output);
    jwrite_end(w);
    jwrite_end(w);
}

void openai_chat_write_call_id(struct jwrite *w, const char *key, const struct dialect_reply *reply,
                               unsigned choice, unsigned number, struct str id,
                               struct str signature)
{
    char made[96];

    if (!id.n) {
        int n = snprintf(made, sizeof made, "call_%.*s_%u_%u", (int)(reply->id.n % 64),
                         reply->id.p ? reply->id.p : "", choice, number);
        id = (struct str){made, n > 0 ? (size_t)n : 0};
    }
    jwrite_key(w, key);
    jwrite_raw(w, STR("\""));
    call_id_pack(w->out, id, signature, false);
    buf_add_char(w->out, '"');
}

void openai_chat_write_signature(struct jwrite *w, struct str signature)
{
    if (!signature.n)
        return;
    jwrite_member_object(w, "extra_content");
    jwrite_member_object(w, "google");
    jwrite_member_str(w, "thought_signature", signature);
    jwrite_end(w);
    jwrite_end(w);
}

/* What families call otherwise (exchange/wording.h). */
static const struct dialect_word words[] = {
    {"input", "messages"},
    {"reasoning.effort", "reasoning_effort"},
    {"thinking", "reasoning_effort"},
    {"max_output_tokens", "max_completion_tokens"},
    {NULL, NULL},
};

const struct dialect dialect_openai_chat = {
    .name = "openai-chat",
    .wire = WIRE_OPENAI_CHAT,
    .decode = openai_chat_decode,
    .stream = openai_chat_stream,
    .render = openai_chat_render,
    .error = openai_chat_error,
    .stream_error = openai_chat_stream_error,
    .keep_alive = {":\n\n", 3},
    .words = words,
};

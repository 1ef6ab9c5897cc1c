/*
 * The dialect of Anthropic's Messages API: its face, its errors, and the words that streams and
 * whole answers share.
 *
 * Wire: Anthropic API reference, "Messages", "Streaming Messages", "Errors".
 */
#include "dialect/anthropic_messages.h"

#include <stdio.h>

#include "dialect/call_id.h"

/* --- errors ---------------------------------------------------------------------------------- */

static const char *const error_types[] = {
    [CHAT_ERROR_NONE] = "api_error",
    [CHAT_ERROR_INVALID] = "invalid_request_error",
    [CHAT_ERROR_UNSUPPORTED] = "invalid_request_error",
    [CHAT_ERROR_CONTEXT_LENGTH] = "invalid_request_error",
    [CHAT_ERROR_CONTENT_FILTER] = "invalid_request_error",
    [CHAT_ERROR_KEY] = "authentication_error",
    [CHAT_ERROR_PERMISSION] = "permission_error",
    [CHAT_ERROR_NOT_FOUND] = "not_found_error",
    [CHAT_ERROR_MODEL_NOT_FOUND] = "not_found_error",
    [CHAT_ERROR_METHOD] = "invalid_request_error",
    [CHAT_ERROR_TOO_LARGE] = "request_too_large",
    [CHAT_ERROR_RATE_LIMIT] = "rate_limit_error",
    [CHAT_ERROR_INTERNAL] = "api_error",
    [CHAT_ERROR_UPSTREAM] = "api_error",
    [CHAT_ERROR_UPSTREAM_AUTH] = "api_error",
    [CHAT_ERROR_OVERLOADED] = "overloaded_error",
    [CHAT_ERROR_TIMEOUT] = "timeout_error",
};

/* Claude Code knows an overlong prompt by the words that the vendor's service uses for it. */
static const char *message_prefix(const struct chat_error *err)
{
    bool long_prompt = err->kind == CHAT_ERROR_CONTEXT_LENGTH;
    return long_prompt && !str_starts(err->message, "prompt is too long") ? "prompt is too long: "
                                                                          : "";
}

static void write_message(struct jwrite *w, const struct chat_error *err)
{
    jwrite_key(w, "message");
    jwrite_raw(w, STR("\""));
    buf_add_cstr(w->out, message_prefix(err));
    jwrite_escape(w->out, err->message);
    if (err->retry_after_ms > 0)
        buf_printf(w->out, " Please try again in %llds.",
                   (long long)((err->retry_after_ms + 999) / 1000));
    buf_add_char(w->out, '"');
}

/* By this code the SDKs' tool runners know that they have to send whole histories, and do so
   (@anthropic-ai/sdk 1.11, lib/internal/threads; 2026-11). */
static void write_thread_details(struct jwrite *w)
{
    jwrite_member_object(w, "details");
    jwrite_member_cstr(w, "error_code", "thread_unsupported_request");
    jwrite_member_array(w, "unsupported");
    jwrite_cstr(w, ANTHROPIC_THREAD);
    jwrite_end(w);
    jwrite_end(w);
}

void anthropic_messages_error(const struct chat_error *err, struct str request_id, struct buf *out)
{
    struct jwrite w = jwrite_to(out);

    jwrite_object(&w);
    jwrite_member_cstr(&w, "type", "error");
    jwrite_member_object(&w, "error");
    jwrite_member_cstr(&w, "type", error_types[err->kind]);
    write_message(&w, err);
    if (str_is(err->param, ANTHROPIC_THREAD))
        write_thread_details(&w);
    jwrite_end(&w);
    jwrite_maybe_str(&w, "request_id", request_id);
    jwrite_end_all(&w);
}

void anthropic_messages_stream_error(const struct chat_error *err, struct str request_id,
                                     struct buf *out)
{
    buf_add_cstr(out, "event: error\ndata: ");
    anthropic_messages_error(err, request_id, out);
    buf_add_cstr(out, "\n\n");
}

/* --- words and shapes that stream and whole answer share ------------------------------------- */

static const char *stop_word(enum chat_stop stop)
{
    switch (stop) {
    case CHAT_STOP_SEQUENCE:
        return "stop_sequence";
    case CHAT_STOP_LENGTH:
        return "max_tokens";
    case CHAT_STOP_TOOL:
        return "tool_use";
    case CHAT_STOP_FILTER:
    case CHAT_STOP_REFUSAL:
        return "refusal";
    case CHAT_STOP_CONTEXT:
        return "model_context_window_exceeded";
    case CHAT_STOP_PAUSE:
        return "pause_turn";
    case CHAT_STOP_END:
    case CHAT_STOP_MALFORMED_CALL:
        break;
    }
    return "end_turn";
}

/* A call in the answer is the reason for its end whatever the model behind says, unless it was
   cut. */
void anthropic_messages_write_stop(struct jwrite *w, enum chat_stop stop, struct str sequence,
                                   struct anthropic_messages_seen seen)
{
    if (seen.call && stop != CHAT_STOP_LENGTH && stop != CHAT_STOP_CONTEXT)
        stop = CHAT_STOP_TOOL;
    else if (seen.refusal && stop == CHAT_STOP_END)
        stop = CHAT_STOP_REFUSAL;
    jwrite_member_cstr(w, "stop_reason", stop_word(stop));
    if (stop == CHAT_STOP_SEQUENCE && sequence.n)
        jwrite_member_str(w, "stop_sequence", sequence);
    else
        jwrite_member_null(w, "stop_sequence");
}

void anthropic_messages_write_usage(struct jwrite *w, const struct chat_usage *usage)
{
    int64_t fresh = usage->input - usage->cache_read - usage->cache_write;

    jwrite_member_object(w, "usage");
    jwrite_member_int(w, "input_tokens", fresh > 0 ? fresh : 0);
    jwrite_member_int(w, "cache_creation_input_tokens", usage->cache_write);
    jwrite_member_int(w, "cache_read_input_tokens", usage->cache_read);
    if (usage->cache_write > 0) {
        jwrite_member_object(w, "cache_creation");
        jwrite_member_int(w, "ephemeral_5m_input_tokens",
                          usage->cache_write - usage->cache_write_1h);
        jwrite_member_int(w, "ephemeral_1h_input_tokens", usage->cache_write_1h);
        jwrite_end(w);
    }
    jwrite_member_int(w, "output_tokens", usage->output);
    jwrite_end(w);
}

void anthropic_messages_write_call_id(struct jwrite *w, const struct dialect_reply *reply,
                                      unsigned number, struct str id, struct str signature)
{
    char made[96];

    if (!id.n) {
        int n = snprintf(made, sizeof made, "toolu_%.*s_%u", (int)(reply->id.n % 64),
                         reply->id.p ? reply->id.p : "", number);
        id = (struct str){made, n > 0 ? (size_t)n : 0};
    }
    jwrite_key(w, "id");
    jwrite_raw(w, STR("\""));
    call_id_pack(w->out, id, signature, true);
    buf_add_char(w->out, '"');
}

static void write_count(int64_t tokens, struct buf *out)
{
    struct jwrite w = jwrite_to(out);

    jwrite_object(&w);
    jwrite_member_int(&w, "input_tokens", tokens);
    jwrite_end(&w);
}

/* What families call otherwise (exchange/wording.h). */
static const struct dialect_word words[] = {
    {"input", "messages"},
    {"reasoning.effort", "thinking"},
    {"reasoning_effort", "thinking"},
    {"reasoning", "thinking"},
    {"max_output_tokens", "max_tokens"},
    {"stop", "stop_sequences"},
    {"user", "metadata.user_id"},
    {"parallel_tool_calls", "tool_choice.disable_parallel_tool_use"},
    {"response_format", "output_config.format"},
    {NULL, NULL},
};

const struct dialect dialect_anthropic_messages = {
    .name = "anthropic-messages",
    .wire = WIRE_ANTHROPIC_MESSAGES,
    .decode = anthropic_messages_decode,
    .stream = anthropic_messages_stream,
    .render = anthropic_messages_render,
    .error = anthropic_messages_error,
    .stream_error = anthropic_messages_stream_error,
    .keep_alive = {"event: ping\ndata: {\"type\":\"ping\"}\n\n", 35},
    .words = words,
    .count = write_count,
};

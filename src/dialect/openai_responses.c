/*
 * The dialect of OpenAI's Responses API: its face and its errors.
 *
 * Nothing is kept here between requests. What a caller has to send again he sends again, as all
 * clients do that say `store: false`; an answer says `store: false` itself, and the id of an
 * earlier answer is unknown (openai_responses_decode.c).
 *
 * Wire: OpenAI API reference, "Responses" and "Streaming events".
 */
#include "dialect/openai_responses.h"

#include "dialect/openai_chat.h"

static const char not_found[] = "previous_response_id";

static void error(const struct chat_error *err, struct str request_id, struct buf *out)
{
    struct jwrite w = jwrite_to(out);

    bool missing = err->kind == CHAT_ERROR_INVALID || err->kind == CHAT_ERROR_NOT_FOUND;
    if (!missing || !str_is(err->param, not_found)) {
        openai_chat_error(err, request_id, out);
        return;
    }
    jwrite_object(&w);
    jwrite_member_object(&w, "error");
    jwrite_member_str(&w, "message", err->message);
    jwrite_member_cstr(&w, "type", "invalid_request_error");
    jwrite_member_cstr(&w, "param", not_found);
    jwrite_member_cstr(&w, "code", "previous_response_not_found");
    jwrite_end_all(&w);
}

void openai_responses_write_error(struct jwrite *w, const struct chat_error *err)
{
    const char *code = openai_chat_error_code(err->kind);

    jwrite_object(w);
    jwrite_member_cstr(w, "code", code && err->http_status < 500 ? code : "server_error");
    openai_chat_write_message(w, err);
    jwrite_end(w);
}

/* For a stream that has no sink: all that is known of the response is the request's id. */
static void stream_error(const struct chat_error *err, struct str request_id, struct buf *out)
{
    static const struct chat_request nothing = {.echo = {NULL, 0}};
    struct dialect_reply reply = {.id = request_id, .request = &nothing};
    struct openai_responses_view view = {.reply = &reply, .status = "failed", .error = err};
    struct jwrite w = jwrite_to(out);

    buf_add_cstr(out, "event: response.failed\ndata: ");
    jwrite_object(&w);
    jwrite_member_cstr(&w, "type", "response.failed");
    jwrite_member_int(&w, "sequence_number", 0);
    jwrite_key(&w, "response");
    openai_responses_write(&w, &view);
    jwrite_end_all(&w);
    buf_add_cstr(out, "\n\n");
}

/* What families call otherwise (exchange/wording.h). */
static const struct dialect_word words[] = {
    {"messages", "input"},
    {"reasoning_effort", "reasoning.effort"},
    {"thinking", "reasoning"},
    {"max_tokens", "max_output_tokens"},
    {"response_format", "text.format"},
    {NULL, NULL},
};

const struct dialect dialect_openai_responses = {
    .name = "openai-responses",
    .wire = WIRE_OPENAI_RESPONSES,
    .decode = openai_responses_decode,
    .stream = openai_responses_stream,
    .render = openai_responses_render,
    .error = error,
    .stream_error = stream_error,
    .numbered = true,
    .keep_alive = {":\n\n", 3},
    .words = words,
};

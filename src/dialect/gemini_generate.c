/*
 * The dialect of Google's Gemini API: its face, its errors, and what streams and whole answers
 * write alike.
 *
 * Wire: Google AI for Developers, "GenerateContentResponse"; errors: Google API design guide,
 * "Errors" (AIP-193), google/rpc/error_details.proto.
 */
#include "dialect/gemini_generate.h"

/* --- errors -------------------------------------------------------------------------------------- */

static const char *const status_words[] = {
    [CHAT_ERROR_NONE] = "UNKNOWN",
    [CHAT_ERROR_INVALID] = "INVALID_ARGUMENT",
    [CHAT_ERROR_UNSUPPORTED] = "FAILED_PRECONDITION",
    [CHAT_ERROR_CONTEXT_LENGTH] = "INVALID_ARGUMENT",
    [CHAT_ERROR_CONTENT_FILTER] = "INVALID_ARGUMENT",
    [CHAT_ERROR_KEY] = "UNAUTHENTICATED",
    [CHAT_ERROR_PERMISSION] = "PERMISSION_DENIED",
    [CHAT_ERROR_NOT_FOUND] = "NOT_FOUND",
    [CHAT_ERROR_MODEL_NOT_FOUND] = "NOT_FOUND",
    [CHAT_ERROR_METHOD] = "UNIMPLEMENTED",
    [CHAT_ERROR_TOO_LARGE] = "INVALID_ARGUMENT",
    [CHAT_ERROR_RATE_LIMIT] = "RESOURCE_EXHAUSTED",
    [CHAT_ERROR_INTERNAL] = "INTERNAL",
    [CHAT_ERROR_UPSTREAM] = "UNAVAILABLE",
    [CHAT_ERROR_UPSTREAM_AUTH] = "INTERNAL",
    [CHAT_ERROR_OVERLOADED] = "UNAVAILABLE",
    [CHAT_ERROR_TIMEOUT] = "DEADLINE_EXCEEDED",
};

static void begin_detail(struct jwrite *w, const char *type)
{
    jwrite_object(w);
    jwrite_key(w, "@type");
    jwrite_raw(w, STR("\"type.googleapis.com/google.rpc."));
    buf_add_cstr(w->out, type);
    buf_add_char(w->out, '"');
}

static void write_field(struct jwrite *w, const struct chat_error *err)
{
    begin_detail(w, "BadRequest");
    jwrite_member_array(w, "fieldViolations");
    jwrite_object(w);
    jwrite_member_str(w, "field", err->param);
    jwrite_member_str(w, "description", err->message);
    jwrite_end(w);
    jwrite_end(w);
    jwrite_end(w);
}

static void write_retry(struct jwrite *w, int64_t after_ms)
{
    begin_detail(w, "RetryInfo");
    jwrite_key(w, "retryDelay");
    jwrite_raw(w, STR("\""));
    buf_printf(w->out, "%llds\"", (long long)((after_ms + 999) / 1000));
    jwrite_end(w);
}

static void write_request(struct jwrite *w, struct str request_id)
{
    begin_detail(w, "RequestInfo");
    jwrite_member_str(w, "requestId", request_id);
    jwrite_end(w);
}

static void write_details(struct jwrite *w, const struct chat_error *err, struct str request_id)
{
    jwrite_member_array(w, "details");
    if (err->param.n)
        write_field(w, err);
    if (err->retry_after_ms > 0)
        write_retry(w, err->retry_after_ms);
    if (request_id.n)
        write_request(w, request_id);
    jwrite_end(w);
}

void gemini_generate_error(const struct chat_error *err, struct str request_id, struct buf *out)
{
    struct jwrite w = jwrite_to(out);
    int code = err->http_status ? err->http_status : chat_error_status(err->kind);

    jwrite_object(&w);
    jwrite_member_object(&w, "error");
    jwrite_member_int(&w, "code", code);
    jwrite_member_str(&w, "message", err->message);
    jwrite_member_cstr(&w, "status", status_words[err->kind]);
    if (err->param.n || err->retry_after_ms > 0 || request_id.n)
        write_details(&w, err, request_id);
    jwrite_end_all(&w);
}

void gemini_generate_stream_error(const struct chat_error *err, struct str request_id,
                                  struct buf *out)
{
    buf_add_cstr(out, "data: ");
    gemini_generate_error(err, request_id, out);
    buf_add_cstr(out, "\r\n\r\n");
}

void gemini_generate_count(int64_t tokens, struct buf *out)
{
    struct jwrite w = jwrite_to(out);

    jwrite_object(&w);
    jwrite_member_int(&w, "totalTokens", tokens);
    jwrite_member_array(&w, "promptTokensDetails");
    jwrite_object(&w);
    jwrite_member_cstr(&w, "modality", "TEXT");
    jwrite_member_int(&w, "tokenCount", tokens);
    jwrite_end_all(&w);
}

/* --- parts --------------------------------------------------------------------------------------- */

void gemini_write_text(struct jwrite *w, struct str text, bool thought, struct str signature)
{
    jwrite_object(w);
    jwrite_member_str(w, "text", text);
    if (thought)
        jwrite_member_bool(w, "thought", true);
    jwrite_maybe_str(w, "thoughtSignature", signature);
    jwrite_end(w);
}

/* JSON text within one line: what stands between its values may hold line ends, its strings not. */
static void write_in_line(struct jwrite *w, struct str json)
{
    size_t from = w->out->n;

    jwrite_raw(w, json);
    for (size_t i = from; i < w->out->n; i++)
        if (w->out->p[i] == '\n' || w->out->p[i] == '\r')
            w->out->p[i] = ' ';
}

/* `args` is an object in this API: valid arguments are spliced as they are; what the model broke is
   shown under a name that says so, since an empty object would hide it. */
static status write_arguments(struct arena *arena, struct jwrite *w, struct str arguments)
{
    struct jspan *tree;
    status s = jspan_parse(arena, arguments, &tree, NULL);

    jwrite_key(w, "args");
    if (s == E_NOMEM)
        return s;
    if (!s && jspan_is(tree, JSPAN_OBJECT)) {
        write_in_line(w, tree->text);
    } else if (!str_trim(arguments).n) {
        jwrite_raw(w, STR("{}"));
    } else {
        jwrite_object(w);
        jwrite_member_str(w, "raw_arguments", arguments);
        jwrite_end(w);
    }
    return OK;
}

status gemini_write_call(struct arena *arena, struct jwrite *w, struct str id, struct str name,
                         struct str arguments, struct str signature)
{
    jwrite_object(w);
    jwrite_member_object(w, "functionCall");
    jwrite_maybe_str(w, "id", id);
    jwrite_member_str(w, "name", name);
    status s = write_arguments(arena, w, arguments);
    jwrite_end(w);
    jwrite_maybe_str(w, "thoughtSignature", signature);
    jwrite_end(w);
    return s;
}

/* --- the end ------------------------------------------------------------------------------------- */

static const char *stop_word(enum chat_stop stop)
{
    switch (stop) {
    case CHAT_STOP_LENGTH:
    case CHAT_STOP_CONTEXT:
        return "MAX_TOKENS";
    case CHAT_STOP_FILTER:
    case CHAT_STOP_REFUSAL:
        return "SAFETY";
    case CHAT_STOP_PAUSE:
        return "OTHER";
    case CHAT_STOP_MALFORMED_CALL:
        return "MALFORMED_FUNCTION_CALL";
    case CHAT_STOP_END:
    case CHAT_STOP_SEQUENCE:
    case CHAT_STOP_TOOL:
        break;
    }
    return "STOP";
}

void gemini_write_stop(struct jwrite *w, enum chat_stop stop)
{
    jwrite_member_cstr(w, "finishReason", stop_word(stop));
    if (stop == CHAT_STOP_REFUSAL)
        jwrite_member_cstr(w, "finishMessage", "The model declined to answer.");
    else if (stop == CHAT_STOP_CONTEXT)
        jwrite_member_cstr(w, "finishMessage", "The context window is full.");
}

void gemini_write_usage(struct jwrite *w, const struct chat_usage *usage)
{
    int64_t thoughts = usage->reasoning > 0 ? usage->reasoning : 0;
    int64_t said = usage->output > thoughts ? usage->output - thoughts : 0;

    jwrite_member_object(w, "usageMetadata");
    jwrite_member_int(w, "promptTokenCount", usage->input);
    jwrite_member_int(w, "candidatesTokenCount", said);
    if (thoughts)
        jwrite_member_int(w, "thoughtsTokenCount", thoughts);
    if (usage->cache_read > 0)
        jwrite_member_int(w, "cachedContentTokenCount", usage->cache_read);
    jwrite_member_int(w, "totalTokenCount", usage->input + said + thoughts);
    jwrite_end(w);
}

/* --- log probabilities --------------------------------------------------------------------------- */

static void write_probability(struct arena *arena, struct jwrite *w, const struct jspan *one)
{
    jwrite_object(w);
    jwrite_member_str(w, "token", jspan_str(arena, jspan_get(one, "token")));
    if (jspan_is(jspan_get(one, "logprob"), JSPAN_NUMBER))
        jwrite_member_raw(w, "logProbability", jspan_get(one, "logprob")->text);
    jwrite_end(w);
}

static void write_top(struct arena *arena, struct jwrite *w, const struct jspan *list)
{
    jwrite_object(w);
    jwrite_member_array(w, "candidates");
    for (const struct jspan *n = jspan_first(list); n; n = n->next)
        write_probability(arena, w, n);
    jwrite_end(w);
    jwrite_end(w);
}

void gemini_write_logprobs(struct arena *arena, struct jwrite *w, struct str logprobs)
{
    struct jspan *list;

    if (!logprobs.n || jspan_parse(arena, logprobs, &list, NULL) || !jspan_first(list))
        return;
    jwrite_member_object(w, "logprobsResult");
    jwrite_member_array(w, "topCandidates");
    for (const struct jspan *n = jspan_first(list); n; n = n->next)
        write_top(arena, w, jspan_get(n, "top_logprobs"));
    jwrite_end(w);
    jwrite_member_array(w, "chosenCandidates");
    for (const struct jspan *n = jspan_first(list); n; n = n->next)
        write_probability(arena, w, n);
    jwrite_end(w);
    jwrite_end(w);
}

/* --- the face ------------------------------------------------------------------------------------ */

/* What callers get who do not ask for alt=sse. */
static const struct dialect_form json_array = {
    .content_type = "application/json; charset=utf-8",
    .first = {"[", 1},
    .next = {"\n,\r\n", 4},
    .last = {"]", 1},
};

/* A blank line keeps a stream alive: some SDKs take a comment line for data. */
/* What families call otherwise (exchange/wording.h). */
static const struct dialect_word words[] = {
    {"messages", "contents"},
    {"input", "contents"},
    {"reasoning_effort", "generationConfig.thinkingConfig"},
    {"reasoning", "generationConfig.thinkingConfig"},
    {"thinking", "generationConfig.thinkingConfig"},
    {"max_tokens", "generationConfig.maxOutputTokens"},
    {"max_output_tokens", "generationConfig.maxOutputTokens"},
    {"stop", "generationConfig.stopSequences"},
    {"temperature", "generationConfig.temperature"},
    {"top_p", "generationConfig.topP"},
    {"top_k", "generationConfig.topK"},
    {"frequency_penalty", "generationConfig.frequencyPenalty"},
    {"presence_penalty", "generationConfig.presencePenalty"},
    {"seed", "generationConfig.seed"},
    {"logprobs", "generationConfig.responseLogprobs"},
    {"top_logprobs", "generationConfig.logprobs"},
    {"n", "generationConfig.candidateCount"},
    {"response_format", "generationConfig.responseSchema"},
    {"tool_choice", "toolConfig"},
    {NULL, NULL},
};

const struct dialect dialect_gemini_generate = {
    .name = "gemini-generate",
    .wire = WIRE_GEMINI,
    .decode = gemini_generate_decode,
    .stream = gemini_generate_stream,
    .render = gemini_generate_render,
    .error = gemini_generate_error,
    .stream_error = gemini_generate_stream_error,
    .keep_alive = {"\r\n", 2},
    .unless_sse = &json_array,
    .words = words,
    .count = gemini_generate_count,
};

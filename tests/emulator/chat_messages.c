/*
 * Validation of messages[] of chat completions. See chat.h. Error texts are those that OpenAI
 * and Azure OpenAI answer with.
 */
#include "chat.h"
#include "inference.h"
#include "json.h"
#include "wire.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

enum { MAX_CALL_ID = 40 };

struct reading {
    struct exchange *x;
    struct convo *c;
    const cJSON *pending; /* tool_calls of the last assistant message */
    const cJSON *answered[64];
    size_t answered_count;
    int index;
    bool azure, saw_system, saw_developer;
};

static const char *where(const struct reading *r, const char *rest)
{
    return pool_printf(&r->x->pool, "messages[%d]%s", r->index, rest);
}

static bool unknown_field(struct reading *r, const cJSON *object, const char *const *known,
                          const char *place)
{
    const cJSON *item = json_unknown(object, known);
    const char *param;

    if (!item)
        return false;
    param = pool_printf(&r->x->pool, "%s.%s", where(r, place), item->string);
    chat_bad(r->x, "unknown_parameter", param, "Unknown parameter: '%s'.", param);
    return true;
}

/* data:TYPE;base64,DATA. Fills kind and length; NULL kind if it is not such a URL. */
static const char *data_url(struct pool *pool, const char *url, size_t *len, const char **sniffed)
{
    const char *comma = strchr(url, ','), *semi = strchr(url, ';');
    unsigned char *bytes;

    if (strncasecmp(url, "data:", 5) || !comma || !semi || semi > comma ||
        strncmp(semi, ";base64,", 8))
        return NULL;
    bytes = base64_decode(pool, comma + 1, len);
    if (!bytes || !*len)
        return NULL;
    *sniffed = media_kind(bytes, *len);
    return pool_copy(pool, url + 5, (size_t)(semi - url - 5));
}

static bool read_image(struct reading *r, const cJSON *part, const char *place)
{
    static const char *const part_known[] = {"type", "image_url", NULL};
    static const char *const known[] = {"url", "detail", NULL};
    static const char *const details[] = {"auto", "low", "high", "original", NULL};
    const cJSON *image = json_get(part, "image_url");
    const char *url = json_str(image, "url"), *kind, *sniffed = NULL;
    size_t len = 0;

    if (unknown_field(r, part, part_known, place) || unknown_field(r, image, known, place))
        return false;
    if (!url)
        return chat_bad(r->x, "missing_required_parameter", where(r, place),
                        "Missing required parameter: '%s.image_url.url'.", where(r, place));
    if (json_get(image, "detail") && !word_in(json_str(image, "detail"), details))
        return chat_bad(r->x, "invalid_value", where(r, place), "Invalid value for 'detail'.");
    if (strstr(r->c->model, "o3-mini") || !strncmp(r->c->model, "mistral", 7))
        return chat_bad(r->x, NULL, where(r, place),
                        "Invalid content type. image_url is only supported by certain models.");
    if (!strncmp(url, "https://", 8) || !strncmp(url, "http://", 7)) {
        convo_see(r->c, "image url %.80s", url);
        return true;
    }
    kind = data_url(&r->x->pool, url, &len, &sniffed);
    if (!kind)
        return chat_bad(r->x, "invalid_image_url", where(r, place),
                        "Invalid image URL: it must be an http(s) or a base64 data URL.");
    if (!sniffed || strncmp(kind, "image/", 6) || !strcmp(sniffed, "pdf"))
        return chat_bad(r->x, "invalid_image_format", where(r, place),
                        "You uploaded an unsupported image. Please make sure your image has of one "
                        "the following formats: ['png', 'jpeg', 'gif', 'webp'].");
    convo_see(r->c, "image %s %zu bytes", sniffed, len);
    r->c->payload_bytes += 340;
    return true;
}

static bool read_file(struct reading *r, const cJSON *part, const char *place)
{
    const cJSON *file = json_get(part, "file");
    const char *bytes = json_str(file, "file_data"), *name = json_str(file, "filename");
    const char *sniffed = NULL;
    size_t len = 0;

    if (!bytes || !name || !data_url(&r->x->pool, bytes, &len, &sniffed))
        return chat_bad(r->x, "invalid_value", where(r, place),
                        "Invalid file data: expected 'filename' and a base64 data URL.");
    convo_see(r->c, "document %.60s %zu bytes", name, len);
    return true;
}

static bool read_text_part(struct reading *r, const cJSON *part, const char *place)
{
    static const char *const known[] = {"type", "text", NULL};

    if (unknown_field(r, part, known, place))
        return false;
    if (!json_str(part, "text"))
        return chat_bad(r->x, "invalid_type", where(r, place),
                        "Invalid type for '%s.text': expected a string.", where(r, place));
    convo_say(r->c, json_str(part, "text"));
    return true;
}

static bool read_part(struct reading *r, const cJSON *part, int i, bool user)
{
    const char *type = json_str(part, "type");
    char place[40];

    snprintf(place, sizeof place, ".content[%d]", i);
    if (type && !strcmp(type, "text"))
        return read_text_part(r, part, place);
    if (type && user && !strcmp(type, "image_url"))
        return read_image(r, part, place);
    if (type && user && r->azure && !strcmp(type, "file"))
        return read_file(r, part, place);
    if (type && !user && !strcmp(type, "refusal"))
        return true;
    return chat_bad(r->x, "invalid_value", where(r, place),
                    "Invalid value: '%s'. Supported values are: 'text', 'image_url', "
                    "'input_audio', 'refusal', 'audio', and 'file'.",
                    type ? type : "null");
}

/* The content of any message; its text goes to the current turn. */
static bool read_content(struct reading *r, const cJSON *message, bool user, bool optional)
{
    const cJSON *content = json_get(message, "content"), *part;
    int i = 0;

    if (cJSON_IsString(content)) {
        convo_say(r->c, content->valuestring);
        return true;
    }
    if (!content && optional)
        return true;
    if (!cJSON_IsArray(content))
        return chat_bad(r->x, "invalid_type", where(r, ".content"),
                        "Invalid value for 'content': expected a string, got %s.",
                        content ? "object" : "null");
    if (!cJSON_GetArraySize(content))
        return chat_bad(r->x, "empty_array", where(r, ".content"),
                        "Invalid '%s': empty array. Expected an array with minimum length 1, but "
                        "got an empty array instead.",
                        where(r, ".content"));
    cJSON_ArrayForEach(part, content)
    {
        if (!read_part(r, part, i++, user))
            return false;
    }
    return true;
}

static bool call_id_good(struct reading *r, const char *id, const char *place)
{
    if (!r->azure && !strncmp(r->c->model, "mistral", 7)) {
        if (strlen(id) == 9 && name_matches(id, "", 9))
            return true;
        return chat_bad(r->x, NULL, NULL,
                        "Tool call id was %s but must be a-z, A-Z, 0-9, with a length of 9.", id);
    }
    if (strlen(id) <= MAX_CALL_ID)
        return true;
    return chat_bad(r->x, "string_above_max_length", where(r, place),
                    "Invalid '%s': string too long. Expected a string with maximum length %d, but "
                    "instead got a string with length %zu instead.",
                    where(r, place), MAX_CALL_ID, strlen(id));
}

static bool read_call(struct reading *r, const cJSON *call, int i)
{
    static const char *const known[] = {"id", "type", "function", "index", NULL};
    static const char *const function_known[] = {"name", "arguments", NULL};
    const cJSON *function = json_get(call, "function");
    const char *id = json_str(call, "id"), *name = json_str(function, "name");
    const char *type = json_str(call, "type");
    char place[48];

    snprintf(place, sizeof place, ".tool_calls[%d]", i);
    if (unknown_field(r, call, known, place) || unknown_field(r, function, function_known, place))
        return false;
    if (!id || !name || !json_str(function, "arguments") || !type || strcmp(type, "function"))
        return chat_bad(r->x, "missing_required_parameter", where(r, place),
                        "Missing required parameter: '%s' needs id, type 'function', "
                        "function.name and function.arguments.",
                        where(r, place));
    if (!name_matches(name, "_-", 64))
        return chat_bad(r->x, "invalid_value", where(r, place),
                        "Invalid '%s.function.name': string does not match pattern. Expected a "
                        "string that matches the pattern '^[a-zA-Z0-9_-]+$'.",
                        where(r, place));
    if (!call_id_good(r, id, pool_printf(&r->x->pool, "%s.id", place)))
        return false;
    convo_call(r->c, id, name);
    return true;
}

static bool read_assistant(struct reading *r, const cJSON *message)
{
    static const char *const known[] = {"role",    "content", "name",          "tool_calls",
                                        "refusal", "audio",   "function_call", NULL};
    static const char *const hosted_known[] = {
        "role", "content", "name", "tool_calls", "refusal", "prefix", "reasoning_content", NULL};
    const cJSON *calls = json_get(message, "tool_calls"), *call;
    int i = 0;

    if (unknown_field(r, message, r->azure ? known : hosted_known, ""))
        return false;
    convo_turn(r->c, TURN_ASSISTANT);
    if (!read_content(r, message, false, calls || json_get(message, "refusal")))
        return false;
    if (calls && !cJSON_GetArraySize(calls))
        return chat_bad(r->x, "empty_array", where(r, ".tool_calls"),
                        "Invalid '%s': empty array. Expected an array with minimum length 1, but "
                        "got an empty array instead.",
                        where(r, ".tool_calls"));
    cJSON_ArrayForEach(call, calls)
    {
        if (!read_call(r, call, i++))
            return false;
    }
    r->pending = calls;
    r->answered_count = 0;
    return true;
}

static bool is_pending(const struct reading *r, const char *id)
{
    const cJSON *call;

    cJSON_ArrayForEach(call, r->pending)
    {
        if (!strcmp(json_str(call, "id"), id))
            return true;
    }
    return false;
}

static bool read_tool_result(struct reading *r, const cJSON *message)
{
    static const char *const known[] = {"role", "content", "tool_call_id", "name", NULL};
    const char *id = json_str(message, "tool_call_id");
    struct buf text = {&r->x->pool, NULL, 0, 0}, kept;

    if (unknown_field(r, message, known, ""))
        return false;
    if (!id)
        return chat_bad(r->x, "missing_required_parameter", where(r, ".tool_call_id"),
                        "Missing required parameter: '%s'.", where(r, ".tool_call_id"));
    if (!is_pending(r, id))
        return chat_bad(r->x, NULL, where(r, ".role"),
                        "Invalid parameter: messages with role 'tool' must be a response to a "
                        "preceeding message with 'tool_calls'.");
    if (!r->c->turns[r->c->turn_count - 1].has_results)
        convo_turn(r->c, TURN_USER);
    /* The result's text belongs to the result, not to what the user said. */
    kept = r->c->turns[r->c->turn_count - 1].text;
    r->c->turns[r->c->turn_count - 1].text = text;
    if (!read_content(r, message, false, false))
        return false;
    convo_result(r->c, id, NULL, buf_str(&r->c->turns[r->c->turn_count - 1].text));
    r->c->turns[r->c->turn_count - 1].text = kept;
    if (r->answered_count < 64)
        r->answered[r->answered_count++] = json_get(message, "tool_call_id");
    return true;
}

/* Every call of the last assistant message must have been answered by now. */
static bool pending_done(struct reading *r)
{
    struct buf missing = {&r->x->pool, NULL, 0, 0};
    const cJSON *call;
    size_t i;

    cJSON_ArrayForEach(call, r->pending)
    {
        const char *id = json_str(call, "id");
        for (i = 0; i < r->answered_count; i++)
            if (!strcmp(r->answered[i]->valuestring, id))
                break;
        if (i == r->answered_count) {
            buf_text(&missing, missing.len ? ", " : "");
            buf_text(&missing, id);
        }
    }
    r->pending = NULL;
    if (!missing.len)
        return true;
    return chat_bad(r->x, NULL, pool_printf(&r->x->pool, "messages.[%d].role", r->index),
                    "An assistant message with 'tool_calls' must be followed by tool messages "
                    "responding to each 'tool_call_id'. The following tool_call_ids did not have "
                    "response messages: %s",
                    missing.at);
}

static bool read_spoken(struct reading *r, const cJSON *message, bool user)
{
    static const char *const known[] = {"role", "content", "name", NULL};

    if (unknown_field(r, message, known, ""))
        return false;
    convo_turn(r->c, user ? TURN_USER : TURN_SYSTEM);
    return read_content(r, message, user, false);
}

static bool read_message(struct reading *r, const cJSON *message)
{
    const char *role = json_str(message, "role");

    if (!role)
        return chat_bad(r->x, "missing_required_parameter", where(r, ".role"),
                        "Missing required parameter: '%s'.", where(r, ".role"));
    if (!strcmp(role, "tool"))
        return read_tool_result(r, message);
    if (!pending_done(r))
        return false;
    if (!strcmp(role, "assistant"))
        return read_assistant(r, message);
    if (!strcmp(role, "user"))
        return read_spoken(r, message, true);
    r->saw_system |= !strcmp(role, "system");
    r->saw_developer |= !strcmp(role, "developer");
    if (!strcmp(role, "system") || (r->azure && !strcmp(role, "developer")))
        return read_spoken(r, message, false);
    return chat_bad(r->x, "invalid_value", where(r, ".role"),
                    "Invalid value: '%s'. Supported values are: 'system', 'assistant', 'user', "
                    "'function', 'tool', and 'developer'.",
                    role);
}

bool chat_read_messages(struct exchange *x, struct convo *c)
{
    const cJSON *messages = json_get(x->json, "messages"), *message;
    struct reading r = {.x = x, .c = c, .azure = x->family == &azure_family};

    if (!messages)
        return chat_bad(x, "missing_required_parameter", "messages",
                        "Missing required parameter: 'messages'.");
    if (!cJSON_IsArray(messages) || !cJSON_GetArraySize(messages))
        return chat_bad(x, "empty_array", "messages",
                        "Invalid 'messages': empty array. Expected an array with minimum length 1, "
                        "but got an empty array instead.");
    cJSON_ArrayForEach(message, messages)
    {
        if (!read_message(&r, message))
            return false;
        r.index++;
    }
    if (r.saw_system && r.saw_developer)
        return chat_bad(x, "invalid_value", "messages",
                        "A request may have 'system' or 'developer' messages, not both.");
    return pending_done(&r);
}

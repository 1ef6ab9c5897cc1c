/* messages[] of Converse. See converse.h. Error texts are those of Amazon Bedrock. */
#include "converse.h"
#include "json.h"
#include "wire.h"

#include <string.h>

static const char *here(const struct converse_reading *r)
{
    return pool_printf(&r->x->pool, "messages.%d.content.%d", r->message, r->block);
}

bool converse_members_good(struct exchange *x, const cJSON *object, const char *const *known,
                           const char *place)
{
    const cJSON *extra = json_unknown(object, known);

    if (!extra)
        return true;
    return bedrock_bad(x,
                       "The model returned the following errors: Malformed input request: #%s: "
                       "extraneous key [%s] is not permitted, please reformat your input and "
                       "try again.",
                       place, extra->string);
}

bool converse_mark(struct converse_reading *r, const cJSON *point)
{
    static const char *const known[] = {"type", "ttl", NULL};
    const char *type = json_str(point, "type"), *ttl = json_str(point, "ttl");

    if (!type || strcmp(type, "default"))
        return bedrock_bad(r->x, "1 validation error detected: cachePoint.type must be 'default'");
    if (!converse_members_good(r->x, point, known, "/cachePoint"))
        return false;
    if (++r->marks > MAX_MARKS)
        return bedrock_bad(r->x, "A maximum of 4 cachePoint blocks may be provided. Found %d.",
                           r->marks);
    prefix_mark(&r->prefix, ttl && !strcmp(ttl, "1h"));
    return true;
}

/* What may not stand right in front of a point: for Nova anything but text, for Claude a document
   that AWS turns into text. */
static bool read_point(struct converse_reading *r, const cJSON *point)
{
    const char *format = json_str(json_get(r->before, "document"), "format");

    if (!r->before)
        return bedrock_bad(r->x, "There is nothing available to cache. Please remove the invalid "
                                 "cache point and try again.");
    if (!r->claude && !json_get(r->before, "text"))
        return bedrock_bad(r->x,
                           "Malformed input request: #/messages/%d/content/%d: extraneous key "
                           "[cachePoint] is not permitted, please reformat your input and try "
                           "again.",
                           r->message, r->block);
    if (r->claude && format && strcmp(format, "pdf"))
        return bedrock_bad(r->x, "The model returned the following errors: %s.type: Field required",
                           here(r));
    return converse_mark(r, point);
}

static bool read_text(struct converse_reading *r, const cJSON *text)
{
    if (!cJSON_IsString(text))
        return bedrock_bad(r->x, "%s.text: expected a string", here(r));
    if (!text->valuestring[strspn(text->valuestring, " \t\r\n")])
        return bedrock_bad(r->x,
                           "The text field in the ContentBlock object at %s is blank. Add "
                           "text to the text field, and try again.",
                           here(r));
    r->has_text = true;
    convo_say(r->c, text->valuestring);
    return true;
}

static bool read_image(struct converse_reading *r, const cJSON *image)
{
    static const char *const known[] = {"format", "source", NULL};
    static const char *const source_known[] = {"bytes", NULL};
    const cJSON *source = json_get(image, "source");

    return converse_members_good(r->x, image, known, "/image") &&
           converse_members_good(r->x, source, source_known, "/image/source") &&
           bedrock_image(r->x, r->c, json_str(image, "format"), json_str(source, "bytes"),
                         pool_printf(&r->x->pool, "%s.image.source", here(r)));
}

/* Letters, digits, single spaces, hyphens, parentheses and square brackets. */
static bool document_name_good(const char *name)
{
    return name && !strstr(name, "  ") && name_matches(name, " -()[]", 200);
}

static bool read_document(struct converse_reading *r, const cJSON *document)
{
    static const char *const known[] = {"format", "name", "source", "context", "citations", NULL};
    static const char *const formats[] = {"pdf",  "csv",  "doc", "docx", "xls",
                                          "xlsx", "html", "txt", "md",   NULL};
    const char *name = json_str(document, "name"), *format = json_str(document, "format");
    const char *data = json_str(json_get(document, "source"), "bytes");
    bool cite = json_true(json_get(document, "citations"), "enabled");
    const char *text = NULL;
    size_t len = 0;

    if (!converse_members_good(r->x, document, known, "/document"))
        return false;
    if (!word_in(format, formats))
        return bedrock_bad(r->x, "%s.document.format: unsupported format", here(r));
    if (!document_name_good(name))
        return bedrock_bad(r->x, "The document file name can only contain alphanumeric characters, "
                                 "whitespace characters, hyphens, parentheses, and square "
                                 "brackets. The name can't contain more than one consecutive "
                                 "whitespace character. Edit the file name and try again.");
    if (data)
        text = (const char *)base64_decode(&r->x->pool, data, &len);
    if (!text || !len)
        return bedrock_bad(r->x, "%s.document.source.bytes: invalid base64", here(r));
    if (cite && !r->claude)
        return bedrock_bad(r->x, "This model doesn't support citations.");
    r->has_document = true;
    convo_source(r->c, strcmp(format, "pdf") ? CITE_CHARS : CITE_PAGES, name, NULL,
                 strcmp(format, "pdf") ? text : "(what page 1 says)", cite);
    convo_see(r->c, "document %s %zu bytes", format, len);
    return true;
}

static bool tool_id_good(struct converse_reading *r, const char *id)
{
    if (id && name_matches(id, "_-", 64))
        return true;
    return bedrock_bad(r->x,
                       "1 validation error detected: Value at '%s.toolUseId' failed to "
                       "satisfy constraint: Member must satisfy regular expression pattern: "
                       "[a-zA-Z0-9_-]+ and have length less than or equal to 64",
                       here(r));
}

static bool read_tool_use(struct converse_reading *r, const cJSON *use)
{
    static const char *const known[] = {"toolUseId", "name", "input", NULL};
    const char *id = json_str(use, "toolUseId"), *name = json_str(use, "name");

    if (!converse_members_good(r->x, use, known, "/toolUse") || !tool_id_good(r, id))
        return false;
    if (!name || !name_matches(name, "_-", 64))
        return bedrock_bad(r->x, "%s.toolUse.name: does not match [a-zA-Z0-9_-]+", here(r));
    if (!cJSON_IsObject(json_get(use, "input")))
        return bedrock_bad(r->x,
                           "The format of the value at %s.toolUse.input is invalid. Provide "
                           "a json object for the field and try again.",
                           here(r));
    if (r->pending_count < 64)
        r->pending[r->pending_count++] = id;
    r->has_tool_blocks = true;
    convo_call(r->c, id, name);
    return true;
}

static bool read_result_part(struct converse_reading *r, const cJSON *part, struct buf *text)
{
    const cJSON *one = part->child;

    if (!cJSON_IsObject(part) || !one || one->next)
        return bedrock_bad(r->x, "%s.toolResult.content: exactly one member must be set", here(r));
    if (!strcmp(one->string, "text") && cJSON_IsString(one) && *one->valuestring) {
        buf_text(text, one->valuestring);
        return true;
    }
    if (!strcmp(one->string, "json") && cJSON_IsObject(one)) {
        buf_text(text, json_text(&r->x->pool, one));
        return true;
    }
    if (!strcmp(one->string, "image"))
        return read_image(r, one);
    if (!strcmp(one->string, "document"))
        return read_document(r, one);
    return bedrock_bad(r->x, "%s.toolResult.content: The content field is invalid or blank.",
                       here(r));
}

static bool result_expected(struct converse_reading *r, const char *id)
{
    size_t i;

    for (i = 0; i < r->pending_count; i++) {
        if (strcmp(r->pending[i], id))
            continue;
        r->pending[i] = r->pending[--r->pending_count];
        return true;
    }
    return bedrock_bad(r->x,
                       "The number of toolResult blocks at messages.%d.content exceeds the "
                       "number of toolUse blocks of previous turn.",
                       r->message);
}

static bool read_result(struct converse_reading *r, const cJSON *result)
{
    static const char *const known[] = {"toolUseId", "content", "status", NULL};
    static const char *const statuses[] = {"success", "error", NULL};
    const char *id = json_str(result, "toolUseId"), *status = json_str(result, "status");
    const cJSON *content = json_get(result, "content"), *part;
    struct buf text = {&r->x->pool, NULL, 0, 0};

    if (!converse_members_good(r->x, result, known, "/toolResult") || !tool_id_good(r, id))
        return false;
    if (!cJSON_IsArray(content))
        return bedrock_bad(r->x, "%s.toolResult.content: a list is required", here(r));
    if (json_get(result, "status") && !word_in(status, statuses))
        return bedrock_bad(r->x, "%s.toolResult.status: must be success or error", here(r));
    if (status && !strcmp(status, "error"))
        buf_text(&text, "(error) ");
    cJSON_ArrayForEach(part, content)
    {
        if (!read_result_part(r, part, &text))
            return false;
    }
    if (!result_expected(r, id))
        return false;
    convo_result(r->c, id, NULL, buf_str(&text));
    r->has_tool_blocks = true;
    return true;
}

static bool read_reasoning(struct converse_reading *r, const cJSON *reasoning)
{
    const cJSON *thought = json_get(reasoning, "reasoningText");
    const char *text = json_str(thought, "text"), *signature = json_str(thought, "signature");
    const char *redacted = json_str(reasoning, "redactedContent");

    if (!r->claude)
        return bedrock_bad(r->x, "This model doesn't support the reasoningContent field. Remove "
                                 "reasoningContent and try again.");
    if (redacted && redacted_good(&r->x->pool, redacted))
        return true;
    if (text && signature && !strcmp(signature, seal_text(&r->x->pool, "claude", text)))
        return true;
    return bedrock_bad(r->x, "%s: Invalid `signature` in `thinking` block", here(r));
}

static const struct {
    const char *member;
    bool user, assistant;
    bool (*read)(struct converse_reading *r, const cJSON *value);
} block_kinds[] = {
    {"text", true, true, read_text},          {"image", true, false, read_image},
    {"document", true, false, read_document}, {"toolResult", true, false, read_result},
    {"toolUse", false, true, read_tool_use},  {"reasoningContent", false, true, read_reasoning},
    {"cachePoint", true, true, read_point},
};

static bool read_block(struct converse_reading *r, const cJSON *block, bool user)
{
    const cJSON *one = block->child;
    size_t i;

    if (!cJSON_IsObject(block) || !one || one->next)
        return bedrock_bad(r->x, "Unexpected field type: exactly one member must be set at %s",
                           here(r));
    for (i = 0; i < sizeof block_kinds / sizeof block_kinds[0]; i++)
        if (!strcmp(one->string, block_kinds[i].member) &&
            (user ? block_kinds[i].user : block_kinds[i].assistant))
            break;
    if (i == sizeof block_kinds / sizeof block_kinds[0])
        return bedrock_bad(r->x, "%s: Unknown or misplaced content block '%s' in a %s message",
                           here(r), one->string, user ? "user" : "assistant");
    if (strcmp(one->string, "cachePoint"))
        prefix_add(&r->prefix, json_text(&r->x->pool, block));
    return block_kinds[i].read(r, one);
}

static bool results_complete(struct converse_reading *r)
{
    struct buf ids = {&r->x->pool, NULL, 0, 0};
    size_t i;

    for (i = 0; i < r->pending_count; i++) {
        buf_text(&ids, i ? ", " : "");
        buf_text(&ids, r->pending[i]);
    }
    if (!r->pending_count)
        return true;
    return bedrock_bad(r->x,
                       "Expected toolResult blocks at messages.%d.content for the following "
                       "Ids: %s",
                       r->message, ids.at);
}

static bool read_message(struct converse_reading *r, const cJSON *message, bool user)
{
    static const char *const known[] = {"role", "content", NULL};
    const cJSON *content = json_get(message, "content"), *block;

    if (!converse_members_good(r->x, message, known, "/messages"))
        return false;
    if (!cJSON_IsArray(content) || !cJSON_GetArraySize(content))
        return bedrock_bad(r->x,
                           "The content field in the Message object at messages.%d is "
                           "empty. Add a ContentBlock object to the content field and try "
                           "again.",
                           r->message);
    convo_turn(r->c, user ? TURN_USER : TURN_ASSISTANT);
    r->has_document = r->has_text = false;
    r->block = 0;
    r->before = NULL;
    cJSON_ArrayForEach(block, content)
    {
        if (!read_block(r, block, user))
            return false;
        r->before = block;
        r->block++;
    }
    if (r->has_document && !r->has_text)
        return bedrock_bad(r->x,
                           "The messages.%d.content field must include a text ContentBlock "
                           "when it includes a document.",
                           r->message);
    return !user || results_complete(r);
}

bool converse_read_messages(struct converse_reading *r, const cJSON *messages)
{
    const cJSON *message;
    bool user = true, expected = true;

    if (!cJSON_IsArray(messages) || !cJSON_GetArraySize(messages))
        return bedrock_bad(r->x, "1 validation error detected: Value at 'messages' failed to "
                                 "satisfy constraint: Member must have length greater than or "
                                 "equal to 1");
    cJSON_ArrayForEach(message, messages)
    {
        const char *role = json_str(message, "role");
        user = role && !strcmp(role, "user");
        if (!role || (!user && strcmp(role, "assistant")))
            return bedrock_bad(r->x,
                               "Value '%s' at 'messages.%d.member.role' failed to satisfy "
                               "constraint: Member must satisfy enum value set: [user, "
                               "assistant]",
                               role ? role : "null", r->message);
        if (user != expected)
            return bedrock_bad(r->x, r->message
                                         ? "A conversation must alternate between user and "
                                           "assistant roles. Make sure the conversation "
                                           "alternates between user and assistant roles and try "
                                           "again."
                                         : "A conversation must start with a user message. Try "
                                           "again with a conversation that starts with a user "
                                           "message.");
        if (!read_message(r, message, user))
            return false;
        expected = !user;
        r->message++;
    }
    if (!user && r->claude && claude_of(r->c->model).version >= 46)
        return bedrock_bad(r->x, "This model does not support assistant message prefill. The "
                                 "conversation must end with a user message.");
    return results_complete(r);
}

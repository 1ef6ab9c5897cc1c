/*
 * messages[] of Claude on Bedrock. See claude_messages.h. Error texts are those of the
 * Anthropic API.
 */
#include "claude_messages.h"

#include "json.h"
#include "wire.h"

#include <string.h>

static const char *here(const struct claude_reading *r, const char *rest)
{
    return pool_printf(&r->x->pool, "messages.%d.content.%d%s", r->message, r->block, rest);
}

bool claude_members_good(struct claude_reading *r, const cJSON *block, const char *const *known,
                         const char *place)
{
    const cJSON *extra = json_unknown(block, known);

    if (!extra)
        return true;
    return bedrock_bad(r->x, "%s.%s: Extra inputs are not permitted", place, extra->string);
}

static bool ttl_good(struct claude_reading *r, const cJSON *mark, const char *place)
{
    const char *ttl = json_str(mark, "ttl");
    bool hour = ttl && !strcmp(ttl, "1h");

    if (json_get(mark, "ttl") && r->model.version < 45)
        return bedrock_bad(r->x, "%s.cache_control.ephemeral.ttl: Extra inputs are not permitted",
                           place);
    if (json_get(mark, "ttl") && !hour && (!ttl || strcmp(ttl, "5m")))
        return bedrock_bad(r->x, "%s.cache_control.ephemeral.ttl: Input should be '5m' or '1h'",
                           place);
    if (hour && r->saw_short_ttl)
        return bedrock_bad(r->x,
                           "%s.cache_control.ttl: a ttl='1h' cache_control block must not "
                           "come after a ttl='5m' cache_control block. Note that blocks are "
                           "processed in the following order: `tools`, `system`, `messages`.",
                           place);
    r->saw_short_ttl |= !hour;
    return true;
}

bool claude_mark_good(struct claude_reading *r, const cJSON *block, const char *place)
{
    static const char *const known[] = {"type", "ttl", NULL};
    const cJSON *mark = json_get(block, "cache_control");
    const char *type = json_str(mark, "type");

    if (!mark)
        return true;
    if (!type || strcmp(type, "ephemeral"))
        return bedrock_bad(r->x,
                           "%s.cache_control: Input tag '%s' found using 'type' does not "
                           "match any of the expected tags: 'ephemeral'",
                           place, type ? type : "null");
    if (!claude_members_good(r, mark, known,
                             pool_printf(&r->x->pool, "%s.cache_control.ephemeral", place)) ||
        !ttl_good(r, mark, place))
        return false;
    if (++r->marks > MAX_MARKS)
        return bedrock_bad(r->x,
                           "A maximum of 4 blocks with cache_control may be provided. Found "
                           "%d.",
                           r->marks);
    return true;
}

void claude_prefix_add(struct claude_reading *r, const cJSON *block)
{
    cJSON *bare = pool_keep(&r->x->pool, cJSON_Duplicate(block, true));
    const cJSON *mark = json_get(block, "cache_control");
    const char *ttl = json_str(mark, "ttl");

    cJSON_DeleteItemFromObjectCaseSensitive(bare, "cache_control");
    prefix_add(&r->prefix, json_text(&r->x->pool, bare));
    if (mark)
        prefix_mark(&r->prefix, ttl && !strcmp(ttl, "1h"));
}

static bool is_blank(const char *text)
{
    return text[strspn(text, " \t\r\n")] == '\0';
}

bool claude_text_good(struct claude_reading *r, const cJSON *block, const char *place)
{
    static const char *const known[] = {"type", "text", "cache_control", "citations", NULL};
    const char *text = json_str(block, "text");

    if (!claude_members_good(r, block, known, pool_printf(&r->x->pool, "%s.text", place)))
        return false;
    if (!text)
        return bedrock_bad(r->x, "%s.text.text: Field required", place);
    if (!*text && json_get(block, "cache_control"))
        return bedrock_bad(r->x, "%s.text: cache_control cannot be set for empty text blocks",
                           place);
    if (!*text)
        return bedrock_bad(r->x, "messages: text content blocks must be non-empty");
    if (is_blank(text))
        return bedrock_bad(r->x, "messages: text content blocks must contain non-whitespace text");
    return claude_citations_good(r, block, place) && claude_mark_good(r, block, place);
}

static bool read_text(struct claude_reading *r, const cJSON *block)
{
    if (!claude_text_good(r, block, here(r, "")))
        return false;
    convo_say(r->c, json_str(block, "text"));
    return true;
}

static bool read_image(struct claude_reading *r, const cJSON *block)
{
    static const char *const known[] = {"type", "source", "cache_control", NULL};
    static const char *const source_known[] = {"type", "media_type", "data", NULL};
    const cJSON *source = json_get(block, "source");
    const char *type = json_str(source, "type"), *media = json_str(source, "media_type");

    if (!claude_members_good(r, block, known, here(r, ".image")))
        return false;
    if (!type || strcmp(type, "base64"))
        return bedrock_bad(r->x, "%s: URL sources are not supported", here(r, ".image.source"));
    if (!claude_members_good(r, source, source_known, here(r, ".image.source.base64")))
        return false;
    media = media && !strncmp(media, "image/", 6) ? media + 6 : NULL;
    return bedrock_image(r->x, r->c, media, json_str(source, "data"),
                         here(r, ".image.source.base64")) &&
           claude_mark_good(r, block, here(r, ""));
}

static bool read_pdf(struct claude_reading *r, const cJSON *source)
{
    const char *media = json_str(source, "media_type"), *data = json_str(source, "data"), *kind;
    unsigned char *bytes;
    size_t len = 0;

    if (!media || strcmp(media, "application/pdf"))
        return bedrock_bad(r->x, "%s: Input should be 'application/pdf'",
                           here(r, ".document.source.base64.media_type"));
    bytes = data ? base64_decode(&r->x->pool, data, &len) : NULL;
    kind = bytes ? media_kind(bytes, len) : NULL;
    if (!kind || strcmp(kind, "pdf"))
        return bedrock_bad(r->x, "The PDF specified was not valid.");
    convo_see(r->c, "document pdf %zu bytes", len);
    return true;
}

static void note_document(struct claude_reading *r, const cJSON *block, const char *type)
{
    const cJSON *source = json_get(block, "source");
    const char *text = json_str(source, "data");
    enum citable_kind kind = CITE_CHARS;

    if (!strcmp(type, "base64")) {
        kind = CITE_PAGES;
        text = "(what page 1 says)";
    } else if (!strcmp(type, "content")) {
        kind = CITE_BLOCKS;
        text = json_str(json_get(source, "content")->child, "text");
    }
    convo_source(r->c, kind, json_str(block, "title"), NULL, text ? text : "",
                 claude_wants_citations(block));
}

static bool read_document(struct claude_reading *r, const cJSON *block)
{
    static const char *const known[] = {"type",      "source", "cache_control", "title", "context",
                                        "citations", NULL};
    const cJSON *source = json_get(block, "source");
    const char *type = json_str(source, "type");

    if (!claude_members_good(r, block, known, here(r, ".document")))
        return false;
    if (type && !strcmp(type, "text") && json_str(source, "data"))
        convo_see(r->c, "document text %zu bytes", strlen(json_str(source, "data")));
    else if (type && !strcmp(type, "content"))
        convo_see(r->c, "document content");
    else if (!type || strcmp(type, "base64"))
        return bedrock_bad(r->x,
                           "%s: Input tag '%s' found using 'type' does not match any of the "
                           "expected tags: 'base64', 'content', 'text'",
                           here(r, ".document.source"), type ? type : "null");
    else if (!read_pdf(r, source))
        return false;
    note_document(r, block, type);
    return claude_mark_good(r, block, here(r, ""));
}

static bool read_result_part(struct claude_reading *r, const cJSON *part, struct buf *text)
{
    static const char *const kept[] = {"image", "document", "search_result", NULL};
    const char *type = json_str(part, "type");

    if (type && !strcmp(type, "text")) {
        if (!claude_text_good(r, part, here(r, ".tool_result.content")))
            return false;
        buf_text(text, json_str(part, "text"));
        return true;
    }
    if (!word_in(type, kept))
        return bedrock_bad(r->x,
                           "%s: Input tag '%s' found using 'type' does not match any of the "
                           "expected tags: 'document', 'image', 'search_result', 'text'",
                           here(r, ".tool_result.content"), type ? type : "null");
    if (!strcmp(type, "image"))
        return read_image(r, part);
    if (!strcmp(type, "document"))
        return read_document(r, part);
    return claude_read_search_result(r, part, here(r, ".tool_result.content"));
}

static bool result_expected(struct claude_reading *r, const char *id)
{
    size_t i;

    for (i = 0; i < r->pending_count; i++) {
        if (strcmp(r->pending[i], id) || r->answered[i])
            continue;
        r->answered[i] = true;
        return true;
    }
    return bedrock_bad(r->x,
                       "%s: unexpected `tool_use_id` found in `tool_result` blocks: %s. Each "
                       "`tool_result` block must have a corresponding `tool_use` block in "
                       "the previous message.",
                       here(r, ""), id);
}

static bool read_result(struct claude_reading *r, const cJSON *block)
{
    static const char *const known[] = {"type",     "tool_use_id",   "content",
                                        "is_error", "cache_control", NULL};
    const cJSON *content = json_get(block, "content"), *part;
    const char *id = json_str(block, "tool_use_id");
    struct buf text = {&r->x->pool, NULL, 0, 0};

    if (!claude_members_good(r, block, known, here(r, ".tool_result")))
        return false;
    if (!id)
        return bedrock_bad(r->x, "%s: Field required", here(r, ".tool_result.tool_use_id"));
    if (content && !cJSON_IsArray(content))
        return bedrock_bad(r->x, "%s: Input should be a valid list",
                           here(r, ".tool_result.content"));
    if (json_true(block, "is_error"))
        buf_text(&text, "(error) ");
    cJSON_ArrayForEach(part, content)
    {
        if (!read_result_part(r, part, &text))
            return false;
    }
    if (!result_expected(r, id) || !claude_mark_good(r, block, here(r, "")))
        return false;
    convo_result(r->c, id, NULL, buf_str(&text));
    r->has_tool_blocks = true;
    return true;
}

static bool read_tool_use(struct claude_reading *r, const cJSON *block)
{
    static const char *const known[] = {"type", "id", "name", "input", "cache_control", NULL};
    const char *id = json_str(block, "id"), *name = json_str(block, "name");

    if (!claude_members_good(r, block, known, here(r, ".tool_use")))
        return false;
    if (!id || !name_matches(id, "_-", 256))
        return bedrock_bad(r->x, "%s: String should match pattern '^[a-zA-Z0-9_-]+$'",
                           here(r, ".tool_use.id"));
    if (!name || !name_matches(name, "_-", 200))
        return bedrock_bad(r->x, "%s: String should match pattern '^[a-zA-Z0-9_-]{1,200}$'",
                           here(r, ".tool_use.name"));
    if (!cJSON_IsObject(json_get(block, "input")))
        return bedrock_bad(r->x, "%s: Input should be a valid dictionary",
                           here(r, ".tool_use.input"));
    if (r->pending_count < 64)
        r->pending[r->pending_count++] = id;
    r->last_has_tool_use = r->has_tool_blocks = true;
    convo_call(r->c, id, name);
    return claude_mark_good(r, block, here(r, ""));
}

static bool read_thinking(struct claude_reading *r, const cJSON *block)
{
    static const char *const known[] = {"type", "thinking", "signature", NULL};
    const char *text = json_str(block, "thinking"), *signature = json_str(block, "signature");

    if (!claude_members_good(r, block, known, here(r, ".thinking")))
        return false;
    if (!text || !signature)
        return bedrock_bad(r->x, "%s: Field required",
                           here(r, text ? ".thinking.signature" : ".thinking.thinking"));
    if (strcmp(signature, seal_text(&r->x->pool, "claude", text)))
        return bedrock_bad(r->x, "%s: Invalid `signature` in `thinking` block", here(r, ""));
    return true;
}

static bool read_redacted(struct claude_reading *r, const cJSON *block)
{
    static const char *const known[] = {"type", "data", NULL};
    const char *data = json_str(block, "data");

    if (!claude_members_good(r, block, known, here(r, ".redacted_thinking")))
        return false;
    if (!data || !redacted_good(&r->x->pool, data))
        return bedrock_bad(r->x, "%s: Invalid `data` in `redacted_thinking` block", here(r, ""));
    return true;
}

static bool read_search_result(struct claude_reading *r, const cJSON *block)
{
    return claude_read_search_result(r, block, here(r, ""));
}

static const struct {
    const char *type;
    bool user, assistant;
    bool (*read)(struct claude_reading *r, const cJSON *block);
} block_kinds[] = {
    {"text", true, true, read_text},           {"image", true, false, read_image},
    {"document", true, false, read_document},  {"search_result", true, false, read_search_result},
    {"tool_result", true, false, read_result}, {"tool_use", false, true, read_tool_use},
    {"thinking", false, true, read_thinking},  {"redacted_thinking", false, true, read_redacted},
};

static bool read_block(struct claude_reading *r, const cJSON *block, bool user)
{
    const char *type = json_str(block, "type");
    size_t i;

    for (i = 0; type && i < sizeof block_kinds / sizeof block_kinds[0]; i++)
        if (!strcmp(type, block_kinds[i].type) &&
            (user ? block_kinds[i].user : block_kinds[i].assistant))
            return block_kinds[i].read(r, block);
    return bedrock_bad(r->x,
                       "%s: Input tag '%s' found using 'type' does not match any of the "
                       "expected tags: %s",
                       here(r, ""), type ? type : "null",
                       user ? "'document', 'image', 'search_result', 'text', 'tool_result'"
                            : "'redacted_thinking', 'text', 'thinking', 'tool_use'");
}

static bool results_complete(struct claude_reading *r)
{
    struct buf missing = {&r->x->pool, NULL, 0, 0};
    size_t i;

    for (i = 0; i < r->pending_count; i++) {
        if (r->answered[i])
            continue;
        buf_text(&missing, missing.len ? ", " : "");
        buf_text(&missing, r->pending[i]);
    }
    r->pending_count = 0;
    if (!missing.len)
        return true;
    return bedrock_bad(r->x,
                       "messages.%d: `tool_use` ids were found without `tool_result` blocks "
                       "immediately after: %s. Each `tool_use` block must have a "
                       "corresponding `tool_result` block in the next message.",
                       r->message - 1, missing.at);
}

static bool is_result(const cJSON *block)
{
    const char *type = json_str(block, "type");

    return type && !strcmp(type, "tool_result");
}

static bool read_user_blocks(struct claude_reading *r, const cJSON *content)
{
    const cJSON *block;
    bool results_over = false;

    cJSON_ArrayForEach(block, content)
    {
        /* Results must come first; one behind other content does not count as immediate. */
        if (!is_result(block) && !results_over) {
            if (!results_complete(r))
                return false;
            results_over = true;
        }
        if (!read_block(r, block, true))
            return false;
        claude_prefix_add(r, block);
        r->block++;
    }
    return results_over || results_complete(r);
}

static bool read_assistant_blocks(struct claude_reading *r, const cJSON *content)
{
    const cJSON *block;

    r->pending_count = 0;
    memset(r->answered, 0, sizeof r->answered);
    r->last_has_tool_use = false;
    r->last_assistant = r->message;
    r->last_first_type = json_str(cJSON_GetArrayItem(content, 0), "type");
    cJSON_ArrayForEach(block, content)
    {
        if (!read_block(r, block, false))
            return false;
        claude_prefix_add(r, block);
        r->block++;
    }
    return true;
}

static bool read_string(struct claude_reading *r, const char *text, bool user)
{
    if (user && !results_complete(r))
        return false;
    if (!user) {
        r->last_assistant = r->message;
        r->last_first_type = "text";
        r->last_has_tool_use = false;
    }
    convo_say(r->c, text);
    prefix_add(&r->prefix, text);
    return true;
}

static bool read_content(struct claude_reading *r, const cJSON *content, bool user, bool last)
{
    bool empty = cJSON_IsString(content) ? !*content->valuestring : !cJSON_GetArraySize(content);

    r->block = 0;
    if (!cJSON_IsString(content) && !cJSON_IsArray(content))
        return bedrock_bad(r->x, "messages.%d.content: Field required", r->message);
    if (empty && (user || !last))
        return bedrock_bad(r->x,
                           "messages.%d: all messages must have non-empty content except for "
                           "the optional final assistant message",
                           r->message);
    if (cJSON_IsString(content) && user && is_blank(content->valuestring))
        return bedrock_bad(r->x, "messages: text content blocks must contain non-whitespace text");
    if (cJSON_IsString(content))
        return read_string(r, content->valuestring, user);
    return user ? read_user_blocks(r, content) : read_assistant_blocks(r, content);
}

static bool role_good(struct claude_reading *r, const char *role, const char *before)
{
    if (role && strcmp(role, "user") && strcmp(role, "assistant"))
        return bedrock_bad(r->x,
                           "messages: Unexpected role \"%s\". The Messages API accepts a "
                           "top-level `system` parameter, not \"system\" as an input "
                           "message role.",
                           role);
    if (!role)
        return bedrock_bad(r->x, "messages.%d.role: Field required", r->message);
    if (!before && strcmp(role, "user"))
        return bedrock_bad(r->x, "messages: first message must use the \"user\" role");
    if (before && !strcmp(role, before))
        return bedrock_bad(r->x,
                           "messages: roles must alternate between \"user\" and "
                           "\"assistant\", but found multiple \"%s\" roles in a row",
                           role);
    return true;
}

static bool prefill_good(struct claude_reading *r, const cJSON *last)
{
    const cJSON *content = json_get(last, "content");
    const char *text = cJSON_IsString(content) ? content->valuestring : NULL;

    if (cJSON_IsArray(content))
        text = json_str(cJSON_GetArrayItem(content, cJSON_GetArraySize(content) - 1), "text");
    if (r->model.version >= 46)
        return bedrock_bad(r->x, "This model does not support assistant message prefill. The "
                                 "conversation must end with a user message.");
    if (r->pending_count && r->last_has_tool_use)
        return results_complete(r);
    if (text && *text && strchr(" \t\r\n", text[strlen(text) - 1]))
        return bedrock_bad(r->x, "messages: final assistant content cannot end with trailing "
                                 "whitespace");
    r->prefilled = true;
    return true;
}

bool claude_read_messages(struct claude_reading *r, const cJSON *messages)
{
    static const char *const known[] = {"role", "content", NULL};
    const cJSON *message;
    const char *before = NULL, *role;

    if (!cJSON_IsArray(messages) || !cJSON_GetArraySize(messages))
        return bedrock_bad(r->x, messages ? "messages: at least one message is required"
                                          : "messages: Field required");
    r->last_assistant = -1;
    cJSON_ArrayForEach(message, messages)
    {
        role = json_str(message, "role");
        if (!role_good(r, role, before) ||
            !claude_members_good(r, message, known,
                                 pool_printf(&r->x->pool, "messages.%d", r->message)))
            return false;
        convo_turn(r->c, strcmp(role, "user") ? TURN_ASSISTANT : TURN_USER);
        if (!read_content(r, json_get(message, "content"), !strcmp(role, "user"), !message->next))
            return false;
        before = role;
        r->message++;
    }
    if (!strcmp(before, "assistant"))
        return prefill_good(r, cJSON_GetArrayItem(messages, r->message - 1));
    return true;
}

/* Validation of input[] of the Responses API. See responses.h. */
#include "responses.h"

#include "chat.h"
#include "json.h"
#include "wire.h"

#include <string.h>

enum { MAX_CALL_ID = 64, MAX_OPEN = 128 };

struct reading {
    struct exchange *x;
    struct convo *c;
    const char *open[MAX_OPEN]; /* calls without an output so far */
    size_t open_count;
    bool thought; /* the item before was reasoning */
    bool assistant;
    int index;
};

static const char *where(const struct reading *r, const char *rest)
{
    return pool_printf(&r->x->pool, "input[%d]%s", r->index, rest);
}

static bool members_good(struct reading *r, const cJSON *item, const char *const *known)
{
    const cJSON *extra = json_unknown(item, known);
    const char *param;

    if (!extra)
        return true;
    param = pool_printf(&r->x->pool, "%s.%s", where(r, ""), extra->string);
    return chat_bad(r->x, "unknown_parameter", param, "Unknown parameter: '%s'.", param);
}

/* --- reasoning ----------------------------------------------------------------------------------- */

char *responses_seal(struct pool *pool, const char *id, const char *thought)
{
    const char *inside = pool_printf(pool, "%s\n%s", id, thought);

    return pool_printf(pool, "gAAAAAB%s~%s", base64_encode(pool, inside, strlen(inside)),
                       seal_text(pool, "responses", inside));
}

const char *responses_unseal(struct pool *pool, const char *id, const char *sealed)
{
    const char *tail = strchr(sealed, '~');
    unsigned char *bytes;
    char *inside;
    size_t len;

    if (strncmp(sealed, "gAAAAAB", 7) || !tail)
        return "The encrypted content could not be verified.";
    bytes = base64_decode(pool, pool_copy(pool, sealed + 7, (size_t)(tail - sealed - 7)), &len);
    if (!bytes)
        return "The encrypted content could not be decoded.";
    inside = pool_copy(pool, (char *)bytes, len);
    if (strcmp(tail + 1, seal_text(pool, "responses", inside)))
        return "The encrypted content could not be verified.";
    if (id && (strncmp(inside, id, strlen(id)) || inside[strlen(id)] != '\n'))
        return "Encrypted content item_id did not match the target item id.";
    return NULL;
}

static bool read_reasoning(struct reading *r, const cJSON *item)
{
    static const char *const known[] = {
        "type", "id", "summary", "content", "status", "encrypted_content", NULL};
    const char *sealed = json_str(item, "encrypted_content"), *fault;

    if (!members_good(r, item, known))
        return false;
    if (!cJSON_IsArray(json_get(item, "summary")))
        return chat_bad(r->x, "missing_required_parameter", where(r, ".summary"),
                        "Missing required parameter: '%s'.", where(r, ".summary"));
    fault = sealed ? responses_unseal(&r->x->pool, json_str(item, "id"), sealed)
                   : "Item not found. Items are not persisted when `store` is set to false.";
    if (fault && (sealed || cJSON_IsFalse(json_get(r->x->json, "store"))))
        return chat_bad(r->x, "invalid_encrypted_content", where(r, ""), "%s", fault);
    r->thought = true;
    return true;
}

static bool read_compaction(struct reading *r, const cJSON *item)
{
    static const char *const known[] = {"type", "id", "encrypted_content", NULL};
    const char *sealed = json_str(item, "encrypted_content"), *fault;

    if (!members_good(r, item, known))
        return false;
    fault = sealed ? responses_unseal(&r->x->pool, json_str(item, "id"), sealed)
                   : "The encrypted content is missing.";
    if (fault)
        return chat_bad(r->x, "invalid_encrypted_content", where(r, ""), "%s", fault);
    convo_turn(r->c, TURN_SYSTEM);
    convo_say(r->c, "What was said before was compacted.");
    r->assistant = false;
    return true;
}

/* --- calls --------------------------------------------------------------------------------------- */

static bool id_good(struct reading *r, const char *id)
{
    if (!id)
        return chat_bad(r->x, "missing_required_parameter", where(r, ".call_id"),
                        "Missing required parameter: '%s'.", where(r, ".call_id"));
    if (strlen(id) <= MAX_CALL_ID)
        return true;
    return chat_bad(r->x, "string_above_max_length", where(r, ".call_id"),
                    "Invalid '%s': string too long. Expected a string with maximum length %d.",
                    where(r, ".call_id"), MAX_CALL_ID);
}

static void assistant_turn(struct reading *r)
{
    if (!r->assistant)
        convo_turn(r->c, TURN_ASSISTANT);
    r->assistant = true;
}

static bool read_call(struct reading *r, const cJSON *item)
{
    static const char *const known[] = {"type",      "id",     "call_id", "name",
                                        "arguments", "status", NULL};
    const char *id = json_str(item, "call_id"), *name = json_str(item, "name");

    if (!members_good(r, item, known) || !id_good(r, id))
        return false;
    if (!name || !name_matches(name, "_-", 64) || !json_str(item, "arguments"))
        return chat_bad(r->x, "missing_required_parameter", where(r, ""),
                        "Missing required parameter: '%s' needs name and arguments.", where(r, ""));
    assistant_turn(r);
    convo_call(r->c, id, name);
    if (r->open_count < MAX_OPEN)
        r->open[r->open_count++] = id;
    return true;
}

static bool read_parts(struct reading *r, const cJSON *parts, bool user);

static bool read_output(struct reading *r, const cJSON *item)
{
    static const char *const known[] = {"type", "id", "call_id", "output", "status", NULL};
    const char *id = json_str(item, "call_id");
    const cJSON *output = json_get(item, "output");
    struct buf text = {&r->x->pool, NULL, 0, 0}, kept;
    size_t i = 0;

    if (!members_good(r, item, known) || !id_good(r, id))
        return false;
    while (i < r->open_count && strcmp(r->open[i], id))
        i++;
    if (i == r->open_count)
        return chat_bad(r->x, NULL, "input",
                        "No tool call found for function call output with call_id %s.", id);
    r->open[i] = r->open[--r->open_count];
    r->assistant = false;
    if (!r->c->turns[r->c->turn_count - 1].has_results)
        convo_turn(r->c, TURN_USER);
    kept = r->c->turns[r->c->turn_count - 1].text;
    r->c->turns[r->c->turn_count - 1].text = text;
    if (!read_parts(r, output, true))
        return false;
    convo_result(r->c, id, NULL, buf_str(&r->c->turns[r->c->turn_count - 1].text));
    r->c->turns[r->c->turn_count - 1].text = kept;
    return true;
}

/* --- messages ------------------------------------------------------------------------------------ */

static bool read_media(struct reading *r, const char *url, const char *what)
{
    const char *comma = strstr(url, ";base64,");
    unsigned char *bytes;
    size_t len = 0;

    if (!strncmp(url, "https://", 8)) {
        convo_see(r->c, "%s url %.80s", what, url);
        return true;
    }
    bytes = !strncmp(url, "data:", 5) && comma ? base64_decode(&r->x->pool, comma + 8, &len) : NULL;
    if (!bytes)
        return chat_bad(r->x, "invalid_value", where(r, ".content"),
                        "Invalid data: expected an https or a base64 data URL.");
    convo_see(r->c, "%s %s %zu bytes", what, media_kind(bytes, len) ? media_kind(bytes, len) : "?",
              len);
    r->c->payload_bytes += 340;
    return true;
}

static bool read_part(struct reading *r, const cJSON *part, bool user)
{
    const char *type = json_str(part, "type"), *text = json_str(part, "text");

    if (type && text && !strcmp(type, user ? "input_text" : "output_text")) {
        convo_say(r->c, text);
        return true;
    }
    if (type && user && !strcmp(type, "input_image") && strstr(r->c->model, "o3-mini"))
        return chat_bad(r->x, NULL, where(r, ".content"),
                        "Invalid content type. input_image is only supported by certain models.");
    if (type && user && !strcmp(type, "input_image") && json_str(part, "image_url"))
        return read_media(r, json_str(part, "image_url"), "image");
    if (type && user && !strcmp(type, "input_file") && json_str(part, "file_data") &&
        json_str(part, "filename"))
        return read_media(r, json_str(part, "file_data"), "document");
    if (type && !user && !strcmp(type, "refusal"))
        return true;
    return chat_bad(r->x, "invalid_value", where(r, ".content"),
                    "Invalid value: '%s'. Supported values are: %s.", type ? type : "null",
                    user ? "'input_text', 'input_image', and 'input_file'"
                         : "'output_text' and 'refusal'");
}

/* A string, or parts. */
static bool read_parts(struct reading *r, const cJSON *parts, bool user)
{
    const cJSON *part;

    if (cJSON_IsString(parts)) {
        convo_say(r->c, parts->valuestring);
        return true;
    }
    if (!cJSON_IsArray(parts))
        return chat_bad(r->x, "invalid_type", where(r, ""),
                        "Invalid type for '%s': expected a string or an array.", where(r, ""));
    cJSON_ArrayForEach(part, parts)
    {
        if (!read_part(r, part, user))
            return false;
    }
    return true;
}

static bool read_message(struct reading *r, const cJSON *item)
{
    static const char *const known[] = {"type", "id", "role", "content", "status", "phase", NULL};
    static const char *const roles[] = {"user", "assistant", "system", "developer", NULL};
    const char *role = json_str(item, "role");
    bool assistant = role && !strcmp(role, "assistant");

    if (!members_good(r, item, known))
        return false;
    if (!word_in(role, roles))
        return chat_bad(r->x, "invalid_value", where(r, ".role"), "Invalid value: '%s'.",
                        role ? role : "null");
    if (assistant)
        assistant_turn(r);
    else
        convo_turn(r->c, strcmp(role, "user") ? TURN_SYSTEM : TURN_USER);
    r->assistant = assistant;
    return read_parts(r, json_get(item, "content"), !assistant);
}

/* --- items --------------------------------------------------------------------------------------- */

static bool find_item(struct reading *r, const cJSON **item)
{
    const char *id = json_str(*item, "id");

    *item = id ? responses_stored_item(r->x, id) : NULL;
    if (*item)
        return true;
    return chat_bad(r->x, NULL, "input", "Item with id '%s' not found.", id ? id : "");
}

static bool read_item(struct reading *r, const cJSON *item)
{
    const char *type = json_str(item, "type");

    if (type && !strcmp(type, "item_reference")) {
        if (!find_item(r, &item))
            return false;
        type = json_str(item, "type");
    }
    if (type && !strcmp(type, "reasoning"))
        return read_reasoning(r, item);
    r->thought = false;
    if (!type || !strcmp(type, "message"))
        return read_message(r, item);
    if (!strcmp(type, "function_call"))
        return read_call(r, item);
    if (!strcmp(type, "function_call_output"))
        return read_output(r, item);
    if (!strcmp(type, "compaction"))
        return read_compaction(r, item);
    return chat_bad(r->x, "invalid_value", where(r, ".type"),
                    "Invalid value: '%s'. Supported values are: 'message', 'reasoning', "
                    "'function_call' and 'function_call_output'.",
                    type);
}

static bool read_list(struct reading *r, const cJSON *list)
{
    const cJSON *item;

    r->index = 0;
    cJSON_ArrayForEach(item, list)
    {
        if (!read_item(r, item))
            return false;
        r->index++;
    }
    return true;
}

bool responses_read_input(struct exchange *x, struct convo *c, const cJSON *before)
{
    const cJSON *input = json_get(x->json, "input");
    struct reading r = {.x = x, .c = c};

    if (json_str(x->json, "instructions")) {
        convo_turn(c, TURN_SYSTEM);
        convo_say(c, json_str(x->json, "instructions"));
    }
    if (before && !read_list(&r, before))
        return false;
    if (cJSON_IsString(input)) {
        convo_turn(c, TURN_USER);
        convo_say(c, input->valuestring);
    } else if (!cJSON_IsArray(input) || (!cJSON_GetArraySize(input) && !before)) {
        return chat_bad(x, "missing_required_parameter", "input",
                        "Missing required parameter: 'input'.");
    } else if (!read_list(&r, input)) {
        return false;
    }
    if (r.thought)
        return chat_bad(x, NULL, "input",
                        "Item of type 'reasoning' was provided without its required following "
                        "item.");
    if (r.open_count)
        return chat_bad(x, NULL, "input", "No tool output found for function call %s.", r.open[0]);
    return true;
}

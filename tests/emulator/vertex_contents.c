/* contents[] of Gemini on Vertex. See vertex.h. Error texts are those of Vertex AI. */
#include "json.h"
#include "vertex.h"
#include "wire.h"

#include <string.h>

struct reading {
    struct exchange *x;
    struct convo *c;
    int content, part;
    int calls_open;       /* function calls of the content before */
    int calls, responses; /* of this content */
    bool current_turn;    /* nothing but tool results follows */
};

static const char *here(const struct reading *r)
{
    return pool_printf(&r->x->pool, "contents[%d].parts[%d]", r->content, r->part);
}

static bool read_text(struct reading *r, const cJSON *part, bool model)
{
    const char *text = vertex_str(part, "text");

    if (!text)
        return vertex_bad(r->x, "Invalid value at '%s.text' (TYPE_STRING)", here(r));
    if (!*text && !model)
        return vertex_bad(r->x, "Unable to submit request because it has an empty text parameter. "
                                "Add a value to the parameter and try again.");
    if (!json_true(part, "thought"))
        convo_say(r->c, text);
    return true;
}

static bool read_inline(struct reading *r, const cJSON *data)
{
    static const char *const known[] = {"mimeType", "data", "displayName", NULL};
    const char *mime = vertex_str(data, "mimeType"), *text = vertex_str(data, "data"), *kind;
    unsigned char *bytes;
    size_t len = 0;

    if (!vertex_members_good(r->x, data, known, here(r)))
        return false;
    bytes = text ? base64_decode(&r->x->pool, text, &len) : NULL;
    if (!bytes || !len)
        return vertex_bad(r->x,
                          "Invalid value at '%s.inline_data.data' (TYPE_BYTES), Base64 "
                          "decoding failed",
                          here(r));
    if (!mime || !strchr(mime, '/'))
        return vertex_bad(r->x, "Unable to submit request because it must have a mimeType "
                                "parameter");
    kind = media_kind(bytes, len);
    if (!strncmp(mime, "image/", 6)) {
        if (!kind || !strcmp(kind, "pdf"))
            return vertex_bad(r->x, "Provided image is not valid.");
        convo_see(r->c, "image %s %zu bytes", kind, len);
    } else {
        convo_see(r->c, "document %.60s %zu bytes", mime, len);
    }
    r->c->payload_bytes += 1032;
    return true;
}

static bool read_file(struct reading *r, const cJSON *file)
{
    static const char *const known[] = {"mimeType", "fileUri", "displayName", NULL};
    const char *uri = vertex_str(file, "fileUri");

    if (!vertex_members_good(r->x, file, known, here(r)))
        return false;
    if (!uri || !vertex_str(file, "mimeType"))
        return vertex_bad(r->x, "Unable to submit request because it must have a mimeType and a "
                                "fileUri");
    convo_see(r->c, "file %.80s", uri);
    return true;
}

static bool signature_good(struct reading *r, const cJSON *part, const char *name)
{
    const char *signature = vertex_str(part, "thoughtSignature");

    if (signature && !vertex_signature_good(&r->x->pool, name, signature))
        return vertex_bad(r->x, "Corrupted thought signature.");
    /* Of parallel calls only the first carries one. */
    if (signature || r->calls > 1 || !r->current_turn || !vertex_demands_signatures(r->c->model))
        return true;
    return vertex_bad(r->x,
                      "Function call is missing a thought_signature in functionCall parts. "
                      "This is required for tools to work correctly, and missing "
                      "thought_signature may lead to degraded model performance. Additional "
                      "data, function call `default_api:%s` , position %d.",
                      name, r->content + 1);
}

static bool read_call(struct reading *r, const cJSON *part, const cJSON *call)
{
    static const char *const known[] = {"name", "args", NULL};
    const char *name = vertex_str(call, "name");
    const cJSON *args = vertex_get(call, "args");

    if (!vertex_members_good(r->x, call, known,
                             pool_printf(&r->x->pool, "%s.function_call", here(r))))
        return false;
    if (!name || !*name)
        return vertex_bad(r->x, "%s.function_call.name: Name cannot be empty.", here(r));
    if (args && !cJSON_IsObject(args))
        return vertex_bad(r->x,
                          "Invalid value at '%s.function_call.args' "
                          "(type.googleapis.com/google.protobuf.Struct)",
                          here(r));
    r->calls++;
    convo_call(r->c, name, name);
    return signature_good(r, part, name);
}

static bool read_response(struct reading *r, const cJSON *response)
{
    static const char *const known[] = {"name", "response", "parts", NULL};
    const char *name = vertex_str(response, "name");
    const cJSON *value = vertex_get(response, "response");
    const char *text;

    if (!vertex_members_good(r->x, response, known,
                             pool_printf(&r->x->pool, "%s.function_response", here(r))))
        return false;
    if (!name || !*name)
        return vertex_bad(r->x, "%s.function_response.name: Name cannot be empty.", here(r));
    if (!cJSON_IsObject(value))
        return vertex_bad(r->x,
                          "Invalid value at '%s.function_response.response' "
                          "(type.googleapis.com/google.protobuf.Struct)",
                          here(r));
    r->responses++;
    /* One member is the usual wrapping; then its text is the result. */
    text = value->child && !value->child->next && cJSON_IsString(value->child)
               ? value->child->valuestring
               : json_text(&r->x->pool, value);
    convo_result(r->c, NULL, name, text);
    return true;
}

static bool read_part(struct reading *r, const cJSON *part, bool model)
{
    static const char *const known[] = {
        "text",         "thought",       "thoughtSignature", "inlineData",      "fileData",
        "functionCall", "videoMetadata", "functionResponse", "mediaResolution", NULL};
    const cJSON *call = vertex_get(part, "functionCall");
    const cJSON *response = vertex_get(part, "functionResponse");

    if (!cJSON_IsObject(part) || !vertex_members_good(r->x, part, known, here(r)))
        return cJSON_IsObject(part) ? false : vertex_bad(r->x, "Invalid value at '%s'", here(r));
    if (call)
        return model ? read_call(r, part, call)
                     : vertex_bad(r->x, "Please ensure that function call turn comes immediately "
                                        "after a user turn or after a function response turn.");
    if (response)
        return !model ? read_response(r, response)
                      : vertex_bad(r->x, "Please ensure that function response turn comes "
                                         "immediately after a function call turn.");
    if (vertex_get(part, "inlineData"))
        return read_inline(r, vertex_get(part, "inlineData"));
    if (vertex_get(part, "fileData"))
        return read_file(r, vertex_get(part, "fileData"));
    if (vertex_get(part, "text"))
        return read_text(r, part, model);
    return vertex_bad(r->x,
                      "Unable to submit request because %s must have one initialized field: "
                      "the oneof field 'data' is not set.",
                      here(r));
}

static bool counts_good(struct reading *r)
{
    if (r->responses == r->calls_open)
        return true;
    return vertex_bad(r->x, "Please ensure that the number of function response parts is equal to "
                            "the number of function call parts of the function call turn.");
}

static bool read_parts(struct reading *r, const cJSON *parts, bool model)
{
    const cJSON *part;

    r->part = r->calls = r->responses = 0;
    if (cJSON_IsObject(parts))
        return read_part(r, parts, model);
    if (!cJSON_IsArray(parts) || !cJSON_GetArraySize(parts))
        return vertex_bad(r->x, "Unable to submit request because it must include at least one "
                                "parts field, which describes the prompt input.");
    cJSON_ArrayForEach(part, parts)
    {
        if (!read_part(r, part, model))
            return false;
        r->part++;
    }
    return true;
}

static bool is_model(const cJSON *content)
{
    const char *role = json_str(content, "role");

    return role && !strcmp(role, "model");
}

/* A user content that says something, rather than only answer calls. */
static bool asks(const cJSON *content)
{
    const cJSON *part;

    if (is_model(content))
        return false;
    cJSON_ArrayForEach(part, json_get(content, "parts"))
    {
        if (vertex_get(part, "functionResponse"))
            return false;
    }
    return true;
}

static int last_question(const cJSON *contents)
{
    const cJSON *content;
    int i = 0, last = -1;

    cJSON_ArrayForEach(content, contents)
    {
        if (asks(content))
            last = i;
        i++;
    }
    return last;
}

static bool read_content(struct reading *r, const cJSON *content, const cJSON *before)
{
    static const char *const known[] = {"role", "parts", NULL};
    static const char *const roles[] = {"user", "model", "function", NULL};
    const char *place = pool_printf(&r->x->pool, "contents[%d]", r->content);
    bool model = is_model(content);

    if (!cJSON_IsObject(content))
        return vertex_bad(r->x, "Invalid value at '%s' (type.googleapis.com/Content)", place);
    if (!vertex_members_good(r->x, content, known, place))
        return false;
    if (!word_in(json_str(content, "role"), roles))
        return vertex_bad(r->x, "Please use a valid role: user, model.");
    if (before ? is_model(before) == model : model)
        return vertex_bad(r->x, "Please ensure that multiturn requests alternate between user and "
                                "model.");
    convo_turn(r->c, model ? TURN_ASSISTANT : TURN_USER);
    if (!read_parts(r, json_get(content, "parts"), model))
        return false;
    if (!model && !counts_good(r))
        return false;
    r->calls_open = model ? r->calls : 0;
    return true;
}

bool vertex_read_contents(struct exchange *x, struct convo *c)
{
    const cJSON *contents = json_get(x->json, "contents"), *content, *before = NULL;
    struct reading r = {.x = x, .c = c};
    int last = last_question(contents);

    if (cJSON_IsObject(contents))
        return vertex_bad(x, "Invalid value at 'contents': a list is expected");
    if (!cJSON_IsArray(contents) || !cJSON_GetArraySize(contents))
        return vertex_bad(x, "Unable to submit request because at least one contents field is "
                             "required.");
    cJSON_ArrayForEach(content, contents)
    {
        r.current_turn = r.content > last;
        if (!read_content(&r, content, before))
            return false;
        before = content;
        r.content++;
    }
    return true;
}

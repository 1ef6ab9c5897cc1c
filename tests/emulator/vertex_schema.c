/*
 * Protobuf-like reading of JSON: two spellings of every field, unknown fields refused; and the
 * Schema message of function declarations. See vertex.h.
 */
#include "inference.h"
#include "json.h"
#include "vertex.h"
#include "wire.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

enum { MAX_SCHEMA_DEPTH = 32 };

bool vertex_bad(struct exchange *x, const char *format, ...)
{
    char message[1200];
    va_list args;

    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    message[utf8_prefix(message, strlen(message), 1190)] = '\0';
    x->family->refuse(x, 400, message);
    return false;
}

static void snake_to_camel(const char *from, char *to, size_t size)
{
    size_t n = 0;

    for (; *from && n + 1 < size; from++) {
        if (*from == '_' && islower((unsigned char)from[1])) {
            from++;
            to[n++] = (char)toupper((unsigned char)*from);
        } else {
            to[n++] = *from;
        }
    }
    to[n] = '\0';
}

cJSON *vertex_get(const cJSON *object, const char *camel)
{
    cJSON *item = json_get(object, camel);
    char name[96];

    if (item || !cJSON_IsObject(object))
        return item;
    cJSON_ArrayForEach(item, object)
    {
        snake_to_camel(item->string, name, sizeof name);
        if (!strcmp(name, camel) && !cJSON_IsNull(item))
            return item;
    }
    return NULL;
}

const char *vertex_str(const cJSON *object, const char *camel)
{
    const cJSON *item = vertex_get(object, camel);

    return cJSON_IsString(item) ? item->valuestring : NULL;
}

static bool unknown_name(struct exchange *x, const char *name, const char *place)
{
    if (*place)
        return vertex_bad(x,
                          "Invalid JSON payload received. Unknown name \"%s\" at '%s': Cannot "
                          "find field.",
                          name, place);
    return vertex_bad(x, "Invalid JSON payload received. Unknown name \"%s\": Cannot find field.",
                      name);
}

bool vertex_members_good(struct exchange *x, const cJSON *object, const char *const *known,
                         const char *place)
{
    const cJSON *item;
    char name[96];

    cJSON_ArrayForEach(item, object)
    {
        if (!item->string)
            break;
        snake_to_camel(item->string, name, sizeof name);
        if (!word_in(name, known))
            return unknown_name(x, item->string, place);
    }
    return true;
}

static bool type_good(struct exchange *x, const cJSON *type, const char *place)
{
    static const char *const types[] = {"STRING",  "NUMBER", "INTEGER", "BOOLEAN", "ARRAY",
                                        "OBJECT",  "NULL",   "string",  "number",  "integer",
                                        "boolean", "array",  "object",  "null",    NULL};

    if (!type)
        return true;
    if (cJSON_IsArray(type))
        return vertex_bad(x,
                          "Invalid JSON payload received. Unknown name \"type\" at '%s': Proto "
                          "field is not repeating, cannot start list.",
                          place);
    if (!cJSON_IsString(type) || !word_in(type->valuestring, types))
        return vertex_bad(x, "Invalid value at '%s.type' (TYPE_ENUM)", place);
    return true;
}

static bool is_type(const cJSON *schema, const char *lower, const char *upper)
{
    const char *type = json_str(schema, "type");

    return type && (!strcmp(type, lower) || !strcmp(type, upper));
}

static bool enum_good(struct exchange *x, const cJSON *schema, const char *place)
{
    const cJSON *values = json_get(schema, "enum"), *value;
    int i = 0;

    if (!values)
        return true;
    cJSON_ArrayForEach(value, values)
    {
        if (!cJSON_IsString(value))
            return vertex_bad(x, "Invalid value at '%s.enum[%d]' (TYPE_STRING), %s", place, i,
                              json_text(&x->pool, value));
        if (!*value->valuestring)
            return vertex_bad(x, "%s.enum[%d]: cannot be empty", place, i);
        i++;
    }
    if (!is_type(schema, "string", "STRING"))
        return vertex_bad(x, "%s.enum: only allowed for STRING type", place);
    return true;
}

static bool format_good(struct exchange *x, const cJSON *schema, const char *place)
{
    const char *format = json_str(schema, "format");

    if (!format || !is_type(schema, "string", "STRING") || !strcmp(format, "enum") ||
        !strcmp(format, "date-time"))
        return true;
    return vertex_bad(x, "%s.format: only 'enum' and 'date-time' are supported for STRING type",
                      place);
}

static bool required_good(struct exchange *x, const cJSON *schema, const char *place)
{
    const cJSON *name;
    int i = 0;

    cJSON_ArrayForEach(name, json_get(schema, "required"))
    {
        if (!cJSON_IsString(name) || !json_get(json_get(schema, "properties"), name->valuestring))
            return vertex_bad(x, "%s.required[%d]: property is not defined", place, i);
        i++;
    }
    return true;
}

static bool inner_schemas_good(struct exchange *x, const cJSON *schema, const char *place,
                               int depth)
{
    const cJSON *item, *choices = vertex_get(schema, "anyOf");
    int i = 0;

    cJSON_ArrayForEach(item, json_get(schema, "properties"))
    {
        if (!vertex_schema_good(
                x, item, pool_printf(&x->pool, "%s.properties[%d].value", place, i++), depth + 1))
            return false;
    }
    i = 0;
    cJSON_ArrayForEach(item, choices)
    {
        if (!vertex_schema_good(x, item, pool_printf(&x->pool, "%s.any_of[%d]", place, i++),
                                depth + 1))
            return false;
    }
    item = json_get(schema, "items");
    if (is_type(schema, "array", "ARRAY") && !item)
        return vertex_bad(x, "%s.items: missing field.", place);
    return !item ||
           vertex_schema_good(x, item, pool_printf(&x->pool, "%s.items", place), depth + 1);
}

bool vertex_schema_good(struct exchange *x, const cJSON *schema, const char *place, int depth)
{
    static const char *const known[] = {
        "type",       "format",    "title",     "description",      "nullable",
        "default",    "items",     "minItems",  "maxItems",         "enum",
        "properties", "required",  "minimum",   "propertyOrdering", "minProperties",
        "maximum",    "minLength", "maxLength", "maxProperties",    "pattern",
        "example",    "anyOf",     NULL};

    if (depth > MAX_SCHEMA_DEPTH)
        return vertex_bad(x, "%s: schema exceeds the maximum allowed nesting depth", place);
    if (!cJSON_IsObject(schema))
        return vertex_bad(x, "Invalid value at '%s' (type.googleapis.com/Schema)", place);
    return vertex_members_good(x, schema, known, place) &&
           type_good(x, json_get(schema, "type"), place) && enum_good(x, schema, place) &&
           format_good(x, schema, place) && required_good(x, schema, place) &&
           inner_schemas_good(x, schema, place, depth);
}

bool vertex_demands_signatures(const char *model)
{
    return !strncmp(model, "gemini-3", 8);
}

char *vertex_signature(struct pool *pool, const char *name, const char *id)
{
    const char *bound = pool_printf(pool, "%s/%s", name, id);
    char *text = pool_printf(pool, "G1.%s.%s", id, seal_text(pool, "gemini", bound));

    return base64_encode(pool, text, strlen(text));
}

bool vertex_signature_good(struct pool *pool, const char *name, const char *signature)
{
    size_t len = 0;
    const unsigned char *bytes = base64_decode(pool, signature, &len);
    const char *text = bytes ? pool_copy(pool, (const char *)bytes, len) : "", *dot;

    /* Google's documented ways to say that a signature is not available. */
    if (!strcmp(signature, "skip_thought_signature_validator") ||
        !strcmp(signature, "context_engineering_is_the_way_to_go"))
        return true;
    dot = strncmp(text, "G1.", 3) ? NULL : strchr(text + 3, '.');
    if (!dot)
        return false;
    return !strcmp(signature, vertex_signature(
                                  pool, name, pool_copy(pool, text + 3, (size_t)(dot - text - 3))));
}

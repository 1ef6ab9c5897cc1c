/* A value for a JSON schema, so that structured output and forced tools get valid answers. */
#include "answer.h"
#include "json.h"

#include <string.h>

enum { MAX_SCHEMA_DEPTH = 24 };

struct making {
    const cJSON *root;
    int depth;
};

static cJSON *make(struct making *m, const cJSON *schema);

static const cJSON *follow(const cJSON *root, const char *ref)
{
    const cJSON *at = root;

    if (strncmp(ref, "#/", 2))
        return NULL;
    for (ref += 2; at && *ref;) {
        char key[128];
        size_t len = strcspn(ref, "/");
        if (len >= sizeof key)
            return NULL;
        memcpy(key, ref, len);
        key[len] = '\0';
        at = json_get(at, key);
        ref += len + (ref[len] == '/');
    }
    return at;
}

static bool required_has(const cJSON *schema, const char *name)
{
    const cJSON *item, *required = json_get(schema, "required");

    if (!required)
        return true;
    cJSON_ArrayForEach(item, required)
    {
        if (cJSON_IsString(item) && !strcmp(item->valuestring, name))
            return true;
    }
    return false;
}

static cJSON *make_object(struct making *m, const cJSON *schema)
{
    cJSON *object = cJSON_CreateObject();
    const cJSON *property;

    cJSON_ArrayForEach(property, json_get(schema, "properties"))
    {
        if (required_has(schema, property->string))
            cJSON_AddItemToObject(object, property->string, make(m, property));
    }
    return object;
}

static cJSON *make_array(struct making *m, const cJSON *schema)
{
    int i, n = (int)json_num(schema, "minItems", 1);
    cJSON *array = cJSON_CreateArray();

    for (i = 0; i < n && i < 16; i++)
        cJSON_AddItemToArray(array, make(m, json_get(schema, "items")));
    return array;
}

static cJSON *make_string(const cJSON *schema)
{
    static const struct {
        const char *format, *text;
    } formats[] = {{"date-time", "2026-01-02T03:04:05Z"},
                   {"date", "2026-01-02"},
                   {"time", "03:04:05"},
                   {"email", "someone@example.test"},
                   {"uri", "https://example.test/"},
                   {"uuid", "00000000-0000-4000-8000-000000000001"}};
    const char *format = json_str(schema, "format");
    size_t i;
    char text[65];
    int min = (int)json_num(schema, "minLength", 0), max = (int)json_num(schema, "maxLength", 64);

    for (i = 0; format && i < sizeof formats / sizeof formats[0]; i++)
        if (!strcmp(format, formats[i].format))
            return cJSON_CreateString(formats[i].text);
    memset(text, 'x', sizeof text);
    memcpy(text, "example", 7);
    min = min > 7 ? min : 7;
    min = min < max ? min : max;
    text[min < 0 ? 0 : min > 64 ? 64 : min] = '\0';
    return cJSON_CreateString(text);
}

static cJSON *make_number(const cJSON *schema)
{
    double value = json_num(schema, "minimum", 1);

    if (json_get(schema, "exclusiveMinimum"))
        value = json_num(schema, "exclusiveMinimum", 0) + 1;
    if (value > json_num(schema, "maximum", value))
        value = json_num(schema, "maximum", value);
    return cJSON_CreateNumber(value);
}

static bool type_is(const char *type, const char *lower, const char *upper)
{
    return type && (!strcmp(type, lower) || !strcmp(type, upper));
}

static const char *type_of(const cJSON *schema)
{
    const cJSON *type = json_get(schema, "type");

    if (cJSON_IsArray(type))
        type = cJSON_GetArrayItem(type, 0);
    if (cJSON_IsString(type))
        return type->valuestring;
    return json_get(schema, "properties") ? "object" : "string";
}

static cJSON *make_typed(struct making *m, const cJSON *schema)
{
    const char *type = type_of(schema);

    if (type_is(type, "object", "OBJECT"))
        return make_object(m, schema);
    if (type_is(type, "array", "ARRAY"))
        return make_array(m, schema);
    if (type_is(type, "integer", "INTEGER") || type_is(type, "number", "NUMBER"))
        return make_number(schema);
    if (type_is(type, "boolean", "BOOLEAN"))
        return cJSON_CreateTrue();
    if (type_is(type, "null", "NULL"))
        return cJSON_CreateNull();
    return make_string(schema);
}

static cJSON *make(struct making *m, const cJSON *schema)
{
    const cJSON *choice = json_get(schema, "anyOf");
    cJSON *made;

    if (++m->depth > MAX_SCHEMA_DEPTH) {
        m->depth--;
        return cJSON_CreateNull();
    }
    if (!choice)
        choice = json_get(schema, "oneOf");
    if (json_str(schema, "$ref"))
        made = make(m, follow(m->root, json_str(schema, "$ref")));
    else if (json_get(schema, "const"))
        made = cJSON_Duplicate(json_get(schema, "const"), true);
    else if (cJSON_GetArraySize(json_get(schema, "enum")))
        made = cJSON_Duplicate(cJSON_GetArrayItem(json_get(schema, "enum"), 0), true);
    else if (cJSON_GetArraySize(choice))
        made = make(m, cJSON_GetArrayItem(choice, 0));
    else
        made = make_typed(m, schema);
    m->depth--;
    return made;
}

cJSON *schema_instance(struct pool *pool, const cJSON *schema)
{
    struct making m = {schema, 0};

    return pool_keep(pool, schema ? make(&m, schema) : cJSON_CreateObject());
}

/* cJSON behind our names. */
#include "base/json.h"

#include <cjson/cJSON.h>
#include <pthread.h>
#include <stdlib.h>

#include "base/crypto.h"
#include "base/file.h"

static const cJSON *node(const struct json *n)
{
    return (const cJSON *)n;
}

static void find_place(struct str text, const char *at, int *line, int *column)
{
    *line = *column = 1;
    for (const char *p = text.p; p < at && p < text.p + text.n; p++) {
        ++*column;
        if (*p == '\n') {
            ++*line;
            *column = 1;
        }
    }
}

/* cJSON does not tell want of memory from bad text. */
static _Thread_local bool starved;

static void *take(size_t size)
{
    void *p = malloc(size);

    starved |= !p;
    return p;
}

static void use_own_memory(void)
{
    cJSON_InitHooks(&(cJSON_Hooks){take, free});
}

status json_parse(struct str text, struct json **out, int *line, int *column)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    pthread_once(&once, use_own_memory);
    starved = false;
    if (!text.p)
        text = STR("");
    const char *end = text.p;
    int unused;
    cJSON *root = cJSON_ParseWithLengthOpts(text.p, text.n, &end, 0);

    if (root) {
        const char *stop = text.p + text.n;
        while (end < stop && (*end == '\0' || strchr(" \t\r\n", *end)))
            end++;
        if (end >= stop) {
            *out = (struct json *)root;
            return OK;
        }
        cJSON_Delete(root);
    }
    if (starved)
        return E_NOMEM;
    find_place(text, end, line ? line : &unused, column ? column : &unused);
    return E_SYNTAX;
}

/* What is read with cJSON is mostly secret: service keys, tokens, callers' keys. */
static void wipe(cJSON *n)
{
    for (; n; n = n->next) {
        if (n->valuestring)
            crypto_wipe(n->valuestring, strlen(n->valuestring));
        wipe(n->child); /* cJSON bounds the depth */
    }
}

void json_free(struct json *root)
{
    wipe((cJSON *)root);
    cJSON_Delete((cJSON *)root);
}

status json_read_file(const char *path, size_t ceiling, struct json **out, int *line, int *column)
{
    struct buf text = {.ceiling = ceiling};
    status s = file_read(path, &text);

    if (line)
        *line = 0;
    if (!s)
        s = json_parse(buf_str(&text), out, line, column);
    if (text.p)
        crypto_wipe(text.p, text.cap);
    buf_free(&text);
    return s;
}

const struct json *json_get(const struct json *object, const char *key)
{
    return (const struct json *)cJSON_GetObjectItemCaseSensitive(node(object), key);
}

const struct json *json_first(const struct json *container)
{
    return container ? (const struct json *)node(container)->child : NULL;
}

const struct json *json_next(const struct json *n)
{
    return n ? (const struct json *)node(n)->next : NULL;
}

const char *json_key(const struct json *n)
{
    return n ? node(n)->string : NULL;
}

bool json_is_object(const struct json *n)
{
    return cJSON_IsObject(node(n));
}

bool json_is_array(const struct json *n)
{
    return cJSON_IsArray(node(n));
}

bool json_is_string(const struct json *n)
{
    return cJSON_IsString(node(n));
}

bool json_is_number(const struct json *n)
{
    return cJSON_IsNumber(node(n));
}

bool json_is_bool(const struct json *n)
{
    return cJSON_IsBool(node(n));
}

bool json_is_null(const struct json *n)
{
    return cJSON_IsNull(node(n));
}

const char *json_type_text(const struct json *n)
{
    if (!n)
        return "nothing";
    if (json_is_object(n))
        return "an object";
    if (json_is_array(n))
        return "an array";
    if (json_is_string(n))
        return "a string";
    if (json_is_number(n))
        return "a number";
    return json_is_bool(n) ? "true or false" : "null";
}

const char *json_text(const struct json *n, const char *otherwise)
{
    return json_is_string(n) ? node(n)->valuestring : otherwise;
}

double json_number(const struct json *n, double otherwise)
{
    return json_is_number(n) ? node(n)->valuedouble : otherwise;
}

bool json_bool(const struct json *n, bool otherwise)
{
    return json_is_bool(n) ? cJSON_IsTrue(node(n)) : otherwise;
}

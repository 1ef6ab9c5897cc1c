/* cJSON behind our names. */
#include "base/json.h"

#include <cjson/cJSON.h>
#include <pthread.h>
#include <stdalign.h>
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

/* --- memory ---------------------------------------------------------------------------------- */

/* A tree is taken from few pieces of memory, is never changed, and goes as a whole: that costs a third of
   what a block for each name and value does, and nothing of what it held stays unwiped. */
struct piece {
    struct piece *next;
    size_t used, size; /* of `bytes` */
    alignas(max_align_t) char bytes[];
};

enum { FIRST_PIECE = 2 * 1024, LARGEST_PIECE = 1024 * 1024 };

static _Thread_local struct piece *oldest, *newest; /* of the tree that is being read */
static _Thread_local bool starved; /* cJSON does not tell want of memory from bad text */

static bool add_piece(size_t least)
{
    size_t size = newest ? 2 * newest->size : FIRST_PIECE;

    if (size > LARGEST_PIECE)
        size = LARGEST_PIECE;
    if (size < least)
        size = least;
    struct piece *p = malloc(sizeof *p + size);
    if (!p)
        return false;
    *p = (struct piece){.size = size};
    if (newest)
        newest->next = p;
    else
        oldest = p;
    newest = p;
    return true;
}

static void *take(size_t size)
{
    const size_t unit = alignof(max_align_t);
    size_t whole = (size + unit - 1) / unit * unit;

    if ((!newest || newest->size - newest->used < whole) && !add_piece(whole)) {
        starved = true;
        return NULL;
    }
    newest->used += whole;
    return newest->bytes + newest->used - whole;
}

static void keep(void *p)
{
    (void)p;
}

static void use_own_memory(void)
{
    cJSON_InitHooks(&(cJSON_Hooks){take, keep});
}

/* What is read with cJSON is mostly secret: service keys, tokens, callers' keys. */
static void free_pieces(struct piece *p)
{
    for (struct piece *next; p; p = next) {
        next = p->next;
        crypto_wipe(p->bytes, p->used);
        free(p);
    }
}

/* The root is what cJSON makes first. */
static struct piece *piece_of(struct json *root)
{
    return (struct piece *)(void *)((char *)root - offsetof(struct piece, bytes));
}

/* --- reading --------------------------------------------------------------------------------- */

/* Parse with nothing left behind but the tree, if there is one: the caller's pieces. */
static cJSON *parse(struct str text, const char **end)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    pthread_once(&once, use_own_memory);
    starved = false;
    cJSON *root = cJSON_ParseWithLengthOpts(text.p, text.n, end, 0);
    if (!root)
        free_pieces(oldest);
    oldest = newest = NULL;
    return root;
}

status json_parse(struct str text, struct json **out, int *line, int *column)
{
    if (!text.p)
        text = STR("");
    const char *end = text.p;
    int unused;
    cJSON *root = parse(text, &end);

    if (root) {
        const char *stop = text.p + text.n;
        while (end < stop && (*end == '\0' || strchr(" \t\r\n", *end)))
            end++;
        if (end >= stop) {
            *out = (struct json *)root;
            return OK;
        }
        json_free((struct json *)root);
    }
    if (starved)
        return E_NOMEM;
    find_place(text, end, line ? line : &unused, column ? column : &unused);
    return E_SYNTAX;
}

void json_free(struct json *root)
{
    if (root)
        free_pieces(piece_of(root));
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

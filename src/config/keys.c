/* Objects by table: types, ranges, unknown and repeated members. */
#include <stdio.h>
#include <strings.h>

#include "base/hash.h"
#include "config/reading.h"

enum { NAME_MAX_BYTES = 64, FEW_MEMBERS = 16 };

/* --- did you mean ---------------------------------------------------------------------------- */

static size_t least(size_t a, size_t b, size_t c)
{
    size_t m = a < b ? a : b;
    return m < c ? m : c;
}

/* Edits (insert, delete, replace; case is free) from `a` to `b`. */
static size_t distance(const char *a, const char *b)
{
    size_t n = strlen(b), row[NAME_MAX_BYTES + 1];

    if (strlen(a) > NAME_MAX_BYTES || n > NAME_MAX_BYTES)
        return SIZE_MAX;
    for (size_t j = 0; j <= n; j++)
        row[j] = j;
    for (size_t i = 1; a[i - 1]; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= n; j++) {
            size_t replace = diagonal + (strncasecmp(a + i - 1, b + j - 1, 1) != 0);
            diagonal = row[j];
            row[j] = least(row[j] + 1, row[j - 1] + 1, replace);
        }
    }
    return row[n];
}

/* The name that was most likely meant, NULL if none is near. */
static const char *nearest(const struct key_table *table, const char *name)
{
    const char *best = NULL;
    size_t limit = strlen(name) / 3 + 1, best_distance = limit + 1;

    for (size_t i = 0; i < table->count; i++) {
        size_t d = distance(name, table->rows[i].name);
        if (d < best_distance) {
            best = table->rows[i].name;
            best_distance = d;
        }
    }
    return best;
}

static void report_unknown(struct reading *r, const struct key_table *table, const struct place *at)
{
    const char *near = nearest(table, at->key);
    char names[120] = "";
    size_t n = 0;

    for (size_t i = 0; i < table->count && n < sizeof names; i++)
        n += (size_t)snprintf(names + n, sizeof names - n, "%s%s", i ? ", " : "",
                              table->rows[i].name);
    if (near)
        reading_error(r, at, "unknown key; did you mean \"%s\"?", near);
    else if (n < sizeof names)
        reading_error(r, at, "unknown key; expected one of %s", names);
    else
        reading_error(r, at, "unknown key; expected one of corelay.json(5)");
}

/* --- single values --------------------------------------------------------------------------- */

static void wrong_type(struct reading *r, const struct json *value, const struct place *at,
                       const char *expected)
{
    reading_error(r, at, "is %s; expected %s", json_type_text(value), expected);
}

bool reading_is_object(struct reading *r, const struct json *value, const struct place *at,
                       const char *expected)
{
    if (!json_is_object(value))
        wrong_type(r, value, at, expected);
    return json_is_object(value);
}

bool reading_is_array(struct reading *r, const struct json *value, const struct place *at,
                      const char *expected)
{
    if (!json_is_array(value))
        wrong_type(r, value, at, expected);
    return json_is_array(value);
}

const char *reading_text(struct reading *r, const struct json *value, const struct place *at,
                         const char *expected)
{
    const char *text = json_text(value, NULL);

    if (!text)
        wrong_type(r, value, at, expected);
    else if (!*text)
        reading_error(r, at, "is empty; expected %s", expected);
    return text && *text ? text : NULL;
}

static size_t element_count(const struct json *array)
{
    size_t n = 0;

    for (const struct json *e = json_first(array); e; e = json_next(e))
        n++;
    return n;
}

void reading_texts(struct reading *r, const struct json *value, const struct place *at,
                   const char *expected, text_check *check, const char ***out, size_t *count)
{
    bool single = json_is_string(value);
    struct place element = {at, NULL, 0};

    if (!single && !reading_is_array(r, value, at, expected))
        return;
    *count = 0;
    *out = reading_alloc(r, (single ? 1 : element_count(value)) * sizeof **out + 1);
    if (!*out)
        return;
    for (const struct json *e = single ? value : json_first(value); e;
         e = single ? NULL : json_next(e), element.index++) {
        const struct place *here = single ? at : &element;
        const char *text = reading_text(r, e, here, "a text");
        if (!text)
            continue;
        (*out)[(*count)++] = reading_copy(r, text);
        if (check)
            check(r, here, text);
    }
}

/* A number within the row's range; false with a report. */
static bool number(struct reading *r, const struct json *value, const struct place *at,
                   const struct key *row, double *out)
{
    bool whole = row->type != KEY_SECONDS;
    const char *unit = whole ? "" : " seconds";

    *out = json_number(value, 0);
    if (!json_is_number(value))
        reading_error(r, at, "is %s; expected a%s number%s from %.15g to %.15g",
                      json_type_text(value), whole ? " whole" : "", unit[0] ? " of seconds" : "",
                      row->minimum, row->maximum);
    else if (!(*out >= row->minimum && *out <= row->maximum))
        reading_error(r, at, "is %.15g; expected %.15g to %.15g%s", *out, row->minimum,
                      row->maximum, unit);
    else if (whole && *out != (double)(int64_t)*out)
        reading_error(r, at, "is %.15g; expected a whole number", *out);
    else
        return true;
    return false;
}

static void store_number(struct reading *r, const struct json *value, const struct place *at,
                         const struct key *row, void *to)
{
    double n;

    if (!number(r, value, at, row, &n))
        return;
    if (row->type == KEY_INT)
        *(int *)to = (int)n;
    else if (row->type == KEY_NUMBER)
        *(int64_t *)to = (int64_t)n;
    else
        *(int64_t *)to = (int64_t)(n * 1000 + 0.5);
}

static void store_text(struct reading *r, const struct json *value, const struct place *at,
                       const struct key *row, const char **to)
{
    const char *text;

    if (row->type == KEY_ANY_TEXT && json_is_string(value))
        text = json_text(value, "");
    else
        text = reading_text(r, value, at, row->type == KEY_PATH ? "a path" : "a text");
    if (text)
        *to = row->type == KEY_PATH ? reading_path(r, text) : reading_copy(r, text);
}

static void read_value(struct reading *r, const struct json *value, const struct place *at,
                       const struct key *row, void *into)
{
    void *to = (char *)into + row->offset;

    switch (row->type) {
    case KEY_BOOL:
        if (json_is_bool(value))
            *(bool *)to = json_bool(value, false);
        else
            wrong_type(r, value, at, "true or false");
        break;
    case KEY_INT:
    case KEY_NUMBER:
    case KEY_SECONDS:
        store_number(r, value, at, row, to);
        break;
    case KEY_TEXT:
    case KEY_ANY_TEXT:
    case KEY_PATH:
        store_text(r, value, at, row, to);
        break;
    case KEY_OBJECT:
        key_table_read(r, value, at, row->members, to);
        break;
    case KEY_READ:
        row->read(r, value, at, to);
        break;
    }
}

/* --- objects --------------------------------------------------------------------------------- */

/* Members of large objects that have been read, as a trie of their hashes. */
struct seen_member {
    uint64_t hash;
    struct seen_member *under[2];
};

static bool was_seen(struct reading *r, const struct json *object, const char *name)
{
    uint64_t hash = hash_end(hash_add((uintptr_t)object, str_from(name)));
    struct seen_member **at = &r->seen;

    for (uint64_t way = hash; *at; way <<= 1) {
        if ((*at)->hash == hash)
            return true;
        at = &(*at)->under[way >> 63];
    }
    *at = reading_alloc(r, sizeof **at);
    if (*at)
        (*at)->hash = hash;
    return false;
}

/* Few members are compared with each other; behind these, hashes are, as there may be thousands of
   deployments. */
static bool stands_before(struct reading *r, const struct json *object, const struct json *member)
{
    const struct json *m = json_first(object);

    for (int i = 0; i < FEW_MEMBERS && m && m != member; i++, m = json_next(m))
        if (strcmp(json_key(m), json_key(member)) == 0)
            return true;
    return m && m != member && was_seen(r, object, json_key(member));
}

bool reading_is_repeated(struct reading *r, const struct json *object, const struct json *member,
                         const struct place *at)
{
    bool repeated = stands_before(r, object, member);

    if (repeated)
        reading_error(r, at, "stands twice; expected each key once");
    return repeated;
}

void key_table_read_member(struct reading *r, const struct json *value, const struct place *at,
                           const struct key_table *table, void *into)
{
    for (size_t i = 0; i < table->count; i++)
        if (strcmp(table->rows[i].name, at->key) == 0) {
            read_value(r, value, at, &table->rows[i], into);
            return;
        }
    report_unknown(r, table, at);
}

void key_table_read(struct reading *r, const struct json *object, const struct place *at,
                    const struct key_table *table, void *into)
{
    if (!reading_is_object(r, object, at, "an object"))
        return;
    for (const struct json *m = json_first(object); m; m = json_next(m)) {
        struct place here = {at, json_key(m), 0};
        if (!reading_is_repeated(r, object, m, &here))
            key_table_read_member(r, m, &here, table, into);
    }
}

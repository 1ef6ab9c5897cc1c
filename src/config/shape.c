/* Shapes: see the header. */
#include "config/shape.h"

#include <stdio.h>

#include "base/jwrite.h"

/* --- checking -------------------------------------------------------------------------------- */

static size_t count_of(const struct json *container)
{
    size_t n = 0;

    for (const struct json *m = json_first(container); m; m = json_next(m))
        n++;
    return n;
}

static bool wrong(struct reading *r, const struct json *value, const struct place *at,
                  const char *expected)
{
    reading_error(r, at, "is %s; expected %s", json_type_text(value), expected);
    return false;
}

static void join(char *out, size_t room, size_t *n, const char *word)
{
    if (*n < room)
        *n += (size_t)snprintf(out + *n, room - *n, "%s%s", *n ? ", " : "", word);
}

static bool check_text(struct reading *r, const struct json *value, const struct place *at,
                       const struct shape *shape)
{
    const char *text = reading_text(r, value, at, "a text");
    char words[512] = "";
    size_t n = 0;

    if (!text || !shape->words)
        return text;
    for (const char *const *w = shape->words; *w; w++) {
        if (strcmp(*w, text) == 0)
            return true;
        join(words, sizeof words, &n, *w);
    }
    reading_error(r, at, "is \"%s\"; expected one of %s%s", text, words,
                  n < sizeof words ? "" : "...");
    return false;
}

static bool check_number(struct reading *r, const struct json *value, const struct place *at,
                         const struct shape *shape)
{
    double n = json_number(value, 0);

    if (!json_is_number(value))
        return wrong(r, value, at, "a whole number");
    if (n >= (double)shape->least && n <= (double)shape->most && n == (double)(long)n)
        return true;
    reading_error(r, at, "is %.15g; expected a whole number from %ld to %ld", n, shape->least,
                  shape->most);
    return false;
}

static const struct shape_member *find_member(const struct shape *shape, const char *name)
{
    for (const struct shape_member *m = shape->members; m->name; m++)
        if (strcmp(m->name, name) == 0)
            return m;
    return NULL;
}

static void report_unknown(struct reading *r, const struct place *at, const struct shape *shape)
{
    char names[512] = "";
    size_t n = 0;

    for (const struct shape_member *m = shape->members; m->name; m++)
        join(names, sizeof names, &n, m->name);
    reading_error(r, at, "unknown key; expected one of %s%s", names, n < sizeof names ? "" : "...");
}

static bool check_required(struct reading *r, const struct json *value, const struct place *at,
                           const struct shape *shape)
{
    bool good = true;

    for (const struct shape_member *m = shape->members; m->name; m++)
        if (m->required && !json_get(value, m->name)) {
            reading_error(r, at, "has no \"%s\"; it is needed there", m->name);
            good = false;
        }
    if (good && count_of(value) < (size_t)shape->least) {
        reading_error(r, at, "is empty; expected at least one member");
        good = false;
    }
    return good;
}

static bool check_object(struct reading *r, const struct json *value, const struct place *at,
                         const struct shape *shape)
{
    if (!reading_is_object(r, value, at, "an object"))
        return false;
    bool good = check_required(r, value, at, shape);
    for (const struct json *m = json_first(value); m; m = json_next(m)) {
        struct place here = {at, json_key(m), 0};
        const struct shape_member *member = find_member(shape, here.key);
        if (reading_is_repeated(r, value, m, &here)) {
            good = false;
        } else if (!member) {
            report_unknown(r, &here, shape);
            good = false;
        } else {
            good = shape_check(r, m, &here, member->shape) && good;
        }
    }
    return good;
}

static bool check_map(struct reading *r, const struct json *value, const struct place *at,
                      const struct shape *shape)
{
    bool good = reading_is_object(r, value, at, "an object");

    for (const struct json *m = good ? json_first(value) : NULL; m; m = json_next(m)) {
        struct place here = {at, json_key(m), 0};
        good = !reading_is_repeated(r, value, m, &here) &&
               shape_check(r, m, &here, shape->element) && good;
    }
    return good;
}

static bool check_list(struct reading *r, const struct json *value, const struct place *at,
                       const struct shape *shape)
{
    struct place here = {at, NULL, 0};

    if (!reading_is_array(r, value, at, "an array"))
        return false;
    bool good = count_of(value) >= (size_t)shape->least;
    if (!good)
        reading_error(r, at, "is empty; expected at least one element");
    for (const struct json *e = json_first(value); e; e = json_next(e), here.index++)
        good = shape_check(r, e, &here, shape->element) && good;
    return good;
}

static bool case_fits(const struct json *value, const struct shape_case *c)
{
    if (!c->member)
        return json_is_string(value);
    const struct json *member = json_get(value, c->member);
    return c->text ? strcmp(json_text(member, ""), c->text) == 0 : member != NULL;
}

static bool check_cases(struct reading *r, const struct json *value, const struct place *at,
                        const struct shape *shape)
{
    for (const struct shape_case *c = shape->cases; c->shape; c++)
        if (case_fits(value, c))
            return shape_check(r, value, at, c->shape);
    reading_error(r, at, "is none that is known here; expected %s", shape->expected);
    return false;
}

bool shape_check(struct reading *r, const struct json *value, const struct place *at,
                 const struct shape *shape)
{
    switch (shape->kind) {
    case SHAPE_TEXT:
        return check_text(r, value, at, shape);
    case SHAPE_BOOL:
        return json_is_bool(value) || wrong(r, value, at, "true or false");
    case SHAPE_NUMBER:
        return check_number(r, value, at, shape);
    case SHAPE_OBJECT:
        return check_object(r, value, at, shape);
    case SHAPE_MAP:
        return check_map(r, value, at, shape);
    case SHAPE_LIST:
        return check_list(r, value, at, shape);
    case SHAPE_CASES:
        return check_cases(r, value, at, shape);
    }
    return false;
}

/* --- writing --------------------------------------------------------------------------------- */

static void write_value(struct jwrite *w, const struct json *value)
{
    if (json_is_object(value) || json_is_array(value)) {
        if (json_is_object(value))
            jwrite_object(w);
        else
            jwrite_array(w);
        for (const struct json *m = json_first(value); m; m = json_next(m)) {
            if (json_key(m))
                jwrite_key(w, json_key(m));
            write_value(w, m);
        }
        jwrite_end(w);
    } else if (json_is_string(value)) {
        jwrite_cstr(w, json_text(value, ""));
    } else if (json_is_bool(value)) {
        jwrite_bool(w, json_bool(value, false));
    } else {
        jwrite_int(w, (int64_t)json_number(value, 0)); /* shapes have whole numbers alone */
    }
}

struct str shape_text(struct reading *r, const struct json *value)
{
    struct buf text = {0};
    struct jwrite w = jwrite_to(&text);

    write_value(&w, value);
    struct str copy = text.failed ? STR_NONE : arena_str(r->config->arena, buf_str(&text));
    buf_free(&text);
    if (!copy.p)
        r->no_memory = true;
    return copy;
}

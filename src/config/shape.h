/*
 * Private to src/config: values that are not ours to understand but to hand on, in the words of
 * another service. They are checked against a shape, so that a slip is found when the configuration is
 * read and not by the first caller, and kept as JSON text.
 */
#ifndef CORELAY_CONFIG_SHAPE_H
#define CORELAY_CONFIG_SHAPE_H

#include "config/reading.h"

enum shape_kind {
    SHAPE_TEXT,   /* a string that is not empty; one of `words`, if there are any */
    SHAPE_BOOL,   /* */
    SHAPE_NUMBER, /* whole, from `least` to `most` */
    SHAPE_OBJECT, /* of `members` and no others, at least `least` of them */
    SHAPE_MAP,    /* an object of any names, each value of shape `element` */
    SHAPE_LIST,   /* an array of `element`, at least `least` of them */
    SHAPE_CASES   /* the first of `cases` that fits */
};

struct shape {
    enum shape_kind kind;
    long least, most;
    const char *const *words; /* NULL at the end */
    const struct shape_member *members;
    const struct shape *element;
    const struct shape_case *cases;
    const char *expected; /* CASES: "an object with type or regex" */
};

struct shape_member { /* the last one has no name */
    const char *name;
    const struct shape *shape;
    bool required;
};

struct shape_case {     /* the last one has no shape */
    const char *member; /* an object with this member; NULL: a string */
    const char *text;   /* whose value is this; NULL: any */
    const struct shape *shape;
};

/* Is the value of that shape? Every offence is reported. */
bool shape_check(struct reading *r, const struct json *value, const struct place *at,
                 const struct shape *shape);

/* The value as JSON text, in the configuration's memory; unset (and `no_memory`) without it. */
struct str shape_text(struct reading *r, const struct json *value);

#endif

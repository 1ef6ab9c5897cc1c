/*
 * A random request, written twice at the same time: as the caller sends it, with odd white space, odd
 * escapes, odd numbers and members that a rewrite takes out; and as it must arrive. A container in
 * which something was rewritten loses its white space, all others keep it. Names that rewrites look
 * for stand everywhere below, where nobody may touch them.
 */
#ifndef CORELAY_TESTS_GOLDEN_TWIN_H
#define CORELAY_TESTS_GOLDEN_TWIN_H

#include "base/buf.h"

struct twin {
    struct buf sent, arrives;
    bool tidy;     /* in a container that is rewritten: its white space goes */
    unsigned gone; /* inside of something that a rewrite takes out */
};

/* --- random ---------------------------------------------------------------------------------- */

void twin_seed(uint64_t seed);
unsigned below(unsigned n);
bool one_in(unsigned n);

/* --- writing --------------------------------------------------------------------------------- */

void put_str(struct twin *t, struct str s);
void put(struct twin *t, const char *s);
/* This is sent, that arrives. */
void put_other(struct twin *t, const char *sent, const char *arrives);
/* Some white space, or none. */
void gap(struct twin *t);

/* One container being written: `sent` and `arrives` may have different first members. */
struct list {
    bool outer_tidy, any_sent, any_arrives;
    const char *end;
};

/* `ends` is "[]" or "{}"; `tidy`: something in it is rewritten. */
struct list open_list(struct twin *t, const char *ends, bool tidy);
void close_list(struct twin *t, const struct list *l);
void next_element(struct twin *t, struct list *l);
/* `key` as it stands in JSON, without quotes. */
void next_member(struct twin *t, struct list *l, const char *key);

/* --- values that are nobody's business ------------------------------------------------------- */

void put_string(struct twin *t);
void put_container(struct twin *t);
void put_value(struct twin *t);

/* --- members --------------------------------------------------------------------------------- */

void free_member(struct twin *t, struct list *l, const char *key);
void word_member(struct twin *t, struct list *l, const char *key, const char *json);
void text_member(struct twin *t, struct list *l, const char *key);
/* A member that a rewrite takes out. */
void lost_member(struct twin *t, struct list *l, const char *key);

/* Up to `most` members, each with a name of `kept` or (by halves) `lost`; both end with NULL. */
void some_members(struct twin *t, struct list *l, unsigned most, const char *const *kept,
                  const char *const *lost);

/* Which of the elements are touched must be known before the container begins. */
struct touch {
    unsigned count;
    bool element[4], any;
};

struct touch plan(unsigned least, unsigned most);
/* Nothing is touched unless `allowed`. */
void plan_only_if(struct touch *p, bool allowed);

/* --- the requests of each lane --------------------------------------------------------------- */

void write_chat(struct twin *t, bool stream);
void write_responses(struct twin *t, bool stream);
void write_claude(struct twin *t, bool stream);
void write_gemini(struct twin *t, bool stream);

#endif

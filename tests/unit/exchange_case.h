/*
 * One exchange in a test, acted by the golden runner's pieces (tests/golden/replay.h): a request in
 * one dialect, what goes to the family, what comes back, and what the caller gets, whole, cut in two
 * at every byte, and byte by byte.
 */
#ifndef CORELAY_TESTS_EXCHANGE_CASE_H
#define CORELAY_TESTS_EXCHANGE_CASE_H

#include "dialect/dialect.h"
#include "family/family.h"

/* Single quotes in `request` and `answer` stand for double ones, unless `raw`. */
struct exchange_case_given {
    const struct dialect *dialect;
    const struct family *family;
    const char *call; /* lines "model: NAME" and "anthropic-beta: A,B"; or NULL */
    const char *request;
    const char *type;   /* of the answer; NULL: a stream of events, or JSON when not streamed */
    const char *answer; /* NULL: only the request matters */
    bool raw;
};

struct exchange_case {
    struct arena *arena;
    struct str path, sent, dropped; /* the upstream request; `sent` is unset when it was refused */
    int status;
    struct str got; /* what the caller has */
};

/* Act it. The case must hold together: an answer where a request goes out, the same bytes for each
   way of cutting it. */
void exchange_case_act(struct exchange_case *c, const struct exchange_case_given *given);
void exchange_case_end(struct exchange_case *c);

/* `text` must hold `part` (quotes as above), must not, must hold it that often. */
void assert_holds(struct str text, const char *part);
void assert_lacks(struct str text, const char *part);
void assert_count(struct str text, const char *part, unsigned count);
/* `text` must hold all of them, each behind the one before; the last is NULL. */
void assert_in_order(struct str text, const char *const *parts);

/* The text behind `before` up to the next double quote, in the case's arena. */
struct str exchange_case_quoted(struct exchange_case *c, const char *before);

/* A stream of messages: each block is opened, filled with deltas of its own kind, and closed before
   the next one; numbers go up by one; the message begins and ends once. */
void assert_blocks_are_sound(struct exchange_case *c);

#endif

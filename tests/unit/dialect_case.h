/*
 * What the tests of dialects share: a request decoded from text, and events pushed through the
 * order check into a dialect's stream, or collected and rendered.
 */
#ifndef CORELAY_TESTS_DIALECT_CASE_H
#define CORELAY_TESTS_DIALECT_CASE_H

#include "chat/collect.h"
#include "chat/order.h"
#include "dialect/dialect.h"

struct dialect_case {
    const struct dialect *dialect;
    struct arena *arena;
    struct chat_request request;
    struct dropped dropped;
    struct chat_error error;
    struct dialect_reply reply; /* id "abc1", model "m", created 1700000000, estimate 7 */
    struct buf out;
    struct chat_sink *sink; /* the stream or the collector, behind the order check */
    struct chat_collect *collect;
};

void dialect_case_begin(struct dialect_case *c, const struct dialect *dialect);
void dialect_case_end(struct dialect_case *c);

/* Decode a body; single quotes in it stand for double ones. */
status dialect_case_decode(struct dialect_case *c, const char *body);
/* The same, byte for byte. */
status dialect_case_decode_raw(struct dialect_case *c, struct str body);
/* Must be refused for that field, with that kind. */
void dialect_case_refuse(struct dialect_case *c, const char *body, const char *param,
                         enum chat_error_kind kind);
/* Compare the list of what was dropped. */
void dialect_case_dropped(struct dialect_case *c, const char *expected);

/* The message of that number, and a part of it; both must exist. */
const struct chat_message *dialect_case_message(const struct dialect_case *c, unsigned n);
const struct chat_part *dialect_case_part(const struct dialect_case *c, unsigned message,
                                          unsigned part);

/* From here on events become a stream, or a whole answer. */
void dialect_case_stream(struct dialect_case *c);
void dialect_case_whole(struct dialect_case *c);

/* Push an event; it must be taken. */
void dialect_case_push(struct dialect_case *c, const struct chat_event *event);
void dialect_case_start(struct dialect_case *c);
void dialect_case_open(struct dialect_case *c, unsigned index, enum chat_block block);
void dialect_case_call(struct dialect_case *c, unsigned index, const char *id, const char *name,
                       const char *signature);
void dialect_case_delta(struct dialect_case *c, unsigned index, enum chat_block block,
                        const char *text);
void dialect_case_sign(struct dialect_case *c, unsigned index, const char *signature);
void dialect_case_close(struct dialect_case *c, unsigned index, enum chat_block block);
/* Open, one delta, close. */
void dialect_case_block(struct dialect_case *c, unsigned index, enum chat_block block,
                        const char *text);
void dialect_case_usage(struct dialect_case *c, const struct chat_usage *usage);
void dialect_case_stop(struct dialect_case *c, enum chat_stop stop);

/* What was written since the last look must be exactly this; single quotes stand for double ones.
 */
void dialect_case_wrote(struct dialect_case *c, const char *expected);
/* Render the collected answer and compare likewise. */
void dialect_case_rendered(struct dialect_case *c, const char *expected);
/* Does the output hold that text (single quotes as above)? */
bool dialect_case_holds(const struct dialect_case *c, const char *text);

void assert_str(struct str s, const char *expected);

#endif

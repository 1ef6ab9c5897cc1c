/*
 * One family at work in a test: requests in, text out. All memory is the case's own.
 */
#ifndef CORELAY_TESTS_FAMILY_CASE_H
#define CORELAY_TESTS_FAMILY_CASE_H

#include "family/family.h"

struct family_case {
    const struct family *family;
    struct arena *arena;
    struct family_model model;
    struct family_call call;
    struct dropped dropped;
    struct chat_error err;
};

void family_case_open(struct family_case *c, const struct family *family, const char *model);
void family_case_close(struct family_case *c);

/* The events of a stream (see event_print.h) and a last line "end ok" or "end <status>". The stream
   is read whole, then cut in two at every byte, then byte by byte; all must give the same. */
const char *family_case_stream(struct family_case *c, const char *bytes);
/* The bytes that the lane passes on; cut as above. */
const char *family_case_relay(struct family_case *c, const char *bytes);
/* By how many bytes the exchange's arena grows when `frame` comes another 1000 times. */
size_t family_case_growth(struct family_case *c, const char *frame);
/* The events of a whole body, and the same last line. */
const char *family_case_whole(struct family_case *c, const char *body);

/* The body behind prepare; "refused: <message>" when it says no. */
const char *family_case_prepare(struct family_case *c, const char *body);
/* The encoded request (before prepare); likewise. */
const char *family_case_encode(struct family_case *c, const struct chat_request *request);
/* What was declared so far, "a, b"; forgotten by the call. */
const char *family_case_dropped(struct family_case *c);
const char *family_case_path(struct family_case *c);

/* Parts for hub requests: appended behind `*at`, as chat_add_part. */
struct chat_part *case_text(struct family_case *c, struct chat_part ***at, const char *text);
struct chat_part *case_call(struct family_case *c, struct chat_part ***at, const char *id,
                            const char *name, const char *arguments);
struct chat_part *case_result(struct family_case *c, struct chat_part ***at, const char *id,
                              const char *text);
struct chat_part *case_image(struct family_case *c, struct chat_part ***at, const char *type,
                             const char *data);
/* A message; returns the end of its (empty) list of parts. */
struct chat_part **case_message(struct family_case *c, struct chat_message ***at,
                                enum chat_role role);
struct chat_tool *case_tool(struct family_case *c, struct chat_request *r, const char *name,
                            const char *schema);

#endif

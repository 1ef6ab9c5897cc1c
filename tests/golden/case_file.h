/*
 * A golden case: one text file that tells a whole exchange, each step in a section.
 *
 *     -- call --                                   optional, a line each: "model: NAME" behind an
 *                                                  alias, "anthropic-beta: A,B", "path: /v1beta/..."
 *                                                  for an API whose URL says what is asked,
 *                                                  "emulated: HOW" (capabilities.h)
 *     -- request --                                what the caller sends
 *     -- upstream request: PATH --                 what goes to SAP AI Core
 *     -- dropped --                                what was declared as left out, if anything
 *     -- upstream answer: STATUS CONTENT-TYPE --   what comes back
 *     -- answer: STATUS --                         what the caller gets
 *
 * The line end in front of a section's head belongs to the head, every other byte counts. A file is
 * read, acted, and written again with what really came out: the case holds if that is the same file.
 */
#ifndef CORELAY_TESTS_GOLDEN_CASE_FILE_H
#define CORELAY_TESTS_GOLDEN_CASE_FILE_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/status.h"

struct case_file {
    /* given */
    struct str call;
    struct str request;
    bool answered;     /* the case has an upstream answer */
    struct str reply;  /* its head: "200 text/event-stream" */
    struct str answer; /* and its bytes */
    /* expected, or come about */
    bool sent; /* an upstream request was made */
    struct str path, body;
    struct str dropped;
    int status;
    struct str bytes;
};

/* Take a file's text apart; the parts borrow it. E_SYNTAX and `*why` when it is no case. */
status case_file_parse(struct str text, struct case_file *out, const char **why);
/* The value of "name: value" in the section `call`; unset if it is not there. */
struct str case_file_setting(const struct case_file *c, const char *name);
void case_file_render(const struct case_file *c, struct buf *out);

#endif

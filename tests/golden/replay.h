/*
 * One case acted with the gateway's own pieces, in the order in which src/exchange calls them, but
 * without sockets, clocks and routes: ids, times and estimates are fixed.
 */
#ifndef CORELAY_TESTS_GOLDEN_REPLAY_H
#define CORELAY_TESTS_GOLDEN_REPLAY_H

#include "case_file.h"
#include "dialect/dialect.h"
#include "family/family.h"
#include "family/orchestration.h"

struct replay {
    struct arena *arena;
    const struct dialect *dialect;
    const struct family *family;
    const struct case_file *given;
    /* from the request */
    struct family_model model;
    struct family_call call;
    struct orchestration_profile profile;
    struct str model_asked;
    const struct dialect_form *form; /* of the stream; NULL: as the dialect writes it */
    struct chat_request chat;
    struct dropped dropped;
    struct chat_error error; /* why the request was refused */
};

/* Fill the expected half of `out` with what comes about, in `arena`. OK, or E_SYNTAX with `*why`
   when the case cannot be acted, or when the answer depends on where the stream is cut: it is read
   whole, then cut in two at each byte, then byte by byte. */
status replay_case(struct arena *arena, const struct dialect *dialect, const struct family *family,
                   const struct case_file *given, struct case_file *out, struct str *why);

/* replay_work.c: the same of an API that is no chat, whose URL is `path` unless the case names one. */
status replay_work(struct arena *arena, const char *path, const struct family *family,
                   const struct case_file *given, struct case_file *out, struct str *why);

/* replay_answer.c: the answer as the caller sees it when upstream's bytes arrive in two pieces that
   meet at `cut`, or (step > 0) in pieces of that size. */
void replay_answer(struct replay *r, struct str upstream, size_t cut, size_t step, int *code,
                   struct buf *out);

#endif

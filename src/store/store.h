/*
 * What the gateway remembers of the Responses API, for all processes of the host, under state_dir:
 *
 *     response-places/   which target made a response: so that what is said about it goes there
 *     responses/         whole answers with their input, where upstream keeps none; only when the
 *                        configuration asks for it, since they are what users wrote
 *
 * Each has an owner, the caller's key: whose it is not does not get it. The store knows nothing of
 * the API but the shape of its own files; a file that makes no sense is a warning and a miss.
 */
#ifndef CORELAY_STORE_STORE_H
#define CORELAY_STORE_STORE_H

#include "store/files.h"

enum {
    STORE_PLACES = 32768,           /* files of a few hundred bytes */
    STORE_PLACE_AGE_S = 30 * 86400, /* as long as OpenAI keeps a response */
    STORE_ANSWERS = 65536,          /* files */
    STORE_ID_BYTES = 4096           /* of a response's id */
};

/* Where a response lives. All texts are set. */
struct store_place {
    struct str owner;
    struct str account, group, deployment, model;
    bool owed; /* made in the background: what it used is counted when it is asked for */
};

/* A whole answer. */
struct store_answer {
    struct str owner;
    struct str previous; /* the response that it goes on from; unset: none */
    struct str input;    /* JSON text of an array: what the caller added */
    struct str response; /* JSON text of the response object */
    struct str output;   /* its `output`; when read */
};

struct store {
    struct store_files places, answers; /* answers.folder is NULL unless they are kept */
};

/* In `arena`; NULL when out of memory. `state_dir` may be NULL: nothing is remembered then.
   `answers` NULL: no answers are kept. */
struct store *store_new(struct arena *arena, const char *state_dir,
                        const struct store_bounds *answers);
bool store_keeps_answers(const struct store *store);

/* OK, or E_NOT_FOUND for whatever reason. Texts live in `arena`. */
status store_find_place(const struct store *store, struct arena *arena, struct str id,
                        struct store_place *out);
status store_find_answer(const struct store *store, struct arena *arena, struct str id,
                         struct store_answer *out);

/* What cannot be written costs a warning. */
void store_note_place(struct store *store, struct str id, const struct store_place *place);
void store_keep_answer(struct store *store, struct str id, const struct store_answer *answer);

/* E_NOT_FOUND, E_IO. */
status store_forget_answer(const struct store *store, struct str id);
/* It is used: it lasts for its whole age again. */
void store_touch_answer(const struct store *store, struct str id);

/* --- the files, for their tests ------------------------------------------------------------------ */

/* {"corelay_place":1,"id":..,"owner":..,"account":..,"group":..,"deployment":..,"model":..,
     "usage_owed":true}
   E_SYNTAX with the offence in `*problem` (static text) unless it is whole and about `id`. */
status store_place_parse(struct arena *arena, struct str content, struct str id,
                         struct store_place *out, const char **problem);
void store_place_write(struct buf *out, struct str id, const struct store_place *place);

/* {"corelay_answer":1,"id":..,"owner":..,"previous":..,"input":[..],"response":{..}}; input and
   response are borrowed from `content`. */
status store_answer_parse(struct arena *arena, struct str content, struct str id,
                          struct store_answer *out, const char **problem);
void store_answer_write(struct buf *out, struct str id, const struct store_answer *answer);

#endif

/*
 * The hub's request for embeddings, and its answer.
 */
#ifndef CORELAY_CHAT_EMBED_H
#define CORELAY_CHAT_EMBED_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/str.h"

struct embed_input {
    struct str text;   /* unescaped; unset for a token array and for an image alone */
    struct str tokens; /* JSON text of an array of integers */
    struct str image;  /* base64; with or without a text */
    struct str title;  /* of the document that the text is, may be unset */
    struct embed_input *next;
};

struct embed_request {
    struct str model;
    struct embed_input *inputs;
    size_t count;
    int64_t dimensions; /* -1 unset */
    bool base64;        /* the caller wants little-endian float32 in base64 */
    struct str user;
    struct str input_type; /* "query", "passage"... (NVIDIA, Cohere), may be unset */
};

/* Both borrow from the upstream answer that they were read from. */
struct embed_vector {
    struct str numbers; /* JSON text of an array of numbers; unset when `base64` is given */
    struct str base64;
    struct embed_vector *next;
};

struct embed_answer {
    struct embed_vector *vectors; /* in the order of the inputs */
    int64_t tokens;               /* of all inputs; -1 when upstream did not tell */
};

#endif

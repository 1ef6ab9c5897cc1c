/*
 * The hub's request to order documents by how well they answer a query, and its answer.
 */
#ifndef CORELAY_CHAT_RERANK_H
#define CORELAY_CHAT_RERANK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/str.h"

struct rerank_document {
    struct str text; /* what is read */
    struct str json; /* as it is given back: an object */
};

struct rerank_request {
    struct str model, query;
    struct rerank_document *documents;
    size_t count;
    int64_t top_n;      /* -1 unset; at most `count` */
    int64_t max_tokens; /* of each document; -1 unset */
    bool return_documents;
};

struct rerank_result {
    size_t index;     /* of the document, below `count` */
    struct str score; /* JSON text of a number */
    struct rerank_result *next;
};

/* Borrows from the upstream answer that it was read from. */
struct rerank_answer {
    struct str id;                 /* may be unset */
    struct rerank_result *results; /* best first */
    struct str meta;               /* JSON text of an object, may be unset */
    int64_t tokens;                /* -1: upstream did not tell */
};

#endif

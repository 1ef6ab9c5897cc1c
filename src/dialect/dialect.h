/*
 * A dialect: one API that callers speak. One file, one exported constant, one row in the endpoint
 * table (exchange/endpoint.c).
 *
 * A dialect turns the caller's JSON into the hub's request and the hub's events into the caller's
 * bytes. It knows nothing of families, targets or HTTP.
 */
#ifndef CORELAY_DIALECT_DIALECT_H
#define CORELAY_DIALECT_DIALECT_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/jspan.h"
#include "chat/collect.h"
#include "chat/dropped.h"
#include "chat/embed.h"
#include "chat/error.h"
#include "chat/event.h"
#include "chat/request.h"
#include "chat/rerank.h"

/* What an answer needs to know beside its events. Borrowed for the life of the writer. */
struct dialect_reply {
    struct str id;          /* unique, [a-z0-9]+; the dialect puts its prefix before it */
    struct str model;       /* the name the caller used */
    int64_t created;        /* wall clock, seconds */
    int64_t input_estimate; /* tokens of the prompt, estimated; for dialects that begin with it */
    const struct chat_request *request;

    /* Responses API: */
    struct str previous; /* the id of the response that this one goes on from; unset: none */
    bool stored;         /* it can be asked for by its id later */
    struct buf *keep;    /* where the response object is also put as it ends; NULL: nowhere */
};

/* What stands around the JSON texts of a stream in place of server-sent events. */
struct dialect_form {
    const char *content_type;
    struct str first, next; /* in front of the first text, and of each other */
    struct str last;        /* behind all */
};

/* A field that families call otherwise than callers of this API do. */
struct dialect_word {
    const char *hub, *caller;
};

struct dialect {
    const char *name; /* "openai-chat", "anthropic-messages": for records and configuration */
    enum chat_wire wire;

    /* The caller's body as a hub request in `arena`. E_SYNTAX with `*err` filled when the body is
       not what the API takes; what is understood but cannot be carried goes into `dropped`. */
    status (*decode)(struct arena *arena, const struct jspan *body, struct chat_request *out,
                     struct dropped *dropped, struct chat_error *err);

    /* A sink that appends the stream's bytes to `out`, a complete frame per event or more.
       NULL when out of memory. */
    struct chat_sink *(*stream)(struct arena *arena, const struct dialect_reply *reply,
                                struct buf *out);

    /* A whole answer (not a failed one) as the body of a 200. */
    status (*render)(struct arena *arena, const struct dialect_reply *reply,
                     const struct chat_answer *answer, struct buf *out);

    /* An error as the body of an HTTP answer, and as a frame in a stream that has begun. */
    void (*error)(const struct chat_error *err, struct str request_id, struct buf *out);
    void (*stream_error)(const struct chat_error *err, struct str request_id, struct buf *out);

    /* The stream's frames are numbered, so an error in it is told by its own sink (ERROR); then
       stream_error is for a stream that has none. */
    bool numbered;

    /* A frame that keeps a silent stream alive, and the frame that ends a good one ("" = none);
       the latter for the lane only. */
    struct str keep_alive;

    /* The form of a stream whose query does not say alt=sse: each "data: " line of `stream` and
       `stream_error` is one of its texts. NULL: always server-sent events. */
    const struct dialect_form *unless_sse;

    /* Ended by a row without words; the first that fits counts. NULL: all are the same. */
    const struct dialect_word *words;

    /* A count of tokens as the body of a 200. NULL: the API has no such call. */
    void (*count)(int64_t tokens, struct buf *out);
};

/* One call of an API that makes embeddings. */
struct dialect_embed {
    const char *name; /* "openai-embeddings": for records */
    const struct dialect_word *words;

    /* As decode and render of a dialect. E_SYNTAX from `render` when a vector holds no numbers. */
    status (*decode)(struct arena *arena, const struct jspan *body, struct embed_request *out,
                     struct dropped *dropped, struct chat_error *err);
    status (*render)(struct arena *arena, const struct embed_request *request,
                     const struct embed_answer *answer, struct buf *out);
};

/* One call of an API that orders documents. */
struct dialect_rerank {
    const char *name;

    status (*decode)(struct arena *arena, const struct jspan *body, struct rerank_request *out,
                     struct dropped *dropped, struct chat_error *err);
    /* `id` is for an answer that has none. E_NOMEM. */
    status (*render)(const struct rerank_request *request, const struct rerank_answer *answer,
                     struct str id, struct buf *out);
};

extern const struct dialect dialect_openai_chat;
extern const struct dialect dialect_openai_completions;
extern const struct dialect dialect_openai_responses;
extern const struct dialect dialect_anthropic_messages;
extern const struct dialect dialect_gemini_generate;
extern const struct dialect dialect_cohere; /* no chats: how errors are told */

extern const struct dialect_embed embed_openai;
extern const struct dialect_embed embed_gemini_one; /* embedContent */
extern const struct dialect_rerank rerank_cohere;
extern const struct dialect_embed embed_gemini_batch; /* batchEmbedContents */

#endif

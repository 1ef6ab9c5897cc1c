/*
 * The inside of an exchange, for the files of this folder only.
 *
 *     exchange.c  the stages, and the end
 *     key.c       who asks, and who guesses
 *     body.c      what the caller sent
 *     conversation.c  what a request is a part of
 *     fitting.c   is it too long for its model?
 *     attempt.c   one try at one target, and whether there is another
 *     relay.c     the answer's way back
 *     reply.c     heads and errors
 *     local.c     what needs no upstream
 *     embed.c     embeddings
 *     rerank.c    ordered documents
 *     passthrough.c  what passes as it is: deployments of the customer's own, tables
 *     parts.c     one request in several calls
 *     mirror.c    copies of requests
 *
 * and of the Responses API
 *
 *     earlier.c   where an earlier response lives, and keeping this one
 *     stored.c    what is asked about earlier responses
 */
#ifndef CORELAY_EXCHANGE_LIFE_H
#define CORELAY_EXCHANGE_LIFE_H

#include "base/jspan.h"
#include "chat/collect.h"
#include "exchange/endpoint.h"
#include "exchange/exchange.h"
#include "exchange/mirror.h"
#include "gate/record.h"
#include "route/pick.h"

enum {
    ERROR_BODY_BYTES = 64 * 1024,         /* of an upstream error */
    WHOLE_BODY_BYTES = 128 * 1024 * 1024, /* of a whole answer */
    OUT_BYTES = 8 * 1024 * 1024,          /* held back before the head is sent */
    REQUEST_ID_BYTES = 128,
    BUSY_RETRY_MS = 5000,
    KEY_BUSY_RETRY_MS = 1000,       /* a key's own requests end one by one */
    ARENA_BYTES = 64 * 1024 * 1024, /* of an exchange, and so many more per byte of its body */
    ARENA_PER_BODY_BYTE = 12,
    STORED_ARENA_FACTOR = 16 /* a conversation that is read again, per byte of the limit */
};

enum stage {
    STAGE_ADMIT,  /* endpoint, method, key */
    STAGE_DECODE, /* what is asked */
    STAGE_MODELS, /* the model table */
    STAGE_ROUTE,  /* the model and its targets */
    STAGE_PARTS,  /* in place of all that follow: several calls, each an exchange of its own */
    STAGE_PAUSE,  /* before another round over the targets */
    STAGE_TARGET, /* the next target, and the request in its family's words */
    STAGE_TOKEN,
    STAGE_SEND,
    STAGE_ANSWER, /* upstream is talking */
    STAGE_END
};

/* What a stage says. FAIL means that `error` is filled in. */
enum step { GO_ON, WAIT, DONE, STEP_FAIL };

/* Watches the events on their way to the dialect: usage, errors, the first content. */
struct tap {
    struct chat_sink sink;
    struct chat_sink *next; /* NULL on the lane */
    struct exchange *exchange;
};

/*
 * What an endpoint that is no chat does its own way. Who answers, tokens, failover and accounting
 * are the same for all.
 */
struct work {
    /* The caller's request: x->model_asked, and what is needed further on. */
    bool (*decode)(struct exchange *x);
    /* The target's body, into x->up_body; called for the first target of each family. */
    status (*prepare)(struct exchange *x);
    /* The URL behind the deployment's own. */
    void (*path)(const struct exchange *x, struct buf *out);
    /* The whole answer is there. False: `x->error` says why it is none. */
    bool (*finish)(struct exchange *x);

    /* Who answers; NULL: by name among the models. False: x->error. `x->model` stays NULL when
       there is nobody by that name. */
    bool (*find)(struct exchange *x);

    /* For requests and answers that pass as they are, all or none. Headers, appended to `out`, which
       has room for them; is an answer of this status the caller's, or shall another target be
       asked; may the request be sent again though upstream may have seen it; the head has come;
       bytes have. */
    size_t (*headers)(struct exchange *x, struct http_header *out, size_t room);
    bool (*takes)(const struct exchange *x, int code);
    bool (*repeats)(const struct exchange *x);
    bool (*begin)(struct exchange *x);
    bool (*push)(struct exchange *x, struct str bytes);
};

/* What is remembered of the Responses API around one exchange. */
struct earlier {
    struct str owner;         /* whose it is: a mark of the caller's key */
    struct store_place place; /* where the earlier response lives; owner unset: it is not known */
    struct str previous;      /* the earlier response, when it was read from our store */
    struct str input;         /* what the caller added: JSON text of an array */
    bool owed;                /* made in the background, and its usage not yet counted */
    bool wanted;              /* the caller lets the answer be stored */
    struct str id;            /* of this answer; unset while it has none */
    bool noted;               /* it is remembered */
    struct buf answer;        /* what our store is to keep of it */
};

struct exchange {
    struct gateway_state *state;
    const struct config *config;
    struct reactor *reactor;
    const struct caller_ops *ops;
    void *arg;
    struct arena *arena;
    struct exchange_request request;

    enum stage stage;
    bool running; /* run() is at work: callbacks only note what they bring */
    bool resumed; /* a callback has brought what the stage waits for */
    bool caller_paused;
    struct timer timer; /* of the stage: retry delay, hold, keep-alive */

    /* what is asked */
    struct endpoint_match match;
    const struct work *work;       /* NULL: a chat */
    const struct dialect *dialect; /* never NULL from STAGE_ADMIT on; errors are in its shape */
    const struct api_key *key;
    struct board_score key_score; /* counted among the key's; zeroed: the key has no limit */
    struct str id;
    struct jspan *body;
    struct str model_asked;
    bool decoded, include_usage;
    struct chat_request chat;
    struct embed_request embed;
    struct rerank_request rerank;
    struct str pass_path; /* behind the deployment's URL, with the query; checked */
    struct dropped dropped;
    struct chat_error error;
    struct earlier earlier;

    struct parts *parts;   /* those this request was split into; NULL: it was not */
    struct mirror *mirror; /* NULL: this is no copy */
    bool copied;           /* or was not to be */
    struct part *part; /* NULL: a caller's own request. A part has no caller to answer: its end is
                            told to parts_ended */

    /* who can answer */
    struct gateway_wait *models_wait;
    struct route_table *table;
    struct chat_error unlisted; /* a list of models is missing in it */
    struct route_model *model;  /* who answers; perhaps in place of the one that was asked */
    const char *prefer;         /* id of the deployment to ask first; NULL: any */
    struct route_pick pick;
    int64_t pause_ms; /* before the next try */
    bool stands_in;   /* `model` is a fallback */
    bool rediscovered;

    /* the present attempt */
    const struct target *target;
    const struct family *family;       /* who talks to it */
    const struct family *prepared_for; /* whose words up_body is in */
    struct str prepared_model;         /* and for which model */
    struct family_call call;
    struct buf up_body;
    struct token_wait *token_wait;
    struct buf token;
    struct str rejected_token; /* upstream said 401 to it */
    bool token_replaced;
    struct http_call *http;
    int up_status;  /* 0: no head yet */
    bool up_unseen; /* it failed before upstream had the request */
    bool own_fault; /* it failed for want of something that this process lacks */
    int64_t up_retry_after_ms;
    struct frames *frames;
    struct family_reader *reader;
    struct chat_collect *collect;
    struct tap tap;
    struct buf whole; /* of a whole answer, or of an upstream error */

    /* the answer */
    struct buf out;                  /* not yet given to the caller */
    const struct dialect_form *form; /* of the stream; NULL: as the dialect writes it */
    struct buf formed;               /* `out` in that form */
    bool streaming;                  /* a stream has begun: its head is sent */
    bool form_begun;                 /* and a text of it */
    bool head_sent, content_seen, stopped, up_failed;
    bool only_signs; /* no more than head and signs of life was sent: another may still answer */
    int64_t last_out_ms;
    struct record record;
    int64_t started_ms;
};

/* exchange.c */
/* Takes the hold on `state`; begins a moment later. NULL: out of memory. */
struct exchange *exchange_new(struct gateway_state *state, const struct exchange_request *request,
                              const struct caller_ops *ops, void *arg);
void exchange_run(struct exchange *x);    /* go on; frees `x` when it has ended */
void exchange_free(struct exchange *x);   /* with all that is under way; nobody is told */
void exchange_resume(struct exchange *x); /* from callbacks: what the stage waited for is there */

/* key.c */
enum step key_check(struct exchange *x);

/* body.c: false when `x->error` says what is wrong. */
bool body_arrived(struct exchange *x);       /* all of it */
bool body_parse(struct exchange *x);         /* a JSON object: x->body */
bool body_name_model(struct exchange *x);    /* the path's model, or the body's */
bool body_choose_stream(struct exchange *x); /* the members `stream` and `stream_options` */

/* conversation.c: hashes; 0: unknown */
uint64_t conversation_find(const struct exchange *x);
uint64_t conversation_caller(const struct exchange *x);

/* fitting.c */
void fitting_choose(struct exchange *x); /* behind route_begin */

/* attempt.c */
enum step attempt_pause(struct exchange *x);
enum step attempt_target(struct exchange *x);
enum step attempt_token(struct exchange *x);
enum step attempt_send(struct exchange *x);
enum step attempt_answer(struct exchange *x);
void attempt_drop(struct exchange *x); /* end what is under way for the present target */
/* Which family serves a chat request at a target of `family`. */
const struct family *attempt_family(const struct family *family, const struct family_model *model,
                                    const struct dialect *dialect, const struct jspan *body);

/* prepare.c */
/* x->up_body for the target's family; kept while further targets are of the same one. False: x->error
   says why it cannot be. */
bool prepare_body(struct exchange *x);
/* A decoded request in the words of `family`, as a tree in `arena`; fills in call->choices. */
status prepare_encoded(struct arena *arena, const struct family *family,
                       const struct chat_request *chat, struct family_call *call,
                       struct jspan **out, struct dropped *dropped, struct chat_error *err);

/* relay.c: false when the attempt has to end (`x->error` says why). */
bool relay_begin(struct exchange *x);
bool relay_push(struct exchange *x, struct str bytes);
bool relay_finish(struct exchange *x);
bool relay_refused(struct exchange *x); /* x->error, of a filter, as the answer that it is */
bool relay_broken(struct exchange *x, const char *what); /* false: the answer is none */
void relay_give(struct exchange *x, struct str bytes);   /* bytes of the body, counted */
void relay_flush(struct exchange *x, bool all);          /* give the caller what may be given */
void relay_close(struct exchange *x);                    /* end the stream's form */
/* Append the texts of `frames` with what the form puts around them; `*begun`: there was one
   before. */
void relay_form(const struct dialect_form *form, struct str frames, bool *begun, struct buf *out);
void relay_await_head(struct exchange *x); /* arm the timer that breaks the first silence */
void relay_keep_alive(struct exchange *x); /* and the one for those that come later */

/* reply.c */
void reply_head(struct exchange *x, int status, const char *content_type);
/* A head with other headers; their names are terminated. */
void reply_raw(struct exchange *x, int status, const struct http_header *headers, size_t count);
void reply_error(struct exchange *x); /* render x->error, in the stream if it has begun */
/* 204 for OPTIONS; permissions for a browser are added where `cors` allows its origin. */
void reply_preflight(struct exchange *x, struct str allow, struct buf *head);
void reply_whole(struct exchange *x, int status, const char *content_type, struct str body);

/* earlier.c */
/* Behind the parsing of a request of the Responses API: find the response that it goes on from. What
   lies in our own store becomes part of the input. False: `x->error` says why. */
bool earlier_begin(struct exchange *x);
/* In front of the decoding for another API: our own store keeps what is asked to be kept. */
void earlier_translate(struct exchange *x);
/* Leave only the target that has the earlier response, if that is known, and no model to stand in.
   False: `x->error`. */
bool earlier_pin(struct exchange *x);
/* Name the answer, if our store is to keep it. E_NOMEM. */
status earlier_name(struct exchange *x, struct dialect_reply *reply);
/* Remember the answer; called in front of everything that the caller is sent. */
void earlier_note(struct exchange *x);
/* In front of the record: the usage of a response that was made in the background counts once, with
   the request that first brings it. */
void earlier_settle(struct exchange *x);
struct str earlier_owner(struct exchange *x);
/* The whole input of a stored answer, with those that it goes on from, as JSON text of an array.
   `also`: the newest one's output, too. E_NOT_FOUND with `*missing`; E_LIMIT, E_NOMEM. */
status earlier_history(struct exchange *x, struct str id, bool also, struct buf *out,
                       struct str *missing);

/* stored.c */
enum step stored_begin(struct exchange *x);
/* Make a model of all targets that may have the response. False: `x->error`. */
bool stored_route(struct exchange *x);
void stored_choose(struct exchange *x);  /* the real model of the present target */
void stored_missing(struct exchange *x); /* fill in the 404 */

/* local.c */
enum step local_serve(struct exchange *x);        /* endpoints that need no model table */
enum step local_serve_models(struct exchange *x); /* and those that need just that */
enum step local_count_tokens(struct exchange *x);

/* embed.c */
extern const struct work embed_work;
/* Answer the caller with vectors; false when they are none. */
bool embed_answer_caller(struct exchange *x, const struct embed_answer *answer);

/* rerank.c */
extern const struct work rerank_work;

/* passthrough.c */
extern const struct work deployment_work, predict_work;

/* parts.c */
bool parts_wanted(const struct exchange *x); /* more than the model takes in one call? */
enum step parts_run(struct exchange *x);
void parts_ended(struct exchange *x);               /* a part has; frees it */
void parts_drop(struct exchange *x);                /* end all that are under way */
struct arena *part_arena(const struct exchange *x); /* where its answer may lie */
bool part_answered(struct exchange *x, const struct embed_answer *answer); /* takes x->whole */

#endif

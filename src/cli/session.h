/*
 * One gateway inside of this process (the same code as in the responder), or one that is reached by
 * HTTP; and calls to it that return when the answer has ended. Private to src/cli.
 */
#ifndef CORELAY_CLI_SESSION_H
#define CORELAY_CLI_SESSION_H

#include "cli/cli.h"
#include "exchange/gateway.h"
#include "route/table.h"

enum { SESSION_BODY_MAX = 64 * 1024 * 1024 };

struct session {
    struct reactor *reactor;
    struct shared_config *config; /* NULL: by HTTP */
    struct gateway *gateway;      /* NULL: by HTTP */
    const char *url, *key;        /* borrowed; the key may be NULL */
    bool x_api_key;               /* send the key in this header instead of Authorization */
};

/* A gateway in this process. Takes ownership of the configuration, whose callers' keys are not
   asked for. E_NOMEM. Close it also after a failure. */
status session_open(struct session *s, struct config *config);
/* One behind a web server. */
status session_open_url(struct session *s, const char *url, const char *key);
void session_close(struct session *s);

struct session_call {
    const char *method, *path; /* "/v1/models" */
    struct str body;
    /* A piece of the body, as it comes; NULL: collect it in the answer. */
    void (*piece)(void *arg, struct str bytes);
    /* What goes upstream; NULL: nobody asks. Never called by HTTP. */
    void (*upstream)(void *arg, const char *url, struct str body);
    void *arg;
};

struct session_answer {
    int http_status;          /* 0: none came */
    struct buf body;          /* the collected body, always of an error */
    char problem[256];        /* when http_status is 0 */
    int64_t first_ms, end_ms; /* since the call began: first byte of the body, its end */
    int pieces;
};

/* FAIL when no answer came (`problem` says why). Free answer->body. */
status session_do(struct session *s, const struct session_call *call,
                  struct session_answer *answer);

/* The message of an error body in any dialect; the beginning of the body otherwise. */
void session_error_text(const struct session_answer *answer, struct buf *out);

/* The model table of a gateway in this process, held (release it). NULL after a complaint. */
struct route_table *session_models(struct session *s);
/* The name of some chat model, into `out`; E_NOT_FOUND after a complaint. */
status session_first_model(struct session *s, struct buf *out);

#endif

/*
 * One question to the token service (XSUAA, OAuth client credentials, RFC 6749 section 4.4): a form
 * with the secret, or mutual TLS with the certificate. Knows nothing of caches.
 */
#ifndef CORELAY_AICORE_TOKEN_FETCH_H
#define CORELAY_AICORE_TOKEN_FETCH_H

#include "aicore/service_key.h"

struct reactor;
struct token_fetch;

enum token_outcome {
    TOKEN_FETCHED,
    TOKEN_REFUSED, /* the credential is not accepted: 400, 401, 403, 404, the certificate */
    TOKEN_BUSY     /* 429, 5xx, no connection, no sense: ask again later */
};

struct token_answer {
    enum token_outcome outcome;
    struct str token;       /* borrowed for the call */
    int64_t life_s;         /* from 1 to TOKEN_LIFE_MAX_S */
    int64_t retry_after_ms; /* 0: unknown */
    char text[160];         /* what went wrong, for the log: holds no secret */
};

/* What a fetch needs of a key, copied, since keys come and go with the configuration. */
struct token_account {
    const char *url;
    struct str form;
    struct http_identity identity;
};
/* Copy into `arena`; the three texts must be wiped before it is freed (token_account_wipe).
 * E_NOMEM. */
status token_account_copy(struct arena *arena, const struct service_key *key,
                          struct token_account *out);
void token_account_wipe(struct token_account *account);

/* Ask; `done` comes once, never from within this call, and the fetch is gone afterwards. `account`
   is borrowed until then. NULL when out of memory. */
struct token_fetch *token_fetch_start(struct reactor *r, const struct token_account *account,
                                      int64_t limit_ms,
                                      void (*done)(void *arg, const struct token_answer *answer),
                                      void *arg);
/* NULL is allowed. */
void token_fetch_cancel(struct token_fetch *fetch);

/* Read the body of a 200. The token is borrowed from `body` or lies in `arena`. E_SYNTAX, E_NOMEM.
 */
status token_answer_parse(struct arena *arena, struct str body, struct token_answer *out);

#endif

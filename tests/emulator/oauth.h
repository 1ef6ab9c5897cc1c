/* The token endpoint and the tokens that it gave out. Any thread. */
#ifndef EMULATOR_OAUTH_H
#define EMULATOR_OAUTH_H

#include "exchange.h"

/* POST /auth/TENANT/oauth/token in the variants A to D. */
void oauth_answer(struct exchange *x, const char *tenant_name);

/*
 * Who sent this request? Sets x->tenant and x->token_serial; otherwise answers 401 as the
 * mesh does (plain text) and returns false.
 */
bool oauth_check(struct exchange *x);

/* Drop tokens of this tenant (NULL = all); expired: answer "Jwt is expired" from now on. */
unsigned oauth_revoke(const char *tenant_name, bool expired);

/* Tokens of this tenant live so many seconds from now on; negative = the general setting. */
void oauth_set_ttl(const struct tenant *tenant, int seconds);

/* A new secret for the tenant. It and the one before are taken from now on, older ones are refused;
   tokens that were given stay good. */
char *oauth_rotate(struct pool *pool, const struct tenant *tenant);

/* Lifetimes and secrets as at the start; tokens stay good. */
void oauth_reset(void);

/* Forget all tokens. */
void oauth_free(void);

#endif

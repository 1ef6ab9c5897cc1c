/*
 * What all exchanges of one reactor share: configuration, tokens, discovery, the model table.
 *
 * The configuration is swapped whole on reload; exchanges that have begun keep the one they began
 * with.
 */
#ifndef CORELAY_EXCHANGE_GATEWAY_H
#define CORELAY_EXCHANGE_GATEWAY_H

#include "config/config.h"
#include "http/reactor.h"
#include "route/scoreboard.h"
#include "route/table.h"
#include "store/store.h"

/* A configuration that several reactors share. */
struct shared_config;
/* Takes ownership; NULL when out of memory (the configuration is freed then). One hold. */
struct shared_config *config_share(struct config *config);
struct shared_config *shared_config_hold(struct shared_config *shared);
void shared_config_release(struct shared_config *shared); /* from any thread; NULL is allowed */
const struct config *shared_config_get(const struct shared_config *shared);

struct gateway;

/* NULL when out of memory. Holds the configuration. */
struct gateway *gateway_new(struct reactor *r, struct shared_config *config);
/* All exchanges must have ended; copies of requests are ended here. */
void gateway_free(struct gateway *g);
/* New exchanges use this configuration from now on. E_NOMEM: the old one stays. */
status gateway_reload(struct gateway *g, struct shared_config *config);

struct reactor *gateway_reactor(const struct gateway *g);
/* Copies of requests may be sent: the process lives on when a request has ended. Until then none are. */
void gateway_let_mirror(struct gateway *g);
/* Exchanges under way. */
unsigned gateway_active(const struct gateway *g);

/* --- for exchanges --------------------------------------------------------------------------- */

/* One configuration and what was built from it. */
struct gateway_state;
struct gateway_state *gateway_hold(struct gateway *g);
/* For one more exchange, with the same configuration. */
struct gateway_state *gateway_share(struct gateway_state *state);
void gateway_release(struct gateway_state *state);
const struct config *gateway_config(const struct gateway_state *state);
struct reactor *gateway_state_reactor(const struct gateway_state *state);
struct token_cache *gateway_tokens(const struct gateway_state *state);
struct scoreboard *gateway_board(const struct gateway_state *state);
struct mirrors *gateway_mirrors(const struct gateway_state *state);
struct store *gateway_store(const struct gateway_state *state);
/* Ask the AI API for the limits of an account's models, unless that is under way. */
void gateway_learn_limits(struct gateway_state *state, const struct config_account *account);

/* Called once with the model table (borrowed for the call), and with an error when it lacks the models
   of a subaccount whose list could not be had; NULL and an error when not a single one could. */
typedef void gateway_models_done(void *arg, struct route_table *table,
                                 const struct chat_error *err);
struct gateway_wait;
/* The model table, after discovery where that is needed. `force`: discover anew, within limits. May
   call back before it returns; then NULL. */
struct gateway_wait *gateway_models(struct gateway_state *state, bool force,
                                    gateway_models_done *done, void *arg);
void gateway_cancel(struct gateway_wait *wait);

#endif

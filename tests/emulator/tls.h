/*
 * A TLS front for the main port's answers: decrypts with OpenSSL and hands the plain
 * connection to the HTTP library. It demands a client certificate where a CA is configured,
 * so that a missing or expired one fails in the handshake, as it does in reality.
 */
#ifndef EMULATOR_TLS_H
#define EMULATOR_TLS_H

#include "server.h"

/* Take the port; sets settings.tls_port. False after saying on stderr what failed. */
bool tls_bind(void);

/* Serve; the same about failure. */
bool tls_start(route_fn route);
void tls_stop(void);

#endif

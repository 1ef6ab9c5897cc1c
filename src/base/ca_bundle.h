/*
 * A file of trusted authorities, of which only what a verification asks for is parsed.
 *
 * OpenSSL parses a whole bundle (some 140 certificates, 30 ms) before it verifies with one of them. For a
 * process that makes one connection and ends, that is most of its work. Here the certificates are found by
 * their text and parsed when an issuer of that name is looked for. Who is trusted stays the same: every
 * certificate of the file whose name OpenSSL could take for the wanted one is given to it, and no other
 * certificate ever is; the verification itself remains OpenSSL's.
 */
#ifndef CORELAY_BASE_CA_BUNDLE_H
#define CORELAY_BASE_CA_BUNDLE_H

#include <stdbool.h>

#include "base/str.h"

struct ca_bundle;
struct ssl_ctx_st;    /* libssl's SSL_CTX */
struct x509_store_st; /* libcrypto's X509_STORE */

/* NULL unless it is a file of nothing but certificates in PEM (RFC 7468), at least one, with any text
   between them: whoever gets NULL lets OpenSSL read it. Also without memory. */
struct ca_bundle *ca_bundle_open(const char *path);

/* The same from the content of such a file. */
struct ca_bundle *ca_bundle_read(struct str pem);

/* Not while a context or store that it was lent to is used. */
void ca_bundle_free(struct ca_bundle *bundle);

/* Verifications with this context or store find their authorities in the bundle, too. Not for two threads
   at the same time. False: out of memory. */
bool ca_bundle_lend(struct ca_bundle *bundle, struct ssl_ctx_st *context);
bool ca_bundle_lend_store(struct ca_bundle *bundle, struct x509_store_st *store);

/* Is that TLS library, as curl names its own ("OpenSSL/3.0.17"), the one whose contexts can be lent to? */
bool ca_bundle_serves(const char *tls_library);

/* How many of its certificates have been parsed so far. */
size_t ca_bundle_parsed(const struct ca_bundle *bundle);

#endif

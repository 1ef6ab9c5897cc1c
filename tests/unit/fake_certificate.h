/*
 * A self-signed certificate and its key, made afresh: no private key lies in the repository.
 */
#ifndef CORELAY_TESTS_FAKE_CERTIFICATE_H
#define CORELAY_TESTS_FAKE_CERTIFICATE_H

/* PEM text of a certificate for 127.0.0.1 that ends in `seconds` from now, and of its key; both to be freed. */
void fake_certificate(long seconds, char **certificate, char **key);

#endif

/*
 * Whether a request is there as a whole, told from its records alone (FastCGI 1.0, section 3.3 and 5).
 */
#ifndef CORELAY_FCGI_RECORDS_H
#define CORELAY_FCGI_RECORDS_H

#include <stdbool.h>
#include <stddef.h>

/* Are these bytes, from the first to the last, one request: its begin, its parameters and its body,
   each up to the empty record behind it? libfcgi reads such a one without ever waiting. False also
   for what is allowed, but so rare that somebody who may wait can have it: management records,
   several requests, padding where libfcgi does not look for it. */
bool records_are_request(const unsigned char *p, size_t n);

/* Do they begin with the record that takes a request back? */
bool records_abort(const unsigned char *p, size_t n);

#endif

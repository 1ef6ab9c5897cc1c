/*
 * FastCGI records (FastCGI 1.0, section 3.3 and 5): whether a request is there as a whole, and an answer
 * that waits to be sent. libfcgi would hold 9 KiB of buffers for that as long as a stream lasts, and write
 * blocking.
 */
#ifndef CORELAY_FCGI_RECORDS_H
#define CORELAY_FCGI_RECORDS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

/* Are these bytes, from the first to the last, one request: its begin, its parameters and its body,
   each up to the empty record behind it? libfcgi reads such a one without ever waiting. False also
   for what is allowed, but so rare that somebody who may wait can have it: management records,
   several requests, padding where libfcgi does not look for it. */
bool records_are_request(const unsigned char *p, size_t n);

/* Do they begin with the record that takes a request back? */
bool records_abort(const unsigned char *p, size_t n);

/* An answer as records; zeroed: nothing. `bytes` is for whoever sends. */
struct records {
    struct buf bytes;
    size_t last; /* where the header of the record stands that is added to */
    bool open;   /* there is one */
};

/* Append to the answer to `request`. */
void records_add(struct records *r, int request, const void *p, size_t n);
/* All is about to be sent: what is added from here on is a record of its own. */
void records_close(struct records *r);
/* The answer is whole, and its request ends. */
void records_end(struct records *r, int request);

#endif

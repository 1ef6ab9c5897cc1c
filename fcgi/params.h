/*
 * CGI variables, of FastCGI and plain CGI alike, as an exchange's request.
 */
#ifndef CORELAY_FCGI_PARAMS_H
#define CORELAY_FCGI_PARAMS_H

#include "exchange/exchange.h"

/* The value of a variable ("REQUEST_METHOD"), NULL when absent. `env` is "NAME=value" lines, ended by
   NULL. */
const char *params_get(char *const *env, const char *name);

/* Method, path, query, mount point and the caller's address. The path is taken undecoded from REQUEST_URI, since servers
   disagree about what PATH_INFO has been through. Borrows from `env`. */
void params_fill(char *const *env, struct exchange_request *out);

/* A request header by its CGI name without HTTP_; unset when absent. */
struct str params_header(char *const *env, const char *name);

/* The announced length of the body: -1 when none is, -2 when it is no number. */
int64_t params_length(char *const *env);

/* Bytes of all variables. */
size_t params_size(char *const *env);

#endif

/*
 * A service key of SAP AI Core: who we are towards one subaccount.
 */
#ifndef CORELAY_AICORE_SERVICE_KEY_H
#define CORELAY_AICORE_SERVICE_KEY_H

#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/json.h"
#include "http/client.h"

enum { SERVICE_KEY_ID_BYTES = 17 };

struct service_key {
    const char *client_id;
    const char *client_secret;     /* NULL with X.509 */
    const char *token_url;         /* complete: ".../oauth/token" */
    const char *api_url;           /* complete, without trailing slash: ".../v2" */
    const char *tenant;            /* identityzoneid, may be NULL */
    struct http_identity identity; /* X.509: PEM; unset with a secret */
    int64_t certificate_end;       /* wall clock seconds; 0 with a secret */
    char id[SERVICE_KEY_ID_BYTES]; /* names the cache file: a hash over credential and token URL,
                                      from which neither can be told */
};

/* Read a key from its JSON (the bare object, {"credentials":{..}}, or a string that holds the
   object). Offences are appended to `problems`, a line each, each beginning with `where`: a file
   name or JSON path. NULL when there was any. Strings live in `arena`. */
struct service_key *service_key_parse(struct arena *arena, const struct json *json,
                                      const char *where, struct buf *problems);

/* The fields of AICORE_* variables and ~/.aicore/config.json; unset ones are NULL. */
struct service_key_fields {
    const char *client_id, *client_secret, *auth_url, *base_url, *cert_url, *certificate, *key,
        *certificate_file, *key_file, *tenant;
};
struct service_key *service_key_from_fields(struct arena *arena,
                                            const struct service_key_fields *fields,
                                            const char *where, struct buf *problems);

/* What is wrong with a base address of upstream, in static text ("names no host"); NULL if nothing.
   Only http and https, no credentials, no query. */
const char *service_url_offence(const char *url);

#endif

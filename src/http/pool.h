/*
 * The connection pool that every reactor carries: two curl multi handles and what they know of hosts.
 * For the files of this folder only.
 */
#ifndef CORELAY_HTTP_POOL_H
#define CORELAY_HTTP_POOL_H

#include <curl/curl.h>

#include "http/client.h"
#include "http/reactor.h"

enum { HOST_BYTES = 256 };

struct http_pool;

/* One multi handle and its place in the reactor. */
struct engine {
    struct http_pool *pool;
    CURLM *multi;
    struct timer timer;
    long calls, room; /* transfers under way; connections that may be open, idle ones among them */
};

struct http_pool {
    struct reactor *reactor;
    struct http_settings settings;
    char *texts[4]; /* our copies behind the settings */
    CURLSH *share;  /* TLS sessions, which curl otherwise forgets with the transfer */
    struct engine any, h2;
    struct h2_host *h2_hosts;
    const char *ca_folder;   /* authorities under hashed names; NULL: they are in a file */
    bool inside;             /* curl is at work: no calls into it */
    struct http_call *later; /* calls that want something done when it has returned */
    struct timer later_timer;
};

/* NULL when out of memory. */
struct http_pool *pool_new(struct reactor *r, const struct http_settings *settings);
void pool_free(struct http_pool *pool);
struct http_pool *reactor_pool(struct reactor *r);

/* The engine for a URL: `h2` when its host is known to speak HTTP/2. */
struct engine *pool_engine(struct http_pool *pool, const char *url);
/* One more transfer is under way: let so many connections stay open. curl alone keeps four times as
   many as there are transfers at the moment, so that after a lull each burst connects anew. */
void pool_make_room(struct engine *engine);
/* A transfer has gone well: remember if it went over HTTP/2. */
void pool_learn(struct http_pool *pool, CURL *easy);

/* client.c: a transfer has ended; what calls asked for while curl was at work. */
void client_ended(CURL *easy, CURLcode code);
void client_do_later(void *pool);

/* anchors.c: who is trusted. The file that the environment names, or NULL; the folder, if they are to be
   looked for in one; tell a transfer. */
const char *anchors_file(void);
const char *anchors_folder(const struct http_settings *settings);
void anchors_set(const struct http_pool *pool, CURL *easy);

/* url.c: "https://host:port" of a URL; false when it does not fit. */
bool url_origin(const char *url, char out[HOST_BYTES]);

#endif

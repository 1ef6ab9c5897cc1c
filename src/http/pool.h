/*
 * Between reactor.c and client.c only: the connection pool that every reactor carries.
 */
#ifndef CORELAY_HTTP_POOL_H
#define CORELAY_HTTP_POOL_H

struct http_pool;
struct http_settings;
struct reactor;

/* NULL when out of memory. */
struct http_pool *pool_new(struct reactor *r, const struct http_settings *settings);
void pool_free(struct http_pool *pool);

struct http_pool *reactor_pool(struct reactor *r);

#endif

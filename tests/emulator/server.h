/* The listeners and the flow of bytes; everything of libmicrohttpd is here. */
#ifndef EMULATOR_SERVER_H
#define EMULATOR_SERVER_H

#include "exchange.h"

typedef void (*route_fn)(struct exchange *x);

/* A listening socket on host:port (0 = any; *port is set to the real one), -1 with errno. */
int server_bind(const char *host, int *port);

/*
 * Answer what comes in at this socket, which belongs to the daemon from now on. NULL with
 * errno on failure. Route runs once per request, when the body is complete.
 */
struct MHD_Daemon *server_start(int listener, route_fn route);

/* A daemon without a listening socket, for connections given by server_adopt(). */
struct MHD_Daemon *server_start_unbound(route_fn route);

/* Serve this connected stream socket, whose bytes arrived over TLS. */
bool server_adopt(struct MHD_Daemon *daemon, int fd);

#endif

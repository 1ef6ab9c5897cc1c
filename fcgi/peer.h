/*
 * Is the caller still there? Asked of the kernel, which knows it even where the web server does not
 * look: Apache notices that a caller has left when it writes to him for the second time, and lighttpd
 * when it writes, which with a model that thinks is minutes too late.
 *
 * The web server names both ends of its connection to the caller (REMOTE_ADDR, REMOTE_PORT,
 * SERVER_ADDR, SERVER_PORT); Linux tells the state of that connection to anybody (sock_diag(7)). It
 * knows nothing where the web server is on another host or in another network namespace, or where
 * the caller is behind a further proxy whose address the web server hides; then nobody is ever said
 * to have left. Over HTTP/2 a connection outlives a request, so leaving means closing it.
 */
#ifndef CORELAY_FCGI_PEER_H
#define CORELAY_FCGI_PEER_H

#include <linux/inet_diag.h>
#include <stdbool.h>

enum peer_state {
    PEER_UNKNOWN, /* the kernel has no such connection: no use to ask again */
    PEER_THERE,
    PEER_LEFT /* has closed it, or the half of it that he writes to, or it is gone */
};

/* One connection of a caller. */
struct peer {
    struct inet_diag_sockid id;
    unsigned char family; /* 0: it is not known which */
    bool seen;            /* it was there once */
};

/* A socket to ask with, without blocking, by one thread at a time; -1 when there are none. */
int peer_open(void);

/* From CGI variables; nothing is borrowed. */
struct peer peer_from(char *const *env);

enum peer_state peer_look(int fd, struct peer *p);

#endif

/*
 * A small HTTP server on 127.0.0.1 in a process of its own, for tests of what asks over the
 * network.
 */
#ifndef CORELAY_TESTS_LOOPBACK_H
#define CORELAY_TESTS_LOOPBACK_H

#include <sys/types.h>

#include "base/buf.h"

struct loopback {
    int port;
    pid_t pid;
};

/* Append the whole reply, head and all, to `reply`. Runs in the server's process, in a thread of
   its own for each request; the connection is closed afterwards. */
typedef void loopback_answer(void *shared, struct str request, struct buf *reply);

/* Zeroed memory that parent and children share. Never given back. */
void *loopback_share(size_t size);

void loopback_start(struct loopback *l, loopback_answer *answer, void *shared);
void loopback_stop(struct loopback *l);

/* A reply of JSON; `headers` are whole lines with CR LF, or "". */
void loopback_json(struct buf *reply, int status, const char *headers, const char *json);

#endif

/* Any bytes from a web server: what passes for a whole request, libfcgi reads to its end without
   asking for more, or refuses. */
#include <fcgiapp.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../../fcgi/records.h"

/* A read takes one packet, and loses what it has no room for. */
enum { BYTES = 1 << 16, PACKET = 4096 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* As the responder does: on a connection that it accepted itself, and that is closed at once. */
static void read_all(int fd)
{
    FCGX_Request r;
    char waste[4096];

    FCGX_InitRequest(&r, -1, 0);
    r.ipcFd = fd;
    r.keepConnection = 1;
    FCGX_Detach(&r);
    if (FCGX_Accept_r(&r) >= 0) {
        while (FCGX_GetStr(waste, sizeof waste, r.in) == (int)sizeof waste)
            ;
    }
    FCGX_Free(&r, 1);
}

static void send_packet(int fd, const void *bytes, size_t n)
{
    if (send(fd, bytes, n, 0) != (ssize_t)n)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int ends[2], kept;
    char byte;

    if (size > BYTES || !records_are_request(data, size))
        return 0;
    FCGX_Init();
    if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends) < 0 || (kept = dup(ends[0])) < 0)
        abort();
    for (size_t at = 0; at < size; at += PACKET)
        send_packet(ends[1], data + at, size - at < PACKET ? size - at : PACKET);
    send_packet(ends[1], "", 1);
    shutdown(ends[1], SHUT_WR);
    read_all(ends[0]);
    if (recv(kept, &byte, 1, MSG_DONTWAIT) != 1)
        abort(); /* it asked for more: the packet behind the request is gone */
    close(kept);
    close(ends[1]);
    return 0;
}

/* Any bytes from a web server: what passes for a whole request, libfcgi reads to its end without
   waiting, or refuses. */
#include <fcgiapp.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "../../fcgi/records.h"
#include "base/clock.h"

/* Nothing waits unless we are wrong, so it may be long. */
enum { BYTES = 1 << 16, WAIT_S = 20, WAITED_MS = 15 * 1000 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* As the responder does: on a connection that it accepted itself. */
static void read_all(int fd)
{
    FCGX_Request r;
    char waste[4096];

    FCGX_InitRequest(&r, -1, 0);
    r.ipcFd = fd;
    r.keepConnection = 1;
    if (FCGX_Accept_r(&r) >= 0) {
        while (FCGX_GetStr(waste, sizeof waste, r.in) == (int)sizeof waste)
            ;
        FCGX_Detach(&r);
    }
    FCGX_Free(&r, 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct timeval limit = {.tv_sec = WAIT_S};
    int ends[2];

    if (size > BYTES || !records_are_request(data, size))
        return 0;
    FCGX_Init();
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) < 0)
        abort();
    setsockopt(ends[0], SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    if (write(ends[1], data, size) != (ssize_t)size)
        abort();
    int64_t began = clock_ms();
    read_all(ends[0]);
    if (clock_ms() - began > WAITED_MS)
        abort();
    close(ends[1]);
    return 0;
}

/*
 * HTTP by libmicrohttpd, one epoll thread per listener. See server.h. Waiting never blocks
 * that thread: the connection is suspended and the pacer resumes it.
 */
#include "server.h"

#include "pacer.h"
#include "reqlog.h"
#include "settings.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { STREAM_BLOCK = 4096, CONNECTION_MEMORY = 32 << 10, IDLE_SECONDS = 600, BACKLOG = 4096 };

const char *exchange_header(struct exchange *x, const char *name)
{
    return MHD_lookup_connection_value(x->connection, MHD_HEADER_KIND, name);
}

const char *exchange_argument(struct exchange *x, const char *name)
{
    return MHD_lookup_connection_value(x->connection, MHD_GET_ARGUMENT_KIND, name);
}

bool exchange_is(const struct exchange *x, const char *method)
{
    return !strcmp(x->method, method);
}

/* Called with the first line, before any header: the birth of an exchange. cls: not NULL = TLS. */
static void *exchange_begin(void *cls, const char *uri, struct MHD_Connection *connection)
{
    struct exchange *x = calloc(1, sizeof *x);
    const char *query = strchr(uri, '?');

    if (!x)
        abort();
    x->over_tls = cls != NULL;
    x->connection = connection;
    x->body.pool = x->reply.bytes.pool = &x->pool;
    x->method = "";
    x->path = pool_copy(&x->pool, uri, strcspn(uri, "?"));
    x->query = query ? pool_copy(&x->pool, query + 1, strlen(query + 1)) : NULL;
    x->parking.connection = connection;
    x->parking.fd = -1;
    return x;
}

static void exchange_end(void *cls, struct MHD_Connection *connection, void **con_cls,
                         enum MHD_RequestTerminationCode code)
{
    struct exchange *x = *con_cls;
    const char *outcome = "done";
    int64_t gone_ms = 0;

    (void)cls;
    (void)connection;
    if (!x)
        return;
    pacer_forget(&x->parking);
    if (code != MHD_REQUEST_TERMINATED_COMPLETED_OK) {
        bool ours = x->reply.reset_before_headers || x->reply.ending == END_RESET;
        outcome = ours && !x->parking.gone ? "reset" : "client_closed";
        gone_ms = x->parking.gone ? x->parking.gone_ms : now_ms();
    }
    reqlog_end(x, outcome, gone_ms);
    pool_free(&x->pool);
    free(x);
    *con_cls = NULL;
}

/* Make closing this socket send a reset. */
static void socket_will_reset(const struct exchange *x)
{
    struct linger none = {1, 0};

    setsockopt(x->parking.fd, SOL_SOCKET, SO_LINGER, &none, sizeof none);
}

/* Wait for the current segment's pause; true if the connection was suspended for it. */
static bool segment_waits(struct exchange *x, unsigned delay_ms)
{
    if (x->waited || !delay_ms)
        return false;
    x->waited = true;
    pacer_park(&x->parking, (int)delay_ms);
    return true;
}

static ssize_t stream_over(struct exchange *x)
{
    switch (x->reply.ending) {
    case END_CLEAN:
        return MHD_CONTENT_READER_END_OF_STREAM;
    case END_HANG:
        if (x->waited) /* faults were withdrawn */
            break;
        x->waited = true;
        pacer_park(&x->parking, PARK_FOREVER);
        return 0;
    case END_RESET:
        break;
    }
    /* Let what was written leave the socket first: a reset throws away unsent bytes. */
    if (!x->waited) {
        x->waited = true;
        pacer_park(&x->parking, 20);
        return 0;
    }
    socket_will_reset(x);
    return MHD_CONTENT_READER_END_WITH_ERROR;
}

/* One piece of a stream. Returning 0 is allowed only after suspending. */
static ssize_t stream_read(void *cls, uint64_t pos, char *out, size_t max)
{
    struct exchange *x = cls;
    const struct segment *s;
    size_t n;

    (void)pos;
    if (pacer_gone(&x->parking) || pacer_stopping())
        return MHD_CONTENT_READER_END_WITH_ERROR;
    if (x->segment == x->reply.segment_count)
        return stream_over(x);
    s = &x->reply.segments[x->segment];
    if (segment_waits(x, s->delay_ms))
        return 0;
    n = s->len - x->segment_sent < max ? s->len - x->segment_sent : max;
    memcpy(out, x->reply.bytes.at + s->from + x->segment_sent, n);
    x->segment_sent += n;
    x->bytes_sent += n;
    if (x->segment_sent == s->len) {
        x->events_sent += s->ends_event;
        x->segment++;
        x->segment_sent = 0;
        x->waited = false;
    }
    return (ssize_t)n;
}

static struct MHD_Response *response_make(struct exchange *x)
{
    if (x->reply.streamed) {
        reqlog_stream_begins(x);
        return MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, STREAM_BLOCK, stream_read, x,
                                                 NULL);
    }
    x->bytes_sent = x->reply.bytes.len;
    return MHD_create_response_from_buffer(
        x->reply.bytes.len, (void *)(uintptr_t)buf_str(&x->reply.bytes), MHD_RESPMEM_PERSISTENT);
}

static enum MHD_Result response_queue(struct exchange *x)
{
    struct MHD_Response *response = response_make(x);
    enum MHD_Result result;
    int i;

    if (!response)
        return MHD_NO;
    for (i = 0; i < x->reply.header_count; i++)
        MHD_add_response_header(response, x->reply.names[i], x->reply.values[i]);
    x->waited = false;
    result = MHD_queue_response(x->connection, x->reply.status ? x->reply.status : 500, response);
    MHD_destroy_response(response);
    return result;
}

/* Pauses before the status line; true if suspended. */
static bool headers_wait(struct exchange *x)
{
    if (x->reply.hang_before_headers) {
        x->reply.hang_before_headers = false;
        x->reply.reset_before_headers = true; /* when faults are withdrawn */
        pacer_park(&x->parking, PARK_FOREVER);
        return true;
    }
    if (!x->reply.first_delay_ms || x->first_delay_done)
        return false;
    x->first_delay_done = true;
    pacer_park(&x->parking, (int)x->reply.first_delay_ms);
    return true;
}

static enum MHD_Result exchange_answer(struct exchange *x)
{
    if (pacer_gone(&x->parking) || pacer_stopping())
        return MHD_NO;
    if (headers_wait(x))
        return MHD_YES;
    if (x->reply.reset_before_headers) {
        socket_will_reset(x);
        return MHD_NO;
    }
    return response_queue(x);
}

static void take_body(struct exchange *x, const char *bytes, size_t len)
{
    if (x->body.len + len > MAX_BODY_BYTES)
        x->too_large = true;
    else
        buf_add(&x->body, bytes, len);
}

static void exchange_route(struct exchange *x, route_fn route)
{
    x->routed = true;
    if (x->too_large)
        reply_text(&x->reply, 413, "text/plain", "Payload Too Large");
    else
        route(x);
}

static void exchange_meet(struct exchange *x, const char *url, const char *method)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(x->connection, MHD_CONNECTION_INFO_CONNECTION_FD);

    x->method = pool_copy(&x->pool, method, strlen(method));
    x->path = pool_copy(&x->pool, url, strlen(url));
    x->parking.fd = info ? info->connect_fd : -1;
}

static enum MHD_Result on_request(void *cls, struct MHD_Connection *connection, const char *url,
                                  const char *method, const char *version, const char *upload,
                                  size_t *upload_len, void **con_cls)
{
    route_fn route = *(route_fn *)cls;
    struct exchange *x = *con_cls;

    (void)version;
    (void)connection;
    if (!*x->method) {
        exchange_meet(x, url, method);
        return MHD_YES;
    }
    if (*upload_len) {
        take_body(x, upload, *upload_len);
        *upload_len = 0;
        return MHD_YES;
    }
    if (!x->routed)
        exchange_route(x, route);
    return exchange_answer(x);
}

/* listener -1: no listening socket, connections come from the TLS port. */
static struct MHD_Daemon *daemon_start(int listener, route_fn route)
{
    static route_fn routes[8];
    static size_t used;
    route_fn *slot = &routes[used++ % 8];
    unsigned flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ITC;
    bool tls = listener < 0;

    *slot = route;
    return MHD_start_daemon(
        flags | (tls ? MHD_USE_NO_LISTEN_SOCKET : 0u), 0, NULL, NULL, on_request, slot,
        MHD_OPTION_URI_LOG_CALLBACK, exchange_begin, tls ? slot : NULL, MHD_OPTION_NOTIFY_COMPLETED,
        exchange_end, NULL, MHD_OPTION_CONNECTION_LIMIT, 60000u, MHD_OPTION_CONNECTION_TIMEOUT,
        (unsigned)IDLE_SECONDS, MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_MEMORY,
        tls ? MHD_OPTION_END : MHD_OPTION_LISTEN_SOCKET, listener, MHD_OPTION_END);
}

int server_bind(const char *host, int *port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)*port)};
    socklen_t len = sizeof address;
    int fd, one = 1;

    if (inet_pton(AF_INET, host, &address.sin_addr) != 1) {
        errno = EINVAL;
        return -1;
    }
    fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(fd, (struct sockaddr *)&address, sizeof address) || listen(fd, BACKLOG) ||
        getsockname(fd, (struct sockaddr *)&address, &len)) {
        close(fd);
        return -1;
    }
    *port = ntohs(address.sin_port);
    return fd;
}

struct MHD_Daemon *server_start(int listener, route_fn route)
{
    return daemon_start(listener, route);
}

struct MHD_Daemon *server_start_unbound(route_fn route)
{
    return daemon_start(-1, route);
}

bool server_adopt(struct MHD_Daemon *daemon, int fd)
{
    struct sockaddr_in peer = {.sin_family = AF_INET};

    return MHD_add_connection(daemon, fd, (struct sockaddr *)&peer, sizeof peer) == MHD_YES;
}

/* TLS front. See tls.h. One thread per connection: only tokens are fetched here. */
#include "tls.h"

#include "settings.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { RELAY_BYTES = 16384, HANDSHAKE_SECONDS = 20 };

static struct {
    SSL_CTX *ctx;
    int listener;
    pthread_t thread;
    struct MHD_Daemon *daemon;
    bool running;
} tls = {.listener = -1};

struct relay {
    int outer, inner;
    SSL *ssl;
};

static bool write_all(int fd, const char *bytes, size_t len)
{
    while (len) {
        ssize_t n = send(fd, bytes, len, MSG_NOSIGNAL);
        if (n <= 0)
            return false;
        bytes += n;
        len -= (size_t)n;
    }
    return true;
}

static bool relay_in(struct relay *r)
{
    char bytes[RELAY_BYTES];
    int n;

    do {
        n = SSL_read(r->ssl, bytes, sizeof bytes);
        if (n <= 0 || !write_all(r->inner, bytes, (size_t)n))
            return false;
    } while (SSL_pending(r->ssl));
    return true;
}

static bool relay_out(struct relay *r)
{
    char bytes[RELAY_BYTES];
    ssize_t n = recv(r->inner, bytes, sizeof bytes, 0);

    return n > 0 && SSL_write(r->ssl, bytes, (int)n) == n;
}

static void relay_run(struct relay *r)
{
    struct pollfd fds[2] = {{r->outer, POLLIN, 0}, {r->inner, POLLIN, 0}};
    bool open = true;

    while (open && poll(fds, 2, -1) > 0) {
        if (fds[0].revents)
            open = relay_in(r);
        if (open && fds[1].revents)
            open = relay_out(r);
    }
    SSL_shutdown(r->ssl);
}

static void *relay_thread(void *given)
{
    struct timeval limit = {HANDSHAKE_SECONDS, 0};
    struct relay *r = given;
    int pair[2];

    setsockopt(r->outer, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    r->ssl = SSL_new(tls.ctx);
    if (r->ssl && SSL_set_fd(r->ssl, r->outer) && SSL_accept(r->ssl) == 1 &&
        socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0) {
        r->inner = pair[0];
        if (server_adopt(tls.daemon, pair[1]))
            relay_run(r);
        close(pair[0]);
    }
    SSL_free(r->ssl);
    ERR_clear_error();
    close(r->outer);
    free(r);
    return NULL;
}

static void *accept_thread(void *unused)
{
    pthread_attr_t detached;
    pthread_t thread;
    int fd;

    pthread_attr_init(&detached);
    pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
    while ((fd = accept4(tls.listener, NULL, NULL, SOCK_CLOEXEC)) >= 0 || errno == EINTR ||
           errno == ECONNABORTED) {
        struct relay *r = fd >= 0 ? calloc(1, sizeof *r) : NULL;
        if (!r)
            continue;
        r->outer = fd;
        if (pthread_create(&thread, &detached, relay_thread, r)) {
            close(fd);
            free(r);
        }
    }
    pthread_attr_destroy(&detached);
    return unused;
}

static bool ctx_make(void)
{
    int need = SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT;

    tls.ctx = SSL_CTX_new(TLS_server_method());
    if (!tls.ctx || !settings.tls_cert || !settings.tls_key ||
        SSL_CTX_use_certificate_chain_file(tls.ctx, settings.tls_cert) != 1 ||
        SSL_CTX_use_PrivateKey_file(tls.ctx, settings.tls_key, SSL_FILETYPE_PEM) != 1)
        return false;
    if (!settings.tls_client_ca)
        return true;
    SSL_CTX_set_verify(tls.ctx, need, NULL);
    return SSL_CTX_load_verify_locations(tls.ctx, settings.tls_client_ca, NULL) == 1;
}

bool tls_bind(void)
{
    int flags;

    tls.listener = server_bind(settings.host, &settings.tls_port);
    flags = tls.listener < 0 ? -1 : fcntl(tls.listener, F_GETFL);
    if (flags < 0 || fcntl(tls.listener, F_SETFL, flags & ~O_NONBLOCK)) {
        fprintf(stderr, "emulator: TLS port: %s\n", strerror(errno));
        return false;
    }
    return true;
}

bool tls_start(route_fn route)
{
    if (!ctx_make()) {
        fputs("emulator: TLS certificate, key or client CA cannot be used\n", stderr);
        ERR_print_errors_fp(stderr);
        return false;
    }
    tls.daemon = server_start_unbound(route);
    if (!tls.daemon || pthread_create(&tls.thread, NULL, accept_thread, NULL)) {
        fprintf(stderr, "emulator: TLS port: %s\n", strerror(errno));
        return false;
    }
    tls.running = true;
    return true;
}

void tls_stop(void)
{
    if (tls.running) {
        shutdown(tls.listener, SHUT_RDWR);
        pthread_join(tls.thread, NULL);
    }
    if (tls.listener >= 0)
        close(tls.listener);
    if (tls.daemon)
        MHD_stop_daemon(tls.daemon);
    SSL_CTX_free(tls.ctx);
}

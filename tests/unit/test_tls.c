/*
 * HTTP calls over TLS to a server of our own, which closes each connection behind its answer: whom we
 * trust, and that a new connection takes up the session of an earlier one.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fake_certificate.h"
#include "http/client.h"
#include "http/reactor.h"

enum { PATIENCE_MS = 60 * 1000 };

static struct {
    SSL_CTX *tls;
    int listener, port;
    pthread_t thread;
    char ca_file[32];
    atomic_int anew, resumed;
} server;

/* --- the server ------------------------------------------------------------------------------ */

static void serve(SSL *tls)
{
    static const char answer[] =
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok";
    char request[4096];

    if (SSL_accept(tls) != 1)
        return;
    atomic_fetch_add(SSL_session_reused(tls) ? &server.resumed : &server.anew, 1);
    if (SSL_read(tls, request, sizeof request) > 0)
        SSL_write(tls, answer, sizeof answer - 1);
    SSL_shutdown(tls);
}

static void *serve_all(void *arg)
{
    int fd;

    while ((fd = accept(server.listener, NULL, NULL)) >= 0) {
        SSL *tls = SSL_new(server.tls);
        SSL_set_fd(tls, fd);
        serve(tls);
        SSL_free(tls);
        close(fd);
    }
    return arg;
}

static void use_certificate(void)
{
    char *certificate, *key;
    BIO *bio;

    fake_certificate(3600, &certificate, &key);
    bio = BIO_new_mem_buf(certificate, -1);
    X509 *x = PEM_read_bio_X509(bio, NULL, NULL, NULL);
    BIO_free(bio);
    bio = BIO_new_mem_buf(key, -1);
    EVP_PKEY *pkey = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);
    BIO_free(bio);
    SSL_CTX_use_certificate(server.tls, x);
    SSL_CTX_use_PrivateKey(server.tls, pkey);
    X509_free(x);
    EVP_PKEY_free(pkey);

    strcpy(server.ca_file, "/tmp/corelay-test.XXXXXX");
    int fd = mkstemp(server.ca_file);
    assert_int_equal(write(fd, certificate, strlen(certificate)), strlen(certificate));
    close(fd);
    free(certificate);
    free(key);
}

static int set_up(void **state)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof at;

    (void)state;
    signal(SIGPIPE, SIG_IGN);
    server.tls = SSL_CTX_new(TLS_server_method());
    use_certificate();
    server.listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (bind(server.listener, (struct sockaddr *)&at, n) || listen(server.listener, 16) ||
        getsockname(server.listener, (struct sockaddr *)&at, &n))
        return -1;
    server.port = ntohs(at.sin_port);
    return pthread_create(&server.thread, NULL, serve_all, NULL);
}

static int tear_down(void **state)
{
    (void)state;
    shutdown(server.listener, SHUT_RDWR); /* ends accept */
    pthread_join(server.thread, NULL);
    close(server.listener);
    SSL_CTX_free(server.tls);
    return unlink(server.ca_file);
}

/* --- the caller ------------------------------------------------------------------------------ */

struct seen {
    enum http_outcome outcome;
    int code;
    bool done;
};

static void on_head(void *arg, struct http_call *call, int code)
{
    (void)call;
    ((struct seen *)arg)->code = code;
}

static void on_body(void *arg, struct str bytes)
{
    (void)arg, (void)bytes;
}

static void on_done(void *arg, const struct http_result *result)
{
    if (result->outcome != HTTP_COMPLETE)
        print_message("%s\n", result->text);
    ((struct seen *)arg)->outcome = result->outcome;
    ((struct seen *)arg)->done = true;
}

static struct seen fetch(struct reactor *r)
{
    static const struct http_events events = {on_head, on_body, on_done};
    char url[64];
    struct seen seen = {.done = false};
    struct http_request request = {.method = "GET", .url = url, .total_ms = PATIENCE_MS};

    snprintf(url, sizeof url, "https://127.0.0.1:%d/", server.port);
    assert_non_null(http_start(r, &request, &events, &seen));
    reactor_run_until(r, &seen.done);
    return seen;
}

static void sessions_are_resumed(void **state)
{
    struct http_settings settings = {.ca_file = server.ca_file, .proxy = ""};
    struct reactor *r = reactor_new(&settings);

    (void)state;
    for (int i = 0; i < 3; i++) {
        struct seen seen = fetch(r);
        assert_int_equal(seen.outcome, HTTP_COMPLETE);
        assert_int_equal(seen.code, 200);
    }
    reactor_free(r);
    assert_int_equal(atomic_load(&server.anew), 1);
    assert_int_equal(atomic_load(&server.resumed), 2);
}

static void strangers_are_refused(void **state)
{
    struct http_settings settings = {.proxy = ""};
    struct reactor *r = reactor_new(&settings);
    struct seen seen = fetch(r);

    (void)state;
    assert_int_equal(seen.outcome, HTTP_TLS_FAILED);
    assert_int_equal(seen.code, 0);
    reactor_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sessions_are_resumed),
        cmocka_unit_test(strangers_are_refused),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}

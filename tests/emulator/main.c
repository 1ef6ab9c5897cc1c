/*
 * aicore-emulator: stands in for SAP AI Core in tests and rehearsals. Options, start and end;
 * everything else is in the files beside this one, see README.md.
 */
#include "answer.h"
#include "control.h"
#include "fault.h"
#include "inference.h"
#include "keys.h"
#include "lm.h"
#include "oauth.h"
#include "pacer.h"
#include "reqlog.h"
#include "server.h"
#include "settings.h"
#include "tenant.h"
#include "tls.h"

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define EMULATOR_VERSION "0.1.0"

static const char usage[] =
    "usage: aicore-emulator [options]\n"
    "\n"
    "An emulated SAP AI Core: token service, AI API, models with deterministic answers.\n"
    "\n"
    "  --host ADDRESS        listen on this IPv4 address (127.0.0.1)\n"
    "  --port N              port of token service, AI API and models (0 = any free one)\n"
    "  --control-port N      port of the control API (0 = any free one)\n"
    "  --write-keys DIR      write service keys alpha.json and beta.json into DIR\n"
    "  --tls-port N          serve the same with TLS, for X.509 credentials\n"
    "  --tls-cert FILE       its certificate chain, PEM\n"
    "  --tls-key FILE        its private key, PEM\n"
    "  --tls-client-ca FILE  demand client certificates of this authority\n"
    "  --client-cert FILE    certificate and\n"
    "  --client-key FILE     key for alpha-x509.json\n"
    "  --latency-ms N        pause before each model's answer (0)\n"
    "  --chunk-delay-ms N    pause between the events of a stream (0)\n"
    "  --token-ttl S         lifetime of tokens in seconds (7199)\n"
    "  --quiet               print nothing but errors\n"
    "  --help, --version\n";

enum option_code {
    OPTION_HOST = 256,
    OPTION_PORT,
    OPTION_CONTROL_PORT,
    OPTION_WRITE_KEYS,
    OPTION_TLS_PORT,
    OPTION_TLS_CERT,
    OPTION_TLS_KEY,
    OPTION_TLS_CLIENT_CA,
    OPTION_CLIENT_CERT,
    OPTION_CLIENT_KEY,
    OPTION_LATENCY,
    OPTION_CHUNK_DELAY,
    OPTION_TOKEN_TTL,
    OPTION_QUIET,
    OPTION_HELP,
    OPTION_VERSION
};

static const struct option options[] = {
    {"host", 1, NULL, OPTION_HOST},
    {"port", 1, NULL, OPTION_PORT},
    {"control-port", 1, NULL, OPTION_CONTROL_PORT},
    {"write-keys", 1, NULL, OPTION_WRITE_KEYS},
    {"tls-port", 1, NULL, OPTION_TLS_PORT},
    {"tls-cert", 1, NULL, OPTION_TLS_CERT},
    {"tls-key", 1, NULL, OPTION_TLS_KEY},
    {"tls-client-ca", 1, NULL, OPTION_TLS_CLIENT_CA},
    {"client-cert", 1, NULL, OPTION_CLIENT_CERT},
    {"client-key", 1, NULL, OPTION_CLIENT_KEY},
    {"latency-ms", 1, NULL, OPTION_LATENCY},
    {"chunk-delay-ms", 1, NULL, OPTION_CHUNK_DELAY},
    {"token-ttl", 1, NULL, OPTION_TOKEN_TTL},
    {"quiet", 0, NULL, OPTION_QUIET},
    {"help", 0, NULL, OPTION_HELP},
    {"version", 0, NULL, OPTION_VERSION},
    {NULL, 0, NULL, 0},
};

static void fail_usage(const char *what)
{
    if (what)
        fprintf(stderr, "aicore-emulator: not a number in range: %s\n", what);
    fputs("Try 'aicore-emulator --help'.\n", stderr);
    exit(2);
}

static int number(const char *text, int max)
{
    char *end;
    long n = strtol(text, &end, 10);

    if (!*text || *end || n < 0 || n > max)
        fail_usage(text);
    return (int)n;
}

static void take_option(int code, const char *value)
{
    switch (code) {
    case OPTION_HOST:
        settings.host = value;
        break;
    case OPTION_PORT:
        settings.port = number(value, 65535);
        break;
    case OPTION_CONTROL_PORT:
        settings.control_port = number(value, 65535);
        break;
    case OPTION_WRITE_KEYS:
        settings.keys_dir = value;
        break;
    case OPTION_TLS_PORT:
        settings.tls_port = number(value, 65535);
        break;
    case OPTION_TLS_CERT:
        settings.tls_cert = value;
        break;
    case OPTION_TLS_KEY:
        settings.tls_key = value;
        break;
    case OPTION_TLS_CLIENT_CA:
        settings.tls_client_ca = value;
        break;
    case OPTION_CLIENT_CERT:
        settings.client_cert = value;
        break;
    case OPTION_CLIENT_KEY:
        settings.client_key = value;
        break;
    case OPTION_LATENCY:
        settings.latency_ms = number(value, 3600000);
        break;
    case OPTION_CHUNK_DELAY:
        settings.chunk_delay_ms = number(value, 3600000);
        break;
    case OPTION_TOKEN_TTL:
        settings.token_ttl_s = number(value, 1000000);
        break;
    case OPTION_QUIET:
        settings.quiet = true;
        break;
    case OPTION_HELP:
        fputs(usage, stdout);
        exit(0);
    case OPTION_VERSION:
        puts("aicore-emulator " EMULATOR_VERSION);
        exit(0);
    default:
        fail_usage(NULL);
    }
}

static void raise_file_limit(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

struct listeners {
    struct MHD_Daemon *main, *control;
};

static bool listeners_start(struct listeners *l)
{
    char base[128];
    int main_fd = server_bind(settings.host, &settings.port);
    int control_fd = server_bind("127.0.0.1", &settings.control_port);

    snprintf(base, sizeof base, "http://%s:%d", settings.host, settings.port);
    lm_set_base(base);
    if (settings.tls_port >= 0 && !tls_bind())
        return false;
    if (main_fd >= 0)
        l->main = server_start(main_fd, main_route);
    if (control_fd >= 0)
        l->control = server_start(control_fd, control_route);
    if (!l->main || !l->control) {
        fprintf(stderr, "aicore-emulator: cannot listen: %s\n", strerror(errno));
        return false;
    }
    if (settings.tls_port >= 0 && !tls_start(main_route))
        return false;
    return !settings.keys_dir || keys_write(settings.keys_dir, base);
}

/* Wake everybody who waits, then let the library close its connections. */
static void listeners_stop(struct listeners *l)
{
    pacer_stop();
    tls_stop();
    if (l->main)
        MHD_stop_daemon(l->main);
    if (l->control)
        MHD_stop_daemon(l->control);
    pacer_free();
    faults_clear();
    scripts_clear();
    oauth_free();
    reqlog_clear();
}

static void announce(void)
{
    if (settings.quiet)
        return;
    printf("listening on http://%s:%d\n", settings.host, settings.port);
    printf("control on http://127.0.0.1:%d\n", settings.control_port);
    if (settings.tls_port >= 0)
        printf("tls on https://%s:%d\n", settings.host, settings.tls_port);
    fflush(stdout);
}

int main(int argc, char **argv)
{
    struct listeners listeners = {NULL, NULL};
    sigset_t ending;
    int code, got;
    bool good;

    while ((code = getopt_long(argc, argv, "", options, NULL)) != -1)
        take_option(code, optarg);
    if (optind < argc)
        fail_usage(NULL);
    settings_freeze();
    raise_file_limit();
    deployments_make();
    signal(SIGPIPE, SIG_IGN);
    sigemptyset(&ending);
    sigaddset(&ending, SIGTERM);
    sigaddset(&ending, SIGINT);
    pthread_sigmask(SIG_BLOCK, &ending, NULL);
    good = pacer_start() && listeners_start(&listeners);
    if (good) {
        announce();
        sigwait(&ending, &got);
    }
    listeners_stop(&listeners);
    return good ? 0 : 1;
}

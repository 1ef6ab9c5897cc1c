/*
 * The responder's beginning and end: options, the way it was started, signals, reload.
 *
 * All signals are blocked in all threads and taken one by one by the main thread, so nothing ever
 * interrupts a write of libfcgi, and its own handler for SIGTERM never runs.
 */
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <netdb.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/sandbox.h"
#include "gate/record.h"
#include "params.h"
#include "responder.h"

extern char **environ;

enum { BACKLOG = 1024, WATCH_S = 2, EXIT_USAGE = 2 };

static const char usage[] =
    "Usage: corelay.fcgi [--config FILE] [--listen PATH|HOST:PORT] [--debug]\n"
    "\n"
    "The FastCGI responder (and CGI program) of Corelay. It is started by a web server, by\n"
    "spawn-fcgi or by systemd with a listening socket on descriptor 0, or listens itself:\n"
    "\n"
    "  --config FILE     configuration; else $CORELAY_CONFIG, else " SYSCONFDIR
    "/corelay/config.json\n"
    "  --listen ADDRESS  a path (Unix socket) or HOST:PORT to listen on\n"
    "  --debug           log at debug level\n"
    "  --version, --help\n"
    "\n"
    "SIGHUP reloads the configuration, SIGTERM ends it gracefully, SIGUSR1 opens log files anew.\n"
    "Exit status: 0 ended as asked, 1 failed, 2 wrong usage. See corelay.fcgi(8), "
    "corelay.json(5).\n";

struct options {
    const char *config, *listen;
    bool debug;
};

/* --- the listening socket -------------------------------------------------------------------- */

static int listen_unix(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct stat st;

    if (strlen(path) >= sizeof address.sun_path) {
        errno = ENAMETOOLONG;
        return -1;
    }
    strcpy(address.sun_path, path);
    if (lstat(path, &st) == 0 && S_ISSOCK(st.st_mode))
        unlink(path); /* of one who has died; a file that is no socket stays and stops us */
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 &&
        (bind(fd, (struct sockaddr *)&address, sizeof address) < 0 || listen(fd, BACKLOG) < 0)) {
        close(fd);
        return -1;
    }
    return fd;
}

static int listen_tcp(const char *address)
{
    char host[256];
    const char *colon = strrchr(address, ':');
    struct addrinfo hints = {.ai_flags = AI_PASSIVE, .ai_socktype = SOCK_STREAM}, *found = NULL;
    int fd = -1, on = 1;

    snprintf(host, sizeof host, "%.*s", (int)(colon - address), address);
    size_t n = strlen(host);
    if (n > 1 && host[0] == '[' && host[n - 1] == ']') {
        memmove(host, host + 1, n - 2);
        host[n - 2] = '\0';
    }
    if (getaddrinfo(host[0] ? host : NULL, colon + 1, &hints, &found) != 0) {
        errno = EADDRNOTAVAIL;
        return -1;
    }
    fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0) {
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
        if (bind(fd, found->ai_addr, found->ai_addrlen) < 0 || listen(fd, BACKLOG) < 0) {
            close(fd);
            fd = -1;
        }
    }
    freeaddrinfo(found);
    return fd;
}

static bool is_listening(int fd)
{
    int on = 0;
    socklen_t size = sizeof on;

    return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &on, &size) == 0 && on;
}

static int open_listener(const struct options *options)
{
    if (!options->listen)
        return is_listening(STDIN_FILENO) ? STDIN_FILENO : -1;
    bool tcp = !strchr(options->listen, '/') && strrchr(options->listen, ':');
    return tcp ? listen_tcp(options->listen) : listen_unix(options->listen);
}

/* --- configuration --------------------------------------------------------------------------- */

static void print_problems(struct buf *problems, bool to_log)
{
    for (struct str rest = buf_str(problems); rest.n;) {
        struct str line = str_cut(&rest, '\n');
        bool warning = str_starts(line, "warning: ");
        if (!to_log)
            fprintf(stderr, "corelay: %.*s\n", STR_ARG(line));
        else if (warning)
            log_warning("%.*s", STR_ARG(str_slice(line, 9, line.n)));
        else
            log_error("%.*s", STR_ARG(line));
    }
}

static struct shared_config *load_config(const struct options *options, bool to_log)
{
    struct config *config = NULL;
    struct buf problems = {0};
    status s = config_load(options->config, &config, &problems);

    print_problems(&problems, to_log);
    buf_free(&problems);
    return s ? NULL : config_share(config);
}

static void apply_log_settings(const struct config *config, const struct options *options)
{
    if (log_open(config->log.destination))
        log_error("log destination %s cannot be opened", config->log.destination);
    if (record_open(config->log.access))
        log_error("access log %s cannot be opened", config->log.access);
    log_set_level(options->debug ? LOG_LEVEL_DEBUG : config->log.level);
    log_set_bodies(config->log.bodies);
}

/* --- reactors -------------------------------------------------------------------------------- */

static void *run_loop(void *arg)
{
    struct loop *loop = arg;

    gateway_let_mirror(loop->gateway);
    reactor_run(loop->reactor);
    conn_drop_all(loop);
    gateway_free(loop->gateway);
    loop->gateway = NULL;
    return NULL; /* the reactor stays: whoever stopped it may still be waking it */
}

static status start_loops(struct responder *r, int count)
{
    for (int i = 0; i < count && i < LOOPS_MAX; i++) {
        struct loop *loop = &r->loops[i];
        loop->responder = r;
        loop->peer_fd = peer_open();
        loop->reactor = reactor_new(&shared_config_get(r->config)->http);
        loop->gateway = loop->reactor ? gateway_new(loop->reactor, r->config) : NULL;
        if (!loop->gateway || pthread_create(&loop->thread, NULL, run_loop, loop) != 0)
            return E_NOMEM;
        r->loop_count++;
    }
    return OK;
}

static status open_doors(struct responder *r)
{
    status s = OK;

    for (int i = 0; i < r->loop_count && !s; i++)
        s = door_open(&r->loops[i]);
    return s;
}

int responder_active(struct responder *r)
{
    int active = 0;

    for (int i = 0; i < r->loop_count; i++)
        active += atomic_load(&r->loops[i].active);
    return active;
}

static int kept(const struct responder *r)
{
    return r->descriptors / 4 < DESCRIPTORS_KEPT ? r->descriptors / 4 : DESCRIPTORS_KEPT;
}

int responder_room(const struct responder *r)
{
    int room = (r->descriptors - kept(r)) / 2;

    return room > 0 ? room : 1;
}

bool responder_lets_in(struct responder *r)
{
    int room = responder_room(r) - responder_active(r);

    return atomic_load(&r->coming) < (room > 0 ? room : 0) + kept(r) / 4;
}

/* What keeps us from ending. A connection is counted as coming until its request is counted as active, so
   they are asked in this order. */
static int under_way(struct responder *r)
{
    int n = atomic_load(&r->doors);

    n += atomic_load(&r->coming);
    return n + responder_active(r);
}

static void stop_all(struct responder *r)
{
    int64_t deadline_ms = clock_ms() + shared_config_get(r->config)->timeouts.grace_ms;

    atomic_store(&r->stopping, true);
    for (int i = 0; i < r->loop_count; i++)
        reactor_post(r->loops[i].reactor, door_close, &r->loops[i]);
    while (under_way(r) > 0 && clock_ms() < deadline_ms)
        usleep(20 * 1000);
    if (responder_active(r) > 0)
        log_warning("%d requests did not end within the grace time and are cut",
                    responder_active(r));
    acceptors_join(r); /* they give what they have read to reactors */
    for (int i = 0; i < r->loop_count; i++) {
        reactor_stop(r->loops[i].reactor);
        pthread_join(r->loops[i].thread, NULL);
        reactor_free(r->loops[i].reactor);
        if (r->loops[i].peer_fd >= 0)
            close(r->loops[i].peer_fd);
    }
    shared_config_release(r->config);
}

/* --- reload ---------------------------------------------------------------------------------- */

struct reload {
    struct loop *loop;
    struct shared_config *config;
};

static void reload_loop(void *arg)
{
    struct reload *reload = arg;

    if (gateway_reload(reload->loop->gateway, reload->config))
        log_error("out of memory: the old configuration stays");
    shared_config_release(reload->config);
    free(reload);
}

static void reload(struct responder *r, const struct options *options)
{
    bool confined = shared_config_get(r->config)->sandbox != CONFIG_SANDBOX_OFF;
    struct shared_config *fresh = load_config(options, true);

    if (!fresh) {
        log_error("the new configuration is refused, the old one stays");
        if (confined)
            log_info(
                "a file in a folder that the configuration did not name at the start is out of "
                "the sandbox's sight: if that is it, restart");
        return;
    }
    for (int i = 0; i < r->loop_count; i++) {
        struct reload *one = malloc(sizeof *one);
        if (!one)
            break;
        *one = (struct reload){&r->loops[i], shared_config_hold(fresh)};
        if (reactor_post(r->loops[i].reactor, reload_loop, one)) {
            shared_config_release(fresh);
            free(one);
        }
    }
    pthread_mutex_lock(&r->lock);
    struct shared_config *old = r->config;
    r->config = fresh;
    pthread_mutex_unlock(&r->lock);
    shared_config_release(old);
    apply_log_settings(shared_config_get(fresh), options);
    log_info("configuration reloaded");
}

/* --- main ------------------------------------------------------------------------------------ */

static int parse_options(int argc, char **argv, struct options *out)
{
    static const struct option known[] = {
        {"config", required_argument, NULL, 'c'}, {"listen", required_argument, NULL, 'l'},
        {"debug", no_argument, NULL, 'd'},        {"version", no_argument, NULL, 'V'},
        {"help", no_argument, NULL, 'h'},         {NULL, 0, NULL, 0}};
    int c;

    while ((c = getopt_long(argc, argv, "c:l:dVh", known, NULL)) != -1) {
        switch (c) {
        case 'c':
            out->config = optarg;
            break;
        case 'l':
            out->listen = optarg;
            break;
        case 'd':
            out->debug = true;
            break;
        case 'V':
            puts("corelay.fcgi " PACKAGE_VERSION);
            exit(EXIT_SUCCESS);
        case 'h':
            fputs(usage, stdout);
            exit(EXIT_SUCCESS);
        default:
            fputs("Try corelay.fcgi --help.\n", stderr);
            return EXIT_USAGE;
        }
    }
    if (optind < argc) {
        fprintf(stderr, "corelay.fcgi: unexpected argument: %s\n", argv[optind]);
        return EXIT_USAGE;
    }
    return 0;
}

/* As many descriptors as we may have. */
static int raise_descriptors(void)
{
    struct rlimit files;

    if (getrlimit(RLIMIT_NOFILE, &files) != 0)
        return INT_MAX;
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    return getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur < INT_MAX ? (int)files.rlim_cur
                                                                             : INT_MAX;
}

static void prepare_process(sigset_t *signals)
{
    sandbox_prepare();
    signal(SIGPIPE, SIG_IGN);
    sigemptyset(signals);
    sigaddset(signals, SIGTERM);
    sigaddset(signals, SIGINT);
    sigaddset(signals, SIGHUP);
    sigaddset(signals, SIGUSR1);
    pthread_sigmask(SIG_BLOCK, signals, NULL);
}

/* Returns when the process is asked to end. */
static void wait_for_signals(struct responder *r, const sigset_t *signals,
                             const struct options *options)
{
    const struct timespec pause = {.tv_sec = WATCH_S};
    uint64_t stamp = config_stamp(shared_config_get(r->config));

    for (;;) {
        int sig = sigtimedwait(signals, NULL, &pause);
        if (sig == SIGTERM || sig == SIGINT)
            return;
        if (sig == SIGUSR1) {
            log_reopen();
            record_reopen();
        } else if (sig == SIGHUP || config_stamp(shared_config_get(r->config)) != stamp) {
            reload(r, options);
            stamp = config_stamp(shared_config_get(r->config)); /* a broken one is tried once */
        }
    }
}

static int serve_fastcgi(struct responder *r, const sigset_t *signals,
                         const struct options *options)
{
    const struct config *config = shared_config_get(r->config);

    FCGX_Init();
    if (start_loops(r, config->reactors) || acceptors_start(r, config->acceptors) ||
        open_doors(r)) {
        log_error("cannot start: out of memory, threads or descriptors");
        return EXIT_FAILURE;
    }
    if (responder_room(r) < config->limits.streams)
        log_info("with %d descriptors there is room for %d requests at the same time",
                 r->descriptors, responder_room(r));
    log_info("corelay " PACKAGE_VERSION " is ready");
    wait_for_signals(r, signals, options);
    log_info("ending: %d requests under way", responder_active(r));
    stop_all(r);
    if (options->listen && strchr(options->listen, '/'))
        unlink(options->listen);
    return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
    static struct responder r = {.lock = PTHREAD_MUTEX_INITIALIZER,
                                 .work = PTHREAD_COND_INITIALIZER};
    struct options options = {0};
    sigset_t signals;
    int failed = parse_options(argc, argv, &options);

    if (failed)
        return failed;
    r.listen_fd = open_listener(&options);
    bool cgi = r.listen_fd < 0 && !options.listen && params_get(environ, "GATEWAY_INTERFACE");
    if (r.listen_fd < 0 && options.listen) {
        fprintf(stderr, "corelay.fcgi: cannot listen on %s: %s\n", options.listen, strerror(errno));
        return EXIT_FAILURE;
    }
    if (r.listen_fd < 0 && !cgi) {
        fputs("corelay.fcgi: no listening socket on descriptor 0, and no CGI request.\n"
              "It is started by a web server or spawn-fcgi; or use --listen. See --help.\n",
              stderr);
        return EXIT_USAGE;
    }
    prepare_process(&signals);
    r.descriptors = raise_descriptors();
    r.config = load_config(&options, false);
    if (!r.config) {
        if (cgi)
            puts("Status: 500\r\nContent-Type: application/json\r\n\r\n{\"error\":{\"message\":"
                 "\"The gateway is not configured correctly; its log says why.\",\"type\":"
                 "\"server_error\",\"param\":null,\"code\":null}}");
        return EXIT_FAILURE;
    }
    apply_log_settings(shared_config_get(r.config), &options);
    bool own_socket = options.listen && strchr(options.listen, '/');
    if (confine(shared_config_get(r.config), own_socket ? options.listen : NULL, cgi)) {
        shared_config_release(r.config);
        return EXIT_FAILURE;
    }
    if (!cgi)
        return serve_fastcgi(&r, &signals, &options);
    pthread_sigmask(SIG_UNBLOCK, &signals, NULL); /* the server ends a CGI program by SIGTERM */
    int code = cgi_serve(r.config);
    shared_config_release(r.config);
    return code;
}

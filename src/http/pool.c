/*
 * The pool: curl's multi handles in the reactor.
 *
 * Hosts that are known to speak HTTP/2 go through a handle that opens few connections per host, since
 * curl otherwise opens one per simultaneous request before it learns that they could be shared;
 * everything else goes through one without such a limit, because over HTTP/1.1 a limit would make
 * streams wait for each other.
 */
#include "http/pool.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

enum { H2_CONNECTIONS = 64, CONNECTIONS_PER_CALL = 4, CONNECTIONS_KEPT = 64 };

struct h2_host {
    char origin[HOST_BYTES];
    struct h2_host *next;
};

/* --- hosts ----------------------------------------------------------------------------------- */

static bool known_h2(const struct http_pool *pool, const char *origin)
{
    for (const struct h2_host *h = pool->h2_hosts; h; h = h->next)
        if (strcmp(h->origin, origin) == 0)
            return true;
    return false;
}

struct engine *pool_engine(struct http_pool *pool, const char *url)
{
    char origin[HOST_BYTES];

    return url_origin(url, origin) && known_h2(pool, origin) ? &pool->h2 : &pool->any;
}

void pool_learn(struct http_pool *pool, CURL *easy)
{
    long version = 0;
    char *url = NULL, origin[HOST_BYTES];

    curl_easy_getinfo(easy, CURLINFO_HTTP_VERSION, &version);
    curl_easy_getinfo(easy, CURLINFO_EFFECTIVE_URL, &url);
    if (version != CURL_HTTP_VERSION_2_0 || !url || !url_origin(url, origin) ||
        known_h2(pool, origin))
        return;
    struct h2_host *h = calloc(1, sizeof *h);
    if (!h)
        return;
    memcpy(h->origin, origin, sizeof origin);
    h->next = pool->h2_hosts;
    pool->h2_hosts = h;
}

void pool_make_room(struct engine *engine)
{
    long wanted = ++engine->calls * CONNECTIONS_PER_CALL;

    if (wanted < CONNECTIONS_KEPT)
        wanted = CONNECTIONS_KEPT;
    if (wanted != engine->room)
        curl_multi_setopt(engine->multi, CURLMOPT_MAXCONNECTS, wanted);
    engine->room = wanted;
}

/* --- driving curl ---------------------------------------------------------------------------- */

static void collect_done(struct engine *engine)
{
    CURLMsg *msg;
    int left;

    while ((msg = curl_multi_info_read(engine->multi, &left)) != NULL)
        if (msg->msg == CURLMSG_DONE)
            client_ended(msg->easy_handle, msg->data.result);
}

static void drive(struct engine *engine, curl_socket_t fd, int flags)
{
    int running;

    engine->pool->inside = true;
    curl_multi_socket_action(engine->multi, fd, flags, &running);
    engine->pool->inside = false;
    collect_done(engine);
}

/* --- curl asks for descriptors and time ------------------------------------------------------ */

struct socket_watch {
    struct watch watch;
    struct engine *engine;
};

static void on_socket(void *arg, uint32_t events)
{
    struct socket_watch *s = arg;
    int flags = (events & (EPOLLIN | EPOLLHUP | EPOLLRDHUP) ? CURL_CSELECT_IN : 0) |
                (events & EPOLLOUT ? CURL_CSELECT_OUT : 0) |
                (events & EPOLLERR ? CURL_CSELECT_ERR : 0);

    drive(s->engine, s->watch.fd, flags);
}

static int want_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *per_socket)
{
    struct engine *engine = arg;
    struct socket_watch *s = per_socket;

    (void)easy;
    if (what == CURL_POLL_REMOVE) {
        if (s) {
            watch_clear(engine->pool->reactor, &s->watch);
            curl_multi_assign(engine->multi, fd, NULL);
            free(s);
        }
        return 0;
    }
    if (!s) {
        s = calloc(1, sizeof *s);
        if (!s)
            return -1;
        s->engine = engine;
        curl_multi_assign(engine->multi, fd, s);
    }
    uint32_t events = (what & CURL_POLL_IN ? EPOLLIN : 0u) | (what & CURL_POLL_OUT ? EPOLLOUT : 0u);
    return watch_set(engine->pool->reactor, &s->watch, fd, events, on_socket, s) ? -1 : 0;
}

static void on_time(void *arg)
{
    drive(arg, CURL_SOCKET_TIMEOUT, 0);
}

static int want_time(CURLM *multi, long delay_ms, void *arg)
{
    struct engine *engine = arg;

    (void)multi;
    if (delay_ms < 0)
        timer_clear(engine->pool->reactor, &engine->timer);
    else if (timer_set(engine->pool->reactor, &engine->timer, delay_ms, on_time, engine))
        return -1;
    return 0;
}

/* --- beginning and end ----------------------------------------------------------------------- */

static const char *keep(struct http_pool *pool, int slot, const char *text)
{
    pool->texts[slot] = text ? strdup(text) : NULL;
    return pool->texts[slot];
}

static bool engine_open(struct engine *engine, struct http_pool *pool, long host_connections)
{
    engine->pool = pool;
    engine->multi = curl_multi_init();
    if (!engine->multi)
        return false;
    curl_multi_setopt(engine->multi, CURLMOPT_SOCKETFUNCTION, want_socket);
    curl_multi_setopt(engine->multi, CURLMOPT_SOCKETDATA, engine);
    curl_multi_setopt(engine->multi, CURLMOPT_TIMERFUNCTION, want_time);
    curl_multi_setopt(engine->multi, CURLMOPT_TIMERDATA, engine);
    curl_multi_setopt(engine->multi, CURLMOPT_PIPELINING, (long)CURLPIPE_MULTIPLEX);
    curl_multi_setopt(engine->multi, CURLMOPT_MAX_HOST_CONNECTIONS, host_connections);
    return true;
}

/* On one thread, so without locks. Its TLS sessions are bound to host, certificates and settings. */
static CURLSH *share_open(void)
{
    CURLSH *share = curl_share_init();

    if (share && curl_share_setopt(share, CURLSHOPT_SHARE, CURL_LOCK_DATA_SSL_SESSION)) {
        curl_share_cleanup(share);
        return NULL;
    }
    return share;
}

static void start_curl(void)
{
    curl_global_init(CURL_GLOBAL_DEFAULT);
}

struct http_pool *pool_new(struct reactor *r, const struct http_settings *settings)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, start_curl);

    struct http_pool *pool = calloc(1, sizeof *pool);
    if (!pool)
        return NULL;
    pool->reactor = r;
    pool->settings = *settings;
    pool->settings.proxy = keep(pool, 0, settings->proxy);
    pool->settings.no_proxy = keep(pool, 1, settings->no_proxy);
    pool->settings.ca_file = keep(pool, 2, settings->ca_file ? settings->ca_file : anchors_file());
    pool->settings.user_agent =
        keep(pool, 3, settings->user_agent ? settings->user_agent : "corelay/" PACKAGE_VERSION);
    pool->ca_folder = anchors_folder(&pool->settings);
    long limit = settings->h2_connections ? settings->h2_connections : H2_CONNECTIONS;
    pool->share = share_open();
    if (!pool->share || !engine_open(&pool->any, pool, 0) || !engine_open(&pool->h2, pool, limit)) {
        pool_free(pool);
        return NULL;
    }
    return pool;
}

static void engine_close(struct engine *engine)
{
    if (!engine->multi)
        return;
    curl_multi_cleanup(engine->multi);
    timer_clear(engine->pool->reactor, &engine->timer);
}

void pool_free(struct http_pool *pool)
{
    if (!pool)
        return;
    client_do_later(pool);
    timer_clear(pool->reactor, &pool->later_timer);
    engine_close(&pool->any);
    engine_close(&pool->h2);
    if (pool->share)
        curl_share_cleanup(pool->share);
    for (struct h2_host *h = pool->h2_hosts, *next; h; h = next) {
        next = h->next;
        free(h);
    }
    for (size_t i = 0; i < sizeof pool->texts / sizeof pool->texts[0]; i++)
        free(pool->texts[i]);
    free(pool);
}

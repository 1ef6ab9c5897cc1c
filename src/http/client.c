/*
 * HTTP calls with libcurl's multi interface, driven by the reactor.
 *
 * Two multi handles make up the pool. Hosts that are known to speak HTTP/2 go through one that
 * opens few connections per host, since curl otherwise opens one per simultaneous request before it
 * learns that they could be shared; everything else goes through one without such a limit, because
 * over HTTP/1.1 a limit would make streams wait for each other.
 *
 * curl forbids most calls from within its callbacks, and un-pausing may deliver data on the spot.
 * So whatever is asked for while curl is at work (`inside`) is noted and done when it has returned.
 */
#include "http/client.h"

#include <curl/curl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/epoll.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "http/pool.h"
#include "http/reactor.h"

enum {
    CONNECT_MS = 10000,
    H2_CONNECTIONS = 64,
    RESPONSE_HEAD_BYTES = 128 * 1024,
    HOST_BYTES = 256,
    RETRY_AFTER_MAX_S = 366 * 24 * 3600 /* whoever asks for more means never */
};

/* One multi handle and its place in the reactor. */
struct engine {
    struct http_pool *pool;
    CURLM *multi;
    struct timer timer;
};

struct host { /* known to speak HTTP/2 */
    char origin[HOST_BYTES];
    struct host *next;
};

struct http_pool {
    struct reactor *reactor;
    struct http_settings settings;
    char *texts[4]; /* our copies behind the settings */
    struct engine any, h2;
    struct host *h2_hosts;
    bool inside;             /* curl is at work: no calls into it */
    struct http_call *later; /* calls that want something done when it has returned */
    struct timer later_timer;
};

struct http_call {
    struct http_pool *pool;
    struct engine *engine;
    CURL *easy;
    struct curl_slist *headers;
    const struct http_events *events;
    void *arg;
    struct timer timer;
    int64_t first_byte_ms, idle_ms, total_deadline_ms, active_ms;
    struct buf head; /* the answer's header lines, CR LF each */
    int status;
    bool head_complete, added, paused, cancelled, in_later, bad_request;
    enum http_outcome forced; /* why we end it ourselves; HTTP_COMPLETE: we do not */
    int64_t bytes;
    struct http_call *next_later;
    char error[CURL_ERROR_SIZE];
};

/* --- small things ---------------------------------------------------------------------------- */

static bool is_loopback(struct str host)
{
    if (str_is(host, "localhost") || str_is(host, "[::1]"))
        return true;
    for (size_t i = 0; i < host.n; i++)
        if (!strchr("0123456789.", host.p[i]))
            return false; /* 127.example.com is somewhere else */
    return str_starts(host, "127.");
}

/* The host of "host:port"; empty when it is not of that shape. */
static struct str host_of(struct str authority)
{
    size_t end = authority.n && authority.p[0] == '[' ? str_find(authority, "]") + 1
                                                      : str_find(authority, ":");

    if (end > authority.n || (end < authority.n && authority.p[end] != ':'))
        return STR_NONE;
    return str_slice(authority, 0, end);
}

bool http_url_allowed(const char *url, bool allow_plain)
{
    struct str s = str_from(url);
    bool secure = str_starts(s, "https://");

    if (!secure && !str_starts(s, "http://"))
        return false;
    s = str_slice(s, secure ? 8 : 7, s.n);
    if (memchr(s.p, '@', s.n)) /* an authority with a user, or meant to look like one */
        return false;
    struct str host = host_of(str_slice(s, 0, strcspn(s.p, "/?#\\")));
    return host.n && (secure || allow_plain || is_loopback(host));
}

/* "https://host:port" of a URL; false when it does not fit. */
static bool origin_of(const char *url, char out[HOST_BYTES])
{
    const char *from = strstr(url, "://");
    size_t n = from ? (size_t)(from - url) + 3 + strcspn(from + 3, "/?#") : 0;

    if (n == 0 || n >= HOST_BYTES)
        return false;
    memcpy(out, url, n);
    out[n] = '\0';
    return true;
}

static bool known_h2(const struct http_pool *pool, const char *origin)
{
    for (const struct host *h = pool->h2_hosts; h; h = h->next)
        if (strcmp(h->origin, origin) == 0)
            return true;
    return false;
}

static void learn_h2(struct http_call *call)
{
    long version = 0;
    char *url = NULL, origin[HOST_BYTES];

    curl_easy_getinfo(call->easy, CURLINFO_HTTP_VERSION, &version);
    curl_easy_getinfo(call->easy, CURLINFO_EFFECTIVE_URL, &url);
    if (version != CURL_HTTP_VERSION_2_0 || !url || !origin_of(url, origin) ||
        known_h2(call->pool, origin))
        return;
    struct host *h = calloc(1, sizeof *h);
    if (!h)
        return;
    memcpy(h->origin, origin, sizeof origin);
    h->next = call->pool->h2_hosts;
    call->pool->h2_hosts = h;
}

/* --- what has to wait until curl has returned ------------------------------------------------ */

static void do_later(void *arg);

static void ask_later(struct http_call *call)
{
    struct http_pool *pool = call->pool;

    if (call->in_later)
        return;
    call->in_later = true;
    call->next_later = pool->later;
    pool->later = call;
    timer_set(pool->reactor, &pool->later_timer, 0, do_later, pool);
}

static void drop_from_later(struct http_call *call)
{
    for (struct http_call **at = &call->pool->later; *at; at = &(*at)->next_later)
        if (*at == call) {
            *at = call->next_later;
            return;
        }
}

static void call_free(struct http_call *call)
{
    timer_clear(call->pool->reactor, &call->timer);
    if (call->in_later)
        drop_from_later(call);
    if (call->added)
        curl_multi_remove_handle(call->engine->multi, call->easy);
    curl_easy_cleanup(call->easy);
    curl_slist_free_all(call->headers);
    buf_free(&call->head);
    free(call);
}

static void finish(struct http_call *call, enum http_outcome outcome, const char *text)
{
    const struct http_events *events = call->events;
    void *arg = call->arg;
    char copy[CURL_ERROR_SIZE];
    long connects = 0;
    struct http_result result = {.outcome = outcome, .text = copy, .bytes = call->bytes};

    if (outcome == HTTP_COMPLETE)
        learn_h2(call);
    curl_easy_getinfo(call->easy, CURLINFO_NUM_CONNECTS, &connects);
    /* without a connection there was none to reuse */
    result.reused = connects == 0 && outcome != HTTP_NO_CONNECTION && outcome != HTTP_BAD_REQUEST &&
                    outcome != HTTP_NO_MEMORY;
    snprintf(copy, sizeof copy, "%s", text ? text : "");
    bool silent = call->cancelled;
    call_free(call);
    if (!silent)
        events->done(arg, &result);
}

/* --- curl's results -------------------------------------------------------------------------- */

static enum http_outcome outcome_of(CURLcode code)
{
    switch (code) {
    case CURLE_OK:
        return HTTP_COMPLETE;
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_COULDNT_CONNECT:
    case CURLE_PROXY:
        return HTTP_NO_CONNECTION;
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_CIPHER:
    case CURLE_SSL_ISSUER_ERROR:
        return HTTP_TLS_FAILED;
    case CURLE_OPERATION_TIMEDOUT:
        return HTTP_TIMED_OUT;
    case CURLE_URL_MALFORMAT:
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_BAD_FUNCTION_ARGUMENT:
        return HTTP_BAD_REQUEST;
    case CURLE_OUT_OF_MEMORY:
        return HTTP_NO_MEMORY;
    default:
        return HTTP_BROKEN;
    }
}

/* curl's word for how a transfer ended is not always ours. */
static enum http_outcome ended_how(const struct http_call *call, CURLcode code)
{
    enum http_outcome outcome = outcome_of(code);
    long sent = 0;

    if (call->forced)
        return call->forced;
    /* time-outs of ours end by an aborted callback; a connect time-out is curl's own */
    if (outcome == HTTP_TIMED_OUT && !call->head_complete)
        return HTTP_NO_CONNECTION;
    if (outcome == HTTP_COMPLETE && !call->head_complete) /* cut within the head */
        return HTTP_BROKEN;
    curl_easy_getinfo(call->easy, CURLINFO_REQUEST_SIZE, &sent);
    if (outcome == HTTP_BAD_REQUEST && sent > 0) /* the answer was no HTTP */
        return HTTP_BROKEN;
    return outcome;
}

static void collect_done(struct engine *engine)
{
    CURLMsg *msg;
    int left;

    while ((msg = curl_multi_info_read(engine->multi, &left)) != NULL) {
        struct http_call *call = NULL;
        CURLcode code = msg->data.result;
        if (msg->msg != CURLMSG_DONE)
            continue;
        curl_easy_getinfo(msg->easy_handle, CURLINFO_PRIVATE, &call);
        finish(call, ended_how(call, code),
               call->error[0] ? call->error : curl_easy_strerror(code));
    }
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

/* --- the answer arrives ---------------------------------------------------------------------- */

static void arm_limit(struct http_call *call);

static size_t abort_transfer(struct http_call *call, enum http_outcome why)
{
    call->forced = why;
    return 0; /* fewer bytes than were offered: curl ends the transfer */
}

static void head_line_status(struct http_call *call, struct str line)
{
    long code = 0;

    str_cut(&line, ' ');
    if (line.n >= 3 && str_to_long(str_slice(line, 0, 3), &code))
        call->status = (int)code;
    buf_clear(&call->head);
}

static size_t on_head_line(char *p, size_t size, size_t count, void *arg)
{
    struct http_call *call = arg;
    struct str line = {p, size * count};

    if (call->cancelled)
        return abort_transfer(call, HTTP_BROKEN);
    if (call->head_complete)
        return line.n; /* a trailer */
    call->active_ms = clock_ms();
    if (str_starts(line, "HTTP/")) {
        head_line_status(call, line);
        return line.n;
    }
    if (str_trim(line).n) {
        buf_add_str(&call->head, line);
        return call->head.failed ? abort_transfer(call, HTTP_BROKEN) : line.n;
    }
    if (call->status < 200) /* an interim answer */
        return line.n;
    call->head_complete = true;
    arm_limit(call); /* another limit counts from here */
    call->events->head(call->arg, call, call->status);
    return call->cancelled ? abort_transfer(call, HTTP_BROKEN) : line.n;
}

static size_t on_body(char *p, size_t size, size_t count, void *arg)
{
    struct http_call *call = arg;
    size_t n = size * count;

    if (call->cancelled)
        return abort_transfer(call, HTTP_BROKEN);
    if (call->paused)
        return CURL_WRITEFUNC_PAUSE;
    call->active_ms = clock_ms();
    call->bytes += (int64_t)n;
    call->events->body(call->arg, (struct str){p, n});
    return call->cancelled ? abort_transfer(call, HTTP_BROKEN) : n;
}

struct str http_response_header(struct http_call *call, const char *name)
{
    struct str rest = buf_str(&call->head), wanted = str_from(name);

    while (rest.n) {
        struct str line = str_cut(&rest, '\n');
        struct str key = str_cut(&line, ':');
        if (str_case_eq(str_trim(key), wanted))
            return str_trim(line);
    }
    return STR_NONE;
}

int64_t http_retry_after_ms(struct http_call *call)
{
    curl_off_t seconds = 0;

    curl_easy_getinfo(call->easy, CURLINFO_RETRY_AFTER, &seconds);
    seconds = seconds < RETRY_AFTER_MAX_S ? seconds : RETRY_AFTER_MAX_S;
    return seconds > 0 ? (int64_t)seconds * 1000 : 0;
}

/* --- time limits ----------------------------------------------------------------------------- */

/* One lazy timer for all limits: activity only notes the time, and when the timer fires it looks
   whether anything has really run out. */
static void on_limit(void *arg);

static int64_t next_limit(const struct http_call *call)
{
    int64_t limit = call->head_complete ? call->idle_ms : call->first_byte_ms;
    int64_t at = limit && !call->paused ? call->active_ms + limit : INT64_MAX;

    return call->total_deadline_ms && call->total_deadline_ms < at ? call->total_deadline_ms : at;
}

static void arm_limit(struct http_call *call)
{
    int64_t at = next_limit(call);

    if (at == INT64_MAX)
        timer_clear(call->pool->reactor, &call->timer);
    else
        timer_set(call->pool->reactor, &call->timer, at - clock_ms(), on_limit, call);
}

static void on_limit(void *arg)
{
    struct http_call *call = arg;

    if (clock_ms() < next_limit(call)) {
        arm_limit(call);
        return;
    }
    finish(call, HTTP_TIMED_OUT,
           call->head_complete ? "no more data in time" : "no answer in time");
}

/* --- starting, pausing, ending --------------------------------------------------------------- */

static void add_to_engine(struct http_call *call)
{
    if (curl_multi_add_handle(call->engine->multi, call->easy) != CURLM_OK) {
        finish(call, HTTP_NO_MEMORY, "cannot start a transfer");
        return;
    }
    call->added = true;
}

static void do_one_later(struct http_call *call)
{
    if (call->cancelled)
        call_free(call);
    else if (call->bad_request)
        finish(call, HTTP_BAD_REQUEST, "unusable URL or header");
    else if (!call->added)
        add_to_engine(call);
    else {
        call->pool->inside = true;
        curl_easy_pause(call->easy, call->paused ? CURLPAUSE_RECV : CURLPAUSE_CONT);
        call->pool->inside = false;
        if (call->cancelled && !call->in_later)
            ask_later(call);
    }
}

static void do_later(void *arg)
{
    struct http_pool *pool = arg;
    struct http_call *call;

    while ((call = pool->later) != NULL) {
        pool->later = call->next_later;
        call->in_later = false;
        do_one_later(call);
    }
}

void http_cancel(struct http_call *call)
{
    call->cancelled = true;
    timer_clear(call->pool->reactor, &call->timer);
    if (call->pool->inside)
        ask_later(call);
    else
        call_free(call);
}

void http_pause(struct http_call *call, bool paused)
{
    if (call->paused == paused || call->cancelled)
        return;
    call->paused = paused;
    if (!paused) {
        call->active_ms = clock_ms();
        ask_later(call); /* pausing happens by refusing the next piece */
    }
    arm_limit(call);
}

static bool header_safe(const struct http_header *h)
{
    for (size_t i = 0; i < h->name.n; i++) {
        unsigned char c = (unsigned char)h->name.p[i];
        if (c <= ' ' || c >= 0x7f || c == ':')
            return false;
    }
    for (size_t i = 0; i < h->value.n; i++) {
        unsigned char c = (unsigned char)h->value.p[i];
        if ((c < ' ' && c != '\t') || c == 0x7f)
            return false;
    }
    return h->name.n > 0;
}

static bool append_header(struct http_call *call, const char *line)
{
    struct curl_slist *grown = curl_slist_append(call->headers, line);
    if (!grown)
        return false;
    call->headers = grown;
    return true;
}

static bool set_headers(struct http_call *call, const struct http_request *request)
{
    struct buf line = {0};
    bool good = append_header(call, "Expect:");

    for (size_t i = 0; good && i < request->header_count; i++) {
        const struct http_header *h = &request->headers[i];
        buf_clear(&line);
        buf_add_str(&line, h->name);
        buf_add_cstr(&line, h->value.n ? ": " : ";"); /* curl's way to send an empty one */
        buf_add_str(&line, h->value);
        buf_add_char(&line, '\0');
        call->bad_request |= !header_safe(h);
        good = !line.failed && append_header(call, call->bad_request ? "X-Bad;" : line.p);
    }
    buf_free(&line);
    return good;
}

static void set_identity(CURL *easy, const struct http_identity *identity)
{
    struct curl_blob certificate = {(void *)(uintptr_t)identity->certificate.p,
                                    identity->certificate.n, CURL_BLOB_COPY};
    struct curl_blob key = {(void *)(uintptr_t)identity->key.p, identity->key.n, CURL_BLOB_COPY};

    curl_easy_setopt(easy, CURLOPT_SSLCERT_BLOB, &certificate);
    curl_easy_setopt(easy, CURLOPT_SSLKEY_BLOB, &key);
}

static void set_method(CURL *easy, const struct http_request *request)
{
    if (strcmp(request->method, "GET") == 0)
        return;
    if (strcmp(request->method, "POST") == 0 || request->body.n) {
        curl_easy_setopt(easy, CURLOPT_POST, 1L);
        curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body.n);
        curl_easy_setopt(easy, CURLOPT_POSTFIELDS, request->body.n ? request->body.p : "");
    }
    if (strcmp(request->method, "POST") != 0)
        curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, request->method);
}

static void set_transport(struct http_call *call, const struct http_settings *settings)
{
    CURL *easy = call->easy;

    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
#if CURL_AT_LEAST_VERSION(7, 85, 0)
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
#else
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS, (long)(CURLPROTO_HTTP | CURLPROTO_HTTPS));
#endif
    curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION,
                     (long)(settings->http2 ? CURL_HTTP_VERSION_2TLS : CURL_HTTP_VERSION_1_1));
    curl_easy_setopt(easy, CURLOPT_PIPEWAIT, call->engine == &call->pool->h2 ? 1L : 0L);
    /* With a CA path the store is parsed anew for every connection (28 ms each). */
    curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
    if (settings->ca_file)
        curl_easy_setopt(easy, CURLOPT_CAINFO, settings->ca_file);
    if (settings->proxy)
        curl_easy_setopt(easy, CURLOPT_PROXY, settings->proxy);
    if (settings->no_proxy)
        curl_easy_setopt(easy, CURLOPT_NOPROXY, settings->no_proxy);
    curl_easy_setopt(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    curl_easy_setopt(easy, CURLOPT_USERAGENT, settings->user_agent);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS,
                     (long)(settings->connect_ms ? settings->connect_ms : CONNECT_MS));
}

static void set_callbacks(struct http_call *call)
{
    CURL *easy = call->easy;

    curl_easy_setopt(easy, CURLOPT_PRIVATE, call);
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, call->error);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_head_line);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, call);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, call);
}

static struct http_call *call_new(struct http_pool *pool, const struct http_request *request)
{
    struct http_call *call = calloc(1, sizeof *call);
    char origin[HOST_BYTES];

    if (!call)
        return NULL;
    call->pool = pool;
    call->engine =
        origin_of(request->url, origin) && known_h2(pool, origin) ? &pool->h2 : &pool->any;
    call->head.ceiling = RESPONSE_HEAD_BYTES;
    call->easy = curl_easy_init();
    if (!call->easy || !set_headers(call, request)) {
        if (call->easy)
            curl_easy_cleanup(call->easy);
        curl_slist_free_all(call->headers);
        free(call);
        return NULL;
    }
    return call;
}

struct http_call *http_start(struct reactor *r, const struct http_request *request,
                             const struct http_events *events, void *arg)
{
    struct http_pool *pool = reactor_pool(r);
    struct http_call *call = call_new(pool, request);

    if (!call)
        return NULL;
    call->events = events;
    call->arg = arg;
    call->active_ms = clock_ms();
    call->first_byte_ms = request->first_byte_ms;
    call->idle_ms = request->idle_ms;
    call->total_deadline_ms = request->total_ms ? call->active_ms + request->total_ms : 0;
    curl_easy_setopt(call->easy, CURLOPT_URL, request->url);
    curl_easy_setopt(call->easy, CURLOPT_HTTPHEADER, call->headers);
    set_method(call->easy, request);
    set_transport(call, &pool->settings);
    set_callbacks(call);
    if (request->identity && request->identity->certificate.n)
        set_identity(call->easy, request->identity);
    arm_limit(call);
    ask_later(call);
    return call;
}

/* --- the pool
 * -------------------------------------------------------------------------------------- */

static const char *keep(struct http_pool *pool, int slot, const char *text)
{
    pool->texts[slot] = text ? strdup(text) : NULL;
    return pool->texts[slot];
}

/* curl the tool reads these two, curl the library does not; administrators expect them. */
static const char *ca_from_environment(void)
{
    const char *file = getenv("CURL_CA_BUNDLE");
    return file && *file ? file : getenv("SSL_CERT_FILE");
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
    pool->settings.ca_file =
        keep(pool, 2, settings->ca_file ? settings->ca_file : ca_from_environment());
    pool->settings.user_agent =
        keep(pool, 3, settings->user_agent ? settings->user_agent : "corelay/" PACKAGE_VERSION);
    long limit = settings->h2_connections ? settings->h2_connections : H2_CONNECTIONS;
    if (!engine_open(&pool->any, pool, 0) || !engine_open(&pool->h2, pool, limit)) {
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
    do_later(pool);
    timer_clear(pool->reactor, &pool->later_timer);
    engine_close(&pool->any);
    engine_close(&pool->h2);
    for (struct host *h = pool->h2_hosts, *next; h; h = next) {
        next = h->next;
        free(h);
    }
    for (size_t i = 0; i < sizeof pool->texts / sizeof pool->texts[0]; i++)
        free(pool->texts[i]);
    free(pool);
}

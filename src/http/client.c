/*
 * HTTP calls with libcurl's multi interface, driven by the reactor through pool.c.
 *
 * curl forbids most calls from within its callbacks, and un-pausing may deliver data on the spot.
 * So whatever is asked for while curl is at work (`inside`) is noted and done when it has returned.
 */
#include "http/client.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/crypto.h"
#include "http/pool.h"

enum {
    CONNECT_MS = 10000,
    RESPONSE_HEAD_BYTES = 128 * 1024,
    UPLOAD_BYTES =
        16 * 1024, /* the least; a stream holds it to its end, 64 KiB if nobody says so */
    RETRY_AFTER_MAX_S = 366 * 24 * 3600 /* whoever asks for more means never */
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
    bool head_complete, added, paused, cancelled, in_later, bad_request, once, sent;
    enum http_outcome forced; /* why we end it ourselves; HTTP_COMPLETE: we do not */
    int64_t bytes;
    struct http_call *next_later;
    char error[CURL_ERROR_SIZE];
};

/* --- what has to wait until curl has returned ------------------------------------------------ */

static void ask_later(struct http_call *call)
{
    struct http_pool *pool = call->pool;

    if (call->in_later)
        return;
    call->in_later = true;
    call->next_later = pool->later;
    pool->later = call;
    timer_set(pool->reactor, &pool->later_timer, 0, client_do_later, pool);
}

static void drop_from_later(struct http_call *call)
{
    for (struct http_call **at = &call->pool->later; *at; at = &(*at)->next_later)
        if (*at == call) {
            *at = call->next_later;
            return;
        }
}

/* Tokens are among them. */
static void free_headers(struct http_call *call)
{
    for (struct curl_slist *h = call->headers; h; h = h->next)
        crypto_wipe(h->data, strlen(h->data));
    curl_slist_free_all(call->headers);
}

static void call_free(struct http_call *call)
{
    timer_clear(call->pool->reactor, &call->timer);
    if (call->in_later)
        drop_from_later(call);
    if (call->added) {
        curl_multi_remove_handle(call->engine->multi, call->easy);
        call->engine->calls--;
    }
    curl_easy_cleanup(call->easy);
    free_headers(call);
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
        pool_learn(call->pool, call->easy);
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

/* Then nobody else is to blame for a connection that could not be made. */
static bool out_of_descriptors(void)
{
    int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

    if (fd < 0)
        return errno == EMFILE || errno == ENFILE;
    close(fd);
    return false;
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
    if (outcome == HTTP_NO_CONNECTION && out_of_descriptors())
        return HTTP_NO_MEMORY;
    if (outcome == HTTP_COMPLETE && !call->head_complete) /* cut within the head */
        return HTTP_BROKEN;
    curl_easy_getinfo(call->easy, CURLINFO_REQUEST_SIZE, &sent);
    if (outcome == HTTP_BAD_REQUEST && sent > 0) /* the answer was no HTTP */
        return HTTP_BROKEN;
    return outcome;
}

void client_ended(CURL *easy, CURLcode code)
{
    struct http_call *call = NULL;

    curl_easy_getinfo(easy, CURLINFO_PRIVATE, &call);
    finish(call, ended_how(call, code), call->error[0] ? call->error : curl_easy_strerror(code));
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
    bool total = call->total_deadline_ms && clock_ms() >= call->total_deadline_ms;
    finish(call, HTTP_TIMED_OUT,
           total                 ? "not complete in time"
           : call->head_complete ? "no more data in time"
                                 : "no answer in time");
}

/* --- starting, pausing, ending --------------------------------------------------------------- */

static void add_to_engine(struct http_call *call)
{
    if (curl_multi_add_handle(call->engine->multi, call->easy) != CURLM_OK) {
        finish(call, HTTP_NO_MEMORY, "cannot start a transfer");
        return;
    }
    call->added = true;
    pool_make_room(call->engine);
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

void client_do_later(void *arg)
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
    /* curl's own are taken off first, the caller's come behind */
    bool good = append_header(call, "Expect:") && append_header(call, "Content-Type:");

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
    if (line.p)
        crypto_wipe(line.p, line.cap);
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

/* These announce their length even if it is 0: some servers answer 411 otherwise. */
static bool sends_body(const struct http_request *request)
{
    return request->body.n || strcmp(request->method, "POST") == 0 ||
           strcmp(request->method, "PUT") == 0 || strcmp(request->method, "PATCH") == 0;
}

static void set_method(CURL *easy, const struct http_request *request)
{
    if (strcmp(request->method, "GET") == 0 && !request->body.n)
        return;
    if (strcmp(request->method, "HEAD") == 0) {
        curl_easy_setopt(easy, CURLOPT_NOBODY, 1L); /* or it would wait for the body announced */
        return;
    }
    if (sends_body(request)) {
        curl_easy_setopt(easy, CURLOPT_POST, 1L);
        curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body.n);
        curl_easy_setopt(easy, CURLOPT_POSTFIELDS, request->body.n ? request->body.p : "");
    }
    if (strcmp(request->method, "POST") != 0)
        curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, request->method);
}

static void set_transport(struct http_call *call, const struct http_settings *settings,
                          int64_t connect_ms)
{
    CURL *easy = call->easy;

    curl_easy_setopt(easy, CURLOPT_SHARE, call->pool->share);
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
    anchors_set(call->pool, easy);
    if (settings->proxy)
        curl_easy_setopt(easy, CURLOPT_PROXY, settings->proxy);
    if (settings->no_proxy)
        curl_easy_setopt(easy, CURLOPT_NOPROXY, settings->no_proxy);
    curl_easy_setopt(easy, CURLOPT_UPLOAD_BUFFERSIZE, (long)UPLOAD_BYTES);
    curl_easy_setopt(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    curl_easy_setopt(easy, CURLOPT_USERAGENT, settings->user_agent);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS,
                     (long)(connect_ms             ? connect_ms
                            : settings->connect_ms ? settings->connect_ms
                                                   : CONNECT_MS));
}

#if CURL_AT_LEAST_VERSION(7, 80, 0)
/* A connection is there, the request is about to be sent. curl sends it again, up to five times, where
   a kept connection ends without an answer. */
static int on_sending(void *arg, char *to, char *from, int to_port, int from_port)
{
    struct http_call *call = arg;
    bool again = call->sent;

    (void)to, (void)from, (void)to_port, (void)from_port;
    call->sent = true;
    if (!again || !call->once)
        return CURL_PREREQFUNC_OK;
    call->forced = HTTP_BROKEN;
    return CURL_PREREQFUNC_ABORT;
}
#endif

static void set_callbacks(struct http_call *call)
{
    CURL *easy = call->easy;

#if CURL_AT_LEAST_VERSION(7, 80, 0)
    curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, on_sending);
    curl_easy_setopt(easy, CURLOPT_PREREQDATA, call);
#endif

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

    if (!call)
        return NULL;
    call->pool = pool;
    call->engine = pool_engine(pool, request->url);
    call->head.ceiling = RESPONSE_HEAD_BYTES;
    call->easy = curl_easy_init();
    if (!call->easy || !set_headers(call, request)) {
        if (call->easy)
            curl_easy_cleanup(call->easy);
        free_headers(call);
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
    call->once = request->once;
    call->first_byte_ms = request->first_byte_ms;
    call->idle_ms = request->idle_ms;
    call->total_deadline_ms = request->total_ms ? call->active_ms + request->total_ms : 0;
    curl_easy_setopt(call->easy, CURLOPT_URL, request->url);
    curl_easy_setopt(call->easy, CURLOPT_HTTPHEADER, call->headers);
    set_method(call->easy, request);
    set_transport(call, &pool->settings, request->connect_ms);
    set_callbacks(call);
    if (request->identity && request->identity->certificate.n)
        set_identity(call->easy, request->identity);
    arm_limit(call);
    ask_later(call);
    return call;
}

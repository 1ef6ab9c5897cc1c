/*
 * Record of requests. See reqlog.h. What does not change is rendered when a request arrives;
 * the rest of an entry is filled in when the exchange ends.
 */
#include "reqlog.h"

#include "json.h"
#include "settings.h"
#include "tenant.h"
#include "wire.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

struct log_entry {
    uint64_t seq;
    int64_t began_ms, ended_ms, gone_ms;
    unsigned status;
    uint64_t events_sent, bytes_sent;
    const char *outcome;
    size_t len;
    char fixed[]; /* JSON members */
};

enum { MAX_MODELS = 64 };

static struct {
    pthread_mutex_t lock;
    struct log_entry *ring[LOG_MAX_ENTRIES]; /* by seq modulo size */
    uint64_t seq, kept_from, bytes;          /* newest, oldest that is kept */
    uint64_t tokens[TENANT_COUNT], calls[TENANT_COUNT][MAX_MODELS], discovery;
    uint64_t active, peak, aborted, streams;
} reqlog = {.lock = PTHREAD_MUTEX_INITIALIZER, .kept_from = 1};

/* Monotonic milliseconds as Unix time. */
static int64_t wall_ms(int64_t monotonic_ms)
{
    struct timespec t;

    clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000 - now_ms() + monotonic_ms;
}

struct header_list {
    struct exchange *x;
    struct buf *out;
    bool any;
};

static enum MHD_Result write_header(void *cls, enum MHD_ValueKind kind, const char *name,
                                    const char *value)
{
    struct header_list *list = cls;
    char *lower = pool_copy(&list->x->pool, name, strlen(name)), *at;

    (void)kind;
    for (at = lower; *at; at++)
        if (*at >= 'A' && *at <= 'Z')
            *at = (char)(*at | 0x20);
    buf_text(list->out, list->any ? "," : "");
    list->any = true;
    if (!strcmp(lower, "authorization"))
        value = pool_printf(&list->x->pool, "[token %u]", list->x->token_serial);
    if (value && !utf8_valid(value, strlen(value)))
        value = "[not UTF-8]";
    buf_json(list->out, "%q:%q", lower, value ? value : "");
    return MHD_YES;
}

static void write_headers(struct exchange *x, struct buf *out)
{
    struct header_list list = {x, out, false};

    buf_text(out, "\"headers\":{");
    MHD_get_connection_values(x->connection, MHD_HEADER_KIND, write_header, &list);
    buf_char(out, '}');
}

static void write_body(struct exchange *x, struct buf *out)
{
    const char *body = buf_str(&x->body);
    bool secret = strstr(x->path, "/oauth/token") != NULL;

    buf_json(out, ",'body_bytes':%l", (long long)x->body.len);
    if (!settings.log_bodies || secret)
        return;
    if (utf8_valid(body, x->body.len)) {
        buf_text(out, ",\"body\":");
        buf_quote(out, body, x->body.len);
    } else {
        buf_json(out, ",'body_base64':%q", base64_encode(&x->pool, body, x->body.len));
    }
}

static void write_fixed(struct exchange *x, struct buf *out)
{
    const struct deployment *d = x->deployment;
    const char *query = x->query && utf8_valid(x->query, strlen(x->query)) ? x->query : NULL;
    const char *path = utf8_valid(x->path, strlen(x->path)) ? x->path : "[not UTF-8]";
    const char *group = x->group && utf8_valid(x->group, strlen(x->group)) ? x->group : NULL;

    buf_json(out, "'tenant':%q,'group':%q,'model':%q,'deployment':%q,'family':%q,",
             x->tenant ? x->tenant->name : NULL, group, d && d->model ? d->model->name : NULL,
             d ? d->id : NULL, x->family ? x->family->name : NULL);
    buf_json(out, "'method':%q,'path':%q,'query':%q,'token':%u,", x->method, path, query,
             x->token_serial);
    write_headers(x, out);
    write_body(x, out);
}

static struct log_entry *entry_at(uint64_t seq)
{
    return seq >= reqlog.kept_from && seq <= reqlog.seq ? reqlog.ring[seq % LOG_MAX_ENTRIES] : NULL;
}

static void entry_drop_oldest(void)
{
    struct log_entry **slot = &reqlog.ring[reqlog.kept_from++ % LOG_MAX_ENTRIES];

    reqlog.bytes -= (*slot)->len;
    free(*slot);
    *slot = NULL;
}

static void count_call(const struct exchange *x)
{
    if (x->deployment && x->deployment->model && x->tenant) {
        size_t m = (size_t)(x->deployment->model - models);
        if (m < MAX_MODELS)
            reqlog.calls[x->tenant - tenants][m]++;
    } else if (!strcmp(x->path, "/v2/lm/deployments")) {
        reqlog.discovery++;
    }
}

void reqlog_add(struct exchange *x)
{
    struct buf fixed = {&x->pool, NULL, 0, 0};
    struct log_entry *entry;

    write_fixed(x, &fixed);
    entry = calloc(1, sizeof *entry + fixed.len + 1);
    if (!entry)
        abort();
    memcpy(entry->fixed, fixed.at, fixed.len);
    entry->len = fixed.len;
    entry->began_ms = wall_ms(now_ms());
    entry->status = x->reply.status;
    entry->outcome = "open";
    pthread_mutex_lock(&reqlog.lock);
    if (reqlog.seq + 1 - reqlog.kept_from == LOG_MAX_ENTRIES)
        entry_drop_oldest();
    entry->seq = x->log_seq = ++reqlog.seq;
    x->logged = true;
    reqlog.ring[entry->seq % LOG_MAX_ENTRIES] = entry;
    reqlog.bytes += entry->len;
    count_call(x);
    while (reqlog.bytes > LOG_MAX_BYTES && reqlog.kept_from < reqlog.seq)
        entry_drop_oldest();
    pthread_mutex_unlock(&reqlog.lock);
}

void reqlog_stream_begins(struct exchange *x)
{
    pthread_mutex_lock(&reqlog.lock);
    x->counted_active = true;
    reqlog.streams++;
    if (++reqlog.active > reqlog.peak)
        reqlog.peak = reqlog.active;
    pthread_mutex_unlock(&reqlog.lock);
}

void reqlog_end(struct exchange *x, const char *outcome, int64_t gone_ms)
{
    struct log_entry *entry;

    pthread_mutex_lock(&reqlog.lock);
    if (x->counted_active) {
        reqlog.active--;
        if (!strcmp(outcome, "client_closed"))
            reqlog.aborted++;
    }
    entry = x->logged ? entry_at(x->log_seq) : NULL;
    if (entry) {
        entry->outcome = outcome;
        entry->ended_ms = wall_ms(now_ms());
        entry->gone_ms = gone_ms ? wall_ms(gone_ms) : 0;
        entry->events_sent = x->events_sent;
        entry->bytes_sent = x->bytes_sent;
        entry->status = x->reply.status;
    }
    pthread_mutex_unlock(&reqlog.lock);
}

void reqlog_count_token(const struct tenant *tenant)
{
    pthread_mutex_lock(&reqlog.lock);
    reqlog.tokens[tenant - tenants]++;
    pthread_mutex_unlock(&reqlog.lock);
}

void reqlog_clear(void)
{
    pthread_mutex_lock(&reqlog.lock);
    while (reqlog.kept_from <= reqlog.seq)
        entry_drop_oldest();
    memset(reqlog.tokens, 0, sizeof reqlog.tokens);
    memset(reqlog.calls, 0, sizeof reqlog.calls);
    reqlog.discovery = reqlog.aborted = reqlog.streams = 0;
    reqlog.peak = reqlog.active;
    pthread_mutex_unlock(&reqlog.lock);
}

static void write_entry(const struct log_entry *e, struct buf *out)
{
    buf_json(out, "{'seq':%l,'time_ms':%l,'ended_ms':%l,", (long long)e->seq,
             (long long)e->began_ms, (long long)e->ended_ms);
    if (e->gone_ms)
        buf_json(out, "'closed_ms':%l,", (long long)e->gone_ms);
    buf_json(out, "'status':%u,'outcome':%q,'events_sent':%l,'bytes_sent':%l,", e->status,
             e->outcome, (long long)e->events_sent, (long long)e->bytes_sent);
    buf_add(out, e->fixed, e->len);
    buf_char(out, '}');
}

void reqlog_write(struct buf *out, uint64_t since, uint64_t limit)
{
    const struct log_entry *e;
    uint64_t seq, n = 0;

    pthread_mutex_lock(&reqlog.lock);
    buf_text(out, "{\"requests\":[");
    seq = since + 1 > reqlog.kept_from ? since + 1 : reqlog.kept_from;
    for (; n < limit && (e = entry_at(seq)); seq++) {
        buf_text(out, n++ ? "," : "");
        write_entry(e, out);
    }
    buf_json(out, "],'last':%l}", (long long)reqlog.seq);
    pthread_mutex_unlock(&reqlog.lock);
}

static void write_tenant_counters(struct buf *out, size_t t)
{
    uint64_t total = 0;
    size_t m;
    bool any = false;

    buf_json(out, "%q:{'token_fetches':%l,'models':{", tenants[t].name,
             (long long)reqlog.tokens[t]);
    for (m = 0; m < model_count; m++) {
        if (!reqlog.calls[t][m])
            continue;
        buf_json(out, "%s%q:%l", any ? "," : "", models[m].name, (long long)reqlog.calls[t][m]);
        any = true;
        total += reqlog.calls[t][m];
    }
    buf_json(out, "},'inference':%l}", (long long)total);
}

void reqlog_write_counters(struct buf *out)
{
    size_t t;

    pthread_mutex_lock(&reqlog.lock);
    buf_text(out, "{\"tenants\":{");
    for (t = 0; t < TENANT_COUNT; t++) {
        buf_text(out, t ? "," : "");
        write_tenant_counters(out, t);
    }
    buf_json(out, "},'token_fetches':%l,'discovery':%l,",
             (long long)(reqlog.tokens[0] + reqlog.tokens[1]), (long long)reqlog.discovery);
    buf_json(out, "'active_streams':%l,'peak_streams':%l,'streams':%l,'aborted_streams':%l}",
             (long long)reqlog.active, (long long)reqlog.peak, (long long)reqlog.streams,
             (long long)reqlog.aborted);
    pthread_mutex_unlock(&reqlog.lock);
}

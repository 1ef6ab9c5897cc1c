/* Faults on demand. See fault.h and README.md for the list of kinds. */
#include "fault.h"

#include "json.h"
#include "tenant.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_FAULTS = 256 };

struct fault {
    cJSON *request;
    double times, skip; /* times < 0: for ever */
    double percent;     /* of the fitting requests, by chance */
    unsigned taken;
};

static struct {
    pthread_mutex_t lock;
    struct fault list[MAX_FAULTS];
    size_t count;
} faults = {.lock = PTHREAD_MUTEX_INITIALIZER};

static const char *const kinds_before[] = {"status", "hang",  "empty_200", "wrong_content_type",
                                           "slow",   "reset", NULL};
static const char *const kinds_after[] = {"cut",   "drip", "late_throttle", "error_event",
                                          "reset", "hang", "garbage",       NULL};

const char *faults_add(const cJSON *request)
{
    static const char *const known[] = {"match", "times", "skip", "percent", "fault", NULL};
    static const char *const matchable[] = {"tenant", "group",  "model",      "deployment",
                                            "path",   "family", "request_id", NULL};
    const char *kind = json_str(json_get(request, "fault"), "kind"), *why = NULL;
    struct fault *f;

    if (!cJSON_IsObject(request) || json_unknown(request, known))
        return "expected match, times, skip, percent, fault";
    if (json_unknown(json_get(request, "match"), matchable))
        return "unknown member in match";
    if (!word_in(kind, kinds_before) && !word_in(kind, kinds_after))
        return "unknown fault.kind";
    pthread_mutex_lock(&faults.lock);
    if (faults.count < MAX_FAULTS) {
        f = &faults.list[faults.count++];
        f->request = cJSON_Duplicate(request, true);
        f->times = json_num(request, "times", 1);
        f->skip = json_num(request, "skip", 0);
        f->percent = json_num(request, "percent", 100);
        f->taken = 0;
    } else {
        why = "too many faults";
    }
    pthread_mutex_unlock(&faults.lock);
    return why;
}

void faults_clear(void)
{
    pthread_mutex_lock(&faults.lock);
    while (faults.count)
        cJSON_Delete(faults.list[--faults.count].request);
    pthread_mutex_unlock(&faults.lock);
}

void faults_write(struct buf *out)
{
    size_t i;

    pthread_mutex_lock(&faults.lock);
    buf_text(out, "{\"faults\":[");
    for (i = 0; i < faults.count; i++)
        buf_json(out, "%s{'request':%s,'taken':%u}", i ? "," : "",
                 json_text(out->pool, faults.list[i].request), faults.list[i].taken);
    buf_text(out, "]}");
    pthread_mutex_unlock(&faults.lock);
}

static bool fits(const cJSON *match, const char *key, const char *value, bool substring)
{
    const char *want = json_str(match, key);

    if (!want)
        return true;
    if (!value)
        return false;
    return substring ? strstr(value, want) != NULL : !strcmp(want, value);
}

static bool fault_fits(struct exchange *x, const cJSON *match)
{
    const struct deployment *d = x->deployment;

    return fits(match, "tenant", x->tenant ? x->tenant->name : NULL, false) &&
           fits(match, "group", x->group, false) &&
           fits(match, "model", d && d->model ? d->model->name : NULL, false) &&
           fits(match, "deployment", d ? d->id : NULL, false) &&
           fits(match, "path", x->path, true) &&
           fits(match, "request_id", exchange_header(x, "X-Request-Id"), true) &&
           fits(match, "family", x->family ? x->family->name : NULL, false);
}

/* Chance that is alike in each run: splitmix64, to a number from 0 to 100. */
static double next_percent(void)
{
    static uint64_t state;
    uint64_t z = state += 0x9e3779b97f4a7c15;

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return (double)((z ^ z >> 31) >> 11) * 100 / 9007199254740992.0;
}

const cJSON *fault_take(struct exchange *x)
{
    const cJSON *taken = NULL;
    size_t i;

    pthread_mutex_lock(&faults.lock);
    for (i = 0; i < faults.count && !taken; i++) {
        struct fault *f = &faults.list[i];
        if (f->times == 0 || !fault_fits(x, json_get(f->request, "match")))
            continue;
        if (f->skip > 0) {
            f->skip--;
            continue;
        }
        if (f->percent < 100 && next_percent() >= f->percent)
            continue;
        if (f->times > 0)
            f->times--;
        f->taken++;
        taken = pool_keep(&x->pool, cJSON_Duplicate(json_get(f->request, "fault"), true));
    }
    pthread_mutex_unlock(&faults.lock);
    return taken;
}

static void take_headers(struct exchange *x, const cJSON *fault)
{
    const cJSON *item;

    cJSON_ArrayForEach(item, json_get(fault, "headers"))
    {
        if (cJSON_IsString(item))
            reply_header(&x->reply, item->string, item->valuestring);
    }
}

static void fault_status(struct exchange *x, const cJSON *fault)
{
    int code = (int)json_num(fault, "code", 500);
    const cJSON *body = json_get(fault, "body");
    const char *message = json_str(fault, "message");
    unsigned status = code >= 100 && code < 600 ? (unsigned)code : 500;

    if (cJSON_IsString(body))
        reply_text(&x->reply, status, "text/plain", body->valuestring);
    else if (body)
        reply_text(&x->reply, status, "application/json", json_text(&x->pool, body));
    else if (x->family && x->family->refuse)
        x->family->refuse(x, status, message ? message : "An error was asked for.");
    else
        reply_text(&x->reply, status, "text/plain", "upstream error");
    if (json_str(fault, "content_type"))
        reply_header(&x->reply, "Content-Type", json_str(fault, "content_type"));
    take_headers(x, fault);
}

static bool at_headers(const cJSON *fault)
{
    const char *at = json_str(fault, "at");

    return !at || !strcmp(at, "before_headers");
}

bool fault_before(struct exchange *x, const cJSON *fault)
{
    const char *kind = json_str(fault, "kind");

    if (!strcmp(kind, "status")) {
        fault_status(x, fault);
    } else if (!strcmp(kind, "empty_200")) {
        reply_text(&x->reply, 200, "application/json", "");
    } else if (!strcmp(kind, "reset") && at_headers(fault)) {
        x->reply.status = 0;
        x->reply.reset_before_headers = true;
    } else if (!strcmp(kind, "hang") && at_headers(fault)) {
        x->reply.status = 0;
        x->reply.hang_before_headers = true;
    } else {
        return false;
    }
    return true;
}

static size_t events_kept(const struct exchange *x, const cJSON *fault)
{
    const char *at = json_str(fault, "at");
    double n = json_num(fault, "after_events", -1);

    if (at && !strcmp(at, "after_headers"))
        return 0;
    if (n >= 0 && n < 1e9)
        return (size_t)n;
    return x->reply.opening + (reply_event_count(&x->reply) - x->reply.opening) / 2;
}

static void append_error(struct exchange *x, const cJSON *fault, size_t kept)
{
    reply_cut(&x->reply, kept);
    if (x->family && x->family->error_event)
        x->family->error_event(x, (unsigned)json_num(fault, "code", 429), &x->reply.bytes);
    reply_event(&x->reply, 0);
}

static void stream_fault(struct exchange *x, const cJSON *fault, const char *kind)
{
    if (!strcmp(kind, "late_throttle")) {
        append_error(x, fault, x->reply.opening);
        return;
    }
    if (!strcmp(kind, "error_event")) {
        append_error(x, fault, events_kept(x, fault));
        return;
    }
    reply_cut(&x->reply, events_kept(x, fault));
    if (!strcmp(kind, "garbage")) {
        buf_text(&x->reply.bytes, "data: {\"broken\": \xff\xfe not json\n\n");
        reply_event(&x->reply, 0);
    }
    if (!strcmp(kind, "reset"))
        x->reply.ending = END_RESET;
    if (!strcmp(kind, "hang"))
        x->reply.ending = END_HANG;
}

void fault_after(struct exchange *x, const cJSON *fault)
{
    const char *kind = json_str(fault, "kind"), *type = json_str(fault, "content_type");
    double ms = json_num(fault, "ms", 1);

    take_headers(x, fault);
    if (!strcmp(kind, "wrong_content_type"))
        reply_header(&x->reply, "Content-Type", type ? type : "text/html");
    else if (!strcmp(kind, "slow"))
        x->reply.first_delay_ms = (unsigned)ms;
    else if (!strcmp(kind, "drip"))
        reply_drip(&x->reply, (unsigned)ms);
    else if (x->reply.streamed)
        stream_fault(x, fault, kind);
    else if (!strcmp(kind, "reset") || !strcmp(kind, "hang") || !strcmp(kind, "cut")) {
        /* Half of a plain body, then the end that was asked for. */
        x->reply.bytes.len /= 2;
        reply_drip(&x->reply, 0);
        x->reply.ending = kind[0] == 'h' ? END_HANG : END_RESET;
    } else if (!strcmp(kind, "garbage")) {
        reply_text(&x->reply, 200, "application/json", "{\"broken\": ");
    }
}

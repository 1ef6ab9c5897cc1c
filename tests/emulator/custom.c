/*
 * A container of the customer's own, in a scenario of his own. Whatever its path, it says what
 * arrived, but for a few paths that misbehave or are typical:
 *
 *     /v1/models/NAME:predict   TensorFlow Serving's call: {"instances":[..]} -> {"predictions":[..]}
 *     /bytes                    the body as it came, with its content type
 *     /stream?n=N&ms=M          N lines of text, M ms apart
 *     /status/CODE              that status
 *     /rude                     a cookie, a redirect, and headers that must not reach a caller
 */
#include "inference.h"
#include "json.h"
#include "tenant.h"
#include "wire.h"

#include <stdlib.h>
#include <string.h>

static void custom_refuse(struct exchange *x, unsigned status, const char *message)
{
    reply_text(&x->reply, status, "text/plain", message);
}

static void custom_error_event(struct exchange *x, unsigned status, struct buf *out)
{
    (void)x;
    (void)status;
    (void)out;
}

const struct family custom_family = {"custom", custom_refuse, custom_error_event};

static enum MHD_Result add_header(void *cls, enum MHD_ValueKind kind, const char *name,
                                  const char *value)
{
    struct buf *out = cls;

    (void)kind;
    if (strcasecmp(name, "Authorization"))
        buf_json(out, ",%q:%q", name, value ? value : "");
    return MHD_YES;
}

static void echo(struct exchange *x)
{
    struct buf headers = {&x->pool, NULL, 0, 0};

    MHD_get_connection_values(x->connection, MHD_HEADER_KIND, add_header, &headers);
    reply_json(&x->reply, 200,
               "{'method':%q,'deployment':%q,'path':%q,'query':%q,'body_base64':%q,'headers':{"
               "'-':''%s}}",
               x->method, x->deployment->id, x->suffix, x->query,
               base64_encode(&x->pool, buf_str(&x->body), x->body.len),
               headers.at ? headers.at : "");
    reply_header(&x->reply, "ETag", "\"v1\"");
}

static void bytes(struct exchange *x)
{
    const char *type = exchange_header(x, "Content-Type");

    reply_text(&x->reply, 200, type ? type : "application/octet-stream", "");
    buf_add(&x->reply.bytes, buf_str(&x->body), x->body.len);
}

static void stream(struct exchange *x)
{
    const char *n = exchange_argument(x, "n"), *ms = exchange_argument(x, "ms");
    int i, count = n ? atoi(n) : 3, pause = ms ? atoi(ms) : 0;

    reply_open(&x->reply, "text/x-lines");
    for (i = 0; i < count; i++) {
        buf_text(&x->reply.bytes, pool_printf(&x->pool, "line %d\n", i));
        reply_event(&x->reply, i ? (unsigned)pause : 0);
    }
}

static void rude(struct exchange *x)
{
    reply_text(&x->reply, 200, "text/plain", "rude");
    reply_header(&x->reply, "Set-Cookie", "session=secret");
    reply_header(&x->reply, "Location", "http://internal.example.test/");
    reply_header(&x->reply, "Status", "418 I am a teapot");
    reply_header(&x->reply, "X-Sendfile", "/etc/passwd");
    reply_header(&x->reply, "X-Accel-Redirect", "/etc/passwd");
    reply_header(&x->reply, "Connection", "X-Hop");
    reply_header(&x->reply, "X-Hop", "hop");
    reply_header(&x->reply, "X-Feature", "on");
}

static void model_predict(struct exchange *x)
{
    const char *why;
    const cJSON *instances;

    if (!exchange_is(x, "POST")) {
        custom_refuse(x, 405, "Method Not Allowed");
        return;
    }
    instances = exchange_json(x, &why) ? json_get(x->json, "instances") : NULL;
    if (!cJSON_IsArray(instances))
        reply_json(&x->reply, 400, "{'error':'Missing \'instances\' key'}");
    else
        reply_json(&x->reply, 200, "{'predictions':%s}", json_text(&x->pool, instances));
}

void custom_answer(struct exchange *x)
{
    size_t len = strlen(x->suffix);

    if (!strncmp(x->suffix, "/v1/models/", 11) && len > 8 &&
        !strcmp(x->suffix + len - 8, ":predict"))
        model_predict(x);
    else if (!strcmp(x->suffix, "/bytes"))
        bytes(x);
    else if (!strcmp(x->suffix, "/stream"))
        stream(x);
    else if (!strncmp(x->suffix, "/status/", 8))
        reply_text(&x->reply, (unsigned)atoi(x->suffix + 8), "text/plain", "as you like");
    else if (!strcmp(x->suffix, "/rude"))
        rude(x);
    else
        echo(x);
}

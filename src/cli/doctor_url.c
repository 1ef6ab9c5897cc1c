/* corelay doctor: through the web server, as a caller. */
#include <stdio.h>

#include "cli/doctor.h"

/* A stream that arrives within this of its end has been held back, if it took longer to make. */
enum { BURST_MS = 100, STREAM_MS = 500 };

static const char NO_AUTHORIZATION[] =
    "the web server does not pass the Authorization header on: Apache needs CGIPassAuth On (in "
    "<Location>) with mod_proxy_fcgi or CGI, FcgidPassHeader Authorization with mod_fcgid";
static const char BUFFERED[] =
    "the web server holds the stream back: lighttpd server.stream-response-body = 2, nginx "
    "fastcgi_buffering off, mod_proxy_fcgi flushpackets=on, mod_fcgid FcgidOutputBufferSize 0; "
    "and no compression of text/event-stream";

static const char *hint_for(int code)
{
    switch (code) {
    case 0:
        return "does the web server run, and is this its address?";
    case 401:
        return "is the key in the configuration that the responder reads?";
    case 403:
    case 404:
        return "is the gateway mounted at this address? --url is what stands in front of /v1";
    case 500:
    case 502:
    case 503:
        return "does the responder run? see the log of the web server";
    default:
        return NULL;
    }
}

static int list_models(struct session *s, struct buf *text)
{
    const struct session_call call = {.method = "GET", .path = "/v1/models"};
    struct session_answer answer;

    if (session_do(s, &call, &answer) || answer.http_status != 200)
        session_error_text(&answer, text);
    int code = answer.http_status;
    buf_free(&answer.body);
    return code;
}

/* Leaves the session sending the key in that header. */
static bool taken_as_x_api_key(struct session *s)
{
    struct buf text = {0};

    s->x_api_key = true;
    int code = list_models(s, &text);
    buf_free(&text);
    return code == 200;
}

/* Is the caller let in, and does the usual header arrive? */
static bool try_key(struct doctor *d, struct session *s)
{
    struct buf text = {0};
    int code = list_models(s, &text);

    if (code == 200) {
        doctor_report(d, DOCTOR_OK, "key", NULL, "%s takes it", s->url);
    } else if (code == 401 && s->key && taken_as_x_api_key(s)) {
        doctor_report(d, DOCTOR_FAILED, "key", NO_AUTHORIZATION,
                      "%s: taken as x-api-key, but not as Authorization", s->url);
        code = 200;
    } else {
        doctor_report(d, DOCTOR_FAILED, "key", hint_for(code), "%s: %.*s", s->url,
                      STR_ARG(buf_str(&text)));
    }
    buf_free(&text);
    return code == 200;
}

static void ignore_piece(void *arg, struct str bytes)
{
    (void)arg;
    (void)bytes;
}

static void write_question(struct buf *out, struct str model)
{
    struct jwrite w = jwrite_to(out);

    jwrite_object(&w);
    jwrite_member_str(&w, "model", model);
    jwrite_member_bool(&w, "stream", true);
    jwrite_member_raw(&w, "messages",
                      STR("[{\"role\":\"user\",\"content\":\"Count from 1 to 100, one number a "
                          "line, nothing else.\"}]"));
    jwrite_end(&w);
}

static void judge(struct doctor *d, const struct session_answer *a, struct str model)
{
    long long spread_ms = a->end_ms - a->first_ms;

    if (spread_ms >= BURST_MS)
        doctor_report(d, DOCTOR_OK, "stream", NULL,
                      "%.*s: the first bytes came after %lld ms, the last %lld ms later",
                      STR_ARG(model), (long long)a->first_ms, spread_ms);
    else if (a->end_ms >= STREAM_MS)
        doctor_report(d, DOCTOR_FAILED, "stream", BUFFERED,
                      "%.*s: all bytes came at once, after %lld ms", STR_ARG(model),
                      (long long)a->first_ms);
    else
        doctor_report(d, DOCTOR_SKIPPED, "stream", "name a slower model with --model",
                      "%.*s: the whole answer took %lld ms, too little to tell", STR_ARG(model),
                      (long long)a->end_ms);
}

static void try_stream(struct doctor *d, struct session *s, struct str model)
{
    struct buf body = {0}, text = {0};
    struct session_answer answer;

    write_question(&body, model);
    const struct session_call call = {.method = "POST",
                                      .path = "/v1/chat/completions",
                                      .body = buf_str(&body),
                                      .piece = ignore_piece};
    if (session_do(s, &call, &answer) == OK && answer.http_status == 200) {
        judge(d, &answer, model);
    } else {
        session_error_text(&answer, &text);
        doctor_report(d, DOCTOR_FAILED, "stream", hint_for(answer.http_status), "%.*s: %.*s",
                      STR_ARG(model), STR_ARG(buf_str(&text)));
    }
    buf_free(&answer.body);
    buf_free(&body);
    buf_free(&text);
}

void doctor_url(struct doctor *d, const char *url, const char *key, const char *model)
{
    struct session s;
    struct buf name = {0};

    if (session_open_url(&s, url, key) == OK && try_key(d, &s)) {
        if (model)
            buf_add_cstr(&name, model);
        if (model || session_first_model(&s, &name) == OK)
            try_stream(d, &s, buf_str(&name));
        else
            doctor_report(d, DOCTOR_FAILED, "stream", NULL, "%s: there is no model to ask", url);
    }
    session_close(&s);
    buf_free(&name);
}

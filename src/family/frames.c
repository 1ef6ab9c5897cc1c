/* The frame splitter: one buffer, one state per encoding, no byte looked at twice. */
#include "family/frames.h"

#include <ctype.h>
#include <stdlib.h>

#include "base/crypto.h"
#include "base/jspan.h"
#include "base/jwrite.h"
#include "family/aws_eventstream.h"
#include "family/json_scan.h"
#include "family/python_literal.h"

enum { SHOWN = 8 }; /* bytes of a broken binary frame that are handed out */

enum encoding { UNDECIDED, SERVER_SENT, JSON_VALUES, AWS_BINARY, LOST };

struct frames {
    enum encoding encoding;
    bool aws_expected; /* by the Content-Type */
    bool begun;        /* the first bytes were looked at */
    bool ended;
    struct buf in;
    size_t at;             /* everything in front of it is consumed */
    size_t scanned;        /* nothing ends between `at` and here */
    struct json_scan scan; /* JSON_VALUES: of the value at `at`; SERVER_SENT: of `data` */

    /* Server-sent events only. */
    struct buf event, data;
    size_t data_scanned;
    bool skip_lf;  /* the last line ended in CR: an LF may follow that belongs to it */
    bool has_data; /* `data` holds a frame that is not complete yet */
    bool given;    /* `data` was handed out: forget it at the next call */
};

struct frames *frames_new(struct str content_type)
{
    struct frames *f = calloc(1, sizeof *f);
    if (f)
        f->aws_expected = str_find(content_type, "amazon.eventstream") < content_type.n;
    return f;
}

void frames_free(struct frames *f)
{
    if (!f)
        return;
    buf_free(&f->in);
    buf_free(&f->event);
    buf_free(&f->data);
    free(f);
}

static void forget_given(struct frames *f)
{
    if (!f->given)
        return;
    buf_clear(&f->data);
    buf_clear(&f->event);
    f->scan = (struct json_scan){0};
    f->data_scanned = 0;
    f->given = f->has_data = false;
}

status frames_push(struct frames *f, struct str bytes)
{
    forget_given(f);
    buf_shift(&f->in, f->at);
    f->scanned = f->scanned > f->at ? f->scanned - f->at : 0;
    f->at = 0;
    if (bytes.n > FRAME_MAX_BYTES || f->in.n + f->data.n > FRAME_MAX_BYTES - bytes.n)
        return E_LIMIT;
    buf_add_str(&f->in, bytes);
    return frames_failed(f) ? E_NOMEM : OK;
}

status frames_end(struct frames *f)
{
    f->ended = true;
    return frames_failed(f) ? E_NOMEM : OK;
}

bool frames_failed(const struct frames *f)
{
    return f->in.failed || f->data.failed || f->event.failed;
}

static struct str rest_of(const struct frames *f)
{
    return f->in.n ? str_slice(buf_str(&f->in), f->at, f->in.n) : STR_NONE;
}

static void consume(struct frames *f, size_t to)
{
    f->at = f->scanned = to;
}

static void consume_space(struct frames *f)
{
    while (f->at < f->in.n && isspace((unsigned char)f->in.p[f->at]))
        consume(f, f->at + 1);
}

/* Does the rest begin with `word`? MAYBE: too little has come to tell. */
enum begins { BEGINS_NOT, BEGINS_MAYBE, BEGINS };

static enum begins begins(const struct frames *f, const char *word)
{
    struct str rest = rest_of(f);
    size_t n = strlen(word);
    bool same = rest.n == 0 || memcmp(rest.p, word, rest.n < n ? rest.n : n) == 0;

    if (!same)
        return BEGINS_NOT;
    if (rest.n >= n)
        return BEGINS;
    return f->ended ? BEGINS_NOT : BEGINS_MAYBE;
}

/* --- server-sent events (WHATWG HTML, section 9.2) ------------------------------------------- */

/* How many bytes of `s` stand in front of its first LF or CR. */
static size_t line_length(struct str s)
{
    const char *lf = s.n ? memchr(s.p, '\n', s.n) : NULL;
    size_t n = lf ? (size_t)(lf - s.p) : s.n;
    const char *cr = n ? memchr(s.p, '\r', n) : NULL;

    return cr ? (size_t)(cr - s.p) : n;
}

static bool next_line(struct frames *f, struct str *line)
{
    if (f->skip_lf && f->at < f->in.n) {
        if (f->in.p[f->at] == '\n')
            consume(f, f->at + 1);
        f->skip_lf = false;
    }
    size_t i = f->scanned + line_length(str_slice(buf_str(&f->in), f->scanned, f->in.n));
    f->scanned = i;
    if (i == f->in.n && (!f->ended || f->at == f->in.n))
        return false;
    *line = str_slice(buf_str(&f->in), f->at, i);
    f->skip_lf = i < f->in.n && f->in.p[i] == '\r';
    consume(f, i < f->in.n ? i + 1 : i);
    return true;
}

static void give_data(struct frames *f, struct frame *out)
{
    out->event = buf_str(&f->event);
    out->data = buf_str(&f->data);
    f->given = true;
}

static bool opens_value(struct str s)
{
    s = str_trim(s);
    return s.n && (s.p[0] == '{' || s.p[0] == '[');
}

static void add_data(struct frames *f, struct str value)
{
    if (f->has_data)
        buf_add_char(&f->data, '\n');
    f->has_data = true;
    buf_add_str(&f->data, value);
}

/* Is `data` a whole JSON value? Looked at when somebody wants to know, which is rare. */
static bool data_is_whole(struct frames *f)
{
    json_scan_text(&f->scan, str_slice(buf_str(&f->data), f->data_scanned, f->data.n));
    f->data_scanned = f->data.n;
    return f->scan.complete;
}

/* One line. True when a frame is complete and in `*out`; `*again`: the line was not used up. */
static bool take_line(struct frames *f, struct str line, struct frame *out, bool *again)
{
    struct str value = line;
    struct str field = str_cut(&value, ':');

    *again = false;
    if (line.n == 0) {
        if (f->has_data)
            give_data(f, out);
        else
            buf_clear(&f->event); /* an event without data is none */
        return f->has_data;
    }
    if (line.p[0] == '{' || line.p[0] == '[') { /* a bare JSON line */
        *again = f->has_data;
        if (f->has_data)
            give_data(f, out);
        else
            *out = (struct frame){.data = line};
        return true;
    }
    if (value.n && value.p[0] == ' ')
        value = str_slice(value, 1, value.n);
    if (str_is(field, "data")) {
        /* Some senders leave the blank line out: then each line is a whole value. */
        if (f->has_data && opens_value(value) && data_is_whole(f)) {
            *again = true;
            give_data(f, out);
            return true;
        }
        add_data(f, value);
    } else if (str_is(field, "event")) {
        buf_clear(&f->event);
        buf_add_str(&f->event, value);
    }
    return false;
}

static bool next_server_sent(struct frames *f, struct frame *out)
{
    struct str line;
    bool again;

    while (next_line(f, &line)) {
        if (take_line(f, line, out, &again)) {
            if (again) {
                f->skip_lf = false;
                consume(f, (size_t)(line.p - f->in.p));
            }
            return true;
        }
    }
    if (!f->ended || !f->has_data)
        return false;
    give_data(f, out);
    return true;
}

/* --- JSON array or JSON values behind each other --------------------------------------------- */

/* To the first byte of the next value; false when it has not come yet. */
static bool find_value(struct frames *f)
{
    for (;;) {
        consume_space(f);
        if (f->at == f->in.n)
            return false;
        char c = f->in.p[f->at];
        enum begins done = begins(f, "[DONE]"), data = begins(f, "data:");
        if (done == BEGINS_MAYBE || data == BEGINS_MAYBE)
            return false;
        if (data == BEGINS)
            consume(f, f->at + 5);
        else if (c == ',' || c == ']' || (c == '[' && done != BEGINS))
            consume(f, f->at + 1);
        else
            return true;
    }
}

static bool give_value(struct frames *f, size_t end, struct frame *out)
{
    *out = (struct frame){.data = str_slice(buf_str(&f->in), f->at, end)};
    consume(f, end);
    f->scan = (struct json_scan){0};
    return true;
}

static bool next_value(struct frames *f, struct frame *out)
{
    if (f->scanned == f->at && !find_value(f))
        return false;
    bool container = f->in.p[f->at] == '{' || f->in.p[f->at] == '[';
    for (size_t i = f->scanned; i < f->in.n; i++) {
        char c = f->in.p[i];
        if (container ? json_scan_byte(&f->scan, c) : c == '\n')
            return give_value(f, i + 1, out);
    }
    f->scanned = f->in.n;
    return f->ended && f->at < f->in.n ? give_value(f, f->in.n, out) : false;
}

/* --- AWS event stream ------------------------------------------------------------------------ */

/* {"bytes":"<base64 of one JSON event>","p":"<padding>"}: what InvokeModel wraps its chunks in. */
static struct str unwrap_chunk(struct arena *scratch, struct str payload)
{
    struct jspan *body;

    if (jspan_parse(scratch, payload, &body, NULL))
        return payload;
    return crypto_unbase64(scratch, jspan_str(scratch, jspan_get(body, "bytes")));
}

static struct str name_payload(struct arena *scratch, struct str name, struct str payload)
{
    struct str key = jspan_quote(scratch, name);

    return arena_printf(scratch, "{%.*s:%.*s}", STR_ARG(key), STR_ARG(payload));
}

static struct str exception_json(struct arena *scratch, const struct aws_frame *a)
{
    struct str name = a->exception_type.n ? a->exception_type : a->error_code;
    struct jspan *body;
    struct str message = a->error_message;

    if (!jspan_parse(scratch, a->payload, &body, NULL) &&
        jspan_is(jspan_get(body, "message"), JSPAN_STRING))
        message = jspan_str(scratch, jspan_get(body, "message"));
    else if (!message.n)
        message = a->payload;
    struct str quoted = jspan_quote(scratch, message);
    return name_payload(scratch, name.n ? name : STR("error"),
                        arena_printf(scratch, "{\"message\":%.*s}", STR_ARG(quoted)));
}

static bool next_aws(struct frames *f, struct arena *scratch, struct frame *out)
{
    struct aws_frame a;
    struct str rest = rest_of(f);
    enum aws_next next = rest.n ? aws_eventstream_next(rest, &a) : AWS_NEED_MORE;

    if (next == AWS_NEED_MORE && (!f->ended || !rest.n))
        return false;
    if (next == AWS_NEED_MORE) {
        *out = (struct frame){.data = rest};
        consume(f, f->in.n);
        return true;
    }
    if (next == AWS_BROKEN) { /* nothing behind it can be found any more */
        *out = (struct frame){.data = str_slice(rest, 0, rest.n < SHOWN ? rest.n : SHOWN)};
        f->encoding = LOST;
        return true;
    }
    consume(f, f->at + a.total_bytes);
    *out = (struct frame){.event = a.event_type};
    if (a.message_type.n && !str_is(a.message_type, "event"))
        out->data = exception_json(scratch, &a);
    else if (str_is(a.event_type, "chunk"))
        out->data = unwrap_chunk(scratch, a.payload);
    else
        out->data = name_payload(scratch, a.event_type, a.payload.n ? a.payload : STR("{}"));
    return true;
}

/* --- all ------------------------------------------------------------------------------------- */

/* What the very first bytes say: binary, or text with a byte order mark. False: too few. */
static bool look_at_beginning(struct frames *f)
{
    unsigned char first = (unsigned char)f->in.p[f->at];
    enum begins bom = begins(f, "\xef\xbb\xbf");

    if (first == 0 || (f->aws_expected && first == 1)) /* no text begins so: a length */
        f->encoding = AWS_BINARY;
    if (bom == BEGINS)
        consume(f, 3);
    f->begun = bom != BEGINS_MAYBE;
    return f->begun;
}

/* The first byte that says something decides; false while there is none. */
static bool decide(struct frames *f)
{
    if (f->at < f->in.n && !f->begun && !look_at_beginning(f))
        return false;
    if (f->encoding == AWS_BINARY)
        return true;
    consume_space(f);
    if (f->at == f->in.n)
        return false;
    f->encoding = opens_value(rest_of(f)) ? JSON_VALUES : SERVER_SENT;
    return true;
}

/* Python's way to print a dict is understood where JSON it is not: JSON has single quotes within
   strings alone. */
static bool looks_like_python(struct str data)
{
    struct json_scan scan = {0};

    if (!opens_value(data) || !memchr(data.p, '\'', data.n))
        return false;
    for (size_t i = 0; i < data.n; i++) {
        json_scan_byte(&scan, data.p[i]);
        if (scan.quote == '\'')
            return true;
    }
    return false;
}

static struct str as_json(struct arena *scratch, struct str data)
{
    struct str json;

    if (!looks_like_python(data))
        return data;
    return python_literal_to_json(scratch, data, &json) == OK ? json : data;
}

bool frames_next(struct frames *f, struct arena *scratch, struct frame *out)
{
    bool found = false;

    forget_given(f);
    if (f->encoding == UNDECIDED && !decide(f))
        return false;
    if (f->encoding == LOST) {
        consume(f, f->in.n);
        return false;
    }
    if (f->encoding == AWS_BINARY)
        return next_aws(f, scratch, out);
    if (f->encoding == JSON_VALUES)
        found = next_value(f, out);
    else
        found = next_server_sent(f, out);
    found = found && !frames_failed(f);
    if (found)
        out->data = as_json(scratch, out->data);
    return found;
}

void frame_render(const struct frame *frame, struct buf *out)
{
    struct str rest = frame->data;
    bool more = true;

    if (frame->event.n) {
        buf_add_cstr(out, "event: ");
        buf_add_str(out, frame->event);
        buf_add_char(out, '\n');
    }
    while (more) {
        size_t n = line_length(rest);
        buf_add_cstr(out, "data: ");
        buf_add_str(out, str_slice(rest, 0, n));
        buf_add_char(out, '\n');
        more = n < rest.n;
        rest = more ? str_slice(rest, n + 1, rest.n) : STR_NONE;
    }
    buf_add_char(out, '\n');
}

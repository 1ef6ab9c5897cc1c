/* Rendered replies. See reply.h. */
#include "reply.h"

#include "settings.h"

#include <string.h>
#include <strings.h>

void reply_header(struct reply *reply, const char *name, const char *value)
{
    int i;

    for (i = 0; i < reply->header_count; i++)
        if (!strcasecmp(reply->names[i], name))
            break;
    if (i == MAX_REPLY_HEADERS)
        return;
    reply->names[i] = name;
    reply->values[i] = value;
    if (i == reply->header_count)
        reply->header_count++;
}

static void reply_start(struct reply *reply, unsigned status, const char *type)
{
    reply->status = status;
    reply->bytes.len = 0;
    reply->segment_count = 0;
    reply->opening = 0;
    reply->event_from = 0;
    reply_header(reply, "Content-Type", type);
}

void reply_text(struct reply *reply, unsigned status, const char *type, const char *text)
{
    reply_start(reply, status, type);
    reply->streamed = false;
    buf_text(&reply->bytes, text);
}

void reply_json(struct reply *reply, unsigned status, const char *format, ...)
{
    va_list args;

    reply_start(reply, status, "application/json");
    reply->streamed = false;
    va_start(args, format);
    buf_vjson(&reply->bytes, format, args);
    va_end(args);
}

void reply_open(struct reply *reply, const char *type)
{
    reply_start(reply, 200, type);
    reply->streamed = true;
}

static void segment_add(struct reply *reply, size_t from, size_t len, unsigned delay_ms, bool ends)
{
    if (reply->segment_count == reply->segment_cap) {
        reply->segment_cap = reply->segment_cap ? reply->segment_cap * 2 : 16;
        reply->segments = pool_grow(reply->bytes.pool, reply->segments,
                                    reply->segment_cap * sizeof *reply->segments);
    }
    reply->segments[reply->segment_count++] = (struct segment){from, len, delay_ms, ends};
}

/* Where to cut so that the first multi-byte character is split, 0 if there is none. */
static size_t split_point(const char *text, size_t len)
{
    size_t i;

    for (i = 0; i + 1 < len; i++)
        if ((unsigned char)text[i] >= 0xc2 && ((unsigned char)text[i + 1] & 0xc0) == 0x80)
            return i + 1;
    return 0;
}

void reply_event(struct reply *reply, unsigned delay_ms)
{
    size_t from = reply->event_from, len = reply->bytes.len - from, cut = 0;

    if (!len)
        return;
    if (settings.split_utf8)
        cut = split_point(reply->bytes.at + from, len);
    if (cut)
        segment_add(reply, from, cut, delay_ms, false);
    segment_add(reply, from + cut, len - cut, cut ? 0 : delay_ms, true);
    reply->event_from = reply->bytes.len;
}

void reply_content_begins(struct reply *reply)
{
    if (!reply->opening)
        reply->opening = reply_event_count(reply);
}

size_t reply_event_count(const struct reply *reply)
{
    size_t i, n = 0;

    for (i = 0; i < reply->segment_count; i++)
        n += reply->segments[i].ends_event;
    return n;
}

void reply_cut(struct reply *reply, size_t events)
{
    size_t i, end;

    for (i = 0; i < reply->segment_count && events; i++)
        events -= reply->segments[i].ends_event;
    reply->segment_count = i;
    end = i ? reply->segments[i - 1].from + reply->segments[i - 1].len : 0;
    reply->bytes.len = end;
    reply->event_from = end;
}

void reply_drip(struct reply *reply, unsigned delay_ms)
{
    struct segment *old = reply->segments;
    size_t i, j, count = reply->segment_count;

    if (!reply->streamed) {
        reply->streamed = true;
        for (i = 0; i < reply->bytes.len; i++)
            segment_add(reply, i, 1, delay_ms, i + 1 == reply->bytes.len);
        return;
    }
    reply->segments = NULL;
    reply->segment_count = reply->segment_cap = 0;
    for (i = 0; i < count; i++)
        for (j = 0; j < old[i].len; j++)
            segment_add(reply, old[i].from + j, 1, delay_ms,
                        old[i].ends_event && j + 1 == old[i].len);
}

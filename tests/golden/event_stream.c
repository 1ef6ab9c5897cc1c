/* AWS, "Event stream encoding"; see src/family/aws_eventstream.h for the layout. */
#include "event_stream.h"

enum { PRELUDE_BYTES = 8, CRC_BYTES = 4, TYPE_STRING = 7 };

static uint32_t crc32_of(const char *p, size_t n)
{
    uint32_t crc = 0xffffffffu;

    for (size_t i = 0; i < n; i++) {
        crc ^= (unsigned char)p[i];
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (crc & 1 ? 0xedb88320u : 0);
    }
    return ~crc;
}

static void add_number(struct buf *out, uint32_t n, int bytes)
{
    while (bytes--)
        buf_add_char(out, (char)(n >> (8 * bytes) & 0xff));
}

static void add_header(struct buf *out, const char *name, struct str value)
{
    add_number(out, (uint32_t)strlen(name), 1);
    buf_add_cstr(out, name);
    add_number(out, TYPE_STRING, 1);
    add_number(out, (uint32_t)value.n, 2);
    buf_add_str(out, value);
}

static void add_frame(struct buf *out, struct str type, struct str payload)
{
    struct buf headers = {0};
    size_t begin = out->n;
    bool exception = str_starts(type, "!");

    add_header(&headers, exception ? ":exception-type" : ":event-type",
               exception ? str_slice(type, 1, type.n) : type);
    add_header(&headers, ":content-type", STR("application/json"));
    add_header(&headers, ":message-type", exception ? STR("exception") : STR("event"));
    size_t total = PRELUDE_BYTES + CRC_BYTES + headers.n + payload.n + CRC_BYTES;
    add_number(out, (uint32_t)total, 4);
    add_number(out, (uint32_t)headers.n, 4);
    add_number(out, crc32_of(out->p + begin, PRELUDE_BYTES), 4);
    buf_add_str(out, buf_str(&headers));
    buf_add_str(out, payload);
    add_number(out, crc32_of(out->p + begin, out->n - begin), 4);
    buf_free(&headers);
}

void event_stream_from_text(struct str lines, struct buf *out)
{
    while (lines.n) {
        struct str payload = str_cut(&lines, '\n');
        struct str type = str_cut(&payload, ' ');
        add_frame(out, type, payload);
    }
}

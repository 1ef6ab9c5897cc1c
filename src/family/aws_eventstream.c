/* The frame reader: lengths first, then both checksums, then the headers. */
#include "family/aws_eventstream.h"

#include <stdint.h>

#include "family/frames.h"

enum { PRELUDE_BYTES = 12, CRC_BYTES = 4 };

/* CRC-32 by half bytes: sixteen entries are enough for frames of some hundred bytes. */
static uint32_t crc32_of(struct str bytes)
{
    static const uint32_t table[16] = {
        0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac, 0x76dc4190, 0x6b6b51f4,
        0x4db26158, 0x5005713c, 0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c,
        0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c,
    };
    uint32_t crc = 0xffffffff;

    for (size_t i = 0; i < bytes.n; i++) {
        crc ^= (unsigned char)bytes.p[i];
        crc = table[crc & 15] ^ crc >> 4;
        crc = table[crc & 15] ^ crc >> 4;
    }
    return ~crc;
}

static uint32_t big_endian(struct str bytes, size_t at, size_t n)
{
    uint32_t value = 0;
    for (size_t i = 0; i < n; i++)
        value = value << 8 | (unsigned char)bytes.p[at + i];
    return value;
}

static bool crc_matches(struct str bytes, size_t covered)
{
    return crc32_of(str_slice(bytes, 0, covered)) == big_endian(bytes, covered, CRC_BYTES);
}

/* Take `n` bytes off the front; false when there are not so many. */
static bool take(struct str *rest, size_t n, struct str *out)
{
    if (rest->n < n)
        return false;
    *out = str_slice(*rest, 0, n);
    *rest = str_slice(*rest, n, rest->n);
    return true;
}

/* A length of `width` bytes and as many bytes as it says. */
static bool take_counted(struct str *rest, size_t width, struct str *out)
{
    struct str length;
    return take(rest, width, &length) && take(rest, big_endian(length, 0, width), out);
}

/* A header's value; only text is of use. */
static bool take_value(struct str *rest, unsigned type, struct str *text)
{
    /* bool true, bool false, byte, short, integer, long, bytes, string, timestamp, uuid */
    static const unsigned char sizes[] = {0, 0, 1, 2, 4, 8, 0, 0, 8, 16};
    struct str skipped;

    *text = STR_NONE;
    switch (type) {
    case 6:
        return take_counted(rest, 2, &skipped);
    case 7:
        return take_counted(rest, 2, text);
    default:
        return type < sizeof sizes && take(rest, sizes[type], &skipped);
    }
}

static void keep_header(struct aws_frame *out, struct str name, struct str value)
{
    const struct {
        const char *name;
        struct str *field;
    } known[] = {
        {":message-type", &out->message_type}, {":event-type", &out->event_type},
        {":content-type", &out->content_type}, {":exception-type", &out->exception_type},
        {":error-code", &out->error_code},     {":error-message", &out->error_message},
    };

    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (str_is(name, known[i].name))
            *known[i].field = value;
}

static bool read_headers(struct str rest, struct aws_frame *out)
{
    while (rest.n) {
        struct str name, type, value;
        if (!take_counted(&rest, 1, &name) || !take(&rest, 1, &type) ||
            !take_value(&rest, (unsigned char)type.p[0], &value))
            return false;
        keep_header(out, name, value);
    }
    return true;
}

enum aws_next aws_eventstream_next(struct str bytes, struct aws_frame *out)
{
    *out = (struct aws_frame){0};
    if (bytes.n < PRELUDE_BYTES)
        return AWS_NEED_MORE;

    size_t total = big_endian(bytes, 0, 4), headers = big_endian(bytes, 4, 4);
    if (!crc_matches(bytes, 8) || total > FRAME_MAX_BYTES || total < PRELUDE_BYTES + CRC_BYTES ||
        headers > total - PRELUDE_BYTES - CRC_BYTES)
        return AWS_BROKEN;
    if (bytes.n < total)
        return AWS_NEED_MORE;
    if (!crc_matches(bytes, total - CRC_BYTES) ||
        !read_headers(str_slice(bytes, PRELUDE_BYTES, PRELUDE_BYTES + headers), out))
        return AWS_BROKEN;
    out->payload = str_slice(bytes, PRELUDE_BYTES + headers, total - CRC_BYTES);
    out->total_bytes = total;
    return AWS_FRAME;
}

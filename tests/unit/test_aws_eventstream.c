/* Frames as AWS prints them in its description of the encoding, and damaged ones. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/buf.h"
#include "family/aws_eventstream.h"
#include "family/frames.h"

/* An independent CRC, bit by bit. */
static uint32_t slow_crc(const char *p, size_t n)
{
    uint32_t crc = 0xffffffff;
    for (size_t i = 0; i < n; i++) {
        crc ^= (unsigned char)p[i];
        for (int bit = 0; bit < 8; bit++)
            crc = crc & 1 ? crc >> 1 ^ 0xedb88320 : crc >> 1;
    }
    return ~crc;
}

static void add_number(struct buf *out, uint32_t value, int bytes)
{
    while (bytes--)
        buf_add_char(out, (char)(value >> 8 * bytes));
}

static void add_text_header(struct buf *out, const char *name, const char *value)
{
    add_number(out, (uint32_t)strlen(name), 1);
    buf_add_cstr(out, name);
    add_number(out, 7, 1);
    add_number(out, (uint32_t)strlen(value), 2);
    buf_add_cstr(out, value);
}

static void add_frame(struct buf *out, const struct buf *headers, struct str payload)
{
    size_t from = out->n;
    add_number(out, (uint32_t)(16 + headers->n + payload.n), 4);
    add_number(out, (uint32_t)headers->n, 4);
    add_number(out, slow_crc(out->p + from, 8), 4);
    buf_add_str(out, buf_str(headers));
    buf_add_str(out, payload);
    add_number(out, slow_crc(out->p + from, out->n - from), 4);
}

/* A chunk with headers of every type around those that count. */
static void add_chunk(struct buf *out)
{
    struct buf headers = {0};

    add_text_header(&headers, ":event-type", "chunk");
    buf_add(&headers, "\1a\0\1b\1\1c\2x\1d\3xx\1e\4xxxx\1f\5xxxxxxxx", 33);
    buf_add(&headers, "\1g\6\0\3abc\1h\10xxxxxxxx\1i\11xxxxxxxxxxxxxxxx", 38);
    add_text_header(&headers, ":content-type", "application/json");
    add_text_header(&headers, ":message-type", "event");
    add_frame(out, &headers, STR("{\"bytes\":\"e30=\"}"));
    buf_free(&headers);
}

static void reads_the_published_vector(void **state)
{
    static const char empty[] = "\x00\x00\x00\x10\x00\x00\x00\x00\x05\xc2\x48\xeb\x7d\x98\xc8\xff";
    struct aws_frame frame;

    (void)state;
    assert_int_equal(aws_eventstream_next((struct str){empty, 16}, &frame), AWS_FRAME);
    assert_int_equal(frame.total_bytes, 16);
    assert_int_equal(frame.payload.n, 0);
}

static void reads_headers_of_every_type(void **state)
{
    struct buf bytes = {0};
    struct aws_frame frame;

    (void)state;
    add_chunk(&bytes);
    assert_int_equal(aws_eventstream_next(buf_str(&bytes), &frame), AWS_FRAME);
    assert_true(str_is(frame.event_type, "chunk"));
    assert_true(str_is(frame.message_type, "event"));
    assert_true(str_is(frame.content_type, "application/json"));
    assert_true(str_is(frame.payload, "{\"bytes\":\"e30=\"}"));
    assert_int_equal(frame.exception_type.n, 0);
    assert_int_equal(frame.total_bytes, bytes.n);
    buf_free(&bytes);
}

static void reads_exceptions_and_errors(void **state)
{
    struct buf bytes = {0}, headers = {0};
    struct aws_frame frame;

    (void)state;
    add_text_header(&headers, ":message-type", "exception");
    add_text_header(&headers, ":exception-type", "throttlingException");
    add_text_header(&headers, ":error-code", "429");
    add_text_header(&headers, ":error-message", "slow down");
    add_frame(&bytes, &headers, STR("{}"));
    assert_int_equal(aws_eventstream_next(buf_str(&bytes), &frame), AWS_FRAME);
    assert_true(str_is(frame.message_type, "exception"));
    assert_true(str_is(frame.exception_type, "throttlingException"));
    assert_true(str_is(frame.error_code, "429"));
    assert_true(str_is(frame.error_message, "slow down"));
    buf_free(&headers);
    buf_free(&bytes);
}

static void waits_for_a_whole_frame(void **state)
{
    struct buf bytes = {0};
    struct aws_frame frame;

    (void)state;
    add_chunk(&bytes);
    size_t first = bytes.n;
    add_chunk(&bytes);
    for (size_t n = 0; n < first; n++)
        assert_int_equal(aws_eventstream_next((struct str){bytes.p, n}, &frame), AWS_NEED_MORE);
    for (size_t n = first; n <= bytes.n; n++) {
        assert_int_equal(aws_eventstream_next((struct str){bytes.p, n}, &frame), AWS_FRAME);
        assert_int_equal(frame.total_bytes, first);
    }
    buf_free(&bytes);
}

static void sees_every_damaged_byte(void **state)
{
    struct buf bytes = {0};
    struct aws_frame frame;

    (void)state;
    add_chunk(&bytes);
    for (size_t i = 0; i < bytes.n; i++) {
        bytes.p[i] ^= 0x10;
        assert_int_equal(aws_eventstream_next(buf_str(&bytes), &frame), AWS_BROKEN);
        bytes.p[i] ^= 0x10;
    }
    buf_free(&bytes);
}

static void check_prelude(uint32_t total, uint32_t headers)
{
    struct buf bytes = {0};
    struct aws_frame frame;

    add_number(&bytes, total, 4);
    add_number(&bytes, headers, 4);
    add_number(&bytes, slow_crc(bytes.p, 8), 4);
    add_number(&bytes, slow_crc(bytes.p, 12), 4);
    assert_int_equal(aws_eventstream_next(buf_str(&bytes), &frame), AWS_BROKEN);
    buf_free(&bytes);
}

static void refuses_impossible_lengths(void **state)
{
    (void)state;
    check_prelude(0, 0);
    check_prelude(15, 0);
    check_prelude(16, 1);
    check_prelude(16, 0xffffffff);
    check_prelude(FRAME_MAX_BYTES + 1, 0);
    check_prelude(0xffffffff, 0);
}

static void refuses_broken_headers(void **state)
{
    static const struct str bad[] = {
        {"\5abc", 4},         {"\1a", 2},      {"\1a\12", 3},
        {"\1a\7\0\5abcd", 9}, {"\1a\4xxx", 6}, {"\1a\7\0", 4},
    };

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct buf bytes = {0}, headers = {0};
        struct aws_frame frame;
        buf_add_str(&headers, bad[i]);
        add_frame(&bytes, &headers, STR("{}"));
        assert_int_equal(aws_eventstream_next(buf_str(&bytes), &frame), AWS_BROKEN);
        buf_free(&headers);
        buf_free(&bytes);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_the_published_vector),
        cmocka_unit_test(reads_headers_of_every_type),
        cmocka_unit_test(reads_exceptions_and_errors),
        cmocka_unit_test(waits_for_a_whole_frame),
        cmocka_unit_test(sees_every_damaged_byte),
        cmocka_unit_test(refuses_impossible_lengths),
        cmocka_unit_test(refuses_broken_headers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

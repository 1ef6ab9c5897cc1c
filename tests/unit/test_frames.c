/* Frames from every encoding, cut at every byte. */
#include "family/frames.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

/* Each frame as "event|data\n". */
static void list_frames(struct frames *f, struct buf *out)
{
    struct frame frame;
    bool more = true;

    while (more) {
        struct arena *scratch = arena_new(0);
        more = frames_next(f, scratch, &frame);
        if (more) {
            buf_add_str(out, frame.event);
            buf_add_char(out, '|');
            buf_add_str(out, frame.data);
            buf_add_char(out, '\n');
        }
        arena_free(scratch);
    }
}

static void push_copy(struct frames *f, struct str piece)
{
    char *copy = test_malloc(piece.n);

    memcpy(copy, piece.p, piece.n);
    assert_int_equal(frames_push(f, (struct str){copy, piece.n}), OK);
    test_free(copy);
}

/* In two pieces cut at `cut`, or byte by byte. */
static void split(const char *type, struct str all, size_t cut, bool bytes, struct buf *out)
{
    struct frames *f = frames_new(str_from(type));

    for (size_t from = 0, to; from < all.n; from = to) {
        to = bytes ? from + 1 : from < cut ? cut : all.n;
        push_copy(f, str_slice(all, from, to));
        list_frames(f, out);
    }
    assert_int_equal(frames_end(f), OK);
    list_frames(f, out);
    frames_free(f);
}

static void expect_bytes(const char *type, struct str all, const char *want)
{
    for (size_t cut = 0; cut <= all.n; cut++) {
        struct buf got = {0};
        split(type, all, cut, cut == 0, &got);
        buf_add_char(&got, '\0');
        if (strcmp(got.p, want) != 0)
            print_error("cut at %zu of %zu\n", cut, all.n);
        assert_string_equal(got.p, want);
        buf_free(&got);
    }
}

static void expect(const char *all, const char *want)
{
    expect_bytes("text/event-stream", str_from(all), want);
    expect_bytes("", str_from(all), want);
}

static void line_ends(void **state)
{
    (void)state;
    expect("data: {\"a\":1}\n\ndata: {\"b\":2}\n\n", "|{\"a\":1}\n|{\"b\":2}\n");
    expect("data: {\"a\":1}\r\n\r\ndata: {\"b\":2}\r\n\r\n", "|{\"a\":1}\n|{\"b\":2}\n");
    expect("event: x\r\ndata: {\"a\":\r\ndata: 1}\r\n\r\n", "x|{\"a\":\n1}\n");
    expect("data: {\"a\":1}\r\rdata: {\"b\":2}\r\r", "|{\"a\":1}\n|{\"b\":2}\n");
    expect("data: {\"a\":1}\n\n\n\n\r\n\r\ndata:[DONE]\n\n", "|{\"a\":1}\n|[DONE]\n");
}

static void fields(void **state)
{
    (void)state;
    expect(": hello\nevent: x\nid: 7\nretry: 10\ndata: {}\n\ndata: 1\n\n", "x|{}\n|1\n");
    expect("event:x\ndata:  two spaces\n\n", "x| two spaces\n");
    expect("data: {\"a\":\ndata: 1}\n\n", "|{\"a\":\n1}\n");
    expect("data\n\n", "|\n");
    expect("event: alone\n\ndata: 1\n\n", "|1\n");
    expect("nonsense\ndata: 1\n\n", "|1\n");
}

static void unusual_ends_and_beginnings(void **state)
{
    (void)state;
    expect("\xef\xbb\xbf"
           "data: {}\n\n",
           "|{}\n");
    expect("\n\n  \ndata: {}", "|{}\n");
    expect("data: {}\n", "|{}\n");
    expect("", "");
    expect("\xef", "");
    expect("\xef\xbb", "");
    expect(": only a comment", "");
}

static void lines_without_blank_ones(void **state)
{
    (void)state;
    expect("data: {\"a\":\"}{\"}\ndata: {\"b\":2}\ndata: [DONE]\n",
           "|{\"a\":\"}{\"}\n|{\"b\":2}\n|[DONE]\n");
    expect("{\"a\":1}\n{\"b\":2}\n", "|{\"a\":1}\n|{\"b\":2}\n");
    expect("{\"a\":1}\ndata: {\"b\":2}\n[DONE]\n", "|{\"a\":1}\n|{\"b\":2}\n|[DONE]\n");
    expect("data: {\"a\":1}\n{\"b\":2}\ndata: {\"c\":3}\n\n",
           "|{\"a\":1}\n|{\"b\":2}\n|{\"c\":3}\n");
}

static void json_array(void **state)
{
    (void)state;
    expect("[{\"a\":\"]},[{\\\"\"}\n,\r\n{\"b\":[1,{\"c\":2}]}]\n",
           "|{\"a\":\"]},[{\\\"\"}\n|{\"b\":[1,{\"c\":2}]}\n");
    expect("[]", "");
    expect("[{\"error\":{\"code\":429}}]", "|{\"error\":{\"code\":429}}\n");
    expect("{\n  \"a\": 1\n}", "|{\n  \"a\": 1\n}\n");
    expect("[{\"cut\":", "|{\"cut\":\n"); /* for the reader to refuse */
}

static void python_literals(void **state)
{
    (void)state;
    expect("data: {'a': 'it\\'s', 'b': None, 'c': True}\n\n",
           "|{\"a\":\"it's\",\"b\":null,\"c\":true}\n");
    expect("data: {\"a\":\"it's None, 'True'\"}\n\n", "|{\"a\":\"it's None, 'True'\"}\n");
    expect("data: {'a': broken\n\n", "|{'a': broken\n");
    expect("data: {\"it's\": 'x'}\n\n", "|{\"it's\":\"x\"}\n");
}

/* --- AWS event stream ------------------------------------------------------------------------ */

static void add_u32(struct buf *b, uint32_t v)
{
    buf_add(b, (char[]){(char)(v >> 24), (char)(v >> 16), (char)(v >> 8), (char)v}, 4);
}

static void add_header(struct buf *b, const char *name, const char *value)
{
    buf_add_char(b, (char)strlen(name));
    buf_add_cstr(b, name);
    buf_add_char(b, 7);
    buf_add_char(b, (char)(strlen(value) >> 8));
    buf_add_char(b, (char)strlen(value));
    buf_add_cstr(b, value);
}

/* CRC-32 of IEEE 802.3, bit by bit. */
static uint32_t checksum(const struct buf *b, size_t from)
{
    uint32_t crc = 0xffffffff;

    for (size_t i = from; i < b->n; i++) {
        crc ^= (unsigned char)b->p[i];
        for (int k = 0; k < 8; k++)
            crc = crc & 1 ? crc >> 1 ^ 0xedb88320 : crc >> 1;
    }
    return ~crc;
}

static void add_frame(struct buf *b, const char *kind, const char *header, const char *type,
                      const char *payload)
{
    struct buf headers = {0};
    size_t from = b->n;

    add_header(&headers, ":message-type", kind);
    add_header(&headers, header, type);
    add_u32(b, (uint32_t)(16 + headers.n + strlen(payload)));
    add_u32(b, (uint32_t)headers.n);
    add_u32(b, checksum(b, from));
    buf_add_str(b, buf_str(&headers));
    buf_add_cstr(b, payload);
    add_u32(b, checksum(b, from));
    buf_free(&headers);
}

static void aws_event_stream(void **state)
{
    struct buf all = {0};
    const char *type = "application/vnd.amazon.eventstream";
    const char *want = "chunk|{\"type\":\"ping\"}\n"
                       "contentBlockDelta|{\"contentBlockDelta\":{\"delta\":{}}}\n"
                       "|{\"throttlingException\":{\"message\":\"slow \\\"down\\\"\"}}\n";

    (void)state;
    add_frame(&all, "event", ":event-type", "chunk",
              "{\"bytes\":\"eyJ0eXBlIjoicGluZyJ9\",\"p\":\"abc\"}");
    add_frame(&all, "event", ":event-type", "contentBlockDelta", "{\"delta\":{}}");
    add_frame(&all, "exception", ":exception-type", "throttlingException",
              "{\"message\":\"slow \\\"down\\\"\"}");
    expect_bytes(type, buf_str(&all), want);
    expect_bytes("application/octet-stream", buf_str(&all), want);
    expect_bytes(type, STR("data: {}\n\n"), "|{}\n"); /* the type may lie */
    buf_free(&all);
}

static void aws_cut_short(void **state)
{
    struct buf all = {0}, got = {0};

    (void)state;
    add_frame(&all, "event", ":event-type", "chunk", "{\"bytes\":\"e30=\"}");
    all.n -= 3;
    split("", buf_str(&all), all.n, false, &got);
    assert_int_equal(got.n, all.n + 2); /* handed out as it is */
    buf_free(&got);
    buf_free(&all);
}

static void ceiling(void **state)
{
    struct frames *f = frames_new(STR_NONE);
    enum { PIECE = 1 << 20 };
    char *piece = test_malloc(PIECE);
    status s = OK;
    int pieces = 0;

    (void)state;
    memset(piece, 'a', PIECE);
    assert_int_equal(frames_push(f, STR("data: ")), OK);
    while (!s && pieces < 32) {
        struct frame frame;
        s = frames_push(f, (struct str){piece, PIECE});
        assert_false(frames_next(f, NULL, &frame));
        pieces++;
    }
    assert_int_equal(s, E_LIMIT);
    assert_int_equal(pieces, FRAME_MAX_BYTES / PIECE);
    frames_free(f);
    test_free(piece);
}

static void rendering(void **state)
{
    struct buf out = {0};
    struct frame frame = {.event = STR("x"), .data = STR("{\"a\":\n1}")};

    (void)state;
    frame_render(&frame, &out);
    frame = (struct frame){.data = STR("[DONE]")};
    frame_render(&frame, &out);
    assert_true(str_is(buf_str(&out), "event: x\ndata: {\"a\":\ndata: 1}\n\ndata: [DONE]\n\n"));
    buf_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(line_ends),
        cmocka_unit_test(fields),
        cmocka_unit_test(unusual_ends_and_beginnings),
        cmocka_unit_test(lines_without_blank_ones),
        cmocka_unit_test(json_array),
        cmocka_unit_test(python_literals),
        cmocka_unit_test(aws_event_stream),
        cmocka_unit_test(aws_cut_short),
        cmocka_unit_test(ceiling),
        cmocka_unit_test(rendering),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

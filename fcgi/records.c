/* A walk along record headers, and the writing of them. */
#include "records.h"

enum {
    HEADER_BYTES = 8,
    VERSION = 1,
    BEGIN = 1,
    ABORT = 2,
    PARAMS = 4,
    STDIN = 5,
    STDOUT = 6,
    END = 3,
    BEGIN_BYTES = 8,
    END_BYTES = 8,
    CONTENT_MAX = 65528 /* a multiple of 8, as the standard likes it */
};

struct record {
    unsigned type, request;
    size_t content, padding;
};

/* The record at `*at`, which moves behind it; false when it is not there as a whole. */
static bool next(const unsigned char *p, size_t n, size_t *at, struct record *out)
{
    const unsigned char *h = p + *at;

    if (n - *at < HEADER_BYTES || h[0] != VERSION)
        return false;
    *out = (struct record){h[1], (unsigned)h[2] << 8 | h[3], (size_t)h[4] << 8 | h[5], h[6]};
    if (n - *at - HEADER_BYTES < out->content + out->padding)
        return false;
    *at += HEADER_BYTES + out->content + out->padding;
    return true;
}

/* Records of one type, up to the empty one. libfcgi forgets the padding of the empty one. */
static bool stream(const unsigned char *p, size_t n, size_t *at, unsigned type, unsigned request)
{
    struct record r;

    do {
        if (!next(p, n, at, &r) || r.type != type || r.request != request)
            return false;
    } while (r.content);
    return !r.padding;
}

bool records_are_request(const unsigned char *p, size_t n)
{
    struct record begin;
    size_t at = 0;

    return next(p, n, &at, &begin) && begin.type == BEGIN && begin.request &&
           begin.content == BEGIN_BYTES && !begin.padding &&
           stream(p, n, &at, PARAMS, begin.request) && stream(p, n, &at, STDIN, begin.request) &&
           at == n;
}

bool records_abort(const unsigned char *p, size_t n)
{
    return n >= 2 && p[1] == ABORT;
}

/* --- an answer ------------------------------------------------------------------------------- */

static void begin_record(struct records *r, int type, int request)
{
    const unsigned char head[HEADER_BYTES] = {
        VERSION, (unsigned char)type, (unsigned char)(request >> 8), (unsigned char)request};

    r->last = r->bytes.n;
    r->open = true;
    buf_add(&r->bytes, head, sizeof head);
}

static size_t content_of(const struct records *r)
{
    return r->bytes.n - r->last - HEADER_BYTES;
}

static void add_content(struct records *r, const void *p, size_t n)
{
    buf_add(&r->bytes, p, n);
    if (r->bytes.failed)
        return;
    r->bytes.p[r->last + 4] = (char)(content_of(r) >> 8);
    r->bytes.p[r->last + 5] = (char)content_of(r);
}

void records_add(struct records *r, int request, const void *p, size_t n)
{
    for (size_t piece; n && !r->bytes.failed; n -= piece) {
        if (!r->open || content_of(r) == CONTENT_MAX)
            begin_record(r, STDOUT, request);
        if (r->bytes.failed)
            return;
        piece = n < CONTENT_MAX - content_of(r) ? n : CONTENT_MAX - content_of(r);
        add_content(r, p, piece);
        p = (const char *)p + piece;
    }
}

void records_close(struct records *r)
{
    r->open = false;
}

void records_end(struct records *r, int request)
{
    static const unsigned char complete[END_BYTES]; /* application status 0, request complete */

    begin_record(r, STDOUT, request);
    begin_record(r, END, request);
    if (!r->bytes.failed)
        add_content(r, complete, sizeof complete);
    records_close(r);
}

/* A walk along record headers. */
#include "records.h"

enum {
    HEADER_BYTES = 8,
    VERSION = 1,
    BEGIN = 1,
    ABORT = 2,
    PARAMS = 4,
    STDIN = 5,
    BEGIN_BYTES = 8
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

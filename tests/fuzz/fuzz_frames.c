/* Any bytes as a stream: the frames do not depend on where it was cut. */
#include <stdint.h>
#include <stdlib.h>

#include "family/frames.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void list(struct frames *f, struct buf *out)
{
    struct frame frame;
    struct arena *scratch = arena_new(0);

    while (frames_next(f, scratch, &frame)) {
        buf_add_str(out, frame.event);
        buf_add_char(out, '\0');
        buf_add_str(out, frame.data);
        buf_add_char(out, '\0');
    }
    arena_free(scratch);
}

static void split(struct str all, size_t step, struct str type, struct buf *out)
{
    struct frames *f = frames_new(type);

    for (size_t from = 0; from < all.n; from += step) {
        size_t to = all.n - from < step ? all.n : from + step;
        if (frames_push(f, str_slice(all, from, to)))
            abort();
        list(f, out);
    }
    if (frames_end(f))
        abort();
    list(f, out);
    frames_free(f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str all = {(const char *)data, size};
    struct str type = size & 1 ? STR("application/vnd.amazon.eventstream") : STR_NONE;
    struct buf whole = {0}, bytes = {0};

    split(all, size ? size : 1, type, &whole);
    split(all, 1, type, &bytes);
    if (!str_eq(buf_str(&whole), buf_str(&bytes)))
        abort();
    buf_free(&whole);
    buf_free(&bytes);
    return 0;
}

/* Any bytes as a run of frames. A frame lies within the bytes it was found in. */
#include <stdint.h>
#include <stdlib.h>

#include "family/aws_eventstream.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str rest = {(const char *)data, size};
    struct aws_frame frame;

    while (aws_eventstream_next(rest, &frame) == AWS_FRAME) {
        if (frame.total_bytes == 0 || frame.total_bytes > rest.n ||
            frame.payload.p + frame.payload.n > rest.p + rest.n)
            abort();
        rest = str_slice(rest, frame.total_bytes, rest.n);
    }
    return 0;
}

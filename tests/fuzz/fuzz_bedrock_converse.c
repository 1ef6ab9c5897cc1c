/* Any bytes as a Converse stream and as a whole answer: events keep their order. */
#include <stdint.h>
#include <stdlib.h>

#include "chat/order.h"
#include "family/family.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static status ignore(struct chat_sink *sink, const struct chat_event *event)
{
    (void)sink, (void)event;
    return OK;
}

static status read_stream(struct family_reader *reader, struct arena *scratch, struct str text)
{
    struct frames *frames = frames_new(STR_NONE);
    struct frame frame;
    status s = frames_push(frames, text);

    if (!s)
        s = frames_end(frames);
    while (!s && frames_next(frames, scratch, &frame))
        s = family_bedrock_converse.read_frame(reader, scratch, &frame);
    frames_free(frames);
    return s ? s : family_bedrock_converse.read_end(reader);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = {(const char *)data, size};
    struct family_model model = {.name = STR("nova")};
    struct family_call call = {.model = &model};
    struct chat_sink end = {ignore};

    for (int stream = 0; stream < 2; stream++) {
        struct arena *arena = arena_new(0);
        call.stream = stream;
        struct family_reader *reader =
            family_bedrock_converse.reader(arena, &call, chat_order_new(arena, &end));
        status s = stream ? read_stream(reader, arena, text)
                          : family_bedrock_converse.read_whole(reader, arena, text);
        if (s == FAIL) /* the order check's */
            abort();
        arena_free(arena);
    }
    return 0;
}

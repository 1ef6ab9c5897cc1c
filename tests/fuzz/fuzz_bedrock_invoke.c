/*
 * Any bytes, three ways: as a body on its way to /invoke, as a stream and as a whole answer. What
 * is prepared is JSON again, and preparing it once more changes nothing; events keep their order.
 */
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

/* The body as it would be sent; empty when it is refused. */
static struct str prepare(struct arena *arena, struct str text, const struct family_call *call)
{
    struct dropped dropped = {.arena = arena};
    struct chat_error err = {0};
    struct jspan *body;

    if (jspan_parse(arena, text, &body, NULL) != OK)
        return STR_NONE;
    if (family_bedrock_invoke.prepare(arena, body, call, &dropped, &err) != OK)
        return STR_NONE;
    return jspan_text(arena, body);
}

static void fuzz_prepare(struct str text, unsigned traits)
{
    struct arena *arena = arena_new(0);
    struct family_model model = {.name = STR("claude"), .traits = traits, .max_output = 8192};
    struct family_call call = {.model = &model, .lane = true, .betas = STR("a,b")};
    struct jspan *again;

    struct str once = prepare(arena, text, &call);
    if (once.n) {
        if (jspan_parse(arena, once, &again, NULL) != OK)
            abort();
        call.betas = STR_NONE;
        struct str twice = prepare(arena, once, &call);
        if (twice.n && !str_eq(once, twice) && traits == 0)
            abort();
    }
    arena_free(arena);
}

static void read_stream(struct str text, const struct family_call *call)
{
    struct arena *arena = arena_new(0), *scratch = arena_new(0);
    struct chat_sink end = {ignore};
    struct family_reader *reader =
        family_bedrock_invoke.reader(arena, call, chat_order_new(arena, &end));
    struct frames *frames = frames_new(STR_NONE);
    struct frame frame;
    struct buf out = {0};
    status s = frames_push(frames, text);

    if (!s)
        s = frames_end(frames);
    while (!s && frames_next(frames, scratch, &frame)) {
        s = family_bedrock_invoke.read_frame(reader, scratch, &frame);
        family_bedrock_invoke.relay(reader, &frame, &out);
    }
    if (!s)
        s = family_bedrock_invoke.read_end(reader);
    if (s == FAIL) /* the order check's */
        abort();
    frames_free(frames);
    buf_free(&out);
    arena_free(scratch);
    arena_free(arena);
}

static void read_whole(struct str text, const struct family_call *call)
{
    struct arena *arena = arena_new(0);
    struct chat_sink end = {ignore};
    struct family_reader *reader =
        family_bedrock_invoke.reader(arena, call, chat_order_new(arena, &end));

    if (family_bedrock_invoke.read_whole(reader, arena, text) == FAIL)
        abort();
    arena_free(arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = {(const char *)data, size};
    struct family_model model = {.name = STR("claude")};
    struct family_call call = {.model = &model, .stream = true};

    if (size == 0)
        return 0;
    fuzz_prepare(text, 0);
    fuzz_prepare(text, ~(unsigned)MODEL_NO_PREFILL);
    read_stream(text, &call);
    call.stream = false;
    read_whole(text, &call);
    return 0;
}

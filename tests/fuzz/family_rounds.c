/* The rounds. */
#include "family_rounds.h"

#include <stdlib.h>

#include "chat/order.h"

/* Counts what comes and mixes it into a sum, so that two readings can be compared. */
struct tally {
    struct chat_sink sink;
    uint64_t sum;
};

static void mix(struct tally *t, struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        t->sum = t->sum * 1099511628211u + (unsigned char)s.p[i];
}

static status add_event(struct chat_sink *sink, const struct chat_event *e)
{
    struct tally *t = (struct tally *)sink;

    t->sum = t->sum * 31 + (unsigned)e->kind + e->choice + e->index + (unsigned)e->stop;
    mix(t, e->id);
    mix(t, e->name);
    mix(t, e->text);
    mix(t, e->signature);
    return OK;
}

static status read_pieces(const struct family *family, struct family_reader *reader, struct str all,
                          size_t cut, struct tally *t)
{
    struct frames *frames = frames_new(STR_NONE);
    struct buf relayed = {0};
    status s = OK;

    for (int piece = 0; piece < 3 && !s; piece++) {
        struct frame frame;
        struct arena *scratch = arena_new(0);
        s = piece == 2   ? frames_end(frames)
            : piece == 1 ? frames_push(frames, str_slice(all, cut, all.n))
                         : frames_push(frames, str_slice(all, 0, cut));
        while (!s && frames_next(frames, scratch, &frame)) {
            s = family->read_frame(reader, scratch, &frame);
            if (!s && family->relay)
                family->relay(reader, &frame, &relayed);
        }
        arena_free(scratch);
    }
    mix(t, buf_str(&relayed));
    buf_free(&relayed);
    frames_free(frames);
    return s ? s : family->read_end(reader);
}

static uint64_t read_stream(const struct family *family, struct family_call *call, struct str all,
                            size_t cut)
{
    struct arena *arena = arena_new(0);
    struct tally t = {.sink = {add_event}};

    call->stream = true;
    struct family_reader *reader = family->reader(arena, call, chat_order_new(arena, &t.sink));
    status s = read_pieces(family, reader, all, cut, &t);
    if (s == FAIL) /* the order check's */
        abort();
    arena_free(arena);
    return t.sum + (unsigned)s;
}

static void read_whole(const struct family *family, struct family_call *call, struct str body)
{
    struct arena *arena = arena_new(0);
    struct tally t = {.sink = {add_event}};

    call->stream = false;
    struct family_reader *reader = family->reader(arena, call, chat_order_new(arena, &t.sink));
    if (family->read_whole(reader, arena, body) == FAIL)
        abort();
    arena_free(arena);
}

static void prepare(const struct family *family, struct family_call *call, struct str body)
{
    struct arena *arena = arena_new(0);
    struct dropped dropped = {.arena = arena};
    struct chat_error err;
    struct buf out = {0};
    struct jspan *root;

    if (jspan_parse(arena, body, &root, NULL) == OK &&
        family->prepare(arena, root, call, &dropped, &err) == OK) {
        jspan_render(root, &out);
        if (jspan_parse(arena, buf_str(&out), &root, NULL))
            abort();
    }
    buf_free(&out);
    arena_free(arena);
}

void family_rounds(const struct family *family, const char *const *models, const uint8_t *data,
                   size_t size)
{
    struct str all = {(const char *)data, size};

    for (size_t i = 0; models[i]; i++) {
        struct family_model model;
        struct family_call call = {.model = &model};
        model_describe(str_from(models[i]), &model);
        uint64_t sum = read_stream(family, &call, all, size);
        if (size && read_stream(family, &call, all, data[size - 1] * size / 256) != sum)
            abort();
        read_whole(family, &call, all);
        if (family->prepare)
            prepare(family, &call, all);
    }
}

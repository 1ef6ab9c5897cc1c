/* Any bytes as a request for embeddings in each dialect, and as the answer of each family to a
   small one: what goes up and what comes down is JSON. */
#include <stdint.h>
#include <stdlib.h>

#include "dialect/dialect.h"
#include "family/family.h"

enum { MEMORY = 256 << 20 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct dialect_embed *const dialects[] = {&embed_openai, &embed_gemini_one,
                                                       &embed_gemini_batch};
static const struct {
    const struct family *family;
    const char *model;
} families[] = {{&family_azure_openai, "text-embedding-3-small"},
                {&family_azure_openai, "text-embedding-ada-002"},
                {&family_openai_compatible, "nvidia--llama-3.2-nv-embedqa-1b"},
                {&family_vertex_gemini, "gemini-embedding"},
                {&family_bedrock_titan, "amazon--titan-embed-text"},
                {&family_bedrock_titan, "amazon--titan-embed-image"}};

static void must(bool held)
{
    if (!held)
        abort();
}

static bool is_json(struct arena *arena, const struct buf *text)
{
    struct jspan *tree;

    return jspan_parse(arena, buf_str(text), &tree, NULL) == OK;
}

static void send(struct arena *arena, const struct embed_request *r)
{
    struct family_model model;
    struct family_call call = {.model = &model};

    for (size_t i = 0; i < sizeof families / sizeof *families; i++) {
        struct dropped dropped = {.arena = arena};
        struct chat_error err = {0};
        struct buf out = {0};
        const struct family_embed *embed = families[i].family->embed;
        model_describe(str_from(families[i].model), &model);
        must(embed->batch(&model) > 0);
        status s = embed->encode(arena, r, &call, &out, &dropped, &err);
        must(s == OK ? is_json(arena, &out) : s != E_SYNTAX || err.message.n > 0);
        buf_free(&out);
    }
}

static void ask(const struct dialect_embed *dialect, struct str text)
{
    struct arena *arena = arena_new(MEMORY);
    struct dropped dropped = {.arena = arena};
    struct embed_request r = {0};
    struct chat_error err = {0};
    struct jspan *body;

    if (jspan_parse(arena, text, &body, NULL) == OK) {
        status s = dialect->decode(arena, body, &r, &dropped, &err);
        if (s == OK)
            send(arena, &r);
        else
            must(s != E_SYNTAX || err.message.n > 0);
    }
    arena_free(arena);
}

/* A dialect renders what a family made of the answer, in both forms. */
static void answer(const struct family *family, struct str text, bool base64)
{
    struct arena *arena = arena_new(MEMORY);
    struct embed_input input = {.text = STR("a")};
    struct embed_request r = {
        .model = STR("m"), .inputs = &input, .count = 1, .dimensions = -1, .base64 = base64};
    struct embed_answer got = {0};

    if (family->embed->decode(arena, &r, text, &got) == OK)
        for (size_t d = 0; d < sizeof dialects / sizeof *dialects; d++) {
            struct buf out = {0};
            if (dialects[d]->render(arena, &r, &got, &out) == OK)
                must(is_json(arena, &out));
            buf_free(&out);
        }
    arena_free(arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = {(const char *)data, size};

    for (size_t d = 0; d < sizeof dialects / sizeof *dialects; d++)
        ask(dialects[d], text);
    for (size_t f = 0; f < sizeof families / sizeof *families; f++) {
        answer(families[f].family, text, false);
        answer(families[f].family, text, true);
    }
    return 0;
}

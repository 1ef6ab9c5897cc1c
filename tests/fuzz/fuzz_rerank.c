/* Any bytes as a request to order documents, and as the answer to a small one: what goes up and what
   comes down is JSON. */
#include <stdint.h>
#include <stdlib.h>

#include "dialect/dialect.h"
#include "family/family.h"

enum { MEMORY = 256 << 20 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool held)
{
    if (!held)
        abort();
}

static void must_be_json(struct arena *arena, struct buf *text)
{
    struct jspan *tree;

    must(jspan_parse(arena, buf_str(text), &tree, NULL) == OK);
    buf_free(text);
}

static void ask(struct arena *arena, struct str text)
{
    struct family_model model;
    struct family_call call = {.model = &model};
    struct dropped dropped = {.arena = arena};
    struct rerank_request r;
    struct chat_error err;
    struct buf out = {0};
    struct jspan *body;

    model_describe(STR("cohere-reranker-35"), &model);
    if (jspan_parse(arena, text, &body, NULL))
        return;
    if (rerank_cohere.decode(arena, body, &r, &dropped, &err)) {
        must(err.message.n > 0);
        return;
    }
    must(r.count > 0 && r.top_n <= (int64_t)r.count);
    if (family_cohere_rerank.rerank->encode(&r, &call, &out) == OK)
        must_be_json(arena, &out);
}

static void answer(struct arena *arena, struct str text)
{
    struct rerank_document documents[] = {{STR("a"), STR("{\"text\":\"a\"}")},
                                          {STR("b"), STR("{\"text\":\"b\"}")}};
    struct rerank_request r = {.documents = documents, .count = 2, .return_documents = true};
    struct rerank_answer got;
    struct buf out = {0};

    if (family_cohere_rerank.rerank->decode(arena, &r, text, &got))
        return;
    if (rerank_cohere.render(&r, &got, STR("id"), &out) == OK)
        must_be_json(arena, &out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *arena = arena_new(MEMORY);
    struct str text = {(const char *)data, size};

    if (!arena)
        return 0;
    ask(arena, text);
    answer(arena, text);
    arena_free(arena);
    return 0;
}

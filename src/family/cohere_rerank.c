/*
 * cohere-rerank: the rerankers that SAP hosts (executable aicore-cohere). Texts go up in one call,
 * places and scores come down.
 *
 * Wire: Cohere API reference, "Rerank" v2; SAP AI Core has it at /rerank.
 */
#include "base/jwrite.h"
#include "family/family.h"

static void path(const struct family_call *call, struct buf *out)
{
    (void)call;
    buf_add_cstr(out, "/rerank");
}

static status encode(const struct rerank_request *request, const struct family_call *call,
                     struct buf *out)
{
    struct str rest = call->model->name;
    struct jwrite w = jwrite_to(out);

    jwrite_object(&w);
    jwrite_member_str(&w, "model", str_cut(&rest, ':'));
    jwrite_member_str(&w, "query", request->query);
    jwrite_member_array(&w, "documents");
    for (size_t i = 0; i < request->count; i++)
        jwrite_str(&w, request->documents[i].text);
    jwrite_end(&w);
    if (request->top_n >= 0)
        jwrite_member_int(&w, "top_n", request->top_n);
    if (request->max_tokens >= 0)
        jwrite_member_int(&w, "max_tokens_per_doc", request->max_tokens);
    jwrite_end_all(&w);
    return out->failed ? E_NOMEM : OK;
}

static status read_results(struct arena *arena, const struct jspan *list, size_t count,
                           struct rerank_answer *out)
{
    struct rerank_result **end = &out->results;

    if (!jspan_is(list, JSPAN_ARRAY))
        return E_SYNTAX;
    for (const struct jspan *n = jspan_first(list); n; n = n->next) {
        const struct jspan *score = jspan_get(n, "relevance_score");
        int64_t index = jspan_int(jspan_get(n, "index"), -1);
        struct rerank_result *r = ARENA_NEW(arena, struct rerank_result);
        if (!r)
            return E_NOMEM;
        if (index < 0 || (uint64_t)index >= count || !jspan_is(score, JSPAN_NUMBER))
            return E_SYNTAX;
        *r = (struct rerank_result){.index = (size_t)index, .score = score->text};
        *end = r;
        end = &r->next;
    }
    return OK;
}

static status decode(struct arena *arena, const struct rerank_request *request, struct str body,
                     struct rerank_answer *out)
{
    struct jspan *root;
    status s = jspan_parse(arena, body, &root, NULL);

    if (s)
        return s == E_NOMEM ? s : E_SYNTAX;
    const struct jspan *meta = jspan_get(root, "meta");
    *out = (struct rerank_answer){.id = jspan_str(arena, jspan_get(root, "id"))};
    out->tokens = jspan_int(jspan_get(jspan_get(meta, "tokens"), "input_tokens"), -1);
    if (jspan_is(meta, JSPAN_OBJECT))
        out->meta = meta->text;
    return read_results(arena, jspan_get(root, "results"), request->count, out);
}

static const struct family_rerank rerank = {.path = path, .encode = encode, .decode = decode};

const struct family family_cohere_rerank = {
    .name = "cohere-rerank",
    .wire = WIRE_NONE,
    .rerank = &rerank,
};

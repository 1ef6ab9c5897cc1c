/*
 * Embeddings by way of /v2/embeddings. Of the modules it has masking alone; filters, grounding and
 * translation are about conversations. Tokens and images cannot be masked, and the service does not
 * take them.
 */
#include "family/embed_inputs.h"
#include "family/openai_embed.h"
#include "family/orchestration.h"

/* What stands behind it takes at least so many (Vertex AI takes one, and is asked one by one). */
static size_t batch(const struct family_model *model)
{
    enum { BATCH = 64 };

    return str_starts(model->name, "gemini") ? 1 : BATCH;
}

static void path(const struct family_call *call, struct buf *out)
{
    (void)call;
    buf_add_cstr(out, "/v2/embeddings");
}

static void write_model(const struct embed_request *request, const struct family_call *call,
                        struct jwrite *w)
{
    jwrite_member_object(w, "embeddings");
    jwrite_member_object(w, "model");
    orchestration_write_model(w, call->model);
    jwrite_member_object(w, "params");
    if (request->dimensions >= 0)
        jwrite_member_int(w, "dimensions", request->dimensions);
    jwrite_member_cstr(w, "encoding_format", request->base64 ? "base64" : "float");
    jwrite_end(w);
    jwrite_end(w);
    jwrite_end(w);
}

/* The service's words for what callers call search_query, RETRIEVAL_QUERY, passage and so on. */
static const char *type_of(struct str word)
{
    static const char *const queries[] = {"query", "search_query", "RETRIEVAL_QUERY"};

    for (size_t i = 0; i < sizeof queries / sizeof *queries; i++)
        if (str_is(word, queries[i]))
            return "query";
    return word.n ? "document" : NULL;
}

static status encode(struct arena *arena, const struct embed_request *request,
                     const struct family_call *call, struct buf *out, struct dropped *dropped,
                     struct chat_error *err)
{
    struct jwrite w = jwrite_to(out);
    const char *type = type_of(request->input_type);
    status s = embed_check(arena, request, call->model, EMBED_TEXT, err);

    if (s)
        return s;
    jwrite_object(&w);
    jwrite_member_object(&w, "config");
    jwrite_member_object(&w, "modules");
    write_model(request, call, &w);
    if (call->profile)
        jwrite_maybe_raw(&w, "masking", call->profile->masking);
    jwrite_end(&w);
    jwrite_end(&w);
    jwrite_member_object(&w, "input");
    jwrite_member_array(&w, "text");
    for (const struct embed_input *i = request->inputs; i; i = i->next)
        jwrite_str(&w, i->text);
    jwrite_end(&w);
    if (type)
        jwrite_member_cstr(&w, "type", type);
    jwrite_end_all(&w);
    embed_drop(request, EMBED_USER | EMBED_TITLE, dropped);
    return out->failed ? E_NOMEM : OK;
}

/* Asked for several formats, the service answers an object of them. */
static void unfold(const struct jspan *result)
{
    for (struct jspan *n = jspan_first(jspan_get(result, "data")); n; n = n->next) {
        struct jspan *vector = jspan_get(n, "embedding");
        const struct jspan *one = jspan_get(vector, "float");
        if (!one)
            one = jspan_get(vector, "base64");
        if (one)
            jspan_replace(vector, one->text);
    }
}

static status decode(struct arena *arena, const struct embed_request *request, struct str body,
                     struct embed_answer *out)
{
    struct jspan *root;
    status s = jspan_parse(arena, body, &root, NULL);

    if (s)
        return s == E_NOMEM ? s : E_SYNTAX;
    const struct jspan *result = jspan_get(root, "final_result");
    if (!jspan_is(result, JSPAN_OBJECT))
        return E_SYNTAX;
    unfold(result);
    struct str text = jspan_text(arena, result);
    return text.p ? openai_embed_decode(arena, request, text, out) : E_NOMEM;
}

const struct family_embed orchestration_embed = {
    .batch = batch,
    .path = path,
    .encode = encode,
    .decode = decode,
};

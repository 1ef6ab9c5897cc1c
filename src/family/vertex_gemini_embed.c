/*
 * Embeddings of Vertex AI: POST /models/{model}:predict with a list of instances. gemini-embedding
 * takes one instance in a call.
 */
#include "family/embed_inputs.h"
#include "family/vertex_gemini.h"

enum { INSTANCES_MAX = 250 }; /* of the older models: Vertex AI, "Text embeddings API" */

static size_t batch(const struct family_model *model)
{
    return str_starts(model->name, "gemini-embedding") ? 1 : INSTANCES_MAX;
}

static void path(const struct family_call *call, struct buf *out)
{
    buf_add_cstr(out, "/models/");
    buf_add_str(out, gemini_path_name(call->model));
    buf_add_cstr(out, ":predict");
}

/* Google's own words pass as they are. */
static struct str task_type(struct str input_type)
{
    static const char *const own[] = {"query", "search_query", "passage", "document",
                                      "search_document"};

    for (size_t i = 0; i < sizeof own / sizeof *own; i++)
        if (str_is(input_type, own[i]))
            return str_is(embed_purpose(input_type), "query") ? STR("RETRIEVAL_QUERY")
                                                              : STR("RETRIEVAL_DOCUMENT");
    return input_type;
}

static status encode(struct arena *arena, const struct embed_request *request,
                     const struct family_call *call, struct buf *out, struct dropped *dropped,
                     struct chat_error *err)
{
    struct jwrite w = jwrite_to(out);
    status s = embed_check(arena, request, call->model, EMBED_TEXT, err);

    if (s)
        return s;
    jwrite_object(&w);
    jwrite_member_array(&w, "instances");
    for (const struct embed_input *i = request->inputs; i; i = i->next) {
        jwrite_object(&w);
        jwrite_member_str(&w, "content", i->text);
        jwrite_maybe_str(&w, "task_type", task_type(request->input_type));
        jwrite_maybe_str(&w, "title", i->title);
        jwrite_end(&w);
    }
    jwrite_end(&w);
    if (request->dimensions >= 0) {
        jwrite_member_object(&w, "parameters");
        jwrite_member_int(&w, "outputDimensionality", request->dimensions);
        jwrite_end(&w);
    }
    jwrite_end_all(&w);
    embed_drop(request, EMBED_USER, dropped);
    return out->failed ? E_NOMEM : OK;
}

static status decode(struct arena *arena, const struct embed_request *request, struct str body,
                     struct embed_answer *out)
{
    struct jspan *root;
    struct embed_vector **at = &out->vectors;
    status s = jspan_parse_flat(arena, body, &root);

    if (s)
        return s == E_NOMEM ? s : E_SYNTAX;
    const struct jspan *list = jspan_get(root, "predictions");
    if (!jspan_count(list) || jspan_count(list) != request->count)
        return E_SYNTAX;
    out->tokens = 0;
    for (const struct jspan *n = jspan_first(list); n; n = n->next) {
        const struct jspan *embeddings = jspan_get(n, "embeddings");
        const struct jspan *values = jspan_get(embeddings, "values");
        int64_t tokens =
            jspan_int(jspan_get(jspan_get(embeddings, "statistics"), "token_count"), -1);
        struct embed_vector *v = ARENA_NEW(arena, struct embed_vector);
        if (!v)
            return E_NOMEM;
        if (!jspan_is(values, JSPAN_ARRAY))
            return E_SYNTAX;
        v->numbers = values->text;
        out->tokens = tokens < 0 || out->tokens < 0 ? -1 : out->tokens + tokens;
        *at = v;
        at = &v->next;
    }
    return OK;
}

const struct family_embed gemini_embed = {
    .batch = batch,
    .path = path,
    .encode = encode,
    .decode = decode,
};

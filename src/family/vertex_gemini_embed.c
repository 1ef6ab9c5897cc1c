/*
 * Embeddings of Vertex AI: POST /models/{model}:predict with a list of instances. gemini-embedding
 * takes one instance in a call.
 */
#include "family/vertex_gemini.h"

static void path(const struct family_call *call, struct buf *out)
{
    buf_add_cstr(out, "/models/");
    buf_add_str(out, gemini_path_name(call->model));
    buf_add_cstr(out, ":predict");
}

/* "query" and "passage" are NVIDIA's words; Google's own pass as they are. */
static struct str task_type(struct str input_type)
{
    if (str_is(input_type, "query"))
        return STR("RETRIEVAL_QUERY");
    if (str_is(input_type, "passage") || str_is(input_type, "document"))
        return STR("RETRIEVAL_DOCUMENT");
    return input_type;
}

static status check(struct arena *arena, const struct embed_request *request,
                    const struct family_call *call, struct chat_error *err)
{
    for (const struct embed_input *i = request->inputs; i; i = i->next)
        if (i->tokens.n) {
            chat_error_field(err, arena, CHAT_ERROR_UNSUPPORTED, "input",
                             "This model takes text, not tokens.");
            return E_SYNTAX;
        }
    if (request->count > 1 && str_starts(call->model->name, "gemini-embedding")) {
        chat_error_field(err, arena, CHAT_ERROR_UNSUPPORTED, "input",
                         "This model takes one input in a request.");
        return E_SYNTAX;
    }
    return OK;
}

static status encode(struct arena *arena, const struct embed_request *request,
                     const struct family_call *call, struct buf *out, struct dropped *dropped,
                     struct chat_error *err)
{
    struct jwrite w = jwrite_to(out);
    status s = check(arena, request, call, err);

    if (s)
        return s;
    jwrite_object(&w);
    jwrite_member_array(&w, "instances");
    for (const struct embed_input *i = request->inputs; i; i = i->next) {
        jwrite_object(&w);
        jwrite_member_str(&w, "content", i->text);
        jwrite_maybe_str(&w, "task_type", task_type(request->input_type));
        jwrite_end(&w);
    }
    jwrite_end(&w);
    if (request->dimensions >= 0) {
        jwrite_member_object(&w, "parameters");
        jwrite_member_int(&w, "outputDimensionality", request->dimensions);
        jwrite_end(&w);
    }
    jwrite_end_all(&w);
    if (request->user.n)
        dropped_add_cstr(dropped, "user");
    return out->failed ? E_NOMEM : OK;
}

static status decode(struct arena *arena, const struct embed_request *request, struct str body,
                     struct embed_answer *out)
{
    struct jspan *root;
    struct embed_vector **at = &out->vectors;
    status s = jspan_parse(arena, body, &root, NULL);

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
        v->numbers = arena_str(arena, values->text);
        out->tokens = tokens < 0 || out->tokens < 0 ? -1 : out->tokens + tokens;
        *at = v;
        at = &v->next;
    }
    return OK;
}

const struct family_embed gemini_embed = {
    .path = path,
    .encode = encode,
    .decode = decode,
};

/* Embeddings in OpenAI's shape. */
#include "family/openai_embed.h"

static bool is_mixed(const struct embed_request *request)
{
    bool texts = false, tokens = false;

    for (const struct embed_input *i = request->inputs; i; i = i->next) {
        texts = texts || !i->tokens.n;
        tokens = tokens || i->tokens.n;
    }
    return texts && tokens;
}

status openai_embed_write(struct jwrite *w, const struct embed_request *request,
                          struct arena *arena, struct chat_error *err)
{
    if (is_mixed(request)) {
        chat_error_field(err, arena, CHAT_ERROR_INVALID, "input",
                         "The list of inputs mixes texts and tokens.");
        return E_SYNTAX;
    }
    jwrite_member_array(w, "input");
    for (const struct embed_input *i = request->inputs; i; i = i->next) {
        if (i->tokens.n)
            jwrite_raw(w, i->tokens);
        else
            jwrite_str(w, i->text);
    }
    jwrite_end(w);
    jwrite_member_cstr(w, "encoding_format", request->base64 ? "base64" : "float");
    return OK;
}

static status read_vector(struct arena *arena, const struct jspan *n, struct embed_vector *out)
{
    if (jspan_is(n, JSPAN_ARRAY)) {
        out->numbers = n->text;
        return OK;
    }
    if (!jspan_is(n, JSPAN_STRING))
        return E_SYNTAX;
    out->base64 = jspan_str(arena, n);
    return out->base64.p ? OK : E_NOMEM;
}

/* Items carry their place; servers are free to send them in another order. */
static status place_vectors(struct arena *arena, const struct jspan *data, size_t count,
                            struct embed_vector *vectors)
{
    int64_t at = 0;

    for (const struct jspan *n = jspan_first(data); n; n = n->next, at++) {
        int64_t index = jspan_int(jspan_get(n, "index"), at);
        if (index < 0 || (size_t)index >= count || vectors[index].numbers.n ||
            vectors[index].base64.n)
            return E_SYNTAX;
        status s = read_vector(arena, jspan_get(n, "embedding"), &vectors[index]);
        if (s)
            return s;
        if ((size_t)index + 1 < count)
            vectors[index].next = &vectors[index + 1];
    }
    return OK;
}

status openai_embed_decode(struct arena *arena, const struct embed_request *request,
                           struct str body, struct embed_answer *out)
{
    struct jspan *root;
    status s = jspan_parse_flat(arena, body, &root);

    if (s)
        return s == E_NOMEM ? s : E_SYNTAX;
    const struct jspan *data = jspan_get(root, "data");
    size_t count = jspan_count(data);
    if (count == 0 || count != request->count)
        return E_SYNTAX;
    out->vectors = ARENA_ARRAY(arena, struct embed_vector, count);
    if (!out->vectors)
        return E_NOMEM;
    out->tokens = jspan_int(jspan_get(jspan_get(root, "usage"), "prompt_tokens"), -1);
    return place_vectors(arena, data, count, out->vectors);
}

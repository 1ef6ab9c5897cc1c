/* Inputs of embeddings that a family does not take. */
#include "family/embed_inputs.h"

static unsigned kind_of(const struct embed_input *input)
{
    if (input->tokens.n)
        return EMBED_TOKENS;
    return (input->text.n ? EMBED_TEXT : 0) | (input->image.n ? EMBED_IMAGE : 0);
}

static const char *name_of(unsigned kind)
{
    if (kind & EMBED_TOKENS)
        return "tokens";
    return kind & EMBED_IMAGE ? "images" : "text";
}

status embed_check(struct arena *arena, const struct embed_request *request,
                   const struct family_model *model, unsigned taken, struct chat_error *err)
{
    for (const struct embed_input *i = request->inputs; i; i = i->next) {
        unsigned refused = kind_of(i) & ~taken;
        if (!refused)
            continue;
        chat_error_field(err, arena, CHAT_ERROR_UNSUPPORTED, "input",
                         "input: the model '%.*s' takes %s, not %s.", STR_ARG(model->name),
                         taken & EMBED_IMAGE ? "text and images" : "text", name_of(refused));
        return E_SYNTAX;
    }
    if (request->dimensions < 0 || !(model->traits & MODEL_FIXED_DIMENSIONS))
        return OK;
    chat_error_field(err, arena, CHAT_ERROR_UNSUPPORTED, "dimensions",
                     "dimensions: the vectors of the model '%.*s' have one length only.",
                     STR_ARG(model->name));
    return E_SYNTAX;
}

void embed_drop(const struct embed_request *request, unsigned options, struct dropped *dropped)
{
    if (options & EMBED_USER && request->user.n)
        dropped_add_cstr(dropped, "user");
    if (options & EMBED_TYPE && request->input_type.n)
        dropped_add_cstr(dropped, "input_type");
    for (const struct embed_input *i = request->inputs; i && options & EMBED_TITLE; i = i->next)
        if (i->title.n)
            dropped_add_cstr(dropped, "title");
}

struct str embed_purpose(struct str input_type)
{
    static const struct {
        const char *word, *purpose;
    } rows[] = {{"query", "query"},
                {"search_query", "query"},
                {"QUESTION_ANSWERING", "query"},
                {"FACT_VERIFICATION", "query"},
                {"CODE_RETRIEVAL_QUERY", "query"},
                {"passage", "passage"},
                {"document", "passage"},
                {"search_document", "passage"}};

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (str_is(input_type, rows[i].word))
            return str_from(rows[i].purpose);
    return STR_NONE;
}

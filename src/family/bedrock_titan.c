/*
 * bedrock-titan: Amazon's embeddings, one input in a call. Text models take a text; image models a
 * text, an image, or both, which become one vector.
 *
 * Wire: Amazon Bedrock user guide, "Titan Text Embeddings" and "Titan Multimodal Embeddings G1".
 */
#include "base/jwrite.h"
#include "family/embed_inputs.h"

static size_t batch(const struct family_model *model)
{
    (void)model;
    return 1;
}

static void path(const struct family_call *call, struct buf *out)
{
    (void)call;
    buf_add_cstr(out, "/invoke");
}

static bool takes_images(const struct family_model *model)
{
    return str_find(model->name, "titan-embed-image") < model->name.n;
}

/* The base64 text of "data:image/png;base64,..."; unset for any other text. Callers of APIs that
   have only texts give images so. */
static struct str inline_image(struct str text)
{
    static const char mark[] = ";base64,";
    size_t at = str_starts(text, "data:image/") ? str_find(text, mark) : text.n;

    return at < text.n ? str_slice(text, at + strlen(mark), text.n) : STR_NONE;
}

static void write_text(struct jwrite *w, const struct embed_request *request)
{
    jwrite_member_str(w, "inputText", request->inputs->text);
    if (request->dimensions >= 0)
        jwrite_member_int(w, "dimensions", request->dimensions);
}

static void write_image(struct jwrite *w, const struct embed_request *request)
{
    const struct embed_input *input = request->inputs;
    struct str image = input->image.n ? input->image : inline_image(input->text);

    if (input->image.n || !image.n)
        jwrite_maybe_str(w, "inputText", input->text);
    jwrite_maybe_str(w, "inputImage", image);
    if (request->dimensions < 0)
        return;
    jwrite_member_object(w, "embeddingConfig");
    jwrite_member_int(w, "outputEmbeddingLength", request->dimensions);
    jwrite_end(w);
}

static status encode(struct arena *arena, const struct embed_request *request,
                     const struct family_call *call, struct buf *out, struct dropped *dropped,
                     struct chat_error *err)
{
    bool images = takes_images(call->model);
    struct jwrite w = jwrite_to(out);
    status s = embed_check(arena, request, call->model,
                           images ? EMBED_TEXT | EMBED_IMAGE : EMBED_TEXT, err);

    if (s)
        return s;
    jwrite_object(&w);
    if (images)
        write_image(&w, request);
    else
        write_text(&w, request);
    jwrite_end(&w);
    embed_drop(request, EMBED_USER | EMBED_TYPE | EMBED_TITLE, dropped);
    return out->failed ? E_NOMEM : OK;
}

static status decode(struct arena *arena, const struct embed_request *request, struct str body,
                     struct embed_answer *out)
{
    struct jspan *root;
    status s = jspan_parse_flat(arena, body, &root);

    (void)request;
    if (s)
        return s == E_NOMEM ? s : E_SYNTAX;
    const struct jspan *values = jspan_get(root, "embedding");
    if (!jspan_is(values, JSPAN_ARRAY))
        return E_SYNTAX;
    out->vectors = ARENA_NEW(arena, struct embed_vector);
    if (!out->vectors)
        return E_NOMEM;
    out->vectors->numbers = values->text;
    out->tokens = jspan_int(jspan_get(root, "inputTextTokenCount"), -1);
    return OK;
}

static const struct family_embed embed = {
    .batch = batch,
    .path = path,
    .encode = encode,
    .decode = decode,
};

const struct family family_bedrock_titan = {
    .name = "bedrock-titan",
    .wire = WIRE_NONE,
    .embed = &embed,
};

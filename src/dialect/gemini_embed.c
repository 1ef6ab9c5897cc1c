/*
 * Gemini: embedContent and batchEmbedContents. A batch is many requests in one; what they ask for
 * beside their texts must be the same in all of them, since families take it once.
 *
 * Wire: Google AI for Developers, "Embeddings".
 */
#include "dialect/embeddings.h"
#include "dialect/gemini_generate.h"

struct reading {
    struct decode d; /* its request is not used */
    struct embed_request *out;
    struct embed_input **end;
};

/* The texts of a content belong together, and an image to them. */
static status take_parts(struct reading *e, const struct jspan *content, struct chat_part *parts,
                         struct embed_input *input)
{
    struct chat_part *texts = NULL, **text_end = &texts;

    for (struct chat_part *p = parts, *next; p; p = next) {
        next = p->next;
        if (p->kind == CHAT_TEXT) {
            *text_end = p;
            text_end = &p->next;
            p->next = NULL;
        } else if (p->kind == CHAT_IMAGE && p->data.n && !input->image.n) {
            input->image = p->data;
        } else {
            return decode_invalid(&e->d, content, "parts",
                                  "only text and one inline image can be embedded");
        }
    }
    input->text = chat_parts_text(e->d.arena, texts, "\n");
    if (input->text.n || input->image.n)
        return OK;
    return decode_invalid(&e->d, content, "parts", "must hold a text");
}

static status read_content(struct reading *e, const struct jspan *request)
{
    const struct jspan *content = gemini_get(request, "content"), *list;
    const struct jspan *title = gemini_get(request, "title");
    struct embed_input *input = ARENA_NEW(e->d.arena, struct embed_input);
    struct chat_part *parts = NULL, **at = &parts;
    status s = OK;

    if (!input)
        return E_NOMEM;
    if (!jspan_is(content, JSPAN_OBJECT))
        return decode_invalid(&e->d, request, "content", "expected an object");
    list = gemini_get(content, "parts");
    for (const struct jspan *n = gemini_first(list); n && !s; n = gemini_next(list, n))
        s = gemini_decode_part(&e->d, n, &at);
    if (!s)
        s = take_parts(e, content, parts, input);
    if (!s && !jspan_none(title))
        s = decode_text(&e->d, title, &input->title);
    if (s)
        return s;
    *e->end = input;
    e->end = &input->next;
    e->out->count++;
    return OK;
}

/* In the hub's words where it has one. */
static struct str input_type(struct str task)
{
    if (str_is(task, "RETRIEVAL_QUERY"))
        return STR("query");
    if (str_is(task, "RETRIEVAL_DOCUMENT"))
        return STR("passage");
    return str_is(task, "TASK_TYPE_UNSPECIFIED") ? STR_NONE : task;
}

static status read_options(struct reading *e, const struct jspan *request, struct str *task,
                           int64_t *dimensions)
{
    const struct jspan *type = gemini_get(request, "taskType");
    const struct jspan *size = gemini_get(request, "outputDimensionality");
    status s = jspan_none(type) ? OK : decode_text(&e->d, type, task);

    *dimensions = -1;
    *task = input_type(*task);
    if (s || jspan_none(size))
        return s;
    return decode_whole(&e->d, size, 1, dimensions);
}

static status read_request(struct reading *e, const struct jspan *request)
{
    static const char *const known[] = {"model",
                                        "content",
                                        "title",
                                        "taskType",
                                        "task_type",
                                        "outputDimensionality",
                                        "output_dimensionality",
                                        NULL};
    bool first = e->out->count == 0;
    struct str task = STR_NONE;
    int64_t dimensions;
    status s = read_content(e, request);

    if (!s)
        s = read_options(e, request, &task, &dimensions);
    if (s)
        return s;
    if (!first && (dimensions != e->out->dimensions || !str_eq(task, e->out->input_type)))
        return decode_invalid(&e->d, request, NULL,
                              "must ask for the same as the first request of the batch");
    decode_undeclared(&e->d, request, NULL, known);
    e->out->dimensions = dimensions;
    e->out->input_type = task;
    return OK;
}

static struct reading begin(struct arena *arena, struct embed_request *out, struct dropped *dropped,
                            struct chat_error *err)
{
    *out = (struct embed_request){.dimensions = -1};
    *err = (struct chat_error){0};
    return (struct reading){
        .d = {.arena = arena, .dropped = dropped, .err = err}, .out = out, .end = &out->inputs};
}

static status decode_one(struct arena *arena, const struct jspan *body, struct embed_request *out,
                         struct dropped *dropped, struct chat_error *err)
{
    struct reading e = begin(arena, out, dropped, err);

    if (!jspan_is(body, JSPAN_OBJECT))
        return decode_invalid(&e.d, NULL, NULL, "the body must be a JSON object");
    status s = read_request(&e, body);
    return s || err->kind == CHAT_ERROR_NONE ? s : E_SYNTAX;
}

static status decode_batch(struct arena *arena, const struct jspan *body, struct embed_request *out,
                           struct dropped *dropped, struct chat_error *err)
{
    struct reading e = begin(arena, out, dropped, err);
    const struct jspan *list = gemini_get(body, "requests");
    status s = OK;

    if (!jspan_is(body, JSPAN_OBJECT))
        return decode_invalid(&e.d, NULL, NULL, "the body must be a JSON object");
    if (!jspan_is(list, JSPAN_ARRAY) || !jspan_first(list))
        return decode_invalid(&e.d, body, "requests", "expected an array with a request");
    for (const struct jspan *n = jspan_first(list); n && !s; n = n->next)
        s = read_request(&e, n);
    return s || err->kind == CHAT_ERROR_NONE ? s : E_SYNTAX;
}

/* --- answers ------------------------------------------------------------------------------------- */

static status write_values(struct arena *arena, struct jwrite *w, const struct embed_vector *v)
{
    jwrite_object(w);
    jwrite_key(w, "values");
    status s = embeddings_write_numbers(arena, w, v);
    jwrite_end(w);
    return s;
}

static status end_answer(struct jwrite *w, const struct embed_answer *answer)
{
    if (answer->tokens >= 0) {
        jwrite_member_object(w, "usageMetadata");
        jwrite_member_int(w, "promptTokenCount", answer->tokens);
        jwrite_member_int(w, "totalTokenCount", answer->tokens);
    }
    jwrite_end_all(w);
    return w->out->failed ? E_NOMEM : OK;
}

static status render_one(struct arena *arena, const struct embed_request *request,
                         const struct embed_answer *answer, struct buf *out)
{
    struct jwrite w = jwrite_to(out);

    (void)request;
    if (!answer->vectors)
        return E_SYNTAX;
    jwrite_object(&w);
    jwrite_key(&w, "embedding");
    status s = write_values(arena, &w, answer->vectors);
    return s ? s : end_answer(&w, answer);
}

static status render_batch(struct arena *arena, const struct embed_request *request,
                           const struct embed_answer *answer, struct buf *out)
{
    struct jwrite w = jwrite_to(out);
    status s = OK;

    (void)request;
    jwrite_object(&w);
    jwrite_member_array(&w, "embeddings");
    for (const struct embed_vector *v = answer->vectors; v && !s; v = v->next)
        s = write_values(arena, &w, v);
    jwrite_end(&w);
    return s ? s : end_answer(&w, answer);
}

static const struct dialect_word words[] = {
    {"input", "content"},
    {"input_type", "taskType"},
    {"dimensions", "outputDimensionality"},
    {NULL, NULL},
};

const struct dialect_embed embed_gemini_one = {
    .name = "gemini-embeddings",
    .words = words,
    .decode = decode_one,
    .render = render_one,
};

const struct dialect_embed embed_gemini_batch = {
    .name = "gemini-embeddings",
    .words = words,
    .decode = decode_batch,
    .render = render_batch,
};

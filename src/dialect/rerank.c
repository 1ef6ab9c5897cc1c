/*
 * Cohere's Rerank, of both versions of its API: documents are texts or objects; what is asked back
 * is given back as it came.
 *
 * Wire: Cohere API reference, "Rerank" v1 and v2.
 */
#include "base/jwrite.h"
#include "dialect/decode.h"
#include "dialect/dialect.h"

enum { DOCUMENTS_MAX = 10000 }; /* Cohere, "Best practices for Rerank" */

/* --- request --------------------------------------------------------------------------------- */

struct reading {
    struct decode d; /* its request is not used */
    struct rerank_request *out;
    const struct jspan *rank_fields; /* which members of an object are read; NULL: its text */
};

/* The fields that count, one line each: "name: value". */
static status join_fields(struct reading *r, const struct jspan *object, struct str *text)
{
    struct buf lines = {0};

    for (const struct jspan *f = jspan_first(r->rank_fields); f; f = f->next) {
        const char *name = arena_cstr(r->d.arena, jspan_str(r->d.arena, f));
        const struct jspan *value = name ? jspan_get(object, name) : NULL;
        if (jspan_none(value))
            continue;
        struct str words = jspan_is(value, JSPAN_STRING) ? jspan_str(r->d.arena, value)
                                                         : jspan_text(r->d.arena, value);
        if (lines.n)
            buf_add_char(&lines, '\n');
        buf_add_cstr(&lines, name);
        buf_add_cstr(&lines, ": ");
        buf_add_str(&lines, words);
    }
    *text = arena_str(r->d.arena, buf_str(&lines));
    bool failed = lines.failed || !text->p;
    buf_free(&lines);
    return failed ? E_NOMEM : OK;
}

static status read_document(struct reading *r, const struct jspan *value,
                            struct rerank_document *out)
{
    struct str quoted = value->text;
    status s = OK;

    if (jspan_is(value, JSPAN_STRING)) {
        s = decode_text(&r->d, value, &out->text);
        out->json = arena_printf(r->d.arena, "{\"text\":%.*s}", STR_ARG(quoted));
    } else if (!jspan_is(value, JSPAN_OBJECT)) {
        return decode_wrong_type(&r->d, value, "a string or an object");
    } else {
        out->json = quoted;
        s = r->rank_fields ? join_fields(r, value, &out->text)
                           : decode_need_str(&r->d, value, "text", &out->text);
    }
    if (s || !out->json.p)
        return s ? s : E_NOMEM;
    return out->text.n ? OK : decode_invalid(&r->d, value, NULL, "must hold a text");
}

static status read_documents(struct reading *r, const struct jspan *list)
{
    size_t count = jspan_count(list), i = 0;

    if (!jspan_is(list, JSPAN_ARRAY))
        return decode_wrong_type(&r->d, list, "an array");
    if (count == 0 || count > DOCUMENTS_MAX)
        return decode_invalid(&r->d, list, NULL, "expected 1 to %d documents", DOCUMENTS_MAX);
    r->out->documents = ARENA_ARRAY(r->d.arena, struct rerank_document, count);
    if (!r->out->documents)
        return E_NOMEM;
    r->out->count = count;
    for (const struct jspan *n = jspan_first(list); n; n = n->next) {
        status s = read_document(r, n, &r->out->documents[i++]);
        if (s)
            return s;
    }
    return OK;
}

static status read_rank_fields(struct reading *r, const struct jspan *list)
{
    if (jspan_none(list))
        return OK;
    if (!jspan_is(list, JSPAN_ARRAY) || !jspan_first(list))
        return decode_wrong_type(&r->d, list, "an array of member names");
    for (const struct jspan *n = jspan_first(list); n; n = n->next)
        if (!jspan_is(n, JSPAN_STRING) || memchr(n->text.p, '\\', n->text.n))
            return decode_wrong_type(&r->d, n, "the name of a member");
    r->rank_fields = list;
    return OK;
}

static status read_options(struct reading *r, const struct jspan *body)
{
    static const char *const known[] = {"model",
                                        "query",
                                        "documents",
                                        "top_n",
                                        "rank_fields",
                                        "return_documents",
                                        "max_tokens_per_doc",
                                        NULL};
    int wanted = 0;
    status s = decode_int(&r->d, body, "top_n", 1, &r->out->top_n);

    if (!s)
        s = decode_int(&r->d, body, "max_tokens_per_doc", 1, &r->out->max_tokens);
    if (!s)
        s = decode_bool(&r->d, body, "return_documents", &wanted);
    r->out->return_documents = wanted;
    if (r->out->top_n > (int64_t)r->out->count)
        r->out->top_n = (int64_t)r->out->count;
    decode_undeclared(&r->d, body, NULL, known);
    return s;
}

static status decode(struct arena *arena, const struct jspan *body, struct rerank_request *out,
                     struct dropped *dropped, struct chat_error *err)
{
    struct reading r = {.d = {.arena = arena, .dropped = dropped, .err = err}, .out = out};
    const struct jspan *documents = jspan_get(body, "documents");

    *out = (struct rerank_request){.top_n = -1, .max_tokens = -1};
    *err = (struct chat_error){0};
    if (!jspan_is(body, JSPAN_OBJECT))
        return decode_invalid(&r.d, NULL, NULL, "the body must be a JSON object");
    if (jspan_none(documents))
        return decode_invalid(&r.d, body, "documents", "this field is required");
    status s = decode_str(&r.d, body, "model", &out->model);
    if (!s)
        s = decode_need_str(&r.d, body, "query", &out->query);
    if (!s)
        s = read_rank_fields(&r, jspan_get(body, "rank_fields"));
    if (!s)
        s = read_documents(&r, documents);
    return s ? s : read_options(&r, body);
}

/* --- answer ---------------------------------------------------------------------------------- */

static void write_result(struct jwrite *w, const struct rerank_request *request,
                         const struct rerank_result *result)
{
    jwrite_object(w);
    jwrite_member_int(w, "index", (int64_t)result->index);
    jwrite_member_raw(w, "relevance_score", result->score);
    if (request->return_documents)
        jwrite_member_raw(w, "document", request->documents[result->index].json);
    jwrite_end(w);
}

/* Cohere's clients read `meta`; those of others who took over its shape, `model` and `usage`. */
static status render(const struct rerank_request *request, const struct rerank_answer *answer,
                     struct str id, struct buf *out)
{
    struct jwrite w = jwrite_to(out);

    jwrite_object(&w);
    jwrite_member_str(&w, "id", answer->id.n ? answer->id : id);
    jwrite_member_str(&w, "model", request->model);
    jwrite_member_array(&w, "results");
    for (const struct rerank_result *r = answer->results; r; r = r->next)
        write_result(&w, request, r);
    jwrite_end(&w);
    jwrite_maybe_raw(&w, "meta", answer->meta);
    if (answer->tokens >= 0) {
        jwrite_member_object(&w, "usage");
        jwrite_member_int(&w, "prompt_tokens", answer->tokens);
        jwrite_member_int(&w, "total_tokens", answer->tokens);
        jwrite_end(&w);
    }
    jwrite_end_all(&w);
    return out->failed ? E_NOMEM : OK;
}

static void error(const struct chat_error *err, struct str request_id, struct buf *out)
{
    struct jwrite w = jwrite_to(out);

    jwrite_object(&w);
    jwrite_member_str(&w, "id", request_id);
    jwrite_member_str(&w, "message", err->message);
    jwrite_end_all(&w);
}

const struct dialect_rerank rerank_cohere = {
    .name = "cohere-rerank", .decode = decode, .render = render};

/* For its errors alone: it has neither chats nor streams. */
const struct dialect dialect_cohere = {
    .name = "cohere-rerank",
    .wire = WIRE_NONE,
    .error = error,
    .stream_error = error,
};

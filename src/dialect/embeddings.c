/*
 * Embeddings in OpenAI's shape.
 *
 * The official clients ask for base64 unless told otherwise, and read it as little-endian IEEE-754
 * float32; most families answer with numbers only. What already has the wanted encoding is passed
 * on byte for byte, the rest is converted without losing a bit of the float32.
 *
 * Wire: OpenAI API reference, "Create embeddings".
 */
#include "dialect/embeddings.h"

#include <math.h>

#include "base/crypto.h"
#include "base/decimal.h"
#include "base/jwrite.h"
#include "dialect/decode.h"

/* --- request --------------------------------------------------------------------------------- */

struct embed_decode {
    struct decode d; /* only its arena and error are used */
    struct embed_request *out;
    struct embed_input **end;
};

static struct embed_input *add_input(struct embed_decode *e)
{
    struct embed_input *input = ARENA_NEW(e->d.arena, struct embed_input);
    if (input) {
        *e->end = input;
        e->end = &input->next;
        e->out->count++;
    }
    return input;
}

static status add_text(struct embed_decode *e, const struct jspan *value)
{
    struct embed_input *input = add_input(e);

    if (!input)
        return E_NOMEM;
    status s = decode_text(&e->d, value, &input->text);
    if (s)
        return s;
    return input->text.n ? OK : decode_invalid(&e->d, value, NULL, "must not be empty");
}

static status add_tokens(struct embed_decode *e, const struct jspan *list)
{
    struct embed_input *input = add_input(e);

    if (!input)
        return E_NOMEM;
    if (!jspan_first(list))
        return decode_invalid(&e->d, list, NULL, "must not be empty");
    for (const struct jspan *n = jspan_first(list); n; n = n->next)
        if (jspan_int(n, -1) < 0)
            return decode_invalid(&e->d, n, NULL, "expected a token, an integer from 0");
    input->tokens = jspan_text(e->d.arena, list);
    return OK;
}

/* A text, several texts, the tokens of one text, or those of several. */
static status read_input(struct embed_decode *e, const struct jspan *value)
{
    const struct jspan *first = jspan_first(value);
    status s = OK;

    if (jspan_is(value, JSPAN_STRING))
        return add_text(e, value);
    if (!jspan_is(value, JSPAN_ARRAY))
        return decode_wrong_type(&e->d, value, "a string or an array");
    if (!first)
        return decode_invalid(&e->d, value, NULL, "must not be empty");
    if (jspan_is(first, JSPAN_NUMBER))
        return add_tokens(e, value);
    for (const struct jspan *n = first; n && !s; n = n->next)
        s = jspan_is(n, JSPAN_ARRAY) ? add_tokens(e, n) : add_text(e, n);
    return s;
}

static status read_encoding(struct embed_decode *e, const struct jspan *body)
{
    const struct jspan *format = jspan_get(body, "encoding_format");

    e->out->base64 = jspan_says(format, "base64");
    if (jspan_none(format) || jspan_says(format, "float") || e->out->base64)
        return OK;
    return decode_invalid(&e->d, format, NULL, "expected float or base64");
}

status embeddings_decode(struct arena *arena, const struct jspan *body, struct embed_request *out,
                         struct chat_error *err)
{
    struct embed_decode e = {.d = {.arena = arena, .err = err}, .out = out, .end = &out->inputs};

    *out = (struct embed_request){.dimensions = -1};
    *err = (struct chat_error){0};
    if (!jspan_is(body, JSPAN_OBJECT))
        return decode_invalid(&e.d, NULL, NULL, "the body must be a JSON object");
    status s = decode_str(&e.d, body, "model", &out->model); /* a path may name it instead */
    if (s)
        return s;
    if (jspan_none(jspan_get(body, "input")))
        return decode_invalid(&e.d, body, "input", "this field is required");
    s = read_input(&e, jspan_get(body, "input"));
    if (!s)
        s = read_encoding(&e, body);
    if (!s)
        s = decode_int(&e.d, body, "dimensions", 1, &out->dimensions);
    if (!s)
        s = decode_str(&e.d, body, "user", &out->user);
    return s ? s : decode_str(&e.d, body, "input_type", &out->input_type);
}

/* --- numbers --------------------------------------------------------------------------------- */

static void skip_space(struct str *rest)
{
    while (rest->n &&
           (rest->p[0] == ' ' || rest->p[0] == '\n' || rest->p[0] == '\r' || rest->p[0] == '\t'))
        *rest = str_slice(*rest, 1, rest->n);
}

static bool take(struct str *rest, char c)
{
    skip_space(rest);
    if (!rest->n || rest->p[0] != c)
        return false;
    *rest = str_slice(*rest, 1, rest->n);
    return true;
}

static void put_float32(char to[4], float number)
{
    uint32_t bits;
    memcpy(&bits, &number, sizeof bits);
    for (int i = 0; i < 4; i++)
        to[i] = (char)(bits >> 8 * i & 0xff);
}

static float float32_from(const unsigned char bytes[4])
{
    uint32_t bits = (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 |
                    (uint32_t)bytes[3] << 24;
    float number;

    memcpy(&number, &bits, sizeof number);
    return number;
}

/* Every number of the array as float32, appended to `bytes` (NULL: they are only looked at). Straight to
   float32: by way of double they would be rounded twice. */
static status read_array(struct str array, struct buf *bytes)
{
    float number;

    if (bytes && !buf_reserve(bytes, 2 * array.n + 4)) /* the shortest number has two characters */
        return E_NOMEM;
    if (!take(&array, '['))
        return E_SYNTAX;
    if (!take(&array, ']')) {
        do {
            skip_space(&array);
            if (!decimal_take_float(&array, &number))
                return E_SYNTAX;
            if (bytes) {
                put_float32(bytes->p + bytes->n, number);
                bytes->n += 4;
            }
        } while (take(&array, ','));
        if (!take(&array, ']'))
            return E_SYNTAX;
    }
    skip_space(&array);
    return array.n ? E_SYNTAX : OK;
}

/* --- answer ---------------------------------------------------------------------------------- */

static status write_base64(struct arena *arena, struct jwrite *w, const struct embed_vector *v)
{
    struct buf bytes = {0};

    if (v->base64.n) {
        jwrite_str(w, v->base64);
        return OK;
    }
    status s = read_array(v->numbers, &bytes);
    if (!s) {
        struct str text = crypto_base64(arena, buf_str(&bytes));
        s = text.p ? OK : E_NOMEM;
        jwrite_str(w, text);
    }
    buf_free(&bytes);
    return s;
}

static status write_floats(struct arena *arena, struct jwrite *w, const struct embed_vector *v)
{
    struct str bytes = crypto_unbase64(arena, v->base64);

    if (!bytes.p || bytes.n % 4)
        return E_SYNTAX;
    jwrite_array(w);
    for (size_t i = 0; i < bytes.n; i += 4) {
        float number = float32_from((const unsigned char *)bytes.p + i);
        if (!isfinite(number)) /* JSON has no word for it */
            return E_SYNTAX;
        if (i)
            buf_add_char(w->out, ',');
        decimal_add_float(w->out, number);
    }
    jwrite_end(w);
    return OK;
}

/* Numbers that are wanted as numbers are only looked at: their digits stay as they came. */
status embeddings_write_numbers(struct arena *arena, struct jwrite *w, const struct embed_vector *v)
{
    if (v->base64.n)
        return write_floats(arena, w, v);
    status s = read_array(v->numbers, NULL);
    if (!s)
        jwrite_raw(w, str_trim(v->numbers));
    return s;
}

static status write_vector(struct arena *arena, struct jwrite *w, const struct embed_vector *v,
                           int64_t index, bool base64)
{
    jwrite_object(w);
    jwrite_member_cstr(w, "object", "embedding");
    jwrite_member_int(w, "index", index);
    jwrite_key(w, "embedding");
    status s = base64 ? write_base64(arena, w, v) : embeddings_write_numbers(arena, w, v);
    jwrite_end(w);
    return s;
}

status embeddings_render(struct arena *arena, const struct embed_request *request,
                         const struct embed_answer *answer, struct buf *out)
{
    struct jwrite w = jwrite_to(out);
    int64_t tokens = answer->tokens > 0 ? answer->tokens : 0, index = 0;
    status s = OK;

    jwrite_object(&w);
    jwrite_member_cstr(&w, "object", "list");
    jwrite_member_array(&w, "data");
    for (const struct embed_vector *v = answer->vectors; v && !s; v = v->next)
        s = write_vector(arena, &w, v, index++, request->base64);
    jwrite_end(&w);
    jwrite_member_str(&w, "model", request->model);
    jwrite_member_object(&w, "usage");
    jwrite_member_int(&w, "prompt_tokens", tokens);
    jwrite_member_int(&w, "total_tokens", tokens);
    jwrite_end_all(&w);
    return s ? s : out->failed ? E_NOMEM : OK;
}

static status decode_request(struct arena *arena, const struct jspan *body,
                             struct embed_request *out, struct dropped *dropped,
                             struct chat_error *err)
{
    static const char *const known[] = {
        "model", "input", "encoding_format", "dimensions", "user", "input_type", NULL};
    struct decode d = {.arena = arena, .dropped = dropped, .err = err};
    status s = embeddings_decode(arena, body, out, err);

    if (!s)
        decode_undeclared(&d, body, NULL, known);
    return s;
}

const struct dialect_embed embed_openai = {
    .name = "openai-embeddings",
    .decode = decode_request,
    .render = embeddings_render,
};

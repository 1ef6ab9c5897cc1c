/* Rerank: a whole answer for a whole request. */
#include "exchange/life.h"

static bool decode(struct exchange *x)
{
    x->record.dialect = rerank_cohere.name;
    return body_parse(x) && body_name_model(x) &&
           rerank_cohere.decode(x->arena, x->body, &x->rerank, &x->dropped, &x->error) == OK;
}

static status prepare(struct exchange *x)
{
    if (x->family->rerank)
        return x->family->rerank->encode(&x->rerank, &x->call, &x->up_body);
    chat_error_field(&x->error, x->arena, CHAT_ERROR_UNSUPPORTED, "model",
                     "The model '%.*s' does not order documents.", STR_ARG(x->model_asked));
    return E_SYNTAX;
}

static void path(const struct exchange *x, struct buf *out)
{
    x->family->rerank->path(&x->call, out);
}

static bool finish(struct exchange *x)
{
    struct rerank_answer answer;
    struct buf body = {0};
    status s = x->family->rerank->decode(x->arena, &x->rerank, buf_str(&x->whole), &answer);

    if (!s)
        s = rerank_cohere.render(&x->rerank, &answer, x->id, &body);
    if (!s) {
        x->record.has_usage = answer.tokens >= 0;
        x->record.usage = (struct chat_usage){.input = answer.tokens, .reasoning = -1};
        reply_whole(x, 200, "application/json", buf_str(&body));
    }
    buf_free(&body);
    return s ? relay_broken(x, "The model's answer could not be understood.") : true;
}

const struct work rerank_work = {
    .decode = decode,
    .prepare = prepare,
    .path = path,
    .finish = finish,
};

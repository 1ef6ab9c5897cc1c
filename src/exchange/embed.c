/* Embeddings: a whole answer for a whole request, never a stream. */
#include "exchange/life.h"
#include "exchange/wording.h"

static bool decode(struct exchange *x)
{
    const struct dialect_embed *embed = x->match.endpoint->embed;

    if (!body_parse(x) || !body_name_model(x))
        return false;
    x->record.dialect = embed->name;
    return embed->decode(x->arena, x->body, &x->embed, &x->dropped, &x->error) == OK;
}

static status prepare(struct exchange *x)
{
    const struct family_embed *embed = x->family->embed;

    if (!embed) {
        chat_error_field(&x->error, x->arena, CHAT_ERROR_UNSUPPORTED, "model",
                         "The model '%.*s' does not make embeddings.", STR_ARG(x->model_asked));
        return E_SYNTAX;
    }
    if (x->embed.count > embed->batch(&x->model->rules)) { /* it stands in for another model */
        chat_error_field(&x->error, x->arena, CHAT_ERROR_UNSUPPORTED, "input",
                         "input: the model takes fewer inputs in one call.");
        return E_SYNTAX;
    }
    status s = embed->encode(x->arena, &x->embed, &x->call, &x->up_body, &x->dropped, &x->error);
    wording_apply(x->arena, x->match.endpoint->embed->words, &x->dropped, &x->error);
    return s;
}

static void path(const struct exchange *x, struct buf *out)
{
    x->family->embed->path(&x->call, out);
}

bool embed_answer_caller(struct exchange *x, const struct embed_answer *answer)
{
    struct buf body = {0};
    status s = x->match.endpoint->embed->render(x->arena, &x->embed, answer, &body);

    if (!s) {
        x->record.has_usage = answer->tokens >= 0;
        x->record.usage = (struct chat_usage){.input = answer->tokens, .reasoning = -1};
        reply_whole(x, 200, "application/json", buf_str(&body));
    }
    buf_free(&body);
    return s ? relay_broken(x, "The model's embeddings could not be understood.") : true;
}

static bool finish(struct exchange *x)
{
    struct arena *arena = x->part ? part_arena(x) : x->arena;
    struct embed_answer answer = {.tokens = -1};

    if (x->family->embed->decode(arena, &x->embed, buf_str(&x->whole), &answer))
        return relay_broken(x, "The model's embeddings could not be understood.");
    return x->part ? part_answered(x, &answer) : embed_answer_caller(x, &answer);
}

const struct work embed_work = {
    .decode = decode,
    .prepare = prepare,
    .path = path,
    .finish = finish,
};

/* The request that is sent up: in the caller's own words (the lane) or translated. */
#include "exchange/life.h"
#include "exchange/wording.h"
#include "family/images.h"

/* On the lane the caller's own tree is edited, and what was left out depends on who is asked: for
   another one all of it is done anew. */
static status prepare_anew(struct exchange *x)
{
    x->decoded = false;
    x->dropped = (struct dropped){.arena = x->arena};
    return jspan_parse(x->arena, x->request.body, &x->body, NULL);
}

status prepare_encoded(struct arena *arena, const struct family *family,
                       const struct chat_request *chat, struct family_call *call,
                       struct jspan **out, struct dropped *dropped, struct chat_error *err)
{
    struct buf text = {0};

    call->choices = chat->n > 1 ? (unsigned)chat->n : 1;
    status s = images_check(arena, chat, call->model, err);
    if (!s)
        s = family->encode(arena, chat, call, &text, dropped, err);
    if (!s && !family->cites_documents && chat_wants_citations(chat))
        dropped_add_cstr(dropped, "document.citations");
    struct str copy = s ? STR_NONE : buf_copy(&text, arena);
    buf_free(&text);
    if (s)
        return s;
    return copy.p ? jspan_parse(arena, copy, out, NULL) : E_NOMEM;
}

static status encode_chat(struct exchange *x, struct jspan **out)
{
    const struct family *family = x->family;

    if (!x->decoded) {
        chat_request_init(&x->chat);
        earlier_translate(x);
        status s = x->dialect->decode(x->arena, x->body, &x->chat, &x->dropped, &x->error);
        if (s)
            return s;
        if (x->call.betas.n)
            x->chat.betas = x->call.betas;
        x->decoded = true;
    }
    if (!family->encode) {
        chat_error_field(&x->error, x->arena, CHAT_ERROR_UNSUPPORTED, "model",
                         "The model '%.*s' does not answer chat requests.",
                         STR_ARG(x->model_asked));
        return E_SYNTAX;
    }
    return prepare_encoded(x->arena, family, &x->chat, &x->call, out, &x->dropped, &x->error);
}

/* There is no translation of it: what it gives can be read by its own model alone. */
static bool cannot_compact(struct exchange *x)
{
    if (x->match.endpoint->kind != ENDPOINT_COMPACT || x->family->wire == WIRE_OPENAI_RESPONSES)
        return false;
    chat_error_field(&x->error, x->arena, CHAT_ERROR_UNSUPPORTED, "model",
                     "The model '%.*s' cannot compact a conversation; only OpenAI's models do.",
                     STR_ARG(x->model_asked));
    return true;
}

static status prepare_chat(struct exchange *x)
{
    const struct family *family = x->family;
    struct jspan *body = NULL;
    bool compact = x->match.endpoint->kind == ENDPOINT_COMPACT;

    if (cannot_compact(x))
        return E_SYNTAX;
    x->call.below = compact ? STR("/compact") : STR_NONE;
    x->call.lane = family->wire == x->dialect->wire &&
                   (compact || !family->lane_fits || family->lane_fits(x->body));
    status s = x->prepared_for ? prepare_anew(x) : OK;
    if (!s && x->call.lane) {
        body = x->body;
        s = images_check_body(x->arena, body, family->wire, x->call.model, &x->error);
    } else if (!s) {
        s = encode_chat(x, &body);
    }
    if (!s && family->prepare)
        s = family->prepare(x->arena, body, &x->call, &x->dropped, &x->error);
    if (!x->call.lane)
        wording_apply(x->arena, x->dialect->words, &x->dropped, &x->error);
    if (s)
        wording_name_model(x->arena, x->model_asked, &x->error);
    if (!s)
        jspan_render(body, &x->up_body);
    return s;
}

static bool strict_refusal(struct exchange *x)
{
    struct str lost = dropped_text(&x->dropped);

    if (!x->config->strict || !lost.n)
        return false;
    chat_error_set(&x->error, x->arena, CHAT_ERROR_UNSUPPORTED,
                   "The model '%.*s' cannot be given: %.*s. Leave it out, or ask the "
                   "administrator to switch strict mode off.",
                   STR_ARG(x->model_asked), STR_ARG(lost));
    x->error.param = x->dropped.first->field;
    return true;
}

bool prepare_body(struct exchange *x)
{
    const struct family *family = x->family;

    x->call.model = &x->model->rules;
    x->call.include_usage = x->include_usage;
    x->call.betas = x->request.header(x->arg, "ANTHROPIC_BETA");
    if (x->match.endpoint->kind == ENDPOINT_RESPONSE ||
        (x->prepared_for == family && str_eq(x->prepared_model, x->model->name)))
        return true;
    buf_clear(&x->up_body);
    status s = x->work ? x->work->prepare(x) : prepare_chat(x);
    if (x->up_body.failed ||
        arena_failed(x->arena)) { /* and a complaint may be about what is lost */
        s = E_NOMEM;
        x->error.kind = CHAT_ERROR_NONE;
    }
    if (s && !x->error.kind)
        chat_error_set(&x->error, x->arena, CHAT_ERROR_OVERLOADED, "Out of memory.");
    if (s || strict_refusal(x))
        return false;
    x->prepared_for = family;
    x->prepared_model = arena_str(x->arena, x->model->name);
    x->record.family = family->name;
    x->record.lane = x->call.lane;
    return true;
}

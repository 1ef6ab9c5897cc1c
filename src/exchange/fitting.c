/*
 * Requests that are surely too long for a model go to the one that stands in for it at once.
 *
 * The estimate has a margin, since clients that compact their history by it should do so early; here
 * it is the other way round: a model that could have answered is not passed over. So a request counts
 * as too long only when it is, without the margin. What lies between, the model says itself.
 */
#include "base/log.h"
#include "chat/estimate.h"
#include "exchange/life.h"

enum { MARGIN_PERCENT = 135 }; /* the greater one of chat_estimate_tokens */

/* A token is at least a byte, so most requests need not be looked at. What the store has added to
   this one is not among its bytes. */
static bool may_be_long(const struct exchange *x, int64_t tokens)
{
    return (int64_t)x->request.body.n >= tokens || x->earlier.previous.n;
}

/* What cannot be decoded is refused where it is told why. */
static bool is_long(const struct exchange *x, struct arena *arena)
{
    struct chat_request chat;
    struct dropped dropped = {.arena = arena};
    struct chat_error ignored = {0};
    int64_t context = x->pick.model->rules.context;

    chat_request_init(&chat);
    return !x->dialect->decode(arena, x->body, &chat, &dropped, &ignored) &&
           chat_estimate_reaches(&chat, x->pick.model->name, context * MARGIN_PERCENT / 100);
}

static bool exceeds(const struct exchange *x)
{
    int64_t context = x->pick.model->rules.context;
    struct arena *arena;
    bool is = false;

    if (context <= 0 || !may_be_long(x, context))
        return false;
    arena = arena_new(ARENA_BYTES + ARENA_PER_BODY_BYTE * x->request.body.n);
    if (arena)
        is = is_long(x, arena);
    arena_free(arena);
    return is;
}

void fitting_choose(struct exchange *x)
{
    const struct config_model *setting = x->model->setting;

    if (x->match.endpoint->kind != ENDPOINT_CHAT || x->work || !setting ||
        !(setting->fallback_for & STAND_IN_CONTEXT))
        return;
    while (exceeds(x)) {
        struct str name = x->pick.model->name;
        if (!route_too_long(&x->pick))
            return;
        log_info("%.*s is too long for %.*s by estimate", STR_ARG(x->id), STR_ARG(name));
    }
}

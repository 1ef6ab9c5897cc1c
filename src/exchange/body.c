/* What the caller sent: whether it came whole, and what every API says in it. */
#include "exchange/life.h"

bool body_arrived(struct exchange *x)
{
    switch (x->request.body_state) {
    case BODY_COMPLETE:
        return true;
    case BODY_TOO_LARGE:
        chat_error_set(&x->error, x->arena, CHAT_ERROR_TOO_LARGE,
                       "The request body is larger than the %lld bytes that this gateway takes.",
                       (long long)x->config->limits.body_bytes);
        return false;
    case BODY_CUT_SHORT:
        chat_error_set(&x->error, x->arena, CHAT_ERROR_INVALID,
                       "The request body ended before the length that was announced.");
        return false;
    case BODY_TIMED_OUT:
        chat_error_set(&x->error, x->arena, CHAT_ERROR_INVALID,
                       "The request body did not arrive in time.");
        x->error.http_status = 408;
        return false;
    case HEAD_TOO_LARGE:
        chat_error_set(
            &x->error, x->arena, CHAT_ERROR_INVALID,
            "The request headers are larger than the %lld bytes that this gateway takes.",
            (long long)x->config->limits.header_bytes);
        x->error.http_status = 431;
        return false;
    case TOO_MANY_REQUESTS:
        chat_error_set(&x->error, x->arena, CHAT_ERROR_OVERLOADED,
                       "The gateway has as many requests under way as it may. Try again soon.");
        x->error.retry_after_ms = BUSY_RETRY_MS;
        return false;
    case OUT_OF_MEMORY:
        chat_error_set(&x->error, x->arena, CHAT_ERROR_OVERLOADED,
                       "The gateway holds as many requests and answers as it has memory for. Try "
                       "again soon.");
        x->error.retry_after_ms = BUSY_RETRY_MS;
        return false;
    }
    return false;
}

/* What is read here must not be read otherwise upstream: of several members of that name the last
   counts, and only it goes on. */
static void keep_last(struct exchange *x, const char *name)
{
    const struct jspan *last = jspan_get(x->body, name);
    struct jspan *next;

    for (struct jspan *n = jspan_first(x->body); n && n != last; n = next) {
        bool plain = n->key.n == strlen(name) + 2 || memchr(n->key.p, '\\', n->key.n);
        next = n->next;
        if (last && plain && str_is(jspan_key(x->arena, n), name))
            jspan_remove(n);
    }
}

bool body_parse(struct exchange *x)
{
    struct jspan_error where;

    if (!body_arrived(x))
        return false;
    status s = jspan_parse(x->arena, x->request.body, &x->body, &where);
    if (s == E_NOMEM) {
        chat_error_set(&x->error, x->arena, CHAT_ERROR_TOO_LARGE,
                       "The request body has more values than this gateway has memory for.");
        return false;
    }
    if (s) {
        chat_error_set(&x->error, x->arena, CHAT_ERROR_INVALID,
                       "The request body is not valid JSON: %s at byte %zu.", where.what,
                       where.offset);
        return false;
    }
    if (!jspan_is(x->body, JSPAN_OBJECT)) {
        chat_error_set(&x->error, x->arena, CHAT_ERROR_INVALID,
                       "The request body must be a JSON object.");
        return false;
    }
    keep_last(x, "model");
    keep_last(x, "stream");
    return true;
}

bool body_name_model(struct exchange *x)
{
    const struct jspan *model = jspan_get(x->body, "model");

    x->model_asked = x->match.model.n ? x->match.model : jspan_str(x->arena, model);
    x->record.model = x->model_asked;
    if (x->model_asked.n)
        return true;
    chat_error_field(&x->error, x->arena, CHAT_ERROR_INVALID, "model",
                     jspan_none(model) ? "model: this field is required."
                                       : "model: expected a non-empty string.");
    return false;
}

bool body_choose_stream(struct exchange *x)
{
    const struct jspan *stream = jspan_get(x->body, "stream");

    if (!jspan_none(stream) && !jspan_is(stream, JSPAN_TRUE) && !jspan_is(stream, JSPAN_FALSE)) {
        chat_error_field(&x->error, x->arena, CHAT_ERROR_INVALID, "stream",
                         "stream: expected true or false.");
        return false;
    }
    x->call.stream = jspan_true(stream);
    x->include_usage = jspan_true(jspan_get(jspan_get(x->body, "stream_options"), "include_usage"));
    return true;
}

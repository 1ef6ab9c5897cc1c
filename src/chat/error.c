/* Kinds of errors and their HTTP statuses. */
#include "chat/error.h"

#include <stdarg.h>

static const struct {
    int http_status;
    const char *word;
} kinds[] = {
    [CHAT_ERROR_NONE] = {200, "none"},
    [CHAT_ERROR_INVALID] = {400, "invalid_request"},
    [CHAT_ERROR_UNSUPPORTED] = {400, "unsupported"},
    [CHAT_ERROR_CONTEXT_LENGTH] = {400, "context_length"},
    [CHAT_ERROR_CONTENT_FILTER] = {400, "content_filter"},
    [CHAT_ERROR_KEY] = {401, "api_key"},
    [CHAT_ERROR_PERMISSION] = {403, "permission"},
    [CHAT_ERROR_NOT_FOUND] = {404, "not_found"},
    [CHAT_ERROR_MODEL_NOT_FOUND] = {404, "model_not_found"},
    [CHAT_ERROR_METHOD] = {405, "method"},
    [CHAT_ERROR_TOO_LARGE] = {413, "too_large"},
    [CHAT_ERROR_RATE_LIMIT] = {429, "rate_limit"},
    [CHAT_ERROR_INTERNAL] = {500, "internal"},
    [CHAT_ERROR_UPSTREAM] = {502, "upstream"},
    [CHAT_ERROR_UPSTREAM_AUTH] = {502, "upstream_auth"},
    [CHAT_ERROR_OVERLOADED] = {503, "overloaded"},
    [CHAT_ERROR_TIMEOUT] = {504, "timeout"},
};

int chat_error_status(enum chat_error_kind kind)
{
    return kinds[kind].http_status;
}

const char *chat_error_word(enum chat_error_kind kind)
{
    return kinds[kind].word;
}

static void fill(struct chat_error *err, struct arena *arena, enum chat_error_kind kind,
                 const char *format, va_list args) __attribute__((format(printf, 4, 0)));

static void fill(struct chat_error *err, struct arena *arena, enum chat_error_kind kind,
                 const char *format, va_list args)
{
    *err = (struct chat_error){.kind = kind, .http_status = chat_error_status(kind)};
    err->message = arena_vprintf(arena, format, args);
    if (!err->message.p) /* no memory even for the text */
        err->message = STR("The request needs more memory than this gateway has for it.");
}

void chat_error_set(struct chat_error *err, struct arena *arena, enum chat_error_kind kind,
                    const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fill(err, arena, kind, format, args);
    va_end(args);
}

void chat_error_field(struct chat_error *err, struct arena *arena, enum chat_error_kind kind,
                      const char *param, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fill(err, arena, kind, format, args);
    va_end(args);
    if (param)
        err->param = arena_str(arena, str_from(param));
}

struct chat_error chat_error_copy(struct arena *arena, const struct chat_error *err)
{
    struct chat_error copy = *err;

    copy.message = arena_str(arena, err->message);
    copy.param = arena_str(arena, err->param);
    copy.detail = arena_str(arena, err->detail);
    return copy;
}

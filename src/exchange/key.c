/* Who asks: the caller's key, and callers who try keys. */
#include "base/clock.h"
#include "base/log.h"
#include "exchange/life.h"
#include "route/guesses.h"

static struct str header(const struct exchange *x, const char *name)
{
    return x->request.header(x->arg, name);
}

static struct str authorization(const struct exchange *x)
{
    struct str value = header(x, "AUTHORIZATION");
    return value.n ? value : x->request.header(x->arg, "REDIRECT_AUTHORIZATION");
}

/* ?key=, as often as it stands there, as a header that came so often would be. */
static struct str query_keys(const struct exchange *x)
{
    struct str query = x->request.query, all = STR_NONE;

    while (query.n) {
        struct str key = endpoint_query_next(x->arena, &query, "key");
        if (key.n)
            all = all.n ? arena_printf(x->arena, "%.*s, %.*s", STR_ARG(all), STR_ARG(key)) : key;
    }
    return all;
}

static enum api_key_verdict look_at_key(struct exchange *x)
{
    struct api_key_claims claims = {
        .authorization = authorization(x),
        .x_api_key = header(x, "X_API_KEY"),
        .api_key = header(x, "API_KEY"),
        .x_goog_api_key = header(x, "X_GOOG_API_KEY"),
        .query = query_keys(x),
    };

    return api_key_check(&x->config->keys, &claims, &x->key);
}

/* Too many wrong keys came from there, and this one was never good from there: it is not told whether
   it is now. */
static bool guesses_too_much(struct exchange *x, enum api_key_verdict verdict)
{
    struct board_common *common = scoreboard_common(gateway_board(x->state));
    uint64_t address = guesses_address(x->request.from);
    int64_t most = x->config->limits.wrong_keys, now_ms = clock_ms();
    int64_t wait_ms = guesses_wait_ms(common, address, most, now_ms);
    struct str hash =
        x->key ? (struct str){(const char *)x->key->hash, sizeof x->key->hash} : STR_NONE;

    if (!wait_ms && verdict == API_KEY_WRONG) {
        if (guesses_note_wrong(common, address, now_ms) == most && most)
            log_warning("%lld wrong keys within a minute from %.*s: until it ends, only keys that "
                        "were good from there before are taken",
                        (long long)most, STR_ARG(x->request.from));
    } else if (!wait_ms && x->key) {
        guesses_note_good(common, address, hash);
    }
    if (!wait_ms || (x->key && guesses_is_known(common, address, hash)))
        return false;
    x->key = NULL;
    chat_error_set(
        &x->error, x->arena, CHAT_ERROR_RATE_LIMIT,
        "Too many requests with unknown API keys came from this address. Try again later.");
    x->error.retry_after_ms = wait_ms;
    return true;
}

enum step key_check(struct exchange *x)
{
    static const char *const texts[] = {
        [API_KEY_MISSING] = "No API key was sent. Send one as Authorization: Bearer, x-api-key, "
                            "api-key or x-goog-api-key.",
        [API_KEY_WRONG] = "The API key is not known to this gateway.",
        [API_KEY_CONFLICT] = "The request carries several different API keys; send one.",
    };

    if (x->config->allow_anonymous && !x->config->keys.first)
        return GO_ON;
    enum api_key_verdict verdict = look_at_key(x);
    if ((verdict == API_KEY_GOOD || verdict == API_KEY_WRONG) && guesses_too_much(x, verdict))
        return STEP_FAIL;
    if (verdict == API_KEY_GOOD)
        x->record.key_name = x->key->name;
    if (verdict == API_KEY_GOOD || (verdict == API_KEY_MISSING && x->config->allow_anonymous))
        return GO_ON;
    chat_error_set(&x->error, x->arena, CHAT_ERROR_KEY, "%s", texts[verdict]);
    return STEP_FAIL;
}

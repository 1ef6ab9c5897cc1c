/* Judgement over one token. */
#include "aicore/token_state.h"

#include <stdlib.h>

#include "aicore/shared_fetch.h"
#include "base/clock.h"

enum {
    MARGIN_MS = 300000,     /* refresh so long before the end, or a tenth of the life */
    SLACK_MS = 10000,       /* unusable so long before the end, or a fiftieth of the life */
    BUSY_MAX_MS = 60000,    /* the longest pause of a service that fails */
    REPLACE_EVERY_MS = 3000 /* upstream that rejects every token must not make us fetch for ever */
};

struct token_text {
    unsigned holds;
    size_t n;
    char p[];
};

/* --- the text -------------------------------------------------------------------------------- */

static struct token_text *text_new(struct str s)
{
    struct token_text *text = malloc(sizeof *text + s.n);

    if (!text)
        return NULL;
    text->holds = 1;
    text->n = s.n;
    memcpy(text->p, s.p, s.n);
    return text;
}

struct token_text *token_text_hold(struct token_text *text)
{
    text->holds++;
    return text;
}

void token_text_release(struct token_text *text)
{
    if (!text || --text->holds)
        return;
    crypto_wipe(text->p, text->n);
    free(text);
}

struct str token_text_str(const struct token_text *text)
{
    return text ? (struct str){text->p, text->n} : STR_NONE;
}

void token_state_drop(struct token_state *state)
{
    token_text_release(state->text);
    state->text = NULL;
}

static int64_t portion(int64_t life, int64_t divisor, int64_t most)
{
    return life / divisor < most ? life / divisor : most;
}

/* Take a token that was fetched at `fetched_ms` and has `left_ms` to live. */
static status set_text(struct token_state *state, struct str token, int64_t fetched_ms,
                       int64_t left_ms)
{
    int64_t now = clock_ms(), life = now + left_ms - fetched_ms;
    int64_t margin = portion(life, 10, MARGIN_MS);
    struct token_text *text = text_new(token);

    if (!text)
        return E_NOMEM;
    token_state_drop(state);
    state->text = text;
    state->fetched_ms = fetched_ms;
    state->expires_ms = now + left_ms;
    state->refresh_ms = state->expires_ms - margin + shared_fetch_jitter(margin / 4);
    return OK;
}

/* --- judgement ------------------------------------------------------------------------------- */

static bool usable(const struct token_state *state, int64_t now)
{
    int64_t life = state->expires_ms - state->fetched_ms;

    return state->text && now < state->expires_ms - portion(life, 50, SLACK_MS);
}

enum token_verdict token_state_judge(const struct token_state *state)
{
    int64_t now = clock_ms();

    if (usable(state, now))
        return TOKEN_USABLE;
    if (now < state->refused_until_ms)
        return TOKEN_DENIED;
    return now < state->busy_until_ms ? TOKEN_PAUSED : TOKEN_MISSING;
}

bool token_state_refresh_due(const struct token_state *state)
{
    int64_t now = clock_ms();

    return usable(state, now) && now >= state->refresh_ms && now >= state->busy_until_ms &&
           now >= state->refused_until_ms;
}

bool token_state_is_rejected(const struct token_state *state, struct str token)
{
    uint8_t hash[SHA256_BYTES];

    if (!state->has_rejected)
        return false;
    crypto_sha256(token, hash);
    return crypto_same(hash, state->rejected, sizeof hash);
}

void token_state_reject(struct token_state *state, struct str token)
{
    crypto_sha256(token, state->rejected);
    state->has_rejected = true;
    if (!state->text || !str_eq(token_text_str(state->text), token))
        return;
    int64_t earliest = state->fetched_ms + REPLACE_EVERY_MS;
    if (state->replacement && clock_ms() < earliest && state->refused_until_ms < earliest)
        state->refused_until_ms = earliest;
    state->replacing = true;
    token_state_drop(state);
}

/* --- what the service said ------------------------------------------------------------------- */

status token_state_set(struct token_state *state, struct str token, int64_t life_ms)
{
    if (set_text(state, token, clock_ms(), life_ms) != OK)
        return E_NOMEM;
    state->replacement = state->replacing;
    state->replacing = false;
    state->refused_until_ms = state->busy_until_ms = 0;
    state->failures = 0;
    return OK;
}

void token_state_refuse(struct token_state *state, int64_t for_ms)
{
    state->refused_until_ms = clock_ms() + for_ms;
}

int64_t token_state_pause(struct token_state *state, int64_t pause_ms, int64_t backoff_ms)
{
    for (int i = 0; i < state->failures && backoff_ms < BUSY_MAX_MS; i++)
        backoff_ms *= 2;
    if (pause_ms <= 0)
        pause_ms = backoff_ms + shared_fetch_jitter(backoff_ms / 8);
    if (pause_ms > BUSY_MAX_MS)
        pause_ms = BUSY_MAX_MS;
    state->failures++;
    state->busy_until_ms = clock_ms() + pause_ms;
    return pause_ms;
}

/* --- to the file and back -------------------------------------------------------------------- */

void token_state_take(struct token_state *state, const struct token_record *record,
                      int64_t refused_ms)
{
    int64_t now = clock_ms(), wall = clock_wall_ms();
    int64_t left = token_record_left_ms(record, wall);

    state->failures = record->failures;
    state->refused_until_ms = now + token_pause_left_ms(&record->refused, wall, refused_ms);
    state->busy_until_ms = now + token_pause_left_ms(&record->busy, wall, BUSY_MAX_MS);
    if (!record->token.n || left == 0 || token_state_is_rejected(state, record->token))
        return;
    if (state->text && state->expires_ms >= now + left)
        return; /* ours lasts longer: it could not be written, it seems */
    int64_t age = record->expires_ms - record->fetched_ms - left;
    if (set_text(state, record->token, now - age, left) != OK)
        return;
    state->replacement = record->replacement;
    state->replacing = false;
}

static struct token_pause pause_until(int64_t until_ms)
{
    int64_t left = until_ms - clock_ms(), wall = clock_wall_ms();

    return left > 0 ? (struct token_pause){wall, wall + left} : (struct token_pause){0, 0};
}

struct token_record token_state_record(const struct token_state *state)
{
    int64_t to_wall = clock_wall_ms() - clock_ms();

    return (struct token_record){.token = token_text_str(state->text),
                                 .fetched_ms = state->fetched_ms + to_wall,
                                 .expires_ms = state->expires_ms + to_wall,
                                 .replacement = state->replacement,
                                 .refused = pause_until(state->refused_until_ms),
                                 .busy = pause_until(state->busy_until_ms),
                                 .failures = state->failures};
}

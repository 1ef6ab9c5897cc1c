/*
 * Who gets which token when. What lies on disk is token_record.c, the question to the service
 * token_fetch.c, and "one asks, the others wait" shared_fetch.c; this is the judgement over them.
 */
#include "aicore/token.h"

#include <stdio.h>
#include <stdlib.h>

#include "aicore/shared_fetch.h"
#include "aicore/token_fetch.h"
#include "aicore/token_record.h"
#include "base/clock.h"
#include "base/crypto.h"
#include "base/log.h"

enum {
    MARGIN_MS = 300000,     /* refresh so long before the end, or a tenth of the life */
    SLACK_MS = 10000,       /* unusable so long before the end, or a fiftieth of the life */
    BUSY_MAX_MS = 60000,    /* the longest pause of a service that fails */
    PATIENCE_MS = 3000,     /* a caller waits once for the end of so short a pause */
    REPLACE_EVERY_MS = 3000 /* upstream that rejects every token must not make us fetch for ever */
};

/* The text of a token, counted: a callback that borrows it may make us drop it. */
struct token_text {
    unsigned holds;
    size_t n;
    char p[];
};

struct token_wait {
    struct token_wait *next, **at; /* `at`: what points to this one */
    struct token_item *item;
    token_done *done;
    void *arg;
    struct timer deadline;
    bool patient; /* has waited for the end of a pause already */
};

/* One credential. All times are monotonic. */
struct token_item {
    struct token_item *next;
    struct token_cache *cache;
    struct arena *arena;
    char id[SERVICE_KEY_ID_BYTES];
    struct token_account account;
    struct shared_fetch shared;
    struct token_fetch *fetch;

    struct token_text *text; /* NULL: none */
    int64_t fetched_ms, expires_ms, refresh_ms;
    bool replacement;

    bool has_rejected, replacing;
    uint8_t rejected[SHA256_BYTES];

    int64_t refused_until_ms, busy_until_ms;
    int failures;
    struct token_wait *waits;
};

struct token_cache {
    struct reactor *reactor;
    struct token_settings settings;
    char *state_dir; /* NULL: memory alone */
    struct token_item *items;
};

enum verdict { HAVE, REFUSED, BUSY, MISSING };

/* --- the text -------------------------------------------------------------------------------- */

static void text_release(struct token_text *text)
{
    if (!text || --text->holds)
        return;
    crypto_wipe(text->p, text->n);
    free(text);
}

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

static struct str text_str(const struct token_text *text)
{
    return text ? (struct str){text->p, text->n} : STR_NONE;
}

static void drop_text(struct token_item *item)
{
    text_release(item->text);
    item->text = NULL;
}

static int64_t portion(int64_t life, int64_t divisor, int64_t most)
{
    return life / divisor < most ? life / divisor : most;
}

/* Take a token that was fetched at `fetched_ms` and has `left_ms` to live. */
static void set_token(struct token_item *item, struct token_text *text, int64_t fetched_ms,
                      int64_t left_ms)
{
    int64_t now = clock_ms(), life = now + left_ms - fetched_ms;
    int64_t margin = portion(life, 10, MARGIN_MS);

    drop_text(item);
    item->text = text;
    item->fetched_ms = fetched_ms;
    item->expires_ms = now + left_ms;
    item->refresh_ms = item->expires_ms - margin + shared_fetch_jitter(margin / 4);
}

/* --- judgement ------------------------------------------------------------------------------- */

static bool usable(const struct token_item *item, int64_t now)
{
    int64_t life = item->expires_ms - item->fetched_ms;

    return item->text && now < item->expires_ms - portion(life, 50, SLACK_MS);
}

static enum verdict judge(const struct token_item *item)
{
    int64_t now = clock_ms();

    if (usable(item, now))
        return HAVE;
    if (now < item->refused_until_ms)
        return REFUSED;
    return now < item->busy_until_ms ? BUSY : MISSING;
}

static bool is_rejected(const struct token_item *item, struct str token)
{
    uint8_t hash[SHA256_BYTES];

    if (!item->has_rejected)
        return false;
    crypto_sha256(token, hash);
    return crypto_same(hash, item->rejected, sizeof hash);
}

/* Upstream has answered 401 to this token. Only its hash is kept. */
static void reject(struct token_item *item, struct str token)
{
    crypto_sha256(token, item->rejected);
    item->has_rejected = true;
    if (!item->text || !str_eq(text_str(item->text), token))
        return;
    int64_t earliest = item->fetched_ms + REPLACE_EVERY_MS;
    if (item->replacement && clock_ms() < earliest && item->refused_until_ms < earliest)
        item->refused_until_ms = earliest;
    item->replacing = true;
    drop_text(item);
}

/* --- memory and disk ------------------------------------------------------------------------- */

static void take_record(struct token_item *item, const struct token_record *record)
{
    int64_t now = clock_ms(), wall = clock_wall_ms();
    int64_t left = token_record_left_ms(record, wall);

    item->failures = record->failures;
    item->refused_until_ms =
        now + token_pause_left_ms(&record->refused, wall, item->cache->settings.refused_ms);
    item->busy_until_ms = now + token_pause_left_ms(&record->busy, wall, BUSY_MAX_MS);
    if (!record->token.n || left == 0 || is_rejected(item, record->token))
        return;
    if (item->text && item->expires_ms >= now + left)
        return; /* ours lasts longer: it could not be written, it seems */
    struct token_text *text = text_new(record->token);
    if (!text)
        return;
    int64_t age = record->expires_ms - record->fetched_ms - left;
    set_token(item, text, now - age, left);
    item->replacement = record->replacement;
    item->replacing = false;
}

static status on_take(void *owner, struct str content)
{
    struct token_item *item = owner;
    struct token_record record;
    const char *problem;
    struct arena *arena = arena_new(4 * TOKEN_FILE_MAX);

    if (!arena)
        return OK; /* as if it were not there */
    status s = token_record_parse(arena, content, &record, &problem);
    if (!s)
        take_record(item, &record);
    if (record.token.p)
        crypto_wipe((void *)(uintptr_t)record.token.p, record.token.n);
    arena_free(arena);
    return s ? E_SYNTAX : OK;
}

static struct token_pause pause_until(int64_t until_ms)
{
    int64_t left = until_ms - clock_ms(), wall = clock_wall_ms();

    return left > 0 ? (struct token_pause){wall, wall + left} : (struct token_pause){0, 0};
}

static void publish(struct token_item *item)
{
    int64_t to_wall = clock_wall_ms() - clock_ms();
    struct buf content = {.ceiling = TOKEN_FILE_MAX};
    struct token_record record = {.token = text_str(item->text),
                                  .fetched_ms = item->fetched_ms + to_wall,
                                  .expires_ms = item->expires_ms + to_wall,
                                  .replacement = item->replacement,
                                  .refused = pause_until(item->refused_until_ms),
                                  .busy = pause_until(item->busy_until_ms),
                                  .failures = item->failures};

    buf_reserve(&content, TOKEN_FILE_MAX); /* growing would leave copies behind */
    token_record_write(&content, &record);
    shared_fetch_finish(&item->shared, content.failed ? STR_NONE : buf_str(&content));
    if (content.p)
        crypto_wipe(content.p, content.cap);
    buf_free(&content);
}

/* --- answering ------------------------------------------------------------------------------- */

static void give(struct token_item *item, token_done *done, void *arg)
{
    struct token_text *text = item->text;

    text->holds++;
    done(arg, OK, text_str(text), NULL);
    text_release(text);
}

static void fail(token_done *done, void *arg, status s, int64_t retry_after_ms)
{
    enum chat_error_kind kind = CHAT_ERROR_OVERLOADED;
    struct str message = STR("SAP AI Core's token service is not available at the moment.");

    if (s == E_REFUSED) {
        kind = CHAT_ERROR_UPSTREAM_AUTH;
        message = STR("SAP AI Core does not accept the gateway's credentials.");
    } else if (s == E_TIMEOUT) {
        kind = CHAT_ERROR_TIMEOUT;
        message = STR("SAP AI Core's token service did not answer in time.");
    } else if (s == E_NOMEM) {
        message = STR("The gateway is out of memory at the moment.");
    }
    struct chat_error err = {.kind = kind,
                             .http_status = chat_error_status(kind),
                             .retry_after_ms = retry_after_ms,
                             .message = message};
    done(arg, s, STR_NONE, &err);
}

static void fail_by(const struct token_item *item, enum verdict v, token_done *done, void *arg)
{
    int64_t until = v == REFUSED ? item->refused_until_ms : item->busy_until_ms;
    int64_t left = until - clock_ms();

    fail(done, arg, v == REFUSED ? E_REFUSED : E_IO, left > 0 ? left : 0);
}

static void link_wait(struct token_wait **list, struct token_wait *wait)
{
    wait->next = *list;
    wait->at = list;
    if (*list)
        (*list)->at = &wait->next;
    *list = wait;
}

static void unlink_wait(struct token_wait *wait)
{
    *wait->at = wait->next;
    if (wait->next)
        wait->next->at = wait->at;
}

static void free_wait(struct token_wait *wait)
{
    unlink_wait(wait);
    timer_clear(wait->item->cache->reactor, &wait->deadline);
    free(wait);
}

/* Worth waiting for the end of the pause? Once, and if it is short. */
static bool is_patient(const struct token_item *item, bool already)
{
    return !already && item->busy_until_ms - clock_ms() <= PATIENCE_MS;
}

/* Answer one wait, or leave it waiting (in `item->waits`). */
static void settle_wait(struct token_item *item, struct token_wait *wait)
{
    enum verdict v = judge(item);
    token_done *done = wait->done;
    void *arg = wait->arg;

    if (v == MISSING || (v == BUSY && is_patient(item, wait->patient))) {
        wait->patient = v == BUSY;
        unlink_wait(wait);
        link_wait(&item->waits, wait);
        return;
    }
    free_wait(wait);
    if (v == HAVE)
        give(item, done, arg);
    else
        fail_by(item, v, done, arg);
}

static void fail_all(struct token_item *item, status s)
{
    while (item->waits) {
        token_done *done = item->waits->done;
        void *arg = item->waits->arg;
        free_wait(item->waits);
        fail(done, arg, s, 0);
    }
}

/* Fetch, after the pause if there is one. */
static void begin(struct token_item *item)
{
    int64_t left = item->busy_until_ms - clock_ms();

    if (shared_fetch_begin(&item->shared, judge(item) == BUSY ? left : 0) != OK)
        fail_all(item, E_NOMEM);
}

/* A callback may cancel any wait and begin new ones: those go to `item->waits`, not to the batch.
 */
static void on_settle(void *owner)
{
    struct token_item *item = owner;
    struct token_wait *batch = item->waits;

    if (batch)
        batch->at = &batch;
    item->waits = NULL;
    while (batch)
        settle_wait(item, batch);
    if (item->waits)
        begin(item);
}

/* --- fetching -------------------------------------------------------------------------------- */

static bool refresh_due(const struct token_item *item)
{
    int64_t now = clock_ms();

    return now >= item->refresh_ms && now >= item->busy_until_ms && now >= item->refused_until_ms;
}

static bool on_wanted(void *owner)
{
    struct token_item *item = owner;
    enum verdict v = judge(item);

    return v == MISSING || (v == HAVE && refresh_due(item));
}

static bool on_pressing(void *owner)
{
    return ((struct token_item *)owner)->waits != NULL;
}

static void note_refused(struct token_item *item, const char *text)
{
    item->refused_until_ms = clock_ms() + item->cache->settings.refused_ms;
    log_warning("token service refuses credential %s: %s", item->id, text);
}

/* Leave the service alone: as long as it says, else twice as long at each failure. */
static void note_busy(struct token_item *item, int64_t pause_ms, const char *text)
{
    int64_t own = item->cache->settings.backoff_ms;

    for (int i = 0; i < item->failures && own < BUSY_MAX_MS; i++)
        own *= 2;
    if (pause_ms <= 0)
        pause_ms = own + shared_fetch_jitter(own / 8);
    if (pause_ms > BUSY_MAX_MS)
        pause_ms = BUSY_MAX_MS;
    item->failures++;
    item->busy_until_ms = clock_ms() + pause_ms;
    log_warning("no token for credential %s: %s; next try in %d ms", item->id, text, (int)pause_ms);
}

static void note_token(struct token_item *item, const struct token_answer *answer)
{
    if (is_rejected(item, answer->token)) {
        note_refused(item, "it gives out the token again that upstream rejected");
        return;
    }
    struct token_text *text = text_new(answer->token);
    if (!text) {
        note_busy(item, 0, "out of memory");
        return;
    }
    set_token(item, text, clock_ms(), answer->life_s * 1000);
    item->replacement = item->replacing;
    item->replacing = false;
    item->refused_until_ms = item->busy_until_ms = 0;
    item->failures = 0;
    log_info("token for credential %s fetched, good for %d s", item->id, (int)answer->life_s);
}

static void on_answer(void *arg, const struct token_answer *answer)
{
    struct token_item *item = arg;

    item->fetch = NULL;
    if (answer->outcome != TOKEN_FETCHED) /* another may have been luckier, if we had no lock */
        shared_fetch_look(&item->shared);
    if (answer->outcome == TOKEN_FETCHED)
        note_token(item, answer);
    else if (answer->outcome == TOKEN_REFUSED)
        note_refused(item, answer->text);
    else
        note_busy(item, answer->retry_after_ms, answer->text);
    publish(item);
    on_settle(item);
}

static void on_start(void *owner)
{
    struct token_item *item = owner;

    item->fetch = token_fetch_start(item->cache->reactor, &item->account,
                                    item->cache->settings.fetch_ms, on_answer, item);
    if (item->fetch)
        return;
    note_busy(item, 0, "out of memory");
    publish(item);
    on_settle(item);
}

/* --- items ----------------------------------------------------------------------------------- */

static void free_item(struct token_item *item)
{
    while (item->waits)
        free_wait(item->waits);
    token_fetch_cancel(item->fetch);
    shared_fetch_close(&item->shared);
    drop_text(item);
    token_account_wipe(&item->account);
    arena_free(item->arena);
    free(item);
}

static status open_item(struct token_item *item, const struct service_key *key)
{
    static const struct shared_fetch_kind kind = {.what = "token",
                                                  .ceiling = TOKEN_FILE_MAX,
                                                  .secret = true,
                                                  .take = on_take,
                                                  .wanted = on_wanted,
                                                  .pressing = on_pressing,
                                                  .start = on_start,
                                                  .settle = on_settle};
    const struct token_cache *cache = item->cache;
    char name[sizeof "token-" + SERVICE_KEY_ID_BYTES];

    memcpy(item->id, key->id, sizeof item->id);
    snprintf(name, sizeof name, "token-%s", item->id);
    status s = token_account_copy(item->arena, key, &item->account);
    if (s)
        return s;
    return shared_fetch_open(&item->shared, cache->reactor, item->arena, cache->state_dir, name,
                             &kind, item, cache->settings.fetch_ms);
}

static struct token_item *new_item(struct token_cache *cache, const struct service_key *key)
{
    struct token_item *item = calloc(1, sizeof *item);

    if (!item)
        return NULL;
    item->cache = cache;
    item->shared.reactor = cache->reactor;
    item->shared.lock_fd = -1;
    item->arena = arena_new(0);
    if (!item->arena || open_item(item, key) != OK) {
        free_item(item);
        return NULL;
    }
    item->next = cache->items;
    cache->items = item;
    return item;
}

static struct token_item *find_item(struct token_cache *cache, const struct service_key *key)
{
    for (struct token_item *item = cache->items; item; item = item->next)
        if (strcmp(item->id, key->id) == 0)
            return item;
    return new_item(cache, key);
}

/* --- waits ----------------------------------------------------------------------------------- */

static void on_deadline(void *arg)
{
    struct token_wait *wait = arg;
    token_done *done = wait->done;
    void *done_arg = wait->arg;

    free_wait(wait);
    fail(done, done_arg, E_TIMEOUT, 0);
}

static struct token_wait *new_wait(struct token_item *item, token_done *done, void *arg)
{
    struct token_wait *wait = calloc(1, sizeof *wait);

    if (!wait)
        return NULL;
    wait->item = item;
    wait->done = done;
    wait->arg = arg;
    wait->patient = judge(item) == BUSY;
    const struct token_cache *cache = item->cache;
    if (timer_set(cache->reactor, &wait->deadline, cache->settings.deadline_ms, on_deadline,
                  wait) ||
        shared_fetch_begin(&item->shared, wait->patient ? item->busy_until_ms - clock_ms() : 0) !=
            OK) {
        timer_clear(cache->reactor, &wait->deadline);
        free(wait);
        return NULL;
    }
    link_wait(&item->waits, wait);
    return wait;
}

struct token_wait *token_get(struct token_cache *cache, const struct service_key *key,
                             struct str rejected, token_done *done, void *arg)
{
    struct token_item *item = find_item(cache, key);
    struct token_wait *wait;

    if (!item) {
        fail(done, arg, E_NOMEM, 0);
        return NULL;
    }
    if (rejected.n)
        reject(item, rejected);
    if (!usable(item, clock_ms()))
        shared_fetch_look(&item->shared);
    enum verdict v = judge(item);
    if (v == HAVE) {
        if (refresh_due(item))
            begin(item);
        give(item, done, arg);
        return NULL;
    }
    if (v == REFUSED || (v == BUSY && !is_patient(item, false))) {
        fail_by(item, v, done, arg);
        return NULL;
    }
    wait = new_wait(item, done, arg);
    if (!wait)
        fail(done, arg, E_NOMEM, 0);
    return wait;
}

void token_cancel(struct token_wait *wait)
{
    if (wait)
        free_wait(wait);
}

/* --- the cache ------------------------------------------------------------------------------- */

static int64_t or_default(int64_t value, int64_t otherwise)
{
    return value > 0 ? value : otherwise;
}

struct token_cache *token_cache_new(struct reactor *r, const char *state_dir,
                                    const struct token_settings *settings)
{
    static const struct token_settings none;
    struct token_cache *cache = calloc(1, sizeof *cache);

    if (!cache)
        return NULL;
    if (!settings)
        settings = &none;
    cache->reactor = r;
    cache->settings =
        (struct token_settings){.deadline_ms = or_default(settings->deadline_ms, 30000),
                                .fetch_ms = or_default(settings->fetch_ms, 15000),
                                .refused_ms = or_default(settings->refused_ms, 30000),
                                .backoff_ms = or_default(settings->backoff_ms, 2000)};
    const char *folder = shared_fetch_folder(state_dir, "tokens");
    if (!folder)
        return cache;
    cache->state_dir = strdup(folder);
    if (cache->state_dir)
        return cache;
    free(cache);
    return NULL;
}

void token_cache_free(struct token_cache *cache)
{
    if (!cache)
        return;
    while (cache->items) {
        struct token_item *item = cache->items;
        cache->items = item->next;
        free_item(item);
    }
    free(cache->state_dir);
    free(cache);
}

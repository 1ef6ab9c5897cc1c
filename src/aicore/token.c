/*
 * Who gets which token when. What is known about a token is token_state.c, what lies on disk
 * token_record.c, the question to the service token_fetch.c, and "one asks, the others wait"
 * shared_fetch.c; here are those who wait.
 */
#include "aicore/token.h"

#include <stdio.h>
#include <stdlib.h>

#include "aicore/shared_fetch.h"
#include "aicore/token_fetch.h"
#include "aicore/token_state.h"
#include "base/clock.h"
#include "base/crypto.h"
#include "base/log.h"

/* A caller waits once for the end of so short a pause. */
enum { PATIENCE_MS = 3000 };

struct token_wait {
    struct token_wait *next, **at; /* `at`: what points to this one */
    struct token_item *item;
    token_done *done;
    void *arg;
    struct timer deadline;
    bool patient; /* has waited for the end of a pause already */
};

/* One credential. */
struct token_item {
    struct token_item *next;
    struct token_cache *cache;
    struct arena *arena;
    char id[SERVICE_KEY_ID_BYTES];
    struct token_account account;
    struct shared_fetch shared;
    struct token_fetch *fetch;

    struct token_state state;
    struct token_wait *waits;
};

struct token_cache {
    struct reactor *reactor;
    struct token_settings settings;
    char *state_dir; /* NULL: memory alone */
    struct token_item *items;
};

/* --- the file -------------------------------------------------------------------------------- */

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
        token_state_take(&item->state, &record, item->cache->settings.refused_ms);
    if (record.token.p)
        crypto_wipe((void *)(uintptr_t)record.token.p, record.token.n);
    arena_free(arena);
    return s ? E_SYNTAX : OK;
}

static void publish(struct token_item *item)
{
    struct buf content = {.ceiling = TOKEN_FILE_MAX};
    struct token_record record = token_state_record(&item->state);

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
    struct token_text *text = token_text_hold(item->state.text);

    done(arg, OK, token_text_str(text), NULL);
    token_text_release(text);
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

static int64_t pause_left(const struct token_item *item)
{
    return item->state.busy_until_ms - clock_ms();
}

static void fail_by(const struct token_item *item, enum token_verdict v, token_done *done,
                    void *arg)
{
    bool denied = v == TOKEN_DENIED;
    int64_t left = denied ? item->state.refused_until_ms - clock_ms() : pause_left(item);

    fail(done, arg, denied ? E_REFUSED : E_IO, left > 0 ? left : 0);
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
    return !already && pause_left(item) <= PATIENCE_MS;
}

/* Answer one wait, or leave it waiting (in `item->waits`). */
static void settle_wait(struct token_item *item, struct token_wait *wait)
{
    enum token_verdict v = token_state_judge(&item->state);
    token_done *done = wait->done;
    void *arg = wait->arg;

    if (v == TOKEN_MISSING || (v == TOKEN_PAUSED && is_patient(item, wait->patient))) {
        wait->patient = v == TOKEN_PAUSED;
        unlink_wait(wait);
        link_wait(&item->waits, wait);
        return;
    }
    free_wait(wait);
    if (v == TOKEN_USABLE)
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
    bool paused = token_state_judge(&item->state) == TOKEN_PAUSED;

    if (shared_fetch_begin(&item->shared, paused ? pause_left(item) : 0) != OK)
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

static bool on_wanted(void *owner)
{
    const struct token_state *state = &((struct token_item *)owner)->state;

    return token_state_judge(state) == TOKEN_MISSING || token_state_refresh_due(state);
}

static bool on_pressing(void *owner)
{
    return ((struct token_item *)owner)->waits != NULL;
}

static void note_refused(struct token_item *item, const char *text)
{
    token_state_refuse(&item->state, item->cache->settings.refused_ms);
    log_warning("token service refuses credential %s: %s", item->id, text);
}

static void note_busy(struct token_item *item, int64_t pause_ms, const char *text)
{
    pause_ms = token_state_pause(&item->state, pause_ms, item->cache->settings.backoff_ms);
    log_warning("no token for credential %s: %s; next try in %d ms", item->id, text, (int)pause_ms);
}

static void note_token(struct token_item *item, const struct token_answer *answer)
{
    if (token_state_is_rejected(&item->state, answer->token))
        note_refused(item, "it gives out the token again that upstream rejected");
    else if (token_state_set(&item->state, answer->token, answer->life_s * 1000) != OK)
        note_busy(item, 0, "out of memory");
    else
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
    token_state_drop(&item->state);
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
    wait->patient = token_state_judge(&item->state) == TOKEN_PAUSED;
    const struct token_cache *cache = item->cache;
    if (timer_set(cache->reactor, &wait->deadline, cache->settings.deadline_ms, on_deadline,
                  wait) ||
        shared_fetch_begin(&item->shared, wait->patient ? pause_left(item) : 0) != OK) {
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
        token_state_reject(&item->state, rejected);
    if (token_state_judge(&item->state) != TOKEN_USABLE)
        shared_fetch_look(&item->shared);
    enum token_verdict v = token_state_judge(&item->state);
    if (v == TOKEN_USABLE) {
        if (token_state_refresh_due(&item->state))
            begin(item);
        give(item, done, arg);
        return NULL;
    }
    if (v == TOKEN_DENIED || (v == TOKEN_PAUSED && !is_patient(item, false))) {
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

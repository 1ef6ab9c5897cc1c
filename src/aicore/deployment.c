/*
 * Who gets which list when. Lists are deployment_list.c, the question to the AI API is
 * deployment_fetch.c, "one asks, the others wait" is shared_fetch.c; this is the judgement over
 * them, and the file:
 *
 * {"corelay_deployments":1,"group":"..","fetched_ms":..,"count":N,"resources":[..],
 *  "catalogue":{"resources":[..]},"failure":{"at_ms":..,"until_ms":..,"outcome":"refused"}}
 *
 * "count", "resources" and the catalogue's are written as the AI API writes them, and missing while
 * there is no list, and no catalogue.
 */
#include "aicore/deployment.h"

#include <stdio.h>
#include <stdlib.h>

#include "aicore/deployment_fetch.h"
#include "aicore/deployment_list.h"
#include "aicore/shared_fetch.h"
#include "aicore/token_record.h"
#include "base/clock.h"
#include "base/crypto.h"
#include "base/jwrite.h"
#include "base/log.h"

enum {
    VERSION = 1,
    PAUSE_MAX_MS = 60000, /* the longest pause after a failure */
    STALE_FACTOR = 12,    /* a list so many times older than the setting is only used in need */
    HASH_BYTES = 8
};

struct discovery_wait {
    struct discovery_wait *next, **at; /* `at`: what points to this one */
    struct discovery_item *item;
    int64_t since_ms; /* a list fetched before is not good enough */
    discovery_done *done;
    void *arg;
    struct timer deadline;
};

/* One key and resource group. All times are monotonic. */
struct discovery_item {
    struct discovery_item *next;
    struct discovery *discovery;
    struct arena *arena;
    const struct service_key *key;
    const char *group;
    struct shared_fetch shared;
    struct deployment_fetch *fetch;

    struct deployment_list *list; /* NULL: none */
    int64_t fetched_ms, refresh_ms;
    int64_t failed_until_ms; /* the AI API is left alone till then */
    enum deployment_outcome failure;
    struct discovery_wait *waits;
};

struct discovery {
    struct reactor *reactor;
    struct token_cache *tokens;
    struct discovery_settings settings;
    char *state_dir; /* NULL: memory alone */
    struct discovery_item *items;
};

static const char *const outcome_words[] = {
    [DEPLOYMENTS_FETCHED] = "none",
    [DEPLOYMENTS_REFUSED] = "refused",
    [DEPLOYMENTS_UNAVAILABLE] = "unavailable",
    [DEPLOYMENTS_UNUSABLE] = "unusable",
};

/* --- judgement ------------------------------------------------------------------------------- */

static bool fresh_since(const struct discovery_item *item, int64_t since_ms)
{
    return item->list && item->fetched_ms >= since_ms;
}

/* Lists fetched earlier than this do not do. */
static int64_t since(const struct discovery_item *item, bool force)
{
    const struct discovery_settings *set = &item->discovery->settings;

    return clock_ms() - (force ? set->minimum_ms : STALE_FACTOR * set->refresh_ms);
}

static void take_list(struct discovery_item *item, struct deployment_list *list, int64_t fetched_ms)
{
    int64_t refresh = item->discovery->settings.refresh_ms;

    deployment_list_release(item->list);
    item->list = list;
    item->fetched_ms = fetched_ms;
    item->refresh_ms = fetched_ms + refresh - refresh / 10 + shared_fetch_jitter(refresh / 5);
}

static bool on_wanted(void *owner)
{
    struct discovery_item *item = owner;

    if (clock_ms() < item->failed_until_ms)
        return false;
    if (!item->list || clock_ms() >= item->refresh_ms)
        return true;
    for (struct discovery_wait *w = item->waits; w; w = w->next)
        if (!fresh_since(item, w->since_ms))
            return true;
    return false;
}

static bool on_pressing(void *owner)
{
    return ((struct discovery_item *)owner)->waits != NULL;
}

/* --- disk ------------------------------------------------------------------------------------ */

static int64_t wall_of(const struct json *n)
{
    double value = json_number(n, 0);

    return value > 0 && value < 9e15 ? (int64_t)value : 0;
}

static void take_failure(struct discovery_item *item, const struct json *failure)
{
    struct token_pause pause = {wall_of(json_get(failure, "at_ms")),
                                wall_of(json_get(failure, "until_ms"))};
    const char *word = json_text(json_get(failure, "outcome"), "");

    item->failed_until_ms = clock_ms() + token_pause_left_ms(&pause, clock_wall_ms(), PAUSE_MAX_MS);
    item->failure = DEPLOYMENTS_UNAVAILABLE;
    for (int i = DEPLOYMENTS_REFUSED; i <= DEPLOYMENTS_UNUSABLE; i++)
        if (strcmp(word, outcome_words[i]) == 0)
            item->failure = (enum deployment_outcome)i;
}

/* How old a list is by the wall clock; one from the future is due, but not stale. */
static int64_t age_of(const struct discovery_item *item, int64_t fetched_wall_ms)
{
    int64_t age = clock_wall_ms() - fetched_wall_ms;

    return age >= 0 ? age : item->discovery->settings.refresh_ms * 2;
}

static status take_file(struct discovery_item *item, const struct json *root)
{
    struct deployment_builder b = {.list = NULL};
    int64_t fetched = wall_of(json_get(root, "fetched_ms")), total;
    size_t rows;

    if (json_number(json_get(root, "corelay_deployments"), 0) != VERSION)
        return E_SYNTAX;
    take_failure(item, json_get(root, "failure"));
    int64_t fetched_ms = clock_ms() - age_of(item, fetched);
    if (!json_get(root, "resources") || fresh_since(item, fetched_ms))
        return OK;
    status s = fetched ? deployment_builder_add(&b, root, &rows, &total) : E_SYNTAX;
    if (!s && json_get(root, "catalogue"))
        s = deployment_builder_catalogue(&b, json_get(root, "catalogue"));
    struct deployment_list *list = s ? NULL : deployment_builder_finish(&b, fetched / 1000);
    deployment_builder_drop(&b);
    if (list)
        take_list(item, list, fetched_ms);
    return s == E_NOMEM ? OK : s;
}

static status on_take(void *owner, struct str content)
{
    struct json *root;
    status s = json_parse(content, &root, NULL, NULL);

    if (s)
        return E_SYNTAX;
    s = take_file(owner, root);
    json_free(root);
    return s;
}

static void write_failure(const struct discovery_item *item, struct jwrite *w)
{
    int64_t left = item->failed_until_ms - clock_ms(), wall = clock_wall_ms();

    if (left <= 0)
        return;
    jwrite_member_object(w, "failure");
    jwrite_member_int(w, "at_ms", wall);
    jwrite_member_int(w, "until_ms", wall + left);
    jwrite_member_cstr(w, "outcome", outcome_words[item->failure]);
    jwrite_end(w);
}

static void publish(struct discovery_item *item)
{
    struct buf content = {.ceiling = DEPLOYMENT_BODY_MAX};
    struct jwrite w = jwrite_to(&content);

    if (item->shared.path) {
        jwrite_object(&w);
        jwrite_member_int(&w, "corelay_deployments", VERSION);
        jwrite_member_cstr(&w, "group", item->group);
        if (item->list) {
            jwrite_member_int(&w, "fetched_ms", clock_wall_ms() - clock_ms() + item->fetched_ms);
            deployment_list_write(&w, item->list);
        }
        write_failure(item, &w);
        jwrite_end(&w);
    }
    shared_fetch_finish(&item->shared, content.failed ? STR_NONE : buf_str(&content));
    buf_free(&content);
}

/* --- answering ------------------------------------------------------------------------------- */

static void give(struct discovery_item *item, discovery_done *done, void *arg)
{
    struct deployment_list *list = deployment_list_hold(item->list);

    done(arg, OK, list, NULL);
    deployment_list_release(list);
}

static void fail(discovery_done *done, void *arg, status s, struct chat_error err)
{
    err.http_status = chat_error_status(err.kind);
    done(arg, s, NULL, &err);
}

static void fail_timeout(discovery_done *done, void *arg)
{
    fail(done, arg, E_TIMEOUT,
         (struct chat_error){.kind = CHAT_ERROR_TIMEOUT,
                             .message = STR("SAP AI Core did not list its models in time.")});
}

static void fail_memory(discovery_done *done, void *arg)
{
    fail(done, arg, E_NOMEM,
         (struct chat_error){.kind = CHAT_ERROR_OVERLOADED,
                             .message = STR("The gateway is out of memory at the moment.")});
}

static void fail_by(const struct discovery_item *item, discovery_done *done, void *arg)
{
    int64_t left = item->failed_until_ms - clock_ms();
    struct chat_error err = {.kind = CHAT_ERROR_OVERLOADED,
                             .retry_after_ms = left > 0 ? left : 0,
                             .message = STR("SAP AI Core does not list its models at the moment."),
                             .detail = STR("the AI API's list of deployments could not be had")};
    status s = E_IO;

    if (item->failure == DEPLOYMENTS_REFUSED) {
        err.kind = CHAT_ERROR_UPSTREAM_AUTH;
        err.message = STR("SAP AI Core does not accept the gateway's credentials.");
        err.detail =
            STR("the AI API refuses to list deployments: the credential was refused, or the "
                "resource group is wrong");
        s = E_REFUSED;
    } else if (item->failure == DEPLOYMENTS_UNUSABLE) {
        err.kind = CHAT_ERROR_UPSTREAM;
        s = FAIL;
    }
    fail(done, arg, s, err);
}

static void link_wait(struct discovery_wait **list, struct discovery_wait *wait)
{
    wait->next = *list;
    wait->at = list;
    if (*list)
        (*list)->at = &wait->next;
    *list = wait;
}

static void unlink_wait(struct discovery_wait *wait)
{
    *wait->at = wait->next;
    if (wait->next)
        wait->next->at = wait->at;
}

static void free_wait(struct discovery_wait *wait)
{
    unlink_wait(wait);
    timer_clear(wait->item->discovery->reactor, &wait->deadline);
    free(wait);
}

/* While the AI API is left alone, what there is must do. */
static void settle_wait(struct discovery_item *item, struct discovery_wait *wait)
{
    bool resting = clock_ms() < item->failed_until_ms;
    discovery_done *done = wait->done;
    void *arg = wait->arg;

    if (!fresh_since(item, wait->since_ms) && !resting) {
        unlink_wait(wait);
        link_wait(&item->waits, wait);
        return;
    }
    free_wait(wait);
    if (item->list)
        give(item, done, arg);
    else
        fail_by(item, done, arg);
}

static void fail_all(struct discovery_item *item)
{
    while (item->waits) {
        discovery_done *done = item->waits->done;
        void *arg = item->waits->arg;
        free_wait(item->waits);
        fail_memory(done, arg);
    }
}

/* A callback may cancel any wait and begin new ones: those go to `item->waits`, not to the batch.
 */
static void on_settle(void *owner)
{
    struct discovery_item *item = owner;
    struct discovery_wait *batch = item->waits;

    if (batch)
        batch->at = &batch;
    item->waits = NULL;
    while (batch)
        settle_wait(item, batch);
    if (item->waits && shared_fetch_begin(&item->shared, 0) != OK)
        fail_all(item);
}

/* --- fetching -------------------------------------------------------------------------------- */

static void note_failure(struct discovery_item *item, const struct deployment_answer *answer)
{
    int64_t pause = answer->retry_after_ms, least = item->discovery->settings.minimum_ms;

    pause = pause < least ? least : pause > PAUSE_MAX_MS ? PAUSE_MAX_MS : pause;
    item->failed_until_ms = clock_ms() + pause;
    item->failure = answer->outcome;
    log_warning("no list of deployments from %s, resource group %s: %s%s", item->key->api_url,
                item->group, answer->text, item->list ? "; the last one stays in use" : "");
}

static void on_answer(void *arg, struct deployment_answer *answer)
{
    struct discovery_item *item = arg;

    item->fetch = NULL;
    if (answer->outcome == DEPLOYMENTS_FETCHED) {
        item->failed_until_ms = 0;
        take_list(item, answer->list, clock_ms());
        log_info("resource group %s: %zu deployments are running", item->group, item->list->count);
    } else {
        shared_fetch_look(&item->shared); /* another may have been luckier, if we had no lock */
        note_failure(item, answer);
    }
    publish(item);
    on_settle(item);
}

/* A fetch ends well before those who wait for it give up. */
static int64_t fetch_limit(const struct discovery *d)
{
    return d->settings.deadline_ms * 6 / 10;
}

static void on_start(void *owner)
{
    struct discovery_item *item = owner;
    struct discovery *d = item->discovery;

    item->fetch = deployment_fetch_start(d->reactor, d->tokens, item->key, item->group, item->list,
                                         fetch_limit(d), on_answer, item);
    if (item->fetch)
        return;
    struct deployment_answer answer = {.outcome = DEPLOYMENTS_UNAVAILABLE, .text = "out of memory"};
    on_answer(item, &answer);
}

/* --- items ----------------------------------------------------------------------------------- */

static void free_item(struct discovery_item *item)
{
    while (item->waits)
        free_wait(item->waits);
    deployment_fetch_cancel(item->fetch);
    shared_fetch_close(&item->shared);
    deployment_list_release(item->list);
    arena_free(item->arena);
    free(item);
}

/* deployments-<key id>-<hash of API and resource group> */
static struct str file_name(const struct discovery_item *item)
{
    uint8_t hash[SHA256_BYTES];
    char hex[2 * HASH_BYTES + 1];
    struct str all = arena_printf(item->arena, "%s\n%s", item->key->api_url, item->group);

    if (!all.p)
        return STR_NONE;
    crypto_sha256(all, hash);
    crypto_hex(hash, HASH_BYTES, hex);
    return arena_printf(item->arena, "deployments-%s-%s", item->key->id, hex);
}

static status open_item(struct discovery_item *item)
{
    static const struct shared_fetch_kind kind = {.what = "deployment",
                                                  .ceiling = DEPLOYMENT_BODY_MAX,
                                                  .take = on_take,
                                                  .wanted = on_wanted,
                                                  .pressing = on_pressing,
                                                  .start = on_start,
                                                  .settle = on_settle};
    const struct discovery *d = item->discovery;
    struct str name = file_name(item);

    return name.p ? shared_fetch_open(&item->shared, d->reactor, item->arena, d->state_dir, name.p,
                                      &kind, item, fetch_limit(d))
                  : E_NOMEM;
}

static struct discovery_item *new_item(struct discovery *d, const struct service_key *key,
                                       const char *group)
{
    struct discovery_item *item = calloc(1, sizeof *item);

    if (!item)
        return NULL;
    item->discovery = d;
    item->key = key;
    item->group = group;
    item->shared.reactor = d->reactor;
    item->shared.lock_fd = -1;
    item->arena = arena_new(0);
    if (!item->arena || open_item(item) != OK) {
        free_item(item);
        return NULL;
    }
    item->next = d->items;
    d->items = item;
    return item;
}

static struct discovery_item *find_item(struct discovery *d, const struct service_key *key,
                                        const char *group)
{
    for (struct discovery_item *item = d->items; item; item = item->next)
        if (strcmp(item->key->id, key->id) == 0 && strcmp(item->group, group) == 0 &&
            strcmp(item->key->api_url, key->api_url) == 0)
            return item;
    return new_item(d, key, group);
}

/* --- waits ----------------------------------------------------------------------------------- */

/* The old list is better than none. */
static void on_deadline(void *arg)
{
    struct discovery_wait *wait = arg;
    struct discovery_item *item = wait->item;
    discovery_done *done = wait->done;
    void *done_arg = wait->arg;

    free_wait(wait);
    if (item->list)
        give(item, done, done_arg);
    else
        fail_timeout(done, done_arg);
}

static struct discovery_wait *new_wait(struct discovery_item *item, int64_t since_ms,
                                       discovery_done *done, void *arg)
{
    struct discovery *d = item->discovery;
    struct discovery_wait *wait = calloc(1, sizeof *wait);

    if (!wait)
        return NULL;
    *wait = (struct discovery_wait){.item = item, .since_ms = since_ms, .done = done, .arg = arg};
    if (timer_set(d->reactor, &wait->deadline, d->settings.deadline_ms, on_deadline, wait) != OK ||
        shared_fetch_begin(&item->shared, 0) != OK) {
        timer_clear(d->reactor, &wait->deadline);
        free(wait);
        return NULL;
    }
    link_wait(&item->waits, wait);
    return wait;
}

struct discovery_wait *discovery_get(struct discovery *d, const struct service_key *key,
                                     const char *group, bool force, discovery_done *done, void *arg)
{
    struct discovery_item *item = find_item(d, key, group);

    if (!item) {
        fail_memory(done, arg);
        return NULL;
    }
    int64_t since_ms = since(item, force);
    if (!fresh_since(item, since_ms) || clock_ms() >= item->refresh_ms)
        shared_fetch_look(&item->shared);
    bool fresh = fresh_since(item, since_ms), resting = clock_ms() < item->failed_until_ms;
    if (fresh || (resting && item->list)) {
        if (on_wanted(item) && shared_fetch_begin(&item->shared, 0) != OK)
            log_warning("no memory to refresh the list of deployments");
        give(item, done, arg);
        return NULL;
    }
    if (resting) {
        fail_by(item, done, arg);
        return NULL;
    }
    struct discovery_wait *wait = new_wait(item, since_ms, done, arg);
    if (!wait)
        fail_memory(done, arg);
    return wait;
}

void discovery_cancel(struct discovery_wait *wait)
{
    if (wait)
        free_wait(wait);
}

/* --- the whole ------------------------------------------------------------------------------- */

static int64_t or_default(int64_t value, int64_t otherwise)
{
    return value > 0 ? value : otherwise;
}

struct discovery *discovery_new(struct reactor *r, struct token_cache *tokens,
                                const char *state_dir, const struct discovery_settings *settings)
{
    static const struct discovery_settings none;
    struct discovery *d = calloc(1, sizeof *d);

    if (!d)
        return NULL;
    if (!settings)
        settings = &none;
    d->reactor = r;
    d->tokens = tokens;
    d->settings =
        (struct discovery_settings){.refresh_ms = or_default(settings->refresh_ms, 300000),
                                    .minimum_ms = or_default(settings->minimum_ms, 10000),
                                    .deadline_ms = or_default(settings->deadline_ms, 30000)};
    const char *folder = shared_fetch_folder(state_dir, "lists of deployments");
    if (!folder)
        return d;
    d->state_dir = strdup(folder);
    if (d->state_dir)
        return d;
    free(d);
    return NULL;
}

void discovery_free(struct discovery *d)
{
    if (!d)
        return;
    while (d->items) {
        struct discovery_item *item = d->items;
        d->items = item->next;
        free_item(item);
    }
    free(d->state_dir);
    free(d);
}

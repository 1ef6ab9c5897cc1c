/*
 * What Azure's Responses API stores, and what can be asked of it. A response lives in the deployment
 * that made it; every other says that there is none. See responses.h.
 */
#include "responses.h"

#include "chat.h"
#include "json.h"
#include "tenant.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { STORED_MAX = 256, POLLS = 2, PAGE_DEFAULT = 20, PAGE_MOST = 100 };

struct stored {
    char *id, *deployment;
    char *input, *items;      /* what was said to it; the same and its output */
    char *response, *waiting; /* the answer; what is said before it is there, NULL: nothing */
    char *events;             /* of a background stream, NULL: it was none */
    bool background, cancelled;
    int polls; /* how often it was asked for */
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct stored store[STORED_MAX];
static size_t store_next;

static void forget(struct stored *s)
{
    free(s->id);
    free(s->deployment);
    free(s->input);
    free(s->items);
    free(s->response);
    free(s->waiting);
    free(s->events);
    memset(s, 0, sizeof *s);
}

void responses_clear(void)
{
    size_t i;

    pthread_mutex_lock(&lock);
    for (i = 0; i < STORED_MAX; i++)
        forget(&store[i]);
    pthread_mutex_unlock(&lock);
}

/* Call with the lock held. */
static struct stored *find(struct exchange *x, const char *id, size_t len)
{
    size_t i;

    for (i = 0; i < STORED_MAX; i++)
        if (store[i].id && strlen(store[i].id) == len && !strncmp(store[i].id, id, len) &&
            !strcmp(store[i].deployment, x->deployment->id))
            return &store[i];
    return NULL;
}

/* --- keeping ------------------------------------------------------------------------------------- */

/* Without its last bracket. */
static void write_input(struct exchange *x, struct buf *out, const cJSON *before)
{
    const cJSON *input = json_get(x->json, "input"), *item,
                *lists[2] = {before, cJSON_IsArray(input) ? input : NULL};
    const char *comma = "[";
    int i;

    for (i = 0; i < 2; i++) {
        cJSON_ArrayForEach(item, lists[i])
        {
            buf_text(out, comma);
            buf_text(out, json_text(&x->pool, item));
            comma = ",";
        }
    }
    if (cJSON_IsString(input))
        buf_json(out, "%s{'role':'user','content':%q}", comma, input->valuestring);
}

void responses_store(struct exchange *x, const char *id, const struct buf *output,
                     const struct buf *whole, const cJSON *before)
{
    struct buf input = {&x->pool, NULL, 0, 0};
    bool background = json_true(x->json, "background"), stream = json_true(x->json, "stream");
    const char *rest = buf_str(output) + 1; /* behind its bracket */
    struct stored *s;

    if (cJSON_IsFalse(json_get(x->json, "store")))
        return;
    write_input(x, &input, before);
    pthread_mutex_lock(&lock);
    s = &store[store_next++ % STORED_MAX];
    forget(s);
    s->id = strdup(id);
    s->deployment = strdup(x->deployment->id);
    s->items = strdup(pool_printf(&x->pool, "%s%s%s", input.at, *rest == ']' ? "" : ",", rest));
    s->input = strdup(pool_printf(&x->pool, "%s]", input.at));
    s->response = strdup(buf_str(whole));
    s->background = background;
    if (background && stream)
        s->events = strdup(buf_str(&x->reply.bytes));
    else if (background)
        s->waiting = strdup(buf_str(&x->reply.bytes));
    pthread_mutex_unlock(&lock);
}

bool responses_find_previous(struct exchange *x, const cJSON **before)
{
    const char *id = json_str(x->json, "previous_response_id"), *why;
    struct stored *s;

    *before = NULL;
    if (!id)
        return true;
    pthread_mutex_lock(&lock);
    s = find(x, id, strlen(id));
    if (s)
        *before = json_parse(&x->pool, s->items, strlen(s->items), &why);
    pthread_mutex_unlock(&lock);
    if (*before)
        return true;
    return chat_bad(x, "previous_response_not_found", "previous_response_id",
                    "Previous response with id '%s' not found.", id);
}

const cJSON *responses_stored_item(struct exchange *x, const char *id)
{
    const cJSON *list, *item, *found = NULL;
    const char *why;
    size_t i;

    pthread_mutex_lock(&lock);
    for (i = 0; i < STORED_MAX && !found; i++) {
        if (!store[i].id || strcmp(store[i].deployment, x->deployment->id) ||
            !strstr(store[i].items, id))
            continue;
        list = json_parse(&x->pool, store[i].items, strlen(store[i].items), &why);
        cJSON_ArrayForEach(item, list)
        {
            if (json_str(item, "id") && !strcmp(json_str(item, "id"), id))
                found = item;
        }
    }
    pthread_mutex_unlock(&lock);
    return found;
}

/* --- answers ------------------------------------------------------------------------------------- */

static const char *with_status(struct exchange *x, const char *response, const char *status)
{
    const char *why;
    cJSON *tree = json_parse(&x->pool, response, strlen(response), &why);

    cJSON_ReplaceItemInObject(tree, "status", cJSON_CreateString(status));
    return json_text(&x->pool, tree);
}

/* One that is made in the background is there when it was asked for often enough. */
static const char *present(struct exchange *x, struct stored *s)
{
    if (s->cancelled)
        return with_status(x, s->waiting, "cancelled");
    if (s->waiting && ++s->polls < POLLS)
        return with_status(x, s->waiting, "in_progress");
    return s->response;
}

static void answer_get(struct exchange *x, struct stored *s)
{
    const char *text = present(x, s);

    reply_text(&x->reply, 200, "application/json", pool_copy(&x->pool, text, strlen(text)));
}

static void answer_stream(struct exchange *x, struct stored *s)
{
    const char *from = exchange_argument(x, "starting_after"), *at = s->events, *end;
    long after = from ? strtol(from, NULL, 10) : -1;

    if (!at) {
        chat_bad(x, NULL, "stream",
                 "Only responses created with background=true and stream=true can be streamed.");
        return;
    }
    reply_open(&x->reply, "text/event-stream; charset=utf-8");
    for (; (end = strstr(at, "\n\n")) != NULL; at = end + 2) {
        const char *number = strstr(at, "\"sequence_number\":");
        if (number && strtol(number + 18, NULL, 10) <= after)
            continue;
        buf_add(&x->reply.bytes, at, (size_t)(end + 2 - at));
        reply_event(&x->reply, 0);
    }
}

static void answer_cancel(struct exchange *x, struct stored *s)
{
    if (!s->background) {
        chat_bad(x, NULL, NULL, "Cannot cancel a synchronous response.");
        return;
    }
    s->cancelled |= s->waiting && s->polls < POLLS;
    answer_get(x, s);
}

static void answer_delete(struct exchange *x, struct stored *s)
{
    reply_json(&x->reply, 200, "{'deleted':true,'id':%q,'object':'response.deleted'}",
               pool_copy(&x->pool, s->id, strlen(s->id)));
    forget(s);
}

static void answer_input(struct exchange *x, struct stored *s)
{
    const char *why, *order = exchange_argument(x, "order"), *asked = exchange_argument(x, "limit");
    cJSON *list = json_parse(&x->pool, s->input, strlen(s->input), &why);
    int count = cJSON_GetArraySize(list), limit = asked ? atoi(asked) : PAGE_DEFAULT, i;
    bool ascending = order && !strcmp(order, "asc");
    struct buf out = {&x->pool, NULL, 0, 0};

    if (limit < 1 || limit > PAGE_MOST) {
        chat_bad(x, "invalid_value", "limit", "Invalid 'limit'.");
        return;
    }
    for (i = 0; i < count && i < limit; i++) {
        cJSON *item = cJSON_GetArrayItem(list, ascending ? i : count - 1 - i);
        if (!json_str(item, "id"))
            cJSON_AddStringToObject(item, "id", pool_printf(&x->pool, "msg_in%d", i));
        if (!json_str(item, "type"))
            cJSON_AddStringToObject(item, "type", "message");
        buf_text(&out, i ? "," : "");
        buf_text(&out, json_text(&x->pool, item));
    }
    reply_json(&x->reply, 200, "{'object':'list','data':[%s],'has_more':%b}", buf_str(&out),
               count > limit);
}

static void answer_about(struct exchange *x, struct stored *s, const char *below)
{
    const char *stream = exchange_argument(x, "stream");

    if (!*below && exchange_is(x, "DELETE"))
        answer_delete(x, s);
    else if (!*below && exchange_is(x, "GET") && stream && !strcmp(stream, "true"))
        answer_stream(x, s);
    else if (!*below && exchange_is(x, "GET"))
        answer_get(x, s);
    else if (!strcmp(below, "/cancel") && exchange_is(x, "POST"))
        answer_cancel(x, s);
    else if (!strcmp(below, "/input_items") && exchange_is(x, "GET"))
        answer_input(x, s);
    else
        x->family->refuse(x, 404, "Resource not found");
}

void responses_stored_answer(struct exchange *x)
{
    const char *id = x->suffix + strlen("/responses/");
    size_t len = strcspn(id, "/");
    struct stored *s;

    pthread_mutex_lock(&lock);
    s = find(x, id, len);
    if (s)
        answer_about(x, s, id + len);
    pthread_mutex_unlock(&lock);
    if (!s)
        x->family->refuse(x, 404, "Response not found.");
}

/*
 * What is asked about a response that was made before: GET, DELETE, cancel, input items.
 *
 * Our own store answers for what it keeps. Everything else is Azure's: passed to the deployment that
 * made the response where that is known, else to one after the other until one knows it.
 */
#include "base/log.h"
#include "dialect/openai_responses_stored.h"
#include "exchange/life.h"

enum { ID_MAX_BYTES = 512, ASKED_MAX = 16 };

static struct str asked_for(const struct exchange *x)
{
    return x->match.id;
}

static bool asks(const struct exchange *x, const char *below)
{
    const char *what = x->match.endpoint->below;
    return below ? what && strcmp(what, below) == 0 : !what;
}

static bool is_delete(const struct exchange *x)
{
    return strcmp(x->request.method, "DELETE") == 0;
}

static struct str query(const struct exchange *x, const char *name)
{
    return endpoint_query(x->arena, x->request.query, name);
}

void stored_missing(struct exchange *x)
{
    chat_error_set(&x->error, x->arena, CHAT_ERROR_NOT_FOUND, "Response with id '%.*s' not found.",
                   STR_ARG(asked_for(x)));
}

/* It becomes a part of a path upstream. */
static bool is_plain(struct str id)
{
    for (size_t i = 0; i < id.n; i++) {
        char c = id.p[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!plain && c != '_' && c != '-')
            return false;
    }
    return id.n > 0 && id.n <= ID_MAX_BYTES;
}

/* --- our own store ------------------------------------------------------------------------------- */

static enum step say(struct exchange *x, struct buf *body)
{
    if (!body->failed)
        reply_whole(x, 200, "application/json", buf_str(body));
    buf_free(body);
    return x->head_sent ? DONE : STEP_FAIL;
}

static enum step list_input(struct exchange *x, struct str id)
{
    struct openai_responses_page page = {.after = query(x, "after"), .before = query(x, "before")};
    struct buf items = {0}, body = {0};
    struct str missing;

    str_to_long(query(x, "limit"), &page.limit);
    page.ascending = str_is(query(x, "order"), "asc");
    status s = earlier_history(x, id, false, &items, &missing);
    arena_allow(x->arena, ARENA_PER_BODY_BYTE * items.n);
    if (!s)
        s = openai_responses_list(x->arena, id, buf_str(&items), &page, &body);
    buf_free(&items);
    if (!s)
        return say(x, &body);
    buf_free(&body);
    if (s == E_NOT_FOUND)
        stored_missing(x);
    return STEP_FAIL;
}

static enum step refuse(struct exchange *x, const char *param, const char *why)
{
    chat_error_field(&x->error, x->arena, CHAT_ERROR_INVALID, param, "%s", why);
    return STEP_FAIL;
}

static enum step delete_ours(struct exchange *x, struct str id)
{
    struct buf body = {0};

    if (store_forget_answer(gateway_store(x->state), id) == E_IO) {
        chat_error_set(&x->error, x->arena, CHAT_ERROR_INTERNAL,
                       "The response could not be deleted.");
        return STEP_FAIL;
    }
    openai_responses_deleted(id, &body);
    return say(x, &body);
}

static enum step serve_ours(struct exchange *x, struct str id, const struct store_answer *answer)
{
    if (asks(x, "/cancel"))
        return refuse(x, NULL, "Cannot cancel a synchronous response.");
    if (asks(x, "/input_items"))
        return list_input(x, id);
    if (is_delete(x))
        return delete_ours(x, id);
    if (str_is(query(x, "stream"), "true"))
        return refuse(x, "stream",
                      "Only a response that was made in the background can be "
                      "streamed again.");
    reply_whole(x, 200, "application/json", answer->response);
    return DONE;
}

/* --- the answer ---------------------------------------------------------------------------------- */

static void path(const struct exchange *x, struct buf *out)
{
    x->family->path(&x->call, out);
}

struct usage_sink {
    struct chat_sink sink;
    struct record *record;
};

static status keep_usage(struct chat_sink *sink, const struct chat_event *e)
{
    struct record *record = ((struct usage_sink *)sink)->record;

    if (e->kind == CHAT_EVENT_USAGE) {
        record->usage = e->usage;
        record->has_usage = true;
    }
    return OK;
}

/* What was made in the background and has ended says what it used. */
static void read_usage(struct exchange *x)
{
    struct usage_sink sink = {{keep_usage}, &x->record};
    struct arena *scratch = arena_new(ARENA_BYTES);
    struct family_reader *reader =
        scratch ? x->family->reader(scratch, &x->call, &sink.sink) : NULL;

    if (reader)
        x->family->read_whole(reader, scratch, buf_str(&x->whole));
    arena_free(scratch);
}

static bool finish(struct exchange *x)
{
    if (x->earlier.place.owed && x->up_status == 200)
        read_usage(x);
    log_body("answer", x->id, buf_str(&x->whole));
    reply_whole(x, x->up_status, "application/json", buf_str(&x->whole));
    return true;
}

/* A stream goes the way of a chat's on the lane. */
static const struct work whole_work = {.path = path, .finish = finish};

/* --- Azure's ------------------------------------------------------------------------------------- */

static void add_encoded(struct buf *out, struct str value)
{
    for (size_t i = 0; i < value.n; i++)
        if (is_plain(str_slice(value, i, i + 1)) || value.p[i] == '.')
            buf_add_char(out, value.p[i]);
        else
            buf_printf(out, "%%%02X", (unsigned char)value.p[i]);
}

/* What the API knows of the caller's query; the rest (his key, for one) is not for upstream. */
static struct str query_for_upstream(struct exchange *x)
{
    static const char *const known[] = {"include",        "include[]", "stream",
                                        "starting_after", "after",     "before",
                                        "limit",          "order",     "include_obfuscation"};
    struct str rest = x->request.query;
    struct buf out = {0};

    while (rest.n) {
        struct str value = str_cut(&rest, '&');
        struct str name = endpoint_decode(x->arena, str_cut(&value, '='));
        for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
            if (!str_is(name, known[i]))
                continue;
            buf_printf(&out, "&%s=", known[i]);
            add_encoded(&out, endpoint_decode(x->arena, value));
        }
    }
    struct str text = out.failed ? STR_NONE : arena_str(x->arena, buf_str(&out));
    buf_free(&out);
    return text;
}

static enum step ask_upstream(struct exchange *x)
{
    const char *below = x->match.endpoint->below ? x->match.endpoint->below : "";

    x->earlier.id = asked_for(x);
    x->call.lane = true;
    x->call.stream = asks(x, NULL) && !is_delete(x) && str_is(query(x, "stream"), "true");
    x->call.below = arena_printf(x->arena, "/%.*s%s", STR_ARG(asked_for(x)), below);
    x->call.query = query_for_upstream(x);
    x->work = x->call.stream ? NULL : &whole_work;
    x->record.stream = x->call.stream;
    x->stage = STAGE_MODELS;
    return x->call.below.p ? GO_ON : STEP_FAIL;
}

enum step stored_begin(struct exchange *x)
{
    const struct store *store = gateway_store(x->state);
    struct str id = asked_for(x);
    struct store_answer answer = {.owner = STR_NONE};
    struct store_place place = {.owner = STR_NONE};
    size_t limit = (size_t)x->config->limits.body_bytes;

    arena_allow(x->arena, STORED_ARENA_FACTOR * limit);
    bool ours = store_find_answer(store, x->arena, id, &answer) == OK;
    bool known = ours || store_find_place(store, x->arena, id, &place) == OK;
    struct str owner = ours ? answer.owner : place.owner;
    if (!is_plain(id) || (known && !str_eq(owner, earlier_owner(x)))) {
        stored_missing(x);
        return STEP_FAIL;
    }
    if (ours)
        return serve_ours(x, id, &answer);
    x->earlier.place = place;
    return ask_upstream(x);
}

/* --- who has it ---------------------------------------------------------------------------------- */

static bool may_have(const struct exchange *x, const struct route_model *m, const struct target *t)
{
    const struct store_place *place = &x->earlier.place;

    if (family_for(t->family, &m->rules, WIRE_OPENAI_RESPONSES, false) != &family_azure_responses ||
        str_find(m->name, "embed") < m->name.n)
        return false;
    return !place->owner.n || (str_is(place->account, t->account->name) &&
                               str_is(place->group, t->group) && str_is(place->deployment, t->id));
}

/* A target, and whose it is. */
struct holder {
    struct target target;
    struct route_model *model;
};

/* False: out of memory. */
static bool add_targets(struct exchange *x, struct route_model *all, struct route_model *m)
{
    struct target **end = &all->targets;

    while (*end)
        end = &(*end)->next;
    for (const struct target *t = m->targets; t && all->target_count < ASKED_MAX; t = t->next) {
        if (!may_have(x, m, t))
            continue;
        struct holder *holder = ARENA_NEW(x->arena, struct holder);
        if (!holder)
            return false;
        holder->target = *t;
        holder->target.next = NULL;
        holder->model = m;
        *end = &holder->target;
        end = &holder->target.next;
        all->target_count++;
    }
    return true;
}

bool stored_route(struct exchange *x)
{
    struct route_model *all = ARENA_NEW(x->arena, struct route_model);

    for (size_t i = 0; all && i < route_table_count(x->table); i++)
        if (!add_targets(x, all, route_table_at(x->table, i)))
            return false;
    x->model = all;
    if (all && !all->target_count)
        stored_missing(x);
    return all && all->target_count;
}

void stored_choose(struct exchange *x)
{
    x->model = ((const struct holder *)x->target)->model;
    x->record.model = x->model->name;
    x->record.family = family_azure_responses.name;
    x->record.lane = true;
}

/*
 * Conversations of the Responses API that go on from an earlier response.
 *
 * Azure keeps responses itself, each in the deployment that made it; where that is, is noted when
 * the response is passed on, and whoever goes on from it is sent there. For all other families the
 * gateway may keep answers itself (`responses.store`); then the earlier items are put in front of
 * the caller's new ones, and everything behind sees a request that stands by itself.
 *
 * An earlier response of another key does not exist.
 */
#include "base/clock.h"
#include "base/crypto.h"
#include "dialect/openai_responses_stored.h"
#include "exchange/life.h"

enum {
    TURNS_MAX = 2000, /* responses that one goes on from: each is a file to read */
    READS_MAX = 200,  /* files for single items */
    OWNER_BYTES = 16,
    ID_BYTES = 24
};

/* --- whose it is --------------------------------------------------------------------------------- */

/* Not the key's hash itself, which is in the configuration. */
struct str earlier_owner(struct exchange *x)
{
    uint8_t digest[SHA256_BYTES];
    char text[sizeof "owner:" + SHA256_BYTES], hex[SHA256_HEX_BYTES];

    if (x->earlier.owner.n)
        return x->earlier.owner;
    if (!x->key)
        return x->earlier.owner = STR("anyone");
    memcpy(text, "owner:", 6);
    memcpy(text + 6, x->key->hash, SHA256_BYTES);
    crypto_sha256((struct str){text, 6 + SHA256_BYTES}, digest);
    crypto_hex(digest, OWNER_BYTES, hex);
    return x->earlier.owner = arena_str(x->arena, str_from(hex));
}

static bool is_own(struct exchange *x, struct str owner)
{
    return str_eq(owner, earlier_owner(x));
}

static bool not_found(struct exchange *x, struct str id)
{
    chat_error_field(&x->error, x->arena, CHAT_ERROR_INVALID, "previous_response_id",
                     "Previous response with id '%.*s' not found.", STR_ARG(id));
    return false;
}

/* --- what our store has of it -------------------------------------------------------------------- */

struct turn {
    struct str input, output;
    struct turn *next; /* what was said behind it */
};

struct reading {
    struct exchange *x;
    struct arena *arena; /* of the turns */
    size_t bytes, limit;
    struct turn *first;
};

static status read_turn(struct reading *r, struct str *id)
{
    struct store *store = gateway_store(r->x->state);
    struct arena *scratch = arena_new(STORED_ARENA_FACTOR * r->limit);
    struct turn *turn = ARENA_NEW(r->arena, struct turn);
    struct store_answer answer;
    status s = scratch && turn ? store_find_answer(store, scratch, *id, &answer) : E_NOMEM;

    if (!s && !is_own(r->x, answer.owner))
        s = E_NOT_FOUND;
    if (!s) {
        r->bytes += answer.input.n + answer.output.n;
        s = r->bytes > r->limit ? E_LIMIT : OK;
    }
    if (!s) {
        store_touch_answer(store, *id); /* a conversation that is used lasts */
        *turn = (struct turn){arena_str(r->arena, answer.input), arena_str(r->arena, answer.output),
                              r->first};
        r->first = turn;
        *id = answer.previous.n ? arena_str(r->arena, answer.previous) : STR_NONE;
        s = turn->input.p && turn->output.p && (id->p || !answer.previous.n) ? OK : E_NOMEM;
    }
    arena_free(scratch);
    return s;
}

static void write_turns(const struct turn *turn, bool also, struct buf *out)
{
    for (; turn; turn = turn->next) {
        openai_responses_join(out, turn->input);
        if (also || turn->next)
            openai_responses_join(out, turn->output);
    }
}

status earlier_history(struct exchange *x, struct str id, bool also, struct buf *out,
                       struct str *missing)
{
    struct reading r = {.x = x, .limit = (size_t)x->config->limits.body_bytes};
    unsigned turns = 0;
    status s = OK;

    r.arena = arena_new(STORED_ARENA_FACTOR * r.limit);
    if (!r.arena)
        return E_NOMEM;
    while (id.n && !s) {
        s = ++turns > TURNS_MAX ? E_LIMIT : read_turn(&r, &id);
        *missing = s ? arena_str(x->arena, id) : STR_NONE;
    }
    if (!s) {
        buf_add_char(out, '[');
        write_turns(r.first, also, out);
        buf_add_char(out, ']');
    }
    arena_free(r.arena);
    return s;
}

/* --- references to single items ------------------------------------------------------------------ */

/* The output that was looked into last: neighbours are mostly of the same response. */
struct lookup {
    struct exchange *x;
    struct arena *arena; /* of the output; NULL: none */
    struct str maker;
    struct jspan *output; /* NULL: our store has it not */
    unsigned reads;
};

static void look_into(struct lookup *l, struct str maker)
{
    size_t limit = (size_t)l->x->config->limits.body_bytes;
    struct store_answer answer;

    arena_free(l->arena);
    l->arena = arena_new(STORED_ARENA_FACTOR * limit);
    l->maker = maker;
    l->output = NULL;
    if (!l->arena || l->reads++ >= READS_MAX ||
        store_find_answer(gateway_store(l->x->state), l->arena, maker, &answer) ||
        !is_own(l->x, answer.owner) || jspan_parse(l->arena, answer.output, &l->output, NULL))
        l->output = NULL;
}

/* The item that a reference names, unset if our store has it not. */
static struct str find_item(struct lookup *l, struct str item_id)
{
    struct str maker = openai_responses_maker(l->x->arena, item_id);

    if (!maker.n)
        return STR_NONE;
    if (!str_eq(maker, l->maker))
        look_into(l, maker);
    for (const struct jspan *n = jspan_first(l->output); n; n = n->next)
        if (str_eq(jspan_str(l->arena, jspan_get(n, "id")), item_id))
            return arena_str(l->x->arena, n->text);
    return STR_NONE;
}

static bool resolve_references(struct exchange *x)
{
    struct jspan *input = jspan_get(x->body, "input");
    struct lookup lookup = {.x = x};
    bool any = false;

    if (!jspan_is(input, JSPAN_ARRAY))
        return false;
    for (struct jspan *n = jspan_first(input); n; n = n->next) {
        if (!jspan_says(jspan_get(n, "type"), "item_reference"))
            continue;
        struct str item = find_item(&lookup, jspan_str(x->arena, jspan_get(n, "id")));
        if (item.n)
            jspan_replace(n, item);
        any = any || item.n;
    }
    arena_free(lookup.arena);
    return any;
}

/* --- the request --------------------------------------------------------------------------------- */

static bool too_large(struct exchange *x)
{
    chat_error_set(&x->error, x->arena, CHAT_ERROR_TOO_LARGE,
                   "The conversation is larger than the %lld bytes that this gateway takes.",
                   (long long)x->config->limits.body_bytes);
    return false;
}

/* The request as it is now, as if the caller had sent it so. */
static bool rewrite_request(struct exchange *x)
{
    struct buf text = {.ceiling = 2 * (size_t)x->config->limits.body_bytes};
    struct jspan *body;

    jspan_render(x->body, &text);
    bool fits = !text.failed;
    arena_allow(x->arena, (ARENA_PER_BODY_BYTE + 1) * text.n);
    struct str copy = fits ? arena_str(x->arena, buf_str(&text)) : STR_NONE;
    buf_free(&text);
    if (!copy.p || jspan_parse(x->arena, copy, &body, NULL))
        return too_large(x);
    x->request.body = copy;
    x->body = body;
    return true;
}

/* The earlier items in front of the new ones. */
static bool put_in_front(struct exchange *x, struct buf *history)
{
    struct str input = openai_responses_items(x->arena, jspan_get(x->body, "input"));

    history->n -= 1; /* its bracket */
    openai_responses_join(history, input);
    buf_add_char(history, ']');
    arena_allow(x->arena, history->n);
    struct str joined = history->failed ? STR_NONE : arena_str(x->arena, buf_str(history));
    if (!joined.p || jspan_set(x->arena, x->body, "input", joined))
        return too_large(x);
    jspan_remove_key(x->body, "previous_response_id");
    return rewrite_request(x);
}

/* False: an error. Not to be found is none yet: Azure may have it. */
static bool go_on_from_ours(struct exchange *x, struct str id)
{
    struct store *store = gateway_store(x->state);
    struct buf history = {.ceiling = 2 * (size_t)x->config->limits.body_bytes};
    struct str missing = STR_NONE;
    bool good = true;

    if (!store_keeps_answers(store))
        return true;
    status s = earlier_history(x, id, true, &history, &missing);
    if (!s) {
        x->earlier.previous = id;
        good = put_in_front(x, &history);
    } else if (s != E_NOT_FOUND) {
        good = too_large(x);
    } else if (!str_eq(missing, id)) {
        good = not_found(x, missing); /* its beginning is lost */
    }
    buf_free(&history);
    return good;
}

static bool go_on_from(struct exchange *x, struct str id)
{
    struct store_place place;

    if (!go_on_from_ours(x, id) || x->earlier.previous.n)
        return !x->error.kind;
    if (store_find_place(gateway_store(x->state), x->arena, id, &place))
        return true; /* whoever is asked will know */
    if (!is_own(x, place.owner))
        return not_found(x, id);
    x->earlier.place = place;
    return true;
}

bool earlier_begin(struct exchange *x)
{
    const struct jspan *previous = jspan_get(x->body, "previous_response_id");
    bool keeps = store_keeps_answers(gateway_store(x->state));

    x->earlier.wanted = x->match.endpoint->kind == ENDPOINT_CHAT &&
                        !jspan_is(jspan_get(x->body, "store"), JSPAN_FALSE);
    x->earlier.owed = x->earlier.wanted && jspan_true(jspan_get(x->body, "background"));
    if (keeps && resolve_references(x) && !rewrite_request(x))
        return false;
    if (keeps && x->earlier.wanted)
        x->earlier.input = openai_responses_items(x->arena, jspan_get(x->body, "input"));
    if (!jspan_is(previous, JSPAN_STRING))
        return true; /* nothing, or for the decoder to refuse */
    return go_on_from(x, jspan_str(x->arena, previous));
}

/* --- the target ---------------------------------------------------------------------------------- */

static bool is_place(const struct store_place *place, const struct target *t)
{
    return str_is(place->account, t->account->name) && str_is(place->group, t->group) &&
           str_is(place->deployment, t->id);
}

static bool of_another_model(struct exchange *x)
{
    struct str id = jspan_str(x->arena, jspan_get(x->body, "previous_response_id"));

    chat_error_field(&x->error, x->arena, CHAT_ERROR_UNSUPPORTED, "previous_response_id",
                     "Previous response with id '%.*s' is stored with the model '%.*s' that made "
                     "it, and no other can go on from it. Ask that model, or send the items of "
                     "the conversation in `input`.",
                     STR_ARG(id), STR_ARG(x->earlier.place.model));
    return false;
}

/* The model with that one target, and nobody who stands in: he has not what is asked for. */
static struct route_model *narrow(struct exchange *x, const struct target *only)
{
    struct route_model *m = ARENA_NEW(x->arena, struct route_model);
    struct target *t = ARENA_NEW(x->arena, struct target);
    struct config_model *setting =
        x->model->setting ? ARENA_NEW(x->arena, struct config_model) : NULL;

    if (!m || !t || (x->model->setting && !setting))
        return NULL;
    *t = *only;
    t->next = NULL;
    *m = *x->model;
    m->targets = t;
    m->target_count = 1;
    if (setting) {
        *setting = *x->model->setting;
        setting->fallback_count = 0;
        m->setting = setting;
    }
    return m;
}

bool earlier_pin(struct exchange *x)
{
    const struct store_place *place = &x->earlier.place;

    if (!place->owner.n)
        return true;
    for (const struct target *t = x->model->targets; t; t = t->next)
        if (is_place(place, t)) {
            x->model = narrow(x, t);
            return x->model != NULL;
        }
    if (!str_eq(place->model, x->model->name))
        return of_another_model(x);
    return not_found(x, jspan_str(x->arena, jspan_get(x->body, "previous_response_id")));
}

/* --- keeping ------------------------------------------------------------------------------------- */

static bool keeps(const struct exchange *x)
{
    return x->earlier.wanted && store_keeps_answers(gateway_store(x->state));
}

void earlier_translate(struct exchange *x)
{
    if (keeps(x))
        jspan_remove_key(x->body, "store"); /* it is not lost */
}

status earlier_name(struct exchange *x, struct dialect_reply *reply)
{
    uint8_t bytes[ID_BYTES];
    char hex[2 * ID_BYTES + 1];

    reply->previous = x->earlier.previous;
    if (x->call.lane || !keeps(x))
        return OK;
    /* not the request's id, which callers may choose: two answers must never be one */
    crypto_random(bytes, sizeof bytes);
    crypto_hex(bytes, sizeof bytes, hex);
    reply->id = arena_str(x->arena, str_from(hex));
    x->earlier.id = arena_printf(x->arena, "resp_%s", hex);
    buf_clear(&x->earlier.answer);
    reply->keep = &x->earlier.answer;
    reply->stored = true;
    return reply->id.p && x->earlier.id.p ? OK : E_NOMEM;
}

static void note_place(struct exchange *x)
{
    struct store_place place = {.owner = earlier_owner(x),
                                .account = str_from(x->target->account->name),
                                .group = str_from(x->target->group),
                                .deployment = str_from(x->target->id),
                                .model = x->model->name,
                                .owed = x->earlier.owed};

    store_note_place(gateway_store(x->state), x->earlier.id, &place);
    x->earlier.place = place;
    x->earlier.noted = true;
}

static void keep_answer(struct exchange *x)
{
    struct store_answer answer = {.owner = earlier_owner(x),
                                  .previous = x->earlier.previous,
                                  .input = x->earlier.input,
                                  .response = buf_str(&x->earlier.answer)};

    if (x->earlier.answer.failed || !x->earlier.answer.n)
        return; /* it has not ended yet */
    store_keep_answer(gateway_store(x->state), x->earlier.id, &answer);
    x->earlier.noted = true;
}

void earlier_note(struct exchange *x)
{
    if (!x->earlier.wanted || x->earlier.noted || !x->earlier.id.n)
        return;
    if (x->call.lane)
        note_place(x);
    else
        keep_answer(x);
}

/* Two requests at the same moment may both count it: to exclude that is not worth a lock. */
void earlier_settle(struct exchange *x)
{
    bool asked = x->match.endpoint && x->match.endpoint->kind == ENDPOINT_RESPONSE;
    bool owed = asked ? x->earlier.place.owed : x->earlier.owed && x->earlier.noted;

    if (asked && !owed)
        x->record.has_usage = false;
    if (!owed || !x->record.has_usage)
        return;
    struct store_place place = x->earlier.place;
    place.owed = false;
    store_note_place(gateway_store(x->state), x->earlier.id, &place);
}

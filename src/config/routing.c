/* How requests are spread over targets: the keys of routing, and those of models and subaccounts. */
#include "config/reading.h"

#define AT(member) offsetof(struct config, routing.member)
#define NUMBER(name, member, lo, hi)                                                               \
    {                                                                                              \
        name, KEY_NUMBER, AT(member), lo, hi, NULL, NULL                                           \
    }
#define SECONDS(name, member, lo, hi)                                                              \
    {                                                                                              \
        name, KEY_SECONDS, AT(member), lo, hi, NULL, NULL                                          \
    }

static const struct {
    const char *word;
    enum config_strategy strategy;
} strategies[] = {{"weighted", STRATEGY_WEIGHTED},
                  {"least_in_flight", STRATEGY_LEAST},
                  {"lowest_latency", STRATEGY_FASTEST},
                  {"ordered", STRATEGY_ORDERED}};

static const struct {
    const char *word;
    enum config_stand_in reason;
} reasons[] = {
    {"missing", STAND_IN_MISSING}, {"failing", STAND_IN_FAILING}, {"context", STAND_IN_CONTEXT}};

#define COUNT(table) (sizeof(table) / sizeof *(table))

/* --- strategies ------------------------------------------------------------------------------ */

static void read_word(struct reading *r, const struct json *value, const struct place *at,
                      enum config_strategy *out)
{
    static const char expected[] =
        "\"weighted\", \"least_in_flight\", \"lowest_latency\" or \"ordered\"";
    const char *text = reading_text(r, value, at, expected);

    for (size_t i = 0; text && i < COUNT(strategies); i++)
        if (strcmp(text, strategies[i].word) == 0) {
            *out = strategies[i].strategy;
            return;
        }
    if (text)
        reading_error(r, at, "is \"%s\"; expected %s", text, expected);
}

void read_strategy(struct reading *r, const struct json *value, const struct place *at, void *into)
{
    struct config *c = into;

    read_word(r, value, at, &c->routing.strategy);
}

void read_model_strategy(struct reading *r, const struct json *value, const struct place *at,
                         void *into)
{
    struct config_model *model = into;

    read_word(r, value, at, &model->strategy);
}

void read_model_affinity(struct reading *r, const struct json *value, const struct place *at,
                         void *into)
{
    struct config_model *model = into;

    if (json_is_bool(value))
        model->affinity = json_bool(value, false) ? AFFINITY_ON : AFFINITY_OFF;
    else
        reading_error(r, at, "is %s; expected true or false", json_type_text(value));
}

void routing_merge(struct config_model *to, const struct config_model *from)
{
    if (!to->fallback_for)
        to->fallback_for = from->fallback_for;
    if (to->strategy == STRATEGY_UNSET)
        to->strategy = from->strategy;
    if (to->affinity == AFFINITY_UNSET)
        to->affinity = from->affinity;
    if (!to->canary.percent)
        to->canary = from->canary;
    if (!to->mirror.percent)
        to->mirror = from->mirror;
}

/* --- fallbacks ------------------------------------------------------------------------------- */

static unsigned reason_of(struct reading *r, const struct place *at, const char *text)
{
    for (size_t i = 0; i < COUNT(reasons); i++)
        if (strcmp(text, reasons[i].word) == 0)
            return reasons[i].reason;
    reading_error(r, at, "is \"%s\"; expected \"missing\", \"failing\" or \"context\"", text);
    return 0;
}

void read_fallback_for(struct reading *r, const struct json *value, const struct place *at,
                       void *into)
{
    struct config_model *model = into;
    const char **texts = NULL;
    size_t count = 0;

    reading_texts(r, value, at, "an array of reasons", NULL, &texts, &count);
    model->fallback_for = 0;
    for (size_t i = 0; i < count; i++) {
        struct place here = {at, NULL, i};
        model->fallback_for |= reason_of(r, &here, texts[i]);
    }
    if (json_is_array(value) && !json_first(value))
        reading_error(r, at, "is empty; expected at least one reason");
}

/* --- weights --------------------------------------------------------------------------------- */

static void append_weight(struct reading *r, struct config_account *account, const char *id,
                          int64_t n)
{
    struct config_weight *w = reading_alloc(r, sizeof *w);

    if (!w)
        return;
    *w = (struct config_weight){reading_copy(r, id), n, account->weights};
    account->weights = w;
}

void read_deployment_weights(struct reading *r, const struct json *value, const struct place *at,
                             void *into)
{
    struct config_account *account = into;

    if (!reading_is_object(r, value, at, "an object of deployment ids and weights"))
        return;
    for (const struct json *m = json_first(value); m; m = json_next(m)) {
        struct place here = {at, json_key(m), 0};
        double n = json_number(m, -1);
        if (reading_is_repeated(r, value, m, &here))
            continue;
        if (!(n >= 0 && n <= 1000) || n != (double)(int64_t)n)
            reading_error(r, &here, "is no weight; expected a whole number from 0 to 1000");
        else
            append_weight(r, account, here.key, (int64_t)n);
    }
}

/* --- tables ---------------------------------------------------------------------------------- */

static const struct key breaker_rows[] = {NUMBER("failures", breaker_failures, 1, 1000),
                                          SECONDS("seconds", breaker_ms, 0.1, 3600),
                                          SECONDS("most_seconds", breaker_max_ms, 0.1, 3600)};
static const struct key_table breaker_keys = KEY_TABLE(breaker_rows);

static const struct key budget_rows[] = {NUMBER("minimum", retry_minimum, 0, 1000000),
                                         NUMBER("percent", retry_percent, 0, 1000)};
static const struct key_table budget_keys = KEY_TABLE(budget_rows);

static const struct key rows[] = {
    NUMBER("max_attempts", max_attempts, 1, 100),
    {"strategy", KEY_READ, 0, 0, 0, NULL, read_strategy},
    {"affinity", KEY_BOOL, AT(affinity), 0, 0, NULL, NULL},
    {"pace", KEY_BOOL, AT(pace), 0, 0, NULL, NULL},
    SECONDS("wait_seconds", wait_ms, 0, 3600),
    SECONDS("cold_start_seconds", cold_start_ms, 0, 3600),
    SECONDS("deadline_seconds", deadline_ms, 0, 86400),
    SECONDS("backoff_seconds", backoff_ms, 0.01, 60),
    SECONDS("cooldown_seconds", cooldown_ms, 0.1, 3600),
    SECONDS("retry_after_most_seconds", retry_after_max_ms, 0.1, 3600),
    {"breaker", KEY_OBJECT, 0, 0, 0, &breaker_keys, NULL},
    {"retry_budget", KEY_OBJECT, 0, 0, 0, &budget_keys, NULL}};
const struct key_table routing_keys = KEY_TABLE(rows);

static const struct key canary_rows[] = {
    {"percent", KEY_NUMBER, offsetof(struct config_model, canary.percent), 0, 100, NULL, NULL},
    {"deployment", KEY_TEXT, offsetof(struct config_model, canary.deployment), 0, 0, NULL, NULL},
    {"version", KEY_TEXT, offsetof(struct config_model, canary.version), 0, 0, NULL, NULL}};
static const struct key_table canary_keys = KEY_TABLE(canary_rows);

void read_canary(struct reading *r, const struct json *value, const struct place *at, void *into)
{
    struct config_model *model = into;

    key_table_read(r, value, at, &canary_keys, model);
    if (json_is_object(value) && !model->canary.deployment && !model->canary.version)
        reading_error(r, at, "says for whom, but not where to; expected deployment or version");
}

static const struct key mirror_rows[] = {
    {"percent", KEY_NUMBER, offsetof(struct config_model, mirror.percent), 0, 100, NULL, NULL},
    {"model", KEY_TEXT, offsetof(struct config_model, mirror.model), 0, 0, NULL, NULL},
    {"deployment", KEY_TEXT, offsetof(struct config_model, mirror.deployment), 0, 0, NULL, NULL},
    {"version", KEY_TEXT, offsetof(struct config_model, mirror.version), 0, 0, NULL, NULL}};
static const struct key_table mirror_keys = KEY_TABLE(mirror_rows);

void read_mirror(struct reading *r, const struct json *value, const struct place *at, void *into)
{
    struct config_model *model = into;
    const struct config_mirror *mirror = &model->mirror;

    key_table_read(r, value, at, &mirror_keys, model);
    if (json_is_object(value) && !mirror->model && !mirror->deployment && !mirror->version)
        reading_error(r, at,
                      "says how many, but not where to; expected model, deployment or version");
}

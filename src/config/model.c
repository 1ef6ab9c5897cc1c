/* Models and aliases. */
#include <stdio.h>

#include "config/reading.h"
#include "family/family.h"
#include "family/model.h"

#define AT(member) offsetof(struct config_model, member)

static void read_family(struct reading *r, const struct json *value, const struct place *at,
                        void *into)
{
    struct config_model *model = into;
    const char *name = reading_text(r, value, at, "the name of a family");

    if (!name)
        return;
    if (family_find(str_from(name)))
        model->family = reading_copy(r, name);
    else
        reading_error(r, at,
                      "is the unknown family \"%s\"; expected azure-openai, bedrock-invoke, "
                      "bedrock-converse, bedrock-titan, vertex-gemini, openai-compatible, "
                      "cohere-rerank, sap-rpt, orchestration or passthrough",
                      name);
}

/* One of two words; NULL and an error for any other. */
static const char *read_word(struct reading *r, const struct json *value, const struct place *at,
                             const char *first, const char *second)
{
    char expected[64];

    snprintf(expected, sizeof expected, "\"%s\" or \"%s\"", first, second);
    const char *word = reading_text(r, value, at, expected);
    if (!word)
        return NULL;
    if (strcmp(word, first) == 0 || strcmp(word, second) == 0)
        return reading_copy(r, word);
    reading_error(r, at, "is \"%s\"; expected %s", word, expected);
    return NULL;
}

static void read_cache_ttl(struct reading *r, const struct json *value, const struct place *at,
                           void *into)
{
    struct config_model *model = into;

    model->cache_ttl = read_word(r, value, at, "5m", "1h");
}

static void read_cache_prompts(struct reading *r, const struct json *value, const struct place *at,
                               void *into)
{
    struct config_model *model = into;

    if (json_is_bool(value))
        model->cache_prompts = json_bool(value, false) ? CACHE_ON : CACHE_OFF;
    else
        reading_error(r, at, "is %s; expected true or false", json_type_text(value));
}

static void read_late_system(struct reading *r, const struct json *value, const struct place *at,
                             void *into)
{
    struct config_model *model = into;

    model->late_system = read_word(r, value, at, "user", "system");
}

static void read_fallback(struct reading *r, const struct json *value, const struct place *at,
                          void *into)
{
    struct config_model *model = into;

    reading_texts(r, value, at, "an array of model names", NULL, &model->fallback,
                  &model->fallback_count);
}

static void read_traits(struct reading *r, const struct json *value, const struct place *at,
                        void *into)
{
    struct config_model *model = into;

    if (!reading_is_object(r, value, at, "an object of traits, each true or false"))
        return;
    for (const struct json *m = json_first(value); m; m = json_next(m)) {
        struct place here = {at, json_key(m), 0};
        unsigned trait = model_trait_parse(str_from(here.key));
        if (reading_is_repeated(r, value, m, &here))
            continue;
        if (!trait)
            reading_error(r, &here,
                          "unknown trait; expected one of corelay.json(5), as "
                          "\"reasoning\"");
        else if (!json_is_bool(m))
            reading_error(r, &here, "is %s; expected true or false", json_type_text(m));
        else if (json_bool(m, false))
            model->traits_set |= trait;
        else
            model->traits_cleared |= trait;
    }
}

static const struct key timeout_rows[] = {
    {"connect_seconds", KEY_SECONDS, AT(connect_ms), 0.01, 86400, NULL, NULL},
    {"first_byte_seconds", KEY_SECONDS, AT(first_byte_ms), 0.01, 86400, NULL, NULL},
    {"idle_seconds", KEY_SECONDS, AT(idle_ms), 0.01, 86400, NULL, NULL},
    {"total_seconds", KEY_SECONDS, AT(total_ms), 0.01, 86400, NULL, NULL}};
static const struct key_table timeout_keys = KEY_TABLE(timeout_rows);

static const struct key model_rows[] = {
    {"family", KEY_READ, 0, 0, 0, NULL, read_family},
    {"executable", KEY_TEXT, AT(executable), 0, 0, NULL, NULL},
    {"api_version", KEY_TEXT, AT(api_version), 0, 0, NULL, NULL},
    {"cache_ttl", KEY_READ, 0, 0, 0, NULL, read_cache_ttl},
    {"cache_prompts", KEY_READ, 0, 0, 0, NULL, read_cache_prompts},
    {"late_system", KEY_READ, 0, 0, 0, NULL, read_late_system},
    {"fallback", KEY_READ, 0, 0, 0, NULL, read_fallback},
    {"fallback_for", KEY_READ, 0, 0, 0, NULL, read_fallback_for},
    {"strategy", KEY_READ, 0, 0, 0, NULL, read_model_strategy},
    {"affinity", KEY_READ, 0, 0, 0, NULL, read_model_affinity},
    {"canary", KEY_READ, 0, 0, 0, NULL, read_canary},
    {"mirror", KEY_READ, 0, 0, 0, NULL, read_mirror},
    {"max_output_tokens", KEY_NUMBER, AT(max_output), 1, 1e9, NULL, NULL},
    {"context_tokens", KEY_NUMBER, AT(context), 1, 1e9, NULL, NULL},
    {"traits", KEY_READ, 0, 0, 0, NULL, read_traits},
    {"timeouts", KEY_OBJECT, 0, 0, 0, &timeout_keys, NULL}};
static const struct key_table model_keys = KEY_TABLE(model_rows);

static void read_model(struct reading *r, const struct json *value, const struct place *at,
                       struct config_model ***end)
{
    struct config_model *model = reading_alloc(r, sizeof *model);

    if (!model)
        return;
    model->name = reading_copy(r, at->key);
    if (!*at->key)
        reading_error(r, at, "has an empty name; expected the name of a model");
    key_table_read(r, value, at, &model_keys, model);
    **end = model;
    *end = &model->next;
}

void read_models(struct reading *r, const struct json *value, const struct place *at, void *into)
{
    struct config *c = into;
    struct config_model **end = &c->models;

    if (!reading_is_object(r, value, at, "an object of models by name"))
        return;
    for (const struct json *m = json_first(value); m; m = json_next(m)) {
        struct place here = {at, json_key(m), 0};
        if (!reading_is_repeated(r, value, m, &here))
            read_model(r, m, &here, &end);
    }
}

void read_aliases(struct reading *r, const struct json *value, const struct place *at, void *into)
{
    struct config *c = into;
    struct config_alias **end = &c->aliases;

    if (!reading_is_object(r, value, at, "an object of aliases and the models they stand for"))
        return;
    for (const struct json *m = json_first(value); m; m = json_next(m)) {
        struct place here = {at, json_key(m), 0};
        const char *model;
        if (reading_is_repeated(r, value, m, &here))
            continue;
        if (!*here.key)
            reading_error(r, &here, "has an empty name; expected a name that callers use");
        model = reading_text(r, m, &here, "the name of a model");
        *end = model ? reading_alloc(r, sizeof **end) : NULL;
        if (!*end)
            continue;
        (*end)->name = reading_copy(r, here.key);
        (*end)->model = reading_copy(r, model);
        end = &(*end)->next;
    }
}

/* --- the file of model rules ------------------------------------------------------------------- */

static void read_rules_file(struct reading *r, const struct place *at, const char *path)
{
    struct json *json = NULL;
    int line = 0, column = 0;
    status s = json_read_file(path, CONFIG_FILE_MAX, &json, &line, &column);

    if (s == E_SYNTAX)
        reading_error(r, at, "%s: line %d, column %d: not JSON", path, line, column);
    else if (s)
        reading_error(r, at, "%s: %s; expected a file of model rules", path,
                      s == E_NOT_FOUND ? "no such file" : status_text(s));
    if (s)
        return;
    reading_remember_file(r, path);
    trust_file(r, at, path, TRUST_OPEN);
    struct str where = arena_printf(r->config->arena, "%s: ", path);
    s = where.p ? model_rules_read(r->config->arena, json, where.p, r->problems,
                                   &r->config->model_rules)
                : E_NOMEM;
    r->failed |= s == E_SYNTAX;
    r->no_memory |= s == E_NOMEM;
    json_free(json);
}

void read_model_rules(struct reading *r, const struct json *value, const struct place *at,
                      void *into)
{
    struct config *c = into;

    if (json_is_array(value)) {
        const char *where = reading_where(r, at);
        status s = where ? model_rules_read(c->arena, value, where, r->problems, &c->model_rules)
                         : E_NOMEM;
        r->failed |= s == E_SYNTAX;
        r->no_memory |= s == E_NOMEM;
        return;
    }
    const char *file = reading_text(r, value, at, "an array of model rules, or a file of them");
    const char *path = file ? reading_path(r, file) : NULL;
    if (path)
        read_rules_file(r, at, path);
}

/* --- what holds for one model ------------------------------------------------------------------ */

/* Take over what `out` does not say yet. */
static void add_setting(struct config_model *out, const struct config_model *m)
{
#define TAKE(member)                                                                               \
    if (!out->member)                                                                              \
    out->member = m->member
    TAKE(family);
    TAKE(executable);
    TAKE(api_version);
    TAKE(cache_ttl);
    TAKE(cache_prompts);
    TAKE(late_system);
    TAKE(max_output);
    TAKE(context);
    TAKE(connect_ms);
    TAKE(first_byte_ms);
    TAKE(idle_ms);
    TAKE(total_ms);
#undef TAKE
    if (!out->fallback) {
        out->fallback = m->fallback;
        out->fallback_count = m->fallback_count;
    }
    routing_merge(out, m);
    unsigned said = out->traits_set | out->traits_cleared;
    out->traits_set |= m->traits_set & ~said;
    out->traits_cleared |= m->traits_cleared & ~said;
}

bool config_model_for(const struct config *c, struct str model, struct config_model *out)
{
    bool found = false;

    *out = (struct config_model){.name = NULL};
    for (int exact = 1; exact >= 0; exact--)
        for (const struct config_model *m = c->models; m; m = m->next) {
            if (exact ? !str_is(model, m->name)
                      : str_is(model, m->name) || !str_glob(model, m->name))
                continue;
            add_setting(out, m);
            found = true;
        }
    if (!out->fallback_for)
        out->fallback_for = STAND_IN_MISSING | STAND_IN_FAILING;
    return found;
}

/*
 * The section "orchestration": profiles of modules that stand around the model, and which of them
 * counts for whom.
 */
#include "config/orchestration.h"

#include <ctype.h>

#include "base/jspan.h"
#include "family/orchestration_profile.h"

#define AT(member) offsetof(struct orchestration_profile, member)

/* --- members of a profile -------------------------------------------------------------------- */

/* cJSON takes any bytes for text; the service does not. */
static bool is_sendable(struct str json)
{
    struct arena *scratch = arena_new(0);
    struct jspan *root;
    bool good = scratch && jspan_parse(scratch, json, &root, NULL) == OK;

    arena_free(scratch);
    return good;
}

static void read_shaped(struct reading *r, const struct json *value, const struct place *at,
                        const struct shape *shape, struct str *out)
{
    struct str text = shape_check(r, value, at, shape) ? shape_text(r, value) : STR_NONE;

    if (text.n && !is_sendable(text))
        reading_error(r, at, "holds text that is not UTF-8");
    else
        *out = text;
}

#define READER(name, member)                                                                       \
    static void read_##member(struct reading *r, const struct json *value, const struct place *at, \
                              void *into)                                                          \
    {                                                                                              \
        struct orchestration_profile *profile = into;                                              \
        read_shaped(r, value, at, &orchestration_##name, &profile->member);                        \
    }
READER(masking, masking)
READER(filtering, filtering)
READER(grounding, grounding)
READER(translation, translation)
READER(template, prompt_template)
READER(template_ref, template_ref)
READER(defaults, defaults)
READER(delimiters, delimiters)
#undef READER

static const struct key stream_rows[] = {
    {"chunk_size", KEY_NUMBER, AT(chunk_size), 1, 10000, NULL, NULL},
    {"delimiters", KEY_READ, 0, 0, 0, NULL, read_delimiters}};
static const struct key_table stream_keys = KEY_TABLE(stream_rows);

static const struct key profile_rows[] = {
    {"masking", KEY_READ, 0, 0, 0, NULL, read_masking},
    {"filtering", KEY_READ, 0, 0, 0, NULL, read_filtering},
    {"grounding", KEY_READ, 0, 0, 0, NULL, read_grounding},
    {"translation", KEY_READ, 0, 0, 0, NULL, read_translation},
    {"template", KEY_READ, 0, 0, 0, NULL, read_prompt_template},
    {"template_ref", KEY_READ, 0, 0, 0, NULL, read_template_ref},
    {"defaults", KEY_READ, 0, 0, 0, NULL, read_defaults},
    {"question", KEY_TEXT, AT(question), 0, 0, NULL, NULL},
    {"stream", KEY_OBJECT, 0, 0, 0, &stream_keys, NULL}};
static const struct key_table profile_keys = KEY_TABLE(profile_rows);

/* --- placeholders ---------------------------------------------------------------------------- */

/* The service's own grammar: a letter first, letters and digits, single "_" and "-" between them. */
static bool is_placeholder(const char *name)
{
    bool after = false; /* behind a letter or digit */

    if (!isalpha((unsigned char)*name))
        return false;
    for (; *name; name++) {
        bool plain = isalnum((unsigned char)*name);
        if (!plain && !(after && (*name == '_' || *name == '-')))
            return false;
        after = plain;
    }
    return after;
}

/* The next {{?name}} of a text; unset behind the last. `*rest` moves on. */
static struct str next_placeholder(struct str *rest)
{
    for (;;) {
        size_t open = str_find(*rest, "{{");
        if (open == rest->n)
            return STR_NONE;
        *rest = str_slice(*rest, open + 2, rest->n);
        struct str name = str_trim(str_slice(*rest, 0, str_find(*rest, "}}")));
        if (name.n && name.p[0] == '?')
            return str_slice(name, 1, name.n);
    }
}

static bool mentions(const struct json *messages, const char *name)
{
    for (const struct json *m = json_first(messages); m; m = json_next(m)) {
        struct str rest = str_from(json_text(json_get(m, "content"), "")), found;
        while ((found = next_placeholder(&rest)).n)
            if (str_is(found, name))
                return true;
    }
    return false;
}

/* What the profile says of placeholders, in JSON. */
struct places {
    const struct json *messages, *defaults, *grounding;
    const char *question;
};

static bool is_given(const struct places *p, struct str name)
{
    if (p->question && str_is(name, p->question))
        return true;
    if (str_is(name, json_text(json_get(p->grounding, "output"), "")))
        return true;
    for (const struct json *m = json_first(p->defaults); m; m = json_next(m))
        if (str_is(name, json_key(m)))
            return true;
    return false;
}

/* Each {{?name}} must get a value, else the service refuses every request. */
static void check_given(struct reading *r, const struct place *at, const struct places *p)
{
    struct place list = {at, "template", 0}, here = {&list, NULL, 0};

    for (const struct json *m = json_first(p->messages); m; m = json_next(m), here.index++) {
        struct str rest = str_from(json_text(json_get(m, "content"), "")), found;
        while ((found = next_placeholder(&rest)).n)
            if (!is_given(p, found))
                reading_error(r, &here,
                              "has the placeholder \"%.*s\", for which there is no value; expected "
                              "the profile's \"question\", the output of its grounding, or one of "
                              "its \"defaults\"",
                              STR_ARG(found));
    }
}

static bool has_text(const struct json *list, const char *text)
{
    for (const struct json *e = json_first(list); e; e = json_next(e))
        if (strcmp(json_text(e, ""), text) == 0)
            return true;
    return false;
}

static void check_grounding(struct reading *r, const struct place *at, const struct places *p)
{
    struct place grounding = {at, "grounding", 0}, config = {&grounding, "config", 0},
                 places = {&config, "placeholders", 0};
    const char *output = json_text(json_get(p->grounding, "output"), "");

    if (!p->grounding)
        return;
    if (!p->question || !has_text(json_get(p->grounding, "input"), p->question))
        reading_error(r, &places,
                      "does not get the user's words; expected the profile's \"question\" among "
                      "\"input\"");
    if (p->messages && !mentions(p->messages, output))
        reading_error(r, &places,
                      "finds \"%s\", which nobody reads; expected {{?%s}} in the "
                      "profile's \"template\"",
                      output, output);
}

static void check_question(struct reading *r, const struct place *at, const struct json *profile,
                           const struct places *p)
{
    struct place here = {at, "question", 0};

    if (!p->question)
        return;
    if (!is_placeholder(p->question))
        reading_error(r, &here,
                      "is no name of a placeholder; expected letters and digits, a letter "
                      "first");
    else if (!p->messages && !json_get(profile, "template_ref"))
        reading_error(r, &here,
                      "is asked by no template; expected \"template\" or "
                      "\"template_ref\" beside it");
    else if (p->messages && !mentions(p->messages, p->question))
        reading_error(r, &here, "does not occur in the template; expected {{?%s}} there",
                      p->question);
}

static void check_profile(struct reading *r, const struct place *at, const struct json *value,
                          const struct orchestration_profile *profile)
{
    struct places p = {.messages = profile->prompt_template.n ? json_get(value, "template") : NULL,
                       .defaults = profile->defaults.n ? json_get(value, "defaults") : NULL,
                       .grounding = profile->grounding.n
                                        ? json_get(json_get(json_get(value, "grounding"), "config"),
                                                   "placeholders")
                                        : NULL,
                       .question = profile->question};

    if (json_get(value, "template") && json_get(value, "template_ref"))
        reading_error(r, at, "has template and template_ref; expected one of the two");
    if (profile->translation.n && !profile->delimiters.n)
        reading_error(r, at,
                      "translates without stream.delimiters, and the service wants them then; "
                      "expected, say, \"stream\": {\"delimiters\": [\"\\n\", \". \"]}");
    check_question(r, at, value, &p);
    check_given(r, at, &p);
    check_grounding(r, at, &p);
}

/* --- profiles -------------------------------------------------------------------------------- */

static void read_profiles(struct reading *r, const struct json *value, const struct place *at,
                          void *into)
{
    struct config *c = into;
    struct orchestration_profile **end = &c->profiles;

    if (!reading_is_object(r, value, at, "an object of profiles by name"))
        return;
    for (const struct json *m = json_first(value); m; m = json_next(m)) {
        struct place here = {at, json_key(m), 0};
        struct orchestration_profile *profile =
            reading_is_repeated(r, value, m, &here) ? NULL : reading_alloc(r, sizeof *profile);
        if (!profile)
            continue;
        profile->name = reading_copy(r, here.key);
        key_table_read(r, m, &here, &profile_keys, profile);
        if (json_is_object(m))
            check_profile(r, &here, m, profile);
        *end = profile;
        end = &profile->next;
    }
}

/* Who may call models that no deployment of their own answers for. */
static void read_catalogue(struct reading *r, const struct json *value, const struct place *at,
                           void *into)
{
    static const char *const words[] = {
        [CATALOGUE_OF_BOUND] = "bound", [CATALOGUE_OF_ALL] = "all", [CATALOGUE_OFF] = "off"};
    struct config *c = into;
    const char *text = json_text(value, "");

    for (int i = CATALOGUE_OF_BOUND; i <= CATALOGUE_OFF; i++)
        if (strcmp(text, words[i]) == 0) {
            c->catalogue = (enum config_catalogue)i;
            return;
        }
    reading_error(r, at, "is %s; expected \"bound\", \"all\" or \"off\"",
                  json_text(value, NULL) ? text : json_type_text(value));
}

static const struct key orchestration_rows[] = {
    {"profiles", KEY_READ, 0, 0, 0, NULL, read_profiles},
    {"catalogue", KEY_READ, 0, 0, 0, NULL, read_catalogue},
    {"default", KEY_TEXT, offsetof(struct config, default_profile_name), 0, 0, NULL, NULL}};
const struct key_table orchestration_keys = KEY_TABLE(orchestration_rows);

/* --- who gets which -------------------------------------------------------------------------- */

static const struct orchestration_profile *find(const struct config *c, const char *name)
{
    for (const struct orchestration_profile *p = c->profiles; p; p = p->next)
        if (strcmp(p->name, name) == 0)
            return p;
    return NULL;
}

static void report_missing(struct reading *r, const struct place *at, const char *name)
{
    reading_error(r, at,
                  "is \"%s\", and there is no such profile; expected one of "
                  "orchestration.profiles",
                  name);
}

void orchestration_resolve(struct reading *r)
{
    struct place top = {NULL, "orchestration", 0}, at = {&top, "default", 0};
    struct place keys = {NULL, "api_keys", 0};
    struct config *c = r->config;
    bool forced = false;

    if (c->default_profile_name) {
        c->default_profile = find(c, c->default_profile_name);
        if (!c->default_profile)
            report_missing(r, &at, c->default_profile_name);
    }
    for (struct api_key *k = c->keys.first; k; k = k->next) {
        struct place key = {&keys, k->name, 0}, here = {&key, "orchestration", 0};
        if (!k->profile_name)
            continue;
        forced = true;
        k->profile = find(c, k->profile_name);
        if (!k->profile)
            report_missing(r, &here, k->profile_name);
    }
    if (forced && c->allow_anonymous)
        reading_warning(r, &keys,
                        "some keys are bound to an orchestration profile; with "
                        "allow_anonymous, callers evade it by sending no key");
}

/* What is known of a model: the first row that matches its name. */
#include "family/model.h"

static const struct model_rule *find_rule(const struct model_rule *rule, struct str name)
{
    while (rule && !str_glob(name, rule->pattern))
        rule = rule->next;
    return rule;
}

void model_describe_by(const struct model_rule *own, struct str name, struct family_model *out)
{
    struct str rest = name;
    struct str plain = str_cut(&rest, ':'); /* "gemini-2.5-pro:001" names a version */
    const struct model_rule *rule = find_rule(own, plain);

    if (!rule)
        rule = find_rule(model_rules_builtin(), plain);
    *out = rule ? rule->model : (struct family_model){.rule = NULL};
    out->name = name;
    out->rule = rule;
}

void model_describe(struct str name, struct family_model *out)
{
    model_describe_by(NULL, name, out);
}

enum chat_effort model_fit_effort(const struct family_model *model, unsigned otherwise,
                                  enum chat_effort wanted)
{
    unsigned taken = model->efforts ? model->efforts : otherwise;

    for (int distance = 0; distance <= CHAT_EFFORT_MAX; distance++) {
        int up = (int)wanted + distance, down = (int)wanted - distance;
        if (down >= CHAT_EFFORT_NONE && taken & MODEL_EFFORT(down))
            return (enum chat_effort)down;
        if (up <= CHAT_EFFORT_MAX && taken & MODEL_EFFORT(up))
            return (enum chat_effort)up;
    }
    return CHAT_EFFORT_UNSET;
}

static const struct {
    const char *word;
    enum model_trait trait;
} traits[] = {
    {"reasoning", MODEL_REASONING},
    {"no_stop", MODEL_NO_STOP},
    {"no_parallel", MODEL_NO_PARALLEL},
    {"no_sampling", MODEL_NO_SAMPLING},
    {"adaptive_only", MODEL_ADAPTIVE_ONLY},
    {"adaptive", MODEL_ADAPTIVE},
    {"no_prefill", MODEL_NO_PREFILL},
    {"one_sampling", MODEL_ONE_SAMPLING},
    {"format_native", MODEL_FORMAT_NATIVE},
    {"cache_ttl", MODEL_CACHE_TTL},
    {"signed_calls", MODEL_SIGNED_CALLS},
    {"thinking_level", MODEL_THINKING_LEVEL},
    {"tools_no_effort", MODEL_TOOLS_NO_EFFORT},
    {"responses_only", MODEL_RESPONSES_ONLY},
    {"no_tools", MODEL_NO_TOOLS},
    {"thinking", MODEL_THINKING},
    {"thinks_always", MODEL_THINKS_ALWAYS},
    {"fixed_dimensions", MODEL_FIXED_DIMENSIONS},
    {"speaks_after_tools", MODEL_SPEAKS_AFTER_TOOLS},
    {"no_images", MODEL_NO_IMAGES},
};

unsigned model_trait_parse(struct str word)
{
    for (size_t i = 0; i < sizeof traits / sizeof *traits; i++)
        if (str_is(word, traits[i].word))
            return traits[i].trait;
    return 0;
}

const char *model_trait_words(struct arena *arena, unsigned wanted)
{
    struct buf words = {0};

    for (size_t i = 0; i < sizeof traits / sizeof *traits; i++) {
        if (!(wanted & traits[i].trait))
            continue;
        if (words.n)
            buf_add_char(&words, ' ');
        buf_add_cstr(&words, traits[i].word);
    }
    const char *copy = words.failed ? NULL : arena_cstr(arena, buf_str(&words));
    buf_free(&words);
    return copy;
}

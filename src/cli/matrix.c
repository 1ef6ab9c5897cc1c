/*
 * The capability matrix of a model.
 *
 * The table has a row for each dialect with each family, and in it a letter for each feature. Here is
 * only which row is asked (Azure OpenAI has two APIs) and what the model's rules make of the letter.
 */
#include "cli/matrix.h"

#include "dialect/dialect.h"

struct matrix_pair {
    const char *dialect, *family;
    const char *words; /* of L, E, R, and - where a feature does not apply */
};

#include "cli/matrix.inc"

/* What kind of model answers an API's callers. */
enum purpose { CHATS, EMBEDS, RERANKS, PREDICTS };

static const struct {
    const char *name;
    enum purpose purpose;
    enum chat_wire wire;
} dialects[] = {
    {"openai-chat", CHATS, WIRE_OPENAI_CHAT},
    {"openai-responses", CHATS, WIRE_OPENAI_RESPONSES},
    {"anthropic-messages", CHATS, WIRE_ANTHROPIC_MESSAGES},
    {"gemini-generate", CHATS, WIRE_GEMINI},
    {"openai-completions", CHATS, WIRE_OPENAI_COMPLETIONS},
    {"openai-embeddings", EMBEDS, WIRE_NONE},
    {"gemini-embeddings", EMBEDS, WIRE_NONE},
    {"cohere-rerank", RERANKS, WIRE_NONE},
    {"predict", PREDICTS, WIRE_NONE},
};

const char *matrix_word_text(enum matrix_word word)
{
    static const char *const texts[] = {
        [MATRIX_NONE] = "none",         [MATRIX_LOSSLESS] = "lossless",
        [MATRIX_EMULATED] = "emulated", [MATRIX_REFUSED] = "refused",
        [MATRIX_NOT_THERE] = "",
    };
    return texts[word];
}

size_t matrix_feature_count(void)
{
    return sizeof matrix_features / sizeof *matrix_features;
}

const char *matrix_feature(size_t i)
{
    return matrix_features[i];
}

size_t matrix_dialect_count(void)
{
    return sizeof dialects / sizeof *dialects;
}

const char *matrix_dialect(size_t i)
{
    return dialects[i].name;
}

/* --- what a model's rules say ---------------------------------------------------------------- */

static bool is_of(struct str feature, const char *const *beginnings)
{
    for (size_t i = 0; beginnings[i]; i++)
        if (str_starts(feature, beginnings[i]))
            return true;
    return false;
}

static bool needs_tools(struct str feature)
{
    static const char *const beginnings[] = {
        "one-tool",       "parallel-tools", "tool-",       "forced-tool",   "no-tool",
        "free-form-tool", "namespace-tool", "hosted-tool", "thinking-with", NULL};
    return is_of(feature, beginnings);
}

/* Of models behind openai-compatible it is not known which of them think. */
static bool cannot_think(const struct family *family, const struct family_model *model)
{
    return model->rule && family != &family_openai_compatible &&
           !(model->traits & (MODEL_THINKING | MODEL_REASONING));
}

/* Families for chats and embeddings have models that do one of the two, told by their names. */
static bool is_for(enum purpose purpose, const struct family *family,
                   const struct family_model *model)
{
    bool embeds = str_find(model->name, "embed") < model->name.n;

    return purpose == CHATS     ? family->encode && !embeds
           : purpose == EMBEDS  ? family->embed && embeds
           : purpose == RERANKS ? family->rerank != NULL
                                : family->predicts;
}

static bool cannot(struct str feature, const struct family *family,
                   const struct family_model *model)
{
    if (model->traits & MODEL_NO_TOOLS && needs_tools(feature))
        return true;
    return str_starts(feature, "thinking") && cannot_think(family, model);
}

/* What its family takes, and is refused for this model. */
static bool refuses(struct str feature, const struct family_model *model)
{
    static const char *const images[] = {"image", "tool-image", NULL};

    if (str_is(feature, "embed.image"))
        return str_find(model->name, "embed-image") == model->name.n;
    if (str_is(feature, "embed.dimensions"))
        return model->traits & MODEL_FIXED_DIMENSIONS;
    return model->traits & MODEL_NO_IMAGES && is_of(feature, images);
}

/* What its family takes and this model does not: left out and declared, or asked for otherwise. */
static bool emulates(struct str feature, const struct family *family,
                     const struct family_model *model)
{
    unsigned t = model->traits;

    if (str_is(feature, "stop-sequence"))
        return t & MODEL_NO_STOP;
    if (str_is(feature, "one-tool.not-parallel"))
        return t & MODEL_NO_PARALLEL;
    if (str_is(feature, "sampling"))
        return t & (MODEL_REASONING | MODEL_NO_SAMPLING | MODEL_ONE_SAMPLING);
    return str_is(feature, "structured-output") && family == &family_bedrock_invoke &&
           !(t & MODEL_FORMAT_NATIVE);
}

/* --- asking ---------------------------------------------------------------------------------- */

/* The letter of a pair; where there is no such pair, N if the API has the feature. */
static char letter_of(const char *dialect, const struct family *family, size_t feature)
{
    char letter = '-';

    for (size_t i = 0; i < sizeof matrix_pairs / sizeof *matrix_pairs; i++) {
        const struct matrix_pair *pair = &matrix_pairs[i];
        if (strcmp(pair->dialect, dialect) != 0)
            continue;
        if (strcmp(pair->family, family->name) == 0)
            return pair->words[feature];
        if (pair->words[feature] != '-')
            letter = 'N';
    }
    return letter;
}

enum matrix_word matrix_ask(size_t dialect, size_t feature, const struct family *family,
                            const struct family_model *model)
{
    enum purpose purpose = dialects[dialect].purpose;
    struct str name = str_from(matrix_features[feature]);

    if (purpose == CHATS)
        family = family_for(family, model, dialects[dialect].wire, needs_tools(name));
    char letter = letter_of(dialects[dialect].name, family, feature);
    if (letter == '-')
        return MATRIX_NOT_THERE;
    if (letter == 'N' || !is_for(purpose, family, model) || cannot(name, family, model))
        return MATRIX_NONE;
    if (letter == 'R' || refuses(name, model))
        return MATRIX_REFUSED;
    return letter == 'E' || emulates(name, family, model) ? MATRIX_EMULATED : MATRIX_LOSSLESS;
}

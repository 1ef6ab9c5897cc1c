/*
 * Gemini: the member `generationConfig`.
 *
 * Wire: Google AI for Developers, "GenerationConfig", "Thinking".
 */
#include "dialect/gemini_generate.h"

#include <ctype.h>

enum { MAX_CANDIDATES = 8 };

static status read_temperature(struct decode *d, const struct jspan *value)
{
    return decode_number(d, value, &d->out->temperature);
}

static status read_top_p(struct decode *d, const struct jspan *value)
{
    return decode_number(d, value, &d->out->top_p);
}

/* A float by Google's word; others take integers only. */
static status read_top_k(struct decode *d, const struct jspan *value)
{
    int64_t whole = jspan_int(value, INT64_MIN);
    status s = decode_number(d, value, &d->out->top_k);

    if (s || whole == INT64_MIN)
        return s;
    d->out->top_k = arena_printf(d->arena, "%lld", (long long)whole);
    return d->out->top_k.p ? OK : E_NOMEM;
}

static status read_seed(struct decode *d, const struct jspan *value)
{
    return decode_number(d, value, &d->out->seed);
}

static status read_presence_penalty(struct decode *d, const struct jspan *value)
{
    return decode_number(d, value, &d->out->presence_penalty);
}

static status read_frequency_penalty(struct decode *d, const struct jspan *value)
{
    return decode_number(d, value, &d->out->frequency_penalty);
}

static status read_max_tokens(struct decode *d, const struct jspan *value)
{
    return decode_whole(d, value, 1, &d->out->max_tokens);
}

static status read_candidates(struct decode *d, const struct jspan *value)
{
    status s = decode_whole(d, value, 1, &d->out->n);
    if (!s && d->out->n > MAX_CANDIDATES)
        return decode_invalid(d, value, NULL, "must be at most %d", MAX_CANDIDATES);
    return s;
}

static status read_logprobs_wanted(struct decode *d, const struct jspan *value)
{
    return decode_flag(d, value, &d->out->logprobs);
}

static status read_logprobs(struct decode *d, const struct jspan *value)
{
    return decode_whole(d, value, 0, &d->out->top_logprobs);
}

/* --- format ------------------------------------------------------------------------------------- */

static status read_media_type(struct decode *d, const struct jspan *value)
{
    if (!jspan_is(value, JSPAN_STRING))
        return decode_wrong_type(d, value, "a string");
    if (jspan_says(value, "application/json"))
        d->out->format = CHAT_FORMAT_JSON;
    else if (!jspan_says(value, "text/plain") && !jspan_says(value, ""))
        return decode_unsupported(d, value, NULL, "expected text/plain or application/json");
    return OK;
}

static status read_schema(struct decode *d, const struct jspan *value)
{
    d->out->format = CHAT_FORMAT_SCHEMA;
    return gemini_decode_schema(d, value, &d->out->format_schema);
}

static status read_json_schema(struct decode *d, const struct jspan *value)
{
    if (!jspan_is(value, JSPAN_OBJECT))
        return decode_wrong_type(d, value, "an object");
    d->out->format = CHAT_FORMAT_SCHEMA;
    d->out->format_schema = jspan_text(d->arena, value);
    return d->out->format_schema.p ? OK : E_NOMEM;
}

/* Asking for images or speech changes what comes back: that cannot be left out in silence. */
static status read_modalities(struct decode *d, const struct jspan *value)
{
    for (const struct jspan *n = jspan_first(value); n; n = n->next)
        if (!jspan_says(n, "TEXT"))
            return decode_unsupported(d, n, NULL, "only TEXT can be answered");
    return OK;
}

/* --- thinking ----------------------------------------------------------------------------------- */

static status read_shown(struct decode *d, const struct jspan *value)
{
    status s = decode_flag(d, value, &d->out->show_thinking);
    if (!s && d->out->show_thinking)
        d->out->thinking = CHAT_THINKING_ADAPTIVE; /* unless a budget or level is said */
    return s;
}

/* 0 is none, -1 as much as the model finds right. */
static status read_budget(struct decode *d, const struct jspan *value)
{
    int64_t budget = 0;
    status s = decode_whole(d, value, -1, &budget);

    d->out->thinking_budget = budget;
    d->out->thinking = budget > 0    ? CHAT_THINKING_BUDGET
                       : budget == 0 ? CHAT_THINKING_OFF
                                     : CHAT_THINKING_ADAPTIVE;
    return s;
}

/* "HIGH" as the SDKs write it, "high" as the documents do. */
static status read_level(struct decode *d, const struct jspan *value)
{
    struct str word;
    status s = decode_text(d, value, &word);

    if (s || str_is(word, "THINKING_LEVEL_UNSPECIFIED"))
        return s;
    char *lower = arena_cstr(d->arena, word);
    if (!lower)
        return E_NOMEM;
    for (char *c = lower; *c; c++)
        *c = (char)tolower((unsigned char)*c);
    d->out->effort = chat_effort_parse((struct str){lower, word.n});
    if (d->out->effort == CHAT_EFFORT_UNSET)
        return decode_invalid(d, value, NULL, "expected MINIMAL, LOW, MEDIUM or HIGH");
    d->out->thinking =
        d->out->effort == CHAT_EFFORT_NONE ? CHAT_THINKING_OFF : CHAT_THINKING_EFFORT;
    return OK;
}

static status read_thinking(struct decode *d, const struct jspan *value)
{
    static const struct decode_field members[] = {{"includeThoughts", read_shown},
                                                  {"thinkingBudget", read_budget},
                                                  {"thinkingLevel", read_level}};

    return gemini_fields(d, value, "thinkingConfig", members, sizeof members / sizeof *members);
}

/* In the order of reading: a schema says more than the media type beside it. */
static const struct decode_field options[] = {
    {"temperature", read_temperature},
    {"topP", read_top_p},
    {"topK", read_top_k},
    {"maxOutputTokens", read_max_tokens},
    {"stopSequences", decode_stops},
    {"candidateCount", read_candidates},
    {"seed", read_seed},
    {"presencePenalty", read_presence_penalty},
    {"frequencyPenalty", read_frequency_penalty},
    {"responseLogprobs", read_logprobs_wanted},
    {"logprobs", read_logprobs},
    {"responseMimeType", read_media_type},
    {"responseSchema", read_schema},
    {"responseJsonSchema", read_json_schema},
    {"_responseJsonSchema", read_json_schema}, /* its name before 2026 */
    {"responseModalities", read_modalities},
    {"thinkingConfig", read_thinking},
};

status gemini_decode_options(struct decode *d, const struct jspan *value)
{
    return gemini_fields(d, value, "generationConfig", options, sizeof options / sizeof *options);
}

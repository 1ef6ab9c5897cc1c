/*
 * Rows of model rules: read from JSON, which is built in (models.json) or the operator's.
 *
 * Both have one format, so that a row that proved right for an operator can be given to all by
 * copying it.
 */
#include "family/model.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

enum { TOKENS_MAX = 1000 * 1000 * 1000 };

/* models.json as one string literal; made by make. */
static const char builtin_text[] =
#include "family/models.inc"
    ;

struct reader {
    struct arena *arena;
    const char *where;
    struct buf *problems;
    bool failed, no_memory;
    size_t row;
    struct model_rule *rule; /* the one that is read */
};

/* "WHERE[3].traits: what is wrong; expected ..." */
__attribute__((format(printf, 3, 4))) static void offend(struct reader *r, const char *member,
                                                         const char *format, ...)
{
    char what[200];
    va_list args;

    va_start(args, format);
    vsnprintf(what, sizeof what, format, args);
    va_end(args);
    for (char *p = what; *p; p++) /* a file's own text must not end the line early */
        if ((unsigned char)*p < ' ' || *p == 0x7f)
            *p = '?';
    buf_printf(r->problems, "%s[%zu]%s%s: %s\n", r->where, r->row, *member ? "." : "", member,
               what);
    r->failed = true;
}

static const char *read_text(struct reader *r, const struct json *n)
{
    const char *text = json_text(n, NULL);

    if (!text || !*text) {
        offend(r, json_key(n), "is %s; expected a text", text ? "empty" : json_type_text(n));
        return NULL;
    }
    text = arena_cstr(r->arena, str_from(text));
    r->no_memory |= !text;
    return text;
}

static void read_pattern(struct reader *r, const struct json *n)
{
    r->rule->pattern = read_text(r, n);
}

static void read_evidence(struct reader *r, const struct json *n)
{
    r->rule->evidence = read_text(r, n);
}

/* "2026-06" or "2026-06-22" */
static bool is_date(const char *text)
{
    static const char form[] = "dddd-dd-dd";
    size_t n = strlen(text);

    if (n != strlen("dddd-dd") && n != strlen(form))
        return false;
    for (size_t i = 0; i < n; i++)
        if (form[i] == 'd' ? text[i] < '0' || text[i] > '9' : text[i] != form[i])
            return false;
    return true;
}

static void read_date(struct reader *r, const struct json *n)
{
    r->rule->date = read_text(r, n);
    if (r->rule->date && !is_date(r->rule->date))
        offend(r, json_key(n), "is \"%.40s\"; expected YYYY-MM or YYYY-MM-DD", r->rule->date);
}

/* The bits of an array of words, each of which `bit_of` knows. */
static unsigned read_words(struct reader *r, const struct json *n,
                           unsigned (*bit_of)(struct str word), const char *expected)
{
    unsigned bits = 0;

    if (!json_is_array(n))
        offend(r, json_key(n), "is %s; expected an array of %s", json_type_text(n), expected);
    for (const struct json *word = json_is_array(n) ? json_first(n) : NULL; word;
         word = json_next(word)) {
        unsigned bit = bit_of(str_from(json_text(word, NULL)));
        if (!bit)
            offend(r, json_key(n), "has the unknown word \"%.40s\"; expected %s",
                   json_text(word, json_type_text(word)), expected);
        bits |= bit;
    }
    return bits;
}

static void read_traits(struct reader *r, const struct json *n)
{
    r->rule->model.traits =
        read_words(r, n, model_trait_parse, "traits of corelay.json(5), as \"reasoning\"");
}

static unsigned effort_bit(struct str word)
{
    enum chat_effort effort = chat_effort_parse(word);
    return effort == CHAT_EFFORT_UNSET ? 0 : MODEL_EFFORT(effort);
}

static void read_efforts(struct reader *r, const struct json *n)
{
    r->rule->model.efforts =
        read_words(r, n, effort_bit, "none, minimal, low, medium, high, xhigh, max");
}

static int64_t read_tokens(struct reader *r, const struct json *n, const char *member)
{
    double value = json_number(n, 0);

    if (value >= 1 && value <= TOKENS_MAX && value == (double)(int64_t)value)
        return (int64_t)value;
    offend(r, member, "expected a whole number from 1 to %d", TOKENS_MAX);
    return 0;
}

static void read_context(struct reader *r, const struct json *n)
{
    r->rule->model.context = read_tokens(r, n, json_key(n));
}

static void read_max_output(struct reader *r, const struct json *n)
{
    r->rule->model.max_output = read_tokens(r, n, json_key(n));
}

static void read_cache_minimum(struct reader *r, const struct json *n)
{
    r->rule->model.cache_minimum = read_tokens(r, n, json_key(n));
}

static void read_budget(struct reader *r, const struct json *n)
{
    const struct json *least = json_is_array(n) ? json_first(n) : NULL, *most = json_next(least);

    if (!most || json_next(most)) {
        offend(r, json_key(n), "expected an array of the least and the most tokens");
        return;
    }
    r->rule->model.least_budget = read_tokens(r, least, json_key(n));
    r->rule->model.most_budget = read_tokens(r, most, json_key(n));
    if (r->rule->model.least_budget > r->rule->model.most_budget)
        offend(r, json_key(n), "has a least that is more than the most");
}

static const struct {
    const char *name;
    void (*read)(struct reader *r, const struct json *n);
} members[] = {
    {"model", read_pattern},
    {"traits", read_traits},
    {"efforts", read_efforts},
    {"thinking_budget", read_budget},
    {"context_tokens", read_context},
    {"max_output_tokens", read_max_output},
    {"cache_minimum_tokens", read_cache_minimum},
    {"evidence", read_evidence},
    {"date", read_date},
};

static void read_member(struct reader *r, const struct json *row, const struct json *n)
{
    const char *name = json_key(n);

    if (json_get(row, name) != n) {
        offend(r, name, "stands twice; expected each key once");
        return;
    }
    for (size_t i = 0; i < sizeof members / sizeof *members; i++)
        if (strcmp(members[i].name, name) == 0) {
            members[i].read(r, n);
            return;
        }
    offend(r, name,
           "unknown key; expected model, traits, efforts, thinking_budget, context_tokens, "
           "max_output_tokens, cache_minimum_tokens, evidence or date");
}

static struct model_rule *read_row(struct reader *r, const struct json *row)
{
    if (!json_is_object(row)) {
        offend(r, "", "is %s; expected an object", json_type_text(row));
        return NULL;
    }
    r->rule = ARENA_NEW(r->arena, struct model_rule);
    if (!r->rule) {
        r->no_memory = true;
        return NULL;
    }
    r->rule->source = arena_printf(r->arena, "%s[%zu]", r->where, r->row).p;
    r->no_memory |= !r->rule->source;
    for (const struct json *n = json_first(row); n; n = json_next(n))
        read_member(r, row, n);
    if (!json_get(row, "model"))
        offend(r, "model", "is missing; expected a pattern of model names");
    return r->rule;
}

status model_rules_read(struct arena *arena, const struct json *rows, const char *where,
                        struct buf *problems, const struct model_rule **out)
{
    struct reader r = {.arena = arena, .where = where, .problems = problems};
    const struct model_rule **end = out;

    *out = NULL;
    if (!json_is_array(rows)) {
        buf_printf(problems, "%s%sis %s; expected an array of model rules\n", where,
                   str_ends(str_from(where), ": ") ? "" : ": ", json_type_text(rows));
        return E_SYNTAX;
    }
    for (const struct json *row = json_first(rows); row; row = json_next(row), r.row++) {
        struct model_rule *rule = read_row(&r, row);
        if (!rule)
            continue;
        *end = rule;
        end = &rule->next;
    }
    if (r.no_memory)
        return E_NOMEM;
    return r.failed ? E_SYNTAX : OK;
}

/* --- those built in ---------------------------------------------------------------------------- */

static struct arena *builtin_arena; /* for the life of the process */
static const struct model_rule *builtin;

/* A test reads them with every build, so only want of memory can stop this: and nothing works then. */
static void read_builtin(void)
{
    struct buf problems = {0};
    struct json *rows = NULL;

    builtin_arena = arena_new(0);
    if (!builtin_arena ||
        json_parse((struct str){builtin_text, sizeof builtin_text - 1}, &rows, NULL, NULL) ||
        model_rules_read(builtin_arena, rows, "built-in", &problems, &builtin))
        abort();
    json_free(rows);
    buf_free(&problems);
}

const struct model_rule *model_rules_builtin(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    pthread_once(&once, read_builtin);
    return builtin;
}

/* corelay models: what callers can ask for, and who answers. */
#include <stdio.h>

#include "cli/matrix.h"
#include "cli/session.h"

static void print_model(const struct route_model *m)
{
    printf("%-36.*s  %-18s  %7zu  ", STR_ARG(m->name), m->targets ? m->targets->family->name : "-",
           m->target_count);
    if (m->rules.context)
        printf("%9lld\n", (long long)m->rules.context);
    else
        printf("%9s\n", "-");
}

/* Which row the properties are from, who says so, and what they come to with the configuration. */
static void print_rule(struct arena *arena, const struct route_model *m)
{
    const struct model_rule *rule = m->rules.rule;
    const char *traits = model_trait_words(arena, m->rules.traits);

    printf("%-36.*s  %-28s  ", STR_ARG(m->name), rule ? rule->pattern : "-");
    printf("%-10s  %s\n", rule && rule->date ? rule->date : "-", traits && *traits ? traits : "-");
    if (rule)
        printf("%-36s  %s: %s\n", "", rule->source, rule->evidence ? rule->evidence : "-");
}

static void print_rules(struct route_table *table)
{
    struct arena *arena = arena_new(0);

    if (!arena)
        return;
    printf("%-36s  %-28s  %-10s  %s\n", "MODEL", "RULE", "DATE", "TRAITS");
    for (size_t i = 0; i < route_table_count(table); i++)
        print_rule(arena, route_table_at(table, i));
    arena_free(arena);
}

static void write_rule(struct jwrite *w, const struct route_model *m)
{
    const struct model_rule *rule = m->rules.rule;

    if (!rule)
        return;
    jwrite_member_object(w, "rule");
    jwrite_member_cstr(w, "model", rule->pattern);
    jwrite_member_cstr(w, "source", rule->source);
    jwrite_member_cstr(w, "evidence", rule->evidence);
    jwrite_member_cstr(w, "date", rule->date);
    jwrite_end(w);
}

/* --- the matrix: what becomes of each feature, by the caller's API -------------------------------- */

static enum matrix_word ask(const struct route_model *m, size_t dialect, size_t feature)
{
    return matrix_ask(dialect, feature, m->targets->family, &m->rules);
}

/* One line for the features of one word, if there are any. */
static void print_word(const struct route_model *m, size_t dialect, enum matrix_word word)
{
    bool any = false;

    for (size_t i = 0; i < matrix_feature_count(); i++) {
        if (ask(m, dialect, i) != word)
            continue;
        if (!any)
            printf("%-36.*s  %-18s  %-8s  %s", STR_ARG(m->name), matrix_dialect(dialect),
                   matrix_word_text(word), matrix_feature(i));
        else
            printf(", %s", matrix_feature(i));
        any = true;
    }
    if (any)
        putchar('\n');
}

static void print_capabilities(const struct route_model *m)
{
    for (size_t d = 0; m->targets && d < matrix_dialect_count(); d++)
        for (enum matrix_word word = MATRIX_NONE; word < MATRIX_NOT_THERE; word++)
            print_word(m, d, word);
}

static void print_matrix(struct route_table *table)
{
    printf("%-36s  %-18s  %-8s  %s\n", "MODEL", "API", "WORD", "FEATURES");
    for (size_t i = 0; i < route_table_count(table); i++)
        print_capabilities(route_table_at(table, i));
}

static void write_features(struct jwrite *w, const struct route_model *m, size_t dialect)
{
    jwrite_member_object(w, matrix_dialect(dialect));
    for (size_t i = 0; i < matrix_feature_count(); i++) {
        enum matrix_word word = ask(m, dialect, i);
        if (word != MATRIX_NOT_THERE)
            jwrite_member_cstr(w, matrix_feature(i), matrix_word_text(word));
    }
    jwrite_end(w);
}

static void write_matrix(struct jwrite *w, const struct route_model *m)
{
    jwrite_member_object(w, "matrix");
    for (size_t d = 0; m->targets && d < matrix_dialect_count(); d++)
        write_features(w, m, d);
    jwrite_end(w);
}

/* --- all that is known, as JSON ------------------------------------------------------------------- */

static void write_targets(struct jwrite *w, const struct route_model *m)
{
    jwrite_member_array(w, "targets");
    for (const struct target *t = m->targets; t; t = t->next) {
        jwrite_object(w);
        jwrite_member_cstr(w, "account", t->account->name);
        jwrite_member_cstr(w, "resource_group", t->group);
        jwrite_member_cstr(w, "deployment", t->id);
        jwrite_end(w);
    }
    jwrite_end(w);
}

static void write_model(struct jwrite *w, const struct route_model *m, bool matrix)
{
    jwrite_object(w);
    jwrite_member_str(w, "model", m->name);
    jwrite_member_cstr(w, "family", m->targets ? m->targets->family->name : NULL);
    jwrite_member_cstr(w, "executable", m->executable);
    jwrite_member_int(w, "context_tokens", m->rules.context);
    jwrite_member_int(w, "max_output_tokens", m->rules.max_output);
    write_rule(w, m);
    write_targets(w, m);
    if (matrix)
        write_matrix(w, m);
    jwrite_end(w);
}

static void print_json(struct route_table *table, bool matrix)
{
    struct buf text = {0};
    struct jwrite w = jwrite_to(&text);

    jwrite_array(&w);
    for (size_t i = 0; i < route_table_count(table); i++)
        write_model(&w, route_table_at(table, i), matrix);
    jwrite_end_all(&w);
    cli_print(&text);
    buf_free(&text);
}

static void print_text(struct route_table *table, const struct config *config)
{
    printf("%-36s  %-18s  %7s  %9s\n", "MODEL", "FAMILY", "TARGETS", "CONTEXT");
    for (size_t i = 0; i < route_table_count(table); i++)
        print_model(route_table_at(table, i));
    for (const struct config_alias *a = config->aliases; a; a = a->next)
        printf("%-36s  is %s\n", a->name, a->model);
}

int command_models(int argc, char **argv)
{
    const char *file = NULL;
    bool json = false, rules = false, matrix = false;
    int code = CLI_GOOD;
    const struct cli_option options[] = {
        CLI_CONFIG(&file),
        CLI_JSON(&json),
        {"matrix", NULL, "what callers of each API get from each", NULL, &matrix},
        {"rules", NULL, "what is known of each, and who says so", NULL, &rules},
        CLI_END};
    const struct cli_syntax syntax = {
        "models",
        "",
        "List the models that callers can ask for: their family, in how many deployments they "
        "run,\n"
        "and how many tokens they read. Asks SAP AI Core where the list is old.",
        options,
        0,
        0};
    struct session s;

    if (cli_parse(&syntax, argc, argv, &code) < 0)
        return code;
    struct config *config = cli_load_config(file);
    if (!config)
        return CLI_PROBLEM;
    struct route_table *table = session_open(&s, config) == OK ? session_models(&s) : NULL;
    if (table && json)
        print_json(table, matrix);
    else if (table && matrix)
        print_matrix(table);
    else if (table && rules)
        print_rules(table);
    else if (table)
        print_text(table, shared_config_get(s.config));
    code = table && route_table_count(table) ? CLI_GOOD : CLI_PROBLEM;
    route_table_release(table);
    session_close(&s);
    return code;
}

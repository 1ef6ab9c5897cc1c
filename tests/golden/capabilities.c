/* Cells from cases; the page and the table from cells. */
#include "capabilities.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/file.h"
#include "base/jspan.h"

#define MATRIX "tests/golden/matrix.txt"
#define INTRO  "tests/golden/capabilities.md.in"
#define PAGE   "doc/capabilities.md"
#define TABLE  "src/cli/matrix.inc"

enum {
    NAMES_MAX = 64,
    DIALECTS_MAX = 16,
    FAMILIES_MAX = 16,
    NOTES_MAX = 256,
    FILE_BYTES = 1 << 20
};
enum word { UNKNOWN, LOSSLESS, EMULATED, REFUSED };

static const char *const words[] = {"", "lossless", "emulated", "refused"};

struct name {
    struct str key, only, title; /* `only`: names of the other kind, or "*" */
};

struct cell {
    enum word word;
    unsigned note; /* 1 + its place in the notes of its dialect; 0: none */
};

struct capabilities {
    struct arena *arena;
    const char *root;
    struct name dialects[DIALECTS_MAX], families[FAMILIES_MAX], features[NAMES_MAX];
    size_t dialect_count, family_count, feature_count;
    struct cell cells[DIALECTS_MAX][FAMILIES_MAX][NAMES_MAX];
    struct str notes[DIALECTS_MAX][NOTES_MAX];
    size_t note_count[DIALECTS_MAX];
    unsigned faults;
};

/* --- matrix.txt ------------------------------------------------------------------------------ */

static bool read_text(struct capabilities *c, const char *path, struct str *out)
{
    struct buf text = {.ceiling = FILE_BYTES}, file = {0};

    buf_printf(&file, "%s/%s", c->root, path);
    bool good = !file.failed && file_read(file.p, &text) == OK;
    *out = good ? arena_str(c->arena, buf_str(&text)) : STR_NONE;
    buf_free(&text);
    buf_free(&file);
    return good;
}

static void add_name(struct name *names, size_t *count, size_t most, struct name name)
{
    if (*count == most)
        abort();
    names[(*count)++] = name;
}

static void read_line(struct capabilities *c, struct str line)
{
    struct str kind = str_cut(&line, ' ');
    struct name name = {.key = str_cut(&line, ' ')};

    if (!str_is(kind, "family"))
        name.only = str_cut(&line, ' ');
    name.title = line;
    if (str_is(kind, "dialect"))
        add_name(c->dialects, &c->dialect_count, DIALECTS_MAX, name);
    else if (str_is(kind, "family"))
        add_name(c->families, &c->family_count, FAMILIES_MAX, name);
    else if (str_is(kind, "feature"))
        add_name(c->features, &c->feature_count, NAMES_MAX, name);
}

struct capabilities *capabilities_new(const char *root)
{
    struct capabilities *c = calloc(1, sizeof *c);
    struct str text;

    if (!c)
        abort();
    c->arena = arena_new(0);
    c->root = root;
    if (!c->arena || !read_text(c, MATRIX, &text)) {
        printf("FAIL " MATRIX " cannot be read\n");
        capabilities_free(c);
        return NULL;
    }
    while (text.n)
        read_line(c, str_cut(&text, '\n'));
    return c;
}

void capabilities_free(struct capabilities *c)
{
    if (!c)
        return;
    arena_free(c->arena);
    free(c);
}

/* --- cells ----------------------------------------------------------------------------------- */

static size_t find_name(const struct name *names, size_t count, struct str key)
{
    size_t i = 0;

    while (i < count && !str_eq(names[i].key, key))
        i++;
    return i;
}

static bool is_listed(struct str list, struct str key)
{
    if (str_is(list, "*"))
        return true;
    while (list.n)
        if (str_eq(str_cut(&list, ','), key))
            return true;
    return false;
}

static bool applies(const struct name *feature, const struct name *dialect)
{
    return is_listed(feature->only, dialect->key) && is_listed(dialect->only, feature->key);
}

static unsigned note_number(struct capabilities *c, size_t dialect, struct str text)
{
    struct str *notes = c->notes[dialect];
    size_t *count = &c->note_count[dialect], i = 0;

    while (i < *count && !str_eq(notes[i], text))
        i++;
    if (i == NOTES_MAX)
        abort();
    if (i == *count)
        notes[(*count)++] = arena_str(c->arena, text);
    return (unsigned)i + 1;
}

/* Why the gateway said no, in its own words. */
static struct str reason(struct capabilities *c, const struct case_file *really)
{
    struct jspan *body;

    if (jspan_parse(c->arena, really->bytes, &body, NULL))
        return STR_NONE;
    struct str message = jspan_str(c->arena, jspan_get(jspan_get(body, "error"), "message"));
    return str_slice(message, 0, str_find(message, " (model '"));
}

static enum word word_of(struct capabilities *c, const struct case_file *really, struct str *note)
{
    struct str means = case_file_setting(really, "emulated");

    *note = means;
    if (!really->sent) {
        *note = arena_printf(c->arena, "The answer is: \"%.*s\".", STR_ARG(reason(c, really)));
        return REFUSED;
    }
    if (really->dropped.n)
        *note = arena_printf(c->arena, "%.*s%sLeft out, and declared: %.*s.", STR_ARG(means),
                             means.n ? " " : "", STR_ARG(really->dropped));
    return note->n ? EMULATED : LOSSLESS;
}

void capabilities_add(struct capabilities *c, struct str dialect, struct str family,
                      struct str feature, const struct case_file *really)
{
    size_t d = find_name(c->dialects, c->dialect_count, dialect);
    size_t f = find_name(c->families, c->family_count, family);
    size_t i = find_name(c->features, c->feature_count, feature);
    struct str note;

    if (d == c->dialect_count || f == c->family_count) {
        printf("FAIL " MATRIX " does not name %.*s or %.*s\n", STR_ARG(dialect), STR_ARG(family));
        c->faults++;
        return;
    }
    if (i == c->feature_count || !applies(&c->features[i], &c->dialects[d]))
        return;
    struct cell *cell = &c->cells[d][f][i];
    enum word word = word_of(c, really, &note);
    if (word <= cell->word)
        return;
    cell->word = word;
    cell->note = note.n ? note_number(c, d, note) : 0;
}

/* --- what is written ------------------------------------------------------------------------- */

static bool has_pair(const struct capabilities *c, size_t d, size_t f)
{
    for (size_t i = 0; i < c->feature_count; i++)
        if (c->cells[d][f][i].word)
            return true;
    return false;
}

/* Notes in the order in which the table shows them; those that no cell has any more are left out. */
static void renumber(struct capabilities *c, size_t d)
{
    unsigned number[NOTES_MAX + 1] = {0}, count = 0;
    struct str sorted[NOTES_MAX] = {{0}};

    for (size_t i = 0; i < c->feature_count; i++)
        for (size_t f = 0; f < c->family_count; f++) {
            struct cell *cell = &c->cells[d][f][i];
            if (cell->note && !number[cell->note]) {
                sorted[count] = c->notes[d][cell->note - 1];
                number[cell->note] = ++count;
            }
            cell->note = number[cell->note];
        }
    memcpy(c->notes[d], sorted, count * sizeof *sorted);
    c->note_count[d] = count;
}

static void write_row(struct capabilities *c, size_t d, size_t i, struct buf *out)
{
    buf_printf(out, "| %.*s |", STR_ARG(c->features[i].title));
    for (size_t f = 0; f < c->family_count; f++) {
        const struct cell *cell = &c->cells[d][f][i];
        if (!has_pair(c, d, f))
            continue;
        if (!cell->word) {
            printf("FAIL no case of %.*s for %.*s with %.*s\n", STR_ARG(c->features[i].key),
                   STR_ARG(c->dialects[d].key), STR_ARG(c->families[f].key));
            c->faults++;
        }
        buf_printf(out, " %s", words[cell->word]);
        if (cell->note)
            buf_printf(out, " (%u)", cell->note);
        buf_add_cstr(out, " |");
    }
    buf_add_char(out, '\n');
}

static void write_dialect(struct capabilities *c, size_t d, struct buf *out)
{
    buf_printf(out, "\n## %.*s\n\n| |", STR_ARG(c->dialects[d].title));
    for (size_t f = 0; f < c->family_count; f++)
        if (has_pair(c, d, f))
            buf_printf(out, " %.*s |", STR_ARG(c->families[f].title));
    buf_add_cstr(out, "\n|---|");
    for (size_t f = 0; f < c->family_count; f++)
        if (has_pair(c, d, f))
            buf_add_cstr(out, "---|");
    buf_add_char(out, '\n');
    for (size_t i = 0; i < c->feature_count; i++)
        if (applies(&c->features[i], &c->dialects[d]))
            write_row(c, d, i, out);
    for (size_t i = 0; i < c->note_count[d]; i++)
        buf_printf(out, "%s%zu. %.*s\n", i ? "" : "\n", i + 1, STR_ARG(c->notes[d][i]));
}

static void write_page(struct capabilities *c, struct buf *out)
{
    struct str intro;

    if (!read_text(c, INTRO, &intro)) {
        printf("FAIL " INTRO " cannot be read\n");
        c->faults++;
    }
    buf_add_str(out, intro);
    for (size_t d = 0; d < c->dialect_count; d++) {
        renumber(c, d);
        write_dialect(c, d, out);
    }
}

/* The table that is compiled in: a letter for each feature, '-' where it does not apply. */
static void write_table(struct capabilities *c, struct buf *out)
{
    static const char letters[] = "-LER";

    buf_add_cstr(out, "/* Made from the golden cases by `make capabilities`. */\n"
                      "static const char *const matrix_features[] = {\n");
    for (size_t i = 0; i < c->feature_count; i++)
        buf_printf(out, "    \"%.*s\",\n", STR_ARG(c->features[i].key));
    buf_add_cstr(out, "};\n\nstatic const struct matrix_pair matrix_pairs[] = {\n");
    for (size_t d = 0; d < c->dialect_count; d++)
        for (size_t f = 0; f < c->family_count; f++) {
            if (!has_pair(c, d, f))
                continue;
            buf_printf(out, "    {\"%.*s\", \"%.*s\",\n     \"", STR_ARG(c->dialects[d].key),
                       STR_ARG(c->families[f].key));
            for (size_t i = 0; i < c->feature_count; i++)
                buf_add_char(out, letters[c->cells[d][f][i].word]);
            buf_add_cstr(out, "\"},\n");
        }
    buf_add_cstr(out, "};\n");
}

static void settle(struct capabilities *c, const char *path, struct str want, bool write)
{
    struct str have;
    struct buf file = {0};

    if (read_text(c, path, &have) && str_eq(have, want))
        return;
    if (!write) {
        printf("FAIL %s is not what the golden cases say: run `make capabilities`\n", path);
        c->faults++;
        return;
    }
    buf_printf(&file, "%s/%s", c->root, path);
    FILE *f = file.failed ? NULL : fopen(file.p, "wb");
    if (!f || fwrite(want.p, 1, want.n, f) != want.n) {
        printf("FAIL %s cannot be written\n", path);
        c->faults++;
    }
    if (f)
        fclose(f);
    buf_free(&file);
}

unsigned capabilities_finish(struct capabilities *c, bool write)
{
    struct buf page = {0}, table = {0};

    write_page(c, &page);
    write_table(c, &table);
    settle(c, PAGE, buf_str(&page), write);
    settle(c, TABLE, buf_str(&table), write);
    buf_free(&page);
    buf_free(&table);
    return c->faults;
}

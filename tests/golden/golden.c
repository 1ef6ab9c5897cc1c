/*
 * The golden tests: every dialect with every family, feature by feature, compared to the byte.
 *
 *     golden [--update | --list | --capabilities] [WORD]...
 *
 * Runs the cases below tests/golden/cases whose path holds one of the words (all without). --update
 * writes what came out into the case files, for a human to read the difference. --list prints a table:
 * dialect, family, feature, variant, stream or whole or refused, lane or hub, status, dropped.
 * --capabilities writes what is made from all cases (capabilities.h); without words it is checked.
 *
 * The folder of sources is taken from the environment's `srcdir`, as make check sets it.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/file.h"
#include "capabilities.h"
#include "replay.h"

#define CASES "tests/golden/cases"
#define NAMES "tests/golden/cases.list"

enum { FILE_BYTES = 1 << 20, EXCERPT_BEFORE = 60, EXCERPT_BYTES = 300 };
enum mode { CHECK, UPDATE, LIST, CAPABILITIES };

/* The APIs that callers speak: chats are dialects, others are endpoints with a URL. */
static const struct api {
    const char *name;
    const struct dialect *dialect; /* NULL: no chat */
    const char *path;
} apis[] = {
    {"openai-chat", &dialect_openai_chat, NULL},
    {"openai-completions", &dialect_openai_completions, NULL},
    {"openai-responses", &dialect_openai_responses, NULL},
    {"anthropic-messages", &dialect_anthropic_messages, NULL},
    {"gemini-generate", &dialect_gemini_generate, NULL},
    {"openai-embeddings", NULL, "/v1/embeddings"},
    {"gemini-embeddings", NULL, "/v1beta/models/gemini-embedding:embedContent"},
    {"cohere-rerank", NULL, "/v2/rerank"},
    {"predict", NULL, "/v1/predict"},
};

struct run {
    enum mode mode;
    const char *root;
    char **words;
    int word_count;
    struct buf names; /* cases.list: what a release holds */
    struct capabilities *capabilities;
    unsigned cases, failures, written;
};

/* One file: cases/DIALECT.FAMILY/FEATURE[.VARIANT][.WAY] */
struct at {
    struct arena *arena;
    const char *path; /* from the root */
    const struct api *api;
    const struct family *family;
    struct str feature, variant;
    struct str way; /* "stream", "whole" or "refused" */
};

/* --- telling --------------------------------------------------------------------------------- */

static void fail(struct run *run, const struct at *at, const char *what, struct str more)
{
    run->failures++;
    printf("FAIL %s: %s%.*s\n", at->path, what, STR_ARG(more));
}

static void print_excerpt(const char *sign, struct str line, size_t column)
{
    size_t from = column > EXCERPT_BEFORE ? column - EXCERPT_BEFORE : 0;
    size_t to = line.n - from > EXCERPT_BYTES ? from + EXCERPT_BYTES : line.n;

    printf("%s%s%.*s%s\n", sign, from ? "..." : "", STR_ARG(str_slice(line, from, to)),
           to < line.n ? "..." : "");
}

/* The first line that differs, and where in it. */
static void print_difference(struct str expected, struct str got)
{
    struct str e = STR_NONE, g = STR_NONE, head = STR_NONE;
    unsigned number = 0;

    while (str_eq(e, g) && (expected.n || got.n)) {
        if (str_starts(e, "-- "))
            head = e;
        e = str_cut(&expected, '\n');
        g = str_cut(&got, '\n');
        number++;
    }
    size_t column = 0;
    while (column < e.n && column < g.n && e.p[column] == g.p[column])
        column++;
    printf("@@ line %u, byte %zu @@ %.*s\n", number, column, STR_ARG(head));
    print_excerpt("-", e.n >= column ? e : STR_NONE, column < e.n ? column : e.n);
    print_excerpt("+", g.n >= column ? g : STR_NONE, column < g.n ? column : g.n);
}

static void print_row(const struct at *at, const struct case_file *c)
{
    const struct dialect *d = at->api->dialect;

    printf("%s\t%s\t%.*s\t%.*s\t%.*s\t%s\t%d\t%.*s\n", at->api->name, at->family->name,
           STR_ARG(at->feature), STR_ARG(at->variant.n ? at->variant : STR("-")), STR_ARG(at->way),
           d && d->wire == at->family->wire ? "lane" : "hub", c->status,
           STR_ARG(c->dropped.n ? c->dropped : STR("-")));
}

/* --- one case -------------------------------------------------------------------------------- */

static bool write_case(const char *path, struct str text)
{
    FILE *f = fopen(path, "wb");

    if (!f)
        return false;
    bool good = fwrite(text.p, 1, text.n, f) == text.n;
    return fclose(f) == 0 && good;
}

static void compare(struct run *run, const struct at *at, const char *file, struct str text,
                    const struct case_file *really)
{
    struct buf got = {0};

    case_file_render(really, &got);
    if (run->mode == UPDATE && !str_eq(text, buf_str(&got))) {
        run->written++;
        printf("wrote %s\n", at->path);
        if (!write_case(file, buf_str(&got)))
            fail(run, at, "cannot be written", STR_NONE);
    } else if (!str_eq(text, buf_str(&got))) {
        fail(run, at, "came out otherwise", STR_NONE);
        print_difference(text, buf_str(&got));
    }
    buf_free(&got);
}

static void note_capability(struct run *run, const struct at *at, const struct case_file *c)
{
    struct str feature = at->feature;

    if (at->variant.n)
        feature = arena_printf(at->arena, "%.*s.%.*s", STR_ARG(at->feature), STR_ARG(at->variant));
    capabilities_add(run->capabilities, str_from(at->api->name), str_from(at->family->name),
                     feature, c);
}

static status act(const struct at *at, const struct case_file *given, struct case_file *really,
                  struct str *why)
{
    if (at->api->dialect)
        return replay_case(at->arena, at->api->dialect, at->family, given, really, why);
    return replay_work(at->arena, at->api->path, at->family, given, really, why);
}

static void run_text(struct run *run, const struct at *at, const char *file, struct str text)
{
    struct case_file given, really;
    const char *fault = "";
    struct str why = STR_NONE;

    if (case_file_parse(text, &given, &fault)) {
        fail(run, at, fault, STR_NONE);
        return;
    }
    if (run->capabilities)
        note_capability(run, at, &given);
    if (run->mode == CAPABILITIES)
        return;
    if (run->mode == LIST)
        print_row(at, &given);
    else if (act(at, &given, &really, &why))
        fail(run, at, "", why);
    else
        compare(run, at, file, text, &really);
}

static void run_case(struct run *run, const struct at *at)
{
    struct buf text = {.ceiling = FILE_BYTES};
    struct str file = arena_printf(at->arena, "%s/%s", run->root, at->path);

    run->cases++;
    if (file_read(file.p, &text))
        fail(run, at, "cannot be read", STR_NONE);
    else
        run_text(run, at, file.p, buf_str(&text));
    if (run->mode == CHECK && str_find(buf_str(&run->names), at->path) == run->names.n)
        fail(run, at, "is not named in " NAMES, STR_NONE);
    buf_free(&text);
}

/* --- all of them ----------------------------------------------------------------------------- */

static int no_dots(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

static bool chosen(const struct run *run, const char *path)
{
    for (int i = 0; i < run->word_count; i++)
        if (strstr(path, run->words[i]))
            return true;
    return run->word_count == 0;
}

/* Call `each` for all names in a folder, in order. */
static bool walk(struct run *run, const char *folder,
                 void (*each)(struct run *run, const char *folder, const char *name))
{
    struct dirent **names;
    struct buf path = {0};

    buf_printf(&path, "%s/%s", run->root, folder);
    int n = path.failed ? -1 : scandir(path.p, &names, no_dots, alphasort);
    buf_free(&path);
    for (int i = 0; i < n; i++) {
        each(run, folder, names[i]->d_name);
        free(names[i]);
    }
    if (n >= 0)
        free(names);
    return n >= 0;
}

static bool find_pair(struct str pair, struct at *at)
{
    struct str dialect = str_cut(&pair, '.');

    for (size_t i = 0; i < sizeof apis / sizeof *apis; i++)
        if (str_is(dialect, apis[i].name))
            at->api = &apis[i];
    at->family = family_find(pair);
    return at->api && at->family;
}

/* The last word of a name, if it says how the answer comes, is cut off `*words`. */
static struct str take_way(struct str *words)
{
    size_t n = str_ends(*words, "stream") ? 6 : str_ends(*words, "whole") ? 5 : 0;
    struct str way = n ? str_slice(*words, words->n - n, words->n) : STR("refused");

    words->n -= n && words->n > n ? n + 1 : n;
    return way;
}

static void run_file(struct run *run, const char *folder, const char *name)
{
    struct at at = {.arena = arena_new(0)};
    struct str words = str_from(name);

    at.path = arena_printf(at.arena, "%s/%s", folder, name).p;
    at.feature = str_cut(&words, '.');
    at.way = take_way(&words);
    at.variant = words;
    if (!find_pair(str_from(folder + sizeof CASES), &at))
        fail(run, &at, "no such dialect and family", STR_NONE);
    else if (chosen(run, at.path))
        run_case(run, &at);
    arena_free(at.arena);
}

static void run_folder(struct run *run, const char *folder, const char *name)
{
    struct buf path = {0};

    buf_printf(&path, "%s/%s", folder, name);
    walk(run, path.p, run_file);
    buf_free(&path);
}

static void read_names(struct run *run)
{
    struct buf path = {0};

    buf_printf(&path, "%s/" NAMES, run->root);
    if (file_read(path.p, &run->names)) {
        run->failures++;
        printf("FAIL " NAMES " cannot be read\n");
    }
    buf_free(&path);
}

static enum mode read_mode(int *argc, char ***argv)
{
    static const char *const options[] = {
        [UPDATE] = "--update", [LIST] = "--list", [CAPABILITIES] = "--capabilities"};

    for (enum mode m = UPDATE; *argc && m <= CAPABILITIES; m++) {
        if (strcmp(**argv, options[m]) != 0)
            continue;
        (*argc)--;
        (*argv)++;
        return m;
    }
    return CHECK;
}

int main(int argc, char **argv)
{
    const char *srcdir = getenv("srcdir");
    struct run run = {.root = srcdir && *srcdir ? srcdir : "."};

    argc--;
    argv++;
    run.mode = read_mode(&argc, &argv);
    run.words = argv;
    run.word_count = argc;
    read_names(&run);
    if (argc == 0 && (run.mode == CHECK || run.mode == CAPABILITIES)) {
        run.capabilities = capabilities_new(run.root);
        run.failures += !run.capabilities;
    }
    if (!walk(&run, CASES, run_folder) || run.cases == 0) {
        run.failures++;
        printf("FAIL no cases below %s/" CASES "\n", run.root);
    }
    if (run.capabilities)
        run.failures += capabilities_finish(run.capabilities, run.mode == CAPABILITIES);
    capabilities_free(run.capabilities);
    if (run.mode != LIST)
        printf("golden: %u cases, %u failed, %u written\n", run.cases, run.failures, run.written);
    buf_free(&run.names);
    return run.failures > 0;
}

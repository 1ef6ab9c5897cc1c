/*
 * A name is taken apart into vendor, core and snapshot
 * ("us.anthropic.claude-sonnet-4-5-20250929-v1:0": anthropic, claude-4-5-sonnet, 20250929), and two
 * names are one model if the parts agree.
 */
#include "route/alias.h"

#include <ctype.h>
#include <limits.h>
#include <stdio.h>

struct spelling {
    char vendor[32];
    char core[ALIAS_NAME_MAX + 16]; /* the seed's "4.5-sonnet" grows */
    char snapshot[64];
};

/* --- tables ---------------------------------------------------------------------------------- */

/* Path elements that say by which way a model is reached, not whose it is. */
static const char *const ways[] = {"models", "publishers", "bedrock", "converse",  "vertex_ai",
                                   "azure",  "sap",        "aicore",  "openrouter"};

/* Bedrock's inference profiles. */
static const char *const regions[] = {"us", "eu", "apac",   "ap",    "jp",
                                      "au", "ca", "us-gov", "global"};

/* Whose a model is: as others write it, as SAP does. */
static const struct {
    const char *word, *vendor;
} vendors[] = {{"anthropic", "anthropic"}, {"amazon", "amazon"},        {"aws", "amazon"},
               {"openai", "openai"},       {"google", "google"},        {"gemini", "google"},
               {"mistral", "mistralai"},   {"mistralai", "mistralai"},  {"meta", "meta"},
               {"meta-llama", "meta"},     {"cohere", "cohere"},        {"nvidia", "nvidia"},
               {"deepseek", "deepseek"},   {"perplexity", "perplexity"}};

/* What may stand at the end of a name without making it another model: '#' is a digit. */
static const struct {
    const char *pattern;
    bool snapshot;    /* two names that differ in it are not the same */
    const char *only; /* in names that begin so; NULL: in all */
} tails[] = {
    {"-latest", false, NULL},
    {"-####-##-##", true, NULL},      /* gpt-5-2025-08-07 */
    {"-########", true, NULL},        /* claude-sonnet-4-5-20250929 */
    {"-preview-##-##", true, NULL},   /* gemini-2.5-pro-preview-05-06 */
    {"-preview-##-####", true, NULL}, /* gemini-2.5-flash-preview-09-2025 */
    {"-exp-##-##", true, NULL},       /* gemini-2.5-pro-exp-03-25 */
    {"-00#", true, NULL},             /* gemini-2.0-flash-001 */
    {"-####", true, NULL},            /* mistral-large-2407, gpt-4-0613 */
    {"-preview", true, "gemini-"},
    {"-exp", true, "gemini-"},
    {"-v#", false, "claude-"}, /* Bedrock: the revision of the id, not of the model */
    {"-v#", false, "nova-"},
    {"-instruct", false, "mistral-"}, /* SAP's mistralai--mistral-large-instruct */
};

/* Beginnings that are written in two ways. */
static const struct {
    const char *other, *ours;
} beginnings[] = {{"gpt-o1", "o1"}, {"gpt-o3", "o3"}, {"gpt-o4", "o4"}, {"gpt-3-5-", "gpt-35-"}};

static const char *const claude_tiers[] = {"sonnet", "opus", "haiku"};

#define COUNT(table) (sizeof(table) / sizeof *(table))

/* --- taking a name apart --------------------------------------------------------------------- */

static bool is_one_of(struct str word, const char *const *table, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (str_is(word, table[i]))
            return true;
    return false;
}

static const char *vendor_of(struct str word)
{
    for (size_t i = 0; i < COUNT(vendors); i++)
        if (str_is(word, vendors[i].word))
            return vendors[i].vendor;
    return NULL;
}

static void set_vendor(struct spelling *s, struct str word)
{
    const char *known = vendor_of(word);

    snprintf(s->vendor, sizeof s->vendor, "%.*s", known ? (int)strlen(known) : (int)word.n,
             known ? known : word.p);
}

/* "google/gemini-2.5-pro", "models/...", "publishers/anthropic/models/..." */
static struct str cut_path(struct spelling *s, struct str name)
{
    const char *slash;

    while ((slash = memchr(name.p, '/', name.n)) != NULL) {
        struct str word = {name.p, (size_t)(slash - name.p)};
        if (word.n && !is_one_of(word, ways, COUNT(ways)))
            set_vendor(s, word);
        name = str_slice(name, word.n + 1, name.n);
    }
    return name;
}

/* SAP's "vendor--model", Bedrock's "region.vendor.model" */
static struct str cut_vendor(struct spelling *s, struct str name)
{
    size_t dashes = str_find(name, "--");

    if (dashes < name.n && dashes > 0) {
        set_vendor(s, str_slice(name, 0, dashes));
        return str_slice(name, dashes + 2, name.n);
    }
    struct str rest = name, word = str_cut(&rest, '.');
    if (rest.p && is_one_of(word, regions, COUNT(regions))) {
        name = rest;
        word = str_cut(&rest, '.');
    }
    if (!rest.p || !vendor_of(word))
        return name;
    set_vendor(s, word);
    return rest;
}

static void add_snapshot(struct spelling *s, struct str text)
{
    size_t n = strlen(s->snapshot);

    snprintf(s->snapshot + n, sizeof s->snapshot - n, "%.*s", STR_ARG(text));
}

/* "gpt-5:latest", "gpt-4o:2024-08-06", "...-v1:0", "claude-sonnet-4-5@20250929",
   "claude-opus-4-6[1m]". What is neither a version nor a window size may mean something: then the
   name stays whole. */
static struct str cut_version(struct spelling *s, struct str name)
{
    if (str_ends(name, "[1m]"))
        name.n -= 4;
    size_t at = str_find(name, ":");
    if (at == name.n)
        at = str_find(name, "@");
    if (at == name.n)
        return name;
    struct str version = str_slice(name, at + 1, name.n);
    for (size_t i = 0; i < version.n; i++)
        if (!isdigit((unsigned char)version.p[i]) && !strchr(".-", version.p[i]) &&
            !str_is(version, "latest"))
            return name;
    /* Bedrock's ":0" counts revisions of the id, "1" and the like are SAP's versions */
    if (version.n >= 3 && !str_is(version, "latest"))
        add_snapshot(s, version);
    return str_slice(name, 0, at);
}

static bool tail_matches(const char *core, size_t n, const char *pattern)
{
    size_t length = strlen(pattern);

    if (n <= length)
        return false;
    for (size_t i = 0; i < length; i++) {
        char c = core[n - length + i];
        if (pattern[i] == '#' ? !isdigit((unsigned char)c) : c != pattern[i])
            return false;
    }
    return true;
}

static bool cut_tail(struct spelling *s)
{
    size_t n = strlen(s->core);

    for (size_t i = 0; i < COUNT(tails); i++) {
        const char *only = tails[i].only;
        if ((only && strncmp(s->core, only, strlen(only)) != 0) ||
            !tail_matches(s->core, n, tails[i].pattern))
            continue;
        size_t cut = n - strlen(tails[i].pattern);
        if (tails[i].snapshot)
            add_snapshot(s, str_from(s->core + cut + 1));
        s->core[cut] = '\0';
        return true;
    }
    return false;
}

/* --- Claude's word order --------------------------------------------------------------------- */

static bool has_word(struct str name, const char *word)
{
    while (name.p)
        if (str_is(str_cut(&name, '-'), word))
            return true;
    return false;
}

static bool is_claude(const char *core)
{
    struct str name = str_from(core);

    if (has_word(name, "claude"))
        return true;
    /* the seed's "4.5-sonnet" */
    for (size_t i = 0; i < COUNT(claude_tiers); i++)
        if (isdigit((unsigned char)core[0]) && str_ends(name, claude_tiers[i]))
            return true;
    return false;
}

/* Append the numbers of a name to `core`, or its other words. 4.0 is 4. */
static void add_words(char *core, size_t room, struct str name, bool numbers)
{
    size_t n = strlen(core);
    bool first = true;

    while (name.p) {
        struct str word = str_cut(&name, '-');
        bool number = word.n && isdigit((unsigned char)word.p[0]);
        if (word.n == 0 || number != numbers || str_is(word, "claude"))
            continue;
        if (n + 1 + word.n < room && !(number && !first && str_is(word, "0")))
            n += (size_t)snprintf(core + n, room - n, "-%.*s", STR_ARG(word));
        first = false;
    }
}

/* "claude-sonnet-4-5", "claude-4-5-sonnet", "4-5-sonnet": numbers first, then words. */
static void order_claude(char *core, size_t room)
{
    char name[ALIAS_NAME_MAX + 16];

    memcpy(name, core, sizeof name);
    strcpy(core, "claude");
    add_words(core, room, str_from(name), true);
    add_words(core, room, str_from(name), false);
}

static void replace_beginning(struct spelling *s)
{
    char copy[sizeof s->core];

    for (size_t i = 0; i < COUNT(beginnings); i++) {
        size_t n = strlen(beginnings[i].other);
        if (strncmp(s->core, beginnings[i].other, n) != 0)
            continue;
        memcpy(copy, s->core, sizeof copy);
        snprintf(s->core, sizeof s->core, "%s%s", beginnings[i].ours, copy + n);
        return;
    }
}

/* False for what is no name: too long, empty, or with bytes that no name has. */
static bool spell(struct str name, struct spelling *s)
{
    char lower[ALIAS_NAME_MAX + 1];

    memset(s, 0, sizeof *s);
    name = str_trim(name);
    if (name.n == 0 || name.n > ALIAS_NAME_MAX)
        return false;
    for (size_t i = 0; i < name.n; i++) {
        if (name.p[i] <= 0x20 || name.p[i] >= 0x7f)
            return false;
        lower[i] = (char)tolower((unsigned char)name.p[i]);
    }
    struct str rest = cut_path(s, (struct str){lower, name.n});
    rest = cut_version(s, cut_vendor(s, rest));
    for (size_t i = 0; i < rest.n; i++)
        s->core[i] = strchr("._", rest.p[i]) ? '-' : rest.p[i];
    while (cut_tail(s))
        ;
    replace_beginning(s);
    if (is_claude(s->core))
        order_claude(s->core, sizeof s->core);
    return s->core[0] != '\0';
}

/* --- choosing -------------------------------------------------------------------------------- */

/* 0: another model; the more, the better. */
static int agreement(const struct spelling *asked, const struct spelling *have)
{
    if (strcmp(asked->core, have->core) != 0)
        return 0;
    if (asked->vendor[0] && have->vendor[0] && strcmp(asked->vendor, have->vendor) != 0)
        return 0;
    if (strcmp(asked->snapshot, have->snapshot) == 0)
        return 3;
    if (!have->snapshot[0])
        return 2;
    return asked->snapshot[0] ? 0 : 1;
}

static bool str_after(struct str a, struct str b)
{
    int order = memcmp(a.p, b.p, a.n < b.n ? a.n : b.n);

    return order > 0 || (order == 0 && a.n > b.n);
}

struct str alias_resolve(struct arena *arena, struct str asked, const struct str *available,
                         size_t count)
{
    struct spelling want, have;
    struct str best = STR_NONE;
    int most = 0;

    (void)arena;
    for (size_t i = 0; i < count; i++)
        if (str_eq(asked, available[i]))
            return available[i];
    for (size_t i = 0; i < count; i++)
        if (str_case_eq(asked, available[i]))
            return available[i];
    if (!spell(asked, &want))
        return STR_NONE;
    for (size_t i = 0; i < count; i++) {
        int degree = spell(available[i], &have) ? agreement(&want, &have) : 0;
        /* of several snapshots the newest */
        if (degree > most || (degree && degree == most && str_after(available[i], best))) {
            most = degree;
            best = available[i];
        }
    }
    return best;
}

/* --- resemblance ----------------------------------------------------------------------------- */

enum { COMPARED = 64 };

/* Levenshtein, over the first COMPARED bytes. */
static int distance(struct str a, struct str b)
{
    int row[COMPARED + 1];

    if (a.n > COMPARED)
        a.n = COMPARED;
    if (b.n > COMPARED)
        b.n = COMPARED;
    for (size_t j = 0; j <= b.n; j++)
        row[j] = (int)j;
    for (size_t i = 1; i <= a.n; i++) {
        int corner = row[0];
        row[0] = (int)i;
        for (size_t j = 1; j <= b.n; j++) {
            int change = corner + (a.p[i - 1] != b.p[j - 1]);
            corner = row[j];
            int step = (row[j] < row[j - 1] ? row[j] : row[j - 1]) + 1;
            row[j] = change < step ? change : step;
        }
    }
    return row[b.n];
}

static int shared_words(struct str a, struct str b)
{
    int shared = 0;

    while (a.p) {
        struct str word = str_cut(&a, '-'), others = b;
        while (word.n && others.p)
            if (str_eq(word, str_cut(&others, '-'))) {
                shared++;
                break;
            }
    }
    return shared;
}

/* The less, the nearer; INT_MAX: not alike at all. */
static int remoteness(const struct spelling *asked, const struct spelling *have)
{
    struct str a = str_from(asked->core), b = str_from(have->core);
    int edits = distance(a, b), shared = shared_words(a, b);

    if (!shared && edits > 3 && (size_t)edits * 3 > a.n)
        return INT_MAX;
    return edits - 3 * shared;
}

size_t alias_nearest(struct str asked, const struct str *available, size_t count,
                     struct str out[ALIAS_NEAREST])
{
    int score[ALIAS_NEAREST];
    struct spelling want, have;
    size_t found = 0;

    if (!spell(asked, &want))
        return 0;
    for (size_t i = 0; i < count; i++) {
        int mine = spell(available[i], &have) ? remoteness(&want, &have) : INT_MAX;
        if (mine == INT_MAX)
            continue;
        size_t place = found;
        while (place > 0 && mine < score[place - 1])
            place--;
        if (place == ALIAS_NEAREST)
            continue;
        if (found < ALIAS_NEAREST)
            found++;
        for (size_t j = found - 1; j > place; j--) {
            score[j] = score[j - 1];
            out[j] = out[j - 1];
        }
        score[place] = mine;
        out[place] = available[i];
    }
    return found;
}

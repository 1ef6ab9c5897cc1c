/* Lists of deployments: JSON to rows and back. */
#include "aicore/deployment_list.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/jwrite.h"

enum { URL_MAX = 2048, TEXT_MAX = 512 };

/* What a `struct deployment_list *` points to in truth. */
struct counted_list {
    struct deployment_list list; /* first, so that the pointers are the same */
    atomic_uint holds;
    struct arena *arena;
};

static struct counted_list *counted(struct deployment_list *list)
{
    return (struct counted_list *)list;
}

struct deployment_list *deployment_list_hold(struct deployment_list *list)
{
    if (list)
        atomic_fetch_add(&counted(list)->holds, 1);
    return list;
}

void deployment_list_release(struct deployment_list *list)
{
    if (!list || atomic_fetch_sub(&counted(list)->holds, 1) > 1)
        return;
    arena_free(counted(list)->arena);
    free(list);
}

static bool begin(struct deployment_builder *b)
{
    if (b->list)
        return true;
    struct counted_list *made = calloc(1, sizeof *made);
    struct arena *arena = arena_new(0);
    if (!made || !arena) {
        free(made);
        arena_free(arena);
        return false;
    }
    atomic_init(&made->holds, 1);
    made->arena = arena;
    b->list = &made->list;
    return true;
}

/* --- reading --------------------------------------------------------------------------------- */

/* Visible ASCII: fit for a URL, a header and a log line. */
static bool is_plain(const char *text, size_t most)
{
    size_t n = strlen(text);

    for (size_t i = 0; i < n; i++)
        if (text[i] <= 0x20 || text[i] >= 0x7f)
            return false;
    return n > 0 && n <= most;
}

static bool is_url(const char *text)
{
    struct str s = str_from(text);

    return is_plain(text, URL_MAX) && (str_starts(s, "https://") || str_starts(s, "http://"));
}

/* A copy, or NULL when there is none that can be used. */
static const char *text_of(struct arena *arena, const struct json *n)
{
    const char *text = json_text(n, NULL);

    return text && is_plain(text, TEXT_MAX) ? arena_cstr(arena, str_from(text)) : NULL;
}

/* details.resources.backendDetails.model, in older answers backend_details. */
static const struct json *model_of(const struct json *row)
{
    const struct json *resources = json_get(json_get(row, "details"), "resources");
    const struct json *model = json_get(json_get(resources, "backendDetails"), "model");

    return json_text(json_get(model, "name"), NULL)
               ? model
               : json_get(json_get(resources, "backend_details"), "model");
}

static int64_t time_of(const struct json *n)
{
    const char *text = json_text(n, NULL);
    int64_t s = text ? clock_parse(text) : 0;

    return s > 0 ? s : 0;
}

static const char *url_of(struct arena *arena, const char *text)
{
    struct str url = str_from(text);

    while (url.n && url.p[url.n - 1] == '/')
        url.n--;
    return arena_cstr(arena, url);
}

/* targetStatus RUNNING is no proof that it serves, and while it starts it has no URL. */
static bool is_serving(const struct json *row)
{
    return strcmp(json_text(json_get(row, "status"), ""), "RUNNING") == 0 &&
           is_url(json_text(json_get(row, "deploymentUrl"), "")) &&
           is_plain(json_text(json_get(row, "id"), ""), TEXT_MAX);
}

static bool grow(struct deployment_builder *b)
{
    if (b->list->count < b->capacity)
        return true;
    size_t capacity = b->capacity ? b->capacity * 2 : 64;
    struct deployment *items = realloc(b->items, capacity * sizeof *items);
    if (!items)
        return false;
    b->items = items;
    b->capacity = capacity;
    return true;
}

static status add_row(struct deployment_builder *b, const struct json *row)
{
    if (!is_serving(row))
        return OK;
    if (b->list->count >= DEPLOYMENT_LIST_MAX)
        return E_LIMIT;
    if (!grow(b))
        return E_NOMEM;
    struct arena *arena = counted(b->list)->arena;
    const struct json *model = model_of(row);
    struct deployment *d = &b->items[b->list->count];
    *d = (struct deployment){.id = text_of(arena, json_get(row, "id")),
                             .url = url_of(arena, json_text(json_get(row, "deploymentUrl"), "")),
                             .executable = text_of(arena, json_get(row, "executableId")),
                             .scenario = text_of(arena, json_get(row, "scenarioId")),
                             .configuration = text_of(arena, json_get(row, "configurationName")),
                             .model = text_of(arena, json_get(model, "name")),
                             .version = text_of(arena, json_get(model, "version")),
                             .created_s = time_of(json_get(row, "createdAt"))};
    if (!d->id || !d->url)
        return E_NOMEM;
    if (!d->executable)
        d->executable = "";
    if (!d->scenario)
        d->scenario = "";
    b->list->count++;
    return OK;
}

static int by_id(const void *a, const void *b)
{
    const struct deployment *const *x = a, *const *y = b;
    int order = strcmp((*x)->id, (*y)->id);

    return order ? order : (*x > *y) - (*x < *y);
}

/* Keep the first row of each id, and the order. E_NOMEM. */
static status drop_doubles(struct deployment_builder *b)
{
    size_t n = b->list->count, kept = 0;

    if (n < 2)
        return OK;
    struct deployment **sorted = malloc(n * sizeof(struct deployment *));
    if (!sorted)
        return E_NOMEM;
    for (size_t i = 0; i < n; i++)
        sorted[i] = &b->items[i];
    qsort(sorted, n, sizeof(struct deployment *), by_id);
    const char *last = sorted[0]->id;
    for (size_t i = 1; i < n; i++) {
        const char *id = sorted[i]->id;
        if (strcmp(id, last) == 0)
            sorted[i]->id = NULL;
        else
            last = id;
    }
    free(sorted);
    for (size_t i = 0; i < n; i++)
        if (b->items[i].id)
            b->items[kept++] = b->items[i];
    b->list->count = kept;
    return OK;
}

status deployment_builder_add(struct deployment_builder *b, const struct json *page, size_t *rows,
                              int64_t *total)
{
    const struct json *resources = json_get(page, "resources");

    *rows = 0;
    *total = 0;
    if (!json_is_object(page) || !json_is_array(resources))
        return E_SYNTAX;
    if (!begin(b))
        return E_NOMEM;
    for (const struct json *row = json_first(resources); row; row = json_next(row)) {
        ++*rows;
        status s = add_row(b, row);
        if (s)
            return s;
    }
    double count = json_number(json_get(page, "count"), (double)*rows);
    *total = count >= 0 && count < 1e9 ? (int64_t)count : (int64_t)*rows;
    return drop_doubles(b);
}

/* --- the catalogue of models ----------------------------------------------------------------- */

static const char orchestration[] = "orchestration";

bool deployment_is_orchestration(const struct deployment *d)
{
    return d->executable && strcmp(d->executable, orchestration) == 0;
}

bool deployment_builder_orchestrates(const struct deployment_builder *b)
{
    for (size_t i = 0; b->list && i < b->list->count; i++)
        if (deployment_is_orchestration(&b->items[i]))
            return true;
    return false;
}

static bool is_orchestrated(const struct json *row)
{
    const struct json *list = json_get(row, "allowedScenarios");

    for (const struct json *n = json_first(list); n; n = json_next(n))
        if (strcmp(json_text(json_get(n, "scenarioId"), ""), orchestration) == 0)
            return true;
    return false;
}

/* Of the newest version, or what any says. */
static int64_t context_of(const struct json *row)
{
    double context = 0;

    for (const struct json *v = json_first(json_get(row, "versions")); v; v = json_next(v)) {
        double says = json_number(json_get(v, "contextLength"), 0);
        if (says > 0 && (context <= 0 || json_bool(json_get(v, "isLatest"), false)))
            context = says;
    }
    return context < 1e9 ? (int64_t)context : 0;
}

static bool has_model(const struct deployment_list *list, const char *name)
{
    for (size_t i = 0; i < list->catalogue_count; i++)
        if (strcmp(list->catalogue[i].name, name) == 0)
            return true;
    return false;
}

status deployment_builder_catalogue(struct deployment_builder *b, const struct json *page)
{
    const struct json *rows = json_get(page, "resources");

    if (!json_is_array(rows))
        return E_SYNTAX;
    if (!begin(b))
        return E_NOMEM;
    struct arena *arena = counted(b->list)->arena;
    struct catalogue_model *models = ARENA_ARRAY(arena, struct catalogue_model, CATALOGUE_MAX);
    if (!models)
        return E_NOMEM;
    b->list->catalogue = models;
    b->list->catalogue_count = 0;
    for (const struct json *row = json_first(rows); row; row = json_next(row)) {
        const char *name = is_orchestrated(row) ? text_of(arena, json_get(row, "model")) : NULL;
        if (name && !has_model(b->list, name) && b->list->catalogue_count < CATALOGUE_MAX)
            models[b->list->catalogue_count++] =
                (struct catalogue_model){.name = name, .context = context_of(row)};
    }
    return arena_failed(arena) ? E_NOMEM : OK;
}

status deployment_builder_keep_catalogue(struct deployment_builder *b,
                                         const struct deployment_list *earlier)
{
    size_t count = earlier ? earlier->catalogue_count : 0;

    if (!begin(b))
        return E_NOMEM;
    if (!count)
        return OK;
    struct arena *arena = counted(b->list)->arena;
    struct catalogue_model *models = ARENA_ARRAY(arena, struct catalogue_model, count);
    for (size_t i = 0; models && i < count; i++) {
        models[i] = earlier->catalogue[i];
        models[i].name = arena_cstr(arena, str_from(earlier->catalogue[i].name));
    }
    b->list->catalogue = models;
    b->list->catalogue_count = count;
    return arena_failed(arena) ? E_NOMEM : OK;
}

struct deployment_list *deployment_builder_finish(struct deployment_builder *b, int64_t fetched_s)
{
    struct deployment_list *list = NULL;

    if (begin(b)) {
        size_t bytes = b->list->count * sizeof *b->items;
        void *items = bytes ? arena_alloc(counted(b->list)->arena, bytes) : NULL;
        if (items)
            memcpy(items, b->items, bytes);
        if (!arena_failed(counted(b->list)->arena)) {
            list = b->list;
            list->items = items;
            list->fetched_s = fetched_s;
            b->list = NULL;
        }
    }
    deployment_builder_drop(b);
    return list;
}

void deployment_builder_drop(struct deployment_builder *b)
{
    deployment_list_release(b->list);
    free(b->items);
    *b = (struct deployment_builder){.list = NULL};
}

status deployment_list_parse(struct str json, struct deployment_list **out, int64_t *total)
{
    struct deployment_builder b = {.list = NULL};
    struct json *root;
    size_t rows;

    *out = NULL;
    *total = 0;
    status s = json_parse(json, &root, NULL, NULL);
    if (s)
        return s;
    s = deployment_builder_add(&b, root, &rows, total);
    if (!s && json_get(root, "catalogue"))
        s = deployment_builder_catalogue(&b, json_get(root, "catalogue"));
    if (!s) {
        *out = deployment_builder_finish(&b, clock_wall_s());
        s = *out ? OK : E_NOMEM;
    }
    deployment_builder_drop(&b);
    json_free(root);
    return s;
}

/* --- writing --------------------------------------------------------------------------------- */

static void write_model(struct jwrite *w, const struct deployment *d)
{
    jwrite_member_object(w, "details");
    jwrite_member_object(w, "resources");
    jwrite_member_object(w, "backendDetails");
    jwrite_member_object(w, "model");
    jwrite_member_cstr(w, "name", d->model);
    if (d->version)
        jwrite_member_cstr(w, "version", d->version);
    for (int i = 0; i < 4; i++)
        jwrite_end(w);
}

static void write_row(struct jwrite *w, const struct deployment *d)
{
    char created[CLOCK_TEXT_BYTES];

    jwrite_object(w);
    jwrite_member_cstr(w, "id", d->id);
    jwrite_member_cstr(w, "status", "RUNNING");
    jwrite_member_cstr(w, "deploymentUrl", d->url);
    if (d->configuration)
        jwrite_member_cstr(w, "configurationName", d->configuration);
    jwrite_member_cstr(w, "executableId", d->executable);
    jwrite_member_cstr(w, "scenarioId", d->scenario);
    if (d->model)
        write_model(w, d);
    if (d->created_s) {
        clock_render(d->created_s * 1000, created);
        jwrite_member_cstr(w, "createdAt", created);
    }
    jwrite_end(w);
}

/* As the AI API writes it, as far as it is read. */
static void write_catalogue(struct jwrite *w, const struct deployment_list *list)
{
    jwrite_member_object(w, "catalogue");
    jwrite_member_array(w, "resources");
    for (size_t i = 0; i < list->catalogue_count; i++) {
        jwrite_object(w);
        jwrite_member_cstr(w, "model", list->catalogue[i].name);
        jwrite_member_array(w, "allowedScenarios");
        jwrite_object(w);
        jwrite_member_cstr(w, "scenarioId", orchestration);
        jwrite_end(w);
        jwrite_end(w);
        jwrite_member_array(w, "versions");
        jwrite_object(w);
        jwrite_member_int(w, "contextLength", list->catalogue[i].context);
        jwrite_end(w);
        jwrite_end(w);
        jwrite_end(w);
    }
    jwrite_end(w);
    jwrite_end(w);
}

void deployment_list_write(struct jwrite *w, const struct deployment_list *list)
{
    jwrite_member_int(w, "count", (int64_t)list->count);
    jwrite_member_array(w, "resources");
    for (size_t i = 0; i < list->count; i++)
        write_row(w, &list->items[i]);
    jwrite_end(w);
    if (list->catalogue_count)
        write_catalogue(w, list);
}

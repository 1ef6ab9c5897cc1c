/*
 * Templating: {{?name}} in any text of a template message is replaced, whoever wrote it; what has no
 * value is refused, and so is a value that nothing asks for. The history is not looked at.
 */
#include "json.h"
#include "orchestration.h"

#include <ctype.h>
#include <string.h>

struct filling {
    struct orchestration *o;
    const cJSON *values, *defaults, *used_by_grounding;
    const char *found_name, *found; /* grounding's output */
    const cJSON *used[64];
    size_t used_count;
    struct buf missing;
    bool malformed;
};

/* Length of a placeholder name at `at`: a letter, then letters, digits, single '_' and '-', ending
   with a letter or digit. */
static size_t name_length(const char *at)
{
    size_t n = 0;

    if (!isalpha((unsigned char)*at))
        return 0;
    while (isalnum((unsigned char)at[n]) ||
           ((at[n] == '_' || at[n] == '-') && isalnum((unsigned char)at[n + 1])))
        n++;
    return n;
}

static const char *value_of(struct filling *f, const char *name)
{
    const cJSON *value = cJSON_GetObjectItemCaseSensitive(f->values, name);

    if (value) {
        if (f->used_count < 64)
            f->used[f->used_count++] = value;
        return value->valuestring;
    }
    if (f->found_name && !strcmp(name, f->found_name))
        return f->found;
    return json_str(f->defaults, name);
}

/* One placeholder behind "{{"; returns the place behind it, NULL if there is none. */
static const char *fill_one(struct filling *f, const char *at, struct buf *out)
{
    const char *name, *value;
    size_t n;

    at += strspn(at, " ");
    if (*at != '?')
        return NULL;
    n = name_length(at + 1);
    name = pool_copy(&f->o->x->pool, at + 1, n);
    at += 1 + n;
    at += strspn(at, " ");
    if (!n || strncmp(at, "}}", 2)) {
        f->malformed = true;
        return NULL;
    }
    value = value_of(f, name);
    if (value)
        buf_text(out, value);
    else
        buf_text(&f->missing,
                 pool_printf(&f->o->x->pool, "%s'%s'", f->missing.len ? ", " : "", name));
    return at + 2;
}

static char *fill_text(struct filling *f, const char *text)
{
    struct buf out = {&f->o->x->pool, NULL, 0, 0};

    while (*text) {
        const char *behind = strncmp(text, "{{", 2) ? NULL : fill_one(f, text + 2, &out);
        if (behind) {
            text = behind;
            continue;
        }
        buf_char(&out, *text++);
    }
    return pool_copy(out.pool, buf_str(&out), out.len);
}

static void fill_tree(struct filling *f, cJSON *tree)
{
    cJSON *child;

    if (cJSON_IsString(tree))
        cJSON_SetValuestring(tree, fill_text(f, tree->valuestring));
    cJSON_ArrayForEach(child, tree)
    {
        fill_tree(f, child);
    }
}

static bool ground(struct filling *f)
{
    const cJSON *places = json_get(json_get(json_get(f->o->modules, "grounding"), "config"),
                                   "placeholders"),
                *input;
    struct buf text = {&f->o->x->pool, NULL, 0, 0};

    if (!places)
        return true;
    buf_text(&text, "[documents about:");
    cJSON_ArrayForEach(input, json_get(places, "input"))
    {
        const char *value = value_of(f, input->valuestring);
        if (!value)
            return orchestration_bad(f->o->x, 400, "Grounding Module",
                                     "Missing grounding input '%s'.", input->valuestring);
        buf_char(&text, ' ');
        buf_text(&text, value);
    }
    buf_char(&text, ']');
    f->found_name = json_str(places, "output");
    f->found = text.at;
    buf_json(&f->o->results,
             "'grounding':{'message':'grounding result','data':{"
             "'grounding_query':'grounding call','grounding_result':%q}},",
             text.at);
    return true;
}

static bool all_used(struct filling *f)
{
    struct buf unused = {&f->o->x->pool, NULL, 0, 0};
    const cJSON *value;
    size_t i;

    cJSON_ArrayForEach(value, f->values)
    {
        for (i = 0; i < f->used_count && f->used[i] != value; i++)
            ;
        if (i == f->used_count)
            buf_text(&unused,
                     pool_printf(&f->o->x->pool, "%s'%s'", unused.len ? ", " : "", value->string));
    }
    if (!unused.len)
        return true;
    return orchestration_bad(f->o->x, 400, "Input Parameters",
                             "Error validating parameters. Unused parameters: [%s].",
                             buf_str(&unused));
}

/* Of the prompt registry there is one template. */
static const cJSON *prompt_of(struct orchestration *o)
{
    const cJSON *prompt = json_get(json_get(o->modules, "prompt_templating"), "prompt");
    const char *id = json_str(json_get(prompt, "template_ref"), "id");
    const char *why;

    if (!json_get(prompt, "template_ref"))
        return prompt;
    if (!id || strcmp(id, "registered")) {
        orchestration_bad(o->x, 404, "Prompt Registry", "Prompt template not found.");
        return NULL;
    }
    static const char text[] =
        "{\"template\":[{\"role\":\"user\",\"content\":\"Registered: {{?question}}\"}]}";
    return json_parse(&o->x->pool, text, sizeof text - 1, &why);
}

bool orchestration_fill(struct orchestration *o)
{
    const cJSON *prompt = prompt_of(o), *history = json_get(o->x->json, "messages_history"), *item;
    struct filling f = {.o = o, .values = json_get(o->x->json, "placeholder_values")};

    f.missing.pool = &o->x->pool;
    if (!prompt)
        return false;
    f.defaults = json_get(prompt, "defaults");
    if (!ground(&f))
        return false;
    o->templated = pool_keep(&o->x->pool, cJSON_CreateArray());
    cJSON_ArrayForEach(item, history)
    {
        cJSON_AddItemToArray(o->templated, cJSON_Duplicate(item, true));
    }
    cJSON_ArrayForEach(item, json_get(prompt, "template"))
    {
        cJSON *copy = cJSON_Duplicate(item, true);
        fill_tree(&f, copy);
        cJSON_AddItemToArray(o->templated, copy);
    }
    if (f.malformed)
        return orchestration_bad(o->x, 400, "Templating Module",
                                 "Templating failed: invalid placeholder name.");
    if (f.missing.len)
        return orchestration_bad(o->x, 400, "Input Parameters",
                                 "Error validating parameters. Missing required parameters: [%s].",
                                 buf_str(&f.missing));
    buf_json(&o->results, "'templating':%s", json_text(&o->x->pool, o->templated));
    return all_used(&f);
}

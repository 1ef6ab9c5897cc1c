/*
 * Masking: e-mail addresses, telephone numbers, two persons, and patterns of the request's own are
 * replaced in every text of every message, calls and results too. Other entities find nothing.
 */
#include "json.h"
#include "orchestration.h"

#include <regex.h>
#include <stdio.h>
#include <string.h>

static const struct {
    const char *type, *name, *pattern;
} known[] = {
    {"profile-email", "EMAIL", "[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+\\.[A-Za-z]{2,}"},
    {"profile-phone", "PHONE_NUMBER", "\\+[0-9][0-9 -]{6,}[0-9]"},
    {"profile-person", "PERSON", "(Erika|Max) Mustermann"},
};

static bool is_allowed(const cJSON *provider, const char *text)
{
    const cJSON *item;

    cJSON_ArrayForEach(item, json_get(provider, "allowlist"))
    {
        if (!strcmp(item->valuestring, text))
            return true;
    }
    return false;
}

/* The replacement of one found text: the same for the same text. */
static const char *mask_for(struct orchestration *o, const char *found, const char *name,
                            const cJSON *strategy)
{
    const char *value = json_str(strategy, "value");
    struct mask *m;
    size_t i, number = 1;

    for (i = 0; i < o->mask_count; i++) {
        if (!strcmp(o->masks[i].from, found))
            return o->masks[i].to;
        number += strstr(o->masks[i].to, value ? value : name) != NULL;
    }
    if (o->mask_count == MAX_MASKS)
        return "MASKED";
    m = &o->masks[o->mask_count++];
    m->from = found;
    if (value)
        m->to = pool_printf(&o->x->pool, "%s_%zu", value, number);
    else if (strategy) /* fabricated_data */
        m->to = pool_printf(&o->x->pool, "fabricated-%s-%zu", name, number);
    else if (o->reversible)
        m->to = pool_printf(&o->x->pool, "MASKED_%s_%zu", name, number);
    else
        m->to = pool_printf(&o->x->pool, "MASKED_%s", name);
    return m->to;
}

static char *replace(struct orchestration *o, const cJSON *provider, const cJSON *entity,
                     const char *name, const char *pattern, const char *text)
{
    struct buf out = {&o->x->pool, NULL, 0, 0};
    regmatch_t match;
    regex_t regex;

    if (regcomp(&regex, pattern, REG_EXTENDED))
        return pool_copy(&o->x->pool, text, strlen(text));
    while (*text && !regexec(&regex, text, 1, &match, 0) && match.rm_eo > match.rm_so) {
        char *found =
            pool_copy(&o->x->pool, text + match.rm_so, (size_t)(match.rm_eo - match.rm_so));
        buf_add(&out, text, (size_t)match.rm_so);
        buf_text(&out, is_allowed(provider, found)
                           ? found
                           : mask_for(o, found, name, json_get(entity, "replacement_strategy")));
        text += match.rm_eo;
    }
    buf_text(&out, text);
    regfree(&regex);
    return pool_copy(&o->x->pool, buf_str(&out), out.len);
}

static char *mask_entity(struct orchestration *o, const cJSON *provider, const cJSON *entity,
                         char *text)
{
    const char *type = json_str(entity, "type");
    size_t i;

    if (!type)
        return replace(o, provider, entity, "CUSTOM", json_str(entity, "regex"), text);
    for (i = 0; i < sizeof known / sizeof *known; i++)
        if (!strcmp(type, known[i].type))
            text = replace(o, provider, entity, known[i].name, known[i].pattern, text);
    return text;
}

char *orchestration_mask_text(struct orchestration *o, const cJSON *masking, const char *text)
{
    const cJSON *provider, *entity;
    char *masked = pool_copy(&o->x->pool, text, strlen(text));

    cJSON_ArrayForEach(provider, json_get(masking, "providers"))
    {
        o->reversible = !strcmp(json_str(provider, "method"), "pseudonymization");
        cJSON_ArrayForEach(entity, json_get(provider, "entities"))
        {
            masked = mask_entity(o, provider, entity, masked);
        }
    }
    return masked;
}

static void mask_tree(struct orchestration *o, const cJSON *masking, cJSON *tree)
{
    static const char *const spared[] = {
        "role", "type", "id", "tool_call_id", "name", "url", "file_data", "signature", NULL};
    cJSON *child;

    if (cJSON_IsString(tree) && !(tree->string && word_in(tree->string, spared)))
        cJSON_SetValuestring(tree, orchestration_mask_text(o, masking, tree->valuestring));
    cJSON_ArrayForEach(child, tree)
    {
        mask_tree(o, masking, child);
    }
}

bool orchestration_mask(struct orchestration *o)
{
    const cJSON *masking = json_get(o->modules, "masking");

    o->messages = pool_keep(&o->x->pool, cJSON_Duplicate(o->templated, true));
    if (!masking)
        return true;
    mask_tree(o, masking, o->messages);
    buf_json(&o->results,
             ",'input_masking':{'message':'Input to LLM is masked successfully.','data':{"
             "'masked_template':%q}}",
             json_text(&o->x->pool, o->messages));
    return true;
}

const char *orchestration_unmask(struct orchestration *o, const char *text)
{
    size_t i;

    if (!text || !o->reversible)
        return text;
    for (i = o->mask_count; i-- > 0;) { /* the higher numbers first: _1 begins _10 */
        struct buf out = {&o->x->pool, NULL, 0, 0};
        const char *at;
        while ((at = strstr(text, o->masks[i].to))) {
            buf_add(&out, text, (size_t)(at - text));
            buf_text(&out, o->masks[i].from);
            text = at + strlen(o->masks[i].to);
        }
        buf_text(&out, text);
        text = pool_copy(&o->x->pool, buf_str(&out), out.len);
    }
    return text;
}

/*
 * Filters: the word unsafe-CATEGORY in a text is found by every configured filter that looks for that
 * category (Azure's finds it with severity 4). The whole conversation is looked at.
 */
#include "json.h"
#include "orchestration.h"

#include <string.h>

static bool blocks(const cJSON *filter, const cJSON *category, const char *text, struct pool *pool)
{
    bool azure = !strcmp(json_str(filter, "type"), "azure_content_safety");
    const char *name = !strcmp(category->string, "prompt_shield") ? "jailbreak" : category->string;

    if (!strstr(text, pool_printf(pool, "unsafe-%s", name)))
        return false;
    return azure && cJSON_IsNumber(category) ? category->valuedouble < 4 : cJSON_IsTrue(category);
}

static const char *find(struct orchestration *o, const cJSON *side, const char *text)
{
    const cJSON *filter, *category;

    cJSON_ArrayForEach(filter, json_get(side, "filters"))
    {
        cJSON_ArrayForEach(category, json_get(filter, "config"))
        {
            if (blocks(filter, category, text, &o->x->pool))
                return category->string;
        }
    }
    return NULL;
}

#define BLOCKED "Prompt filtered due to safety violations. Please modify the prompt and try again."

bool orchestration_filter_input(struct orchestration *o)
{
    const cJSON *side = json_get(json_get(o->modules, "filtering"), "input");
    const char *found = side ? find(o, side, json_text(&o->x->pool, o->messages)) : NULL;

    if (!side)
        return true;
    if (found) {
        buf_json(&o->results, ",'input_filtering':{'message':'" BLOCKED "','data':{%q:true}}",
                 found);
        reply_json(&o->x->reply, 400,
                   "{'error':{'request_id':'emulated-request','code':400,'message':"
                   "'400 - Filtering Module - Input Filter: " BLOCKED "','location':"
                   "'Filtering Module - Input Filter','intermediate_results':{%s}}}",
                   buf_str(&o->results));
        return false;
    }
    buf_json(&o->results, ",'input_filtering':{'message':'Input filter passed successfully.'}");
    return true;
}

const char *orchestration_filter_output(struct orchestration *o, const char *text)
{
    return find(o, json_get(json_get(o->modules, "filtering"), "output"), text);
}

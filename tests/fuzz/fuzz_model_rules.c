/* Any bytes as model rules: rows that can be matched result, or problems that begin with their
   place. */
#include <stdlib.h>

#include "family/model.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

static void use(const struct model_rule *rules)
{
    struct family_model m;

    model_describe_by(rules, STR("gpt-5.5:001"), &m);
    for (const struct model_rule *r = rules; r; r = r->next)
        if (!r->pattern || !r->source || r->model.least_budget > r->model.most_budget)
            abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    struct arena *arena = arena_new(0);
    struct buf problems = {0};
    struct json *json = NULL;
    const struct model_rule *rules;

    if (json_parse((struct str){(const char *)bytes, n}, &json, NULL, NULL) == OK) {
        status s = model_rules_read(arena, json, "where: ", &problems, &rules);
        if (s == OK ? problems.n != 0 : !str_starts(buf_str(&problems), "where: "))
            abort();
        if (s == OK)
            use(rules);
    }
    json_free(json);
    buf_free(&problems);
    arena_free(arena);
    return 0;
}

/* Any bytes as limits of models; as a list of deployments, and its names as names of models: every row can be used, ids
   are unique, and a name that is in the list resolves to itself. */
#include <stdlib.h>

#include "aicore/deployment.h"
#include "aicore/quota.h"
#include "route/alias.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

static void check(int good)
{
    if (!good)
        abort();
}

static void check_rows(const struct deployment_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        const struct deployment *d = &list->items[i];
        check(d->id && d->id[0] && d->executable && d->scenario && d->created_s >= 0);
        check(strncmp(d->url, "http", 4) == 0 && !strpbrk(d->url, " \r\n\t"));
        for (size_t j = 0; j < i && i < 50; j++)
            check(strcmp(d->id, list->items[j].id) != 0);
    }
    for (size_t i = 0; i < list->catalogue_count; i++)
        check(list->catalogue[i].name[0] && list->catalogue[i].context >= 0);
}

static void check_names(const struct deployment_list *list, struct str asked)
{
    struct str names[16], nearest[ALIAS_NEAREST];
    size_t count = 0;

    for (size_t i = 0; i < list->count && count < 16; i++)
        if (list->items[i].model)
            names[count++] = str_from(list->items[i].model);
    for (size_t i = 0; i < count; i++)
        check(str_eq(alias_resolve(NULL, names[i], names, count), names[i]));
    alias_resolve(NULL, asked, names, count);
    check(alias_nearest(asked, names, count, nearest) <= ALIAS_NEAREST);
}

static void take_limit(void *arg, const char *model, uint32_t per_minute)
{
    (void)arg;
    if (!*model || !per_minute)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    quota_parse((struct str){(const char *)bytes, n}, take_limit, NULL);
    static const struct str known[] = {STR("anthropic--claude-4.5-sonnet"), STR("gemini-2.5-pro"),
                                       STR("gpt-5"), STR("amazon--nova-pro")};
    struct str text = {(const char *)bytes, n}, nearest[ALIAS_NEAREST];
    struct deployment_list *list;
    int64_t total;

    alias_resolve(NULL, text, known, 4);
    alias_nearest(text, known, 4, nearest);
    if (deployment_list_parse(text, &list, &total) != OK)
        return 0;
    check_rows(list);
    check_names(list, (struct str){text.p, n < 40 ? n : 40});
    deployment_list_release(list);
    return 0;
}

/* The model table: who answers for a model, and in which order targets are tried. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#ifdef __GLIBC__
#include <malloc.h>
#if __GLIBC_PREREQ(2, 33)
#define CAN_MEASURE_HEAP
#endif
#endif

#include "route/table.h"

static struct arena *arena;
static struct config config;
static struct config_account one = {.name = "one"}, two = {.name = "two"};
static const struct service_key key = {.client_id = "fake",
                                       .api_url = "https://api.example.com/v2"};

static int set_up(void **state)
{
    (void)state;
    arena = arena_new(0);
    config = (struct config){.arena = arena, .accounts = &one};
    one = (struct config_account){.name = "one", .key = (struct service_key *)(uintptr_t)&key};
    two = (struct config_account){.name = "two", .key = (struct service_key *)(uintptr_t)&key};
    one.next = &two;
    return arena ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    arena_free(arena);
    return 0;
}

static struct deployment deployed(const char *model, const char *id)
{
    struct str url = arena_printf(arena, "https://api.example.com/v2/deployments/%s/", id);

    return (struct deployment){.id = id,
                               .url = url.p,
                               .executable = "azure-openai",
                               .model = model,
                               .scenario = "foundation-models"};
}

static struct deployment_list *list_of(const struct deployment *items, size_t count)
{
    struct deployment_list *list = ARENA_NEW(arena, struct deployment_list);
    struct deployment *copy = ARENA_ARRAY(arena, struct deployment, count);

    memcpy(copy, items, count * sizeof *items);
    list->items = copy;
    list->count = count;
    return list;
}

static struct route_source source(const struct config_account *account, const char *group,
                                  const char *model, const char *const *ids)
{
    struct deployment items[8] = {0};
    size_t n = 0;

    for (; ids[n]; n++)
        items[n] = deployed(model, ids[n]);
    return (struct route_source){account, group, list_of(items, n)};
}

#define IDS(...) ((const char *const[]){__VA_ARGS__, NULL})

static struct route_model *find(struct route_table *t, const char *name)
{
    return route_find(t, &config, arena, str_from(name));
}

/* --- building -------------------------------------------------------------------------------- */

static void reads_discovery(void **state)
{
    struct deployment items[] = {
        deployed("gpt-4o", "d1"), deployed("anthropic--claude-4-sonnet", "d2"),
        deployed(NULL, "orchestration"), deployed("gpt-4o", "d3"), deployed("gpt-4o", "plain")};
    (void)state;
    items[0].created_s = 200;
    items[3].created_s = 100;
    items[1].executable = "aws-bedrock";
    items[4].url = "http://api.example.com/plain"; /* not over the network in clear */
    struct route_source s = {&one, "default", list_of(items, 5)};
    struct route_table *t = route_table_new(&config, &s, 1);

    assert_int_equal(route_table_count(t), 2); /* sorted */
    assert_true(str_is(route_table_at(t, 0)->name, "anthropic--claude-4-sonnet"));
    assert_string_equal(route_table_at(t, 0)->targets->family->name, "bedrock-invoke");
    struct route_model *m = route_table_at(t, 1);
    assert_true(str_is(m->name, "gpt-4o"));
    assert_int_equal(m->target_count, 2);
    assert_int_equal(m->created_s, 100); /* the oldest */
    assert_string_equal(m->targets->url, "https://api.example.com/v2/deployments/d1");
    assert_string_equal(m->targets->group, "default");
    assert_ptr_equal(m->targets->account, &one);
    assert_string_equal(m->targets->family->name, "azure-openai");
    route_table_release(t);

    config.allow_plain_http = true;
    t = route_table_new(&config, &s, 1);
    assert_int_equal(find(t, "gpt-4o")->target_count, 3);
    route_table_release(t);
}

/* A list that names another host would have the token sent there. */
static void leaves_out_other_hosts(void **state)
{
    static const char *hosts[] = {"*.partner.example"};
    struct deployment items[] = {deployed("gpt-4o", "d1"), deployed("gpt-4o", "d2"),
                                 deployed("gpt-4o", "d3")};

    (void)state;
    items[1].url = "https://api.evil.example/v2/deployments/d2";
    items[2].url = "https://models.partner.example/v2/deployments/d3";
    struct route_source s = {&one, "default", list_of(items, 3)};
    struct route_table *t = route_table_new(&config, &s, 1);
    assert_int_equal(find(t, "gpt-4o")->target_count, 1);
    assert_string_equal(find(t, "gpt-4o")->targets->id, "d1");
    route_table_release(t);

    config.discovery_hosts = hosts;
    config.discovery_host_count = 1;
    t = route_table_new(&config, &s, 1);
    assert_int_equal(find(t, "gpt-4o")->target_count, 2);
    route_table_release(t);
}

/* Deployments that the configuration names are guessed by the model's name. */
static void reads_named_deployments(void **state)
{
    struct config_deployment claude = {"anthropic--claude-3-haiku", "https://x.example.com/d9//",
                                       NULL};
    struct config_deployment gpt = {"gpt-4o", "https://x.example.com/v2/d8", &claude};
    struct route_source s = {&one, "default", NULL};

    (void)state;
    one.deployments = &gpt;
    struct route_table *t = route_table_new(&config, &s, 1);
    assert_int_equal(route_table_count(t), 2);
    assert_string_equal(find(t, "gpt-4o")->targets->id, "d8");
    assert_string_equal(find(t, "gpt-4o")->targets->family->name, "azure-openai");
    assert_string_equal(find(t, "anthropic--claude-3-haiku")->targets->url,
                        "https://x.example.com/d9");
    assert_string_equal(find(t, "anthropic--claude-3-haiku")->targets->id, "d9");
    assert_string_equal(find(t, "anthropic--claude-3-haiku")->targets->family->name,
                        "bedrock-invoke");
    route_table_release(t);
}

static void settings_apply(void **state)
{
    struct config_model setting = {.name = "m",
                                   .family = "openai-compatible",
                                   .max_output = 77,
                                   .api_version = "none",
                                   .late_system = "system",
                                   .cache_prompts = CACHE_OFF,
                                   .traits_set = MODEL_NO_STOP};
    struct route_source s = source(&one, "default", "m", IDS("a"));

    (void)state;
    config.models = &setting;
    struct route_table *t = route_table_new(&config, &s, 1);
    struct route_model *m = find(t, "m");
    assert_string_equal(m->setting->family, "openai-compatible");
    assert_int_equal(m->rules.max_output, 77);
    assert_true(m->rules.traits & MODEL_NO_STOP);
    assert_true(str_is(m->rules.api_version, "none"));
    assert_true(m->rules.lift_system);
    assert_true(m->rules.no_breakpoints);
    assert_string_equal(m->targets->family->name, "openai-compatible");
    route_table_release(t);
}

static void nothing_is_deployed(void **state)
{
    struct route_source s = {&one, "default", NULL};
    struct route_table *t = route_table_new(&config, &s, 1);

    (void)state;
    assert_int_equal(route_table_count(t), 0);
    assert_null(find(t, "m"));
    assert_int_equal(route_nearest(t, arena, STR("m"), NULL, 0), 0);
    assert_ptr_equal(route_table_hold(t), t);
    route_table_release(t);
    route_table_release(t);
    route_table_release(NULL);
}

#ifdef CAN_MEASURE_HEAP
static size_t heap_bytes(void)
{
    struct mallinfo2 info = mallinfo2();
    return info.uordblks + info.hblkhd;
}

/* Tables are made anew with each list that is fetched, and the old ones live on for a while. */
static void a_small_table_takes_little_room(void **state)
{
    struct deployment item = {.id = "d1",
                              .url = "https://api.example.com/d1",
                              .executable = "azure-openai",
                              .model = "m"};
    struct deployment_list list = {.items = &item, .count = 1};
    struct route_source s = {&one, "default", &list};
    size_t before = heap_bytes();
    struct route_table *t = route_table_new(&config, &s, 1);

    (void)state;
    assert_int_equal(route_table_count(t), 1);
    assert_in_range(heap_bytes(), before, before + 32768);
    route_table_release(t);
}
#endif

/* More models than the table takes: the others still answer. */
static void too_many_models(void **state)
{
    enum { MANY = 5000 };
    static struct deployment items[MANY];

    (void)state;
    for (int i = 0; i < MANY; i++)
        items[i] = deployed(arena_printf(arena, "m%d", i).p, "d");
    struct route_source s = {&one, "default", list_of(items, MANY)};
    struct route_table *t = route_table_new(&config, &s, 1);
    assert_non_null(t);
    assert_true(route_table_count(t) >= 1000);
    assert_non_null(find(t, "m1"));
    route_table_release(t);
}

/* --- asking ---------------------------------------------------------------------------------- */

static void finds_by_alias_and_fallback(void **state)
{
    const char *fallback[] = {"not-there", "gpt-4o"};
    struct config_alias alias = {"fast", "gpt-4o", NULL},
                        shadow = {"gpt-4o-mini", "gpt-4o", &alias};
    struct config_model setting = {.name = "gpt-9", .fallback = fallback, .fallback_count = 2};
    struct deployment items[] = {deployed("gpt-4o", "d1"), deployed("gpt-4o-mini", "d2")};
    struct route_source s = {&one, "default", list_of(items, 2)};
    struct route_table *t = route_table_new(&config, &s, 1);
    struct str near[4];

    (void)state;
    assert_null(find(t, "fast"));
    assert_true(str_is(find(t, "gpt-4o-mini")->name, "gpt-4o-mini"));
    assert_null(find(t, "gpt-9"));
    assert_null(find(t, ""));
    assert_null(route_find(t, &config, arena, STR("gpt-4o\0")));
    config.aliases = &shadow;
    config.models = &setting;
    assert_true(str_is(find(t, "fast")->name, "gpt-4o"));
    assert_true(
        str_is(find(t, "gpt-4o-mini")->name, "gpt-4o")); /* the administrator's word counts */
    assert_true(str_is(find(t, "gpt-9")->name, "gpt-4o"));
    size_t n = route_nearest(t, arena, STR("gpt-4o-minor"), near, 1);
    assert_int_equal(n, 1);
    assert_true(str_starts(near[0], "gpt-4o"));
    route_table_release(t);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

/* --- orchestration --------------------------------------------------------------------------- */

static struct deployment orchestration(const char *id)
{
    struct deployment d = deployed(NULL, id);

    d.executable = d.scenario = "orchestration";
    return d;
}

/* The ids of the model's targets, joined by spaces; "" when there is no such model. */
static void expect_targets(struct route_table *t, const char *model, const char *ids)
{
    struct route_model *m = find(t, model);
    struct buf text = {0};

    for (const struct target *p = m ? m->targets : NULL; p; p = p->next)
        buf_printf(&text, text.n ? " %s" : "%s", p->id);
    if (!str_is(buf_str(&text), ids))
        fail_msg("%.*s instead of %s", STR_ARG(buf_str(&text)), ids);
    buf_free(&text);
}

/* One deployment of the service answers for every model; whoever is bound to it gets no other, and the
   quota is that of the model all the same. */
static void orchestration_answers_for_all(void **state)
{
    struct deployment first[] = {deployed("gpt-5", "a1"), orchestration("ao"),
                                 deployed("gpt-4.1", "a2")};
    struct deployment second[] = {orchestration("bo"), deployed("gpt-5", "b1")};
    struct route_source sources[] = {{&one, "default", list_of(first, 3)},
                                     {&two, "default", list_of(second, 2)}};
    struct route_table *t = route_table_new(&config, sources, 2), *bound = route_table_bound(t);

    (void)state;
    assert_int_equal(route_table_count(t), 2);
    expect_targets(t, "gpt-5", "a1 b1");
    assert_int_equal(route_table_count(bound), 2);
    for (size_t i = 0; i < 2; i++)
        for (const struct target *p = route_table_at(bound, i)->targets; p; p = p->next)
            assert_ptr_equal(p->family, &family_orchestration);
    expect_targets(bound, "gpt-5", "ao bo");
    expect_targets(bound, "gpt-4.1", "ao bo");
    assert_false(find(bound, "gpt-5")->targets->domain_key ==
                 find(t, "gpt-5")->targets->domain_key); /* limits of its own */
    assert_false(find(bound, "gpt-5")->targets->key == find(bound, "gpt-4.1")->targets->key);
    route_table_release(t);
}

/* While the service does not run, whoever is bound to it has no models. */
static void without_orchestration_nothing_is_bound(void **state)
{
    struct route_source with = source(&one, "g", "gpt-5", IDS("a1"));
    struct route_table *t = route_table_new(&config, &with, 1), *bound = route_table_bound(t);

    (void)state;
    assert_ptr_not_equal(bound, t);
    assert_int_equal(route_table_count(bound), 0);
    assert_null(find(bound, "gpt-5"));
    route_table_hold(bound); /* holds the whole */
    route_table_release(t);
    expect_targets(t, "gpt-5", "a1");
    route_table_release(bound);
}

/* A model of that family needs no deployment of its own, and one that it has is not asked. */
static void models_may_live_behind_orchestration(void **state)
{
    struct config_model bare = {.name = "sap-abap-1", .family = "orchestration"};
    struct config_model own = {.name = "gpt-5", .family = "orchestration", .next = &bare};
    struct deployment items[] = {deployed("gpt-5", "a1"), orchestration("ao"),
                                 deployed("gpt-4.1", "a2")};
    struct route_source with = {&one, "default", list_of(items, 3)};
    struct route_source without = {&one, "default", list_of(items, 1)};

    (void)state;
    config.models = &own;
    struct route_table *t = route_table_new(&config, &with, 1);
    assert_int_equal(route_table_count(t), 3);
    expect_targets(t, "sap-abap-1", "ao");
    expect_targets(t, "gpt-5", "ao");
    expect_targets(t, "gpt-4.1", "a2");
    assert_string_equal(find(t, "gpt-5")->executable, "orchestration");
    route_table_release(t);
    t = route_table_new(&config, &without, 1); /* the service does not run */
    assert_int_equal(route_table_count(t), 0);
    route_table_release(t);
}

/* What the service has and nobody deployed: for those who are bound to it, for all, or for nobody. Where
   it is known what the service has, it is not asked for more. */
static void catalogue_of_the_service(void **state)
{
    static const struct catalogue_model here[] = {{"gpt-5", 400000}, {"sap-abap-1", 128000}},
                                        there[] = {{"gpt-5", 400000}, {"gpt-4.1", 0}};
    struct config_model own = {.name = "a-own", .family = "orchestration"};
    struct deployment first[] = {deployed("gpt-5", "a1"), orchestration("ao"),
                                 deployed("rpt", "a2")};
    struct deployment second[] = {orchestration("bo")};
    struct route_source sources[] = {{&one, "default", list_of(first, 3)},
                                     {&two, "default", list_of(second, 1)}};
    sources[0].list->catalogue = here;
    sources[0].list->catalogue_count = 2;
    sources[1].list->catalogue = there;
    sources[1].list->catalogue_count = 2;

    (void)state;
    config.models = &own;
    struct route_table *t = route_table_new(&config, sources, 2), *bound = route_table_bound(t);
    assert_int_equal(route_table_count(t), 3); /* a-own, gpt-5, rpt */
    assert_int_equal(route_table_count(bound), 4);
    expect_targets(bound, "a-own", "ao bo");
    expect_targets(bound, "gpt-4.1", "bo");
    expect_targets(bound, "gpt-5", "ao bo");
    expect_targets(bound, "sap-abap-1", "ao");
    expect_targets(bound, "rpt", "");
    assert_true(str_is(route_table_at(bound, 1)->name, "gpt-4.1")); /* sorted */
    assert_int_equal(find(bound, "sap-abap-1")->rules.context, 128000);
    route_table_release(t);

    config.catalogue = CATALOGUE_OF_ALL;
    t = route_table_new(&config, sources, 2);
    assert_int_equal(route_table_count(t), 5);
    expect_targets(t, "gpt-5", "a1");
    expect_targets(t, "sap-abap-1", "ao");
    expect_targets(t, "rpt", "a2");
    route_table_release(t);

    config.catalogue = CATALOGUE_OFF;
    t = route_table_new(&config, sources, 2);
    assert_int_equal(route_table_count(t), 3);
    assert_int_equal(route_table_count(route_table_bound(t)), 2); /* a-own, gpt-5 */
    route_table_release(t);
}

/* Where deployments are named in the configuration, the service is the one of that name. */
static void orchestration_may_be_named(void **state)
{
    struct config_deployment service = {.model = "orchestration", .url = "https://x.example/v2/o"};
    struct config_deployment model = {
        .model = "gpt-5", .url = "https://x.example/v2/m", .next = &service};
    struct route_source named = {&one, "default", NULL};

    (void)state;
    one.deployments = &model;
    struct route_table *t = route_table_new(&config, &named, 1);
    assert_int_equal(route_table_count(t), 1);
    expect_targets(t, "gpt-5", "m");
    expect_targets(route_table_bound(t), "gpt-5", "o");
    route_table_release(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(leaves_out_other_hosts),
        TEST(reads_discovery),
        TEST(reads_named_deployments),
        TEST(settings_apply),
        TEST(nothing_is_deployed),
#ifdef CAN_MEASURE_HEAP
        TEST(a_small_table_takes_little_room),
#endif
        TEST(too_many_models),
        TEST(finds_by_alias_and_fallback),
        TEST(orchestration_answers_for_all),
        TEST(without_orchestration_nothing_is_bound),
        TEST(models_may_live_behind_orchestration),
        TEST(catalogue_of_the_service),
        TEST(orchestration_may_be_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The model table: who answers for a model, and in which order targets are tried. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>

#include "route/table.h"

static struct arena *arena;
static struct config config;
static struct config_account one = {.name = "one"}, two = {.name = "two"};
static const struct service_key key = {.client_id = "fake"};

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(reads_discovery),     TEST(reads_named_deployments), TEST(settings_apply),
        TEST(nothing_is_deployed), TEST(too_many_models),         TEST(finds_by_alias_and_fallback),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

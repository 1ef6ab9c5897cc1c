/* Breakpoints of our own: when they are set, and where. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/arena.h"
#include "family/bedrock_plan.h"

static struct arena *arena;
static struct chat_request request;
static struct chat_message **message_at;
static struct chat_tool tool = {.name = STR("read")};
static struct family_model model;

static void say(enum chat_role role, enum chat_part_kind kind, const char *text)
{
    struct chat_part **end = &chat_add_message(arena, &message_at, role)->parts;
    struct chat_part *p = chat_add_part(arena, &end, kind);

    p->text = p->id = p->name = str_from(text);
    p->media_type = STR("image/png");
}

/* An agent's third turn, in an API without breakpoints: S, U, call, result, call, result. */
static int set_up(void **state)
{
    (void)state;
    arena = arena_new(0);
    chat_request_init(&request);
    message_at = &request.messages;
    request.cached_unasked = true;
    request.tools = &tool;
    tool.cache.set = false;
    model = (struct family_model){.name = STR("anthropic--claude-4.5-sonnet"), .cache_minimum = 9};
    say(CHAT_SYSTEM, CHAT_TEXT, "Be brief, and look before you leap.");
    say(CHAT_USER, CHAT_TEXT, "What is in these two files?");
    say(CHAT_ASSISTANT, CHAT_TOOL_CALL, "a");
    say(CHAT_USER, CHAT_TOOL_RESULT, "a");
    say(CHAT_ASSISTANT, CHAT_TOOL_CALL, "b");
    say(CHAT_USER, CHAT_TOOL_RESULT, "b");
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    arena_free(arena);
    return 0;
}

static bool takes_text(const struct chat_part *p)
{
    return p->kind == CHAT_TEXT;
}

/* A letter per place that can have a breakpoint (tools, system, turns), a dot where none is. */
static void expect(bool (*takes)(const struct chat_part *part), const char *marks)
{
    struct dropped dropped = {.arena = arena};
    struct bedrock_turns turns;
    char found[16] = "";
    size_t n = 0;

    assert_int_equal(bedrock_turns_of(arena, &request, &model, &turns, &dropped), OK);
    bedrock_set_breakpoints(&request, &model, takes, &turns);
    found[n++] = turns.tools.set ? 't' : '.';
    for (const struct chat_part *p = turns.system; p; p = p->next)
        found[n++] = p->cache.set ? 's' : '.';
    for (const struct chat_message *m = turns.messages; m; m = m->next)
        for (const struct chat_part *p = m->parts; p; p = p->next)
            found[n++] = !p->cache.set ? '.' : m->role == CHAT_USER ? 'u' : 'a';
    found[n] = '\0';
    assert_string_equal(found, marks);
}

static void behind_tools_system_and_two_turns(void **state)
{
    (void)state;
    expect(NULL, "ts..u.u");
    say(CHAT_USER, CHAT_IMAGE, "c"); /* a further part of the last turn */
    expect(NULL, "ts..u..u");
    request.tools = NULL;
    expect(NULL, ".s..u..u");
}

static void only_where_upstream_takes_one(void **state)
{
    (void)state;
    expect(takes_text, "tsu....");
    say(CHAT_USER, CHAT_TEXT, "Go on.");
    say(CHAT_USER, CHAT_IMAGE, "c");
    expect(takes_text, "tsu....u.");
}

static void never_beside_the_callers(void **state)
{
    (void)state;
    tool.cache.set = true;
    expect(NULL, ".......");
    tool.cache.set = false;
    request.messages->parts->cache.set = true;
    expect(NULL, ".s.....");
}

static void not_for_callers_who_could_set_them(void **state)
{
    (void)state;
    request.cached_unasked = false;
    expect(NULL, ".......");
}

static void not_where_switched_off_or_unknown(void **state)
{
    (void)state;
    model.no_breakpoints = true;
    expect(NULL, ".......");
    model.no_breakpoints = false;
    model.cache_minimum = 0;
    expect(NULL, ".......");
}

static void not_for_a_prompt_that_is_too_short(void **state)
{
    (void)state;
    model.cache_minimum = 1024;
    expect(NULL, ".......");
    char *text = arena_alloc(arena, 8193);
    memset(text, 'x', 8192); /* few tokens as they are estimated, long nevertheless */
    text[8192] = '\0';
    request.messages->parts->text = str_from(text);
    expect(NULL, "ts..u.u");
}

static void not_for_a_single_question(void **state)
{
    (void)state;
    request.messages->next->next = NULL;
    expect(NULL, "tsu");
    request.tools = NULL;
    expect(NULL, "...");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(behind_tools_system_and_two_turns), TEST(only_where_upstream_takes_one),
        TEST(never_beside_the_callers),          TEST(not_for_callers_who_could_set_them),
        TEST(not_where_switched_off_or_unknown), TEST(not_for_a_prompt_that_is_too_short),
        TEST(not_for_a_single_question),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

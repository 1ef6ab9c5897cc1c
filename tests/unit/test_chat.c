/* The hub: the request's helpers, the collector, the order check, and the list of losses. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "chat/collect.h"
#include "chat/dropped.h"
#include "chat/order.h"
#include "chat/request.h"

static int begin(void **state)
{
    *state = arena_new(0);
    return *state ? 0 : -1;
}

static int end(void **state)
{
    arena_free(*state);
    return 0;
}

static void assert_str(struct str s, const char *expected)
{
    assert_int_equal(s.n, strlen(expected));
    if (s.n)
        assert_memory_equal(s.p, expected, s.n);
}

/* --- request --------------------------------------------------------------------------------- */

static struct chat_part *say(struct arena *arena, struct chat_message ***at, enum chat_role role,
                             enum chat_part_kind kind, const char *text)
{
    struct chat_message *m = chat_add_message(arena, at, role);
    struct chat_part **parts = &m->parts;
    struct chat_part *p = chat_add_part(arena, &parts, kind);
    p->text = p->id = str_from(text);
    return p;
}

static void merges_neighbours_of_one_role(void **state)
{
    struct chat_message *messages = NULL, **at = &messages;

    say(*state, &at, CHAT_SYSTEM, CHAT_TEXT, "a");
    say(*state, &at, CHAT_DEVELOPER, CHAT_TEXT, "b");
    say(*state, &at, CHAT_USER, CHAT_TEXT, "c");
    say(*state, &at, CHAT_USER, CHAT_TOOL_RESULT, "d");
    say(*state, &at, CHAT_USER, CHAT_TEXT, "e");
    say(*state, &at, CHAT_USER, CHAT_TOOL_RESULT, "f");
    say(*state, &at, CHAT_ASSISTANT, CHAT_TEXT, "g");
    chat_merge_roles(messages);

    assert_int_equal(messages->role, CHAT_SYSTEM);
    assert_str(chat_parts_text(*state, messages->parts, "|"), "a|b");
    const struct chat_message *user = messages->next;
    static const char *const order[] = {"d", "f", "c", "e"}; /* results first, else as said */
    const struct chat_part *p = user->parts;
    for (int i = 0; i < 4; i++, p = p->next)
        assert_str(p->text, order[i]);
    assert_null(p);
    assert_int_equal(user->next->role, CHAT_ASSISTANT);
    assert_null(user->next->next);
}

static void expect_message(const struct chat_message **at, enum chat_role role, const char *text)
{
    assert_non_null(*at);
    assert_int_equal((*at)->role, role);
    assert_str((*at)->parts->text, text);
    assert_null((*at)->parts->next);
    *at = (*at)->next;
}

static void late_instructions_become_the_users(void **state)
{
    struct chat_message *messages = NULL, **at = &messages, *out;

    say(*state, &at, CHAT_SYSTEM, CHAT_TEXT, "a");
    say(*state, &at, CHAT_DEVELOPER, CHAT_TEXT, "b");
    say(*state, &at, CHAT_USER, CHAT_TEXT, "c");
    say(*state, &at, CHAT_DEVELOPER, CHAT_TEXT, "d")->cache.set = true;
    say(*state, &at, CHAT_ASSISTANT, CHAT_TOOL_CALL, "e");
    say(*state, &at, CHAT_SYSTEM, CHAT_TEXT, "f"); /* calls behind it, results of both later */
    say(*state, &at, CHAT_ASSISTANT, CHAT_TOOL_CALL, "g");
    say(*state, &at, CHAT_SYSTEM, CHAT_TEXT, "h");
    say(*state, &at, CHAT_USER, CHAT_TOOL_RESULT, "i");
    say(*state, &at, CHAT_ASSISTANT, CHAT_TEXT, "j");
    struct chat_part *nul = say(*state, &at, CHAT_SYSTEM, CHAT_TEXT, "k");
    nul->text = (struct str){"\0", 1};
    say(*state, &at, CHAT_ASSISTANT, CHAT_TEXT, "l");
    say(*state, &at, CHAT_SYSTEM, CHAT_TEXT, " \n");
    assert_int_equal(chat_tell_late_system(*state, messages, &out), OK);

    const struct chat_message *m = out;
    expect_message(&m, CHAT_SYSTEM, "a");
    expect_message(&m, CHAT_DEVELOPER, "b");
    expect_message(&m, CHAT_USER, "c");
    assert_true(m->parts->cache.set);
    expect_message(&m, CHAT_USER, "<system>\nd\n</system>");
    expect_message(&m, CHAT_ASSISTANT, "e");
    expect_message(&m, CHAT_SYSTEM, "f");
    expect_message(&m, CHAT_ASSISTANT, "g");
    expect_message(&m, CHAT_USER, "<system>\nh\n</system>");
    expect_message(&m, CHAT_USER, "i");
    expect_message(&m, CHAT_ASSISTANT, "j");
    assert_int_equal(m->parts->text.n, strlen("<system>\n\n</system>") + 1);
    m = m->next;
    expect_message(&m, CHAT_ASSISTANT, "l");
    assert_null(m->parts); /* nothing but white space */
    assert_null(m->next);
    assert_str(messages->next->next->next->parts->text, "d"); /* the request is as it was */
    assert_int_equal(chat_tell_late_system(*state, NULL, &out), OK);
    assert_null(out);
}

static void finds_the_name_of_a_call(void **state)
{
    struct chat_message *messages = NULL, **at = &messages;

    say(*state, &at, CHAT_ASSISTANT, CHAT_TOOL_CALL, "c1")->name = STR("f");
    assert_str(chat_call_name(messages, STR("c1")), "f");
    assert_str(chat_call_name(messages, STR("c2")), "");
    assert_true(chat_has_part(messages, CHAT_TOOL_CALL));
    assert_false(chat_has_part(messages, CHAT_IMAGE));
}

static void begins_with_everything_unset(void **state)
{
    struct chat_request r;

    (void)state;
    chat_request_init(&r);
    assert_int_equal(r.max_tokens, -1);
    assert_int_equal(r.n, -1);
    assert_int_equal(r.parallel_calls, -1);
    assert_int_equal(r.logprobs, -1);
    assert_int_equal(r.top_logprobs, -1);
    assert_int_equal(r.show_thinking, -1);
    assert_int_equal(r.format_strict, -1);
    assert_int_equal(r.choice, CHAT_CHOICE_UNSET);
    assert_int_equal(r.thinking, CHAT_THINKING_UNSET);
    assert_false(r.stream);
}

static void turns_effort_into_budget_and_back(void **state)
{
    (void)state;
    for (int e = CHAT_EFFORT_NONE; e <= CHAT_EFFORT_MAX; e++) {
        struct str word = str_from(chat_effort_word((enum chat_effort)e));
        assert_int_equal(chat_effort_parse(word), e);
        if (e > CHAT_EFFORT_NONE)
            assert_true(chat_effort_budget((enum chat_effort)e) >
                        chat_effort_budget((enum chat_effort)(e - 1)));
    }
    assert_int_equal(chat_effort_parse(STR("huge")), CHAT_EFFORT_UNSET);
    assert_int_equal(chat_budget_effort(0), CHAT_EFFORT_NONE);
    assert_int_equal(chat_budget_effort(1024), CHAT_EFFORT_LOW);
    assert_int_equal(chat_budget_effort(8192), CHAT_EFFORT_MEDIUM);
    assert_int_equal(chat_budget_effort(31999), CHAT_EFFORT_HIGH);
}

/* --- events ---------------------------------------------------------------------------------- */

static const struct chat_event start = {.kind = CHAT_EVENT_START};

static struct chat_event event(enum chat_event_kind kind, unsigned choice, unsigned index,
                               const char *text)
{
    return (struct chat_event){.kind = kind,
                               .choice = choice,
                               .index = index,
                               .block = CHAT_BLOCK_TEXT,
                               .text = str_from(text)};
}

static void push(struct chat_sink *sink, struct chat_event e)
{
    assert_int_equal(chat_push(sink, &e), OK);
}

static void refuse(struct chat_sink *sink, struct chat_event e)
{
    assert_int_equal(chat_push(sink, &e), FAIL);
}

/* --- collect --------------------------------------------------------------------------------- */

static void collects_blocks_of_several_choices(void **state)
{
    struct chat_collect *c = chat_collect_new(*state, 1000);
    struct chat_sink *sink = chat_collect_sink(c);
    struct chat_event piece;

    push(sink, (struct chat_event){.kind = CHAT_EVENT_START, .id = STR("i"), .name = STR("n")});
    push(sink, event(CHAT_EVENT_OPEN, 0, 0, NULL));
    push(sink, event(CHAT_EVENT_OPEN, 1, 0, NULL));
    piece = event(CHAT_EVENT_DELTA, 0, 0, "a");
    piece.logprobs = STR("[1]");
    push(sink, piece);
    push(sink, event(CHAT_EVENT_DELTA, 1, 0, "x"));
    piece.text = STR("b");
    piece.logprobs = STR("[2,3]");
    push(sink, piece);
    push(sink, (struct chat_event){.kind = CHAT_EVENT_STOP, .choice = 1, .stop = CHAT_STOP_LENGTH});
    push(sink, (struct chat_event){
                   .kind = CHAT_EVENT_STOP, .stop = CHAT_STOP_SEQUENCE, .stop_sequence = STR("S")});
    push(sink, (struct chat_event){.kind = CHAT_EVENT_USAGE, .usage = {.input = 1}});
    push(sink, (struct chat_event){.kind = CHAT_EVENT_USAGE, .usage = {.input = 2}});

    const struct chat_answer *a = chat_collect_answer(c);
    assert_str(a->id, "i");
    assert_str(a->model, "n");
    assert_str(a->blocks->text, "ab");
    assert_str(a->blocks->logprobs, "[1,2,3]");
    assert_str(a->blocks->next->text, "x");
    assert_int_equal(a->blocks->next->choice, 1);
    assert_int_equal(a->choices->index, 0);
    assert_str(a->choices->stop_sequence, "S");
    assert_int_equal(a->choices->next->stop, CHAT_STOP_LENGTH);
    assert_true(a->has_usage);
    assert_int_equal(a->usage.input, 2);
    assert_false(a->failed);
}

/* Pieces are borrowed for the call: the answer must not point into them. */
static void keeps_copies(void **state)
{
    struct chat_collect *c = chat_collect_new(*state, 1000);
    struct chat_sink *sink = chat_collect_sink(c);
    char name[] = "tool", text[] = "{}", message[] = "gone";
    struct chat_error err = {.kind = CHAT_ERROR_UPSTREAM, .message = str_from(message)};

    push(sink, start);
    push(sink, (struct chat_event){
                   .kind = CHAT_EVENT_OPEN, .block = CHAT_BLOCK_TOOL, .name = str_from(name)});
    push(sink, (struct chat_event){
                   .kind = CHAT_EVENT_DELTA, .block = CHAT_BLOCK_TOOL, .text = str_from(text)});
    push(sink, (struct chat_event){.kind = CHAT_EVENT_ERROR, .error = &err});
    name[0] = text[0] = message[0] = '?';
    const struct chat_answer *a = chat_collect_answer(c);
    assert_str(a->blocks->name, "tool");
    assert_str(a->blocks->text, "{}");
    assert_true(a->failed);
    assert_str(a->error.message, "gone");
}

static void keeps_citations(void **state)
{
    struct chat_collect *c = chat_collect_new(*state, 1000);
    struct chat_sink *sink = chat_collect_sink(c);
    char url[] = "https://a.example";
    struct chat_citation one = {.url = str_from(url), .title = STR("T"), .number = 7};
    struct chat_event cite = event(CHAT_EVENT_CITATION, 0, 0, NULL);

    push(sink, start);
    push(sink, event(CHAT_EVENT_OPEN, 0, 0, NULL));
    cite.citation = &one;
    push(sink, cite);
    push(sink, cite);
    url[0] = '?';
    const struct chat_citation *kept = chat_collect_answer(c)->blocks->citations;
    assert_str(kept->url, "https://a.example");
    assert_int_equal(kept->next->number, 7);
    assert_null(kept->next->next);
    status last = OK;
    for (int i = 0; i < 20; i++)
        last = chat_push(sink, &cite);
    assert_int_equal(last, E_LIMIT); /* they count towards the ceiling */
}

static void stops_collecting_at_the_ceiling(void **state)
{
    struct chat_collect *c = chat_collect_new(*state, 4);
    struct chat_sink *sink = chat_collect_sink(c);
    struct chat_event piece = event(CHAT_EVENT_DELTA, 0, 0, "abc");

    push(sink, start);
    push(sink, event(CHAT_EVENT_OPEN, 0, 0, NULL));
    push(sink, piece);
    assert_int_equal(chat_push(sink, &piece), E_LIMIT);
    assert_str(chat_collect_answer(c)->blocks->text, "abc");
}

static void grows_in_proportion_to_the_text(void **state)
{
    struct chat_collect *c = chat_collect_new(*state, 1 << 20);
    struct chat_sink *sink = chat_collect_sink(c);

    push(sink, start);
    push(sink, event(CHAT_EVENT_OPEN, 0, 0, NULL));
    for (int i = 0; i < 100000; i++)
        push(sink, event(CHAT_EVENT_DELTA, 0, 0, "token"));
    assert_int_equal(chat_collect_answer(c)->blocks->text.n, 500000);
    assert_true(arena_used(*state) < 5 * 500000);
}

/* --- order ----------------------------------------------------------------------------------- */

struct count {
    struct chat_sink sink;
    unsigned seen;
};

static status count_push(struct chat_sink *sink, const struct chat_event *e)
{
    (void)e;
    ((struct count *)sink)->seen++;
    return OK;
}

static void lets_a_good_sequence_pass(void **state)
{
    struct count end_of_it = {.sink.push = count_push};
    struct chat_sink *sink = chat_order_new(*state, &end_of_it.sink);

    push(sink, start);
    push(sink, event(CHAT_EVENT_OPEN, 0, 0, NULL));
    push(sink, event(CHAT_EVENT_OPEN, 1, 0, NULL)); /* choices do not mind each other */
    push(sink, event(CHAT_EVENT_DELTA, 0, 0, "a"));
    push(sink, event(CHAT_EVENT_CITATION, 0, 0, NULL));
    push(sink, event(CHAT_EVENT_CITATION, 0, 0, NULL));
    push(sink, event(CHAT_EVENT_CLOSE, 0, 0, NULL));
    push(sink, event(CHAT_EVENT_OPEN, 0, 1, NULL));
    push(sink, event(CHAT_EVENT_DELTA, 0, 1, "b"));
    push(sink, event(CHAT_EVENT_CLOSE, 0, 1, NULL));
    push(sink, event(CHAT_EVENT_CLOSE, 1, 0, NULL));
    push(sink, event(CHAT_EVENT_USAGE, 0, 0, NULL));
    push(sink, event(CHAT_EVENT_STOP, 0, 0, NULL));
    push(sink, event(CHAT_EVENT_USAGE, 0, 0, NULL));
    push(sink, event(CHAT_EVENT_STOP, 1, 0, NULL));
    assert_int_equal(end_of_it.seen, 15);
}

/* A string per sequence: S start, O open, D delta, Q citation, C close, P stop, E error; a digit behind it is
   the block. The last one must be refused. */
static void refuses_a_bad_sequence(void **state)
{
    static const char *const rows[] = {
        "O0",       "D0",     "S0S0",     "S0D0",   "S0O1",   "S0O0O1",   "S0O0D1",
        "S0O0C1",   "S0C0",   "S0O0C0D0", "S0O0P0", "S0P0P0", "S0P0O0",   "S0O0C0O0",
        "S0O0C0O2", "S0E0P0", "S0E0E0",   "S0Q0",   "S0O0Q1", "S0O0Q0D0", "S0O0C0Q0"};
    static const char letters[] = "SODQCUPE"; /* in the order of the enum */
    static const struct chat_error err = {.kind = CHAT_ERROR_UPSTREAM};

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct count end_of_it = {.sink.push = count_push};
        struct chat_sink *sink = chat_order_new(*state, &end_of_it.sink);
        for (const char *p = rows[i]; *p; p += 2) {
            enum chat_event_kind kind = (enum chat_event_kind)(strchr(letters, *p) - letters);
            struct chat_event e = event(kind, 0, (unsigned)(p[1] - '0'), NULL);
            e.error = &err;
            if (p[2])
                push(sink, e);
            else
                refuse(sink, e);
        }
        assert_int_equal(end_of_it.seen, strlen(rows[i]) / 2 - 1);
    }
}

static void refuses_another_kind_of_block(void **state)
{
    struct count end_of_it = {.sink.push = count_push};
    struct chat_sink *sink = chat_order_new(*state, &end_of_it.sink);
    struct chat_event e = event(CHAT_EVENT_DELTA, 0, 0, "x");

    push(sink, start);
    push(sink, event(CHAT_EVENT_OPEN, 0, 0, NULL));
    e.block = CHAT_BLOCK_TOOL;
    refuse(sink, e);
    e = event(CHAT_EVENT_OPEN, 4000000000u, 0, NULL);
    assert_int_equal(chat_push(sink, &e), E_LIMIT);
}

/* --- dropped --------------------------------------------------------------------------------- */

static void lists_losses_once_and_safely(void **state)
{
    struct dropped list = {.arena = *state};

    assert_str(dropped_text(&list), "");
    dropped_add_cstr(&list, "seed");
    dropped_add_cstr(&list, "a\r\nSet-Cookie: x, y");
    dropped_add_cstr(&list, "seed");
    assert_str(dropped_text(&list), "seed, a__Set-Cookie:_x__y");
    for (int i = 0; i < 500; i++) {
        char name[32];
        snprintf(name, sizeof name, "field%d", i);
        dropped_add_cstr(&list, name);
    }
    assert_true(dropped_text(&list).n <= 1000);
}

static void errors_have_their_status(void **state)
{
    struct chat_error err;

    chat_error_field(&err, *state, CHAT_ERROR_RATE_LIMIT, "p", "%d", 7);
    assert_int_equal(err.http_status, 429);
    assert_str(err.message, "7");
    assert_str(err.param, "p");
    assert_string_equal(chat_error_word(CHAT_ERROR_UPSTREAM_AUTH), "upstream_auth");
    assert_int_equal(chat_error_status(CHAT_ERROR_UPSTREAM_AUTH), 502);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(merges_neighbours_of_one_role),
        TEST(finds_the_name_of_a_call),
        TEST(late_instructions_become_the_users),
        TEST(begins_with_everything_unset),
        TEST(turns_effort_into_budget_and_back),
        TEST(collects_blocks_of_several_choices),
        TEST(keeps_copies),
        TEST(keeps_citations),
        TEST(stops_collecting_at_the_ceiling),
        TEST(grows_in_proportion_to_the_text),
        TEST(lets_a_good_sequence_pass),
        TEST(refuses_a_bad_sequence),
        TEST(refuses_another_kind_of_block),
        TEST(lists_losses_once_and_safely),
        TEST(errors_have_their_status),
    };

    return cmocka_run_group_tests_name("chat", tests, NULL, NULL);
}

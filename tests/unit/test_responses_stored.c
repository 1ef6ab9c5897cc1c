/* What the Responses API says about stored responses: items joined, listed in pages, deleted. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "dialect/openai_responses_stored.h"

static struct arena *arena;

static int set_up(void **state)
{
    (void)state;
    arena = arena_new(0);
    return arena ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    arena_free(arena);
    return 0;
}

/* Single quotes stand for double ones. */
static struct str quoted(const char *text)
{
    char *copy = arena_cstr(arena, str_from(text));

    for (char *p = copy; *p; p++)
        if (*p == '\'')
            *p = '"';
    return str_from(copy);
}

static void assert_text(struct str have, const char *want)
{
    assert_string_equal(arena_cstr(arena, have), quoted(want).p);
}

static struct str items(const char *input)
{
    struct jspan *tree;

    assert_int_equal(jspan_parse(arena, quoted(input), &tree, NULL), OK);
    return openai_responses_items(arena, tree);
}

static void makes_items_of_any_input(void **state)
{
    (void)state;
    assert_text(openai_responses_items(arena, NULL), "[]");
    assert_text(items("'a \\u00e9'"), "[{'type':'message','role':'user','content':'a \\u00e9'}]");
    assert_text(items("[ {'a':1.0} ]"), "[ {'a':1.0} ]");
}

static void joins_arrays(void **state)
{
    struct buf out = {0};

    (void)state;
    buf_add_char(&out, '[');
    openai_responses_join(&out, STR("[]"));
    openai_responses_join(&out, STR(" [ 1, 2 ] "));
    openai_responses_join(&out, STR("[ ]"));
    openai_responses_join(&out, STR(""));
    openai_responses_join(&out, STR("[[3]]"));
    assert_text(buf_str(&out), "[1, 2,[3]");
    buf_free(&out);
}

static void knows_what_it_made(void **state)
{
    (void)state;
    assert_text(openai_responses_maker(arena, STR("fc_abc_0")), "resp_abc");
    assert_text(openai_responses_maker(arena, STR("msg_a_b_12")), "resp_a_b");
    assert_null(openai_responses_maker(arena, STR("rs_68d0c0ffee")).p);
    assert_null(openai_responses_maker(arena, STR("")).p);
    assert_null(openai_responses_maker(arena, STR("_")).p);
    assert_null(openai_responses_maker(arena, STR("__")).p);
}

static void list(struct openai_responses_page page, const char *want)
{
    static const char all[] =
        "[{'role':'user','content':'a'},{'type':'message','id':'m1','role':'assistant',"
        "'status':'incomplete','content':'b'},{'type':'function_call','call_id':'c','name':'f',"
        "'arguments':'{}','id':null},{'role':'user','content':[{'type':'input_text','text':'d'}]}]";
    struct buf out = {0};

    assert_int_equal(openai_responses_list(arena, STR("resp_x"), quoted(all), &page, &out), OK);
    assert_text(buf_str(&out), want);
    buf_free(&out);
}

#define A                                                                                          \
    "{'id':'msg_x_in0','type':'message','status':'completed','role':'user','content':"             \
    "[{'type':'input_text','text':'a'}]}"
#define B                                                                                          \
    "{'id':'m1','type':'message','role':'assistant','status':'incomplete','content':"              \
    "[{'type':'output_text','text':'b','annotations':[]}]}"
#define C "{'id':'item_x_in2','type':'function_call','call_id':'c','name':'f','arguments':'{}'}"
#define D                                                                                          \
    "{'id':'msg_x_in3','type':'message','status':'completed','role':'user','content':"             \
    "[{'type':'input_text','text':'d'}]}"
#define LIST(data, first, last, more)                                                              \
    "{'object':'list','data':[" data "],'first_id':" first ",'last_id':" last ",'has_more':" more  \
    "}"

static void lists_in_pages(void **state)
{
    (void)state;
    list((struct openai_responses_page){.ascending = true},
         LIST(A "," B "," C "," D, "'msg_x_in0'", "'msg_x_in3'", "false"));
    list((struct openai_responses_page){.limit = 2},
         LIST(D "," C, "'msg_x_in3'", "'item_x_in2'", "true"));
    list((struct openai_responses_page){.after = STR("item_x_in2"), .limit = 100000},
         LIST(B "," A, "'m1'", "'msg_x_in0'", "false"));
    list((struct openai_responses_page){.before = STR("item_x_in2")},
         LIST(D, "'msg_x_in3'", "'msg_x_in3'", "false"));
    list((struct openai_responses_page){.after = STR("m1"), .before = STR("msg_x_in3")},
         LIST("", "null", "null", "false"));
}

static void refuses_what_is_no_list(void **state)
{
    struct openai_responses_page page = {.limit = 0};
    struct buf out = {0};

    (void)state;
    assert_int_equal(openai_responses_list(arena, STR("r"), STR("{}"), &page, &out), E_SYNTAX);
    assert_int_equal(openai_responses_list(arena, STR("r"), STR("["), &page, &out), E_SYNTAX);
    buf_free(&out);
}

static void says_that_it_is_deleted(void **state)
{
    struct buf out = {0};

    (void)state;
    openai_responses_deleted(STR("resp_1"), &out);
    assert_text(buf_str(&out), "{'id':'resp_1','object':'response.deleted','deleted':true}");
    buf_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(makes_items_of_any_input, set_up, tear_down),
        cmocka_unit_test_setup_teardown(joins_arrays, set_up, tear_down),
        cmocka_unit_test_setup_teardown(knows_what_it_made, set_up, tear_down),
        cmocka_unit_test_setup_teardown(lists_in_pages, set_up, tear_down),
        cmocka_unit_test_setup_teardown(refuses_what_is_no_list, set_up, tear_down),
        cmocka_unit_test_setup_teardown(says_that_it_is_deleted, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Any bytes as a file of the store: what is taken from it survives being written and read again, and
   its items can be joined, listed and asked who made them. */
#include <stdlib.h>

#include "dialect/openai_responses_stored.h"
#include "store/store.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

#define ID "resp_1" /* every seed is about this one */

static void check(int good)
{
    if (!good)
        abort();
}

static void check_place(struct arena *arena, struct str text)
{
    struct store_place place, again;
    const char *problem;
    struct buf out = {0};
    status s = store_place_parse(arena, text, STR(ID), &place, &problem);

    check(s != E_SYNTAX || problem);
    if (s)
        return;
    check(place.owner.n && place.account.n && place.group.n && place.deployment.n && place.model.n);
    store_place_write(&out, STR(ID), &place);
    check(store_place_parse(arena, buf_str(&out), STR(ID), &again, &problem) == OK);
    check(str_eq(again.owner, place.owner) && str_eq(again.model, place.model));
    buf_free(&out);
}

/* Pages of any size hold what one page holds. */
static void check_list(struct arena *arena, struct str items)
{
    struct openai_responses_page page = {.limit = 3};
    struct buf out = {0};
    struct jspan *tree;
    status s = openai_responses_list(arena, STR(ID), items, &page, &out);

    check(s == OK);
    check(jspan_parse(arena, buf_str(&out), &tree, NULL) == OK);
    check(jspan_count(jspan_get(tree, "data")) <= 3);
    for (const struct jspan *item = jspan_first(jspan_get(tree, "data")); item; item = item->next)
        check(jspan_str(arena, jspan_get(item, "id")).n > 0);
    page.after = jspan_str(arena, jspan_get(tree, "last_id"));
    openai_responses_maker(arena, page.after);
    buf_clear(&out);
    check(openai_responses_list(arena, STR(ID), items, &page, &out) == OK);
    buf_free(&out);
}

static void check_answer(struct arena *arena, struct str text)
{
    struct store_answer answer, again;
    const char *problem;
    struct buf out = {0}, joined = {0};
    struct jspan *tree;
    status s = store_answer_parse(arena, text, STR(ID), &answer, &problem);

    check(s != E_SYNTAX || problem);
    if (s)
        return;
    store_answer_write(&out, STR(ID), &answer);
    check(store_answer_parse(arena, buf_str(&out), STR(ID), &again, &problem) == OK);
    check(str_eq(again.input, answer.input) && str_eq(again.response, answer.response) &&
          str_eq(again.output, answer.output) && str_eq(again.previous, answer.previous));
    buf_add_char(&joined, '[');
    openai_responses_join(&joined, answer.input);
    openai_responses_join(&joined, answer.output);
    buf_add_char(&joined, ']');
    check(jspan_parse(arena, buf_str(&joined), &tree, NULL) == OK);
    check_list(arena, buf_str(&joined));
    buf_free(&out);
    buf_free(&joined);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    struct str text = {(const char *)bytes, n};
    struct arena *arena = arena_new(0);

    if (!arena)
        return 0;
    check_place(arena, text);
    check_answer(arena, text);
    arena_free(arena);
    return 0;
}

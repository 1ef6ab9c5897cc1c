/* Rerank: documents of every form, and answers that are none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "dialect/dialect.h"
#include "family_case.h"

static status decode(struct family_case *c, const char *body, struct rerank_request *out)
{
    struct jspan *tree;

    assert_int_equal(jspan_parse(c->arena, str_from(body), &tree, NULL), OK);
    return rerank_cohere.decode(c->arena, tree, out, &c->dropped, &c->err);
}

static void check_sends(const char *body, const char *expected, const char *dropped)
{
    struct family_case c;
    struct rerank_request r;
    struct buf out = {0};

    family_case_open(&c, &family_cohere_rerank, "cohere-reranker-35");
    assert_int_equal(decode(&c, body, &r), OK);
    family_cohere_rerank.rerank->path(&c.call, &out);
    buf_add_char(&out, ' ');
    assert_int_equal(family_cohere_rerank.rerank->encode(&r, &c.call, &out), OK);
    buf_add_char(&out, '\0');
    assert_string_equal(out.p, expected);
    assert_string_equal(family_case_dropped(&c), dropped);
    buf_free(&out);
    family_case_close(&c);
}

static void requests(void **state)
{
    (void)state;
    check_sends(
        "{\"query\":\"q\",\"documents\":[\"a\\u00e4\",{\"text\":\"b\",\"n\":1}],\"top_n\":7,"
        "\"max_tokens_per_doc\":512,\"priority\":1}",
        "/rerank {\"model\":\"cohere-reranker-35\",\"query\":\"q\",\"documents\":[\"a\u00e4\","
        "\"b\"],\"top_n\":2,\"max_tokens_per_doc\":512}",
        "priority");
    check_sends(
        "{\"query\":\"q\",\"documents\":[{\"a\":1,\"b\":\"x\",\"c\":null}],\"rank_fields\":["
        "\"b\",\"a\",\"c\"]}",
        "/rerank {\"model\":\"cohere-reranker-35\",\"query\":\"q\",\"documents\":[\"b: "
        "x\\na: 1\"]}",
        "");
}

static void refusals(void **state)
{
    static const struct {
        const char *body, *param;
    } rows[] = {
        {"[]", ""},
        {"{\"query\":\"q\"}", "documents"},
        {"{\"documents\":[\"a\"]}", "query"},
        {"{\"query\":\"q\",\"documents\":\"a\"}", "documents"},
        {"{\"query\":\"q\",\"documents\":[]}", "documents"},
        {"{\"query\":\"q\",\"documents\":[\"a\",3]}", "documents[1]"},
        {"{\"query\":\"q\",\"documents\":[\"\"]}", "documents[0]"},
        {"{\"query\":\"q\",\"documents\":[{\"t\":1}]}", "documents[0].text"},
        {"{\"query\":\"q\",\"documents\":[{\"t\":1}],\"rank_fields\":[\"x\"]}", "documents[0]"},
        {"{\"query\":\"q\",\"documents\":[\"a\"],\"rank_fields\":[]}", "rank_fields"},
        {"{\"query\":\"q\",\"documents\":[\"a\"],\"top_n\":0}", "top_n"},
    };
    struct family_case c;
    struct rerank_request r;

    (void)state;
    family_case_open(&c, &family_cohere_rerank, "cohere-reranker-35");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_int_equal(decode(&c, rows[i].body, &r), E_SYNTAX);
        assert_true(str_is(c.err.param, rows[i].param));
    }
    family_case_close(&c);
}

static void answers(void **state)
{
    static const char *const broken[] = {"{}",
                                         "[]",
                                         "x",
                                         "{\"results\":[{\"index\":2,\"relevance_score\":1}]}",
                                         "{\"results\":[{\"index\":-1,\"relevance_score\":1}]}",
                                         "{\"results\":[{\"index\":0}]}"};
    struct family_case c;
    struct rerank_request r;
    struct rerank_answer answer;
    struct buf out = {0};

    (void)state;
    family_case_open(&c, &family_cohere_rerank, "cohere-reranker-35");
    assert_int_equal(decode(&c,
                            "{\"model\":\"m\",\"query\":\"q\",\"documents\":[\"a\\\"\",{\"text\":"
                            "\"b\",\"n\":1.0}],\"return_documents\":true}",
                            &r),
                     OK);
    struct str body = STR("{\"id\":\"i\",\"results\":[{\"index\":1,\"relevance_score\":0.90},"
                          "{\"index\":0,\"relevance_score\":1e-3}],\"meta\":{\"tokens\":{"
                          "\"input_tokens\":3}}}");
    assert_int_equal(family_cohere_rerank.rerank->decode(c.arena, &r, body, &answer), OK);
    assert_int_equal(answer.tokens, 3);
    assert_int_equal(rerank_cohere.render(&r, &answer, STR("req"), &out), OK);
    buf_add_char(&out, '\0');
    assert_string_equal(out.p,
                        "{\"id\":\"i\",\"model\":\"m\",\"results\":[{\"index\":1,"
                        "\"relevance_score\":0.90,\"document\":{\"text\":\"b\",\"n\":1.0}},{"
                        "\"index\":0,\"relevance_score\":1e-3,\"document\":{\"text\":\"a\\\"\"}}],"
                        "\"meta\":{\"tokens\":{\"input_tokens\":3}},\"usage\":{\"prompt_tokens\":3,"
                        "\"total_tokens\":3}}");
    for (size_t i = 0; i < sizeof broken / sizeof *broken; i++)
        assert_int_equal(
            family_cohere_rerank.rerank->decode(c.arena, &r, str_from(broken[i]), &answer),
            E_SYNTAX);
    buf_free(&out);
    family_case_close(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests),
        cmocka_unit_test(refusals),
        cmocka_unit_test(answers),
    };

    return cmocka_run_group_tests_name("rerank", tests, NULL, NULL);
}

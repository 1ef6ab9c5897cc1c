/* Errors in every form that upstream has, and what a caller may read of them. */
#include "family/upstream_error.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

/* "<status> <kind> <retry ms> <param>: <message>" */
static const char *line(struct arena *arena, const struct chat_error *e)
{
    return arena_printf(arena, "%d %s %lld %.*s: %.*s", e->http_status, chat_error_word(e->kind),
                        (long long)e->retry_after_ms, STR_ARG(e->param), STR_ARG(e->message))
        .p;
}

static void expect(int http_status, const char *body, const char *want)
{
    struct arena *arena = arena_new(0);
    struct chat_error err;

    upstream_error_parse(arena, http_status, str_from(body), &err);
    assert_string_equal(line(arena, &err), want);
    assert_int_not_equal(err.http_status, 401);
    assert_int_not_equal(err.http_status, 403);
    arena_free(arena);
}

/* NULL: no error. */
static void expect_in(const char *value, const char *want)
{
    struct arena *arena = arena_new(0);
    struct jspan *root;
    struct chat_error err;

    assert_int_equal(jspan_parse(arena, str_from(value), &root, NULL), OK);
    bool found = upstream_error_in(arena, root, &err);
    assert_true(found == (want != NULL));
    if (found)
        assert_string_equal(line(arena, &err), want);
    arena_free(arena);
}

static void shapes(void **state)
{
    (void)state;
    expect(400, "{\"error\":{\"code\":null,\"message\":\"Bad tool\",\"param\":\"tools\"}}",
           "400 invalid_request 0 tools: Bad tool");
    expect(400, "{\"message\":\"messages: roles must alternate\"}",
           "400 invalid_request 0 : messages: roles must alternate");
    expect(400, "[{\"error\":{\"code\":400,\"message\":\"m\",\"status\":\"INVALID_ARGUMENT\"}}]",
           "400 invalid_request 0 : m");
    expect(400, "{\"error\":[{\"code\":400,\"message\":\"first\",\"location\":\"LLM Module\"}]}",
           "400 invalid_request 0 : first");
    expect(400, "{\"object\":\"error\",\"message\":\"m\",\"code\":400}",
           "400 invalid_request 0 : m");
    expect(422, "{\"detail\":[{\"loc\":[1],\"msg\":\"field required\"}]}",
           "400 invalid_request 0 : field required");
    expect(400, "{\"detail\":\"no\"}", "400 invalid_request 0 : no");
    expect(400, "{\"status\":{\"code\":2,\"message\":\"rows\"}}", "400 invalid_request 0 : rows");
    expect(400, "{\"error\":\"flat\"}", "400 invalid_request 0 : flat");
    expect(400, "{\"errors\":{\"message\":\"many\"}}", "400 invalid_request 0 : many");
    expect(400, "{\"request_id\":\"r\",\"message\":\"batch\"}", "400 invalid_request 0 : batch");
    expect(400, "plain text", "400 invalid_request 0 : plain text");
    expect(500, "{\"error\":{\"message\":\"boom\"}}", "502 upstream 0 : boom");
}

static void kinds(void **state)
{
    (void)state;
    expect(400, "{\"error\":{\"code\":\"context_length_exceeded\",\"message\":\"long\"}}",
           "400 context_length 0 : long");
    expect(400, "{\"message\":\"prompt is too long: 210000 tokens > 200000 maximum\"}",
           "400 context_length 0 : prompt is too long: 210000 tokens > 200000 maximum");
    expect(400, "{\"message\":\"Input is too long for requested model.\"}",
           "400 context_length 0 : Input is too long for requested model.");
    expect(400,
           "{\"error\":{\"code\":400,\"message\":\"The input token count (9) exceeds 8\","
           "\"status\":\"INVALID_ARGUMENT\"}}",
           "400 context_length 0 : The input token count (9) exceeds 8");
    expect(400, "{\"error\":{\"code\":\"content_filter\",\"message\":\"f\",\"innererror\":{}}}",
           "400 content_filter 0 : f");
    expect(400,
           "{\"error\":{\"code\":400,\"message\":\"f\",\"location\":\"Filtering Module - Input "
           "Filter\"}}",
           "400 content_filter 0 : f");
    expect(429, "", "429 rate_limit 0 : The model's rate limit is exhausted.");
    expect(429, "{\"message\":\"Too many tokens, please wait before trying again.\"}",
           "429 rate_limit 0 : Too many tokens, please wait before trying again.");
    expect(429, "{\"message\":\"x\",\"code\":\"ModelNotReadyException\"}", "503 overloaded 0 : x");
    expect(413, "", "413 too_large 0 : The request is too large.");
    expect(504, "<html>gateway</html>", "504 timeout 0 : The model did not answer in time.");
    expect(408, "", "504 timeout 0 : The model did not answer in time.");
    expect(502, "", "502 upstream 0 : The model reported an error without a text.");
    expect(529, "", "503 overloaded 0 : The model is overloaded or not available at the moment.");
}

static void not_the_callers_business(void **state)
{
    (void)state;
    const char *ours = "502 upstream_auth 0 : The gateway's own credentials were refused upstream. "
                       "This is not about your API key; tell the administrator.";
    const char *gone = "404 model_not_found 0 : The model's deployment was not found upstream.";
    const char *down = "503 overloaded 0 : The model is overloaded or not available at the moment.";

    expect(401, "Jwt is expired", ours);
    expect(403, "RBAC: access denied", ours);
    expect(403, "{\"error\":{\"message\":\"client sb-1!b2|aicore!b3 may not\"}}", ours);
    expect(400, "{\"error\":{\"type\":\"permission_error\",\"message\":\"no\"}}", ours);
    expect(404, "{\"error\":{\"message\":\"deployment d0123456789abcde\"}}", gone);
    expect(503, "no healthy upstream", down);
    expect(503, "upstream connect error, remote address:10.11.12.13:443", down);
    expect(400,
           "{\"message\":\"see https://api.example.test/x for sb-1!b2|aicore!b3 at 10.11.12.13:443 "
           "or a.prod.ml.hana.ondemand.com.\"}",
           "400 invalid_request 0 : see [...] for [...] at [...] or [...]");
    expect(400, "{\"message\":\"max_tokens must be at most 1.5.2 for version 2024-12-01\"}",
           "400 invalid_request 0 : max_tokens must be at most 1.5.2 for version 2024-12-01");
    expect(400, "bad\xff\x01 bytes \xc3\xa9 \xe2\x82",
           "400 invalid_request 0 : bad? bytes \xc3\xa9 ??");
}

static void retry(void **state)
{
    (void)state;
    expect(429, "{\"error\":{\"message\":\"Please try again in 5s.\"}}",
           "429 rate_limit 5000 : Please try again in 5s.");
    expect(429, "{\"error\":{\"message\":\"Retry after 20 seconds.\"}}",
           "429 rate_limit 20000 : Retry after 20 seconds.");
    expect(429, "{\"error\":{\"message\":\"try again in 250ms\"}}",
           "429 rate_limit 250 : try again in 250ms");
    expect(429, "{\"error\":{\"message\":\"retry in 1m30.5s\"}}",
           "429 rate_limit 90500 : retry in 1m30.5s");
    expect(429, "{\"error\":{\"message\":\"try again in 999999999 hours\"}}",
           "429 rate_limit 3600000 : try again in 999999999 hours");
    expect(429,
           "{\"error\":{\"code\":429,\"status\":\"RESOURCE_EXHAUSTED\",\"message\":\"m\","
           "\"details\":[{\"@type\":\"x\"},{\"retryDelay\":\"12s\"}]}}",
           "429 rate_limit 12000 : m");
    expect(429, "{\"error\":[{\"message\":\"m\",\"headers\":{\"retry-after\":\"7\"}}]}",
           "429 rate_limit 7000 : m");
}

static void in_streams(void **state)
{
    (void)state;
    expect_in("{\"error\":{\"code\":429,\"message\":\"m\",\"status\":\"RESOURCE_EXHAUSTED\"}}",
              "429 rate_limit 0 : m");
    expect_in("{\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"o\"}}",
              "503 overloaded 0 : o");
    expect_in("{\"type\":\"error\",\"error\":{\"type\":\"too_many_requests\",\"code\":"
              "\"too_many_requests\",\"message\":\"t\"}}",
              "429 rate_limit 0 : t");
    expect_in("{\"type\":\"error\",\"message\":\"ThrottlingException: slow\"}",
              "429 rate_limit 0 : ThrottlingException: slow");
    expect_in("{\"throttlingException\":{\"message\":\"slow\"}}", "429 rate_limit 0 : slow");
    expect_in("{\"internalServerException\":{\"message\":\"i\"}}", "502 upstream 0 : i");
    expect_in("{\"validationException\":{\"message\":\"v\"}}", "400 invalid_request 0 : v");
    expect_in("[{\"error\":{\"code\":503,\"message\":\"u\"}}]", "503 overloaded 0 : u");
    expect_in("{\"code\":400,\"message\":\"old orchestration\"}",
              "400 invalid_request 0 : old orchestration");
    expect_in("{\"error\":{\"code\":\"500\",\"message\":\"s\"}}", "502 upstream 0 : s");
    expect_in("{\"error\":{\"code\":401,\"message\":\"s\"}}",
              "502 upstream_auth 0 : The gateway's own credentials were refused upstream. This is "
              "not about your API key; tell the administrator.");
    expect_in("{\"error\":null,\"type\":\"response.created\"}", NULL);
    expect_in("{\"type\":\"message_start\",\"message\":{\"id\":\"m\"}}", NULL);
    expect_in("{\"choices\":[],\"message\":\"x\"}", NULL);
    expect_in("{\"candidates\":[]}", NULL);
    expect_in("{}", NULL);
    expect_in("7", NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shapes),
        cmocka_unit_test(kinds),
        cmocka_unit_test(not_the_callers_business),
        cmocka_unit_test(retry),
        cmocka_unit_test(in_streams),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* CGI variables as the web servers really send them, see lighttpd/, apache/ and examples/nginx/. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "params.h"

enum { VARIABLES = 8 };

struct variables {
    const char *lines[VARIABLES];
};

static char *const *env_of(const struct variables *v)
{
    return (char *const *)(uintptr_t)v->lines;
}

static void expect(struct variables v, const char *path, const char *query, bool root)
{
    struct exchange_request r = {0};

    params_fill(env_of(&v), &r);
    if (!str_is(r.path, path) || !str_is(r.query, query) || r.root != root)
        fail_msg("%s: path %.*s, query %.*s, root %d", v.lines[0], STR_ARG(r.path),
                 STR_ARG(r.query), r.root);
}

static void lighttpd(void **state)
{
    (void)state;
    /* a prefix: SCRIPT_NAME is the mount point */
    expect((struct variables){{"REQUEST_URI=/ai/v1/models?a=b", "SCRIPT_NAME=/ai",
                               "PATH_INFO=/v1/models", "QUERY_STRING=a=b"}},
           "/ai/v1/models", "a=b", false);
    expect(
        (struct variables){{"REQUEST_URI=/ai/", "SCRIPT_NAME=/ai", "PATH_INFO=/", "QUERY_STRING="}},
        "/ai/", "", true);
    /* at "/": SCRIPT_NAME is empty */
    expect((struct variables){{"REQUEST_URI=/v1/models", "SCRIPT_NAME=", "PATH_INFO=/v1/models"}},
           "/v1/models", "", false);
    expect((struct variables){{"REQUEST_URI=/", "SCRIPT_NAME=", "PATH_INFO=/"}}, "/", "", true);
    /* without check-local the whole path is the script */
    expect((struct variables){{"REQUEST_URI=/models", "SCRIPT_NAME=/models", "PATH_INFO="}},
           "/models", "", false);
}

static void apache(void **state)
{
    (void)state;
    /* ScriptAlias: PATH_INFO is decoded, REQUEST_URI is not */
    expect((struct variables){{"REQUEST_URI=/ai/v1/models/a%2Fb%3A1?x", "SCRIPT_NAME=/ai",
                               "PATH_INFO=/v1/models/a/b:1", "QUERY_STRING=x"}},
           "/ai/v1/models/a%2Fb%3A1", "x", false);
    /* mod_proxy_fcgi: the whole path is the script */
    expect((struct variables){{"REQUEST_URI=/v1/messages", "SCRIPT_NAME=/v1/messages",
                               "QUERY_STRING="}},
           "/v1/messages", "", false);
    /* a request line in absolute form */
    expect((struct variables){{"REQUEST_URI=http://host:80/v1/models?a", "QUERY_STRING=a"}},
           "/v1/models", "a", false);
    expect((struct variables){{"REQUEST_URI=http://host", "PATH_INFO=/"}}, "/", "", true);
}

static void nginx(void **state)
{
    (void)state;
    expect((struct variables){{"REQUEST_URI=/v1/models?x=1&y=%2F", "SCRIPT_NAME=/v1/models",
                               "QUERY_STRING=x=1&y=%2F"}},
           "/v1/models", "x=1&y=%2F", false);
    expect((struct variables){{"REQUEST_URI=/", "SCRIPT_NAME=/", "QUERY_STRING="}}, "/", "",
           false); /* endpoint_find knows this one by itself */
}

static void little_is_told(void **state)
{
    (void)state;
    expect((struct variables){{"PATH_INFO=/v1/models", "QUERY_STRING=q"}}, "/v1/models", "q",
           false);
    expect((struct variables){{"SCRIPT_NAME=/v1/models"}}, "/v1/models", "", false);
    expect((struct variables){{"REQUEST_URI=/v1/models?only=here"}}, "/v1/models", "only=here",
           false);
    expect((struct variables){{"REQUEST_URI=*", "REQUEST_METHOD=OPTIONS"}}, "*", "", false);
    expect((struct variables){{NULL}}, "", "", false);
    struct exchange_request r = {0};
    params_fill(NULL, &r);
    assert_string_equal(r.method, "GET");
    assert_int_equal(r.path.n, 0);
}

/* A query is not mistaken for the end of a path, nor an address in it for the request's own. */
static void queries_stay_queries(void **state)
{
    (void)state;
    expect((struct variables){{"REQUEST_URI=/a?u=http://x/v1/models"}}, "/a",
           "u=http://x/v1/models", false);
    expect((struct variables){{"REQUEST_URI=/a?b?c"}}, "/a", "b?c", false);
    expect((struct variables){{"REQUEST_URI=/a?"}}, "/a", "", false);
}

static void finds_variables(void **state)
{
    struct variables v = {{"REQUEST_METHODS=no", "REQUEST_METHOD=POST", "EMPTY=", "A=b=c",
                           "HTTP_X_API_KEY=fake", "REDIRECT_HTTP_AUTHORIZATION=Bearer fake"}};
    char *const *env = env_of(&v);
    struct exchange_request r = {0};

    (void)state;
    assert_string_equal(params_get(env, "REQUEST_METHOD"), "POST");
    assert_string_equal(params_get(env, "EMPTY"), "");
    assert_string_equal(params_get(env, "A"), "b=c");
    assert_null(params_get(env, "REQUEST"));
    assert_null(params_get(env, ""));
    assert_null(params_get(NULL, "A"));
    assert_true(str_is(params_header(env, "X_API_KEY"), "fake"));
    assert_true(str_is(params_header(env, "REDIRECT_AUTHORIZATION"), "Bearer fake"));
    assert_null(params_header(env, "AUTHORIZATION").p);
    params_fill(env, &r);
    assert_string_equal(r.method, "POST");
    assert_int_equal(params_size(NULL), 0);
    v = (struct variables){{"A=b", "CD="}};
    assert_int_equal(params_size(env_of(&v)), 8);
}

static void expect_length(const char *line, int64_t length)
{
    struct variables v = {{line}};

    assert_int_equal(params_length(env_of(&v)), length);
}

static void lengths(void **state)
{
    (void)state;
    expect_length("X=1", -1);
    expect_length("CONTENT_LENGTH=", -1);
    expect_length("CONTENT_LENGTH=0", 0);
    expect_length("CONTENT_LENGTH=123456789012", 123456789012);
    expect_length("CONTENT_LENGTH=-1", -2);
    expect_length("CONTENT_LENGTH=+1", -2);
    expect_length("CONTENT_LENGTH=12a", -2);
    expect_length("CONTENT_LENGTH= 12", -2);
    expect_length("CONTENT_LENGTH=99999999999999999999", -2);
    expect_length("CONTENT_LENGTH=1,1", -2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lighttpd),        cmocka_unit_test(apache),
        cmocka_unit_test(nginx),           cmocka_unit_test(little_is_told),
        cmocka_unit_test(finds_variables), cmocka_unit_test(queries_stay_queries),
        cmocka_unit_test(lengths),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Service keys: every wrapping and spelling ends in one normal form; offences are named. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "aicore/service_key.h"
#include "base/clock.h"
#include "base/jwrite.h"
#include "fake_certificate.h"

static struct arena *arena;
static struct buf problems;

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
    buf_free(&problems);
    problems = (struct buf){0};
    return 0;
}

static struct service_key *parse(const char *text)
{
    struct json *json = NULL;

    buf_clear(&problems);
    assert_int_equal(json_parse(str_from(text), &json, NULL, NULL), OK);
    struct service_key *key = service_key_parse(arena, json, "key.json", &problems);
    json_free(json);
    if (key)
        assert_int_equal(problems.n, 0);
    return key;
}

/* The text is refused with exactly these lines. */
static void refuse(const char *text, const char *lines)
{
    assert_null(parse(text));
    buf_add_char(&problems, '\0');
    assert_string_equal(problems.p, lines);
}

#define SECRET_KEY                                                                                 \
    "{\"clientid\":\"sb-1!b1|aicore!b2\",\"clientsecret\":\"fake$=+/\","                           \
    "\"url\":\"https://acme.authentication.example.test\",\"identityzoneid\":\"zone-1\","          \
    "\"serviceurls\":{\"AI_API_URL\":\"https://api.ai.example.test\"}}"

static void assert_secret_key(const struct service_key *key)
{
    assert_non_null(key);
    assert_string_equal(key->client_id, "sb-1!b1|aicore!b2");
    assert_string_equal(key->client_secret, "fake$=+/");
    assert_string_equal(key->token_url, "https://acme.authentication.example.test/oauth/token");
    assert_string_equal(key->api_url, "https://api.ai.example.test/v2");
    assert_string_equal(key->tenant, "zone-1");
    assert_int_equal(key->certificate_end, 0);
    assert_int_equal(strlen(key->id), 16);
    assert_null(key->identity.key.p);
}

static void reads_every_wrapping(void **state)
{
    struct buf text = {0};
    struct jwrite w = jwrite_to(&text);

    (void)state;
    assert_secret_key(parse(SECRET_KEY));
    assert_secret_key(parse("{\"credentials\":" SECRET_KEY "}"));
    jwrite_cstr(&w, "{\"credentials\":" SECRET_KEY "}");
    buf_add_char(&text, '\0');
    assert_secret_key(parse(text.p));
    buf_free(&text);
}

static const struct service_key *key_of_urls(const char *url, const char *api)
{
    struct service_key_fields f = {
        .client_id = "id", .client_secret = "fake", .auth_url = url, .base_url = api};

    buf_clear(&problems);
    return service_key_from_fields(arena, &f, "environment", &problems);
}

static void normalises_urls(void **state)
{
    static const char *const tokens[] = {"https://a.test", "https://a.test/",
                                         "https://a.test/oauth/token",
                                         "https://a.test/oauth/token/", " https://a.test// "};
    static const char *const apis[] = {"https://b.test", "https://b.test/", "https://b.test/v2",
                                       "https://b.test/v2/"};
    (void)state;
    for (size_t i = 0; i < sizeof tokens / sizeof *tokens; i++)
        assert_string_equal(key_of_urls(tokens[i], "https://b.test")->token_url,
                            "https://a.test/oauth/token");
    for (size_t i = 0; i < sizeof apis / sizeof *apis; i++)
        assert_string_equal(key_of_urls("https://a.test", apis[i])->api_url, "https://b.test/v2");
    assert_string_equal(key_of_urls("https://a.test", "https://b.test/ai")->api_url,
                        "https://b.test/ai/v2");
}

static void refuses_bad_urls(void **state)
{
    static const char *const urls[] = {"a.test",
                                       "ftp://a.test",
                                       "https://",
                                       "https:///x",
                                       "https://u:p@a.test",
                                       "https://a.test/?x",
                                       "https://a.test/#x",
                                       "https://a.test/\r\nX: y",
                                       "https://:1"};
    (void)state;
    for (size_t i = 0; i < sizeof urls / sizeof *urls; i++) {
        assert_null(key_of_urls(urls[i], "https://b.test"));
        buf_add_char(&problems, '\0');
        assert_memory_equal(problems.p, "environment: AICORE_AUTH_URL: ", 30);
        assert_null(strstr(problems.p, "u:p"));
    }
}

static void id_changes_with_the_credential(void **state)
{
    struct service_key_fields f = {.client_id = "id",
                                   .client_secret = "fake-1",
                                   .auth_url = "https://a.test",
                                   .base_url = "https://b.test"};
    struct service_key *one = service_key_from_fields(arena, &f, "x", &problems);

    (void)state;
    f.base_url = "https://other.test";
    assert_string_equal(service_key_from_fields(arena, &f, "x", &problems)->id, one->id);
    f.client_secret = "fake-2";
    assert_string_not_equal(service_key_from_fields(arena, &f, "x", &problems)->id, one->id);
    f.client_secret = "fake-1";
    f.client_id = "id2";
    assert_string_not_equal(service_key_from_fields(arena, &f, "x", &problems)->id, one->id);
    f.client_id = "id";
    f.auth_url = "https://c.test";
    assert_string_not_equal(service_key_from_fields(arena, &f, "x", &problems)->id, one->id);
}

static void names_every_offence(void **state)
{
    (void)state;
    refuse("{}", "key.json: clientid: is missing; expected the OAuth client id\n"
                 "key.json: clientsecret: is missing; expected a secret, or a certificate with its "
                 "key\n"
                 "key.json: url: is missing; expected the address of the token service\n"
                 "key.json: serviceurls.AI_API_URL: is missing; expected the address of the AI "
                 "API\n");
    refuse("{\"clientid\":1,\"url\":true}", "key.json: clientid: is a number; expected a string\n"
                                            "key.json: url: is true or false; expected a string\n");
    refuse("[]", "key.json: is an array; expected a service key object\n");
    refuse("\"{\\\"a\\\":\"",
           "key.json: is a string that is not JSON (line 1, column 5); expected a "
           "service key as JSON text\n");
    refuse("{\"credentials\":{\"credentials\":{\"credentials\":{\"credentials\":{\"credentials\":"
           "{}}}}}}",
           "key.json: clientid: is missing; expected the OAuth client id\n"
           "key.json: clientsecret: is missing; expected a secret, or a certificate with its key\n"
           "key.json: url: is missing; expected the address of the token service\n"
           "key.json: serviceurls.AI_API_URL: is missing; expected the address of the AI API\n");
}

/* --- X.509 ----------------------------------------------------------------------------------- */

static struct service_key_fields certificate_fields(const char *certificate, const char *key)
{
    return (struct service_key_fields){.client_id = "id",
                                       .certificate = certificate,
                                       .key = key,
                                       .cert_url = "https://a.cert.test",
                                       .base_url = "https://b.test"};
}

/* The certificate as it stands in a key file: line ends are two characters. */
static char *escaped(const char *pem)
{
    struct buf b = {0};

    for (; *pem; pem++)
        buf_add_cstr(&b, *pem == '\n' ? "\\n" : (char[]){*pem, 0});
    buf_add_char(&b, '\0');
    return b.p;
}

static void reads_certificates(void **state)
{
    char *certificate, *key, *escaped_certificate, *escaped_key;

    (void)state;
    fake_certificate(86400, &certificate, &key);
    escaped_certificate = escaped(certificate);
    escaped_key = escaped(key);
    struct service_key_fields f = certificate_fields(escaped_certificate, escaped_key);
    struct service_key *got = service_key_from_fields(arena, &f, "x", &problems);
    assert_non_null(got);
    assert_true(str_is(got->identity.certificate, certificate));
    assert_true(str_is(got->identity.key, key));
    assert_string_equal(got->token_url, "https://a.cert.test/oauth/token");
    assert_null(got->client_secret);
    assert_in_range(got->certificate_end, clock_wall_s() + 86300, clock_wall_s() + 86500);
    free(certificate);
    free(key);
    free(escaped_certificate);
    free(escaped_key);
}

static void refuse_fields(const struct service_key_fields *f, const char *line)
{
    buf_clear(&problems);
    assert_null(service_key_from_fields(arena, f, "x", &problems));
    buf_add_char(&problems, '\0');
    assert_string_equal(problems.p, line);
}

static void refuses_wrong_proof(void **state)
{
    char *certificate, *key, *other_certificate, *other_key;
    struct service_key_fields f;

    (void)state;
    fake_certificate(86400, &certificate, &key);
    fake_certificate(86400, &other_certificate, &other_key);
    f = certificate_fields(certificate, other_key);
    refuse_fields(&f, "x: AICORE_KEY_STR: does not belong to the certificate; expected its private "
                      "key in PEM\n");
    f = certificate_fields("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", key);
    refuse_fields(&f, "x: AICORE_CERT_STR: holds no certificate; expected a PEM chain, leaf "
                      "first\n");
    f = certificate_fields(certificate, certificate);
    refuse_fields(&f, "x: AICORE_KEY_STR: holds no private key; expected PEM text\n");
    f = certificate_fields(certificate, NULL);
    refuse_fields(&f, "x: AICORE_KEY_STR: is missing; a certificate and its key go together\n");
    f = certificate_fields(certificate, key);
    f.client_secret = "fake";
    refuse_fields(&f, "x: AICORE_CLIENT_SECRET: stands beside a certificate; expected one of the "
                      "two\n");
    f = certificate_fields(certificate, key);
    f.cert_url = NULL;
    refuse_fields(&f, "x: AICORE_CERT_URL: is missing; expected the address of the token "
                      "service\n");
    f = certificate_fields(NULL, NULL);
    f.certificate_file = f.key_file = "/nonexistent/file.pem";
    refuse_fields(&f, "x: AICORE_CERT_FILE_PATH: /nonexistent/file.pem: not found; expected a PEM "
                      "file\n"
                      "x: AICORE_KEY_FILE_PATH: /nonexistent/file.pem: not found; expected a PEM "
                      "file\n");
    free(certificate);
    free(key);
    free(other_certificate);
    free(other_key);
}

static void write_temporary(char *path, const char *text)
{
    int fd = mkstemp(path);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
}

static void reads_pem_files(void **state)
{
    char certificate_path[] = "/tmp/corelay-test.XXXXXX", key_path[] = "/tmp/corelay-test.XXXXXX";
    char *certificate, *key;

    (void)state;
    fake_certificate(86400, &certificate, &key);
    write_temporary(certificate_path, certificate);
    write_temporary(key_path, key);
    struct service_key_fields f = certificate_fields(NULL, NULL);
    f.certificate_file = certificate_path;
    f.key_file = key_path;
    struct service_key *got = service_key_from_fields(arena, &f, "x", &problems);
    assert_non_null(got);
    assert_true(str_is(got->identity.key, key));
    unlink(certificate_path);
    unlink(key_path);
    free(certificate);
    free(key);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(reads_every_wrapping, set_up, tear_down),
        cmocka_unit_test_setup_teardown(normalises_urls, set_up, tear_down),
        cmocka_unit_test_setup_teardown(refuses_bad_urls, set_up, tear_down),
        cmocka_unit_test_setup_teardown(id_changes_with_the_credential, set_up, tear_down),
        cmocka_unit_test_setup_teardown(names_every_offence, set_up, tear_down),
        cmocka_unit_test_setup_teardown(reads_certificates, set_up, tear_down),
        cmocka_unit_test_setup_teardown(refuses_wrong_proof, set_up, tear_down),
        cmocka_unit_test_setup_teardown(reads_pem_files, set_up, tear_down),
    };
    return cmocka_run_group_tests_name("aicore/service_key", tests, NULL, NULL);
}

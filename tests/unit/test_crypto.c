/* The wrappers around libcrypto, against published vectors (FIPS 180-2, RFC 4648). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>

#include "base/clock.h"
#include "base/crypto.h"
#include "fake_certificate.h"

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

static void expect_sha256(struct str in, const char *hex)
{
    uint8_t hash[SHA256_BYTES];
    char text[SHA256_HEX_BYTES];

    crypto_sha256(in, hash);
    crypto_hex(hash, sizeof hash, text);
    assert_string_equal(text, hex);
}

static void hashes(void **state)
{
    (void)state;
    expect_sha256(STR("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    expect_sha256(STR_NONE, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

static void hexadecimal(void **state)
{
    uint8_t bytes[3] = {9, 9, 9};

    (void)state;
    assert_true(crypto_unhex(STR("00aFFf"), bytes, 3));
    assert_memory_equal(bytes, "\x00\xaf\xff", 3);
    assert_false(crypto_unhex(STR("00aff"), bytes, 3));
    assert_false(crypto_unhex(STR("00afff0"), bytes, 3));
    static const char *const wrong[] = {"00afg0",
                                        "00af 0",
                                        "0x0000",
                                        "00af@0",
                                        "00af`0",
                                        "00a:00",
                                        "00af/0",
                                        "-00000",
                                        ("00\xe1"
                                         "e10")};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_false(crypto_unhex(str_from(wrong[i]), bytes, 3));
    assert_true(crypto_unhex(STR(""), bytes, 0));
}

static void compares(void **state)
{
    (void)state;
    assert_true(crypto_same("abc", "abc", 3));
    assert_false(crypto_same("abc", "abd", 3));
    assert_true(crypto_same("abc", "abd", 2));
    assert_true(crypto_same("a", "b", 0));
}

static void random_bytes_differ(void **state)
{
    uint8_t one[32] = {0}, two[32] = {0}, none[32] = {0};

    (void)state;
    crypto_random(one, sizeof one);
    crypto_random(two, sizeof two);
    assert_memory_not_equal(one, two, sizeof one);
    assert_memory_not_equal(one, none, sizeof one);
    crypto_wipe(one, sizeof one);
    assert_memory_equal(one, none, sizeof one);
}

static void base64_vectors(void **state)
{
    static const struct {
        struct str bytes, text;
    } cases[] = {
        {{"", 0}, {"", 0}},
        {{"f", 1}, {"Zg==", 4}},
        {{"fo", 2}, {"Zm8=", 4}},
        {{"foo", 3}, {"Zm9v", 4}},
        {{"foob", 4}, {"Zm9vYg==", 8}},
        {{"fooba", 5}, {"Zm9vYmE=", 8}},
        {{"foobar", 6}, {"Zm9vYmFy", 8}},
        {{"\xfb\xff\xbf", 3}, {"+/+/", 4}},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_true(str_eq(crypto_base64(arena, cases[i].bytes), cases[i].text));
        assert_true(str_eq(crypto_unbase64(arena, cases[i].text), cases[i].bytes));
    }
    assert_true(str_eq(crypto_unbase64(arena, STR("-_-_")), STR("\xfb\xff\xbf")));
    assert_true(str_eq(crypto_unbase64(arena, STR("Zg")), STR("f")));
    assert_true(str_eq(crypto_unbase64(arena, STR("Zm8")), STR("fo")));
    assert_non_null(crypto_unbase64(arena, STR("")).p);
    assert_non_null(crypto_base64(arena, STR_NONE).p);
}

static void base64_refuses(void **state)
{
    static const struct str wrong[] = {
        {"Z", 1},     {"Z===", 4}, {"=", 1},         {"====", 4},  {"Zg=g", 4},       {"Zm9v\n", 5},
        {" Zm9v", 5}, {"Zm9!", 4}, {"Zm9v\0Zm8", 8}, {"Zm9vY", 5}, {"Z\xc3\xa9g", 4},
    };

    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_null(crypto_unbase64(arena, wrong[i]).p);
}

/* Every length, and every byte value at every place. */
static void base64_comes_back(void **state)
{
    uint8_t bytes[300];

    (void)state;
    for (size_t n = 0; n < sizeof bytes; n++) {
        crypto_random(bytes, sizeof bytes);
        struct str in = {(char *)bytes, n};
        struct str text = crypto_base64(arena, in);
        assert_int_equal(text.n % 4, 0);
        assert_true(str_eq(crypto_unbase64(arena, text), in));
        while (text.n && text.p[text.n - 1] == '=')
            text.n--;
        assert_true(str_eq(crypto_unbase64(arena, text), in));
    }
}

static void certificates_end(void **state)
{
    char *certificate, *key, *other, *other_key;

    (void)state;
    fake_certificate(3600, &certificate, &key);
    fake_certificate(3600, &other, &other_key);
    int64_t left = crypto_certificate_end(str_from(certificate), str_from(key)) - clock_wall_s();
    assert_in_range(left, 3590, 3600);
    assert_int_equal(crypto_certificate_end(str_from(certificate), str_from(other_key)), -2);
    assert_int_equal(crypto_certificate_end(str_from(certificate), STR("nonsense")), -2);
    assert_int_equal(crypto_certificate_end(STR("nonsense"), str_from(key)), -1);
    assert_int_equal(crypto_certificate_end(STR(""), STR("")), -1);
    free(certificate);
    free(key);
    free(other);
    free(other_key);
}

/* An encrypted key is one that does not fit: nobody is there to type a passphrase. */
static void asks_for_no_passphrase(void **state)
{
    static const char encrypted[] =
        "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n"
        "DEK-Info: AES-128-CBC,00112233445566778899AABBCCDDEEFF\n\n"
        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n"
        "-----END RSA PRIVATE KEY-----\n";
    char *certificate, *key;

    (void)state;
    fake_certificate(3600, &certificate, &key);
    assert_int_equal(crypto_certificate_end(str_from(certificate), str_from(encrypted)), -2);
    free(certificate);
    free(key);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hashes),
        cmocka_unit_test(hexadecimal),
        cmocka_unit_test(compares),
        cmocka_unit_test(random_bytes_differ),
        TEST(base64_vectors),
        TEST(base64_refuses),
        TEST(base64_comes_back),
        cmocka_unit_test(certificates_end),
        cmocka_unit_test(asks_for_no_passphrase),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Authorities that are parsed when they are needed: verdicts are those of OpenSSL with the whole file. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/ca_bundle.h"
#include "fake_certificate.h"

enum { UTF8 = V_ASN1_UTF8STRING, PRINTABLE = V_ASN1_PRINTABLESTRING };

/* A name with one common name in the given string type; BMP and T61 take their own bytes. */
struct spelling {
    int type;
    const char *bytes;
    int n;
};

struct party {
    EVP_PKEY *key;
    X509 *certificate;
};

static X509_NAME *name_of(struct spelling s)
{
    X509_NAME *name = X509_NAME_new();

    assert_int_equal(X509_NAME_add_entry_by_NID(name, NID_countryName, MBSTRING_ASC,
                                                (const unsigned char *)"DE", -1, -1, 0),
                     1);
    assert_int_equal(X509_NAME_add_entry_by_NID(name, NID_commonName, s.type,
                                                (const unsigned char *)s.bytes, s.n, -1, 0),
                     1);
    return name;
}

/* A certificate for a fresh key, signed by `signer` (itself when that has no key) under `issuer`. */
static struct party issue(struct spelling subject, struct spelling issuer, const EVP_PKEY *signer)
{
    struct party p = {EVP_EC_gen("P-256"), X509_new()};
    X509_NAME *of = name_of(subject), *by = name_of(issuer);

    X509_set_version(p.certificate,
                     X509_VERSION_1); /* whoever signs himself is an authority there */
    ASN1_INTEGER_set(X509_get_serialNumber(p.certificate), 7);
    X509_gmtime_adj(X509_getm_notBefore(p.certificate), -3600);
    X509_gmtime_adj(X509_getm_notAfter(p.certificate), 3600);
    X509_set_subject_name(p.certificate, of);
    X509_set_issuer_name(p.certificate, by);
    X509_set_pubkey(p.certificate, p.key);
    assert_true(
        X509_sign(p.certificate, signer ? (EVP_PKEY *)(uintptr_t)signer : p.key, EVP_sha256()) > 0);
    X509_NAME_free(of);
    X509_NAME_free(by);
    return p;
}

static void party_free(struct party *p)
{
    X509_free(p->certificate);
    EVP_PKEY_free(p->key);
}

static void add_pem(struct buf *pem, X509 *certificate)
{
    BIO *out = BIO_new(BIO_s_mem());
    char *text;

    PEM_write_bio_X509(out, certificate);
    long n = BIO_get_mem_data(out, &text);
    buf_add(pem, text, (size_t)n);
    BIO_free(out);
}

static bool verifies(X509_STORE *store, X509 *certificate)
{
    X509_STORE_CTX *context = X509_STORE_CTX_new();

    X509_STORE_CTX_init(context, store, certificate, NULL);
    X509_STORE_CTX_set_flags(context, X509_V_FLAG_PARTIAL_CHAIN); /* as curl does */
    bool good = X509_verify_cert(context) == 1;
    X509_STORE_CTX_free(context);
    return good;
}

/* The verdict with all of it in the store, as curl would have it. */
static bool verifies_with_all(const struct buf *pem, X509 *certificate)
{
    BIO *in = BIO_new_mem_buf(pem->p, (int)pem->n);
    X509_STORE *store = X509_STORE_new();

    for (X509 *x; (x = PEM_read_bio_X509(in, NULL, NULL, NULL)) != NULL; X509_free(x))
        assert_int_equal(X509_STORE_add_cert(store, x), 1);
    ERR_clear_error();
    bool good = verifies(store, certificate);
    X509_STORE_free(store);
    BIO_free(in);
    return good;
}

/* The verdict with the bundle, which is the same, and how many authorities that took. */
static bool verifies_with(const struct buf *pem, X509 *certificate, size_t *parsed)
{
    struct ca_bundle *b = ca_bundle_read(buf_str(pem));
    X509_STORE *store = X509_STORE_new();

    assert_non_null(b);
    assert_true(ca_bundle_lend_store(b, store));
    bool good = verifies(store, certificate);
    assert_int_equal(verifies(store, certificate), good);
    assert_int_equal(verifies_with_all(pem, certificate), good);
    *parsed = ca_bundle_parsed(b);
    X509_STORE_free(store);
    ca_bundle_free(b);
    return good;
}

#define SPELLED(type, text)                                                                        \
    {                                                                                              \
        type, text, sizeof text - 1                                                                \
    }

static const struct spelling others[] = {SPELLED(PRINTABLE, "Root Two"), SPELLED(PRINTABLE, "Root"),
                                         SPELLED(UTF8, "W\xc3\xbcrzel One"),
                                         SPELLED(UTF8, "\xe6\xa0\xb9\xe8\xaf\x81\xe4\xb9\xa6")};

/* Each of these is the same name to OpenSSL: string type, case and white space do not count. */
static const struct spelling same[] = {
    SPELLED(PRINTABLE, "Root One"), SPELLED(UTF8, "root one"), SPELLED(PRINTABLE, " ROOT   One "),
    SPELLED(V_ASN1_BMPSTRING, "\0R\0o\0o\0t\0 \0O\0n\0e"), SPELLED(V_ASN1_T61STRING, "Root oNE")};

static const struct spelling accented[] = {
    SPELLED(UTF8, "R\xc3\xa9seau de confiance"),
    SPELLED(V_ASN1_T61STRING, "R\xe9seau de Confiance"),
    SPELLED(V_ASN1_BMPSTRING, "\0R\0\xe9\0s\0e\0a\0u\0 \0d\0e\0 \0c\0o\0n\0f\0i\0a\0n\0c\0e")};

/* U+4161 in the middle: two letters to whoever looks at the bytes of the second. */
static const struct spelling foreign[] = {SPELLED(UTF8, "of \xe4\x85\xa1 all"),
                                          SPELLED(V_ASN1_BMPSTRING, "\0o\0f\0 Aa\0 \0a\0l\0l")};

/* `root` among others signs for a leaf that spells its name as `spelled`. */
static void expect_found(struct spelling root, struct spelling spelled)
{
    struct buf pem = {0};
    struct party ca = issue(root, root, NULL);
    struct party leaf = issue((struct spelling)SPELLED(UTF8, "leaf"), spelled, ca.key);
    size_t parsed = 0;

    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        struct party other = issue(others[i], others[i], NULL);
        add_pem(&pem, other.certificate);
        party_free(&other);
        if (i == 1)
            add_pem(&pem, ca.certificate);
    }
    assert_true(verifies_with(&pem, leaf.certificate, &parsed));
    assert_int_equal(parsed, 1);
    buf_free(&pem);
    party_free(&ca);
    party_free(&leaf);
}

static void finds_every_spelling(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof same / sizeof *same; i++)
        for (size_t j = 0; j < sizeof same / sizeof *same; j++)
            expect_found(same[i], same[j]);
    for (size_t i = 0; i < sizeof accented / sizeof *accented; i++)
        for (size_t j = 0; j < sizeof accented / sizeof *accented; j++)
            expect_found(accented[i], accented[j]);
    expect_found(foreign[0], foreign[1]);
    expect_found(foreign[1], foreign[0]);
}

/* All of one name are there to choose from; and a certificate may be trusted itself. */
static void tells_namesakes_apart(void **state)
{
    struct spelling name = same[0];
    struct party first = issue(name, name, NULL), second = issue(name, name, NULL);
    struct party third = issue(name, name, NULL);
    struct party by_second = issue(others[0], same[1], second.key);
    struct party by_third = issue(others[0], same[1], third.key);
    struct buf pem = {0};
    size_t parsed;

    (void)state;
    add_pem(&pem, first.certificate);
    add_pem(&pem, second.certificate);
    verifies_with(&pem, by_second.certificate, &parsed); /* which is tried is OpenSSL's choice */
    assert_int_equal(parsed, 2);
    assert_false(verifies_with(&pem, by_third.certificate, &parsed));
    verifies_with(&pem, second.certificate, &parsed);
    assert_false(verifies_with(&pem, third.certificate, &parsed));
    buf_clear(&pem);
    add_pem(&pem, by_third.certificate);
    assert_true(verifies_with(&pem, by_third.certificate, &parsed));
    buf_free(&pem);
    party_free(&first);
    party_free(&second);
    party_free(&third);
    party_free(&by_second);
    party_free(&by_third);
}

static void expect_unread(const struct buf *before, const char *from, const char *to)
{
    struct buf pem = {0};
    struct str text = buf_str(before);
    const char *at = memmem(text.p, text.n, from, strlen(from));

    assert_non_null(at);
    buf_add(&pem, text.p, (size_t)(at - text.p));
    buf_add_cstr(&pem, to);
    buf_add_str(&pem, str_slice(text, (size_t)(at - text.p) + strlen(from), text.n));
    assert_null(ca_bundle_read(buf_str(&pem)));
    buf_free(&pem);
}

/* What OpenSSL would read otherwise is left to it. */
static void leaves_the_rest_alone(void **state)
{
    struct party ca = issue(same[0], same[0], NULL);
    struct buf pem = {0};
    char *certificate, *key;

    (void)state;
    fake_certificate(60, &certificate, &key);
    add_pem(&pem, ca.certificate);
    struct ca_bundle *b = ca_bundle_read(buf_str(&pem));
    assert_non_null(b);
    ca_bundle_free(b);
    expect_unread(&pem, "-----BEGIN ", "#-----BEGIN ");
    expect_unread(&pem, "CERTIFICATE-----\n", "CERTIFICATE----- \n");
    expect_unread(&pem, "CERTIFICATE-----\n", "TRUSTED CERTIFICATE-----\n");
    expect_unread(&pem, "\n-----END ", "-----END ");
    expect_unread(&pem, "-----END CERTIFICATE-----", "");
    expect_unread(&pem, "-----BEGIN CERTIFICATE-----\n", "-----BEGIN CERTIFICATE-----\n!");
    expect_unread(&pem, "-----BEGIN CERTIFICATE-----\nMI", "-----BEGIN CERTIFICATE-----\nMA");
    buf_add_cstr(&pem, key);
    assert_null(ca_bundle_read(buf_str(&pem)));
    assert_null(ca_bundle_read(str_from("no certificate")));
    assert_null(ca_bundle_read(STR_NONE));
    assert_null(ca_bundle_open("/nowhere/ca.pem"));
    free(certificate);
    free(key);
    buf_free(&pem);
    party_free(&ca);
}

static void knows_its_own_library(void **state)
{
    char name[64];

    (void)state;
    snprintf(name, sizeof name, "OpenSSL/%s", OpenSSL_version(OPENSSL_VERSION_STRING));
    assert_true(ca_bundle_serves(name));
    assert_false(ca_bundle_serves("OpenSSL/0.9.8"));
    assert_false(ca_bundle_serves("GnuTLS/3.7.9"));
    assert_false(ca_bundle_serves(NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_every_spelling), cmocka_unit_test(tells_namesakes_apart),
        cmocka_unit_test(leaves_the_rest_alone), cmocka_unit_test(knows_its_own_library)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Test certificates, by OpenSSL. */
#include "fake_certificate.h"

#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

static EVP_PKEY *make_key(void)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_id(EVP_PKEY_EC, NULL);
    EVP_PKEY *key = NULL;

    EVP_PKEY_keygen_init(ctx);
    EVP_PKEY_CTX_set_ec_paramgen_curve_nid(ctx, NID_X9_62_prime256v1);
    EVP_PKEY_keygen(ctx, &key);
    EVP_PKEY_CTX_free(ctx);
    return key;
}

/* The name that clients look for, and one of an issuer, which curl insists on. */
static void add_names(X509 *x)
{
    X509_NAME *name = X509_get_subject_name(x);
    X509_EXTENSION *extension =
        X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, "IP:127.0.0.1");

    X509_add_ext(x, extension, -1);
    X509_EXTENSION_free(extension);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"test", -1, -1, 0);
    X509_set_issuer_name(x, name);
}

static char *text_of(BIO *bio)
{
    char *p;
    long n = BIO_get_mem_data(bio, &p);
    char *text = strndup(p, (size_t)n);

    BIO_free(bio);
    return text;
}

void fake_certificate(long seconds, char **certificate, char **key)
{
    EVP_PKEY *pkey = make_key();
    X509 *x = X509_new();
    BIO *certificate_out = BIO_new(BIO_s_mem()), *key_out = BIO_new(BIO_s_mem());

    X509_set_version(x, 2); /* which is 3 */
    ASN1_INTEGER_set(X509_get_serialNumber(x), 1);
    X509_gmtime_adj(X509_getm_notBefore(x), -3600);
    X509_gmtime_adj(X509_getm_notAfter(x), seconds);
    X509_set_pubkey(x, pkey);
    add_names(x);
    X509_sign(x, pkey, EVP_sha256());
    PEM_write_bio_X509(certificate_out, x);
    PEM_write_bio_PrivateKey(key_out, pkey, NULL, NULL, 0, NULL, NULL);
    *certificate = text_of(certificate_out);
    *key = text_of(key_out);
    X509_free(x);
    EVP_PKEY_free(pkey);
}

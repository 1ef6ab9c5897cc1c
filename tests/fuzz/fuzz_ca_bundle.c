/* Any bytes as a file of authorities, and a look for each of a few issuers in what is found there. */
#include <openssl/x509.h>
#include <stdlib.h>

#include "base/ca_bundle.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

static void look_for(struct ca_bundle *b, const char *issuer)
{
    X509_STORE *store = X509_STORE_new();
    X509_STORE_CTX *context = X509_STORE_CTX_new();
    X509 *leaf = X509_new();

    X509_NAME_add_entry_by_NID(X509_get_issuer_name(leaf), NID_commonName, MBSTRING_UTF8,
                               (const unsigned char *)issuer, -1, -1, 0);
    if (!ca_bundle_lend_store(b, store))
        abort();
    X509_STORE_CTX_init(context, store, leaf, NULL);
    if (X509_verify_cert(context) == 1) /* there is not even a signature */
        abort();
    X509_free(leaf);
    X509_STORE_CTX_free(context);
    X509_STORE_free(store);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    struct ca_bundle *b = ca_bundle_read((struct str){(const char *)bytes, n});

    if (b) {
        look_for(b, "a");
        look_for(b, "\xe6\xa0\xb9");
    }
    ca_bundle_free(b);
    return 0;
}

/* Thin wrappers around libcrypto. */
#include "base/crypto.h"

#include <dirent.h>
#include <errno.h>
#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/random.h>
#include <time.h>

static const EVP_MD *sha256;

/* Since OpenSSL 3, SHA256() looks the method up anew at every call, which costs several times the hash
   itself. */
static void find_sha256(void)
{
#if OPENSSL_VERSION_NUMBER >= 0x30000000L
    sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
#else
    sha256 = EVP_sha256();
#endif
    if (!sha256)
        abort(); /* a libcrypto without SHA-256 is none */
}

void crypto_sha256(struct str in, uint8_t out[SHA256_BYTES])
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    pthread_once(&once, find_sha256);
    if (EVP_Digest(in.p ? in.p : "", in.n, out, NULL, sha256, NULL) != 1)
        abort(); /* out of memory: an answer that may match is not one */
}

void crypto_hex(const uint8_t *bytes, size_t n, char *out)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < n; i++) {
        out[2 * i] = digits[bytes[i] >> 4];
        out[2 * i + 1] = digits[bytes[i] & 15];
    }
    out[2 * n] = '\0';
}

static int digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 32;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool crypto_unhex(struct str hex, uint8_t *out, size_t n)
{
    if (hex.n != 2 * n)
        return false;
    for (size_t i = 0; i < n; i++) {
        int high = digit(hex.p[2 * i]), low = digit(hex.p[2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        out[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

bool crypto_same(const void *a, const void *b, size_t n)
{
    return CRYPTO_memcmp(a, b, n) == 0;
}

void crypto_random(void *out, size_t n)
{
    uint8_t *p = out;

    while (n) {
        ssize_t got = getrandom(p, n, 0);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            abort(); /* a system without randomness must not go on */
        p += got;
        n -= (size_t)got;
    }
}

void crypto_wipe(void *p, size_t n)
{
    OPENSSL_cleanse(p, n);
}

struct str crypto_base64(struct arena *arena, struct str bytes)
{
    size_t room = (bytes.n + 2) / 3 * 4;
    unsigned char *out = arena_alloc(arena, room + 1);
    if (!out)
        return STR_NONE;
    if (bytes.n)
        EVP_EncodeBlock(out, (const unsigned char *)bytes.p, (int)bytes.n);
    return (struct str){(char *)out, room};
}

static int sextet(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    if (c == '+' || c == '-')
        return 62;
    return c == '/' || c == '_' ? 63 : -1;
}

struct str crypto_unbase64(struct arena *arena, struct str text)
{
    size_t padding = text.n && text.n % 4 == 0 ? 2 : 0; /* whole, or none at all */
    for (; padding && text.p[text.n - 1] == '='; padding--)
        text.n--;
    char *out = arena_alloc(arena, text.n / 4 * 3 + 3);
    size_t n = 0;
    uint32_t bits = 0;

    if (!out || text.n % 4 == 1)
        return STR_NONE;
    for (size_t i = 0; i < text.n; i++) {
        int value = sextet(text.p[i]);
        if (value < 0)
            return STR_NONE;
        bits = bits << 6 | (uint32_t)value;
        if (i % 4 > 0)
            out[n++] = (char)(bits >> (6 - 2 * (i % 4)) & 0xff);
    }
    return (struct str){out, n};
}

static int64_t end_of(X509 *certificate)
{
    struct tm tm;
    if (!ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &tm))
        return -1;
    return (int64_t)timegm(&tm);
}

/* OpenSSL would ask on the terminal otherwise, and wait there. */
static int no_passphrase(char *out, int size, int writing, void *arg)
{
    (void)out;
    (void)size;
    (void)writing;
    (void)arg;
    return -1;
}

int64_t crypto_certificate_end(struct str chain, struct str key)
{
    BIO *in = BIO_new_mem_buf(chain.p, (int)chain.n), *key_in = BIO_new_mem_buf(key.p, (int)key.n);
    X509 *certificate = in ? PEM_read_bio_X509(in, NULL, no_passphrase, NULL) : NULL;
    EVP_PKEY *pkey = key_in ? PEM_read_bio_PrivateKey(key_in, NULL, no_passphrase, NULL) : NULL;
    int64_t end = -1;

    if (certificate)
        end = pkey && X509_check_private_key(certificate, pkey) == 1 ? end_of(certificate) : -2;
    EVP_PKEY_free(pkey);
    X509_free(certificate);
    BIO_free(in);
    BIO_free(key_in);
    return end;
}

/* "5ed36f99.0" (openssl-rehash(1)) */
static bool is_hashed_name(const char *name)
{
    static const char hex[] = "0123456789abcdef";

    return strspn(name, hex) == 8 && name[8] == '.' && name[9] >= '0' && name[9] <= '9';
}

const char *crypto_authorities(void)
{
    const char *folder = X509_get_default_cert_dir();
    DIR *dir = opendir(folder);
    const struct dirent *entry;
    bool found = false;

    if (!dir)
        return NULL;
    while (!found && (entry = readdir(dir)))
        found = is_hashed_name(entry->d_name);
    closedir(dir);
    return found ? folder : NULL;
}

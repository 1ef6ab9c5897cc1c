/*
 * Certificates found by their text: see the header.
 *
 * OpenSSL takes two names for the same when their attributes are, in whatever string types, with case and
 * white space aside. So the search must not miss such a one; it may find too many. What all spellings of
 * a name have in common, and what is compared here, is its *core*: the ASCII letters and digits alone, in
 * lower case, of a stretch without other alphabets. It occurs in the core of every certificate that bears
 * the name.
 */
#include "base/ca_bundle.h"

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/file.h"

enum { BUNDLE_BYTES = 16 * 1024 * 1024, SKIPPED = 64, FOREIGN = 65 };

static const char BEGIN[] = "-----BEGIN ", LABEL[] = "CERTIFICATE-----";
static const char END[] = "-----END CERTIFICATE-----";

/* One certificate: its text in the file, and where the core of its subject lies. */
struct authority {
    struct str text;
    size_t core, core_n;
    X509 *parsed;
    bool broken; /* it is no certificate after all */
};

struct ca_bundle {
    struct buf pem, cores, authorities;
    unsigned char sextets[256];
};

/* --- the file -------------------------------------------------------------------------------- */

/* The value of each character in base64; SKIPPED for white space, FOREIGN for what does not belong. */
static void make_sextets(unsigned char table[256])
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

    memset(table, FOREIGN, 256);
    for (unsigned i = 0; i < 64; i++)
        table[(unsigned char)digits[i]] = (unsigned char)i;
    for (const char *space = " \t\r\n"; *space; space++)
        table[(unsigned char)*space] = SKIPPED;
}

/* As many whole groups of four characters as stand at `p`; returns what is behind them. */
static const unsigned char *decode_groups(const unsigned char *p, const unsigned char *end,
                                          char **out, const unsigned char *sextets)
{
    char *to = *out;

    for (; end - p >= 4; p += 4, to += 3) {
        unsigned a = sextets[p[0]], b = sextets[p[1]], c = sextets[p[2]], d = sextets[p[3]];
        if ((a | b | c | d) >= SKIPPED)
            break;
        to[0] = (char)(a << 2 | b >> 4);
        to[1] = (char)(b << 4 | c >> 2);
        to[2] = (char)(c << 6 | d);
    }
    *out = to;
    return p;
}

/* What `text` encodes, in place of what `out` held. False when it is no base64; padding is all that may
   stand behind. */
static bool decode(struct buf *out, struct str text, const unsigned char *sextets)
{
    const unsigned char *p = (const unsigned char *)text.p, *end = p + text.n;
    unsigned held = 0, bits = 0;

    buf_clear(out);
    bool good = buf_reserve(out, text.n + 1);
    char *to = out->p;

    while (good && p < end && *p != '=') {
        if (bits == 0)
            p = decode_groups(p, end, &to, sextets);
        unsigned value = p < end && *p != '=' ? sextets[*p++] : SKIPPED;
        good = value != FOREIGN;
        if (value >= SKIPPED)
            continue;
        held = held << 6 | value;
        bits = (bits + 6) % 8;
        if (bits < 6)
            *to++ = (char)(held >> bits);
    }
    for (; good && p < end; p++)
        good = *p == '=' || sextets[*p] == SKIPPED;
    out->n = good ? (size_t)(to - out->p) : 0;
    return good && bits < 6;
}

static char core_of(char c)
{
    if (c >= 'A' && c <= 'Z')
        return (char)(c | 0x20);
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ? c : '\0';
}

/* Without a branch for each byte: it is written always, and stays when it belongs there. */
static bool add_core(struct buf *out, struct str bytes)
{
    if (!buf_reserve(out, bytes.n + 1))
        return false;
    for (size_t i = 0; i < bytes.n; i++) {
        out->p[out->n] = core_of(bytes.p[i]);
        out->n += out->p[out->n] != '\0';
    }
    return true;
}

/* The content of the element of DER that comes next (X.690, 8.1), which is taken off. False when it is not
   whole. */
static bool cut_element(struct str *rest, struct str *content)
{
    const unsigned char *p = (const unsigned char *)rest->p;
    size_t head = 2, n = rest->n > 1 ? p[1] : SIZE_MAX;

    if (n >= 0x80 && n < 0x84) { /* so many bytes of length */
        head += n - 0x80;
        n = n > 0x80 ? 0 : SIZE_MAX;
        for (size_t i = 2; i < head && n != SIZE_MAX; i++)
            n = i < rest->n ? n << 8 | p[i] : SIZE_MAX;
    }
    if (n > rest->n || head > rest->n - n)
        return false;
    *content = str_slice(*rest, head, head + n);
    *rest = str_slice(*rest, head + n, rest->n);
    return true;
}

/* The subject of a certificate (RFC 5280, 4.1): behind version, serial number, algorithm, issuer and
   validity. */
static bool find_subject(struct str der, struct str *subject)
{
    struct str certificate, rest, skipped;

    if (!cut_element(&der, &certificate) || !cut_element(&certificate, &rest))
        return false;
    if (rest.n && (unsigned char)rest.p[0] == 0xa0 && !cut_element(&rest, &skipped))
        return false;
    for (int i = 0; i < 4; i++)
        if (!cut_element(&rest, &skipped))
            return false;
    return cut_element(&rest, subject);
}

static bool add_authority(struct ca_bundle *b, struct str text, struct buf *der)
{
    struct authority a = {.text = text, .core = b->cores.n};
    struct str subject;

    if (!decode(der, text, b->sextets) || !find_subject(buf_str(der), &subject) ||
        !add_core(&b->cores, subject))
        return false;
    a.core_n = b->cores.n - a.core;
    buf_add(&b->authorities, &a, sizeof a);
    return !b->authorities.failed;
}

/* What stands before the next `mark`, which is taken off with it; unset if there is none. */
static struct str cut_at(struct str *rest, const char *mark)
{
    const char *at = rest->n ? memmem(rest->p, rest->n, mark, strlen(mark)) : NULL;
    struct str before = {rest->p, at ? (size_t)(at - rest->p) : 0};

    if (!at)
        return STR_NONE;
    *rest = str_slice(*rest, before.n + strlen(mark), rest->n);
    return before;
}

/* Marks are lines of their own: an authority is taken out of such a file by spoiling its first one. */
static bool ends_line(struct str before)
{
    return !before.n || before.p[before.n - 1] == '\n';
}

static bool begins_line(struct str behind)
{
    return !behind.n || behind.p[0] == '\n' || behind.p[0] == '\r';
}

static bool find_authorities(struct ca_bundle *b)
{
    struct str rest = buf_str(&b->pem), before = cut_at(&rest, BEGIN), text;
    struct buf der = {0};
    bool good = true;

    make_sextets(b->sextets);
    for (; before.p && good; before = cut_at(&rest, BEGIN)) {
        good = ends_line(before) && str_starts(rest, LABEL);
        rest = str_slice(rest, strlen(LABEL), rest.n);
        text = cut_at(&rest, END);
        good = good && text.n && begins_line(text) && ends_line(text) && begins_line(rest) &&
               add_authority(b, text, &der);
    }
    buf_free(&der);
    return good && b->authorities.n;
}

struct ca_bundle *ca_bundle_open(const char *path)
{
    struct ca_bundle *b = calloc(1, sizeof *b);

    if (!b)
        return NULL;
    b->pem.ceiling = BUNDLE_BYTES;
    if (file_read(path, &b->pem) == OK && find_authorities(b))
        return b;
    ca_bundle_free(b);
    return NULL;
}

struct ca_bundle *ca_bundle_read(struct str pem)
{
    struct ca_bundle *b = calloc(1, sizeof *b);

    if (!b)
        return NULL;
    buf_add_str(&b->pem, pem);
    if (!b->pem.failed && find_authorities(b))
        return b;
    ca_bundle_free(b);
    return NULL;
}

static struct authority *authorities(const struct ca_bundle *b)
{
    return (struct authority *)(void *)b->authorities.p;
}

static size_t count(const struct ca_bundle *b)
{
    return b->authorities.n / sizeof(struct authority);
}

void ca_bundle_free(struct ca_bundle *b)
{
    if (!b)
        return;
    for (size_t i = 0; i < count(b); i++)
        X509_free(authorities(b)[i].parsed);
    buf_free(&b->pem);
    buf_free(&b->cores);
    buf_free(&b->authorities);
    free(b);
}

size_t ca_bundle_parsed(const struct ca_bundle *b)
{
    size_t parsed = 0;

    for (size_t i = 0; i < count(b); i++)
        parsed += authorities(b)[i].parsed != NULL;
    return parsed;
}

/* --- the search ------------------------------------------------------------------------------ */

/* Keep the core of the longest stretch of ASCII in `text`, if it is longer than what is kept. */
static bool keep_longest(struct buf *longest, struct str text)
{
    struct buf core = {0};
    bool good = true;

    while (text.n && good) {
        size_t n = 0;
        while (n < text.n && (unsigned char)text.p[n] < 0x80)
            n++;
        buf_clear(&core);
        good = add_core(&core, (struct str){text.p, n});
        if (core.n > longest->n) {
            buf_clear(longest);
            buf_add_str(longest, buf_str(&core));
        }
        text = str_slice(text, n < text.n ? n + 1 : n, text.n);
    }
    buf_free(&core);
    return good && !longest->failed;
}

/* What to look for when an authority of this name is wanted; nothing is in every core. */
static bool core_of_name(const X509_NAME *name, struct buf *core)
{
    bool good = true;

    for (int i = 0; i < X509_NAME_entry_count(name) && good; i++) {
        unsigned char *utf8 = NULL;
        int n = ASN1_STRING_to_UTF8(&utf8, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, i)));
        if (n > 0)
            good = keep_longest(core, (struct str){(const char *)utf8, (size_t)n});
        OPENSSL_free(utf8);
    }
    return good;
}

static bool parse(const struct ca_bundle *b, struct authority *a)
{
    struct buf der = {0};

    if (a->parsed || a->broken)
        return a->parsed;
    if (decode(&der, a->text, b->sextets)) {
        const unsigned char *p = (const unsigned char *)der.p;
        a->parsed = d2i_X509(NULL, &p, (long)der.n);
    }
    a->broken = !a->parsed;
    buf_free(&der);
    return a->parsed;
}

/* Put all that may bear the name into the store; one that is there already is not put twice. */
static bool supply(struct ca_bundle *b, X509_STORE *store, const X509_NAME *name)
{
    struct buf wanted = {0};
    bool good = core_of_name(name, &wanted);

    ERR_set_mark(); /* what is broken is not there: nothing to report of the next that goes wrong */
    for (size_t i = 0; i < count(b) && good; i++) {
        struct authority *a = &authorities(b)[i];
        bool fits = !wanted.n || memmem(b->cores.p + a->core, a->core_n, wanted.p, wanted.n);
        if (fits && parse(b, a))
            good = X509_STORE_add_cert(store, a->parsed);
    }
    ERR_pop_to_mark();
    buf_free(&wanted);
    return good;
}

/* --- what OpenSSL asks ----------------------------------------------------------------------- */

static int store_index(void)
{
    static int index = -1;

    if (index < 0)
        index = X509_STORE_get_ex_new_index(0, NULL, NULL, NULL, NULL);
    return index;
}

static bool supply_for(X509_STORE_CTX *context, const X509_NAME *name)
{
    X509_STORE *store = X509_STORE_CTX_get0_store(context);
    struct ca_bundle *b = X509_STORE_get_ex_data(store, store_index());

    return b && supply(b, store, name);
}

/* 1: found, with a count of its own; 0: there is none; -1: out of memory. */
static int find_issuer(X509 **issuer, X509_STORE_CTX *context, X509 *certificate)
{
    if (!supply_for(context, X509_get_issuer_name(certificate)))
        return -1;
    return X509_STORE_CTX_get1_issuer(issuer, context, certificate);
}

/* All of this name, each with a count of its own; NULL: none. */
static STACK_OF(X509) * find_all(X509_STORE_CTX *context, const X509_NAME *name)
{
    if (!supply_for(context, name))
        return NULL;
    return X509_STORE_CTX_get1_certs(context, name);
}

bool ca_bundle_serves(const char *tls_library)
{
    static const char name[] = "OpenSSL/";

    return tls_library && strncmp(tls_library, name, strlen(name)) == 0 &&
           strcmp(tls_library + strlen(name), OpenSSL_version(OPENSSL_VERSION_STRING)) == 0;
}

bool ca_bundle_lend_store(struct ca_bundle *b, X509_STORE *store)
{
    int index = store_index();

    if (index < 0 || !X509_STORE_set_ex_data(store, index, b))
        return false;
    X509_STORE_set_get_issuer(store, find_issuer);
    X509_STORE_set_lookup_certs(store, find_all);
    return true;
}

bool ca_bundle_lend(struct ca_bundle *b, SSL_CTX *context)
{
    return ca_bundle_lend_store(b, SSL_CTX_get_cert_store(context));
}

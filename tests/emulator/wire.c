/* Encodings on the wire. See wire.h. */
#include "wire.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <string.h>

static const char base64_alphabet[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

char *base64_encode(struct pool *pool, const void *bytes, size_t len)
{
    const unsigned char *in = bytes;
    char *out = pool_alloc(pool, (len + 2) / 3 * 4 + 1), *at = out;
    size_t i;

    for (i = 0; i < len; i += 3) {
        unsigned v = (unsigned)in[i] << 16;
        if (i + 1 < len)
            v |= (unsigned)in[i + 1] << 8;
        if (i + 2 < len)
            v |= in[i + 2];
        *at++ = base64_alphabet[v >> 18];
        *at++ = base64_alphabet[v >> 12 & 63];
        *at++ = i + 1 < len ? base64_alphabet[v >> 6 & 63] : '=';
        *at++ = i + 2 < len ? base64_alphabet[v & 63] : '=';
    }
    return out;
}

char *base64url_encode(struct pool *pool, const void *bytes, size_t len)
{
    char *text = base64_encode(pool, bytes, len), *at;

    for (at = text; *at; at++) {
        if (*at == '+')
            *at = '-';
        if (*at == '/')
            *at = '_';
    }
    while (at > text && at[-1] == '=')
        *--at = '\0';
    return text;
}

unsigned char *base64_decode(struct pool *pool, const char *text, size_t *len)
{
    size_t n = strlen(text), i, out_len = 0, pad = 0;
    unsigned char *out;
    uint32_t bits = 0;

    if (n % 4)
        return NULL;
    while (pad < 2 && n && text[n - 1] == '=') {
        n--;
        pad++;
    }
    out = pool_alloc(pool, n / 4 * 3 + 3);
    for (i = 0; i < n; i++) {
        const char *found = text[i] ? strchr(base64_alphabet, text[i]) : NULL;
        if (!found)
            return NULL;
        bits = bits << 6 | (uint32_t)(found - base64_alphabet);
        if (i % 4)
            out[out_len++] = (unsigned char)(bits >> (6 - 2 * (i % 4)));
    }
    *len = out_len;
    return out;
}

uint32_t crc32_ieee(const void *bytes, size_t len)
{
    const unsigned char *in = bytes;
    uint32_t crc = 0xffffffffu;
    size_t i;
    int bit;

    for (i = 0; i < len; i++) {
        crc ^= in[i];
        for (bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (0xedb88320u & (0u - (crc & 1)));
    }
    return ~crc;
}

static void put_u32(struct buf *out, uint32_t v)
{
    unsigned char b[4] = {(unsigned char)(v >> 24), (unsigned char)(v >> 16),
                          (unsigned char)(v >> 8), (unsigned char)v};

    buf_add(out, b, 4);
}

static void frame_header(struct buf *out, const char *name, const char *value)
{
    size_t len = strlen(value);

    buf_char(out, (char)strlen(name));
    buf_text(out, name);
    buf_char(out, 7);
    buf_char(out, (char)(len >> 8));
    buf_char(out, (char)len);
    buf_text(out, value);
}

void eventstream_frame(struct buf *out, const char *message_type, const char *type,
                       const char *payload, size_t len)
{
    struct buf headers = {out->pool, NULL, 0, 0};
    size_t start = out->len;

    frame_header(&headers, strcmp(message_type, "event") ? ":exception-type" : ":event-type", type);
    frame_header(&headers, ":content-type", "application/json");
    frame_header(&headers, ":message-type", message_type);
    put_u32(out, (uint32_t)(16 + headers.len + len));
    put_u32(out, (uint32_t)headers.len);
    put_u32(out, crc32_ieee(out->at + start, 8));
    buf_add(out, headers.at, headers.len);
    buf_add(out, payload, len);
    put_u32(out, crc32_ieee(out->at + start, out->len - start));
}

/* Python prints these characters as escapes although they are not control characters. */
static bool repr_unprintable(unsigned code)
{
    return (code >= 0x7f && code < 0xa1) || code == 0xad || (code >= 0x2000 && code <= 0x200f) ||
           (code >= 0x2028 && code <= 0x202f) || (code >= 0x205f && code <= 0x206f) ||
           code == 0x3000 || code == 0xfeff || (code >= 0xe000 && code <= 0xf8ff) ||
           (code >= 0xfff0 && code <= 0xfffb);
}

static unsigned utf8_take(const unsigned char **at)
{
    const unsigned char *s = *at;
    int i, n = s[0] < 0x80 ? 1 : s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4;
    unsigned code = n == 1 ? s[0] : s[0] & (0xffu >> (n + 1));

    for (i = 1; i < n && s[i]; i++)
        code = code << 6 | (s[i] & 0x3f);
    *at = s + i;
    return code;
}

static void repr_code(struct buf *out, const unsigned char *from, const unsigned char *to,
                      unsigned code, char quote)
{
    char text[16];

    if (code == '\n' || code == '\r' || code == '\t') {
        snprintf(text, sizeof text, "\\%c", code == '\n' ? 'n' : code == '\r' ? 'r' : 't');
    } else if (code == '\\' || code == (unsigned char)quote) {
        snprintf(text, sizeof text, "\\%c", (char)code);
    } else if (code < 0x20 || repr_unprintable(code)) {
        snprintf(text, sizeof text, code < 0x100 ? "\\x%02x" : "\\u%04x", code);
    } else {
        buf_add(out, from, (size_t)(to - from));
        return;
    }
    buf_text(out, text);
}

static void repr_string(struct buf *out, const char *text)
{
    const unsigned char *at = (const unsigned char *)text, *from;
    char quote = strchr(text, '\'') && !strchr(text, '"') ? '"' : '\'';

    buf_char(out, quote);
    while (*at) {
        unsigned code;
        from = at;
        code = utf8_take(&at);
        repr_code(out, from, at, code, quote);
    }
    buf_char(out, quote);
}

static void repr_members(struct buf *out, const cJSON *tree)
{
    const cJSON *item;
    bool object = cJSON_IsObject(tree);

    buf_char(out, object ? '{' : '[');
    cJSON_ArrayForEach(item, tree)
    {
        if (item != tree->child)
            buf_text(out, ", ");
        if (object) {
            repr_string(out, item->string);
            buf_text(out, ": ");
        }
        python_repr(out, item);
    }
    buf_char(out, object ? '}' : ']');
}

static void repr_number(struct buf *out, const cJSON *tree)
{
    char *text = cJSON_PrintUnformatted(tree);

    buf_text(out, text ? text : "0");
    cJSON_free(text);
}

void python_repr(struct buf *out, const cJSON *tree)
{
    if (cJSON_IsString(tree))
        repr_string(out, tree->valuestring);
    else if (cJSON_IsObject(tree) || cJSON_IsArray(tree))
        repr_members(out, tree);
    else if (cJSON_IsBool(tree))
        buf_text(out, cJSON_IsTrue(tree) ? "True" : "False");
    else if (cJSON_IsNull(tree))
        buf_text(out, "None");
    else
        repr_number(out, tree);
}

const char *media_kind(const unsigned char *bytes, size_t len)
{
    if (len >= 8 && !memcmp(bytes, "\x89PNG\r\n\x1a\n", 8))
        return "png";
    if (len >= 3 && !memcmp(bytes, "\xff\xd8\xff", 3))
        return "jpeg";
    if (len >= 6 && (!memcmp(bytes, "GIF87a", 6) || !memcmp(bytes, "GIF89a", 6)))
        return "gif";
    if (len >= 12 && !memcmp(bytes, "RIFF", 4) && !memcmp(bytes + 8, "WEBP", 4))
        return "webp";
    if (len >= 5 && !memcmp(bytes, "%PDF-", 5))
        return "pdf";
    return NULL;
}

uint64_t hash_bytes(uint64_t seed, const void *bytes, size_t len)
{
    const unsigned char *in = bytes;
    uint64_t h = seed ? seed : 14695981039346656037u;
    size_t i;

    for (i = 0; i < len; i++)
        h = (h ^ in[i]) * 1099511628211u;
    return h;
}

uint64_t hash_text(uint64_t seed, const char *text)
{
    return hash_bytes(seed, text, strlen(text));
}

char *seal_text(struct pool *pool, const char *purpose, const char *text)
{
    static const char key[] = "emulator signature key";
    struct buf all = {pool, NULL, 0, 0};
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned len = 0;

    buf_text(&all, purpose);
    buf_char(&all, '\n');
    buf_text(&all, text);
    HMAC(EVP_sha256(), key, (int)sizeof key - 1, (const unsigned char *)all.at, all.len, digest,
         &len);
    return base64_encode(pool, digest, len);
}

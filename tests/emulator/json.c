/* Strict JSON check and accessors. See json.h. */
#include "json.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_DEPTH = 200 };

struct scan {
    const char *at, *end;
    int depth;
    const char *why;
};

static size_t utf8_length(const unsigned char *s, size_t left)
{
    unsigned min;
    size_t i, n;
    unsigned code;

    if (s[0] < 0x80)
        return 1;
    if (s[0] < 0xc2 || s[0] > 0xf4)
        return 0;
    n = s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4;
    min = n == 2 ? 0x80 : n == 3 ? 0x800 : 0x10000;
    if (left < n)
        return 0;
    code = s[0] & (0xffu >> (n + 1));
    for (i = 1; i < n; i++) {
        if ((s[i] & 0xc0) != 0x80)
            return 0;
        code = code << 6 | (s[i] & 0x3f);
    }
    return code < min || code > 0x10ffff || (code >= 0xd800 && code < 0xe000) ? 0 : n;
}

bool utf8_valid(const char *text, size_t len)
{
    size_t i = 0, n;

    while (i < len) {
        n = utf8_length((const unsigned char *)text + i, len - i);
        if (!n)
            return false;
        i += n;
    }
    return true;
}

size_t utf8_prefix(const char *text, size_t len, size_t max)
{
    if (len <= max)
        return len;
    while (max > 0 && ((unsigned char)text[max] & 0xc0) == 0x80)
        max--;
    return max;
}

static bool scan_fail(struct scan *s, const char *why)
{
    if (!s->why)
        s->why = why;
    return false;
}

static void scan_space(struct scan *s)
{
    while (s->at < s->end && strchr(" \t\r\n", *s->at) && *s->at)
        s->at++;
}

static bool scan_digits(struct scan *s)
{
    const char *start = s->at;

    while (s->at < s->end && *s->at >= '0' && *s->at <= '9')
        s->at++;
    return s->at > start;
}

static bool scan_number(struct scan *s)
{
    if (*s->at == '-')
        s->at++;
    if (s->at < s->end && *s->at == '0')
        s->at++;
    else if (!scan_digits(s))
        return scan_fail(s, "invalid number");
    if (s->at < s->end && *s->at == '.') {
        s->at++;
        if (!scan_digits(s))
            return scan_fail(s, "invalid number");
    }
    if (s->at < s->end && (*s->at == 'e' || *s->at == 'E')) {
        s->at++;
        if (s->at < s->end && (*s->at == '+' || *s->at == '-'))
            s->at++;
        if (!scan_digits(s))
            return scan_fail(s, "invalid number");
    }
    return true;
}

static bool scan_escape(struct scan *s)
{
    int i;

    if (s->at >= s->end)
        return scan_fail(s, "unterminated string");
    if (*s->at != 'u')
        return strchr("\"\\/bfnrt", *s->at++) && s->at[-1] ? true : scan_fail(s, "invalid escape");
    for (i = 0, s->at++; i < 4; i++, s->at++)
        if (s->at >= s->end || !strchr("0123456789abcdefABCDEF", *s->at) || !*s->at)
            return scan_fail(s, "invalid \\u escape");
    return true;
}

static bool scan_string(struct scan *s)
{
    if (s->at >= s->end || *s->at != '"')
        return scan_fail(s, "expected a string");
    for (s->at++; s->at < s->end;) {
        unsigned char c = (unsigned char)*s->at++;
        if (c == '"')
            return true;
        if (c < 0x20)
            return scan_fail(s, "control character in a string");
        if (c == '\\' && !scan_escape(s))
            return false;
    }
    return scan_fail(s, "unterminated string");
}

static bool scan_value(struct scan *s);

static bool scan_member(struct scan *s, char close)
{
    if (close == ']')
        return scan_value(s);
    scan_space(s);
    if (!scan_string(s))
        return false;
    scan_space(s);
    if (s->at >= s->end || *s->at++ != ':')
        return scan_fail(s, "expected a colon");
    return scan_value(s);
}

static bool scan_members(struct scan *s, char close)
{
    if (++s->depth > MAX_DEPTH)
        return scan_fail(s, "nested too deeply");
    s->at++;
    scan_space(s);
    if (s->at < s->end && *s->at == close) {
        s->at++;
        s->depth--;
        return true;
    }
    for (;;) {
        if (!scan_member(s, close))
            return false;
        scan_space(s);
        if (s->at >= s->end)
            return scan_fail(s, "unexpected end");
        if (*s->at == close)
            break;
        if (*s->at++ != ',')
            return scan_fail(s, "expected a comma");
    }
    s->at++;
    s->depth--;
    return true;
}

static bool scan_word(struct scan *s, const char *word)
{
    size_t len = strlen(word);

    if ((size_t)(s->end - s->at) < len || memcmp(s->at, word, len))
        return scan_fail(s, "unexpected character");
    s->at += len;
    return true;
}

static bool scan_value(struct scan *s)
{
    scan_space(s);
    if (s->at >= s->end)
        return scan_fail(s, "unexpected end");
    switch (*s->at) {
    case '{':
        return scan_members(s, '}');
    case '[':
        return scan_members(s, ']');
    case '"':
        return scan_string(s);
    case 't':
        return scan_word(s, "true");
    case 'f':
        return scan_word(s, "false");
    case 'n':
        return scan_word(s, "null");
    default:
        break;
    }
    if (*s->at == '-' || (*s->at >= '0' && *s->at <= '9'))
        return scan_number(s);
    return scan_fail(s, "unexpected character");
}

cJSON *json_parse(struct pool *pool, const char *text, size_t len, const char **why)
{
    struct scan s = {text, text + len, 0, NULL};
    cJSON *tree;

    *why = NULL;
    if (!utf8_valid(text, len)) {
        *why = "not UTF-8";
        return NULL;
    }
    if (scan_value(&s)) {
        scan_space(&s);
        if (s.at != s.end)
            scan_fail(&s, "extra data after the value");
    }
    *why = s.why;
    if (s.why)
        return NULL;
    tree = pool_keep(pool, cJSON_ParseWithLength(text, len));
    if (!tree)
        *why = "unreadable value";
    return tree;
}

cJSON *json_get(const cJSON *object, const char *key)
{
    cJSON *item;

    if (!cJSON_IsObject(object))
        return NULL;
    item = cJSON_GetObjectItemCaseSensitive(object, key);
    return cJSON_IsNull(item) ? NULL : item;
}

const char *json_str(const cJSON *object, const char *key)
{
    const cJSON *item = json_get(object, key);

    return cJSON_IsString(item) ? item->valuestring : NULL;
}

double json_num(const cJSON *object, const char *key, double otherwise)
{
    const cJSON *item = json_get(object, key);

    return cJSON_IsNumber(item) ? item->valuedouble : otherwise;
}

bool json_true(const cJSON *object, const char *key)
{
    return cJSON_IsTrue(json_get(object, key));
}

bool word_in(const char *word, const char *const *list)
{
    for (; word && *list; list++)
        if (!strcmp(word, *list))
            return true;
    return false;
}

const cJSON *json_unknown(const cJSON *object, const char *const *known)
{
    const cJSON *item;

    cJSON_ArrayForEach(item, object)
    {
        if (item->string && !word_in(item->string, known))
            return item;
    }
    return NULL;
}

char *json_text(struct pool *pool, const cJSON *tree)
{
    char *printed = cJSON_PrintUnformatted(tree), *copy;

    if (!printed)
        return pool_copy(pool, "null", 4);
    copy = pool_copy(pool, printed, strlen(printed));
    cJSON_free(printed);
    return copy;
}

bool name_matches(const char *name, const char *extra, size_t max)
{
    size_t i;

    for (i = 0; name[i]; i++) {
        char c = name[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!plain && !strchr(extra, c))
            return false;
    }
    return i > 0 && i <= max;
}

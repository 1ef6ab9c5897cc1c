/* Addresses: which may be asked, and what they have in common. */
#include "base/str.h"
#include "http/pool.h"

static bool is_loopback(struct str host)
{
    if (str_is(host, "localhost") || str_is(host, "[::1]"))
        return true;
    for (size_t i = 0; i < host.n; i++)
        if (!strchr("0123456789.", host.p[i]))
            return false; /* 127.example.com is somewhere else */
    return str_starts(host, "127.");
}

/* The host of "host:port"; empty when it is not of that shape. */
static struct str host_of(struct str authority)
{
    size_t end = authority.n && authority.p[0] == '[' ? str_find(authority, "]") + 1
                                                      : str_find(authority, ":");

    if (end > authority.n || (end < authority.n && authority.p[end] != ':'))
        return STR_NONE;
    return str_slice(authority, 0, end);
}

bool http_url_allowed(const char *url, bool allow_plain)
{
    struct str s = str_from(url);
    bool secure = str_starts(s, "https://");

    if (!secure && !str_starts(s, "http://"))
        return false;
    s = str_slice(s, secure ? 8 : 7, s.n);
    if (memchr(s.p, '@', s.n)) /* an authority with a user, or meant to look like one */
        return false;
    struct str host = host_of(str_slice(s, 0, strcspn(s.p, "/?#\\")));
    return host.n && (secure || allow_plain || is_loopback(host));
}

bool url_origin(const char *url, char out[HOST_BYTES])
{
    const char *from = strstr(url, "://");
    size_t n = from ? (size_t)(from - url) + 3 + strcspn(from + 3, "/?#") : 0;

    if (n == 0 || n >= HOST_BYTES)
        return false;
    memcpy(out, url, n);
    out[n] = '\0';
    return true;
}

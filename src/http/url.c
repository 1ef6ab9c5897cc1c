/* Addresses: which may be asked, and what they have in common. */
#include "base/str.h"
#include "http/pool.h"

enum { DOMAIN_LABELS = 3 };

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

struct str http_url_host(const char *url)
{
    struct str s = str_from(url);
    size_t scheme = str_find(s, "://");

    if (scheme == s.n)
        return STR_NONE;
    s = str_slice(s, scheme + 3, s.n);
    if (memchr(s.p, '@', s.n)) /* an authority with a user, or meant to look like one */
        return STR_NONE;
    return host_of(str_slice(s, 0, strcspn(s.p, "/?#\\")));
}

bool http_url_allowed(const char *url, bool allow_plain)
{
    struct str s = str_from(url), host = http_url_host(url);
    bool secure = str_starts(s, "https://");

    if (!secure && !str_starts(s, "http://"))
        return false;
    return host.n && (secure || allow_plain || is_loopback(host));
}

/* "b.c.d.e" of "a.b.c.d.e"; unset where that could be everybody's, as "co.uk" is, or an address. */
static struct str domain_of(struct str host)
{
    struct str domain = host;
    size_t labels = 1;

    str_cut(&domain, '.');
    for (size_t i = 0; i < domain.n; i++)
        labels += domain.p[i] == '.';
    bool address = host.n && strchr("0123456789]", host.p[host.n - 1]);
    return labels < DOMAIN_LABELS || address ? STR_NONE : domain;
}

bool http_url_is_near(const char *url, const char *home)
{
    struct str host = http_url_host(url), there = http_url_host(home);
    struct str domain = domain_of(there);

    if (host.n == 0 || str_case_eq(host, there))
        return host.n > 0;
    if (!domain.n || host.n <= domain.n || host.p[host.n - domain.n - 1] != '.')
        return false;
    return str_case_eq(str_slice(host, host.n - domain.n, host.n), domain);
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

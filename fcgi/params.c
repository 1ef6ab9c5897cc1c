/* CGI variables (RFC 3875, and the web servers' additions). */
#include "params.h"

#include <string.h>

const char *params_get(char *const *env, const char *name)
{
    size_t n = strlen(name);

    for (; env && *env; env++)
        if (strncmp(*env, name, n) == 0 && (*env)[n] == '=')
            return *env + n + 1;
    return NULL;
}

static struct str get_str(char *const *env, const char *name)
{
    return str_from(params_get(env, name));
}

/* Is `variable` "NAME=value" with a name that is `prefix` and `name`? Then its value. */
static const char *value_of(const char *variable, struct str prefix, struct str name)
{
    if (variable[0] != prefix.p[0] || strncmp(variable, prefix.p, prefix.n) != 0 ||
        strncmp(variable + prefix.n, name.p, name.n) != 0)
        return NULL;
    variable += prefix.n + name.n;
    return *variable == '=' ? variable + 1 : NULL;
}

struct str params_header(char *const *env, const char *name)
{
    struct str prefix = STR("HTTP_"), rest = str_from(name);

    if (str_is(rest, "CONTENT_TYPE")) /* has no HTTP_ before it */
        return get_str(env, name);
    /* Apache puts REDIRECT_ before what it had before an internal redirect */
    if (str_starts(rest, "REDIRECT_")) {
        prefix = STR("REDIRECT_HTTP_");
        rest = str_slice(rest, 9, rest.n);
    }
    for (; env && *env; env++) {
        const char *value = value_of(*env, prefix, rest);
        if (value)
            return str_from(value);
    }
    return STR_NONE;
}

/* "http://host/path" (a request line in absolute form) without its beginning. */
static struct str strip_origin(struct str uri)
{
    size_t scheme = str_find(uri, "://");

    if (uri.n == 0 || uri.p[0] == '/' || scheme == uri.n)
        return uri;
    struct str rest = str_slice(uri, scheme + 3, uri.n);
    size_t slash = str_find(rest, "/");
    return str_slice(rest, slash, rest.n);
}

static bool is_mount_point(char *const *env, struct str path)
{
    struct str script = get_str(env, "SCRIPT_NAME"), info = get_str(env, "PATH_INFO");

    if (info.n && !str_is(info, "/"))
        return false;
    while (path.n && path.p[path.n - 1] == '/')
        path.n--;
    while (script.n && script.p[script.n - 1] == '/')
        script.n--;
    /* nginx and lighttpd at "/" name the whole path as script: that tells nothing */
    return info.n == 1 && str_eq(path, script);
}

void params_fill(char *const *env, struct exchange_request *out)
{
    struct str uri = strip_origin(get_str(env, "REQUEST_URI"));
    const char *method = params_get(env, "REQUEST_METHOD");

    out->method = method ? method : "GET";
    out->path = str_cut(&uri, '?');
    out->query = get_str(env, "QUERY_STRING");
    if (!out->query.n)
        out->query = uri;
    if (!out->path.n)
        out->path = get_str(env, "PATH_INFO");
    if (!out->path.n)
        out->path = get_str(env, "SCRIPT_NAME");
    out->root = is_mount_point(env, out->path);
    out->from = get_str(env, "REMOTE_ADDR");
}

int64_t params_length(char *const *env)
{
    struct str value = get_str(env, "CONTENT_LENGTH");
    long length;

    if (!value.n)
        return -1;
    return str_to_long(value, &length) && length >= 0 ? length : -2;
}

size_t params_size(char *const *env)
{
    size_t n = 0;

    for (; env && *env; env++)
        n += strlen(*env) + 1;
    return n;
}

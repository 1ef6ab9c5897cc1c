/*
 * What the responder keeps when it enters the sandbox: the files that it, the resolver and TLS read,
 * its state, its logs.
 *
 * Most are folders, since files are replaced by rename: rotated service keys, logs, resolv.conf.
 */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/file.h"
#include "base/log.h"
#include "base/sandbox.h"
#include "responder.h"

enum { PLACES_MAX = 256 };

struct places {
    struct arena *arena;
    struct sandbox_place at[PLACES_MAX];
    size_t n;
    bool failed; /* one does not fit, or there is no memory for it */
};

/* The system's own, read by the C library, its resolver modules and OpenSSL whenever they like. */
static const char *const system_folders[] = {
    "/usr", "/lib", "/lib64", "/nix/store", "/gnu/store",
    /* who answers for names, and what it keeps */
    "/run/systemd/resolve", "/run/resolvconf", "/run/NetworkManager", "/run/connman",
    "/run/netconfig", "/run/nscd", "/var/run/nscd", "/var/cache/nscd", "/var/db/nscd",
    "/var/lib/sss/mc", "/var/lib/sss/pipes",
    /* certificates */
    "/var/lib/ca-certificates",
    /* the kernel's */
    "/proc/sys", "/sys/devices/system/cpu", "/dev/null", "/dev/zero", "/dev/urandom",
    "/dev/random"};

/* For others than root /etc guards its secrets by their modes. Root gets what he needs of it: a
   file among them that is replaced is out of sight then until the responder starts anew. */
static const char *const root_files[] = {
    "/etc/resolv.conf", "/etc/hosts",     "/etc/nsswitch.conf",   "/etc/host.conf",
    "/etc/gai.conf",    "/etc/services",  "/etc/protocols",       "/etc/networks",
    "/etc/localtime",   "/etc/passwd",    "/etc/group",           "/etc/ld.so.cache",
    "/etc/ssl",         "/etc/pki",       "/etc/ca-certificates", "/etc/crypto-policies",
    "/etc/authselect",  "/etc/resolvconf"};

static void add(struct places *p, const char *path, enum sandbox_access access)
{
    if (p->n < PLACES_MAX)
        p->at[p->n++] = (struct sandbox_place){path, access};
    else
        p->failed = true;
}

/* The folder of a file; the file itself where that is the root of all. */
static void add_folder_of(struct places *p, const char *path, enum sandbox_access access)
{
    const char *slash = strrchr(path, '/');
    const char *folder = ".";

    if (slash == path)
        folder = path;
    else if (slash)
        folder = arena_cstr(p->arena, (struct str){path, (size_t)(slash - path)});
    if (folder)
        add(p, folder, access);
    else
        p->failed = true;
}

/* Where it is named, and where it is if that is a symbolic link. */
static void add_file(struct places *p, const char *path)
{
    char real[PATH_MAX];

    add_folder_of(p, path, SANDBOX_READ);
    if (!realpath(path, real) || strcmp(real, path) == 0)
        return;
    const char *copy = arena_cstr(p->arena, str_from(real));
    if (copy)
        add_folder_of(p, copy, SANDBOX_READ);
    else
        p->failed = true;
}

static void add_variable(struct places *p, const char *name, bool is_file)
{
    const char *path = getenv(name);

    if (path && *path == '/' && is_file)
        add_file(p, path);
    else if (path && *path == '/')
        add(p, path, SANDBOX_READ);
}

static void add_system(struct places *p)
{
    for (size_t i = 0; i < sizeof system_folders / sizeof *system_folders; i++)
        add(p, system_folders[i], SANDBOX_READ);
    if (geteuid() != 0)
        add(p, "/etc", SANDBOX_READ);
    for (size_t i = 0; geteuid() == 0 && i < sizeof root_files / sizeof *root_files; i++)
        add(p, root_files[i], SANDBOX_READ);
    add_variable(p, "SSL_CERT_FILE", true);
    add_variable(p, "CURL_CA_BUNDLE", true);
    add_variable(p, "OPENSSL_CONF", true);
    add_variable(p, "SSL_CERT_DIR", false);
    add_variable(p, "OPENSSL_MODULES", false);
    add_variable(p, "SERVICE_BINDING_ROOT", false);
    add_variable(p, "AICORE_HOME", false);
}

/* A log is opened anew after rotation; "/dev/stderr" and pipes are not rotated. */
static void add_log(struct places *p, const char *where)
{
    if (strncmp(where, "/dev/", 5) == 0 || strncmp(where, "/proc/", 6) == 0)
        add(p, where, SANDBOX_APPEND);
    else if (strchr(where, '/'))
        add_folder_of(p, where, SANDBOX_APPEND);
}

/* Those that the environment names, as src/http/anchors.c takes them. */
static void add_authorities(struct places *p)
{
    static const char *const variables[] = {"CURL_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR"};

    for (size_t i = 0; i < sizeof variables / sizeof *variables; i++) {
        const char *path = getenv(variables[i]);
        if (path && *path == '/')
            add(p, path, SANDBOX_READ);
    }
}

static void add_ours(struct places *p, const struct config *c)
{
    for (const struct config_file *f = c->files; f; f = f->next)
        add_file(p, f->path);
    if (c->http.ca_file)
        add_file(p, c->http.ca_file);
    add_authorities(p);
    add_log(p, c->log.destination);
    add_log(p, c->log.access);
    /* it must be there to be named; what is wrong with it is told when it is used */
    if (c->state_dir && file_make_private_folder(c->state_dir) == OK)
        add(p, c->state_dir, SANDBOX_OWN);
}

/* Of a CGI program, which starts anew for each request, only who debugs wants to know it. */
static void report(unsigned parts, unsigned missing, bool briefly)
{
    void (*say)(const char *format, ...) = briefly ? log_debug : log_info;
    struct buf text = {0};

    sandbox_describe(parts, &text);
    if (sandbox_is_left_out())
        say("sandbox: left out, as this is a build with a sanitizer");
    else
        say("sandbox: %.*s", STR_ARG(buf_str(&text)));
    if (missing && !sandbox_is_left_out()) {
        buf_clear(&text);
        sandbox_describe(missing, &text);
        say("sandbox: this kernel, or whoever started the process, does not let it have: %.*s",
            STR_ARG(buf_str(&text)));
    }
    buf_free(&text);
}

status confine(const struct config *c, const char *socket_path, bool cgi)
{
    struct places places = {.arena = arena_new(0)};
    unsigned parts = 0;

    if (!places.arena)
        return E_NOMEM;
    if (c->sandbox == CONFIG_SANDBOX_OFF) {
        if (!cgi)
            log_info("sandbox: off");
    } else {
        add_system(&places);
        add_ours(&places, c);
        if (socket_path)
            add_folder_of(&places, socket_path, SANDBOX_REMOVE);
        if (!places.failed)
            parts = sandbox_enter(places.at, places.n);
        report(parts, SANDBOX_WHOLE & ~parts, cgi);
    }
    arena_free(places.arena);
    if (c->sandbox != CONFIG_SANDBOX_REQUIRE || parts == SANDBOX_WHOLE)
        return OK;
    log_error("sandbox: the configuration requires it whole; see corelay doctor");
    return E_REFUSED;
}

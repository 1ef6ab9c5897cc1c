/* Service keys. See keys.h. */
#include "keys.h"

#include "pool.h"
#include "settings.h"
#include "tenant.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool file_write(const char *path, const struct buf *text)
{
    int fd;
    bool good;

    unlink(path);
    fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    good = fd >= 0 && write(fd, text->at, text->len) == (ssize_t)text->len;
    if (fd >= 0 && close(fd))
        good = false;
    if (!good)
        fprintf(stderr, "emulator: %s: %s\n", path, strerror(errno));
    return good;
}

static char *file_read(struct pool *pool, const char *path)
{
    char *text = pool_alloc(pool, 65536);
    FILE *file = fopen(path, "re");

    if (!file) {
        fprintf(stderr, "emulator: %s: %s\n", path, strerror(errno));
        return NULL;
    }
    text[fread(text, 1, 65535, file)] = '\0';
    fclose(file);
    return text;
}

static void write_identity(const struct tenant *t, const char *base, struct buf *out)
{
    buf_json(out, "'url':'%s/auth/%s','identityzone':%q,'identityzoneid':%q,'appname':%q,", base,
             t->name, t->name, t->zone_id, t->app_name);
    buf_json(out, "'serviceurls':{'AI_API_URL':%q}}\n", base);
}

static bool secret_key_write(struct pool *pool, const char *dir, const char *base,
                             const struct tenant *t)
{
    struct buf out = {pool, NULL, 0, 0};

    buf_json(&out, "{'clientid':%q,'clientsecret':%q,", t->client_id, t->client_secret);
    write_identity(t, base, &out);
    return file_write(pool_printf(pool, "%s/%s.json", dir, t->name), &out);
}

static bool x509_key_write(struct pool *pool, const char *dir, const char *base,
                           const struct tenant *t)
{
    char *certificate = file_read(pool, settings.client_cert);
    char *key = file_read(pool, settings.client_key);
    struct buf out = {pool, NULL, 0, 0};

    if (!certificate || !key)
        return false;
    buf_json(&out, "{'clientid':%q,'credential-type':'x509','certificate':%q,'key':%q,",
             t->client_id, certificate, key);
    buf_json(&out, "'certurl':'https://%s:%d/auth/%s',", settings.host, settings.tls_port, t->name);
    write_identity(t, base, &out);
    return file_write(pool_printf(pool, "%s/%s-x509.json", dir, t->name), &out);
}

bool keys_write(const char *dir, const char *base)
{
    struct pool pool = {NULL, NULL};
    bool good = true;
    size_t i;

    if (mkdir(dir, 0700) < 0 && errno != EEXIST) {
        fprintf(stderr, "emulator: %s: %s\n", dir, strerror(errno));
        return false;
    }
    for (i = 0; i < TENANT_COUNT; i++)
        good = secret_key_write(&pool, dir, base, &tenants[i]) && good;
    if (settings.tls_port >= 0 && settings.client_cert && settings.client_key)
        good = x509_key_write(&pool, dir, base, &tenants[0]) && good;
    pool_free(&pool);
    return good;
}

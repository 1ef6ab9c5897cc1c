/* Access records. */
#include "gate/record.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <syslog.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/jwrite.h"
#include "base/log.h"

enum {
    DESTINATION_OFF = -1,
    DESTINATION_SYSLOG = -2,
    FIELD_BYTES = 1024, /* of what callers choose; escaped it may be six times that */
    RECORD_BYTES = 64 * 1024
};

static struct {
    int fd; /* or a DESTINATION_ */
    char *path;
    pthread_mutex_t lock; /* a line must not go to what has taken a closed descriptor's number */
} self = {STDERR_FILENO, NULL, PTHREAD_MUTEX_INITIALIZER};

static void use(int fd, char *path)
{
    pthread_mutex_lock(&self.lock);
    if (self.fd > STDERR_FILENO)
        close(self.fd);
    free(self.path);
    self.fd = fd;
    self.path = path;
    pthread_mutex_unlock(&self.lock);
}

static int named_destination(const char *where)
{
    if (strcmp(where, "off") == 0)
        return DESTINATION_OFF;
    if (strcmp(where, "syslog") == 0)
        return DESTINATION_SYSLOG;
    return strcmp(where, "stderr") == 0 ? STDERR_FILENO : 0;
}

status record_open(const char *where)
{
    int fd = named_destination(where);

    if (fd) {
        use(fd, NULL);
        return OK;
    }
    fd = open(where, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (fd < 0)
        return E_IO;
    char *path = strdup(where);
    if (!path) {
        close(fd);
        return E_NOMEM;
    }
    use(fd, path);
    return OK;
}

void record_reopen(void)
{
    char *path = self.path ? strdup(self.path) : NULL;

    if (path && record_open(path))
        log_error("access log %s cannot be opened again", path);
    free(path);
}

/* A text that a caller or upstream chose: cut, and made UTF-8, so that it can neither keep the line
   from being written nor from being read. */
static void write_text(struct jwrite *w, const char *key, struct str s)
{
    char kept[FIELD_BYTES];
    size_t n = 0;

    while (s.n) {
        size_t length = str_utf8(s), taken = length ? length : 1;
        if (n + taken > sizeof kept)
            break;
        memcpy(kept + n, length ? s.p : "?", taken);
        n += taken;
        s = str_slice(s, taken, s.n);
    }
    jwrite_member_str(w, key, (struct str){kept, n});
}

static void maybe_text(struct jwrite *w, const char *key, struct str s)
{
    if (s.n)
        write_text(w, key, s);
}

static void write_usage(struct jwrite *w, const struct chat_usage *u)
{
    jwrite_member_object(w, "usage");
    jwrite_member_int(w, "input", u->input);
    jwrite_member_int(w, "cache_read", u->cache_read);
    jwrite_member_int(w, "cache_write", u->cache_write);
    jwrite_member_int(w, "output", u->output);
    if (u->reasoning >= 0)
        jwrite_member_int(w, "reasoning", u->reasoning);
    jwrite_end(w);
}

static void render(const struct record *r, struct jwrite *w)
{
    char when[CLOCK_TEXT_BYTES];

    clock_render(r->wall_ms, when);
    jwrite_object(w);
    jwrite_member_cstr(w, "time", when);
    write_text(w, "id", r->id);
    jwrite_member_cstr(w, "key", r->key_name);
    jwrite_member_cstr(w, "client", r->client);
    jwrite_member_cstr(w, "method", r->method);
    write_text(w, "path", r->path);
    jwrite_member_cstr(w, "dialect", r->dialect);
    maybe_text(w, "model", r->model);
    maybe_text(w, "target", r->target);
    if (r->family) {
        jwrite_member_cstr(w, "family", r->family);
        jwrite_member_bool(w, "lane", r->lane);
    }
    jwrite_member_bool(w, "stream", r->stream);
    if (r->mirror)
        jwrite_member_bool(w, "mirror", true);
    jwrite_member_int(w, "attempts", r->attempts);
    jwrite_member_int(w, "status", r->http_status);
    jwrite_member_int(w, "bytes_in", r->bytes_in);
    jwrite_member_int(w, "bytes_out", r->bytes_out);
    if (r->has_usage)
        write_usage(w, &r->usage);
    if (r->first_byte_ms >= 0)
        jwrite_member_int(w, "first_byte_ms", r->first_byte_ms);
    jwrite_member_int(w, "duration_ms", r->duration_ms);
    jwrite_member_cstr(w, "outcome", r->outcome);
    if (r->error)
        jwrite_member_cstr(w, "error", r->error);
    maybe_text(w, "detail", r->detail);
    maybe_text(w, "dropped", r->dropped);
    jwrite_end(w);
}

void record_write(const struct record *r)
{
    struct buf line = {.ceiling = RECORD_BYTES};
    struct jwrite w = jwrite_to(&line);

    render(r, &w);
    buf_add_char(&line, '\n');
    pthread_mutex_lock(&self.lock);
    if (line.failed) {
        log_error("no memory for an access record");
    } else if (self.fd == DESTINATION_SYSLOG) {
        syslog(LOG_INFO, "%.*s", (int)line.n - 1, line.p);
    } else if (self.fd != DESTINATION_OFF) {
        ssize_t n = write(self.fd, line.p, line.n);
        (void)n; /* there is nowhere left to complain */
    }
    pthread_mutex_unlock(&self.lock);
    buf_free(&line);
}

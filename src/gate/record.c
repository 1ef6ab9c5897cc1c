/* Access records. */
#include "gate/record.h"

#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <syslog.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/jwrite.h"
#include "base/log.h"

enum { DESTINATION_OFF = -1, DESTINATION_SYSLOG = -2, RECORD_BYTES = 16 * 1024 };

static _Atomic int destination = STDERR_FILENO;
static char *file_path;

status record_open(const char *where)
{
    int fd;

    if (strcmp(where, "off") == 0) {
        fd = DESTINATION_OFF;
    } else if (strcmp(where, "syslog") == 0) {
        fd = DESTINATION_SYSLOG;
    } else if (strcmp(where, "stderr") == 0) {
        fd = STDERR_FILENO;
    } else {
        fd = open(where, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
        if (fd < 0)
            return E_IO;
    }
    int old = atomic_exchange(&destination, fd);
    if (old > STDERR_FILENO)
        close(old);
    if (where != file_path) {
        free(file_path);
        file_path = fd > STDERR_FILENO ? strdup(where) : NULL;
    }
    return OK;
}

void record_reopen(void)
{
    if (file_path && record_open(file_path))
        log_error("access log %s cannot be opened again", file_path);
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
    jwrite_member_str(w, "id", r->id);
    jwrite_member_cstr(w, "key", r->key_name);
    jwrite_member_cstr(w, "client", r->client);
    jwrite_member_cstr(w, "method", r->method);
    jwrite_member_str(w, "path", r->path);
    jwrite_member_cstr(w, "dialect", r->dialect);
    jwrite_maybe_str(w, "model", r->model);
    jwrite_maybe_str(w, "target", r->target);
    if (r->family) {
        jwrite_member_cstr(w, "family", r->family);
        jwrite_member_bool(w, "lane", r->lane);
    }
    jwrite_member_bool(w, "stream", r->stream);
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
    jwrite_maybe_str(w, "detail", r->detail);
    jwrite_maybe_str(w, "dropped", r->dropped);
    jwrite_end(w);
}

void record_write(const struct record *r)
{
    int fd = atomic_load(&destination);
    struct buf line = {.ceiling = RECORD_BYTES};
    struct jwrite w = jwrite_to(&line);

    if (fd == DESTINATION_OFF)
        return;
    render(r, &w);
    if (!line.failed && fd == DESTINATION_SYSLOG) {
        syslog(LOG_INFO, "%.*s", STR_ARG(buf_str(&line)));
    } else if (!line.failed) {
        buf_add_char(&line, '\n');
        ssize_t n = write(fd, line.p, line.n);
        (void)n; /* there is nowhere left to complain */
    }
    buf_free(&line);
}

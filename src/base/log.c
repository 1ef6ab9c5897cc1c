/* Log destinations. A line is written with one write(2), so that processes can share a file. */
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <syslog.h>
#include <unistd.h>

#include "base/clock.h"

enum { LINE_BYTES = 4096 };

static struct {
    atomic_int level; /* enum log_level; a reload sets it while others log */
    atomic_bool bodies;
    bool to_syslog;
    int fd;
    char *path;
    pthread_mutex_t lock; /* guards the destination while it changes */
} self = {LOG_LEVEL_INFO, false, false, STDERR_FILENO, NULL, PTHREAD_MUTEX_INITIALIZER};

static const char *const names[] = {"error", "warning", "info", "debug"};

static void use(int fd, char *path, bool to_syslog)
{
    pthread_mutex_lock(&self.lock);
    if (self.fd > STDERR_FILENO)
        close(self.fd);
    free(self.path);
    self.fd = fd;
    self.path = path;
    self.to_syslog = to_syslog;
    pthread_mutex_unlock(&self.lock);
}

status log_open(const char *destination)
{
    if (strcmp(destination, "syslog") == 0) {
        openlog("corelay", LOG_PID, LOG_DAEMON);
        use(STDERR_FILENO, NULL, true);
        return OK;
    }
    if (strcmp(destination, "stderr") == 0) {
        use(STDERR_FILENO, NULL, false);
        return OK;
    }
    int fd = open(destination, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (fd < 0)
        return E_IO;
    char *path = strdup(destination);
    if (!path) {
        close(fd);
        return E_NOMEM;
    }
    use(fd, path, false);
    return OK;
}

void log_reopen(void)
{
    char *path = self.path ? strdup(self.path) : NULL;
    if (path && log_open(path))
        log_error("log file %s cannot be opened again: %s", path, strerror(errno));
    free(path);
}

void log_set_level(enum log_level level)
{
    atomic_store(&self.level, (int)level);
}

void log_set_bodies(bool on)
{
    atomic_store(&self.bodies, on);
}

bool log_enabled(enum log_level level)
{
    return (int)level <= atomic_load(&self.level);
}

bool log_level_parse(struct str word, enum log_level *out)
{
    for (int i = LOG_LEVEL_ERROR; i <= LOG_LEVEL_DEBUG; i++)
        if (str_is(word, names[i])) {
            *out = (enum log_level)i;
            return true;
        }
    return false;
}

/* What came from the network must not forge lines or drive a terminal, not with the eight-bit
   controls either (U+0080 to U+009F). */
static void make_printable(char *p, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if ((unsigned char)p[i] < 0x20 || p[i] == 0x7f)
            p[i] = ' ';
        if ((unsigned char)p[i] == 0xc2 && i + 1 < n && (unsigned char)p[i + 1] < 0xa0)
            p[i] = p[i + 1] = ' ';
    }
}

__attribute__((format(printf, 2, 0))) static void emit(enum log_level level, const char *format,
                                                       va_list args)
{
    char line[LINE_BYTES], now[CLOCK_TEXT_BYTES];

    if (!log_enabled(level))
        return;
    clock_render(clock_wall_ms(), now);
    int head = snprintf(line, sizeof line, "%s corelay[%d] %s: ", now, (int)getpid(), names[level]);
    int n = vsnprintf(line + head, sizeof line - (size_t)head - 1, format, args);
    if (n < 0)
        return;
    size_t length = (size_t)head + (size_t)n;
    if (length > sizeof line - 2)
        length = sizeof line - 2;
    make_printable(line + head, length - (size_t)head);
    pthread_mutex_lock(&self.lock);
    if (self.to_syslog) {
        static const int priority[] = {LOG_ERR, LOG_WARNING, LOG_INFO, LOG_DEBUG};
        syslog(priority[level], "%.*s", (int)(length - (size_t)head), line + head);
    } else {
        line[length++] = '\n';
        ssize_t written = write(self.fd, line, length);
        (void)written; /* there is nowhere left to complain */
    }
    pthread_mutex_unlock(&self.lock);
}

#define LOG_AT(level)                                                                              \
    va_list args;                                                                                  \
    va_start(args, format);                                                                        \
    emit(level, format, args);                                                                     \
    va_end(args)

void log_error(const char *format, ...)
{
    LOG_AT(LOG_LEVEL_ERROR);
}

void log_warning(const char *format, ...)
{
    LOG_AT(LOG_LEVEL_WARNING);
}

void log_info(const char *format, ...)
{
    LOG_AT(LOG_LEVEL_INFO);
}

void log_debug(const char *format, ...)
{
    LOG_AT(LOG_LEVEL_DEBUG);
}

void log_body(const char *what, struct str id, struct str body)
{
    if (atomic_load(&self.bodies))
        log_debug("%.*s %s (%zu bytes): %.*s", STR_ARG(id), what, body.n, STR_ARG(body));
}

/*
 * The log: one line of text per message, to stderr, syslog or a file.
 *
 * Access records (gate/record.h) are JSON lines and go where `log.access` says; this is for all the
 * rest. No secret, prompt or answer may be handed to it; bodies go through `log_body`, which is
 * silent unless the administrator has set `log.bodies`.
 */
#ifndef CORELAY_BASE_LOG_H
#define CORELAY_BASE_LOG_H

#include <stdbool.h>

#include "base/status.h"
#include "base/str.h"

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARNING, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

/* Where messages go: "stderr", "syslog", or the path of a file that is appended to (mode 0600).
   E_IO when the file cannot be opened; the old destination stays then. */
status log_open(const char *destination);
/* Open the file anew, after rotation. */
void log_reopen(void);

void log_set_level(enum log_level level);
void log_set_bodies(bool on);
bool log_enabled(enum log_level level);
/* "error", "warning", "info", "debug"; false for any other word. */
bool log_level_parse(struct str word, enum log_level *out);

void log_error(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_warning(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_info(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_debug(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* A request or answer body at debug level, only when bodies are switched on. `what` names it. */
void log_body(const char *what, struct str id, struct str body);

#endif

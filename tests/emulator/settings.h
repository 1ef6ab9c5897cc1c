/*
 * What the command line and POST /settings decide. Only the control port's thread changes it
 * while others read, hence the atomic members.
 */
#ifndef EMULATOR_SETTINGS_H
#define EMULATOR_SETTINGS_H

#include <cjson/cJSON.h>
#include <stdatomic.h>
#include <stdbool.h>

enum converse_encoding { CONVERSE_PYTHON, CONVERSE_JSON, CONVERSE_EVENTSTREAM };

struct settings {
    /* Command line only. */
    const char *host;
    int port, control_port, tls_port; /* 0 = any free one; tls_port -1 = no TLS */
    const char *keys_dir;
    const char *tls_cert, *tls_key, *tls_client_ca;
    const char *client_cert, *client_key; /* go into the X.509 service keys */
    bool quiet;

    /* May change while running. */
    atomic_int latency_ms;     /* before the first byte of every inference answer */
    atomic_int chunk_delay_ms; /* between the events of a stream */
    atomic_int token_ttl_s;
    atomic_int quota_rpm;         /* requests a minute of each model in each tenant; 0: no limit */
    atomic_int page_limit;        /* rows in one page of the deployment list */
    atomic_int converse_encoding; /* enum converse_encoding */
    const char *_Atomic sse_line_ending; /* "\n" or "\r\n"; NULL = what the family does */
    atomic_bool log_bodies;
    atomic_bool split_utf8; /* cut writes inside of multi-byte characters */
};

extern struct settings settings;

/* Take changes from a JSON object; returns NULL or the first key that is wrong. */
const char *settings_apply(const cJSON *changes);

/* Return to what the command line said. */
void settings_restore(void);

/* Remember the command line's values for settings_restore(). */
void settings_freeze(void);

#endif

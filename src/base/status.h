/*
 * The one status type of the whole gateway.
 *
 * A function that can fail returns `status`; OK is zero, so `if (s) return s;` reads naturally.
 * What a caller of the API gets to see is not this but a `struct chat_error` (chat/error.h).
 */
#ifndef CORELAY_BASE_STATUS_H
#define CORELAY_BASE_STATUS_H

typedef enum status_code {
    OK = 0,
    FAIL,        /* something else; the log says what */
    E_NOMEM,     /* out of memory */
    E_LIMIT,     /* a named ceiling was reached */
    E_SYNTAX,    /* the bytes are not what they should be */
    E_NOT_FOUND, /* no such file, member, model */
    E_IO,        /* the operating system refused */
    E_REFUSED,   /* the other side said no */
    E_TIMEOUT    /* a deadline passed */
} status;

/* A short English word for a log line, never NULL. */
const char *status_text(status s);

#endif

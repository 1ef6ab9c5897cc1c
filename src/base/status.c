/* Names of the status codes, for log lines. */
#include "base/status.h"

const char *status_text(status s)
{
    switch (s) {
    case OK:
        return "ok";
    case FAIL:
        return "failed";
    case E_NOMEM:
        return "out of memory";
    case E_LIMIT:
        return "limit reached";
    case E_SYNTAX:
        return "malformed";
    case E_NOT_FOUND:
        return "not found";
    case E_IO:
        return "input/output error";
    case E_REFUSED:
        return "refused";
    case E_TIMEOUT:
        return "timed out";
    }
    return "unknown";
}

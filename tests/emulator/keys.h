/* Service key files in SAP's shape that point at this program. */
#ifndef EMULATOR_KEYS_H
#define EMULATOR_KEYS_H

#include <stdbool.h>

/*
 * Write DIR/alpha.json, DIR/beta.json (mode 0600) and, if TLS and client certificate files
 * are set, DIR/alpha-x509.json. False after saying on stderr what failed.
 */
bool keys_write(const char *dir, const char *base);

#endif

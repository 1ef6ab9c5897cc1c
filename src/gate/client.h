/*
 * Which program is calling: for the record only, nothing is decided by it.
 */
#ifndef CORELAY_GATE_CLIENT_H
#define CORELAY_GATE_CLIENT_H

#include "base/str.h"

/* A name such as "Claude Code" (static text), by the User-Agent and x-client-name headers (either
   may be unset); "unknown" when neither tells. */
const char *client_recognise(struct str user_agent, struct str client_name);

#endif

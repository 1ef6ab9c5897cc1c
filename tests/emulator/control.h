/* The control port: faults, scripts, settings, request log, counters. See README.md. */
#ifndef EMULATOR_CONTROL_H
#define EMULATOR_CONTROL_H

#include "exchange.h"

void control_route(struct exchange *x);

#endif

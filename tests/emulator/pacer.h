/*
 * One thread that wakes parked connections when their pause is over and notices callers who
 * hang up meanwhile (a suspended connection is not watched by the HTTP library).
 */
#ifndef EMULATOR_PACER_H
#define EMULATOR_PACER_H

#include "exchange.h"

enum { PARK_FOREVER = -1 };

/* Start the thread; false with errno if that fails. */
bool pacer_start(void);

/* Wake everybody, refuse new pauses. Call before the listeners are stopped. */
void pacer_stop(void);

/* Free what the thread used; call after the listeners have stopped. */
void pacer_free(void);

/* Suspend the connection; it is resumed after delay_ms, on hang-up, or at the end. */
void pacer_park(struct parking *parking, int delay_ms);

/* Forget this connection's request; must be called before its memory goes. */
void pacer_forget(struct parking *parking);

/* Has the caller closed its side? */
bool pacer_gone(struct parking *parking);

/* Is the program about to end? */
bool pacer_stopping(void);

/* Wake connections that wait forever (faults were withdrawn). */
void pacer_release_hanging(void);

#endif

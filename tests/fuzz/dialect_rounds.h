/*
 * Any bytes as a request in one dialect; what could be read of it is then told back in the same
 * dialect, as a stream and as a whole answer, which must be JSON again.
 */
#ifndef CORELAY_TESTS_DIALECT_ROUNDS_H
#define CORELAY_TESTS_DIALECT_ROUNDS_H

#include "dialect/dialect.h"

void dialect_rounds(const struct dialect *dialect, struct str body);

#endif

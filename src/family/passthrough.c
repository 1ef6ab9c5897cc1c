/*
 * passthrough: a container of the customer's own, of which nothing is known. What callers send it
 * passes as it is (exchange/passthrough.c).
 */
#include "family/family.h"

const struct family family_passthrough = {.name = "passthrough", .wire = WIRE_NONE};

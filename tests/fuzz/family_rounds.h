/*
 * What fuzz targets of families have in common: any bytes as an answer (stream and whole) and, if
 * they are JSON, as a body on its way up.
 */
#ifndef CORELAY_TESTS_FAMILY_ROUNDS_H
#define CORELAY_TESTS_FAMILY_ROUNDS_H

#include <stdint.h>

#include "family/family.h"

/* Aborts when events come out of order, a stream read in two pieces differs from one read at once,
   or prepare makes something of a JSON body that is none. `models`: NULL at the end. */
void family_rounds(const struct family *family, const char *const *models, const uint8_t *data,
                   size_t size);

#endif

/*
 * float32 from decimal text and back, exactly as strtof and printf have it, where it is a matter of
 * millions: vectors of embeddings. Independent of the locale.
 */
#ifndef CORELAY_BASE_DECIMAL_H
#define CORELAY_BASE_DECIMAL_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/str.h"

/* The number that `*rest` begins with is taken off: the nearest float32, ties to even. False for what is
   no number of JSON (leading zeros and a bare point are let pass), too large for a float32, or longer than
   any program prints. */
bool decimal_take_float(struct str *rest, float *out);

/* The shortest of the forms %.6g to %.9g that is the same float32 again. It must be finite. */
void decimal_add_float(struct buf *out, float number);

#endif

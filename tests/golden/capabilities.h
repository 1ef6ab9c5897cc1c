/*
 * The capability matrix, derived from the golden cases: what becomes of each feature of each dialect
 * with each family, in one of three words.
 *
 *     lossless   the same meaning, and nothing declared as left out
 *     emulated   reached by other means (the case says which: "emulated: ..." in its section `call`),
 *                or with a loss that is declared
 *     refused    an error that says what cannot be had
 *
 * matrix.txt names dialects, families and features. A feature's cases are those whose name is the
 * feature's, but for the ending that says how the answer comes; of several the worst word counts.
 */
#ifndef CORELAY_TESTS_GOLDEN_CAPABILITIES_H
#define CORELAY_TESTS_GOLDEN_CAPABILITIES_H

#include "case_file.h"

struct capabilities;

/* Read matrix.txt below the folder of sources. NULL and a line on stdout when it cannot be read. */
struct capabilities *capabilities_new(const char *root);
void capabilities_free(struct capabilities *c);

/* Take a case into account: its dialect, family, and name without the ending ("image.address"). */
void capabilities_add(struct capabilities *c, struct str dialect, struct str family,
                      struct str feature, const struct case_file *really);

/* Compare doc/capabilities.md and src/cli/matrix.inc with what the cases say, or write them. Returns
   the number of faults, each told on stdout: cells without a case, stale files. */
unsigned capabilities_finish(struct capabilities *c, bool write);

#endif

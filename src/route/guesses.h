/*
 * Callers who try keys, counted by address in what all processes share (route/scoreboard.h).
 *
 * Behind one address may sit a whole company, with one program in it that has an old key. So an
 * address that has sent too many wrong keys within a minute is not shut out: keys that were good from
 * there before stay good. All others, right or wrong, are answered alike until the minute ends, so that
 * whoever guesses learns nothing.
 */
#ifndef CORELAY_ROUTE_GUESSES_H
#define CORELAY_ROUTE_GUESSES_H

#include "route/scoreboard.h"

/* An address as a number for the calls below: of IPv6 the first half, since a caller has all of the
   other. 0 for none (a Unix socket). */
uint64_t guesses_address(struct str text);

/* The time until keys of this address count again; 0: they do. `most` wrong ones a minute are
   allowed; 0: any number. */
int64_t guesses_wait_ms(const struct board_common *c, uint64_t address, int64_t most,
                        int64_t now_ms);

/* One wrong key more; how many that makes within this minute. */
uint32_t guesses_note_wrong(struct board_common *c, uint64_t address, int64_t now_ms);

/* A good key, by its hash; and whether it has been noted from this address. Of many the older ones are
   forgotten. */
void guesses_note_good(struct board_common *c, uint64_t address, struct str key_hash);
bool guesses_is_known(const struct board_common *c, uint64_t address, struct str key_hash);

#endif

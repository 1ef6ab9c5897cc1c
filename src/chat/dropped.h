/*
 * The list of what a translation or a rewrite had to leave out. Nothing is lost silently: the list
 * goes into the log and the response header X-Corelay-Dropped, or, in strict mode, into a 400.
 */
#ifndef CORELAY_CHAT_DROPPED_H
#define CORELAY_CHAT_DROPPED_H

#include <stdbool.h>

#include "base/arena.h"

struct dropped_item {
    struct str field; /* as the caller wrote it: "seed", "tools.web_search" */
    struct dropped_item *next;
};

struct dropped {
    struct arena *arena;
    struct dropped_item *first, *last;
};

/* Note a field once; `field` is copied. Characters that a header cannot hold become '_'. */
void dropped_add(struct dropped *list, struct str field);
void dropped_add_cstr(struct dropped *list, const char *field);

/* "a, b, c" in the list's arena; empty when there is nothing. At most 1000 bytes. */
struct str dropped_text(const struct dropped *list);

#endif

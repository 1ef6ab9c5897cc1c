/*
 * Building and writing lists of deployments: several pages into one list, one list into a file.
 * For deployment*.c only.
 */
#ifndef CORELAY_AICORE_DEPLOYMENT_LIST_H
#define CORELAY_AICORE_DEPLOYMENT_LIST_H

#include "aicore/deployment.h"
#include "base/buf.h"
#include "base/json.h"

/* A list in the making. Zero it first; it is spent by deployment_builder_finish or _drop. */
struct deployment_builder {
    struct deployment_list *list;
    struct deployment *items;
    size_t capacity;
};

/* Add the rows of {"count":N,"resources":[..]} that can be used and are not in the list yet.
   `*rows`: how many there were, usable or not; `*total`: what "count" says, else `*rows`. E_SYNTAX,
   E_NOMEM, E_LIMIT (more than DEPLOYMENT_LIST_MAX). */
status deployment_builder_add(struct deployment_builder *b, const struct json *page, size_t *rows,
                              int64_t *total);
/* Does the service run there, so that its catalogue is worth reading? */
bool deployment_builder_orchestrates(const struct deployment_builder *b);
/* Take the models of {"resources":[..]} that the orchestration service may call for; an answer that
   is none changes nothing. E_SYNTAX, E_NOMEM. */
status deployment_builder_catalogue(struct deployment_builder *b, const struct json *page);
/* The same from an earlier list, which may be NULL. E_NOMEM. */
status deployment_builder_keep_catalogue(struct deployment_builder *b,
                                         const struct deployment_list *earlier);
/* The list, which may be empty; NULL when out of memory. */
struct deployment_list *deployment_builder_finish(struct deployment_builder *b, int64_t fetched_s);
void deployment_builder_drop(struct deployment_builder *b);

/* "count":N,"resources":[..],"catalogue":{..} as members of the object that is open in `w`. */
struct jwrite;
void deployment_list_write(struct jwrite *w, const struct deployment_list *list);

#endif

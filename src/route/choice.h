/*
 * Private to src/route: one choice among the targets of a model, by health and strategy.
 */
#ifndef CORELAY_ROUTE_CHOICE_H
#define CORELAY_ROUTE_CHOICE_H

#include "route/pick.h"

struct candidate {
    const struct target *target;
    struct health health;
    enum health_state state;
    unsigned rank; /* the least is asked first */
    unsigned weight;
};

/* The target to be asked next of `p->model`; its turn is taken. False: nobody is left. */
bool choice_make(const struct route_pick *p, int64_t now_ms, struct candidate *out);

/* How it looks for a further round. */
struct outlook {
    bool usable;        /* somebody may be asked at once */
    bool starting;      /* somebody may not because it has yet to start */
    bool cooling;       /* nobody may, and somebody for want of quota */
    int64_t soonest_ms; /* when somebody may be asked again; 0: unknown */
};
void choice_outlook(const struct route_pick *p, const struct route_model *m, int64_t now_ms,
                    struct outlook *out);

struct health choice_health(const struct route_pick *p, const struct target *t);

#endif

/*
 * SAP's orchestration service: /v2/completion and /v2/embeddings of a deployment without a model of
 * its own. What the steps hand to each other.
 */
#ifndef EMULATOR_ORCHESTRATION_H
#define EMULATOR_ORCHESTRATION_H

#include "answer.h"

enum { MAX_MASKS = 200 };

struct mask {
    const char *from, *to;
};

struct orchestration {
    struct exchange *x;
    const cJSON *modules; /* config.modules */
    const cJSON *params;  /* of the model, NULL if there are none */
    const struct model *model;
    cJSON *messages;  /* history and template, filled in and masked */
    cJSON *templated; /* the same before masking */
    struct mask masks[MAX_MASKS];
    size_t mask_count;
    bool reversible;                 /* pseudonymization */
    const char *blocked;             /* what the output filter found, NULL if nothing */
    struct buf results;              /* intermediate_results, without the model's */
    int cached, written, written_1h; /* tokens */
};

/* Refuse in the service's words; returns false. */
bool orchestration_bad(struct exchange *x, unsigned status, const char *location,
                       const char *format, ...) __attribute__((format(printf, 4, 5)));

/* orchestration_schema.c: does the body fit the specification? NULL or what is wrong. */
const char *orchestration_fault(struct pool *pool, const char *schema, const cJSON *body);

/* orchestration_template.c: o->templated. False if the exchange was answered. */
bool orchestration_fill(struct orchestration *o);

/* orchestration_mask.c */
bool orchestration_mask(struct orchestration *o); /* o->messages */
char *orchestration_mask_text(struct orchestration *o, const cJSON *masking, const char *text);
const char *orchestration_unmask(struct orchestration *o, const char *text);

/* orchestration_filter.c: answers and returns false when the input is blocked; NULL or the category
   that the output filter finds in a text. */
bool orchestration_filter_input(struct orchestration *o);
const char *orchestration_filter_output(struct orchestration *o, const char *text);

/* orchestration_model.c: what the model refuses, and what it is asked. */
bool orchestration_read(struct orchestration *o, struct convo *c);

/* orchestration_render.c */
void orchestration_render(struct orchestration *o, const struct convo *c, const struct answer *a);

#endif

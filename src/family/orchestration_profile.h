/*
 * What stands around the model when a call goes through SAP's orchestration service: the configuration
 * makes it, the family sends it.
 */
#ifndef CORELAY_FAMILY_ORCHESTRATION_PROFILE_H
#define CORELAY_FAMILY_ORCHESTRATION_PROFILE_H

#include <stdint.h>

#include "base/str.h"

/* What the configuration puts around the model. Every text is JSON in the service's own words, checked
   when the configuration was read; unset means: not that module. */
struct orchestration_profile {
    const char *name;
    struct str masking, filtering, grounding, translation;
    struct str prompt_template; /* array of messages, appended to the conversation */
    struct str template_ref;    /* or a template of the prompt registry */
    struct str defaults;        /* of placeholders of the template */
    const char *question;       /* the placeholder that gets the user's last words; NULL: none */
    int64_t chunk_size;         /* of streams, characters; 0: the service's own */
    struct str delimiters;      /* array of texts */
    struct orchestration_profile *next;
};

#endif

/*
 * Private to src/config: the shapes of what the section "orchestration" hands on to the service.
 */
#ifndef CORELAY_CONFIG_ORCHESTRATION_H
#define CORELAY_CONFIG_ORCHESTRATION_H

#include "config/shape.h"

extern const struct shape orchestration_masking, orchestration_filtering, orchestration_grounding,
    orchestration_translation, orchestration_template, orchestration_template_ref,
    orchestration_defaults, orchestration_delimiters;

#endif

/*
 * What is known of a model: limits and the parameters that it refuses. Data, in model.c, by name
 * pattern; the configuration may override each field.
 */
#ifndef CORELAY_FAMILY_MODEL_H
#define CORELAY_FAMILY_MODEL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

enum model_trait {
    MODEL_REASONING = 1 << 0,        /* OpenAI: takes reasoning_effort, refuses sampling */
    MODEL_NO_STOP = 1 << 1,          /* refuses `stop` */
    MODEL_NO_PARALLEL = 1 << 2,      /* refuses parallel_tool_calls */
    MODEL_NO_SAMPLING = 1 << 3,      /* Claude: refuses temperature, top_p, top_k */
    MODEL_ADAPTIVE_ONLY = 1 << 4,    /* Claude: refuses thinking.type enabled */
    MODEL_ADAPTIVE = 1 << 5,         /* Claude: takes thinking.type adaptive and an effort */
    MODEL_NO_PREFILL = 1 << 6,       /* refuses a last message of the assistant */
    MODEL_ONE_SAMPLING = 1 << 7,     /* Claude 4.5+: temperature and top_p exclude each other */
    MODEL_FORMAT_NATIVE = 1 << 8,    /* Claude: takes output_config.format */
    MODEL_CACHE_TTL = 1 << 9,        /* takes cache_control.ttl */
    MODEL_SIGNED_CALLS = 1 << 10,    /* Gemini 3: wants thoughtSignature on replayed calls */
    MODEL_THINKING_LEVEL = 1 << 11,  /* Gemini 3: thinkingLevel rather than thinkingBudget */
    MODEL_TOOLS_NO_EFFORT = 1 << 12, /* GPT 5.4+: tools on chat completions only with effort none */
    MODEL_RESPONSES_ONLY = 1 << 13,  /* answers on /responses alone */
    MODEL_NO_TOOLS = 1 << 14,        /* Perplexity */
    MODEL_THINKING = 1 << 15         /* can think at all (Claude, Gemini) */
};

struct family_model {
    struct str name;        /* SAP's name */
    unsigned traits;        /* enum model_trait */
    int64_t context;        /* tokens; 0 unknown */
    int64_t max_output;     /* tokens; 0 unknown */
    struct str api_version; /* azure-openai: overrides the default; "none" sends none */
    struct str cache_ttl;   /* Bedrock: "1h" sets the ttl of breakpoints that have none */
    bool lift_system;       /* instructions amid the messages join the system prompt */
};

/* Fill `out` from the table: the first row whose pattern matches `name`; without one, all unknown. */
void model_describe(struct str name, struct family_model *out);

/* The trait's word in the configuration ("reasoning", "no_stop", ...); 0 for any other word. */
unsigned model_trait_parse(struct str word);

#endif

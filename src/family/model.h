/*
 * What is known of a model: limits, the parameters that it refuses, how it is told to think. Data,
 * by name pattern: models.json, which is built in, and rows of the configuration in front of it.
 */
#ifndef CORELAY_FAMILY_MODEL_H
#define CORELAY_FAMILY_MODEL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/json.h"
#include "chat/request.h"

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
    MODEL_THINKING = 1 << 15,        /* can think at all (Claude, Gemini) */
    MODEL_THINKS_ALWAYS = 1 << 16,   /* Gemini pro: cannot be told not to think */
    MODEL_FIXED_DIMENSIONS = 1 << 17,   /* embeddings of one length: refuses dimensions */
    MODEL_SPEAKS_AFTER_TOOLS = 1 << 18, /* Mistral: refuses a user message behind tool results */
    MODEL_NO_IMAGES = 1 << 19           /* sees no images: they are refused */
};

/* A bit per enum chat_effort. */
#define MODEL_EFFORT(effort) (1u << (effort))

struct family_model {
    struct str name;                   /* SAP's name */
    unsigned traits;                   /* enum model_trait */
    unsigned efforts;                  /* MODEL_EFFORT of each that it takes; 0 unknown */
    int64_t least_budget, most_budget; /* of thinking, in tokens; 0 unknown */
    int64_t context;                   /* tokens; 0 unknown */
    int64_t max_output;                /* tokens; 0 unknown */
    int64_t cache_minimum;  /* tokens of the shortest prompt that is cached at breakpoints; 0: the
                              model refuses breakpoints, or nobody knows */
    struct str api_version; /* azure-openai: overrides the default; "none" sends none */
    struct str cache_ttl;   /* Bedrock: "1h" sets the ttl of breakpoints that have none */
    bool no_breakpoints;    /* none but the caller's own are set */
    bool lift_system;       /* instructions amid the messages join the system prompt */
    const struct model_rule *rule; /* the row that all this is from, NULL: none matched */
};

/* One row. Its text lives as long as the rules that it belongs to. */
struct model_rule {
    const char *pattern;         /* of SAP's names; `*` stands for any text */
    const char *evidence, *date; /* who saw it, and when; NULL: the row does not say */
    const char *source;          /* "built-in[3]", "FILE: model_rules[3]" */
    struct family_model model;   /* without name */
    const struct model_rule *next;
};

/* Read rows, the format of models.json: an array of objects with the members `model` (the pattern),
   `traits`, `efforts`, `thinking_budget`, `context_tokens`, `max_output_tokens`,
   `cache_minimum_tokens`, `evidence` and `date`. On success OK and the first row in `*out` (NULL for an empty array), everything in `arena`.
   E_SYNTAX with a line per offence in `problems`, each beginning with `where` ("rules.json: ", "c.json: model_rules") and the
   number of the row; E_NOMEM. */
status model_rules_read(struct arena *arena, const struct json *rows, const char *where,
                        struct buf *problems, const struct model_rule **out);

/* The rows of models.json: parsed once, never freed; any thread may ask. */
const struct model_rule *model_rules_builtin(void);

/* Fill `out` from the first row whose pattern matches `name`: of `own` (may be NULL), else of those
   built in; without one, all is unknown. A version behind a colon does not count. */
void model_describe_by(const struct model_rule *own, struct str name, struct family_model *out);
void model_describe(struct str name, struct family_model *out); /* by those built in */

/* The effort nearest to `wanted` among those that the model takes, else among `otherwise` (as
   family_model.efforts); of two as near the lower. UNSET when nothing is known. */
enum chat_effort model_fit_effort(const struct family_model *model, unsigned otherwise,
                                  enum chat_effort wanted);

/* The trait's word in the configuration ("reasoning", "no_stop", ...); 0 for any other word. */
unsigned model_trait_parse(struct str word);
/* The words of all these traits, in the order of the enum; NULL when out of memory. */
const char *model_trait_words(struct arena *arena, unsigned traits);

#endif

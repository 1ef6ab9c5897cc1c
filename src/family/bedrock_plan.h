/*
 * What both Bedrock families settle before they write a request: turns that alternate and in which
 * every call has its result, how much the model shall think, and how structured output is had.
 */
#ifndef CORELAY_FAMILY_BEDROCK_PLAN_H
#define CORELAY_FAMILY_BEDROCK_PLAN_H

#include "chat/dropped.h"
#include "chat/error.h"
#include "chat/request.h"
#include "family/model.h"
#include "base/status.h"

/* --- turns ----------------------------------------------------------------------------------- */

struct bedrock_turns {
    struct chat_message *messages; /* user and assistant in turn, the first one user's */
    struct chat_part *system;      /* text parts, in order */
    struct chat_cache tools;       /* a breakpoint of our own behind the last tool */
};

/* The request's messages as turns; the request stays as it is.

   Empty text goes; calls have ids that match ^[a-zA-Z0-9_-]{1,64}$ (the same for the same), and
   each has its result right behind it, in the order of the calls: one that the caller gave later is
   brought forward, one that is missing is made up. A result of no call becomes text. Unsigned
   thinking is left out (and declared). Instructions amid the messages stay there as text of the
   user's, unless the model's rules want them lifted. E_NOMEM. */
status bedrock_turns_of(struct arena *arena, const struct chat_request *request,
                        const struct family_model *model, struct bedrock_turns *out,
                        struct dropped *dropped);

/* Breakpoints of our own, for callers whose API has none (it caches by itself, as these models do
   not): behind the tools, behind the system prompt, and at the end of the last two turns of the
   user, so that a conversation finds what its turn before has left. None if the request has any,
   or is too short for the model's cache, or is one question without tools, which nobody will ask
   again. `takes` says behind which parts of a message upstream allows one; NULL: all. */
void bedrock_set_breakpoints(const struct chat_request *request, const struct family_model *model,
                             bool (*takes)(const struct chat_part *part),
                             struct bedrock_turns *turns);

/* What upstream takes of all breakpoints, the caller's and our own: those of messages where it allows
   one (`takes`, as above), and four at the most, of which the earliest of the messages are given up.
   The others are unset and declared. `tools`: those of tools go up, too. */
void bedrock_keep_breakpoints(const struct chat_request *request, bool tools,
                              bool (*takes)(const struct chat_part *part),
                              struct bedrock_turns *turns, struct dropped *dropped);

/* Is the model to go on with a message of the assistant (a prefill)? */
bool bedrock_ends_with_assistant(const struct bedrock_turns *turns);
/* E_SYNTAX and `*err` if it is, and the model refuses that. */
status bedrock_refuse_prefill(struct arena *arena, const struct chat_request *request,
                              const struct bedrock_turns *turns, const struct family_model *model,
                              struct chat_error *err);

/* Does the request go on behind calls that were made without (signed) thinking? */
bool bedrock_continues_without_thinking(const struct bedrock_turns *turns);

/* The arguments of a call as a JSON object: others are wrapped, {"raw_arguments": "..."}.
   The pointer is NULL when out of memory. */
struct str bedrock_arguments(struct arena *arena, struct str arguments);

/* A tool's schema as upstream takes it: an object that says "type". The pointer is NULL when out of
   memory. */
struct str bedrock_schema(struct arena *arena, struct str schema);

/* E_SYNTAX and `*err` for what no model on Bedrock can do: several answers, audio, images by
   address or of an unknown kind; with `only_pdf`, documents that are neither PDF nor text. What is
   merely left out is declared. */
status bedrock_check(struct arena *arena, const struct chat_request *request, bool only_pdf,
                     struct dropped *dropped, struct chat_error *err);

/* A temperature within 0..1, as JSON text; unset if the request has none. */
struct str bedrock_temperature(const struct chat_request *request, struct dropped *dropped);

/* --- thinking -------------------------------------------------------------------------------- */

enum bedrock_think { BEDROCK_THINK_OFF, BEDROCK_THINK_BUDGET, BEDROCK_THINK_ADAPTIVE };

struct bedrock_thinking {
    enum bedrock_think kind;
    int64_t budget;     /* BUDGET: 1024 or more, and less than max_tokens */
    const char *effort; /* "low", ... or NULL: not said */
};

/* What the request's wish means for the model (by its traits). A wish that it cannot have is
   declared. */
struct bedrock_thinking bedrock_plan_thinking(const struct chat_request *request,
                                              const struct family_model *model, int64_t max_tokens,
                                              struct dropped *dropped);

/* The request's limit, as far as the model has it (else that is declared); without one the model's,
   else 4096. */
int64_t bedrock_max_tokens(const struct chat_request *request, const struct family_model *model,
                           struct dropped *dropped);

/* --- structured output ----------------------------------------------------------------------- */

/* The tool whose arguments are the answer; the readers turn its call back into text. */
#define BEDROCK_ANSWER_TOOL "json_output"

struct bedrock_format {
    bool native; /* by the model's own output_config.format */
    bool tool;   /* by a call of BEDROCK_ANSWER_TOOL.. */
    bool forced; /* ..that the model must make, if no other */
    bool alone;  /* ..and the only tool there is to choose */
    struct str schema;
    struct str instruction; /* a last word of the system prompt; may be unset */
};

/* Any JSON object is asked for by instruction: a tool without a schema tempts a model to answer {}.
   A schema is given natively where the model has that, else as a tool. Models refuse forced tools
   while they think: then the choice is free and an instruction asks for the call. */
struct bedrock_format bedrock_plan_format(const struct chat_request *request, bool native,
                                          bool thinking);

#endif

/*
 * The hub's request: what a caller wants of a model, whichever dialect it was said in.
 *
 * Dialects fill it, families read it. It is plain data in the request's arena: text is unescaped
 * UTF-8 (it may hold NUL), and everything whose inner structure is nobody's business here (tool
 * schemas, tool arguments, numbers) is kept as the JSON text it came with, so that no digit is lost.
 * "Unset" is an empty `struct str` (n == 0), -1 for flags, and the _UNSET value of an enum.
 */
#ifndef CORELAY_CHAT_REQUEST_H
#define CORELAY_CHAT_REQUEST_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/status.h"
#include "base/str.h"

/* The wire formats of dialects and families; equal on both sides = the lane. */
enum chat_wire {
    WIRE_NONE,
    WIRE_OPENAI_CHAT,
    WIRE_OPENAI_RESPONSES,
    WIRE_ANTHROPIC_MESSAGES,
    WIRE_GEMINI,
    WIRE_OPENAI_COMPLETIONS /* of a dialect alone */
};

enum chat_role { CHAT_SYSTEM, CHAT_DEVELOPER, CHAT_USER, CHAT_ASSISTANT };

enum chat_part_kind {
    CHAT_TEXT,
    CHAT_IMAGE,
    CHAT_DOCUMENT, /* a file: PDF, text */
    CHAT_AUDIO,
    CHAT_THINKING,          /* assistant only */
    CHAT_REDACTED_THINKING, /* assistant only: opaque `data` */
    CHAT_TOOL_CALL,         /* assistant only */
    CHAT_TOOL_RESULT,       /* user only */
    CHAT_REFUSAL            /* assistant only */
};

/* Signatures of thinking begin with a mark of their maker, so that no other family takes them for
   its own when a conversation moves to another model. Those without a mark are Claude's. */
#define CHAT_MARK                "crly_"
#define CHAT_RESPONSES_SIGNATURE CHAT_MARK "rs_" /* what follows is encrypted_content */
#define CHAT_GOOGLE_SIGNATURE    CHAT_MARK "gs_" /* what follows is thoughtSignature */

/* How what a signature of ours for Gemini clients begins: base64 of "crly" and a letter. A Gemini
   model must not be shown it. */
#define CHAT_GEMINI_PACKET "Y3JseX"

/* A prompt cache breakpoint behind a part, tool or system text (Anthropic `cache_control`). */
struct chat_cache {
    bool set;
    struct str ttl; /* "5m", "1h" or unset */
};

struct chat_part {
    enum chat_part_kind kind;
    struct str text;           /* TEXT, THINKING, REFUSAL; of a DOCUMENT given as plain text */
    struct str id;             /* TOOL_CALL, TOOL_RESULT: the call's id in the caller's dialect */
    struct str name;           /* TOOL_CALL: the tool; TOOL_RESULT: the same, when known; DOCUMENT:
                              file name or title */
    struct str arguments;      /* TOOL_CALL: JSON text; an object unless the caller broke it */
    struct str signature;      /* THINKING, TOOL_CALL, TEXT: opaque, byte for byte */
    struct str media_type;     /* IMAGE, DOCUMENT, AUDIO: "image/png" */
    struct str data;           /* base64 text; REDACTED_THINKING: opaque */
    struct str url;            /* IMAGE, DOCUMENT given by address; else unset */
    struct str detail;         /* IMAGE: "low", "high", "auto" */
    bool error;                /* TOOL_RESULT: the tool failed */
    bool cite;                 /* DOCUMENT: the answer shall say what it has from it */
    struct chat_part *content; /* TOOL_RESULT: text, image and document parts */
    struct chat_cache cache;
    struct chat_part *next;
};

/* Tool results stand in user messages, first; neighbours of one role may occur, families that need
   alternation merge them (chat_merge_roles). */
struct chat_message {
    enum chat_role role;
    struct str name;
    struct chat_part *parts;
    struct chat_message *next;
};

/* What the caller calls a tool that is a function to everybody else (Responses API). */
enum chat_tool_form {
    CHAT_TOOL_FUNCTION,
    CHAT_TOOL_CUSTOM, /* free text: the function's one argument is the string "input" */
    CHAT_TOOL_SEARCH,
    CHAT_TOOL_LOCAL_SHELL,
    CHAT_TOOL_SHELL,
    CHAT_TOOL_PATCH
};

struct chat_tool {
    struct str name, description;
    struct str schema; /* JSON text of an object; unset: no parameters */
    int strict;        /* -1 unset */
    struct chat_cache cache;
    enum chat_tool_form form;           /* for the dialect alone, as are */
    struct str given_name, given_space; /* the caller's name and namespace where `name` is made */
    struct chat_tool *next;
};

enum chat_choice {
    CHAT_CHOICE_UNSET,
    CHAT_CHOICE_AUTO,
    CHAT_CHOICE_REQUIRED,
    CHAT_CHOICE_ONE,
    CHAT_CHOICE_NONE
};

enum chat_format { CHAT_FORMAT_TEXT, CHAT_FORMAT_JSON, CHAT_FORMAT_SCHEMA };

/* How much thinking: by budget (tokens) or by effort, families turn one into the other. */
enum chat_thinking {
    CHAT_THINKING_UNSET,
    CHAT_THINKING_OFF,
    CHAT_THINKING_ADAPTIVE,
    CHAT_THINKING_BUDGET,
    CHAT_THINKING_EFFORT
};

enum chat_effort {
    CHAT_EFFORT_UNSET,
    CHAT_EFFORT_NONE,
    CHAT_EFFORT_MINIMAL,
    CHAT_EFFORT_LOW,
    CHAT_EFFORT_MEDIUM,
    CHAT_EFFORT_HIGH,
    CHAT_EFFORT_XHIGH,
    CHAT_EFFORT_MAX
};

struct chat_stop_sequence {
    struct str text;
    struct chat_stop_sequence *next;
};

struct chat_request {
    struct str model; /* as the caller wrote it */
    bool stream;

    struct chat_message *messages; /* system and developer messages stand where they were said */
    bool system_apart; /* the first of them was given apart from the caller's own list */
    struct chat_tool *tools;
    enum chat_choice choice;
    struct str choice_name; /* CHAT_CHOICE_ONE */
    int parallel_calls;     /* -1 unset, 0 forbidden, 1 allowed */

    int64_t max_tokens; /* -1 unset */
    struct chat_stop_sequence *stops;
    struct str temperature, top_p, top_k;                             /* JSON numbers as written */
    struct str frequency_penalty, presence_penalty, seed, logit_bias; /* JSON text as written */
    int64_t n;                                                        /* -1 unset */
    int logprobs;                                                     /* -1 unset */
    int64_t top_logprobs;                                             /* -1 unset */

    enum chat_thinking thinking;
    int64_t thinking_budget; /* CHAT_THINKING_BUDGET */
    enum chat_effort effort; /* may also stand beside ADAPTIVE */
    int show_thinking;       /* -1 unset, 0: the caller does not want to see it */

    enum chat_format format;
    struct str format_name, format_description, format_schema; /* schema: JSON text */
    int format_strict;                                         /* -1 unset */

    struct str user;             /* an opaque end-user id */
    struct str prompt_cache_key; /* affinity hint */
    bool cached_unasked; /* the caller's API has no breakpoints: prompts are cached by themselves */
    struct str verbosity, service_tier;
    struct str betas; /* anthropic-beta header, comma separated */

    bool include_usage; /* chat completions: the caller wants the usage chunk */
    bool legacy_calls;  /* chat completions: tools came as `functions`, calls go the same way */
    struct str echo;    /* responses: members that the answer repeats, as JSON text; completions:
                           the prompt, which the answer is to begin with */
};

/* A request with everything unset. */
void chat_request_init(struct chat_request *r);

/* Append in order; NULL when out of memory. `**at` is the list's end and moves on. */
struct chat_message *chat_add_message(struct arena *arena, struct chat_message ***at,
                                      enum chat_role role);
struct chat_part *chat_add_part(struct arena *arena, struct chat_part ***at,
                                enum chat_part_kind kind);

/* Join neighbouring messages of one role (system and developer count as one); parts keep their
   order, except that tool results come first in a user message. Changes the list in place. */
void chat_merge_roles(struct chat_message *messages);

/* The messages once more, with system and developer messages that stand behind the first word of
   user or assistant turned into user messages, each text of theirs within these marks. Those that
   would part an assistant's calls from their results stay as they are. The list is new, its parts
   are borrowed or new; it may hold messages without parts. E_NOMEM. See late_system.c. */
#define CHAT_LATE_SYSTEM_OPEN  "<system>\n"
#define CHAT_LATE_SYSTEM_CLOSE "\n</system>"
status chat_tell_late_system(struct arena *arena, const struct chat_message *messages,
                             struct chat_message **out);

/* Does any message hold a part of that kind? */
bool chat_has_part(const struct chat_message *messages, enum chat_part_kind kind);

/* The message's place in the caller's own list, for error texts. */
size_t chat_message_place(const struct chat_request *request, const struct chat_message *message);

/* Does anything hold a prompt cache breakpoint? Families that cannot carry them declare that. */
bool chat_wants_citations(const struct chat_request *r); /* of any document */
bool chat_has_cache(const struct chat_request *r);

/* The name of the tool that call `id` went to; unset if no message holds such a call. */
struct str chat_call_name(const struct chat_message *messages, struct str id);

/* All text parts of a list as one string, joined by `separator`. */
struct str chat_parts_text(struct arena *arena, const struct chat_part *parts,
                           const char *separator);

/* "minimal", "low", ... and back; UNSET for any other word. */
const char *chat_effort_word(enum chat_effort effort);
enum chat_effort chat_effort_parse(struct str word);
/* How much thinking the request wants, however it was said; UNSET: it does not say. */
enum chat_effort chat_wanted_effort(const struct chat_request *r);
/* Effort and thinking budget in tokens, each as the other (one table for all families). */
int64_t chat_effort_budget(enum chat_effort effort);
enum chat_effort chat_budget_effort(int64_t budget);

#endif

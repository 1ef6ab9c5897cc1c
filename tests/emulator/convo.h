/*
 * A conversation as every family understands it: what the answer depends on. Filled by the
 * family's reader while it validates the request.
 */
#ifndef EMULATOR_CONVO_H
#define EMULATOR_CONVO_H

#include "pool.h"

#include <stdint.h>

enum turn_role { TURN_SYSTEM, TURN_USER, TURN_ASSISTANT };

struct turn {
    enum turn_role role;
    struct buf text;
    bool has_results; /* carries tool results */
};

struct offered_tool {
    struct offered_tool *next;
    const char *name;
    const cJSON *schema; /* JSON schema of its arguments, may be NULL */
};

/* A call in the history, or a result with call's name filled in. */
struct past_call {
    struct past_call *next;
    const char *id, *name;
    char *text;
};

/* A source that the answer has to cite. */
enum citable_kind { CITE_CHARS, CITE_PAGES, CITE_BLOCKS, CITE_SEARCH_RESULT };

struct citable {
    enum citable_kind kind;
    int number; /* among the documents, or the search results, of the request */
    const char *title, *source, *text; /* source of search results alone */
};

enum { MAX_CITABLES = 16 };

struct convo {
    struct pool *pool;
    const char *model;
    struct turn *turns;
    size_t turn_count, turn_cap;
    struct buf sights; /* "[saw image png 67 bytes]"... of the last user turn */
    struct past_call *calls;
    struct past_call *results, **results_end; /* since the last assistant turn */
    struct offered_tool *tools, **tools_end;
    bool tool_forced;
    const char *tool_forced_name; /* NULL = any */
    bool tools_off;               /* tool_choice none */
    bool single_call;             /* no parallel calls */
    const char *stops[16];
    size_t stop_count;
    long max_tokens; /* 0 = no limit */
    bool thinking, thinking_hidden;
    int reasoning_tokens;
    const cJSON *schema; /* of the answer */
    bool json_mode;
    int choices; /* 1.. */
    bool logprobs;
    int top_logprobs;
    const char *prefill;  /* text of a trailing assistant turn */
    size_t payload_bytes; /* of images, documents, schemas: counted as input */
    int cache_read, cache_write, cache_write_1h; /* tokens */
    struct citable citables[MAX_CITABLES];
    size_t citable_count;
    int documents, search_results; /* seen so far */
    int uncited;                   /* of the documents */
    bool grounded;                 /* Gemini: with Google Search */
};

void convo_init(struct convo *c, struct pool *pool, const char *model);

/* Begin a turn. An assistant turn ends the list of open results. */
void convo_turn(struct convo *c, enum turn_role role);

/* Text of the current turn. */
void convo_say(struct convo *c, const char *text);

/* Something seen in the current turn, by printf. */
void convo_see(struct convo *c, const char *format, ...) __attribute__((format(printf, 2, 3)));

void convo_call(struct convo *c, const char *id, const char *name);

/* A document or search result with its member "citations"; text is what can be cited of it. */
void convo_source(struct convo *c, enum citable_kind kind, const char *title, const char *source,
                  const char *text, bool cite);

/* A result in the current turn; name may be NULL, then it is found by id. */
void convo_result(struct convo *c, const char *id, const char *name, const char *text);

void convo_offer(struct convo *c, const char *name, const cJSON *schema);
const struct offered_tool *convo_offered(const struct convo *c, const char *name);
void convo_stop(struct convo *c, const cJSON *text_or_list);

/* OpenAI wants the word in a conversation whose answer shall be JSON without a schema. */
bool convo_mentions_json(const struct convo *c);

/* The user's question: the last user turn that is not just tool results. NULL if none. */
const struct turn *convo_question(const struct convo *c);

/* Assistant turns after this turn. */
size_t convo_steps_after(const struct convo *c, const struct turn *turn);

/* Tokens of the whole input, one per four bytes. */
int convo_input_tokens(const struct convo *c);

/* A number that is the same for the same conversation only. */
uint64_t convo_hash(const struct convo *c);

#endif

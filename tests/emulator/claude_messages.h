/* Validation and reading of Anthropic Messages bodies as Bedrock accepts them. */
#ifndef EMULATOR_CLAUDE_MESSAGES_H
#define EMULATOR_CLAUDE_MESSAGES_H

#include "bedrock.h"

struct claude_reading {
    struct exchange *x;
    struct convo *c;
    struct claude model;
    struct prefix prefix;
    int marks;
    bool saw_short_ttl, has_tool_blocks, prefilled;

    /* Place in messages[], for error texts. */
    int message, block;

    /* tool_use ids of the previous assistant message, and which were answered. */
    const char *pending[64];
    bool answered[64];
    size_t pending_count;

    /* Of the last assistant message. */
    bool last_has_tool_use;
    const char *last_first_type;
    int last_assistant;
};

/* The member "cache_control" of a block or tool, if any. place is for error texts. */
bool claude_mark_good(struct claude_reading *r, const cJSON *block, const char *place);

/* Add the block to the cache prefix and mark it if it says so. */
void claude_prefix_add(struct claude_reading *r, const cJSON *block);

/* A text block of system, messages or tool results. */
bool claude_text_good(struct claude_reading *r, const cJSON *block, const char *place);

/* The members of block must be in known; otherwise refuse. */
bool claude_members_good(struct claude_reading *r, const cJSON *block, const char *const *known,
                         const char *place);

bool claude_read_messages(struct claude_reading *r, const cJSON *messages);

/* claude_citations.c: those of a text block; does a document or search result want to be cited; a block
   search_result; and are all documents of the request to be cited, or none? */
bool claude_citations_good(struct claude_reading *r, const cJSON *block, const char *place);
bool claude_wants_citations(const cJSON *block);
bool claude_read_search_result(struct claude_reading *r, const cJSON *block, const char *place);
bool claude_sources_good(struct claude_reading *r);

#endif

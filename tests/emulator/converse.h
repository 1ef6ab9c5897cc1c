/* Converse: the parts of reading and answering that are in files of their own. */
#ifndef EMULATOR_CONVERSE_H
#define EMULATOR_CONVERSE_H

#include "bedrock.h"

struct converse_reading {
    struct exchange *x;
    struct convo *c;
    struct prefix prefix;
    bool claude, has_tool_blocks, has_document, has_text;
    int marks;
    const cJSON *before; /* the block in front of the one that is read, in the same message */
    int message, block;
    const char *pending[64];
    size_t pending_count;
};

/* {"cachePoint":{"type":"default"}}: mark the prefix. */
bool converse_mark(struct converse_reading *r, const cJSON *point);

/* Refuse members that are not in the list, as a malformed request. */
bool converse_members_good(struct exchange *x, const cJSON *object, const char *const *known,
                           const char *place);

bool converse_read_messages(struct converse_reading *r, const cJSON *messages);
void converse_render(struct exchange *x, const struct convo *c, const struct answer *a,
                     bool stream);

#endif

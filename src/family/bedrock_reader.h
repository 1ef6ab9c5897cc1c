/*
 * What the readers of both Bedrock families share: the state of one answer, and the events that
 * come of it. Blocks are numbered here and never overlap, whatever upstream does.
 */
#ifndef CORELAY_FAMILY_BEDROCK_READER_H
#define CORELAY_FAMILY_BEDROCK_READER_H

#include "family/family.h"

enum { STOP_SEQUENCE_BYTES = 256, EVENT_NAME_BYTES = 64 };

struct bedrock_reader {
    struct family_reader base;
    bool started, stopped, failed;
    bool whole;    /* the answer came as one body, not in events */
    bool open;     /* a block is */
    bool ignoring; /* upstream's block is of a kind the hub has no word for */
    int64_t index; /* upstream's number of that block */
    enum chat_block block;
    unsigned blocks;        /* opened so far */
    bool called, unwrapped; /* a tool call was seen; the answer came wrapped in a call */
    bool complete;          /* upstream has said why it stopped */
    enum chat_stop stop;
    char stop_sequence[STOP_SEQUENCE_BYTES];
    size_t stop_sequence_n;
    struct chat_usage usage;
    bool has_usage;
    struct chat_length said;         /* of the open block's text */
    struct chat_citation *citations; /* of the open block; told when it closes */
    struct chat_citation **citations_end;
    char event[EVENT_NAME_BYTES]; /* of the frame that was read last */
};

struct bedrock_reader *bedrock_reader_new(struct arena *arena, const struct family_call *call,
                                          struct chat_sink *sink);

/* Events. Nothing is pushed behind the stop or an error. */
status bedrock_start(struct bedrock_reader *r, struct str id, struct str model);
/* Opens a block (an open one is closed); starts the answer if need be. A call of the tool that
   structured output is wrapped in opens a TEXT block. `text` is that of a REDACTED block. */
status bedrock_open(struct bedrock_reader *r, enum chat_block block, struct str id, struct str name,
                    struct str text);
/* Empty pieces are swallowed. */
status bedrock_delta(struct bedrock_reader *r, struct str text);
status bedrock_signature(struct bedrock_reader *r, struct str signature);
/* A source of the open TEXT block as a whole; others are swallowed. */
status bedrock_cite(struct bedrock_reader *r, const struct chat_citation *citation);
status bedrock_close(struct bedrock_reader *r);
void bedrock_stop(struct bedrock_reader *r, enum chat_stop stop, struct str sequence);
/* USAGE if any is known, and STOP; once. */
status bedrock_finish(struct bedrock_reader *r);

/* Does the value report an error? If so the ERROR event is pushed and `*s` is what the sink said.
 */
bool bedrock_failed(struct bedrock_reader *r, struct arena *scratch, const struct jspan *value,
                    status *s);

#endif

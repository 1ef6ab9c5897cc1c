/*
 * bedrock-converse: Nova on AWS Bedrock, and Claude where the configuration prefers it. AWS's own
 * shape of a request, the same for all models; what only one of them has goes into
 * additionalModelRequestFields. No caller speaks it, so there is no lane.
 */
#include "family/bedrock_converse.h"

static void converse_path(const struct family_call *call, struct buf *out)
{
    buf_add_cstr(out, call->stream ? "/converse-stream" : "/converse");
}

/* Encoded bodies are as they should be. */
static status converse_prepare(struct arena *arena, struct jspan *body,
                               const struct family_call *call, struct dropped *dropped,
                               struct chat_error *err)
{
    (void)arena, (void)body, (void)call, (void)dropped, (void)err;
    return OK;
}

static void converse_relay(struct family_reader *reader, const struct frame *frame, struct buf *out)
{
    (void)reader, (void)frame, (void)out;
}

const struct family family_bedrock_converse = {
    .name = "bedrock-converse",
    .wire = WIRE_NONE,
    .path = converse_path,
    .encode = converse_encode,
    .cites_documents = true,
    .prepare = converse_prepare,
    .reader = converse_reader,
    .read_frame = converse_read_frame,
    .read_whole = converse_read_whole,
    .read_end = converse_read_end,
    .relay = converse_relay,
};

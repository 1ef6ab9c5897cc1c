/*
 * bedrock-invoke: Claude on AWS Bedrock by its native body. Lossless for callers of the Anthropic
 * API, and the only way to all that Claude has.
 */
#include "family/bedrock_invoke.h"

#include "family/anthropic_wire.h"

static void invoke_path(const struct family_call *call, struct buf *out)
{
    buf_add_cstr(out, call->stream ? "/invoke-with-response-stream" : "/invoke");
}

static status invoke_encode(struct arena *arena, const struct chat_request *request,
                            const struct family_call *call, struct buf *out,
                            struct dropped *dropped, struct chat_error *err)
{
    return anthropic_wire_encode(arena, request, call->model, out, dropped, err);
}

const struct family family_bedrock_invoke = {
    .name = "bedrock-invoke",
    .wire = WIRE_ANTHROPIC_MESSAGES,
    .path = invoke_path,
    .encode = invoke_encode,
    .prepare = invoke_prepare,
    .reader = invoke_reader,
    .read_frame = invoke_read_frame,
    .read_whole = invoke_read_whole,
    .read_end = invoke_read_end,
    .relay = invoke_relay,
};

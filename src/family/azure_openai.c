/*
 * Azure OpenAI behind AI Core: chat completions and embeddings.
 *
 * The sources disagree on api-version; 2024-12-01-preview is the oldest with reasoning_effort (seen
 * working: Cline's SAP provider, 2026-07). The configuration may name another for each model.
 */
#include "family/azure_prepare.h"
#include "family/embed_inputs.h"
#include "family/openai_embed.h"
#include "family/openai_encode.h"
#include "family/openai_reader.h"

#define API_VERSION "2024-12-01-preview"

static void add_path(const struct family_call *call, const char *path, struct buf *out)
{
    struct str version = call->model->api_version;

    buf_add_cstr(out, path);
    if (str_is(version, "none"))
        return;
    buf_add_cstr(out, "?api-version=");
    buf_add_str(out, version.n ? version : STR(API_VERSION));
}

static void chat_path(const struct family_call *call, struct buf *out)
{
    add_path(call, "/chat/completions", out);
}

static status encode(struct arena *arena, const struct chat_request *request,
                     const struct family_call *call, struct buf *out, struct dropped *dropped,
                     struct chat_error *err)
{
    static const struct openai_style style = {0};

    return openai_encode(arena, request, call, &style, out, dropped, err);
}

static size_t embed_batch(const struct family_model *model)
{
    (void)model;
    return 2048; /* API reference, "Create embeddings" */
}

static void embed_path(const struct family_call *call, struct buf *out)
{
    add_path(call, "/embeddings", out);
}

static status embed_encode(struct arena *arena, const struct embed_request *request,
                           const struct family_call *call, struct buf *out, struct dropped *dropped,
                           struct chat_error *err)
{
    struct jwrite w = jwrite_to(out);
    status s = embed_check(arena, request, call->model, EMBED_TEXT | EMBED_TOKENS, err);

    jwrite_object(&w);
    if (!s)
        s = openai_embed_write(&w, request, arena, err);
    if (s)
        return s;
    if (request->dimensions >= 0)
        jwrite_member_int(&w, "dimensions", request->dimensions);
    jwrite_maybe_str(&w, "user", request->user);
    jwrite_end_all(&w);
    embed_drop(request, EMBED_TYPE | EMBED_TITLE, dropped);
    return out->failed ? E_NOMEM : OK;
}

static const struct family_embed embed = {
    .batch = embed_batch,
    .path = embed_path,
    .encode = embed_encode,
    .decode = openai_embed_decode,
};

const struct family family_azure_openai = {
    .name = "azure-openai",
    .wire = WIRE_OPENAI_CHAT,
    .path = chat_path,
    .encode = encode,
    .prepare = azure_prepare,
    .reader = openai_reader_new,
    .read_frame = openai_read_frame,
    .read_whole = openai_read_whole,
    .read_end = openai_read_end,
    .relay = openai_relay,
    .embed = &embed,
};

/*
 * Gemini on Vertex AI behind AI Core: where to send, and what is refused on the way up.
 */
#include "family/vertex_gemini.h"

#include "family/rewrite.h"

#define MEMBERS                                                                                    \
    "contents systemInstruction system_instruction tools toolConfig tool_config safetySettings "   \
    "safety_settings generationConfig generation_config labels cachedContent cached_content"

/* AR = aicore-router 0.7.8 (2026-06) */
static const struct rewrite rows[] = {
    {"model", REWRITE_REMOVE, NULL, 0, 0, true, "400; the path names the model; AR 2026-06"},
    {"stream", REWRITE_REMOVE, NULL, 0, 0, true, "400; the path says it; AR 2026-06"},
    {"", REWRITE_ONLY, MEMBERS, 0, 0, false, "400 Unknown name; AR 2026-06"},
    {"contents[].parts[].functionResponse.id", REWRITE_REMOVE, NULL, 0, 0, true,
     "400 Unknown name \"id\"; results are matched by name and order; AR 2026-06"},
    {"contents[].parts[].functionCall.id", REWRITE_REMOVE, NULL, 0, 0, true, "the same"},
    {"contents[].parts[].function_response.id", REWRITE_REMOVE, NULL, 0, 0, true, "the same"},
    {"contents[].parts[].function_call.id", REWRITE_REMOVE, NULL, 0, 0, true, "the same"},
    {"contents[].parts.functionResponse.id", REWRITE_REMOVE, NULL, 0, 0, true, "the same"},
    {"contents[].parts.functionCall.id", REWRITE_REMOVE, NULL, 0, 0, true, "the same"},
    {"contents.parts[].functionResponse.id", REWRITE_REMOVE, NULL, 0, 0, true, "the same"},
    {"contents.parts[].functionCall.id", REWRITE_REMOVE, NULL, 0, 0, true, "the same"},
};

struct str gemini_path_name(const struct family_model *model)
{
    struct str rest = model->name;

    return str_cut(&rest, ':');
}

static void path(const struct family_call *call, struct buf *out)
{
    buf_add_cstr(out, "/models/");
    buf_add_str(out, gemini_path_name(call->model));
    buf_add_cstr(out, call->stream ? ":streamGenerateContent?alt=sse" : ":generateContent");
}

static status prepare(struct arena *arena, struct jspan *body, const struct family_call *call,
                      struct dropped *dropped, struct chat_error *err)
{
    if (!jspan_is(body, JSPAN_OBJECT)) {
        chat_error_field(err, arena, CHAT_ERROR_INVALID, NULL, "The body is not a JSON object.");
        return E_SYNTAX;
    }
    status s = call->lane ? gemini_fit_lane(arena, body) : OK;
    if (s)
        return s;
    return rewrite_apply(arena, rows, sizeof rows / sizeof *rows, body, call->model, dropped);
}

const struct family family_vertex_gemini = {
    .name = "vertex-gemini",
    .wire = WIRE_GEMINI,
    .path = path,
    .encode = gemini_encode,
    .prepare = prepare,
    .reader = gemini_reader_new,
    .read_frame = gemini_read_frame,
    .read_whole = gemini_read_whole,
    .read_end = gemini_read_end,
    .relay = gemini_relay,
    .embed = &gemini_embed,
};

/*
 * Azure OpenAI behind AI Core: the Responses API.
 *
 * Callers of that API take the lane. What Azure refuses though a function could stand for it (free
 * form tools, namespaces, the caller's own search and shell) is translated instead, by way of the
 * hub. Callers of other APIs come here when the model does not think over tools elsewhere (GPT 5.4
 * and later), or answers here alone.
 *
 * Wire: OpenAI API reference, "Responses"; AI Core serves text, function tools, reasoning and
 * structured output of it (SAP help, 2026-06).
 */
#include "family/azure_responses.h"

#include "base/crypto.h"

#define API_VERSION "2025-04-01-preview" /* AR 2026-06 */
#define FIRST_WITH  "2025-03"            /* older versions know no Responses API: pub */

/* A version that was set for the model's other endpoints may be too old for this one. */
static struct str version_of(const struct family_model *model)
{
    struct str set = model->api_version;
    bool dated = set.n >= strlen(FIRST_WITH) && set.p[0] >= '0' && set.p[0] <= '9';
    bool old = dated && memcmp(set.p, FIRST_WITH, strlen(FIRST_WITH)) < 0;

    return set.n && !old ? set : STR(API_VERSION);
}

static void path(const struct family_call *call, struct buf *out)
{
    struct str version = version_of(call->model);

    buf_add_cstr(out, "/responses");
    buf_add_str(out, call->below);
    if (!str_is(version, "none")) {
        buf_add_cstr(out, "?api-version=");
        buf_add_str(out, version);
        buf_add_str(out, call->query);
    } else if (call->query.n) {
        buf_add_char(out, '?');
        buf_add_str(out, str_slice(call->query, 1, call->query.n));
    }
}

struct str azure_responses_call_id(struct arena *arena, struct str id)
{
    uint8_t digest[SHA256_BYTES];
    char hex[SHA256_HEX_BYTES];

    if (id.n <= RESPONSES_CALL_ID_BYTES)
        return id;
    crypto_sha256(id, digest);
    crypto_hex(digest, sizeof digest, hex);
    return arena_printf(arena, "call_%.32s", hex);
}

/* --- which bodies take the lane ----------------------------------------------------------------- */

static bool is_one_of(const struct jspan *type, const char *const *words)
{
    for (size_t i = 0; words[i]; i++)
        if (jspan_says(type, words[i]))
            return true;
    return false;
}

static bool has_type(const struct jspan *list, const char *const *words)
{
    for (const struct jspan *n = jspan_first(list); n; n = n->next)
        if (is_one_of(jspan_get(n, "type"), words) || jspan_get(n, "namespace"))
            return true;
    return false;
}

/* Only upstream has what was stored there, so such a request cannot be translated. */
static bool leans_on_upstream(const struct jspan *body)
{
    static const char *const members[] = {"previous_response_id", "conversation", "prompt"};

    for (size_t i = 0; i < sizeof members / sizeof *members; i++)
        if (!jspan_none(jspan_get(body, members[i])))
            return true;
    return jspan_true(jspan_get(body, "background"));
}

bool azure_responses_lane_fits(const struct jspan *body)
{
    static const char *const tools[] = {"custom", "namespace",   "tool_search", "local_shell",
                                        "shell",  "apply_patch", NULL};
    static const char *const items[] = {"custom_tool_call",        "custom_tool_call_output",
                                        "tool_search_call",        "tool_search_output",
                                        "additional_tools",        "local_shell_call",
                                        "local_shell_call_output", "shell_call",
                                        "shell_call_output",       "apply_patch_call",
                                        "apply_patch_call_output", NULL};

    if (leans_on_upstream(body))
        return true;
    return !has_type(jspan_get(body, "tools"), tools) && !has_type(jspan_get(body, "input"), items);
}

const struct family family_azure_responses = {
    .name = "azure-responses",
    .wire = WIRE_OPENAI_RESPONSES,
    .path = path,
    .encode = azure_responses_encode,
    .prepare = azure_responses_prepare,
    .reader = azure_responses_reader,
    .read_frame = azure_responses_read_frame,
    .read_whole = azure_responses_read_whole,
    .read_end = azure_responses_read_end,
    .relay = azure_responses_relay,
    .lane_fits = azure_responses_lane_fits,
    .relay_error = azure_responses_relay_error,
};

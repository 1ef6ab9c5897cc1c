/* Responses: what reasoning items carry; the form is described in openai_responses.h. */
#include "dialect/openai_responses.h"

#include "base/crypto.h"
#include "dialect/call_id.h"

#define MARK   "crly_"
#define NATIVE CHAT_RESPONSES_SIGNATURE

/* --- packing --------------------------------------------------------------------------------- */

bool openai_responses_has_pack(const struct chat_answer_block *b)
{
    return b->signature.n || b->block == CHAT_BLOCK_REDACTED;
}

static void pack_json(struct buf *json, struct str model, const struct chat_answer_block *b)
{
    struct jwrite w = jwrite_to(json);

    jwrite_object(&w);
    jwrite_member_int(&w, "v", 1);
    jwrite_member_str(&w, "model", model);
    if (b->block == CHAT_BLOCK_REDACTED) {
        jwrite_member_str(&w, "redacted", b->text);
    } else {
        jwrite_member_str(&w, "text", b->text);
        jwrite_member_str(&w, "signature", b->signature);
    }
    jwrite_end(&w);
}

void openai_responses_pack(struct buf *out, struct str model, const struct chat_answer_block *b)
{
    struct buf json = {0};

    if (str_starts(b->signature, NATIVE)) {
        jwrite_escape(out, str_slice(b->signature, strlen(NATIVE), b->signature.n));
        return;
    }
    pack_json(&json, model, b);
    buf_add_cstr(out, MARK);
    call_id_add_url(out, buf_str(&json));
    out->failed = out->failed || json.failed;
    buf_free(&json);
}

/* --- unpacking ------------------------------------------------------------------------------- */

static bool unpack_native(struct arena *arena, struct str packed, struct chat_part *out)
{
    out->signature = arena_printf(arena, NATIVE "%.*s", STR_ARG(packed));
    return out->signature.p != NULL;
}

bool openai_responses_unpack(struct arena *arena, struct str packed, struct str model,
                             struct chat_part *out)
{
    struct jspan *tree;

    if (!str_starts(packed, MARK))
        return unpack_native(arena, packed, out);
    struct str json = crypto_unbase64(arena, str_slice(packed, strlen(MARK), packed.n));
    if (!json.p || jspan_parse(arena, json, &tree, NULL))
        return false;
    if (!str_eq(jspan_str(arena, jspan_get(tree, "model")), model))
        return false;
    struct str redacted = jspan_str(arena, jspan_get(tree, "redacted"));
    if (redacted.n) {
        out->kind = CHAT_REDACTED_THINKING;
        out->data = redacted;
        out->text = STR_NONE;
        return true;
    }
    out->text = jspan_str(arena, jspan_get(tree, "text"));
    out->signature = jspan_str(arena, jspan_get(tree, "signature"));
    return out->signature.n > 0;
}

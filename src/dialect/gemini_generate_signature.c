/*
 * What stands in `thoughtSignature`.
 *
 * The member is bytes by Google's word: base64, which several SDKs decode and encode again, some of
 * them in the URL alphabet. A signature that is canonical base64 goes out as it is; everything else
 * that has to come back goes in a packet of ours, base64 of "crly" K VALUE:
 *
 *     K  s: a signature that is not base64, and those of thinking that is not Google's
 *        r: the data of redacted thinking
 *        t: the thinking in front of a call, a JSON array of {"thinking","signature"} | {"data"}
 *
 * since clients (Gemini CLI, and Google's advice) keep the signatures of calls and nothing of the
 * thinking, without which Claude does not go on thinking behind a tool result.
 */
#include "dialect/gemini_generate.h"

#include "base/crypto.h"

#define MARK "crly"

static const char kinds[] = {
    [GEMINI_SIGNATURE] = 's', [GEMINI_REDACTED] = 'r', [GEMINI_THOUGHTS] = 't'};

/* --- packets ------------------------------------------------------------------------------------ */

static bool is_ours(struct str bytes)
{
    return bytes.n > strlen(MARK) && str_starts(bytes, MARK) &&
           memchr(kinds, bytes.p[strlen(MARK)], sizeof kinds);
}

static struct str make_packet(struct arena *arena, enum gemini_kept kind, struct str value)
{
    char *packet = arena_alloc(arena, strlen(MARK) + 1 + value.n);
    if (!packet)
        return STR_NONE;
    memcpy(packet, MARK, strlen(MARK));
    packet[strlen(MARK)] = kinds[kind];
    if (value.n)
        memcpy(packet + strlen(MARK) + 1, value.p, value.n);
    return crypto_base64(arena, (struct str){packet, strlen(MARK) + 1 + value.n});
}

/* Does it come back as it went, and is it nothing that could be taken for a packet? */
static bool goes_bare(struct arena *arena, struct str value)
{
    struct str bytes = crypto_unbase64(arena, value);
    struct str again = bytes.n ? crypto_base64(arena, bytes) : STR_NONE;

    return again.n && str_eq(again, value) && !is_ours(bytes);
}

struct str gemini_pack(struct arena *arena, enum gemini_kept kind, struct str value)
{
    if (kind == GEMINI_SIGNATURE && goes_bare(arena, value))
        return value;
    return make_packet(arena, kind, value);
}

struct str gemini_pack_thought(struct arena *arena, struct str signature)
{
    if (str_starts(signature, CHAT_GOOGLE_SIGNATURE)) {
        struct str bare = str_slice(signature, strlen(CHAT_GOOGLE_SIGNATURE), signature.n);
        if (goes_bare(arena, bare))
            return bare;
    }
    return make_packet(arena, GEMINI_SIGNATURE, signature);
}

/* Only what could have come from JSON may go on into JSON. */
static bool is_text(struct arena *arena, struct str bytes)
{
    struct jspan *tree;
    struct str quoted = jspan_quote(arena, bytes);

    return quoted.p && jspan_parse(arena, quoted, &tree, NULL) == OK;
}

/* "skip_thought_signature_validator", "context_engineering_is_the_way_to_go": what Google documents
   for calls whose signature is lost, and Gemini CLI writes. */
static bool is_placeholder(struct str shown)
{
    return str_is(shown, "skip_thought_signature_validator") ||
           str_is(shown, "context_engineering_is_the_way_to_go");
}

struct str gemini_unpack(struct arena *arena, struct str shown, enum gemini_kept *kind)
{
    struct str bytes = crypto_unbase64(arena, shown);

    *kind = GEMINI_SIGNATURE;
    if (!shown.n || is_placeholder(shown))
        return STR_NONE;
    if (!bytes.n)
        return shown;
    if (!is_ours(bytes)) /* the same bytes, in the alphabet that they left in */
        return memchr(shown.p, '-', shown.n) || memchr(shown.p, '_', shown.n)
                   ? crypto_base64(arena, bytes)
                   : shown;
    while (kinds[*kind] != bytes.p[strlen(MARK)])
        ++*kind;
    struct str value = str_slice(bytes, strlen(MARK) + 1, bytes.n);
    return is_text(arena, value) ? value : STR_NONE;
}

struct str gemini_unpack_thought(struct arena *arena, struct str shown, enum gemini_kept *kind)
{
    struct str value = gemini_unpack(arena, shown, kind);

    if (*kind != GEMINI_SIGNATURE || !value.n || is_ours(crypto_unbase64(arena, shown)))
        return value;
    return arena_printf(arena, CHAT_GOOGLE_SIGNATURE "%.*s", STR_ARG(value));
}

/* --- thinking in front of calls ------------------------------------------------------------------ */

status gemini_thoughts_add(struct arena *arena, struct gemini_thoughts *t, struct str text,
                           struct str signature, struct str redacted)
{
    struct buf out = {0};
    struct jwrite w = jwrite_to(&out);

    if (t->list.n)
        buf_add_char(&out, ',');
    jwrite_object(&w);
    if (signature.n) {
        jwrite_member_str(&w, "thinking", text);
        jwrite_member_str(&w, "signature", signature);
    } else {
        jwrite_member_str(&w, "data", redacted);
    }
    jwrite_end(&w);
    status s = out.failed ? E_NOMEM : gemini_text_add(arena, &t->list, buf_str(&out));
    buf_free(&out);
    return s;
}

status gemini_thoughts_sign(struct arena *arena, struct gemini_thoughts *t, struct str own,
                            struct str *out)
{
    struct str list = gemini_text_str(&t->list);

    *out = STR_NONE;
    t->list.n = 0;
    if (own.n)
        *out = gemini_pack(arena, GEMINI_SIGNATURE, own);
    else if (!list.n || list.n > GEMINI_KEPT_BYTES)
        return OK;
    else
        *out = gemini_pack(arena, GEMINI_THOUGHTS, arena_printf(arena, "[%.*s]", STR_ARG(list)));
    return out->p ? OK : E_NOMEM;
}

static status read_thought(struct decode *d, const struct jspan *n, struct chat_part ***at)
{
    struct str signature = jspan_str(d->arena, jspan_get(n, "signature"));
    struct str data = jspan_str(d->arena, jspan_get(n, "data"));

    if (!signature.n && !data.n)
        return OK;
    struct chat_part *p =
        chat_add_part(d->arena, at, data.n ? CHAT_REDACTED_THINKING : CHAT_THINKING);
    if (!p)
        return E_NOMEM;
    p->data = data;
    p->signature = data.n ? STR_NONE : signature;
    p->text = data.n ? STR_NONE : jspan_str(d->arena, jspan_get(n, "thinking"));
    return OK;
}

status gemini_thoughts_read(struct decode *d, struct str list, struct chat_part ***at)
{
    struct jspan *root;
    status s = jspan_parse(d->arena, list, &root, NULL);

    if (s)
        return s == E_NOMEM ? s : OK;
    for (const struct jspan *n = jspan_first(root); n && !s; n = n->next)
        s = read_thought(d, n, at);
    return s;
}

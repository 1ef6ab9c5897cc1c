/* Ids of tool calls: what they carry, and how they are taken apart. */
#include "dialect/call_id.h"

#include "base/crypto.h"
#include "base/jspan.h"
#include "base/jwrite.h"

#define MARK "crly_"

/* --- base64url without padding, written straight into the output ----------------------------- */

static const char url_digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

static size_t url_length(size_t bytes)
{
    return bytes / 3 * 4 + (bytes % 3 ? bytes % 3 + 1 : 0);
}

void call_id_add_url(struct buf *out, struct str bytes)
{
    for (size_t i = 0; i < bytes.n; i += 3) {
        size_t have = bytes.n - i < 3 ? bytes.n - i : 3;
        unsigned v = (unsigned)(unsigned char)bytes.p[i] << 16;
        if (have > 1)
            v |= (unsigned)(unsigned char)bytes.p[i + 1] << 8;
        if (have > 2)
            v |= (unsigned char)bytes.p[i + 2];
        for (size_t digit = 0; digit <= have; digit++)
            buf_add_char(out, url_digits[v >> (18 - 6 * digit) & 63]);
    }
}

static int digit_value(char c)
{
    const char *at = c ? strchr(url_digits, c == '+' ? '-' : c == '/' ? '_' : c) : NULL;
    return at ? (int)(at - url_digits) : -1;
}

/* Would decoding and encoding `s` as standard base64 give `s` again? Then padding follows from the
   length, and the unused bits of the last digit are zero. */
static bool canonical_base64(struct str s)
{
    size_t n = s.n;

    if (n == 0 || n % 4)
        return false;
    while (n > s.n - 2 && s.p[n - 1] == '=')
        n--;
    for (size_t i = 0; i < n; i++)
        if (digit_value(s.p[i]) < 0 || s.p[i] == '-' || s.p[i] == '_')
            return false;
    unsigned unused = s.n - n == 2 ? 15 : s.n - n == 1 ? 3 : 0;
    return ((unsigned)digit_value(s.p[n - 1]) & unused) == 0;
}

static void add_transliterated(struct buf *out, struct str base64)
{
    for (size_t i = 0; i < base64.n && base64.p[i] != '='; i++)
        buf_add_char(out, url_digits[digit_value(base64.p[i])]);
}

static struct str standard_base64(struct arena *arena, struct str url)
{
    size_t padding = (4 - url.n % 4) % 4;
    char *text = arena_alloc(arena, url.n + padding + 1);

    if (!text || padding == 3)
        return STR_NONE;
    for (size_t i = 0; i < url.n; i++)
        text[i] = url.p[i] == '-' ? '+' : url.p[i] == '_' ? '/' : url.p[i];
    memset(text + url.n, '=', padding);
    return (struct str){text, url.n + padding};
}

/* --- packing --------------------------------------------------------------------------------- */

/* Letters and digits of the URL alphabet alone. */
static bool plain_id(struct str id)
{
    for (size_t i = 0; i < id.n; i++)
        if (digit_value(id.p[i]) < 0 || id.p[i] == '+' || id.p[i] == '/')
            return false;
    return id.n > 0;
}

void call_id_pack(struct buf *out, struct str id, struct str signature, bool strict)
{
    bool plain = plain_id(id), marked = str_starts(id, MARK);
    bool carry = signature.n && signature.n <= CALL_ID_MAX_SIGNATURE;

    if (!carry && !marked && (plain || !strict)) {
        jwrite_escape(out, id);
        return;
    }
    bool base64 = carry && canonical_base64(signature);
    buf_printf(out, MARK "%c%c%zu_", plain ? 'p' : 'b',
               !carry   ? 'n'
               : base64 ? 's'
                        : 'b',
               plain ? id.n : url_length(id.n));
    if (plain)
        buf_add_str(out, id);
    else
        call_id_add_url(out, id);
    if (base64)
        add_transliterated(out, signature);
    else if (carry)
        call_id_add_url(out, signature);
}

/* --- unpacking ------------------------------------------------------------------------------- */

struct packed {
    char id_form, signature_form;
    struct str id, signature;
};

static bool split(struct str shown, struct packed *p)
{
    const size_t head = strlen(MARK) + 2;
    long length;

    if (!str_starts(shown, MARK) || shown.n <= head)
        return false;
    p->id_form = shown.p[head - 2];
    p->signature_form = shown.p[head - 1];
    struct str rest = str_slice(shown, head, shown.n);
    struct str digits = str_cut(&rest, '_');
    if (!rest.p || !str_to_long(digits, &length) || length < 0 || (size_t)length > rest.n)
        return false;
    p->id = str_slice(rest, 0, (size_t)length);
    p->signature = str_slice(rest, (size_t)length, rest.n);
    bool forms = memchr("pb", p->id_form, 2) && memchr("nsb", p->signature_form, 3);
    return forms && (p->signature_form == 'n') == (p->signature.n == 0);
}

/* Callers can write what they like behind our mark; only what could have come from JSON may go on
   into JSON. */
static struct str unpack_url(struct arena *arena, struct str url)
{
    struct str bytes = crypto_unbase64(arena, url);
    struct jspan *tree;
    struct jspan_error ignored;

    if (!bytes.p || jspan_parse(arena, jspan_quote(arena, bytes), &tree, &ignored))
        return STR_NONE;
    return bytes;
}

void call_id_unpack(struct arena *arena, struct str shown, struct str *id, struct str *signature)
{
    struct packed p;

    *id = shown;
    *signature = STR_NONE;
    if (!split(shown, &p))
        return;
    /* We have written nothing else there: a length that cuts a letter in two is not ours. */
    if ((p.id_form == 'p' && !plain_id(p.id)) ||
        (p.signature_form == 's' && !plain_id(p.signature)))
        return;
    struct str real = p.id_form == 'b' ? unpack_url(arena, p.id) : p.id;
    struct str sig = p.signature_form == 's'   ? standard_base64(arena, p.signature)
                     : p.signature_form == 'b' ? unpack_url(arena, p.signature)
                                               : STR_NONE;
    if (!real.p || (p.signature_form != 'n' && !sig.p))
        return; /* not one of ours after all */
    *id = real;
    *signature = sig;
}

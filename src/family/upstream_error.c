/*
 * One parser for the errors of AI Core, its ingress and five vendors.
 *
 * Words (codes, types, statuses, exception names) decide the kind first, then phrases of the
 * message, then the HTTP status. What the caller reads is cleaned: addresses, tokens and client ids
 * of ours do not get out.
 */
#include "family/upstream_error.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

enum { MESSAGE_BYTES = 1000, DETAIL_BYTES = 2000, RETRY_MAX_MS = 3600 * 1000 };

#define COUNT(table) (sizeof(table) / sizeof *(table))

struct found {
    struct str message, param;
    struct str words[4]; /* code, type, status, location or exception name */
    struct str delay;    /* "12s" */
    int number;          /* an HTTP status that the body names; 0: none */
};

/* --- what the words mean --------------------------------------------------------------------- */

struct meaning {
    const char *text;
    enum chat_error_kind kind;
};

/* Compared without case and underscores: "too_many_requests", "TooManyRequests". */
static const struct meaning words[] = {
    {"contextlengthexceeded", CHAT_ERROR_CONTEXT_LENGTH},
    {"contentfilter", CHAT_ERROR_CONTENT_FILTER},
    {"contentpolicyviolation", CHAT_ERROR_CONTENT_FILTER},
    {"responsibleaipolicyviolation", CHAT_ERROR_CONTENT_FILTER},
    {"toomanyrequests", CHAT_ERROR_RATE_LIMIT},
    {"ratelimitexceeded", CHAT_ERROR_RATE_LIMIT},
    {"ratelimiterror", CHAT_ERROR_RATE_LIMIT},
    {"ratelimitreached", CHAT_ERROR_RATE_LIMIT},
    {"throttlingexception", CHAT_ERROR_RATE_LIMIT},
    {"toomanyrequestsexception", CHAT_ERROR_RATE_LIMIT},
    {"servicequotaexceededexception", CHAT_ERROR_RATE_LIMIT},
    {"resourceexhausted", CHAT_ERROR_RATE_LIMIT},
    {"insufficientquota", CHAT_ERROR_RATE_LIMIT},
    {"overloadederror", CHAT_ERROR_OVERLOADED},
    {"serviceunavailableexception", CHAT_ERROR_OVERLOADED},
    {"modelnotreadyexception", CHAT_ERROR_OVERLOADED},
    {"serviceunavailable", CHAT_ERROR_OVERLOADED},
    {"unavailable", CHAT_ERROR_OVERLOADED},
    {"engineoverloaded", CHAT_ERROR_OVERLOADED},
    {"deadlineexceeded", CHAT_ERROR_TIMEOUT},
    {"modeltimeoutexception", CHAT_ERROR_TIMEOUT},
    {"timeout", CHAT_ERROR_TIMEOUT},
    {"timeouterror", CHAT_ERROR_TIMEOUT},
    {"accessdeniedexception", CHAT_ERROR_UPSTREAM_AUTH},
    {"unrecognizedclientexception", CHAT_ERROR_UPSTREAM_AUTH},
    {"expiredtokenexception", CHAT_ERROR_UPSTREAM_AUTH},
    {"authenticationerror", CHAT_ERROR_UPSTREAM_AUTH},
    {"permissionerror", CHAT_ERROR_UPSTREAM_AUTH},
    {"permissiondenied", CHAT_ERROR_UPSTREAM_AUTH},
    {"unauthenticated", CHAT_ERROR_UPSTREAM_AUTH},
    {"requesttoolarge", CHAT_ERROR_TOO_LARGE},
    {"validationexception", CHAT_ERROR_INVALID},
    {"invalidrequesterror", CHAT_ERROR_INVALID},
    {"invalidargument", CHAT_ERROR_INVALID},
    {"failedprecondition", CHAT_ERROR_INVALID},
    {"badrequesterror", CHAT_ERROR_INVALID},
    {"resourcenotfoundexception", CHAT_ERROR_MODEL_NOT_FOUND},
    {"deploymentnotfound", CHAT_ERROR_MODEL_NOT_FOUND},
    {"modelnotfound", CHAT_ERROR_MODEL_NOT_FOUND},
    {"notfounderror", CHAT_ERROR_MODEL_NOT_FOUND},
    {"notfound", CHAT_ERROR_MODEL_NOT_FOUND},
    {"internalserverexception", CHAT_ERROR_UPSTREAM},
    {"modelstreamerrorexception", CHAT_ERROR_UPSTREAM},
    {"modelerrorexception", CHAT_ERROR_UPSTREAM},
    {"servererror", CHAT_ERROR_UPSTREAM},
    {"apierror", CHAT_ERROR_UPSTREAM},
    {"internal", CHAT_ERROR_UPSTREAM},
};

/* Found anywhere in the message, without case. Only a refusal of the request is about its length
   or content; a throttled one says "too many tokens" as well. */
static const struct meaning request_phrases[] = {
    {"maximum context length", CHAT_ERROR_CONTEXT_LENGTH},
    {"context_length_exceeded", CHAT_ERROR_CONTEXT_LENGTH},
    {"context window", CHAT_ERROR_CONTEXT_LENGTH},
    {"exceed context limit", CHAT_ERROR_CONTEXT_LENGTH},
    {"prompt is too long", CHAT_ERROR_CONTEXT_LENGTH},
    {"input is too long", CHAT_ERROR_CONTEXT_LENGTH},
    {"too many input tokens", CHAT_ERROR_CONTEXT_LENGTH},
    {"exceeds the maximum number of tokens", CHAT_ERROR_CONTEXT_LENGTH},
    {"input token count", CHAT_ERROR_CONTEXT_LENGTH},
    {"content management policy", CHAT_ERROR_CONTENT_FILTER},
    {"content filter", CHAT_ERROR_CONTENT_FILTER},
    {"content_filter", CHAT_ERROR_CONTENT_FILTER},
    {"blocked by our safety", CHAT_ERROR_CONTENT_FILTER},
};

static const struct meaning phrases[] = {
    {"throttlingexception", CHAT_ERROR_RATE_LIMIT},
    {"throttling_exception", CHAT_ERROR_RATE_LIMIT},
    {"toomanyrequest", CHAT_ERROR_RATE_LIMIT},
    {"too_many_requests", CHAT_ERROR_RATE_LIMIT},
    {"too many requests", CHAT_ERROR_RATE_LIMIT},
    {"rate limit", CHAT_ERROR_RATE_LIMIT},
    {"rate_limit", CHAT_ERROR_RATE_LIMIT},
    {"resource_exhausted", CHAT_ERROR_RATE_LIMIT},
    {"serviceunavailableexception", CHAT_ERROR_OVERLOADED},
    {"overloaded", CHAT_ERROR_OVERLOADED},
    {"no healthy upstream", CHAT_ERROR_OVERLOADED},
};

static bool same_word(struct str written, const char *word)
{
    size_t n = 0, len = strlen(word);

    for (size_t i = 0; i < written.n; i++) {
        if (written.p[i] == '_')
            continue;
        if (n == len || tolower((unsigned char)written.p[i]) != word[n])
            return false;
        n++;
    }
    return n == len;
}

/* Where `phrase` (lower case) begins; text.n: nowhere. */
static size_t find_phrase(struct str text, const char *phrase)
{
    size_t len = strlen(phrase);

    for (size_t i = 0; i + len <= text.n; i++)
        if (str_case_eq(str_slice(text, i, i + len), (struct str){phrase, len}))
            return i;
    return text.n;
}

static enum chat_error_kind kind_of_words(const struct found *f)
{
    for (size_t i = 0; i < sizeof f->words / sizeof *f->words; i++) {
        if (find_phrase(f->words[i], "filter") < f->words[i].n)
            return CHAT_ERROR_CONTENT_FILTER; /* orchestration's "Filtering Module - Input Filter"
                                               */
        for (size_t k = 0; k < sizeof words / sizeof *words; k++)
            if (f->words[i].n && same_word(f->words[i], words[k].text))
                return words[k].kind;
    }
    return CHAT_ERROR_NONE;
}

static enum chat_error_kind kind_of_phrases(struct str message, const struct meaning *table,
                                            size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (find_phrase(message, table[i].text) < message.n)
            return table[i].kind;
    return CHAT_ERROR_NONE;
}

static enum chat_error_kind kind_of_status(int http_status)
{
    switch (http_status) {
    case 400:
    case 422:
        return CHAT_ERROR_INVALID;
    case 401:
    case 403:
        return CHAT_ERROR_UPSTREAM_AUTH;
    case 404:
        return CHAT_ERROR_MODEL_NOT_FOUND;
    case 408:
    case 504:
        return CHAT_ERROR_TIMEOUT;
    case 413:
        return CHAT_ERROR_TOO_LARGE;
    case 429:
        return CHAT_ERROR_RATE_LIMIT;
    case 503:
    case 529:
        return CHAT_ERROR_OVERLOADED;
    default:
        return CHAT_ERROR_UPSTREAM;
    }
}

static enum chat_error_kind kind_of(const struct found *f, int http_status)
{
    int number = http_status ? http_status : f->number;
    enum chat_error_kind kind = kind_of_words(f);

    if (number == 401 || number == 403)
        return CHAT_ERROR_UPSTREAM_AUTH;
    if (number == 429 && kind != CHAT_ERROR_OVERLOADED)
        return CHAT_ERROR_RATE_LIMIT;
    if (kind == CHAT_ERROR_NONE || kind == CHAT_ERROR_INVALID) {
        bool request = kind == CHAT_ERROR_INVALID || number == 0 || number == 400 ||
                       number == 413 || number == 422;
        enum chat_error_kind closer = CHAT_ERROR_NONE;
        if (request)
            closer = kind_of_phrases(f->message, request_phrases, COUNT(request_phrases));
        if (closer == CHAT_ERROR_NONE && number != 400)
            closer = kind_of_phrases(f->message, phrases, COUNT(phrases));
        if (closer != CHAT_ERROR_NONE)
            return closer;
    }
    /* "server_error" is what they all say; 503 and 504 say more */
    enum chat_error_kind by_status = kind_of_status(number);
    bool closer = by_status == CHAT_ERROR_OVERLOADED || by_status == CHAT_ERROR_TIMEOUT;
    return kind == CHAT_ERROR_NONE || (kind == CHAT_ERROR_UPSTREAM && closer) ? by_status : kind;
}

/* --- where the body says it ------------------------------------------------------------------ */

static void add_word(struct arena *arena, struct found *f, const struct jspan *n)
{
    struct str text = jspan_is(n, JSPAN_STRING)   ? jspan_str(arena, n)
                      : jspan_is(n, JSPAN_NUMBER) ? n->text
                                                  : STR_NONE;
    long number;

    if (str_to_long(text, &number) && number >= 400 && number <= 599 && !f->number)
        f->number = (int)number;
    for (size_t i = 0; i < COUNT(f->words); i++) {
        if (f->words[i].n)
            continue;
        f->words[i] = text;
        return;
    }
}

/* Google's RetryInfo among the details, or the headers that orchestration repeats. */
static void find_delay(struct arena *arena, struct found *f, const struct jspan *error)
{
    for (const struct jspan *d = jspan_first(jspan_get(error, "details")); d; d = d->next)
        if (jspan_is(jspan_get(d, "retryDelay"), JSPAN_STRING))
            f->delay = jspan_str(arena, jspan_get(d, "retryDelay"));
    if (!f->delay.n)
        f->delay = jspan_str(arena, jspan_get(jspan_get(error, "headers"), "retry-after"));
}

static void read_object(struct arena *arena, struct found *f, const struct jspan *error)
{
    static const char *const places[] = {"code", "type", "status", "location"};

    f->message = jspan_str(arena, jspan_get(error, "message"));
    f->param = jspan_str(arena, jspan_get(error, "param"));
    for (size_t i = 0; i < COUNT(places); i++)
        add_word(arena, f, jspan_get(error, places[i]));
    find_delay(arena, f, error);
}

/* {"detail":"..."} and {"detail":[{"msg":".."}]} (FastAPI), {"status":{"message":".."}} (RPT) */
static void read_elsewhere(struct arena *arena, struct found *f, const struct jspan *body)
{
    const struct jspan *detail = jspan_get(body, "detail");

    if (jspan_is(jspan_get(body, "message"), JSPAN_STRING))
        read_object(arena, f, body);
    if (!f->message.n && jspan_is(detail, JSPAN_STRING))
        f->message = jspan_str(arena, detail);
    if (!f->message.n)
        f->message = jspan_str(arena, jspan_get(jspan_first(detail), "msg"));
    if (!f->message.n)
        f->message = jspan_str(arena, jspan_get(jspan_get(body, "status"), "message"));
    if (!f->message.n)
        f->message = jspan_str(arena, jspan_get(body, "Message"));
}

/* {"throttlingException":{"message":".."}}; NULL if there is no such member. */
static const struct jspan *exception_member(struct arena *arena, const struct jspan *body)
{
    for (const struct jspan *n = jspan_first(body); n; n = n->next)
        if (str_ends(jspan_key(arena, n), "Exception") && jspan_is(n, JSPAN_OBJECT))
            return n;
    return NULL;
}

/* True when the body reports an error in a form that nothing else has. */
static bool read_certain(struct arena *arena, struct found *f, const struct jspan *body)
{
    const struct jspan *error = jspan_get(body, "error");

    if (jspan_none(error))
        error = jspan_get(body, "errors");
    if (jspan_is(error, JSPAN_ARRAY))
        error = jspan_first(error);
    if (jspan_is(error, JSPAN_STRING)) {
        f->message = jspan_str(arena, error);
        add_word(arena, f, jspan_get(body, "code"));
        return true;
    }
    if (jspan_is(error, JSPAN_OBJECT)) {
        read_object(arena, f, error);
        return true;
    }
    if (jspan_is(body, JSPAN_OBJECT))
        error = exception_member(arena, body);
    if (error) {
        f->message = jspan_str(arena, jspan_get(error, "message"));
        f->words[0] = jspan_key(arena, error);
    }
    return error != NULL;
}

/* --- for the caller's eyes ------------------------------------------------------------------- */

static bool is_internal(struct str word)
{
    unsigned dots = 0, digits = 0;

    for (size_t i = 0; i < word.n; i++) {
        dots += word.p[i] == '.';
        digits += isdigit((unsigned char)word.p[i]) != 0;
    }
    return str_find(word, "://") < word.n || str_find(word, "ondemand.com") < word.n ||
           str_find(word, "!b") < word.n || str_find(word, "sb-") < word.n ||
           (str_find(word, "eyJ") < word.n && word.n > 20) || str_find(word, ".svc") < word.n ||
           str_find(word, ".internal") < word.n ||
           (dots == 3 && digits >= 4 && digits + dots + 8 > word.n);
}

static void add_word_of_text(struct buf *out, struct str word)
{
    if (is_internal(word)) {
        buf_add_cstr(out, "[...]");
        return;
    }
    for (size_t i = 0; i < word.n;) {
        size_t len = str_utf8(str_slice(word, i, word.n));
        if (len == 0)
            buf_add_char(out, '?');
        else
            buf_add(out, word.p + i, len);
        i += len ? len : 1;
    }
}

static bool is_space(char c)
{
    return (unsigned char)c <= ' ' || c == 0x7f;
}

static struct str clean(struct arena *arena, struct str text)
{
    struct buf out = {0};
    size_t i = 0;

    text = str_trim(text);
    while (i < text.n && out.n < MESSAGE_BYTES) {
        size_t from = i;
        while (i < text.n && !is_space(text.p[i]) && i - from < MESSAGE_BYTES)
            i++;
        add_word_of_text(&out, str_slice(text, from, i));
        if (i < text.n && is_space(text.p[i]))
            buf_add_char(&out, ' ');
        while (i < text.n && is_space(text.p[i]))
            i++;
    }
    struct str copy = buf_copy(&out, arena);
    buf_free(&out);
    return copy;
}

/* --- when to try again ----------------------------------------------------------------------- */

/* "5s", "5 seconds", "250ms", "1m30s", "2 minutes"; a bare number is seconds. 0: no number. */
static int64_t duration_ms(struct str s)
{
    double total = 0;

    while (s.n && isdigit((unsigned char)s.p[0])) {
        char number[24];
        size_t n = 0;
        while (n < s.n && n < sizeof number - 1 &&
               (isdigit((unsigned char)s.p[n]) || s.p[n] == '.')) {
            number[n] = s.p[n];
            n++;
        }
        number[n] = '\0';
        s = str_slice(s, n, s.n);
        while (s.n && s.p[0] == ' ')
            s = str_slice(s, 1, s.n);
        bool milli = str_starts(s, "ms") || str_starts(s, "millisecond");
        bool minute = !milli && str_starts(s, "m");
        total += strtod(number, NULL) * (milli ? 1 : minute ? 60000 : 1000);
        while (s.n && isalpha((unsigned char)s.p[0]))
            s = str_slice(s, 1, s.n);
    }
    return total > RETRY_MAX_MS ? RETRY_MAX_MS : (int64_t)total;
}

static int64_t retry_after(const struct found *f)
{
    static const char *const leads[] = {"try again in ", "retry after ", "retry in ",
                                        "try again after ", "wait "};

    if (f->delay.n)
        return duration_ms(f->delay);
    for (size_t i = 0; i < COUNT(leads); i++) {
        size_t at = find_phrase(f->message, leads[i]);
        if (at == f->message.n)
            continue;
        int64_t ms = duration_ms(str_slice(f->message, at + strlen(leads[i]), f->message.n));
        if (ms > 0)
            return ms;
    }
    return 0;
}

/* --- all ------------------------------------------------------------------------------------- */

/* Text for kinds whose own text is not the caller's business, or of which there is none. */
static const char *our_text(enum chat_error_kind kind)
{
    switch (kind) {
    case CHAT_ERROR_UPSTREAM_AUTH:
        return "The gateway's own credentials were refused upstream. This is not about your API "
               "key; tell the administrator.";
    case CHAT_ERROR_MODEL_NOT_FOUND:
        return "The model's deployment was not found upstream.";
    case CHAT_ERROR_RATE_LIMIT:
        return "The model's rate limit is exhausted.";
    case CHAT_ERROR_OVERLOADED:
        return "The model is overloaded or not available at the moment.";
    case CHAT_ERROR_TIMEOUT:
        return "The model did not answer in time.";
    case CHAT_ERROR_TOO_LARGE:
        return "The request is too large.";
    default:
        return "The model reported an error without a text.";
    }
}

static void fill(struct arena *arena, const struct found *f, int http_status, struct str body,
                 bool structured, struct chat_error *out)
{
    enum chat_error_kind kind = kind_of(f, http_status);
    bool page = str_starts(str_trim(f->message), "<"); /* of a proxy on the way */
    bool theirs = structured && f->message.n && !page && kind != CHAT_ERROR_UPSTREAM_AUTH &&
                  kind != CHAT_ERROR_MODEL_NOT_FOUND;
    struct str text = theirs ? clean(arena, f->message) : STR_NONE;

    *out = (struct chat_error){.kind = kind, .http_status = chat_error_status(kind)};
    out->message = text.n ? text : str_from(our_text(kind));
    if (kind < CHAT_ERROR_KEY)
        out->param = f->param;
    out->retry_after_ms = retry_after(f);
    if (body.n > DETAIL_BYTES)
        body.n = DETAIL_BYTES;
    out->detail = arena_str(arena, body);
}

void upstream_error_parse(struct arena *arena, int http_status, struct str body,
                          struct chat_error *out)
{
    struct found f = {0};
    struct jspan *root;
    struct str text = str_trim(body);
    bool structured = false;

    if (text.n && (text.p[0] == '{' || text.p[0] == '[') &&
        jspan_parse(arena, text, &root, NULL) == OK) {
        structured = true;
        if (jspan_is(root, JSPAN_ARRAY) && jspan_first(root))
            root = jspan_first(root);
        if (!read_certain(arena, &f, root))
            read_elsewhere(arena, &f, root);
    } else {
        f.message = text;
        /* Plain text is the ingress speaking; only its refusals are about the request. */
        structured = http_status == 400 || http_status == 413 || http_status == 422;
    }
    if (!structured && f.message.n > DETAIL_BYTES)
        f.message.n = DETAIL_BYTES;
    fill(arena, &f, http_status, text, structured, out);
}

bool upstream_error_in(struct arena *arena, const struct jspan *value, struct chat_error *out)
{
    struct found f = {0};

    if (jspan_is(value, JSPAN_ARRAY))
        value = jspan_first(value);
    if (!jspan_is(value, JSPAN_OBJECT) || jspan_get(value, "choices") ||
        jspan_get(value, "candidates"))
        return false;
    if (!read_certain(arena, &f, value)) {
        bool says = jspan_says(jspan_get(value, "type"), "error") ||
                    jspan_says(jspan_get(value, "object"), "error");
        if (!says && !jspan_is(jspan_get(value, "message"), JSPAN_STRING))
            return false;
        read_elsewhere(arena, &f, value);
    }
    fill(arena, &f, 0, jspan_text(arena, value), true, out);
    return true;
}

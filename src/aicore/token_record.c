/* The token file, read with suspicion. */
#include "aicore/token_record.h"

#include "base/jspan.h"
#include "base/jwrite.h"

enum { VERSION = 1, CLOCK_SLACK_MS = 2000 };

bool token_text_valid(struct str token)
{
    for (size_t i = 0; i < token.n; i++)
        if (token.p[i] <= 0x20 || token.p[i] >= 0x7f)
            return false;
    return token.n > 0 && token.n <= TOKEN_TEXT_MAX;
}

static status syntax(const char **problem, const char *text)
{
    *problem = text;
    return E_SYNTAX;
}

static struct token_pause pause_of(const struct jspan *n)
{
    return (struct token_pause){jspan_int(jspan_get(n, "at_ms"), 0),
                                jspan_int(jspan_get(n, "until_ms"), 0)};
}

static status read_token(struct arena *arena, const struct jspan *root, struct token_record *out,
                         const char **problem)
{
    const struct jspan *token = jspan_get(root, "token");

    if (jspan_none(token))
        return OK;
    out->token = jspan_str(arena, token);
    out->fetched_ms = jspan_int(jspan_get(root, "fetched_ms"), -1);
    out->expires_ms = jspan_int(jspan_get(root, "expires_ms"), -1);
    out->replacement = jspan_true(jspan_get(root, "replacement"));
    if (!token_text_valid(out->token))
        return syntax(problem, "holds no usable token");
    if (out->fetched_ms < 0 || out->expires_ms <= out->fetched_ms ||
        out->expires_ms - out->fetched_ms > (int64_t)TOKEN_LIFE_MAX_S * 1000)
        return syntax(problem, "says no believable life time");
    return OK;
}

status token_record_parse(struct arena *arena, struct str content, struct token_record *out,
                          const char **problem)
{
    struct jspan_error where;
    struct jspan *root;

    *out = (struct token_record){.failures = 0};
    *problem = NULL;
    status s = jspan_parse(arena, content, &root, &where);
    if (s == E_NOMEM)
        return s;
    if (s || !jspan_is(root, JSPAN_OBJECT))
        return syntax(problem, "is no JSON object");
    if (jspan_int(jspan_get(root, "corelay_token"), 0) != VERSION)
        return syntax(problem, "is of another version");
    s = read_token(arena, root, out, problem);
    if (s) {
        out->token = STR_NONE;
        return s;
    }
    int64_t failures = jspan_int(jspan_get(root, "failures"), 0);
    out->failures = failures < 0 ? 0 : failures > 1000 ? 1000 : (int)failures;
    out->refused = pause_of(jspan_get(root, "refused"));
    out->busy = pause_of(jspan_get(root, "busy"));
    return OK;
}

static void write_pause(struct jwrite *w, const char *key, const struct token_pause *pause)
{
    if (!pause->until_ms)
        return;
    jwrite_member_object(w, key);
    jwrite_member_int(w, "at_ms", pause->at_ms);
    jwrite_member_int(w, "until_ms", pause->until_ms);
    jwrite_end(w);
}

void token_record_write(struct buf *out, const struct token_record *record)
{
    struct jwrite w = jwrite_to(out);

    jwrite_object(&w);
    jwrite_member_int(&w, "corelay_token", VERSION);
    if (record->token.n) {
        jwrite_member_str(&w, "token", record->token);
        jwrite_member_int(&w, "fetched_ms", record->fetched_ms);
        jwrite_member_int(&w, "expires_ms", record->expires_ms);
        jwrite_member_bool(&w, "replacement", record->replacement);
    }
    write_pause(&w, "refused", &record->refused);
    write_pause(&w, "busy", &record->busy);
    jwrite_member_int(&w, "failures", record->failures);
    jwrite_end(&w);
    buf_add_char(out, '\n');
}

int64_t token_record_left_ms(const struct token_record *record, int64_t now_ms)
{
    int64_t life = record->expires_ms - record->fetched_ms;
    int64_t left = record->expires_ms - now_ms;

    return left < 0 ? 0 : left > life ? life : left;
}

int64_t token_pause_left_ms(const struct token_pause *pause, int64_t now_ms, int64_t most_ms)
{
    if (pause->until_ms <= now_ms || pause->at_ms <= 0 || pause->at_ms > now_ms + CLOCK_SLACK_MS)
        return 0;
    int64_t left = pause->until_ms - now_ms; /* 53 bits: cannot overflow */
    return left > most_ms ? most_ms : left;
}

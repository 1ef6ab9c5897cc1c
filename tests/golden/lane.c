/*
 * The promise of the lane, with random requests: whatever no rewrite names arrives byte for byte.
 *
 * A request is written twice at the same time: as the caller sends it, with odd white space, odd
 * escapes, odd numbers and members that a rewrite takes out; and as it must arrive. A container in
 * which something was rewritten loses its white space, all others keep it. Names that rewrites look
 * for stand everywhere below, where nobody may touch them.
 *
 *     lane [SEED]        CORELAY_LANE_REQUESTS (20000) requests for each family
 */
#include <stdio.h>
#include <stdlib.h>

#include "family/family.h"

enum { REQUESTS = 20000, DEPTH = 4, EXCERPT_BYTES = 400 };

/* --- random ---------------------------------------------------------------------------------- */

static uint64_t state;

static unsigned below(unsigned n)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (unsigned)((state >> 11) % n);
}

static bool one_in(unsigned n)
{
    return below(n) == 0;
}

/* --- writing twice --------------------------------------------------------------------------- */

struct twin {
    struct buf sent, arrives;
    bool tidy;     /* in a container that is rewritten: its white space goes */
    unsigned gone; /* inside of something that a rewrite takes out */
};

static void put_str(struct twin *t, struct str s)
{
    buf_add_str(&t->sent, s);
    if (!t->gone)
        buf_add_str(&t->arrives, s);
}

static void put(struct twin *t, const char *s)
{
    put_str(t, str_from(s));
}

static void gap(struct twin *t)
{
    static const char *const gaps[] = {"", "", "", " ", "\n", "\t ", "\r\n  "};
    const char *s = gaps[below(sizeof gaps / sizeof *gaps)];

    buf_add_cstr(&t->sent, s);
    if (!t->gone && !t->tidy)
        buf_add_cstr(&t->arrives, s);
}

/* One container being written: `sent` and `arrives` may have different first members. */
struct list {
    bool outer_tidy, any_sent, any_arrives;
    const char *end;
};

static struct list open_list(struct twin *t, const char *ends, bool tidy)
{
    struct list l = {.outer_tidy = t->tidy, .end = ends + 1};

    buf_add(&t->sent, ends, 1);
    if (!t->gone)
        buf_add(&t->arrives, ends, 1);
    t->tidy = tidy;
    return l;
}

static void close_list(struct twin *t, const struct list *l)
{
    gap(t);
    put(t, l->end);
    t->tidy = l->outer_tidy;
}

static void next_element(struct twin *t, struct list *l)
{
    if (l->any_sent)
        buf_add_char(&t->sent, ',');
    if (l->any_arrives && !t->gone)
        buf_add_char(&t->arrives, ',');
    l->any_sent = true;
    l->any_arrives |= !t->gone;
    gap(t);
}

/* `key` as it stands in JSON, without quotes. */
static void next_member(struct twin *t, struct list *l, const char *key)
{
    next_element(t, l);
    put(t, "\"");
    put(t, key);
    put(t, "\"");
    gap(t);
    put(t, ":");
    gap(t);
}

/* --- values that are nobody's business ------------------------------------------------------- */

static void put_string(struct twin *t)
{
    static const char *const pieces[] = {
        "a",
        "the word",
        "\\u0000",
        "\\ud800",
        "\\ud83e\\udd8a",
        "\\/",
        "/",
        "\\\\",
        "\\\"",
        "\\n",
        "\\u00E9",
        "\xc3\xa9",
        "\xf0\x9f\xa6\x8a",
        "{}",
        "cache_control",
        ",\\\"model\\\":",
        "\\b\\f\\r\\t",
        "data: ",
        "\xe2\x80\xa8",
        "\x7f",
    };

    put(t, "\"x"); /* never blank: blank text is named by a rewrite */
    for (unsigned n = below(6); n; n--)
        put(t, pieces[below(sizeof pieces / sizeof *pieces)]);
    put(t, "\"");
}

static void put_number(struct twin *t)
{
    static const char *const numbers[] = {
        "0",
        "-0",
        "-0.0",
        "1",
        "1.0",
        "1e3",
        "1E+03",
        "12345678901234567890",
        "9007199254740993",
        "1.0000000000000000000001",
        "1e-400",
        "1.0e+0400",
        "0.1e1",
        "-12.50",
    };
    put(t, numbers[below(sizeof numbers / sizeof *numbers)]);
}

static void put_value(struct twin *t, unsigned depth);

static void put_container(struct twin *t, unsigned depth)
{
    static const char *const keys[] = {
        "",
        "a",
        "dup",
        "dup",
        "cache_control",
        "scope",
        "model",
        "\\u006dodel",
        "stream",
        "type",
        "index",
        "max_tokens",
        "k\\u0000",
        "\\ud800",
        "defer_loading",
        "reasoning_content",
    };
    bool object = one_in(2);
    struct list l = open_list(t, object ? "{}" : "[]", false);

    for (unsigned n = below(5); n; n--) {
        if (object)
            next_member(t, &l, keys[below(sizeof keys / sizeof *keys)]);
        else
            next_element(t, &l);
        put_value(t, depth - 1);
    }
    close_list(t, &l);
}

static void put_value(struct twin *t, unsigned depth)
{
    static const char *const words[] = {"null", "true", "false"};

    switch (below(depth ? 6 : 3)) {
    case 0:
        put(t, words[below(3)]);
        break;
    case 1:
        put_number(t);
        break;
    case 2:
        put_string(t);
        break;
    default:
        put_container(t, depth);
    }
}

/* --- the parts of requests ------------------------------------------------------------------- */

static void free_member(struct twin *t, struct list *l, const char *key)
{
    next_member(t, l, key);
    put_value(t, DEPTH);
}

static void word_member(struct twin *t, struct list *l, const char *key, const char *json)
{
    next_member(t, l, key);
    put(t, json);
}

static void text_member(struct twin *t, struct list *l, const char *key)
{
    next_member(t, l, key);
    put_string(t);
}

/* A member that a rewrite takes out. */
static void lost_member(struct twin *t, struct list *l, const char *key)
{
    t->gone++;
    free_member(t, l, key);
    t->gone--;
}

/* Which of the elements are touched must be known before the container begins. */
struct touch {
    unsigned count;
    bool element[4], any;
};

static struct touch plan(unsigned least, unsigned most)
{
    struct touch p = {.count = least + below(most - least + 1)};

    for (unsigned i = 0; i < p.count; i++) {
        p.element[i] = one_in(4);
        p.any |= p.element[i];
    }
    return p;
}

struct lane {
    const struct family *family;
    const char *model;
    void (*write)(struct twin *t, bool stream);
};

/* --- chat completions ------------------------------------------------------------------------ */

static void chat_part(struct twin *t, bool touched)
{
    struct list l = open_list(t, "{}", touched);

    word_member(t, &l, "type", "\"text\"");
    text_member(t, &l, "text");
    if (touched)
        lost_member(t, &l, "cache_control");
    if (one_in(3))
        free_member(t, &l, "x_part");
    close_list(t, &l);
}

static void chat_call(struct twin *t, bool touched)
{
    struct list l = open_list(t, "{}", touched);

    if (touched)
        lost_member(t, &l, "index");
    word_member(t, &l, "id", "\"call_\\u0031\"");
    free_member(t, &l, "function");
    close_list(t, &l);
}

static void chat_elements(struct twin *t, struct touch parts, void (*element)(struct twin *, bool))
{
    struct list l = open_list(t, "[]", parts.any);

    for (unsigned i = 0; i < parts.count; i++) {
        next_element(t, &l);
        element(t, parts.element[i]);
    }
    close_list(t, &l);
}

static void chat_message(struct twin *t, bool user, bool touched)
{
    struct touch parts = plan(1, 3), calls = plan(1, 2);

    parts.any &= touched;
    calls.any &= touched;
    for (unsigned i = 0; i < 4; i++) {
        parts.element[i] &= touched;
        calls.element[i] &= touched;
    }
    struct list l = open_list(t, "{}", touched);
    word_member(t, &l, "role", user ? "\"user\"" : "\"assistant\"");
    next_member(t, &l, "content");
    chat_elements(t, parts, chat_part);
    if (!user) {
        next_member(t, &l, "tool_calls");
        chat_elements(t, calls, chat_call);
    }
    if (touched)
        lost_member(t, &l, user ? "cache_control" : "reasoning_content");
    free_member(t, &l, "x_message");
    close_list(t, &l);
}

static void chat_messages(struct twin *t)
{
    struct touch messages = plan(1, 4);
    struct list l = open_list(t, "[]", messages.any);

    for (unsigned i = 0; i < messages.count; i++) {
        next_element(t, &l);
        chat_message(t, i % 2 == 0, messages.element[i]);
    }
    close_list(t, &l);
}

static void chat_tools(struct twin *t)
{
    struct list l = open_list(t, "[]", false);

    for (unsigned n = 1 + below(3); n; n--) {
        next_element(t, &l);
        struct list tool = open_list(t, "{}", false);
        word_member(t, &tool, "type", "\"function\"");
        next_member(t, &tool, "function");
        struct list function = open_list(t, "{}", false);
        text_member(t, &function, "name");
        free_member(t, &function, "parameters");
        close_list(t, &function);
        close_list(t, &tool);
    }
    close_list(t, &l);
}

/* The usage chunk is always asked for in a stream; without one the member goes. */
static void chat_stream_options(struct twin *t, struct list *l, bool stream)
{
    t->gone += !stream;
    next_member(t, l, "stream_options");
    bool asked = one_in(2);
    struct list options = open_list(t, "{}", !asked);
    if (asked)
        word_member(t, &options, "include_usage", "true");
    if (one_in(2))
        free_member(t, &options, "include_obfuscation");
    if (!asked && !t->gone)
        buf_add_cstr(&t->arrives,
                     options.any_arrives ? ",\"include_usage\":true" : "\"include_usage\":true");
    close_list(t, &options);
    t->gone -= !stream;
}

static void write_chat(struct twin *t, bool stream)
{
    static const char *const kept[] = {"seed",  "user",       "metadata",        "prediction",
                                       "stop",  "logit_bias", "response_format", "temperature",
                                       "store", "top_p",      "\\u0075ser",      "tool_choice"};
    static const char *const lost[] = {"model", "x_unknown", "\\u006dodel", "verbosity",
                                       "top_k", "",          "thinking",    "reasoning_effort"};
    struct list l = open_list(t, "{}", true);
    bool options = one_in(2);

    for (unsigned n = below(6); n; n--) {
        free_member(t, &l, kept[below(sizeof kept / sizeof *kept)]);
        if (one_in(2))
            lost_member(t, &l, lost[below(sizeof lost / sizeof *lost)]);
    }
    next_member(t, &l, "messages");
    chat_messages(t);
    next_member(t, &l, "tools");
    chat_tools(t);
    word_member(t, &l, "stream", stream ? "true" : "false");
    if (options)
        chat_stream_options(t, &l, stream);
    lost_member(t, &l, "model");
    if (stream && !options)
        buf_add_cstr(&t->arrives, ",\"stream_options\":{\"include_usage\":true}");
    close_list(t, &l);
}

/* --- messages -------------------------------------------------------------------------------- */

static void scoped_cache(struct twin *t, struct list *l)
{
    next_member(t, l, "cache_control");
    struct list cache = open_list(t, "{}", true);
    word_member(t, &cache, "type", "\"ephemeral\"");
    lost_member(t, &cache, "scope");
    close_list(t, &cache);
}

static void text_block(struct twin *t, bool touched)
{
    struct list l = open_list(t, "{}", touched);

    text_member(t, &l, "text");
    word_member(t, &l, "type", "\"text\"");
    if (one_in(3))
        free_member(t, &l, "x_block");
    if (touched)
        scoped_cache(t, &l);
    close_list(t, &l);
}

static void call_block(struct twin *t)
{
    struct list l = open_list(t, "{}", false);

    word_member(t, &l, "type", "\"tool_use\"");
    word_member(t, &l, "id", "\"toolu_\\u0031\"");
    text_member(t, &l, "name");
    free_member(t, &l, "input");
    close_list(t, &l);
}

static void thinking_block(struct twin *t)
{
    struct list l = open_list(t, "{}", false);

    word_member(t, &l, "type", "\"thinking\"");
    text_member(t, &l, "thinking");
    text_member(t, &l, "signature");
    close_list(t, &l);
}

static void result_block(struct twin *t, bool touched)
{
    struct list l = open_list(t, "{}", touched);

    word_member(t, &l, "tool_use_id", "\"toolu_\\u0031\"");
    next_member(t, &l, "content");
    struct list content = open_list(t, "[]", touched);
    next_element(t, &content);
    text_block(t, touched);
    close_list(t, &content);
    word_member(t, &l, "type", "\"tool_result\"");
    close_list(t, &l);
}

/* At most one breakpoint each, so that there are never more than four. */
static void claude_message(struct twin *t, unsigned number, bool touched)
{
    bool user = number % 2 == 0;
    struct list l = open_list(t, "{}", touched);

    next_member(t, &l, "content");
    struct list blocks = open_list(t, "[]", touched);
    if (!user) {
        next_element(t, &blocks);
        thinking_block(t);
    }
    next_element(t, &blocks);
    if (user && number)
        result_block(t, touched);
    else
        text_block(t, touched);
    next_element(t, &blocks);
    if (user)
        text_block(t, false);
    else
        call_block(t);
    close_list(t, &blocks);
    word_member(t, &l, "role", user ? "\"user\"" : "\"assistant\"");
    free_member(t, &l, "x_message");
    close_list(t, &l);
}

static void claude_messages(struct twin *t)
{
    struct touch messages = plan(1, 3);

    messages.count |= 1; /* the last one is the user's */
    struct list l = open_list(t, "[]", messages.any);
    for (unsigned i = 0; i < messages.count; i++) {
        next_element(t, &l);
        claude_message(t, i, messages.element[i]);
    }
    close_list(t, &l);
}

static void claude_tools(struct twin *t)
{
    struct touch tools = plan(1, 3);
    struct list l = open_list(t, "[]", tools.any);

    for (unsigned i = 0; i < tools.count; i++) {
        next_element(t, &l);
        struct list tool = open_list(t, "{}", tools.element[i]);
        free_member(t, &tool, "input_schema");
        if (tools.element[i])
            lost_member(t, &tool, "defer_loading");
        text_member(t, &tool, "name");
        close_list(t, &tool);
    }
    close_list(t, &l);
}

static void write_claude(struct twin *t, bool stream)
{
    static const char *const kept[] = {"temperature", "top_p", "top_k", "stop_sequences"};
    static const char *const lost[] = {"model",        "stream",      "context_management",
                                       "x_unknown",    "speed",       "",
                                       "service_tier", "\\u006dodel", "mcp_servers"};
    bool touched = one_in(3), version = one_in(3);
    struct list l = open_list(t, "{}", true);

    for (unsigned n = below(5); n; n--) {
        free_member(t, &l, kept[below(sizeof kept / sizeof *kept)]);
        if (one_in(2))
            lost_member(t, &l, lost[below(sizeof lost / sizeof *lost)]);
    }
    word_member(t, &l, "max_tokens", one_in(2) ? "1024" : "1.0e3");
    next_member(t, &l, "messages");
    claude_messages(t);
    next_member(t, &l, "tools");
    claude_tools(t);
    if (version)
        word_member(t, &l, "anthropic_version", "\"bedrock-2023-05-31\"");
    next_member(t, &l, "system");
    struct list system = open_list(t, "[]", touched);
    next_element(t, &system);
    text_block(t, touched);
    close_list(t, &system);
    t->gone++;
    word_member(t, &l, "stream", stream ? "true" : "false");
    t->gone--;
    if (!version)
        buf_add_cstr(&t->arrives, ",\"anthropic_version\":\"bedrock-2023-05-31\"");
    close_list(t, &l);
}

/* --- comparing ------------------------------------------------------------------------------- */

static void excerpt(const char *name, struct str text, size_t at)
{
    size_t from = at > EXCERPT_BYTES / 2 ? at - EXCERPT_BYTES / 2 : 0;
    size_t to = text.n - from > EXCERPT_BYTES ? from + EXCERPT_BYTES : text.n;

    printf("%s ...%.*s...\n", name, STR_ARG(str_slice(text, from, to)));
}

static void tell(struct str expected, struct str got, const struct chat_error *err)
{
    size_t at = 0;

    while (at < expected.n && at < got.n && expected.p[at] == got.p[at])
        at++;
    printf("they differ at byte %zu %.*s\n", at, STR_ARG(err->message));
    excerpt("-", expected, at);
    excerpt("+", got, at < got.n ? at : got.n);
}

static bool arrives(const struct lane *lane, struct str sent, struct str expected, bool stream)
{
    struct arena *arena = arena_new(0);
    struct family_model model;
    struct family_call call = {.model = &model, .stream = stream, .lane = true};
    struct dropped dropped = {.arena = arena};
    struct chat_error err = {0};
    struct jspan *body = NULL;
    struct buf got = {0};

    model_describe(str_from(lane->model), &model);
    status s = jspan_parse(arena, sent, &body, NULL);
    if (!s)
        s = lane->family->prepare(arena, body, &call, &dropped, &err);
    if (!s)
        jspan_render(body, &got);
    bool same = str_eq(expected, buf_str(&got));
    if (!same)
        tell(expected, buf_str(&got), &err);
    buf_free(&got);
    arena_free(arena);
    return same;
}

static bool try_seed(const struct lane *lane, uint64_t seed)
{
    struct twin t = {0};

    state = seed * 0x9e3779b97f4a7c15u | 1;
    bool stream = one_in(2);
    lane->write(&t, stream);
    bool same = arrives(lane, buf_str(&t.sent), buf_str(&t.arrives), stream);
    if (!same)
        printf("FAIL %s, seed %llu\n", lane->family->name, (unsigned long long)seed);
    buf_free(&t.sent);
    buf_free(&t.arrives);
    return same;
}

int main(int argc, char **argv)
{
    static const struct lane lanes[] = {
        {&family_azure_openai, "gpt-4.1", write_chat},
        {&family_bedrock_invoke, "anthropic--claude-4-sonnet", write_claude},
    };
    const char *wish = getenv("CORELAY_LANE_REQUESTS");
    uint64_t first = argc > 1 ? strtoull(argv[1], NULL, 10) : 1;
    uint64_t count = argc > 1 ? 1 : wish ? strtoull(wish, NULL, 10) : REQUESTS;
    unsigned failures = 0;

    for (size_t i = 0; i < sizeof lanes / sizeof *lanes; i++)
        for (uint64_t seed = first; seed < first + count && failures < 5; seed++)
            failures += !try_seed(&lanes[i], seed);
    printf("lane: %llu requests for each family, %u failed\n", (unsigned long long)count, failures);
    return failures > 0;
}

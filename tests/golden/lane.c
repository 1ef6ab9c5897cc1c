/*
 * The promise of the lane, with random requests (twin.h): whatever no rewrite names arrives byte for
 * byte.
 *
 *     lane [SEED]        CORELAY_LANE_REQUESTS (10000) requests for each lane
 */
#include <stdio.h>
#include <stdlib.h>

#include "family/family.h"
#include "twin.h"

enum { REQUESTS = 10000, EXCERPT_BYTES = 400 };

struct lane {
    const struct family *family;
    const char *model;
    void (*write)(struct twin *t, bool stream);
};

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

    twin_seed(seed);
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
        {&family_azure_responses, "gpt-4.1", write_responses},
        {&family_bedrock_invoke, "anthropic--claude-4-sonnet", write_claude},
        {&family_vertex_gemini, "gemini-2.5-pro", write_gemini},
    };
    const char *wish = getenv("CORELAY_LANE_REQUESTS");
    uint64_t first = argc > 1 ? strtoull(argv[1], NULL, 10) : 1;
    uint64_t count = argc > 1 ? 1 : wish ? strtoull(wish, NULL, 10) : REQUESTS;
    unsigned failures = 0;

    for (size_t i = 0; i < sizeof lanes / sizeof *lanes; i++)
        for (uint64_t seed = first; seed < first + count && failures < 5; seed++)
            failures += !try_seed(&lanes[i], seed);
    printf("lane: %llu requests for each lane, %u failed\n", (unsigned long long)count, failures);
    return failures > 0;
}

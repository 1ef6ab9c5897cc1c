/* Any bytes as a request of each dialect, on its way to each family: what goes upstream is JSON, or
   the caller is told why not. */
#include <stdint.h>
#include <stdlib.h>

#include "dialect/dialect.h"
#include "family/family.h"

enum { MEMORY = 256 << 20 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct dialect *const dialects[] = {&dialect_openai_chat, &dialect_openai_responses,
                                                 &dialect_anthropic_messages,
                                                 &dialect_gemini_generate};

static const struct {
    const struct family *family;
    const char *model;
} targets[] = {
    {&family_azure_openai, "gpt-4.1"},
    {&family_azure_openai, "gpt-5"},
    {&family_azure_responses, "gpt-5.4"},
    {&family_bedrock_invoke, "anthropic--claude-4.5-sonnet"},
    {&family_bedrock_invoke, "anthropic--claude-4.8-opus"},
    {&family_bedrock_converse, "amazon--nova-pro"},
    {&family_bedrock_converse, "anthropic--claude-4.6-opus"},
    {&family_vertex_gemini, "gemini-2.5-pro"},
    {&family_vertex_gemini, "gemini-3-pro-preview"},
    {&family_openai_compatible, "mistralai--mistral-small"},
    {&family_openai_compatible, "sonar"},
};

static void must(bool held)
{
    if (!held)
        abort();
}

/* The encoded text, rewritten once more; an error has words for the caller. */
static void send(struct arena *arena, const struct family *family, struct family_call *call,
                 const struct chat_request *r, struct dropped *dropped)
{
    struct chat_error err = {0};
    struct buf text = {0};
    struct jspan *body;
    status s = family->encode(arena, r, call, &text, dropped, &err);

    if (!s) {
        must(jspan_parse(arena, buf_str(&text), &body, NULL) == OK);
        s = family->prepare ? family->prepare(arena, body, call, dropped, &err) : OK;
    }
    if (!s) {
        struct buf out = {0};
        jspan_render(body, &out);
        must(jspan_parse(arena, buf_str(&out), &body, NULL) == OK);
        buf_clear(&out);
        family->path(call, &out);
        must(out.n > 0 && out.p[0] == '/');
        buf_free(&out);
    } else {
        must(s == E_NOMEM || s == E_LIMIT || (s == E_SYNTAX && err.message.n > 0));
    }
    buf_free(&text);
}

static void translate(const struct dialect *dialect, struct str text, size_t target)
{
    struct arena *arena = arena_new(MEMORY);
    struct dropped dropped = {.arena = arena};
    struct family_model model;
    struct family_call call = {.model = &model};
    struct chat_request r;
    struct chat_error err;
    struct jspan *body;

    model_describe(str_from(targets[target].model), &model);
    chat_request_init(&r);
    if (jspan_parse(arena, text, &body, NULL) == OK &&
        dialect->decode(arena, body, &r, &dropped, &err) == OK) {
        call.stream = r.stream;
        call.choices = r.n > 1 ? (unsigned)r.n : 1;
        send(arena, targets[target].family, &call, &r, &dropped);
    }
    arena_free(arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = {(const char *)data, size};

    for (size_t d = 0; d < sizeof dialects / sizeof *dialects; d++)
        for (size_t t = 0; t < sizeof targets / sizeof *targets; t++)
            translate(dialects[d], text, t);
    return 0;
}

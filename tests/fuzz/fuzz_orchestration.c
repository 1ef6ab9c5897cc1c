/*
 * Any bytes as an answer of the orchestration service, and as a request on its way there: whatever a
 * caller writes, the template that the service fills in has no placeholder but ours.
 */
#include <stdlib.h>

#include "dialect/dialect.h"
#include "family/orchestration.h"
#include "family_rounds.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Every string below: "{{" stands there only as the whole of "{{?corelay_N}}". */
static void check_strings(struct arena *arena, const struct jspan *n)
{
    struct str text = jspan_str(arena, n);

    if (text.p && str_find(text, "{{") < text.n && !str_starts(text, "{{?corelay_"))
        abort();
    if (text.p && str_starts(text, "{{?corelay_") && str_find(text, "}}") != text.n - 2)
        abort();
    for (const struct jspan *c = jspan_first(n); c; c = c->next)
        check_strings(arena, c);
}

static void check_body(struct arena *arena, struct str body)
{
    struct jspan *root;

    if (jspan_parse(arena, body, &root, NULL))
        abort();
    const struct jspan *modules = jspan_get(jspan_get(root, "config"), "modules");
    const struct jspan *prompt = jspan_get(jspan_get(modules, "prompt_templating"), "prompt");
    if (jspan_count(jspan_get(prompt, "template")) != 1)
        abort();
    check_strings(arena, jspan_get(prompt, "template"));
}

static void send(const struct dialect *dialect, const char *model, struct str request)
{
    struct arena *arena = arena_new(0);
    struct family_model rules;
    struct family_call call = {.model = &rules};
    struct chat_request chat;
    struct dropped dropped = {.arena = arena};
    struct chat_error err = {0};
    struct buf out = {0};
    struct jspan *body;

    model_describe(str_from(model), &rules);
    chat_request_init(&chat);
    if (jspan_parse(arena, request, &body, NULL) == OK && jspan_is(body, JSPAN_OBJECT) &&
        dialect->decode(arena, body, &chat, &dropped, &err) == OK &&
        family_orchestration.encode(arena, &chat, &call, &out, &dropped, &err) == OK)
        check_body(arena, buf_str(&out));
    buf_free(&out);
    arena_free(arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const models[] = {"gpt-4.1", "anthropic--claude-4.5-sonnet",
                                         "mistralai--mistral-large-instruct", NULL};
    const struct dialect *const dialects[] = {&dialect_openai_chat, &dialect_openai_responses,
                                              &dialect_anthropic_messages,
                                              &dialect_gemini_generate};
    struct str bytes = {(const char *)data, size};

    family_rounds(&family_orchestration, models, data, size);
    for (size_t d = 0; d < sizeof dialects / sizeof *dialects; d++)
        for (size_t m = 0; models[m]; m++)
            send(dialects[d], models[m], bytes);
    return 0;
}

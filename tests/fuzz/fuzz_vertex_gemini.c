/* Any bytes as an answer of Gemini, as a request, and as a tool's schema. */
#include <stdlib.h>

#include "family/vertex_gemini.h"
#include "family_rounds.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Whatever the schema, what is made of it is JSON. */
static void clean(struct str schema)
{
    struct arena *arena = arena_new(0);
    struct buf out = {0};
    struct jwrite w = jwrite_to(&out);
    struct jspan *root;

    if (gemini_write_schema(arena, schema, &w) == OK &&
        jspan_parse(arena, buf_str(&out), &root, NULL))
        abort();
    buf_free(&out);
    arena_free(arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const models[] = {"gemini-3.5-flash", NULL};

    family_rounds(&family_vertex_gemini, models, data, size);
    clean((struct str){(const char *)data, size});
    return 0;
}

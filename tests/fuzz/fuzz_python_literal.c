/* Any bytes: a literal becomes JSON that our own parser takes, or is refused. */
#include <stdint.h>
#include <stdlib.h>

#include "base/jspan.h"
#include "family/python_literal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *scratch = arena_new(0);
    struct str json;
    struct jspan *tree;
    struct jspan_error err = {0};

    if (!scratch)
        return 0;
    if (python_literal_to_json(scratch, (struct str){(const char *)data, size}, &json) == OK &&
        jspan_parse(scratch, json, &tree, &err) != OK &&
        strcmp(err.what, "invalid UTF-8 in a string") != 0)
        abort();
    arena_free(scratch);
    return 0;
}

/* Any bytes as a path and its query: what is found lies within them, decoded. */
#include <stdint.h>
#include <stdlib.h>

#include "exchange/endpoint.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *arena = arena_new(0);
    struct str query = {(const char *)data, size}, path = str_cut(&query, '?');
    struct endpoint_match m;

    if (!arena)
        return 0;
    if (endpoint_find(arena, path, false, &m) != OK || m.model.n + m.rest.n > path.n ||
        m.id.n > path.n || (m.model.n && !m.endpoint) ||
        (m.endpoint && !endpoint_allow(arena, m.endpoint).n))
        abort();
    if (endpoint_query(arena, query, "key").n > query.n)
        abort();
    for (size_t n; m.model.n; m.model = str_slice(m.model, n, m.model.n))
        if ((n = str_utf8(m.model)) == 0)
            abort();
    arena_free(arena);
    return 0;
}

/* Any bytes as a path and its query: what passes holds no way out, however often it is decoded. */
#include <stdint.h>
#include <stdlib.h>

#include "exchange/endpoint.h"
#include "exchange/pass_path.h"

enum { ROUNDS = 6 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Does a segment that begins at `s` climb? */
static bool climbs(struct str s)
{
    struct str segment = str_cut(&s, '/');
    return str_is(segment, "..") || str_is(segment, ".");
}

static void look(struct str path)
{
    if (str_find(path, "//") < path.n || memchr(path.p, '\\', path.n))
        abort();
    for (size_t i = 0; i < path.n; i++)
        if (path.p[i] == '/' && climbs(str_slice(path, i + 1, path.n)))
            abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *arena = arena_new(0);
    struct str query = {(const char *)data, size}, path = str_cut(&query, '?'), out;

    if (!arena)
        return 0;
    if (path.n && pass_path_good(path))
        for (int i = 0; i < ROUNDS && path.n; i++) {
            look(path);
            path = endpoint_decode(arena, path);
        }
    if (pass_query(arena, query, &out) == OK && str_find(out, "&key=") < out.n)
        abort();
    arena_free(arena);
    return 0;
}

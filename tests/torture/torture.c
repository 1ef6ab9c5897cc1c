/*
 * Each allocation fails once: no crash, no leak (in a build with --enable-sanitizers), and either the
 * same result or a clean error; never half of an answer, and never the caller's fault.
 *
 *     torture              all golden cases, and the files that are read (srcdir: from the environment)
 */
#include <stdio.h>
#include <stdlib.h>

#include "failing.h"
#include "scene.h"

static uint64_t scenes, allocations;

static bool is_clean(const struct scene *scene, uint64_t number, status s, const struct buf *got,
                     status expected, const struct buf *whole)
{
    bool same = s == expected && str_eq(buf_str(got), buf_str(whole));

    if (same || s == E_NOMEM)
        return true;
    printf("FAIL %s: allocation %llu: %s, %s\n", scene->name, (unsigned long long)number,
           status_text(s), s == expected ? "another result" : "not what it is otherwise");
    return false;
}

unsigned torture(const struct scene *scene)
{
    struct buf whole = {0};
    unsigned bad = 0;

    failing_begin(0);
    status expected = scene->act(scene->arg, &whole);
    uint64_t count = failing_end();
    for (uint64_t number = 1; number <= count && bad < 3; number++) {
        struct buf got = {0};
        failing_begin(number);
        status s = scene->act(scene->arg, &got);
        failing_end();
        bad += !is_clean(scene, number, s, &got, expected, &whole);
        buf_free(&got);
    }
    scenes++;
    allocations += count;
    buf_free(&whole);
    return bad;
}

int main(void)
{
    const char *srcdir = getenv("srcdir");
    unsigned bad = torture_exchanges(srcdir && *srcdir ? srcdir : ".");
    bad += torture_files();
    printf("torture: %llu scenes, %llu allocations, %u failed\n", (unsigned long long)scenes,
           (unsigned long long)allocations, bad);
    return bad > 0;
}

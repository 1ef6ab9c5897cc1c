/* Any bytes as a configuration file: a usable configuration results, or a problem that is more than
   a warning. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "config/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

static bool has_offence(struct str problems)
{
    while (problems.n) {
        struct str line = str_cut(&problems, '\n');
        if (line.n && !str_starts(line, "warning: "))
            return true;
    }
    return false;
}

static void try_file(const char *path)
{
    struct buf problems = {0};
    struct config *c = NULL;
    status s = config_load(path, &c, &problems);

    if (s == OK ? !c || !c->accounts || !(c->keys.first || c->allow_anonymous) ||
                      has_offence(buf_str(&problems))
                : c || !has_offence(buf_str(&problems)))
        abort();
    config_free(c);
    buf_free(&problems);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    char path[] = "/tmp/corelay-fuzz.XXXXXX";
    int fd = mkstemp(path);

    if (fd < 0 || write(fd, bytes, n) != (ssize_t)n)
        abort();
    close(fd);
    try_file(path);
    unlink(path);
    return 0;
}

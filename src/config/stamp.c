/* Has a file changed that the configuration was read from? */
#include <sys/stat.h>

#include "config/config.h"

static uint64_t mix(uint64_t hash, uint64_t value)
{
    return (hash ^ value) * 1099511628211u; /* FNV-1a, a word at a time */
}

uint64_t config_stamp(const struct config *c)
{
    uint64_t hash = 14695981039346656037u;
    struct stat st;

    for (const struct config_file *f = c->files; f; f = f->next) {
        if (stat(f->path, &st) < 0) {
            hash = mix(hash, 1);
            continue;
        }
        hash = mix(hash, (uint64_t)st.st_ino);
        hash = mix(hash, (uint64_t)st.st_size);
        hash = mix(hash, (uint64_t)st.st_mode << 32 | st.st_uid); /* it may be trusted now */
        hash = mix(hash, (uint64_t)st.st_mtim.tv_sec);
        hash = mix(hash, (uint64_t)st.st_mtim.tv_nsec);
    }
    return hash;
}

/* The token files as an administrator sees them: what is there, and away with it. */
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "aicore/token.h"
#include "aicore/token_record.h"
#include "base/clock.h"
#include "base/crypto.h"
#include "base/file.h"

enum { PREFIX = sizeof "token-" - 1, ID = SERVICE_KEY_ID_BYTES - 1 };

/* token-<id>.json, and the same with a suffix where a writer was killed before its rename. */
static bool is_token_file(const char *name, bool leftovers)
{
    if (strncmp(name, "token-", PREFIX) != 0 || strspn(name + PREFIX, "0123456789abcdef") != ID)
        return false;
    const char *rest = name + PREFIX + ID;
    return strcmp(rest, ".json") == 0 || (leftovers && strncmp(rest, ".json.", 6) == 0);
}

static int is_entry(const struct dirent *d)
{
    return is_token_file(d->d_name, false);
}

static int is_entry_or_leftover(const struct dirent *d)
{
    return is_token_file(d->d_name, true);
}

static void judge(const struct token_record *record, struct token_entry *entry)
{
    int64_t now = clock_wall_ms();

    entry->fetched_s = record->fetched_ms / 1000;
    entry->expires_s = record->expires_ms / 1000;
    entry->usable = record->token.n && token_record_left_ms(record, now) > 0;
    if (record->refused.until_ms > now)
        entry->problem = "the credential was refused";
    else if (record->busy.until_ms > now)
        entry->problem = "the token service did not answer";
    else if (!record->token.n)
        entry->problem = "holds no token";
    else if (!entry->usable)
        entry->problem = "has expired";
}

static void read_entry(const char *path, struct token_entry *entry)
{
    struct buf content = {.ceiling = TOKEN_FILE_MAX};
    struct token_record record;
    struct arena *arena = arena_new(4 * TOKEN_FILE_MAX);

    buf_reserve(&content, TOKEN_FILE_MAX);
    status s = arena ? file_read_private(path, &content, &entry->problem) : E_NOMEM;
    if (!s)
        s = token_record_parse(arena, buf_str(&content), &record, &entry->problem);
    if (!s)
        judge(&record, entry);
    else if (!entry->problem)
        entry->problem = s == E_LIMIT ? "is too large" : "cannot be read";
    if (content.p)
        crypto_wipe(content.p, content.cap);
    buf_free(&content);
    arena_free(arena);
}

static void entry_of(const char *state_dir, const char *name, struct token_entry *entry)
{
    char path[PATH_MAX];

    *entry = (struct token_entry){.usable = false};
    memcpy(entry->id, name + PREFIX, ID);
    if (snprintf(path, sizeof path, "%s/%s", state_dir, name) < (int)sizeof path)
        read_entry(path, entry);
    else
        entry->problem = "has too long a path";
}

status token_list(const char *state_dir, void (*each)(void *arg, const struct token_entry *entry),
                  void *arg)
{
    struct dirent **names;
    int count = scandir(state_dir, &names, is_entry, alphasort);

    if (count < 0)
        return errno == ENOENT ? OK : E_IO;
    for (int i = 0; i < count; i++) {
        struct token_entry entry;
        entry_of(state_dir, names[i]->d_name, &entry);
        each(arg, &entry);
        free(names[i]);
    }
    free(names);
    return OK;
}

status token_clear(const char *state_dir, const char *id, int *count)
{
    struct dirent **names;
    char path[PATH_MAX];
    status s = OK;
    int found = scandir(state_dir, &names, is_entry_or_leftover, alphasort);

    *count = 0;
    if (found < 0)
        return errno == ENOENT ? OK : E_IO;
    for (int i = 0; i < found; i++) {
        const char *name = names[i]->d_name;
        bool asked = !id || (strlen(id) == ID && strncmp(name + PREFIX, id, ID) == 0);
        int length = snprintf(path, sizeof path, "%s/%s", state_dir, name);
        if (asked && (length >= (int)sizeof path || unlink(path) < 0))
            s = E_IO;
        else if (asked && is_token_file(name, false))
            ++*count;
        free(names[i]);
    }
    free(names);
    return s;
}

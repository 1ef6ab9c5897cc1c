/*
 * Who else may change the files that we believe, or read those that are secret.
 *
 * An offence is an error with the command that mends it: a file that others can write is a file of
 * theirs. The rules are in doc/configuration.md, "Files and their modes". Only the folder that holds a
 * file is looked at beside it, not those above: who owns /etc owns everything.
 */
#include <errno.h>
#include <limits.h>
#include <dirent.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/reading.h"

enum { OTHERS_WRITE = S_IWGRP | S_IWOTH, STRAYS_MAX = 8 };

/* --- what is said ---------------------------------------------------------------------------- */

/* Containers often have modes that nobody there chose, and one user. */
static bool only_warns(void)
{
    const char *checks = getenv("CORELAY_FILE_CHECKS");

    return checks && strcmp(checks, "warn") == 0;
}

/* A path as a shell takes it. */
static void add_path(struct buf *out, const char *path)
{
    static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                "0123456789/._-+=:@%,";

    if (path[strspn(path, plain)] == '\0' && *path != '-') {
        buf_add_cstr(out, path);
        return;
    }
    buf_add_char(out, '\'');
    for (const char *p = path; *p; p++) {
        if (*p == '\'')
            buf_add_cstr(out, "'\\''");
        else
            buf_add_char(out, *p);
    }
    buf_add_char(out, '\'');
}

static void report(struct reading *r, const struct place *at, const char *path, const char *what,
                   const char *command)
{
    struct buf line = {0};

    if (strcmp(r->file, path) != 0) /* it is named in front of the line */
        buf_printf(&line, "%s ", path);
    buf_printf(&line, "%s; %s ", what, command);
    add_path(&line, path);
    buf_add_char(&line, '\0');
    if (line.failed)
        r->no_memory = true;
    else if (only_warns())
        reading_warning(r, at, "%s", line.p);
    else
        reading_error(r, at, "%s", line.p);
    buf_free(&line);
}

/* --- files ----------------------------------------------------------------------------------- */

/* Root's and our own. Root itself looks at files for others, and may read what it likes. */
static bool is_foreign(uid_t owner)
{
    return owner != 0 && owner != geteuid() && geteuid() != 0;
}

static bool was_looked_at(struct reading *r, const char *folder)
{
    for (const struct config_file *f = r->folders; f; f = f->next)
        if (strcmp(f->path, folder) == 0)
            return true;
    struct config_file *seen = reading_alloc(r, sizeof *seen);
    if (seen) {
        *seen = (struct config_file){folder, r->folders};
        r->folders = seen;
    }
    return false;
}

/* Who may write to a folder replaces what is in it, unless it is sticky as /tmp is. */
static void check_folder(struct reading *r, const struct place *at, const char *file)
{
    const char *slash = strrchr(file, '/');
    size_t length = slash ? (size_t)(slash - file) : 0;
    const char *folder =
        !slash ? "."
               : arena_cstr(r->config->arena, (struct str){length ? file : "/", length + !length});
    struct stat st;

    if (!folder)
        r->no_memory = true;
    if (!folder || was_looked_at(r, folder) || stat(folder, &st) < 0)
        return;
    if (is_foreign(st.st_uid))
        report(r, at, folder, "holds this file and belongs to another user", "chown root");
    if ((st.st_mode & OTHERS_WRITE) && !(st.st_mode & S_ISVTX))
        report(r, at, folder, "holds this file and can be written by others", "chmod go-w");
}

void trust_file(struct reading *r, const struct place *at, const char *path, enum trust need)
{
    char real[PATH_MAX];
    struct stat st;

    if (stat(path, &st) < 0 || !S_ISREG(st.st_mode)) /* a pipe of whoever started us is his own */
        return;
    bool written = st.st_mode & OTHERS_WRITE;
    bool read = need == TRUST_SECRET && (st.st_mode & S_IROTH);
    if (is_foreign(st.st_uid))
        report(r, at, path, "belongs to another user, who can change it", "chown root");
    if (read)
        report(r, at, path, "holds secrets and can be read by every user of this host",
               written ? "chmod go-w,o=" : "chmod o=");
    else if (written)
        report(r, at, path, "can be written by others", "chmod go-w");
    check_folder(r, at, path);
    if (realpath(path, real) && strcmp(real, path) != 0)
        check_folder(r, at, real);
}

/* --- the state folder ------------------------------------------------------------------------ */

static void check_stray(struct reading *r, const struct place *at, const char *path)
{
    struct stat st;

    if (lstat(path, &st) < 0 || !S_ISREG(st.st_mode))
        return;
    if (geteuid() != 0 && st.st_uid != geteuid())
        reading_warning(r, at, "%s belongs to another user, so it is not used; rm %s", path, path);
    else if (st.st_mode & 077)
        reading_warning(r, at, "%s is open to others, so it is not used; chmod 600 %s", path, path);
}

/* Files of ours lie directly in the folder; those in folders below are too many to look at here. */
static void check_strays(struct reading *r, const struct place *at, const char *folder)
{
    char path[PATH_MAX];
    DIR *files = opendir(folder);
    size_t before = r->problems->n;
    int reported = 0;

    for (struct dirent *d; files && reported < STRAYS_MAX && (d = readdir(files)) != NULL;) {
        if (snprintf(path, sizeof path, "%s/%s", folder, d->d_name) < (int)sizeof path)
            check_stray(r, at, path);
        reported += r->problems->n != before;
        before = r->problems->n;
    }
    if (files)
        closedir(files);
}

void trust_state_folder(struct reading *r, const struct place *at, const char *path)
{
    struct stat st;
    char chown_line[48];

    if (stat(path, &st) < 0)
        return; /* it is made when it is needed */
    if (!S_ISDIR(st.st_mode)) {
        reading_error(r, at, "%s is no folder; expected one of our own", path);
        return;
    }
    snprintf(chown_line, sizeof chown_line, "chown %lu", (unsigned long)geteuid());
    if (geteuid() != 0 && st.st_uid != geteuid())
        report(r, at, path, "belongs to another user than the one who runs this", chown_line);
    else if (st.st_mode & OTHERS_WRITE)
        report(r, at, path, "can be written by others", "chmod go-w");
    else
        check_strays(r, at, path);
}

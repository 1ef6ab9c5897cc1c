/*
 * A service binding of Kubernetes: a folder below $SERVICE_BINDING_ROOT with a file for each field of
 * the service key, and one with the name `type` that says "aicore".
 *
 * Wire: servicebinding.io, "Workload Projection"; SAP's operator writes values that are objects as
 * JSON (their names stand in `.metadata`, which is not needed to tell them).
 */
#include <dirent.h>
#include <stdlib.h>

#include "base/file.h"
#include "base/jwrite.h"
#include "config/reading.h"

/* A field as text without the line end that some tools leave; unset when there is none. */
static struct str read_field(struct reading *r, const char *folder, const char *name)
{
    struct buf text = {.ceiling = SERVICE_KEY_FILE_MAX};
    struct str path = arena_printf(r->config->arena, "%s/%s", folder, name);
    struct str field = STR_NONE;

    if (path.p && file_read(path.p, &text) == OK)
        field = arena_str(r->config->arena, str_trim(buf_str(&text)));
    if (field.p) {
        reading_remember_file(r, path.p);
        trust_file(r, NULL, path.p, TRUST_OPEN); /* the platform's modes: 0644, in a container */
    }
    buf_free(&text);
    return field;
}

static bool is_json_object(struct str text)
{
    struct json *json = NULL;
    bool object = json_parse(text, &json, NULL, NULL) == OK && json_is_object(json);

    json_free(json);
    return object;
}

/* All fields of the folder as one object: the service key that it was made of. */
static void collect(struct reading *r, const char *folder, DIR *files, struct buf *out)
{
    struct jwrite w = jwrite_to(out);

    jwrite_object(&w);
    for (struct dirent *file; (file = readdir(files)) != NULL;) {
        if (*file->d_name == '.') /* the mount's own */
            continue;
        struct str field = read_field(r, folder, file->d_name);
        if (!field.p)
            continue;
        if (is_json_object(field))
            jwrite_member_raw(&w, file->d_name, field);
        else
            jwrite_member_str(&w, file->d_name, field);
    }
    jwrite_end(&w);
    buf_add_char(out, '\0');
}

static void read_binding(struct reading *r, const char *folder)
{
    struct buf key = {.ceiling = SERVICE_KEY_FILE_MAX};
    DIR *files = opendir(folder);

    if (files)
        collect(r, folder, files, &key);
    if (files && !key.failed)
        environment_give_key(r, folder, key.p);
    else
        reading_error(r, NULL, "%s cannot be read; expected the files of a service binding",
                      folder);
    if (files)
        closedir(files);
    buf_free(&key);
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static int is_visible(const struct dirent *d)
{
    return *d->d_name != '.';
}

bool binding_read_account(struct reading *r)
{
    const char *root = getenv("SERVICE_BINDING_ROOT");
    struct dirent **entries = NULL;
    int count = root && *root ? scandir(root, &entries, is_visible, by_name) : 0;
    bool found = false;

    for (int i = 0; i < count; i++) {
        struct str folder =
            found ? STR_NONE : arena_printf(r->config->arena, "%s/%s", root, entries[i]->d_name);
        found = found || (folder.p && str_is(read_field(r, folder.p, "type"), "aicore"));
        if (folder.p && found)
            read_binding(r, folder.p);
        free(entries[i]);
    }
    free(entries);
    return found;
}

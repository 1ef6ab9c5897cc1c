/* What the environment says where no file does: accounts, callers' keys, the state folder. */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>
#include <sys/stat.h>

#include "config/reading.h"

/* NULL for an unset or empty variable. */
static const char *variable(const char *name)
{
    const char *value = getenv(name);

    return value && *value ? value : NULL;
}

/* --- accounts: the first source that has any credential gives all of them -------------------- */

/* The legacy account of the file, if it has one, lends its groups and deployments. */
static void give_account(struct reading *r, struct service_key *key, const char *source,
                         const char *group)
{
    struct config_account *account = r->legacy;
    const char *own_group = variable("AICORE_RESOURCE_GROUP");

    r->failed |= !key;
    if (!account)
        account = account_new(r);
    if (!account || !key)
        return;
    account->name = "default";
    account->key = key;
    account->source = reading_copy(r, source);
    bool unset = account->resource_group_count == 0;
    account_default_group(r, account);
    if (unset && account->resource_group_count && (own_group || group))
        account->resource_groups[0] = reading_copy(r, own_group ? own_group : group);
    account_append(r, account);
}

void environment_give_key(struct reading *r, const char *source, const char *text)
{
    struct json *json = NULL;
    int line = 0, column = 0;
    struct service_key *key = NULL;

    if (json_parse(str_from(text), &json, &line, &column) == OK)
        key = service_key_parse(r->config->arena, json, source, r->problems);
    else
        buf_printf(r->problems, "%s: not JSON (line %d, column %d); expected a service key\n",
                   source, line, column);
    json_free(json);
    give_account(r, key, source, NULL);
}

static bool from_service_key(struct reading *r)
{
    const char *text = variable("AICORE_SERVICE_KEY");

    if (text)
        environment_give_key(r, "AICORE_SERVICE_KEY", text);
    return text != NULL;
}

static void remember_pem_files(struct reading *r, const struct service_key_fields *f)
{
    if (f->certificate_file) {
        reading_remember_file(r, f->certificate_file);
        trust_file(r, NULL, f->certificate_file, TRUST_OPEN);
    }
    if (f->key_file) {
        reading_remember_file(r, f->key_file);
        trust_file(r, NULL, f->key_file, TRUST_SECRET);
    }
}

static bool from_variables(struct reading *r)
{
    struct service_key_fields f = {.client_id = variable("AICORE_CLIENT_ID"),
                                   .client_secret = variable("AICORE_CLIENT_SECRET"),
                                   .auth_url = variable("AICORE_AUTH_URL"),
                                   .base_url = variable("AICORE_BASE_URL"),
                                   .cert_url = variable("AICORE_CERT_URL"),
                                   .certificate = variable("AICORE_CERT_STR"),
                                   .key = variable("AICORE_KEY_STR"),
                                   .certificate_file = variable("AICORE_CERT_FILE_PATH"),
                                   .key_file = variable("AICORE_KEY_FILE_PATH")};

    if (!f.client_id && !f.client_secret && !f.certificate && !f.certificate_file)
        return false;
    remember_pem_files(r, &f);
    give_account(r, service_key_from_fields(r->config->arena, &f, "environment", r->problems),
                 "environment", NULL);
    return true;
}

/* $AICORE_CONFIG, else config.json (or config_PROFILE.json) in $AICORE_HOME or ~/.aicore. */
static const char *sap_file(struct reading *r)
{
    const char *file = variable("AICORE_CONFIG"), *folder = variable("AICORE_HOME");
    const char *profile = variable("AICORE_PROFILE"), *home = variable("HOME");
    bool plain = !profile || strcmp(profile, "default") == 0;

    if (file)
        return reading_copy(r, file);
    if (!folder && !home)
        return NULL;
    return arena_printf(r->config->arena, "%s%s/config%s%s.json", folder ? folder : home,
                        folder ? "" : "/.aicore", plain ? "" : "_", plain ? "" : profile)
        .p;
}

/* A field of that file: by its AICORE_ name or by the plain one. */
static const char *sap_field(const struct json *json, const char *upper, const char *lower)
{
    const char *text = json_text(json_get(json, upper), json_text(json_get(json, lower), NULL));

    return text && *text ? text : NULL;
}

static void parse_sap_file(struct reading *r, const struct json *json, const char *path)
{
    struct service_key_fields f = {
        .client_id = sap_field(json, "AICORE_CLIENT_ID", "client_id"),
        .client_secret = sap_field(json, "AICORE_CLIENT_SECRET", "client_secret"),
        .auth_url = sap_field(json, "AICORE_AUTH_URL", "auth_url"),
        .base_url = sap_field(json, "AICORE_BASE_URL", "base_url"),
        .cert_url = sap_field(json, "AICORE_CERT_URL", "cert_url"),
        .certificate = sap_field(json, "AICORE_CERT_STR", "cert_str"),
        .key = sap_field(json, "AICORE_KEY_STR", "key_str"),
        .certificate_file = sap_field(json, "AICORE_CERT_FILE_PATH", "cert_file_path"),
        .key_file = sap_field(json, "AICORE_KEY_FILE_PATH", "key_file_path")};

    remember_pem_files(r, &f);
    give_account(r, service_key_from_fields(r->config->arena, &f, path, r->problems), path,
                 sap_field(json, "AICORE_RESOURCE_GROUP", "resource_group"));
}

static bool from_sap_file(struct reading *r)
{
    const char *path = sap_file(r);
    struct json *json = NULL;
    int line = 0, column = 0;
    status s =
        path ? json_read_file(path, SERVICE_KEY_FILE_MAX, &json, &line, &column) : E_NOT_FOUND;

    if (s == E_NOT_FOUND && !variable("AICORE_CONFIG"))
        return false;
    if (s == OK) {
        reading_remember_file(r, path);
        trust_file(r, NULL, path, TRUST_SECRET);
        parse_sap_file(r, json, path);
    } else {
        r->failed = true;
        if (s == E_SYNTAX)
            buf_printf(r->problems, "%s: line %d, column %d: not JSON\n", path, line, column);
        else
            buf_printf(r->problems, "%s: %s; expected a file of SAP's AI Core tools\n", path,
                       s == E_NOT_FOUND ? "no such file" : status_text(s));
    }
    json_free(json);
    return true;
}

/* The credentials of the first service binding with the label "aicore". */
static const struct json *find_binding(const struct json *services)
{
    for (const struct json *list = json_first(services); list; list = json_next(list))
        for (const struct json *b = json_is_array(list) ? json_first(list) : NULL; b;
             b = json_next(b))
            if (strcmp(json_text(json_get(b, "label"), ""), "aicore") == 0)
                return json_get(b, "credentials");
    return NULL;
}

static bool from_vcap(struct reading *r)
{
    static const char name[] = "VCAP_SERVICES";
    const char *text = variable(name);
    struct json *json = NULL;
    int line = 0, column = 0;

    if (!text)
        return false;
    if (json_parse(str_from(text), &json, &line, &column)) {
        buf_printf(r->problems, "%s: not JSON (line %d, column %d)\n", name, line, column);
        r->failed = true;
        return true;
    }
    const struct json *credentials = find_binding(json);
    if (credentials)
        give_account(r, service_key_parse(r->config->arena, credentials, name, r->problems), name,
                     NULL);
    json_free(json);
    return credentials != NULL;
}

void environment_read_account(struct reading *r)
{
    if (from_service_key(r) || from_variables(r) || from_sap_file(r) || from_vcap(r) ||
        binding_read_account(r))
        return;
    reading_error(r, NULL,
                  "names no account; expected subAccounts.NAME.service_key_json, or a "
                  "service key in AICORE_SERVICE_KEY");
}

/* --- callers' keys --------------------------------------------------------------------------- */

void environment_read_keys(struct reading *r)
{
    const char *list = variable("CORELAY_API_KEYS"), *open = variable("CORELAY_ALLOW_ANONYMOUS");
    struct str rest = str_from(list);
    struct place at = {NULL, "CORELAY_API_KEYS", 0};

    if (open && strcmp(open, "1") == 0)
        r->config->allow_anonymous = true;
    else if (open && strcmp(open, "0") != 0)
        buf_printf(r->problems, "warning: CORELAY_ALLOW_ANONYMOUS: neither 1 nor 0, so ignored\n");
    while (rest.p) {
        struct place element = {&at, NULL, at.index++};
        struct str one = str_trim(str_cut(&rest, ','));
        const char *text = arena_cstr(r->config->arena, one);
        r->keys_attempted = true;
        r->key_number++;
        if (one.n == 0)
            reading_error(r, &element, "is empty; expected a key, or \"sha256:\" and its hash");
        else if (text)
            api_key_add(r, &element, NULL, text);
        else
            r->no_memory = true;
    }
}

/* --- the state folder ------------------------------------------------------------------------ */

/* Could this folder be ours? It need not exist when its parent lets us make it. */
static bool usable(const char *path)
{
    struct stat st;

    if (stat(path, &st) == 0)
        return S_ISDIR(st.st_mode) && st.st_uid == geteuid() && !(st.st_mode & 022) &&
               access(path, W_OK | X_OK) == 0;
    const char *slash = strrchr(path, '/');
    char parent[512];
    if (errno != ENOENT || !slash || (size_t)(slash - path) >= sizeof parent)
        return false;
    memcpy(parent, path, (size_t)(slash - path));
    parent[slash - path] = '\0';
    return access(parent, W_OK | X_OK) == 0;
}

static const char *home_folder(struct reading *r)
{
    const char *state = variable("XDG_STATE_HOME"), *home = variable("HOME");
    struct arena *arena = r->config->arena;

    if (state && *state == '/')
        return arena_printf(arena, "%s/corelay", state).p;
    if (home && *home == '/' && access(home, W_OK | X_OK) == 0)
        return arena_printf(arena, "%s/.local/state/corelay", home).p;
    return NULL;
}

/* No folder below /tmp: its name could be guessed, and others could make it first. */
void environment_read_state_dir(struct reading *r)
{
    const char *own = variable("CORELAY_STATE_DIR");

    if (r->config->state_dir)
        return;
    if (own)
        r->config->state_dir = reading_copy(r, own);
    else if (usable(LOCALSTATEDIR "/lib/corelay"))
        r->config->state_dir = LOCALSTATEDIR "/lib/corelay";
    else
        r->config->state_dir = home_folder(r);
    if (!r->config->state_dir)
        reading_warning(r, NULL,
                        "no folder for tokens was found, so every process fetches its "
                        "own; set state_dir or CORELAY_STATE_DIR");
}

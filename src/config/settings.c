/* The tables of the configuration's keys and their ranges. */
#include <ctype.h>

#include "config/reading.h"

#define MIB        (1024.0 * 1024.0)
#define DAY        86400.0

#define AT(member) offsetof(struct config, member)
#define BOOL(name, member)                                                                         \
    {                                                                                              \
        name, KEY_BOOL, AT(member), 0, 0, NULL, NULL                                               \
    }
#define INT(name, member, lo, hi)                                                                  \
    {                                                                                              \
        name, KEY_INT, AT(member), lo, hi, NULL, NULL                                              \
    }
#define NUMBER(name, member, lo, hi)                                                               \
    {                                                                                              \
        name, KEY_NUMBER, AT(member), lo, hi, NULL, NULL                                           \
    }
#define SECONDS(name, member, lo, hi)                                                              \
    {                                                                                              \
        name, KEY_SECONDS, AT(member), lo, hi, NULL, NULL                                          \
    }
#define TEXT(name, member)                                                                         \
    {                                                                                              \
        name, KEY_TEXT, AT(member), 0, 0, NULL, NULL                                               \
    }
#define OBJECT(name, members)                                                                      \
    {                                                                                              \
        name, KEY_OBJECT, 0, 0, 0, members, NULL                                                   \
    }
#define READ(name, function)                                                                       \
    {                                                                                              \
        name, KEY_READ, 0, 0, 0, NULL, function                                                    \
    }

/* --- values of a kind of their own ----------------------------------------------------------- */

static void read_log_level(struct reading *r, const struct json *value, const struct place *at,
                           void *into)
{
    static const char expected[] = "\"error\", \"warning\", \"info\" or \"debug\"";
    struct config *c = into;
    const char *word = reading_text(r, value, at, expected);

    if (word && !log_level_parse(str_from(word), &c->log.level))
        reading_error(r, at, "is \"%s\"; expected %s", word, expected);
}

static const char *log_place(struct reading *r, const struct json *value, const struct place *at,
                             const char *otherwise)
{
    const char *text = reading_text(r, value, at, "\"stderr\", \"syslog\" or a path");

    if (!text)
        return otherwise;
    if (strcmp(text, "stderr") == 0 || strcmp(text, "syslog") == 0)
        return reading_copy(r, text);
    return reading_path(r, text);
}

static void read_log_destination(struct reading *r, const struct json *value,
                                 const struct place *at, void *into)
{
    struct config *c = into;

    c->log.destination = log_place(r, value, at, c->log.destination);
}

static void read_log_access(struct reading *r, const struct json *value, const struct place *at,
                            void *into)
{
    struct config *c = into;

    if (strcmp(json_text(value, ""), "off") == 0)
        c->log.access = "off";
    else
        c->log.access = log_place(r, value, at, c->log.access);
}

static void read_discovery_hosts(struct reading *r, const struct json *value,
                                 const struct place *at, void *into)
{
    struct config *c = into;

    reading_texts(r, value, at, "an array of names of hosts, * for any text", NULL,
                  &c->discovery_hosts, &c->discovery_host_count);
}

static void read_sandbox(struct reading *r, const struct json *value, const struct place *at,
                         void *into)
{
    static const char *const words[] = {[CONFIG_SANDBOX_AUTO] = "auto",
                                        [CONFIG_SANDBOX_OFF] = "off",
                                        [CONFIG_SANDBOX_REQUIRE] = "require"};
    static const char expected[] = "\"auto\", \"off\" or \"require\"";
    struct config *c = into;
    const char *word = reading_text(r, value, at, expected);

    for (size_t i = 0; word && i < sizeof words / sizeof *words; i++)
        if (strcmp(word, words[i]) == 0) {
            c->sandbox = (enum config_sandbox)i;
            return;
        }
    if (word)
        reading_error(r, at, "is \"%s\"; expected %s", word, expected);
}

static void check_origin(struct reading *r, const struct place *at, const char *text)
{
    struct str origin = str_from(text);
    size_t scheme = str_find(origin, "://");

    if (str_is(origin, "*"))
        return;
    if (scheme == origin.n || memchr(origin.p + scheme + 3, '/', origin.n - scheme - 3))
        reading_error(r, at, "is no origin; expected \"*\" or SCHEME://HOST[:PORT]");
}

static void read_origins(struct reading *r, const struct json *value, const struct place *at,
                         void *into)
{
    struct config *c = into;

    reading_texts(r, value, at, "an array of origins", check_origin, &c->cors_origins,
                  &c->cors_count);
    if (c->cors_count == 0)
        c->cors_origins = NULL;
}

static void read_passed(struct reading *r, const struct json *value, const struct place *at,
                        void *into)
{
    struct config *c = into;

    reading_texts(r, value, at, "an array of names of deployments, * for any text", NULL,
                  &c->passthrough, &c->passthrough_count);
    c->passes_any |= c->passthrough_count > 0;
}

/* What says who asks, where to, or how long a message is, never passes. */
static bool is_header_reserved(struct str name)
{
    static const char *const reserved[] = {
        "authorization",    "proxy-*",        "cookie",       "set-cookie*",    "x-api-key",
        "api-key",          "x-goog-api-key", "host",         "content-length", "transfer-encoding",
        "connection",       "keep-alive",     "te",           "trailer",        "upgrade",
        "expect",           "ai-*",           "x-request-id", "x-corelay-*",    "x-sendfile*",
        "x-accel-*",        "x-lighttpd-*",   "status",       "location",       "www-authenticate",
        "access-control-*", "x-forwarded-*",  "forwarded"};
    char lower[128];

    for (size_t i = 0; i < name.n && i < sizeof lower; i++)
        lower[i] = (char)tolower((unsigned char)name.p[i]);
    for (size_t i = 0; i < sizeof reserved / sizeof *reserved; i++)
        if (str_glob((struct str){lower, name.n < sizeof lower ? name.n : sizeof lower},
                     reserved[i]))
            return true;
    return false;
}

static void check_header(struct reading *r, const struct place *at, const char *text)
{
    size_t n = strlen(text);

    for (size_t i = 0; i < n; i++)
        if (!isalnum((unsigned char)text[i]) && text[i] != '-')
            n = 0;
    if (n == 0 || n > 64)
        reading_error(r, at, "is no name of a header; expected letters, digits and \"-\"");
    else if (is_header_reserved(str_from(text)))
        reading_error(r, at, "is a header that never passes");
}

static void read_passed_headers(struct reading *r, const struct json *value, const struct place *at,
                                void *into)
{
    struct config *c = into;

    reading_texts(r, value, at, "an array of names of headers", check_header,
                  &c->passthrough_headers, &c->passthrough_header_count);
}

/* The seed was a server of its own; here the web server listens. */
static void read_listen(struct reading *r, const struct json *value, const struct place *at,
                        void *into)
{
    (void)value;
    (void)into;
    reading_warning(r, at, "is ignored: the web server decides where to listen");
}

/* --- tables ---------------------------------------------------------------------------------- */

static const struct key cors_rows[] = {READ("allow_origins", read_origins)};
static const struct key_table cors_keys = KEY_TABLE(cors_rows);

static const struct key limit_rows[] = {
    NUMBER("body_bytes", limits.body_bytes, 1024, 1024 * MIB),
    NUMBER("header_bytes", limits.header_bytes, 1024, 16 * MIB),
    NUMBER("stream_buffer_bytes", limits.stream_buffer_bytes, 4096, 256 * MIB),
    NUMBER("streams", limits.streams, 1, 1000000),
    NUMBER("streams_per_key", limits.streams_per_key, 0, 1000000),
    NUMBER("memory_bytes", limits.memory_bytes, 1 * MIB, 1024 * 1024 * MIB),
    NUMBER("wrong_keys_per_minute", limits.wrong_keys, 0, 1000000)};
static const struct key_table limit_keys = KEY_TABLE(limit_rows);

static const struct key timeout_rows[] = {
    SECONDS("request_seconds", timeouts.request_ms, 0.01, DAY),
    SECONDS("connect_seconds", timeouts.connect_ms, 0.01, DAY),
    SECONDS("first_byte_seconds", timeouts.first_byte_ms, 0.01, DAY),
    SECONDS("idle_seconds", timeouts.idle_ms, 0.01, DAY),
    SECONDS("total_seconds", timeouts.total_ms, 0.01, DAY),
    SECONDS("grace_seconds", timeouts.grace_ms, 0, DAY),
    SECONDS("keep_alive_seconds", timeouts.keep_alive_ms, 0.01, DAY),
    SECONDS("hold_seconds", timeouts.hold_ms, 0, DAY),
    SECONDS("first_sign_seconds", timeouts.first_sign_ms, 0, DAY),
    SECONDS("look_seconds", timeouts.look_ms, 0, DAY)};
static const struct key_table timeout_keys = KEY_TABLE(timeout_rows);

static const struct key log_rows[] = {READ("level", read_log_level),
                                      READ("destination", read_log_destination),
                                      READ("access", read_log_access), BOOL("bodies", log.bodies)};
static const struct key_table log_keys = KEY_TABLE(log_rows);

static const struct key http_rows[] = {{"proxy", KEY_ANY_TEXT, AT(http.proxy), 0, 0, NULL, NULL},
                                       TEXT("no_proxy", http.no_proxy),
                                       {"ca_file", KEY_PATH, AT(http.ca_file), 0, 0, NULL, NULL},
                                       BOOL("http2", http.http2),
                                       INT("h2_connections", http.h2_connections, 1, 1000),
                                       BOOL("allow_plain_http", allow_plain_http)};
static const struct key_table http_keys = KEY_TABLE(http_rows);

static const struct key responses_rows[] = {
    BOOL("store", responses.store), SECONDS("store_seconds", responses.store_ms, 1, 365 * DAY),
    NUMBER("store_bytes", responses.store_bytes, 1 * MIB, 1024 * 1024 * MIB)};
static const struct key_table responses_keys = KEY_TABLE(responses_rows);

static const struct key discovery_rows[] = {SECONDS("refresh_seconds", discovery_ms, 0.1, DAY),
                                            READ("hosts", read_discovery_hosts)};
static const struct key_table discovery_keys = KEY_TABLE(discovery_rows);

static const struct key scoreboard_rows[] = {NUMBER("targets", scoreboard.targets, 16, 65536),
                                             NUMBER("processes", scoreboard.processes, 8, 4096)};
static const struct key_table scoreboard_keys = KEY_TABLE(scoreboard_rows);

static const struct key passthrough_rows[] = {READ("deployments", read_passed),
                                              READ("headers", read_passed_headers)};
static const struct key_table passthrough_keys = KEY_TABLE(passthrough_rows);

static const struct key header_rows[] = {BOOL("ai_tenant_id", send_tenant_header)};
static const struct key_table header_keys = KEY_TABLE(header_rows);

static const struct key top_rows[] = {READ("subAccounts", read_accounts),
                                      READ("service_key_json", read_legacy),
                                      READ("service_key", read_legacy),
                                      READ("deployment_models", read_legacy),
                                      READ("resource_group", read_legacy),
                                      READ("resource_groups", read_legacy),
                                      READ("secret_authentication_tokens", read_seed_keys),
                                      READ("api_keys", read_api_keys),
                                      BOOL("allow_anonymous", allow_anonymous),
                                      READ("aliases", read_aliases),
                                      READ("models", read_models),
                                      READ("model_rules", read_model_rules),
                                      OBJECT("orchestration", &orchestration_keys),
                                      {"state_dir", KEY_PATH, AT(state_dir), 0, 0, NULL, NULL},
                                      INT("reactors", reactors, 1, 64),
                                      INT("acceptors", acceptors, 1, 1024),
                                      READ("sandbox", read_sandbox),
                                      BOOL("strict", strict),
                                      OBJECT("cors", &cors_keys),
                                      OBJECT("limits", &limit_keys),
                                      OBJECT("timeouts", &timeout_keys),
                                      OBJECT("log", &log_keys),
                                      OBJECT("http", &http_keys),
                                      OBJECT("responses", &responses_keys),
                                      OBJECT("discovery", &discovery_keys),
                                      OBJECT("routing", &routing_keys),
                                      OBJECT("scoreboard", &scoreboard_keys),
                                      OBJECT("headers", &header_keys),
                                      OBJECT("passthrough", &passthrough_keys),
                                      READ("host", read_listen),
                                      READ("port", read_listen)};
const struct key_table config_keys = KEY_TABLE(top_rows);

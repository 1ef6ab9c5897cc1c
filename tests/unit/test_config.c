/* The configuration: the seed's file works, every offence has its line, sources come in order. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/crypto.h"
#include "base/jwrite.h"
#include "config/config.h"
#include "fake_certificate.h"

#define SERVICE_KEY                                                                                \
    "{\"clientid\":\"sb-1\",\"clientsecret\":\"fake-secret\",\"url\":\"https://a.test\","          \
    "\"identityzoneid\":\"zone\",\"serviceurls\":{\"AI_API_URL\":\"https://b.test\"}}"
#define ACCOUNT "\"subAccounts\":{\"alpha\":{\"service_key\":" SERVICE_KEY "}}"
#define KEYS    "\"api_keys\":[\"fake-key-1\"]"

/* One test's folder, its configuration and what was said about it. */
struct bench {
    char folder[64];
    struct config *config;
    struct buf problems;
};

static const char *const variables[] = {"AICORE_SERVICE_KEY",
                                        "AICORE_CLIENT_ID",
                                        "AICORE_CLIENT_SECRET",
                                        "AICORE_AUTH_URL",
                                        "AICORE_BASE_URL",
                                        "AICORE_RESOURCE_GROUP",
                                        "AICORE_CERT_URL",
                                        "AICORE_CERT_STR",
                                        "AICORE_KEY_STR",
                                        "AICORE_CERT_FILE_PATH",
                                        "AICORE_KEY_FILE_PATH",
                                        "AICORE_CONFIG",
                                        "AICORE_HOME",
                                        "AICORE_PROFILE",
                                        "VCAP_SERVICES",
                                        "SERVICE_BINDING_ROOT",
                                        "CORELAY_API_KEYS",
                                        "CORELAY_CONFIG",
                                        "CORELAY_STATE_DIR",
                                        "XDG_STATE_HOME",
                                        "HOME",
                                        "CORELAY_ALLOW_ANONYMOUS"};

static int set_up(void **state)
{
    struct bench *b = calloc(1, sizeof *b);

    strcpy(b->folder, "/tmp/corelay-test.XXXXXX");
    if (!mkdtemp(b->folder))
        return -1;
    for (size_t i = 0; i < sizeof variables / sizeof *variables; i++)
        unsetenv(variables[i]);
    setenv("CORELAY_STATE_DIR", b->folder, 1);
    umask(077);
    *state = b;
    return 0;
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
    (void)st;
    (void)flag;
    (void)ftw;
    return remove(path);
}

static int tear_down(void **state)
{
    struct bench *b = *state;

    config_free(b->config);
    buf_free(&b->problems);
    nftw(b->folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
    free(b);
    return 0;
}

static const char *path_in(struct bench *b, const char *name)
{
    static char path[256];

    snprintf(path, sizeof path, "%s/%s", b->folder, name);
    return path;
}

static void write_file(struct bench *b, const char *name, const char *text)
{
    FILE *f = fopen(path_in(b, name), "w");

    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

/* Load again; `file` NULL is the environment alone. Problems become a C string without the
   folder's name. */
static status load(struct bench *b, const char *file)
{
    char path[256] = "";

    if (file)
        snprintf(path, sizeof path, "%s", path_in(b, file));
    config_free(b->config);
    buf_clear(&b->problems);
    status s = config_load(file ? path : NULL, &b->config, &b->problems);
    buf_add_char(&b->problems, '\0');
    size_t n = strlen(b->folder) + 1;
    for (char *at = strstr(b->problems.p, b->folder); at; at = strstr(at, b->folder))
        memmove(at, at + n, strlen(at + n) + 1);
    assert_true(s == OK ? b->config != NULL : b->config == NULL);
    return s;
}

static status load_text(struct bench *b, const char *text)
{
    write_file(b, "c.json", text);
    return load(b, "c.json");
}

/* Loads, and nothing is said. */
static struct config *accept(struct bench *b, const char *text)
{
    if (load_text(b, text) != OK || *b->problems.p)
        fail_msg("refused: %s", b->problems.p);
    return b->config;
}

/* Is refused with exactly these lines. */
static void refuse(struct bench *b, const char *text, const char *lines)
{
    assert_int_equal(load_text(b, text), E_SYNTAX);
    assert_string_equal(b->problems.p, lines);
}

static bool has_key(const struct config *c, const char *name, const char *key)
{
    uint8_t hash[SHA256_BYTES];

    api_key_hash(str_from(key), hash);
    for (const struct api_key *k = c->keys.first; k; k = k->next)
        if (memcmp(k->hash, hash, sizeof hash) == 0)
            return strcmp(k->name, name) == 0;
    return false;
}

/* --- the seed's files ------------------------------------------------------------------------ */

static void takes_the_seeds_file(void **state)
{
    struct bench *b = *state;

    write_file(b, "alpha.json", SERVICE_KEY);
    load_text(b, "{\"subAccounts\":{\"alpha\":{\"resource_group\":\"team\","
                 "\"service_key_json\":\"alpha.json\",\"deployment_models\":{"
                 "\"gpt-5\":[\"https://b.test/d1/\",\"https://b.test/d2\"],"
                 "\"4.5-sonnet\":\"https://b.test/d3\"}},"
                 "\"beta\":{\"service_key_json\":\"alpha.json\"}},"
                 "\"secret_authentication_tokens\":[\"fake-key-1\",\"fake-key-2\"],"
                 "\"port\":3001,\"host\":\"127.0.0.1\"}");
    assert_string_equal(b->problems.p,
                        "warning: c.json: port: is ignored: the web server decides where to "
                        "listen\n"
                        "warning: c.json: host: is ignored: the web server decides where to "
                        "listen\n");
    const struct config_account *a = b->config->accounts;
    assert_string_equal(a->name, "alpha");
    assert_string_equal(a->resource_groups[0], "team");
    assert_string_equal(a->key->client_secret, "fake-secret");
    assert_string_equal(a->deployments->url, "https://b.test/d1");
    assert_string_equal(a->deployments->next->url, "https://b.test/d2");
    assert_string_equal(a->deployments->next->next->model, "4.5-sonnet");
    assert_null(a->deployments->next->next->next);
    assert_string_equal(a->next->name, "beta");
    assert_string_equal(a->next->resource_groups[0], "default");
    assert_null(a->next->deployments);
    assert_true(has_key(b->config, "key-1", "fake-key-1"));
    assert_true(has_key(b->config, "key-2", "fake-key-2"));
}

static void takes_the_seeds_single_account(void **state)
{
    struct bench *b = *state;

    write_file(b, "k.json", SERVICE_KEY);
    const struct config_account *a =
        accept(b, "{\"service_key_json\":\"k.json\",\"resource_group\":\"g\","
                  "\"deployment_models\":{\"m\":[\"https://b.test/d\"]}," KEYS "}")
            ->accounts;
    assert_string_equal(a->name, "default");
    assert_string_equal(a->resource_groups[0], "g");
    assert_string_equal(a->deployments->model, "m");
    assert_null(a->next);
}

/* --- values ---------------------------------------------------------------------------------- */

static void has_defaults(void **state)
{
    const struct config *c = accept(*state, "{" ACCOUNT "," KEYS "}");

    assert_int_equal(c->reactors, 1);
    assert_int_equal(c->acceptors, 4);
    assert_int_equal(c->limits.body_bytes, 64 << 20);
    assert_int_equal(c->limits.header_bytes, 64 << 10);
    assert_int_equal(c->limits.stream_buffer_bytes, 128 * 1024);
    assert_int_equal(c->limits.streams, 10000);
    assert_int_equal(c->limits.streams_per_key, 0);
    assert_int_equal(c->limits.memory_bytes, 2147483648);
    assert_int_equal(c->timeouts.request_ms, 60000);
    assert_int_equal(c->timeouts.connect_ms, 10000);
    assert_int_equal(c->http.connect_ms, 10000);
    assert_int_equal(c->timeouts.first_byte_ms, 600000);
    assert_int_equal(c->timeouts.idle_ms, 300000);
    assert_int_equal(c->timeouts.total_ms, 3600000);
    assert_int_equal(c->timeouts.grace_ms, 30000);
    assert_int_equal(c->timeouts.keep_alive_ms, 15000);
    assert_int_equal(c->timeouts.look_ms, 400);
    assert_int_equal(c->timeouts.hold_ms, 10000);
    assert_int_equal(c->timeouts.first_sign_ms, 15000);
    assert_int_equal(c->log.level, LOG_LEVEL_INFO);
    assert_string_equal(c->log.destination, "stderr");
    assert_true(c->http.http2);
    assert_int_equal(c->http.h2_connections, 64);
    assert_null(c->http.proxy);
    assert_int_equal(c->discovery_ms, 300000);
    assert_int_equal(c->routing.max_attempts, 3);
    assert_false(c->allow_anonymous || c->strict || c->log.bodies || c->send_tenant_header ||
                 c->allow_plain_http);
    assert_null(c->cors_origins);
}

static void takes_every_setting(void **state)
{
    struct bench *b = *state;

    write_file(b, "ca.pem", "");
    mkdir(path_in(b, "st"), 0700);
    const struct config *c = accept(
        b, "{" ACCOUNT "," KEYS ",\"state_dir\":\"st\",\"reactors\":2,\"acceptors\":8,"
           "\"strict\":true,\"cors\":{\"allow_origins\":[\"*\",\"https://x.test:8443\"]},"
           "\"limits\":{\"body_bytes\":2048,\"header_bytes\":4096,\"stream_buffer_bytes\":8192,"
           "\"streams\":5,\"streams_per_key\":6,\"memory_bytes\":7000000},\"timeouts\":{\"request_"
           "seconds\":1,\"connect_seconds\":0.25,"
           "\"first_byte_seconds\":3,\"idle_seconds\":4,\"total_seconds\":5,\"grace_seconds\":0,"
           "\"keep_alive_seconds\":7,\"hold_seconds\":0},\"log\":{\"level\":\"debug\","
           "\"destination\":\"corelay.log\",\"access\":\"off\"},\"http\":{\"proxy\":\"\","
           "\"no_proxy\":\"a,b\",\"ca_file\":\"ca.pem\",\"http2\":false,\"h2_connections\":3,"
           "\"allow_plain_http\":true},\"discovery\":{\"refresh_seconds\":9},"
           "\"routing\":{\"max_attempts\":6},\"headers\":{\"ai_tenant_id\":true}}");
    assert_string_equal(c->state_dir, path_in(b, "st"));
    assert_int_equal(c->reactors, 2);
    assert_int_equal(c->acceptors, 8);
    assert_true(c->strict && c->send_tenant_header && c->allow_plain_http);
    assert_int_equal(c->cors_count, 2);
    assert_string_equal(c->cors_origins[1], "https://x.test:8443");
    assert_int_equal(c->limits.body_bytes, 2048);
    assert_int_equal(c->limits.header_bytes, 4096);
    assert_int_equal(c->limits.stream_buffer_bytes, 8192);
    assert_int_equal(c->limits.streams, 5);
    assert_int_equal(c->limits.streams_per_key, 6);
    assert_int_equal(c->limits.memory_bytes, 7000000);
    assert_int_equal(c->timeouts.connect_ms, 250);
    assert_int_equal(c->http.connect_ms, 250);
    assert_int_equal(c->timeouts.grace_ms, 0);
    assert_int_equal(c->timeouts.keep_alive_ms, 7000);
    assert_int_equal(c->log.level, LOG_LEVEL_DEBUG);
    assert_string_equal(c->log.destination, path_in(b, "corelay.log"));
    assert_string_equal(c->log.access, "off");
    assert_string_equal(c->http.proxy, "");
    assert_string_equal(c->http.ca_file, path_in(b, "ca.pem"));
    assert_false(c->http.http2);
    assert_int_equal(c->http.h2_connections, 3);
    assert_int_equal(c->discovery_ms, 9000);
    assert_int_equal(c->routing.max_attempts, 6);
}

static void takes_routing(void **state)
{
    const struct config *c =
        accept(*state, "{\"subAccounts\":{\"alpha\":{\"service_key\":" SERVICE_KEY
                       ",\"weight\":7,\"deployment_weights\":{\"d1\":0,\"d2\":3}}}," KEYS
                       ",\"routing\":{\"strategy\":\"lowest_latency\",\"affinity\":false,"
                       "\"pace\":true,\"cold_start_seconds\":1,\"wait_seconds\":0,\"deadline_"
                       "seconds\":2,\"backoff_seconds\":0.5,"
                       "\"cooldown_seconds\":3,\"retry_after_most_seconds\":4,\"breaker\":{"
                       "\"failures\":6,\"seconds\":7,\"most_seconds\":8},\"retry_budget\":{"
                       "\"minimum\":0,\"percent\":9}},\"scoreboard\":{\"targets\":64,"
                       "\"processes\":8},\"models\":{\"m\":{\"strategy\":\"ordered\","
                       "\"affinity\":true,\"fallback_for\":[\"context\",\"missing\"],\"canary\":{"
                       "\"percent\":5,\"version\":\"v2\"},\"mirror\":{\"percent\":7,"
                       "\"model\":\"n\"}},\"m*\":{\"affinity\":false,"
                       "\"strategy\":\"least_in_flight\"}}}");
    const struct config_routing *r = &c->routing;
    struct config_model m;

    assert_int_equal(c->accounts->weight, 7);
    assert_string_equal(c->accounts->weights->id, "d2");
    assert_int_equal(c->accounts->weights->weight, 3);
    assert_int_equal(r->strategy, STRATEGY_FASTEST);
    assert_true(!r->affinity && r->pace && r->cold_start_ms == 1000);
    assert_true(r->wait_ms == 0 && r->deadline_ms == 2000 && r->backoff_ms == 500);
    assert_true(r->cooldown_ms == 3000 && r->retry_after_max_ms == 4000);
    assert_true(r->breaker_failures == 6 && r->breaker_ms == 7000 && r->breaker_max_ms == 8000);
    assert_true(r->retry_minimum == 0 && r->retry_percent == 9);
    assert_true(c->scoreboard.targets == 64 && c->scoreboard.processes == 8);
    assert_true(config_model_for(c, STR("m"), &m));
    assert_int_equal(m.strategy, STRATEGY_ORDERED);
    assert_int_equal(m.affinity, AFFINITY_ON);
    assert_int_equal(m.fallback_for, STAND_IN_CONTEXT | STAND_IN_MISSING);
    assert_int_equal(m.canary.percent, 5);
    assert_string_equal(m.canary.version, "v2");
    assert_int_equal(m.mirror.percent, 7);
    assert_string_equal(m.mirror.model, "n");
    assert_true(config_model_for(c, STR("mm"), &m));
    assert_int_equal(m.strategy, STRATEGY_LEAST);
    assert_int_equal(m.affinity, AFFINITY_OFF);
    assert_int_equal(m.fallback_for, STAND_IN_MISSING | STAND_IN_FAILING);
}

static void refuses_wrong_routing(void **state)
{
    refuse(*state,
           "{\"subAccounts\":{\"alpha\":{\"service_key\":" SERVICE_KEY
           ",\"weight\":-1,\"deployment_weights\":{\"d\":1.5}}}," KEYS
           ",\"routing\":{\"strategy\":\"best\",\"breaker\":{\"failures\":0}},"
           "\"models\":{\"m\":{\"fallback_for\":[\"mood\"],\"affinity\":1,"
           "\"canary\":{\"percent\":101},\"mirror\":{\"percent\":1}}}}",
           "c.json: subAccounts.alpha.weight: is -1; expected 0 to 1000\n"
           "c.json: subAccounts.alpha.deployment_weights.d: is no weight; expected a whole number "
           "from 0 to 1000\n"
           "c.json: routing.strategy: is \"best\"; expected \"weighted\", \"least_in_flight\", "
           "\"lowest_latency\" or \"ordered\"\n"
           "c.json: routing.breaker.failures: is 0; expected 1 to 1000\n"
           "c.json: models.m.fallback_for[0]: is \"mood\"; expected \"missing\", \"failing\" or "
           "\"context\"\n"
           "c.json: models.m.affinity: is a number; expected true or false\n"
           "c.json: models.m.canary.percent: is 101; expected 0 to 100\n"
           "c.json: models.m.canary: says for whom, but not where to; expected deployment or "
           "version\n"
           "c.json: models.m.mirror: says how many, but not where to; expected model, deployment "
           "or version\n");
}

static void takes_models_and_aliases(void **state)
{
    const struct config *c =
        accept(*state, "{" ACCOUNT "," KEYS ",\"aliases\":{\"fast\":\"gpt-5\"},\"models\":{"
                       "\"gpt-5\":{\"family\":\"azure-openai\",\"executable\":\"azure-openai\","
                       "\"api_version\":\"none\",\"cache_ttl\":\"1h\",\"fallback\":[\"a\",\"b\"],"
                       "\"late_system\":\"system\",\"cache_prompts\":false,"
                       "\"max_output_tokens\":10,\"context_tokens\":20,"
                       "\"traits\":{\"reasoning\":true,\"no_stop\":false},"
                       "\"timeouts\":{\"connect_seconds\":2,\"first_byte_seconds\":1.5}},"
                       "\"a\":{\"fallback\":\"b\"},\"b\":{}}}");
    struct config_model setting;
    const struct config_model *m = &setting;

    assert_true(config_model_for(c, STR("gpt-5"), &setting));
    assert_string_equal(c->aliases->name, "fast");
    assert_string_equal(c->aliases->model, "gpt-5");
    assert_string_equal(m->family, "azure-openai");
    assert_string_equal(m->api_version, "none");
    assert_string_equal(m->cache_ttl, "1h");
    assert_string_equal(m->late_system, "system");
    assert_int_equal(m->cache_prompts, CACHE_OFF);
    assert_int_equal(m->fallback_count, 2);
    assert_string_equal(m->fallback[1], "b");
    assert_int_equal(m->max_output, 10);
    assert_int_equal(m->context, 20);
    assert_int_not_equal(m->traits_set, 0);
    assert_int_not_equal(m->traits_cleared, 0);
    assert_int_equal(m->traits_set & m->traits_cleared, 0);
    assert_int_equal(m->connect_ms, 2000);
    assert_int_equal(m->first_byte_ms, 1500);
    assert_int_equal(m->idle_ms, 0);
    assert_false(config_model_for(c, STR("gpt"), &setting));
}

/* The model's own name goes before patterns, an earlier pattern before a later one; key by key. */
static void patterns_give_what_names_leave_out(void **state)
{
    const struct config *c =
        accept(*state, "{" ACCOUNT "," KEYS ",\"models\":{"
                       "\"gpt-*\":{\"api_version\":\"v1\",\"max_output_tokens\":1,"
                       "\"traits\":{\"reasoning\":true,\"no_stop\":true}},"
                       "\"*-5\":{\"max_output_tokens\":2,\"context_tokens\":2,"
                       "\"fallback\":\"a\"},"
                       "\"gpt-5\":{\"api_version\":\"v3\",\"traits\":{\"no_stop\":false}}}}");
    struct config_model m;

    assert_true(config_model_for(c, STR("gpt-5"), &m));
    assert_string_equal(m.api_version, "v3");
    assert_int_equal(m.max_output, 1);
    assert_int_equal(m.context, 2);
    assert_int_equal(m.fallback_count, 1);
    assert_int_equal(m.traits_set, MODEL_REASONING);
    assert_int_equal(m.traits_cleared, MODEL_NO_STOP);
    assert_true(config_model_for(c, STR("gpt-6"), &m));
    assert_int_equal(m.traits_set, MODEL_REASONING | MODEL_NO_STOP);
    assert_int_equal(m.fallback_count, 0);
    assert_false(config_model_for(c, STR("o3"), &m));
}

static void expect_rule(const struct config *c, const char *model, unsigned traits, int64_t context,
                        const char *source)
{
    struct family_model m;

    model_describe_by(c->model_rules, str_from(model), &m);
    assert_int_equal(m.traits, traits);
    assert_int_equal(m.context, context);
    assert_non_null(strstr(m.rule->source, source));
}

static void takes_model_rules(void **state)
{
    struct bench *b = *state;

    write_file(b, "rules.json",
               "[{\"model\":\"gpt-5.5\",\"traits\":[\"reasoning\"],\"context_tokens\":7,"
               "\"evidence\":\"tried\",\"date\":\"2026-09-30\"},{\"model\":\"new--*\"}]");
    const struct config *c = accept(b, "{" ACCOUNT "," KEYS ",\"model_rules\":\"rules.json\"}");
    expect_rule(c, "gpt-5.5", MODEL_REASONING, 7, "rules.json: [0]");
    expect_rule(c, "new--model", 0, 0, "rules.json: [1]");
    expect_rule(c, "gpt-4o", 0, 128000, "built-in[");
    bool watched = false;
    for (const struct config_file *f = c->files; f; f = f->next)
        watched = watched || strstr(f->path, "rules.json");
    assert_true(watched);
    c = accept(b, "{" ACCOUNT "," KEYS
                  ",\"model_rules\":[{\"model\":\"gpt-4o*\",\"context_tokens\":9}]}");
    expect_rule(c, "gpt-4o-mini", 0, 9, "c.json: model_rules[0]");
}

static void refuses_bad_model_rules(void **state)
{
    struct bench *b = *state;

    refuse(b,
           "{" ACCOUNT "," KEYS ",\"model_rules\":[{\"model\":\"a\",\"traits\":[\"reasons\",5]},7,"
           "{\"model\":\"\",\"efforts\":\"low\",\"effort\":1},{\"context_tokens\":0.5},"
           "{\"model\":\"b\",\"model\":\"c\",\"date\":\"June\",\"thinking_budget\":[2,1]}]}",
           "c.json: model_rules[0].traits: has the unknown word \"reasons\"; expected traits of "
           "corelay.json(5), as \"reasoning\"\n"
           "c.json: model_rules[0].traits: has the unknown word \"a number\"; expected traits of "
           "corelay.json(5), as \"reasoning\"\n"
           "c.json: model_rules[1]: is a number; expected an object\n"
           "c.json: model_rules[2].model: is empty; expected a text\n"
           "c.json: model_rules[2].efforts: is a string; expected an array of none, minimal, low, "
           "medium, high, xhigh, max\n"
           "c.json: model_rules[2].effort: unknown key; expected model, traits, efforts, "
           "thinking_budget, context_tokens, max_output_tokens, cache_minimum_tokens, evidence or "
           "date\n"
           "c.json: model_rules[3].context_tokens: expected a whole number from 1 to 1000000000\n"
           "c.json: model_rules[3].model: is missing; expected a pattern of model names\n"
           "c.json: model_rules[4].model: stands twice; expected each key once\n"
           "c.json: model_rules[4].date: is \"June\"; expected YYYY-MM or YYYY-MM-DD\n"
           "c.json: model_rules[4].thinking_budget: has a least that is more than the most\n");
    refuse(b, "{" ACCOUNT "," KEYS ",\"model_rules\":5}",
           "c.json: model_rules: is a number; expected an array of model rules, or a file of "
           "them\n");
    refuse(b, "{" ACCOUNT "," KEYS ",\"model_rules\":\"absent.json\"}",
           "c.json: model_rules: absent.json: no such file; expected a file of model rules\n");
    write_file(b, "rules.json", "[\n{\"model\":}]");
    refuse(b, "{" ACCOUNT "," KEYS ",\"model_rules\":\"rules.json\"}",
           "c.json: model_rules: rules.json: line 2, column 10: not JSON\n");
    write_file(b, "rules.json", "{}");
    refuse(b, "{" ACCOUNT "," KEYS ",\"model_rules\":\"rules.json\"}",
           "rules.json: is an object; expected an array of model rules\n");
}

/* --- callers' keys --------------------------------------------------------------------------- */

static void keys_have_their_own_passthrough(void **state)
{
    const struct config *c =
        accept(*state, "{" ACCOUNT ",\"api_keys\":[\"fake-1\","
                       "{\"name\":\"b\",\"key\":\"fake-2\",\"passthrough\":false},"
                       "{\"name\":\"c\",\"key\":\"fake-3\",\"passthrough\":true},"
                       "{\"name\":\"d\",\"key\":\"fake-4\",\"passthrough\":[\"x\",\"y-*\"]}]}");
    const struct api_key *none = c->keys.first->next, *all = none->next, *some = all->next;

    assert_false(c->keys.first->own_passthrough);
    assert_true(none->own_passthrough && all->own_passthrough && some->own_passthrough);
    assert_int_equal(none->passthrough_count, 0);
    assert_int_equal(all->passthrough_count, 1);
    assert_string_equal(all->passthrough[0], "*");
    assert_int_equal(some->passthrough_count, 2);
    assert_string_equal(some->passthrough[1], "y-*");
    assert_true(c->passes_any);
    c = accept(*state, "{" ACCOUNT ",\"api_keys\":[{\"key\":\"k\",\"passthrough\":false}]}");
    assert_false(c->passes_any);
    refuse(*state, "{" ACCOUNT ",\"api_keys\":[{\"key\":\"fake-5\",\"passthrough\":5}]}",
           "c.json: api_keys[0].passthrough: is a number; expected true, false or an array of "
           "names of "
           "deployments\n");
}

static void takes_every_form_of_key(void **state)
{
    uint8_t hash[SHA256_BYTES];
    char hex[SHA256_HEX_BYTES], text[1024];

    api_key_hash(STR("fake-key-3"), hash);
    crypto_hex(hash, sizeof hash, hex);
    snprintf(text, sizeof text,
             "{" ACCOUNT ",\"api_keys\":[\"fake-key-1\",{\"name\":\"bob\",\"key\":\"fake-key-2\"},"
             "{\"name\":\"eve\",\"sha256\":\"%s\"}],"
             "\"secret_authentication_tokens\":[\"fake-key-4\"]}",
             hex);
    const struct config *c = accept(*state, text);
    assert_true(has_key(c, "key-1", "fake-key-1"));
    assert_true(has_key(c, "bob", "fake-key-2"));
    assert_true(has_key(c, "eve", "fake-key-3"));
    assert_true(has_key(c, "key-4", "fake-key-4"));
    snprintf(text, sizeof text, "{" ACCOUNT ",\"secret_authentication_tokens\":[\"sha256:%s\"]}",
             hex);
    assert_true(has_key(accept(*state, text), "key-1", "fake-key-3"));
}

static void refuses_bad_keys(void **state)
{
    refuse(*state,
           "{" ACCOUNT ",\"api_keys\":[\"\",\"sha256:12\",{\"name\":\"x\"},{\"key\":\"k k\"},"
           "{\"sha256\":\"00\",\"key\":\"x\"},5,\"fake-same\",\"fake-same\","
           "{\"name\":\"key-6\",\"key\":\"fake-other\",\"kee\":1}],"
           "\"secret_authentication_tokens\":{}}",
           "c.json: api_keys[0]: is empty; expected a key, or \"sha256:\" and its hash\n"
           "c.json: api_keys[1]: is no hash; expected 64 hexadecimal digits, as \"corelay key "
           "hash\" prints them\n"
           "c.json: api_keys[2]: has no key; expected \"key\" or \"sha256\"\n"
           "c.json: api_keys[3]: holds white space or control characters; expected a key as "
           "callers send it\n"
           "c.json: api_keys[4]: has key and sha256; expected one of the two\n"
           "c.json: api_keys[5]: is a number; expected a key, or \"sha256:\" and its hash\n"
           "c.json: api_keys[7]: is the same key as \"key-7\"; expected each key once\n"
           "c.json: api_keys[8].kee: unknown key; did you mean \"key\"?\n"
           "c.json: secret_authentication_tokens: is an object; expected an array of keys\n");
}

static void wants_a_key(void **state)
{
    static const char line[] =
        "c.json: no key for callers; expected api_keys or CORELAY_API_KEYS (\"corelay key new\" "
        "makes one), or \"allow_anonymous\": true\n";
    struct bench *b = *state;

    refuse(b, "{" ACCOUNT "}", line);
    refuse(b, "{" ACCOUNT ",\"api_keys\":[]}", line);
    refuse(b, "{" ACCOUNT ",\"allow_anonymous\":false}", line);
    assert_int_equal(load_text(b, "{" ACCOUNT ",\"allow_anonymous\":true}"), OK);
    assert_string_equal(b->problems.p, "warning: c.json: allow_anonymous: whoever reaches the web "
                                       "server may use the models\n");
    setenv("CORELAY_ALLOW_ANONYMOUS", "1", 1);
    assert_int_equal(load_text(b, "{" ACCOUNT "}"), OK);
    assert_true(b->config->allow_anonymous);
}

static void takes_keys_of_the_environment(void **state)
{
    struct bench *b = *state;

    setenv("CORELAY_API_KEYS", "fake-a, fake-b", 1);
    accept(b, "{" ACCOUNT "}");
    assert_true(has_key(b->config, "key-1", "fake-a"));
    assert_true(has_key(b->config, "key-2", "fake-b"));
    accept(b, "{" ACCOUNT "," KEYS "}");
    assert_false(has_key(b->config, "key-1", "fake-a"));
    setenv("CORELAY_API_KEYS", "fake-a,,", 1);
    assert_int_equal(load_text(b, "{" ACCOUNT "}"), E_SYNTAX);
    assert_non_null(strstr(b->problems.p, "CORELAY_API_KEYS[1]: is empty"));
}

/* --- offences -------------------------------------------------------------------------------- */

static void names_unknown_and_repeated_keys(void **state)
{
    refuse(*state,
           "{" ACCOUNT "," KEYS ",\"subaccounts\":{},\"limits\":{\"body_byte\":1,\"zzzzzz\":1},"
           "\"limits\":{},\"models\":{\"m\":{\"famly\":\"x\"},\"m\":{}},"
           "\"aliases\":{\"a\":\"b\",\"a\":\"c\"},\"a\\nb\":1}",
           "c.json: subaccounts: unknown key; did you mean \"subAccounts\"?\n"
           "c.json: limits.body_byte: unknown key; did you mean \"body_bytes\"?\n"
           "c.json: limits.zzzzzz: unknown key; expected one of body_bytes, header_bytes, "
           "stream_buffer_bytes, streams, "
           "streams_per_key, memory_bytes, wrong_keys_per_minute\n"
           "c.json: limits: stands twice; expected each key once\n"
           "c.json: models.m.famly: unknown key; did you mean \"family\"?\n"
           "c.json: models.m: stands twice; expected each key once\n"
           "c.json: aliases.a: stands twice; expected each key once\n"
           "c.json: a?b: unknown key; expected one of corelay.json(5)\n");
}

/* Behind the first members of an object, hashes are compared. */
static void names_what_stands_twice_among_many(void **state)
{
    struct buf text = {0};

    buf_add_cstr(&text, "{" ACCOUNT "," KEYS ",\"aliases\":{");
    for (int i = 0; i < 40; i++)
        buf_printf(&text, "\"a%d\":\"m\",", i);
    buf_add_cstr(&text, "\"a3\":\"m\",\"a33\":\"m\",\"a40\":\"m\"}}");
    buf_add_char(&text, '\0');
    refuse(*state, text.p,
           "c.json: aliases.a3: stands twice; expected each key once\n"
           "c.json: aliases.a33: stands twice; expected each key once\n");
    buf_free(&text);
}

static void names_wrong_types_and_ranges(void **state)
{
    refuse(*state,
           "{" ACCOUNT "," KEYS ",\"reactors\":\"two\",\"acceptors\":0,\"strict\":1,"
           "\"state_dir\":\"\",\"limits\":{\"body_bytes\":-1,\"streams\":1.5,"
           "\"header_bytes\":1e999},\"timeouts\":{\"connect_seconds\":0,\"idle_seconds\":null},"
           "\"log\":{\"level\":\"loud\"},\"cors\":{\"allow_origins\":[7,\"x\"]},\"http\":[]}",
           "c.json: reactors: is a string; expected a whole number from 1 to 64\n"
           "c.json: acceptors: is 0; expected 1 to 1024\n"
           "c.json: strict: is a number; expected true or false\n"
           "c.json: state_dir: is empty; expected a path\n"
           "c.json: limits.body_bytes: is -1; expected 1024 to 1073741824\n"
           "c.json: limits.streams: is 1.5; expected a whole number\n"
           "c.json: limits.header_bytes: is inf; expected 1024 to 16777216\n"
           "c.json: timeouts.connect_seconds: is 0; expected 0.01 to 86400 seconds\n"
           "c.json: timeouts.idle_seconds: is null; expected a number of seconds from 0.01 to "
           "86400\n"
           "c.json: log.level: is \"loud\"; expected \"error\", \"warning\", \"info\" or "
           "\"debug\"\n"
           "c.json: cors.allow_origins[0]: is a number; expected a text\n"
           "c.json: cors.allow_origins[1]: is no origin; expected \"*\" or SCHEME://HOST[:PORT]\n"
           "c.json: http: is an array; expected an object\n");
}

static void names_bad_accounts(void **state)
{
    struct bench *b = *state;

    write_file(b, "noise.json", "{\"clientid\": }");
    write_file(b, "short.json", "{\"clientid\":\"x\",\"clientsecret\":3}");
    refuse(
        b,
        "{\"subAccounts\":{\"a\":{\"service_key_json\":\"none.json\"},"
        "\"b\":{\"service_key_json\":\"noise.json\"},\"c\":{\"service_key_json\":\"short.json\"},"
        "\"d\":{},\"e\":[],\"f\":{\"service_key\":" SERVICE_KEY
        ",\"resource_group\":\"x\",\"resource_groups\":[\"y\"],"
        "\"deployment_models\":{\"m\":[],\"n\":[1],\"o\":\"nonsense\"}}}," KEYS "}",
        "c.json: subAccounts.a.service_key_json: none.json: no such file; expected a service "
        "key file\n"
        "c.json: subAccounts.b.service_key_json: noise.json: line 1, column 14: not JSON; "
        "expected a service key\n"
        "c.json: subAccounts.c.service_key_json -> short.json: clientsecret: is a number; "
        "expected a string\n"
        "c.json: subAccounts.d: has no service key; expected service_key_json (a path) or "
        "service_key (the object)\n"
        "c.json: subAccounts.e: is an array; expected an object\n"
        "c.json: subAccounts.f.resource_groups: stands beside resource_group; expected one of "
        "the two\n"
        "c.json: subAccounts.f.deployment_models.m: is empty; expected at least one deployment "
        "URL\n"
        "c.json: subAccounts.f.deployment_models.n[0]: is a number; expected a text\n"
        "c.json: subAccounts.f.deployment_models.o: is no web address; expected "
        "https://HOST/PATH of a deployment\n");
}

#define PLAIN_KEY                                                                                  \
    "{\"clientid\":\"x\",\"clientsecret\":\"fake\",\"url\":\"http://a.test\","                     \
    "\"serviceurls\":{\"AI_API_URL\":\"http://b.test\"}}"
#define PLAIN_ACCOUNT                                                                              \
    "\"subAccounts\":{\"p\":{\"service_key\":" PLAIN_KEY                                           \
    ",\"deployment_models\":{\"m\":[\"http://c.test/d\",\"http://127.0.0.1:81/d\"]}}}"

static void refuses_plain_http(void **state)
{
    refuse(*state, "{" PLAIN_ACCOUNT "," KEYS "}",
           "c.json: subAccounts.p.deployment_models.m[0]: is plain http; expected https, or "
           "\"http\": {\"allow_plain_http\": true}\n"
           "c.json: subAccounts.p.service_key: the address of the token service is plain http; "
           "expected https, or \"http\": {\"allow_plain_http\": true}\n"
           "c.json: subAccounts.p.service_key: the address of the AI API is plain http; expected "
           "https, or \"http\": {\"allow_plain_http\": true}\n");
    accept(*state, "{" PLAIN_ACCOUNT "," KEYS ",\"http\":{\"allow_plain_http\":true}}");
}

static void names_bad_models(void **state)
{
    refuse(*state,
           "{" ACCOUNT "," KEYS ",\"models\":{\"a\":{\"fallback\":[\"x\",\"b\"]},"
           "\"b\":{\"fallback\":[\"c\"]},\"c\":{\"fallback\":[\"b\"]},\"d\":{\"fallback\":[\"e\"]},"
           "\"e\":{\"family\":\"nonsense\",\"cache_ttl\":\"2h\",\"max_output_tokens\":0,"
           "\"late_system\":\"assistant\",\"cache_prompts\":\"yes\"},"
           "\"s\":{\"fallback\":[\"other\"],\"traits\":{\"reasoning\":\"yes\",\"nonsense\":true}}},"
           "\"aliases\":{\"other\":\"s\",\"q\":\"other\"}}",
           "c.json: models.e.family: is the unknown family \"nonsense\"; expected azure-openai, "
           "bedrock-invoke, bedrock-converse, bedrock-titan, vertex-gemini, "
           "openai-compatible, cohere-rerank, sap-rpt, orchestration or "
           "passthrough\n"
           "c.json: models.e.cache_ttl: is \"2h\"; expected \"5m\" or \"1h\"\n"
           "c.json: models.e.max_output_tokens: is 0; expected 1 to 1000000000\n"
           "c.json: models.e.late_system: is \"assistant\"; expected \"user\" or \"system\"\n"
           "c.json: models.e.cache_prompts: is a string; expected true or false\n"
           "c.json: models.s.traits.reasoning: is a string; expected true or false\n"
           "c.json: models.s.traits.nonsense: unknown trait; expected one of corelay.json(5), as "
           "\"reasoning\"\n"
           "c.json: aliases.q: stands for \"other\", an alias itself; expected a model\n"
           "c.json: models.s.fallback: leads back to the model itself (s -> s); expected an end\n"
           "c.json: models.c.fallback: leads back to the model itself (c -> b -> c); expected an "
           "end\n");
}

static void names_what_is_no_file(void **state)
{
    struct bench *b = *state;

    assert_int_equal(load(b, "none.json"), E_NOT_FOUND);
    assert_string_equal(b->problems.p,
                        "none.json: no such file; expected a configuration, see corelay.json(5)\n");
    assert_int_equal(load_text(b, "{\n  \"a\": nope\n}"), E_SYNTAX);
    assert_string_equal(b->problems.p, "c.json: line 2, column 8: not JSON\n");
    refuse(b, "{" ACCOUNT "," KEYS ",\"http\":{\"ca_file\":\"none.pem\"}}",
           "c.json: http.ca_file: none.pem: no such file; expected a PEM bundle\n");
    setenv("HOME", b->folder, 1);
    assert_int_equal(load_text(b, "[]"), E_SYNTAX);
    assert_non_null(strstr(b->problems.p, "c.json: is an array; expected an object\n"));
}

/* No offence may tell a secret. */
static void keeps_secrets(void **state)
{
    struct bench *b = *state;

    load_text(b, "{\"api_keys\":[\"fake secret\",{\"key\":\"fake-secret\",\"sha256\":"
                 "\"fake-secret\"},\"sha256:fake-secret\"],\"secret_authentication_tokens\":"
                 "\"fake-secret\",\"subAccounts\":{\"a\":{\"service_key\":{\"clientid\":\"x\","
                 "\"clientsecret\":\"fake-secret\",\"url\":\"https://u:fake-secret@a.test\","
                 "\"serviceurls\":{\"AI_API_URL\":\"x\"}},\"deployment_models\":{\"m\":"
                 "\"https://u:fake-secret@b.test\"}}},\"http\":{\"proxy\":[\"fake-secret\"]}}");
    assert_null(strstr(b->problems.p, "fake-secret"));
    assert_null(strstr(b->problems.p, "fake secret"));
    assert_non_null(strstr(b->problems.p, "holds a user name or password"));
}

/* --- sources --------------------------------------------------------------------------------- */

static void sources_come_in_order(void **state)
{
    struct bench *b = *state;
    static const char vcap[] =
        "{\"user\":[{\"label\":\"other\"},{\"label\":\"aicore\","
        "\"credentials\":{\"clientid\":\"of-vcap\",\"clientsecret\":\"fake\","
        "\"url\":\"https://a.test\",\"serviceurls\":{\"AI_API_URL\":"
        "\"https://b.test\"}}}]}";

    setenv("CORELAY_API_KEYS", "fake-key", 1);
    setenv("HOME", b->folder, 1);
    assert_int_equal(load(b, NULL), E_SYNTAX);
    assert_string_equal(b->problems.p, "environment: names no account; expected "
                                       "subAccounts.NAME.service_key_json, or a service key in "
                                       "AICORE_SERVICE_KEY\n");
    setenv("VCAP_SERVICES", vcap, 1);
    assert_int_equal(load(b, NULL), OK);
    assert_string_equal(b->config->accounts->key->client_id, "of-vcap");

    mkdir(path_in(b, ".aicore"), 0700);
    write_file(b, ".aicore/config.json",
               "{\"AICORE_CLIENT_ID\":\"of-home\",\"AICORE_CLIENT_SECRET\":\"fake\","
               "\"AICORE_AUTH_URL\":\"https://a.test/oauth/token\",\"AICORE_BASE_URL\":"
               "\"https://b.test/v2\",\"AICORE_RESOURCE_GROUP\":\"group-of-file\"}");
    assert_int_equal(load(b, NULL), OK);
    assert_string_equal(b->config->accounts->key->client_id, "of-home");
    assert_string_equal(b->config->accounts->resource_groups[0], "group-of-file");

    write_file(b, ".aicore/config_two.json",
               "{\"client_id\":\"of-profile\",\"client_secret\":\"fake\",\"auth_url\":"
               "\"https://a.test\",\"base_url\":\"https://b.test\"}");
    setenv("AICORE_PROFILE", "two", 1);
    assert_int_equal(load(b, NULL), OK);
    assert_string_equal(b->config->accounts->key->client_id, "of-profile");
    setenv("AICORE_PROFILE", "default", 1);
    assert_int_equal(load(b, NULL), OK);
    assert_string_equal(b->config->accounts->key->client_id, "of-home");

    setenv("AICORE_CLIENT_ID", "of-variables", 1);
    setenv("AICORE_CLIENT_SECRET", "fake", 1);
    setenv("AICORE_AUTH_URL", "https://a.test", 1);
    setenv("AICORE_BASE_URL", "https://b.test", 1);
    setenv("AICORE_RESOURCE_GROUP", "group-of-variable", 1);
    assert_int_equal(load(b, NULL), OK);
    assert_string_equal(b->config->accounts->key->client_id, "of-variables");
    assert_string_equal(b->config->accounts->resource_groups[0], "group-of-variable");

    setenv("AICORE_SERVICE_KEY", "{\"credentials\":" SERVICE_KEY "}", 1);
    assert_int_equal(load(b, NULL), OK);
    assert_string_equal(b->config->accounts->key->client_id, "sb-1");
    assert_string_equal(b->config->accounts->source, "AICORE_SERVICE_KEY");

    accept(b, "{\"resource_group\":\"of-config\",\"deployment_models\":{\"m\":"
              "\"https://b.test/d\"}}");
    assert_string_equal(b->config->accounts->key->client_id, "sb-1");
    assert_string_equal(b->config->accounts->resource_groups[0], "of-config");
    assert_string_equal(b->config->accounts->deployments->model, "m");

    setenv("CORELAY_CONFIG", path_in(b, "c.json"), 1);
    write_file(b, "c.json", "{\"subAccounts\":{\"n\":{\"service_key\":" SERVICE_KEY "}}}");
    assert_int_equal(load(b, NULL), OK);
    assert_string_equal(b->config->accounts->name, "n");
}

static void names_bad_sources(void **state)
{
    struct bench *b = *state;

    setenv("CORELAY_API_KEYS", "fake-key", 1);
    setenv("AICORE_SERVICE_KEY", "{", 1);
    assert_int_equal(load(b, NULL), E_SYNTAX);
    assert_string_equal(b->problems.p, "AICORE_SERVICE_KEY: not JSON (line 1, column 1); expected "
                                       "a service key\n");
    setenv("AICORE_SERVICE_KEY", "", 1);
    setenv("AICORE_CLIENT_ID", "x", 1);
    assert_int_equal(load(b, NULL), E_SYNTAX);
    assert_non_null(strstr(b->problems.p, "environment: AICORE_CLIENT_SECRET: is missing"));
    unsetenv("AICORE_CLIENT_ID");
    setenv("AICORE_CONFIG", path_in(b, "none.json"), 1);
    assert_int_equal(load(b, NULL), E_SYNTAX);
    assert_string_equal(b->problems.p,
                        "none.json: no such file; expected a file of SAP's AI Core tools\n");
    unsetenv("AICORE_CONFIG");
    setenv("VCAP_SERVICES", "[", 1);
    assert_int_equal(load(b, NULL), E_SYNTAX);
    assert_string_equal(b->problems.p, "VCAP_SERVICES: not JSON (line 1, column 1)\n");
}

/* As Kubernetes mounts it: a folder per binding, a file per field. */
static void takes_a_service_binding(void **state)
{
    struct bench *b = *state;

    mkdir(path_in(b, "bound"), 0700);
    mkdir(path_in(b, "bound/a-database"), 0700);
    write_file(b, "bound/a-database/type", "postgresql");
    setenv("SERVICE_BINDING_ROOT", path_in(b, "bound"), 1);
    setenv("CORELAY_API_KEYS", "fake-key", 1);
    assert_int_equal(load(b, NULL), E_SYNTAX); /* names no account */
    mkdir(path_in(b, "bound/models"), 0700);
    mkdir(path_in(b, "bound/models/..data"), 0700);
    write_file(b, "bound/models/type", "aicore\n");
    write_file(b, "bound/models/clientid", "of-binding");
    write_file(b, "bound/models/clientsecret", "fake\"secret\n");
    write_file(b, "bound/models/url", "https://a.test");
    write_file(b, "bound/models/serviceurls", "{\"AI_API_URL\":\"https://b.test\"}");
    assert_int_equal(load(b, NULL), OK);
    assert_string_equal(b->config->accounts->key->client_id, "of-binding");
    assert_string_equal(b->config->accounts->key->client_secret, "fake\"secret");
    bool watched = false;
    for (const struct config_file *f = b->config->files; f; f = f->next)
        watched = watched || strstr(f->path, "bound/models/clientsecret");
    assert_true(watched);
    remove(path_in(b, "bound/models/clientid"));
    assert_int_equal(load(b, NULL), E_SYNTAX);
    assert_non_null(strstr(b->problems.p, "bound/models: clientid"));
}

static void chooses_the_state_folder(void **state)
{
    struct bench *b = *state;

    assert_string_equal(accept(b, "{" ACCOUNT "," KEYS "}")->state_dir, b->folder);
    unsetenv("CORELAY_STATE_DIR");
    setenv("XDG_STATE_HOME", "/nonexistent/xdg", 1);
    if (access(LOCALSTATEDIR "/lib", W_OK) == 0)
        skip();
    assert_string_equal(accept(b, "{" ACCOUNT "," KEYS "}")->state_dir, "/nonexistent/xdg/corelay");
    unsetenv("XDG_STATE_HOME");
    assert_int_equal(load_text(b, "{" ACCOUNT "," KEYS "}"), OK);
    assert_null(b->config->state_dir);
    assert_string_equal(b->problems.p,
                        "warning: c.json: no folder for tokens was found, so every process fetches "
                        "its own; set state_dir or CORELAY_STATE_DIR\n");
}

/* --- warnings -------------------------------------------------------------------------------- */

static void warns_of_bodies(void **state)
{
    struct bench *b = *state;

    assert_int_equal(load_text(b, "{" ACCOUNT "," KEYS ",\"log\":{\"bodies\":true}}"), OK);
    assert_string_equal(
        b->problems.p, "warning: c.json: log.bodies: requests and answers go to the log in full\n");
}

static void warns_of_certificates(void **state)
{
    static const struct {
        long seconds;
        const char *words;
    } cases[] = {{30 * 86400, NULL},
                 {3 * 86400, "the certificate ends on "},
                 {-60, "the certificate ended on "}};
    struct bench *b = *state;

    setenv("CORELAY_API_KEYS", "fake-key", 1);
    setenv("AICORE_CLIENT_ID", "x", 1);
    setenv("AICORE_CERT_URL", "https://a.test", 1);
    setenv("AICORE_BASE_URL", "https://b.test", 1);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *certificate, *key;
        fake_certificate(cases[i].seconds, &certificate, &key);
        setenv("AICORE_CERT_STR", certificate, 1);
        setenv("AICORE_KEY_STR", key, 1);
        assert_int_equal(load(b, NULL), OK);
        if (cases[i].words)
            assert_non_null(strstr(b->problems.p, cases[i].words));
        else
            assert_string_equal(b->problems.p, "");
        free(certificate);
        free(key);
    }
}

static void remembers_its_files(void **state)
{
    struct bench *b = *state;

    write_file(b, "k.json", SERVICE_KEY);
    const struct config_file *f =
        accept(b, "{\"subAccounts\":{\"a\":{\"service_key_json\":\"k.json\"}}," KEYS "}")->files;
    assert_string_equal(f->path, path_in(b, "k.json"));
    assert_string_equal(f->next->path, path_in(b, "c.json"));
    assert_null(f->next->next);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(takes_the_seeds_file),
        TEST(takes_the_seeds_single_account),
        TEST(has_defaults),
        TEST(takes_every_setting),
        TEST(takes_routing),
        TEST(refuses_wrong_routing),
        TEST(takes_models_and_aliases),
        TEST(patterns_give_what_names_leave_out),
        TEST(takes_model_rules),
        TEST(refuses_bad_model_rules),
        TEST(keys_have_their_own_passthrough),
        TEST(takes_every_form_of_key),
        TEST(refuses_bad_keys),
        TEST(wants_a_key),
        TEST(takes_keys_of_the_environment),
        TEST(names_unknown_and_repeated_keys),
        TEST(names_what_stands_twice_among_many),
        TEST(names_wrong_types_and_ranges),
        TEST(names_bad_accounts),
        TEST(refuses_plain_http),
        TEST(names_bad_models),
        TEST(names_what_is_no_file),
        TEST(keeps_secrets),
        TEST(sources_come_in_order),
        TEST(names_bad_sources),
        TEST(takes_a_service_binding),
        TEST(chooses_the_state_folder),
        TEST(warns_of_bodies),
        TEST(warns_of_certificates),
        TEST(remembers_its_files),
    };
    return cmocka_run_group_tests_name("config", tests, NULL, NULL);
}

/* Tenants, models and deployments. See tenant.h. */
#include "tenant.h"

#include "wire.h"

#include <stdio.h>
#include <string.h>

const struct tenant tenants[TENANT_COUNT] = {
    {"alpha", "sb-alpha-0000-fake!b1|aicore!b2", "fake$alpha+secret/never=real==",
     "00000000-0000-4000-8000-00000000000a", "alpha-app!b1|aicore!b2"},
    {"beta", "sb-beta-0000-fake!b3|aicore!b4", "fake$beta+secret/never=real==",
     "00000000-0000-4000-8000-00000000000b", "beta-app!b3|aicore!b4"},
};

#define CHAT  "text-generation"
#define EMBED "embeddings"

const struct model models[] = {
    {"gpt-4.1", "azure-openai", "2025-04-14", "OpenAI", 1050000, true, CHAT},
    {"gpt-5", "azure-openai", "2025-08-07", "OpenAI", 400000, true, CHAT},
    {"gpt-5-mini", "azure-openai", "2025-08-07", "OpenAI", 400000, true, CHAT},
    {"gpt-5.2", "azure-openai", "2025-12-11", "OpenAI", 400000, true, CHAT},
    {"gpt-5.5", "azure-openai", "2026-04-23", "OpenAI", 1050000, true, CHAT},
    {"o3-mini", "azure-openai", "2025-01-31", "OpenAI", 200000, true, CHAT},
    {"text-embedding-3-small", "azure-openai", "1", "OpenAI", 8192, false, EMBED},
    {"text-embedding-3-large", "azure-openai", "1", "OpenAI", 8192, false, EMBED},
    {"anthropic--claude-3.7-sonnet", "aws-bedrock", "1", "Anthropic", 200000, true, CHAT},
    {"anthropic--claude-4.5-haiku", "aws-bedrock", "1", "Anthropic", 200000, true, CHAT},
    {"anthropic--claude-4.5-sonnet", "aws-bedrock", "1", "Anthropic", 200000, true, CHAT},
    {"anthropic--claude-4.5-opus", "aws-bedrock", "1", "Anthropic", 200000, true, CHAT},
    {"anthropic--claude-4.6-sonnet", "aws-bedrock", "1", "Anthropic", 1000000, true, CHAT},
    {"anthropic--claude-4.6-opus", "aws-bedrock", "1", "Anthropic", 1000000, true, CHAT},
    {"anthropic--claude-4.8-opus", "aws-bedrock", "1", "Anthropic", 1000000, true, CHAT},
    {"amazon--nova-pro", "aws-bedrock", "1", "Amazon", 300000, true, CHAT},
    {"amazon--nova-lite", "aws-bedrock", "1", "Amazon", 300000, true, CHAT},
    {"amazon--titan-embed-text", "aws-bedrock", "2", "Amazon", 8192, false, EMBED},
    {"gemini-2.5-pro", "gcp-vertexai", "001", "Google", 1048576, true, CHAT},
    {"gemini-2.5-flash", "gcp-vertexai", "001", "Google", 1048576, true, CHAT},
    {"gemini-3.5-flash", "gcp-vertexai", "001", "Google", 1048576, true, CHAT},
    {"gemini-embedding", "gcp-vertexai", "001", "Google", 2048, false, EMBED},
    {"mistralai--mistral-large-instruct", "aicore-mistralai", "2411", "Mistral AI", 131072, true,
     CHAT},
    {"sonar", "perplexity-ai", "1", "Perplexity", 128000, true, CHAT},
    {"nvidia--llama-3.2-nv-embedqa-1b", "aicore-nvidia", "1", "NVIDIA", 8192, false, EMBED},
    {"text-embedding-ada-002", "azure-openai", "2", "OpenAI", 8191, false, EMBED},
    {"cohere-reranker-35", "aicore-cohere", "3.5", "Cohere", 4096, false, "reranking"},
    {"sap-rpt-1-small", "aicore-sap", "1", "SAP", 0, false, "tabular-prediction"},
    {"sap-rpt-1-large", "aicore-sap", "1", "SAP", 0, false, "tabular-prediction"},
    {"amazon--titan-embed-image", "aws-bedrock", "1", "Amazon", 128, false, EMBED},
};

const size_t model_count = sizeof models / sizeof models[0];
const struct model model_abap = {"sap-abap-1", "orchestration", "1", "SAP", 128000, true, CHAT};

/* Neither rerankers nor tables, and no vectors of images. */
bool model_orchestrated(const struct model *m)
{
    return (!strcmp(m->kind, CHAT) || !strcmp(m->kind, EMBED)) && !strstr(m->name, "embed-image");
}

static struct deployment deployments[MAX_DEPLOYMENTS];
static size_t count;

const struct tenant *tenant_by_name(const char *name)
{
    size_t i;

    for (i = 0; name && i < TENANT_COUNT; i++)
        if (!strcmp(tenants[i].name, name))
            return &tenants[i];
    return NULL;
}

const struct tenant *tenant_by_client(const char *client_id)
{
    size_t i;

    for (i = 0; client_id && i < TENANT_COUNT; i++)
        if (!strcmp(tenants[i].client_id, client_id))
            return &tenants[i];
    return NULL;
}

bool tenant_has_group(const struct tenant *tenant, const char *group)
{
    (void)tenant;
    return group && (!strcmp(group, "default") || !strcmp(group, "team-b"));
}

static const struct model *model_by_name(const char *name)
{
    size_t i;

    for (i = 0; i < model_count; i++)
        if (!strcmp(models[i].name, name))
            return &models[i];
    return NULL;
}

static struct deployment *add(const struct tenant *tenant, const char *group, const char *salt,
                              const struct model *model)
{
    struct deployment *d = &deployments[count];
    uint64_t h = hash_text(hash_text(hash_text(0, tenant->name), group), salt);

    snprintf(d->id, sizeof d->id, "d%015llx", (unsigned long long)(h >> 4));
    d->tenant = tenant;
    d->group = group;
    d->model = model;
    d->scenario = "foundation-models";
    d->executable = model ? model->executable : "custom-server";
    d->configuration = salt;
    d->status = d->target_status = "RUNNING";
    d->details = count % 2 ? DETAILS_SNAKE : DETAILS_CAMEL;
    d->has_url = true;
    d->created_day = 2 + (int)(count % 20);
    count++;
    return d;
}

static void add_models(const struct tenant *tenant, const char *group, const char *const *names)
{
    for (; *names; names++)
        add(tenant, group, *names, model_by_name(*names));
}

static void add_orchestration(const struct tenant *tenant)
{
    struct deployment *d = add(tenant, "default", "defaultOrchestrationConfig", NULL);

    d->scenario = d->executable = "orchestration";
    d->details = DETAILS_NONE;
}

static void add_idle(const struct tenant *tenant, const char *salt, const char *model,
                     const char *status, const char *target)
{
    struct deployment *d = add(tenant, "default", salt, model_by_name(model));

    d->status = status;
    d->target_status = target;
    d->has_url = strcmp(status, "PENDING") != 0;
    d->created_day = 28;
}

/* A container of the customer's own. */
static void add_custom(const struct tenant *tenant, const char *configuration)
{
    struct deployment *d = add(tenant, "default", configuration, NULL);

    d->scenario = "fraud-detection";
    d->details = DETAILS_NONE;
}

/* Rows that a careless reader of the list stumbles over. */
static void add_odd_rows(const struct tenant *tenant)
{
    struct deployment *older = add(tenant, "default", "gpt-5-older", model_by_name("gpt-5"));
    struct deployment *custom = add(tenant, "default", "my-own-server", NULL);
    struct deployment *nourl = add(tenant, "default", "gpt-4.1-no-url", model_by_name("gpt-4.1"));

    older->created_day = 1;
    custom->details = DETAILS_NONE;
    nourl->has_url = false;
    nourl->created_day = 29;
    add_idle(tenant, "gpt-5-pending", "gpt-5", "PENDING", "RUNNING");
    add_idle(tenant, "gemini-2.5-pro-dead", "gemini-2.5-pro", "DEAD", "RUNNING");
    add_idle(tenant, "gpt-5-mini-stopped", "gpt-5-mini", "STOPPED", "STOPPED");
    add_idle(tenant, "nova-pro-unknown", "amazon--nova-pro", "UNKNOWN", "RUNNING");
    add_idle(tenant, "claude-stopping", "anthropic--claude-4.5-sonnet", "STOPPING", "STOPPED");
}

void deployments_make(void)
{
    static const char *const alpha_team_b[] = {"gpt-5", "anthropic--claude-4.5-haiku",
                                               "gemini-2.5-flash", NULL};
    static const char *const beta_default[] = {"gpt-4.1",
                                               "gpt-5",
                                               "gpt-5-mini",
                                               "gpt-5.5",
                                               "text-embedding-3-small",
                                               "anthropic--claude-4.5-sonnet",
                                               "anthropic--claude-4.5-haiku",
                                               "amazon--nova-lite",
                                               "gemini-2.5-flash",
                                               "gemini-2.5-pro",
                                               "sonar",
                                               NULL};
    static const char *const beta_team_b[] = {"gpt-5-mini", "anthropic--claude-4.5-sonnet", NULL};
    size_t i;

    add_odd_rows(&tenants[0]);
    for (i = 0; i < model_count; i++)
        add(&tenants[0], "default", models[i].name, &models[i]);
    add_custom(&tenants[0], "fraud-detector");
    add_orchestration(&tenants[0]);
    add_models(&tenants[0], "team-b", alpha_team_b);
    add_models(&tenants[1], "default", beta_default);
    add_custom(&tenants[1], "fraud-detector");
    add_orchestration(&tenants[1]);
    add_models(&tenants[1], "team-b", beta_team_b);
}

size_t deployment_count(void)
{
    return count;
}

const struct deployment *deployment_at(size_t i)
{
    return i < count ? &deployments[i] : NULL;
}

const struct deployment *deployment_by_id(const char *id, size_t len)
{
    size_t i;

    for (i = 0; i < count; i++)
        if (strlen(deployments[i].id) == len && !memcmp(deployments[i].id, id, len))
            return &deployments[i];
    return NULL;
}

bool deployment_running(const struct deployment *d)
{
    return !strcmp(d->status, "RUNNING") && d->has_url;
}

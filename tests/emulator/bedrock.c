/* Shared by Bedrock invoke and Converse. See bedrock.h. */
#include "bedrock.h"

#include "json.h"
#include "wire.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *error_type(unsigned status)
{
    switch (status) {
    case 400:
        return "ValidationException";
    case 403:
        return "AccessDeniedException";
    case 404:
        return "ResourceNotFoundException";
    case 408:
        return "ModelTimeoutException";
    case 424:
        return "ModelErrorException";
    case 429:
        return "ThrottlingException";
    case 503:
        return "ServiceUnavailableException";
    default:
        return "InternalServerException";
    }
}

void bedrock_refuse(struct exchange *x, unsigned status, const char *message)
{
    reply_json(&x->reply, status, "{'message':%q}", message);
    reply_header(&x->reply, "x-amzn-errortype", error_type(status));
}

bool bedrock_bad(struct exchange *x, const char *format, ...)
{
    char message[1200];
    va_list args;

    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    message[utf8_prefix(message, strlen(message), 1190)] = '\0';
    bedrock_refuse(x, 400, message);
    return false;
}

const char *bedrock_exception(unsigned status)
{
    switch (status) {
    case 400:
        return "validationException";
    case 424:
        return "modelStreamErrorException";
    case 429:
        return "throttlingException";
    case 503:
        return "serviceUnavailableException";
    default:
        return "internalServerException";
    }
}

struct claude claude_of(const char *model)
{
    const char *at = strstr(model, "claude-");
    struct claude c = {0, false, false, false};

    if (at)
        c.version = (int)(strtod(at + 7, NULL) * 10 + 0.5);
    c.opus = strstr(model, "opus") != NULL;
    c.sonnet = strstr(model, "sonnet") != NULL;
    c.haiku = strstr(model, "haiku") != NULL;
    return c;
}

bool beta_has(const cJSON *betas, const char *flag)
{
    const cJSON *item;

    cJSON_ArrayForEach(item, betas)
    {
        if (cJSON_IsString(item) && !strcmp(item->valuestring, flag))
            return true;
    }
    return false;
}

bool betas_good(struct exchange *x, const cJSON *betas)
{
    static const char *const refused[] = {"advanced-tool-use-2025-11-20",
                                          "prompt-caching-2024-07-31",
                                          "prompt-caching-scope-2026-01-05",
                                          "extended-cache-ttl-2025-04-11",
                                          "redact-thinking-2026-02-12",
                                          "mcp-servers-2025-12-04",
                                          "skills-2025-10-02",
                                          "files-api-2025-04-14",
                                          "message-batches-2024-09-24",
                                          "managed-agents-2026-04-01",
                                          "code-execution-2025-05-22",
                                          "fast-mode-2026-02-01",
                                          "output-300k-2026-03-24",
                                          "user-profiles-2026-03-24",
                                          "advisor-tool-2026-03-01",
                                          "cache-diagnosis-2026-04-07",
                                          "thinking-token-count-2026-05-13",
                                          "server-side-fallback-2026-06-01",
                                          "fallback-credit-2026-06-01",
                                          NULL};
    const cJSON *item;

    if (betas && !cJSON_IsArray(betas))
        return bedrock_bad(x, "anthropic_beta: Input should be a valid list");
    cJSON_ArrayForEach(item, betas)
    {
        if (!cJSON_IsString(item) || word_in(item->valuestring, refused))
            return bedrock_bad(x, "invalid beta flag");
    }
    return true;
}

static bool budget_good(struct exchange *x, const struct claude_fields *f)
{
    const cJSON *budget = json_get(f->thinking, "budget_tokens");

    if (!cJSON_IsNumber(budget))
        return bedrock_bad(x, "thinking.enabled.budget_tokens: Field required");
    if (budget->valuedouble < 1024)
        return bedrock_bad(x, "thinking.enabled.budget_tokens: Input should be greater than or "
                              "equal to 1024");
    if (budget->valuedouble >= (double)f->max_tokens &&
        !beta_has(f->betas, "interleaved-thinking-2025-05-14"))
        return bedrock_bad(x, "`max_tokens` must be greater than `thinking.budget_tokens`. Please "
                              "consult our documentation.");
    return true;
}

/* Sampling while thinking. */
static bool thoughtful_sampling_good(struct exchange *x, const struct claude_fields *f)
{
    if (f->temperature && f->temperature->valuedouble != 1)
        return bedrock_bad(x, "`temperature` may only be set to 1 when thinking is enabled or in "
                              "adaptive mode.");
    if (f->top_k)
        return bedrock_bad(x, "`top_k` must be unset when thinking is enabled or in adaptive "
                              "mode.");
    if (f->top_p && f->top_p->valuedouble < 0.95)
        return bedrock_bad(x, "`top_p` must be greater than or equal to 0.95 or unset when "
                              "thinking is enabled or in adaptive mode.");
    if (f->tool_forced)
        return bedrock_bad(x, "Thinking may not be enabled when tool_choice forces tool use.");
    return true;
}

static bool thinking_fields_good(struct exchange *x, const cJSON *thinking)
{
    static const char *const known[] = {"type", "budget_tokens", "display", NULL};
    static const char *const displays[] = {"summarized", "omitted", NULL};
    const cJSON *extra = json_unknown(thinking, known);

    if (!cJSON_IsObject(thinking))
        return bedrock_bad(x, "thinking: Input should be an object");
    if (extra)
        return bedrock_bad(x, "thinking.%s: Extra inputs are not permitted", extra->string);
    if (json_get(thinking, "display") && !word_in(json_str(thinking, "display"), displays))
        return bedrock_bad(x, "thinking.display: Input should be 'summarized' or 'omitted'");
    return true;
}

static bool thinking_good(struct exchange *x, struct convo *c, const struct claude_fields *f,
                          const struct claude *m)
{
    const char *type = json_str(f->thinking, "type"), *display = json_str(f->thinking, "display");
    bool enabled = type && !strcmp(type, "enabled"), adaptive = type && !strcmp(type, "adaptive");

    if (!f->thinking)
        return true;
    if (!thinking_fields_good(x, f->thinking))
        return false;
    if (!enabled && !adaptive && (!type || strcmp(type, "disabled")))
        return bedrock_bad(x,
                           "thinking: Input tag '%s' found using 'type' does not match any of "
                           "the expected tags: 'adaptive', 'disabled', 'enabled'",
                           type ? type : "null");
    if (enabled && m->opus && m->version >= 47)
        return bedrock_bad(x, "\"thinking.type.enabled\" is not supported for this model. Use "
                              "\"thinking.type.adaptive\" and \"output_config.effort\" to control "
                              "thinking behavior.");
    if (adaptive && m->version < 46)
        return bedrock_bad(x, "adaptive thinking is not supported on this model");
    if (adaptive && json_get(f->thinking, "budget_tokens"))
        return bedrock_bad(x, "thinking.adaptive.budget_tokens: Extra inputs are not permitted");
    c->thinking = enabled || adaptive;
    c->thinking_hidden = display && !strcmp(display, "omitted");
    if (enabled && !budget_good(x, f))
        return false;
    return !c->thinking || thoughtful_sampling_good(x, f);
}

static bool sampling_good(struct exchange *x, const struct claude_fields *f, const struct claude *m)
{
    if (m->opus && m->version >= 47 && (f->temperature || f->top_p || f->top_k))
        return bedrock_bad(x, "`%s` is not supported for this model.",
                           f->temperature ? "temperature"
                           : f->top_p     ? "top_p"
                                          : "top_k");
    if (m->version >= 45 && f->temperature && f->top_p)
        return bedrock_bad(x, "`temperature` and `top_p` cannot both be specified for this model. "
                              "Please use only one.");
    if (f->temperature && (!cJSON_IsNumber(f->temperature) || f->temperature->valuedouble < 0 ||
                           f->temperature->valuedouble > 1))
        return bedrock_bad(x, "temperature: range: 0..1");
    if (f->top_p &&
        (!cJSON_IsNumber(f->top_p) || f->top_p->valuedouble < 0 || f->top_p->valuedouble > 1))
        return bedrock_bad(x, "top_p: range: 0..1");
    return true;
}

static bool effort_good(struct exchange *x, const struct claude_fields *f, const struct claude *m)
{
    static const char *const words[] = {"low", "medium", "high", "max", NULL};
    static const char *const newer_words[] = {"low", "medium", "high", "xhigh", "max", NULL};
    const char *effort = json_str(f->output_config, "effort");
    bool capable = m->version >= 46 ||
                   (m->version == 45 && m->opus && beta_has(f->betas, "effort-2025-11-24"));

    if (!json_get(f->output_config, "effort"))
        return true;
    if (!capable)
        return bedrock_bad(x, "This model does not support the effort parameter.");
    if (!word_in(effort, m->version >= 47 ? newer_words : words))
        return bedrock_bad(x, "output_config.effort: Input should be 'low', 'medium', 'high' or "
                              "'max'");
    return true;
}

static bool output_good(struct exchange *x, struct convo *c, const struct claude_fields *f,
                        const struct claude *m)
{
    static const char *const known[] = {"effort", "format", NULL};
    const cJSON *extra = json_unknown(f->output_config, known);
    const cJSON *format = json_get(f->output_config, "format");
    const char *type = json_str(format, "type");

    if (!f->output_config)
        return true;
    if (m->version < 45)
        return bedrock_bad(x, "output_config: Extra inputs are not permitted");
    if (extra)
        return bedrock_bad(x, "output_config.%s: Extra inputs are not permitted", extra->string);
    if (format && m->version >= 47)
        return bedrock_bad(x, "output_config.format: Extra inputs are not permitted");
    if (format && (!type || strcmp(type, "json_schema") || !json_get(format, "schema")))
        return bedrock_bad(x, "output_config.format.schema: Field required");
    c->schema = json_get(format, "schema");
    return effort_good(x, f, m);
}

static bool max_tokens_good(struct exchange *x, const struct claude_fields *f,
                            const struct claude *m, const char *model)
{
    long limit = m->version >= 46 && m->opus ? 128000 : 64000;

    if (m->version == 37 && beta_has(f->betas, "output-128k-2025-02-19"))
        limit = 128000;
    if (f->max_tokens > limit)
        return bedrock_bad(x,
                           "max_tokens: %ld > %ld, which is the maximum allowed number of "
                           "output tokens for %s",
                           f->max_tokens, limit, model);
    return true;
}

bool claude_fields_good(struct exchange *x, struct convo *c, const struct claude_fields *f)
{
    struct claude m = claude_of(c->model);

    return betas_good(x, f->betas) && max_tokens_good(x, f, &m, c->model) &&
           thinking_good(x, c, f, &m) && sampling_good(x, f, &m) && output_good(x, c, f, &m);
}

char *redacted_make(struct pool *pool, const char *text)
{
    return pool_printf(pool, "R1.%s.%s", base64_encode(pool, text, strlen(text)),
                       seal_text(pool, "redacted", text));
}

bool redacted_good(struct pool *pool, const char *data)
{
    const char *dot = strncmp(data, "R1.", 3) ? NULL : strchr(data + 3, '.');
    unsigned char *text;
    size_t len;

    if (!dot)
        return false;
    text = base64_decode(pool, pool_copy(pool, data + 3, (size_t)(dot - data - 3)), &len);
    if (!text)
        return false;
    return !strcmp(dot + 1, seal_text(pool, "redacted", pool_copy(pool, (char *)text, len)));
}

bool bedrock_image(struct exchange *x, struct convo *c, const char *kind, const char *data,
                   const char *place)
{
    static const char *const kinds[] = {"png", "jpeg", "gif", "webp", NULL};
    unsigned char *bytes;
    const char *sniffed;
    size_t len = 0;

    if (!word_in(kind, kinds))
        return bedrock_bad(x,
                           "%s.media_type: Input should be 'image/jpeg', 'image/png', "
                           "'image/gif' or 'image/webp'",
                           place);
    bytes = data ? base64_decode(&x->pool, data, &len) : NULL;
    if (!bytes)
        return bedrock_bad(x, "%s.base64: invalid base64 data", place);
    sniffed = media_kind(bytes, len);
    if (!sniffed)
        return bedrock_bad(x, "Could not process image");
    if (strcmp(sniffed, kind))
        return bedrock_bad(x,
                           "%s.base64.data: The image was specified using the image/%s media "
                           "type, but the image appears to be a image/%s image",
                           place, kind, sniffed);
    convo_see(c, "image %s %zu bytes", sniffed, len);
    c->payload_bytes += 340;
    return true;
}

/* Files and answers that are not of one exchange: configuration, keys, tokens, deployments, paths. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "aicore/deployment_list.h"
#include "aicore/service_key.h"
#include "aicore/token_fetch.h"
#include "aicore/token_record.h"
#include "config/config.h"
#include "dialect/dialect.h"
#include "exchange/endpoint.h"
#include "scene.h"

/* --- configuration --------------------------------------------------------------------------- */

static status load(const void *arg, struct buf *out)
{
    struct config *c = NULL;
    status s = config_load(arg, &c, out);

    if (!s)
        buf_printf(out, "%s %s", c->accounts->name, c->keys.first->name);
    config_free(c);
    return out->failed ? E_NOMEM : s;
}

static unsigned torture_configuration(const char *text)
{
    char path[] = "/tmp/corelay-torture.XXXXXX";
    int fd = mkstemp(path);
    unsigned bad = 1;

    if (fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text))
        bad = torture(&(struct scene){"configuration", load, path});
    if (fd >= 0)
        close(fd);
    unlink(path);
    return bad;
}

/* --- what is parsed -------------------------------------------------------------------------- */

static status parse_record(const void *arg, struct buf *out)
{
    struct arena *arena = arena_new(0);
    struct token_record record;
    const char *problem;

    if (!arena)
        return E_NOMEM;
    status s = token_record_parse(arena, str_from(arg), &record, &problem);
    if (!s)
        token_record_write(out, &record);
    arena_free(arena);
    return out->failed ? E_NOMEM : s;
}

static status parse_token(const void *arg, struct buf *out)
{
    struct arena *arena = arena_new(0);
    struct token_answer answer = {.life_s = 0};

    if (!arena)
        return E_NOMEM;
    status s = token_answer_parse(arena, str_from(arg), &answer);
    if (!s)
        buf_add_str(out, answer.token);
    arena_free(arena);
    return out->failed ? E_NOMEM : s;
}

static status parse_deployments(const void *arg, struct buf *out)
{
    struct deployment_list *list;
    int64_t total;
    status s = deployment_list_parse(str_from(arg), &list, &total);

    for (size_t i = 0; !s && i < list->count; i++)
        buf_printf(out, "%s %s\n", list->items[i].id, list->items[i].model);
    if (!s)
        deployment_list_release(list);
    return out->failed ? E_NOMEM : s;
}

static status find_endpoint(const void *arg, struct buf *out)
{
    struct arena *arena = arena_new(0);
    struct endpoint_match match;
    struct str query = str_from(arg), path = str_cut(&query, '?');

    if (!arena)
        return E_NOMEM;
    status s = endpoint_find(arena, path, false, &match);
    if (!s) {
        struct str key = endpoint_query(arena, query, "key");
        buf_printf(out, "%.*s %.*s", STR_ARG(match.model), STR_ARG(key));
        s = key.p ? OK : E_NOMEM;
    }
    arena_free(arena);
    return out->failed ? E_NOMEM : s;
}

static status embed(const void *arg, struct buf *out)
{
    struct arena *arena = arena_new(0);
    struct embed_request r = {0};
    struct dropped dropped = {.arena = arena};
    struct chat_error err;
    struct jspan *body;

    if (!arena)
        return E_NOMEM;
    status s = jspan_parse(arena, str_from(arg), &body, NULL);
    if (!s)
        s = embed_openai.decode(arena, body, &r, &dropped, &err);
    for (const struct embed_input *i = s ? NULL : r.inputs; i; i = i->next)
        buf_printf(out, "%.*s\n", STR_ARG(i->text));
    arena_free(arena);
    return out->failed ? E_NOMEM : s;
}

/* --- all ------------------------------------------------------------------------------------- */

unsigned torture_files(void)
{
    static const struct scene scenes[] = {
        {"token file", parse_record,
         "{\"version\":1,\"id\":\"0\",\"token\":\"abc\",\"expires\":1700003600000}"},
        {"token answer", parse_token,
         "{\"access_token\":\"abc\",\"token_type\":\"bearer\",\"expires_in\":43199}"},
        {"deployments", parse_deployments,
         "{\"count\":1,\"resources\":[{\"id\":\"d1\",\"deploymentUrl\":\"https://h/d1\","
         "\"status\":\"RUNNING\",\"scenarioId\":\"foundation-models\",\"createdAt\":"
         "\"2026-01-01T00:00:00Z\",\"details\":{\"resources\":{\"backend_details\":{\"model\":{"
         "\"name\":\"gpt-5\",\"version\":\"latest\"}}}}}]}"},
        {"path", find_endpoint, "/ai/v1beta/models/g%2D5:generateContent?alt=sse&key=a%20b"},
        {"embeddings", embed, "{\"model\":\"m\",\"input\":[\"a\\u00e9\",\"b\"]}"},
    };
    unsigned bad = torture_configuration(
        "{\"subAccounts\":{\"alpha\":{\"resource_group\":\"default\",\"service_key_json\":{"
        "\"clientid\":\"c\",\"clientsecret\":\"s\",\"url\":\"https://t.example\",\"serviceurls\":{"
        "\"AI_API_URL\":\"https://a.example\"}}}},\"secret_authentication_tokens\":[\"a-key-of-"
        "thirty-two-characters-xx\"],\"aliases\":{\"fast\":\"gpt-5\"},\"models\":{\"gpt-5\":{"
        "\"api_version\":\"2025-04-01-preview\"}}}");

    for (size_t i = 0; i < sizeof scenes / sizeof *scenes; i++)
        bad += torture(&scenes[i]);
    return bad;
}

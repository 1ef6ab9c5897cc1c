/* Cohere's reranker as SAP hosts it: the more words of the query, the better the document. */
#include "inference.h"
#include "json.h"
#include "tenant.h"

#include <string.h>

enum { MAX_DOCUMENTS = 10000 };

struct scored {
    int index;
    double score;
};

static void cohere_refuse(struct exchange *x, unsigned status, const char *message)
{
    reply_json(&x->reply, status, "{'id':'00000000-0000-4000-8000-000000000000','message':%q}",
               message);
}

static void cohere_error_event(struct exchange *x, unsigned status, struct buf *out)
{
    (void)x;
    (void)status;
    (void)out;
}

const struct family cohere_family = {"cohere-rerank", cohere_refuse, cohere_error_event};

static bool bad(struct exchange *x, const char *message)
{
    cohere_refuse(x, 400, pool_printf(&x->pool, "invalid request: %s", message));
    return false;
}

static bool fields_good(struct exchange *x)
{
    static const char *const known[] = {
        "model", "query", "documents", "top_n", "max_tokens_per_doc", NULL};
    const cJSON *extra = json_unknown(x->json, known), *top = json_get(x->json, "top_n"), *item;
    const cJSON *documents = json_get(x->json, "documents");
    const char *model = json_str(x->json, "model"), *query = json_str(x->json, "query");
    int count = cJSON_GetArraySize(documents);

    if (extra)
        return bad(x, pool_printf(&x->pool, "unknown field: parameter '%s' is not a valid field",
                                  extra->string));
    if (!model || strcmp(model, x->deployment->model->name)) {
        cohere_refuse(x, 404, "model not found, make sure the correct model ID was used");
        return false;
    }
    if (!query || !*query)
        return bad(x, "query cannot be empty");
    if (!cJSON_IsArray(documents) || count < 1 || count > MAX_DOCUMENTS)
        return bad(x, "list of documents must hold 1 to 10000 elements");
    cJSON_ArrayForEach(item, documents)
    {
        if (!cJSON_IsString(item) || !*item->valuestring)
            return bad(x, "documents must be non-empty strings");
    }
    if (top && (!cJSON_IsNumber(top) || top->valueint < 1))
        return bad(x, "top_n must be at least 1");
    return true;
}

/* The share of the query's words that the document holds. */
static double score_of(struct pool *pool, const char *query, const char *document)
{
    int words = 0, found = 0;

    while (*query) {
        size_t n = strcspn(query, " ");
        words += n > 0;
        found += n > 0 && strstr(document, pool_copy(pool, query, n));
        query += n + (query[n] == ' ');
    }
    return words ? 0.001 + 0.9 * found / words : 0;
}

static int sort_in(struct scored *list, int count, struct scored one)
{
    int at = count;

    while (at > 0 && list[at - 1].score < one.score) {
        list[at] = list[at - 1];
        at--;
    }
    list[at] = one;
    return count + 1;
}

void cohere_rerank_answer(struct exchange *x)
{
    const cJSON *documents = json_get(x->json, "documents"), *item;
    struct buf results = {&x->pool, NULL, 0, 0};
    struct scored *list;
    int count = 0, i = 0, top, tokens;

    if (!fields_good(x))
        return;
    list = pool_alloc(&x->pool, sizeof *list * (size_t)cJSON_GetArraySize(documents));
    tokens = (int)strlen(json_str(x->json, "query")) / 4 + 1;
    cJSON_ArrayForEach(item, documents)
    {
        double score = score_of(&x->pool, json_str(x->json, "query"), item->valuestring);
        count = sort_in(list, count, (struct scored){i++, score});
        tokens += (int)strlen(item->valuestring) / 4 + 1;
    }
    top = (int)json_num(x->json, "top_n", count);
    for (i = 0; i < count && i < top; i++)
        buf_json(&results, "%s{'index':%d,'relevance_score':%f}", i ? "," : "", list[i].index,
                 list[i].score);
    reply_json(&x->reply, 200,
               "{'id':'11111111-2222-4333-8444-555555555555','results':[%s],'meta':{'api_version':"
               "{'version':'2'},'billed_units':{'search_units':%d},'tokens':{'input_tokens':%d}}}",
               results.at, (count + 99) / 100, tokens);
}

/* The service's two endpoints, step by step. See orchestration.h. */
#include "orchestration.h"

#include "inference.h"
#include "json.h"
#include "sse.h"
#include "tenant.h"

#include <stdio.h>
#include <string.h>

static void refuse(struct exchange *x, unsigned status, const char *location, const char *message)
{
    reply_json(&x->reply, status,
               "{'error':{'request_id':'emulated-request','code':%u,'message':%q,'location':%q}}",
               status, pool_printf(&x->pool, "%u - %s: %s", status, location, message), location);
}

bool orchestration_bad(struct exchange *x, unsigned status, const char *location,
                       const char *format, ...)
{
    char message[1200];
    va_list args;
    size_t len;

    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    len = strlen(message);
    message[utf8_prefix(message, len, len > 1190 ? 1190 : len)] = '\0';
    refuse(x, status, location, message);
    return false;
}

static void family_refuse(struct exchange *x, unsigned status, const char *message)
{
    refuse(x, status, status < 500 && status != 429 ? "Request Body" : "LLM Module", message);
}

static void family_error_event(struct exchange *x, unsigned status, struct buf *out)
{
    struct buf json = {&x->pool, NULL, 0, 0};

    buf_json(&json,
             "{'error':{'request_id':'emulated-request','code':%u,'message':%q,'location':"
             "'LLM Module'}}",
             status, status == 429 ? "429 - LLM Module: Too Many Requests" : "LLM Module: error");
    sse_write(out, json.at, "\n");
}

const struct family orchestration_family = {"orchestration", family_refuse, family_error_event};

static const struct model *find_model(const char *name, const char *kind)
{
    size_t i;

    for (i = 0; i < model_count; i++)
        if (!strcmp(models[i].name, name) && !strcmp(models[i].kind, kind) &&
            model_orchestrated(&models[i]))
            return &models[i];
    return !strcmp(name, model_abap.name) && !strcmp(kind, model_abap.kind) ? &model_abap : NULL;
}

static bool body_good(struct exchange *x, const char *schema)
{
    const char *why = orchestration_fault(&x->pool, schema, x->json);

    return !why || orchestration_bad(x, 400, "Request Body", "%s", why);
}

static bool begin(struct orchestration *o, const cJSON *model, const char *kind)
{
    const char *name = json_str(model, "name");

    o->params = json_get(model, "params");
    o->model = find_model(name, kind);
    o->results.pool = &o->x->pool;
    if (o->model)
        return true;
    return orchestration_bad(o->x, 400, "LLM Module", "Model %s is not supported.", name);
}

static void completion_answer(struct exchange *x)
{
    struct orchestration o = {.x = x};
    struct convo c;
    struct answer a;

    if (!body_good(x, "completion"))
        return;
    o.modules = json_get(json_get(x->json, "config"), "modules");
    if (!begin(&o, json_get(json_get(o.modules, "prompt_templating"), "model"), "text-generation"))
        return;
    convo_init(&c, &x->pool, o.model->name);
    if (orchestration_fill(&o) && orchestration_mask(&o) && orchestration_filter_input(&o) &&
        orchestration_read(&o, &c) && answer_compose(x, &c, &a))
        orchestration_render(&o, &c, &a);
}

/* --- embeddings ------------------------------------------------------------------------------ */

struct vectors {
    struct orchestration *o;
    const cJSON *masking;
    struct buf data;
    int count, tokens, dimensions;
    bool base64;
};

static void add_vector(struct vectors *v, const char *text)
{
    char *masked = orchestration_mask_text(v->o, v->masking, text);

    buf_json(&v->data, "%s{'object':'embedding','index':%d,'embedding':", v->count ? "," : "",
             v->count);
    embedding_write(&v->data, masked, v->dimensions, v->base64);
    buf_char(&v->data, '}');
    v->count++;
    v->tokens += (int)(strlen(masked) + 3) / 4;
}

static void embeddings_answer(struct exchange *x)
{
    struct orchestration o = {.x = x};
    struct vectors v = {.o = &o};
    const cJSON *text, *item;
    const char *format;

    if (!body_good(x, "embeddings"))
        return;
    o.modules = json_get(json_get(x->json, "config"), "modules");
    if (!begin(&o, json_get(json_get(o.modules, "embeddings"), "model"), "embeddings"))
        return;
    format = json_str(o.params, "encoding_format");
    v.data.pool = &x->pool;
    v.masking = json_get(o.modules, "masking");
    v.dimensions = (int)json_num(o.params, "dimensions", 1536);
    v.base64 = format && !strcmp(format, "base64");
    text = json_get(json_get(x->json, "input"), "text");
    if (cJSON_IsString(text))
        add_vector(&v, text->valuestring);
    else
        cJSON_ArrayForEach(item, text)
        {
            add_vector(&v, item->valuestring);
        }
    reply_json(&x->reply, 200,
               "{'request_id':'emulated-request','final_result':{'object':'list','data':[%s],"
               "'model':%q,'usage':{'prompt_tokens':%d,'total_tokens':%d}}}",
               v.data.at, o.model->name, v.tokens, v.tokens);
}

void orchestration_answer(struct exchange *x)
{
    if (!strcmp(x->suffix, "/v2/completion"))
        completion_answer(x);
    else if (!strcmp(x->suffix, "/v2/embeddings"))
        embeddings_answer(x);
    else
        reply_text(&x->reply, 404, "application/json", "{\"detail\":\"Not Found\"}");
}

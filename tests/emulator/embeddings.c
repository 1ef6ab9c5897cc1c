/* Embeddings of every family: Azure, NVIDIA, Titan and Vertex. Vectors derive from the text. */
#include "answer.h"
#include "chat.h"
#include "inference.h"
#include "json.h"
#include "tenant.h"
#include "wire.h"

#include <string.h>

enum { MAX_INPUTS = 2048 };

struct request {
    struct exchange *x;
    int dimensions;
    bool base64;
    struct buf data;
    int count, tokens;
};

static bool add_vector(struct request *r, const char *text, size_t tokens)
{
    if (!tokens)
        return chat_bad(r->x, NULL, "input",
                        "'$.input' is invalid. Please check the API "
                        "reference: input cannot be an empty string.");
    buf_json(&r->data, "%s{'object':'embedding','index':%d,'embedding':", r->count ? "," : "",
             r->count);
    embedding_write(&r->data, text, r->dimensions, r->base64);
    buf_char(&r->data, '}');
    r->count++;
    r->tokens += (int)tokens;
    return true;
}

static bool is_tokens(const cJSON *item)
{
    return cJSON_IsArray(item) && cJSON_IsNumber(item->child);
}

static bool add_input(struct request *r, const cJSON *input)
{
    if (cJSON_IsString(input))
        return add_vector(r, input->valuestring, (strlen(input->valuestring) + 3) / 4);
    if (is_tokens(input) && r->x->family == &azure_family)
        return add_vector(r, json_text(&r->x->pool, input), (size_t)cJSON_GetArraySize(input));
    return chat_bad(r->x, NULL, "input", "'$.input' is invalid. Please check the API reference.");
}

static bool add_inputs(struct request *r)
{
    const cJSON *input = json_get(r->x->json, "input"), *item;

    if (!input || cJSON_IsString(input) || is_tokens(input))
        return add_input(r, input);
    if (!cJSON_IsArray(input) || !cJSON_GetArraySize(input) ||
        cJSON_GetArraySize(input) > MAX_INPUTS)
        return chat_bad(r->x, NULL, "input", "'$.input' is invalid: expected 1 to %d elements.",
                        MAX_INPUTS);
    cJSON_ArrayForEach(item, input)
    {
        if (!add_input(r, item))
            return false;
    }
    return true;
}

static bool nvidia_good(struct exchange *x)
{
    static const char *const types[] = {"query", "passage", NULL};
    static const char *const truncates[] = {"NONE", "START", "END", NULL};
    const char *model = json_str(x->json, "model");

    if (!model || strcmp(model, x->deployment->model->name))
        return chat_bad(x, NULL, NULL, "[{'type': 'missing', 'loc': ('body', 'model')}]");
    if (!word_in(json_str(x->json, "input_type"), types))
        return chat_bad(x, NULL, NULL, "'input_type' parameter is required: 'query' or 'passage'");
    if (json_get(x->json, "truncate") && !word_in(json_str(x->json, "truncate"), truncates))
        return chat_bad(x, NULL, NULL, "'truncate' must be NONE, START or END");
    return true;
}

static bool fields_good(struct exchange *x)
{
    static const char *const azure_known[] = {"input",           "model", "dimensions",
                                              "encoding_format", "user",  NULL};
    static const char *const nvidia_known[] = {
        "input", "model", "dimensions", "encoding_format", "user", "input_type", "truncate", NULL};
    static const char *const formats[] = {"float", "base64", NULL};
    bool azure = x->family == &azure_family;
    const cJSON *extra = json_unknown(x->json, azure ? azure_known : nvidia_known);

    if (extra)
        return chat_bad(x, "unknown_parameter", extra->string, "Unknown parameter: '%s'.",
                        extra->string);
    if (json_get(x->json, "encoding_format") &&
        !word_in(json_str(x->json, "encoding_format"), formats))
        return chat_bad(x, "invalid_value", "encoding_format",
                        "'encoding_format' must be float or base64");
    return azure || nvidia_good(x);
}

static int default_dimensions(const char *model)
{
    if (strstr(model, "3-small") || strstr(model, "ada-002"))
        return 1536;
    return strstr(model, "nvidia") ? 2048 : 3072;
}

void openai_embeddings_answer(struct exchange *x)
{
    const char *model = x->deployment->model->name, *format;
    struct request r = {.x = x, .dimensions = default_dimensions(model)};
    int wanted = (int)json_num(x->json, "dimensions", r.dimensions);

    r.data.pool = &x->pool;
    if (!strstr(model, "embed")) {
        x->family->refuse(x, 400,
                          "The embeddings operation does not work with the specified "
                          "model. Please choose different model and try again.");
        return;
    }
    if (!fields_good(x))
        return;
    if (strstr(model, "ada-002") && json_get(x->json, "dimensions")) {
        chat_bad(x, NULL, "dimensions", "This model does not support specifying dimensions.");
        return;
    }
    if (wanted < 1 || wanted > r.dimensions) {
        chat_bad(x, NULL, "dimensions", "Invalid value for 'dimensions': %d", wanted);
        return;
    }
    r.dimensions = wanted;
    format = json_str(x->json, "encoding_format");
    r.base64 = format && !strcmp(format, "base64");
    if (add_inputs(&r))
        reply_json(&x->reply, 200,
                   "{'object':'list','data':[%s],'model':%q,'usage':{'prompt_tokens':%d,"
                   "'total_tokens':%d}}",
                   r.data.at, model, r.tokens, r.tokens);
}

static void titan_refuse(struct exchange *x, const char *what)
{
    x->family->refuse(x, 400,
                      pool_printf(&x->pool,
                                  "Malformed input request: %s, please reformat your input and try "
                                  "again.",
                                  what));
}

static bool titan_members_good(struct exchange *x, const cJSON *object, const char *const *known)
{
    const cJSON *extra = json_unknown(object, known);

    if (!extra)
        return true;
    titan_refuse(x,
                 pool_printf(&x->pool, "#: extraneous key [%s] is not permitted", extra->string));
    return false;
}

/* One vector of text and image, as the multimodal model makes it. */
static void titan_image_answer(struct exchange *x)
{
    static const char *const known[] = {"inputText", "inputImage", "embeddingConfig", NULL};
    static const char *const config_known[] = {"outputEmbeddingLength", NULL};
    const char *text = json_str(x->json, "inputText"), *image = json_str(x->json, "inputImage");
    const cJSON *config = json_get(x->json, "embeddingConfig");
    int dimensions = (int)json_num(config, "outputEmbeddingLength", 1024);
    struct buf vector = {&x->pool, NULL, 0, 0};
    size_t len = 0;

    if (!titan_members_good(x, x->json, known) || !titan_members_good(x, config, config_known))
        return;
    if ((!text || !*text) && !image) {
        titan_refuse(x, "#: required key [inputText] or [inputImage] not found");
        return;
    }
    if (image) {
        const unsigned char *bytes = base64_decode(&x->pool, image, &len);
        const char *kind = bytes ? media_kind(bytes, len) : NULL;
        if (!kind || (strcmp(kind, "png") && strcmp(kind, "jpeg"))) {
            x->family->refuse(x, 400, "Could not process image");
            return;
        }
    }
    if (dimensions != 256 && dimensions != 384 && dimensions != 1024) {
        titan_refuse(x, "#/embeddingConfig/outputEmbeddingLength: is not a valid enum value");
        return;
    }
    embedding_write(&vector, pool_printf(&x->pool, "%s|%s", text ? text : "", image ? image : ""),
                    dimensions, false);
    reply_json(&x->reply, 200, "{'embedding':%s,'inputTextTokenCount':%d,'message':null}",
               vector.at, text ? (int)(strlen(text) + 3) / 4 : 0);
}

static void titan_text_answer(struct exchange *x)
{
    static const char *const known[] = {"inputText", "dimensions", "normalize", "embeddingTypes",
                                        NULL};
    const char *text = json_str(x->json, "inputText");
    int dimensions = (int)json_num(x->json, "dimensions", 1024);
    struct buf vector = {&x->pool, NULL, 0, 0};

    if (!titan_members_good(x, x->json, known))
        return;
    if (!text || !*text) {
        titan_refuse(x, "#/inputText: expected minLength: 1, actual: 0");
        return;
    }
    if (dimensions != 256 && dimensions != 512 && dimensions != 1024) {
        titan_refuse(x, "#/dimensions: is not a valid enum value");
        return;
    }
    embedding_write(&vector, text, dimensions, false);
    reply_json(&x->reply, 200,
               "{'embedding':%s,'embeddingsByType':{'float':%s},'inputTextTokenCount':%d}",
               vector.at, vector.at, (int)(strlen(text) + 3) / 4);
}

void titan_answer(struct exchange *x)
{
    if (strstr(x->deployment->model->name, "embed-image"))
        titan_image_answer(x);
    else
        titan_text_answer(x);
}

void vertex_predict_answer(struct exchange *x)
{
    static const char *const known[] = {"instances", "parameters", NULL};
    static const char *const instance_known[] = {"content", "task_type", "taskType", "title", NULL};
    const cJSON *instances = json_get(x->json, "instances");
    const cJSON *one = cJSON_GetArrayItem(instances, 0);
    const char *text = json_str(one, "content");
    int dimensions = (int)json_num(json_get(x->json, "parameters"), "outputDimensionality", 3072);
    struct buf vector = {&x->pool, NULL, 0, 0};

    if (json_unknown(x->json, known) || json_unknown(one, instance_known) || !text || !*text) {
        x->family->refuse(x, 400, "Request contains an invalid argument.");
        return;
    }
    if (cJSON_GetArraySize(instances) != 1) {
        x->family->refuse(x, 400, "This model supports one instance per request only.");
        return;
    }
    if (dimensions < 1 || dimensions > 3072) {
        x->family->refuse(x, 400, "outputDimensionality must be in [1, 3072].");
        return;
    }
    embedding_write(&vector, text, dimensions, false);
    reply_json(&x->reply, 200,
               "{'predictions':[{'embeddings':{'values':%s,'statistics':{'token_count':%d,"
               "'truncated':false}}}],'metadata':{'billableCharacterCount':%d}}",
               vector.at, (int)(strlen(text) + 3) / 4, (int)strlen(text));
}

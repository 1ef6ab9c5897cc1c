/*
 * SAP-RPT-1: predictions for the cells of a table that hold the placeholder. /predict takes JSON,
 * /predict_parquet a form with the table as a file; the prediction is always the first known value
 * of the column.
 */
#include "inference.h"
#include "json.h"
#include "tenant.h"

#include <string.h>

enum { MAX_QUERY_ROWS = 128 };

static void rpt_refuse(struct exchange *x, unsigned status, const char *message)
{
    reply_json(&x->reply, status, "{'status':{'code':%d,'message':%q},'detail':[]}",
               status < 500 ? 2 : 3, message);
}

static void rpt_error_event(struct exchange *x, unsigned status, struct buf *out)
{
    (void)x;
    (void)status;
    (void)out;
}

const struct family rpt_family = {"sap-rpt", rpt_refuse, rpt_error_event};

static bool bad(struct exchange *x, const char *place, const char *message)
{
    reply_json(&x->reply, 400,
               "{'status':{'code':2,'message':'Invalid request'},'detail':[{'loc':['body',%q],"
               "'msg':%q,'type':'value_error'}]}",
               place, message);
    return false;
}

static bool column_good(struct exchange *x, const cJSON *column)
{
    static const char *const known[] = {"name", "prediction_placeholder", "task_type", "top_k",
                                        NULL};
    static const char *const tasks[] = {"classification", "regression", NULL};

    if (!cJSON_IsObject(column) || json_unknown(column, known))
        return bad(x, "prediction_config", "Extra inputs are not permitted");
    if (!json_str(column, "name") || !json_get(column, "prediction_placeholder"))
        return bad(x, "prediction_config", "Field required");
    if (json_get(column, "task_type") && !word_in(json_str(column, "task_type"), tasks))
        return bad(x, "prediction_config", "Input should be 'classification' or 'regression'");
    return true;
}

static bool config_good(struct exchange *x, const cJSON *config)
{
    static const char *const known[] = {"target_columns", NULL};
    const cJSON *columns = json_get(config, "target_columns"), *column;

    if (!cJSON_IsArray(columns) || !cJSON_GetArraySize(columns))
        return bad(x, "prediction_config", "Field required");
    if (json_unknown(config, known))
        return bad(x, "prediction_config", "Extra inputs are not permitted");
    cJSON_ArrayForEach(column, columns)
    {
        if (!column_good(x, column))
            return false;
    }
    return true;
}

static bool fields_good(struct exchange *x)
{
    static const char *const known[] = {"prediction_config", "index_column", "rows",
                                        "columns",           "data_schema",  NULL};
    const cJSON *extra = json_unknown(x->json, known);
    bool rows = cJSON_IsArray(json_get(x->json, "rows"));
    bool columns = cJSON_IsObject(json_get(x->json, "columns"));

    if (extra)
        return bad(x, extra->string, "Extra inputs are not permitted");
    if (rows == columns)
        return bad(x, "rows", "Exactly one of rows and columns is required");
    return config_good(x, json_get(x->json, "prediction_config"));
}

static bool is_query(const cJSON *row, const cJSON *target)
{
    const cJSON *cell = json_get(row, json_str(target, "name"));

    return cell && cJSON_Compare(cell, json_get(target, "prediction_placeholder"), true);
}

static const cJSON *known_value(const cJSON *rows, const cJSON *target)
{
    const cJSON *row;

    cJSON_ArrayForEach(row, rows)
    {
        if (!is_query(row, target))
            return json_get(row, json_str(target, "name"));
    }
    return NULL;
}

static void predict(struct exchange *x)
{
    const cJSON *rows = json_get(x->json, "rows"), *row;
    const cJSON *target =
        cJSON_GetArrayItem(json_get(json_get(x->json, "prediction_config"), "target_columns"), 0);
    const char *index = json_str(x->json, "index_column"), *name = json_str(target, "name");
    const cJSON *guess = known_value(rows, target);
    struct buf out = {&x->pool, NULL, 0, 0};
    int count = 0;

    cJSON_ArrayForEach(row, rows)
    {
        if (!is_query(row, target))
            continue;
        buf_json(&out, "%s{%q:[{'prediction':%s,'confidence':0.9}]", count++ ? "," : "", name,
                 guess ? json_text(&x->pool, guess) : "null");
        if (index && json_get(row, index))
            buf_json(&out, ",%q:%s", index, json_text(&x->pool, json_get(row, index)));
        buf_char(&out, '}');
    }
    if (count == 0 || count > MAX_QUERY_ROWS) {
        bad(x, "rows", "Between 1 and 128 query rows are required");
        return;
    }
    reply_json(&x->reply, 200,
               "{'id':'22222222-2222-4333-8444-555555555555','status':{'code':0,'message':'ok'},"
               "'predictions':[%s],'metadata':{'num_columns':%d,'num_rows':%d,"
               "'num_predictions':%d,'num_query_rows':%d}}",
               out.at, cJSON_GetArraySize(rows->child), cJSON_GetArraySize(rows), count, count);
}

/* A form with the parts "file" and "prediction_config"; the file is not looked into. */
static void predict_parquet(struct exchange *x)
{
    const char *type = exchange_header(x, "Content-Type"),
               *mark = type ? strstr(type, "boundary=") : NULL;
    const char *body = buf_str(&x->body);
    char *line;

    if (!mark || strncmp(type, "multipart/form-data", 19)) {
        rpt_refuse(x, 415, "Unsupported Media Type");
        return;
    }
    line = pool_printf(&x->pool, "--%s--", mark + 9);
    if (x->body.len < strlen(line) || !memmem(body, x->body.len, line, strlen(line)) ||
        !memmem(body, x->body.len, "name=\"file\"", 11) ||
        !memmem(body, x->body.len, "name=\"prediction_config\"", 24)) {
        bad(x, "file", "Field required");
        return;
    }
    reply_json(&x->reply, 200,
               "{'id':'33333333-2222-4333-8444-555555555555','status':{'code':0,'message':'ok'},"
               "'predictions':[],'metadata':{'bytes':%d}}",
               (int)x->body.len);
}

void rpt_answer(struct exchange *x)
{
    const char *why, *type = exchange_header(x, "Content-Type");

    if (!exchange_is(x, "POST")) {
        rpt_refuse(x, 405, "Method Not Allowed");
        return;
    }
    if (!strcmp(x->suffix, "/predict_parquet")) {
        predict_parquet(x);
        return;
    }
    if (strcmp(x->suffix, "/predict")) {
        rpt_refuse(x, 404, "Not Found");
        return;
    }
    if (!type || strncmp(type, "application/json", 16)) {
        rpt_refuse(x, 415, "Unsupported Media Type");
        return;
    }
    if (!exchange_json(x, &why) || !cJSON_IsObject(x->json)) {
        rpt_refuse(x, 400, "JSON decode error");
        return;
    }
    if (fields_good(x))
        predict(x);
}

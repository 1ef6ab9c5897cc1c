/* Scripts given over the control port: POST /scripts. See answer.h and README.md. */
#include "answer.h"
#include "json.h"

#include <pthread.h>
#include <string.h>

enum { MAX_SCRIPTS = 256 };

static struct {
    pthread_mutex_t lock;
    cJSON *list[MAX_SCRIPTS];
    size_t count;
} scripts = {.lock = PTHREAD_MUTEX_INITIALIZER};

const char *scripts_add(const cJSON *script)
{
    static const char *const known[] = {"match", "steps", NULL};
    static const char *const step_known[] = {"text",     "think", "tool_calls", "redact",
                                             "delay_ms", "stop",  "chunks",     NULL};
    const cJSON *steps = json_get(script, "steps"), *step;
    const char *why = NULL;

    if (!json_str(script, "match") || !cJSON_GetArraySize(steps) || json_unknown(script, known))
        return "expected match and steps";
    cJSON_ArrayForEach(step, steps)
    {
        if (!cJSON_IsObject(step) || json_unknown(step, step_known))
            return "unknown member in a step";
    }
    pthread_mutex_lock(&scripts.lock);
    if (scripts.count < MAX_SCRIPTS)
        scripts.list[scripts.count++] = cJSON_Duplicate(script, true);
    else
        why = "too many scripts";
    pthread_mutex_unlock(&scripts.lock);
    return why;
}

void scripts_clear(void)
{
    pthread_mutex_lock(&scripts.lock);
    while (scripts.count)
        cJSON_Delete(scripts.list[--scripts.count]);
    pthread_mutex_unlock(&scripts.lock);
}

void scripts_write(struct buf *out)
{
    size_t i;

    pthread_mutex_lock(&scripts.lock);
    buf_text(out, "{\"scripts\":[");
    for (i = 0; i < scripts.count; i++)
        buf_json(out, "%s%s", i ? "," : "", json_text(out->pool, scripts.list[i]));
    buf_text(out, "]}");
    pthread_mutex_unlock(&scripts.lock);
}

/* The step that is due, a copy in the pool; NULL if the script does not fit or is over. */
static const cJSON *step_due(const struct convo *c, const cJSON *script)
{
    const char *match = json_str(script, "match");
    size_t i;

    for (i = 0; i < c->turn_count; i++) {
        size_t step;
        if (c->turns[i].role == TURN_ASSISTANT || !strstr(buf_str(&c->turns[i].text), match))
            continue;
        step = convo_steps_after(c, &c->turns[i]);
        return pool_keep(
            c->pool,
            cJSON_Duplicate(cJSON_GetArrayItem(json_get(script, "steps"), (int)step), true));
    }
    return NULL;
}

static void take_calls(const struct convo *c, const cJSON *calls, struct plan *plan)
{
    const cJSON *call;

    cJSON_ArrayForEach(call, calls)
    {
        const cJSON *args = json_get(call, "args");
        if (!json_str(call, "name") || plan->call_count == 32)
            continue;
        plan->calls[plan->call_count++] =
            (struct wanted_call){json_str(call, "name"), args ? json_text(c->pool, args) : "{}"};
    }
}

static void take_step(const struct convo *c, const cJSON *step, struct plan *plan)
{
    const char *stop = json_str(step, "stop");

    plan->from_script = true;
    plan->text = json_str(step, "text");
    plan->think = json_str(step, "think");
    plan->redact = json_true(step, "redact");
    plan->delay_ms = (int)json_num(step, "delay_ms", -1);
    plan->chunks = (int)json_num(step, "chunks", 0);
    if (stop)
        plan->stop = !strcmp(stop, "length")    ? STOP_LENGTH
                     : !strcmp(stop, "filter")  ? STOP_FILTER
                     : !strcmp(stop, "refusal") ? STOP_REFUSAL
                                                : STOP_END;
    take_calls(c, json_get(step, "tool_calls"), plan);
}

bool script_find(const struct convo *c, struct plan *plan)
{
    const cJSON *step = NULL;
    size_t i;

    pthread_mutex_lock(&scripts.lock);
    for (i = 0; i < scripts.count && !step; i++)
        step = step_due(c, scripts.list[i]);
    pthread_mutex_unlock(&scripts.lock);
    if (!step)
        return false;
    take_step(c, step, plan);
    return true;
}

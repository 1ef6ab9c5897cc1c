/* Conversations. See convo.h. */
#include "convo.h"

#include "wire.h"

#include <stdio.h>
#include <string.h>

void convo_init(struct convo *c, struct pool *pool, const char *model)
{
    memset(c, 0, sizeof *c);
    c->pool = pool;
    c->model = model;
    c->sights.pool = pool;
    c->results_end = &c->results;
    c->tools_end = &c->tools;
    c->choices = 1;
}

void convo_turn(struct convo *c, enum turn_role role)
{
    if (c->turn_count == c->turn_cap) {
        c->turn_cap = c->turn_cap ? c->turn_cap * 2 : 16;
        c->turns = pool_grow(c->pool, c->turns, c->turn_cap * sizeof *c->turns);
    }
    c->turns[c->turn_count++] = (struct turn){role, {c->pool, NULL, 0, 0}, false};
    if (role == TURN_ASSISTANT) {
        c->results = NULL;
        c->results_end = &c->results;
    }
    if (role == TURN_USER)
        c->sights.len = 0;
}

void convo_say(struct convo *c, const char *text)
{
    struct turn *turn = &c->turns[c->turn_count - 1];

    if (!text)
        return;
    if (turn->text.len)
        buf_char(&turn->text, '\n');
    buf_text(&turn->text, text);
}

void convo_see(struct convo *c, const char *format, ...)
{
    char text[160];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    buf_text(&c->sights, " [saw ");
    buf_text(&c->sights, text);
    buf_char(&c->sights, ']');
}

void convo_call(struct convo *c, const char *id, const char *name)
{
    struct past_call *call = pool_alloc(c->pool, sizeof *call);

    call->id = id;
    call->name = name;
    call->next = c->calls;
    c->calls = call;
}

void convo_result(struct convo *c, const char *id, const char *name, const char *text)
{
    struct past_call *result = pool_alloc(c->pool, sizeof *result), *call;

    for (call = c->calls; call && !name; call = call->next)
        if (id && call->id && !strcmp(call->id, id))
            name = call->name;
    result->id = id;
    result->name = name ? name : "?";
    result->text = pool_copy(c->pool, text, strlen(text));
    *c->results_end = result;
    c->results_end = &result->next;
    c->turns[c->turn_count - 1].has_results = true;
    c->payload_bytes += strlen(text);
}

void convo_offer(struct convo *c, const char *name, const cJSON *schema)
{
    struct offered_tool *tool = pool_alloc(c->pool, sizeof *tool);

    tool->name = name;
    tool->schema = schema;
    *c->tools_end = tool;
    c->tools_end = &tool->next;
}

const struct offered_tool *convo_offered(const struct convo *c, const char *name)
{
    const struct offered_tool *tool;

    for (tool = c->tools; tool; tool = tool->next)
        if (!strcmp(tool->name, name))
            break;
    return tool;
}

void convo_stop(struct convo *c, const cJSON *text_or_list)
{
    const cJSON *item;

    if (cJSON_IsString(text_or_list) && *text_or_list->valuestring)
        c->stops[c->stop_count++] = text_or_list->valuestring;
    if (!cJSON_IsArray(text_or_list))
        return;
    cJSON_ArrayForEach(item, text_or_list)
    {
        if (cJSON_IsString(item) && *item->valuestring && c->stop_count < 16)
            c->stops[c->stop_count++] = item->valuestring;
    }
}

const struct turn *convo_question(const struct convo *c)
{
    const struct turn *any = NULL;
    size_t i;

    for (i = c->turn_count; i-- > 0;) {
        if (c->turns[i].role != TURN_USER)
            continue;
        if (!any)
            any = &c->turns[i];
        if (c->turns[i].text.len && !c->turns[i].has_results)
            return &c->turns[i];
    }
    return any;
}

size_t convo_steps_after(const struct convo *c, const struct turn *turn)
{
    size_t n = 0;

    for (turn++; turn < c->turns + c->turn_count; turn++)
        n += turn->role == TURN_ASSISTANT;
    return n;
}

int convo_input_tokens(const struct convo *c)
{
    const struct offered_tool *tool;
    size_t bytes = c->payload_bytes, i, n = 3;

    for (i = 0; i < c->turn_count; i++) {
        bytes += c->turns[i].text.len;
        n += 4;
    }
    for (tool = c->tools; tool; tool = tool->next)
        n += 20;
    return (int)(n + (bytes + 3) / 4);
}

uint64_t convo_hash(const struct convo *c)
{
    static const char *const roles[] = {"s", "u", "a"};
    uint64_t h = hash_text(0, c->model);
    size_t i;

    for (i = 0; i < c->turn_count; i++) {
        h = hash_bytes(h, buf_str(&c->turns[i].text), c->turns[i].text.len);
        h = hash_text(h, roles[c->turns[i].role]);
    }
    return h;
}

bool convo_mentions_json(const struct convo *c)
{
    size_t i;

    for (i = 0; i < c->turn_count; i++)
        if (strstr(buf_str(&c->turns[i].text), "json") ||
            strstr(buf_str(&c->turns[i].text), "JSON"))
            return true;
    return false;
}

void convo_source(struct convo *c, enum citable_kind kind, const char *title, const char *source,
                  const char *text, bool cite)
{
    int number = kind == CITE_SEARCH_RESULT ? c->search_results++ : c->documents++;

    if (!cite && kind != CITE_SEARCH_RESULT)
        c->uncited++;
    if (cite && c->citable_count < MAX_CITABLES)
        c->citables[c->citable_count++] = (struct citable){kind, number, title, source, text};
}

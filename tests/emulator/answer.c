/* Composition of answers. See answer.h. */
#include "answer.h"

#include "json.h"
#include "settings.h"
#include "wire.h"

#include <math.h>
#include <string.h>

enum { ECHO_BYTES = 200, PIECE_BYTES = 12, MAX_PIECES = 256 };

const char hex_alphabet[] = "0123456789abcdef";
const char alnum_alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

static uint64_t mix(uint64_t v)
{
    v = (v ^ v >> 30) * 0xbf58476d1ce4e5b9u;
    v = (v ^ v >> 27) * 0x94d049bb133111ebu;
    return v ^ v >> 31;
}

char *derived_id(struct pool *pool, const char *prefix, uint64_t seed, size_t n,
                 const char *alphabet)
{
    size_t start = strlen(prefix), size = strlen(alphabet), i;
    char *id = pool_alloc(pool, start + n + 1);

    memcpy(id, prefix, start);
    for (i = 0; i < n; i++)
        id[start + i] = alphabet[mix(seed + i * 0x9e3779b97f4a7c15u) % size];
    return id;
}

static struct block *block_add(struct answer *a, enum block_kind kind, const char *text)
{
    struct block *block = &a->blocks[a->block_count];

    if (a->block_count < MAX_BLOCKS - 1)
        a->block_count++;
    memset(block, 0, sizeof *block);
    block->kind = kind;
    block->text = text;
    return block;
}

static char *results_text(const struct convo *c)
{
    struct buf out = {c->pool, NULL, 0, 0};
    const struct past_call *result;

    for (result = c->results; result; result = result->next) {
        if (out.len)
            buf_char(&out, '\n');
        buf_text(&out, "Tool ");
        buf_text(&out, result->name);
        buf_text(&out, " returned: ");
        buf_text(&out, result->text);
    }
    buf_text(&out, buf_str(&c->sights));
    return out.at;
}

static char *echo_text(const struct convo *c, const struct turn *question)
{
    const char *said = question ? buf_str(&question->text) : "";
    size_t len = utf8_prefix(said, strlen(said), ECHO_BYTES);

    return pool_printf(c->pool, "Hello from %s. You said: %.*s%s", c->model, (int)len, said,
                       buf_str(&c->sights));
}

static char *filler(struct pool *pool, size_t bytes)
{
    static const char line[] = "The quick brown fox jumps over the lazy dog, again and again.\n";
    char *text = pool_alloc(pool, bytes + 1);
    size_t i;

    for (i = 0; i < bytes; i++)
        text[i] = line[i % (sizeof line - 1)];
    return text;
}

static const char *json_mode_text(const struct convo *c, const struct turn *question)
{
    struct buf out = {c->pool, NULL, 0, 0};
    const char *said = question ? buf_str(&question->text) : "";

    buf_json(&out, "{'model':%q,'you_said':", c->model);
    buf_quote(&out, said, utf8_prefix(said, strlen(said), ECHO_BYTES));
    buf_char(&out, '}');
    return out.at;
}

static const char *text_wanted(const struct convo *c, const struct plan *plan,
                               const struct turn *question)
{
    if (plan->bytes)
        return filler(c->pool, plan->bytes);
    if (plan->text)
        return plan->text;
    if (plan->from_script || plan->call_count)
        return NULL;
    if (c->results)
        return results_text(c);
    if (c->schema)
        return json_text(c->pool, schema_instance(c->pool, c->schema));
    if (c->json_mode)
        return json_mode_text(c, question);
    return echo_text(c, question);
}

static char *not_offered_text(const struct convo *c, const char *name)
{
    struct buf out = {c->pool, NULL, 0, 0};
    const struct offered_tool *tool;

    buf_text(&out, "Emulator: tool ");
    buf_text(&out, name);
    buf_text(&out, " is not among the tools of the request:");
    for (tool = c->tools; tool; tool = tool->next) {
        buf_char(&out, ' ');
        buf_text(&out, tool->name);
    }
    return out.at;
}

static void add_calls(const struct convo *c, const struct plan *plan, struct answer *a)
{
    size_t i;

    for (i = 0; i < plan->call_count; i++) {
        const struct wanted_call *want = &plan->calls[i];
        struct block *block;
        if (c->tools_off || !convo_offered(c, want->name)) {
            block_add(a, BLOCK_TEXT, not_offered_text(c, want->name));
            continue;
        }
        if (c->single_call && a->stop == STOP_CALLS)
            continue;
        block = block_add(a, BLOCK_CALL, NULL);
        block->name = want->name;
        block->args = want->args;
        block->id = derived_id(c->pool, "", convo_hash(c) + i, 24, alnum_alphabet);
        a->stop = STOP_CALLS;
    }
}

static void add_thoughts(const struct convo *c, const struct plan *plan,
                         const struct turn *question, struct answer *a)
{
    const char *said = question ? buf_str(&question->text) : "";
    const char *think = plan->think;

    if (!c->thinking)
        return;
    if (!think)
        think = pool_printf(c->pool, "Let me think about this: %.*s",
                            (int)utf8_prefix(said, strlen(said), 60), said);
    if (plan->redact)
        block_add(a, BLOCK_REDACTED, think);
    else
        block_add(a, BLOCK_THINK, c->thinking_hidden ? "" : think);
}

/* The earliest stop sequence in the text, or NULL. */
static const char *find_stop(const struct convo *c, const char *text, const char **sequence)
{
    const char *first = NULL, *found;
    size_t i;

    for (i = 0; i < c->stop_count; i++) {
        found = strstr(text, c->stops[i]);
        if (found && (!first || found < first)) {
            first = found;
            *sequence = c->stops[i];
        }
    }
    return first;
}

/* Cut the text at a stop sequence and at the token limit, as a model would stop there. */
static void add_text(const struct convo *c, const char *text, struct answer *a)
{
    size_t len = strlen(text), max = (size_t)c->max_tokens * 4;
    const char *stop = find_stop(c, text, &a->stop_sequence);

    if (stop) {
        len = (size_t)(stop - text);
        a->stop = STOP_SEQUENCE;
    }
    if (c->max_tokens > 0 && len > max) {
        len = utf8_prefix(text, len, max);
        a->stop = STOP_LENGTH;
        a->stop_sequence = NULL;
    }
    if (len)
        block_add(a, BLOCK_TEXT, pool_copy(c->pool, text, len));
}

static void count_tokens(const struct convo *c, struct answer *a)
{
    size_t i, bytes = 0;

    for (i = 0; i < a->block_count; i++) {
        const struct block *block = &a->blocks[i];
        bytes += block->text ? strlen(block->text) : 0;
        bytes += block->args ? strlen(block->args) + strlen(block->name) : 0;
        if (block->kind == BLOCK_THINK || block->kind == BLOCK_REDACTED)
            a->reasoning_tokens += (int)(strlen(block->text) + 3) / 4;
    }
    a->input_tokens = convo_input_tokens(c);
    a->reasoning_tokens += c->reasoning_tokens;
    a->output_tokens = (int)(bytes + 3) / 4 + c->reasoning_tokens;
}

/* Which tool must be called although nobody scripted it. */
static void plan_forced(const struct convo *c, struct plan *plan)
{
    const struct offered_tool *tool = c->tools;

    if (!c->tool_forced || plan->call_count || plan->from_script || !tool)
        return;
    if (c->tool_forced_name)
        tool = convo_offered(c, c->tool_forced_name);
    if (!tool)
        return;
    plan->calls[plan->call_count++] = (struct wanted_call){
        tool->name, json_text(c->pool, schema_instance(c->pool, tool->schema))};
}

static void plan_make(const struct convo *c, const struct turn *question, struct plan *plan)
{
    memset(plan, 0, sizeof *plan);
    plan->delay_ms = -1;
    if (!script_find(c, plan) && question) {
        directives_read(c->pool, buf_str(&question->text), plan);
        if (plan->call_count && convo_steps_after(c, question)) {
            plan->call_count = 0;
            plan->text = NULL;
        }
    }
    plan_forced(c, plan);
}

bool answer_compose(struct exchange *x, const struct convo *c, struct answer *a)
{
    const struct turn *question = convo_question(c);
    struct plan plan;
    const char *text;

    plan_make(c, question, &plan);
    memset(a, 0, sizeof *a);
    if (plan.error_status && (!plan.error_mid)) {
        x->family->refuse(x, plan.error_status, "An error was asked for.");
        return false;
    }
    a->error_status = plan.error_status;
    a->chunks = plan.chunks;
    a->delay_ms = (unsigned)(plan.delay_ms >= 0 ? plan.delay_ms : settings.chunk_delay_ms);
    add_thoughts(c, &plan, question, a);
    text = text_wanted(c, &plan, question);
    if (text)
        add_text(c, text, a);
    add_calls(c, &plan, a);
    if (plan.stop != STOP_END)
        a->stop = plan.stop;
    count_tokens(c, a);
    return true;
}

void answer_finish(struct exchange *x, const struct answer *a)
{
    size_t content;

    if (!a->error_status)
        return;
    if (!x->reply.streamed) {
        x->family->refuse(x, a->error_status, "An error was asked for.");
        return;
    }
    content = reply_event_count(&x->reply) - x->reply.opening;
    reply_cut(&x->reply, x->reply.opening + (content > 1 ? content / 2 : 1));
    x->family->error_event(x, a->error_status, &x->reply.bytes);
    reply_event(&x->reply, a->delay_ms);
}

/* The k-th of n places to cut a text of this length, moved back to the start of a character. */
static size_t cut_place(const char *text, size_t len, size_t k, size_t n)
{
    return utf8_prefix(text, len, (size_t)((double)len * (double)k / (double)n));
}

size_t *answer_pieces(struct pool *pool, const struct answer *a, const char *text, size_t *count)
{
    size_t len = strlen(text), n = (len + PIECE_BYTES - 1) / PIECE_BYTES, at = 0, end, k;
    size_t *pieces;

    if (n > MAX_PIECES)
        n = MAX_PIECES;
    if (a->chunks > 0)
        n = (size_t)a->chunks < len ? (size_t)a->chunks : len;
    pieces = pool_alloc(pool, (n + 1) * sizeof *pieces);
    for (*count = 0, k = 1; k <= n; k++) {
        end = k == n ? len : cut_place(text, len, k, n);
        if (end > at)
            pieces[(*count)++] = end - at;
        at = end;
    }
    return pieces;
}

void embedding_write(struct buf *out, const char *text, int dimensions, bool base64)
{
    float *values = pool_alloc(out->pool, (size_t)dimensions * sizeof *values);
    uint64_t seed = hash_text(0, text);
    double sum = 0;
    int i;

    for (i = 0; i < dimensions; i++) {
        values[i] = (float)((double)(mix(seed + (uint64_t)i) >> 40) / (1 << 23) - 1.0);
        sum += (double)values[i] * (double)values[i];
    }
    for (i = 0; i < dimensions; i++)
        values[i] = (float)((double)values[i] / sqrt(sum > 0 ? sum : 1));
    if (base64) {
        buf_json(out, "%q", base64_encode(out->pool, values, (size_t)dimensions * sizeof *values));
        return;
    }
    buf_char(out, '[');
    for (i = 0; i < dimensions; i++)
        buf_json(out, "%s%f", i ? "," : "", (double)values[i]);
    buf_char(out, ']');
}

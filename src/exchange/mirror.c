/* Copies of requests. See mirror.h. */
#include "exchange/mirror.h"

#include <stdlib.h>

#include "base/crypto.h"
#include "base/log.h"
#include "exchange/life.h"

struct mirror {
    struct mirrors *all;
    struct mirror *next, **at; /* `at`: what points to this one */
    struct exchange *copy;
    struct config_mirror setting; /* its texts are of the configuration, which the copy holds */
    struct buf body, betas;
};

/* --- nobody listens -------------------------------------------------------------------------- */

static struct str get_header(void *arg, const char *name)
{
    const struct mirror *m = arg;

    return strcmp(name, "ANTHROPIC_BETA") == 0 ? buf_str(&m->betas) : STR_NONE;
}

static void ignore_head(void *arg, int code, struct str headers)
{
    (void)arg, (void)code, (void)headers;
}

static void ignore_body(void *arg, struct str bytes)
{
    (void)arg, (void)bytes;
}

static void mirror_free(void *arg)
{
    struct mirror *m = arg;

    if (m->at) {
        *m->at = m->next;
        if (m->next)
            m->next->at = m->at;
        m->all->count--;
    }
    buf_free(&m->body);
    buf_free(&m->betas);
    free(m);
}

static const struct caller_ops ops = {ignore_head, ignore_body, mirror_free, NULL};

void mirrors_end(struct mirrors *all)
{
    while (all->first) {
        struct mirror *m = all->first;
        exchange_cancel(m->copy);
        mirror_free(m);
    }
}

/* --- beginning ------------------------------------------------------------------------------- */

static bool by_chance(int64_t percent)
{
    uint32_t random;

    crypto_random(&random, sizeof random);
    return random % 100 < percent;
}

/* Requests of the Responses API leave something behind. Who is bound to SAP's orchestration service is
   so because of what he writes: it goes where he sends it, and nowhere else. */
static bool may_be_copied(const struct exchange *x)
{
    return x->match.endpoint->kind == ENDPOINT_CHAT && !x->work && !x->part && !x->mirror &&
           x->dialect->wire != WIRE_OPENAI_RESPONSES && !(x->key && x->key->profile);
}

static const struct config_mirror *wanted(const struct exchange *x)
{
    const struct config_model *setting = x->pick.ask.model->setting;

    if (!setting || !setting->mirror.percent || !may_be_copied(x))
        return NULL;
    return by_chance(setting->mirror.percent) ? &setting->mirror : NULL;
}

static bool has_place(const struct exchange *x, const struct mirrors *all)
{
    if (!all->allowed)
        return false;
    if (all->count < MIRRORS_MAX && x->request.body.n <= MIRROR_BODY_BYTES)
        return true;
    log_debug("%.*s is not copied: %s", STR_ARG(x->id),
              all->count < MIRRORS_MAX ? "it is too long" : "too many copies are under way");
    return false;
}

static void enter(struct mirror *m)
{
    m->next = m->all->first;
    m->at = &m->all->first;
    if (m->next)
        m->next->at = &m->next;
    m->all->first = m;
    m->all->count++;
}

/* What the copy knows without having been asked by anybody. False: out of memory. */
static bool describe(struct exchange *copy, const struct exchange *x)
{
    copy->id = arena_printf(copy->arena, "%.*s.copy", STR_ARG(x->id));
    if (!copy->id.n || endpoint_find(copy->arena, copy->request.path, false, &copy->match))
        return false;
    copy->dialect = x->dialect;
    copy->key = x->key;
    copy->rediscovered = true; /* the original looks */
    copy->stage = STAGE_DECODE;
    copy->record.id = copy->id;
    copy->record.key_name = x->record.key_name;
    copy->record.client = x->record.client;
    copy->record.dialect = x->record.dialect;
    copy->record.mirror = true;
    return true;
}

static struct exchange *copy_new(struct mirror *m, const struct exchange *x)
{
    size_t path, query;

    buf_add_str(&m->body, x->request.path);
    path = m->body.n;
    buf_add_str(&m->body, x->request.query);
    query = m->body.n;
    buf_add_str(&m->body, x->request.body);
    buf_add_str(&m->betas, x->request.header(x->arg, "ANTHROPIC_BETA"));
    if (m->body.failed || m->betas.failed)
        return NULL;
    struct str all = buf_str(&m->body);
    struct exchange_request request = {.method = "POST",
                                       .path = str_slice(all, 0, path),
                                       .query = str_slice(all, path, query),
                                       .header = get_header,
                                       .body = str_slice(all, query, all.n)};
    struct exchange *copy = exchange_new(gateway_share(x->state), &request, &ops, m);
    if (!copy)
        return NULL;
    copy->mirror = m;
    if (describe(copy, x))
        return copy;
    exchange_free(copy);
    return NULL;
}

void mirror_begin(struct exchange *x)
{
    struct mirrors *all = gateway_mirrors(x->state);
    const struct config_mirror *setting = wanted(x);

    if (!setting || !has_place(x, all))
        return;
    struct mirror *m = calloc(1, sizeof *m);
    if (!m)
        return;
    m->all = all;
    m->setting = *setting;
    m->copy = copy_new(m, x);
    if (m->copy)
        enter(m);
    else
        mirror_free(m);
}

void mirror_aim(struct exchange *copy)
{
    const char *model = copy->mirror->setting.model;

    if (model)
        copy->model_asked = str_from(model);
}

const struct config_mirror *mirror_setting(const struct mirror *m)
{
    return m ? &m->setting : NULL;
}

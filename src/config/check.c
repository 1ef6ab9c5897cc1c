/* What no single value can tell: loops between models, missing parts, risks. */
#include <stdio.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "config/reading.h"

enum { CERTIFICATE_WARNING_S = 7 * 24 * 3600, DAY_S = 24 * 3600 };

/* --- fallbacks and aliases ------------------------------------------------------------------- */

static const struct config_alias *find_alias(const struct config *c, const char *name)
{
    for (const struct config_alias *a = c->aliases; a; a = a->next)
        if (strcmp(a->name, name) == 0)
            return a;
    return NULL;
}

static void check_aliases(struct reading *r)
{
    struct place up = {NULL, "aliases", 0};

    for (const struct config_alias *a = r->config->aliases; a; a = a->next) {
        struct place at = {&up, a->name, 0};
        if (find_alias(r->config, a->model))
            reading_error(r, &at, "stands for \"%s\", an alias itself; expected a model", a->model);
    }
}

/* A model of the configuration while its fallbacks are followed. */
struct walk {
    const struct config_model *model;
    bool ends; /* every chain of fallbacks from here ends */
};

static struct walk *find_walk(struct reading *r, struct walk *walks, size_t count, const char *name)
{
    const struct config_alias *alias = find_alias(r->config, name);

    for (size_t i = 0; i < count; i++)
        if (strcmp(walks[i].model->name, alias ? alias->model : name) == 0)
            return &walks[i];
    return NULL;
}

/* The first fallback that does not end, NULL if all do. */
static struct walk *endless(struct reading *r, struct walk *walks, size_t count,
                            const struct walk *from)
{
    for (size_t i = 0; i < from->model->fallback_count; i++) {
        struct walk *to = find_walk(r, walks, count, from->model->fallback[i]);
        if (to && !to->ends)
            return to;
    }
    return NULL;
}

/* Mark what ends, until nothing changes; a model that is left over, NULL if there is none. */
static struct walk *leftover(struct reading *r, struct walk *walks, size_t count)
{
    struct walk *left = NULL;

    for (bool changed = true; changed;) {
        changed = false;
        left = NULL;
        for (size_t i = 0; i < count; i++) {
            if (walks[i].ends)
                continue;
            walks[i].ends = !endless(r, walks, count, &walks[i]);
            if (walks[i].ends)
                changed = true;
            else
                left = &walks[i];
        }
    }
    return left;
}

/* From a leftover every way leads into a loop: after `count` steps one stands in it. */
static void report_loop(struct reading *r, struct walk *walks, size_t count, struct walk *in)
{
    struct place top = {NULL, "models", 0}, model = {&top, NULL, 0}, at = {&model, "fallback", 0};
    char way[256];

    for (size_t i = 0; i < count; i++)
        in = endless(r, walks, count, in);
    size_t n = (size_t)snprintf(way, sizeof way, "%s", in->model->name);
    struct walk *w = in;
    do {
        struct walk *next = endless(r, walks, count, w);
        if (n < sizeof way)
            n += (size_t)snprintf(way + n, sizeof way - n, " -> %s", next->model->name);
        w = next;
    } while (w != in);
    in->ends = true; /* reported: the others end here */
    model.key = in->model->name;
    reading_error(r, &at, "leads back to the model itself (%s); expected an end", way);
}

static void check_fallbacks(struct reading *r)
{
    size_t count = 0;

    for (const struct config_model *m = r->config->models; m; m = m->next)
        count++;
    struct walk *walks = reading_alloc(r, (count + 1) * sizeof *walks);
    if (!walks)
        return;
    count = 0;
    for (const struct config_model *m = r->config->models; m; m = m->next)
        walks[count++].model = m;
    for (struct walk *left; (left = leftover(r, walks, count)) != NULL;)
        report_loop(r, walks, count, left);
}

/* --- missing parts --------------------------------------------------------------------------- */

static void check_keys(struct reading *r)
{
    if (r->config->keys.first || r->config->allow_anonymous || r->keys_attempted)
        return;
    reading_error(r, NULL,
                  "no key for callers; expected api_keys or CORELAY_API_KEYS (\"corelay "
                  "key new\" makes one), or \"allow_anonymous\": true");
}

static void check_state_dir(struct reading *r)
{
    struct place at = {NULL, "state_dir", 0};

    if (r->config->state_dir)
        trust_state_folder(r, &at, r->config->state_dir);
}

static void check_ca_file(struct reading *r)
{
    struct place http = {NULL, "http", 0}, at = {&http, "ca_file", 0};
    const char *path = r->config->http.ca_file;
    struct stat st;

    if (path && (stat(path, &st) < 0 || !S_ISREG(st.st_mode)))
        reading_error(r, &at, "%s: no such file; expected a PEM bundle", path);
    else if (path)
        trust_file(r, &at, path, TRUST_OPEN);
}

/* --- risks ----------------------------------------------------------------------------------- */

static void warn_of_certificate(struct reading *r, const struct config_account *account)
{
    int64_t end = account->key->certificate_end, now = clock_wall_s();
    char text[CLOCK_TEXT_BYTES];

    if (end == 0 || end > now + CERTIFICATE_WARNING_S)
        return;
    clock_render(end * 1000, text);
    buf_printf(r->problems, "warning: %s: the certificate %s %.10s (%lld days)\n", account->source,
               end <= now ? "ended on" : "ends on", text, (long long)((end - now) / DAY_S));
}

static void warn_of_risks(struct reading *r)
{
    struct place log = {NULL, "log", 0}, bodies = {&log, "bodies", 0};
    struct place anonymous = {NULL, "allow_anonymous", 0};
    struct place responses = {NULL, "responses", 0}, store = {&responses, "store", 0};

    if (r->config->log.bodies)
        reading_warning(r, &bodies, "requests and answers go to the log in full");
    if (r->config->responses.store)
        reading_warning(r, &store, "what users write and are answered is kept in %s",
                        r->config->state_dir ? r->config->state_dir
                                             : "no folder, as there is none");
    if (r->config->allow_anonymous)
        reading_warning(r, &anonymous, "whoever reaches the web server may use the models");
    for (const struct config_account *a = r->config->accounts; a; a = a->next)
        warn_of_certificate(r, a);
}

/* A password of the proxy is a secret, too. */
static void check_own_file(struct reading *r)
{
    const struct config *c = r->config;
    bool secrets = r->plain_secrets || (c->http.proxy && strchr(c->http.proxy, '@'));

    if (c->file)
        trust_file(r, NULL, c->file, secrets ? TRUST_SECRET : TRUST_OPEN);
}

void config_check(struct reading *r)
{
    check_own_file(r);
    check_aliases(r);
    check_fallbacks(r);
    orchestration_resolve(r);
    check_keys(r);
    check_state_dir(r);
    check_ca_file(r);
    warn_of_risks(r);
}

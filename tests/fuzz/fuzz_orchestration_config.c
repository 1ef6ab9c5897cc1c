/* Any bytes as the section "orchestration": refused with a line, or profiles whose texts are JSON. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/jspan.h"
#include "config/config.h"
#include "family/orchestration.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

#define BEFORE                                                                                     \
    "{\"subAccounts\":{\"a\":{\"service_key\":{\"clientid\":\"c\",\"clientsecret\":\"s\","         \
    "\"url\":\"https://a.test\",\"serviceurls\":{\"AI_API_URL\":\"https://b.test\"}}}},"           \
    "\"api_keys\":[\"fake-key\"],\"state_dir\":\"/nonexistent/corelay\",\"orchestration\":"

static void check_json(struct str text)
{
    struct arena *arena = arena_new(0);
    struct jspan *root;

    if (text.n && jspan_parse(arena, text, &root, NULL))
        abort();
    arena_free(arena);
}

static void check(const struct config *c)
{
    for (const struct orchestration_profile *p = c->profiles; p; p = p->next) {
        check_json(p->masking);
        check_json(p->filtering);
        check_json(p->grounding);
        check_json(p->translation);
        check_json(p->prompt_template);
        check_json(p->template_ref);
        check_json(p->defaults);
        check_json(p->delimiters);
    }
}

static void try_file(const char *path)
{
    struct buf problems = {0};
    struct config *c = NULL;

    if (config_load(path, &c, &problems) == OK)
        check(c);
    else if (!problems.n)
        abort();
    config_free(c);
    buf_free(&problems);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    char path[] = "/tmp/corelay-fuzz.XXXXXX";
    int fd = mkstemp(path);
    FILE *f = fd < 0 ? NULL : fdopen(fd, "wb");

    if (!f)
        abort();
    fputs(BEFORE, f);
    fwrite(bytes, 1, n, f);
    fputc('}', f);
    fclose(f);
    try_file(path);
    unlink(path);
    return 0;
}

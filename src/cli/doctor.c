/* corelay doctor: the steps in order, each with a verdict and, when it fails, a hint. */
#include "cli/doctor.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/sandbox.h"

static const char *const verdicts[] = {"OK", "SKIPPED", "FAILED"};

void doctor_report(struct doctor *d, enum doctor_verdict verdict, const char *step,
                   const char *hint, const char *format, ...)
{
    char text[1024];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    d->failed += verdict == DOCTOR_FAILED;
    if (d->json) {
        jwrite_object(d->json);
        jwrite_member_cstr(d->json, "step", step);
        jwrite_member_cstr(d->json, "verdict", verdicts[verdict]);
        jwrite_member_cstr(d->json, "text", text);
        if (hint && verdict != DOCTOR_OK)
            jwrite_member_cstr(d->json, "hint", hint);
        jwrite_end(d->json);
        return;
    }
    printf("%-8s %-16s %s\n", verdicts[verdict], step, text);
    if (hint && verdict != DOCTOR_OK)
        printf("%-8s %-16s %s\n", "", "", hint);
    fflush(stdout);
}

static void report_problems(struct doctor *d, struct str problems)
{
    while (problems.n) {
        struct str line = str_cut(&problems, '\n');
        if (!str_starts(line, "warning: "))
            doctor_report(d, DOCTOR_FAILED, "configuration", NULL, "%.*s", STR_ARG(line));
    }
}

static void report_key(struct doctor *d, const struct config_account *a)
{
    char end[CLOCK_TEXT_BYTES];

    if (!a->key->certificate_end) {
        doctor_report(d, DOCTOR_OK, "service key", NULL, "%s: with a secret, %s", a->name,
                      a->key->token_url);
        return;
    }
    clock_render(a->key->certificate_end * 1000, end);
    bool ended = a->key->certificate_end <= clock_wall_s();
    doctor_report(d, ended ? DOCTOR_FAILED : DOCTOR_OK, "service key",
                  "create a new service key (its default life is 7 days) and replace the file",
                  "%s: with a certificate that %s %.10s, %s", a->name, ended ? "ended" : "ends",
                  end, a->key->token_url);
}

static struct config *load(struct doctor *d, const char *file)
{
    struct config *config = NULL;
    struct buf problems = {0};

    setenv("CORELAY_ALLOW_ANONYMOUS", "1", 1); /* callers' keys are not examined here */
    status s = config_load(file, &config, &problems);
    if (s)
        report_problems(d, buf_str(&problems));
    else
        doctor_report(d, DOCTOR_OK, "configuration", NULL, "%s",
                      config->file ? config->file : "from the environment");
    buf_free(&problems);
    return config;
}

/* What a responder would find on this host. */
static void report_sandbox(struct doctor *d, const struct config *config)
{
    static const char *const modes[] = {[CONFIG_SANDBOX_AUTO] = "auto",
                                        [CONFIG_SANDBOX_OFF] = "off",
                                        [CONFIG_SANDBOX_REQUIRE] = "require"};
    unsigned offered = sandbox_offered();
    bool lacking = config->sandbox == CONFIG_SANDBOX_REQUIRE && offered != SANDBOX_WHOLE;
    struct buf text = {0};

    sandbox_describe(offered, &text);
    doctor_report(d,
                  config->sandbox == CONFIG_SANDBOX_OFF ? DOCTOR_SKIPPED
                  : lacking                             ? DOCTOR_FAILED
                                                        : DOCTOR_OK,
                  "sandbox",
                  lacking ? "Landlock came with Linux 5.13; or set \"sandbox\" to \"auto\""
                          : "\"sandbox\" of the configuration switches it on",
                  "%s: this kernel has %.*s", modes[config->sandbox], STR_ARG(buf_str(&text)));
    buf_free(&text);
}

static void examine(struct doctor *d, const char *file)
{
    struct config *config = load(d, file);

    if (!config)
        return;
    report_sandbox(d, config);
    for (const struct config_account *a = config->accounts; a; a = a->next)
        report_key(d, a);
    if (session_open(&d->session, config) == OK) {
        doctor_upstream(d);
    } else {
        doctor_report(d, DOCTOR_FAILED, "start", NULL, "out of memory");
    }
    session_close(&d->session);
}

int command_doctor(int argc, char **argv)
{
    const char *file = NULL, *url = NULL, *key = getenv("CORELAY_API_KEY"), *model = NULL;
    bool json = false, only_url = false;
    int code = CLI_GOOD;
    const struct cli_option options[] = {
        {"url", "URL", "also test the way through the web server there", &url, NULL},
        {"key", "KEY", "a caller's key for that; better in $CORELAY_API_KEY", &key, NULL},
        {"model", "NAME", "the model to stream from; else the first in the list", &model, NULL},
        {"only-url", NULL, "test nothing but the way through the web server", NULL, &only_url},
        CLI_CONFIG(&file),
        CLI_JSON(&json),
        CLI_END};
    const struct cli_syntax syntax = {
        "doctor",
        "",
        "Try the way from the configuration to an answer: service key, token, resource groups,\n"
        "deployments, one tiny question to each family of models (it costs a few tokens); with\n"
        "--url also the way through the web server. A step that fails comes with a hint.",
        options,
        0,
        0};
    struct buf text = {0};
    struct jwrite w = jwrite_to(&text);
    struct doctor d = {0};

    if (cli_parse(&syntax, argc, argv, &code) < 0)
        return code;
    d.json = json ? &w : NULL;
    jwrite_array(&w);
    if (!only_url)
        examine(&d, file);
    if (url)
        doctor_url(&d, url, key, model);
    jwrite_end_all(&w);
    if (json)
        cli_print(&text);
    else if (d.failed)
        printf("\n%d of the steps failed.\n", d.failed);
    else
        puts("\nEverything works.");
    buf_free(&text);
    return d.failed ? CLI_PROBLEM : CLI_GOOD;
}

/* Discovery: rows that count, pages, the shared file, and an AI API that fails. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <glob.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "aicore/deployment.h"
#include "base/file.h"
#include "base/log.h"
#include "loopback.h"

/* --- an AI API with its token service -------------------------------------------------------- */

struct service {
    atomic_int tokens, lists, status, delay_ms;
    atomic_int rows, page_rows; /* how many deployments there are, how many it gives at most */
    atomic_int count_is_page;   /* "count" is that of the page */
    atomic_int valid_token;     /* others are answered 401; 0: all are good */
    atomic_int deaf;            /* takes no notice of $skip */
    atomic_int orchestrates;    /* the orchestration service runs, too */
    atomic_int catalogues, catalogue_status;
    char headers[128], last[8192];
};

static struct service *service;
static struct loopback server;

static int number_after(struct str text, const char *key)
{
    size_t at = str_find(text, key);

    return at < text.n ? atoi(text.p + at + strlen(key)) : 0;
}

static void list_rows(struct service *sv, struct str request, struct buf *json)
{
    int skip = sv->deaf ? 0 : number_after(request, "%24skip=");
    int end = skip + sv->page_rows < sv->rows ? skip + sv->page_rows : sv->rows;

    buf_printf(json, "{\"count\":%d,\"resources\":[",
               sv->count_is_page ? (end > skip ? end - skip : 0) : (int)sv->rows);
    for (int i = skip; i < end; i++)
        buf_printf(
            json,
            "%s{\"id\":\"d%05d\",\"status\":\"RUNNING\",\"deploymentUrl\":\"http://"
            "127.0.0.1/d%05d/\",\"executableId\":\"azure-openai\",\"details\":{\"resources\":{"
            "\"backendDetails\":{\"model\":{\"name\":\"gpt-5\",\"version\":\"latest\"}}}}}",
            i > skip ? "," : "", i, i);
    if (sv->orchestrates)
        buf_add_cstr(json, ",{\"id\":\"orch\",\"status\":\"RUNNING\",\"deploymentUrl\":\"http://"
                           "127.0.0.1/o\",\"executableId\":\"orchestration\"}");
    buf_add_cstr(json, "]}");
    buf_add_char(json, '\0');
}

static const char catalogue[] =
    "{\"count\":4,\"resources\":[{\"model\":\"gpt-5\",\"allowedScenarios\":[{\"scenarioId\":"
    "\"foundation-models\"},{\"scenarioId\":\"orchestration\"}],\"versions\":[{\"contextLength\":1}"
    ","
    "{\"isLatest\":true,\"contextLength\":400000}]},{\"model\":\"sap-rpt-1\",\"allowedScenarios\":["
    "{\"scenarioId\":\"foundation-models\"}]},{\"model\":\"sap-abap-1\",\"allowedScenarios\":["
    "{\"scenarioId\":\"orchestration\"}]},{\"model\":\"a b\\n\",\"allowedScenarios\":["
    "{\"scenarioId\":\"orchestration\"}]},{\"model\":\"gpt-5\",\"allowedScenarios\":["
    "{\"scenarioId\":\"orchestration\"}]},7,{}]}";

static void answer_catalogue(struct service *sv, struct str request, struct buf *reply)
{
    bool good = str_find(request, "AI-Resource-Group: default") < request.n &&
                str_find(request, "Bearer fake-token-") < request.n;

    sv->catalogues++;
    if (!good || sv->catalogue_status != 200)
        loopback_json(reply, good ? sv->catalogue_status : 403, "", "no");
    else
        loopback_json(reply, 200, "", catalogue);
}

static void answer(void *shared, struct str request, struct buf *reply)
{
    struct service *sv = shared;
    struct buf json = {.ceiling = 0};

    if (str_starts(request, "POST")) {
        buf_printf(&json, "{\"access_token\":\"fake-token-%d\"}", ++sv->tokens);
        buf_add_char(&json, '\0');
        loopback_json(reply, 200, "", json.p);
    } else if (str_starts(request, "GET /v2/lm/scenarios/foundation-models/models HTTP")) {
        answer_catalogue(sv, request, reply);
    } else {
        sv->lists++;
        snprintf(sv->last, sizeof sv->last, "%.*s", STR_ARG(request));
        usleep((useconds_t)sv->delay_ms * 1000);
        int token = number_after(request, "Bearer fake-token-");
        list_rows(sv, request, &json);
        if (sv->valid_token && token != sv->valid_token)
            loopback_json(reply, 401, "", "Jwt is expired");
        else
            loopback_json(reply, sv->status, sv->headers, sv->status == 200 ? json.p : "no");
    }
    buf_free(&json);
}

/* --- a discovery ----------------------------------------------------------------------------- */

struct fixture {
    char folder[64], state[80], token_url[64], api_url[64];
    struct service_key key;
    struct discovery_settings settings;
    struct reactor *reactor;
    struct token_cache *tokens;
    struct discovery *discovery;
};

static const struct http_settings http = {.proxy = ""};

static void open_discovery(struct fixture *f)
{
    f->reactor = reactor_new(&http);
    f->tokens = token_cache_new(f->reactor, f->state, NULL);
    f->discovery = discovery_new(f->reactor, f->tokens, f->state, &f->settings);
    assert_non_null(f->discovery);
}

static void close_discovery(struct fixture *f)
{
    discovery_free(f->discovery);
    token_cache_free(f->tokens);
    reactor_free(f->reactor);
}

static void restart(struct fixture *f)
{
    close_discovery(f);
    open_discovery(f);
}

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);

    service = loopback_share(sizeof *service);
    service->status = 200;
    service->rows = 3;
    service->page_rows = 1000;
    service->catalogue_status = 200;
    loopback_start(&server, answer, service);
    strcpy(f->folder, "/tmp/corelay-test-XXXXXX");
    assert_non_null(mkdtemp(f->folder));
    snprintf(f->state, sizeof f->state, "%s/state", f->folder);
    snprintf(f->token_url, sizeof f->token_url, "http://127.0.0.1:%d/oauth/token", server.port);
    snprintf(f->api_url, sizeof f->api_url, "http://127.0.0.1:%d/v2", server.port);
    f->key = (struct service_key){.client_id = "sb-fake",
                                  .client_secret = "fake-secret",
                                  .token_url = f->token_url,
                                  .api_url = f->api_url,
                                  .id = "0123456789abcdef"};
    f->settings = (struct discovery_settings){.minimum_ms = 200};
    open_discovery(f);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    char command[128];

    close_discovery(f);
    loopback_stop(&server);
    snprintf(command, sizeof command, "rm -rf '%s'", f->folder);
    assert_int_equal(system(command), 0);
    free(f);
    return 0;
}

struct got {
    bool done;
    status s;
    size_t count;
    enum chat_error_kind kind;
    char detail[200], message[200];
    char catalogue[100]; /* "NAME:CONTEXT " for each */
};

static void on_list(void *arg, status s, struct deployment_list *list, const struct chat_error *err)
{
    struct got *got = arg;

    assert_false(got->done);
    got->done = true;
    got->s = s;
    got->count = list ? list->count : 0;
    for (size_t i = 0; list && i < list->catalogue_count; i++) {
        size_t n = strlen(got->catalogue);
        snprintf(got->catalogue + n, sizeof got->catalogue - n, "%s:%lld ", list->catalogue[i].name,
                 (long long)list->catalogue[i].context);
    }
    if (err) {
        got->kind = err->kind;
        snprintf(got->detail, sizeof got->detail, "%.*s", STR_ARG(err->detail));
        snprintf(got->message, sizeof got->message, "%.*s", STR_ARG(err->message));
    }
}

static struct got ask(struct fixture *f, bool force)
{
    struct got got = {.done = false};

    discovery_get(f->discovery, &f->key, "default", force, on_list, &got);
    reactor_run_until(f->reactor, &got.done);
    return got;
}

static void on_flag(void *arg)
{
    *(bool *)arg = true;
}

static void run_for(struct fixture *f, int64_t ms)
{
    bool over = false;
    struct timer timer = {0};

    assert_int_equal(timer_set(f->reactor, &timer, ms, on_flag, &over), OK);
    reactor_run_until(f->reactor, &over);
}

/* --- rows ------------------------------------------------------------------------------------ */

#define URL     "\"deploymentUrl\":\"https://api.example.test/v2/inference/deployments/"
#define ROW(id) "{\"id\":\"" id "\",\"status\":\"RUNNING\"," URL id "\""

static void test_rows_that_count(void **state)
{
    static const char json[] = "{\"count\":42,\"resources\":[" ROW(
        "d1") ",\"executableId\":\"azure-openai\",\"scenarioId\":\"foundation-models\","
              "\"createdAt\":\"2026-01-02T03:04:05Z\",\"details\":{\"resources\":{"
              "\"backendDetails\":"
              "{\"model\":{\"name\":\"gpt-5\",\"version\":\"latest\"}}}}}," ROW(
                  "d2") ",\"details\":{\"resources\":{\"backend_details\":{\"model\":{\"name\":"
                        "\"sonar\"}}}}}," ROW("d3") ",\"scenarioId\":\"orchestration\",\"details\":"
                                                    "{}}," ROW("d1") "},"
                                                                     "{\"id\":\"d4\",\"status\":"
                                                                     "\"RUNNING\","
                                                                     "\"deploymentUrl\":\"\"},"
                                                                     "{\"id\":\"d5\",\"status\":"
                                                                     "\"RUNNING\"},"
                                                                     "{\"id\":\"d6\",\"status\":"
                                                                     "\"PENDING\",\"targetStatus\":"
                                                                     "\"RUNNING\"," URL "d6\"},"
                                                                     "{\"id\":\"d7\",\"status\":"
                                                                     "\"RUNNING\","
                                                                     "\"deploymentUrl\":\"file:///"
                                                                     "etc/passwd\"},"
                                                                     "{\"id\":\"d8\",\"status\":"
                                                                     "\"RUNNING\","
                                                                     "\"deploymentUrl\":\"https://"
                                                                     "a\\r\\nX: y\"},"
                                                                     "{\"id\":7,\"status\":"
                                                                     "\"RUNNING\"," URL "d9\"},"
                                                                     "null,5,[]]}";
    struct deployment_list *list;
    int64_t total;

    (void)state;
    assert_int_equal(deployment_list_parse(str_from(json), &list, &total), OK);
    assert_int_equal(total, 42);
    assert_int_equal(list->count, 3);
    assert_string_equal(list->items[0].model, "gpt-5");
    assert_string_equal(list->items[0].version, "latest");
    assert_string_equal(list->items[0].executable, "azure-openai");
    assert_string_equal(list->items[0].url, "https://api.example.test/v2/inference/deployments/d1");
    assert_int_equal(list->items[0].created_s, 1767323045);
    assert_string_equal(list->items[1].model, "sonar");
    assert_null(list->items[1].version);
    assert_null(list->items[2].model);
    assert_string_equal(list->items[2].scenario, "orchestration");
    assert_ptr_equal(deployment_list_hold(list), list);
    deployment_list_release(list);
    deployment_list_release(list);
}

static void test_what_is_no_list(void **state)
{
    static const char *const texts[] = {"",
                                        "[]",
                                        "{}",
                                        "{\"resources\":{}}",
                                        "{\"resources\":[",
                                        "no",
                                        "{\"error\":{\"code\":\"1\"}}"};
    struct deployment_list *list;
    int64_t total;

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        assert_int_equal(deployment_list_parse(str_from(texts[i]), &list, &total), E_SYNTAX);
        assert_null(list);
    }
    assert_int_equal(deployment_list_parse(STR("{\"resources\":[]}"), &list, &total), OK);
    assert_int_equal(list->count, 0);
    deployment_list_release(list);
}

/* --- asking ---------------------------------------------------------------------------------- */

static void test_asks_with_its_headers(void **state)
{
    assert_int_equal(ask(*state, false).count, 3);
    assert_non_null(
        strstr(service->last, "GET /v2/lm/deployments?status=RUNNING&%24top=1000&%24skip=0 HTTP"));
    assert_non_null(strstr(service->last, "\r\nAuthorization: Bearer fake-token-1\r\n"));
    assert_non_null(strstr(service->last, "\r\nAI-Resource-Group: default\r\n"));
    assert_non_null(strstr(service->last, "\r\nAI-Client-Type: Corelay\r\n"));
}

static void test_reads_all_pages(void **state)
{
    struct fixture *f = *state;

    service->rows = 250;
    service->page_rows = 100; /* fewer than asked for */
    assert_int_equal(ask(f, false).count, 250);
    assert_int_equal(service->lists, 3);
}

static void test_reads_full_pages_whatever_count_says(void **state)
{
    struct fixture *f = *state;

    service->rows = 2500;
    service->count_is_page = 1;
    assert_int_equal(ask(f, false).count, 2500);
    assert_int_equal(service->lists, 3);
}

static void test_ends_when_pages_repeat(void **state)
{
    struct fixture *f = *state;

    service->rows = 250;
    service->page_rows = 100;
    service->deaf = 1;
    assert_int_equal(ask(f, false).count, 100);
    assert_int_equal(service->lists, 2);
}

static void test_rejected_token_is_replaced_once(void **state)
{
    struct fixture *f = *state;

    service->valid_token = 2;
    assert_int_equal(ask(f, false).count, 3);
    assert_int_equal(service->tokens, 2);
    assert_int_equal(service->lists, 2);
}

static void test_every_token_is_rejected(void **state)
{
    struct fixture *f = *state;

    service->valid_token = 99;
    struct got got = ask(f, false);
    assert_int_equal(got.s, E_REFUSED);
    assert_int_equal(got.kind, CHAT_ERROR_UPSTREAM_AUTH);
    assert_int_equal(service->lists, 2);
}

/* --- sharing --------------------------------------------------------------------------------- */

static int ask_here(struct fixture *f)
{
    restart(f);
    return ask(f, false).count == 3 ? 0 : 1;
}

static void test_eight_processes_fetch_once(void **state)
{
    struct fixture *f = *state;
    pid_t pids[8];

    service->delay_ms = 200;
    for (int i = 0; i < 8; i++) {
        pids[i] = fork();
        if (pids[i] == 0)
            _exit(ask_here(f));
    }
    for (int i = 0; i < 8; i++) {
        int how;
        assert_int_equal(waitpid(pids[i], &how, 0), pids[i]);
        assert_int_equal(how, 0);
    }
    assert_int_equal(service->lists, 1);
    assert_int_equal(service->tokens, 1);
}

static void test_file_says_what_the_service_said(void **state)
{
    struct fixture *f = *state;

    ask(f, false);
    restart(f);
    assert_int_equal(ask(f, false).count, 3);
    assert_int_equal(service->lists, 1);
}

static void test_groups_are_kept_apart(void **state)
{
    struct fixture *f = *state;
    struct got got = {.done = false};

    ask(f, false);
    discovery_get(f->discovery, &f->key, "other", false, on_list, &got);
    reactor_run_until(f->reactor, &got.done);
    assert_int_equal(service->lists, 2);
    assert_non_null(strstr(service->last, "AI-Resource-Group: other\r\n"));
}

static void test_force_asks_anew_but_not_too_often(void **state)
{
    struct fixture *f = *state;

    ask(f, false);
    service->rows = 4;
    assert_int_equal(ask(f, true).count, 3);
    run_for(f, 250);
    assert_int_equal(ask(f, false).count, 3);
    assert_int_equal(ask(f, true).count, 4);
    assert_int_equal(ask(f, true).count, 4);
    assert_int_equal(service->lists, 2);
}

static void test_old_list_is_refreshed_behind_the_scenes(void **state)
{
    struct fixture *f = *state;

    f->settings.refresh_ms = 100;
    restart(f);
    ask(f, false);
    run_for(f, 130);
    service->rows = 5;
    service->delay_ms = 30;
    assert_int_equal(ask(f, false).count, 3);
    run_for(f, 80);
    assert_int_equal(ask(f, false).count, 5);
    assert_int_equal(service->lists, 2);
}

static void test_very_old_list_is_used_in_need_only(void **state)
{
    struct fixture *f = *state;

    f->settings.refresh_ms = 10;
    restart(f);
    ask(f, false);
    run_for(f, 150); /* more than twelve times as old */
    service->rows = 6;
    assert_int_equal(ask(f, false).count, 6);
    run_for(f, 150);
    service->status = 404;
    assert_int_equal(ask(f, false).count, 6);
}

/* --- an AI API that fails -------------------------------------------------------------------- */

static void test_one_failure_is_repeated(void **state)
{
    struct fixture *f = *state;
    struct got got = {.done = false};

    service->status = 503;
    discovery_get(f->discovery, &f->key, "default", false, on_list, &got);
    run_for(f, 300);
    assert_false(got.done);
    service->status = 200;
    reactor_run_until(f->reactor, &got.done);
    assert_int_equal(got.count, 3);
    assert_int_equal(service->lists, 2);
}

static void test_failure_is_shared_and_forgotten(void **state)
{
    struct fixture *f = *state;

    f->settings.minimum_ms = 500;
    restart(f);
    service->status = 400;
    assert_int_equal(ask(f, false).kind, CHAT_ERROR_UPSTREAM);
    restart(f);
    assert_int_equal(ask(f, true).kind, CHAT_ERROR_UPSTREAM);
    assert_int_equal(service->lists, 1);
    service->status = 200;
    run_for(f, 550);
    assert_int_equal(ask(f, false).count, 3);
}

static void test_wrong_group_is_told_to_the_log_alone(void **state)
{
    service->status = 403;
    struct got got = ask(*state, false);
    assert_int_equal(got.s, E_REFUSED);
    assert_int_equal(got.kind, CHAT_ERROR_UPSTREAM_AUTH);
    assert_non_null(strstr(got.detail, "resource group"));
    assert_null(strstr(got.message, "resource group"));
}

/* The catalogue is read where the orchestration service runs, and written to the file. */
static void test_catalogue_of_orchestration(void **state)
{
    struct fixture *f = *state;

    assert_string_equal(ask(f, false).catalogue, "");
    assert_int_equal(service->catalogues, 0);
    service->orchestrates = 1;
    run_for(f, 250);
    assert_string_equal(ask(f, true).catalogue, "gpt-5:400000 sap-abap-1:0 ");
    restart(f);
    assert_string_equal(ask(f, false).catalogue, "gpt-5:400000 sap-abap-1:0 ");
    assert_int_equal(service->catalogues, 1);
}

/* What is deployed can be used without it, and the last one stays in use. */
static void test_catalogue_that_cannot_be_read(void **state)
{
    struct fixture *f = *state;
    struct got got;

    service->orchestrates = 1;
    service->catalogue_status = 500;
    got = ask(f, false);
    assert_int_equal(got.count, 4);
    assert_string_equal(got.catalogue, "");
    service->catalogue_status = 200;
    run_for(f, 250);
    assert_string_equal(ask(f, true).catalogue, "gpt-5:400000 sap-abap-1:0 ");
    service->catalogue_status = 404;
    run_for(f, 250);
    got = ask(f, true);
    assert_int_equal(got.count, 4);
    assert_string_equal(got.catalogue, "gpt-5:400000 sap-abap-1:0 ");
    assert_int_equal(service->catalogues, 3);
}

static void test_last_list_serves_while_the_api_is_down(void **state)
{
    struct fixture *f = *state;

    ask(f, false);
    service->status = 429;
    strcpy(service->headers, "Retry-After: 30\r\n");
    run_for(f, 250);
    assert_int_equal(ask(f, true).count, 3);
    restart(f);
    run_for(f, 250);
    assert_int_equal(ask(f, true).count, 3);
    assert_int_equal(service->lists, 2);
}

static void test_nobody_waits_beyond_the_deadline(void **state)
{
    struct fixture *f = *state;

    f->settings.deadline_ms = 200;
    restart(f);
    service->delay_ms = 2000; /* it would be OK, by then */
    assert_int_not_equal(ask(f, false).s, OK);
}

static void test_damaged_file_is_a_miss(void **state)
{
    static const char *const contents[] = {"", "{\"corelay_deployments\":1,\"resources\":[",
                                           "{\"corelay_deployments\":2,\"resources\":[]}",
                                           "{\"corelay_deployments\":1,\"resources\":[]}",
                                           "{\"corelay_deployments\":1,\"fetched_ms\":\"x\"}"};
    struct fixture *f = *state;
    char pattern[128];
    glob_t found;

    ask(f, false);
    snprintf(pattern, sizeof pattern, "%s/deployments-*.json", f->state);
    assert_int_equal(glob(pattern, 0, NULL, &found), 0);
    for (size_t i = 0; i < sizeof contents / sizeof *contents; i++) {
        assert_int_equal(file_write_private(found.gl_pathv[0], str_from(contents[i])), OK);
        restart(f);
        int before = service->lists;
        assert_int_equal(ask(f, false).count, 3);
        assert_int_equal(service->lists, before + 1);
    }
    globfree(&found);
}

static void test_cancelled_wait_is_not_called(void **state)
{
    struct fixture *f = *state;
    struct got got = {.done = false};

    service->delay_ms = 50;
    discovery_cancel(discovery_get(f->discovery, &f->key, "default", false, on_list, &got));
    run_for(f, 150);
    assert_false(got.done);
    assert_int_equal(ask(f, false).count, 3);
    discovery_get(f->discovery, &f->key, "third", false, on_list, &got);
    run_for(f, 20); /* and freed in the middle of a fetch */
}

int main(void)
{
#define WITH_SERVICE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows_that_count),
        cmocka_unit_test(test_what_is_no_list),
        WITH_SERVICE(test_asks_with_its_headers),
        WITH_SERVICE(test_reads_all_pages),
        WITH_SERVICE(test_reads_full_pages_whatever_count_says),
        WITH_SERVICE(test_ends_when_pages_repeat),
        WITH_SERVICE(test_rejected_token_is_replaced_once),
        WITH_SERVICE(test_every_token_is_rejected),
        WITH_SERVICE(test_eight_processes_fetch_once),
        WITH_SERVICE(test_file_says_what_the_service_said),
        WITH_SERVICE(test_groups_are_kept_apart),
        WITH_SERVICE(test_force_asks_anew_but_not_too_often),
        WITH_SERVICE(test_old_list_is_refreshed_behind_the_scenes),
        WITH_SERVICE(test_very_old_list_is_used_in_need_only),
        WITH_SERVICE(test_one_failure_is_repeated),
        WITH_SERVICE(test_failure_is_shared_and_forgotten),
        WITH_SERVICE(test_wrong_group_is_told_to_the_log_alone),
        WITH_SERVICE(test_catalogue_of_orchestration),
        WITH_SERVICE(test_catalogue_that_cannot_be_read),
        WITH_SERVICE(test_last_list_serves_while_the_api_is_down),
        WITH_SERVICE(test_nobody_waits_beyond_the_deadline),
        WITH_SERVICE(test_damaged_file_is_a_miss),
        WITH_SERVICE(test_cancelled_wait_is_not_called),
    };

    log_set_level(LOG_LEVEL_ERROR);
    return cmocka_run_group_tests(tests, NULL, NULL);
}

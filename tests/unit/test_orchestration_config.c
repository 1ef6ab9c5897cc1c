/* The section "orchestration" of the configuration, and who is bound by it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "config/config.h"
#include "family/orchestration.h"

#define ACCOUNT                                                                                    \
    "\"subAccounts\":{\"alpha\":{\"service_key\":{\"clientid\":\"sb-1\",\"clientsecret\":"         \
    "\"fake-secret\",\"url\":\"https://a.test\",\"identityzoneid\":\"zone\",\"serviceurls\":"      \
    "{\"AI_API_URL\":\"https://b.test\"}}}}"
#define FILE_NAME "/tmp/corelay-test-orchestration.XXXXXX"

static struct config *config;
static struct buf problems;

static int tear_down(void **state)
{
    (void)state;
    config_free(config);
    config = NULL;
    buf_free(&problems);
    return 0;
}

static status load(const char *keys, const char *section)
{
    char path[] = FILE_NAME;
    int fd = mkstemp(path);
    FILE *f = fdopen(fd, "w");

    assert_non_null(f);
    fprintf(f,
            "{" ACCOUNT
            ",\"state_dir\":\"/nonexistent/corelay\",\"api_keys\":[%s],\"orchestration\":%s}",
            keys, section);
    fclose(f);
    config_free(config);
    buf_clear(&problems);
    status s = config_load(path, &config, &problems);
    buf_add_char(&problems, '\0');
    unlink(path);
    return s;
}

#define KEY "{\"name\":\"k\",\"key\":\"fake-key-1\"}"

static const struct orchestration_profile *accept(const char *profile)
{
    struct buf section = {0};

    buf_printf(&section, "{\"profiles\":{\"p\":%s},\"default\":\"p\"}", profile);
    buf_add_char(&section, '\0');
    if (load(KEY, section.p) != OK)
        fail_msg("refused: %s", problems.p);
    buf_free(&section);
    assert_non_null(config->default_profile);
    return config->default_profile;
}

/* The line that complains, without the file's name. */
static void refuse(const char *profile, const char *line)
{
    struct buf section = {0};

    buf_printf(&section, "{\"profiles\":{\"p\":%s}}", profile);
    buf_add_char(&section, '\0');
    assert_int_equal(load(KEY, section.p), E_SYNTAX);
    buf_free(&section);
    if (!strstr(problems.p, line))
        fail_msg("%s\ninstead of\n%s", problems.p, line);
}

static void assert_text(struct str s, const char *expected)
{
    if (!str_is(s, expected))
        fail_msg("%.*s\ninstead of\n%s", STR_ARG(s), expected);
}

#define MASKING                                                                                    \
    "{\"providers\":[{\"type\":\"sap_data_privacy_integration\",\"method\":\"pseudonymization\","  \
    "\"entities\":[{\"type\":\"profile-email\"},{\"type\":\"profile-person\","                     \
    "\"replacement_strategy\":{\"method\":\"fabricated_data\"}},{\"regex\":\"[A-Z]\\\\d+\","       \
    "\"replacement_strategy\":{\"method\":\"constant\",\"value\":\"ID\"}}],\"allowlist\":"         \
    "[\"SAP\"],\"mask_grounding_input\":{\"enabled\":true}}]}"
#define FILTERING                                                                                  \
    "{\"input\":{\"filters\":[{\"type\":\"azure_content_safety\",\"config\":{\"hate\":0,"          \
    "\"prompt_shield\":true}},{\"type\":\"llama_guard_3_8b\",\"config\":{\"privacy\":true}}]},"    \
    "\"output\":{\"filters\":[{\"type\":\"azure_content_safety\",\"config\":{\"violence\":4,"      \
    "\"protected_material_code\":true}},{\"type\":\"granite_guardian_4_1\",\"config\":"            \
    "{\"categories\":{\"harm\":true}}}],\"stream_options\":{\"overlap\":100}}}"
#define GROUNDING                                                                                  \
    "{\"type\":\"document_grounding_service\",\"config\":{\"filters\":[{\"id\":\"f\","             \
    "\"data_repositories\":[\"*\"],\"data_repository_type\":\"vector\",\"search_config\":"         \
    "{\"max_chunk_count\":5}}],\"placeholders\":{\"input\":[\"q\"],\"output\":\"found\"}}}"
#define TEMPLATE "[{\"role\":\"user\",\"content\":\"{{?q}} Use {{ ?found }} and {{?d}}. {{x}}\"}]"
#define TRANSLATION                                                                                \
    "{\"input\":{\"type\":\"sap_document_translation\",\"config\":{\"target_language\":\"en-US\"," \
    "\"apply_to\":[{\"category\":\"placeholders\",\"items\":[\"q\"]}]}},\"output\":{\"type\":"     \
    "\"sap_document_translation\",\"config\":{\"target_language\":\"de-DE\"}}}"

static void takes_the_services_own_words(void **state)
{
    (void)state;
    const struct orchestration_profile *p =
        accept("{\"masking\":" MASKING ",\"filtering\":" FILTERING ",\"grounding\":" GROUNDING
               ",\"template\":" TEMPLATE
               ",\"question\":\"q\",\"defaults\":{\"d\":\"x\"},\"translation\":" TRANSLATION
               ",\"stream\":{\"chunk_size\":20,\"delimiters\":[\".\",\"\\n\"]}}");
    assert_text(p->masking, MASKING);
    assert_text(p->filtering, FILTERING);
    assert_text(p->grounding, GROUNDING);
    assert_text(p->prompt_template, TEMPLATE);
    assert_text(p->translation, TRANSLATION);
    assert_text(p->defaults, "{\"d\":\"x\"}");
    assert_text(p->delimiters, "[\".\",\"\\n\"]");
    assert_string_equal(p->question, "q");
    assert_int_equal(p->chunk_size, 20);
    p = accept("{\"template_ref\":{\"scenario\":\"s\",\"name\":\"n\",\"version\":\"1\"}}");
    assert_text(p->template_ref, "{\"scenario\":\"s\",\"name\":\"n\",\"version\":\"1\"}");
    accept("{}");
}

static void names_what_is_wrong(void **state)
{
    (void)state;
    refuse("{\"maskin\":{}}", "orchestration.profiles.p.maskin: unknown key; did you mean "
                              "\"masking\"?");
    refuse("{\"masking\":{\"masking_providers\":[]}}",
           "orchestration.profiles.p.masking: has no \"providers\"; it is needed there");
    refuse("{\"masking\":{\"providers\":[{\"type\":\"sap_data_privacy_integration\",\"method\":"
           "\"hide\",\"entities\":[\"profile-email\"]}]}}",
           "orchestration.profiles.p.masking.providers[0].method: is \"hide\"; expected one of "
           "anonymization, pseudonymization");
    refuse("{\"masking\":{\"providers\":[{\"type\":\"sap_data_privacy_integration\",\"method\":"
           "\"anonymization\",\"entities\":[\"profile-email\"]}]}}",
           "entities[0]: is none that is known here; expected an object with \"type\" (as "
           "{\"type\": \"profile-email\"}) or \"regex\"");
    refuse("{\"masking\":{\"providers\":[{\"type\":\"sap_data_privacy_integration\",\"method\":"
           "\"anonymization\",\"entities\":[{\"type\":\"profile-mail\"}]}]}}",
           "entities[0].type: is \"profile-mail\"; expected one of profile-person, ");
    refuse("{\"masking\":{\"providers\":[]}}", "masking.providers: is empty; expected at least "
                                               "one element");
    refuse("{\"filtering\":{}}", "filtering: is empty; expected at least one member");
    refuse("{\"filtering\":{\"input\":{\"filters\":[{\"type\":\"azure_content_safety\","
           "\"config\":{\"hate\":7,\"Violence\":0,\"sexual\":\"2\"}}]}}}",
           "filters[0].config.hate: is 7; expected a whole number from 0 to 6");
    assert_non_null(strstr(problems.p, "config.Violence: unknown key; expected one of hate, "));
    assert_non_null(strstr(problems.p, "config.sexual: is a string; expected a whole number"));
    refuse("{\"template\":[{\"role\":\"tool\",\"content\":\"x\"}]}",
           "template[0].role: is \"tool\"; expected one of system, ");
    refuse("{\"template\":[{\"role\":\"user\",\"content\":\"x\"}],\"template_ref\":{\"id\":\"a\"}}",
           "orchestration.profiles.p: has template and template_ref; expected one of the two");
    refuse("{\"translation\":" TRANSLATION "}", "translates without stream.delimiters");
    refuse("[]", "orchestration.profiles.p: is an array; expected an object");
    refuse("{\"template\":[{\"role\":\"user\",\"content\":\"\xff\"}]}",
           "orchestration.profiles.p.template: holds text that is not UTF-8");
    refuse("{\"template\":[{\"role\":\"user\",\"content\":\"x\"}],\"defaults\":{\"\xff\":\"x\"}}",
           "orchestration.profiles.p.defaults: holds text that is not UTF-8");
}

static void placeholders_have_values(void **state)
{
    (void)state;
    refuse("{\"template\":[{\"role\":\"user\",\"content\":\"{{?q}} {{ ?other }}\"}],"
           "\"question\":\"q\"}",
           "template[0]: has the placeholder \"other\", for which there is no value");
    refuse("{\"template\":[{\"role\":\"user\",\"content\":\"x\"}],\"question\":\"q\"}",
           "question: does not occur in the template; expected {{?q}} there");
    refuse("{\"question\":\"q\"}", "question: is asked by no template");
    refuse("{\"template\":[{\"role\":\"user\",\"content\":\"{{?a__b}}\"}],\"question\":\"a__b\"}",
           "question: is no name of a placeholder");
    refuse("{\"grounding\":" GROUNDING "}", "does not get the user's words");
    refuse("{\"grounding\":" GROUNDING ",\"question\":\"q\",\"template\":[{\"role\":\"user\","
           "\"content\":\"{{?q}}\"}]}",
           "finds \"found\", which nobody reads");
}

static void catalogue_is_somebodys(void **state)
{
    (void)state;
    assert_int_equal(load(KEY, "{}"), OK);
    assert_int_equal(config->catalogue, CATALOGUE_OF_BOUND);
    assert_int_equal(load(KEY, "{\"catalogue\":\"all\"}"), OK);
    assert_int_equal(config->catalogue, CATALOGUE_OF_ALL);
    assert_int_equal(load(KEY, "{\"catalogue\":\"off\"}"), OK);
    assert_int_equal(config->catalogue, CATALOGUE_OFF);
    assert_int_not_equal(load(KEY, "{\"catalogue\":true}"), OK);
    assert_non_null(strstr(problems.p, "orchestration.catalogue: is true"));
}

static void keys_are_bound(void **state)
{
    (void)state;
    assert_int_equal(load("{\"name\":\"free\",\"key\":\"fake-key-1\"},{\"name\":\"bound\","
                          "\"key\":\"fake-key-2\",\"orchestration\":\"p\"},\"fake-key-3\"",
                          "{\"profiles\":{\"p\":{}}}"),
                     OK);
    assert_null(config->default_profile);
    assert_null(config->keys.first->profile);
    assert_string_equal(config->keys.first->next->profile->name, "p");
    assert_null(config->keys.first->next->next->profile);
    assert_int_equal(load("{\"name\":\"bound\",\"key\":\"fake-key-2\",\"orchestration\":\"nope\"}",
                          "{\"profiles\":{\"p\":{}},\"default\":\"none\"}"),
                     E_SYNTAX);
    assert_non_null(strstr(problems.p, "orchestration.default: is \"none\", and there is no such "
                                       "profile; expected one of orchestration.profiles"));
    assert_non_null(strstr(problems.p, "api_keys.bound.orchestration: is \"nope\", and there is "
                                       "no such profile"));
    assert_int_equal(load("{\"name\":\"bound\",\"key\":\"fake-key-2\",\"orchestration\":true}",
                          "{\"profiles\":{\"p\":{}}}"),
                     E_SYNTAX);
}

/* Who sends no key has no bond: that is said. */
static void anonymous_callers_evade(void **state)
{
    (void)state;
    assert_int_equal(load("{\"name\":\"bound\",\"key\":\"fake-key-2\",\"orchestration\":\"p\"}",
                          "{\"profiles\":{\"p\":{}}},\"allow_anonymous\":true"),
                     OK);
    assert_non_null(strstr(problems.p, "callers evade it by sending no key"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, NULL, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(takes_the_services_own_words), TEST(names_what_is_wrong),
        TEST(placeholders_have_values),     TEST(keys_are_bound),
        TEST(catalogue_is_somebodys),       TEST(anonymous_callers_evade),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

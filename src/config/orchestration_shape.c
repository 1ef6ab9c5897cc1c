/*
 * What SAP's orchestration service takes as configuration of its modules, as data: its specification
 * 0.110 (2026-08), with what came to it later that month.
 */
#include "config/orchestration.h"

#define MEMBERS(...)                                                                               \
    (const struct shape_member[])                                                                  \
    {                                                                                              \
        __VA_ARGS__,                                                                               \
        {                                                                                          \
            NULL, NULL, false                                                                      \
        }                                                                                          \
    }
#define WORDS(...)                                                                                 \
    (const char *const[])                                                                          \
    {                                                                                              \
        __VA_ARGS__, NULL                                                                          \
    }
#define OBJECT(...)                                                                                \
    {                                                                                              \
        .kind = SHAPE_OBJECT, .members = MEMBERS(__VA_ARGS__)                                      \
    }
#define SOME(...)                                                                                  \
    {                                                                                              \
        .kind = SHAPE_OBJECT, .least = 1, .members = MEMBERS(__VA_ARGS__)                          \
    }
#define LIST(of)                                                                                   \
    {                                                                                              \
        .kind = SHAPE_LIST, .least = 1, .element = (of)                                            \
    }
#define WORD(...)                                                                                  \
    {                                                                                              \
        .kind = SHAPE_TEXT, .words = WORDS(__VA_ARGS__)                                            \
    }

static const struct shape text = {.kind = SHAPE_TEXT};
static const struct shape texts = LIST(&text);
static const struct shape any_texts = {.kind = SHAPE_LIST, .element = &text};
static const struct shape flag = {.kind = SHAPE_BOOL};
static const struct shape count = {.kind = SHAPE_NUMBER, .least = 1, .most = 10000};

/* --- masking --------------------------------------------------------------------------------- */

static const struct shape dpi_type = WORD("sap_data_privacy_integration");
static const struct shape dpi_method = WORD("anonymization", "pseudonymization");
static const struct shape entity_type =
    WORD("profile-person", "profile-org", "profile-university", "profile-location", "profile-email",
         "profile-phone", "profile-address", "profile-sapids-internal", "profile-sapids-public",
         "profile-url", "profile-username-password", "profile-nationalid", "profile-iban",
         "profile-ssn", "profile-credit-card-number", "profile-passport", "profile-driverlicense",
         "profile-nationality", "profile-religious-group", "profile-political-group",
         "profile-pronouns-gender", "profile-ethnicity", "profile-gender",
         "profile-sexual-orientation", "profile-trade-union", "profile-sensitive-data");
static const struct shape constant = WORD("constant"), fabricated = WORD("fabricated_data");
static const struct shape constant_strategy =
    OBJECT({"method", &constant, true}, {"value", &text, true});
static const struct shape fabricated_strategy = OBJECT({"method", &fabricated, true});
static const struct shape strategy = {
    .kind = SHAPE_CASES,
    .expected = "an object with the method \"constant\" or \"fabricated_data\"",
    .cases = (const struct shape_case[]){{"method", "constant", &constant_strategy},
                                         {"method", "fabricated_data", &fabricated_strategy},
                                         {NULL, NULL, NULL}}};
static const struct shape standard_entity =
    OBJECT({"type", &entity_type, true}, {"replacement_strategy", &strategy, false});
static const struct shape custom_entity =
    OBJECT({"regex", &text, true}, {"replacement_strategy", &constant_strategy, true});
static const struct shape entity = {
    .kind = SHAPE_CASES,
    .expected = "an object with \"type\" (as {\"type\": \"profile-email\"}) or \"regex\"",
    .cases = (const struct shape_case[]){
        {"type", NULL, &standard_entity}, {"regex", NULL, &custom_entity}, {NULL, NULL, NULL}}};
static const struct shape entities = LIST(&entity);
static const struct shape enabled = OBJECT({"enabled", &flag, true});
static const struct shape provider =
    OBJECT({"type", &dpi_type, true}, {"method", &dpi_method, true}, {"entities", &entities, true},
           {"allowlist", &any_texts, false}, {"mask_grounding_input", &enabled, false});
static const struct shape providers = LIST(&provider);

const struct shape orchestration_masking = OBJECT({"providers", &providers, true});

/* --- filtering ------------------------------------------------------------------------------- */

static const struct shape severity = {.kind = SHAPE_NUMBER, .least = 0, .most = 6};
static const struct shape azure_input = OBJECT(
    {"hate", &severity, false}, {"self_harm", &severity, false}, {"sexual", &severity, false},
    {"violence", &severity, false}, {"prompt_shield", &flag, false});
static const struct shape azure_output = OBJECT(
    {"hate", &severity, false}, {"self_harm", &severity, false}, {"sexual", &severity, false},
    {"violence", &severity, false}, {"protected_material_code", &flag, false});
static const struct shape llama_guard = SOME(
    {"violent_crimes", &flag, false}, {"non_violent_crimes", &flag, false},
    {"sex_crimes", &flag, false}, {"child_exploitation", &flag, false},
    {"defamation", &flag, false}, {"specialized_advice", &flag, false}, {"privacy", &flag, false},
    {"intellectual_property", &flag, false}, {"indiscriminate_weapons", &flag, false},
    {"hate", &flag, false}, {"self_harm", &flag, false}, {"sexual_content", &flag, false},
    {"elections", &flag, false}, {"code_interpreter_abuse", &flag, false});
static const struct shape granite_categories =
    SOME({"harm", &flag, false}, {"social_bias", &flag, false}, {"jailbreak", &flag, false},
         {"violence", &flag, false}, {"profanity", &flag, false}, {"sexual_content", &flag, false},
         {"unethical_behavior", &flag, false});
static const struct shape granite =
    OBJECT({"enable_reasoning", &flag, false}, {"categories", &granite_categories, true});

static const struct shape azure_type = WORD("azure_content_safety");
static const struct shape llama_type = WORD("llama_guard_3_8b");
static const struct shape granite_type = WORD("granite_guardian_4_1");
static const struct shape azure_input_filter =
    OBJECT({"type", &azure_type, true}, {"config", &azure_input, false});
static const struct shape azure_output_filter =
    OBJECT({"type", &azure_type, true}, {"config", &azure_output, false});
static const struct shape llama_filter =
    OBJECT({"type", &llama_type, true}, {"config", &llama_guard, true});
static const struct shape granite_filter =
    OBJECT({"type", &granite_type, true}, {"config", &granite, true});

#define FILTER_TYPES                                                                               \
    "an object with the type \"azure_content_safety\", \"llama_guard_3_8b\" or "                   \
    "\"granite_guardian_4_1\""
static const struct shape input_filter = {
    .kind = SHAPE_CASES,
    .expected = FILTER_TYPES,
    .cases = (const struct shape_case[]){{"type", "azure_content_safety", &azure_input_filter},
                                         {"type", "llama_guard_3_8b", &llama_filter},
                                         {"type", "granite_guardian_4_1", &granite_filter},
                                         {NULL, NULL, NULL}}};
static const struct shape output_filter = {
    .kind = SHAPE_CASES,
    .expected = FILTER_TYPES,
    .cases = (const struct shape_case[]){{"type", "azure_content_safety", &azure_output_filter},
                                         {"type", "llama_guard_3_8b", &llama_filter},
                                         {"type", "granite_guardian_4_1", &granite_filter},
                                         {NULL, NULL, NULL}}};
static const struct shape input_filters = LIST(&input_filter);
static const struct shape output_filters = LIST(&output_filter);
static const struct shape overlap = {.kind = SHAPE_NUMBER, .least = 0, .most = 10000};
static const struct shape filter_stream = OBJECT({"overlap", &overlap, false});
static const struct shape filtering_input = OBJECT({"filters", &input_filters, true});
static const struct shape filtering_output =
    OBJECT({"filters", &output_filters, true}, {"stream_options", &filter_stream, false});

const struct shape orchestration_filtering =
    SOME({"input", &filtering_input, false}, {"output", &filtering_output, false});

/* --- grounding ------------------------------------------------------------------------------- */

static const struct shape grounding_type = WORD("document_grounding_service");
static const struct shape repository_type = WORD("vector", "help.sap.com");
static const struct shape select_mode = WORD("ignoreIfKeyAbsent");
static const struct shape select_modes = LIST(&select_mode);
static const struct shape pair = OBJECT({"key", &text, true}, {"value", &any_texts, true});
static const struct shape document_pair = OBJECT({"key", &text, true}, {"value", &any_texts, true},
                                                 {"select_mode", &select_modes, false});
static const struct shape pairs = {.kind = SHAPE_LIST, .element = &pair};
static const struct shape document_pairs = {.kind = SHAPE_LIST, .element = &document_pair};
static const struct shape search =
    OBJECT({"max_chunk_count", &count, false}, {"max_document_count", &count, false});
static const struct shape grounding_filter = OBJECT(
    {"id", &text, false}, {"search_config", &search, false},
    {"data_repositories", &any_texts, false}, {"data_repository_type", &repository_type, true},
    {"data_repository_metadata", &pairs, false}, {"document_metadata", &document_pairs, false},
    {"chunk_metadata", &pairs, false});
static const struct shape grounding_filters = {.kind = SHAPE_LIST, .element = &grounding_filter};
static const struct shape grounding_places =
    OBJECT({"input", &texts, true}, {"output", &text, true});
static const struct shape grounding_config =
    OBJECT({"filters", &grounding_filters, false}, {"placeholders", &grounding_places, true},
           {"metadata_params", &any_texts, false});

const struct shape orchestration_grounding =
    OBJECT({"type", &grounding_type, true}, {"config", &grounding_config, true});

/* --- translation ----------------------------------------------------------------------------- */

static const struct shape translation_type = WORD("sap_document_translation");
static const struct shape category = WORD("placeholders", "template_roles");
static const struct shape selector = OBJECT(
    {"category", &category, true}, {"items", &any_texts, true}, {"source_language", &text, false});
static const struct shape selectors = LIST(&selector);
static const struct shape input_languages =
    OBJECT({"source_language", &text, false}, {"target_language", &text, true},
           {"apply_to", &selectors, false});
static const struct shape output_target = {
    .kind = SHAPE_CASES,
    .expected = "a language (\"de-DE\"), or an object with \"category\"",
    .cases = (const struct shape_case[]){
        {NULL, NULL, &text}, {"category", NULL, &selector}, {NULL, NULL, NULL}}};
static const struct shape output_languages =
    OBJECT({"source_language", &text, false}, {"target_language", &output_target, true});
static const struct shape translation_input =
    OBJECT({"type", &translation_type, true}, {"translate_messages_history", &flag, false},
           {"config", &input_languages, true});
static const struct shape translation_output =
    OBJECT({"type", &translation_type, true}, {"config", &output_languages, true});

const struct shape orchestration_translation =
    SOME({"input", &translation_input, false}, {"output", &translation_output, false});

/* --- templates ------------------------------------------------------------------------------- */

static const struct shape role = WORD("system", "developer", "user", "assistant");
static const struct shape message = OBJECT({"role", &role, true}, {"content", &text, true});
static const struct shape scope = WORD("resource_group", "tenant");
static const struct shape ref_by_id = OBJECT({"id", &text, true}, {"scope", &scope, false});
static const struct shape ref_by_name = OBJECT({"scenario", &text, true}, {"name", &text, true},
                                               {"version", &text, true}, {"scope", &scope, false});

const struct shape orchestration_template = LIST(&message);
const struct shape orchestration_template_ref = {
    .kind = SHAPE_CASES,
    .expected = "an object with \"id\", or with \"scenario\", \"name\" and \"version\"",
    .cases = (const struct shape_case[]){
        {"id", NULL, &ref_by_id}, {"scenario", NULL, &ref_by_name}, {NULL, NULL, NULL}}};
const struct shape orchestration_defaults = {.kind = SHAPE_MAP, .element = &text};

/* --- streams --------------------------------------------------------------------------------- */

const struct shape orchestration_delimiters = LIST(&text);

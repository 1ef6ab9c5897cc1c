/* The table of families, and which deployment is whose. */
#include "family/family.h"

static const struct family *const families[] = {
    &family_azure_openai,      &family_azure_responses, &family_bedrock_invoke,
    &family_bedrock_converse,  &family_bedrock_titan,   &family_vertex_gemini,
    &family_openai_compatible, &family_cohere_rerank,   &family_sap_rpt,
    &family_orchestration,     &family_passthrough,
};

/* The first matching row counts. Claude goes to invoke, which is its own wire; Nova has only
   Converse. */
static const struct {
    const char *executable, *model;
    const struct family *family;
} picks[] = {
    {"azure-openai", "*", &family_azure_openai},
    {"aws-bedrock", "amazon--nova*", &family_bedrock_converse},
    {"aws-bedrock", "anthropic--*", &family_bedrock_invoke},
    {"aws-bedrock", "amazon--titan-embed*", &family_bedrock_titan},
    {"aws-bedrock", "*", &family_bedrock_converse},
    {"gcp-vertexai", "*", &family_vertex_gemini},
    {"aicore-cohere", "*rerank*", &family_cohere_rerank},
    {"aicore-sap", "*rpt*", &family_sap_rpt},
    {"orchestration", "*", &family_orchestration},
};

const struct family *family_find(struct str name)
{
    for (size_t i = 0; i < sizeof families / sizeof *families; i++)
        if (str_is(name, families[i]->name))
            return families[i];
    return NULL;
}

const struct family *family_for(const struct family *family, const struct family_model *model,
                                enum chat_wire caller, bool tools)
{
    if (family != &family_azure_openai)
        return family;
    if (caller == WIRE_OPENAI_RESPONSES || model->traits & MODEL_RESPONSES_ONLY ||
        (tools && model->traits & MODEL_TOOLS_NO_EFFORT))
        return &family_azure_responses;
    return family;
}

const struct family *family_pick(struct str executable, struct str model, struct str prefer)
{
    if (prefer.n)
        return family_find(prefer);
    for (size_t i = 0; i < sizeof picks / sizeof *picks; i++)
        if (str_is(executable, picks[i].executable) && str_glob(model, picks[i].model))
            return picks[i].family;
    return &family_openai_compatible;
}

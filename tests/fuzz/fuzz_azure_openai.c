/* Any bytes as chat completions, and as a request to them. */
#include "family_rounds.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const azure[] = {"gpt-4.1", "o3", "gpt-5.4", NULL};
    static const char *const others[] = {"mistralai--mistral-small", "sonar", NULL};

    family_rounds(&family_azure_openai, azure, data, size);
    family_rounds(&family_openai_compatible, others, data, size);
    return 0;
}

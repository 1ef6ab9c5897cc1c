/* Any bytes as an answer of the Responses API, and as a request to it. */
#include "family_rounds.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const models[] = {"gpt-4.1", "o3", "gpt-5.4", NULL};

    family_rounds(&family_azure_responses, models, data, size);
    return 0;
}

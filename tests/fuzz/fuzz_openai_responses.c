/* Any bytes as a request of the Responses API. */
#include "dialect_rounds.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    dialect_rounds(&dialect_openai_responses, (struct str){(const char *)data, size});
    return 0;
}

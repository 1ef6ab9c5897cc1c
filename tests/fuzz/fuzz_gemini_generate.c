/* Any bytes as a request of the Gemini API. */
#include "dialect_rounds.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    dialect_rounds(&dialect_gemini_generate, (struct str){(const char *)data, size});
    return 0;
}

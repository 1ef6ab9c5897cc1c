/* Any bytes as a request of completions. */
#include "dialect_rounds.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    dialect_rounds(&dialect_openai_completions, (struct str){(const char *)data, size});
    return 0;
}

/* Which program calls: real User-Agent headers, and words that only look like one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "gate/client.h"

static void recognises(void **state)
{
    static const struct {
        const char *agent, *name, *program;
    } cases[] = {
        {"claude-cli/2.0.14 (external, cli)", NULL, "Claude Code"},
        {"codex_cli_rs/0.46.0 (Debian 12.0.0; x86_64) xterm", NULL, "Codex"},
        {"opencode/0.15.0", NULL, "OpenCode"},
        {"GeminiCLI/0.8.1 (linux; x64)", NULL, "Gemini CLI"},
        {"RooCode/3.28.15", NULL, "Roo Code"},
        {"Cline/3.32.7", NULL, "Cline"},
        {"OpenAI/Python 1.109.1", NULL, "OpenAI SDK"},
        {"AsyncOpenAI/Python 1.109.1", NULL, "OpenAI SDK"},
        {"AsyncAnthropic/Python 0.69.0", NULL, "Anthropic SDK"},
        {"Anthropic/JS 0.65.0", NULL, "Anthropic SDK"},
        {"google-genai-sdk/1.41.0 gl-python/3.11", NULL, "Google SDK"},
        {"langchainjs-openai/1.0.0 ((node/v22))", NULL, "LangChain"},
        {"curl/7.88.1", NULL, "curl"},
        {"OpenAI/JS 5.0", "Cline", "Cline"},
        {"Pi/1.0", NULL, "Pi"},
        /* no such program */
        {"Mozilla/5.0 Chrome/120", NULL, "unknown"},
        {"Groovy/4.0", NULL, "unknown"},
        {"FastAPI/0.1", NULL, "unknown"},
        {"myapi/1.0", NULL, "unknown"},
        {"", NULL, "unknown"},
        {NULL, NULL, "unknown"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_string_equal(client_recognise(str_from(cases[i].agent), str_from(cases[i].name)),
                            cases[i].program);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(recognises)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

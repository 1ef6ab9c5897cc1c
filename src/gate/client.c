/* The table of client programs: specific ones first, SDKs behind them. */
#include "gate/client.h"

#include <strings.h>

static const struct {
    const char *mark; /* occurs in the header, in any case */
    const char *name;
} clients[] = {
    {"claude-cli", "Claude Code"},
    {"claude-code", "Claude Code"},
    {"claudecode", "Claude Code"},
    {"codex", "Codex"},
    {"opencode", "OpenCode"},
    {"gemini-cli", "Gemini CLI"},
    {"geminicli", "Gemini CLI"},
    {"cursor", "Cursor"},
    {"windsurf", "Windsurf"},
    {"continue", "Continue"},
    {"aider", "Aider"},
    {"roo", "Roo Code"},
    {"cline", "Cline"},
    {"copilot", "Copilot"},
    {"cherry", "Cherry Studio"},
    {"lobe", "LobeChat"},
    {"langchain", "LangChain"},
    {"litellm", "LiteLLM"},
    {"ai-sdk", "Vercel AI SDK"},
    {"anthropic", "Anthropic SDK"},
    {"openai", "OpenAI SDK"},
    {"google-genai", "Google SDK"},
    {"pi/", "Pi"},
    {"corelay", "Corelay"},
    {"curl/", "curl"},
};

static bool holds(struct str s, const char *mark)
{
    size_t n = strlen(mark);

    for (size_t i = 0; i + n <= s.n; i++)
        if (strncasecmp(s.p + i, mark, n) == 0)
            return true;
    return false;
}

const char *client_recognise(struct str user_agent, struct str client_name)
{
    for (size_t i = 0; i < sizeof clients / sizeof clients[0]; i++)
        if (holds(client_name, clients[i].mark) || holds(user_agent, clients[i].mark))
            return clients[i].name;
    return "unknown";
}

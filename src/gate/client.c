/* The table of client programs: specific ones first, SDKs behind them. */
#include "gate/client.h"

#include <ctype.h>
#include <strings.h>

static const struct {
    const char *mark; /* begins a word of the header, in any case */
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

/* "roo" begins a word in "RooCode" and in "x-roo", not in "Groovy". */
static bool begins_word(struct str s, size_t at)
{
    if (at == 0 || !isalpha((unsigned char)s.p[at - 1]))
        return true;
    return islower((unsigned char)s.p[at - 1]) && isupper((unsigned char)s.p[at]);
}

static bool holds(struct str s, const char *mark)
{
    size_t n = strlen(mark);

    for (size_t i = 0; i + n <= s.n; i++)
        if (strncasecmp(s.p + i, mark, n) == 0 && begins_word(s, i))
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

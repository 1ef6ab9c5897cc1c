/*
 * The model table.
 *
 * Names are SAP's (vendor--model for all but OpenAI and Google). The first matching row counts, so
 * the specific stand before the generic. Rows for models that do not exist yet carry the rules of
 * the newest known ones, since vendors have kept them so far.
 *
 * Who saw it: SAP = SAP's documentation or its JavaScript SDK (2026-08); AR = aicore-router 0.7.8,
 * probed on SAP AI Core (2026-06); CL = Cline's SAP provider; pub = the vendor's public
 * documentation or many public reports (2026-09).
 */
#include "family/model.h"

#include <stddef.h>

struct row {
    const char *pattern;
    unsigned traits;
    int64_t context, max_output;
};

enum {
    GPT_REASONING = MODEL_REASONING | MODEL_NO_STOP,
    GPT_NEWEST = GPT_REASONING | MODEL_TOOLS_NO_EFFORT,
    O_SERIES = MODEL_REASONING | MODEL_NO_PARALLEL,
    CLAUDE_4_5 = MODEL_THINKING | MODEL_ONE_SAMPLING | MODEL_FORMAT_NATIVE | MODEL_CACHE_TTL,
    CLAUDE_4_6 = CLAUDE_4_5 | MODEL_ADAPTIVE | MODEL_NO_PREFILL,
    CLAUDE_NEWEST = MODEL_THINKING | MODEL_ADAPTIVE | MODEL_ADAPTIVE_ONLY | MODEL_NO_SAMPLING |
                    MODEL_NO_PREFILL | MODEL_CACHE_TTL,
    GEMINI_3 = MODEL_THINKING | MODEL_THINKING_LEVEL | MODEL_SIGNED_CALLS
};

#define K(n) ((int64_t)(n)*1000)

static const struct row rows[] = {
    /* GPT. Chat variants do not reason: pub 2025-08. */
    {"gpt-5*-chat*", 0, K(128), 16384},
    /* Codex answers on /responses alone: SAP 2026-08. So does pro: pub 2025-10. */
    {"gpt-5*-codex*", GPT_REASONING | MODEL_RESPONSES_ONLY, K(400), K(128)},
    {"gpt-5*-pro*", GPT_REASONING | MODEL_RESPONSES_ONLY, K(400), K(128)},
    /* Contexts: AR 2026-06; `stop` refused: pub. */
    {"gpt-5", GPT_REASONING, K(400), K(128)},
    {"gpt-5-*", GPT_REASONING, K(400), K(128)},
    {"gpt-5.1", GPT_REASONING, K(400), K(128)},
    {"gpt-5.1-*", GPT_REASONING, K(400), K(128)},
    {"gpt-5.2*", GPT_REASONING, K(400), K(128)},
    {"gpt-5.3*", GPT_REASONING, K(400), K(128)},
    /* Tools with an effort are refused on chat completions: pub 2026-03 to 2026-09. */
    {"gpt-5.*-mini*", GPT_NEWEST, K(400), K(128)},
    {"gpt-5.*-nano*", GPT_NEWEST, K(400), K(128)},
    {"gpt-5.*", GPT_NEWEST, K(1050), K(128)},
    {"gpt-6*", GPT_NEWEST, 0, 0},
    {"gpt-7*", GPT_NEWEST, 0, 0},
    {"gpt-4.1*", 0, 1047576, 32768},   /* pub 2025-04 */
    {"gpt-4o*", 0, K(128), 16384},     /* pub 2024-11 */
    {"gpt-4-32k*", 0, 32768, 0},       /* pub */
    {"gpt-4", 0, 8192, 0},             /* pub */
    {"gpt-35-turbo*", 0, 16385, 4096}, /* pub */
    {"gpt-realtime*", 0, 32000, 4096}, /* SAP 2026-08; not served here */

    /* o-series: parallel_tool_calls refused; stop refused by o3 and o4-mini: pub 2025-06. */
    {"o1-mini*", O_SERIES, K(128), 65536},
    {"o1*", O_SERIES, K(200), K(100)},
    {"o3*", O_SERIES | MODEL_NO_STOP, K(200), K(100)},
    {"o4*", O_SERIES | MODEL_NO_STOP, K(200), K(100)},
    {"o5*", O_SERIES | MODEL_NO_STOP, K(200), K(100)},
    {"o6*", O_SERIES | MODEL_NO_STOP, K(200), K(100)},

    {"text-embedding-3-*", 0, 8192, 0},      /* AR 2026-06 */
    {"text-embedding-ada-002*", 0, 8191, 0}, /* pub */

    /* Claude. Sampling and enabled thinking refused from Opus 4.7 on: AR 2026-06 (probed);
       output_config.format refused by 4.7 and 4.8: pub 2026-05 to 2026-07. */
    {"anthropic--claude-4.8-*", CLAUDE_NEWEST, K(1000), K(128)},
    {"anthropic--claude-4.7-*", CLAUDE_NEWEST, K(1000), K(128)},
    /* Prefill refused, adaptive thinking: pub 2026-02. */
    {"anthropic--claude-4.6-opus*", CLAUDE_4_6, K(1000), K(128)},
    {"anthropic--claude-4.6-*", CLAUDE_4_6, K(1000), K(64)},
    {"anthropic--claude-4.5-*", CLAUDE_4_5, K(200), K(64)}, /* AR 2026-06 */
    {"anthropic--claude-4.1-opus*", MODEL_THINKING | MODEL_ONE_SAMPLING, K(200), K(32)}, /* pub */
    {"anthropic--claude-4-opus*", MODEL_THINKING, K(200), K(32)},     /* pub 2025-05 */
    {"anthropic--claude-4-sonnet*", MODEL_THINKING, K(200), K(64)},   /* pub 2025-05 */
    {"anthropic--claude-3.7-sonnet*", MODEL_THINKING, K(200), K(64)}, /* pub 2025-02 */
    {"anthropic--claude-3.5-*", 0, K(200), 8192},                     /* pub 2024-10 */
    {"anthropic--claude-3-*", 0, K(200), 4096},                       /* pub 2024-03 */
    {"anthropic--claude-*", CLAUDE_NEWEST, K(200), K(64)},            /* not there yet */

    {"amazon--nova-micro*", 0, K(128), 10000}, /* pub 2024-12 */
    {"amazon--nova-premier*", 0, K(1000), 10000},
    {"amazon--nova-*", 0, K(300), 10000},
    {"amazon--titan-embed-text*", 0, 8192, 0}, /* pub */
    {"amazon--titan-embed-image*", 0, 256, 0},

    /* Gemini. Levels and signatures from 3 on: pub 2025-11. */
    {"gemini-embedding*", 0, 2048, 0}, /* pub 2025-07 */
    {"gemini-1.5*", 0, 1048576, 8192},
    {"gemini-2.0*", 0, 1048576, 8192},
    {"gemini-2.5*", MODEL_THINKING, 1048576, 65536}, /* pub 2025-06 */
    {"gemini-*", GEMINI_3, 1048576, 65536},

    /* No tools: CL 2026-07. */
    {"sonar-pro*", MODEL_NO_TOOLS, K(200), 0},
    {"sonar*", MODEL_NO_TOOLS, K(128), 0},

    {"mistralai--mistral-*", 0, K(128), 0},             /* pub */
    {"cohere--command-a-reasoning*", 0, K(256), 32768}, /* pub 2025-08 */
    {"sap-abap-1*", 0, K(128), 0},                      /* SAP 2026-08 */
    {"nvidia--llama-3.2-nv-embedqa-1b*", 0, 8192, 0},   /* pub */
};

void model_describe(struct str name, struct family_model *out)
{
    struct str rest = name;
    struct str plain = str_cut(&rest, ':'); /* "gemini-2.5-pro:001" names a version */

    *out = (struct family_model){.name = name};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (!str_glob(plain, rows[i].pattern))
            continue;
        out->traits = rows[i].traits;
        out->context = rows[i].context;
        out->max_output = rows[i].max_output;
        return;
    }
}

static const struct {
    const char *word;
    enum model_trait trait;
} traits[] = {
    {"reasoning", MODEL_REASONING},
    {"no_stop", MODEL_NO_STOP},
    {"no_parallel", MODEL_NO_PARALLEL},
    {"no_sampling", MODEL_NO_SAMPLING},
    {"adaptive_only", MODEL_ADAPTIVE_ONLY},
    {"adaptive", MODEL_ADAPTIVE},
    {"no_prefill", MODEL_NO_PREFILL},
    {"one_sampling", MODEL_ONE_SAMPLING},
    {"format_native", MODEL_FORMAT_NATIVE},
    {"cache_ttl", MODEL_CACHE_TTL},
    {"signed_calls", MODEL_SIGNED_CALLS},
    {"thinking_level", MODEL_THINKING_LEVEL},
    {"tools_no_effort", MODEL_TOOLS_NO_EFFORT},
    {"responses_only", MODEL_RESPONSES_ONLY},
    {"no_tools", MODEL_NO_TOOLS},
    {"thinking", MODEL_THINKING},
};

unsigned model_trait_parse(struct str word)
{
    for (size_t i = 0; i < sizeof traits / sizeof *traits; i++)
        if (str_is(word, traits[i].word))
            return traits[i].trait;
    return 0;
}

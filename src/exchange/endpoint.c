/* The endpoint table. */
#include "exchange/endpoint.h"

#include "base/crypto.h"

#define OPENAI      .dialect = &dialect_openai_chat
#define COMPLETIONS .dialect = &dialect_openai_completions
#define RESPONSES   .dialect = &dialect_openai_responses
#define MESSAGES    .dialect = &dialect_anthropic_messages
#define GEMINI      .dialect = &dialect_gemini_generate

#define POST(what)  .methods = METHOD_POST, .kind = ENDPOINT_##what
#define ANY(what)   .methods = METHOD_ANY, .kind = ENDPOINT_##what
#define GET(what)   .methods = METHOD_GET, .kind = ENDPOINT_##what

enum { METHOD_ANY = METHOD_GET | METHOD_POST | METHOD_PUT | METHOD_PATCH | METHOD_DELETE };

/* The verbs behind a model's name, wherever models are. */
/* clang-format off */
#define GEMINI_VERB(models, verb, what) .path = models "/{model...}:" verb, POST(what), GEMINI
#define GEMINI_VERBS(models)                                                                       \
    {GEMINI_VERB(models, "generateContent", CHAT), .stream = STREAM_NEVER},                        \
    {GEMINI_VERB(models, "streamGenerateContent", CHAT), .stream = STREAM_ALWAYS},                 \
    {GEMINI_VERB(models, "countTokens", COUNT_TOKENS)},                                            \
    {GEMINI_VERB(models, "embedContent", EMBEDDINGS), .embed = &embed_gemini_one},                 \
    {GEMINI_VERB(models, "batchEmbedContents", EMBEDDINGS), .embed = &embed_gemini_batch}
/* clang-format on */

/* What can be asked of a response that was made before. */
/* clang-format off */
#define RESPONSE_CALLS(responses)                                                                  \
    {.path = responses "/compact", POST(COMPACT), RESPONSES},                                      \
    {.path = responses "/{id}", .methods = METHOD_GET | METHOD_DELETE,                             \
     .kind = ENDPOINT_RESPONSE, RESPONSES},                                                        \
    {.path = responses "/{id}/cancel", POST(RESPONSE), RESPONSES, .below = "/cancel"},             \
    {.path = responses "/{id}/input_items", GET(RESPONSE), RESPONSES, .below = "/input_items"}
/* clang-format on */

#define OPENAI_EMBEDDINGS POST(EMBEDDINGS), OPENAI, .embed = &embed_openai

#define RERANK            POST(RERANK), .dialect = &dialect_cohere

static const struct endpoint endpoints[] = {
    {.path = "v1/chat/completions", POST(CHAT), OPENAI},
    {.path = "openai/deployments/{model}/chat/completions", POST(CHAT), OPENAI},
    {.path = "chat/completions", POST(CHAT), OPENAI},
    {.path = "v1/completions", POST(CHAT), COMPLETIONS},
    {.path = "openai/deployments/{model}/completions", POST(CHAT), COMPLETIONS},
    {.path = "completions", POST(CHAT), COMPLETIONS},
    {.path = "v1/responses", POST(CHAT), RESPONSES},
    {.path = "responses", POST(CHAT), RESPONSES},
    RESPONSE_CALLS("v1/responses"),
    RESPONSE_CALLS("responses"),
    {.path = "v1/messages", POST(CHAT), MESSAGES},
    {.path = "v1/messages/count_tokens", POST(COUNT_TOKENS), MESSAGES},
    {.path = "v1/embeddings", OPENAI_EMBEDDINGS},
    {.path = "openai/deployments/{model}/embeddings", OPENAI_EMBEDDINGS},
    {.path = "embeddings", OPENAI_EMBEDDINGS},
    {.path = "v1/rerank", RERANK},
    {.path = "v2/rerank", RERANK},
    {.path = "rerank", RERANK},
    {.path = "v1/predict", POST(PREDICT), OPENAI},
    {.path = "v1/predict_parquet", POST(PREDICT), OPENAI},
    {.path = "predict", POST(PREDICT), OPENAI},
    {.path = "v1/deployments/{model}/{rest...}", ANY(DEPLOYMENT), OPENAI},
    GEMINI_VERBS("v1beta/models"),
    GEMINI_VERBS("v1alpha/models"),
    GEMINI_VERBS("v1/models"),
    GEMINI_VERBS("publishers/google/models"), /* Vertex AI's own paths */
    {.path = "v1beta/models", GET(MODEL_LIST), GEMINI},
    {.path = "v1beta/models/{model...}", GET(MODEL), GEMINI},
    {.path = "v1alpha/models", GET(MODEL_LIST), GEMINI},
    {.path = "v1alpha/models/{model...}", GET(MODEL), GEMINI},
    {.path = "v1/models", GET(MODEL_LIST)},
    {.path = "v1/models/{model...}", GET(MODEL)},
    {.path = "models", GET(MODEL_LIST)},
    {.path = "health", GET(HEALTH), .open = true},
    {.path = "health/ready", GET(READY), .open = true},
};

static const struct endpoint root_endpoint = {.path = "", GET(ROOT), .open = true};

static bool is_text(struct str s)
{
    while (s.n && str_utf8(s))
        s = str_slice(s, str_utf8(s), s.n);
    return s.n == 0;
}

static void make_text(char *p, size_t n)
{
    for (size_t i = 0; i < n;) {
        size_t length = str_utf8((struct str){p + i, n - i});
        if (!length)
            p[i] = '?';
        i += length ? length : 1;
    }
}

struct str endpoint_decode(struct arena *arena, struct str s)
{
    char *out;
    size_t n = 0;
    uint8_t byte;

    if (!s.n || (!memchr(s.p, '%', s.n) && is_text(s)))
        return s;
    out = arena_alloc(arena, s.n + 1);
    if (!out)
        return STR_NONE;
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] == '%' && s.n - i > 2 && crypto_unhex(str_slice(s, i + 1, i + 3), &byte, 1)) {
            out[n++] = (char)byte;
            i += 2;
        } else {
            out[n++] = s.p[i];
        }
    }
    make_text(out, n);
    return (struct str){out, n};
}

#define MODEL_REST "{model...}"
#define REST       "{rest...}"

/* Is `path` a model's name with `verb` (":generateContent", or nothing) behind it? The colon may be
   percent-encoded. */
static bool fits_model(struct str path, struct str verb, struct str *model)
{
    struct str name = verb.n ? str_slice(verb, 1, verb.n) : verb;

    if (path.n <= name.n || !str_eq(str_slice(path, path.n - name.n, path.n), name))
        return false;
    path.n -= name.n;
    if (verb.n && str_ends(path, ":"))
        path.n -= 1;
    else if (verb.n && (str_ends(path, "%3A") || str_ends(path, "%3a")))
        path.n -= 3;
    else if (verb.n)
        return false;
    *model = path;
    return path.n > 0;
}

/* Does the whole of `path` fit the row? The raw path ends at `end`; `*taken` is the segment that
   {model} or {id} stands for. */
static bool fits(struct str path, const char *end, const char *pattern, struct str *taken,
                 struct str *rest)
{
    struct str want = str_from(pattern);

    while (want.n && (path.n || str_is(want, REST))) {
        struct str segment = str_cut(&want, '/');
        if (str_is(segment, REST)) {
            *rest = (struct str){taken->p + taken->n, (size_t)(end - taken->p) - taken->n};
            return taken->n > 0;
        }
        if (str_starts(segment, MODEL_REST))
            return fits_model(path, str_slice(segment, strlen(MODEL_REST), segment.n), taken);
        struct str have = str_cut(&path, '/');
        if (str_is(segment, "{model}") || str_is(segment, "{id}"))
            *taken = have;
        else if (!str_eq(have, segment))
            return false;
    }
    return !want.n && !path.n;
}

static struct str strip_slashes(struct str path)
{
    while (path.n && path.p[0] == '/')
        path = str_slice(path, 1, path.n);
    while (path.n && path.p[path.n - 1] == '/')
        path.n--;
    return path;
}

status endpoint_find(struct arena *arena, struct str path, bool root, struct endpoint_match *out)
{
    struct str inner = strip_slashes(path);

    *out = (struct endpoint_match){.endpoint = NULL};
    if (root || inner.n == 0) {
        out->endpoint = &root_endpoint;
        return OK;
    }
    const char *end = path.p + path.n;
    for (struct str rest = inner; rest.n; str_cut(&rest, '/')) {
        for (size_t i = 0; i < sizeof endpoints / sizeof endpoints[0]; i++) {
            struct str taken = STR_NONE;
            out->rest = STR_NONE;
            if (!fits(rest, end, endpoints[i].path, &taken, &out->rest))
                continue;
            out->endpoint = &endpoints[i];
            struct str text = endpoint_decode(arena, taken);
            *(endpoints[i].kind == ENDPOINT_RESPONSE ? &out->id : &out->model) = text;
            return taken.n && !text.p ? E_NOMEM : OK;
        }
    }
    return OK;
}

static const struct {
    const char *name, *allow;
    enum endpoint_method bit;
} methods[] = {
    {"GET", "GET, HEAD, ", METHOD_GET}, {"HEAD", "", METHOD_GET},
    {"POST", "POST, ", METHOD_POST},    {"PUT", "PUT, ", METHOD_PUT},
    {"PATCH", "PATCH, ", METHOD_PATCH}, {"DELETE", "DELETE, ", METHOD_DELETE},
};

enum { METHOD_COUNT = sizeof methods / sizeof *methods };

unsigned endpoint_method(const char *method)
{
    for (size_t i = 0; i < METHOD_COUNT; i++)
        if (strcmp(method, methods[i].name) == 0)
            return methods[i].bit;
    return 0;
}

struct str endpoint_allow(struct arena *arena, const struct endpoint *e)
{
    struct str text = STR("");

    for (size_t i = 0; i < METHOD_COUNT; i++)
        if (e->methods & methods[i].bit)
            text = arena_printf(arena, "%.*s%s", STR_ARG(text), methods[i].allow);
    return arena_printf(arena, "%.*sOPTIONS", STR_ARG(text));
}

struct str endpoint_query_next(struct arena *arena, struct str *query, const char *name)
{
    while (query->n) {
        struct str value = str_cut(query, '&');
        struct str key = str_cut(&value, '=');
        if (str_is(key, name))
            return endpoint_decode(arena, value);
    }
    return STR_NONE;
}

struct str endpoint_query(struct arena *arena, struct str query, const char *name)
{
    return endpoint_query_next(arena, &query, name);
}

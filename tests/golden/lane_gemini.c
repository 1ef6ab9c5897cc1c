/* Requests of the lane from Gemini's API to Vertex AI. */
#include "twin.h"

/* A signature that this gateway made (CHAT_GEMINI_PACKET). */
#define OURS "\"Y3JseXIx\""

/* --- parts ----------------------------------------------------------------------------------- */

static void text_part(struct twin *t, bool touched)
{
    struct list l = open_list(t, "{}", touched);

    text_member(t, &l, "text");
    if (touched) {
        t->gone++;
        word_member(t, &l, "thoughtSignature", OURS);
        t->gone--;
    } else if (one_in(2)) {
        text_member(t, &l, "thoughtSignature");
    }
    free_member(t, &l, "x_part");
    close_list(t, &l);
}

static void call_part(struct twin *t, bool touched)
{
    struct list l = open_list(t, "{}", touched);

    next_member(t, &l, "functionCall");
    struct list call = open_list(t, "{}", touched);
    text_member(t, &call, "name");
    free_member(t, &call, "args");
    if (touched)
        lost_member(t, &call, "id");
    close_list(t, &call);
    if (touched) {
        next_member(t, &l, "thoughtSignature");
        put_other(t, OURS, "\"skip_thought_signature_validator\"");
    } else {
        text_member(t, &l, "thoughtSignature");
    }
    close_list(t, &l);
}

static void response_part(struct twin *t, bool touched)
{
    struct list l = open_list(t, "{}", touched);

    next_member(t, &l, one_in(2) ? "functionResponse" : "function_response");
    struct list response = open_list(t, "{}", touched);
    if (touched)
        lost_member(t, &response, "id");
    text_member(t, &response, "name");
    free_member(t, &response, "response");
    close_list(t, &response);
    close_list(t, &l);
}

static void any_part(struct twin *t, bool touched)
{
    static void (*const kinds[])(struct twin *, bool) = {text_part, call_part, response_part};

    kinds[below(3)](t, touched);
}

/* --- contents -------------------------------------------------------------------------------- */

enum form { PLAIN, TOUCHED, ONE_PART, NO_ROLE, EMPTY_ROLE, SPLIT, FORMS };

/* What a content will be, since white space in front of it depends on that. */
struct content {
    bool user, touched;
    enum form form;
    struct touch parts;
};

static struct content plan_content(bool user)
{
    struct content c = {.user = user, .form = below(FORMS), .parts = plan(1, 3)};

    if (!user && (c.form == NO_ROLE || c.form == EMPTY_ROLE))
        c.form = PLAIN;
    plan_only_if(&c.parts, c.form == TOUCHED || c.form == SPLIT);
    c.touched = c.form == TOUCHED ? c.parts.any : c.form != PLAIN;
    return c;
}

static const char *role_of(const struct content *c)
{
    return c->user ? "\"user\"" : "\"model\"";
}

/* The turn goes on in a second content, as SDKs replay streams: its parts belong to the first. */
static void split(struct twin *t, struct list *parts, const char *role)
{
    t->gone++;
    gap(t);
    put(t, "]},{\"role\":");
    put(t, role);
    put(t, ",\"parts\":[");
    t->gone--;
    parts->any_sent = false;
}

static void put_parts(struct twin *t, const struct content *c)
{
    struct list l = open_list(t, "[]", c->parts.any || c->form == SPLIT);

    for (unsigned i = 0; i < c->parts.count; i++) {
        next_element(t, &l);
        any_part(t, c->parts.element[i]);
    }
    if (c->form == SPLIT) {
        split(t, &l, role_of(c));
        next_element(t, &l);
        any_part(t, false);
    }
    close_list(t, &l);
}

/* A single object for a list of one. */
static void put_one_part(struct twin *t)
{
    put_other(t, "", "[");
    any_part(t, false);
    put_other(t, "", "]");
}

static void put_role(struct twin *t, struct list *l, const struct content *c)
{
    if (c->form == NO_ROLE)
        return;
    next_member(t, l, "role");
    if (c->form == EMPTY_ROLE)
        put_other(t, one_in(2) ? "\"\"" : "null", role_of(c));
    else
        put(t, role_of(c));
}

static void put_content(struct twin *t, const struct content *c)
{
    struct list l = open_list(t, "{}", c->touched);

    free_member(t, &l, "x_content");
    put_role(t, &l, c);
    next_member(t, &l, "parts");
    if (c->form == ONE_PART)
        put_one_part(t);
    else
        put_parts(t, c);
    if (c->form == NO_ROLE)
        put_other(t, "", ",\"role\":\"user\"");
    close_list(t, &l);
}

static void put_contents(struct twin *t)
{
    struct content c[4];
    unsigned count = 1 + below(4);
    bool any = false;

    for (unsigned i = 0; i < count; i++) {
        c[i] = plan_content(i % 2 == 0);
        any |= c[i].touched;
    }
    if (count == 1 && c[0].form != SPLIT && one_in(2)) {
        put_other(t, "", "[");
        put_content(t, &c[0]);
        put_other(t, "", "]");
        return;
    }
    struct list l = open_list(t, "[]", any);
    for (unsigned i = 0; i < count; i++) {
        next_element(t, &l);
        put_content(t, &c[i]);
    }
    close_list(t, &l);
}

/* --- the rest -------------------------------------------------------------------------------- */

/* Vertex AI takes no plain text for it. */
static void put_system(struct twin *t, struct list *l)
{
    next_member(t, l, one_in(2) ? "systemInstruction" : "system_instruction");
    if (one_in(2)) {
        put_container(t);
        return;
    }
    put_other(t, "", "{\"parts\":[{\"text\":");
    put_string(t);
    put_other(t, "", "}]}");
}

void write_gemini(struct twin *t, bool stream)
{
    static const char *const kept[] = {"tools",          "toolConfig",   "tool_config",
                                       "safetySettings", "labels",       "generationConfig",
                                       "cachedContent",  "\\u006cabels", NULL};
    static const char *const lost[] = {"model",    "stream", "x_unknown", "\\u006dodel", "system",
                                       "messages", "",       "key",       NULL};
    struct list l = open_list(t, "{}", true);

    (void)stream; /* the path says it */
    some_members(t, &l, 5, kept, lost);
    put_system(t, &l);
    next_member(t, &l, "contents");
    put_contents(t);
    lost_member(t, &l, "model");
    close_list(t, &l);
}

/*
 * From JSON Schema to Vertex AI's Schema object.
 *
 * A schema node is read through a view: the node itself, what its $ref points to, and the members
 * of its allOf, as one. The first that has a keyword wins; properties and required are united.
 * Vertex AI refuses what it does not know (older models at least), so only known keywords are
 * written. What the unknown ones say is narrowing, save for `const` and numeric enums, which are
 * put into words that remain.
 */
#include "family/vertex_gemini.h"

enum { VIEW_NODES = 16, MAX_DEPTH = 24, MAX_REFERENCES = 5, MAX_NODES = 4000 };

struct cleaner {
    struct arena *arena;
    const struct jspan *root;
    struct jwrite *w;
    unsigned nodes;
};

struct view {
    const struct jspan *nodes[VIEW_NODES];
    size_t count;
    unsigned references; /* followed on the way down to here */
};

static void write_node(struct cleaner *c, const struct jspan *node, unsigned depth,
                       unsigned references, bool nullable);

/* --- views ----------------------------------------------------------------------------------- */

/* "#/$defs/Name", "#/definitions/Name" or "#". NULL: points elsewhere. */
static const struct jspan *resolve(const struct cleaner *c, const struct jspan *ref)
{
    struct str path = jspan_str(c->arena, ref);
    const struct jspan *at = c->root;

    if (!str_is(str_cut(&path, '/'), "#"))
        return NULL;
    while (path.n && at) {
        char *name = arena_cstr(c->arena, str_cut(&path, '/'));
        at = name ? jspan_get(at, name) : NULL;
    }
    return at;
}

static void add_to_view(const struct cleaner *c, struct view *v, const struct jspan *node)
{
    if (!jspan_is(node, JSPAN_OBJECT) || v->count == VIEW_NODES)
        return;
    v->nodes[v->count++] = node;
    const struct jspan *ref = jspan_get(node, "$ref");
    if (jspan_is(ref, JSPAN_STRING) && v->references < MAX_REFERENCES) {
        v->references++;
        add_to_view(c, v, resolve(c, ref));
    }
    for (const struct jspan *n = jspan_first(jspan_get(node, "allOf")); n; n = n->next)
        add_to_view(c, v, n);
}

static const struct jspan *view_get(const struct view *v, const char *keyword)
{
    for (size_t i = 0; i < v->count; i++) {
        const struct jspan *n = jspan_get(v->nodes[i], keyword);
        if (!jspan_none(n))
            return n;
    }
    return NULL;
}

static bool view_has_property(const struct view *v, const char *name)
{
    for (size_t i = 0; i < v->count; i++)
        if (jspan_get(jspan_get(v->nodes[i], "properties"), name))
            return true;
    return false;
}

/* --- types ----------------------------------------------------------------------------------- */

/* A type may be a word or a list of words with "null" among them. */
static const struct jspan *first_type(const struct view *v, bool *nullable, size_t *count)
{
    const struct jspan *type = view_get(v, "type"), *found = NULL;

    *count = 0;
    if (jspan_is(type, JSPAN_STRING)) {
        *nullable = *nullable || jspan_says(type, "null");
        *count = !jspan_says(type, "null");
        return *count ? type : NULL;
    }
    for (const struct jspan *n = jspan_first(type); n; n = n->next) {
        if (jspan_says(n, "null")) {
            *nullable = true;
            continue;
        }
        found = found ? found : n;
        ++*count;
    }
    return found;
}

/* Who gives no type at all takes anything; a string can say anything. */
static const char *implied_type(const struct view *v)
{
    if (view_get(v, "properties"))
        return "object";
    if (view_get(v, "items") || view_get(v, "prefixItems"))
        return "array";
    const struct jspan *value = view_get(v, "const");
    if (!value)
        value = jspan_first(view_get(v, "enum"));
    if (jspan_is(value, JSPAN_NUMBER))
        return "number";
    return jspan_is(value, JSPAN_TRUE) || jspan_is(value, JSPAN_FALSE) ? "boolean" : "string";
}

/* --- keywords -------------------------------------------------------------------------------- */

static bool all_strings(const struct jspan *list)
{
    for (const struct jspan *n = jspan_first(list); n; n = n->next)
        if (n->type != JSPAN_STRING && n->type != JSPAN_NULL)
            return false;
    return true;
}

/* Enums hold strings alone; others are told in the description. */
static void write_enum(struct cleaner *c, const struct jspan *values, const struct jspan *value)
{
    if (jspan_is(value, JSPAN_STRING)) {
        jwrite_member_array(c->w, "enum");
        jwrite_raw(c->w, value->text);
        jwrite_end(c->w);
        return;
    }
    if (!jspan_count(values) || !all_strings(values))
        return;
    jwrite_member_array(c->w, "enum");
    for (const struct jspan *n = jspan_first(values); n; n = n->next)
        if (n->type == JSPAN_STRING)
            jwrite_raw(c->w, n->text);
    jwrite_end(c->w);
}

static void write_description(struct cleaner *c, const struct view *v)
{
    const struct jspan *values = view_get(v, "enum"), *value = view_get(v, "const");
    struct str text = jspan_str(c->arena, view_get(v, "description"));
    struct buf all = {0};

    buf_add_str(&all, text);
    if (value && value->type != JSPAN_STRING) {
        buf_add_cstr(&all, all.n ? " Always: " : "Always: ");
        buf_add_str(&all, value->text);
    } else if (!value && jspan_count(values) && !all_strings(values)) {
        buf_add_cstr(&all, all.n ? " One of: " : "One of: ");
        buf_add_str(&all, values->text);
    }
    if (all.n)
        jwrite_member_str(c->w, "description", buf_str(&all));
    c->w->out->failed = c->w->out->failed || all.failed;
    buf_free(&all);
}

static void write_format(struct cleaner *c, const struct view *v, const char *type)
{
    static const char *const known[] = {"date-time", "enum"};
    static const char *const numeric[] = {"int32", "int64", "float", "double"};
    const struct jspan *format = view_get(v, "format");
    bool string = strcmp(type, "string") == 0;

    for (size_t i = 0; i < (string ? 2u : 4u); i++)
        if (jspan_says(format, string ? known[i] : numeric[i]))
            jwrite_member_raw(c->w, "format", format->text);
}

/* An integer above 3 is at least 4; of other numbers only the closed bound can be said. */
static void write_bound(struct cleaner *c, const struct view *v, const char *keyword,
                        const char *exclusive, int step, bool integer)
{
    const struct jspan *closed = view_get(v, keyword), *open = view_get(v, exclusive);
    int64_t bound = jspan_int(open, INT64_MAX);

    if (jspan_is(closed, JSPAN_NUMBER))
        jwrite_member_raw(c->w, keyword, closed->text);
    else if (integer && bound != INT64_MAX)
        jwrite_member_int(c->w, keyword, bound + step);
    else if (jspan_is(open, JSPAN_NUMBER))
        jwrite_member_raw(c->w, keyword, open->text);
}

static void write_plain(struct cleaner *c, const struct view *v)
{
    static const struct {
        const char *keyword;
        enum jspan_type type;
    } plain[] = {
        {"title", JSPAN_STRING},         {"minItems", JSPAN_NUMBER},
        {"maxItems", JSPAN_NUMBER},      {"minLength", JSPAN_NUMBER},
        {"maxLength", JSPAN_NUMBER},     {"pattern", JSPAN_STRING},
        {"minProperties", JSPAN_NUMBER}, {"maxProperties", JSPAN_NUMBER},
    };

    for (size_t i = 0; i < sizeof plain / sizeof *plain; i++) {
        const struct jspan *n = view_get(v, plain[i].keyword);
        if (jspan_is(n, plain[i].type))
            jwrite_member_raw(c->w, plain[i].keyword, n->text);
    }
}

static void write_items(struct cleaner *c, const struct view *v, unsigned depth)
{
    const struct jspan *items = view_get(v, "items");

    if (jspan_is(items, JSPAN_ARRAY))
        items = jspan_first(items);
    if (!items)
        items = jspan_first(view_get(v, "prefixItems"));
    jwrite_key(c->w, "items");
    write_node(c, items, depth + 1, v->references, false);
}

static bool written_before(const struct view *v, size_t view_index, const char *name)
{
    for (size_t i = 0; i < view_index; i++)
        if (jspan_get(jspan_get(v->nodes[i], "properties"), name))
            return true;
    return false;
}

static void write_properties(struct cleaner *c, const struct view *v, unsigned depth)
{
    if (!view_get(v, "properties"))
        return;
    jwrite_member_object(c->w, "properties");
    for (size_t i = 0; i < v->count; i++) {
        const struct jspan *n = jspan_first(jspan_get(v->nodes[i], "properties"));
        for (; n; n = n->next) {
            struct str key = jspan_key(c->arena, n);
            const char *name = arena_cstr(c->arena, key);
            if (!name || written_before(v, i, name))
                continue;
            jwrite_key_str(c->w, key);
            write_node(c, n, depth + 1, v->references, false);
        }
    }
    jwrite_end(c->w);
}

/* A required name without a property is refused. */
static void write_required(struct cleaner *c, const struct view *v)
{
    bool any = false;

    for (size_t i = 0; i < v->count; i++) {
        const struct jspan *n = jspan_first(jspan_get(v->nodes[i], "required"));
        for (; n; n = n->next) {
            const char *name = arena_cstr(c->arena, jspan_str(c->arena, n));
            if (n->type != JSPAN_STRING || !name || !view_has_property(v, name))
                continue;
            if (!any)
                jwrite_member_array(c->w, "required");
            any = true;
            jwrite_raw(c->w, n->text);
        }
    }
    if (any)
        jwrite_end(c->w);
}

/* --- alternatives ---------------------------------------------------------------------------- */

static bool is_null_schema(const struct jspan *n)
{
    return jspan_says(jspan_get(n, "type"), "null") ||
           (jspan_get(n, "const") && jspan_none(jspan_get(n, "const")));
}

static const struct jspan *alternatives(const struct view *v)
{
    const struct jspan *list = view_get(v, "anyOf");

    return jspan_count(list) ? list : view_get(v, "oneOf");
}

/* Beside anyOf nothing else may stand; a single alternative stands for itself. */
static bool write_alternatives(struct cleaner *c, const struct view *v, unsigned depth,
                               bool nullable)
{
    const struct jspan *list = alternatives(v), *only = NULL;
    size_t count = 0;

    for (const struct jspan *n = jspan_first(list); n; n = n->next) {
        if (is_null_schema(n)) {
            nullable = true;
            continue;
        }
        only = n;
        count++;
    }
    if (count == 0 || view_get(v, "properties"))
        return false; /* "one of these must be given": narrowing, nothing else */
    if (count == 1) {
        write_node(c, only, depth + 1, v->references, nullable);
        return true;
    }
    jwrite_object(c->w);
    jwrite_member_array(c->w, "anyOf");
    for (const struct jspan *n = jspan_first(list); n; n = n->next)
        if (!is_null_schema(n))
            write_node(c, n, depth + 1, v->references, nullable);
    jwrite_end(c->w);
    jwrite_end(c->w);
    return true;
}

/* {"type":["string","integer"]} */
static void write_types(struct cleaner *c, const struct view *v, bool nullable)
{
    jwrite_object(c->w);
    jwrite_member_array(c->w, "anyOf");
    for (const struct jspan *n = jspan_first(view_get(v, "type")); n; n = n->next) {
        if (n->type != JSPAN_STRING || jspan_says(n, "null"))
            continue;
        jwrite_object(c->w);
        jwrite_member_raw(c->w, "type", n->text);
        if (jspan_says(n, "array"))
            write_items(c, v, MAX_DEPTH);
        if (nullable)
            jwrite_member_bool(c->w, "nullable", true);
        jwrite_end(c->w);
    }
    jwrite_end(c->w);
    jwrite_end(c->w);
}

/* --- nodes ----------------------------------------------------------------------------------- */

static void write_typed(struct cleaner *c, const struct view *v, const struct jspan *written,
                        unsigned depth, bool nullable)
{
    char *given = written ? arena_cstr(c->arena, jspan_str(c->arena, written)) : NULL;
    const char *type = given ? given : implied_type(v);
    bool integer = strcmp(type, "integer") == 0;

    jwrite_object(c->w);
    jwrite_member_cstr(c->w, "type", type);
    write_description(c, v);
    if (nullable || jspan_true(view_get(v, "nullable")))
        jwrite_member_bool(c->w, "nullable", true);
    if (strcmp(type, "string") == 0)
        write_enum(c, view_get(v, "enum"), view_get(v, "const"));
    write_format(c, v, type);
    write_plain(c, v);
    if (integer || strcmp(type, "number") == 0) {
        write_bound(c, v, "minimum", "exclusiveMinimum", 1, integer);
        write_bound(c, v, "maximum", "exclusiveMaximum", -1, integer);
    }
    if (strcmp(type, "array") == 0)
        write_items(c, v, depth);
    if (strcmp(type, "object") == 0) {
        write_properties(c, v, depth);
        write_required(c, v);
    }
    jwrite_end(c->w);
}

static void write_node(struct cleaner *c, const struct jspan *node, unsigned depth,
                       unsigned references, bool nullable)
{
    struct view v = {.references = references};
    size_t types;

    if (++c->nodes > MAX_NODES || depth >= MAX_DEPTH || !node) {
        jwrite_raw(c->w, depth >= MAX_DEPTH || c->nodes > MAX_NODES ? STR("{\"type\":\"object\"}")
                                                                    : STR("{\"type\":\"string\"}"));
        return;
    }
    add_to_view(c, &v, node);
    if (jspan_is(jspan_get(node, "$ref"), JSPAN_STRING) && references >= MAX_REFERENCES) {
        jwrite_raw(c->w, STR("{\"type\":\"object\"}")); /* recursive: it ends somewhere */
        return;
    }
    const struct jspan *type = first_type(&v, &nullable, &types);
    if (write_alternatives(c, &v, depth, nullable))
        return;
    if (types > 1)
        write_types(c, &v, nullable);
    else
        write_typed(c, &v, type, depth, nullable);
}

status gemini_write_schema(struct arena *arena, struct str schema, struct jwrite *w)
{
    struct jspan *root;
    status s = jspan_parse(arena, schema, &root, NULL);

    if (s)
        return s;
    struct cleaner c = {.arena = arena, .root = root, .w = w};
    write_node(&c, root, 0, 0, false);
    return w->out->failed ? E_NOMEM : OK;
}

bool gemini_schema_is_empty(struct arena *arena, struct str schema)
{
    struct jspan *root;

    if (!schema.n || jspan_parse(arena, schema, &root, NULL))
        return true;
    return !jspan_count(jspan_get(root, "properties")) && !jspan_get(root, "$ref") &&
           !jspan_get(root, "anyOf") && !jspan_get(root, "oneOf") && !jspan_get(root, "allOf");
}

/* The rewrite engine: walks a path, does one thing at its end. */
#include "family/rewrite.h"

struct walk {
    struct arena *arena;
    const struct rewrite *row;
    struct dropped *dropped;
    status failed;
};

/* --- declaring ------------------------------------------------------------------------------- */

/* "messages[].content[].x" is declared as "messages.content.x", "**.x" as "x"; `member` follows. */
static void declare(struct walk *w, struct str member)
{
    struct str path = str_from(w->row->path);
    struct buf name = {0};

    if (str_starts(path, "**."))
        path = str_slice(path, 3, path.n);
    for (size_t i = 0; i < path.n; i++)
        if (path.p[i] != '[' && path.p[i] != ']')
            buf_add_char(&name, path.p[i]);
    if (name.n && member.n)
        buf_add_char(&name, '.');
    buf_add_str(&name, member);
    if (name.failed)
        w->failed = E_NOMEM;
    else
        dropped_add(w->dropped, buf_str(&name));
    buf_free(&name);
}

/* A null says nothing, so nothing is lost with it. */
static void declare_loss(struct walk *w, const struct jspan *lost)
{
    if (!w->row->quiet && !jspan_none(lost))
        declare(w, STR_NONE);
}

/* --- actions --------------------------------------------------------------------------------- */

static void rename_member(struct walk *w, struct jspan *n)
{
    struct jspan *existing = jspan_get(n->up, w->row->arg);

    if (!existing) {
        w->failed = jspan_rename(w->arena, n, w->row->arg);
        return;
    }
    if (existing == n)
        return;
    declare_loss(w, n);
    jspan_remove(n);
}

static void set_value(struct walk *w, struct jspan *n)
{
    struct str arg = str_from(w->row->arg);

    if (str_eq(jspan_text(w->arena, n), arg))
        return;
    declare_loss(w, n);
    jspan_replace(n, arg);
}

static bool is_listed(struct str list, struct str word)
{
    while (list.n)
        if (str_eq(str_cut(&list, ' '), word))
            return true;
    return false;
}

static void keep_only(struct walk *w, struct jspan *container)
{
    struct jspan *next;

    if (!jspan_is(container, JSPAN_OBJECT))
        return;
    for (struct jspan *n = jspan_first(container); n; n = next) {
        next = n->next;
        struct str key = jspan_key(w->arena, n);
        if (is_listed(str_from(w->row->arg), key))
            continue;
        if (!w->row->quiet && !jspan_none(n))
            declare(w, key);
        jspan_remove(n);
    }
}

static void act(struct walk *w, struct jspan *n)
{
    switch (w->row->action) {
    case REWRITE_REMOVE:
        declare_loss(w, n);
        jspan_remove(n);
        break;
    case REWRITE_RENAME:
        rename_member(w, n);
        break;
    case REWRITE_SET:
        set_value(w, n);
        break;
    case REWRITE_ONLY:
        keep_only(w, n);
        break;
    case REWRITE_DEFAULT: /* has no path to walk */
        break;
    }
}

/* --- walking --------------------------------------------------------------------------------- */

static void visit(struct walk *w, struct jspan *n, struct str path);

static void visit_elements(struct walk *w, struct jspan *array, struct str path)
{
    struct jspan *next;

    if (!jspan_is(array, JSPAN_ARRAY))
        return;
    for (struct jspan *n = jspan_first(array); n; n = next) {
        next = n->next;
        visit(w, n, path);
    }
}

static void visit_members(struct walk *w, struct jspan *object, struct str key, struct str path)
{
    struct jspan *next;

    if (!jspan_is(object, JSPAN_OBJECT))
        return;
    for (struct jspan *n = jspan_first(object); n; n = next) {
        next = n->next; /* a name may stand twice: each of them counts */
        if (str_eq(jspan_key(w->arena, n), key))
            visit(w, n, path);
    }
}

static void visit(struct walk *w, struct jspan *n, struct str path)
{
    size_t end = 0;

    if (path.n == 0) {
        act(w, n);
        return;
    }
    if (str_starts(path, "[]")) {
        size_t skip = path.n > 2 && path.p[2] == '.' ? 3 : 2;
        visit_elements(w, n, str_slice(path, skip, path.n));
        return;
    }
    while (end < path.n && path.p[end] != '.' && path.p[end] != '[')
        end++;
    size_t rest = end < path.n && path.p[end] == '.' ? end + 1 : end;
    visit_members(w, n, str_slice(path, 0, end), str_slice(path, rest, path.n));
}

/* The parser limits the depth, so recursion is bounded. Below first: the action may remove `n`. */
static void visit_anywhere(struct walk *w, struct jspan *n, struct str path)
{
    struct jspan *next;

    for (struct jspan *child = jspan_first(n); child; child = next) {
        next = child->next;
        visit_anywhere(w, child, path);
    }
    visit(w, n, path);
}

static void add_default(struct walk *w, struct jspan *body)
{
    if (jspan_none(jspan_get(body, w->row->path)))
        w->failed = jspan_set(w->arena, body, w->row->path, str_from(w->row->arg));
}

static void apply_row(struct walk *w, struct jspan *body)
{
    struct str path = str_from(w->row->path);

    if (w->row->action == REWRITE_DEFAULT)
        add_default(w, body);
    else if (str_starts(path, "**."))
        visit_anywhere(w, body, str_slice(path, 3, path.n));
    else
        visit(w, body, path);
}

status rewrite_apply(struct arena *arena, const struct rewrite *rows, size_t count,
                     struct jspan *body, const struct family_model *model, struct dropped *dropped)
{
    struct walk w = {.arena = arena, .dropped = dropped};

    for (size_t i = 0; i < count && !w.failed; i++) {
        w.row = &rows[i];
        if ((model->traits & w.row->with) == w.row->with && !(model->traits & w.row->without))
            apply_row(&w, body);
    }
    return w.failed;
}

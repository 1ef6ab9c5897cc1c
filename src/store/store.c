/* What is remembered, and the files that say so. */
#include "store/store.h"

#include <errno.h>

#include "base/jspan.h"
#include "base/jwrite.h"
#include "base/log.h"

enum { VERSION = 1, PLACE_BYTES = 64 * 1024 };

struct store *store_new(struct arena *arena, const char *state_dir,
                        const struct store_bounds *answers)
{
    static const struct store_bounds places = {STORE_PLACE_AGE_S, STORE_PLACES,
                                               (int64_t)STORE_PLACES * PLACE_BYTES};
    struct store *store = ARENA_NEW(arena, struct store);

    if (!store || store_files_open(&store->places, arena, state_dir, "response-places", places))
        return NULL;
    if (answers && store_files_open(&store->answers, arena, state_dir, "responses", *answers))
        return NULL;
    return store;
}

bool store_keeps_answers(const struct store *store)
{
    return store->answers.folder != NULL;
}

/* --- reading ------------------------------------------------------------------------------------- */

static status syntax(const char **problem, const char *text)
{
    *problem = text;
    return E_SYNTAX;
}

/* The object that a file holds, if it is of this kind and about this id. */
static status open_record(struct arena *arena, struct str content, const char *mark, struct str id,
                          struct jspan **root, const char **problem)
{
    *problem = NULL;
    status s = jspan_parse(arena, content, root, NULL);
    if (s == E_NOMEM)
        return s;
    if (s || !jspan_is(*root, JSPAN_OBJECT))
        return syntax(problem, "is no JSON object");
    if (jspan_int(jspan_get(*root, mark), 0) != VERSION)
        return syntax(problem, "is of another version");
    if (!str_eq(jspan_str(arena, jspan_get(*root, "id")), id))
        return syntax(problem, "is about something else");
    return OK;
}

status store_place_parse(struct arena *arena, struct str content, struct str id,
                         struct store_place *out, const char **problem)
{
    struct jspan *root;
    status s = open_record(arena, content, "corelay_place", id, &root, problem);

    *out = (struct store_place){.owner = STR_NONE};
    if (s)
        return s;
    out->owner = jspan_str(arena, jspan_get(root, "owner"));
    out->account = jspan_str(arena, jspan_get(root, "account"));
    out->group = jspan_str(arena, jspan_get(root, "group"));
    out->deployment = jspan_str(arena, jspan_get(root, "deployment"));
    out->model = jspan_str(arena, jspan_get(root, "model"));
    out->owed = jspan_true(jspan_get(root, "usage_owed"));
    if (!out->owner.n || !out->account.n || !out->group.n || !out->deployment.n || !out->model.n)
        return syntax(problem, "does not say where the response is");
    return OK;
}

status store_answer_parse(struct arena *arena, struct str content, struct str id,
                          struct store_answer *out, const char **problem)
{
    struct jspan *root;
    status s = open_record(arena, content, "corelay_answer", id, &root, problem);

    *out = (struct store_answer){.owner = STR_NONE};
    if (s)
        return s;
    out->owner = jspan_str(arena, jspan_get(root, "owner"));
    out->previous = jspan_str(arena, jspan_get(root, "previous"));
    const struct jspan *input = jspan_get(root, "input"), *response = jspan_get(root, "response");
    if (!out->owner.n)
        return syntax(problem, "does not say whose it is");
    if (!jspan_is(input, JSPAN_ARRAY) || !jspan_is(response, JSPAN_OBJECT) ||
        !jspan_is(jspan_get(response, "output"), JSPAN_ARRAY))
        return syntax(problem, "holds no answer");
    out->input = input->text;
    out->response = response->text;
    out->output = jspan_get(response, "output")->text;
    return OK;
}

/* The whole file in `arena`, so that texts can be borrowed from it. */
static status read_file(const struct store_files *files, struct arena *arena, struct str id,
                        struct str *content)
{
    struct buf text = {0};
    status s = id.n && id.n <= STORE_ID_BYTES ? store_files_read(files, id, &text) : E_NOT_FOUND;

    *content = s ? STR_NONE : arena_str(arena, buf_str(&text));
    buf_free(&text);
    return s || !content->p ? E_NOT_FOUND : OK;
}

static status judge(const struct store_files *files, struct str id, status s, const char *problem)
{
    if (s)
        store_files_warn(files, id, problem ? problem : status_text(s));
    return s ? E_NOT_FOUND : OK;
}

status store_find_place(const struct store *store, struct arena *arena, struct str id,
                        struct store_place *out)
{
    struct str content;
    const char *problem = NULL;

    if (read_file(&store->places, arena, id, &content))
        return E_NOT_FOUND;
    return judge(&store->places, id, store_place_parse(arena, content, id, out, &problem), problem);
}

status store_find_answer(const struct store *store, struct arena *arena, struct str id,
                         struct store_answer *out)
{
    struct str content;
    const char *problem = NULL;

    if (read_file(&store->answers, arena, id, &content))
        return E_NOT_FOUND;
    return judge(&store->answers, id, store_answer_parse(arena, content, id, out, &problem),
                 problem);
}

/* --- writing ------------------------------------------------------------------------------------- */

void store_place_write(struct buf *out, struct str id, const struct store_place *place)
{
    struct jwrite w = jwrite_to(out);

    jwrite_object(&w);
    jwrite_member_int(&w, "corelay_place", VERSION);
    jwrite_member_str(&w, "id", id);
    jwrite_member_str(&w, "owner", place->owner);
    jwrite_member_str(&w, "account", place->account);
    jwrite_member_str(&w, "group", place->group);
    jwrite_member_str(&w, "deployment", place->deployment);
    jwrite_member_str(&w, "model", place->model);
    if (place->owed)
        jwrite_member_bool(&w, "usage_owed", true);
    jwrite_end(&w);
    buf_add_char(out, '\n');
}

void store_answer_write(struct buf *out, struct str id, const struct store_answer *answer)
{
    struct jwrite w = jwrite_to(out);

    jwrite_object(&w);
    jwrite_member_int(&w, "corelay_answer", VERSION);
    jwrite_member_str(&w, "id", id);
    jwrite_member_str(&w, "owner", answer->owner);
    jwrite_maybe_str(&w, "previous", answer->previous);
    jwrite_member_raw(&w, "input", answer->input);
    jwrite_member_raw(&w, "response", answer->response);
    jwrite_end(&w);
    buf_add_char(out, '\n');
}

static void put(struct store_files *files, struct str id, struct buf *content)
{
    status s = content->failed                  ? E_NOMEM
               : id.n && id.n <= STORE_ID_BYTES ? store_files_write(files, id, buf_str(content))
                                                : E_LIMIT;

    if (s)
        log_warning("%s: a response cannot be remembered: %s", files->folder,
                    s == E_IO ? strerror(errno) : status_text(s));
    buf_free(content);
}

void store_note_place(struct store *store, struct str id, const struct store_place *place)
{
    struct buf content = {0};

    if (!store->places.folder)
        return;
    store_place_write(&content, id, place);
    put(&store->places, id, &content);
}

void store_keep_answer(struct store *store, struct str id, const struct store_answer *answer)
{
    struct buf content = {0};

    if (!store->answers.folder)
        return;
    store_answer_write(&content, id, answer);
    put(&store->answers, id, &content);
}

/* --- the rest ------------------------------------------------------------------------------------ */

status store_forget_answer(const struct store *store, struct str id)
{
    return store_files_remove(&store->answers, id);
}

void store_touch_answer(const struct store *store, struct str id)
{
    store_files_touch(&store->answers, id);
}

/* The list of dropped fields. */
#include "chat/dropped.h"

enum { TEXT_BYTES = 1000 };

static bool listed(const struct dropped *list, struct str field)
{
    for (const struct dropped_item *i = list->first; i; i = i->next)
        if (str_eq(i->field, field))
            return true;
    return false;
}

static void make_token(char *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if ((unsigned char)p[i] <= 0x20 || (unsigned char)p[i] >= 0x7f || p[i] == ',')
            p[i] = '_';
}

void dropped_add(struct dropped *list, struct str field)
{
    char *copy = arena_cstr(list->arena, field);
    struct dropped_item *item = ARENA_NEW(list->arena, struct dropped_item);

    if (!copy || !item)
        return;
    make_token(copy, field.n);
    item->field = (struct str){copy, field.n};
    if (listed(list, item->field))
        return;
    if (list->last)
        list->last->next = item;
    else
        list->first = item;
    list->last = item;
}

void dropped_add_cstr(struct dropped *list, const char *field)
{
    dropped_add(list, str_from(field));
}

struct str dropped_text(const struct dropped *list)
{
    char text[TEXT_BYTES];
    size_t n = 0;

    for (const struct dropped_item *i = list->first; i; i = i->next) {
        if (n + i->field.n + 2 > sizeof text)
            break;
        if (n) {
            text[n++] = ',';
            text[n++] = ' ';
        }
        memcpy(text + n, i->field.p, i->field.n);
        n += i->field.n;
    }
    return n ? arena_str(list->arena, (struct str){text, n}) : STR_NONE;
}

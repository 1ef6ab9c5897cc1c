/* Sections: found by their heads, written in the order in which things happen. */
#include "case_file.h"

#include <stdlib.h>

static const char head_begin[] = "-- ";
static const char head_end[] = " --";

/* Is it a head? Then its words. */
static bool read_head(struct str line, struct str *words)
{
    size_t around = sizeof head_begin - 1 + sizeof head_end - 1;

    if (line.n <= around || !str_starts(line, head_begin) || !str_ends(line, head_end))
        return false;
    *words = str_slice(line, sizeof head_begin - 1, line.n - (sizeof head_end - 1));
    return true;
}

static bool at_head(struct str text)
{
    struct str words;
    return read_head(str_cut(&text, '\n'), &words);
}

/* The bytes up to the next head or the end, without the line end in front of it. */
static struct str take_body(struct str *text)
{
    struct str all = *text;

    while (text->n && !at_head(*text))
        str_cut(text, '\n');
    size_t n = text->n ? (size_t)(text->p - all.p) : all.n;
    return str_slice(all, 0, n ? n - 1 : 0);
}

static bool take_section(struct case_file *c, struct str head, struct str body)
{
    struct str name = str_cut(&head, ':');
    struct str about = str_trim(head);

    if (str_is(name, "call")) {
        c->call = body;
    } else if (str_is(name, "request")) {
        c->request = body;
    } else if (str_is(name, "upstream request")) {
        c->sent = true;
        c->path = about;
        c->body = body;
    } else if (str_is(name, "dropped")) {
        c->dropped = body;
    } else if (str_is(name, "upstream answer")) {
        c->answered = true;
        c->reply = about;
        c->answer = body;
    } else if (str_is(name, "answer")) {
        c->status = about.n ? atoi(about.p) : 0;
        c->bytes = body;
    } else {
        return false;
    }
    return true;
}

status case_file_parse(struct str text, struct case_file *out, const char **why)
{
    struct str words;

    *out = (struct case_file){0};
    *why = "the file does not end with a line end";
    if (!str_ends(text, "\n"))
        return E_SYNTAX;
    while (text.n) {
        *why = "expected the head of a section";
        if (!read_head(str_cut(&text, '\n'), &words))
            return E_SYNTAX;
        *why = "there is no section of that name";
        if (!take_section(out, words, take_body(&text)))
            return E_SYNTAX;
    }
    *why = "there is no section 'request'";
    return out->request.n ? OK : E_SYNTAX;
}

struct str case_file_setting(const struct case_file *c, const char *name)
{
    struct str lines = c->call;

    while (lines.n) {
        struct str value = str_cut(&lines, '\n');
        struct str key = str_cut(&value, ':');
        if (str_is(key, name))
            return str_trim(value);
    }
    return STR_NONE;
}

static void write_section(struct buf *out, const char *name, struct str about, struct str body)
{
    buf_add_cstr(out, head_begin);
    buf_add_cstr(out, name);
    if (about.n)
        buf_add_cstr(out, ": ");
    buf_add_str(out, about);
    buf_add_cstr(out, head_end);
    buf_add_char(out, '\n');
    buf_add_str(out, body);
    buf_add_char(out, '\n');
}

void case_file_render(const struct case_file *c, struct buf *out)
{
    if (c->call.n)
        write_section(out, "call", STR_NONE, c->call);
    write_section(out, "request", STR_NONE, c->request);
    if (c->sent)
        write_section(out, "upstream request", c->path, c->body);
    if (c->dropped.n)
        write_section(out, "dropped", STR_NONE, c->dropped);
    if (c->answered)
        write_section(out, "upstream answer", c->reply, c->answer);
    buf_printf(out, "%sanswer: %d%s\n", head_begin, c->status, head_end);
    buf_add_str(out, c->bytes);
    buf_add_char(out, '\n');
}

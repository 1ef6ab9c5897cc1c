/*
 * Messages: blocks that bring something along: images, documents, search results.
 */
#include "dialect/anthropic_messages.h"

static status read_base64(struct decode *d, const struct jspan *source, struct chat_part *p)
{
    status s = decode_need_str(d, source, "media_type", &p->media_type);
    return s ? s : decode_need_str(d, source, "data", &p->data);
}

static status read_url(struct decode *d, const struct jspan *source, struct chat_part *p)
{
    status s = decode_need_str(d, source, "url", &p->url);

    if (s)
        return s;
    return decode_is_address(p->url)
               ? OK
               : decode_invalid(d, source, "url", "expected an http(s) address");
}

static status no_stored_files(struct decode *d, const struct jspan *source)
{
    return decode_unsupported(d, source, "file_id",
                              "stored files are not available here; send the content in base64");
}

status anthropic_messages_decode_image(struct decode *d, const struct jspan *block,
                                       struct chat_part ***at)
{
    const struct jspan *source = jspan_get(block, "source"), *type = jspan_get(source, "type");

    if (!jspan_is(source, JSPAN_OBJECT))
        return decode_invalid(d, block, "source", "expected an object");
    if (jspan_says(type, "file"))
        return no_stored_files(d, source);
    struct chat_part *p = chat_add_part(d->arena, at, CHAT_IMAGE);
    if (!p)
        return E_NOMEM;
    if (jspan_says(type, "base64"))
        return read_base64(d, source, p);
    if (jspan_says(type, "url"))
        return read_url(d, source, p);
    return decode_invalid(d, source, "type", "expected base64, url or file");
}

/* --- documents ------------------------------------------------------------------------------- */

/* A document given as blocks: its text is the document, its images stand behind it. */
static status read_blocks(struct decode *d, const struct jspan *source, struct chat_part *document,
                          struct chat_part ***at)
{
    struct chat_part *parts = NULL, **inside = &parts;
    status s = anthropic_messages_decode_content(d, jspan_get(source, "content"), &inside);

    if (s)
        return s;
    document->media_type = STR("text/plain");
    document->text = chat_parts_text(d->arena, parts, "\n");
    while (parts) {
        struct chat_part *next = parts->next;
        if (parts->kind == CHAT_IMAGE) {
            **at = parts;
            *at = &parts->next;
        }
        parts = next;
    }
    **at = NULL;
    return document->text.p ? OK : E_NOMEM;
}

static status read_source(struct decode *d, const struct jspan *source, struct chat_part *p,
                          struct chat_part ***at)
{
    const struct jspan *type = jspan_get(source, "type");

    if (jspan_says(type, "base64"))
        return read_base64(d, source, p);
    if (jspan_says(type, "url")) {
        p->media_type = STR("application/pdf");
        return read_url(d, source, p);
    }
    if (jspan_says(type, "text")) {
        p->media_type = STR("text/plain");
        return decode_need_str(d, source, "data", &p->text);
    }
    if (jspan_says(type, "content") && !jspan_none(jspan_get(source, "content")))
        return read_blocks(d, source, p, at);
    return decode_invalid(d, source, "type", "expected base64, text, content, url or file");
}

status anthropic_messages_decode_document(struct decode *d, const struct jspan *block,
                                          struct chat_part ***at)
{
    const struct jspan *source = jspan_get(block, "source");
    const struct jspan *citations = jspan_get(block, "citations");

    if (!jspan_is(source, JSPAN_OBJECT))
        return decode_invalid(d, block, "source", "expected an object");
    if (!jspan_none(jspan_get(block, "context")))
        decode_drop(d, "document", STR("context"));
    if (jspan_says(jspan_get(source, "type"), "file"))
        return no_stored_files(d, source);
    struct chat_part *p = chat_add_part(d->arena, at, CHAT_DOCUMENT);
    if (!p)
        return E_NOMEM;
    p->cite = jspan_true(jspan_get(citations, "enabled"));
    status s = decode_str(d, block, "title", &p->name);
    return s ? s : read_source(d, source, p, at);
}

/* --- search results -------------------------------------------------------------------------- */

/* No other API has them: title, source and text go as one text, the citations are lost. */
status anthropic_messages_decode_search_result(struct decode *d, const struct jspan *block,
                                               struct chat_part ***at)
{
    struct chat_part *parts = NULL, **inside = &parts;
    struct str title = STR_NONE, source = STR_NONE;
    const struct jspan *content = jspan_get(block, "content");

    if (jspan_none(content))
        return decode_invalid(d, block, "content", "this field is required");
    status s = anthropic_messages_decode_content(d, content, &inside);
    if (!s)
        s = decode_str(d, block, "title", &title);
    if (!s)
        s = decode_str(d, block, "source", &source);
    if (s)
        return s;
    decode_drop(d, NULL, STR("search_result"));
    struct str text = chat_parts_text(d->arena, parts, "\n");
    struct str whole = arena_printf(d->arena, "%.*s\n%.*s\n\n%.*s", STR_ARG(title), STR_ARG(source),
                                    STR_ARG(text));
    return whole.p && decode_add_text(d, at, whole) ? OK : E_NOMEM;
}

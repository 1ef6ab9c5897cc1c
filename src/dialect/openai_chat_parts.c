/*
 * Chat completions: the parts of a message's content.
 */
#include "dialect/openai_chat.h"

typedef status part_reader(struct decode *d, const struct jspan *part, struct chat_part ***at);

static status read_text(struct decode *d, const struct jspan *part, struct chat_part ***at)
{
    struct chat_part *p = decode_add_text(d, at, STR_NONE);

    if (!p)
        return E_NOMEM;
    if (jspan_none(jspan_get(part, "text")))
        return decode_invalid(d, part, "text", "this field is required");
    return decode_text(d, jspan_get(part, "text"), &p->text);
}

static status read_refusal(struct decode *d, const struct jspan *part, struct chat_part ***at)
{
    struct chat_part *p = chat_add_part(d->arena, at, CHAT_REFUSAL);
    return p ? decode_str(d, part, "refusal", &p->text) : E_NOMEM;
}

/* {"image_url":{"url":..,"detail":..}}, or the address alone. */
static status read_image(struct decode *d, const struct jspan *part, struct chat_part ***at)
{
    const struct jspan *image = jspan_get(part, "image_url");
    struct chat_part *p = chat_add_part(d->arena, at, CHAT_IMAGE);
    struct str url;
    status s;

    if (!p)
        return E_NOMEM;
    if (!image)
        return decode_invalid(d, part, "image_url", "this field is required");
    if (jspan_is(image, JSPAN_STRING)) {
        s = decode_text(d, image, &url);
    } else if (jspan_is(image, JSPAN_OBJECT)) {
        s = decode_need_str(d, image, "url", &url);
        if (!s)
            s = decode_str(d, image, "detail", &p->detail);
    } else {
        return decode_wrong_type(d, image, "an object");
    }
    if (s || decode_data_url(url, &p->media_type, &p->data))
        return s;
    if (!decode_is_address(url))
        return decode_invalid(d, image, jspan_is(image, JSPAN_OBJECT) ? "url" : NULL,
                              "expected a base64 data URL or an http(s) address");
    p->url = url;
    return OK;
}

/* `file_data` is a data URL in the API's own examples, plain base64 or an address elsewhere. */
static status read_file(struct decode *d, const struct jspan *part, struct chat_part ***at)
{
    const struct jspan *file = jspan_get(part, "file");
    struct str bytes = STR_NONE;

    if (!jspan_is(file, JSPAN_OBJECT))
        return decode_invalid(d, part, "file", "expected an object");
    if (!jspan_none(jspan_get(file, "file_id")))
        return decode_unsupported(d, file, "file_id",
                                  "stored files are not available here; send file_data");
    status s = decode_need_str(d, file, "file_data", &bytes);
    if (s)
        return s;
    struct chat_part *p = chat_add_part(d->arena, at, CHAT_DOCUMENT);
    if (!p)
        return E_NOMEM;
    if (decode_is_address(bytes)) {
        p->url = bytes;
    } else if (!decode_data_url(bytes, &p->media_type, &p->data)) {
        p->media_type = STR("application/pdf");
        p->data = bytes;
    }
    return decode_str(d, file, "filename", &p->name);
}

static status read_audio(struct decode *d, const struct jspan *part, struct chat_part ***at)
{
    const struct jspan *audio = jspan_get(part, "input_audio");
    struct chat_part *p = chat_add_part(d->arena, at, CHAT_AUDIO);
    struct str format;

    if (!p)
        return E_NOMEM;
    if (!jspan_is(audio, JSPAN_OBJECT))
        return decode_invalid(d, part, "input_audio", "expected an object");
    status s = decode_need_str(d, audio, "data", &p->data);
    if (!s)
        s = decode_need_str(d, audio, "format", &format);
    if (s)
        return s;
    p->media_type = str_is(format, "mp3") ? STR("audio/mpeg")
                                          : arena_printf(d->arena, "audio/%.*s", STR_ARG(format));
    return p->media_type.p ? OK : E_NOMEM;
}

static part_reader *reader_of(const struct jspan *type)
{
    static const struct {
        const char *type;
        part_reader *read;
    } rows[] = {
        {"text", read_text},       {"image_url", read_image},   {"file", read_file},
        {"refusal", read_refusal}, {"input_audio", read_audio},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (jspan_says(type, rows[i].type))
            return rows[i].read;
    return NULL;
}

static status read_part(struct decode *d, const struct jspan *part, struct chat_part ***at)
{
    struct chat_part **made = *at;

    if (!jspan_is(part, JSPAN_OBJECT))
        return decode_wrong_type(d, part, "an object");
    part_reader *read = reader_of(jspan_get(part, "type"));
    if (!read)
        return decode_invalid(d, part, "type",
                              "expected text, image_url, file, refusal or input_audio");
    status s = read(d, part, at);
    if (!s && *made)
        s = decode_cache(d, part, &(*made)->cache);
    return s;
}

status openai_chat_decode_parts(struct decode *d, const struct jspan *list, struct chat_part ***at)
{
    status s = OK;

    for (const struct jspan *n = jspan_first(list); n && !s; n = n->next)
        s = read_part(d, n, at);
    return s;
}

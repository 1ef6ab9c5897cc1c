/*
 * Responses: the parts of an item's content, or of a tool's output.
 */
#include "dialect/openai_responses.h"

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

static status no_files(struct decode *d, const struct jspan *part)
{
    return decode_unsupported(d, part, "file_id",
                              "stored files are not available here; send the content");
}

/* `image_url` is a string here; an object, as chat completions have it, is understood too. */
static status read_image(struct decode *d, const struct jspan *part, struct chat_part ***at)
{
    const struct jspan *image = jspan_get(part, "image_url");
    struct str url;

    if (jspan_none(image) && !jspan_none(jspan_get(part, "file_id")))
        return no_files(d, part);
    struct chat_part *p = chat_add_part(d->arena, at, CHAT_IMAGE);
    if (!p)
        return E_NOMEM;
    status s = jspan_is(image, JSPAN_OBJECT) ? decode_need_str(d, image, "url", &url)
                                             : decode_need_str(d, part, "image_url", &url);
    if (!s)
        s = decode_str(d, part, "detail", &p->detail);
    if (s || decode_data_url(url, &p->media_type, &p->data))
        return s;
    if (!decode_is_address(url))
        return decode_invalid(d, part, "image_url",
                              "expected a base64 data URL or an http(s) address");
    p->url = url;
    return OK;
}

static status read_file_bytes(struct decode *d, const struct jspan *part, struct chat_part *p)
{
    struct str bytes;
    status s = decode_need_str(d, part, "file_data", &bytes);

    if (s || decode_data_url(bytes, &p->media_type, &p->data))
        return s;
    p->media_type = STR("application/pdf");
    p->data = bytes;
    return OK;
}

static status read_file(struct decode *d, const struct jspan *part, struct chat_part ***at)
{
    const struct jspan *url = jspan_get(part, "file_url");

    if (!jspan_none(jspan_get(part, "file_id")))
        return no_files(d, part);
    struct chat_part *p = chat_add_part(d->arena, at, CHAT_DOCUMENT);
    if (!p)
        return E_NOMEM;
    status s = jspan_none(url) ? read_file_bytes(d, part, p) : decode_text(d, url, &p->url);
    return s ? s : decode_str(d, part, "filename", &p->name);
}

static status read_audio(struct decode *d, const struct jspan *part, struct chat_part ***at)
{
    const struct jspan *audio = jspan_get(part, "input_audio");
    struct chat_part *p = chat_add_part(d->arena, at, CHAT_AUDIO);
    struct str format = STR_NONE;

    if (!p)
        return E_NOMEM;
    if (!jspan_is(audio, JSPAN_OBJECT))
        return decode_invalid(d, part, "input_audio", "expected an object");
    status s = decode_need_str(d, audio, "data", &p->data);
    if (!s)
        s = decode_need_str(d, audio, "format", &format);
    p->media_type = str_is(format, "mp3") ? STR("audio/mpeg")
                                          : arena_printf(d->arena, "audio/%.*s", STR_ARG(format));
    if (s)
        return s;
    return p->media_type.p ? OK : E_NOMEM;
}

static part_reader *reader_of(const struct jspan *type)
{
    static const struct {
        const char *type;
        part_reader *read;
    } rows[] = {
        {"input_text", read_text},   {"output_text", read_text}, {"text", read_text},
        {"input_image", read_image}, {"input_file", read_file},  {"refusal", read_refusal},
        {"input_audio", read_audio},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (jspan_says(type, rows[i].type))
            return rows[i].read;
    return NULL;
}

static status read_part(struct decode *d, const struct jspan *part, struct chat_part ***at)
{
    if (!jspan_is(part, JSPAN_OBJECT))
        return decode_wrong_type(d, part, "an object");
    part_reader *read = reader_of(jspan_get(part, "type"));
    if (!read)
        return decode_invalid(d, part, "type",
                              "expected input_text, input_image, input_file, input_audio, "
                              "output_text or refusal");
    return read(d, part, at);
}

status openai_responses_decode_content(struct decode *d, const struct jspan *content,
                                       struct chat_part ***at)
{
    status s = OK;

    if (jspan_is(content, JSPAN_STRING)) {
        struct chat_part *p = decode_add_text(d, at, STR_NONE);
        return p ? decode_text(d, content, &p->text) : E_NOMEM;
    }
    if (!jspan_is(content, JSPAN_ARRAY))
        return decode_wrong_type(d, content, "a string or an array of parts");
    for (const struct jspan *n = jspan_first(content); n && !s; n = n->next)
        s = read_part(d, n, at);
    return s;
}

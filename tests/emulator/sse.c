/* Server-sent events. See sse.h. */
#include "sse.h"

#include "settings.h"

void sse_write(struct buf *out, const char *text, const char *ending)
{
    const char *wanted = settings.sse_line_ending;

    if (wanted)
        ending = wanted;
    buf_text(out, "data: ");
    buf_text(out, text);
    buf_text(out, ending);
    buf_text(out, ending);
}

void sse_event(struct exchange *x, const char *text, const char *ending, unsigned delay_ms)
{
    sse_write(&x->reply.bytes, text, ending);
    reply_event(&x->reply, delay_ms);
}

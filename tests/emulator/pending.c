/* Families that are still to come: they answer 501. */
#include "inference.h"

static void pending_refuse(struct exchange *x, unsigned status, const char *message)
{
    reply_json(&x->reply, status, "{'message':%q}", message);
}

const struct family invoke_family = {"bedrock-invoke", pending_refuse, NULL};
const struct family converse_family = {"bedrock-converse", pending_refuse, NULL};
const struct family vertex_family = {"vertex-gemini", pending_refuse, NULL};

void invoke_answer(struct exchange *x, bool stream)
{
    (void)stream;
    pending_refuse(x, 501, "not yet");
}

void converse_answer(struct exchange *x, bool stream)
{
    (void)stream;
    pending_refuse(x, 501, "not yet");
}

void vertex_answer(struct exchange *x, const char *verb)
{
    (void)verb;
    pending_refuse(x, 501, "not yet");
}

/* Answers of Claude in the Anthropic shape, as /invoke sends them. */
#ifndef EMULATOR_INVOKE_RENDER_H
#define EMULATOR_INVOKE_RENDER_H

#include "answer.h"

void invoke_render(struct exchange *x, const struct convo *c, const struct answer *a, bool stream);

#endif

/*
 * Citations in the words of OpenAI's APIs, which have one for the web alone: url_citation. Places are
 * characters of the text. Documents and named search results of a request are files of the vendor's
 * there, so citations of them are left out, which the log says once for an answer.
 *
 * Wire: OpenAI API reference, "ChatCompletionMessage.annotations", "Responses, output_text".
 */
#ifndef CORELAY_DIALECT_OPENAI_CITATION_H
#define CORELAY_DIALECT_OPENAI_CITATION_H

#include "base/jwrite.h"
#include "chat/citation.h"

/* Can it be told? If not, this is logged unless `*told` says that it was; NULL: do not. */
bool openai_citation_fits(const struct chat_citation *citation, bool *told);

/* {"type":"url_citation","url_citation":{..}}. `before`: characters of the message in front of the
   block. */
void openai_citation_write_nested(struct jwrite *w, const struct chat_citation *citation,
                                  size_t before);
/* {"type":"url_citation",..}, as in the Responses API. */
void openai_citation_write_flat(struct jwrite *w, const struct chat_citation *citation);

#endif

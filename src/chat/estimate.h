/*
 * A token estimate, for count_tokens and for streams that begin with a count.
 *
 * SAP AI Core counts only what it answers, so there is nobody to ask. Measured against the o200k
 * vocabulary (GPT) and the one that Anthropic published (Claude 2), without any margin: the median of
 * each kind of text is off by 10 % at most for English, code, JSON and logs, by 17 % for the other
 * languages it was fitted to; a single text by up to 30 %, base64 too. doc/token-estimate.md has the
 * table and how it was measured.
 */
#ifndef CORELAY_CHAT_ESTIMATE_H
#define CORELAY_CHAT_ESTIMATE_H

#include "chat/request.h"

/* Tokens of the whole request (texts, tools, images) for the family of models that `model` belongs
   to; at least 1. Rather too high than too low: clients that compact their history by it should do
   so early. */
int64_t chat_estimate_tokens(const struct chat_request *r, struct str model);

/* Does the request come to as many tokens? Of long requests only the length is looked at. */
bool chat_estimate_reaches(const struct chat_request *r, struct str model, int64_t tokens);

/* Tokens of one text, without any margin. */
int64_t chat_estimate_text(struct str text, struct str model);

#endif

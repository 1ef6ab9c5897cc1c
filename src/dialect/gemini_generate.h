/*
 * The pieces of the Gemini dialect, for each other only; the face of it are the constants
 * dialect_gemini_generate, embed_gemini_one and embed_gemini_batch in dialect/dialect.h.
 */
#ifndef CORELAY_DIALECT_GEMINI_GENERATE_H
#define CORELAY_DIALECT_GEMINI_GENERATE_H

#include "base/jwrite.h"
#include "dialect/decode.h"
#include "dialect/dialect.h"

/* --- text that grows in an arena by doubling, so that n pieces cost O(total) ------------------- */

struct gemini_text {
    char *p;
    size_t n, cap;
};

status gemini_text_add(struct arena *arena, struct gemini_text *text, struct str piece);

static inline struct str gemini_text_str(const struct gemini_text *text)
{
    return (struct str){text->p, text->n};
}

/* --- members: the API's JSON takes every name in camelCase and in snake_case ------------------- */

/* The member of that camelCase name, in either spelling; of several the last. NULL: none. */
const struct jspan *gemini_get(const struct jspan *object, const char *name);

/* As decode_fields; a member that no row names is declared as "prefix.name". */
status gemini_fields(struct decode *d, const struct jspan *object, const char *prefix,
                     const struct decode_field *fields, size_t count);

/* Repeated members may be given as one object: the first of them, and the one behind. */
const struct jspan *gemini_first(const struct jspan *value);
const struct jspan *gemini_next(const struct jspan *value, const struct jspan *n);

/* --- requests ---------------------------------------------------------------------------------- */

status gemini_generate_decode(struct arena *arena, const struct jspan *body,
                              struct chat_request *out, struct dropped *dropped,
                              struct chat_error *err);
/* The member `systemInstruction`: a text or a content, whatever role it names. */
status gemini_decode_system(struct decode *d, const struct jspan *value);
/* The member `contents`, behind the system message. */
status gemini_decode_contents(struct decode *d, const struct jspan *value);
/* What a part that is no call and no result says, appended to `*at`: text, media, thinking. */
status gemini_decode_part(struct decode *d, const struct jspan *part, struct chat_part ***at);
/* inlineData and fileData, appended to `*at`. */
status gemini_decode_inline(struct decode *d, const struct jspan *data, struct chat_part ***at);
status gemini_decode_file(struct decode *d, const struct jspan *file, struct chat_part ***at);
/* The member `generationConfig`. */
status gemini_decode_options(struct decode *d, const struct jspan *value);
status gemini_decode_tools(struct decode *d, const struct jspan *value);
status gemini_decode_choice(struct decode *d, const struct jspan *value);
/* Google's Schema (types in capitals, nullable, numbers as strings) as JSON Schema. */
status gemini_decode_schema(struct decode *d, const struct jspan *value, struct str *out);

/* --- signatures: bytes in base64 on this wire (see gemini_generate_signature.c) ----------------- */

enum gemini_kept { GEMINI_SIGNATURE, GEMINI_REDACTED, GEMINI_THOUGHTS };

/* An opaque value as a thoughtSignature. The pointer is NULL when out of memory. */
struct str gemini_pack(struct arena *arena, enum gemini_kept kind, struct str value);
/* What a thoughtSignature of ours holds, or one that is not ours, as a SIGNATURE. Unset when it
   says nothing (clients put a placeholder where they have none). */
struct str gemini_unpack(struct arena *arena, struct str shown, enum gemini_kept *kind);
/* The same for signatures of thinking, which say who made them (chat/request.h, CHAT_MARK). */
struct str gemini_pack_thought(struct arena *arena, struct str signature);
struct str gemini_unpack_thought(struct arena *arena, struct str shown, enum gemini_kept *kind);

/* --- answers ----------------------------------------------------------------------------------- */

struct chat_sink *gemini_generate_stream(struct arena *arena, const struct dialect_reply *reply,
                                         struct buf *out);
status gemini_generate_render(struct arena *arena, const struct dialect_reply *reply,
                              const struct chat_answer *answer, struct buf *out);
void gemini_generate_error(const struct chat_error *err, struct str request_id, struct buf *out);
void gemini_generate_stream_error(const struct chat_error *err, struct str request_id,
                                  struct buf *out);
void gemini_generate_count(int64_t tokens, struct buf *out);

/* One part each; `signature` is unset or as it is shown. */
void gemini_write_text(struct jwrite *w, struct str text, bool thought, struct str signature);
status gemini_write_call(struct arena *arena, struct jwrite *w, struct str id, struct str name,
                         struct str arguments, struct str signature);
/* "finishReason" and what belongs to it. */
void gemini_write_stop(struct jwrite *w, enum chat_stop stop);
/* "usageMetadata", in which thinking is no part of the candidates. */
void gemini_write_usage(struct jwrite *w, const struct chat_usage *usage);
/* "logprobsResult" from OpenAI's array; nothing when it is none. */
void gemini_write_logprobs(struct arena *arena, struct jwrite *w, struct str logprobs);

/* --- sources (gemini_generate_grounding.c) ------------------------------------------------------ */

/* What a candidate cites; zeroed to begin with. */
struct gemini_sources {
    size_t said, before; /* bytes of text so far; and in front of the open block */
    struct chat_citation *first, **end;
};

/* A text block opens, says a piece, and cites (E_NOMEM). */
void gemini_sources_open(struct gemini_sources *sources);
void gemini_sources_say(struct gemini_sources *sources, struct str text);
status gemini_sources_add(struct arena *arena, struct gemini_sources *sources,
                          const struct chat_citation *citation);
/* "groundingMetadata", if anything is cited. */
void gemini_write_grounding(struct jwrite *w, const struct gemini_sources *sources);

/* Longer thoughts are not worth their price in every later request. */
enum { GEMINI_KEPT_BYTES = 64 * 1024 };

/* Thinking that a call has to bring back, since clients keep the signature of a call and nothing of
   the thinking in front of it. */
struct gemini_thoughts {
    struct gemini_text list; /* JSON objects, separated by commas */
};

/* Note a block that was signed, or redacted (`redacted` set, the others not). */
status gemini_thoughts_add(struct arena *arena, struct gemini_thoughts *t, struct str text,
                           struct str signature, struct str redacted);
/* The thoughtSignature of the next call: its own, or the thoughts so far, which are forgotten. */
status gemini_thoughts_sign(struct arena *arena, struct gemini_thoughts *t, struct str own,
                            struct str *out);
/* Parts made of such thoughts, appended to `*at`; what is damaged adds none. */
status gemini_thoughts_read(struct decode *d, struct str list, struct chat_part ***at);

#endif

/*
 * Between the files of the Gemini family; everybody else sees family_vertex_gemini.
 */
#ifndef CORELAY_FAMILY_VERTEX_GEMINI_H
#define CORELAY_FAMILY_VERTEX_GEMINI_H

#include "base/jwrite.h"
#include "family/family.h"

extern const struct family_embed gemini_embed;

/* The model's name as it stands in the path: without the version behind a colon. */
struct str gemini_path_name(const struct family_model *model);

/* What Google documents for calls whose signature is lost (made by another model, or by a client
   that does not keep it): ai.google.dev, "Thought signatures", 2026-09. */
#define GEMINI_NO_SIGNATURE "skip_thought_signature_validator"

/* A caller's own request in the stricter forms of Vertex AI. E_NOMEM. */
status gemini_fit_lane(struct arena *arena, struct jspan *body);

/* As family.encode. */
status gemini_encode(struct arena *arena, const struct chat_request *request,
                     const struct family_call *call, struct buf *out, struct dropped *dropped,
                     struct chat_error *err);

/* "contents" and "systemInstruction", inside an open object. E_SYNTAX with `*err` for parts that
   have no place in them. */
status gemini_write_contents(struct arena *arena, const struct chat_request *request,
                             const struct family_model *model, struct jwrite *w,
                             struct chat_error *err);

/* A JSON schema (JSON text) as the subset of OpenAPI that Vertex AI takes, written as a value.
   References are resolved (to a limit), constants become enums, null types become nullable; what
   only narrows values and is not known there is left out. E_NOMEM, E_SYNTAX when it is no JSON. */
status gemini_write_schema(struct arena *arena, struct str schema, struct jwrite *w);
/* Does the schema describe an object without any member? Vertex AI wants none at all then. */
bool gemini_schema_is_empty(struct arena *arena, struct str schema);

/* As in family.h. */
struct family_reader *gemini_reader_new(struct arena *arena, const struct family_call *call,
                                        struct chat_sink *sink);
status gemini_read_frame(struct family_reader *reader, struct arena *scratch,
                         const struct frame *frame);
status gemini_read_whole(struct family_reader *reader, struct arena *scratch, struct str body);
status gemini_read_end(struct family_reader *reader);
void gemini_relay(struct family_reader *reader, const struct frame *frame, struct buf *out);

#endif

/*
 * A family: one kind of upstream behind SAP AI Core. One file (or a few), one exported constant, one
 * row in family.c.
 *
 * A family says where to send (path), what (encode, prepare), and what comes back means (reader).
 * It knows nothing of dialects, HTTP connections or accounts.
 */
#ifndef CORELAY_FAMILY_FAMILY_H
#define CORELAY_FAMILY_FAMILY_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/jspan.h"
#include "chat/dropped.h"
#include "chat/embed.h"
#include "chat/error.h"
#include "chat/event.h"
#include "chat/request.h"
#include "chat/rerank.h"
#include "family/frames.h"
#include "family/model.h"

struct orchestration_profile; /* family/orchestration_profile.h */

/* One call to one target. Borrowed for the life of the exchange. */
struct family_call {
    const struct family_model *model;
    const struct orchestration_profile
        *profile; /* orchestration: what stands around the model; NULL:
                                                    nothing */
    bool stream;
    bool lane;          /* the caller speaks this family's own wire */
    bool include_usage; /* chat completions: the caller asked for the usage chunk */
    unsigned choices;   /* answers asked for; 0 counts as one */
    struct str betas;   /* the caller's anthropic-beta header, may be unset */
    struct str below;   /* responses: what stands behind the API's path, "/ID/cancel"; else unset */
    struct str query;   /* and what behind its own parameters: "&limit=2"; else unset */
};

/* Turns frames into events. Families embed it as first member of their own state. */
struct family_reader {
    struct arena *arena; /* lives as long as the exchange: keep little in it per frame */
    struct chat_sink *sink;
    const struct family_call *call;
};

struct family_embed {
    /* How many inputs the model takes in one call, at least 1. A request with more is split: encode
       and decode see one part. */
    size_t (*batch)(const struct family_model *model);
    void (*path)(const struct family_call *call, struct buf *out);
    status (*encode)(struct arena *arena, const struct embed_request *request,
                     const struct family_call *call, struct buf *out, struct dropped *dropped,
                     struct chat_error *err);
    /* E_SYNTAX when the body is not an embeddings answer. The vectors borrow from `body`. */
    status (*decode)(struct arena *arena, const struct embed_request *request, struct str body,
                     struct embed_answer *out);
};

struct family_rerank {
    void (*path)(const struct family_call *call, struct buf *out);
    status (*encode)(const struct rerank_request *request, const struct family_call *call,
                     struct buf *out);
    /* E_SYNTAX when the body is not an answer to this request. Borrows from `body`. */
    status (*decode)(struct arena *arena, const struct rerank_request *request, struct str body,
                     struct rerank_answer *out);
};

struct family {
    const char *name; /* "azure-openai", "bedrock-invoke", ...: for configuration and records */
    enum chat_wire wire;

    /* The URL behind the deployment's own: "/chat/completions?api-version=..." */
    void (*path)(const struct family_call *call, struct buf *out);

    /* The hub's request as the family's JSON. E_SYNTAX with `*err` when the family cannot do what
       was asked; what is left out without changing the meaning goes into `dropped`. NULL: none. */
    status (*encode)(struct arena *arena, const struct chat_request *request,
                     const struct family_call *call, struct buf *out, struct dropped *dropped,
                     struct chat_error *err);

    /* The named rewrites: applied to every body on its way up, the caller's own (lane) or an encoded
       one. What no row names stays byte for byte. */
    status (*prepare)(struct arena *arena, struct jspan *body, const struct family_call *call,
                      struct dropped *dropped, struct chat_error *err);

    /* A reader that pushes events to `sink`. NULL when out of memory. */
    struct family_reader *(*reader)(struct arena *arena, const struct family_call *call,
                                    struct chat_sink *sink);

    /* One frame of a stream; a whole (non-stream) body. E_SYNTAX when it makes no sense. An error
       that upstream reports in it becomes an ERROR event and OK is returned.
       `scratch` lives for this call only. */
    status (*read_frame)(struct family_reader *reader, struct arena *scratch,
                         const struct frame *frame);
    status (*read_whole)(struct family_reader *reader, struct arena *scratch, struct str body);

    /* The body has ended: closes what is open and pushes STOP if the stream was complete. E_SYNTAX
       when it was cut short (the exchange makes the error of it). */
    status (*read_end)(struct family_reader *reader);

    /* An HTTP error that says that a filter stopped the request (kind CONTENT_FILTER): pushes it as
       the answer that it is, a filtered one. NULL: it stays an error. */
    status (*read_refused)(struct family_reader *reader, const struct chat_error *err);

    /* The lane's way back: append to `out` what a caller of the same wire gets for this frame (called
       behind read_frame): most often the frame as it came, sometimes nothing. NULL: no lane. */
    void (*relay)(struct family_reader *reader, const struct frame *frame, struct buf *out);
    /* The same for a whole answer (behind read_whole): `body`, or other text in `arena`. NULL: as it
       came. */
    struct str (*relay_whole)(const struct family_reader *reader, struct arena *arena,
                              struct str body);

    /* Can this body take the lane? False: it is translated though the wire is the same, since it
       holds what upstream refuses and a translation can carry. NULL: every body can. */
    bool (*lane_fits)(const struct jspan *body);

    /* The lane's last frame when the stream broke after it had begun, for wires whose frames follow
       from those before. False (and nothing written) when none came before. NULL: the dialect's
       stream_error will do. */
    bool (*relay_error)(const struct family_reader *reader, const struct chat_error *err,
                        struct buf *out);

    bool cites_documents; /* encode asks for citations of documents, or declares that it cannot */

    const struct family_embed *embed;   /* NULL: no embeddings */
    const struct family_rerank *rerank; /* NULL: orders no documents */
    bool predicts;                      /* takes tables (RPT), in its own words alone */
};

extern const struct family family_azure_openai;
extern const struct family family_azure_responses;
extern const struct family family_bedrock_invoke;
extern const struct family family_bedrock_converse;
extern const struct family family_bedrock_titan;
extern const struct family family_vertex_gemini;
extern const struct family family_openai_compatible;
extern const struct family family_cohere_rerank;
extern const struct family family_sap_rpt;
extern const struct family family_orchestration;
extern const struct family family_passthrough;

/* The family that answers for a deployment of this executable id (open set: unknown ids are served
   as openai-compatible) and model; `prefer` is the configuration's word for it or unset.
   NULL when `prefer` is no family. */
const struct family *family_pick(struct str executable, struct str model, struct str prefer);
/* The family for one call at a target of `family`: Azure OpenAI has two APIs at each deployment, and
   which one can do it depends on the caller's wire, on the model, and on whether the call has tools
   that may be thought over. */
const struct family *family_for(const struct family *family, const struct family_model *model,
                                enum chat_wire caller, bool tools);
/* By name; NULL if there is none. */
const struct family *family_find(struct str name);

#endif

/*
 * What decoders of all dialects share: reading members of a caller's JSON with a precise complaint.
 *
 * An error names the field as the caller would write it ("messages[2].content[0].type"); the path
 * is read off the span tree, so that nobody has to keep one while descending. Two kinds of refusal:
 * `decode_invalid` ends the decoding, `decode_unsupported` notes what this gateway cannot translate
 * and lets it go on, since the lane may carry it all the same.
 */
#ifndef CORELAY_DIALECT_DECODE_H
#define CORELAY_DIALECT_DECODE_H

#include "base/jspan.h"
#include "chat/dropped.h"
#include "chat/error.h"
#include "chat/request.h"

/* The calls seen so far, by id: a search through all messages for each result would take minutes
   for a body made for it. */
enum { DECODE_CALL_BUCKETS = 4096 };

struct decode_call {
    const struct chat_part *part;
    struct decode_call *next;
};

struct decode {
    struct arena *arena;
    struct chat_request *out;
    struct dropped *dropped;
    struct chat_error *err;     /* kind NONE until something is wrong */
    unsigned declared;          /* unknown fields named so far, see decode_undeclared */
    bool tools_lost;            /* a tool was dropped, so a choice may name it in vain */
    struct decode_call **calls; /* buckets; NULL until there is a call */
};

/* One member of an object that a dialect knows. `read` gets the value, never absent or null;
   a NULL `read` declares the member as dropped. */
struct decode_field {
    const char *name;
    status (*read)(struct decode *d, const struct jspan *value);
};

/* Read the members in the order of the table, and declare those that no row names. */
status decode_fields(struct decode *d, const struct jspan *object,
                     const struct decode_field *fields, size_t count);

/* The frame around them: an empty request in `out`; and a body that must be an object with the member
   `needed`. E_SYNTAX also for what a row has put into `err` without saying so. */
struct decode decode_begin(struct arena *arena, struct chat_request *out, struct dropped *dropped,
                           struct chat_error *err);
status decode_body(struct decode *d, const struct jspan *body, const char *needed,
                   const struct decode_field *fields, size_t count);

/* For rows whose member is understood and means nothing here. */
status decode_ignore(struct decode *d, const struct jspan *value);

/* A 400 about `member` of `at`, or about `at` itself when `member` is NULL. Returns E_SYNTAX. */
status decode_invalid(struct decode *d, const struct jspan *at, const char *member,
                      const char *format, ...) __attribute__((format(printf, 4, 5)));
/* "expected a string, but got null": for a value of the wrong type. Returns E_SYNTAX. */
status decode_wrong_type(struct decode *d, const struct jspan *value, const char *expected);
/* Note the first thing that cannot be translated; always OK. */
status decode_unsupported(struct decode *d, const struct jspan *at, const char *member,
                          const char *format, ...) __attribute__((format(printf, 4, 5)));

/* Declare "prefix.name" as dropped; `prefix` may be NULL. Bounded, however much there is. */
void decode_drop(struct decode *d, const char *prefix, struct str name);
/* Declare the members of `object` that the list (ended by NULL) does not name. */
void decode_undeclared(struct decode *d, const struct jspan *object, const char *prefix,
                       const char *const *known);

/* Members. Absent and null leave `*out` alone; a wrong type is E_SYNTAX. */
status decode_str(struct decode *d, const struct jspan *object, const char *name, struct str *out);
status decode_bool(struct decode *d, const struct jspan *object, const char *name, int *out);
status decode_int(struct decode *d, const struct jspan *object, const char *name, int64_t least,
                  int64_t *out);
/* A string that must be there and hold something. */
status decode_need_str(struct decode *d, const struct jspan *object, const char *name,
                       struct str *out);

/* Values. */
status decode_text(struct decode *d, const struct jspan *value, struct str *out);
status decode_number(struct decode *d, const struct jspan *value, struct str *out);
status decode_whole(struct decode *d, const struct jspan *value, int64_t least, int64_t *out);
status decode_flag(struct decode *d, const struct jspan *value, int *out);
/* A list of strings, appended to the stop sequences. */
status decode_stops(struct decode *d, const struct jspan *list);
status decode_effort(struct decode *d, const struct jspan *value, enum chat_effort *out);
/* {"type":"enabled","budget_tokens":..} | {"type":"adaptive"} | {"type":"disabled"}, "display". */
status decode_thinking(struct decode *d, const struct jspan *value);

/* The member `cache_control` of a part or tool. */
status decode_cache(struct decode *d, const struct jspan *object, struct chat_cache *out);

/* "data:image/png;base64,AAAA" into its two halves; false when it is no base64 data URL. */
bool decode_data_url(struct str url, struct str *media_type, struct str *data);
/* Is it an address that a family may be able to fetch (http, https, gs)? */
bool decode_is_address(struct str url);

/* Append a part with that text; NULL when out of memory. */
struct chat_part *decode_add_text(struct decode *d, struct chat_part ***at, struct str text);

/* Remember a TOOL_CALL part, whose id and name are set; E_NOMEM. Then the name that belongs to an
   id: that of the newest such call, unset if there was none. */
status decode_note_call(struct decode *d, const struct chat_part *call);
struct str decode_call_name(const struct decode *d, struct str id);
/* Which of DECODE_CALL_BUCKETS an id belongs in; another one in every request. */
size_t decode_bucket(const struct decode *d, struct str id);

/* Does the request's tool list hold that name? */
bool decode_has_tool(const struct chat_request *request, struct str name);

#endif

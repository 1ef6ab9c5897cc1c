/*
 * From a Python literal to JSON.
 *
 * SAP AI Core streams `/converse-stream` as SSE whose payload is what Python prints for a dict:
 * {'messageStop': {'stopReason': 'end_turn', 'note': None}}. Swapping quotes by search and replace
 * breaks on the first apostrophe, so this is a real parser. The grammar is what repr() prints of
 * dicts, lists, tuples, strings, bytes, numbers and the three words, and all of JSON beside it.
 */
#ifndef CORELAY_FAMILY_PYTHON_LITERAL_H
#define CORELAY_FAMILY_PYTHON_LITERAL_H

#include "base/arena.h"
#include "base/status.h"

/* One literal that fills `literal` (white space around it is allowed) as JSON text in `scratch`.

   Tuples become arrays; keys that are numbers or words become strings; nan and inf become null; a
   byte of b'..' becomes the character of that number; half a surrogate pair stays an escape. Text
   that is not UTF-8 is handed on as it is, for the JSON parser to refuse.
   E_SYNTAX when it is no literal or nests deeper than JSPAN_MAX_DEPTH, E_NOMEM. */
status python_literal_to_json(struct arena *scratch, struct str literal, struct str *json);

#endif

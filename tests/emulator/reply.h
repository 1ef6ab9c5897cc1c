/*
 * What goes back to the caller, rendered completely beforehand: status, headers and either a
 * plain body or a list of events, each with the pause before it. Faults are transformations
 * of this list, so that no family has to know them.
 */
#ifndef EMULATOR_REPLY_H
#define EMULATOR_REPLY_H

#include "pool.h"

enum { MAX_REPLY_HEADERS = 24 };

struct segment {
    size_t from, len;  /* in bytes.at */
    unsigned delay_ms; /* pause before */
    bool ends_event;
};

enum reply_ending {
    END_CLEAN, /* last chunk or the whole body */
    END_RESET, /* TCP reset after the last segment */
    END_HANG   /* nothing more, connection stays open */
};

struct reply {
    unsigned status;
    const char *names[MAX_REPLY_HEADERS], *values[MAX_REPLY_HEADERS];
    int header_count;
    struct buf bytes;

    bool streamed; /* chunked, by segments */
    struct segment *segments;
    size_t segment_count, segment_cap;
    size_t opening; /* events before the first that carries content */
    size_t event_from;

    unsigned first_delay_ms; /* before the status line */
    bool hang_before_headers, reset_before_headers;
    enum reply_ending ending;
};

void reply_header(struct reply *reply, const char *name, const char *value);

/* A plain answer with this body; replaces whatever was there. */
void reply_text(struct reply *reply, unsigned status, const char *type, const char *text);

/* The same with a JSON body by template, see buf_json(). */
void reply_json(struct reply *reply, unsigned status, const char *format, ...);

/* Begin a stream; then write into reply->bytes and end each event. */
void reply_open(struct reply *reply, const char *type);

/* All bytes since the last event are one event, sent delay_ms after the one before it. */
void reply_event(struct reply *reply, unsigned delay_ms);

/* The next event is the first with content. */
void reply_content_begins(struct reply *reply);

size_t reply_event_count(const struct reply *reply);

/* Keep the first n events only. */
void reply_cut(struct reply *reply, size_t events);

/* Let every byte be a write of its own. */
void reply_drip(struct reply *reply, unsigned delay_ms);

#endif

/* Verify: the log from its first record, applied to empty states, against everything else that claims to know
 * them.
 *
 *   with                     | at                           | says
 *   -------------------------+------------------------------+--------------------------------------------
 *   the log itself           | every frame                  | numbers and ring positions follow each
 *                            |                              | other; records are whole
 *   engines' digest records  | where each lies in the log   | engine and log agree
 *   the store's tables       | the store's marks            | each entity, byte by byte; entities missing
 *                            |                              | or too many; marks
 *   the store's ended tables | the store's marks            | each entity that left memory, as it left
 *   the store's timelines    | every record before the      | its row is there and the same
 *                            | marks                        |
 *   a live digest            | the log offset that it is of | replica (or an engine at rest) and log agree
 *
 * What retention has forgotten is not missed: an RFQ of which the store has nothing, if it left memory before
 * the first of those that are still to be forgotten. One that is half there, or younger, is.
 *
 * Where the first record was recycled already, nothing is older than the store's commit: then the states are
 * loaded from it, and what follows is verified; the report says so (from_start).
 *
 * Any thread, beside a running process: it reads a snapshot of the store and what is written of the log. It
 * blocks as long as the log is long (about a million records a second).
 */
#ifndef RFQD_STORAGE_VERIFY_H
#define RFQD_STORAGE_VERIFY_H

#include "storage/recovery.h"

struct verify_input {
    struct store *store; /* NULL: only the log */
    struct log *log;
    struct state *states[AGENTS_MAX]; /* just created, the caller's; afterwards at the log's end */
    /* A live digest, taken at one moment; offset 0: none. Sessions of agents without a state are not looked
     * at. */
    uint64_t live_offset;
    uint64_t live_digest[AGENTS_MAX];
    bool (*is_unwanted)(void *ctx); /* asked at every frame; true: give up. NULL: go on to the end */
    void *is_unwanted_ctx;
};

struct verify_difference {
    const char *table;   /* of the store, or "log", "digest", "marks" */
    uint64_t id;         /* of the entity; for the log and digests, the event's number */
    uint64_t log_offset; /* where it was seen */
    const char *what;    /* a sentence; holds until the visit returns */
};

struct verify_report {
    bool from_start;            /* false: from the store's commit on */
    bool complete;              /* false: it stopped at the first thing that made going on senseless */
    uint64_t first_offset, end; /* log offsets verified */
    uint64_t records, frames;
    uint64_t digests;  /* of engines compared */
    uint64_t entities; /* compared with the store, ended ones too */
    uint64_t rows;     /* of timelines compared */
    uint64_t differences;
};

/* OK: it ran, and `report->differences` says what came out. ERR_CLOSED: it was given up, unwanted. Others: it
 * could not (store_error). */
enum err verify_run(const struct verify_input *in, struct verify_report *report,
                    void (*differs)(void *ctx, const struct verify_difference *d), void *ctx) WARN_UNUSED;

#endif

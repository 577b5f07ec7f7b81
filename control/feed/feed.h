/* Feed: the log's records as the events that the outside sees (spec/50, spec/80). A record is at most one
 * event of the stream and at most one of the contract, under the record's own `seq`. Everything that an event
 * says is in its record, or in facts about its RFQ, quotes and LPs that never change: so an event that is
 * made again from the log, for a client that resumes or for a replay by time, is the same bytes.
 *
 *   stream    "event":NAME,"seq":n,"ts":"…","data":{…}}     what follows {"prev":p, in a WebSocket's frame
 *   contract  {"eventId":…,"eventType":…,"version":"1.0",…}  a line of GET /events, and of publishers
 *
 * `status` stands in the data of an event that moved it, and of no other. rfq:distributed tells of `quoted`
 * too, where the last delivery was settled by the quote.
 *
 * Owner: the control core. feed_applied is called for each batch that the replica applied; the follower gets
 * each event of it at once, with the replica's state as it is behind the batch. A reader goes through the log
 * from a seq or a time on, a bounded amount per call. It never waits for the disk: files are found, opened,
 * read and closed by a thread for each form (so that who resumes does not wait behind replays), a piece of
 * 1 MiB for one reader in its turn, and what was read is handed over whole (feed_read: FEED_WAITS meanwhile).
 *
 * Whose an event is, its RFQ says: who may see it is not known without it. A record names no RFQ that never
 * was, and each that was is found, in memory or in the store, until it is forgotten (retention_s). So where
 * it is not found, an event is missing, and it may be the reader's own, or of a tenant of whom the reader
 * never sees anything: that cannot be told apart. Where the store cannot be read now, the same. It is never
 * left out in silence:
 *
 *   live                 the follower gets it without text: who may have been meant is told to come back
 *   read behind a seq    the error ends it. ERR_NOT_FOUND: past retention, though the log still has it
 *   read from a time on  what is forgotten is left out, as what was recycled is; other errors end it
 *
 * wants() is asked first, with owner_unknown: who has asked for one RFQ only can do without the others. What
 * is of no RFQ and of no LP or taker either (a session that the configuration does not have any more) is no
 * event.
 *
 * Counters: rfqd_feed_{events,errors,read_again,fetches}_total, rfqd_feed_{readers,fetches_waiting}.
 */
#ifndef RFQD_CONTROL_FEED_H
#define RFQD_CONTROL_FEED_H

#include "control/node.h"
#include "control/view/view.h"

struct feed;

enum feed_form { FEED_STREAM, FEED_CONTRACT, FEED_FORMS };

/* That read at one time, each of 1 MiB; those that are closed count until their files are let go. */
#define FEED_READERS_MAX 128u

struct feed_event {
    uint64_t seq, time_ns;
    uint64_t rfq;            /* 0: of no RFQ: an LP's, a session's; for operators of the tenant */
    struct view_owner owner; /* who may see it */
    bool owner_unknown;      /* that could not be found: it may be anybody's, and has no text */
    uint64_t quote;          /* that a quote:received tells of; else 0 */
    uint64_t replaces;       /* the LP's quote that it takes the place of; 0: none */
    const char *name;        /* "rfq:status", "rfq.published": of the form asked for */
    const char *text;        /* its bytes, and how many; valid until the next event is made */
    size_t size;
};

/* wants: before it is made into text (text NULL): whether anybody does. take: its text NULL where it could
 * not be made: whoever was to get it, or may have been, must be told that it misses something. */
struct feed_follower {
    bool (*wants)(void *ctx, const struct feed_event *e);
    void (*take)(void *ctx, const struct feed_event *e);
    void *ctx;
};

/* own_threads: to read files on; false: in feed_poll (tests), with nothing that waits. Reads the log's oldest
 * record. ERR_MEMORY; ERR_IO: no thread could be had. */
enum err feed_create(struct feed **out, struct node *node, struct counters *counters,
                     bool own_threads) WARN_UNUSED;
void feed_destroy(struct feed *f); /* its readers are closed; waits for what the disk is asked for */
unsigned feed_poll(struct feed *f);
/* One follower of the stream: the WebSocket. */
void feed_follow(struct feed *f, const struct feed_follower *follower);
void feed_applied(struct feed *f, const struct batch *b, uint64_t first_seq, uint64_t end);

/* One record, wherever it comes from, as its event; out->name NULL: it is none in this form. epoch: of the
 * stream as the record was written, which its eventId names for good; 0: not known (history_row): the present
 * one. ERR_NOT_FOUND: its RFQ is forgotten. ERR_MEMORY; errors of the store. */
enum err feed_record(struct feed *f, enum feed_form form, const struct record *r, uint64_t epoch,
                     uint64_t seq, struct feed_event *out) WARN_UNUSED;
/* Is there such an event in this form? */
bool feed_has_event(enum feed_form form, const char *name);

/* The log's stream epoch, and the seq of the last record applied. */
uint64_t feed_epoch(const struct feed *f);
uint64_t feed_seq(const struct feed *f);
/* Whose an RFQ is. ERR_NOT_FOUND: it is none, or forgotten. ERR_MEMORY; errors of the store. */
enum err feed_owner(struct feed *f, uint64_t rfq, struct view_owner *out) WARN_UNUSED;

/* Reading again: the events after `since`, or those from a time on (0: all that are kept). ERR_NOT_FOUND:
 * past the log's retention: of a time, that something was recycled and all that is kept is later. ERR_RANGE:
 * from the future. ERR_FULL: FEED_READERS_MAX. ERR_MEMORY. Touches no file: what is wrong with the log,
 * feed_read says. */
struct feed_reader;
enum err feed_reader_open(struct feed_reader **out, struct feed *f, enum feed_form form,
                          uint64_t since) WARN_UNUSED;
enum err feed_reader_open_at(struct feed_reader **out, struct feed *f, enum feed_form form,
                             uint64_t from_ns) WARN_UNUSED;
void feed_reader_close(struct feed_reader *r); /* NULL is allowed */
/* Why there was no event. */
enum feed_reading {
    FEED_GOES_ON, /* none among so many batches */
    FEED_WAITS,   /* for its thread to read on: again at a later poll */
    FEED_END,     /* everything that the replica has applied was read; more may come */
};
/* The next event, of at most `frames` batches looked through; false: none, and *how. *e: OK, or why no more
 * can be read: ERR_NOT_FOUND: recycled before it was read, or its RFQ is forgotten; ERR_CORRUPT, ERR_IO,
 * ERR_MEMORY; errors of the store. wants: NULL, or as a follower's. */
bool feed_read(struct feed_reader *r, unsigned frames, bool (*wants)(void *ctx, const struct feed_event *e),
               void *ctx, struct feed_event *out, enum feed_reading *how, enum err *e);
/* The last record that it has looked at: one opened after it goes on where this one is. */
uint64_t feed_reader_seq(const struct feed_reader *r);

#endif

/* Feed: the log's records as the events that the outside sees (spec/50, spec/80). One record is none, one, or
 * a few events; all of one record have its `seq`. Everything an event says is in its record, or in facts about
 * its RFQ, quotes and LPs that never change: so an event that is rendered again from the log, for a client that
 * resumes or for a replay by time, is the same bytes.
 *
 *   stream    "event":NAME,"seq":n,"ts":"…","data":{…}}     what follows {"prev":p, in a WebSocket's frame
 *   contract  {"eventId":…,"eventType":…,"version":"1.0",…}  a line of GET /events, and of the publishers
 *
 * Owner: the control core. feed_applied is called for each batch that the replica applied; whoever follows
 * (feed_follow) gets each event at once, with the replica's state as it is behind the batch. feed_read goes
 * through the log from a seq on, by its own reader, a bounded amount per call.
 */
#ifndef RFQD_CONTROL_FEED_H
#define RFQD_CONTROL_FEED_H

#include "control/node.h"
#include "control/view/view.h"

struct feed;

/* X(constant, stream's name, contract's type): the list is in feed_names.h; both NULL where it is not in that
 * form. */
struct feed_event {
    uint64_t seq, time_ns;
    uint64_t rfq;            /* 0: of no RFQ: an LP's, a session's; for operators of the tenant */
    struct view_owner owner; /* who may see it, with `rfq` */
    const char *name;        /* of the stream: "rfq:status"; NULL: not streamed */
    const char *type;        /* of the contract: "rfq.published"; NULL: not in it */
    const char *stream;      /* the bytes, and how many; valid until the next event is made */
    size_t stream_size;
    const char *contract;
    size_t contract_size;
};

typedef void (*feed_follower)(void *ctx, const struct feed_event *e);

enum err feed_create(struct feed **out, struct node *node, struct counters *counters) WARN_UNUSED;
void feed_destroy(struct feed *f);
/* One follower: the WebSocket. */
void feed_follow(struct feed *f, feed_follower follower, void *ctx);
void feed_applied(struct feed *f, const struct batch *b, uint64_t first_seq, uint64_t end);

/* Epoch and seq: the stream epoch of the log, and the seq of the last record applied. */
uint64_t feed_epoch(const struct feed *f);
uint64_t feed_seq(const struct feed *f);

/* Reading again. since: the events after this seq. ERR_NOT_FOUND: past the log's retention. ERR_RANGE: from
 * the future. ERR_MEMORY. */
struct feed_reader;
enum err feed_reader_open(struct feed_reader **out, struct feed *f, uint64_t since) WARN_UNUSED;
/* The first event at or after a time. Errors as above. */
enum err feed_reader_open_at(struct feed_reader **out, struct feed *f, uint64_t from_ns) WARN_UNUSED;
void feed_reader_close(struct feed_reader *r);
/* Through the next frames, at most `frames` of them; visit returns false to stop after this event. *end: all
 * that the replica has applied was read. ERR_NOT_FOUND: recycled under it. */
enum err feed_read(struct feed_reader *r, unsigned frames, bool (*visit)(void *ctx, const struct feed_event *e),
                   void *ctx, bool *end) WARN_UNUSED;

#endif

/* Inside of the feed: how one record becomes an event, and who reads the log's files. Not a public face. */
#ifndef RFQD_CONTROL_FEED_INSIDE_H
#define RFQD_CONTROL_FEED_INSIDE_H

#include <pthread.h>
#include <semaphore.h>

#include "control/feed/feed.h"
#include "dataplane/core/mailbox.h"

#define OWNERS_CACHED    4096u /* of RFQs that are looked up again and again */
#define QUOTE_LPS_CACHED 8192u /* of quotes */
#define FETCHES_MAX      256u  /* asked for at one time */

static_assert(FETCHES_MAX >= FEED_READERS_MAX + 1, "one for each reader, and the look at the oldest record");
static_assert((FETCHES_MAX & (FETCHES_MAX - 1)) == 0, "counted without end");

struct quote_lp {
    uint64_t quote, lp;
};

/* What never changes, and where it is looked up. */
struct facts {
    struct replica *replica;
    struct view_owner *owners;  /* by a hash of the RFQ */
    struct quote_lp *quote_lps; /* by a hash of the quote */
};

/* As view_find_rfq. */
enum err facts_owner(struct facts *f, uint64_t rfq, struct view_owner *out) WARN_UNUSED;
const char *facts_lp(struct facts *f, uint64_t lp, char out[CODE_SIZE + 1]);
/* The LP that gave a quote. ERR_NOT_FOUND: forgotten with its RFQ. Errors of the store. */
enum err facts_quote_lp(struct facts *f, uint64_t rfq, uint64_t quote, uint64_t *lp) WARN_UNUSED;

/* event.c: name, rfq and owner of the event that a record is; its name is NULL: none, in this form. An error:
 * it is one, and whose is not known (feed.h). */
enum err event_of(struct facts *f, enum feed_form form, const struct record *r,
                  struct feed_event *out) WARN_UNUSED;
/* Its text, appended to j. ERR_MEMORY; as facts_quote_lp. */
enum err event_text(struct facts *f, enum feed_form form, const struct record *r, uint64_t epoch,
                    const struct feed_event *e, struct json *j) WARN_UNUSED;

/* fetch.c: one thing to be done where it may wait for the disk. From the asking to mailbox_free, what it is
 * about is the fetcher's, and nobody else touches it. */
struct fetch {
    struct mailbox box;
    void (*run)(void *ctx);
    void *ctx;
};

struct fetcher {
    struct fetch *queue[FETCHES_MAX];
    unsigned asked;                /* ever: the control core's */
    _Alignas(64) atomic_uint done; /* the thread's */
    sem_t waiting;
    atomic_bool stop;
    bool is_open, has_thread;
    pthread_t thread;
};

/* Zeroed before. own_thread false: in fetcher_poll. ERR_IO: no thread could be had. */
enum err fetcher_open(struct fetcher *f, bool own_thread) WARN_UNUSED;
/* What is being done is waited for, as long as the disk takes; what was only asked for is not done. */
void fetcher_close(struct fetcher *f);
/* Its box is free. */
void fetcher_ask(struct fetcher *f, struct fetch *x);
unsigned fetcher_poll(struct fetcher *f); /* how many were done in it */
unsigned fetcher_waiting(const struct fetcher *f);

/* Where in the log a seq is: a place each MARK_DISTANCE bytes, the newest MARKS_MAX of them. What is older
 * the log finds. */
#define MARK_DISTANCE 65536u
#define MARKS_MAX     16384u

struct mark {
    uint64_t seq, offset, time_ns; /* of a batch's first record; where its frame begins */
};

/* The oldest record that the log keeps, as a look at it found last. */
struct oldest {
    struct fetch look;
    uint64_t offset, seq; /* seq 0: it cannot be read */
    uint64_t time_ns;     /* of its batch */
};

struct feed {
    struct node *node;
    struct facts facts;
    struct feed_follower follower;
    struct json text;
    uint64_t seq, end; /* applied */
    struct mark *marks;
    uint64_t mark_count; /* ever made; the ring holds the last MARKS_MAX */
    struct oldest oldest;
    uint64_t oldest_offset, oldest_seq, oldest_ns; /* as it was before the look under way */
    struct fetcher fetchers[FEED_FORMS];
    struct feed_reader *readers, *leaving;
    unsigned reader_count; /* of both */
    counter_value *events, *errors, *read_again, *reader_gauge, *fetches, *fetching;
};

/* feed.c: the last mark that is at or before; false: all of them are behind. */
bool find_mark(const struct feed *f, bool by_time, uint64_t wanted, uint64_t *offset);
/* Its text into j, and with it the event. */
enum err make_text(struct feed *f, enum feed_form form, const struct record *r, uint64_t epoch,
                   struct json *j, struct feed_event *e) WARN_UNUSED;
void ask_fetch(struct feed *f, enum feed_form form, struct fetch *x);

/* reader.c */
/* Those that are closed, as far as their files have been let go. */
void readers_reap(struct feed *f);
void readers_end(struct feed *f); /* no fetcher runs any more */

#endif

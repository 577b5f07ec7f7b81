/* Log: the record. The log agent merges the rings of all agents, causally, into one sequence of frames on disk.
 *
 * A frame is one batch. Its offset is its place in the log counted in bytes from the first segment that ever was; its
 * first_seq the number of its first record: an event's `seq`. A batch is taken only when the record that caused it has been
 * taken, so that any prefix of the log is a consistent cut. Segments of LOG_SEGMENT_SIZE, written once with zeros, recycled by
 * rename; a frame never crosses segments (a pad frame fills the rest). io_uring write and fdatasync, never waited for, syncs at most
 * `sync_interval_ns` apart. The CRC covers instance, offset, header and bytes.
 *
 * Recovery of the tail, decided per frame:
 *
 *   frame            | below the durable mark        | at or above it
 *   -----------------+-------------------------------+-----------------------------------------------
 *   good             | take                          | take
 *   bad CRC or shape | ERR_CORRUPT, place named: stop | the log ends here: cut (new stream epoch if a mark or a
 *                    |                               | reader had seen beyond)
 *   older incarnation| ERR_CORRUPT                   | the log ends here (left over from before a cut)
 *
 * The durable mark lives in a file of its own, two slots with CRC, written after each sync (and itself made durable by the next
 * one): a lower bound of what was synced. `incarnation` counts openings, in each frame, and never decreases along the log.
 * A failed write or sync is never retried: the log fails for good (log_failed), acceptance stops.
 */
#ifndef RFQD_STORAGE_LOG_H
#define RFQD_STORAGE_LOG_H

#include "dataplane/core/agent.h"
#include "dataplane/core/counters.h"
#include "dataplane/ring/ring.h"
#include "storage/log/disk.h"

#define LOG_SEGMENT_SIZE (64u * 1024u * 1024u)

struct log_frame {
    uint32_t magic;
    uint32_t crc;
    uint32_t size; /* with this header, a multiple of 8 */
    uint32_t pad;  /* 1: filler up to the segment's end, no batch */
    uint64_t offset;
    uint64_t first_seq;
    uint64_t incarnation;
    uint64_t stream_epoch;
    /* struct batch follows */
};

static inline const struct batch *log_frame_batch(const struct log_frame *f)
{
    return (const struct batch *)(f + 1);
}

struct log_config {
    struct disk *disk;            /* files of the log's directory */
    uint8_t instance[16];
    uint64_t segment_size;        /* LOG_SEGMENT_SIZE; smaller in simulation */
    uint64_t sync_interval_ns;    /* 5 ms */
    uint64_t retain_size;         /* recycle segments only beyond as many bytes behind the hold; 0: keep all */
    struct counters *counters;
};

struct log;

/* Open or make. Validates from the durable mark to the end and cuts. After it log_end() is known, and frames can be read.
 * ERR_CORRUPT: log_error() names segment, offset and what is wrong. ERR_IO. */
enum err log_open(struct log **out, const struct log_config *c) WARN_UNUSED;
void log_close(struct log *l); /* abandons what is in flight, as kill -9 would; log_flush first for a clean stop */
const char *log_error(const struct log *l);

uint64_t log_begin(const struct log *l);        /* offset of the oldest frame kept */
uint64_t log_end(const struct log *l);          /* offset after the last frame taken from a ring */
uint64_t log_written(const struct log *l);      /* readers may read up to here; any thread */
uint64_t log_durable(const struct log *l);      /* survives a power cut; any thread */
uint64_t log_next_seq(const struct log *l);
uint64_t log_stream_epoch(const struct log *l);
bool log_failed(const struct log *l);

/* After recovery has read everything: what of each ring is in the log. From then on the agent appends. */
struct log_source {
    struct ring *ring; /* NULL: no such ring */
    uint64_t merged;   /* position up to which the log holds it */
};
void log_start(struct log *l, const struct log_source sources[AGENTS_MAX], uint64_t next_seq);
struct agent log_agent(struct log *l);
/* Nothing before this offset is needed any more by storage (checkpoint and redelivery): may be recycled. */
void log_hold(struct log *l, uint64_t offset);
/* Poll until all that is committed is written and synced, or the log failed. For a clean stop; blocks. */
enum err log_flush(struct log *l) WARN_UNUSED;

/* Reading: replica, recovery, verify, publishers; each its own reader, any thread. */
struct log_reader;
/* offset: a frame's, or log_end. ERR_NOT_FOUND: recycled already. */
enum err log_reader_open(struct log_reader **out, const struct log *l, uint64_t offset) WARN_UNUSED;
void log_reader_close(struct log_reader *r);
/* The next frame before `limit` (pads are passed over), NULL if none. Valid until the next call. *e: ERR_CORRUPT, ERR_IO. */
const struct log_frame *log_reader_next(struct log_reader *r, uint64_t limit, enum err *e);
uint64_t log_reader_offset(const struct log_reader *r);

#endif

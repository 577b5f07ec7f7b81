/* Log: the record. The log agent merges the rings of all agents, causally, into one sequence of frames on
 * disk.
 *
 * A frame is one batch. Its offset is its place in the log counted in bytes from the first segment that ever
 * was; its first_seq the number of its first record: an event's `seq`. A batch is taken only when the record
 * that caused it has been taken, so that any prefix of the log is a consistent cut. Segments of
 * one size (record.log_segment_mib), written once with zeros, recycled by rename; a frame never crosses
 * segments (a pad frame fills the rest). Writes and fdatasync are never waited for; when something is
 * unsynced a sync starts at most `sync_interval_ns` after the last one started, never two at once. The CRC
 * covers instance, offset, header and bytes.
 *
 * Recovery of the tail, decided per frame:
 *
 *   frame            | below the durable mark        | at or above it
 *   -----------------+-------------------------------+-----------------------------------------------
 *   good             | take                          | take
 *   bad CRC or shape | ERR_CORRUPT, place named: stop | the log ends here: cut
 *   older incarnation| ERR_CORRUPT                   | the log ends here (left over from before a cut)
 *   number not next  | ERR_CORRUPT                   | the log ends here
 *   segment missing  | ERR_CORRUPT                   | the log ends here
 *
 * log_open looks at the segment that the durable mark lies in from its first frame, and at all after it;
 * segments before it are checked by whoever reads them (log_reader_next).
 *
 * The durable mark lives in a file of its own, two slots with CRC, written at most every LOG_MARK_INTERVAL_NS
 * and synced before the other slot is touched: a lower bound of what was synced. `incarnation` counts
 * openings, in each frame, and never decreases along the log; it is durable in the mark before the first
 * frame that carries it.
 *
 * The stream epoch grows at open when frames that a reader had seen may be gone:
 *
 *   last run ended | boot since | found                          | epoch
 *   ---------------+------------+--------------------------------+------
 *   by log_flush   | any        | all of it (less: corrupt)      | same
 *   otherwise      | the same   | all that readers were shown    | same: the page cache outlives a process
 *   otherwise      | the same   | less than that                 | + 1
 *   otherwise      | another    | any                            | + 1
 *   otherwise      | not known  | any                            | + 1
 *
 * No space (a segment cannot be made, or a write finds none): the log stalls (log_stalled), keeps what it
 * has, tries again every LOG_RETRY_NS and goes on by itself; nothing is lost, since a ring is given up only
 * where it was written. Any other failed write, and any failed sync, is never retried: the log fails for good
 * (log_failed), acceptance stops. A disk that does not answer stops the merging when the buffers are full;
 * then the rings fill, and ring_room says so.
 *
 * A log that is refused as corrupt stays as it is; repair.h has the ways to go on, `rfqd --repair` takes them.
 *
 * Segments wholly below min(log_hold, end − retain_size) become the next segments, by rename; surplus ones
 * are removed.
 *
 * Counters: rfqd_log_{frames,bytes,writes,syncs,merge_waits,recycled,removed,stalls}_total,
 * rfqd_log_{segments,stalled, failed,unsynced_bytes}, and rfqd_log_lag_bytes{agent="n"}: committed in that
 * ring and not yet written.
 */
#ifndef RFQD_STORAGE_LOG_H
#define RFQD_STORAGE_LOG_H

#include "dataplane/core/agent.h"
#include "dataplane/core/counters.h"
#include "dataplane/core/histogram.h"
#include "dataplane/ring/ring.h"
#include "storage/log/disk.h"

#define LOG_SEGMENT_SIZE_MIN (1024u * 1024u) /* a multiple of 4096; simulation and tests */
#define LOG_SYNC_INTERVAL_NS 5000000ull
#define LOG_MARK_INTERVAL_NS 100000000ull
#define LOG_RETRY_NS         100000000ull /* after no space */
#define LOG_FIRST_SEQ        1ull         /* of the first record of an instance */

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
    struct disk *disk; /* files of the log's directory; the caller's, outlives the log */
    uint8_t instance[16];
    uint8_t boot[16];          /* ring_identity_boot; all zero: not known (see the stream epoch) */
    uint64_t segment_size;     /* record.log_segment_mib; the same for the life of a log */
    uint64_t sync_interval_ns; /* LOG_SYNC_INTERVAL_NS; 0: one sync after the other */
    uint64_t retain_size;      /* recycle segments only beyond as many bytes behind the end; 0: keep all */
    struct counters *counters; /* NULL: private ones */
};

struct log;

/* Open or make; blocks. Validates, cuts, and syncs what it took. After it log_end() is known, all up to it is
 * durable, and frames can be read. Where it fails, *out is a log that only log_error and log_close may be
 * called with, or NULL (no memory). ERR_CORRUPT: log_error() names segment, offset and what is wrong.
 * ERR_STALE: a log of another instance. ERR_STATE: made with another segment size. ERR_RANGE: segment_size.
 * ERR_VERSION. ERR_IO. ERR_MEMORY. */
enum err log_open(struct log **out, const struct log_config *c) WARN_UNUSED;
/* Abandons what is in flight, as kill -9 would; log_flush first for a clean stop. Waits until the kernel has
 * let go of the buffers, so it blocks as long as the disk does; a process that must end beside a hung disk
 * ends without it. NULL is allowed. */
void log_close(struct log *l);
/* What is wrong where log_open returned an error or log_failed is true; "" otherwise. */
const char *log_error(const struct log *l);

/* Any thread. */
uint64_t log_begin(const struct log *l);    /* offset of the oldest frame kept */
uint64_t log_end(const struct log *l);      /* offset after the last frame taken from a ring */
uint64_t log_written(const struct log *l);  /* readers may read up to here */
uint64_t log_durable(const struct log *l);  /* survives a power cut */
uint64_t log_next_seq(const struct log *l); /* of the record after log_end */
uint64_t log_stream_epoch(const struct log *l);
uint64_t log_incarnation(const struct log *l);
bool log_failed(const struct log *l);
/* Why nothing is being taken from the rings for now, or NULL; static storage. */
const char *log_stalled(const struct log *l);
/* Duration of each fdatasync; one writer, read with histogram_copy. */
const struct histogram *log_sync_times(const struct log *l);

/* After recovery has read everything: what of each ring is in the log. From then on the agent appends. */
struct log_source {
    struct ring *ring; /* NULL: no such ring */
    uint64_t merged;   /* position up to which the log holds it; head ≤ merged ≤ tail */
};
/* next_seq: log_next_seq(), as recovery has counted it (asserted, unless the log is empty: then it starts
 * there). */
void log_start(struct log *l, const struct log_source sources[AGENTS_MAX], uint64_t next_seq);
struct agent log_agent(struct log *l);
/* Nothing before this offset is needed any more by storage (checkpoint and redelivery): may be recycled. Any
 * thread; never goes back. Until the first call everything is held. */
void log_hold(struct log *l, uint64_t offset);
/* Poll until all that is committed is written and synced, and say so in the mark. For a clean stop, on the
 * agent's thread or with the agent at rest; blocks as long as the disk does. ERR_IO: the log failed.
 * ERR_FULL: no space (nothing is lost: the rings keep it). ERR_STATE: a ring holds a batch whose cause will
 * not come, or log_start was not called. */
enum err log_flush(struct log *l) WARN_UNUSED;

/* Reading: replica, recovery, verify, publishers; each its own reader, any thread; closed before the log. */
struct log_reader;
/* offset: a frame's, or log_written. ERR_NOT_FOUND: recycled already. ERR_RANGE: beyond log_written.
 * ERR_MEMORY. */
enum err log_reader_open(struct log_reader **out, const struct log *l, uint64_t offset) WARN_UNUSED;
void log_reader_close(struct log_reader *r);
/* The next frame that starts before `limit` and is written (pads are passed over), NULL if none. Valid until
 * the next call. *e: OK; ERR_NOT_FOUND: recycled under a reader that was too slow; ERR_CORRUPT, ERR_IO;
 * ERR_VERSION: a record of a type or version that only a newer program knows; the reader stays before its
 * frame. log_reader_error() names the place. */
const struct log_frame *log_reader_next(struct log_reader *r, uint64_t limit, enum err *e);
/* The same in two halves, for who must not wait for the disk: another thread fetches (opens, reads, closes
 * files; errors as log_reader_next), and then what was fetched is taken until there is no more. The reader is
 * never used by both at a time. fetched: NULL: no more before `limit` (log_reader_offset is there), or
 * log_reader_fetch has to be called. */
enum err log_reader_fetch(struct log_reader *r, uint64_t limit) WARN_UNUSED;
const struct log_frame *log_reader_fetched(struct log_reader *r, uint64_t limit);
uint64_t log_reader_offset(const struct log_reader *r); /* of the next frame */
const char *log_reader_error(const struct log_reader *r);

/* Where a reader begins that wants the records from this seq on, or from this time on: at the last segment
 * that begins at or before it; frames before what is wanted come first and are the caller's to pass over.
 * Past the end: the last segment. Found by looking into segments, half of those left each time, so it reads
 * the disk as often as the count of segments has binary digits. Any thread.
 *
 * Times: of batches, each by its agent's clock. Where one ring's batches wait in front of the log, a later
 * one of another may be in front of them: who must not miss one asks for a time that much earlier.
 *
 * ERR_NOT_FOUND: that record is not kept any more, or (seq 0) there was none; *offset is the oldest frame's.
 * A time before all that is kept has no error: there, too, it is the oldest. Recycled while it looked: the
 * reader that is opened there says so. ERR_MEMORY; seq also ERR_CORRUPT, ERR_IO, ERR_VERSION: of the
 * oldest frame. */
enum err log_find_seq(const struct log *l, uint64_t seq, uint64_t *offset) WARN_UNUSED;
enum err log_find_time(const struct log *l, uint64_t utc_ns, uint64_t *offset) WARN_UNUSED;

#endif

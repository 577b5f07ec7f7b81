/* Inside of the log: open.c (start), merge.c (rings → buffers), write.c (buffers → disk, sync, mark),
 * segment.c (files), log.c (the agent and the faces), reader.c. Not a public face. Everything is the log
 * agent's but what is atomic.
 */
#ifndef RFQD_STORAGE_INSIDE_H
#define RFQD_STORAGE_INSIDE_H

#include <stdatomic.h>

#include "storage/log/cursor.h"
#include "storage/log/mark.h"

#define LOG_BUFFERS       4u
#define LOG_BUFFER_SIZE   (1024u * 1024u)
#define LOG_OPEN_SEGMENTS 8u /* written and not synced, at most: then merging waits for the disk */
#define LOG_POLL_BATCHES  512u
#define LOG_TURN_BATCHES  32u /* of one ring before the next has its turn */
#define LOG_COMPLETIONS   8u
#define LOG_GATHER_NS     100000ull     /* between two writes that are not full */
#define LOG_SILENCE_NS    1000000000ull /* no room for longer: the disk does not keep up */
#define LOG_ERROR_SIZE    256u

static_assert(LOG_BUFFER_SIZE >= LOG_FRAME_SIZE_MAX + sizeof(struct log_frame),
              "a frame and a pad fit a buffer");
static_assert(LOG_BUFFERS + 2 <= DISK_INFLIGHT_MAX, "every buffer, a sync and the mark");
static_assert((LOG_BUFFERS & (LOG_BUFFERS - 1)) == 0 && (LOG_OPEN_SEGMENTS & (LOG_OPEN_SEGMENTS - 1)) == 0,
              "masks");

/* What the log holds up to an offset. */
struct place {
    uint64_t offset;
    uint64_t next_seq;
    uint64_t incarnation;           /* of the last frame before it */
    uint64_t positions[AGENTS_MAX]; /* of each ring */
};

struct source {
    bool present;
    bool waiting; /* `next` was found to wait for its cause */
    struct ring_reader reader;
    const struct batch *next; /* read and not taken */
    counter_value *lag;
};

/* Buffers go round: free → filling → sealed (to be submitted) → in flight → done → free. Frames of one buffer
 * lie in one segment, one after the other. */
enum buffer_state { BUFFER_FREE, BUFFER_FILLING, BUFFER_SEALED, BUFFER_INFLIGHT, BUFFER_DONE };
struct buffer {
    enum buffer_state state;
    char *data;
    uint32_t size;
    int file;
    uint64_t file_offset;
    uint64_t retry_ns; /* sealed again after no space: not before */
    struct place end;  /* after its last frame */
};

/* A segment that is being written or not yet synced to its end. */
struct segment {
    uint64_t base;
    int file;
    bool complete;    /* `end` is known: the next one has begun */
    struct place end; /* of what lies in it */
};

enum mark_step { MARK_IDLE, MARK_WRITING, MARK_WRITTEN, MARK_SYNCING };
enum log_job { LOG_JOB_NONE, LOG_JOB_PREPARE, LOG_JOB_DISCARD };

struct log {
    struct log_config config;
    struct disk *disk;
    uint32_t seed;
    bool started;
    bool hurry; /* log_flush: wait for no interval */
    uint64_t now_ns, gauges_ns;
    uint64_t incarnation;

    /* merging */
    struct source sources[AGENTS_MAX];
    uint8_t order[AGENTS_MAX]; /* the sources there are */
    unsigned source_count, turn;
    struct place taken;
    uint64_t blocked_ns; /* since then there is no room for the next frame; 0: there is */

    /* writing */
    char *memory;
    struct buffer buffers[LOG_BUFFERS];
    unsigned oldest, newest; /* buffers oldest … newest-1 are in use, counted without end */
    unsigned inflight;
    uint64_t write_started_ns; /* the newest */
    struct place wrote;

    /* syncing */
    bool syncing;      /* of a segment or of the mark: one at a time */
    bool sync_at_once; /* the last one ended a segment: what follows waits for no interval */
    uint64_t sync_started_ns;
    struct place sync_target, synced;

    /* the mark */
    int mark_file;
    enum mark_step mark_step;
    bool want_clean;
    uint64_t mark_started_ns, mark_retry_ns;
    struct mark mark, mark_next; /* durable; being written */
    char *mark_page;

    /* files */
    struct segment segments[LOG_OPEN_SEGMENTS];
    unsigned segment_oldest, segment_newest; /* as buffers; the newest is written to */
    uint64_t next_base;                      /* of the segment after the newest */
    int next_file;                           /* prepared, or none */
    enum log_job job;
    bool job_recycles; /* it was given the oldest segment */
    bool no_space;     /* the last one found none */
    uint64_t job_retry_ns;

    /* for others */
    _Atomic uint64_t begin, end, written, durable, next_seq, hold, stream_epoch;
    _Atomic bool failed;
    _Atomic(const char *) stalled;
    char error[LOG_ERROR_SIZE];
    struct histogram sync_times;
    struct counters *own_counters;
    counter_value *frames, *bytes, *writes, *syncs, *merge_waits, *recycled, *removed, *stalls,
        *segment_count, *stalled_now, *failed_now, *unsynced;
};

/* token: what completed above, which one below */
enum log_token { TOKEN_BUFFER, TOKEN_SYNC, TOKEN_MARK_WRITE, TOKEN_MARK_SYNC, TOKEN_JOB };
static inline uint64_t token_make(enum log_token kind, unsigned which)
{
    return (uint64_t)kind << 32 | which;
}

static inline struct buffer *log_buffer(struct log *l, unsigned i)
{
    return &l->buffers[i & (LOG_BUFFERS - 1)];
}
static inline struct segment *log_segment(struct log *l, unsigned i)
{
    return &l->segments[i & (LOG_OPEN_SEGMENTS - 1)];
}

/* For good. The first cause is the one that is kept. */
void log_fail(struct log *l, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* merge.c: take what may be taken, a bounded amount; how many batches. */
unsigned merge_run(struct log *l);
bool merge_is_idle(struct log *l); /* the rings hold nothing that was not taken */

/* write.c */
struct buffer *write_room(struct log *l, uint32_t size); /* a filling buffer with that much room, or NULL */
void write_seal(struct log *l);                          /* the filling buffer, if there is one, is full */
void write_start(struct log *l);
void write_completed(struct log *l, unsigned which, int error);
void sync_run(struct log *l);
void sync_completed(struct log *l, int error);
void mark_run(struct log *l);
void mark_completed(struct log *l, enum log_token kind, int error);
/* The mark as of now, to be written next. */
void mark_compose(struct log *l, struct mark *m, bool clean);

/* segment.c */
bool segment_ready(const struct log *l); /* the next one is there, and not too many are unsynced */
void segment_advance(struct log *l);     /* go on in it; the present one is full to its end */
void segment_housekeep(struct log *l);
void segment_completed(struct log *l, const struct disk_completion *done);
void segment_drop_synced(struct log *l);

#endif

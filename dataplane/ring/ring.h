/* Ring: what one agent has decided, in shared memory; written by that agent, read by the log agent.
 *
 * A file (by default in /dev/shm/rfqd-<instance>/), preallocated, populated, mapped twice in a row so that a
 * batch never wraps. A batch of any size is published by one release store of the 64-bit tail, in its own
 * cache line (pairs with the reader's acquire load of it). A killed process loses nothing that was committed;
 * what was being written is past the tail and does not exist. After a power cut the file is gone or of
 * another boot (ERR_STALE): then the log alone counts, and the ring is made anew at the log's position.
 *
 * Owner: the writing agent has `struct ring`; the log agent has `struct ring_reader`. One of each.
 *
 * Writer's order:   ring_room() → ring_begin() → ring_add()… → ring_end() → (more batches) → ring_commit()
 * Reader's order:   ring_next()… → (written to the log) → ring_release() → (log synced) → ring_set_durable()
 */
#ifndef RFQD_RING_RING_H
#define RFQD_RING_RING_H

#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>

#include "dataplane/core/err.h"
#include "dataplane/core/memory.h"
#include "dataplane/ring/record.h"

#define RING_SIZE_MAX (4ull * 1024 * 1024 * 1024)

/* What makes a ring file ours: the instance it was made for and the boot it was made in. */
struct ring_identity {
    uint8_t instance[16]; /* random, made with the instance's data directory */
    uint8_t boot[16];     /* the kernel's boot id */
};
/* The kernel's boot id. ERR_IO (no /proc), ERR_SYNTAX (not a UUID). */
enum err ring_identity_boot(uint8_t out[16]) WARN_UNUSED;

/* The file's first page; the data follow it. Each line has one writer. */
struct ring_shared {
    _Alignas(64) uint64_t magic;
    uint32_t version;
    uint32_t agent;
    uint64_t size; /* of the data, bytes, a power of two */
    struct ring_identity identity;
    /* 128: the neighbouring line is fetched along with one's own. */
    _Alignas(128) _Atomic uint64_t tail; /* writer: all before it is committed */
    _Alignas(
        128) _Atomic uint64_t head; /* log agent: all before it is in the log's file and may be overwritten */
    _Alignas(128) _Atomic uint64_t durable; /* log agent: all before it survives a power cut */
};

struct ring {
    struct ring_shared *shared;
    char *data; /* size bytes, mapped twice */
    uint64_t size;
    uint64_t write;      /* end of what is written, ≥ tail; the difference is not committed yet */
    uint64_t head;       /* last seen shared->head */
    struct batch *open;  /* between ring_begin and ring_end */
    struct record *last; /* of the open batch */
    uint8_t agent;
    bool locked; /* in memory; false where the limit did not allow it */
    int fd;
    /* Simulation only, NULL otherwise: called before each commit's store (tail < write) and after it (tail =
     * write), and may not return: a crash there. */
    void (*on_commit)(void *ctx, struct ring *r);
    void *on_commit_ctx;
};

/* Make a new ring file whose position starts at `position`, replacing what is at `path`.
 * Atomically: it is built beside and renamed, so a crash leaves the old file or the new one.
 * size: a power of two, RING_SIZE_MIN to RING_SIZE_MAX. Errors: ERR_RANGE (size), ERR_IO, ERR_MEMORY (cannot
 * be populated).
 */
enum err ring_create(struct ring *r, const char *path, uint64_t size, uint8_t agent,
                     const struct ring_identity *id, uint64_t position) WARN_UNUSED;

/* Attach to an existing file, at its tail. Errors: ERR_NOT_FOUND; ERR_STALE (another instance or boot: its
 * content does not count); ERR_CORRUPT (not a ring, or size or agent differ, or what is committed and not yet
 * merged is no chain of sound batches); ERR_VERSION (of a newer layout); ERR_MEMORY; ERR_IO. */
enum err ring_open(struct ring *r, const char *path, uint8_t agent,
                   const struct ring_identity *id) WARN_UNUSED;

/* Unmap and close; the file stays. */
void ring_close(struct ring *r);

/* The hot side is inline: records are of sizes known where they are added, so zeroing one is a few stores. */

/* True if a batch of `bytes` (header included) can be begun now and `reserve` bytes stay free after it: the
 * reserve is what executions, cancels and session messages may still use. */
static inline bool ring_room(struct ring *r, uint64_t bytes, uint64_t reserve)
{
    if (r->size - (r->write - r->head) >= bytes + reserve)
        return true;
    /* Pairs with ring_release: what the reader has given back is read to the end. */
    r->head = atomic_load_explicit(&r->shared->head, memory_order_acquire);
    return r->size - (r->write - r->head) >= bytes + reserve;
}

/* Begin a batch. Its header is zeroed but for agent, position and time_ns; the caller sets cause_*, origin_*.
 * Room must have been asked for. */
static inline struct batch *ring_begin(struct ring *r, uint64_t now_ns)
{
    assert(!r->open);
    assert(r->size - (r->write - r->head) >= sizeof(struct batch));
    struct batch *b = (struct batch *)(r->data + (r->write & (r->size - 1)));
    memset(b, 0, sizeof *b);
    b->size = sizeof *b;
    b->agent = r->agent;
    b->position = r->write;
    b->time_ns = now_ns;
    r->open = b;
    r->last = NULL;
    return b;
}

/* The same as ring_add without zeroing the body, for bytes that are copied in whole. What rounding adds is
 * zeroed. */
static inline struct record *ring_add_raw(struct ring *r, uint16_t type, uint8_t version, uint32_t size)
{
    struct batch *b = r->open;
    assert(b && b->count < BATCH_RECORDS_MAX);
    assert(size >= sizeof(struct record) && size <= RECORD_SIZE_MAX);
    uint32_t aligned = RECORD_ALIGN(size), end = b->size + aligned;
    assert(end <= BATCH_SIZE_MAX && end <= r->size - (r->write - r->head));
    struct record *rec = (struct record *)((char *)b + b->size);
    memset((char *)rec + aligned - 8, 0, 8);
    rec->size = aligned;
    rec->type = type;
    rec->version = version;
    rec->flags = 0;
    rec->dest = AGENT_NONE;
    rec->lane = 0;
    rec->reserved = 0;
    rec->session = SESSION_NONE;
    rec->time_ns = b->time_ns;
    b->size = end;
    b->count++;
    r->last = rec;
    return rec;
}

/* Append a record of RECORD_ALIGN(size) bytes (header included) to the open batch: header set (size, type,
 * version, session SESSION_NONE, time_ns of the batch), body zeroed. Versions are the model's: its record_add
 * knows them. */
static inline struct record *ring_add(struct ring *r, uint16_t type, uint8_t version, uint32_t size)
{
    struct record *rec = ring_add_raw(r, type, version, size);
    memset(rec + 1, 0, RECORD_ALIGN(size) - sizeof *rec);
    return rec;
}

/* Shrink the record added last to `size` bytes (it was reserved at its largest). What rounding adds is
 * zeroed. */
static inline void ring_trim(struct ring *r, struct record *last, uint32_t size)
{
    assert(r->open && last == r->last);
    assert(size >= sizeof *last && size <= last->size);
    uint32_t aligned = RECORD_ALIGN(size);
    memset((char *)last + size, 0, aligned - size);
    r->open->size -= last->size - aligned;
    last->size = aligned;
}

/* Close the open batch: it has at least one record. Returns its end position. Not visible yet. */
static inline uint64_t ring_end(struct ring *r)
{
    assert(r->open && r->open->count > 0);
    r->write += r->open->size;
    r->open = NULL;
    return r->write;
}

/* Forget the open batch as though it had not been begun. */
static inline void ring_abandon(struct ring *r)
{
    assert(r->open);
    r->open = NULL;
}

/* Publish all ended batches by one release store. Nothing ended since the last commit: nothing happens. */
static inline void ring_commit(struct ring *r)
{
    assert(!r->open);
    if (atomic_load_explicit(&r->shared->tail, memory_order_relaxed) == r->write)
        return;
    if (__builtin_expect(r->on_commit != NULL, 0))
        r->on_commit(r->on_commit_ctx, r);
    /* Pairs with the reader's acquire in ring_next, and, through the kernel, with whoever opens the file
     * after us. */
    atomic_store_explicit(&r->shared->tail, r->write, memory_order_release);
    if (__builtin_expect(r->on_commit != NULL, 0))
        r->on_commit(r->on_commit_ctx, r);
}

/* Ask for the memory that the next `bytes` (at most RING_SIZE_MIN) will be written to: the ring is larger
 * than the caches. For when nothing waits. */
static inline void ring_ask_ahead(const struct ring *r, uint64_t bytes)
{
    memory_ask(r->data + (r->write & (r->size - 1)), bytes);
}

/* Committed: what the reader may see. */
static inline uint64_t ring_tail(const struct ring *r)
{
    return atomic_load_explicit(&r->shared->tail, memory_order_acquire);
}
/* Committed and not yet in the log, which is what a writer cannot use; any thread, for metrics. */
static inline uint64_t ring_used(const struct ring *r)
{
    uint64_t head = atomic_load_explicit(&r->shared->head, memory_order_acquire);
    return ring_tail(r) - head; /* the tail was read later: never below */
}
/* What survives a power cut: for level `synced`. Pairs with ring_set_durable. */
static inline uint64_t ring_durable(const struct ring *r)
{
    return atomic_load_explicit(&r->shared->durable, memory_order_acquire);
}

struct ring_reader {
    struct ring_shared *shared;
    const char *data;
    uint64_t size;
    uint64_t next; /* position of the next batch to read */
    uint64_t tail; /* last seen shared->tail */
    uint8_t agent;
};

/* Read from the same mapping, starting at `position` (head ≤ position ≤ tail). */
void ring_reader_init(struct ring_reader *rd, const struct ring *r, uint64_t position);
/* The next committed batch, or NULL. Stays valid until ring_release passes it. */
const struct batch *ring_next(struct ring_reader *rd);
/* All before `position` may be overwritten. */
void ring_release(struct ring_reader *rd, uint64_t position);
/* All before `position` survives a power cut. */
void ring_set_durable(struct ring_reader *rd, uint64_t position);

#endif

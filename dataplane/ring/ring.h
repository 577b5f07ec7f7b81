/* Ring: what one agent has decided, in shared memory; written by that agent, read by the log agent.
 *
 * A file (by default in /dev/shm/rfqd-<instance>/), preallocated, populated, mapped twice in a row so that a batch
 * never wraps. A batch of any size is published by one release store of the 64-bit tail, in its own cache line
 * (pairs with the reader's acquire load of it). A killed process loses nothing that was committed; what was being
 * written is past the tail and does not exist. After a power cut the file is gone or of another boot
 * (ERR_STALE): then the log alone counts, and the ring is made anew at the log's position.
 *
 * Owner: the writing agent has `struct ring`; the log agent has `struct ring_reader`. One of each.
 *
 * Writer's order:   ring_room() → ring_begin() → ring_add()… → ring_end() → (more batches) → ring_commit()
 * Reader's order:   ring_next()… → (written to the log) → ring_release() → (log synced) → ring_set_durable()
 */
#ifndef RFQD_RING_RING_H
#define RFQD_RING_RING_H

#include <stdbool.h>

#include "dataplane/core/err.h"
#include "dataplane/ring/record.h"

/* What makes a ring file ours: the instance it was made for and the boot it was made in. */
struct ring_identity {
    uint8_t instance[16]; /* random, made with the instance's data directory */
    uint8_t boot[16];     /* the kernel's boot id */
};

/* The file's first page; the data follow it. Each line has one writer. */
struct ring_shared {
    _Alignas(64) uint64_t magic;
    uint32_t version;
    uint32_t agent;
    uint64_t size; /* of the data, bytes, a power of two */
    struct ring_identity identity;
    _Alignas(64) _Atomic uint64_t tail;    /* writer: all before it is committed */
    _Alignas(64) _Atomic uint64_t head;    /* log agent: all before it is in the log's file and may be overwritten */
    _Alignas(64) _Atomic uint64_t durable; /* log agent: all before it survives a power cut */
};

struct ring {
    struct ring_shared *shared;
    char *data;       /* size bytes, mapped twice */
    uint64_t size;
    uint64_t write;   /* end of what is written, ≥ tail; the difference is not committed yet */
    uint64_t head;    /* last seen shared->head */
    struct batch *open; /* between ring_begin and ring_end */
    uint8_t agent;
    int fd;
    /* Simulation only, NULL otherwise: called after each commit's store, and may not return. */
    void (*on_commit)(void *ctx, struct ring *r);
    void *on_commit_ctx;
};

/* Make a new ring file whose position starts at `position`, replacing what is at `path`.
 * size: a power of two ≥ RING_SIZE_MIN. Errors: ERR_RANGE (size), ERR_IO, ERR_MEMORY (cannot be populated). */
enum err ring_create(struct ring *r, const char *path, uint64_t size, uint8_t agent,
                     const struct ring_identity *id, uint64_t position) WARN_UNUSED;

/* Attach to an existing file, at its tail. Errors: ERR_NOT_FOUND; ERR_STALE (another instance or boot: its
 * content does not count); ERR_CORRUPT (not a ring, or size or agent differ); ERR_IO. */
enum err ring_open(struct ring *r, const char *path, uint8_t agent, const struct ring_identity *id) WARN_UNUSED;

/* Unmap and close; the file stays. */
void ring_close(struct ring *r);

/* True if a batch of `bytes` (header included) can be begun now and `reserve` bytes stay free after it: the reserve
 * is what executions, cancels, kills and session messages may still use. */
bool ring_room(struct ring *r, uint64_t bytes, uint64_t reserve);

/* Begin a batch. Its header is zeroed but for agent, position and time_ns; the caller sets cause_*, origin_*.
 * Room must have been asked for. */
struct batch *ring_begin(struct ring *r, uint64_t now_ns);

/* Append a record of RECORD_ALIGN(size) bytes (header included) to the open batch: header set (size, type, version 1,
 * session SESSION_NONE, time_ns of the batch), body zeroed. */
struct record *ring_add(struct ring *r, uint16_t type, uint32_t size);

/* The same without zeroing the body, for bytes that are copied in whole. */
struct record *ring_add_raw(struct ring *r, uint16_t type, uint32_t size);

/* Shrink the record added last to `size` bytes (it was reserved at its largest). */
void ring_trim(struct ring *r, struct record *last, uint32_t size);

/* Close the open batch: it has at least one record. Returns its end position. Not visible yet. */
uint64_t ring_end(struct ring *r);

/* Forget the open batch as though it had not been begun. */
void ring_abandon(struct ring *r);

/* Publish all ended batches by one release store. */
void ring_commit(struct ring *r);

/* Committed, not yet merged into the log: position of tail and durable, for back-pressure and level `synced`. */
uint64_t ring_tail(const struct ring *r);
uint64_t ring_durable(const struct ring *r);

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

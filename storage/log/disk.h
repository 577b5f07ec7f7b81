/* Disk: the files of one directory, as the log needs them. Two implementations: `uring` (io_uring, page
 * cache, no O_DIRECT) and `sim` (disk_sim.h: in memory; pages that were not synced may be lost, writes may
 * hang, fail or find no space).
 *
 * write, sync, prepare and discard are asynchronous: started in order, completed in any order through poll
 * with the caller's token; they, poll, wait and abandon belong to one agent, the log's. What write was given
 * stays untouched until its completion. The others are synchronous; open, close, size and read may be called
 * on any thread, while rename, remove, sync_directory and list are for the start and for tools.
 *
 * A completion of a write means: a reader sees it, and it survives the death of the process. Of a sync: all
 * writes to that file that had completed when the sync was started survive a power cut. The ring of an agent
 * in shared memory may be given up only on the former, level `synced` waits for the latter.
 */
#ifndef RFQD_STORAGE_DISK_H
#define RFQD_STORAGE_DISK_H

#include <stddef.h>
#include <stdint.h>

#include "dataplane/core/err.h"

#define DISK_NAME_SIZE    40
#define DISK_FILE_NONE    (-1)
#define DISK_INFLIGHT_MAX 16 /* writes and syncs together */

struct disk_completion {
    uint64_t token;
    int error; /* 0 or errno */
    int file;  /* of a prepare that succeeded: open; the receiver closes it */
};

struct disk;

struct disk_ops {
    /* size 0: must exist (ERR_NOT_FOUND); else made with zeros of that size where it does not exist.
     * ERR_FULL: no space. */
    enum err (*open)(struct disk *d, const char *name, uint64_t size, int *file);
    void (*close)(struct disk *d, int file);
    enum err (*size)(struct disk *d, int file, uint64_t *size);
    /* All of it, or ERR_IO; past the file's end: ERR_RANGE. */
    enum err (*read)(struct disk *d, int file, uint64_t offset, void *to, size_t size);
    /* ERR_FULL: DISK_INFLIGHT_MAX under way; again after a completion. Short writes are completed inside. */
    enum err (*write)(struct disk *d, int file, uint64_t offset, const void *from, size_t size,
                      uint64_t token);
    enum err (*sync)(struct disk *d, int file, uint64_t token);
    /* Have a file `name` of `size` bytes, allocated, and open: `from` (may be NULL) renamed, else one that
     * exists with that size, else a new one with zeros; name and size survive a power cut when it completes.
     * Off the caller's thread; one prepare or discard at a time (ERR_FULL). */
    enum err (*prepare)(struct disk *d, const char *from, const char *name, uint64_t size, uint64_t token);
    enum err (*discard)(struct disk *d, const char *name, uint64_t token);
    unsigned (*poll)(struct disk *d, struct disk_completion *done, unsigned max);
    /* Block until a poll may have something, or a millisecond has passed. In the simulation: made-up time
     * jumps there. */
    void (*wait)(struct disk *d);
    /* Nothing that was under way will complete any more or read its caller's memory; what of it was done is
     * open. */
    void (*abandon)(struct disk *d);
    enum err (*rename)(struct disk *d, const char *from, const char *to);
    enum err (*remove)(struct disk *d, const char *name);
    enum err (*sync_directory)(struct disk *d);
    /* names of the directory's files, sorted, as they were at the call with i = 0; until ERR_NOT_FOUND */
    enum err (*list)(struct disk *d, unsigned i, char name[DISK_NAME_SIZE]);
    void (*destroy)(struct disk *d);
};

struct disk {
    const struct disk_ops *ops;
};

/* ERR_IO: the directory or io_uring is not there (errno). ERR_STATE: another process has this directory open.
 * The directory is made where it is missing (its parent exists). */
enum err disk_uring_create(struct disk **out, const char *directory) WARN_UNUSED;

#endif

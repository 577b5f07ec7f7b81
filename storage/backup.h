/* Backup: a consistent copy of store and log beside a running process; what comes up from it is as after a
 * power cut at the moment it was taken. Any thread; blocks as long as the copying takes.
 *
 *   DIR/store    LMDB, compacted (store_ops.copy): the state at log offset P
 *   DIR/log      the log's mark, then its segments: everything from before P on
 *   DIR/instance the instance's id
 *
 * Why it is consistent: the log is held from before the store is copied until the end (hold), so nothing from
 * P on is recycled meanwhile. P was durable before it was committed, and segments are copied after it, so the
 * log reaches P. The mark is copied before the segments, so they hold all that it vouches for; what they hold
 * beyond is cut where it is not whole, as after any crash.
 *
 * To go back: stop, put the three into the data directory's place, remove the shared memory of the instance,
 * start. Verify first (rfqctl verify) that the copy is whole.
 */
#ifndef RFQD_STORAGE_BACKUP_H
#define RFQD_STORAGE_BACKUP_H

#include "storage/log/log.h"
#include "storage/store.h"

struct backup_input {
    struct store *store;
    const char *log_directory;
    const char *instance_file; /* NULL: none */
    const char *directory;     /* made; must not be there, or be empty */
    /* The log is (true) or need not be (false) held where it is: replica_hold_log. */
    void (*hold)(void *ctx, bool held);
    void *hold_ctx;
};

struct backup_report {
    uint64_t store_size, log_size; /* bytes copied */
    unsigned segments;
};

/* ERR_EXISTS: the directory is not empty. ERR_FULL: no space. ERR_IO, ERR_RANGE (a path is too long). What
 * was copied before an error is left there. store_error() has the sentence. */
enum err backup_run(const struct backup_input *in, struct backup_report *report) WARN_UNUSED;

#endif

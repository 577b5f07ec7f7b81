/* Disk: the files of one directory, as the log needs them. Two implementations: `uring` (io_uring, O_DIRECT not used) and `sim`
 * (tests: in memory, pages that were not synced may be lost, writes may hang, fail or find no space).
 *
 * write and sync are asynchronous: started in order, completed through poll with the caller's token. read, size, create,
 * rename and remove are synchronous and used at start, by readers (page cache) and by the housekeeping that recycles.
 */
#ifndef RFQD_STORAGE_DISK_H
#define RFQD_STORAGE_DISK_H

#include <stddef.h>
#include <stdint.h>

#include "dataplane/core/err.h"

#define DISK_NAME_SIZE 40
#define DISK_FILE_NONE (-1)

struct disk_completion {
    uint64_t token;
    int error; /* 0 or errno */
};

struct disk;

struct disk_ops {
    /* size 0: must exist; else made with zeros of that size where it does not exist. */
    enum err (*open)(struct disk *d, const char *name, uint64_t size, int *file);
    void (*close)(struct disk *d, int file);
    enum err (*size)(struct disk *d, int file, uint64_t *size);
    enum err (*read)(struct disk *d, int file, uint64_t offset, void *to, size_t size);
    enum err (*write)(struct disk *d, int file, uint64_t offset, const void *from, size_t size, uint64_t token);
    enum err (*sync)(struct disk *d, int file, uint64_t token);
    unsigned (*poll)(struct disk *d, struct disk_completion *done, unsigned max);
    enum err (*rename)(struct disk *d, const char *from, const char *to);
    enum err (*remove)(struct disk *d, const char *name);
    enum err (*sync_directory)(struct disk *d);
    /* names of the directory's files: i from 0 until ERR_NOT_FOUND */
    enum err (*list)(struct disk *d, unsigned i, char name[DISK_NAME_SIZE]);
    void (*destroy)(struct disk *d);
};

struct disk {
    const struct disk_ops *ops;
};

/* ERR_IO: the directory or io_uring is not there. The directory is made where it is missing. */
enum err disk_uring_create(struct disk **out, const char *directory) WARN_UNUSED;

#endif

/* Mark: the log's lower bound of itself, in the file `mark` of two slots. A slot is written only when the
 * other one is durable, so a power cut can take the newer one at most; the valid slot of the higher
 * generation counts.
 */
#ifndef RFQD_STORAGE_MARK_H
#define RFQD_STORAGE_MARK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "storage/log/disk.h"

#define MARK_FILE_NAME "mark"
#define MARK_SLOT_SIZE 4096u
#define MARK_FILE_SIZE (2u * MARK_SLOT_SIZE)
#define MARK_MAGIC     0x4b52414d4c514652ull /* "RFQLMARK" */
#define MARK_VERSION   1u

struct mark {
    uint64_t magic;
    uint32_t version;
    uint32_t crc; /* of the whole with this as 0 */
    uint64_t generation;
    uint8_t instance[16];
    uint8_t boot[16];
    uint64_t segment_size;
    uint64_t incarnation; /* of the opening that wrote it: no frame of a later one exists */
    uint64_t stream_epoch;
    uint64_t durable;          /* a frame's start or the log's end; all before it was synced */
    uint64_t written;          /* readers may have seen frames up to here */
    uint64_t next_seq;         /* of the frame at durable */
    uint64_t last_incarnation; /* of the frame before durable */
    uint64_t clean; /* 1: nothing was there beyond durable when it was written, nor was added since */
};

void mark_seal(struct mark *m);
/* OK, ERR_CORRUPT, ERR_VERSION. */
enum err mark_check(const struct mark *m) WARN_UNUSED;
/* Which slot a mark lies in. */
static inline uint64_t mark_slot_offset(const struct mark *m)
{
    return m->generation % 2 * MARK_SLOT_SIZE;
}
/* The mark that counts. ERR_NOT_FOUND: both slots are zeros (just made). ERR_CORRUPT: none is valid.
 * ERR_VERSION, ERR_IO. */
enum err mark_read(struct disk *d, int file, struct mark *out) WARN_UNUSED;

#endif

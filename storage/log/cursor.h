/* Cursor: walks the frames of a directory of segments, checking each. The reader and the opening of the log
 * are made of it. Owner: whoever made it; one thread.
 *
 * It reads no byte at or past the `bound` it is given, since those may be written at this moment.
 */
#ifndef RFQD_STORAGE_CURSOR_H
#define RFQD_STORAGE_CURSOR_H

#include "storage/log/frame.h"

#define CURSOR_BUFFER_SIZE (1024u * 1024u)
static_assert(CURSOR_BUFFER_SIZE >= LOG_FRAME_SIZE_MAX, "a frame is read whole");

struct cursor {
    struct disk *disk;
    uint64_t segment_size;
    uint32_t seed;
    uint64_t offset;      /* of the next frame */
    uint64_t next_seq;    /* it must begin with this number; 0: any */
    uint64_t incarnation; /* it must not be older */
    enum frame_fault fault;
    uint64_t base; /* of the segment that is open */
    int file;
    char *buffer;
    uint64_t from, to; /* log offsets whose bytes are in the buffer; within one segment */
};

/* Where the segment with a log offset begins, and its file's name. */
static inline uint64_t segment_base(uint64_t offset, uint64_t segment_size)
{
    return offset - offset % segment_size;
}
void segment_name(uint64_t base, char name[DISK_NAME_SIZE]);
/* The base; false: not a segment's name. */
bool segment_name_parse(const char *name, uint64_t *base);

/* ERR_MEMORY. */
enum err cursor_init(struct cursor *c, struct disk *disk, uint64_t segment_size, uint32_t seed,
                     uint64_t offset) WARN_UNUSED;
void cursor_end(struct cursor *c);
/* The next frame, pads included, or NULL: nothing before bound (c->fault FRAME_GOOD), or c->fault says what
 * is wrong at c->offset; a further call tries again. The frame is valid until the next call. */
const struct log_frame *cursor_next(struct cursor *c, uint64_t bound);
/* The same in two steps: the frame, which is the next one until it is taken. */
const struct log_frame *cursor_look(struct cursor *c, uint64_t bound);
void cursor_take(struct cursor *c, const struct log_frame *f);
/* The next frame where the buffer has it whole, and it is good; else NULL: cursor_look has to read, or says
 * what is wrong. Touches no file. */
const struct log_frame *cursor_at_hand(struct cursor *c);
/* «segment …, offset … (byte … of the file): what is wrong» */
void cursor_fault_print(const struct cursor *c, char *text, size_t size);

#endif

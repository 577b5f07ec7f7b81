/* Frame: what makes the bytes at an offset a frame of this log. Pure. */
#ifndef RFQD_STORAGE_FRAME_H
#define RFQD_STORAGE_FRAME_H

#include "storage/log/log.h"

#define LOG_FRAME_MAGIC    0x4d415246u /* "FRAM" */
#define LOG_FRAME_SIZE_MAX (sizeof(struct log_frame) + BATCH_SIZE_MAX)

static_assert(sizeof(struct log_frame) == 48, "no padding");
static_assert(LOG_SEGMENT_SIZE_MIN >= LOG_FRAME_SIZE_MAX + sizeof(struct log_frame),
              "a segment holds any frame");

#define FRAME_FAULT_LIST(X)                                                                     \
    X(FRAME_GOOD, "good")                                                                       \
    X(FRAME_MAGIC, "no frame begins here")                                                      \
    X(FRAME_OFFSET, "a frame of another place in the log")                                      \
    X(FRAME_SIZE, "the frame's size is impossible")                                             \
    X(FRAME_CRC, "the frame's checksum does not match its bytes, or it is of another instance") \
    X(FRAME_BATCH, "the frame's batch is not sound")                                            \
    X(FRAME_OLD, "the frame is of an older incarnation than the one before it")                 \
    X(FRAME_NUMBER, "the frame's first record does not have the next number")                   \
    X(FRAME_MISSING, "the segment's file is missing")                                           \
    X(FRAME_SHORT, "the segment's file is too short")                                           \
    X(FRAME_IO, "the segment's file cannot be read")
enum frame_fault {
#define X(name, text) name,
    FRAME_FAULT_LIST(X)
#undef X
};

const char *frame_fault_text(enum frame_fault f);

/* What the CRC starts from, so that frames of another instance never count. */
uint32_t frame_seed(const uint8_t instance[16]);
/* All fields but magic and crc are set, and the batch follows (no pad). */
void frame_seal(struct log_frame *f, uint32_t seed);
/* A frame of `size` may lie where `rest` bytes are left in the segment: what stays holds a pad's header, or
 * is nothing. */
static inline bool frame_fits(uint64_t rest, uint64_t size)
{
    return size == rest || size + sizeof(struct log_frame) <= rest;
}
/* The header alone (48 bytes); rest: bytes from `offset` to the segment's end. Afterwards f->size can be
 * trusted. */
enum frame_fault frame_check_header(const struct log_frame *f, uint64_t offset, uint64_t rest);
/* The whole frame, after its header was found good. */
enum frame_fault frame_check(const struct log_frame *f, uint32_t seed);
/* Bytes that are stored of it: a pad is its header only. */
static inline uint32_t frame_stored_size(const struct log_frame *f)
{
    return f->pad ? (uint32_t)sizeof *f : f->size;
}

#endif

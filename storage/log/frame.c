#include "storage/log/frame.h"

#include <stddef.h>

#include "dataplane/core/crc32c.h"

const char *frame_fault_text(enum frame_fault f)
{
    static const char *const texts[] = {
#define X(name, text) text,
        FRAME_FAULT_LIST(X)
#undef X
    };
    return texts[f];
}

uint32_t frame_seed(const uint8_t instance[16])
{
    return crc32c(0, instance, 16);
}

static uint32_t frame_crc(const struct log_frame *f, uint32_t seed)
{
    const char *from = (const char *)&f->size;
    return crc32c(seed, from, frame_stored_size(f) - offsetof(struct log_frame, size));
}

void frame_seal(struct log_frame *f, uint32_t seed)
{
    f->magic = LOG_FRAME_MAGIC;
    f->crc = frame_crc(f, seed);
}

enum frame_fault frame_check_header(const struct log_frame *f, uint64_t offset, uint64_t rest)
{
    if (f->magic != LOG_FRAME_MAGIC)
        return FRAME_MAGIC;
    if (f->offset != offset)
        return FRAME_OFFSET;
    if (f->size % 8 || f->pad > 1)
        return FRAME_SIZE;
    if (f->pad)
        return f->size == rest && rest >= sizeof *f ? FRAME_GOOD : FRAME_SIZE;
    if (f->size < sizeof *f + sizeof(struct batch) + sizeof(struct record) || f->size > LOG_FRAME_SIZE_MAX)
        return FRAME_SIZE;
    return frame_fits(rest, f->size) ? FRAME_GOOD : FRAME_SIZE;
}

enum frame_fault frame_check(const struct log_frame *f, uint32_t seed)
{
    if (f->crc != frame_crc(f, seed))
        return FRAME_CRC;
    if (f->pad)
        return FRAME_GOOD;
    const struct batch *b = log_frame_batch(f);
    size_t size = f->size - sizeof *f;
    return b->size == size && batch_is_sound(b, size) ? FRAME_GOOD : FRAME_BATCH;
}
